"""The way of a project: moving on, signing, the panel, approving, building, accepting, evaluating, stopping."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.reauth import recent_password_required
from branches.form_page import Page, form_page
from branches.scoping import fetch
from collective_economy import stages
from collective_economy.models import Project, Stage
from collective_economy.project_flow import money_of
from collective_economy.project_forms import (
    AcceptanceForm,
    ApprovalForm,
    AuditForm,
    ChangeForm,
    EvaluationForm,
    OpinionForm,
    ProgressForm,
    ReasonForm,
    StopForm,
    WanModelForm,
)
from collective_economy.project_page import rights_of
from collective_economy.services import projects
from collective_economy.services.projects import Approval, extent_of, review_round
from collective_economy.views.project_plan import back_crumbs, page_url
from collective_economy.views.row_pages import told_in_the_form

GET_OR_POST = ["GET", "POST"]


def _page(row: Project, title: str, **more: Any) -> Page:
    return Page(title=title, back=page_url(row), crumbs=back_crumbs(row), subject=row.name, **more)


def _pressed(request: HttpRequest, row: Project, act: Callable[[], Any], done: str) -> HttpResponse:
    """A button on the page of the project; what is refused is told there."""
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except PermissionDenied as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return redirect(page_url(row))


@require_POST
def project_move(request: HttpRequest, pk: int) -> HttpResponse:
    row: Project = fetch(request.user, Project, pk, "change")

    def act() -> Project:
        return projects.move_on(row, by=request.user, today=timezone.localdate(), now=timezone.now())

    return _pressed(request, row, act, _("The project is in its next stage."))


@require_POST
def project_sign(request: HttpRequest, pk: int) -> HttpResponse:
    """Whoever signs for the township of one of its villages."""
    row: Project = fetch(request.user, Project, pk, "sign")
    return _pressed(
        request,
        row,
        lambda: projects.sign_project(row, by=request.user, today=timezone.localdate()),
        _("The application is signed."),
    )


# --- The panel and the county -----------------------------------------------------------------


@require_http_methods(GET_OR_POST)
def project_opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """What a department of the panel says; entered by the county."""
    row: Project = fetch(request.user, Project, pk, "approve")

    def run(given: dict[str, Any]) -> Any:
        return projects.record_opinion(row, **given, by=request.user)

    page = _page(row, _("Opinion of the panel"), template="collective_economy/project_opinion.html")
    return form_page(
        request,
        page,
        lambda data: OpinionForm(data, initial={"on": timezone.localdate()}),
        run,
        project=row,
        opinions=row.opinions.filter(round=review_round(row)),
        is_fit=row.stage == Stage.REVIEW,
        sources=money_of(row).sources,
    )


@require_http_methods(GET_OR_POST)
def project_return(request: HttpRequest, pk: int) -> HttpResponse:
    row: Project = fetch(request.user, Project, pk, "approve")

    def run(given: dict[str, Any]) -> Project:
        return projects.return_to_apply(
            row, reason=given["note"], by=request.user, today=timezone.localdate(), now=timezone.now()
        )

    page = _page(
        row,
        _("Send back to application"),
        explanation=_("The plan can be changed again; the township signs anew and the panel reviews anew."),
        submit=_("Send back"),
        icon="arrow-back-up",
        is_danger=True,
    )
    return form_page(request, page, lambda data: ReasonForm(data), run)


@recent_password_required
@require_http_methods(GET_OR_POST)
def project_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The county's decision, by somebody who neither proposed the project nor handed its plan in."""
    row: Project = fetch(request.user, Project, pk, "approve")
    rights = rights_of(row, request.user)
    made: list[ApprovalForm] = []

    def make_form(data: Any) -> ApprovalForm:
        made.append(ApprovalForm(data, project=row))
        return made[-1]

    def run(given: dict[str, Any]) -> Project:
        names = ("document", "plan_code", "notice_from", "notice_to")
        approval = Approval(amounts=made[-1].amounts(), **{name: given[name] for name in names})
        with told_in_the_form():
            return projects.approve_project(
                row, approval, by=request.user, today=timezone.localdate(), now=timezone.now()
            )

    page = _page(row, _("Approve the project"), template="collective_economy/project_approve.html")
    grants = list(row.programme.sources.all()) if row.programme else []
    return form_page(
        request,
        page,
        make_form,
        run,
        project=row,
        is_fit=row.stage == Stage.APPROVE,
        is_maker=rights.is_maker,
        sources=money_of(row).sources,
        grants=[(grant, grant.amount - grant.allocated) for grant in grants],
        opinions=row.opinions.filter(round=review_round(row)),
    )


