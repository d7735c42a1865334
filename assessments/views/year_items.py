"""The commendation list and the problem list of a year."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from assessments import year_page
from assessments.models import YearAssessment, YearItem
from assessments.services.year_items import add_item, change_item, close_item
from assessments.year_forms import CloseItemForm, ItemFilter, ItemForm
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.scoping import fetch, must_hold, paths_for

ROWS = 50


def items_shown(user: Any, filters: ItemFilter) -> Any:
    """Items by the conditions of the list, of the newest assessment where none is chosen."""
    row = _chosen(user, str(filters.data.get("assessment") or ""))
    carried = YearItem.objects.filter(carried_from=OuterRef("pk"))
    rows = YearItem.objects.for_user(user).filter(assessment=row).annotate(is_carried=Exists(carried))
    return filters.shown(rows).select_related("village", "carried_from__assessment")


def _chosen(user: Any, wanted: str) -> YearAssessment | None:
    rows = YearAssessment.objects.for_user(user)
    if wanted.isdecimal() and len(wanted) < 18:
        return rows.filter(pk=int(wanted)).first()
    return rows.exclude(state=YearAssessment.State.SUPERSEDED).order_by("-pk").first()


@require_GET
def item_list(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_yearitem")
    filters = ItemFilter(request.GET, user=request.user)
    row = _chosen(request.user, request.GET.get("assessment", ""))
    page = Paginator(items_shown(request.user, filters), ROWS).get_page(request.GET.get("page"))
    found = list(page)
    context = {
        "title": _("Commendations and problems"),
        "assessment": row,
        "name": year_page.title_of(row) if row else "",
        "crumbs": year_page.crumbs(row),
        "filters": filters,
        "page": page,
        "rows": found,
        "townships": names_above(one.path for one in found),
        "may_add": row is not None and bool(paths_for(request.user, "assessments.add_yearitem")),
        "may_change": bool(paths_for(request.user, "assessments.change_yearitem")),
        "today": timezone.localdate(),
    }
    return render(request, "assessments/item_list.html", context)


def _address(row: YearAssessment) -> str:
    return f"{reverse('assessments:item_list')}?assessment={row.pk}"


def _page(row: YearAssessment, title: str, subject: str = "") -> Page:
    crumbs = [*year_page.crumbs(row), (_address(row), _("Commendations and problems"))]
    return Page(title=title, subject=subject or year_page.title_of(row), back=_address(row), crumbs=crumbs)


@require_http_methods(["GET", "POST"])
def item_new(request: HttpRequest, pk: int) -> HttpResponse:
    row: YearAssessment = fetch(request.user, YearAssessment, pk)
    must_hold(request.user, "assessments.add_yearitem")

    def run(values: dict[str, Any]) -> None:
        made = add_item(row, values["village"], values["kind"], values, by=request.user)
        fetch(request.user, YearItem, made.pk, "add")

    def make(data: Any) -> ItemForm:
        return ItemForm(data, user=request.user, instance=YearItem(assessment=row))

    return form_page(request, _page(row, _("Enter a commendation or a problem")), make, run)


@require_http_methods(["GET", "POST"])
def item_edit(request: HttpRequest, pk: int) -> HttpResponse:
    item: YearItem = fetch(request.user, YearItem, pk, "change")

    def run(values: dict[str, Any]) -> None:
        change_item(item, values, version=values["base_version"], by=request.user)

    def make(data: Any) -> ItemForm:
        return ItemForm(data, user=request.user, instance=fetch(request.user, YearItem, pk))

    return form_page(request, _page(item.assessment, _("Correct an item"), item.village.name), make, run)


@require_http_methods(["GET", "POST"])
def item_close(request: HttpRequest, pk: int) -> HttpResponse:
    item: YearItem = fetch(request.user, YearItem, pk, "change")

    def run(values: dict[str, Any]) -> None:
        close_item(
            item,
            values["closed_on"],
            values["closing_note"],
            version=values["base_version"],
            by=request.user,
            today=timezone.localdate(),
        )

    def make(data: Any) -> CloseItemForm:
        stored = fetch(request.user, YearItem, pk)
        return CloseItemForm(data, instance=stored, initial={"closed_on": stored.closed_on or timezone.localdate()})

    page = _page(item.assessment, _("Close a problem"), f"{item.village.name}　{item.text}")
    return form_page(request, page, make, run)
