"""What has to be done before anything else is open: the code of the authenticator app, then a new password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import codes
from accounts.passwords import must_be_changed
from accounts.sessions import CODE

ALWAYS_OPEN = frozenset({"admin:login", "admin:logout", "admin:jsi18n", "set_language", "keep-session"})
CODE_PAGES = frozenset({"accounts:code", "accounts:code_setup"})
PASSWORD_PAGE = "admin:password_change"


class GateMiddleware:
    """Sends whoever has something to do first to the page for it. Programs are answered 403 with a code."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in ALWAYS_OPEN or SESSION_KEY not in request.session or not request.user.is_authenticated:
            return None
        if name not in CODE_PAGES and CODE not in request.session and codes.is_asked_of(request.user):
            return _first(request, "accounts:code", "code_required", _("Give the code of your app on the page first."))
        if name not in {PASSWORD_PAGE, *CODE_PAGES} and must_be_changed(request.user, timezone.now()):
            words = _("Choose a new password on the page first.")
            return _first(request, PASSWORD_PAGE, "password_change_required", words)
        return None


def _first(request: HttpRequest, page: str, code: str, words: Promise) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"code": code, "detail": str(words)}, status=403)
    address = reverse(page)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    if page != PASSWORD_PAGE and request.method == "GET" and request.path != reverse("admin:index"):
        address = f"{address}?{urlencode({'next': request.get_full_path()})}"
    return redirect(address)
