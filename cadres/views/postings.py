"""Taking up posts and leaving them; the election of a village; posts that nobody fills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from branches.above import names_above
from branches.approved_posts import approved_on
from branches.form_page import Page, form_page
from branches.models import Unit, Village
from branches.querysets import valid_on
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold
from cadres import codes
from cadres.limits import LimitsByPlace
from cadres.models import Person, Posting
from cadres.people_forms import ELECTED_POSTS, DayFilter, ElectionForm, EndPostingForm, PostingForm
from cadres.people_page import title_of
from cadres.rosters import (
    COUNTED_POSTS,
    Period,
    Vacancy,
    counts_as_vacant,
    head_vacancy_on,
    people_counted,
    vacancy_on,
)
from cadres.services import postings
from cadres.services.postings import Elected
from cadres.views.people import crumbs_of

PER_PAGE = 50


def _page(person: Person, title: str, **more: Any) -> Page:
    address = reverse("cadres:person", args=[person.pk])
    crumbs = [*crumbs_of(person), (address, person.name)]
    return Page(title=title, subject=person.name, back=address, crumbs=crumbs, **more)


def posting_add(request: HttpRequest, pk: int) -> HttpResponse:
    person: Person = fetch(request.user, Person, pk, "change")

    def run(values: dict[str, Any]) -> None:
        made = postings.appoint(person, values, by=request.user, today=timezone.localdate())
        fetch(request.user, Posting, made.pk, "add")

    def make_form(data: Any) -> PostingForm:
        return PostingForm(data, instance=Posting(person=person), user=request.user, initial={"unit": person.unit_id})

    return form_page(request, _page(person, _("Record a post")), make_form, run)


def posting_edit(request: HttpRequest, pk: int) -> HttpResponse:
    posting: Posting = fetch(request.user, Posting, pk, "change")

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        postings.correct_posting(posting, values, version=version, by=request.user, today=timezone.localdate())
        fetch(request.user, Posting, pk, "change")

    page = _page(posting.person, _("Correct a post"))
    return form_page(
        request,
        page,
        lambda data: PostingForm(data, instance=fetch(request.user, Posting, pk), user=request.user),
        run,
    )


def posting_end(request: HttpRequest, pk: int) -> HttpResponse:
    posting: Posting = fetch(request.user, Posting, pk, "change")

    def run(values: dict[str, Any]) -> None:
        postings.end_posting(
            posting,
            values["ended_on"],
            values["ending"],
            version=values["base_version"],
            by=request.user,
            today=timezone.localdate(),
            note=values["note"],
        )

    page = _page(
        posting.person,
        _("End a post"),
        explanation=_("%(post)s since %(day)s. The post stays in the person's history.")
        % {"post": title_of(posting), "day": posting.started_on or "—"},
        submit=_("End the post"),
    )
    return form_page(
        request, page, lambda data: EndPostingForm(data, row=posting, initial={"ended_on": timezone.localdate()}), run
    )


# --- Election -------------------------------------------------------------------------------


def election(request: HttpRequest, pk: int) -> HttpResponse:
    """`pk` of the village. Candidates are the people kept there, in the order of rosters."""
    unit: Unit = fetch(request.user, Unit, pk)
    must_hold(request.user, "cadres.add_posting")
    today = timezone.localdate()
    people = list(Person.objects.for_user(request.user, "change").filter(unit=unit).order_by("name", "pk"))
    held: dict[int, set[int]] = {}
    open_rows = Posting.objects.for_user(request.user).open().filter(unit=unit, post__in=COUNTED_POSTS)
    for person_id, post in open_rows.values_list("person_id", "post"):
        held.setdefault(person_id, set()).add(post)
    people.sort(key=lambda person: (min(held.get(person.pk, {codes.OTHER})), person.name))
    by_pk = {person.pk: person for person in people}

    def run(values: dict[str, Any]) -> None:
        elected = [Elected(by_pk[key], posts) for key, posts in _chosen(values)]
        made = postings.record_election(
            unit, elected, on=values["on"], by=request.user, today=today, document=values["document"]
        )
        for posting in made:
            fetch(request.user, Posting, posting.pk, "add")

    address = f"{reverse('cadres:person_list')}?village={unit.pk}"
    ticked = [f"{key}:{post}" for key, posts in held.items() for post in posts]
    page = Page(
        title=_("Record an election"),
        subject=unit.name,
        back=address,
        crumbs=[(reverse("cadres:person_list"), _("Village cadres")), (address, unit.name)],
        submit=_("Record the election"),
        template="cadres/election.html",
    )
    return form_page(
        request,
        page,
        lambda data: ElectionForm(data, people=people, initial={"on": today, "posts": ticked}),
        run,
        people=people,
        held=held,
        posts=ELECTED_POSTS,
    )


def _chosen(values: dict[str, Any]) -> list[tuple[int, frozenset[int]]]:
    found: dict[int, set[int]] = {}
    for value in values["posts"]:
        person, _point, post = value.partition(":")
        found.setdefault(int(person), set()).add(int(post))
    return [(person, frozenset(posts)) for person, posts in found.items()]


# --- Vacancies ------------------------------------------------------------------------------


@dataclass(frozen=True)
class VillageRow:
    """A village with posts that nobody fills. `overdue` once the county's patience is over."""

    unit: Unit
    township: str
    approved: int
    people: int
    vacancy: Vacancy
    secretary: Vacancy
    director: Vacancy
    days: int | None
    overdue: bool


