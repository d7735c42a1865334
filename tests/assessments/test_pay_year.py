"""Twelve months with two corrections: lines, sheets, workbooks and what the finance office settles agree."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.core.exceptions import ValidationError

from assessments.models import CadreResult, FlagAward, PayLine, PaySheet, YearAssessment
from assessments.pay_facts import sheets_of
from assessments.pay_figures import card, village_pay
from assessments.pay_forecast import forecast
from assessments.pay_workbooks import ReadList, finance_workbook, read_finance_list
from assessments.services.pay_settling import read_back
from branches.models import Unit
from branches.months import after
from cadres import codes
from cadres.models import Person, Posting
from imports.dates import PartialDate
from imports.listings import listing_called
from imports.reading import read_worksheets
from tests.assessments.pages import client_of
from tests.assessments.pay_ground import (
    JULY,
    Ground,
    exported,
    make_ground,
    make_holder,
    make_rates,
    noon,
    prepare,
    run_month,
    village,
)

pytestmark = pytest.mark.django_db

NUMBER, AMOUNT, RESULT, REASON = 0, 8, 10, 12


@pytest.fixture
def ground(county: Unit) -> Ground:
    """Flags paid from July 2026 to June 2027."""
    return make_ground(county, valid_to=date(2027, 6, 30))


def rows_of(sheet: PaySheet, folder: Path) -> list[list[Any]]:
    """The cells of the workbook for the finance office."""
    path = folder / f"{sheet.pk}.xlsx"
    path.write_bytes(finance_workbook(sheet))
    (worksheet,) = read_worksheets(path)
    return [list(row) for row in worksheet.rows]


def is_line(row: list[Any]) -> bool:
    return isinstance(row[NUMBER], Decimal)


def answered(rows: list[list[Any]], day: date, failing: tuple[int, ...] = ()) -> bytes:
    """The workbook as the finance office sends it back."""
    output = BytesIO()
    with xlsxwriter.Workbook(output) as book:
        page = book.add_worksheet()
        for place, row in enumerate(rows):
            cells = [*row, *[""] * (REASON + 1 - len(row))]
            if is_line(row):
                has_failed = int(row[NUMBER]) in failing
                cells[RESULT:] = ["失败" if has_failed else "已发", f"{day:%Y-%m-%d}", "户名不符" if has_failed else ""]
            for column, cell in enumerate(cells):
                (page.write_number if isinstance(cell, Decimal) else page.write_string)(place, column, cell)
    return output.getvalue()


def total_of(rows: list[list[Any]]) -> int:
    """Cents of the lines, which the foot of the workbook says too."""
    cents = sum(row[AMOUNT] * 100 for row in rows if is_line(row))
    (foot,) = (row for row in rows if row[NUMBER] == "合计")
    assert foot[AMOUNT] * 100 == cents
    return int(cents)


def read(sheet: PaySheet, raw: bytes, day: date) -> ReadList:
    return read_finance_list(f"{sheet}.xlsx", raw, day)


def settle_by_file(ground: Ground, sheet: PaySheet, rows: list[list[Any]]) -> int:
    """Cents that the finance office's file settles."""
    day = sheet.month + timedelta(days=14)
    found = read(sheet, answered(rows, day), day)
    assert found.problems == []
    done = read_back(sheet, found.reports, found.total_cents, by=ground.cast.staff, now=noon(day))
    assert done.state == PaySheet.State.SETTLED
    assert found.total_cents == sum(report.cents or 0 for report in found.reports)
    return found.total_cents or 0


def test_twelve_months_with_two_corrections_agree_to_the_cent(ground: Ground, tmp_path: Path) -> None:
    month, settled = JULY, 0
    for number in range(12):
        for sheet in run_month(ground, month):
            lines = list(sheet.lines.all())
            rows = rows_of(sheet, tmp_path)
            assert sheet.total_cents == sum(line.amount_cents for line in lines) == total_of(rows)
            settled += settle_by_file(ground, sheet, rows)
        if number == 2:
            # Written down too late: a member of 东一村 left in July.
            Posting.objects.filter(person__name="东一村委员").update(ended_on=date(2026, 7, 20))
        if number == 6:
            # False data: the flag of 西一村 is paid back for all months.
            FlagAward.objects.filter(village=village("西一村")).update(pay_until=date(2026, 6, 1))
        month = after(month)
    # 东一村: secretary 1 000, director 800 for twelve months, the member 600 for July only; 西一村 nothing at all.
    expected = 12 * (100_000 + 80_000) + 60_000
    assert settled == expected == sum(PaySheet.objects.values_list("total_cents", flat=True))
    assert sum(PayLine.objects.filter(village=village("西一村")).values_list("amount_cents", flat=True)) == 0
    assert set(PaySheet.objects.values_list("state", flat=True)) == {"settled"}
    assert set(PayLine.objects.exclude(amount_cents=0).values_list("payment", flat=True)) == {"paid"}
    notes = PayLine.objects.exclude(note="").values_list("note", flat=True)
    assert sorted(set(notes)) == ["flag_changed", "post_changed"]


