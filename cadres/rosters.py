"""What follows from who holds which posts on a day: dual heads, cross members, posts vacant, and since when. Pure.

Rule: docs/rules/posts-and-vacancies.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from cadres import codes

BRANCH_POSTS = frozenset({codes.SECRETARY, codes.DEPUTY_SECRETARY, codes.BRANCH_MEMBER})
COMMITTEE_POSTS = frozenset({codes.DIRECTOR, codes.DEPUTY_DIRECTOR, codes.COMMITTEE_MEMBER})
COUNTED_POSTS = BRANCH_POSTS | COMMITTEE_POSTS | {codes.SUPERVISION_HEAD, codes.CLERK}
"""Posts that fill the approved number of a village; a township's Party workers and other posts do not."""
HEAD_POSTS = frozenset({codes.SECRETARY, codes.DIRECTOR})
SINGLE_POSTS = HEAD_POSTS
"""Held by one person of a village at a time."""


def is_dual_head(posts: Collection[int]) -> bool:
    """Secretary and director in one person (一肩挑)."""
    return set(posts) >= HEAD_POSTS


def is_cross_member(posts: Collection[int]) -> bool:
    """In the branch committee and in the villagers' committee (交叉任职)."""
    return bool(BRANCH_POSTS & set(posts)) and bool(COMMITTEE_POSTS & set(posts))


def posts_by_person(held: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    """Person -> their posts, from (person, post)."""
    found: dict[int, set[int]] = {}
    for person, post in held:
        found.setdefault(person, set()).add(post)
    return {person: frozenset(posts) for person, posts in found.items()}


def people_counted(held: Iterable[tuple[int, int]]) -> int:
    """People in a post that fills the approved number; somebody with two posts counts once."""
    return len({person for person, post in held if post in COUNTED_POSTS})


def vacancies(approved: int, held: Iterable[tuple[int, int]]) -> int:
    """Approved posts that nobody fills, never less than none."""
    return max(0, approved - people_counted(held))


def change_of(posts: Collection[int], before: Collection[int]) -> str:
    """Way into the term of somebody with `posts` who held `before` on the eve: "continuing", "moved" or "new"."""
    if set(posts) & set(before):
        return "continuing"
    return "moved" if before else "new"


# --- Since when ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Somebody in a post from a day to a day; None is unknown for the first and "still" for the last."""

    person: int
    post: int
    first: date | None
    last: date | None

    def covers(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or self.last >= day)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """`since`: first day without; None where the records do not go back to its filling."""

    number: int
    since: date | None

    def days(self, day: date) -> int | None:
        return None if self.since is None else (day - self.since).days


def vacancy_on(day: date, approved: int, periods: Collection[Period]) -> Vacancy:
    """Posts that nobody fills on a day, and since when fewer people than approved have been in post."""
    counted = [period for period in periods if period.post in COUNTED_POSTS]
    return _vacancy(day, approved, counted)


def head_vacancy_on(day: date, post: int, periods: Collection[Period]) -> Vacancy:
    """Whether nobody holds a post that a village has once."""
    return _vacancy(day, 1, [period for period in periods if period.post == post])


def _vacancy(day: date, approved: int, periods: Collection[Period]) -> Vacancy:
    number = max(0, approved - _people_on(day, periods))
    if number == 0:
        return Vacancy(0, None)
    turns = {period.first for period in periods if period.first} | {
        period.last + timedelta(days=1) for period in periods if period.last
    }
    for turn in sorted((turn for turn in turns if turn <= day), reverse=True):
        if _people_on(turn - timedelta(days=1), periods) >= approved:
            return Vacancy(number, turn)
    return Vacancy(number, None)


def _people_on(day: date, periods: Collection[Period]) -> int:
    return len({period.person for period in periods if period.covers(day)})


def counts_as_vacant(vacancy: Vacancy, day: date, patience: int) -> bool:
    """Whether it lasts longer than the county allows; one whose beginning is unknown does."""
    days = vacancy.days(day)
    return vacancy.number > 0 and (days is None or days > patience)


def holders(periods: Iterable[Period], day: date) -> Mapping[int, frozenset[int]]:
    """Person -> posts held on a day."""
    return posts_by_person((period.person, period.post) for period in periods if period.covers(day))
