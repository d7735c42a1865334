"""The month as a whole: totals, receipts that add up, ranges that hold, checksums, movement, examples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessments import engine, rules, scoring
from assessments.rules import AdjustmentRule, GradeLine, Level, SchemeRules
from tests.assessments import plain

SEED = json.loads((Path(rules.__file__).parent / "seed" / "scheme.json").read_text(encoding="utf-8"))
GRADES = (GradeLine(code="good", name="", minimum=6000), GradeLine(code="poor", name="", minimum=0))
ADJUSTMENTS = (
    AdjustmentRule(code="P1", name="", kind="bonus", levels=(Level("县级", 50), Level("国家级", 300))),
    AdjustmentRule(code="P4", name="", kind="bonus", levels=(Level("每 10 万元", 50),), cap=200),
    AdjustmentRule(code="N1", name="", kind="penalty", levels=(Level("县级", 100),)),
    AdjustmentRule(code="N2", name="", kind="penalty", levels=(Level("每日", 50),), cap=200),
    AdjustmentRule(code="V1", name="", kind="veto", grade_cap="poor"),
    AdjustmentRule(code="V2", name="", kind="veto", grade_cap="good", ranks_last=False),
)
RANKS = [{"to": "1", "points": "20"}, {"to": "2", "points": "12.5"}, {"points": "3"}]
SMALL = plain.scheme(
    plain.rule(
        "ratio", "27.3", "A1", category="A", has_denominator=True, parameters={"zero_denominator": "not_applicable"}
    ),
    plain.rule("deduct_each", "12.7", "A2", category="A", parameters={"points": "1.3"}),
    plain.rule("inspection", "33.4", "B1", category="B"),
    plain.rule("rank_points", "20", "B2", category="B", parameters={"ranks": RANKS}),
    plain.rule("manual", "6.6", "C1", category="C"),
    grades=GRADES,
    adjustments=ADJUSTMENTS,
)
ONE = plain.scheme(plain.score_rule(), grades=GRADES, adjustments=ADJUSTMENTS)
STATES = ["—", "不适用", "免报"]


def seed() -> SchemeRules:
    return SchemeRules.from_snapshot(SEED)


@st.composite
def _months(draw: st.DrawFn, *, size: int = 6) -> tuple[dict[str, list[str]], list[tuple[Any, ...]], engine.Groups]:
    """Values and adjustments of a few villages of SMALL, whose groups often have two members."""
    count = draw(st.integers(1, size))

    def column(value: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(value, min_size=count, max_size=count))

    def some(value: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return value | value | value | st.sampled_from(STATES[1:])

    counts = st.integers(0, 4).map(str)
    values = {
        "A1": column(some(st.tuples(counts, counts).map("/".join))),
        "A2": column(some(st.integers(0, 12).map(str))),
        "B1": column(some(st.integers(50, 100).map(str))),
        "B2": column(some(st.integers(0, 3).map(str))),
        "C1": column(some(st.sampled_from(["0", "3.3", "6.6"]))),
    }
    item = st.sampled_from(
        [("P1", "县级"), ("P1", "国家级"), ("P4", ""), ("N1", ""), ("N2", ""), ("V1", ""), ("V2", "")]
    )
    chosen = draw(st.lists(st.tuples(st.integers(0, count - 1), item, st.integers(1, 6)), max_size=5))
    records = [(village, code, level, times, f"文{times}") for village, (code, level), times in chosen]
    kinds = {name: column(st.sampled_from(["x", "y"])) for name in ("township", "village_class")}
    return values, records, plain.groups(count, **kinds, band=column(st.sampled_from(["", "b"])))


# Totals


def test_the_total_adds_bonus_and_takes_off_penalty_within_their_caps() -> None:
    found = plain.scored(
        ONE,
        {"S1": ["91.79", "100", "4.5", "60"]},
        (0, "P1", "县级"),
        (1, "P1", "国家级", 2),
        (1, "P4", "", 9),
        (2, "N1", "县级", 9),
        (2, "N2", "每日", 9),
    )
    assert found.base.tolist() == [9179, 10_000, 450, 6000]
    assert found.bonus.tolist() == [50, 500, 0, 0]
    assert found.penalty.tolist() == [0, 0, 1000, 0]
    assert found.total.tolist() == [9229, 10_500, 0, 6000]
    assert found.ranks["county"].tolist() == [2, 1, 4, 3]
    assert [found.grade_code(village) for village in range(4)] == ["good", "good", "poor", "good"]


def test_a_veto_leaves_the_number_and_takes_grade_and_rank() -> None:
    found = plain.scored(ONE, {"S1": ["99", "98", "97", "—"]}, (0, "V2"), (0, "V1"), (1, "V2"), (3, "V1"))
    assert found.total.tolist() == [9900, 9800, 9700, 0]
    assert found.is_vetoed.tolist() == [True, True, False, True]
    assert [found.veto_code(village) for village in range(4)] == ["V1", "V2", "", "V1"]
    assert [found.grade_code(village) for village in range(4)] == ["poor", "good", "good", ""]
    assert found.ranks["county"].tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize("record", [(0, "Z9"), (0, "P1", "部级"), (0, "P1", "")])
def test_an_adjustment_that_the_rules_do_not_have_is_refused(record: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="no adjustment"):
        plain.scored(ONE, {"S1": ["99"]}, record)


def test_a_missing_value_gives_a_range_and_no_rank() -> None:
    found = plain.scored(
        SMALL, {"A1": ["1/2", "1/2"], "A2": ["0", "0"], "B1": ["80", "—"], "C1": ["6.6", "0"], "B2": ["1", "2"]}
    )
    assert found.is_ranked.tolist() == [True, False]
    assert found.total.tolist() == found.low.tolist() == [1365 + 1270 + 2672 + 1250 + 660, 1365 + 1270 + 0 + 2000 + 0]
    assert (found.high - found.low).tolist() == [0, 3340]
    assert found.ranks["county"].tolist() == [1, 0]
    assert found.rank_best["county"].tolist() == [1, 1]
    assert found.rank_worst["county"].tolist() == [2, 2]
    assert found.missing_codes() == {1: ["B1"]}


def test_a_missing_value_of_no_weight_keeps_nobody_from_being_ranked() -> None:
    scheme = plain.scheme(plain.score_rule(), plain.rule("manual", "0", "Z1"), grades=GRADES)
    found = plain.scored(scheme, {"S1": ["80"], "Z1": ["—"]})
    assert found.is_ranked.tolist() == [True]
    assert found.missing_codes() == {}


def test_a_village_to_which_nothing_applies_is_not_ranked() -> None:
    found = plain.scored(ONE, {"S1": ["免报", "70"]})
    assert found.is_ranked.tolist() == [False, True]
    assert found.rank_best["county"].tolist() == [0, 1]
    assert found.missing_codes() == {}
    assert found.weights.of(0).tolist() == [0, 10_000]


def test_a_month_without_villages() -> None:
    found = plain.scored(SMALL, {"A2": []})
    assert len(found) == 0
    assert list(found.packed_lines()) == []
    assert found.checksums() == {}


def test_categories_sum_their_indicators() -> None:
    found = plain.scored(SMALL, {"A1": ["1/2"], "A2": ["0"], "B1": ["80"], "B2": ["1"], "C1": ["6.6"]})
    assert found.category_points().tolist() == [[1365 + 1270], [2672 + 2000], [660]]
    assert found.category_points().sum() == found.base[0]


def test_a_column_that_is_not_given_is_missing_and_leftover_numbers_do_not_count() -> None:
    values = np.array([990_000], np.int64)
    found = engine.score(ONE, {"S1": scoring.Column(values, np.array([0], np.int8))}, [], plain.groups(1))
    nothing = engine.score(ONE, {}, [], plain.groups(1))
    assert found.receipt_lines(0) == nothing.receipt_lines(0)
    assert found.checksums() == nothing.checksums()


@plain.small_months
@given(_months())
def test_values_of_several_counties_score_as_each_county_alone(month: Any) -> None:
    values, records, groups = month
    size = len(groups)
    both = {code: [*texts, *texts[::-1]] for code, texts in values.items()}
    kinds = {
        "county": ["c"] * size + ["d"] * size,
        "township": [*_codes(groups.township), *_codes(groups.township)],
        "village_class": [*_codes(groups.village_class), *_codes(groups.village_class)],
        "band": [*_codes(groups.band), *_codes(groups.band)],
    }
    together = plain.scored(SMALL, both, *records, groups=plain.groups(2 * size, **kinds))
    alone = plain.scored(SMALL, values, *records, groups=groups)
    for name in engine.GROUP_NAMES:
        assert together.ranks[name][:size].tolist() == alone.ranks[name].tolist()
        assert together.rank_best[name][:size].tolist() == alone.rank_best[name].tolist()
        assert together.rank_worst[name][:size].tolist() == alone.rank_worst[name].tolist()
    assert together.checksums()["c"] == alone.checksums()["c"]
    assert list(together.packed_lines())[:size] == list(alone.packed_lines())


def _codes(grouping: engine.Grouping) -> list[str]:
    return [[*grouping.codes, ""][number] for number in grouping.ids.tolist()]


# Receipts


@plain.small_months
@given(_months(), st.data())
def test_printed_lines_sum_to_the_total_and_recompute_from_what_is_printed(month: Any, data: st.DataObject) -> None:
    values, records, groups = month
    for code in data.draw(st.lists(st.sampled_from(sorted(values)), max_size=2)):
        values[code][0] = "—"
    found = plain.scored(SMALL, values, *records, groups=groups)
    for village, packed in enumerate(found.packed_lines()):
        lines = engine.unpack_lines(SMALL, packed)
        assert lines == found.receipt_lines(village) == engine.unpack_lines(SMALL, json.loads(packed))
        assert sum(line.points for line in lines) == found.total[village]
        indicators = [line for line in lines if line.kind == "indicator"]
        assert sum(line.weight for line in indicators) in (0, 10_000)
        for line in indicators:
            if line.code != "B2":
                assert _recomputed(line) == line.points


def _recomputed(line: engine.ReceiptLine) -> int:
    """The points of a line from nothing but what the receipt prints: values, state, weight, rule."""
    assert isinstance(line.item, rules.IndicatorRule)
    state = np.array([scoring.STATE_NAMES.index(line.state)], np.int8)
    cells = {code: scoring.Column(np.array([value], np.int64), state) for code, value in line.values}
    share = scoring.share(line.item, cells, 1)
    return int(scoring.half_up(line.weight, share.part, share.whole)[0])


def test_a_receipt_tells_values_states_levels_documents_and_what_caps_take_back() -> None:
    found = plain.scored(
        ONE,
        {"S1": ["迟 95"]},
        (0, "V1", "", 1, "文 9"),
        (0, "P4", "", 7, "文 2"),
        (0, "P1", "国家级", 2, "文 1"),
        (0, "N1", "", 1, "文 3"),
    )
    lines = found.receipt_lines(0)
    told = [(line.code, line.kind, line.points, line.level, line.count, line.document) for line in lines]
    assert told == [
        ("S1", "indicator", 9500, "", 0, ""),
        ("P1", "bonus", 600, "国家级", 2, "文 1"),
        ("P4", "bonus", 350, "每 10 万元", 7, "文 2"),
        ("N1", "penalty", -100, "县级", 1, "文 3"),
        ("V1", "veto", 0, "", 1, "文 9"),
        ("P4", "cap", -150, "", 0, ""),
        ("bonus", "cap", -300, "", 0, ""),
    ]
    assert (lines[0].state, lines[0].values, lines[0].weight, lines[0].lost) == (
        "late",
        (("S1", 950_000),),
        10_000,
        500,
    )
    assert [line.lost for line in lines[1:4]] == [0, 0, 100]
    assert lines[1].item is ADJUSTMENTS[0]
    assert lines[6].item is None


def test_a_panel_recomputes_from_its_line_although_a_judge_was_away() -> None:
    scheme = plain.scheme(plain.rule("panel", "100", "P1", parameters={"judges": 4, "dropped": 1}), grades=GRADES)
    found = plain.scored(scheme, {"P1": ["60 免报 70 90", "— 60 70 80", "免报 免报 免报 不适用"]})
    lines = [found.receipt_lines(village)[0] for village in range(3)]
    assert [(line.state, line.points) for line in lines] == [("given", 7000), ("missing", 0), ("exempt", 0)]
    assert [value for _code, value in lines[0].values] == [600_000, scoring.NOT_JUDGED, 700_000, 900_000]
    assert [_recomputed(line) for line in lines[:2]] == [7000, 0]


def test_what_leaves_the_range_of_a_total_has_its_line() -> None:
    generous = replace(ONE, bonus_cap=2000)
    found = plain.scored(generous, {"S1": ["100", "1"]}, (0, "P1", "国家级", 4), (1, "N1", "", 9))
    limits = [found.receipt_lines(village)[-1] for village in range(2)]
    assert [(line.kind, line.points) for line in limits] == [("limit", -700), ("limit", 800)]
    assert found.total.tolist() == [10_500, 0]


def test_receipts_are_packed_in_order_beyond_one_chunk() -> None:
    size = engine.PACKED_ROWS + 3
    found = plain.scored(ONE, {"S1": [str(number % 101) for number in range(size)]}, (size - 1, "P1", "县级"))
    packed = list(found.packed_lines())
    assert len(packed) == size
    for village in (0, engine.PACKED_ROWS - 1, engine.PACKED_ROWS, size - 1):
        assert engine.unpack_lines(ONE, packed[village].decode()) == found.receipt_lines(village)
    assert found.receipt_lines(size - 1)[1].points == 50


# Ranges


@plain.small_months
@given(_months(), st.data())
def test_removed_values_never_move_the_final_rank_outside_the_range_stated_before(
    month: Any, data: st.DataObject
) -> None:
    values, records, groups = month
    final = plain.scored(SMALL, values, *records, groups=groups)
    cells = st.tuples(st.sampled_from(sorted(values)), st.integers(0, len(groups) - 1))
    removed = data.draw(st.lists(cells, min_size=1, max_size=8))
    returned, declared = (data.draw(st.sets(st.sampled_from(removed))) for _ in range(2))
    stated = plain.scored(SMALL, _replaced(values, removed, "—"), *records, groups=groups)
    part = plain.scored(SMALL, _replaced(values, set(removed) - returned, "—"), *records, groups=groups)
    word = data.draw(st.sampled_from(STATES[1:]))
    otherwise = plain.scored(SMALL, _replaced(values, declared, word), *records, groups=groups)
    for later in (final, part, otherwise, stated):
        is_ranked = later.is_ranked
        assert (stated.low <= later.total)[is_ranked].all()
        assert (later.total <= stated.high)[is_ranked].all()
        for name in engine.GROUP_NAMES:
            ranks = later.ranks[name]
            assert (stated.rank_best[name] <= ranks)[ranks > 0].all()
            assert (ranks <= stated.rank_worst[name])[ranks > 0].all()


def _replaced(values: dict[str, list[str]], cells: Any, word: str) -> dict[str, list[str]]:
    return {
        code: [word if (code, village) in cells else text for village, text in enumerate(texts)]
        for code, texts in values.items()
    }


def test_the_range_also_holds_when_rounding_shrinks_a_weight() -> None:
    weights = {"A1": "2.6", "A2": "0.6", "A3": "0.9", "A4": "0.1", "A5": "93.1", "A6": "2.7"}
    scheme = plain.scheme(*(plain.rule("pass_fail", weight, code) for code, weight in weights.items()), grades=GRADES)
    values = {"A1": ["不适用"], "A2": ["—"], "A3": ["0"], "A4": ["1"], "A5": ["0"], "A6": ["不适用"]}
    stated = plain.scored(scheme, values)
    assert (stated.total.tolist(), stated.low.tolist(), stated.high.tolist()) == ([11], [10], [75])
    assert plain.scored(scheme, {**values, "A2": ["不适用"]}).total.tolist() == [10]
    whole = plain.scored(scheme, {**values, "A2": ["1"]})
    assert whole.total.tolist() == whole.low.tolist() == whole.high.tolist() == [74]


def test_distance_to_the_next_rank_in_each_group() -> None:
    kinds = plain.groups(4, village_class=["hub", "tidal", "hub", "tidal"])
    found = plain.scored(ONE, {"S1": ["92.8", "92.29", "90", "—"]}, groups=kinds)
    gaps, targets = found.distance_to_next_rank()
    assert gaps.tolist() == [0, 51, 229, 0]
    assert targets.tolist() == [0, 1, 2, 0]
    gaps, targets = found.distance_to_next_rank("village_class")
    assert gaps.tolist() == [0, 0, 280, 0]


def test_full_shares_are_warned_about_by_township() -> None:
    lines = (GradeLine(code="best", name="", minimum=9000, best_share_percent=20), *GRADES)
    kinds = plain.groups(6, township=["e", "e", "e", "w", "w", "w"])
    found = plain.scored(replace(ONE, grades=lines), {"S1": ["95", "96", "50", "95", "80", "70"]}, groups=kinds)
    assert [(warning.township, warning.reached, warning.awarded) for warning in found.warnings] == [(0, 2, 1)]
    assert found.groups.township.codes[0] == "e"
    assert found.is_held_back.tolist() == [True, False, False, False, False, False]


# Groups


def test_groups_are_told_apart_by_county_and_empty_codes_are_none() -> None:
    kinds = plain.groups(4, county=["c", "c", "d", "d"], village_class=["hub", "", "hub", ""])
    found = plain.scored(ONE, {"S1": ["90", "80", "70", "60"]}, groups=kinds)
    assert found.ranks["county"].tolist() == [1, 2, 1, 2]
    assert found.ranks["village_class"].tolist() == [1, 0, 1, 0]
    assert found.ranks["band"].tolist() == [0, 0, 0, 0]
    assert engine.Grouping.of(["b", "", "a", "b"]).codes == ("b", "a")
    assert engine.Grouping.of(["b", "", "a", "b"]).ids.tolist() == [0, -1, 1, 0]


def test_villages_without_a_class_are_peers_inside_their_county() -> None:
    peers = plain.groups(4, county=["c", "c", "d", "d"], village_class=["hub", "", "", ""]).peers()
    first, second, third, fourth = peers.village_class.tolist()
    assert len({first, second, third}) == 3
    assert third == fourth
    assert min(peers.village_class.tolist()) >= 0


# Checksums


def test_checksums_depend_on_every_input_and_not_on_the_order_of_rows() -> None:
    values = {"A1": ["1/2", "0/3", "2/2"], "A2": ["0", "1", "—"], "B1": ["80", "90", "70"], "B2": ["1", "2", "1"]}
    values["C1"] = ["1", "2", "不适用"]
    records = [(0, "P1", "县级", 1, "文"), (2, "N1", "", 2, "文")]
    base = plain.scored(SMALL, values, *records).checksums()["c"]
    again = plain.scored(SMALL, values, *records[::-1])
    assert again.checksums()["c"] == base
    assert again.checksums() is again.checksums()

    turned = {code: texts[::-1] for code, texts in values.items()}
    groups = replace(plain.groups(3), villages=("0002", "0001", "0000"))
    other_order = plain.scored(SMALL, turned, (2, *records[0][1:]), (0, *records[1][1:]), groups=groups)
    assert other_order.checksums()["c"] == base

    changed = [
        plain.scored(SMALL, {**values, "B1": ["80", "90", "70.0001"]}, *records),
        plain.scored(SMALL, {**values, "B1": ["80", "90", "迟 70"]}, *records),
        plain.scored(SMALL, values, records[0]),
        plain.scored(SMALL, values, records[0], (2, "N1", "", 3, "文")),
        plain.scored(SMALL, values, *records, groups=plain.groups(3, band=["", "b", ""])),
        plain.scored(SMALL, values, *records, groups=replace(plain.groups(3), villages=("0000", "0001", "0003"))),
        plain.scored(replace(SMALL, document="青组发〔2026〕8 号"), values, *records),
    ]
    assert len({base.inputs, *(found.checksums()["c"].inputs for found in changed)}) == len(changed) + 1
    assert changed[0].checksums()["c"].results == base.results
    assert changed[2].checksums()["c"].results != base.results


def test_the_checksums_of_a_small_month_stay_what_they_are() -> None:
    values = {"A1": ["1/2", "0/0"], "A2": ["0", "1"], "B1": ["80", "—"], "B2": ["1", "2"], "C1": ["1", "2"]}
    found = plain.scored(SMALL, values, (0, "P1", "县级", 1, "文"), groups=plain.groups(2, band=["b", ""]))
    assert found.checksums() == {
        "c": engine.Checksums(
            inputs="ec0f29b0bfebc0731d163d17256683920aaecdb04a04b19f0ffd1adb6a9b23b3",
            results="156c377740b83732d9cca1652bb2b2e318768e1b306e358fabd5a26fd2bb79f0",
        )
    }


# Against last month


def _previous(found: engine.Scored, records: Any = (), first: engine.Scored | None = None) -> engine.Previous:
    return engine.Previous(
        groups=found.groups,
        columns=found.columns,
        adjustments=[engine.AdjustmentRecord(*record) for record in records],
        first_ranks=(first or found).ranks,
        latest_ranks=found.ranks,
    )


@plain.small_months
@given(_months(), _months(), st.data())
def test_movement_is_the_exact_sum_of_its_parts(before: Any, now: Any, data: st.DataObject) -> None:
    values, records, groups = before
    first = plain.scored(SMALL, values, groups=groups)
    latest = plain.scored(SMALL, values, *records, groups=groups)
    previous = _previous(latest, records, first)
    other_rules = data.draw(st.sampled_from([SMALL, _reweighted()]))
    known = [record for record in now[1] if other_rules.adjustment(record[1])]
    found = plain.scored(other_rules, now[0], *known, groups=now[2], previous=previous)
    for name in engine.GROUP_NAMES:
        moved = found.movement[name]
        parts = moved.correction + moved.rules + moved.own + moved.others
        assert moved.total.tolist() == parts.tolist()
        for village in np.flatnonzero(moved.is_known).tolist():
            assert moved.total[village] == first.ranks[name][village] - found.ranks[name][village]
        if other_rules is SMALL:
            assert not moved.rules.any()


def _reweighted() -> SchemeRules:
    weights = {"A1": 1270, "A2": 2730}
    return replace(
        SMALL,
        indicators=tuple(replace(item, weight=weights.get(item.code, item.weight)) for item in SMALL.indicators),
        adjustments=ADJUSTMENTS[1:],
    )


def test_the_same_month_again_moves_nobody() -> None:
    records = [(0, "V1"), (1, "P1", "县级")]
    values = {"S1": ["90", "80", "—", "80"]}
    before = plain.scored(ONE, values, *records)
    moved = plain.scored(ONE, values, *records, previous=_previous(before, records)).movement["county"]
    assert moved.is_known.tolist() == [True, True, False, True]
    assert moved.before.tolist() == [3, 1, 0, 2]
    assert not any(part.any() for part in (moved.total, moved.correction, moved.rules, moved.own, moved.others))


def test_a_village_that_is_new_or_changed_its_class_has_no_movement_there() -> None:
    before = plain.scored(ONE, {"S1": ["90", "80"]}, groups=plain.groups(2, village_class=["hub", "hub"]))
    kinds = plain.groups(3, village_class=["hub", "tidal", "hub"])
    found = plain.scored(ONE, {"S1": ["90", "95", "99"]}, groups=kinds, previous=_previous(before))
    assert found.movement["county"].is_known.tolist() == [True, True, False]
    assert found.movement["county"].others.tolist() == [-2, -1, 0]
    assert found.movement["county"].own.tolist() == [0, 1, 0]
    assert found.movement["village_class"].is_known.tolist() == [True, False, False]
    assert found.movement["band"].is_known.tolist() == [False, False, False]


def test_last_month_counts_in_the_checksum_of_the_results() -> None:
    values = {"S1": ["90", "80"]}
    before = [plain.scored(ONE, {"S1": texts}) for texts in (["90", "80"], ["80", "90"])]
    found = [plain.scored(ONE, values, previous=_previous(last)).checksums()["c"] for last in before]
    assert found[0].inputs == found[1].inputs
    assert found[0].results != found[1].results


def test_what_was_not_asked_last_month_does_not_apply_when_it_is_scored_again() -> None:
    before = plain.scored(ONE, {"S1": ["90", "80"]})
    asked = plain.scheme(
        replace(plain.score_rule(), weight=5000), plain.rule("inspection", "50", "S2", category="S"), grades=GRADES
    )
    found = plain.scored(
        asked, {"S1": ["90", "80"], "S2": ["0", "100"]}, previous=_previous(before, [(0, "P1", "县级")])
    )
    moved = found.movement["county"]
    assert (moved.rules.tolist(), moved.own.tolist(), moved.total.tolist()) == ([0, 0], [-1, 1], [-1, 1])


def test_who_was_not_ranked_last_month_stands_in_nobodys_way_there() -> None:
    scheme = plain.scheme(plain.rule("manual", "60", "A1"), plain.rule("manual", "40", "A2"), grades=GRADES)
    before = plain.scored(scheme, {"A1": ["60", "30"], "A2": ["—", "20"]})
    assert before.ranks["county"].tolist() == [0, 1]
    found = plain.scored(scheme, {"A1": ["0", "30"], "A2": ["0", "20"]}, previous=_previous(before))
    moved = found.movement["county"]
    assert moved.is_known.tolist() == [False, True]
    assert [int(part[1]) for part in (moved.total, moved.rules, moved.own, moved.others)] == [0, 0, 0, 0]


def test_without_last_month_there_is_no_movement() -> None:
    assert plain.scored(ONE, {"S1": ["90"]}).movement == {}


# Worked examples of a scheme


def test_example_points_name_everything_an_example_may_expect() -> None:
    found = engine.example_points(ONE, {"S1": ["55", "late"], "P1": {"县级": 1, "国家级": 1}, "N1": 2})
    assert found == {
        "S1": "55",
        "weight.S1": "100",
        "sum": "55",
        "bonus": "3.5",
        "penalty": "2",
        "total": "56.5",
        "grade": "poor",
    }
    assert engine.example_points(ONE, {"S1": "missing"})["grade"] == ""


@pytest.mark.parametrize(
    ("code", "field", "values", "expected"),
    [
        ("example_differs", "total", {"S1": "55"}, {"S1": "55.00", "total": "56"}),
        ("example_differs", "grade", {"S1": "55"}, {"grade": "good"}),
        ("example_unreadable", "", {"Z1": "55"}, {}),
        ("example_unreadable", "", {"S1": "many"}, {}),
        ("example_unreadable", "", {"S1": ["55", "lost"]}, {}),
        ("example_unreadable", "", {"S1": "55"}, {"Z1": "1"}),
        ("example_unreadable", "", {"S1": "55"}, {"S1": "much"}),
    ],
)
def test_an_example_that_does_not_come_out_is_named(
    code: str, field: str, values: dict[str, Any], expected: dict[str, str]
) -> None:
    (found,) = engine.check_examples(ONE, [{"title": "甲村", "values": values, "expected": expected}])
    assert (found.code, found.where, found.field) == (code, "甲村", field)
    assert "甲村" in found.message


def test_examples_that_come_out_leave_nothing_to_say() -> None:
    example = {"title": "甲村", "values": {"S1": "95"}, "expected": {"S1": "95.0", "grade": "good"}}
    assert engine.check_examples(ONE, [example]) == []


def test_the_seed_scheme_scores_a_county_with_sums_that_add_up() -> None:
    scheme = seed()
    generator = np.random.default_rng(7)
    columns = {
        code: scoring.Column(generator.integers(0, 40, 60) * 10_000, np.ones(60, np.int8))
        for code in scheme.value_codes()
    }
    found = engine.score(scheme, columns, [], plain.groups(60))
    assert found.is_ranked.all()
    for village, packed in enumerate(found.packed_lines()):
        lines = engine.unpack_lines(scheme, packed)
        assert sum(line.points for line in lines) == found.total[village]
        assert sum(line.weight for line in lines) == 10_000
        assert [_recomputed(line) for line in lines] == [line.points for line in lines]
