"""Trainings that posts oblige to, and whether they were met. Pure: plain values in, plain values out.

Rule: docs/rules/training-duties.md.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from cadres import codes
from cadres.rosters import COUNTED_POSTS, HEAD_POSTS

if TYPE_CHECKING:
    from cadres.models import PeopleLimits

HOURS_A_DAY = 8
HEADS, NEW_CADRE, PARTY_WORKER = "heads", "new_cadre", "party_worker"
KINDS_FOR_HEADS = frozenset({"heads", "new_cadres"})
"""Kinds of training that count for the yearly one of secretaries and directors."""


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post held on the day. `first` and `last` bound the day on which it began; None: unknown."""

    post: int
    first: date | None
    last: date | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A training that somebody completed."""

    kind: str
    begins_on: date
    ends_on: date
    hours: Decimal


@dataclass(frozen=True, slots=True)
class Duty:
    """`needed` and `done` are trainings for `heads`, else days. Met until `due_on`, or short after it."""

    code: str
    needed: Decimal
    done: Decimal
    due_on: date

    @property
    def is_met(self) -> bool:
        return self.done >= self.needed

    @property
    def missing(self) -> Decimal:
        return max(Decimal(0), self.needed - self.done)

    def is_short(self, day: date) -> bool:
        """Whether the time is over and the duty not met."""
        return not self.is_met and day > self.due_on


def days_of(hours: Decimal) -> Decimal:
    return hours / HOURS_A_DAY


def days_in_year(courses: Collection[Course], day: date) -> Decimal:
    """Days of training completed in the year of `day`, up to it."""
    return sum(
        (days_of(course.hours) for course in courses if course.ends_on.year == day.year and course.ends_on <= day),
        Decimal(0),
    )


def duties_on(day: date, posts: Collection[HeldPost], courses: Collection[Course], limits: PeopleLimits) -> list[Duty]:
    """What somebody is obliged to in the year of `day`, by the posts held on it. A limit of 0 asks nothing."""
    found = [_heads(day, posts, courses, limits), _new_cadre(day, posts, courses, limits)]
    found.append(_party_worker(day, posts, courses, limits))
    return [duty for duty in found if duty is not None and duty.needed > 0]


def _heads(day: date, posts: Collection[HeldPost], courses: Collection[Course], limits: PeopleLimits) -> Duty | None:
    if not any(held.post in HEAD_POSTS for held in posts):
        return None
    done = sum(
        course.kind in KINDS_FOR_HEADS and course.ends_on.year == day.year and course.ends_on <= day
        for course in courses
    )
    return Duty(HEADS, Decimal(limits.heads_trainings), Decimal(done), date(day.year, 12, 31))


def _new_cadre(
    day: date, posts: Collection[HeldPost], courses: Collection[Course], limits: PeopleLimits
) -> Duty | None:
    """In the year of the deadline, or before it; a beginning not known to the day gives the longer time."""
    begun = [
        (held.last, held.first)
        for held in posts
        if held.is_new and held.post in COUNTED_POSTS and held.first and held.last
    ]
    if not begun:
        return None
    last, first = min(begun)
    due_on = add_months(last, limits.new_cadre_months)
    if due_on.year < day.year:
        return None
    done = sum(
        (
            days_of(course.hours)
            for course in courses
            if first <= course.begins_on and course.ends_on <= min(due_on, day)
        ),
        Decimal(0),
    )
    return Duty(NEW_CADRE, limits.new_cadre_days, done, due_on)


def _party_worker(
    day: date, posts: Collection[HeldPost], courses: Collection[Course], limits: PeopleLimits
) -> Duty | None:
    if not any(held.post == codes.PARTY_WORKER for held in posts):
        return None
    return Duty(PARTY_WORKER, limits.party_worker_days, days_in_year(courses, day), date(day.year, 12, 31))


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
