"""What a user has to do now, each with the address of the exact place.

A to-do comes from the state of rows the user has the right to move; nothing is stored.
The number of queries is the same whatever there is to do.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assessments import export_todos, flag_todos, pay_todos, year_todos
from assessments.models import Appeal, Period, Ranking, Return, Unlock
from branches.models import Membership
from branches.todo import Source, Todo, registered
from cadres.attention import waiting_for

if TYPE_CHECKING:
    from accounts.models import User


def todos(user: User, now: datetime) -> list[Todo]:
    """Everything the user has to do, the most urgent first."""
    found = [todo for source in (*_SOURCES, *registered()) for todo in source(user, now)]
    return sorted(found, key=lambda todo: (not todo.is_overdue, todo.can_wait, todo.due or now, todo.title))


def counts(found: list[Todo]) -> dict[str, int]:
    """Menu entry -> how many rows wait at it; "todo" counts the to-dos themselves."""
    result = {"todo": len(found)}
    for todo in found:
        result[todo.key] = result.get(todo.key, 0) + todo.number
    return result


def month_name(period: Period) -> str:
    return date_format(period.month, "YEAR_MONTH_FORMAT")


def _returns_to_enter(user: User, now: datetime) -> list[Todo]:
    """Open months of the townships for which the user submits."""
    rows = (
        Return.objects.for_user(user, "submit")
        .filter(state__in=["draft", "returned"], period__state=Period.State.OPEN)
        .select_related("period", "unit")
    )
    return [_enter(row, now) for row in rows]


def _enter(row: Return, now: datetime) -> Todo:
    is_returned = row.state == Return.State.RETURNED
    names = {"month": month_name(row.period), "township": row.unit.name}
    if is_returned:
        title = _("%(township)s: the figures of %(month)s were returned") % names
    else:
        title = _("%(township)s: enter the figures of %(month)s") % names
    due = row.period.lock_at if is_returned else row.period.submit_by
    return Todo(
        key="entry",
        icon="arrow-back-up" if is_returned else "table",
        tone="warn" if is_returned else "info",
        title=title,
        detail=_reminder(row)
        or (row.return_reason if is_returned else _("Typed or pasted cells are saved by themselves; then submit.")),
        action=_("Correct") if is_returned else _("Go on"),
        url=reverse("assessments:grid", args=[row.pk]),
        due=due,
        is_overdue=due < now,
    )


def _reminder(row: Return) -> str:
    """The county's reminder as long as nothing has come in after it, else empty."""
    later = [moment for moment in (row.submitted_at, row.returned_at) if moment is not None]
    if row.reminded_at is None or any(moment > row.reminded_at for moment in later):
        return ""
    when = date_format(timezone.localtime(row.reminded_at), "SHORT_DATETIME_FORMAT")
    return _("Reminded by the county, %(when)s: %(text)s") % {"when": when, "text": row.reminder}


def _returns_to_review(user: User, now: datetime) -> list[Todo]:
    rows = (
        Return.objects.for_user(user, "review")
        .filter(state=Return.State.SUBMITTED, period__state=Period.State.OPEN)
        .select_related("period", "unit")
        .order_by("submitted_at")
    )
    return [
        Todo(
            key="review",
            icon="clipboard-check",
            tone="info",
            title=_("%(township)s: review the figures of %(month)s")
            % {"township": row.unit.name, "month": month_name(row.period)},
            detail=_("Submitted %(when)s")
            % {"when": date_format(timezone.localtime(row.submitted_at), "SHORT_DATETIME_FORMAT")},
            action=_("Review"),
            url=reverse("assessments:review", args=[row.pk]),
            due=row.period.review_by,
            is_overdue=row.period.review_by < now,
        )
        for row in rows
    ]


def _periods_to_close(user: User, now: datetime) -> list[Todo]:
    rows = Period.objects.for_user(user, "close").filter(state__in=["open", "locked"], lock_at__lte=now)
    return [
        Todo(
            key="months",
            icon="calculator",
            tone="warn",
            title=_("Lock %(month)s and compute its ranking") % {"month": month_name(period)},
            detail=_("The time for corrections is over."),
            action=_("Open the month"),
            url=reverse("assessments:period", args=[period.pk]),
            due=period.publish_by,
            is_overdue=period.publish_by < now,
        )
        for period in rows
    ]


def _drafts_to_publish(user: User, now: datetime) -> list[Todo]:
    drafts = (
        Ranking.objects.for_user(user, "publish")
        .filter(state=Ranking.State.DRAFT)
        .exclude(computed_by=user)
        .select_related("period")
    )
    return [
        Todo(
            key="publish",
            icon="chart-bar",
            tone="warn",
            title=_("Publish the ranking of %(month)s") % {"month": month_name(draft.period)},
            detail=_("%(ranked)s of %(all)s villages ranked, revision %(revision)s")
            % {"ranked": draft.ranked_count, "all": draft.village_count, "revision": draft.revision},
            action=_("Check and publish"),
            url=reverse("assessments:period", args=[draft.period_id]),
            due=draft.period.publish_by,
            is_overdue=draft.period.publish_by < now,
        )
        for draft in drafts
    ]


