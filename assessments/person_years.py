"""Somebody's published years, for the page of the person (`cadres.village_results`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from assessments import year_page
from assessments.models import CadreResult, YearAssessment
from assessments.rules import from_hundredths
from cadres.village_results import YearResult

if TYPE_CHECKING:
    from accounts.models import User


def tell(user: User, person_id: int) -> list[YearResult]:
    """Of the revisions that hold, newest first. One query."""
    rows = (
        CadreResult.objects.for_user(user)
        .filter(person=person_id, assessment__state=YearAssessment.State.PUBLISHED)
        .select_related("assessment")
        .order_by("-assessment__year", "-assessment__span", "-pk")
    )
    return [
        YearResult(
            name=year_page.title_of(row.assessment),
            total=None if row.total_hundredths is None else from_hundredths(row.total_hundredths),
            grade=year_page.grade_name(row.grade),
            tone=year_page.TONES.get(row.grade, ""),
            missing=year_page.missing_text(row.missing),
            url=reverse("assessments:cadre_result", args=[row.pk]),
        )
        for row in rows
    ]
