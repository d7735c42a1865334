"""Meetings and activities of a Party organization: recorded, corrected, made void.

Rule: docs/rules/organisational-life.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Branch, OrganisationalLife
from branches.versions import claim_version

FIELDS = (
    "kind",
    "held_on",
    "place",
    "theme",
    "chair",
    "recorder",
    "due_count",
    "present_count",
    "excused_count",
    "content",
    "decisions",
)
"""What a person writes; all else follows from the branch and the day of recording."""


@transaction.atomic
def record_life(branch: Branch, values: Mapping[str, Any], *, by: User | None, today: date) -> OrganisationalLife:
    """A new record of the branch, recorded on `today`.

    Raises ValidationError, by field: see `check_life`.
    """
    check_life(branch, values, today=today)
    record = OrganisationalLife(branch=branch, path=branch.unit.path, recorded_on=today, recorded_by=by)
    _fill(record, values)
    record.save()
    changes = {name: [None, value] for name, value in _written(record).items() if value not in (None, "")}
    audit.record("branches.add_organisationallife", actor=by, target=record, changes=changes)
    return record


@transaction.atomic
def correct_life(
    record: OrganisationalLife, values: Mapping[str, Any], *, version: int, by: User | None, today: date
) -> OrganisationalLife:
    """The record with other values. The day of recording stays: a correction is not a late record.

    Raises Conflict, and ValidationError "void" or by field as `record_life`.
    """
    record = OrganisationalLife.objects.select_for_update().select_related("branch__unit").get(pk=record.pk)
    if record.is_void:
        raise ValidationError(_("This record is void. Write a new one instead."), "void")
    check_life(record.branch, values, today=today)
    before = _written(record)
    claim_version(record, version)
    _fill(record, values)
    changes = audit.changes_between(before, _written(record))
    if changes:
        record.save(update_fields=list(FIELDS))
        audit.record("branches.change_organisationallife", actor=by, target=record, changes=changes)
    return record


@transaction.atomic
def void_life(record: OrganisationalLife, reason: str, *, by: User | None) -> OrganisationalLife:
    """The record no longer counts, and stays to be seen with the reason. Twice is harmless.

    Raises ValidationError "no_reason".
    """
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Write why the record does not hold."), "no_reason")})
    record = OrganisationalLife.objects.select_for_update().get(pk=record.pk)
    if record.is_void:
        return record
    record.is_void, record.void_reason = True, reason
    record.version += 1
    record.save(update_fields=["is_void", "void_reason", "version"])
    changes = {"is_void": [False, True]}
    audit.record("branches.void_organisationallife", actor=by, target=record, changes=changes, reason=reason)
    return record


def check_life(branch: Branch, values: Mapping[str, Any], *, today: date) -> None:
    """Raises ValidationError with a code for each field at fault.

    "in_the_future" and "before_branch" and "after_branch" for the day; "over_due" for
    the excused; "over_present" when more were present than were due and not excused.
    """
    errors: dict[str, ValidationError] = {}
    held_on = values["held_on"]
    if held_on > today:
        errors["held_on"] = ValidationError(
            _("This day has not come yet. Record what has taken place."), "in_the_future"
        )
    elif held_on < branch.unit.valid_from:
        errors["held_on"] = ValidationError(_("The village did not exist on this day."), "before_branch")
    elif branch.valid_to is not None and held_on > branch.valid_to:
        errors["held_on"] = ValidationError(
            _("The Party organization existed until %(day)s.") % {"day": branch.valid_to}, "after_branch"
        )
    errors |= _count_errors(values.get("due_count"), values.get("present_count"), values.get("excused_count") or 0)
    if errors:
        raise ValidationError(errors)


def _count_errors(due: int | None, present: int | None, excused: int) -> dict[str, ValidationError]:
    if due is None:
        return {}
    if excused > due:
        text = _("%(excused)d excused is more than the %(due)d due to attend.") % {"excused": excused, "due": due}
        return {"excused_count": ValidationError(text, "over_due")}
    if present is not None and present > due - excused:
        text = _("At most %(most)d can have been present: %(due)d due, less %(excused)d excused.") % {
            "most": due - excused,
            "due": due,
            "excused": excused,
        }
        return {"present_count": ValidationError(text, "over_present")}
    return {}


def _fill(record: OrganisationalLife, values: Mapping[str, Any]) -> None:
    for name in FIELDS:
        setattr(record, name, values.get(name) or 0 if name == "excused_count" else values.get(name, ""))


def _written(record: OrganisationalLife) -> dict[str, Any]:
    return {name: getattr(record, name) for name in FIELDS}
