"""What villages are ranked and awarded by from ledgers, projects and audits: cases of the page, edges, queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from branches import indicators
from branches.indicators import IndicatorSource, Reading, SpanSource
from branches.models import Unit
from collective_economy.models import (
    Asset,
    AuditFinding,
    IncomeTarget,
    Instalment,
    LedgerEntry,
    Milestone,
    Project,
    ProjectStep,
)
from collective_economy.sources import SOURCES, SPANS
from tests.collective_economy.ground import (
    add_source,
    checker,
    clerk,
    enter_payment,
    make_contract,
    make_entry,
    make_project,
    make_receivable,
    make_total,
    move,
    reverse_entry,
    village,
)

pytestmark = pytest.mark.usefixtures("county")

APRIL, APRIL_END = date(2026, 4, 1), date(2026, 4, 30)
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
VILLAGES = ("东一村", "东二村", "东三村", "西一村", "西二村")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules" / "economy-indicators.md"
CASES = re.compile(r"<!-- cases: (?P<code>[\w-]+) -->\n(?P<table>(?:\|.*\n)+)")


def cases(code: str) -> list[dict[str, str]]:
    """The rows of the page's table of cases of an indicator."""
    table = next(found["table"] for found in CASES.finditer(PAGE.read_text(encoding="utf-8")) if found["code"] == code)
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def of_page(code: str) -> Any:
    return pytest.mark.parametrize("case", cases(code), ids=lambda case: " ".join(case.values())[:60])


def parts_of(cell: str) -> list[list[str]]:
    return [] if cell == "没有" else [part.split() for part in cell.split("；")]


def read(code: str, month: date = APRIL) -> dict[str, Reading]:
    """Village of the month -> reading; one without data is missing."""
    source = indicators.find(f"collective_economy.{code}")
    assert source is not None
    names = dict(Unit.objects.villages().valid_on(month).values_list("pk", "name"))
    return {names[pk]: reading for pk, reading in source.compute(list(names), month).items()}


def over(code: str, first: date = FIRST, last: date = LAST) -> dict[str, Reading]:
    source = indicators.find_span(f"collective_economy.{code}")
    assert source is not None
    names = dict(Unit.objects.villages().values_list("pk", "name"))
    return {names[pk]: reading for pk, reading in source.compute(list(names), first, last).items()}


def numbers(readings: dict[str, Reading]) -> dict[str, Any]:
    """Village -> the number, or (part, whole)."""
    return {name: one.value if one.of is None else (one.value, one.of) for name, one in readings.items()}


def expected(cell: str) -> Any:
    values = tuple(Decimal(number) for number in cell.split(" / "))
    return values if len(values) == 2 else values[0]


def assert_reads(readings: dict[str, Reading], cell: str, name: str = "东一村") -> None:
    """The village reads what the page says, in no more decimals than are kept."""
    if cell == "没有数据":
        assert name not in readings
        return
    assert numbers(readings)[name] == expected(cell)
    assert readings[name].note
    for number in (readings[name].value, readings[name].of or Decimal(0)):
        assert number == number.quantize(Decimal("0.0001"))


WORDS = {
    "经营": "operating",
    "发包": "contract",
    "投资": "investment",
    "其他经营": "other_operating",
    "补助": "subsidy",
    "管理费": "management_cost",
}


def keep_ledger(cell: str, unit: Unit | None = None) -> None:
    """Entries as the page writes them: "2025年4月 经营 8000", with 汇总 or 无凭证 behind."""
    for when, word, amount, *more in parts_of(cell):
        year, month = (int(part) for part in re.fullmatch(r"(?:(\d+)年)?(\d+)月", when).groups(default="2026"))  # type: ignore[union-attr]
        if "汇总" in more:
            make_total(unit, amount, WORDS[word], date(year, month, 1))
        else:
            fields = {"voucher_number": ""} if "无凭证" in more else {}
            make_entry(unit, amount, WORDS[word], date(year, month, 20), **fields)


