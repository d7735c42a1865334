"""The file of a village: from the list to its people and months, on a desk and on a phone."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import expect

from accounts.models import User
from branches.models import Branch, Unit, Village
from cadres.models import ReserveCadre
from imports.dates import PartialDate
from tests.assessments.flag_ground import make_award, make_round
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.cadres.people import make_person, post


@pytest.fixture
def village(county: Unit) -> Unit:
    unit = Unit.objects.get(name="东一村")
    Village.objects.create(unit=unit, household_count=612, population=2148, member_count=68, approved_post_count=4)
    Branch.objects.create(unit=unit, name="东一村党支部", member_count=68, next_election_on=date(2026, 12, 20))
    head = make_person("张立新", birth="1973-03-17", education="31")
    for code in (10, 20):
        post(head, code, started_on=PartialDate(2021, 12))
    post(make_person("李秀云", birth="1980", education="61"), 30, started_on=PartialDate(2021, 12))
    ReserveCadre.objects.create(
        person=make_person("林国栋", birth="1997"), unit=unit, stage="on_record", mentor="张立新"
    )
    row = make_round(county, codes="F1 F2 F3 F4 F5", valid_to=date(2099, 12, 31))
    for code in ("F1", "F3", "F4"):
        make_award(row, unit, code)
    return unit


def test_a_secretary_reads_the_file_of_a_village(sign_in: SignIn, east_editor: User, village: Unit, shot: Shot) -> None:
    page = sign_in(east_editor)
    page.goto(f"/villages/{village.pk}/")
    page.get_by_role("link", name="一村一档").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("东一村")
    expect(page.get_by_text("现有红旗").locator("..")).to_contain_text("3")
    expect(page.get_by_role("row", name="张立新").first).to_contain_text("主任")
    shot(page, "village-file")
    page.get_by_role("link", name="东二村").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("东二村")
    page.go_back()
    page.get_by_role("link", name="张立新").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("张立新")


def test_the_file_fits_a_phone(sign_in: SignIn, east_editor: User, village: Unit) -> None:
    page = sign_in(east_editor, viewport=PHONE)
    page.goto(f"/villages/{village.pk}/file/")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
