"""The reserve: its list, one entry with its steps, nomination, the next step, the yearly assessment, the limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from branches.above import names_above
from branches.history import happenings
from branches.models import Unit
from branches.scoped_admin import CappedPaginator
from branches.scoping import STEP, fetch, must_hold, paths_for
from branches.versions import Conflict, events_of
from cadres import education
from cadres.ages import BANDS, AgeBand, age_on
from cadres.limits import LimitsByPlace, limits_for
from cadres.models import PeopleLimits, Person, ReserveCadre
from cadres.querysets import aged
from cadres.reserve_forms import (
    AssessForm,
    EntryForm,
    LimitsForm,
    MoveForm,
    NominationForm,
    ReserveFilter,
    VillageForm,
)
from cadres.reserve_rules import Finding
from cadres.services import reserve
from cadres.services.limits import set_limits
from cadres.services.reserve import MOVES, Move, Stage

PER_PAGE = 25
VIEW = "cadres.view_reservecadre"

MOVE_LABELS: dict[str, str | Promise] = {
    "review": gettext_lazy("Pass the township's review"),
    "record": gettext_lazy("Put on record"),
    "train": gettext_lazy("Begin the training"),
    "promote": gettext_lazy("Promote"),
    "remove": gettext_lazy("Take off the reserve"),
}
MOVE_EXPLANATIONS: dict[str, str | Promise] = {
    "review": gettext_lazy("The township has tested and inspected the candidate; the county can put them on record."),
    "record": gettext_lazy("From this day the person is in stock, counts for the village and is assessed yearly."),
    "train": gettext_lazy("The person is being trained by the plan."),
    "promote": gettext_lazy("The person takes office and leaves the reserve; the village is credited in this month."),
    "remove": gettext_lazy("The person leaves the reserve and no longer counts. The entry stays to be seen."),
}


@dataclass(frozen=True)
class Row:
    """An entry as the list shows it."""

    entry: Any
    township: str
    stage: str
    age: int | None
    schooling: str | Promise
    findings: list[Finding]


# --- List -----------------------------------------------------------------------------------


def reserve_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, VIEW)
    filters = filter_for(user, request.GET)
    day = filters.day
    rows = entries_shown(user, filters)
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Reserve cadres"),
        "tab": "list",
        "filters": filters,
        "day": day,
        "is_past": day != timezone.localdate(),
        "page": page,
        "rows": _dressed(list(page), day),
        "may_add": bool(paths_for(user, "cadres.add_reservecadre")),
    }
    return render(request, "cadres/reserve_list.html", context)


def filter_for(user: User, data: Any) -> ReserveFilter:
    return ReserveFilter(data, user=user, sources=_sources(user))


def entries_shown(user: User, filters: ReserveFilter) -> QuerySet[Any]:
    """The entries of the list, by its conditions, village by village."""
    rows = filters.under(_shown(user, filters, filters.day), "unit__path")
    if filters.is_valid():
        rows = _narrowed(rows, filters, filters.day)
    return rows.select_related("person", "unit").order_by("unit__path", "person__name", "pk")


def _with_origin(rows: QuerySet[Any]) -> QuerySet[Any]:
    """With `origin_words`: the source, or the kind of person where rosters write only that."""
    return rows.annotate(origin_words=Coalesce(NullIf(F("source"), Value("")), F("category")))


def _sources(user: User) -> list[str]:
    rows = _with_origin(ReserveCadre.objects.for_user(user)).exclude(origin_words="").order_by("origin_words")
    return list(rows.values_list("origin_words", flat=True).distinct())


def _shown(user: User, filters: ReserveFilter, day: date) -> QuerySet[Any]:
    entries: Any = ReserveCadre.objects.for_user(user)
    state = filters.cleaned_data["state"] if filters.is_valid() else ""
    if state == "left":
        return entries.filter(left_on__lte=day).annotate(stage_on=F("stage"))
    shown = entries.open_on(day)
    return shown.filter(pk__in=entries.in_stock_on(day).values("pk")) if state == "stock" else shown


def _narrowed(rows: QuerySet[Any], filters: ReserveFilter, day: date) -> QuerySet[Any]:
    chosen = filters.cleaned_data
    if chosen["stage"]:
        rows = rows.filter(stage_on=chosen["stage"])
    if chosen["source"]:
        rows = _with_origin(rows).filter(origin_words=chosen["source"])
    if chosen["age"] == "unknown":
        rows = rows.filter(person__birth__isnull=True)
    elif chosen["age"]:
        rows = rows.filter(aged(_band(chosen["age"], filters), day, "person__birth"))
    if chosen["schooling"]:
        rows = rows.filter(SCHOOLING[chosen["schooling"]])
    return rows


def _band(code: str, filters: ReserveFilter) -> AgeBand:
    """One of the usual bands, or everybody from the age at which the county proposes the removal."""
    if code == "over":
        return AgeBand(code, limits_for(paths_for(filters.user, VIEW)[0]).reserve_removal_age, None)
    return next(band for band in BANDS if band.code == code)


SENIOR_BELOW = "70"
SCHOOLING = {
    "college": ~Q(person__education="") & Q(person__education__lt=education.COLLEGE_BELOW),
    "senior": Q(person__education__gte=education.COLLEGE_BELOW, person__education__lt=SENIOR_BELOW),
    "below": Q(person__education__gte=SENIOR_BELOW),
    "unknown": Q(person__education=""),
}


def _dressed(entries: list[Any], day: date) -> list[Row]:
    findings = reserve.attention_of(entries, day, LimitsByPlace().at) if entries else {}
    names = names_above(entry.unit.path for entry in entries)
    stages = dict(Stage.choices)
    return [
        Row(
            entry,
            names.get(entry.unit.path[:-STEP], ""),
            str(stages[entry.stage_on]),
            age_on(entry.person.birth, day),
            education.name_of(entry.person.education),
            findings[entry.pk],
        )
        for entry in entries
    ]


# --- Nomination -----------------------------------------------------------------------------


def reserve_add(request: HttpRequest) -> HttpResponse:
    """First the village, then somebody who is known there."""
    user, today = request.user, timezone.localdate()
    must_hold(user, "cadres.add_reservecadre")
    places = VillageForm(request.GET if request.GET.get("village") else None, user=user, day=today)
    if places.errors:
        raise Http404
    village = places.cleaned_data["village"] if places.is_bound else None
    people = _candidates(user, village) if village else Person.objects.none()
    form = NominationForm(request.POST if request.method == "POST" else None, people=people, initial={"on": today})
    if village and request.method == "POST" and form.is_valid():
        entry = _nominate(form, user, today)
        if entry is not None:
            messages.success(request, _("Nominated: %(person)s.") % {"person": entry.person})
            return redirect("reserve:entry", pk=entry.pk)
    context = {
        "title": _("Nominate for the reserve"),
        "places": places,
        "village": village,
        "has_people": people.exists(),
        "form": form,
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/reserve_add.html", context, status=422 if form.errors else 200)


def _candidates(user: User, village: Unit) -> QuerySet[Any]:
    open_entries = ReserveCadre.objects.open().values("person_id")
    people = Person.objects.for_user(user).filter(unit=village).exclude(pk__in=open_entries)
    return people.select_related("unit").order_by("name", "pk")


def _nominate(form: NominationForm, user: User, today: date) -> ReserveCadre | None:
    """The new entry, or None with what stands against it said in the form."""
    values = form.cleaned_data
    try:
        with transaction.atomic():
            entry = reserve.nominate(
                values["person"], values, on=values["on"], by=user, today=today, note=values["note"]
            )
            fetch(user, ReserveCadre, entry.pk, "add")
    except ValidationError as error:
        form.add_error(None, error)
        return None
    return entry


# --- One entry ------------------------------------------------------------------------------


def reserve_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """An entry: who, how far, what to look at, and what can be done next."""
    user = request.user
    entry = fetch(user, ReserveCadre, pk, "change" if request.method == "POST" else "view")
    may_change = user.has_perm("cadres.change_reservecadre", entry) and entry.stage in reserve.OPEN
    if request.method == "POST" and not may_change:
        raise Http404
    form = EntryForm(request.POST or None, instance=entry) if may_change else None
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            reserve.change_entry(entry, form.cleaned_data, version=form.cleaned_data["base_version"], by=user)
        except Conflict:
            form = EntryForm(request.POST, instance=fetch(user, ReserveCadre, pk))
            form.is_valid()
        else:
            messages.success(request, _("Saved."))
            return redirect("reserve:entry", pk=pk)
    entry = ReserveCadre.objects.for_user(user).select_related("person", "unit").get(pk=pk)
    context = {
        "title": entry.person.name,
        "entry": entry,
        "township": Unit.objects.filter(path=entry.unit.parent_path).first(),
        "age": age_on(entry.person.birth, timezone.localdate()),
        "schooling": education.name_of(entry.person.education),
        "findings": reserve.attention_for(entry, timezone.localdate()),
        "form": form,
        "steps": entry.steps.select_related("posting__unit", "recorded_by"),
        "way": _way(entry),
        "assessments": entry.assessments.all(),
        "may_assess": may_change and entry.stage in reserve.ON_RECORD,
        "moves": _offered(user, entry),
        "happenings": happenings(ReserveCadre, events_of(entry)[:PER_PAGE]),
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/reserve_entry.html", context, status=422 if form and form.errors else 200)


def _way(entry: ReserveCadre) -> tuple[list[str], int]:
    """Names of the stages of the usual way, and the number of the present one (one more when it is done)."""
    stages = [Stage.NOMINATED, Stage.REVIEWED, Stage.ON_RECORD, Stage.TRAINING, Stage.PROMOTED]
    names = [str(stage.label) for stage in stages]
    if entry.stage == Stage.PROMOTED:
        return names, len(stages) + 1
    if entry.stage == Stage.REMOVED:
        return names, 0
    return names, stages.index(Stage(entry.stage)) + 1


def _offered(user: User, entry: ReserveCadre) -> list[tuple[Move, str | Promise]]:
    """What the user can do next, with its name."""
    return [
        (move, MOVE_LABELS[move.name])
        for move in reserve.moves_from(entry.stage)
        if user.has_perm(f"cadres.{move.permission}_reservecadre", entry)
    ]


def reserve_move(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """The next step of an entry: what stands in its way, its day, and what its kind needs."""
    user, today = request.user, timezone.localdate()
    if name not in MOVES:
        raise Http404
    move = MOVES[name]
    entry = fetch(user, ReserveCadre, pk, move.permission)
    entry = ReserveCadre.objects.for_user(user).select_related("person", "unit").get(pk=entry.pk)
    if entry.stage not in move.from_stages:
        messages.info(request, _("This step has been taken or does not follow; the entry is shown as it stands."))
        return redirect("reserve:entry", pk=pk)
    postings = entry.person.postings.select_related("unit").order_by("-started_on", "post", "pk")
    form = MoveForm(request.POST or None, move=move, postings=postings, initial={"on": today, "version": entry.version})
    if request.method == "POST" and form.is_valid() and _moved(form, entry, move, user, today):
        words = _("%(person)s: %(stage)s.")
        messages.success(request, words % {"person": entry.person, "stage": Stage(move.to_stage).label})
        return redirect("reserve:entry", pk=pk)
    findings = reserve.findings_for(entry, move, today)
    context = {
        "title": MOVE_LABELS[name],
        "explanation": MOVE_EXPLANATIONS[name],
        "entry": entry,
        "form": form,
        "blocking": [finding for finding in findings if finding.blocks],
        "warnings": [finding for finding in findings if not finding.blocks],
        "is_danger": move.to_stage == Stage.REMOVED,
        "crumbs": [*_crumbs(), (reverse("reserve:entry", args=[pk]), entry.person.name)],
    }
    return render(request, "cadres/reserve_move.html", context, status=422 if form.errors else 200)


def _moved(form: MoveForm, entry: ReserveCadre, move: Move, user: User, today: date) -> bool:
    values = form.cleaned_data
    try:
        reserve.move_on(
            entry,
            move,
            on=values["on"],
            version=values["version"],
            by=user,
            today=today,
            note=values["note"],
            reason=values.get("reason", ""),
            posting=values.get("posting"),
        )
    except ValidationError as error:
        form.add_error(None, error)
    except Conflict:
        form.add_error(None, _("Somebody else has changed this entry meanwhile. Open it anew and look at it again."))
    return not form.errors


def reserve_assess(request: HttpRequest, pk: int) -> HttpResponse:
    """The assessment of a year."""
    user, today = request.user, timezone.localdate()
    entry = fetch(user, ReserveCadre, pk, "change")
    if entry.stage not in reserve.ON_RECORD:
        raise Http404
    first = entry.entered_on.year if entry.entered_on else today.year - 1
    years = list(range(today.year, first - 1, -1))[:PER_PAGE]
    form = AssessForm(request.POST or None, years=years, initial={"year": request.GET.get("year", today.year)})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        reserve.assess(entry, values["year"], values["grade"], by=user, today=today, note=values["note"])
        messages.success(request, _("The assessment of %(year)s is saved.") % {"year": values["year"]})
        return redirect("reserve:entry", pk=pk)
    context = {
        "title": _("Yearly assessment"),
        "entry": entry,
        "form": form,
        "crumbs": [*_crumbs(), (reverse("reserve:entry", args=[pk]), entry.person.name)],
    }
    return render(request, "cadres/reserve_assess.html", context, status=422 if form.errors else 200)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("reserve:list"), _("Reserve cadres"))]


# --- Limits ---------------------------------------------------------------------------------


def limits(request: HttpRequest) -> HttpResponse:
    """What the county asks; set by county staff, read by the townships."""
    user = request.user
    must_hold(user, "cadres.view_peoplelimits")
    county = _county_of(user)
    may_change = bool(paths_for(user, "cadres.change_peoplelimits"))
    if request.method == "POST" and not may_change:
        raise Http404
    row = limits_for(county.path)
    form = LimitsForm(request.POST or None, instance=row) if may_change else None
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            set_limits(county, form.cleaned_data, version=form.cleaned_data.get("base_version"), by=user)
        except Conflict:
            form = LimitsForm(request.POST, instance=limits_for(county.path))
            form.is_valid()
        else:
            messages.success(request, _("Saved. What is checked from now on is checked by these limits."))
            return redirect("reserve:limits")
    stored = limits_for(county.path)
    context = {
        "title": _("Limits for cadres and the reserve"),
        "tab": "limits",
        "county": county,
        "form": form,
        "facts_list": [] if form else list(_limit_facts(stored)),
        "is_default": stored.pk is None,
        "happenings": happenings(PeopleLimits, events_of(stored)[:PER_PAGE]) if stored.pk else [],
        "crumbs": _crumbs(),
    }
    return render(request, "cadres/reserve_limits.html", context, status=422 if form and form.errors else 200)


def _county_of(user: User) -> Unit:
    """The county at or above the user's first place."""
    path = paths_for(user, "cadres.view_peoplelimits")[0]
    above = [path[:end] for end in range(STEP, len(path) + 1, STEP)]
    county: Unit | None = Unit.objects.counties().filter(path__in=above).first()
    if county is None:
        raise Http404
    return county


def _limit_facts(row: PeopleLimits) -> Iterable[tuple[str, Any]]:
    for name in LimitsForm.Meta.fields:
        label = str(PeopleLimits._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        value = getattr(row, name)
        yield label, education.name_of(value) if name == "reserve_education" else value
