"""Pages of programmes and projects: who finds what, what they say, what they refuse."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from accounts.sessions import PASSWORD
from branches.models import Unit
from collective_economy.models import Milestone, Payment, Programme, Project, ProjectChange
from collective_economy.services import payments, projects
from tests.collective_economy import project_ground as way
from tests.collective_economy.ground import make_entry, make_project, village
from tests.collective_economy.project_ground import People
from tests.conftest import grant, make_user

pytestmark = pytest.mark.django_db


def url(name: str, *args: int, **query: object) -> str:
    address = reverse(f"collective_economy:{name}", args=args)
    return f"{address}?{'&'.join(f'{key}={value}' for key, value in query.items())}" if query else address


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: HttpResponse) -> str:
    """What is read on the page: its main part without tags."""
    main = re.search(r'<div id="content".*?</main>', response.content.decode(), re.S)
    assert main is not None
    plain = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|svg).*?</\1>", " ", main.group(), flags=re.S))
    return re.sub(r"\s+", " ", plain)


@pytest.fixture
def today() -> date:
    return timezone.localdate()


@pytest.fixture
def who(county: Unit, county_admin: User, county_leader: User, east_editor: User) -> People:
    """CE of the county proposes, TS of 东乡 signs, CL approves, CS confirms."""
    return People(make_user("officer", Role.CE, county), east_editor, county_leader, county_admin)


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What the form of a page holds, as a browser would send it."""
    page = client.get(address)
    assert page.status_code == 200
    filled: dict[str, Any] = {}
    for form in (page.context[name] for name in ("form", "villages") if name in page.context):
        for bound in form:
            value = bound.value()
            filled[bound.html_name] = "" if value is None else value
    return filled


def refused(answer: HttpResponse) -> str:
    assert answer.status_code == 422
    return text_of(answer)


# --- Programmes -------------------------------------------------------------------------------


def test_a_programme_is_entered_in_wan_and_confirmed_by_another(who: People, today: date) -> None:
    county = Unit.objects.get(name="青禾县")
    staff, leader = signed_in(who.checker), signed_in(who.leader)
    given = form_of(staff, url("programme_add")) | {
        "name": "2026 年第一批", "document": "青财农〔2026〕3 号",
        "amount_central": "2421.0000", "amount_county": "1,614",
    }  # fmt: skip
    assert "金额" in refused(staff.post(url("programme_add"), given | {"amount_central": "", "amount_county": ""}))
    assert "金额不能小于 0" in refused(staff.post(url("programme_add"), given | {"amount_county": "-1"}))
    assert staff.post(url("programme_add"), given).status_code == 302
    row = Programme.objects.get()
    assert (row.unit, {source.source: source.amount for source in row.sources.all()}) == (
        county, {"central": 24_210_000, "county": 16_140_000},
    )  # fmt: skip
    own = text_of(staff.get(url("programme_confirm", row.pk)))
    assert "您录入了该批次，须由另一人复核" in own
    assert "录入人不能复核" in refused(staff.post(url("programme_confirm", row.pk)))
    page = leader.get(url("programme_confirm", row.pk))
    assert "40,350,000.00" in text_of(page)
    edited = form_of(staff, url("programme_edit", row.pk))
    assert edited["amount_central"] == "2421"
    assert leader.post(url("programme_confirm", row.pk)).status_code == 302
    row.refresh_from_db()
    assert row.confirmed_by == who.leader
    assert "批次复核后金额不再变动" in refused(staff.post(url("programme_edit", row.pk), edited | {"base_version": 2}))
    assert "4,035.00" in text_of(leader.get(url("programme_list")))


def test_a_township_officer_enters_no_programme(county: Unit, east: Unit) -> None:
    assert signed_in(make_user("officer", Role.CE, east)).get(url("programme_add")).status_code == 403


