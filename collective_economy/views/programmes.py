"""Support programmes: the list, one with where its money is, entering and confirming by two people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.reauth import recent_password_required
from branches.form_page import Page, form_page
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold
from collective_economy.counties import counties_for, holds_at
from collective_economy.models import Programme, Project
from collective_economy.programme_forms import ProgrammeForm
from collective_economy.programme_page import lines_of, sources_of, totals_of
from collective_economy.project_lists import dressed
from collective_economy.project_lists import lines_of as project_lines
from collective_economy.project_page import history_of
from collective_economy.services import programmes
from collective_economy.views.row_pages import told_in_the_form

VIEW, ADD = "collective_economy.view_programme", "collective_economy.add_programme"
PER_PAGE = 25


@require_GET
def programme_list(request: HttpRequest) -> HttpResponse:
    """Programmes with what became of their money, as far as the reader sees the projects. Constant queries."""
    user = request.user
    must_hold(user, VIEW)
    rows = Programme.objects.for_user(user).prefetch_related("sources").order_by("-year", "-released_on", "name")
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    lines = lines_of(list(page.object_list), user)
    context = {
        "title": _("Support programmes"),
        "page": page,
        "lines": lines,
        "total": totals_of(lines),
        "may_add": bool(counties_for_adding(request)),
    }
    return render(request, "collective_economy/programme_list.html", context)


def counties_for_adding(request: HttpRequest) -> list[Any]:
    """Counties for which the user enters programmes: a township's officer enters none."""
    return [county for county in counties_for(request.user, ADD) if holds_at(request.user, ADD, county.path)]


@require_GET
def programme(request: HttpRequest, pk: int) -> HttpResponse:
    """Released, approved, handed out, spent, earned; then its projects."""
    user = request.user
    fetch(user, Programme, pk)
    row = Programme.objects.select_related("unit", "entered_by", "confirmed_by").prefetch_related("sources").get(pk=pk)
    line = lines_of([row], user)[0]
    projects = dressed(Project.objects.for_user(user).filter(programme=row)).order_by("path", "number")
    page = CappedPaginator(projects, PER_PAGE).get_page(request.GET.get("page"))
    may_change = user.has_perm("collective_economy.change_programme", row) and row.confirmed_by_id is None
    context = {
        "title": row.name,
        "crumbs": _crumbs(),
        "programme": row,
        "line": line,
        "sources": sources_of(row, user),
        "page": page,
        "lines": project_lines(page.object_list, timezone.localdate()),
        "may_change": may_change,
        "may_confirm": user.has_perm("collective_economy.confirm_programme", row)
        and row.confirmed_by_id is None
        and row.entered_by_id != user.pk,
        "may_propose": user.has_perm("collective_economy.add_project") and row.confirmed_by_id is not None,
        "happenings": history_of(row),
    }
    return render(request, "collective_economy/programme.html", context)


def _crumbs() -> list[tuple[str, Any]]:
    return [(reverse("collective_economy:programme_list"), _("Support programmes"))]


@require_http_methods(["GET", "POST"])
def programme_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ADD)
    counties = counties_for_adding(request)
    if not counties:
        raise PermissionDenied(_("Programmes are entered for the county."))
    today = timezone.localdate()
    made: list[ProgrammeForm] = []

    def make_form(data: Any) -> ProgrammeForm:
        initial = {"year": today.year, "released_on": today, "subject": "F3"}
        made.append(ProgrammeForm(data, counties=counties, initial=initial))
        return made[-1]

    def run(given: dict[str, Any]) -> Programme:
        row = programmes.add_programme(
            unit=given["unit"], amounts=made[-1].amounts(), by=request.user, **made[-1].values()
        )
        added: Programme = fetch(request.user, Programme, row.pk, "add")
        return added

    page = Page(
        title=_("Enter a support programme"),
        back=reverse("collective_economy:programme_list"),
        crumbs=_crumbs(),
        explanation=_("Somebody else confirms it; until then its money is not handed out."),
        template="collective_economy/programme_form.html",
    )
    return form_page(
        request, page, make_form, run, back_to=lambda row: reverse("collective_economy:programme", args=[row.pk])
    )


@require_http_methods(["GET", "POST"])
def programme_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row: Programme = fetch(request.user, Programme, pk, "change")
    made: list[ProgrammeForm] = []

    def make_form(data: Any) -> ProgrammeForm:
        made.append(ProgrammeForm(data, counties=[], programme=fetch(request.user, Programme, pk, "change")))
        return made[-1]

    def run(given: dict[str, Any]) -> Programme:
        return programmes.change_programme(
            row, values=made[-1].values(), amounts=made[-1].amounts(), base=given["base_version"], by=request.user
        )

    page = Page(
        title=_("Change the programme"),
        back=reverse("collective_economy:programme", args=[pk]),
        crumbs=[*_crumbs(), (reverse("collective_economy:programme", args=[pk]), row.name)],
        explanation=_("Whoever changes it last counts as who entered it, and somebody else confirms it."),
        template="collective_economy/programme_form.html",
    )
    return form_page(request, page, make_form, run, is_confirmed=row.confirmed_by_id is not None)


@recent_password_required
@require_http_methods(["GET", "POST"])
def programme_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """A second person compares document and amounts, and confirms."""
    row: Programme = fetch(request.user, Programme, pk, "confirm")

    def run(_given: dict[str, Any]) -> Programme:
        with told_in_the_form():
            return programmes.confirm_programme(row, by=request.user, now=timezone.now())

    page = Page(
        title=_("Confirm the programme"),
        back=reverse("collective_economy:programme", args=[pk]),
        crumbs=[*_crumbs(), (reverse("collective_economy:programme", args=[pk]), row.name)],
        template="collective_economy/programme_confirm.html",
    )
    return form_page(
        request,
        page,
        lambda data: forms.Form(data),
        run,
        programme=row,
        sources=row.sources.order_by("pk"),
        total=sum(source.amount for source in row.sources.all()),
        is_own=row.entered_by_id == request.user.pk,
    )
