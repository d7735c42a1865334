"""The admin whose seven doors past the row scope are closed, for all apps.

Rule: docs/rules/scope.md, "The admin's doors". A registered admin that is not built on
ScopedModelAdmin fails the start-up check (branches/checks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit
from branches.history import happenings
from branches.scoping import path_of, rows_for
from branches.versions import Conflict, VersionedFormMixin, claim_version, events_of, has_version

COUNT_CAP = 10_000
"""Counting more rows costs more than the page is worth."""

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


class LeftScope(Exception):
    """The saved row lies outside the writer's scope. The transaction is rolled back."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to 10 000 and no further; `is_capped` says that there are more."""

    @cached_property
    def _reached(self) -> int:
        rows = self.object_list
        return rows[: COUNT_CAP + 1].count() if isinstance(rows, QuerySet) else len(rows)

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        return min(self._reached, COUNT_CAP)

    @property
    def is_capped(self) -> bool:
        return self._reached > COUNT_CAP


class ScopedForm(VersionedFormMixin, forms.ModelForm):
    """A form of the admin. `left_scope` is set when the first attempt to save was rolled back."""

    left_scope = False

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.left_scope:
            raise forms.ValidationError(
                _("Not saved: with these values the record would lie outside your area."), code="left_scope"
            )
        return cleaned


class ScopedOptions(BaseModelAdmin):
    """What lists, forms and inlines share: rows, permissions and foreign keys all ask the scope."""

    def rows(self, request: HttpRequest, action: str = "view") -> QuerySet[Any]:
        """Rows on which the user may do `action`. Everything else here asks this."""
        return rows_for(request.user, self.model, action)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.rows(request)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def _may(self, request: HttpRequest, action: str, obj: Model | None) -> bool:
        if obj is None or obj.pk is None:
            return request.user.has_perm(f"{self.opts.app_label}.{action}_{self.opts.model_name}")
        answers = request.__dict__.setdefault("_scope_answers", {})
        key = (self.opts.label, obj.pk, action)
        if key not in answers:
            answers[key] = self.rows(request, action).filter(pk=obj.pk).exists()
        return answers[key]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "add", None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "delete", obj)

    def get_field_queryset(
        self, db: str | None, db_field: models.Field[Any, Any], request: HttpRequest
    ) -> QuerySet[Any]:
        """Choices of a foreign key: what is not offered is not accepted either, as the form checks against this."""
        related = db_field.remote_field.model  # type: ignore[union-attr]  # only asked for foreign keys
        try:
            related_admin = self.admin_site.get_model_admin(related)
        except NotRegistered:
            return rows_for(request.user, related)
        if isinstance(related_admin, ScopedOptions):
            return related_admin.get_queryset(request)
        return rows_for(request.user, related)


class ScopedInlineMixin(ScopedOptions):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.rows(request)


class ScopedTabularInline(ScopedInlineMixin, admin.TabularInline):
    extra = 0


class ScopedStackedInline(ScopedInlineMixin, admin.StackedInline):
    extra = 0


