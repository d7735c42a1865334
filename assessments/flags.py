"""The rules of the red flags without a database: steps, scores, quota, months paid, effects of a revocation.

Points are whole hundredths. Rule: docs/rules/flags.md (handbook 2.2 to 2.4).
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from assessments.models import FlagApplication, FlagCriterion, FlagRevocation, PayRules

State = FlagApplication.State
Reason = FlagRevocation.Reason
WHOLE = 10_000
"""A hundred points in hundredths."""


# --- Steps ------------------------------------------------------------------------------------


class Verb(StrEnum):
    """What moves an application."""

    RESUBMIT = "resubmit"
    WITHDRAW = "withdraw"
    REVIEW = "review"
    RECHECK = "recheck"
    RETURN = "return"
    GRANT = "grant"
    REFUSE = "refuse"
    NOTICE = "notice"
    OBJECT = "object"
    UPHOLD = "uphold"
    DISMISS = "dismiss"
    AWARD = "award"


NEXT: Mapping[tuple[str, Verb], str] = {
    (State.RETURNED, Verb.RESUBMIT): State.APPLIED,
    (State.WITHDRAWN, Verb.RESUBMIT): State.APPLIED,
    (State.APPLIED, Verb.WITHDRAW): State.WITHDRAWN,
    (State.RETURNED, Verb.WITHDRAW): State.WITHDRAWN,
    (State.APPLIED, Verb.REVIEW): State.TOWNSHIP_REVIEWED,
    (State.TOWNSHIP_REVIEWED, Verb.RECHECK): State.DEPT_REVIEWED,
    (State.TOWNSHIP_REVIEWED, Verb.RETURN): State.RETURNED,
    (State.DEPT_REVIEWED, Verb.RETURN): State.RETURNED,
    (State.DEPT_REVIEWED, Verb.GRANT): State.DECIDED,
    (State.DEPT_REVIEWED, Verb.REFUSE): State.REJECTED,
    (State.DECIDED, Verb.NOTICE): State.PUBLIC_NOTICE,
    (State.PUBLIC_NOTICE, Verb.OBJECT): State.OBJECTION_HOLD,
    (State.OBJECTION_HOLD, Verb.OBJECT): State.OBJECTION_HOLD,
    (State.OBJECTION_HOLD, Verb.UPHOLD): State.REJECTED,
    (State.OBJECTION_HOLD, Verb.DISMISS): State.PUBLIC_NOTICE,
    (State.PUBLIC_NOTICE, Verb.AWARD): State.AWARDED,
}
"""Handbook 2.2. What is not in the table does not happen. Beginning, end and taking away stand in the award."""


def next_state(state: str, verb: Verb) -> str | None:
    """Where the step leads, None where it cannot be made."""
    return NEXT.get((state, verb))


# --- Who gives the points of a criterion ------------------------------------------------------


class Scorer(StrEnum):
    SYSTEM = "system"
    TOWNSHIP = "township"
    DEPARTMENT = "department"


def scorer_of(source: str, computed: object) -> Scorer:
    """Who gives the points: where the system has no data, the lead department does."""
    if source == FlagCriterion.Source.TOWNSHIP:
        return Scorer.TOWNSHIP
    if source == FlagCriterion.Source.SYSTEM and computed is not None:
        return Scorer.SYSTEM
    return Scorer.DEPARTMENT


def points_of(lines: Iterable[Mapping[str, Any]], column: str) -> int:
    """Sum of the points of a column; gates and what nobody has given count nothing."""
    return sum(value for line in lines if (value := line.get(column)) is not None and not isinstance(value, bool))


def gates_failed(lines: Iterable[Mapping[str, Any]], gates: Collection[str]) -> list[str]:
    """Codes of the gates that the recheck did not find met, in the order of the lines."""
    return [line["code"] for line in lines if line["code"] in gates and line.get("checked") is not True]


# --- Score and decision -----------------------------------------------------------------------


def half_up(part: int, whole: int) -> int:
    """Part through whole as a whole number, a half upward. Both not negative."""
    return (2 * part + whole) // (2 * whole)


def trimmed_mean(scores: Sequence[Decimal | None], dropped: int) -> int | None:
    """Mean of the judges in hundredths without the highest and lowest `dropped` each; None stood back.

    With too few judges for that nobody is left out; None where everybody stood back.
    """
    given = sorted(int(score.scaleb(2)) for score in scores if score is not None)
    kept = given[dropped : len(given) - dropped] if len(given) > 2 * dropped else given
    return half_up(sum(kept), len(kept)) if kept else None


def score(checked: int, panel: int | None, panel_share: int) -> int | None:
    """What the decision rests on; None while the round has a panel and the panel has not scored."""
    if not panel_share:
        return checked
    if panel is None:
        return None
    return half_up(checked * (100 - panel_share) + panel * panel_share, 100)


def passes(points: int | None, pass_line: int, failed: Collection[str]) -> bool:
    """At or above the pass line, and every gate met."""
    return points is not None and points >= pass_line and not failed


def beyond_quota(scores: Mapping[int, int], taken: int, quota: int | None) -> list[int]:
    """Those whose flag would lie beyond the quota, the best first; `taken` flags are given already.

    A warning for the meeting, never a cut. Equal scores at the edge are all named.
    """
    if quota is None or taken + len(scores) <= quota:
        return []
    free = max(quota - taken, 0)
    order = sorted(scores, key=lambda key: (-scores[key], key))
    last_inside = scores[order[free - 1]] if free else None
    first_outside = scores[order[free]]
    edge = {key for key in order if scores[key] == last_inside} if last_inside == first_outside else set()
    return [key for place, key in enumerate(order) if place >= free or key in edge]


# --- Months paid ------------------------------------------------------------------------------


def first_of(day: date) -> date:
    return day.replace(day=1)


def month_after(day: date) -> date:
    return (first_of(day) + timedelta(days=31)).replace(day=1)


def month_before(day: date) -> date:
    return (first_of(day) - timedelta(days=1)).replace(day=1)


def pay_from(awarded_on: date, starts: str) -> date:
    """First month paid."""
    return first_of(awarded_on) if starts == PayRules.Starts.SAME_MONTH else month_after(awarded_on)


def pay_until(first_paid: date, revoked_on: date, stops: str, *, owes_nothing: bool) -> date:
    """Last month paid of a flag that is taken away; before `first_paid` where no month is owed."""
    if owes_nothing:
        return month_before(first_paid)
    return month_before(revoked_on) if stops == PayRules.Stops.SAME_MONTH else first_of(revoked_on)


# --- Taking away ------------------------------------------------------------------------------


class Stops(StrEnum):
    """Which flags of the village end."""

    ALL = "all"
    CHOSEN = "chosen"
    PARTY_BUILDING = "party_building"


@dataclass(frozen=True)
class Effect:
    """What a reason does (handbook 2.3). `rounds` without application; `until_lifted` for as long as it lasts."""

    stops: Stops
    rounds: int = 0
    until_lifted: bool = False
    owes_nothing: bool = False

    @property
    def blocks(self) -> bool:
        return bool(self.rounds) or self.until_lifted


EFFECTS: Mapping[str, Effect] = {
    Reason.DISCIPLINE: Effect(Stops.ALL),
    Reason.APPRAISAL_LOW: Effect(Stops.ALL),
    Reason.NEGATIVE_LIST: Effect(Stops.CHOSEN),
    Reason.FALSE_DATA: Effect(Stops.ALL, rounds=2, owes_nothing=True),
    Reason.WEAK_BRANCH: Effect(Stops.PARTY_BUILDING, until_lifted=True),
    Reason.FUND_MISUSE: Effect(Stops.CHOSEN),
}


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last day of a month stays the last."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    length = calendar.monthrange(year, month)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month, length if is_last else min(day.day, length))


def blocked_until(happened_on: date, first_on: date, last_on: date, rounds: int) -> date:
    """End of the last of `rounds` rounds that the village misses.

    `first_on` to `last_on` is the round of the flag, whose length the next ones have. The first round
    missed is the one that judges the day, and never the flag's own.
    """
    months = max(1, (last_on.year - first_on.year) * 12 + last_on.month - first_on.month + 1)
    number = 1
    while add_months(last_on, months * number) < happened_on:
        number += 1
    return add_months(last_on, months * (number + rounds - 1))


def is_blocked(
    happened_on: date, until: date | None, *, is_open: bool, today: date, first_on: date, last_on: date
) -> bool:
    """Whether a village may not apply in a round that judges `first_on` to `last_on`."""
    if is_open:
        return True
    if until is None:
        return False
    return today <= until or (happened_on <= last_on <= until)
