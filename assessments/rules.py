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
from itertools import pairwise
from typing import Any, Literal, Self

from django.utils.translation import get_language, gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

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


AS_FULL, AS_ZERO, AS_NOT_APPLICABLE = "full", "zero", "not_applicable"
AS_NOTHING_DUE, AS_MISSING = "nothing_due", "missing"
BY_COUNTY = "county"

_NO_DATA = Parameter(
    "no_data",
    _("When the system has no record"),
    "choice",
    AS_MISSING,
    _("Only for computed indicators: what a village without any record means."),
    choices=(
        (AS_MISSING, _("The value is missing, the village is not ranked")),
        (AS_NOTHING_DUE, _("There was nothing to do")),
        (AS_NOT_APPLICABLE, _("Not applicable, the weight goes to the same category")),
    ),
)
_ZERO_DENOMINATOR = Parameter(
    "zero_denominator",
    _("When there was nothing to do"),
    "choice",
    AS_FULL,
    _("A share of zero: nothing due, nothing accepted, no session held."),
    choices=(
        (AS_FULL, _("Full marks")),
        (AS_NOT_APPLICABLE, _("Not applicable, the weight goes to the same category")),
        (AS_ZERO, _("No points")),
    ),
)
_MAY_BE_NOT_APPLICABLE = Parameter(
    "may_be_not_applicable",
    _("May be marked not applicable"),
    "flag",
    False,
    _("Its weight is then spread over the other indicators of the category."),
)
_UNTIL_SOURCE = Parameter(
    "until_source",
    _("Until the system can compute it"),
    "choice",
    AS_NOT_APPLICABLE,
    _("Only for computed indicators whose records this portal does not keep yet."),
    choices=(
        (AS_NOT_APPLICABLE, _("Not applicable, the weight goes to the same category")),
        (BY_COUNTY, _("The county enters it")),
    ),
)
_CARRIED_FORWARD = Parameter(
    "carried_forward",
    _("Starts from last month's value"),
    "flag",
    False,
    _("Only for entered indicators, such as a survey held twice a year."),
)
_COMMON = (_ZERO_DENOMINATOR, _NO_DATA, _UNTIL_SOURCE, _CARRIED_FORWARD, _MAY_BE_NOT_APPLICABLE)

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
        _UNTIL_SOURCE,
        _CARRIED_FORWARD,
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
        _UNTIL_SOURCE,
        _CARRIED_FORWARD,
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
        _CARRIED_FORWARD,
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
        _CARRIED_FORWARD,
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
        return self.setting("zero_denominator") or AS_FULL

    @property
    def no_data(self) -> str:
        """What a village stands for that the source of a computed indicator does not mention."""
        return self.setting("no_data") or AS_MISSING

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


# What an author has to put right


def problems(rule: IndicatorRule) -> list[RuleProblem]:
    """Everything wrong with one indicator; empty when it can be scored."""
    found = _Findings(rule.code)
    if not CODE_PATTERN.fullmatch(rule.code):
        found.add("code_invalid", gettext("A code is a capital letter and up to five letters or digits."), "code")
    if not 0 <= rule.weight <= FULL_WEIGHT:
        found.add("weight_out_of_range", gettext("A weight lies between 0 and 100."), "weight")
    if rule.weight % WEIGHT_STEP:
        found.add("weight_not_tenth", gettext("A weight has at most one decimal."), "weight")
    if rule.rule_type not in INDICATOR_RULE_TYPES:
        found.add("rule_type_unknown", gettext("Choose one of the rules offered."), "rule_type")
        return found.problems
    _check_source(rule, found)
    if _check_parameters(rule, found):
        _PARAMETER_CHECKS.get(rule.rule_type, _nothing_more)(rule, found)
    return found.problems


def validate(rule: IndicatorRule) -> None:
    """Raise RuleProblems with everything `problems` finds."""
    _raise(problems(rule))


