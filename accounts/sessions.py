"""How long a session lasts.

30 minutes without the user's doing, 12 hours in all. What a page asks for by itself
(header X-Background) is answered, and does not keep the session alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User

BEGUN = "begun_at"
SEEN = "seen_at"
PASSWORD = "password_at"
CODE = "code_at"
NOTED_EVERY = 60
"""Seconds between two notes of activity, so that not every request writes the session."""


def begin(*, request: HttpRequest, **kwargs: Any) -> None:
    """Starts the clock of a session. Receives Django's signal of a login, so that no way in can miss it."""
    now = int(time.time())
    request.session[BEGUN] = request.session[SEEN] = request.session[PASSWORD] = now
    request.session.pop(CODE, None)


def end_all(user: User) -> None:
    """Every session of the user is over, on all machines. Inside the caller's transaction."""
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])


def clear_old(now: datetime) -> None:
    """Removes the rows of sessions that nobody can use any more. Called by the ticker."""
    Session.objects.filter(expire_date__lt=now).delete()


def over(session: SessionBase, now: float) -> str:
    """Why the session is over, "idle" or "age"; empty while it lasts."""
    if now - session.get(BEGUN, 0) >= settings.SESSION_COOKIE_AGE:
        return "age"
    if now - session.get(SEEN, 0) >= settings.SESSION_IDLE_SECONDS:
        return "idle"
    return ""


class SessionLimitsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            self._watch(request, time.time())
        response = self.get_response(request)
        if response.status_code == 403 and request.user.is_authenticated:
            _record_refusal(request)
        return response

    def _watch(self, request: HttpRequest, now: float) -> None:
        session = request.session
        if reason := over(session, now):
            _end(request, reason)
            return
        is_background = request.headers.get("X-Background") == "true"
        if not is_background and abs(now - session.get(SEEN, 0)) >= NOTED_EVERY:
            session[SEEN] = int(now)


def _end(request: HttpRequest, reason: str) -> None:
    user = request.user
    if user.is_authenticated:
        with transaction.atomic():
            audit.record("accounts.end_session", actor=user, target=user, changes={"because": reason})
    logout(request)
    if request.method == "GET" and request.headers.get("HX-Request") != "true":
        messages.info(request, _("Your session has ended. Log in again to go on."))


def _record_refusal(request: HttpRequest) -> None:
    """Somebody asked for what their role does not open. The address alone is kept, never what was sent."""
    with transaction.atomic():
        audit.record(
            "accounts.refuse_access",
            actor=request.user,
            outcome="refused",
            changes={"method": request.method, "path": request.path[:200]},
        )
