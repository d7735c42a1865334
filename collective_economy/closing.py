"""Where months of ledgers stand: what each began and ended with, and what keeps it from being closed. Reads only.

The balances of a village begin with the first month that has an opening balance. Months before it are history: they
count as income and expense, and neither carry a balance nor keep a later month open. Rule: docs/rules/ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from branches.months import after
from collective_economy.models import LedgerEntry, LedgerMonth

if TYPE_CHECKING:
    from accounts.models import User

EVER = date(1, 1, 1)


@dataclass(frozen=True)
class Reason:
    """Why a month cannot be closed, in a sentence."""

    code: str
    words: str


@dataclass(frozen=True)
class Standing:
    """A month with its balances in yuan, None where they are not known. Without reasons it can be closed."""

    row: LedgerMonth
    opening: Decimal | None
    reasons: tuple[Reason, ...]
    is_history: bool = False

    @property
    def closing(self) -> Decimal | None:
        return closing_of(self.row, self.opening)

    @property
    def difference(self) -> Decimal | None:
        """The bank statement's balance less that of the books."""
        if self.closing is None or self.row.statement_balance is None:
            return None
        return self.row.statement_balance - self.closing

    @property
    def is_ready(self) -> bool:
        return not self.reasons

    @property
    def state(self) -> str:
        """closed, ready, empty or blocked."""
        if self.row.is_closed:
            return "closed"
        if self.is_ready:
            return "ready"
        return "empty" if self.row.entry_count == 0 else "blocked"


def closing_of(row: LedgerMonth, opening: Decimal | None) -> Decimal | None:
    return None if opening is None else opening + row.income - row.expense


def standings(rows: QuerySet[Any], user: User | None, today: date, note: str = "") -> list[Standing]:
    """Of these months, for the one who would close them, None for who only looks. Two queries for any number.

    `note` stands in for the note of a month that has none, of why there is no statement or a difference.
    """
    months = list(_with_facts(rows, user))
    before = LedgerMonth.objects.in_bulk({row.before for row in months if row.before})
    return [_standing(row, before.get(row.before), today, row.difference_note or note) for row in months]


def _with_facts(rows: QuerySet[Any], user: User | None) -> QuerySet[Any]:
    mine = LedgerMonth.objects.filter(unit=OuterRef("unit"))
    earlier = mine.filter(month__lt=OuterRef("month"))
    with_balance = mine.filter(opening__isnull=False)
    unclosed = earlier.filter(closed_at__isnull=True, entry_count__gt=0, month__gte=Coalesce(OuterRef("begun"), EVER))
    entries = LedgerEntry.objects.filter(unit=OuterRef("unit"), month=OuterRef("month"))
    own: Any = Exists(entries.filter(entered_by=user)) if user is not None else Value(value=False)
    return rows.annotate(
        begun=Subquery(with_balance.order_by("month").values("month")[:1]),
        before=Subquery(earlier.filter(opening__isnull=False).order_by("-month").values("pk")[:1]),
    ).annotate(unclosed=Subquery(unclosed.order_by("month").values("month")[:1]), is_own=own)


def _standing(row: Any, before: LedgerMonth | None, today: date, note: str) -> Standing:
    is_history = row.begun is not None and row.month < row.begun
    opening = row.opening
    if opening is None and before is not None and row.unclosed is None:
        opening = closing_of(before, before.opening)
    return Standing(row, opening, tuple(_reasons(row, opening, today, note, is_history=is_history)), is_history)


def _reasons(row: Any, opening: Decimal | None, today: date, note: str, *, is_history: bool) -> Iterable[Reason]:
    if row.is_closed:
        yield Reason("closed_already", _("This month is closed already."))
        return
    if row.entry_count == 0:
        yield Reason("no_entries", _("This month has no entry, so there is nothing to close."))
        return
    if today < after(row.month):
        yield Reason("not_over", _("This month is not over yet."))
    if row.is_own:
        yield Reason("own_entries", _("Who entered a month does not close it: you entered some of its entries."))
    if is_history:
        return
    if row.unclosed is not None:
        words = _("Close %(month)s first.") % {"month": date_format(row.unclosed, "YEAR_MONTH_FORMAT")}
        yield Reason("earlier_open", words)
    elif opening is None:
        yield Reason("no_opening", _("Enter the balance at the beginning: it is the village's first month."))
    if row.statement_balance is None and not note:
        yield Reason("no_statement", _("Enter the balance by the bank statement, or a note why there is no statement."))
    elif row.statement_balance is not None and opening is not None and not note:
        difference = row.statement_balance - (closing_of(row, opening) or Decimal(0))
        if difference:
            words = _("The bank statement differs from the books by %(amount)s yuan. Enter a note why.")
            yield Reason("difference", words % {"amount": f"{difference:,.2f}"})


def book_opening(unit_id: int, month: date) -> Decimal | None:
    """The balance by the books at the beginning of a month, closed before it or not. One query."""
    balance: Decimal | None = None
    for row in LedgerMonth.objects.filter(unit_id=unit_id, month__lte=month).order_by("month"):
        if row.opening is not None:
            balance = row.opening
        if row.month < month:
            balance = closing_of(row, balance)
    return balance


def closed_spans(unit_ids: Iterable[int]) -> dict[int, tuple[date, date]]:
    """(first month with a balance, last closed month) of villages that have both. One query.

    Between the two nothing is entered any more: the balances of the closed months rest on it.
    """
    found = (
        LedgerMonth.objects.filter(unit_id__in=list(unit_ids))
        .order_by()
        .values("unit_id")
        .annotate(
            begun=Min("month", filter=Q(opening__isnull=False)), closed=Max("month", filter=Q(closed_at__isnull=False))
        )
        .values_list("unit_id", "begun", "closed")
    )
    return {unit_id: (begun, closed) for unit_id, begun, closed in found if begun and closed}
