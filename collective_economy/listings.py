"""The ledger of collective income on its way out: a village and a month on each line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from branches.listings import CHUNK, PlaceListing, place_cells, townships_by_path
from branches.record_forms import FilterForm, PlaceFilter
from collective_economy.models import LedgerEntry
from imports.typed_workbooks import Record

if TYPE_CHECKING:
    from accounts.models import User


class LedgerFilter(PlaceFilter):
    year = forms.IntegerField(label=gettext_lazy("Year"), required=False, min_value=1900, max_value=2100)


def entries_shown(user: User, form: LedgerFilter) -> QuerySet[Any]:
    """Entries of the page by its conditions; none for a wrong condition."""
    rows = form.under(LedgerEntry.objects.for_user(user), "unit__path")
    if form.is_valid() and form.cleaned_data["year"]:
        rows = rows.filter(month__year=form.cleaned_data["year"])
    return rows


class Ledger(PlaceListing):
    name = "ledger"
    label = gettext_lazy("Ledger of collective income")
    permission = "collective_economy.view_ledgerentry"
    url_name = "collective_economy:ledger"
    sheet_name = "ledger"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return LedgerFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = LedgerFilter(filters, user=user, permission=self.permission)
        return entries_shown(user, form).select_related("unit").order_by("unit__path", "month", "category")

    def count(self, rows: QuerySet[Any]) -> int:
        return rows.order_by().values("unit", "month").distinct().count()

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for (_unit, month), entries in groupby(rows.iterator(CHUNK), key=lambda each: (each.unit_id, each.month)):
            held = list(entries)
            amounts = {entry.category: entry.amount for entry in held}
            yield {
                **place_cells(held[0].unit, townships),
                "month": month,
                **amounts,
                "total": sum(amounts.values(), Decimal(0)),
            }
