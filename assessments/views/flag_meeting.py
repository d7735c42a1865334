"""The county's part of a round: panel, meeting, public notice, objections."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from assessments import flag_pages
from assessments.models import FlagApplication, FlagCategory, FlagObjection, FlagRound
from assessments.rules import in_language, to_hundredths
from assessments.services import flag_decisions
from assessments.services.flag_decisions import GRANTED, Decision, Judge, does_pass
from assessments.services.flag_steps import State, blocked_villages
from assessments.views.flag_applications import dress_rows
from branches.above import names_above
from branches.form_page import Page, form_page
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_for

DECIDE = "assessments.decide_flagapplication"
JUDGES = 9
ON_A_PAGE = 50


def _crumbs(row: FlagRound) -> list[tuple[str, str]]:
    return [(f"{reverse('assessments:flag_list')}?round={row.pk}", _("Applications for flags"))]


def day_of(text: str) -> date:
    """ValidationError "date_missing" for what is no day."""
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise ValidationError(_("Choose a day."), "date_missing")
    return found


# --- Panel ------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def flag_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The judges' scores of one application."""
    row = fetch(request.user, FlagApplication, pk, "decide")
    problem = ""
    if request.method == "POST":
        try:
            found = flag_decisions.enter_panel(
                row.pk,
                _judges(request),
                by=request.user,
                now=timezone.now(),
                version=number_of(request, "base_version"),
            )
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(
                request, _("The panel's mean is %(mean)s.") % {"mean": flag_pages.given_text(found.panel_hundredths)}
            )
            return redirect("assessments:flag_application", pk=pk)
    stored = [
        {"name": one.judge, "score": "" if one.score is None else f"{one.score:f}", "reason": one.reason,
         "is_recused": one.is_recused}
        for one in row.panel_scores.all()
    ]  # fmt: skip
    context = {
        "title": _("Scores of the panel"),
        "crumbs": [(reverse("assessments:flag_application", args=[pk]), f"{row.village.name} {row.category.name}")],
        "row": row,
        "judges": (_typed_judges(request) if problem else stored) + [{}] * JUDGES,
        "problem": problem,
    }
    context["judges"] = context["judges"][: max(JUDGES, len(stored))]
    return render(request, "assessments/flag_panel.html", context, status=422 if problem else 200)


def _typed_judges(request: HttpRequest) -> list[dict[str, Any]]:
    lists = (request.POST.getlist(name) for name in ("judge", "score", "reason"))
    recused = set(request.POST.getlist("recused"))
    return [
        {"name": name.strip(), "score": score.strip(), "reason": reason.strip(), "is_recused": str(number) in recused}
        for number, (name, score, reason) in enumerate(zip(*lists, strict=False))
        if name.strip() or score.strip()
    ]


def _judges(request: HttpRequest) -> list[Judge]:
    found = []
    for one in _typed_judges(request):
        try:
            score = None if one["is_recused"] else Decimal(one["score"])
            if score is not None and not score.is_finite():
                raise InvalidOperation
        except InvalidOperation as error:
            raise ValidationError(
                _("%(judge)s: give a score, or tick that the judge stood back.") % {"judge": one["name"] or "—"},
                "score_out_of_range",
            ) from error
        found.append(Judge(one["name"], score, one["reason"]))
    return found


def number_of(request: HttpRequest, name: str) -> int | None:
    typed = request.POST.get(name, "")
    return int(typed) if typed.isdigit() and len(typed) < 10 else None


# --- The meeting ------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def flag_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """All rechecked applications for one flag, the best first: yes or no, with pass line and quota in sight."""
    category = fetch(request.user, FlagCategory, pk)
    must_hold(request.user, DECIDE)
    own = FlagApplication.objects.for_user(request.user, "decide").filter(category=category)
    rows: list[Any] = list(
        own.filter(state=State.DEPT_REVIEWED)
        .select_related("village", "category", "round", "rechecked_by")
        .order_by("-score_hundredths", "township_rank", "path")
    )
    problem = ""
    if request.method == "POST":
        try:
            done = _decide(request, category, rows)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("%(number)s decisions recorded.") % {"number": done})
            return redirect("assessments:flag_decide", pk=pk)
    context = _meeting(request, category, rows) | {"problem": problem, "posted": request.POST}
    return render(request, "assessments/flag_decide.html", context, status=422 if problem else 200)


