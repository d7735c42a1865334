"""The collective economy at a glance: money from programme to village, and what villages earn of it.

Everything is summed in the database over the sums that it keeps (`ProjectSource`, `LedgerMonth`), grouped by the
beginning of the path, so the number of queries is the same for one county and for a province. Amounts are yuan with
cents; a place or a model without rows is missing from an answer, not zero. Rule: docs/rules/funds.md, "Overview".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Round, Substr

from branches.models import Unit
from branches.scoping import STEP, paths_for
from collective_economy.bands import Band, band_of
from collective_economy.incomes import IS_RECORDED
from collective_economy.models import (
    AuditFinding,
    IncomeTarget,
    LedgerMonth,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectSource,
    Receivable,
)
from collective_economy.models.ledger import COUNTED_AS_OPERATING, INCOME
from collective_economy.project_lists import late_on

if TYPE_CHECKING:
    from accounts.models import User

CENT = Decimal("0.01")
ZERO = Decimal(0)
MONTHS = 12
SEE_PROJECTS, SEE_LEDGER = "collective_economy.view_project", "collective_economy.view_ledgermonth"
Rows = QuerySet[Any]


def cents(amount: Decimal | None) -> Decimal:
    """SQLite adds in binary, so a sum is put back to cents."""
    return (amount or ZERO).quantize(CENT)


# --- The places of the table -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """By which units the table is told: townships of one county, or counties. `length`: of their paths."""

    kind: str
    length: int
    paths: tuple[str, ...]

    def under(self, lookup: str) -> Q:
        """Condition for rows in sight, by the look-up to their path."""
        condition = Q()
        for path in self.paths:
            condition |= Q(**{f"{lookup}__startswith": path})
        return condition


def grouping_for(user: User, permission: str) -> Grouping | None:
    """By townships while all that the user sees lies in one county, else by counties; None without the right.

    One query.
    """
    paths = paths_for(user, permission)
    return grouping_of(paths) if paths else None


def grouping_of(paths: Sequence[str]) -> Grouping:
    above = {path[:end] for path in paths for end in range(STEP, len(path) + 1, STEP)}
    condition = Q(path__in=above)
    for path in paths:
        condition |= Q(path__startswith=path)
    counties = list(Unit.objects.counties().filter(condition).values_list("path", flat=True)[:2])
    length = len(counties[0]) if counties else len(paths[0])
    if len(counties) == 1:
        return Grouping(kind=Unit.Kind.TOWNSHIP, length=length + STEP, paths=tuple(paths))
    return Grouping(kind=Unit.Kind.COUNTY, length=length, paths=tuple(paths))


# --- Money of projects -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Money:
    """Of some projects, in yuan over all their sources."""

    projects: int = 0
    approved: Decimal = ZERO
    support: Decimal = ZERO
    """Of the approved, what is support money."""
    received: Decimal = ZERO
    paid: Decimal = ZERO
    recalled: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        return self.received - self.paid - self.recalled

    def __add__(self, other: Money) -> Money:
        names = ("projects", "approved", "support", "received", "paid", "recalled")
        return Money(**{name: getattr(self, name) + getattr(other, name) for name in names})


def money_by_place_and_model(projects: Rows, length: int) -> dict[tuple[str, str], Money]:
    """(path of the place, business model) -> money. A project above the places, a joint one of several of them, stands
    at its own shorter path. One query."""
    rows = ProjectSource.objects.filter(project__in=projects).order_by()
    grouped = rows.values(place=Substr("project__path", 1, length), model=F("project__business_model")).annotate(
        count=Count("project", distinct=True),
        sum_approved=Sum("approved"),
        sum_support=Sum("approved", filter=Q(programme_source__isnull=False)),
        sum_received=Sum("received"),
        sum_paid=Sum("paid"),
        sum_recalled=Sum("recalled"),
    )
    return {
        (row["place"], row["model"]): Money(
            projects=row["count"],
            approved=cents(row["sum_approved"]),
            support=cents(row["sum_support"]),
            received=cents(row["sum_received"]),
            paid=cents(row["sum_paid"]),
            recalled=cents(row["sum_recalled"]),
        )
        for row in grouped
    }


def money_of(projects: Rows) -> Money:
    """Of all of them together. One query."""
    return added(money_by_place_and_model(projects, STEP).values())


def added(parts: Iterable[Money]) -> Money:
    whole = Money()
    for part in parts:
        whole += part
    return whole


@dataclass(frozen=True, kw_only=True)
class Released:
    """Support money of programmes, in yuan: what they hold, and what of it was approved to projects."""

    amount: Decimal
    allocated: Decimal
    programmes: int


def released(user: User, grouping: Grouping, year: int | None) -> Released | None:
    """Of confirmed programmes at or below the places the user oversees; None where there are none, as for a township,
    which a programme of its county is not handed out to as a whole. One query."""
    programmes = Programme.objects.for_user(user).filter(grouping.under("path"), confirmed_by__isnull=False)
    if year is not None:
        programmes = programmes.filter(year=year)
    found = ProgrammeSource.objects.filter(programme__in=programmes).aggregate(
        amount=Sum("amount"), allocated=Sum("allocated"), count=Count("programme", distinct=True)
    )
    if not found["count"]:
        return None
    return Released(amount=cents(found["amount"]), allocated=cents(found["allocated"]), programmes=found["count"])


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Yuan of confirmed movements between two days, reversals taken off on their own day."""

    received: Decimal = ZERO
    paid: Decimal = ZERO
    recalled: Decimal = ZERO


