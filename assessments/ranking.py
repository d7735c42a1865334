"""Ranks, ranges, grades and movement, on whole columns of villages.

Points in hundredths, ranks from 1, 0 means not ranked. A group is a whole number for each
village, -1 for no group. Rules: docs/rules/ranking-and-ranges.md, grades.md, movement.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assessments.rules import GradeLine

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STANDING_STEP = 2**20
"""Lifts every village without veto above every village with one; totals stay far below it."""


def standing(total: Ints, is_vetoed: Flags) -> Ints:
    """One number to rank by: the total, vetoed villages after all others."""
    return np.where(is_vetoed, total, total + STANDING_STEP)


def competition_ranks(keys: Ints, groups: Ints, takes_part: Flags) -> Ints:
    """Ranks 1, 2, 2, 4 inside each group, highest key first; 0 for who takes no part or has no group."""
    ranks = np.zeros(len(keys), np.int64)
    members = np.flatnonzero(takes_part & (groups >= 0))
    if not members.size:
        return ranks
    order = members[np.lexsort((-keys[members], groups[members]))]
    key, group = keys[order], groups[order]
    place = np.arange(len(order))
    starts_group = np.r_[True, group[1:] != group[:-1]]
    starts_tie = starts_group | np.r_[True, key[1:] != key[:-1]]
    first_of_group = np.maximum.accumulate(np.where(starts_group, place, 0))
    first_of_tie = np.maximum.accumulate(np.where(starts_tie, place, 0))
    ranks[order] = first_of_tie - first_of_group + 1
    return ranks


def counts_above(keys: Ints, groups: Ints, other_keys: Ints, other_groups: Ints) -> Ints:
    """For each key, how many of the others in the same group are strictly higher.

    Keys are 0 or more and below 2^21, as standings are.
    """
    span = 2 * STANDING_STEP
    others = np.sort(other_groups * span + other_keys)
    ends = np.searchsorted(others, (groups + 1) * span, side="left")
    return ends - np.searchsorted(others, groups * span + keys, side="right")


def rank_ranges(low: Ints, high: Ints, groups: Ints, takes_part: Flags, is_complete: Flags) -> tuple[Ints, Ints]:
    """Best and worst rank of everyone who takes part, whatever the missing values turn out to be.

    `low` and `high` bound the standing of each village. The range also holds when only some
    of the missing values arrive and the others stay unranked: only complete villages are
    counted on to stand above, every village is counted on to possibly do so. 0 for who
    takes no part or has no group.
    """
    inside = takes_part & (groups >= 0)
    best, worst = np.zeros(len(low), np.int64), np.zeros(len(low), np.int64)
    sure = inside & is_complete
    best[inside] = 1 + counts_above(high[inside], groups[inside], low[sure], groups[sure])
    above = counts_above(low[inside], groups[inside], high[inside], groups[inside])
    worst[inside] = 1 + above - (high[inside] > low[inside])
    return best, worst


@dataclass(frozen=True, slots=True)
class Grades:
    """The grade of each village (its place among the lines, -1 for not ranked).

    `is_held_back`: the score reaches a better line, the best share of the township is full.
    """

    grade: Ints
    is_held_back: Flags


@dataclass(frozen=True, slots=True)
class QuotaWarning:
    """In a township (a group as a whole number) more villages reach a line than its best share holds.

    `awarded` is above `allowed` where a tie stands at the edge of the share.
    """

    township: int
    grade: str
    villages: int
    allowed: int
    reached: int
    awarded: int


def grades(
    lines: Sequence[GradeLine], total: Ints, ranks: Ints, townships: Ints, township_ranks: Ints, caps: Ints
) -> Grades:
    """The best line each ranked village reaches, no better than its veto leaves.

    `ranks` says who is ranked, `caps` the place of the best grade left, -1 without veto.
    """
    grade, by_score = np.full(len(total), -1, np.int64), np.full(len(total), -1, np.int64)
    for place, line in reversed(list(enumerate(lines))):
        reaches = (ranks > 0) & (total >= line.minimum)
        by_score[reaches] = place
        grade[reaches & _is_within_share(line, townships, township_ranks)] = place
    is_ranked = ranks > 0
    is_held_back = is_ranked & (grade != by_score) & (caps < 0)
    return Grades(np.where(is_ranked, np.maximum(grade, caps), -1), is_held_back)


def quota_warnings(
    lines: Sequence[GradeLine],
    total: Ints,
    ranks: Ints,
    townships: Ints,
    found: Grades,
    caps: Ints,
) -> list[QuotaWarning]:
    """Where the best share is full: never a silent cut, the county sees it and may decide otherwise."""
    warnings = []
    known = townships[townships >= 0]
    villages = np.bincount(known, minlength=1)
    for place, line in enumerate(lines):
        if line.best_share_percent is None:
            continue
        reaches = (ranks > 0) & (total >= line.minimum) & (caps < 0) & (townships >= 0)
        reached = np.bincount(townships[reaches], minlength=len(villages))
        awarded = np.bincount(townships[reaches & (found.grade == place)], minlength=len(villages))
        allowed = share_places(line, villages)
        warnings += [
            QuotaWarning(i, line.code, int(villages[i]), int(allowed[i]), int(reached[i]), int(awarded[i]))
            for i in np.flatnonzero(reached > allowed).tolist()
        ]
    return warnings


def share_places(line: GradeLine, villages: Ints) -> Ints:
    """How many of so many villages the best share holds: rounded down, at least 1 from the line's minimum up."""
    share = villages * (line.best_share_percent or 0) // 100
    return np.where(villages >= line.minimum_villages, np.maximum(share, 1), share)


