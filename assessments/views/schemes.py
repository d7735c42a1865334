"""The pages of a scheme: its versions, its rules in one table, what changed, publication.

A draft is edited part by part (`views/scheme_parts.py`); every page of a version has the
same head and tabs, made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments import comparison, deadlines
from assessments.deadlines import next_month
from assessments.models import Period, Scheme
from assessments.rules import RuleProblem, SchemeRules, burden, in_language
from assessments.services import periods, rehearsal, schemes
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_with

MONTHS_OFFERED = 6
UNDO_SHOWN = 3
MOVERS_SHOWN = 20
NOTHING = "—"
TABS: tuple[tuple[str, str, Any], ...] = (
    ("indicators", "assessments:scheme", gettext_lazy("Indicators and weights")),
    ("items", "assessments:scheme_items", gettext_lazy("Bonuses, penalties, vetoes")),
    ("grades", "assessments:scheme_grades", gettext_lazy("Caps and grade lines")),
    ("calendar", "assessments:scheme_calendar", gettext_lazy("Calendar")),
    ("examples", "assessments:scheme_examples", gettext_lazy("Worked examples")),
    ("details", "assessments:scheme_details", gettext_lazy("Title and document")),
)
PARTS_OF_PROBLEMS = {
    "document": "details",
    "examples": "examples",
    "calendar": "calendar",
    "grades": "grades",
    "bonus_cap": "grades",
    "penalty_cap": "grades",
    **dict.fromkeys((*deadlines.STEPS, *deadlines.DAY_COUNT_LABELS), "calendar"),
}
"""Field of a problem of the whole scheme -> the tab on which it is put right."""


# --- What every page of a version needs -----------------------------------------------------


@dataclass(frozen=True)
class Version:
    """A version of a scheme as one user sees it."""

    scheme: Scheme
    layout: schemes.Layout
    rules: SchemeRules
    may_change: bool

    @property
    def is_draft(self) -> bool:
        return bool(self.scheme.state == Scheme.State.DRAFT)

    @property
    def may_edit(self) -> bool:
        return self.may_change and self.is_draft


def version_of(request: HttpRequest, pk: int) -> Version:
    """The version with this id in the user's scope. Raises Http404."""
    visible = Scheme.objects.for_user(request.user).select_related("unit", "changed_by", "published_by", "copied_from")
    scheme = visible.filter(pk=pk).first()
    if scheme is None:
        raise Http404
    may_change = Scheme.objects.for_user(request.user, "change").filter(pk=pk).exists()
    return Version(scheme, schemes.layout_of(scheme), schemes.rules_of(scheme), may_change)


def draft_of(request: HttpRequest, pk: int) -> Version:
    """As `version_of`, for a change. Raises Http404, PermissionDenied."""
    version = version_of(request, pk)
    if not version.may_change:
        raise PermissionDenied(_("Schemes are written by the county staff."))
    if not version.is_draft:
        raise PermissionDenied(_("This version is published and does not change any more. Copy it as a new version."))
    return version


