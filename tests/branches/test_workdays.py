"""Working days with holidays and worked weekends (handbook 9.1, 11.15)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branches.workdays import add_working_days, is_working_day, working_days_between

SPRING_FESTIVAL = {date(2026, 2, 16) + timedelta(days=offset): False for offset in range(8)} | {
    date(2026, 2, 14): True,
    date(2026, 2, 28): True,
}

days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
calendars = st.dictionaries(days, st.booleans(), max_size=40)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 6), True),
        (date(2026, 11, 7), False),
        (date(2026, 11, 8), False),
        (date(2026, 2, 16), False),
        (date(2026, 2, 14), True),
        (date(2026, 2, 28), True),
        (date(2026, 3, 1), False),
    ],
)
def test_a_day_is_worked_by_its_weekday_unless_the_calendar_says_otherwise(day: date, expected: bool) -> None:
    assert is_working_day(day, SPRING_FESTIVAL) is expected


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 11, 10), 5, date(2026, 11, 17)),
        (date(2026, 11, 6), 1, date(2026, 11, 9)),
        (date(2026, 11, 7), 1, date(2026, 11, 9)),
        (date(2026, 11, 7), 0, date(2026, 11, 9)),
        (date(2026, 11, 6), 0, date(2026, 11, 6)),
        (date(2026, 2, 13), 1, date(2026, 2, 14)),
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 2, 27), 1, date(2026, 2, 28)),
    ],
)
def test_adding_skips_weekends_and_holidays_and_counts_worked_weekends(day: date, count: int, expected: date) -> None:
    assert add_working_days(day, count, SPRING_FESTIVAL) == expected


def test_days_are_counted_forward_only() -> None:
    with pytest.raises(ValueError, match="forward"):
        add_working_days(date(2026, 11, 6), -1, {})


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 11, 3), date(2026, 11, 3), 0),
        (date(2026, 11, 3), date(2026, 11, 1), 0),
        (date(2026, 11, 3), date(2026, 11, 4), 1),
        (date(2026, 11, 6), date(2026, 11, 8), 0),
        (date(2026, 11, 6), date(2026, 11, 9), 1),
        (date(2026, 2, 13), date(2026, 2, 24), 2),
    ],
)
def test_days_late_are_working_days_after_the_day_due(start: date, end: date, expected: int) -> None:
    assert working_days_between(start, end, SPRING_FESTIVAL) == expected


@given(days, st.integers(1, 60), calendars)
def test_adding_and_counting_agree(day: date, count: int, exceptions: dict[date, bool]) -> None:
    end = add_working_days(day, count, exceptions)
    assert is_working_day(end, exceptions)
    assert working_days_between(day, end, exceptions) == count
