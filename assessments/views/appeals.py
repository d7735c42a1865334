"""Objections: opening one on a receipt line, the list, the decision."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments import cells, explaining
from assessments.board import Words
from assessments.models import Appeal, Result
from assessments.rules import AdjustmentRule, CellSpec, IndicatorRule, value_text
from assessments.services import appeals
from branches.scoping import paths_for

ON_A_PAGE = 25


@require_GET
def appeal_list(request: HttpRequest) -> HttpResponse:
    """Objections in the user's area, open ones first."""
    if not request.user.has_perm("assessments.view_appeal"):
        raise PermissionDenied(_("Objections are open to the county office, the townships and inspectors."))
    rows = (
        Appeal.objects.for_user(request.user)
        .select_related("village", "period", "opened_by", "decided_by", "revision")
        .order_by("decided_at", "answer_by", "-pk")
    )
    state = request.GET.get("state", "")
    if state in Appeal.State.values:
        rows = rows.filter(state=state)
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Objections"),
        "page": page,
        "state": state,
        "states": Appeal.State.choices,
        "now": timezone.now(),
    }
    return render(request, "assessments/appeal_list.html", context)


@require_http_methods(["GET", "POST"])
def appeal_new(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of an objection to one line of the receipt `pk`."""
    rows = Result.objects.for_user(request.user).select_related("ranking__period__unit", "village")
    result = get_object_or_404(rows, pk=pk)
    if not any(result.path.startswith(path) for path in paths_for(request.user, "assessments.add_appeal")):
        raise PermissionDenied(_("Objections are made by the township for its villages."))
    receipt = explaining.receipt_of(result, request.user, timezone.now())
    code = request.POST.get("line") or request.GET.get("line", "")
    line = next((line for line in [*receipt.indicators, *receipt.extra] if line.code == code), None)
    if line is None:
        raise Http404
    item = _item(receipt.words, code)
    context: dict[str, Any] = {
        "title": _("Objection of %(village)s") % {"village": result.village.name},
        "crumbs": [(reverse("assessments:receipt", args=[result.pk]), _("Receipt"))],
        "result": result,
        "line": line,
        "receipt": receipt,
        "fields": _fields(item, request.POST),
        "claim": request.POST.get("claim", ""),
    }
    if request.method == "POST":
        try:
            values = _values(item, request.POST)
            appeal = appeals.open_appeal(result, code, context["claim"], values, by=request.user, now=timezone.now())
        except ValidationError as error:
            return render(
                request, "assessments/appeal_form.html", context | {"problem": " ".join(error.messages)}, status=422
            )
        messages.success(request, _("The objection is handed in. The county answers in writing here."))
        return redirect("assessments:appeal", pk=appeal.pk)
    return render(request, "assessments/appeal_form.html", context)


@require_GET
def appeal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    appeal = _appeal(request, pk)
    return render(request, "assessments/appeal.html", _page(request, appeal))


@require_POST
def appeal_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """The decision with its reason; a correction computes the next revision as a draft."""
    appeal = _appeal(request, pk)
    if not Appeal.objects.for_user(request.user, "decide").filter(pk=pk).exists():
        raise PermissionDenied(_("Objections are decided by the county office."))
    outcome = request.POST.get("outcome", "")
    try:
        item = _item(Words.of(appeal.ranking), appeal.line_code)
        values = _values(item, request.POST) if outcome in appeals.CORRECTING else {}
        decided = appeals.decide_appeal(
            appeal, outcome, request.POST.get("decision", ""), values, by=request.user, now=timezone.now()
        )
    except ValidationError as error:
        context = _page(request, appeal) | {
            "problem": " ".join(error.messages),
            "decision": request.POST.get("decision", ""),
            "outcome": outcome,
        }
        return render(request, "assessments/appeal.html", context, status=422)
    if decided.revision_id:
        messages.success(request, _("Decided. The correction is computed as a draft; a leader publishes it."))
    else:
        messages.success(request, _("Decided. The township reads your reason."))
    return redirect("assessments:appeal", pk=pk)


# --- Parts --------------------------------------------------------------------------------


def _appeal(request: HttpRequest, pk: int) -> Appeal:
    rows = Appeal.objects.for_user(request.user).select_related(
        "village", "period__unit", "ranking", "result", "opened_by", "decided_by", "revision"
    )
    return get_object_or_404(rows, pk=pk)


def _page(request: HttpRequest, appeal: Appeal) -> dict[str, Any]:
    now = timezone.now()
    result = Result.objects.select_related("ranking__period__unit", "village").get(pk=appeal.result_id)
    receipt = explaining.receipt_of(result, request.user, now)
    item = _item(receipt.words, appeal.line_code)
    lines = [*receipt.indicators, *receipt.extra]
    return {
        "title": _("Objection of %(village)s") % {"village": appeal.village.name},
        "crumbs": [(reverse("assessments:appeal_list"), _("Objections"))],
        "appeal": appeal,
        "result": result,
        "receipt": receipt,
        "line": next((line for line in lines if line.code == appeal.line_code), None),
        "claimed": _texts(item, appeal.claimed_values),
        "corrected": _texts(item, appeal.corrected_values),
        "fields": _fields(item, request.POST, appeal.claimed_values),
        "after": _after(request, appeal),
        "may_decide": _may_decide(request, appeal),
        "is_own": _is_scorer(request, appeal),
        "outcome": "",
        "decision": "",
        "now": now,
    }


def _after(request: HttpRequest, appeal: Appeal) -> Result | None:
    """The village's result in the revision that followed, once the user may see that revision."""
    if appeal.revision_id is None:
        return None
    rows = Result.objects.for_user(request.user).select_related("ranking")
    return rows.filter(ranking=appeal.revision_id, village=appeal.village_id).first()


def _holds_right(request: HttpRequest, appeal: Appeal) -> bool:
    return (
        appeal.state == Appeal.State.OPEN
        and Appeal.objects.for_user(request.user, "decide").filter(pk=appeal.pk).exists()
    )


def _is_scorer(request: HttpRequest, appeal: Appeal) -> bool:
    return _holds_right(request, appeal) and request.user.pk in appeals.scorers(appeal)


def _may_decide(request: HttpRequest, appeal: Appeal) -> bool:
    return _holds_right(request, appeal) and request.user.pk not in appeals.scorers(appeal)


def _item(words: Words, code: str) -> IndicatorRule | AdjustmentRule | None:
    return words.rules.indicator(code) or words.rules.adjustment(code)


def _labels(item: IndicatorRule | AdjustmentRule | None) -> dict[str, tuple[str, str]]:
    """Column -> (label, unit) of the values that a line is scored from."""
    if isinstance(item, AdjustmentRule):
        return {item.code: (_("times (0 takes it off)"), "")}
    if item is None:
        return {}
    known: dict[str, CellSpec] = {spec.code: spec for spec in item.cells()}
    found = {}
    for code in item.value_codes():
        spec = known.get(code)
        label = cells.label_of(spec) if spec else _computed_label(item, code)
        found[code] = (label, cells.unit_of(spec) if spec else item.unit)
    return found


def _computed_label(item: IndicatorRule, code: str) -> str:
    if code.endswith(".n") and item.numerator_label:
        return item.numerator_label
    if code.endswith(".d") and item.denominator_label:
        return item.denominator_label
    return item.name


def _fields(
    item: IndicatorRule | AdjustmentRule | None, posted: Any, start: dict[str, int] | None = None
) -> list[dict[str, str]]:
    """One field for each value of the line, with what was typed or claimed."""
    return [
        {
            "name": f"value-{code}",
            "label": label,
            "unit": unit,
            "value": posted.get(f"value-{code}", _plain(item, code, start or {})),
        }
        for code, (label, unit) in _labels(item).items()
    ]


def _plain(item: IndicatorRule | AdjustmentRule | None, code: str, values: dict[str, int]) -> str:
    if code not in values:
        return ""
    return str(values[code]) if isinstance(item, AdjustmentRule) else value_text(values[code])


def _texts(item: IndicatorRule | AdjustmentRule | None, values: dict[str, int]) -> list[tuple[str, str]]:
    return [(label, _plain(item, code, values)) for code, (label, _unit) in _labels(item).items() if code in values]


def _values(item: IndicatorRule | AdjustmentRule | None, posted: Any) -> dict[str, int]:
    """What was typed, as columns of the line; empty fields are left out. ValidationError for what is no number."""
    found = {}
    specs = {spec.code: spec for spec in item.cells()} if isinstance(item, IndicatorRule) else {}
    for code in _labels(item):
        typed = cells.normalise(posted.get(f"value-{code}", ""))
        if not typed:
            continue
        try:
            if code in specs:
                found[code] = cells.parse(typed, specs[code]).scaled or 0
            else:
                found[code] = int(Decimal(typed) * (1 if isinstance(item, AdjustmentRule) else cells.SCALE))
        except cells.RefusedError as error:
            raise ValidationError(error.problem.message, "value_refused") from error
        except ArithmeticError as error:
            raise ValidationError(_("“%(text)s” is not a number.") % {"text": typed[:20]}, "value_refused") from error
    return found