def moved(projects: Rows, spans: Sequence[tuple[date, date]]) -> list[Moved]:
    """Of each span of days, first and last included. One query."""
    sums: dict[str, Any] = {}
    for number, (first, last) in enumerate(spans):
        for kind in Payment.Kind.values:
            for sign, is_back in (("in", False), ("back", True)):
                within = Q(kind=kind, paid_on__gte=first, paid_on__lte=last, reverses__isnull=not is_back)
                sums[f"{sign}_{kind}_{number}"] = Sum("amount", filter=within)
    rows = Payment.objects.filter(
        project__in=projects,
        state=Payment.State.CONFIRMED,
        paid_on__gte=min(first for first, _last in spans),
        paid_on__lte=max(last for _first, last in spans),
    ).order_by()
    found = rows.aggregate(**sums)

    def net(kind: str, number: int) -> Decimal:
        return cents(found[f"in_{kind}_{number}"]) - cents(found[f"back_{kind}_{number}"])

    return [
        Moved(received=net("receipt", number), paid=net("payment", number), recalled=net("recall", number))
        for number in range(len(spans))
    ]


def stage_counts(projects: Rows) -> dict[str, int]:
    """Stage -> projects in it. One query."""
    return dict(projects.order_by().values_list("stage").annotate(count=Count("pk")))


def late_by_place(projects: Rows, length: int, today: date) -> dict[str, int]:
    """Path of the place -> projects of which something is past its day. One query."""
    rows = projects.filter(late_on(today)).order_by().values(place=Substr("path", 1, length))
    return {row["place"]: row["count"] for row in rows.annotate(count=Count("pk"))}


# --- What villages earn ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Earned:
    """Yuan: operating income by which villages are assessed, and all income, subsidies and other income with it."""

    operating: Decimal = ZERO
    total: Decimal = ZERO

    def __add__(self, other: Earned) -> Earned:
        return Earned(operating=self.operating + other.operating, total=self.total + other.total)


def earned_by_place_and_month(months: Rows, length: int, years: Sequence[int]) -> dict[tuple[str, date], Earned]:
    """(path of the place, month) -> income in it, of months that say something: they hold entries or were closed. One
    query."""
    rows = months.filter(
        IS_RECORDED, month__gte=date(min(years), 1, 1), month__lte=date(max(years), MONTHS, 1)
    ).order_by()
    sums = {f"sum_{category}": Sum(category) for category in INCOME}
    grouped = rows.values("month", place=Substr("path", 1, length)).annotate(**sums)
    return {
        (row["place"], row["month"]): Earned(
            operating=sum((cents(row[f"sum_{one}"]) for one in COUNTED_AS_OPERATING), ZERO),
            total=sum((cents(row[f"sum_{one}"]) for one in INCOME), ZERO),
        )
        for row in grouped
    }


@dataclass(frozen=True, kw_only=True)
class Year:
    """Income of a year up to `last`, the last of its months with entries, beside the same months of the year before."""

    year: int
    last: date | None
    months: Mapping[date, Earned] = field(default_factory=dict)
    """Of both years, all places together."""
    now: Mapping[str, Earned] = field(default_factory=dict)
    before: Mapping[str, Earned] = field(default_factory=dict)
    """By place, January to `last` and the same months."""

    @property
    def sum_now(self) -> Earned | None:
        return _sum(self.now.values()) if self.now else None

    @property
    def sum_before(self) -> Earned | None:
        return _sum(self.before.values()) if self.before else None


def _sum(parts: Iterable[Earned]) -> Earned:
    whole = Earned()
    for part in parts:
        whole += part
    return whole


def year_of(found: Mapping[tuple[str, date], Earned], year: int, today: date) -> Year:
    """From income by place and month. A month to come is none of the year's. No query."""
    last = max((month for _place, month in found if month.year == year and month <= today), default=None)
    months: dict[date, Earned] = {}
    sides: dict[int, dict[str, Earned]] = {year: {}, year - 1: {}}
    for (place, month), income in found.items():
        months[month] = months.get(month, Earned()) + income
        if last is not None and month.month <= last.month and month.year in sides:
            side = sides[month.year]
            side[place] = side.get(place, Earned()) + income
    return Year(year=year, last=last, months=months, now=sides[year], before=sides[year - 1])


