"""Asset cards: list, card, registering, changing, checking on the spot, disposing of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from branches.form_page import Page, form_page
from branches.history import happenings
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import events_of
from collective_economy.asset_forms import AssetFilter, AssetForm, CheckForm, DisposalForm
from collective_economy.models import Asset
from collective_economy.services import assets
from collective_economy.views.row_pages import initial_place, row_form

VIEW, ADD = "collective_economy.view_asset", "collective_economy.add_asset"
PER_PAGE = 25
HISTORY = 30
CENT = Decimal("0.01")
State = Asset.State


@require_GET
def asset_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, VIEW)
    filters = AssetFilter(request.GET, user=user)
    rows = _shown(filters, Asset.objects.for_user(user).select_related("unit", "project", "contract"))
    context = {
        "title": Asset._meta.verbose_name_plural,
        "filters": filters,
        "page": CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "sums": _sums(rows),
        "may_add": bool(paths_for(user, ADD)),
    }
    return render(request, "collective_economy/asset_list.html", context)


def _shown(filters: AssetFilter, rows: QuerySet[Any]) -> QuerySet[Any]:
    rows = filters.under(rows)
    if not filters.is_valid():
        return rows
    chosen = filters.cleaned_data
    if chosen["kind"]:
        rows = rows.filter(kind=chosen["kind"])
    if chosen["state"]:
        rows = rows.filter(state=chosen["state"])
    if typed := chosen["q"].strip():
        rows = rows.filter(Q(number__startswith=typed) | Q(name__startswith=typed))
    return rows


def _sums(rows: QuerySet[Any]) -> dict[str, Any]:
    """What is shown, without what was disposed of: yuan, and how many stand idle or are damaged. One query."""
    there = ~Q(state=State.DISPOSED)
    sums = rows.order_by().aggregate(
        value=Sum("value", filter=there),
        count=Count("pk", filter=there),
        idle=Count("pk", filter=Q(state=State.IDLE)),
        damaged=Count("pk", filter=Q(state=State.DAMAGED)),
    )
    return sums | {"value": Decimal(sums["value"] or 0).quantize(CENT)}


@require_http_methods(["GET", "POST"])
def asset_add(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ADD)
    today = timezone.localdate()
    page = Page(title=_("Register an asset"), back=reverse("collective_economy:asset_list"), crumbs=_crumbs())

    def run(form: AssetForm) -> Asset:
        unit = form.cleaned_data["unit"]
        asset = assets.register_asset(unit=unit, values=form.values(), by=request.user, today=today)
        made: Asset = fetch(request.user, Asset, asset.pk, "add")
        return made

    initial = initial_place(request) | {"registered_on": today}
    return row_form(
        request, page, lambda data: AssetForm(data, user=request.user, initial=initial), run, "collective_economy:asset"
    )


@require_GET
def asset(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    fetch(user, Asset, pk)
    row = Asset.objects.select_related("unit", "project", "contract", "entered_by").get(pk=pk)
    context = {
        "title": row.name,
        "crumbs": _crumbs(),
        "asset": row,
        "may_change": user.has_perm("collective_economy.change_asset", row) and row.state != State.DISPOSED,
        "happenings": happenings(Asset, events_of(row)[:HISTORY]),
    }
    return render(request, "collective_economy/asset.html", context)


@require_http_methods(["GET", "POST"])
def asset_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, Asset, pk, "change")

    def make_form(data: Any) -> AssetForm:
        stored = Asset.objects.select_related("unit", "project", "contract").get(pk=pk)
        return AssetForm(data, instance=stored, user=request.user)

    def run(form: AssetForm) -> Asset:
        base, today = form.cleaned_data["base_version"], timezone.localdate()
        assets.change_asset(row, values=form.values(), base=base, by=request.user, today=today)
        changed: Asset = fetch(request.user, Asset, pk, "change")
        return changed

    return row_form(request, _page_of(row, _("Change the card")), make_form, run, "collective_economy:asset")


@require_http_methods(["GET", "POST"])
def asset_check(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, Asset, pk, "change")
    today = timezone.localdate()

    def run(given: dict[str, Any]) -> None:
        assets.check_asset(row, by=request.user, today=today, **given)
        fetch(request.user, Asset, pk, "change")

    page = _page_of(row, _("Check the asset on the spot"))
    return form_page(request, page, lambda data: CheckForm(data, initial={"on": today, "state": row.state}), run)


@require_http_methods(["GET", "POST"])
def asset_dispose(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, Asset, pk, "change")
    today = timezone.localdate()

    def run(given: dict[str, Any]) -> None:
        assets.dispose(row, by=request.user, today=today, **given)
        fetch(request.user, Asset, pk, "change")

    page = _page_of(
        row,
        _("Dispose of the asset"),
        explanation=_("The card stays to be seen and is not changed any more."),
        submit=_("Dispose of it"),
        is_danger=True,
    )
    return form_page(request, page, lambda data: DisposalForm(data, initial={"on": today}), run)


def _page_of(row: Asset, title: str, **more: Any) -> Page:
    here = reverse("collective_economy:asset", args=[row.pk])
    return Page(title=title, back=here, crumbs=[*_crumbs(), (here, row.name)], subject=f"{row.number} {row}", **more)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("collective_economy:asset_list"), str(Asset._meta.verbose_name_plural))]
