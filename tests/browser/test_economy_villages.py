"""Bands, targets and the economy of a village, driven as a county clerk does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from accounts.models import User
from branches.models import Unit
from collective_economy.models import Asset, BandRules, IncomeTarget, Milestone, VillagePlan
from collective_economy.services.targets import set_targets
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.collective_economy.ground import (
    close_month,
    make_contract,
    make_entry,
    make_project,
    make_receivable,
    move,
    village,
)

THIS = date.today().year
"""The pages open on the running year."""


@pytest.fixture
def earned(county: Unit, county_admin: User) -> Unit:
    """Five years of 东一村, two of the others; a joint project, a late rent, a card."""
    one = village("东一村")
    for back, wan in enumerate((12, 54, 40, 31, 24)):
        make_entry(one, wan * 10_000, "operating", date(THIS - back, 1, 10))
        make_entry(one, (5 + back) * 10_000, "subsidy", date(THIS - back, 1, 20))
    close_month(one, date(THIS, 1, 1))
    for name, before, now in (("东二村", 4, 6), ("东三村", 60, 45), ("西一村", 12, 12), ("西二村", 8, 0)):
        make_entry(village(name), before * 10_000, "operating", date(THIS - 1, 1, 10))
        make_entry(village(name), now * 10_000, "operating", date(THIS, 1, 10))
    project = make_project(one, village("东二村"), approved={"central": 500_000}, name="溪谷民宿二期", stage="pay")
    source = project.sources.get()
    move(source, 500_000)
    move(source, 421_500, "payment", paid_on=date(THIS, 1, 15))
    Milestone.objects.create(project=project, name="封顶", due_on=date(THIS, 1, 1))
    contract = make_contract(one, project=project, subject="冷链仓储", ends_on=date(THIS + 3, 12, 31))
    make_receivable(contract, 30_000, date(THIS, 1, 2))
    Asset.objects.create(
        unit=one,
        path=one.path,
        number="ZC-001",
        name="冷链仓库",
        kind="building",
        value=600_000,
        owner="东一村股份经济合作社",
        registered_on=date(THIS, 1, 5),
        entered_by=county_admin,
    )
    return one


def test_a_clerk_sets_bands_and_opens_the_villages_of_a_cell(
    sign_in: SignIn, county_admin: User, earned: Unit, shot: Shot
) -> None:
    page = sign_in(county_admin)
    page.goto("/economy/bands/")
    page.get_by_role("link", name="设定档次").click()
    page.get_by_label("文号").fill("青组〔2026〕9号")
    page.get_by_role("button", name="设定档次").click()
    expect(page.get_by_text("档次自")).to_be_visible()
    assert BandRules.objects.get().bands[1]["lower"] == "0.01"
    shot(page, "income-bands")
    page.locator(".ev-matrix").get_by_role("row", name="空壳村").get_by_role("link").click()
    villages = page.locator("#villages")
    expect(villages.get_by_role("row")).to_have_count(2)
    expect(villages).to_contain_text("东二村")
    villages.get_by_role("link", name="东二村").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("东二村")


def test_a_clerk_pastes_a_column_of_targets(sign_in: SignIn, county_admin: User, earned: Unit, shot: Shot) -> None:
    page = sign_in(county_admin)
    page.goto("/economy/targets/")
    page.get_by_role("link", name="下达目标").click()
    page.get_by_label("文号").fill("青组〔2026〕2号")
    first = page.get_by_label("东一村 目标")
    first.focus()
    page.evaluate(
        """() => { const data = new DataTransfer(); data.setData("text/plain", "15\\n8\\n50\\n\\n10.5");
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true,
        cancelable: true})); }"""
    )
    shot(page, "income-targets-enter")
    page.get_by_role("button", name="下达目标").click()
    expect(page.get_by_text("已下达 4 个目标")).to_be_visible()
    assert dict(IncomeTarget.objects.values_list("unit__name", "amount")) == {
        "东一村": 150_000,
        "东二村": 80_000,
        "东三村": 500_000,
        "西二村": 105_000,
    }
    page.get_by_role("link", name="东乡").click()
    expect(page.locator("#villages")).to_contain_text("东三村")
    shot(page, "income-targets")


def test_the_economy_of_a_village_is_on_one_page(sign_in: SignIn, county_admin: User, earned: Unit, shot: Shot) -> None:
    set_targets(THIS, {earned: Decimal(150_000)}, "青组〔2026〕2号", by=county_admin)
    page = sign_in(county_admin, viewport={"width": 1366, "height": 2400})
    page.goto(f"/economy/villages/{earned.pk}/")
    chart = page.locator("[data-chart] svg")
    expect(chart).to_be_visible()
    expect(chart).to_contain_text(f"{THIS}*")
    projects = page.locator("#projects")
    expect(projects).to_contain_text("溪谷民宿二期")
    expect(projects.get_by_role("row", name="溪谷民宿二期")).to_contain_text("25.00")
    expect(page.locator("#dues")).to_contain_text("30,000.00")
    page.get_by_role("link", name="新建规划").click()
    page.locator("[name=situation]").fill("薄弱村，年收入 4 万元。")
    page.locator("[name=measures]").fill("建冷库出租。")
    page.locator("[name=responsible_name]").fill("陈立新")
    page.locator("[name=business_model]").select_option("property")
    for number, text in enumerate(("15", "20", "30"), start=1):
        page.locator(f"[name=target{number}]").fill(text)
    page.get_by_role("button", name="保存规划").click()
    expect(page.locator("#plan")).to_contain_text("建冷库出租。")
    assert VillagePlan.objects.get().targets[str(THIS)] == "150000"
    shot(page, "village-economy")


def test_the_file_of_a_village_shows_its_income(sign_in: SignIn, east_editor: User, earned: Unit, shot: Shot) -> None:
    page = sign_in(east_editor, viewport={"width": 1366, "height": 1400})
    page.goto(f"/villages/{earned.pk}/file/")
    expect(page.locator("#income svg")).to_be_visible()
    expect(page.locator("#projects")).to_contain_text("溪谷民宿二期")
    expect(page.locator("#reminders")).to_contain_text("1 笔应收款逾期")
    shot(page, "village-file-economy")


@pytest.mark.parametrize("address", ["bands/", "targets/", "targets/enter/", "bands/set/", "villages/{pk}/"])
def test_the_pages_fit_a_phone(sign_in: SignIn, county_admin: User, earned: Unit, address: str) -> None:
    page = sign_in(county_admin, viewport=PHONE)
    page.goto(f"/economy/{address.format(pk=earned.pk)}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
