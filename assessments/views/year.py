"""The assessments of a county: the list, one with what is still missing, its rules, computing, publishing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauth import recent_password_required
from assessments import year, year_inputs, year_page
from assessments.models import CadreResult, VillageYear, YearAssessment
from assessments.services import year as years
from assessments.services import year_discipline
from assessments.services.year_entry import enterable_departments
from assessments.year_forms import ChangeRulesForm, OpenForm, rules_values
from assessments.year_rules import text_of
from branches.form_page import Page, form_page
from branches.models import Unit
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import Conflict

State = YearAssessment.State


@require_GET
def year_list(request: HttpRequest) -> HttpResponse:
    """Assessments that the user reads; a lead department those in which it scores."""
    if not may_enter_here(request):
        raise PermissionDenied(_("Yearly assessments are open to the county office, townships and inspectors."))
    rows = YearAssessment.objects.for_user(request.user).select_related("unit", "published_by")
    own = request.user.has_perm("assessments.view_yearassessment")
    if not own:
        rows = scored_by(request)
    context = {
        "title": _("Yearly assessment"),
        "rows": [(row, year_page.span_name(row)) for row in rows],
        "reads": own,
        "may_open": bool(paths_for(request.user, "assessments.add_yearassessment")),
    }
    return render(request, "assessments/year_list.html", context)


def may_enter_here(request: HttpRequest) -> bool:
    return any(
        paths_for(request.user, permission)
        for permission in ("assessments.view_yearassessment", "assessments.add_departmentscore")
    )


def scored_by(request: HttpRequest) -> Any:
    """Assessments of the counties in which the user's department scores, newest first."""
    paths = paths_for(request.user, "assessments.add_departmentscore")
    return YearAssessment.objects.filter(path__in=paths).select_related("unit", "published_by")


@require_GET
def year_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What is there and what is missing, and the next step."""
    row: YearAssessment = fetch(request.user, YearAssessment, pk)
    user = request.user
    rules = years.rules_of(row)
    day = year_inputs.reference_day(row, timezone.localdate())
    is_county = bool(set(paths_for(user, "assessments.view_draft_ranking")) & set(_above(row.path)))
    has_results = row.state != State.OPEN and (is_county or row.state != State.COMPUTED)
    context = {
        "title": year_page.title_of(row),
        "crumbs": year_page.crumbs(),
        "assessment": row,
        "weights": {
            "village": [(part, text_of(weight)) for part, weight in rules.village],
            "cadre": [(part, text_of(weight)) for part, weight in rules.cadre],
        },
        "departments": rules.department_names(),
        "rows": [
            (one, one.missing_departments(rules.department_names()))
            for one in year_page.progress(row, rules, user, day)
        ],
        "months": len(year.span_months(row.year, row.span)),
        "published_months": published_months(row),
        "has_results": has_results,
        "villages": year_page.grade_counts(_grades(VillageYear, row, user)) if has_results else [],
        "cadres": year_page.grade_counts(_grades(CadreResult, row, user)) if has_results else [],
        "warnings": _warnings(row) if is_county and row.state == State.COMPUTED else [],
        "revisions": YearAssessment.objects.for_user(user)
        .filter(unit=row.unit_id, year=row.year, span=row.span)
        .exclude(pk=row.pk)
        .order_by("-revision"),
        "sees_people": user.has_perm("assessments.view_personalscore"),
        "may_change": _may(request, row, "change"),
        "may_compute": _may(request, row, "compute") and row.state in years.IN_WORK,
        "may_publish": _may(request, row, "publish") and row.state == State.COMPUTED,
        "is_own_work": row.computed_by_id == user.pk,
        "may_revise": _may(request, row, "compute") and row.state == State.PUBLISHED,
        "may_enter": row.state in years.IN_WORK,
        "may_score": bool(enterable_departments(row, user)),
        "may_survey": bool(paths_for(user, "assessments.add_satisfactionsurvey")),
        "may_personal": bool(paths_for(user, "assessments.add_personalscore")),
    }
    return render(request, "assessments/year.html", context)


def published_months(row: YearAssessment) -> int:
    """Months of the span with a published ranking."""
    return (
        year_inputs.published_results(row.unit_id, year_inputs.months_of(row))
        .order_by()  # type: ignore[attr-defined]
        .values("ranking__period__month")
        .distinct()
        .count()
    )


def _above(path: str) -> list[str]:
    return [path[:end] for end in range(4, len(path) + 1, 4)]


def _grades(model: Any, row: YearAssessment, user: Any) -> list[str]:
    return list(model.objects.for_user(user).filter(assessment=row).values_list("grade", flat=True))


def _warnings(row: YearAssessment) -> list[tuple[str, list[str]]]:
    found = years.quota_warnings(row)
    names = {"villages": _("Villages"), "cadres": pgettext("year", "Cadres")}
    return [(names[kind], year_page.warning_texts(warnings)) for kind, warnings in found.items() if warnings]


def _may(request: HttpRequest, row: YearAssessment, verb: str) -> bool:
    return bool(request.user.has_perm(f"assessments.{verb}_yearassessment", row))


# --- Rules --------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def year_new(request: HttpRequest) -> HttpResponse:
    """A new assessment, with the rules of the last one."""
    must_hold(request.user, "assessments.add_yearassessment")
    county = Unit.objects.counties().filter(path__in=paths_for(request.user, "assessments.add_yearassessment")).first()
    today = timezone.localdate()
    last = years.last_rules(county) if county else years.default_rules()
    initial = {"year": today.year, "span": "year", **rules_values(last)}

    def run(values: dict[str, Any]) -> YearAssessment:
        made = years.open_assessment(
            values["county"],
            values["year"],
            values["span"],
            document=values["document"],
            rules=form_of[0].rules(),
            by=request.user,
            now=timezone.now(),
        )
        row: YearAssessment = fetch(request.user, YearAssessment, made.pk, "add")
        return row

    form_of: list[Any] = []

    def make(data: Any) -> OpenForm:
        form_of[:] = [OpenForm(data, user=request.user, initial=initial)]
        return form_of[0]  # type: ignore[no-any-return]

    page = Page(
        title=_("Open an assessment"),
        back=reverse("assessments:year_list"),
        crumbs=year_page.crumbs(),
        submit=pgettext("year assessment", "Open the assessment"),
        template="assessments/year_rules.html",
    )
    return form_page(request, page, make, run, back_to=lambda made: reverse("assessments:year", args=[made.pk]))


@require_http_methods(["GET", "POST"])
def year_rules(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules, while nothing is published; afterwards they are shown on the receipts."""
    row: YearAssessment = fetch(request.user, YearAssessment, pk, "change")
    form_of: list[Any] = []

    def make(data: Any) -> ChangeRulesForm:
        stored = fetch(request.user, YearAssessment, pk)
        initial = {
            **rules_values(years.rules_of(stored)),
            "document": stored.document,
            "base_version": stored.version,
        }
        form_of[:] = [ChangeRulesForm(data, initial=initial)]
        return form_of[0]  # type: ignore[no-any-return]

    def run(values: dict[str, Any]) -> None:
        years.change_assessment(
            row, form_of[0].rules(), values["document"], version=values["base_version"], by=request.user
        )

    page = Page(
        title=_("Rules of the assessment"),
        subject=year_page.title_of(row),
        back=reverse("assessments:year", args=[row.pk]),
        crumbs=year_page.crumbs(row),
        template="assessments/year_rules.html",
    )
    return form_page(request, page, make, run)


