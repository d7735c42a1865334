"""Income targets: how far the townships and villages are, and the table in which targets are typed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from branches.models import Unit
from branches.scoping import must_hold, paths_for
from branches.versions import Conflict
from collective_economy import target_page
from collective_economy.counties import counties_for, county_of
from collective_economy.incomes import months_over
from collective_economy.services.targets import set_targets
from collective_economy.target_forms import TargetHead, TargetTable
from collective_economy.views.bands import year_asked

SEE, ENTER = "collective_economy.view_ledgermonth", "collective_economy.add_incometarget"
YEARS_OFFERED = 5


def _years(this: int) -> list[int]:
    """The running year first, the next one for whoever sets its targets, then those before."""
    return [this, this + 1, *range(this - 1, this - YEARS_OFFERED, -1)]


@require_GET
def targets(request: HttpRequest) -> HttpResponse:
    """Targets by township and of the villages of one. A fixed number of queries, however many villages there are."""
    must_hold(request.user, SEE)
    counties = counties_for(request.user, SEE)
    county = county_of(request, counties)
    today = timezone.localdate()
    years = _years(today.year)
    year = year_asked(request.GET.get("year", ""), years)
    lines = target_page.lines_of(request.user, county, year, today)
    townships = _townships(county, lines)
    sums = target_page.by_township(lines, townships)
    township = _township_asked(request, [one for one, _sums in sums])
    context: dict[str, Any] = {
        "title": _("Income targets"),
        "county": county,
        "counties": counties,
        "year": year,
        "years": sorted(years, reverse=True),
        "months_over": months_over(year, today),
        "rows": sums,
        "total": target_page.sums_of(lines),
        "township": township,
        "lines": [line for line in lines if township and line.village.parent_path == township.path],
        "may_enter": any(
            path.startswith(county.path) or county.path.startswith(path) for path in paths_for(request.user, ENTER)
        ),
    }
    return render(request, "collective_economy/targets.html", context)


def _townships(county: Unit, lines: list[target_page.Line]) -> list[Unit]:
    """Those above the villages of the lines."""
    paths = {line.village.parent_path for line in lines}
    return list(Unit.objects.under(county.path).filter(path__in=paths))


def _township_asked(request: HttpRequest, townships: list[Unit]) -> Unit | None:
    """The one of the address; the only one by itself. Http404 for one out of sight."""
    wanted = request.GET.get("township", "")
    if not wanted:
        return townships[0] if len(townships) == 1 else None
    found = [one for one in townships if str(one.pk) == wanted]
    if not found:
        raise Http404
    return found[0]


@require_http_methods(["GET", "POST"])
def targets_enter(request: HttpRequest) -> HttpResponse:
    """The targets of a year, of all villages of the county for which the user may set them."""
    must_hold(request.user, ENTER)
    county = county_of(request, counties_for(request.user, ENTER))
    today = timezone.localdate()
    years = _years(today.year)
    year = year_asked(request.POST.get("year") or request.GET.get("year", ""), years)
    lines = target_page.lines_of(request.user, county, year, today, ENTER)
    head = TargetHead(request.POST or None, initial={"document": _last_document(lines)})
    table = TargetTable(lines, request.POST if request.method == "POST" else None)
    conflict = False
    if request.method == "POST" and head.is_valid() and not table.problem_count:
        try:
            if _is_saved(request, head, table, year):
                return redirect(f"{reverse('collective_economy:targets')}?year={year}&county={county.pk}")
        except Conflict:
            conflict = True
    names = {one.path: one.name for one in _townships(county, lines)}
    context = {
        "title": _("Set targets"),
        "crumbs": [(reverse("collective_economy:targets"), _("Income targets"))],
        "county": county,
        "year": year,
        "last_year": year - 1,
        "years": sorted(years, reverse=True),
        "head": head,
        "table": table,
        "conflict": conflict,
        "cells": [(cell, names.get(cell.line.village.parent_path, "")) for cell in table.cells],
    }
    return render(request, "collective_economy/targets_enter.html", context, status=422 if head.is_bound else 200)


def _last_document(lines: list[target_page.Line]) -> str:
    return next((line.target.document for line in lines if line.target), "")


def _is_saved(request: HttpRequest, head: TargetHead, table: TargetTable, year: int) -> bool:
    """Whether the targets are stored. What was refused stands above the table. Raises Conflict."""
    if table.is_large and not head.cleaned_data["is_large"]:
        words = _("An amount is above 1,000. Is it in ten thousand yuan? Then say so beside the button.")
        head.add_error(None, ValidationError(words, "large"))
        return False
    if not table.amounts:
        messages.info(request, _("Nothing was changed."))
        return True
    try:
        count = set_targets(year, table.amounts, head.cleaned_data["document"], by=request.user, base=table.base)
    except ValidationError as error:
        head.add_error(None, error)
        return False
    words = ngettext("%(n)d target is set.", "%(n)d targets are set.", count) % {"n": count}
    messages.success(request, words)
    return True