def set_target(amount: Any, name: str = "东一村", year: int = 2026) -> None:
    unit = village(name)
    IncomeTarget.objects.create(unit=unit, path=unit.path, year=year, amount=amount, entered_by=clerk())


def day_of(text: str) -> date:
    return date.fromisoformat(text)


def build(*names: str, stage: str = "implement", since: date = date(2026, 2, 1), **fields: Any) -> Project:
    """A project under work since February unless told."""
    return make_project(
        *(village(name) for name in names or ("东一村",)),
        approved=fields.pop("approved", {"county": 100_000}),
        stage=stage,
        stage_since=since,
        **fields,
    )


def step(project: Project, went_to: str, on: date) -> None:
    ProjectStep.objects.create(project=project, went_to=went_to, on=on, by=clerk(), at=timezone.now())


def plan(project: Project, *milestones: tuple[date, date | None]) -> None:
    for number, (due_on, done_on) in enumerate(milestones):
        Milestone.objects.create(project=project, name=f"节点{number}", due_on=due_on, done_on=done_on)


def instal(project: Project, *planned: tuple[date | None, Any]) -> None:
    conditions = Instalment.Condition.values
    for condition, (due_on, amount) in zip(conditions, planned, strict=False):
        Instalment.objects.create(project=project, condition=condition, percent=25, amount=amount, due_on=due_on)


def card(project: Project | None, registered_on: date, name: str = "东一村", **fields: Any) -> Asset:
    unit = village(name)
    number = f"K{Asset.objects.count()}"
    values = {"name": "冷库", "kind": "building", "value": 1, "owner": name, "number": number, "entered_by": clerk()}
    return Asset.objects.create(
        unit=unit, path=unit.path, project=project, registered_on=registered_on, **values | fields
    )


def find_problem(name: str = "东一村", **fields: Any) -> AuditFinding:
    unit = village(name)
    values = {
        "kind": "accounts",
        "found_on": date(2026, 1, 10),
        "found_by": "县审计局",
        "problem": "白条抵账",
        "measure": "补齐凭证",
        "due_on": date(2026, 3, 31),
        "entered_by": clerk(),
    }
    return AuditFinding.objects.create(unit=unit, path=unit.path, **values | fields)


def closed(on: date, handed_in_on: date | None = None) -> dict[str, Any]:
    people = {"handed_in_by": clerk(), "closed_by": checker()}
    return {**people, "closed_on": on, "handed_in_on": handed_in_on or on, "evidence": "凭证"}


def misuse(name: str = "东一村", confirmed_on: date | None = date(2026, 4, 15), **fields: Any) -> AuditFinding:
    return find_problem(name, kind="misuse", is_confirmed=confirmed_on is not None, confirmed_on=confirmed_on, **fields)


# --- The page -----------------------------------------------------------------------------------


@of_page("C1")
def test_c1_income_against_the_plan(case: dict[str, str]) -> None:
    if case["年度目标"] != "没有":
        set_target(case["年度目标"])
    keep_ledger(case["台账"])
    assert_reads(read("income_progress"), case["C1"])


@of_page("C2")
def test_c2_entries_with_voucher(case: dict[str, str]) -> None:
    keep_ledger(case["台账"])
    assert_reads(read("ledger_complete"), case["C2"])


@of_page("C3")
def test_c3_days_late(case: dict[str, str]) -> None:
    milestones, finish = [], None
    for first, second in parts_of(case["节点"]):
        if first == "计划完工":
            finish = day_of(second)
        else:
            milestones.append((day_of(first), None if second == "未完成" else day_of(second)))
    plan(build(finish_on=finish), *milestones)
    assert_reads(read("project_days_late"), case["C3"])


