"""Objections: a township objects to one line of a receipt, somebody who did not score it decides.

An objection that is upheld, or leads to another correction, puts the value right and has
the next numbered revision computed as a draft; a leader publishes it like any ranking.
Rule: docs/rules/appeals.md (handbook 3.7). What is claimed and decided is class D3: it
stands in the row alone, never in the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, User
from assessments.cells import Context, Value, cell_problem
from assessments.models import Adjustment, Appeal, Period, Ranking, Result, VillageMonth
from assessments.rules import AdjustmentRule, IndicatorRule, SchemeRules, to_scaled
from assessments.services.closing import revise
from assessments.services.returns import SAVE_EVENT
from branches.calendars import workday_exceptions
from branches.workdays import add_working_days

DEFAULT_ANSWER_DAYS = 5
MAX_TEXT = 1000
CORRECTING = frozenset({Appeal.State.UPHELD, Appeal.State.CORRECTED})
MOST_TIMES = 99

Corrections = Mapping[str, int]
"""Column of an indicator -> value in 1/10 000, or code of a bonus, penalty or veto -> times, 0 for none."""


@transaction.atomic
def open_appeal(
    result: Result, line_code: str, claim: str, claimed_values: Corrections, *, by: User, now: datetime
) -> Appeal:
    """An objection of a village to one line of its published receipt.

    `claimed_values` are what should stand there instead, and may be empty. Raises
    ValidationError "not_published", "too_late", "already_objected", "line_unknown",
    "claim_missing", "value_refused".
    """
    ranking = Ranking.objects.select_for_update(of=("self",)).select_related("period__scheme").get(pk=result.ranking_id)
    _refuse_opening(ranking, result, now)
    rules = SchemeRules.from_snapshot(ranking.rules)
    if rules.indicator(line_code) is None and rules.adjustment(line_code) is None:
        raise ValidationError(_("This receipt has no such line."), "line_unknown")
    claim = _text(claim, _("Please say what is wrong in this line."), "claim_missing")
    _check_values(rules, line_code, claimed_values)
    appeal = Appeal.objects.create(
        ranking=ranking,
        result=result,
        period_id=ranking.period_id,
        village_id=result.village_id,
        path=result.path,
        line_code=line_code,
        claim=claim,
        claimed_values=dict(claimed_values),
        opened_by=by,
        answer_by=answer_deadline(ranking.period, now),
    )
    audit.record(
        "assessments.open_appeal",
        actor=by,
        target=appeal,
        unit=appeal.path,
        changes={"line": line_code, "claim": audit.HIDDEN},
    )
    return appeal


def _refuse_opening(ranking: Ranking, result: Result, now: datetime) -> None:
    if ranking.state != Ranking.State.PUBLISHED:
        raise ValidationError(_("Only the published ranking can be objected to."), "not_published")
    if ranking.appeal_until is None or now > ranking.appeal_until:
        raise ValidationError(_("The time for objections to this month is over."), "too_late")
    if Appeal.objects.filter(period=ranking.period_id, village=result.village_id).exists():
        raise ValidationError(_("This village has already objected in this month."), "already_objected")


def answer_deadline(period: Period, opened_at: datetime) -> datetime:
    """End of the last of the scheme's working days for the county's answer, counted from the day after."""
    days = int(period.scheme.calendar.get("answer_working_days", DEFAULT_ANSWER_DAYS))
    day = timezone.localdate(opened_at)
    last = add_working_days(day, days, workday_exceptions(period.path, day, day + timedelta(days=60)))
    return timezone.make_aware(datetime.combine(last, time(23, 59, 59)))


@transaction.atomic
def decide_appeal(
    appeal: Appeal, outcome: str, decision: str, corrected_values: Corrections, *, by: User, now: datetime
) -> Appeal:
    """The county's answer. Upheld takes the claimed values unless others are given; corrected needs its own.

    A correction is written with its audit event and the next revision computed. Raises
    ValidationError "already_decided", "outcome_unknown", "decision_missing",
    "values_missing", "value_refused", "not_correctable"; PermissionDenied for the person
    who objected, and for whoever entered or reviewed the value.
    """
    period = Period.objects.select_for_update(of=("self",)).select_related("unit").get(pk=appeal.period_id)
    appeal = Appeal.objects.select_for_update(of=("self",)).select_related("ranking", "village").get(pk=appeal.pk)
    if appeal.state != Appeal.State.OPEN:
        raise ValidationError(_("This objection has been decided already."), "already_decided")
    if outcome not in {*CORRECTING, Appeal.State.REJECTED}:
        raise ValidationError(_("Choose a decision."), "outcome_unknown")
    if by.pk in scorers(appeal):
        raise PermissionDenied(_("Who objected, entered or reviewed this value does not decide on it."))
    appeal.state, appeal.decided_by, appeal.decided_at = outcome, by, now
    appeal.decision = _text(decision, _("Please give the reason: the township reads it."), "decision_missing")
    if outcome in CORRECTING:
        _correct(appeal, dict(corrected_values), by, now)
    appeal.save()
    audit.record(
        "assessments.decide_appeal",
        actor=by,
        target=appeal,
        unit=appeal.path,
        changes={"state": [Appeal.State.OPEN, outcome], "line": appeal.line_code, "decision": audit.HIDDEN},
    )
    if outcome in CORRECTING:
        revise_for_appeals(period, by=by, now=now)
        appeal.refresh_from_db()
    return appeal


def scorers(appeal: Appeal) -> set[int]:
    """Ids of who may not decide: who objected, and who entered or reviewed the value of the line."""
    people = {appeal.opened_by_id}
    rules = SchemeRules.from_snapshot(appeal.ranking.rules)
    rule = rules.indicator(appeal.line_code)
    if rule is None:
        entered = _adjustments(appeal).exclude(entered_by=None)
        return people | set(entered.values_list("entered_by", flat=True))
    if rule.source == "S":
        return people
    row = VillageMonth.objects.select_related("submission").get(period=appeal.period_id, village=appeal.village_id)
    codes = set(rule.value_codes())
    people |= {remark["by"] for code, remark in row.remarks.items() if code in codes and remark.get("by")}
    if rule.source == "T":
        handed_in = (row.submission.reviewed_by_id, row.submission.submitted_by_id)
        people |= {person for person in handed_in if person is not None}
    saved = AuditEvent.objects.filter(
        event=SAVE_EVENT, target_type=VillageMonth._meta.label_lower, target_id=str(row.pk)
    ).exclude(actor=None)
    people |= {actor for actor, changes in saved.values_list("actor", "changes") if codes & set(changes)}
    return people


def waiting_corrections(period: Period) -> list[Appeal]:
    """Objections that put a value right and whose revision has not been computed, or was discarded."""
    return list(Appeal.objects.filter(period=period, state__in=CORRECTING, revision__isnull=True).order_by("pk"))


@transaction.atomic
def revise_for_appeals(period: Period, *, by: User, now: datetime) -> Ranking:
    """Computes the revision that carries every correction of an objection not yet published, in place of a draft.

    Raises what `closing.revise` raises, and ValidationError "nothing_to_correct".
    """
    pending = Appeal.objects.filter(period=period, state__in=CORRECTING).exclude(
        revision__state__in=[Ranking.State.PUBLISHED, Ranking.State.SUPERSEDED]
    )
    found = list(pending.select_related("village").order_by("pk"))
    if not found:
        raise ValidationError(_("There is no correction that waits for a revision."), "nothing_to_correct")
    draft = revise(period, by=by, now=now, reason=_reason(found)[:500])
    Appeal.objects.filter(pk__in=[appeal.pk for appeal in found]).update(revision=draft)
    return draft


def _reason(found: Iterable[Appeal]) -> str:
    """In the language of the county, because it is kept."""
    with translation.override(settings.LANGUAGE_CODE):
        lines = _("; ").join(f"{appeal.village.name} {appeal.line_code}" for appeal in found)
        return _("Objections: %(list)s.") % {"list": lines}


# --- Corrections --------------------------------------------------------------------------


def _correct(appeal: Appeal, values: dict[str, int], by: User, now: datetime) -> None:
    if not values and appeal.state == Appeal.State.UPHELD:
        values = dict(appeal.claimed_values)
    if not values:
        raise ValidationError(_("Enter the value that is right."), "values_missing")
    rules = SchemeRules.from_snapshot(appeal.ranking.rules)
    _check_values(rules, appeal.line_code, values)
    appeal.corrected_values = values
    rule = rules.indicator(appeal.line_code)
    if rule is None:
        _correct_adjustment(appeal, values[appeal.line_code], by)
    elif rule.source != "S":
        _correct_cells(appeal, rules, rule, values, by, now)


def _correct_cells(
    appeal: Appeal, rules: SchemeRules, rule: IndicatorRule, values: Mapping[str, int], by: User, now: datetime
) -> None:
    """Writes entered cells. Columns computed by the system are kept in the objection and applied by the revision."""
    row = VillageMonth.objects.select_for_update(of=("self",)).get(period=appeal.period_id, village=appeal.village_id)
    before = {code: row.values.get(code) for code in values}
    row.values.update(values)
    _check_cells(rules, rule, row)
    row.version += 1
    row.updated_at, row.updated_by = now, by
    row.save(update_fields=["values", "version", "updated_at", "updated_by"])
    audit.record(
        "assessments.correct_values",
        actor=by,
        target=row,
        unit=row.path,
        changes={code: [before[code], value] for code, value in values.items()},
        reason=_("objection %(number)s") % {"number": appeal.pk},
    )


def _check_cells(rules: SchemeRules, rule: IndicatorRule, row: VillageMonth) -> None:
    specs = {spec.code: spec for spec in rules.cells(rule.source) if spec.indicator == rule.code}
    values = {code: Value.from_stored(row.values.get(code)) for code in specs}
    for code in specs:
        problem = cell_problem(code, specs, values, Context())
        if problem is not None and not problem.asks_reason:
            raise ValidationError(problem.message, "value_refused")


def _correct_adjustment(appeal: Appeal, times: int, by: User) -> None:
    """Voids the entered items of the line, or leaves the first with `times`. What the system counts cannot be set."""
    entered = list(_adjustments(appeal).select_for_update().order_by("pk"))
    if not entered:
        raise ValidationError(
            _("The system counts this item from its records. Correct the record, then compute a correction."),
            "not_correctable",
        )
    for place, item in enumerate(entered):
        before = [item.count, item.is_void]
        item.is_void = place > 0 or times == 0
        item.count = times if place == 0 and times else item.count
        item.version += 1
        item.save(update_fields=["is_void", "count", "version"])
        audit.record(
            "assessments.correct_adjustment",
            actor=by,
            target=item,
            unit=item.path,
            changes={"count": [before[0], item.count], "is_void": [before[1], item.is_void]},
            reason=_("objection %(number)s") % {"number": appeal.pk},
        )


def _adjustments(appeal: Appeal) -> Any:
    return Adjustment.objects.filter(
        period=appeal.period_id, village=appeal.village_id, item_code=appeal.line_code, is_void=False
    )


def _check_values(rules: SchemeRules, line_code: str, values: Corrections) -> None:
    """Whether these values can stand in the line. Raises ValidationError "value_refused"."""
    item: IndicatorRule | AdjustmentRule | None = rules.indicator(line_code) or rules.adjustment(line_code)
    allowed: Iterable[str] = item.value_codes() if isinstance(item, IndicatorRule) else [line_code]
    limits = {}
    if isinstance(item, IndicatorRule):
        limits = {spec.code: spec for spec in item.cells()}
    for code, value in values.items():
        if code not in allowed or isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(_("This value does not belong to the line."), "value_refused")
        if value < 0 or (isinstance(item, AdjustmentRule) and value > MOST_TIMES):
            raise ValidationError(_("This value is out of range."), "value_refused")
        spec = limits.get(code)
        if spec is not None and spec.maximum is not None and value > to_scaled(spec.maximum):
            raise ValidationError(_("This value is out of range."), "value_refused")


def _text(text: str, message: str, code: str) -> str:
    text = " ".join(text.replace("\x00", "").split())
    if not text:
        raise ValidationError(message, code)
    if len(text) > MAX_TEXT:
        raise ValidationError(_("At most %(n)d characters.") % {"n": MAX_TEXT}, "text_too_long")
    return text
