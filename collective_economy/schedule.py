"""What is due by a contract, and when. Plain values in and out, yuan with cents.

Rule: docs/rules/receivables.md.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import NamedTuple

CENT = Decimal("0.01")
MONTHS_OF_YEAR = 12
RHYTHMS = {"yearly": 12, "half_yearly": 6, "quarterly": 3, "monthly": 1}
"""Months of one period."""
GIVEN, NOTHING = "given", "nothing"
"""Days and amounts as the contract lists them; a contract by which nothing is due on a fixed day."""
HALF_A_MONTH = 15
"""Days beyond whole months from which on they count as one month more."""
DAY = timedelta(days=1)


class Due(NamedTuple):
    """Yuan that are due on a day."""

    due_on: date
    amount: Decimal


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it is shorter."""
    number = day.year * MONTHS_OF_YEAR + day.month - 1 + months
    year, month = divmod(number, MONTHS_OF_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_of_term(starts_on: date, ends_on: date) -> int:
    """Months from the first to the last day of a contract, at least one; a rest of 15 days or more is a month."""
    months = (ends_on.year - starts_on.year) * MONTHS_OF_YEAR + ends_on.month - starts_on.month + 1
    while months > 0 and add_months(starts_on, months) - DAY > ends_on:
        months -= 1
    rest = (ends_on - (add_months(starts_on, months) - DAY)).days
    return max(1, months + (rest >= HALF_A_MONTH))


def amount_of_term(yearly_amount: Decimal, starts_on: date, ends_on: date) -> Decimal:
    """Yuan for the whole term: full years in full, a last partial year by its months, rounded half up."""
    years, months = divmod(months_of_term(starts_on, ends_on), MONTHS_OF_YEAR)
    return yearly_amount * years + _by_months(yearly_amount, months)


def _by_months(yearly_amount: Decimal, months: int) -> Decimal:
    return (yearly_amount * months / MONTHS_OF_YEAR).quantize(CENT, ROUND_HALF_UP)


def regular(
    *,
    starts_on: date,
    ends_on: date,
    yearly_amount: Decimal,
    rhythm: str,
    in_advance: bool = True,
    first_due_on: date | None = None,
) -> list[Due]:
    """What is due period by period. A full contract year sums to `yearly_amount` to the cent.

    Each period of a year has the same whole cents, the last one also what is left over. In advance it is due on the
    period's first day, otherwise on its last; with `first_due_on`, on that day and then once each period.
    """
    months = months_of_term(starts_on, ends_on)
    span = RHYTHMS[rhythm]
    dues = []
    for number, amount in enumerate(_amounts(yearly_amount, months, span)):
        if first_due_on is not None:
            day = add_months(first_due_on, number * span)
        elif in_advance:
            day = add_months(starts_on, number * span)
        else:
            day = min(add_months(starts_on, (number + 1) * span) - DAY, ends_on)
        if amount > 0:
            dues.append(Due(day, amount))
    return dues


def _amounts(yearly_amount: Decimal, months: int, span: int) -> list[Decimal]:
    amounts = []
    base = (yearly_amount * span / MONTHS_OF_YEAR).quantize(CENT, ROUND_DOWN)
    while months > 0:
        year = min(months, MONTHS_OF_YEAR)
        whole = yearly_amount if year == MONTHS_OF_YEAR else _by_months(yearly_amount, year)
        periods = -(-year // span)
        amounts += [base] * (periods - 1) + [whole - base * (periods - 1)]
        months -= year
    return amounts


def sum_of(dues: Sequence[Due], until: date | None = None) -> Decimal:
    """Yuan in all, or what is due until a day, that day included."""
    return sum((due.amount for due in dues if until is None or due.due_on <= until), Decimal(0))
