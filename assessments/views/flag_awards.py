"""Flags after the notice: prepared, approved, printed; and taken away for a reason."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauth import has_recent_password, require_recent_password
from assessments.flags import EFFECTS, Stops
from assessments.models import FlagApplication, FlagAward, FlagRevocation, FlagRound
from assessments.rules import in_language
from assessments.services import flag_awards
from assessments.services.flag_steps import State
from assessments.views.flag_applications import dress_rows
from assessments.views.flag_meeting import day_of, number_of, numbers_of
from branches.above import names_above
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_for, rows_with

ON_A_PAGE = 50
VIEW, PREPARE, APPROVE = (
    "assessments.view_flagaward",
    "assessments.prepare_flagaward",
    "assessments.approve_flagaward",
)
REVOKE = "assessments.revoke_flagaward"


def _townships(rows: list[Any]) -> None:
    names = names_above(one.path for one in rows)
    for one in rows:
        one.township_name = names.get(one.path[: -Unit.steplen], "")


def _flag_name(award: FlagAward) -> str:
    category = award.application.category
    return in_language(category.name, category.name_en)


# --- Prepare and approve ----------------------------------------------------------------------


@require_GET
def flag_awards_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The flags of a round: ready to be prepared, waiting for the leader, awarded."""
    return _awards(request, fetch(request.user, FlagRound, pk))


def _awards(request: HttpRequest, row: FlagRound, problem: str = "") -> HttpResponse:
    must_hold(request.user, VIEW)
    today = timezone.localdate()
    ready: list[Any] = list(
        FlagApplication.objects.for_user(request.user, "decide")
        .filter(round=row, state=State.PUBLIC_NOTICE, notice_to__lt=today, award=None)
        .select_related("village", "category", "round")
        .order_by("category__sort", "path")
    )
    awards: list[Any] = list(
        rows_for(request.user, FlagAward)
        .filter(round=row)
        .select_related("village", "application__category", "prepared_by", "approved_by")
        .order_by("application__category__sort", "path")
    )
    dress_rows(ready)
    _townships([*ready, *awards])
    for award in awards:
        award.flag_name = _flag_name(award)
    waiting = [award for award in awards if award.approved_by_id is None]
    context = {
        "title": _("Flags of %(round)s") % {"round": row.name},
        "crumbs": [(f"{reverse('assessments:flag_list')}?round={row.pk}", _("Applications for flags"))],
        "row": row,
        "ready": ready,
        "waiting": waiting,
        "awarded": [award for award in awards if award.approved_by_id is not None],
        "may_prepare": request.user.has_perm(PREPARE),
        "may_approve": request.user.has_perm(APPROVE),
        "own": sum(award.prepared_by_id == request.user.pk for award in waiting),
        "has_recent_password": has_recent_password(request),
        "awarded_on": request.POST.get("awarded_on", today.isoformat()),
        "problem": problem,
    }
    return render(request, "assessments/flag_awards.html", context, status=422 if problem else 200)


@require_POST
def flag_awards_prepare(request: HttpRequest, pk: int) -> HttpResponse:
    row = fetch(request.user, FlagRound, pk)
    must_hold(request.user, PREPARE)
    try:
        ids = numbers_of(request.POST.getlist("row"))
        if not ids:
            raise ValidationError(_("Tick the flags to be prepared."), "nothing_chosen")
        awarded_on = day_of(request.POST.get("awarded_on", ""))
        done = flag_awards.prepare_awards(row, ids, awarded_on=awarded_on, by=request.user, now=timezone.now())
    except ValidationError as error:
        return _awards(request, row, " ".join(error.messages))
    messages.success(request, _("%(number)s flags prepared. A leader approves them.") % {"number": len(done)})
    return redirect("assessments:flag_awards", pk=pk)


@require_POST
def flag_awards_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The leader's approval of the ticked flags, with a password proved lately."""
    row = fetch(request.user, FlagRound, pk)
    must_hold(request.user, APPROVE)
    asked = require_recent_password(request)
    if asked is not None:
        return asked
    try:
        ids = numbers_of(request.POST.getlist("row"))
        if not ids:
            raise ValidationError(_("Tick the flags to be approved."), "nothing_chosen")
        done = flag_awards.approve_awards(ids, by=request.user, now=timezone.now())
    except ValidationError as error:
        return _awards(request, row, " ".join(error.messages))
    messages.success(request, _("%(number)s flags awarded.") % {"number": len(done)})
    return redirect("assessments:flag_awards", pk=pk)


