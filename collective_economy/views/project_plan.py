"""The plan of a project: proposing it, its words, villages, money and milestones."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from branches.form_page import Page, form_page, show_refusal
from branches.scoping import fetch, must_hold
from collective_economy.models import Milestone, Project
from collective_economy.project_forms import (
    MilestoneDoneForm,
    MilestoneForm,
    MoneyForm,
    PlanForm,
    SharesForm,
)
from collective_economy.services import projects
from collective_economy.views.projects import crumbs

ADD = "collective_economy.add_project"


def page_url(project: Project) -> str:
    return reverse("collective_economy:project", args=[project.pk])


def back_crumbs(project: Project) -> list[tuple[str, Any]]:
    return [*crumbs(project), (page_url(project), project.name)]


@require_http_methods(["GET", "POST"])
def project_add(request: HttpRequest) -> HttpResponse:
    """A project for the pool: its words and the villages that take part, on one page."""
    must_hold(request.user, ADD)
    data = request.POST if request.method == "POST" else None
    initial = {"programme": request.GET.get("programme"), "year": timezone.localdate().year}
    form = PlanForm(data, user=request.user, initial=initial)
    villages = SharesForm(data, user=request.user)
    if not villages.is_bound and request.GET.get("village"):
        villages.initial.update({"village_0": request.GET["village"], "percent_0": 100})
    if data is not None and _only_fills(request):
        return _add_page(request, unjudged(form), _filled(villages, request, None), status=200)
    if data is not None and form.is_valid() & villages.is_valid():
        try:
            with transaction.atomic():
                project = projects.propose_project(
                    fields=form.values(), shares=villages.shares(), by=request.user, today=timezone.localdate(),
                    now=timezone.now(),
                )  # fmt: skip
                fetch(request.user, Project, project.pk, "add")
        except ValidationError as error:
            show_refusal(form, error)
        else:
            messages.success(request, _("The project is in the pool."))
            return redirect(page_url(project))
    return _add_page(request, form, villages, status=422 if data is not None else 200)


def _add_page(request: HttpRequest, form: PlanForm, villages: SharesForm, *, status: int) -> HttpResponse:
    context = {
        "title": _("Propose a project"),
        "crumbs": crumbs(),
        "form": form,
        "villages": villages,
        "back": reverse("collective_economy:project_list"),
    }
    return render(request, "collective_economy/project_add.html", context, status=status)


def _only_fills(request: HttpRequest) -> bool:
    """Whether a button was pressed that fills the rows of villages and saves nothing."""
    return "equal" in request.POST or "more" in request.POST


def unjudged(form: Any) -> Any:
    """What was typed, without complaints of what is not there yet."""
    form._errors = type(form.errors)()
    return form


def _filled(form: SharesForm, request: HttpRequest, project: Project | None) -> SharesForm:
    data: Any = request.POST.copy()
    if "equal" in request.POST:
        for name, value in form.equal().items():
            data[name] = value
    if "more" in request.POST:
        for number in range(form.row_count, form.row_count + 5):
            data[f"village_{number}"] = data[f"percent_{number}"] = ""
    filled: SharesForm = unjudged(SharesForm(data, user=request.user, project=project))
    return filled


@require_http_methods(["GET", "POST"])
def project_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The words of the plan. Once it was handed in, only those that decide nothing."""
    row: Project = fetch(request.user, Project, pk, "change")

    made: list[PlanForm] = []

    def make_form(data: Any) -> PlanForm:
        made.append(PlanForm(data, user=request.user, instance=fetch(request.user, Project, pk, "change")))
        return made[-1]

    def run(given: dict[str, Any]) -> Project:
        changed = projects.change_project(
            row, values=made[-1].values(), base=given["base_version"], by=request.user, today=timezone.localdate()
        )
        fetch(request.user, Project, pk, "change")
        return changed

    page = Page(
        title=_("Plan of the project"),
        back=page_url(row),
        crumbs=back_crumbs(row),
        subject=row.name,
        explanation=_plan_words(row),
        template="collective_economy/project_plan.html",
    )
    return form_page(request, page, make_form, run)


