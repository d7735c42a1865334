"""The rules of one month: a scheme, with what the system cannot compute yet set aside.

An indicator may be meant to be computed from records that the portal does not keep yet.
Until then the scheme says what holds for it: the county enters it, or it does not apply.
The answer is frozen into the month when it opens, so no later version of the portal
changes a month that has begun. Rule: docs/rules/calendar.md, "Rules of a month".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from assessments.rules import BY_COUNTY, IndicatorRule, SchemeRules

EffectiveSource = Literal["S", "T", "C", "NA"]


@dataclass(frozen=True, slots=True)
class SetAside:
    """An indicator that waits for its records: `treatment` is "C" (the county enters it) or "NA" (does not apply)."""

    rule: IndicatorRule
    treatment: EffectiveSource


def effective_source(rule: IndicatorRule, registered_codes: Collection[str]) -> EffectiveSource:
    """Where the value of an indicator comes from, given the codes that the system can compute."""
    if rule.rule_type == "not_applicable":
        return "NA"
    if rule.source != "S" or rule.source_code in registered_codes:
        return rule.source
    return "C" if rule.setting("until_source") == BY_COUNTY else "NA"


def rules_in_force(rules: SchemeRules, registered_codes: Collection[str]) -> SchemeRules:
    """The scheme with each indicator that cannot be computed turned into an entered or a not applicable one."""
    return replace(rules, indicators=tuple(_in_force(item, registered_codes) for item in rules.indicators))


def _in_force(rule: IndicatorRule, registered_codes: Collection[str]) -> IndicatorRule:
    source = effective_source(rule, registered_codes)
    if source == rule.source or rule.rule_type == "not_applicable":
        return rule
    if source == "NA":
        return replace(rule, rule_type="not_applicable", parameters={})
    return replace(rule, source="C")


def set_aside(scheme: SchemeRules, month: SchemeRules) -> list[SetAside]:
    """The indicators of `scheme` that `month`, its rules in force, treats otherwise."""
    of_month = {item.code: item for item in month.indicators}
    return [SetAside(item, _treatment(of_month[item.code])) for item in _changed(scheme.indicators, of_month)]


def _changed(indicators: Iterable[IndicatorRule], of_month: dict[str, IndicatorRule]) -> list[IndicatorRule]:
    return [
        item
        for item in indicators
        if item.code in of_month
        and (item.source, item.rule_type) != (of_month[item.code].source, of_month[item.code].rule_type)
    ]


def _treatment(rule: IndicatorRule) -> EffectiveSource:
    return "NA" if rule.rule_type == "not_applicable" else rule.source