def test_a_programme_says_where_its_money_is(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day)
    central = project.sources.get(source="central")
    way.move(who, day, central, "receipt", "90000", instalment=project.instalments.get(condition="start"))
    way.move(who, day, central, "payment", "45000.50")
    way.move(who, day, project.sources.get(source="own"), "receipt", "70000")
    make_entry(village(), 6000, day=today, project=project)
    line = signed_in(who.leader).get(url("programme_list")).context["lines"][0]
    assert (line.amount, line.allocated, line.left) == (1_000_000, 400_000, 600_000)
    assert (line.received, line.paid, line.balance) == (90_000, Decimal("45000.50"), Decimal("44999.50"))
    assert (line.project_count, line.village_count, line.income) == (1, 1, 6000)
    page = signed_in(who.leader).get(url("programme", project.programme_id))
    assert [(row.source, row.allocated, row.received, row.paid) for row in page.context["sources"]] == [
        ("central", 300_000, 90_000, Decimal("45000.50")), ("county", 100_000, 0, 0),
    ]  # fmt: skip
    west = make_user("west", Role.TS, Unit.objects.get(name="西乡"))
    there = signed_in(west).get(url("programme", project.programme_id)).context
    assert (there["line"].allocated, there["line"].received, there["line"].income) == (400_000, 0, 0)
    assert (there["line"].project_count, list(there["lines"])) == (0, [])


# --- Proposing --------------------------------------------------------------------------------


def test_a_joint_project_is_proposed_with_equal_shares(who: People, today: date) -> None:
    client = signed_in(who.officer)
    given = form_of(client, url("project_add")) | {
        "number": "JJ-1", "name": "抱团厂房", "business_model": "joint", "expected_income": "12.5",
        "village_0": village("东一村").pk, "village_1": village("东二村").pk, "village_2": village("西一村").pk,
    }  # fmt: skip
    filled = client.post(url("project_add"), given | {"equal": "1"})
    assert filled.status_code == 200
    shares = [str(percent.value()) for _village, percent in filled.context["villages"].rows]
    assert shares[:3] == ["33.34", "33.33", "33.33"]
    more = client.post(url("project_add"), given | {"more": "1"})
    assert len(more.context["villages"].rows) == len(filled.context["villages"].rows) + 5
    assert "各村份额合计" in refused(
        client.post(url("project_add"), given | {"percent_0": "50", "percent_1": "20", "percent_2": "20"})
    )
    twice = given | {"village_1": given["village_0"]}
    assert "该村在上面已选" in refused(client.post(url("project_add"), twice))
    given |= {"percent_0": "33.34", "percent_1": "33.33", "percent_2": "33.33"}
    assert client.post(url("project_add"), given).status_code == 302
    project = Project.objects.get()
    assert (project.unit.name, project.expected_income, project.stage) == ("青禾县", 125_000, "pool")
    assert sum(share.percent for share in project.shares.all()) == 100


def test_a_township_officer_proposes_for_own_villages_only(county: Unit, east: Unit) -> None:
    client = signed_in(make_user("officer", Role.CE, east))
    given = form_of(client, url("project_add")) | {
        "number": "JJ-1", "name": "厂房", "business_model": "solar",
        "village_0": village("西一村").pk, "percent_0": "100",
    }  # fmt: skip
    refused(client.post(url("project_add"), given))
    assert not Project.objects.exists()
    assert client.post(url("project_add"), given | {"village_0": village("东一村").pk}).status_code == 302


def test_two_people_on_one_plan_see_both_values(who: People, today: date) -> None:
    project = way.proposed(who, today)
    client = signed_in(who.officer)
    given = form_of(client, url("project_edit", project.pk)) | {"name": "我的名称", "expected_income": "20"}
    projects.change_project(project, values={"name": "别人的名称"}, base=1, by=who.checker)
    words = refused(client.post(url("project_edit", project.pk), given))
    assert "别人的名称" in words
    assert Project.objects.get().name == "别人的名称"
    again = given | {"base_version": 2}
    assert client.post(url("project_edit", project.pk), again).status_code == 302
    assert (Project.objects.get().name, Project.objects.get().expected_income) == ("我的名称", 200_000)
    money = form_of(client, url("project_money", project.pk)) | {"amount_own": "3.5", "item_0": "棚", "money_0": "3.5"}
    projects.set_requested(project, {"own": Decimal(10_000)}, by=who.checker, base=3)
    stale = client.post(url("project_money", project.pk), money)
    assert (stale.status_code, stale.context["form"].errors["amount_own"][0][-2:]) == (422, "：1")
    assert project.sources.get().requested == 10_000
    assert client.post(url("project_money", project.pk), money | {"base_version": 4}).status_code == 302
    assert (project.sources.get().requested, project.budget.get().amount) == (35_000, 35_000)


# --- Who sees which step ----------------------------------------------------------------------


def steps_of(who: People, project: Project) -> list[tuple[str, bool]]:
    """The next step as officer, township, leader and staff are told it, each with whether it can be pressed."""
    found = []
    for user in (who.officer, who.township, who.leader, who.checker):
        step = signed_in(user).get(url("project", project.pk)).context["next_step"]
        found.append((str(step.label), bool(step.url)))
    return found


