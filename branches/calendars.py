"""The working calendar of a county, from its holidays and worked weekends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from branches.models import WorkdayException
from branches.scoping import STEP


def workday_exceptions(path: str, first: date, last: date) -> Mapping[date, bool]:
    """Days from `first` to `last` that differ from Monday to Friday, for the unit at `path` and all above it.

    True is a worked weekend day, False a day off. A lower unit's entry wins.
    """
    above = [path[:end] for end in range(STEP, len(path) + 1, STEP)]
    rows = WorkdayException.objects.filter(unit__path__in=above, day__range=(first, last))
    return dict(rows.order_by("unit__path").values_list("day", "is_workday"))
