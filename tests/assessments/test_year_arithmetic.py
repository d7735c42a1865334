"""A year in numbers, as tables of cases: edges first."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from assessments import year
from assessments.year import Ballots, MonthPlace, Standing
from assessments.year_rules import Department, Ladder, YearRules, check, count_of, default_rules, score_of, text_of

RULES = default_rules().changed(departments=(Department("农业局", "F3"), Department("政法委")))
BOTH = {"农业局": 8000, "政法委": 9000}
ONLY_MONTHS = YearRules.from_stored(
    {"village": {"months": "100", "departments": "0", "satisfaction": "0"}, "departments": []}
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(0, 3, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (5, 2, 3), (149, 100, 1), (150, 100, 2), (7, 7, 1)],
)
def test_halves_go_upwards(numerator: int, denominator: int, expected: int) -> None:
    assert year.half_up(numerator, denominator) == expected


class TestVillage:
    @pytest.mark.parametrize(
        ("months", "departments", "survey", "points", "missing"),
        [
            ([8642] * 12, BOTH, (100, 95), [5185, 2550, 950], ()),
            ([0], {"农业局": 0, "政法委": 0}, (50, 0), [0, 0, 0], ()),
            ([10_500], {"农业局": 10_000, "政法委": 10_000}, (1, 1), [6300, 3000, 1000], ()),
            ([9229, 9230], BOTH, (3, 2), [5538, 2550, 667], ()),
            ([], BOTH, (100, 95), [0, 2550, 950], ("months",)),
            ([8000], {"农业局": 8000}, (100, 95), [4800, 0, 950], ("department:政法委",)),
            ([8000], {}, (100, 95), [4800, 0, 950], ("department:农业局", "department:政法委")),
            ([8000], BOTH, None, [4800, 2550, 0], ("satisfaction",)),
            ([8000], BOTH, (0, 0), [4800, 2550, 0], ("satisfaction",)),
            ([], {}, None, [0, 0, 0], ("months", "department:农业局", "department:政法委", "satisfaction")),
        ],
    )
    def test_lines_and_what_is_missing(
        self, months: list[int], departments: dict[str, int], survey: Any, points: list[int], missing: tuple[str, ...]
    ) -> None:
        score = year.village_score(RULES, months=months, expected=12, departments=departments, survey=survey)
        assert [line.points for line in score.lines] == points
        assert score.missing == missing
        assert score.total == (None if missing else sum(points))
        assert score.lines[0].of == (len(months), 12)

    def test_a_part_without_weight_is_neither_asked_for_nor_printed(self) -> None:
        score = year.village_score(ONLY_MONTHS, months=[8001, 8000], expected=2, departments={}, survey=None)
        assert [(line.code, line.value, line.points) for line in score.lines] == [("months", 8001, 8001)]
        assert score.total == 8001

    def test_a_department_that_the_rules_do_not_name_does_not_count(self) -> None:
        more = {**BOTH, "财政局": 100}
        score = year.village_score(RULES, months=[8000], expected=1, departments=more, survey=(10, 9))
        assert score.lines[1].value == 8500

    @given(
        months=st.lists(st.integers(0, 10_500), min_size=1, max_size=12),
        scores=st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)),
        asked=st.integers(1, 500),
        share=st.integers(0, 100),
    )
    def test_printed_lines_add_up_and_stay_in_range(
        self, months: list[int], scores: tuple[int, int], asked: int, share: int
    ) -> None:
        departments = dict(zip(BOTH, scores, strict=True))
        survey = (asked, asked * share // 100)
        score = year.village_score(RULES, months=months, expected=12, departments=departments, survey=survey)
        assert score.total == sum(line.points for line in score.lines)
        assert 0 <= score.total <= 10_300
        assert all(line.points == year.points_of(line.value or 0, line.weight) for line in score.lines)


class TestGrades:
    @pytest.mark.parametrize(
        ("total", "grade"),
        [
            (0, "incompetent"),
            (5999, "incompetent"),
            (6000, "basically_competent"),
            (7499, "basically_competent"),
            (7500, "competent"),
            (8999, "competent"),
            (9000, "excellent"),
            (10_500, "excellent"),
        ],
    )
    def test_lines(self, total: int, grade: str) -> None:
        assert RULES.grade_of(total) == grade

    @pytest.mark.parametrize(
        ("grade", "caps", "expected"),
        [
            ("excellent", [], "excellent"),
            ("excellent", [""], "excellent"),
            ("excellent", ["competent"], "competent"),
            ("excellent", ["competent", "incompetent"], "incompetent"),
            ("basically_competent", ["competent"], "basically_competent"),
        ],
    )
    def test_vetoes_only_lower(self, grade: str, caps: list[str], expected: str) -> None:
        assert year.capped(grade, caps) == expected

    @pytest.mark.parametrize(
        ("caps", "expected"),
        [
            ([], ("", "")),
            ([("V9", "")], ("", "")),
            ([("V6", "competent"), ("V4", "basically_competent")], ("V4", "basically_competent")),
            ([("V5", "basically_competent"), ("V4", "basically_competent")], ("V5", "basically_competent")),
        ],
    )
    def test_the_strictest_veto_is_told(self, caps: list[tuple[str, str]], expected: tuple[str, str]) -> None:
        assert year.strictest(caps) == expected

    @pytest.mark.parametrize(
        ("number", "allowed"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1), (9, 1), (10, 2), (14, 2), (15, 3)]
    )
    def test_share_of_the_best(self, number: int, allowed: int) -> None:
        assert RULES.allowed(number) == allowed

    def test_more_excellent_than_the_share_is_a_warning(self) -> None:
        graded = [
            ("东", "excellent"),
            ("东", "excellent"),
            ("东", ""),
            ("西", "excellent"),
            ("西", "competent"),
            ("南", ""),
        ]
        found = [(one.group, one.number, one.allowed, one.excellent) for one in year.quota_warnings(RULES, graded)]
        assert sorted(found) == [("东", 3, 1, 2), ("西", 2, 0, 1)]


class TestRanks:
    @pytest.mark.parametrize(
        ("totals", "expected"),
        [
            ([], []),
            ([None], [None]),
            ([None, 5000, None], [None, 1, None]),
            ([9000, 8000, 8000, 7000], [1, 2, 2, 4]),
            ([7000, 7000, 7000], [1, 1, 1]),
            ([0, None, 1], [2, None, 1]),
        ],
    )
    def test_ties_share_a_rank(self, totals: list[int | None], expected: list[int | None]) -> None:
        standings = [Standing(key, "x", total) for key, total in enumerate(totals)]
        found = year.ranks(standings, by_group=False)
        assert [found.get(key) for key in range(len(totals))] == expected

    def test_inside_groups_and_with_a_veto_last(self) -> None:
        standings = [
            Standing(1, "东", 9000, is_last=True),
            Standing(2, "东", 8000),
            Standing(3, "西", 8500),
            Standing(4, "西", 6000, is_last=True),
        ]
        assert year.ranks(standings, by_group=False) == {3: 1, 2: 2, 1: 3, 4: 4}
        assert year.ranks(standings, by_group=True) == {2: 1, 1: 2, 3: 1, 4: 2}


class TestCadre:
    @pytest.mark.parametrize(
        ("counts", "value"),
        [
            ((0, 0, 0, 0), None),
            ((1, 0, 0, 0), 10_000),
            ((0, 0, 0, 1), 0),
            ((20, 15, 3, 2), 8450),
            ((1, 1, 1, 0), 8000),
            ((1, 0, 0, 2), 3333),
        ],
    )
    def test_vote_as_a_score(self, counts: tuple[int, int, int, int], value: int | None) -> None:
        assert year.vote_value(Ballots(counts), RULES.ballots) == value

    def test_no_vote_at_all(self) -> None:
        assert year.vote_value(None, RULES.ballots) is None

    @pytest.mark.parametrize(
        ("counts", "place"),
        [
            ((0, 0, 0, 0), None),
            ((9, 1, 0, 0), 0),
            ((90, 10, 0, 0), 0),
            ((89, 11, 0, 0), 1),
            ((90, 0, 0, 10), 0),
            ((35, 35, 30, 0), 1),
            ((35, 34, 31, 0), 2),
            ((0, 71, 0, 29), 1),
            ((60, 10, 0, 30), 3),
            ((70, 0, 0, 30), 3),
            ((41, 30, 0, 29), 1),
            ((0, 0, 10, 0), 2),
        ],
    )
    def test_grade_of_ballots(self, counts: tuple[int, int, int, int], place: int | None) -> None:
        assert year.grade_of_ballots(counts) == place

    @pytest.mark.parametrize(
        ("present", "entitled", "is_enough"),
        [(0, 0, False), (4, 5, True), (39, 50, False), (40, 50, True), (32, 41, False), (33, 41, True)],
    )
    def test_four_fifths_present(self, present: int, entitled: int, is_enough: bool) -> None:
        assert year.enough_present(present, entitled, RULES.present_share) is is_enough

    @pytest.mark.parametrize(
        ("village", "results", "counts", "township", "total", "missing"),
        [
            (8685, 9000, (20, 15, 3, 2), 9500, 8743, ()),
            (0, 0, (0, 0, 0, 1), 0, 0, ()),
            (None, 9000, (1, 0, 0, 0), 9500, None, ("village",)),
            (8685, None, (1, 0, 0, 0), None, None, ("results", "township")),
            (8685, 9000, (0, 0, 0, 0), 9500, None, ("vote",)),
            (None, None, None, None, None, ("village", "results", "vote", "township")),
        ],
    )
    def test_village_and_own_work_combined(
        self, village: Any, results: Any, counts: Any, township: Any, total: Any, missing: tuple[str, ...]
    ) -> None:
        ballots = Ballots(counts, 40) if counts else None
        personal = year.personal_score(RULES, results=results, ballots=ballots, township=township)
        score = year.cadre_score(RULES, village, personal)
        assert (score.total, score.missing) == (total, missing)
        assert score.so_far == sum(line.points for line in score.lines)
        if personal.total is not None:
            assert sum(line.points for line in score.lines[-1].parts) == score.lines[-1].value

    @pytest.mark.parametrize(
        ("counts", "entitled", "grade", "expected"),
        [
            ((0, 0, 0, 0), 40, "excellent", []),
            ((38, 2, 0, 0), 40, "excellent", []),
            ((38, 2, 0, 0), 60, "excellent", ["few_present"]),
            ((20, 20, 0, 0), 40, "excellent", ["vote_is_worse"]),
            ((20, 0, 0, 12), 60, "competent", ["few_present", "vote_is_worse"]),
            ((20, 0, 0, 20), 40, "", []),
        ],
    )
    def test_warnings_of_the_vote(
        self, counts: tuple[int, int, int, int], entitled: int, grade: str, expected: list[str]
    ) -> None:
        assert year.vote_warnings(RULES, Ballots(counts, entitled), grade) == expected

    def test_no_vote_no_warning(self) -> None:
        assert year.vote_warnings(RULES, None, "excellent") == []


MONTHS = [date(2026, month, 1) for month in range(1, 13)]


class TestLadder:
    @pytest.mark.parametrize(
        ("ranks", "held", "found"),
        [
            ("5 5 5 1 1 1", "123456", [1, 2, 3]),
            ("5 5 4 1 1 1", "123456", None),
            ("5 5 5 5 5 5", "456", [4, 5, 6]),
            ("5 5 5 5 5 5", "56", None),
            ("5 1 5 1 5 1", "123456", [1, 3, 5]),
            ("- 5 - 5 - 5", "123456", [2, 4, 6]),
        ],
    )
    def test_last_three_times_in_six_months(self, ranks: str, held: str, found: list[int] | None) -> None:
        places = [MonthPlace(MONTHS[index], int(rank), 5) for index, rank in enumerate(ranks.split()) if rank != "-"]
        mine = {MONTHS[int(number) - 1] for number in held}
        result = year.last_places(Ladder(), places, mine, MONTHS[5])
        assert (None if result is None else [one.month.month for one in result.months]) == found

    def test_older_months_and_small_townships_do_not_count(self) -> None:
        old = [MonthPlace(month, 5, 5) for month in MONTHS[:3]]
        assert year.last_places(Ladder(), old, set(MONTHS), MONTHS[7]) is None
        small = [MonthPlace(month, 2, 2) for month in MONTHS[:6]]
        assert year.last_places(Ladder(), small, set(MONTHS), MONTHS[5]) is None
        early = [MonthPlace(date(2025, month, 1), 5, 5) for month in (10, 11, 12)]
        held = {one.month for one in early}
        assert year.last_places(Ladder(), early, held, date(2026, 3, 1)) is not None

    def test_one_of_the_last_three(self) -> None:
        places = [MonthPlace(month, rank, 10) for month, rank in zip(MONTHS, (8, 9, 10), strict=False)]
        assert year.last_places(Ladder(places=3, least=5), places, set(MONTHS), MONTHS[5]) is not None
        assert year.last_places(Ladder(), places, set(MONTHS), MONTHS[5]) is None


class TestRules:
    def test_defaults_are_sound_and_read_back_as_they_were(self) -> None:
        rules = default_rules()
        check(rules)
        assert YearRules.from_stored(rules.to_stored()) == rules
        shuffled = {key: rules.to_stored()[key] for key in reversed(rules.to_stored())}
        shuffled["village"] = dict(reversed(shuffled["village"].items()))
        assert YearRules.from_stored(shuffled) == rules

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"village": (("months", 6000), ("departments", 3000), ("satisfaction", 999))}, "weights_do_not_sum"),
            ({"cadre": (("village", 6000), ("personal", 4001))}, "weights_do_not_sum"),
            ({"personal": (("results", 0), ("vote", 0), ("township", 0))}, "weights_do_not_sum"),
            ({"lines": (("excellent", 9000), ("competent", 9000), ("basically_competent", 6000))}, "lines"),
            ({"lines": (("excellent", 10_001), ("competent", 9000), ("basically_competent", 6000))}, "lines"),
            ({"lines": (("excellent", 9000), ("competent", 7500))}, "lines"),
            (
                {"ballots": (("excellent", 10_001), ("competent", 0), ("basically_competent", 0), ("incompetent", 0))},
                "ballots",
            ),
            ({"best_share": 10_001}, "share"),
            ({"present_share": 10_001}, "share"),
            ({"veto_reaches": "nobody"}, "veto_reaches"),
            ({"departments": ()}, "no_department"),
            ({"departments": (Department("甲"), Department("甲"))}, "department_twice"),
            ({"departments": (Department(" "),)}, "department_name"),
            ({"departments": (Department("甲", "f3"),)}, "department_subject"),
            ({"ladder": Ladder(times=7)}, "ladder"),
            ({"ladder": Ladder(places=3, least=3)}, "ladder"),
            ({"ladder": Ladder(group="village")}, "ladder"),
        ],
    )
    def test_what_is_refused(self, changed: dict[str, Any], code: str) -> None:
        with pytest.raises(ValidationError) as refused:
            check(default_rules().changed(**changed))
        assert code in {error.code for error in refused.value.error_list}

    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("0", 0),
            ("100", 10_000),
            ("92.5", 9250),
            (" 86.42 ", 8642),
            ("９２．５", 9250),
            ("90.10", 9010),
            ("1.500", 150),
        ],
    )
    def test_scores_as_typed(self, typed: str, stored: int) -> None:
        assert score_of(typed) == stored

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ("", "not_a_number"),
            ("良好", "not_a_number"),
            ("NaN", "not_a_number"),
            ("1e2", "not_a_number"),
            ("1,5", "not_a_number"),
            ("-1", "out_of_range"),
            ("100.01", "out_of_range"),
            ("92.555", "too_many_decimals"),
        ],
    )
    def test_scores_that_are_refused(self, typed: str, code: str) -> None:
        with pytest.raises(ValidationError) as refused:
            score_of(typed)
        assert refused.value.code == code

    @pytest.mark.parametrize(
        ("typed", "code"), [("", "not_a_number"), ("1.5", "not_a_number"), ("10000", "out_of_range")]
    )
    def test_counts_that_are_refused(self, typed: str, code: str) -> None:
        with pytest.raises(ValidationError) as refused:
            count_of(typed)
        assert refused.value.code == code
        assert count_of(" ４2 ") == 42

    @pytest.mark.parametrize(("hundredths", "text"), [(6000, "60"), (3350, "33.5"), (5, "0.05"), (0, "0")])
    def test_weights_as_written(self, hundredths: int, text: str) -> None:
        assert text_of(hundredths) == text

    def test_a_weight_that_is_no_number_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="no number"):
            YearRules.from_stored({"best_share": "20.555"})
