"""Figures of cadres and the reserve for a place and a day, as table and bars; each number opens its people."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from branches.models import Unit
from branches.months import after
from branches.scoping import must_hold
from cadres import statistics
from cadres.models import Attendance, Posting
from cadres.reserve_forms import MonthFilter, OnDayFilter
from cadres.statistics import SUBJECTS, Figure, Figures, Somebody

PER_PAGE = 25


def figures(request: HttpRequest) -> HttpResponse:
    """`about` chooses the subject; `figure` and `unit` open the people behind a number."""
    must_hold(request.user, statistics.PERMISSION)
    filters = OnDayFilter(request.GET, user=request.user, permission=statistics.PERMISSION)
    del filters.fields["village"]
    asked = request.GET.get("about", "")
    subject = asked if asked in SUBJECTS else "posts"
    found = statistics.figures_on(request.user, subject, filters.day, filters.place_path)
    by_village = len(found.area.townships) <= 1
    figure = _figure(found, request.GET.get("figure", ""))
    context: dict[str, Any] = {
        "title": _("Statistics of cadres"),
        "filters": filters,
        "day": filters.day,
        "subject": subject,
        "subjects": SUBJECTS,
        "by_village": by_village,
        "table": found.table(subject, by_village=by_village),
        "figure": figure,
    }
    if figure is not None:
        unit = _unit(found, request.GET.get("unit", ""))
        people = sorted(figure.people(found.place(unit)), key=lambda one: (one.village, one.name, one.person))
        page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
        context |= {"unit": unit, "page": page, "people": _named(found, list(page))}
    return render(request, "cadres/statistics.html", context)


def trainings(request: HttpRequest) -> HttpResponse:
    """Who was due at the trainings of a month and who came: what the training indicator counts."""
    user = request.user
    must_hold(user, "cadres.view_attendance")
    filters = MonthFilter(request.GET, user=user)
    month = filters.month
    rows: Any = Attendance.objects.for_user(user).filter(
        training__ends_on__gte=month, training__ends_on__lt=after(month)
    )
    rows = filters.under(rows, "person__unit__path").select_related("training", "person__unit")
    context = {
        "title": _("Trainings of the month"),
        "filters": filters,
        "month": month,
        "page": Paginator(
            rows.order_by("training__ends_on", "training", "person__unit__path", "pk"), PER_PAGE
        ).get_page(request.GET.get("page")),
    }
    return render(request, "cadres/training_attendance.html", context)


def _figure(found: Figures, code: str) -> Figure | None:
    return next((figure for figure in found.figures if figure.code == code), None)


def _unit(found: Figures, key: str) -> Unit | None:
    """The line asked for, None for the total."""
    units = [*found.area.townships, *found.area.villages]
    return next((unit for unit in units if str(unit.pk) == key), None)


def _named(found: Figures, people: list[Somebody]) -> list[tuple[Somebody, str, str, str]]:
    """Each with the village, the township, and the posts in words."""
    names = statistics.village_names(found.area)
    posts = dict(Posting.Post.choices)
    return [(one, *names[one.village], "、".join(str(posts[post]) for post in sorted(one.posts))) for one in people]