def _plan_words(row: Project) -> str:
    if row.stage == "apply" and row.signed_on:
        return _("The township has signed this plan. When it changes, it signs anew.")
    if row.stage in ("review", "approve"):
        return _("The plan was handed in and is being decided on. Send the project back to change it.")
    if row.stage not in ("pool", "apply"):
        return _("The plan was approved. Enter what changes as a change of the project, with its reason.")
    return ""


@require_http_methods(["GET", "POST"])
def project_shares(request: HttpRequest, pk: int) -> HttpResponse:
    """Villages of a project with their percents. One button gives all of them the same part."""
    row: Project = fetch(request.user, Project, pk, "change")
    page = Page(
        title=_("Villages and shares"),
        back=page_url(row),
        crumbs=back_crumbs(row),
        subject=row.name,
        explanation=_plan_words(row),
        template="collective_economy/project_shares.html",
    )
    if request.method == "POST" and _only_fills(request):
        form = _filled(SharesForm(request.POST, user=request.user, project=row), request, row)
        return render(request, page.template, {**vars(page), "form": form})
    made: list[SharesForm] = []

    def make_form(data: Any) -> SharesForm:
        made.append(SharesForm(data, user=request.user, project=fetch(request.user, Project, pk, "change")))
        return made[-1]

    def run(given: dict[str, Any]) -> Project:
        changed = projects.set_shares(row, made[-1].shares(), by=request.user, base=given["base_version"])
        fetch(request.user, Project, pk, "change")
        return changed

    return form_page(request, page, make_form, run)


@require_http_methods(["GET", "POST"])
def project_money(request: HttpRequest, pk: int) -> HttpResponse:
    """Money asked for by source and what it is planned for, both in 万元."""
    row: Project = fetch(request.user, Project, pk, "change")
    made: list[MoneyForm] = []

    def make_form(data: Any) -> MoneyForm:
        made.append(MoneyForm(data, project=fetch(request.user, Project, pk, "change")))
        return made[-1]

    def run(given: dict[str, Any]) -> Project:
        form = made[-1]
        projects.set_requested(row, form.amounts(), by=request.user, due_on=form.due_on(), base=given["base_version"])
        return projects.set_budget(row, form.items(), by=request.user)

    page = Page(
        title=_("Money asked for and budget"),
        back=page_url(row),
        crumbs=back_crumbs(row),
        subject=row.name,
        explanation=_plan_words(row),
        template="collective_economy/project_money.html",
    )
    return form_page(request, page, make_form, run)


# --- Milestones -------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def project_milestones(request: HttpRequest, pk: int) -> HttpResponse:
    """The steps of the work: those there are, each with its day of finishing, and a new one."""
    row: Project = fetch(request.user, Project, pk, "change")

    def run(given: dict[str, Any]) -> Milestone:
        return projects.add_milestone(row, name=given["name"], due_on=given["due_on"], by=request.user)

    page = Page(
        title=_("Milestones"),
        back=reverse("collective_economy:project_milestones", args=[pk]),
        crumbs=back_crumbs(row),
        subject=row.name,
        template="collective_economy/project_milestones.html",
    )
    today = timezone.localdate()
    return form_page(
        request,
        page,
        lambda data: MilestoneForm(data),
        run,
        project=row,
        milestones=row.milestones.order_by("due_on", "pk"),
        done_form=MilestoneDoneForm(initial={"done_on": today}),
        today=today,
    )


@require_POST
def project_milestone_done(request: HttpRequest, pk: int, milestone_id: int) -> HttpResponse:
    row: Project = fetch(request.user, Project, pk, "change")
    milestone = get_object_or_404(row.milestones, pk=milestone_id)
    form = MilestoneDoneForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError([str(error) for errors in form.errors.values() for error in errors])
        projects.finish_milestone(milestone, **form.cleaned_data, by=request.user, today=timezone.localdate())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Saved."))
    return redirect("collective_economy:project_milestones", pk=pk)
