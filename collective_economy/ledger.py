"""The ledger as people read it: a village and a month on each line, total and operating income side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from branches.models import Unit
from collective_economy.models import LedgerEntry

Category = LedgerEntry.Category
OPERATING = (Category.OPERATING, Category.CONTRACT, Category.INVESTMENT, Category.OTHER_OPERATING)
"""What counts as operating income; subsidies and other income do not (handbook 6.5)."""

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """Yuan by category; a category without an entry is missing, not zero."""

    village: Unit
    month: date
    amounts: Mapping[str, Decimal]

    @property
    def operating(self) -> Decimal:
        return operating_of(self.amounts)

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))

    @property
    def cells(self) -> list[Decimal | None]:
        return [self.amounts.get(category) for category in Category.values]


def operating_of(amounts: Mapping[str, Decimal]) -> Decimal:
    return sum((amounts[category] for category in OPERATING if category in amounts), Decimal(0))


def keys_of(entries: QuerySet[Any]) -> QuerySet[Any]:
    """(village, month) of the lines, the newest month first, villages in the order of the tree."""
    return entries.order_by("-month", "unit__path").values_list("unit_id", "month").distinct()


def lines_of(entries: QuerySet[Any], keys: Iterable[tuple[int, date]]) -> list[Line]:
    """The lines with these keys, in their order. One query."""
    wanted = list(keys)
    if not wanted:
        return []
    condition = Q()
    for month in {month for _unit, month in wanted}:
        condition |= Q(month=month, unit__in=[unit for unit, there in wanted if there == month])
    amounts: dict[tuple[int, date], dict[str, Decimal]] = {}
    villages: dict[int, Unit] = {}
    for entry in entries.filter(condition).select_related("unit"):
        villages[entry.unit_id] = entry.unit
        amounts.setdefault((entry.unit_id, entry.month), {})[entry.category] = entry.amount
    return [Line(villages[unit], month, amounts[unit, month]) for unit, month in wanted]


def totals_of(entries: QuerySet[Any]) -> dict[str, Decimal]:
    """Yuan of each category over all entries. One query; SQLite adds in binary, so the sum is put back to cents."""
    sums = entries.order_by().values_list("category").annotate(sum=Sum("amount"))
    return {category: amount.quantize(CENT) for category, amount in sums}
