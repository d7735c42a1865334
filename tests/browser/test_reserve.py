"""A candidate goes from nomination to the record: the township nominates and reviews, the county records."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from accounts.models import User
from branches.models import Unit
from cadres.models import ReserveCadre
from tests.browser.conftest import PHONE, SignIn
from tests.cadres.people import make_person


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_the_township_nominates_and_reviews_and_the_county_records(
    sign_in: SignIn, east_editor: User, county_admin: User
) -> None:
    person = make_person("张三", birth="1990-05", education="31")
    make_person("李四", "东二村", birth="1990-05")
    township = sign_in(east_editor)
    township.goto("/reserve/")
    township.get_by_role("link", name="提名人选").first.click()
    township.select_option("[name=village]", label="东一村")
    township.wait_for_url(f"**village={person.unit_id}")
    choices = township.locator("[name=person] option").all_inner_texts()
    assert choices == ["选择人员", "张三（1990-05，大学专科）"]
    township.select_option("[name=person]", str(person.pk))
    township.fill("[name=mentor]", "王书记")
    township.get_by_role("button", name="提名人选").click()
    expect(township.locator("h1")).to_have_text("张三")
    township.get_by_role("link", name="初审通过").click()
    township.get_by_role("button", name="初审通过").click()
    expect(township.locator(".p-head .p-chip")).to_contain_text("初审")
    expect(township.get_by_role("link", name="备案入库")).to_have_count(0)

    entry = ReserveCadre.objects.get()
    county = sign_in(county_admin)
    county.goto("/reserve/?stage=reviewed")
    county.get_by_role("link", name="张三").click()
    county.get_by_role("link", name="备案入库").click()
    county.get_by_role("button", name="备案入库").click()
    expect(county.locator(".p-tl li")).to_have_count(3)
    entry.refresh_from_db()
    assert (entry.stage, entry.mentor, entry.entered_on is not None) == ("on_record", "王书记", True)

    county.goto("/reserve/coverage/")
    county.get_by_role("link", name=re.compile("^1 人")).first.click()
    expect(county.locator("#villages")).to_contain_text("张三")
    for address in ("/reserve/", "/reserve/coverage/?level=1", "/reserve/succession/", f"/reserve/{entry.pk}/"):
        county.goto(address)
        assert fits(county), address


def test_the_pages_fit_a_phone(sign_in: SignIn, east_editor: User) -> None:
    for name in ("东一村", "东二村"):
        person = make_person(f"{name}后备", name, birth="1990-05", education="31")
        ReserveCadre.objects.create(person=person, unit=Unit.objects.get(name=name), stage="on_record")
    page = sign_in(east_editor, viewport=PHONE)
    for address in (
        "/reserve/",
        "/reserve/coverage/?level=1",
        "/reserve/funnel/?step=stock",
        "/reserve/succession/",
        "/reserve/limits/",
        "/statistics/?about=people&figure=people",
        "/statistics/trainings/",
    ):
        page.goto(address)
        assert fits(page), address
