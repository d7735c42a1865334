"""From review to a published receipt in a real browser: no console message, focus kept, keys, dialogs, progress."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import jobs
from accounts.models import Job, User
from accounts.roles import Role
from assessments.jobs import CLOSE
from assessments.models import Period, Ranking, Return
from assessments.services import appeals, review
from branches.models import Unit
from tests.assessments.month_ground import accept_all, compute, make_month, publish, result_of, set_values, submit
from tests.browser.conftest import PHONE, SignIn
from tests.conftest import make_user

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def period(county: Unit) -> Period:
    now = timezone.now()
    make_month(county, month=date(2026, 9, 1), state=Period.State.CLOSED, now=now)
    period = make_month(county, now=now)
    set_values(period, "东一村", D2_d=12, D2_n=12)
    return period


@pytest.fixture
def waiting(period: Period, east: Unit, west: Unit, east_editor: User, west_editor: User) -> tuple[Return, Return]:
    """东乡 has waited longer."""
    now = timezone.now()
    first = submit(period, east, east_editor, at=now - timezone.timedelta(hours=30))
    return first, submit(period, west, west_editor, at=now - timezone.timedelta(hours=2))


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found]


def has_no_sideways_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


class TestReview:
    def test_one_cell_is_returned_with_a_reason_and_the_return_with_it(
        self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn
    ) -> None:
        east, west = waiting
        page = sign_in(county_admin)
        page.goto(f"/review/{east.pk}/")
        rows = page.locator(".r-cells tbody tr")
        expect(rows).to_have_count(2)

        rows.nth(1).locator('button[value="accepted"]').click()
        expect(rows.nth(1).locator(".p-chip.is-ok")).to_be_visible()
        rows.nth(0).locator('button[value="returned"]').click()
        field = rows.nth(0).locator('input[name="text"]')
        expect(field).to_be_focused()
        field.fill("请核对受理数")
        field.press("Enter")
        expect(rows.nth(0)).to_contain_text("请核对受理数")
        expect(rows.nth(0).locator(".r-verdict button")).to_be_focused()
        expect(page.locator("#review-decide")).to_contain_text("2")

        reason = page.locator("#reason")
        page.locator('[data-dialog-open="confirm-return"]').click()
        expect(page.locator("#confirm-return")).to_be_hidden()
        expect(reason).to_be_focused()
        page.locator('[data-phrase-for="reason"]').first.click()
        expect(reason).not_to_have_value("")
        page.locator('[data-dialog-open="confirm-return"]').click()
        expect(page.locator("#confirm-return")).to_contain_text("请核对受理数")
        page.locator('#confirm-return [name="decision"]').click()

        page.wait_for_url(re.compile(f"/review/{west.pk}/"))
        east.refresh_from_db()
        assert east.state == Return.State.RETURNED

    def test_typed_remarks_stay_while_verdicts_are_given(
        self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn
    ) -> None:
        page = sign_in(county_admin)
        page.goto(f"/review/{waiting[0].pk}/")
        page.locator("#reason").fill("写到一半")
        page.locator('.r-cells button[value="accepted"]').first.click()
        expect(page.locator(".r-cells .p-chip.is-ok")).to_be_visible()
        expect(page.locator("#reason")).to_have_value("写到一半")

    def test_several_cells_at_once(self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn) -> None:
        page = sign_in(county_admin)
        page.goto(f"/review/{waiting[0].pk}/")
        expect(page.locator("[data-bulk]")).to_be_hidden()
        page.locator("[data-select-all]").check()
        expect(page.locator("[data-bulk-count]")).to_have_text("2")
        page.locator('[data-bulk] [value="accepted"]').click()
        expect(page.locator(".r-cells .p-chip.is-ok")).to_have_count(2)

    def test_j_and_k_walk_through_the_queue(
        self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn
    ) -> None:
        east, west = waiting
        page = sign_in(county_admin)
        page.goto(f"/review/{east.pk}/")
        page.keyboard.press("j")
        page.wait_for_url(re.compile(f"/review/{west.pk}/"))
        page.keyboard.press("k")
        page.wait_for_url(re.compile(f"/review/{east.pk}/"))
        page.locator("#reason").press("j")
        expect(page.locator("#reason")).to_have_value("j")

    def test_clean_ones_are_accepted_at_once(
        self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn
    ) -> None:
        page = sign_in(county_admin)
        page.goto("/review/")
        page.locator('[data-dialog-open="accept-clean"]').click()
        expect(page.locator("#accept-clean")).to_contain_text("西乡")
        page.locator("#accept-clean .is-primary").click()
        expect(page.locator(".messagelist")).to_contain_text("西乡")
        waiting[1].refresh_from_db()
        assert waiting[1].state == Return.State.ACCEPTED

    def test_on_a_phone(self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn) -> None:
        page = sign_in(county_admin, viewport=PHONE)
        page.goto(f"/review/{waiting[0].pk}/")
        assert has_no_sideways_scroll(page)
        page.locator('.r-cells button[value="accepted"]').first.click()
        expect(page.locator(".r-cells .p-chip.is-ok")).to_be_visible()


class TestMonth:
    def test_locking_shows_progress_until_the_draft_is_there(
        self, period: Period, county_admin: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker is busy elsewhere until the test lets it run."""
        monkeypatch.setattr(jobs, "wake", lambda job_id: True)
        accept_all(period, county_admin)
        page = sign_in(county_admin)
        page.goto(f"/months/{period.pk}/")
        page.locator('[data-dialog-open="lock"]').click()
        page.locator("#lock .is-primary").click()
        expect(page.locator("#period-progress progress")).to_be_visible()
        jobs.run(Job.objects.get(kind=CLOSE).pk)
        expect(page.locator('a[href^="/ranking/?ranking="]').first).to_be_visible()
        assert Ranking.objects.get().state == Ranking.State.DRAFT

    def test_a_leader_publishes_in_the_dialog(
        self, period: Period, county_admin: User, county_leader: User, sign_in: SignIn
    ) -> None:
        compute(period, county_admin)
        page = sign_in(county_leader)
        page.goto(f"/months/{period.pk}/")
        page.locator('[data-dialog-open="publish"]').click()
        page.keyboard.press("Escape")
        expect(page.locator("#publish")).to_be_hidden()
        expect(page.locator('[data-dialog-open="publish"]')).to_be_focused()
        page.locator('[data-dialog-open="publish"]').click()
        page.locator("#publish .is-primary").click()
        page.wait_for_url(re.compile("/ranking/"))
        assert Ranking.objects.get().published_by == county_leader

    def test_all_who_have_not_handed_in_are_selected_with_one_box(
        self, period: Period, county_admin: User, sign_in: SignIn
    ) -> None:
        page = sign_in(county_admin)
        page.goto(f"/months/{period.pk}/")
        page.locator("[data-remind-all]").check()
        page.locator('[data-dialog-open="remind"]').click()
        page.locator("#remind .is-primary").click()
        expect(page.locator(".messagelist")).to_contain_text("西乡")
        assert Return.objects.exclude(reminder="").count() == 2