def targets_by_place(targets: Rows, length: int, year: int) -> dict[str, Decimal]:
    """Path of the place -> targets of its villages for the year. One query."""
    rows = targets.filter(year=year).order_by().values(place=Substr("path", 1, length))
    return {row["place"]: cents(row["sum"]) for row in rows.annotate(sum=Sum("amount"))}


def villages_by_band(months: Rows, year: int, bands: Sequence[Band]) -> dict[str, int]:
    """Code of the band -> villages whose operating income of the year is in it; without a ledger, a village is in none.

    What stood at villages merged since counts for the village they went into, as on the page of bands. At most three
    queries.
    """
    rows = months.filter(IS_RECORDED, month__gte=date(year, 1, 1), month__lte=date(year, MONTHS, 1)).order_by()
    operating = sum((Coalesce(F(one), ZERO) for one in COUNTED_AS_OPERATING[1:]), Coalesce(F("operating"), ZERO))
    by_village = rows.values("unit_id").annotate(earned=Round(Sum(operating), 2))
    heirs = _heirs()
    touched = {*heirs, *heirs.values()}
    counts = _counted(by_village.exclude(unit__in=touched) if touched else by_village, bands)
    if touched:
        sums: dict[int, Decimal] = {}
        for unit, earned in by_village.filter(unit__in=touched).values_list("unit_id", "earned"):
            heir = heirs.get(unit, unit)
            sums[heir] = sums.get(heir, ZERO) + cents(earned)
        for earned in sums.values():
            counts[band_of(earned, bands).code] += 1
    return counts


def _counted(by_village: Rows, bands: Sequence[Band]) -> dict[str, int]:
    """In the database. Half-open as `bands.band_of`: at or above the lower bound, below the next one's."""
    counts: dict[str, Any] = {}
    for place, band in enumerate(bands):
        within = Q(earned__gte=band.lower) if place else Q()
        if place + 1 < len(bands):
            within &= Q(earned__lt=bands[place + 1].lower)
        counts[f"band_{place}"] = Count("unit_id", filter=within)
    found = by_village.aggregate(**counts)
    return {band.code: found[f"band_{place}"] for place, band in enumerate(bands)}


def _heirs() -> dict[int, int]:
    """Village that was merged -> the village of today that it went into."""
    rows = Unit.objects.villages().filter(valid_to__isnull=False, merged_into__isnull=False).order_by()
    into: dict[int, int] = dict(rows.values_list("pk", "merged_into_id"))
    found = {}
    for pk in into:
        last, seen = pk, {pk}
        while last in into and into[last] not in seen:
            last = into[last]
            seen.add(last)
        found[pk] = last
    return found


def received_by_model(receivables: Rows, year: int, today: date) -> dict[str, tuple[Decimal, Decimal]]:
    """Business model -> (due, received) by the contracts of its projects, of what fell due in the year so far, without
    what was waived. One query."""
    until = min(today, date(year, MONTHS, 31))
    rows = receivables.filter(
        contract__project__isnull=False, waived_on__isnull=True, due_on__gte=date(year, 1, 1), due_on__lte=until
    ).order_by()
    grouped = rows.values(model=F("contract__project__business_model"))
    return {
        row["model"]: (cents(row["due"]), cents(row["received_sum"]))
        for row in grouped.annotate(due=Sum("amount"), received_sum=Sum("received"))
    }


# --- Findings --------------------------------------------------------------------------------


def finding_counts(findings: Rows, today: date) -> dict[str, int]:
    """open, handed_in (of the open ones) and overdue. One query."""
    is_open = Q(closed_on__isnull=True)
    return findings.order_by().aggregate(
        open=Count("pk", filter=is_open),
        handed_in=Count("pk", filter=is_open & Q(handed_in_by__isnull=False)),
        overdue=Count("pk", filter=is_open & Q(due_on__lt=today)),
    )


# --- What a user sees of it ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Rows of one user. The ledger's are none without the right to it, as for a lead department."""

    grouping: Grouping
    sees_ledger: bool
    projects: Rows
    months: Rows
    targets: Rows
    receivables: Rows
    findings: Rows


def scope_of(user: User, year: int | None) -> Scope | None:
    """None without a right to projects. `year` narrows the projects to those of one year."""
    grouping = grouping_for(user, SEE_PROJECTS)
    if grouping is None:
        return None
    projects = Project.objects.for_user(user)
    return Scope(
        grouping=grouping,
        sees_ledger=bool(paths_for(user, SEE_LEDGER)),
        projects=projects if year is None else projects.filter(year=year),
        months=LedgerMonth.objects.for_user(user),
        targets=IncomeTarget.objects.for_user(user),
        receivables=Receivable.objects.for_user(user),
        findings=AuditFinding.objects.for_user(user),
    )
