"""Rounds of flags: the list, one round with its rules, and editing them while the round is a draft."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from assessments.flag_round_forms import CategoryForm, CriterionForm, NewRoundForm, RoundForm
from assessments.models import FlagCategory, FlagCriterion, FlagRound, Scheme
from assessments.rules import in_language
from assessments.services import flag_rounds
from assessments.services.schemes import rules_of
from branches import indicators
from branches.form_page import Page, form_page, show_refusal
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_for, rows_with

ADD, CHANGE = "assessments.add_flaground", "assessments.change_flaground"
NEXT_CODE = 1


def _crumbs(row: FlagRound | None = None) -> list[tuple[str, str]]:
    found = [(reverse("assessments:flag_round_list"), _("Rounds of flags"))]
    return [*found, (reverse("assessments:flag_round", args=[row.pk]), row.name)] if row else found


@require_GET
def flag_round_list(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_flaground")
    rows = rows_for(request.user, FlagRound).select_related("unit")
    seen = Count("awards", filter=Q(awards__approved_by__isnull=False), distinct=True)
    context = {
        "title": _("Rounds of flags"),
        "rows": rows.annotate(application_count=Count("applications", distinct=True), award_count=seen),
        "may_add": request.user.has_perm(ADD),
    }
    return render(request, "assessments/flag_round_list.html", context)


def flag_round_new(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ADD)
    county = rows_with(request.user, Unit.objects.counties(), ADD).filter(valid_to__isnull=True).first()
    if county is None:
        raise PermissionDenied(_("Rounds are set up by the office of one county."))
    rounds = rows_for(request.user, FlagRound).filter(unit=county)

    def run(values: dict[str, Any]) -> FlagRound:
        row = flag_rounds.add_round(county, values, copy_of=values["copy_of"], by=request.user)
        fetch(request.user, FlagRound, row.pk, "add")
        return row

    page = Page(
        title=_("New round"),
        subject=county.name,
        back=reverse("assessments:flag_round_list"),
        crumbs=_crumbs(),
        explanation=_("The rules are copied and can be changed until the round is opened."),
        submit=_("Set up the round"),
        icon="plus",
    )
    return form_page(
        request,
        page,
        lambda data: NewRoundForm(data, rounds=rounds, initial={"copy_of": rounds.first()}),
        run,
        back_to=lambda row: reverse("assessments:flag_round", args=[row.pk]),
    )


@require_GET
def flag_round(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules of a round as everybody reads them; with what to do next for who may do it."""
    row: FlagRound = fetch(request.user, FlagRound, pk)
    may_change = request.user.has_perm(CHANGE, row)
    is_draft = row.state == FlagRound.State.DRAFT
    categories = list(row.categories.prefetch_related("criteria"))
    context = {
        "title": row.name,
        "row": row,
        "categories": [_dressed(category) for category in categories],
        "may_edit": may_change and is_draft,
        "may_close": may_change and row.state == FlagRound.State.OPEN,
        "problems": flag_rounds.round_problems(row) if may_change and is_draft else [],
        "crumbs": _crumbs(),
    }
    return render(request, "assessments/flag_round.html", context)


def _dressed(category: FlagCategory) -> dict[str, Any]:
    items = list(category.criteria.all())
    return {
        "row": category,
        "criteria": [(item, _computed_from(item)) for item in items if not item.is_gate],
        "gates": [(item, _computed_from(item)) for item in items if item.is_gate],
        "total": sum((item.points for item in items), Decimal(0)),
    }


def _computed_from(item: FlagCriterion) -> str:
    """Labels of the sources, for who reads the rules."""
    labels = []
    for code in flag_rounds.sources_of(item):
        source = indicators.find(code) or indicators.find_span(code)
        entered = _("entered monthly: %(code)s") % {"code": code.removeprefix(flag_rounds.MONTH_PREFIX)}
        labels.append(str(source.label) if source else entered)
    return _(", ").join(labels)


# --- Editing a draft -----------------------------------------------------------------------


def _editable(request: HttpRequest, pk: int) -> FlagRound:
    row: FlagRound = fetch(request.user, FlagRound, pk, "change")
    return row


def flag_round_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = _editable(request, pk)
    version = _posted_version(request, row)

    def run(values: dict[str, Any]) -> None:
        flag_rounds.change_round(row, values, version=version, by=request.user)

    page = _page(row, _("Settings of the round"))
    return form_page(
        request, page, lambda data: RoundForm(data, instance=_editable(request, pk)), run, base_version=version
    )


