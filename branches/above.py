"""Names of the units above others, for lists that tell each row's township."""

from __future__ import annotations

from collections.abc import Iterable

from branches.models import Unit
from branches.scoping import STEP


def names_above(paths: Iterable[str]) -> dict[str, str]:
    """Path -> name of the unit right above each of `paths`. One query. Names of units are open to all who log in."""
    return dict(Unit.objects.filter(path__in={path[:-STEP] for path in paths}).values_list("path", "name"))
