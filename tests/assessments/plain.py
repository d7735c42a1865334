"""Small builders for tests of the arithmetic, which need neither a database nor settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.conf import settings
from hypothesis import settings as hypothesis_settings

from assessments import engine, scoring
from assessments.rules import (
    CategoryRule,
    GradeLine,
    IndicatorRule,
    SchemeRules,
    problems,
    to_hundredths,
    to_scaled,
)

if not settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE"):
    settings.configure(USE_I18N=False)

small_months = hypothesis_settings(max_examples=60, deadline=None)
"""For properties of whole months: fewer examples, and no deadline that a busy machine would miss."""

columns_of_values = hypothesis_settings(deadline=None)
"""For properties of single columns."""

STATE_WORDS = {
    "—": scoring.STATE_MISSING,
    "不适用": scoring.STATE_NOT_APPLICABLE,
    "免报": scoring.STATE_EXEMPT,
    "无应办": scoring.STATE_NOTHING_DUE,
}


def rule(rule_type: str, weight: str = "10", code: str = "X1", **more: Any) -> IndicatorRule:
    """An indicator of category X entered by the township."""
    fields: dict[str, Any] = {"name": code, "category": "X", "source": "T", "parameters": {}}
    return IndicatorRule(**{**fields, "code": code, "weight": to_hundredths(weight), "rule_type": rule_type, **more})


def scheme(*indicators: IndicatorRule, **more: Any) -> SchemeRules:
    """Rules of these indicators, with the categories they name and one grade for everyone."""
    codes = dict.fromkeys(item.category for item in indicators)
    fields: dict[str, Any] = {"grades": (GradeLine(code="all", name="全部", minimum=0),), **more}
    return SchemeRules(
        categories=tuple(CategoryRule(code=code, name=code) for code in codes), indicators=indicators, **fields
    )


def score_rule(**more: Any) -> IndicatorRule:
    """An indicator worth 100 whose value is the total, for tests about totals and ranks."""
    return rule("inspection", "100", "S1", category="S", **more)


def cell(text: str) -> tuple[int, int]:
    """A value in 1/10 000 and its state, from the spelling of the rule pages."""
    is_late = text.startswith("迟")
    text = text.removeprefix("迟").strip()
    if text in STATE_WORDS:
        return 0, STATE_WORDS[text]
    return to_scaled(text), scoring.STATE_LATE if is_late else scoring.STATE_GIVEN


def column(texts: Sequence[str]) -> scoring.Column:
    values, states = zip(*(cell(text) for text in texts), strict=True) if texts else ((), ())
    return scoring.Column(np.array(values, np.int64), np.array(states, np.int8))


def columns(item: IndicatorRule, texts: Sequence[str]) -> dict[str, scoring.Column]:
    """The columns of one indicator: 33/35 for a share, values apart by spaces for judges and votes."""
    codes = item.value_codes()
    rows = [_parts(text, len(codes)) for text in texts]
    return {code: column([row[number] for row in rows]) for number, code in enumerate(codes)}


def _parts(text: str, count: int) -> list[str]:
    if count <= 1:
        return [text]
    prefix = "迟 " if text.startswith("迟") else ""
    parts = text.removeprefix("迟").replace("/", " ").split()
    parts = parts * count if len(parts) == 1 else parts
    return [prefix + part if part not in STATE_WORDS else part for part in parts]


def groups(count: int, **codes: Sequence[str]) -> engine.Groups:
    """Villages 0, 1, … in one county and township unless said otherwise."""
    kinds: Mapping[str, Sequence[str]] = {
        "county": ["c"] * count,
        "township": ["t"] * count,
        "village_class": [""] * count,
        "band": [""] * count,
        **codes,
    }
    return engine.Groups.of([f"{number:04d}" for number in range(count)], **kinds)


def scored(rules: SchemeRules, texts: Mapping[str, Sequence[str]], *adjustments: Any, **more: Any) -> engine.Scored:
    """Score villages from texts by indicator code."""
    found: dict[str, scoring.Column] = {}
    for item in rules.indicators:
        if item.code in texts:
            found.update(columns(item, texts[item.code]))
    size = len(next(iter(texts.values())))
    records = [engine.AdjustmentRecord(*record) for record in adjustments]
    return engine.score(rules, found, records, more.pop("groups", None) or groups(size), **more)


def problem_codes(item: IndicatorRule) -> list[str]:
    return [found.code for found in problems(item)]
