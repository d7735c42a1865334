"""Review of what townships hand in: verdicts on cells, returning, accepting, unlocking.

Rule: docs/guide/review-and-publish.md. A verdict stands in `VillageMonth.remarks` of its
cell: `{"verdict", "text", "by", "at", "value", "times"}`; `value` is what was looked at,
`times` how often the cell has been sent back in this month (penalty N3 counts from two).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments.models import Period, Return, Unlock, VillageMonth
from assessments.review_tables import is_clean, load_tables

MAX_REASON = 500
MAX_REMINDER = 200
REVIEWABLE = (Period.State.OPEN, Period.State.LOCKED)


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    RETURNED = "returned"
    UNDECIDED = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reviewer says about one cell. A returned cell needs a text the township can act on;
    undecided takes an earlier verdict back."""

    village_id: int
    code: str
    verdict: Verdict
    text: str = ""


def is_opened(submission: Return) -> bool:
    """Whether a reviewer has opened what was handed in last, so that the township can no longer withdraw it."""
    return (
        submission.reviewed_at is not None
        and submission.submitted_at is not None
        and submission.reviewed_at >= submission.submitted_at
    )


def standing_verdict(remark: Mapping[str, Any] | None, value: Any, submitted_at: datetime | None) -> Verdict | None:
    """The verdict that holds for a cell now, None while it is undecided.

    An acceptance holds as long as the value it was given to stands, so nobody looks at an
    unchanged cell twice. A return holds for the submission it was made on.
    """
    if not remark or remark["verdict"] == Verdict.UNDECIDED:
        return None
    if remark["verdict"] == Verdict.ACCEPTED:
        return Verdict.ACCEPTED if remark.get("value") == value else None
    if submitted_at is None or datetime.fromisoformat(remark["at"]) >= submitted_at:
        return Verdict.RETURNED
    return None


@transaction.atomic
def open_for_review(submission: Return, *, by: User, now: datetime) -> Return:
    """Marks that the review has begun, once for each submission. Harmless in any other state."""
    if submission.state != Return.State.SUBMITTED or is_opened(submission) or submission.submitted_by_id == by.pk:
        return submission
    locked = _locked(submission)
    if locked.state != Return.State.SUBMITTED or is_opened(locked):
        return locked
    locked.reviewed_by, locked.reviewed_at = by, now
    locked.save(update_fields=["reviewed_by", "reviewed_at"])
    audit.record("assessments.open_review", actor=by, target=locked, unit=locked.unit, changes=None)
    return locked


@transaction.atomic
def record_verdicts(submission: Return, remarks: Sequence[Remark], *, by: User, now: datetime) -> Return:
    """Keeps the reviewer's verdicts on cells of a submitted return; several at once for a selection.

    Raises ValidationError "not_submitted", "reason_missing", "cell_unknown".
    """
    locked = _reviewable(submission, by)
    _write_remarks(locked, remarks, by, now)
    return locked


@transaction.atomic
def return_cells(submission: Return, remarks: Sequence[Remark], reason: str, *, by: User, now: datetime) -> Return:
    """Sends the return back to the township with the cells to put right; the other cells stay as they are.

    `remarks` are added to the verdicts recorded before. Raises ValidationError
    "not_submitted", "reason_missing", "nothing_returned", "month_locked".
    """
    locked = _reviewable(submission, by)
    reason = _reason(reason)
    if locked.period.state != Period.State.OPEN and not live_unlocks(now).filter(submission=locked).exists():
        raise ValidationError(
            _("The month is locked: the township could not correct anything. Ask for an unlock first."),
            code="month_locked",
        )
    _write_remarks(locked, remarks, by, now)
    returned = _send_back_cells(locked)
    if not returned:
        raise ValidationError(
            _("Mark at least one cell as returned, so that the township knows what to correct."),
            code="nothing_returned",
        )
    locked.state, locked.returned_at, locked.return_reason = Return.State.RETURNED, now, reason
    locked.reviewed_by, locked.reviewed_at = by, now
    locked.version += 1
    locked.save()
    audit.record(
        "assessments.return_cells",
        actor=by,
        target=locked,
        unit=locked.unit,
        changes={"state": [Return.State.SUBMITTED, Return.State.RETURNED], "cells": returned},
        reason=reason,
    )
    return locked


