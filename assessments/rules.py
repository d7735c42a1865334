"""The rules of a month as data: indicators, adjustments, grade lines, and what each rule type needs.

Plain values only, no database and no clock. Points and weights are whole hundredths,
values whole 1/10 000; decimals appear at the edges (snapshots, parameters, cells).
What a rule type does with a value is in `assessments/scoring.py`, in words on the pages
of `docs/rules/`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Self

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

SCALE = 10_000
FULL_WEIGHT = 10_000
TOTAL_MAXIMUM = 10_500
WEIGHT_STEP = 10
MAX_ENTERED_INDICATORS = 12
MAX_ENTERED_CELLS = 20

SourceKind = Literal["S", "T", "C"]
CellKind = Literal["count", "decimal", "percent", "score", "points"]
AdjustmentKind = Literal["bonus", "penalty", "veto"]

MEASURED_UNITS = frozenset({"元", "万元", "亩", "公里", "吨"})
WITH_DENOMINATOR = frozenset({"pass_fail", "ratio", "linear", "band", "deduct_step"})
SEVERAL_CELLS = frozenset({"panel", "vote"})
CODE_PATTERN = re.compile(r"[A-Z][A-Z0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """What an author has to put right. `where` is the code of the indicator, item or grade, empty for the scheme."""

    code: str
    message: str
    where: str = ""
    field: str = ""


class RuleProblems(ValueError):
    """Raised by the `validate` functions; `problems` holds every problem found, not just the first."""

    def __init__(self, problems: Sequence[RuleProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


# Numbers at the edge


def exact(value: object, places: int) -> int:
    """A decimal number or its text as a whole number of 10^-places. Raises ValueError where it does not fit."""
    try:
        shifted = Decimal(str(value)).scaleb(places)
        whole = int(shifted.to_integral_exact())
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise ValueError(f"not a number: {value!r}") from error
    if whole != shifted:
        raise ValueError(f"more than {places} decimals: {value!r}")
    return whole


def to_scaled(value: object) -> int:
    """A value as whole 1/10 000."""
    return exact(value, 4)


def to_hundredths(points: object) -> int:
    """Points or a weight as whole 1/100."""
    return exact(points, 2)


def from_scaled(value: int) -> Decimal:
    return Decimal(value).scaleb(-4)


def from_hundredths(points: int) -> Decimal:
    return Decimal(points).scaleb(-2)


def plain(number: Decimal) -> str:
    """A number without trailing zeros or exponent: 4.50 -> "4.5"."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def points_text(points: int) -> str:
    return plain(from_hundredths(points))


def value_text(value: int) -> str:
    return plain(from_scaled(value))


def in_language(chinese: str, english: str) -> str:
    """A scheme's own text in the language of the page; Chinese where the scheme has no English."""
    return english if english and (get_language() or "").startswith("en") else chinese


