"""The ledger as people read it: a village and a month on each line, total and operating income side by side.

Sums are read from the rows of the months, which the database keeps; no page adds up entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from collective_economy.incomes import CENT, Income, growth_percent
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.models.ledger import CATEGORIES, INCOME

Category = LedgerEntry.Category
LABELS = dict(Category.choices)
HISTORY = ("contract",)
"""Had a category of its own until 2023; beside later years it counts as operating income (handbook 6.5)."""


def cells_of(month: LedgerMonth) -> list[Decimal | None]:
    """Yuan of each category of income; one without an entry is missing, not zero."""
    return [getattr(month, category) for category in INCOME]


def income_of(rows: QuerySet[Any]) -> Income:
    """Everything in these months together. One query; SQLite adds in binary, so the sums are put back to cents."""
    sums = {category: Sum(category) for category in CATEGORIES}
    closed = Count("pk", filter=Q(closed_at__isnull=False))
    found = rows.order_by().aggregate(months=Count("pk"), closed=closed, **sums)
    amounts = {name: found[name].quantize(CENT) for name in CATEGORIES if found[name] is not None}
    return Income(amounts, found["months"], found["closed"])


@dataclass(frozen=True)
class YearLine:
    """One kind of income beside the same months of the year before, in yuan."""

    label: Any
    now: Decimal | None
    before: Decimal | None
    is_sum: bool = False

    @property
    def growth(self) -> Decimal | None:
        """Percent with one decimal; None where there was nothing before."""
        return growth_percent(self.now, self.before)


@dataclass(frozen=True)
class Comparison:
    """A year up to its last month in the ledger beside the same months of the year before."""

    year: int
    last: date
    lines: Sequence[YearLine]


def compared(rows: QuerySet[Any], year: int) -> Comparison | None:
    """Of these villages' months of all years; None for a year without any. Three queries.

    Contract and handed-over income, which stands by itself until 2023, is put to operating income in both years.
    """
    this_year = rows.filter(month__year=year)
    last: date | None = this_year.order_by().aggregate(last=Max("month"))["last"]
    if last is None:
        return None
    now = income_of(this_year)
    before = income_of(rows.filter(month__gte=date(year - 1, 1, 1), month__lte=last.replace(year=year - 1)))
    lines = [
        YearLine(LABELS[name], _mapped(now, name), _mapped(before, name)) for name in INCOME if name not in HISTORY
    ]
    had = before.month_count > 0
    lines += [
        YearLine(_("operating income in all"), now.operating, before.operating if had else None, is_sum=True),
        YearLine(_("income in all"), now.total, before.total if had else None, is_sum=True),
    ]
    return Comparison(year, last, lines)


def _mapped(income: Income, category: str) -> Decimal | None:
    names = [name for name in (category, *(HISTORY if category == "operating" else ())) if name in income.amounts]
    return income.of(names) if names else None
