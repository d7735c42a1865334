"""What the overview shows: the figures of `overview`, put together for its tables, cards and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from branches.models import Unit
from branches.scoping import STEP
from collective_economy import overview, risks
from collective_economy.arrears import arrears_of
from collective_economy.band_page import name_of, sets_in_force
from collective_economy.incomes import growth_percent, percent_of
from collective_economy.lateness import LAG_FROM
from collective_economy.models import BusinessModel, Project, Stage
from collective_economy.overview import ZERO, Earned, Money, Moved, Scope, Year
from collective_economy.schedule import add_months
from collective_economy.stages import FINISHED, IN_WORK

if TYPE_CHECKING:
    from accounts.models import User

SORTS = ("name", "projects", "approved", "received", "paid", "balance", "late", "operating", "growth", "reached")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A place or a business model. None where there is no data; `query` lists its projects."""

    name: str | Promise
    money: Money
    query: str = ""
    unit: Unit | None = None
    late: int = 0
    now: Earned | None = None
    before: Earned | None = None
    target: Decimal | None = None
    due: Decimal | None = None
    came: Decimal | None = None
    """Of a model: what fell due this year by the contracts of its projects, and what of it was received."""

    @property
    def paid_percent(self) -> Decimal | None:
        return percent_of(self.money.paid, self.money.approved)

    @property
    def operating(self) -> Decimal | None:
        return self.now.operating if self.now else None

    @property
    def operating_before(self) -> Decimal | None:
        return self.before.operating if self.before else None

    @property
    def income(self) -> Decimal | None:
        """All of it, subsidies and other income too."""
        return self.now.total if self.now else None

    @property
    def income_before(self) -> Decimal | None:
        return self.before.total if self.before else None

    @property
    def growth(self) -> Decimal | None:
        return growth_percent(self.operating, self.operating_before)

    @property
    def reached(self) -> Decimal | None:
        return percent_of(self.operating, self.target)


def key_of(line: Line, sort: str) -> Any:
    """What lines are sorted by; None where there is no data."""
    found: Mapping[str, Any] = {
        "projects": line.money.projects,
        "approved": line.money.approved,
        "received": line.money.received,
        "paid": line.money.paid,
        "balance": line.money.balance,
        "late": line.late,
        "operating": line.operating,
        "growth": line.growth,
        "reached": line.reached,
    }
    return found[sort]


