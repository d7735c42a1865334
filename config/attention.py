"""To-dos of the signed-in user, worked out at most once for a page and only where something shows them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from assessments.todos import counts, todos


class AttentionMiddleware:
    """Sets `request.portal_todos` and `request.portal_counts`, the numbers of the menu and the bell."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.portal_todos = SimpleLazyObject(  # type: ignore[attr-defined]
            lambda: todos(request.user, timezone.now()) if request.user.is_authenticated else []
        )
        request.portal_counts = lambda: counts(request.portal_todos)  # type: ignore[attr-defined]
        return self.get_response(request)
