"""Where a project's money is: boxes, bar, items, movements, income by month. Reads rows, writes nothing.

The caller has fetched the project in the reader's scope; what belongs to villages (ledger) is asked in their scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, QuerySet, Sum

from branches.months import after
from branches.scoping import paths_for
from collective_economy.lateness import percent_of
from collective_economy.models import FundSource, LedgerEntry, Payment, Project, ProjectShare, ProjectSource
from collective_economy.models.ledger import INCOME
from collective_economy.models.programmes import SUPPORT
from collective_economy.services.projects import paid_by_item
from collective_economy.sharing import allocate

if TYPE_CHECKING:
    from accounts.models import User

Kind, State = Payment.Kind, Payment.State
ZERO = Decimal(0)
CENT = Decimal("0.01")
BAR = Decimal(1000)
"""Length of the budget bar in its own units."""
MOST_MONTHS = 24


@dataclass(frozen=True)
class Sums:
    """Yuan of a project, or of one part of its sources."""

    requested: Decimal = ZERO
    approved: Decimal = ZERO
    received: Decimal = ZERO
    paid: Decimal = ZERO
    recalled: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        return self.received - self.paid - self.recalled

    @property
    def to_come(self) -> Decimal:
        """Approved and not handed out."""
        return self.approved - self.received


def sums_of(sources: Iterable[ProjectSource]) -> Sums:
    held = list(sources)
    names = ("requested", "approved", "received", "paid", "recalled")
    return Sums(**{name: sum((getattr(each, name) for each in held), ZERO) for name in names})


@dataclass(frozen=True)
class Money:
    """A project's money: all of it, support money and the rest."""

    sources: list[ProjectSource]

    @property
    def support_sources(self) -> list[ProjectSource]:
        return [each for each in self.sources if each.source in SUPPORT]

    @property
    def whole(self) -> Sums:
        return sums_of(self.sources)

    @property
    def support(self) -> Sums:
        return sums_of(self.support_sources)

    @property
    def own(self) -> Sums:
        """What the project brings itself: own, partner's, lent and other money."""
        return sums_of(each for each in self.sources if each.source not in SUPPORT)


def money_of(project: Project) -> Money:
    order = {source: place for place, source in enumerate(FundSource.values)}
    return Money(sorted(project.sources.all(), key=lambda each: order[each.source]))


# --- The bar ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Segment:
    """A part of the bar, in its units, and its class of colour."""

    code: str
    color: str
    amount: Decimal
    start: str
    width: str


def bar_of(money: Money) -> list[Segment]:
    """Paid, received and not used, recalled, support money to come, own money to come: together what was approved."""
    whole, parts, start = money.whole.approved, [], ZERO
    for code, color, amount in (
        ("paid", "f2", money.whole.paid),
        ("unused", "f7", money.whole.balance),
        ("recalled", "f6", money.whole.recalled),
        ("to_come", "f0", money.support.to_come),
        ("own_to_come", "fhatch", money.own.to_come),
    ):
        width = amount * BAR / whole if whole else ZERO
        if amount:
            parts.append(Segment(code, color, amount, _plain(start), _plain(width)))
        start += width
    return parts


def mark_of(percent: Decimal | None) -> str:
    """Where the passed time stands on the bar; empty without a plan."""
    return "" if percent is None else _plain(percent * BAR / 100)


def _plain(value: Decimal) -> str:
    return f"{value.quantize(CENT):f}"


# --- Items ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """A budget item with what was paid for it, in yuan. `budget` is None for what no item was named for."""

    name: str
    key: int | None
    budget: Decimal | None
    paid: Decimal

    @property
    def left(self) -> Decimal | None:
        return None if self.budget is None else self.budget - self.paid

    @property
    def percent(self) -> Decimal | None:
        return percent_of(self.paid, self.budget) if self.budget else None


