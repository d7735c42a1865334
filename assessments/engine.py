"""One month scored as a whole: points, totals, grades, ranks, ranges, movement, receipts.

`score` is the only entrance; it takes columns (one array of values and one of states for
each cell code) for whole counties and gives arrays back. No database, no clock, no float,
and nothing that loops over villages but the packing of their receipts.
Rules: docs/rules/totals.md, ranking-and-ranges.md, movement.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson
from django.utils.translation import gettext

from assessments import ranking, scoring
from assessments.ranking import Movement, QuotaWarning
from assessments.rules import (
    TOTAL_MAXIMUM,
    AdjustmentRule,
    IndicatorRule,
    Level,
    RuleProblem,
    SchemeRules,
    points_text,
    to_hundredths,
    to_scaled,
)
from assessments.scoring import (
    STATE_EXEMPT,
    STATE_MISSING,
    STATE_NAMES,
    STATE_NOT_APPLICABLE,
    Column,
    Peers,
    Weights,
)

Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

GROUP_NAMES = ("county", "township", "village_class", "band")
CAP_LINE, LIMIT_LINE = "cap", "limit"
PACKED_ROWS = 4096


@dataclass(frozen=True, slots=True)
class AdjustmentRecord:
    """A bonus, penalty or veto: position of the village, item, level by name, how many times, document number."""

    village: int
    item: str
    level: str = ""
    count: int = 1
    document: str = ""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which group each village is in: `ids` points into `codes`, -1 is no group."""

    ids: Ints
    codes: tuple[str, ...]

    @classmethod
    def of(cls, codes: Sequence[str]) -> Self:
        """From one stable code for each village; an empty code is no group."""
        seen: dict[str, int] = {"": -1}
        ids = np.fromiter((seen.setdefault(code, len(seen) - 1) for code in codes), np.int64, len(codes))
        return cls(ids, tuple(seen)[1:])


@dataclass(frozen=True, slots=True)
class Groups:
    """Stable codes of the villages (never primary keys) and the groups they are ranked in.

    Townships, classes and bands are ranked inside the county.
    """

    villages: tuple[str, ...]
    county: Grouping
    township: Grouping
    village_class: Grouping
    band: Grouping

    @classmethod
    def of(
        cls,
        villages: Sequence[str],
        *,
        county: Sequence[str],
        township: Sequence[str],
        village_class: Sequence[str],
        band: Sequence[str],
    ) -> Self:
        """From the codes of each village, one list for each kind of group."""
        kinds = (Grouping.of(codes) for codes in (county, township, village_class, band))
        return cls(tuple(villages), *kinds)

    def __len__(self) -> int:
        return len(self.villages)

    def inside_county(self, name: str) -> Ints:
        """The groups of a kind as whole numbers, told apart by county; -1 for no group."""
        kind: Grouping = getattr(self, name)
        if name == "county":
            return kind.ids
        pairs = self.county.ids * (len(kind.codes) + 1) + kind.ids
        _keys, ids = np.unique(pairs, return_inverse=True)
        return np.where(kind.ids >= 0, ids, -1)

    def peers(self) -> Peers:
        """The groups that points by rank compare in; villages without a class are compared with each other."""
        classes = self.inside_county("village_class")
        alone = len(self) + self.county.ids
        return Peers(self.county.ids, self.inside_county("township"), np.where(classes >= 0, classes, alone))


@dataclass(frozen=True, slots=True)
class Previous:
    """Last month: values of its latest revision, and its ranks by group name, 0 for not ranked."""

    groups: Groups
    columns: Mapping[str, Column]
    adjustments: Sequence[AdjustmentRecord]
    first_ranks: Mapping[str, Ints]
    latest_ranks: Mapping[str, Ints]


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One printed line. Points in hundredths and signed, so that all lines of a receipt sum to its total.

    `kind` is indicator, bonus, penalty, veto, cap or limit. A cap line takes back what goes
    beyond the cap of an item (its `code`) or of all ("bonus", "penalty"), the limit line
    what leaves the range of a total.
    """

    code: str
    kind: str
    points: int
    weight: int = 0
    state: str = "given"
    values: tuple[tuple[str, int], ...] = ()
    level: str = ""
    count: int = 0
    document: str = ""
    item: IndicatorRule | AdjustmentRule | None = None

    @property
    def lost(self) -> int:
        """Hundredths short of full marks, or taken off by a penalty; 0 for what adds."""
        return max(self.weight - self.points, 0)


@dataclass(frozen=True, slots=True)
class Checksums:
    """SHA-256 of what went in and of what came out; equal on every database, in any order of rows."""

    inputs: str
    results: str


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """Bonus, penalty and veto of each village, and the sparse lines that explain them.

    `records` and `caps` hold lines by position of the village: item, level, count, points,
    document; and code, points taken back.
    """

    bonus: Ints
    penalty: Ints
    veto: Ints
    grade_cap: Ints
    ranks_last: Flags
    records: dict[int, list[tuple[int, int, int, int, str]]] = field(default_factory=dict)
    caps: dict[int, list[tuple[str, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Everything about villages one by one, before they are compared. Matrices have a row for each indicator."""

    points: Ints
    states: States
    weights: Weights
    adjusted: _Adjusted
    base: Ints
    total: Ints
    low: Ints
    high: Ints
    is_complete: Flags
    has_weight: Flags


