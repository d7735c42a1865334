"""First secretaries and resident teams: their stay, leave by exception, spot checks, recall.

Rule: docs/rules/residents.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from branches.models import Unit
from cadres.models import Person, Residency, ResidentLeave, SpotCheck
from cadres.services import rows

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = ("unit_id", "role", "sent_by", "started_on")
END_FIELDS = ("ended_on", "ending", "ending_note")
LEAVE_FIELDS = ("begins_on", "ends_on", "reason", "approved_by")
CHECK_FIELDS = ("checked_on", "was_present", "note")
Ending, Role = Residency.Ending, Residency.Role


@transaction.atomic
def begin_residency(person: Person, values: Mapping[str, Any], *, by: User, today: date) -> Residency:
    """The person comes to live in a village.

    Raises ValidationError by field: "in_the_future", "not_in_a_village", "has_first_secretary", "lives_elsewhere".
    """
    unit = Unit.objects.select_for_update().get(pk=values["unit"].pk)
    _check_residency(person, None, unit, values, today)
    residency = Residency(person=person, unit=unit)
    rows.fill(residency, values, FIELDS)
    return rows.add(residency, FIELDS, by=by)


@transaction.atomic
def correct_residency(
    residency: Residency, values: Mapping[str, Any], *, version: int, by: User, today: date
) -> Residency:
    """Raises Conflict, ValidationError "ended", and as `begin_residency`. The village stays."""
    residency = _open(residency)
    _check_residency(residency.person, residency, residency.unit, values, today)
    return rows.change(residency, values, ("role", "sent_by", "started_on"), version=version, by=by)


@transaction.atomic
def end_residency(
    residency: Residency, ended_on: date, ending: str, note: str, *, version: int, by: User, today: date
) -> Residency:
    """The last day in the village and why; a recall says for what.

    Raises Conflict, ValidationError "ended", "in_the_future", "ended_before", "no_ending", "no_note".
    """
    residency = _open(residency)
    errors = rows.not_future({"ended_on": ended_on}, today, "ended_on")
    if ended_on < residency.started_on:
        errors["ended_on"] = ValidationError(_("The last day lies before the first."), "ended_before")
    if ending not in Ending.values:
        errors["ending"] = ValidationError(_("Choose why the stay ended."), "no_ending")
    if ending == Ending.RECALLED and not note.strip():
        errors["ending_note"] = ValidationError(_("Write what the recall is for."), "no_note")
    rows.refuse(errors)
    values = {"ended_on": ended_on, "ending": ending, "ending_note": note.strip()}
    verb = "recall" if ending == Ending.RECALLED else "end"
    return rows.change(residency, values, END_FIELDS, version=version, by=by, verb=verb)


@transaction.atomic
def record_leave(residency: Residency, values: Mapping[str, Any], *, by: User) -> ResidentLeave:
    """Days away from the village; every other day counts as lived there.

    Raises ValidationError "ends_before", "outside", "on_leave_already".
    """
    residency = rows.locked(residency, "unit", "person")
    first, last = values["begins_on"], values["ends_on"]
    errors: dict[str, ValidationError] = {}
    if last < first:
        errors["ends_on"] = ValidationError(_("The last day lies before the first."), "ends_before")
    elif first < residency.started_on or (residency.ended_on and last > residency.ended_on):
        errors["begins_on"] = ValidationError(_("The stay does not cover these days."), "outside")
    elif residency.leaves.filter(begins_on__lte=last, ends_on__gte=first).exists():
        errors["begins_on"] = ValidationError(
            _("Leave is recorded for some of these days already."), "on_leave_already"
        )
    rows.refuse(errors)
    leave = ResidentLeave(residency=residency)
    rows.fill(leave, values, LEAVE_FIELDS)
    return rows.add(leave, LEAVE_FIELDS, by=by)


@transaction.atomic
def record_spot_check(residency: Residency, values: Mapping[str, Any], *, by: User, today: date) -> SpotCheck:
    """Whether the person was there on a day.

    Raises ValidationError "in_the_future", "outside", and "on_leave" for an absence on a day of leave.
    """
    residency = rows.locked(residency, "unit", "person")
    day = values["checked_on"]
    errors = rows.not_future(values, today, "checked_on")
    if day < residency.started_on or (residency.ended_on and day > residency.ended_on):
        errors["checked_on"] = ValidationError(_("The stay does not cover this day."), "outside")
    elif not values["was_present"] and residency.leaves.filter(begins_on__lte=day, ends_on__gte=day).exists():
        words = _("The person was on leave on this day; that is no absence.")
        errors["checked_on"] = ValidationError(words, "on_leave")
    rows.refuse(errors)
    check = SpotCheck(residency=residency, checked_by=by)
    rows.fill(check, values, CHECK_FIELDS)
    return rows.add(check, CHECK_FIELDS, by=by)


def _open(residency: Residency) -> Residency:
    residency = rows.locked(residency, "unit", "person")
    if residency.ended_on is not None:
        raise ValidationError(_("The stay ended on %(day)s already.") % {"day": residency.ended_on}, "ended")
    return residency


def _check_residency(
    person: Person, residency: Residency | None, unit: Unit, values: Mapping[str, Any], today: date
) -> None:
    errors = rows.not_future(values, today, "started_on")
    key = residency.pk if residency else 0
    if unit.kind != Unit.Kind.VILLAGE or unit.valid_to is not None:
        errors["unit"] = ValidationError(_("Choose a village that exists."), "not_in_a_village")
    others = Residency.objects.filter(ended_on__isnull=True).exclude(pk=key).select_related("person", "unit")
    first = others.filter(unit=unit, role=Role.FIRST_SECRETARY).first()
    if values["role"] == Role.FIRST_SECRETARY and first is not None:
        words = _("%(name)s is first secretary here since %(day)s.")
        told = {"name": first.person.name, "day": first.started_on}
        errors["role"] = ValidationError(words % told, "has_first_secretary")
    elsewhere = others.filter(person=person).first()
    if elsewhere is not None:
        errors["started_on"] = ValidationError(
            _("This person's stay since %(day)s has not ended.") % {"day": elsewhere.started_on}, "lives_elsewhere"
        )
    rows.refuse(errors)
