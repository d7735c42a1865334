"""Forms of contracts and of what is due by them, and the conditions above their list."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.forms import DayField
from branches.models import Unit
from branches.record_forms import PlaceFilter, VillageChoice
from branches.scoping import rows_with
from branches.versions import VersionedFormMixin
from collective_economy.ledger_forms import YuanField
from collective_economy.models import Contract, Project
from collective_economy.schedule import GIVEN, NOTHING, Due

if TYPE_CHECKING:
    from accounts.models import User

RHYTHM_CHOICES = [
    ("yearly", _("once a year")),
    ("half_yearly", _("every half year")),
    ("quarterly", _("every quarter")),
    ("monthly", _("every month")),
    (GIVEN, _("on the days listed below")),
    (NOTHING, _("nothing on a fixed day")),
]
TIMINGS = [("advance", _("on the first day of each period")), ("end", _("on the last day of each period"))]


def villages_for(user: User, permission: str) -> Any:
    """Villages for which the user may enter something."""
    return rows_with(user, Unit.objects.villages().valid_on(timezone.localdate()), permission)


class ProjectNumberMixin(forms.Form):
    """A project of the village by its number; empty where none is behind it."""

    project_number = forms.CharField(
        label=_("project number"),
        max_length=40,
        required=False,
        help_text=_("If it comes from a project of the village."),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        number = (self.cleaned_data.get("project_number") or "").strip()
        village = self.cleaned_data.get("unit") or getattr(getattr(self, "instance", None), "unit", None)
        self.cleaned_data["project"] = None
        if number and village is not None:
            found = Project.objects.filter(number=number, shares__unit=village).order_by("-year").first()
            if found is None:
                words = _("The village has no project with this number.")
                self.add_error("project_number", ValidationError(words, "other_project"))
            self.cleaned_data["project"] = found
        return cleaned


class DuesField(forms.CharField):
    """A line for each day: the day and its yuan. The value is a list of `Due`."""

    widget = forms.Textarea(attrs={"rows": 5, "placeholder": "2026-06-30 12000"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return [_due_of(line) for line in text.splitlines() if line.strip()]


def _due_of(line: str) -> Due:
    parts = re.split(r"[\s　]+", line.strip(), maxsplit=1)
    words = _now("“%(line)s” is not a day and an amount. Write such as 2026-06-30 12000.") % {"line": line.strip()[:40]}
    if len(parts) < 2:
        raise ValidationError(words, "unreadable")
    try:
        day = forms.DateField().clean(parts[0])
        amount = Decimal(re.sub(r"[,，¥￥元\s]", "", parts[1]))
    except (ValidationError, InvalidOperation) as error:
        raise ValidationError(words, "unreadable") from error
    return Due(day, amount)


def lines_of(dues: list[Due]) -> str:
    """As the field reads them."""
    return "\n".join(f"{due.due_on} {due.amount:.2f}" for due in dues)


class ContractForm(ProjectNumberMixin, VersionedFormMixin, forms.ModelForm):
    """A contract with the days on which money is due. The village is chosen once and stays."""

    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    signed_on = DayField(label=_("signed on"))
    starts_on = DayField(label=_("first day of the contract"))
    ends_on = DayField(label=_("last day of the contract"))
    yearly_amount = YuanField(
        label=_("yearly amount (yuan)"),
        required=False,
        help_text=_(
            "What others owe the collective for a full year. Empty where the amount changes from year to year."
        ),
    )
    total_amount = YuanField(
        label=_("contract price (yuan)"),
        required=False,
        help_text=_("Only of a building or purchase: what the collective owes."),
    )
    rhythm = forms.ChoiceField(label=_("money is due"), choices=RHYTHM_CHOICES)
    timing = forms.ChoiceField(label=_("within the period"), choices=TIMINGS, required=False)
    first_due_on = DayField(
        label=_("first day of payment"),
        required=False,
        help_text=_("If it is another day: the first one; the later ones follow from it."),
    )
    given = DuesField(
        label=_("days and amounts"),
        required=False,
        help_text=_("One line for each day: day and yuan. Read only with “on the days listed below”."),
    )

    class Meta:
        model = Contract
        fields = ("unit", "number", "kind", "party", "party_number", "subject", "guarantee")

    field_order = (
        "unit", "number", "kind", "party", "party_number", "subject", "signed_on", "starts_on", "ends_on",
        "guarantee", "project_number", "yearly_amount", "total_amount", "rhythm", "timing", "first_due_on", "given",
    )  # fmt: skip
    wide = ("given",)
    FACTS = (
        "unit", "number", "kind", "subject", "party", "party_number", "signed_on", "project_number", "starts_on",
        "ends_on", "guarantee",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", "—"), *Contract.Kind.choices]  # type: ignore[attr-defined]
        if not self.instance.pk:
            self.fields["unit"].queryset = villages_for(user, "collective_economy.add_contract")  # type: ignore[attr-defined]
            return
        del self.fields["unit"]
        stored = [Due(row.due_on, row.amount) for row in self.instance.receivables.order_by("due_on")]
        for name in ("signed_on", "starts_on", "ends_on"):
            self.initial[name] = getattr(self.instance, name)
        for name in ("yearly_amount", "total_amount"):
            self.initial[name] = getattr(self.instance, name) or None
        self.initial["project_number"] = self.instance.project.number if self.instance.project else ""
        self.initial["rhythm"] = GIVEN if stored else NOTHING
        self.initial["given"] = lines_of(stored)

    def facts(self) -> list[forms.BoundField]:
        return [self[name] for name in self.FACTS if name in self.fields]

    def _post_clean(self) -> None:
        """The service checks the row, once it has the day's date and the terms."""

    def values(self) -> dict[str, Any]:
        """Fields of a contract, without its village."""
        names = (
            "number", "kind", "party", "party_number", "subject", "signed_on", "starts_on", "ends_on", "guarantee",
            "project",
        )  # fmt: skip
        given = self.cleaned_data
        amounts = {name: given[name] or Decimal(0) for name in ("yearly_amount", "total_amount")}
        return {name: given[name] for name in names} | amounts

    def terms(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "rhythm": given["rhythm"],
            "in_advance": given["timing"] != "end",
            "first_due_on": given["first_due_on"],
            "given": given["given"] or [],
        }


class EndForm(forms.Form):
    on = DayField(label=_("ends on"), help_text=_("The last day of the contract. What is due until then stays due."))
    reason = forms.CharField(label=_("reason"), max_length=200)


class WaiverForm(forms.Form):
    decision = forms.CharField(
        label=_("number of the members' decision"),
        max_length=80,
        help_text=_("After a disaster the members or their representatives decide; nobody waives income alone."),
    )
    reason = forms.CharField(label=_("reason"), max_length=110)


class ContractFilter(PlaceFilter):
    SHOWN = (
        ("", _("all")),
        ("overdue", _("money overdue")),
        ("long", _("overdue for more than 30 days")),
        ("ending", _("ends within six months")),
        ("running", pgettext_lazy("contract", "running")),
        ("over", _("over or ended")),
    )

    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *Contract.Kind.choices])
    show = forms.ChoiceField(label=_("Show"), required=False, choices=SHOWN)
    q = forms.CharField(label=_("Number or party begins with"), required=False, max_length=40)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="collective_economy.view_contract")
