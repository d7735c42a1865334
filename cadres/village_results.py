"""What the app that ranks villages tells about one, for the pages of people. It lies above and registers here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True, slots=True)
class MonthResult:
    """A village's published month. Rank and total are None where values were missing; `url` is its receipt."""

    month: date
    total: Decimal | None
    rank: int | None
    of: int
    """How many villages were ranked."""
    moved: int | None
    grade: str
    url: str


Teller = Callable[["User", int, date, date], list[MonthResult]]
"""(who asks, village, first month, last month) -> results, newest first, as far as the user may see them."""

_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Called by the app that ranks, once, when it is ready. Registering the same one twice is harmless."""
    if teller not in _tellers:
        _tellers.append(teller)


def results_of(user: User, village_id: int, first: date, last: date) -> list[MonthResult]:
    return [result for teller in _tellers for result in teller(user, village_id, first, last)]


# --- A person's own years -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YearResult:
    """A published half or whole year of somebody. Total and grade are empty where parts were missing."""

    name: str
    total: Decimal | None
    grade: str
    tone: str
    """As the tag for grades takes it."""
    missing: str
    url: str


YearTeller = Callable[["User", int], list[YearResult]]
"""(who asks, person) -> results, newest first, as far as the user may see them."""

_year_tellers: list[YearTeller] = []


def register_years(teller: YearTeller) -> None:
    """As `register`, for the results of a person's years."""
    if teller not in _year_tellers:
        _year_tellers.append(teller)


def years_of(user: User, person_id: int) -> list[YearResult]:
    return [result for teller in _year_tellers for result in teller(user, person_id)]


# --- What somebody is paid ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PaidMonth:
    """A line of pay. `for_month` before `month` is a difference to what was paid then. `amount` is yuan."""

    month: date
    for_month: date
    amount: Decimal
    flags: int
    note: str
    state: str
    url: str


PayTeller = Callable[["User", int], list[PaidMonth]]
"""(who asks, person) -> lines, newest first, as far as the user may see them."""

_pay_tellers: list[PayTeller] = []


def register_pay(teller: PayTeller) -> None:
    """As `register`, for what a person is paid."""
    if teller not in _pay_tellers:
        _pay_tellers.append(teller)


def pay_of(user: User, person_id: int) -> list[PaidMonth]:
    return [line for teller in _pay_tellers for line in teller(user, person_id)]