def vacancy_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "cadres.view_posting")
    filters = DayFilter(request.GET, user=user, permission="cadres.view_posting")
    day = filters.on
    rows = _vacant(user, filters, day) if filters.is_valid() else []
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Vacant posts"),
        "filters": filters,
        "day": day,
        "page": page,
        "totals": {
            "villages": len(rows),
            "posts": sum(row.vacancy.number for row in rows),
            "secretaries": sum(row.secretary.number for row in rows),
            "overdue": sum(row.overdue for row in rows),
        },
        "crumbs": [(reverse("cadres:person_list"), _("Village cadres"))],
    }
    return render(request, "cadres/vacancy_list.html", context)


def _vacant(user: User, filters: DayFilter, day: date) -> list[VillageRow]:
    """Villages of the day with an unfilled post, or without secretary or director. Five queries."""
    cards: Any = Village.objects.for_user(user).filter(valid_on(day, "unit__")).select_related("unit")
    cards = filters.under(cards.order_by("unit__path"), "unit__path")
    periods: dict[int, list[Period]] = {}
    history = filters.under(Posting.objects.for_user(user).filter(post__in=COUNTED_POSTS), "unit__path").order_by()
    for unit_id, person, post, first, last in history.values_list(
        "unit_id", "person_id", "post", "started_on", "ended_on"
    ):
        begun = first.first_day if first else None
        periods.setdefault(unit_id, []).append(Period(person, post, begun, last))
    found = list(cards)
    townships = names_above(card.unit.path for card in found)
    limits = LimitsByPlace()
    approved = approved_on({card.unit_id: card.approved_post_count for card in found}, day)
    rows = [
        _village_row(card, approved[card.unit_id], periods.get(card.unit_id, []), day, limits, townships)
        for card in found
    ]
    return [row for row in rows if row.vacancy.number or row.secretary.number or row.director.number]


def _village_row(
    card: Village, approved: int, periods: list[Period], day: date, limits: LimitsByPlace, townships: dict[str, str]
) -> VillageRow:
    asked = limits.at(card.unit.path)
    vacancy = vacancy_on(day, approved, periods)
    secretary = head_vacancy_on(day, codes.SECRETARY, periods)
    director = head_vacancy_on(day, codes.DIRECTOR, periods)
    held = [(period.person, period.post) for period in periods if period.covers(day)]
    return VillageRow(
        unit=card.unit,
        township=townships.get(card.unit.parent_path, ""),
        approved=approved,
        people=people_counted(held),
        vacancy=vacancy,
        secretary=secretary,
        director=director,
        days=vacancy.days(day),
        overdue=counts_as_vacant(vacancy, day, asked.vacancy_days)
        or counts_as_vacant(secretary, day, asked.secretary_vacancy_days),
    )
