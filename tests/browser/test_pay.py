"""A month's pay from rates to the finance office's answer, by three accounts; each shortcut refused.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from assessments.models import FlagAward, PaySheet
from branches.models import Unit
from tests.assessments.pay_ground import Ground, make_ground, prepare
from tests.browser.conftest import PHONE, Shot, SignIn


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def ground(county: Unit) -> Ground:
    """Flags that are paid this month, whenever the test is run."""
    today = timezone.localdate()
    first = today.replace(day=1)
    ground = make_ground(
        county, first_on=date(today.year - 1, 1, 1), last_on=first, valid_to=date(today.year + 1, 6, 30)
    )
    assert FlagAward.objects.filter(pay_from__lte=first).count() == 3
    return ground


def refused(page: Page, address: str, version: int = 1) -> int:
    """The answer to a form sent past the pages, as its user."""
    return int(
        page.evaluate(
            """async ([address, version]) => {
                const body = new URLSearchParams({version});
                const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value
                    || portalShell.csrfToken();
                const answer = await fetch(address, {method: "POST", body, headers: {"X-CSRFToken": token}});
                return answer.status;
            }""",
            [address, version],
        )
    )


def refused_by_api(page: Page, address: str, version: int = 1) -> int:
    return int(
        page.evaluate(
            """async ([address, version]) => {
                const headers = {"X-CSRFToken": portalShell.csrfToken(), "If-Match": `"${version}"`};
                return (await fetch(address, {method: "POST", headers})).status;
            }""",
            [address, version],
        )
    )


def test_a_month_is_prepared_signed_approved_handed_over_and_settled_by_three_accounts(
    sign_in: SignIn, shot: Shot, ground: Ground, tmp_path: Path
) -> None:
    staff = sign_in(ground.cast.staff)
    staff.goto("/pay/")
    staff.get_by_role("button", name="编制发放表").click()
    expect(staff.locator(".b-cards tbody tr").filter(has_text="东乡")).to_contain_text("2,400.00")
    shot(staff, "pay-month")
    sheet = PaySheet.objects.get(unit__name="东乡")
    shortcuts_are_refused(staff, sheet)

    township = sign_in(ground.cast.signers["东乡"])
    township.goto(f"/pay/sheets/{sheet.pk}/")
    assert fits(township)
    shot(township, "pay-sheet")
    township.get_by_role("button", name="签字").first.click()
    township.locator("#pay-sign").get_by_role("button", name="签字").click()
    expect(township.locator(".p-head .p-chip")).to_contain_text("乡镇已签字")

    leader = sign_in(ground.cast.leader)
    approves(leader, shot)

    staff.goto(f"/pay/sheets/{sheet.pk}/")
    staff.get_by_role("button", name="交财政").first.click()
    staff.get_by_role("button", name="锁定并交出").click()
    expect(staff.locator(".p-head .p-chip")).to_contain_text("已交财政")
    with staff.expect_download() as fetched:
        staff.get_by_role("button", name="下载财政用表").click()
    assert fetched.value.suggested_filename.endswith(".xlsx")

    answers(staff, shot, tmp_path)
    sheet.refresh_from_db()
    assert sheet.state == "settled"
    staff.locator("table.y-sheet tbody a").first.click()
    expect(staff.locator(".p-card").first).to_contain_text("1,000.00")
    shot(staff, "pay-line")


def shortcuts_are_refused(staff: Page, sheet: PaySheet) -> None:
    """By the page, by the API, and by the database."""
    staff.goto(f"/pay/sheets/{sheet.pk}/")
    expect(staff.get_by_role("button", name="签字")).to_have_count(0)
    assert refused(staff, f"/pay/sheets/{sheet.pk}/sign/") == 403
    assert refused_by_api(staff, f"/api/v1/pay-sheets/{sheet.pk}/sign/") == 403
    assert refused_by_api(staff, f"/api/v1/pay-sheets/{sheet.pk}/export/") == 400
    with pytest.raises(IntegrityError), transaction.atomic():
        PaySheet.objects.filter(pk=sheet.pk).update(state="exported")
    sheet.refresh_from_db()
    assert sheet.state == "draft"


def approves(leader: Page, shot: Shot) -> None:
    leader.goto("/pay/")
    leader.get_by_role("link", name=re.compile("^审批 1 张")).click()
    shot(leader, "pay-approve")
    leader.get_by_role("button", name="审批选中的发放表").click()
    expect(leader.locator(".b-cards tbody tr").filter(has_text="东乡")).to_contain_text("已审批")


def answers(staff: Page, shot: Shot, folder: Path) -> None:
    """A list that does not fit says why; the right one settles the sheet."""
    today = f"{timezone.localdate():%Y-%m-%d}"
    rows = [f"{number},{yuan},已发,{today}," for number, yuan in ((1, 1000), (2, 800), (3, 600))]
    heading = "行号,金额,结果,日期,原因"
    wrong, right = folder / "错.csv", folder / "对.csv"
    wrong.write_text("\n".join([heading, *rows, f"7,1,已发,{today},"]), encoding="utf-8")
    right.write_text("\n".join([heading, *rows]), encoding="utf-8")
    staff.set_input_files("input[type=file]", str(wrong))
    staff.get_by_role("button", name="导入清单").click()
    expect(staff.get_by_role("alert").filter(has_text="行号 7")).to_be_visible()
    shot(staff, "pay-answer")
    staff.set_input_files("input[type=file]", str(right))
    staff.get_by_role("button", name="导入清单").click()
    expect(staff.locator(".p-head .p-chip")).to_contain_text("已办结")


def test_rates_and_rules_on_the_pages(sign_in: SignIn, shot: Shot, ground: Ground) -> None:
    staff = sign_in(ground.cast.staff)
    staff.goto("/pay/rates/")
    shot(staff, "pay-rates")
    staff.get_by_role("link", name="录入标准").click()
    staff.fill("[name=secretary]", "600")
    staff.fill("[name=document]", "青组发 9 号")
    staff.get_by_role("button", name="提交审批").click()
    expect(staff.locator(".p-card").first).to_contain_text("600.00")
    leader = sign_in(ground.cast.leader)
    leader.goto("/pay/rates/")
    leader.get_by_role("link", name="审批标准和规则").click()
    leader.get_by_role("button", name="审批选中的").click()
    expect(leader.locator("table")).to_contain_text("600.00")
    for address in ("/pay/", "/pay/lines/", "/pay/rates/", "/pay/year/", "/pay/rules/new/"):
        leader.goto(address)
        assert fits(leader), address


def test_the_pages_fit_a_phone(sign_in: SignIn, ground: Ground) -> None:
    month = timezone.localdate().replace(day=1)
    sheet = prepare(ground, month, timezone.localdate())[0]
    page = sign_in(User.objects.get(pk=ground.cast.signers["东乡"].pk), viewport=PHONE)
    line = sheet.lines.first()
    assert line is not None
    for address in ("/pay/", "/pay/lines/", "/pay/rates/", f"/pay/sheets/{sheet.pk}/", f"/pay/lines/{line.pk}/"):
        page.goto(address)
        assert fits(page), address
