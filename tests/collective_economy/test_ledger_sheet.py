"""The sheet of month totals: what it brings and refuses, and that nothing counts twice. Rule: docs/rules/ledger.md."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.sheets import LedgerSheet
from imports.checking import Answer, check_file
from imports.listings import listing_called
from imports.models import ImportBatch
from imports.sheets import sheet_called
from imports.writing import RecordChanged, Writer
from tests.collective_economy import ground
from tests.conftest import make_user
from tests.imports.files import write_xlsx
from tests.imports.rosters import applied, bring_rows, everything_stored, outcomes, undone
from tests.imports.round_trip import read_again, written

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 25)
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
FULL = [
    "乡镇",
    "村",
    "月份",
    "经营收入",
    "发包及上交收入",
    "投资收益",
    "补助收入",
    "其他收入",
    "合计",
    "其中经营性收入",
    "经营支出",
    "管理费用",
    "其他支出",
    "收益",
]
HEAD: list[object] = ["乡镇", "村", "月份", "经营收入(元)", "投资收益(元)"]


def row(*cells: object, village: str = "东一村", month: str = "2026.09") -> list[object]:
    return ["东乡", village, month, *cells]


def brought(tmp_path: Path, rows: list[list[object]], by: User) -> ImportBatch:
    return applied(bring_rows(tmp_path, "ledger", rows, by), by)


def checked(tmp_path: Path, rows: list[list[object]], by: User) -> Answer:
    return check_file(sheet_called("ledger"), write_xlsx(tmp_path / "台账.xlsx", rows), user=by, today=TODAY)


def problems(answer: Answer) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in answer.problems]


def test_the_layout_of_the_handbook_goes_in_with_its_expenses(tmp_path: Path, county_admin: User) -> None:
    title: list[object] = ["村集体经济收入台账（单位：万元）"]
    rows = [title, list(FULL), row(1.2, None, 0.3, 2, 0.01, 3.51, 1.5, 0.4, 0.1, None, 3.01)]
    batch = brought(tmp_path, rows, county_admin)
    assert [found.problems for found in batch.rows.all()] == [[]]
    month = LedgerMonth.objects.get()
    assert (month.operating_income, month.income, month.expense, month.other_cost) == (15_000, 35_100, 5_000, None)
    assert {(entry.is_total, entry.day, entry.entered_by) for entry in LedgerEntry.objects.all()} == {
        (True, None, county_admin)
    }
    assert outcomes(bring_rows(tmp_path, "ledger", rows, county_admin)) == {"unchanged": 1}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((1, None, 2, 5, None, 8, 3, None, None, None, None), []),
        ((1, None, 2, 5, None, 9, 3, None, None, None, None), [("合计", "amount_total_mismatch")]),
        ((1, None, 2, 5, None, 8, 8, None, None, None, None), [("其中经营性收入", "operating_mismatch")]),
        ((1, None, 2, 5, None, 8, 3, 4, None, 5, -1), []),
        ((1, None, 2, 5, None, 8, 3, 4, None, 5, 1), [("收益", "result_mismatch")]),
        ((None, None, None, None, None, None, None, 4, None, None, -4), []),
        ((None, None, None, None, None, 0, None, None, None, None, None), [("经营收入", "required_missing")]),
        ((-1, None, None, None, None, None, None, None, None, None, None), [("经营收入", "number_out_of_range")]),
    ],
)
def test_what_is_checked_within_a_row(
    tmp_path: Path, county_admin: User, cells: tuple[object, ...], expected: list[tuple[str, str]]
) -> None:
    answer = checked(tmp_path, [["台账（单位：元）"], list(FULL), row(*cells)], county_admin)
    assert [(column, code) for _row, column, code in problems(answer)] == expected


@pytest.mark.parametrize(
    ("month", "operating", "contract", "stored", "codes"),
    [
        ("2023.12", 100, 900, {"operating": "100", "contract": "900"}, []),
        ("2024.01", 100, 900, {"operating": "1000"}, ["contract_moved"]),
        ("2024.01", None, 900, {"operating": "900"}, ["contract_moved"]),
        ("2024.01", 100, 0, {"operating": "100"}, []),
    ],
)
def test_contract_income_of_2024_goes_to_operating_income_and_says_so(
    tmp_path: Path,
    county_admin: User,
    month: str,
    operating: object,
    contract: object,
    stored: dict[str, str],
    codes: list[str],
) -> None:
    head: list[object] = ["乡镇", "村", "月份", "经营收入(元)", "发包及上交收入(元)"]
    rows = [head, row(operating, contract, month=month)]
    batch = brought(tmp_path, rows, county_admin)
    assert [problem[2] for found in batch.rows.all() for problem in found.problems] == codes
    assert dict(LedgerEntry.objects.values_list("category", "amount")) == {
        name: Decimal(amount) for name, amount in stored.items()
    }
    assert outcomes(bring_rows(tmp_path, "ledger", rows, county_admin)) == {"unchanged": 1}


def test_what_was_entered_singly_is_not_counted_a_second_time(tmp_path: Path, county_admin: User) -> None:
    ground.make_entry(None, 70, "operating", date(2026, 9, 3))
    ground.make_entry(None, 30, "operating", date(2026, 9, 4))
    answer = checked(tmp_path, [HEAD, row(120, 5)], county_admin)
    assert problems(answer) == [(2, "经营收入(元)", "entered_singly")]
    same = checked(tmp_path, [HEAD, row(100, None)], county_admin)
    assert (same.problems, same.counts()["unchanged"]) == ([], 1), "the same sum is no news"
    brought(tmp_path, [HEAD, row(None, 5)], county_admin)
    month = LedgerMonth.objects.get()
    assert (month.operating, month.investment, month.entry_count) == (100, 5, 3)


def test_a_total_that_was_reversed_keeps_its_amount(tmp_path: Path, county_admin: User) -> None:
    rows = [HEAD, row(100, None)]
    brought(tmp_path, rows, county_admin)
    ground.reverse_entry(LedgerEntry.objects.get(), date(2026, 10, 8))
    assert checked(tmp_path, rows, county_admin).counts()["unchanged"] == 1
    answer = checked(tmp_path, [HEAD, row(90, None)], county_admin)
    assert problems(answer) == [(2, "经营收入(元)", "entered_singly")]
    path = tmp_path / "出.xlsx"
    assert written(listing_called("ledger"), path, county_admin, TODAY) == 2
    again = read_again("ledger", path, county_admin, TODAY)
    assert (again.counts()["unchanged"], again.counts()["faulty"]) == (2, 0), "what was taken back goes out below 0"


def test_a_closed_month_and_one_before_it_take_nothing(tmp_path: Path, county_admin: User) -> None:
    rows = [HEAD, row(100, None), row(50, None, month="2026.10")]
    brought(tmp_path, rows, county_admin)
    LedgerMonth.objects.filter(month=SEPTEMBER).update(opening=0)
    ground.close_month(month=OCTOBER)
    assert checked(tmp_path, rows, county_admin).counts()["unchanged"] == 2
    more: list[list[object]] = [HEAD, row(100, 1), row(60, None, month="2026.10"), row(7, None, month="2026.11")]
    answer = checked(tmp_path, more, county_admin)
    assert problems(answer) == [(2, "月份", "month_closed"), (3, "月份", "month_closed")]
    assert answer.counts()["new"] == 1


def test_undoing_takes_out_the_months_it_made_and_leaves_closed_ones(tmp_path: Path, county_admin: User) -> None:
    ground.make_entry(ground.village("西一村"), 5, "other", date(2026, 9, 3))
    before = everything_stored()
    rows = [HEAD, row(100, 5), row(1, None, village="东二村")]
    undone(brought(tmp_path, rows, county_admin), county_admin)
    assert everything_stored() == before
    batch = brought(tmp_path, rows, county_admin)
    LedgerEntry.objects.filter(unit__name="东一村").update(version=2)
    ground.close_month(month=SEPTEMBER)
    undone(batch, county_admin)
    assert {found.number: found.result for found in batch.rows.all()} == {2: "not_undone", 3: "undone"}
    assert LedgerMonth.objects.get(unit__name="东一村").income == 105
    assert not LedgerMonth.objects.filter(unit__name="东二村").exists()


def test_who_changes_a_total_counts_as_who_entered_it(tmp_path: Path, county_admin: User) -> None:
    other = make_user("经办", Role.CS, Unit.objects.get(kind="county"))
    brought(tmp_path, [HEAD, row(100, 5)], county_admin)
    brought(tmp_path, [HEAD, row(110, 5)], other)
    assert dict(LedgerEntry.objects.values_list("category", "entered_by__username")) == {
        "operating": other.username,
        "investment": county_admin.username,
    }


@pytest.mark.parametrize("change", ["entry", "total", "close"])
def test_what_somebody_did_since_the_check_stops_the_writing(tmp_path: Path, county_admin: User, change: str) -> None:
    if change == "close":
        ground.make_total(None, 5, "investment", SEPTEMBER)
    answer = checked(tmp_path, [HEAD, row(100, None)], county_admin)
    assert answer.problems == []
    if change == "entry":
        ground.make_entry(None, 70, "operating", date(2026, 9, 3))
    elif change == "total":
        ground.make_total(None, 70, "operating", SEPTEMBER)
    else:
        ground.close_month(month=SEPTEMBER)
    with pytest.raises(RecordChanged):
        LedgerSheet().write(answer.rows, [], Writer(keep=lambda written: None, by=county_admin))


def test_a_sheet_is_checked_with_as_many_queries_for_one_row_as_for_three(tmp_path: Path, county_admin: User) -> None:
    asked = []
    assert checked(tmp_path, [HEAD, row(1, 2)], county_admin).counts()["new"] == 1
    for rows in ([row(1, 2)], [row(1, 2), row(3, 4, village="东二村"), row(5, 6, month="2025.12")]):
        with CaptureQueriesContext(connection) as queries:
            assert checked(tmp_path, [HEAD, *rows], county_admin).counts()["new"] == len(rows)
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 12
