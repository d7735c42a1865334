"""Pages of a village's month, of an entry and of the month close. Rule: docs/rules/ledger.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import LedgerEntry, LedgerMonth
from tests.collective_economy import ground
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
GIVEN = {
    "day": "2026-10-12",
    "category": "operating",
    "amount": "１，200.50",
    "summary": "门面租金",
    "counterparty": "张家商店",
    "voucher_number": "J-17",
    "receipt_number": "",
    "account": "collective",
    "attachment_count": "",
}


@pytest.fixture(autouse=True)
def on_a_day_in_november() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(county: Unit) -> User:
    """Who records funds and does not close what she entered."""
    return make_user("经办", Role.CE, county)


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("领导", Role.CL, county)


def url(name: str, *args: Any) -> str:
    return reverse(f"collective_economy:{name}", args=args)


def month_url(name: str = "ledger_month", month: date = OCTOBER, village: str = "东一村") -> str:
    return url(name, ground.village(village).pk, month)


def state(month: date = OCTOBER, village: str = "东一村", **values: Any) -> None:
    LedgerMonth.objects.filter(unit__name=village, month=month).update(**values)


def test_an_entry_is_typed_and_the_next_one_begins_with_its_day(client: Client, staff: User) -> None:
    client.force_login(staff)
    answer = client.post(month_url("ledger_enter"), GIVEN, follow=True)
    entry = LedgerEntry.objects.get()
    assert (entry.amount, entry.day, entry.attachment_count, entry.entered_by) == (
        Decimal("1200.50"),
        date(2026, 10, 12),
        0,
        staff,
    )
    html = answer.content.decode()
    assert 'value="2026-10-12"' in html
    assert "autofocus" in html
    for words in ("门面租金", "张家商店", "J-17", "1,200.50", "已登记", "7天内"):
        assert words in html, words


def test_what_is_refused_stands_at_its_field_and_nothing_is_lost(client: Client, staff: User) -> None:
    client.force_login(staff)
    answer = client.post(month_url("ledger_enter"), GIVEN | {"amount": "0", "day": "2026-11-11"})
    assert answer.status_code == 422
    errors = answer.context["entry_form"].errors.as_data()
    assert {name: found[0].code for name, found in errors.items()} == {"day": "in_the_future", "amount": "wrong_amount"}
    assert "张家商店" in answer.content.decode()
    answer = client.post(month_url("ledger_enter"), GIVEN | {"amount": "一千"})
    assert answer.context["entry_form"].errors.as_data()["amount"][0].code == "not_a_number"
    assert not LedgerEntry.objects.exists()


def test_categories_and_choices_are_those_of_the_month_and_the_village(client: Client, staff: User) -> None:
    due = ground.make_receivable(amount=500)
    other = ground.make_receivable(ground.make_contract(ground.village("西一村")))
    project = ground.make_project()
    client.force_login(staff)
    form = client.get(month_url()).context["entry_form"]
    assert "contract" not in [code for _group, choices in form.fields["category"].choices for code, _label in choices]
    assert list(form.fields["receivable"].queryset) == [due]
    assert list(form.fields["project"].queryset) == [project]
    old = client.get(month_url(month=date(2023, 12, 1))).context["entry_form"]
    assert "contract" in [code for _group, choices in old.fields["category"].choices for code, _label in choices]
    refused = client.post(month_url("ledger_enter"), GIVEN | {"receivable": other.pk})
    assert "receivable" in refused.context["entry_form"].errors


def test_the_balance_runs_through_the_entries(client: Client, leader: User) -> None:
    ground.make_entry(None, 100, "operating", date(2026, 9, 3))
    state(SEPTEMBER, opening=1000)
    ground.make_entry(None, 40, "management_cost", date(2026, 10, 20))
    ground.make_entry(None, 60, "subsidy", date(2026, 10, 2))
    client.force_login(leader)
    page = client.get(month_url())
    lines = [(line.entry.amount, line.income, line.expense, line.balance) for line in page.context["lines"]]
    assert lines == [(Decimal(60), Decimal(60), None, Decimal(1160)), (Decimal(40), None, Decimal(40), Decimal(1120))]
    assert (page.context["opening"], page.context["closing"]) == (Decimal(1100), Decimal(1120))
    assert page.context["entry_form"] is None, "a leader enters nothing"
    assert "请先结2026年9月" in page.content.decode()


def test_the_bank_is_reconciled_and_the_month_closed_by_another(client: Client, staff: User, leader: User) -> None:
    client.force_login(staff)
    client.post(month_url("ledger_enter"), GIVEN)
    client.post(month_url("ledger_statement"), {"opening": "100", "statement_balance": "1,300.00", "note": ""})
    row = LedgerMonth.objects.get()
    assert (row.opening, row.statement_balance) == (Decimal(100), Decimal(1300))
    assert client.get(month_url()).context["standing"].difference == Decimal("-0.50")
    assert client.post(month_url("ledger_close")).status_code == 403
    client.force_login(leader)
    refused = client.post(month_url("ledger_close"), follow=True).content.decode()
    assert "相差-0.50元" in refused
    client.force_login(staff)
    client.post(month_url("ledger_statement"), {"opening": "100", "statement_balance": "1300.50", "note": ""})
    client.force_login(leader)
    html = client.post(month_url("ledger_close"), follow=True).content.decode()
    row.refresh_from_db()
    assert (row.closed_by, row.is_closed) == (leader, True)
    assert "已月结" in html
    assert LedgerEntry.objects.get().checked_by == leader
    client.force_login(staff)
    page = client.get(month_url())
    history = page.content.decode().partition("修改记录")[2]
    for words in ("领导", "总收入: 1200.50", "账面余额: 1300.50", "期初余额（元）: 100.00"):
        assert words in history.replace("：", ": "), words
    assert page.context["entry_form"] is page.context["statement_form"] is None
    assert client.post(month_url("ledger_enter"), GIVEN).status_code == 422


def test_an_entry_is_changed_with_a_reason_and_tells_its_history(client: Client, staff: User) -> None:
    client.force_login(staff)
    client.post(month_url("ledger_enter"), GIVEN)
    entry = LedgerEntry.objects.get()
    address = url("ledger_entry", entry.pk)
    changed = GIVEN | {"amount": "1300", "base_version": "1"}
    assert client.post(address, changed).status_code == 422
    assert client.post(address, changed | {"reason": "看错票据"}).status_code == 302
    html = client.get(address).content.decode()
    for words in ("1200.50 → 1300", "看错票据", "经办"):
        assert words in html, words
    stale = client.post(address, GIVEN | {"amount": "9", "base_version": "1", "reason": "又改"})
    assert stale.status_code == 422
    assert "1300.00" in stale.content.decode(), "what was stored meanwhile stands beside what was typed"
    entry.refresh_from_db()
    assert entry.amount == Decimal(1300)


def test_an_entry_of_a_closed_month_is_reversed_with_a_reason(client: Client, staff: User) -> None:
    entry = ground.make_entry(None, 100, "operating", date(2026, 9, 3))
    ground.close_month(month=SEPTEMBER)
    client.force_login(staff)
    page = client.get(url("ledger_entry", entry.pk))
    assert (page.context["form"], page.context["may_reverse"]) == (None, True)
    assert client.post(url("ledger_entry", entry.pk), GIVEN).status_code == 302
    address = url("ledger_entry_reverse", entry.pk)
    assert client.post(address, {"day": "2026-09-20", "reason": "录重"}).status_code == 422
    answer = client.post(address, {"day": "2026-10-20", "reason": "录重"}, follow=True)
    back = LedgerEntry.objects.get(reverses=entry)
    assert (back.amount, back.month) == (Decimal(-100), OCTOBER)
    assert "冲销" in answer.content.decode()
    page = client.get(url("ledger_entry", entry.pk))
    assert "录重" in page.content.decode()
    assert page.context["may_reverse"] is False


def test_places_and_rights(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    assert client.get(month_url()).status_code == 200
    assert client.get(month_url(village="西一村")).status_code == 404
    assert client.get(url("ledger_month", Unit.objects.get(name="东乡").pk, OCTOBER)).status_code == 404
    assert client.post(month_url("ledger_enter"), GIVEN).status_code == 403
    assert client.post(month_url("ledger_statement"), {}).status_code == 403
    assert client.get(url("month_close")).status_code == 403
    entry = ground.make_entry(None, 100, "operating", date(2026, 9, 3))
    page = client.get(url("ledger_entry", entry.pk))
    assert (page.context["form"], page.context["may_reverse"]) == (None, False)
    west = ground.make_entry(ground.village("西一村"), 5)
    assert client.get(url("ledger_entry", west.pk)).status_code == 404
    assert client.post(url("ledger_entry_reverse", entry.pk), {}).status_code == 403
    assert client.get(f"/economy/ledger/{entry.unit_id}/2026-13/").status_code == 404


@pytest.fixture
def october(county: Unit) -> None:
    for village in ("东一村", "东二村", "西一村"):
        ground.make_entry(ground.village(village), 100, "operating", date(2026, 10, 3))
    state(village="东一村", opening=0, statement_balance=100)
    state(village="西一村", opening=0, statement_balance=100)


@pytest.mark.usefixtures("october")
def test_the_board_counts_by_township_and_says_what_holds_up(client: Client, leader: User) -> None:
    client.force_login(leader)
    page = client.get(url("month_close"))
    assert page.context["month"] == OCTOBER, "the month before this one"
    rows = {row.township.name: (row.ready_count, row.blocked_count, row.empty_count) for row in page.context["board"]}
    assert rows == {"东乡": (1, 1, 1), "西乡": (1, 0, 1)}
    east = Unit.objects.get(name="东乡")
    html = client.get(url("month_close"), {"month": "2026-10", "township": east.pk}).content.decode()
    assert "期初余额" in html
    assert "西一" not in html.partition('id="villages"')[2]


@pytest.mark.usefixtures("october")
def test_many_months_are_closed_and_each_refused_one_is_named(client: Client, leader: User) -> None:
    client.force_login(leader)
    keys = [ground.village(name).pk for name in ("东一村", "东二村", "西一村")]
    answer = client.post(f"{url('month_close')}?month=2026-10", {"village": keys})
    assert [(each.unit.name, each.code) for each in answer.context["refused"]] == [("东二村", "no_opening")]
    closed = LedgerMonth.objects.filter(closed_by=leader).values_list("unit__name", flat=True)
    assert sorted(closed) == ["东一村", "西一村"]
    again = client.post(f"{url('month_close')}?month=2026-10", {}, follow=True)
    assert "请至少选择一个村" in again.content.decode()


@pytest.mark.usefixtures("october")
def test_a_month_is_closed_only_where_one_may(client: Client, staff: User, county: Unit) -> None:
    east = ground.village("东一村")
    client.force_login(staff)
    assert client.get(url("month_close")).status_code == 200
    assert client.post(f"{url('month_close')}?month=2026-10", {"village": [east.pk]}).status_code == 403
    client.force_login(make_user("乡领导", Role.CL, Unit.objects.get(name="西乡")))
    assert client.post(f"{url('month_close')}?month=2026-10", {"village": [east.pk]}).status_code == 404
    assert not LedgerMonth.objects.filter(closed_at__isnull=False).exists()


@pytest.mark.usefixtures("quiet_frame", "county")
@pytest.mark.parametrize("name", ["ledger_month", "month_close"])
def test_the_queries_do_not_grow(client: Client, leader: User, name: str) -> None:
    client.force_login(leader)
    asked = []
    for villages in (("东一村",), ("东二村", "东三村")):
        for village in villages:
            for day in (3, 4) if asked else (3,):
                ground.make_entry(ground.village(village), 100, "operating", date(2026, 10, day), project=None)
        township = Unit.objects.get(name="东乡").pk
        address = month_url(village=villages[0]) if name == "ledger_month" else f"{url(name)}?township={township}"
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 30
