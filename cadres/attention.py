"""What of posts and the reserve waits for a user: counts, each with a page that shows the rows behind it.

No query for somebody without the rights; where a reserve is kept the number does not grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, Min, OuterRef, Q

from branches.models import Branch, Unit
from branches.scoping import paths_for, rows_with, scope_condition
from cadres.ages import AgeBand
from cadres.limits import limits_for
from cadres.models import ReserveCadre
from cadres.querysets import aged
from cadres.succession import SOON_DAYS

if TYPE_CHECKING:
    from accounts.models import User

Stage = ReserveCadre.Stage


@dataclass(frozen=True)
class Waiting:
    """`to_review`, `to_record`: entries at the user's own step. The others: villages, people, villages."""

    to_review: int = 0
    to_record: int = 0
    without_reserve: int = 0
    over_age: int = 0
    elections: int = 0
    first_election: date | None = None


def waiting_for(user: User, today: date) -> Waiting:
    """What waits for the user today. Two queries where no reserve is kept, five elsewhere."""
    kept = paths_for(user, "cadres.change_reservecadre")
    if not kept:
        return Waiting()
    open_entries = ReserveCadre.objects.for_user(user, "change").open()
    numbers = open_entries.order_by().aggregate(
        all=Count("pk"),
        review=Count("pk", filter=_mine(user, "review") & Q(stage=Stage.NOMINATED)),
        record=Count("pk", filter=_mine(user, "record") & Q(stage=Stage.REVIEWED)),
    )
    elections = _elections(user, today)
    return Waiting(
        to_review=numbers["review"],
        to_record=numbers["record"],
        without_reserve=_without_reserve(user, today) if numbers["all"] else 0,
        over_age=_over_age(user, today, kept[0]) if numbers["all"] else 0,
        elections=elections[0],
        first_election=elections[1],
    )


def _mine(user: User, action: str) -> Q:
    """Condition for the entries on which the user may take this step."""
    return scope_condition(user, ReserveCadre, action) or Q(pk__in=[])


def _without_reserve(user: User, today: date) -> int:
    """Villages with nobody in stock."""
    stock = ReserveCadre.objects.in_stock_on(today).filter(unit=OuterRef("pk"))
    villages = rows_with(user, Unit.objects.villages().valid_on(today), "cadres.change_reservecadre")
    return villages.filter(~Exists(stock)).count()


def _over_age(user: User, today: date, path: str) -> int:
    """People in stock at or above the age from which the removal is proposed."""
    band = AgeBand("over", limits_for(path).reserve_removal_age, None)
    rows = ReserveCadre.objects.for_user(user, "change").in_stock_on(today)
    return rows.filter(aged(band, today, "person__birth")).count()


def _elections(user: User, today: date) -> tuple[int, date | None]:
    """Villages whose election is due within half a year or overdue, and the first day."""
    rows = (
        Branch.objects.for_user(user, "change")
        .leading()
        .filter(
            valid_to__isnull=True, unit__kind=Unit.Kind.VILLAGE, next_election_on__lte=today + timedelta(days=SOON_DAYS)
        )
    )
    found = rows.order_by().aggregate(number=Count("pk"), first=Min("next_election_on"))
    return found["number"], found["first"]
