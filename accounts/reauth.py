"""Publishing, approving and granting ask for the password again when the last check is older than ten minutes.

    @recent_password_required
    def publish(request: HttpRequest, pk: int) -> HttpResponse: ...

A page opened for reading sends the user to the password page and back to itself. A form that was
sent is not repeated: the user comes back to the page it stood on and presses once more. So put it
on the page that shows the button as well as on the one that does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.sessions import PASSWORD

RECENT_SECONDS = 10 * 60

View = Callable[..., HttpResponseBase]


def remember_password(session: SessionBase) -> None:
    """The password was proved just now."""
    session[PASSWORD] = int(time.time())


def has_recent_password(request: HttpRequest) -> bool:
    return 0 <= time.time() - request.session.get(PASSWORD, 0) <= RECENT_SECONDS


def require_recent_password(request: HttpRequest) -> HttpResponse | None:
    """None if the last check is recent enough, else the answer that leads to the password page."""
    if has_recent_password(request):
        return None
    address = f"{reverse('accounts:reauth')}?{urlencode({'next': _way_back(request)})}"
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def recent_password_required(view: View) -> View:
    """A view function that is only reached with a recent password."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return require_recent_password(request) or view(request, *args, **kwargs)

    return guarded


def safe_next(request: HttpRequest, address: str) -> str:
    """The address if it lies within the portal, else the home page."""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if address and is_ours else reverse("admin:index")


def _way_back(request: HttpRequest) -> str:
    """The page the user stands on: this one, or the one whose form was sent."""
    if request.method in ("GET", "HEAD") and request.headers.get("HX-Request") != "true":
        return request.get_full_path()
    origin = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    address = origin.path + (f"?{origin.query}" if origin.query else "")
    return address if origin.netloc == request.get_host() and address.startswith("/") else reverse("admin:index")
