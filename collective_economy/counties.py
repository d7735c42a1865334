"""The county that a page of the collective economy is about, and what of it the user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.http import Http404, HttpRequest

from branches.models import Unit
from branches.scoping import STEP, paths_for

if TYPE_CHECKING:
    from accounts.models import User


def counties_for(user: User, permission: str) -> list[Unit]:
    """Counties at, above or below the places where the user holds the permission."""
    paths = paths_for(user, permission)
    if not paths:
        return []
    above = {path[:end] for path in paths for end in range(STEP, len(path) + 1, STEP)}
    condition = Q(path__in=above)
    for path in paths:
        condition |= Q(path__startswith=path)
    return list(Unit.objects.counties().filter(condition))


def county_of(request: HttpRequest, counties: list[Unit]) -> Unit:
    """The county asked for, else the first one. Http404 for one out of sight."""
    wanted = request.POST.get("county") or request.GET.get("county", "")
    found = [county for county in counties if not wanted or str(county.pk) == wanted]
    if not found:
        raise Http404
    return found[0]


def holds_at(user: User, permission: str, path: str) -> bool:
    """Whether the user holds the permission for the unit with this path."""
    return any(path.startswith(one) for one in paths_for(user, permission))
