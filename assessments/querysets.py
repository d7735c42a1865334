"""Named sets of rows of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q

from branches.querysets import ScopedQuerySet
from branches.scoping import paths_for

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
