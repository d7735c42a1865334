"""What villages took in and spent, by month and by year, read from the sums of their months.

Amounts are yuan with cents. A category without an entry is missing, not zero; a village without a month that holds
entries or was closed is missing from the answer. Rule: docs/rules/income-bands.md, "全年收入".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import ExtractYear

from collective_economy.models import LedgerMonth
from collective_economy.models.ledger import CATEGORIES, COUNTED_AS_OPERATING, EXPENSE, INCOME

CENT = Decimal("0.01")
MONTHS = 12
ONE_DECIMAL = Decimal("0.1")

IS_RECORDED = Q(entry_count__gt=0) | Q(closed_at__isnull=False)
"""A month that says something: it has entries, or somebody closed it without any."""


@dataclass(frozen=True, slots=True)
class Income:
    """Of some months. `amounts`: yuan of the categories that have entries."""

    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    month_count: int = 0
    closed_count: int = 0

    def of(self, categories: Iterable[str]) -> Decimal:
        return sum((self.amounts[one] for one in categories if one in self.amounts), Decimal(0))

    @property
    def operating(self) -> Decimal:
        return self.of(COUNTED_AS_OPERATING)

    @property
    def total(self) -> Decimal:
        return self.of(INCOME)

    @property
    def not_operating(self) -> Decimal:
        """Subsidies and other income."""
        return self.total - self.operating

    @property
    def expense(self) -> Decimal:
        return self.of(EXPENSE)

    @property
    def spent(self) -> Decimal | None:
        """The expense; None where no entry tells of any."""
        return self.expense if any(one in self.amounts for one in EXPENSE) else None


def added(parts: Iterable[Income]) -> Income | None:
    """The parts together; None of none."""
    whole: Income | None = None
    for part in parts:
        whole = part if whole is None else _plus(whole, part)
    return whole


def _plus(one: Income, other: Income) -> Income:
    amounts = dict(one.amounts)
    for category, amount in other.amounts.items():
        amounts[category] = amounts.get(category, Decimal(0)) + amount
    return Income(amounts, one.month_count + other.month_count, one.closed_count + other.closed_count)


# --- By year --------------------------------------------------------------------------------


def yearly_income(place: Collection[int] | str, years: Collection[int]) -> dict[int, dict[int, Income]]:
    """Key of the village -> year -> its income, of these villages or of all at and below a path. One query.

    A year in which a village's ledger holds nothing is missing. What stood at villages merged since stays at them;
    `credited` puts it to their heirs.
    """
    found: dict[int, dict[int, Income]] = {}
    if not years:
        return found
    rows = _at(place).filter(month__gte=date(min(years), 1, 1), month__lte=date(max(years), MONTHS, 1))
    for row in _summed(rows.annotate(year=ExtractYear("month")).values("unit_id", "year")):
        if row["year"] in years:
            found.setdefault(row["unit_id"], {})[row["year"]] = _read(row)
    return found


def _at(place: Collection[int] | str) -> QuerySet[Any]:
    rows = LedgerMonth.objects.filter(IS_RECORDED).order_by()
    return rows.filter(path__startswith=place) if isinstance(place, str) else rows.filter(unit__in=list(place))


def _summed(rows: QuerySet[Any]) -> QuerySet[Any]:
    sums = {f"sum_{category}": Sum(category) for category in CATEGORIES}
    return rows.annotate(count=Count("pk"), closed=Count("pk", filter=Q(closed_at__isnull=False)), **sums)


def _read(row: Mapping[str, Any]) -> Income:
    """SQLite adds in binary, so the sums are put back to cents."""
    amounts = {
        category: row[f"sum_{category}"].quantize(CENT, ROUND_HALF_UP)
        for category in CATEGORIES
        if row[f"sum_{category}"] is not None
    }
    return Income(amounts, row["count"], row["closed"])


def credited(incomes: Mapping[int, Mapping[int, Income]], owners: Mapping[int, int]) -> dict[int, dict[int, Income]]:
    """Incomes by the villages they count for today. `owners`: village, or one merged into it -> that village."""
    found: dict[int, dict[int, Income]] = {}
    for pk, years in incomes.items():
        if pk in owners:
            held = found.setdefault(owners[pk], {})
            for year, income in years.items():
                held[year] = _plus(held[year], income) if year in held else income
    return found


# --- By month -------------------------------------------------------------------------------


def monthly_income(unit_ids: Collection[int], first: date, last: date) -> dict[date, Income]:
    """Month -> income of these villages together, of the months that hold something. One query."""
    rows = _at(unit_ids).filter(month__gte=first, month__lte=last)
    return {row["month"]: _read(row) for row in _summed(rows.values("month"))}


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """A month beside its year so far and the year before; None where the ledger holds nothing."""

    month: date
    income: Income | None
    cumulative: Income | None
    """From January to the month."""
    year_before: Income | None
    """The same month last year."""
    cumulative_before: Income | None
    """January to the same month last year."""


def figures_of(months: Mapping[date, Income], month: date) -> MonthFigures:
    """From incomes by month, which reach back to January of the year before. No query."""
    before = month.replace(year=month.year - 1)
    return MonthFigures(
        month=month,
        income=months.get(month),
        cumulative=_until(months, month),
        year_before=months.get(before),
        cumulative_before=_until(months, before),
    )


def _until(months: Mapping[date, Income], month: date) -> Income | None:
    return added(income for one, income in months.items() if one.year == month.year and one <= month)


def year_of(months: Mapping[date, Income], year: int) -> Income | None:
    return added(income for month, income in months.items() if month.year == year)


def expected_year_end(months: Mapping[date, Income], year: int) -> Decimal | None:
    """Operating income that the year is going to reach: a straight line through its closed months.

    Their sum ÷ their number × 12, and never less than what is booked already, open months included. None while no
    month is closed.
    """
    of_year = [income for month, income in months.items() if month.year == year]
    closed = [income for income in of_year if income.closed_count]
    if not closed:
        return None
    line = sum((income.operating for income in closed), Decimal(0)) * MONTHS / len(closed)
    booked = sum((income.operating for income in of_year), Decimal(0))
    return max(line.quantize(CENT, ROUND_HALF_UP), booked)


# --- Shares ---------------------------------------------------------------------------------


def growth_percent(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Growth in percent, one decimal; None where either is missing or there was nothing before (handbook 10.4)."""
    if now is None or before is None or before <= 0:
        return None
    return ((now - before) * 100 / before).quantize(ONE_DECIMAL, ROUND_HALF_UP)


def months_over(year: int, today: date) -> int:
    """How many months of the year are over on the day: 0 to 12."""
    return max(0, min(MONTHS, (today.year - year) * MONTHS + today.month - 1))


def planned_by_now(target: Decimal, year: int, today: date) -> Decimal:
    """What of a target should have come in by the time plan: target × months that are over ÷ 12, in yuan."""
    return (target * months_over(year, today) / MONTHS).quantize(CENT, ROUND_HALF_UP)


def percent_of(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """Share in percent, one decimal; None without a part, or of a whole that is not above 0."""
    if part is None or whole is None or whole <= 0:
        return None
    return (part * 100 / whole).quantize(ONE_DECIMAL, ROUND_HALF_UP)
