"""What is typed into a village's ledger: entries, reversals, the bank's balance, closing. Amounts are yuan."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from branches.forms import DayField
from branches.models import Unit
from branches.record_forms import FilterForm, MonthField
from branches.versions import VersionedFormMixin
from collective_economy.models import LedgerEntry, Project, Receivable
from collective_economy.models.ledger import EXPENSE, INCOME
from collective_economy.services.ledger import CEILING, CONTRACT_UNTIL, NewEntry

LABELS = dict(LedgerEntry.Category.choices)


class YuanField(forms.CharField):
    """An amount in yuan; commas and full-width digits are understood. Its value is a Decimal or None."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "is-num"})
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: object) -> Decimal | None:  # type: ignore[override]
        typed = normalize("NFKC", super().to_python(value) or "").replace(",", "")
        if not typed:
            return None
        try:
            amount = Decimal(typed)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or abs(amount) >= CEILING:
            raise ValidationError(_("Enter an amount in yuan, such as 1200.50."), "not_a_number")
        return amount

    def prepare_value(self, value: object) -> object:
        return f"{value:f}" if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return initial != self.to_python(data)
        except ValidationError:
            return True


class DueChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Receivable) -> str:
        words = _("%(party)s, due %(day)s, %(amount)s yuan to come")
        return words % {"party": obj.contract.party, "day": obj.due_on, "amount": f"{obj.missing:,.2f}"}


class EntryForm(VersionedFormMixin, forms.ModelForm):
    """One entry of a day. A changed one says why."""

    day = DayField(label=gettext_lazy("day"))
    amount = YuanField(label=gettext_lazy("amount (yuan)"))
    category = forms.ChoiceField(label=gettext_lazy("category"))
    receivable = DueChoice(Receivable.objects.none(), label=gettext_lazy("receivable"), required=False)
    reason = forms.CharField(label=gettext_lazy("reason of the change"), max_length=200)

    class Meta:
        model = LedgerEntry
        fields = (
            "day",
            "category",
            "amount",
            "summary",
            "counterparty",
            "voucher_number",
            "receipt_number",
            "receivable",
            "project",
            "account",
            "attachment_count",
        )
        widgets = {"attachment_count": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})}

    def __init__(self, *args: Any, user: User, unit: Unit, month: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        incomes = [name for name in INCOME if name != "contract" or month <= CONTRACT_UNTIL]
        fields["category"].choices = [
            (_("Income"), [(name, LABELS[name]) for name in incomes]),
            (_("Expense"), [(name, LABELS[name]) for name in EXPENSE]),
        ]
        fields["summary"].required = True
        fields["attachment_count"].required = False
        due = Receivable.objects.for_user(user).filter(unit=unit, waived_on__isnull=True)
        mine = self.instance.receivable_id
        fields["receivable"].queryset = due.filter(Q(received__lt=F("amount")) | Q(pk=mine)).select_related("contract")
        projects = Project.objects.for_user(user).filter(shares__unit=unit)
        fields["project"].queryset = projects.order_by("-year", "number")
        for name in ("receivable", "project"):
            fields[name].empty_label = _("none")
        if not self.instance.pk:
            del self.fields["reason"]

    def clean_attachment_count(self) -> int:
        return self.cleaned_data["attachment_count"] or 0

    def _post_clean(self) -> None:
        """The service checks the row; the form only reads what was typed."""

    def entry(self) -> NewEntry:
        return NewEntry(**{name: self.cleaned_data[name] for name in self.Meta.fields})


class ReverseForm(forms.Form):
    day = DayField(label=gettext_lazy("day of the reversal"))
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200, widget=forms.TextInput(attrs={"size": 60}))


class StatementForm(forms.Form):
    """What the bank says at the end of the month."""

    opening = YuanField(label=gettext_lazy("balance at the beginning (yuan)"), required=False)
    statement_balance = YuanField(label=gettext_lazy("balance by the bank statement (yuan)"), required=False)
    note = forms.CharField(
        label=gettext_lazy("why it differs, or why there is no statement"), required=False, max_length=200
    )

    def __init__(self, *args: Any, is_first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_first:
            del self.fields["opening"]


class BoardFilter(FilterForm):
    month = MonthField(label=gettext_lazy("Month"), required=False)
