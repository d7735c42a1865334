"""Runs the examples of docs/rules/funds.md."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy import risks
from collective_economy.models import Instalment, Payment, Project
from collective_economy.overview_page import time_percent
from collective_economy.services import payments, projects
from collective_economy.services.payments import conditions_reached
from collective_economy.uses import RED_LINES
from tests.collective_economy import ground
from tests.conftest import make_user

PAGE = Path(__file__).parents[2] / "docs" / "rules" / "funds.md"
TABLES: dict[str, list[list[str]]] = {}
"""Name of the example -> rows of its table, without the head."""

_name = ""
for _line in PAGE.read_text(encoding="utf-8").splitlines():
    if _line.startswith("<!-- "):
        _name = _line.removeprefix("<!-- ").removesuffix(" -->")
    elif _line.startswith("|") and _name:
        TABLES.setdefault(_name, []).append([_cell.strip() for _cell in _line.strip("|").split("|")])
    elif _line and _name in TABLES:
        _name = ""
for _rows in TABLES.values():
    del _rows[:2]

TODAY = date(2026, 11, 26)
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_the_page_has_all_its_tables() -> None:
    assert {name: len(rows) for name, rows in TABLES.items()} == {
        "sums": 9, "instalments": 3, "conditions": 9, "red lines": 9, "management": 4, "risks": 10, "time": 5,
    }  # fmt: skip


def moved(project: Project, kind: str, amount: str, **more: str) -> str:
    """The result as the page writes it: 确认, or the code of the refusal."""
    try:
        entered = payments.enter_payment(
            source=more.pop("source", None) or project.sources.get(source="county"),
            kind=kind,
            amount=Decimal(amount),
            paid_on=TODAY,
            summary="例",
            voucher_number=f"{Payment.objects.count()}",
            use=more.get("use", "build") if kind == "payment" else "",
            reason="收回" if kind == "recall" else "",
            by=ground.clerk(),
            today=TODAY,
            now=NOW,
        )
    except ValidationError as error:
        return error.error_dict["amount"][0].code
    payments.confirm_payment(entered, by=ground.checker(), now=NOW)
    return "确认"


@pytest.mark.django_db
def test_sums(county: Unit) -> None:
    project = ground.make_project(approved={"county": 100_000}, stage="pay")
    for kind, amount, result, *sums in TABLES["sums"]:
        if kind.startswith("reverse"):
            paid = Payment.objects.get(kind=kind.split()[1], amount=Decimal(amount), state="confirmed")
            back = payments.reverse_payment(
                paid, paid_on=TODAY, voucher_number="冲", reason="错", by=ground.clerk(), now=NOW
            )
            payments.confirm_payment(back, by=ground.checker(), now=NOW)
        else:
            assert moved(project, kind, amount) == result, (kind, amount)
        source = project.sources.get()
        assert [source.received, source.paid, source.recalled, source.balance] == [Decimal(one) for one in sums]


@pytest.mark.django_db
@pytest.mark.parametrize("row", TABLES["instalments"])
def test_instalments(county: Unit, row: list[str]) -> None:
    project = ground.make_project(approved={"county": row[0], "own": 777})
    projects._plan_instalments(project)
    assert [one.amount for one in project.instalments.order_by("pk")] == [Decimal(one) for one in row[1:]]
    assert sum(one.amount for one in project.instalments.all()) == Decimal(row[0])


def day(text: str) -> date | None:
    return None if text in ("—", "未开工") else date.fromisoformat(text)


@pytest.mark.parametrize(("condition", "started", "progress", "accepted", "paid_on", "may"), TABLES["conditions"])
def test_conditions(condition: str, started: str, progress: str, accepted: str, paid_on: str, may: str) -> None:
    project = Project(started_on=day(started), progress_percent=int(progress), accepted_on=day(accepted))
    reached = conditions_reached(project, date.fromisoformat(paid_on))
    assert set(reached) == set(Instalment.Condition.values)
    assert reached[condition] is (may == "能")


def test_red_lines() -> None:
    with translation.override("zh-hans"):
        assert [list(one) for one in TABLES["red lines"]] == [[code, str(label)] for code, label in RED_LINES.items()]


@pytest.mark.django_db
@pytest.mark.parametrize(("support", "own", "before", "amount", "result"), TABLES["management"])
def test_management_fees(county: Unit, support: str, own: str, before: str, amount: str, result: str) -> None:
    approved = {"county": support} | ({"own": own} if own != "0" else {})
    project = ground.make_project(approved=approved, stage="pay")
    for source in project.sources.all():
        ground.move(source, source.approved)
    if before != "0":
        assert moved(project, "payment", before, use="management") == "确认"
    assert moved(project, "payment", amount, use="management") == result


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "on", "today", "flagged"), TABLES["risks"])
def test_risks(county: Unit, kind: str, on: str, today: str, flagged: str) -> None:
    since = date.fromisoformat(on)
    if kind == "idle_money":
        project = ground.make_project(approved={"county": 10}, stage="pay", started_on=since)
        ground.move(project.sources.get(), 10, paid_on=since)
    elif kind == "late_income":
        ground.make_receivable(due_on=since)
    elif kind == "missing_card":
        ground.make_project(approved={"county": 10}, stage="operate", accepted_on=since)
    elif kind == "idle_project":
        ground.make_project(approved={"county": 10}, stage="implement", approved_on=since)
    else:
        source = ground.make_project(approved={"own": 10}, stage="implement").sources.get()
        source.due_on = since
        source.save(update_fields=["due_on"])
    user: User = make_user("领导", Role.CL, county)
    found = risks.counts(risks.sight_of(user), date.fromisoformat(today))
    assert found == dict.fromkeys(risks.KINDS, 0) | {kind: int(flagged == "是")}


@pytest.mark.parametrize(("year", "today", "percent"), TABLES["time"])
def test_time(year: str, today: str, percent: str) -> None:
    assert time_percent(int(year), date.fromisoformat(today)) == Decimal(percent)
