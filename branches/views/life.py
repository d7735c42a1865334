"""Organisational life: the list of a month, quick entry village after village, correction, making void."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import User
from branches.history import happenings
from branches.labels import label_of
from branches.models import Branch, OrganisationalLife
from branches.months import after, first_of_window
from branches.record_forms import LifeFilter, LifeForm, VoidForm, branches_to_record_for
from branches.records import Deadlines, missing_fields, possibly_faulty
from branches.scoped_admin import CappedPaginator
from branches.scoping import fetch, must_hold, paths_for
from branches.services import life
from branches.services.suggestions import suggested_life
from branches.versions import Conflict, events_of

Kind = OrganisationalLife.Kind
PER_PAGE = 25

MONTHLY = (Kind.PARTY_DAY, Kind.COMMITTEE_MEETING)
"""What every village holds each month; the list says where it is still missing."""

NAMED_BELOW = 60
"""Villages still missing a meeting are named up to this many in sight; a county office sees the number."""


@dataclass(frozen=True)
class Row:
    """A record with what is wrong with it."""

    record: OrganisationalLife
    missing: list[str]
    is_late: bool


@dataclass(frozen=True)
class Gap:
    """A kind of meeting that some villages have not recorded in the month."""

    kind: Kind
    branches: list[Branch]


def life_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "branches.view_organisationallife")
    month = timezone.localdate().replace(day=1)
    data = request.GET.copy()
    data.setdefault("month", f"{month:%Y-%m}")
    filters = LifeFilter(data, user=user)
    rows, month = life_shown(user, filters, month)
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    may_add = bool(paths_for(user, "branches.add_organisationallife"))
    context = {
        "title": _("Organisational life"),
        "filters": filters,
        "month": month,
        "page": page,
        "rows": _with_faults(list(page)),
        "gaps": _gaps(user, month) if may_add else [],
        "may_add": may_add,
        "named_below": NAMED_BELOW,
        "decisions_url": _decisions_url(filters, month),
    }
    return render(request, "branches/life_list.html", context)


def life_shown(user: User, filters: LifeFilter, month: date) -> tuple[Any, date]:
    """The records of the list, by its conditions, and the month they are of: `month` when none is chosen."""
    rows = filters.under(OrganisationalLife.objects.for_user(user).select_related("branch__unit"))
    if filters.is_valid():
        month = filters.cleaned_data["month"] or month
        rows = _narrowed(rows, filters, month)
    return rows, month


def _narrowed(rows: Any, filters: LifeFilter, month: date) -> Any:
    chosen = filters.cleaned_data
    state = chosen["state"]
    if chosen["month"] or state == "faulty":
        first = first_of_window(month, chosen["months"] or 1)
        rows = rows.filter(held_on__gte=first, held_on__lt=after(month))
    kinds = list(filters.kinds())
    if kinds:
        rows = rows.filter(kind__in=kinds)
    rows = rows.filter(is_void=state == "void")
    return rows.filter(pk__in=_faulty_ids(rows, month, chosen["months"] or 1)) if state == "faulty" else rows


def _faulty_ids(rows: Any, month: date, months: int) -> list[int]:
    deadlines = Deadlines(first_of_window(month, months), after(month))
    candidates: Any = possibly_faulty(rows.order_by()).values_list(
        "pk", "path", "held_on", "recorded_on", "is_complete"
    )
    return [
        pk
        for pk, path, held_on, recorded_on, is_complete in candidates
        if not is_complete or deadlines.is_late(path, held_on, recorded_on)
    ]


def _with_faults(records: list[OrganisationalLife]) -> list[Row]:
    if not records:
        return []
    days = [record.held_on for record in records]
    deadlines = Deadlines(min(days), max(days))
    return [
        Row(
            record,
            [label_of(OrganisationalLife, name) for name in missing_fields(record)],
            deadlines.is_late(record.path, record.held_on, record.recorded_on),
        )
        for record in records
    ]


def _gaps(user: User, month: date) -> list[Gap]:
    """Monthly meetings that are not recorded, by kind, for the leading organizations of villages in one's care."""
    leading = [
        branch
        for branch in branches_to_record_for(user, month)
        if branch.is_leading and branch.unit.kind == "village" and branch.unit.valid_from < after(month)
    ]
    held = set(
        OrganisationalLife.objects.for_user(user)
        .filter(kind__in=MONTHLY, held_on__gte=month, held_on__lt=after(month), is_void=False)
        .values_list("kind", "branch__unit_id")
    )
    gaps = [Gap(kind, [branch for branch in leading if (kind, branch.unit_id) not in held]) for kind in MONTHLY]
    return [gap for gap in gaps if gap.branches]


def _decisions_url(filters: LifeFilter, month: date) -> str:
    """Villagers' meetings are found among the decisions too; empty where another kind is looked at."""
    if not filters.is_valid() or filters.cleaned_data["kind"] != Kind.REPRESENTATIVES:
        return ""
    village = filters.cleaned_data.get("village")
    query: dict[str, str | int] = {"month": "", **({"village": village.pk} if village else {})}
    return f"{reverse('branches:decision_list')}?{urlencode(query)}"


# --- Entry ----------------------------------------------------------------------------------