def test_everybody_finds_the_step_that_is_theirs(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.proposed(who, day, way.released(who, day))
    waits = ("等待经管人员办理。", False)
    own = ("关联四议两公开事项", True)
    assert steps_of(who, project) == [own, waits, waits, own]
    project = way.applied(who, day, project)
    signature = ("等待乡镇签字。", False)
    assert steps_of(who, project) == [signature, ("核对并签字", True), signature, signature]
    stranger = make_user("west", Role.TS, Unit.objects.get(name="西乡"))
    assert signed_in(stranger).post(url("project_sign", project.pk)).status_code == 404
    assert signed_in(who.officer).post(url("project_sign", project.pk)).status_code == 403
    assert signed_in(who.township).post(url("project_sign", project.pk)).status_code == 302
    assert Project.objects.get().signed_by == who.township
    assert signed_in(who.officer).post(url("project_move", project.pk)).status_code == 302
    panel = ("等待县里评审。", False)
    assert steps_of(who, project) == [panel, panel, ("录入评审意见", True), ("录入评审意见", True)]
    leader = signed_in(who.leader)
    for department in ("organization", "finance", "agriculture"):
        given = {
            "department": department,
            "reviewer": "甲",
            "on": today,
            "score": "88",
            "agrees": "yes",
            "opinion": "可",
        }
        assert leader.post(url("project_opinion", project.pk), given).status_code == 302
    assert signed_in(who.officer).post(url("project_move", project.pk)).status_code == 302
    county = ("等待县里批复。", False)
    assert steps_of(who, project) == [county, county, ("批复", True), ("批复", True)]


def test_a_township_signs_for_its_village_in_a_project_of_two_townships(who: People, today: date) -> None:
    project = way.applied(who, today, way.proposed(who, today, shares={"东一村": "50", "西一村": "50"}))
    west = signed_in(make_user("west", Role.TS, Unit.objects.get(name="西乡")))
    assert west.post(url("project_sign", project.pk)).status_code == 302
    assert Project.objects.get().signed_on == today
    assert west.post(url("project_move", project.pk)).status_code == 403


def test_who_proposed_it_does_not_approve_it(who: People, today: date) -> None:
    day = today - timedelta(days=20)
    both = People(who.checker, who.township, who.leader, who.leader)
    project = way.reviewed(both, day, way.applied(both, day, way.proposed(both, day, way.released(both, day))))
    staff = signed_in(who.checker)
    assert "您申报或提交了该项目，须由另一人批复" in text_of(staff.get(url("project_approve", project.pk)))
    given = form_of(staff, url("project_approve", project.pk)) | {
        "document": "青农领〔2026〕5 号", "notice_from": day, "notice_to": today - timedelta(days=1),
    }  # fmt: skip
    assert (given["amount_central"], given["amount_own"]) == ("30", "12")
    assert "申报、提交该项目的人不能批复" in refused(staff.post(url("project_approve", project.pk), given))
    assert Project.objects.get().approved_by is None
    leader = signed_in(who.leader)
    assert "公示期满" in refused(leader.post(url("project_approve", project.pk), given | {"notice_to": today}))
    assert leader.post(url("project_approve", project.pk), given | {"amount_central": "28.5"}).status_code == 302
    project.refresh_from_db()
    assert (project.stage, project.approved_by, project.sources.get(source="central").approved) == (
        "implement", who.leader, 285_000,
    )  # fmt: skip


def test_an_old_password_is_asked_for_again_before_approving(who: People, today: date) -> None:
    project = way.proposed(who, today)
    client = signed_in(who.leader)
    session = client.session
    session[PASSWORD] = 0
    session.save()
    for name in ("project_approve", "project_stop"):
        answer = client.get(url(name, project.pk))
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("accounts:reauth"))


# --- The page and its numbers -----------------------------------------------------------------


