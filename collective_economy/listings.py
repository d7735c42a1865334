"""The ledger of collective income on its way out: a village and a month on each line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from branches.listings import CHUNK, PlaceListing, place_cells, townships_by_path
from branches.record_forms import FilterForm, PlaceFilter
from collective_economy.incomes import IS_RECORDED
from collective_economy.models import LedgerMonth
from collective_economy.models.ledger import CATEGORIES
from imports.typed_workbooks import Record

if TYPE_CHECKING:
    from accounts.models import User


class LedgerFilter(PlaceFilter):
    STATES = (("", gettext_lazy("all")), ("open", gettext_lazy("open")), ("closed", gettext_lazy("closed")))

    year = forms.IntegerField(label=gettext_lazy("Year"), required=False, min_value=1900, max_value=2100)
    state = forms.ChoiceField(label=gettext_lazy("Month close"), required=False, choices=STATES)


def months_at(user: User, form: LedgerFilter) -> QuerySet[Any]:
    """Months of all years with something in them, at the chosen place; none for a wrong condition."""
    return form.under(LedgerMonth.objects.for_user(user).filter(IS_RECORDED))


def months_shown(user: User, form: LedgerFilter) -> QuerySet[Any]:
    """Months of the page by its conditions; none for a wrong condition."""
    rows = months_at(user, form)
    if not form.is_valid():
        return rows.none()
    if form.cleaned_data["year"]:
        rows = rows.filter(month__year=form.cleaned_data["year"])
    if form.cleaned_data["state"]:
        rows = rows.filter(closed_at__isnull=form.cleaned_data["state"] == "open")
    return rows


class Ledger(PlaceListing):
    name = "ledger"
    label = gettext_lazy("Ledger of collective income")
    permission = "collective_economy.view_ledgermonth"
    url_name = "collective_economy:ledger"
    sheet_name = "ledger"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return LedgerFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = LedgerFilter(filters, user=user, permission=self.permission)
        return months_shown(user, form).select_related("unit").order_by("path", "month")

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for month in rows.iterator(CHUNK):
            yield {
                **place_cells(month.unit, townships),
                "month": month.month,
                **{category: getattr(month, category) for category in CATEGORIES},
                "total": month.income,
                "operating_total": month.operating_income,
                "result": month.income - month.expense,
            }
