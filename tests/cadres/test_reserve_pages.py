"""Pages of the reserve: nomination to office in a browserless walk, conditions of the list, numbers of queries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import AuditEvent, User
from branches.models import Unit
from cadres.models import PeopleLimits, ReserveCadre
from cadres.services import reserve
from imports.dates import PartialDate
from tests.branches.conftest import queries_of
from tests.cadres.people import make_person, post
from tests.cadres.reserves import TODAY, enter, nominate


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel("2026-11-26T02:00:00+00:00", tick=False):
        yield


@pytest.fixture
def secretary(client: Client, east_editor: User) -> Client:
    client.force_login(east_editor)
    return client


@pytest.fixture
def staff(county_admin: User) -> Client:
    client = Client()
    client.force_login(county_admin)
    return client


def names(client: Client, **query: Any) -> list[str]:
    page = client.get("/reserve/", query)
    assert page.status_code == 200
    return [row.entry.person.name for row in page.context["rows"]]


def test_the_township_nominates_and_reviews_the_county_records(secretary: Client, staff: Client) -> None:
    person = make_person("张三", birth="1990-05", education="31")
    village = person.unit.pk
    page = secretary.get("/reserve/add/", {"village": village})
    assert list(page.context["form"].fields["person"].queryset) == [person]
    answer = secretary.post(
        f"/reserve/add/?village={village}", {"person": person.pk, "on": "2026-11-20", "mentor": "王书记"}
    )
    entry = ReserveCadre.objects.get()
    assert answer.headers["Location"] == f"/reserve/{entry.pk}/"
    assert [name for _move, name in secretary.get(f"/reserve/{entry.pk}/").context["moves"]] == ["初审通过", "出库"]
    assert staff.get(f"/reserve/{entry.pk}/review/").status_code == 403
    step = {"on": "2026-11-21", "version": 1}
    assert secretary.post(f"/reserve/{entry.pk}/review/", step).status_code == 302
    assert secretary.get(f"/reserve/{entry.pk}/record/").status_code == 403
    assert [name for _move, name in staff.get(f"/reserve/{entry.pk}/").context["moves"]] == ["备案入库", "出库"]
    assert staff.post(f"/reserve/{entry.pk}/record/", {**step, "version": 2}).status_code == 302
    entry.refresh_from_db()
    assert (entry.stage, str(entry.entered_on)) == ("on_record", "2026-11-21")
    told = [str(one.what) for one in secretary.get(f"/reserve/{entry.pk}/").context["happenings"]]
    assert told == ["备案：后备干部", "审核：后备干部", "提名：后备干部"]
    assert secretary.get(f"/reserve/{entry.pk}/review/").headers["Location"] == f"/reserve/{entry.pk}/"
    assert secretary.get(f"/reserve/{entry.pk}/nonsense/").status_code == 404


def test_what_stands_in_the_way_is_said_and_nothing_is_written(secretary: Client) -> None:
    old = make_person("张三", birth="1975-02", education="31")
    page = secretary.post(f"/reserve/add/?village={old.unit.pk}", {"person": old.pk, "on": "2026-11-20"})
    assert page.status_code == 422
    assert page.context["form"].non_field_errors() == ["现年 51 岁，超过 45 岁的入库年龄上限。"]
    entry = enter(make_person("李四", birth="1990"), "nominated")
    page = secretary.get(f"/reserve/{entry.pk}/review/")
    assert [finding.code for finding in page.context["blocking"]] == ["education_unknown"]
    page = secretary.post(f"/reserve/{entry.pk}/review/", {"on": "2026-11-20", "version": 1})
    assert page.status_code == 422
    assert page.context["form"].non_field_errors() == ["学历不详，无法核对。"]
    entry.refresh_from_db()
    assert entry.stage == "nominated"


def test_a_promotion_names_its_post_and_a_removal_its_reason(secretary: Client) -> None:
    entry = enter(make_person("张三", birth="1990", education="31"), "training")
    posting = post(entry.person, 30, started_on=PartialDate(2026, 9))
    page = secretary.get(f"/reserve/{entry.pk}/promote/")
    assert "东一村 副书记 2026-09" in page.content.decode()
    other = enter(make_person("李四", birth="1990", education="31"), "training")
    refused = secretary.post(f"/reserve/{other.pk}/remove/", {"on": "2026-11-20", "version": 1, "reason": ""})
    assert list(refused.context["form"].errors) == ["reason"]
    secretary.post(f"/reserve/{other.pk}/remove/", {"on": "2026-11-20", "version": 1, "reason": "own_wish"})
    secretary.post(f"/reserve/{entry.pk}/promote/", {"on": "2026-11-20", "version": 1, "posting": posting.pk})
    for one in (entry, other):
        one.refresh_from_db()
    assert (entry.stage, entry.steps.get().posting) == ("promoted", posting)
    assert (other.stage, other.exit_reason) == ("removed", "own_wish")
    for one in (entry, other):
        shown = secretary.get(f"/reserve/{one.pk}/")
        assert (shown.context["form"], shown.context["moves"]) == (None, [])
        assert secretary.post(f"/reserve/{one.pk}/", {}).status_code == 404
        assert secretary.get(f"/reserve/{one.pk}/assess/").status_code == 404


def test_two_at_once_see_both_values_and_an_old_step_is_refused(secretary: Client, east_editor: User) -> None:
    entry = enter(make_person("张三", birth="1990", education="31"), "nominated", mentor="甲")
    reserve.change_entry(entry, {"mentor": "乙"}, version=1, by=east_editor)
    page = secretary.post(f"/reserve/{entry.pk}/", {"mentor": "丙", "base_version": 1})
    assert page.status_code == 422
    assert [error.code for error in page.context["form"].errors["mentor"].as_data()] == ["conflict"]
    assert "乙" in str(page.context["form"]["mentor"].errors)
    refused = secretary.post(f"/reserve/{entry.pk}/review/", {"on": "2026-11-20", "version": 1})
    assert refused.status_code == 422
    secretary.post(f"/reserve/{entry.pk}/", {"mentor": "丙", "base_version": 2})
    entry.refresh_from_db()
    assert (entry.mentor, entry.stage, entry.version) == ("丙", "nominated", 3)


def test_the_assessment_of_a_year(secretary: Client) -> None:
    entry = enter(make_person("张三", birth="1990"), "training", entered_on=PartialDate(2024, 3))
    page = secretary.get(f"/reserve/{entry.pk}/assess/")
    assert [year for year, _name in page.context["form"].fields["year"].choices] == [2026, 2025, 2024]
    secretary.post(f"/reserve/{entry.pk}/assess/", {"year": 2025, "grade": "excellent"})
    assert [(row.year, row.grade) for row in entry.assessments.all()] == [(2025, "excellent")]
    assert secretary.post(f"/reserve/{entry.pk}/assess/", {"year": 2023, "grade": "excellent"}).status_code == 422


def test_the_list_narrows(secretary: Client, east: Unit) -> None:
    young = enter(make_person("甲", birth="1995", education="21"), "training", source="返乡青年")
    enter(make_person("乙", "东二村", birth="1984-11-27", education="61"), "on_record", category="退役军人")
    enter(make_person("丙", birth="1975", education="71"), "nominated")
    unknown = enter(make_person("丁", birth="1990"), "nominated")
    unknown.person.birth = None
    unknown.person.save()
    enter(make_person("戊", birth="1990"), "removed")
    enter(make_person("己", "西一村", birth="1990"), "on_record")
    assert names(secretary) == ["丁", "丙", "甲", "乙"]
    assert names(secretary, state="stock") == ["甲", "乙"]
    assert names(secretary, state="left") == ["戊"]
    assert names(secretary, stage="nominated") == ["丁", "丙"]
    assert names(secretary, age="35") == ["甲"]
    assert names(secretary, age="45") == ["乙"]
    assert names(secretary, age="55") == ["丙"]
    assert names(secretary, age="unknown") == ["丁"]
    assert names(secretary, age="over") == ["丙"]
    assert names(secretary, schooling="college") == ["甲"]
    assert names(secretary, schooling="senior") == ["乙"]
    assert names(secretary, schooling="below") == ["丙"]
    assert names(secretary, schooling="unknown") == ["丁"]
    assert names(secretary, source="退役军人") == ["乙"]
    assert names(secretary, village=young.unit.pk, stage="training") == ["甲"]
    assert names(secretary, source="没有这样的") == []
    assert names(secretary, township=Unit.objects.get(name="西乡").pk) == ["丁", "丙", "甲", "乙"]


def test_the_list_of_a_past_day_has_the_stages_of_that_day(secretary: Client) -> None:
    person = make_person("甲", birth="1990", education="31")
    entry = nominate(person, on=date(2026, 1, 10))
    for version, (name, day) in enumerate(
        (("review", date(2026, 2, 1)), ("record", date(2026, 3, 1)), ("promote", date(2026, 9, 1))), start=1
    ):
        reserve.move_on(entry, reserve.MOVES[name], on=day, version=version, by=None, today=TODAY)
    roster = enter(make_person("乙", birth="1990", education="31"), "on_record", entered_on=PartialDate(2025, 5))
    reserve.move_on(roster, reserve.MOVES["train"], on=date(2026, 6, 1), version=1, by=None, today=TODAY)

    def seen(day: str, **query: str) -> list[tuple[str, str]]:
        page = secretary.get("/reserve/", {"on": day, **query})
        return [(row.entry.person.name, row.entry.stage_on) for row in page.context["rows"]]

    assert seen("2025-04-30") == []
    assert seen("2025-05-01") == [("乙", "on_record")]
    assert seen("2026-01-10") == [("乙", "on_record"), ("甲", "nominated")]
    assert seen("2026-02-28") == [("乙", "on_record"), ("甲", "reviewed")]
    assert seen("2026-02-28", state="stock") == [("乙", "on_record")]
    assert seen("2026-03-01", state="stock") == [("乙", "on_record"), ("甲", "on_record")]
    assert seen("2026-08-31") == [("乙", "training"), ("甲", "on_record")]
    assert seen("2026-09-01") == [("乙", "training")]
    assert seen("2026-09-01", state="left") == [("甲", "promoted")]
    assert seen("never") == []


def test_limits_are_set_by_the_county_and_read_by_the_township(secretary: Client, staff: Client, county: Unit) -> None:
    facts = dict(secretary.get("/reserve/limits/").context["facts_list"])
    assert list(facts.values())[:5] == [45, 45, 50, "普通高中", 2]
    assert secretary.post("/reserve/limits/", {}).status_code == 404
    stored = PeopleLimits()
    values = {name: getattr(stored, name) for name in _limit_names()} | {"reserve_entry_age": 40}
    assert staff.post("/reserve/limits/", values).status_code == 302
    row = PeopleLimits.objects.get()
    assert (row.unit, row.reserve_entry_age, row.version) == (county, 40, 1)
    assert AuditEvent.objects.get(event="cadres.change_peoplelimits").changes == {"reserve_entry_age": [45, 40]}
    refused = staff.post("/reserve/limits/", values | {"reserve_removal_age": 44, "base_version": 1})
    assert list(refused.context["form"].errors) == ["reserve_removal_age"]
    assert staff.post("/reserve/limits/", values | {"reserve_target": 3, "base_version": 1}).status_code == 302
    assert staff.post("/reserve/limits/", values | {"reserve_target": 4, "base_version": 1}).status_code == 422
    row.refresh_from_db()
    assert (row.reserve_target, row.version) == (3, 2)
    assert dict(secretary.get("/reserve/limits/").context["facts_list"])


def _limit_names() -> list[str]:
    return [field.name for field in PeopleLimits._meta.fields if field.name not in ("id", "unit", "version")]


@pytest.mark.parametrize(
    "address",
    [
        "/reserve/",
        "/reserve/?state=left",
        "/reserve/coverage/?level=1",
        "/reserve/funnel/?step=stock",
        "/reserve/succession/",
    ],
)
def test_pages_ask_as_much_for_three_rows_as_for_one(staff: Client, address: str) -> None:
    def more(number: int) -> None:
        for place in ("东一村", "东二村", "西一村"):
            person = make_person(f"{place}{number}", place, birth="1990", education="31")
            stage = "removed" if "left" in address else "on_record"
            reserve_entry = enter(person, stage, entered_on=PartialDate(2025))
            post(reserve_entry.person, 80)
            post(make_person(f"{place}书记{number}", place), 10)

    more(0)
    few = queries_of(staff, address)
    more(1)
    more(2)
    assert queries_of(staff, address) == few


def test_the_page_of_an_entry_asks_as_much_with_three_steps_as_with_one(staff: Client) -> None:
    entry = nominate(make_person("甲", birth="1990", education="31"), on=date(2026, 1, 1))
    one = queries_of(staff, f"/reserve/{entry.pk}/")
    for day in (2, 3):
        entry.steps.create(from_stage="", to_stage="nominated", on=date(2026, 1, day))
    assert queries_of(staff, f"/reserve/{entry.pk}/") == one
