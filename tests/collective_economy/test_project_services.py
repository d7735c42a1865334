"""Projects and programmes by their services: who may, what is refused with which sentence, what stands in the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F

from accounts.models import AuditEvent
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.models import (
    Asset,
    AuditFinding,
    Instalment,
    Milestone,
    Payment,
    ProgrammeSource,
    Project,
    ProjectSource,
)
from collective_economy.services import payments, programmes, projects
from tests.collective_economy import project_ground as way
from tests.collective_economy.ground import make_contract, make_entry, make_programme, reverse_entry, village
from tests.collective_economy.project_ground import People, at
from tests.conftest import make_unit

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)
D = Decimal


@pytest.fixture
def who(county: Unit) -> People:
    return way.people()


def refusal(act: Callable[[], object]) -> list[tuple[str, str | None, str]]:
    """Field ("" for none), code and sentence of what is refused."""
    with pytest.raises(ValidationError) as refused:
        act()
    if hasattr(refused.value, "error_dict"):
        pairs = [(name, error) for name, errors in refused.value.error_dict.items() for error in errors]
    else:
        pairs = [("", error) for error in refused.value.error_list]
    return [(name, error.code, error.messages[0]) for name, error in pairs]


def again(project: Project) -> Project:
    return Project.objects.get(pk=project.pk)


def move_on(who: People, project: Project) -> Project:
    return projects.move_on(again(project), by=who.officer, today=DAY, now=at(DAY))


def change(who: People, project: Project, **values: Any) -> Project:
    row = again(project)
    return projects.change_project(row, values=values, base=row.version, by=who.officer, today=DAY)


# --- Programmes -------------------------------------------------------------------------------


def test_a_programme_is_entered_changed_and_confirmed_by_two(who: People) -> None:
    county = Unit.objects.get(name="青禾县")
    given: dict[str, Any] = {"unit": county, "name": "批次", "year": 2026, "document": "文", "released_on": DAY}
    no_money = [("", "no_money", "至少填一项来源的金额，须大于 0。")]
    assert refusal(lambda: programmes.add_programme(**given, amounts={"city": D(0)}, by=who.officer)) == no_money
    assert refusal(lambda: programmes.add_programme(**given, amounts={"city": D(-1)}, by=who.officer)) == no_money
    row = programmes.add_programme(**given, amounts={"central": D(100), "city": D(0)}, by=who.officer)
    assert list(row.sources.values_list("source", "amount", "allocated")) == [("central", 100, 0)]
    taken = refusal(lambda: programmes.add_programme(**given, amounts={"city": D(1)}, by=who.officer))
    assert taken == [("", "name_taken", "该年度已有同名批次。")]
    values = {"name": "批次", "document": "新文"}
    with pytest.raises(Conflict):
        programmes.change_programme(row, values=values, amounts={"city": D(5)}, base=9, by=who.checker)
    row = programmes.change_programme(row, values=values, amounts={"city": D(5)}, base=1, by=who.checker)
    assert (row.document, row.entered_by, list(row.sources.values_list("source", "amount"))) == (
        "新文", who.checker, [("city", 5)],
    )  # fmt: skip
    with pytest.raises(PermissionDenied, match="录入人不能复核"):
        programmes.confirm_programme(row, by=who.checker, now=at(DAY))
    row = programmes.confirm_programme(row, by=who.leader, now=at(DAY))
    assert (row.confirmed_by, row.confirmed_at) == (who.leader, at(DAY))
    twice = refusal(lambda: programmes.confirm_programme(row, by=who.officer, now=at(DAY)))
    assert twice == [("", "confirmed", "该批次已复核。")]
    frozen = refusal(
        lambda: programmes.change_programme(row, values={}, amounts={"city": D(6)}, base=3, by=who.officer)
    )
    assert frozen == [("", "confirmed", "批次复核后金额不再变动，追加资金请另录一个批次。")]
    told = AuditEvent.objects.get(event="collective_economy.change_programme")
    assert told.changes == {"document": ["文", "新文"], "amounts": [{"central": "100.00"}, {"city": "5"}]}
    row = programmes.add_programme(**given | {"name": "另一批"}, amounts={"city": D(5)}, by=who.officer)
    programmes.change_programme(row, values={"document": "改"}, amounts={"city": D(5)}, base=1, by=who.officer)
    assert AuditEvent.objects.filter(event="collective_economy.change_programme").latest("pk").changes == {
        "document": ["文", "改"]
    }


# --- Proposing and planning -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, ("no_village", "请至少选择一个村。")),
        ({"东乡": "100"}, ("not_a_village", "只有村可以参与项目。")),
        ({"东一村": "60", "东二村": "39.9999"}, ("shares_not_whole", "各村份额合计为 99.9999%，应为 100%。")),
        ({"东一村": "100", "东二村": "0"}, ("no_share", "每个村的份额都须大于 0。")),
    ],
)
def test_shares_that_are_refused(who: People, shares: dict[str, str], expected: tuple[str, str]) -> None:
    given = {village(name): D(percent) for name, percent in shares.items()}
    act = lambda: projects.propose_project(  # noqa: E731
        fields={"number": "1", "year": 2026, "name": "厂", "business_model": "solar"}, shares=given, by=who.officer,
        today=DAY, now=at(DAY),
    )  # fmt: skip
    assert refusal(act) == [("", *expected)]
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("shares", "place"),
    [
        ({"东一村": "100"}, "东一村"),
        ({"东一村": "50", "东三村": "50"}, "东乡"),
        ({"东一村": "33.3334", "东二村": "33.3333", "西一村": "33.3333"}, "青禾县"),
    ],
)
def test_a_joint_project_lies_where_all_its_villages_are(who: People, shares: dict[str, str], place: str) -> None:
    project = way.proposed(who, DAY, shares=shares)
    assert (project.unit.name, project.path) == (place, project.unit.path)
    assert {row.unit.name: row.percent for row in project.shares.all()} == {k: D(v) for k, v in shares.items()}
    assert (project.stage, project.pooled_on, project.subject) == ("pool", DAY, "F3")
    assert [(step.came_from, step.went_to) for step in project.steps.all()] == [("", "pool")]


def test_a_number_is_taken_once_a_year_and_money_stays_in_its_county(who: People) -> None:
    way.proposed(who, DAY)
    assert refusal(lambda: way.proposed(who, DAY)) == [("number", "number_taken", "该年度已有此项目编号。")]
    foreign = make_programme(make_unit(Unit.objects.get(name="测试市"), "county", "邻县", "990102"))
    other = [("programme", "other_programme", "该批次不属于本县。")]
    assert refusal(lambda: way.proposed(who, DAY, foreign, number="2")) == other
    project = way.proposed(who, DAY, number="3")
    assert refusal(lambda: change(who, project, programme=foreign)) == other
    own = way.released(who, DAY)
    own.subject = "F5"
    own.save(update_fields=["subject"])
    assert change(who, project, programme=own).subject == "F5"
    assert change(who, project, programme=None).subject == "F3"


def test_the_plan_is_open_in_pool_and_application_and_another_plan_is_signed_anew(who: People) -> None:
    project = way.applied(who, DAY, way.proposed(who, DAY, way.released(who, DAY)))

    def sign() -> None:
        projects.sign_project(again(project), by=who.township, today=DAY)

    for act in (
        lambda: change(who, project, name="新名"),
        lambda: projects.set_shares(project, {village("东二村"): D(100)}, by=who.officer),
        lambda: projects.set_requested(project, {"own": D(5)}, by=who.officer),
        lambda: projects.set_budget(project, [("厂房", D(5))], by=who.officer),
    ):
        sign()
        assert again(project).signed_on == DAY
        act()
        assert (again(project).signed_on, again(project).signed_by) == (None, None)
    sign()
    change(who, project, responsible_name="王五")
    assert again(project).signed_on == DAY, "words of the course leave the signature"
    assert refusal(sign) == [("", "signed", "乡镇已经签字。")]
    move_on(who, project)
    before_panel = [("", "in_review", "计划已提交，正在评审或公示。需要修改的请先退回申报。")]
    assert refusal(lambda: change(who, project, name="再改")) == before_panel
    assert refusal(lambda: projects.set_requested(project, {"own": D(9)}, by=who.officer)) == before_panel
    assert change(who, project, programme=None, location="村口").location == "村口"
    projects.return_to_apply(again(project), reason="补正", by=who.leader, today=DAY, now=at(DAY))
    assert change(who, project, name="再改").name == "再改"


def test_what_is_refused_of_money_and_items(who: People) -> None:
    project = way.proposed(who, DAY)
    negative = [("", "negative", "金额不能小于 0。")]
    assert refusal(lambda: projects.set_requested(project, {"own": D(-1)}, by=who.officer)) == negative
    assert refusal(lambda: projects.set_budget(project, [("厂房", D(0))], by=who.officer)) == [
        ("", "negative", "预算科目金额须大于 0。")
    ]
    assert refusal(lambda: projects.set_budget(project, [("厂房", D(1)), ("厂房", D(2))], by=who.officer)) == [
        ("", "same_item", "预算科目重复。")
    ]
    projects.set_requested(project, {"own": D(5), "city": D(7)}, by=who.officer, due_on={"own": DAY}, base=1)
    projects.set_requested(project, {"own": D(6)}, by=who.officer)
    assert list(project.sources.values_list("source", "requested", "due_on")) == [("own", 6, None)]
    with pytest.raises(Conflict):
        projects.set_requested(project, {"own": D(7)}, by=who.officer, base=1)
    with pytest.raises(Conflict):
        projects.change_project(project, values={"name": "x"}, base=1, by=who.officer)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"started_on": DAY}, ("started_on", "before_approval", "开工不能早于批复日期。")),
        ({"accepted_on": DAY}, ("accepted_on", "before_work", "验收在开工之后：请先填开工日期。")),
        ({"audited_on": DAY + timedelta(days=1)}, ("audited_on", "in_future", "此日期尚未到来。")),
    ],
)
def test_the_course_has_its_order(who: People, values: dict[str, Any], expected: tuple[str, str, str]) -> None:
    project = way.proposed(who, DAY)
    found = refusal(lambda: change(who, project, **values))
    assert [(name, code) for name, code, _words in found] == [expected[:2]]
    if expected[1] != "in_future":
        assert found[0][2] == expected[2]


def test_milestones(who: People) -> None:
    project = way.proposed(who, DAY)
    row = projects.add_milestone(project, name="招标", due_on=DAY, by=who.officer)

    def finish(day: date) -> Milestone:
        return projects.finish_milestone(row, done_on=day, note="中标", by=who.officer, today=DAY)

    assert [code for _name, code, _words in refusal(lambda: finish(DAY + timedelta(days=1)))] == ["in_future"]
    assert (finish(DAY).done_on, finish.__name__) == (DAY, "finish")
    assert refusal(lambda: finish(DAY)) == [("", "done_already", "该节点已完成。")]
    open_one = projects.add_milestone(project, name="验收", due_on=DAY, by=who.officer)
    projects.drop_from_pool(again(project), by=who.officer, today=DAY, now=at(DAY), note="不做了")
    finished = [("", "finished", "项目已结束，不能再修改。")]
    assert refusal(lambda: projects.add_milestone(project, name="x", due_on=DAY, by=who.officer)) == finished
    assert (
        refusal(lambda: projects.finish_milestone(open_one, done_on=DAY, note="", by=who.officer, today=DAY))
        == finished
    )
    assert refusal(lambda: change(who, project, location="x")) == finished
    assert refusal(lambda: projects.set_budget(project, [], by=who.officer)) == finished
    assert refusal(lambda: move_on(who, project)) == finished
    assert refusal(
        lambda: projects.drop_from_pool(again(project), by=who.officer, today=DAY, now=at(DAY), note="")
    ) == [("", "not_in_pool", "只有项目库中的项目可以出库。")]


# --- The gates --------------------------------------------------------------------------------


def test_a_closed_gate_names_all_that_is_missing(who: People) -> None:
    project = way.proposed(who, DAY, risk="", expected_income=None)
    assert refusal(lambda: move_on(who, project)) == [("", "gate_closed", "还缺：四议两公开事项：四议齐全，决议已公开")]
    Project.objects.filter(pk=project.pk).update(stage="apply")
    assert [words for _name, _code, words in refusal(lambda: move_on(who, project))] == [
        "还缺：已按来源填写申请资金",
        "还缺：已填起止日期和预期年收益",
        "还缺：已填风险和收益分配",
        "还缺：乡镇已审核签字",
    ]


def test_a_void_decision_opens_nothing(who: People) -> None:
    project = way.applied(who, DAY, way.proposed(who, DAY))
    assert projects.facts_of(project).decision_steps == 5
    project.decision.is_void = True
    assert projects.facts_of(project).decision_steps == 0


def test_income_that_was_taken_back_opens_nothing(who: People) -> None:
    project = way.whole_way(who, DAY)
    entry = make_entry(village(), 6000, project=project)
    assert projects.facts_of(project).earns
    reverse_entry(entry, project=project)
    assert not projects.facts_of(project).earns
    make_contract(village(), project=project, kind="lease")
    assert projects.facts_of(project).earns


def test_a_collective_that_builds_itself_needs_no_building_contract(who: People) -> None:
    project = way.approved(
        who, DAY, way.reviewed(who, DAY, way.applied(who, DAY, way.proposed(who, DAY, way.released(who, DAY))))
    )
    change(who, project, procurement="own", started_on=DAY)
    assert move_on(who, project).stage == "pay"


# --- Signing, reviewing, approving ------------------------------------------------------------


def test_who_entered_does_not_sign_and_only_applications_are_signed(who: People) -> None:
    project = way.proposed(who, DAY)
    assert refusal(lambda: projects.sign_project(project, by=who.township, today=DAY)) == [
        ("", "not_applying", "只有申报环节的项目可以签字。")
    ]
    project = way.applied(who, DAY, project)
    with pytest.raises(PermissionDenied, match="录入人不能签字"):
        projects.sign_project(project, by=who.officer, today=DAY)


def test_the_panel_speaks_once_a_round_and_sends_back(who: People) -> None:
    project = way.applied(who, DAY, way.proposed(who, DAY))
    given: dict[str, Any] = {
        "reviewer": "甲", "score": D(80), "agrees": False, "opinion": "不足", "on": DAY, "by": who.leader,
    }  # fmt: skip

    def speak(department: str, **more: Any) -> Any:
        return projects.record_opinion(again(project), department=department, **given | more)

    not_in_review = [("", "not_in_review", "评审环节才能录入评审意见。")]
    assert refusal(lambda: speak("finance")) == not_in_review
    back = lambda reason: projects.return_to_apply(  # noqa: E731
        again(project), reason=reason, by=who.leader, today=DAY, now=at(DAY)
    )
    assert refusal(lambda: back("x")) == [("", "not_in_review", "只有评审或公示环节的项目可以退回。")]
    projects.sign_project(project, by=who.township, today=DAY)
    move_on(who, project)
    speak("finance")
    assert refusal(lambda: speak("finance")) == [("", "given", "该部门本轮已录入意见。")]
    speak("organization", agrees=True)
    assert [words for _n, _c, words in refusal(lambda: move_on(who, project))] == [
        "还缺：组织部、财政局、农业农村局均同意"
    ]
    assert refusal(lambda: back(" ")) == [("note", "no_reason", "请填写需要补正的内容。")]
    assert (back("补正").stage, again(project).signed_on) == ("apply", None)
    projects.sign_project(again(project), by=who.township, today=DAY)
    move_on(who, project)
    speak("finance", agrees=True)
    assert list(project.opinions.values_list("round", "department", "agrees")) == [
        (1, "finance", False), (1, "organization", True), (2, "finance", True),
    ]  # fmt: skip


def before_the_county(who: People, **fields: Any) -> Project:
    return way.reviewed(who, DAY, way.applied(who, DAY, way.proposed(who, DAY, way.released(who, DAY), **fields)))


def test_approval_is_by_somebody_who_neither_proposed_nor_handed_in(who: People) -> None:
    project = before_the_county(who)
    with pytest.raises(PermissionDenied, match="申报、提交该项目的人不能批复"):
        way.approved(People(who.officer, who.township, who.officer, who.checker), DAY, project)
    assert refusal(lambda: move_on(who, project)) == [("", "gate_closed", "还缺：公示期满，县里已批复")]
    # Sent back and handed in by somebody else: neither of the two approves it.
    projects.return_to_apply(project, reason="补正", by=who.leader, today=DAY, now=at(DAY))
    other = People(who.checker, who.township, who.leader, who.checker)
    project = way.reviewed(other, DAY, again(project))
    assert projects.makers_of(project) == {who.officer.pk, who.checker.pk}
    with pytest.raises(PermissionDenied):
        way.approved(People(who.officer, who.township, who.checker, who.checker), DAY, project)
    assert way.approved(who, DAY, project).stage == "implement"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"amounts": {}}, ("", "no_money", "至少填一项来源的批复金额，须大于 0。")),
        ({"amounts": {"central": D(-1)}}, ("", "no_money", "至少填一项来源的批复金额，须大于 0。")),
        ({"document": " "}, ("document", "no_document", "请填写依据文号。")),
        ({"notice_to": DAY}, ("notice_to", "notice_open", "公示期满后才能批复：请填写公示起止日期。")),
        ({"notice_from": DAY}, ("notice_to", "notice_open", "公示期满后才能批复：请填写公示起止日期。")),
        ({"amounts": {"central": D(600001)}}, ("", "beyond_programme", "中央资金：该批次只剩 600,000.00 元可批复。")),
        ({"amounts": {"city": D(1)}}, ("", "beyond_programme", "市级资金：该批次只剩 0.00 元可批复。")),
    ],
)
def test_what_no_approval_may_be(who: People, changed: dict[str, Any], expected: tuple[str, str, str]) -> None:
    project = before_the_county(who)
    given = {**vars(way.approval(project, DAY)), **changed}
    act = lambda: projects.approve_project(  # noqa: E731
        project, projects.Approval(**given), by=who.leader, today=DAY, now=at(DAY)
    )
    assert refusal(act) == [expected]
    assert (again(project).stage, again(project).approved_by) == ("approve", None)


def test_support_money_needs_a_confirmed_programme(who: People) -> None:
    project = before_the_county(who)
    no_programme = [("", "no_programme", "扶持资金须有已复核的批次，请先为项目选择批次。")]
    change(who, project, programme=make_programme(amounts={"central": 1}, is_confirmed=False))
    assert refusal(lambda: way.approved(who, DAY, again(project))) == no_programme
    change(who, project, programme=None)
    assert refusal(lambda: way.approved(who, DAY, again(project))) == no_programme
    given = vars(way.approval(project, DAY)) | {"amounts": {"own": D(120_000)}}
    done = projects.approve_project(again(project), projects.Approval(**given), by=who.leader, today=DAY, now=at(DAY))
    assert done.stage == "implement"
    assert {row.source: row.approved for row in done.sources.all()} == {"central": 0, "county": 0, "own": 120_000}
    early = [("", "not_in_approval", "评审通过、进入公示批复环节后才能批复。")]
    assert refusal(lambda: way.approved(who, DAY, done)) == early


def test_instalments_are_planned_to_the_cent(who: People) -> None:
    project = before_the_county(who)
    given = vars(way.approval(project, DAY)) | {"amounts": {"central": D("100000.01")}}
    done = projects.approve_project(project, projects.Approval(**given), by=who.leader, today=DAY, now=at(DAY))
    assert list(done.instalments.values_list("condition", "percent", "amount", "due_on")) == [
        ("start", 30, D("30000.00"), DAY),
        ("progress", 50, D("50000.01"), DAY + timedelta(days=107)),
        ("acceptance", 17, D("17000.00"), DAY + timedelta(days=179)),
        ("retention", 3, D("3000.00"), date(2027, 8, 28)),
    ]
    assert ProgrammeSource.objects.get(source="central").allocated == D("100000.01")


def test_without_a_plan_instalments_have_no_day_and_planned_ones_keep_theirs(who: People) -> None:
    project = before_the_county(who)
    Project.objects.filter(pk=project.pk).update(start_on=None)
    Instalment.objects.create(project=project, condition="start", percent=D(40), amount=0, due_on=DAY)
    way.approved(who, DAY, again(project))
    assert list(project.instalments.order_by("condition").values_list("condition", "percent", "due_on")) == [
        ("acceptance", 17, None), ("progress", 50, None), ("retention", 3, None), ("start", 40, DAY),
    ]  # fmt: skip
    assert sum(row.amount for row in project.instalments.all()) == 400_000


# --- Changes of what was approved -------------------------------------------------------------


def alter(who: People, project: Project, **more: Any) -> Any:
    given: dict[str, Any] = {"values": {}, "what": "调整", "reason": "市场变化", "document": "请示 1 号"}
    return projects.change_approved(again(project), **given | more, by=who.officer, today=DAY, now=at(DAY))


def test_a_change_is_said_with_its_reason_while_the_work_goes_on(who: People) -> None:
    project = before_the_county(who)
    assert refusal(lambda: alter(who, project)) == [("", "not_approved", "只有实施、拨付环节的项目可以这样变更。")]
    project = way.approved(who, DAY, project)
    for lacking in ({"what": " "}, {"reason": ""}):
        assert refusal(lambda lacking=lacking: alter(who, project, **lacking)) == [
            ("", "no_reason", "请填写变更内容和原因。")
        ]
    made = alter(who, project, percent=D("19.99"), values={"location": "新址"})
    assert (made.percent, made.went_back, again(project).stage, again(project).location) == (
        D("19.99"), False, "implement", "新址",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "percent", "stage"),
    [
        ({"percent": D(20)}, "20", "review"),
        ({"values": {"finish_on": DAY + timedelta(days=179 + 35)}}, "19.44", "implement"),
        ({"values": {"finish_on": DAY + timedelta(days=179 + 36)}}, "20", "review"),
        ({"values": {"finish_on": None}}, "0", "implement"),
        ({"budget": [("厂房改造", D(240_000)), ("设备购置", D(280_000))]}, "15.38", "implement"),
        ({"budget": [("厂房改造", D(200_000)), ("设备购置", D(320_000))]}, "23.07", "review"),
        ({"requested": {"central": D(300_000), "county": D(100_000), "own": D(120_000)}}, "0", "implement"),
        ({"requested": {"central": D(350_000), "county": D(100_000), "own": D(120_000)}}, "9.61", "approve"),
        ({"requested": {"central": D(200_000), "county": D(200_000), "own": D(120_000)}}, "0", "approve"),
        ({"requested": {"central": D(300_000), "county": D(100_000)}}, "23.07", "review"),
    ],
)
def test_where_a_change_leads(who: People, more: dict[str, Any], percent: str, stage: str) -> None:
    project = way.approved(who, DAY, before_the_county(who))
    made = alter(who, project, **more)
    assert (made.percent, again(project).stage, made.went_back) == (D(percent), stage, stage == "review")


def test_a_project_that_came_back_is_approved_anew_and_moves_no_money_before(who: People) -> None:
    project = way.under_work(who, DAY, way.approved(who, DAY, before_the_county(who)))
    central = project.sources.get(source="central")
    way.move(who, DAY, central, "receipt", "90000", instalment=project.instalments.get(condition="start"))
    way.move(who, DAY, central, "payment", "50000", budget_line=project.budget.get(item="厂房改造"))
    items = [("厂房改造", D(49_999)), ("设备购置", D(200_000))]
    assert refusal(lambda: alter(who, project, budget=items)) == [
        ("", "below_paid", "厂房改造 已支出 50,000.00 元，预算不能低于已支出数。")
    ]
    assert refusal(lambda: alter(who, project, budget=[("设备购置", D(520_000))])) == [
        ("", "item_used", "厂房改造已有支出，不能从预算中删除。")
    ]
    waiting = payments.enter_payment(
        source=central, kind="payment", amount=D(1), paid_on=DAY, summary="款", voucher_number="等", use="build",
        by=who.officer, today=DAY, now=at(DAY),
    )  # fmt: skip
    less = {"central": D(80_000)}
    assert refusal(lambda: projects.set_budget(again(project), [], by=who.officer)) == [
        ("", "approved_plan", "计划已批复。需要修改的请作为变更录入并写明原因。")
    ]
    same = [("厂房改造", D(320_000)), ("设备购置", D(200_000))]
    assert (alter(who, project, budget=same).percent, again(project).stage) == (0, "pay")
    assert [code for _n, code, _w in refusal(lambda: alter(who, project, requested=less))] == ["payments_wait"]
    payments.withdraw_payment(waiting, by=who.officer, now=at(DAY))
    alter(who, project, requested=less)
    assert (again(project).stage, project.sources.get(source="own").requested) == ("review", 0)
    assert [code for _n, code, _w in refusal(lambda: way.move(who, DAY, central, "receipt", "1"))] == ["not_approved"]
    way.agree(who, DAY, again(project))
    project = move_on(who, project)
    assert refusal(lambda: move_on(who, project))[0][1] == "gate_closed", "the first approval opens nothing"
    below = [("", "below_received", "中央资金已拨付到位 90,000.00 元，请先收回。")]
    assert refusal(lambda: way.approved(who, DAY, project)) == below
    given = vars(way.approval(project, DAY))
    act = lambda amounts: projects.approve_project(  # noqa: E731
        again(project), projects.Approval(**given | {"amounts": amounts}), by=who.leader, today=DAY, now=at(DAY)
    )
    assert refusal(lambda: act({"own": D(5)})) == below
    done = act({"central": D(100_000), "partner": D(1000)})
    assert done.stage == "implement"
    money = {row.source: row.approved for row in done.sources.all() if row.approved}
    assert money == {"central": 100_000, "partner": 1000}
    assert {row.source: row.allocated for row in ProgrammeSource.objects.all()} == {"central": 100_000, "county": 0}


def test_money_of_another_programme_gives_no_room(who: People) -> None:
    """The project's own approval counts only against the programme that it came from."""
    project = way.approved(who, DAY, before_the_county(who))
    alter(who, project, requested={"central": D(350_000), "county": D(100_000), "own": D(120_000)})
    small = way.released(who, DAY, {"central": 10, "county": 10}, name="第二批")
    change(who, project, programme=small)
    assert refusal(lambda: way.approved(who, DAY, again(project))) == [
        ("", "beyond_programme", "中央资金：该批次只剩 100,000.00 元可批复。")
    ]


