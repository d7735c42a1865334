"""A receipt in words: each line with its value, where it comes from, its rule and its points.

Everything a person needs to recompute the total by hand stands in a line; the lines sum to
the total. Reads only. Rule: docs/guide/ranking-and-receipt.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from assessments import receipts
from assessments.board import BONUS_SERIES, SERIES, Words, own_name
from assessments.engine import ReceiptLine
from assessments.models import Adjustment, Appeal, Ranking, Result, VillageMonth
from assessments.rules import (
    AdjustmentRule,
    IndicatorRule,
    describe,
    describe_adjustment,
    from_hundredths,
    in_language,
    value_text,
)
from branches import indicators
from branches.scoping import paths_for

if TYPE_CHECKING:
    from accounts.models import User

ADVICE_LINES = 2
NO_VALUE = "—"


@dataclass(frozen=True)
class Line:
    """One printed line. `full` is the effective weight, None for what stands outside the 100."""

    code: str
    name: str
    kind: str
    state: str
    series: int
    value: str
    source: str
    source_url: str
    rule: str
    full: Decimal | None
    points: Decimal
    definition: str = ""

    @property
    def lost(self) -> Decimal:
        if self.full is None or self.state == "missing":
            return Decimal(0)
        return self.full - self.points

    @property
    def is_full(self) -> bool:
        return self.full is not None and self.state != "missing" and self.points == self.full

    @property
    def is_missing(self) -> bool:
        return self.state == "missing"

    @property
    def is_set_aside(self) -> bool:
        """Without weight this month: not applicable or exempt."""
        return self.full == 0 and self.points == 0 and not self.is_missing


@dataclass(frozen=True)
class Movement:
    """Places won or lost since last month in the county, and why; the parts sum to the total."""

    previous_rank: int
    total: int
    own: int
    others: int
    rules: int
    correction: int


@dataclass(frozen=True)
class Distance:
    """Points to the next better rank of a group."""

    group: str
    rank: int
    points: Decimal


@dataclass(frozen=True)
class Objection:
    """Whether and until when a line can be objected to, and the objection there is."""

    until: datetime | None
    is_open: bool
    appeal: Appeal | None


@dataclass(frozen=True)
class Receipt:
    """All a receipt prints."""

    result: Result
    ranking: Ranking
    words: Words
    lost: list[Line]
    full: list[Line]
    missing: list[Line]
    set_aside: list[Line]
    extra: list[Line]
    movement: Movement | None
    distances: list[Distance]
    advice: list[Line]
    objection: Objection

    @property
    def indicators(self) -> list[Line]:
        return [*self.missing, *self.lost, *self.full, *self.set_aside]

    @property
    def full_marks(self) -> Decimal:
        return sum((line.full or Decimal(0) for line in self.indicators), Decimal(0))

    @property
    def full_lines_points(self) -> Decimal:
        return sum((line.points for line in self.full), Decimal(0))

    @property
    def lost_points(self) -> Decimal:
        return sum((line.lost for line in self.indicators), Decimal(0))

    @property
    def sum_of_lines(self) -> Decimal:
        """What the printed lines add up to: the total of a ranked village."""
        return sum((line.points for line in [*self.indicators, *self.extra]), Decimal(0))

    @property
    def low(self) -> Decimal:
        return from_hundredths(self.result.low_hundredths)

    @property
    def high(self) -> Decimal:
        return from_hundredths(self.result.high_hundredths)


def receipt_of(result: Result, user: User, now: datetime) -> Receipt:
    """The receipt of a result that the user may see. `result` comes with its ranking, period and village."""
    ranking = result.ranking
    words = Words.of(ranking)
    place = _Place.of(result)
    lines = receipts.lines_of(result, words.rules)
    printed = [_line(line, words, place) for line in lines]
    shown = [line for line in printed if line.kind == "indicator"]
    lost = sorted((line for line in shown if line.lost), key=lambda line: -line.lost)
    return Receipt(
        result=result,
        ranking=ranking,
        words=words,
        lost=lost,
        full=[line for line in shown if line.is_full and not line.is_set_aside],
        missing=[line for line in shown if line.is_missing],
        set_aside=[line for line in shown if line.is_set_aside],
        extra=[line for line in printed if line.kind != "indicator"],
        movement=_movement(result),
        distances=_distances(result),
        advice=lost[:ADVICE_LINES],
        objection=objection_of(result, user, now),
    )


def published_result_of(result: Result) -> Result | None:
    """The village's result in the revision that holds now, when this one has been superseded."""
    if result.ranking.state != Ranking.State.SUPERSEDED:
        return None
    return Result.objects.filter(
        village=result.village_id, ranking__period=result.ranking.period_id, ranking__state=Ranking.State.PUBLISHED
    ).first()


