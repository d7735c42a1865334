"""What each rule type makes of its values: the share of full marks, exactly, for all villages at once.

One definition for each type, on numpy columns; a single village is a column of length 1.
Values are whole 1/10 000, points and weights whole hundredths, a share is a numerator and
a denominator, and the only rounding is the half-up one at the end. Where a product could
leave 64 bits the column goes on as Python integers; the results are the same.
Rules: docs/rules/, one page for each type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from assessments.ranking import competition_ranks
from assessments.rules import (
    AS_FULL,
    AS_NOT_APPLICABLE,
    AS_NOTHING_DUE,
    SCALE,
    IndicatorRule,
    exact,
    to_hundredths,
    to_scaled,
)

Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]
Whole = Any
"""A column of whole numbers (int64, or Python integers where 64 bits are too few) or one of them."""

STATE_MISSING, STATE_GIVEN, STATE_NOT_APPLICABLE, STATE_EXEMPT, STATE_LATE, STATE_NOTHING_DUE = range(6)
STATE_NAMES = ("missing", "given", "not_applicable", "exempt", "late", "nothing_due")

INT64_LIMIT = 2**62
NOT_JUDGED = -1
"""In the column of a judge: no score, although the panel as a whole is given."""


class Column(NamedTuple):
    """Values in 1/10 000 and their states, one of each for every village."""

    values: Ints
    states: States


class Peers(NamedTuple):
    """The group each village is compared in, -1 for none, by the names of the parameter `peers`."""

    county: Ints
    township: Ints
    village_class: Ints


@dataclass(frozen=True, slots=True)
class Share:
    """The part of full marks each village earned: `part` of `whole`, 0 ≤ part ≤ whole, whole > 0.

    `low` and `high` bound the part where it depends on values of others that are still
    missing. `states`: "nothing due" stands where the rule for it gave the points.
    """

    states: States
    part: Whole
    whole: Whole
    low: Whole
    high: Whole


def state_without_data(rule: IndicatorRule) -> int:
    """The state of a computed value that its source does not mention."""
    return {AS_NOTHING_DUE: STATE_NOTHING_DUE, AS_NOT_APPLICABLE: STATE_NOT_APPLICABLE}.get(rule.no_data, STATE_MISSING)


def share(rule: IndicatorRule, columns: Mapping[str, Column], size: int, peers: Peers | None = None) -> Share:
    """The share of full marks of `size` villages. A column that is not there is missing for all of them.

    `peers` is needed for points by rank only; without it all villages are one group.
    """
    if rule.rule_type == "not_applicable":
        return _not_applicable(size)
    cells = [columns.get(code) or _nothing(size) for code in rule.value_codes()]
    if rule.rule_type == "rank_points":
        groups = np.zeros(size, np.int64) if peers is None else getattr(peers, rule.setting("peers"))
        return _rank_points(rule, cells, groups)
    return _settle(rule, _SHARES[rule.rule_type](rule, cells))


def half_up(weight: Whole, part: Whole, whole: Whole) -> Ints:
    """weight × part ÷ whole rounded half up, exactly. The result fits 64 bits because part ≤ whole."""
    doubled = plus(times(times(2, weight), part), whole)
    return np.asarray(doubled // times(2, whole)).astype(np.int64)


# Exact arithmetic


def bound(number: Whole) -> int:
    """The largest absolute value in a column."""
    if isinstance(number, int):
        return abs(number)
    if not number.size:
        return 0
    return max(abs(int(number.max())), abs(int(number.min())))


def times(left: Whole, right: Whole) -> Whole:
    """The product; Python integers where it may not fit 64 bits."""
    return left * right if bound(left) * bound(right) < INT64_LIMIT else _wide(left) * _wide(right)


def plus(left: Whole, right: Whole) -> Whole:
    """The sum; Python integers where it may not fit 64 bits."""
    return left + right if bound(left) + bound(right) < INT64_LIMIT else _wide(left) + _wide(right)


def _wide(number: Whole) -> Whole:
    return number if isinstance(number, int) else number.astype(object)


def _clip(number: Whole, most: Whole) -> Whole:
    return np.minimum(np.maximum(number, 0), most)


# Reading the cells


@dataclass(frozen=True, slots=True)
class _Reading:
    """A value as `value` × `factor` ÷ `divisor` in 1/10 000 of the rule's unit (of a percent, for a share)."""

    states: States
    value: Whole
    factor: int
    divisor: Whole
    is_nothing_due: Flags


