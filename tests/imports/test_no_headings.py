"""A file without a row of headings: the user names the columns and the first row of data (docs/import.md)."""

from __future__ import annotations

from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import xlsxwriter
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from cadres.models import Person
from imports import batches
from imports.choices import Choices, HandTable
from imports.glimpse import Glimpse
from imports.models import ColumnMapping, ImportBatch
from imports.reading import Worksheet
from imports.tables import Table, column_letters, headings_above, table_by_hand
from imports.workbooks import problem_workbook
from tests.cadres.people import NUMBER
from tests.imports.files import write_xlsx
from tests.imports.rosters import applied, bring_rows, outcomes, worked

SHEET = "名册"
FIELDS = {0: "township", 1: "village", 2: "name", 3: "id_number", 4: "party_post"}
BARE = [
    ["东乡干部情况表"],
    ["东乡", "东一村", "张三", NUMBER, "书记"],
    ["东乡", "东二村", "李四", "", "副书记"],
    ["合计：2人", "", "", "", ""],
]
STRANGE = [["哪个镇", "啥地方", "叫啥", "证号", "干啥"], *BARE[1:3]]
"""Headings that nobody knows."""


def named(batch: ImportBatch, by: User, first_row: int, fields: dict[int, str] | None = None) -> ImportBatch:
    batches.answer_tables(batch, {SHEET: HandTable(first_row, fields or FIELDS)}, by=by)
    return worked(batch)


def test_columns_are_named_and_the_rows_go_in(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BARE, county_admin)
    assert (batch.state, batch.answer["file_problem"]) == ("failed", "header_not_found")
    named(batch, county_admin, 2)
    assert (batch.state, outcomes(batch)) == ("checked", {"new": 2})
    (table,) = batch.answer["tables"]
    assert (table["header_rows"], table["first_row"], table["last_row"]) == ([], 2, 3)
    assert table["mapped"]["C列"] == "name"
    assert table["skipped"] == [{"row": 4, "reason": "subtotal"}]
    assert [row.number for row in batch.rows.all()] == [2, 3]
    applied(batch, county_admin)
    assert Person.objects.get(name="张三").identity_number == NUMBER


def test_headings_nobody_knew_are_known_the_next_time(tmp_path: Path, county_admin: User, east_editor: User) -> None:
    batch = named(bring_rows(tmp_path, "cadres", STRANGE, county_admin), county_admin, 2)
    assert batch.answer["tables"][0]["header_rows"] == [1]
    assert batch.answer["tables"][0]["mapped"]["叫啥"] == "name"
    assert ColumnMapping.objects.get(heading="叫啥").field == "name"
    again = bring_rows(tmp_path, "cadres", STRANGE, county_admin)
    assert (again.state, outcomes(again)) == ("checked", {"new": 2})
    assert bring_rows(tmp_path, "cadres", STRANGE, east_editor).state == "failed"


def test_without_any_headings_the_page_is_filled_in_the_next_time(
    tmp_path: Path, county_admin: User, client: Client
) -> None:
    named(bring_rows(tmp_path, "cadres", BARE, county_admin), county_admin, 2)
    again = bring_rows(tmp_path, "cadres", BARE, county_admin)
    assert again.state == "failed"
    client.force_login(county_admin)
    (view,) = client.get(f"/imports/{again.pk}/table/").context["views"]
    assert (view.first_row, [column.field for column in view.columns]) == (2, list(FIELDS.values()))


def test_what_is_corrected_stays_with_its_row(tmp_path: Path, county_admin: User) -> None:
    rows = [*BARE[:2], ["东乡", "没有村", "李四", "", "副书记"]]
    batch = named(bring_rows(tmp_path, "cadres", rows, county_admin), county_admin, 2)
    assert outcomes(batch) == {"new": 1, "faulty": 1}
    batches.answer_cells(batch, {(SHEET, 3, "B列"): "东三村"}, by=county_admin)
    assert outcomes(worked(batch)) == {"new": 2}
    assert problem_workbook(batch)
    assert Choices.from_json(batch.choices).tables == {SHEET: HandTable(2, FIELDS)}


def test_data_that_begins_in_the_first_row(tmp_path: Path, county_admin: User) -> None:
    batch = named(bring_rows(tmp_path, "cadres", BARE[1:3], county_admin), county_admin, 1)
    assert outcomes(batch) == {"new": 2}
    assert [row.number for row in batch.rows.all()] == [1, 2]
    path = tmp_path / "out.xlsx"
    path.write_bytes(problem_workbook(batch))
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (HandTable(2, {0: "township", 1: "village"}), "no_subject"),
        (HandTable(2, {**FIELDS, 5: "salary"}), "unknown_column"),
        (HandTable(0, FIELDS), "no_first_row"),
        (HandTable(16, FIELDS), "no_first_row"),
        (None, "nothing"),
    ],
)
def test_answers_that_do_not_do(table: HandTable | None, code: str, tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BARE, county_admin)
    with pytest.raises(ValidationError) as error:
        batches.answer_tables(batch, {SHEET: table} if table else {}, by=county_admin)
    assert error.value.code == code
    with pytest.raises(ValidationError) as error:
        batches.answer_tables(batch, {"别的表": HandTable(2, FIELDS)}, by=county_admin)
    assert error.value.code == "nothing"


def test_a_first_row_below_the_data_can_be_put_right(tmp_path: Path, county_admin: User) -> None:
    batch = named(bring_rows(tmp_path, "cadres", BARE, county_admin), county_admin, 4)
    assert (batch.state, batch.answer["file_problem"]) == ("failed", "no_rows")
    assert outcomes(named(batch, county_admin, 2)) == {"new": 2}