# --- The finance office's list --------------------------------------------------------------

PAYDAY = date(2026, 7, 15)


@pytest.fixture
def sheet(ground: Ground) -> PaySheet:
    return exported(ground, prepare(ground, JULY)[0])


def csv_list(*rows: str, heading: str = "行号,金额,结果,日期,原因") -> bytes:
    return "\n".join((heading, *rows)).encode()


def test_a_failed_line_comes_back_from_the_workbook(ground: Ground, sheet: PaySheet, tmp_path: Path) -> None:
    found = read(sheet, answered(rows_of(sheet, tmp_path), PAYDAY, failing=(2,)), PAYDAY)
    done = read_back(sheet, found.reports, found.total_cents, by=ground.cast.staff, now=noon(PAYDAY))
    line = done.lines.get(number=2)
    assert (done.state, line.payment, line.failure) == ("exported", "failed", "户名不符")


def test_the_workbook_is_the_same_whenever_it_is_fetched_and_text_stays_text(ground: Ground, tmp_path: Path) -> None:
    make_holder(village("东一村"), "=1+1", codes.COMMITTEE_MEMBER, since=PartialDate(2026))
    sheet = exported(ground, prepare(ground, JULY)[0])
    once = rows_of(sheet, tmp_path)
    assert rows_of(sheet, tmp_path) == once
    assert "=1+1" in [row[2] for row in once]


def test_a_list_of_its_own_is_read_with_chinese_dates(sheet: PaySheet) -> None:
    found = read_finance_list(
        "清单.csv", csv_list("1,1000,成功,2026年7月15日,", "2,800.00,退回,2026-07-15,销户"), PAYDAY
    )
    assert [(one.number, one.is_paid, one.on, one.cents, one.reason) for one in found.reports] == [
        (1, True, PAYDAY, 100_000, ""),
        (2, False, PAYDAY, 80_000, "销户"),
    ]


def test_lines_without_a_result_are_left_out_and_then_the_total_says_nothing() -> None:
    found = read_finance_list("清单.csv", csv_list("1,1000,已发,2026-07-15,", "2,800,,,", "合计,1800,,,"), PAYDAY)
    assert [one.number for one in found.reports] == [1]
    assert found.total_cents is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("甲,1000,已发,2026-07-15,", "行号读不出来"),
        ("1,1000,大概发了,2026-07-15,", "大概发了"),
        ("1,一千多,已发,2026-07-15,", "金额读不出来"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_row(row: str, words: str) -> None:
    found = read_finance_list("清单.csv", csv_list(row), PAYDAY)
    assert found.reports == []
    assert words in found.problems[0].messages[0]
    assert "第 2 行" in found.problems[0].messages[0]


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1000", 100_000),
        ("-300.00", -30_000),
        ("−0.5", -50),
        ("¥80元", 8_000),
        ("1e3", None),
        ("1.005", None),
        ("", None),
    ],
)
def test_amounts_of_a_list(text: str, cents: int | None) -> None:
    found = read_finance_list("清单.csv", csv_list(f"1,{text},已发,2026-07-15,"), PAYDAY)
    assert [one.cents for one in found.reports] == ([] if text in ("1e3", "1.005") else [cents])


@pytest.mark.parametrize(("name", "raw"), [("清单.csv", b"a,b,c\n1,2,3"), ("清单.xlsx", b"no workbook at all")])
def test_a_file_that_is_no_list_is_refused(name: str, raw: bytes) -> None:
    with pytest.raises(ValidationError):
        read_finance_list(name, raw, PAYDAY)


# --- Forecast and figures -------------------------------------------------------------------


def test_the_forecast_has_what_was_paid_and_what_is_due(ground: Ground) -> None:
    run_month(ground, JULY)
    prepare(ground, date(2026, 8, 1))
    found = forecast(ground.county.path, date(2026, 8, 20))
    assert [(one.month.month, one.cents, one.handed_over, one.is_due) for one in found.months] == [
        (7, 360_000, 360_000, False),
        (8, 360_000, 0, False),
        *((month, 360_000, 0, True) for month in (9, 10, 11, 12)),
    ]
    assert (found.cents, found.handed_over, found.budget_cents) == (6 * 360_000, 360_000, 5_000_000)
    assert found.rest_cents == 5_000_000 - 6 * 360_000


def test_the_forecast_of_a_county_without_anything_is_nothing(county: Unit) -> None:
    found = forecast(county.path, date(2026, 8, 20))
    assert (found.cents, found.budget_cents, found.rest_cents, len(found.months)) == (0, None, None, 5)


