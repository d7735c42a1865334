"""Figures of a place and a day: each of them as a table of cases, past days, unknown ages, numbers and their people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from branches.models import Branch, Unit, Village
from cadres import statistics
from cadres.ages import BANDS
from cadres.models import Attendance, Person, ReserveCadre, Training
from cadres.querysets import aged
from cadres.statistics import SUBJECTS, average, figures_on, term_start
from imports.dates import PartialDate
from tests.branches.conftest import make_branch, queries_of
from tests.cadres.people import make_person, post
from tests.cadres.reserves import enter

DAY = date(2026, 11, 26)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel("2026-11-26T02:00:00+00:00", tick=False):
        yield


@pytest.fixture
def teams(county: Unit) -> Unit:
    """Two villages of 东乡 with people, one of 西乡; five approved posts in the first, three elsewhere."""
    for unit in Unit.objects.villages():
        make_branch(unit, next_election_on=date(2026, 12, 20))
    Village.objects.update(approved_post_count=3)
    Village.objects.filter(unit__name="东一村").update(approved_post_count=5)
    a = make_person("甲", birth="1990-01", gender="2", education="21", political="01", origin="committee")
    post(a, 10, change="new")
    post(a, 20)
    b = make_person("乙", birth="1985-12", gender="1", education="71", political="13", origin="returnee")
    post(b, 30)
    post(b, 60)
    c = make_person("丙", "东二村", birth="1975-01", gender="1", education="31", political="02", origin="村医")
    post(c, 10)
    d = make_person("丁", "东二村", birth="1960", gender="1", political="13")
    post(d, 80)
    e = make_person("戊", "西一村", gender="2", education="61", political="01")
    Person.objects.filter(pk=e.pk).update(birth=None)
    post(e, 50)
    for number in range(4):
        post(make_person(f"超配{number}", "西一村", birth="1980", gender="1", education="41", political="13"), 60)
    post(make_person("干事", "东一村", birth="1999"), 85)
    post(make_person("网格员", "东一村", birth="1999"), 90, words="网格员")
    return county


def values(user: User, subject: str, day: date = DAY, **place: Any) -> dict[str, str]:
    """Figure -> value of the total, or of a place by its name."""
    found = figures_on(user, subject, day)
    unit = Unit.objects.get(**place) if place else None
    shown = found.place(unit)
    return {
        figure.code: "—" if (value := figure.value(shown)) is None else str(round(value, figure.places))
        for figure in found.figures
    }


def test_posts_vacancies_dual_heads_and_overlap(teams: Unit, county_admin: User) -> None:
    assert values(county_admin, "posts") == {
        "people": "9",
        "approved": "17",
        "vacant": "10",
        "secretary": "2",
        "director": "1",
        "deputy_secretary": "1",
        "deputy_director": "0",
        "branch_member": "1",
        "committee_member": "5",
        "supervision_head": "0",
        "clerk": "1",
        "dual": "1",
        "cross": "2",
    }
    west = values(county_admin, "posts", name="西乡")
    assert (west["people"], west["approved"], west["vacant"]) == ("5", "6", "3")
    assert values(county_admin, "posts", name="西一村")["vacant"] == "0"
    assert values(county_admin, "posts", name="东一村")["vacant"] == "3"


def test_ages_with_the_unknown_counted_beside(teams: Unit, county_admin: User) -> None:
    found = values(county_admin, "people")
    assert found == {
        "people": "9",
        "average_age": "47.1",
        "age35": "0",
        "age45": "2",
        "age55": "5",
        "age56": "1",
        "age_unknown": "1",
        "women": "2",
        "members": "3",
        "college": "2",
        "education_unknown": "1",
        "new": "1",
    }
    bands = ("age35", "age45", "age55", "age56", "age_unknown")
    assert sum(int(found[code]) for code in bands) == int(found["people"])


def test_origins_sum_to_the_people(teams: Unit, county_admin: User) -> None:
    found = values(county_admin, "origin")
    assert {code: value for code, value in found.items() if value != "0"} == {
        "people": "9",
        "origin_committee": "1",
        "origin_returnee": "1",
        "origin_words": "1",
        "origin_unknown": "6",
    }


@pytest.mark.parametrize(
    ("day", "people", "members", "average_age"),
    [
        ("2020-12-31", "0", "0", "—"),
        ("2021-01-01", "1", "0", "36.0"),
        ("2021-06-30", "1", "0", "36.0"),
        ("2021-07-01", "1", "1", "36.0"),
        ("2024-05-31", "2", "1", "34.0"),
        ("2024-06-01", "1", "0", "29.0"),
    ],
)
def test_past_days_are_rebuilt_from_the_dates_of_posts(
    county: Unit, county_admin: User, day: str, people: str, members: str, average_age: str
) -> None:
    """Handbook 11.13: terms end, the history of posts stays."""
    old = make_person("前任", birth="1985-01", political="01", joined_on=PartialDate(2021, 7))
    post(old, 10, started_on=PartialDate(2021), ended_on=date(2024, 5, 31))
    young = make_person("现任", birth="1995-01", political="13")
    post(young, 10, started_on=PartialDate(2024, 5))
    found = values(county_admin, "people", date.fromisoformat(day))
    assert [found["people"], found["members"], found["average_age"]] == [people, members, average_age]


def test_the_reserve_and_its_term(teams: Unit, county_admin: User) -> None:
    """The term began on 20 December 2021."""
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("届初", "training", {"entered_on": PartialDate(2020, 11), "source": "返乡青年"}),
        ("届中", "on_record", {"entered_on": PartialDate(2024, 11, 27), "category": "退役军人"}),
        ("届中任", "promoted", {"entered_on": PartialDate(2024), "left_on": date(2025, 1, 1)}),
        ("届初任", "promoted", {"entered_on": PartialDate(2020), "left_on": date(2021, 12, 20)}),
        ("上届任", "promoted", {"entered_on": PartialDate(2020), "left_on": date(2021, 12, 19)}),
        ("出库", "removed", {"entered_on": PartialDate(2020), "left_on": date(2022, 1, 1)}),
        ("提名", "nominated", {}),
    ]
    for name, stage, fields in cases:
        enter(make_person(name, birth="1991-11-26", gender="2", education="31", political="01"), stage, **fields)
    county = Unit.objects.get(kind="county")
    training = Training.objects.create(unit=county, title="班", held_on=date(2026, 5, 1), ends_on=date(2026, 5, 1))
    last = Training.objects.create(unit=county, title="班", held_on=date(2025, 5, 1), ends_on=date(2025, 5, 1))
    Attendance.objects.create(training=training, person=Person.objects.get(name="届初"))
    Attendance.objects.create(training=last, person=Person.objects.get(name="届中"))
    assert values(county_admin, "reserve") == {
        "stock": "2",
        "average_age": "35.0",
        "age35": "2",
        "age_unknown": "0",
        "women": "2",
        "members": "2",
        "college": "2",
        "education_unknown": "0",
        "trained": "1",
        "years": "3.5",
        "promoted": "2",
        "at_term_start": "3",
        "promoted_share": "33.3",
    }
    assert values(county_admin, "sources") == {
        "stock": "2",
        "source_0": "1",
        "source_1": "1",
        "origin_unknown": "0",
    }
    in_2021 = values(county_admin, "reserve", date(2021, 12, 19))
    assert [in_2021[code] for code in ("stock", "promoted", "at_term_start", "promoted_share")] == ["3", "1", "0", "—"]
    Branch.objects.update(next_election_on=None)
    unknown = values(county_admin, "reserve")
    assert [unknown[code] for code in ("stock", "promoted", "at_term_start", "promoted_share")] == ["2", "0", "0", "—"]


@pytest.mark.parametrize("day", [date(2021, 12, 19), date(2022, 6, 1), DAY])
def test_the_stock_is_the_same_as_on_the_board(teams: Unit, county_admin: User, day: date) -> None:
    for number, stage in enumerate(ReserveCadre.Stage.values):
        enter(make_person(f"人{number}"), stage, entered_on=PartialDate(2022))
    assert values(county_admin, "reserve", day)["stock"] == str(ReserveCadre.objects.in_stock_on(day).count())


def test_many_sources_leave_the_rest_under_other(county: Unit, county_admin: User) -> None:
    for number in range(12):
        for again in range(2 if number < 10 else 1):
            enter(make_person(f"人{number}{again}"), source=f"来源{number:02}")
    found = values(county_admin, "sources")
    assert (found["stock"], found["source_9"], found["source_other"]) == ("22", "2", "2")
    assert "source_10" not in found


@pytest.mark.parametrize(
    ("election", "day", "start"),
    [
        (date(2026, 12, 20), DAY, date(2021, 12, 20)),
        (date(2026, 12, 20), date(2026, 12, 20), date(2026, 12, 20)),
        (date(2026, 12, 20), date(2021, 12, 19), date(2016, 12, 20)),
        (date(2021, 1, 1), DAY, date(2026, 1, 1)),
        (date(2028, 2, 29), DAY, date(2023, 2, 28)),
        (date(2028, 2, 29), date(2028, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_term_is_five_years(election: date, day: date, start: date) -> None:
    assert term_start(election, day) == start


@pytest.mark.parametrize(("known", "expected"), [([], None), ([None], None), ([40], "40"), ([35, 36, None], "35.5")])
def test_averages_leave_out_the_unknown(known: list[int | None], expected: str | None) -> None:
    assert average(known) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("day", [DAY, date(2024, 2, 29), date(2025, 2, 28)])
def test_bands_asked_of_the_database_are_those_of_the_ages(county: Unit, day: date) -> None:
    births = [
        "1990",
        "1990-11",
        "1990-11-26",
        "1990-11-27",
        "1991-02-28",
        "1989-02-28",
        "1989-03-01",
        "1980",
        "1968-02",
    ]
    for number, birth in enumerate(births):
        make_person(f"人{number}", birth=birth)
    for band in BANDS:
        by_age = {one.pk for one in Person.objects.all() if band.holds(statistics.age_on(one.birth, day))}
        assert set(Person.objects.filter(aged(band, day)).values_list("pk", flat=True)) == by_age


# --- The page -------------------------------------------------------------------------------


@pytest.fixture
def staff(client: Client, county_admin: User) -> Client:
    client.force_login(county_admin)
    return client


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_number_opens_as_many_people(teams: Unit, staff: Client, subject: str) -> None:
    enter(make_person("后备", birth="1990", education="31"), source="返乡青年")
    page = staff.get("/statistics/", {"about": subject})
    for line in page.context["table"].lines:
        for cell in line.cells:
            query = {"about": subject, "figure": cell.figure.code, "unit": line.place.unit.pk}
            opened = staff.get("/statistics/", query).context["page"].paginator.count
            if cell.figure.asks is not None:
                assert opened == cell.value, (line.place.unit, cell.figure.code)
            else:
                assert opened == len(line.place.people)


def test_townships_then_villages_and_nobody_from_elsewhere(teams: Unit, staff: Client, east_editor: User) -> None:
    page = staff.get("/statistics/")
    assert [line.place.unit.name for line in page.context["table"].lines] == ["东乡", "西乡"]
    east = Unit.objects.get(name="东乡")
    page = staff.get("/statistics/", {"township": east.pk})
    assert [line.place.unit.name for line in page.context["table"].lines] == ["东一村", "东二村", "东三村"]
    mine = Client()
    mine.force_login(east_editor)
    page = mine.get("/statistics/", {"figure": "people"})
    assert [line.place.unit.name for line in page.context["table"].lines] == ["东一村", "东二村", "东三村"]
    assert page.context["page"].paginator.count == 4
    assert "戊" not in page.content.decode()


def test_the_sum_of_the_lines_is_the_total(teams: Unit, staff: Client) -> None:
    for subject in SUBJECTS:
        table = staff.get("/statistics/", {"about": subject}).context["table"]
        for number, figure in enumerate(table.figures):
            if figure.asks is not None or figure.code in ("approved", "vacant"):
                assert sum(line.cells[number].value for line in table.lines) == table.total.cells[number].value


@pytest.mark.parametrize(("subject", "expected"), [("posts", 6), ("people", 6), ("origin", 6), ("reserve", 6)])
def test_the_queries_do_not_grow(county: Unit, county_admin: User, subject: str, expected: int) -> None:
    figures_on(county_admin, subject, DAY)
    for place in ("东一村", "东二村", "西一村"):
        post(make_person("书记", place), 10)
        enter(make_person("后备", place))
        with CaptureQueriesContext(connection) as queries:
            figures_on(county_admin, subject, DAY).table(subject, by_village=True)
        assert len(queries) == expected


def test_the_page_asks_as_much_for_three_people_as_for_one(teams: Unit, staff: Client) -> None:
    few = queries_of(staff, "/statistics/?figure=people")
    for name in ("一", "二"):
        post(make_person(name, "西二村"), 60)
    assert queries_of(staff, "/statistics/?figure=people") == few
