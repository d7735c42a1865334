"""Places, village classes, Party organizations and holidays in the admin, within scope."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from branches.forms import UnitForm, day_widget
from branches.models import Branch, Unit, VillageClass, WorkdayException
from branches.scoped_admin import ScopedModelAdmin
from branches.services import units


@admin.register(Unit)
class UnitAdmin(ScopedModelAdmin):
    """Name and code are edited here; new, merged and closed units have pages of their own."""

    form = UnitForm  # type: ignore[assignment]
    list_display = ("name", "kind", "division_code", "valid_from", "valid_to", "merged_into")
    list_filter = ("kind",)
    list_select_related = ("merged_into",)
    search_fields = ("name__startswith", "code__startswith")
    fields = ("kind", "name", "code", "valid_from", "valid_to", "merged_into", "reason")
    readonly_fields = ("kind", "valid_from", "valid_to", "merged_into")
    is_audited_by_service = True

    @admin.display(description=_("division code"), ordering="code")
    def division_code(self, unit: Unit) -> str | None:
        return unit.code

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_add = request.user.has_perm("branches.add_unit")
        return super().changelist_view(request, {"may_add_units": may_add, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Unit, form: UnitForm, change: bool) -> None:
        values = form.cleaned_data
        units.rename_unit(
            obj,
            values["name"],
            values["code"],
            version=values["base_version"],
            by=request.user,
            reason=values["reason"],
        )


@admin.register(VillageClass)
class VillageClassAdmin(ScopedModelAdmin):
    """The history of a village's class. A new class is set on the village's page, from a day on."""

    list_display = ("unit", "kind", "band", "valid_from", "valid_to")
    list_filter = ("kind", "band")
    list_select_related = ("unit",)
    search_fields = ("unit__name__startswith",)
    fields = readonly_fields = ("unit", "kind", "band", "valid_from", "valid_to")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Branch)
class BranchAdmin(ScopedModelAdmin):
    list_display = ("name", "unit", "kind", "is_leading", "member_count", "next_election_on")
    list_filter = ("kind", "is_leading")
    list_select_related = ("unit",)
    search_fields = ("name__startswith", "unit__name__startswith")
    autocomplete_fields = ("unit", "parent")
    fields = (
        "unit",
        "name",
        "kind",
        "is_leading",
        "parent",
        "member_count",
        "established_on",
        "next_election_on",
        "valid_to",
    )
    formfield_overrides = {models.DateField: {"widget": day_widget()}}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """An organization stays where it was founded: what it did is counted for that village."""
        return ("unit",) if obj else ()


@admin.register(WorkdayException)
class WorkdayExceptionAdmin(ScopedModelAdmin):
    list_display = ("day", "is_workday", "label", "unit")
    list_filter = ("is_workday",)
    list_select_related = ("unit",)
    date_hierarchy = "day"
    fields = ("unit", "day", "is_workday", "label")
    formfield_overrides = {models.DateField: {"widget": day_widget()}}

    def get_field_queryset(
        self, db: str | None, db_field: models.Field[Any, Any], request: HttpRequest
    ) -> QuerySet[Any]:
        return super().get_field_queryset(db, db_field, request).filter(kind=Unit.Kind.COUNTY)


# The screens of accounts and roles stand in files of their own; being imported registers them.
from branches import account_admin, audit_admin, membership_admin  # noqa: E402, F401