def life_add(request: HttpRequest) -> HttpResponse:
    """One record. "Save and next village" keeps kind, day and theme and goes down the list of villages."""
    must_hold(request.user, "branches.add_organisationallife")
    form = LifeForm(request.POST or None, user=request.user, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        with transaction.atomic():
            record = life.record_life(values["branch"], values, by=request.user, today=timezone.localdate())
            fetch(request.user, OrganisationalLife, record.pk, "add")
        words = _("Recorded: %(village)s, %(record)s.")
        messages.success(request, words % {"village": record.branch.unit.short_name, "record": record})
        return redirect(_next_url(request, record) if "next" in request.POST else _month_url(record))
    context = {
        "title": _("Record a meeting or activity"),
        "form": form,
        "crumbs": _crumbs(),
        "today": timezone.localdate(),
    }
    return render(request, "branches/life_form.html", context, status=422 if form.errors else 200)


def _initial(request: HttpRequest) -> dict[str, Any]:
    initial: dict[str, Any] = {
        "kind": request.GET.get("kind", Kind.PARTY_DAY),
        "held_on": request.GET.get("held_on") or timezone.localdate(),
        "theme": request.GET.get("theme", ""),
        "content": request.GET.get("content", ""),
        "excused_count": 0,
    }
    branch = _branch(request)
    if branch is not None:
        initial |= {"branch": branch.pk, **suggested_life(branch, initial["kind"])}
    return initial


def _branch(request: HttpRequest) -> Branch | None:
    """The organization named in the address, if the user may record for it."""
    key = request.GET.get("branch", "")
    choices = branches_to_record_for(request.user, timezone.localdate())
    return choices.filter(pk=int(key)).first() if key.isascii() and key.isdigit() and len(key) < 19 else None


def _next_url(request: HttpRequest, record: OrganisationalLife) -> str:
    """The form for the next organization of the list, with what stays the same."""
    choices = branches_to_record_for(request.user, timezone.localdate())
    following = choices.filter(
        Q(unit__path__gt=record.path) | Q(unit__path=record.path, is_leading=False, name__gt=record.branch.name)
    ).first()
    if following is None:
        messages.info(request, _("That was the last village."))
        return _month_url(record)
    query: dict[str, str | int] = {
        "branch": following.pk,
        "kind": record.kind,
        "held_on": record.held_on.isoformat(),
        "theme": record.theme,
        "content": record.content[:500],
    }
    return f"{reverse('branches:life_add')}?{urlencode(query)}"


def _month_url(record: OrganisationalLife) -> str:
    return f"{reverse('branches:life_list')}?month={record.held_on:%Y-%m}"


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("branches:life_list"), _("Organisational life"))]


def life_suggest(request: HttpRequest) -> JsonResponse:
    """What a record of this kind usually says for this organization, for the form's script."""
    branch = _branch(request)
    kind = request.GET.get("kind", "")
    if branch is None or kind not in Kind.values:
        raise Http404
    return JsonResponse(suggested_life(branch, kind))


def life_record(request: HttpRequest, pk: int) -> HttpResponse:
    """A record: read, and corrected by whoever may."""
    action = "change" if request.method == "POST" else "view"
    record = fetch(request.user, OrganisationalLife, pk, action)
    may_change = request.user.has_perm("branches.change_organisationallife", record) and not record.is_void
    form = LifeForm(request.POST or None, instance=record, user=request.user) if may_change else None
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            life.correct_life(
                record,
                form.cleaned_data,
                version=form.cleaned_data["base_version"],
                by=request.user,
                today=timezone.localdate(),
            )
        except Conflict:
            record = fetch(request.user, OrganisationalLife, pk, action)
            form = LifeForm(request.POST, instance=record, user=request.user)
            form.is_valid()
        else:
            messages.success(request, _("Saved."))
            return redirect(_month_url(record))
    record = OrganisationalLife.objects.select_related("branch__unit", "recorded_by").get(pk=pk)
    context = {
        "title": str(record),
        "record": record,
        "row": _with_faults([record])[0],
        "form": form,
        "facts_list": [] if form else _facts(record),
        "happenings": happenings(OrganisationalLife, events_of(record)[:PER_PAGE]),
        "crumbs": _crumbs(),
    }
    return render(request, "branches/life_record.html", context, status=422 if form and form.errors else 200)


def _facts(record: OrganisationalLife) -> Iterable[tuple[str, Any]]:
    """Label and value of each field, for who may only read."""
    for name in life.FIELDS:
        words = getattr(record, f"get_{name}_display", None)
        yield label_of(OrganisationalLife, name), words() if words else getattr(record, name)


def life_void(request: HttpRequest, pk: int) -> HttpResponse:
    record = fetch(request.user, OrganisationalLife, pk, "change")
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        life.void_life(record, form.cleaned_data["reason"], by=request.user)
        messages.success(request, _("The record is void and no longer counts."))
        return redirect(_month_url(record))
    context = {
        "title": _("Make the record void"),
        "subject": f"{record.branch.unit.short_name}　{record}",
        "form": form,
        "back": reverse("branches:life", args=[pk]),
        "crumbs": [*_crumbs(), (reverse("branches:life", args=[pk]), str(record))],
    }
    return render(request, "branches/void_form.html", context, status=422 if form.errors else 200)
