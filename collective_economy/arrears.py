"""What is due to village collectives, what of it is late, and by how long. A fixed number of queries for any place.

A receivable is open while less than its amount came and it was not waived; it is overdue from the day after it was due.
Rule: docs/rules/receivables.md, "Arrears".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Substr

from collective_economy.models import Receivable

CENT = Decimal("0.01")
LONG = 30
"""Days after which income that did not come is a risk (handbook 6.7)."""

IS_OPEN = Q(waived_on__isnull=True, received__lt=F("amount"))


@dataclass(frozen=True, kw_only=True)
class Arrears:
    """Yuan that are missing. `due`: due until the day, received or not, without what was waived; `received` of it."""

    due: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    overdue_count: int = 0
    overdue_long: Decimal = Decimal(0)
    overdue_long_count: int = 0


def overdue(rows: QuerySet[Any], today: date, days: int = 0) -> QuerySet[Any]:
    """Those of the receivables that are more than `days` days late."""
    return rows.filter(IS_OPEN, due_on__lt=today - timedelta(days=days))


def due_between(rows: QuerySet[Any], first: date, last: date) -> QuerySet[Any]:
    """Those that fall due from day to day and were not waived, received or not."""
    return rows.filter(waived_on__isnull=True, due_on__gte=first, due_on__lte=last)


def days_late(receivable: Receivable, today: date) -> int:
    """0 while it is not late, or no longer asked for."""
    return max(0, (today - receivable.due_on).days) if receivable.missing > 0 else 0


def arrears_of(rows: QuerySet[Any], today: date) -> Arrears:
    """Over all these receivables. One query."""
    return _read(rows.order_by().aggregate(**_sums(today)))


def arrears_by_village(unit_ids: Collection[int], today: date, rows: QuerySet[Any] | None = None) -> dict[int, Arrears]:
    """Key of the village -> its arrears; a village without receivables is missing. One query."""
    found = (Receivable.objects.all() if rows is None else rows).filter(unit__in=unit_ids)
    grouped = found.order_by().values("unit_id").annotate(**_sums(today))
    return {row["unit_id"]: _read(row) for row in grouped}


def arrears_by_contract(contract_ids: Collection[int], today: date) -> dict[int, Arrears]:
    """Key of the contract -> its arrears; one by which nothing is due is missing. One query."""
    found = Receivable.objects.filter(contract__in=contract_ids).order_by()
    return {row["contract_id"]: _read(row) for row in found.values("contract_id").annotate(**_sums(today))}


def arrears_by_place(rows: QuerySet[Any], path_length: int, today: date) -> dict[str, Arrears]:
    """Path of the township or county (by the length of its path) -> arrears of its villages. One query."""
    grouped = rows.order_by().values(place=Substr("path", 1, path_length)).annotate(**_sums(today))
    return {row["place"]: _read(row) for row in grouped}


def _sums(today: date) -> dict[str, Any]:
    missing = F("amount") - F("received")
    is_due = Q(waived_on__isnull=True, due_on__lte=today)
    is_late = IS_OPEN & Q(due_on__lt=today)
    is_long = IS_OPEN & Q(due_on__lt=today - timedelta(days=LONG))
    return {
        "sum_due": Sum("amount", filter=is_due),
        "sum_received": Sum("received", filter=is_due),
        "sum_late": Sum(missing, filter=is_late),
        "count_late": Count("pk", filter=is_late),
        "sum_long": Sum(missing, filter=is_long),
        "count_long": Count("pk", filter=is_long),
    }


def _read(row: Any) -> Arrears:
    """SQLite adds in binary, so the sums are put back to cents."""

    def money(name: str) -> Decimal:
        return Decimal(row[name] or 0).quantize(CENT)

    return Arrears(
        due=money("sum_due"),
        received=money("sum_received"),
        overdue=money("sum_late"),
        overdue_count=row["count_late"],
        overdue_long=money("sum_long"),
        overdue_long_count=row["count_long"],
    )
