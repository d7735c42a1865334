"""Results of a year: villages and cadres as lists, and the receipt of each."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from assessments import year_page
from assessments.models import CadreResult, VillageYear, YearAssessment
from assessments.services import year as years
from assessments.services.year_cadres import cap_of, set_grade
from assessments.year_forms import CadreYearFilter, GradeForm, YearFilter
from assessments.year_rules import VILLAGE_PARTS
from branches.above import names_above
from branches.scoping import STEP, fetch, must_hold
from cadres.models import Posting

ROWS = 50
State = YearAssessment.State


def chosen(user: Any, wanted: str) -> YearAssessment | None:
    """The assessment of the address, else the newest with results that the user may see."""
    rows = YearAssessment.objects.for_user(user).exclude(state=State.OPEN)
    if not user.has_perm("assessments.view_draft_ranking"):
        rows = rows.exclude(state=State.COMPUTED)
    if wanted.isdecimal() and len(wanted) < 18:
        return rows.filter(pk=int(wanted)).first()
    return rows.exclude(state=State.SUPERSEDED).order_by("-year", "-span", "-revision").first()


def villages_shown(user: Any, filters: YearFilter) -> Any:
    """Villages of the chosen assessment by the conditions of the list, ranked ones first."""
    row = chosen(user, str(filters.data.get("assessment") or ""))
    rows = filters.shown(year_page.village_rows(row, user)) if row else VillageYear.objects.none()
    return rows.select_related("village", "assessment")


def cadres_shown(user: Any, filters: CadreYearFilter) -> Any:
    row = chosen(user, str(filters.data.get("assessment") or ""))
    rows = CadreResult.objects.for_user(user).filter(assessment=row) if row else CadreResult.objects.none()
    return filters.shown(rows).select_related("village", "person", "assessment")


@require_GET
def year_villages(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_villageyear")
    filters = YearFilter(request.GET, user=request.user)
    row = chosen(request.user, request.GET.get("assessment", ""))
    page = Paginator(villages_shown(request.user, filters), ROWS).get_page(request.GET.get("page"))
    found = list(page)
    context = _list(request, row, _("Villages of the year")) | {
        "filters": filters,
        "page": page,
        "rows": [(one, *_village_parts(one)) for one in found],
        "townships": names_above(one.path for one in found),
        "counts": _counts(VillageYear, request, row),
        "warnings": _warnings(request, row, "villages"),
    }
    return render(request, "assessments/year_villages.html", context)


def _village_parts(one: VillageYear) -> tuple[dict[str, Any], str, str]:
    parts = {code: {"value": None} for code in VILLAGE_PARTS} | {line["code"]: line for line in one.lines}
    return parts, year_page.grade_name(one.grade), year_page.missing_text(one.missing)


@require_GET
def year_cadres(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_cadreresult")
    filters = CadreYearFilter(request.GET, user=request.user)
    row = chosen(request.user, request.GET.get("assessment", ""))
    page = Paginator(cadres_shown(request.user, filters), ROWS).get_page(request.GET.get("page"))
    found = list(page)
    rules = years.rules_of(row) if row else years.default_rules()
    posts = dict(Posting.Post.choices)
    context = _list(request, row, _("Cadres of the year")) | {
        "filters": filters,
        "page": page,
        "rows": [
            {
                "row": one,
                "post": posts.get(one.post, ""),
                "grade": year_page.grade_name(one.grade),
                "tone": year_page.TONES.get(one.grade, ""),
                "proposed": year_page.grade_name(one.proposed) if one.grade != one.proposed else "",
                "missing": year_page.missing_text(one.missing),
                "warnings": year_page.cadre_warnings(one, rules),
            }
            for one in found
        ],
        "townships": names_above(one.path for one in found),
        "counts": _counts(CadreResult, request, row),
        "warnings": _warnings(request, row, "cadres"),
    }
    return render(request, "assessments/year_cadres.html", context)


def _list(request: HttpRequest, row: YearAssessment | None, title: str) -> dict[str, Any]:
    return {
        "title": title,
        "assessment": row,
        "name": year_page.title_of(row) if row else "",
        "crumbs": year_page.crumbs(row),
        "sees_people": request.user.has_perm("assessments.view_cadreresult"),
        "is_draft": row is not None and row.state == State.COMPUTED,
    }


def _counts(model: Any, request: HttpRequest, row: YearAssessment | None) -> list[year_page.GradeCount]:
    rows = model.objects.for_user(request.user).filter(assessment=row)
    return year_page.grade_counts(rows.values_list("grade", flat=True)) if row else []


def _warnings(request: HttpRequest, row: YearAssessment | None, kind: str) -> list[str]:
    """To whoever may see drafts: what the county has to answer for."""
    if row is None or not request.user.has_perm("assessments.view_draft_ranking"):
        return []
    return year_page.warning_texts(years.quota_warnings(row)[kind])


# --- Receipts -----------------------------------------------------------------------------


@require_GET
def village_year(request: HttpRequest, pk: int) -> HttpResponse:
    """A village's year, to be recomputed by hand from the page."""
    one: VillageYear = fetch(request.user, VillageYear, pk)
    row = one.assessment
    rules = years.rules_of(row)
    people = CadreResult.objects.for_user(request.user).filter(assessment=row, village=one.village_id)
    posts = dict(Posting.Post.choices)
    context = _receipt(request, row, one) | {
        "title": one.village.name,
        "subject": one.village.name,
        "lines": year_page.shown_lines(one.lines, rules),
        "grade": year_page.grade_name(one.grade),
        "tone": year_page.TONES.get(one.grade, ""),
        "people": [
            (person, posts.get(person.post, ""), year_page.grade_name(person.grade))
            for person in people.select_related("person").order_by("post", "person_id")
        ],
        "number": VillageYear.objects.filter(assessment=row, county_rank__isnull=False).count(),
        "list_url": f"{reverse('assessments:year_villages')}?assessment={row.pk}",
        "list_name": _("Villages of the year"),
    }
    return render(request, "assessments/year_receipt.html", context)