@transaction.atomic
def accept_return(submission: Return, *, by: User, now: datetime) -> Return:
    """Accepts a submitted return as a whole, which locks it. What has no verdict of its own is accepted with it.

    Raises ValidationError "not_submitted", "cells_returned"; PermissionDenied for the
    person who handed it in (maker is not checker; the database refuses it too).
    """
    locked = _reviewable(submission, by)
    if _returned_cells(locked):
        raise ValidationError(
            _("A cell is marked as returned. Send the return back, or take the mark off first."),
            code="cells_returned",
        )
    _accept([locked], by, now)
    return locked


@transaction.atomic
def accept_returns(period: Period, submission_ids: Iterable[int], *, by: User, now: datetime) -> list[Return]:
    """Accepts several submitted returns of a month at once and gives those accepted.

    Passes over what is no longer submitted, has a returned cell, or was handed in by the
    same person: between the look and the click others go on working.
    """
    rows = (
        Return.objects.for_user(by, "review")
        .filter(period=period, pk__in=list(submission_ids), state=Return.State.SUBMITTED)
        .exclude(submitted_by=by)
        .select_for_update(of=("self",))
        .select_related("unit", "period")
        .prefetch_related("village_months")
    )
    accepted = [row for row in rows if row.period.state in REVIEWABLE and not _returned_cells(row)]
    _accept(accepted, by, now)
    return accepted


@transaction.atomic
def accept_clean_returns(period: Period, *, by: User, now: datetime) -> list[Return]:
    """Accepts every submitted return of the month in which nothing stands out, is missing or is marked as returned."""
    waiting = list(
        Return.objects.for_user(by, "review")
        .filter(period=period, state=Return.State.SUBMITTED)
        .exclude(submitted_by=by)
        .select_for_update(of=("self",))
        .select_related("unit", "period")
        .order_by("path")
    )
    clean = [table.submission.pk for table in load_tables(period, waiting) if is_clean(table)]
    return accept_returns(period, clean, by=by, now=now)


def _accept(rows: Sequence[Return], by: User, now: datetime) -> None:
    """Marks locked rows as accepted, ends their unlocks, records each. Three queries."""
    for row in rows:
        row.state = Return.State.ACCEPTED
        row.reviewed_by, row.reviewed_at = by, now
        row.version += 1
    Return.objects.bulk_update(rows, ["state", "reviewed_by", "reviewed_at", "version"])
    Unlock.objects.filter(submission__in=rows, is_approved=True, relocked_at__isnull=True).update(relocked_at=now)
    audit.record_many(
        {
            "event": "assessments.accept_return",
            "actor": by,
            "target": row,
            "unit": row.unit,
            "changes": {"state": [Return.State.SUBMITTED, Return.State.ACCEPTED]},
        }
        for row in rows
    )


# --- Reminding ----------------------------------------------------------------------------


REMINDER_PAUSE = timedelta(hours=2)
"""A township is not reminded again before this time is over."""


@transaction.atomic
def remind(period: Period, submission_ids: Iterable[int], text: str, *, by: User, now: datetime) -> list[Return]:
    """Reminds townships that have not handed in; the notice stands on their home page. Gives those reminded.

    Passes over what has been handed in meanwhile and who was reminded a moment ago.
    Raises ValidationError "not_open", "text_too_long".
    """
    if period.state != Period.State.OPEN:
        raise ValidationError(_("Only while the month is open can a township be reminded."), code="not_open")
    text = " ".join(text.split())
    if len(text) > MAX_REMINDER:
        raise ValidationError(_("At most %(n)d characters.") % {"n": MAX_REMINDER}, code="text_too_long")
    recently = Q(reminded_at__isnull=False, reminded_at__gt=now - REMINDER_PAUSE)
    rows = list(
        Return.objects.for_user(by, "review")
        .filter(period=period, pk__in=list(submission_ids), state__in=[Return.State.DRAFT, Return.State.RETURNED])
        .exclude(recently)
        .select_for_update(of=("self",))
        .select_related("unit")
    )
    Return.objects.filter(pk__in=[row.pk for row in rows]).update(reminded_at=now, reminded_by=by, reminder=text)
    audit.record_many(
        {"event": "assessments.remind_return", "actor": by, "target": row, "unit": row.path, "reason": text}
        for row in rows
    )
    return rows


# --- Unlocking ----------------------------------------------------------------------------