@dataclass(frozen=True, slots=True)
class Scored:
    """Result of a month; arrays have one entry for each village, matrices one row for each indicator.

    Points in hundredths. `base` is the sum of the indicators; `total` adds bonus, takes
    off penalty and stays within 0 and 105. For a village that lacks values these are what
    it has so far; `low` and `high` bound its total. Ranks are by group name, 0 for not
    ranked or no group. `grade` and `veto` point into the rules' grades and adjustments, -1
    for none. The township of a warning points into the codes of `groups.township`.
    """

    rules: SchemeRules
    groups: Groups
    columns: Mapping[str, Column]
    points: Ints
    states: States
    weights: Weights
    base: Ints
    bonus: Ints
    penalty: Ints
    total: Ints
    low: Ints
    high: Ints
    is_ranked: Flags
    is_vetoed: Flags
    veto: Ints
    standing: Ints
    grade: Ints
    is_held_back: Flags
    warnings: tuple[QuotaWarning, ...]
    ranks: Mapping[str, Ints]
    rank_best: Mapping[str, Ints]
    rank_worst: Mapping[str, Ints]
    movement: Mapping[str, Movement]
    adjusted: _Adjusted
    known_checksums: dict[str, Checksums] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.groups)

    def grade_code(self, village: int) -> str:
        """The code of the grade, empty for a village that is not ranked."""
        return "" if self.grade[village] < 0 else self.rules.grades[self.grade[village]].code

    def veto_code(self, village: int) -> str:
        """The code of the veto that caps the grade, empty for none."""
        return "" if self.veto[village] < 0 else self.rules.adjustments[self.veto[village]].code

    def category_points(self) -> Ints:
        """A row for each category of the rules: its sum of points."""
        return _sum_by_category(self.rules, self.points)

    def missing_codes(self) -> dict[int, list[str]]:
        """The indicators that keep a village from being ranked, by position of the village."""
        missing: dict[int, list[str]] = {}
        for number, village in np.argwhere(self.states == STATE_MISSING).tolist():
            if self.weights.table[self.weights.pattern[village], number]:
                missing.setdefault(village, []).append(self.rules.indicators[number].code)
        return missing

    def distance_to_next_rank(self, group: str = "county") -> tuple[Ints, Ints]:
        """Hundredths to the next better village, and its rank; 0 and 0 where no points bring one further."""
        return ranking.distances_to_next_rank(self.standing, self.groups.inside_county(group), self.ranks[group])

    def packed_lines(self) -> Iterator[bytes]:
        """Each village's receipt as compact JSON, in order; `unpack_lines` reads it back."""
        for start in range(0, len(self), PACKED_ROWS):
            rows = self._packed_rows(start, min(start + PACKED_ROWS, len(self)))
            yield from self._with_adjustments(rows, start)

    def receipt_lines(self, village: int) -> list[ReceiptLine]:
        """The printed lines of one village; they sum to its total."""
        rows = self._packed_rows(village, village + 1)
        return unpack_lines(self.rules, next(iter(self._with_adjustments(rows, village))))

    def checksums(self) -> dict[str, Checksums]:
        """By county code. Rows count in the order of their village codes, so the order read does not matter."""
        if self.known_checksums:
            return self.known_checksums
        order = np.lexsort((np.array(self.groups.villages), self.groups.county.ids))
        edges = np.searchsorted(self.groups.county.ids[order], np.arange(len(self.groups.county.codes) + 1))
        inputs = _digests(_input_parts(self, order), edges, self.rules.canonical())
        results = _digests(_result_parts(self, order), edges, b"")
        for code, given, found in zip(self.groups.county.codes, inputs, results, strict=True):
            self.known_checksums[code] = Checksums(given, found)
        return self.known_checksums

    def _packed_rows(self, start: int, stop: int) -> Ints:
        """For each village, in the order of the rules: values, state, weight, points of each indicator."""
        columns: list[npt.NDArray[Any]] = []
        weights = self.weights.table[self.weights.pattern[start:stop]]
        for number, rule in enumerate(self.rules.indicators):
            columns += [self.columns[code].values[start:stop] for code in rule.value_codes()]
            columns += [self.states[number, start:stop], weights[:, number], self.points[number, start:stop]]
        rows = np.empty((stop - start, len(columns)), np.int64)
        for number, column in enumerate(columns):
            rows[:, number] = column
        return rows

    def _with_adjustments(self, rows: Ints, start: int) -> Iterator[bytes]:
        records, caps = self.adjusted.records, self.adjusted.caps
        for village, row in enumerate(rows, start):
            line = orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)
            more = orjson.dumps([records[village], caps.get(village, [])])[1:-1] if village in records else b"[],[]"
            yield b"[%b,%b]" % (line, more)


