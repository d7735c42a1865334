"""A secretary records Party days, village after village, by keyboard."""

from __future__ import annotations

from datetime import date

from playwright.sync_api import expect

from accounts.models import User
from branches.models import OrganisationalLife, Unit
from tests.branches.conftest import make_branch, make_life
from tests.browser.conftest import SignIn


def test_what_is_usual_is_filled_in_and_the_next_village_follows(sign_in: SignIn, east_editor: User) -> None:
    first, second = (make_branch(Unit.objects.get(name=name)) for name in ("东一村", "东二村"))
    make_life(first, held_on=date(2026, 9, 10), place="东一村会议室", chair="王书记", recorder="李文书")
    page = sign_in(east_editor)
    page.goto("/life/add/")
    page.get_by_label("主题", exact=True).fill("集中学习")
    page.get_by_label("主持人").fill("张副书记")
    page.select_option("[name=branch]", label="东一村")
    expect(page.locator("[name=due_count]")).to_have_value("35")
    assert page.input_value("[name=place]") == "东一村会议室"
    assert page.input_value("[name=chair]") == "张副书记"
    page.fill("[name=held_on]", "2026-10-10")
    page.fill("[name=excused_count]", "2")
    page.fill("[name=present_count]", "30")
    assert page.inner_text("[data-absent]") == "3"
    page.fill("[name=present_count]", "40")
    assert page.inner_text("[data-absent]") == "\u22127"
    page.fill("[name=present_count]", "31")
    page.get_by_role("button", name="保存并登记下一村").click()
    page.wait_for_url(f"**branch={second.pk}**")
    expect(page.locator("[name=present_count]")).to_be_focused()
    assert page.input_value("[name=theme]") == "集中学习"
    record = OrganisationalLife.objects.get(held_on=date(2026, 10, 10))
    assert (record.branch, record.present_count, record.chair) == (first, 31, "张副书记")
