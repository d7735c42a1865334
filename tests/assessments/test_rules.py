"""The rules as data: snapshots, cells, what an author has to put right, and the sentences of a receipt."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from assessments import engine, rules
from assessments.rules import AdjustmentRule, GradeLine, IndicatorRule, Level, RuleProblems, SchemeRules
from tests.assessments import plain

SEED = json.loads((Path(rules.__file__).parent / "seed" / "scheme.json").read_text(encoding="utf-8"))
BANDS: list[dict[str, Any]] = [
    {"from": None, "to": "1", "points": "0"},
    {"from": "1", "to": "2", "points": "1.5"},
    {"from": "2", "to": None, "points": "3"},
]
RANKS: list[dict[str, Any]] = [{"to": "1", "points": "3"}, {"to": "3", "points": "2"}, {"to": None, "points": "1"}]
OPTIONS: list[dict[str, Any]] = [{"name": "好", "share": "100"}, {"name": "差", "share": "0"}]


def seed() -> SchemeRules:
    return SchemeRules.from_snapshot(SEED)


# Numbers at the edge


@pytest.mark.parametrize(
    ("value", "expected"), [("1.5", 15000), (3, 30000), (Decimal("0.0001"), 1), ("-2", -20000), ("1e2", 1000000)]
)
def test_values_become_whole_ten_thousandths(value: object, expected: int) -> None:
    assert rules.to_scaled(value) == expected


@pytest.mark.parametrize("value", ["", "x", None, "NaN", "Infinity", "0.00001", [], "1,5"])
def test_what_is_not_a_number_of_four_decimals_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"number|decimals"):
        rules.to_scaled(value)


def test_numbers_print_without_trailing_zeros() -> None:
    assert [rules.points_text(450), rules.points_text(10000), rules.points_text(-5)] == ["4.5", "100", "-0.05"]
    assert [rules.value_text(15000), rules.value_text(0)] == ["1.5", "0"]


# The seed scheme


def test_the_seed_scheme_has_29_indicators_worth_exactly_100() -> None:
    scheme = seed()
    assert rules.scheme_problems(scheme) == []
    assert len(scheme.indicators) == 29
    assert sum(item.weight for item in scheme.indicators) == 10000
    weights = {item.code: rules.points_text(scheme.category_weight(item.code)) for item in scheme.categories}
    assert weights == {"A": "30", "B": "14", "C": "22", "D": "20", "E": "14"}
    assert [item.code for item in scheme.adjustments] == [
        *(f"P{number}" for number in range(1, 6)),
        *(f"N{number}" for number in range(1, 7)),
        *(f"V{number}" for number in range(1, 8)),
    ]


def test_the_seed_asks_ten_indicators_and_fifteen_cells_of_a_township() -> None:
    assert rules.burden(seed()) == rules.Burden(indicators=10, cells=15, warnings=())
    assert [cell.code for cell in seed().cells("C")] == ["D6"]


def test_the_worked_examples_of_the_seed_come_out() -> None:
    assert len(SEED["examples"]) >= 4
    assert engine.check_examples(seed(), SEED["examples"]) == []


def test_every_text_of_the_seed_is_there_in_both_languages() -> None:
    for part in ("categories", "indicators", "adjustments", "grades"):
        for item in SEED[part]:
            missing = [name for name in item if f"{name}_en" in item and bool(item[name]) != bool(item[f"{name}_en"])]
            assert item["name_en"], item
            assert missing == [], item


def test_a_snapshot_gives_back_the_same_rules_and_one_checksum() -> None:
    scheme = seed()
    again = SchemeRules.from_snapshot(json.loads(json.dumps(scheme.to_snapshot())))
    assert again == scheme
    assert again.checksum() == scheme.checksum()
    changed = replace(scheme, penalty_cap=900)
    assert changed.checksum() != scheme.checksum()


def test_a_broken_snapshot_is_refused() -> None:
    with pytest.raises(KeyError):
        SchemeRules.from_snapshot({"categories": []})
    with pytest.raises(TypeError):
        SchemeRules.from_snapshot({"categories": [{"code": "A", "colour": "red"}], "indicators": []})


def test_look_ups_by_code() -> None:
    scheme = seed()
    assert scheme.indicator("A5") is scheme.indicators[4]
    assert scheme.indicator("Z9") is None
    assert scheme.adjustment("P1") is scheme.adjustments[0]
    assert scheme.adjustment("Z9") is None
    assert scheme.grade_index("lagging") == 2
    with pytest.raises(ValueError, match="honour"):
        scheme.grade_index("honour")


def test_a_level_is_found_by_name_and_the_only_one_without() -> None:
    one = AdjustmentRule(code="P5", name="", kind="bonus", levels=(Level("每人", 50),))
    two = AdjustmentRule(code="P1", name="", kind="bonus", levels=(Level("县级", 50), Level("市级", 100)))
    assert one.level("") == one.level("每人") == Level("每人", 50)
    assert one.level("市级") is None
    assert two.level("市级") == Level("市级", 100)
    assert two.level("") is None


# Cells


def test_a_prefilled_whole_stands_behind_its_part_and_an_entered_one_before() -> None:
    known = plain.rule("ratio", has_denominator=True, denominator_source="constant:12", unit="项")
    asked = plain.rule("ratio", has_denominator=True, unit="万元")
    assert [(cell.code, cell.kind, cell.prefill, cell.at_most) for cell in known.cells()] == [
        ("X1.n", "count", None, "X1.d"),
        ("X1.d", "count", "constant:12", None),
    ]
    assert [(cell.code, cell.kind, cell.prefill, cell.at_most) for cell in asked.cells()] == [
        ("X1.d", "decimal", None, None),
        ("X1.n", "decimal", None, "X1.d"),
    ]


@pytest.mark.parametrize(
    ("rule_type", "unit", "parameters", "kind", "maximum"),
    [
        ("pass_fail", "次", {}, "count", None),
        ("deduct_each", "处", {}, "count", None),
        ("ratio", "", {}, "percent", None),
        ("linear", "%", {}, "percent", Decimal(100)),
        ("linear", "岁", {}, "decimal", None),
        ("band", "万元", {"bands": BANDS}, "decimal", None),
        ("inspection", "分", {"full_score": "50"}, "score", Decimal(50)),
        ("manual", "分", {}, "points", Decimal(3)),
        ("rank_points", "个", {"ranks": RANKS}, "decimal", None),
    ],
)
def test_a_single_cell_knows_its_kind_and_its_bounds(
    rule_type: str, unit: str, parameters: dict[str, Any], kind: str, maximum: Decimal | None
) -> None:
    item = plain.rule(rule_type, "3", unit=unit, parameters=parameters)
    (cell,) = item.cells()
    assert (cell.code, cell.kind, cell.minimum, cell.maximum) == ("X1", kind, Decimal(0), maximum)
    assert cell.needs_reason is (rule_type == "manual")
    assert item.value_codes() == ("X1",)


def test_judges_and_votes_have_a_cell_each() -> None:
    panel = plain.rule("panel", parameters={"judges": 3, "full_score": "10"})
    vote = plain.rule("vote", parameters={"options": OPTIONS})
    assert [(cell.code, cell.kind, cell.maximum) for cell in panel.cells()] == [
        ("X1.j1", "score", Decimal(10)),
        ("X1.j2", "score", Decimal(10)),
        ("X1.j3", "score", Decimal(10)),
    ]
    assert [(cell.code, cell.label, cell.kind) for cell in vote.cells()] == [
        ("X1.o1", "好", "count"),
        ("X1.o2", "差", "count"),
    ]


@pytest.mark.parametrize("item", [plain.rule("pass_fail", source="S"), plain.rule("not_applicable")])
def test_nothing_is_asked_for_what_is_computed_or_not_applicable(item: IndicatorRule) -> None:
    assert item.cells() == ()


def test_the_scheme_lists_the_columns_it_reads() -> None:
    scheme = plain.scheme(
        plain.rule("not_applicable", code="A1"),
        plain.rule("ratio", code="A2", has_denominator=True),
        plain.rule("linear", code="A3", source="S"),
    )
    assert scheme.value_codes() == ("A2.n", "A2.d", "A3")


def test_a_setting_falls_back_to_its_default() -> None:
    assert plain.rule("ratio").zero_denominator == "full"
    assert plain.rule("ratio", parameters={"zero_denominator": "zero"}).zero_denominator == "zero"
    assert plain.rule("deduct_each").zero_denominator == "full"
    assert plain.rule("manual").no_data == "missing"
    assert plain.rule("manual").may_be_not_applicable is False
    assert plain.rule("manual").setting("nonsense") is None


# What an author has to put right


@pytest.mark.parametrize(
    ("code", "item"),
    [
        ("code_invalid", plain.rule("manual", code="a1")),
        ("weight_out_of_range", plain.rule("manual", "100.1")),
        ("weight_out_of_range", plain.rule("manual", "-1")),
        ("weight_not_tenth", plain.rule("manual", "1.25")),
        ("rule_type_unknown", plain.rule("lottery")),
        ("rule_type_unknown", plain.rule("bonus")),
        ("source_unknown", plain.rule("manual", source="Q")),
        ("source_missing", plain.rule("linear", source="S")),
        ("source_is_people", plain.rule("manual", source="S", source_code="a.b")),
        ("denominator_unused", plain.rule("manual", has_denominator=True)),
        ("constant_invalid", plain.rule("ratio", has_denominator=True, denominator_source="constant:0")),
        ("constant_invalid", plain.rule("ratio", has_denominator=True, denominator_source="constant:x")),
        ("parameter_unknown", plain.rule("manual", parameters={"target": "1"})),
        ("parameter_missing", plain.rule("ratio", parameters={"target": ""})),
        ("parameter_invalid", plain.rule("ratio", parameters={"target": "much"})),
        ("parameter_invalid", plain.rule("ratio", parameters={"target": "1.00001"})),
        ("parameter_invalid", plain.rule("ratio", parameters={"zero_denominator": "half"})),
        ("parameter_invalid", plain.rule("ratio", parameters={"may_be_not_applicable": "yes"})),
        ("parameter_invalid", plain.rule("vote", parameters={"options": [{"name": 3, "share": "100"}, OPTIONS[1]]})),
        ("parameter_invalid", plain.rule("panel", parameters={"judges": "2.5"})),
        ("target_not_positive", plain.rule("ratio", parameters={"target": "0"})),
        ("bounds_reversed", plain.rule("linear", parameters={"low": "80", "high": "80"})),
        ("bands_missing", plain.rule("band")),
        ("bands_not_open", plain.rule("band", "3", parameters={"bands": [BANDS[0], {**BANDS[1], "points": "3"}]})),
        ("bands_not_open", plain.rule("band", "3", parameters={"bands": BANDS[1:]})),
        ("bands_not_contiguous", plain.rule("band", "3", parameters={"bands": [BANDS[0], BANDS[2]]})),
        ("bands_not_contiguous", plain.rule("band", "3", parameters={"bands": [BANDS[0], BANDS[0], BANDS[2]]})),
        (
            "bands_not_rising",
            plain.rule(
                "band", "3", parameters={"bands": [BANDS[0], {**BANDS[1], "to": "1"}, {**BANDS[2], "from": "1"}]}
            ),
        ),
        ("best_line_not_full", plain.rule("band", "4", parameters={"bands": BANDS})),
        (
            "best_line_not_full",
            plain.rule("band", "3", parameters={"bands": [{**BANDS[0], "points": "-1"}, *BANDS[1:]]}),
        ),
        ("points_not_positive", plain.rule("deduct_each", parameters={"points": "0"})),
        ("points_not_positive", plain.rule("deduct_step", parameters={"points": "0"})),
        ("step_not_positive", plain.rule("deduct_step", parameters={"step": "0"})),
        ("full_score_not_positive", plain.rule("inspection", parameters={"full_score": "0"})),
        ("ranks_missing", plain.rule("rank_points")),
        ("ranks_not_open", plain.rule("rank_points", "3", parameters={"ranks": RANKS[:2]})),
        ("ranks_not_open", plain.rule("rank_points", "3", parameters={"ranks": [RANKS[2], *RANKS[1:]]})),
        ("ranks_not_rising", plain.rule("rank_points", "3", parameters={"ranks": [RANKS[0], *RANKS]})),
        (
            "ranks_points_rise",
            plain.rule("rank_points", "3", parameters={"ranks": [{"to": "1", "points": "1"}, {"points": "3"}]}),
        ),
        ("best_line_not_full", plain.rule("rank_points", "4", parameters={"ranks": RANKS})),
        ("too_few_judges", plain.rule("panel", parameters={"judges": 2, "dropped": 1})),
        ("too_few_judges", plain.rule("panel", parameters={"dropped": -1})),
        ("full_score_not_positive", plain.rule("panel", parameters={"full_score": "-1"})),
        ("options_missing", plain.rule("vote", parameters={"options": OPTIONS[:1]})),
        ("options_not_full", plain.rule("vote", parameters={"options": [{**OPTIONS[0], "share": "90"}, OPTIONS[1]]})),
        ("options_not_full", plain.rule("vote", parameters={"options": [OPTIONS[0], {**OPTIONS[1], "share": "-1"}]})),
    ],
)
def test_each_mistake_has_its_code(code: str, item: IndicatorRule) -> None:
    assert plain.problem_codes(item)[:1] == [code]
    with pytest.raises(RuleProblems) as refused:
        rules.validate(item)
    assert refused.value.problems[0].where == item.code
    assert refused.value.problems[0].message in str(refused.value)


@pytest.mark.parametrize(
    "item",
    [
        plain.rule("pass_fail"),
        plain.rule("ratio", source="S", source_code="a.b"),
        plain.rule("ratio", has_denominator=True, denominator_source="constant:12"),
        plain.rule("ratio", has_denominator=True, denominator_source="branches.dues_members"),
        plain.rule("not_applicable", source="S"),
        plain.rule("band", "3", parameters={"bands": BANDS}),
        plain.rule("band", "3", parameters={"bands": [{"from": "", "to": "", "points": "3"}]}),
        plain.rule("rank_points", "3", parameters={"ranks": RANKS}),
        plain.rule("rank_points", "3", parameters={"ranks": [{"to": "", "points": "3"}]}),
        plain.rule("vote", parameters={"options": OPTIONS}),
        plain.rule("panel", parameters={"judges": 1, "dropped": 0}),
        plain.rule("manual", "0"),
    ],
)
def test_a_sound_rule_has_no_problem(item: IndicatorRule) -> None:
    assert rules.problems(item) == []
    rules.validate(item)


def _codes(scheme: SchemeRules) -> list[tuple[str, str]]:
    return [(found.code, found.where) for found in rules.scheme_problems(scheme)]


def test_weights_that_miss_100_by_a_tenth_are_named_with_their_sum() -> None:
    scheme = plain.scheme(plain.rule("manual", "60", "A1"), plain.rule("manual", "39.9", "A2"))
    (found,) = rules.scheme_problems(scheme)
    assert (found.code, found.field) == ("weights_not_100", "weight")
    assert "99.9" in found.message
    with pytest.raises(RuleProblems):
        rules.validate_scheme(scheme)
    rules.validate_scheme(plain.scheme(plain.rule("manual", "60", "A1"), plain.rule("manual", "40", "A2")))


def test_codes_are_unique_and_categories_exist() -> None:
    one, other = plain.rule("manual", "50", "A1"), plain.rule("manual", "50", "A1", category="Y")
    scheme = plain.scheme(one, other)
    doubled = replace(scheme, categories=(scheme.categories[0], scheme.categories[0]))
    assert _codes(doubled) == [("code_twice", ""), ("category_twice", ""), ("category_unknown", "")]


def test_caps_keep_the_total_within_105() -> None:
    scheme = plain.scheme(plain.rule("manual", "100"))
    assert _codes(replace(scheme, bonus_cap=501, penalty_cap=-1)) == [
        ("bonus_cap_out_of_range", ""),
        ("penalty_cap_out_of_range", ""),
    ]


@pytest.mark.parametrize(
    ("code", "grades"),
    [
        ("grades_not_falling", ()),
        ("grades_not_falling", (GradeLine(code="a", name="", minimum=1),)),
        ("grades_not_falling", (GradeLine(code="a", name="", minimum=0), GradeLine(code="b", name="", minimum=0))),
        ("grade_twice", (GradeLine(code="a", name="", minimum=1), GradeLine(code="a", name="", minimum=0))),
        ("share_out_of_range", (GradeLine(code="a", name="", minimum=0, best_share_percent=0),)),
        ("share_out_of_range", (GradeLine(code="a", name="", minimum=0, best_share_percent=101),)),
    ],
)
def test_grade_lines_fall_to_zero(code: str, grades: tuple[GradeLine, ...]) -> None:
    assert _codes(plain.scheme(plain.rule("manual", "100"), grades=grades)) == [(code, "")]


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("code_invalid", {"code": "p1", "kind": "bonus", "levels": (Level("县", 50),)}),
        ("levels_missing", {"code": "P1", "kind": "bonus"}),
        ("levels_missing", {"code": "P1", "kind": "penalty", "levels": (Level("县", 0),)}),
        ("level_twice", {"code": "P1", "kind": "bonus", "levels": (Level("县", 50), Level("县", 100))}),
        ("cap_not_positive", {"code": "P1", "kind": "bonus", "levels": (Level("县", 50),), "cap": 0}),
        ("grade_cap_unknown", {"code": "V1", "kind": "veto", "grade_cap": "worst"}),
        ("year_grade_unknown", {"code": "V1", "kind": "veto", "grade_cap": "all", "year_grade_cap": "worst"}),
    ],
)
def test_each_mistake_of_an_adjustment_has_its_code(code: str, fields: dict[str, Any]) -> None:
    item = AdjustmentRule(name="", **fields)
    assert _codes(plain.scheme(plain.rule("manual", "100"), adjustments=(item,))) == [(code, item.code)]


def test_a_scheme_that_asks_too_much_is_warned_about() -> None:
    shares = [plain.rule("ratio", "7", f"A{number}", has_denominator=True) for number in range(13)]
    found = rules.burden(plain.scheme(*shares, plain.rule("manual", "9", "B1", source="C")))
    assert (found.indicators, found.cells) == (13, 26)
    assert [warning.code for warning in found.warnings] == ["too_many_indicators", "too_many_cells"]


def test_every_parameter_can_be_drawn_as_a_field() -> None:
    assert set(rules.PARAMETERS) == set(rules.RULE_LABELS)
    for parameters in rules.PARAMETERS.values():
        for item in parameters:
            assert str(item.label)
            if item.choices:
                assert item.default in {choice for choice, _label in item.choices}


# In words


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (plain.rule("pass_fail", unit="次"), "at least 1 次 earns full marks, otherwise 0"),
        (
            plain.rule("pass_fail", has_denominator=True, parameters={"comparison": "at_most", "threshold": "10"}),
            "at most 10% earns full marks, otherwise 0",
        ),
        (plain.rule("ratio"), "by share"),
        (
            plain.rule(
                "ratio",
                numerator_label="化解",
                denominator_label="受理",
                numerator_label_en="Settled",
                denominator_label_en="Accepted",
                parameters={"target": "95"},
            ),
            "Settled ÷ Accepted, full marks at 95%",
        ),
        (
            plain.rule("linear", unit="%", parameters={"low": "60", "high": "90"}),
            "60% earns 0, 90% full marks, in proportion between",
        ),
        (
            plain.rule(
                "band", "3", parameters={"bands": [{**BANDS[0], "label": "没有", "label_en": "none"}, *BANDS[1:]]}
            ),
            "none: 0, from 1 to below 2: 1.5, from 2: 3",
        ),
        (
            plain.rule("band", "3", parameters={"bands": [BANDS[0], {"from": "1", "to": None, "points": "3"}]}),
            "below 1: 0, from 1: 3",
        ),
        (plain.rule("band", "3", parameters={"bands": [{"points": "3"}]}), "everything else: 3"),
        (plain.rule("deduct_each", unit="处", unit_en="place"), "−1 for each place, never below 0"),
        (
            plain.rule("deduct_step", unit="%", parameters={"target": "55"}),
            "−1 for each 1% below 55%, never below 0",
        ),
        (
            plain.rule(
                "deduct_step", unit="岁", parameters={"direction": "above", "target": "48", "counting": "begun"}
            ),
            "−1 for each 1 岁 above 48 岁, never below 0; a step begun counts",
        ),
        (plain.rule("inspection", "6"), "score × 6 ÷ 100"),
        (plain.rule("rank_points", "3", parameters={"ranks": RANKS}), "rank 1: 3, ranks 2–3: 2, from rank 4 on: 1"),
        (plain.rule("panel", "5"), "without the 1 highest and lowest, mean × 5 ÷ 100"),
        (plain.rule("vote", parameters={"options": OPTIONS}), "votes weighted: 好 100%, 差 0%"),
        (plain.rule("manual", "3"), "0 to 3 given by hand, with a reason"),
        (plain.rule("not_applicable"), "not applicable, the weight goes to the same category"),
    ],
)
def test_a_rule_is_described_in_one_sentence(item: IndicatorRule, sentence: str) -> None:
    with translation.override("en"):
        assert rules.describe(item, item.weight) == rules.describe(item) == sentence


def test_a_converted_weight_is_part_of_the_sentence() -> None:
    with translation.override("en"):
        assert rules.describe(plain.rule("inspection", "6"), 700) == "score × 6 ÷ 100; full marks 6 converted to 7"
        assert rules.describe(plain.rule("not_applicable"), 0) == rules.describe(plain.rule("not_applicable"))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("P1", "county +0.5, city +1, province +2, nation +3"),
        ("N2", "each working day −0.5; at most 2"),
        ("V6", "grade at most Middle; the score stays as it is"),
    ],
)
def test_adjustments_are_described_in_one_sentence(code: str, sentence: str) -> None:
    item = seed().adjustment(code)
    assert item is not None
    with translation.override("en"):
        assert rules.describe_adjustment(item, seed().grades) == sentence


def test_a_veto_of_an_unknown_grade_shows_its_code() -> None:
    item = AdjustmentRule(code="V1", name="", kind="veto", grade_cap="lagging")
    with translation.override("en"):
        assert rules.describe_adjustment(item) == "grade at most lagging; the score stays as it is"


def test_a_scheme_speaks_the_language_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "get_language", lambda: "zh-hans")
    assert rules.in_language("先进", "Advanced") == "先进"
    monkeypatch.setattr(rules, "get_language", lambda: "en-gb")
    assert rules.in_language("先进", "Advanced") == "Advanced"
    assert rules.in_language("先进", "") == "先进"
    monkeypatch.setattr(rules, "get_language", lambda: None)
    assert rules.in_language("先进", "Advanced") == "先进"
