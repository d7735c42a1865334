"""What people enter for a year: tables at once, all or none, each only their own."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments.models import DepartmentScore, PersonalScore, SatisfactionSurvey, YearAssessment
from assessments.services import year_entry
from assessments.services.year_entry import (
    Edit,
    EntryRefused,
    enter_department_scores,
    enter_personal_scores,
    enter_surveys,
)
from branches.models import Unit
from cadres.models import Person
from tests.assessments.year_ground import AGRICULTURE, LAW, NOW, make_people, open_year, personal
from tests.conftest import grant, make_unit, make_user


@pytest.fixture
def row(county: Unit, county_admin: User) -> YearAssessment:
    make_people(county)
    return open_year(county, county_admin)


@pytest.fixture
def agriculture(county: Unit) -> User:
    user = make_user("agriculture")
    grant(user, Role.LD, county, "F2, F3")
    return user


def village(name: str) -> int:
    return Unit.objects.get(name=name).pk


def score(name: str, text: str, *, department: str = AGRICULTURE, base: int = 0, reason: str = "") -> Edit:
    return Edit(
        key=name, subject=village(name), texts={"score": text, "reason": reason}, department=department, base=base
    )


def test_a_table_of_scores_is_added_changed_and_taken_back(row: YearAssessment, agriculture: User) -> None:
    edits = [score("东一村", "90"), score("东二村", "88.5", reason=" 产业项目延期 "), score("东三村", "")]
    assert enter_department_scores(row, edits, by=agriculture, now=NOW) == 2
    stored = {one.village.name: one for one in DepartmentScore.objects.filter(assessment=row)}
    assert {name: one.score_hundredths for name, one in stored.items()} == {"东一村": 9000, "东二村": 8850}
    assert (stored["东二村"].reason, stored["东二村"].subject, stored["东二村"].entered_by) == (
        "产业项目延期",
        "F3",
        agriculture,
    )
    edits = [score("东一村", "91", base=1), score("东二村", "", base=1), score("东三村", "0")]
    assert enter_department_scores(row, edits, by=agriculture, now=NOW) == 3
    again = dict(DepartmentScore.objects.filter(assessment=row).values_list("village__name", "score_hundredths"))
    assert again == {"东一村": 9100, "东三村": 0}
    assert enter_department_scores(row, [score("东一村", "91", base=1)], by=agriculture, now=NOW) == 0
    events = AuditEvent.objects.filter(target_type="assessments.departmentscore").values_list("event", flat=True)
    assert sorted(events) == [
        "assessments.add_departmentscore",
        "assessments.add_departmentscore",
        "assessments.add_departmentscore",
        "assessments.change_departmentscore",
        "assessments.remove_departmentscore",
    ]


def test_all_or_none_with_every_problem_named(row: YearAssessment, agriculture: User) -> None:
    edits = [
        score("东一村", "90"),
        score("东二村", "101"),
        score("东三村", "好"),
        score("西一村", "80", reason="长" * 301),
    ]
    with pytest.raises(EntryRefused) as refused:
        enter_department_scores(row, edits, by=agriculture, now=NOW)
    assert list(refused.value.problems) == ["东二村:score", "东三村:score", "西一村:score"]
    assert not DepartmentScore.objects.exists()


def test_a_row_that_somebody_else_changed_is_a_conflict(
    row: YearAssessment, agriculture: User, county_admin: User
) -> None:
    enter_department_scores(row, [score("东一村", "90")], by=county_admin, now=NOW)
    for edit in (score("东一村", "70"), score("东一村", "70", base=2), score("东一村", "", base=2)):
        with pytest.raises(EntryRefused, match=r".") as refused:
            enter_department_scores(row, [edit], by=agriculture, now=NOW)
        assert list(refused.value.problems) == ["东一村"]
    assert DepartmentScore.objects.get().score_hundredths == 9000


def test_a_department_enters_its_own_subjects_only(
    row: YearAssessment, agriculture: User, county_admin: User, east_editor: User
) -> None:
    assert [one.name for one in year_entry.enterable_departments(row, agriculture)] == [AGRICULTURE]
    assert [one.name for one in year_entry.enterable_departments(row, county_admin)] == [AGRICULTURE, LAW]
    assert year_entry.enterable_departments(row, east_editor) == []
    for user, department in ((agriculture, LAW), (county_admin, "县审计局"), (east_editor, AGRICULTURE)):
        with pytest.raises(PermissionDenied):
            enter_department_scores(row, [score("东一村", "90", department=department)], by=user, now=NOW)


def test_a_department_of_another_county_enters_nothing(row: YearAssessment, county: Unit) -> None:
    city = Unit.objects.get(name="测试市")
    other = make_unit(city, "county", "外县", "990102")
    stranger = make_user("stranger")
    grant(stranger, Role.LD, other, "F3")
    with pytest.raises(PermissionDenied):
        enter_department_scores(row, [score("东一村", "90")], by=stranger, now=NOW)


@pytest.mark.parametrize(
    ("asked", "satisfied", "problem"),
    [
        ("50", "45", ""),
        ("50", "0", ""),
        ("0", "0", "asked"),
        ("50", "51", "satisfied"),
        ("50", "", "asked"),
        ("五十", "45", "asked"),
    ],
)
def test_surveys(row: YearAssessment, county_admin: User, asked: str, satisfied: str, problem: str) -> None:
    edit = Edit(key="1", subject=village("东一村"), texts={"asked": asked, "satisfied": satisfied})
    if problem:
        with pytest.raises(EntryRefused) as refused:
            enter_surveys(row, [edit], by=county_admin, now=NOW)
        assert list(refused.value.problems) == [f"1:{problem}"]
        return
    assert enter_surveys(row, [edit], by=county_admin, now=NOW) == 1
    stored = SatisfactionSurvey.objects.get()
    assert (str(stored.asked), str(stored.satisfied)) == (asked, satisfied)


class TestPersonal:
    def test_a_township_enters_its_own_people(self, row: YearAssessment, east_editor: User) -> None:
        own, foreign = (Person.objects.get(name=name).pk for name in ("东一村书记", "西一村书记"))
        assert enter_personal_scores(row, [personal(own, note="分管项目")], by=east_editor, now=NOW) == 1
        stored = PersonalScore.objects.get()
        assert (stored.results_hundredths, stored.township_hundredths, stored.note) == (9000, 9500, "分管项目")
        assert stored.votes == {
            "excellent": 30,
            "competent": 10,
            "basically_competent": 0,
            "incompetent": 0,
            "entitled": 45,
        }
        with pytest.raises(EntryRefused) as refused:
            enter_personal_scores(row, [personal(foreign)], by=east_editor, now=NOW)
        assert list(refused.value.problems) == [str(foreign)]

    def test_parts_may_be_missing_and_are_not_zero(self, row: YearAssessment, county_admin: User) -> None:
        person = Person.objects.get(name="东一村书记").pk
        nothing = dict.fromkeys(
            ("excellent", "competent", "basically_competent", "incompetent", "entitled", "township"), ""
        )
        assert enter_personal_scores(row, [personal(person, **nothing)], by=county_admin, now=NOW) == 1
        stored = PersonalScore.objects.get()
        assert (stored.results_hundredths, stored.township_hundredths, stored.votes) == (9000, None, {})
        gone = personal(person, results="", **nothing)
        gone = Edit(key=gone.key, subject=gone.subject, texts=gone.texts, base=1)
        assert enter_personal_scores(row, [gone], by=county_admin, now=NOW) == 1
        assert not PersonalScore.objects.exists()

    @pytest.mark.parametrize(
        ("texts", "column"),
        [
            ({"results": "100.5"}, "results"),
            ({"township": "x"}, "township"),
            ({"entitled": ""}, "entitled"),
            ({"entitled": "39"}, "entitled"),
            ({"excellent": "0", "competent": "0"}, "excellent"),
            ({"competent": "-1"}, "competent"),
            ({"note": "长" * 301}, "results"),
        ],
    )
    def test_what_is_refused(self, row: YearAssessment, county_admin: User, texts: dict[str, str], column: str) -> None:
        person = Person.objects.get(name="东一村书记").pk
        with pytest.raises(EntryRefused) as refused:
            enter_personal_scores(row, [personal(person, **texts)], by=county_admin, now=NOW)
        assert list(refused.value.problems) == [f"{person}:{column}"]