def render_version(
    request: HttpRequest, version: Version, tab: str, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of a version with its head, its tabs and what still stands in the way of publication."""
    scheme = version.scheme
    problems = schemes.problems_of(version.layout) if version.may_edit else []
    common = {
        "title": in_language(scheme.name, scheme.name_en),
        "crumbs": [(reverse("assessments:scheme_list"), _("Schemes"))],
        "scheme": scheme,
        "is_draft": version.is_draft,
        "may_edit": version.may_edit,
        "may_copy": version.may_change,
        "tab": tab,
        "tabs": [(code, reverse(name, args=[scheme.pk]), label) for code, name, label in TABS],
        "problems": [(problem, _address(version, problem)) for problem in problems],
        "undoable": _undoable(version),
        "asked": burden(version.rules),
    }
    return render(request, template, {**common, **context}, status=status)


def _address(version: Version, problem: RuleProblem) -> str:
    """Where a problem is put right."""
    pk = version.scheme.pk
    if problem.where and version.rules.indicator(problem.where):
        return reverse("assessments:scheme_indicator", args=[pk, problem.where])
    if problem.where and version.rules.adjustment(problem.where):
        return reverse("assessments:scheme_item", args=[pk, problem.where])
    tab = PARTS_OF_PROBLEMS.get(problem.field, "indicators")
    return reverse(next(name for code, name, _label in TABS if code == tab), args=[pk])


def _undoable(version: Version) -> list[comparison.Change]:
    """What the last change of a draft did, at most three lines of it."""
    if not version.may_edit or version.scheme.undo is None:
        return []
    return comparison.changes(version.scheme.undo, version.layout)[:UNDO_SHOWN]


# --- The list -------------------------------------------------------------------------------


@require_GET
def scheme_list(request: HttpRequest) -> HttpResponse:
    """All versions the user may see, with what is in force now."""
    must_hold(request.user, "assessments.view_scheme")
    rows = list(
        Scheme.objects.for_user(request.user)
        .select_related("unit", "changed_by", "published_by")
        .defer("snapshot", "undo", "calendar", "grade_lines")
        .order_by("path", "-first_month", "-pk")
    )
    writable = set(Scheme.objects.for_user(request.user, "change").values_list("pk", flat=True))
    counties = list(rows_with(request.user, Unit.objects.counties(), "assessments.add_scheme").filter(valid_to=None))
    taken = {row.number for row in rows}
    context = {
        "title": _("Schemes"),
        "versions": with_state(rows, timezone.localdate().replace(day=1)),
        "writable": writable,
        "counties": counties,
        "without_scheme": [county for county in counties if county.pk not in {row.unit_id for row in rows}],
        "has_several_counties": len({row.unit_id for row in rows}) > 1,
        "next_number": _next_number(taken, timezone.localdate().year),
    }
    return render(request, "assessments/scheme_list.html", context)


def with_state(rows: Iterable[Scheme], month: date) -> list[tuple[Scheme, str]]:
    """Each version with "draft", "coming", "current" or "past"; of a county one is current in `month`."""
    rows = list(rows)
    current: dict[int, int] = {}
    for row in sorted(rows, key=_publication_order):
        if row.state == Scheme.State.PUBLISHED and row.first_month and row.first_month <= month:
            current[row.unit_id] = row.pk
    return [(row, _state(row, row.pk == current.get(row.unit_id), month)) for row in rows]


def _publication_order(row: Scheme) -> tuple[date, float, int]:
    return (row.first_month or date.min, row.published_at.timestamp() if row.published_at else 0, row.pk)


def _state(row: Scheme, is_current: bool, month: date) -> str:
    if row.state == Scheme.State.DRAFT:
        return "draft"
    if is_current:
        return "current"
    return "coming" if row.first_month and row.first_month > month else "past"


def _next_number(taken: set[str], year: int) -> str:
    count = 1
    while f"{year}-{count}" in taken:
        count += 1
    return f"{year}-{count}"


@require_POST
def scheme_new(request: HttpRequest) -> HttpResponse:
    """A draft from the ready-to-use scheme, for a county that begins."""
    counties = rows_with(request.user, Unit.objects.counties(), "assessments.add_scheme")
    county = counties.filter(pk=_number(request.POST.get("county"))).first()
    if county is None:
        raise PermissionDenied(_("Schemes are written by the county staff."))
    return _created(
        request, lambda number: schemes.load_seed_scheme(county, by=request.user, number=number, now=timezone.now())
    )


@require_POST
def scheme_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """A new version with everything this one says."""
    scheme = fetch(request.user, Scheme, pk, "add")
    return _created(
        request, lambda number: schemes.copy_scheme(scheme, by=request.user, number=number, now=timezone.now())
    )


def _created(request: HttpRequest, create: Callable[[str], Scheme]) -> HttpResponse:
    number = request.POST.get("number", "").strip()
    if not number:
        messages.error(request, _("Give the new version a number, such as 2026-2."))
        return redirect("assessments:scheme_list")
    try:
        scheme = create(number[:20])
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("assessments:scheme_list")
    messages.success(
        request, _("Version %(number)s is a draft now. Nothing changes until it is published.") % {"number": number}
    )
    return redirect("assessments:scheme", pk=scheme.pk)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0


@require_POST
def scheme_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    version = draft_of(request, pk)
    try:
        schemes.discard_draft(version.scheme, version=_number(request.POST.get("version")), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("assessments:scheme", pk=pk)
    messages.success(request, _("The draft %(number)s is gone.") % {"number": version.scheme.number})
    return redirect("assessments:scheme_list")


@require_POST
def scheme_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the last change of a draft back."""
    version = draft_of(request, pk)
    try:
        schemes.undo_change(
            version.scheme, version=_number(request.POST.get("version")), by=request.user, now=timezone.now()
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Taken back. Press again to bring the change back."))
    tab = request.POST.get("tab", "")
    name = next((name for code, name, _label in TABS if code == tab), "assessments:scheme")
    return redirect(name, pk=pk)


# --- What changed ---------------------------------------------------------------------------


@require_GET
def scheme_compare(request: HttpRequest, pk: int) -> HttpResponse:
    """What differs between this version and another of the county, by default the one before it."""
    version = version_of(request, pk)
    others = Scheme.objects.for_user(request.user).filter(unit=version.scheme.unit_id).exclude(pk=pk)
    chosen = _number(request.GET.get("with")) or _before(version.scheme)
    other = others.filter(pk=chosen).first()
    changes = [] if other is None else comparison.changes(schemes.layout_of(other), version.layout)
    context = {
        "other": other,
        "others": list(others.order_by("-first_month", "-pk")),
        "sections": _by_section(changes),
        "count": len(changes),
    }
    return render_version(request, version, "compare", "assessments/scheme_compare.html", context)


def _before(scheme: Scheme) -> int:
    """What it was copied from, else the version in force before it; 0 for none."""
    if scheme.copied_from_id:
        return int(scheme.copied_from_id)
    published = Scheme.objects.filter(unit=scheme.unit_id, state=Scheme.State.PUBLISHED).exclude(pk=scheme.pk)
    if scheme.first_month:
        published = published.filter(first_month__lte=scheme.first_month)
    return published.order_by("-first_month", "-pk").values_list("pk", flat=True).first() or 0


def _by_section(changes: Iterable[comparison.Change]) -> list[tuple[str, list[comparison.Change]]]:
    found: dict[str, list[comparison.Change]] = {}
    for change in changes:
        found.setdefault(change.section_label, []).append(change)
    return list(found.items())


# --- What last month would have looked like ---------------------------------------------------


@require_GET
def scheme_rehearsal(request: HttpRequest, pk: int) -> HttpResponse:
    """A past month scored by this version, beside what was published. Nothing is stored."""
    version = version_of(request, pk)
    if not version.may_change:
        raise PermissionDenied(_("Rehearsals are for the county staff who write the scheme."))
    past = list(rehearsal.months(version.scheme.unit_id))
    chosen = _number(request.GET.get("month"))
    period = next((item for item in past if item.pk == chosen), past[0] if past else None)
    problems = schemes.problems_of(version.layout) if version.is_draft else []
    blocking = [problem for problem in problems if problem.code not in {"document_missing", "examples_missing"}]
    outcome = None if period is None or blocking else rehearsal.rehearse(version.rules, period)
    show_all = request.GET.get("all") == "1"
    context = {
        "months": past,
        "period": period,
        "outcome": outcome,
        "blocking": bool(blocking),
        "show_all": show_all,
        "lines": [] if outcome is None else _shown(outcome, show_all),
    }
    return render_version(request, version, "rehearsal", "assessments/scheme_rehearsal.html", context)


def _shown(outcome: rehearsal.Outcome, show_all: bool) -> list[rehearsal.Line]:
    """All villages by their new rank, or those that move most."""
    if show_all:
        return sorted(outcome.lines, key=lambda line: line.rank_after or len(outcome.lines) + 1)
    return sorted(outcome.lines, key=lambda line: -abs(line.places or 0))[:MOVERS_SHOWN]


# --- Publication ------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def scheme_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish a draft for a coming month, after a look at what it changes."""
    version = draft_of(request, pk)
    if not Scheme.objects.for_user(request.user, "publish").filter(pk=pk).exists():
        raise PermissionDenied(_("Schemes are published by the county staff."))
    months = offered_months(version.scheme.unit_id, timezone.localdate())
    if request.method == "POST":
        answer = _publish(request, version, months)
        if answer is not None:
            return answer
    current = schemes.scheme_in_force(version.scheme.unit, months[0])
    changes = [] if current is None else comparison.changes(schemes.layout_of(current), version.layout)
    context = {
        "months": months,
        "suggested": next((month for month in months if month > timezone.localdate()), months[0]),
        "current": current,
        "sections": _by_section(changes),
        "count": len(changes),
    }
    return render_version(request, version, "publish", "assessments/scheme_publish.html", context)


def _publish(request: HttpRequest, version: Version, months: list[date]) -> HttpResponse | None:
    """The way on after publication, None when it was refused; the reason is a message then."""
    chosen = next((month for month in months if f"{month:%Y-%m}" == request.POST.get("first_month")), None)
    if chosen is None:
        messages.error(request, _("Choose the month from which this version holds."))
        return None
    if request.POST.get("version") != str(version.scheme.version):
        messages.error(request, _("This version was changed meanwhile. Look at it again before you publish it."))
        return None
    try:
        schemes.publish_scheme(version.scheme, by=request.user, first_month=chosen, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return None
    messages.success(
        request, _("Published. It holds from %(month)s on and does not change any more.") % {"month": f"{chosen:%Y-%m}"}
    )
    return redirect("assessments:scheme", pk=version.scheme.pk)


def offered_months(county_id: int, today: date) -> list[date]:
    """The months from which a new version may hold: this one and the next, as long as they have not opened."""
    begun = Period.objects.filter(~Q(state=Period.State.PLANNED), unit=county_id).order_by("-month")
    latest = begun.values_list("month", flat=True).first()
    first = today.replace(day=1)
    if latest is not None:
        first = max(first, next_month(latest))
    return [next_month(first, count) for count in range(MONTHS_OFFERED)]


# --- Texts for the templates ------------------------------------------------------------------


def set_aside_treatments(rules: SchemeRules) -> dict[str, str]:
    """Code -> "C" or "NA" for the indicators that the system cannot compute yet."""
    return {item.rule.code: item.treatment for item in periods.set_aside_now(rules)}
