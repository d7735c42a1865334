"""The home page: what needs attention today, by what the user has rights to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from assessments import home
from assessments.home_rewards import rewards_of
from assessments.models import Period, Return
from assessments.todos import todos
from branches.home_card import cards_of
from branches.models import Unit, Village
from branches.scoping import paths_for
from branches.todo import Todo


def workbench(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The township's page, the county's page, or the plain one for who has neither."""
    now = timezone.now()
    user: User = request.user  # type: ignore[assignment]
    found = request.portal_todos if hasattr(request, "portal_todos") else todos(user, now)
    context = {**(extra_context or {}), "todos": found, "now": now, "title": _("Workbench")}
    context["cards"] = cards_of(user, timezone.localdate(now))
    township = _own_township(user)
    if township is not None:
        return render(request, "assessments/home_township.html", {**context, **_township(user, township, now, found)})
    if user.has_perm("assessments.view_period"):
        return render(request, "assessments/home_county.html", {**context, **_county(user, now)})
    return render(request, "assessments/home_plain.html", context)


def _own_township(user: User) -> Unit | None:
    """The township whose month the user submits; None for who submits for none or for several."""
    paths = paths_for(user, "assessments.submit_return")
    return Unit.objects.filter(path=paths[0], kind=Unit.Kind.TOWNSHIP).first() if len(paths) == 1 else None


def _township(user: User, township: Unit, now: datetime, found: list[Todo]) -> dict[str, Any]:
    period = home.current_period(user)
    progress = next(iter(home.progress_of(period, user)), None) if period else None
    ranking = home.latest_ranking(user)
    return {
        "title": _("%(township)s workbench") % {"township": township.name},
        "township": township,
        "village_count": Village.objects.for_user(user).filter(unit__valid_to__isnull=True).count(),
        "period": period,
        "progress": progress,
        "step": _step(period, progress.submission) if period and progress else 0,
        "ranking": ranking,
        "grades": home.GradeWords.of(ranking) if ranking else None,
        "standing": home.township_standing(ranking, township, user) if ranking else None,
        "is_editable": bool(
            period and progress and progress.submission.state in {"draft", "returned"} and period.state == "open"
        ),
    }


def _step(period: Period, submission: Return) -> int:
    """Place in: enter, check, submit, county review, publication."""
    if period.state in {Period.State.PUBLISHED, Period.State.CLOSED}:
        return 5
    if submission.state in {Return.State.SUBMITTED, Return.State.ACCEPTED}:
        return 4
    return 1


def _county(user: User, now: datetime) -> dict[str, Any]:
    period = home.current_period(user)
    townships = home.progress_of(period, user) if period else []
    ranking = home.latest_ranking(user)
    context: dict[str, Any] = {"period": period, "townships": townships, "ranking": ranking}
    context["rewards"] = rewards_of(user, timezone.localdate(now))
    if period:
        context["figures"] = home.county_figures(townships, period, now)
    if ranking:
        context["top"], context["bottom"] = home.top_and_bottom(ranking, user)
        context["grades"], context["shares"] = home.grade_shares(ranking, user)
        context["largest"] = max((sum(share.counts) for share in context["shares"]), default=0)
        context["low_count"] = sum(share.counts[-1] for share in context["shares"] if share.counts)
        context["unranked"] = ranking.village_count - ranking.ranked_count
    return context


def todo_list(request: HttpRequest) -> HttpResponse:
    """All to-dos on a page of their own; the bell leads here."""
    user: User = request.user  # type: ignore[assignment]
    return render(request, "assessments/todo_list.html", {"title": _("To do"), "todos": todos(user, timezone.now())})