@require_GET
def cadre_result(request: HttpRequest, pk: int) -> HttpResponse:
    """A cadre's year; the county sets another grade here, with its reason."""
    one: CadreResult = fetch(request.user, CadreResult, pk)
    return _cadre_page(request, one, GradeForm(None, result=one))


def _cadre_page(request: HttpRequest, one: CadreResult, form: GradeForm) -> HttpResponse:
    row = one.assessment
    rules = years.rules_of(row)
    village = VillageYear.objects.for_user(request.user).filter(assessment=row, village=one.village_id).first()
    url = reverse("assessments:village_year", args=[village.pk]) if village else ""
    may_grade = (
        row.state == State.COMPUTED
        and one.total_hundredths is not None
        and request.user.has_perm("assessments.change_cadreresult", one)
    )
    context = _receipt(request, row, one) | {
        "title": one.person.name,
        "subject": one.person.name,
        "person": one.person,
        "post": dict(Posting.Post.choices).get(one.post, ""),
        "lines": year_page.shown_lines(one.lines, rules, village_url=url),
        "grade": year_page.grade_name(one.grade),
        "proposed": year_page.grade_name(one.proposed),
        "tone": year_page.TONES.get(one.grade, ""),
        "warnings": year_page.cadre_warnings(one, rules),
        "cap": year_page.grade_name(cap_of(one)),
        "form": form if may_grade else None,
        "list_url": f"{reverse('assessments:year_cadres')}?assessment={row.pk}",
        "list_name": _("Cadres of the year"),
    }
    return render(request, "assessments/year_receipt.html", context, status=422 if form.errors else 200)


def _receipt(request: HttpRequest, row: YearAssessment, one: Any) -> dict[str, Any]:
    rules = years.rules_of(row)
    names = names_above([one.path])
    return {
        "assessment": row,
        "name": year_page.title_of(row),
        "crumbs": year_page.crumbs(row),
        "one": one,
        "village": one.village.name,
        "township": names.get(one.path[:-STEP], ""),
        "missing": year_page.missing_text(one.missing),
        "sum_of_lines": sum(line.get("points", 0) for line in one.lines),
        "grade_lines": [(year_page.grade_name(grade), minimum) for grade, minimum in rules.lines],
        "is_draft": row.state == State.COMPUTED,
        "is_superseded": row.state == State.SUPERSEDED,
    }


@require_POST
def cadre_grade(request: HttpRequest, pk: int) -> HttpResponse:
    one: CadreResult = fetch(request.user, CadreResult, pk, "change")
    form = GradeForm(request.POST, result=one)
    if not form.is_valid():
        return _cadre_page(request, one, form)
    data = form.cleaned_data
    try:
        set_grade(one, data["grade"], data["reason"], base=data["base"], by=request.user)
    except ValidationError as error:
        form.add_error(None, error)
        return _cadre_page(request, one, form)
    messages.success(request, _("The grade is set."))
    return redirect("assessments:cadre_result", pk=one.pk)
