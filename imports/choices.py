"""What the user answered about one file: columns, cells, rows that stay out, places to be made, who has left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

CellPlace = tuple[str, int, str]
"""Worksheet, row as the spreadsheet program shows it, heading at which the problem stands."""
RowPlace = tuple[str, int]
"""Worksheet, row as the spreadsheet program shows it."""


@dataclass(frozen=True)
class HandTable:
    """A worksheet whose columns the user names, because no row of headings was found in it."""

    first_row: int
    """On which the data starts, as the spreadsheet program shows it."""
    fields: dict[int, str]
    """Column, from 0 -> field."""


@dataclass
class Choices:
    columns: dict[str, str] = field(default_factory=dict)
    """Heading (as `heading_key` makes it) -> field; "" leaves the column out."""
    tables: dict[str, HandTable] = field(default_factory=dict)
    """Worksheet -> how to read it."""
    cells: dict[CellPlace, str] = field(default_factory=dict)
    """What to read instead of what the cell says. Empty: the cell counts as empty."""
    left_out: set[RowPlace] = field(default_factory=set)
    """Rows that do not go in, as if the file did not have them."""
    new_places: set[RowPlace] = field(default_factory=set)
    """Rows whose place is not there yet and is to be made, by who may."""
    converts_old_numbers: bool = False
    """Identity numbers of 15 digits are to be put into their form of 18 by the next check, as corrected cells."""
    left: dict[str, date] = field(default_factory=dict)
    """Key of a record that the file leaves out -> the last day."""
    is_all_or_nothing: bool = False

    def correct(self, places: Iterable[CellPlace], text: str) -> None:
        for place in places:
            self.cells[place] = text

    def as_json(self) -> str:
        return json.dumps(
            {
                "columns": self.columns,
                "tables": {name: [each.first_row, list(each.fields.items())] for name, each in self.tables.items()},
                "cells": [[*place, text] for place, text in self.cells.items()],
                "left_out": sorted(self.left_out),
                "new_places": sorted(self.new_places),
                "converts_old_numbers": self.converts_old_numbers,
                "left": {key: day.isoformat() for key, day in self.left.items()},
                "is_all_or_nothing": self.is_all_or_nothing,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str | None) -> Choices:
        if not text:
            return cls()
        stored: Mapping[str, Any] = json.loads(text)
        return cls(
            columns=dict(stored["columns"]),
            tables={name: HandTable(first, dict(fields)) for name, (first, fields) in stored.get("tables", {}).items()},
            cells={(worksheet, row, column): typed for worksheet, row, column, typed in stored["cells"]},
            left_out={(worksheet, row) for worksheet, row in stored.get("left_out", [])},
            new_places={(worksheet, row) for worksheet, row in stored.get("new_places", [])},
            converts_old_numbers=stored.get("converts_old_numbers", False),
            left={key: date.fromisoformat(day) for key, day in stored["left"].items()},
            is_all_or_nothing=stored["is_all_or_nothing"],
        )
