"""A person who has never seen code changes a scheme: weights, a rule, a row more, publication."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from playwright.sync_api import Page, expect

from accounts.models import User
from assessments.models import Scheme
from assessments.services import schemes
from branches.models import Unit

NOW = datetime(2026, 9, 20, 2, 0, tzinfo=UTC)
PHONE = {"width": 390, "height": 760}


def make_draft(county: Unit, by: User) -> Scheme:
    scheme = schemes.load_seed_scheme(county, by=by, number="2026-1", now=NOW)

    def edit(layout: schemes.Layout) -> None:
        layout["document"] = "青组发〔2026〕8号"

    schemes.change_scheme(scheme, edit, version=scheme.version, by=by, now=NOW)
    return Scheme.objects.get(pk=scheme.pk)


def weight(page: Page, code: str) -> Any:
    return page.locator(f"input[name='w-{code}']")


def test_the_sum_turns_red_until_it_is_100_again_and_is_saved(county: Unit, county_admin: User, sign_in: Any) -> None:
    draft = make_draft(county, county_admin)
    page = sign_in(county_admin)
    page.goto(f"/schemes/{draft.pk}/")
    total, words = page.locator("[data-total-row]"), page.locator("[data-gap]")
    expect(total).not_to_have_class(re.compile("is-off"))
    weight(page, "C1").fill("５.5")
    expect(total).to_have_class(re.compile("is-off"))
    expect(words).to_contain_text("1.5")
    expect(page.locator("[data-total]")).to_have_text("98.5")
    weight(page, "C1").press("Enter")
    expect(weight(page, "C2")).to_be_focused()
    page.keyboard.type("4.5")
    expect(total).not_to_have_class(re.compile("is-off"))
    page.get_by_role("button", name="保存权重").click()
    expect(page.locator(".messagelist")).to_contain_text("5.5")
    assert draft.indicators.get(code="C1").weight == Decimal("5.5")
    page.get_by_role("button", name="撤销").click()
    expect(weight(page, "C1")).to_have_value("7")


def test_the_settings_follow_the_chosen_rule_and_bands_grow_by_a_row(
    county: Unit, county_admin: User, sign_in: Any
) -> None:
    draft = make_draft(county, county_admin)
    page = sign_in(county_admin)
    page.goto(f"/schemes/{draft.pk}/indicators/B3/")
    rows = page.locator("#id_p-bands tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="再加一行").click()
    expect(rows).to_have_count(6)
    page.locator("input[name='p-bands-5-points']").fill("1")
    page.locator("#id_rule_type").select_option("deduct_each")
    expect(page.locator("#id_p-points")).to_be_visible()
    expect(rows).to_have_count(0)
    page.locator("#id_p-points").fill("1.5")
    page.get_by_role("button", name="保存指标").click()
    page.wait_for_url(f"**/schemes/{draft.pk}/")
    stored = draft.indicators.get(code="B3")
    assert (stored.rule_type, stored.parameters["points"]) == ("deduct_each", "1.5")


def test_the_pages_fit_a_phone(county: Unit, county_admin: User, sign_in: Any) -> None:
    draft = make_draft(county, county_admin)
    page = sign_in(county_admin, viewport=PHONE)
    for path in (
        "",
        "indicators/A1/",
        "items/",
        "grades/",
        "calendar/",
        "examples/",
        "examples/1/",
        "details/",
        "publish/",
    ):
        page.goto(f"/schemes/{draft.pk}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
