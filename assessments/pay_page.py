"""What the pages of pay show, gathered: the month by township, a sheet by village, a line and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Q, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assessments import pay_facts
from assessments.models import FlagAward, PayLine, PayRules, PaySheet, RoleGroup, UpliftRate
from assessments.pay_workbooks import flag_names, flag_words
from branches.models import Unit
from branches.months import after, first_of_window
from branches.scoping import STEP, paths_for

if TYPE_CHECKING:
    from accounts.models import User

State = PaySheet.State
MONTHS_OFFERED = 24
TONES: Mapping[str, tuple[str, str]] = {
    State.DRAFT: ("", "edit"),
    State.SIGNED: ("info", "clipboard-check"),
    State.APPROVED: ("info", "checks"),
    State.EXPORTED: ("warn", "file-export"),
    State.SETTLED: ("ok", "check"),
}
STEPS: Sequence[Promise | str] = (
    gettext_lazy("Prepare"),
    gettext_lazy("Sign"),
    gettext_lazy("Approve"),
    gettext_lazy("Hand over"),
    gettext_lazy("Settle"),
)
STEP_OF: Mapping[str, int] = {State.DRAFT: 2, State.SIGNED: 3, State.APPROVED: 4, State.EXPORTED: 5, State.SETTLED: 6}


def counties_for(user: User, permission: str) -> list[Unit]:
    """Counties at, above or below the places where the user holds the permission."""
    paths = paths_for(user, permission)
    if not paths:
        return []
    above = {path[:end] for path in paths for end in range(STEP, len(path) + 1, STEP)}
    condition = Q(path__in=above)
    for path in paths:
        condition |= Q(path__startswith=path)
    return list(Unit.objects.counties().filter(condition))


def months_of(county: Unit, user: User, today: date) -> list[date]:
    """Months to choose from, the latest first: those with sheets in sight, and this month and the one before."""
    rows = PaySheet.objects.for_user(user).filter(path__startswith=county.path).order_by()
    found = set(rows.values_list("month", flat=True).distinct())
    this = today.replace(day=1)
    return sorted(found | {this, first_of_window(this, 2)}, reverse=True)[:MONTHS_OFFERED]


def latest_month(county: Unit, user: User, today: date) -> date:
    """The newest month with a sheet in sight, else this month."""
    rows = PaySheet.objects.for_user(user).filter(path__startswith=county.path).order_by("-month")
    return rows.values_list("month", flat=True).first() or today.replace(day=1)


# --- The month ------------------------------------------------------------------------------


@dataclass(frozen=True)
class TownshipRow:
    """`sheet` is None where nothing has been prepared or nothing is to be paid."""

    township: Unit
    sheet: PaySheet | None
    differences: int = 0
    """Cents of earlier months within the total."""
    difference_count: int = 0
    failed: int = 0
    """Lines whose payment failed."""
    reported: int = 0
    asked: int = 0
    """Lines with money that are reported, and all lines with money."""

    @property
    def tone(self) -> tuple[str, str]:
        return TONES[self.sheet.state] if self.sheet else ("", "circle-dashed")


@dataclass(frozen=True)
class Month:
    rows: Sequence[TownshipRow]
    missing: Sequence[str]
    """What stands in the way, in sentences."""

    @property
    def sheets(self) -> list[PaySheet]:
        return [row.sheet for row in self.rows if row.sheet]

    @property
    def cents(self) -> int:
        return sum(sheet.total_cents for sheet in self.sheets)

    @property
    def people(self) -> int:
        return sum(sheet.people for sheet in self.sheets)

    @property
    def differences(self) -> int:
        return sum(row.differences for row in self.rows)

    @property
    def difference_count(self) -> int:
        return sum(row.difference_count for row in self.rows)

    @property
    def failed(self) -> int:
        return sum(row.failed for row in self.rows)

    def count(self, state: str) -> int:
        return sum(sheet.state == state for sheet in self.sheets)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """State, its words, how many sheets stand in it."""
        return [(value, str(label), self.count(value)) for value, label in State.choices]


def month_of(county: Unit, month: date, user: User) -> Month:
    """The townships in the user's sight with their sheets. Five queries."""
    townships = list(Unit.objects.for_user(user).under(county.path).townships().valid_on(month))
    seen = paths_for(user, "assessments.view_paysheet")
    townships = [unit for unit in townships if any(unit.path.startswith(path) for path in seen)]
    rows = PaySheet.objects.for_user(user).filter(path__startswith=county.path, month=month)
    sheets = {sheet.unit_id: sheet for sheet in rows.select_related("unit").annotate(**_COUNTS)}
    found = [
        TownshipRow(
            unit,
            sheet,
            getattr(sheet, "difference_cents", None) or 0,
            getattr(sheet, "difference_count", 0),
            getattr(sheet, "failed_count", 0),
            getattr(sheet, "reported_count", 0),
            getattr(sheet, "money_count", 0),
        )
        for unit in townships
        for sheet in [sheets.get(unit.pk)]
    ]
    return Month(found, _missing(county, month))


_MONEY = ~Q(lines__amount_cents=0)
_COUNTS: dict[str, Any] = {
    "difference_cents": Sum("lines__amount_cents", filter=Q(lines__for_month__lt=F("month"))),
    "difference_count": Count("lines", filter=Q(lines__for_month__lt=F("month"))),
    "failed_count": Count("lines", filter=Q(lines__payment=PayLine.Payment.FAILED)),
    "reported_count": Count("lines", filter=_MONEY & ~Q(lines__payment=PayLine.Payment.OPEN)),
    "money_count": Count("lines", filter=_MONEY),
}


