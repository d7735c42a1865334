"""What of the reserve and of elections waits for a role, on the home page and in the list of things to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from assessments.todos import todos
from branches.models import Branch, Unit
from cadres.attention import Waiting, waiting_for
from imports.dates import PartialDate
from tests.branches.conftest import make_branch
from tests.cadres.people import make_person
from tests.cadres.reserves import TODAY, enter


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel("2026-11-26T02:00:00+00:00", tick=False):
        yield


@pytest.fixture
def busy(county: Unit) -> Unit:
    """In 东乡 one of each stage, one over age and two villages without anybody; in 西乡 a nomination."""
    for unit in Unit.objects.villages():
        make_branch(unit, next_election_on=date(2029, 1, 1))
    Branch.objects.filter(unit__name="东二村").update(next_election_on=date(2027, 5, 28))
    Branch.objects.filter(unit__name="东三村").update(next_election_on=date(2026, 11, 1))
    Branch.objects.filter(unit__name="西一村").update(next_election_on=date(2027, 5, 29))
    enter(make_person("名"), "nominated")
    enter(make_person("审"), "reviewed")
    enter(make_person("老", birth="1976-11-26"), "training", entered_on=PartialDate(2020))
    enter(make_person("近", birth="1976-11-27"), "on_record")
    enter(make_person("西名", "西二村"), "nominated")
    return county


def test_each_role_sees_its_own_steps_and_places(
    busy: Unit, east_editor: User, county_admin: User, county_leader: User, newcomer: User
) -> None:
    first = date(2026, 11, 1)
    own = Waiting(to_review=1, without_reserve=2, over_age=1, elections=2, first_election=first)
    assert waiting_for(east_editor, TODAY) == own
    everywhere = Waiting(to_record=1, without_reserve=4, over_age=1, elections=2, first_election=first)
    assert waiting_for(county_admin, TODAY) == everywhere
    assert waiting_for(county_leader, TODAY) == waiting_for(newcomer, TODAY) == Waiting()


def test_a_place_that_keeps_no_reserve_is_not_asked_for_one(busy: Unit, west_editor: User) -> None:
    assert waiting_for(west_editor, TODAY).without_reserve == 2
    Unit.objects.get(name="西二村").reserve.all().delete()
    with CaptureQueriesContext(connection) as queries:
        assert waiting_for(west_editor, TODAY) == Waiting()
    assert len(queries) == 2


def test_each_thing_to_do_opens_what_it_counts(busy: Unit, east_editor: User, client: Client) -> None:
    found = {todo.key: todo for todo in todos(east_editor, timezone.now())}
    assert {key: todo.title for key, todo in found.items()} == {
        "reserve": "1 名人选等待初审",
        "coverage": "2 个村没有后备力量",
        "over_age": "1 名后备力量超龄",
        "elections": "2 个村半年内换届",
    }
    client.force_login(east_editor)
    pages = {key: client.get(todo.url) for key, todo in found.items()}
    assert {page.status_code for page in pages.values()} == {200}
    assert [row.entry.person.name for row in pages["reserve"].context["rows"]] == ["名"]
    assert pages["coverage"].context["page"].paginator.count == 2
    assert [row.entry.person.name for row in pages["over_age"].context["rows"]] == ["老"]


def test_the_queries_do_not_grow(busy: Unit, east_editor: User) -> None:
    waiting_for(east_editor, TODAY)
    for place in ("东一村", "东二村", "东三村"):
        enter(make_person(f"{place}多", place, birth="1970"), "nominated")
        enter(make_person(f"{place}老", place, birth="1970"), "training")
        with CaptureQueriesContext(connection) as queries:
            waiting_for(east_editor, TODAY)
        assert len(queries) == 5