@of_page("C4")
def test_c4_paid_of_what_was_planned(case: dict[str, str]) -> None:
    percent = Decimal(case["份额"])
    percents = {"东一村": percent, "东二村": 100 - percent}
    names = [name for name, share in percents.items() if share]
    project = build(*names, percents=percents, approved={"county": 90_000, "own": 50_000})
    instal(project, *((day_of(day), amount) for day, amount in parts_of(case["拨付批次"])))
    sources = {row.source: row for row in project.sources.all()}
    for row in sources.values():
        move(row, 50_000, "receipt", paid_on=date(2026, 3, 1))
    for day, amount, *more in parts_of(case["支出"]):
        source = sources["own" if "自筹" in more else "county"]
        if "未确认" in more:
            enter_payment(source, amount, "payment", paid_on=day_of(day))
            continue
        payment = move(source, amount, "payment", paid_on=day_of(day))
        if "冲销" in more:
            back = {"reverses": payment, "reason": "录错", "paid_on": day_of(more[1])}
            move(source, amount, "payment", **back)
    assert_reads(read("payment_progress"), case["C4"])


@of_page("C5")
def test_c5_received_of_what_was_due(case: dict[str, str]) -> None:
    due = []
    for day, amount, *more in parts_of(case["应收"]):
        row = make_receivable(make_contract(), amount, day_of(day))
        if more:
            row.waived_on = day_of(more[1])
            row.save(update_fields=["waived_on"])
        due.append(row)
    for number, day, amount in parts_of(case["到账"]):
        make_entry(amount=amount, day=day_of(day), receivable=due[int(number) - 1])
    assert_reads(read("receivables_collected"), case["C5"])


@of_page("F3-2")
def test_f3_2_growth_against_the_same_months(case: dict[str, str]) -> None:
    keep_ledger(case["台账"])
    assert_reads(over("income_growth"), case["F3-2"])


# --- Income, vouchers, receivables --------------------------------------------------------------


def test_sums_of_cents_are_exact_on_every_database() -> None:
    set_target("0.07")
    for _number in range(30):
        make_entry(amount="0.10", day=date(2026, 1, 5))
    make_entry(amount="12345678901.11", day=date(2026, 2, 5))
    assert numbers(read("income_progress")) == {"东一村": (Decimal("12345678904.11"), Decimal("0.02"))}


def test_c1_follows_reversals_and_the_year() -> None:
    set_target(12_000)
    wrong = make_entry(amount=900, day=date(2026, 2, 5))
    reverse_entry(wrong, date(2026, 4, 3))
    assert numbers(read("income_progress", date(2026, 3, 1)))["东一村"] == (900, 3000)
    assert numbers(read("income_progress"))["东一村"] == (0, 4000)
    set_target(24_000, year=2027)
    assert numbers(read("income_progress", date(2027, 1, 1)))["东一村"] == (0, 2000)


def test_a_merged_village_brings_its_ledger_its_target_and_its_projects() -> None:
    for name, amount in (("东一村", 100), ("东二村", 30)):
        set_target(1200, name)
        make_entry(village(name), amount, day=date(2026, 1, 5))
    plan(build("东二村"), (date(2026, 4, 10), None))
    plan(build("东一村"), (date(2026, 4, 25), None))
    Unit.objects.filter(name="东二村").update(valid_to=date(2026, 3, 31), merged_into=village("东一村"))
    assert numbers(read("income_progress")) == {"东一村": (130, 800)}
    assert numbers(read("project_days_late")) == {"东一村": 20}
    before = numbers(read("income_progress", date(2026, 3, 1)))
    assert before == {"东一村": (100, 300), "东二村": (30, 300)}


def test_c5_counts_no_receivable_beyond_its_amount_while_a_reversal_comes_later() -> None:
    due = make_receivable(make_contract(), 100, date(2026, 2, 1))
    wrong = make_entry(amount=100, day=date(2026, 3, 1), receivable=due)
    reverse_entry(wrong, date(2026, 5, 4), receivable=due)
    make_entry(amount=100, day=date(2026, 4, 6), receivable=due)
    assert numbers(read("receivables_collected"))["东一村"] == (100, 100)


def test_f3_1_operating_income_of_twelve_months() -> None:
    keep_ledger("2025年6月 经营 9999；2025年7月 经营 30000；2026年6月 投资 19999.99；6月 补助 80000；7月 经营 5")
    keep_ledger("1月 管理费 5", village("东二村"))
    assert numbers(over("income_of_twelve_months")) == {"东一村": Decimal("49999.99"), "东二村": 0}


