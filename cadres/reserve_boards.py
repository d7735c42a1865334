"""Where the reserve stands, and what became of it: coverage of the villages, and the way from stock to office.

Set-based: the number of queries does not grow with the villages.
Rule: docs/rules/reserve-funnel.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from branches.models import Unit
from branches.scoping import STEP
from cadres.models import Attendance, ReserveCadre, ReserveStep
from cadres.places import area_on

if TYPE_CHECKING:
    from accounts.models import User

PERMISSION = "cadres.view_reservecadre"
CLASSES = (0, 1, 2, 3)
"""Villages by the number of people in stock; the last is "3 and more"."""


# --- Coverage -------------------------------------------------------------------------------


@dataclass(frozen=True)
class VillageStock:
    village: Unit
    township: Unit
    entries: list[ReserveCadre]

    @property
    def level(self) -> int:
        return min(len(self.entries), CLASSES[-1])


@dataclass(frozen=True)
class Coverage:
    """A township, or all of them: villages by the number of people in stock."""

    township: Unit | None
    villages: Sequence[VillageStock]

    @property
    def people(self) -> int:
        return sum(len(row.entries) for row in self.villages)

    @property
    def levels(self) -> list[tuple[int, int]]:
        """(number in stock, villages)."""
        return [(level, sum(row.level == level for row in self.villages)) for level in CLASSES]

    @property
    def lacking(self) -> int:
        return sum(row.level == 0 for row in self.villages)


def stock_of(user: User, day: date, path: str = "") -> list[VillageStock]:
    """Every village at or below `path` in the user's sight with its people in stock on `day`. Five queries.

    People of a village that was merged stand at the village it went into.
    """
    area = area_on(user, PERMISSION, day, path)
    entries: dict[int, list[ReserveCadre]] = {}
    rows = ReserveCadre.objects.for_user(user).in_stock_on(day).filter(unit__path__startswith=path)
    for entry in rows.select_related("person").order_by("person__name", "pk"):
        if entry.unit_id in area.owner:
            entries.setdefault(area.owner[entry.unit_id], []).append(entry)
    townships = {township.path: township for township in area.townships}
    return [
        VillageStock(village, townships[village.path[:-STEP]], entries.get(village.pk, [])) for village in area.villages
    ]


def coverage(stock: Sequence[VillageStock]) -> tuple[list[Coverage], Coverage]:
    """A row for each township, and the sum."""
    below: dict[str, list[VillageStock]] = {}
    for row in stock:
        below.setdefault(row.township.path, []).append(row)
    return [Coverage(rows[0].township, rows) for rows in below.values()], Coverage(None, stock)


# --- Funnel ---------------------------------------------------------------------------------


@dataclass
class Way:
    """Somebody who was in stock in the span: what proves each step."""

    entry: ReserveCadre
    trainings: list[tuple[date, str]] = field(default_factory=list)
    promoted_on: date | None = None
    led_to: Any = None
    """The posting that the promotion named."""

    @property
    def recorded_on(self) -> date | None:
        entered = self.entry.entered_on.first_day if self.entry.entered_on else None
        recorded: date | None = self.entry.recorded_on  # type: ignore[attr-defined]
        return recorded or entered

    def was_on_record(self, day: date) -> bool:
        since, until = self.recorded_on, self.entry.left_on
        return (since is None or since <= day) and (until is None or day <= until)

    @property
    def is_trained(self) -> bool:
        return bool(self.trainings)

    @property
    def is_in_office(self) -> bool:
        return self.promoted_on is not None


@dataclass(frozen=True)
class Funnel:
    """People in stock at any time of the span, those of them who were trained, and who took office in it."""

    first: date
    last: date
    ways: Sequence[Way]

    @property
    def stock(self) -> int:
        return len(self.ways)

    @property
    def trained(self) -> int:
        return sum(way.is_trained for way in self.ways)

    @property
    def in_office(self) -> int:
        return sum(way.is_in_office for way in self.ways)

    @property
    def trained_in_office(self) -> int:
        return sum(way.is_trained and way.is_in_office for way in self.ways)

    def chosen(self, step: str) -> list[Way]:
        """The people behind a number."""
        if step == "trained":
            return [way for way in self.ways if way.is_trained]
        if step == "in_office":
            return [way for way in self.ways if way.is_in_office]
        return list(self.ways)


def share_percent(part: int, whole: int) -> Decimal | None:
    """In percent, exact; None of nobody."""
    return Decimal(part * 100) / Decimal(whole) if whole else None


def funnel(user: User, first: date, last: date, path: str = "") -> Funnel:
    """The way from stock to office in a span, at or below `path`. Three queries.

    A training counts when it was completed in the span and within the person's time on record; a
    promotion when its day lies in the span.
    """
    rows = ReserveCadre.objects.for_user(user).in_stock_between(first, last).filter(unit__path__startswith=path)
    shown = rows.with_recorded_on().select_related("person", "unit")
    entries = list(shown.order_by("unit__path", "person__name", "pk"))
    ways = {entry.pk: Way(entry) for entry in entries}
    by_person: dict[int, list[Way]] = {}
    for way in ways.values():
        by_person.setdefault(way.entry.person_id, []).append(way)
    attended = Attendance.objects.for_user(user).filter(
        result=Attendance.Result.COMPLETED, training__held_on__gte=first, training__held_on__lte=last
    )
    attended = attended.filter(person__reserve__in=rows.order_by().values("pk")).distinct()
    for person_id, day, title in attended.order_by("training__held_on", "pk").values_list(
        "person_id", "training__held_on", "training__title"
    ):
        for way in by_person[person_id]:
            if way.was_on_record(day):
                way.trainings.append((day, title))
    steps = ReserveStep.objects.filter(
        entry__in=rows.order_by().values("pk"), to_stage=ReserveCadre.Stage.PROMOTED
    ).select_related("posting__unit")
    postings = {step.entry_id: step.posting for step in steps}
    for way in ways.values():
        left = way.entry.left_on
        if way.entry.stage == ReserveCadre.Stage.PROMOTED and left is not None and left <= last:
            way.promoted_on, way.led_to = left, postings.get(way.entry.pk)
    return Funnel(first, last, list(ways.values()))