@require_GET
def flag_certificate(request: HttpRequest, pk: int) -> HttpResponse:
    """The certificate of a flag, to be printed."""
    fetch(request.user, FlagAward, pk)
    award = FlagAward.objects.select_related("village", "application__category", "round__unit").get(pk=pk)
    context = {
        "title": _("Certificate"),
        "crumbs": [(reverse("assessments:flag_awards", args=[award.round_id]), award.round.name)],
        "award": award,
        "flag_name": _flag_name(award),
        "township": Unit.objects.filter(path=award.path[: -Unit.steplen]).first(),
    }
    return render(request, "assessments/flag_certificate.html", context)


@require_GET
def flag_roll(request: HttpRequest, pk: int) -> HttpResponse:
    """The roll of awarded flags (授旗名册) by township, to be printed."""
    row = fetch(request.user, FlagRound, pk)
    must_hold(request.user, VIEW)
    awards: list[Any] = list(
        rows_for(request.user, FlagAward)
        .filter(round=row, approved_by__isnull=False)
        .select_related("village", "application__category")
        .order_by("path", "application__category__sort")
    )
    _townships(awards)
    categories = list(row.categories.all())
    context = {
        "title": _("Roll of flags"),
        "crumbs": [(reverse("assessments:flag_awards", args=[pk]), row.name)],
        "row": row,
        "categories": categories,
        "groups": _roll(awards, [category.code for category in categories]),
        "number": len(awards),
        "awarded_on": max((award.awarded_on for award in awards), default=None),
        "today": timezone.localdate(),
    }
    return render(request, "assessments/flag_roll.html", context)


def _roll(awards: list[Any], codes: list[str]) -> list[tuple[str, int, list[tuple[str, list[Any], int]]]]:
    """Township, its flags, and its villages with a cell for each flag."""
    townships: dict[str, dict[str, dict[str, Any]]] = {}
    for award in awards:
        townships.setdefault(award.township_name, {}).setdefault(award.village.name, {})[award.code] = award
    return [
        (
            township,
            sum(len(held) for held in villages.values()),
            [(village, [held.get(code) for code in codes], len(held)) for village, held in villages.items()],
        )
        for township, villages in townships.items()
    ]


# --- Taking away ------------------------------------------------------------------------------