def test_f3_5_receivables_of_the_round() -> None:
    contract = make_contract()
    early, late = make_receivable(contract, 100, FIRST), make_receivable(contract, 60, LAST)
    make_receivable(contract, 7, date(2025, 12, 31))
    make_receivable(contract, 7, date(2026, 7, 1))
    make_entry(amount=100, day=date(2025, 12, 20), receivable=early)
    make_entry(amount=50, day=LAST, receivable=late)
    make_entry(amount=10, day=date(2026, 7, 1), receivable=late)
    found = numbers(over("receivables_of_round"))
    assert (found["东一村"], found["东二村"]) == ((150, 160), (0, 0))


# --- Projects -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "since", "steps", "fields", "is_asked"),
    [
        ("implement", date(2026, 4, 30), (), {}, True),
        ("implement", date(2026, 5, 1), (), {}, False),
        ("accept", date(2026, 4, 1), (), {}, True),
        ("accept", date(2026, 4, 1), (), {"accepted_on": date(2026, 4, 30)}, False),
        ("accept", date(2026, 4, 1), (), {"accepted_on": date(2026, 5, 1)}, True),
        ("approve", date(2026, 4, 1), (), {}, False),
        ("stopped", date(2026, 4, 30), (("implement", date(2026, 2, 1)),), {}, False),
        ("stopped", date(2026, 5, 1), (("implement", date(2026, 2, 1)), ("stopped", date(2026, 5, 1))), {}, True),
        ("operate", date(2026, 6, 1), (("pay", date(2026, 3, 1)), ("accept", date(2026, 5, 2))), {}, True),
        ("review", date(2026, 4, 9), (("implement", date(2026, 2, 1)), ("review", date(2026, 4, 9))), {}, False),
    ],
)
def test_c3_asks_the_projects_that_were_under_work_on_the_last_day(
    stage: str, since: date, steps: tuple[tuple[str, date], ...], fields: dict[str, Any], is_asked: bool
) -> None:
    project = build(stage=stage, since=since, **fields)
    plan(project, (date(2026, 4, 20), None))
    for went_to, on in steps:
        step(project, went_to, on)
    assert numbers(read("project_days_late")) == ({"东一村": 10} if is_asked else {})


def test_c3_the_worst_project_counts_for_each_village_of_a_joint_one() -> None:
    plan(build("东一村", "西一村"), (date(2026, 4, 1), None))
    plan(build("东一村"), (date(2026, 3, 1), None), (date(2026, 2, 1), date(2026, 2, 9)))
    build("东二村")
    found = read("project_days_late")
    assert numbers(found) == {"东一村": 60, "西一村": 29, "东二村": 0}
    assert found["东一村"].note == "在建项目 2 个，其中逾期 2 个"


def test_c4_adds_the_village_s_part_of_each_project_that_is_not_finished() -> None:
    for stage, amount in (("implement", 1000), ("operate", 200), ("done", 50), ("stopped", 9)):
        instal(build("东一村", "东二村", stage=stage), (date(2026, 4, 1), amount), (None, 5))
    assert numbers(read("payment_progress")) == {"东一村": (0, 600), "东二村": (0, 600)}


def test_p3_first_income_of_a_new_project() -> None:
    def new(*names: str, accepted_on: date = date(2025, 5, 1)) -> Project:
        return build(*names, stage="operate", accepted_on=accepted_on)

    make_entry(village("东一村"), 100, day=date(2026, 4, 5), project=new("东一村"))
    known = new("东一村")
    make_entry(village("东一村"), 100, day=date(2026, 3, 5), project=known)
    make_entry(village("东一村"), 100, day=date(2026, 4, 6), project=known)
    make_entry(village("东二村"), 100, "subsidy", date(2026, 4, 5), project=new("东二村"))
    make_entry(village("东二村"), 100, day=date(2026, 4, 5), project=new("东二村", accepted_on=date(2025, 4, 30)))
    wrong, right = new("东三村"), new("东三村")
    reverse_entry(
        make_entry(village("东三村"), 1, day=date(2026, 4, 5), project=wrong), date(2026, 4, 9), project=wrong
    )
    reverse_entry(
        make_entry(village("东三村"), 1, day=date(2026, 3, 5), project=right), date(2026, 3, 9), project=right
    )
    make_entry(village("东三村"), 1, day=date(2026, 4, 5), project=right)
    rented = make_receivable(make_contract(village("西一村"), project=new("西一村", "西二村")), 50, APRIL)
    make_entry(village("西一村"), 50, day=APRIL, receivable=rented)
    assert numbers(read("first_income")) == {"东一村": 1, "东三村": 1, "西一村": 1}
    assert numbers(read("first_income", date(2026, 5, 1))) == {}


