"""Problems of a preview, sorted so that one answer mends many cells; and the places of the cells that it mends.

Pure: stored rows in, groups out. A repair is a correction of cells (`batches.answer_cells`).
Rule: docs/import.md, “在网页上改”.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from imports.choices import CellPlace, RowPlace
from imports.models import ImportBatch, ImportRow
from imports.preview import problems_of
from imports.problems import Problem
from imports.sheets import Sheet, sheet_called

PLACES = frozenset({"unit_unknown", "unit_ambiguous", "unit_out_of_scope"})
"""A place that was not found: mended by naming the right one."""
BY_VALUE = PLACES | {"choice_unknown", "date_ambiguous", "unit_new"}
"""Problems that cells of one text share: mended by one text. All others are grouped by column alone."""
OLD_NUMBER = "id_old_15"
DUPLICATE = "duplicate_in_file"
NEW_PLACE = "unit_new"
HINTS = frozenset({"unit_suggested"})
"""Say more about another problem of the same cell."""
SETS_TOLD = 5
"""Of rows that say the same, in one sentence."""
TOWNSHIP, VILLAGE = "township", "village"


class Layout:
    """How the columns of a checked file are called: heading -> field, and the heading at which problems stand."""

    def __init__(self, batch: ImportBatch) -> None:
        self.sheet: Sheet = sheet_called(batch.sheet)
        self.labels: Mapping[str, Mapping[str, str]] = batch.answer.get("labels", {})
        self.mapped: dict[str, dict[str, str]] = {
            table["worksheet"]: table["mapped"] for table in batch.answer.get("tables", [])
        }

    def field_of(self, worksheet: str, heading: str) -> str:
        """The field at which a problem stands, "" when its column is gone."""
        found = self.mapped.get(worksheet, {}).get(heading)
        return found or self._by_label.get(worksheet, {}).get(heading, "")

    def has_several_columns(self, worksheet: str, name: str) -> bool:
        return sum(field_name == name for field_name in self.mapped.get(worksheet, {}).values()) > 1

    def heading_of(self, worksheet: str, name: str) -> str:
        return self.labels.get(worksheet, {}).get(name) or self.sheet.by_field[name].headings[0]

    def is_secret(self, name: str) -> bool:
        return name in self.sheet.by_field and self.sheet.by_field[name].is_secret

    @cached_property
    def _by_label(self) -> dict[str, dict[str, str]]:
        return {
            worksheet: {heading: name for name, heading in labels.items()} for worksheet, labels in self.labels.items()
        }


@dataclass
class Group:
    """Cells with the same problem. `value` is the text they share, "" when each has its own or it is secret."""

    code: str
    field_name: str
    label: str
    """The heading."""
    township: str = ""
    """Beside a village that was not found."""
    value: str = ""
    is_error: bool = True
    may_be_empty: bool = False
    takes_text: bool = True
    """Whether one text can be right for all of its cells."""
    may_make_place: bool = False
    """Whether the user may have the place made that was not found."""
    places: list[CellPlace] = field(default_factory=list)
    township_places: list[CellPlace] = field(default_factory=list)
    """Of the township's cells beside the places, where the village is at fault."""
    suggestions: list[str] = field(default_factory=list)
    same_rows: dict[str, list[RowPlace]] = field(default_factory=dict)
    """Rows that say the same, by how they are told."""

    @property
    def key(self) -> str:
        told = "\0".join((self.field_name, self.code, self.township, self.value))
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    @property
    def sentence(self) -> str:
        place = self.places[0]
        same = list(self.same_rows)
        told = "; ".join(same[:SETS_TOLD]) + (" …" if len(same) > SETS_TOLD else "")
        return str(Problem(place[0], place[1], place[2], self.code, told).as_json()["message"])

    @property
    def is_place(self) -> bool:
        return self.field_name in (TOWNSHIP, VILLAGE)

    @property
    def is_old_number(self) -> bool:
        return self.code == OLD_NUMBER

    @property
    def is_duplicate(self) -> bool:
        return self.code == DUPLICATE

    @property
    def is_new_place(self) -> bool:
        return self.code == NEW_PLACE

    @property
    def rows(self) -> list[int]:
        return [row for _worksheet, row, _heading in self.places]

    @property
    def row_places(self) -> list[RowPlace]:
        return [(worksheet, row) for worksheet, row, _heading in self.places]

    @property
    def repeats(self) -> list[RowPlace]:
        """Of rows that say the same all but the first, in the order of the file."""
        return [place for same in self.same_rows.values() for place in same[1:]]

    @property
    def is_worth_asking(self) -> bool:
        """Whether it is answered together: many cells, one of several places, or a click that does it all."""
        if self.is_old_number or self.is_duplicate or self.is_new_place:
            return True
        if not self.is_error or not (self.takes_text or self.may_be_empty):
            return False
        return len(self.places) > 1 or bool(self.suggestions) or self.code in BY_VALUE


