"""The child process that reads one spreadsheet: python -m imports.reader_process FILE NAME LIMITS

Prints JSON, one value a line: for each worksheet an object that says what it is, then lists of
its rows; last `{"done": true}`, or at any place `{"refused": [code, found]}`. Rows go out in
portions, so that neither side holds them twice. It has limits on memory and processor time, no
keys in its environment and no database, so whatever a file makes the reader do ends here
(security.md section 7.3).
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine

from imports import limits
from imports.guard import Findings, check_extent, inspect
from imports.refusals import FileRefused

PORTION = 1_000
"""Rows in one line of the answer."""
SIGNIFICANT_DIGITS = 15
RUN_BY_SPREADSHEETS = frozenset("=+-@\t\r")
"""Text that begins so is a formula to a spreadsheet program that opens a .csv."""
"""Of a number cell: what a spreadsheet program keeps."""


def messages(path: Path, name: str) -> Iterator[Any]:
    """What is printed. `name` is the name that the file came with."""
    try:
        findings = inspect(path, name)
        yield from _read_text(path, name) if findings.kind == "csv" else _read_workbook(path, findings)
    except FileRefused as refused:
        yield {"refused": [refused.code, refused.found]}
    else:
        yield {"done": True}


def _read_workbook(path: Path, findings: Findings) -> Iterator[Any]:
    try:
        workbook = python_calamine.load_workbook(str(path))
        for metadata in workbook.sheets_metadata:
            if metadata.typ == python_calamine.SheetTypeEnum.WorkSheet:
                yield from _worksheet(workbook, metadata, findings)
    except python_calamine.PasswordError as error:
        raise FileRefused("file_password") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileRefused("file_damaged", "reader") from error


def _worksheet(
    workbook: python_calamine.CalamineWorkbook, metadata: python_calamine.SheetMetadata, findings: Findings
) -> Iterator[Any]:
    sheet = workbook.get_sheet_by_name(metadata.name)
    if sheet.end is not None:
        check_extent(sheet.end[0], sheet.end[1], 0)
    yield {
        "worksheet": metadata.name,
        "is_visible": metadata.visible == python_calamine.SheetVisibleEnum.Visible,
        "merged": [[*start, *end] for start, end in sheet.merged_cell_ranges or ()]
        or findings.merged.get(metadata.name, []),
    }
    yield from _in_portions(_with_findings(_rows_of(sheet), metadata.name, findings))


def _rows_of(sheet: python_calamine.CalamineSheet) -> Iterator[list[Any]]:
    """All rows from the first and all columns from the first, where the reader begins at the first filled ones."""
    if sheet.start is None or sheet.end is None:
        return
    top, left = sheet.start
    rows = iter(sheet.iter_rows())
    for _above in range(top):
        next(rows)
        yield [""] * (sheet.end[1] + 1)
    before = [""] * left
    for row in rows:
        yield before + [value if type(value) is str else _cell(value) for value in row]


def _with_findings(rows: Iterable[list[Any]], sheet: str, findings: Findings) -> Iterator[list[Any]]:
    """The rows with what the guard found and the reader does not tell: error cells, dates shown as months."""
    faults: dict[int, dict[int, str]] = defaultdict(dict)
    months: dict[int, list[int]] = defaultdict(list)
    for (at, column), error in findings.faults.get(sheet, {}).items():
        faults[at][column] = error
    for at, column in findings.month_cells.get(sheet, ()):
        months[at].append(column)
    count = 0
    for count, row in enumerate(rows, start=1):
        if count - 1 in faults or count - 1 in months:
            _mark(row, faults.get(count - 1, {}), months.get(count - 1, ()))
        yield row
    for at in range(count, max(faults, default=-1) + 1):
        row = []
        _mark(row, faults.get(at, {}), ())
        yield row


def _mark(row: list[Any], faults: Mapping[int, str], months: Iterable[int]) -> None:
    for column, error in faults.items():
        row += [""] * (column + 1 - len(row))
        row[column] = ["e", error]
    for column in months:
        value = row[column]
        if isinstance(value, list) and value[0] == "d":
            row[column] = ["m", value[1]]


def _in_portions(rows: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    iterator = iter(rows)
    while portion := list(islice(iterator, PORTION)):
        yield portion


def _cell(value: object) -> Any:
    """A text as it is; anything else as [kind, text]: n number, b truth, d date."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ["b", "1" if value else "0"]
    if isinstance(value, int):
        return ["n", str(value)]
    if isinstance(value, float):
        return ["n", format(value, f".{SIGNIFICANT_DIGITS}g")]
    if isinstance(value, datetime):
        return ["d", value.date().isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    if isinstance(value, time | timedelta):
        return str(value)
    return ""


def _read_text(path: Path, name: str) -> Iterator[Any]:
    text = _decoded(path.read_bytes())
    yield {"worksheet": Path(name).stem, "is_visible": True, "merged": []}
    yield from _in_portions(_rows_of_text(text))


def _rows_of_text(text: str) -> Iterator[list[str]]:
    delimiter = max(",\t;", key=text[:4000].count)
    cells = 0
    try:
        for index, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            filled = [column for column, value in enumerate(row) if value.strip()]
            cells += len(filled)
            if filled:
                check_extent(index, filled[-1], cells)
            yield [_unmarked(value) for value in row]
    except csv.Error as error:
        raise FileRefused("file_damaged", "text") from error


def _unmarked(value: str) -> str:
    """Without the mark that the portal's own files put before text that a spreadsheet would run (security.md 7)."""
    return value[1:] if value[:1] == "'" and value[1:2] in RUN_BY_SPREADSHEETS else value


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused("file_type", "encoding")


if __name__ == "__main__":
    limits.take(json.loads(sys.argv[3]))
    resource.setrlimit(resource.RLIMIT_AS, (limits.READER_MEMORY_BYTES, limits.READER_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.READER_CPU_SECONDS, limits.READER_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    csv.field_size_limit(limits.FILE_BYTES)
    for message in messages(Path(sys.argv[1]), sys.argv[2]):
        sys.stdout.write(json.dumps(message, ensure_ascii=True) + "\n")