def test_n5_no_asset_card_thirty_days_after_acceptance() -> None:
    late = build(stage="operate", accepted_on=date(2026, 3, 30))
    build("东二村", stage="operate", accepted_on=date(2026, 3, 31))
    build("东三村", stage="stopped", accepted_on=date(2026, 3, 1))
    joint = build("西一村", "西二村", stage="accept", accepted_on=date(2026, 1, 1))
    assert numbers(read("assets_unregistered")) == {"东一村": 1, "西一村": 1, "西二村": 1}
    card(late, date(2026, 5, 1))
    card(joint, APRIL_END, "西二村")
    assert numbers(read("assets_unregistered")) == {"东一村": 1}
    assert numbers(read("assets_unregistered", date(2026, 5, 1))) == {"东二村": 1}


# --- Audits -------------------------------------------------------------------------------------


def test_n4_findings_past_their_day() -> None:
    for name, due_on, more in (
        ("东一村", date(2026, 4, 29), {}),
        ("东一村", date(2026, 1, 31), closed(date(2026, 5, 1))),
        ("东二村", date(2026, 4, 30), {}),
        ("东二村", date(2026, 3, 31), closed(date(2026, 4, 30))),
        ("东三村", date(2026, 3, 31), closed(date(2026, 5, 9), handed_in_on=date(2026, 3, 31))),
        ("西一村", date(2026, 3, 31), {"handed_in_by": clerk(), "handed_in_on": date(2026, 4, 1), "evidence": "凭证"}),
        ("西二村", date(2026, 3, 31), {"found_on": date(2026, 5, 1)}),
    ):
        find_problem(name, due_on=due_on, **more)
    assert numbers(read("findings_overdue")) == {"东一村": 2, "西一村": 1}


def test_v2_misuse_counts_in_the_month_of_its_confirmation() -> None:
    misuse("东一村", date(2026, 4, 1))
    misuse("东二村", APRIL_END)
    misuse("东三村", date(2026, 5, 1))
    misuse("西一村", None)
    find_problem("西二村", is_confirmed=True, confirmed_on=APRIL)
    assert numbers(read("misuse_confirmed")) == {"东一村": 1, "东二村": 1}


def test_gate_no_misuse_in_the_round_or_open_when_it_began() -> None:
    misuse("东一村", date(2026, 6, 30))
    misuse("东二村", date(2025, 3, 1), found_on=date(2025, 2, 1))
    misuse("东三村", date(2025, 3, 1), found_on=date(2025, 2, 1), **closed(date(2025, 12, 31)))
    misuse("西一村", date(2025, 3, 1), found_on=date(2025, 2, 1), **closed(date(2026, 1, 1)))
    misuse("西二村", date(2026, 7, 1))
    assert numbers(over("misuse_in_round")) == {"东一村": 1, "东二村": 1, "东三村": 0, "西一村": 1, "西二村": 0}


# --- Criteria of flags ----------------------------------------------------------------------------


def test_f2_2_projects_with_benefit_link_that_earn() -> None:
    def running(name: str, **fields: Any) -> Project:
        return build(name, stage="operate", **{"household_count": 5, "accepted_on": date(2024, 1, 1)} | fields)

    make_entry(village("东一村"), 5, day=date(2025, 7, 1), project=running("东一村"))
    make_entry(village("东一村"), 5, day=date(2025, 6, 30), project=running("东一村"))
    running("东一村", accepted_on=date(2025, 7, 1))
    running("东一村", household_count=None)
    running("东二村", benefit_sharing="每户分红 500 元", household_count=None)
    build("东三村", household_count=5)
    assert numbers(over("projects_operating")) == {"东一村": (2, 3), "东二村": (0, 1)}


