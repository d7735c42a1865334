"""The county's holidays and worked weekends, and the planned months that move with them.

Rule: docs/rules/calendar.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from accounts import audit
from accounts.models import User
from assessments.holidays import DayEntry
from assessments.models import Period
from assessments.services import month_plan
from branches.models import Unit, WorkdayException


@dataclass(frozen=True, slots=True)
class Stored:
    """What an import did: days added, changed, and the planned months whose dates moved."""

    added: int
    changed: int
    moved: list[Period]


@transaction.atomic
def store_days(county: Unit, entries: Sequence[DayEntry], *, by: User) -> Stored:
    """Keep these days in the county's calendar, over what it said of them, and give planned months their new dates.

    Months that have opened keep their deadlines. A constant number of queries.
    """
    present = {
        row.day: row for row in WorkdayException.objects.filter(unit=county, day__in=[entry.day for entry in entries])
    }
    new = [
        WorkdayException(unit=county, day=entry.day, is_workday=entry.is_workday, label=entry.label)
        for entry in entries
        if entry.day not in present
    ]
    changed = [row for entry in entries if (row := present.get(entry.day)) and _differs(row, entry)]
    WorkdayException.objects.bulk_create(new)
    WorkdayException.objects.bulk_update(changed, ["is_workday", "label"])
    moved = month_plan.replan(county.pk) if new or changed else []
    if new or changed:
        _record("branches.change_workdayexception", county, [_entry(row) for row in (*new, *changed)], moved, by=by)
    return Stored(len(new), len(changed), moved)


def _entry(row: WorkdayException) -> DayEntry:
    return DayEntry(row.day, row.is_workday, row.label)


def _differs(row: WorkdayException, entry: DayEntry) -> bool:
    """Whether the row says something else; it says the entry from here on."""
    before = (row.is_workday, row.label)
    row.is_workday, row.label = entry.is_workday, entry.label
    return before != (entry.is_workday, entry.label)


@transaction.atomic
def remove_days(county: Unit, first: date, last: date, *, by: User) -> list[DayEntry]:
    """Take the days from `first` to `last` out of the calendar; what they were comes back, to be put back."""
    rows = WorkdayException.objects.filter(unit=county, day__range=(first, last))
    removed = [_entry(row) for row in rows.order_by("day")]
    if not removed:
        return []
    rows.delete()
    moved = month_plan.replan(county.pk)
    _record("branches.delete_workdayexception", county, removed, moved, by=by)
    return removed


def _record(event: str, county: Unit, days: Iterable[DayEntry], moved: Sequence[Period], *, by: User) -> None:
    told = {f"{entry.day:%Y-%m-%d}": [entry.label, "work" if entry.is_workday else "off"] for entry in days}
    changes = {"days": told, "months": [f"{period.month:%Y-%m}" for period in moved]}
    audit.record(event, actor=by, target=county, unit=county, changes=changes)
