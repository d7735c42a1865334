"""The collective economy through the API: the scope, services and sentences of the pages."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import LedgerEntry, Payment, Programme, Project
from tests.collective_economy import ground
from tests.conftest import make_user
from tests.test_api import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("county")]

ROUTES = (
    "programmes", "projects", "payments", "contracts", "receivables", "ledger-entries", "ledger-months", "assets",
    "audit-findings",
)  # fmt: skip


@pytest.fixture
def officer(county: Unit) -> User:
    return make_user("officer", Role.CE, county)


def post(client: Client, path: str, body: dict[str, Any], version: int | None = None) -> Any:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return client.post(f"/api/v1/{path}", json.dumps(body, default=str), "application/json", headers=headers)


def place(name: str) -> int:
    return Unit.objects.get(name=name).pk


def test_a_programme_is_entered_by_one_and_confirmed_by_another(
    county: Unit, officer: User, county_admin: User, east_editor: User
) -> None:
    body = {
        "county": county.pk, "name": "2026 年第一批", "year": 2026, "document": "3 号", "released_on": "2026-01-10",
        "central": "300000.00", "county_money": "200000.01",
    }  # fmt: skip
    assert post(client_of(east_editor), "programmes/", body).status_code == 403
    answer = post(client_of(officer), "programmes/", body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["sources"] == [
        {"source": "central", "amount": "300000.00", "allocated": "0.00"},
        {"source": "county", "amount": "200000.01", "allocated": "0.00"},
    ]
    path = f"programmes/{told['id']}/confirm/"
    assert post(client_of(county_admin), path, {}).status_code == 428
    assert post(client_of(county_admin), path, {}, 7).status_code == 412
    confirmed = post(client_of(county_admin), path, {}, told["version"])
    assert (confirmed.status_code, confirmed.json()["is_confirmed"]) == (200, True)
    assert Programme.objects.get().confirmed_by == county_admin
    again = post(client_of(county_admin), path, {}, confirmed.json()["version"])
    assert (again.status_code, again.json()["code"]) == (400, "confirmed")


def test_who_entered_a_programme_does_not_confirm_it(county: Unit, county_admin: User) -> None:
    programme = ground.make_programme(is_confirmed=False, entered_by=county_admin)
    answer = post(client_of(county_admin), f"programmes/{programme.pk}/confirm/", {}, 1)
    assert answer.status_code == 403
    programme.refresh_from_db()
    assert programme.confirmed_by is None


def test_a_project_of_two_villages_is_proposed(officer: User) -> None:
    body = {
        "number": "JJ-1", "name": "冷库", "year": 2026, "business_model": "property",
        "shares": [{"village": place("东一村"), "percent": "60"}, {"village": place("西一村"), "percent": "40"}],
    }  # fmt: skip
    told = post(client_of(officer), "projects/", body).json()
    assert (told["stage"], told["place_name"]) == ("pool", "青禾县")
    assert [(share["village_name"], share["percent"]) for share in told["shares"]] == [
        ("东一村", "60.0000"),
        ("西一村", "40.0000"),
    ]
    closed = post(client_of(officer), f"projects/{told['id']}/advance/", {}, told["version"])
    assert (closed.status_code, closed.json()["code"]) == (400, "gate_closed")
    body["shares"][1]["percent"] = "39.9999"  # type: ignore[index]
    body["number"] = "JJ-2"
    refused = post(client_of(officer), "projects/", body)
    assert refused.json()["code"] == "shares_not_whole"
    assert Project.objects.count() == 1


def test_a_village_of_another_township_is_outside(east: Unit) -> None:
    local = make_user("east_officer", Role.CE, east)
    body = {
        "number": "JJ-1", "name": "冷库", "year": 2026, "business_model": "property",
        "shares": [{"village": place("西一村"), "percent": "100"}],
    }  # fmt: skip
    answer = post(client_of(local), "projects/", body)
    assert answer.status_code == 400
    assert not Project.objects.exists()


@pytest.fixture
def source(county: Unit) -> Any:
    project = ground.make_project(approved={"central": 100_000}, stage="pay", started_on=date(2026, 3, 2))
    return project.sources.get()


def payment_body(paid_from: Any, **changes: Any) -> dict[str, Any]:
    return {
        "project": paid_from.project_id, "source": paid_from.pk, "kind": "receipt", "amount": "60000.00",
        "paid_on": "2026-06-15", "summary": "第一笔", "voucher_number": "B-1",
    } | changes  # fmt: skip


@time_machine.travel("2026-07-01 02:00", tick=False)
def test_money_moves_by_two_persons_and_never_beyond(
    source: Any, officer: User, county_admin: User, county_leader: User
) -> None:
    client = client_of(officer)
    told = post(client, "payments/", payment_body(source)).json()
    assert told["state"] == "entered"
    assert post(client, f"payments/{told['id']}/confirm/", {}, 1).status_code == 403
    confirmed = post(client_of(county_admin), f"payments/{told['id']}/confirm/", {}, told["version"]).json()
    assert confirmed["state"] == "confirmed"
    source.refresh_from_db()
    assert (source.received, source.balance) == (60_000, 60_000)
    spent = payment_body(source, kind="payment", use="build", amount="1", voucher_number="Z")
    for body, field, code in (
        (payment_body(source, voucher_number="B-2", amount="40000.01"), "amount", "beyond_approved"),
        (spent | {"use": "cadre_pay"}, "use", "red_line"),
        (spent | {"amount": "60000.01"}, "amount", "beyond_received"),
        (payment_body(source, amount="1"), "voucher_number", "voucher_taken"),
    ):  # fmt: skip
        answer = post(client, "payments/", body)
        assert answer.status_code == 400
        assert [(one["field"], one["code"]) for one in answer.json()["fields"]] == [(field, code)]
    paid = post(client, "payments/", payment_body(source, kind="payment", use="build", voucher_number="Z-1")).json()
    refused = post(client_of(county_leader), f"payments/{paid['id']}/refuse/", {"note": "无合同"}, paid["version"])
    assert refused.json()["state"] == "refused"
    back = {"paid_on": "2026-06-20", "voucher_number": "B-1冲", "reason": "拨错"}
    reversal = post(client, f"payments/{told['id']}/reverse/", back, confirmed["version"])
    assert (reversal.status_code, reversal.json()["reverses"]) == (201, told["id"])
    assert Payment.objects.filter(state="entered").count() == 1


def test_a_source_of_another_project_is_refused(source: Any, officer: User) -> None:
    other = ground.make_project(ground.village("西一村"), approved={"own": 100})
    answer = post(client_of(officer), "payments/", payment_body(source, source=other.sources.get().pk))
    assert answer.status_code == 400
    assert not Payment.objects.exists()


@time_machine.travel("2026-07-01 02:00", tick=False)
def test_a_contract_with_what_is_due_and_what_came_in(officer: User, county_admin: User, east_editor: User) -> None:
    body = {
        "village": place("东一村"), "number": "HT-1", "kind": "lease", "party": "某公司", "subject": "厂房",
        "signed_on": "2026-01-01", "starts_on": "2026-01-01", "ends_on": "2026-12-31", "yearly_amount": "12000.00",
        "rhythm": "half_yearly",
    }  # fmt: skip
    assert post(client_of(east_editor), "contracts/", body).status_code == 403
    contract = post(client_of(officer), "contracts/", body).json()
    due = client_of(east_editor).get(f"/api/v1/receivables/?contract={contract['id']}").json()["results"]
    assert [(one["due_on"], one["amount"], one["missing"]) for one in due] == [
        ("2026-01-01", "6000.00", "6000.00"),
        ("2026-07-01", "6000.00", "6000.00"),
    ]
    entry = {
        "village": place("东一村"), "day": "2026-06-03", "category": "operating", "amount": "6000.00",
        "summary": "租金", "receivable": due[0]["id"], "voucher_number": "J-1",
    }  # fmt: skip
    made = post(client_of(officer), "ledger-entries/", entry)
    assert made.status_code == 201, made.content
    (month,) = client_of(east_editor).get("/api/v1/ledger-months/").json()["results"]
    assert (month["operating"], month["subsidy"], month["operating_income"]) == ("6000.00", None, "6000.00")
    back = {"on": "2026-06-20", "reason": "重复"}
    reversal = post(client_of(officer), f"ledger-entries/{made.json()['id']}/reverse/", back, made.json()["version"])
    assert reversal.json()["amount"] == "-6000.00"
    assert LedgerEntry.objects.count() == 2


def test_a_month_is_closed_by_another(officer: User, county_admin: User) -> None:
    ground.make_entry(entered_by=county_admin)
    month = ground.month_of()
    answer = post(client_of(county_admin), f"ledger-months/{month.pk}/close/", {}, month.version)
    assert (answer.status_code, answer.json()["code"]) == (400, "own_entries")
    assert post(client_of(officer), f"ledger-months/{month.pk}/close/", {}, 1).status_code == 403


def fill(name: str) -> None:
    """A row of everything in the village."""
    unit = ground.village(name)
    project = ground.make_project(unit, approved={"central": 1000})
    ground.move(project.sources.get(), 100)
    ground.make_receivable(ground.make_contract(unit))
    ground.make_entry(unit)


def test_a_township_reads_its_own(east_editor: User) -> None:
    fill("东一村")
    fill("西一村")
    client = client_of(east_editor)
    for path in ("projects", "payments", "contracts", "receivables", "ledger-entries", "ledger-months"):
        rows = client.get(f"/api/v1/{path}/").json()["results"]
        assert len(rows) == 1, path
        assert client.get(f"/api/v1/{path}/{rows[0]['id']}/").json()["id"] == rows[0]["id"]
        assert client.get(f"/api/v1/{path}/?under=990101200").json()["results"] == []


def test_queries_do_not_grow(county_admin: User) -> None:
    client = client_of(county_admin)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(f"/api/v1/{path}/").status_code == 200
        return len(context)

    fill("东一村")
    few = [queries(path) for path in ROUTES]
    fill("东二村")
    fill("西一村")
    assert [queries(path) for path in ROUTES] == few
    assert max(few) <= 11


def test_amounts_are_text_with_cents(county_admin: User) -> None:
    project = ground.make_project(approved={"own": Decimal("0.10")})
    (row,) = client_of(county_admin).get("/api/v1/projects/").json()["results"]
    assert row["sources"][0] == {
        "id": project.sources.get().pk, "source": "own", "requested": "0.10", "approved": "0.10", "received": "0.00",
        "paid": "0.00", "recalled": "0.00", "balance": "0.00", "due_on": None,
    }  # fmt: skip
