"""Flags: prepared after the notice, approved by a leader, expired; taken away for a reason, with its block.

Rule: docs/rules/flags.md (handbook 2.2 and 2.3). Pay reads what stands here and in nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, bulk
from accounts.models import User
from assessments import flags
from assessments.flags import EFFECTS, Stops, Verb
from assessments.models import FlagApplication, FlagAward, FlagRevocation, FlagRound, PayRules
from assessments.services.flag_steps import Moves, clean_text, locked, must_lead_on, must_say, portions, title_of
from branches.models import Unit
from branches.scoping import paths_for

EXPIRED_AT_ONCE = 5_000


# --- Awards -----------------------------------------------------------------------------------


@transaction.atomic
def prepare_awards(
    row: FlagRound, application_ids: Collection[int], *, awarded_on: date, by: User, now: datetime
) -> list[FlagAward]:
    """Flags with their certificate numbers, which count once a leader has approved them.

    ValidationError "wrong_state", "notice_running", "awarded_too_early", "awarded_too_late",
    "already_prepared", "other_round".
    """
    row = FlagRound.objects.select_for_update().get(pk=row.pk)
    rows = locked(by, ["decide"], application_ids)
    today = timezone.localdate(now)
    for one in rows:
        _check_preparing(one, row, awarded_on, today)
    _refuse_prepared(rows)
    starts = _pay_rules(row, awarded_on, "starts") or PayRules.Starts.NEXT_MONTH
    numbers = _Numbers(row)
    awards = [
        FlagAward(
            application=one,
            round=row,
            code=one.code,
            village=one.village,
            path=one.path,
            number=numbers.following(one.code),
            notice_to=one.notice_to or awarded_on,  # never empty in public notice
            awarded_on=awarded_on,
            valid_to=row.valid_to,
            pay_from=flags.pay_from(awarded_on, starts),
            prepared_by=by,
            prepared_at=now,
        )
        for one in sorted(rows, key=lambda one: (one.category.sort, one.code, one.path))
    ]
    bulk.insert_models(awards)
    audit.record_many(
        audit.Entry(
            event="assessments.prepare_flagaward",
            actor=by,
            target=award,
            unit=award.path,
            changes={"flag": award.code, "number": award.number, "awarded_on": award.awarded_on},
        )
        for award in awards
    )
    return awards


def _check_preparing(one: FlagApplication, row: FlagRound, awarded_on: date, today: date) -> None:
    what = {"what": title_of(one)}
    if one.round_id != row.pk:
        raise ValidationError(_("Flags are awarded for one round at a time."), "other_round")
    must_lead_on(one, Verb.AWARD)
    if one.notice_to is None or today <= one.notice_to:
        raise ValidationError(
            _("%(what)s: the public notice runs until %(day)s.") % {**what, "day": one.notice_to}, "notice_running"
        )
    if awarded_on <= one.notice_to:
        raise ValidationError(_("A flag is awarded after the notice."), "awarded_too_early")
    if awarded_on > row.valid_to:
        raise ValidationError(
            _("A flag is awarded before it ends, on %(day)s.") % {"day": row.valid_to}, "awarded_too_late"
        )


def _refuse_prepared(rows: Sequence[FlagApplication]) -> None:
    for part in portions(one.pk for one in rows):
        if FlagAward.objects.filter(application__in=part).exists():
            raise ValidationError(_("Some of these flags are prepared already."), "already_prepared")


def _pay_rules(row: FlagRound, day: date, name: str) -> str | None:
    """What the county's approved rules of pay say on a day; None where there are none yet."""
    rules = PayRules.objects.filter(unit=row.unit_id, approved_by__isnull=False, valid_from__lte=day)
    return rules.order_by("-valid_from").values_list(name, flat=True).first()


class _Numbers:
    """Numbers of certificates, such as 202606-F1-001, counted on for each flag of the round."""

    def __init__(self, row: FlagRound) -> None:
        self.prefix = f"{row.last_on:%Y%m}"
        self.given: dict[str, int] = {}
        for code, number in FlagAward.objects.filter(round=row).values_list("code", "number"):
            tail = number.rpartition("-")[2]
            self.given[code] = max(self.given.get(code, 0), int(tail) if tail.isdigit() else 0)

    def following(self, code: str) -> str:
        self.given[code] = self.given.get(code, 0) + 1
        return f"{self.prefix}-{code}-{self.given[code]:03}"


