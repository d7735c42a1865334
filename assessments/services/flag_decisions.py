"""From the panel to the end of the public notice: scores of judges, the meeting, the notice, objections.

Rule: docs/rules/flags.md (handbook 2.2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments import flags
from assessments.flags import Verb
from assessments.models import FlagApplication, FlagCategory, FlagObjection, FlagPanelScore, FlagRound
from assessments.rules import to_hundredths
from assessments.services.flag_steps import (
    Moves,
    State,
    blocked_villages,
    clean_text,
    locked,
    must_be_open,
    must_lead_on,
    must_say,
    refuse_own,
    title_of,
)
from branches.calendars import workday_exceptions
from branches.scoping import paths_for
from branches.workdays import DAY, add_working_days

GRANTED = (State.DECIDED, State.PUBLIC_NOTICE, State.OBJECTION_HOLD, State.AWARDED)


# --- The panel --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judge:
    """A judge's score out of 100; None is a recusal (回避), which needs its reason."""

    name: str
    score: Decimal | None
    reason: str = ""


@transaction.atomic
def enter_panel(
    application_id: int, judges: Sequence[Judge], *, by: User, now: datetime, version: int | None = None
) -> FlagApplication:
    """The panel's scores of a rechecked application, in place of those entered before.

    ValidationError "no_panel", "wrong_state", "judge_missing", "judge_twice", "score_out_of_range",
    "reason_missing" (of a recusal), "all_recused".
    """
    (row,) = locked(by, ["decide"], [application_id], {} if version is None else {application_id: version})
    must_be_open(row.round)
    if not row.round.panel_share:
        raise ValidationError(_("This round has no panel."), "no_panel")
    if row.state != State.DEPT_REVIEWED:
        must_lead_on(row, Verb.GRANT)
    _check_judges(judges)
    mean = flags.trimmed_mean([judge.score for judge in judges], row.round.panel_dropped)
    if mean is None:
        raise ValidationError(_("Every judge stood back. At least one has to score."), "all_recused")
    row.panel_scores.all().delete()
    FlagPanelScore.objects.bulk_create(
        FlagPanelScore(
            application=row,
            judge=clean_text(judge.name),
            score=judge.score,
            is_recused=judge.score is None,
            reason=clean_text(judge.reason)[:200],
            entered_by=by,
            entered_at=now,
        )
        for judge in judges
    )
    row.panel_hundredths = mean
    row.score_hundredths = flags.score(row.checked_hundredths or 0, mean, row.round.panel_share)
    moves = Moves("assessments.assess_flagapplication", by, now)
    moves.add(row, row.state, note="", panel=mean, score=row.score_hundredths)
    moves.write("panel_hundredths", "score_hundredths")
    return row


def _check_judges(judges: Sequence[Judge]) -> None:
    names = [clean_text(judge.name) for judge in judges]
    if not names or not all(names):
        raise ValidationError(_("Give the name of each judge."), "judge_missing")
    if len(set(names)) != len(names):
        raise ValidationError(_("A judge stands in the list twice."), "judge_twice")
    for judge in judges:
        if judge.score is None and not clean_text(judge.reason):
            raise ValidationError(_("Say why %(judge)s stood back.") % {"judge": judge.name}, "reason_missing")
        if judge.score is not None and not Decimal(0) <= judge.score <= Decimal(100):
            raise ValidationError(
                _("The score of %(judge)s lies between 0 and 100.") % {"judge": judge.name}, "score_out_of_range"
            )


# --- The meeting ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decision:
    application_id: int
    is_granted: bool
    reason: str = ""
    version: int | None = None


