"""What a criterion of a flag makes of the readings of a round: a number over its months, and points or "met".

Plain values in, plain values out; points are whole hundredths. The rule types and their exact arithmetic are
those of the month (assessments/scoring.py). Rule: docs/rules/flag-criteria.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from assessments import rules
from assessments.rules import (
    IndicatorRule,
    RuleProblem,
    plain,
    to_scaled,
)
from assessments.scoring import STATE_GIVEN, STATE_NOTHING_DUE, Column, half_up, is_scored, share
from branches.indicators import Reading

MONTHS, SUM, MEAN, LAST, SPAN = "months", "sum", "mean", "last", "span"
WAYS = (MONTHS, SUM, MEAN, LAST, SPAN)
"""How the readings of the months become one: months that met the condition, their sum, their mean, the last one;
or a number that its source gives for the whole span."""

RULE_TYPES = ("pass_fail", "ratio", "linear", "band", "deduct_each", "deduct_step", "inspection")
FOUR_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Criterion:
    """A computed criterion or gate. `weight` in hundredths, 0 for a gate.

    `over`: one of WAYS. `met_from`: what a month needs to count as met (percent, for a share).
    `is_share`: the reading is a numerator with its denominator. `parameters` of the rule type; of a gate
    `at_least`, `at_most`, and `no_data` "met" where silence is good news.
    """

    code: str
    weight: int
    is_gate: bool
    over: str
    met_from: Decimal
    is_share: bool
    rule_type: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, *, code: str, weight: int, is_gate: bool, rule_type: str, parameters: dict[str, Any]) -> Criterion:
        rest = dict(parameters)
        over = str(rest.pop("over", LAST))
        met_from = Decimal(str(rest.pop("met_from", "1")))
        is_share = bool(rest.pop("is_share", False)) or over == MONTHS
        return cls(code, weight, is_gate, over, met_from, is_share, rule_type, rest)


# --- One number for the round -------------------------------------------------------------


def over_round(criterion: Criterion, months: Sequence[Sequence[Reading | None]]) -> Reading | None:
    """One reading from those of each source in each month; None where there is no data at all.

    `months` holds, for each source of the criterion, its readings month by month. A month without data is
    left out, not counted as zero (product principle 3); the note says how many months were counted.
    """
    known = [[reading for reading in source if reading is not None] for source in months]
    if not any(known):
        return None
    if criterion.over == MONTHS:
        return _months_met(criterion, known)
    readings = known[0]
    if criterion.over in (LAST, SPAN):
        return months[0][-1]
    if criterion.over == SUM:
        return _summed(criterion, readings)
    return _mean(criterion, readings)


def _months_met(criterion: Criterion, known: Sequence[Sequence[Reading]]) -> Reading:
    all_months = [reading for source in known for reading in source]
    met = sum(_measure(reading) >= criterion.met_from for reading in all_months)
    return Reading(Decimal(met), Decimal(len(all_months)), f"{met}/{len(all_months)}")


def _measure(reading: Reading) -> Decimal:
    """The number itself, or the percentage of a share; nothing due counts as all done."""
    if reading.of is None:
        return reading.value
    return reading.value / reading.of * 100 if reading.of else Decimal(100)


def _summed(criterion: Criterion, readings: Sequence[Reading]) -> Reading:
    value = sum((reading.value for reading in readings), Decimal(0))
    if not criterion.is_share:
        return Reading(value, note=plain(value))
    whole = sum((reading.of or Decimal(0) for reading in readings), Decimal(0))
    return Reading(value, whole, f"{plain(value)}/{plain(whole)}")


def _mean(criterion: Criterion, readings: Sequence[Reading]) -> Reading:
    """Rounded half up to four places, the finest a value is kept in."""
    total = sum((_measure(reading) if criterion.is_share else reading.value for reading in readings), Decimal(0))
    value = (total / len(readings)).quantize(FOUR_PLACES, ROUND_HALF_UP)
    return Reading(value, note=plain(value))


# --- Points and gates -----------------------------------------------------------------------


def points(criterion: Criterion, readings: Sequence[Reading | None]) -> list[int | None]:
    """Points in hundredths for each village; None where there is no data."""
    rule = _rule(criterion)
    codes = rule.value_codes()
    columns = {
        code: Column(
            np.array([_scaled(reading, place) for reading in readings], np.int64),
            np.array([STATE_GIVEN if reading is not None else 0 for reading in readings], np.int8),
        )
        for place, code in enumerate(codes)
    }
    found = share(rule, columns, len(readings))
    earned = half_up(rule.weight, found.part, found.whole)
    counts = is_scored(found.states) | (found.states == STATE_NOTHING_DUE)
    return [int(value) if is_known else None for value, is_known in zip(earned, counts, strict=True)]


def _scaled(reading: Reading | None, place: int) -> int:
    if reading is None:
        return 0
    number = reading.value if place == 0 else reading.of
    return 0 if number is None else to_scaled(number)


def _rule(criterion: Criterion) -> IndicatorRule:
    return IndicatorRule(
        code="X",
        name=criterion.code,
        category="",
        weight=criterion.weight,
        rule_type=criterion.rule_type,
        source="S",
        source_code="X",
        parameters=criterion.parameters,
        has_denominator=criterion.is_share and criterion.over != MEAN,
    )


def is_met(criterion: Criterion, reading: Reading | None) -> bool | None:
    """Whether a gate is met; None where nobody can say."""
    if reading is None:
        return True if criterion.parameters.get("no_data") == "met" else None
    measure = _measure(reading)
    low, high = criterion.parameters.get("at_least"), criterion.parameters.get("at_most")
    return (low is None or measure >= Decimal(str(low))) and (high is None or measure <= Decimal(str(high)))


# --- Whether it can be computed so ----------------------------------------------------------


def problems(criterion: Criterion, sources: Collection[str]) -> list[RuleProblem]:
    """What the author of a round has to put right in a computed criterion or gate."""
    found: list[RuleProblem] = []

    def add(code: str, message: str, name: str) -> None:
        found.append(RuleProblem(code, message, criterion.code, name))

    if criterion.over not in WAYS:
        add("over_unknown", _("Choose how the months become one number."), "over")
    if not sources:
        add("source_missing", _("Choose what the value is computed from."), "source_code")
    if len(sources) > 1 and criterion.over != MONTHS:
        add("one_source", _("Several sources can only be counted by the months that met the condition."), "source_code")
    if criterion.is_gate:
        return found + _bound_problems(criterion)
    if criterion.rule_type not in RULE_TYPES:
        add("rule_unknown", _("Choose one of the rules offered."), "rule_type")
        return found
    of_rule = [replace(problem, where=criterion.code) for problem in rules.problems(_rule(criterion))]
    return found + of_rule


def _bound_problems(criterion: Criterion) -> list[RuleProblem]:
    bounds = [criterion.parameters.get(name) for name in ("at_least", "at_most")]
    if all(bound in (None, "") for bound in bounds):
        return [
            RuleProblem(
                "bound_missing", _("Say from or up to which value the gate is met."), criterion.code, "at_least"
            )
        ]
    return []