def score(
    rules: SchemeRules,
    columns: Mapping[str, Column],
    adjustments: Sequence[AdjustmentRecord],
    groups: Groups,
    previous: Previous | None = None,
) -> Scored:
    """Score, grade and rank all villages of `groups`, which holds whole counties.

    A column that is not given counts as missing for every village. Raises ValueError for
    an adjustment whose item or level the rules do not have.
    """
    cells = _complete_columns(rules, columns, len(groups))
    tally = _tally(rules, cells, _adjust(rules, adjustments, len(groups)), groups.peers())
    adjusted = tally.adjusted
    inside = {name: groups.inside_county(name) for name in GROUP_NAMES}
    is_ranked = tally.is_complete & tally.has_weight
    standing = ranking.standing(tally.total, adjusted.ranks_last)
    low, high = (ranking.standing(edge, adjusted.ranks_last) for edge in (tally.low, tally.high))
    ranks = {name: ranking.competition_ranks(standing, ids, is_ranked) for name, ids in inside.items()}
    ranges = {
        name: ranking.rank_ranges(low, high, ids, tally.has_weight, tally.is_complete) for name, ids in inside.items()
    }
    known = (rules.grades, tally.total, ranks["county"], groups.township.ids)
    graded = ranking.grades(*known, ranks["township"], adjusted.grade_cap)
    return Scored(
        rules=rules,
        groups=groups,
        columns=cells,
        points=tally.points,
        states=tally.states,
        weights=tally.weights,
        base=tally.base,
        bonus=adjusted.bonus,
        penalty=adjusted.penalty,
        total=tally.total,
        low=tally.low,
        high=tally.high,
        is_ranked=is_ranked,
        is_vetoed=adjusted.veto >= 0,
        veto=adjusted.veto,
        standing=standing,
        grade=graded.grade,
        is_held_back=graded.is_held_back,
        warnings=tuple(ranking.quota_warnings(*known, graded, adjusted.grade_cap)),
        ranks=ranks,
        rank_best={name: best for name, (best, _worst) in ranges.items()},
        rank_worst={name: worst for name, (_best, worst) in ranges.items()},
        movement={} if previous is None else _movement(rules, groups, ranks, standing, previous),
        adjusted=adjusted,
    )


# Villages one by one


def _complete_columns(rules: SchemeRules, columns: Mapping[str, Column], size: int) -> dict[str, Column]:
    """Every column the rules read, with 0 where there is no value, so that no leftover number counts.

    A judge who did not judge is -1 instead: the line of a panel has one state for all its judges.
    """
    complete = {}
    for rule in rules.indicators:
        nothing = scoring.NOT_JUDGED if rule.rule_type == "panel" else 0
        for code in rule.value_codes():
            values, states = columns.get(code) or (np.zeros(size, np.int64), np.full(size, STATE_MISSING, np.int8))
            complete[code] = Column(np.where(scoring.is_scored(states), values, nothing), states)
    return complete


