"""Things to do about the money of collectives: what stands there, for whom, with what number and where it leads."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from assessments.todos import counts
from branches.models import Unit
from branches.todo import Todo, register, registered
from collective_economy import todos
from collective_economy.models import AuditFinding, LedgerMonth, Project
from tests.collective_economy import ground
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def told(user: User) -> list[tuple[str, str, str, int]]:
    """Key, title, detail and number of everything that the money asks of the user."""
    found = [todo for source in todos.SOURCES for todo in source(user, NOW)]
    return [(todo.key, todo.title, todo.detail, todo.number) for todo in found]


def titles(user: User) -> list[str]:
    return [title for _key, title, _detail, _number in told(user)]


@pytest.fixture
def people(county: Unit, east: Unit) -> dict[str, User]:
    return {
        "staff": make_user("staff", Role.CS, county),
        "leader": make_user("leader", Role.CL, county),
        "secretary": make_user("secretary", Role.TS, east),
        "officer": make_user("officer", Role.CE, east),
        "inspector": make_user("inspector", Role.RI, county),
        "clerk": make_user("clerk", Role.VC, ground.village()),
    }


def finding(due_on: date, **fields: Any) -> AuditFinding:
    unit = fields.pop("unit", None) or ground.village()
    return AuditFinding.objects.create(
        unit=unit, path=unit.path, kind="use", found_on=date(2026, 1, 5), found_by="审计局", problem="问题",
        measure="整改", due_on=due_on, entered_by=ground.clerk(), **fields,
    )  # fmt: skip


def everything() -> None:
    """One of each kind, in the east."""
    programme = ground.make_programme(name="第一批", amounts={"county": 100_000, "city": 23_456}, is_confirmed=False)
    assert programme.confirmed_by is None
    paying = ground.make_project(approved={"county": 100_000}, stage="operate", started_on=date(2026, 3, 2))
    source = paying.sources.get()
    ground.enter_payment(source, "12345.67")
    ground.make_project(stage="apply")
    ground.make_project(stage="approve")
    ground.make_project(stage="implement", finish_on=date(2026, 11, 25))
    ground.make_entry(day=date(2026, 10, 8))
    LedgerMonth.objects.update(statement_balance=Decimal(100))
    finding(date(2026, 12, 1), handed_in_by=ground.clerk(), handed_in_on=date(2026, 11, 1), evidence="已退回")
    finding(date(2026, 11, 25))
    ground.make_receivable(amount=1_000, due_on=date(2026, 11, 25))


def test_each_finds_what_is_theirs_to_do(people: dict[str, User]) -> None:
    everything()
    payment = ("payments", "1 笔资金等待确认", "共 1.23 万元，最早 ", 1)
    programme = ("programmes", "确认扶持资金批次：第一批", "青组〔2026〕1号，12.35 万元", 1)
    sign = ("projects", "1 个项目申报等待审核签章", "乡镇审核签章后，由县级评审。", 1)
    approve = ("projects", "1 个项目等待批复", "公示期满后，由县级分来源批复资金。", 1)
    close = ("month_close", "1 个村月台账可以月结", "最早为2026年10月。", 1)
    evidence = ("findings", "1 个审计问题已提交整改材料", "由提交人以外的人员核实销号。", 1)
    overdue = ("findings", "1 个审计问题超期未改", "最早应于 2026-11-25 前完成。", 1)
    income = ("contracts", "东乡：1 笔合同收益逾期未收", "共 0.10 万元，最早 2026-11-25", 1)
    late = ("projects", "1 个项目逾期", "节点、拨付批次、开工或完工超过规定日期。", 1)
    expected = {
        "staff": [payment, programme, approve, close, evidence, overdue, income, late],
        "leader": [payment, programme, approve, close, evidence],
        "secretary": [sign],
        "officer": [overdue, income, late],
        "inspector": [],
        "clerk": [],
    }
    for name, lines in expected.items():
        found = told(people[name])
        assert [(key, title, number) for key, title, _detail, number in found] == [
            (key, title, number) for key, title, _detail, number in lines
        ], name
        assert all(detail.startswith(line[2]) for (_k, _t, detail, _n), line in zip(found, lines, strict=True)), found


def test_one_s_own_rows_are_for_somebody_else(people: dict[str, User]) -> None:
    everything()
    staff, secretary = people["staff"], people["secretary"]
    Project.objects.filter(stage__in=("apply", "approve")).delete()
    ground.make_project(stage="approve", entered_by=staff)
    ground.make_project(stage="apply", entered_by=secretary)
    AuditFinding.objects.filter(handed_in_by__isnull=False).update(handed_in_by=staff)
    source = Project.objects.get(stage="operate").sources.get()
    source.payments.all().delete()
    ground.enter_payment(source, 5, entered_by=staff)
    ground.make_programme(name="自己的", is_confirmed=False, entered_by=staff)
    assert titles(staff) == [
        "确认扶持资金批次：第一批", "1 个村月台账可以月结", "1 个审计问题超期未改",
        "东乡：1 笔合同收益逾期未收", "1 个项目逾期",
    ]  # fmt: skip
    assert titles(secretary) == []


def test_what_is_not_ripe_yet(people: dict[str, User]) -> None:
    """A month without its statement, the running month, one long past; what falls due today."""
    ground.make_entry(day=date(2026, 10, 8))
    ground.make_entry(day=date(2026, 11, 8))
    ground.make_entry(day=date(2025, 10, 8))
    LedgerMonth.objects.exclude(month=date(2026, 10, 1)).update(statement_balance=1)
    finding(date(2026, 11, 26))
    ground.make_receivable(due_on=date(2026, 11, 26))
    assert titles(people["staff"]) == []
    LedgerMonth.objects.filter(month=date(2026, 10, 1)).update(difference_note="银行未出单")
    assert titles(people["staff"]) == ["1 个村月台账可以月结"]


def test_arrears_are_one_line_for_each_township_with_their_sum(people: dict[str, User]) -> None:
    for name, amount in (("东一村", 1_000), ("东二村", 2_500), ("西一村", 70_000)):
        contract = ground.make_contract(ground.village(name))
        ground.make_receivable(contract, amount, date(2026, 10, 1))
    ground.make_entry(amount=400, receivable=ground.Receivable.objects.get(unit__name="东一村"))
    found = todos._income_overdue(people["staff"], NOW)
    east, west = Unit.objects.get(name="东乡"), Unit.objects.get(name="西乡")
    assert [(todo.title, todo.detail, todo.number) for todo in found] == [
        ("东乡：2 笔合同收益逾期未收", "共 0.31 万元，最早 2026-10-01", 2),
        ("西乡：1 笔合同收益逾期未收", "共 7.00 万元，最早 2026-10-01", 1),
    ]
    listed = reverse("collective_economy:contract_list")
    assert [todo.url for todo in found] == [f"{listed}?show=overdue&township={unit.pk}" for unit in (east, west)]
    assert [todo.title[:2] for todo in todos._income_overdue(people["officer"], NOW)] == ["东乡"]


def test_one_query_for_each_source_and_none_without_the_right(people: dict[str, User]) -> None:
    numbers = {}
    for _round in range(2):
        everything_is_there = Project.objects.exists()
        for name, user in people.items():
            told(user)
            with CaptureQueriesContext(connection) as queries:
                told(user)
            numbers.setdefault(name, []).append(len(queries))
        if not everything_is_there:
            everything()
    assert numbers == {
        "staff": [8, 8], "leader": [5, 5], "secretary": [1, 1], "officer": [3, 3], "inspector": [0, 0], "clerk": [0, 0],
    }  # fmt: skip


def test_the_menu_counts_the_rows_and_the_bell_the_lines() -> None:
    lines = [
        Todo(key="payments", icon="x", tone="", title="a", detail="", action="", url="", number=7),
        Todo(key="projects", icon="x", tone="", title="b", detail="", action="", url=""),
        Todo(key="projects", icon="x", tone="", title="c", detail="", action="", url="", number=2),
    ]
    assert counts(lines) == {"todo": 3, "payments": 7, "projects": 3}


def test_a_source_is_registered_once() -> None:
    before = registered()
    register(*todos.SOURCES)
    assert registered() == before
    assert set(todos.SOURCES) <= set(before)
