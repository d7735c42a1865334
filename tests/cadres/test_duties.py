"""Trainings that posts oblige to (docs/rules/training-duties.md)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cadres.duties import Course, HeldPost, add_months, days_in_year, duties_on
from cadres.models import PeopleLimits

TODAY = date(2026, 10, 20)
LIMITS = PeopleLimits()


def course(last: str, hours: str = "8", kind: str = "cadres", first: str = "") -> Course:
    return Course(kind, date.fromisoformat(first or last), date.fromisoformat(last), Decimal(hours))


def held(post: int, first: str | None = "2021-12-20", last: str | None = "", *, is_new: bool = False) -> HeldPost:
    begun = date.fromisoformat(first) if first else None
    return HeldPost(post, begun, date.fromisoformat(last) if last else begun, is_new)


NEW_IN_JUNE = held(60, "2026-06-01", is_new=True)


@pytest.mark.parametrize(
    ("day", "posts", "courses", "told"),
    [
        # Secretaries and directors: once in the year, a course for heads or for the newly elected.
        (TODAY, [held(10)], [course("2026-09-17", "32", "heads")], [("heads", "1", "1", True, False)]),
        (TODAY, [held(10), held(20)], [course("2026-09-17", "32", "heads")], [("heads", "1", "1", True, False)]),
        (TODAY, [held(10)], [course("2025-09-17", "32", "heads")], [("heads", "1", "0", False, False)]),
        (TODAY, [held(20)], [course("2026-02-01", "24", "new_cadres")], [("heads", "1", "1", True, False)]),
        (date(2026, 12, 31), [held(20)], [course("2026-05-20")], [("heads", "1", "0", False, False)]),
        (TODAY, [held(10)], [course("2026-10-21", "32", "heads")], [("heads", "1", "0", False, False)]),
        # Newly in office: 3 days within 3 months.
        (TODAY, [NEW_IN_JUNE], [course("2026-07-03", "16")], [("new_cadre", "3", "2", False, True)]),
        (TODAY, [NEW_IN_JUNE], [course("2026-07-03", "24")], [("new_cadre", "3", "3", True, False)]),
        (TODAY, [NEW_IN_JUNE], [course("2026-09-01", "24")], [("new_cadre", "3", "3", True, False)]),
        (TODAY, [NEW_IN_JUNE], [course("2026-09-02", "24")], [("new_cadre", "3", "0", False, True)]),
        (TODAY, [NEW_IN_JUNE], [course("2026-05-31", "24")], [("new_cadre", "3", "0", False, True)]),
        (date(2026, 9, 1), [NEW_IN_JUNE], [], [("new_cadre", "3", "0", False, False)]),
        # Only the month of the beginning is known.
        (
            TODAY,
            [held(60, "2026-06-01", "2026-06-30", is_new=True)],
            [course("2026-09-30", "24")],
            [("new_cadre", "3", "3", True, False)],
        ),
        # Last year's deadline is last year's matter.
        (TODAY, [held(60, "2025-06-01", is_new=True)], [], []),
        (date(2027, 1, 5), [held(60, "2026-12-20", is_new=True)], [], [("new_cadre", "3", "0", False, False)]),
        (TODAY, [held(60, None, is_new=True)], [], []),
        (TODAY, [held(90, "2026-06-01", is_new=True)], [], []),
        # Party workers of a township: 3 days a year.
        (TODAY, [held(85)], [course("2026-04-18", "20")], [("party_worker", "3", "2.5", False, False)]),
        (
            TODAY,
            [held(85)],
            [course("2026-04-18", "20"), course("2026-06-01", "4")],
            [("party_worker", "3", "3", True, False)],
        ),
        # Nobody else is obliged to anything.
        (TODAY, [held(60)], [], []),
        (TODAY, [], [course("2026-04-18", "20")], []),
    ],
)  # fmt: skip
def test_duties(
    day: date, posts: list[HeldPost], courses: list[Course], told: list[tuple[str, str, str, bool, bool]]
) -> None:
    duties = duties_on(day, posts, courses, LIMITS)
    assert [(d.code, d.needed, d.done, d.is_met, d.is_short(day)) for d in duties] == [
        (code, Decimal(needed), Decimal(done), is_met, is_short) for code, needed, done, is_met, is_short in told
    ]


def test_a_new_secretary_has_both_duties_and_is_short_once_the_time_is_over() -> None:
    duties = duties_on(TODAY, [held(10, "2026-06-01", is_new=True)], [], LIMITS)
    assert [(duty.code, duty.due_on) for duty in duties] == [
        ("heads", date(2026, 12, 31)),
        ("new_cadre", date(2026, 9, 1)),
    ]
    assert [duty.is_short(TODAY) for duty in duties] == [False, True]
    assert duties[0].is_short(date(2027, 1, 1))


def test_the_numbers_are_the_countys_and_none_asks_nothing() -> None:
    limits = PeopleLimits(heads_trainings=2, party_worker_days=Decimal(0))
    assert [duty.needed for duty in duties_on(TODAY, [held(10)], [], limits)] == [2]
    assert duties_on(TODAY, [held(85)], [], limits) == []


def test_days_are_of_the_year_up_to_the_day() -> None:
    courses = [course("2026-09-17", "32"), course("2026-05-20", "4"), course("2025-05-20"), course("2026-12-01")]
    assert days_in_year(courses, TODAY) == Decimal("4.5")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2026-06-01", 3, "2026-09-01"), ("2026-11-30", 3, "2027-02-28"), ("2026-12-20", 3, "2027-03-20")],
)
def test_months_are_added(day: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)
