"""The form of a village's plan: its years, how it is to earn, and a target for each year."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from branches.versions import VersionedFormMixin
from collective_economy.amounts import WanField
from collective_economy.models import VillagePlan

YEARS_OFFERED = 5


class PlanForm(VersionedFormMixin, forms.ModelForm):
    """Targets are asked for by the number of the year, as its years may still be chosen; those after the last year of
    the plan stay empty."""

    first_year = forms.IntegerField(
        label=gettext_lazy("first year"), widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    )
    last_year = forms.IntegerField(
        label=gettext_lazy("last year"), widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    )

    class Meta:
        model = VillagePlan
        fields = ("first_year", "last_year", "business_model", "situation", "measures", "responsible_name")
        widgets = {"situation": forms.Textarea(attrs={"rows": 3}), "measures": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held: dict[str, str] = self.instance.targets if self.instance.pk else {}
        self.numbers = range(1, max(YEARS_OFFERED, len(held)) + 1)
        for number in self.numbers:
            field = WanField(label=_("Year %(number)d (10 000 yuan)") % {"number": number}, required=False)
            self.fields[f"target{number}"] = field
        for number, year in enumerate(sorted(held), start=1):
            self.initial[f"target{number}"] = Decimal(held[year])

    @property
    def target_fields(self) -> list[Any]:
        return [self[f"target{number}"] for number in self.numbers]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        # What the years are checked against is the service's business; unique first years are told by it in words.
        self._validate_unique = False
        return cleaned

    def values(self) -> dict[str, Any]:
        """For the service; call once the form is valid."""
        given = self.cleaned_data
        first = given["first_year"]
        amounts = ((first + number - 1, given[f"target{number}"]) for number in self.numbers)
        return {
            **{name: given[name] for name in self.Meta.fields},
            "targets": {year: amount for year, amount in amounts if amount is not None},
        }
