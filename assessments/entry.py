"""A return as one table: the cells of its villages beside last month, their peers and the records.

Read in a constant number of queries whatever the size of the township. Grid, submission,
review and API look at a return through it, so that all see the same problems.
Rule: docs/guide/monthly-entry.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from django.utils.translation import gettext

from assessments.cells import NOT_YET, Context, PeerRange, Problem, State, Value, cell_problem, label_of, peer_range
from assessments.deadlines import next_month
from assessments.models import Return, VillageMonth
from assessments.rules import CellSpec, IndicatorRule, SchemeRules, in_language, to_scaled, value_text
from branches import indicators

Part = Literal["T", "C"]
"""Who fills in: the township, or the county."""

SETTLED = frozenset({State.NOT_APPLICABLE, State.EXEMPT})
MISSING = Problem.of("missing")
RETURNED = Problem.of("returned")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One village. `last` is its month before, empty for a new village."""

    record: VillageMonth
    village: str
    values: dict[str, Value]
    last: Mapping[str, Value]

    def note(self, code: str) -> str:
        return str(self.record.notes.get(code, ""))

    def open_remark(self, code: str) -> dict[str, Any] | None:
        """The reviewer's remark on a cell sent back, until the township has answered it."""
        remark = self.record.remarks.get(code)
        if remark is None or remark["verdict"] != "returned" or remark.get("answered"):
            return None
        return dict(remark)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stands in the way of handing in, with the address of its cell."""

    village_id: int
    village: str
    code: str
    label: str
    problem: Problem

    @property
    def message(self) -> str:
        return self.problem.message


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTable:
    """The part of a return that one office fills in.

    `known`: code of a prefilled whole -> village id -> what the records say.
    """

    submission: Return
    rules: SchemeRules
    part: Part
    specs: dict[str, CellSpec]
    rows: list[EntryRow]
    peers: Mapping[str, Mapping[str, PeerRange]] = field(default_factory=dict)
    known: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def title(self, code: str) -> str:
        """The full name of a cell: 纠纷化解."""
        return title_of(self.rules, self.specs[code])

    def columns(self) -> list[CellSpec]:
        return columns_of(self.specs)

    def due_of(self, spec: CellSpec) -> CellSpec | None:
        return due_of(self.specs, spec)

    def context(self, row: EntryRow, code: str) -> Context:
        return Context(
            last=row.last.get(code, NOT_YET),
            peers=self.peers.get(row.record.village_class, {}).get(code),
            known=self.known.get(code, {}).get(row.record.village_id),
        )

    def problem(self, row: EntryRow, code: str) -> Problem | None:
        """What is wrong with a filled cell, whether or not a reason has been written."""
        return cell_problem(code, self.specs, row.values, self.context(row, code))

    def is_missing(self, row: EntryRow, code: str) -> bool:
        return is_missing(self.specs, row.values, code)

    def obstacle(self, row: EntryRow, code: str) -> Problem | None:
        """What this cell still needs before the return can be handed in."""
        if self.is_missing(row, code):
            return MISSING
        found = self.problem(row, code)
        if found and not (found.asks_reason and row.note(code)):
            return found
        return RETURNED if row.open_remark(code) else None

    def findings(self) -> list[Finding]:
        """Everything that stands in the way, village by village, in the order of the table."""
        return [
            Finding(row.record.village_id, row.village, code, self.title(code), found)
            for row in self.rows
            for code in self.specs
            if (found := self.obstacle(row, code))
        ]

    def explained(self) -> Iterator[tuple[EntryRow, CellSpec, Problem, str]]:
        """Unusual cells with their reasons, for the reviewer: outliers and villages that are exempt come first."""
        for row in self.rows:
            for code, spec in self.specs.items():
                found = self.problem(row, code)
                if found and found.asks_reason:
                    yield row, spec, found, row.note(code)

    def filled_count(self) -> int:
        """Columns of all villages that need nothing more, to compare with `cell_count`."""
        return sum(filled_columns(self.specs, row.values) for row in self.rows)

    def cell_count(self) -> int:
        return len(self.rows) * len(self.columns())


def rules_of_return(submission: Return) -> SchemeRules:
    """The rules the month opened with. Raises ValueError for a month that has not opened."""
    if submission.period.rules_in_force is None:
        raise ValueError(f"month {submission.period.month:%Y-%m} has not opened")
    return SchemeRules.from_snapshot(submission.period.rules_in_force)


def heading_of(indicator: IndicatorRule, spec: CellSpec) -> tuple[str, str]:
    """The two lines above a column: the indicator in short, and which of its cells this is where it has a name."""
    short = in_language(indicator.short_name or indicator.name, indicator.short_name_en or indicator.name_en)
    label = label_of(spec)
    is_whole_name = spec.label in (indicator.name, indicator.short_name) or label == short
    return short, "" if is_whole_name else label


def title_of(rules: SchemeRules, spec: CellSpec) -> str:
    """Both lines as one name, such as 纠纷化解 or "Disputes: Settled"."""
    indicator = rules.indicator(spec.indicator)
    if indicator is None:
        return label_of(spec)
    short, label = heading_of(indicator, spec)
    return in_language(f"{short}{label}", f"{short}: {label}" if label else short)


def specs_of(rules: SchemeRules, part: Part) -> dict[str, CellSpec]:
    return {spec.code: spec for spec in rules.cells(part)}


def due_of(specs: Mapping[str, CellSpec], spec: CellSpec) -> CellSpec | None:
    """The prefilled whole of a part: what stands after the slash."""
    whole = specs.get(spec.at_most or "")
    return whole if whole is not None and whole.prefill else None


def columns_of(specs: Mapping[str, CellSpec]) -> list[CellSpec]:
    """The cells that are asked for; a whole that the records know stands inside the cell of its part."""
    shown_inside = {spec.at_most for spec in specs.values() if due_of(specs, spec)}
    return [spec for spec in specs.values() if spec.code not in shown_inside]


def is_missing(specs: Mapping[str, CellSpec], values: Mapping[str, Value], code: str) -> bool:
    """Not yet given, while the indicator applies: one cell marked not applicable or exempt settles the others."""
    if values.get(code, NOT_YET).is_filled:
        return False
    siblings = (spec.code for spec in specs.values() if spec.indicator == specs[code].indicator)
    return not any(values.get(sibling, NOT_YET).state in SETTLED for sibling in siblings)


def filled_columns(specs: Mapping[str, CellSpec], values: Mapping[str, Value]) -> int:
    """Columns of one village that need nothing more; a part counts with the whole behind its slash."""
    return sum(
        not is_missing(specs, values, spec.code)
        and not ((due := due_of(specs, spec)) and is_missing(specs, values, due.code))
        for spec in columns_of(specs)
    )


def load_table(submission: Return, part: Part = "T", *, with_peers: bool = True) -> EntryTable:
    """The return as it stands. Two queries, one more for each source of a prefilled whole.

    `submission` comes with its period. Without peers only the villages' own last month is read.
    """
    rules = rules_of_return(submission)
    specs = specs_of(rules, part)
    records = list(VillageMonth.objects.filter(submission=submission).select_related("village").order_by("path"))
    before = _month_before(submission, [record.village_id for record in records], everyone=with_peers)
    last = {village_id: values for village_id, _kind, values in before}
    return EntryTable(
        submission=submission,
        rules=rules,
        part=part,
        specs=specs,
        rows=[
            EntryRow(
                record,
                record.village.name,
                read_values(record.values),
                read_values(last.get(record.village_id, {})),
            )
            for record in records
        ],
        peers=peer_ranges(before, specs) if with_peers else {},
        known=known_wholes(specs.values(), [record.village_id for record in records], submission.period.month),
    )


def read_values(stored: Mapping[str, Any]) -> dict[str, Value]:
    return {code: Value.from_stored(value) for code, value in stored.items()}


def _month_before(
    submission: Return, village_ids: Sequence[int], *, everyone: bool
) -> list[tuple[int, str, dict[str, Any]]]:
    """(village, class, values) of the month before: of the whole county, or of these villages alone."""
    rows = VillageMonth.objects.filter(
        period__unit=submission.period.unit_id, period__month=next_month(submission.period.month, -1)
    )
    if not everyone:
        rows = rows.filter(village__in=village_ids)
    return list(rows.values_list("village_id", "village_class", "values"))


def peer_ranges(
    before: Iterable[tuple[int, str, Mapping[str, Any]]], specs: Mapping[str, CellSpec]
) -> dict[str, dict[str, PeerRange]]:
    """Village class -> cell -> what the class had last month. Villages without a class have no peers."""
    gathered: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _village_id, kind, values in before:
        if not kind:
            continue
        for code in specs:
            stored = values.get(code)
            scaled = stored if isinstance(stored, int) else stored[0] if stored else None
            if scaled is not None:
                gathered[kind, code].append(scaled)
    found: dict[str, dict[str, PeerRange]] = defaultdict(dict)
    for (kind, code), numbers in gathered.items():
        if (peers := peer_range(numbers)) is not None:
            found[kind][code] = peers
    return dict(found)


def known_wholes(specs: Iterable[CellSpec], village_ids: Sequence[int], month: date) -> dict[str, dict[int, int]]:
    """Cell -> village id -> the whole in 1/10 000 as the records have it. A source that does not answer is left out."""
    known: dict[str, dict[int, int]] = {}
    for spec in specs:
        if not spec.prefill:
            continue
        constant = spec.prefill.removeprefix("constant:")
        if constant != spec.prefill:
            known[spec.code] = dict.fromkeys(village_ids, to_scaled(constant))
        elif (source := indicators.find(spec.prefill)) is not None:
            readings = source.compute(village_ids, month)
            known[spec.code] = {village_id: to_scaled(reading.value) for village_id, reading in readings.items()}
    return known


# What the system computes


@dataclass(frozen=True, slots=True)
class ComputedCell:
    """A preview of what the system will compute at closing; `note` says what was counted."""

    text: str
    note: str
    scaled: int | None = None


NO_DATA = ComputedCell("—", "")


@dataclass(frozen=True, slots=True)
class ComputedColumn:
    """A computed indicator; `total` is the sum of plain counts, empty where a sum says nothing."""

    indicator: IndicatorRule
    cells: list[ComputedCell]
    total: str


def computed_preview(table: EntryTable) -> list[ComputedColumn]:
    """The computed indicators as the records stand now, cells in the order of the rows. The sources do the queries."""
    village_ids = [row.record.village_id for row in table.rows]
    month = table.submission.period.month
    return [
        _computed_column(item, source.compute(village_ids, month), village_ids)
        for item in table.rules.indicators
        if item.source == "S" and (source := indicators.find(item.source_code)) is not None
    ]


def _computed_column(
    item: IndicatorRule, readings: Mapping[int, indicators.Reading], village_ids: Sequence[int]
) -> ComputedColumn:
    shown = [_computed_cell(item, readings.get(village_id)) for village_id in village_ids]
    is_summed = not item.has_denominator and item.rule_type in ("deduct_each", "pass_fail", "band")
    total = sum(cell.scaled for cell in shown if cell.scaled is not None)
    return ComputedColumn(item, shown, value_text(total) if is_summed else "—")


def _computed_cell(item: IndicatorRule, reading: indicators.Reading | None) -> ComputedCell:
    """A share as percent with one decimal, half up; nothing due is a word, not a number."""
    if reading is None:
        return NO_DATA
    if reading.of is None:
        scaled = to_scaled(reading.value)
        return ComputedCell(value_text(scaled), reading.note, scaled)
    if not reading.of:
        return ComputedCell(gettext("none due"), reading.note)
    tenths = (reading.value * 1000 / reading.of).quantize(Decimal(1), ROUND_HALF_UP)
    return ComputedCell(f"{tenths.scaleb(-1)}%", reading.note)
