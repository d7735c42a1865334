"""Several returns of a month as tables at once, for review: what stands out, what is clean.

A constant number of queries for one return and for all of a county.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from assessments import entry
from assessments.cells import Problem, Value
from assessments.deadlines import next_month
from assessments.entry import EntryRow, EntryTable
from assessments.models import Period, Return, VillageMonth
from assessments.rules import CellSpec

MONTHS_BACK = 5
"""Months before this one that the small line of a cell shows."""


def load_tables(period: Period, submissions: Sequence[Return]) -> list[EntryTable]:
    """The townships' parts of these returns, in their order. Two queries, one more for each source of a whole."""
    if not submissions:
        return []
    rules = entry.rules_of_return(submissions[0])
    specs = entry.specs_of(rules, "T")
    records: dict[int, list[VillageMonth]] = defaultdict(list)
    for record in (
        VillageMonth.objects.filter(submission__in=[submission.pk for submission in submissions])
        .select_related("village")
        .order_by("path")
    ):
        records[record.submission_id].append(record)
    before = _month_before(period)
    last = {village_id: values for village_id, _kind, values in before}
    peers = entry.peer_ranges(before, specs)
    villages = [record.village_id for rows in records.values() for record in rows]
    known = entry.known_wholes(specs.values(), villages, period.month)
    return [
        EntryTable(
            submission=submission,
            rules=rules,
            part="T",
            specs=specs,
            rows=[_row(record, last.get(record.village_id, {})) for record in records[submission.pk]],
            peers=peers,
            known=known,
        )
        for submission in submissions
    ]


def _row(record: VillageMonth, last: Mapping[str, Any]) -> EntryRow:
    return EntryRow(record, record.village.name, entry.read_values(record.values), entry.read_values(last))


def _month_before(period: Period) -> list[tuple[int, str, dict[str, Any]]]:
    """(village, class, values) of the whole county in the month before."""
    rows = VillageMonth.objects.filter(period__unit=period.unit_id, period__month=next_month(period.month, -1))
    return list(rows.values_list("village_id", "village_class", "values"))


def problems_of(table: EntryTable) -> list[tuple[EntryRow, CellSpec, Problem]]:
    """Every cell that needs a look: errors, missing values and unusual ones, explained or not."""
    found = []
    for row in table.rows:
        for code, spec in table.specs.items():
            problem = entry.MISSING if table.is_missing(row, code) else table.problem(row, code)
            if problem is not None:
                found.append((row, spec, problem))
    return found


def is_clean(table: EntryTable) -> bool:
    """Whether nothing in the return needs a look."""
    return not problems_of(table)


def earlier_values(village_ids: Iterable[int], period: Period) -> dict[tuple[int, str], list[int | None]]:
    """(village, cell) -> its numbers of the months before, oldest first, None where there was none. One query."""
    months = [next_month(period.month, -back) for back in range(MONTHS_BACK, 0, -1)]
    rows = VillageMonth.objects.filter(village__in=list(village_ids), period__month__in=months)
    by_month: dict[tuple[int, date], dict[str, Any]] = {
        (village_id, month): values
        for village_id, month, values in rows.values_list("village_id", "period__month", "values")
    }
    found: dict[tuple[int, str], list[int | None]] = {}
    for (village_id, month), values in by_month.items():
        for code, stored in values.items():
            line = found.setdefault((village_id, code), [None] * len(months))
            line[months.index(month)] = Value.from_stored(stored).scaled
    return found
