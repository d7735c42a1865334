"""A whole month, as the demo accounts: entered, returned, corrected, accepted, closed, published, explained.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from assessments.models import Period, Ranking, Result, Return, VillageMonth
from assessments.services.periods import rules_of_month
from branches.models import OrganisationalLife, Unit
from config.demo.build import PASSWORD, seed
from tests.browser.conftest import SignIn
from tests.browser.grid_ground import wait_saved

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "images"
SCREEN = {"width": 1366, "height": 768}

CHANGED = "双井村"
expect.set_options(timeout=20_000)

Shot = Callable[[Page, str], None]


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Shot:
    """Takes a picture for the guide, when they are asked for."""

    def take(page: Page, name: str) -> None:
        if request.config.getoption("--screenshots"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(PICTURES / f"{name}.png"))

    return take


@pytest.fixture
def period() -> Period:
    """The demo county with one published month and one open, in which 松岭镇 has not entered anything yet."""
    report = seed(county_code="", months=2, seed_number=7, accounts_only=False, now=timezone.now())
    period = Period.objects.select_related("unit").get(month=f"{report.open_month}-01")
    for row in VillageMonth.objects.filter(period=period, path__startswith=songling().path):
        row.values = {code: value for code, value in row.values.items() if code in {"A5.d", "A8.d", "D6"}}
        row.save()
    return period


def songling() -> Unit:
    return Unit.objects.get(name="松岭镇")


def own_return(period: Period) -> Return:
    return Return.objects.get(period=period, unit=songling())


def last_month(period: Period) -> dict[str, dict[str, Any]]:
    """Village -> values of last month, which this month repeats but for one inspection two points lower."""
    before = Period.objects.filter(month__lt=period.month).first()
    rows = VillageMonth.objects.filter(period=before, path__startswith=songling().path).select_related("village")
    table = {row.village.name: dict(row.values) for row in rows.order_by("path")}
    table[CHANGED]["E1"] = 10_000 * (int(number(table[CHANGED]["E1"])) - 2)
    return table


def number(stored: Any) -> str:
    scaled = stored if isinstance(stored, int) else stored[0]
    return str(scaled // 10_000)


def user(name: str) -> User:
    return User.objects.get(username=name)


def enter_month(page: Page, period: Period) -> None:
    """The first village by keyboard, the other fifteen pasted as a block from a spreadsheet."""
    codes = [cell.code for cell in rules_of_month(period).cells("T") if cell.code not in {"A5.d", "A8.d"}]
    table = last_month(period)
    (first, *others) = table
    page.goto(f"/returns/{own_return(period).pk}/")
    page.wait_for_selector("#grid-table[data-ready]")
    page.locator(f'#grid-table input[aria-label^="{first} "]').first.focus()
    for code in codes:
        page.keyboard.type(number(table[first][code]))
        page.keyboard.press("Tab")
    block = "\n".join("\t".join(number(table[village][code]) for code in codes) for village in others)
    page.evaluate("text => navigator.clipboard.writeText(text)", block)
    page.locator(f'#grid-table input[aria-label^="{others[0]} "]').first.focus()
    page.keyboard.press("Control+v")
    expect(page.locator('[data-grid="filled"]')).to_have_text("已填 240 / 240")


def explain_unusual(page: Page) -> None:
    """F8 leads to each figure that needs a reason; the reason is typed in the box beside it."""
    why = page.locator('[data-grid="why"]')
    for _place in range(60):
        if not why.inner_text().strip():
            return
        page.keyboard.press("F8")
        page.locator('[data-grid="tip"] input').first.fill("与上月情况相同，已与村核实")
        page.keyboard.press("Enter")
        wait_saved(page)
    raise AssertionError(why.inner_text())


def submit(page: Page) -> None:
    page.locator('[data-grid="submit"]').click()
    page.locator('[data-grid="confirm"]').click()
    expect(page.locator('[data-grid="withdraw"]')).to_be_visible()


def test_a_month_from_entry_to_the_record_behind_a_point(sign_in: SignIn, period: Period, shot: Shot) -> None:
    submission = own_return(period)
    secretary = sign_in(user("xiangzhen"), viewport=SCREEN)

    secretary.goto("/")
    shot(secretary, "home-township")
    enter_month(secretary, period)
    explain_unusual(secretary)
    wait_saved(secretary)
    shot(secretary, "grid")
    submit(secretary)
    submission.refresh_from_db()
    assert submission.state == Return.State.SUBMITTED

    staff = sign_in(user("xianwei"), viewport=SCREEN)
    staff.goto(f"/review/{submission.pk}/?tab=all")
    return_one_cell(staff, submission, "请核对检查表")
    shot(staff, "review")
    submission.refresh_from_db()
    assert submission.state == Return.State.RETURNED

    correct_and_submit(secretary, submission)
    accept(staff, submission)
    staff.goto("/")
    shot(staff, "home-county")

    lock_and_compute(staff, period)
    shot(staff, "month-draft")
    leader = sign_in(user("buzhang"), viewport=SCREEN)
    publish(leader, period)
    ranking = Ranking.objects.get(period=period, state=Ranking.State.PUBLISHED)
    assert (ranking.published_by.username, ranking.computed_by.username) == ("buzhang", "xianwei")

    follow_a_point(secretary, ranking, shot)


def return_one_cell(page: Page, submission: Return, reason: str) -> None:
    """The reviewer marks one figure, writes why, and sends the return back."""
    row = VillageMonth.objects.get(submission=submission, village__name=CHANGED)
    page.goto(f"/review/{submission.pk}/?tab=changed")
    key = f"{row.village_id}"
    target = page.locator(f'tr[id^="cell-{key}"]').first
    target.get_by_role("button", name="退回").click()
    asked = page.locator(f'tr[id^="cell-{key}"] input[name="text"]').first
    asked.fill(reason)
    page.locator(f'tr[id^="cell-{key}"] button[value="returned"]').first.click()
    expect(page.locator(f'tr[id^="cell-{key}"]').first).to_contain_text(reason)
    page.locator("#reason").fill(f"{CHANGED}：{reason}")
    page.get_by_role("button", name="退回修改").first.click()
    page.locator('dialog[open] button[value="return"]').click()
    page.wait_for_load_state("networkidle")


def correct_and_submit(page: Page, submission: Return) -> None:
    page.goto(f"/returns/{submission.pk}/")
    page.wait_for_selector("#grid-table[data-ready]")
    page.keyboard.press("F8")
    active = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert active.startswith(CHANGED)
    value = int(page.evaluate("document.activeElement.value"))
    page.keyboard.type(str(max(value - 1, 0)))
    page.keyboard.press("Enter")
    wait_saved(page)
    explain_unusual(page)
    submit(page)
    submission.refresh_from_db()
    assert (submission.state, submission.submission_count) == (Return.State.SUBMITTED, 2)


def accept(page: Page, submission: Return) -> None:
    page.goto(f"/review/{submission.pk}/")
    page.get_by_role("button", name="审核通过").first.click()
    page.locator('dialog[open] button[value="accept"]').click()
    page.wait_for_load_state("networkidle")
    submission.refresh_from_db()
    assert submission.state == Return.State.ACCEPTED


def lock_and_compute(page: Page, period: Period) -> None:
    page.goto(f"/months/{period.pk}/")
    page.locator('[data-dialog-open="lock"]').click()
    page.locator("dialog[open] button.is-primary").click()
    page.wait_for_load_state("networkidle")
    page.goto(f"/months/{period.pk}/")
    draft = Ranking.objects.get(period=period)
    assert (draft.state, draft.village_count, draft.ranked_count) == (Ranking.State.DRAFT, 186, 186)


def publish(page: Page, period: Period) -> None:
    """The leader gives the password again, then publishes."""
    page.goto(f"/months/{period.pk}/publish/")
    if page.locator('input[type="password"]').count():
        page.locator('input[type="password"]').fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_load_state("networkidle")
    page.locator("main form button.is-primary").last.click()
    page.wait_for_load_state("networkidle")


def follow_a_point(page: Page, ranking: Ranking, shot: Shot) -> None:
    """From the ranking to the receipt, from a line of the receipt to the record that it counts."""
    page.goto("/ranking/")
    shot(page, "ranking")
    result = Result.objects.filter(ranking=ranking, path__startswith=songling().path).order_by("county_rank").first()
    page.goto(f"/ranking/results/{result.pk}/")
    expect(page.locator("main")).to_contain_text(f"{result.total}")
    shot(page, "receipt")
    page.locator("[data-full-toggle]").click()
    page.locator('main a[href*="kind=party_day"]').first.click()
    page.wait_for_load_state("networkidle")
    held = OrganisationalLife.objects.get(
        branch__unit=result.village_id, kind="party_day", held_on__month=ranking.period.month.month
    )
    expect(page.locator("main")).to_contain_text(held.theme)