@transaction.atomic
def approve_awards(award_ids: Collection[int], *, by: User, now: datetime) -> list[FlagAward]:
    """The leader's approval: the villages hold their flags.

    ValidationError "already_approved", "wrong_state"; PermissionDenied for who prepared them.
    """
    awards = _awards(by, "approve", award_ids)
    if any(award.prepared_by_id == by.pk for award in awards):
        raise PermissionDenied(_("Who prepared a flag does not approve it: another leader does."))
    if any(award.approved_by_id for award in awards):
        raise ValidationError(_("Some of these flags are approved already."), "already_approved")
    applications: dict[int, FlagApplication] = {}
    for part in portions(award.application_id for award in awards):
        rows = FlagApplication.objects.select_for_update(of=("self",)).select_related("village", "category")
        applications |= {row.pk: row for row in rows.filter(pk__in=part).order_by("pk")}
    moves = Moves("assessments.award_flagapplication", by, now)
    for award in awards:
        row = applications[award.application_id]
        moves.add(row, must_lead_on(row, Verb.AWARD), number=award.number)
        award.approved_by, award.approved_at = by, now
        award.version += 1
    bulk.update_models(awards, ["approved_by_id", "approved_at", "version"])
    moves.write()
    audit.record_many(
        audit.Entry(
            event="assessments.approve_flagaward",
            actor=by,
            target=award,
            unit=award.path,
            changes={"flag": award.code, "number": award.number, "pay_from": award.pay_from},
        )
        for award in awards
    )
    return awards


def _awards(by: User, action: str, ids: Collection[int]) -> list[FlagAward]:
    found: list[FlagAward] = []
    for part in portions(ids):
        rows = FlagAward.objects.for_user(by, action).filter(pk__in=part)
        found += rows.select_for_update(of=("self",)).select_related("village", "round").order_by("pk")
    if len(found) != len(set(ids)):
        raise PermissionDenied(_("Some of these flags are not yours to approve."))
    return found


@transaction.atomic
def expire_due(now: datetime) -> int:
    """Marks flags past their last day; asked by the ticker, twice without harm."""
    today = timezone.localdate(now)
    due = FlagAward.objects.select_for_update(of=("self",)).filter(
        approved_by__isnull=False, revoked_on__isnull=True, expired_at__isnull=True, valid_to__lt=today
    )
    awards = list(due.order_by("pk")[:EXPIRED_AT_ONCE])
    for award in awards:
        award.expired_at = now
        award.version += 1
    bulk.update_models(awards, ["expired_at", "version"])
    audit.record_many(
        audit.Entry(
            event="assessments.expire_flagaward",
            actor=None,
            target=award,
            unit=award.path,
            changes={"flag": award.code, "valid_to": award.valid_to},
        )
        for award in awards
    )
    return len(awards)


def tick(now: datetime) -> None:
    while expire_due(now) == EXPIRED_AT_ONCE:
        pass


def held_awards(village_id: int, day: date) -> QuerySet[FlagAward]:
    """Flags that a village holds on a day."""
    return FlagAward.objects.filter(
        village=village_id, approved_by__isnull=False, revoked_on__isnull=True, valid_to__gte=day
    )


# --- Taking away ------------------------------------------------------------------------------


@transaction.atomic
def propose_revocation(
    village: Unit,
    reason: str,
    *,
    happened_on: date,
    document: str,
    by: User,
    now: datetime,
    note: str = "",
    award_ids: Collection[int] = (),
) -> FlagRevocation:
    """Flags to be taken from a village; `award_ids` where the reason leaves the choice.

    ValidationError "reason_unknown", "date_ahead", "document_missing", "nothing_to_take",
    "flag_unknown", "waiting_already"; PermissionDenied outside one's area.
    """
    if not village.path.startswith(tuple(paths_for(by, "assessments.revoke_flagaward")) or ("-",)):
        raise PermissionDenied(_("You propose this for villages of your own area."))
    if reason not in EFFECTS:
        raise ValidationError(_("Choose a reason."), "reason_unknown")
    if happened_on > timezone.localdate(now):
        raise ValidationError(_("The day lies ahead."), "date_ahead")
    document = must_say(document, _("Give the number of the document it rests on."), "document_missing")[:120]
    held = list(
        held_awards(village.pk, happened_on).select_for_update(of=("self",)).select_related("application__category")
    )
    taken = _taken(EFFECTS[reason].stops, held, set(award_ids))
    if not taken and not EFFECTS[reason].blocks:
        raise ValidationError(_("%(village)s holds no such flag.") % {"village": village.name}, "nothing_to_take")
    if FlagRevocation.objects.filter(village=village, is_approved__isnull=True).exists():
        raise ValidationError(_("A proposal about this village waits for its decision already."), "waiting_already")
    found = FlagRevocation.objects.create(
        village=village,
        path=village.path,
        reason=reason,
        happened_on=happened_on,
        document=document,
        note=clean_text(note),
        proposed_by=by,
    )
    FlagRevocation.objects.filter(pk=found.pk).update(proposed_at=now)
    found.awards.set(taken)
    audit.record(
        "assessments.propose_flagrevocation",
        actor=by,
        target=found,
        unit=village.path,
        changes={"reason": reason, "flags": [award.number for award in taken], "happened_on": happened_on},
        reason=document,
    )
    return found


