"""The uploaded file given back with one column more: what is wrong with a row, or what became of it.

Built from what the reader gave and the stored rows. Layout and row numbers are those of the
upload, so that the file, corrected in a spreadsheet program, goes in again. Cells that the
user corrected on the page hold the correction.
Rule: docs/import.md, “在网页上改”.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from xlsxwriter.exceptions import OverlappingRange

from imports.batches import remembered_columns
from imports.choices import CellPlace, Choices
from imports.mapping import map_columns
from imports.models import ImportBatch, ImportRow
from imports.preview import problems_of, worksheets_of
from imports.reading import Cell, CellError, MonthCell, Worksheet
from imports.sheets import Sheet, sheet_called
from imports.tables import Table, find_tables, is_blank, text_of

PROBLEM, RESULT = "问题", "处理结果"
"""Headings of the added column, the same in every language: they must not become a field when read again."""
BETWEEN = "；"
NAME_LENGTH = 31
FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
WIDTH = 48
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
"""Text stays text: a cell that begins with = is never a formula."""


@dataclass
class Notes:
    """Per worksheet and row what the added column says, and the cells to mark: (row, heading) -> is an error."""

    texts: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[CellPlace, bool] = field(default_factory=dict)

    def mark(self, place: CellPlace, *, is_error: bool) -> None:
        self.marks[place] = is_error or self.marks.get(place, False)


def problem_workbook(batch: ImportBatch) -> bytes:
    """The file with a column 问题, bad cells marked. Raises FileRefused; ValueError when the file was forgotten."""
    notes = Notes()
    for row in batch.rows.exclude(problems=[]).order_by("position"):
        _note_problems(notes, row)
    for row in batch.rows.filter(outcome=ImportRow.Outcome.LEFT_OUT):
        notes.texts[row.worksheet, row.number].append(
            _("kept out on the page; delete this row to upload the file again")
        )
    return _workbook(batch, notes, PROBLEM)


def result_workbook(batch: ImportBatch) -> bytes:
    """The file with a column 处理结果. Raises FileRefused; ValueError when the file was forgotten."""
    notes = Notes()
    labels = batch.answer.get("labels", {})
    for row in batch.rows.exclude(outcome=ImportRow.Outcome.MISSING).order_by("position"):
        if row.result == ImportRow.Result.LEFT_OUT:
            _note_problems(notes, row)
        first = notes.texts[row.worksheet, row.number]
        first.insert(0, result_in_words(row, labels.get(row.worksheet, {})))
    for table in batch.answer.get("tables", []):
        for skipped in table["skipped"]:
            words = _("skipped: %(reason)s") % {"reason": skip_reason(skipped["reason"])}
            notes.texts[table["worksheet"], skipped["row"]].append(words)
    return _workbook(batch, notes, RESULT)


def _note_problems(notes: Notes, row: ImportRow) -> None:
    for problem in problems_of(row):
        told = f"{problem.column}：{problem.as_json()['message']}"
        notes.texts[problem.worksheet, problem.row].append(told)
        notes.mark((problem.worksheet, problem.row, problem.column), is_error=problem.is_error)


def result_in_words(row: ImportRow, labels: Mapping[str, str]) -> str:
    """What became of a row: new, changed with its fields, unchanged, left out, undone."""
    if row.result == ImportRow.Result.LEFT_OUT:
        return pgettext("row", "not imported")
    if row.result in (ImportRow.Result.UNDONE, ImportRow.Result.NOT_UNDONE):
        return str(row.get_result_display())
    if row.outcome == ImportRow.Outcome.CHANGED:
        changes = [f"{labels.get(name, name)} {before or '—'}→{now}" for name, before, now in row.differences]
        return BETWEEN.join([str(row.get_outcome_display()), *changes])
    return str(row.get_outcome_display())


def skip_reason(code: str) -> str:
    """Why a row or a worksheet was skipped, in words."""
    words = {
        "blank": pgettext("skipped", "blank row"),
        "repeated_header": pgettext("skipped", "headings once more"),
        "subtotal": pgettext("skipped", "subtotal"),
        "note": pgettext("skipped", "note"),
        "example": pgettext("skipped", "example"),
        "hidden": pgettext("skipped", "hidden worksheet"),
        "template": pgettext("skipped", "its name says it is a template or instructions"),
        "empty": pgettext("skipped", "empty worksheet"),
        "no_header": pgettext("skipped", "no row of headings was found"),
    }
    return words[code]


# --- Tables of the file -------------------------------------------------------------------


def tables_of(batch: ImportBatch, worksheets: list[Worksheet]) -> list[Table]:
    """The tables as the check found them."""
    sheet: Sheet = sheet_called(batch.sheet)
    said = {**remembered_columns(batch), **Choices.from_json(batch.choices).columns}
    known = sheet.headings.with_said(said)

    def name_columns(headings: dict[int, str]) -> set[int]:
        return {column for column, name in map_columns(headings, known).items() if name == sheet.subject}

    by_hand = Choices.from_json(batch.choices).tables
    return find_tables(worksheets, known.knows, name_columns, by_hand, sheet.subject).tables


# --- Writing ------------------------------------------------------------------------------


def _workbook(batch: ImportBatch, notes: Notes, heading: str) -> bytes:
    worksheets = worksheets_of(batch)
    tables = {table.worksheet: table for table in tables_of(batch, worksheets)}
    corrections: dict[str, dict[tuple[int, str], str]] = defaultdict(dict)
    for (name, row, column), text in Choices.from_json(batch.choices).cells.items():
        corrections[name][row, column] = text
    output = BytesIO()
    with xlsxwriter.Workbook(output, OPTIONS) as workbook:
        styles = Styles.of(workbook)
        names: set[str] = set()
        sheets = []
        for worksheet in worksheets:
            target = workbook.add_worksheet(_sheet_name(worksheet.name, names))
            table = tables.get(worksheet.name)
            if table is None:
                _copy(target, worksheet, styles)
            else:
                page = _TablePage(worksheet, table, corrections[worksheet.name], notes, heading)
                page.write(target, styles)
            sheets.append((worksheet, target))
        _show_the_visible(sheets)
    return output.getvalue()


def _show_the_visible(sheets: list[tuple[Worksheet, Any]]) -> None:
    visible = [target for worksheet, target in sheets if worksheet.is_visible]
    if visible:
        visible[0].activate()
        visible[0].set_first_sheet()
        for worksheet, target in sheets:
            if not worksheet.is_visible:
                target.hide()


@dataclass(frozen=True)
class Styles:
    """Formats of the cells. Text format everywhere but at amounts and dates, so that what is typed stays as typed."""

    text: Any
    day: Any
    month: Any
    number: Any
    head: Any
    bad: Any
    doubtful: Any
    note: Any

    @classmethod
    def of(cls, workbook: Any) -> Styles:
        return cls(
            text=workbook.add_format({"num_format": "@"}),
            day=workbook.add_format({"num_format": "yyyy-mm-dd"}),
            month=workbook.add_format({"num_format": "yyyy-mm"}),
            number=workbook.add_format({"num_format": "General"}),
            head=workbook.add_format({"num_format": "@", "bold": True, "text_wrap": True, "bg_color": "#ECEEF1"}),
            bad=workbook.add_format({"num_format": "@", "bg_color": "#F8D0CC", "border": 1, "border_color": "#B3261E"}),
            doubtful=workbook.add_format({"num_format": "@", "bg_color": "#FCE8C3"}),
            note=workbook.add_format({"num_format": "@", "text_wrap": True, "font_color": "#9A1B1A"}),
        )


def _copy(target: Any, worksheet: Worksheet, styles: Styles) -> None:
    """A worksheet without a table, as it is."""
    _merge(target, worksheet.merged, styles)
    for index, row in enumerate(worksheet.rows):
        for column, cell in enumerate(row):
            _write(target, index, column, cell, styles)


class _TablePage:
    """One worksheet with a table, its corrections and its added column."""

    def __init__(
        self,
        worksheet: Worksheet,
        table: Table,
        corrections: Mapping[tuple[int, str], str],
        notes: Notes,
        heading: str,
    ) -> None:
        self.worksheet = worksheet
        self.notes = notes
        self.heading = heading
        self.corrections = corrections
        self.head_row = table.header_rows[-1] - 1 if table.header_rows else min(self._numbers(table), default=1) - 2
        """-1 where the data begins in the first row: then the added columns have no heading."""
        self.columns: dict[str, list[int]] = defaultdict(list)
        for column, name in table.headings.items():
            self.columns[name].append(column)
        width = max((len(row) for row in worksheet.rows), default=0)
        self.width = max(width, max(table.headings, default=0) + 1)
        former = self._former_column(table)
        self.note_column = self.width if former is None else former
        self.extra: dict[str, int] = {}
        """Columns for corrections of fields that the file has no column for."""

    @staticmethod
    def _numbers(table: Table) -> list[int]:
        return [line.number for line in table.lines] + [number for number, _reason in table.skipped]

    def _former_column(self, table: Table) -> int | None:
        """The added column of an earlier round, to be written over."""
        return next((at for at, name in table.headings.items() if name.split("/")[-1] in (PROBLEM, RESULT)), None)

    def write(self, target: Any, styles: Styles) -> None:
        rows = [[*row, *[""] * (self.width - len(row))] for row in self.worksheet.rows]
        kept = self._fill_down(rows)
        self._correct(rows)
        _merge(target, kept, styles)
        marks = self._marks(styles)
        for index, row in enumerate(rows):
            for column, cell in enumerate(row):
                if column != self.note_column or index < self.head_row:
                    style = marks.get((index, column)) or (styles.head if index == self.head_row else None)
                    _write(target, index, column, cell, styles, style)
        for name, column in self.extra.items():
            target.write_string(self.head_row, column, name, styles.head)
        self._write_notes(target, styles, len(rows))

    def _fill_down(self, rows: list[list[Cell]]) -> list[tuple[int, int, int, int]]:
        """Merged ranges among the data become single cells of one value, so that each can be corrected.

        Gives the ranges to keep: those of titles and headings.
        """
        kept = []
        for top, left, bottom, right in self.worksheet.merged:
            if top <= self.head_row:
                kept.append((top, left, bottom, right))
                continue
            for index in range(top + 1, min(bottom + 1, len(rows))):
                if left < len(rows[index]) and left < len(rows[top]) and is_blank(rows[index][left]):
                    rows[index][left] = rows[top][left]
        return kept

    def _correct(self, rows: list[list[Cell]]) -> None:
        for (number, heading), text in self.corrections.items():
            if not self.head_row < number - 1 < len(rows):
                continue
            column = self._column_of(heading)
            row = rows[number - 1]
            row += [""] * (column + 1 - len(row))
            row[column] = text

    def _column_of(self, heading: str) -> int:
        if heading in self.columns:
            return self.columns[heading][0]
        if heading not in self.extra:
            self.extra[heading] = max(self.width, self.note_column + 1) + len(self.extra)
        return self.extra[heading]

    def _marks(self, styles: Styles) -> dict[tuple[int, int], Any]:
        return {
            (number - 1, self.columns[heading][0]): styles.bad if is_error else styles.doubtful
            for (worksheet, number, heading), is_error in self.notes.marks.items()
            if worksheet == self.worksheet.name and heading in self.columns
        }

    def _write_notes(self, target: Any, styles: Styles, count: int) -> None:
        target.write_string(self.head_row, self.note_column, self.heading, styles.head)
        target.set_column(self.note_column, self.note_column, WIDTH)
        for index in range(self.head_row + 1, count):
            told = self.notes.texts.get((self.worksheet.name, index + 1))
            if told:
                target.write_string(index, self.note_column, BETWEEN.join(dict.fromkeys(told)), styles.note)


def _write(target: Any, row: int, column: int, cell: Cell, styles: Styles, style: Any = None) -> None:
    """A cell as what it is. A number or date keeps its kind in a marked cell too, so that its problem stays."""
    if isinstance(cell, bool):
        target.write_boolean(row, column, cell, style or styles.number)
    elif isinstance(cell, Decimal):
        target.write_number(row, column, cell, style or styles.number)
    elif isinstance(cell, MonthCell):
        target.write_datetime(row, column, datetime.combine(cell.day, time()), styles.month)
    elif isinstance(cell, date):
        target.write_datetime(row, column, datetime.combine(cell, time()), styles.day)
    elif isinstance(cell, CellError):
        # A formula without a value must not come back as an empty cell that nobody misses.
        target.write_string(row, column, cell.shown or "#N/A", style or styles.text)
    elif cell:
        target.write_string(row, column, text_of(cell)[:32_767], style or styles.text)
    elif style is not None:
        target.write_blank(row, column, None, style)


def _merge(target: Any, ranges: Iterable[tuple[int, int, int, int]], styles: Styles) -> None:
    """Values are written after it, into the first cell of each range."""
    for top, left, bottom, right in ranges:
        if (top, left) != (bottom, right):
            try:
                target.merge_range(top, left, bottom, right, "", styles.head)
            except OverlappingRange:
                continue


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that a workbook may have, as near to the worksheet's own as can be."""
    plain = FORBIDDEN.sub("_", name).strip("'")[:NAME_LENGTH] or "Sheet"
    found, number = plain, 1
    while found.lower() in taken:
        number += 1
        found = f"{plain[: NAME_LENGTH - len(str(number)) - 1]}_{number}"
    taken.add(found.lower())
    return found
