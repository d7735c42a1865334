"""Named sets of rows of the year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q

from branches.querysets import ScopedQuerySet
from branches.scoping import paths_for

if TYPE_CHECKING:
    from accounts.models import User


class YearResultQuerySet(ScopedQuerySet):
    """Results of villages and cadres: before publication only for those who may see drafts."""

    def for_user(self, user: User, action: str = "view") -> Self:
        """As everywhere, and what is not published only where the user may see drafts."""
        shown = Q(assessment__state__in=["published", "superseded"])
        for path in paths_for(user, "assessments.view_draft_ranking"):
            shown |= Q(path__startswith=path)
        return super().for_user(user, action).filter(shown)
