"""Tables in which a year is entered, a township at a time: department scores, satisfaction, personal scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from assessments import year_inputs, year_page
from assessments.models import DepartmentScore, PersonalScore, SatisfactionSurvey, YearAssessment
from assessments.services import year as years
from assessments.services.year_entry import (
    BALLOT_TEXTS,
    Edit,
    EntryRefused,
    enter_department_scores,
    enter_personal_scores,
    enter_surveys,
    enterable_departments,
)
from assessments.year_rules import GRADES
from branches.models import Unit
from branches.scoping import fetch, paths_for
from cadres.models import Person, Posting

WAS = "was"


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    is_text: bool = False
    hint: str = ""


@dataclass
class Row:
    """A row of the table: `stored` is what stands in the cells, `base` the version they were read at."""

    pk: int
    label: str
    note: str
    stored: dict[str, str]
    base: int


@require_http_methods(["GET", "POST"])
def year_departments(request: HttpRequest, pk: int) -> HttpResponse:
    """One department's scores of a township's villages."""
    row = _assessment(request, pk)
    choices = enterable_departments(row, request.user)
    if not choices:
        raise PermissionDenied(_("Scores of a department are entered by it or by the county office."))
    wanted = request.GET.get("department", "")
    department = next((one for one in choices if one.name == wanted), choices[0])
    township, townships = _township(request, row, "assessments.add_departmentscore")
    stored = {
        one.village_id: one
        for one in DepartmentScore.objects.filter(
            assessment=row, department=department.name, path__startswith=township.path
        )
    }

    def texts(one: Any) -> dict[str, str]:
        return {"score": _points(one.score_hundredths), "reason": one.reason}

    columns = [Column("score", _("Score (0–100)")), Column("reason", _("Grounds"), is_text=True)]
    rows = [_row(village, stored.get(village.pk), texts, columns) for village in _villages(row, township)]

    def save(edits: list[Edit]) -> int:
        return enter_department_scores(row, edits, by=request.user, now=timezone.now())

    return _table(
        request,
        row,
        rows,
        columns,
        save,
        title=_("Scores of departments"),
        department=department.name,
        tabs=[(one.name, one.name == department.name) for one in choices],
        township=township,
        townships=townships,
    )


@require_http_methods(["GET", "POST"])
def year_surveys(request: HttpRequest, pk: int) -> HttpResponse:
    """How many were asked and satisfied in a township's villages."""
    row = _assessment(request, pk)
    township, townships = _township(request, row, "assessments.add_satisfactionsurvey")
    stored = {
        one.village_id: one for one in SatisfactionSurvey.objects.filter(assessment=row, path__startswith=township.path)
    }

    def texts(one: Any) -> dict[str, str]:
        return {"asked": str(one.asked), "satisfied": str(one.satisfied)}

    columns = [
        Column("asked", _("People asked")),
        Column("satisfied", _("Satisfied")),
    ]
    rows = [_row(village, stored.get(village.pk), texts, columns) for village in _villages(row, township)]

    def save(edits: list[Edit]) -> int:
        return enter_surveys(row, edits, by=request.user, now=timezone.now())

    return _table(
        request, row, rows, columns, save, title=_("Satisfaction surveys"), township=township, townships=townships
    )