def groups_of(rows: Iterable[ImportRow], layout: Layout) -> list[Group]:
    """The groups in the order of the file, errors first."""
    groups: dict[tuple[str, ...], Group] = {}
    for row in rows:
        problems = problems_of(row)
        hints = {
            (problem.row, problem.column): problem.suggestion.split(", ")
            for problem in problems
            if problem.code in HINTS
        }
        for problem in problems:
            if problem.code not in HINTS:
                _add(groups, row, problem, hints.get((problem.row, problem.column), []), layout)
    return sorted(groups.values(), key=lambda group: not group.is_error)


def _add(
    groups: dict[tuple[str, ...], Group], row: ImportRow, problem: Problem, suggestions: list[str], layout: Layout
) -> None:
    name = layout.field_of(problem.worksheet, problem.column)
    is_shared = problem.code in BY_VALUE and problem.row == row.number and not layout.is_secret(name)
    value = row.cells.get(name, "") if is_shared else ""
    township = row.cells.get(TOWNSHIP, "") if is_shared and name == VILLAGE else ""
    group = groups.setdefault(
        (name, problem.code, township, value),
        Group(
            code=problem.code,
            field_name=name,
            label=problem.column,
            township=township,
            value=value,
            is_error=problem.is_error,
            may_be_empty=problem.is_error and may_be_empty(layout.sheet, name, problem.code),
            takes_text=problem.code not in (DUPLICATE, NEW_PLACE) and not layout.is_secret(name),
        ),
    )
    group.places.append((problem.worksheet, problem.row, problem.column))
    if name == VILLAGE and TOWNSHIP in layout.sheet.by_field:
        heading = layout.heading_of(problem.worksheet, TOWNSHIP)
        group.township_places.append((problem.worksheet, problem.row, heading))
    if problem.code == DUPLICATE:
        group.same_rows.setdefault(problem.suggestion, []).append((problem.worksheet, problem.row))
    group.suggestions += [each for each in suggestions if each not in group.suggestions]


def may_be_empty(sheet: Sheet, name: str, code: str) -> bool:
    """Whether a row can go in without this value."""
    column = sheet.by_field.get(name)
    if column is None or column.is_required or name in (TOWNSHIP, VILLAGE):
        return False
    return code not in ("required_missing", OLD_NUMBER, DUPLICATE)


def place_answer(group: Group, township: str, village: str) -> dict[CellPlace, str]:
    """Corrections that name a village, and its township where the file says another or none."""
    if group.field_name == TOWNSHIP:
        return dict.fromkeys(group.places, township)
    cells = dict.fromkeys(group.places, village)
    if township and township != group.township:
        cells |= dict.fromkeys(group.township_places, township)
    return cells


def warnings_in_words(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Warnings that need no answer: sentence, column and number of cells."""
    return [
        {"label": group.label, "sentence": group.sentence, "rows": group.rows, "count": len(group.places)}
        for group in groups
        if not group.is_error and not group.is_worth_asking
    ]