class TestReceipt:
    @pytest.fixture
    def ranking(self, period: Period, county_admin: User, county_leader: User) -> Ranking:
        set_values(period, "东二村", E4=2)
        return publish(period, county_admin, county_leader, at=timezone.now())

    def test_it_opens_and_closes_inside_the_ranking(
        self, ranking: Ranking, county_admin: User, sign_in: SignIn
    ) -> None:
        page = sign_in(county_admin)
        page.goto("/ranking/")
        link = page.locator("[data-drill]").last
        link.click()
        expect(page.locator("tr.p-drill")).to_contain_text("E4")
        expect(link).to_have_attribute("aria-expanded", "true")
        expect(link).to_be_focused()

        toggle = page.locator("[data-full-toggle]")
        expect(page.locator("tr[data-full]:visible")).to_have_count(0)
        toggle.click()
        expect(page.locator("tr[data-full]:visible")).to_have_count(4)
        toggle.click()
        expect(page.locator("[data-full-rest]")).to_be_visible()
        link.click()
        expect(page.locator("tr.p-drill")).to_have_count(0)
        expect(link).to_have_attribute("aria-expanded", "false")

    def test_a_point_is_followed_to_its_cell_in_three_clicks(
        self, ranking: Ranking, east_editor: User, sign_in: SignIn
    ) -> None:
        page = sign_in(east_editor)
        page.goto("/ranking/")
        page.locator("table.b-board th a", has_text="东二村").click()
        page.locator('tr[data-line="E4"] td a').click()
        page.wait_for_url(re.compile(r"/returns/\d+/\?village=\d+&cell=E4"))

    def test_a_line_is_objected_to(self, ranking: Ranking, east_editor: User, sign_in: SignIn) -> None:
        page = sign_in(east_editor)
        page.goto(f"/ranking/results/{result_of(ranking, '东二村').pk}/")
        page.locator('tr[data-line="E4"] .b-object').click()
        page.locator("#claim").fill("已修复，有验收单")
        page.locator('input[inputmode="decimal"]').fill("0")
        page.locator("form .is-primary").click()
        page.wait_for_url(re.compile(r"/appeals/\d+/$"))
        expect(page.locator("#content")).to_contain_text("已修复，有验收单")

    def test_filters_send_themselves(self, ranking: Ranking, county_admin: User, west: Unit, sign_in: SignIn) -> None:
        page = sign_in(county_admin)
        page.goto("/ranking/")
        page.locator('select[name="township"]').select_option(str(west.pk))
        page.wait_for_url(re.compile(f"township={west.pk}"))
        expect(page.locator("table.b-board tbody th")).to_have_count(2)

    def test_the_receipt_prints_on_one_page(self, ranking: Ranking, county_admin: User, sign_in: SignIn) -> None:
        page = sign_in(county_admin)
        page.goto(f"/ranking/results/{result_of(ranking, '东二村').pk}/")
        content = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
        page.emulate_media(media="print")
        expect(page.locator("tr[data-full]:visible")).to_have_count(4)
        expect(page.locator("#portal-nav")).to_be_hidden()


