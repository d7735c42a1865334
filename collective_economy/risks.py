"""Risk flags (handbook 6.7): what may go wrong with the money, found in the rows as they stand on a day.

Nothing of it is stored. Each kind is one condition on one table, so the number of queries is the same for any number of
projects. Rule: docs/rules/funds.md, "Risk flags".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, ExtractDay, ExtractMonth, ExtractYear, Greatest, Round
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from branches.models import Unit
from branches.scoping import paths_for
from collective_economy import arrears, stages
from collective_economy.models import Asset, Contract, Payment, Project, ProjectShare, ProjectSource, Receivable
from collective_economy.models.programmes import SUPPORT

if TYPE_CHECKING:
    from accounts.models import User

MANY_VILLAGES = 3
"""From so many villages on, one partner is a risk for all of them."""
LONG_YEARS = 10
"""Years beyond which a contract binds the collective for too long."""
CENT = Decimal("0.01")
Rows = QuerySet[Any]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Rows among which risks are looked for; none where the user has no right to that table."""

    projects: Rows
    sources: Rows
    contracts: Rows
    receivables: Rows

    def under(self, path: str) -> Sight:
        """Of a place and everything below it; a joint project belongs to the place of each of its villages."""
        if not path:
            return self
        shares = ProjectShare.objects.filter(path__startswith=path).values("project")
        return Sight(
            projects=self.projects.filter(Q(path__startswith=path) | Q(pk__in=shares)),
            sources=self.sources.filter(Q(project__path__startswith=path) | Q(project__in=shares)),
            contracts=self.contracts.filter(path__startswith=path),
            receivables=self.receivables.filter(path__startswith=path),
        )


def sight_of(user: User) -> Sight:
    """Sub-rows of a project follow the project."""
    projects = Project.objects.for_user(user)
    return Sight(
        projects=projects,
        sources=ProjectSource.objects.filter(project__in=projects),
        contracts=Contract.objects.for_user(user),
        receivables=Receivable.objects.for_user(user),
    )


# --- The kinds -------------------------------------------------------------------------------


def idle_money(sight: Sight, today: date) -> Rows:
    """Support money that was received, not spent, and has not moved for more than 90 days. `since`: the last move."""
    moves = Payment.objects.filter(source=OuterRef("pk"), state=Payment.State.CONFIRMED).order_by("-paid_on")
    return (
        sight.sources.filter(source__in=SUPPORT, received__gt=Round(F("paid") + F("recalled"), 2))
        .filter(~Exists(moves.order_by().filter(paid_on__gte=today - stages.IDLE_AFTER)))
        .annotate(since=Subquery(moves.values("paid_on")[:1]))
        .order_by("since", "pk")
    )


def late_income(sight: Sight, today: date) -> Rows:
    """What is due by a contract and did not come in full within 30 days."""
    return arrears.overdue(sight.receivables, today, arrears.LONG).order_by("due_on", "path", "pk")


def unsecured_shares(sight: Sight, today: date) -> Rows:
    """Money put into a firm without a guarantee."""
    return _running(sight.contracts, today).filter(kind=Contract.Kind.SHARE, guarantee="").order_by("starts_on", "pk")


def common_partners(sight: Sight, today: date) -> Rows:
    """One partner with running contracts in many villages. Builders are not partners: they are paid and go."""
    contracts = _running(sight.contracts, today).exclude(kind=Contract.Kind.BUILD)
    by_number = Case(When(party_number="", then=F("party")), default=F("party_number"))
    return (
        contracts.order_by()
        .annotate(partner=by_number)
        .values("partner")
        .annotate(
            villages=Count("unit", distinct=True),
            since=Min("starts_on"),
            amount=Sum("yearly_amount"),
            name=Min("party"),
            place=Min("path"),
        )
        .filter(villages__gte=MANY_VILLAGES)
        .order_by("-villages", "partner")
    )