def scheme_problems(rules: SchemeRules) -> list[RuleProblem]:
    """Everything that stands between this scheme and its publication, indicator by indicator and as a whole."""
    found = [problem for item in rules.indicators for problem in problems(item)]
    found += [problem for item in rules.adjustments for problem in adjustment_problems(item, rules.grades)]
    return [*found, *_weight_problems(rules), *_code_problems(rules), *_cap_problems(rules), *_grade_problems(rules)]


def validate_scheme(rules: SchemeRules) -> None:
    """Raise RuleProblems with everything `scheme_problems` finds."""
    _raise(scheme_problems(rules))


def adjustment_problems(item: AdjustmentRule, grades: Sequence[GradeLine]) -> list[RuleProblem]:
    """Everything wrong with one bonus, penalty or veto."""
    found = _Findings(item.code)
    if not CODE_PATTERN.fullmatch(item.code):
        found.add("code_invalid", gettext("A code is a capital letter and up to five letters or digits."), "code")
    if item.kind == "veto":
        if item.grade_cap not in {grade.code for grade in grades}:
            found.add("grade_cap_unknown", gettext("Choose the best grade this veto leaves."), "grade_cap")
        if item.year_grade_cap and item.year_grade_cap not in YEAR_GRADES:
            found.add("year_grade_unknown", gettext("Choose one of the four grades of the year."), "year_grade_cap")
        return found.problems
    if not item.levels or any(level.points <= 0 for level in item.levels):
        found.add("levels_missing", gettext("Give at least one level, each with points above 0."), "levels")
    if len({level.name for level in item.levels}) < len(item.levels):
        found.add("level_twice", gettext("Two levels have the same name."), "levels")
    if item.cap is not None and item.cap <= 0:
        found.add("cap_not_positive", gettext("A cap is above 0, or empty."), "cap")
    return found.problems


@dataclass(frozen=True, slots=True)
class Burden:
    """What a scheme asks of a township: indicators entered, and cells a village without prefilled wholes."""

    indicators: int
    cells: int
    warnings: tuple[RuleProblem, ...]


def burden(rules: SchemeRules) -> Burden:
    """The entry work of a month, with a warning above 12 indicators or 20 cells a village (handbook 9.4)."""
    indicators = sum(1 for item in rules.indicators if item.source == "T" and item.cells())
    cells = sum(1 for cell in rules.cells() if cell.prefill is None)
    found = _Findings("")
    if indicators > MAX_ENTERED_INDICATORS:
        found.add(
            "too_many_indicators",
            gettext("Townships enter %(count)d indicators; at most %(most)d are recommended.")
            % {"count": indicators, "most": MAX_ENTERED_INDICATORS},
        )
    if cells > MAX_ENTERED_CELLS:
        found.add(
            "too_many_cells",
            gettext("Townships enter %(count)d cells a village; at most %(most)d are recommended.")
            % {"count": cells, "most": MAX_ENTERED_CELLS},
        )
    return Burden(indicators, cells, tuple(found.problems))


