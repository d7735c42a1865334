"""Villages and townships of an area as they were on a day, and which closed village counts for which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from branches.models import Unit
from branches.scoping import STEP, rows_with

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Area:
    """`owner` maps the id of a village, closed ones too, to the village it counts for on the day."""

    villages: list[Unit]
    townships: list[Unit]
    owner: Mapping[int, int]

    def by_township(self) -> list[tuple[Unit, list[Unit]]]:
        """Each township that has villages, in the order of the tree."""
        below: dict[str, list[Unit]] = {}
        for village in self.villages:
            below.setdefault(village.path[:-STEP], []).append(village)
        return [(township, below[township.path]) for township in self.townships if township.path in below]


def area_on(user: User, permission: str, day: date, path: str = "") -> Area:
    """The villages on `day` where the user holds the permission, at or below `path`. Three queries."""
    villages = list(rows_with(user, Unit.objects.villages().valid_on(day).under(path), permission))
    townships = list(Unit.objects.filter(path__in={village.path[:-STEP] for village in villages}).order_by("path"))
    return Area(villages, townships, owners(villages, day))


def owners(villages: list[Unit], day: date) -> dict[int, int]:
    """Each village, and each that was merged into one of them before `day`, however many times. One query."""
    return owners_of_ids([village.pk for village in villages], day)


def owners_of_ids(village_ids: list[int], day: date) -> dict[int, int]:
    """As `owners`, by ids."""
    wanted = set(village_ids)
    merged = Unit.objects.villages().filter(valid_to__lt=day, merged_into__isnull=False).order_by()
    into: dict[int, int] = dict(merged.values_list("pk", "merged_into_id"))
    found = {pk: pk for pk in wanted}
    for pk in into:
        last, seen = pk, {pk}
        while last not in wanted and into.get(last) is not None and into[last] not in seen:
            last = into[last]
            seen.add(last)
        if last in wanted:
            found[pk] = last
    return found
