"""What pages show of a file without reading it again: the first values of each column, the first rows without headings.

Made by the job that reads the file, sealed with the import and forgotten with the file. Long numbers are masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imports.identity import masked
from imports.reading import Cell, Worksheet
from imports.tables import is_blank, text_of, tops_without_headings

if TYPE_CHECKING:
    from imports.checking import Answer, MappedTable
    from imports.sheets import Sheet

SAMPLES = 3
LENGTH = 40
"""Characters of a value that are shown."""
LONG_NUMBER = re.compile(r"\d{14,17}[\dXx]")
"""May be an identity number or an account: never shown in full, whatever its heading says."""


@dataclass(frozen=True)
class Glimpse:
    columns: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Worksheet -> heading, in the order of the file -> its first values."""
    tops: dict[str, list[list[str]]] = field(default_factory=dict)
    """Worksheet whose columns the user may name -> its first rows."""

    def as_json(self) -> str:
        return json.dumps({"columns": self.columns, "tops": self.tops}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> Glimpse:
        if not text:
            return cls()
        stored: Mapping[str, Any] = json.loads(text)
        return cls(dict(stored["columns"]), dict(stored["tops"]))


def glimpse_of(worksheets: Sequence[Worksheet], answer: Answer, sheet: Sheet) -> Glimpse:
    """Of a file as it was checked."""
    tops = tops_without_headings(list(worksheets), [mapped.table for mapped in answer.tables])
    return Glimpse(
        {mapped.table.worksheet: _columns(mapped, sheet) for mapped in answer.tables},
        {name: [[_sample(cell) for cell in row] for row in rows] for name, rows in tops.items()},
    )


def _columns(mapped: MappedTable, sheet: Sheet) -> dict[str, list[str]]:
    secret = {column for column, name in mapped.fields.items() if sheet.by_field[name].is_secret}
    columns: dict[str, list[str]] = {}
    for index, heading in mapped.table.headings.items():
        cells = (line.cells[index] for line in mapped.table.lines)
        columns.setdefault(heading, _samples(cells, is_secret=index in secret))
    return columns


def _samples(cells: Iterable[Cell], *, is_secret: bool) -> list[str]:
    filled = (cell for cell in cells if not is_blank(cell))
    return [_sample(cell, is_secret=is_secret) for cell, _place in zip(filled, range(SAMPLES), strict=False)]


def _sample(cell: Cell, *, is_secret: bool = False) -> str:
    plain = " ".join(text_of(cell).split())[:LENGTH]
    return masked(plain) if is_secret else LONG_NUMBER.sub(lambda found: masked(found[0]), plain)
