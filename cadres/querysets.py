"""Named sets of postings and reserve entries."""

from __future__ import annotations

from typing import Self

from django.db.models import Q

from branches.querysets import ScopedQuerySet


class PostingQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Postings without a last day."""
        return self.filter(Q(ended_on__isnull=True))


class ReserveCadreQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Entries of people who are in the reserve."""
        return self.filter(Q(left_on__isnull=True))
