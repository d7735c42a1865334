"""The limits that hold at a place: those of its county, else the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from branches.models import Unit
from branches.scoping import STEP
from cadres.models import PeopleLimits


def limits_for(path: str) -> PeopleLimits:
    """Limits for the unit with this path. One query."""
    above = [path[:end] for end in range(STEP, len(path) + 1, STEP)]
    found = PeopleLimits.objects.filter(unit__path__in=above, unit__kind=Unit.Kind.COUNTY).first()
    return found or PeopleLimits()


class LimitsByPlace:
    """The limits of every county, read in one query, for pages and sources that span several places."""

    def __init__(self) -> None:
        rows = PeopleLimits.objects.select_related("unit").filter(unit__kind=Unit.Kind.COUNTY)
        self._by_county: Mapping[str, PeopleLimits] = {row.unit.path: row for row in rows}
        self._default = PeopleLimits()

    def at(self, path: str) -> PeopleLimits:
        """Limits for the unit with this path."""
        for end in range(STEP, len(path) + 1, STEP):
            if path[:end] in self._by_county:
                return self._by_county[path[:end]]
        return self._default

    def furthest(self, name: str) -> int:
        """The largest value of one limit anywhere, for reading the rows that any county asks for."""
        rows: Iterable[PeopleLimits] = [self._default, *self._by_county.values()]
        return max(int(getattr(row, name)) for row in rows)