class _Findings:
    """Collects problems of one place."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[RuleProblem] = []

    def add(self, code: str, message: str, name: str = "") -> None:
        self.problems.append(RuleProblem(code, message, self.where, name))


def _raise(found: Sequence[RuleProblem]) -> None:
    if found:
        raise RuleProblems(found)


def _check_source(rule: IndicatorRule, found: _Findings) -> None:
    if rule.source not in ("S", "T", "C"):
        found.add("source_unknown", gettext("Choose where the value comes from."), "source")
    if rule.source == "S" and not rule.source_code and rule.rule_type != "not_applicable":
        found.add("source_missing", gettext("Choose what the value is computed from."), "source_code")
    if rule.source == "S" and rule.rule_type in {*SEVERAL_CELLS, "manual"}:
        found.add("source_is_people", gettext("This rule needs values that people enter."), "source")
    if rule.has_denominator and rule.rule_type not in WITH_DENOMINATOR:
        found.add("denominator_unused", gettext("This rule does not work on a share."), "has_denominator")
    constant = rule.denominator_source.removeprefix("constant:")
    if constant != rule.denominator_source and not _is_positive(constant):
        found.add("constant_invalid", gettext("A fixed whole is a number above 0, such as 12."), "denominator_source")


def _is_positive(text: str) -> bool:
    try:
        return to_scaled(text) > 0
    except ValueError:
        return False


def _check_parameters(rule: IndicatorRule, found: _Findings) -> bool:
    """Whether every parameter can be read; what cannot is added to `found`."""
    before = len(found.problems)
    declared = {item.name for item in PARAMETERS[rule.rule_type]}
    for name in sorted(set(rule.parameters) - declared):
        found.add("parameter_unknown", gettext("This rule has no setting “%(name)s”.") % {"name": name}, name)
    for item in PARAMETERS[rule.rule_type]:
        if item.kind == "table":
            for row in rule.rows(item.name):
                for column in item.columns:
                    _check_value(column, row.get(column.name, column.default), item.name, found)
        else:
            _check_value(item, rule.setting(item.name), item.name, found)
    return len(found.problems) == before


def _check_value(item: Parameter, value: Any, name: str, found: _Findings) -> None:
    if value is None or value == "":
        if item.is_required:
            found.add("parameter_missing", gettext("Fill in “%(label)s”.") % {"label": item.label}, name)
        return
    if item.kind == "choice":
        is_good = value in {choice for choice, _label in item.choices}
    elif item.kind == "flag":
        is_good = isinstance(value, bool)
    elif item.kind == "text":
        is_good = isinstance(value, str)
    else:
        is_good = _is_number(value, {"integer": 0, "points": 2}.get(item.kind, 4))
    if not is_good:
        found.add("parameter_invalid", gettext("“%(label)s” cannot be read.") % {"label": item.label}, name)


def _is_number(value: Any, places: int) -> bool:
    try:
        exact(value, places)
    except ValueError:
        return False
    return True


def _nothing_more(rule: IndicatorRule, found: _Findings) -> None:
    """Rule types whose parameters need no look at each other."""


def _check_ratio(rule: IndicatorRule, found: _Findings) -> None:
    if rule.scaled("target") <= 0:
        found.add("target_not_positive", gettext("The target is above 0."), "target")


def _check_linear(rule: IndicatorRule, found: _Findings) -> None:
    if rule.scaled("low") >= rule.scaled("high"):
        found.add("bounds_reversed", gettext("The bound for no points lies below the one for full marks."), "low")


def _check_band(rule: IndicatorRule, found: _Findings) -> None:
    bands = rule.rows("bands")
    if not bands:
        found.add("bands_missing", gettext("Give at least one band."), "bands")
        return
    if not _is_open(bands[0].get("from")) or not _is_open(bands[-1].get("to")):
        found.add("bands_not_open", gettext("The first band begins and the last band ends without a bound."), "bands")
    for band, after in pairwise(bands):
        if _is_open(band.get("to")) or _is_open(after.get("from")):
            found.add("bands_not_contiguous", gettext("Only the first and the last bound may be empty."), "bands")
        elif to_scaled(band["to"]) != to_scaled(after["from"]):
            found.add("bands_not_contiguous", gettext("Each band begins where the one before ends."), "bands")
    inner = [to_scaled(band["from"]) for band in bands[1:] if not _is_open(band.get("from"))]
    if any(later <= earlier for earlier, later in pairwise(inner)):
        found.add("bands_not_rising", gettext("The bounds rise from band to band."), "bands")
    _check_table_points(rule, "bands", found)


def _is_open(bound: Any) -> bool:
    return bound is None or bound == ""


def _check_table_points(rule: IndicatorRule, name: str, found: _Findings) -> None:
    points = [to_hundredths(row["points"]) for row in rule.rows(name)]
    if min(points) < 0 or max(points) != rule.weight:
        found.add(
            "best_line_not_full",
            gettext("The best line earns the whole weight (%(weight)s), no line less than 0.")
            % {"weight": points_text(rule.weight)},
            name,
        )


def _check_deduct_each(rule: IndicatorRule, found: _Findings) -> None:
    if rule.points("points") <= 0:
        found.add("points_not_positive", gettext("The points taken off are above 0."), "points")


def _check_deduct_step(rule: IndicatorRule, found: _Findings) -> None:
    _check_deduct_each(rule, found)
    if rule.scaled("step") <= 0:
        found.add("step_not_positive", gettext("A step is above 0."), "step")


def _check_full_score(rule: IndicatorRule, found: _Findings) -> None:
    if rule.scaled("full_score") <= 0:
        found.add("full_score_not_positive", gettext("The full score is above 0."), "full_score")


def _check_ranks(rule: IndicatorRule, found: _Findings) -> None:
    ranks = rule.rows("ranks")
    if not ranks:
        found.add("ranks_missing", gettext("Give at least one line of ranks."), "ranks")
        return
    bounds = [row.get("to") for row in ranks]
    numbers = [0, *(exact(bound, 0) for bound in bounds[:-1] if not _is_open(bound))]
    if not _is_open(bounds[-1]) or len(numbers) < len(bounds):
        found.add("ranks_not_open", gettext("Only the last line has no rank, it holds for everyone after."), "ranks")
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        found.add("ranks_not_rising", gettext("The ranks rise from line to line."), "ranks")
    points = [to_hundredths(row["points"]) for row in ranks]
    if points != sorted(points, reverse=True):
        found.add("ranks_points_rise", gettext("A lower rank never earns more points."), "ranks")
    _check_table_points(rule, "ranks", found)


def _check_panel(rule: IndicatorRule, found: _Findings) -> None:
    _check_full_score(rule, found)
    judges, dropped = int(rule.setting("judges")), int(rule.setting("dropped"))
    if dropped < 0 or judges < 2 * dropped + 1:
        found.add("too_few_judges", gettext("At least one judge remains when the extremes are left out."), "judges")


def _check_vote(rule: IndicatorRule, found: _Findings) -> None:
    shares = [to_scaled(option["share"]) for option in rule.rows("options")]
    if len(shares) < 2:
        found.add("options_missing", gettext("A vote has at least two options."), "options")
    elif min(shares) < 0 or max(shares) != to_scaled(100):
        found.add("options_not_full", gettext("The best option is worth 100 %, none less than 0."), "options")


_PARAMETER_CHECKS: dict[str, Callable[[IndicatorRule, _Findings], None]] = {
    "ratio": _check_ratio,
    "linear": _check_linear,
    "band": _check_band,
    "deduct_each": _check_deduct_each,
    "deduct_step": _check_deduct_step,
    "inspection": _check_full_score,
    "rank_points": _check_ranks,
    "panel": _check_panel,
    "vote": _check_vote,
}


def _weight_problems(rules: SchemeRules) -> list[RuleProblem]:
    total = sum(item.weight for item in rules.indicators)
    if total == FULL_WEIGHT:
        return []
    message = gettext("The weights sum to %(total)s; they have to sum to exactly 100.")
    return [RuleProblem("weights_not_100", message % {"total": points_text(total)}, field="weight")]


def _code_problems(rules: SchemeRules) -> list[RuleProblem]:
    found = _Findings("")
    codes = Counter([*(item.code for item in rules.indicators), *(item.code for item in rules.adjustments)])
    for code in sorted(code for code, count in codes.items() if count > 1):
        found.add("code_twice", gettext("The code %(code)s is used twice.") % {"code": code}, "code")
    categories = Counter(item.code for item in rules.categories)
    for code in sorted(code for code, count in categories.items() if count > 1):
        found.add("category_twice", gettext("The category %(code)s is there twice.") % {"code": code}, "code")
    for item in rules.indicators:
        if item.category not in categories:
            found.add("category_unknown", gettext("%(code)s has no category.") % {"code": item.code}, "category")
    return found.problems


def _cap_problems(rules: SchemeRules) -> list[RuleProblem]:
    found = _Findings("")
    if not 0 <= rules.bonus_cap <= TOTAL_MAXIMUM - FULL_WEIGHT:
        found.add("bonus_cap_out_of_range", gettext("The bonus cap lies between 0 and 5."), "bonus_cap")
    if not 0 <= rules.penalty_cap <= FULL_WEIGHT:
        found.add("penalty_cap_out_of_range", gettext("The penalty cap lies between 0 and 100."), "penalty_cap")
    return found.problems


def _grade_problems(rules: SchemeRules) -> list[RuleProblem]:
    found = _Findings("")
    minima = [grade.minimum for grade in rules.grades]
    if not minima or minima[-1] != 0 or any(b >= a for a, b in pairwise(minima)):
        found.add(
            "grades_not_falling", gettext("Grades are listed best first, their lines fall, the last is 0."), "grades"
        )
    if len({grade.code for grade in rules.grades}) < len(minima):
        found.add("grade_twice", gettext("Two grades have the same code."), "grades")
    shares = [grade.best_share_percent for grade in rules.grades if grade.best_share_percent is not None]
    if any(not 0 < share <= 100 for share in shares):
        found.add("share_out_of_range", gettext("A best share lies between 1 and 100 %."), "grades")
    return found.problems


# In words


def describe(rule: IndicatorRule, weight: int | None = None) -> str:
    """The rule as one sentence for a receipt, with the numbers needed to recompute the line by hand.

    `weight` is the effective weight in hundredths; where it is not the rule's own, the
    sentence says how the points are converted.
    """
    sentence = _DESCRIPTIONS[rule.rule_type](rule)
    if weight is None or weight == rule.weight or rule.rule_type == "not_applicable":
        return sentence
    return gettext("%(sentence)s; full marks %(own)s converted to %(effective)s") % {
        "sentence": sentence,
        "own": points_text(rule.weight),
        "effective": points_text(weight),
    }


def describe_adjustment(item: AdjustmentRule, grades: Sequence[GradeLine] = ()) -> str:
    """A bonus, penalty or veto as one sentence."""
    if item.kind == "veto":
        names = {grade.code: in_language(grade.name, grade.name_en) for grade in grades}
        return gettext("grade at most %(grade)s; the score stays as it is") % {
            "grade": names.get(item.grade_cap, item.grade_cap)
        }
    sign = "+" if item.kind == "bonus" else "−"
    levels = _list(
        f"{in_language(level.name, level.name_en)} {sign}{points_text(level.points)}" for level in item.levels
    )
    if item.cap is None:
        return levels
    return gettext("%(levels)s; at most %(cap)s") % {"levels": levels, "cap": points_text(item.cap)}


def _list(parts: Iterable[str]) -> str:
    return pgettext("between the parts of a list", ", ").join(parts)


def _with_unit(rule: IndicatorRule, number: str) -> str:
    unit = in_language(rule.unit, rule.unit_en)
    return f"{number}%" if unit == "%" else f"{number} {unit}".rstrip()


def _measured(rule: IndicatorRule, name: str) -> str:
    """A bound in the unit of what is compared: percent for a share, the rule's unit otherwise."""
    number = value_text(rule.scaled(name))
    return f"{number}%" if rule.has_denominator else _with_unit(rule, number)


