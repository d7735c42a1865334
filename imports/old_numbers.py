"""Identity numbers of 15 digits, put into their form of 18 once the user has confirmed it (security.md 7.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imports.choices import CellPlace
from imports.identity import ReadIdentity, to_18
from imports.repairs import OLD_NUMBER

if TYPE_CHECKING:
    from imports.checking import Answer

OLD_LENGTH = 15


def converted_numbers(answer: Answer) -> dict[CellPlace, str]:
    """Corrections for every cell with an old number."""
    cells: dict[CellPlace, str] = {}
    for row in answer.rows:
        places = [(each.worksheet, each.row, each.column) for each in row.problems if each.code == OLD_NUMBER]
        numbers = [value.number for value in row.values.values() if isinstance(value, ReadIdentity)]
        old = next((number for number in numbers if len(number) == OLD_LENGTH), "")
        if old:
            cells |= dict.fromkeys(places, to_18(old))
    return cells