@require_http_methods(["GET", "POST"])
def year_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Results, ballots and the township's view of a township's cadres."""
    row = _assessment(request, pk)
    township, townships = _township(request, row, "assessments.add_personalscore")
    stored = {
        one.person_id: one for one in PersonalScore.objects.filter(assessment=row, path__startswith=township.path)
    }

    def texts(one: Any) -> dict[str, str]:
        votes = {name: str(one.votes[name]) if one.votes else "" for name in BALLOT_TEXTS}
        return {
            "results": _points(one.results_hundredths),
            **votes,
            "township": _points(one.township_hundredths),
            "note": one.note,
        }

    columns = [
        Column("results", _("Work results (0–100)")),
        Column(GRADES[0], pgettext("ballots", "Excellent")),
        Column(GRADES[1], pgettext("ballots", "Competent")),
        Column(GRADES[2], pgettext("ballots", "Basically competent")),
        Column(GRADES[3], pgettext("ballots", "Incompetent")),
        Column("entitled", _("Entitled to vote")),
        Column("township", _("Township's view (0–100)")),
        Column("note", _("Note"), is_text=True),
    ]
    day = year_inputs.reference_day(row, timezone.localdate())
    people = year_inputs.cadres_of(township.path, day)
    names = dict(Person.objects.filter(pk__in=[one.person_id for one in people]).values_list("pk", "name"))
    villages = {village.pk: village.short_name for village in _villages(row, township)}
    posts = dict(Posting.Post.choices)
    rows = [
        _row(
            _Named(one.person_id, names[one.person_id], f"{villages.get(one.village_id, '')} {posts[one.post]}"),
            stored.get(one.person_id),
            texts,
            columns,
        )
        for one in people
    ]

    def save(edits: list[Edit]) -> int:
        return enter_personal_scores(row, edits, by=request.user, now=timezone.now())

    return _table(
        request,
        row,
        rows,
        columns,
        save,
        title=_("Personal scores"),
        township=township,
        townships=townships,
        is_wide=True,
        is_people=True,
    )


@dataclass(frozen=True)
class _Named:
    pk: int
    short_name: str
    note: str = ""


def _row(thing: Any, stored: Any, texts: Callable[[Any], dict[str, str]], columns: Sequence[Column]) -> Row:
    empty = {column.name: "" for column in columns}
    note = thing.note if isinstance(thing, _Named) else ""
    return Row(thing.pk, thing.short_name, note, texts(stored) if stored else empty, stored.version if stored else 0)


def _points(hundredths: int | None) -> str:
    """As somebody would have typed it."""
    return "" if hundredths is None else year_page.points(hundredths).rstrip("0").rstrip(".") or "0"


def _assessment(request: HttpRequest, pk: int) -> YearAssessment:
    """The assessment for whoever reads it or scores in it; 404 for all others."""
    if request.user.has_perm("assessments.view_yearassessment"):
        row: YearAssessment = fetch(request.user, YearAssessment, pk)
        return row
    paths = paths_for(request.user, "assessments.add_departmentscore")
    if not paths:
        raise PermissionDenied
    return get_object_or_404(YearAssessment, pk=pk, path__in=paths)


def _township(request: HttpRequest, row: YearAssessment, permission: str) -> tuple[Unit, list[Unit]]:
    """The township that is shown, and those to choose from. 403 without the right, 404 for one out of sight."""
    townships = year_page.townships_in_sight(row, request.user, permission)
    if not townships:
        raise PermissionDenied
    wanted = request.GET.get("township", "")
    if not wanted:
        return townships[0], townships
    chosen = next((unit for unit in townships if str(unit.pk) == wanted), None)
    if chosen is None:
        raise Http404
    return chosen, townships


def _villages(row: YearAssessment, township: Unit) -> list[Unit]:
    day = year_inputs.reference_day(row, timezone.localdate())
    return list(Unit.objects.under(township.path).villages().valid_on(day).order_by("path"))


# --- The table ------------------------------------------------------------------------------


def _table(
    request: HttpRequest,
    row: YearAssessment,
    rows: Sequence[Row],
    columns: Sequence[Column],
    save: Callable[[list[Edit]], int],
    **context: Any,
) -> HttpResponse:
    """Shows the table, or saves what was typed: all of it, or nothing with each problem at its cell."""
    typed: dict[int, dict[str, str]] = {}
    problems: dict[str, str] = {}
    if request.method == "POST":
        typed = {one.pk: _typed(request, one, columns) for one in rows if f"{one.pk}.{WAS}" in request.POST}
        edits = [_edit(request, one, typed[one.pk], context.get("department", "")) for one in rows if one.pk in typed]
        try:
            with transaction.atomic():
                number = save([edit for edit in edits if edit is not None])
        except EntryRefused as error:
            problems = error.problems
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("assessments:year", pk=row.pk)
        else:
            messages.success(request, _("Saved: %(n)s rows changed.") % {"n": number})
            return redirect(request.get_full_path())
    context |= {
        "assessment": row,
        "name": year_page.title_of(row),
        "crumbs": year_page.crumbs(row)
        if request.user.has_perm("assessments.view_yearassessment")
        else [(reverse("assessments:year_list"), _("Yearly assessment"))],
        "columns": columns,
        "rows": [_shown(one, columns, typed.get(one.pk, one.stored), problems) for one in rows],
        "problems": len(problems),
        "given": sum(any(one.stored.values()) for one in rows),
        "may_save": row.state in years.IN_WORK,
    }
    return render(request, "assessments/year_grid.html", context, status=422 if problems else 200)


def _typed(request: HttpRequest, one: Row, columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: request.POST.get(f"{one.pk}.{column.name}", "").strip() for column in columns}


def _joined(texts: dict[str, str]) -> str:
    return "|".join(texts.values())


def _edit(request: HttpRequest, one: Row, texts: dict[str, str], department: str) -> Edit | None:
    """None for a row whose cells were left as they were read: it may have been changed by others since."""
    base, _dot, was = request.POST.get(f"{one.pk}.{WAS}", "").partition("|")
    if was == _joined(texts):
        return None
    return Edit(
        key=str(one.pk),
        subject=one.pk,
        texts=texts,
        department=department,
        base=int(base) if base.isdecimal() and len(base) < 10 else 0,
    )


def _shown(one: Row, columns: Sequence[Column], texts: dict[str, str], problems: dict[str, str]) -> dict[str, Any]:
    return {
        "pk": one.pk,
        "label": one.label,
        "note": one.note,
        "was": f"{one.base}|{_joined(one.stored)}",
        "error": problems.get(str(one.pk), ""),
        "cells": [(column, texts[column.name], problems.get(f"{one.pk}:{column.name}", "")) for column in columns],
    }