def _describe_pass_fail(rule: IndicatorRule) -> str:
    values = {"threshold": _measured(rule, "threshold")}
    if rule.setting("comparison") == "at_most":
        return gettext("at most %(threshold)s earns full marks, otherwise 0") % values
    return gettext("at least %(threshold)s earns full marks, otherwise 0") % values


def _describe_ratio(rule: IndicatorRule) -> str:
    target = value_text(rule.scaled("target"))
    part = in_language(rule.numerator_label, rule.numerator_label_en)
    whole = in_language(rule.denominator_label, rule.denominator_label_en)
    share = f"{part} ÷ {whole}" if part and whole else gettext("by share")
    if target == "100":
        return share
    return gettext("%(share)s, full marks at %(target)s%%") % {"share": share, "target": target}


def _describe_linear(rule: IndicatorRule) -> str:
    return gettext("%(low)s earns 0, %(high)s full marks, in proportion between") % {
        "low": _measured(rule, "low"),
        "high": _measured(rule, "high"),
    }


def _describe_band(rule: IndicatorRule) -> str:
    pair = gettext("%(words)s: %(points)s")
    return _list(pair % {"words": _band_words(rule, band), "points": _points_of(band)} for band in rule.rows("bands"))


def _band_words(rule: IndicatorRule, band: Mapping[str, Any]) -> str:
    words = in_language(band.get("label") or "", band.get("label_en") or "")
    if words:
        return words
    start, end = band.get("from"), band.get("to")
    if _is_open(start):
        return gettext("everything else") if _is_open(end) else gettext("below %(bound)s") % {"bound": end}
    if _is_open(end):
        return gettext("from %(bound)s") % {"bound": start}
    return gettext("from %(start)s to below %(end)s") % {"start": start, "end": end}


