"""The months of a county: their dates, their opening, their end (handbook 9.1, 10.5, 11.14, 11.15)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import ticking
from accounts.models import AuditEvent, User
from assessments import holidays
from assessments.deadlines import SEED_CALENDAR, calendar_problems, deadlines, next_month
from assessments.models import Appeal, Period, Ranking, Result, Return, Scheme, VillageMonth
from assessments.services import periods, schemes
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit, VillageClass, WorkdayException
from tests.assessments.test_schemes import NOVEMBER, NOW, OCTOBER, change, codes, make_draft, publish
from tests.conftest import make_unit

SHANGHAI = ZoneInfo("Asia/Shanghai")
OCTOBER_2026 = {date(2026, 10, day): False for day in range(1, 8)} | {
    date(2026, 9, 20): True,
    date(2026, 10, 10): True,
}
"""National day of 2026: seven days off, two weekend days worked instead."""


PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules" / "calendar.md"


def page_table(name: str) -> list[dict[str, str]]:
    """The rows of a table of the rule page."""
    after = PAGE.read_text(encoding="utf-8").partition(f"<!-- table: {name} -->\n")[2].splitlines()
    lines = takewhile(lambda line: line.strip(), after)
    table = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [dict(zip(table[0], row, strict=True)) for row in table[2:]]


@pytest.fixture
def scheme(county: Unit, county_admin: User) -> Scheme:
    return publish(make_draft(county, county_admin), county_admin)


# --- Dates --------------------------------------------------------------------------------


@pytest.mark.parametrize("row", page_table("month-dates"), ids=lambda row: row["月份"])
def test_deadlines_fall_on_working_days(row: dict[str, str]) -> None:
    days, problems = holidays.parse(row["日历"].replace("；", "\n"))
    assert problems == []
    exceptions = {entry.day: entry.is_workday for entry in days}
    found = deadlines(SEED_CALENDAR, date.fromisoformat(f"{row['月份']}-01"), exceptions)
    moments = [moment.astimezone(SHANGHAI) for moment in found.as_fields().values()]
    assert [f"{moment:%m-%d}" for moment in moments] == [
        row[name] for name in ("开始填报", "报送", "审核", "更正", "公布")
    ]
    assert [f"{moment:%H:%M}" for moment in moments] == ["08:00", "18:00", "18:00", "18:00", "18:00"]
    assert found.is_in_order()


@pytest.mark.parametrize("row", page_table("holiday-lines"), ids=lambda row: row["写法"])
def test_a_line_of_holidays_is_read_as_the_page_says(row: dict[str, str]) -> None:
    days, problems = holidays.parse(row["写法"].strip("`"))
    if row["天数"] == "看不懂":
        assert (days, len(problems)) == ([], 1)
        return
    assert (len(days), days[0].day.isoformat()) == (int(row["天数"]), row["第一天"])
    assert {entry.is_workday for entry in days} == {row["上班"] == "是"}


def test_a_day_that_a_month_lacks_is_its_last() -> None:
    calendar = {**SEED_CALENDAR, "open": {**SEED_CALENDAR["open"], "day": 31}}
    assert deadlines(calendar, date(2026, 4, 1), {}).opens_at.date() == date(2026, 4, 30)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"open": None}, ["step_missing"]),
        ({"open": {**SEED_CALENDAR["open"], "day": 32}}, ["day_out_of_range"]),
        ({"lock": {**SEED_CALENDAR["lock"], "time": "25:00"}}, ["time_unreadable"]),
        ({"review": {**SEED_CALENDAR["review"], "months_later": 3}}, ["month_out_of_range"]),
        ({"review": {**SEED_CALENDAR["review"], "working_days_after": -1}}, ["gap_out_of_range"]),
        ({"objection_working_days": 0}, ["days_out_of_range"]),
        ({"lock": {"day": 2, "months_later": 1, "time": "18:00", "working_days_after": 0}}, ["steps_out_of_order"]),
    ],
)
def test_calendar_problems(changed: dict[str, Any], expected: list[str]) -> None:
    assert [problem.code for problem in calendar_problems({**SEED_CALENDAR, **changed})] == expected


@pytest.mark.parametrize(
    ("month", "count", "expected"),
    [
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 1, 1), -1, date(2025, 12, 1)),
        (date(2026, 5, 1), 12, date(2027, 5, 1)),
    ],
)
def test_next_month(month: date, count: int, expected: date) -> None:
    assert next_month(month, count) == expected


# --- Planning -----------------------------------------------------------------------------


def test_a_month_is_planned_by_the_countys_calendar(scheme: Scheme, county: Unit, county_admin: User) -> None:
    WorkdayException.objects.bulk_create(
        WorkdayException(unit=county, day=day, is_workday=worked) for day, worked in OCTOBER_2026.items()
    )
    period = periods.plan_period(county, OCTOBER, by=county_admin)
    assert (period.state, period.scheme, period.path) == ("planned", scheme, county.path)
    assert timezone.localtime(period.submit_by).isoformat() == "2026-11-03T18:00:00+08:00"
    assert periods.plan_period(county, OCTOBER, by=county_admin) == period
    assert AuditEvent.objects.filter(event="assessments.plan_period").count() == 1


def test_a_year_is_planned_at_once(
    scheme: Scheme, county: Unit, county_admin: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(PLAN_QUERIES):
        planned = periods.plan_year(county, OCTOBER, by=county_admin)
    assert [period.month for period in planned] == [next_month(OCTOBER, count) for count in range(12)]
    assert Period.objects.count() == 12
    with django_assert_num_queries(PLAN_QUERIES):
        periods.plan_months(county, [date(2027, 10, 1)], by=county_admin)


PLAN_QUERIES = 7


def test_no_month_is_planned_without_a_scheme(scheme: Scheme, county: Unit, county_admin: User) -> None:
    with pytest.raises(ValidationError) as refused:
        periods.plan_period(county, date(2026, 9, 1), by=county_admin)
    assert codes(refused) == {"no_scheme"}
    assert not Period.objects.exists()


# --- Opening ------------------------------------------------------------------------------


def opened(county: Unit, by: User, month: date = OCTOBER) -> Period:
    return periods.open_period(periods.plan_period(county, month, by=by), by=by, now=NOW)


def test_opening_makes_a_return_for_each_township_and_a_row_for_each_village(
    scheme: Scheme, county: Unit, east: Unit, west: Unit, county_admin: User
) -> None:
    village = Unit.objects.get(name="东一村")
    VillageClass.objects.create(
        unit=village, kind="hub", band="weak", valid_from=date(2025, 1, 1), valid_to=date(2026, 9, 30)
    )
    VillageClass.objects.create(unit=village, kind="tidal", band="good", valid_from=date(2026, 10, 1))
    period = opened(county, county_admin)
    assert period.state == "open"
    assert list(period.returns.values_list("unit__name", "state", "path")) == [
        ("东乡", "draft", east.path),
        ("西乡", "draft", west.path),
    ]
    rows = {row.village.name: row for row in period.village_months.select_related("village", "submission")}
    assert sorted(rows) == ["东一村", "东三村", "东二村", "西一村", "西二村"]
    assert (rows["东一村"].village_class, rows["东一村"].band) == ("tidal", "good")
    assert (rows["东二村"].village_class, rows["东二村"].band) == ("", "")
    assert rows["东一村"].submission.unit == east
    assert rows["东一村"].path == village.path
    assert (rows["东一村"].notes, rows["东一村"].remarks, rows["东一村"].version) == ({}, {}, 1)
    assert rows["东一村"].updated_at == NOW
    event = AuditEvent.objects.get(event="assessments.open_period")
    assert (event.target_id, event.actor) == (str(period.pk), county_admin)


def test_opening_twice_does_nothing(scheme: Scheme, county: Unit, county_admin: User) -> None:
    period = opened(county, county_admin)
    again = periods.open_period(period, by=county_admin, now=NOW)
    assert again.version == period.version
    assert (Return.objects.count(), VillageMonth.objects.count()) == (2, 5)
    assert AuditEvent.objects.filter(event="assessments.open_period").count() == 1


def test_a_county_without_villages_does_not_open(scheme: Scheme, county: Unit, county_admin: User) -> None:
    period = periods.plan_period(county, OCTOBER, by=county_admin)
    Unit.objects.villages().update(valid_from=date(2026, 10, 2))
    with pytest.raises(ValidationError) as refused:
        periods.open_period(period, by=county_admin, now=NOW)
    assert codes(refused) == {"no_villages"}
    periods.due(datetime(2026, 10, 26, tzinfo=UTC))
    assert Period.objects.get(pk=period.pk).state == "planned"


def test_known_wholes_are_filled_in_and_unknown_ones_are_not(scheme: Scheme, county: Unit, county_admin: User) -> None:
    first, second = Unit.objects.villages()[:2]
    dues = IndicatorSource(
        code="branches.dues_members",
        label="dues",
        unit="人",
        higher_is_better=True,
        compute=lambda ids, month: {first.pk: Reading(Decimal(35))},
        kind="denominator",
    )
    with indicators.replaced(dues):
        period = opened(county, county_admin)
    assert period.village_months.get(village=first).values == {"A5.d": 350_000, "A8.d": 120_000}
    assert period.village_months.get(village=second).values == {"A8.d": 120_000}


def test_a_value_is_carried_forward_where_the_scheme_says_so(scheme: Scheme, county: Unit, county_admin: User) -> None:
    village = Unit.objects.get(name="东一村")
    october = opened(county, county_admin)
    row = october.village_months.get(village=village)
    row.values |= {"D6": 865_000, "E1": 900_000}
    row.save()
    november = opened(county, county_admin, NOVEMBER)
    assert november.village_months.get(village=village).values["D6"] == 865_000
    assert "E1" not in november.village_months.get(village=village).values
    other = november.village_months.exclude(village=village)
    assert all("D6" not in values for values in other.values_list("values", flat=True))


def test_rules_of_a_month_do_not_depend_on_what_is_registered_later(
    scheme: Scheme, county: Unit, county_admin: User
) -> None:
    period = opened(county, county_admin)
    before = periods.rules_of_month(period).canonical()
    assert {item.rule.code: item.treatment for item in periods.set_aside_in(period)}["A9"] == "NA"
    rectification = IndicatorSource(
        code="branches.rectification_closed",
        label="rectification",
        unit="项",
        higher_is_better=True,
        compute=lambda ids, month: {},
    )
    with indicators.replaced(rectification):
        assert periods.rules_of_month(Period.objects.get(pk=period.pk)).canonical() == before
        november = opened(county, county_admin, NOVEMBER)
        assert "A9" not in {item.rule.code for item in periods.set_aside_in(november)}


@pytest.mark.parametrize("row", page_table("month-members"), ids=lambda row: f"{row['成立']} {row['撤销（最后一天）']}")
def test_a_month_has_the_villages_of_its_first_day(
    scheme: Scheme, county: Unit, county_admin: User, row: dict[str, str]
) -> None:
    valid_from = date.fromisoformat(row["成立"])
    valid_to = date.fromisoformat(row["撤销（最后一天）"]) if row["撤销（最后一天）"] else None
    Unit.objects.filter(name="西二村").update(valid_from=valid_from, valid_to=valid_to)
    period = opened(county, county_admin)
    assert period.village_months.filter(village__name="西二村").exists() is (row["2026-10"] == "算")


def test_after_a_merger_past_months_stay_and_the_new_village_joins_the_next(
    scheme: Scheme, county: Unit, west: Unit, county_admin: User
) -> None:
    """Invariant 14: the merger takes effect on 16 October."""
    october = opened(county, county_admin)
    merged = make_unit(Unit.objects.get(pk=west.pk), "village", "西合村", "990101200300")
    Unit.objects.filter(pk=merged.pk).update(valid_from=date(2026, 10, 16))
    Unit.objects.filter(name__in=["西一村", "西二村"]).update(valid_to=date(2026, 10, 15), merged_into=merged)
    november = opened(county, county_admin, NOVEMBER)
    names = "village__name"
    assert sorted(october.village_months.filter(path__startswith=west.path).values_list(names, flat=True)) == [
        "西一村",
        "西二村",
    ]
    assert list(november.village_months.filter(path__startswith=west.path).values_list(names, flat=True)) == ["西合村"]


def second_county(county: Unit) -> Unit:
    other = make_unit(Unit.objects.get(name="测试市"), "county", "白水县", "990102")
    township = make_unit(Unit.objects.get(pk=other.pk), "township", "北乡", "990102100")
    make_unit(Unit.objects.get(pk=township.pk), "village", "北一村", "990102100200")
    return Unit.objects.get(pk=other.pk)


def test_one_county_and_several_open_with_the_same_queries(
    scheme: Scheme, county: Unit, county_admin: User, django_assert_num_queries: Any
) -> None:
    periods.plan_months(county, [OCTOBER, NOVEMBER], by=county_admin)
    october, november = Period.objects.order_by("month")
    with django_assert_num_queries(OPEN_QUERIES):
        periods.open_periods([october.pk], by=None, now=NOW)
    other = second_county(county)
    publish(make_draft(other, county_admin, number="1"), county_admin)
    theirs = periods.plan_period(other, NOVEMBER, by=None)
    with django_assert_num_queries(OPEN_QUERIES):
        periods.open_periods([november.pk, theirs.pk], by=None, now=NOW)
    assert theirs.village_months.get().village.name == "北一村"
    assert november.village_months.count() == 5


OPEN_QUERIES = 12


# --- As time passes -----------------------------------------------------------------------


def test_the_ticker_opens_a_month_on_its_day_and_plans_one_that_nobody_planned(scheme: Scheme, county: Unit) -> None:
    periods.due(datetime(2026, 9, 30, tzinfo=UTC))
    assert not Period.objects.exists()
    before = datetime(2026, 10, 26, 7, 59, tzinfo=SHANGHAI)
    periods.due(before)
    assert Period.objects.get().state == "planned"
    periods.due(before + timedelta(minutes=1))
    periods.due(before + timedelta(minutes=2))
    period = Period.objects.get()
    assert (period.month, period.state) == (OCTOBER, "open")
    assert AuditEvent.objects.get(event="assessments.open_period").actor is None


def published_month(county: Unit, by: User, leader: User) -> tuple[Period, Ranking]:
    """A published month whose ranking knows one village, 东一村."""
    period = opened(county, by)
    ranking = Ranking.objects.create(
        period=period, path=county.path, revision=1, rules={}, checksum="x", computed_at=NOW, computed_by=by
    )
    village = Unit.objects.get(name="东一村")
    bounds = {"low_hundredths": 0, "high_hundredths": 0, "rank_best": 1, "rank_worst": 1}
    Result.objects.create(ranking=ranking, village=village, path=village.path, **bounds)
    Ranking.objects.filter(pk=ranking.pk).update(
        state="published", published_at=NOW, published_by=leader, appeal_until=NOW + timedelta(days=7)
    )
    Period.objects.filter(pk=period.pk).update(state="published")
    ranking.refresh_from_db()
    return period, ranking


def state_of(period: Period) -> str:
    return Period.objects.get(pk=period.pk).state


def test_a_month_closes_when_the_time_for_objections_is_over(
    scheme: Scheme, county: Unit, county_admin: User, county_leader: User
) -> None:
    period, ranking = published_month(county, county_admin, county_leader)
    periods.close_finished(ranking.appeal_until)
    assert state_of(period) == "published"
    periods.close_finished(ranking.appeal_until + timedelta(seconds=1))
    assert state_of(period) == "closed"
    assert AuditEvent.objects.filter(event="assessments.finish_period", target_id=str(period.pk)).count() == 1


def test_a_month_with_an_open_objection_or_a_correction_under_way_does_not_close(
    scheme: Scheme, county: Unit, county_admin: User, county_leader: User, east_editor: User
) -> None:
    period, ranking = published_month(county, county_admin, county_leader)
    result = ranking.results.get()
    village = result.village
    appeal = Appeal.objects.create(
        ranking=ranking, result=result, period=period, village=village, path=village.path,
        line_code="A1", claim="x", opened_by=east_editor, answer_by=NOW,
    )  # fmt: skip
    later = NOW + timedelta(days=30)
    periods.close_finished(later)
    assert state_of(period) == "published"
    Appeal.objects.filter(pk=appeal.pk).update(state="upheld", decided_by=county_admin)
    draft = Ranking.objects.create(
        period=period, path=county.path, revision=2, state="draft", rules={}, checksum="y", computed_at=NOW
    )
    periods.close_finished(later)
    assert state_of(period) == "published"
    draft.delete()
    periods.close_finished(later)
    assert state_of(period) == "closed"


# --- Deadlines are fixed --------------------------------------------------------------------


MOVED = {"submit_by": datetime(2026, 11, 4, 10, 0, tzinfo=UTC)}


def test_a_deadline_moves_with_a_reason_and_on_record(scheme: Scheme, county: Unit, county_admin: User) -> None:
    period = opened(county, county_admin)
    before = period.submit_by.isoformat()
    periods.change_deadlines(period, MOVED, version=period.version, by=county_admin, reason="台风停电", now=NOW)
    assert Period.objects.get(pk=period.pk).submit_by == MOVED["submit_by"]
    event = AuditEvent.objects.get(event="assessments.change_deadlines")
    assert event.reason == "台风停电"
    assert event.changes == {"submit_by": [before, MOVED["submit_by"].isoformat()]}


@pytest.mark.parametrize(
    ("dates", "reason", "now", "state", "expected"),
    [
        (MOVED, " ", NOW, "open", "reason_missing"),
        ({"submit_by": datetime(2026, 11, 20, tzinfo=UTC)}, "x", NOW, "open", "out_of_order"),
        (MOVED, "x", datetime(2026, 11, 3, 12, 0, tzinfo=UTC), "open", "passed"),
        ({"submit_by": NOW}, "x", NOW, "open", "passed"),
        (MOVED, "x", NOW, "locked", "too_late"),
        (MOVED, "x", NOW, "published", "too_late"),
    ],
)
def test_a_deadline_does_not_move_otherwise(
    scheme: Scheme,
    county: Unit,
    county_admin: User,
    dates: dict[str, datetime],
    reason: str,
    now: datetime,
    state: str,
    expected: str,
) -> None:
    period = opened(county, county_admin)
    Period.objects.filter(pk=period.pk).update(state=state)
    with pytest.raises(ValidationError) as refused:
        periods.change_deadlines(period, dates, version=period.version, by=county_admin, reason=reason, now=now)
    assert codes(refused) == {expected}
    assert Period.objects.get(pk=period.pk).submit_by == period.submit_by


def test_a_deadline_changed_meanwhile_is_not_overwritten(scheme: Scheme, county: Unit, county_admin: User) -> None:
    period = opened(county, county_admin)
    with pytest.raises(ValidationError) as refused:
        periods.change_deadlines(period, MOVED, version=period.version - 1, by=county_admin, reason="x", now=NOW)
    assert codes(refused) == {"changed_meanwhile"}


def test_the_rules_of_an_open_month_do_not_follow_a_new_scheme(
    scheme: Scheme, county: Unit, county_admin: User
) -> None:
    period = opened(county, county_admin)
    second = schemes.copy_scheme(scheme, by=county_admin, number="2026-2")
    second = change(second, county_admin, lambda layout: layout["calendar"]["submit"].update(time="12:00"))
    publish(second, county_admin, NOVEMBER)
    after = Period.objects.get(pk=period.pk)
    assert (after.scheme, after.submit_by) == (scheme, period.submit_by)


def test_the_ticker_knows_the_months() -> None:
    assert ticking._registry["assessments.months"].function is periods.due