def long_contracts(sight: Sight, today: date) -> Rows:
    """Running contracts of more than ten years: from 1 January 2020 to 31 December 2029 is not more."""

    def key(name: str) -> Any:
        return ExtractYear(name) * 10_000 + ExtractMonth(name) * 100 + ExtractDay(name)

    rows = _running(sight.contracts, today).annotate(first=key("starts_on"), last=key("ends_on"))
    return rows.filter(last__gte=F("first") + LONG_YEARS * 10_000).order_by("starts_on", "pk")


def missing_cards(sight: Sight, today: date) -> Rows:
    """Accepted for more than 30 days, and no asset card."""
    return (
        sight.projects.filter(accepted_on__lt=today - stages.CARD_WITHIN, stage__in=(*stages.WITH_MONEY, "done"))
        .filter(~Exists(Asset.objects.filter(project=OuterRef("pk"))))
        .order_by("accepted_on", "pk")
    )


def idle_projects(sight: Sight, today: date) -> Rows:
    """Work that has not begun 90 days after the release of support money: the later one of the programme's release and
    the approval."""
    released = Greatest(F("approved_on"), Coalesce(F("programme__released_on"), F("approved_on")))
    support = ProjectSource.objects.filter(project=OuterRef("pk"), source__in=SUPPORT, approved__gt=0)
    return (
        sight.projects.filter(Exists(support), stage__in=stages.IN_WORK, started_on__isnull=True)
        .annotate(released=released)
        .filter(released__lt=today - stages.START_WITHIN)
        .order_by("released", "pk")
    )


def late_own_money(sight: Sight, today: date) -> Rows:
    """Money that the project brings itself and that did not come by its day."""
    return (
        sight.sources.exclude(source__in=SUPPORT)
        .filter(due_on__lt=today, received__lt=F("approved"), project__stage__in=stages.WITH_MONEY)
        .order_by("due_on", "pk")
    )


def _running(contracts: Rows, today: date) -> Rows:
    return contracts.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=today), starts_on__lte=today, ends_on__gte=today)


