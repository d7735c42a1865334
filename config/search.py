"""The search box of the header: places and people of the user's area whose name begins with what was typed.

People are found by the first letters of the pinyin of their name too. An identity number finds nobody here:
what is typed stands in the address.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import User
from branches.models import Unit, Village
from branches.scoping import STEP
from cadres.models import Person

MOST = 50


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Villages, townships and people by the beginning of their name; a single one opens at once. Four queries."""
    words = request.GET.get("q", "").strip()[:60]
    units = Unit.objects.for_user(request.user).exclude(kind__in=[Unit.Kind.PROVINCE, Unit.Kind.CITY])
    units = units.filter(name__startswith=words, valid_to__isnull=True).order_by("path")
    found = list(units[: MOST + 1]) if words else []
    cards = set(Village.objects.for_user(request.user).filter(unit__in=found).values_list("unit_id", flat=True))
    people = _people(request.user, words)
    if len(found) == 1 and not people and found[0].pk in cards:
        return redirect("branches:village", pk=found[0].pk)
    if len(people) == 1 and not found:
        return redirect("cadres:person", pk=people[0].pk)
    near = [*found, *(person.unit for person in people)]
    above = dict(Unit.objects.filter(path__in={unit.path[:-STEP] for unit in near}).values_list("path", "name"))
    rows = [(unit, above.get(unit.path[:-STEP], ""), unit.pk in cards) for unit in found[:MOST]]
    context = {
        "title": _("Search"),
        "words": words,
        "rows": rows,
        "people": [(person, above.get(person.unit.path[:-STEP], "")) for person in people[:MOST]],
        "has_more": len(found) > MOST or len(people) > MOST,
        "most": MOST,
    }
    return render(request, "portal/search.html", context)


def _people(user: User, words: str) -> list[Person]:
    """By the beginning of the name, or of its pinyin letters; spaces inside a name do not count."""
    typed = "".join(words.split())
    if not typed:
        return []
    begins = Q(name__startswith=typed) | Q(initials__startswith=typed.lower())
    rows = Person.objects.for_user(user).filter(begins).select_related("unit").order_by("unit__path", "name", "pk")
    return list(rows[: MOST + 1])


urlpatterns = [path("search/", admin.site.admin_view(search), name="search")]
