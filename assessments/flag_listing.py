"""Applications for flags on their way out of the portal, as the page of applications filters them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assessments.flag_pages import decimal_of
from assessments.models import FlagApplication, FlagRound
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.record_forms import FilterForm, PlaceFilter
from branches.scoping import rows_for
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

POINTS = "0.00"


class ApplicationFilter(PlaceFilter):
    round = forms.ModelChoiceField(FlagRound.objects.none(), label=gettext_lazy("Round"), required=False)
    code = forms.CharField(label=gettext_lazy("Flag"), required=False, max_length=6)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="assessments.view_flagapplication")
        self.fields["round"].queryset = rows_for(user, FlagRound)  # type: ignore[attr-defined]
        self.fields["state"].choices = [("", _("all")), *FlagApplication.State.choices]  # type: ignore[attr-defined]


class FlagApplications(PlaceListing):
    name = "flag_applications"
    label = gettext_lazy("Applications for flags")
    permission = "assessments.view_flagapplication"
    url_name = "assessments:flag_list"

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        points = {
            "own": _("Own points"),
            "reviewed": _("Township's points"),
            "checked": _("Recheck"),
            "panel": _("Panel's mean"),
            "score": _("Score"),
        }
        return (
            OutColumn("round", _("Round")),
            TOWNSHIP,
            VILLAGE,
            OutColumn("flag", _("Flag")),
            OutColumn("state", _("State")),
            *(OutColumn(name, heading, POINTS) for name, heading in points.items()),
            OutColumn("gates", _("Gates not met")),
            OutColumn("met_on", _("day of the meeting")),
            OutColumn("minute_number", _("number of the minutes")),
        )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return ApplicationFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = ApplicationFilter(filters, user=user)
        rows = form.under(rows_for(user, FlagApplication))
        if form.is_valid():
            chosen = {name: form.cleaned_data[name] for name in ("round", "code", "state") if form.cleaned_data[name]}
            rows = rows.filter(**chosen)
        return rows.select_related("village", "category", "round").order_by(
            "-round__first_on", "path", "category__sort"
        )

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for row in rows.iterator(CHUNK):
            yield {
                **place_cells(row.village, townships),
                "round": row.round.name,
                "flag": row.category.name,
                "state": row.get_state_display(),
                "own": decimal_of(row.self_hundredths),
                "reviewed": decimal_of(row.township_hundredths),
                "checked": decimal_of(row.checked_hundredths),
                "panel": decimal_of(row.panel_hundredths),
                "score": decimal_of(row.score_hundredths),
                "gates": ", ".join(row.gates_failed),
                "met_on": f"{row.met_on:%Y-%m-%d}" if row.met_on else "",
                "minute_number": row.minute_number,
            }
