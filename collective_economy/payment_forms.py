"""Forms of movements of money: one for what is handed out, paid and recalled, and those of the decisions about it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from branches.forms import DayField
from branches.record_forms import MonthField, PlaceFilter
from collective_economy.amounts import WanField, wan_text
from collective_economy.models import BudgetLine, Payment
from collective_economy.payment_rows import InstalmentState, SourceState
from collective_economy.uses import RED_LINES

if TYPE_CHECKING:
    from accounts.models import User

Kind = Payment.Kind
UNUSUAL = Decimal(10_000_000)
"""Yuan above which the unit is asked for: an amount in yuan may have been typed as 万元."""


class PaymentForm(forms.Form):
    """A movement of a project's money. Amounts are typed in 万元; what the service refuses stands at its field."""

    kind = forms.ChoiceField(label=_("kind"), choices=Kind, widget=forms.RadioSelect)
    source = forms.TypedChoiceField(label=_("source"), coerce=int)
    amount = WanField(label=_("amount (10 000 yuan)"))
    is_in_wan = forms.BooleanField(
        label=_("Yes, the amount is in ten thousand yuan"), required=False, widget=forms.HiddenInput
    )
    paid_on = DayField(label=_("day"))
    summary = forms.CharField(label=_("what for"), max_length=120)
    use = forms.ChoiceField(label=_("use"), required=False, help_text=_("Of what the project pays."))
    payee = forms.CharField(label=_("payee"), max_length=120, required=False)
    voucher_number = forms.CharField(label=_("voucher number"), max_length=40)
    instalment = forms.TypedChoiceField(
        label=_("instalment"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("Of support money that is handed out."),
    )
    budget_line = forms.TypedChoiceField(label=_("budget item"), coerce=int, empty_value=None, required=False)
    reason = forms.CharField(
        label=_("reason"), max_length=200, required=False, help_text=_("Of a recall: why the money goes back.")
    )

    def __init__(
        self,
        data: Any = None,
        *,
        sources: Sequence[SourceState],
        instalments: Sequence[InstalmentState],
        budget: Sequence[tuple[BudgetLine, Decimal]],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        unset = [("", "---------")]
        self._choose("source", [(state.source.pk, state.source.get_source_display()) for state in sources])
        red = [(code, label) for code, label in RED_LINES.items()]
        self._choose("use", [*unset, *Payment.Use.choices, (_("Red lines: must not be spent"), red)])
        self._choose("instalment", [*unset, *((state.instalment.pk, _left_of(state)) for state in instalments)])
        items = [
            (line.pk, gettext("%(item)s (left: %(left)s)") % {"item": line.item, "left": wan_text(left)})
            for line, left in budget
        ]
        self._choose("budget_line", [*unset, *items])
        if data is not None and "is_in_wan" in data:
            self.fields["is_in_wan"].widget = forms.CheckboxInput()

    def _choose(self, name: str, choices: Sequence[Any]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount = cleaned.get("amount")
        if amount is not None and amount > UNUSUAL and not cleaned.get("is_in_wan"):
            self.fields["is_in_wan"].widget = forms.CheckboxInput()
            words = _("More than 1 000 ten thousand yuan: is the unit right? Then tick it below.")
            self.add_error("amount", ValidationError(words, "unusual"))
        return cleaned


def _left_of(state: InstalmentState) -> str:
    told = {
        "condition": state.instalment.get_condition_display(),
        "percent": f"{state.instalment.percent.normalize():f}",
        "left": wan_text(state.left),
    }
    if state.is_reached:
        return gettext("%(percent)s %%: %(condition)s (left: %(left)s)") % told
    return gettext("%(percent)s %%: %(condition)s (not reached; left: %(left)s)") % told


class ReversalForm(forms.Form):
    """Takes a confirmed movement back."""

    paid_on = DayField(label=_("day"))
    voucher_number = forms.CharField(label=_("voucher number"), max_length=40)
    reason = forms.CharField(label=_("reason"), max_length=200)
    wide = ("reason",)


class PaymentFilter(PlaceFilter):
    """Conditions above the list of payments."""

    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("all")), *Payment.State.choices])
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *Kind.choices])
    month = MonthField(label=_("Month"), required=False)
    project = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="collective_economy.view_payment")

    @property
    def is_narrowed(self) -> bool:
        """The month is a condition like the others here."""
        return any(self.data.get(name) for name in self.fields)
