"""The ten stages, their gates and timers, and money divided by shares. Rule: docs/rules/projects.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from collective_economy import stages
from collective_economy.models import Stage
from collective_economy.sharing import allocate, sums_to_whole
from collective_economy.stages import Facts

D = Decimal
READY = Facts(
    decision_steps=5,
    requested=D(1),
    has_plan=True,
    has_risk_and_sharing=True,
    is_signed=True,
    agreeing=frozenset({"organization", "finance", "agriculture"}),
    is_approved=True,
    has_procurement=True,
    has_contract=True,
    is_started=True,
    progress_percent=100,
    received=D(1),
    is_accepted=True,
    has_actual_cost=True,
    asset_count=1,
    earns=True,
    is_evaluated=True,
    is_audited=True,
)
GATES = [
    ("pool", "decided", {"decision_steps": 4}),
    ("apply", "money", {"requested": D(0)}),
    ("apply", "shares", {"shares_are_whole": False}),
    ("apply", "plan", {"has_plan": False}),
    ("apply", "risk", {"has_risk_and_sharing": False}),
    ("apply", "signed", {"is_signed": False}),
    ("review", "panel", {"agreeing": frozenset({"organization", "finance"})}),
    ("review", "panel", {"agreeing": frozenset({"organization", "finance", "revitalisation"})}),
    ("approve", "approved", {"is_approved": False}),
    ("implement", "procurement", {"has_procurement": False}),
    ("implement", "contract", {"has_contract": False}),
    ("implement", "started", {"is_started": False}),
    ("pay", "received", {"received": D(0)}),
    ("pay", "built", {"progress_percent": 99}),
    ("pay", "milestones", {"open_milestones": 1}),
    ("accept", "accepted", {"is_accepted": False}),
    ("accept", "cost", {"has_actual_cost": False}),
    ("accept", "clear", {"acceptance_is_clear": False}),
    ("operate", "asset", {"asset_count": 0}),
    ("operate", "earns", {"earns": False}),
    ("evaluate", "evaluated", {"is_evaluated": False}),
    ("audit", "audited", {"is_audited": False}),
    ("audit", "findings", {"open_findings": 1}),
]


@pytest.mark.parametrize(("stage", "code", "lacking"), GATES)
def test_a_gate_is_closed_by_each_thing_that_is_missing(stage: str, code: str, lacking: dict[str, object]) -> None:
    assert stages.missing(stage, READY) == []
    found = stages.missing(stage, replace(READY, **lacking))
    assert [condition.code for condition in found] == [code]
    told = {condition.code: is_met for condition, is_met in stages.conditions(stage, replace(READY, **lacking))}
    assert [name for name, is_met in told.items() if not is_met] == [code]


def test_the_table_of_gates_tries_every_condition() -> None:
    tried = {(stage, code) for stage, code, _lacking in GATES}
    assert tried == {(stage, each.code) for stage, gate in stages.GATES.items() for each in gate}


def test_stages_follow_each_other_to_the_end() -> None:
    way = ["pool"]
    while (following := stages.next_of(way[-1])) is not None:
        way.append(following)
    assert way == [*stages.ORDER, "done"]
    assert {*stages.ORDER, *stages.FINISHED} == set(Stage.values)
    assert [stages.next_of(stage) for stage in stages.FINISHED] == [None, None, None]
    assert stages.conditions("done", READY) == []


@pytest.mark.parametrize(
    ("released", "started", "by"),
    [
        (None, None, None),
        (date(2026, 3, 1), date(2026, 3, 5), None),
        (date(2026, 3, 1), None, date(2026, 5, 30)),
    ],
)
def test_work_begins_within_90_days_of_the_release(
    released: date | None, started: date | None, by: date | None
) -> None:
    assert stages.must_start_by(released, started) == by


@pytest.mark.parametrize(
    ("pooled", "leaves"),
    [(date(2023, 4, 1), date(2026, 4, 1)), (date(2024, 2, 29), date(2027, 2, 28))],
)
def test_three_years_unused_ends_in_the_pool(pooled: date, leaves: date) -> None:
    assert stages.leaves_pool_on(pooled) == leaves


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2026, 3, 1), 3),
        (date(2027, 2, 28), 3),
        (date(2028, 2, 29), 1),
        (date(2025, 3, 1), 1),
        (date(2027, 3, 1), 3),
    ],
)
def test_what_lies_before_the_first_day_had_its_anniversary(day: date, years: int) -> None:
    first = stages.first_with_anniversary_from(day, years)
    before = date.fromordinal(first.toordinal() - 1)
    assert stages.anniversary(first, years) >= day
    assert stages.anniversary(before, years) < day


@pytest.mark.parametrize(
    ("before", "after", "percent", "is_back"),
    [
        ("500000", "500000", "0", False),
        ("500000", "599999", "19.99", False),
        ("500000", "600000", "20.00", True),
        ("500000", "400000", "20.00", True),
        ("0", "1", "100", True),
        ("300000", "240001", "19.99", False),
    ],
)
def test_a_change_from_20_percent_on_goes_back(before: str, after: str, percent: str, is_back: bool) -> None:
    found = stages.extent(D(before), D(after))
    assert (found, stages.goes_back(found)) == (D(percent), is_back)


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        ({"a": 60, "b": 40}, {"a": 60, "b": 40}, "0"),
        ({"a": 60, "b": 40}, {"a": 41, "b": 59}, "19"),
        ({"a": 60, "b": 40}, {"a": 60, "c": 40}, "40"),
        ({"a": 60, "b": 40}, {"a": 60, "b": 40, "c": 25}, "25"),
        ({"a": 60, "b": 40}, {"a": 60}, "40"),
        ({}, {"a": 1}, "100"),
        ({}, {}, "0"),
    ],
)
def test_how_much_of_a_budget_moved(before: dict[str, int], after: dict[str, int], percent: str) -> None:
    money = [{name: D(amount) for name, amount in items.items()} for items in (before, after)]
    assert stages.moved(*money) == D(percent)


@pytest.mark.parametrize(
    ("due", "day", "days"),
    [
        ([], date(2026, 5, 1), 0),
        ([(date(2026, 4, 1), None)], date(2026, 4, 1), 0),
        ([(date(2026, 4, 1), None)], date(2026, 4, 11), 10),
        ([(date(2026, 4, 1), date(2026, 4, 5))], date(2026, 4, 11), 0),
        ([(date(2026, 4, 1), date(2026, 4, 12)), (date(2026, 4, 8), None)], date(2026, 4, 11), 10),
    ],
)
def test_the_worst_delay_on_a_day(due: list[tuple[date, date | None]], day: date, days: int) -> None:
    assert stages.days_late(due, day) == days


@pytest.mark.parametrize(
    ("start", "finish", "day", "percent"),
    [
        (None, date(2026, 1, 10), date(2026, 1, 5), None),
        (date(2026, 1, 1), None, date(2026, 1, 5), None),
        (date(2026, 1, 1), date(2026, 1, 10), date(2025, 12, 31), "0.0"),
        (date(2026, 1, 1), date(2026, 1, 10), date(2026, 1, 1), "10.0"),
        (date(2026, 1, 1), date(2026, 1, 3), date(2026, 1, 1), "33.3"),
        (date(2026, 1, 1), date(2026, 1, 10), date(2026, 2, 1), "100.0"),
    ],
)
def test_how_much_of_the_planned_time_has_passed(
    start: date | None, finish: date | None, day: date, percent: str | None
) -> None:
    assert stages.time_percent(start, finish, day) == (None if percent is None else D(percent))


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        ("100", [], []),
        ("100.00", ["100"], ["100.00"]),
        ("100.00", ["33.3334", "33.3333", "33.3333"], ["33.34", "33.33", "33.33"]),
        ("0.01", ["50", "50"], ["0.01", "0.00"]),
        ("0.05", ["25", "25", "50"], ["0.01", "0.01", "0.03"]),
        ("1000.01", ["66.6667", "33.3333"], ["666.67", "333.34"]),
        ("0", ["60", "40"], ["0", "0"]),
    ],
)
def test_money_is_divided_to_the_cent(amount: str, shares: list[str], parts: list[str]) -> None:
    found = allocate(D(amount), [D(share) for share in shares])
    assert found == [D(part) for part in parts]
    assert not shares or sum(found) == D(amount)


def test_shares_are_exactly_100() -> None:
    assert sums_to_whole([D("66.6667"), D("33.3333")])
    assert not sums_to_whole([D("66.6667"), D("33.3334")])
    assert not sums_to_whole([])