def test_every_number_of_the_page_opens_its_rows(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day)
    central, own = (project.sources.get(source=source) for source in ("central", "own"))
    way.move(who, day, central, "receipt", "90000", instalment=project.instalments.get(condition="start"))
    way.move(who, day, central, "payment", "45000.50", budget_line=project.budget.get(item="厂房改造"))
    way.move(who, day, own, "receipt", "70000")
    way.move(who, day, own, "payment", "20000")
    make_entry(village(), 6000, day=today, project=project)
    client = signed_in(who.officer)
    page = client.get(url("project", project.pk))
    words = text_of(page)
    for said in (
        "40.00 万元",
        "9.00 万元",
        "4.50 万元",
        "0.60 万元",
        "138****1234",
        "总投资 52.00 万元 = 扶持资金 40.00 + 自筹等 12.00",
    ):
        assert said in words, said
    assert [(part.code, part.amount) for part in page.context["bar"]] == [
        ("paid", Decimal("65000.50")), ("unused", Decimal("94999.50")), ("to_come", 310_000), ("own_to_come", 50_000),
    ]  # fmt: skip
    assert sum(part.amount for part in page.context["bar"]) == 520_000
    assert [(item.name, item.paid, item.left) for item in page.context["items"]] == [
        ("厂房改造", Decimal("45000.50"), Decimal("274999.50")), ("设备购置", 0, 200_000), ("", 20_000, None),
    ]  # fmt: skip
    assert [(row.came, row.went, row.balance) for row in page.context["movements"]] == [
        (None, 20_000, None), (70_000, None, None), (None, Decimal("45000.50"), Decimal("44999.50")),
        (90_000, None, 90_000),
    ]  # fmt: skip
    for query, count, came, went in (
        ({}, 4, 160_000, Decimal("65000.50")),
        ({"kind": "receipt", "source": "support"}, 1, 90_000, 0),
        ({"kind": "payment", "source": "own"}, 1, 0, 20_000),
        ({"kind": "payment", "item": project.budget.get(item="厂房改造").pk}, 1, 0, Decimal("45000.50")),
        ({"kind": "payment", "item": "none"}, 1, 0, 20_000),
        ({"source": "other"}, 2, 70_000, 20_000),
        ({"kind": "recall"}, 0, 0, 0),
    ):
        flow = client.get(url("project_flow", project.pk, **query)).context
        assert (len(flow["movements"]), flow["came"], flow["went"]) == (count, came, went), query
    assert "6,000.00" in text_of(client.get(url("project_income", project.pk)))


def test_villages_and_movements_open_where_the_reader_may_go(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day, shares={"东一村": "60", "西一村": "40"})
    start = project.instalments.get(condition="start")
    receipt = way.move(who, day, project.sources.get(source="central"), "receipt", "90000", instalment=start)
    east, west = (url("village", village(name).pk) for name in ("东一村", "西一村"))

    def opened(user: User) -> tuple[bool, bool, bool]:
        page = signed_in(user).get(url("project", project.pk)).content.decode()
        return east in page, west in page, f'href="{url("payment", receipt.pk)}"' in page

    assert opened(who.officer) == (True, True, True)
    assert opened(who.township) == (True, False, False), "a joint project of the county: only one's own village"


def test_a_reversed_movement_is_taken_off_the_balance(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day)
    central = project.sources.get(source="central")
    way.move(who, day, central, "receipt", "90000")
    paid = way.move(who, day, central, "payment", "45000.50", budget_line=project.budget.get(item="厂房改造"))
    back = payments.reverse_payment(
        paid, paid_on=day, voucher_number="冲", reason="错", by=who.officer, now=way.at(day)
    )
    payments.confirm_payment(back, by=who.checker, now=way.at(day))
    page = signed_in(who.officer).get(url("project", project.pk)).context
    assert [(row.went, row.balance) for row in page["movements"]] == [
        (Decimal("-45000.50"), 90_000), (Decimal("45000.50"), Decimal("44999.50")), (None, 90_000),
    ]  # fmt: skip
    assert [item.paid for item in page["items"]] == [0, 0]


def test_income_of_villages_out_of_sight_is_not_told(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day, shares={"东一村": "60", "西一村": "40"})
    make_entry(village("东一村"), 6000, day=today, project=project, summary="东租")
    make_entry(village("西一村"), 500, day=today, project=project, summary="西租")
    whole = signed_in(who.leader).get(url("project", project.pk))
    assert whole.context["income"].total == 6500
    east = signed_in(who.township)
    page = east.get(url("project", project.pk))
    assert (page.context["income"].total, page.context["income"].is_part) == (6000, True)
    assert "仅含您能看到的村" in text_of(page)
    rows = text_of(east.get(url("project_income", project.pk)))
    assert ("东租" in rows, "西租" in rows) == (True, False)
    parts = [(part.share.unit.name, part.approved) for part in page.context["parts"]]
    assert parts == [("东一村", 312_000), ("西一村", 208_000)]
    lead = make_user("lead")
    grant(lead, Role.LD, Unit.objects.get(name="青禾县"), "F3")
    page = signed_in(lead).get(url("project", project.pk))
    assert "村级台账未向您开放" in text_of(page)
    assert signed_in(lead).get(url("project_income", project.pk)).status_code == 403
    other = make_user("other")
    grant(other, Role.LD, Unit.objects.get(name="青禾县"), "F1")
    assert signed_in(other).get(url("project", project.pk)).status_code == 404


