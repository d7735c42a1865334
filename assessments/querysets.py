"""Named sets of rows of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q

from branches.querysets import ScopedQuerySet
from branches.scoping import paths_for, permission_name

if TYPE_CHECKING:
    from accounts.models import User


class RankingQuerySet(ScopedQuerySet):
    def for_user(self, user: User, action: str = "view") -> Self:
        """As everywhere, and drafts only for those who may see drafts."""
        return super().for_user(user, action).filter(_shown_to(user, ""))

    def published(self) -> Self:
        return self.filter(state="published")


class ResultQuerySet(ScopedQuerySet):
    def for_user(self, user: User, action: str = "view") -> Self:
        """As everywhere; the results of a draft only for those who may see drafts."""
        return super().for_user(user, action).filter(_shown_to(user, "ranking__"))


def _shown_to(user: User, prefix: str) -> Q:
    """Condition for rankings that are published, or drafts in an area where the user may see drafts."""
    shown = Q(**{f"{prefix}state__in": ["published", "superseded"]})
    for path in paths_for(user, "assessments.view_draft_ranking"):
        shown |= Q(**{f"{prefix}path__startswith": path})
    return shown


class SchemeQuerySet(ScopedQuerySet):
    """Townships read the county's published schemes; a draft is seen at the county and above."""

    to_scheme = ""

    def for_user(self, user: User, action: str = "view") -> Self:
        """As everywhere, and drafts only for those whose unit is the county's or above it."""
        shown = Q(**{f"{self.to_scheme}state": "published"})
        for path in paths_for(user, permission_name(self.model, action)):
            shown |= Q(**{f"{self.to_scheme}path__startswith": path})
        return super().for_user(user, action).filter(shown)


class SchemePartQuerySet(SchemeQuerySet):
    to_scheme = "scheme__"
