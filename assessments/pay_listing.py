"""Lines of pay on their way out of the portal, as the page of lines filters them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from assessments.pay_forms import LineFilter, yuan_of
from assessments.pay_workbooks import flag_names, flag_words
from assessments.views.pay import lines_shown
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.record_forms import FilterForm
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

MONEY = "#,##0.00"


class PayLines(PlaceListing):
    name = "pay_lines"
    label = gettext_lazy("Lines of pay")
    permission = "assessments.view_payline"
    url_name = "assessments:pay_lines"

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        texts = {
            "name": _("Full name"),
            "role": pgettext("pay", "Role"),
            "month": _("Sheet of month"),
            "for_month": _("For month"),
        }
        sums = {
            "uplift": _("Flag uplift (yuan)"),
            "performance": _("Performance pay (yuan)"),
            "amount": _("Amount (yuan)"),
        }
        later = {
            "note": pgettext("pay", "Remark"),
            "payment": _("Payment"),
            "paid_on": _("paid on"),
            "failure": _("why the payment failed"),
        }
        return (
            TOWNSHIP,
            VILLAGE,
            *(OutColumn(name, heading) for name, heading in texts.items()),
            OutColumn("flags", pgettext("pay", "Flags")),
            *(OutColumn(name, heading, MONEY) for name, heading in sums.items()),
            *(OutColumn(name, heading) for name, heading in later.items()),
        )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return LineFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        return lines_shown(user, LineFilter(filters, user=user))

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        names: Mapping[str, str] | None = None
        for line in rows.iterator(CHUNK):
            names = flag_names([line.sheet]) if names is None else names
            yield {
                **place_cells(line.village, townships),
                "name": line.person.name,
                "role": line.get_role_group_display(),
                "month": f"{line.sheet.month:%Y-%m}",
                "for_month": f"{line.for_month:%Y-%m}",
                "flags": flag_words(line, names),
                "uplift": yuan_of(line.uplift_cents),
                "performance": yuan_of(line.performance_cents),
                "amount": yuan_of(line.amount_cents),
                "note": line.get_note_display() if line.note else "",
                "payment": line.get_payment_display() if line.amount_cents else "",
                "paid_on": f"{line.paid_on:%Y-%m-%d}" if line.paid_on else "",
                "failure": line.failure,
            }
