"""Accounts and roles in the browser: a new colleague is let in, and the auditor sees who did it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts import sealing
from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Membership, Unit
from tests.browser.conftest import SignIn
from tests.conftest import make_user

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"
SCREEN = {"width": 1366, "height": 768}
NEW_PASSWORD = "Blue-Kettle-41-Runs"

Shot = Callable[[Page, str], None]


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Shot:
    def take(page: Page, name: str) -> None:
        if request.config.getoption("--screenshots"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


@pytest.fixture
def head_file(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEAD_FILE = str(tmp_path / "audit-head.json")


def choose(page: Page, field: str, words: str, option: str) -> None:
    """Picks from a box that searches while one types."""
    page.locator(f"#id_{field} + .select2").click()
    page.locator(".select2-search__field").fill(words)
    page.locator(".select2-results__option", has_text=option).first.click()


def test_new_colleague_from_account_to_role(
    sign_in: SignIn, browser: Browser, live_server: Any, county: Unit, east: Unit, county_leader: User, shot: Shot
) -> None:
    page = sign_in(make_user("admin", Role.SA, county), viewport=SCREEN)
    page.goto("/accounts/user/")
    page.get_by_role("link", name="新增账号").click()
    page.fill("#id_username", "liming")
    page.fill("#id_name", "李明")
    page.get_by_role("button", name="保存", exact=True).click()
    password = page.locator(".p-code").inner_text()
    shot(page, "accounts-one-time")
    page.get_by_role("link", name="完成").click()
    expect(page).to_have_url(f"{live_server.url}/accounts/user/{User.objects.get(username='liming').pk}/change/")

    page.goto("/branches/membership/add/")
    choose(page, "user", "liming", "李明")
    page.select_option("#id_role", "TS")
    choose(page, "unit", "东乡", "东乡")
    shot(page, "roles-propose")
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url("**/branches/membership/")
    proposal = Membership.objects.get(user__username="liming")
    assert proposal.confirmed_by is None

    leader = sign_in(county_leader, viewport=SCREEN)
    leader.goto("/branches/membership/?state=proposed")
    leader.goto(f"/branches/membership/{proposal.pk}/change/")
    leader.get_by_role("link", name="确认", exact=True).click()
    shot(leader, "roles-confirm")
    leader.get_by_role("button", name="确认", exact=True).click()
    leader.wait_for_url("**/change/")
    proposal.refresh_from_db()
    assert proposal.confirmed_by == county_leader

    context = browser.new_context(base_url=live_server.url, viewport=SCREEN, locale="zh-CN")
    own = context.new_page()
    own.goto("/")
    own.fill("#id_username", "LiMing")
    own.fill("#id_password", "wrong-password-1")
    own.get_by_role("button", name="登录").click()
    expect(own.get_by_role("alert")).to_contain_text("连续 5 次不对将锁定 15 分钟")
    shot(own, "login-wrong")
    own.fill("#id_username", "LiMing")
    own.fill("#id_password", password)
    own.get_by_role("button", name="登录").click()
    own.wait_for_url("**/password_change/")
    shot(own, "password-change")
    own.fill("#id_old_password", password)
    own.fill("#id_new_password1", NEW_PASSWORD)
    own.fill("#id_new_password2", NEW_PASSWORD)
    own.get_by_role("button", name="修改密码").click()
    expect(own).to_have_url(f"{live_server.url}/")
    context.close()
    user = User.objects.get(username="liming")
    assert user.check_password(NEW_PASSWORD)
    assert user.has_perm("assessments.submit_return")


def test_password_again_before_confirming(
    sign_in: SignIn, county: Unit, east: Unit, county_leader: User, newcomer: User, shot: Shot
) -> None:
    admin = make_user("admin", Role.SA, county)
    proposal = Membership.objects.create(
        user=newcomer, role=Role.TS, unit=east, valid_from=timezone.localdate(), proposed_by=admin
    )
    page = sign_in(county_leader, viewport=SCREEN)
    page.goto(f"/reauth/?next=/branches/membership/{proposal.pk}/confirm/")
    shot(page, "password-again")
    page.fill("#id_password", "Right-Horse-7-Battery")
    page.get_by_role("button", name="继续").click()
    page.wait_for_url("**/confirm/")
    page.get_by_role("button", name="确认", exact=True).click()
    page.wait_for_url("**/change/")
    proposal.refresh_from_db()
    assert proposal.confirmed_by == county_leader


def test_auditor_reads_and_verifies(
    sign_in: SignIn, client: Any, county: Unit, east_editor: User, head_file: None, shot: Shot
) -> None:
    client.post("/login/", {"username": "east_editor", "password": "Right-Horse-7-Battery"})
    client.post("/login/", {"username": "nobody", "password": "x"})
    sealing.seal(timezone.now())
    page = sign_in(make_user("auditor", Role.AU, county), viewport=SCREEN)
    page.goto("/accounts/auditevent/")
    expect(page.locator("#result_list tbody tr")).to_have_count(AuditEvent.objects.count())
    shot(page, "audit-list")
    page.locator("#result_list tbody tr a").last.click()
    page.goto("/accounts/auditevent/")
    page.get_by_role("link", name="操作日志封存").click()
    shot(page, "audit-chain")
    page.get_by_role("button", name="立即校验").click()
    page.wait_for_url("**/jobs/*/")
    page.goto("/accounts/auditevent/")
    with page.expect_download() as download:
        page.get_by_role("button", name="导出 CSV").click()
    assert Path(download.value.path()).read_text(encoding="utf-8-sig").count("\n") >= 4