def _points_of(row: Mapping[str, Any]) -> str:
    return points_text(to_hundredths(row["points"]))


def _describe_deduct_each(rule: IndicatorRule) -> str:
    return gettext("−%(points)s for each %(unit)s, never below 0") % {
        "points": points_text(rule.points("points")),
        "unit": in_language(rule.unit, rule.unit_en),
    }


def _describe_deduct_step(rule: IndicatorRule) -> str:
    values = {
        "points": points_text(rule.points("points")),
        "step": _measured(rule, "step"),
        "target": _measured(rule, "target"),
    }
    if rule.setting("direction") == "above":
        sentence = gettext("−%(points)s for each %(step)s above %(target)s, never below 0") % values
    else:
        sentence = gettext("−%(points)s for each %(step)s below %(target)s, never below 0") % values
    if rule.setting("counting") == "begun":
        return gettext("%(sentence)s; a step begun counts") % {"sentence": sentence}
    return sentence


def _describe_inspection(rule: IndicatorRule) -> str:
    return gettext("score × %(weight)s ÷ %(full)s") % {
        "weight": points_text(rule.weight),
        "full": value_text(rule.scaled("full_score")),
    }


def _describe_ranks(rule: IndicatorRule) -> str:
    parts = []
    start = 1
    for row in rule.rows("ranks"):
        if _is_open(row.get("to")):
            words = gettext("from rank %(start)d on: %(points)s")
        elif exact(row["to"], 0) == start:
            words = gettext("rank %(start)d: %(points)s")
        else:
            words = gettext("ranks %(start)d–%(end)s: %(points)s")
        parts.append(words % {"start": start, "end": row.get("to"), "points": _points_of(row)})
        start = start if _is_open(row.get("to")) else exact(row["to"], 0) + 1
    return _list(parts)


