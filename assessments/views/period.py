"""The month as a whole: who has handed in, reminding, locking, computing, publishing, correcting, unlocking."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import jobs
from accounts.models import Job
from accounts.reauth import has_recent_password, recent_password_required
from assessments import period_page
from assessments.jobs import CLOSE
from assessments.models import Period, Ranking, Return, Unlock
from assessments.services import appeals, publication, review
from assessments.services.closing import lock_period
from assessments.services.periods import open_period

MONTHS_ON_A_PAGE = 24
MAX_HOURS = 72


@require_GET
def period_list(request: HttpRequest) -> HttpResponse:
    """The months of the user's county, newest first."""
    if not request.user.has_perm("assessments.view_period"):
        raise PermissionDenied(_("Months are open to the county office, the townships and inspectors."))
    page = Paginator(period_page.months(request.user), MONTHS_ON_A_PAGE).get_page(request.GET.get("page"))
    rows = period_page.month_rows(list(page), request.user)
    return render(request, "assessments/period_list.html", {"title": _("Months"), "page": page, "rows": rows})


@require_GET
def period_detail(request: HttpRequest, pk: int) -> HttpResponse:
    period = _period(request, pk)
    return render(request, "assessments/period.html", _page(request, period))


@require_GET
def period_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress of the computation, asked for by the page; reloads the page when it has ended."""
    period = _period(request, pk)
    job = period_page.closing_job(period)
    response = render(request, "assessments/_period_progress.html", {"period": period, "job": job})
    if job is not None and job.state not in jobs.LIVE:
        response.headers["HX-Refresh"] = "true"
    return response


# --- Steps of the month -------------------------------------------------------------------


@require_POST
def open_now(request: HttpRequest, pk: int) -> HttpResponse:
    period = _period(request, pk, "change", _("A month is opened by the county office."))
    return _do(
        request, period, lambda: open_period(period, by=request.user, now=timezone.now()), _("The month is open.")
    )


@require_POST
def remind(request: HttpRequest, pk: int) -> HttpResponse:
    """A notice on the home page of the selected townships, or of all that have not handed in."""
    period = _period(request, pk)
    if not request.user.has_perm("assessments.review_return"):
        raise PermissionDenied(_("Townships are reminded by the county office."))
    ids = [int(value) for value in request.POST.getlist("return") if value.isdecimal()]
    try:
        reminded = review.remind(period, ids, request.POST.get("text", ""), by=request.user, now=timezone.now())
    except ValidationError as error:
        return _refused(request, period, error)
    if reminded:
        text = ngettext("%(n)d township reminded: %(names)s.", "%(n)d townships reminded: %(names)s.", len(reminded))
        names = pgettext("between names", ", ").join(row.unit.name for row in reminded)
        messages.success(request, text % {"n": len(reminded), "names": names})
    else:
        messages.info(request, _("Nobody was reminded: choose townships that have not handed in."))
    return _back(period)


@require_POST
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends entry and review; with `compute` the draft ranking is asked for at once."""
    period = _period(request, pk, "close", _("A month is locked by the county office."))
    review.relock_due(timezone.now())
    try:
        lock_period(period, by=request.user, now=timezone.now())
    except ValidationError as error:
        return _refused(request, period, error)
    if request.POST.get("compute"):
        _enqueue(request, period)
    else:
        messages.success(request, _("The month is locked. Nobody can change a figure now."))
    return _back(period)


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Has the draft ranking computed by a job; the page shows its progress and can be left."""
    period = _period(request, pk, "close", _("A ranking is computed by the county office."))
    review.relock_due(timezone.now())
    if period.state not in {Period.State.LOCKED, Period.State.COMPUTED}:
        messages.error(request, _("Lock the month first; then nobody changes a value while it is computed."))
        return _back(period)
    _enqueue(request, period)
    return _back(period)


def _enqueue(request: HttpRequest, period: Period) -> Job:
    return jobs.enqueue(CLOSE, {"period_ids": [period.pk]}, by=request.user, key=str(period.pk), scope=period.path)


@recent_password_required
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """The question whether to publish the draft, and the answer. Who had it computed is refused."""
    period = _period(request, pk)
    draft = get_object_or_404(Ranking.objects.for_user(request.user), period=period, state=Ranking.State.DRAFT)
    if not Ranking.objects.for_user(request.user, "publish").filter(pk=draft.pk).exists():
        raise PermissionDenied(_("Rankings are published by a leader."))
    if request.method == "GET":
        context = _page(request, period) | {"title": _("Publish the ranking"), "crumbs": _crumbs(period)}
        return render(request, "assessments/period_publish.html", context)
    if request.POST.get("checksum") != draft.checksum:
        messages.error(request, _("The draft has been computed anew since you opened the page. Look at it again."))
        return _back(period)
    done = _("The ranking is published. Objections are possible until %(day)s.")
    try:
        published = publication.publish_ranking(draft, by=request.user, now=timezone.now())
    except ValidationError as error:
        return _refused(request, period, error)
    messages.success(request, done % {"day": f"{timezone.localtime(published.appeal_until):%Y-%m-%d}"})
    return redirect(f"{reverse('assessments:board')}?{urlencode({'month': f'{period.month:%Y-%m}'})}")


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throws the draft away, so that the month can be corrected or computed anew."""
    period = _period(request, pk, "close", _("A draft is discarded by the county office."))
    draft = get_object_or_404(Ranking.objects.for_user(request.user), period=period, state=Ranking.State.DRAFT)
    done = _("The draft has been discarded.")
    return _do(request, period, lambda: publication.discard_draft(draft, by=request.user), done)


