"""Village decisions by four discussions and two publications: list, record, next steps, making void."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from branches.history import happenings
from branches.labels import label_of
from branches.models import Decision
from branches.months import after
from branches.record_forms import DecisionFilter, DecisionForm, VoidForm
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.services import decisions
from branches.sources import COMPLETE_STEPS
from branches.versions import Conflict, events_of

PER_PAGE = 25


def decision_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "branches.view_decision")
    data = request.GET.copy()
    data.setdefault("month", f"{timezone.localdate():%Y-%m}")
    filters = DecisionFilter(data, user=user)
    rows = decisions_shown(user, filters)
    context = {
        "title": _("Village decisions"),
        "filters": filters,
        "month": filters.cleaned_data.get("month") if filters.is_valid() else None,
        "page": CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "may_add": bool(paths_for(user, "branches.add_decision")),
        "step_total": len(Decision.STEPS),
    }
    return render(request, "branches/decision_list.html", context)


def decisions_shown(user: User, filters: DecisionFilter) -> Any:
    """The decisions of the list, by its conditions."""
    rows = filters.under(Decision.objects.for_user(user).select_related("unit"))
    return _narrowed(rows, filters) if filters.is_valid() else rows


def _narrowed(rows: Any, filters: DecisionFilter) -> Any:
    month: date | None = filters.cleaned_data["month"]
    state = filters.cleaned_data["state"]
    if month:
        rows = rows.filter(decided_on__gte=month, decided_on__lt=after(month))
    rows = rows.filter(is_void=state == "void")
    return rows.filter(~Q(COMPLETE_STEPS)) if state == "open" else rows


def decision_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "branches.add_decision")
    initial = {"unit": request.GET.get("village"), "decided_on": timezone.localdate()}
    form = DecisionForm(request.POST or None, user=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        with transaction.atomic():
            decision = decisions.record_decision(values["unit"], values, by=request.user, today=timezone.localdate())
            fetch(request.user, Decision, decision.pk, "add")
        messages.success(request, _("Recorded: %(decision)s.") % {"decision": decision})
        return redirect(_month_url(decision))
    context = {"title": _("Record a decision"), "form": form, "crumbs": _crumbs()}
    return render(request, "branches/decision_form.html", context, status=422 if form.errors else 200)


def decision_record(request: HttpRequest, pk: int) -> HttpResponse:
    """A decision: read, and taken to its next step by whoever may."""
    action = "change" if request.method == "POST" else "view"
    decision = fetch(request.user, Decision, pk, action)
    may_change = request.user.has_perm("branches.change_decision", decision) and not decision.is_void
    form = DecisionForm(request.POST or None, instance=decision, user=request.user) if may_change else None
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            decisions.correct_decision(
                decision,
                form.cleaned_data,
                version=form.cleaned_data["base_version"],
                by=request.user,
                today=timezone.localdate(),
            )
        except Conflict:
            form = DecisionForm(request.POST, instance=fetch(request.user, Decision, pk, action), user=request.user)
            form.is_valid()
        else:
            messages.success(request, _("Saved."))
            return redirect(_month_url(decision))
    decision = Decision.objects.select_related("unit", "recorded_by").get(pk=pk)
    context = {
        "title": str(decision),
        "decision": decision,
        "step_total": len(Decision.STEPS),
        "form": form,
        "facts_list": [] if form else _facts(decision),
        "happenings": happenings(Decision, events_of(decision)[:PER_PAGE]),
        "crumbs": _crumbs(),
    }
    return render(request, "branches/decision_record.html", context, status=422 if form and form.errors else 200)


def decision_void(request: HttpRequest, pk: int) -> HttpResponse:
    decision = fetch(request.user, Decision, pk, "change")
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        decisions.void_decision(decision, form.cleaned_data["reason"], by=request.user)
        messages.success(request, _("The record is void and no longer counts."))
        return redirect(_month_url(decision))
    back = reverse("branches:decision", args=[pk])
    context = {
        "title": _("Make the record void"),
        "subject": f"{decision.unit.short_name}　{decision}",
        "form": form,
        "back": back,
        "crumbs": [*_crumbs(), (back, str(decision))],
    }
    return render(request, "branches/void_form.html", context, status=422 if form.errors else 200)


def _facts(decision: Decision) -> Iterable[tuple[str, Any]]:
    for name in decisions.FIELDS:
        words = getattr(decision, f"get_{name}_display", None)
        yield label_of(Decision, name), words() if words else getattr(decision, name)


def _month_url(decision: Decision) -> str:
    return f"{reverse('branches:decision_list')}?month={decision.decided_on:%Y-%m}"


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("branches:decision_list"), _("Village decisions"))]
