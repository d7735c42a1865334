"""Review of what townships handed in: the queue, one return, verdicts on its cells, the decision on the whole."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_POST

from assessments import review_tables, reviewing
from assessments.cells import label_of
from assessments.entry import EntryTable
from assessments.models import Period, Return
from assessments.reviewing import Review
from assessments.services import review
from assessments.services.review import Remark, Verdict

WAITING, RETURNED, ACCEPTED = "waiting", "returned", "accepted"
LISTS = {WAITING: Return.State.SUBMITTED, RETURNED: Return.State.RETURNED, ACCEPTED: Return.State.ACCEPTED}


@require_GET
def review_list(request: HttpRequest) -> HttpResponse:
    """The month's returns: who has handed in, what stands out, and all clean ones accepted with one button."""
    _allow(request)
    months = reviewing.months_to_review(request.user)
    period = _chosen_month(request, months)
    context: dict[str, Any] = {"title": _("Review submissions"), "months": months, "period": period}
    if period is None:
        return render(request, "assessments/review_list.html", context)
    period = Period.objects.select_related("unit").get(pk=period.pk)
    rows = list(reviewing.returns_under_review(request.user, period))
    tables = review_tables.load_tables(period, [row for row in rows if row.state != Return.State.DRAFT])
    lists = _lists(request, period, rows, tables, _shown_list(request))
    return render(request, "assessments/review_list.html", {**context, **lists})


@require_GET
def review_return(request: HttpRequest, pk: int) -> HttpResponse:
    """One return beside the queue. Opening what waits for review marks it, so the township cannot withdraw it."""
    submission = review.open_for_review(_submission(request, pk), by=request.user, now=timezone.now())
    return render(request, "assessments/review.html", _page(request, submission.pk))


@require_POST
def review_cells(request: HttpRequest, pk: int) -> HttpResponse:
    """Verdicts on one cell or on the selected ones. With htmx the answer is the changed row and the decision bar."""
    submission = _submission(request, pk)
    keys = request.POST.getlist("cell")
    verdict = request.POST.get("verdict", "")
    if verdict not in set(Verdict):
        raise Http404
    text = request.POST.get("text", "")
    asking = verdict == Verdict.RETURNED and not text.strip()
    problem = ""
    if not asking:
        try:
            remarks = [Remark(*_cell_key(key), Verdict(verdict), text) for key in keys]
            review.record_verdicts(submission, remarks, by=request.user, now=timezone.now())
        except ValidationError as error:
            problem = " ".join(error.messages)
    if request.htmx and len(keys) == 1:  # type: ignore[attr-defined]
        return _row(request, submission, keys[0], is_asking=asking, problem=problem)
    if problem:
        messages.error(request, problem)
    return _back(request, submission, {"ask": keys[0]} if asking and keys else {})


@require_POST
def decide_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Sends the return back, or accepts it as a whole; then the next one that waits."""
    submission = _submission(request, pk)
    now = timezone.now()
    try:
        if request.POST.get("decision") == "return":
            review.return_cells(submission, [], request.POST.get("reason", ""), by=request.user, now=now)
            message = _("%(unit)s has been returned. The township sees your remarks at the cells.")
        else:
            review.accept_return(submission, by=request.user, now=now)
            message = _("%(unit)s has been accepted.")
    except ValidationError as error:
        context = _page(request, submission.pk)
        context |= {"problem": " ".join(error.messages), "reason": request.POST.get("reason", "")}
        return render(request, "assessments/review.html", context, status=422)
    messages.success(request, message % {"unit": submission.unit.name})
    return redirect(_next_address(request, submission))


@require_POST
def accept_clean(request: HttpRequest, period_id: int) -> HttpResponse:
    """Accepts all returns of the month in which nothing stands out."""
    period = get_object_or_404(Period.objects.for_user(request.user).select_related("unit"), pk=period_id)
    _allow(request)
    accepted = review.accept_clean_returns(period, by=request.user, now=timezone.now())
    if accepted:
        count = len(accepted)
        text = ngettext("%(n)d return accepted: %(names)s.", "%(n)d returns accepted: %(names)s.", count)
        names = pgettext("between names", ", ").join(row.unit.name for row in accepted)
        messages.success(request, text % {"n": count, "names": names})
    else:
        messages.info(request, _("Nothing was accepted: every return that waits has something to look at."))
    return redirect(f"{reverse('assessments:review_list')}?{urlencode({'month': period.pk})}")


# --- Parts --------------------------------------------------------------------------------


def _allow(request: HttpRequest) -> None:
    if not request.user.has_perm("assessments.review_return"):
        raise PermissionDenied(_("Submissions are reviewed by the county office."))


def _submission(request: HttpRequest, pk: int) -> Return:
    """The return, if the user may review it; within the user's area but without the right it is refused."""
    rows = Return.objects.select_related("unit", "period", "submitted_by", "reviewed_by")
    seen = get_object_or_404(rows.for_user(request.user), pk=pk)
    if not Return.objects.for_user(request.user, "review").filter(pk=pk).exists():
        raise PermissionDenied(_("Submissions are reviewed by the county office."))
    if seen.period.state == Period.State.PLANNED:
        raise Http404
    return seen


