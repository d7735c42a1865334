"""The form in which a county sets its bands of income."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from collective_economy.amounts import WanField
from collective_economy.bands import CENT, Band
from collective_economy.services.bands import CODE_LENGTH, MOST_BANDS, NAME_LENGTH

EMPTY_ROWS = 2


class BandRow(forms.Form):
    """One band; a row without a name and a bound is left out."""

    code = forms.CharField(required=False, max_length=CODE_LENGTH, widget=forms.HiddenInput)
    name = forms.CharField(label=pgettext_lazy("band", "Name"), required=False, max_length=NAME_LENGTH)
    name_en = forms.CharField(label=gettext_lazy("English name"), required=False, max_length=NAME_LENGTH)
    lower = WanField(label=gettext_lazy("From (10 000 yuan)"), required=False)

    @property
    def is_blank(self) -> bool:
        given = self.cleaned_data
        return not given.get("name") and given.get("lower") is None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.errors or self.is_blank:
            return cleaned
        if not self.cleaned_data["name"]:
            self.add_error("name", ValidationError(_("Every band needs a name."), "no_name"))
        if self.cleaned_data["lower"] is None:
            self.add_error("lower", ValidationError(_("From which amount on?"), "no_bound"))
        return cleaned


BandRows = forms.formset_factory(BandRow, extra=EMPTY_ROWS, max_num=MOST_BANDS, absolute_max=MOST_BANDS)


class BandHead(forms.Form):
    first_year = forms.IntegerField(
        label=gettext_lazy("From the year"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    document = forms.CharField(label=gettext_lazy("document number"), max_length=120)


def initial_rows(bands: Sequence[Band]) -> list[dict[str, Any]]:
    """The rows as they are typed: 0 in the second one stands for everything above 0."""
    return [
        {
            "code": band.code,
            "name": band.name,
            "name_en": band.name_en,
            "lower": Decimal(0) if band.lower == CENT else band.lower,
        }
        for band in bands
    ]


def bands_of(rows: Any) -> list[Band]:
    """The bands typed, in their order. New ones get a free code; a second bound of 0 means above 0."""
    given = [row.cleaned_data for row in rows if row.cleaned_data and not row.is_blank]
    taken = {one["code"] for one in given}
    bands = []
    for place, one in enumerate(given):
        lower = CENT if place == 1 and one["lower"] == 0 else one["lower"]
        bands.append(Band(one["code"] or _free_code(taken), one["name"], one["name_en"], lower))
    return bands


def _free_code(taken: set[str]) -> str:
    code = next(f"band{number}" for number in range(1, MOST_BANDS + 2) if f"band{number}" not in taken)
    taken.add(code)
    return code