class ScopedModelAdmin(ScopedOptions, admin.ModelAdmin):
    """List, form, history and actions of one model, within the scope of whoever looks.

    `fields` or `fieldsets` must be declared; an action declares exactly one of
    `allowed_permissions` and receives the rows on which the user holds that right.
    `is_audited_by_service`: `save_model` calls a service that records its own event.
    """

    form = ScopedForm
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 25
    list_max_show_all = 100
    object_history_template = "branches/object_history.html"
    is_audited_by_service: ClassVar[bool] = False

    # --- lists ---------------------------------------------------------------------------

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        """A filter on a foreign key names only what the reader's own rows refer to."""
        return [self._related_only(entry) for entry in super().get_list_filter(request)]

    def _related_only(self, entry: Any) -> Any:
        if isinstance(entry, str) and get_fields_from_path(self.model, entry)[-1].is_relation:
            return (entry, admin.RelatedOnlyFieldListFilter)
        return entry

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only the parameters of declared filters; Django answers 400 to anything else."""
        if self.date_hierarchy and lookup in {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}:
            return True
        return any(lookup in self._parameters(entry) for entry in self.get_list_filter(request))

    def _parameters(self, entry: Any) -> set[str]:
        if not isinstance(entry, str | tuple | list):
            return {entry.parameter_name}
        path = entry if isinstance(entry, str) else entry[0]
        field = get_fields_from_path(self.model, path)[-1]
        if isinstance(field, models.ForeignKey):
            return {f"{path}__{field.target_field.name}__exact", f"{path}__isnull"}
        if isinstance(field, models.DateField):
            return {f"{path}__gte", f"{path}__lt", f"{path}__isnull"}
        return {f"{path}__exact", f"{path}__isnull"}

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Action, str, str]]:
        """Actions the user may do somewhere, each narrowed to the rows on which it is allowed."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return {name: (_narrowed(function), name, label) for name, (function, _name, label) in actions.items()}

    # --- saving --------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple[Any, dict[str, Any]]]:
        fieldsets: list[tuple[Any, dict[str, Any]]] = [
            (title, {**options}) for title, options in super().get_fieldsets(request, obj)
        ]
        if obj is not None and has_version(self.model) and self.has_change_permission(request, obj):
            last = fieldsets[-1][1]
            last["fields"] = [*last["fields"], "base_version"]
        return fieldsets

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        return self.fields or [*super().get_fields(request, obj)]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """As Django's. What was rolled back is shown again, with the typed values and the reason."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Conflict:
            # The stored row is newer now, so the form itself sees the conflict.
            return super().changeform_view(request, object_id, form_url, extra_context)
        except LeftScope:
            request.left_scope = True  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ScopedForm]:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.left_scope = getattr(request, "left_scope", False)
        return form

    def save_model(self, request: HttpRequest, obj: Model, form: ScopedForm, change: bool) -> None:
        if change and has_version(self.model):
            claim_version(obj, form.cleaned_data["base_version"])
        self.store(request, obj, form, change)

    def store(self, request: HttpRequest, obj: Model, form: ScopedForm, change: bool) -> None:
        """Write the row. Where a service owns the write, call it here."""
        obj.save()

    def save_related(self, request: HttpRequest, form: ScopedForm, formsets: Any, change: bool) -> None:
        """The last write of a save, so the row is looked up after it, in the same transaction."""
        super().save_related(request, form, formsets, change)
        if not self.rows(request, "change" if change else "add").filter(pk=form.instance.pk).exists():
            raise LeftScope

    def construct_change_message(
        self, request: HttpRequest, form: ScopedForm, formsets: Any, add: bool = False
    ) -> dict[str, Any]:
        """Before and after of each field, as the audit trail keeps them."""
        changes: dict[str, Any] = changes_of(form, add)
        for formset in formsets or ():
            rows = [changes_of(inline, inline.instance.pk is None) for inline in formset.forms if inline.has_changed()]
            if rows or formset.deleted_objects:
                removed = [str(row) for row in formset.deleted_objects]
                changes[formset.prefix] = {"rows": rows, "removed": removed}
        return changes

    def log_addition(self, request: HttpRequest, obj: Model, message: dict[str, Any]) -> None:
        self._record("add", request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: dict[str, Any]) -> None:
        if message:
            self._record("change", request, obj, message)

    def _record(self, verb: str, request: HttpRequest, obj: Model, changes: dict[str, Any]) -> None:
        if not self.is_audited_by_service:
            event = f"{self.opts.app_label}.{verb}_{self.opts.model_name}"
            audit.record(event, actor=request.user, target=obj, unit=path_of(obj), changes=changes)

    # --- other pages ---------------------------------------------------------------------

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Closed for everybody: it would list related rows of other areas, and business rows are archived."""
        raise PermissionDenied

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit events of a row, for whoever may see the row."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        page = CappedPaginator(events_of(obj), self.list_per_page).get_page(request.GET.get("page", 1))
        context = {
            **self.admin_site.each_context(request),
            "title": _("History: %s") % obj,
            "page": page,
            "happenings": happenings(self.model, page),
            "object": obj,
            "opts": self.opts,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return TemplateResponse(request, self.object_history_template, context)


def _narrowed(function: Action) -> Action:
    @wraps(function)
    def run(model_admin: ScopedModelAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        (permission,) = function.allowed_permissions  # type: ignore[attr-defined]
        own = queryset.filter(pk__in=model_admin.rows(request, permission).values("pk"))
        left_out = queryset.count() - own.count()
        if left_out:
            text = ngettext(
                "%(count)d selected row is not yours to act on and was left out.",
                "%(count)d selected rows are not yours to act on and were left out.",
                left_out,
            )
            model_admin.message_user(request, text % {"count": left_out}, messages.WARNING)
        return function(model_admin, request, own) if own.exists() else None

    return run


def changes_of(form: forms.BaseForm, is_new: bool) -> dict[str, list[Any]]:
    """Field name -> [before, after] of what a valid form changed, in values that JSON can hold."""
    names = [name for name in form.changed_data if name != "base_version"]
    return {name: [None if is_new else _before(form, name), plain(form.cleaned_data.get(name))] for name in names}


def _before(form: forms.BaseForm, name: str) -> Any:
    value = form.get_initial_for_field(form.fields[name], name)
    field: Any = form.fields[name]
    is_key = value is not None and not isinstance(value, Model | list | QuerySet)
    if is_key and isinstance(field, forms.ModelChoiceField):
        value = field.queryset.model._base_manager.filter(pk=value).first()  # type: ignore[union-attr]
    return plain(value)


def plain(value: Any) -> Any:
    """The value for the audit trail: rows by their text, the rest as it is."""
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, list | tuple | QuerySet):
        return [plain(item) for item in value]
    return value
