"""Audit findings: list, page, evidence from one person, closing by another."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import AuditEvent
from branches.form_page import Page, form_page
from branches.history import happenings
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import events_of
from collective_economy.finding_forms import EvidenceForm, FindingFilter, FindingForm, MisuseForm, NoteForm
from collective_economy.models import AuditFinding
from collective_economy.services import findings
from collective_economy.views.attachments import papers_context
from collective_economy.views.row_pages import initial_place, row_form, told_in_the_form

VIEW, ADD = "collective_economy.view_auditfinding", "collective_economy.add_auditfinding"
PER_PAGE = 25
HISTORY = 30

IS_OPEN = Q(closed_on__isnull=True)


@require_GET
def finding_list(request: HttpRequest) -> HttpResponse:
    """Findings that wait to be put right first, those due soonest on top; above, how many there are of each state."""
    user, today = request.user, timezone.localdate()
    must_hold(user, VIEW)
    filters = FindingFilter(request.GET, user=user)
    rows = _of_kind(filters, AuditFinding.objects.for_user(user))
    shown = rows.select_related("unit", "project").order_by(F("closed_on").desc(nulls_first=True), "due_on", "pk")
    if filters.is_valid() and filters.cleaned_data["state"]:
        shown = shown.filter(_states(today)[filters.cleaned_data["state"]])
    context = {
        "title": AuditFinding._meta.verbose_name_plural,
        "filters": filters,
        "page": CappedPaginator(shown, PER_PAGE).get_page(request.GET.get("page")),
        "counts": rows.order_by().aggregate(
            **{name: Count("pk", filter=condition) for name, condition in _states(today).items()}
        ),
        "today": today,
        "may_add": bool(paths_for(user, ADD)),
    }
    return render(request, "collective_economy/finding_list.html", context)


def _of_kind(filters: FindingFilter, rows: QuerySet[Any]) -> QuerySet[Any]:
    rows = filters.under(rows)
    return (
        rows.filter(kind=filters.cleaned_data["kind"]) if filters.is_valid() and filters.cleaned_data["kind"] else rows
    )


def _states(today: date) -> dict[str, Q]:
    return {
        "open": IS_OPEN,
        "overdue": IS_OPEN & Q(due_on__lt=today),
        "handed_in": IS_OPEN & Q(handed_in_on__isnull=False),
        "closed": ~IS_OPEN,
    }


@require_http_methods(["GET", "POST"])
def finding_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ADD)
    today = timezone.localdate()

    def run(form: FindingForm) -> AuditFinding:
        unit = form.cleaned_data["unit"]
        finding = findings.record_finding(unit=unit, values=form.values(), by=request.user, today=today)
        made: AuditFinding = fetch(request.user, AuditFinding, finding.pk, "add")
        return made

    page = Page(title=_("Record a finding"), back=reverse("collective_economy:finding_list"), crumbs=_crumbs())
    initial = initial_place(request)
    return row_form(
        request,
        page,
        lambda data: FindingForm(data, user=request.user, initial=initial),
        run,
        "collective_economy:finding",
    )


@require_GET
def finding(request: HttpRequest, pk: int) -> HttpResponse:
    """A finding with its evidence and papers, and the step that is next for the reader."""
    user, today = request.user, timezone.localdate()
    fetch(user, AuditFinding, pk)
    row = AuditFinding.objects.select_related("unit", "project", "handed_in_by", "closed_by", "entered_by").get(pk=pk)
    may_change = user.has_perm("collective_economy.change_auditfinding", row)
    may_close = user.has_perm("collective_economy.close_auditfinding", row)
    is_open = row.closed_on is None
    events = list(events_of(row)[:HISTORY])
    context = {
        "title": row.get_kind_display(),
        "crumbs": _crumbs(),
        "finding": row,
        "today": today,
        "returned": _returned(row, events),
        "may_change": may_change and is_open and not row.handed_in_on,
        "may_hand_in": may_change and is_open,
        "may_decide": may_close and is_open and row.handed_in_on is not None,
        "is_own_evidence": row.handed_in_by_id == user.pk,
        "may_reopen": may_close and not is_open,
        "may_confirm": may_close and row.kind == AuditFinding.Kind.MISUSE and not row.is_confirmed,
        "happenings": happenings(AuditFinding, events),
        **papers_context(request, row),
    }
    return render(request, "collective_economy/finding.html", context)


def _returned(row: AuditFinding, events: list[AuditEvent]) -> AuditEvent | None:
    """Why the evidence went back or the finding was opened again, while nothing new is handed in."""
    if row.closed_on or row.handed_in_on:
        return None
    back = ("collective_economy.return_auditfinding", "collective_economy.reopen_auditfinding")
    return next((event for event in events if event.event in back), None)


@require_http_methods(["GET", "POST"])
def finding_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, AuditFinding, pk, "change")

    def make_form(data: Any) -> FindingForm:
        stored = AuditFinding.objects.select_related("unit", "project").get(pk=pk)
        return FindingForm(data, instance=stored, user=request.user)

    def run(form: FindingForm) -> AuditFinding:
        base, today = form.cleaned_data["base_version"], timezone.localdate()
        findings.change_finding(row, values=form.values(), base=base, by=request.user, today=today)
        changed: AuditFinding = fetch(request.user, AuditFinding, pk, "change")
        return changed

    return row_form(request, _page_of(row, _("Change the finding")), make_form, run, "collective_economy:finding")


@require_http_methods(["GET", "POST"])
def finding_hand_in(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, AuditFinding, pk, "change")

    def run(given: dict[str, Any]) -> None:
        findings.hand_in(row, evidence=given["evidence"], by=request.user, today=timezone.localdate())
        fetch(request.user, AuditFinding, pk, "change")

    page = _page_of(row, _("Hand in evidence"), explanation=row.measure, submit=_("Hand in"), icon="send")
    return form_page(request, page, lambda data: EvidenceForm(data, initial={"evidence": row.evidence}), run)


@require_POST
def finding_close(request: HttpRequest, pk: int) -> HttpResponse:
    """By somebody else than who handed in the evidence."""
    row = fetch(request.user, AuditFinding, pk, "close")
    try:
        with transaction.atomic():
            findings.close_finding(row, by=request.user, today=timezone.localdate())
            fetch(request.user, AuditFinding, pk, "close")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except PermissionDenied as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The finding is closed."))
    return redirect("collective_economy:finding", pk)


@require_http_methods(["GET", "POST"])
def finding_return(request: HttpRequest, pk: int) -> HttpResponse:
    """The evidence goes back, or a closed finding is opened again; both with a note."""
    row = fetch(request.user, AuditFinding, pk, "close")
    is_closed = row.closed_on is not None

    def run(given: dict[str, Any]) -> None:
        act = findings.reopen_finding if is_closed else findings.return_finding
        act(row, note=given["note"], by=request.user)
        fetch(request.user, AuditFinding, pk, "close")

    title = _("Open the finding again") if is_closed else _("Return the evidence")
    page = _page_of(row, title, explanation=row.evidence, submit=title, icon="arrow-back-up", is_danger=True)
    return form_page(request, page, NoteForm, run)


@require_http_methods(["GET", "POST"])
def finding_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """A misuse that the investigation confirmed."""
    row = fetch(request.user, AuditFinding, pk, "close")
    today = timezone.localdate()

    def run(given: dict[str, Any]) -> None:
        with told_in_the_form():
            findings.confirm_misuse(row, by=request.user, today=today, **given)
        fetch(request.user, AuditFinding, pk, "close")

    page = _page_of(
        row,
        _("Confirm the misuse"),
        explanation=_(
            "From this day on it is a veto of the village's assessment and stops its industry flag. "
            "This cannot be taken back here."
        ),
        submit=_("Confirm the misuse"),
        is_danger=True,
    )
    return form_page(request, page, lambda data: MisuseForm(data, initial={"on": today}), run)


def _page_of(row: AuditFinding, title: str, **more: Any) -> Page:
    here = reverse("collective_economy:finding", args=[row.pk])
    subject = f"{row.unit.short_name} {row}"
    return Page(title=title, back=here, crumbs=[*_crumbs(), (here, str(row))], subject=subject, **more)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("collective_economy:finding_list"), str(AuditFinding._meta.verbose_name_plural))]
