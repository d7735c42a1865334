"""Numbers about villages that other apps compute and assessments ranks by.

Why a registry: docs/decisions/0001-indicator-registry.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Reading:
    """A number, or a numerator with its denominator. `note` says in words what was counted, for the receipt.

    `levels`, of a bonus, penalty or veto with several levels: how many times each, in their order; they
    sum to the value. Empty: all at the first.
    """

    value: Decimal
    of: Decimal | None = None
    note: str = ""
    levels: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IndicatorSource:
    """How an app computes one number for all villages in a month.

    `compute(village_unit_ids, month)` answers for all ids in a constant number of
    queries. An id missing from the answer has no data; zero means zero.
    `records(village_unit_id, month)` is the address of the page that lists what was
    counted, empty where there is none.
    """

    code: str
    label: str | Promise
    unit: str | Promise
    higher_is_better: bool
    compute: Callable[[Collection[int], date], Mapping[int, Reading]]
    kind: Literal["indicator", "denominator", "adjustment"] = "indicator"
    records: Callable[[int, date], str] | None = None


@dataclass(frozen=True, kw_only=True)
class SpanSource:
    """How an app computes one number for all villages over a span of days, for a round of the flags.

    For what is not the sum of its months, such as the people in stock at the end who were trained on the way.
    `compute(village_unit_ids, first, last)` and `records(village_unit_id, first, last)` as above.
    """

    code: str
    label: str | Promise
    unit: str | Promise
    compute: Callable[[Collection[int], date, date], Mapping[int, Reading]]
    records: Callable[[int, date, date], str] | None = None


_SOURCES: dict[str, IndicatorSource] = {}
_SPANS: dict[str, SpanSource] = {}


def register(*sources: IndicatorSource) -> None:
    """Add sources; the same one twice is harmless, another one under a taken code is a mistake of ours."""
    for source in sources:
        if _SOURCES.get(source.code, source) != source:
            raise ValueError(f"indicator source {source.code} is registered twice")
        _SOURCES[source.code] = source


def find(code: str) -> IndicatorSource | None:
    return _SOURCES.get(code)


def registered() -> list[IndicatorSource]:
    return sorted(_SOURCES.values(), key=lambda source: source.code)


def register_spans(*sources: SpanSource) -> None:
    for source in sources:
        if _SPANS.get(source.code, source) != source or source.code in _SOURCES:
            raise ValueError(f"indicator source {source.code} is registered twice")
        _SPANS[source.code] = source


def find_span(code: str) -> SpanSource | None:
    return _SPANS.get(code)


def registered_spans() -> list[SpanSource]:
    return sorted(_SPANS.values(), key=lambda source: source.code)


@contextmanager
def replaced(*sources: IndicatorSource) -> Iterator[None]:
    """For tests: these sources stand in for those of the same code while the block runs."""
    before = dict(_SOURCES)
    _SOURCES.update({source.code: source for source in sources})
    try:
        yield
    finally:
        _SOURCES.clear()
        _SOURCES.update(before)
