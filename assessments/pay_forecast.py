"""What the flags and grades of a county cost until the end of the year: sheets as they stand, then what is due.

A forecast knows what is known today: posts go on, flags end when they end, nothing new is awarded.
Rule: docs/rules/pay.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from assessments import pay_facts
from assessments.models import PayRules, PaySheet
from assessments.pay import due_for


@dataclass(frozen=True, slots=True)
class MonthCost:
    """`is_due`: computed, because no sheet has been prepared; `handed_over`: the part the finance office has."""

    month: date
    cents: int
    handed_over: int
    is_due: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    year: int
    months: tuple[MonthCost, ...]
    budget_cents: int | None

    @property
    def cents(self) -> int:
        return sum(month.cents for month in self.months)

    @property
    def handed_over(self) -> int:
        return sum(month.handed_over for month in self.months)

    @property
    def rest_cents(self) -> int | None:
        """Of the budget after everything that is foreseen; below 0 it does not suffice."""
        return None if self.budget_cents is None else self.budget_cents - self.cents


def forecast(path: str, today: date) -> Forecast:
    """For the county with this path and the year of `today`. The same number of queries whatever there is."""
    year = today.year
    sheets = PaySheet.objects.filter(path__startswith=path, month__year=year).order_by("month", "state")
    costs: dict[date, list[int]] = {}
    for month, state, cents in sheets.values_list("month", "state").annotate(cents=Sum("total_cents")):
        cost = costs.setdefault(month, [0, 0])
        cost[0] += cents
        cost[1] += cents if state in pay_facts.LOCKED else 0
    first = max(costs, default=None)
    begins = today.month if first is None else first.month + 1
    open_months = [date(year, month, 1) for month in range(begins, 13)]
    months = [MonthCost(month, total, locked, is_due=False) for month, (total, locked) in sorted(costs.items())]
    if open_months:
        villages = pay_facts.villages_of(path)
        facts = pay_facts.facts_of(path, open_months[0], open_months[-1], villages)
        for month in open_months:
            cents = sum(due.amount for due in due_for(month, facts).values())
            months.append(MonthCost(month, cents, 0, is_due=True))
    return Forecast(year, tuple(months), budget_of(path, date(year, 12, 1)))


def budget_of(path: str, month: date) -> int | None:
    """Cents; None where the rules name none."""
    rules = (
        PayRules.objects.filter(path=path, approved_by__isnull=False, valid_from__lte=month)
        .order_by("-valid_from")
        .first()
    )
    return None if rules is None or rules.budget is None else pay_facts.to_cents(rules.budget)
