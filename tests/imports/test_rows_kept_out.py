"""A row that the user keeps out counts as if the file did not have it, and stays out over every new check."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, User
from branches.models import Village
from cadres.models import Person
from imports import batches
from imports.models import ImportBatch
from imports.preview import answer_with_problems
from imports.workbooks import problem_workbook, result_workbook
from tests.cadres.people import NUMBER, make_person, post
from tests.imports.rosters import applied, bring_rows, everything_stored, outcomes, undone, worked
from tests.imports.test_batches import HEAD, ROWS, rows_of
from tests.imports.test_workbooks import column_of_results

SHEET = "名册"
TWICE = [*ROWS, ROWS[1], ["东乡", "没有的村", "钱七", "男", "", "", "", "", "委员", "", ""]]
"""Row 5 says what row 2 says; row 6 stands in a village that is not there."""


def kept_out(batch: ImportBatch, by: User, *rows: int, is_out: bool = True) -> ImportBatch:
    batches.answer_cells(batch, {}, by=by, left_out={(SHEET, row): is_out for row in rows})
    return worked(batch)


def test_one_of_two_rows_that_say_the_same_is_kept_out_and_the_other_goes_in(
    tmp_path: Path, county_admin: User
) -> None:
    before = everything_stored()
    batch = bring_rows(tmp_path, "cadres", TWICE, county_admin)
    assert outcomes(batch) == {"new": 2, "faulty": 3}
    kept_out(batch, county_admin, 5, 6)
    assert (outcomes(batch), batch.answer["left_out"]) == ({"new": 3}, 2)
    assert batch.answer["rows"] == 3
    assert rows_of(batch)[3:] == [(5, "left_out", ""), (6, "left_out", "")]
    assert [problem["code"] for problem in answer_with_problems(batch)["problems"]] == ["choice_other"]
    applied(batch, county_admin, is_all_or_nothing=True)
    assert rows_of(batch)[2:] == [(4, "new", "written"), (5, "left_out", ""), (6, "left_out", "")]
    assert Person.objects.count() == 3
    told = AuditEvent.objects.get(event="imports.apply_importbatch").changes
    assert (told["rows"], told["left_out"]) == (3, 2)
    assert column_of_results(batch, tmp_path, 11) == ["新增", "新增", "新增", "不导入", "不导入"]
    assert everything_stored() != before
    undone(batch, county_admin)
    assert everything_stored() == before


def test_what_is_kept_out_stays_out_over_other_answers_and_can_be_taken_in_again(
    tmp_path: Path, county_admin: User
) -> None:
    batch = kept_out(bring_rows(tmp_path, "cadres", TWICE, county_admin), county_admin, 5, 6)
    batches.answer_cells(batch, {(SHEET, 4, "村"): "东三村"}, by=county_admin)
    worked(batch)
    assert (outcomes(batch), batch.answer["left_out"]) == ({"new": 3}, 2)
    kept_out(batch, county_admin, 5, is_out=False)
    assert (outcomes(batch), batch.answer["left_out"]) == ({"new": 2, "faulty": 2}, 1)
    kept_out(batch, county_admin, 6, is_out=False)
    assert "left_out" not in batch.answer
    assert outcomes(batch) == {"new": 2, "faulty": 3}


def test_somebody_whose_row_is_kept_out_is_not_missing_from_the_file(tmp_path: Path, county_admin: User) -> None:
    stored, gone = make_person("张三", identity=NUMBER, birth="1973-03-17"), make_person("赵六", birth="1960-01")
    post(stored, 10)
    post(gone, 50)
    batch = kept_out(bring_rows(tmp_path, "cadres", TWICE, county_admin), county_admin, 2, 5)
    assert outcomes(batch) == {"new": 2, "faulty": 1, "missing": 1}
    assert batch.rows.get(outcome="missing").cells["name"] == "赵六"


def test_all_rows_kept_out_leave_nothing_to_write(tmp_path: Path, county_admin: User) -> None:
    batch = kept_out(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin, 2, 3, 4)
    assert (outcomes(batch), batch.answer["left_out"], batch.state) == ({}, 3, "checked")
    with pytest.raises(batches.ValidationError, match="没有可写入"):
        batches.confirm(batch, by=county_admin)


def test_an_empty_cell_below_a_row_that_is_kept_out_still_takes_the_value_above(
    tmp_path: Path, county_admin: User
) -> None:
    rows = [HEAD, ROWS[1], ["", "", *ROWS[2][2:]]]
    batch = kept_out(bring_rows(tmp_path, "cadres", rows, county_admin), county_admin, 2)
    assert batch.rows.get(number=3).cells["village"] == "东一村"


def test_the_workbook_says_what_is_kept_out(tmp_path: Path, county_admin: User) -> None:
    batch = kept_out(bring_rows(tmp_path, "cadres", TWICE, county_admin), county_admin, 6)
    (tmp_path / "out.xlsx").write_bytes(problem_workbook(batch))
    again = batches.upload("cadres", "out.xlsx", (tmp_path / "out.xlsx").read_bytes(), by=county_admin)
    assert outcomes(worked(again)) == {"new": 2, "faulty": 3}
    assert result_workbook(applied(batch, county_admin))


@pytest.mark.parametrize(
    ("ticks", "out"),
    [
        (["first-{duplicates}"], [5]),
        (["out-{duplicates}"], [2, 5]),
        (["out-row-{row5}", "out-{village}"], [5, 6]),
        (["out-row-{row4}"], []),
    ],
    ids=["all but the first", "the whole group", "one row and a group", "a row without a fault"],
)
def test_the_page_keeps_rows_out(
    ticks: list[str], out: list[int], tmp_path: Path, county_admin: User, client: Client
) -> None:
    batch = bring_rows(tmp_path, "cadres", TWICE, county_admin)
    client.force_login(county_admin)
    answer = client.get(f"/imports/{batch.pk}/")
    groups = {group.code: group.key for group in answer.context["groups"]}
    names = {
        "duplicates": groups["duplicate_in_file"],
        "village": groups["unit_unknown"],
        **{f"row{row.number}": row.pk for row in batch.rows.all()},
    }
    assert "第 2, 5 行" in answer.content.decode()
    client.post(f"/imports/{batch.pk}/repair/", {tick.format(**names): "on" for tick in ticks})
    batch.refresh_from_db()
    if out:
        worked(batch)
    assert list(batch.rows.filter(outcome="left_out").values_list("number", flat=True)) == out
    if out:
        assert f"不导入 {len(out)}" in client.get(f"/imports/{batch.pk}/").content.decode()
        back = {f"in-row-{row.pk}": "on" for row in batch.rows.filter(outcome="left_out")}
        client.post(f"/imports/{batch.pk}/repair/", back)
        assert "left_out" not in worked(batch).answer


def test_the_result_names_what_was_kept_out(tmp_path: Path, county_admin: User, client: Client) -> None:
    batch = kept_out(bring_rows(tmp_path, "cadres", TWICE, county_admin), county_admin, 5, 6)
    applied(batch, county_admin)
    client.force_login(county_admin)
    page = client.get(f"/imports/{batch.pk}/").content.decode()
    assert "按您的选择不导入 2 行" in page
    assert "钱七" in page


def test_two_cards_of_one_village(tmp_path: Path, county_admin: User) -> None:
    rows = [["乡镇", "村名", "总人口"], ["东乡", "东一村", 900], ["东乡", "东一村", 901]]
    batch = bring_rows(tmp_path, "units", rows, county_admin)
    assert outcomes(batch) == {"faulty": 2}
    kept_out(batch, county_admin, 2)
    applied(batch, county_admin, is_all_or_nothing=True)
    assert Village.objects.get(unit__name="东一村").population == 901


def test_the_api_keeps_rows_out_too(tmp_path: Path, county_admin: User, client: Client) -> None:
    batch = bring_rows(tmp_path, "cadres", TWICE, county_admin)
    client.force_login(county_admin)
    address = reverse("v1:importbatch-cells", args=[batch.pk])
    body = {"rows": [{"worksheet": SHEET, "row": 5, "leave_out": True}]}
    assert client.post(address, {}, content_type="application/json").status_code == 400
    assert client.post(address, body, content_type="application/json").status_code == 200
    worked(batch)
    told = client.get(reverse("v1:importbatch-detail", args=[batch.pk])).json()["answer"]
    assert (told["rows"], told["faulty"], told["left_out"]) == (4, 1, 1)
