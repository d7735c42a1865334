"""A number for each request, in its log lines, its answer and on its error page."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("portal.access")

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[0-9A-Za-z-]{8,36}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Of the request being answered; empty outside of one."""
    return _current.get()


class RequestIdMiddleware:
    """First in the list. Takes the number that the proxy gave, else makes one, and logs one line for each request.

    The line has the path without its query, the status, the time and the id of the user.
    Probes that succeed are not logged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        number = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(4).upper()
        request.request_id = number  # type: ignore[attr-defined]
        token = _current.set(number)
        started = time.perf_counter()
        try:
            response = self._get_response(request)
            response.headers[HEADER] = number
            if request.path not in ("/healthz", "/readyz") or response.status_code >= 400:
                logger.info("request", extra=_line(request, response, started))
            return response
        finally:
            _current.reset(token)


def _line(request: HttpRequest, response: HttpResponse, started: float) -> dict[str, object]:
    user = getattr(request, "_cached_user", None)  # only if the request asked for it: no query for a log line
    return {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - started) * 1000),
        "user_id": getattr(user, "pk", None) or "",
        "address": request.META.get("REMOTE_ADDR", ""),
    }
