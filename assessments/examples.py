"""Worked examples of a scheme: what an invented village enters, what it must get, what it does get.

The layout of an example is the engine's (`engine.check_examples`). Here it becomes lines
to show and to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from assessments import engine
from assessments.rules import SchemeRules


@dataclass(frozen=True, slots=True)
class Line:
    """One expectation. `name` is an indicator's code, or sum, bonus, penalty, total, grade, weight.CODE."""

    name: str
    expected: str
    computed: str

    @property
    def is_met(self) -> bool:
        return same(self.expected, self.computed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An example after the engine has scored it; `error` says why it could not be."""

    title: str
    lines: tuple[Line, ...] = ()
    error: str = ""

    @property
    def is_met(self) -> bool:
        return not self.error and all(line.is_met for line in self.lines)


def check(rules: SchemeRules, example: Mapping[str, Any]) -> Outcome:
    """Score one example with the engine of the month. The rules have to be free of problems."""
    title = str(example["title"])
    try:
        points = engine.example_points(rules, example["values"])
        lines = tuple(Line(name, str(wanted), points[name]) for name, wanted in example["expected"].items())
    except (KeyError, TypeError, ValueError) as error:
        return Outcome(title, error=str(error.args[0] if error.args else error))
    return Outcome(title, lines)


def same(expected: str, computed: str) -> bool:
    """Whether two texts say the same number, or are the same word."""
    try:
        return Decimal(expected) == Decimal(computed)
    except InvalidOperation:
        return expected == computed
