"""Into which band a village's yearly operating income falls, and who moved between bands.

Plain values in, plain values out; amounts are yuan with cents. A band holds what is at or above its lower bound and
below the next one's. Rule: docs/rules/income-bands.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

NO_DATA = ""
"""Code of villages without a ledger in the year: not the same as no income."""

CENT = Decimal("0.01")
"""The lower bound of a band of everything above zero: amounts have whole cents, so it begins with the first one."""


@dataclass(frozen=True)
class Band:
    """`lower` in yuan."""

    code: str
    name: str
    name_en: str
    lower: Decimal


DEFAULT_BANDS = (
    Band("none", "无收入", "no income", Decimal(0)),
    Band("shell", "空壳村", "shell village", CENT),
    Band("weak", "薄弱村", "weak", Decimal(50_000)),
    Band("ordinary", "一般村", "ordinary", Decimal(100_000)),
    Band("good", "较强村", "good", Decimal(200_000)),
    Band("strong", "强村", "strong", Decimal(500_000)),
    Band("very_strong", "富裕村", "very strong", Decimal(1_000_000)),
)
"""Handbook 6.5: 0 · (0,5) · [5,10) · [10,20) · [20,50) · [50,100) · from 100 on, in 万元."""


def band_of(amount: Decimal, bands: Sequence[Band]) -> Band:
    """The band of an amount in yuan. An amount below zero, which reversals of an earlier year can leave, is in the
    first band."""
    held = bands[0]
    for band in bands[1:]:
        if amount < band.lower:
            break
        held = band
    return held


def code_of(amount: Decimal | None, bands: Sequence[Band]) -> str:
    """Code of the band; NO_DATA without an amount."""
    return NO_DATA if amount is None else band_of(amount, bands).code


def problem_of(bands: Sequence[Band]) -> str | None:
    """What is wrong with a set: "too_few", "no_name", "same_code", "not_from_0", "not_cents", "not_rising"; or None."""
    if len(bands) < 2:
        return "too_few"
    if not all(band.code.strip() and band.name.strip() for band in bands):
        return "no_name"
    if len({band.code for band in bands}) != len(bands):
        return "same_code"
    if bands[0].lower != 0:
        return "not_from_0"
    if any(band.lower != band.lower.quantize(CENT) for band in bands):
        return "not_cents"
    if any(upper.lower <= lower.lower for lower, upper in pairwise(bands)):
        return "not_rising"
    return None


def stored(bands: Iterable[Band]) -> list[dict[str, str]]:
    """The set as it is kept: amounts as text, so that nothing is rounded on the way."""
    return [{"code": band.code, "name": band.name, "name_en": band.name_en, "lower": str(band.lower)} for band in bands]


def loaded(rows: Iterable[Mapping[str, str]]) -> tuple[Band, ...]:
    """The set from what `stored` gave."""
    return tuple(Band(row["code"], row["name"], row.get("name_en", ""), Decimal(row["lower"])) for row in rows)


def migration(before: Mapping[int, str], after: Mapping[int, str]) -> dict[tuple[str, str], list[int]]:
    """(band before, band after) -> keys of the villages, in their order. A village that one side lacks has no data
    there."""
    moved: dict[tuple[str, str], list[int]] = defaultdict(list)
    for key in [*before, *(key for key in after if key not in before)]:
        moved[before.get(key, NO_DATA), after.get(key, NO_DATA)].append(key)
    return dict(moved)