@dataclass(frozen=True, slots=True)
class _Found:
    """A share before the rules for missing values and for "nothing due" are applied."""

    states: States
    part: Whole
    whole: Whole
    is_nothing_due: Flags


def _nothing(size: int) -> Column:
    return Column(np.zeros(size, np.int64), np.zeros(size, np.int8))


def is_scored(states: States) -> Flags:
    """Given or late: a value that earns points."""
    return (states == STATE_GIVEN) | (states == STATE_LATE)


def joined_states(states: list[States]) -> States:
    """One state for several cells: not applicable, exempt and missing win over late, late over given."""
    if len(states) == 1:
        return states[0]
    found = np.full_like(states[0], STATE_GIVEN)
    for state in (STATE_LATE, STATE_NOTHING_DUE, STATE_MISSING, STATE_EXEMPT, STATE_NOT_APPLICABLE):
        found[np.logical_or.reduce([item == state for item in states])] = state
    return found


def _read(rule: IndicatorRule, cells: list[Column]) -> _Reading:
    states = joined_states([cell.states for cell in cells])
    is_nothing_due = states == STATE_NOTHING_DUE
    if not rule.has_denominator:
        return _Reading(states, cells[0].values, 1, 1, is_nothing_due)
    part, whole = _without_scale(cells[0].values, cells[1].values)
    is_nothing_due |= (whole <= 0) & is_scored(states)
    return _Reading(states, part, 100 * SCALE, np.maximum(whole, 1), is_nothing_due)


