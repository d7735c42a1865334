"""The economy of one village on a page, and its plan."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from branches.models import Unit
from branches.scoping import STEP, fetch, must_hold, rows_with
from branches.versions import Conflict
from collective_economy import village_page
from collective_economy.counties import holds_at
from collective_economy.models import VillagePlan
from collective_economy.plan_forms import PlanForm
from collective_economy.services.plans import save_plan
from collective_economy.views.bands import year_asked

SEE, PLAN = "collective_economy.view_ledgermonth", "collective_economy.add_villageplan"
YEARS_OFFERED = 5


def village_of(user: User, pk: int, permission: str) -> Unit:
    """The village. PermissionDenied without the right anywhere, Http404 for one where the user does not hold it."""
    must_hold(user, permission)
    village = rows_with(user, Unit.objects.villages(), permission).filter(pk=pk).first()
    if village is None:
        raise Http404
    return village


@require_GET
def village(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about a village's money. A fixed number of queries, however much it has."""
    unit = village_of(request.user, pk, SEE)
    today = timezone.localdate()
    years = list(range(today.year, today.year - YEARS_OFFERED, -1))
    year = year_asked(request.GET.get("year", ""), years)
    township, county = _above(unit)
    context: dict[str, Any] = {
        "title": unit.name,
        "crumbs": [(reverse("collective_economy:overview"), _("Overview"))],
        "unit": unit,
        "township": township,
        "today": today,
        "year": year,
        "years": years,
        "may_plan": holds_at(request.user, PLAN, unit.path),
        "may_see_file": request.user.has_perm("branches.view_village"),
        **village_page.page_of(request.user, unit, county, year, today),
    }
    return render(request, "collective_economy/village.html", context)


def _above(unit: Unit) -> tuple[Unit | None, Unit | None]:
    """Its township and county. One query."""
    paths = [unit.path[:end] for end in range(STEP, len(unit.path), STEP)]
    found = {one.kind: one for one in Unit.objects.filter(path__in=paths)}
    return found.get("township"), found.get("county")


@require_http_methods(["GET", "POST"])
def village_plan_add(request: HttpRequest, pk: int) -> HttpResponse:
    unit = village_of(request.user, pk, PLAN)
    this = timezone.localdate().year
    plan = VillagePlan(unit=unit, first_year=this, last_year=this + 2)
    return _plan_page(request, unit, plan)


@require_http_methods(["GET", "POST"])
def village_plan(request: HttpRequest, pk: int) -> HttpResponse:
    plan: VillagePlan = fetch(request.user, VillagePlan, pk, "change")
    return _plan_page(request, plan.unit, plan)


def _plan_page(request: HttpRequest, unit: Unit, plan: VillagePlan) -> HttpResponse:
    form = PlanForm(request.POST or None, instance=plan)
    url = reverse("collective_economy:village", args=[unit.pk])
    if request.method == "POST" and form.is_valid() and _is_saved(request, form, unit):
        return redirect(f"{url}#plan")
    context = {
        "title": _("Plan of the village"),
        "crumbs": [(url, unit.name)],
        "unit": unit,
        "form": form,
        "back": url,
    }
    return render(request, "collective_economy/village_plan.html", context, status=422 if form.is_bound else 200)


def _is_saved(request: HttpRequest, form: PlanForm, unit: Unit) -> bool:
    is_new = form.instance.pk is None
    stored = None if is_new else VillagePlan.objects.get(pk=form.instance.pk)
    base = form.cleaned_data.get("base_version")
    try:
        save_plan(unit, **form.values(), by=request.user, plan=stored, base=base)
    except Conflict:
        form.add_error(None, ValidationError(_("Somebody else saved this plan meanwhile. Open it anew."), "conflict"))
        return False
    except ValidationError as error:
        _tell(form, error)
        return False
    messages.success(request, _("The plan is saved."))
    return True


def _tell(form: PlanForm, error: ValidationError) -> None:
    """At the field it is about; of the targets, at the first one."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error("target1" if name == "targets" else name, errors)  # type: ignore[arg-type]
