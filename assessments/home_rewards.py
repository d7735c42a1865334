"""Flags and pay at a glance, for the home page of the county."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from assessments.models import FlagApplication, FlagAward, FlagRound, PaySheet

if TYPE_CHECKING:
    from accounts.models import User

OPEN_STATES = (
    "applied",
    "returned",
    "township_reviewed",
    "dept_reviewed",
    "decided",
    "public_notice",
    "objection_hold",
)


@dataclass(frozen=True)
class Rewards:
    """`flags` valid today in `villages`; applications of the open round on their way; the latest pay sheets.

    `pay` is yuan, None before the first sheet; `approved` of `sheets` are approved or further.
    """

    flags: int = 0
    villages: int = 0
    round: FlagRound | None = None
    waiting: int = 0
    month: date | None = None
    pay: Decimal | None = None
    people: int = 0
    sheets: int = 0
    approved: int = 0


def rewards_of(user: User, today: date) -> Rewards | None:
    """None where there has been neither a round nor a sheet. Five queries at most."""
    row = FlagRound.objects.for_user(user).exclude(state=FlagRound.State.DRAFT).order_by("-first_on", "-pk").first()
    latest = PaySheet.objects.for_user(user).order_by("-month").values_list("month", flat=True).first()
    if row is None and latest is None:
        return None
    held = FlagAward.objects.for_user(user).filter(
        Q(revoked_on__isnull=True) | Q(revoked_on__gt=today),
        approved_by__isnull=False,
        awarded_on__lte=today,
        valid_to__gte=today,
    )
    flags = held.order_by().aggregate(flags=Count("pk"), villages=Count("village_id", distinct=True))
    waiting = FlagApplication.objects.for_user(user).filter(round=row, state__in=OPEN_STATES).count() if row else 0
    return replace(_paid(user, latest), round=row, waiting=waiting, **flags)


def _paid(user: User, month: date | None) -> Rewards:
    """What the sheets of the month say, the rest still empty."""
    if month is None:
        return Rewards()
    done = Q(state__in=[PaySheet.State.APPROVED, PaySheet.State.EXPORTED, PaySheet.State.SETTLED])
    sums = (
        PaySheet.objects.for_user(user)
        .filter(month=month)
        .order_by()
        .aggregate(
            cents=Sum("total_cents"), people=Sum("people"), sheets=Count("pk"), approved=Count("pk", filter=done)
        )
    )
    return Rewards(
        month=month,
        pay=Decimal(sums["cents"] or 0).scaleb(-2),
        people=sums["people"] or 0,
        sheets=sums["sheets"],
        approved=sums["approved"],
    )
