"""The register of talents: nobody is in it without having agreed, and whoever takes that back is out of sight.

Rule: docs/rules/talents.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from cadres.models import Person, Talent
from cadres.services import rows

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = ("kind", "field", "contact", "consented_on", "note")


@transaction.atomic
def register_talent(person: Person, values: Mapping[str, Any], *, by: User, today: date) -> Talent:
    """Raises ValidationError "no_consent", "in_the_future", "registered_already"."""
    person = rows.locked(person, "unit")
    _check(person, None, values, today)
    talent = Talent(person=person)
    rows.fill(talent, values, FIELDS)
    return rows.add(talent, FIELDS, by=by)


@transaction.atomic
def change_talent(talent: Talent, values: Mapping[str, Any], *, version: int, by: User, today: date) -> Talent:
    """Raises Conflict, ValidationError "withdrawn", and as `register_talent`."""
    talent = _standing(talent)
    _check(talent.person, talent, values, today)
    return rows.change(talent, values, FIELDS, version=version, by=by)


@transaction.atomic
def withdraw_consent(talent: Talent, on: date, *, version: int, by: User, today: date) -> Talent:
    """The entry is no longer shown from now on.

    Raises Conflict, ValidationError "withdrawn", "in_the_future", "before".
    """
    talent = _standing(talent)
    if on > today:
        raise ValidationError({"withdrawn_on": rows.in_the_future()})
    if on < talent.consented_on:
        words = _("The consent was given on %(day)s.") % {"day": talent.consented_on}
        raise ValidationError({"withdrawn_on": ValidationError(words, "before")})
    return rows.change(talent, {"withdrawn_on": on}, ("withdrawn_on",), version=version, by=by, verb="withdraw")


def _standing(talent: Talent) -> Talent:
    talent = rows.locked(talent, "person__unit")
    if talent.withdrawn_on is not None:
        raise ValidationError(_("The consent was withdrawn on %(day)s.") % {"day": talent.withdrawn_on}, "withdrawn")
    return talent


def _check(person: Person, talent: Talent | None, values: Mapping[str, Any], today: date) -> None:
    errors = rows.not_future(values, today, "consented_on")
    if not values.get("consented_on"):
        words = _("Write the day on which the person agreed; without consent nobody is registered.")
        errors["consented_on"] = ValidationError(words, "no_consent")
    same = person.talents.filter(kind=values["kind"], withdrawn_on__isnull=True)
    if same.exclude(pk=talent.pk if talent else 0).exists():
        errors["kind"] = ValidationError(_("The person is registered for this already."), "registered_already")
    rows.refuse(errors)
