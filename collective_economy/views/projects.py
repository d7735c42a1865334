"""Projects: the list, the board by stage, the page of one with its money, all its movements, its income."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import User
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for, rows_for
from cadres.words import masked_phone
from collective_economy import project_flow, project_page, stages
from collective_economy.lateness import percent_of, reasons
from collective_economy.models import Asset, AuditFinding, Contract, FundSource, Payment, Project, Stage
from collective_economy.project_forms import ProjectFilter
from collective_economy.project_lists import course_of, dressed, handed_out, late_on, lines_of
from collective_economy.services.projects import facts_of, review_round
from collective_economy.views.attachments import papers_context

VIEW, ADD = "collective_economy.view_project", "collective_economy.add_project"
PER_PAGE = 25
ON_BOARD = 6
"""Projects of a stage that the board names; the list has all of them."""
SHOWN = 10
"""Movements on the page of a project; the page of movements has all of them."""


# --- The list ---------------------------------------------------------------------------------


@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    """Projects by their conditions with their money and what is late. Constant queries."""
    user, today = request.user, timezone.localdate()
    must_hold(user, VIEW)
    filters = ProjectFilter(request.GET, user=user)
    rows = dressed(filters.shown(Project.objects.for_user(user), today)).order_by("-year", "path", "number")
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Projects"),
        "filters": filters,
        "page": page,
        "lines": lines_of(page.object_list, today),
        "may_add": user.has_perm(ADD),
    }
    return render(request, "collective_economy/project_list.html", context)


# --- The board --------------------------------------------------------------------------------


@require_GET
def project_board(request: HttpRequest) -> HttpResponse:
    """A column for each stage with what is late first and why. Constant queries."""
    user, today = request.user, timezone.localdate()
    must_hold(user, VIEW)
    data = request.GET.copy()
    data.pop("stage", None)
    filters = ProjectFilter(data, user=user)
    del filters.fields["stage"]
    filters.fields["late"].widget.attrs.pop("data-auto-submit", None)
    rows = board_rows(filters, user, today)
    counts = {stage: (count, late) for stage, count, late in _counts(rows)}
    lines = lines_of(_first_ones(rows), today)
    columns: list[dict[str, Any]] = [
        {
            "stage": stage,
            "label": Stage(stage).label,
            "count": counts.get(stage, (0, 0))[0],
            "late": counts.get(stage, (0, 0))[1],
            "lines": [line for line in lines if line.project.stage == stage],
        }
        for stage in stages.ORDER
    ]
    context = {
        "title": _("Board of projects"),
        "crumbs": [(reverse("collective_economy:project_list"), _("Projects"))],
        "filters": filters,
        "columns": columns,
        "count": sum(column["count"] for column in columns),
        "late": sum(column["late"] for column in columns),
        "may_add": user.has_perm(ADD),
        "conditions": data.urlencode(),
    }
    return render(request, "collective_economy/project_board.html", context)


def board_rows(filters: ProjectFilter, user: User, today: date) -> Any:
    """Projects under way, each with whether it is late."""
    shown = filters.shown(Project.objects.for_user(user), today).filter(stage__in=stages.ORDER)
    return shown.annotate(
        late_first=Case(When(late_on(today), then=Value(0)), default=Value(1), output_field=IntegerField())
    )


def _counts(rows: Any) -> Any:
    return (
        rows.order_by()
        .values("stage")
        .annotate(count=Count("pk"), late=Count("pk", filter=Q(late_first=0)))
        .values_list("stage", "count", "late")
    )


def _first_ones(rows: Any) -> QuerySet[Project]:
    place = Window(RowNumber(), partition_by=F("stage"), order_by=["late_first", "stage_since", "pk"])
    first: Any = dressed(rows.annotate(place=place).filter(place__lte=ON_BOARD))
    ordered: QuerySet[Project] = first.order_by("late_first", "stage_since", "pk")
    return ordered


# --- One project ------------------------------------------------------------------------------


@require_GET
def project(request: HttpRequest, pk: int) -> HttpResponse:
    """From what was approved to what it earns, with the gate of its stage and the next step. Constant queries."""
    user, today = request.user, timezone.localdate()
    fetch(user, Project, pk)
    row = (
        dressed(Project.objects.filter(pk=pk))
        .select_related("decision", "entered_by", "signed_by", "approved_by", "programme", "unit")
        .get()
    )
    rights = project_page.rights_of(row, user)
    gate = stages.conditions(row.stage, facts_of(row))
    handed = handed_out([row.pk])
    missing = [condition.code for condition, is_met in gate if not is_met]
    context = {
        "title": row.name,
        "crumbs": crumbs(row),
        "project": row,
        "rights": rights,
        "gate": gate,
        "next_step": project_page.next_step(row, missing, rights),
        "late": reasons(course_of(row, handed, today), today),
        **_course(row, today),
        **_money(row, user, today, handed),
        **_ground(row, user),
        **_in_sight(row, user),
        **_told(row),
        **papers_context(request, row),
    }
    return render(request, "collective_economy/project.html", context)


def _in_sight(row: Project, user: User) -> dict[str, Any]:
    """Which of its villages and payments the reader may open: a joint project shows more than one's own. No query."""
    ledgers, payments = (paths_for(user, f"collective_economy.view_{name}") for name in ("ledgermonth", "payment"))
    return {
        "villages_in_sight": {
            share.unit_id for share in row.shares.all() if any(share.path.startswith(path) for path in ledgers)
        },
        "sees_payments": any(row.path.startswith(path) for path in payments),
    }


