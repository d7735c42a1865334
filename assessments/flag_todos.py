"""Things to do about the red flags: one line for each kind of step, with how many wait."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assessments import flag_pages
from assessments.models import FlagApplication, FlagAward, FlagObjection, FlagRevocation
from branches.todo import Source, Todo

if TYPE_CHECKING:
    from accounts.models import User

State = FlagApplication.State


def _steps_of_applications(user: User, now: datetime) -> list[Todo]:
    """Applications that wait for the user's own step, by state. One query."""
    steps = [action for action, _states in flag_pages.WAITS if user.has_perm(f"assessments.{action}_flagapplication")]
    if not steps:
        return []
    rows = FlagApplication.objects.filter(flag_pages.waiting_for(user))
    found = rows.values("state").annotate(number=Count("pk"), round=Min("round")).order_by("state")
    return [_step(row["state"], row["number"], row["round"]) for row in found]


def _step(state: str, number: int, round_id: int) -> Todo:
    title = {
        State.RETURNED: ngettext("%(n)s application was returned", "%(n)s applications were returned", number),
        State.APPLIED: ngettext(
            "%(n)s application waits for the township's review",
            "%(n)s applications wait for the township's review",
            number,
        ),
        State.TOWNSHIP_REVIEWED: ngettext(
            "%(n)s application waits for the recheck", "%(n)s applications wait for the recheck", number
        ),
        State.DEPT_REVIEWED: ngettext(
            "%(n)s application waits for the meeting", "%(n)s applications wait for the meeting", number
        ),
        State.DECIDED: ngettext("%(n)s flag waits for its notice", "%(n)s flags wait for their notice", number),
    }[State(state)]
    page = "assessments:flag_notice" if state == State.DECIDED else "assessments:flag_list"
    address = reverse(page, args=[round_id]) if state == State.DECIDED else f"{reverse(page)}?round={round_id}&mine=1"
    return Todo(
        key="flags",
        icon="flag",
        tone="warn" if state == State.RETURNED else "info",
        title=title % {"n": number},
        detail=_("Red flags"),
        action=_("Put right") if state == State.RETURNED else _("See"),
        url=address if state == State.DECIDED else f"{address}&state={state}",
    )


def _notices_over(user: User, now: datetime) -> list[Todo]:
    """Flags whose public notice is over and that nobody has prepared."""
    if not user.has_perm("assessments.prepare_flagaward"):
        return []
    rows = FlagApplication.objects.for_user(user, "decide").filter(
        state=State.PUBLIC_NOTICE, notice_to__lt=timezone.localdate(now), award=None
    )
    return [
        Todo(
            key="flags",
            icon="flag",
            tone="info",
            title=ngettext("%(n)s flag can be prepared", "%(n)s flags can be prepared", row["number"])
            % {"n": row["number"]},
            detail=_("Their public notice is over."),
            action=_("Prepare"),
            url=reverse("assessments:flag_awards", args=[row["round"]]),
        )
        for row in rows.values("round").annotate(number=Count("pk")).order_by("round")
    ]


def _awards_to_approve(user: User, now: datetime) -> list[Todo]:
    if not user.has_perm("assessments.approve_flagaward"):
        return []
    rows = FlagAward.objects.for_user(user, "approve").filter(approved_by__isnull=True).exclude(prepared_by=user)
    return [
        Todo(
            key="flags",
            icon="flag",
            tone="warn",
            title=ngettext("%(n)s flag waits for approval", "%(n)s flags wait for approval", row["number"])
            % {"n": row["number"]},
            detail=_("Prepared after the public notice."),
            action=_("Approve"),
            url=reverse("assessments:flag_awards", args=[row["round"]]),
        )
        for row in rows.values("round").annotate(number=Count("pk")).order_by("round")
    ]


def _objections_to_decide(user: User, now: datetime) -> list[Todo]:
    if not user.has_perm("assessments.decide_flagobjection"):
        return []
    rows = (
        FlagObjection.objects.for_user(user, "decide")
        .filter(outcome="")
        .exclude(Q(entered_by=user) | Q(application__applied_by=user) | Q(application__rechecked_by=user))
        .select_related("application__village", "application__category")
    )
    return [
        Todo(
            key="flags",
            icon="message-report",
            tone="warn",
            title=_("Objection to the flag %(flag)s of %(village)s")
            % {"flag": row.application.category.name, "village": row.application.village.name},
            detail=row.text[:80],
            action=_("Decide"),
            url=reverse("assessments:flag_objection", args=[row.pk]),
        )
        for row in rows
    ]


def _revocations_to_decide(user: User, now: datetime) -> list[Todo]:
    if not user.has_perm("assessments.approve_flagrevocation"):
        return []
    rows = FlagRevocation.objects.for_user(user, "approve").filter(is_approved__isnull=True).exclude(proposed_by=user)
    return [
        Todo(
            key="flags",
            icon="flag",
            tone="warn",
            title=_("Flags of %(village)s are to be taken away") % {"village": row.village.name},
            detail=row.get_reason_display(),
            action=_("Decide"),
            url=reverse("assessments:flag_revocation", args=[row.pk]),
        )
        for row in rows.select_related("village")
    ]


SOURCES: tuple[Source, ...] = (
    _steps_of_applications,
    _notices_over,
    _awards_to_approve,
    _objections_to_decide,
    _revocations_to_decide,
)
