"""Risk flags as a list: each names its place, since when, how much, and opens its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from branches.above import names_above
from branches.scoping import must_hold
from collective_economy import risks
from collective_economy.overview_forms import SEE, RiskFilter
from collective_economy.risks import KINDS, Risk

PER_PAGE = 25


@require_GET
def risk_list(request: HttpRequest) -> HttpResponse:
    """Counts of all kinds at the head; below, the flags of all of them or of one."""
    user, today = request.user, timezone.localdate()
    must_hold(user, SEE)
    kinds = risks.kinds_for(user)
    filters = RiskFilter(request.GET, user=user, kinds=kinds)
    is_valid = filters.is_valid()
    sight = risks.sight_of(user).under(filters.path)
    counts = risks.counts(sight, today, kinds) if is_valid else dict.fromkeys(kinds, 0)
    chosen = filters.cleaned_data["kind"] if is_valid else ""
    shown = {chosen: counts[chosen]} if chosen else counts
    page = Paginator(range(sum(shown.values())), PER_PAGE).get_page(request.GET.get("page"))
    found = risks.listed(sight, today, shown, page.start_index() - 1, page.end_index()) if page.paginator.count else []
    context = {
        "title": _("Risk flags"),
        "crumbs": [(reverse("collective_economy:overview"), _("Collective economy"))],
        "filters": filters,
        "kinds": [(code, KINDS[code], counts[code]) for code in kinds],
        "chosen": chosen,
        "page": page,
        "rows": [_row(risk, today) for risk in found],
        "townships": names_above(risk.place.path for risk in found if risk.place),
        "total": sum(counts.values()),
    }
    return render(request, "collective_economy/risk_list.html", context)


def _row(risk: Risk, today: Any) -> dict[str, Any]:
    return {
        "risk": risk,
        "label": KINDS[risk.kind].label,
        "url": address_of(*risk.target),
        "days": (today - risk.since).days,
    }


def address_of(name: str, pk: int | None, query: Mapping[str, str]) -> str:
    address = reverse(f"collective_economy:{name}", args=[] if pk is None else [pk])
    return f"{address}?{urlencode(query)}" if query else address
