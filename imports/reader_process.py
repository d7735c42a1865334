"""The child process that reads one spreadsheet: python -m imports.reader_process FILE NAME LIMITS

Prints one JSON object: `{"kind", "worksheets"}` or `{"refused": [code, found]}`. It has
limits on memory and processor time, no keys in its environment and no database, so
whatever a file makes the reader do ends here (security.md section 7.3).
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import python_calamine

from imports import limits
from imports.guard import Findings, check_extent, inspect
from imports.refusals import FileRefused

SIGNIFICANT_DIGITS = 15
RUN_BY_SPREADSHEETS = frozenset("=+-@\t\r")
"""Text that begins so is a formula to a spreadsheet program that opens a .csv."""
"""Of a number cell: what a spreadsheet program keeps."""


def main(path: Path, name: str) -> dict[str, Any]:
    try:
        findings = inspect(path, name)
        worksheets = _read_text(path, name) if findings.kind == "csv" else _read_workbook(path, findings)
    except FileRefused as refused:
        return {"refused": [refused.code, refused.found]}
    return {"kind": findings.kind, "worksheets": worksheets}


def _read_workbook(path: Path, findings: Findings) -> list[dict[str, Any]]:
    try:
        workbook = python_calamine.load_workbook(str(path))
        return [
            _worksheet(workbook, metadata, findings)
            for metadata in workbook.sheets_metadata
            if metadata.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
    except python_calamine.PasswordError as error:
        raise FileRefused("file_password") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileRefused("file_damaged", "reader") from error


def _worksheet(
    workbook: python_calamine.CalamineWorkbook, metadata: python_calamine.SheetMetadata, findings: Findings
) -> dict[str, Any]:
    sheet = workbook.get_sheet_by_name(metadata.name)
    if sheet.end is not None:
        check_extent(sheet.end[0], sheet.end[1], 0)
    rows = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    for (row, column), error in findings.faults.get(metadata.name, {}).items():
        rows += [[] for _missing in range(row + 1 - len(rows))]
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = ["e", error]
    for row, column in findings.month_cells.get(metadata.name, ()):
        value = rows[row][column]
        if isinstance(value, list) and value[0] == "d":
            rows[row][column] = ["m", value[1]]
    return {
        "name": metadata.name,
        "is_visible": metadata.visible == python_calamine.SheetVisibleEnum.Visible,
        "merged": [[*start, *end] for start, end in sheet.merged_cell_ranges or ()]
        or findings.merged.get(metadata.name, []),
        "rows": rows,
    }


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


def _read_text(path: Path, name: str) -> list[dict[str, Any]]:
    text = _decoded(path.read_bytes())
    delimiter = max(",\t;", key=text[:4000].count)
    rows: list[list[Any]] = []
    cells = 0
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            filled = [index for index, value in enumerate(row) if value.strip()]
            cells += len(filled)
            if filled:
                check_extent(len(rows), filled[-1], cells)
            rows.append([_unmarked(value) for value in row])
    except csv.Error as error:
        raise FileRefused("file_damaged", "text") from error
    return [{"name": Path(name).stem, "is_visible": True, "merged": [], "rows": rows}]


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
    json.dump(main(Path(sys.argv[1]), sys.argv[2]), sys.stdout, ensure_ascii=True)