def crumbs(row: Project | None = None) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [(reverse("collective_economy:project_list"), _("Projects"))]
    if row is not None and row.programme is not None:
        found.append((reverse("collective_economy:programme", args=[row.programme.pk]), row.programme.name))
    return found


def _course(row: Project, today: date) -> dict[str, Any]:
    in_order = row.stage in stages.ORDER
    milestones = sorted(row.milestones.all(), key=lambda each: (each.done_on is not None, each.due_on, each.pk))
    return {
        "steps": [Stage(stage).label for stage in stages.ORDER],
        "step": stages.ORDER.index(row.stage) + 1 if in_order else len(stages.ORDER) + 1,
        "is_open": row.stage not in stages.FINISHED,
        "is_in_work": row.stage in stages.IN_WORK,
        "is_planned": row.stage in ("pool", "apply"),
        "is_decided_on": row.stage in ("review", "approve"),
        "milestones": milestones,
        "today": today,
        "masked_phone": masked_phone(row.responsible_phone),
    }


def _money(row: Project, user: User, today: date, handed: Any) -> dict[str, Any]:
    money = project_flow.money_of(row)
    whole = money.whole
    passed = stages.time_percent(row.start_on, row.finish_on, today)
    movements = project_flow.movements_of(row)
    shares = list(row.shares.all())
    income = project_flow.income_of(row, shares, user)
    items = project_flow.items_of(row, whole.paid)
    instalments = [(each, handed.get(each.pk, project_flow.ZERO)) for each in row.instalments.all()]
    return {
        "money": money,
        "whole": whole,
        "is_approved": whole.approved > 0,
        "planned_total": whole.approved or whole.requested,
        "bar": project_flow.bar_of(money),
        "mark": project_flow.mark_of(passed),
        "passed": passed,
        "spent_percent": percent_of(whole.paid, whole.approved) if whole.approved else None,
        "handed_percent": percent_of(money.support.received, money.support.approved)
        if money.support.approved
        else None,
        "items": items,
        "budget_total": sum((item.budget for item in items if item.budget), project_flow.ZERO),
        "movements": movements[:SHOWN],
        "movement_count": len(movements),
        "counts": project_flow.counts_of(movements),
        "waiting": project_page.waiting_count(row),
        "instalments": instalments,
        "next_instalment": next(((each, each.amount - out) for each, out in instalments if each.amount > out), None),
        "parts": project_flow.parts_of(shares, whole),
        "income": income,
        "monthly": row.expected_income / 12 if row.expected_income else None,
        "chart": _chart(income, row),
        "payment_list": project_page.url_if("payment_list", row, is_query=True),
        "payment_add": project_page.url_if("payment_add", row),
    }