def _tally(rules: SchemeRules, columns: Mapping[str, Column], adjusted: _Adjusted, peers: Peers) -> _Tally:
    size = len(adjusted.bonus)
    shares = [scoring.share(rule, columns, size, peers) for rule in rules.indicators]
    states = np.array([share.states for share in shares], np.int8).reshape(len(shares), size)
    applies = (states != STATE_NOT_APPLICABLE) & (states != STATE_EXEMPT)
    weights = scoring.effective_weights(*_base_weights(rules), applies)
    points = np.zeros((len(shares), size), np.int64)
    low, high = np.zeros(size, np.int64), np.zeros(size, np.int64)
    is_complete = np.ones(size, np.bool_)
    for number, share in enumerate(shares):
        weight = weights.of(number)
        points[number] = scoring.half_up(weight, share.part, share.whole)
        low += points[number] if share.low is share.part else scoring.half_up(weight, share.low, share.whole)
        high += points[number] if share.high is share.part else scoring.half_up(weight, share.high, share.whole)
        is_complete &= (states[number] != STATE_MISSING) | (weight == 0)
    base, slack = points.sum(axis=0), np.where(is_complete, 0, weights.slack[weights.pattern])
    more = adjusted.bonus - adjusted.penalty
    return _Tally(
        points=points,
        states=states,
        weights=weights,
        adjusted=adjusted,
        base=base,
        total=_clamp(base + more),
        low=_clamp(low - slack + more),
        high=_clamp(high + slack + more),
        is_complete=is_complete,
        has_weight=weights.table.sum(axis=1)[weights.pattern] > 0,
    )


def _clamp(total: Ints) -> Ints:
    return np.clip(total, 0, TOTAL_MAXIMUM)


def _base_weights(rules: SchemeRules) -> tuple[Ints, Ints]:
    place = {category.code: number for number, category in enumerate(rules.categories)}
    weights = np.array([rule.weight for rule in rules.indicators], np.int64)
    return weights, np.array([place[rule.category] for rule in rules.indicators], np.int64)


def _sum_by_category(rules: SchemeRules, points: Ints) -> Ints:
    _weights, place = _base_weights(rules)
    sums = np.zeros((len(rules.categories), points.shape[1]), np.int64)
    np.add.at(sums, place, points)
    return sums


def _adjust(rules: SchemeRules, records: Sequence[AdjustmentRecord], size: int, *, is_past: bool = False) -> _Adjusted:
    """Points of bonus and penalty after their caps, and the veto that leaves the worst grade.

    Under rules of another month (`is_past`) items and levels that are gone give nothing.
    """
    items = {item.code: number for number, item in enumerate(rules.adjustments)}
    found = _Adjusted(
        bonus=np.zeros(size, np.int64),
        penalty=np.zeros(size, np.int64),
        veto=np.full(size, -1, np.int64),
        grade_cap=np.full(size, -1, np.int64),
        ranks_last=np.zeros(size, np.bool_),
    )
    by_item: dict[int, dict[int, int]] = {}
    for record in records:
        number = items.get(record.item, -1)
        item = rules.adjustments[number] if number >= 0 else None
        level = None if item is None else _level(item, record.level)
        if item is None or level is None:
            if is_past:
                continue
            raise ValueError(f"the rules have no adjustment {record.item} {record.level}".rstrip())
        points = level.points * record.count
        if item.kind == "veto":
            _veto(rules, found, record.village, number)
        else:
            sums = by_item.setdefault(number, {})
            sums[record.village] = sums.get(record.village, 0) + points
        signed = -points if item.kind == "penalty" else points
        place = item.levels.index(level) if level in item.levels else -1
        found.records.setdefault(record.village, []).append((number, place, record.count, signed, record.document))
    for lines in found.records.values():
        lines.sort()
    for number in sorted(by_item):
        _add_item(rules.adjustments[number], by_item[number], found)
    _apply_cap("bonus", found.bonus, rules.bonus_cap, 1, found)
    _apply_cap("penalty", found.penalty, rules.penalty_cap, -1, found)
    return found


def _level(item: AdjustmentRule, name: str) -> Level | None:
    return Level("", 0) if item.kind == "veto" else item.level(name)


def _veto(rules: SchemeRules, found: _Adjusted, village: int, number: int) -> None:
    item = rules.adjustments[number]
    found.ranks_last[village] |= item.ranks_last
    place = rules.grade_index(item.grade_cap)
    if place > found.grade_cap[village]:
        found.grade_cap[village], found.veto[village] = place, number


def _add_item(item: AdjustmentRule, sums: dict[int, int], found: _Adjusted) -> None:
    target, sign = (found.bonus, 1) if item.kind == "bonus" else (found.penalty, -1)
    for village, points in sums.items():
        allowed = points if item.cap is None else min(points, item.cap)
        target[village] += allowed
        if allowed < points:
            found.caps.setdefault(village, []).append((item.code, sign * (allowed - points)))


