"""Contracts and audit findings in Chromium: entered by one person, waived and closed by another."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import Asset, AuditFinding, Contract
from collective_economy.schedule import add_months
from collective_economy.services import contracts, findings
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.collective_economy.ground import make_entry, make_project
from tests.collective_economy.test_attachments import PDF, PNG
from tests.conftest import make_user

ADDRESSES = ("contracts/", "contracts/add/", "assets/", "findings/", "findings/add/")


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


@pytest.fixture
def clerk(county: Unit) -> User:
    return make_user("文静", Role.CE, Unit.objects.get(name="东乡"))


@pytest.fixture
def contract(village: Unit, clerk: User) -> Contract:
    """Two years old: the first year received, the second in part, the rest to come."""
    today = timezone.localdate()
    first = today.replace(year=today.year - 1, month=1, day=1)
    made = contracts.add_contract(
        unit=village, kind="lease", number="青租〔2025〕6号", party="青禾果品有限公司",
        party_number="91990101MA0000006X",
        subject="村冷库 320 平方米", signed_on=first, starts_on=first,
        ends_on=add_months(first, 60) - timedelta(days=1),
        yearly_amount=Decimal(36000), rhythm="half_yearly", guarantee="押金 5000 元", by=clerk, today=today,
        project=make_project(name="冷库", number="XM-2024-03"),
    )  # fmt: skip
    rows = list(made.receivables.order_by("due_on")[:3])
    make_entry(village, 18000, receivable=rows[0], voucher_number="记-12", day=rows[0].due_on)
    make_entry(village, 18000, receivable=rows[1], voucher_number="记-37", day=rows[1].due_on)
    make_entry(village, 6000, receivable=rows[2], voucher_number="记-51", day=rows[2].due_on)
    Asset.objects.create(
        unit=village, path=village.path, number="ZC-2025-01", name="冷库", kind="building", quantity=320,
        measure="平方米",
        value=Decimal("358000.50"), owner="东一村集体经济组织", user="青禾果品有限公司", state="leased",
        registered_on=first, contract=made, entered_by=clerk,
    )  # fmt: skip
    return made


def fits(page: Page, width: int) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


def test_a_contract_is_entered_with_its_paper(sign_in: SignIn, clerk: User, contract: Contract, shot: Shot) -> None:
    page = sign_in(clerk)
    page.goto("/economy/contracts/")
    expect(page.get_by_role("link", name="合同和应收款").first).to_be_visible()
    shot(page, "contracts-list")
    page.get_by_role("link", name="录入合同").click()
    page.locator("#id_unit").select_option(label="东二村")
    page.locator("#id_kind").select_option("land")
    for name, value in (
        ("number", "HT-2"),
        ("subject", "鱼塘 12 亩"),
        ("party", "张立新"),
        ("signed_on", "2026-01-05"),
        ("starts_on", "2026-01-01"),
        ("ends_on", "2027-12-31"),
        ("yearly_amount", "9,600"),
    ):
        page.locator(f"#id_{name}").fill(value)
    page.get_by_label("收款方式").select_option("quarterly")
    page.evaluate("window.scrollTo(0, 0)")
    shot(page, "contracts-form")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("HT-2")
    expect(page.get_by_role("row", name="2026-01-01 2,400.00")).to_contain_text("2,400.00")
    page.locator("#papers-file").set_input_files([{"name": "合同.pdf", "mimeType": "application/pdf", "buffer": PDF}])
    page.get_by_role("button", name="上传", exact=True).click()
    expect(page.locator("#papers")).to_contain_text("合同.pdf")
    with page.expect_download() as taken:
        page.get_by_role("link", name="合同.pdf").click()
    assert taken.value.suggested_filename == "合同.pdf"
    stored = Contract.objects.get(number="HT-2")
    assert list(stored.receivables.values_list("amount", flat=True)) == [Decimal(2400)] * 8


def test_what_is_due_is_waived_by_a_colleague(
    sign_in: SignIn, clerk: User, county_admin: User, contract: Contract, shot: Shot
) -> None:
    page = sign_in(clerk)
    page.goto(f"/economy/contracts/{contract.pk}/")
    expect(page.get_by_role("link", name="减免")).to_have_count(0)
    expect(page.get_by_text("由同事办理")).to_be_visible()
    page = sign_in(county_admin)
    page.goto(f"/economy/contracts/{contract.pk}/")
    shot(page, "contracts-contract")
    page.get_by_role("link", name="减免").first.click()
    page.get_by_label("成员会议决议文号").fill("村民代表会议决议〔2026〕3号")
    page.get_by_label("原因").fill("洪灾停业三个月")
    shot(page, "contracts-waive")
    page.get_by_role("button", name="减免").click()
    expect(page.get_by_text("村民代表会议决议〔2026〕3号 洪灾停业三个月").first).to_be_visible()
    assert contract.receivables.filter(waived_on__isnull=False).count() == 1


def test_a_finding_is_closed_by_a_second_person(
    sign_in: SignIn, clerk: User, county_leader: User, village: Unit, shot: Shot
) -> None:
    today = timezone.localdate()
    values: dict[str, Any] = {
        "kind": "accounts", "found_on": date(today.year, 1, 5), "found_by": "县审计局", "document": "青审〔2026〕8号",
        "amount": Decimal("3200.50"), "problem": "三笔支出没有正式票据。", "measure": "补齐票据，不能补的退回资金。",
        "due_on": date(today.year, 1, 31),
    }  # fmt: skip
    finding = findings.record_finding(unit=village, values=values, by=clerk, today=today)
    findings.record_finding(unit=village, values=values | {"kind": "contract"}, by=clerk, today=today)
    page = sign_in(clerk)
    page.goto(f"/economy/findings/{finding.pk}/")
    page.locator("#papers-file").set_input_files([{"name": "收据.png", "mimeType": "image/png", "buffer": PNG}])
    page.get_by_role("button", name="上传", exact=True).click()
    page.get_by_role("link", name="提交整改材料").click()
    page.get_by_label("整改情况").fill("票据已补齐两笔，第三笔 800 元已退回，见收据。")
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("button", name="销号")).to_have_count(0)
    page = sign_in(county_leader)
    page.goto("/economy/findings/")
    shot(page, "findings-list")
    page.locator("tbody").get_by_role("link").first.click()
    shot(page, "findings-finding")
    page.get_by_role("button", name="销号").click()
    expect(page.locator(".p-head").get_by_text("已销号")).to_be_visible()
    assert AuditFinding.objects.get(pk=finding.pk).closed_by == county_leader


def test_the_pages_fit_a_phone(sign_in: SignIn, clerk: User, contract: Contract) -> None:
    page = sign_in(clerk, viewport=PHONE)
    for address in (*ADDRESSES, f"contracts/{contract.pk}/", f"assets/{Asset.objects.get().pk}/"):
        page.goto(f"/economy/{address}")
        assert fits(page, PHONE["width"]), address
