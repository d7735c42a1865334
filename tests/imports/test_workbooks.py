"""The file that comes back: same layout, bad cells marked, and read again it says the same."""

from __future__ import annotations

import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
import xlsxwriter

from accounts.models import User
from accounts.roles import Role
from imports import batches
from imports.models import ImportBatch
from imports.reading import CellError, MonthCell, read_worksheets
from imports.workbooks import problem_workbook, result_workbook
from tests.conftest import make_user
from tests.imports.places import load_places
from tests.imports.rosters import applied, bring, bring_rows, undone, worked

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
EXPECTED = sorted(SAMPLES.glob("*.expected.json"))
HEADINGS = ["乡镇", "村", "姓名", "出生年月", "身份证号", "职务"]


@pytest.fixture
def staff(db: None) -> User:
    return make_user("staff", Role.CS, load_places())


def back(batch: ImportBatch, content: bytes, tmp_path: Path, by: User) -> ImportBatch:
    """The workbook uploaded like any other file."""
    path = tmp_path / "back.xlsx"
    path.write_bytes(content)
    return bring(batch.sheet, path, by)


def told(batch: ImportBatch) -> dict[str, Any]:
    """What the check said, without what the added column changes."""
    rows = batch.rows.order_by("position").values_list("worksheet", "number", "outcome", "cells", "problems")
    counts = [batch.answer[name] for name in ("rows", "new", "changed", "unchanged", "faulty")]
    tables = [
        (table["worksheet"], table["header_rows"], table["mapped"], table["skipped"])
        for table in batch.answer["tables"]
    ]
    return {"rows": list(rows), "counts": counts, "tables": tables}


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
@time_machine.travel("2026-11-25 12:00 +08:00", tick=True)
def test_the_samples_come_back_as_they_went_in(path: Path, staff: User, tmp_path: Path) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    batch = bring(expected["sheet"], SAMPLES / expected["file"], staff)
    again = back(batch, problem_workbook(batch), tmp_path, staff)
    once, twice = told(batch), told(again)
    if expected["file"].endswith(".csv"):
        # A text file has no worksheet to be named after.
        once, twice = json.loads(json.dumps([once, twice]).replace(batch.answer["tables"][0]["worksheet"], ""))
    assert twice == once


def test_what_is_wrong_stands_in_the_row_and_the_cell_is_marked(staff: User, tmp_path: Path) -> None:
    rows = [HEADINGS, ["平昌镇", "朱庄村", "张三", "1975.13", "", "书记"], ["平昌镇", "朱庄村", "李四", "", "", "委员"]]
    batch = bring_rows(tmp_path, "cadres", rows, staff)
    path = tmp_path / "out.xlsx"
    path.write_bytes(problem_workbook(batch))
    (sheet,) = read_worksheets(path)
    assert [row[6] for row in sheet.rows] == ["问题", "出生年月：不是日期；请写成 1975.03 或 1975.03.12。", ""]
    with zipfile.ZipFile(path) as packed:
        cells = packed.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in cells
    assert style_of(cells, "D2") != style_of(cells, "D3")


def style_of(cells: str, name: str) -> str | None:
    found = next((part for part in cells.split("<c ") if part.startswith(f'r="{name}"')), "")
    return found.split('s="')[1].split('"')[0] if 's="' in found else None


def test_a_second_round_writes_over_the_column_of_the_first(staff: User, tmp_path: Path) -> None:
    rows = [HEADINGS, ["平昌镇", "朱庄村", "张三", "1975.13", "", "书记"]]
    batch = bring_rows(tmp_path, "cadres", rows, staff)
    again = back(batch, problem_workbook(batch), tmp_path, staff)
    path = tmp_path / "third.xlsx"
    path.write_bytes(problem_workbook(again))
    (sheet,) = read_worksheets(path)
    assert sheet.rows[0] == [*HEADINGS, "问题"]


