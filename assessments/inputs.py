"""What a month is scored from, read in few queries and turned into columns for the engine.

The values of a village and month are one row (docs/decisions/0002-one-row-a-village-and-month.md).
They are read in one streamed query, whole counties at a time, so that a province needs no
more memory than its largest batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
import orjson
from django.db.models import TextField
from django.db.models.functions import Cast

from assessments import engine
from assessments.models import Period, VillageMonth
from assessments.rules import IndicatorRule, SchemeRules, to_scaled
from assessments.scoring import (
    STATE_EXEMPT,
    STATE_GIVEN,
    STATE_LATE,
    STATE_MISSING,
    STATE_NOT_APPLICABLE,
    Column,
    state_without_data,
)
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from branches.scoping import STEP

BATCH_VILLAGES = 6000
"""Counties are scored together until there are this many villages: few calls, bounded memory."""

STATES = {
    "given": STATE_GIVEN,
    "late": STATE_LATE,
    "not_applicable": STATE_NOT_APPLICABLE,
    "exempt": STATE_EXEMPT,
}

NOTHING_GIVEN: dict[str, object] = {}
"""What counts of a township's values until they are accepted."""

Readings = Mapping[str, Mapping[int, Reading]]
"""Source code -> village's unit id -> reading."""


@dataclass(slots=True)
class Row:
    """A village of the month, as read."""

    period_id: int
    village_id: int
    path: str
    code: str
    village_class: str
    band: str
    is_accepted: bool
    values: dict[str, object]


@dataclass(slots=True)
class Batch:
    """Whole counties with the same rules, ready to be scored together. `counties`: id of the period -> code."""

    rules: SchemeRules
    past_rules: str
    rows: list[Row] = field(default_factory=list)
    county_codes: list[str] = field(default_factory=list)
    township_codes: list[str] = field(default_factory=list)

    counties: dict[int, str] = field(default_factory=dict)

    def groups(self) -> engine.Groups:
        return engine.Groups.of(
            [row.code for row in self.rows],
            county=self.county_codes,
            township=self.township_codes,
            village_class=[row.village_class for row in self.rows],
            band=[row.band for row in self.rows],
        )


def shared_start(paths: Sequence[str]) -> str:
    """The characters that all of `paths` begin with."""
    first, last = min(paths), max(paths)
    return next((first[:place] for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), first)


