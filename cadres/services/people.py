"""People on the rosters: added, changed; their identity number is sealed and stands once in the portal.

Rule: docs/rules/people.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.encryption import keyed_index
from branches.models import Unit
from cadres.duties import add_months
from cadres.models import Person
from cadres.services import rows
from imports.dates import PartialDate
from imports.identity import ReadIdentity, read_identity
from imports.normalising import clean_name

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = (
    "unit_id",
    "name",
    "gender",
    "birth",
    "political",
    "joined_on",
    "full_member_on",
    "education",
    "education_words",
    "major",
    "phone",
    "origin",
    "resume",
    "is_seconded",
    "is_inspector",
    "remark",
)
"""What is stored as it is written. The identity number is not among them."""
ADULT = 18

NUMBER_PROBLEMS: Mapping[str, Promise] = {
    "id_format": gettext_lazy("This is not an identity number of 18 characters with a date that exists."),
    "id_checksum": gettext_lazy("The last character does not fit the others: one of them is wrong."),
    "id_precision_lost": gettext_lazy("The last digits were lost, as a table loses them. Write the whole number."),
    "id_old_15": gettext_lazy("Write all 18 characters of the number."),
}


@transaction.atomic
def add_person(values: Mapping[str, Any], *, by: User, today: date) -> Person:
    """A new person of the village `values["unit"]`. `values["identity"]` may be empty.

    Raises ValidationError by field: see `check_person` and `_number`.
    """
    check_person(values, today=today)
    number = _number(values.get("identity") or "", None, by, today)
    person = Person()
    _fill(person, values, number)
    return rows.add(person, _told(number), by=by, hidden=("identity_number",))


@transaction.atomic
def change_person(person: Person, values: Mapping[str, Any], *, version: int, by: User, today: date) -> Person:
    """The person with other values; an empty `identity` keeps the stored number.

    Raises Conflict, and ValidationError by field as `add_person`.
    """
    person = rows.locked(person, "unit")
    check_person(values, today=today)
    number = _number(values.get("identity") or "", person, by, today)
    changed = {**_written(values), **({"identity_number": number.number} if number else {})}
    if number:
        person.identity_index = keyed_index(number.number)
    also = ("initials", "identity_index")
    return rows.change(person, changed, _told(number), version=version, by=by, hidden=("identity_number",), also=also)


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    unit: Unit = values["unit"]
    written = {name: values[name] for name in FIELDS if name in values}
    return {**written, "unit_id": unit.pk, "name": clean_name(values["name"])}


def _fill(person: Person, values: Mapping[str, Any], number: ReadIdentity | None) -> None:
    person.unit = values["unit"]
    rows.fill(person, _written(values), FIELDS)
    if number:
        person.identity_number = number.number
        person.identity_index = keyed_index(number.number)


def _told(number: ReadIdentity | None) -> tuple[str, ...]:
    """A number that stays is not opened to be compared."""
    return (*FIELDS, "identity_number") if number else FIELDS


# --- Checks ---------------------------------------------------------------------------------


def check_person(values: Mapping[str, Any], *, today: date) -> None:
    """Raises ValidationError by field: "in_the_future", "full_member_before_joining", "before_birth"."""
    errors: dict[str, ValidationError] = {}
    for name in ("birth", "joined_on", "full_member_on"):
        said: PartialDate | None = values.get(name)
        if said and said.first_day > today:
            errors[name] = rows.in_the_future()
    birth, joined, full = (values.get(name) for name in ("birth", "joined_on", "full_member_on"))
    if birth and joined and joined.last_day < birth.first_day:
        errors.setdefault("joined_on", ValidationError(_("This is before the birth."), "before_birth"))
    if joined and full and full.last_day < joined.first_day:
        errors.setdefault(
            "full_member_on",
            ValidationError(_("Nobody becomes a full member before joining the Party."), "full_member_before_joining"),
        )
    rows.refuse(errors)


def contradictions(person: Person, today: date) -> list[str]:
    """What is worth a second look, in sentences. Files differ from numbers at times, so nothing is refused for it."""
    found = []
    number = read_identity(person.identity_number, today) if person.identity_number else None
    if number and number.birth and person.birth and not person.birth.agrees_with(_whole(number.birth)):
        found.append(_("The date of birth differs from the one in the identity number."))
    if number and person.gender in ("1", "2") and (person.gender == "1") != number.is_male:
        found.append(_("The sex differs from the one in the identity number."))
    if person.birth and person.joined_on and person.joined_on.last_day < add_months(person.birth.first_day, 12 * ADULT):
        found.append(_("Joined the Party before the age of 18."))
    return found


def _whole(day: date) -> PartialDate:
    return PartialDate(day.year, day.month, day.day)


def _number(typed: str, person: Person | None, by: User, today: date) -> ReadIdentity | None:
    """The number that was typed, None for none.

    Raises ValidationError at `identity`: "id_format", "id_checksum", "id_old_15", "id_taken".
    The text never repeats the number.
    """
    if not typed.strip():
        return None
    number = read_identity(typed, today)
    if number.code:
        raise ValidationError({"identity": ValidationError(str(NUMBER_PROBLEMS[number.code]), number.code)})
    taken = Person.objects.filter(identity_index=keyed_index(number.number))
    other = taken.exclude(pk=person.pk).first() if person else taken.first()
    if other is not None:
        raise ValidationError({"identity": ValidationError(_words_for_taken(other, by), "id_taken")})
    return number


def _words_for_taken(other: Person, by: User) -> str:
    """Names the other person only to whoever may see them."""
    seen = Person.objects.for_user(by).select_related("unit").filter(pk=other.pk).first()
    if seen is None:
        return _("This number is registered outside your area; the county office can help.")
    return _("%(name)s of %(village)s has this number already.") % {
        "name": seen.name,
        "village": seen.unit.short_name,
    }