def _missing(county: Unit, month: date) -> list[str]:
    """Rules, rates and flags that wait for somebody before this month can be right."""
    found = []
    if not PayRules.objects.filter(path=county.path, approved_by__isnull=False, valid_from__lte=month).exists():
        found.append(_("No approved rules of pay hold for this month."))
    rates = UpliftRate.objects.filter(path=county.path)
    if not rates.filter(approved_by__isnull=False, valid_from__lte=month).exists():
        found.append(_("No approved rates hold for this month."))
    waiting = FlagAward.objects.filter(path__startswith=county.path, approved_by__isnull=True, pay_from__lte=month)
    if number := waiting.count():
        found.append(_("%(n)d flags wait for their approval; they are not paid before it.") % {"n": number})
    return found


# --- A sheet --------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineRow:
    line: PayLine
    flags: str
    rate_cents: int | None
    """Of one flag for a month, where all flags bring the same."""

    @property
    def is_difference(self) -> bool:
        return self.line.for_month < self.line.sheet.month


@dataclass(frozen=True)
class VillageGroup:
    village: Unit
    rows: Sequence[LineRow]

    @property
    def flags(self) -> str:
        """Names of the flags that the month itself is paid for."""
        named = "、".join(row.flags for row in self.rows if row.flags and not row.is_difference)
        return "、".join(dict.fromkeys(named.split("、"))) if named else ""

    @property
    def uplift_cents(self) -> int:
        return sum(row.line.uplift_cents for row in self.rows)

    @property
    def performance_cents(self) -> int:
        return sum(row.line.performance_cents for row in self.rows)

    @property
    def amount_cents(self) -> int:
        return sum(row.line.amount_cents for row in self.rows)


def village_groups(sheet: PaySheet) -> list[VillageGroup]:
    """The sheet's lines by village, in their order. Two queries."""
    names = flag_names([sheet])
    groups: dict[int, tuple[Unit, list[LineRow]]] = {}
    lines = sheet.lines.select_related("person", "village", "posting").order_by("number")
    for line in lines:
        line.sheet = sheet
        groups.setdefault(line.village_id, (line.village, []))[1].append(line_row(line, names))
    return [VillageGroup(village, rows) for village, rows in groups.values()]


def line_row(line: PayLine, names: Mapping[str, str]) -> LineRow:
    amounts = {one["cents"] for one in line.flags}
    return LineRow(line, flag_words(line, names), amounts.pop() if len(amounts) == 1 else None)


# --- A line ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlagPart:
    """One flag of a line. `award` is None where the reader may not see it."""

    name: str
    cents: int
    award: FlagAward | None


@dataclass(frozen=True)
class LinePage:
    line: PayLine
    parts: Sequence[FlagPart]
    rules: PayRules | None
    deciding_day: date | None
    others: Sequence[PayLine]
    """All lines of the person, village and month, this one among them: together they are what is paid for it."""

    @property
    def all_cents(self) -> int:
        return sum(line.amount_cents for line in self.others)


def line_page(line: PayLine, user: User) -> LinePage:
    names = flag_names([line.sheet])
    wanted = [one["award"] for one in line.flags]
    awards = {
        award.pk: award
        for award in FlagAward.objects.for_user(user).filter(pk__in=wanted).select_related("round", "application")
    }
    parts = [
        FlagPart(names.get(one["code"], one["code"]), one["cents"], awards.get(one["award"])) for one in line.flags
    ]
    rules = (
        PayRules.objects.for_user(user)
        .filter(approved_by__isnull=False, valid_from__lte=line.for_month, unit__path__in=_above(line.path))
        .order_by("-valid_from")
        .first()
    )
    others = (
        PayLine.objects.for_user(user)
        .filter(person=line.person_id, village=line.village_id, for_month=line.for_month)
        .select_related("sheet")
        .order_by("sheet__month", "number")
    )
    day = pay_facts.terms_of(rules).day(line.for_month) if rules else None
    return LinePage(line, parts, rules, day, list(others))


def _above(path: str) -> list[str]:
    return [path[:end] for end in range(STEP, len(path) + 1, STEP)]


# --- Rates ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RateSpan:
    """A rate and the last month it holds, None while nothing later is approved."""

    rate: UpliftRate
    until: date | None
    is_current: bool


def rate_spans(county: Unit, user: User, today: date) -> list[RateSpan]:
    """Approved rates, newest first within each kind and role."""
    rows = list(
        UpliftRate.objects.for_user(user)
        .filter(path=county.path, approved_by__isnull=False)
        .select_related("entered_by", "approved_by")
        .order_by("kind", "code", "role_group", "-valid_from")
    )
    spans = []
    later: dict[tuple[str, str, str], date] = {}
    for rate in rows:
        key = (rate.kind, rate.role_group, rate.code)
        until = first_of_window(later[key], 2) if key in later else None
        later[key] = rate.valid_from
        is_current = rate.valid_from <= today and (until is None or after(until) > today)
        spans.append(RateSpan(rate, until, is_current))
    places = list(RoleGroup.values)
    return sorted(spans, key=lambda span: _order(span.rate, places))


def _order(rate: UpliftRate, places: list[str]) -> tuple[str, str, int, int]:
    return (rate.kind, rate.code, -rate.valid_from.toordinal(), places.index(rate.role_group))
