"""Accounts: opened, closed, unlocked, given a new password. Each act leaves its event.

`by` is the system administrator who acts, None the system itself. Whether they may is asked
at the edge. Nobody acts on their own account here; their own password people change themselves.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, jobs, logins, sessions
from accounts.models import Job, PasswordRecord, User
from accounts.passwords import REMEMBERED, one_time_password

validate_username = RegexValidator(
    r"\A[a-z][a-z0-9._-]{2,39}\Z",
    _("3 to 40 small letters, digits, points and hyphens, a letter first."),
    code="username",
)


def free_username(username: str) -> str:
    """The name as it is written, if it may be one and nobody has it. ValidationError "username", "taken"."""
    username = unicodedata.normalize("NFKC", username).strip().lower()
    validate_username(username)
    if User.objects.filter(username=username).exists():
        raise ValidationError(_("There is an account with this user name already."), code="taken")
    return username


@transaction.atomic
def create_user(
    username: str,
    name: str,
    *,
    by: User | None,
    now: datetime,
    phone: str = "",
    active_until: date | None = None,
) -> tuple[User, str]:
    """A new account and its password for one use, which is shown once and stored nowhere.

    The name of the account is written small, so that two names never differ in case alone.
    ValidationError: "username" (form), "taken", "name".
    """
    username = free_username(username)
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise ValidationError(_("Enter the person's name."), code="name")
    user = User(username=username, name=name, phone=phone, active_until=active_until)
    password = one_time_password(user)
    _set_password(user, password, now=now, is_given=True)
    audit.record(
        "accounts.add_user",
        actor=by,
        target=user,
        changes={"username": [None, username], "active_until": [None, active_until]},
    )
    return user, password


@transaction.atomic
def change_user(user: User, *, name: str, phone: str, active_until: date | None, by: User) -> None:
    """New name, phone or last day. The trail keeps that name and phone changed, not what they are."""
    user = _locked(user)
    after = {"name": name.strip(), "phone": phone, "active_until": active_until}
    before = {field: getattr(user, field) for field in after}
    changes = audit.changes_between(before, after, hidden={"name", "phone"})
    if not changes:
        return
    for field, value in after.items():
        setattr(user, field, value)
    user.save(update_fields=list(after))
    audit.record("accounts.change_user", actor=by, target=user, changes=changes)


@transaction.atomic
def disable_user(user: User, *, by: User | None, reason: str, now: datetime) -> None:
    """Closes the account and ends its sessions. Closing a closed one does nothing."""
    _refuse_oneself(user, by)
    user = _locked(user)
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    sessions.end_all(user)
    audit.record("accounts.disable_user", actor=by, target=user, reason=reason)


@transaction.atomic
def enable_user(user: User, *, by: User, reason: str, now: datetime) -> str:
    """Opens a closed account again. Returns a password for one use: who was away long has a new start."""
    _refuse_oneself(user, by)
    user = _locked(user)
    if user.is_active:
        raise ValidationError(_("This account is active."), code="active")
    if user.active_until and user.active_until < timezone.localdate(now):
        raise ValidationError(_("The last day of this account is over. Set a later one first."), code="ended")
    user.is_active = True
    user.enabled_at = now
    user.save(update_fields=["is_active", "enabled_at"])
    password = _give_password(user, now)
    audit.record("accounts.enable_user", actor=by, target=user, reason=reason)
    return password


@transaction.atomic
def unlock_user(user: User, *, by: User) -> None:
    """Lets a name that was locked after wrong passwords try again at once."""
    _refuse_oneself(user, by)
    logins.forget_failures(user)
    audit.record("accounts.unlock_user", actor=by, target=user)


@transaction.atomic
def reset_password(user: User, *, by: User, now: datetime) -> str:
    """A new password for one use; the user chooses another at the next login. Ends all sessions."""
    _refuse_oneself(user, by)
    user = _locked(user)
    if not user.is_active:
        raise ValidationError(_("This account is disabled. Enable it first."), code="disabled")
    password = _give_password(user, now)
    logins.forget_failures(user)
    audit.record("accounts.reset_password", actor=by, target=user)
    return password


@transaction.atomic
def change_password(user: User, password: str, *, now: datetime) -> None:
    """The user's own new password. Ends all other sessions. ValidationError: a rule of `accounts.passwords`."""
    user_row = _locked(user)
    validate_password(password, user_row)
    _set_password(user_row, password, now=now, is_given=False)
    user.refresh_from_db()
    audit.record("accounts.change_password", actor=user, target=user)


def close_unused(now: datetime) -> int:
    """Closes accounts that nobody has entered for ACCOUNT_UNUSED_DAYS days, and those whose last day is over.

    Called by the ticker; returns how many were closed.
    """
    today = timezone.localdate(now)
    long_ago = now - timedelta(days=settings.ACCOUNT_UNUSED_DAYS)
    last_used = Coalesce("last_login", "created_at")
    due = (
        User.objects.filter(is_active=True)
        .annotate(used_at=last_used)
        .filter(
            Q(active_until__lt=today)
            | Q(used_at__lt=long_ago, enabled_at__isnull=True)
            | Q(used_at__lt=long_ago, enabled_at__lt=long_ago)
        )
    )
    users = list(due)
    for user in users:
        ended = user.active_until is not None and user.active_until < today
        disable_user(user, by=None, reason="last day over" if ended else "unused", now=now)
    return len(users)


@transaction.atomic
def cancel_job(job: Job, *, by: User) -> bool:
    """Ends a job that waits or runs, without result. False when it had already ended."""
    if not jobs.cancel(job):
        return False
    audit.record("accounts.cancel_job", actor=by, target=job, unit=job.unit_path, changes={"kind": job.kind})
    return True


# --- Inside -------------------------------------------------------------------------------


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def _refuse_oneself(user: User, by: User | None) -> None:
    if by is not None and by.pk == user.pk:
        raise ValidationError(_("This is your own account; ask another administrator."), code="oneself")


def _give_password(user: User, now: datetime) -> str:
    password = one_time_password(user)
    _set_password(user, password, now=now, is_given=True)
    sessions.end_all(user)
    return password


def _set_password(user: User, password: str, *, now: datetime, is_given: bool) -> None:
    user.set_password(password)
    user.must_change_password = is_given
    user.password_changed_at = now
    user.save()
    PasswordRecord.objects.create(user=user, password=user.password)
    kept = user.password_records.values_list("pk", flat=True)[:REMEMBERED]
    user.password_records.exclude(pk__in=list(kept)).delete()
