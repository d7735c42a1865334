"""The ten stages of a project: their order, what opens the gate to the next, and the timers (handbook 6.2).

Plain values in and out, no database, no clock. Rule: docs/rules/projects.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ORDER = ("pool", "apply", "review", "approve", "implement", "pay", "accept", "operate", "evaluate", "audit")
FINISHED = ("done", "stopped", "dropped")
"""A project in one of these goes no further."""
IN_WORK = ("implement", "pay")
"""Work and payment run side by side."""
WITH_MONEY = ("implement", "pay", "accept", "operate", "evaluate", "audit")
"""From the approval on, money may move."""

DEPARTMENTS = ("organization", "finance", "agriculture")
"""Who argues an application together."""
START_WITHIN = timedelta(days=90)
"""After the release of the money work has to begin (handbook 6.2)."""
POOL_YEARS = 3
"""Unused for so long, a project leaves the pool."""
BACK_TO_REVIEW_FROM = Decimal(20)
"""Percent of change from which on a project is reviewed anew."""
IDLE_AFTER = timedelta(days=90)
CARD_WITHIN = timedelta(days=30)
"""After acceptance the asset card has to be there."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the gates ask about a project."""

    decision_steps: int = 0
    """Of the village decision: four discussions and the publication make five."""
    requested: Decimal = Decimal(0)
    shares_are_whole: bool = True
    has_plan: bool = False
    """Start, finish and expected income are given."""
    has_risk_and_sharing: bool = False
    is_signed: bool = False
    agreeing: frozenset[str] = frozenset()
    """Departments that agree in this round of the review."""
    is_approved: bool = False
    has_procurement: bool = False
    has_contract: bool = False
    """A building or purchase contract, or none needed since the collective builds itself."""
    is_started: bool = False
    progress_percent: int = 0
    open_milestones: int = 0
    received: Decimal = Decimal(0)
    is_accepted: bool = False
    has_actual_cost: bool = False
    acceptance_is_clear: bool = True
    asset_count: int = 0
    earns: bool = False
    """By a contract of use, or by income in the ledger."""
    is_evaluated: bool = False
    is_audited: bool = False
    open_findings: int = 0


@dataclass(frozen=True)
class Condition:
    """One thing a gate asks for."""

    code: str
    label: str | Promise
    is_met: Callable[[Facts], bool]


GATES: dict[str, tuple[Condition, ...]] = {
    "pool": (
        Condition(
            "decided", _("The village decision has its four steps and is published"), lambda f: f.decision_steps >= 5
        ),
    ),
    "apply": (
        Condition("money", _("The money asked for is entered by source"), lambda f: f.requested > 0),
        Condition("shares", _("The shares of the villages sum to 100 %"), lambda f: f.shares_are_whole),
        Condition("plan", _("Start, finish and expected yearly income are entered"), lambda f: f.has_plan),
        Condition("risk", _("Risk and sharing of the benefit are entered"), lambda f: f.has_risk_and_sharing),
        Condition("signed", _("The township has checked and signed"), lambda f: f.is_signed),
    ),
    "review": (
        Condition(
            "panel",
            _("Organization department, finance and agriculture bureau all agree"),
            lambda f: f.agreeing >= frozenset(DEPARTMENTS),
        ),
    ),
    "approve": (Condition("approved", _("The county has approved it after the notice"), lambda f: f.is_approved),),
    "implement": (
        Condition("procurement", _("The way of procurement is entered"), lambda f: f.has_procurement),
        Condition("contract", _("The building or purchase contract is entered"), lambda f: f.has_contract),
        Condition("started", _("Work has begun"), lambda f: f.is_started),
    ),
    "pay": (
        Condition("received", _("Money was handed out to the project"), lambda f: f.received > 0),
        Condition("built", _("The work is done to 100 %"), lambda f: f.progress_percent == 100),
        Condition("milestones", _("Every milestone is done"), lambda f: f.open_milestones == 0),
    ),
    "accept": (
        Condition("accepted", _("Day and panel of the acceptance are entered"), lambda f: f.is_accepted),
        Condition("cost", _("The actual cost is entered"), lambda f: f.has_actual_cost),
        Condition("clear", _("The problems found at the acceptance are put right"), lambda f: f.acceptance_is_clear),
    ),
    "operate": (
        Condition("asset", _("There is an asset card"), lambda f: f.asset_count > 0),
        Condition("earns", _("There is a contract of use, or income in the ledger"), lambda f: f.earns),
    ),
    "evaluate": (
        Condition(
            "evaluated", _("Day, income and satisfaction of the evaluation are entered"), lambda f: f.is_evaluated
        ),
    ),
    "audit": (
        Condition("audited", _("The day of the audit is entered"), lambda f: f.is_audited),
        Condition("findings", _("Every audit finding is closed"), lambda f: f.open_findings == 0),
    ),
}
"""What a stage asks for before the next."""


