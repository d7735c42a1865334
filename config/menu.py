"""The main menu: what there is, in which group, and who finds it there.

An entry that the user may not open is absent, not grey. A count stands only at work the user must do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from accounts.models import User


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the menu.

    `permission` is a permission string, several of which one is enough, a question to ask of the
    user, or None for everybody. `count` is a key of the request's counts.
    """

    label: str | Promise
    icon: str
    url_name: str
    permission: str | tuple[str, ...] | Callable[[User | AnonymousUser], bool] | None = None
    count: str = ""


@dataclass(frozen=True)
class Group:
    label: str | Promise
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Item:
    """An entry as one user sees it on one page."""

    label: str | Promise
    icon: str
    url: str
    count: int
    is_current: bool = False


@dataclass(frozen=True)
class ItemGroup:
    label: str | Promise
    items: tuple[Item, ...]


MENU: tuple[Group, ...] = (
    Group(
        "",
        (
            Entry(label=_("Workbench"), icon="layout-dashboard", url_name="admin:index"),
            Entry(label=_("To do"), icon="checklist", url_name="assessments:todo", count="todo"),
        ),
    ),
    Group(
        _("Organizations and cadres"),
        (
            Entry(
                label=_("Units"),
                icon="map-pin",
                url_name="admin:branches_unit_changelist",
                permission="branches.view_unit",
            ),
            Entry(
                label=_("Party organizations"),
                icon="hierarchy",
                url_name="admin:branches_branch_changelist",
                permission="branches.view_branch",
            ),
            Entry(
                label=_("Village cards"),
                icon="building-community",
                url_name="branches:village_list",
                permission="branches.view_village",
            ),
            Entry(
                label=_("Village cadres"),
                icon="users",
                url_name="cadres:person_list",
                permission="cadres.view_person",
            ),
            Entry(
                label=_("Trainings"),
                icon="school",
                url_name="cadres:training_list",
                permission="cadres.view_training",
            ),
            Entry(
                label=_("Organisational life"),
                icon="calendar-event",
                url_name="branches:life_list",
                permission="branches.view_organisationallife",
            ),
            Entry(
                label=_("Village decisions"),
                icon="gavel",
                url_name="branches:decision_list",
                permission="branches.view_decision",
            ),
            Entry(
                label=_("Reserve cadres"),
                icon="user-plus",
                url_name="reserve:list",
                permission="cadres.view_reservecadre",
                count="reserve",
            ),
            Entry(
                label=_("Statistics of cadres"),
                icon="chart-line",
                url_name="reserve:statistics",
                permission="cadres.view_person",
            ),
        ),
    ),
    Group(
        _("Monthly work"),
        (
            Entry(
                label=_("Enter figures"),
                icon="table",
                url_name="assessments:return_list",
                permission=("assessments.enter_return", "assessments.enter_county_return"),
                count="entry",
            ),
            Entry(
                label=_("Review submissions"),
                icon="clipboard-check",
                url_name="assessments:review_list",
                permission="assessments.review_return",
                count="review",
            ),
            Entry(
                label=_("Months"),
                icon="calendar-time",
                url_name="assessments:period_list",
                permission=("assessments.close_period", "assessments.publish_ranking"),
                count="months",
            ),
            Entry(
                label=_("Bonuses and penalties"),
                icon="medal",
                url_name="assessments:adjustment_list",
                permission="assessments.view_adjustment",
            ),
            Entry(
                label=_("Monthly ranking"),
                icon="chart-bar",
                url_name="assessments:board",
                permission="assessments.view_ranking",
                count="publish",
            ),
            Entry(
                label=_("Objections"),
                icon="message-report",
                url_name="assessments:appeal_list",
                permission="assessments.view_appeal",
                count="appeals",
            ),
        ),
    ),
    Group(
        _("Assessment and incentives"),
        (
            Entry(
                label=_("Red flags"),
                icon="flag",
                url_name="assessments:flag_board",
                permission="assessments.view_flagapplication",
            ),
            Entry(
                label=_("Applications for flags"),
                icon="clipboard-list",
                url_name="assessments:flag_list",
                permission="assessments.view_flagapplication",
                count="flags",
            ),
            Entry(
                label=_("Pay by flags and grades"),
                icon="receipt",
                url_name="assessments:pay",
                permission="assessments.view_paysheet",
                count="pay",
            ),
            Entry(
                label=_("Yearly assessment"),
                icon="scale",
                url_name="assessments:year_list",
                permission=("assessments.view_yearassessment", "assessments.add_departmentscore"),
                count="year",
            ),
        ),
    ),
    Group(
        _("Collective economy"),
        (
            Entry(
                label=_("Overview"),
                icon="columns",
                url_name="collective_economy:overview",
                permission="collective_economy.view_project",
            ),
            Entry(
                label=_("Support programmes"),
                icon="building-bank",
                url_name="collective_economy:programme_list",
                permission="collective_economy.view_programme",
            ),
            Entry(
                label=_("Projects"),
                icon="briefcase",
                url_name="collective_economy:project_list",
                permission="collective_economy.view_project",
            ),
            Entry(
                label=_("Payments"),
                icon="send",
                url_name="collective_economy:payment_list",
                permission="collective_economy.view_payment",
                count="payments",
            ),
            Entry(
                label=_("Risk flags"),
                icon="alert-circle",
                url_name="collective_economy:risk_list",
                permission="collective_economy.view_project",
            ),
            Entry(
                label=_("Ledger of income"),
                icon="coins",
                url_name="collective_economy:ledger",
                permission="collective_economy.view_ledgerentry",
            ),
            Entry(
                label=_("Bands of income"),
                icon="category",
                url_name="collective_economy:bands",
                permission="collective_economy.view_ledgermonth",
            ),
            Entry(
                label=_("Income targets"),
                icon="target",
                url_name="collective_economy:targets",
                permission="collective_economy.view_incometarget",
            ),
            Entry(
                label=_("Month close"),
                icon="lock",
                url_name="collective_economy:month_close",
                permission=("collective_economy.close_ledgermonth", "collective_economy.change_ledgermonth"),
            ),
            Entry(
                label=_("Contracts and receivables"),
                icon="file-text",
                url_name="collective_economy:contract_list",
                permission="collective_economy.view_contract",
            ),
            Entry(
                label=_("Asset cards"),
                icon="archive",
                url_name="collective_economy:asset_list",
                permission="collective_economy.view_asset",
            ),
            Entry(
                label=_("Audit findings"),
                icon="alert-triangle",
                url_name="collective_economy:finding_list",
                permission="collective_economy.view_auditfinding",
            ),
            Entry(
                label=_("Check of sums"),
                icon="calculator",
                url_name="collective_economy:verification",
                permission="collective_economy.confirm_payment",
            ),
        ),
    ),
    Group(
        _("Tools"),
        (
            Entry(
                label=_("Import of rosters"),
                icon="file-import",
                url_name="imports:list",
                permission="imports.view_importbatch",
            ),
            Entry(
                label=_("My exports"),
                icon="file-export",
                url_name="exports:list",
                permission="imports.view_exportfile",
            ),
            Entry(
                label=_("Exports to approve"),
                icon="shield-lock",
                url_name="exports:approvals",
                permission="imports.approve_exportfile",
                count="exports",
            ),
            Entry(
                label=_("Indicators and rules"),
                icon="adjustments",
                url_name="assessments:scheme_list",
                permission="assessments.view_scheme",
            ),
            Entry(
                label=_("Holidays"),
                icon="calendar",
                url_name="assessments:holidays",
                permission="branches.change_workdayexception",
            ),
            Entry(
                label=_("Accounts"),
                icon="user",
                url_name="admin:accounts_user_changelist",
                permission="accounts.view_user",
            ),
            Entry(
                label=_("Roles"),
                icon="shield-check",
                url_name="admin:branches_membership_changelist",
                permission="branches.view_membership",
                count="roles",
            ),
            Entry(
                label=_("Jobs"),
                icon="activity",
                url_name="admin:accounts_job_changelist",
                permission="accounts.view_job",
            ),
            Entry(
                label=_("Audit trail"),
                icon="history",
                url_name="admin:accounts_auditevent_changelist",
                permission=(
                    "accounts.view_auditevent",
                    "accounts.view_business_auditevent",
                    "accounts.view_own_auditevent",
                ),
            ),
        ),
    ),
)