def sorted_lines(lines: Sequence[Line], sort: str) -> list[Line]:
    """In the order of the tree, or by a figure: the largest first, with "-" before its name the smallest; what has no
    data stands last either way."""
    name = sort.removeprefix("-")
    if name not in SORTS or name == "name":
        return list(lines)
    known = [line for line in lines if key_of(line, name) is not None]
    known.sort(key=lambda line: key_of(line, name), reverse=not sort.startswith("-"))
    return [*known, *(line for line in lines if key_of(line, name) is None)]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The page of one user and year."""

    scope: Scope
    year: int | None
    released: overview.Released | None
    total: Line
    places: list[Line]
    joint: Line | None
    models: list[Line]
    moved: Moved
    moved_before: Moved
    stages: list[tuple[str, str | Promise, int]]
    income: Year
    bands: list[tuple[str, str, int]]
    without_ledger: int
    arrears: Any
    findings: dict[str, int]
    risks: list[tuple[str, risks.Kind, int]]
    time_percent: Decimal

    @property
    def received_percent(self) -> Decimal | None:
        return percent_of(self.total.money.received, self.total.money.approved)

    @property
    def to_come(self) -> Decimal:
        """Approved and not handed out yet."""
        return self.total.money.approved - self.total.money.received

    @property
    def is_behind(self) -> bool:
        """Whether spending stays far behind the time of the year."""
        spent = self.total.paid_percent
        return self.year is not None and spent is not None and spent + LAG_FROM < self.time_percent

    @property
    def bar(self) -> list[tuple[int, Decimal]]:
        """Paid, left, recalled, to come: together what was approved."""
        money = self.total.money
        return [(2, money.paid), (7, money.balance), (3, money.recalled), (0, self.to_come)]

    @property
    def most_in_stage(self) -> int:
        return max((count for _code, _label, count in self.stages), default=0)

    @property
    def most_in_band(self) -> int:
        return max((count for _code, _name, count in self.bands), default=0)

    @property
    def under_way(self) -> int:
        return sum(count for code, _label, count in self.stages if code not in FINISHED)

    @property
    def in_work(self) -> int:
        return sum(count for code, _label, count in self.stages if code in IN_WORK)


def overview_of(user: User, year: int | None, today: date) -> Overview | None:
    """None without a right to projects. `year` None is every year; income is then that of the current one.

    The same number of queries for any number of rows.
    """
    scope = overview.scope_of(user, year)
    if scope is None:
        return None
    of_year = year or today.year
    length = scope.grouping.length
    money = overview.money_by_place_and_model(scope.projects, length)
    late = overview.late_by_place(scope.projects, length, today)
    earned = (
        overview.earned_by_place_and_month(scope.months, length, (of_year - 1, of_year)) if scope.sees_ledger else {}
    )
    income = overview.year_of(earned, of_year, today)
    targets = overview.targets_by_place(scope.targets, length, of_year)
    places = _places(scope, money, late, income, targets, year)
    spans = [_span(of_year, today), _span(of_year, today, before=1)]
    now, before = overview.moved(Project.objects.for_user(user), spans)
    bands = _bands(scope, of_year)
    return Overview(
        scope=scope,
        year=year,
        released=overview.released(user, scope.grouping, year),
        total=Line(
            name=pgettext("money", "Total"),
            query=_query(year),
            money=overview.added(money.values()),
            late=sum(late.values()),
            now=income.sum_now,
            before=income.sum_before,
            target=sum(targets.values(), ZERO) if targets else None,
        ),
        places=[line for line in places if line.unit is not None],
        joint=next((line for line in places if line.unit is None), None),
        models=_models(scope, money, year, today),
        moved=now,
        moved_before=before,
        stages=_stages(overview.stage_counts(scope.projects)),
        income=income,
        bands=bands,
        without_ledger=max(0, _villages(scope) - sum(count for _code, _name, count in bands))
        if scope.sees_ledger
        else 0,
        arrears=arrears_of(scope.receivables, today) if scope.sees_ledger else None,
        findings=overview.finding_counts(scope.findings, today) if scope.sees_ledger else {},
        risks=_risks(user, today),
        time_percent=time_percent(of_year, today),
    )


def _places(
    scope: Scope,
    money: Mapping[tuple[str, str], Money],
    late: Mapping[str, int],
    income: Year,
    targets: Mapping[str, Decimal],
    year: int | None,
) -> list[Line]:
    """Every place in sight in the order of the tree, then what lies above the places in one line. One query."""
    kind, length = scope.grouping.kind, scope.grouping.length
    units = Unit.objects.filter(
        scope.grouping.under("path") | Q(path__in=[one[:length] for one in scope.grouping.paths])
    )
    units = units.filter(kind=kind, valid_to__isnull=True)
    held: dict[str, Money] = {}
    for (path, _model), part in money.items():
        held[path] = held.get(path, Money()) + part
    known = {unit.path for unit in units}
    # A place that was closed since, and projects above the places.
    others = [path for path in {*held, *late, *income.now, *income.before, *targets} if path not in known]
    lines = [
        Line(
            name=unit.name,
            unit=unit,
            query=_query(year, township=unit.pk) if kind == Unit.Kind.TOWNSHIP else "",
            money=held.get(unit.path, Money()),
            late=late.get(unit.path, 0),
            now=income.now.get(unit.path),
            before=income.before.get(unit.path),
            target=targets.get(unit.path),
        )
        for unit in units
    ]
    if others:
        sides = [[side[path] for path in others if path in side] for side in (income.now, income.before)]
        own_targets = [targets[path] for path in others if path in targets]
        lines.append(
            Line(
                name=_("joint, of several places"),
                query=_query(year),
                money=overview.added(held[path] for path in others if path in held),
                late=sum(late.get(path, 0) for path in others),
                now=sum(sides[0], Earned()) if sides[0] else None,
                before=sum(sides[1], Earned()) if sides[1] else None,
                target=sum(own_targets, ZERO) if own_targets else None,
            )
        )
    return lines


def _models(scope: Scope, money: Mapping[tuple[str, str], Money], year: int | None, today: date) -> list[Line]:
    held: dict[str, Money] = {}
    for (_path, model), part in money.items():
        held[model] = held.get(model, Money()) + part
    dues = overview.received_by_model(scope.receivables, year or today.year, today) if scope.sees_ledger else {}
    lines = []
    for model, label in BusinessModel.choices:
        if model in held or model in dues:
            due, came = dues.get(model, (None, None))
            lines.append(
                Line(name=label, query=_query(year, model=model), money=held.get(model, Money()), due=due, came=came)
            )
    return lines


def _query(year: int | None, **conditions: Any) -> str:
    """Conditions of the list of projects."""
    return urlencode(conditions | ({} if year is None else {"year": year}))


def _stages(counts: Mapping[str, int]) -> list[tuple[str, str | Promise, int]]:
    return [(code, label, counts.get(code, 0)) for code, label in Stage.choices]


def _bands(scope: Scope, year: int) -> list[tuple[str, str, int]]:
    """Code, name and villages of each band in force."""
    if not scope.sees_ledger:
        return []
    path = scope.grouping.paths[0]
    above = [path[:end] for end in range(STEP, len(path) + 1, STEP)]
    county = Unit.objects.counties().filter(Q(path__in=above) | Q(path__startswith=path)).first()
    if county is None:
        return []
    bands = sets_in_force(county, [year])[0].bands
    counts = overview.villages_by_band(scope.months, year, bands)
    return [(band.code, name_of(band), counts[band.code]) for band in bands]


def _villages(scope: Scope) -> int:
    return Unit.objects.villages().filter(scope.grouping.under("path"), valid_to__isnull=True).count()


def _risks(user: User, today: date) -> list[tuple[str, risks.Kind, int]]:
    kinds = risks.kinds_for(user)
    counts = risks.counts(risks.sight_of(user), today, kinds)
    return [(code, risks.KINDS[code], counts[code]) for code in kinds]


def _span(year: int, today: date, before: int = 0) -> tuple[date, date]:
    """The year up to today, or the whole of a year that is over; `before` years earlier up to the same day."""
    last = min(today, date(year, 12, 31))
    return date(year - before, 1, 1), add_months(last, -12 * before)


def time_percent(year: int, today: date) -> Decimal:
    """How much of the year has passed, in percent with one place."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    whole = (last - first).days + 1
    passed = min(max((today - first).days + 1, 0), whole)
    return (Decimal(passed) * 100 / whole).quantize(Decimal("0.1"))


