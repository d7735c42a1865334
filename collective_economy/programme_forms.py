"""The form of a support programme: its document and its money by source, in 万元."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from branches.forms import DayField
from branches.models import Unit
from branches.versions import VersionedFormMixin
from collective_economy.amounts import WanField, wan_text
from collective_economy.models import Programme
from collective_economy.models.programmes import SUPPORT

YEARS = range(2000, 2101)
SOURCE = "amount_{}"


class AmountsMixin(forms.Form):
    """Yuan by source, one field for each. `sources` names them, `amount_initial` what stands in them."""

    sources: Iterable[Any] = SUPPORT

    def add_amounts(self, initial: dict[str, Decimal]) -> None:
        for source in self.sources:
            self.fields[SOURCE.format(source.value)] = WanField(label=source.label, required=False)
            if initial.get(source.value):
                self.initial[SOURCE.format(source.value)] = initial[source.value]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for source in self.sources:
            amount = self.cleaned_data.get(SOURCE.format(source.value))
            if amount is not None and amount < 0:
                self.add_error(
                    SOURCE.format(source.value), ValidationError(gettext("An amount is not below 0."), "negative")
                )
        return cleaned

    @property
    def amount_fields(self) -> list[forms.BoundField]:
        return [self[SOURCE.format(source.value)] for source in self.sources]

    def amounts(self) -> dict[str, Decimal]:
        """Source -> yuan; sources without an amount are left out."""
        typed = {source.value: self.cleaned_data.get(SOURCE.format(source.value)) for source in self.sources}
        return {source: amount for source, amount in typed.items() if amount}


class ProgrammeForm(VersionedFormMixin, AmountsMixin, forms.Form):
    """`programme` is the one being changed, None for a new one."""

    unit = forms.ModelChoiceField(Unit.objects.none(), label=_("county"), empty_label=None)
    name = forms.CharField(label=_("programme"), max_length=120, help_text=_("Such as: 2026, first instalment"))
    year = forms.IntegerField(label=_("year"), min_value=YEARS[0], max_value=YEARS[-1])
    document = forms.CharField(label=_("document number"), max_length=120)
    released_on = DayField(label=_("released on"))
    subject = forms.RegexField(
        r"^[A-Z][A-Z0-9]{0,9}$",
        label=_("flag of the lead department"),
        initial="F3",
        max_length=10,
        help_text=_("Code of the red flag whose lead department sees these projects too."),
    )
    FACTS = ("name", "year", "document", "released_on", "subject")

    def __init__(self, *args: Any, counties: list[Unit], programme: Programme | None = None, **kwargs: Any) -> None:
        self.instance = programme
        super().__init__(*args, **kwargs)
        amounts: dict[str, Decimal] = {}
        if programme is None:
            self.fields["unit"].queryset = Unit.objects.filter(pk__in=[one.pk for one in counties])  # type: ignore[attr-defined]
            if len(counties) == 1:
                self.initial["unit"] = counties[0].pk
                self.fields["unit"].widget = forms.HiddenInput()
        else:
            del self.fields["unit"]
            self.initial.update({name: getattr(programme, name) for name in self.FACTS})
            amounts = {row.source: row.amount for row in programme.sources.all()}
        self.add_amounts(amounts)

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.FACTS}

    def _stored(self, name: str) -> Any:
        value = self.initial.get(name)
        return (
            wan_text(value) if isinstance(value, Decimal) else value if value not in (None, "") else gettext("(empty)")
        )