class TestEveryone:
    @pytest.fixture
    def pages(
        self, waiting: tuple[Return, Return], county: Unit, county_admin: User, county_leader: User, east_editor: User
    ) -> list[str]:
        """A review under way in October; September published with an objection that asks for a correction."""
        staff = make_user("second_staff", Role.CS, county)
        september = Period.objects.get(month=date(2026, 9, 1))
        Period.objects.filter(pk=september.pk).update(state=Period.State.OPEN)
        september.refresh_from_db()
        set_values(september, "东一村", E4=2)
        ranking = publish(september, county_admin, county_leader, at=timezone.now())
        result = result_of(ranking, "东一村")
        appeal = appeals.open_appeal(result, "E4", "已修复", {"E4": 0}, by=east_editor, now=timezone.now())
        appeals.decide_appeal(appeal, "upheld", "属实", {}, by=staff, now=timezone.now())
        east = waiting[0]
        key = review.Remark(Unit.objects.get(name="东一村").pk, "D2.n", review.Verdict.RETURNED, "请核对")
        review.record_verdicts(east, [key], by=county_admin, now=timezone.now())
        return [
            "/review/",
            f"/review/{east.pk}/",
            f"/review/{east.pk}/?tab=all",
            f"/review/{east.pk}/?tab=record",
            "/months/",
            f"/months/{east.period_id}/",
            f"/months/{september.pk}/",
            "/ranking/?lost=1",
            f"/ranking/results/{result.pk}/?full=1",
            "/appeals/",
            f"/appeals/{appeal.pk}/",
        ]

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"prefs": {"portal.theme": "dark"}},
            {"prefs": {"portal.font": "xl"}},
            {"language": "en"},
            {"viewport": {"width": 320, "height": 640}, "language": "en"},
        ],
        ids=["plain", "dark", "xl", "english", "narrow"],
    )
    def test_every_page_is_accessible_and_fits(
        self, pages: list[str], county_admin: User, sign_in: SignIn, options: dict[str, Any]
    ) -> None:
        page = sign_in(county_admin, **options)
        faults: dict[str, Any] = {}
        for address in pages:
            page.goto(address)
            found = violations(page)
            if not has_no_sideways_scroll(page):
                found.append("scrolls sideways")
            if found:
                faults[address] = found
        assert faults == {}

    def test_without_scripts_a_verdict_and_a_decision_go_through(
        self, waiting: tuple[Return, Return], county_admin: User, sign_in: SignIn
    ) -> None:
        east = waiting[0]
        page = sign_in(county_admin, java_script_enabled=False)
        page.goto(f"/review/{east.pk}/")
        page.locator('.r-cells button[value="returned"]').first.click()
        page.locator('input[name="text"]').fill("请核对")
        page.locator('.r-verdict button[value="returned"]').first.click()
        expect(page.locator(".r-cells")).to_contain_text("请核对")
        page.locator("#reason").fill("见单元格")
        page.locator('noscript button[name="decision"]').click()
        east.refresh_from_db()
        assert east.state == Return.State.RETURNED