# --- Work, changes, ways out ------------------------------------------------------------------


def test_the_work_is_brought_up_to_date(who: People, today: date) -> None:
    project = way.whole_way(who, today - timedelta(days=90))
    client = signed_in(who.officer)
    given = form_of(client, url("project_progress", project.pk)) | {"progress_percent": "65", "progress_note": "到货"}
    assert refused(client.post(url("project_progress", project.pk), given | {"progress_percent": "101"}))
    refused(client.post(url("project_progress", project.pk), given | {"started_on": today + timedelta(days=1)}))
    assert Project.objects.get().started_on == today - timedelta(days=90)
    assert client.post(url("project_progress", project.pk), given).status_code == 302
    assert (Project.objects.get().progress_percent, Project.objects.get().progress_note) == (65, "到货")
    assert client.post(url("project_milestones", project.pk), {"name": "封顶", "due_on": today}).status_code == 302
    milestone = Milestone.objects.get()
    done = url("project_milestone_done", project.pk, milestone.pk)
    client.post(done, {"done_on": today + timedelta(days=1)})
    assert Milestone.objects.get().done_on is None
    client.post(done, {"done_on": today, "note": "好"})
    assert (Milestone.objects.get().done_on, Milestone.objects.get().note) == (today, "好")
    other = make_project(village("西一村"))
    assert client.post(url("project_milestone_done", other.pk, milestone.pk), {"done_on": today}).status_code == 404


def test_a_change_from_20_percent_on_is_told_before_it_is_saved(who: People, today: date) -> None:
    project = way.whole_way(who, today - timedelta(days=90))
    client = signed_in(who.officer)
    given = form_of(client, url("project_change", project.pk)) | {"what": "扩建", "reason": "订单增加"}
    assert "还没有填写任何变更" in refused(client.post(url("project_change", project.pk), given))
    bigger = given | {"amount_central": "60"}
    told = client.post(url("project_change", project.pk), bigger)
    assert told.status_code == 200
    assert "变更幅度 57.69%，达到 20%" in text_of(told)
    assert not ProjectChange.objects.exists()
    seen = told.context["form"].data["seen"]
    assert seen == "review 57.69"
    assert client.post(url("project_change", project.pk), bigger | {"seen": seen}).status_code == 302
    assert (ProjectChange.objects.get().percent, Project.objects.get().stage) == (Decimal("57.69"), "review")
    assert Project.objects.get().sources.get(source="central").requested == 600_000
    assert Project.objects.get().sources.get(source="central").approved == 300_000


def test_stopping_shows_what_is_recalled_and_is_the_countys(who: People, today: date) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day)
    way.move(who, day, project.sources.get(source="central"), "receipt", "90000")
    assert signed_in(who.officer).get(url("project_stop", project.pk)).status_code == 403
    leader = signed_in(who.leader)
    assert "扶持资金结余 9.00 万元" in text_of(leader.get(url("project_stop", project.pk)))
    given = {"document": "青委〔2026〕9 号", "reason": "无法实施"}
    assert leader.post(url("project_stop", project.pk), given).status_code == 302
    assert Payment.objects.get(kind="recall").amount == 90_000
    assert "依据青委〔2026〕9 号终止" in text_of(leader.get(url("project", project.pk)))


# --- Lists ------------------------------------------------------------------------------------


