"""From a file to the answer of import.md section 3: found, mapped, normalised, matched, checked. Writes nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imports.cells import Context, Reading, read_cell
from imports.choices import CellPlace, Choices, HandTable
from imports.collector import collector_at_rest
from imports.identity import masked
from imports.mapping import Headings, map_columns
from imports.money import unit_of_heading, unit_of_title
from imports.normalising import REFUSED, clean_text, is_plain
from imports.problems import Problem, sentence_of_refusal
from imports.reading import Cell, Worksheet, read_worksheets
from imports.refusals import FileRefused
from imports.sheets import Column, Missing, Row, Sheet, Values, first
from imports.tables import Found, Line, Table, find_tables, is_blank, tell_skipped, text_of

if TYPE_CHECKING:
    from accounts.models import User

SHOWN = 300
"""Characters of a cell that the preview keeps."""
TEXTS_KEPT = 5_000
"""Of one column, so that each is understood once."""
AFTER_THE_PROBLEMS = ("message", "left_out", "skipped_worksheets")
TITLE_YEAR = re.compile(r"(20\d{2})\s*年")


@dataclass
class Answer:
    """What a dry run says. `refused` is set when the file could not be read."""

    sheet: str
    file: str
    refused: FileRefused | None = None
    tables: list[MappedTable] = field(default_factory=list)
    skipped_worksheets: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    left_out: list[Row] = field(default_factory=list)
    """Rows that the user keeps out; they count as if the file did not have them."""
    missing_records: list[Missing] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return sum(each.is_counted for each in self.missing_records)

    @property
    def problems(self) -> list[Problem]:
        return [problem for row in self.rows for problem in row.problems]

    def let_go(self) -> None:
        """Nothing of it is written any more: what rows and findings hold of each other is freed."""
        for row in self.rows:
            row.target = None

    def counts(self) -> dict[str, int]:
        kinds = ["faulty" if row.is_faulty else row.outcome for row in self.rows]
        numbers = {kind: kinds.count(kind) for kind in ("new", "changed", "unchanged", "faulty")}
        return {"rows": len(kinds), **numbers, "missing": self.missing}

    def as_json(self) -> dict[str, Any]:
        problems = [problem.as_json() for problem in self.problems]
        told = self.without_problems()
        del told["applied"]
        more: dict[str, Any] = {name: told.pop(name) for name in AFTER_THE_PROBLEMS if name in told}
        return {**told, "problems": problems, "applied": False, **more}

    def without_problems(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "sheet": self.sheet,
            "file": self.file,
            "ok": self.refused is None,
            "file_problem": self.refused.code if self.refused else None,
            "tables": [table.as_json() for table in self.tables],
            **self.counts(),
            "applied": False,
        }
        if self.refused:
            answer["message"] = sentence_of_refusal(self.refused.code, self.refused.found)
        if self.left_out:
            answer["left_out"] = len(self.left_out)
        if self.skipped_worksheets:
            answer["skipped_worksheets"] = [
                {"worksheet": name, "reason": reason} for name, reason in self.skipped_worksheets
            ]
        return answer


@dataclass
class MappedTable:
    table: Table
    fields: dict[int, str]
    """Column -> field."""

    def as_json(self) -> dict[str, Any]:
        headings = self.table.headings
        numbers = [line.number for line in self.table.lines]
        return {
            "worksheet": self.table.worksheet,
            "header_rows": self.table.header_rows,
            "first_row": numbers[0] if numbers else None,
            "last_row": numbers[-1] if numbers else None,
            "mapped": {headings[column]: name for column, name in self.fields.items()},
            "ignored": [heading for column, heading in headings.items() if column not in self.fields],
            "skipped": [{"row": number, "reason": reason} for number, reason in self.table.skipped],
        }


def check_file(
    sheet: Sheet, path: Path, *, user: User, today: date, name: str | None = None, choices: Choices | None = None
) -> Answer:
    """Reads and checks a whole file for a user. `name` is the name it came with."""
    shown = name or path.name
    try:
        worksheets = read_worksheets(path, shown)
    except FileRefused as refused:
        return Answer(sheet.name, shown, refused=refused)
    return check_worksheets(sheet, worksheets, user=user, today=today, name=shown, choices=choices)


@collector_at_rest()
def check_worksheets(
    sheet: Sheet,
    worksheets: list[Worksheet],
    *,
    user: User,
    today: date,
    name: str,
    choices: Choices | None = None,
) -> Answer:
    """What has been read, checked with what the user answered. Asks the database a fixed number of questions."""
    answered = choices or Choices()
    answer = Answer(sheet.name, name)
    headings = sheet.headings.with_said(answered.columns)
    try:
        found = _tables_in(sheet, worksheets, headings, answered.tables)
    except FileRefused as refused:
        answer.refused = refused
        return answer
    answer.skipped_worksheets = found.skipped_worksheets
    answer.tables = [MappedTable(table, fields_of(table, headings)) for table in found.tables]
    rows: list[Row] = []
    defaults = sheet.defaults([mapped.table for mapped in answer.tables], user, today)
    for mapped, given in zip(answer.tables, defaults, strict=True):
        rows += _TableReader(sheet, headings, mapped, given, today, answered.cells).rows()
    if not rows:
        answer.refused = FileRefused("no_rows")
        return answer
    answer.left_out = [row for row in rows if row.place in answered.left_out]
    for row in rows if answered.new_places else ():
        row.makes_place = row.place in answered.new_places
    named = _missing_keys(sheet, rows, user, today) if answer.left_out else None
    judgement = sheet.judge([row for row in rows if row.place not in answered.left_out], user, today)
    answer.rows = judgement.rows
    answer.missing_records = [each for each in judgement.missing if named is None or each.key in named]
    return answer


def _missing_keys(sheet: Sheet, rows: list[Row], user: User, today: date) -> set[str]:
    """What the file as it is leaves out: somebody whose row the user keeps out does stand in it."""
    copies = [replace(row, values=Values(row.values), problems=list(row.problems), differences=[]) for row in rows]
    return {each.key for each in sheet.judge(copies, user, today).missing}


def fields_of(table: Table, known: Headings) -> dict[int, str]:
    """Column -> field, as the user named it or by its heading."""
    return map_columns(table.headings, known) if table.fields is None else table.fields


def _tables_in(sheet: Sheet, worksheets: list[Worksheet], known: Headings, by_hand: Mapping[str, HandTable]) -> Found:
    def name_columns(headings: dict[int, str]) -> set[int]:
        return {column for column, mapped in map_columns(headings, known).items() if mapped == sheet.subject}

    found = find_tables(worksheets, known.knows, name_columns, by_hand, sheet.subject)
    if not found.tables:
        reasons = {reason for _name, reason in found.skipped_worksheets}
        raise FileRefused("header_not_found" if "no_header" in reasons else "no_rows")
    if not any(table.lines for table in found.tables):
        raise FileRefused("no_rows")
    return found


@dataclass(slots=True)
class _Place:
    """One column of a table that tells a field."""

    index: int
    heading: str
    context: Context
    known: dict[str, Reading] = field(default_factory=dict)
    """Text of a cell -> what it means. Rosters repeat themselves."""
    shown: dict[str, str] = field(default_factory=dict)
    """Text of a cell -> what the preview shows."""


@dataclass(slots=True)
class _Plan:
    """How one field of the sheet is read from a table."""

    column: Column
    field: str
    label: str
    places: list[_Place]
    given: str | None
    """What a title says."""
    fills: bool
    """An empty cell may take a value from elsewhere."""
    chooses: bool
    """Its value is made of those of its columns, be it one."""


class _TableReader:
    """Turns the lines of one table into rows of values."""

    def __init__(
        self,
        sheet: Sheet,
        known: Headings,
        mapped: MappedTable,
        given: dict[str, str],
        today: date,
        corrections: Mapping[CellPlace, str],
    ) -> None:
        self.sheet = sheet
        self.today = today
        self.table = mapped.table
        self.corrections: dict[int, dict[str, str]] = defaultdict(dict)
        """Row -> heading -> what to read instead."""
        for (worksheet, number, heading), text in corrections.items():
            if worksheet == self.table.worksheet:
                self.corrections[number][heading] = text
        self.above: dict[str, tuple[Any, Any]] = {}
        """Field -> its last value, and that of the field within which it may be filled down."""
        headings = mapped.table.headings
        title_unit = next((unit for unit in map(unit_of_title, mapped.table.titles) if unit), None)
        years = [found[1] for title in mapped.table.titles for found in TITLE_YEAR.finditer(title)]
        year = int(years[0]) if len(set(years)) == 1 else None
        places: dict[str, list[_Place]] = defaultdict(list)
        for column, name in sorted(mapped.fields.items(), key=lambda item: known.rank_of(headings[item[0]])):
            unit: Decimal | None = unit_of_heading(headings[column]) or title_unit
            places[name].append(_Place(column, headings[column], Context(today, unit, year)))
        self.labels = {
            column.field: places[column.field][0].heading if column.field in places else column.headings[0]
            for column in sheet.columns
        }
        self.mapped = tuple(dict.fromkeys(mapped.fields.values()))
        self.plans = [
            _Plan(
                column,
                column.field,
                self.labels[column.field],
                places.get(column.field, []),
                given.get(column.field),
                fills=column.fills_down or column.field in given,
                chooses=column.choose is not first,
            )
            for column in sheet.columns
        ]
        self.steps = [
            (plan, plan.places[0] if len(plan.places) == 1 else None)
            for plan in self.plans
            if plan.places or plan.given is not None
        ]
        """What has to be read of a row without corrections; the place beside a field of one column."""
        self.required = [plan for plan in self.plans if plan.column.is_required]
        subject = sheet.by_field[sheet.subject]
        self.own = [
            place.index
            for name, of_field in places.items()
            for place in of_field
            if not sheet.by_field[name].fills_down or (name == subject.field and not subject.fills_down)
        ]
        """Columns besides the places."""

    def rows(self) -> Iterator[Row]:
        kept: list[Line] = []
        table, labels, mapped = self.table, self.labels, self.mapped
        for line in table.lines:
            row = Row(table.worksheet, line.number, Values(), labels, mapped, cells=line.cells, table=self)
            said = self.corrections.get(line.number) if self.corrections else None
            if said is None:
                self._read(row)
            else:
                self._read_corrected(row, said)
            if self._is_record(line.cells):
                kept.append(line)
                self._require(row)
                yield row
            else:
                table.skipped.append((line.number, "blank"))
        table.lines = kept
        tell_skipped(table)

    def _is_record(self, cells: Sequence[Cell]) -> bool:
        return any(cells[index] != "" and not is_blank(cells[index]) for index in self.own)

    def _read(self, row: Row) -> None:
        cells, values = row.cells, row.values
        for plan, place in self.steps:
            if place is None:
                value = self._read_several(row, plan, {})
            else:
                cell = cells[place.index]
                reading = place.known.get(cell)  # type: ignore[arg-type]
                if reading is None:
                    reading = self._understood(plan.column, place, cell)
                value = reading.value
                if reading.codes:
                    row.problems += [Problem(row.worksheet, row.number, place.heading, code) for code in reading.codes]
                if value is not None and plan.chooses:
                    value = plan.column.choose([value])
            if plan.fills:
                value = self._filled(row, plan, value)
            if value is not None:
                values[plan.field] = value

    def _read_corrected(self, row: Row, said: Mapping[str, str]) -> None:
        for plan in self.plans:
            value = self._read_several(row, plan, said)
            if plan.fills:
                value = self._filled(row, plan, value)
            if value is not None:
                row.values[plan.field] = value

    def _read_several(self, row: Row, plan: _Plan, said: Mapping[str, str]) -> Any:
        """A field of several columns, or of a row in which the user corrected something."""
        values = []
        for place, cell in self._cells(row, plan, said):
            reading = self._understood(plan.column, place, cell)
            row.problems += [Problem(row.worksheet, row.number, place.heading, code) for code in reading.codes]
            if reading.value is not None:
                values.append(reading.value)
        return plan.column.choose(values) if values else None

    def _cells(self, row: Row, plan: _Plan, said: Mapping[str, str]) -> Iterator[tuple[_Place, Cell]]:
        """The cells of a field; what the user corrected goes before what stands there.

        A field without a column has a cell only when the user gave it one.
        """
        if not plan.places and plan.label in said:
            yield _Place(-1, plan.label, Context(self.today)), said[plan.label]
        for place in plan.places:
            yield place, said.get(place.heading, row.cells[place.index])

    def _understood(self, column: Column, place: _Place, cell: Cell) -> Reading:
        reading = place.known.get(cell) if isinstance(cell, str) else None
        if reading is None:
            reading = read_cell(cell, column.parse, place.context, column.max_length)
            if isinstance(cell, str) and not column.is_secret and len(place.known) < TEXTS_KEPT:
                place.known[cell] = reading
        return reading

    def _filled(self, row: Row, plan: _Plan, value: Any) -> Any:
        """What an empty cell takes: from the title without a word, from the row above with a warning."""
        column = plan.column
        within = row.values[column.within]
        if value is None and not any(problem.column == plan.label for problem in row.problems):
            value = plan.given
            above, above_within = self.above.get(column.field, (None, None))
            if above_within == within and above is not None and above != plan.given and plan.places:
                row.add("filled_down", column.field)
                value = above
        if value is not None and column.fills_down:
            self.above[column.field] = (value, within)
        return value

    def _require(self, row: Row) -> None:
        missing = [plan for plan in self.required if row.values[plan.field] is None]
        if missing:
            told = {problem.column for problem in row.problems if problem.is_error}
            for plan in missing:
                if plan.label not in told:
                    row.add("required_missing", plan.field)

    def typed(self, row: Row) -> dict[str, str]:
        """Field -> what its cells say, or what they took from elsewhere; cells of class D3 masked."""
        said = self.corrections.get(row.number) if self.corrections else None
        if said is not None:
            return self._typed(row, ((plan, None) for plan in self.plans), said)
        return self._typed(row, self.steps, {})

    def _typed(self, row: Row, steps: Iterable[tuple[_Plan, _Place | None]], said: Mapping[str, str]) -> dict[str, str]:
        told: dict[str, str] = {}
        cells = row.cells
        for plan, place in steps:
            shown = None
            if place is not None:
                cell = cells[place.index]
                if not plan.fills:
                    shown = "" if cell == "" else place.shown.get(cell)  # type: ignore[arg-type]
                    if shown is None:
                        shown = self._show(plan.column, place, cell)
                elif cell != "" and self._understood(plan.column, place, cell).value is not None:
                    shown = self._show(plan.column, place, cell)
            if shown is None:
                shown = self._typed_or_filled(row, plan, said)
            if shown:
                told[plan.field] = shown[:SHOWN]
        return told

    def _show(self, column: Column, place: _Place, cell: Cell) -> str:
        shown = place.shown.get(cell) if isinstance(cell, str) else None
        if shown is None:
            shown = _shown(cell, is_secret=column.is_secret)
            if isinstance(cell, str) and not column.is_secret and len(place.shown) < TEXTS_KEPT:
                place.shown[cell] = shown
        return shown

    def _typed_or_filled(self, row: Row, plan: _Plan, said: Mapping[str, str]) -> str:
        column = plan.column
        cells = [(place, cell) for place, cell in self._cells(row, plan, said) if cell != ""]
        value = row.values[plan.field] if plan.fills else None
        if value is not None and all(self._understood(column, place, cell).value is None for place, cell in cells):
            return column.words(value)
        return " ".join(filter(None, (_shown(cell, is_secret=column.is_secret) for _place, cell in cells)))


def _shown(cell: Cell, *, is_secret: bool) -> str:
    """What the preview shows of a cell."""
    text = cell if isinstance(cell, str) else text_of(cell)
    if not is_plain(text):
        text = REFUSED.sub("\N{REPLACEMENT CHARACTER}", clean_text(text)) if not is_blank(cell) else ""
    return masked(text[:SHOWN]) if is_secret else text[:SHOWN]
