"""A year in a real browser: pasted, computed by one account, published by another, shortcuts refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from assessments.models import CadreResult, DepartmentScore, YearAssessment
from assessments.services import year as years
from assessments.year_rules import default_rules
from branches.models import Unit
from tests.assessments.year_ground import FIRST_HALF, RULES, enter_everything, make_people, publish_months
from tests.browser.conftest import PHONE, SignIn

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
PASTE = """([text]) => {
  const data = new DataTransfer(); data.setData("text/plain", text);
  const init = {clipboardData: data, bubbles: true, cancelable: true};
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", init));
}"""


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found]


@pytest.fixture
def row(county: Unit, county_admin: User, county_leader: User) -> YearAssessment:
    make_people(county)
    publish_months(county, county_admin, county_leader, FIRST_HALF[:2], 东三村={"E4": 9})
    now = timezone.now()
    return years.open_assessment(county, 2026, "first_half", by=county_admin, now=now, rules=RULES)


@pytest.fixture
def entered(row: YearAssessment, county_admin: User) -> YearAssessment:
    enter_everything(row, county_admin)
    return row


def test_a_block_is_pasted_and_saved_and_a_wrong_cell_is_marked(
    row: YearAssessment, east: Unit, county_admin: User, sign_in: SignIn
) -> None:
    page = sign_in(county_admin)
    page.goto(f"/year/{row.pk}/departments/?township={east.pk}")
    cells = page.locator("[data-year-grid] tbody tr input.is-num")
    expect(cells).to_have_count(3)
    cells.nth(0).focus()
    page.evaluate(PASTE, ["91\t项目快\n188\t台账不全\n85\t"])
    expect(cells.nth(1)).to_have_value("188")
    expect(page.locator("[data-pasted]")).to_contain_text("6")
    cells.nth(0).focus()
    cells.nth(0).press("Enter")
    expect(cells.nth(1)).to_be_focused()
    page.locator("[data-year-grid] button.is-primary").click()
    wrong = page.locator('[aria-invalid="true"]')
    expect(wrong).to_have_count(1)
    expect(wrong).to_have_value("188")
    assert violations(page) == []
    assert DepartmentScore.objects.count() == 0
    wrong.fill("88")
    page.locator("[data-year-grid] button.is-primary").click()
    expect(page.locator(".messagelist")).to_contain_text("3")
    assert sorted(DepartmentScore.objects.values_list("score_hundredths", flat=True)) == [8500, 8800, 9100]


def test_computed_by_one_and_published_by_another(
    entered: YearAssessment, county_admin: User, county_leader: User, east_editor: User, sign_in: SignIn
) -> None:
    staff = sign_in(county_admin)
    staff.goto(f"/year/{entered.pk}/")
    staff.get_by_role("button", name="计算结果").click()
    expect(staff.locator(".messagelist")).to_contain_text("5 个村有名次")
    expect(staff.get_by_role("link", name="审核并公布")).to_have_count(0)
    refused_everywhere(staff, entered, county_admin)

    township = sign_in(east_editor)
    township.goto("/year/villages/")
    expect(township.locator("main")).not_to_contain_text("东一村")

    leader = sign_in(county_leader)
    leader.goto(f"/year/{entered.pk}/")
    assert violations(leader) == []
    leader.locator(f'a[href="{reverse("assessments:year_publish", args=[entered.pk])}"]').click()
    leader.locator(".m-publish button.is-primary").click()
    expect(leader.locator("#quota_reason")).to_be_focused()
    leader.locator("#quota_reason").fill("部务会议研究同意")
    leader.locator(".m-publish button.is-primary").click()
    leader.wait_for_url(re.compile(rf"/year/{entered.pk}/$"))
    entered.refresh_from_db()
    assert (entered.state, entered.published_by) == (YearAssessment.State.PUBLISHED, county_leader)

    township.goto("/year/villages/")
    expect(township.locator("main")).to_contain_text("东一村")
    township.locator("table a", has_text="东三村").click()
    expect(township.locator("[data-total]")).to_have_text("90.60")
    assert violations(township) == []


def refused_everywhere(staff: Page, row: YearAssessment, county_admin: User) -> None:
    """Who had it computed publishes neither by the page, nor by the endpoint, nor past both."""
    answer = staff.request.get(f"/year/{row.pk}/publish/")
    assert answer.status in (403, 200)
    assert "quota_reason" not in answer.text()
    row.refresh_from_db()
    endpoint = f"/api/v1/year-assessments/{row.pk}/publish/"
    token = staff.evaluate("window.portalShell.csrfToken()")
    headers = {"X-CSRFToken": token, "If-Match": f'"{row.version}"', "Content-Type": "application/json"}
    answer = staff.request.post(endpoint, data=json.dumps({"quota_reason": "x"}), headers=headers)
    assert answer.status == 403
    with pytest.raises(IntegrityError), transaction.atomic():
        YearAssessment.objects.filter(pk=row.pk).update(state="published", published_by=county_admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        CadreResult.objects.filter(assessment=row).update(grade="incompetent")


def test_another_grade_is_set_with_its_reason(entered: YearAssessment, county_admin: User, sign_in: SignIn) -> None:
    years.compute_assessment(entered, by=county_admin, now=timezone.now())
    result = CadreResult.objects.get(assessment=entered, person__name="东一村书记")
    page = sign_in(county_admin)
    page.goto(f"/year/cadres/{result.pk}/")
    page.locator("#id_grade").select_option("competent")
    page.get_by_role("button", name="确定等次").click()
    expect(page.locator(".p-error, .errornote, [role=alert]").first).to_be_visible()
    page.locator("#id_reason").fill("年内被通报批评")
    page.get_by_role("button", name="确定等次").click()
    expect(page.locator("main")).to_contain_text("年内被通报批评")
    result.refresh_from_db()
    assert (result.grade, result.proposed) == ("competent", "excellent")


@pytest.mark.parametrize(
    "path",
    [
        "/year/",
        "/year/{pk}/",
        "/year/{pk}/people/",
        "/year/{pk}/rules/",
        "/year/villages/",
        "/year/cadres/",
        "/year/items/",
        "/year/meetings/new/",
        "/year/proposals/",
    ],
)
def test_on_a_phone_nothing_scrolls_sideways(
    entered: YearAssessment, county_admin: User, sign_in: SignIn, path: str
) -> None:
    years.compute_assessment(entered, by=county_admin, now=timezone.now())
    page: Any = sign_in(county_admin, viewport=PHONE)
    page.goto(path.format(pk=entered.pk))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert violations(page) == []


def test_a_meeting_is_entered_in_one_table(
    row: YearAssessment, east_editor: User, county_admin: User, sign_in: SignIn
) -> None:
    page = sign_in(east_editor)
    page.goto("/year/meetings/new/")
    page.locator("#id_entitled").fill("50")
    page.locator("#id_present").fill("45")
    first = page.locator("tbody tr input").first
    first.focus()
    page.evaluate(PASTE, ["43\t2\t0\t0\n20\t15\t6\t4\n10\t10\t5\t20"])
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main")).to_contain_text("待确认")
    grades = page.locator("tbody tr td .p-grade")
    expect(grades).to_have_text(["好", "较好", "差"])
    county = sign_in(county_admin)
    county.goto(page.url)
    county.get_by_role("button", name="确认记录").click()
    expect(county.locator("main")).to_contain_text("已确认")


def test_the_default_rules_open_an_assessment(county: Unit, county_admin: User, sign_in: SignIn) -> None:
    page = sign_in(county_admin)
    page.goto("/year/new/")
    page.locator("#id_months").fill("50")
    page.get_by_role("button", name="开启考核").click()
    expect(page.locator("main")).to_contain_text("合计应为 100")
    page.locator("#id_months").fill("60")
    page.locator("#id_year").fill("2025")
    page.get_by_role("button", name="开启考核").click()
    page.wait_for_url(re.compile(r"/year/\d+/$"))
    row = YearAssessment.objects.get()
    assert years.rules_of(row) == default_rules()
