"""Reads what the pay of a county's months follows from, for all its villages at once.

The same number of queries for one village and for fifty thousand. What is not approved counts for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from assessments.models import CadreResult, FlagAward, PayLine, PayRules, PaySheet, UpliftRate, YearAssessment
from assessments.pay import (
    Ended,
    Facts,
    Flag,
    Graded,
    Held,
    Item,
    Key,
    Paid,
    Rate,
    Suspension,
    Terms,
)
from branches.models import Unit, Village
from branches.months import after
from branches.scoping import STEP
from cadres.models import DisciplineAction, Posting

CHUNK = 5_000
LOCKED = (PaySheet.State.EXPORTED, PaySheet.State.SETTLED)


@dataclass(frozen=True)
class Villages:
    """Villages of a county, closed ones too."""

    paths: Mapping[int, str]
    ended: Mapping[int, Ended]

    def township_path(self, village: int) -> str:
        return self.paths[village][:-STEP]


@dataclass(frozen=True)
class Sheets:
    """What the county's sheets of a span of months say: which are with the finance office, and what they pay."""

    locked: Mapping[date, frozenset[str]]
    """Month -> paths of townships whose sheet is exported."""
    known: Mapping[date, frozenset[str]]
    """Month -> paths of townships that have a sheet."""
    approved_then: Mapping[date, Mapping[int, int]]
    paid: Mapping[date, Mapping[Key, Paid]] = field(default_factory=dict)


def villages_of(path: str) -> Villages:
    """One query."""
    rows = list(Unit.objects.under(path).villages().order_by().values_list("pk", "path", "valid_to", "merged_into_id"))
    ended = {pk: Ended(last, into) for pk, _path, last, into in rows if last is not None}
    return Villages({pk: where for pk, where, _last, _into in rows}, ended)


def facts_of(
    path: str,
    first: date,
    last: date,
    villages: Villages,
    *,
    approved_then: Mapping[date, Mapping[int, int]] | None = None,
) -> Facts:
    """Everything about the months from `first` to `last`. Seven queries."""
    end = after(last) - timedelta(days=1)
    return Facts(
        held=_held(path, first, end),
        flags=_flags(path, first, last),
        rates=rates_of(path),
        terms=_terms(path),
        suspensions=_suspensions(path, first, end),
        grades=_grades(path, first, last),
        approved=dict(
            Village.objects.filter(unit__path__startswith=path).order_by().values_list("unit_id", "approved_post_count")
        ),
        approved_then=approved_then or {},
        ended=villages.ended,
    )


def _held(path: str, first: date, last: date) -> list[Held]:
    begun = Q(started_on__isnull=True) | Q(started_on__lte=last.isoformat())
    rows = (
        Posting.objects.filter(begun, Q(ended_on__isnull=True) | Q(ended_on__gte=first), unit__path__startswith=path)
        .order_by()
        .values_list("pk", "person_id", "unit_id", "post", "started_on", "ended_on", "mode", "person__is_seconded")
    )
    sent = Posting.Mode.SENT
    return [
        Held(pk, person, unit, post, started.first_day if started else None, ended, mode == sent or bool(is_seconded))
        for pk, person, unit, post, started, ended, mode, is_seconded in rows.iterator(CHUNK)
    ]


def _flags(path: str, first: date, last: date) -> list[Flag]:
    rows = (
        FlagAward.objects.filter(
            Q(pay_until__isnull=True) | Q(pay_until__gte=first),
            path__startswith=path,
            approved_by__isnull=False,
            pay_from__lte=last,
            valid_to__gte=first,
        )
        .order_by()
        .values_list("pk", "village_id", "code", "pay_from", "pay_until", "valid_to")
    )
    return [
        Flag(pk, village, code, begins.replace(day=1), last_month(until, valid_to))
        for pk, village, code, begins, until, valid_to in rows.iterator(CHUNK)
    ]


def last_month(pay_until: date | None, valid_to: date) -> date:
    """The last month a flag pays: the one its end names, never after the month of its validity."""
    end = valid_to.replace(day=1)
    return end if pay_until is None else min(pay_until.replace(day=1), end)


def rates_of(path: str) -> list[Rate]:
    rows = UpliftRate.objects.filter(path=path, approved_by__isnull=False).order_by()
    return [
        Rate(kind, group, code, to_cents(amount), begins)
        for kind, group, code, amount, begins in rows.values_list("kind", "role_group", "code", "amount", "valid_from")
    ]