def _decide(request: HttpRequest, category: FlagCategory, rows: list[FlagApplication]) -> int:
    decisions = []
    for row in rows:
        answer = request.POST.get(f"answer-{row.pk}", "")
        if answer in {"yes", "no"}:
            reason = request.POST.get(f"reason-{row.pk}", "")
            decisions.append(Decision(row.pk, answer == "yes", reason, number_of(request, f"version-{row.pk}")))
    if not decisions:
        raise ValidationError(_("Choose yes or no for the villages that were decided on."), "nothing_chosen")
    done = flag_decisions.decide_applications(
        category,
        decisions,
        met_on=day_of(request.POST.get("met_on", "")),
        minute_number=request.POST.get("minute_number", ""),
        quota_reason=request.POST.get("quota_reason", ""),
        by=request.user,
        now=timezone.now(),
    )
    return len(done)


def _meeting(request: HttpRequest, category: FlagCategory, rows: list[Any]) -> dict[str, Any]:
    today = timezone.localdate()
    dress_rows(rows)
    townships = names_above(row.path for row in rows)
    blocked = blocked_villages(category.round, {row.village_id for row in rows}, today)
    passing = [row for row in rows if does_pass(row) and row.village_id not in blocked]
    beyond = set(flag_decisions.beyond_quota(category, passing))
    for row in rows:
        row.township_name = townships.get(row.path[: -Unit.steplen], "")
        row.does_pass = does_pass(row)
        row.block = blocked.get(row.village_id)
        row.is_beyond = row.pk in beyond
        answer = "yes" if row.does_pass and row.block is None else "no"
        row.answer = request.POST.get(f"answer-{row.pk}", "" if request.method == "POST" else answer)
        row.reason = request.POST.get(f"reason-{row.pk}", "")
        row.is_own = request.user.pk in {row.applied_by_id, row.rechecked_by_id}
    others = FlagCategory.objects.filter(round=category.round_id)
    waiting: dict[int, int] = {}
    queue = FlagApplication.objects.for_user(request.user, "decide").filter(
        round=category.round_id, state=State.DEPT_REVIEWED
    )
    for found in queue.values_list("category_id", flat=True):
        waiting[found] = waiting.get(found, 0) + 1
    return {
        "title": _("Decision: %(flag)s") % {"flag": in_language(category.name, category.name_en)},
        "crumbs": _crumbs(category.round),
        "category": category,
        "rows": rows,
        "others": [(one, waiting.get(one.pk, 0)) for one in others],
        "passing": len(passing),
        "beyond": len(beyond),
        "taken": FlagApplication.objects.filter(category=category, state__in=GRANTED).count(),
        "behind": FlagApplication.objects.for_user(request.user, "decide")
        .filter(category=category, state__in=[State.APPLIED, State.TOWNSHIP_REVIEWED, State.RETURNED])
        .count(),
        "met_on": request.POST.get("met_on", today.isoformat()),
        "pass_hundredths": to_hundredths(category.pass_line),
    }


# --- The public notice ------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def flag_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """The public notice of a round: what waits for it, what stands in it, and the sheet to print."""
    row = fetch(request.user, FlagRound, pk)
    must_hold(request.user, "assessments.view_flagapplication")
    may_start = request.user.has_perm(DECIDE)
    problem = ""
    if request.method == "POST":
        must_hold(request.user, DECIDE)
        try:
            ids = numbers_of(request.POST.getlist("row"))
            if not ids:
                raise ValidationError(_("Tick what the notice is about."), "nothing_chosen")
            from_on = day_of(request.POST.get("from_on", ""))
            done = flag_decisions.start_notice(row, ids, from_on=from_on, by=request.user, now=timezone.now())
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(
                request,
                _("%(number)s flags are in public notice until %(day)s.")
                % {"number": len(done), "day": done[0].notice_to},
            )
            return redirect("assessments:flag_notice", pk=pk)
    return render(
        request, "assessments/flag_notice.html", _notice(request, row, may_start) | {"problem": problem},
        status=422 if problem else 200,
    )  # fmt: skip


def numbers_of(found: list[str]) -> list[int]:
    return [int(one) for one in found if one.isdigit() and len(one) < 19]


def _notice(request: HttpRequest, row: FlagRound, may_start: bool) -> dict[str, Any]:
    today = timezone.localdate()
    seen = rows_for(request.user, FlagApplication).filter(round=row, is_granted=True)
    rows: list[Any] = list(
        seen.exclude(state__in=[State.REJECTED])
        .select_related("village", "category", "round")
        .order_by("category__sort", "path")
    )
    dress_rows(rows)
    townships = names_above(one.path for one in rows)
    for one in rows:
        one.township_name = townships.get(one.path[: -Unit.steplen], "")
    decided = [one for one in rows if one.state == State.DECIDED] if may_start else []
    noticed = [one for one in rows if one.notice_from is not None]
    latest = max((one.notice_from for one in noticed), default=None)
    shown = [one for one in noticed if one.notice_from == latest]
    start = today + timedelta(days=1)
    return {
        "title": _("Public notice"),
        "crumbs": _crumbs(row),
        "row": row,
        "decided": decided,
        "may_start": may_start,
        "from_on": request.POST.get("from_on", start.isoformat()),
        "until": flag_decisions.notice_end(row, start),
        "groups": _grouped(shown),
        "shown": shown,
        "notice_from": latest,
        "notice_to": shown[0].notice_to if shown else None,
        "is_running": bool(shown) and shown[0].notice_to >= today,
        "held": [one for one in rows if one.state == State.OBJECTION_HOLD],
        "ready": [one for one in rows if one.state == State.PUBLIC_NOTICE and one.notice_to < today],
        "today": today,
        "may_object": request.user.has_perm("assessments.add_flagobjection"),
    }