def late_and_in_time(who: People, today: date) -> dict[str, Project]:
    """One project for each thing that makes it late, and one of each kind that is not."""
    long_ago = today - timedelta(days=200)
    programme = way.released(who, long_ago, {"central": 300})
    made: dict[str, Project] = {}

    def one(name: str, **fields: Any) -> Project:
        money = fields.pop("approved", {"central": 100_000})
        made[name] = make_project(
            programme=programme, approved=money, name=name,
            **{"stage": "pay", "started_on": long_ago, "approved_on": long_ago} | fields,
        )  # fmt: skip
        return made[name]

    one("按时")
    one("未开工", stage="implement", started_on=None)
    one("刚批复", stage="implement", started_on=None, approved_on=today - timedelta(days=90))
    one("未验收", finish_on=today - timedelta(days=1), start_on=long_ago)
    one("已验收", stage="operate", finish_on=today - timedelta(days=1), accepted_on=today - timedelta(days=5))
    Milestone.objects.create(project=one("节点逾期"), name="封顶", due_on=today - timedelta(days=1))
    Milestone.objects.create(project=one("节点完成"), name="封顶", due_on=long_ago, done_on=today)
    one("自筹未到", approved={"own": 5_000}).sources.update(due_on=today - timedelta(days=1))
    for name, reached in (("待拨付", 60), ("进度未到", 59)):
        one(name, progress_percent=reached).instalments.create(
            condition="progress", percent=50, amount=50_000, due_on=today - timedelta(days=1)
        )
    for name, accepted in (("质保金到期", 366), ("质保金未到", 300)):
        one(name, stage="operate", accepted_on=today - timedelta(days=accepted)).instalments.create(
            condition="retention", percent=3, amount=3_000, due_on=today - timedelta(days=1)
        )
    made["久在库"] = make_project(name="久在库", pooled_on=today - timedelta(days=1100))
    made["新入库"] = make_project(name="新入库", pooled_on=today - timedelta(days=1000))
    return made


def test_late_only_shows_what_the_lines_call_late(who: People, today: date) -> None:
    late_and_in_time(who, today)
    client = signed_in(who.officer)
    lines = client.get(url("project_list")).context["lines"]
    expected = {line.project.name for line in lines if line.is_late}
    assert expected == {"未开工", "未验收", "节点逾期", "自筹未到", "待拨付", "质保金到期", "久在库"}
    found = {line.project.name for line in client.get(url("project_list", late=1)).context["lines"]}
    assert found == expected
    board = client.get(url("project_board")).context
    assert (board["count"], board["late"]) == (14, 7)
    assert {c["stage"]: (c["count"], c["late"]) for c in board["columns"] if c["count"]} == {
        "pool": (2, 1), "implement": (2, 1), "pay": (7, 4), "operate": (3, 1),
    }  # fmt: skip
    pay = next(column for column in board["columns"] if column["stage"] == "pay")
    assert [line.is_late for line in pay["lines"]] == [True, True, True, True, False, False]


def test_conditions_of_the_list(who: People, today: date) -> None:
    joint = make_project(village("东一村"), village("西一村"), name="抱团", business_model="joint")
    make_project(village("西二村"), name="西二", business_model="solar", stage="done")
    client = signed_in(who.officer)

    def names(**query: Any) -> set[str]:
        return {line.project.name for line in client.get(url("project_list", **query)).context["lines"]}

    assert names() == {"抱团", "西二"}
    assert names(township=Unit.objects.get(name="东乡").pk) == {"抱团"}
    assert names(village=village("西一村").pk) == {"抱团"}
    assert names(model="solar") == {"西二"}
    assert names(stage="open") == {"抱团"}
    assert names(stage="work") == set()
    assert names(stage="done") == {"西二"}
    programme = way.released(who, today)
    Project.objects.filter(pk=joint.pk).update(programme=programme)
    assert names(programme=programme.pk) == {"抱团"}
    assert names(programme=999_999) == set()


@pytest.mark.parametrize("page", ["project_list", "project_board", "programme_list", "programme", "project"])
def test_as_many_queries_for_one_row_as_for_three(page: str, who: People, today: date, quiet_frame: None) -> None:
    day = today - timedelta(days=90)
    project = way.whole_way(who, day)
    client = signed_in(who.leader)
    args = {"programme": [project.programme_id], "project": [project.pk]}.get(page, [])
    client.get(url(page, *args))
    with CaptureQueriesContext(connection) as one:
        assert client.get(url(page, *args)).status_code == 200
    for number in range(2):
        made = make_project(
            village("东二村"), village("西一村"), programme=project.programme, approved={"central": 1000}, stage="pay"
        )
        made.instalments.create(condition="start", percent=100, amount=1000)
        Milestone.objects.create(project=made, name="封顶", due_on=day)
        way.released(who, day, name=f"另一批{number}")
        way.move(who, day, project.sources.get(source="central"), "receipt", "100")
        make_entry(village(), 10 + number, day=today, project=project)
    with CaptureQueriesContext(connection) as three:
        assert client.get(url(page, *args)).status_code == 200
    assert len(three) == len(one), "\n".join(query["sql"][:200] for query in three)