def _without_scale(part: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """The same fraction with smaller numbers where all are whole counts."""
    if np.any(part % SCALE) or np.any(whole % SCALE):
        return part, whole
    return part // SCALE, whole // SCALE


def _settle(rule: IndicatorRule, found: _Found) -> Share:
    """Apply what the rule says about "nothing due", and open the bounds where a value is missing."""
    states, part = found.states, found.part
    if found.is_nothing_due.any():
        is_left_out = rule.zero_denominator == AS_NOT_APPLICABLE
        state = np.int8(STATE_NOT_APPLICABLE if is_left_out else STATE_NOTHING_DUE)
        states = np.where(found.is_nothing_due, state, states)
        part = np.where(found.is_nothing_due, found.whole if rule.zero_denominator == AS_FULL else 0, part)
    is_missing = states == STATE_MISSING
    if not is_missing.any():
        return Share(states, part, found.whole, part, part)
    low, high = np.where(is_missing, 0, part), np.where(is_missing, found.whole, part)
    return Share(states, low, found.whole, low, high)


# The rule types


def _reduced(*numbers: int) -> tuple[int, ...]:
    divisor = gcd(*numbers) or 1
    return tuple(number // divisor for number in numbers)


def _pass_fail(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    factor, threshold = _reduced(read.factor, rule.scaled("threshold"))
    value, wanted = times(read.value, factor), times(read.divisor, threshold)
    is_met = value <= wanted if rule.setting("comparison") == "at_most" else value >= wanted
    return _Found(read.states, is_met.astype(np.int64), 1, read.is_nothing_due)


def _ratio(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    factor, target = _reduced(read.factor, rule.scaled("target"))
    whole = times(read.divisor, target)
    return _Found(read.states, _clip(times(read.value, factor), whole), whole, read.is_nothing_due)


def _linear(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    factor, low, high = _reduced(read.factor, rule.scaled("low"), rule.scaled("high"))
    whole = times(read.divisor, high - low)
    above = plus(times(read.value, factor), times(read.divisor, -low))
    return _Found(read.states, _clip(above, whole), whole, read.is_nothing_due)


def _band(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    bands = rule.rows("bands")
    place = np.zeros(len(read.states), np.int64)
    for band in bands[1:]:
        factor, start = _reduced(read.factor, to_scaled(band["from"]))
        place += np.asarray(times(read.value, factor) >= times(read.divisor, start), np.int64)
    points = np.array([to_hundredths(band["points"]) for band in bands], np.int64)
    return _of_weight(rule, read, points[place])


def _deduct_each(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    whole = rule.weight * SCALE
    lost = times(np.maximum(read.value, 0), rule.points("points"))
    return _Found(read.states, _clip(plus(whole, -lost), whole), whole or 1, read.is_nothing_due)


def _deduct_step(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    factor, target, step = _reduced(read.factor, rule.scaled("target"), rule.scaled("step"))
    above = plus(times(read.value, factor), times(read.divisor, -target))
    gap = np.maximum(above if rule.setting("direction") == "above" else -above, 0)
    size = times(read.divisor, step)
    steps = -(-gap // size) if rule.setting("counting") == "begun" else gap // size
    left = plus(rule.weight, -times(steps, rule.points("points")))
    return _of_weight(rule, read, _clip(left, rule.weight))


def _inspection(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    full = rule.scaled("full_score")
    return _Found(read.states, _clip(read.value, full), full, read.is_nothing_due)


def _manual(rule: IndicatorRule, cells: list[Column]) -> _Found:
    read = _read(rule, cells)
    full = rule.weight * (SCALE // 100)
    return _Found(read.states, _clip(read.value, full), full or 1, read.is_nothing_due)


def _of_weight(rule: IndicatorRule, read: _Reading, points: Whole) -> _Found:
    """Points at the rule's own weight as a share; a rule of weight 0 has no share to give."""
    return _Found(read.states, points if rule.weight else points * 0, rule.weight or 1, read.is_nothing_due)


def _panel(rule: IndicatorRule, cells: list[Column]) -> _Found:
    """The mean of the judges who judged, without the highest and lowest where enough remain."""
    full, dropped = rule.scaled("full_score"), int(rule.setting("dropped"))
    judged = np.stack([is_scored(cell.states) & (cell.values != NOT_JUDGED) for cell in cells])
    scores = np.stack([_clip(cell.values, full) for cell in cells])
    count = judged.sum(axis=0)
    ordered = np.sort(np.where(judged, scores, full + 1), axis=0)
    sums = np.vstack([np.zeros_like(count), np.cumsum(ordered, axis=0)])
    cut = np.where(count > 2 * dropped, dropped, 0)
    village = np.arange(len(count))
    part = sums[count - cut, village] - sums[cut, village]
    states = _panel_states(np.stack([cell.states for cell in cells]))
    return _Found(states, part, np.maximum(count - 2 * cut, 1) * full, np.zeros(len(count), np.bool_))


def _panel_states(states: States) -> States:
    """A judge who is exempt or not applicable is absent; a village no judge judged is itself so."""
    found = np.where((states == STATE_LATE).any(axis=0), np.int8(STATE_LATE), np.int8(STATE_GIVEN))
    found = np.where((states == STATE_MISSING).any(axis=0), np.int8(STATE_MISSING), found)
    is_absent = ~is_scored(states) & (states != STATE_MISSING)
    nobody = np.where((states == STATE_EXEMPT).any(axis=0), np.int8(STATE_EXEMPT), np.int8(STATE_NOT_APPLICABLE))
    return np.where(is_absent.all(axis=0), nobody, found)


def _vote(rule: IndicatorRule, cells: list[Column]) -> _Found:
    states = joined_states([cell.states for cell in cells])
    full, *worth = _reduced(100 * SCALE, *(to_scaled(option["share"]) for option in rule.rows("options")))
    part: Whole = np.zeros(len(states), np.int64)
    total: Whole = np.zeros(len(states), np.int64)
    for cell, share_of_full in zip(cells, worth, strict=True):
        votes = np.maximum(cell.values, 0)
        part, total = plus(part, times(votes, share_of_full)), plus(total, votes)
    is_nothing_due = (states == STATE_NOTHING_DUE) | ((total == 0) & is_scored(states))
    return _Found(states, part, times(np.maximum(total, 1), full), is_nothing_due)


def _not_applicable(size: int) -> Share:
    nothing = np.zeros(size, np.int64)
    return Share(np.full(size, STATE_NOT_APPLICABLE, np.int8), nothing, 1, nothing, nothing)


def _rank_points(rule: IndicatorRule, cells: list[Column], groups: Ints) -> Share:
    """Points by rank among the peers; while peers are missing, the rank may still fall by as many."""
    read = _read(rule, cells)
    takes_part = is_scored(read.states)
    keys = read.value if rule.setting("order") == "highest" else -read.value
    rank = competition_ranks(keys, groups, takes_part)
    worst_rank = rank + _count_in_group(read.states == STATE_MISSING, groups)
    rows = rule.rows("ranks")
    bounds = np.array([exact(row["to"], 0) for row in rows[:-1]], np.int64)
    points = np.array([to_hundredths(row["points"]) for row in rows], np.int64)
    settled = _settle(rule, _of_weight(rule, read, points[np.searchsorted(bounds, rank)]))
    if not rule.weight:
        return settled
    worst = points[np.searchsorted(bounds, worst_rank)]
    return Share(settled.states, settled.part, settled.whole, np.where(takes_part, worst, settled.low), settled.high)


def _count_in_group(is_counted: Flags, groups: Ints) -> Ints:
    _codes, place = np.unique(groups, return_inverse=True)
    return np.bincount(place[is_counted], minlength=len(_codes))[place]


_SHARES: dict[str, Callable[[IndicatorRule, list[Column]], _Found]] = {
    "pass_fail": _pass_fail,
    "ratio": _ratio,
    "linear": _linear,
    "band": _band,
    "deduct_each": _deduct_each,
    "deduct_step": _deduct_step,
    "inspection": _inspection,
    "panel": _panel,
    "vote": _vote,
    "manual": _manual,
}


# What does not apply


@dataclass(frozen=True, slots=True)
class Weights:
    """Effective weights in hundredths: `table` has a row for each pattern of what applies,
    `pattern` the row of each village.

    `slack` bounds by how many hundredths a total may shift by rounding alone should a
    further indicator turn out not to apply.
    """

    table: Ints
    pattern: Ints
    slack: Ints

    def of(self, indicator: int) -> Ints:
        return self.table[self.pattern, indicator]


def effective_weights(base: Ints, categories: Ints, applies: Flags) -> Weights:
    """Spread the weight of what does not apply over the rest of its category, in printable hundredths.

    `base` and `categories` (whole numbers from 0) have an entry for each indicator,
    `applies` a row for each. A category without anything that applies gives its weight to
    the others pro rata. Each row of the table sums to the sum of `base` exactly, or to 0
    where nothing applies. Rule: docs/rules/redistribution.md.
    """
    patterns, pattern = _patterns(applies)
    own = patterns * base
    is_in = categories == np.arange(categories.max(initial=-1) + 1)[:, np.newaxis]
    full, left = is_in @ base, own @ is_in.T
    targets, category_extras = largest_remainders(np.full(len(own), base.sum()), np.where(left > 0, full, 0))
    table, slack = np.zeros_like(own), np.zeros(len(own), np.int64)
    for number, members in enumerate(is_in):
        part, extras = largest_remainders(targets[:, number], own[:, members])
        table[:, members] = part
        slack += extras.sum(axis=1) + np.where(category_extras[:, number], patterns[:, members].sum(axis=1), 0)
    return Weights(table, pattern, slack)


def largest_remainders(totals: Ints, quotas: Ints) -> tuple[Ints, Flags]:
    """Share each total among its row of quotas in whole numbers that sum to it exactly.

    The larger remainder comes first, the earlier column at a tie. Also says who got the
    unit left over. A row of zeros gets zeros.
    """
    sums = quotas.sum(axis=1, keepdims=True)
    exact_shares = totals[:, np.newaxis] * quotas
    floors, remainders = np.divmod(exact_shares, np.maximum(sums, 1))
    order = np.argsort(-remainders, axis=1, kind="stable")
    over = np.where(sums > 0, totals[:, np.newaxis] - floors.sum(axis=1, keepdims=True), 0)
    extras = np.zeros(quotas.shape, np.bool_)
    np.put_along_axis(extras, order, np.arange(quotas.shape[1]) < over, axis=1)
    return floors + extras, extras


def _patterns(applies: Flags) -> tuple[Ints, Ints]:
    """The distinct columns of a matrix of flags, as rows of 0 and 1, and which of them each column is."""
    place = np.zeros(applies.shape[1], np.int64)
    for start in range(0, len(applies), 31):
        block = applies[start : start + 31]
        bits = (np.int64(1) << np.arange(len(block), dtype=np.int64)) @ block
        _keys, place = np.unique(place * 2**31 + bits, return_inverse=True)
    _numbers, firsts = np.unique(place, return_index=True)
    return applies[:, firsts].T.astype(np.int64), place
