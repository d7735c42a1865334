"""What the pages of contracts show: each contract with what is due, late and received, each due day with its money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from accounts.models import User
from collective_economy.arrears import IS_OPEN, Arrears, arrears_by_contract, days_late, overdue
from collective_economy.contract_forms import ContractFilter
from collective_economy.models import Contract, LedgerEntry, Receivable
from collective_economy.schedule import add_months

SOON = 6
"""Months before its end at which a contract is worth a look."""


@dataclass(frozen=True)
class Line:
    """A contract of the list. `next_due_on`: the next day on which something is due."""

    contract: Contract
    arrears: Arrears
    next_due_on: date | None
    state: str


@dataclass
class DueLine:
    """A due day of a contract. `state`: received, waived, late, part or later."""

    receivable: Receivable
    days_late: int
    state: str
    entries: list[LedgerEntry] = field(default_factory=list)


def state_of(contract: Contract, today: date) -> str:
    """ended (before its time), over, coming, ending (within six months) or running."""
    if contract.ended_on and contract.ended_on < today:
        return "ended"
    if contract.ends_on < today:
        return "over"
    if contract.starts_on > today:
        return "coming"
    return "ending" if contract.ended_on or contract.ends_on <= add_months(today, SOON) else "running"


def contracts_shown(user: User, filters: ContractFilter, today: date) -> QuerySet[Any]:
    """The contracts of the list by its conditions; none for a wrong condition."""
    rows: QuerySet[Any] = filters.under(Contract.objects.for_user(user).select_related("unit"))
    if not filters.is_valid():
        return rows
    chosen = filters.cleaned_data
    if chosen["kind"]:
        rows = rows.filter(kind=chosen["kind"])
    if typed := chosen["q"].strip():
        rows = rows.filter(Q(number__startswith=typed) | Q(party__startswith=typed))
    return _in_state(rows, chosen["show"], today)


def _in_state(rows: QuerySet[Any], show: str, today: date) -> QuerySet[Any]:
    if show in ("overdue", "long"):
        late = overdue(Receivable.objects.filter(contract=OuterRef("pk")), today, 30 if show == "long" else 0)
        return rows.filter(Exists(late))
    runs = Q(ended_on__isnull=True) | Q(ended_on__gte=today)
    if show == "ending":
        return ending(rows, today)
    if show == "running":
        return rows.filter(runs, starts_on__lte=today, ends_on__gte=today)
    return rows.exclude(runs, ends_on__gte=today) if show == "over" else rows


def ending(rows: QuerySet[Any], today: date) -> QuerySet[Any]:
    """Contracts that run and end within six months."""
    return rows.filter(ended_on__isnull=True, ends_on__gte=today, ends_on__lte=add_months(today, SOON))


def lines_of(contracts: Sequence[Contract], today: date) -> list[Line]:
    """The contracts with their sums. Two queries."""
    keys = [contract.pk for contract in contracts]
    sums = arrears_by_contract(keys, today)
    upcoming = Receivable.objects.filter(IS_OPEN, contract__in=keys, due_on__gte=today).order_by()
    following = dict(upcoming.values_list("contract").annotate(Min("due_on")))
    return [
        Line(contract, sums.get(contract.pk, Arrears()), following.get(contract.pk), state_of(contract, today))
        for contract in contracts
    ]


def schedule_of(contract: Contract, today: date) -> list[DueLine]:
    """Every due day with the entries that settle it. Two queries."""
    lines = [DueLine(row, days_late(row, today), _state(row, today)) for row in contract.receivables.order_by("due_on")]
    by_receivable = {line.receivable.pk: line for line in lines}
    for entry in LedgerEntry.objects.filter(receivable__contract=contract).order_by("day", "pk"):
        if entry.receivable_id in by_receivable:
            by_receivable[entry.receivable_id].entries.append(entry)
    return lines


def _state(row: Receivable, today: date) -> str:
    if row.received >= row.amount:
        return "received"
    if row.waived_on:
        return "waived"
    if row.due_on < today:
        return "late"
    return "part" if row.received else "later"


@dataclass(frozen=True)
class Sums:
    """Yuan over all due days of a contract."""

    amount: Decimal
    received: Decimal
    waived: Decimal
    missing: Decimal


def sums_of(lines: Sequence[DueLine]) -> Sums:
    rows = [line.receivable for line in lines]
    zero = Decimal(0)
    return Sums(
        amount=sum((row.amount for row in rows), zero),
        received=sum((row.received for row in rows), zero),
        waived=sum((row.amount - row.received for row in rows if row.waived_on), zero),
        missing=sum((row.missing for row in rows), zero),
    )
