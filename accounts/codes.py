"""Codes of an authenticator app (TOTP, RFC 6238): six digits, a new one each 30 seconds.

A code works once. Five wrong ones in a row close this step for 15 minutes, whatever the password.
The seed is stored encrypted; it is shown once, when the app is set up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime, timedelta
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts import audit, sessions
from accounts.encryption import seal_bytes, unseal_bytes
from accounts.models import User
from accounts.roles import CODE_ROLES

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
TOLERANCE = 1
"""Steps before and after the present one that count too, for clocks that differ."""
FAILURES_ALLOWED = 5
PAUSE = timedelta(minutes=15)


def is_asked_of(user: User) -> bool:
    """Whether the user's roles need a code on this portal."""
    return settings.TOTP_REQUIRED and any(role in CODE_ROLES for role, _path in audit.roles_of(user))


def is_set_up(user: User) -> bool:
    return bool(user.code_secret) and user.code_step is not None


def code_at(secret: bytes, step: int) -> str:
    """The six digits of a time step."""
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return str((number & 0x7FFFFFFF) % 10**DIGITS).zfill(DIGITS)


@transaction.atomic
def secret_to_set_up(user: User) -> str:
    """The seed for the user's app in base 32, the same one until a code has proved it. ValidationError "set_up"."""
    row = User.objects.select_for_update().get(pk=user.pk)
    if is_set_up(row):
        raise ValidationError(_("The app is set up already. The system administrator can take it off."), "set_up")
    if row.code_secret:
        return base64.b32encode(_decrypted(row.code_secret, row.pk)).decode()
    secret = secrets.token_bytes(SECRET_BYTES)
    User.objects.filter(pk=row.pk).update(code_secret=_encrypted(secret, row.pk))
    return base64.b32encode(secret).decode()


def address_for_app(user: User, secret: str) -> str:
    """The otpauth address that an app understands."""
    return f"otpauth://totp/{quote(user.username)}?secret={secret}&digits={DIGITS}&period={STEP_SECONDS}"


@transaction.atomic
def check(user: User, code: str, *, now: datetime) -> bool:
    """Whether it is a code of the user's app that was not used before. The first right one ends the setting up.

    ValidationError "paused" after five wrong codes, for 15 minutes since the last.
    """
    row = User.objects.select_for_update().get(pk=user.pk)
    if row.code_failures >= FAILURES_ALLOWED and row.code_failed_at and now - row.code_failed_at < PAUSE:
        raise ValidationError(_("Too many wrong codes. Try again in 15 minutes."), "paused")
    step = _matching_step(row, code, now)
    if step is None:
        failures = 1 if row.code_failures >= FAILURES_ALLOWED else F("code_failures") + 1
        User.objects.filter(pk=row.pk).update(code_failures=failures, code_failed_at=now)
        audit.record("accounts.check_code", actor=user, target=user, outcome="failed")
        return False
    is_first = row.code_step is None
    unused = Q(code_step__isnull=True) | Q(code_step__lt=step)
    User.objects.filter(unused, pk=row.pk).update(code_step=step, code_failures=0, code_failed_at=None)
    audit.record("accounts.set_up_code" if is_first else "accounts.check_code", actor=user, target=user)
    return True


@transaction.atomic
def take_off(user: User, *, by: User) -> None:
    """Forgets the user's app, for a lost phone; the next login sets up another. Ends the user's sessions."""
    if by.pk == user.pk:
        raise ValidationError(_("This is your own account; ask another administrator."), code="oneself")
    User.objects.filter(pk=user.pk).update(code_secret="", code_step=None, code_failures=0, code_failed_at=None)
    sessions.end_all(user)
    audit.record("accounts.take_off_code", actor=by, target=user)


def _matching_step(user: User, code: str, now: datetime) -> int | None:
    """The step whose code it is, if that is later than the last one accepted."""
    if not user.code_secret:
        return None
    secret = _decrypted(user.code_secret, user.pk)
    present = int(now.timestamp()) // STEP_SECONDS
    last = -1 if user.code_step is None else user.code_step
    for step in range(present - TOLERANCE, present + TOLERANCE + 1):
        if step > last and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


# --- The seed at rest ---------------------------------------------------------------------


def context_of(user_id: int) -> str:
    """Binds the seed to its row: copied to another account it does not open."""
    return f"accounts.user.code_secret:{user_id}"


def _encrypted(secret: bytes, user_id: int) -> str:
    return base64.b64encode(seal_bytes(secret, context_of(user_id))).decode()


def _decrypted(stored: str, user_id: int) -> bytes:
    """Raises SealedValueDamaged if the stored value was changed or belongs to another account."""
    return unseal_bytes(base64.b64decode(stored), context_of(user_id))
