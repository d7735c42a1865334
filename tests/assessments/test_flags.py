"""The rules of the red flags as tables of cases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assessments import flags
from assessments.flags import EFFECTS, NEXT, Reason, Scorer, State, Stops, Verb

PATH = [
    # from, then every verb that leads on
    (State.APPLIED, {"review": "township_reviewed", "withdraw": "withdrawn"}),
    (State.RETURNED, {"resubmit": "applied", "withdraw": "withdrawn"}),
    (State.WITHDRAWN, {"resubmit": "applied"}),
    (State.TOWNSHIP_REVIEWED, {"recheck": "dept_reviewed", "return": "returned"}),
    (State.DEPT_REVIEWED, {"grant": "decided", "refuse": "rejected", "return": "returned"}),
    (State.DECIDED, {"notice": "public_notice"}),
    (State.PUBLIC_NOTICE, {"object": "objection_hold", "award": "awarded"}),
    (State.OBJECTION_HOLD, {"object": "objection_hold", "uphold": "rejected", "dismiss": "public_notice"}),
    (State.AWARDED, {}),
    (State.REJECTED, {}),
]


@pytest.mark.parametrize(("state", "steps"), PATH)
def test_each_step_leads_where_the_handbook_says_and_nowhere_else(state: str, steps: dict[str, str]) -> None:
    assert {verb.value: flags.next_state(state, verb) for verb in Verb if flags.next_state(state, verb)} == steps


def test_the_table_has_every_state() -> None:
    assert {state for state, _ in PATH} == set(State)
    assert len(NEXT) == sum(len(steps) for _, steps in PATH)


@pytest.mark.parametrize(
    ("source", "computed", "scorer"),
    [
        ("T", None, Scorer.TOWNSHIP),
        ("T", 100, Scorer.TOWNSHIP),
        ("D", None, Scorer.DEPARTMENT),
        ("S", None, Scorer.DEPARTMENT),
        ("S", 0, Scorer.SYSTEM),
        ("S", False, Scorer.SYSTEM),
    ],
)
def test_who_scores(source: str, computed: Any, scorer: Scorer) -> None:
    assert flags.scorer_of(source, computed) is scorer


def test_gates_count_no_points_and_must_be_found_met() -> None:
    lines = [
        {"code": "A", "checked": 1500},
        {"code": "B", "checked": None},
        {"code": "G1", "checked": True},
        {"code": "G2", "checked": False},
        {"code": "G3", "checked": None},
    ]
    assert flags.points_of(lines, "checked") == 1500
    assert flags.gates_failed(lines, {"G1", "G2", "G3"}) == ["G2", "G3"]


@pytest.mark.parametrize(
    ("scores", "dropped", "mean"),
    [
        ("70 85 88 90 99", 1, 8767),  # 87.666… half up
        ("100 100 100 100 0", 1, 10000),
        ("80 81", 0, 8050),
        ("80.01 80.02", 0, 8002),  # 80.015 is half, upward
        ("80 90", 1, 8500),  # too few to leave anybody out
        ("80 - 90 -", 1, 8500),
        ("60 - 70 80", 1, 7000),
        ("- -", 1, None),
        ("", 0, None),
    ],
)
def test_mean_of_a_panel(scores: str, dropped: int, mean: int | None) -> None:
    assert flags.trimmed_mean([None if one == "-" else Decimal(one) for one in scores.split()], dropped) == mean


@pytest.mark.parametrize(
    ("checked", "panel", "share", "score"),
    [
        (8000, None, 0, 8000),
        (8000, 9000, 0, 8000),
        (8000, None, 30, None),
        (8000, 9000, 30, 8300),
        (8001, 8000, 50, 8001),  # 80.005
        (8000, 9000, 100, 9000),
    ],
)
def test_score_with_a_panel(checked: int, panel: int | None, share: int, score: int | None) -> None:
    assert flags.score(checked, panel, share) == score


@pytest.mark.parametrize(
    ("points", "failed", "expected"),
    [(8000, [], True), (7999, [], False), (9500, ["G1"], False), (None, [], False), (10000, [], True)],
)
def test_pass_needs_the_line_and_every_gate(points: int | None, failed: list[str], expected: bool) -> None:
    assert flags.passes(points, 8000, failed) is expected


@pytest.mark.parametrize(
    ("scores", "taken", "quota", "beyond"),
    [
        ({1: 9000, 2: 8000}, 0, None, []),
        ({1: 9000, 2: 8000}, 0, 2, []),
        ({1: 8000, 2: 9000, 3: 8500}, 0, 2, [1]),
        ({1: 9000, 2: 8000}, 1, 2, [2]),
        ({1: 9000, 2: 8000}, 3, 2, [1, 2]),
        ({1: 9000, 2: 8500, 3: 8500}, 0, 2, [2, 3]),  # equal at the edge: both are named
        ({1: 9000}, 0, 0, [1]),
    ],
)
def test_quota_names_who_lies_beyond(scores: dict[int, int], taken: int, quota: int | None, beyond: list[int]) -> None:
    assert flags.beyond_quota(scores, taken, quota) == beyond


@pytest.mark.parametrize(
    ("awarded", "starts", "first"),
    [
        (date(2026, 6, 30), "next_month", date(2026, 7, 1)),
        (date(2026, 6, 1), "same_month", date(2026, 6, 1)),
        (date(2026, 12, 31), "next_month", date(2027, 1, 1)),
    ],
)
def test_first_month_paid(awarded: date, starts: str, first: date) -> None:
    assert flags.pay_from(awarded, starts) == first


@pytest.mark.parametrize(
    ("revoked", "stops", "owes_nothing", "last"),
    [
        (date(2026, 9, 12), "next_month", False, date(2026, 9, 1)),  # the handbook's example
        (date(2026, 9, 12), "same_month", False, date(2026, 8, 1)),
        (date(2026, 9, 12), "next_month", True, date(2026, 6, 1)),
        (date(2026, 7, 3), "same_month", False, date(2026, 6, 1)),
    ],
)
def test_last_month_paid(revoked: date, stops: str, owes_nothing: bool, last: date) -> None:
    assert flags.pay_until(date(2026, 7, 1), revoked, stops, owes_nothing=owes_nothing) == last


def test_every_reason_has_its_effect() -> None:
    assert set(EFFECTS) == set(Reason)
    table = {reason: (effect.stops, effect.blocks, effect.owes_nothing) for reason, effect in EFFECTS.items()}
    assert table == {
        "discipline": (Stops.ALL, False, False),
        "appraisal_low": (Stops.ALL, False, False),
        "negative_list": (Stops.CHOSEN, False, False),
        "false_data": (Stops.ALL, True, True),
        "weak_branch": (Stops.PARTY_BUILDING, True, False),
        "fund_misuse": (Stops.CHOSEN, False, False),
    }


@pytest.mark.parametrize(
    ("happened", "first", "last", "until"),
    [
        # flag of the first half, taken away in September: the second half and the next first half are missed
        (date(2026, 9, 12), date(2026, 1, 1), date(2026, 6, 30), date(2027, 6, 30)),
        (date(2026, 6, 30), date(2026, 1, 1), date(2026, 6, 30), date(2027, 6, 30)),
        (date(2027, 1, 5), date(2026, 1, 1), date(2026, 6, 30), date(2027, 12, 31)),
        (date(2026, 9, 12), date(2025, 1, 1), date(2025, 12, 31), date(2027, 12, 31)),
        (date(2026, 3, 2), date(2026, 1, 1), date(2026, 2, 28), date(2026, 6, 30)),
    ],
)
def test_two_rounds_without_application(happened: date, first: date, last: date, until: date) -> None:
    assert flags.blocked_until(happened, first, last, 2) == until


@pytest.mark.parametrize(
    ("until", "is_open", "today", "last_on", "blocked"),
    [
        (None, False, date(2026, 10, 1), date(2026, 12, 31), False),
        (None, True, date(2030, 1, 1), date(2029, 12, 31), True),
        (date(2027, 6, 30), False, date(2027, 6, 30), date(2027, 6, 30), True),
        (date(2027, 6, 30), False, date(2027, 7, 3), date(2027, 6, 30), True),  # applications of a missed round, late
        (date(2027, 6, 30), False, date(2027, 7, 3), date(2027, 12, 31), False),
        (date(2027, 6, 30), False, date(2027, 7, 3), date(2026, 6, 30), False),  # a round before it happened
    ],
)
def test_blocked(until: date | None, is_open: bool, today: date, last_on: date, blocked: bool) -> None:
    first_on = last_on.replace(month=1, day=1)
    assert (
        flags.is_blocked(date(2026, 9, 12), until, is_open=is_open, today=today, first_on=first_on, last_on=last_on)
        is blocked
    )


def test_the_last_day_of_a_month_stays_the_last() -> None:
    assert flags.add_months(date(2026, 2, 28), 6) == date(2026, 8, 31)
    assert flags.add_months(date(2026, 8, 30), 6) == date(2027, 2, 28)
    assert flags.add_months(date(2026, 1, 15), -1) == date(2025, 12, 15)
