"""What makes a village urgent, who is ready, and the board of a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from branches.models import Branch, Unit, Village
from cadres.models import Attendance, DisciplineAction, PeopleLimits, Training
from cadres.reserve_rules import Facts
from cadres.services import reserve
from cadres.succession import concerns_of, is_ready, succession
from imports.dates import PartialDate
from tests.branches.conftest import make_branch
from tests.cadres.people import make_person, post
from tests.cadres.reserves import TODAY, enter

DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("changes", "codes", "urgency"),
    [
        ({}, [], 0),
        ({"days_to_election": None}, [], 0),
        ({"days_to_election": -1}, ["election_overdue"], 6),
        ({"days_to_election": 0}, ["election_soon"], 4),
        ({"days_to_election": 183}, ["election_soon"], 4),
        ({"days_to_election": 184}, [], 0),
        ({"has_secretary": False}, ["no_secretary"], 8),
        ({"vacancies": 2}, ["vacancy"], 3),
        ({"oldest_head": 59}, [], 0),
        ({"oldest_head": 60}, ["head_over_age"], 2),
        ({"oldest_head": None}, [], 0),
        ({"reserve": 0, "ready": 0}, ["nobody"], 3),
        ({"reserve": 1, "ready": 0}, ["nobody_ready", "below_target"], 3),
        ({"reserve": 1, "ready": 1}, ["below_target"], 1),
        ({"reserve": 2, "ready": 0}, ["nobody_ready"], 2),
        (
            {"has_secretary": False, "days_to_election": -9, "vacancies": 1, "oldest_head": 61, "reserve": 0},
            ["no_secretary", "election_overdue", "vacancy", "nobody", "head_over_age"],
            22,
        ),
    ],
)
def test_what_makes_a_village_urgent(changes: dict[str, Any], codes: list[str], urgency: int) -> None:
    calm: dict[str, Any] = {
        "days_to_election": 900,
        "vacancies": 0,
        "has_secretary": True,
        "oldest_head": 50,
        "reserve": 2,
        "ready": 1,
    }
    found = concerns_of(**(calm | changes), limits=PeopleLimits())
    assert ([concern.code for concern in found], sum(concern.weight for concern in found)) == (codes, urgency)


@pytest.mark.parametrize(
    ("changes", "was_trained", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"age": 49}, True, True),
        ({"age": 50}, True, False),
        ({"age": None}, True, False),
        ({"punished_until": DAY}, True, False),
        ({"own_grades": {2025: "unqualified"}}, True, False),
        ({"own_grades": {2024: "unqualified", 2025: "qualified"}}, True, True),
    ],
)
def test_who_is_ready(changes: dict[str, Any], was_trained: bool, expected: bool) -> None:
    facts = Facts(**{"day": DAY, "age": 35, "education": "31"} | changes)
    assert is_ready(facts, PeopleLimits(), was_trained=was_trained) is expected


def train(name: str, person: Any, day: date = date(2026, 5, 1), result: str = "completed") -> None:
    county = Unit.objects.get(kind="county")
    training = Training.objects.create(unit=county, title=name, held_on=day, ends_on=day)
    Attendance.objects.create(training=training, person=person, result=result)


def election(place: str, day: date) -> None:
    Branch.objects.filter(unit__name=place).update(next_election_on=day)


@pytest.fixture
def villages(county: Unit) -> Unit:
    for unit in Unit.objects.villages():
        make_branch(unit, next_election_on=date(2029, 1, 1))
    Village.objects.update(approved_post_count=1)
    return county


def test_the_board_of_a_day(villages: Unit, county_admin: User) -> None:
    calm = make_person("书记", "东一村", birth="1980-01")
    post(calm, 10, started_on=PartialDate(2021, 12))
    post(calm, 20, started_on=PartialDate(2024, 1))
    for number in range(2):
        entry = enter(make_person(f"后备{number}", "东一村", birth="1990", education="31"), "training")
        train(f"培训{number}", entry.person)
    old = make_person("老主任", "东二村", birth="1960")
    post(old, 20, started_on=PartialDate(2016))
    post(make_person("老书记", "东二村", birth="1970"), 10)
    Village.objects.filter(unit__name="东二村").update(approved_post_count=5)
    enter(make_person("未训", "东二村", birth="1990", education="31"), "on_record")
    election("东二村", date(2027, 1, 10))
    rows = {row.village.name: row for row in succession(county_admin, DAY)}
    one, two = rows["东一村"], rows["东二村"]
    assert (one.urgency, one.vacancies, one.ready, len(one.reserve)) == (0, 0, 2, 2)
    (head,) = one.heads
    assert (head.person, head.posts, head.words, head.age, head.years) == (
        calm,
        (10, 20),
        ("村党组织书记", "村委会主任"),
        46,
        4,
    )
    assert [concern.code for concern in two.concerns] == [
        "election_soon",
        "vacancy",
        "head_over_age",
        "nobody_ready",
        "below_target",
    ]
    assert (two.vacancies, two.days_to_election, two.election_on) == (3, 45, date(2027, 1, 10))
    ages = [(one.person.name, one.age, one.years) for one in two.heads]
    assert ages == [("老书记", 56, None), ("老主任", 66, 10)]
    order = [row.village.name for row in succession(county_admin, DAY)]
    assert order == ["东三村", "西一村", "西二村", "东二村", "东一村"]


def test_the_most_urgent_first_then_the_earlier_election(villages: Unit, county_admin: User) -> None:
    election("西一村", date(2028, 1, 1))
    Branch.objects.filter(unit__name="西二村").update(next_election_on=None)
    post(make_person("书记", "东三村"), 10)
    order = [(row.village.name, row.urgency) for row in succession(county_admin, DAY)]
    assert order == [("西一村", 14), ("东一村", 14), ("东二村", 14), ("西二村", 14), ("东三村", 3)]


def test_a_past_day_has_the_people_of_that_day(villages: Unit, county_admin: User) -> None:
    before = make_person("前任", "东一村", birth="1960")
    post(before, 10, started_on=PartialDate(2016), ended_on=date(2021, 12, 19))
    post(make_person("现任", "东一村", birth="1985"), 10, started_on=PartialDate(2021, 12, 20))
    entry = enter(make_person("后备", "东一村", birth="1990", education="31"), entered_on=PartialDate(2020))
    train("早训", entry.person, date(2020, 5, 1))

    def seen(day: date) -> tuple[list[str], int]:
        (row,) = [row for row in succession(county_admin, day) if row.village.name == "东一村"]
        return [one.person.name for one in row.team], row.ready

    assert seen(date(2020, 4, 30)) == (["前任"], 0)
    assert seen(date(2021, 12, 19)) == (["前任"], 1)
    assert seen(date(2021, 12, 20)) == (["现任"], 1)
    assert seen(DAY) == (["现任"], 1)


def test_trainings_before_the_entry_missed_or_in_another_entry_do_not_make_ready(
    villages: Unit, county_admin: User
) -> None:
    for name, day, result in (
        ("早", date(2024, 12, 31), "completed"),
        ("缺", date(2025, 5, 1), "absent"),
        ("训", date(2025, 5, 1), "completed"),
        ("晚", date(2026, 11, 27), "completed"),
    ):
        entry = enter(make_person(name, birth="1990", education="31"), entered_on=PartialDate(2025))
        train(name, entry.person, day, result)
    punished = enter(make_person("罚", birth="1990", education="31"))
    train("罚", punished.person)
    DisciplineAction.objects.create(
        person=punished.person, kind="warning", decided_on=date(2026, 1, 1), effective_to=date(2027, 1, 1), reason="x"
    )
    poor = enter(make_person("差", birth="1990", education="31"), entered_on=PartialDate(2024))
    train("差", poor.person)
    reserve.assess(poor, 2025, "unqualified", by=None, today=TODAY)
    (row,) = [row for row in succession(county_admin, DAY) if row.village.name == "东一村"]
    assert {one.entry.person.name: one.is_ready for one in row.reserve} == {
        "早": False,
        "缺": False,
        "训": True,
        "晚": False,
        "罚": False,
        "差": False,
    }


def test_a_township_sees_its_own_and_the_queries_stay_the_same(
    villages: Unit, county_admin: User, east_editor: User
) -> None:
    assert {row.village.name for row in succession(east_editor, DAY)} == {"东一村", "东二村", "东三村"}
    assert len(succession(county_admin, DAY)) == 5
    counts = []
    for place in ("东一村", "东二村", "西一村"):
        post(make_person("书记", place), 10)
        entry = enter(make_person("后备", place, birth="1990"))
        train(place, entry.person)
        with CaptureQueriesContext(connection) as queries:
            succession(county_admin, DAY)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2] == 16
