"""Applications for flags: the list, applying for a village, one application with the step it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from assessments import flag_pages
from assessments.models import FlagApplication, FlagAward, FlagCategory, FlagCriterion, FlagRevocation, FlagRound
from assessments.rules import in_language
from assessments.services import flag_path
from assessments.services.flag_path import Recheck, Review, Wish
from assessments.services.flag_rounds import computed_lines
from assessments.services.flag_steps import Scorer, State, blocked_villages, scorer
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_for, rows_with, subjects_for

ON_A_PAGE = 50
VIEW, APPLY = "assessments.view_flagapplication", "assessments.add_flagapplication"


# --- The list ---------------------------------------------------------------------------------


@require_GET
def flag_list(request: HttpRequest) -> HttpResponse:
    """Applications in the reader's sight, those that wait for a step of the reader first."""
    must_hold(request.user, VIEW)
    rounds = list(rows_for(request.user, FlagRound).exclude(state=FlagRound.State.DRAFT))
    row = chosen_round(request, rounds)
    waits = flag_pages.waiting_for(request.user)
    seen: QuerySet[FlagApplication] = rows_for(request.user, FlagApplication).filter(round=row)
    rows = filtered(request, seen)
    is_mine = request.GET.get("mine") == "1"
    if is_mine:
        rows = rows.filter(waits)
    first = Case(When(waits, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = (
        rows.annotate(waits=first)
        .select_related("village", "category", "round")
        .order_by("waits", "path", "category__sort")
    )
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    townships = townships_of(request.user, row)
    names = {township.path: township.name for township in townships}
    one: Any
    for one in page:
        one.township_name = names.get(one.path[: -Unit.steplen], "")
    dress_rows(page)
    categories = list(row.categories.all()) if row else []
    led = subjects_for(request.user, VIEW)
    context = {
        "title": _("Applications for flags"),
        "row": row,
        "rounds": rounds,
        "page": page,
        "townships": townships,
        "categories": categories,
        "sheet_categories": [one for one in categories if led is None or one.code in led],
        "states": State.choices,
        "is_mine": is_mine,
        "asked": {name: request.GET.get(name, "") for name in ("code", "state", "township")},
        "waiting_number": seen.filter(waits).count(),
        "counts": dict(seen.values_list("state").annotate(n=Count("pk")).order_by()),
        "may_apply": row is not None and row.state == FlagRound.State.OPEN and request.user.has_perm(APPLY),
        **steps_of(request.user, row),
    }
    return render(request, "assessments/flag_list.html", context)


def chosen_round(request: HttpRequest, rounds: list[FlagRound]) -> FlagRound | None:
    """The round asked for, else the latest that is open, else the latest. 404 for one that is not in sight."""
    asked = request.GET.get("round", "")
    if asked:
        found = next((one for one in rounds if str(one.pk) == asked), None)
        if found is None:
            raise Http404
        return found
    opened = [one for one in rounds if one.state == FlagRound.State.OPEN]
    return next(iter([*opened, *rounds]), None)


def filtered(request: HttpRequest, rows: QuerySet[FlagApplication]) -> QuerySet[FlagApplication]:
    code, state, township = (request.GET.get(name, "") for name in ("code", "state", "township"))
    if code:
        rows = rows.filter(code=code)
    if state in State.values:
        rows = rows.filter(state=state)
    if township:
        unit = rows_for(request.user, Unit).filter(pk=township if township.isdigit() else 0).first()
        rows = rows.filter(path__startswith=unit.path) if unit else rows.none()
    return rows


def townships_of(user: User, row: FlagRound | None) -> list[Unit]:
    if row is None:
        return []
    rows = rows_with(user, Unit.objects.townships(), VIEW).filter(path__startswith=row.path)
    return list(rows.order_by("path"))


def dress_rows(rows: Any) -> None:
    """Points as numbers, the state's look, and gates that were not met, in words. One query."""
    names = gate_names_of([code for one in rows for code in one.gates_failed], [one.category_id for one in rows])
    for one in rows:
        one.tone, one.icon = flag_pages.TONES[one.state]
        one.own_points = flag_pages.decimal_of(one.self_hundredths)
        one.township_points = flag_pages.decimal_of(one.township_hundredths)
        one.checked_points = flag_pages.decimal_of(one.checked_hundredths)
        one.panel_points = flag_pages.decimal_of(one.panel_hundredths)
        one.score_points = flag_pages.decimal_of(one.score_hundredths)
        one.gate_words = [names.get((one.category_id, code), code) for code in one.gates_failed]


def gate_names_of(codes: list[str], categories: list[int]) -> dict[tuple[int, str], str]:
    items = FlagCriterion.objects.filter(category__in=set(categories), code__in=set(codes), is_gate=True)
    return {(item.category_id, item.code): flag_pages.criterion_name(item) for item in items}


def steps_of(user: User, row: FlagRound | None) -> dict[str, bool]:
    """Which pages of the round the reader finds links to."""
    return {
        "may_review": user.has_perm("assessments.review_flagapplication"),
        "may_recheck": user.has_perm("assessments.recheck_flagapplication"),
        "may_decide": user.has_perm("assessments.decide_flagapplication"),
        "may_prepare": user.has_perm("assessments.prepare_flagaward"),
        "may_approve": user.has_perm("assessments.approve_flagaward"),
    }


# --- Applying ---------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def flag_apply(request: HttpRequest, pk: int) -> HttpResponse:
    """All flags of a round for one village on one page, with what the system knows already."""
    row = fetch(request.user, FlagRound, pk)
    must_hold(request.user, APPLY)
    villages = _own_villages(request.user, row)
    village = _chosen_village(request, villages)
    now = timezone.now()
    context: dict[str, Any] = {
        "title": _("Apply for flags"),
        "crumbs": [(f"{reverse('assessments:flag_list')}?round={row.pk}", _("Applications for flags"))],
        "row": row,
        "villages": villages,
        "village": village,
        "posted": request.POST,
    }
    if village is None:
        return render(request, "assessments/flag_apply.html", context)
    if request.method == "POST":
        try:
            done = _apply(request, row, village)
        except ValidationError as error:
            context |= {"problem": " ".join(error.messages), **_apply_page(request, row, village, now)}
            return render(request, "assessments/flag_apply.html", context, status=422)
        messages.success(
            request,
            _("%(village)s: %(number)s applications handed in.") % {"village": village.name, "number": len(done)},
        )
        following = next((one for one in villages if one.path > village.path and not one.applied), village)
        return redirect(f"{reverse('assessments:flag_apply', args=[row.pk])}?village={following.pk}")
    return render(request, "assessments/flag_apply.html", context | _apply_page(request, row, village, now))


def _own_villages(user: User, row: FlagRound) -> list[Unit]:
    """Villages one applies for, each with the number of flags it has applied for."""
    own = Q(flag_applications__round=row) & ~Q(flag_applications__state=State.WITHDRAWN)
    rows = rows_with(user, Unit.objects.villages(), APPLY).filter(path__startswith=row.path, valid_to__isnull=True)
    return list(rows.annotate(applied=Count("flag_applications", filter=own)).order_by("path"))


def _chosen_village(request: HttpRequest, villages: list[Unit]) -> Unit | None:
    asked = request.POST.get("village") or request.GET.get("village", "")
    if not asked:
        return villages[0] if villages else None
    found = next((one for one in villages if str(one.pk) == asked), None)
    if found is None:
        raise Http404
    return found


def _apply_page(request: HttpRequest, row: FlagRound, village: Unit, now: Any) -> dict[str, Any]:
    today = timezone.localdate(now)
    own = FlagApplication.objects.for_user(request.user).filter(round=row, village=village)
    applied: dict[int, Any] = {one.category_id: one for one in own.exclude(state=State.WITHDRAWN)}
    for one in applied.values():
        one.tone, one.icon = flag_pages.TONES[one.state]
    cards = [
        _card(request, category, village, applied.get(category.pk), today)
        for category in row.categories.select_related("round").prefetch_related("criteria")
    ]
    blocked = blocked_villages(row, [village.pk], today).get(village.pk)
    return {
        "cards": cards,
        "blocked": blocked,
        "is_late": today > row.apply_by,
        "is_open": row.state == FlagRound.State.OPEN,
        "may_send": row.state == FlagRound.State.OPEN
        and today <= row.apply_by
        and blocked is None
        and len(applied) < len(cards),
    }


def _card(
    request: HttpRequest, category: FlagCategory, village: Unit, applied: FlagApplication | None, today: Any
) -> dict[str, Any]:
    card: dict[str, Any] = {
        "category": category,
        "name": in_language(category.name, category.name_en),
        "applied": applied,
        "is_chosen": request.POST.get(f"choose-{category.code}") == "1",
        "text": request.POST.get(f"text-{category.code}", ""),
    }
    if applied is not None:
        return card
    items = {item.code: item for item in category.criteria.all()}
    draft = FlagApplication(category=category, lines=computed_lines(category, [village.pk], today=today)[village.pk])
    card["lines"] = flag_pages.line_rows(
        draft, items, mode="resubmit", posted=request.POST, prefix=f"p-{category.code}-"
    )
    card["known"] = sum(
        (line.item.points for line, raw in zip(card["lines"], draft.lines, strict=True)
         if scorer(line.item, raw) is Scorer.SYSTEM), start=0
    )  # fmt: skip
    computed = [raw["computed"] for raw in draft.lines if not isinstance(raw["computed"], bool)]
    card["computed"] = flag_pages.decimal_of(sum(value for value in computed if value is not None))
    return card


def _apply(request: HttpRequest, row: FlagRound, village: Unit) -> list[FlagApplication]:
    wishes = []
    for category in row.categories.prefetch_related("criteria"):
        if request.POST.get(f"choose-{category.code}") != "1":
            continue
        points = flag_pages.parse_points(request.POST, category.criteria.all(), f"p-{category.code}-")
        wishes.append(Wish(village, category.pk, points, request.POST.get(f"text-{category.code}", "")[:2000]))
    if not wishes:
        raise ValidationError(_("Tick the flags that the village applies for."), "nothing_chosen")
    return flag_path.apply_for_flags(row, wishes, by=request.user, now=timezone.now())


# --- One application --------------------------------------------------------------------------


@require_GET
def flag_application(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, fetch(request.user, FlagApplication, pk))


def _page(
    request: HttpRequest, found: FlagApplication, problem: str = "", posted: Any = None, status: int = 200
) -> HttpResponse:
    row: Any = FlagApplication.objects.select_related(
        "round", "category", "village", "applied_by", "township_reviewed_by", "rechecked_by", "decided_by"
    ).get(pk=found.pk)
    items = {item.code: item for item in row.category.criteria.all()}
    verbs = verbs_of(request.user, row)
    mode = next((one for one in ("review", "recheck", "resubmit") if verbs[one]), "")
    dress_rows([row])
    steps: list[Any] = list(row.steps.select_related("by"))
    for step in steps:
        step.tone, step.icon = flag_pages.TONES[step.state]
        step.points = _points_of_step(step)
    award = FlagAward.objects.for_user(request.user).filter(application=row).first()
    category = in_language(row.category.name, row.category.name_en)
    context = {
        "title": f"{row.village.name} {category}",
        "crumbs": [(f"{reverse('assessments:flag_list')}?round={row.round_id}", _("Applications for flags"))],
        "row": row,
        "category_name": category,
        "mode": mode,
        "lines": flag_pages.line_rows(row, items, mode=mode, posted=posted),
        "full": sum(item.points for item in items.values()),
        "verbs": verbs,
        "steps": steps,
        "objections": list(row.objections.select_related("entered_by", "decided_by")),
        "judges": list(row.panel_scores.all()),
        "award": award,
        "problem": problem,
        "posted": posted or {},
        "passes": row.score_hundredths is not None
        and row.score_points is not None
        and row.score_points >= row.category.pass_line
        and not row.gates_failed,
        "is_own": row.state == State.APPLIED
        and row.applied_by_id == request.user.pk
        and request.user.has_perm("assessments.review_flagapplication"),
        "township": Unit.objects.filter(path=row.path[: -Unit.steplen]).first(),
        "revocations": list(
            FlagRevocation.objects.for_user(request.user).filter(awards=award, is_approved=True)
        ) if award else [],
    }  # fmt: skip
    return render(request, "assessments/flag_application.html", context, status=status)


def _points_of_step(step: Any) -> Any:
    column = {State.APPLIED: "self", State.TOWNSHIP_REVIEWED: "township", State.DEPT_REVIEWED: "checked"}.get(
        step.state
    )
    if column is None or not step.lines:
        return None
    given = [line.get(column) for line in step.lines]
    return flag_pages.decimal_of(sum(value for value in given if value is not None and not isinstance(value, bool)))


def verbs_of(user: User, row: FlagApplication) -> dict[str, bool]:
    """What the reader can do with the application now. One query for each right that fits the state."""

    def may(action: str, *states: str) -> bool:
        return row.state in states and FlagApplication.objects.for_user(user, action).filter(pk=row.pk).exists()

    is_open = row.round.state == FlagRound.State.OPEN
    is_own = row.applied_by_id == user.pk
    back = is_open and (
        may("recheck", State.TOWNSHIP_REVIEWED, State.DEPT_REVIEWED) or may("decide", State.DEPT_REVIEWED)
    )
    today = timezone.localdate()
    in_notice = row.notice_to is not None and row.notice_from is not None and row.notice_from <= today <= row.notice_to
    return {
        "resubmit": is_open and may("change", State.RETURNED),
        "withdraw": may("change", State.APPLIED, State.RETURNED),
        "review": is_open and not is_own and may("review", State.APPLIED),
        "recheck": is_open and may("recheck", State.TOWNSHIP_REVIEWED),
        "return": back,
        "panel": is_open and bool(row.round.panel_share) and may("decide", State.DEPT_REVIEWED),
        "object": in_notice
        and row.state in (State.PUBLIC_NOTICE, State.OBJECTION_HOLD)
        and user.has_perm("assessments.add_flagobjection"),
    }


def _step(request: HttpRequest, pk: int, action: str, act: Callable[[FlagApplication], Any], done: str) -> HttpResponse:
    """Runs a service on the application; what it refuses stands on its page."""
    row = fetch(request.user, FlagApplication, pk, action)
    try:
        act(row)
    except ValidationError as error:
        return _page(request, row, " ".join(error.messages), request.POST, status=422)
    messages.success(request, done)
    return redirect(_next_address(request, row))


def _next_address(request: HttpRequest, row: FlagApplication) -> str:
    """The next application of the round that waits for the reader, where that was asked for."""
    if request.POST.get("next") == "1":
        waiting = FlagApplication.objects.filter(flag_pages.waiting_for(request.user), round=row.round_id)
        following = waiting.exclude(pk=row.pk).order_by("path", "category__sort").first()
        if following is not None:
            return reverse("assessments:flag_application", args=[following.pk])
    return reverse("assessments:flag_application", args=[row.pk])


def _version(request: HttpRequest) -> int | None:
    typed = request.POST.get("base_version", "")
    return int(typed) if typed.isdigit() and len(typed) < 10 else None


def _items(row: FlagApplication) -> QuerySet[FlagCriterion]:
    return FlagCriterion.objects.filter(category=row.category_id)


@require_POST
def flag_review(request: HttpRequest, pk: int) -> HttpResponse:
    def act(row: FlagApplication) -> None:
        rank = request.POST.get("rank", "").strip()
        if rank and not (rank.isdigit() and len(rank) < 5):
            raise ValidationError(_("The rank is a whole number."), "rank_taken")
        points = flag_pages.parse_points(request.POST, _items(row))
        one = Review(row.pk, request.POST.get("opinion", ""), points, int(rank) if rank else None, _version(request))
        flag_path.review_applications([one], by=request.user, now=timezone.now())

    return _step(request, pk, "review", act, _("Reviewed. The lead department rechecks it now."))


@require_POST
def flag_recheck(request: HttpRequest, pk: int) -> HttpResponse:
    def act(row: FlagApplication) -> None:
        items = list(_items(row))
        reasons = {item.code: request.POST.get(f"reason-{item.code}", "") for item in items}
        points = flag_pages.parse_points(request.POST, items)
        one = Recheck(row.pk, points, reasons, request.POST.get("opinion", ""), _version(request))
        flag_path.recheck_applications([one], by=request.user, now=timezone.now())

    return _step(request, pk, "recheck", act, _("Rechecked. The county decides in its meeting."))


@require_POST
def flag_resubmit(request: HttpRequest, pk: int) -> HttpResponse:
    def act(row: FlagApplication) -> None:
        points = flag_pages.parse_points(request.POST, _items(row))
        text = request.POST.get("text", "")[:2000]
        flag_path.resubmit(row.pk, points, text, by=request.user, now=timezone.now(), version=_version(request))

    return _step(request, pk, "change", act, _("Handed in again. Another account of the township reviews it."))


@require_POST
def flag_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    def act(row: FlagApplication) -> None:
        reason = request.POST.get("reason", "")
        flag_path.withdraw(row.pk, reason, by=request.user, now=timezone.now(), version=_version(request))

    return _step(request, pk, "change", act, _("Withdrawn. The village can apply again while applications are open."))


@require_POST
def flag_return(request: HttpRequest, pk: int) -> HttpResponse:
    def act(row: FlagApplication) -> None:
        reason = request.POST.get("reason", "")
        flag_path.return_application(row.pk, reason, by=request.user, now=timezone.now(), version=_version(request))

    held = [one for one in ("recheck", "decide") if FlagApplication.objects.for_user(request.user, one).filter(pk=pk)]
    if not held and rows_for(request.user, FlagApplication).filter(pk=pk).exists():
        raise PermissionDenied(_("The lead department or the county office returns an application."))
    return _step(request, pk, held[0] if held else "view", act, _("Returned. The township sees your reason."))
