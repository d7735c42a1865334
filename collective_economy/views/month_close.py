"""The month close of an area: which villages' months are closed, ready or held up, and closing many at once."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import User
from branches.models import Unit
from branches.months import first_of_window
from branches.scoped_admin import CappedPaginator
from branches.scoping import paths_for, rows_with
from collective_economy.closing_board import TownshipMonths, board_of
from collective_economy.ledger_forms import BoardFilter
from collective_economy.models import LedgerEntry
from collective_economy.services.ledger import Refused, close_months

CLOSE = "collective_economy.close_ledgermonth"
RECONCILE = "collective_economy.change_ledgermonth"
PER_PAGE = 25
STATES = ("closed", "ready", "blocked", "empty")


@require_http_methods(["GET", "POST"])
def month_close(request: HttpRequest) -> HttpResponse:
    """Townships with their counts; the chosen one with its villages. Closing names every village it refuses."""
    user = request.user
    if not paths_for(user, CLOSE) and not paths_for(user, RECONCILE):
        raise PermissionDenied
    month = _month(request)
    if request.method == "POST":
        refused = _closed(request, month)
        if not refused:
            return redirect(f"{reverse('collective_economy:month_close')}?{request.GET.urlencode()}")
        return _page(request, month, refused)
    return _page(request, month, [])


def _month(request: HttpRequest) -> date:
    """The chosen month, else the one before this."""
    filters = BoardFilter({"month": request.GET.get("month")})
    chosen = filters.cleaned_data["month"] if filters.is_valid() else None
    return chosen.replace(day=1) if chosen else first_of_window(timezone.localdate(), 2)


def _closed(request: HttpRequest, month: date) -> list[Refused]:
    """Closes the villages chosen. Http404 for one that is not in sight, PermissionDenied without the right there."""
    keys = {int(value) for value in request.POST.getlist("village") if value.isdecimal() and len(value) < 19}
    if not keys:
        messages.error(request, _("Choose at least one village."))
        return []
    if _villages(request.user, RECONCILE, CLOSE).filter(pk__in=keys).count() != len(keys):
        raise Http404
    villages = list(rows_with(request.user, Unit.objects.villages(), CLOSE).filter(pk__in=keys))
    if len(villages) != len(keys):
        raise PermissionDenied
    closed, refused = close_months(
        [(village, month) for village in villages],
        by=request.user,
        now=timezone.now(),
        note=request.POST.get("note", ""),
    )
    if closed:
        words = ngettext("%(n)s village's month is closed.", "%(n)s villages' months are closed.", len(closed))
        messages.success(request, words % {"n": len(closed)})
    return refused


def _villages(user: User, *permissions: str) -> Any:
    found = Unit.objects.none()
    for permission in permissions:
        found = found | rows_with(user, Unit.objects.villages(), permission)
    return found


def _page(request: HttpRequest, month: date, refused: list[Refused]) -> HttpResponse:
    user = request.user
    may_close = bool(paths_for(user, CLOSE))
    right = CLOSE if may_close else RECONCILE
    townships = rows_with(user, Unit.objects.townships(), right).order_by("path")
    page = CappedPaginator(townships, PER_PAGE).get_page(request.GET.get("page"))
    board = board_of(list(page.object_list), month, user if may_close else None, timezone.localdate())
    chosen = _chosen(request, board)
    counts: Counter[str] = sum((row.counts for row in board), Counter())
    data = request.GET.copy()
    data["month"] = f"{month:%Y-%m}"
    context = {
        "title": _("Month close"),
        "crumbs": [(reverse("collective_economy:ledger"), LedgerEntry._meta.verbose_name_plural)],
        "month": month,
        "filters": BoardFilter(data),
        "page": page,
        "board": board,
        "chosen": chosen,
        "counts": {state: counts[state] for state in STATES},
        "village_count": sum(counts.values()),
        "may_close": may_close,
        "refused": refused,
    }
    return render(request, "collective_economy/month_close.html", context)


def _chosen(request: HttpRequest, board: list[TownshipMonths]) -> TownshipMonths | None:
    """The township whose villages are listed: the only one, or the one that was asked for."""
    if len(board) == 1:
        return board[0]
    asked = request.GET.get("township", "")
    return next((row for row in board if str(row.township.pk) == asked), None)
