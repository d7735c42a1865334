"""Many applications for one flag on one page: the township's review, the department's recheck."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from assessments import flag_pages
from assessments.flag_pages import LineRow
from assessments.models import FlagApplication, FlagCategory, FlagCriterion
from assessments.rules import in_language
from assessments.services import flag_path
from assessments.services.flag_path import Recheck, Review
from assessments.services.flag_steps import State
from assessments.views.flag_applications import dress_rows
from branches.above import names_above
from branches.models import Unit
from branches.scoping import fetch

MOST_ROWS = 60
STATES = {"review": State.APPLIED, "recheck": State.TOWNSHIP_REVIEWED}


@require_http_methods(["GET", "POST"])
def flag_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """The applications for a flag that wait for the reader, one a line; ticked lines are handed on together.

    What the reader scores stands in fields; to change what others gave, a line opens the application.
    """
    category = fetch(request.user, FlagCategory, pk)
    mode = next(
        (one for one in STATES if request.user.has_perm(f"assessments.{one}_flagapplication")),
        None,
    )
    if mode is None:
        raise PermissionDenied(_("Townships review, lead departments recheck."))
    rows = _waiting(request, category, mode)
    problem = ""
    if request.method == "POST":
        try:
            done = _hand_on(request, category, mode, {row.pk: row for row in rows})
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("%(number)s applications handed on.") % {"number": done})
            return redirect("assessments:flag_sheet", pk=pk)
    items = {item.code: item for item in category.criteria.all()}
    fields = _columns(items, mode)
    posted = request.POST if problem else None
    context = {
        "title": in_language(category.name, category.name_en),
        "crumbs": [(f"{reverse('assessments:flag_list')}?round={category.round_id}", _("Applications for flags"))],
        "category": category,
        "mode": mode,
        "columns": fields,
        "rows": [(row, _cells(row, items, fields, mode, posted)) for row in rows],
        "chosen": set(request.POST.getlist("row")),
        "opinion": request.POST.get("opinion", ""),
        "posted": request.POST,
        "problem": problem,
        "others": _others(request, category, mode),
        "most": MOST_ROWS,
    }
    return render(request, "assessments/flag_sheet.html", context, status=422 if problem else 200)


def _queue(request: HttpRequest, mode: str) -> QuerySet[FlagApplication]:
    rows = FlagApplication.objects.for_user(request.user, mode).filter(state=STATES[mode], round__state="open")
    return rows.exclude(applied_by=request.user)


def _waiting(request: HttpRequest, category: FlagCategory, mode: str) -> list[Any]:
    rows: list[Any] = list(
        _queue(request, mode)
        .filter(category=category)
        .select_related("village", "category", "round")
        .order_by("path")[:MOST_ROWS]
    )
    dress_rows(rows)
    names = names_above(row.path for row in rows)
    for row in rows:
        row.township_name = names.get(row.path[: -Unit.steplen], "")
    return rows


def _others(request: HttpRequest, category: FlagCategory, mode: str) -> list[tuple[FlagCategory, int]]:
    """The flags of the round with the number that waits for the reader."""
    waiting: dict[int, int] = {}
    for pk in _queue(request, mode).filter(round=category.round_id).values_list("category_id", flat=True):
        waiting[pk] = waiting.get(pk, 0) + 1
    found = FlagCategory.objects.filter(round=category.round_id)
    return [(one, waiting.get(one.pk, 0)) for one in found if one.pk in waiting or one.pk == category.pk]


def _columns(items: dict[str, FlagCriterion], mode: str) -> list[FlagCriterion]:
    """Criteria that get a column: what the reader scores as a rule. What had no data joins them in the recheck."""
    wanted = {"review": {"T"}, "recheck": {"D", "S"}}[mode]
    return [item for item in items.values() if item.source in wanted]


def _cells(
    row: FlagApplication, items: dict[str, FlagCriterion], fields: list[FlagCriterion], mode: str, posted: Any
) -> list[LineRow | None]:
    lines = flag_pages.line_rows(row, items, mode=mode, posted=posted, prefix=f"p-{row.pk}-")
    found = {line.item.code: line for line in lines}
    return [found.get(item.code) for item in fields]


def _hand_on(request: HttpRequest, category: FlagCategory, mode: str, rows: dict[int, Any]) -> int:
    chosen = [int(pk) for pk in request.POST.getlist("row") if pk.isdigit() and int(pk) in rows]
    if not chosen:
        raise ValidationError(_("Tick the lines that are ready."), "nothing_chosen")
    items = list(category.criteria.all())
    opinion = request.POST.get("opinion", "")
    now = timezone.now()
    if mode == "review":
        reviews = []
        for pk in chosen:
            rank = request.POST.get(f"rank-{pk}", "").strip()
            if rank and not (rank.isdigit() and len(rank) < 5):
                raise ValidationError(_("The rank is a whole number."), "rank_taken")
            points = flag_pages.parse_points(request.POST, items, f"p-{pk}-")
            reviews.append(Review(pk, opinion, points, int(rank) if rank else None, _version(request, pk)))
        return len(flag_path.review_applications(reviews, by=request.user, now=now))
    rechecks = [
        Recheck(pk, flag_pages.parse_points(request.POST, items, f"p-{pk}-"), {}, opinion, _version(request, pk))
        for pk in chosen
    ]
    return len(flag_path.recheck_applications(rechecks, by=request.user, now=now))


def _version(request: HttpRequest, pk: int) -> int | None:
    typed = request.POST.get(f"version-{pk}", "")
    return int(typed) if typed.isdigit() and len(typed) < 10 else None