# What a rule type needs to be told


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a rule type, enough to draw its field. `columns` describes the rows of a table."""

    name: str
    label: Any
    kind: Literal["decimal", "integer", "points", "percent", "choice", "flag", "text", "table"]
    default: Any
    help: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()
    columns: tuple[Parameter, ...] = ()
    is_required: bool = True


FULL, ZERO, NOT_APPLICABLE = "full", "zero", "not_applicable"
NOTHING_DUE, MISSING = "nothing_due", "missing"

_NO_DATA = Parameter(
    "no_data",
    _("When the system has no record"),
    "choice",
    MISSING,
    _("Only for computed indicators: what a village without any record means."),
    choices=(
        (MISSING, _("The value is missing, the village is not ranked")),
        (NOTHING_DUE, _("There was nothing to do")),
        (NOT_APPLICABLE, _("Not applicable, the weight goes to the same category")),
    ),
)
_ZERO_DENOMINATOR = Parameter(
    "zero_denominator",
    _("When there was nothing to do"),
    "choice",
    FULL,
    _("A share of zero: nothing due, nothing accepted, no session held."),
    choices=(
        (FULL, _("Full marks")),
        (NOT_APPLICABLE, _("Not applicable, the weight goes to the same category")),
        (ZERO, _("No points")),
    ),
)
_MAY_BE_NOT_APPLICABLE = Parameter(
    "may_be_not_applicable",
    _("May be marked not applicable"),
    "flag",
    False,
    _("Its weight is then spread over the other indicators of the category."),
)
_COMMON = (_ZERO_DENOMINATOR, _NO_DATA, _MAY_BE_NOT_APPLICABLE)

PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "pass_fail": (
        Parameter(
            "comparison",
            _("Condition"),
            "choice",
            "at_least",
            choices=(("at_least", _("at least")), ("at_most", _("at most"))),
        ),
        Parameter("threshold", _("Threshold"), "decimal", "1", _("The value that earns full marks.")),
        *_COMMON,
    ),
    "ratio": (
        Parameter("target", _("Target (%)"), "percent", "100", _("The share that earns full marks.")),
        *_COMMON,
    ),
    "linear": (
        Parameter("low", _("No points at"), "decimal", "0", _("This value and below earn nothing.")),
        Parameter("high", _("Full marks at"), "decimal", "100", _("This value and above earn full marks.")),
        *_COMMON,
    ),
    "band": (
        Parameter(
            "bands",
            _("Bands"),
            "table",
            (),
            _("Each band begins where the one before ends; the best one earns full marks."),
            columns=(
                Parameter("from", _("From (included)"), "decimal", None, is_required=False),
                Parameter("to", _("To (not included)"), "decimal", None, is_required=False),
                Parameter("points", _("Points"), "points", "0"),
                Parameter("label", _("In words"), "text", "", is_required=False),
                Parameter("label_en", _("In English words"), "text", "", is_required=False),
            ),
        ),
        *_COMMON,
    ),
    "deduct_each": (
        Parameter("points", _("Points off for each"), "points", "1", _("Never below zero for the indicator.")),
        _NO_DATA,
        _MAY_BE_NOT_APPLICABLE,
    ),
    "deduct_step": (
        Parameter(
            "direction",
            _("Points are lost"),
            "choice",
            "below",
            choices=(("below", _("below the target")), ("above", _("above the target"))),
        ),
        Parameter("target", _("Target"), "decimal", "100"),
        Parameter("step", _("Step"), "decimal", "1", _("In the unit of the value, for instance 1 percentage point.")),
        Parameter("points", _("Points off for each step"), "points", "1"),
        Parameter(
            "counting",
            _("A step begun"),
            "choice",
            "whole",
            choices=(("whole", _("counts only when complete")), ("begun", _("counts as a whole step"))),
        ),
        *_COMMON,
    ),
    "inspection": (
        Parameter("full_score", _("Full score of the inspection"), "decimal", "100"),
        _NO_DATA,
        _MAY_BE_NOT_APPLICABLE,
    ),
    "rank_points": (
        Parameter(
            "ranks",
            _("Points by rank"),
            "table",
            (),
            _("The first line earns full marks, the last line holds for everyone after."),
            columns=(
                Parameter("to", _("Down to rank"), "integer", None, is_required=False),
                Parameter("points", _("Points"), "points", "0"),
            ),
        ),
        Parameter(
            "order",
            _("Best is"),
            "choice",
            "highest",
            choices=(("highest", _("the highest value")), ("lowest", _("the lowest value"))),
        ),
        Parameter(
            "peers",
            _("Ranked among"),
            "choice",
            "county",
            choices=(
                ("county", _("all villages of the county")),
                ("township", _("the villages of the township")),
                ("village_class", _("the villages of the same class")),
            ),
        ),
        *_COMMON,
    ),
    "panel": (
        Parameter("judges", _("Judges"), "integer", 5),
        Parameter("dropped", _("Highest and lowest left out, each"), "integer", 1),
        Parameter("full_score", _("Full score of a judge"), "decimal", "100"),
        _MAY_BE_NOT_APPLICABLE,
    ),
    "vote": (
        Parameter(
            "options",
            _("Options of the vote"),
            "table",
            (),
            _("How much of full marks one vote for this option is worth."),
            columns=(
                Parameter("name", _("Option"), "text", ""),
                Parameter("name_en", _("Option in English"), "text", "", is_required=False),
                Parameter("share", _("Worth (%)"), "percent", "100"),
            ),
        ),
        _ZERO_DENOMINATOR,
        _MAY_BE_NOT_APPLICABLE,
    ),
    "manual": (_MAY_BE_NOT_APPLICABLE,),
    "not_applicable": (),
    "bonus": (
        Parameter("levels", _("Levels and points"), "table", ()),
        Parameter("cap", _("At most"), "points", None, is_required=False),
        Parameter("needs_document", _("Needs a document number"), "flag", True),
    ),
    "penalty": (
        Parameter("levels", _("Levels and points"), "table", ()),
        Parameter("cap", _("At most"), "points", None, is_required=False),
        Parameter("needs_document", _("Needs a document number"), "flag", True),
    ),
    "veto": (
        Parameter("grade_cap", _("Best grade of the month"), "choice", ""),
        Parameter("year_grade_cap", _("Best grade of the year"), "choice", "", is_required=False),
        Parameter("ranks_last", _("Listed after all others"), "flag", True),
        Parameter("needs_document", _("Needs a document number"), "flag", True),
    ),
}

RULE_LABELS: dict[str, Any] = {
    "pass_fail": _("Met or not"),
    "ratio": _("Share"),
    "linear": _("Between two bounds"),
    "band": _("Bands"),
    "deduct_each": _("Points off for each"),
    "deduct_step": _("Points off by steps"),
    "inspection": _("Inspection score"),
    "rank_points": _("Points by rank"),
    "panel": _("Panel of judges"),
    "vote": _("Vote"),
    "manual": _("Points given by hand"),
    "not_applicable": _("Not applicable"),
    "bonus": pgettext_lazy("adjustment", "Bonus"),
    "penalty": pgettext_lazy("adjustment", "Penalty"),
    "veto": pgettext_lazy("adjustment", "Veto"),
}
INDICATOR_RULE_TYPES = tuple(name for name in PARAMETERS if name not in {"bonus", "penalty", "veto"})
YEAR_GRADES: dict[str, Any] = {
    "excellent": _("Excellent"),
    "competent": _("Competent"),
    "basically_competent": _("Basically competent"),
    "incompetent": _("Incompetent"),
}


# The rules


@dataclass(frozen=True, slots=True)
class CellSpec:
    """One cell that a person fills in. `prefill` names the registry code or constant it starts from,
    `at_most` the cell it may not exceed."""

    code: str
    label: str
    unit: str
    kind: CellKind
    minimum: Decimal | None
    maximum: Decimal | None
    prefill: str | None = None
    at_most: str | None = None
    indicator: str = ""
    category: str = ""
    label_en: str = ""
    unit_en: str = ""
    may_be_not_applicable: bool = False
    needs_reason: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    code: str
    name: str
    name_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorRule:
    """One indicator. `weight` in hundredths of a point; `parameters` as declared in `PARAMETERS`,
    numbers as decimal text. `denominator_source` is empty, a registry code, or "constant:12"."""

    code: str
    name: str
    category: str
    weight: int
    rule_type: str
    source: SourceKind
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source_code: str = ""
    unit: str = ""
    has_denominator: bool = False
    numerator_label: str = ""
    denominator_label: str = ""
    denominator_source: str = ""
    definition: str = ""
    short_name: str = ""
    name_en: str = ""
    short_name_en: str = ""
    unit_en: str = ""
    numerator_label_en: str = ""
    denominator_label_en: str = ""

    def setting(self, name: str) -> Any:
        """The parameter as set, or its declared default; None for one the rule type does not have."""
        if name in self.parameters:
            return self.parameters[name]
        return next((item.default for item in PARAMETERS[self.rule_type] if item.name == name), None)

    def scaled(self, name: str) -> int:
        return to_scaled(self.setting(name))

    def points(self, name: str) -> int:
        return to_hundredths(self.setting(name))

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        return list(self.setting(name) or ())

    @property
    def zero_denominator(self) -> str:
        """full, not_applicable or zero."""
        return self.setting("zero_denominator") or FULL

    @property
    def no_data(self) -> str:
        """What a village stands for that the source of a computed indicator does not mention."""
        return self.setting("no_data") or MISSING

    @property
    def may_be_not_applicable(self) -> bool:
        return bool(self.setting("may_be_not_applicable"))

    def value_codes(self) -> tuple[str, ...]:
        """The columns this indicator is scored from, in the order of its receipt line."""
        if self.rule_type == "not_applicable":
            return ()
        if self.rule_type == "panel":
            return tuple(f"{self.code}.j{number}" for number in range(1, int(self.setting("judges")) + 1))
        if self.rule_type == "vote":
            return tuple(f"{self.code}.o{number}" for number in range(1, len(self.rows("options")) + 1))
        if self.has_denominator:
            return (f"{self.code}.n", f"{self.code}.d")
        return (self.code,)

    def cells(self) -> tuple[CellSpec, ...]:
        """What a person enters for this indicator, in the order it is asked; empty when the system computes it."""
        if self.source == "S" or self.rule_type == "not_applicable":
            return ()
        if self.rule_type == "panel":
            return self._panel_cells()
        if self.rule_type == "vote":
            return self._vote_cells()
        if self.has_denominator:
            return self._share_cells()
        return (self._cell(self.code, self.numerator_label or self.name, self.numerator_label_en or self.name_en),)

    def _cell(self, code: str, label: str, label_en: str, **more: Any) -> CellSpec:
        kind = more.pop("kind", None) or self._cell_kind()
        maxima = {
            "points": from_hundredths(self.weight),
            "score": from_scaled(self.scaled("full_score")) if self.setting("full_score") else None,
            "percent": None if self.rule_type == "ratio" else Decimal(100),
        }
        return CellSpec(
            code=code,
            label=label,
            unit=self.unit,
            kind=kind,
            minimum=Decimal(0),
            maximum=maxima.get(kind),
            indicator=self.code,
            category=self.category,
            label_en=label_en,
            unit_en=self.unit_en,
            may_be_not_applicable=self.may_be_not_applicable,
            needs_reason=self.rule_type == "manual",
            **more,
        )

    def _cell_kind(self) -> CellKind:
        by_type: dict[str, CellKind] = {
            "deduct_each": "count",
            "pass_fail": "count",
            "inspection": "score",
            "manual": "points",
            "ratio": "percent",
        }
        if self.unit == "%":
            return "percent"
        if self.unit in MEASURED_UNITS:
            return "decimal"
        return by_type.get(self.rule_type, "decimal")

    def _share_cells(self) -> tuple[CellSpec, ...]:
        kind = "decimal" if self.unit in MEASURED_UNITS else "count"
        part = self._cell(
            f"{self.code}.n", self.numerator_label, self.numerator_label_en, kind=kind, at_most=f"{self.code}.d"
        )
        whole = self._cell(
            f"{self.code}.d",
            self.denominator_label,
            self.denominator_label_en,
            kind=kind,
            prefill=self.denominator_source or None,
        )
        return (part, whole) if self.denominator_source else (whole, part)

    def _panel_cells(self) -> tuple[CellSpec, ...]:
        return tuple(
            self._cell(code, f"评委{number}", f"Judge {number}", kind="score")
            for number, code in enumerate(self.value_codes(), start=1)
        )

    def _vote_cells(self) -> tuple[CellSpec, ...]:
        return tuple(
            self._cell(code, str(option["name"]), str(option.get("name_en", "")), kind="count")
            for code, option in zip(self.value_codes(), self.rows("options"), strict=True)
        )


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a bonus or penalty and the points (hundredths, always positive) for one time of it."""

    name: str
    points: int
    name_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRule:
    """A bonus, penalty or veto. `cap` limits the item in hundredths; `grade_cap` is the best grade a veto leaves."""

    code: str
    name: str
    kind: AdjustmentKind
    levels: tuple[Level, ...] = ()
    cap: int | None = None
    grade_cap: str = ""
    year_grade_cap: str = ""
    ranks_last: bool = True
    source: SourceKind = "C"
    source_code: str = ""
    needs_document: bool = True
    unit: str = ""
    name_en: str = ""
    unit_en: str = ""

    def level(self, name: str) -> Level | None:
        """The level of that name; an empty name means the only level there is."""
        if not name and len(self.levels) == 1:
            return self.levels[0]
        return next((level for level in self.levels if level.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeLine:
    """A grade, best first in its scheme. With `best_share_percent` the village must also be within that share
    of its township (rounded down, at least 1 from `minimum_villages` villages up)."""

    code: str
    name: str
    minimum: int
    best_share_percent: int | None = None
    minimum_villages: int = 3
    name_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeRules:
    """Everything a month is scored by. Frozen with each ranking as its snapshot."""

    categories: tuple[CategoryRule, ...]
    indicators: tuple[IndicatorRule, ...]
    adjustments: tuple[AdjustmentRule, ...] = ()
    grades: tuple[GradeLine, ...] = ()
    bonus_cap: int = 500
    penalty_cap: int = 1000
    name: str = ""
    number: str = ""
    document: str = ""
    name_en: str = ""

    @classmethod
    def from_snapshot(cls, data: Mapping[str, Any]) -> Self:
        """The rules written by `to_snapshot` (or by hand in the same layout).

        Raises ValueError, TypeError or KeyError where the layout is broken; whether the
        rules make sense is `scheme_problems`.
        """
        return cls(
            categories=tuple(CategoryRule(**item) for item in data["categories"]),
            indicators=tuple(_indicator(item) for item in data["indicators"]),
            adjustments=tuple(_adjustment(item) for item in data.get("adjustments", ())),
            grades=tuple(_grade(item) for item in data.get("grades", ())),
            bonus_cap=to_hundredths(data.get("bonus_cap", "5")),
            penalty_cap=to_hundredths(data.get("penalty_cap", "10")),
            **{name: str(data.get(name, "")) for name in ("name", "number", "document", "name_en")},
        )

    def to_snapshot(self) -> dict[str, Any]:
        """The rules as plain JSON values; numbers as decimal text."""
        return {
            "name": self.name,
            "name_en": self.name_en,
            "number": self.number,
            "document": self.document,
            "bonus_cap": points_text(self.bonus_cap),
            "penalty_cap": points_text(self.penalty_cap),
            "categories": [_plain_fields(item) for item in self.categories],
            "indicators": [_plain_fields(item, weight=points_text(item.weight)) for item in self.indicators],
            "adjustments": [_adjustment_snapshot(item) for item in self.adjustments],
            "grades": [_plain_fields(item, minimum=points_text(item.minimum)) for item in self.grades],
        }

    def canonical(self) -> bytes:
        """The snapshot in one fixed spelling, for checksums."""
        return json.dumps(self.to_snapshot(), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    def checksum(self) -> str:
        return hashlib.sha256(self.canonical()).hexdigest()

    def cells(self, source: SourceKind = "T") -> tuple[CellSpec, ...]:
        """The cells that the township (or with "C" the county) fills in, in order."""
        return tuple(cell for item in self.indicators if item.source == source for cell in item.cells())

    def value_codes(self) -> tuple[str, ...]:
        """Every column the engine reads, entered and computed."""
        return tuple(code for item in self.indicators for code in item.value_codes())

    def indicator(self, code: str) -> IndicatorRule | None:
        return next((item for item in self.indicators if item.code == code), None)

    def adjustment(self, code: str) -> AdjustmentRule | None:
        return next((item for item in self.adjustments if item.code == code), None)

    def category_weight(self, code: str) -> int:
        return sum(item.weight for item in self.indicators if item.category == code)

    def grade_index(self, code: str) -> int:
        """The place of a grade, 0 for the best. Raises ValueError for an unknown one."""
        return [grade.code for grade in self.grades].index(code)


def _indicator(item: Mapping[str, Any]) -> IndicatorRule:
    return IndicatorRule(**{**item, "weight": to_hundredths(item["weight"]), "parameters": dict(item["parameters"])})


def _adjustment(item: Mapping[str, Any]) -> AdjustmentRule:
    cap = item.get("cap")
    levels = tuple(Level(str(name), to_hundredths(points), *more) for name, points, *more in item.get("levels", ()))
    return AdjustmentRule(**{**item, "levels": levels, "cap": None if cap is None else to_hundredths(cap)})


def _grade(item: Mapping[str, Any]) -> GradeLine:
    return GradeLine(**{**item, "minimum": to_hundredths(item["minimum"])})


def _plain_fields(item: Any, **replaced: Any) -> dict[str, Any]:
    return {name: replaced.get(name, getattr(item, name)) for name in item.__dataclass_fields__}


def _adjustment_snapshot(item: AdjustmentRule) -> dict[str, Any]:
    levels = [[level.name, points_text(level.points), level.name_en] for level in item.levels]
    return _plain_fields(item, levels=levels, cap=None if item.cap is None else points_text(item.cap))