@dataclass(frozen=True, kw_only=True)
class Risk:
    """One flag. `amount` in yuan, None where the flag is not about an amount. `target`: the row that it opens, as
    the name of an address, its key, and the conditions of a list."""

    kind: str
    place: Unit | None
    what: str
    since: date
    amount: Decimal | None
    target: tuple[str, int | None, Mapping[str, str]]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`find` gives the rows, `related` what `tell` reads of them."""

    label: str | Promise
    explanation: str | Promise
    find: Callable[[Sight, date], Rows]
    tell: Callable[[Any], dict[str, Any]]
    related: Sequence[str] = ()


def _of_source(amount: Callable[[ProjectSource], Decimal], since: str) -> Callable[[Any], dict[str, Any]]:
    def tell(source: Any) -> dict[str, Any]:
        return {
            "place": source.project.unit,
            "what": source.project.name,
            "note": source.get_source_display(),
            "since": getattr(source, since),
            "amount": amount(source),
            "target": ("project", source.project_id, {}),
        }

    return tell


def _of_project(since: Callable[[Any], date]) -> Callable[[Any], dict[str, Any]]:
    def tell(project: Any) -> dict[str, Any]:
        return {
            "place": project.unit,
            "what": project.name,
            "since": since(project),
            "amount": project.sum_approved,
            "target": ("project", project.pk, {}),
        }

    return tell


def _of_contract(contract: Any) -> dict[str, Any]:
    return {
        "place": contract.unit,
        "what": f"{contract.number} {contract.party}",
        "note": contract.subject,
        "since": contract.starts_on,
        "amount": contract.yearly_amount,
        "target": ("contract", contract.pk, {}),
    }


def _of_receivable(receivable: Any) -> dict[str, Any]:
    return _of_contract(receivable.contract) | {"since": receivable.due_on, "amount": receivable.missing}


def _of_partner(row: Any) -> dict[str, Any]:
    words = ngettext("in %(n)d village", "in %(n)d villages", row["villages"]) % {"n": row["villages"]}
    return {
        "place": None,
        "what": row["name"],
        "note": words,
        "since": row["since"],
        "amount": row["amount"].quantize(CENT),
        "target": ("contract_list", None, {"q": row["name"]}),
    }


PROJECT, SOURCE, CONTRACT, RECEIVABLE = ("unit",), ("project__unit",), ("unit",), ("contract__unit",)

KINDS: dict[str, Kind] = {
    "idle_money": Kind(
        label=_("Money idle"),
        explanation=_("support money without a movement for more than 90 days"),
        find=idle_money,
        tell=_of_source(lambda source: source.balance, "since"),
        related=SOURCE,
    ),
    "late_income": Kind(
        label=_("Income late"),
        explanation=_("not received 30 days after it was due"),
        find=late_income,
        tell=_of_receivable,
        related=RECEIVABLE,
    ),
    "unsecured_share": Kind(
        label=_("Share without guarantee"),
        explanation=_("money in a firm, no guarantee in the contract"),
        find=unsecured_shares,
        tell=_of_contract,
        related=CONTRACT,
    ),
    "common_partner": Kind(
        label=_("One partner, many villages"),
        explanation=_("running contracts with three villages or more"),
        find=common_partners,
        tell=_of_partner,
    ),
    "long_contract": Kind(
        label=_("Contract too long"),
        explanation=_("more than ten years"),
        find=long_contracts,
        tell=_of_contract,
        related=CONTRACT,
    ),
    "missing_card": Kind(
        label=_("No asset card"),
        explanation=_("30 days after the acceptance"),
        find=missing_cards,
        tell=_of_project(lambda project: project.accepted_on),
        related=PROJECT,
    ),
    "idle_project": Kind(
        label=_("Work not begun"),
        explanation=_("90 days after the release of the money"),
        find=idle_projects,
        tell=_of_project(lambda project: project.released + stages.START_WITHIN),
        related=PROJECT,
    ),
    "late_own_money": Kind(
        label=_("Own money late"),
        explanation=_("the project's own money is not there by its day"),
        find=late_own_money,
        tell=_of_source(lambda source: source.approved - source.received, "due_on"),
        related=SOURCE,
    ),
}
OF_PROJECTS = ("idle_money", "missing_card", "idle_project", "late_own_money")
OF_CONTRACTS = ("late_income", "unsecured_share", "common_partner", "long_contract")


def kinds_for(user: User) -> list[str]:
    """Kinds that stand on tables which the user may read at all."""
    open_ones: set[str] = set()
    if paths_for(user, "collective_economy.view_project"):
        open_ones |= set(OF_PROJECTS)
    if paths_for(user, "collective_economy.view_contract"):
        open_ones |= set(OF_CONTRACTS)
    return [code for code in KINDS if code in open_ones]


def counts(sight: Sight, today: date, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, int]:
    """Kind -> how many there are. One query for each kind."""
    return {code: KINDS[code].find(sight, today).count() for code in kinds}


def listed(sight: Sight, today: date, found: Mapping[str, int], start: int, stop: int) -> list[Risk]:
    """The flags from `start` to `stop` of all kinds one after the other, the oldest first in each.

    `found`: kinds with their counts, as `counts` gave them. At most one query for each kind.
    """
    risks: list[Risk] = []
    for code, count in found.items():
        first, last = max(start, 0), min(stop, count)
        if first < last:
            risks += _told(code, sight, today, first, last)
        start, stop = start - count, stop - count
    return risks


def _told(code: str, sight: Sight, today: date, first: int, last: int) -> list[Risk]:
    kind = KINDS[code]
    rows = kind.find(sight, today)
    if kind.related:
        rows = rows.select_related(*kind.related)
    if rows.model is Project:
        money = ProjectSource.objects.filter(project=OuterRef("pk")).order_by().values("project")
        rows = rows.annotate(sum_approved=Subquery(money.annotate(sum=Sum("approved")).values("sum")))
    return [Risk(kind=code, **kind.tell(row)) for row in rows[first:last]]
