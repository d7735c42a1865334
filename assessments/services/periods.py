"""The months of a county: planned ahead, opened on their day, closed when objections are over.

planned -> open (here) -> locked -> computed -> published (closing, publication) -> closed (here).
Everything that opens is set-based: as many queries for a province as for a county.
Rule: docs/rules/calendar.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import insert_rows
from accounts.models import User
from assessments.deadlines import FIELDS, next_month
from assessments.in_force import SetAside, rules_in_force, set_aside
from assessments.models import Appeal, Period, Ranking, Return, Scheme, VillageMonth
from assessments.rules import SchemeRules, to_scaled
from assessments.services import month_plan
from assessments.services.schemes import rules_of
from branches import indicators
from branches.models import Unit, VillageClass
from branches.querysets import valid_on
from branches.scoping import STEP

CONSTANT = "constant:"


# --- Reading ------------------------------------------------------------------------------


def rules_of_month(period: Period) -> SchemeRules:
    """What a month is scored by: frozen when it opened; before that, what would hold if it opened today."""
    if period.rules_in_force is not None:
        return SchemeRules.from_snapshot(period.rules_in_force)
    return rules_in_force(rules_of(period.scheme), registered_codes())


def set_aside_in(period: Period) -> list[SetAside]:
    """The indicators meant to be computed that the county enters, or that do not apply, in this month."""
    return set_aside(rules_of(period.scheme), rules_of_month(period))


def set_aside_now(rules: SchemeRules) -> list[SetAside]:
    """As `set_aside_in`, for a month that opened today under `rules`."""
    return set_aside(rules, rules_in_force(rules, registered_codes()))


def registered_codes() -> frozenset[str]:
    """What the system can compute."""
    return frozenset(source.code for source in indicators.registered())


# --- Planning -----------------------------------------------------------------------------


@transaction.atomic
def plan_period(county: Unit, month: date, *, by: User | None) -> Period:
    """The month of a county, planned with the dates of its scheme's calendar when it is not there yet.

    Raises ValidationError "no_scheme" where no published scheme holds in `month`.
    """
    (period,) = plan_months(county, [month], by=by)
    return period


def plan_year(county: Unit, first_month: date, *, by: User | None) -> list[Period]:
    """Twelve months from `first_month` on, so that every deadline is known a year ahead (handbook 9.4)."""
    return plan_months(county, [next_month(first_month, count) for count in range(12)], by=by)


@transaction.atomic
def plan_months(county: Unit, months: Sequence[date], *, by: User | None) -> list[Period]:
    """As `plan_period`, for several months, in order. Months that are there already stay as they are."""
    existing = {period.month: period for period in Period.objects.filter(unit=county, month__in=months)}
    missing = [month for month in months if month not in existing]
    in_force = month_plan.schemes_in_force([county.pk], missing)
    unruled = [month for month in missing if (county.pk, month) not in in_force]
    if unruled:
        message = _("No published scheme holds in %(month)s. Publish one first.") % {"month": f"{unruled[0]:%Y-%m}"}
        raise ValidationError(message, "no_scheme")
    new = _planned(county, {month: in_force[county.pk, month] for month in missing})
    Period.objects.bulk_create(new)
    if new:
        changes = {"months": [f"{period.month:%Y-%m}" for period in new]}
        audit.record("assessments.plan_period", actor=by, target=county, unit=county, changes=changes)
    existing |= {period.month: period for period in new}
    return [existing[month] for month in months]


def _planned(county: Unit, schemes: Mapping[date, Scheme]) -> list[Period]:
    dated = month_plan.dates_by_scheme(schemes.values(), schemes)
    return [
        Period(unit=county, path=county.path, month=month, scheme=scheme, **dated[scheme.pk][month].as_fields())
        for month, scheme in schemes.items()
    ]


@transaction.atomic
def change_deadlines(
    period: Period, dates: Mapping[str, datetime], *, version: int, by: User, reason: str, now: datetime
) -> Period:
    """Move deadlines of a month by hand. `dates`: field -> moment, of those that move.

    Deadlines are fixed once a month has opened, so this needs a reason and goes on record;
    a moment that has passed stays, and none moves into the past. Raises ValidationError
    "reason_missing", "out_of_order", "passed", "too_late" (the month is no longer open),
    "changed_meanwhile".
    """
    if not reason.strip():
        raise ValidationError(_("Say why the deadlines move."), "reason_missing")
    period = Period.objects.select_for_update().get(pk=period.pk)
    _refuse_deadlines(period, dates, version=version, now=now)
    before = {name: getattr(period, name) for name in dates}
    for name, moment in dates.items():
        setattr(period, name, moment)
    moments = [getattr(period, name) for name in FIELDS.values()]
    if any(later <= earlier for earlier, later in pairwise(moments)):
        raise ValidationError(_("Each step has to come after the one before."), "out_of_order")
    period.version += 1
    period.save(update_fields=[*dates, "version"])
    changes = {name: [before[name].isoformat(), moment.isoformat()] for name, moment in dates.items()}
    audit.record("assessments.change_deadlines", actor=by, target=period, changes=changes, reason=reason)
    return period


def _refuse_deadlines(period: Period, dates: Mapping[str, datetime], *, version: int, now: datetime) -> None:
    if period.version != version:
        raise ValidationError(_("This month was changed meanwhile. Look at the page again."), "changed_meanwhile")
    if period.state not in {Period.State.PLANNED, Period.State.OPEN}:
        raise ValidationError(_("The deadlines of a month move only until it is locked."), "too_late")
    has_begun = period.state == Period.State.OPEN
    if any(moment <= now or (has_begun and getattr(period, name) <= now) for name, moment in dates.items()):
        raise ValidationError(_("A deadline that has passed stays, and none moves into the past."), "passed")


# --- Opening ------------------------------------------------------------------------------


@transaction.atomic
def open_period(period: Period, *, by: User | None, now: datetime) -> Period:
    """Open a planned month for entry, with an empty return for each township and a row for each village.

    Opening twice does nothing. Raises ValidationError "no_villages".
    """
    opened = open_periods([period.pk], by=by, now=now)
    fresh = Period.objects.select_related("scheme", "unit").get(pk=period.pk)
    if not opened and fresh.state == Period.State.PLANNED:
        message = _("The county has no village on the first day of the month. Enter its villages first.")
        raise ValidationError(message, "no_villages")
    return fresh


@transaction.atomic
def open_periods(period_ids: Collection[int], *, by: User | None, now: datetime) -> list[Period]:
    """Open planned months, of one county or of many, and return those that opened.

    Left alone: months that have opened already, and those of a county without villages.
    The rules of each month are frozen with it, known wholes are filled in, and each village
    gets the class and band of the month's first day. A constant number of queries for
    months of the same date, apart from batches of rows.
    """
    planned = list(
        Period.objects.select_for_update(of=("self",))
        .select_related("scheme", "unit")
        .filter(pk__in=period_ids, state=Period.State.PLANNED)
        .order_by("path", "month")
    )
    months = sorted({period.month for period in planned})
    opened = [
        period
        for month in months
        for period in _open_month([item for item in planned if item.month == month], month, now=now)
    ]
    audit.record_many(
        {"event": "assessments.open_period", "actor": by, "target": period, "changes": {"state": ["planned", "open"]}}
        for period in opened
    )
    return opened


@dataclass(frozen=True, slots=True)
class _Members:
    """The villages of a month: those that exist on its first day, with the class and band of that day."""

    by_county: Mapping[str, list[tuple[int, str]]]
    parent_ids: Mapping[str, int]
    classes: Mapping[int, tuple[str, str]]

    def of(self, period: Period) -> list[tuple[int, str]]:
        """(id, path) of each village of the county, in the order of the tree."""
        return self.by_county[period.path]

    def townships(self, period: Period) -> list[str]:
        """Paths of the units that hand in for these villages."""
        return list(dict.fromkeys(path[:-STEP] for _pk, path in self.of(period)))


def _open_month(planned: Sequence[Period], month: date, *, now: datetime) -> list[Period]:
    """Open these months of the same date; one whose county has no village stays planned."""
    members = _members(planned, month)
    periods = [period for period in planned if members.of(period)]
    if not periods:
        return []
    rules = _freeze_rules(periods)
    Period.objects.bulk_update(periods, ["state", "rules_in_force", "version"], batch_size=100)
    returns = _create_returns(periods, members)
    prefill = _Prefill(rules, periods, members, month)
    insert_rows(VillageMonth, _COLUMNS, _village_rows(periods, members, returns, prefill, now))
    return periods


def _members(periods: Sequence[Period], month: date) -> _Members:
    """Three queries for any number of counties."""
    by_county: dict[str, list[tuple[int, str]]] = {period.path: [] for period in periods}
    lengths = sorted({len(path) for path in by_county})
    shared = _common_path(list(by_county))
    villages = Unit.objects.under(shared).villages().valid_on(month).order_by("path")
    for pk, path in villages.values_list("pk", "path"):
        county = next((path[:length] for length in lengths if path[:length] in by_county), None)
        if county is not None:
            by_county[county].append((pk, path))
    parents = Unit.objects.under(shared).exclude(kind=Unit.Kind.VILLAGE).values_list("path", "pk")
    classes = VillageClass.objects.filter(valid_on(month), unit__path__startswith=shared).order_by("valid_from", "pk")
    dated = {unit_id: (kind, band) for unit_id, kind, band in classes.values_list("unit_id", "kind", "band")}
    return _Members(by_county, dict(parents), dated)


def _common_path(paths: Sequence[str]) -> str:
    """The path of the lowest unit that all of these are at or below."""
    shared = paths[0]
    for path in paths:
        while not path.startswith(shared):
            shared = shared[:-STEP]
    return shared


def _freeze_rules(periods: Sequence[Period]) -> dict[int, SchemeRules]:
    """Put the rules in force into each month. By id of the month; months of one scheme share an object."""
    registered = registered_codes()
    schemes = {period.scheme_id: period.scheme for period in periods}
    by_scheme = {pk: rules_in_force(rules_of(scheme), registered) for pk, scheme in schemes.items()}
    for period in periods:
        period.state = Period.State.OPEN
        period.rules_in_force = by_scheme[period.scheme_id].to_snapshot()
        period.version += 1
    return {period.pk: by_scheme[period.scheme_id] for period in periods}


def _create_returns(periods: Sequence[Period], members: _Members) -> dict[tuple[int, str], int]:
    """(month, path of the township) -> return. A township without villages has nothing to hand in."""
    wanted = [
        Return(period=period, unit_id=members.parent_ids[path], path=path)
        for period in periods
        for path in members.townships(period)
    ]
    created = Return.objects.bulk_create(wanted, batch_size=1000)
    return {(row.period_id, row.path): row.pk for row in created}


class _Prefill:
    """What a month begins with: known wholes, and last month's value where the scheme says so.

    Wholes are constants of the scheme or what a source says of each village; each source is
    asked once for all villages, and one that is not registered leaves its cells empty. One
    query for last month, when anything is carried forward.
    """

    def __init__(
        self, rules: Mapping[int, SchemeRules], periods: Sequence[Period], members: _Members, month: date
    ) -> None:
        self._wholes = {pk: _prefilled_cells(one) for pk, one in rules.items()}
        self._carried = {pk: _carried_cells(one) for pk, one in rules.items()}
        asked: dict[str, list[int]] = {}
        for period in periods:
            village_ids = [pk for pk, _path in members.of(period)]
            for code in {code for _cell, code in self._wholes[period.pk] if not code.startswith(CONSTANT)}:
                asked.setdefault(code, []).extend(village_ids)
        self._readings = {code: _readings(code, village_ids, month) for code, village_ids in asked.items()}
        carrying = [period.unit_id for period in periods if self._carried[period.pk]]
        self._former = _values_of_month(carrying, next_month(month, -1)) if carrying else {}

    def values(self, period: Period, village_id: int) -> dict[str, Any]:
        """Cell -> stored value, of the cells that can be filled in."""
        former = self._former.get(village_id, {})
        found = {cell: former.get(cell) for cell in self._carried[period.pk]}
        found |= {cell: self._whole(code, village_id) for cell, code in self._wholes[period.pk]}
        return {cell: value for cell, value in found.items() if value is not None}

    def _whole(self, code: str, village_id: int) -> int | None:
        if code.startswith(CONSTANT):
            return to_scaled(code.removeprefix(CONSTANT))
        return self._readings[code].get(village_id)


def _carried_cells(rules: SchemeRules) -> list[str]:
    return [cell.code for item in rules.indicators if item.setting("carried_forward") for cell in item.cells()]


def _values_of_month(county_ids: Collection[int], month: date) -> dict[int, dict[str, Any]]:
    rows = VillageMonth.objects.filter(period__unit__in=county_ids, period__month=month).order_by()
    return dict(rows.values_list("village_id", "values"))


def _prefilled_cells(rules: SchemeRules) -> list[tuple[str, str]]:
    cells = (*rules.cells("T"), *rules.cells("C"))
    return [(cell.code, cell.prefill) for cell in cells if cell.prefill]


def _readings(code: str, village_ids: Sequence[int], month: date) -> dict[int, int]:
    source = indicators.find(code)
    if source is None:
        return {}
    return {pk: to_scaled(reading.value) for pk, reading in source.compute(village_ids, month).items()}


_COLUMNS = (
    "period_id",
    "village_id",
    "submission_id",
    "path",
    "village_class",
    "band",
    "values",
    "notes",
    "remarks",
    "version",
    "updated_at",
)


def _village_rows(
    periods: Sequence[Period],
    members: _Members,
    returns: Mapping[tuple[int, str], int],
    prefill: _Prefill,
    now: datetime,
) -> Iterator[tuple[object, ...]]:
    moment = connection.ops.adapt_datetimefield_value(now)
    for period in periods:
        for pk, path in members.of(period):
            kind, band = members.classes.get(pk, ("", ""))
            values = json.dumps(prefill.values(period, pk), separators=(",", ":"))
            yield (period.pk, pk, returns[period.pk, path[:-STEP]], path, kind, band, values, "{}", "{}", 1, moment)


# --- As time passes -------------------------------------------------------------------------


def due(now: datetime) -> None:
    """Plan the current month where nobody has, open what is due, close what nobody can object to any more.

    Called by the ticker, late or twice without harm. The system is the actor.
    """
    plan_due(now)
    waiting = Period.objects.filter(state=Period.State.PLANNED, opens_at__lte=now)
    ids = list(waiting.values_list("pk", flat=True))
    if ids:
        open_periods(ids, by=None, now=now)
    close_finished(now)


def plan_due(now: datetime) -> list[Period]:
    """Plan the current month of every county that has a scheme in force and no such month."""
    month = timezone.localdate(now).replace(day=1)
    ruled = Scheme.objects.filter(state=Scheme.State.PUBLISHED, first_month__lte=month).values("unit")
    missing = Unit.objects.counties().filter(pk__in=ruled).exclude(periods__month=month)
    return [plan_period(county, month, by=None) for county in missing]


@transaction.atomic
def close_finished(now: datetime) -> list[Period]:
    """Close published months whose time for objections is over, none of them open, and no correction under way."""
    finished = list(
        Period.objects.select_for_update(of=("self",))
        .filter(state=Period.State.PUBLISHED, rankings__state=Ranking.State.PUBLISHED, rankings__appeal_until__lt=now)
        .exclude(appeals__state=Appeal.State.OPEN)
        .exclude(rankings__state=Ranking.State.DRAFT)
        .defer("rules_in_force")
        .order_by("path", "month")
    )
    Period.objects.filter(pk__in=[period.pk for period in finished]).update(
        state=Period.State.CLOSED, version=F("version") + 1
    )
    audit.record_many(
        {
            "event": "assessments.finish_period",
            "actor": None,
            "target": period,
            "changes": {"state": ["published", "closed"]},
        }
        for period in finished
    )
    return finished