class RevocationForm(forms.Form):
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=FlagRevocation.Reason.choices)
    happened_on = forms.DateField(label=gettext_lazy("Taken away on"), widget=forms.DateInput(attrs={"type": "date"}))
    document = forms.CharField(label=gettext_lazy("Document number"), max_length=120)
    award_ids = forms.MultipleChoiceField(
        label=gettext_lazy("Flags"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "For an item of the negative list or misuse of funds; other reasons say themselves which."
        ),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    wide = ("reason", "award_ids", "note")

    def __init__(self, data: Any, *, village: Unit, day: date, **more: Any) -> None:
        super().__init__(data, **more)
        held = flag_awards.held_awards(village.pk, day).select_related("application__category", "round")
        choices: Any = [
            (award.pk, f"{_flag_name(award)}　{award.round.name}　{award.number}") for award in held.order_by("code")
        ]
        self.fields["award_ids"].choices = choices  # type: ignore[attr-defined]

    def clean_award_ids(self) -> list[int]:
        return [int(pk) for pk in self.cleaned_data["award_ids"]]


@require_GET
def flag_revocation_list(request: HttpRequest) -> HttpResponse:
    """Why flags were taken away, and who may not apply; what waits for the leader first."""
    must_hold(request.user, "assessments.view_flagrevocation")
    rows = (
        rows_for(request.user, FlagRevocation)
        .select_related("village", "proposed_by", "approved_by")
        .prefetch_related("awards__application__category")
        .order_by("decided_at", "-happened_on")
    )
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    found: list[Any] = list(page)
    _townships(found)
    context = {
        "title": _("Flags taken away"),
        "page": page,
        "rows": found,
        "may_propose": request.user.has_perm(REVOKE),
        "villages": _holders(request) if request.user.has_perm(REVOKE) else [],
        "today": timezone.localdate(),
    }
    return render(request, "assessments/flag_revocation_list.html", context)


def _holders(request: HttpRequest) -> list[Unit]:
    villages = rows_with(request.user, Unit.objects.villages(), REVOKE).filter(valid_to__isnull=True)
    return list(villages.order_by("path"))


@require_http_methods(["GET", "POST"])
def flag_revocation_new(request: HttpRequest) -> HttpResponse:
    """The proposal to take flags from a village."""
    must_hold(request.user, REVOKE)
    asked = request.GET.get("village", "")
    village = next((one for one in _holders(request) if str(one.pk) == asked), None)
    if village is None:
        if asked:
            raise Http404
        return redirect("assessments:flag_revocation_list")
    today = timezone.localdate()
    form = RevocationForm(request.POST or None, village=village, day=today, initial={"happened_on": today})
    if request.method == "POST" and form.is_valid():
        try:
            values = dict(form.cleaned_data)
            reason = values.pop("reason")
            if EFFECTS[reason].stops is not Stops.CHOSEN:
                values["award_ids"] = []
            found = flag_awards.propose_revocation(village, reason, **values, by=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Proposed. A leader decides."))
            return redirect("assessments:flag_revocation", pk=found.pk)
    context = {
        "title": _("Take flags away"),
        "subject": village.name,
        "crumbs": [(reverse("assessments:flag_revocation_list"), _("Flags taken away"))],
        "form": form,
        "back": reverse("assessments:flag_revocation_list"),
        "submit": _("Propose"),
        "icon": "flag",
        "is_danger": True,
        "explanation": _("Nothing changes until a leader has approved it."),
    }
    return render(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def flag_revocation(request: HttpRequest, pk: int) -> HttpResponse:
    """One proposal: its effects in words, the leader's decision, the end of its block."""
    found = fetch(request.user, FlagRevocation, pk)
    may_approve = FlagRevocation.objects.for_user(request.user, "approve").filter(pk=pk).exists()
    problem = ""
    if request.method == "POST":
        must_hold(request.user, "assessments.approve_flagrevocation")
        asked = require_recent_password(request)
        if asked is not None:
            return asked
        try:
            _decide_revocation(request, pk)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("Recorded."))
            return redirect("assessments:flag_revocation", pk=pk)
    awards: list[Any] = list(found.awards.select_related("application__category", "round").order_by("code"))
    for award in awards:
        award.flag_name = _flag_name(award)
    effect = EFFECTS[found.reason]
    context = {
        "title": _("Flags of %(village)s") % {"village": found.village.name},
        "crumbs": [(reverse("assessments:flag_revocation_list"), _("Flags taken away"))],
        "found": found,
        "awards": awards,
        "effect": effect,
        "effect_words": effect_words(found.reason),
        "may_decide": may_approve and found.is_approved is None and found.proposed_by_id != request.user.pk,
        "is_own": may_approve and found.is_approved is None and found.proposed_by_id == request.user.pk,
        "may_lift": may_approve
        and bool(found.is_approved)
        and found.lifted_on is None
        and (found.blocks_open or found.blocks_until is not None),
        "has_recent_password": has_recent_password(request),
        "problem": problem,
        "posted": request.POST,
        "today": timezone.localdate(),
    }
    return render(request, "assessments/flag_revocation.html", context, status=422 if problem else 200)


def _decide_revocation(request: HttpRequest, pk: int) -> None:
    now, version, note = timezone.now(), number_of(request, "base_version"), request.POST.get("note", "")
    act = request.POST.get("act", "")
    if act == "lift":
        day = day_of(request.POST.get("lifted_on", ""))
        flag_awards.lift_block(pk, note, lifted_on=day, by=request.user, now=now, version=version)
        return
    if act not in {"approve", "decline"}:
        raise ValidationError(_("Choose a decision."), "outcome_unknown")
    flag_awards.decide_revocation(pk, act == "approve", note, by=request.user, now=now, version=version)


def effect_words(reason: str) -> list[str]:
    """What follows from a reason, as sentences."""
    effect = EFFECTS[reason]
    words = {
        Stops.ALL: _("All flags of the village end."),
        Stops.CHOSEN: _("The chosen flags end."),
        Stops.PARTY_BUILDING: _("The flag for Party building ends, the others stay."),
    }
    found = [words[effect.stops]]
    found.append(
        _("No month is owed: what was paid for these flags comes back as a difference.")
        if effect.owes_nothing
        else _("Pay ends as the county's rules of pay say; nothing is claimed back.")
    )
    if effect.rounds:
        found.append(_("The village may not apply for %(rounds)s rounds.") % {"rounds": effect.rounds})
    if effect.until_lifted:
        found.append(_("The village may not apply until a leader lifts it."))
    return found