# --- Steps --------------------------------------------------------------------------------


@require_POST
def year_compute(request: HttpRequest, pk: int) -> HttpResponse:
    row: YearAssessment = fetch(request.user, YearAssessment, pk, "compute")
    try:
        done = years.compute_assessment(row, by=request.user, now=timezone.now())
    except ValidationError as error:
        return _refused(request, row, error)
    ranked = VillageYear.objects.filter(assessment=done, total_hundredths__isnull=False).count()
    messages.success(request, _("Computed: %(n)s villages are ranked. A leader publishes it.") % {"n": ranked})
    return _back(row)


@recent_password_required
@require_http_methods(["GET", "POST"])
def year_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """The question whether to publish, and the answer. Who had it computed is refused."""
    row: YearAssessment = fetch(request.user, YearAssessment, pk, "publish")
    if request.method == "GET":
        context = {
            "title": _("Publish the assessment"),
            "crumbs": year_page.crumbs(row),
            "assessment": row,
            "name": year_page.title_of(row),
            "is_own_work": row.computed_by_id == request.user.pk,
            "warnings": _warnings(row),
            "ranked": VillageYear.objects.filter(assessment=row, total_hundredths__isnull=False).count(),
            "villages": VillageYear.objects.filter(assessment=row).count(),
            "graded": CadreResult.objects.filter(assessment=row).exclude(grade="").count(),
            "cadres": CadreResult.objects.filter(assessment=row).count(),
        }
        return render(request, "assessments/year_publish.html", context)
    version = request.POST.get("version", "")
    try:
        years.publish_assessment(
            row,
            version=int(version) if version.isdecimal() and len(version) < 10 else 0,
            by=request.user,
            now=timezone.now(),
            quota_reason=request.POST.get("quota_reason", "")[:500],
        )
    except Conflict:
        messages.error(request, _("This was computed or graded anew since you opened the page. Look at it again."))
        return redirect("assessments:year_publish", pk=row.pk)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("assessments:year_publish", pk=row.pk)
    messages.success(request, _("The assessment is published. Townships see the results now."))
    return _back(row)


@require_POST
def year_revise(request: HttpRequest, pk: int) -> HttpResponse:
    row: YearAssessment = fetch(request.user, YearAssessment, pk, "compute")
    try:
        made = years.revise_assessment(row, reason=request.POST.get("reason", "")[:500], by=request.user)
    except ValidationError as error:
        return _refused(request, row, error)
    messages.success(request, _("The revision is open with everything that was entered. Correct it, then compute."))
    return _back(made)


@require_POST
def year_propose(request: HttpRequest, pk: int) -> HttpResponse:
    """Looks through the published months for heads of villages that stood last again."""
    row: YearAssessment = fetch(request.user, YearAssessment, pk, "compute")
    must_hold(request.user, "assessments.view_disciplineproposal")
    county = Unit.objects.get(pk=row.unit_id)
    made = year_discipline.propose_by_places(county, by=request.user, now=timezone.now())
    messages.success(request, _("%(n)s new proposals. People decide about each.") % {"n": len(made)})
    return redirect("assessments:proposal_list")


def _refused(request: HttpRequest, row: YearAssessment, error: ValidationError) -> HttpResponse:
    messages.error(request, " ".join(error.messages))
    return _back(row)


def _back(row: YearAssessment) -> HttpResponseRedirect:
    return redirect("assessments:year", pk=row.pk)
