"""Each rule type on columns: edges, states, exact rounding, and the spreading of what does not apply.

The plain cases stand on the pages of docs/rules (test_rule_pages.py).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessments import scoring
from assessments.rules import IndicatorRule
from tests.assessments import plain

BANDS = [{"to": "10", "points": "0"}, {"from": "10", "to": "50.5", "points": "2.5"}, {"from": "50.5", "points": "7"}]
RANKS = [{"to": "1", "points": "7"}, {"to": "2", "points": "3.5"}, {"points": "1"}]
OPTIONS = [{"name": "好", "share": "100"}, {"name": "中", "share": "62.5"}, {"name": "差", "share": "0"}]
RULES = [
    plain.rule("pass_fail", "7", parameters={"threshold": "33.3"}),
    plain.rule("pass_fail", "7", has_denominator=True, parameters={"comparison": "at_most", "threshold": "0"}),
    plain.rule("ratio", "7", parameters={"target": "90"}),
    plain.rule("ratio", "7", has_denominator=True, parameters={"target": "95"}),
    plain.rule("ratio", "7", has_denominator=True, parameters={"zero_denominator": "not_applicable"}),
    plain.rule("linear", "7", parameters={"low": "-5", "high": "70"}),
    plain.rule("linear", "7", has_denominator=True, parameters={"low": "60", "high": "80", "zero_denominator": "zero"}),
    plain.rule("band", "7", parameters={"bands": BANDS}),
    plain.rule("band", "7", has_denominator=True, parameters={"bands": BANDS}),
    plain.rule("deduct_each", "7", parameters={"points": "0.35"}),
    plain.rule("deduct_step", "7", parameters={"target": "55", "step": "2.5", "points": "0.3"}),
    plain.rule(
        "deduct_step",
        "7",
        has_denominator=True,
        parameters={"direction": "above", "target": "5", "counting": "begun", "points": "0.3"},
    ),
    plain.rule("inspection", "7", parameters={"full_score": "60"}),
    plain.rule("panel", "7", parameters={"judges": 4, "dropped": 1}),
    plain.rule("vote", "7", parameters={"options": OPTIONS}),
    plain.rule("manual", "7"),
    plain.rule("not_applicable", "7"),
]
IDS = [f"{number}-{item.rule_type}" for number, item in enumerate(RULES)]
MISSING, GIVEN, NOT_APPLICABLE, EXEMPT, LATE, NOTHING_DUE = range(6)


def points(item: IndicatorRule, texts: list[str], weight: int | None = None) -> list[int]:
    found = scoring.share(item, plain.columns(item, texts), len(texts))
    return scoring.half_up(item.weight if weight is None else weight, found.part, found.whole).tolist()


def states(item: IndicatorRule, texts: list[str]) -> list[int]:
    return scoring.share(item, plain.columns(item, texts), len(texts)).states.tolist()


# Rounding and large numbers


@pytest.mark.parametrize(
    ("weight", "part", "whole", "expected"),
    [
        (300, 1, 8, 38),
        (100, 1, 200, 1),
        (100, 1, 201, 0),
        (0, 1, 1, 0),
        (700, 3, 3, 700),
        (1, 1, 2, 1),
        (1, 499, 1000, 0),
    ],
)
def test_points_round_half_up(weight: int, part: int, whole: int, expected: int) -> None:
    assert scoring.half_up(np.array([weight]), np.array([part]), np.array([whole])).tolist() == [expected]


@plain.columns_of_values
@given(st.integers(0, 10_000), st.integers(0, 10**24), st.integers(1, 10**24))
def test_rounding_is_exact_for_numbers_of_any_size(weight: int, part: int, whole: int) -> None:
    part = min(part, whole)
    kind = np.int64 if whole < 2**62 else object
    found = scoring.half_up(weight, np.array([part], kind), np.array([whole], kind))
    wanted = Fraction(weight * part, whole)
    assert found.dtype == np.int64
    assert found.tolist() == [(2 * wanted.numerator + wanted.denominator) // (2 * wanted.denominator)]


@plain.columns_of_values
@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**40), 2**40))
def test_products_and_sums_leave_64_bits_without_a_trace(left: int, right: int) -> None:
    column = np.array([left], np.int64)
    assert int(scoring.times(column, right)[0]) == left * right
    assert int(scoring.plus(column, right)[0]) == left + right


def test_an_empty_column_has_no_bound() -> None:
    assert scoring.bound(np.array([], np.int64)) == 0


@pytest.mark.parametrize("item", RULES, ids=IDS)
def test_huge_values_score_the_same_beside_small_ones(item: IndicatorRule) -> None:
    huge = 900_000_000_000
    cells = {code: plain.column([str(huge), "1"]) for code in item.value_codes()}
    found = scoring.share(item, cells, 2)
    alone = scoring.share(item, {code: plain.column([str(huge)]) for code in item.value_codes()}, 1)
    given = scoring.half_up(item.weight, found.part, found.whole)
    assert given[0] == scoring.half_up(item.weight, alone.part, alone.whole)[0]
    assert (given >= 0).all()
    assert (given <= item.weight).all()


def test_money_in_yuan_and_cents_overflows_nowhere() -> None:
    item = plain.rule("ratio", "7", has_denominator=True, parameters={"target": "95"})
    part, whole = "123456789012.3456", "234567890123.4567"
    share = Fraction(part) / Fraction(whole) / Fraction(95, 100)
    exact = Decimal(share.numerator) / Decimal(share.denominator) * 700
    assert points(item, [f"{part}/{whole}"]) == [int(exact.to_integral_value(ROUND_HALF_UP))]


# Columns and single values


def _texts(item: IndicatorRule) -> st.SearchStrategy[str]:
    numbers = st.decimals(-20, 120, places=2).map(str) | st.integers(0, 12).map(str)
    count = len(item.value_codes())
    if item.has_denominator:
        value = st.tuples(numbers, numbers).map("/".join)
    else:
        value = st.lists(numbers | st.just("—"), min_size=count, max_size=count).map(" ".join)
    words = st.sampled_from(["—", "不适用", "免报", "无应办"]) if count <= 1 or item.has_denominator else st.nothing()
    return value | words | value.map("迟 {}".format) if count == 1 or item.has_denominator else value


@plain.columns_of_values
@given(st.data())
def test_a_village_scores_the_same_alone_and_among_others(data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(RULES))
    texts = data.draw(st.lists(_texts(item), min_size=1, max_size=6))
    together = scoring.share(item, plain.columns(item, texts), len(texts))
    given_points = scoring.half_up(item.weight, together.part, together.whole)
    for number, text in enumerate(texts):
        alone = scoring.share(item, plain.columns(item, [text]), 1)
        assert alone.states[0] == together.states[number]
        assert scoring.half_up(item.weight, alone.part, alone.whole)[0] == given_points[number]
        for edge, edge_alone in ((together.low, alone.low), (together.high, alone.high)):
            of_all = scoring.half_up(item.weight, edge, together.whole)
            assert scoring.half_up(item.weight, edge_alone, alone.whole)[0] == of_all[number]
            assert 0 <= of_all[number] <= item.weight


@pytest.mark.parametrize("item", RULES, ids=IDS)
def test_no_villages_give_no_points(item: IndicatorRule) -> None:
    assert points(item, []) == []


@pytest.mark.parametrize("item", [item for item in RULES if item.rule_type != "not_applicable"], ids=IDS[:-1])
def test_a_column_that_is_not_there_is_missing(item: IndicatorRule) -> None:
    found = scoring.share(item, {}, 2)
    assert found.states.tolist() == [MISSING, MISSING]
    assert scoring.half_up(item.weight, found.low, found.whole).tolist() == [0, 0]
    assert scoring.half_up(item.weight, found.high, found.whole).tolist() == [item.weight, item.weight]


@pytest.mark.parametrize("item", [plain.rule(kind.rule_type, "0", parameters=kind.parameters) for kind in RULES])
def test_an_indicator_of_weight_zero_gives_no_points_and_no_error(item: IndicatorRule) -> None:
    codes = item.value_codes()
    found = scoring.share(item, {code: plain.column(["50", "0", "—"]) for code in codes}, 3)
    for part in (found.part, found.low, found.high):
        assert scoring.half_up(0, part, found.whole).tolist() == [0, 0, 0]


# States


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        ((GIVEN, GIVEN), GIVEN),
        ((GIVEN, LATE), LATE),
        ((LATE, MISSING), MISSING),
        ((GIVEN, NOTHING_DUE), NOTHING_DUE),
        ((MISSING, EXEMPT), EXEMPT),
        ((EXEMPT, NOT_APPLICABLE), NOT_APPLICABLE),
        ((MISSING, NOT_APPLICABLE), NOT_APPLICABLE),
    ],
)
def test_the_states_of_two_cells_join(parts: tuple[int, int], joined: int) -> None:
    columns = [np.array([part], np.int8) for part in parts]
    assert scoring.joined_states(columns).tolist() == [joined]
    assert scoring.joined_states(columns[::-1]).tolist() == [joined]


@pytest.mark.parametrize(
    ("treatment", "state", "given"),
    [("full", NOTHING_DUE, 1000), ("zero", NOTHING_DUE, 0), ("not_applicable", NOT_APPLICABLE, 0)],
)
@pytest.mark.parametrize("text", ["0/0", "无应办", "迟 0/0"])
def test_nothing_due_is_what_the_rule_says(text: str, treatment: str, state: int, given: int) -> None:
    item = plain.rule("ratio", has_denominator=True, parameters={"zero_denominator": treatment})
    assert states(item, [text, "1/2"]) == [state, GIVEN]
    assert points(item, [text, "1/2"]) == [given, 500]


def test_a_whole_of_zero_does_not_decide_while_its_part_is_missing() -> None:
    item = plain.rule("ratio", has_denominator=True)
    assert states(item, ["—/0"]) == [MISSING]


def test_late_and_exempt_stay_visible() -> None:
    item = plain.rule("inspection")
    assert states(item, ["迟 88", "免报", "不适用", "—", "88"]) == [LATE, EXEMPT, NOT_APPLICABLE, MISSING, GIVEN]


def test_a_judge_who_is_away_leaves_the_panel_to_the_others() -> None:
    item = plain.rule("panel", parameters={"judges": 3, "dropped": 1})
    rows = ["迟 60 70 80", "60 免报 80", "免报 不适用 免报", "不适用 不适用 不适用", "免报 — 60"]
    assert states(item, rows) == [LATE, GIVEN, EXEMPT, NOT_APPLICABLE, MISSING]
    assert points(item, rows)[:2] == [700, 700]


@pytest.mark.parametrize(
    ("parameters", "state"),
    [({}, MISSING), ({"no_data": "nothing_due"}, NOTHING_DUE), ({"no_data": "not_applicable"}, NOT_APPLICABLE)],
)
def test_a_village_without_records_stands_as_the_rule_says(parameters: dict[str, Any], state: int) -> None:
    assert scoring.state_without_data(plain.rule("ratio", source="S", parameters=parameters)) == state


# Points by rank


def test_ranks_are_given_inside_the_peer_group() -> None:
    item = plain.rule("rank_points", "7", parameters={"ranks": RANKS, "peers": "township"})
    peers = scoring.Peers(np.zeros(4, np.int64), np.array([0, 0, 1, 1]), np.zeros(4, np.int64))
    cells = plain.columns(item, ["5", "9", "1", "1"])
    found = scoring.share(item, cells, 4, peers)
    assert scoring.half_up(item.weight, found.part, found.whole).tolist() == [350, 700, 700, 700]


def test_missing_peers_open_the_points_of_their_own_group_only() -> None:
    item = plain.rule("rank_points", "7", parameters={"ranks": RANKS, "peers": "village_class"})
    peers = scoring.Peers(np.zeros(5, np.int64), np.zeros(5, np.int64), np.array([3, 3, 8, 8, 8]))
    found = scoring.share(item, plain.columns(item, ["5", "9", "—", "4", "6"]), 5, peers)
    assert scoring.half_up(item.weight, found.low, found.whole).tolist() == [350, 700, 0, 100, 350]
    assert scoring.half_up(item.weight, found.high, found.whole).tolist() == [350, 700, 700, 350, 700]


def test_who_has_nothing_due_is_not_ranked_but_treated_as_the_rule_says() -> None:
    item = plain.rule("rank_points", "7", parameters={"ranks": RANKS, "zero_denominator": "zero"})
    rows = ["无应办", "5", "—"]
    found = scoring.share(item, plain.columns(item, rows), 3)
    assert found.states.tolist() == [NOTHING_DUE, GIVEN, MISSING]
    assert scoring.half_up(item.weight, found.low, found.whole).tolist() == [0, 350, 0]
    assert scoring.half_up(item.weight, found.high, found.whole).tolist() == [0, 700, 700]


def test_points_by_rank_of_weight_zero_give_nothing() -> None:
    item = plain.rule("rank_points", "0", parameters={"ranks": [{"points": "0"}]})
    assert points(item, ["5", "—"]) == [0, 0]


# What does not apply


@st.composite
def _schemes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Weights in tenths of a point that sum to 100, and their categories."""
    count = draw(st.integers(1, 9))
    cuts = sorted(draw(st.lists(st.integers(0, 1000), min_size=count - 1, max_size=count - 1)))
    base = np.diff([0, *cuts, 1000]) * 10
    return base, np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))