def _grouped(rows: list[Any]) -> list[tuple[str, list[Any]]]:
    """By flag, as the notice lists them."""
    found: dict[str, list[Any]] = {}
    for one in rows:
        found.setdefault(in_language(one.category.name, one.category.name_en), []).append(one)
    return list(found.items())


# --- Objections -------------------------------------------------------------------------------


class ObjectionForm(forms.Form):
    raised_on = forms.DateField(label=gettext_lazy("Raised on"), widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(
        label=gettext_lazy("What is objected"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("What happened, where and when. The name of who objects does not belong here."),
    )
    wide = ("text",)


class FindingForm(forms.Form):
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        choices=(
            (FlagObjection.Outcome.UPHELD, gettext_lazy("Upheld: the village gets no flag")),
            (FlagObjection.Outcome.REJECTED, gettext_lazy("Rejected: the flag can be awarded")),
        ),
        widget=forms.RadioSelect,
    )
    finding = forms.CharField(label=gettext_lazy("Finding"), max_length=500, widget=forms.Textarea(attrs={"rows": 4}))
    wide = ("outcome", "finding")


@require_http_methods(["GET", "POST"])
def flag_object(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, FlagApplication, pk)
    must_hold(request.user, "assessments.add_flagobjection")
    back = reverse("assessments:flag_application", args=[pk])
    page = Page(
        title=_("Objection to a flag"),
        subject=f"{row.village.name} {row.category.name}　{row.notice_from} – {row.notice_to}",
        back=back,
        crumbs=[(back, f"{row.village.name} {row.category.name}")],
        explanation=_("The flag is held until the objection is decided by somebody else."),
        submit=_("Enter the objection"),
        icon="message-report",
    )

    def run(values: dict[str, Any]) -> FlagObjection:
        return flag_decisions.raise_objection(row.pk, **values, by=request.user, now=timezone.now())

    return form_page(request, page, lambda data: ObjectionForm(data, initial={"raised_on": timezone.localdate()}), run)


@require_GET
def flag_objection_list(request: HttpRequest) -> HttpResponse:
    """Objections in the reader's area, open ones first."""
    must_hold(request.user, "assessments.view_flagobjection")
    rows = rows_for(request.user, FlagObjection).select_related(
        "application__village", "application__category", "application__round", "entered_by", "decided_by"
    )
    page = Paginator(rows.order_by("outcome", "-pk"), ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "assessments/flag_objection_list.html", {"title": _("Objections to flags"), "page": page})


@require_http_methods(["GET", "POST"])
def flag_objection(request: HttpRequest, pk: int) -> HttpResponse:
    """One objection: what is objected, and the finding, by who did not enter it."""
    found = fetch(request.user, FlagObjection, pk)
    row = FlagApplication.objects.select_related("village", "category", "round").get(pk=found.application_id)
    may_decide = FlagObjection.objects.for_user(request.user, "decide").filter(pk=pk).exists()
    is_own = request.user.pk in {found.entered_by_id, row.applied_by_id, row.rechecked_by_id}
    form = FindingForm(request.POST or None)
    status = 200
    if request.method == "POST":
        must_hold(request.user, "assessments.decide_flagobjection")
        if form.is_valid():
            try:
                flag_decisions.decide_objection(
                    pk, **form.cleaned_data, by=request.user, now=timezone.now(),
                    version=number_of(request, "base_version"),
                )  # fmt: skip
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, _("Decided."))
                return redirect("assessments:flag_objection", pk=pk)
        status = 422
    context = {
        "title": _("Objection to a flag"),
        "crumbs": [(reverse("assessments:flag_objection_list"), _("Objections to flags"))],
        "found": found,
        "row": row,
        "form": form,
        "may_decide": may_decide and not is_own and not found.outcome,
        "is_own": may_decide and is_own and not found.outcome,
    }
    return render(request, "assessments/flag_objection.html", context, status=status)
