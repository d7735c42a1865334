"""Bonuses, penalties and vetoes of a month: the list with its documents, a new entry, taking one back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments.adjustment_forms import KINDS, AdjustmentForm
from assessments.models import Adjustment, Period
from assessments.rules import in_language
from assessments.services.adjustments import ENTERABLE, record_adjustment, void_adjustment
from assessments.services.periods import rules_of_month
from branches.models import Unit

ROWS = 50


@require_GET
def adjustment_list(request: HttpRequest) -> HttpResponse:
    """Entries of one month, the latest month first; townships see those of their own villages."""
    if not request.user.has_perm("assessments.view_adjustment"):
        raise PermissionDenied(_("Bonuses and penalties are open to the county office, the townships and inspectors."))
    months = Period.objects.for_user(request.user).exclude(state=Period.State.PLANNED).order_by("-month", "path")
    period = _chosen(request, months)
    rows = Adjustment.objects.for_user(request.user).filter(period=period).select_related("village", "entered_by")
    page = Paginator(rows.order_by("item_code", "path", "pk"), ROWS).get_page(request.GET.get("page"))
    context = {
        "title": _("Bonuses, penalties and vetoes"),
        "period": period,
        "months": months,
        "page": page,
        "rows": [_dressed(row, period) for row in page] if period else [],
        "may_add": bool(
            period and period.state in ENTERABLE and request.user.has_perm("assessments.add_adjustment", None)
        ),
    }
    return render(request, "assessments/adjustment_list.html", context)


def _chosen(request: HttpRequest, months: QuerySet[Period]) -> Period | None:
    wanted = request.GET.get("period", "")
    return (
        months.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 18 else None
    ) or months.first()


def _dressed(row: Adjustment, period: Period) -> dict[str, Any]:
    item = rules_of_month(period).adjustment(row.item_code)
    level = item.level(row.level) if item and item.kind != "veto" else None
    return {
        "row": row,
        "name": in_language(item.name, item.name_en) if item else row.item_code,
        "kind": item.kind if item else "",
        "kind_name": KINDS[item.kind] if item else "",
        "level": in_language(level.name, level.name_en) if level else "",
        "hundredths": None
        if level is None
        else level.points * row.count * (-1 if item and item.kind == "penalty" else 1),
    }


@require_http_methods(["GET", "POST"])
def adjustment_new(request: HttpRequest, period_id: int) -> HttpResponse:
    """One new entry; what was typed stays when something is wrong with it."""
    if not request.user.has_perm("assessments.add_adjustment"):
        raise PermissionDenied(_("Bonuses, penalties and vetoes are entered by the county office."))
    period = get_object_or_404(Period.objects.for_user(request.user), pk=period_id, rules_in_force__isnull=False)
    villages = Unit.objects.for_user(request.user).filter(village_months__period=period).order_by("path")
    form = AdjustmentForm(request.POST or None, period=period, villages=villages, initial={"happened_on": period.month})
    if request.method == "POST" and form.is_valid() and _record(request, form, period):
        return redirect(f"{reverse('assessments:adjustment_list')}?period={period.pk}")
    context = {
        "title": _("New bonus, penalty or veto"),
        "form": form,
        "period": period,
        "last_day": period.month + timedelta(days=31),
        "crumbs": [(reverse("assessments:adjustment_list"), _("Bonuses, penalties and vetoes"))],
    }
    return render(request, "assessments/adjustment_form.html", context, status=200 if not form.errors else 422)


def _record(request: HttpRequest, form: AdjustmentForm, period: Period) -> bool:
    data = form.cleaned_data
    code, level = form.item_and_level()
    try:
        row = record_adjustment(
            period,
            data["village"],
            code,
            level,
            count=data["count"],
            document=data["document"],
            happened_on=data["happened_on"],
            evidence=data["evidence"],
            by=request.user,
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    messages.success(request, _("Recorded for %(village)s.") % {"village": row.village.name})
    return True


@require_POST
def adjustment_void(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an entry back, with a reason."""
    if not request.user.has_perm("assessments.change_adjustment"):
        raise PermissionDenied(_("Bonuses, penalties and vetoes are entered by the county office."))
    row = get_object_or_404(Adjustment.objects.for_user(request.user, "change"), pk=pk)
    try:
        void_adjustment(row, reason=request.POST.get("reason", ""), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Taken back; the entry stays on record."))
    return redirect(f"{reverse('assessments:adjustment_list')}?period={row.period_id}")
