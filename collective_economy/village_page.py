"""What the page of a village's economy shows: income by year and month, target, arrears, contracts, projects, assets,
plan, open findings. Amounts are yuan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from branches.models import Unit
from cadres.places import owners_of_ids
from collective_economy import incomes
from collective_economy.amounts import YUAN_IN_WAN
from collective_economy.arrears import Arrears, days_late
from collective_economy.band_page import name_of, sets_in_force
from collective_economy.bands import band_of
from collective_economy.contract_page import state_of
from collective_economy.incomes import Income, MonthFigures, figures_of, growth_percent, percent_of
from collective_economy.models import (
    Asset,
    AuditFinding,
    Contract,
    IncomeTarget,
    LedgerEntry,
    Receivable,
    VillagePlan,
)
from collective_economy.models.ledger import COUNTED_AS_OPERATING, EXPENSE, INCOME
from collective_economy.village_projects import ProjectLine, VillageProjects

if TYPE_CHECKING:
    from accounts.models import User

YEARS = 5
Category = LedgerEntry.Category


@dataclass(frozen=True, kw_only=True)
class MonthLine:
    """A month of the year with the monthly fields of handbook 6.6."""

    figures: MonthFigures
    income_cells: list[Decimal | None]
    """By the categories of `income_columns`."""
    due: Decimal | None
    """What fell due by contracts and is still asked for; None where nothing did."""
    received: Decimal | None
    """Of it, by now."""
    paid: Decimal | None
    """Out of projects, the village's part."""
    contract_count: int
    """Signed in the month."""

    @property
    def is_closed(self) -> bool:
        return bool(self.figures.income and self.figures.income.closed_count)

    @property
    def is_empty(self) -> bool:
        """Nothing at all is known of the month."""
        return self.figures.income is None and not (self.due or self.paid or self.contract_count)


@dataclass(frozen=True, kw_only=True)
class Economy:
    """Income of a village by year and month, with what was merged into it."""

    year: int
    today: date
    months: Mapping[date, Income]

    @property
    def years(self) -> list[int]:
        return list(range(self.year - YEARS + 1, self.year + 1))

    def of(self, year: int) -> Income | None:
        return incomes.year_of(self.months, year)

    @property
    def now(self) -> Income | None:
        return self.of(self.year)

    @property
    def last_month(self) -> date | None:
        """The latest month of the year that says something."""
        return max((month for month in self.months if month.year == self.year), default=None)

    @property
    def to_date(self) -> MonthFigures | None:
        """The year up to its last month, with the same months of the year before."""
        return figures_of(self.months, self.last_month) if self.last_month else None

    @property
    def growth(self) -> Decimal | None:
        """Of operating income up to the last month, against the same months of the year before, in percent."""
        held = self.to_date
        if held is None or held.cumulative is None or held.cumulative_before is None:
            return None
        return growth_percent(held.cumulative.operating, held.cumulative_before.operating)

    @property
    def expected(self) -> Decimal | None:
        return incomes.expected_year_end(self.months, self.year)

    @property
    def closed_count(self) -> int:
        return self.now.closed_count if self.now else 0

    @property
    def categories(self) -> list[tuple[str, bool, list[Decimal | None]]]:
        """Label, whether it counts as operating income, yuan of each year."""
        held = [self.of(year) for year in self.years]
        return [
            (
                str(Category(code).label),
                code in COUNTED_AS_OPERATING,
                [one.amounts.get(code) if one else None for one in held],
            )
            for code in (*INCOME, *EXPENSE)
        ]

    @property
    def sums(self) -> list[Income | None]:
        return [self.of(year) for year in self.years]

    def chart(self) -> dict[str, Any] | None:
        """For the script: operating and other income of each year in 万元, stacked; None without any income."""
        held = [(year, self.of(year)) for year in self.years]
        if not any(income for _year, income in held):
            return None
        return {
            "kind": "bar",
            "categories": [self.label_of(year) for year, _income in held],
            "unit": _("10 000 yuan"),
            "series": [
                {
                    "name": _("Operating income"),
                    "color": "--v1",
                    "stack": "income",
                    "data": [_wan(income.operating) if income else None for _year, income in held],
                },
                {
                    "name": _("Subsidies and other"),
                    "color": "--v-soft",
                    "stack": "income",
                    "data": [_wan(income.not_operating) if income else None for _year, income in held],
                },
            ],
        }

    def label_of(self, year: int) -> str:
        """With a star while the year runs."""
        return f"{year}*" if year == self.today.year else str(year)

    def finding(self) -> str:
        """The sentence that the chart stands for."""
        held = [(year, income) for year in self.years if (income := self.of(year))]
        if not held:
            return ""
        (first, one), (last, other) = held[0], held[-1]
        return _("Operating income: %(first)d %(one)s, %(last)d %(other)s (10 000 yuan)") % {
            "first": first,
            "one": _wan(one.operating),
            "last": last,
            "other": _wan(other.operating),
        }


def _wan(yuan: Decimal) -> str:
    """In 万元 with two decimals, for the chart."""
    return f"{yuan / YUAN_IN_WAN:.2f}"


def economy_of(village: Unit, year: int, today: date) -> Economy:
    """Two queries."""
    owners = owners_of_ids([village.pk], min(today, date(year, 12, 31)))
    months = incomes.monthly_income(list(owners), date(year - YEARS + 1, 1, 1), date(year, 12, 1))
    return Economy(year=year, today=today, months=months)


@dataclass(frozen=True, kw_only=True)
class Dues:
    """Receivables of a village that are open, and sums of those due in the year."""

    overdue: list[tuple[Receivable, int]]
    """With the days they are late."""
    coming: list[Receivable]
    sums: Arrears
    """Due in the year until today, received of it; and all that is late."""
    by_month: Mapping[date, tuple[Decimal, Decimal]]
    """First day of a month of the year -> due, received."""


