"""The pages and endpoints of a year: entered, computed, published by two accounts; each sees what is theirs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from assessments.models import (
    CadreResult,
    CommentMeeting,
    DepartmentScore,
    DisciplineProposal,
    PersonalScore,
    SatisfactionSurvey,
    VillageYear,
    YearAssessment,
    YearItem,
)
from assessments.services.year_cadres import set_grade
from assessments.services.year_discipline import propose_by_places
from assessments.todos import todos
from assessments.year_listings import YearCadres, YearVillages
from branches.models import Unit
from cadres.models import DisciplineAction, Person
from tests.assessments.pages import client_of, find, page, parsed
from tests.assessments.pages import words as text
from tests.assessments.year_ground import (
    AGRICULTURE,
    FIRST_HALF,
    LAW,
    NOW,
    cadre_result,
    computed,
    enter_everything,
    make_people,
    open_year,
    publish_months,
    published,
    village_year,
)
from tests.conftest import grant, make_user

State = YearAssessment.State


@pytest.fixture(autouse=True)
def in_july() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def open_row(county: Unit, county_admin: User, county_leader: User) -> YearAssessment:
    make_people(county)
    publish_months(county, county_admin, county_leader, FIRST_HALF[:2], 东三村={"E4": 9})
    return open_year(county, county_admin)


@pytest.fixture
def row(open_row: YearAssessment, county_admin: User) -> YearAssessment:
    enter_everything(open_row, county_admin)
    return computed(open_row, county_admin)


@pytest.fixture
def agriculture(county: Unit) -> User:
    user = make_user("agriculture")
    grant(user, Role.LD, county, "F3")
    return user


class TestSteps:
    def test_from_opening_to_publication_by_two_accounts(
        self, open_row: YearAssessment, county_admin: User, county_leader: User, east_editor: User
    ) -> None:
        enter_everything(open_row, county_admin)
        staff, leader = client_of(county_admin), client_of(county_leader)
        address = f"/year/{open_row.pk}/"
        assert leader.post(f"{address}compute/").status_code == 403
        assert staff.post(f"{address}compute/").status_code == 302
        open_row.refresh_from_db()
        assert open_row.state == State.COMPUTED
        assert staff.get(f"{address}publish/").status_code == 403
        asked = page(leader, f"{address}publish/")
        assert find(asked, "textarea#quota_reason")
        version = str(open_row.version)
        assert leader.post(f"{address}publish/", {"version": version}).headers["Location"] == f"{address}publish/"
        assert leader.post(f"{address}publish/", {"version": "1", "quota_reason": "x"}).status_code == 302
        open_row.refresh_from_db()
        assert open_row.state == State.COMPUTED
        done = leader.post(f"{address}publish/", {"version": version, "quota_reason": "部务会研究同意"})
        assert done.headers["Location"] == address
        open_row.refresh_from_db()
        assert (open_row.state, open_row.quota_reason) == (State.PUBLISHED, "部务会研究同意")
        assert "部务会研究同意" in text(page(client_of(east_editor), address))
        assert staff.post(f"{address}revise/", {"reason": " "}).headers["Location"] == address
        revised = staff.post(f"{address}revise/", {"reason": "更正评分"})
        assert revised.headers["Location"] == f"/year/{YearAssessment.objects.get(revision=2).pk}/"
        assert staff.post(f"{address}compute/").status_code == 302
        open_row.refresh_from_db()
        assert open_row.state == State.PUBLISHED

    def test_a_draft_is_seen_by_the_county_alone(
        self, row: YearAssessment, county_admin: User, county_leader: User, east_editor: User, west_editor: User
    ) -> None:
        village, cadre = village_year(row, "东一村"), cadre_result(row, "东一村书记")
        places = (f"/year/villages/{village.pk}/", f"/year/cadres/{cadre.pk}/")
        for place in places:
            page(client_of(county_admin), place)
            assert client_of(east_editor).get(place).status_code == 404
        assert "东一村" not in text(page(client_of(east_editor), "/year/villages/"))
        published(row, county_leader)
        for place in places:
            page(client_of(east_editor), place)
            assert client_of(west_editor).get(place).status_code == 404
        shown = text(page(client_of(east_editor), "/year/cadres/"))
        assert "东一村书记" in shown
        assert "西一村书记" not in shown

    def test_opening_and_changing_rules(self, county: Unit, county_admin: User, east_editor: User) -> None:
        client = client_of(county_admin)
        assert client_of(east_editor).get("/year/new/").status_code == 403
        form = page(client, "/year/new/")
        values = {field.get("name"): field.get("value") or "" for field in find(form, "form input")}
        values |= {
            field.get("name"): field.value for tag in ("select", "textarea") for field in find(form, f"form {tag}")
        }
        values |= {"county": str(county.pk), "span": "first_half"}
        wrong = client.post("/year/new/", {**values, "months": "50"})
        assert wrong.status_code == 422
        assert "合计应为 100" in text(parsed(wrong.content))
        assert client.post("/year/new/", {**values, "names": "农业局 F3 多余"}).status_code == 422
        made = client.post("/year/new/", {**values, "names": "农业局 F3\n\n财政局"})
        row = YearAssessment.objects.get()
        assert made.headers["Location"] == f"/year/{row.pk}/"
        assert [one["name"] for one in row.rules["departments"]] == ["农业局", "财政局"]
        changed = {**values, "best_share": "15.5", "base_version": str(row.version), "names": "农业局 F3"}
        assert client.post(f"/year/{row.pk}/rules/", changed).status_code == 302
        row.refresh_from_db()
        assert row.rules["best_share"] == "15.5"
        assert client.post(f"/year/{row.pk}/rules/", {**changed, "best_share": "20"}).status_code == 422

    def test_progress_says_what_is_missing(
        self, open_row: YearAssessment, county_admin: User, east_editor: User
    ) -> None:
        enter_everything(open_row, county_admin, without=["西二村"])
        shown = text(page(client_of(county_admin), f"/year/{open_row.pk}/"))
        assert LAW in shown
        assert "1/2" in shown
        assert "西乡" not in text(page(client_of(east_editor), f"/year/{open_row.pk}/"))


def cell(name: str, column: str) -> str:
    return f"{Unit.objects.get(name=name).pk}.{column}"


class TestTables:
    def test_a_department_enters_a_township_at_a_time(
        self, open_row: YearAssessment, agriculture: User, east: Unit, west: Unit
    ) -> None:
        client = client_of(agriculture)
        assert f"/year/{open_row.pk}/departments/" in client.get("/year/").content.decode()
        address = f"/year/{open_row.pk}/departments/?township={east.pk}"
        tree = page(client, address)
        assert "西一村" not in text(tree)
        was = {
            field.get("name"): field.get("value") for field in find(tree, "input") if "." in (field.get("name") or "")
        }
        wrong = client.post(address, {**was, cell("东一村", "score"): "101", cell("东二村", "score"): "88"})
        assert wrong.status_code == 422
        assert not DepartmentScore.objects.exists()
        assert find(parsed(wrong.content), '[aria-invalid="true"]')[0].get("value") == "101"
        done = client.post(address, {**was, cell("东一村", "score"): "91", cell("东二村", "score"): "88"})
        assert done.headers["Location"] == address
        stored = DepartmentScore.objects.values_list("village__name", "score_hundredths", "department")
        assert sorted(stored) == [("东一村", 9100, AGRICULTURE), ("东二村", 8800, AGRICULTURE)]
        assert client.get(f"/year/{open_row.pk}/departments/?township=999999").status_code == 404
        assert client.get(f"/year/{open_row.pk}/people/").status_code == 403
        assert client.get(f"/year/{open_row.pk}/").status_code == 404

    def test_rows_left_as_they_were_read_do_not_undo_what_others_saved(
        self, open_row: YearAssessment, agriculture: User, county_admin: User, east: Unit
    ) -> None:
        address = f"/year/{open_row.pk}/departments/?township={east.pk}"
        tree = page(client_of(agriculture), address)
        was = {
            field.get("name"): field.get("value") for field in find(tree, "input") if "." in (field.get("name") or "")
        }
        mine = {**was, cell("东二村", "score"): "70"}
        theirs = {**was, cell("东一村", "score"): "95"}
        address_of_staff = f"{address}&department={AGRICULTURE}"
        assert client_of(county_admin).post(address_of_staff, theirs).status_code == 302
        assert client_of(agriculture).post(address, mine).status_code == 302
        scores = dict(DepartmentScore.objects.values_list("village__name", "score_hundredths"))
        assert scores == {"东一村": 9500, "东二村": 7000}
        late = client_of(agriculture).post(address, {**was, cell("东一村", "score"): "60"})
        assert late.status_code == 422
        assert DepartmentScore.objects.get(village__name="东一村").score_hundredths == 9500

    def test_surveys_and_personal_scores(
        self, open_row: YearAssessment, county_admin: User, east_editor: User, east: Unit
    ) -> None:
        village = Unit.objects.get(name="东一村")
        values = {f"{village.pk}.was": "0||", f"{village.pk}.asked": "50", f"{village.pk}.satisfied": "44"}
        address = f"/year/{open_row.pk}/satisfaction/"
        assert client_of(east_editor).post(address, values).status_code == 403
        assert client_of(county_admin).post(address, values).status_code == 302
        assert SatisfactionSurvey.objects.get().satisfied == 44
        assert "44" in page_html(county_admin, f"{address}?township={east.pk}")
        person = Person.objects.get(name="东一村书记")
        mine = {f"{person.pk}.was": "0|", f"{person.pk}.results": "88.5", f"{person.pk}.note": "抓项目"}
        people = f"/year/{open_row.pk}/people/"
        assert client_of(east_editor).post(people, mine).status_code == 302
        assert PersonalScore.objects.get().results_hundredths == 8850
        assert "88.5" in page_html(east_editor, people)

    def test_nothing_is_entered_after_publication(
        self, row: YearAssessment, county_admin: User, county_leader: User
    ) -> None:
        published(row, county_leader)
        village = Unit.objects.get(name="东一村")
        values = {f"{village.pk}.was": "1|x|", f"{village.pk}.score": "50"}
        answer = client_of(county_admin).post(f"/year/{row.pk}/departments/", values)
        assert answer.headers["Location"] == f"/year/{row.pk}/"
        assert find(page(client_of(county_admin), f"/year/{row.pk}/departments/"), "input[readonly]")


def page_html(user: User, url: str) -> str:
    return client_of(user).get(url).content.decode()


class TestResults:
    def test_the_receipt_adds_up(self, row: YearAssessment, county_admin: User) -> None:
        one = village_year(row, "东三村")
        tree = page(client_of(county_admin), f"/year/villages/{one.pk}/")
        points = [text(cell) for cell in find(tree, "tr[data-line] [data-points]")]
        assert [float(point) for point in points] == [54.6, 27, 9]
        assert text(find(tree, "[data-total]")[0]) == "90.60"
        month = find(tree, ".y-grounds a")[0]
        assert month.get("href").startswith("/ranking/results/")
        cadre = cadre_result(row, "东三村书记")
        tree = page(client_of(county_admin), f"/year/cadres/{cadre.pk}/")
        assert find(tree, f'a[href="/year/villages/{one.pk}/"]')
        assert len(find(tree, "tr.y-part")) == 3

    def test_what_is_missing_is_said(self, open_row: YearAssessment, county_admin: User) -> None:
        enter_everything(open_row, county_admin, without=["西二村"])
        row = computed(open_row, county_admin)
        shown = text(page(client_of(county_admin), f"/year/villages/?assessment={row.pk}&grade=none"))
        assert "西二村" in shown
        assert AGRICULTURE in shown
        assert "东一村" not in shown
        one = cadre_result(row, "西二村书记")
        assert "缺项不按 0 分计" in text(page(client_of(county_admin), f"/year/cadres/{one.pk}/"))

    def test_the_county_sets_a_grade_with_a_reason(
        self, row: YearAssessment, county_admin: User, county_leader: User, east_editor: User
    ) -> None:
        one = cadre_result(row, "东一村书记")
        address = f"/year/cadres/{one.pk}/grade/"
        values = {"grade": "competent", "reason": "", "base": "excellent"}
        assert client_of(county_leader).post(address, values).status_code == 403
        assert client_of(county_admin).post(address, values).status_code == 422
        assert client_of(county_admin).post(address, {**values, "grade": "splendid"}).status_code == 422
        assert client_of(county_admin).post(address, {**values, "reason": "被通报"}).status_code == 302
        one.refresh_from_db()
        assert (one.grade, one.grade_reason) == ("competent", "被通报")
        assert "被通报" in text(page(client_of(county_admin), f"/year/cadres/{one.pk}/"))
        assert client_of(east_editor).post(address, values).status_code == 404

    def test_the_page_of_a_person_tells_published_years(
        self, row: YearAssessment, county_leader: User, east_editor: User, west_editor: User
    ) -> None:
        person = Person.objects.get(name="东一村书记")
        one = cadre_result(row, "东一村书记")
        address = reverse("cadres:person", args=[person.pk])
        assert f"/year/cadres/{one.pk}/" not in page_html(east_editor, address)
        published(row, county_leader)
        assert f"/year/cadres/{one.pk}/" in page_html(east_editor, address)
        assert client_of(west_editor).get(address).status_code == 404

    @pytest.mark.parametrize("path", ["/year/villages/", "/year/cadres/", "/year/items/"])
    def test_lists_ask_the_same_number_of_queries(self, row: YearAssessment, county_admin: User, path: str) -> None:
        client = client_of(county_admin)
        for name in ("东一村", "东二村", "东三村"):
            village = Unit.objects.get(name=name)
            YearItem.objects.create(assessment=row, village=village, path=village.path, kind="problem", text=name)
        client.get(path)
        counts = []
        for kept in (3, 1):
            VillageYear.objects.exclude(pk__in=VillageYear.objects.order_by("pk")[:kept].values_list("pk")).delete()
            CadreResult.objects.exclude(pk__in=CadreResult.objects.order_by("pk")[:kept].values_list("pk")).delete()
            YearItem.objects.exclude(pk__in=YearItem.objects.order_by("pk")[:kept].values_list("pk")).delete()
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_exports_hold_what_is_filtered_in_ones_own_area(
        self, row: YearAssessment, county_leader: User, county_admin: User, east_editor: User
    ) -> None:
        published(row, county_leader)
        villages, cadres = YearVillages(), YearCadres()
        records = list(villages.records(villages.rows(east_editor, {}, date(2026, 7, 20)), has_numbers=False))
        assert {record["village"] for record in records} == {"东一村", "东二村", "东三村"}
        first = next(record for record in records if record["village"] == "东三村")
        assert (str(first["total"]), first["month_count"], str(first["months"])) == ("90.60", 2, "91.00")
        people = list(cadres.records(cadres.rows(county_admin, {"q": "西"}, date(2026, 7, 20)), has_numbers=False))
        assert {record["name"] for record in people} == {"西一村书记", "西一村委员", "西二村书记", "西二村委员"}
        assert not cadres.has_numbers
        assert villages.columns[0].heading == "考核"
        assert list(cadres.rows(make_user("nobody"), {}, date(2026, 7, 20))) == []


class TestProposals:
    @pytest.fixture
    def proposal(
        self, row: YearAssessment, county: Unit, county_admin: User, county_leader: User
    ) -> DisciplineProposal:
        publish_months(county, county_admin, county_leader, FIRST_HALF[2:3], 东三村={"E4": 9})
        (made,) = propose_by_places(county, by=county_admin, now=NOW)
        return made

    def test_only_who_handles_discipline_sees_them(
        self, proposal: DisciplineProposal, county: Unit, east: Unit, east_editor: User, west_editor: User
    ) -> None:
        economy = make_user("economy", Role.CE, east)
        assert client_of(economy).get("/year/proposals/").status_code == 403
        assert client_of(economy).get(f"/year/proposals/{proposal.pk}/").status_code in (403, 404)
        assert "组织处理提示" not in page_html(economy, "/year/")
        assert "东三村书记" not in page_html(west_editor, "/year/proposals/")
        assert client_of(west_editor).get(f"/year/proposals/{proposal.pk}/").status_code == 404
        assert "2026-01" in text(page(client_of(east_editor), f"/year/proposals/{proposal.pk}/"))

    def test_taken_up_or_not(self, proposal: DisciplineProposal, east_editor: User, county_leader: User) -> None:
        client, address = client_of(east_editor), f"/year/proposals/{proposal.pk}/"
        values = {
            "proposal_version": "1",
            "kind": "reminder",
            "decided_on": "2026-07-18",
            "reason": "连续末位，约谈提醒",
        }
        assert client_of(county_leader).post(f"{address}take-up/", values).status_code == 403
        assert client.post(f"{address}take-up/", {**values, "reason": ""}).status_code == 422
        assert client.post(f"{address}take-up/", {**values, "proposal_version": "7"}).status_code == 422
        assert not DisciplineAction.objects.exists()
        assert client.post(f"{address}take-up/", values).status_code == 302
        proposal.refresh_from_db()
        assert (proposal.state, proposal.action) == ("taken_up", DisciplineAction.objects.get())
        assert client.post(f"{address}dismiss/", {"proposal_version": "2", "decision": "x"}).status_code == 422
        assert reverse("cadres:discipline", args=[proposal.action_id]) in page_html(east_editor, address)

    def test_dismissed_with_a_reason(self, proposal: DisciplineProposal, county_admin: User) -> None:
        client, address = client_of(county_admin), f"/year/proposals/{proposal.pk}/"
        assert client.post(f"{address}dismiss/", {"proposal_version": "1", "decision": " "}).status_code == 422
        assert client.post(f"{address}dismiss/", {"proposal_version": "1", "decision": "受灾减产"}).status_code == 302
        assert "受灾减产" in text(page(client, address))
        assert "东三村书记" not in page_html(county_admin, "/year/proposals/")
        assert "东三村书记" in page_html(county_admin, "/year/proposals/?state=all")

    def test_looking_through_the_months(self, row: YearAssessment, county_admin: User) -> None:
        answer = client_of(county_admin).post(f"/year/{row.pk}/propose/")
        assert answer.headers["Location"] == "/year/proposals/"

    def test_grounds_of_a_grade(self, row: YearAssessment, county_admin: User, county_leader: User) -> None:
        one = cadre_result(row, "西一村委员")
        set_grade(one, "incompetent", "长期不在岗", base="excellent", by=county_admin)
        published(row, county_leader)
        proposal = DisciplineProposal.objects.get()
        assert f"/year/cadres/{one.pk}/" in page_html(county_admin, f"/year/proposals/{proposal.pk}/")


class TestMeetings:
    def test_entered_by_the_township_and_confirmed_by_the_county(
        self, open_row: YearAssessment, east: Unit, east_editor: User, county_admin: User
    ) -> None:
        client = client_of(east_editor)
        one = Person.objects.get(name="东一村书记")
        values = {
            "year": "2026",
            "held_on": "2026-07-10",
            "chair": "周明远",
            "entitled": "50",
            "present": "38",
            "minutes": "",
            f"p{one.pk}.good": "36",
            f"p{one.pk}.rather_good": "2",
            f"p{one.pk}.remark": "抓产业有力",
        }
        assert "东一村书记" in page_html(east_editor, "/year/meetings/new/")
        assert client.post("/year/meetings/new/", {**values, f"p{one.pk}.good": "很多"}).status_code == 422
        assert client.post("/year/meetings/new/", {**values, "present": "60"}).status_code == 422
        assert client.post("/year/meetings/new/", values).status_code == 302
        row = CommentMeeting.objects.get()
        address = f"/year/meetings/{row.pk}/"
        assert "不足应到人数的五分之四" in text(page(client, address))
        assert client.post(f"{address}confirm/", {"version": "1"}).status_code == 403
        assert "38" in page_html(east_editor, f"{address}edit/")
        assert client.post(f"{address}edit/", {**values, "present": "45", "base_version": "1"}).status_code == 302
        assert client.post(f"{address}edit/", {**values, "base_version": "1"}).status_code == 422
        county = client_of(county_admin)
        assert county.post(f"{address}confirm/", {"version": "1"}).status_code == 302
        row.refresh_from_db()
        assert (row.confirmed_by, row.present) == (None, 45)
        assert county.post(f"{address}confirm/", {"version": "2"}).status_code == 302
        assert county.post(f"{address}confirm/", {"version": "3"}).status_code == 302
        row.refresh_from_db()
        assert row.confirmed_by == county_admin
        assert client.get(f"{address}edit/").status_code == 403
        assert "2026-07-10" in page_html(east_editor, "/year/meetings/")

    def test_a_place_outside_ones_area(
        self, open_row: YearAssessment, west: Unit, east_editor: User, county_viewer: User
    ) -> None:
        assert client_of(east_editor).get(f"/year/meetings/new/?unit={west.pk}").status_code == 404
        assert client_of(county_viewer).get("/year/meetings/new/").status_code == 403


class TestItems:
    def test_entered_corrected_and_closed(
        self, open_row: YearAssessment, east_editor: User, county_admin: User
    ) -> None:
        client = client_of(east_editor)
        village, foreign = (Unit.objects.get(name=name) for name in ("东一村", "西一村"))
        values = {"village": village.pk, "kind": "problem", "text": "合同未入账", "measure": "", "due_on": "2026-07-01"}
        address = f"/year/{open_row.pk}/items/new/"
        assert client.post(address, {**values, "village": foreign.pk}).status_code == 422
        assert client.post(address, values).status_code == 302
        item = YearItem.objects.get()
        assert "已逾期" in page_html(east_editor, f"/year/items/?assessment={open_row.pk}&kind=problem&state=open")
        edited = {"text": "合同全部入账", "measure": "补录", "due_on": "", "base_version": "1"}
        assert client.post(f"/year/items/{item.pk}/", edited).status_code == 302
        closed = {"closed_on": "2026-07-18", "closing_note": "已补录", "base_version": "2"}
        assert client.post(f"/year/items/{item.pk}/close/", {**closed, "closed_on": "2027-01-01"}).status_code == 422
        assert client.post(f"/year/items/{item.pk}/close/", closed).status_code == 302
        item.refresh_from_db()
        assert (item.text, item.closing_note) == ("合同全部入账", "已补录")
        shown = page_html(county_admin, f"/year/items/?assessment={open_row.pk}")
        assert "已补录" in shown
        assert f"/year/items/{item.pk}/close/" not in shown


class TestTodos:
    def titles(self, user: User) -> list[str]:
        return [todo.title for todo in todos(User.objects.get(pk=user.pk), NOW) if todo.key == "year"]

    def test_each_has_their_own(
        self, open_row: YearAssessment, county_admin: User, county_leader: User, agriculture: User
    ) -> None:
        assert self.titles(agriculture) == ["为各村评分：2026年上半年考核"]
        enter_everything(open_row, county_admin)
        assert self.titles(agriculture) == []
        computed(open_row, county_admin)
        assert self.titles(county_leader) == ["公布2026年上半年考核"]
        assert self.titles(county_admin) == []

    def test_meetings_and_proposals(
        self, row: YearAssessment, county: Unit, east: Unit, county_admin: User, county_leader: User, east_editor: User
    ) -> None:
        CommentMeeting.objects.create(
            unit=east,
            path=east.path,
            year=2026,
            held_on=date(2026, 7, 1),
            entitled=9,
            present=9,
            entered_by=east_editor,
        )
        publish_months(county, county_admin, county_leader, FIRST_HALF[2:3], 东三村={"E4": 9})
        propose_by_places(county, by=county_admin, now=NOW)
        assert self.titles(county_admin) == ["东乡：确认 2026-07-01 述职评议会议记录", "1 条组织处理提示待研究"]
        assert self.titles(east_editor) == ["1 条组织处理提示待研究"]


class TestEndpoints:
    def test_steps_need_the_version_that_was_read(
        self, open_row: YearAssessment, county_admin: User, county_leader: User
    ) -> None:
        enter_everything(open_row, county_admin)
        staff, leader = client_of(county_admin), client_of(county_leader)
        address = f"/api/v1/year-assessments/{open_row.pk}/"

        def post(client: Any, step: str, tag: str | None, **body: str) -> Any:
            headers = {} if tag is None else {"If-Match": tag}
            return client.post(f"{address}{step}/", body, content_type="application/json", headers=headers)

        tag = staff.get(address).headers["ETag"]
        assert post(staff, "compute", None).status_code == 428
        assert post(staff, "compute", '"99"').status_code == 412
        done = post(staff, "compute", tag)
        assert (done.status_code, done.json()["state"]) == (200, "computed")
        tag = done.headers["ETag"]
        assert post(staff, "publish", tag).status_code == 403
        assert post(leader, "publish", tag).json()["code"] == "quota_reason_missing"
        done = post(leader, "publish", tag, quota_reason="部务会研究同意")
        assert (done.status_code, done.json()["state"]) == (200, "published")
        assert post(staff, "compute", done.headers["ETag"]).json()["code"] == "published"
        made = post(staff, "revise", done.headers["ETag"], reason="更正")
        assert (made.status_code, made.json()["revision"]) == (201, 2)

    def test_an_old_password_does_not_publish(self, row: YearAssessment, county_leader: User) -> None:
        client = client_of(county_leader)
        tag = client.get(f"/api/v1/year-assessments/{row.pk}/").headers["ETag"]
        with time_machine.travel(NOW.replace(hour=4), tick=False):
            session = client.session
            session.save()
            answer = client.post(
                f"/api/v1/year-assessments/{row.pk}/publish/",
                {"quota_reason": "x"},
                content_type="application/json",
                headers={"If-Match": tag},
            )
        assert answer.status_code in (400, 403)
        row.refresh_from_db()
        assert row.state == State.COMPUTED

    def test_results_and_grades(
        self, row: YearAssessment, county_admin: User, county_leader: User, east_editor: User
    ) -> None:
        staff, township = client_of(county_admin), client_of(east_editor)
        villages = staff.get(f"/api/v1/village-years/?assessment={row.pk}").json()["results"]
        assert len(villages) == 5
        assert {one["name"]: one["total"] for one in villages}["东三村"] == "90.60"
        assert township.get("/api/v1/village-years/").json()["results"] == []
        one = cadre_result(row, "东一村书记")
        address = f"/api/v1/cadre-results/{one.pk}/"
        assert township.get(address).status_code == 404
        body = {"grade": "competent", "reason": "被通报", "base": "excellent"}
        done = staff.post(f"{address}grade/", body, content_type="application/json")
        assert (done.status_code, done.json()["grade"], done.json()["proposed"]) == (200, "competent", "excellent")
        published(row, county_leader)
        assert township.get(address).json()["grade_reason"] == "被通报"
        detail = township.get(f"/api/v1/village-years/{village_year(row, '东一村').pk}/").json()
        assert sum(line["points"] for line in detail["lines"]) == 9600
        assert staff.get("/api/v1/cadre-results/?grade=competent").json()["results"][0]["name"] == "东一村书记"
