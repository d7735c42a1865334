"""Movements of money: the list, one of them, entering, deciding, taking back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.reauth import recent_password_required
from branches.above import names_above
from branches.form_page import Page, form_page, show_refusal
from branches.history import happenings
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import events_of
from collective_economy.counties import holds_at
from collective_economy.models import Payment, Project
from collective_economy.payment_forms import PaymentFilter, PaymentForm, ReversalForm
from collective_economy.payment_rows import (
    budget_states,
    instalment_states,
    payment_for,
    payments_shown,
    source_states,
    sums_of,
    waiting_lines,
)
from collective_economy.services import payments
from collective_economy.views.attachments import papers_context

SEE, ADD, CONFIRM = (f"collective_economy.{verb}_payment" for verb in ("view", "add", "confirm"))
PER_PAGE = 25
AT_ONCE = 100
"""Rows on the page of confirmations."""
HISTORY = 30
State = Payment.State


# --- Reading ---------------------------------------------------------------------------------


@require_GET
def payment_list(request: HttpRequest) -> HttpResponse:
    """Movements of all projects in sight, those that wait first, with the sums of everything shown."""
    user = request.user
    must_hold(user, SEE)
    filters = PaymentFilter(request.GET, user=user)
    rows = payments_shown(user, filters)
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Payments"),
        "filters": filters,
        "page": page,
        "townships": names_above(row.project.path for row in page),
        "sums": sums_of(rows),
        "may_confirm": bool(paths_for(user, CONFIRM)),
    }
    return render(request, "collective_economy/payment_list.html", context)


@require_GET
def payment(request: HttpRequest, pk: int) -> HttpResponse:
    """One movement: its facts, papers and history, and what the reader may do with it."""
    user = request.user
    row = payment_for(user, pk)
    reversal = Payment.objects.filter(reverses=row, state__in=payments.COUNTED).first()
    is_own = row.entered_by_id == user.pk
    may_change = holds_at(user, ADD, row.project.path)
    line = waiting_lines([row], user)[0] if row.state == State.ENTERED else None
    context = {
        "title": row.summary,
        "crumbs": _crumbs(),
        "payment": row,
        "reversal": reversal,
        "line": line,
        "may_decide": row.state == State.ENTERED and not is_own and holds_at(user, CONFIRM, row.project.path),
        "may_withdraw": row.state == State.ENTERED and is_own and may_change,
        "may_reverse": row.state == State.CONFIRMED and row.reverses_id is None and reversal is None and may_change,
        "is_own": is_own,
        "happenings": happenings(Payment, events_of(row)[:HISTORY]),
        **papers_context(request, row),
    }
    return render(request, "collective_economy/payment.html", context)


# --- Entering --------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def payment_add(request: HttpRequest, pk: int) -> HttpResponse:
    """One form for what is handed out to a project, paid by it, and recalled from it."""
    user, today = request.user, timezone.localdate()
    project = fetch(user, Project, pk)
    if not holds_at(user, ADD, project.path):
        raise PermissionDenied
    sources, budget = source_states(project), budget_states(project)
    instalments = instalment_states(project, today)
    initial = {"kind": request.GET.get("kind", ""), "paid_on": today}
    form = PaymentForm(request.POST or None, sources=sources, instalments=instalments, budget=budget, initial=initial)
    if request.method == "POST" and form.is_valid():
        made = _entered(request, form, project)
        if made is not None:
            messages.success(request, _("Entered. It counts once a second person has confirmed it."))
            if "again" in request.POST:
                return redirect(f"{reverse('collective_economy:payment_add', args=[pk])}?kind={made.kind}")
            return redirect("collective_economy:payment", made.pk)
    context = {
        "title": _("Enter a payment"),
        "crumbs": [(reverse("collective_economy:payment_list"), _("Payments")), ("", project.name)],
        "project": project,
        "form": form,
        "sources": sources,
        "instalments": instalments,
        "budget": budget,
    }
    return render(request, "collective_economy/payment_add.html", context, status=422 if form.errors else 200)


def _entered(request: HttpRequest, form: PaymentForm, project: Project) -> Payment | None:
    """The new movement; None when the service refused it and the form says why."""
    given = form.cleaned_data
    words = ("kind", "amount", "paid_on", "summary", "use", "payee", "voucher_number", "reason")
    try:
        with transaction.atomic():
            return payments.enter_payment(
                source=project.sources.get(pk=given["source"]),
                instalment=project.instalments.filter(pk=given["instalment"]).first(),
                budget_line=project.budget.filter(pk=given["budget_line"]).first(),
                by=request.user,
                today=timezone.localdate(),
                now=timezone.now(),
                **{name: given[name] for name in words},
            )
    except ValidationError as error:
        show_refusal(form, error)
        return None


@require_http_methods(["GET", "POST"])
def payment_reverse(request: HttpRequest, pk: int) -> HttpResponse:
    row = _own(request.user, pk, ADD)
    page = Page(
        title=_("Take back a payment"),
        subject=f"{row.project.name}　{row.summary}",
        back=reverse("collective_economy:payment", args=[pk]),
        crumbs=[*_crumbs(), (reverse("collective_economy:payment", args=[pk]), row.summary)],
        explanation=_(
            "A confirmed payment never changes. The reversal takes the whole amount back and counts once a second "
            "person has confirmed it; then enter the payment anew as it should be."
        ),
        submit=_("Enter the reversal"),
        icon="arrow-back-up",
    )
    return form_page(
        request,
        page,
        lambda data: ReversalForm(data, initial={"paid_on": timezone.localdate()}),
        lambda given: payments.reverse_payment(row, by=request.user, now=timezone.now(), **given),
        back_to=lambda made: reverse("collective_economy:payment", args=[made.pk]),
    )


# --- Deciding --------------------------------------------------------------------------------


@recent_password_required
@require_http_methods(["GET", "POST"])
def payment_confirm(request: HttpRequest) -> HttpResponse:
    """What waits, each with what it leaves of its source. Confirms what is chosen; one's own is for somebody else."""
    user = request.user
    must_hold(user, CONFIRM)
    waiting = Payment.objects.for_user(user, "confirm").filter(state=State.ENTERED)
    if request.method == "POST":
        chosen = [int(value) for value in request.POST.getlist("payment") if value.isdecimal() and len(value) < 19]
        return _confirm(request, list(waiting.filter(pk__in=chosen).select_related("source").order_by("paid_on", "pk")))
    rows = waiting.select_related("project__unit", "source", "entered_by")
    shown = list(rows.order_by("paid_on", "pk")[:AT_ONCE])
    context = {
        "title": _("Confirm payments"),
        "crumbs": _crumbs(),
        "lines": waiting_lines(shown, user),
        "townships": names_above(row.project.path for row in shown),
        "all_count": waiting.count(),
    }
    return render(request, "collective_economy/payment_confirm.html", context)


