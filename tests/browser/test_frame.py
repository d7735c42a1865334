"""The frame in a real browser: no console message, preferences, menus, dialogs, one sending, end of session."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from branches.models import Unit

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
PASSWORD = "Right-Horse-7-Battery"
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine"),
    pytest.mark.urls("tests.test_shell"),
    pytest.mark.django_db(transaction=True),
]

Opener = Callable[..., Page]


@pytest.fixture
def said() -> list[str]:
    """What the browser's console said."""
    return []


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, said: list[str]) -> Iterator[Opener]:
    contexts: list[BrowserContext] = []

    def opener(user: User | None = None, **options: Any) -> Page:
        context = browser.new_context(
            base_url=live_server.url, **{"viewport": {"width": 1366, "height": 768}, **options}
        )
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.goto("/login/")
        if user is not None:
            page.fill("#id_username", user.username)
            page.fill("#id_password", PASSWORD)
            page.click("button.is-lg")
            expect(page.locator("#portal-nav")).to_be_attached()
        return page

    yield opener
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_say_nothing_in_the_console_and_pass_the_accessibility_rules(
    open_page: Opener, said: list[str], county_admin: User, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(county_admin, color_scheme=scheme, bypass_csp=True)
    for address in ("/components/", "/branches/unit/", "/password_change/", "/no/such/page/"):
        page.goto(address)
        found = axe.run(page, options=AXE_RULES).response["violations"]
        assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == [], address
    assert [text for text in said if "404" not in text and not text.startswith("verbose")] == []


def test_policy_is_kept_on_every_kind_of_page(open_page: Opener, said: list[str], county_admin: User) -> None:
    unit = Unit.objects.get(name="东乡")
    page = open_page(county_admin)
    for address in (
        "/",
        "/components/",
        "/branches/unit/",
        f"/branches/unit/{unit.pk}/change/",
        "/branches/branch/add/",
    ):
        page.goto(address)
    assert [text for text in said if "ontent Security Policy" in text or text.startswith("error")] == []


def test_text_size_and_theme_are_kept_from_page_to_page(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    page.click("summary[title*='字号']")
    page.click("[data-font-choice=xl]")
    page.click("[data-theme-choice=dark]")
    expect(page.locator("[data-font-choice=xl]")).to_have_attribute("aria-pressed", "true")
    page.goto("/password_change/")
    assert page.evaluate("[document.documentElement.dataset.font, document.documentElement.dataset.theme]") == [
        "xl",
        "dark",
    ]
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"


def test_language_is_switched_in_the_header(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    page.goto("/password_change/")
    page.click("summary[title*='字号']")
    page.click("button[name=language][value=en]")
    expect(page.locator("h1")).to_have_text("Password change")
    assert page.url.endswith("/password_change/")


def test_menus_close_on_escape_and_elsewhere(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    menu, other = page.locator("details[data-menu]").nth(0), page.locator("details[data-menu]").nth(1)
    menu.locator("summary").click()
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    other.locator("summary").click()
    assert menu.get_attribute("open") is None
    assert other.get_attribute("open") is not None
    page.locator("h1").click()
    assert other.get_attribute("open") is None


def test_menu_is_a_drawer_on_a_phone_and_icons_on_request(open_page: Opener, county_admin: User) -> None:
    phone = open_page(county_admin, viewport={"width": 390, "height": 844})
    button = phone.locator("[data-nav-toggle]")
    expect(phone.locator("#portal-nav")).to_be_hidden()
    button.click()
    expect(phone.locator("#portal-nav")).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(phone.locator("#portal-nav a").first).to_be_focused()
    phone.keyboard.press("Escape")
    expect(phone.locator("#portal-nav")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390

    desk = open_page(county_admin)
    desk.click("[data-nav-toggle]")
    desk.goto("/password_change/")
    assert desk.locator("#portal-nav").bounding_box()["width"] == 60  # type: ignore[index]


def test_dialog_gives_the_focus_back_and_a_phrase_fills_the_reason(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    page.goto("/components/")
    page.click("[data-dialog-open=demo-dialog]")
    page.click("[data-phrase-for=demo-reason]")
    expect(page.locator("#demo-reason")).to_have_value("材料与现场不符")
    page.keyboard.press("Escape")
    expect(page.locator("#demo-dialog")).to_be_hidden()
    expect(page.locator("[data-dialog-open=demo-dialog]")).to_be_focused()


def test_brief_message_is_announced_and_can_be_closed(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    page.evaluate("document.dispatchEvent(new CustomEvent('portal:toast', {detail: {text: '<b>已复制</b>'}}))")
    expect(page.locator("#portal-toasts[role=status] .p-toast span")).to_have_text("<b>已复制</b>")
    page.click("#portal-toasts button")
    expect(page.locator(".p-toast")).to_have_count(0)


def test_a_form_is_sent_once_however_often_it_is_pressed(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    page.goto("/password_change/")
    sent: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.url)
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route("**/password_change/", answer)
    for name in ("old_password", "new_password1", "new_password2"):
        page.fill(f"[name={name}]", "x")
    page.evaluate(
        "const button = document.querySelector('form.p-card button[type=submit]');"
        "button.click(); button.click(); button.click()"
    )
    page.wait_for_timeout(300)
    assert len(sent) == 1


def test_end_of_session_is_announced_and_put_off(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer)
    warning = page.locator("#portal-session")
    page.evaluate("portalPrefs.write('portal.active', '0')")
    idle = int(warning.get_attribute("data-idle-seconds"))  # type: ignore[arg-type]
    page.evaluate(
        f"const then = Date.now() - {(idle - 60) * 1000}; const real = Date.now; "
        f"window.shift = {(idle - 60) * 1000}; Date.now = () => real() + window.shift"
    )
    expect(warning).to_be_visible()
    expect(warning.locator("[data-session-left]")).to_have_text(re.compile(r"^(1:00|0:5\d)$"))
    page.click("[data-session-keep]")
    expect(warning).to_be_hidden()
    with page.expect_request("**/login/?next=%2F"):
        page.evaluate(f"window.shift += {(idle + 1) * 1000}")


def test_without_scripts_the_menu_is_there_and_one_can_log_out(open_page: Opener, newcomer: User) -> None:
    page = open_page(newcomer, java_script_enabled=False, viewport={"width": 390, "height": 844})
    expect(page.locator("#portal-nav")).to_be_visible()
    expect(page.locator("[data-nav-toggle]")).to_be_hidden()
    page.locator("details[data-menu]").nth(1).locator("summary").click()
    page.click("#logout-form button")
    expect(page.locator("h2")).to_have_text("已退出登录")
