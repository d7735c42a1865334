"""The months of all villages of an area: by township how many are closed, ready or held up, and by what. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q

from branches.models import Unit
from collective_economy.closing import Standing, standings
from collective_economy.models import LedgerMonth

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class VillageMonth:
    """`standing` is None where nothing has been entered."""

    village: Unit
    standing: Standing | None

    @property
    def state(self) -> str:
        return self.standing.state if self.standing else "empty"


@dataclass(frozen=True)
class TownshipMonths:
    township: Unit
    villages: Sequence[VillageMonth]

    @property
    def counts(self) -> Counter[str]:
        """State -> villages: closed, ready, blocked, empty."""
        return Counter(each.state for each in self.villages)

    @property
    def ready(self) -> list[VillageMonth]:
        return [each for each in self.villages if each.state == "ready"]

    @property
    def closed_count(self) -> int:
        return self.counts["closed"]

    @property
    def ready_count(self) -> int:
        return self.counts["ready"]

    @property
    def blocked_count(self) -> int:
        return self.counts["blocked"]

    @property
    def empty_count(self) -> int:
        return self.counts["empty"]


def board_of(townships: Sequence[Unit], month: date, closer: User | None, today: date) -> list[TownshipMonths]:
    """Three queries, however many villages. `closer` is who would close, None for who only looks."""
    if not townships:
        return []
    below = reduce(or_, (Q(path__startswith=township.path) for township in townships))
    rows = LedgerMonth.objects.filter(below, month=month).select_related("unit")
    found = {standing.row.unit_id: standing for standing in standings(rows, closer, today)}
    by_path: dict[str, list[VillageMonth]] = {township.path: [] for township in townships}
    for village in Unit.objects.filter(below).villages().valid_on(month).order_by("path"):  # type: ignore[attr-defined]
        by_path[village.parent_path].append(VillageMonth(village, found.get(village.pk)))
    return [TownshipMonths(township, by_path[township.path]) for township in townships]