def test_f2_3_projects_whose_income_came_and_was_shared() -> None:
    whole, half = build("东一村", stage="operate"), build("东一村", stage="operate")
    for project, received in ((whole, 100), (half, 60)):
        due = make_receivable(make_contract(project=project), 100, date(2026, 3, 1))
        make_entry(amount=received, day=date(2026, 3, 5), receivable=due)
    make_receivable(make_contract(), 100, date(2026, 3, 1))
    find_problem("东二村", kind="distribution")
    find_problem("东三村", kind="distribution", **closed(LAST))
    assert numbers(over("project_income_as_agreed")) == {"东一村": (1, 2), "东二村": (0, 1)}
    find_problem("东一村", kind="distribution", project=whole)
    assert numbers(over("project_income_as_agreed"))["东一村"] == (0, 2)


def test_f2_5_assets_registered_and_kept_up() -> None:
    def accepted(name: str = "东一村", on: date = date(2024, 5, 1)) -> Project:
        return build(name, stage="operate", accepted_on=on)

    card(accepted(), date(2024, 6, 1), checked_on=date(2025, 7, 1))
    card(accepted(), date(2024, 6, 1), checked_on=date(2025, 6, 30))
    card(accepted(), date(2025, 12, 1), state="damaged")
    mixed = accepted()
    card(mixed, date(2025, 12, 1))
    card(mixed, date(2023, 12, 1), state="disposed")
    accepted()
    card(accepted(), date(2026, 7, 1))
    accepted("东二村", date(2026, 5, 31))
    assert numbers(over("project_assets_kept")) == {"东一村": (2, 6)}


def test_f3_4_progress_and_payment_on_schedule() -> None:
    punctual, late = build("东一村"), build("东一村", "东二村")
    plan(punctual, (date(2026, 6, 30), None))
    plan(late, (date(2026, 6, 29), None))
    for project, paid in ((punctual, 300), (late, 299)):
        instal(project, (LAST, 300), (date(2026, 7, 1), 50))
        source = project.sources.get()
        move(source, 500)
        move(source, paid, "payment")
    build("东三村", stage="done")
    assert numbers(over("projects_on_schedule")) == {"东一村": (2, 4), "东二村": (0, 2)}


def test_gate_acceptance_overdue_by_more_than_ninety_days() -> None:
    build("东一村", finish_on=date(2026, 3, 31))
    build("东二村", finish_on=date(2026, 4, 1))
    build("东三村", finish_on=date(2026, 1, 1), stage="accept", accepted_on=LAST)
    build("西一村", finish_on=date(2026, 1, 1), stage="accept", accepted_on=date(2026, 7, 1))
    assert numbers(over("acceptance_overdue")) == {"东一村": 1, "东二村": 0, "东三村": 0, "西一村": 1, "西二村": 0}


# --- All ------------------------------------------------------------------------------------------


def fill(name: str) -> None:
    """Something for every source to count, in April and in the first half of the year."""
    unit = village(name)
    set_target(12_000, name)
    keep_ledger("2025年1月 经营 100；1月 经营 200；4月 经营 50；4月 管理费 5 汇总", unit)
    late = build(name, finish_on=date(2026, 1, 1))
    plan(late, (date(2026, 4, 1), None))
    instal(late, (APRIL, 500))
    move(late.sources.get(), 500)
    move(late.sources.get(), 100, "payment", paid_on=APRIL)
    done = build(name, stage="operate", accepted_on=date(2025, 6, 1), household_count=3)
    due = make_receivable(make_contract(unit, project=done), 100, APRIL)
    make_entry(unit, 100, day=APRIL, receivable=due, project=done)
    build(name, stage="operate", accepted_on=date(2026, 1, 1))
    card(done, date(2025, 7, 1), name)
    find_problem(name)
    find_problem(name, kind="distribution")
    misuse(name)


