"""The months of a county and their dates, and the holidays that the dates go by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments import holidays as pasted
from assessments.deadlines import FIELDS, STEP_LABELS, next_month
from assessments.models import Period, Return
from assessments.services import holidays, periods
from branches.models import Unit, WorkdayException
from branches.scoping import fetch, must_hold, rows_with

MONTHS_SHOWN = 24
ADD_PERIOD = "assessments.add_period"
EDIT_DAYS = "branches.add_workdayexception"


# --- Months ---------------------------------------------------------------------------------


@require_GET
def period_calendar(request: HttpRequest) -> HttpResponse:
    """Every month with its five dates, planned ones a year ahead; here a year is planned and dates move."""
    must_hold(request.user, "assessments.view_period")
    accepted = Count("returns", filter=Q(returns__state=Return.State.ACCEPTED))
    rows = list(
        Period.objects.for_user(request.user)
        .select_related("unit", "scheme")
        .defer("rules_in_force", "scheme__snapshot", "scheme__undo", "scheme__calendar", "scheme__grade_lines")
        .annotate(return_count=Count("returns"), accepted_count=accepted)
        .order_by("-month", "path")[:MONTHS_SHOWN]
    )
    counties = _counties(request, ADD_PERIOD)
    context = {
        "title": _("Deadlines"),
        "crumbs": [(reverse("assessments:period_list"), _("Months"))],
        "periods": rows,
        "movable": set(Period.objects.for_user(request.user, "change").values_list("pk", flat=True)),
        "counties": counties,
        "has_several_counties": len({row.unit_id for row in rows}) > 1,
        "first_months": _first_months(rows),
        "step_labels": [STEP_LABELS[step] for step in FIELDS],
    }
    return render(request, "assessments/period_calendar.html", context)


def _counties(request: HttpRequest, permission: str) -> list[Unit]:
    """The counties that exist today and for which the user may do this."""
    return list(rows_with(request.user, Unit.objects.counties().valid_on(timezone.localdate()), permission))


def _first_months(rows: Sequence[Period]) -> list[date]:
    """The months from which a year can be planned: this one, the next, and the first that is not there yet."""
    this = timezone.localdate().replace(day=1)
    latest = max((row.month for row in rows), default=next_month(this, -1))
    return sorted({this, next_month(this), max(this, next_month(latest))})


@require_POST
def plan_year(request: HttpRequest) -> HttpResponse:
    """Plan twelve months of a county at once."""
    county = _county(request, ADD_PERIOD)
    first = _month(request.POST.get("first_month", ""))
    if first is None:
        messages.error(request, _("Choose the month from which the year is planned."))
        return redirect("assessments:period_calendar")
    try:
        planned = periods.plan_year(county, first, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("assessments:period_calendar")
    values = {"first": f"{planned[0].month:%Y-%m}", "last": f"{planned[-1].month:%Y-%m}"}
    messages.success(request, _("Planned: %(first)s to %(last)s. Townships see all deadlines now.") % values)
    return redirect("assessments:period_calendar")


def _county(request: HttpRequest, permission: str) -> Unit:
    """The county named in the request, by default the user's first. Raises PermissionDenied."""
    counties = _counties(request, permission)
    named = request.POST.get("county", "")
    county = next((item for item in counties if named in ("", str(item.pk))), None)
    if county is None:
        raise PermissionDenied(_("Months and holidays are kept by the county staff."))
    return county


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