def change_of(result: Result) -> dict[str, Any] | None:
    """What a correction changed for this village: name, rank and total before and after."""
    return next((row for row in result.ranking.changed_ranks if row["village"] == result.village_id), None)


# --- Lines --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where the values of a village and month can be looked up."""

    village_id: int
    month: Any
    submission_id: int | None
    entered: Sequence[Adjustment]

    @classmethod
    def of(cls, result: Result) -> _Place:
        """Two queries."""
        period = result.ranking.period
        own = VillageMonth.objects.filter(period=period, village=result.village_id)
        entered = Adjustment.objects.filter(period=period, village=result.village_id, is_void=False)
        return cls(result.village_id, period.month, own.values_list("submission_id", flat=True).first(), list(entered))

    def cell_url(self, code: str) -> str:
        """The cell in the township's table."""
        if self.submission_id is None:
            return ""
        return f"{reverse('assessments:grid', args=[self.submission_id])}?village={self.village_id}&cell={code}"


def _line(line: ReceiptLine, words: Words, place: _Place) -> Line:
    if isinstance(line.item, IndicatorRule):
        return _indicator_line(line, line.item, words, place)
    return _extra_line(line, words, place)


def _indicator_line(line: ReceiptLine, rule: IndicatorRule, words: Words, place: _Place) -> Line:
    categories = [category.code for category in words.rules.categories]
    source, url = _source(rule, place)
    return Line(
        code=line.code,
        name=own_name(rule),
        kind="indicator",
        state=line.state,
        series=SERIES[categories.index(rule.category) % len(SERIES)],
        value=_value(line, rule),
        source=source,
        source_url=url,
        rule=_rule(line, rule),
        full=from_hundredths(line.weight),
        points=from_hundredths(line.points),
        definition=rule.definition,
    )


def _source(rule: IndicatorRule, place: _Place) -> tuple[str, str]:
    """Where the value comes from, and the address of the record or cell."""
    if rule.rule_type == "not_applicable":
        return _("scheme"), ""
    if rule.source != "S":
        label = _("entered by the township") if rule.source == "T" else _("entered by the county")
        return label, place.cell_url(rule.value_codes()[0])
    source = indicators.find(rule.source_code)
    if source is None:
        return _("computed by the system"), ""
    url = source.records(place.village_id, place.month) if source.records else ""
    return str(source.label), url


def _value(line: ReceiptLine, rule: IndicatorRule) -> str:
    """The value as it was given, with its unit or as part / whole; in words where there is none."""
    if line.state in _STATE_WORDS:
        return str(_STATE_WORDS[line.state]())
    numbers = [value_text(number) for _code, number in line.values]
    if rule.has_denominator:
        text = " / ".join(numbers)
    elif len(numbers) > 1:
        text = pgettext("between names", ", ").join(numbers)
    else:
        unit = in_language(rule.unit, rule.unit_en)
        text = f"{numbers[0]}%" if unit == "%" else f"{numbers[0]} {unit}".rstrip()
    return _("%(value)s (late)") % {"value": text} if line.state == "late" else text


_STATE_WORDS = {
    "missing": lambda: _("not given"),
    "not_applicable": lambda: _("not applicable"),
    "exempt": lambda: _("exempt"),
    "nothing_due": lambda: _("nothing was due"),
}


def _rule(line: ReceiptLine, rule: IndicatorRule) -> str:
    if line.state in {"not_applicable", "exempt"}:
        return _("its weight goes to the other indicators of the category")
    if line.state == "nothing_due" or _is_zero_share(line, rule):
        return _zero_rule(rule)
    return describe(rule, line.weight)


def _is_zero_share(line: ReceiptLine, rule: IndicatorRule) -> bool:
    return rule.has_denominator and bool(line.values) and line.values[-1][1] == 0


def _zero_rule(rule: IndicatorRule) -> str:
    if rule.zero_denominator == "zero":
        return _("nothing was due, which earns no points")
    return _("nothing was due, which earns full marks")