@require_http_methods(GET_OR_POST)
def project_change(request: HttpRequest, pk: int) -> HttpResponse:
    """A change of what was approved. How far it goes and where it leads is shown before it is saved."""
    row: Project = fetch(request.user, Project, pk, "change")
    form = ChangeForm(request.POST if request.method == "POST" else None, project=row)
    outcome = ""
    if request.method == "POST" and form.is_valid():
        outcome = _outcome(row, form)
        if form.changes_nothing:
            form.add_error(None, ValidationError(_("Nothing changes yet."), "nothing"))
        elif outcome in (form.cleaned_data["seen"], "stays") and (answer := _changed(request, row, form)) is not None:
            return answer
        data: Any = form.data.copy()  # type: ignore[attr-defined]
        data["seen"] = outcome
        form.data = data
    context = {
        "title": _("Change what was approved"),
        "crumbs": back_crumbs(row),
        "back": page_url(row),
        "project": row,
        "form": form,
        "is_fit": row.stage in stages.IN_WORK,
        "outcome": outcome if not form.errors else "",
        "percent": _extent(row, form) if outcome else None,
    }
    return render(request, "collective_economy/project_change.html", context, status=422 if form.errors else 200)


def _extent(row: Project, form: ChangeForm) -> Decimal:
    judged = form.cleaned_data.get("percent") or Decimal(0)
    return max(judged, extent_of(row, form.values(), form.requested(), form.budget_lines()))


def _outcome(row: Project, form: ChangeForm) -> str:
    """Where the change leads, with its extent: what the person has to have seen before it is saved."""
    percent = _extent(row, form)
    if stages.goes_back(percent):
        return f"review {percent:f}"
    return f"approve {percent:f}" if form.requested() is not None else "stays"


def _changed(request: HttpRequest, row: Project, form: ChangeForm) -> HttpResponse | None:
    given = form.cleaned_data
    try:
        projects.change_approved(
            row,
            values=form.values(),
            what=given["what"],
            reason=given["reason"],
            document=given["document"],
            percent=given["percent"] or Decimal(0),
            requested=form.requested(),
            budget=form.budget_lines(),
            by=request.user,
            today=timezone.localdate(),
            now=timezone.now(),
        )
    except ValidationError as error:
        form.add_error(None, error.messages)
        return None
    messages.success(request, _("The change is on record."))
    return redirect(page_url(row))


# --- The course of the work -------------------------------------------------------------------


def _course_page(request: HttpRequest, pk: int, form_class: type[WanModelForm], **words: Any) -> HttpResponse:
    row: Project = fetch(request.user, Project, pk, "change")

    made: list[WanModelForm] = []

    def make_form(data: Any) -> WanModelForm:
        made.append(form_class(data, instance=fetch(request.user, Project, pk, "change")))
        return made[-1]

    def run(given: dict[str, Any]) -> Project:
        return projects.change_project(
            row, values=made[-1].values(), base=given["base_version"], by=request.user, today=timezone.localdate()
        )

    return form_page(request, _page(row, **words), make_form, run)


@require_http_methods(GET_OR_POST)
def project_progress(request: HttpRequest, pk: int) -> HttpResponse:
    return _course_page(request, pk, ProgressForm, title=_("Update the progress"))


@require_http_methods(GET_OR_POST)
def project_accept(request: HttpRequest, pk: int) -> HttpResponse:
    words = _("Problems that were found keep the gate closed until the day on which they were put right is entered.")
    return _course_page(request, pk, AcceptanceForm, title=_("Acceptance of the project"), explanation=words)


@require_http_methods(GET_OR_POST)
def project_evaluate(request: HttpRequest, pk: int) -> HttpResponse:
    return _course_page(request, pk, EvaluationForm, title=_("Evaluation of the project"))


@require_http_methods(GET_OR_POST)
def project_audit(request: HttpRequest, pk: int) -> HttpResponse:
    words = _("Audit findings are entered and closed in their own list; all of them have to be closed.")
    return _course_page(request, pk, AuditForm, title=_("Audit of the project"), explanation=words)


# --- Ways out ---------------------------------------------------------------------------------


@recent_password_required
@require_http_methods(GET_OR_POST)
def project_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """The county's decision to end it; what is left of its support money is recalled, which somebody else confirms."""
    row: Project = fetch(request.user, Project, pk, "approve")

    def run(given: dict[str, Any]) -> Project:
        return projects.stop_project(row, **given, by=request.user, today=timezone.localdate(), now=timezone.now())

    money = money_of(row)
    page = _page(row, _("Stop the project"), template="collective_economy/project_stop.html")
    return form_page(
        request,
        page,
        lambda data: StopForm(data),
        run,
        project=row,
        is_fit=row.stage not in stages.FINISHED,
        recalls=[each for each in money.sources if each.source in projects.SUPPORT and each.balance],
        total=money.support.balance,
    )


@require_http_methods(GET_OR_POST)
def project_drop(request: HttpRequest, pk: int) -> HttpResponse:
    row: Project = fetch(request.user, Project, pk, "change")

    def run(given: dict[str, Any]) -> Project:
        return projects.drop_from_pool(
            row, by=request.user, today=timezone.localdate(), now=timezone.now(), note=given["note"]
        )

    page = _page(
        row,
        _("Take out of the pool"),
        explanation=_("A project that is out of the pool does not come back; propose it anew when it is wanted again."),
        submit=_("Take out"),
        icon="archive",
        is_danger=True,
    )
    return form_page(request, page, lambda data: ReasonForm(data), run)
