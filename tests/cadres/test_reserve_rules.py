"""Ages, levels of education, and what blocks or only warns: tables of cases."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cadres import education
from cadres.ages import age_on
from cadres.models import PeopleLimits
from cadres.reserve_rules import Facts, entry_findings, standing_findings
from imports.dates import PartialDate

DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        ("1981-11-26", DAY, 45),
        ("1981-11-27", DAY, 44),
        ("1981-11", DAY, 45),
        ("1981-12", DAY, 44),
        ("1981", DAY, 45),
        ("1984-02-29", date(2025, 2, 28), 40),
        ("1984-02-29", date(2025, 3, 1), 41),
        ("2027-01-01", DAY, 0),
    ],
)
def test_age_counts_from_the_first_day_a_birth_may_mean(birth: str, day: date, age: int) -> None:
    assert age_on(PartialDate.parse(birth), day) == age


def test_no_birth_no_age() -> None:
    assert age_on(None, DAY) is None


@pytest.mark.parametrize(
    ("code", "name", "is_college", "reaches"),
    [
        ("11", "博士研究生", True, True),
        ("21", "大学本科", True, True),
        ("23", "大学本科", True, True),
        ("31", "大学专科", True, True),
        ("39", "大学专科", True, True),
        ("41", "中等专科", False, True),
        ("61", "普通高中", False, True),
        ("62", "普通高中", False, False),
        ("71", "初中", False, False),
        ("90", "其他学历", False, False),
        ("", "", False, False),
    ],
)
def test_levels_of_education(code: str, name: str, is_college: bool, reaches: bool) -> None:
    assert str(education.name_of(code)) == name
    assert education.is_college(code) is is_college
    assert education.reaches(code, "61") is reaches


def facts(**fields: Any) -> Facts:
    known = {"day": DAY, "age": 30, "education": "31", "has_mentor": True, "has_plan": True}
    return Facts(**known | fields)


def told(findings: list[Any]) -> list[tuple[str, str]]:
    """Code of each finding with what it does: "blocks", "warns", or the reason of the removal it proposes."""
    return [(one.code, "blocks" if one.blocks else one.removal or "warns") for one in findings]


@pytest.mark.parametrize(
    ("fields", "first", "final"),
    [
        ({}, [], []),
        ({"age": 44}, [], []),
        ({"age": 45}, [("near_age_limit", "warns")], [("near_age_limit", "warns")]),
        ({"age": 46}, [("over_entry_age", "blocks")], [("over_entry_age", "blocks")]),
        ({"age": None}, [("age_unknown", "warns")], [("age_unknown", "blocks")]),
        ({"education": ""}, [("education_unknown", "warns")], [("education_unknown", "blocks")]),
        ({"education": "61"}, [], []),
        ({"education": "71"}, [("low_education", "blocks")], [("low_education", "blocks")]),
        (
            {"punished_until": date(2027, 1, 1)},
            [("in_punishment", "blocks")],
            [("in_punishment", "blocks")],
        ),
        ({"grades": {2022: "unqualified"}}, [("unqualified_before", "warns")], [("unqualified_before", "warns")]),
        ({"grades": {2021: "unqualified", 2025: "qualified"}}, [], []),
        ({"left_before": (date(2024, 5, 1), "本人意愿")}, [("left_before", "warns")], [("left_before", "warns")]),
        ({"posts": ("村文书",)}, [("in_office", "warns")], [("in_office", "warns")]),
    ],
)
def test_conditions_of_coming_in(fields: dict[str, Any], first: list[Any], final: list[Any]) -> None:
    """`first` when somebody is nominated, `final` when the entry is reviewed and put on record."""
    limits = PeopleLimits()
    assert told(entry_findings(facts(**fields), limits, is_final=False)) == first
    assert told(entry_findings(facts(**fields), limits, is_final=True)) == final


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"age": None}, [("age_unknown", "warns")]),
        ({"age": 45}, [("near_age_limit", "warns")]),
        ({"age": 49}, [("near_age_limit", "warns")]),
        ({"age": 50}, [("removal_age", "over_age")]),
        ({"own_grades": {2024: "unqualified", 2025: "unqualified"}}, [("two_years_unqualified",) * 2]),
        ({"own_grades": {2023: "unqualified", 2025: "unqualified"}}, []),
        ({"own_grades": {2024: "unqualified", 2025: "qualified"}}, []),
        ({"own_grades": {2023: "unqualified", 2024: "unqualified", 2025: "excellent"}}, []),
        ({"grades": {2024: "unqualified", 2025: "unqualified"}}, []),
        ({"punished_until": DAY}, [("in_punishment", "blocks")]),
        ({"recorded_on": date(2025, 6, 30)}, [("not_assessed", "warns")]),
        ({"recorded_on": date(2025, 7, 1)}, []),
        ({"recorded_on": date(2025, 6, 30), "own_grades": {2025: "qualified"}}, []),
        ({"has_mentor": False, "has_plan": False}, [("no_mentor", "warns"), ("no_plan", "warns")]),
    ],
)
def test_what_to_look_at_while_somebody_is_in_the_reserve(fields: dict[str, Any], expected: list[Any]) -> None:
    assert told(standing_findings(facts(**fields), PeopleLimits())) == expected


def test_a_county_sets_its_own_limits_and_the_sentences_say_them() -> None:
    limits = PeopleLimits(reserve_entry_age=35, reserve_warning_age=38, reserve_removal_age=40, reserve_education="31")
    entry = entry_findings(facts(age=36, education="61"), limits, is_final=True)
    assert [one.sentence for one in entry] == [
        "现年 36 岁，超过 35 岁的入库年龄上限。",
        "学历为普通高中，低于规定的最低学历（大学专科）。",
    ]
    assert [one.sentence for one in standing_findings(facts(age=40), limits)] == ["现年 40 岁，满 40 岁建议出库。"]
