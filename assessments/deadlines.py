"""The dates of a month from a scheme's calendar: plain values in, plain values out.

A calendar says for each step a day, how many months after the month assessed, a time of
day, and how many working days must lie between it and the step before. A day off moves to
the next working day. Rule: docs/rules/calendar.md.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assessments.rules import RuleProblem
from branches.workdays import add_working_days

STEPS = ("open", "submit", "review", "lock", "publish")
STEP_LABELS: dict[str, Any] = {
    "open": _("Opens for entry"),
    "submit": _("Townships submit by"),
    "review": _("County reviews by"),
    "lock": _("Corrections until"),
    "publish": _("Publication by"),
}
DAY_COUNT_LABELS: dict[str, Any] = {
    "objection_working_days": _("Working days for objections"),
    "answer_working_days": _("Working days for the answer"),
}
FIELDS = {"open": "opens_at", "submit": "submit_by", "review": "review_by", "lock": "lock_at", "publish": "publish_by"}
"""Step of the calendar -> field of the month."""

SEED_CALENDAR: dict[str, Any] = {
    "open": {"day": 25, "months_later": 0, "time": "08:00", "working_days_after": 0},
    "submit": {"day": 3, "months_later": 1, "time": "18:00", "working_days_after": 3},
    "review": {"day": 6, "months_later": 1, "time": "18:00", "working_days_after": 2},
    "lock": {"day": 7, "months_later": 1, "time": "18:00", "working_days_after": 1},
    "publish": {"day": 10, "months_later": 1, "time": "18:00", "working_days_after": 2},
    "objection_working_days": 5,
    "answer_working_days": 5,
}
"""Handbook 9.1 and 3.7; what a county starts from."""

LONGEST = timedelta(days=150)
"""No step lies further behind the first of the month assessed."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The five moments of a month, in order, in local time with its zone."""

    opens_at: datetime
    submit_by: datetime
    review_by: datetime
    lock_at: datetime
    publish_by: datetime

    def as_fields(self) -> dict[str, datetime]:
        return {name: getattr(self, name) for name in FIELDS.values()}

    def is_in_order(self) -> bool:
        moments = list(self.as_fields().values())
        return all(earlier < later for earlier, later in pairwise(moments))


def deadlines(calendar: Mapping[str, Any], month: date, exceptions: Mapping[date, bool]) -> Deadlines:
    """The moments of `month`, its first day.

    `exceptions`: day -> whether it is worked, where that differs from its weekday. Each
    step falls on its day or, when that is off, on the next working day, and never earlier
    than its number of working days after the step before.
    """
    moments: dict[str, datetime] = {}
    previous: date | None = None
    for step in STEPS:
        rule = calendar[step]
        day = add_working_days(_nominal_day(rule, month), 0, exceptions)
        if previous is not None:
            day = max(day, add_working_days(previous, int(rule["working_days_after"]), exceptions))
        moments[FIELDS[step]] = datetime.combine(day, time.fromisoformat(rule["time"]), get_default_timezone())
        previous = day
    return Deadlines(**moments)


def _nominal_day(rule: Mapping[str, Any], month: date) -> date:
    year, number = divmod(month.year * 12 + month.month - 1 + int(rule["months_later"]), 12)
    last = gregorian.monthrange(year, number + 1)[1]
    return date(year, number + 1, min(int(rule["day"]), last))


MONTH_WORDS: dict[int, Any] = {
    0: _("of the month itself"),
    1: _("of the next month"),
    2: _("of the month after next"),
}


def step_text(rule: Mapping[str, Any]) -> str:
    """A step of the calendar in words: day, month, time, distance."""
    values = {"day": rule["day"], "month": MONTH_WORDS[rule["months_later"]], "time": rule["time"]}
    words = gettext("day %(day)s %(month)s, %(time)s") % values
    days = int(rule["working_days_after"])
    if not days:
        return words
    return f"{words}; " + gettext("at least %(days)d working days after the step before") % {"days": days}


def next_month(month: date, count: int = 1) -> date:
    """First day of the month `count` months after `month`."""
    year, number = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(year, number + 1, 1)


def calendar_problems(calendar: Mapping[str, Any]) -> list[RuleProblem]:
    """What has to be put right before months can be planned by this calendar."""
    problems = [problem for step in STEPS for problem in _step_problems(step, calendar.get(step))]
    for name in DAY_COUNT_LABELS:
        if not _is_between(calendar.get(name), 1, 30):
            problems.append(_problem("days_out_of_range", gettext("Give between 1 and 30 working days."), name))
    if problems:
        return problems
    # A month without a single holiday: what is out of order here is so by the author's intent.
    if not deadlines(calendar, date(2024, 7, 1), {}).is_in_order():
        return [_problem("steps_out_of_order", gettext("Each step has to come after the one before."), "calendar")]
    return []


def _step_problems(step: str, rule: Any) -> list[RuleProblem]:
    if not isinstance(rule, Mapping):
        return [_problem("step_missing", gettext("Give a day for “%(step)s”.") % {"step": STEP_LABELS[step]}, step)]
    found = []
    if not _is_between(rule.get("day"), 1, 31):
        found.append(_problem("day_out_of_range", gettext("A day lies between 1 and 31."), step))
    if not _is_between(rule.get("months_later"), 0, 2):
        found.append(_problem("month_out_of_range", gettext("Choose the month of the step."), step))
    if not _is_between(rule.get("working_days_after"), 0, 20):
        found.append(_problem("gap_out_of_range", gettext("Give between 0 and 20 working days."), step))
    if not _is_time(rule.get("time")):
        found.append(_problem("time_unreadable", gettext("Write the time as 18:00."), step))
    return found


def _problem(code: str, message: str, name: str) -> RuleProblem:
    return RuleProblem(code, message, field=name)


def _is_between(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and time.fromisoformat(value).tzinfo is None
    except ValueError:
        return False
