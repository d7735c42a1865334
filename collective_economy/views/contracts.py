"""Contracts and receivables: the list with what is overdue, a contract with its due days, entering, ending, waiving."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import AuditEvent, User
from branches.form_page import Page, form_page
from branches.history import happenings
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for, rows_with
from collective_economy.arrears import arrears_of, due_between
from collective_economy.contract_forms import ContractFilter, ContractForm, EndForm, WaiverForm
from collective_economy.contract_page import contracts_shown, ending, lines_of, schedule_of, state_of, sums_of
from collective_economy.models import Contract, Receivable
from collective_economy.services import contracts
from collective_economy.views.attachments import papers_context
from collective_economy.views.row_pages import initial_place, row_form, told_in_the_form

VIEW, ADD = "collective_economy.view_contract", "collective_economy.add_contract"
PER_PAGE = 25
HISTORY = 30
LABELS = {
    "due": _lazy("money is due"),
    "due_on": _lazy("due on"),
    "waived": _lazy("not asked for any longer"),
    "waived_on": _lazy("waived on"),
    "missing": _lazy("still missing (yuan)"),
    "decision": _lazy("number of the members' decision"),
}
"""What an event tells beside the fields of a contract."""


@require_GET
def contract_list(request: HttpRequest) -> HttpResponse:
    """Contracts with what is due by them; above, what the chosen place is owed in all."""
    user, today = request.user, timezone.localdate()
    must_hold(user, VIEW)
    filters = ContractFilter(request.GET, user=user)
    page = CappedPaginator(contracts_shown(user, filters, today), PER_PAGE).get_page(request.GET.get("page"))
    due = filters.under(Receivable.objects.for_user(user))
    context = {
        "title": _("Contracts and receivables"),
        "filters": filters,
        "page": page,
        "lines": lines_of(list(page.object_list), today),
        "arrears": arrears_of(due, today),
        "this_year": arrears_of(due_between(due, today.replace(month=1, day=1), today), today),
        "year": today.year,
        "ending_count": ending(filters.under(Contract.objects.for_user(user)), today).count(),
        "place": _place(filters),
        "may_add": bool(paths_for(user, ADD)),
    }
    return render(request, "collective_economy/contract_list.html", context)


def _place(filters: ContractFilter) -> str:
    if not filters.is_valid():
        return ""
    place = filters.cleaned_data.get("village") or filters.cleaned_data.get("township")
    return place.name if place else ""


@require_http_methods(["GET", "POST"])
def contract_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ADD)
    today = timezone.localdate()

    def make_form(data: Any) -> ContractForm:
        return ContractForm(data, user=request.user, initial=initial_place(request) | {"rhythm": "yearly"})

    def run(form: ContractForm) -> Contract:
        unit = form.cleaned_data["unit"]
        contract = contracts.add_contract(unit=unit, by=request.user, today=today, **form.values(), **form.terms())
        made: Contract = fetch(request.user, Contract, contract.pk, "add")
        return made

    page = Page(
        title=_("Enter a contract"),
        back=reverse("collective_economy:contract_list"),
        crumbs=_crumbs(),
        template="collective_economy/contract_form.html",
    )
    return row_form(request, page, make_form, run, "collective_economy:contract")


@require_GET
def contract(request: HttpRequest, pk: int) -> HttpResponse:
    """A contract: its terms, every due day with the income that came for it, its papers."""
    user, today = request.user, timezone.localdate()
    row = fetch(user, Contract, pk)
    row = Contract.objects.select_related("unit", "project", "entered_by").get(pk=pk)
    may_change = user.has_perm("collective_economy.change_contract", row)
    lines = schedule_of(row, today)
    context = {
        "title": row.number,
        "crumbs": _crumbs(),
        "contract": row,
        "state": state_of(row, today),
        "lines": lines,
        "sums": sums_of(lines),
        "arrears": arrears_of(row.receivables.all(), today),
        "assets": row.assets.order_by("number"),
        "may_change": may_change and not row.ended_on,
        "may_lessen": may_change and row.entered_by_id != user.pk,
        "is_own": may_change and row.entered_by_id == user.pk,
        "income_url": _income_url(user, row, today),
        "happenings": _happenings(row, [line.receivable.pk for line in lines]),
        **papers_context(request, row),
    }
    return render(request, "collective_economy/contract.html", context)


def _income_url(user: User, row: Contract, today: date) -> str:
    """The ledger of this month, where income that settles a receivable is entered; empty for who may not."""
    mine = rows_with(user, Contract.objects.filter(pk=row.pk), "collective_economy.add_ledgerentry")
    return reverse("collective_economy:ledger_month", args=[row.unit_id, today.replace(day=1)]) if mine.exists() else ""


def _happenings(row: Contract, receivables: list[int]) -> Any:
    """What happened to the contract and to what is due by it, newest first."""
    own = Q(target_type="collective_economy.contract", target_id=str(row.pk))
    due = Q(target_type="collective_economy.receivable", target_id__in=[str(pk) for pk in receivables])
    events = AuditEvent.objects.filter(own | due).select_related("actor")[:HISTORY]
    return [
        replace(
            happening, changes=[replace(one, label=str(LABELS.get(one.label, one.label))) for one in happening.changes]
        )
        for happening in happenings(Contract, events)
    ]


@require_http_methods(["GET", "POST"])
def contract_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, Contract, pk, "change")

    def make_form(data: Any) -> ContractForm:
        stored = Contract.objects.select_related("unit", "project").get(pk=pk)
        return ContractForm(data, instance=stored, user=request.user)

    def run(form: ContractForm) -> Contract:
        contracts.change_contract(
            row,
            values=form.values(),
            base=form.cleaned_data["base_version"],
            by=request.user,
            today=timezone.localdate(),
            **form.terms(),
        )
        changed: Contract = fetch(request.user, Contract, pk, "change")
        return changed

    page = _page_of(row, _("Change the contract"), template="collective_economy/contract_form.html")
    return row_form(request, page, make_form, run, "collective_economy:contract")


@require_http_methods(["GET", "POST"])
def contract_end(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, Contract, pk, "change")
    page = _page_of(
        row,
        _("End the contract early"),
        explanation=_(
            "What is due later than this day is no longer asked for; what was due until then stays due. "
            "Who entered the contract cannot end it alone."
        ),
        submit=_("End the contract"),
        is_danger=True,
    )

    def run(given: dict[str, Any]) -> None:
        with told_in_the_form():
            contracts.end_contract(row, on=given["on"], reason=given["reason"], by=request.user)
        fetch(request.user, Contract, pk, "change")

    return form_page(request, page, lambda data: EndForm(data, initial={"on": timezone.localdate()}), run)


@require_http_methods(["GET", "POST"])
def receivable_waive(request: HttpRequest, pk: int) -> HttpResponse:
    """Only by the decision of the members, and not by who entered the contract."""
    receivable = fetch(request.user, Receivable, pk)
    row = fetch(request.user, Contract, receivable.contract_id, "change")
    words = _("%(amount)s yuan that are due on %(day)s will no longer be asked for. This cannot be undone.")
    page = _page_of(
        row,
        _("Waive what is due"),
        explanation=words % {"amount": f"{receivable.missing:,.2f}", "day": receivable.due_on},
        submit=_("Waive"),
        is_danger=True,
    )

    def run(given: dict[str, Any]) -> None:
        with told_in_the_form():
            contracts.waive_receivable(
                receivable,
                decision=given["decision"],
                reason=given["reason"],
                by=request.user,
                today=timezone.localdate(),
            )
        fetch(request.user, Contract, row.pk, "change")

    return form_page(request, page, WaiverForm, run)


def _page_of(row: Contract, title: str, **more: Any) -> Page:
    here = reverse("collective_economy:contract", args=[row.pk])
    return Page(title=title, back=here, crumbs=[*_crumbs(), (here, row.number)], subject=str(row), **more)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("collective_economy:contract_list"), _("Contracts and receivables"))]
