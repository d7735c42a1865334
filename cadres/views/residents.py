"""First secretaries and resident teams: who lives where, leave by exception, spot checks, the end of a stay."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from branches.above import names_above
from branches.form_page import Page, form_page
from branches.history import happenings
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import events_of
from cadres.models import Person, Residency, ResidentLeave, SpotCheck
from cadres.people_forms import DayFilter, EndResidencyForm, LeaveForm, ResidencyForm, SpotCheckForm
from cadres.services import residents
from cadres.views.people import crumbs_of

PER_PAGE = 25
HISTORY_SHOWN = 25


def resident_list(request: HttpRequest) -> HttpResponse:
    """Who lives in a village on a day, with the days away this year and what spot checks found."""
    user = request.user
    must_hold(user, "cadres.view_residency")
    filters = DayFilter(request.GET, user=user, permission="cadres.view_residency")
    day = filters.on
    rows = residents_shown(user, filters).annotate(
        checks=Count("spot_checks", distinct=True, filter=Q(spot_checks__checked_on__lte=day)),
        absences=Count(
            "spot_checks", distinct=True, filter=Q(spot_checks__checked_on__lte=day, spot_checks__was_present=False)
        ),
    )
    rows = rows.order_by("unit__path", "role", "-started_on", "pk")
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    found = list(page)
    context = {
        "title": _("First secretaries and resident teams"),
        "filters": filters,
        "day": day,
        "page": page,
        "townships": names_above(row.unit.path for row in found),
        "away": _days_away(user, found, day),
        "crumbs": [(reverse("cadres:person_list"), _("Village cadres"))],
        "may_add": bool(paths_for(user, "cadres.add_residency")),
    }
    return render(request, "cadres/resident_list.html", context)


def residents_shown(user: Any, filters: DayFilter) -> Any:
    """Who lives in a village of the chosen place on the chosen day."""
    day = filters.on
    rows: Any = Residency.objects.for_user(user).filter(started_on__lte=day)
    rows = filters.under(rows.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=day)), "unit__path")
    return rows.select_related("person", "unit")


def _days_away(user: Any, found: list[Residency], day: Any) -> dict[int, int]:
    """Residency -> days of leave in the year of `day`, up to it."""
    first = day.replace(month=1, day=1)
    days: dict[int, int] = {}
    leaves = ResidentLeave.objects.for_user(user).filter(residency__in=found, begins_on__lte=day, ends_on__gte=first)
    for leave in leaves.order_by():
        inside = (min(leave.ends_on, day) - max(leave.begins_on, first)).days + 1
        days[leave.residency_id] = days.get(leave.residency_id, 0) + inside
    return days


def resident_add(request: HttpRequest, pk: int) -> HttpResponse:
    """`pk` of the person."""
    person: Person = fetch(request.user, Person, pk)
    must_hold(request.user, "cadres.add_residency")
    address = reverse("cadres:person", args=[pk])

    def run(values: dict[str, Any]) -> None:
        made = residents.begin_residency(person, values, by=request.user, today=timezone.localdate())
        fetch(request.user, Residency, made.pk, "add")

    page = Page(
        title=_("Record a stay"), subject=person.name, back=address, crumbs=[*crumbs_of(person), (address, person.name)]
    )
    return form_page(
        request,
        page,
        lambda data: ResidencyForm(
            data, instance=Residency(person=person), user=request.user, initial={"unit": person.unit_id}
        ),
        run,
    )


def resident(request: HttpRequest, pk: int) -> HttpResponse:
    row: Residency = fetch(request.user, Residency, pk)
    may_change = request.user.has_perm("cadres.change_residency", row)
    context = {
        "title": f"{row.unit.name} {row.get_role_display()}",
        "stay": row,
        "leaves": list(ResidentLeave.objects.for_user(request.user).filter(residency=row)),
        "checks": list(SpotCheck.objects.for_user(request.user).filter(residency=row).select_related("checked_by")),
        "may_change": may_change,
        "may_end": may_change and row.ended_on is None,
        "happenings": happenings(Residency, events_of(row)[:HISTORY_SHOWN]),
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/resident.html", context)


def _crumbs() -> list[tuple[str, Any]]:
    return [(reverse("cadres:resident_list"), _("First secretaries and resident teams"))]


def _page(row: Residency, title: str, **more: Any) -> Page:
    address = reverse("cadres:resident", args=[row.pk])
    crumbs = [*_crumbs(), (address, str(row))]
    return Page(title=title, subject=str(row), back=address, crumbs=crumbs, **more)


def resident_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row: Residency = fetch(request.user, Residency, pk, "change")

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        residents.correct_residency(row, values, version=version, by=request.user, today=timezone.localdate())

    return form_page(
        request,
        _page(row, _("Correct a stay")),
        lambda data: ResidencyForm(data, instance=fetch(request.user, Residency, pk), user=request.user),
        run,
    )


def resident_leave(request: HttpRequest, pk: int) -> HttpResponse:
    row: Residency = fetch(request.user, Residency, pk, "change")

    def run(values: dict[str, Any]) -> None:
        residents.record_leave(row, values, by=request.user)

    explanation = _("Only days away are recorded; nobody signs in for the others.")
    page = _page(row, _("Record leave"), explanation=explanation)
    return form_page(request, page, lambda data: LeaveForm(data, instance=ResidentLeave(residency=row)), run)


def resident_check(request: HttpRequest, pk: int) -> HttpResponse:
    row: Residency = fetch(request.user, Residency, pk, "change")

    def run(values: dict[str, Any]) -> None:
        residents.record_spot_check(row, values, by=request.user, today=timezone.localdate())

    page = _page(row, _("Record a spot check"))
    return form_page(
        request,
        page,
        lambda data: SpotCheckForm(
            data, instance=SpotCheck(residency=row), initial={"checked_on": timezone.localdate()}
        ),
        run,
    )


def resident_end(request: HttpRequest, pk: int) -> HttpResponse:
    row: Residency = fetch(request.user, Residency, pk, "change")

    def run(values: dict[str, Any]) -> None:
        residents.end_residency(
            row,
            values["ended_on"],
            values["ending"],
            values["ending_note"],
            version=values["base_version"],
            by=request.user,
            today=timezone.localdate(),
        )

    page = _page(row, _("End or recall"), submit=_("End the stay"))
    return form_page(
        request, page, lambda data: EndResidencyForm(data, row=row, initial={"ended_on": timezone.localdate()}), run
    )
