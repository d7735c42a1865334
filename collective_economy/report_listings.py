"""Tables that upper levels ask for: projects with their money, and a village's year of income (handbook 6.3, 8.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from branches.labels import label_of
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.models import Unit
from branches.record_forms import FilterForm
from collective_economy.incomes import Income, yearly_income
from collective_economy.listings import LedgerFilter, months_shown
from collective_economy.models import FundSource, LedgerEntry, Project, ProjectShare, Stage
from collective_economy.models.ledger import EXPENSE, INCOME
from collective_economy.project_forms import ProjectFilter
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

MONEY, WHOLE = "#,##0.00", "0"
UNAPPROVED = (Stage.POOL, Stage.APPLY, Stage.REVIEW, Stage.APPROVE, Stage.DROPPED)


class Projects(PlaceListing):
    """A project on each line: who takes part, its money by source, how far it is, what it brings."""

    name = "projects"
    label = gettext_lazy("Table of projects")
    permission = "collective_economy.view_project"
    url_name = "collective_economy:project_list"
    TEXTS = ("number", "name", "year")
    PLAN = ("start_on", "finish_on", "accepted_on")
    COUNTS = ("progress_percent", "household_count", "job_count")
    OUTCOME = ("expected_income", "actual_income")
    CONTROL = ("partner", "lead_unit", "responsible_name", "approval_document")

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        def named(*names: str, number: str = "") -> Iterator[OutColumn]:
            return (OutColumn(name, label_of(Project, name), number) for name in names)

        yuan = _("yuan")
        return (
            OutColumn("township", _("Place")),
            OutColumn("villages", _("Villages taking part")),
            *named(*self.TEXTS),
            OutColumn("programme", label_of(Project, "programme")),
            OutColumn("model", label_of(Project, "business_model")),
            OutColumn("total", f"{_('Investment in all')} ({yuan})", MONEY),
            *(OutColumn(source, f"{label} ({yuan})", MONEY) for source, label in FundSource.choices),
            OutColumn("received", f"{pgettext('project', 'received')} ({yuan})", MONEY),
            OutColumn("paid", f"{pgettext('project', 'paid')} ({yuan})", MONEY),
            OutColumn("balance", f"{_('balance')} ({yuan})", MONEY),
            OutColumn("stage", label_of(Project, "stage")),
            *named(*self.COUNTS, number=WHOLE),
            *named(*self.PLAN),
            *named(*self.OUTCOME, number=MONEY),
            *named(*self.CONTROL),
        )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return ProjectFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        rows = ProjectFilter(filters, user=user).shown(Project.objects.for_user(user), today)
        parts = ("shares__unit", "sources")
        return rows.select_related("programme", "unit").prefetch_related(*parts).order_by("-year", "path", "number")  # type: ignore[no-any-return]

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        for project in rows.iterator(CHUNK):
            shares = sorted(project.shares.all(), key=lambda share: share.path)
            yield {
                "township": project.unit.name,
                "villages": "、".join(_share_words(shares)),
                "programme": project.programme.name if project.programme else None,
                "model": project.get_business_model_display(),
                "stage": project.get_stage_display(),
                **_money(project),
                **{
                    name: getattr(project, name)
                    for name in (*self.TEXTS, *self.COUNTS, *self.PLAN, *self.OUTCOME, *self.CONTROL)
                },
            }


def _share_words(shares: Collection[ProjectShare]) -> Iterator[str]:
    for share in shares:
        name = share.unit.short_name
        yield name if len(shares) == 1 else f"{name} {share.percent.normalize():f}%"


def _money(project: Project) -> dict[str, Decimal]:
    """Yuan by source: approved ones, and what was asked for before the approval."""
    sources = list(project.sources.all())
    field = "requested" if project.stage in UNAPPROVED else "approved"
    by_source = {source.source: getattr(source, field) for source in sources if getattr(source, field)}
    return {
        **by_source,
        "total": sum(by_source.values(), Decimal(0)),
        "received": sum((source.received for source in sources), Decimal(0)),
        "paid": sum((source.paid for source in sources), Decimal(0)),
        "balance": sum((source.balance for source in sources), Decimal(0)),
    }


class IncomeYears(PlaceListing):
    """A village's year on each line, with both totals and the projects that carry it."""

    name = "income_years"
    label = gettext_lazy("Table of yearly income")
    permission = "collective_economy.view_ledgermonth"
    url_name = "collective_economy:ledger"

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        labels, yuan = dict(LedgerEntry.Category.choices), _("yuan")

        def money(name: str, heading: object) -> OutColumn:
            return OutColumn(name, f"{heading} ({yuan})", MONEY)

        return (
            TOWNSHIP,
            VILLAGE,
            OutColumn("year", _("Year"), WHOLE),
            *(money(name, labels[name]) for name in INCOME),
            money("total", _("Income in all")),
            money("operating_total", _("Operating income in all")),
            *(money(name, labels[name]) for name in EXPENSE),
            money("result", _("Income less expense")),
            OutColumn("projects", _("Main projects")),
        )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return LedgerFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        """Months of the year that the page shows, this year's without one."""
        chosen = {**filters, "year": filters.get("year") or str(today.year)}
        form = LedgerFilter(chosen, user=user, permission=self.permission)
        return months_shown(user, form).order_by("path", "month")

    def count(self, rows: QuerySet[Any]) -> int:
        return rows.order_by().values("unit_id", "month__year").distinct().count()

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        keys = set(rows.order_by().values_list("unit_id", "month__year").distinct())
        units = list(Unit.objects.filter(pk__in={unit for unit, _year in keys}).order_by("path"))
        incomes = yearly_income([unit.pk for unit in units], {year for _unit, year in keys})
        townships, projects = townships_by_path(), _projects_of(units)
        for unit in units:
            for year, income in sorted(incomes.get(unit.pk, {}).items()):
                if (unit.pk, year) in keys:
                    place = place_cells(unit, townships)
                    yield {**place, "year": year, **_year(income), "projects": "、".join(projects[unit.pk])}


def _year(income: Income) -> dict[str, Decimal | None]:
    return {
        **{name: income.amounts.get(name) for name in (*INCOME, *EXPENSE)},
        "total": income.total,
        "operating_total": income.operating,
        "result": income.total - income.expense,
    }


def _projects_of(units: Iterable[Unit]) -> dict[int, list[str]]:
    """Key of a village -> names of the approved projects it takes part in. One query."""
    found: dict[int, list[str]] = defaultdict(list)
    shares = ProjectShare.objects.filter(unit__in=[unit.pk for unit in units]).exclude(project__stage__in=UNAPPROVED)
    for unit, name in shares.order_by("project__number").values_list("unit_id", "project__name"):
        found[unit].append(name)
    return found
