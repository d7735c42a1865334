"""A secretary looks somebody up by the letters of the name, shows the number for a purpose, and prints the file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import AuditEvent, User
from branches.models import Branch, Unit, Village
from cadres.models import Attendance, Commendation, Training
from imports.dates import PartialDate
from tests.browser.conftest import PHONE, SignIn
from tests.cadres.people import NUMBER, make_person, post

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"


@pytest.fixture
def shoot(pytestconfig: pytest.Config) -> object:
    """Takes the picture of a page for the guide, when the run is asked for pictures."""

    def taken(page: Page, name: str) -> None:
        if pytestconfig.getoption("--screenshots"):
            IMAGES.mkdir(exist_ok=True)
            page.screenshot(path=str(IMAGES / f"{name}.png"), full_page=True)

    return taken


@pytest.fixture
def team(county: Unit) -> None:
    """A team of a village, its secretary with a whole file."""
    village = Unit.objects.get(name="东一村")
    Village.objects.create(unit=village, approved_post_count=4)
    Branch.objects.create(unit=village, name="东一村党支部", member_count=68, next_election_on=date(2026, 12, 20))
    zhang = make_person(
        "张立新", identity=NUMBER, birth="1973-03-17", gender="1", education="31", political="01", phone="00012340021",
        joined_on=PartialDate(2005, 7), origin="committee",
    )  # fmt: skip
    for code in (10, 20):
        post(zhang, code, started_on=PartialDate(2021, 12), change="continuing", mode="elected")
    post(zhang, 60, started_on=PartialDate(2016, 12), ended_on=date(2021, 11, 30), ending="moved")
    for name, code in (("李秀云", 30), ("安文书", 80)):
        post(make_person(name, gender="2", education="61"), code, started_on=PartialDate(2021, 12), change="new")
    training = Training.objects.create(
        unit=county, title="村党组织书记轮训班", kind="heads", organiser="县委组织部",
        held_on=date(2026, 9, 14), ends_on=date(2026, 9, 17), hours=Decimal(32),
    )  # fmt: skip
    Attendance.objects.create(training=training, person=zhang, hours=Decimal(32))
    Commendation.objects.create(
        person=zhang, title="县优秀党务工作者", level="county", awarded_by="县委", awarded_on=date(2023, 6, 28)
    )


def test_somebody_is_found_by_letters_revealed_with_a_purpose_and_printed(
    sign_in: SignIn, east_editor: User, team: None, shoot: object
) -> None:
    page = sign_in(east_editor)
    page.goto("/people/")
    shoot(page, "people-roster")  # type: ignore[operator]
    page.get_by_role("searchbox").fill("zlx")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("张立新")
    shoot(page, "people-person")  # type: ignore[operator]

    secret = page.locator("[data-secret=identity_number]")
    covered = "000" + "*" * 15
    expect(secret).to_have_text(covered)
    page.clock.install()
    page.get_by_role("button", name="查看身份证号").click()
    page.get_by_role("dialog").get_by_label("用途").select_option(label="报酬和社保")
    page.get_by_role("dialog").get_by_label("事由").fill("办理社保")
    page.get_by_role("dialog").get_by_role("button", name="查看").click()
    expect(secret).to_have_text(NUMBER)
    event = AuditEvent.objects.get(event="cadres.reveal_person")
    assert (event.actor, event.reason) == (east_editor, "办理社保")
    page.clock.fast_forward(29_000)
    expect(secret).to_have_text(NUMBER)
    page.clock.fast_forward(2_000)
    expect(secret).to_have_text(covered)

    page.get_by_role("button", name="比对").first.click()
    page.get_by_role("dialog").get_by_label("身份证号").fill(NUMBER)
    page.get_by_role("dialog").get_by_role("button", name="比对").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("一致。")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="打印一人一档").click()
    expect(page.get_by_role("heading", name="村干部一人一档登记表")).to_be_visible()
    shoot(page, "people-print")  # type: ignore[operator]
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="主导航")).to_be_hidden()
    sheet = page.locator(".c-sheet").bounding_box()
    assert sheet is not None
    assert sheet["height"] <= A4_HEIGHT
    assert AuditEvent.objects.filter(event="cadres.print_person").count() == 1


A4_HEIGHT = 1123 - 98
"""Pixels of a page at 96 to the inch, less the margins."""


def test_a_refused_look_says_why_and_shows_nothing(sign_in: SignIn, east_editor: User, team: None) -> None:
    page = sign_in(east_editor)
    page.goto("/people/?q=zlx")
    page.get_by_role("link", name="张立新").click()
    page.get_by_role("button", name="查看身份证号").click()
    page.get_by_role("dialog").get_by_label("用途").select_option(label="其他用途")
    page.get_by_role("dialog").get_by_label("事由").fill(" ")
    page.get_by_role("dialog").get_by_role("button", name="查看").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.locator("[data-secret=identity_number]")).to_have_text("000" + "*" * 15)
    assert not AuditEvent.objects.filter(event="cadres.reveal_person").exists()


def test_the_pages_hold_on_a_phone(sign_in: SignIn, east_editor: User, team: None) -> None:
    page = sign_in(east_editor, viewport=PHONE)
    for address in ("/people/", "/people/?q=zlx", "/people/vacancies/", "/people/trainings/duties/?state=all"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
    page.goto("/people/?q=zlx")
    page.get_by_role("link", name="张立新").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
