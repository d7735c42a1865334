"""Working days: Monday to Friday, but for holidays and worked weekends (调休).

Plain dates in, plain dates out. `exceptions` names the days that differ: True is a worked
weekend day, False a day off. Rule: docs/rules/working-days.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

DAY = timedelta(days=1)
FIRST_WEEKEND_DAY = 5


def is_working_day(day: date, exceptions: Mapping[date, bool]) -> bool:
    """Whether offices work on `day`."""
    return exceptions.get(day, day.weekday() < FIRST_WEEKEND_DAY)


def add_working_days(day: date, count: int, exceptions: Mapping[date, bool]) -> date:
    """The working day `count` working days after `day`, which itself does not count.

    0 gives `day` when it is worked, else the next working day. Raises ValueError for less than 0.
    """
    if count < 0:
        raise ValueError("working days are counted forward")
    if count == 0:
        while not is_working_day(day, exceptions):
            day += DAY
        return day
    while count:
        day += DAY
        count -= is_working_day(day, exceptions)
    return day


def working_days_between(start: date, end: date, exceptions: Mapping[date, bool]) -> int:
    """Working days after `start` up to and including `end`: how late something due on `start` is on `end`.

    0 when `end` is not after `start`.
    """
    days = (start + DAY * offset for offset in range(1, (end - start).days + 1))
    return sum(is_working_day(day, exceptions) for day in days)
