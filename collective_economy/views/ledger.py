"""The ledger of collective income, as it was imported."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from branches.listings import townships_by_path
from branches.scoping import must_hold
from collective_economy.ledger import Category, keys_of, lines_of, operating_of, totals_of
from collective_economy.listings import LedgerFilter, entries_shown
from collective_economy.models import LedgerEntry

PER_PAGE = 25


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Lines by village and month with the sums of everything shown. Six queries, however many lines."""
    user = request.user
    must_hold(user, "collective_economy.view_ledgerentry")
    data = request.GET.copy()
    data.setdefault("year", str(timezone.localdate().year))
    filters = LedgerFilter(data, user=user, permission="collective_economy.view_ledgerentry")
    entries = entries_shown(user, filters)
    page = Paginator(keys_of(entries), PER_PAGE).get_page(request.GET.get("page"))
    totals = totals_of(entries)
    context: dict[str, Any] = {
        "title": LedgerEntry._meta.verbose_name_plural,
        "filters": filters,
        "categories": Category.choices,
        "page": page,
        "lines": lines_of(entries, page.object_list),
        "townships": townships_by_path(),
        "totals": [totals.get(category) for category in Category.values],
        "operating": operating_of(totals),
        "total": sum(totals.values()),
        "may_import": user.has_perm("collective_economy.import_ledger"),
        "note": _("Subsidies and other income are not operating income."),
    }
    return render(request, "collective_economy/ledger.html", context)
