"""Where an act comes from: the address, and the number of the request or job. Read by the audit trail.

A context variable carries it, so that services need no request. Outside a request and a
job (a command at the console, a test) every part is empty.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class ActContext:
    """`address` is the user's own; `proxy` the one that connected, when a reverse proxy stands between."""

    address: str = ""
    proxy: str = ""
    request_id: str = ""


NOWHERE = ActContext()
_current: ContextVar[ActContext] = ContextVar("act_context", default=NOWHERE)


def current() -> ActContext:
    return _current.get()


@contextmanager
def acting(*, address: str = "", proxy: str = "", request_id: str = "") -> Iterator[ActContext]:
    """What happens inside carries this origin. A worker passes `request_id="job 17"`."""
    context = ActContext(address[:80], proxy[:80], request_id[:40])
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def addresses_of(request: HttpRequest) -> tuple[str, str]:
    """(the user's address, the proxy's address or "").

    X-Forwarded-For is believed for as many entries from its end as there are reverse proxies
    of ours (setting PROXY_COUNT); what a browser writes into it itself is never believed.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    count = settings.PROXY_COUNT
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if count == 0 or len(chain) < count:
        return peer, ""
    return chain[-count], peer


def client_address(request: HttpRequest) -> str:
    return addresses_of(request)[0]


class ActContextMiddleware:
    """Remembers the origin of the request for whatever is recorded while it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address, proxy = addresses_of(request)
        request_id = getattr(request, "request_id", "") or secrets.token_hex(8)
        with acting(address=address, proxy=proxy, request_id=request_id):
            return self.get_response(request)
