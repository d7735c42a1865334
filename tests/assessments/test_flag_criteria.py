"""What a criterion makes of the readings of a round. Rule: docs/rules/flag-criteria.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from assessments.flag_criteria import Criterion, is_met, over_round, points, problems
from assessments.rules import to_hundredths
from assessments.services.flag_rounds import seed_rules
from branches.indicators import Reading


def criterion(weight: int = 1500, rule: str = "ratio", *, is_gate: bool = False, **parameters: Any) -> Criterion:
    return Criterion.of(
        code="F1-1", weight=0 if is_gate else weight, is_gate=is_gate, rule_type=rule, parameters=parameters
    )


def readings(*values: Any) -> list[Reading | None]:
    """None, a number, or (part, whole)."""
    return [
        None
        if value is None
        else Reading(*map(Decimal, value))
        if isinstance(value, tuple)
        else Reading(Decimal(value))
        for value in values
    ]


@pytest.mark.parametrize(
    ("over", "months", "expected"),
    [
        # months that met the condition ÷ months with data
        ({"over": "months"}, [readings(1, 2, 0, 1, 1, 1)], (5, 6)),
        ({"over": "months"}, [readings(1, None, 0, 1)], (2, 3)),
        ({"over": "months", "met_from": "2"}, [readings(1, 2, 3)], (2, 3)),
        ({"over": "months", "met_from": "80"}, [readings((8, 10), (79, 100), (0, 0))], (2, 3)),
        ({"over": "months"}, [readings(1, 1), readings(0, 1)], (3, 4)),
        ({"over": "months"}, [readings(1, 1), readings(None, None)], (2, 2)),
        ({"over": "months"}, [readings(None, None)], None),
        # sums
        ({"over": "sum"}, [readings(3, None, 4)], (7, None)),
        ({"over": "sum", "is_share": True}, [readings((8, 10), (5, 10))], (13, 20)),
        ({"over": "sum", "is_share": True}, [readings((0, 0))], (0, 0)),
        ({"over": "sum"}, [readings(None)], None),
        # means, rounded half up to four places
        ({"over": "mean"}, [readings(80, 90, None)], (85, None)),
        ({"over": "mean"}, [readings(1, 1, 0)], ("0.6667", None)),
        ({"over": "mean", "is_share": True}, [readings((1, 2), (1, 4))], ("37.5", None)),
        # the last month, and a number for the whole span
        ({"over": "last"}, [readings(7)], (7, None)),
        ({"over": "last"}, [readings(None)], None),
        ({"over": "span"}, [readings(2)], (2, None)),
    ],
)
def test_the_months_become_one_number(
    over: dict[str, Any], months: list[list[Reading | None]], expected: tuple[Any, Any] | None
) -> None:
    found = over_round(criterion(**over), months)
    if expected is None:
        assert found is None
        return
    assert found is not None
    value, whole = expected
    assert (found.value, found.of) == (Decimal(value), None if whole is None else Decimal(whole))


@pytest.mark.parametrize(
    ("weight", "rule", "parameters", "given", "expected"),
    [
        (1500, "ratio", {"over": "months", "target": "100"}, [(5, 6), (6, 6), (0, 6), None], [1250, 1500, 0, None]),
        (
            1000,
            "pass_fail",
            {"over": "sum", "is_share": True, "threshold": "80", "zero_denominator": "zero"},
            [(80, 100), (79, 100), (0, 0)],
            [1000, 0, 0],
        ),
        (1500, "ratio", {"over": "sum", "is_share": True, "zero_denominator": "full"}, [(0, 0), (1, 3)], [1500, 500]),
        (4000, "inspection", {"over": "mean"}, ["92.5", "0", None], [3700, 0, None]),
        (2000, "linear", {"over": "mean", "low": "60", "high": "85"}, [60, 85, "72.5"], [0, 2000, 1000]),
        (1000, "pass_fail", {"over": "span", "threshold": "2"}, [2, 1], [1000, 0]),
        (300, "deduct_each", {"over": "sum", "points": "1"}, [0, 2, 5], [300, 100, 0]),
    ],
)
def test_points(
    weight: int, rule: str, parameters: dict[str, Any], given: list[Any], expected: list[int | None]
) -> None:
    assert points(criterion(weight, rule, **parameters), readings(*given)) == expected


@pytest.mark.parametrize(
    ("parameters", "given", "expected"),
    [
        ({"at_least": "1"}, 1, True),
        ({"at_least": "1"}, 0, False),
        ({"at_least": "1"}, None, None),
        ({"at_most": "0", "no_data": "met"}, None, True),
        ({"at_most": "0", "no_data": "met"}, 1, False),
        ({"at_least": "90", "at_most": "100"}, (9, 10), True),
        ({"at_least": "90"}, (8, 10), False),
    ],
)
def test_gates(parameters: dict[str, Any], given: Any, expected: bool | None) -> None:
    assert is_met(criterion(is_gate=True, over="last", **parameters), readings(given)[0]) is expected


@pytest.mark.parametrize(
    ("rule", "parameters", "sources", "codes"),
    [
        ("ratio", {"over": "months"}, ["a", "b"], []),
        ("ratio", {"over": "often"}, ["a"], ["over_unknown"]),
        ("ratio", {"over": "sum", "is_share": True}, ["a", "b"], ["one_source"]),
        ("ratio", {"over": "months"}, [], ["source_missing"]),
        ("manual", {"over": "last"}, ["a"], ["rule_unknown"]),
        ("inspection", {"over": "months"}, ["a"], ["denominator_unused"]),
        ("linear", {"over": "mean", "low": "x"}, ["a"], ["parameter_invalid"]),
        ("ratio", {"over": "months", "colour": "red"}, ["a"], ["parameter_unknown"]),
    ],
)
def test_what_an_author_has_to_put_right(
    rule: str, parameters: dict[str, Any], sources: list[str], codes: list[str]
) -> None:
    assert [problem.code for problem in problems(criterion(1500, rule, **parameters), sources)] == codes


def test_a_gate_needs_a_bound() -> None:
    assert [found.code for found in problems(criterion(is_gate=True, over="last"), ["a"])] == ["bound_missing"]
    assert problems(criterion(is_gate=True, over="last", at_most="0"), ["a"]) == []


def of_seed(code: str) -> Criterion:
    """A criterion or gate as a new round has it."""
    item = next(item for _head, items in seed_rules() for item in items if item["code"] == code)
    return Criterion.of(
        code=code,
        weight=to_hundredths(item["points"]),
        is_gate=item.get("is_gate", False),
        rule_type=item.get("rule_type", ""),
        parameters=item["parameters"],
    )


@pytest.mark.parametrize(
    ("code", "given", "expected"),
    [
        ("F2-2", [(2, 3), (0, 1), None], [1333, 0, None]),
        ("F2-3", [(1, 2), (1, 1)], [750, 1500]),
        ("F2-5", [(2, 6)], [500]),
        (
            "F3-1",
            ["-5", "0", "49999.99", "50000", "99999.99", "100000", "200000", "499999.99", "500000", None],
            [0, 0, 0, 1000, 1000, 1600, 2100, 2100, 2500, None],
        ),
        ("F3-2", ["-3", "0", "7.5", "15", "200"], [0, 0, 750, 1500, 1500]),
        ("F3-3", [(20_000, 40_000), (50_000, 40_000), (0, 0), None], [750, 1500, 1500, None]),
        ("F3-4", [(3, 4), (4, 4)], [1125, 1500]),
        ("F3-5", [(95, 100), ("94.99", 100), (0, 0)], [1000, 0, 1000]),
        ("F3-6", [(18, 20), (0, 0), None], [900, 1000, None]),
    ],
)
def test_criteria_of_the_collective_economy(code: str, given: list[Any], expected: list[int | None]) -> None:
    assert points(of_seed(code), readings(*given)) == expected


@pytest.mark.parametrize(
    ("code", "given", "expected"),
    [
        ("F3-G1", ["49999.99", "50000", None], [False, True, None]),
        ("F3-G2", [0, 1], [True, False]),
        ("F3-G3", [0, 2], [True, False]),
    ],
)
def test_gates_of_the_industry_flag(code: str, given: list[Any], expected: list[bool | None]) -> None:
    assert [is_met(of_seed(code), reading) for reading in readings(*given)] == expected
