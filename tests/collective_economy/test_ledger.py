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
from collective_economy.incomes import Income
from collective_economy.ledger import cells_of, compared, income_of
from collective_economy.models import LedgerMonth
from tests.collective_economy.ground import close_month, make_total
from tests.conftest import grant, make_user

pytestmark = pytest.mark.django_db


def enter(village: str, month: date, **amounts: str) -> None:
    for category, amount in amounts.items():
        make_total(Unit.objects.get(name=village), Decimal(amount), category, month)


@pytest.fixture
def entries(county: Unit) -> None:
    enter("东一村", date(2026, 9, 1), operating="1200.50", contract="0.10", subsidy="300", other="0.20")
    enter("东一村", date(2026, 9, 1), operating_cost="200", management_cost="0.70")
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
        ({"operating": "1", "operating_cost": "5"}, "1"),
    ],
)
def test_what_is_operating_income(amounts: dict[str, str], expected: str) -> None:
    given = {name: Decimal(value) for name, value in amounts.items()}
    assert LedgerMonth(**given).operating_income == Income(given).operating == Decimal(expected)


def test_lines_and_sums(entries: None) -> None:
    rows = LedgerMonth.objects.filter(month__year=2026).order_by("-month", "path")
    assert [(row.unit.name, row.month, row.operating_income, row.income, row.expense) for row in rows] == [
        ("东一村", date(2026, 10, 1), Decimal("100.10"), Decimal("100.10"), Decimal(0)),
        ("西一村", date(2026, 10, 1), Decimal(50), Decimal(50), Decimal(0)),
        ("东一村", date(2026, 9, 1), Decimal("1200.60"), Decimal("1500.80"), Decimal("200.70")),
    ]
    assert cells_of(rows[0]) == [None, None, Decimal("100.10"), None, None, None], "missing is not zero"
    whole = income_of(rows)
    assert (whole.operating, whole.total, whole.expense) == (Decimal("1350.70"), Decimal("1650.90"), Decimal("200.70"))
    assert "contract" not in income_of(rows.none()).amounts


def test_years_are_compared_month_by_month_with_contract_income_in_operating_income(county: Unit) -> None:
    enter("东一村", date(2023, 1, 1), operating="100", contract="900", subsidy="5")
    enter("东一村", date(2023, 9, 1), contract="77")
    enter("东一村", date(2024, 1, 1), operating="1500")
    found = compared(LedgerMonth.objects.all(), 2024)
    assert found is not None
    assert (found.year, found.last) == (2024, date(2024, 1, 1))
    lines = [(line.now, line.before, line.growth) for line in found.lines]
    assert lines[0] == (Decimal(1500), Decimal(1000), Decimal("50.0")), "September 2023 is not among the same months"
    assert lines[1] == (None, None, None)
    assert lines[3] == (None, Decimal(5), None)
    assert list(lines[-2:]) == [
        (Decimal(1500), Decimal(1000), Decimal("50.0")),
        (Decimal(1500), Decimal(1005), Decimal("49.3")),
    ]
    assert compared(LedgerMonth.objects.all(), 2025) is None


def test_the_page_shows_the_year_and_what_is_asked_for(client: Client, county_admin: User, entries: None) -> None:
    client.force_login(county_admin)
    html = client.get("/economy/ledger/", {"year": "2026"}).content.decode()
    for words in ("1,200.50", "1,500.80", "1,350.70", "1,650.90", "西一村"):
        assert words in html, words
    assert "9,999.99" not in html, "December is not among the months that are compared"
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
    assert len(queries) == 15


def test_months_that_are_closed_are_told_apart(client: Client, county_admin: User, entries: None) -> None:
    close_month(Unit.objects.get(name="东一村"), date(2026, 9, 1))
    client.force_login(county_admin)
    closed = client.get("/economy/ledger/", {"year": "2026", "state": "closed"})
    assert [month.month for month, _cells in closed.context["lines"]] == [date(2026, 9, 1)]
    open_months = client.get("/economy/ledger/", {"year": "2026", "state": "open"})
    assert [month.unit.name for month, _cells in open_months.context["lines"]] == ["东一村", "西一村"]