QUERIES = {
    "income_progress": 3,
    "ledger_complete": 3,
    "receivables_collected": 3,
    "project_days_late": 3,
    "payment_progress": 4,
    "first_income": 4,
    "findings_overdue": 2,
    "assets_unregistered": 2,
    "misuse_confirmed": 2,
    "income_of_twelve_months": 2,
    "income_growth": 2,
    "receivables_of_round": 3,
    "projects_on_schedule": 5,
    "projects_operating": 3,
    "project_income_as_agreed": 4,
    "project_assets_kept": 3,
    "misuse_in_round": 2,
    "acceptance_overdue": 2,
}

Compute = Callable[[list[int]], Any]


def asking(source: IndicatorSource | SpanSource) -> Compute:
    if isinstance(source, SpanSource):
        return lambda ids: source.compute(ids, FIRST, LAST)
    return lambda ids: source.compute(ids, APRIL)


def short(source: IndicatorSource | SpanSource) -> str:
    return source.code.removeprefix("collective_economy.")


@pytest.mark.parametrize("source", [*SOURCES, *SPANS], ids=short)
def test_a_source_asks_as_much_for_three_villages_as_for_one(source: IndicatorSource | SpanSource) -> None:
    for name in VILLAGES[:3]:
        fill(name)
    ids = [village(name).pk for name in VILLAGES[:3]]
    for count in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            readings = asking(source)(ids[:count])
        assert (len(queries), set(readings)) == (QUERIES[short(source)], set(ids[:count]))


@pytest.mark.parametrize("source", [*SOURCES, *SPANS], ids=short)
def test_a_long_list_of_villages_gives_the_same_numbers(
    source: IndicatorSource | SpanSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VILLAGES:
        fill(name)
    ids = [village(name).pk for name in VILLAGES[:4]]
    shorter = asking(source)(ids)
    assert len(shorter) == 4
    monkeypatch.setattr("collective_economy.by_village.ID_LIST_LIMIT", 2)
    assert asking(source)(ids) == shorter


@pytest.mark.parametrize("source", [*SOURCES, *SPANS], ids=short)
def test_nothing_recorded_gives_no_number_that_nobody_counted(source: IndicatorSource | SpanSource) -> None:
    """Only what can be said of silence is said: nothing was due, nothing was found."""
    readings = asking(source)([village().pk])
    silent = {"receivables_collected", "receivables_of_round", "misuse_in_round", "acceptance_overdue"}
    assert set(readings) == ({village().pk} if short(source) in silent else set())
    assert all(not reading.value and not reading.of for reading in readings.values())


def test_an_entry_without_a_day_of_its_own_counts_by_its_month() -> None:
    set_target(1200)
    make_total(amount=100, month=APRIL)
    assert LedgerEntry.objects.get().day is None
    assert numbers(read("income_progress"))["东一村"] == (100, 400)


def test_money_of_another_source_of_the_project_is_left_out_of_c4() -> None:
    project = build(approved={"county": 1000})
    add_source(project, "own", 1000)
    instal(project, (APRIL, 1000))
    for row in project.sources.all():
        move(row, 900)
        move(row, 400, "payment", paid_on=APRIL)
    assert numbers(read("payment_progress")) == {"东一村": (400, 1000)}


@pytest.mark.parametrize("source", [*SOURCES, *SPANS], ids=short)
def test_the_address_of_a_number_opens_a_page_of_the_village(
    client: Client, county_admin: User, source: IndicatorSource | SpanSource
) -> None:
    for name in VILLAGES[:2]:
        fill(name)
    assert source.records is not None
    one, other = village("东一村"), village("东二村")
    days = (FIRST, LAST) if isinstance(source, SpanSource) else (APRIL,)
    client.force_login(county_admin)
    page = client.get(source.records(one.pk, *days))  # type: ignore[call-arg, arg-type]
    assert page.status_code == 200
    shown = page.content.decode()
    assert one.name in shown
    assert f">{other.name}</a>" not in shown