# --- Stopping ---------------------------------------------------------------------------------


def test_stopping_recalls_what_is_left_and_somebody_else_confirms(who: People) -> None:
    project = way.whole_way(who, DAY)
    central = project.sources.get(source="central")
    way.move(who, DAY, central, "receipt", "90000", instalment=project.instalments.get(condition="start"))
    way.move(who, DAY, central, "payment", "45000.50")
    way.move(who, DAY, project.sources.get(source="own"), "receipt", "7000")

    def stop(**more: Any) -> Project:
        given = {"document": "青委〔2026〕9 号", "reason": "无法实施"} | more
        return projects.stop_project(again(project), **given, by=who.leader, today=DAY, now=at(DAY))

    for lacking in ({"document": " "}, {"reason": ""}):
        assert refusal(lambda lacking=lacking: stop(**lacking)) == [("", "no_document", "请填写决定文号和原因。")]
    waiting = payments.enter_payment(
        source=central, kind="payment", amount=D(1), paid_on=DAY, summary="款", voucher_number="等", use="build",
        by=who.officer, today=DAY, now=at(DAY),
    )  # fmt: skip
    assert refusal(stop) == [("", "payments_wait", "本项目有拨付或支出待复核，请先复核或退回。")]
    payments.refuse_payment(waiting, note="终止", by=who.checker, now=at(DAY))
    assert (stop().stage, again(project).stop_document) == ("stopped", "青委〔2026〕9 号")
    recall = Payment.objects.get(kind="recall")
    assert (recall.source, recall.amount, recall.state, recall.entered_by) == (
        central, D("44999.50"), "entered", who.leader,
    )  # fmt: skip
    told = AuditEvent.objects.get(event="collective_economy.add_payment", target_id=str(recall.pk))
    assert told.changes["amount"] == [None, "44999.50"]
    with pytest.raises(PermissionDenied):
        payments.confirm_payment(recall, by=who.leader, now=at(DAY))
    payments.confirm_payment(recall, by=who.checker, now=at(DAY))
    central.refresh_from_db()
    assert (central.received, central.paid, central.recalled, central.balance) == (
        90_000, D("45000.50"), D("44999.50"), 0,
    )  # fmt: skip
    assert refusal(stop) == [("", "finished", "项目已结束，不能再修改。")]
    assert not ProjectSource.objects.filter(received__lt=F("paid") + F("recalled")).exists()