@require_POST
def revise(request: HttpRequest, pk: int) -> HttpResponse:
    """Computes the correction that decided objections ask for, in place of a draft of it."""
    period = _period(request, pk, "close", _("A correction is computed by the county office."))
    done = _("The correction is computed as a draft. A leader publishes it.")
    return _do(request, period, lambda: appeals.revise_for_appeals(period, by=request.user, now=timezone.now()), done)


# --- Unlocking ----------------------------------------------------------------------------


@require_POST
def unlock_ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for an accepted return of the month to be opened again."""
    period = _period(request, pk)
    wanted = request.POST.get("return", "")
    allowed = Return.objects.for_user(request.user, "ask_unlock").filter(period=period)
    submission = get_object_or_404(allowed, pk=wanted if wanted.isdecimal() else 0)
    hours = request.POST.get("hours", "")
    done = _("The request waits for a leader.")
    return _do(
        request,
        period,
        lambda: review.ask_unlock(
            submission,
            request.POST.get("reason", ""),
            int(hours) if hours.isdecimal() and len(hours) < 4 else 0,
            by=request.user,
            now=timezone.now(),
        ),
        done,
    )


@require_POST
def unlock_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """The leader's answer to a request."""
    unlock = get_object_or_404(Unlock.objects.for_user(request.user).select_related("submission__period"), pk=pk)
    if not Unlock.objects.for_user(request.user, "decide").filter(pk=pk).exists():
        raise PermissionDenied(_("An unlock is decided by a leader."))
    is_approved = request.POST.get("decision") == "approve"
    period = unlock.submission.period
    done = _("The return is open again for %(hours)s hours.") if is_approved else _("The request has been refused.")
    return _do(
        request,
        period,
        lambda: review.decide_unlock(unlock, is_approved, by=request.user, now=timezone.now()),
        done % {"hours": unlock.hours} if is_approved else done,
    )


# --- Parts --------------------------------------------------------------------------------


def _period(request: HttpRequest, pk: int, action: str = "view", refusal: str = "") -> Period:
    """The month, if the user may see it; seen but without the right to `action` it is refused."""
    rows = Period.objects.for_user(request.user).select_related("unit", "scheme").defer("scheme__snapshot")
    period = get_object_or_404(rows, pk=pk)
    if action != "view" and not Period.objects.for_user(request.user, action).filter(pk=pk).exists():
        raise PermissionDenied(refusal)
    return period


def _page(request: HttpRequest, period: Period) -> dict[str, Any]:
    user, now = request.user, timezone.now()
    rows = period_page.township_rows(period, user, now)
    draft = period_page.draft_of(period, user)
    may_publish = user.has_perm("assessments.publish_ranking")
    return {
        "title": _("Month"),
        "crumbs": [(reverse("assessments:period_list"), _("Months"))],
        "period": period,
        "now": now,
        "rows": rows,
        "counts": period_page.return_counts(rows),
        "steps": period_page.step_labels(),
        "step": period_page.step_of(period),
        "job": period_page.closing_job(period),
        "live": jobs.LIVE,
        "draft": draft,
        "is_own_draft": draft is not None and draft.ranking.computed_by_id == user.pk,
        "revisions": period_page.revisions_of(period, user),
        "unlocks": period_page.unlocks_of(period, user),
        "accepted": [row.submission for row in rows if row.submission.state == Return.State.ACCEPTED],
        "waiting_corrections": _waiting_corrections(request, period),
        "may_review": user.has_perm("assessments.review_return"),
        "may_close": Period.objects.for_user(user, "close").filter(pk=period.pk).exists(),
        "may_publish": may_publish,
        "may_ask_unlock": user.has_perm("assessments.ask_unlock_return"),
        "may_unlock": user.has_perm("assessments.decide_unlock"),
        "has_recent_password": may_publish and has_recent_password(request),
    }


def _waiting_corrections(request: HttpRequest, period: Period) -> list[Any]:
    if period.state not in {Period.State.PUBLISHED, Period.State.CLOSED}:
        return []
    return appeals.waiting_corrections(period) if request.user.has_perm("assessments.close_period") else []


def _crumbs(period: Period) -> list[tuple[str, str]]:
    return [
        (reverse("assessments:period_list"), _("Months")),
        (reverse("assessments:period", args=[period.pk]), f"{period.month:%Y-%m}"),
    ]


def _do(request: HttpRequest, period: Period, act: Any, done: str) -> HttpResponse:
    """Runs a service; what it refuses is said on the page."""
    try:
        act()
    except ValidationError as error:
        return _refused(request, period, error)
    messages.success(request, done)
    return _back(period)


def _refused(request: HttpRequest, period: Period, error: ValidationError) -> HttpResponse:
    messages.error(request, " ".join(error.messages))
    return _back(period)


def _back(period: Period) -> HttpResponseRedirect:
    return redirect("assessments:period", pk=period.pk)
