"""Looking at an identity number, comparing one, finding somebody by one: with a purpose, counted, in the trail.

The value itself is never recorded. All three count together, because comparing and finding
answer questions about numbers too. Rule: docs/rules/people.md, "Identity numbers".
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.encryption import keyed_index
from accounts.models import AuditEvent, User
from cadres.models import Person
from imports.identity import read_identity

AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 60
REVEALED = ("identity_number", "phone")
REVEAL, COMPARE, FIND = "cadres.reveal_person", "cadres.compare_person", "cadres.find_person"


class Purpose(models.TextChoices):
    """What a number may be looked at for."""

    ROSTER = "roster", gettext_lazy("check a roster or a file")
    APPOINTMENT = "appointment", gettext_lazy("examination before an appointment")
    ELECTION = "election", gettext_lazy("joint review of candidates at an election")
    PAY = "pay", gettext_lazy("pay and insurance")
    COMPLAINT = "complaint", gettext_lazy("verification of a report or complaint")
    OTHER = "other", gettext_lazy("other purpose")


def reveal(person: Person, purpose: str, note: str, *, by: User, now: datetime, what: str = "identity_number") -> str:
    """The identity number, or the phone, once the purpose is written down.

    Raises ValidationError "no_purpose", "no_note", "no_number" or "too_many", PermissionDenied without the right
    to this person.
    """
    if not Person.objects.for_user(by, "reveal").filter(pk=person.pk).exists():
        raise PermissionDenied
    if purpose not in Purpose.values:
        raise ValidationError({"purpose": ValidationError(_("Choose the purpose."), "no_purpose")})
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Write what it is needed for."), "no_note")})
    if what not in REVEALED:
        raise ValueError(what)
    number = getattr(person, what)
    if not number:
        raise ValidationError(_("No number is stored for this person."), "no_number")
    _count(REVEAL, person, by=by, now=now, changes={"purpose": purpose, "what": what}, reason=note)
    return str(number)


def is_number_of(person: Person, typed: str, *, by: User, now: datetime) -> bool:
    """Whether what was typed is the person's number; shows nothing. Raises ValidationError as `reveal`."""
    if not Person.objects.for_user(by, "reveal").filter(pk=person.pk).exists():
        raise PermissionDenied
    if not person.identity_index:
        raise ValidationError(_("No number is stored for this person."), "no_number")
    index = _index(typed, now)
    is_same = hmac.compare_digest(index, person.identity_index)
    _count(COMPARE, person, by=by, now=now, changes={"fits": is_same})
    return is_same


def find(typed: str, *, by: User, now: datetime) -> tuple[Person | None, bool]:
    """The person of one's area with this number, and whether it is registered outside of it.

    Raises ValidationError "id_…" or "too_many", PermissionDenied without the right to look at numbers.
    """
    if not by.has_perm("cadres.reveal_person"):
        raise PermissionDenied
    index = _index(typed, now)
    found = Person.objects.for_user(by).filter(identity_index=index).first()
    is_elsewhere = found is None and Person.objects.filter(identity_index=index).exists()
    _count(FIND, found, by=by, now=now, changes={"found": found is not None})
    return found, is_elsewhere


def _index(typed: str, now: datetime) -> str:
    number = read_identity(typed, now.date())
    if number.code:
        raise ValidationError(
            {"number": ValidationError(_("This is not a valid identity number of 18 characters."), number.code)}
        )
    return keyed_index(number.number)


def _count(
    event: str, person: Person | None, *, by: User, now: datetime, changes: dict[str, object], reason: str = ""
) -> None:
    """Records the look, or that it was refused; the refusal is kept although an error is raised."""
    unit = person.unit if person else None
    with transaction.atomic():
        # Two looks at the same moment do not both take the last place.
        User.objects.select_for_update().get(pk=by.pk)
        looks = AuditEvent.objects.filter(
            actor=by, event__in=(REVEAL, COMPARE, FIND), outcome="ok", at__gt=now - AN_HOUR
        )
        is_refused = looks.count() >= MOST_AN_HOUR
        audit.record(
            event,
            actor=by,
            target=person,
            unit=unit,
            changes=changes,
            reason=reason,
            outcome="refused" if is_refused else "ok",
        )
    if is_refused:
        words = _(
            "%(most)d numbers within an hour is the limit, and this refusal is in the audit trail. Try again later."
        )
        raise ValidationError(words % {"most": MOST_AN_HOUR}, "too_many")
