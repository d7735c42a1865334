"""The table in which income targets are typed for many villages at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from branches.models import Unit
from collective_economy.amounts import wan_text, yuan_of
from collective_economy.target_page import Line

LARGE = Decimal(10_000_000)
"""Yuan above which the form asks whether 万元 is meant (docs/ui-shell.md, "Formats")."""


class TargetHead(forms.Form):
    document = forms.CharField(label=gettext_lazy("document number"), max_length=120)
    is_large = forms.BooleanField(
        label=gettext_lazy("Amounts above 1,000 are in ten thousand yuan as well"), required=False
    )


@dataclass(frozen=True)
class Cell:
    """A village's cell: what was typed or stands there, and what is wrong with it."""

    line: Line
    text: str
    error: str = ""


class TargetTable:
    """What was typed, by the village's key. An empty cell leaves the target as it is."""

    def __init__(self, lines: Sequence[Line], data: Mapping[str, str] | None = None) -> None:
        self.lines = lines
        self.cells: list[Cell] = []
        self.amounts: dict[Unit, Decimal] = {}
        """Of the cells that differ from what is stored."""
        self.base = _versions(data.get("base", "")) if data is not None else {}
        for line in lines:
            self.cells.append(self._read(line, data))

    def _read(self, line: Line, data: Mapping[str, str] | None) -> Cell:
        stored = wan_text(line.target.amount) if line.target else ""
        text = stored if data is None else data.get(f"t{line.village.pk}", "").strip()
        if data is None or not text:
            return Cell(line, text)
        try:
            amount = yuan_of(text)
            if amount < 0:
                raise ValidationError(gettext_lazy("Not below 0."), "below_0")
        except ValidationError as error:
            return Cell(line, text, error.messages[0])
        if line.target is None or line.target.amount != amount:
            self.amounts[line.village] = amount
        return Cell(line, text)

    @property
    def problem_count(self) -> int:
        return sum(bool(cell.error) for cell in self.cells)

    @property
    def is_large(self) -> bool:
        return any(amount > LARGE for amount in self.amounts.values())

    @property
    def versions(self) -> str:
        """The targets as they were read, for the form: "village:version" of each that stands."""
        return " ".join(f"{line.village.pk}:{line.target.version}" for line in self.lines if line.target)


def _versions(text: str) -> dict[int, int]:
    pairs = [pair.partition(":") for pair in text.split()]
    return {
        int(key): int(version)
        for key, _colon, version in pairs
        if key.isdecimal() and version.isdecimal() and len(key) < 19 and len(version) < 10
    }
