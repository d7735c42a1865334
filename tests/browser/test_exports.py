"""A list goes out in a real browser: columns kept, the file made and fetched; identity numbers ask for the password.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from accounts.roles import Role
from accounts.sessions import PASSWORD
from branches.models import Unit
from cadres import codes
from imports import exports
from imports.models import ExportFile
from tests.browser.conftest import PHONE, SignIn
from tests.cadres.people import NUMBER, make_person, post
from tests.conftest import make_user

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"
SCREEN = {"width": 1366, "height": 768}
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}

Shot = Callable[[Page, str], None]


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Shot:
    """Takes a picture for the guide, when they are asked for."""

    def take(page: Page, name: str) -> None:
        if request.config.getoption("--screenshots"):
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


@pytest.fixture
def cadres(county: Unit) -> None:
    post(make_person("张三", identity=NUMBER, phone="13800000000"), codes.SECRETARY)
    post(make_person("李四", "东二村", identity="000000198003051214"), codes.DIRECTOR)


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found]


def forget_the_password() -> None:
    """As if everybody had logged in long ago."""
    for session in Session.objects.all():
        store = SessionStore(session.session_key)
        store[PASSWORD] = 0
        store.save()


def test_a_list_goes_out_with_kept_columns_and_is_fetched(
    county: Unit, cadres: None, sign_in: SignIn, shot: Shot
) -> None:
    page = sign_in(make_user("林晓", Role.CS, county), viewport=SCREEN)
    page.goto("/people/?q=张")
    page.get_by_role("link", name="导出", exact=True).click()
    expect(page.locator("h1")).to_have_text("导出：村干部名册")
    expect(page.locator(".p-head")).to_contain_text("姓名或拼音首字母：张")
    for heading in ("简历", "备注", "专业"):
        page.get_by_label(heading, exact=True).uncheck()
    page.get_by_label("把这组列保存为").fill("通讯录")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("link", name="通讯录")).to_be_visible()
    expect(page.get_by_label("简历", exact=True)).not_to_be_checked()
    assert violations(page) == []
    shot(page, "export-new")
    page.get_by_label("用途", exact=False).first.select_option("roster")
    page.get_by_label("具体用途").fill("年度核对")
    page.keyboard.press("Enter")
    expect(page.locator("#exports")).to_contain_text("可下载")
    assert violations(page) == []
    shot(page, "export-list")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="下载").click()
    with zipfile.ZipFile(downloading.value.path()) as packed:
        text = "".join(packed.read(name).decode() for name in packed.namelist())
    assert downloading.value.suggested_filename.startswith("村干部名册-")
    assert "张三" in text
    assert "李四" not in text
    assert NUMBER not in text
    assert ExportFile.objects.get().downloads == 1


def test_identity_numbers_ask_for_the_password_and_for_a_second_person(
    county: Unit, cadres: None, sign_in: SignIn, shot: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_WITHOUT_APPROVAL", 1)
    page = sign_in(make_user("林晓", Role.CS, county), viewport=SCREEN)
    forget_the_password()
    page.goto("/exports/new/?list=cadres")
    expect(page.get_by_label("身份证号", exact=True)).to_have_count(0)
    page.get_by_role("link", name="需要身份证号").click()
    page.locator("input[type=password]").fill("Right-Horse-7-Battery")
    page.keyboard.press("Enter")
    expect(page.get_by_label("身份证号", exact=True)).to_be_checked()
    page.locator("#purpose").select_option("election")
    page.get_by_label("具体用途").fill("换届联审")
    page.get_by_role("button", name="提交审批").click()
    expect(page.locator("#exports")).to_contain_text("待审批")

    leader = sign_in(make_user("陈立新", Role.CL, county), viewport=PHONE)
    forget_the_password()
    leader.goto("/exports/approvals/")
    leader.locator("input[type=password]").fill("Right-Horse-7-Battery")
    leader.keyboard.press("Enter")
    expect(leader.locator(".p-dl")).to_contain_text("2 人")
    assert violations(leader) == []
    shot(leader, "export-approve")
    leader.get_by_role("button", name="批准").click()
    expect(leader.locator("body")).to_contain_text("没有待审批的导出")
    page.reload()
    expect(page.locator("#exports")).to_contain_text("可下载")
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREEN["width"]
