"""Whoever takes identity numbers a few at a time has taken many: people are counted over a day, each once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import jobs
from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from cadres import codes
from cadres.models import Person, ReserveCadre
from imports import exports
from imports.exports import Wish, ask
from imports.models import ExportFile
from tests.cadres.people import post
from tests.conftest import make_user

State = ExportFile.State
NOW = datetime.fromisoformat("2026-11-26T10:00:00+08:00")
VILLAGES = ("东一村", "东二村", "东三村", "西一村")


@pytest.fixture
def people(county: Unit) -> None:
    """30 people with numbers in each of four villages; the first 20 of 东一村 are in the reserve too."""
    for at, village in enumerate(VILLAGES):
        unit = Unit.objects.get(name=village)
        for number in range(30):
            index = f"{at * 100 + number:064}"
            person = Person.objects.create(
                unit=unit, name=f"人{at}{number}", identity_number=f"x{index}", identity_index=index
            )
            post(person, codes.OTHER, words="网格长")
            if at == 0 and number < 20:
                ReserveCadre.objects.create(person=person, unit=unit, stage="on_record")


def conditions(village: str) -> dict[str, str]:
    unit = Unit.objects.get(name=village)
    return {"township": str(Unit.objects.get(path=unit.parent_path).pk), "village": str(unit.pk)}


def asked(by: User, village: str, listing: str = "cadres", **more: Any) -> ExportFile:
    wish = Wish(
        **{
            "listing": listing,
            "columns": ("village", "name", "id_number"),
            "purpose": "roster",
            "note": "核对",
            "filters": conditions(village),
            **more,
        }
    )
    return ask(wish, by=by)


def made(export: ExportFile) -> ExportFile:
    assert jobs.run(export.job_id or 0)
    export.refresh_from_db()
    return export


@pytest.fixture
def staff(county: Unit, people: None) -> User:
    return make_user("staff", Role.CS, county)


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("leader", Role.CL, county)


CASES = [
    ([], 0, State.MAKING),
    ([("东二村", {})], 0, State.WAITING),
    ([("东一村", {})], 0, State.MAKING),
    ([("东一村", {"listing": "reserve"})], 0, State.MAKING),
    ([("东二村", {"columns": ("village", "name")})], 0, State.MAKING),
    ([("东二村", {})], 25, State.MAKING),
    ([("东二村", {})], 23, State.WAITING),
]
"""What was taken before, the hours since then, and what becomes of the 30 people of 东一村."""


@pytest.mark.parametrize(
    ("before", "hours", "state"),
    CASES,
    ids=["nothing", "others", "the same", "some of them", "no numbers", "over a day ago", "within a day"],
)
def test_people_are_counted_over_a_day_each_once(
    before: list[tuple[str, dict[str, Any]]], hours: int, state: str, staff: User
) -> None:
    with time_machine.travel(NOW - timedelta(hours=hours), tick=True):
        for village, more in before:
            assert made(asked(staff, village, **more)).state == State.READY
    with time_machine.travel(NOW, tick=True):
        assert asked(staff, "东一村").state == state


def test_a_file_that_is_being_made_counts_already(staff: User) -> None:
    assert asked(staff, "东一村").state == State.MAKING
    assert asked(staff, "东二村").state == State.WAITING


def test_another_user_counts_for_themselves(staff: User, county: Unit) -> None:
    made(asked(staff, "东一村"))
    assert asked(make_user("another", Role.CS, county), "东二村").state == State.MAKING


def failed(export: ExportFile, leader: User) -> None:
    ExportFile.objects.filter(pk=export.pk).update(state=State.FAILED)


def refused(export: ExportFile, leader: User) -> None:
    ExportFile.objects.filter(pk=export.pk).update(state=State.WAITING)
    exports.refuse(export, "不需要", by=leader)


def fetched_five_times(export: ExportFile, leader: User) -> None:
    made(export)
    for _time in range(5):
        exports.fetch_file(export, by=export.requested_by)
    assert exports.forget_old_files(timezone.now()) == 1


@pytest.mark.parametrize(
    ("end", "state"), [(failed, State.MAKING), (refused, State.MAKING), (fetched_five_times, State.WAITING)]
)
def test_what_was_never_made_does_not_count_and_what_was_fetched_does(
    end: Callable[[ExportFile, User], None], state: str, staff: User, leader: User
) -> None:
    end(asked(staff, "东一村"), leader)
    assert asked(staff, "东二村").state == state


def test_what_a_leader_approved_counts_for_the_next_but_not_against_itself(staff: User, leader: User) -> None:
    made(asked(staff, "东一村"))
    waiting = asked(staff, "东二村")
    exports.approve(waiting, by=leader)
    waiting.refresh_from_db()
    assert made(waiting).state == State.READY
    assert asked(staff, "东一村").state == State.WAITING


def test_people_who_join_between_asking_and_making_are_counted(staff: User) -> None:
    first = asked(staff, "东一村")
    unit = Unit.objects.get(name="东一村")
    for number in range(21):
        index = f"9{number:063}"
        person = Person.objects.create(unit=unit, name="新", identity_number=f"y{index}", identity_index=index)
        post(person, codes.OTHER, words="网格长")
    jobs.run(first.job_id or 0)
    first.refresh_from_db()
    assert first.state == State.FAILED


def test_whom_a_file_held_is_forgotten_after_a_day(staff: User) -> None:
    export = made(asked(staff, "东一村"))
    assert len(export.person_ids) == 30
    exports.forget_old_files(timezone.now() + timedelta(hours=25))
    export.refresh_from_db()
    assert (export.person_ids, export.people_count, export.state) == ([], 30, State.FORGOTTEN)


def test_the_questions_do_not_grow_with_the_files(staff: User) -> None:
    numbers = []
    for village in ("东一村", "东一村", "东一村"):
        made(asked(staff, village))
        with CaptureQueriesContext(connection) as context:
            exports.people_taken([staff.pk])
        numbers.append(len(context))
    assert numbers == [1, 1, 1]


def test_the_pages_say_so(staff: User, leader: User, client: Client) -> None:
    made(asked(staff, "东一村"))
    client.force_login(staff)
    query = urlencode({"list": "cadres", "numbers": "1", **conditions("东二村")})
    assert "24 小时内您已导出 30 人" in client.get(f"/exports/new/?{query}").content.decode()
    asked(staff, "东二村")
    client.force_login(leader)
    assert "此前 24 小时内该用户已导出 30 人" in client.get("/exports/approvals/").content.decode()


def test_an_answer_of_a_whole_county_waits_as_before(staff: User) -> None:
    with pytest.raises(ValidationError):
        ask(Wish(listing="cadres", columns=("name", "id_number"), purpose="roster"), by=staff)
    waiting = ask(Wish(listing="cadres", columns=("name", "id_number"), purpose="roster", note="核对"), by=staff)
    assert (waiting.state, waiting.people_count, len(waiting.person_ids)) == (State.WAITING, 120, 120)
