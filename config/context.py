"""What every page's frame shows: names, roles, menu, counts. Read only when a template asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.sessions import NOTED_EVERY
from branches.models import Unit
from branches.scoping import memberships_of
from config.menu import ItemGroup, menu_for, url_or_none

if TYPE_CHECKING:
    from django.http import HttpRequest


class Portal:
    """The frame of one request. Two queries at most: the user's roles and the county's name."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def county_name(self) -> str:
        """Of the user's main unit; without a user that of the only county there is; else empty."""
        counties = Unit.objects.filter(kind=Unit.Kind.COUNTY)
        if not self._request.user.is_authenticated:
            names = list(counties.values_list("name", flat=True)[:2])
            return names[0] if len(names) == 1 else ""
        memberships = memberships_of(self._request.user)
        if not memberships:
            return ""
        path = memberships[0][1]
        above = [path[:end] for end in range(Unit.steplen, len(path) + 1, Unit.steplen)]
        return counties.filter(path__in=above).values_list("name", flat=True).first() or ""

    @cached_property
    def site_name(self) -> str:
        if self.county_name:
            return _("Village organizations and cadres of %(county)s") % {"county": self.county_name}
        return _("Village organizations and cadres")

    @cached_property
    def product_name(self) -> str:
        return _("Village organizations and cadres")

    @cached_property
    def organisation(self) -> str:
        """The department that runs the portal, for the footer and the login page."""
        if self.county_name:
            return _("Organization Department of %(county)s") % {"county": self.county_name}
        return _("Organization Department")

    @property
    def footnote(self) -> str:
        return _("Demonstration data, all invented") if settings.DEMO else ""

    @cached_property
    def roles(self) -> list[str]:
        """Such as "松岭镇 · 乡镇党委书记", the highest unit first."""
        user = self._request.user
        if not user.is_authenticated:
            return []
        return [f"{unit_name} · {role.label}" for role, _path, unit_name in memberships_of(user)]

    @property
    def role_text(self) -> str:
        return self.roles[0] if self.roles else _("no role yet")

    @cached_property
    def menu(self) -> tuple[ItemGroup, ...]:
        return menu_for(self._request, self.counts)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """What waits for the user, by key of the menu. A view may set `request.portal_counts` (docs/ui-shell.md)."""
        counts = getattr(self._request, "portal_counts", {})
        return counts() if callable(counts) else counts

    @property
    def todo_count(self) -> int:
        return self.counts.get("todo", 0)

    @cached_property
    def todo_url(self) -> str | None:
        return url_or_none("assessments:todo")

    @cached_property
    def search_url(self) -> str | None:
        return url_or_none("search")

    @property
    def idle_seconds(self) -> int:
        """Activity is noted once a minute, so the session may end a minute before the limit."""
        return settings.SESSION_IDLE_SECONDS - NOTED_EVERY

    @property
    def keep_url(self) -> str:
        return reverse("keep-session")


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `{{ portal.site_name }}` and its sisters."""
    return {"portal": Portal(request)}
