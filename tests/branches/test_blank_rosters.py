"""Blank rosters of a township: made of the columns of the import, and read by it without a problem once filled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from django.test import Client
from xlsxwriter.utility import xl_cell_to_rowcol

from accounts.models import User
from accounts.roles import Role
from branches.blank_rosters import CHOICES, HEAD_ROW, HELP, blank_roster
from branches.import_pages import KINDS
from branches.models import Unit
from imports.checking import Answer, check_file
from imports.reading import read_worksheets
from imports.sheets import Column, names, sheet_called
from tests.cadres.people import NUMBER
from tests.conftest import make_user

TODAY = date(2026, 11, 25)
FILLED: Mapping[str, str] = {
    "id_number": NUMBER,
    "name": "张三",
    "birth": "1973.03.17",
    "phone": "13800000000",
    "month": "2023-10",
    "training": "书记轮训",
    "township": "东乡",
    "village": "东二村",
    "parent": "",
    "joined_on": "1999.07",
    "full_member_on": "2000.07",
}
SUMS = {"total": 24, "operating_total": 16, "result": 12}
"""Of a ledger in which every category is 4 yuan: six of income, four of them operating, three of expense."""


@pytest.fixture
def staff(county: Unit) -> User:
    return make_user("县", Role.CS, county)


def blank(name: str, path: Path) -> Path:
    township = Unit.objects.get(name="东乡")
    path.write_bytes(blank_roster(sheet_called(name), str(KINDS[name].label), township, TODAY))
    return path


def filled(name: str, path: Path) -> Path:
    """Every column of the first line filled as the sheet itself says: the first choice, else a plausible value."""
    worksheets = read_worksheets(blank(name, path))
    page = worksheets[0].rows
    columns = sheet_called(name).columns_out
    if len(page) == HEAD_ROW + 1:
        page.append([""] * len(columns))
    line = page[HEAD_ROW + 1]
    line += [""] * (len(columns) - len(line))
    for index, column in enumerate(columns):
        line[index] = line[index] or cell_of(column)
    with xlsxwriter.Workbook(path, {"strings_to_numbers": False}) as workbook:
        for worksheet in worksheets:
            target = workbook.add_worksheet(worksheet.name)
            if not worksheet.is_visible:
                target.hide()
            for row, cells in enumerate(worksheet.rows):
                target.write_row(row, 0, cells)
    return path


def cell_of(column: Column) -> str | int:
    if column.field in FILLED:
        return FILLED[column.field]
    if column.number_format:
        return SUMS.get(column.field, 4)
    if column.choices:
        return column.choices[0]
    return "2021.03" if column.field.endswith(("_on", "_since")) else "文字"


def checked(name: str, path: Path, user: User) -> Answer:
    return check_file(sheet_called(name), path, user=user, today=TODAY)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_filled_blank_roster_goes_in_without_a_problem(name: str, staff: User, tmp_path: Path) -> None:
    answer = checked(name, filled(name, tmp_path / "表.xlsx"), staff)
    assert answer.refused is None
    assert [problem.as_json() for problem in answer.problems] == []
    assert answer.counts()["faulty"] == 0
    first = answer.rows[0]
    columns = {column.field for column in sheet_called(name).columns_out}
    assert set(first.mapped) == columns
    assert {field for field in columns if first.values[field] is None} <= {"parent"}
    assert answer.tables[0].as_json()["ignored"] == []
    assert answer.skipped_worksheets == [(HELP, "template"), (CHOICES, "hidden")]
    assert len(answer.rows) == (3 if name == "units" else 1)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_blank_roster_names_the_villages_of_its_township_and_no_others(
    name: str, county: Unit, tmp_path: Path
) -> None:
    with zipfile.ZipFile(blank(name, tmp_path / "表.xlsx")) as packed:
        text = "".join(packed.read(part).decode() for part in packed.namelist())
    for village in ("东一村", "东二村", "东三村"):
        assert village in text
    assert "西" not in text
    assert set(KINDS) == set(names())


def test_choices_are_drop_downs_and_numbers_of_people_are_text(county: Unit, tmp_path: Path) -> None:
    with zipfile.ZipFile(blank("cadres", tmp_path / "表.xlsx")) as packed:
        page = packed.read("xl/worksheets/sheet1.xml").decode()
        styles = packed.read("xl/styles.xml").decode()
    fields = [column.field for column in sheet_called("cadres").columns_out]
    chosen = {fields[xl_cell_to_rowcol(each)[1]] for each in re.findall(r'<dataValidation .*?sqref="(\w+):', page)}
    assert chosen >= {"village", "gender", "political", "education", "party_post", "admin_post", "is_dual_head"}
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.split("<cellXfs")[1])
    codes = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]+)"', styles))
    of_column = {
        column: style
        for first, last, style in re.findall(r'<col min="(\d+)" max="(\d+)" [^>]*?style="(\d+)"', page)
        for column in range(int(first), int(last) + 1)
    }
    for field in ("id_number", "phone", "birth", "post_since"):
        assert codes[formats[int(of_column[fields.index(field) + 1])]] == "@"


def test_a_blank_roster_that_nobody_filled_changes_nothing(staff: User, tmp_path: Path) -> None:
    for name in KINDS:
        answer = checked(name, blank(name, tmp_path / "表.xlsx"), staff)
        if name == "units":
            assert (answer.counts()["faulty"], len(answer.rows)) == (0, 3)
        else:
            assert answer.refused is not None
            assert answer.refused.code == "no_rows"


def test_a_blank_roster_is_handed_out_to_who_may_write_such_rows_there(county: Unit) -> None:
    east, west = Unit.objects.get(name="东乡"), Unit.objects.get(name="西乡")
    browser = Client()
    browser.force_login(make_user("乡", Role.TS, east))
    assert browser.get(f"/exports/blank/cadres/{east.pk}/").status_code == 200
    assert browser.get(f"/exports/blank/cadres/{west.pk}/").status_code == 404
    assert browser.get(f"/exports/blank/ledger/{east.pk}/").status_code == 403
    assert browser.get(f"/exports/blank/nonsense/{east.pk}/").status_code == 404