def _apply_cap(code: str, points: Ints, cap: int, sign: int, found: _Adjusted) -> None:
    for village in np.flatnonzero(points > cap).tolist():
        found.caps.setdefault(village, []).append((code, sign * (cap - int(points[village]))))
    np.minimum(points, cap, out=points)


# Against last month


def _movement(
    rules: SchemeRules, groups: Groups, ranks: Mapping[str, Ints], standing: Ints, previous: Previous
) -> dict[str, Movement]:
    """By group name, for those of which the previous ranks are given."""
    tally = _rescored(rules, previous)
    before = ranking.standing(tally.total, tally.adjusted.ranks_last)
    places = {village: place for place, village in enumerate(previous.groups.villages)}
    position = np.fromiter((places.get(village, -1) for village in groups.villages), np.int64, len(groups))
    return {
        name: ranking.movement(
            ranks[name],
            standing,
            position,
            _is_same_group(groups, previous.groups, name, position),
            ranking.LastMonth(
                previous.groups.inside_county(name),
                first_ranks,
                previous.latest_ranks[name],
                before,
                tally.has_weight,
            ),
        )
        for name, first_ranks in previous.first_ranks.items()
    }


def _rescored(rules: SchemeRules, previous: Previous) -> _Tally:
    """Last month's values under this month's rules; what was not asked then does not apply."""
    size = len(previous.groups)
    columns = {}
    for code, (values, states) in _complete_columns(rules, previous.columns, size).items():
        columns[code] = Column(values, np.where(states == STATE_MISSING, np.int8(STATE_NOT_APPLICABLE), states))
    adjusted = _adjust(rules, previous.adjustments, size, is_past=True)
    return _tally(rules, columns, adjusted, previous.groups.peers())


def _is_same_group(groups: Groups, before: Groups, name: str, position: Ints) -> Flags:
    """Whether a village stood in the same group last month; ranks in different groups do not compare."""
    now_kind, before_kind = getattr(groups, name), getattr(before, name)
    known = {code: number for number, code in enumerate(before_kind.codes)}
    translated = np.array([known.get(code, -2) for code in now_kind.codes] + [-1], np.int64)
    is_found = position >= 0
    same = np.zeros(len(position), np.bool_)
    same[is_found] = translated[now_kind.ids[is_found]] == before_kind.ids[position[is_found]]
    return same


# Receipts


def unpack_lines(rules: SchemeRules, packed: bytes | str | Sequence[Any]) -> list[ReceiptLine]:
    """The printed lines of a receipt as `Scored.packed_lines` wrote it under the same rules."""
    parts: Any = orjson.loads(packed) if isinstance(packed, bytes | str) else packed
    numbers, records, caps = parts
    lines, place = [], 0
    for rule in rules.indicators:
        codes = rule.value_codes()
        values = tuple(zip(codes, numbers[place : place + len(codes)], strict=True))
        state, weight, points = numbers[place + len(codes) : place + len(codes) + 3]
        lines.append(ReceiptLine(rule.code, "indicator", points, weight, STATE_NAMES[state], values, item=rule))
        place += len(codes) + 3
    for number, level, count, points, document in records:
        item = rules.adjustments[number]
        name = item.levels[level].name if level >= 0 else ""
        lines.append(ReceiptLine(item.code, item.kind, points, level=name, count=count, document=document, item=item))
    lines += [ReceiptLine(code, CAP_LINE, points, item=rules.adjustment(code)) for code, points in caps]
    total = sum(line.points for line in lines)
    beyond = min(max(total, 0), TOTAL_MAXIMUM) - total
    return [*lines, ReceiptLine(LIMIT_LINE, LIMIT_LINE, beyond)] if beyond else lines


# Checksums


def _digests(parts: Iterator[Sequence[str] | npt.NDArray[Any]], edges: Ints, start: bytes) -> list[str]:
    """One digest for each county, whose rows lie between two edges of every part."""
    digests = [hashlib.sha256(start) for _edge in edges[:-1]]
    for part in parts:
        for digest, begin, end in zip(digests, edges[:-1], edges[1:], strict=True):
            rows = part[begin:end]
            digest.update(rows.tobytes() if isinstance(rows, np.ndarray) else "\n".join(rows).encode() + b"\n\n")
    return [digest.hexdigest() for digest in digests]


