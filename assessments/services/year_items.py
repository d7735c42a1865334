"""The commendation list and the problem list of a year. A problem is carried on until it is closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from assessments.models import YearAssessment, YearItem
from branches.models import Unit
from branches.versions import claim_version

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = ("text", "measure", "due_on")


@transaction.atomic
def add_item(assessment: YearAssessment, village: Unit, kind: str, values: Mapping[str, Any], *, by: User) -> YearItem:
    """An entry of one of the two lists. Raises ValidationError "superseded", "text_missing", "village_unknown"."""
    assessment = YearAssessment.objects.select_for_update().get(pk=assessment.pk)
    if assessment.state == YearAssessment.State.SUPERSEDED:
        raise ValidationError(_("This revision no longer holds. Enter it in the one that does."), "superseded")
    if village.kind != Unit.Kind.VILLAGE or not village.path.startswith(assessment.path):
        raise ValidationError({"village": ValidationError(_("Choose a village of the county."), "village_unknown")})
    row = YearItem(assessment=assessment, village=village, path=village.path, kind=kind, entered_by=by)
    _fill(row, values)
    row.save()
    audit.record(
        "assessments.add_yearitem",
        actor=by,
        target=row,
        changes={"kind": [None, kind], **{name: [None, getattr(row, name)] for name in FIELDS}},
    )
    return row


@transaction.atomic
def change_item(item: YearItem, values: Mapping[str, Any], *, version: int, by: User) -> YearItem:
    """Other words, measure or date. Raises Conflict, ValidationError "closed", "carried_on", "text_missing"."""
    row = _open(item)
    claim_version(row, version)
    before = {name: getattr(row, name) for name in FIELDS}
    _fill(row, values)
    changes = audit.changes_between(before, {name: getattr(row, name) for name in FIELDS})
    if changes:
        row.save(update_fields=FIELDS)
        audit.record("assessments.change_yearitem", actor=by, target=row, changes=changes)
    return row


@transaction.atomic
def close_item(item: YearItem, closed_on: date, note: str, *, version: int, by: User, today: date) -> YearItem:
    """A problem is solved, and what was done about it.

    Raises Conflict, ValidationError "closed", "carried_on", "no_problem", "note_missing", "in_the_future".
    """
    row = _open(item)
    claim_version(row, version)
    if row.kind != YearItem.Kind.PROBLEM:
        raise ValidationError(_("Only a problem is closed."), "no_problem")
    if not note.strip():
        raise ValidationError({"closing_note": ValidationError(_("Say what was done."), "note_missing")})
    if closed_on > today:
        words = _("This day has not come yet. Record what has taken place.")
        raise ValidationError({"closed_on": ValidationError(words, "in_the_future")})
    row.closed_on, row.closing_note, row.closed_by = closed_on, note.strip(), by
    row.save(update_fields=["closed_on", "closing_note", "closed_by"])
    audit.record(
        "assessments.close_yearitem",
        actor=by,
        target=row,
        changes={"closed_on": [None, closed_on]},
        reason=row.closing_note,
    )
    return row


def _open(item: YearItem) -> YearItem:
    row = YearItem.objects.select_for_update().get(pk=item.pk)
    if row.closed_on is not None:
        raise ValidationError(_("This problem is closed; it stays as it was."), "closed")
    if row.carried_to.exists():
        raise ValidationError(_("This problem was carried into a later assessment. Go on there."), "carried_on")
    return row


def _fill(row: YearItem, values: Mapping[str, Any]) -> None:
    row.text, row.measure = values["text"].strip(), values.get("measure", "").strip()
    row.due_on = values.get("due_on")
    if not row.text:
        raise ValidationError({"text": ValidationError(_("Say it in words."), "text_missing")})


def carry_problems(assessment: YearAssessment, *, by: User) -> int:
    """Copies the county's open problems of earlier assessments into this one; each names where it came from."""
    rows = list(
        YearItem.objects.filter(
            assessment__unit=assessment.unit_id,
            kind=YearItem.Kind.PROBLEM,
            closed_on__isnull=True,
            carried_to__isnull=True,
        )
        .exclude(assessment=assessment)
        .order_by("path", "pk")
    )
    YearItem.objects.bulk_create(
        [
            YearItem(
                assessment=assessment,
                village_id=row.village_id,
                path=row.path,
                kind=row.kind,
                text=row.text,
                measure=row.measure,
                due_on=row.due_on,
                carried_from=row,
                entered_by=by,
            )
            for row in rows
        ],
        batch_size=500,
    )
    return len(rows)