def test_the_last_gates(who: People) -> None:
    project = way.whole_way(who, DAY)
    Project.objects.filter(pk=project.pk).update(stage="accept")
    change(who, project, accepted_on=DAY, acceptance_panel="组", actual_cost=D(1), acceptance_problems="渗水")
    assert [words for _n, _c, words in refusal(lambda: move_on(who, project))] == ["还缺：验收发现的问题已整改"]
    change(who, project, acceptance_closed_on=DAY)
    assert move_on(who, project).stage == "operate"
    make_entry(village(), 10, project=project)
    Asset.objects.create(
        unit=village(), path=village().path, project=project, number="1", name="厂", kind="building", value=1,
        owner="社", registered_on=DAY, entered_by=who.officer,
    )  # fmt: skip
    assert move_on(who, project).stage == "evaluate"
    change(who, project, evaluated_on=DAY, actual_income=D(0), satisfaction_percent=D(90))
    assert move_on(who, project).stage == "audit"
    finding = AuditFinding.objects.create(
        unit=village(), path=village().path, project=project, kind="use", found_on=DAY, found_by="审计局", problem="x",
        measure="y", due_on=DAY, entered_by=who.officer,
    )  # fmt: skip
    change(who, project, audited_on=DAY)
    assert [words for _n, _c, words in refusal(lambda: move_on(who, project))] == ["还缺：审计问题全部销号"]
    finding.evidence, finding.handed_in_by, finding.closed_by, finding.closed_on = "据", who.officer, who.leader, DAY
    finding.save()
    assert move_on(who, project).stage == "done"