def _taken(stops: Stops, held: Iterable[FlagAward], chosen: set[int]) -> list[FlagAward]:
    if stops is Stops.ALL:
        return list(held)
    if stops is Stops.PARTY_BUILDING:
        return [award for award in held if award.application.category.is_party_building]
    taken = [award for award in held if award.pk in chosen]
    if len(taken) != len(chosen):
        raise ValidationError(_("Choose among the flags that the village holds."), "flag_unknown")
    return taken


@transaction.atomic
def decide_revocation(
    revocation_id: int, is_approved: bool, note: str, *, by: User, now: datetime, version: int | None = None
) -> FlagRevocation:
    """A leader takes the flags away, or lets them be, which needs a reason.

    ValidationError "already_decided", "changed_meanwhile", "reason_missing"; PermissionDenied for who proposed it.
    """
    found = _revocation(by, "approve", revocation_id, version)
    if found.is_approved is not None:
        raise ValidationError(_("This proposal has been decided already."), "already_decided")
    if found.proposed_by_id == by.pk:
        raise PermissionDenied(_("Who proposed it does not decide on it: another leader does."))
    found.decision_note = clean_text(note)
    if not is_approved and not found.decision_note:
        raise ValidationError(_("Please say why the flags stay."), "reason_missing")
    found.is_approved, found.approved_by, found.decided_at = is_approved, by, now
    found.version += 1
    taken = _take_away(found) if is_approved else []
    found.save()
    audit.record(
        "assessments.decide_flagrevocation",
        actor=by,
        target=found,
        unit=found.path,
        changes={
            "approved": is_approved,
            "reason": found.reason,
            "flags": [award.number for award in taken],
            "pay_until": [award.pay_until for award in taken],
            "blocks_until": found.blocks_until,
        },
        reason=found.decision_note,
    )
    return found


def _take_away(found: FlagRevocation) -> list[FlagAward]:
    """Ends those of the flags that have not ended meanwhile, and sets the block."""
    effect = EFFECTS[found.reason]
    awards = list(
        found.awards.select_for_update(of=("self",))
        .select_related("round")
        .filter(revoked_on__isnull=True)
        .order_by("pk")
    )
    county = FlagRound.objects.filter(pk__in={award.round_id for award in awards}).order_by("-last_on").first()
    latest = county or _latest_round(found)
    stops = (latest and _pay_rules(latest, found.happened_on, "stops")) or PayRules.Stops.NEXT_MONTH
    for award in awards:
        award.revoked_on = found.happened_on
        award.pay_until = flags.pay_until(award.pay_from, found.happened_on, stops, owes_nothing=effect.owes_nothing)
        award.version += 1
    bulk.update_models(awards, ["revoked_on", "pay_until", "version"])
    found.blocks_open = effect.until_lifted
    if effect.rounds and latest is not None:
        found.blocks_until = flags.blocked_until(found.happened_on, latest.first_on, latest.last_on, effect.rounds)
    return awards


def _latest_round(found: FlagRevocation) -> FlagRound | None:
    """The latest round of the county that had begun to be judged before it happened."""
    paths = [found.path[:end] for end in range(Unit.steplen, len(found.path) + 1, Unit.steplen)]
    rounds = FlagRound.objects.filter(path__in=paths, last_on__lte=found.happened_on)
    return rounds.order_by("-last_on").first() or FlagRound.objects.filter(path__in=paths).order_by("last_on").first()


@transaction.atomic
def lift_block(
    revocation_id: int, reason: str, *, lifted_on: date, by: User, now: datetime, version: int | None = None
) -> FlagRevocation:
    """The village may apply again from a day on. The flags that were taken do not come back.

    ValidationError "no_block", "date_behind", "reason_missing".
    """
    found = _revocation(by, "approve", revocation_id, version)
    if not found.is_approved or found.lifted_on is not None or not (found.blocks_open or found.blocks_until):
        raise ValidationError(_("Nothing keeps this village from applying."), "no_block")
    if lifted_on < found.happened_on:
        raise ValidationError(_("The day lies before the revocation."), "date_behind")
    reason = must_say(reason, _("Please give the reason."), "reason_missing")
    found.lifted_on = lifted_on
    found.version += 1
    found.save(update_fields=["lifted_on", "version"])
    audit.record(
        "assessments.lift_flagrevocation",
        actor=by,
        target=found,
        unit=found.path,
        changes={"lifted_on": [None, lifted_on]},
        reason=reason,
    )
    return found


def _revocation(by: User, action: str, revocation_id: int, version: int | None) -> FlagRevocation:
    found = (
        FlagRevocation.objects.for_user(by, action)
        .select_for_update(of=("self",))
        .select_related("village")
        .filter(pk=revocation_id)
        .first()
    )
    if found is None:
        raise PermissionDenied(_("Flags are taken away by a leader of the county."))
    if version is not None and version != found.version:
        raise ValidationError(_("Somebody changed this proposal meanwhile."), "changed_meanwhile")
    return found