def _extra_line(line: ReceiptLine, words: Words, place: _Place) -> Line:
    """A bonus, penalty, veto, or what a cap or the limit of 105 takes back."""
    item = line.item
    name, rule = _extra_words(line, words)
    record = _entered(line, place) if isinstance(item, AdjustmentRule) and line.kind != "cap" else None
    return Line(
        code="" if line.kind == "limit" or line.code in {"bonus", "penalty"} else line.code,
        name=name,
        kind=line.kind,
        state=line.state,
        series=BONUS_SERIES,
        value=_times(line),
        source=_extra_source(line, record),
        source_url="" if record is not None else _records_of(item, place),
        rule=rule,
        full=None,
        points=from_hundredths(line.points),
    )


def _extra_words(line: ReceiptLine, words: Words) -> tuple[str, str]:
    if line.kind == "limit":
        return _("Limit"), _("a total stays between 0 and 105")
    if line.kind == "cap":
        return _cap_words(line, words)
    item = line.item
    assert isinstance(item, AdjustmentRule)
    level = item.level(line.level)
    level_name = in_language(level.name, level.name_en) if level is not None else ""
    parts = [level_name, describe_adjustment(item, words.rules.grades), line.document]
    return own_name(item), _("; ").join(part for part in parts if part)


def _cap_words(line: ReceiptLine, words: Words) -> tuple[str, str]:
    if line.code == "bonus":
        return _("Bonus cap"), _("bonus counts up to %(cap)s in all") % {"cap": from_hundredths(words.rules.bonus_cap)}
    if line.code == "penalty":
        cap = from_hundredths(words.rules.penalty_cap)
        return _("Penalty cap"), _("penalty counts up to %(cap)s in all") % {"cap": cap}
    return _("Cap of %(item)s") % {"item": words.adjustment(line.code)}, ""


def _times(line: ReceiptLine) -> str:
    if line.kind in {"cap", "limit", "veto"} or not line.count:
        return NO_VALUE
    return ngettext("%(n)d time", "%(n)d times", line.count) % {"n": line.count}


def _entered(line: ReceiptLine, place: _Place) -> Adjustment | None:
    same = (
        record
        for record in place.entered
        if record.item_code == line.code and record.level == line.level and record.document == line.document
    )
    return next(same, None)


def _extra_source(line: ReceiptLine, record: Adjustment | None) -> str:
    if line.kind in {"cap", "limit"}:
        return _("scheme")
    if record is not None:
        return _("entered by the county")
    return _("computed by the system")


def _records_of(item: object, place: _Place) -> str:
    """The address of the records behind a bonus, penalty or veto that the system found."""
    source = indicators.find(item.source_code) if isinstance(item, AdjustmentRule) and item.source_code else None
    return source.records(place.village_id, place.month) if source is not None and source.records else ""


# --- Beside the lines -----------------------------------------------------------------------


def _movement(result: Result) -> Movement | None:
    if result.moved is None or result.previous_rank is None:
        return None
    return Movement(
        previous_rank=result.previous_rank,
        total=result.moved,
        own=result.moved_own or 0,
        others=result.moved_others or 0,
        rules=result.moved_rules or 0,
        correction=result.moved_correction or 0,
    )


def _distances(result: Result) -> list[Distance]:
    """To the next rank in the county and in the class; one query each, none for who leads or is not ranked."""
    found = []
    groups: Iterable[tuple[str, str, dict[str, Any]]] = (
        (_("in the county"), "county_rank", {}),
        (_("in its class"), "class_rank", {"village_class": result.village_class}),
    )
    for label, name, condition in groups:
        rank = getattr(result, name)
        if rank is None or rank == 1 or result.total_hundredths is None:
            continue
        better = Result.objects.filter(ranking=result.ranking_id, **{f"{name}__lt": rank}, **condition)
        next_one = better.order_by(f"-{name}", "path").values_list(name, "total_hundredths").first()
        if next_one is not None and next_one[1] > result.total_hundredths:
            found.append(Distance(label, next_one[0], from_hundredths(next_one[1] - result.total_hundredths)))
    return found


def objection_of(result: Result, user: User, now: datetime) -> Objection:
    """Whether the user may object to a line now, and the village's objection of this month if there is one."""
    ranking = result.ranking
    appeal = Appeal.objects.filter(period=ranking.period_id, village=result.village_id).first()
    is_open = (
        appeal is None
        and ranking.state == Ranking.State.PUBLISHED
        and ranking.appeal_until is not None
        and now <= ranking.appeal_until
        and any(result.path.startswith(path) for path in paths_for(user, "assessments.add_appeal"))
    )
    return Objection(ranking.appeal_until, is_open, appeal)