def to_cents(yuan: Decimal) -> int:
    """Exact: a column of money has two decimals."""
    return int(yuan.scaleb(2))


def terms_of(rules: PayRules) -> Terms:
    return Terms(
        valid_from=rules.valid_from,
        deciding_day=rules.deciding_day,
        other_posts=frozenset(rules.other_posts),
        is_limited=rules.within_approved_posts,
        shares={grade: Decimal(str(share)) for grade, share in rules.grade_shares.items()},
        performance_month=rules.performance_month,
    )


def _terms(path: str) -> list[Terms]:
    return [terms_of(rules) for rules in PayRules.objects.filter(path=path, approved_by__isnull=False).order_by()]


def _suspensions(path: str, first: date, last: date) -> list[Suspension]:
    """The written end counts until a decision ends a suspension on another day."""
    rows = (
        DisciplineAction.objects.filter(
            kind=DisciplineAction.Kind.SUSPENSION, decided_on__lte=last, person__postings__unit__path__startswith=path
        )
        .filter(
            Q(ended_on__gte=first)
            | Q(ended_on__isnull=True) & (Q(effective_to__isnull=True) | Q(effective_to__gte=first))
        )
        .order_by()
        .values_list("person_id", "decided_on", "effective_to", "ended_on")
        .distinct()
    )
    return [Suspension(person, begins, ended or planned) for person, begins, planned, ended in rows]


def _grades(path: str, first: date, last: date) -> list[Graded]:
    rows = (
        CadreResult.objects.filter(
            path__startswith=path,
            assessment__state=YearAssessment.State.PUBLISHED,
            assessment__span=YearAssessment.Span.YEAR,
            assessment__year__gte=first.year - 1,
            assessment__year__lte=last.year - 1,
        )
        .order_by()
        .values_list("assessment__year", "person_id", "village_id", "post", "grade")
    )
    return [Graded(*row) for row in rows.iterator(CHUNK)]


# --- What sheets say already ----------------------------------------------------------------


def sheets_of(path: str, first: date, last: date, *, without: tuple[date, frozenset[str]] | None = None) -> Sheets:
    """Sheets of the county from one month to another, and their lines. Two queries.

    `without`: a month and the paths of townships whose draft is about to be written anew; its lines do not count.
    """
    rows = PaySheet.objects.filter(path__startswith=path, month__gte=first, month__lte=last).order_by()
    locked: dict[date, set[str]] = defaultdict(set)
    known: dict[date, set[str]] = defaultdict(set)
    approved: dict[date, dict[int, int]] = defaultdict(dict)
    for month, township, state, numbers in rows.values_list("month", "path", "state", "approved_numbers"):
        known[month].add(township)
        if state in LOCKED:
            locked[month].add(township)
            approved[month].update((int(village), number) for village, number in numbers.items())
    return Sheets(
        {month: frozenset(paths) for month, paths in locked.items()},
        {month: frozenset(paths) for month, paths in known.items()},
        approved,
        _paid(path, first, last, without),
    )


def _paid(
    path: str, first: date, last: date, without: tuple[date, frozenset[str]] | None
) -> dict[date, dict[Key, Paid]]:
    """What is paid for each month by the lines of all sheets, whichever sheet they stand on."""
    lines = PayLine.objects.filter(path__startswith=path, for_month__gte=first, for_month__lte=last)
    if without is not None:
        lines = lines.exclude(sheet__month=without[0], sheet__path__in=without[1])
    columns = ("for_month", "person_id", "village_id", "role_group", "posting_id", "flags", "performance_cents")
    found: dict[date, dict[Key, Paid]] = defaultdict(dict)
    for month, person, village, group, posting, flags, performance in (
        lines.order_by("for_month", "pk").values_list(*columns).iterator(CHUNK)
    ):
        one = found[month].get((person, village))
        if one is None:
            one = found[month][person, village] = Paid(group, posting)
        one.group, one.posting = group, posting
        one.add(items_of(flags), performance)
    return found


def items_of(flags: list[dict[str, Any]]) -> tuple[Item, ...]:
    return tuple(Item(one["award"], one["code"], one["cents"]) for one in flags)


def flags_of(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    return [{"award": item.award, "code": item.code, "cents": item.cents} for item in items]