def _posted_version(request: HttpRequest, row: FlagRound) -> int:
    """The version its reader saw, which the form carries; the stored one for a fresh form."""
    text = request.POST.get("base_version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else row.version


def _page(row: FlagRound, title: str, **more: Any) -> Page:
    back = reverse("assessments:flag_round", args=[row.pk])
    return Page(title=title, subject=row.name, back=back, crumbs=_crumbs(row), **more)


def flag_category_new(request: HttpRequest, pk: int) -> HttpResponse:
    return _category_page(request, _editable(request, pk), None)


def flag_category_edit(request: HttpRequest, pk: int) -> HttpResponse:
    category = get_object_or_404(rows_for(request.user, FlagCategory).select_related("round"), pk=pk)
    return _category_page(request, _editable(request, category.round_id), category)


def _category_page(request: HttpRequest, row: FlagRound, category: FlagCategory | None) -> HttpResponse:
    def run(values: dict[str, Any]) -> None:
        flag_rounds.save_category(row, category, values, version=values["base_version"], by=request.user)

    page = _page(row, category.name if category else _("New flag"))
    return form_page(request, page, lambda data: CategoryForm.for_row(data, category, version=row.version), run)


def flag_criterion_new(request: HttpRequest, pk: int) -> HttpResponse:
    category = get_object_or_404(rows_for(request.user, FlagCategory).select_related("round"), pk=pk)
    return _criterion_page(request, category, None)


def flag_criterion_edit(request: HttpRequest, pk: int) -> HttpResponse:
    rows = rows_for(request.user, FlagCriterion).select_related("category__round")
    item = get_object_or_404(rows, pk=pk)
    return _criterion_page(request, item.category, item)


def _criterion_page(request: HttpRequest, category: FlagCategory, item: FlagCriterion | None) -> HttpResponse:
    row = _editable(request, category.round_id)
    suggested = f"{category.code}-{category.criteria.filter(is_gate=False).count() + NEXT_CODE}"
    form = CriterionForm(
        request.POST or None,
        version=row.version,
        row=item,
        suggested=suggested,
        entered=_entered(row),
    )
    if request.method == "POST" and "change_rule" in request.POST:
        form = _unbound_with(form)
    elif request.method == "POST" and form.is_valid():
        try:
            flag_rounds.save_criterion(
                row,
                category,
                item,
                form.row_values(),
                version=form.cleaned_data["base_version"],
                by=request.user,
            )
        except ValidationError as error:
            show_refusal(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{reverse('assessments:flag_round', args=[row.pk])}#{category.code}")
    context = {
        "title": item.name if item else _("New criterion"),
        "form": form,
        "row": row,
        "category": category,
        "item": item,
        "crumbs": _crumbs(row),
    }
    is_wrong = form.is_bound and bool(form.errors)
    return render(request, "assessments/flag_criterion.html", context, status=422 if is_wrong else 200)


def _unbound_with(form: CriterionForm) -> CriterionForm:
    """The same form with what was typed and the settings of the rule chosen, without complaints."""
    form.errors.clear()
    return form


def _entered(row: FlagRound) -> list[tuple[str, str]]:
    """Indicators of the county's latest published scheme that people enter."""
    scheme = Scheme.objects.filter(unit_id=row.unit_id, state=Scheme.State.PUBLISHED).order_by("-first_month").first()
    if scheme is None:
        return []
    return [
        (item.code, in_language(item.name, item.name_en)) for item in rules_of(scheme).indicators if item.source != "S"
    ]


# --- Steps ---------------------------------------------------------------------------------


@require_POST
def flag_round_open(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(request, pk, flag_rounds.open_round, _("The round is open. Townships can apply now."))


@require_POST
def flag_round_close(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(request, pk, flag_rounds.close_round, _("The round is closed."))


def _step(request: HttpRequest, pk: int, step: Callable[..., FlagRound], words: str) -> HttpResponse:
    row = _editable(request, pk)
    try:
        step(row, version=_posted_version(request, row), by=request.user, now=timezone.now())
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    else:
        messages.success(request, words)
    return redirect("assessments:flag_round", pk=row.pk)


@require_POST
def flag_part_remove(request: HttpRequest, pk: int, kind: str, part_id: int) -> HttpResponse:
    """Takes a category or a criterion out of a draft."""
    row = _editable(request, pk)
    rows: dict[str, QuerySet[Any]] = {
        "category": FlagCategory.objects.filter(round=row),
        "criterion": FlagCriterion.objects.filter(category__round=row),
    }
    if kind not in rows:
        raise Http404
    part = get_object_or_404(rows[kind], pk=part_id)
    try:
        flag_rounds.remove_part(row, part, version=_posted_version(request, row), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Taken out of the round."))
    return redirect("assessments:flag_round", pk=row.pk)
