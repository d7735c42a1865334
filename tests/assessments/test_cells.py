"""Cells of the month: reading, writing, checking. The script's half runs the same table in a browser."""

from __future__ import annotations

import contextlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from assessments import cells
from assessments.cells import Context, PeerRange, RefusedError, State, Value
from assessments.rules import CellSpec

CASES = json.loads((Path(__file__).parent / "cell_cases.json").read_text(encoding="utf-8"))


def make_spec(code: str, **fields: Any) -> CellSpec:
    for bound in ("minimum", "maximum"):
        fields[bound] = None if fields.get(bound) is None else Decimal(fields[bound])
    return CellSpec(code=code, indicator=code.split(".")[0], **fields)


SPECS = {code: make_spec(code, **fields) for code, fields in CASES["specs"].items()}


def make_context(data: dict[str, Any]) -> Context:
    return Context(
        last=Value.from_stored(data.get("last")),
        peers=PeerRange(*data["peers"]) if "peers" in data else None,
        known=data.get("known"),
    )


@pytest.fixture(autouse=True)
def chinese() -> Any:
    with translation.override("zh-hans"):
        yield


@pytest.mark.parametrize(("code", "text", "expected"), CASES["typed"])
def test_typed_text(code: str, text: str, expected: Any) -> None:
    if isinstance(expected, dict):
        with pytest.raises(RefusedError) as refusal:
            cells.parse(text, SPECS[code])
        assert {refusal.value.problem.code: dict(refusal.value.problem.params)} == expected
        assert "%(" not in refusal.value.problem.message
    else:
        assert cells.parse(text, SPECS[code]).stored() == expected


@pytest.mark.parametrize(("code", "values", "context", "expected"), CASES["checked"])
def test_checked_value(code: str, values: dict[str, Any], context: dict[str, Any], expected: Any) -> None:
    read = {name: Value.from_stored(stored) for name, stored in values.items()}
    found = cells.cell_problem(code, SPECS, read, make_context(context))
    assert (found and {found.code: dict(found.params)}) == expected
    assert found is None or "%(" not in found.message


@pytest.mark.parametrize(("scaled", "last", "expected"), CASES["percent"])
def test_change_in_percent(scaled: int, last: int, expected: str) -> None:
    assert cells.change_percent(scaled, last) == expected


@pytest.mark.parametrize(
    "stored", [0, 120000, [120000, "late"], [None, "not_applicable"], [None, "exempt", "本月合并"], None]
)
def test_the_five_states_are_stored_and_read_back(stored: Any) -> None:
    assert Value.from_stored(stored).stored() == stored


@given(st.integers(min_value=-(10**13) + 1, max_value=10**13 - 1))
def test_a_number_written_and_read_again_is_the_same(scaled: int) -> None:
    assert cells.parse(cells.text_of(Value(State.GIVEN, scaled)), SPECS["H1"]).scaled == scaled


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(RefusedError):
        value = cells.parse(text, SPECS["D2.d"])
        assert value.scaled is None or 0 <= value.scaled < 10**13


def test_only_reasons_can_be_explained_away() -> None:
    asking = {code for code in cells.MESSAGES if cells.Problem.of(code).asks_reason}
    assert asking == {"reason_required", "unusual_change", "unusual_peers", "whole_changed"}


def test_an_exemption_needs_a_reason_of_bearable_length() -> None:
    assert cells.exempt("  灾后 重建 ") == Value(State.EXEMPT, None, "灾后 重建")
    with pytest.raises(RefusedError) as refusal:
        cells.exempt("  ")
    assert refusal.value.problem.code == "exempt_reason_missing"
    with pytest.raises(RefusedError) as refusal:
        cells.exempt("长" * 201)
    assert refusal.value.problem.code == "reason_too_long"


def test_a_note_may_be_taken_back() -> None:
    assert cells.note("  ") == ""
    assert cells.note("汛后\n集中受理") == "汛后 集中受理"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1] * 7, None),
        ([5] * 8, PeerRange(5, 5)),
        ([0, 1, 2, 3, 4, 5, 6, 7], PeerRange(0, 18)),
        ([100, 101, 102, 103, 104, 105, 106, 107], PeerRange(90, 118)),
    ],
)
def test_the_peer_range(values: list[int], expected: PeerRange | None) -> None:
    assert cells.peer_range(values) == expected


def test_one_wild_peer_does_not_widen_the_range() -> None:
    usual = list(range(10, 30))
    assert cells.peer_range([*usual, 10_000]) == cells.peer_range([*usual, 31])


def test_the_examples_of_the_guide_hold() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "monthly-entry.md"
    rows = re.findall(
        r"^\| (件|分|万元) \| ([\d.]+) \| ([\d.]+) \| (是|否) \|$", guide.read_text(encoding="utf-8"), re.M
    )
    codes = {"件": "D2.d", "分": "E1", "万元": "C1"}
    assert len(rows) == 10
    for unit, last, now, expected in rows:
        spec = SPECS[codes[unit]]
        found = cells.cell_problem(
            spec.code, SPECS, {spec.code: cells.parse(now, spec)}, Context(last=cells.parse(last, spec))
        )
        assert (found is not None) == (expected == "是"), (unit, last, now)


def test_english_labels_are_used_in_english() -> None:
    spec = make_spec("A", label="党费已缴", label_en="Dues paid", unit="人", unit_en="people", kind="count")
    with translation.override("en"):
        assert (cells.label_of(spec), cells.unit_of(spec)) == ("Dues paid", "people")
    assert (cells.label_of(spec), cells.unit_of(spec)) == ("党费已缴", "人")
