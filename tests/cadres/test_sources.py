"""What months are ranked by from posts, the reserve, trainings and discipline: tables of cases, queries, addresses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit, Village
from cadres.models import Attendance, DisciplineAction, PeopleLimits, Person, Training
from cadres.sources import SOURCES, FlagReserve, reserve_for_flag
from imports.dates import PartialDate
from tests.cadres.people import make_person, post
from tests.cadres.reserves import enter

OCTOBER = date(2026, 10, 1)
VILLAGES = ("东一村", "东二村", "东三村", "西一村", "西二村")


@pytest.fixture(autouse=True)
def cards(county: Unit) -> Unit:
    for unit in Unit.objects.villages():
        Village.objects.create(unit=unit, approved_post_count=5)
    return county


def read(code: str, *, month: date = OCTOBER) -> dict[str, tuple[int, int | None]]:
    """Village of the month -> (value, of); one without data is missing."""
    source = indicators.find(f"cadres.{code}")
    assert source is not None
    names = dict(Unit.objects.valid_on(month).filter(name__in=VILLAGES).values_list("pk", "name"))
    readings = source.compute(list(names), month)
    assert all(isinstance(reading.value, Decimal) and reading.note for reading in readings.values())
    return {
        names[pk]: (int(reading.value), None if reading.of is None else int(reading.of))
        for pk, reading in readings.items()
    }


def team(*ends: date | None, place: str = "东一村", **fields: Any) -> list[Person]:
    """People in post since 2021, each until a day or still."""
    people = [make_person(f"{place}{number}", place) for number in range(len(ends))]
    for person, end in zip(people, ends, strict=True):
        post(person, 60, started_on=PartialDate(2021), ended_on=end, **fields)
    return people


STILL: tuple[None, ...] = (None,) * 5


# --- B2 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "starts", "vacant"),
    [
        (STILL, None, 0),
        ((*STILL[:4], date(2026, 9, 29)), None, 1),
        ((*STILL[:4], date(2026, 9, 30)), None, 0),
        ((*STILL[:3], date(2026, 8, 1), date(2026, 10, 20)), None, 1),
        ((*STILL[:4], date(2026, 8, 1)), "2026-10-31", 0),
        ((*STILL[:4], date(2026, 8, 1)), "2026-11-01", 1),
        ((*STILL[:4], date(2026, 8, 1)), "2026-10", 0),
        ((date(2021, 5, 1),), None, 5),
        ((*STILL, None), None, 0),
    ],
)
def test_b2_posts_empty_longer_than_the_county_allows(
    ends: tuple[date | None, ...], starts: str | None, vacant: int
) -> None:
    """The table of docs/rules/cadre-indicators.md and its edges."""
    team(*ends)
    if starts:
        post(make_person("新任"), 60, started_on=PartialDate.parse(starts))
    assert read("posts_vacant") == {"东一村": (vacant, None)}


def test_b2_somebody_with_two_posts_counts_once_and_other_posts_not_at_all() -> None:
    people = team(*STILL)
    post(people[0], 10)
    post(people[1], 70)
    assert read("posts_vacant") == {"东一村": (0, None)}
    people[4].postings.update(post=90)
    assert read("posts_vacant") == {"东一村": (1, None)}
    people[4].postings.update(post=85)
    assert read("posts_vacant") == {"东一村": (1, None)}


def test_b2_says_nothing_of_a_village_without_records_or_without_a_card() -> None:
    team(None, place="东二村")
    post(make_person("将任", "东三村"), 10, started_on=PartialDate(2026, 11))
    post(make_person("别职", "西一村"), 90)
    team(None, place="西二村")
    Village.objects.filter(unit__name="西二村").delete()
    assert read("posts_vacant") == {"东二村": (4, None)}
    note = indicators.find("cadres.posts_vacant").compute([Unit.objects.get(name="东二村").pk], OCTOBER)  # type: ignore[union-attr]
    assert [reading.note for reading in note.values()] == ["核定 5 职，实有 1 人；空缺超过 30 天的 4 职"]


def test_b2_by_the_days_of_the_county(cards: Unit) -> None:
    team(*STILL[:4], date(2026, 8, 30))
    assert read("posts_vacant") == {"东一村": (1, None)}
    PeopleLimits.objects.create(unit=cards, vacancy_days=60)
    assert read("posts_vacant") == {"东一村": (1, None)}
    PeopleLimits.objects.update(vacancy_days=61)
    assert read("posts_vacant") == {"东一村": (0, None)}


def test_a_merged_village_brings_its_people_from_then_on() -> None:
    team(*STILL[:3])
    team(None, None, place="东二村")
    enter(make_person("后备", "东二村"))
    old = Unit.objects.get(name="东二村")
    Unit.objects.filter(pk=old.pk).update(valid_to=date(2026, 9, 30), merged_into=Unit.objects.get(name="东一村"))
    assert read("posts_vacant")["东一村"] == (0, None)
    assert read("reserve_cadres")["东一村"] == (1, None)
    september = read("posts_vacant", month=date(2026, 9, 1))
    assert (september["东一村"], september["东二村"]) == ((2, None), (3, None))


# --- V5 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_day", "is_vetoed"),
    [
        (date(2026, 8, 1), False),
        (date(2026, 8, 2), False),
        (date(2026, 8, 3), False),
        (date(2026, 7, 31), True),
        (date(2025, 1, 1), True),
        (None, False),
        (date(2026, 10, 31), False),
        (date(2027, 1, 1), False),
    ],
)
def test_v5_after_more_than_ninety_days_without_a_secretary(last_day: date | None, is_vetoed: bool) -> None:
    """The last day of October less 91 days is 1 August: empty since the day after, 90 days."""
    post(make_person("书记"), 10, ended_on=last_day)
    assert read("secretary_vacant") == ({"东一村": (1, None)} if is_vetoed else {})


def test_v5_never_from_silence_and_not_when_somebody_followed(cards: Unit) -> None:
    post(make_person("主任"), 20, ended_on=date(2025, 1, 1))
    post(make_person("前任", "东二村"), 10, ended_on=date(2025, 1, 1))
    post(make_person("现任", "东二村"), 10, started_on=PartialDate(2026, 10, 31))
    post(make_person("前任", "东三村"), 10, ended_on=date(2025, 1, 1))
    post(make_person("将任", "东三村"), 10, started_on=PartialDate(2026, 11, 1))
    assert read("secretary_vacant") == {"东三村": (1, None)}
    PeopleLimits.objects.create(unit=cards, secretary_vacancy_days=900)
    assert read("secretary_vacant") == {}


# --- B3, P5, F1-6 ---------------------------------------------------------------------------


def test_b3_people_on_record_on_the_last_day() -> None:
    enter(make_person("在库"), entered_on=PartialDate(2026, 10, 31))
    enter(make_person("培养"), "training", entered_on=PartialDate(2025))
    enter(make_person("后入"), entered_on=PartialDate(2026, 11, 1))
    enter(make_person("末日出"), "removed", entered_on=PartialDate(2025), left_on=date(2026, 10, 31))
    enter(make_person("次日出"), "removed", entered_on=PartialDate(2025), left_on=date(2026, 11, 1))
    enter(make_person("提名"), "nominated")
    enter(make_person("邻村", "东二村"))
    assert read("reserve_cadres") == {
        "东一村": (3, None),
        "东二村": (1, None),
        "东三村": (0, None),
        "西一村": (0, None),
        "西二村": (0, None),
    }


def test_p5_promoted_within_the_month() -> None:
    for name, day in (("月初", 1), ("月末", 31)):
        enter(make_person(name), "promoted", left_on=date(2026, 10, day))
    enter(make_person("上月", "东二村"), "promoted", left_on=date(2026, 9, 30))
    enter(make_person("下月", "东二村"), "promoted", left_on=date(2026, 11, 1))
    enter(make_person("出库", "东二村"), "removed", left_on=date(2026, 10, 5))
    assert read("reserve_promoted") == {"东一村": (2, None)}


def test_f1_6_two_in_stock_and_two_of_them_trained_in_the_round() -> None:
    first, last = date(2026, 7, 1), date(2026, 12, 31)
    county = Unit.objects.get(kind="county")
    days = {"前": date(2026, 6, 30), "中": date(2026, 7, 1), "后": date(2027, 1, 1)}
    trainings = {
        word: Training.objects.create(unit=county, title=word, held_on=day, ends_on=day) for word, day in days.items()
    }
    for place, words in (
        ("东一村", ("中", "中", "")),
        ("东二村", ("中", "前")),
        ("东三村", ("中",)),
        ("西一村", ("后", "缺", "中")),
    ):
        for number, word in enumerate(words):
            entry = enter(make_person(f"{place}{number}", place), entered_on=PartialDate(2025))
            if word:
                result = "absent" if word == "缺" else "completed"
                training = trainings["中" if word == "缺" else word]
                Attendance.objects.create(training=training, person=entry.person, result=result)
    names = dict(Unit.objects.filter(name__in=VILLAGES).values_list("pk", "name"))
    found = {
        names[pk]: (one.stock, one.trained, one.is_met) for pk, one in reserve_for_flag(names, first, last).items()
    }
    assert found == {
        "东一村": (3, 2, True),
        "东二村": (2, 1, False),
        "东三村": (1, 1, False),
        "西一村": (3, 1, False),
        "西二村": (0, 0, False),
    }
    assert FlagReserve(4, 4).is_met


# --- B4 -------------------------------------------------------------------------------------


def train(people: list[Person], results: str, ends_on: date = date(2026, 10, 20)) -> None:
    words = {"c": "completed", "n": "not_completed", "e": "excused", "a": "absent"}
    county = Unit.objects.get(kind="county")
    training = Training.objects.create(
        unit=county, title=f"班{Training.objects.count()}", held_on=date(2026, 9, 30), ends_on=ends_on
    )
    for person, letter in zip(people, results, strict=True):
        Attendance.objects.create(training=training, person=person, result=words[letter])


@pytest.mark.parametrize(
    ("results", "expected"),
    [("c", (1, 1)), ("cnea", (2, 3)), ("e", (0, 0)), ("a", (0, 1))],
)
def test_b4_who_came_of_those_due(results: str, expected: tuple[int, int]) -> None:
    train(team(*STILL[: len(results)]), results)
    assert read("training_attendance")["东一村"] == expected


def test_b4_trainings_that_end_in_the_month_of_cadres_in_post_on_that_day() -> None:
    (person,) = team(None)
    for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)):
        train([person], "c", day)
    (left,) = team(date(2026, 10, 19), place="东二村")
    (stays,) = team(date(2026, 10, 20), place="东三村")
    train([left, stays], "cc")
    reserve = enter(make_person("后备", "西一村")).person
    worker = make_person("干事", "西一村")
    post(worker, 85)
    train([reserve, worker], "cc")
    assert read("training_attendance") == {
        "东一村": (2, 2),
        "东二村": (0, 0),
        "东三村": (1, 1),
        "西一村": (0, 0),
        "西二村": (0, 0),
    }


def test_b4_somebody_with_posts_in_two_villages_counts_at_the_higher_post() -> None:
    person = make_person("甲")
    post(person, 60)
    person.postings.create(unit=Unit.objects.get(name="东二村"), post=10)
    train([person], "c")
    found = read("training_attendance")
    assert (found["东一村"], found["东二村"]) == ((0, 0), (1, 1))


# --- N6 -------------------------------------------------------------------------------------


def punish(person: Person, kind: str, day: date = date(2026, 10, 20)) -> None:
    DisciplineAction.objects.create(person=person, kind=kind, decided_on=day, reason="违纪")


def test_n6_warnings_decided_in_the_month_on_members_of_the_two_committees() -> None:
    one, two, gone = team(None, None, date(2026, 10, 19))
    clerk = make_person("文书", "东二村")
    post(clerk, 80)
    for person in (one, two, gone, clerk):
        punish(person, "warning")
    punish(one, "serious_warning", date(2026, 10, 31))
    for kind in ("reminder", "admonition", "suspension", "removal", "probation", "expulsion"):
        punish(two, kind)
    punish(two, "warning", date(2026, 9, 30))
    punish(two, "warning", date(2026, 11, 1))
    source = indicators.find("cadres.party_warnings")
    assert source is not None
    assert list(source.compute(list(Unit.objects.villages().values_list("pk", flat=True)), OCTOBER).values()) == [
        Reading(Decimal(3), note="警告 2 人次，严重警告 1 人次", levels=(2, 1))
    ]
    assert read("party_warnings", month=date(2026, 12, 1)) == {}


# --- All ------------------------------------------------------------------------------------


def fill(place: str) -> None:
    people = team(*STILL[:3], place=place)
    post(make_person(f"{place}前书记", place), 10, ended_on=date(2025, 1, 1))
    enter(make_person(f"{place}后备", place))
    enter(make_person(f"{place}任用", place), "promoted", left_on=date(2026, 10, 5))
    train(people, "cca")
    punish(people[0], "warning")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.code)
def test_a_source_asks_as_much_for_three_villages_as_for_one(source: IndicatorSource) -> None:
    expected = {
        "cadres.posts_vacant": 6,
        "cadres.reserve_cadres": 2,
        "cadres.training_attendance": 3,
        "cadres.reserve_promoted": 2,
        "cadres.party_warnings": 3,
        "cadres.secretary_vacant": 4,
    }[source.code]
    for place in VILLAGES[:3]:
        fill(place)
    ids = list(Unit.objects.filter(name__in=VILLAGES[:3]).values_list("pk", flat=True))
    for count in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            readings = source.compute(ids[:count], OCTOBER)
        assert (len(queries), set(readings)) == (expected, set(ids[:count]))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.code)
def test_a_long_list_of_villages_gives_the_same_numbers(
    source: IndicatorSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in VILLAGES:
        fill(place)
    ids = list(Unit.objects.filter(name__in=VILLAGES[:4]).values_list("pk", flat=True))
    short = source.compute(ids, OCTOBER)
    assert len(short) == 4
    monkeypatch.setattr("cadres.sources.ID_LIST_LIMIT", 2)
    assert source.compute(ids, OCTOBER) == short


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("posts_vacant", {"东一村0", "东一村1", "东一村2"}),
        ("reserve_cadres", {"东一村后备"}),
        ("training_attendance", {"东一村0", "东一村1", "东一村2"}),
        ("reserve_promoted", {"东一村任用"}),
    ],
)
def test_the_address_of_a_number_opens_the_people_behind_it(
    client: Client, county_admin: User, code: str, names: set[str]
) -> None:
    for place in VILLAGES[:2]:
        fill(place)
    source = indicators.find(f"cadres.{code}")
    assert source is not None
    assert source.records is not None
    client.force_login(county_admin)
    page = client.get(source.records(Unit.objects.get(name="东一村").pk, OCTOBER))
    assert page.status_code == 200
    shown = page.content.decode()
    every = set(Person.objects.values_list("name", flat=True))
    assert {name for name in every if f">{name}<" in shown} == names


def test_who_was_punished_is_not_told_by_the_address_of_a_number() -> None:
    source = indicators.find("cadres.party_warnings")
    assert source is not None
    assert source.records is None