def _input_parts(scored: Scored, order: Ints) -> Iterator[Sequence[str] | npt.NDArray[Any]]:
    places = order.tolist()
    groups, records = scored.groups, scored.adjusted.records
    yield [groups.villages[village] for village in places]
    for name in GROUP_NAMES:
        kind: Grouping = getattr(groups, name)
        names = [*kind.codes, ""]
        yield [names[number] for number in kind.ids[order].tolist()]
    for code in sorted(scored.columns):
        values, states = scored.columns[code]
        yield values[order].astype("<i8")
        yield states[order].astype("<i1")
    yield [str(records[village]) if village in records else "" for village in places]


def _result_parts(scored: Scored, order: Ints) -> Iterator[npt.NDArray[Any]]:
    for number in range(len(scored.rules.indicators)):
        yield scored.points[number][order].astype("<i8")
        yield scored.weights.of(number)[order].astype("<i8")
        yield scored.states[number][order].astype("<i1")
    columns = [scored.base, scored.bonus, scored.penalty, scored.total, scored.low, scored.high]
    columns += [scored.grade, scored.veto, scored.is_ranked.astype(np.int64), scored.is_held_back.astype(np.int64)]
    for name in GROUP_NAMES:
        columns += [scored.ranks[name], scored.rank_best[name], scored.rank_worst[name]]
    for name in sorted(scored.movement):
        moved = scored.movement[name]
        columns += [moved.is_known.astype(np.int64), moved.correction, moved.rules, moved.own, moved.others]
    for column in columns:
        yield column[order].astype("<i8")


# Worked examples of a scheme


def check_examples(rules: SchemeRules, examples: Sequence[Mapping[str, Any]]) -> list[RuleProblem]:
    """Where a worked example (`title`, `values`, `expected`) does not come out as its author expects.

    `values`: cell code to decimal text, to the name of a state, or to [text, "late"];
    adjustment code to a number of times, or to {level: times}. `expected`: the names of
    `example_points` to their texts.
    """
    return [problem for example in examples for problem in _example_problems(rules, example)]


def example_points(rules: SchemeRules, values: Mapping[str, Any]) -> dict[str, str]:
    """What a single invented village gets: points by indicator code, effective weights by "weight.<code>",
    "sum", "bonus", "penalty", "total" and "grade", as texts.

    Raises KeyError or ValueError for a code, level or number that the rules cannot read.
    """
    scored = _score_example(rules, values)
    numbers = {"sum": scored.base, "bonus": scored.bonus, "penalty": scored.penalty, "total": scored.total}
    for number, rule in enumerate(rules.indicators):
        numbers[rule.code] = scored.points[number]
        numbers[f"weight.{rule.code}"] = scored.weights.of(number)
    texts = {name: points_text(int(column[0])) for name, column in numbers.items()}
    return {**texts, "grade": scored.grade_code(0)}


def _example_problems(rules: SchemeRules, example: Mapping[str, Any]) -> list[RuleProblem]:
    title = str(example["title"])
    try:
        given = example_points(rules, example["values"])
        different = [(name, given[name], str(wanted)) for name, wanted in example["expected"].items()]
        different = [(name, text, wanted) for name, text, wanted in different if not _is_same(name, text, wanted)]
    except (KeyError, ValueError) as error:
        message = gettext("Example “%(title)s” cannot be read: %(error)s")
        return [RuleProblem("example_unreadable", message % {"title": title, "error": error.args[0]}, title)]
    message = gettext("Example “%(title)s”: %(name)s gives %(given)s, expected %(expected)s.")
    return [
        RuleProblem(
            "example_differs", message % {"title": title, "name": name, "given": text, "expected": wanted}, title, name
        )
        for name, text, wanted in different
    ]


def _is_same(name: str, given: str, wanted: str) -> bool:
    return given == wanted if name == "grade" else to_hundredths(given) == to_hundredths(wanted)


def _score_example(rules: SchemeRules, values: Mapping[str, Any]) -> Scored:
    columns, records = {}, []
    known = set(rules.value_codes())
    for code, value in values.items():
        if code in known:
            columns[code] = _example_column(value)
        else:
            by_level = value if isinstance(value, Mapping) else {"": value}
            records += [AdjustmentRecord(0, code, level, int(count)) for level, count in by_level.items()]
    alone = Groups.of(["0"], county=["0"], township=["0"], village_class=[""], band=[""])
    return score(rules, columns, records, alone)


def _example_column(value: Any) -> Column:
    text, state = value if isinstance(value, list | tuple) else (value, "given")
    if text in STATE_NAMES:
        text, state = "0", text
    return Column(np.array([to_scaled(text)], np.int64), np.array([STATE_NAMES.index(state)], np.int8))
