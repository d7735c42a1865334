"""Where the money of programmes is: released, approved, handed out, paid, recalled, earned. Constant queries.

What a programme has and how much of it was approved is told to whoever sees the programme; what became of it, of the
projects in the reader's sight alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Sum

from collective_economy.models import LedgerEntry, Programme, Project, ProjectShare, ProjectSource
from collective_economy.models.ledger import INCOME

if TYPE_CHECKING:
    from accounts.models import User

ZERO, CENT = Decimal(0), Decimal("0.01")
MOVED = ("received", "paid", "recalled")


@dataclass(frozen=True)
class Line:
    """A programme in yuan. `income` is None where the reader sees no ledger."""

    programme: Programme | None
    amount: Decimal
    allocated: Decimal
    received: Decimal
    paid: Decimal
    recalled: Decimal
    project_count: int
    village_count: int
    income: Decimal | None

    @property
    def balance(self) -> Decimal:
        """Handed out, neither paid nor recalled."""
        return self.received - self.paid - self.recalled

    @property
    def left(self) -> Decimal:
        """Not approved for any project yet."""
        return self.amount - self.allocated


def lines_of(programmes: Sequence[Programme], user: User) -> list[Line]:
    """The programmes, with their sources prefetched, in their order. Four queries."""
    keys = [programme.pk for programme in programmes]
    moved = {row[0]: row[1:] for row in _moved(keys, user).values_list("programme_source__programme", *MOVED_SUMS)}
    seen = Project.objects.for_user(user).filter(programme__in=keys)
    projects = dict(seen.order_by().values_list("programme").annotate(count=Count("pk")))
    shares = ProjectShare.objects.filter(project__in=seen.values("pk")).order_by()
    villages = dict(shares.values_list("project__programme").annotate(count=Count("unit", distinct=True)))
    income = _income(keys, user)
    lines = []
    for programme in programmes:
        sources = list(programme.sources.all())
        received, paid, recalled = (_cents(amount) for amount in moved.get(programme.pk, (ZERO,) * 3))
        lines.append(
            Line(
                programme,
                sum((source.amount for source in sources), ZERO),
                sum((source.allocated for source in sources), ZERO),
                received,
                paid,
                recalled,
                projects.get(programme.pk, 0),
                villages.get(programme.pk, 0),
                None if income is None else income.get(programme.pk, ZERO),
            )
        )
    return lines


def totals_of(lines: Sequence[Line]) -> Line:
    """The sums of the lines. Villages are not summed, since one may be in several programmes."""
    names = ("amount", "allocated", "received", "paid", "recalled")
    sums = {name: sum((getattr(line, name) for line in lines), ZERO) for name in names}
    income = [line.income for line in lines if line.income is not None]
    return Line(
        None,
        project_count=sum(line.project_count for line in lines),
        village_count=0,
        income=sum(income, ZERO) if income else None,
        **sums,
    )


@dataclass(frozen=True)
class SourceLine:
    """One source of a programme in yuan."""

    label: str
    source: str
    amount: Decimal
    allocated: Decimal
    received: Decimal
    paid: Decimal
    recalled: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.allocated

    @property
    def balance(self) -> Decimal:
        return self.received - self.paid - self.recalled


def sources_of(programme: Programme, user: User) -> list[SourceLine]:
    """How much of each source is where. One query beside the sources."""
    rows = _moved([programme.pk], user, by="programme_source").values_list("programme_source", *MOVED_SUMS)
    moved = {row[0]: row[1:] for row in rows}
    return [
        SourceLine(
            source.get_source_display(),
            source.source,
            source.amount,
            source.allocated,
            *(_cents(amount) for amount in moved.get(source.pk, (ZERO,) * 3)),
        )
        for source in programme.sources.all()
    ]


MOVED_SUMS = tuple(f"{name}_sum" for name in MOVED)


def _moved(keys: Collection[int], user: User, by: str = "programme_source__programme") -> Any:
    rows = ProjectSource.objects.filter(
        programme_source__programme__in=keys, project__in=Project.objects.for_user(user).values("pk")
    ).order_by()
    return rows.values(by).annotate(**{f"{name}_sum": Sum(name) for name in MOVED})


def _income(keys: Collection[int], user: User) -> dict[int, Decimal] | None:
    """Yuan of income in ledgers that name a project of the programme, of villages in the reader's sight."""
    if not user.has_perm("collective_economy.view_ledgerentry"):
        return None
    entries = LedgerEntry.objects.for_user(user).filter(project__programme__in=keys, category__in=INCOME).order_by()
    return {key: _cents(amount) for key, amount in entries.values_list("project__programme").annotate(Sum("amount"))}


def _cents(amount: Decimal) -> Decimal:
    """SQLite sums as floating point."""
    return Decimal(amount).quantize(CENT)