def _appeals_to_decide(user: User, now: datetime) -> list[Todo]:
    rows = (
        Appeal.objects.for_user(user, "decide")
        .filter(state=Appeal.State.OPEN)
        .exclude(opened_by=user)
        .select_related("period", "village")
    )
    return [
        Todo(
            key="appeals",
            icon="message-report",
            tone="warn",
            title=_("%(village)s objects to a line of %(month)s")
            % {"village": row.village.name, "month": month_name(row.period)},
            detail=row.claim[:80],
            action=_("Decide"),
            url=reverse("assessments:appeal", args=[row.pk]),
            due=row.answer_by,
            is_overdue=row.answer_by < now,
        )
        for row in rows
    ]


def _unlocks_to_decide(user: User, now: datetime) -> list[Todo]:
    rows = (
        Unlock.objects.for_user(user, "decide")
        .filter(is_approved__isnull=True)
        .exclude(asked_by=user)
        .select_related("submission__unit", "submission__period")
    )
    return [
        Todo(
            key="months",
            icon="lock-open",
            tone="info",
            title=_("%(township)s asks to reopen %(month)s")
            % {"township": row.submission.unit.name, "month": month_name(row.submission.period)},
            detail=row.reason,
            action=_("Decide"),
            url=reverse("assessments:period", args=[row.submission.period_id]),
        )
        for row in rows
    ]


def _memberships_to_confirm(user: User, now: datetime) -> list[Todo]:
    waiting = (
        Membership.objects.for_user(user, "confirm")
        .filter(confirmed_by__isnull=True)
        .exclude(proposed_by=user)
        .exclude(user=user)
        .aggregate(number=Count("pk"), first=Min("valid_from"))
    )
    if not waiting["number"]:
        return []
    return [
        Todo(
            key="roles",
            icon="shield-check",
            tone="info",
            title=ngettext(
                "%(number)s role waits to be confirmed", "%(number)s roles wait to be confirmed", waiting["number"]
            )
            % {"number": waiting["number"]},
            detail=_("A role takes effect when a second person has confirmed it."),
            action=_("Confirm"),
            url=reverse("admin:branches_membership_changelist"),
        )
    ]


def _reserve_and_elections(user: User, now: datetime) -> list[Todo]:
    """Nominations at the user's own step, then what the reserve and the coming elections ask to be looked at."""
    found = waiting_for(user, timezone.localdate(now))
    names = reverse("reserve:list")
    review = ngettext("%(n)s nomination waits for review", "%(n)s nominations wait for review", found.to_review)
    record = ngettext("%(n)s reviewed nomination waits", "%(n)s reviewed nominations wait", found.to_record)
    without = ngettext("%(n)s village has no reserve", "%(n)s villages have no reserve", found.without_reserve)
    over = ngettext("%(n)s in the reserve is over age", "%(n)s in the reserve are over age", found.over_age)
    coming = ngettext(
        "%(n)s village elects within half a year", "%(n)s villages elect within half a year", found.elections
    )
    lines = (
        (
            found.to_review,
            ("reserve", "clipboard-check", review, f"{names}?stage=nominated"),
            _("The township reviews; the county then puts on record."),
        ),
        (
            found.to_record,
            ("reserve", "checks", record, f"{names}?stage=reviewed"),
            _("Only who is on record counts as reserve."),
        ),
        (
            found.without_reserve,
            ("coverage", "users", without, f"{reverse('reserve:coverage')}?level=0"),
            _("Two or three for each village, so that every post has somebody to follow."),
        ),
        (
            found.over_age,
            ("over_age", "user-x", over, f"{names}?state=stock&age=over"),
            _("Taking off the reserve is proposed; nobody is removed by it."),
        ),
        (
            found.elections,
            ("elections", "calendar-event", coming, f"{reverse('reserve:succession')}"),
            _("The first on %(day)s.") % {"day": found.first_election},
        ),
    )
    return [
        Todo(
            key=key,
            icon=icon,
            tone="info",
            title=title % {"n": number},
            detail=detail,
            action=_("See"),
            url=url,
            can_wait=key != "reserve",
        )
        for number, (key, icon, title, url), detail in lines
        if number
    ]


_SOURCES: tuple[Source, ...] = (
    _returns_to_enter,
    _returns_to_review,
    _periods_to_close,
    _drafts_to_publish,
    _appeals_to_decide,
    _unlocks_to_decide,
    _memberships_to_confirm,
    _reserve_and_elections,
    *flag_todos.SOURCES,
    *pay_todos.SOURCES,
    *year_todos.SOURCES,
    *export_todos.SOURCES,
)
