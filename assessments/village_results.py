"""A village's published months, for the pages of its people (`cadres.village_results`)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.urls import reverse

from assessments.board import Words
from assessments.models import Ranking, Result
from cadres.village_results import MonthResult

if TYPE_CHECKING:
    from accounts.models import User


def tell(user: User, village_id: int, first: date, last: date) -> list[MonthResult]:
    """Published rankings from one month to another, newest first. One query."""
    rows = (
        Result.objects.for_user(user)
        .filter(
            village_id=village_id,
            ranking__state=Ranking.State.PUBLISHED,
            ranking__period__month__gte=first,
            ranking__period__month__lte=last,
        )
        .select_related("ranking__period")
        .order_by("-ranking__period__month")
    )
    return [
        MonthResult(
            month=row.ranking.period.month,
            total=row.total,
            rank=row.county_rank,
            of=row.ranking.ranked_count,
            moved=row.moved,
            grade=Words.of(row.ranking).grade(row.grade),
            url=reverse("assessments:receipt", args=[row.pk]),
        )
        for row in rows
    ]