class DatesForm(forms.Form):
    """The five moments of one month, and why they move."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("Townships have counted on these dates; the reason goes on record."),
    )

    def __init__(self, data: Any, period: Period, now: datetime) -> None:
        initial = {name: f"{timezone.localtime(getattr(period, name)):%Y-%m-%dT%H:%M}" for name in FIELDS.values()}
        super().__init__(data, initial={**initial, "version": period.version})
        self.period = period
        is_open = period.state == Period.State.OPEN
        for step, name in FIELDS.items():
            widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
            field = forms.DateTimeField(label=STEP_LABELS[step], widget=widget, input_formats=["%Y-%m-%dT%H:%M"])
            if is_open and getattr(period, name) <= now:
                field.disabled = True
                field.help_text = _("Has passed.")
            self.fields[name] = field
        self.order_fields([*FIELDS.values(), "reason"])

    def moved(self) -> dict[str, datetime]:
        """Field -> moment of those that differ."""
        return {
            name: self.cleaned_data[name]
            for name in FIELDS.values()
            if not self.fields[name].disabled and self.cleaned_data[name] != getattr(self.period, name)
        }


@require_http_methods(["GET", "POST"])
def period_dates(request: HttpRequest, pk: int) -> HttpResponse:
    """Move deadlines of a month that is planned or open, with a reason."""
    period = fetch(request.user, Period, pk, "change")
    now = timezone.now()
    form = DatesForm(request.POST if request.method == "POST" else None, period, now)
    status = 200
    if request.method == "POST":
        if form.is_valid() and _move(request, period, form, now):
            return redirect("assessments:period_calendar")
        status = 422
    context = {
        "title": _("Dates of %(month)s") % {"month": f"{period.month:%Y-%m}"},
        "crumbs": [
            (reverse("assessments:period_list"), _("Months")),
            (reverse("assessments:period_calendar"), _("Deadlines")),
        ],
        "period": period,
        "form": form,
        "is_fixed": period.state not in {Period.State.PLANNED, Period.State.OPEN},
    }
    return render(request, "assessments/period_dates.html", context, status=status)


def _move(request: HttpRequest, period: Period, form: DatesForm, now: datetime) -> bool:
    moved = form.moved()
    if not moved:
        messages.info(request, _("No date was changed."))
        return True
    typed = form.cleaned_data
    try:
        periods.change_deadlines(
            period, moved, version=typed["version"], by=request.user, reason=typed["reason"], now=now
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    messages.success(request, _("The dates have moved; the reason is on record."))
    return True


# --- Holidays -------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def holiday_calendar(request: HttpRequest) -> HttpResponse:
    """The days that differ from Monday to Friday: shown by year, pasted as a list."""
    must_hold(request.user, "branches.view_workdayexception")
    editable = _counties(request, EDIT_DAYS)
    text, status = "", 200
    problems: list[pasted.LineProblem] = []
    if request.method == "POST":
        county = _county(request, EDIT_DAYS)
        text = request.POST.get("days", "")
        entries, problems = pasted.parse(text)
        if entries and not problems:
            _stored(request, holidays.store_days(county, entries, by=request.user))
            return redirect(f"{request.path}?year={entries[-1].day.year}")
        status = 422
        if not problems:
            problems = [pasted.LineProblem(1, "", _("The list is empty."))]
    rows = WorkdayException.objects.for_user(request.user).select_related("unit").order_by("day", "unit__path")
    years = sorted({day.year for day in rows.values_list("day", flat=True)} | {timezone.localdate().year})
    year = int(request.GET["year"]) if request.GET.get("year", "").isdecimal() else timezone.localdate().year
    days = list(rows.filter(day__year=year)) if 0 < year < 10_000 else []
    context = {
        "title": _("Holidays and worked weekends"),
        "counties": editable,
        "editable_ids": {county.pk for county in editable},
        "groups": _groups(days),
        "year": year,
        "years": years,
        "text": text,
        "problems": problems,
        "removed": request.GET.get("removed", "")[:120],
    }
    return render(request, "assessments/holidays.html", context, status=status)


def _groups(rows: list[WorkdayException]) -> list[list[WorkdayException]]:
    """Days that follow each other and say the same are one line of the table."""
    groups: list[list[WorkdayException]] = []
    for row in sorted(rows, key=lambda item: (item.unit_id, item.day)):
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and (last.unit_id, last.is_workday, last.label) == (row.unit_id, row.is_workday, row.label)
            and row.day - last.day == timedelta(days=1)
        ):
            groups[-1].append(row)
        else:
            groups.append([row])
    return sorted(groups, key=lambda group: (group[0].day, group[0].unit_id))


def _stored(request: HttpRequest, done: holidays.Stored) -> None:
    values = {"added": done.added, "changed": done.changed}
    messages.success(request, _("%(added)d days added, %(changed)d changed.") % values)
    if done.moved:
        months = ", ".join(f"{period.month:%Y-%m}" for period in done.moved)
        messages.info(request, _("New dates for the planned months %(months)s.") % {"months": months})


@require_POST
def holiday_remove(request: HttpRequest) -> HttpResponse:
    """Take days out of the calendar; the page offers to put them back."""
    county = _county(request, EDIT_DAYS)
    first, last = (_day(request.POST.get(name, "")) for name in ("first", "last"))
    if first is None or last is None or not 0 <= (last - first).days <= pasted.LONGEST_SPAN:
        messages.error(request, _("There is no such day."))
        return redirect("assessments:holidays")
    removed = holidays.remove_days(county, first, last, by=request.user)
    address = reverse("assessments:holidays") + f"?year={first.year}"
    if not removed:
        return redirect(address)
    state = "班" if removed[0].is_workday else "休"
    line = f"{first:%Y-%m-%d}至{last:%Y-%m-%d} {removed[0].label} {state}"
    return redirect(f"{address}&{urlencode({'removed': line})}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
