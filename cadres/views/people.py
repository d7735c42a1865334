"""People: the roster as of any day, one person with all that is known, the printed file, identity numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, IntegerField, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.models import User
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.history import happenings
from branches.models import Branch, Unit, VillageClass
from branches.querysets import valid_on
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import events_of
from cadres import education, people_page, village_results, words
from cadres.ages import age_on
from cadres.duties import add_months
from cadres.models import Commendation, DisciplineAction, Person, Posting, ReserveCadre, Residency
from cadres.people_forms import NumberForm, PeopleFilter, PersonForm, RevealForm
from cadres.rosters import is_dual_head
from cadres.services import identity, people
from imports.identity import masked

PER_PAGE = 25
MONTHS_SHOWN = 12
TRAININGS_SHOWN = 8
HISTORY_SHOWN = 50


def list_mark() -> str:
    """Between the members of a list in running text."""
    return pgettext("list", ", ")


# --- The roster -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A person of the roster with the posts of the day."""

    person: Person
    township: str
    places: str
    titles: str
    since: Any
    age: int | None
    education: Any
    phone: str
    is_dual: bool
    is_in_post: bool


def person_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "cadres.view_person")
    filters = PeopleFilter(request.GET, user=user)
    rows = people_shown(user, filters)
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Village cadres"),
        "filters": filters,
        "day": filters.on,
        "is_past": filters.on != timezone.localdate(),
        "page": page,
        "rows": _rows(user, list(page), filters.on),
        "may_add": bool(paths_for(user, "cadres.add_person")),
        "may_find": bool(paths_for(user, "cadres.reveal_person")),
        "number_form": NumberForm(),
    }
    return render(request, "cadres/person_list.html", context)


def people_shown(user: User, filters: PeopleFilter) -> Any:
    """People by place, post and state on the day, in the order of rosters; nobody for a wrong condition."""
    if not filters.is_valid():
        return Person.objects.none()
    chosen, day = filters.cleaned_data, filters.on
    held = Posting.objects.for_user(user).held_on(day).filter(person=OuterRef("pk"))
    if chosen["post"]:
        held = held.filter(post=chosen["post"])
    rows: Any = Person.objects.for_user(user).filter(filters.about_people()).select_related("unit")
    if chosen["state"] == "":
        rows = rows.filter(Exists(filters.under(held, "unit__path")))
    else:
        rows = filters.under(rows, "unit__path")
        if chosen["state"] == "left":
            ended = Posting.objects.for_user(user).filter(person=OuterRef("pk"), ended_on__lt=day)
            ended = ended.filter(post=chosen["post"]) if chosen["post"] else ended
            rows = rows.filter(Exists(ended)).exclude(Exists(held))
        elif chosen["post"]:
            rows = rows.filter(Exists(held))
    first = held.order_by("post").values("post")[:1]
    rows = rows.annotate(first_post=Subquery(first, output_field=IntegerField()))
    return rows.order_by("unit__path", "first_post", "pk")


def _rows(user: User, found: list[Person], day: date) -> list[Row]:
    postings: dict[int, list[Posting]] = {}
    held = Posting.objects.for_user(user).held_on(day).filter(person__in=found).select_related("unit")
    for posting in held.order_by("post", "pk"):
        postings.setdefault(posting.person_id, []).append(posting)
    townships = names_above(person.unit.path for person in found)
    return [_row(person, postings.get(person.pk, []), townships, day) for person in found]


def _row(person: Person, postings: list[Posting], townships: Mapping[str, str], day: date) -> Row:
    mark = list_mark()
    units = [posting.unit for posting in postings] or [person.unit]
    villages = list(dict.fromkeys(unit.short_name for unit in units if unit.kind == Unit.Kind.VILLAGE))
    is_above = person.unit.kind == Unit.Kind.TOWNSHIP
    begun = [posting.started_on for posting in postings if posting.started_on]
    return Row(
        person=person,
        township=person.unit.name if is_above else townships.get(person.unit.parent_path, ""),
        places=mark.join(villages),
        titles=people_page.titles(postings, mark),
        since=min(begun, key=lambda started: started.first_day) if begun else None,
        age=age_on(person.birth, day),
        education=education.name_of(person.education) or person.education_words,
        phone=words.masked_phone(person.phone),
        is_dual=is_dual_head({posting.post for posting in postings}),
        is_in_post=bool(postings),
    )


@require_POST
def person_find(request: HttpRequest) -> HttpResponse:
    """Somebody by the whole identity number, which is never in an address."""
    must_hold(request.user, "cadres.reveal_person")
    form = NumberForm(request.POST)
    if form.is_valid():
        try:
            found, is_elsewhere = identity.find(form.cleaned_data["number"], by=request.user, now=timezone.now())
        except ValidationError as error:
            messages.error(request, list_mark().join(error.messages))
            return redirect("cadres:person_list")
        if found is not None:
            return redirect("cadres:person", pk=found.pk)
        if is_elsewhere:
            messages.warning(request, _("This number is registered outside your area; the county office can help."))
        else:
            messages.info(request, _("Nobody with this number is on the roster."))
    return redirect("cadres:person_list")


