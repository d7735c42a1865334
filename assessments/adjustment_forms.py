"""Forms of the page for bonuses, penalties and vetoes."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assessments.models import Period
from assessments.rules import AdjustmentRule, in_language, points_text
from assessments.services.adjustments import MOST_TIMES, enterable_items
from branches.models import Unit
from branches.scoping import STEP

KINDS = {"bonus": _("bonus"), "penalty": _("penalty"), "veto": _("veto")}
SEPARATOR = "|"


class AdjustmentForm(forms.Form):
    """One entry. Item and level are one choice, so that no level of another item can be picked."""

    village = forms.ModelChoiceField(Unit.objects.none(), label=_("village"))
    choice = forms.ChoiceField(label=_("item and level"))
    count = forms.IntegerField(label=_("times"), min_value=1, max_value=MOST_TIMES, initial=1)
    document = forms.CharField(label=_("document number"), max_length=120, help_text=_("Such as 青组发〔2026〕21 号."))
    happened_on = forms.DateField(label=_("date"), widget=forms.DateInput(attrs={"type": "date"}))
    evidence = forms.CharField(
        label=_("evidence"), max_length=300, required=False, help_text=_("In a sentence; a veto needs it.")
    )

    def __init__(self, *args: Any, period: Period, villages: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["village"]
        field.queryset = villages
        field.choices = [("", "—"), *_by_township(list(villages), period)]
        choice: Any = self.fields["choice"]
        choice.choices = [("", "—"), *_by_kind(enterable_items(period))]

    def item_and_level(self) -> tuple[str, str]:
        code, _separator, level = self.cleaned_data["choice"].partition(SEPARATOR)
        return code, level


def _by_township(villages: list[Unit], period: Period) -> list[tuple[str, list[tuple[int, str]]]]:
    names = dict(Unit.objects.under(period.path).townships().values_list("path", "name"))
    groups = groupby(villages, key=lambda unit: unit.path[:-STEP])
    return [(names.get(path, ""), [(unit.pk, unit.name) for unit in units]) for path, units in groups]


def _by_kind(items: list[AdjustmentRule]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups = groupby(sorted(items, key=lambda item: list(KINDS).index(item.kind)), key=lambda item: item.kind)
    return [(str(KINDS[kind]), [choice for item in group for choice in _choices(item)]) for kind, group in groups]


def _choices(item: AdjustmentRule) -> list[tuple[str, str]]:
    name = f"{item.code} {in_language(item.name, item.name_en)}"
    if item.kind == "veto":
        return [(f"{item.code}{SEPARATOR}", name)]
    sign = "+" if item.kind == "bonus" else "−"
    return [
        (
            f"{item.code}{SEPARATOR}{level.name}",
            f"{name} · {in_language(level.name, level.name_en)} {sign}{points_text(level.points)}",
        )
        for level in item.levels
    ]