def menu_for(request: HttpRequest, counts: Mapping[str, int]) -> tuple[ItemGroup, ...]:
    """The groups of the menu with what the user may open, the entry of this page marked."""
    groups = [ItemGroup(group.label, _items(group, request, counts)) for group in MENU]
    current = _current_url(request.path, [item.url for group in groups for item in group.items])
    return tuple(
        ItemGroup(group.label, tuple(replace(item, is_current=item.url == current) for item in group.items))
        for group in groups
        if group.items
    )


def url_or_none(url_name: str) -> str | None:
    """The address, or None where that part of the product is not installed."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return None


def _items(group: Group, request: HttpRequest, counts: Mapping[str, int]) -> tuple[Item, ...]:
    found = ((entry, url_or_none(entry.url_name)) for entry in group.entries if _may_open(request.user, entry))
    return tuple(Item(entry.label, entry.icon, url, counts.get(entry.count, 0)) for entry, url in found if url)


def _may_open(user: User | AnonymousUser, entry: Entry) -> bool:
    if entry.permission is None:
        return True
    if callable(entry.permission):
        return entry.permission(user)
    wanted = (entry.permission,) if isinstance(entry.permission, str) else entry.permission
    return any(user.has_perm(permission) for permission in wanted)


def _current_url(path: str, urls: list[str]) -> str | None:
    """The longest address that the path lies under; the home page only counts for itself."""
    home = reverse("admin:index")
    under = [url for url in urls if path == url or (url != home and path.startswith(url))]
    return max(under, key=len, default=None)
