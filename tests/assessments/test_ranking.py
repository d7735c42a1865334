"""Ranks, ranges, grades, movement and distances against slow and obvious versions of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessments import ranking
from assessments.rules import GradeLine
from tests.assessments import plain

LINES = (
    GradeLine(code="advanced", name="先进", minimum=9000, best_share_percent=20),
    GradeLine(code="middle", name="中间", minimum=6000),
    GradeLine(code="lagging", name="后进", minimum=0),
)


@st.composite
def _villages(draw: st.DrawFn, size: int = 7) -> dict[str, np.ndarray]:
    """Villages in up to two groups and one without, with totals that often tie, some vetoed, some open."""
    count = draw(st.integers(0, size))

    def column(values: st.SearchStrategy[int]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=count, max_size=count)), np.int64)

    low = column(st.integers(0, 6)) * 100
    is_complete = column(st.integers(0, 2)) > 0
    high = np.where(is_complete, low, low + column(st.integers(0, 4)) * 100)
    is_vetoed = column(st.integers(0, 3)) == 0
    return {
        "low": ranking.standing(low, is_vetoed),
        "high": ranking.standing(high, is_vetoed),
        "groups": column(st.integers(-1, 1)),
        "is_complete": is_complete,
        "takes_part": column(st.integers(0, 5)) > 0,
    }


def _rank(keys: np.ndarray, members: list[int], village: int) -> int:
    return 1 + sum(bool(keys[other] > keys[village]) for other in members)


def _members(groups: np.ndarray, takes_part: np.ndarray, village: int) -> list[int]:
    return [other for other in range(len(groups)) if groups[other] == groups[village] and takes_part[other]]


@plain.columns_of_values
@given(_villages())
def test_ranks_count_who_is_above(drawn: dict[str, np.ndarray]) -> None:
    keys, groups, takes_part = drawn["low"], drawn["groups"], drawn["takes_part"]
    ranks = ranking.competition_ranks(keys, groups, takes_part)
    for village in range(len(keys)):
        is_ranked = takes_part[village] and groups[village] >= 0
        wanted = _rank(keys, _members(groups, takes_part, village), village) if is_ranked else 0
        assert ranks[village] == wanted


@pytest.mark.parametrize(
    ("keys", "ranks"), [([], []), ([5], [1]), ([7, 9, 9, 3], [3, 1, 1, 4]), ([0, 0, 0], [1, 1, 1])]
)
def test_ties_share_a_rank_and_use_up_the_next(keys: list[int], ranks: list[int]) -> None:
    size = len(keys)
    found = ranking.competition_ranks(np.array(keys, np.int64), np.zeros(size, np.int64), np.ones(size, np.bool_))
    assert found.tolist() == ranks


def test_vetoed_villages_stand_after_all_others_by_their_score() -> None:
    standing = ranking.standing(np.array([0, 10_500, 9_000]), np.array([False, True, True]))
    found = ranking.competition_ranks(standing, np.zeros(3, np.int64), np.ones(3, np.bool_))
    assert found.tolist() == [1, 2, 3]


@plain.columns_of_values
@given(_villages(), st.data())
def test_a_range_holds_whatever_part_of_the_missing_values_arrives(
    drawn: dict[str, np.ndarray], data: st.DataObject
) -> None:
    low, high, groups, takes_part = (drawn[name] for name in ("low", "high", "groups", "takes_part"))
    best, worst = ranking.rank_ranges(low, high, groups, takes_part, drawn["is_complete"])
    size = len(low)
    steps = np.array(data.draw(st.lists(st.integers(0, 4), min_size=size, max_size=size)), np.int64)
    final = np.minimum(low + steps * 100, high)
    arrived = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), np.bool_)
    is_ranked = takes_part & (drawn["is_complete"] | arrived)
    ranks = ranking.competition_ranks(final, groups, is_ranked)
    for village in range(size):
        if ranks[village]:
            assert best[village] <= ranks[village] <= worst[village]
        if not takes_part[village] or groups[village] < 0:
            assert (best[village], worst[village]) == (0, 0)
        elif not is_ranked[village]:
            assert 1 <= best[village] <= worst[village]


@plain.columns_of_values
@given(_villages())
def test_without_missing_values_best_and_worst_are_the_rank(drawn: dict[str, np.ndarray]) -> None:
    keys, groups, takes_part = drawn["low"], drawn["groups"], drawn["takes_part"]
    ranks = ranking.competition_ranks(keys, groups, takes_part)
    best, worst = ranking.rank_ranges(keys, keys, groups, takes_part, np.ones(len(keys), np.bool_))
    assert best.tolist() == worst.tolist() == ranks.tolist()


@plain.columns_of_values
@given(_villages())
def test_the_distance_leads_to_the_next_better_standing(drawn: dict[str, np.ndarray]) -> None:
    keys, groups, takes_part = drawn["low"], drawn["groups"], drawn["takes_part"]
    ranks = ranking.competition_ranks(keys, groups, takes_part)
    gaps, targets = ranking.distances_to_next_rank(keys, groups, ranks)
    for village in range(len(keys)):
        above = [
            other
            for other in _members(groups, takes_part, village)
            if ranks[village] and keys[village] < keys[other] < keys[village] + ranking.STANDING_STEP // 2
        ]
        nearest = min(above, key=lambda other: keys[other], default=None)
        wanted = (0, 0) if nearest is None else (keys[nearest] - keys[village], ranks[nearest])
        assert (gaps[village], targets[village]) == wanted


# Grades


def _graded(totals: list[int], townships: list[int], caps: list[int] | None = None) -> ranking.Grades:
    total, township = np.array(totals, np.int64), np.array(townships, np.int64)
    cap = np.array(caps or [-1] * len(totals), np.int64)
    keys = ranking.standing(np.maximum(total, 0), cap >= 0)
    ranks = ranking.competition_ranks(keys, np.zeros(len(totals), np.int64), total >= 0)
    of_township = ranking.competition_ranks(keys, township, total >= 0)
    return ranking.grades(LINES, total, ranks, township, of_township, cap)


@pytest.mark.parametrize(
    ("villages", "places"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1), (9, 1), (10, 2), (14, 2), (15, 3)]
)
def test_the_best_share_is_rounded_down_and_at_least_one_from_three_villages_up(villages: int, places: int) -> None:
    assert ranking.share_places(LINES[0], np.array([villages])).tolist() == [places]


def test_a_line_without_a_share_has_no_places_to_run_out_of() -> None:
    assert ranking.share_places(LINES[1], np.array([2])).tolist() == [0]


def test_nobody_gets_no_grade() -> None:
    assert _graded([], []).grade.tolist() == []


def test_a_village_that_is_not_ranked_has_no_grade_but_counts_for_the_share() -> None:
    found = _graded([9500, -1, -1], [0, 0, 0])
    assert found.grade.tolist() == [0, -1, -1]
    assert found.is_held_back.tolist() == [False, False, False]


def test_without_a_township_there_is_no_best_share() -> None:
    found = _graded([9500, 9400, 9300], [-1, -1, -1])
    assert found.grade.tolist() == [1, 1, 1]
    assert found.is_held_back.tolist() == [True, True, True]


def test_a_veto_caps_the_grade_and_is_not_called_a_full_share() -> None:
    found = _graded([9500, 9400, 5900], [0, 0, 0], [2, 1, 1])
    assert found.grade.tolist() == [2, 1, 2]
    assert found.is_held_back.tolist() == [False, False, False]


def test_a_tie_at_the_edge_of_the_share_is_warned_about_and_not_cut() -> None:
    total, township, caps = np.array([9500, 9500, 9400, 8000]), np.zeros(4, np.int64), np.full(4, -1)
    found = _graded(total.tolist(), township.tolist())
    assert found.grade.tolist() == [0, 0, 1, 1]
    ranks = ranking.competition_ranks(total, township, np.ones(4, np.bool_))
    assert ranking.quota_warnings(LINES, total, ranks, township, found, caps) == [
        ranking.QuotaWarning(0, "advanced", villages=4, allowed=1, reached=3, awarded=2)
    ]


# Movement


@plain.columns_of_values
@given(st.data())
def test_the_parts_of_movement_sum_to_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 6))

    def column(values: st.SearchStrategy[int], count: int = size) -> np.ndarray:
        return np.array(data.draw(st.lists(values, min_size=count, max_size=count)), np.int64)

    groups = column(st.integers(-1, 1))
    first, latest, before = (column(st.integers(0, 5)) for _ in range(3))
    is_ranked, was_first, was_latest = (column(st.integers(0, 3)) > 0 for _ in range(3))
    last = ranking.LastMonth(
        groups,
        ranking.competition_ranks(first, groups, was_first),
        ranking.competition_ranks(latest, groups, was_latest),
        before,
        column(st.integers(0, 5)) > 0,
    )
    now = column(st.integers(0, 5))
    ranks = ranking.competition_ranks(now, groups, is_ranked)
    position = np.where(column(st.integers(0, 3)) > 0, np.arange(size), -1)
    found = ranking.movement(ranks, now, position, column(st.integers(0, 4)) > 0, last)
    parts = found.correction + found.rules + found.own + found.others
    assert found.total.tolist() == parts.tolist()
    moved = np.where(found.is_known, last.first_ranks - ranks, 0)
    assert found.total.tolist() == moved.tolist()
    assert found.before.tolist() == np.where(found.is_known, last.first_ranks, 0).tolist()


def test_movement_is_unknown_where_either_month_has_no_rank() -> None:
    zeros, flags = np.zeros(4, np.int64), np.ones(4, np.bool_)
    last = ranking.LastMonth(zeros, np.array([1, 2, 0, 3]), np.array([1, 2, 3, 0]), np.array([9, 8, 7, 6]), flags)
    ranks = ranking.competition_ranks(np.array([9, 8, 7, 6]), zeros, np.array([True, False, True, True]))
    found = ranking.movement(ranks, np.array([9, 8, 7, 6]), np.arange(4), flags, last)
    assert found.is_known.tolist() == [True, False, False, False]
    nobody = ranking.movement(ranks, np.array([9, 8, 7, 6]), np.full(4, -1), flags, last)
    assert nobody.is_known.tolist() == [False] * 4
