"""Small pages of the frame itself."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST


@never_cache
@require_POST
def keep_session(request: HttpRequest) -> HttpResponse:
    """Counts as activity: 204 with the session kept, 401 when it is already over."""
    return HttpResponse(status=204 if request.user.is_authenticated else 401)


@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Every shared component in every state, for whoever builds a page. Only there in development."""
    now = timezone.now()
    context = {
        "title": _("Components and states"),
        "page": Paginator(range(1, 187), 25).get_page(request.GET.get("page")),
        "today": now,
        "month": date(2026, 10, 1),
        "deadlines": [now + timedelta(days=5), now + timedelta(days=1, hours=7), now - timedelta(days=3)],
        "scores": [Decimal("88.10"), Decimal("90.25"), None, Decimal("91.00"), Decimal("89.75"), Decimal("92.29")],
        "ranks": [12, 9, 10, 7, 13, 4],
        "parts": [(1, Decimal("30")), (5, Decimal("12.5")), (2, Decimal("19.79")), (3, 18), (4, 12)],
        "step_labels": [_("Enter"), _("Check"), _("Submit"), _("County review"), _("Publication")],
        "amount": Decimal("40450000"),
        "score": Decimal("92.285"),
        "less": Decimal("-2.4"),
        "more": Decimal("1.85"),
        "nothing": None,
    }
    return render(request, "portal/components.html", context)
