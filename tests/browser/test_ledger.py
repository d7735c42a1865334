"""A village's month: typed by keyboard, reconciled, closed by a leader, put right by a reversal.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from branches.months import first_of_window
from collective_economy.models import LedgerEntry, LedgerMonth
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.collective_economy import ground
from tests.conftest import make_user

PAST = first_of_window(timezone.localdate(), 2)
"""Last month, which can be closed."""


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def staff(county: Unit) -> User:
    return make_user("周经办", Role.CE, county)


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("赵领导", Role.CL, county)


def address(village: str = "东一村", month: date = PAST) -> str:
    return f"/economy/ledger/{Unit.objects.get(name=village).pk}/{month:%Y-%m}/"


def type_entry(page: Page, day: int, category: str, amount: str, summary: str, counterparty: str, voucher: str) -> None:
    """By keyboard alone, from the day on; Enter saves."""
    page.get_by_label("日期").fill(f"{PAST:%Y-%m}-{day:02d}")
    page.get_by_label("类别").select_option(category)
    page.get_by_label("类别").press("Tab")
    for text in (amount, summary, counterparty):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.type(voucher)
    page.keyboard.press("Enter")
    expect(page.locator("td", has_text=voucher)).to_be_visible()


def test_a_month_from_its_first_entry_to_the_close_and_a_reversal(
    sign_in: SignIn, shot: Shot, staff: User, leader: User
) -> None:
    project = ground.make_project(name="香菇大棚", entered_by=staff)
    due = ground.make_receivable(
        ground.make_contract(project=project, party="山里红农产品公司"), 20_000, PAST.replace(day=15)
    )
    page = sign_in(staff)
    page.goto(address())
    type_entry(page, 3, "operating", "3600", "门面租金", "张家商店", "记-1")
    type_entry(page, 8, "management_cost", "420.50", "电费", "供电所", "记-2")
    type_entry(page, 12, "subsidy", "50000", "运转经费补助", "县财政局", "记-3")
    assert page.get_by_label("日期").input_value() == f"{PAST:%Y-%m}-12", "the next one begins with this day"
    page.get_by_label("应收款").select_option(str(due.pk))
    page.get_by_label("日期").fill(f"{PAST:%Y-%m}-16")
    type_entry(page, 16, "operating", "20000", "大棚承包费", "山里红农产品公司", "记-4")
    due.refresh_from_db()
    assert due.missing == 0
    page.get_by_label("期初余额").fill("86,400.00")
    page.get_by_label("银行对账单余额").fill("159579.5")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#statement")).to_contain_text("159,579.50")
    expect(page.locator("#statement dd").nth(5)).to_have_text("0.00")
    page.goto(address())
    shot(page, "ledger-month")
    assert fits(page)
    expect(page.get_by_role("button", name="月结")).to_have_count(0)
    assert LedgerEntry.objects.filter(entered_by=staff).count() == 4

    boss = sign_in(leader)
    boss.goto(address())
    boss.get_by_role("button", name="月结").click()
    expect(boss.locator("h1 + .p-chip")).to_contain_text("已月结")
    assert LedgerMonth.objects.get().closed_by == leader

    page.goto(address())
    expect(page.get_by_role("heading", name="登记")).to_have_count(0)
    page.get_by_role("link", name="电费").click()
    page.get_by_role("link", name="冲销").click()
    page.get_by_role("button", name="金额有误").click()
    page.get_by_label("冲销日期").fill(f"{timezone.localdate():%Y-%m-%d}")
    shot(page, "ledger-reverse")
    page.get_by_role("button", name="冲销").click()
    expect(page.locator(".p-tbl").first).to_contain_text("−420.50")
    page.get_by_role("link", name="电费").click()
    shot(page, "ledger-entry")
    expect(page.get_by_text("金额有误").first).to_be_visible()


def test_the_close_of_a_county_names_what_holds_it_up(sign_in: SignIn, shot: Shot, county: Unit, leader: User) -> None:
    for number, village in enumerate(("东一村", "东二村", "东三村", "西一村")):
        unit = ground.village(village)
        ground.make_entry(unit, 1000 + number, "operating", PAST.replace(day=5))
        LedgerMonth.objects.filter(unit=unit).update(opening=0, statement_balance=1000 + (number if number < 3 else 0))
    LedgerMonth.objects.filter(unit__name="东三村").update(statement_balance=None)
    page = sign_in(leader)
    page.goto("/economy/ledger/close/")
    page.get_by_role("link", name="东乡").click()
    expect(page.locator("#villages")).to_contain_text("请填银行对账单余额")
    shot(page, "ledger-close")
    assert fits(page)
    page.get_by_role("button", name="月结所选的村").click()
    expect(page.get_by_text("已月结2个村")).to_be_visible()
    assert sorted(LedgerMonth.objects.filter(closed_by=leader).values_list("unit__name", flat=True)) == [
        "东一村",
        "东二村",
    ]
    page.goto("/economy/ledger/")
    shot(page, "ledger-list")
    assert fits(page)
    phone = sign_in(leader, viewport=PHONE)
    for place in ("/economy/ledger/close/", "/economy/ledger/", address()):
        phone.goto(place)
        assert fits(phone), place
