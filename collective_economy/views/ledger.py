"""The ledger of collective income: all villages' months of a year, with the sums of everything shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from branches.listings import townships_by_path
from branches.scoped_admin import CappedPaginator
from branches.scoping import must_hold
from collective_economy.ledger import LABELS, cells_of, compared, income_of
from collective_economy.listings import LedgerFilter, months_at, months_shown
from collective_economy.models import LedgerEntry
from collective_economy.models.ledger import INCOME

PER_PAGE = 25
SEE = "collective_economy.view_ledgermonth"


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Lines by village and month. As many queries for one line as for all."""
    user = request.user
    must_hold(user, SEE)
    data = request.GET.copy()
    data.setdefault("year", str(timezone.localdate().year))
    filters = LedgerFilter(data, user=user, permission=SEE)
    rows = months_shown(user, filters)
    page = CappedPaginator(rows.select_related("unit").order_by("-month", "path"), PER_PAGE).get_page(data.get("page"))
    whole = income_of(rows)
    year = filters.cleaned_data.get("year") if filters.is_valid() else None
    context: dict[str, Any] = {
        "title": LedgerEntry._meta.verbose_name_plural,
        "filters": filters,
        "headings": [LABELS[category] for category in INCOME],
        "page": page,
        "lines": [(month, cells_of(month)) for month in page.object_list],
        "townships": townships_by_path(),
        "whole": whole,
        "totals": [whole.amounts.get(category) for category in INCOME],
        "comparison": compared(months_at(user, filters), year) if year and whole.month_count else None,
        "may_import": user.has_perm("collective_economy.import_ledger"),
        "may_close": user.has_perm("collective_economy.close_ledgermonth")
        or user.has_perm("collective_economy.change_ledgermonth"),
        "note": _("Subsidies and other income are not operating income."),
    }
    return render(request, "collective_economy/ledger.html", context)
