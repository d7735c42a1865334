"""The home page by role and the to-dos that lead to the exact place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from assessments.models import Appeal, Period, Ranking, Result, Return, Unlock, VillageMonth
from assessments.services.closing import close_periods
from assessments.services.publication import publish_ranking
from assessments.todos import counts, todos
from branches import indicators
from branches.indicators import IndicatorSource
from branches.models import Membership, Unit
from tests.assessments.month import NOW, full_month, make_month, reader
from tests.conftest import make_user

NOTHING = IndicatorSource(
    code="test.party_day",
    label="",
    unit="",
    higher_is_better=True,
    compute=lambda ids, month: dict.fromkeys(ids, indicators.Reading(1)),
)


@pytest.fixture
def open_month(county: Unit) -> Period:
    """Open, due in three days, nothing handed in."""
    period = make_month(county, {}, state=Period.State.OPEN)
    due = timezone.now() + timedelta(days=3)
    Period.objects.update(submit_by=due, review_by=due + timedelta(days=2), lock_at=due + timedelta(days=3))
    Return.objects.update(state=Return.State.DRAFT)
    period.refresh_from_db()
    return period


def computed(period: Period, by: User | None) -> Ranking:
    Period.objects.filter(pk=period.pk).update(state=Period.State.LOCKED)
    with indicators.replaced(NOTHING):
        return close_periods([period.pk], by=by, now=NOW)[0]


def page(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/").content.decode()


def found(user: User) -> list[tuple[str, str]]:
    return [(todo.key, todo.url) for todo in todos(reader(user), timezone.now())]


# To-dos


def test_a_township_enters_its_own_month(open_month: Period, east_editor: User, east: Unit) -> None:
    own = Return.objects.get(unit=east)
    assert found(east_editor) == [("entry", reverse("assessments:grid", args=[own.pk]))]


def test_a_returned_month_says_why(open_month: Period, east_editor: User, east: Unit) -> None:
    Return.objects.filter(unit=east).update(state="returned", return_reason="东一村环境检查请核对")
    (todo,) = todos(east_editor, timezone.now())
    assert (todo.tone, todo.detail) == ("warn", "东一村环境检查请核对")


def test_what_is_overdue_comes_first_and_is_marked(open_month: Period, east_editor: User) -> None:
    (todo,) = todos(east_editor, open_month.submit_by + timedelta(hours=1))
    assert todo.is_overdue


def test_county_staff_review_what_was_handed_in(open_month: Period, county_admin: User, east: Unit) -> None:
    assert found(county_admin) == []
    Return.objects.filter(unit=east).update(state="submitted", submitted_at=timezone.now())
    own = Return.objects.get(unit=east)
    assert found(county_admin) == [("review", reverse("assessments:review", args=[own.pk]))]


def test_county_staff_lock_when_the_time_is_over(open_month: Period, county_admin: User) -> None:
    Period.objects.update(lock_at=timezone.now() - timedelta(hours=1))
    assert found(county_admin) == [("months", reverse("assessments:period", args=[open_month.pk]))]


def test_a_leader_publishes_what_somebody_else_computed(
    open_month: Period, county_leader: User, county_admin: User
) -> None:
    computed(open_month, county_admin)
    assert found(county_leader) == [("publish", reverse("assessments:period", args=[open_month.pk]))]
    computed(open_month, county_leader)
    assert found(county_leader) == []


def test_an_objection_is_decided_by_the_county_but_not_by_who_opened_it(
    open_month: Period, county_admin: User, county_leader: User, east_editor: User
) -> None:
    ranking = publish_ranking(computed(open_month, county_admin), by=county_leader, now=NOW)
    result = Result.objects.get(ranking=ranking, village__name="东一村")
    appeal = Appeal.objects.create(
        ranking=ranking,
        result=result,
        period=open_month,
        village=result.village,
        path=result.path,
        line_code="B1",
        claim="复查得分更高",
        opened_by=east_editor,
        answer_by=NOW,
    )
    assert ("appeals", reverse("assessments:appeal", args=[appeal.pk])) in found(county_admin)
    assert "appeals" not in [key for key, _url in found(east_editor)]


def test_an_unlock_waits_for_the_leader(
    open_month: Period, county_leader: User, county_admin: User, east: Unit
) -> None:
    submission = Return.objects.get(unit=east)
    Unlock.objects.create(submission=submission, path=east.path, reason="漏填", asked_by=county_admin)
    assert ("months", reverse("assessments:period", args=[open_month.pk])) in found(county_leader)
    assert found(county_admin) == []


def test_roles_wait_for_a_second_person(county: Unit, county_admin: User, newcomer: User) -> None:
    proposer = make_user("proposer", Role.SA, county)
    Membership.objects.create(user=newcomer, role="TS", unit=county, valid_from="2026-01-01", proposed_by=proposer)
    (todo,) = todos(county_admin, timezone.now())
    assert counts([todo]) == {"todo": 1, "roles": 1}


@pytest.mark.parametrize("townships", [1, 2])
def test_the_queries_of_to_dos_do_not_grow(open_month: Period, county_admin: User, townships: int) -> None:
    waiting = Return.objects.order_by("pk").values_list("pk", flat=True)[:townships]
    Return.objects.filter(pk__in=list(waiting)).update(state="submitted", submitted_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert len(todos(county_admin, timezone.now())) == townships
    assert len(queries) == 23


# Pages


def test_the_township_sees_its_villages_and_how_far_they_are(
    open_month: Period, east_editor: User, county_admin: User
) -> None:
    VillageMonth.objects.filter(village__name="东一村").update(values=full_month()["东一村"])
    html = page(east_editor)
    assert "东乡工作台" in html
    assert "已填完 1 / 3 村" in html
    assert "西一村" not in html


def test_the_county_sees_all_townships_and_the_last_ranking(
    open_month: Period, county_admin: User, county_leader: User
) -> None:
    for row in VillageMonth.objects.select_related("village"):
        row.values = full_month()[row.village.name]
        row.save()
    Return.objects.update(state="accepted")
    publish_ranking(computed(open_month, county_admin), by=county_leader, now=NOW)
    html = page(county_admin)
    for words in ("东乡", "西乡", "东一村", "98.00", "先进"):
        assert words in html


@pytest.mark.parametrize("role", [Role.SA, Role.AU])
def test_who_runs_the_portal_sees_no_village(open_month: Period, county: Unit, role: Role) -> None:
    html = page(make_user("operator", role, county))
    assert "东一村" not in html
    assert "工作台" in html


def test_without_a_role_the_page_says_whom_to_ask(newcomer: User) -> None:
    assert "还没有" in page(newcomer)


@pytest.mark.parametrize("villages", [1, 3])
def test_the_queries_of_the_home_page_do_not_grow(
    open_month: Period, east_editor: User, villages: int, east: Unit
) -> None:
    kept = (
        VillageMonth.objects.filter(path__startswith=east.path).order_by("pk").values_list("pk", flat=True)[:villages]
    )
    VillageMonth.objects.exclude(pk__in=list(kept)).delete()
    client: Any = Client()
    client.force_login(east_editor)
    client.get("/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    assert len(queries) == 20
