"""The monthly ranking: the board, its sheet and its circular."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts import audit
from assessments import board, circular, exports
from assessments.board import Filters
from assessments.models import Ranking

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@require_GET
def ranking_board(request: HttpRequest) -> HttpResponse:
    """The published ranking of a month, or the revision or draft asked for by its id."""
    _allow(request, "assessments.list_result")
    ranking = _ranking(request)
    context: dict[str, Any] = {"title": _("Monthly ranking"), "ranking": ranking}
    if ranking is None:
        return render(request, "assessments/board_empty.html", context)
    filters = Filters.of(request.GET)
    groups = board.groups_of(ranking, request.user)
    size = _page_size(request)
    page = Paginator(board.listed(ranking, request.user, filters), size).get_page(request.GET.get("page"))
    with_lost = request.GET.get("lost") == "1"
    kept = _kept(request, ranking)
    words = board.Words.of(ranking)
    context |= {
        "filters": filters,
        "groups": groups,
        "tabs": board.tabs(groups, filters),
        "bands": board.bands(groups, filters),
        "months": board.published_months(request.user, ranking.path),
        "kept": urlencode(kept),
        "kept_fields": kept.items(),
        "size_fields": {**kept, **filters.as_query(), **({"lost": "1"} if with_lost else {})}.items(),
        "asked": urlencode({**kept, **filters.as_query()}),
        "page": page,
        "sizes": board.PAGE_SIZES,
        "size": size,
        "with_lost": with_lost,
        "rows": board.dress(
            list(page), ranking, request.user, filters, townships=groups.townships, with_lost=with_lost
        ),
        "words": words,
        "snapshot_number": board.snapshot_number(ranking),
        "may_export": request.user.has_perm("assessments.export_result"),
        "now": timezone.now(),
    }
    return render(request, "assessments/board.html", context)


@require_GET
def board_sheet(request: HttpRequest) -> HttpResponse:
    """The filtered ranking as a workbook."""
    _allow(request, "assessments.export_result")
    ranking = _found(request)
    filters = Filters.of(request.GET)
    content, count = exports.board_workbook(ranking, request.user, filters, timezone.now())
    _record(request, ranking, "sheet", {"rows": count, "filters": filters.as_query()})
    return _file(content, XLSX, f"{board.snapshot_number(ranking)}.xlsx")


@require_GET
def board_circular(request: HttpRequest) -> HttpResponse:
    """The monthly circular as a Word document in the layout of official papers."""
    _allow(request, "assessments.export_result")
    ranking = _found(request)
    content = circular.circular_document(ranking, request.user, timezone.now())
    _record(request, ranking, "circular", {"rows": ranking.village_count})
    return _file(content, DOCX, f"{board.snapshot_number(ranking)}.docx")


def _allow(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied(_("The ranking is open to the county office, the townships and inspectors."))


def _found(request: HttpRequest) -> Ranking:
    ranking = _ranking(request)
    if ranking is None:
        raise Http404
    return ranking


def _ranking(request: HttpRequest) -> Ranking | None:
    ranking_id = request.GET.get("ranking", "")
    ranking = board.choose_ranking(request.user, ranking_id=ranking_id, month=_month(request.GET.get("month", "")))
    if ranking is None and ranking_id:
        raise Http404
    return ranking


def _month(text: str) -> date | None:
    """The first day of a month written as 2026-10; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def _page_size(request: HttpRequest) -> int:
    wanted = request.GET.get("size", "")
    return next((size for size in board.PAGE_SIZES if str(size) == wanted), board.PAGE_SIZES[0])


def _kept(request: HttpRequest, ranking: Ranking) -> dict[str, str]:
    """The part of the address that says which ranking is shown, for links that change the rest."""
    if request.GET.get("ranking"):
        return {"ranking": str(ranking.pk)}
    return {"month": f"{ranking.period.month:%Y-%m}"}


@transaction.atomic
def _record(request: HttpRequest, ranking: Ranking, form: str, changes: dict[str, Any]) -> None:
    audit.record(
        "assessments.export_ranking",
        actor=request.user,
        target=ranking,
        unit=ranking.path,
        changes={"form": form, "checksum": ranking.checksum, **changes},
    )


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
