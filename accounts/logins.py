"""Coming in, being refused, going out: checked against the lock, answered alike, recorded.

A wrong password, an unknown name, a closed account and a locked one look the same and take the
same: each costs one password hash. django-axes counts the failures in the database. It hears of
them through Django's signals `user_login_failed` and `user_logged_in`, which is the only way it
offers; what we record ourselves is recorded here, without signals.
"""

from __future__ import annotations

from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.exceptions import AxesBackendPermissionDenied
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import audit
from accounts.models import User


class LockingBackend(AxesStandaloneBackend):
    """Refuses a locked name, after as much work as a wrong password costs."""

    def authenticate(
        self, request: HttpRequest, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        try:
            super().authenticate(request, username, password, **kwargs)
        except AxesBackendPermissionDenied:
            make_password(password)
            request.met_lock = True  # type: ignore[attr-defined]
            raise


def same_answer(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """What axes answers when a name is locked: the login page as for any wrong password."""
    return response


def check_login(request: HttpRequest, username: str, password: str) -> User | None:
    """The user with this name and password, if the account is open and not locked. Recorded either way."""
    return _check(request, username, password, "login")


def check_again(request: HttpRequest, password: str) -> bool:
    """Whether it is the password of whoever is logged in. A wrong one counts towards the lock."""
    return _check(request, request.user.get_username(), password, "check_password") is not None


def _check(request: HttpRequest, username: str, password: str, verb: str) -> User | None:
    user = authenticate(request, username=username, password=password)
    if user is not None:
        with transaction.atomic():
            audit.record(f"accounts.{verb}", actor=user, target=user)
        return user
    _record_failure(request, username, verb)
    return None


def _record_failure(request: HttpRequest, username: str, verb: str) -> None:
    """An unknown name is not written down: people type their password into that field by mistake."""
    user = User.objects.filter(username=username).first()
    is_locked = was_locked(request)
    with transaction.atomic():
        audit.record(f"accounts.{verb}", actor=None, target=user, outcome="locked" if is_locked else "failed")
        if is_locked and not getattr(request, "met_lock", False):
            audit.record("accounts.lock_user", actor=None, target=user)


def was_locked(request: HttpRequest) -> bool:
    """Whether the last check of this request met a locked name or has just locked it."""
    return bool(getattr(request, "axes_locked_out", False))


def record_logout(user: User) -> None:
    with transaction.atomic():
        audit.record("accounts.logout", actor=user, target=user)


def is_locked(user: User) -> bool:
    """Whether the name has to wait now."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    recent = AccessAttempt.objects.filter(username=user.username, attempt_time__gte=since)
    failures = recent.aggregate(total=Sum("failures_since_start"))["total"] or 0
    return bool(failures >= settings.AXES_FAILURE_LIMIT)


def forget_failures(user: User) -> int:
    """Takes the lock off a name. Returns how many counters were removed."""
    return int(reset(username=user.username))