def test_corrections_made_on_the_page_are_in_the_file(staff: User, tmp_path: Path) -> None:
    rows = [HEADINGS, ["平昌镇", "朱庄村", "张三", "1975.13", "", "书记"], ["平昌镇", "朱庄村", "", "", "", "委员"]]
    batch = bring_rows(tmp_path, "cadres", rows, staff)
    batches.answer_cells(
        batch, {("名册", 2, "出生年月"): "1975.12", ("名册", 2, "学历"): "大专", ("名册", 3, "姓名"): "李四"}, by=staff
    )
    batch = worked(batch)
    assert batch.answer["faulty"] == 0
    again = back(batch, problem_workbook(batch), tmp_path, staff)
    assert told(again)["counts"] == told(batch)["counts"]
    assert again.rows.get(number=2).cells["education"] == "大专"


def test_cells_keep_their_kind(staff: User, tmp_path: Path) -> None:
    """Dates, months, numbers, texts that look like formulas, errors; a merged cell becomes one in each row."""
    path = tmp_path / "kinds.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet("名册")
        sheet.merge_range(0, 0, 0, 5, "平桥区村干部花名册")
        for column, heading in enumerate(HEADINGS):
            sheet.write(1, column, heading)
        sheet.merge_range(2, 1, 3, 1, "朱庄村")
        for row in (2, 3):
            sheet.write(row, 0, "平昌镇")
            sheet.write(row, 2, f"=张{row}")
            sheet.write(row, 5, "委员")
        sheet.write_datetime(2, 3, datetime(1975, 3, 1), workbook.add_format({"num_format": "yyyy年m月"}))
        sheet.write_datetime(3, 3, datetime(1975, 3, 12), workbook.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_number(2, 4, 411503197503010000)
        sheet.write_formula(3, 4, "=NA()", None, "#N/A")
    batch = bring("cadres", path, staff)
    out = tmp_path / "out.xlsx"
    out.write_bytes(problem_workbook(batch))
    (sheet,) = read_worksheets(out)
    assert sheet.merged == [(0, 0, 0, 5)]
    assert sheet.rows[2][1] == sheet.rows[3][1] == "朱庄村"
    assert sheet.rows[2][2] == "=张2"
    assert sheet.rows[2][3] == MonthCell(date(1975, 3, 1))
    assert sheet.rows[3][3] == date(1975, 3, 12)
    assert not isinstance(sheet.rows[2][4], str)
    assert sheet.rows[3][4] in ("#N/A", CellError("#N/A"))
    again = back(batch, out.read_bytes(), tmp_path, staff)
    assert told(again)["rows"] == told(batch)["rows"]


def test_the_result_says_what_became_of_each_row(staff: User, tmp_path: Path) -> None:
    rows = [
        HEADINGS,
        ["平昌镇", "朱庄村", "张三", "1975.03", "", "书记"],
        ["平昌镇", "没有村", "李四", "", "", "委员"],
        [None, None, None, None, None, None],
        ["平昌镇", "朱庄村", "王五", "1980.01", "", "委员"],
    ]
    batch = applied(bring_rows(tmp_path, "cadres", rows, staff), staff)
    assert column_of_results(batch, tmp_path) == [
        "新增",
        "未导入；村：管辖范围内没有这个地方。",
        "跳过：空行",
        "新增",
    ]
    rows[1][3] = "1975.04"
    changed = applied(bring_rows(tmp_path, "cadres", rows[:2], staff), staff)
    assert column_of_results(changed, tmp_path)[0].startswith("新增")
    batch = undone(changed, staff)
    assert column_of_results(batch, tmp_path) == ["已撤销"]


def column_of_results(batch: ImportBatch, tmp_path: Path, column: int = 6) -> list[object]:
    path = tmp_path / "result.xlsx"
    path.write_bytes(result_workbook(batch))
    (sheet,) = read_worksheets(path)
    assert sheet.rows[0][-1] == "处理结果"
    return [row[column] for row in sheet.rows[1:]]


def test_a_forgotten_file_does_not_come_back(staff: User, tmp_path: Path) -> None:
    batch = bring_rows(tmp_path, "cadres", [HEADINGS, ["平昌镇", "朱庄村", "张三", "", "", "书记"]], staff)
    batches.give_up(batch, by=staff)
    batch.refresh_from_db()
    with pytest.raises(ValueError, match="not kept"):
        problem_workbook(batch)
