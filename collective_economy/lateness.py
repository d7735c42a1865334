"""What of a project is late on a day, and why. Plain values in and out, no database, no clock.

Rule: docs/rules/projects.md, "Late".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collective_economy import stages

SOON = timedelta(days=90)
"""So long before an unused project leaves the pool it is told."""
LAG_FROM = Decimal(10)
"""Points by which spending may stay below the planned time before it is told."""
BEFORE_ACCEPTANCE = (*stages.IN_WORK, "accept")
WAN = Decimal(10_000)


@dataclass(frozen=True)
class Due:
    """Something planned for a day: a milestone, an instalment or the project's own money. `amount`: yuan missing."""

    name: str
    on: date
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is asked about a project. Only what is still open stands in the lists of what is due."""

    stage: str
    pooled_on: date
    released_on: date | None = None
    """When its support money was released to it: the later one of the programme's release and the approval."""
    started_on: date | None = None
    start_on: date | None = None
    finish_on: date | None = None
    accepted_on: date | None = None
    milestones: Sequence[Due] = ()
    instalments: Sequence[Due] = ()
    """Whose condition is reached and which are not handed out in full."""
    own_money: Sequence[Due] = ()
    total: Decimal = Decimal(0)
    """Yuan approved, from all sources."""
    paid: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that is late, or near to it. `days` past its day, negative before it; `points` below the time."""

    code: str
    days: int = 0
    name: str = ""
    on: date | None = None
    amount: Decimal = Decimal(0)
    points: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)

    @property
    def is_late(self) -> bool:
        """Past a day that was set; else a warning."""
        return self.code != "lag" and self.days > 0

    @property
    def words(self) -> str:
        return _WORDS[self.code](self)


def reasons(course: Course, day: date) -> list[Reason]:
    """What is late or near to it on `day`, the worst first. What falls due on the day itself is not late."""
    found = list(_found(course, day))
    return sorted(found, key=lambda each: (not each.is_late, -each.days))


def _found(course: Course, day: date) -> Iterator[Reason]:
    if course.stage == "pool":
        yield from _in_pool(course, day)
    if course.stage in stages.IN_WORK:
        yield from _not_started(course, day)
        yield from _lag(course, day)
    if course.stage in BEFORE_ACCEPTANCE:
        if course.accepted_on is None and course.finish_on is not None and course.finish_on < day:
            yield Reason(code="finish", days=(day - course.finish_on).days, on=course.finish_on)
        yield from _worst("milestone", course.milestones, day)
    if course.stage in stages.WITH_MONEY:
        yield from _worst("instalment", course.instalments, day)
        yield from _worst("own_money", course.own_money, day)


def _in_pool(course: Course, day: date) -> Iterator[Reason]:
    leaves = stages.leaves_pool_on(course.pooled_on)
    if leaves - SOON <= day:
        yield Reason(code="pool", days=(day - leaves).days, on=leaves)


def _not_started(course: Course, day: date) -> Iterator[Reason]:
    by = stages.must_start_by(course.released_on, course.started_on)
    if by is not None and by < day:
        yield Reason(code="start", days=(day - by).days, on=by)


def _lag(course: Course, day: date) -> Iterator[Reason]:
    passed = stages.time_percent(course.start_on, course.finish_on, day)
    if passed is None or not course.total:
        return
    spent = percent_of(course.paid, course.total)
    if passed - spent >= LAG_FROM:
        yield Reason(code="lag", points=passed - spent, spent=spent)


def _worst(code: str, due: Sequence[Due], day: date) -> Iterator[Reason]:
    """The one that is longest overdue; amounts of all that are."""
    late = sorted((each for each in due if each.on < day), key=lambda each: each.on)
    if late:
        first = late[0]
        amount = sum((each.amount for each in late), Decimal(0))
        yield Reason(code=code, days=(day - first.on).days, name=first.name, on=first.on, amount=amount)


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """With one decimal, half to even; 0 of nothing."""
    return (part * 100 / whole).quantize(Decimal("0.1")) if whole else Decimal("0.0")


def _told(reason: Reason, words: str) -> str:
    on = date_format(reason.on, "SHORT_DATE_FORMAT") if reason.on else ""
    amount = f"{reason.amount / WAN:,.2f}"
    return words % {"on": on, "days": abs(reason.days), "name": reason.name, "amount": amount}


def _pool_words(reason: Reason) -> str:
    if reason.days > 0:
        return _told(reason, _("three years unused since %(on)s, it leaves the pool"))
    return _told(reason, _("leaves the pool unused on %(on)s, in %(days)s days"))


def _start_words(reason: Reason) -> str:
    words = ngettext(
        "work should have begun by %(on)s, %(days)s day ago", "work should have begun by %(on)s, %(days)s days ago",
        reason.days,
    )  # fmt: skip
    return _told(reason, words)


def _finish_words(reason: Reason) -> str:
    words = ngettext(
        "not accepted %(days)s day after the planned finish (%(on)s)",
        "not accepted %(days)s days after the planned finish (%(on)s)",
        reason.days,
    )
    return _told(reason, words)


def _milestone_words(reason: Reason) -> str:
    words = ngettext(
        "milestone “%(name)s” (%(on)s) is %(days)s day overdue",
        "milestone “%(name)s” (%(on)s) is %(days)s days overdue",
        reason.days,
    )
    return _told(reason, words)


def _instalment_words(reason: Reason) -> str:
    words = ngettext(
        "instalment “%(name)s”: %(amount)s (10 000 yuan) are due since %(on)s, %(days)s day",
        "instalment “%(name)s”: %(amount)s (10 000 yuan) are due since %(on)s, %(days)s days",
        reason.days,
    )
    return _told(reason, words)


def _own_words(reason: Reason) -> str:
    words = ngettext(
        "%(name)s: %(amount)s (10 000 yuan) should be there by %(on)s, %(days)s day overdue",
        "%(name)s: %(amount)s (10 000 yuan) should be there by %(on)s, %(days)s days overdue",
        reason.days,
    )
    return _told(reason, words)


def _lag_words(reason: Reason) -> str:
    return _("spending at %(spent)s%% is %(points)s points below the time passed") % {
        "spent": reason.spent,
        "points": reason.points,
    }


_WORDS = {
    "pool": _pool_words,
    "start": _start_words,
    "finish": _finish_words,
    "milestone": _milestone_words,
    "instalment": _instalment_words,
    "own_money": _own_words,
    "lag": _lag_words,
}