def _confirm(request: HttpRequest, chosen: list[Payment]) -> HttpResponse:
    if not chosen:
        messages.error(request, _("Choose at least one payment."))
        return redirect("collective_economy:payment_confirm")
    note = request.POST.get("note", "").strip()
    try:
        confirmed, left = payments.confirm_payments(chosen, by=request.user, now=timezone.now(), note=note)
    except PermissionDenied as error:
        messages.error(request, str(error))
        return redirect("collective_economy:payment_confirm")
    if confirmed:
        words = ngettext("%(n)d payment is confirmed.", "%(n)d payments are confirmed.", len(confirmed))
        messages.success(request, words % {"n": len(confirmed)})
    for row, why in left:
        told = {"project": row.project.name, "summary": row.summary, "why": why}
        messages.error(request, _("%(project)s, %(summary)s: %(why)s") % told)
    if len(chosen) == 1 and request.POST.get("back") == "payment":
        return redirect("collective_economy:payment", chosen[0].pk)
    return redirect("collective_economy:payment_confirm" if left else "collective_economy:payment_list")


@require_POST
def payment_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    row = _own(request.user, pk, CONFIRM)
    note = request.POST.get("note", "")
    return _decided(
        request,
        row,
        lambda: payments.refuse_payment(row, note=note, by=request.user, now=timezone.now()),
        _("The payment is refused."),
    )


@require_POST
def payment_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    row = _own(request.user, pk, ADD)
    return _decided(
        request,
        row,
        lambda: payments.withdraw_payment(row, by=request.user, now=timezone.now()),
        _("The payment is withdrawn."),
    )


def _own(user: User, pk: int, permission: str) -> Payment:
    """A movement on which the user may act: Http404 out of sight, PermissionDenied without the right there."""
    row = payment_for(user, pk)
    if not holds_at(user, permission, row.project.path):
        raise PermissionDenied
    return row


def _decided(request: HttpRequest, row: Payment, act: Callable[[], Any], words: str) -> HttpResponse:
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except PermissionDenied as error:
        messages.error(request, str(error))
    else:
        messages.success(request, words)
    return redirect("collective_economy:payment", row.pk)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("collective_economy:payment_list"), _("Payments"))]
