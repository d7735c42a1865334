"""Trainings and who took part. Rule: docs/rules/training-duties.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from branches.models import Unit
from cadres.models import Attendance, Person, Training
from cadres.services import rows

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = ("title", "kind", "organiser", "place", "held_on", "ends_on", "hours")
MOST_HOURS_A_DAY = 24
Result = Attendance.Result


@dataclass(frozen=True)
class Presence:
    """Whether somebody came, and for how many hours; None is the whole training.

    `base`: version of the entry that the writer had before them, 0 for none; None does not ask.
    """

    result: str
    hours: Decimal | None = None
    note: str = ""
    base: int | None = None


@transaction.atomic
def record_training(unit: Unit, values: Mapping[str, Any], *, by: User, today: date) -> Training:
    """A training that the unit ran. Raises ValidationError by field: see `check_training`."""
    check_training(Training(unit=unit), values, today=today)
    training = Training(unit=unit)
    rows.fill(training, values, FIELDS)
    return rows.add(training, FIELDS, by=by)


@transaction.atomic
def correct_training(training: Training, values: Mapping[str, Any], *, version: int, by: User, today: date) -> Training:
    """Raises Conflict, ValidationError by field as `record_training`, "hours_attended" when somebody has more hours."""
    training = rows.locked(training, "unit")
    check_training(training, values, today=today)
    longest = max((row.hours for row in training.attendances.all()), default=Decimal(0))
    if values["hours"] < longest:
        words = _("Somebody attended %(hours)s hours.") % {"hours": longest}
        raise ValidationError({"hours": ValidationError(words, "hours_attended")})
    return rows.change(training, values, FIELDS, version=version, by=by)


def check_training(training: Training, values: Mapping[str, Any], *, today: date) -> None:
    """Raises ValidationError by field: "in_the_future", "ends_before", "too_long", "same_training"."""
    first, last = values["held_on"], values["ends_on"]
    errors = rows.not_future(values, today, "held_on", "ends_on")
    if last < first:
        errors["ends_on"] = ValidationError(_("The last day lies before the first."), "ends_before")
    elif values["hours"] > MOST_HOURS_A_DAY * ((last - first).days + 1):
        errors["hours"] = ValidationError(_("More hours than these days have."), "too_long")
    same = Training.objects.filter(unit=training.unit, title=values["title"], held_on=first).exclude(pk=training.pk)
    if same.exists():
        errors["title"] = ValidationError(_("This training is recorded for this day already."), "same_training")
    rows.refuse(errors)


@transaction.atomic
def record_attendances(training: Training, said: Mapping[Person, Presence], *, by: User) -> list[Attendance]:
    """Who was due and whether they came, added or corrected; those not named stay as they are. The changed rows.

    Raises ValidationError "too_many_hours" with the name, and "changed_meanwhile" for each person whom somebody
    else recorded in the meantime; nothing is written then.
    """
    training = rows.locked(training, "unit")
    known = {row.person_id: row for row in training.attendances.select_for_update(of=("self",))}
    _check_bases(said, known)
    changed: list[tuple[Attendance, bool, dict[str, Any]]] = []
    for person, presence in said.items():
        row = known.get(person.pk) or Attendance(training=training, person=person)
        is_new = row.pk is None
        before = {} if is_new else rows.told(row, ("result", "hours", "note"))
        row.result, row.note = Result(presence.result), presence.note.strip()
        row.hours = _hours(training, person, presence)
        changes = audit.changes_between(before, rows.told(row, ("result", "hours", "note")))
        if changes:
            row.version += not is_new
            changed.append((row, is_new, changes))
    Attendance.objects.bulk_create([row for row, is_new, _changes in changed if is_new], batch_size=500)
    Attendance.objects.bulk_update(
        [row for row, is_new, _changes in changed if not is_new], ["result", "hours", "note", "version"], batch_size=500
    )
    audit.record_many(
        audit.Entry(
            event=f"cadres.{'add' if is_new else 'change'}_attendance",
            actor=by,
            target=row,
            unit=row.person.unit,
            changes={"training": training.pk, "person": row.person_id, **changes},
        )
        for row, is_new, changes in changed
    )
    return [row for row, _is_new, _changes in changed]


def _check_bases(said: Mapping[Person, Presence], known: Mapping[int, Attendance]) -> None:
    problems = []
    for person, presence in said.items():
        row = known.get(person.pk)
        if presence.base is not None and presence.base != (row.version if row else 0):
            words = _("%(name)s was recorded by somebody else meanwhile as: %(result)s. Look again, then decide.")
            values = {"name": person.name, "result": row.get_result_display() if row else _("not on the list")}
            problems.append(ValidationError(words % values, "changed_meanwhile"))
    if problems:
        raise ValidationError(problems)


def _hours(training: Training, person: Person, presence: Presence) -> Decimal:
    """Hours of the whole training for who completed it, none for who did not come."""
    if presence.result in (Result.ABSENT, Result.EXCUSED):
        return Decimal(0)
    hours = training.hours if presence.hours is None else presence.hours
    if not 0 <= hours <= training.hours:
        words = _("%(name)s: between 0 and %(hours)s hours.") % {"name": person.name, "hours": training.hours}
        raise ValidationError(words, "too_many_hours")
    return hours
