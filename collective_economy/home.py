"""The card of the collective economy on the home page: this year's money and income, with the pages behind them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from branches.home_card import Card
from branches.scoping import STEP, paths_for
from collective_economy import overview
from collective_economy.incomes import percent_of
from collective_economy.models import LedgerMonth, Project

if TYPE_CHECKING:
    from accounts.models import User


def build(user: User, today: date) -> Card | None:
    """For who sees projects and ledgers. Three queries."""
    if not (paths_for(user, overview.SEE_PROJECTS) and paths_for(user, overview.SEE_LEDGER)):
        return None
    projects = Project.objects.for_user(user)
    money = overview.money_of(projects.filter(year=today.year))
    # All in one group: the province stands at the beginning of every path.
    earned = overview.earned_by_place_and_month(LedgerMonth.objects.for_user(user), STEP, (today.year - 1, today.year))
    income = overview.year_of(earned, today.year, today)
    return Card(
        template="collective_economy/_home_card.html",
        context={
            "year": today.year,
            "money": money,
            "paid_percent": percent_of(money.paid, money.approved),
            "last": income.last,
            "operating": income.sum_now.operating if income.sum_now else None,
            "operating_before": income.sum_before.operating if income.sum_before else None,
            "late": sum(overview.late_by_place(projects, STEP, today).values()),
        },
    )