# --- One person -----------------------------------------------------------------------------


def crumbs_of(person: Person) -> list[tuple[str, Any]]:
    address = reverse("cadres:person_list")
    township = Unit.objects.filter(path=person.unit.parent_path).first()
    return [
        (address, _("Village cadres")),
        *([(f"{address}?township={township.pk}", township.name)] if township and township.kind == "township" else []),
    ]


def person(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    somebody: Person = fetch(user, Person, pk)
    unit = somebody.unit
    today = timezone.localdate()
    postings = _postings(user, somebody)
    held = people_page.held_on(postings, today)
    attendances = people_page.trainings_of(user, somebody)
    reserve = list(ReserveCadre.objects.for_user(user).filter(person=somebody).select_related("unit"))
    residencies = list(Residency.objects.for_user(user).filter(person=somebody).select_related("unit"))
    is_dual, is_cross = people_page.badges(held)
    mark = list_mark()
    context = {
        "title": somebody.name,
        "person": somebody,
        "unit": unit,
        "facts": _facts(somebody, held, today),
        "township": Unit.objects.filter(path=unit.parent_path).first(),
        "titles": people_page.titles(held, mark),
        "held": held,
        "is_dual": is_dual,
        "is_cross": is_cross,
        "stages": people_page.stages(postings, residencies, reserve, today, mark),
        "attendances": attendances[:TRAININGS_SHOWN],
        "attendance_count": len(attendances),
        "year": people_page.training_year(somebody, postings, attendances, today),
        "today": today,
        "commendations": list(Commendation.objects.for_user(user).filter(person=somebody)),
        "reserve": reserve,
        "years": village_results.years_of(user, somebody.pk),
        "pay": village_results.pay_of(user, somebody.pk),
        "reveal_form": RevealForm(auto_id="reveal_%s"),
        "compare_form": NumberForm(auto_id="compare_%s"),
        **_village(user, unit, today),
        **_discipline(user, somebody),
        **_rights(user, somebody),
        "crumbs": crumbs_of(somebody),
    }
    return render(request, "cadres/person.html", context)


def _postings(user: User, somebody: Person) -> list[Posting]:
    rows = Posting.objects.for_user(user).filter(person=somebody).select_related("unit")
    return list(rows.order_by("post", "pk"))


def _facts(somebody: Person, held: list[Posting], today: date) -> dict[str, Any]:
    """What stands in the head of the page and of the print, in words."""
    begun = [posting.started_on for posting in held if posting.started_on]
    return {
        "gender": somebody.get_gender_display(),
        "age": age_on(somebody.birth, today),
        "education": education.name_of(somebody.education) or somebody.education_words,
        "political": words.political(somebody.political),
        "party_years": age_on(somebody.joined_on, today),
        "origin": words.origin(somebody.origin),
        "phone": words.masked_phone(somebody.phone),
        "identity": masked(somebody.identity_number) if somebody.identity_number else "",
        "since": min(begun, key=lambda started: started.first_day) if begun else None,
    }


def _village(user: User, unit: Unit, today: date) -> dict[str, Any]:
    """The village beside its person: class, team, reserve, the end of the term, and its last published months."""
    branch = Branch.objects.for_user(user).leading().filter(unit=unit, valid_to=None).first()
    first = add_months(today.replace(day=1), -MONTHS_SHOWN)
    return {
        "village_class": VillageClass.objects.for_user(user).filter(valid_on(today), unit=unit).first(),
        "branch": branch,
        "term_end": branch.next_election_on if branch else None,
        "team": people_page.team_of(user, unit.pk, today),
        "results": village_results.results_of(user, unit.pk, first, today),
    }


def _discipline(user: User, somebody: Person) -> dict[str, Any]:
    """None, instead of an empty list, for who may not know whether there is anything."""
    if not user.has_perm("cadres.view_disciplineaction"):
        return {"discipline": None}
    return {"discipline": list(DisciplineAction.objects.for_user(user).filter(person=somebody))}


def _rights(user: User, somebody: Person) -> dict[str, bool]:
    """Each row of a person lies where the person does, so one question for each right is enough."""
    may_change = user.has_perm("cadres.change_person", somebody)
    return {
        "may_change": may_change,
        "may_appoint": may_change and user.has_perm("cadres.add_posting"),
        "may_discipline": may_change and user.has_perm("cadres.add_disciplineaction"),
        "may_reveal": user.has_perm("cadres.reveal_person", somebody),
    }


def person_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "cadres.add_person")
    initial = {"unit": request.GET.get("village", "")}

    def run(values: dict[str, Any]) -> Person:
        made = people.add_person(values, by=request.user, today=timezone.localdate())
        fetch(request.user, Person, made.pk, "add")
        _warn(request, made)
        return made

    page = Page(
        title=_("Add a person"),
        back=reverse("cadres:person_list"),
        crumbs=[(reverse("cadres:person_list"), _("Village cadres"))],
        explanation=_("Posts are recorded after that, on the person's page."),
    )
    return form_page(
        request,
        page,
        lambda data: PersonForm(data, user=request.user, initial=initial),
        run,
        back_to=lambda made: reverse("cadres:person", args=[made.pk]),
    )