def items_of(project: Project, paid: Decimal) -> list[Item]:
    """The items, then what was paid without one, so that they sum to `paid`. Two queries."""
    by_item = paid_by_item(project)
    lines = [Item(line.item, line.pk, line.amount, by_item.get(line.item, ZERO)) for line in project.budget.all()]
    rest = paid - sum(by_item.values(), ZERO)
    return [*lines, Item("", None, None, rest)] if rest else lines


# --- Movements --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Movement:
    """A confirmed movement in yuan: what came in, what went out, and support money left after it."""

    payment: Payment
    came: Decimal | None
    went: Decimal | None
    balance: Decimal | None
    paper_count: int


def movements_of(project: Project) -> list[Movement]:
    """All confirmed movements, newest first; reversals stand with a minus. One query.

    The balance is that of support money; movements of other money have none.
    """
    rows = (
        project.payments.filter(state=State.CONFIRMED)
        .select_related("source", "instalment", "budget_line")
        .annotate(paper_count=Count("attachments"))
        .order_by("paid_on", "pk")
    )
    found, balance = [], ZERO
    for payment in rows:
        amount = payment.amount if payment.reverses_id is None else -payment.amount
        came, went = (amount, None) if payment.kind == Kind.RECEIPT else (None, amount)
        is_support = payment.source.source in SUPPORT
        if is_support:
            balance += (came or ZERO) - (went or ZERO)
        found.append(Movement(payment, came, went, balance if is_support else None, payment.paper_count))
    return found[::-1]


def counts_of(movements: Sequence[Movement]) -> dict[str, int]:
    """Movements by kind, and how many payments have no paper."""
    payments = [each for each in movements if each.payment.kind == Kind.PAYMENT]
    return {
        "receipt": sum(each.payment.kind == Kind.RECEIPT for each in movements),
        "payment": len(payments),
        "without_paper": sum(not each.paper_count for each in payments),
    }


# --- Income -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Income:
    """Yuan of income in ledgers that name the project, by month. `is_open` is False where the reader sees no ledger.

    `is_part`: villages of the project lie outside the reader's sight, so theirs is missing here.
    """

    is_open: bool
    is_part: bool
    total: Decimal
    months: list[tuple[date, Decimal | None]]
    first: date | None = None
    last: date | None = None


def income_of(project: Project, shares: Sequence[ProjectShare], user: User) -> Income:
    """One query."""
    paths = paths_for(user, "collective_economy.view_ledgerentry")
    if not paths:
        return Income(False, False, ZERO, [])
    is_part = any(not share.path.startswith(tuple(paths)) for share in shares)
    rows = income_entries(project, user).order_by().values_list("month").annotate(sum=Sum("amount"))
    sums = {month: amount.quantize(CENT) for month, amount in rows}
    if not sums:
        return Income(True, is_part, ZERO, [])
    return Income(True, is_part, sum(sums.values(), ZERO), _months(sums), min(sums), max(sums))


def income_entries(project: Project, user: User) -> QuerySet[LedgerEntry]:
    """Entries of income that name the project, of villages in the reader's sight."""
    rows: QuerySet[LedgerEntry] = LedgerEntry.objects.for_user(user).filter(project=project, category__in=INCOME)
    return rows


def _months(sums: Mapping[date, Decimal]) -> list[tuple[date, Decimal | None]]:
    """Every month from the first to the last, the latest `MOST_MONTHS` of them; one without an entry is None."""
    month, last = min(sums), max(sums)
    found = []
    while month <= last:
        found.append((month, sums.get(month)))
        month = after(month)
    return found[-MOST_MONTHS:]


# --- Villages ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A village's share and its part of the project's money in yuan, to the cent."""

    share: ProjectShare
    approved: Decimal
    received: Decimal
    paid: Decimal


def parts_of(shares: Sequence[ProjectShare], whole: Sums) -> list[Part]:
    """By largest remainder, so that the parts sum to the whole (docs/rules/projects.md)."""
    percents = [share.percent for share in shares]
    columns = [allocate(amount.quantize(CENT), percents) for amount in (whole.approved, whole.received, whole.paid)]
    return [Part(share, *amounts) for share, *amounts in zip(shares, *columns, strict=True)]
