"""The ledger as a page: lines by village and month, both totals, scope, export by the same conditions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.ledger import keys_of, lines_of, operating_of, totals_of
from collective_economy.models import LedgerEntry
from tests.conftest import grant, make_user

pytestmark = pytest.mark.django_db


def enter(village: str, month: date, **amounts: str) -> None:
    unit = Unit.objects.get(name=village)
    for category, amount in amounts.items():
        LedgerEntry.objects.create(unit=unit, month=month, category=category, amount=Decimal(amount))


@pytest.fixture
def entries(county: Unit) -> None:
    enter("东一村", date(2026, 9, 1), operating="1200.50", contract="0.10", subsidy="300", other="0.20")
    enter("东一村", date(2026, 10, 1), investment="100.10")
    enter("西一村", date(2026, 10, 1), other_operating="50")
    enter("东二村", date(2025, 12, 1), operating="9999.99")


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ({}, "0"),
        ({"operating": "1", "contract": "2", "investment": "3", "other_operating": "4"}, "10"),
        ({"subsidy": "5", "other": "6"}, "0"),
        ({"operating": "1", "subsidy": "5"}, "1"),
    ],
)
def test_what_is_operating_income(amounts: dict[str, str], expected: str) -> None:
    assert operating_of({name: Decimal(value) for name, value in amounts.items()}) == Decimal(expected)


def test_lines_and_sums(entries: None) -> None:
    rows = LedgerEntry.objects.filter(month__year=2026)
    found = lines_of(rows, keys_of(rows))
    assert [(line.village.name, line.month, line.operating, line.total) for line in found] == [
        ("东一村", date(2026, 10, 1), Decimal("100.10"), Decimal("100.10")),
        ("西一村", date(2026, 10, 1), Decimal(50), Decimal(50)),
        ("东一村", date(2026, 9, 1), Decimal("1200.60"), Decimal("1500.80")),
    ]
    assert found[0].cells == [None, None, Decimal("100.10"), None, None, None], "missing is not zero"
    totals = totals_of(rows)
    assert (operating_of(totals), sum(totals.values())) == (Decimal("1350.70"), Decimal("1650.90"))
    assert lines_of(rows, []) == []


def test_the_page_shows_the_year_and_what_is_asked_for(client: Client, county_admin: User, entries: None) -> None:
    client.force_login(county_admin)
    html = client.get("/economy/ledger/", {"year": "2026"}).content.decode()
    for words in ("1,200.50", "1,500.80", "1,350.70", "1,650.90", "西一村"):
        assert words in html, words
    assert "9,999.99" not in html
    east = Unit.objects.get(name="东乡")
    assert "西一村</a>" not in client.get("/economy/ledger/", {"year": "2026", "township": east.pk}).content.decode()
    assert "没有符合条件的收入" in client.get("/economy/ledger/", {"year": "2024"}).content.decode()
    assert "9,999.99" in client.get("/economy/ledger/", {"year": ""}).content.decode()
    assert "没有符合条件的收入" in client.get("/economy/ledger/", {"year": "9"}).content.decode(), (
        "a wrong condition shows nothing"
    )


def test_a_township_sees_its_own_villages(client: Client, east_editor: User, entries: None) -> None:
    client.force_login(east_editor)
    html = client.get("/economy/ledger/", {"year": ""}).content.decode()
    assert ("东一村" in html, "西一村" in html) == (True, False)
    west = Unit.objects.get(name="西一村")
    assert "50.00" not in client.get("/economy/ledger/", {"year": "", "village": west.pk}).content.decode()
    department = grant(make_user("部门"), Role.LD, Unit.objects.get(name="青禾县")).user
    client.force_login(department)
    assert client.get("/economy/ledger/").status_code == 403


@pytest.mark.usefixtures("quiet_frame")
@pytest.mark.parametrize("number", [1, 3])
def test_the_queries_do_not_grow(client: Client, county_admin: User, county: Unit, number: int) -> None:
    for village in ("东一村", "东二村", "西一村")[:number]:
        enter(village, date(2026, 9, 1), operating="1", subsidy="2")
    client.force_login(county_admin)
    client.get("/economy/ledger/", {"year": "2026"})
    with CaptureQueriesContext(connection) as queries:
        page: Any = client.get("/economy/ledger/", {"year": "2026"})
    assert len(page.context["lines"]) == number
    assert len(queries) == 13
