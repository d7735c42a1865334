"""Report-and-comment meetings (述职评议): entered by one, confirmed by another, then fixed.

Of the ballots only the counts are kept. Rule: docs/rules/cadre-results.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit
from assessments.models import Comment, CommentMeeting
from assessments.year import grade_of_ballots
from branches.models import Unit
from branches.versions import claim_version
from cadres import codes
from cadres.models import Posting

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = ("year", "held_on", "chair", "entitled", "present", "minutes")
BALLOTS = ("good", "rather_good", "average", "poor")
"""Best first; a comment's grade is one of them."""
MOST_COMMENTS = 60


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said to somebody who reported, with the ballots, best first."""

    person_id: int
    ballots: tuple[int, int, int, int]
    remark: str = ""


def may_report(unit: Unit, day: date) -> dict[int, Posting]:
    """Person -> posting of the secretaries of a place on a day. One query."""
    rows = (
        Posting.objects.held_on(day)
        .filter(unit__path__startswith=unit.path, unit__kind=Unit.Kind.VILLAGE, post=codes.SECRETARY)
        .select_related("person", "unit")
        .order_by("unit__path", "pk")
    )
    return {row.person_id: row for row in rows}


@transaction.atomic
def enter_meeting(
    unit: Unit, values: Mapping[str, Any], said: Sequence[Said], *, by: User, today: date
) -> CommentMeeting:
    """A meeting of a township or a county with what was said to each who reported.

    Raises ValidationError by field: "in_the_future", "more_present", "held_before", "nobody", "unknown_person",
    "more_ballots", "twice".
    """
    if unit.kind not in (Unit.Kind.TOWNSHIP, Unit.Kind.COUNTY):
        raise ValidationError(_("A meeting is held by a township or by the county."), "wrong_place")
    row = CommentMeeting(unit=unit, path=unit.path, entered_by=by)
    _fill(row, values, said, today)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        words = _("There is a meeting of this place on this day already.")
        raise ValidationError({"held_on": ValidationError(words, "held_before")}) from error
    reported = _comments(row, said)
    audit.record(
        "assessments.add_commentmeeting",
        actor=by,
        target=row,
        changes={**{name: [None, getattr(row, name)] for name in FIELDS}, "reported": len(reported)},
    )
    return row


@transaction.atomic
def change_meeting(
    meeting: CommentMeeting, values: Mapping[str, Any], said: Sequence[Said], *, version: int, by: User, today: date
) -> CommentMeeting:
    """The record put right before it is confirmed. Raises Conflict, "confirmed", and as `enter_meeting`."""
    row = _unconfirmed(meeting)
    claim_version(row, version)
    before = {name: getattr(row, name) for name in FIELDS} | {"said": _told(row)}
    _fill(row, values, said, today)
    row.entered_by = by
    row.save(update_fields=[*FIELDS, "entered_by"])
    row.comments.all().delete()
    _comments(row, said)
    after = {name: getattr(row, name) for name in FIELDS} | {"said": _told(row)}
    audit.record(
        "assessments.change_commentmeeting", actor=by, target=row, changes=audit.changes_between(before, after)
    )
    return row


@transaction.atomic
def confirm_meeting(meeting: CommentMeeting, *, version: int, by: User, now: datetime) -> CommentMeeting:
    """Somebody else than who entered it says that the record is right; it is fixed from then on.

    Raises Conflict, ValidationError "confirmed", "own_work".
    """
    row = _unconfirmed(meeting)
    if row.entered_by_id == by.pk:
        raise ValidationError(_("You entered this record, so somebody else confirms it."), "own_work")
    claim_version(row, version)
    row.confirmed_by, row.confirmed_at = by, now
    row.save(update_fields=["confirmed_by", "confirmed_at"])
    audit.record("assessments.confirm_commentmeeting", actor=by, target=row, changes={"confirmed_by": [None, by.pk]})
    return row


def _unconfirmed(meeting: CommentMeeting) -> CommentMeeting:
    row = CommentMeeting.objects.select_for_update(of=("self",)).select_related("unit").get(pk=meeting.pk)
    if row.confirmed_by_id is not None:
        raise ValidationError(_("This record is confirmed; it stays as it is."), "confirmed")
    return row


def _fill(row: CommentMeeting, values: Mapping[str, Any], said: Sequence[Said], today: date) -> None:
    for name in FIELDS:
        if name in values:
            setattr(row, name, values[name])
    errors: dict[str, ValidationError] = {}
    if row.held_on > today:
        words = _("This day has not come yet. Record what has taken place.")
        errors["held_on"] = ValidationError(words, "in_the_future")
    if row.present > row.entitled:
        errors["present"] = ValidationError(_("Not more than were entitled to vote."), "more_present")
    if errors:
        raise ValidationError(errors)
    _check(row, said)


def _check(row: CommentMeeting, said: Sequence[Said]) -> None:
    if not said or len(said) > MOST_COMMENTS:
        raise ValidationError(_("Enter the ballots of those who reported, of one at least."), "nobody")
    if len({one.person_id for one in said}) < len(said):
        raise ValidationError(_("Somebody stands there twice."), "twice")
    known = may_report(row.unit, row.held_on)
    if any(one.person_id not in known for one in said):
        raise ValidationError(_("Secretaries of this place on the day of the meeting report."), "unknown_person")
    for one in said:
        if sum(one.ballots) > row.present or min(one.ballots) < 0:
            words = _("%(name)s: more ballots than people present.")
            raise ValidationError(words % {"name": known[one.person_id].person.name}, "more_ballots")


def _comments(row: CommentMeeting, said: Sequence[Said]) -> list[Comment]:
    known = may_report(row.unit, row.held_on)
    rows = []
    for one in said:
        place = grade_of_ballots(one.ballots)
        rows.append(
            Comment(
                meeting=row,
                person_id=one.person_id,
                village_id=known[one.person_id].unit_id,
                **dict(zip(BALLOTS, one.ballots, strict=True)),
                grade="" if place is None else BALLOTS[place],
                remark=one.remark.strip(),
            )
        )
    return Comment.objects.bulk_create(rows)


def _told(row: CommentMeeting) -> list[list[Any]]:
    """The comments as the audit trail keeps them."""
    return [
        [one.person_id, *(getattr(one, name) for name in BALLOTS), one.remark]
        for one in row.comments.order_by("person_id")
    ]
