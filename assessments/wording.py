"""The settings of a rule as people read them: each with its label, its value in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from assessments.rules import PARAMETERS, IndicatorRule, Parameter


def setting_texts(rule: IndicatorRule) -> dict[str, str]:
    """Label -> value in words for every setting of the rule, the declared default where none is given.

    Settings that only matter for computed indicators are left out for entered ones.
    """
    shown = [
        item for item in PARAMETERS.get(rule.rule_type, ()) if rule.source == "S" or item.name not in COMPUTED_ONLY
    ]
    return {str(item.label): value_text(item, rule.setting(item.name)) for item in shown}


COMPUTED_ONLY = frozenset({"no_data", "until_source"})


def value_text(item: Parameter, value: Any) -> str:
    """One value as its field would show it."""
    if item.kind == "table":
        return _("; ").join(_row_text(item, row) for row in value or ())
    if item.kind == "flag":
        return _("yes") if value else _("no")
    if item.kind == "choice":
        return str(dict(item.choices).get(value, value))
    if value is None or value == "":
        return ""
    return f"{value}%" if item.kind == "percent" else str(value)


def _row_text(item: Parameter, row: Mapping[str, Any]) -> str:
    cells = ((column, value_text(column, row.get(column.name))) for column in item.columns)
    return _(", ").join(f"{column.label} {text}" for column, text in cells if text)