def _chosen_month(request: HttpRequest, months: list[Period]) -> Period | None:
    wanted = request.GET.get("month", "")
    return next((period for period in months if str(period.pk) == wanted), months[0] if months else None)


def _shown_list(request: HttpRequest, default: str = WAITING) -> str:
    shown = request.GET.get("list", default)
    return shown if shown in LISTS else WAITING


def _lists(
    request: HttpRequest, period: Period, rows: list[Return], tables: list[EntryTable], shown: str
) -> dict[str, Any]:
    """The queue and its counts. `rows` is the whole month, `tables` has at least what waits and the list shown."""
    items = {item.submission.pk: item for item in reviewing.queue_of(tables, timezone.now())}
    by_state = {name: [row for row in rows if row.state == state] for name, state in LISTS.items()}
    waiting = [items[row.pk] for row in by_state[WAITING]]
    return {
        "period": period,
        "shown": shown,
        "list_counts": {name: len(found) for name, found in by_state.items()},
        "queue": [items[row.pk] for row in by_state[shown]],
        "waiting": waiting,
        "clean": [item for item in waiting if item.is_clean and item.submission.submitted_by_id != request.user.pk],
        "drafts": [row for row in rows if row.state == Return.State.DRAFT],
        "townships": [(row, items.get(row.pk)) for row in sorted(rows, key=lambda row: row.path)],
    }


def _page(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Everything the page of one return shows. A constant number of queries."""
    current = _submission(request, pk)
    period = Period.objects.select_related("unit").get(pk=current.period_id)
    rows = list(reviewing.returns_under_review(request.user, period))
    shown = _shown_list(request, next((name for name, state in LISTS.items() if state == current.state), WAITING))
    wanted = [row for row in rows if row.pk == pk or row.state in {LISTS[shown], Return.State.SUBMITTED}]
    tables = review_tables.load_tables(period, wanted)
    found = reviewing.review_of(next(table for table in tables if table.submission.pk == pk))
    return {
        **_lists(request, period, rows, tables, shown),
        **_decision(request, found),
        **_tab(request, found),
        "title": current.unit.name,
        "crumbs": [(reverse("assessments:review_list"), _("Review submissions"))],
        "months": reviewing.months_to_review(request.user),
    }


def _tab(request: HttpRequest, found: Review) -> dict[str, Any]:
    """The chosen view of the figures. First what stands out; where nothing does, what changed."""
    tab = request.GET.get("tab", "")
    if tab not in reviewing.TABS:
        tab = "unusual" if found.unusual() else "changed"
    lists = {"unusual": found.unusual, "changed": found.changed}
    return {
        "tab": tab,
        "cells": lists[tab]() if tab in lists else [],
        "changed_count": len(found.changed()),
        "record": reviewing.record_of(found.submission) if tab == "record" else [],
        "columns": [(reviewing.column_heading(found.table, spec), label_of(spec)) for spec in found.table.columns()],
        "asking": request.GET.get("ask", ""),
    }


def _decision(request: HttpRequest, found: Review) -> dict[str, Any]:
    """What the bar at the foot of the page needs; also the answer to a verdict."""
    submission = found.submission
    return {
        "submission": submission,
        "review": found,
        "counts": found.counts(),
        "may_decide": _may_decide(request, submission),
        "phrases": list(reviewing.phrases()),
        "reason": submission.return_reason if submission.state == Return.State.RETURNED else "",
    }


def _may_decide(request: HttpRequest, submission: Return) -> bool:
    return (
        submission.state == Return.State.SUBMITTED
        and submission.period.state in review.REVIEWABLE
        and submission.submitted_by_id != request.user.pk
    )


def _cell_key(key: str) -> tuple[int, str]:
    """(village, cell) from `12-A5.n`. Raises Http404 for anything else."""
    village, _dash, code = key.partition("-")
    if not village.isdecimal() or not code:
        raise Http404
    return int(village), code


def _row(request: HttpRequest, submission: Return, key: str, *, is_asking: bool, problem: str) -> HttpResponse:
    """The row of one cell and the decision bar, for htmx."""
    submission = _submission(request, submission.pk)
    (table,) = review_tables.load_tables(submission.period, [submission])
    found = reviewing.review_of(table)
    cell = found.cell(key)
    if cell is None:
        raise Http404
    context = _decision(request, found) | {
        "cell": cell,
        "asking": key if is_asking or problem else "",
        "problem": problem,
        "tab": request.POST.get("tab", ""),
        "is_piece": True,
    }
    return render(request, "assessments/_review_answer.html", context, status=422 if problem else 200)


def _back(request: HttpRequest, submission: Return, more: dict[str, str]) -> HttpResponseRedirect:
    query = {"tab": request.POST.get("tab", ""), **more}
    query = {name: value for name, value in query.items() if value}
    address = reverse("assessments:review", args=[submission.pk])
    return redirect(f"{address}?{urlencode(query)}" if query else address)


def _next_address(request: HttpRequest, submission: Return) -> str:
    """The return that has waited longest, else the list of the month."""
    waiting = reviewing.returns_under_review(request.user, submission.period).filter(state=Return.State.SUBMITTED)
    following = waiting.exclude(pk=submission.pk).values_list("pk", flat=True).first()
    if following is not None:
        return reverse("assessments:review", args=[following])
    return f"{reverse('assessments:review_list')}?{urlencode({'month': submission.period_id})}"
