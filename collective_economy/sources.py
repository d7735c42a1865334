"""What assessments can rank villages by from ledgers, projects, receivables and audits: codes, labels, pages.

Every source answers for all villages in a constant number of queries. Rules: docs/rules/economy-indicators.md;
docs/indicators.md lists the sources.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from branches.indicators import IndicatorSource, SpanSource
from collective_economy import income_sources, project_sources


def _list(name: str, village_id: int, **more: object) -> str:
    return f"{reverse(f'collective_economy:{name}')}?{urlencode({'village': village_id, **more})}"


def _year(village_id: int, month: date) -> str:
    """The months of the ledger in the year."""
    return _list("ledger", village_id, year=month.year)


def _entries(village_id: int, month: date) -> str:
    """The entries of the month."""
    return reverse("collective_economy:ledger_month", args=[village_id, month])


def _contracts(village_id: int, month: date) -> str:
    return _list("contract_list", village_id)


def _projects(village_id: int, month: date) -> str:
    return _list("project_list", village_id)


def _findings(village_id: int, month: date) -> str:
    return _list("finding_list", village_id)


def _misuse(village_id: int, month: date) -> str:
    return _list("finding_list", village_id, kind="misuse")


def _year_of_round(village_id: int, first: date, last: date) -> str:
    return _year(village_id, last)


def _contracts_of_round(village_id: int, first: date, last: date) -> str:
    return _list("contract_list", village_id)


def _projects_of_round(village_id: int, first: date, last: date) -> str:
    return _list("project_list", village_id)


def _assets_of_round(village_id: int, first: date, last: date) -> str:
    return _list("asset_list", village_id)


def _misuse_of_round(village_id: int, first: date, last: date) -> str:
    return _misuse(village_id, last)


YUAN = gettext_lazy("yuan")

SOURCES: tuple[IndicatorSource, ...] = (
    IndicatorSource(
        code="collective_economy.income_progress",
        label=gettext_lazy("Operating income of the year so far ÷ target of the year × month ÷ 12"),
        unit=YUAN,
        higher_is_better=True,
        compute=income_sources.income_progress,
        records=_year,
    ),
    IndicatorSource(
        code="collective_economy.ledger_complete",
        label=gettext_lazy("Ledger entries of the month with voucher ÷ entries"),
        unit=pgettext_lazy("ledger", "entries"),
        higher_is_better=True,
        compute=income_sources.ledger_complete,
        records=_entries,
    ),
    IndicatorSource(
        code="collective_economy.receivables_collected",
        label=gettext_lazy("Receivables of the year so far received ÷ due by contract"),
        unit=YUAN,
        higher_is_better=True,
        compute=income_sources.receivables_collected,
        records=_contracts,
    ),
    IndicatorSource(
        code="collective_economy.project_days_late",
        label=gettext_lazy("Days that the project furthest behind is late"),
        unit=pgettext_lazy("count", "days"),
        higher_is_better=False,
        compute=project_sources.project_days_late,
        records=_projects,
    ),
    IndicatorSource(
        code="collective_economy.payment_progress",
        label=gettext_lazy("Support money paid by projects ÷ instalments planned so far"),
        unit=YUAN,
        higher_is_better=True,
        compute=project_sources.payment_progress,
        records=_projects,
    ),
    IndicatorSource(
        code="collective_economy.first_income",
        label=gettext_lazy("New projects that brought their first operating income in the month"),
        unit=pgettext_lazy("count", "projects"),
        higher_is_better=True,
        compute=project_sources.first_income,
        kind="adjustment",
        records=_entries,
    ),
    IndicatorSource(
        code="collective_economy.findings_overdue",
        label=gettext_lazy("Audit findings past their day and not closed"),
        unit=pgettext_lazy("count", "findings"),
        higher_is_better=False,
        compute=project_sources.findings_overdue,
        kind="adjustment",
        records=_findings,
    ),
    IndicatorSource(
        code="collective_economy.assets_unregistered",
        label=gettext_lazy("Accepted projects without asset card after 30 days"),
        unit=pgettext_lazy("count", "projects"),
        higher_is_better=False,
        compute=project_sources.assets_unregistered,
        kind="adjustment",
        records=_projects,
    ),
    IndicatorSource(
        code="collective_economy.misuse_confirmed",
        label=gettext_lazy("Misuse of funds confirmed in the month"),
        unit=pgettext_lazy("count", "findings"),
        higher_is_better=False,
        compute=project_sources.misuse_confirmed,
        kind="adjustment",
        records=_misuse,
    ),
)

SPANS: tuple[SpanSource, ...] = (
    SpanSource(
        code="collective_economy.income_of_twelve_months",
        label=gettext_lazy("Operating income of the twelve months that end with the round"),
        unit=YUAN,
        compute=income_sources.income_of_twelve_months,
        records=_year_of_round,
    ),
    SpanSource(
        code="collective_economy.income_growth",
        label=gettext_lazy("Growth of operating income against the same months a year before"),
        unit="%",
        compute=income_sources.income_growth,
        records=_year_of_round,
    ),
    SpanSource(
        code="collective_economy.receivables_of_round",
        label=gettext_lazy("Receivables received ÷ due by contract in the round"),
        unit=YUAN,
        compute=income_sources.receivables_of_round,
        records=_contracts_of_round,
    ),
    SpanSource(
        code="collective_economy.projects_on_schedule",
        label=gettext_lazy("Progress and payment of projects on schedule on the last day ÷ all"),
        unit=pgettext_lazy("count", "items"),
        compute=project_sources.projects_on_schedule,
        records=_projects_of_round,
    ),
    SpanSource(
        code="collective_economy.projects_operating",
        label=gettext_lazy("Projects with benefit link that earn ÷ those in operation"),
        unit=pgettext_lazy("count", "projects"),
        compute=project_sources.projects_operating,
        records=_projects_of_round,
    ),
    SpanSource(
        code="collective_economy.project_income_as_agreed",
        label=gettext_lazy("Projects whose income came and was shared as agreed ÷ projects with some due"),
        unit=pgettext_lazy("count", "projects"),
        compute=project_sources.project_income_as_agreed,
        records=_contracts_of_round,
    ),
    SpanSource(
        code="collective_economy.project_assets_kept",
        label=gettext_lazy("Projects whose assets are registered and kept up ÷ accepted projects"),
        unit=pgettext_lazy("count", "projects"),
        compute=project_sources.project_assets_kept,
        records=_assets_of_round,
    ),
    SpanSource(
        code="collective_economy.misuse_in_round",
        label=gettext_lazy("Confirmed findings of misuse not closed before the round"),
        unit=pgettext_lazy("count", "findings"),
        compute=project_sources.misuse_in_round,
        records=_misuse_of_round,
    ),
    SpanSource(
        code="collective_economy.acceptance_overdue",
        label=gettext_lazy("Projects with acceptance overdue by more than 90 days"),
        unit=pgettext_lazy("count", "projects"),
        compute=project_sources.acceptance_overdue,
        records=_projects_of_round,
    ),
)