@transaction.atomic
def ask_unlock(submission: Return, reason: str, hours: int, *, by: User, now: datetime) -> Unlock:
    """A request to open an accepted return again for some hours, for a leader to decide.

    Raises ValidationError "not_accepted", "already_asked", "reason_missing", "hours_out_of_range", "month_computed".
    """
    locked = _locked(submission)
    reason = _reason(reason)
    _check_unlockable(locked)
    if not 1 <= hours <= 72:
        raise ValidationError(_("Between 1 and 72 hours."), code="hours_out_of_range")
    if locked.unlocks.filter(is_approved__isnull=True).exists():
        raise ValidationError(_("A request for this return is already waiting for the leader."), code="already_asked")
    unlock = Unlock.objects.create(submission=locked, path=locked.path, reason=reason, hours=hours, asked_by=by)
    audit.record(
        "assessments.ask_unlock",
        actor=by,
        target=unlock,
        unit=locked.unit,
        changes={"hours": [None, hours]},
        reason=reason,
    )
    return unlock


@transaction.atomic
def decide_unlock(unlock: Unlock, is_approved: bool, *, by: User, now: datetime) -> Unlock:
    """The leader's decision. Approved, the return can be corrected until the hours are over, then it locks itself.

    Raises ValidationError "already_decided", "not_accepted", "month_computed"; PermissionDenied for who asked.
    """
    unlock = Unlock.objects.select_for_update().get(pk=unlock.pk)
    if unlock.is_approved is not None:
        raise ValidationError(_("This request has been decided already."), code="already_decided")
    if unlock.asked_by_id == by.pk:
        raise PermissionDenied(_("The person who asked for an unlock does not decide it."))
    locked = _locked(unlock.submission)
    unlock.is_approved, unlock.decided_by, unlock.decided_at = is_approved, by, now
    if is_approved:
        _check_unlockable(locked)
        unlock.open_until = now + timedelta(hours=unlock.hours)
        locked.state, locked.returned_at, locked.return_reason = Return.State.RETURNED, now, unlock.reason
        locked.version += 1
        locked.save()
    unlock.save()
    audit.record(
        "assessments.approve_unlock" if is_approved else "assessments.refuse_unlock",
        actor=by,
        target=unlock,
        unit=locked.unit,
        changes={"hours": [None, unlock.hours]} if is_approved else None,
        reason=unlock.reason,
    )
    return unlock


def live_unlocks(now: datetime) -> Any:
    """Approved unlocks whose hours are not over."""
    return Unlock.objects.filter(is_approved=True, relocked_at__isnull=True, open_until__gt=now)


def relock_due(now: datetime) -> int:
    """Locks again what was unlocked and whose hours are over; the number of returns. Asked by the ticker.

    A return that nobody touched is accepted as before. One that was changed but not
    handed in goes to the reviewer as it stands, because nothing unseen is ever accepted.
    """
    due = list(
        Unlock.objects.filter(is_approved=True, relocked_at__isnull=True, open_until__lte=now).values_list(
            "pk", flat=True
        )
    )
    for pk in due:
        _relock(pk, now)
    return len(due)


@transaction.atomic
def _relock(unlock_id: int, now: datetime) -> None:
    unlock = Unlock.objects.select_for_update().get(pk=unlock_id)
    if unlock.relocked_at is not None:
        return
    locked = _locked(unlock.submission)
    before = locked.state
    if locked.state in (Return.State.RETURNED, Return.State.DRAFT):
        if locked.village_months.filter(updated_at__gt=unlock.decided_at).exists():
            locked.state, locked.submitted_at = Return.State.SUBMITTED, now
            locked.submission_count += 1
        else:
            locked.state = Return.State.ACCEPTED
        locked.version += 1
        locked.save()
    unlock.relocked_at = now
    unlock.save(update_fields=["relocked_at"])
    audit.record(
        "assessments.relock_return",
        actor=None,
        target=unlock,
        unit=locked.unit,
        changes={"state": [before, locked.state]},
    )


def _check_unlockable(locked: Return) -> None:
    if locked.state != Return.State.ACCEPTED:
        raise ValidationError(_("Only an accepted return needs an unlock."), code="not_accepted")
    if locked.period.state not in REVIEWABLE:
        raise ValidationError(
            _("The ranking of this month has been computed. Discard the draft first, or correct it by an objection."),
            code="month_computed",
        )


# --- Shared -------------------------------------------------------------------------------


def _locked(submission: Return) -> Return:
    return Return.objects.select_for_update(of=("self",)).select_related("unit", "period").get(pk=submission.pk)