def person_edit(request: HttpRequest, pk: int) -> HttpResponse:
    somebody: Person = fetch(request.user, Person, pk, "change")
    address = reverse("cadres:person", args=[pk])

    def run(values: dict[str, Any]) -> Person:
        changed = people.change_person(
            somebody, values, version=values["base_version"], by=request.user, today=timezone.localdate()
        )
        fetch(request.user, Person, pk, "change")
        _warn(request, changed)
        return changed

    page = Page(
        title=_("Edit"), subject=somebody.name, back=address, crumbs=[*crumbs_of(somebody), (address, somebody.name)]
    )
    return form_page(
        request,
        page,
        lambda data: PersonForm(data, instance=fetch(request.user, Person, pk), user=request.user),
        run,
    )


def _warn(request: HttpRequest, somebody: Person) -> None:
    for sentence in people.contradictions(somebody, timezone.localdate()):
        messages.warning(request, sentence)


def person_history(request: HttpRequest, pk: int) -> HttpResponse:
    """Changes of the person's own row and of their posts, for whoever may see the person."""
    somebody: Person = fetch(request.user, Person, pk)
    address = reverse("cadres:person", args=[pk])
    told = [(_("Profile"), happenings(Person, events_of(somebody)[:HISTORY_SHOWN]))]
    for posting in Posting.objects.for_user(request.user).filter(person=somebody).order_by("-pk"):
        told.append((people_page.title_of(posting), happenings(Posting, events_of(posting)[:HISTORY_SHOWN])))
    context = {
        "title": _("Change log"),
        "facts": somebody.name,
        "told": [(label, rows) for label, rows in told if rows],
        "crumbs": [*crumbs_of(somebody), (address, somebody.name)],
    }
    return render(request, "cadres/person_history.html", context)


@transaction.atomic
def person_print(request: HttpRequest, pk: int) -> HttpResponse:
    """One sheet of A4 in the form of cadre offices. Opening it is told in the trail, as it leaves the portal."""
    user = request.user
    somebody: Person = fetch(user, Person, pk)
    today = timezone.localdate()
    postings = _postings(user, somebody)
    held = people_page.held_on(postings, today)
    mark = list_mark()
    attendances = people_page.trainings_of(user, somebody)
    audit.record("cadres.print_person", actor=user, target=somebody, unit=somebody.unit)
    context = {
        "title": _("File of a cadre"),
        "person": somebody,
        "facts": _facts(somebody, held, today),
        "township": Unit.objects.filter(path=somebody.unit.parent_path).first(),
        "titles": people_page.titles(held, mark),
        "held": held,
        "stages": people_page.stages(
            postings,
            list(Residency.objects.for_user(user).filter(person=somebody).select_related("unit")),
            list(ReserveCadre.objects.for_user(user).filter(person=somebody).select_related("unit")),
            today,
            mark,
        ),
        "commendations": Commendation.objects.for_user(user).filter(person=somebody),
        "attendances": attendances[:TRAININGS_SHOWN],
        "year": people_page.training_year(somebody, postings, attendances, today),
        "today": today,
        "crumbs": [*crumbs_of(somebody), (reverse("cadres:person", args=[pk]), somebody.name)],
    }
    return render(request, "cadres/person_print.html", context)


# --- Numbers --------------------------------------------------------------------------------


@require_POST
def person_reveal(request: HttpRequest, pk: int) -> JsonResponse:
    """The number as JSON, never stored by the browser. 422 with sentences where it is refused."""
    somebody: Person = fetch(request.user, Person, pk, "reveal")
    what = request.POST.get("what", "identity_number")
    form = RevealForm(request.POST)
    if what not in identity.REVEALED:
        raise Http404
    if not form.is_valid():
        return JsonResponse({"errors": [error for errors in form.errors.values() for error in errors]}, status=422)
    values = form.cleaned_data
    try:
        shown = identity.reveal(
            somebody, values["purpose"], values["note"], by=request.user, now=timezone.now(), what=what
        )
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=422)
    return JsonResponse({"value": shown})


@require_POST
def person_compare(request: HttpRequest, pk: int) -> JsonResponse:
    """Whether a number is the person's, shown as a sentence."""
    somebody: Person = fetch(request.user, Person, pk, "reveal")
    try:
        fits = identity.is_number_of(somebody, request.POST.get("number", "")[:40], by=request.user, now=timezone.now())
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=422)
    return JsonResponse(
        {"fits": fits, "words": _("The number is the same.") if fits else _("The number is another one.")}
    )