@pytest.mark.parametrize("is_prepared", [False, True])
def test_the_board_of_flags_has_the_amounts_of_each_village_and_the_county(ground: Ground, is_prepared: bool) -> None:
    if is_prepared:
        prepare(ground, JULY)
    found = village_pay(ground.cast.staff, ground.county.path, JULY)
    assert {village_id: (one.secretary, one.village) for village_id, one in found.items()} == {
        village("东一村").pk: (100_000, 240_000),
        village("西一村").pk: (50_000, 120_000),
    }
    told: Any = card(ground.cast.staff, ground.county.path, JULY)
    assert (told.cents, told.flags, told.people, told.villages, told.before, told.change) == (
        360_000,
        3,
        6,
        2,
        0,
        360_000,
    )
    assert told.is_expected is not is_prepared
    assert told.used == (360_000 if is_prepared else 0)
    assert told.used_share == Decimal("7.2" if is_prepared else 0)
    assert [(one.name, one.cents, one.people) for one in told.townships] == [("东乡", 240_000, 3), ("西乡", 120_000, 3)]
    assert [cents for _label, cents in told.rates] == [50_000, 40_000, 30_000]
    assert told.most == 240_000


def test_a_township_sees_its_own_amounts_and_others_none(ground: Ground, newcomer: Any) -> None:
    east = ground.cast.signers["东乡"]
    assert list(village_pay(east, ground.county.path, JULY)) == [village("东一村").pk]
    told: Any = card(east, ground.county.path, JULY)
    assert (told.cents, told.budget, told.used_share) == (240_000, None, None)
    assert village_pay(newcomer, ground.county.path, JULY) == {}
    assert card(newcomer, ground.county.path, JULY) is None


def test_in_december_nothing_is_left_to_foresee(ground: Ground) -> None:
    december = date(2026, 12, 1)
    prepare(ground, december)
    found = forecast(ground.county.path, date(2026, 12, 20))
    assert [(one.month, one.is_due) for one in found.months] == [(december, False)]


def test_sheets_are_read_with_their_own_month_too(ground: Ground) -> None:
    prepare(ground, JULY)
    known = sheets_of(ground.county.path, JULY, JULY)
    assert sum(sum(cents for _code, cents in one.flags.values()) for one in known.paid[JULY].values()) == 360_000
    assert known.locked == {}


# --- Performance pay and lists --------------------------------------------------------------


def publish_year(ground: Ground, grade: str) -> None:
    """The year 2026 with one graded secretary, published."""
    unit = village("东一村")
    year = YearAssessment.objects.create(unit=ground.county, path=ground.county.path, year=2026, span="year")
    CadreResult.objects.create(
        assessment=year,
        person=Person.objects.get(name="东一村书记"),
        village=unit,
        path=unit.path,
        post=codes.SECRETARY,
        proposed=grade,
        grade=grade,
    )
    YearAssessment.objects.filter(pk=year.pk).update(
        state="computed", computed_by=ground.cast.staff, computed_at=noon(date(2027, 1, 2)), checksum="0" * 64
    )
    YearAssessment.objects.filter(pk=year.pk).update(
        state="published", published_by=ground.cast.leader, published_at=noon(date(2027, 1, 3))
    )


def test_performance_pay_of_a_published_year_stands_in_its_own_column(ground: Ground) -> None:
    make_rates(ground.county, {"secretary": "12000"}, kind="performance")
    publish_year(ground, "excellent")
    january = date(2027, 1, 1)
    east = prepare(ground, january)[0]
    line = east.lines.get(person__name="东一村书记")
    assert (line.uplift_cents, line.performance_cents, line.amount_cents) == (100_000, 1_440_000, 1_540_000)
    assert east.total_cents == 240_000 + 1_440_000
    shown = client_of(ground.cast.staff).get(f"/pay/sheets/{east.pk}/").content.decode()
    assert "14,400.00" in shown
    assert "年度绩效" in shown
    assert village_pay(ground.cast.staff, ground.county.path, january)[village("东一村").pk].village == 240_000


def test_lines_go_out_as_the_page_filters_them(ground: Ground) -> None:
    prepare(ground, JULY)
    listing = listing_called("pay_lines")
    east = ground.cast.signers["东乡"]
    rows = listing.rows(east, {"month": "2026-07"}, JULY)
    records = list(listing.records(rows, has_numbers=False))
    assert [(one["name"], one["village"], one["amount"], one["flags"]) for one in records] == [
        ("东一村书记", "东一村", Decimal("1000.00"), "基层党建、产业发展"),
        ("东一村主任", "东一村", Decimal("800.00"), "基层党建、产业发展"),
        ("东一村委员", "东一村", Decimal("600.00"), "基层党建、产业发展"),
    ]
    assert {column.field for column in listing.columns} == set(records[0])
    assert listing.told_filters(east, {"payment": "failed"}) == [("发放结果", "发放失败")]
    assert list(listing.rows(east, {"payment": "failed"}, JULY)) == []
