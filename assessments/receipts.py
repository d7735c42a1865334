"""Between the engine's arrays and the rows of a ranking: writing results, reading them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from assessments import engine
from assessments.inputs import Batch
from assessments.models import Ranking, Result
from assessments.rules import SchemeRules
from assessments.scoring import Column

COLUMNS = (
    "ranking_id",
    "village_id",
    "path",
    "village_class",
    "band",
    "total_hundredths",
    "low_hundredths",
    "high_hundredths",
    "bonus_hundredths",
    "penalty_hundredths",
    "category_hundredths",
    "county_rank",
    "township_rank",
    "class_rank",
    "band_rank",
    "rank_best",
    "rank_worst",
    "grade",
    "veto",
    "previous_rank",
    "moved",
    "moved_correction",
    "moved_rules",
    "moved_own",
    "moved_others",
    "previous_total_hundredths",
    "missing",
    "lines",
)
"""Columns of a result in the order of `rows`."""


def lines_of(result: Result, rules: SchemeRules) -> list[engine.ReceiptLine]:
    """The printed lines of a receipt; they sum to the total."""
    return engine.unpack_lines(rules, result.lines)


def rows(
    batch: Batch, scored: engine.Scored, ranking_ids: Mapping[int, int], previous_totals: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """A database row for each village of the batch. `ranking_ids` by id of the period."""
    ranks = [_or_none(scored.ranks[name]) for name in engine.GROUP_NAMES]
    moved = _movement(scored)
    missing = scored.missing_codes()
    categories = scored.category_points().T.tolist()
    plain = zip(
        batch.rows,
        scored.is_ranked.tolist(),
        *(array.tolist() for array in (scored.total, scored.low, scored.high, scored.bonus, scored.penalty)),
        categories,
        zip(*ranks, strict=True),
        scored.rank_best["county"].tolist(),
        scored.rank_worst["county"].tolist(),
        zip(*moved, strict=True),
        scored.packed_lines(),
        strict=True,
    )
    for position, (
        row,
        is_ranked,
        total,
        low,
        high,
        bonus,
        penalty,
        category,
        places,
        best,
        worst,
        moves,
        lines,
    ) in enumerate(plain):
        yield (
            ranking_ids[row.period_id],
            row.village_id,
            row.path,
            row.village_class,
            row.band,
            total if is_ranked else None,
            low,
            high,
            bonus,
            penalty,
            orjson.dumps(category).decode(),
            *places,
            best,
            worst,
            scored.grade_code(position),
            scored.veto_code(position),
            *moves,
            previous_totals.get(row.code),
            orjson.dumps(missing.get(position, [])).decode(),
            lines.decode(),
        )


def _or_none(ranks: engine.Ints) -> list[int | None]:
    return [rank or None for rank in ranks.tolist()]


def _movement(scored: engine.Scored) -> list[Sequence[int | None]]:
    """Previous rank, places moved, and the four parts, each None where it is not known."""
    moved = scored.movement.get("county")
    if moved is None:
        return [[None] * len(scored)] * 6
    is_known = moved.is_known.tolist()
    arrays = (moved.before, moved.total, moved.correction, moved.rules, moved.own, moved.others)
    return [
        [value if known else None for value, known in zip(array.tolist(), is_known, strict=True)] for array in arrays
    ]


# --- Reading back -------------------------------------------------------------------------


@dataclass(slots=True)
class Frozen:
    """Results of earlier rankings as columns: what the villages were scored from, and the ranks that came of it."""

    groups: engine.Groups
    columns: dict[str, Column]
    adjustments: list[engine.AdjustmentRecord]
    ranks: engine.Ints
    totals: dict[str, int]


def freeze(rules: SchemeRules, results: Sequence[tuple[Any, ...]]) -> Frozen:
    """From rows under the same rules: codes of county, township, village; class, band, rank, total, lines as text."""
    counties, townships, villages, classes, bands, ranks, totals, lines = zip(*results, strict=True)
    unpacked = [orjson.loads(line) for line in lines]
    adjustments = [
        engine.AdjustmentRecord(position, *_named(rules, number, level), count, document)
        for position, (_numbers, records, _caps) in enumerate(unpacked)
        for number, level, count, _points, document in records
    ]
    return Frozen(
        groups=engine.Groups.of(villages, county=counties, township=townships, village_class=classes, band=bands),
        columns=_columns(rules, np.array([numbers for numbers, _records, _caps in unpacked], np.int64)),
        adjustments=adjustments,
        ranks=np.array([rank or 0 for rank in ranks], np.int64),
        totals={code: total for code, total in zip(villages, totals, strict=True) if total is not None},
    )


def _named(rules: SchemeRules, number: int, level: int) -> tuple[str, str]:
    item = rules.adjustments[number]
    return item.code, item.levels[level].name if level >= 0 else ""


def _columns(rules: SchemeRules, numbers: engine.Ints) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    place = 0
    for rule in rules.indicators:
        codes = rule.value_codes()
        states = numbers[:, place + len(codes)].astype(np.int8)
        for offset, code in enumerate(codes):
            columns[code] = Column(np.ascontiguousarray(numbers[:, place + offset]), states)
        place += len(codes) + 3
    return columns


# --- The ranking itself -------------------------------------------------------------------


def complete(
    ranking: Ranking, scored: engine.Scored, county_code: str, sums: engine.Checksums, rules_checksum: str
) -> None:
    """Fill the counts, checksums and warnings of a county's ranking from the arrays of its batch."""
    number = scored.groups.county.codes.index(county_code)
    inside = scored.groups.county.ids == number
    ranking.village_count = int(inside.sum())
    ranking.ranked_count = int((inside & scored.is_ranked).sum())
    ranking.inputs_checksum = sums.inputs
    ranking.rules_checksum = rules_checksum
    ranking.checksum = hashlib.sha256(f"{sums.inputs}{sums.results}".encode()).hexdigest()
    townships = set(scored.groups.township.ids[inside].tolist())
    ranking.warnings = [
        {
            "code": "quota",
            "township": scored.groups.township.codes[warning.township],
            "grade": warning.grade,
            "villages": warning.villages,
            "allowed": warning.allowed,
            "reached": warning.reached,
            "awarded": warning.awarded,
        }
        for warning in scored.warnings
        if warning.township in townships
    ]
