"""Honours and discipline of a person. A discipline record is seen by those who handle discipline, nobody else."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from branches.form_page import Page, form_page
from branches.history import happenings
from branches.scoping import fetch, must_hold
from branches.versions import events_of
from cadres.models import Commendation, DisciplineAction, Person
from cadres.people_forms import (
    CommendationForm,
    DisciplineForm,
    EndSuspensionForm,
    ExtendForm,
    MidCheckForm,
)
from cadres.services import conduct
from cadres.views.people import crumbs_of

HISTORY_SHOWN = 25


def _page(person: Person, title: str, back: str = "", **more: Any) -> Page:
    address = reverse("cadres:person", args=[person.pk])
    crumbs = [*crumbs_of(person), (address, person.name)]
    return Page(title=title, subject=person.name, back=back or address, crumbs=crumbs, **more)


def commendation_add(request: HttpRequest, pk: int) -> HttpResponse:
    person: Person = fetch(request.user, Person, pk)
    must_hold(request.user, "cadres.add_commendation")

    def run(values: dict[str, Any]) -> None:
        made = conduct.record_commendation(person, values, by=request.user, today=timezone.localdate())
        fetch(request.user, Commendation, made.pk, "add")

    page = _page(person, _("Record an honour"))
    return form_page(request, page, lambda data: CommendationForm(data, instance=Commendation(person=person)), run)


def commendation(request: HttpRequest, pk: int) -> HttpResponse:
    row: Commendation = fetch(request.user, Commendation, pk, "change")

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        conduct.correct_commendation(row, values, version=version, by=request.user, today=timezone.localdate())

    page = _page(row.person, _("Correct an honour"))
    return form_page(
        request, page, lambda data: CommendationForm(data, instance=fetch(request.user, Commendation, pk)), run
    )


# --- Discipline -----------------------------------------------------------------------------


def discipline_add(request: HttpRequest, pk: int) -> HttpResponse:
    person: Person = fetch(request.user, Person, pk)
    must_hold(request.user, "cadres.add_disciplineaction")

    def run(values: dict[str, Any]) -> None:
        made = conduct.record_discipline(person, values, by=request.user, today=timezone.localdate())
        fetch(request.user, DisciplineAction, made.pk, "add")

    page = _page(person, _("Record a discipline action"))
    return form_page(request, page, lambda data: DisciplineForm(data, instance=DisciplineAction(person=person)), run)


def discipline(request: HttpRequest, pk: int) -> HttpResponse:
    """What was decided, checked and concluded."""
    row: DisciplineAction = fetch(request.user, DisciplineAction, pk)
    may_change = request.user.has_perm("cadres.change_disciplineaction", row)
    is_suspension = row.kind == DisciplineAction.Kind.SUSPENSION
    context = {
        "title": row.get_kind_display(),
        "action": row,
        "is_suspension": is_suspension,
        "is_running": is_suspension and row.ended_on is None,
        "may_change": may_change,
        "may_extend": may_change and not row.outcome,
        "happenings": happenings(DisciplineAction, events_of(row)[:HISTORY_SHOWN]),
        "crumbs": [*crumbs_of(row.person), (reverse("cadres:person", args=[row.person_id]), row.person.name)],
    }
    return render(request, "cadres/discipline.html", context)


def discipline_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row: DisciplineAction = fetch(request.user, DisciplineAction, pk, "change")

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        conduct.correct_discipline(row, values, version=version, by=request.user, today=timezone.localdate())

    page = _page(row.person, _("Correct a discipline action"), _address(row))
    return form_page(
        request, page, lambda data: DisciplineForm(data, instance=fetch(request.user, DisciplineAction, pk)), run
    )


def _address(row: DisciplineAction) -> str:
    return reverse("cadres:discipline", args=[row.pk])


def discipline_check(request: HttpRequest, pk: int) -> HttpResponse:
    row: DisciplineAction = fetch(request.user, DisciplineAction, pk, "change")

    def run(values: dict[str, Any]) -> None:
        conduct.check_half_way(
            row,
            values["mid_check_on"],
            values["mid_check"],
            version=values["base_version"],
            by=request.user,
            today=timezone.localdate(),
        )

    initial = {"mid_check_on": row.mid_check_on, "mid_check": row.mid_check}
    page = _page(row.person, _("Check half-way"), _address(row))
    return form_page(request, page, lambda data: MidCheckForm(data, row=row, initial=initial), run)


def discipline_extend(request: HttpRequest, pk: int) -> HttpResponse:
    row: DisciplineAction = fetch(request.user, DisciplineAction, pk, "change")

    def run(values: dict[str, Any]) -> None:
        conduct.extend_suspension(
            row,
            values["effective_to"],
            values["closing_opinion"],
            version=values["base_version"],
            by=request.user,
        )

    page = _page(row.person, _("Extend the suspension"), _address(row), explanation=_("It is extended once at most."))
    return form_page(request, page, lambda data: ExtendForm(data, row=row), run)


def discipline_end(request: HttpRequest, pk: int) -> HttpResponse:
    row: DisciplineAction = fetch(request.user, DisciplineAction, pk, "change")

    def run(values: dict[str, Any]) -> None:
        conduct.end_suspension(
            row,
            values["ended_on"],
            values["outcome"],
            values["closing_opinion"],
            version=values["base_version"],
            by=request.user,
            today=timezone.localdate(),
        )

    explanation = _("Whoever is relieved of the post leaves it on the person's page, with its document.")
    if row.mid_check_on is None:
        explanation = _("No check half-way is recorded.") + " " + explanation
    page = _page(row.person, _("End the suspension"), _address(row), explanation=explanation)
    return form_page(
        request,
        page,
        lambda data: EndSuspensionForm(data, row=row, initial={"ended_on": timezone.localdate()}),
        run,
    )
