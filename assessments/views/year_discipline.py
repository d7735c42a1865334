"""For whom conditions of the discipline ladder are met: seen by those who handle discipline, decided by people."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from assessments import year_page
from assessments.models import CadreResult, DisciplineProposal
from assessments.models.year import YearAssessment
from assessments.services.year_discipline import BY_GRADE, dismiss, take_up
from assessments.year_forms import DismissForm, TakeUpForm
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.scoping import fetch, must_hold
from cadres.models import DisciplineAction

ROWS = 50


@require_GET
def proposal_list(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_disciplineproposal")
    rows = DisciplineProposal.objects.for_user(request.user).select_related("person__unit")
    if request.GET.get("state") != "all":
        rows = rows.filter(state=DisciplineProposal.State.OPEN)
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    found = list(page)
    newest = YearAssessment.objects.for_user(request.user, "compute").order_by("-pk").first()
    context = {
        "title": _("Discipline proposals"),
        "crumbs": year_page.crumbs(),
        "page": page,
        "rows": [(row, rule_words(row)) for row in found],
        "townships": names_above(row.path for row in found),
        "is_all": request.GET.get("state") == "all",
        "newest": newest,
    }
    return render(request, "assessments/proposal_list.html", context)


def rule_words(row: DisciplineProposal) -> str:
    if row.rule == BY_GRADE:
        return _("grade of the year: incompetent")
    return _("last in the ranking %(n)s times") % {"n": len(row.evidence)}


@require_GET
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """What it rests on; and the decision, or the ways to one."""
    row: DisciplineProposal = fetch(request.user, DisciplineProposal, pk)
    context = {
        "title": row.person.name,
        "crumbs": _crumbs(),
        "proposal": row,
        "rule": rule_words(row),
        "grounds": _grounds(request, row),
        "may_decide": row.state == DisciplineProposal.State.OPEN
        and request.user.has_perm("assessments.decide_disciplineproposal", row),
    }
    return render(request, "assessments/proposal.html", context)


def _crumbs() -> list[tuple[str, str]]:
    return [*year_page.crumbs(), (reverse("assessments:proposal_list"), _("Discipline proposals"))]


def _grounds(request: HttpRequest, row: DisciplineProposal) -> list[year_page.Ground]:
    if row.rule == BY_GRADE:
        keys = [one["result"] for one in row.evidence]
        results = CadreResult.objects.for_user(request.user).filter(pk__in=keys).select_related("assessment")
        return [
            year_page.Ground(
                year_page.title_of(one.assessment),
                year_page.grade_name(one.grade),
                reverse("assessments:cadre_result", args=[one.pk]),
            )
            for one in results
        ]
    return [
        year_page.Ground(one["month"], _("place %(rank)s of %(of)s") % {"rank": one["rank"], "of": one["of"]})
        for one in row.evidence
    ]


@require_http_methods(["GET", "POST"])
def proposal_take_up(request: HttpRequest, pk: int) -> HttpResponse:
    """The step that was decided goes among the person's discipline records."""
    row: DisciplineProposal = fetch(request.user, DisciplineProposal, pk, "decide")
    must_hold(request.user, "cadres.add_disciplineaction")
    initial = {"proposal_version": row.version, "kind": row.kind, "decided_on": timezone.localdate()}

    def run(values: dict[str, Any]) -> None:
        version = values.pop("proposal_version")
        made = take_up(row, values, version=version, by=request.user, now=timezone.now())
        fetch(request.user, DisciplineAction, made.action_id or 0, "add")

    page = Page(
        title=_("Take up a proposal"),
        subject=row.person.name,
        back=reverse("assessments:proposal", args=[row.pk]),
        crumbs=_crumbs(),
        explanation=_("Record the step that was decided; it may be another than the one proposed."),
    )

    def make(data: Any) -> TakeUpForm:
        return TakeUpForm(data, instance=DisciplineAction(person=row.person), initial=initial)

    return form_page(request, page, make, run)


@require_http_methods(["GET", "POST"])
def proposal_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    row: DisciplineProposal = fetch(request.user, DisciplineProposal, pk, "decide")

    def run(values: dict[str, Any]) -> None:
        dismiss(row, values["decision"], version=values["proposal_version"], by=request.user, now=timezone.now())

    page = Page(
        title=_("Do not follow a proposal"),
        subject=row.person.name,
        back=reverse("assessments:proposal", args=[row.pk]),
        crumbs=_crumbs(),
    )
    return form_page(request, page, lambda data: DismissForm(data, initial={"proposal_version": row.version}), run)
