"""From a file to the answer of import.md section 3: found, mapped, normalised, matched, checked. Writes nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imports.cells import Context, Reading, read_cell
from imports.choices import CellPlace, Choices, HandTable
from imports.identity import masked
from imports.mapping import Headings, map_columns
from imports.money import unit_of_heading, unit_of_title
from imports.normalising import REFUSED, clean_text
from imports.problems import Problem, sentence_of_refusal
from imports.reading import Cell, Worksheet, read_worksheets
from imports.refusals import FileRefused
from imports.sheets import Column, Missing, Row, Sheet
from imports.tables import Found, Line, Table, find_tables, is_blank, tell_skipped, text_of

if TYPE_CHECKING:
    from accounts.models import User

SHOWN = 300
"""Characters of a cell that the preview keeps."""
TEXTS_KEPT = 5_000
"""Of one column, so that each is understood once."""
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

    def counts(self) -> dict[str, int]:
        kinds = ["faulty" if row.is_faulty else row.outcome for row in self.rows]
        numbers = {kind: kinds.count(kind) for kind in ("new", "changed", "unchanged", "faulty")}
        return {"rows": len(kinds), **numbers, "missing": self.missing}

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "sheet": self.sheet,
            "file": self.file,
            "ok": self.refused is None,
            "file_problem": self.refused.code if self.refused else None,
            "tables": [table.as_json() for table in self.tables],
            **self.counts(),
            "problems": [problem.as_json() for problem in self.problems],
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
    copies = [replace(row, values=dict(row.values), problems=list(row.problems), differences=[]) for row in rows]
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
        self.corrections = corrections
        self.understood: dict[tuple[str, str], dict[str, tuple[Reading, str]]] = defaultdict(dict)
        """Field and heading -> text of a cell -> what it means."""
        self.table = mapped.table
        self.given = given
        self.above: dict[str, tuple[Any, Any]] = {}
        """Field -> its last value, and that of the field within which it may be filled down."""
        headings = mapped.table.headings
        title_unit = next((unit for unit in map(unit_of_title, mapped.table.titles) if unit), None)
        years = [found[1] for title in mapped.table.titles for found in TITLE_YEAR.finditer(title)]
        year = int(years[0]) if len(set(years)) == 1 else None
        self.columns: dict[str, list[tuple[int, Context]]] = {}
        for column, name in sorted(mapped.fields.items(), key=lambda item: known.rank_of(headings[item[0]])):
            unit: Decimal | None = unit_of_heading(headings[column]) or title_unit
            self.columns.setdefault(name, []).append((column, Context(today, unit, year)))
        self.labels = {
            column.field: headings[self.columns[column.field][0][0]]
            if column.field in self.columns
            else column.headings[0]
            for column in sheet.columns
        }
        self.mapped = tuple(dict.fromkeys(mapped.fields.values()))

    def rows(self) -> Iterator[Row]:
        kept: list[Line] = []
        for line in self.table.lines:
            row = Row(self.table.worksheet, line.number, {}, self.labels, self.mapped)
            for column in self.sheet.columns:
                self._read(row, column, line)
            if self._is_record(line):
                kept.append(line)
                self._require(row)
                yield row
            else:
                self.table.skipped.append((line.number, "blank"))
        self.table.lines = kept
        tell_skipped(self.table)

    def _read(self, row: Row, column: Column, line: Line) -> None:
        values, typed = [], []
        for heading, cell, context in self._cells(row, column, line):
            reading, shown = self._understood(column, heading, cell, context)
            row.problems += [Problem(row.worksheet, row.number, heading, code) for code in reading.codes]
            if reading.value is not None:
                values.append(reading.value)
            if shown:
                typed.append(shown)
        value = column.choose(values) if values else None
        if value is None and not any(problem.column == self.labels[column.field] for problem in row.problems):
            value = self._filled(row, column)
            typed = [column.words(value)] if value is not None else typed
        row.values[column.field] = value
        if typed:
            row.typed[column.field] = " ".join(typed)[:SHOWN]
        if value is not None and column.fills_down:
            self.above[column.field] = (value, row.values.get(column.within))

    def _understood(self, column: Column, heading: str, cell: Cell, context: Context) -> tuple[Reading, str]:
        """What a cell means and what the preview shows of it. Rosters repeat themselves, so texts are kept."""
        known = self.understood[(column.field, heading)]
        kept = known.get(cell) if isinstance(cell, str) else None
        if kept is not None:
            return kept
        shown = "" if is_blank(cell) else REFUSED.sub("\N{REPLACEMENT CHARACTER}", clean_text(text_of(cell)))[:SHOWN]
        found = (
            read_cell(cell, column.parse, context, column.max_length),
            masked(shown) if column.is_secret else shown,
        )
        if isinstance(cell, str) and not column.is_secret and len(known) < TEXTS_KEPT:
            known[cell] = found
        return found

    def _cells(self, row: Row, column: Column, line: Line) -> Iterator[tuple[str, Cell, Context]]:
        """Heading, cell and context of each column of a field; what the user corrected goes before what stands there.

        A field without a column has a cell only when the user gave it one.
        """
        places = self.columns.get(column.field)
        if not places:
            if not self.corrections:
                return
            given = self.corrections.get((row.worksheet, row.number, self.labels[column.field]))
            if given is not None:
                yield self.labels[column.field], given, Context(self.today)
            return
        for index, context in places:
            heading = self.table.headings[index]
            corrected = self.corrections.get((row.worksheet, row.number, heading)) if self.corrections else None
            yield heading, line.cells[index] if corrected is None else corrected, context

    def _filled(self, row: Row, column: Column) -> Any:
        """What an empty cell takes: from the title without a word, from the row above with a warning."""
        given = self.given.get(column.field)
        above, within = self.above.get(column.field, (None, None)) if column.fills_down else (None, None)
        if within != row.values.get(column.within):
            above = None
        if above is None or above == given or column.field not in self.columns:
            return given
        row.add("filled_down", column.field)
        return above

    def _is_record(self, line: Line) -> bool:
        """Without its subject, a line is a record only when a cell of its own besides the places is filled."""
        subject = self.columns.get(self.sheet.subject)
        own = [
            index
            for name, places in self.columns.items()
            for index, _context in places
            if not self.sheet.by_field[name].fills_down
        ]
        return any(not is_blank(line.cells[index]) for index in own) or (
            subject is not None
            and not self.sheet.by_field[self.sheet.subject].fills_down
            and any(not is_blank(line.cells[index]) for index, _context in subject)
        )

    def _require(self, row: Row) -> None:
        told = {problem.column for problem in row.problems if problem.is_error}
        for column in self.sheet.columns:
            if column.is_required and row.values[column.field] is None and self.labels[column.field] not in told:
                row.add("required_missing", column.field)
