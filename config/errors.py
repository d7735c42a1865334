"""Pages for what went wrong: what happened, what to do, a way back. The server's inside is never shown.

A request from a script gets a piece it can show in place, the API gets JSON.
"""

from __future__ import annotations

import logging
import secrets

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE, REASON_NO_REFERER
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the address or what was sent cannot be understood."""
    return _page(request, 400, "400.html", _("The server did not understand this request."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: closed to this user. A sentence given to PermissionDenied says what and to whom it is open."""
    return _page(request, 403, "403.html", str(exception or "") or _("This page is not open to your role."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: no such page, or a row outside the user's area, which is told the same way."""
    return _page(request, 404, "404.html", _("There is nothing at this address, or it lies outside your area."))


def too_many(request: HttpRequest, seconds: int = 0) -> HttpResponse:
    """429: too many attempts in a short time."""
    response = _page(request, 429, "429.html", _("Too many attempts. Wait a while, then try again."))
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form that is not known any more, mostly because the session ended in another tab."""
    needs_cookie = reason in (REASON_NO_CSRF_COOKIE, REASON_NO_REFERER)
    text = (
        _("The browser sent no cookie. Allow cookies for this site and open the page again.")
        if needs_cookie
        else _("This form is too old, perhaps because you logged in or out in another window. Nothing was changed.")
    )
    return _page(request, 403, "403_csrf.html", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake. Asks neither database nor session, either of which may be what failed."""
    reference = reference_of(request)
    logger.error("error page shown", extra={"reference": reference, "path": request.path})
    words = _("Something went wrong on the server. It is recorded under number %(reference)s.") % {
        "reference": reference
    }
    if _is_api(request):
        return _json(500, words, reference=reference)
    context = {"message": words, "reference": reference, "is_saving": request.method == "POST"}
    template = "portal/_error_piece.html" if _is_piece(request) else "500.html"
    return HttpResponse(loader.render_to_string(template, context), status=500)


def reference_of(request: HttpRequest) -> str:
    """The number under which the log holds this request; made up when the request carries none."""
    return getattr(request, "request_id", "") or secrets.token_hex(4).upper()


def _page(request: HttpRequest, status: int, template: str, message: str) -> HttpResponse:
    if _is_api(request):
        return _json(status, message)
    template = "portal/_error_piece.html" if _is_piece(request) else template
    return render(request, template, {"message": message}, status=status)


def _json(status: int, message: str, **more: str) -> JsonResponse:
    """The shape that all errors of the API have (config/api.py)."""
    return JsonResponse({"code": str(status), "message": message, "fields": [], **more}, status=status)


def _is_piece(request: HttpRequest) -> bool:
    """A request of htmx that expects a part of a page, not a whole one."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
