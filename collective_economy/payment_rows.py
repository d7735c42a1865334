"""Movements of money as pages show them: which of them a user sees, and what each would leave of its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When
from django.http import Http404

from branches.months import after
from collective_economy.models import BudgetLine, Instalment, Payment, Project, ProjectSource
from collective_economy.models.programmes import SUPPORT
from collective_economy.services.payments import COUNTED, conditions_reached

if TYPE_CHECKING:
    from accounts.models import User
    from collective_economy.payment_forms import PaymentFilter

Kind, State = Payment.Kind, Payment.State
CENT = Decimal("0.01")
ZERO = Decimal(0)


# --- Which ones ------------------------------------------------------------------------------


def payments_seen(user: User) -> QuerySet[Any]:
    """Payments of the projects the user sees, those of several townships in which a village takes part too."""
    return Payment.objects.filter(project__in=Project.objects.for_user(user))


def payment_for(user: User, pk: int) -> Payment:
    """Http404 where its project is not in sight."""
    related = ("project__unit", "source", "instalment", "budget_line", "reverses", "entered_by", "decided_by")
    payment = payments_seen(user).filter(pk=pk).select_related(*related).first()
    if payment is None:
        raise Http404
    return payment  # type: ignore[no-any-return]


def payments_shown(user: User, filters: PaymentFilter) -> QuerySet[Any]:
    """Rows of the list by its conditions, those that wait first; none for a wrong condition."""
    rows: QuerySet[Any] = filters.under(payments_seen(user), "project__path")
    if not filters.is_valid():
        return rows
    given = filters.cleaned_data
    if given["state"]:
        rows = rows.filter(state=given["state"])
    if given["kind"]:
        rows = rows.filter(kind=given["kind"])
    if given["month"]:
        rows = rows.filter(paid_on__gte=given["month"], paid_on__lt=after(given["month"]))
    if given["project"]:
        rows = rows.filter(project=given["project"])
    waits = Case(When(state=State.ENTERED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.select_related("project__unit", "source", "entered_by").order_by(waits, "-paid_on", "-pk")


def sums_of(rows: QuerySet[Any]) -> dict[str, Any]:
    """Yuan that count by kind, reversals taken off, and how many rows wait. One query."""
    counted = {}
    for kind in Kind.values:
        is_kind = Q(state=State.CONFIRMED, kind=kind)
        counted[kind] = Sum("amount", filter=is_kind & Q(reverses__isnull=True))
        counted[f"{kind}_back"] = Sum("amount", filter=is_kind & Q(reverses__isnull=False))
    found = rows.order_by().aggregate(waiting=Count("pk", filter=Q(state=State.ENTERED)), **counted)
    return {
        "waiting": found["waiting"],
        **{kind: ((found[kind] or ZERO) - (found[f"{kind}_back"] or ZERO)).quantize(CENT) for kind in Kind.values},
    }


# --- What is left ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """The money of a source of a project in yuan. `waiting_…`: entered, not confirmed yet."""

    source: ProjectSource
    waiting_in: Decimal
    waiting_out: Decimal

    @property
    def to_hand_out(self) -> Decimal:
        return self.source.approved - self.source.received - self.waiting_in

    @property
    def to_spend(self) -> Decimal:
        return self.source.balance - self.waiting_out

    @property
    def is_support(self) -> bool:
        return self.source.source in SUPPORT


def source_states(project: Project) -> list[SourceState]:
    """The sources with money of a project. One query."""
    waits = Q(payments__state=State.ENTERED, payments__reverses__isnull=True)
    rows = project.sources.filter(approved__gt=0).annotate(
        sum_in=Sum("payments__amount", filter=waits & Q(payments__kind=Kind.RECEIPT)),
        sum_out=Sum("payments__amount", filter=waits & Q(payments__kind__in=(Kind.PAYMENT, Kind.RECALL))),
    )
    return [
        SourceState(source=row, waiting_in=_cents(row.sum_in), waiting_out=_cents(row.sum_out))
        for row in rows.order_by("pk")
    ]


@dataclass(frozen=True, kw_only=True)
class InstalmentState:
    """`left`: yuan of it that are not handed out yet; `is_reached`: whether its condition is met on the day."""

    instalment: Instalment
    left: Decimal
    is_reached: bool


def instalment_states(project: Project, day: date) -> list[InstalmentState]:
    """One query."""
    reached = conditions_reached(project, day)
    rows = _with_counted(project.instalments.all())
    return [
        InstalmentState(instalment=row, left=row.amount - _counted(row), is_reached=reached[row.condition])
        for row in rows.order_by("pk")
    ]


def budget_states(project: Project) -> list[tuple[BudgetLine, Decimal]]:
    """Budget items, each with the yuan that are left of it. One query."""
    return [(row, row.amount - _counted(row)) for row in _with_counted(project.budget.all()).order_by("pk")]


def _with_counted(rows: QuerySet[Any]) -> QuerySet[Any]:
    added = Q(payments__state__in=COUNTED, payments__reverses__isnull=True)
    taken = Q(payments__state=State.CONFIRMED, payments__reverses__isnull=False)
    return rows.annotate(
        sum_added=Sum("payments__amount", filter=added), sum_taken=Sum("payments__amount", filter=taken)
    )


def _counted(row: Any) -> Decimal:
    return _cents(row.sum_added) - _cents(row.sum_taken)


def _cents(amount: Decimal | None) -> Decimal:
    """SQLite adds in binary, so a sum is put back to cents."""
    return (amount or ZERO).quantize(CENT)


# --- What a confirmation leaves --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A movement that waits, and its source in yuan once it and those above it are confirmed."""

    payment: Payment
    received: Decimal
    paid: Decimal
    recalled: Decimal
    is_own: bool

    @property
    def balance(self) -> Decimal:
        return self.received - self.paid - self.recalled

    @property
    def fits(self) -> bool:
        return self.balance >= 0 and self.received <= self.payment.source.approved


def waiting_lines(payments: Iterable[Payment], user: User) -> list[Waiting]:
    """In their order. One's own and what does not fit change nothing for those below: they are not confirmed here."""
    held: dict[int, Waiting] = {}
    lines = []
    for payment in payments:
        source = payment.source
        sums = {name: getattr(held.get(source.pk, source), name) for name in ("received", "paid", "recalled")}
        name = {Kind.RECEIPT: "received", Kind.PAYMENT: "paid", Kind.RECALL: "recalled"}[Kind(payment.kind)]
        sums[name] += -payment.amount if payment.reverses_id else payment.amount
        line = Waiting(payment=payment, is_own=payment.entered_by_id == user.pk, **sums)
        if line.fits and not line.is_own:
            held[source.pk] = line
        lines.append(line)
    return lines
