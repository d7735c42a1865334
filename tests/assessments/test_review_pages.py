"""The pages of review: who sees them, what they show, what their buttons do."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from assessments import reviewing
from assessments.cells import Value
from assessments.models import Period, Return, VillageMonth
from assessments.rules import CellSpec
from assessments.services.review import standing_verdict
from branches.models import Unit
from tests.assessments.month_ground import make_month, row_of, set_values, submit
from tests.assessments.pages import client_of, find, page, parsed, texts, words
from tests.conftest import grant, make_unit, make_user


@pytest.fixture
def period(county: Unit) -> Period:
    """October, with September before it: 东一村 goes from 2 to 12 disputes, 东二村 from 90 to 60 per cent satisfied."""
    now = timezone.now()
    make_month(county, month=date(2026, 9, 1), state=Period.State.CLOSED, now=now)
    period = make_month(county, now=now)
    set_values(period, "东一村", D2_d=12, D2_n=12)
    return period


@pytest.fixture
def submission(period: Period, east: Unit, east_editor: User) -> Return:
    return submit(period, east, east_editor, at=timezone.now() - timezone.timedelta(hours=25))


def url_of(submission: Return, name: str = "review") -> str:
    return reverse(f"assessments:{name}", args=[submission.pk])


class TestDoors:
    @pytest.mark.parametrize(
        ("who", "expected"),
        [
            ("county_admin", 200),
            ("county_leader", 403),
            ("east_editor", 403),
            ("county_viewer", 403),
            ("west_editor", 404),
        ],
    )
    def test_who_reviews(self, submission: Return, request: pytest.FixtureRequest, who: str, expected: int) -> None:
        user = request.getfixturevalue(who)
        assert client_of(user).get(url_of(submission)).status_code == expected

    @pytest.mark.parametrize("who", ["county_leader", "east_editor", "county_viewer", "newcomer"])
    def test_the_list_is_closed_to_others(self, period: Period, request: pytest.FixtureRequest, who: str) -> None:
        user = request.getfixturevalue(who)
        assert client_of(user).get(reverse("assessments:review_list")).status_code == 403

    @pytest.mark.parametrize("name", ["review_cells", "review_decide"])
    @pytest.mark.parametrize(("who", "expected"), [("county_leader", 403), ("east_editor", 403), ("west_editor", 404)])
    def test_who_decides(
        self, submission: Return, request: pytest.FixtureRequest, who: str, expected: int, name: str
    ) -> None:
        data = {
            "decision": "accept",
            "verdict": "accepted",
            "cell": f"{row_of(submission.period, '东一村').village_id}-E4",
        }
        user = request.getfixturevalue(who)
        assert client_of(user).post(url_of(submission, name), data).status_code == expected
        submission.refresh_from_db()
        assert submission.state == Return.State.SUBMITTED
        assert row_of(submission.period, "东一村").remarks == {}

    def test_visitors_are_sent_to_the_login_page(self, submission: Return) -> None:
        answer = Client().get(url_of(submission))
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("admin:login"))

    def test_a_township_cannot_accept_all_clean_ones(self, period: Period, east_editor: User) -> None:
        url = reverse("assessments:review_accept_clean", args=[period.pk])
        assert client_of(east_editor).post(url).status_code == 403


class TestList:
    def test_the_queue_tells_what_stands_out_and_how_long_it_waits(
        self, submission: Return, county_admin: User
    ) -> None:
        tree = page(client_of(county_admin), reverse("assessments:review_list"))
        (item,) = find(tree, ".p-queue li")
        assert "东乡" in words(item)
        assert "2" in find(item, ".p-chip")[0].text_content()
        assert "25" in find(item, ".p-right")[0].text_content()
        assert find(item, "a")[0].get("href") == url_of(submission)

    def test_opening_the_list_marks_nothing(self, submission: Return, county_admin: User) -> None:
        page(client_of(county_admin), reverse("assessments:review_list"))
        submission.refresh_from_db()
        assert submission.reviewed_at is None

    def test_before_the_first_month(self, county: Unit, county_admin: User) -> None:
        tree = page(client_of(county_admin), reverse("assessments:review_list"))
        assert find(tree, ".p-empty")

    def test_all_clean_ones_with_one_button(
        self, period: Period, submission: Return, west: Unit, west_editor: User, county_admin: User
    ) -> None:
        clean = submit(period, west, west_editor, at=timezone.now())
        client = client_of(county_admin)
        tree = page(client, reverse("assessments:review_list"))
        assert texts(tree, "#accept-clean .p-body p")[0] == "西乡"

        answer = client.post(reverse("assessments:review_accept_clean", args=[period.pk]), follow=True)
        assert "西乡" in answer.content.decode()
        clean.refresh_from_db()
        submission.refresh_from_db()
        assert (clean.state, submission.state) == (Return.State.ACCEPTED, Return.State.SUBMITTED)

    def test_the_same_queries_for_one_and_for_three_townships(
        self, period: Period, submission: Return, county: Unit, county_admin: User, west: Unit, west_editor: User
    ) -> None:
        client = client_of(county_admin)
        url = reverse("assessments:review_list")
        client.get(url)
        with CaptureQueriesContext(connection) as one:
            client.get(url)
        submit(period, west, west_editor, at=timezone.now())
        with CaptureQueriesContext(connection) as two:
            client.get(url)
        assert len(one) == len(two)


class TestPage:
    def test_opening_it_marks_the_return(self, submission: Return, county_admin: User) -> None:
        page(client_of(county_admin), url_of(submission))
        submission.refresh_from_db()
        assert submission.reviewed_by == county_admin

    def test_outliers_come_first_with_change_hint_and_reason(
        self, submission: Return, county_admin: User, period: Period
    ) -> None:
        row = row_of(period, "东一村")
        row.notes = {"D2.d": "集中排查"}
        row.save()
        tree = page(client_of(county_admin), url_of(submission))
        rows = find(tree, ".r-cells tbody tr")
        assert [node.get("id").split("-", 2)[2] for node in rows] == ["D2.n", "D2.d"]
        unexplained, explained = rows
        assert [words(node) for node in find(unexplained, "td.n")] == [
            "2",
            "12",
            "+500.0%",
        ]
        assert "集中排查" in explained.text_content()
        assert find(explained, "svg.p-spark circle")

    def test_the_figures_on_top_add_up(self, submission: Return, county_admin: User) -> None:
        """3 villages × 7 cells: two stand out, none changed otherwise."""
        tree = page(client_of(county_admin), url_of(submission))
        assert [node.text for node in find(tree, ".p-kpi .v")] == ["19", "0", "2", "0"]

    @pytest.mark.parametrize(("tab", "rows"), [("changed", 2), ("all", 0), ("record", 0)])
    def test_every_tab_opens(self, submission: Return, county_admin: User, tab: str, rows: int) -> None:
        tree = page(client_of(county_admin), f"{url_of(submission)}?tab={tab}")
        assert len(find(tree, ".r-cells tbody tr")) == rows
        assert find(tree, f'.p-tabs a[href="?tab={tab}"]')[0].get("aria-current") == "page"

    def test_who_handed_it_in_cannot_decide(self, submission: Return, east_editor: User, county: Unit) -> None:
        grant(east_editor, Role.CS, county)
        tree = page(client_of(east_editor), url_of(submission))
        assert not find(tree, "#review-decide")
        submission.refresh_from_db()
        assert submission.reviewed_at is None

    def test_the_same_queries_for_one_and_for_many_villages(
        self, period: Period, submission: Return, county_admin: User, east: Unit
    ) -> None:
        client = client_of(county_admin)
        client.get(url_of(submission))
        with CaptureQueriesContext(connection) as three:
            client.get(url_of(submission))
        for number in range(5):
            village = make_unit(Unit.objects.get(pk=east.pk), "village", f"新{number}村")
            VillageMonth.objects.create(
                period=period, village=village, submission=submission, path=village.path, values={}
            )
        with CaptureQueriesContext(connection) as eight:
            client.get(url_of(submission))
        assert len(three) == len(eight)


class TestVerdicts:
    def post(
        self, client: Client, submission: Return, cells: list[str], verdict: str, text: str = "", **more: Any
    ) -> Any:
        data = {"cell": cells, "verdict": verdict, "text": text, "tab": "unusual"}
        return client.post(url_of(submission, "review_cells"), data, **more)

    def key(self, period: Period, code: str = "D2.n", name: str = "东一村") -> str:
        return f"{row_of(period, name).village_id}-{code}"

    def stored(self, period: Period, code: str = "D2.n", name: str = "东一村") -> Any:
        row = row_of(period, name)
        return standing_verdict(row.remarks.get(code), row.values.get(code), row.submission.submitted_at)

    def test_without_scripts_it_comes_back_to_the_page(
        self, period: Period, submission: Return, county_admin: User
    ) -> None:
        answer = self.post(client_of(county_admin), submission, [self.key(period)], "accepted")
        assert (answer.status_code, answer.url) == (302, f"{url_of(submission)}?tab=unusual")
        assert self.stored(period) == "accepted"

    def test_with_htmx_the_row_and_the_decision_come_back(
        self, period: Period, submission: Return, county_admin: User
    ) -> None:
        client = client_of(county_admin)
        answer = self.post(client, submission, [self.key(period)], "returned", "请补报", headers={"hx-request": "true"})
        piece = answer.content.decode()
        assert answer.status_code == 200
        assert f'id="cell-{self.key(period)}"' in piece
        assert 'id="review-decide" hx-swap-oob="true"' in piece
        assert "<html" not in piece
        assert self.stored(period) == "returned"

    def test_returning_asks_for_a_text_first(self, period: Period, submission: Return, county_admin: User) -> None:
        client = client_of(county_admin)
        answer = self.post(client, submission, [self.key(period)], "returned", headers={"hx-request": "true"})
        tree = parsed(f"<table>{answer.content.decode()}</table>")
        assert find(tree, 'input[name="text"][required]')
        assert self.stored(period) is None
        plain = self.post(client, submission, [self.key(period)], "returned")
        asked = page(client, plain.url)
        assert find(asked, 'input[name="text"][required]')

    def test_several_selected_cells(self, period: Period, submission: Return, county_admin: User) -> None:
        self.post(client_of(county_admin), submission, [self.key(period), self.key(period, "D2.d")], "accepted")
        assert (self.stored(period), self.stored(period, "D2.d")) == ("accepted", "accepted")

    @pytest.mark.parametrize("cell", ["abc", "12", "-E4", "x-E4"])
    def test_a_cell_that_is_none(self, submission: Return, county_admin: User, cell: str) -> None:
        assert self.post(client_of(county_admin), submission, [cell], "accepted").status_code == 404

    def test_an_unknown_verdict(self, period: Period, submission: Return, county_admin: User) -> None:
        assert self.post(client_of(county_admin), submission, [self.key(period)], "published").status_code == 404

    def test_a_village_of_the_neighbours(self, period: Period, submission: Return, county_admin: User) -> None:
        self.post(client_of(county_admin), submission, [self.key(period, "E4", "西一村")], "accepted")
        assert row_of(period, "西一村").remarks == {}


class TestDeciding:
    def decide(self, client: Client, submission: Return, decision: str, reason: str = "") -> Any:
        return client.post(url_of(submission, "review_decide"), {"decision": decision, "reason": reason})

    def test_accepting_leads_to_the_next_that_waits(
        self, period: Period, submission: Return, west: Unit, west_editor: User, county_admin: User
    ) -> None:
        following = submit(period, west, west_editor, at=timezone.now())
        answer = self.decide(client_of(county_admin), submission, "accept")
        assert answer.url == url_of(following)
        submission.refresh_from_db()
        assert submission.state == Return.State.ACCEPTED

    def test_the_last_one_leads_back_to_the_list(self, period: Period, submission: Return, county_admin: User) -> None:
        answer = self.decide(client_of(county_admin), submission, "accept")
        assert answer.url == f"{reverse('assessments:review_list')}?month={period.pk}"

    def test_returning_without_a_reason_keeps_the_page(self, submission: Return, county_admin: User) -> None:
        answer = self.decide(client_of(county_admin), submission, "return", " ")
        assert answer.status_code == 422
        assert find(parsed(answer.content), 'textarea[aria-invalid="true"]')
        submission.refresh_from_db()
        assert submission.state == Return.State.SUBMITTED

    def test_returning_with_cell_and_reason(self, period: Period, submission: Return, county_admin: User) -> None:
        client = client_of(county_admin)
        key = f"{row_of(period, '东一村').village_id}-D2.n"
        client.post(url_of(submission, "review_cells"), {"cell": key, "verdict": "returned", "text": "请补报"})
        tree = page(client, url_of(submission))
        assert find(tree, '[data-dialog-open="confirm-return"]')
        assert not find(tree, '[data-dialog-open="confirm-accept"]')
        self.decide(client, submission, "return", "东一村受理数")
        submission.refresh_from_db()
        assert (submission.state, submission.return_reason) == (Return.State.RETURNED, "东一村受理数")

    def test_a_double_click_says_so(self, submission: Return, county_admin: User) -> None:
        client = client_of(county_admin)
        self.decide(client, submission, "accept")
        assert self.decide(client, submission, "accept").status_code == 422


class TestWords:
    COUNT = CellSpec("D2.n", "化解", "件", "count", None, None)
    SCORE = CellSpec("E1", "检查", "分", "score", None, None)
    SHARE = CellSpec("D6", "满意度", "%", "percent", None, None)

    @pytest.mark.parametrize(
        ("spec", "now", "last", "expected"),
        [
            (COUNT, 14, 2, "+600.0%"),
            (COUNT, 0, 6, "−100.0%"),
            (COUNT, 2, 3, "−33.3%"),
            (COUNT, 1, 8, "−87.5%"),
            (COUNT, 4, 0, "+4 件"),
            (COUNT, 4, 4, ""),
            (SCORE, 74, 91, "−17 分"),
            (SCORE, 92, 91, "+1 分"),
        ],
    )
    def test_a_change_in_words(self, spec: CellSpec, now: int, last: int, expected: str) -> None:
        assert reviewing.change_words(spec, now * 10_000, last * 10_000) == expected

    def test_shares_differ_by_percentage_points(self) -> None:
        text = reviewing.change_words(self.SHARE, 865_000, 900_000)
        assert text.startswith("−3.5 ")

    def test_a_return_of_a_second_reviewer_is_seen_by_the_first(
        self, period: Period, submission: Return, county: Unit, county_admin: User
    ) -> None:
        other = make_user("second_staff", Role.CS, county)
        key = f"{row_of(period, '东一村').village_id}-D2.n"
        client_of(other).post(
            url_of(submission, "review_cells"), {"cell": key, "verdict": "returned", "text": "请补报"}
        )
        tree = page(client_of(county_admin), url_of(submission))
        assert "请补报" in words(find(tree, f'[id="cell-{key}"]')[0])
        assert Value.from_stored(row_of(period, "东一村").values["D2.n"]).scaled == 120_000
