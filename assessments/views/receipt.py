"""The receipt of a village in a ranking (得分凭条)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from assessments import board, explaining
from assessments.models import Result
from branches.models import Unit
from branches.scoping import STEP


@require_GET
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt as a page of its own, or with htmx as the piece that opens inside the board."""
    rows = Result.objects.for_user(request.user).select_related(
        "ranking__period__unit", "ranking__period__scheme", "ranking__published_by", "village"
    )
    result = get_object_or_404(rows, pk=pk)
    now = timezone.now()
    ranking = result.ranking
    board_address = f"{reverse('assessments:board')}?ranking={ranking.pk}"
    found = explaining.receipt_of(result, request.user, now)
    context = {
        "title": _("Receipt of %(village)s") % {"village": result.village.name},
        "crumbs": [(board_address, _("Monthly ranking"))],
        "result": result,
        "ranking": ranking,
        "period": ranking.period,
        "receipt": found,
        "grade_label": found.words.grade(result.grade),
        "grade_tone": found.words.tone(result.grade),
        "veto_label": found.words.adjustment(result.veto) if result.veto else "",
        "difference": board.difference(result),
        "township": Unit.objects.filter(path=result.path[:-STEP]).values_list("name", flat=True).first() or "",
        "change": explaining.change_of(result),
        "current": explaining.published_result_of(result),
        "snapshot_number": board.snapshot_number(ranking),
        "now": now,
        "with_full": request.GET.get("full") == "1",
    }
    is_piece = request.htmx  # type: ignore[attr-defined]
    template = "assessments/_receipt_drill.html" if is_piece else "assessments/receipt.html"
    return render(request, template, context)
