"""What makes a record of organisational life complete and in time.

Rule: docs/rules/organisational-life.md.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from branches.models import OrganisationalLife, WorkdayException
from branches.scoping import STEP
from branches.workdays import add_working_days

RECORD_WITHIN = 3
"""Working days after the meeting within which it is recorded (handbook 7.4)."""

TEXTS = ("place", "theme", "chair", "recorder")
COUNTS = ("due_count", "present_count")

COMPLETE = Q(**{f"{name}__isnull": False for name in COUNTS}) & ~Q(
    *(Q(**{name: ""}) for name in TEXTS), _connector=Q.OR
)
"""Place, theme, chair, recorder and attendance are written down."""

COUNTY_PATH = 3 * STEP


def missing_fields(record: OrganisationalLife) -> list[str]:
    """Names of the fields without which the record is not complete."""
    return [name for name in TEXTS if not getattr(record, name)] + [
        name for name in COUNTS if getattr(record, name) is None
    ]


def possibly_faulty(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows that lack a field or may be late, with `is_complete`.

    Three days on the calendar are never more than three working days, so nothing late is left out.
    """
    may_be_late = Q(recorded_on__gt=F("held_on") + timedelta(days=RECORD_WITHIN))
    return rows.filter(~COMPLETE | may_be_late).annotate(is_complete=ExpressionWrapper(COMPLETE, BooleanField()))


class Deadlines:
    """Last day for recording what was held from `first` to `end`, by the holidays of each county, in one query."""

    def __init__(self, first: date, end: date) -> None:
        self._of_unit: dict[str, dict[date, bool]] = defaultdict(dict)
        self._of_county: dict[str, dict[date, bool]] = {}
        self._known: dict[tuple[str, date], date] = {}
        rows = WorkdayException.objects.filter(day__range=(first, end + timedelta(days=31))).order_by("day")
        for path, day, is_workday in rows.values_list("unit__path", "day", "is_workday"):
            self._of_unit[path][day] = is_workday

    def deadline(self, path: str, held_on: date) -> date:
        key = (path[:COUNTY_PATH], held_on)
        if key not in self._known:
            self._known[key] = add_working_days(held_on, RECORD_WITHIN, self._exceptions(key[0]))
        return self._known[key]

    def is_late(self, path: str, held_on: date, recorded_on: date) -> bool:
        return recorded_on > self.deadline(path, held_on)

    def _exceptions(self, county: str) -> dict[date, bool]:
        """A lower unit's entry wins over one of a unit above."""
        if county not in self._of_county:
            days: dict[date, bool] = {}
            for end in range(STEP, len(county) + 1, STEP):
                days |= self._of_unit.get(county[:end], {})
            self._of_county[county] = days
        return self._of_county[county]
