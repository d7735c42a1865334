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
        rows = super().for_user(user, action)
        drafts = Q()
        for path in paths_for(user, "assessments.view_draft_ranking"):
            drafts |= Q(path__startswith=path)
        shown = Q(state__in=["published", "superseded"])
        return rows.filter(shown | drafts) if drafts else rows.filter(shown)

    def published(self) -> Self:
        return self.filter(state="published")
