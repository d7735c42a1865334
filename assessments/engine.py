"""One month scored as a whole: points, totals, grades, ranks, ranges, movement, receipts.

`score` is the only entrance; it takes columns (one array of values and one of states for
each cell code) for whole counties and gives arrays back. No database, no clock, no float.
Rules: docs/rules/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from assessments.rules import SchemeRules

Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]

MISSING, GIVEN, NOT_APPLICABLE, EXEMPT, LATE, NOTHING_DUE = range(6)
GROUP_NAMES = ("county", "township", "village_class", "band")


class Column(NamedTuple):
    """Values in 1/10 000 and their states, one of each for every village."""

    values: Ints
    states: States


class AdjustmentRecord(NamedTuple):
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
    Class and band are ranked inside the county."""

    villages: tuple[str, ...]
    county: Grouping
    township: Grouping
    village_class: Grouping
    band: Grouping


@dataclass(frozen=True, slots=True)
class Previous:
    """Last month: values of its latest revision, and its ranks by group name, 0 for not ranked."""

    groups: Groups
    columns: Mapping[str, Column]
    adjustments: Sequence[AdjustmentRecord]
    first_ranks: Mapping[str, Ints]
    latest_ranks: Mapping[str, Ints]


@dataclass(frozen=True, slots=True)
class Movement:
    """Places won (positive) since last month and its exact parts; only where `is_known`."""

    is_known: npt.NDArray[np.bool_]
    total: Ints
    correction: Ints
    rules: Ints
    own: Ints
    others: Ints


@dataclass(frozen=True, slots=True)
class Scored:
    """Result of a month; arrays have one entry for each village, matrices one row for each indicator.

    Points in hundredths. Ranks are by group name, 0 for not ranked or no group.
    """

    rules: SchemeRules
    groups: Groups
    points: Ints
    weights: Ints
    states: npt.NDArray[np.int8]
    base: Ints
    bonus: Ints
    penalty: Ints
    total: Ints
    low: Ints
    high: Ints
    is_ranked: npt.NDArray[np.bool_]
    is_vetoed: npt.NDArray[np.bool_]
    grade: Ints
    is_held_back: npt.NDArray[np.bool_]
    ranks: Mapping[str, Ints]
    rank_best: Mapping[str, Ints]
    rank_worst: Mapping[str, Ints]
    movement: Mapping[str, Movement]


def score(
    rules: SchemeRules,
    columns: Mapping[str, Column],
    adjustments: Sequence[AdjustmentRecord],
    groups: Groups,
    previous: Previous | None = None,
) -> Scored:
    """Score, grade and rank all villages of `groups`, which holds whole counties.

    A column that is not given counts as missing for every village. Raises KeyError for an
    adjustment whose item or level the rules do not have.
    """
    raise NotImplementedError("the arithmetic follows in the next commit")