def test_one_worksheet_has_headings_and_the_other_none(tmp_path: Path, county_admin: User, client: Client) -> None:
    path = tmp_path / "两张.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in (("甲", [["乡镇", "村", "姓名", "职务"], ["东乡", "东三村", "王五", "委员"]]), ("乙", BARE)):
            sheet = workbook.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    batch = worked(batches.upload("cadres", path.name, path.read_bytes(), by=county_admin))
    assert outcomes(batch) == {"new": 1}
    client.force_login(county_admin)
    assert f"/imports/{batch.pk}/table/" in client.get(f"/imports/{batch.pk}/columns/").content.decode()
    batches.answer_tables(batch, {"乙": HandTable(2, FIELDS)}, by=county_admin)
    assert outcomes(worked(batch)) == {"new": 3}
    assert "skipped_worksheets" not in batch.answer


def test_the_page(tmp_path: Path, county_admin: User, east_editor: User, client: Client) -> None:
    batch = bring_rows(tmp_path, "cadres", BARE, county_admin)
    client.force_login(county_admin)
    assert f"/imports/{batch.pk}/table/" in client.get(f"/imports/{batch.pk}/").content.decode()
    address = f"/imports/{batch.pk}/table/"
    page = client.get(address).content.decode()
    assert "东乡干部情况表" in page
    assert NUMBER not in page
    assert f"{NUMBER[:3]}***" in page
    body = {f"hand-0-{index}": name for index, name in FIELDS.items()}
    refused = client.post(address, {**body, "first-0": "2", "hand-0-2": ""})
    assert (refused.status_code, "请选出哪一列是“姓名”" in refused.content.decode()) == (422, True)
    assert client.post(address, {**body, "first-0": "x"}).status_code == 422
    assert client.post(address, {**body, "first-0": "2"}).status_code == 302
    assert outcomes(worked(batch)) == {"new": 2}
    assert client.get(address).status_code == 200
    client.post(f"/imports/{batch.pk}/columns/", {})
    assert outcomes(batch) == {"new": 2}
    client.force_login(east_editor)
    assert client.get(address).status_code == 404


def test_a_file_with_headings_has_no_such_page(tmp_path: Path, county_admin: User, client: Client) -> None:
    batch = bring_rows(tmp_path, "cadres", [["乡镇", "村", "姓名", "职务"], BARE[1][:3]], county_admin)
    client.force_login(county_admin)
    assert "都有表头" in client.get(f"/imports/{batch.pk}/table/").content.decode()
    assert Glimpse.from_json(batch.glimpse).tops == {}


def test_the_command_answers_as_before(tmp_path: Path, county_admin: User) -> None:
    out = StringIO()
    path = write_xlsx(tmp_path / "x.xlsx", BARE)
    with pytest.raises(SystemExit):
        call_command("import_roster", "cadres", str(path), "--dry-run", "--json", "--user", "county_admin", stdout=out)
    assert '"header_not_found"' in out.getvalue()
    assert "skipped_worksheets" not in out.getvalue()


def test_what_pages_show_of_a_file_is_sealed_and_forgotten_with_it(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BARE, county_admin)
    assert "东乡干部情况表" not in str(ImportBatch.objects.filter(pk=batch.pk).values_list("glimpse", flat=True).query)
    batches.give_up(batch, by=county_admin)
    batch.refresh_from_db()
    assert batch.glimpse is None


# --- Without a database -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "fields", "found"),
    [
        ([["村", "人"]], {0: "village", 1: "name"}, {0: "村", 1: "人"}),
        ([["某某镇干部名册", ""]], {0: "village", 1: "name"}, {}),
        ([["2025", "2026"]], {0: "village", 1: "name"}, {}),
        ([["村", "", "", ""]], {0: "village", 1: "name", 2: "birth"}, {}),
        ([["村", "人", "", "备"]], {0: "village", 1: "name", 2: "birth"}, {0: "村", 1: "人", 3: "备"}),
        ([["一个长得不能再长而且还要一直长下去的表头文字啊", "人"]], {0: "village", 1: "name"}, {}),
        ([], {0: "village"}, {}),
    ],
)
def test_headings_above(above: list[list[str]], fields: dict[int, str], found: dict[int, str]) -> None:
    assert headings_above(above, HandTable(len(above) + 1, fields)) == found


def test_letters_of_columns() -> None:
    assert [column_letters(index) for index in (0, 25, 26, 51, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]


def by_hand(rows: list[list[object]], merged: list[tuple[int, int, int, int]], first_row: int) -> Table:
    worksheet = Worksheet("表", True, merged, rows)  # type: ignore[arg-type]
    return table_by_hand(worksheet, HandTable(first_row, {0: "village", 1: "name"}), "name")


def test_merged_cells_and_ditto_marks_are_read_as_in_other_tables() -> None:
    rows: list[list[object]] = [
        ["甲村", "张三"],
        ["", "李四"],
        ["同上", "王五", "备"],
        ["注：共三人"],
        ["乙村", "赵六"],
    ]
    table = by_hand(rows, [(0, 0, 1, 0)], 1)
    assert [line.cells[:2] for line in table.lines] == [["甲村", "张三"], ["甲村", "李四"], ["甲村", "王五"]]
    assert table.headings == {0: "A列", 1: "B列", 2: "C列"}
    assert table.skipped == [(4, "note")]


def test_two_headings_of_one_name_are_told_apart() -> None:
    table = by_hand([["标题"], ["人", "人"], ["甲村", "张三"], [date(2026, 1, 1), "李四"]], [], 3)
    assert (table.headings, table.header_rows, table.titles) == ({0: "人", 1: "B列"}, [2], ["标题"])
