"""Rows of the villages that are asked for, in few queries, and what stood at villages merged into them since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import QuerySet

from branches.months import after
from cadres.places import owners_of_ids

ID_LIST_LIMIT = 1000
"""A longer list of ids is not sent to the database; the rows are then read for all."""

CENT = Decimal("0.01")


def last_day(month: date) -> date:
    return after(month) - timedelta(days=1)


def year_before(day: date) -> date:
    """The same day a year earlier; 28 February for the leap day."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def cents(amount: Decimal | None) -> Decimal:
    """Yuan in whole cents, rounded half up; None is 0. SQLite adds in binary, so its sums are put back to cents."""
    return (amount or Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def at_ids(rows: QuerySet[Any], lookup: str, ids: Collection[int]) -> QuerySet[Any]:
    """The rows with one of these ids, or all where the list is too long to send."""
    return rows.filter(**{f"{lookup}__in": list(ids)}) if len(ids) <= ID_LIST_LIMIT else rows


@dataclass(frozen=True, slots=True)
class Asked:
    """`owner`: each village asked for and each merged into one of them by the day, to the one it counts for."""

    owner: Mapping[int, int]

    @classmethod
    def on(cls, village_ids: Collection[int], day: date) -> Asked:
        """One query."""
        return cls(owners_of_ids(list(village_ids), day))

    def at(self, rows: QuerySet[Any], lookup: str = "unit_id") -> QuerySet[Any]:
        """The rows of these villages without order; of a long list all rows, so look up `owner` of each."""
        return at_ids(rows, lookup, self.owner).order_by()