def _is_within_share(line: GradeLine, townships: Ints, township_ranks: Ints) -> Flags:
    if line.best_share_percent is None:
        return np.ones(len(townships), np.bool_)
    villages = np.bincount(townships[townships >= 0], minlength=1)
    allowed = share_places(line, villages)[np.maximum(townships, 0)]
    return (township_ranks > 0) & (township_ranks <= allowed)


@dataclass(frozen=True, slots=True)
class Movement:
    """Places won (positive) or lost since last month, and the four parts that sum to it. Only where `is_known`."""

    is_known: Flags
    before: Ints
    total: Ints
    correction: Ints
    rules: Ints
    own: Ints
    others: Ints


@dataclass(frozen=True, slots=True)
class LastMonth:
    """Last month in one grouping, an entry for each of its villages: group, rank as first published and in the
    latest revision (0 for not ranked), standing of its latest values under this month's rules, and whether there is
    one."""

    groups: Ints
    first_ranks: Ints
    latest_ranks: Ints
    standing: Ints
    is_scored: Flags


def movement(now_ranks: Ints, now_standing: Ints, position: Ints, is_comparable: Flags, last: LastMonth) -> Movement:
    """Split the way from last month's first published rank to this month's, in four steps that sum to it.

    `position` is the entry of each village in `last`, -1 for none. Rule: docs/rules/movement.md.
    """
    size, found = len(now_ranks), position >= 0
    ranks = np.zeros((5, size), np.int64)
    ranks[4] = now_ranks
    if found.any():
        takes_part = (last.latest_ranks > 0) & last.is_scored & (last.groups >= 0)
        rescored = competition_ranks(last.standing, last.groups, takes_part)
        at, now = position[found], now_standing[found]
        above = counts_above(now, last.groups[at], last.standing[takes_part], last.groups[takes_part])
        own_is_above = takes_part[at] & (last.standing[at] > now)
        ranks[:4, found] = last.first_ranks[at], last.latest_ranks[at], rescored[at], 1 + above - own_is_above
    is_known = found & is_comparable & (ranks > 0).all(axis=0)
    ranks = np.where(is_known, ranks, 0)
    steps = ranks[:-1] - ranks[1:]
    return Movement(is_known, ranks[0], ranks[0] - ranks[4], *steps)


def distances_to_next_rank(keys: Ints, groups: Ints, ranks: Ints) -> tuple[Ints, Ints]:
    """Hundredths to the next better standing of the group, and the rank that stands there.

    0 and 0 for the first, for who is not ranked, and for the best of the vetoed, whom no
    points bring past the others.
    """
    gaps, targets = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    members = np.flatnonzero(ranks > 0)
    if not members.size:
        return gaps, targets
    order = members[np.lexsort((-keys[members], groups[members]))]
    starts_tie = np.r_[True, (ranks[order][1:] != ranks[order][:-1]) | (groups[order][1:] != groups[order][:-1])]
    firsts = order[starts_tie]
    before = firsts[np.cumsum(starts_tie) - 2]
    is_reachable = (ranks[order] > 1) & ((keys[before] >= STANDING_STEP) == (keys[order] >= STANDING_STEP))
    reachable = order[is_reachable]
    gaps[reachable] = keys[before[is_reachable]] - keys[reachable]
    targets[reachable] = ranks[before[is_reachable]]
    return gaps, targets
