"""The overview of the collective economy: money from programme to village, by place and by business model."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from branches.models import Unit
from collective_economy.overview_forms import YEARS
from collective_economy.overview_page import SORTS, income_chart, model_chart, overview_of, sorted_lines

ALL = "all"
BACK = 4
"""Years before the current one that are offered."""


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """One year, this one unless another is asked for; `?year=all` is every year. Constant queries."""
    today = timezone.localdate()
    asked = request.GET.get("year", "")
    year = None if asked == ALL else int(asked) if asked.isdecimal() and int(asked[:5]) in YEARS else today.year
    page = overview_of(request.user, year, today)
    if page is None:
        raise PermissionDenied
    sort = request.GET.get("sort", "name")
    income = income_chart(page.income, page.total.target)
    context = {
        "title": _("Collective economy"),
        "overview": page,
        "today": today,
        "year": year,
        "income_year": page.income.year,
        "years": range(today.year, today.year - BACK - 1, -1),
        "places": sorted_lines(page.places, sort),
        "sort": sort if sort.removeprefix("-") in SORTS else "name",
        "by_township": page.scope.grouping.kind == Unit.Kind.TOWNSHIP,
        "income_chart": income,
        "income_rows": _rows(income) if income else [],
        "model_chart": model_chart(page.models),
        "risk_count": sum(count for _code, _kind, count in page.risks),
    }
    return render(request, "collective_economy/overview.html", context)


def _rows(chart: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table below a chart: a category with the value of each series."""
    return list(zip(chart["categories"], *(series["data"] for series in chart["series"]), strict=True))
