"""Bands of income: villages by band, who moved since the year before, the sets of a county."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from branches.above import names_above
from branches.models import Unit
from branches.scoping import must_hold
from collective_economy import band_page
from collective_economy.band_forms import BandHead, BandRows, bands_of, initial_rows
from collective_economy.bands import NO_DATA
from collective_economy.counties import counties_for, county_of, holds_at
from collective_economy.services.bands import set_bands

SEE, SET = "collective_economy.view_ledgermonth", "collective_economy.add_bandrules"
YEARS_OFFERED = 5
PER_PAGE = 50
NO_DATA_ASKED = "-"
"""Stands in the address for villages without data."""


@require_GET
def bands(request: HttpRequest) -> HttpResponse:
    """Villages by band of a year, and the matrix of who moved; each number opens its villages. A fixed number of
    queries, however many villages there are."""
    must_hold(request.user, SEE)
    counties = counties_for(request.user, SEE)
    county = county_of(request, counties)
    today = timezone.localdate()
    years = list(range(today.year, today.year - YEARS_OFFERED, -1))
    year = year_asked(request.GET.get("year", ""), years)
    page = band_page.band_year(request.user, county, year, today)
    before, now = _code_asked(request, "from"), _code_asked(request, "to")
    context: dict[str, Any] = {
        "title": _("Bands of income"),
        "county": county,
        "counties": counties,
        "year": year,
        "last_year": year - 1,
        "years": years,
        "is_running": year == today.year,
        "page": page,
        "rose": page.moved(1),
        "fell": page.moved(-1),
        "no_data": NO_DATA,
        "no_data_asked": NO_DATA_ASKED,
        "sets": band_page.all_sets(county),
        "may_set": holds_at(request.user, SET, county.path),
        **_villages(request, page, before, now),
    }
    return render(request, "collective_economy/bands.html", context)


def _villages(request: HttpRequest, page: band_page.BandYear, before: str | None, now: str | None) -> dict[str, Any]:
    """The villages of the number that was opened; none while none is."""
    if before is None and now is None:
        return {"villages": None}
    rows = Paginator(page.chosen(before, now), PER_PAGE).get_page(request.GET.get("page"))
    townships = names_above(one.village.path for one in rows)
    names, names_before = _names(page.now), _names(page.before)
    return {
        "villages": rows,
        "lines": [
            (one, townships.get(one.village.parent_path, ""), names_before.get(one.code_before), names.get(one.code))
            for one in rows
        ],
        "asked_before": None if before is None else names_before.get(before, _("no data")),
        "asked_now": None if now is None else names.get(now, _("no data")),
    }


def _names(held: band_page.BandSet) -> dict[str, str]:
    return {band.code: band_page.name_of(band) for band in held.bands}


def _code_asked(request: HttpRequest, name: str) -> str | None:
    text = request.GET.get(name, "")
    return None if not text else NO_DATA if text == NO_DATA_ASKED else text


def year_asked(text: str, years: list[int]) -> int:
    """The year of the address, else the first one offered."""
    return int(text) if text.isdecimal() and len(text) == 4 and int(text) in years else years[0]


@require_http_methods(["GET", "POST"])
def bands_set(request: HttpRequest) -> HttpResponse:
    """A set of bands from a year on."""
    must_hold(request.user, SET)
    county = county_of(request, counties_for(request.user, SET))
    if not holds_at(request.user, SET, county.path):
        raise PermissionDenied
    today = timezone.localdate()
    held = band_page.sets_in_force(county, [today.year + 1])[0]
    head = BandHead(request.POST or None, initial={"first_year": today.year + 1 if held.rules else today.year})
    # A row that is sent as it was offered is a band too, not an empty one.
    rows = BandRows(
        request.POST or None,
        initial=initial_rows(held.bands),
        prefix="band",
        form_kwargs={"empty_permitted": False, "use_required_attribute": False},
    )
    if request.method == "POST" and head.is_valid() and rows.is_valid() and _is_set(request, county, head, rows):
        return redirect(f"{reverse('collective_economy:bands')}?county={county.pk}")
    context = {
        "title": _("Set the bands"),
        "crumbs": [(reverse("collective_economy:bands"), _("Bands of income"))],
        "county": county,
        "head": head,
        "rows": rows,
    }
    return render(request, "collective_economy/bands_set.html", context, status=422 if head.is_bound else 200)


def _is_set(request: HttpRequest, county: Unit, head: BandHead, rows: Any) -> bool:
    given = head.cleaned_data
    today = timezone.localdate()
    try:
        set_bands(county, given["first_year"], bands_of(rows), given["document"], by=request.user, today=today)
    except ValidationError as error:
        head.add_error(None, error)
        return False
    messages.success(request, _("The bands hold from %(year)d on.") % {"year": given["first_year"]})
    return True