# --- Charts ----------------------------------------------------------------------------------


def _wan(amount: Decimal) -> str:
    return f"{(amount / 10_000).quantize(Decimal('0.01')):f}"


def income_chart(income: Year, target: Decimal | None) -> dict[str, Any] | None:
    """Operating income month by month beside the year before, 万元; None without any."""
    if income.last is None:
        return None
    numbers = range(1, 13)

    def side(year: int) -> list[str | None]:
        found = [income.months.get(date(year, number, 1)) for number in numbers]
        return [None if one is None else _wan(one.operating) for one in found]

    series = [
        {"name": str(income.year), "color": "--v1", "data": side(income.year)},
        {"name": str(income.year - 1), "color": "--v6", "kind": "line", "dashed": True, "data": side(income.year - 1)},
    ]
    if target:
        monthly = _wan(target / 12)
        series.append(
            {"name": _("target of a month"), "color": "--v3", "kind": "line", "dashed": True, "data": [monthly] * 12}
        )
    return {
        "kind": "bar",
        "categories": [date_format(date(income.year, number, 1), "M") for number in numbers],
        "series": series,
    }


def model_chart(models: Sequence[Line]) -> dict[str, Any] | None:
    """Approved, received and paid by business model, 万元; None without money."""
    lines = [line for line in models if line.money.approved]
    if not lines:
        return None
    sides = (
        (pgettext("money", "Approved"), "--v6", "approved"),
        (pgettext("money", "Received"), "--v2", "received"),
        (pgettext("money", "Paid"), "--v1", "paid"),
    )
    return {
        "kind": "bar",
        "categories": [str(line.name) for line in lines],
        "series": [
            {"name": name, "color": color, "data": [_wan(getattr(line.money, field)) for line in lines]}
            for name, color, field in sides
        ],
    }
