"""Grades of cadres that the county sets with a reason. Rule: docs/rules/cadre-results.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import audit
from assessments.models import CadreResult, YearAssessment
from assessments.services.year import take
from assessments.year_results import is_beyond
from assessments.year_rules import GRADES

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def set_grade(result: CadreResult, grade: str, reason: str, *, base: str, by: User) -> CadreResult:
    """Another grade than the lines give, with its reason; the grade of the lines takes it back.

    `base` is the grade that the writer saw. Raises ValidationError "published", "not_computed", "not_ranked",
    "unknown_grade", "changed_meanwhile", "beyond_veto", "reason_missing".
    """
    assessment = take(YearAssessment(pk=result.assessment_id))
    if assessment.state != YearAssessment.State.COMPUTED:
        raise ValidationError(_("Compute the assessment first."), "not_computed")
    row = CadreResult.objects.select_for_update().filter(pk=result.pk).first()
    if row is None or row.grade != base:
        raise ValidationError(_("This was computed or graded anew meanwhile. Look at it again."), "changed_meanwhile")
    _check(row, grade, reason)
    before = row.grade
    row.grade = grade
    row.grade_reason, row.graded_by = ("", None) if grade == row.proposed else (reason.strip(), by)
    row.save(update_fields=["grade", "grade_reason", "graded_by"])
    YearAssessment.objects.filter(pk=assessment.pk).update(version=F("version") + 1)
    audit.record(
        "assessments.change_cadreresult",
        actor=by,
        target=row,
        changes={"grade": [before, grade]},
        reason=reason.strip(),
    )
    return row


def _check(row: CadreResult, grade: str, reason: str) -> None:
    if row.total_hundredths is None:
        raise ValidationError(_("Without a total there is no grade. Enter what is missing."), "not_ranked")
    if grade not in GRADES:
        raise ValidationError(_("Choose one of the four grades."), "unknown_grade")
    if is_beyond(grade, cap_of(row)):
        raise ValidationError(_("A veto leaves no better grade."), "beyond_veto")
    if grade != row.proposed and not reason.strip():
        raise ValidationError(_("Say why the grade differs from the lines."), "reason_missing")


def cap_of(row: CadreResult) -> str:
    """The best grade that a veto leaves, empty without one."""
    return next((str(line["cap"]) for line in row.lines if line["code"] == "veto"), "")