def stable_codes(paths: Sequence[str]) -> dict[str, str]:
    """Path of each unit at or below `paths` -> its code, or the code above and its name where it has none.

    Checksums are made of these, because keys differ between databases. One query; units
    beside `paths` may be among the answer.
    """
    shared = shared_start(paths)
    codes: dict[str, str] = {}
    units = Unit.objects.under(shared[: len(shared) // STEP * STEP]).order_by("path")
    for path, code, name in units.values_list("path", "code", "name"):
        codes[path] = code or f"{codes.get(path[:-STEP], '')}/{name}"
    return codes


def read_batches(
    periods: Sequence[Period], rules: Mapping[int, SchemeRules], past_rules: Mapping[int, str]
) -> Iterator[Batch]:
    """The rows of `periods` in batches of whole counties with the same rules, now and last month.

    One streamed query. `rules` (equal ones are one object) and `past_rules` by id of the period.
    """
    codes = stable_codes([period.path for period in periods])
    county_paths = {period.pk: period.path for period in periods}
    batch: Batch | None = None
    current: int | None = None
    for row in _stream(list(county_paths), codes):
        if row.period_id != current:
            current = row.period_id
            is_like = batch and batch.rules is rules[current] and batch.past_rules == past_rules[current]
            if batch and (len(batch.rows) >= BATCH_VILLAGES or not is_like):
                yield batch
                batch = None
            batch = batch or Batch(rules[current], past_rules[current])
            batch.counties[current] = codes[county_paths[current]]
        assert batch is not None
        batch.rows.append(row)
        batch.county_codes.append(codes[county_paths[current]])
        batch.township_codes.append(codes.get(row.path[:-STEP], ""))
    if batch:
        yield batch


def village_ids(periods: Sequence[Period]) -> list[int]:
    """Ids of the villages of the months. One query."""
    return list(VillageMonth.objects.filter(period__in=periods).order_by("pk").values_list("village_id", flat=True))


def _stream(period_ids: list[int], codes: Mapping[str, str]) -> Iterator[Row]:
    rows = (
        VillageMonth.objects.filter(period__in=period_ids)
        .order_by("period__path", "path")
        .annotate(text=Cast("values", TextField()))
        .values_list("period_id", "village_id", "path", "village_class", "band", "submission__state", "text")
    )
    for period_id, village_id, path, village_class, band, state, text in rows.iterator(chunk_size=2000):
        yield Row(
            period_id, village_id, path, codes[path], village_class, band, state == "accepted", orjson.loads(text)
        )


def entered_column(given: Sequence[Mapping[str, object]], code: str) -> Column:
    """The cell `code` of all villages; `given` holds the entered values of each that count."""
    raw = [values.get(code) for values in given]
    if set(map(type, raw)) == {int}:
        return Column(np.array(raw, np.int64), np.full(len(raw), STATE_GIVEN, np.int8))
    values = np.zeros(len(raw), np.int64)
    states = np.full(len(raw), STATE_MISSING, np.int8)
    for position, value in enumerate(raw):
        if isinstance(value, int):
            values[position], states[position] = value, STATE_GIVEN
        elif isinstance(value, list):
            values[position], states[position] = value[0] or 0, STATES[value[1]]
    return Column(values, states)


def is_computed(rule: IndicatorRule) -> bool:
    """Whether the system computes the indicator in this month; what does not apply is not asked."""
    return rule.source == "S" and rule.rule_type != "not_applicable"


def computed_columns(
    rule: IndicatorRule, village_ids: Sequence[int], readings: Mapping[int, Reading]
) -> dict[str, Column]:
    """The columns of a computed indicator; a village that its source does not mention stands as the rule says."""
    codes = rule.value_codes()
    size = len(village_ids)
    values = {code: np.zeros(size, np.int64) for code in codes}
    states = np.full(size, state_without_data(rule), np.int8)
    for position, village_id in enumerate(village_ids):
        reading = readings.get(village_id)
        if reading is None:
            continue
        states[position] = STATE_GIVEN
        for code, number in zip(codes, _parts(rule, reading), strict=True):
            values[code][position] = to_scaled(number)
    return {code: Column(values[code], states.copy()) for code in codes}


def _parts(rule: IndicatorRule, reading: Reading) -> tuple[Decimal, ...]:
    if not rule.has_denominator:
        return (reading.value,)
    if reading.of is None:
        raise ValueError(f"indicator {rule.code} is a share, but its source gives a single number")
    return (reading.value, reading.of)


def columns_of(batch: Batch, readings: Readings) -> dict[str, Column]:
    """All columns of a batch, entered and computed."""
    village_ids = [row.village_id for row in batch.rows]
    by_county = [row.values for row in batch.rows]
    by_township = [row.values if row.is_accepted else NOTHING_GIVEN for row in batch.rows]
    columns: dict[str, Column] = {}
    for rule in batch.rules.indicators:
        if is_computed(rule):
            columns.update(computed_columns(rule, village_ids, readings.get(rule.source_code, {})))
        else:
            for code in rule.value_codes():
                columns[code] = entered_column(by_township if rule.source == "T" else by_county, code)
    return columns


def compute_sources(rules: Iterable[SchemeRules], village_ids: Sequence[int], month: date) -> Readings:
    """Ask every source that the rules name once, for all villages.

    An error in one source is an error of the whole: half a ranking is never made.
    Raises LookupError for a source that is not registered.
    """
    rules = list(rules)
    wanted = sorted({item.source_code for one in rules for item in one.indicators if is_computed(item)})
    readings: dict[str, Mapping[int, Reading]] = {
        source.code: source.compute(village_ids, month) for source in _adjustment_sources(rules)
    }
    for code in wanted:
        source = indicators.find(code)
        if source is None:
            raise LookupError(f"no app computes {code}")
        readings[code] = source.compute(village_ids, month)
    return readings


def _adjustment_sources(rules: Iterable[SchemeRules]) -> list[IndicatorSource]:
    """What bonuses, penalties and vetoes of the rules are computed from, each once.

    A code of this app's own (`assessments.…`) is no source: those follow from the returns.
    """
    named = sorted({item.source_code for one in rules for item in one.adjustments if item.source_code})
    return [source for code in named if (source := indicators.find(code)) is not None]


def computed_adjustments(
    rules: SchemeRules, village_id: int, readings: Readings
) -> Iterator[tuple[str, str, int, str]]:
    """(item, level, times, document) of what the system finds for a village; the documents stay in the records."""
    for item in rules.adjustments:
        reading = readings.get(item.source_code, {}).get(village_id) if item.source_code else None
        if reading is None or reading.value <= 0:
            continue
        if item.kind == "veto":
            yield (item.code, "", 1, "")
            continue
        times = reading.levels or (int(reading.value),)
        for level, count in zip(item.levels, times, strict=False):
            if count:
                yield (item.code, level.name, count, "")
