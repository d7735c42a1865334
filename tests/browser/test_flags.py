"""A round of flags in a real browser by five accounts: applied, reviewed, rechecked, decided, noticed, awarded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from assessments.models import FlagApplication, FlagAward, FlagRound
from branches.models import Unit
from tests.assessments.flag_ground import knows, make_cast, make_round
from tests.browser.conftest import PHONE, Shot, SignIn

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with knows():
        yield


@pytest.fixture
def cast(county: Unit, east: Unit) -> dict[str, User]:
    return make_cast(county, east)


@pytest.fixture
def row(county: Unit) -> FlagRound:
    """Judged up to last month, so that the system knows something."""
    today = timezone.localdate()
    last = today.replace(day=1) - timedelta(days=1)
    return make_round(
        county,
        first_on=date(last.year, 1, 1),
        last_on=last,
        apply_by=today + timedelta(days=9),
        valid_to=today + timedelta(days=200),
    )


def looked_at(page: Page) -> None:
    """No sideways scroll, nothing that axe objects to."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    assert [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found] == []


def test_a_round_by_five_accounts(
    cast: dict[str, User], row: FlagRound, county: Unit, east: Unit, sign_in: SignIn, shot: Shot
) -> None:
    village = Unit.objects.get(name="东一村")

    page = sign_in(cast["applicant"])
    page.goto(f"/flags/rounds/{row.pk}/apply/")
    first = page.locator('input[name="p-F1-F1-2"]')
    first.fill("36")
    expect(page.locator('input[name="choose-F1"]')).to_be_checked()
    page.locator('input[name="p-F3-F3-2"]').fill("30")
    page.locator("#text-F1").fill("主题党日按月开展，群众满意。")
    looked_at(page)
    shot(page, "flags-apply")
    page.get_by_role("button", name="提交所勾选的申报").click()
    expect(page.get_by_role("heading", name="东二村")).to_be_visible()
    party = FlagApplication.objects.get(village=village, code="F1")
    # One's own application: read, not reviewed.
    page.goto(f"/flags/applications/{party.pk}/")
    expect(page.locator("text=请由本乡镇其他账号初评")).to_be_visible()
    expect(page.locator("#opinion")).to_have_count(0)

    page = sign_in(cast["reviewer"])
    page.goto("/flags/applications/?mine=1")
    page.get_by_role("link", name="初评").first.click()
    page.locator('[data-phrase-for="opinion"]').click()
    page.locator("#rank").fill("1")
    looked_at(page)
    page.get_by_role("button", name="提交初评").click()
    # The next that waits opens by itself.
    expect(page.get_by_role("heading", name="东一村 产业发展")).to_be_visible()

    page = sign_in(cast["party"])
    page.goto(f"/flags/applications/{party.pk}/")
    page.locator('input[name="p-F1-3"]').fill("18")
    page.locator('input[name="p-F1-2"]').fill("35")
    page.locator("#opinion").fill("现场核查属实。")
    page.get_by_role("button", name="提交复核").click()
    expect(page.locator(".p-alert.is-bad")).to_contain_text("群众满意度")
    page.locator('input[name="reason-F1-2"]').fill("抽查 20 户，1 户不满意")
    looked_at(page)
    shot(page, "flags-recheck")
    page.get_by_role("button", name="提交复核").click()
    expect(page.locator(".p-head")).to_contain_text("部门已复核")

    page = sign_in(cast["staff"])
    page.goto(f"/flags/categories/{party.category_id}/decide/")
    expect(page.locator(f'input[name="answer-{party.pk}"][value="yes"]')).to_be_checked()
    page.locator("#minute_number").fill("部务会〔2026〕12 号")
    looked_at(page)
    shot(page, "flags-meeting")
    page.get_by_role("button", name="记录审定结果").click()
    page.goto(f"/flags/rounds/{row.pk}/notice/")
    page.locator('input[name="from_on"]').fill(timezone.localdate().isoformat())
    page.get_by_role("button", name="开始公示").click()
    expect(page.locator(".fl-paper")).to_contain_text("东一村")
    looked_at(page)
    shot(page, "flags-notice")
    # Nothing to prepare while the notice runs.
    page.goto(f"/flags/rounds/{row.pk}/awards/")
    expect(page.get_by_role("button", name="拟授红旗")).to_have_count(0)
    yesterday = timezone.localdate() - timedelta(days=1)
    FlagApplication.objects.filter(pk=party.pk).update(notice_from=yesterday - timedelta(days=7), notice_to=yesterday)
    page.reload()
    page.get_by_role("button", name="拟授红旗").click()
    expect(page.locator("text=待领导批准").first).to_be_visible()
    expect(page.get_by_role("button", name="批准所勾选的红旗")).to_have_count(0)

    page = sign_in(cast["leader"])
    page.goto(f"/flags/rounds/{row.pk}/awards/")
    looked_at(page)
    shot(page, "flags-awards")
    page.get_by_role("button", name="批准所勾选的红旗").click()
    if "reauth" in page.url or page.locator('input[type="password"]').count():
        page.locator('input[type="password"]').fill("Right-Horse-7-Battery")
        page.locator('main button[type="submit"], #content button').first.click()
        page.get_by_role("button", name="批准所勾选的红旗").click()
    expect(page.locator("text=202").first).to_be_visible()
    award = FlagAward.objects.get()
    assert (award.code, award.village_id, award.approved_by) == ("F1", village.pk, cast["leader"])
    page.goto("/flags/")
    expect(page.locator(".fl-board .p-flag").first).to_be_visible()
    looked_at(page)
    page.goto(f"/flags/awards/{award.pk}/certificate/")
    looked_at(page)


def test_the_pages_fit_a_telephone(cast: dict[str, User], row: FlagRound, sign_in: SignIn) -> None:
    page = sign_in(cast["applicant"], viewport=PHONE)
    for address in (f"/flags/rounds/{row.pk}/apply/", "/flags/applications/", "/flags/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address
