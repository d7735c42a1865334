"""Roles at units: proposed by the system administrator, confirmed by county staff or a county leader."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts.reauth import require_recent_password
from accounts.roles import KINDS_OF_UNIT, Role
from branches.account_admin import ReasonForm
from branches.act_pages import Act, ActPagesMixin
from branches.forms import DayField, day_widget
from branches.models import Membership
from branches.scoped_admin import ScopedForm
from branches.services.memberships import (
    MembershipState,
    check_proposal,
    confirm_membership,
    decline_membership,
    end_membership,
    propose_membership,
    state_of,
)


class EndForm(ReasonForm):
    last_day = DayField(label=_("last day"), help_text=_("Yesterday takes the role away at once."))

    field_order = ("last_day", "reason")


class ProposalForm(ScopedForm):
    class Meta:
        model = Membership
        fields = ("user", "role", "unit", "subjects", "valid_from", "valid_to")

    proposer: Any = None
    FIELD_OF: ClassVar[dict[str, str]] = {
        "oneself": "user",
        "disabled": "user",
        "separated": "role",
        "held": "role",
        "kind_of_unit": "unit",
        "subjects": "subjects",
        "no_subjects": "subjects",
        "past": "valid_from",
        "dates": "valid_to",
        "no_end": "valid_to",
    }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            try:
                check_proposal(
                    values["user"],
                    Role(values["role"]),
                    values["unit"],
                    valid_from=values["valid_from"],
                    valid_to=values["valid_to"],
                    by=self.proposer,
                    now=timezone.now(),
                    subjects=values["subjects"],
                )
            except ValidationError as error:
                self.add_error(self.FIELD_OF[str(error.code)], error)
        return values


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return MembershipState.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> QuerySet[Membership]:
        today = timezone.localdate()
        is_open = Q(confirmed_by__isnull=True)
        never = Q(valid_to__lt=F("valid_from"))
        conditions = {
            MembershipState.PROPOSED: is_open & ~never,
            MembershipState.DECLINED: is_open & never,
            MembershipState.OVER: ~is_open & Q(valid_to__lt=today),
            MembershipState.COMING: ~is_open & Q(valid_from__gt=today),
            MembershipState.IN_EFFECT: ~is_open & Q(valid_from__lte=today),
        }
        value = self.value()
        if value not in MembershipState.values:
            return queryset
        rows = queryset.filter(conditions[MembershipState(value)])
        return rows if value == MembershipState.OVER else rows.exclude(~is_open & Q(valid_to__lt=today))


def _confirm(request: HttpRequest, membership: Membership, values: dict[str, Any]) -> Promise:
    confirm_membership(membership, by=request.user, now=timezone.now())
    return _("The role is confirmed. It holds from its first day on.")


def _decline(request: HttpRequest, membership: Membership, values: dict[str, Any]) -> Promise:
    decline_membership(membership, by=request.user, reason=values["reason"])
    return _("The proposal is declined.")


def _end(request: HttpRequest, membership: Membership, values: dict[str, Any]) -> Promise:
    end_membership(
        membership, last_day=values["last_day"], by=request.user, reason=values["reason"], now=timezone.now()
    )
    return _("The last day of the role is set.")


def _is(*states: MembershipState) -> Any:
    return lambda membership: state_of(membership, timezone.localdate()) in states


@admin.register(Membership)
class MembershipAdmin(ActPagesMixin):
    form = ProposalForm
    list_display = ("user", "role", "unit", "valid_from", "valid_to", "state", "proposer", "confirmer")
    empty_value_display = "—"
    list_filter = (StateFilter, "role")
    list_select_related = ("user", "unit", "proposed_by", "confirmed_by")
    search_fields = ("user__username__startswith", "user__name__startswith", "unit__name__startswith")
    autocomplete_fields = ("user", "unit")
    formfield_overrides = {models.DateField: {"widget": day_widget()}}
    fields = ("user", "role", "unit", "subjects", "valid_from", "valid_to")
    actions = ("confirm_selected",)
    is_audited_by_service = True
    acts = (
        Act(
            name="confirm",
            label=pgettext_lazy("role", "Confirm"),
            explanation=_(
                "You vouch that this person has this task. The role then holds, and the person logs in anew."
            ),
            permission="confirm",
            run=_confirm,
            is_offered=_is(MembershipState.PROPOSED),
            needs_password=True,
        ),
        Act(
            name="decline",
            label=_("Decline"),
            explanation=_("The proposal never holds. The administrator may make another."),
            permission="confirm",
            run=_decline,
            form=ReasonForm,
            is_offered=_is(MembershipState.PROPOSED),
            is_danger=True,
        ),
        Act(
            name="end",
            label=_("End the role"),
            explanation=_("After its last day the person has no more of what this role allowed."),
            permission="change",
            run=_end,
            form=EndForm,
            is_offered=_is(MembershipState.IN_EFFECT, MembershipState.COMING),
            is_danger=True,
        ),
    )

    @admin.display(description=_("state"))
    def state(self, membership: Membership) -> str:
        return str(state_of(membership, timezone.localdate()).label)

    @admin.display(description=_("proposed by"))
    def proposer(self, membership: Membership) -> str:
        return str(membership.proposed_by or "—")

    @admin.display(description=_("confirmed by"))
    def confirmer(self, membership: Membership) -> str:
        return str(membership.confirmed_by or "—")

    @admin.display(description=_("confirmed at"))
    def confirmed_on(self, membership: Membership) -> Any:
        return membership.confirmed_at

    def told(self, row: Membership) -> str:
        return f"{row.user}　{row}"

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Without the pencil and the plus beside a choice: accounts and units are kept on their own pages."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            for act in ("add", "change", "view", "delete"):
                setattr(field.widget, f"can_{act}_related", False)  # type: ignore[union-attr]
        return field

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj is None:
            return self.fields
        return (*self.fields, "state", "proposer", "confirmer", "confirmed_on")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "unit", "proposed_by", "confirmed_by")

    def has_confirm_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "confirm", obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A role is not edited: it is ended, and another is proposed."""
        return False

    def get_field_queryset(self, db: str | None, db_field: models.Field[Any, Any], request: HttpRequest) -> Any:
        rows = super().get_field_queryset(db, db_field, request)
        if db_field.name == "unit":
            kinds = frozenset().union(*KINDS_OF_UNIT.values())
            rows = rows.filter(kind__in=kinds, valid_to__isnull=True)
        return rows

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"valid_from": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ScopedForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.proposer = request.user  # type: ignore[attr-defined]
        return form

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self.has_add_permission(request) and (answer := require_recent_password(request)):
            return answer
        return super().add_view(request, form_url, extra_context)

    def store(self, request: HttpRequest, obj: Any, form: ScopedForm, change: bool) -> None:
        values = form.cleaned_data
        proposal = propose_membership(
            values["user"],
            Role(values["role"]),
            values["unit"],
            valid_from=values["valid_from"],
            valid_to=values["valid_to"],
            by=request.user,
            now=timezone.now(),
            subjects=values["subjects"],
        )
        obj.pk = proposal.pk

    @admin.action(description=_("Confirm the selected roles"), permissions=["confirm"])
    def confirm_selected(self, request: HttpRequest, queryset: QuerySet[Membership]) -> HttpResponse | None:
        if answer := require_recent_password(request):
            return answer
        count = 0
        for membership in queryset.select_related("user", "unit"):
            try:
                confirm_membership(membership, by=request.user, now=timezone.now())
                count += 1
            except ValidationError as error:
                text = f"{membership.user} {membership}: {' '.join(error.messages)}"
                self.message_user(request, text, messages.WARNING)
        if count:
            text = ngettext("%(count)d role was confirmed.", "%(count)d roles were confirmed.", count)
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        return None