def _chart(income: project_flow.Income, row: Project) -> dict[str, Any] | None:
    """For static/js/charts.js: income of each month in 万元 beside what was expected of a month."""
    if not income.months:
        return None
    series: list[dict[str, Any]] = [
        {
            "name": _("income of the month"),
            "color": "--v2",
            "data": [None if amount is None else f"{amount / 10_000:.4f}" for _month, amount in income.months],
        }
    ]
    if row.expected_income:
        expected = f"{row.expected_income / 12 / 10_000:.4f}"
        series.append(
            {
                "name": _("expected of a month"),
                "color": "--v6",
                "kind": "line",
                "dashed": True,
                "data": [expected] * len(income.months),
            }
        )
    return {"kind": "bar", "categories": [f"{month:%Y-%m}" for month, _amount in income.months], "series": series}


def _ground(row: Project, user: User) -> dict[str, Any]:
    """What belongs to villages, as far as the reader sees it there."""
    return {
        "contracts": rows_for(user, Contract).filter(project=row).select_related("unit").order_by("-starts_on", "pk"),
        "assets": rows_for(user, Asset).filter(project=row).select_related("unit").order_by("path", "number"),
        "findings": rows_for(user, AuditFinding).filter(project=row).order_by("closed_on", "due_on", "pk"),
        "sees_decision": row.decision is not None and user.has_perm("branches.view_decision", row.decision),
        "asset_add": project_page.url_if("asset_add", row, is_query=True),
        "contract_add": project_page.url_if("contract_add", row, is_query=True),
        "finding_add": project_page.url_if("finding_add", row, is_query=True),
    }


def _told(row: Project) -> dict[str, Any]:
    return {
        "round": review_round(row),
        "opinions": row.opinions.order_by("-round", "pk"),
        "way": row.steps.select_related("by").order_by("-pk"),
        "changes": row.changes.select_related("by").order_by("-pk"),
        "happenings": project_page.history_of(row),
    }


# --- Source rows of the page's numbers --------------------------------------------------------


@require_GET
def project_flow_page(request: HttpRequest, pk: int) -> HttpResponse:
    """All confirmed movements of a project, by kind, source or budget item, with their sums."""
    row: Project = fetch(request.user, Project, pk)
    movements = project_flow.movements_of(row)
    asked = {name: request.GET.get(name, "") for name in ("kind", "source", "item")}
    shown = [each for each in movements if _fits(each.payment, asked)]
    context = {
        "title": _("Money handed out and paid"),
        "crumbs": [*crumbs(row), (reverse("collective_economy:project", args=[pk]), row.name)],
        "project": row,
        "movements": shown,
        "came": sum((each.came for each in shown if each.came is not None), project_flow.ZERO),
        "went": sum((each.went for each in shown if each.went is not None), project_flow.ZERO),
        "asked": asked,
        "kinds": Payment.Kind.choices,
        "sources": [(each.source, each.get_source_display()) for each in row.sources.all()],
        "items": [(str(line.pk), line.item) for line in row.budget.all()],
        "waiting": project_page.waiting_count(row),
        "payment_list": project_page.url_if("payment_list", row, is_query=True),
        **_in_sight(row, request.user),
    }
    return render(request, "collective_economy/project_flow.html", context)


def _fits(payment: Payment, asked: dict[str, str]) -> bool:
    item = "none" if payment.budget_line_id is None else str(payment.budget_line_id)
    return (
        asked["kind"] in ("", payment.kind)
        and _is_of(payment.source.source, asked["source"])
        and (not asked["item"] or (payment.kind == Payment.Kind.PAYMENT and asked["item"] == item))
    )


def _is_of(source: str, asked: str) -> bool:
    support = [each.value for each in FundSource if each in project_flow.SUPPORT]
    return {"": True, "support": source in support, "other": source not in support}.get(asked, asked == source)


@require_GET
def project_income(request: HttpRequest, pk: int) -> HttpResponse:
    """Entries of income that name the project, of villages in the reader's sight."""
    row: Project = fetch(request.user, Project, pk)
    if not request.user.has_perm("collective_economy.view_ledgerentry"):
        raise PermissionDenied
    shares = list(row.shares.select_related("unit").order_by("path"))
    income = project_flow.income_of(row, shares, request.user)
    entries = project_flow.income_entries(row, request.user).select_related("unit").order_by("-month", "-day", "-pk")
    context = {
        "title": _("Income of the project"),
        "crumbs": [*crumbs(row), (reverse("collective_economy:project", args=[pk]), row.name)],
        "project": row,
        "income": income,
        "page": CappedPaginator(entries, 50).get_page(request.GET.get("page")),
    }
    return render(request, "collective_economy/project_income.html", context)
