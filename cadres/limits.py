"""The limits that hold at a place: those of its county, else the defaults."""

from __future__ import annotations

from branches.models import Unit
from branches.scoping import STEP
from cadres.models import PeopleLimits


def limits_for(path: str) -> PeopleLimits:
    """Limits for the unit with this path. One query."""
    above = [path[:end] for end in range(STEP, len(path) + 1, STEP)]
    found = PeopleLimits.objects.filter(unit__path__in=above, unit__kind=Unit.Kind.COUNTY).first()
    return found or PeopleLimits()