@transaction.atomic
def decide_applications(
    category: FlagCategory,
    decisions: Sequence[Decision],
    *,
    met_on: date,
    minute_number: str,
    by: User,
    now: datetime,
    quota_reason: str = "",
) -> list[FlagApplication]:
    """The yes and no of a meeting about one flag.

    A village that passes and is refused needs a reason, and so does a flag beyond the quota
    (`quota_reason` for all of them). ValidationError "minutes_missing", "date_ahead", "wrong_state",
    "panel_missing", "not_passed", "blocked", "reason_missing", "quota_reason_missing"; PermissionDenied
    for who applied or rechecked.
    """
    wanted = {one.application_id: one for one in decisions}
    minute_number = must_say(minute_number, _("Give the number of the minutes."), "minutes_missing")[:60]
    if met_on > timezone.localdate(now):
        raise ValidationError(_("The meeting lies ahead."), "date_ahead")
    versions = {pk: one.version for pk, one in wanted.items() if one.version is not None}
    FlagRound.objects.select_for_update().get(pk=category.round_id)
    rows = locked(by, ["decide"], list(wanted), versions)
    refuse_own(rows, by, Verb.GRANT, "rechecked_by", "township_reviewed_by")
    if any(row.category_id != category.pk for row in rows):
        raise ValidationError(_("A meeting decides on one flag at a time."), "other_flag")
    beyond = set(beyond_quota(category, [row for row in rows if wanted[row.pk].is_granted]))
    blocked = blocked_villages(category.round, {row.village_id for row in rows}, timezone.localdate(now))
    moves = Moves("assessments.decide_flagapplication", by, now)
    for row in rows:
        one = wanted[row.pk]
        must_be_open(row.round)
        following = must_lead_on(row, Verb.GRANT if one.is_granted else Verb.REFUSE)
        reason = clean_text(one.reason) or (clean_text(quota_reason) if row.pk in beyond else "")
        _check_decision(row, one.is_granted, reason, is_beyond=row.pk in beyond, is_blocked=row.village_id in blocked)
        row.is_granted, row.met_on, row.minute_number, row.decision_reason = (
            one.is_granted,
            met_on,
            minute_number,
            reason,
        )
        row.decided_by, row.decided_at = by, now
        moves.add(
            row, following, note=reason, granted=one.is_granted, minutes=minute_number, score=row.score_hundredths
        )
    return moves.write("is_granted", "met_on", "minute_number", "decision_reason", "decided_by_id", "decided_at")


def does_pass(row: FlagApplication) -> bool:
    return flags.passes(row.score_hundredths, to_hundredths(row.category.pass_line), row.gates_failed)


def beyond_quota(category: FlagCategory, granted: Sequence[FlagApplication]) -> list[int]:
    """Ids of those of `granted` whose flag would lie beyond the quota. No query without a quota."""
    if category.quota is None:
        return []
    taken = FlagApplication.objects.filter(category=category, state__in=GRANTED).count()
    return flags.beyond_quota({row.pk: row.score_hundredths or 0 for row in granted}, taken, category.quota)


def _check_decision(row: FlagApplication, is_granted: bool, reason: str, *, is_beyond: bool, is_blocked: bool) -> None:
    what = {"what": title_of(row)}
    if row.score_hundredths is None:
        raise ValidationError(_("%(what)s: the panel has not scored yet.") % what, "panel_missing")
    if is_granted and not does_pass(row):
        raise ValidationError(_("%(what)s does not pass, so it gets no flag.") % what, "not_passed")
    if is_granted and is_blocked:
        raise ValidationError(_("%(what)s: the village is kept from flags at present.") % what, "blocked")
    if not is_granted and does_pass(row) and not reason:
        raise ValidationError(_("%(what)s passes: give the reason why it gets no flag.") % what, "reason_missing")
    if is_beyond and not reason:
        raise ValidationError(
            _("%(what)s lies beyond the quota: give the reason why the quota is passed.") % what,
            "quota_reason_missing",
        )


# --- The public notice ------------------------------------------------------------------------


@transaction.atomic
def start_notice(
    row: FlagRound, application_ids: Collection[int], *, from_on: date, by: User, now: datetime
) -> list[FlagApplication]:
    """Puts granted applications into public notice for the round's working days, the first day among them.

    ValidationError "date_behind", "wrong_state", "other_round".
    """
    if from_on < timezone.localdate(now):
        raise ValidationError(_("The notice begins today or later."), "date_behind")
    until = notice_end(row, from_on)
    rows = locked(by, ["decide"], application_ids)
    moves = Moves("assessments.announce_flagapplication", by, now)
    for one in rows:
        if one.round_id != row.pk:
            raise ValidationError(_("A notice is about one round."), "other_round")
        one.notice_from, one.notice_to = from_on, until
        moves.add(one, must_lead_on(one, Verb.NOTICE), notice=[from_on, until])
    return moves.write("notice_from", "notice_to")


def notice_end(row: FlagRound, from_on: date) -> date:
    """The last working day of a notice that begins on `from_on`, which counts where it is worked."""
    before = from_on - DAY
    exceptions = workday_exceptions(row.path, before, from_on + timedelta(days=30 + 3 * row.notice_days))
    return add_working_days(before, row.notice_days, exceptions)


# --- Objections -------------------------------------------------------------------------------


