"""The assessment of a half or a whole year: opened, computed, published by another, revised.

Each state change locks the assessment and checks its state inside. Rule: docs/rules/year.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import insert_models
from assessments import year, year_inputs, year_results
from assessments.models import (
    CadreResult,
    DepartmentScore,
    PersonalScore,
    SatisfactionSurvey,
    VillageYear,
    YearAssessment,
    YearItem,
)
from assessments.services import year_discipline
from assessments.services.year_items import carry_problems
from assessments.year_rules import YearRules, check, default_rules
from branches.models import Unit
from branches.scoping import STEP
from branches.versions import Conflict, claim_version

if TYPE_CHECKING:
    from accounts.models import User

State = YearAssessment.State
IN_WORK = (State.OPEN, State.COMPUTED)
FIRST_YEAR, LAST_YEAR = 2000, 2099


@transaction.atomic
def open_assessment(
    county: Unit,
    number: int,
    span: str,
    *,
    by: User,
    now: datetime,
    document: str = "",
    rules: YearRules | None = None,
) -> YearAssessment:
    """Open the assessment of a year or a half of it, with the rules of the county's last one unless told others.

    Problems of earlier assessments that are not closed are carried into it. Raises ValidationError "opened_before",
    "out_of_range", "in_the_future", and those of the rules.
    """
    county = Unit.objects.select_for_update().get(pk=county.pk)
    if span not in year.SPANS or not FIRST_YEAR <= number <= LAST_YEAR:
        raise ValidationError(_("Choose a year and a span."), "out_of_range")
    if year.span_months(number, span)[0] > timezone.localdate(now):
        raise ValidationError(_("This time has not begun yet."), "in_the_future")
    if YearAssessment.objects.filter(unit=county, year=number, span=span).exists():
        raise ValidationError(
            _("There is an assessment of this span already. A published one is corrected by a revision."),
            "opened_before",
        )
    rules = rules or last_rules(county)
    check(rules)
    row = YearAssessment.objects.create(
        unit=county,
        path=county.path,
        year=number,
        span=span,
        revision=1,
        document=document.strip(),
        rules=rules.to_stored(),
        opened_by=by,
    )
    carried = carry_problems(row, by=by)
    audit.record(
        "assessments.open_yearassessment",
        actor=by,
        target=row,
        changes={"state": [None, row.state], "year": number, "span": span, "carried": carried, "rules": row.rules},
    )
    return row


def last_rules(county: Unit) -> YearRules:
    """Of the county's last assessment, else the handbook's."""
    last = YearAssessment.objects.filter(unit=county).order_by("-pk").first()
    return rules_of(last) if last else default_rules()


def rules_of(assessment: YearAssessment) -> YearRules:
    return YearRules.from_stored(assessment.rules)


@transaction.atomic
def change_assessment(
    assessment: YearAssessment, rules: YearRules, document: str, *, version: int, by: User
) -> YearAssessment:
    """Other rules, while nothing is published; what was computed by the old ones has to be computed anew.

    Raises Conflict, ValidationError "published", and those of the rules.
    """
    row = take(assessment)
    claim_version(row, version)
    check(rules)
    before = {"rules": row.rules, "document": row.document}
    row.rules, row.document = rules.to_stored(), document.strip()
    changes = audit.changes_between(before, {"rules": row.rules, "document": row.document})
    if not changes:
        return row
    row.save(update_fields=["rules", "document"])
    ask_to_compute(row)
    audit.record("assessments.change_yearassessment", actor=by, target=row, changes=changes)
    return row


def take(assessment: YearAssessment) -> YearAssessment:
    """The assessment, locked, while it is worked on. Raises ValidationError "published"."""
    row = YearAssessment.objects.select_for_update().get(pk=assessment.pk)
    if row.state not in IN_WORK:
        raise ValidationError(_("This assessment is published. Changes need a revision with its reason."), "published")
    return row


def ask_to_compute(row: YearAssessment) -> None:
    """What it rests on has changed: a computed assessment is open again until it is computed anew."""
    if row.state == State.COMPUTED:
        row.state = State.OPEN
        row.save(update_fields=["state"])


# --- Computing ----------------------------------------------------------------------------


@transaction.atomic
def compute_assessment(assessment: YearAssessment, *, by: User, now: datetime) -> YearAssessment:
    """Villages and cadres computed from what is there, replacing what was computed before.

    Grades that were set by hand stay. A constant number of queries apart from batches of rows.
    Raises ValidationError "published", "no_villages".
    """
    row = take(assessment)
    computed = _calculate(row, now)
    if not computed.villages:
        raise ValidationError(_("The county has no village on the deciding day."), "no_villages")
    VillageYear.objects.filter(assessment=row).delete()
    CadreResult.objects.filter(assessment=row).delete()
    insert_models(computed.villages)
    insert_models(computed.cadres)
    before = row.state
    row.state, row.computed_at, row.computed_by, row.checksum = State.COMPUTED, now, by, computed.checksum
    row.version += 1
    row.save(update_fields=["state", "computed_at", "computed_by", "checksum", "version"])
    audit.record(
        "assessments.compute_yearassessment",
        actor=by,
        target=row,
        changes={
            "state": [before, row.state],
            "villages": len(computed.villages),
            "cadres": len(computed.cadres),
            "without_total": sum(one.total_hundredths is None for one in computed.villages),
            "checksum": row.checksum,
        },
    )
    return row


def _calculate(row: YearAssessment, now: datetime) -> year_results.Computed:
    inputs = year_inputs.read(row, year_inputs.reference_day(row, timezone.localdate(now)))
    return year_results.compute(row, rules_of(row), inputs, len(year_inputs.months_of(row)))


def quota_warnings(assessment: YearAssessment) -> dict[str, list[year.QuotaWarning]]:
    """Townships with more excellent villages, and with more excellent cadres, than the share allows. Two queries."""
    rules = rules_of(assessment)
    return {
        kind: year.quota_warnings(rules, ((path[:-STEP], grade) for path, grade in rows.values_list("path", "grade")))
        for kind, rows in (
            ("villages", VillageYear.objects.filter(assessment=assessment).order_by("path")),
            ("cadres", CadreResult.objects.filter(assessment=assessment).order_by("path")),
        )
    }


# --- Publishing ---------------------------------------------------------------------------


@transaction.atomic
def publish_assessment(
    assessment: YearAssessment, *, version: int, by: User, now: datetime, quota_reason: str = ""
) -> YearAssessment:
    """Make the results the ones that hold; an earlier revision becomes superseded, proposals follow from the grades.

    Raises ValidationError "not_computed", "own_work" (who computed it does not publish it; the database holds this
    too), "out_of_date" (what it rests on has changed since), "quota_reason_missing"; Conflict for an old version.
    """
    row = YearAssessment.objects.select_for_update().get(pk=assessment.pk)
    if row.state != State.COMPUTED:
        raise ValidationError(_("Compute the assessment first, then it can be published."), "not_computed")
    if row.version != version:
        raise Conflict
    if row.computed_by_id == by.pk:
        raise ValidationError(_("You had this assessment computed, so somebody else publishes it."), "own_work")
    if _calculate(row, row.computed_at or now).checksum != row.checksum:
        raise ValidationError(
            _("A month, a score or a post has changed since this was computed. Compute it again."), "out_of_date"
        )
    is_above = any(quota_warnings(row).values())
    reason = quota_reason.strip() if is_above else ""
    if is_above and not reason:
        raise ValidationError(
            _("More are excellent than the share allows. Say why this stands, or change grades."),
            "quota_reason_missing",
        )
    same = YearAssessment.objects.filter(unit=row.unit_id, year=row.year, span=row.span, state=State.PUBLISHED)
    same.update(state=State.SUPERSEDED)
    row.state, row.published_at, row.published_by, row.quota_reason = State.PUBLISHED, now, by, reason
    row.version += 1
    row.save(update_fields=["state", "published_at", "published_by", "quota_reason", "version"])
    audit.record(
        "assessments.publish_yearassessment",
        actor=by,
        target=row,
        changes={"state": [State.COMPUTED, row.state], "revision": row.revision, "checksum": row.checksum},
        reason=reason or row.revision_reason,
    )
    year_discipline.propose_by_grade(row, now=now)
    return row


@transaction.atomic
def revise_assessment(assessment: YearAssessment, *, reason: str, by: User) -> YearAssessment:
    """The next revision of a published assessment, open, with everything that was entered; the published one holds on.

    Raises ValidationError "reason_missing", "not_published", "under_revision".
    """
    if not reason.strip():
        raise ValidationError(_("A revision needs its reason."), "reason_missing")
    old = YearAssessment.objects.select_for_update().get(pk=assessment.pk)
    if old.state != State.PUBLISHED:
        raise ValidationError(_("Only a published assessment is revised."), "not_published")
    same = YearAssessment.objects.filter(unit=old.unit_id, year=old.year, span=old.span)
    if same.filter(state__in=IN_WORK).exists():
        raise ValidationError(_("A revision is under way already."), "under_revision")
    row = YearAssessment.objects.create(
        unit_id=old.unit_id,
        path=old.path,
        year=old.year,
        span=old.span,
        revision=old.revision + 1,
        revision_reason=reason.strip(),
        document=old.document,
        rules=old.rules,
        opened_by=by,
    )
    copied = {model._meta.model_name or "": _copy(model, old, row) for model in _ENTERED}
    YearItem.objects.filter(assessment=old).update(assessment=row)
    audit.record(
        "assessments.revise_yearassessment",
        actor=by,
        target=row,
        changes={"revision": [old.revision, row.revision], "copied": copied},
        reason=row.revision_reason,
    )
    return row


_ENTERED = (DepartmentScore, SatisfactionSurvey, PersonalScore)


def _copy(model: Any, old: YearAssessment, new: YearAssessment) -> int:
    rows = list(model.objects.filter(assessment=old).order_by("pk"))
    for row in rows:
        row.pk, row.assessment = None, new
    insert_models(rows)
    return len(rows)
