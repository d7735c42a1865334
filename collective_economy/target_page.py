"""What the pages of targets show: each village's target beside what came in, and the sums of townships."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from branches.models import Unit
from branches.scoping import rows_with
from collective_economy.band_page import incomes_of, last_day_of
from collective_economy.incomes import Income, percent_of, planned_by_now
from collective_economy.models import IncomeTarget

if TYPE_CHECKING:
    from accounts.models import User

SEE = "collective_economy.view_ledgermonth"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A village in a year; amounts are yuan of operating income."""

    village: Unit
    target: IncomeTarget | None
    income: Income | None
    income_before: Income | None
    """Of the whole year before."""
    planned: Decimal | None

    @property
    def reached(self) -> Decimal | None:
        return self.income.operating if self.income else None

    @property
    def percent(self) -> Decimal | None:
        return percent_of(self.reached, self.target.amount) if self.target else None

    @property
    def is_behind(self) -> bool:
        """Less came in than the time plan asks; without a ledger nothing did."""
        return self.planned is not None and (self.reached or Decimal(0)) < self.planned


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Of several villages; amounts add those that have a target, in yuan."""

    village_count: int
    target_count: int
    target: Decimal
    reached: Decimal
    planned: Decimal
    behind_count: int

    @property
    def percent(self) -> Decimal | None:
        return percent_of(self.reached, self.target)

    @property
    def time_percent(self) -> Decimal | None:
        return percent_of(self.planned, self.target)

    @property
    def is_behind(self) -> bool:
        return self.reached < self.planned


def sums_of(lines: Iterable[Line]) -> Sums:
    lines = list(lines)
    aimed = [line for line in lines if line.target is not None]
    return Sums(
        village_count=len(lines),
        target_count=len(aimed),
        target=_sum(line.target.amount for line in aimed if line.target),
        reached=_sum(line.reached or Decimal(0) for line in aimed),
        planned=_sum(line.planned or Decimal(0) for line in aimed),
        behind_count=sum(line.is_behind for line in aimed),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def lines_of(user: User, place: Unit, year: int, today: date, permission: str = SEE) -> list[Line]:
    """The villages at and below a place where the user holds the permission, in the order of the tree. Four queries."""
    day = last_day_of(year, today) if year <= today.year else today
    villages = list(rows_with(user, Unit.objects.villages().under(place.path).valid_on(day), permission))
    incomes = incomes_of(villages, place.path, (year - 1, year), day)
    rows = IncomeTarget.objects.for_user(user).filter(year=year, path__startswith=place.path)
    targets = {row.unit_id: row for row in rows}
    lines = []
    for village in villages:
        target, years = targets.get(village.pk), incomes.get(village.pk, {})
        lines.append(
            Line(
                village=village,
                target=target,
                income=years.get(year),
                income_before=years.get(year - 1),
                planned=planned_by_now(target.amount, year, today) if target else None,
            )
        )
    return lines


def by_township(lines: Sequence[Line], townships: Sequence[Unit]) -> list[tuple[Unit, Sums]]:
    """The sums of each township that has villages among the lines."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.village.parent_path, []).append(line)
    return [(township, sums_of(found[township.path])) for township in townships if township.path in found]
