"""A payment entered by the keyboard, refused at the red line, confirmed by another; the overview it adds to.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import BudgetLine, IncomeTarget, Instalment, Payment, Project
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.collective_economy import ground
from tests.conftest import make_user


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def project(county: Unit) -> Project:
    """A cold store on its way, whenever the test is run."""
    today = timezone.localdate()
    begun = today - timedelta(days=60)
    programme = ground.make_programme(
        name="扶持壮大村级集体经济第一批", amounts={"central": 300_000, "county": 200_000}, year=today.year
    )
    made = ground.make_project(
        ground.village(),
        programme=programme,
        approved={"central": 300_000, "county": 100_000, "own": 120_000},
        name="东一村冷链仓储",
        year=today.year,
        stage="pay",
        approved_on=begun,
        started_on=begun,
        progress_percent=65,
        start_on=begun,
        finish_on=today + timedelta(days=90),
    )
    for condition, percent, amount in (
        ("start", 30, 120_000),
        ("progress", 50, 200_000),
        ("acceptance", 17, 68_000),
        ("retention", 3, 12_000),
    ):
        Instalment.objects.create(project=made, condition=condition, percent=percent, amount=amount)
    for item, amount in (("厂房改造", 240_000), ("设备购置", 280_000)):
        BudgetLine.objects.create(project=made, item=item, amount=amount)
    central, own = made.sources.get(source="central"), made.sources.get(source="own")
    ground.move(central, 120_000, summary="第一批拨付", paid_on=begun, instalment=made.instalments.first())
    ground.move(own, 75_000, summary="村自筹资金", paid_on=begun)
    ground.move(
        central, "44200", "payment", summary="厂房改造进度款", paid_on=begun + timedelta(days=9), payee="示例建设公司"
    )
    ground.enter_payment(own, "32000", "payment", summary="厂房屋面防水", paid_on=today, payee="示例建设公司")
    return made


@pytest.fixture
def earnings(county: Unit) -> None:
    today = timezone.localdate()
    for name, share in (("东一村", 3), ("东二村", 2), ("西一村", 5)):
        unit = ground.village(name)
        for month in range(1, today.month + 1):
            for year, base in ((today.year, 4_200), (today.year - 1, 3_700)):
                day = today.replace(year=year, month=month, day=1)
                ground.make_entry(unit, base * share + month * 130, "operating", day)
        IncomeTarget.objects.create(
            unit=unit, path=unit.path, year=today.year, amount=150_000, entered_by=ground.clerk()
        )


@pytest.fixture
def flags(county: Unit) -> None:
    """What the list of risks finds: income that is late, a share without guarantee, a lease of fifteen years."""
    today = timezone.localdate()
    first = today.replace(month=1, day=1)
    share = ground.make_contract(
        ground.village("东二村"), kind="share", party="青禾茶业公司", subject="入股茶厂", starts_on=first,
        ends_on=first.replace(year=first.year + 5), yearly_amount=48_000,
    )  # fmt: skip
    ground.make_receivable(share, 24_000, today - timedelta(days=45))
    ground.make_contract(
        ground.village("西一村"), party="西乡建材厂", subject="旧校舍", starts_on=first,
        ends_on=first.replace(year=first.year + 15), yearly_amount=55_000,
    )  # fmt: skip


def test_a_payment_by_the_keyboard_and_its_confirmation(
    sign_in: SignIn, shot: Shot, county: Unit, project: Project, earnings: None, flags: None
) -> None:
    officer = make_user("officer", Role.CE, Unit.objects.get(name="东乡"))
    page = sign_in(officer)
    page.goto(f"/economy/projects/{project.pk}/payments/add/?kind=payment")
    expect(page.get_by_label("拨付批次")).to_be_hidden()
    page.get_by_label("项目支出").focus()
    keys(page, "Tab", "Tab", "2.5", "Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("金额（万元）")).to_have_value("2.5")
    page.get_by_label("凭证号").focus()
    keys(page, "记-018", "Tab", "揉捻机 2 台进度款", "Tab")
    page.locator("#id_use").select_option("cadre_pay")
    keys(page, "Tab", "示例农机公司", "Tab")
    page.get_by_label("预算科目").select_option(label="设备购置（剩 28）")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="提交确认").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("处要改")
    expect(page.locator("#id_use_error")).to_have_text("红线：扶持资金不得用于村干部报酬，这笔支出不能保存。")
    expect(page.get_by_label("收款方")).to_have_value("示例农机公司")
    assert not Payment.objects.filter(voucher_number="记-018").exists()
    shot(page, "payment-red-line")

    page.locator("#id_use").select_option("equipment")
    shot(page, "payment-add")
    assert fits(page)
    page.get_by_role("button", name="提交确认").press("Enter")
    expect(page.locator(".p-head .p-chip")).to_have_text("待确认")
    made = Payment.objects.get(voucher_number="记-018")
    assert (made.amount, made.use, made.state, made.source.source) == (25_000, "equipment", "entered", "central")
    shot(page, "payment")

    confirms(sign_in, shot, county, made)
    overview(sign_in, shot, county)


def keys(page: Page, *words: str) -> None:
    """Tab is pressed, everything else typed."""
    for word in words:
        if word == "Tab":
            page.keyboard.press("Tab")
        else:
            page.keyboard.type(word)


def confirms(sign_in: SignIn, shot: Shot, county: Unit, made: Payment) -> None:
    """The leader sees what each leaves, confirms both, and finds them in the list."""
    page = sign_in(make_user("leader", Role.CL, county))
    page.goto("/")
    expect(page.locator("#portal-nav").get_by_role("link", name="拨付与支出")).to_contain_text("2")
    page.goto("/economy/payments/confirm/")
    row = page.locator("tbody tr").filter(has_text="揉捻机 2 台进度款")
    expect(row).to_contain_text("5.08")
    shot(page, "payment-confirm")
    page.get_by_role("button", name="确认所选").click()
    expect(page.get_by_role("status").or_(page.locator(".p-toast, .messagelist")).first).to_contain_text(
        "已确认 2 笔资金。"
    )
    made.refresh_from_db()
    assert (made.state, made.source.paid) == ("confirmed", Decimal(69_200))
    page.goto("/economy/payments/")
    expect(page.locator("tfoot")).to_contain_text("拨付 19.50，支出 10.12，收回 0.00")
    shot(page, "payment-list")


def overview(sign_in: SignIn, shot: Shot, county: Unit) -> None:
    page = sign_in(User.objects.get(username="leader"))
    page.goto("/economy/")
    expect(page.locator(".eo-flow")).to_contain_text("19.50")
    expect(page.locator("#places tfoot")).to_contain_text("10.12")
    expect(page.locator("[data-chart] svg")).to_have_count(2)
    assert fits(page)
    shot(page, "economy-overview")
    page.locator("#places thead").get_by_role("link", name="支出").click()
    expect(page.locator("#places tbody tr").first).to_contain_text("东乡")
    page.locator("#places tbody tr").first.get_by_role("link", name="东乡").click()
    expect(page.locator("tbody")).to_contain_text("东一村冷链仓储")
    page.goto("/economy/risks/")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").filter(has_text="收益逾期")).to_contain_text("青禾茶业公司")
    assert fits(page)
    shot(page, "economy-risks")
    phone = sign_in(User.objects.get(username="leader"), viewport=PHONE)
    for address in ("/economy/", "/economy/risks/", "/economy/payments/"):
        phone.goto(address)
        assert fits(phone), address