NEXT = 5


def dues_of(user: User, village: Unit, year: int, today: date) -> Dues:
    """One query."""
    rows: Iterable[Receivable] = (
        Receivable.objects.for_user(user)
        .filter(unit=village, waived_on=None)
        .select_related("contract")
        .order_by("due_on", "pk")
    )
    rows = list(rows)
    late = [(row, days_late(row, today)) for row in rows if days_late(row, today)]
    of_year = [row for row in rows if row.due_on.year == year]
    by_month: dict[date, tuple[Decimal, Decimal]] = {}
    for row in of_year:
        month = row.due_on.replace(day=1)
        due, received = by_month.get(month, (Decimal(0), Decimal(0)))
        by_month[month] = (due + row.amount, received + row.received)
    due_now = [row for row in of_year if row.due_on <= today]
    sums = Arrears(
        due=_sum(row.amount for row in due_now),
        received=_sum(row.received for row in due_now),
        overdue=_sum(row.missing for row, _days in late),
        overdue_count=len(late),
    )
    coming = [row for row in rows if row.due_on >= today and row.missing > 0][:NEXT]
    return Dues(overdue=late, coming=coming, sums=sums, by_month=by_month)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def income_columns(economy: Economy) -> list[str]:
    """Categories of income that have entries in the year: the others would be columns of dashes."""
    held = economy.now.amounts if economy.now else {}
    return [category for category in INCOME if category in held]


def month_lines(
    economy: Economy, dues: Dues, contracts: Sequence[Contract], paid: Mapping[date, Decimal]
) -> list[MonthLine]:
    """January to the latest month of the year of which something is known, or to today's."""
    signed = Counter(contract.signed_on.replace(day=1) for contract in contracts)
    columns = income_columns(economy)
    lines = []
    for number in range(1, 13):
        month = date(economy.year, number, 1)
        figures = figures_of(economy.months, month)
        due, received = dues.by_month.get(month, (None, None))
        amounts = figures.income.amounts if figures.income else {}
        lines.append(
            MonthLine(
                figures=figures,
                income_cells=[amounts.get(category) for category in columns],
                due=due,
                received=received,
                paid=paid.get(month),
                contract_count=signed[month],
            )
        )
    while lines and lines[-1].is_empty and lines[-1].figures.month > economy.today:
        lines.pop()
    return lines


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The target of a year, and how far it is."""

    target: IncomeTarget
    reached: Decimal | None
    planned: Decimal

    @property
    def percent(self) -> Decimal | None:
        return percent_of(self.reached, self.target.amount)

    @property
    def time_percent(self) -> Decimal | None:
        return percent_of(self.planned, self.target.amount)

    @property
    def is_behind(self) -> bool:
        return (self.reached or Decimal(0)) < self.planned


def aim_of(user: User, village: Unit, economy: Economy) -> Aim | None:
    """One query."""
    target = IncomeTarget.objects.for_user(user).filter(unit=village, year=economy.year).first()
    if target is None:
        return None
    return Aim(
        target=target,
        reached=economy.now.operating if economy.now else None,
        planned=incomes.planned_by_now(target.amount, economy.year, economy.today),
    )


def plan_lines(plan: VillagePlan, economy: Economy) -> list[tuple[int, Decimal, Decimal | None, Decimal | None]]:
    """Year, its target, operating income so far, share in percent."""
    lines = []
    for text, amount in sorted(plan.targets.items()):
        income = economy.of(int(text))
        reached = income.operating if income else None
        lines.append((int(text), Decimal(amount), reached, percent_of(reached, Decimal(amount))))
    return lines


def band_name_of(village: Unit, county: Unit | None, economy: Economy) -> str:
    """The band of the year's operating income so far, in words; empty without data. One query."""
    if county is None or economy.now is None:
        return ""
    held = sets_in_force(county, [economy.year])[0]
    return name_of(band_of(economy.now.operating, held.bands))


def page_of(user: User, village: Unit, county: Unit | None, year: int, today: date) -> dict[str, Any]:
    """Everything the page shows. A fixed number of queries."""
    economy = economy_of(village, year, today)
    dues = dues_of(user, village, year, today)
    contracts: list[Contract] = list(
        Contract.objects.for_user(user).filter(unit=village).select_related("project").order_by("-ends_on", "pk")
    )
    projects = VillageProjects(user, village)
    lines: list[ProjectLine] = projects.lines(user, year)
    plans = list(VillagePlan.objects.for_user(user).filter(unit=village).order_by("-first_year"))
    plan = next((one for one in plans if one.first_year <= year <= one.last_year), plans[0] if plans else None)
    assets: list[Asset] = list(
        Asset.objects.for_user(user)
        .filter(unit=village)
        .exclude(state="disposed")
        .select_related("contract", "project")
        .order_by("number")
    )
    findings: list[AuditFinding] = list(
        AuditFinding.objects.for_user(user)
        .filter(unit=village, closed_on=None)
        .select_related("project")
        .order_by("due_on")
    )
    return {
        "economy": economy,
        "band": band_name_of(village, county, economy),
        "aim": aim_of(user, village, economy),
        "dues": dues,
        "contracts": [(row, state_of(row, today)) for row in contracts],
        "projects": lines,
        "late": projects.late_milestones(today),
        "months": month_lines(economy, dues, contracts, projects.payments_by_month(year)),
        "income_labels": [Category(code).label for code in income_columns(economy)],
        "plan": plan,
        "plan_lines": plan_lines(plan, economy) if plan else [],
        "assets": assets,
        "asset_sum": _sum(row.value for row in assets),
        "findings": findings,
        "chart": economy.chart(),
    }