def _reviewable(submission: Return, by: User) -> Return:
    locked = _locked(submission)
    if locked.state != Return.State.SUBMITTED:
        raise ValidationError(
            _("%(unit)s is not awaiting review any more. Load the page again.") % {"unit": locked.unit},
            code="not_submitted",
        )
    if locked.period.state not in REVIEWABLE:
        raise ValidationError(_("The ranking of this month has been computed."), code="month_computed")
    if locked.submitted_by_id == by.pk:
        raise PermissionDenied(_("The person who handed the figures in does not review them."))
    return locked


def _reason(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValidationError(_("Please give the reason: the township reads it."), code="reason_missing")
    if len(text) > MAX_REASON:
        raise ValidationError(_("At most %(n)d characters.") % {"n": MAX_REASON}, code="reason_too_long")
    return text


def _write_remarks(locked: Return, remarks: Sequence[Remark], by: User, now: datetime) -> None:
    """Writes the verdicts into their rows: one read, one bulk write, one audit event for each cell."""
    if not remarks:
        return
    by_village: dict[int, list[Remark]] = defaultdict(list)
    for remark in remarks:
        if remark.verdict == Verdict.RETURNED and not remark.text.strip():
            raise ValidationError(_("Please say what is to be corrected in each returned cell."), code="reason_missing")
        by_village[remark.village_id].append(remark)
    rows = {
        row.village_id: row
        for row in locked.village_months.select_for_update(of=("self",))
        .filter(village_id__in=by_village)
        .select_related("village")
    }
    events: list[audit.Entry] = []
    for village_id, village_remarks in by_village.items():
        row = rows.get(village_id)
        if row is None:
            raise ValidationError(_("This cell does not belong to the return."), code="cell_unknown")
        for remark in village_remarks:
            before = row.remarks.get(remark.code) or {}
            row.remarks[remark.code] = _remark(row, remark, before, by, now)
            events.append(_event(locked, row, remark.code, before.get("verdict"), remark.verdict, by, remark.text))
    VillageMonth.objects.bulk_update(rows.values(), ["remarks"])
    audit.record_many(events)


def _remark(row: VillageMonth, remark: Remark, before: Mapping[str, Any], by: User, now: datetime) -> dict[str, Any]:
    return {
        "verdict": str(remark.verdict),
        "text": remark.text.strip()[:MAX_REASON],
        "by": by.pk,
        "at": now.isoformat(),
        "value": row.values.get(remark.code),
        "times": before.get("times", 0),
    }


def _returned_cells(submission: Return) -> list[tuple[int, str]]:
    """(village id, cell code) of the cells marked as returned in the submission of now."""
    return [
        (row.village_id, code)
        for row in submission.village_months.all()
        for code, remark in sorted(row.remarks.items())
        if standing_verdict(remark, row.values.get(code), submission.submitted_at) == Verdict.RETURNED
    ]


def _send_back_cells(locked: Return) -> int:
    """Counts the return at each returned cell; the number of cells. A cell's second return is penalty N3."""
    rows = {row.village_id: row for row in locked.village_months.select_for_update(of=("self",))}
    cells = [
        (row, code)
        for row in rows.values()
        for code, remark in row.remarks.items()
        if standing_verdict(remark, row.values.get(code), locked.submitted_at) == Verdict.RETURNED
    ]
    for row, code in cells:
        row.remarks[code]["times"] = row.remarks[code].get("times", 0) + 1
    VillageMonth.objects.bulk_update({row.pk: row for row, _code in cells}.values(), ["remarks"])
    return len(cells)


def returned_twice(periods: Iterable[Period]) -> dict[tuple[int, int], int]:
    """(month, village) -> cells sent back for the second time or more (handbook 4, N3). One query."""
    counts: dict[tuple[int, int], int] = {}
    rows = VillageMonth.objects.filter(period__in=list(periods)).exclude(remarks={}).order_by()
    for period_id, village_id, remarks in rows.values_list("period_id", "village_id", "remarks").iterator():
        cells = sum(remark.get("times", 0) > 1 for remark in remarks.values())
        if cells:
            counts[period_id, village_id] = cells
    return counts


def _event(
    locked: Return, row: VillageMonth, code: str, before: str | None, after: str | None, by: User, text: str
) -> audit.Entry:
    return {
        "event": "assessments.review_cell",
        "actor": by,
        "target": locked,
        "unit": row.village,
        "changes": {code: [before, after or None]},
        "reason": text.strip()[:MAX_REASON],
    }