def _describe_panel(rule: IndicatorRule) -> str:
    return gettext("without the %(dropped)s highest and lowest, mean × %(weight)s ÷ %(full)s") % {
        "dropped": rule.setting("dropped"),
        "weight": points_text(rule.weight),
        "full": value_text(rule.scaled("full_score")),
    }


def _describe_vote(rule: IndicatorRule) -> str:
    options = _list(
        f"{in_language(option['name'], option.get('name_en', ''))} {value_text(to_scaled(option['share']))}%"
        for option in rule.rows("options")
    )
    return gettext("votes weighted: %(options)s") % {"options": options}


def _describe_manual(rule: IndicatorRule) -> str:
    return gettext("0 to %(weight)s given by hand, with a reason") % {"weight": points_text(rule.weight)}


def _describe_not_applicable(rule: IndicatorRule) -> str:
    return gettext("not applicable, the weight goes to the same category")


_DESCRIPTIONS: dict[str, Callable[[IndicatorRule], str]] = {
    "pass_fail": _describe_pass_fail,
    "ratio": _describe_ratio,
    "linear": _describe_linear,
    "band": _describe_band,
    "deduct_each": _describe_deduct_each,
    "deduct_step": _describe_deduct_step,
    "inspection": _describe_inspection,
    "rank_points": _describe_ranks,
    "panel": _describe_panel,
    "vote": _describe_vote,
    "manual": _describe_manual,
    "not_applicable": _describe_not_applicable,
}
