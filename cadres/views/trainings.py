"""Trainings: the list of a year, one with who took part, and who still lacks a training that is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.models import Unit
from branches.scoped_admin import CappedPaginator
from branches.scoping import STEP, fetch, must_hold, paths_for
from cadres import codes
from cadres.duties import Duty, duties_on
from cadres.limits import LimitsByPlace
from cadres.models import Attendance, Person, Posting, ReserveCadre, Training
from cadres.people_forms import DUTIES, DutyFilter, TrainingFilter, TrainingForm
from cadres.people_page import courses_of, held_posts, titles
from cadres.rosters import COUNTED_POSTS, HEAD_POSTS
from cadres.services import trainings
from cadres.services.trainings import Presence
from cadres.views.people import list_mark

PER_PAGE = 25
DUTY_ROWS = 50
PEOPLE_ON_A_PAGE = 50
"""Three boxes for each, well below the number of values that one request may carry."""
Kind = Training.Kind
TOWNSHIP_PATH = 4 * STEP


def training_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "cadres.view_training")
    data = request.GET.copy()
    data.setdefault("year", str(timezone.localdate().year))
    filters = TrainingFilter(data)
    rows = Training.objects.for_user(user).select_related("unit")
    if filters.is_valid():
        chosen = filters.cleaned_data
        if chosen["year"]:
            rows = rows.filter(held_on__year=chosen["year"])
        if chosen["kind"]:
            rows = rows.filter(kind=chosen["kind"])
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Trainings"),
        "filters": filters,
        "page": page,
        "counts": _counts(user, [row.pk for row in page]),
        "may_add": bool(paths_for(user, "cadres.add_training")),
        "crumbs": _crumbs()[:1],
    }
    return render(request, "cadres/training_list.html", context)


def _crumbs() -> list[tuple[str, Any]]:
    return [
        (reverse("cadres:person_list"), _("Village cadres")),
        (reverse("cadres:training_list"), _("Trainings")),
    ]


def _counts(user: User, keys: list[int]) -> dict[int, tuple[int, int]]:
    """Training -> (completed, due), of the people the reader may see."""
    rows: Any = (
        Attendance.objects.for_user(user)
        .filter(training__in=keys)
        .order_by()
        .values_list("training_id")
        .annotate(came=Count("pk", filter=Q(result=Attendance.Result.COMPLETED)), due=Count("pk"))
    )
    return {key: (came, due) for key, came, due in rows}


def training_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "cadres.add_training")

    def run(values: dict[str, Any]) -> Training:
        made = trainings.record_training(values["unit"], values, by=request.user, today=timezone.localdate())
        fetch(request.user, Training, made.pk, "add")
        return made

    page = Page(
        title=_("Record a training"),
        back=reverse("cadres:training_list"),
        crumbs=_crumbs(),
        explanation=_("Who took part is ticked on the next page."),
    )
    return form_page(
        request,
        page,
        lambda data: TrainingForm(data, user=request.user),
        run,
        back_to=lambda made: reverse("cadres:training", args=[made.pk]),
    )


def training_edit(request: HttpRequest, pk: int) -> HttpResponse:
    training: Training = fetch(request.user, Training, pk, "change")

    def run(values: dict[str, Any]) -> None:
        version = values["base_version"]
        trainings.correct_training(training, values, version=version, by=request.user, today=timezone.localdate())

    address = reverse("cadres:training", args=[pk])
    page = Page(title=_("Correct a training"), subject=training.title, back=address, crumbs=_crumbs())
    return form_page(
        request,
        page,
        lambda data: TrainingForm(data, instance=fetch(request.user, Training, pk), user=request.user),
        run,
    )


# --- Who took part --------------------------------------------------------------------------


@dataclass(frozen=True)
class Invited:
    """Somebody who may be due at a training; `attendance` is None for who is not on its list yet."""

    person: Person
    village: str
    titles: str
    attendance: Attendance | None


def training(request: HttpRequest, pk: int) -> HttpResponse:
    """Those on the list, and below them those of its kind who are not. Each with a result."""
    user = request.user
    row: Training = fetch(user, Training, pk)
    may_record = bool(paths_for(user, "cadres.add_attendance"))
    everybody = _invited(user, row) if may_record else _listed(user, row)
    page = Paginator(everybody, PEOPLE_ON_A_PAGE).get_page(request.GET.get("page"))
    errors: list[str] = []
    if request.method == "POST":
        must_hold(user, "cadres.add_attendance")
        try:
            with transaction.atomic():
                changed = trainings.record_attendances(row, _said(request, everybody), by=user)
                for attendance in changed:
                    fetch(user, Attendance, attendance.pk, "change")
        except ValidationError as error:
            errors = error.messages
        else:
            messages.success(request, _("%(count)d people saved.") % {"count": len(changed)})
            return redirect(request.get_full_path())
    context = {
        "title": row.title,
        "training": row,
        "invited": page.object_list,
        "page": page,
        "errors": errors,
        "results": Attendance.Result.choices,
        "may_record": may_record,
        "may_edit": user.has_perm("cadres.change_training", row),
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/training.html", context, status=422 if errors else 200)


def _listed(user: User, row: Training) -> list[Invited]:
    rows = Attendance.objects.for_user(user).filter(training=row).select_related("person__unit")
    found = list(rows.order_by("person__unit__path", "person__name", "pk"))
    told = _titles([attendance.person_id for attendance in found], user, row.held_on)
    return [Invited(each.person, each.person.unit.short_name, told.get(each.person_id, ""), each) for each in found]


def _invited(user: User, row: Training) -> list[Invited]:
    """The list, then those whom a training of this kind is for."""
    found = _listed(user, row)
    known = {each.person.pk for each in found}
    people = Person.objects.for_user(user, "change").filter(
        unit__path__startswith=row.unit.path, pk__in=_meant(row, user)
    )
    others = list(people.exclude(pk__in=known).select_related("unit").order_by("unit__path", "name", "pk"))
    told = _titles([person.pk for person in others], user, row.held_on)
    return found + [Invited(person, person.unit.short_name, told.get(person.pk, ""), None) for person in others]


def _meant(row: Training, user: User) -> Any:
    """Keys of the people that a training of this kind is for, by their posts on its first day."""
    held = Posting.objects.for_user(user).held_on(row.held_on).filter(unit__path__startswith=row.unit.path).order_by()
    if row.kind == Kind.HEADS:
        return held.filter(post__in=HEAD_POSTS).values("person")
    if row.kind == Kind.NEW_CADRES:
        return held.filter(post__in=COUNTED_POSTS, change=Posting.Change.NEW).values("person")
    if row.kind == Kind.PARTY_WORKERS:
        return held.filter(post=codes.PARTY_WORKER).values("person")
    if row.kind in (Kind.RESERVE, Kind.SHADOWING):
        return ReserveCadre.objects.for_user(user).standing_on(row.held_on).order_by().values("person")
    return held.filter(post__in=COUNTED_POSTS).values("person")


def _titles(people: list[int], user: User, day: date) -> dict[int, str]:
    held: dict[int, list[Posting]] = {}
    rows = Posting.objects.for_user(user).held_on(day).filter(person__in=people)
    for posting in rows.order_by("post", "pk"):
        held.setdefault(posting.person_id, []).append(posting)
    mark = list_mark()
    return {person: titles(postings, mark) for person, postings in held.items()}


def _said(request: HttpRequest, invited: Iterable[Invited]) -> dict[Person, Presence]:
    """What was changed for people on the page; "" leaves somebody off the list. Raises ValidationError "hours".

    Who stands as the page showed them is not written, so that two people can record one training at a time.
    """
    said: dict[Person, Presence] = {}
    for each in invited:
        pk = each.person.pk
        result, typed, note = (request.POST.get(f"{name}-{pk}", "").strip() for name in ("result", "hours", "note"))
        if result not in Attendance.Result.values or request.POST.get(f"was-{pk}") == f"{result}|{typed}|{note}":
            continue
        base = request.POST.get(f"base-{pk}", "")
        seen = int(base) if base.isdecimal() and len(base) < 9 else None
        said[each.person] = Presence(result, _hours(typed, each.person), note[:200], seen)
    return said


def _hours(typed: str, person: Person) -> Decimal | None:
    if not typed:
        return None
    try:
        hours = Decimal(typed)
    except InvalidOperation:
        hours = Decimal("NaN")
    if not hours.is_finite() or hours != hours.quantize(Decimal("0.1")):
        raise ValidationError(_("%(name)s: write the hours as a number.") % {"name": person.name}, "hours")
    return hours


# --- Who still lacks one --------------------------------------------------------------------


@dataclass(frozen=True)
class DutyRow:
    person: Person
    township: str
    titles: str
    duty: Duty
    label: Any
    is_short: bool


def duty_list(request: HttpRequest) -> HttpResponse:
    """Duties of the year with what is missing, and the counts of each township."""
    user = request.user
    must_hold(user, "cadres.view_attendance")
    filters = DutyFilter(request.GET, user=user)
    day = filters.on
    every = _duties(user, filters, day) if filters.is_valid() else []
    page = CappedPaginator(_chosen(every, filters), DUTY_ROWS).get_page(request.GET.get("page"))
    context = {
        "title": _("Training duties"),
        "filters": filters,
        "day": day,
        "page": page,
        "totals": _totals(every),
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/duty_list.html", context)


def _chosen(every: list[DutyRow], filters: DutyFilter) -> list[DutyRow]:
    if not filters.is_valid():
        return []
    state = filters.cleaned_data["state"]
    if state == "all":
        return every
    if state == "short":
        return [row for row in every if row.is_short]
    return [row for row in every if not row.duty.is_met]


def _duties(user: User, filters: DutyFilter, day: date) -> list[DutyRow]:
    """Every duty of the people in post on the day, in the order of villages. Five queries, however many."""
    rows: Any = Posting.objects.for_user(user).held_on(day).select_related("person__unit")
    postings: dict[int, list[Posting]] = {}
    for posting in filters.under(rows, "unit__path").order_by("person__unit__path", "person_id", "post", "pk"):
        postings.setdefault(posting.person_id, []).append(posting)
    attended: dict[int, list[Attendance]] = {}
    years = (day.year - 1, day.year)
    taken = filters.under(Attendance.objects.for_user(user), "person__unit__path").filter(
        training__ends_on__year__in=years, result=Attendance.Result.COMPLETED
    )
    for attendance in taken.select_related("training").order_by():
        attended.setdefault(attendance.person_id, []).append(attendance)
    limits, mark = LimitsByPlace(), list_mark()
    townships = _townships([held[0].person.unit for held in postings.values()])
    found = []
    for key, held in postings.items():
        person = held[0].person
        for duty in duties_on(
            day, held_posts(held, day), courses_of(attended.get(key, ())), limits.at(person.unit.path)
        ):
            if filters.cleaned_data["duty"] in ("", duty.code):
                found.append(
                    DutyRow(
                        person, townships.get(person.unit.path[:TOWNSHIP_PATH], ""), titles(held, mark), duty,
                        DUTIES[duty.code], duty.is_short(day),
                    )
                )  # fmt: skip
    return found


def _townships(units: list[Unit]) -> Mapping[str, str]:
    """Path -> name of the townships of villages, and of townships themselves."""
    own = {unit.path: unit.name for unit in units if unit.kind == Unit.Kind.TOWNSHIP}
    return names_above(unit.path for unit in units) | own


@dataclass
class TownshipTotal:
    name: str
    due: int = 0
    met: int = 0
    short: int = 0


def _totals(every: list[DutyRow]) -> list[TownshipTotal]:
    """Duties of each township: how many there are, met, and over their time."""
    totals: dict[str, TownshipTotal] = {}
    for row in every:
        total = totals.setdefault(row.township, TownshipTotal(row.township))
        total.due += 1
        total.met += row.duty.is_met
        total.short += row.is_short
    return list(totals.values())
