"""Named sets of postings and reserve entries, as of any day."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db.models import Q

from branches.querysets import ScopedQuerySet


class PostingQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Postings without a last day."""
        return self.filter(Q(ended_on__isnull=True))

    def held_on(self, day: date) -> Self:
        """Postings held on a day. A beginning without its day or month counts from the first day it may mean."""
        begun = Q(started_on__isnull=True) | Q(started_on__lte=day.isoformat())
        return self.filter(begun & (Q(ended_on__isnull=True) | Q(ended_on__gte=day)))


class ReserveCadreQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Entries of people who are in the reserve."""
        return self.filter(Q(left_on__isnull=True))

    def standing_on(self, day: date) -> Self:
        """Entries of people who were in the reserve on a day."""
        begun = Q(entered_on__isnull=True) | Q(entered_on__lte=day.isoformat())
        return self.filter(begun & (Q(left_on__isnull=True) | Q(left_on__gt=day)))
