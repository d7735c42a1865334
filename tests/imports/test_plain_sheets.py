"""The guard's quick look finds what its walk finds, and leaves to the walk what is not written plainly."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from imports import guard, limits
from imports.guard import Findings, inspect
from imports.plain_sheets import PlainCells, column_number, plain_cells
from imports.refusals import FileRefused

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="x"><cols><col min="1"/></cols><sheetData>'
CELL = b'<c r="A1" t="inlineStr"><is><t>\xe4\xb8\x80</t></is></c>'
ROW = b'<row r="1" spans="1:2">' + CELL + b"</row>"
TAIL = b"</sheetData><conditionalFormatting><cfRule><formula>1</formula></cfRule></conditionalFormatting></worksheet>"


def look(data: bytes, size: int = 7) -> PlainCells | None:
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    return plain_cells(chunks, {3})


@pytest.mark.parametrize("seed", range(20))
def test_the_quick_look_finds_what_the_walk_finds(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "a.xlsx", random.Random(seed))
    quick = inspect(path, path.name)
    monkeypatch.setattr(guard, "plain_cells", lambda *given: None)
    walked = inspect(path, path.name)
    assert quick == walked
    assert any(quick.faults.values())
    assert any(quick.month_cells.values())


def workbook(path: Path, chance: random.Random) -> Path:
    with xlsxwriter.Workbook(path, {"constant_memory": chance.random() < 0.5}) as book:
        month = book.add_format({"num_format": "yyyy.mm"})
        plain = book.add_format({"bold": True})
        for name in ("一", "二"):
            sheet = book.add_worksheet(name)
            for row in range(30):
                for column in range(8):
                    write(sheet, row, column, chance, month, plain)
    return path


def write(sheet: Any, row: int, column: int, chance: random.Random, month: Any, plain: Any) -> None:
    kind = chance.randrange(9)
    if kind == 0:
        sheet.write_formula(row, column, "=NA()", None, chance.choice(["#N/A", "#DIV/0!", 3, "", "字"]))
    elif kind == 1:
        sheet.write_datetime(row, column, datetime(2021, 3, 1), month)
    elif kind == 2:
        sheet.write_blank(row, column, None, plain)
    elif kind == 3:
        sheet.write_string(row, column, ' t="e" <c r="ZZ1"><v>&', plain)
    elif kind == 4:
        sheet.write_number(row, column, 1975.03)
    elif kind == 5:
        sheet.write_boolean(row, column, True)
    elif kind == 6:
        sheet.write_string(row, column, "  空格 ")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_plain_sheet(size: int) -> None:
    rows = (
        ROW
        + b'<row r="4"/><row r="5" ht="12"><c r="B5" s="3"><v>1</v></c><c r="C5" s="3"/><c r="D5"><f>A1</f></c>'
        + b'<c r="AB5" t="e"><f>A1</f><v>#REF!</v></c><c r="F5"><v/></c></row>\n<row r="9"><c r="XFD9" s="1"/></row>'
    )
    found = look(HEAD + rows + TAIL, size)
    assert found is not None
    assert (found.cells, found.last_row, max(map(column_number, found.columns))) == (5, 4, 27)
    assert (found.faults, found.months) == ({(4, 3): "", (4, 27): "#REF!"}, {(4, 1)})


@pytest.mark.parametrize(
    "data",
    [
        HEAD + ROW.replace(b"<row", b"<!-- --><row") + TAIL,
        HEAD + ROW.replace(b'"1"', b"'1'") + TAIL,
        HEAD + ROW.replace(b"<t>", b"<r><t>").replace(b"</t>", b"</t></r>") + TAIL,
        HEAD + ROW.replace(b"<c ", b"<x:c ").replace(b"</c>", b"</x:c>") + TAIL,
        HEAD + ROW.replace(b'r="A1"', b'r="A1" cm="1"') + TAIL,
        HEAD + ROW + TAIL + CELL,
        HEAD + ROW + TAIL + CELL.replace(b"<c ", b"<x:c "),
        HEAD.replace(b"<cols>", b"<!-- <cols> -->") + ROW + TAIL,
        HEAD.replace(b"UTF-8", b"GBK") + ROW + TAIL,
        HEAD.replace(b"<cols>", CELL) + ROW + TAIL,
        HEAD + ROW,
        HEAD + ROW + ROW[:-6] + TAIL,
        HEAD + ROW.replace(b't="inlineStr"', b't="e"').replace(b"\xe4\xb8\x80", b"&#35;") + TAIL,
        b"<worksheet/>",
    ],
)
def test_what_is_not_written_plainly_is_walked(data: bytes) -> None:
    assert look(data) is None


@pytest.mark.parametrize(
    ("name", "limit", "found"), [("ROWS", 5, "rows"), ("COLUMNS", 3, "columns"), ("CELLS", 9, "cells")]
)
def test_limits_hold_for_plain_sheets(
    tmp_path: Path, name: str, limit: int, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "a.xlsx", random.Random(1))
    assert isinstance(inspect(path, path.name), Findings)
    monkeypatch.setattr(limits, name, limit)
    with pytest.raises(FileRefused) as caught:
        inspect(path, path.name)
    assert (caught.value.code, caught.value.found) == ("file_too_large", found)