def next_of(stage: str) -> str | None:
    """The stage that follows, "done" after the last; None for a project that goes no further."""
    if stage not in ORDER:
        return None
    place = ORDER.index(stage) + 1
    return ORDER[place] if place < len(ORDER) else "done"


def conditions(stage: str, facts: Facts) -> list[tuple[Condition, bool]]:
    """What the gate of `stage` asks for, each with whether it is there."""
    return [(condition, condition.is_met(facts)) for condition in GATES.get(stage, ())]


def missing(stage: str, facts: Facts) -> list[Condition]:
    return [condition for condition, is_met in conditions(stage, facts) if not is_met]


# --- Timers -----------------------------------------------------------------------------------


def must_start_by(released_on: date | None, started_on: date | None) -> date | None:
    """By when work has to begin; None before the release and once it has begun."""
    return None if released_on is None or started_on is not None else released_on + START_WITHIN


def leaves_pool_on(pooled_on: date) -> date:
    """When an unused project leaves the pool."""
    return anniversary(pooled_on, POOL_YEARS)


def anniversary(day: date, years: int) -> date:
    """The same day years later, 28 February for the leap day."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def first_with_anniversary_from(day: date, years: int) -> date:
    """The first day whose anniversary is not before `day`: whatever lies before it had its anniversary."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 3, 1)


def goes_back(percent: Decimal) -> bool:
    """Whether a change of this extent sends the project back to review."""
    return percent >= BACK_TO_REVIEW_FROM


def extent(before: Decimal, after: Decimal) -> Decimal:
    """Change of an amount in percent, cut to two places; 100 where there was nothing before."""
    if before == after:
        return Decimal(0)
    if before == 0:
        return Decimal(100)
    return (abs(after - before) * 100 / before).quantize(Decimal("0.01"), rounding=ROUND_DOWN)


def moved(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> Decimal:
    """How much of a budget, in percent, went to other items or came in or went out; cut to two places."""
    rise = sum((max(amount - before.get(item, Decimal(0)), Decimal(0)) for item, amount in after.items()), Decimal(0))
    fall = sum((max(amount - after.get(item, Decimal(0)), Decimal(0)) for item, amount in before.items()), Decimal(0))
    whole = sum(before.values(), Decimal(0))
    return extent(whole, whole + max(rise, fall))


def days_planned(start_on: date, finish_on: date) -> int:
    """Both days counted."""
    return (finish_on - start_on).days + 1


def days_late(due: Sequence[tuple[date, date | None]], day: date) -> int:
    """The worst delay on `day` in days over milestones (planned, done): what was due by then and not done by then."""
    return max(
        ((day - planned).days for planned, done in due if planned < day and (done is None or done > day)), default=0
    )


def time_percent(start_on: date | None, finish_on: date | None, day: date) -> Decimal | None:
    """How much of the planned time has passed, in percent with one place, 0 to 100; None without a plan."""
    if start_on is None or finish_on is None:
        return None
    whole = days_planned(start_on, finish_on)
    passed = min(max((day - start_on).days + 1, 0), whole)
    return (Decimal(passed) * 100 / whole).quantize(Decimal("0.1"))