@plain.columns_of_values
@given(_schemes(), st.data())
def test_effective_weights_sum_to_100_and_follow_the_categories(
    drawn: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    base, categories = drawn
    row = st.lists(st.booleans(), min_size=5, max_size=5)
    applies = np.array(data.draw(st.lists(row, min_size=len(base), max_size=len(base))))
    weights = scoring.effective_weights(base, categories, applies)
    for village in range(5):
        given = np.array([weights.of(number)[village] for number in range(len(base))])
        left = base * applies[:, village]
        assert given.sum() == (10_000 if left.any() else 0)
        assert (given[~applies[:, village]] == 0).all()
        if applies[:, village].all():
            assert given.tolist() == base.tolist()
        for category in set(categories.tolist()):
            inside = categories == category
            if left[inside].any() and all(left[categories == other].any() for other in set(categories.tolist())):
                assert given[inside].sum() == base[inside].sum()
                shares = left[inside] * base[inside].sum() / left[inside].sum()
                assert (abs(given[inside] - shares) < 1).all()


@plain.columns_of_values
@given(_schemes(), st.data())
def test_slack_covers_whatever_else_may_turn_out_not_to_apply(
    drawn: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    base, categories = drawn
    flags = st.lists(st.sampled_from(["known", "left_out", "missing"]), min_size=len(base), max_size=len(base))
    kinds = np.array(data.draw(flags))
    later = np.array(data.draw(st.lists(st.booleans(), min_size=len(base), max_size=len(base))))
    parts = np.array(data.draw(st.lists(st.integers(0, 37), min_size=len(base), max_size=len(base))))
    applies = kinds != "left_out"
    still_applies = applies & ~((kinds == "missing") & later)
    now = scoring.effective_weights(base, categories, applies[:, np.newaxis])
    then = scoring.effective_weights(base, categories, still_applies[:, np.newaxis])
    known = np.where(kinds == "missing", 0, parts)
    low = scoring.half_up(now.table[0], known, 37).sum() - now.slack[0]
    high = scoring.half_up(now.table[0], np.where(kinds == "missing", 37, parts), 37).sum() + now.slack[0]
    total = scoring.half_up(then.table[0], parts, 37).sum()
    if still_applies.any() and then.table.any():
        assert low <= total <= high


@pytest.mark.parametrize(
    ("base", "categories", "left_out", "missing", "earner"),
    [
        ([260, 60, 90, 10, 9310, 270], [0, 0, 0, 0, 0, 0], [0, 5], 1, 3),
        ([120, 30, 30, 1240, 8580], [0, 1, 2, 3, 4], [0], 2, 1),
    ],
    ids=["inside a category", "between categories"],
)
def test_an_effective_weight_may_shrink_by_rounding_and_slack_knows(
    base: list[int], categories: list[int], left_out: list[int], missing: int, earner: int
) -> None:
    applies = np.ones((len(base), 2), np.bool_)
    applies[left_out] = False
    applies[missing, 1] = False
    weights = scoring.effective_weights(np.array(base), np.array(categories), applies)
    now, then = weights.of(earner).tolist()
    assert then == now - 1
    assert weights.slack[weights.pattern[0]] >= 1


def test_at_a_tie_of_many_the_first_get_what_is_left() -> None:
    quotas = [1, 2, 3, 5] * 50
    total, whole = 1000, sum(quotas)
    by_remainder = sorted(range(len(quotas)), key=lambda place: -(total * quotas[place] % whole))
    wanted = [total * quota // whole for quota in quotas]
    for place in by_remainder[: total - sum(wanted)]:
        wanted[place] += 1
    shares, _extras = scoring.largest_remainders(np.array([total]), np.array([quotas]))
    assert shares[0].tolist() == wanted


def test_more_indicators_than_one_word_of_bits() -> None:
    base = np.full(40, 250)
    applies = np.ones((40, 3), np.bool_)
    applies[0, 1] = applies[39, 2] = False
    weights = scoring.effective_weights(base, np.zeros(40, np.int64), applies)
    assert weights.of(39).tolist() == [250, 256, 0]
    assert weights.of(0).tolist() == [250, 0, 257]
    assert weights.table.sum(axis=1).tolist() == [10_000] * 3


def test_the_unit_left_over_goes_to_the_larger_remainder_and_first_at_a_tie() -> None:
    shares, extras = scoring.largest_remainders(np.array([100, 10, 5]), np.array([[1, 1, 1], [3, 4, 1], [0, 0, 0]]))
    assert shares.tolist() == [[34, 33, 33], [4, 5, 1], [0, 0, 0]]
    assert extras.tolist() == [[True, False, False], [True, False, False], [False, False, False]]


def test_no_indicators_and_no_villages() -> None:
    nothing = scoring.effective_weights(np.array([], np.int64), np.array([], np.int64), np.ones((0, 2), np.bool_))
    assert nothing.table.shape == (1, 0)
    nobody = scoring.effective_weights(np.array([10_000]), np.array([0]), np.ones((1, 0), np.bool_))
    assert nobody.of(0).tolist() == []
