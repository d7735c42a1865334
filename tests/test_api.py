"""The API: the same scopes, services and sentences as the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from assessments.models import Period, Ranking, Result, Return, VillageMonth
from assessments.services.closing import close_periods
from assessments.services.publication import publish_ranking
from branches import indicators
from branches.indicators import IndicatorSource
from branches.models import Unit
from tests.assessments.month import NOW, full_month, make_month
from tests.conftest import make_user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def open_month(county: Unit) -> Period:
    period = make_month(county, full_month(), state=Period.State.OPEN)
    Return.objects.update(state=Return.State.DRAFT)
    return period


@pytest.fixture
def published(county: Unit, county_admin: User, county_leader: User) -> Ranking:
    period = make_month(county, full_month())
    source = IndicatorSource(
        code="test.party_day", label="", unit="", higher_is_better=True, compute=lambda ids, month: {}
    )
    with indicators.replaced(source):
        (draft,) = close_periods([period.pk], by=county_admin, now=NOW)
    return publish_ranking(draft, by=county_leader, now=NOW)


def test_who_is_not_signed_in_gets_nothing(county: Unit) -> None:
    answer = Client().get("/api/v1/units/")
    assert answer.status_code == 403
    assert set(answer.json()) == {"code", "message", "fields"}


def test_units_are_those_of_the_area(east_editor: User) -> None:
    answer = client_of(east_editor).get("/api/v1/units/").json()
    assert [row["name"] for row in answer["results"]] == ["东乡", "东一村", "东二村", "东三村"]
    assert [row["parent"] for row in answer["results"]] == [None, "990101100", "990101100", "990101100"]


def test_units_can_be_looked_for(county_admin: User, county: Unit) -> None:
    client = client_of(county_admin)
    names = lambda query: [row["name"] for row in client.get(f"/api/v1/units/?{query}").json()["results"]]  # noqa: E731
    assert names("kind=township") == ["东乡", "西乡"]
    assert names("under=990101200") == ["西乡", "西一村", "西二村"]
    assert names("name=东") == ["东乡", "东一村", "东二村", "东三村"]


def test_another_townships_return_does_not_exist(open_month: Period, east_editor: User, west: Unit) -> None:
    client = client_of(east_editor)
    foreign = Return.objects.get(unit=west)
    assert client.get(f"/api/v1/returns/{foreign.pk}/").status_code == 404
    assert client.post(f"/api/v1/returns/{foreign.pk}/submit/").status_code == 404
    own = Return.objects.get(unit__name="东乡")
    stranger = Unit.objects.get(name="西一村")
    assert client.get(f"/api/v1/returns/{own.pk}/villages/{stranger.pk}/").status_code == 404


def address(village: str) -> str:
    row = VillageMonth.objects.get(village__name=village)
    return f"/api/v1/returns/{row.submission_id}/villages/{row.village_id}/"


def patch(client: Client, url: str, cells: dict[str, Any], **headers: str) -> Any:
    return client.patch(url, {"cells": cells}, content_type="application/json", headers=headers)


def test_a_cell_is_read_and_written_with_its_version(open_month: Period, east_editor: User) -> None:
    client, url = client_of(east_editor), address("东一村")
    read = client.get(url)
    assert read.json()["values"]["B1"] == {"state": "given", "value": "95", "reason": ""}
    written = patch(client, url, {"B1": {"value": "９６．５"}}, if_match=read.headers["ETag"])
    assert written.status_code == 200
    assert written.json()["values"]["B1"]["value"] == "96.5"
    assert written.headers["ETag"] != read.headers["ETag"]
    assert VillageMonth.objects.get(village__name="东一村").values["B1"] in (965_000, [965_000, "late"])


def test_without_or_with_an_old_version_nothing_is_written(open_month: Period, east_editor: User) -> None:
    client, url = client_of(east_editor), address("东一村")
    before = VillageMonth.objects.get(village__name="东一村").values
    old = client.get(url).headers["ETag"]
    assert patch(client, url, {"B1": {"value": "10"}}).status_code == 428
    assert patch(client, url, {"B1": {"value": "90"}}, if_match=old).status_code == 200
    refused = patch(client, url, {"B1": {"value": "10"}}, if_match=old)
    assert (refused.status_code, refused.json()["code"]) == (412, "changed_meanwhile")
    assert VillageMonth.objects.get(village__name="东一村").values != before
    assert VillageMonth.objects.get(village__name="东一村").values["B1"] in (900_000, [900_000, "late"])


def test_one_refused_cell_refuses_all_and_says_where(open_month: Period, east_editor: User) -> None:
    client, url = client_of(east_editor), address("东一村")
    before = VillageMonth.objects.get(village__name="东一村").values
    version = client.get(url).headers["ETag"]
    answer = patch(client, url, {"B1": {"value": "一百"}, "A1.n": {"value": "39"}}, if_match=version)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["fields"]] == ["B1"]
    assert VillageMonth.objects.get(village__name="东一村").values == before


def test_a_reader_cannot_write(open_month: Period, county_viewer: User) -> None:
    client, url = client_of(county_viewer), address("东一村")
    version = client.get(url).headers["ETag"]
    assert patch(client, url, {"B1": {"value": "10"}}, if_match=version).status_code == 403
    submission = Return.objects.get(unit__name="东乡")
    assert client.post(f"/api/v1/returns/{submission.pk}/submit/").status_code == 403


def test_submitting_twice_submits_once(open_month: Period, east_editor: User) -> None:
    client = client_of(east_editor)
    pk = Return.objects.get(unit__name="东乡").pk
    answers = [client.post(f"/api/v1/returns/{pk}/submit/") for _time in range(2)]
    assert [answer.json()["state"] for answer in answers] == ["submitted", "submitted"]
    assert Return.objects.get(pk=pk).submission_count == 1


def test_drafts_are_the_countys_alone(published: Ranking, east_editor: User, county_admin: User) -> None:
    Period.objects.update(state=Period.State.LOCKED)
    source = IndicatorSource(code="test.party_day", label="", unit="", higher_is_better=True, compute=lambda ids, m: {})
    with indicators.replaced(source):
        (draft,) = close_periods([published.period_id], by=county_admin, now=NOW)
    seen = client_of(east_editor).get("/api/v1/rankings/").json()["results"]
    assert [row["revision"] for row in seen] == [1]
    assert client_of(east_editor).get(f"/api/v1/rankings/{draft.pk}/results/").status_code == 404
    assert client_of(county_admin).get(f"/api/v1/rankings/{draft.pk}/").status_code == 200


def test_the_published_list_is_for_all_its_receipts_for_the_area(published: Ranking, east_editor: User) -> None:
    client = client_of(east_editor)
    listed = client.get(f"/api/v1/rankings/{published.pk}/results/").json()
    assert listed["count"] == 5
    own = Result.objects.get(ranking=published, village__name="东一村")
    foreign = Result.objects.get(ranking=published, village__name="西一村")
    assert client.get(f"/api/v1/receipts/{foreign.pk}/").status_code == 404
    receipt = client.get(f"/api/v1/receipts/{own.pk}/").json()
    assert {line["code"] for line in receipt["lines"]} == {"A1", "A2", "B1"}


@pytest.mark.parametrize("villages", [1, 3])
def test_reading_a_return_takes_the_same_queries_for_one_village_and_for_three(
    open_month: Period, east_editor: User, villages: int
) -> None:
    submission = Return.objects.get(unit__name="东乡")
    kept = submission.village_months.order_by("pk").values_list("pk", flat=True)[:villages]
    submission.village_months.exclude(pk__in=list(kept)).delete()
    client = client_of(east_editor)
    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(f"/api/v1/returns/{submission.pk}/").json()["villages"]) == villages
    assert len(queries) == 6


def test_the_schema_is_for_those_who_are_signed_in(county: Unit) -> None:
    assert Client().get("/api/schema/").status_code == 403
    assert client_of(make_user("someone", Role.RI, county)).get("/api/schema/").status_code == 200
