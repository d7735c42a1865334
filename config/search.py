"""The search box of the header: places of the user's area whose name begins with what was typed."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from branches.models import Unit, Village
from branches.scoping import STEP

MOST = 50


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Villages and townships by the beginning of their name; a single village opens at once. Three queries."""
    words = request.GET.get("q", "").strip()[:60]
    units = Unit.objects.for_user(request.user).exclude(kind__in=[Unit.Kind.PROVINCE, Unit.Kind.CITY])
    units = units.filter(name__startswith=words, valid_to__isnull=True).order_by("path")
    found = list(units[: MOST + 1]) if words else []
    cards = set(Village.objects.for_user(request.user).filter(unit__in=found).values_list("unit_id", flat=True))
    if len(found) == 1 and found[0].pk in cards:
        return redirect("branches:village", pk=found[0].pk)
    above = dict(Unit.objects.filter(path__in={unit.path[:-STEP] for unit in found}).values_list("path", "name"))
    rows = [(unit, above.get(unit.path[:-STEP], ""), unit.pk in cards) for unit in found[:MOST]]
    context = {"title": _("Search"), "words": words, "rows": rows, "has_more": len(found) > MOST, "most": MOST}
    return render(request, "portal/search.html", context)


urlpatterns = [path("search/", admin.site.admin_view(search), name="search")]
