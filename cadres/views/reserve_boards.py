"""Boards of the reserve: coverage of the villages, the way from stock to office, who could follow whom."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from branches.scoping import must_hold
from cadres import reserve_boards
from cadres.reserve_boards import CLASSES
from cadres.reserve_forms import OnDayFilter, SpanFilter
from cadres.succession import CONCERNS, Succession, succession

PER_PAGE = 25
VIEW = "cadres.view_reservecadre"
STEPS = ("stock", "trained", "in_office")


def coverage(request: HttpRequest) -> HttpResponse:
    """Villages with 0, 1, 2, 3 and more people in stock; a number opens its villages with their people."""
    must_hold(request.user, VIEW)
    filters = OnDayFilter(request.GET, user=request.user)
    day = filters.day
    stock = reserve_boards.stock_of(request.user, day, filters.place_path)
    rows, total = reserve_boards.coverage(stock)
    level = _level(request)
    chosen = [row for row in stock if level is None or row.level == level]
    context = {
        "title": _("Coverage of the villages"),
        "tab": "coverage",
        "filters": filters,
        "day": day,
        "rows": rows,
        "total": total,
        "level": level,
        "page": Paginator(chosen, PER_PAGE).get_page(request.GET.get("page")) if level is not None else None,
        "classes": CLASSES,
    }
    return render(request, "cadres/reserve_coverage.html", context)


def _level(request: HttpRequest) -> int | None:
    """The number of people whose villages are to be listed, None for none."""
    asked = request.GET.get("level", "")
    return next((level for level in CLASSES if str(level) == asked), None)


def funnel(request: HttpRequest) -> HttpResponse:
    """In stock, trained, in office within a span; each number opens the names and days that prove it."""
    must_hold(request.user, VIEW)
    filters = SpanFilter(request.GET, user=request.user)
    first, last = filters.span
    found = reserve_boards.funnel(request.user, first, last, filters.place_path)
    step = request.GET.get("step", "")
    step = step if step in STEPS else ""
    context = {
        "title": _("From stock to office"),
        "tab": "funnel",
        "filters": filters,
        "funnel": found,
        "shares": {
            "trained": reserve_boards.share_percent(found.trained, found.stock),
            "in_office": reserve_boards.share_percent(found.in_office, found.stock),
        },
        "step": step,
        "page": Paginator(found.chosen(step), PER_PAGE).get_page(request.GET.get("page")) if step else None,
    }
    return render(request, "cadres/reserve_funnel.html", context)


def succession_board(request: HttpRequest) -> HttpResponse:
    """The villages by urgency on a day; a concern chosen shows those that have it."""
    must_hold(request.user, VIEW)
    filters = OnDayFilter(request.GET, user=request.user)
    day = filters.day
    rows = succession(request.user, day, filters.place_path)
    concern = CONCERNS.get(request.GET.get("concern", ""))
    shown = [row for row in rows if concern is None or concern in row.concerns]
    context = {
        "title": _("Succession"),
        "tab": "succession",
        "filters": filters,
        "day": day,
        "counts": [(one, _having(rows, one.code)) for one in CONCERNS.values()],
        "concern": concern,
        "villages": len(rows),
        "page": Paginator(shown, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "cadres/reserve_succession.html", context)


def _having(rows: list[Succession], code: str) -> int:
    return sum(any(concern.code == code for concern in row.concerns) for row in rows)
