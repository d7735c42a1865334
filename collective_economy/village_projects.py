"""The projects a village takes part in, with its part of their money. Of a joint project the amounts are the village's
share, divided to the cent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import QuerySet, Sum

from branches.models import Unit
from collective_economy.incomes import CENT, percent_of
from collective_economy.models import LedgerEntry, Milestone, Payment, Project, ProjectShare, ProjectSource
from collective_economy.models.ledger import INCOME
from collective_economy.sharing import allocate
from collective_economy.stages import FINISHED

if TYPE_CHECKING:
    from accounts.models import User

OPERATING = ("operate", "evaluate", "audit", "done")


@dataclass(frozen=True, kw_only=True)
class ProjectLine:
    """A project as the village sees it: yuan of its part."""

    project: Project
    percent: Decimal
    approved: Decimal
    received: Decimal
    paid: Decimal
    recalled: Decimal
    income: Decimal
    """What the project brought this village in the year."""

    @property
    def balance(self) -> Decimal:
        return self.received - self.paid - self.recalled

    @property
    def is_joint(self) -> bool:
        return self.percent != 100

    @property
    def paid_percent(self) -> Decimal | None:
        return percent_of(self.paid, self.approved)

    @property
    def tone(self) -> str:
        """Of the chip of its stage."""
        if self.project.stage in ("stopped", "dropped"):
            return "warn"
        return "ok" if self.project.stage in OPERATING else "info"


class VillageProjects:
    """The village's projects and how each amount of them is divided. Two queries."""

    def __init__(self, user: User, village: Unit) -> None:
        visible = Project.objects.for_user(user).filter(shares__unit=village)
        self.projects: list[Project] = list(visible.select_related("programme").order_by("-year", "number").distinct())
        self.village = village
        self._shares: dict[int, list[tuple[int, Decimal]]] = defaultdict(list)
        shares = ProjectShare.objects.filter(project__in=self.projects).order_by("project", "path")
        for project, unit, percent in shares.values_list("project_id", "unit_id", "percent"):
            self._shares[project].append((unit, percent))

    def percent_of(self, project_id: int) -> Decimal:
        return dict(self._shares[project_id])[self.village.pk]

    def part_of(self, project_id: int, amount: Decimal) -> Decimal:
        """The village's part of an amount of the project, in yuan."""
        shares = self._shares[project_id]
        parts = allocate(amount, [percent for _unit, percent in shares])
        return next(part for (unit, _percent), part in zip(shares, parts, strict=True) if unit == self.village.pk)

    def lines(self, user: User, year: int) -> list[ProjectLine]:
        """Two queries."""
        keys = [project.pk for project in self.projects]
        sums: dict[int, dict[str, Decimal]] = {}
        names = ("approved", "received", "paid", "recalled")
        sources = ProjectSource.objects.filter(project__in=keys).order_by().values_list("project_id", *names)
        for project, *amounts in sources:
            held = sums.setdefault(project, dict.fromkeys(names, Decimal(0)))
            for name, amount in zip(names, amounts, strict=True):
                held[name] += amount
        incomes = _incomes(user, self.village, keys, year)
        empty = dict.fromkeys(names, Decimal(0))
        return [
            ProjectLine(
                project=project,
                percent=self.percent_of(project.pk),
                income=incomes.get(project.pk, Decimal(0)),
                **{name: self.part_of(project.pk, amount) for name, amount in sums.get(project.pk, empty).items()},
            )
            for project in self.projects
        ]

    def payments_by_month(self, year: int) -> dict[date, Decimal]:
        """What was paid out of the projects, the village's part: first day of the month -> yuan. One query.

        Confirmed payments, less those that were taken back.
        """
        rows = Payment.objects.filter(
            project__in=[project.pk for project in self.projects],
            kind="payment",
            state="confirmed",
            paid_on__year=year,
        ).order_by()
        sums: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
        for project, day, amount, reverses in rows.values_list("project_id", "paid_on", "amount", "reverses_id"):
            sums[project, day.replace(day=1)] += amount if reverses is None else -amount
        by_month: dict[date, Decimal] = defaultdict(Decimal)
        for (project, month), amount in sums.items():
            by_month[month] += self.part_of(project, amount)
        return dict(by_month)

    def late_milestones(self, today: date) -> list[Milestone]:
        """Of projects under way. One query."""
        open_ones = [project.pk for project in self.projects if project.stage not in FINISHED]
        rows: QuerySet[Milestone] = Milestone.objects.filter(project__in=open_ones, done_on=None, due_on__lt=today)
        return list(rows.select_related("project").order_by("due_on"))


def _incomes(user: User, village: Unit, projects: Sequence[int], year: int) -> dict[int, Decimal]:
    """Project -> yuan of income in the village's ledger of the year that names it; none without sight of ledgers."""
    rows = LedgerEntry.objects.for_user(user).filter(
        unit=village, project__in=projects, category__in=INCOME, month__year=year
    )
    sums = rows.order_by().values("project_id").annotate(sum=Sum("amount"))
    return {row["project_id"]: row["sum"].quantize(CENT) for row in sums}