@transaction.atomic
def raise_objection(application_id: int, text: str, *, raised_on: date, by: User, now: datetime) -> FlagObjection:
    """An objection within the days of the notice holds the flag until it is decided.

    ValidationError "text_missing", "wrong_state", "outside_the_notice"; PermissionDenied outside one's area.
    """
    (row,) = locked(by, ["view"], [application_id])
    if not row.path.startswith(tuple(paths_for(by, "assessments.add_flagobjection")) or ("-",)):
        raise PermissionDenied(_("You enter objections of your own area."))
    following = must_lead_on(row, Verb.OBJECT)
    today = timezone.localdate(now)
    if (
        row.notice_from is None
        or row.notice_to is None
        or not row.notice_from <= raised_on <= min(today, row.notice_to)
    ):
        raise ValidationError(
            _("An objection counts if it is raised during the notice, %(first)s to %(last)s.")
            % {"first": row.notice_from, "last": row.notice_to},
            "outside_the_notice",
        )
    found = FlagObjection.objects.create(
        application=row,
        path=row.path,
        code=row.code,
        raised_on=raised_on,
        text=must_say(text, _("Please say what is objected."), "text_missing"),
        entered_by=by,
    )
    moves = Moves("assessments.hold_flagapplication", by, now)
    moves.add(row, following)
    moves.write()
    audit.record(
        "assessments.open_flagobjection",
        actor=by,
        target=found,
        unit=row.path,
        changes={"flag": row.code, "text": audit.HIDDEN},
    )
    return found


@transaction.atomic
def decide_objection(
    objection_id: int, outcome: str, finding: str, *, by: User, now: datetime, version: int | None = None
) -> FlagObjection:
    """What was found. Upheld: no flag. Rejected: the notice goes on, once no other objection is open.

    ValidationError "outcome_unknown", "already_decided", "finding_missing", "changed_meanwhile";
    PermissionDenied for who entered it, applied for or rechecked the flag.
    """
    found = FlagObjection.objects.for_user(by, "decide").select_for_update(of=("self",)).filter(pk=objection_id).first()
    if found is None:
        raise PermissionDenied(_("Objections are decided by the county office."))
    row = (
        FlagApplication.objects.select_for_update(of=("self",))
        .select_related("village", "category", "round")
        .get(pk=found.application_id)
    )
    if found.outcome:
        raise ValidationError(_("This objection has been decided already."), "already_decided")
    if version is not None and version != found.version:
        raise ValidationError(_("Somebody changed this objection meanwhile."), "changed_meanwhile")
    if outcome not in FlagObjection.Outcome.values:
        raise ValidationError(_("Choose a decision."), "outcome_unknown")
    if by.pk in {found.entered_by_id, row.applied_by_id, row.rechecked_by_id}:
        raise PermissionDenied(
            _("Who entered the objection, applied or rechecked does not decide on it: a colleague does.")
        )
    found.finding = must_say(finding, _("Please write down what was found."), "finding_missing")
    found.outcome, found.decided_by, found.decided_at = outcome, by, now
    found.version += 1
    found.save(update_fields=["finding", "outcome", "decided_by", "decided_at", "version"])
    _follow_objection(row, found, by, now)
    audit.record(
        "assessments.decide_flagobjection",
        actor=by,
        target=found,
        unit=row.path,
        changes={"flag": row.code, "outcome": ["", outcome], "finding": audit.HIDDEN},
    )
    return found


def _follow_objection(row: FlagApplication, found: FlagObjection, by: User, now: datetime) -> None:
    """An application that is decided otherwise by now stays as it is."""
    if row.state != State.OBJECTION_HOLD:
        return
    moves = Moves("assessments.resume_flagapplication", by, now)
    if found.outcome == FlagObjection.Outcome.UPHELD:
        moves.event = "assessments.refuse_flagapplication"
        moves.add(row, must_lead_on(row, Verb.UPHOLD))
    elif not row.objections.filter(outcome="").exists():
        moves.add(row, must_lead_on(row, Verb.DISMISS))
    moves.write()


def waiting_objections(applications: Mapping[int, FlagApplication]) -> dict[int, list[FlagObjection]]:
    """Application -> its objections, the open ones first. One query."""
    found: dict[int, list[FlagObjection]] = {}
    for one in FlagObjection.objects.filter(application__in=list(applications)).order_by("outcome", "pk"):
        found.setdefault(one.application_id, []).append(one)
    return found
