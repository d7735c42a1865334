"""Applications for flags as a file: the conditions of the page, in the scope of who asks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from assessments.models import FlagRound
from branches.models import Unit
from imports.listings import listing_called
from tests.assessments.flag_ground import make_application, make_round
from tests.conftest import grant, make_user

pytestmark = pytest.mark.django_db
TODAY = date(2026, 7, 20)


@pytest.fixture
def row(county: Unit) -> FlagRound:
    found = make_round(county)
    for name, code, state in (
        ("东一村", "F1", "township_reviewed"),
        ("东一村", "F3", "applied"),
        ("西一村", "F1", "applied"),
    ):
        make_application(found, Unit.objects.get(name=name), code, state=state, self_hundredths=8150)
    return found


def told(user: User, **filters: object) -> list[tuple[str, str]]:
    listing = listing_called("flag_applications")
    rows = listing.rows(user, {name: str(value) for name, value in filters.items()}, TODAY)
    return [(str(one["village"]), str(one["flag"])) for one in listing.records(rows, has_numbers=False)]


def test_the_file_has_what_the_page_shows(row: FlagRound, county_admin: User, east_editor: User) -> None:
    assert told(county_admin, round=row.pk) == [("东一村", "基层党建"), ("东一村", "产业发展"), ("西一村", "基层党建")]
    assert told(county_admin, round=row.pk, state="applied", code="F1") == [("西一村", "基层党建")]
    assert told(county_admin, township=Unit.objects.get(name="西乡").pk) == [("西一村", "基层党建")]
    assert told(county_admin, round=999) == told(county_admin, state="unheard"), "a wrong condition is no condition"
    assert told(east_editor) == [("东一村", "基层党建"), ("东一村", "产业发展")]


def test_a_department_has_the_flags_it_leads(row: FlagRound, county: Unit) -> None:
    department = grant(make_user("农业农村局"), Role.LD, county, "F3").user
    assert told(department) == [("东一村", "产业发展")]
    client = Client()
    client.force_login(department)
    page = client.get("/flags/applications/", {"round": row.pk})
    assert [one.code for one in page.context["sheet_categories"]] == ["F3"]


def test_points_are_numbers(row: FlagRound, county_admin: User) -> None:
    listing = listing_called("flag_applications")
    record = next(iter(listing.records(listing.rows(county_admin, {}, TODAY), has_numbers=False)))
    assert record["own"] == Decimal("81.50")
    assert record["score"] is None
    assert {column.field for column in listing.columns} >= set(record)
