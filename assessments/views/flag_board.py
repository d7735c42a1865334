"""The board of flags: a round's villages and flags, with what the flags bring."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from assessments import flag_board as boards
from assessments import pay_figures
from assessments.models import FlagRound
from assessments.views.flag_applications import chosen_round
from branches.scoping import must_hold, rows_for

ON_A_PAGE = 50


@require_GET
def flag_board(request: HttpRequest) -> HttpResponse:
    """The round asked for, else the latest that has awarded flags, else the latest."""
    must_hold(request.user, boards.VIEW)
    rounds: list[FlagRound] = list(
        rows_for(request.user, FlagRound).exclude(state=FlagRound.State.DRAFT).select_related("unit")
    )
    row = chosen_round(request, rounds) if request.GET.get("round") else _shown_first(request, rounds)
    context: dict[str, Any] = {"title": row.shown_title if row else _("Red flags"), "row": row, "rounds": rounds}
    if row is None:
        return render(request, "assessments/flag_board.html", context)
    board = boards.board_of(request.user, row)
    township, number = request.GET.get("township", ""), request.GET.get("flags", "")
    rows = boards.narrowed(board, township, number)
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    context |= {
        "board": board,
        "page": page,
        "township": township,
        "township_name": next((one.name for one in board.townships if str(one.pk) == township), ""),
        "number": number,
        "numbers": [str(one) for one, _villages in board.spread],
        "flags": sum(one.held for one in rows),
        "unmet": boards.unmet(board, list(page)),
        "today": timezone.localdate(),
        "may_see_revocations": request.user.has_perm("assessments.view_flagrevocation"),
        **_pay(request, row, board, rows, list(page)),
    }
    return render(request, "assessments/flag_board.html", context)


def _shown_first(request: HttpRequest, rounds: list[FlagRound]) -> FlagRound | None:
    ids = {row.pk for row in rounds}
    awarded = set(
        FlagRound.objects.filter(pk__in=ids, awards__approved_by__isnull=False).values_list("pk", flat=True).distinct()
    )
    return next((row for row in rounds if row.pk in awarded), None) or next(iter(rounds), None)


def _pay(
    request: HttpRequest, row: FlagRound, board: boards.Board, rows: list[Any], shown: list[Any]
) -> dict[str, Any]:
    """What the flags of a round that pays bring in its latest month, for who may see pay."""
    if board.pay_from is None:
        return {"lines": [(one, None) for one in shown]}
    month = _month(row, board.pay_from)
    card = pay_figures.card(request.user, row.path, month)
    if card is None:
        return {"lines": [(one, None) for one in shown]}
    by_village = pay_figures.village_pay(request.user, row.path, month)
    none = pay_figures.VillagePay(0, 0)
    found = [by_village.get(one.village.pk, none) for one in rows]
    return {
        "card": card,
        "lines": [(one, by_village.get(one.village.pk, none)) for one in shown],
        "secretary_cents": sum(one.secretary for one in found),
        "village_cents": sum(one.village for one in found),
    }


def _month(row: FlagRound, pay_from: date) -> date:
    """This month, held within those the round pays."""
    today = timezone.localdate().replace(day=1)
    return max(pay_from, min(today, row.valid_to.replace(day=1)))
