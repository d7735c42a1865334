"""What the board of flags shows of pay: what each village's flags bring in a month, and the county's card.

Only for who may see pay, and only for the places where they may: others get nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from assessments import pay_facts
from assessments.models import PayLine, PaySheet, RoleGroup
from assessments.pay import MONTHLY, SECRETARY, due_for, latest_rates
from assessments.pay_forecast import budget_of
from branches.models import Unit
from branches.months import first_of_window
from branches.scoping import STEP, paths_for

if TYPE_CHECKING:
    from accounts.models import User

SEES = "assessments.view_payline"


@dataclass(frozen=True, slots=True)
class VillagePay:
    """Flag uplift of a month in cents: of the secretary, and of everybody in the village."""

    secretary: int
    village: int


@dataclass(frozen=True, slots=True)
class TownshipPay:
    name: str
    cents: int
    people: int


@dataclass(frozen=True, slots=True)
class Card:
    """The county's month, as far as the reader sees it. `is_expected`: some of it has no sheet yet."""

    month: date
    cents: int
    flags: int
    people: int
    villages: int
    before: int
    """The same of the month before."""
    used: int
    """Of the year up to this month, earlier months' differences and performance pay included."""
    budget: int | None
    rates: Sequence[tuple[str, int]]
    townships: Sequence[TownshipPay]
    is_expected: bool

    @property
    def change(self) -> int:
        return self.cents - self.before

    @property
    def used_share(self) -> Decimal | None:
        """Percent with one decimal, never above 100: the length of a bar."""
        if not self.budget:
            return None
        share = (Decimal(self.used) * 100 / self.budget).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return min(Decimal(100), max(Decimal(0), share))

    @property
    def most(self) -> int:
        return max((one.cents for one in self.townships), default=0)


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    village: int
    person: int
    group: str
    awards: tuple[int, ...]
    cents: int
    is_expected: bool = False


def village_pay(user: User, path: str, month: date) -> dict[int, VillagePay]:
    """Village -> what its flags bring in the month, below `path` as far as the user sees pay.

    From the sheets where there are some, else by what is due today.
    """
    secretary: dict[int, int] = defaultdict(int)
    everybody: dict[int, int] = defaultdict(int)
    for row in _rows(_seen(user, path), path, month):
        everybody[row.village] += row.cents
        if row.group == SECRETARY:
            secretary[row.village] += row.cents
    return {village: VillagePay(secretary[village], cents) for village, cents in everybody.items()}


def card(user: User, path: str, month: date) -> Card | None:
    """None for who may not see pay anywhere below `path`."""
    seen = _seen(user, path)
    if not seen:
        return None
    rows = list(_rows(seen, path, month))
    names = dict(Unit.objects.under(path).townships().values_list("path", "name"))
    paid = [row for row in rows if row.cents]
    return Card(
        month=month,
        cents=sum(row.cents for row in rows),
        flags=len({award for row in paid for award in row.awards}),
        people=len({row.person for row in paid}),
        villages=len({row.village for row in paid}),
        before=sum(row.cents for row in _rows(seen, path, first_of_window(month, 2))),
        used=_used(seen, path, month),
        budget=budget_of(path, month) if seen == [path] else None,
        rates=rates_on(path, month),
        townships=_townships(paid, names),
        is_expected=any(row.is_expected for row in rows),
    )


def rates_on(path: str, month: date) -> list[tuple[str, int]]:
    """Label of each role group and its cents for a flag and month, for every category."""
    rates = latest_rates(pay_facts.rates_of(path), month)
    return [
        (str(group.label), rates[MONTHLY, group.value, ""].cents)
        for group in RoleGroup
        if (MONTHLY, group.value, "") in rates
    ]


def _seen(user: User, path: str) -> list[str]:
    """Topmost paths at or below `path` where the user sees pay."""
    held = paths_for(user, SEES)
    if any(path.startswith(one) for one in held):
        return [path]
    return [one for one in held if one.startswith(path)]


def _rows(seen: Sequence[str], path: str, month: date) -> Iterable[_Row]:
    """The month's own lines, and what is due in townships without a sheet."""
    if not seen:
        return
    prefixes = tuple(seen)
    columns = ("path", "village_id", "person_id", "role_group", "flags", "uplift_cents")
    lines = PayLine.objects.filter(path__startswith=path, sheet__month=month, for_month=month).order_by()
    for where, village, person, group, flags, cents in lines.values_list(*columns):
        if where.startswith(prefixes):
            yield _Row(where, village, person, group, tuple(one["award"] for one in flags), cents)
    prepared = set(PaySheet.objects.filter(path__startswith=path, month=month).values_list("path", flat=True))
    villages = pay_facts.villages_of(path)
    facts = pay_facts.facts_of(path, month, month, villages)
    for due in due_for(month, facts).values():
        where = villages.paths[due.village]
        if due.items and where.startswith(prefixes) and where[:-STEP] not in prepared:
            awards = tuple(item.award for item in due.items)
            yield _Row(where, due.village, due.person, due.group, awards, due.uplift, is_expected=True)


def _used(seen: Sequence[str], path: str, month: date) -> int:
    sheets = PaySheet.objects.filter(path__startswith=path, month__year=month.year, month__lte=month)
    prefixes = tuple(seen)
    totals = sheets.order_by().values_list("path", "total_cents")
    return sum(cents for path, cents in totals if path.startswith(prefixes))


def _townships(rows: Iterable[_Row], names: dict[str, str]) -> list[TownshipPay]:
    cents: dict[str, int] = defaultdict(int)
    people: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        cents[row.path[:-STEP]] += row.cents
        people[row.path[:-STEP]].add(row.person)
    return [TownshipPay(names.get(path, ""), cents[path], len(people[path])) for path in sorted(cents)]
