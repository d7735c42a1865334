"""A real browser on a real server. Fails on any console error, script error or refused resource.

`sign_in(user)` opens a fresh page as that user: its own cookies and its own storage, as on
another computer. Without Chromium these tests are skipped, except in CI.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Response, sync_playwright

from accounts.models import User

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
DESK = {"width": 1366, "height": 650}
"""What an office screen of 1366 × 768 leaves for the page."""

PHONE = {"width": 390, "height": 760}
HARMLESS = (
    "Failed to load resource: the server responded with a status of 4",
    "net::ERR_INTERNET_DISCONNECTED",
    "net::ERR_FAILED",
)
"""Answers that a test asks for on purpose; what the page does with them is asserted there."""

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"

SignIn = Callable[..., Page]
Shot = Callable[[Page, str], None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM.exists() and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed")
    # Playwright runs an event loop in this thread; the ORM is used between its calls, never inside.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as started:
        yield started
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
    yield opened
    opened.close()


@pytest.fixture
def sign_in(browser: Browser, live_server: Any) -> Iterator[SignIn]:
    """`sign_in(user, viewport=…, language="en", prefs={"theme": "dark"})` -> a page for `page.goto("/returns/")`."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def opened(
        user: User, *, viewport: Any = None, language: str = "", prefs: dict[str, str] | None = None, **options: Any
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url, viewport=viewport or DESK, locale="zh-CN", timezone_id="Asia/Shanghai", **options
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_cookies(_cookies(user, language, live_server.url))
        for name, value in (prefs or {}).items():
            context.add_init_script(f"localStorage.setItem({name!r}, {value!r});")
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: _note(message, faults))
        page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
        page.on("response", lambda answer: _note_failure(answer, faults))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Shot:
    """Takes a picture for the guide, when they are asked for."""

    def take(page: Page, name: str) -> None:
        if request.config.getoption("--screenshots"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.wait_for_load_state("networkidle")
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


def _cookies(user: User, language: str, url: str) -> list[dict[str, Any]]:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    names = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    if language:
        names[settings.LANGUAGE_COOKIE_NAME] = language
    return [{"name": name, "value": value, "url": url} for name, value in names.items()]


def _note_failure(answer: Response, faults: list[str]) -> None:
    if answer.status >= 500:
        faults.append(f"{answer.status} {answer.url}")


def _note(message: ConsoleMessage, faults: list[str]) -> None:
    if message.type in ("error", "warning") and not any(part in message.text for part in HARMLESS):
        faults.append(f"{message.type}: {message.text}")
