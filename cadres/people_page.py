"""What the page of a person shows, gathered: the way through posts, trainings and duties, the village."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.urls import reverse

from accounts.models import User
from cadres.ages import age_on
from cadres.duties import Course, Duty, HeldPost, days_in_year, duties_on
from cadres.limits import limits_for
from cadres.models import Attendance, Person, Posting, ReserveCadre, Residency
from cadres.rosters import COUNTED_POSTS, is_cross_member, is_dual_head
from imports.dates import PartialDate


@dataclass(frozen=True)
class Stage:
    """A time of somebody's way: posts held together, a stay as first secretary, or years in the reserve."""

    begins: PartialDate | None
    ends: date | None
    title: str
    note: str
    is_now: bool
    postings: Sequence[Posting] = field(default_factory=tuple)
    url: str = ""


def held_on(postings: Iterable[Posting], day: date) -> list[Posting]:
    return [
        posting
        for posting in postings
        if (posting.started_on is None or posting.started_on.first_day <= day)
        and (posting.ended_on is None or posting.ended_on >= day)
    ]


def title_of(posting: Posting) -> str:
    return posting.words or str(posting.get_post_display())


def titles(postings: Iterable[Posting], mark: str) -> str:
    return mark.join(title_of(posting) for posting in postings)


def stages(
    postings: Sequence[Posting], residencies: Sequence[Residency], reserve: Sequence[ReserveCadre], day: date, mark: str
) -> list[Stage]:
    """Newest first. Posts taken up and left on the same days in the same village are one stage."""
    groups: dict[Any, list[Posting]] = {}
    for posting in postings:
        key = (posting.unit_id, str(posting.started_on or ""), posting.ended_on, posting.document)
        groups.setdefault(key, []).append(posting)
    found = [_stage_of_posts(group, day, mark) for group in groups.values()]
    found += [
        Stage(
            PartialDate(stay.started_on.year, stay.started_on.month, stay.started_on.day),
            stay.ended_on,
            f"{stay.unit.name} {stay.get_role_display()}",
            stay.sent_by,
            stay.ended_on is None or stay.ended_on >= day,
            url=reverse("cadres:resident", args=[stay.pk]),
        )
        for stay in residencies
    ]
    found += [
        Stage(
            entry.entered_on,
            entry.left_on,
            f"{entry.unit.name} {entry._meta.verbose_name}",
            str(entry.get_exit_reason_display() or entry.get_stage_display()),
            entry.left_on is None,
            url=reverse("reserve:entry", args=[entry.pk]),
        )
        for entry in reserve
    ]
    return sorted(found, key=lambda stage: (stage.is_now, str(stage.begins or "")), reverse=True)


def _stage_of_posts(postings: Sequence[Posting], day: date, mark: str) -> Stage:
    first = postings[0]
    notes = [first.get_mode_display(), first.get_change_display(), first.document]
    if first.ending:
        notes.append(first.get_ending_display())
    return Stage(
        first.started_on,
        first.ended_on,
        f"{first.unit.name} {titles(postings, mark)}",
        mark.join(str(note) for note in notes if note),
        bool(held_on([first], day)),
        postings,
    )


# --- Trainings ------------------------------------------------------------------------------


def courses_of(attendances: Iterable[Attendance]) -> list[Course]:
    """Those that were completed."""
    return [
        Course(row.training.kind, row.training.held_on, row.training.ends_on, row.hours)
        for row in attendances
        if row.result == Attendance.Result.COMPLETED
    ]


def held_posts(postings: Iterable[Posting], day: date) -> list[HeldPost]:
    return [
        HeldPost(
            posting.post,
            posting.started_on.first_day if posting.started_on else None,
            posting.started_on.last_day if posting.started_on else None,
            posting.change == Posting.Change.NEW,
        )
        for posting in held_on(postings, day)
    ]


@dataclass(frozen=True)
class TrainingYear:
    """Days of training completed this year, and what the posts oblige to."""

    days: Decimal
    duties: list[Duty]

    @property
    def is_met(self) -> bool:
        return all(duty.is_met for duty in self.duties)


def training_year(
    person: Person, postings: Sequence[Posting], attendances: Sequence[Attendance], day: date
) -> TrainingYear:
    courses = courses_of(attendances)
    duties = duties_on(day, held_posts(postings, day), courses, limits_for(person.unit.path))
    return TrainingYear(days_in_year(courses, day), duties)


# --- The village ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Team:
    """People in counted posts of a village on a day, and how many are in its reserve."""

    people: int
    average_age: Decimal | None
    reserve: int


def team_of(user: User, unit_id: int, day: date) -> Team:
    """Two queries."""
    rows: Any = (
        Posting.objects.for_user(user)
        .held_on(day)
        .filter(unit_id=unit_id, post__in=COUNTED_POSTS)
        .order_by()
        .values_list("person_id", "person__birth")
    )
    ages = [age for age in (age_on(birth, day) for birth in dict(rows).values()) if age is not None]
    average = (Decimal(sum(ages)) / len(ages)).quantize(Decimal("0.1"), ROUND_HALF_UP) if ages else None
    reserve = ReserveCadre.objects.for_user(user).standing_on(day).filter(unit_id=unit_id).count()
    return Team(len(dict(rows)), average, reserve)


def badges(postings: Sequence[Posting]) -> tuple[bool, bool]:
    """Whether the posts of one village make somebody a dual head, and a cross member."""
    by_unit: dict[int, set[int]] = {}
    for posting in postings:
        by_unit.setdefault(posting.unit_id, set()).add(posting.post)
    return (
        any(is_dual_head(posts) for posts in by_unit.values()),
        any(is_cross_member(posts) for posts in by_unit.values()),
    )


def trainings_of(user: User, person: Person) -> list[Attendance]:
    return list(
        Attendance.objects.for_user(user)
        .filter(person=person)
        .select_related("training__unit")
        .order_by("-training__held_on", "-pk")
    )
