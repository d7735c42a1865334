"""Who fills posts on a day, and since when one is vacant (docs/rules/posts-and-vacancies.md)."""

from __future__ import annotations

from datetime import date

import pytest

from cadres.rosters import (
    Period,
    Vacancy,
    change_of,
    counts_as_vacant,
    head_vacancy_on,
    holders,
    is_cross_member,
    is_dual_head,
    people_counted,
    vacancies,
    vacancy_on,
)

SECRETARY, DIRECTOR, DEPUTY, DEPUTY_DIRECTOR, BRANCH_MEMBER, MEMBER, SUPERVISION, CLERK, WORKER, OTHER = (
    10, 20, 30, 40, 50, 60, 70, 80, 85, 90,
)  # fmt: skip
TODAY = date(2026, 10, 20)
TEAM = [(1, SECRETARY), (1, DIRECTOR), (2, DEPUTY), (3, MEMBER), (4, CLERK)]


@pytest.mark.parametrize(
    ("posts", "is_dual", "is_cross"),
    [
        ({SECRETARY, DIRECTOR}, True, True),
        ({SECRETARY}, False, False),
        ({DIRECTOR, DEPUTY}, False, True),
        ({BRANCH_MEMBER, MEMBER}, False, True),
        ({BRANCH_MEMBER, CLERK}, False, False),
        ({SUPERVISION, MEMBER}, False, False),
        (set(), False, False),
    ],
)
def test_dual_heads_and_cross_members(posts: set[int], is_dual: bool, is_cross: bool) -> None:
    assert (is_dual_head(posts), is_cross_member(posts)) == (is_dual, is_cross)


@pytest.mark.parametrize(
    ("approved", "held", "people", "vacant"),
    [
        (5, TEAM, 4, 1),
        (4, TEAM, 4, 0),
        (3, TEAM, 4, 0),
        (5, [*TEAM, (5, OTHER)], 4, 1),
        (5, [*TEAM, (5, WORKER)], 4, 1),
        (5, [*TEAM, (5, SUPERVISION)], 5, 0),
        (5, [], 0, 5),
        (0, [], 0, 0),
    ],
)
def test_a_person_counts_once_and_only_in_a_post_that_counts(
    approved: int, held: list[tuple[int, int]], people: int, vacant: int
) -> None:
    assert (people_counted(held), vacancies(approved, held)) == (people, vacant)


@pytest.mark.parametrize(
    ("posts", "before", "change"),
    [
        ({SECRETARY}, {SECRETARY}, "continuing"),
        ({SECRETARY, DIRECTOR}, {SECRETARY}, "continuing"),
        ({SECRETARY}, {CLERK}, "moved"),
        ({SECRETARY}, set(), "new"),
    ],
)
def test_the_way_into_the_term(posts: set[int], before: set[int], change: str) -> None:
    assert change_of(posts, before) == change


def period(person: int, post: int, first: str | None, last: str | None = None) -> Period:
    return Period(
        person,
        post,
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
    )


@pytest.mark.parametrize(
    ("approved", "periods", "vacancy"),
    [
        # One of two left; nobody followed.
        (2, [period(1, 10, "2021-12-20"), period(2, 60, "2021-12-20", "2026-09-30")], Vacancy(1, date(2026, 10, 1))),
        # The day of leaving is the last day in post.
        (2, [period(1, 10, "2021-12-20"), period(2, 60, "2021-12-20", "2026-10-20")], Vacancy(0, None)),
        # A second post of the same person fills nothing.
        (2, [period(1, 10, "2021-12-20"), period(1, 20, "2021-12-20")], Vacancy(1, None)),
        # Filled in between: only the last run counts.
        (
            2,
            [
                period(1, 10, "2021-12-20"),
                period(2, 60, "2021-12-20", "2024-01-31"),
                period(3, 60, "2024-05-01", "2026-06-30"),
            ],
            Vacancy(1, date(2026, 7, 1)),
        ),
        # One left, then another: short since the first of them.
        (
            2,
            [period(1, 10, "2021-12-20", "2026-08-31"), period(2, 60, "2021-12-20", "2026-06-30")],
            Vacancy(2, date(2026, 7, 1)),
        ),
        # Who follows later does not fill the day.
        (1, [period(1, 10, "2026-11-01")], Vacancy(1, None)),
        # The beginning is unknown.
        (1, [period(1, 10, None)], Vacancy(0, None)),
        (1, [], Vacancy(1, None)),
    ],
)
def test_since_when_a_post_is_vacant(approved: int, periods: list[Period], vacancy: Vacancy) -> None:
    assert vacancy_on(TODAY, approved, periods) == vacancy


def test_a_village_may_lack_its_secretary_with_all_posts_filled() -> None:
    periods = [period(1, SECRETARY, "2021-12-20", "2026-05-31"), period(2, DEPUTY, "2021-12-20")]
    assert vacancy_on(TODAY, 1, periods).number == 0
    assert head_vacancy_on(TODAY, SECRETARY, periods) == Vacancy(1, date(2026, 6, 1))


@pytest.mark.parametrize(
    ("vacancy", "counts"),
    [
        (Vacancy(1, date(2026, 9, 20)), False),
        (Vacancy(1, date(2026, 9, 19)), True),
        (Vacancy(1, None), True),
        (Vacancy(0, None), False),
    ],
)
def test_a_vacancy_counts_once_it_lasts_longer_than_allowed(vacancy: Vacancy, counts: bool) -> None:
    assert counts_as_vacant(vacancy, TODAY, 30) is counts


def test_holders_are_those_of_the_day() -> None:
    periods = [period(1, 10, "2021-12-20"), period(1, 20, "2021-12-20", "2025-01-01"), period(2, 60, "2026-11-01")]
    assert holders(periods, TODAY) == {1: frozenset({10})}
    assert holders(periods, date(2024, 1, 1)) == {1: frozenset({10, 20})}
