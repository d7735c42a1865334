"""What a password must be, how old it may get, and passwords made for one use.

Rule: docs/guide/accounts.md, "密码"; source: the security rules, login and session.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User

MIN_LENGTH = 10
MAX_LENGTH = 128
KINDS_NEEDED = 3
REMEMBERED = 5
FIRST_YEAR = 1949

KINDS = (
    re.compile(r"[A-Z]"),
    re.compile(r"[a-z]"),
    re.compile(r"[0-9]"),
    re.compile(r"[^A-Za-z0-9]"),
)
_YEAR = re.compile(r"(?<!\d)(19\d\d|20\d\d)")
_NOT_LETTERS = re.compile(r"[^a-z]+")


class LengthValidator:
    def validate(self, password: str, user: User | None = None) -> None:
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise ValidationError(
                _("The password needs %(least)d to %(most)d characters."),
                code="length",
                params={"least": MIN_LENGTH, "most": MAX_LENGTH},
            )

    def get_help_text(self) -> str:
        return str(_("At least %(least)d characters.") % {"least": MIN_LENGTH})


class KindsValidator:
    def validate(self, password: str, user: User | None = None) -> None:
        if sum(bool(kind.search(password)) for kind in KINDS) < KINDS_NEEDED:
            raise ValidationError(self.get_help_text(), code="kinds")

    def get_help_text(self) -> str:
        return str(_("Three of these four: capital letters, small letters, digits, other characters."))


class CommonValidator(CommonPasswordValidator):
    """Django's list of 20 000 common passwords, also with digits and signs around or between the letters."""

    def validate(self, password: str, user: User | None = None) -> None:
        lower = password.lower()
        forms = {lower, lower.strip(string.digits + string.punctuation), _NOT_LETTERS.sub("", lower)}
        if any(form in self.passwords for form in forms if len(form) > 3):
            raise ValidationError(_("This password is one that is tried first. Choose another."), code="common")

    def get_help_text(self) -> str:
        return str(_("No common password, also not with digits or signs added."))


class OwnNamesValidator:
    def validate(self, password: str, user: User | None = None) -> None:
        if user is None:
            return
        parts = [part for part in re.split(r"[\W_]+", user.username.lower()) if len(part) >= 3]
        if len(user.name) >= 2:
            parts.append(user.name.lower())
        if any(part in password.lower() for part in parts):
            raise ValidationError(_("The password contains your name or your user name."), code="own_name")

    def get_help_text(self) -> str:
        return str(_("Without your name or user name."))


class WordsValidator:
    """Words that everybody in a county office would try (setting PASSWORD_WORDS)."""

    def validate(self, password: str, user: User | None = None) -> None:
        refuse_words(password, settings.PASSWORD_WORDS)

    def get_help_text(self) -> str:
        return str(_("Without the names of the county, its townships and offices."))


def refuse_words(password: str, words: list[str]) -> None:
    """ValidationError "local_word" if one of the words is in the password, in either case."""
    lower = password.lower()
    if any(word.lower() in lower for word in words):
        raise ValidationError(
            _("The password contains a word that everybody here would try, such as the name of a place or an office."),
            code="local_word",
        )


class YearValidator:
    def validate(self, password: str, user: User | None = None) -> None:
        last = timezone.localdate().year + 1
        if any(FIRST_YEAR <= int(year) <= last for year in _YEAR.findall(password)):
            raise ValidationError(_("The password contains a year."), code="year")

    def get_help_text(self) -> str:
        return str(_("Without a year."))


class ReuseValidator:
    """Not one of the last five, the present one among them."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None or user.pk is None:
            return
        former = user.password_records.values_list("password", flat=True)[:REMEMBERED]
        if any(check_password(password, encoded) for encoded in {user.password, *former}):
            raise ValidationError(
                _("This is one of your last %(count)d passwords."), code="reused", params={"count": REMEMBERED}
            )

    def get_help_text(self) -> str:
        return str(_("None of your last %(count)d passwords.") % {"count": REMEMBERED})


def must_be_changed(user: User, now: datetime) -> bool:
    """Whether the user goes no further without a new password: it was given by somebody else, or is too old.

    PASSWORD_MAX_AGE_DAYS 0 switches the age off.
    """
    if user.must_change_password:
        return True
    days = settings.PASSWORD_MAX_AGE_DAYS
    return bool(days and user.password_changed_at and now - user.password_changed_at > timedelta(days=days))


# Without what is mistaken for something else when read out or copied by hand.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_DIGITS = "23456789"


def one_time_password(user: User) -> str:
    """A random password such as "kfmw-7pq3-xhtb" that passes all rules, about 58 bits."""
    while True:
        groups = ["".join(secrets.choice(_LETTERS + _DIGITS) for _character in range(4)) for _group in range(3)]
        password = "-".join(groups)
        try:
            validate_password(password, user)
        except ValidationError:
            continue
        return password
