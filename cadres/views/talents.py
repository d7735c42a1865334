"""The register of talents. An entry whose consent was withdrawn is not shown."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from cadres.ages import age_on
from cadres.models import Person, Talent
from cadres.people_forms import TalentFilter, TalentForm, WithdrawForm
from cadres.services import talents
from cadres.views.people import crumbs_of

PER_PAGE = 25


def talent_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "cadres.view_talent")
    filters = TalentFilter(request.GET, user=user)
    rows = talents_shown(user, filters)
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    found = list(page)
    today = timezone.localdate()
    context = {
        "title": _("Talents"),
        "filters": filters,
        "page": page,
        "rows": [(row, age_on(row.person.birth, today)) for row in found],
        "townships": names_above(row.person.unit.path for row in found),
        "may_change": bool(paths_for(user, "cadres.change_talent")),
        "crumbs": [(reverse("cadres:person_list"), _("Village cadres"))],
    }
    return render(request, "cadres/talent_list.html", context)


def talents_shown(user: Any, filters: TalentFilter) -> Any:
    """Who agreed to be in the register and has not withdrawn it, by the conditions of the list."""
    rows: Any = Talent.objects.for_user(user).filter(withdrawn_on__isnull=True).select_related("person__unit")
    rows = filters.under(rows, "person__unit__path")
    if filters.is_valid() and filters.cleaned_data["kind"]:
        rows = rows.filter(kind=filters.cleaned_data["kind"])
    return rows


def _page(person: Person, title: str, back: str, **more: Any) -> Page:
    address = reverse("cadres:person", args=[person.pk])
    return Page(
        title=title, subject=person.name, back=back, crumbs=[*crumbs_of(person), (address, person.name)], **more
    )


def _standing(user: User, pk: int) -> Talent:
    """The entry, for a change; one whose consent was withdrawn does not exist any more."""
    row: Talent = fetch(user, Talent, pk, "change")
    if row.withdrawn_on is not None:
        raise Http404
    return row


def talent_add(request: HttpRequest, pk: int) -> HttpResponse:
    """`pk` of the person."""
    person: Person = fetch(request.user, Person, pk)
    must_hold(request.user, "cadres.add_talent")

    def run(values: dict[str, Any]) -> None:
        made = talents.register_talent(person, values, by=request.user, today=timezone.localdate())
        fetch(request.user, Talent, made.pk, "add")

    page = _page(person, _("Register as a talent"), reverse("cadres:talent_list"))
    return form_page(request, page, lambda data: TalentForm(data, instance=Talent(person=person)), run)


def talent_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = _standing(request.user, pk)

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        talents.change_talent(row, values, version=version, by=request.user, today=timezone.localdate())

    page = _page(row.person, _("Edit"), reverse("cadres:talent_list"))
    return form_page(request, page, lambda data: TalentForm(data, instance=fetch(request.user, Talent, pk)), run)


def talent_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    row = _standing(request.user, pk)

    def run(values: dict[str, Any]) -> None:
        day = values["withdrawn_on"]
        talents.withdraw_consent(row, day, version=values["base_version"], by=request.user, today=timezone.localdate())

    page = _page(
        row.person,
        _("Withdraw the consent"),
        reverse("cadres:talent_list"),
        explanation=_("From then on the entry is no longer shown. It can be made anew with a new consent."),
        submit=_("Withdraw"),
        is_danger=True,
    )
    initial = {"withdrawn_on": timezone.localdate()}
    return form_page(request, page, lambda data: WithdrawForm(data, row=row, initial=initial), run)
