"""Named sets of postings and reserve entries, as of any day."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from branches.querysets import ScopedQuerySet
from cadres.ages import AgeBand

BEFORE_RECORD = ("nominated", "reviewed")


class PostingQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Postings without a last day."""
        return self.filter(Q(ended_on__isnull=True))

    def held_on(self, day: date) -> Self:
        """Postings held on a day. A beginning without its day or month counts from the first day it may mean."""
        begun = Q(started_on__isnull=True) | Q(started_on__lte=day.isoformat())
        return self.filter(begun & (Q(ended_on__isnull=True) | Q(ended_on__gte=day)))


class ReserveCadreQuerySet(ScopedQuerySet):
    def _steps(self) -> QuerySet[Any]:
        return self.model._meta.get_field("steps").related_model._default_manager.filter(entry=OuterRef("pk"))

    def open(self) -> Self:
        """Entries of people who are in the reserve."""
        return self.filter(Q(left_on__isnull=True))

    def standing_on(self, day: date) -> Self:
        """Entries of people who were in the reserve on a day."""
        begun = Q(entered_on__isnull=True) | Q(entered_on__lte=day.isoformat())
        return self.filter(begun & (Q(left_on__isnull=True) | Q(left_on__gt=day)))

    def ever_on_record(self) -> Self:
        """Without those who are only nominated or reviewed, or left before the county had recorded them."""
        never = self._steps().filter(to_stage="removed", from_stage__in=BEFORE_RECORD)
        return self.exclude(stage__in=BEFORE_RECORD).filter(~Exists(never))

    def recorded_by(self, day: date) -> Self:
        """Entries that the county had put on record by a day: by the step that says so, else by the day of entry.

        An entry that a roster brought in has no such step; without a day of entry it counts as old.
        """
        recorded = self._steps().filter(to_stage="on_record")
        entered = Q(entered_on__isnull=True) | Q(entered_on__lte=day.isoformat())
        return self.ever_on_record().filter(
            Exists(recorded.filter(on__lte=day)) | (~Exists(recorded) & entered),
        )

    def in_stock_on(self, day: date) -> Self:
        """Entries on record with the county on a day: the stock (在库). Who leaves on the day is out."""
        return self.recorded_by(day).filter(Q(left_on__isnull=True) | Q(left_on__gt=day))

    def in_stock_between(self, first: date, last: date) -> Self:
        """Entries on record on any day of a span, the day of leaving included."""
        return self.recorded_by(last).filter(Q(left_on__isnull=True) | Q(left_on__gte=first))

    def with_recorded_on(self) -> Self:
        """With `recorded_on`, the day of the step that put the entry on record, None where there is none."""
        recorded = self._steps().filter(to_stage="on_record").order_by("on", "pk")
        return self.annotate(recorded_on=Subquery(recorded.values("on")[:1]))

    def open_on(self, day: date) -> Self:
        """Entries that were open on a day in whatever stage, with `stage_on`: the stage of that day.

        An entry that a roster brought in has no first step: it counts from its day of entry, in the
        stage that its first step leads away from.
        """
        own = self._steps()
        taken = own.filter(on__lte=day)
        begun = (
            Q(entered_on__lte=day.isoformat())
            | Exists(taken)
            | (Q(entered_on__isnull=True) & ~Exists(own.filter(from_stage="")))
        )
        later = own.exclude(from_stage="").order_by("on", "pk").values("from_stage")[:1]
        return self.filter(begun & (Q(left_on__isnull=True) | Q(left_on__gt=day))).annotate(
            stage_on=Coalesce(
                Subquery(taken.order_by("-on", "-pk").values("to_stage")[:1]), Subquery(later), F("stage")
            )
        )


def aged(band: AgeBand, day: date, birth: str = "birth") -> Q:
    """Condition for people whose age on `day` lies in the band; `birth` leads to the date of birth."""
    condition = Q(**{f"{birth}__isnull": False})
    if band.low is not None:
        condition &= Q(**{f"{birth}__lte": _born(day, band.low)})
    if band.high is not None:
        condition &= Q(**{f"{birth}__gt": _born(day, band.high + 1)})
    return condition


def _born(day: date, age: int) -> str:
    """The last day of birth of those who are `age` on `day`. A 29 February need not exist: texts are compared."""
    return f"{day.year - age:04}-{day:%m-%d}"
