"""Runs the examples of docs/rules/projects.md."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from collective_economy import stages
from collective_economy.models import Stage
from collective_economy.services.projects import DEFAULT_INSTALMENTS
from collective_economy.sharing import allocate

PAGE = (Path(__file__).parents[2] / "docs" / "rules" / "projects.md").read_text(encoding="utf-8")


def table(name: str) -> list[list[str]]:
    """Rows of the table that follows its comment, without the head."""
    after = PAGE.partition(f"<!-- table: {name} -->\n")[2]
    lines = after.split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


def amounts(text: str) -> list[Decimal]:
    return [Decimal(part) for part in text.split()]


def budget(text: str) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in re.findall(r"(\S+) ([\d.]+)", text)}


def test_the_page_has_all_its_tables() -> None:
    names = re.findall(r"<!-- table: (\w+) -->", PAGE)
    assert {name: len(table(name)) for name in names} == {
        "start": 2, "pool": 2, "shares": 5, "extent": 4, "items": 3, "instalments": 2, "time": 4,
    }  # fmt: skip


def test_the_table_of_stages_names_all_of_them_in_order() -> None:
    rows = re.findall(r"^\| (\S+) \| (\w+) \| (.+?) \|", PAGE, re.M)
    told = [(code, label) for label, code, _conditions in rows if code in stages.ORDER]
    assert told == [(stage, str(Stage(stage).label)) for stage in stages.ORDER]
    conditions = {code: text.split("；") for _label, code, text in rows if code in stages.ORDER}
    assert {
        code: len(parts) for code, parts in conditions.items() if code in ("apply", "implement", "pay", "accept")
    } == {code: len(stages.GATES[code]) for code in ("apply", "implement", "pay", "accept")}


@pytest.mark.parametrize(("released", "approved", "by"), table("start"))
def test_start(released: str, approved: str, by: str) -> None:
    later = max(date.fromisoformat(released), date.fromisoformat(approved))
    assert stages.must_start_by(later, None) == date.fromisoformat(by)


@pytest.mark.parametrize(("pooled", "leaves"), table("pool"))
def test_pool(pooled: str, leaves: str) -> None:
    assert stages.leaves_pool_on(date.fromisoformat(pooled)) == date.fromisoformat(leaves)


@pytest.mark.parametrize(("amount", "percents", "parts"), table("shares"))
def test_shares(amount: str, percents: str, parts: str) -> None:
    assert sum(amounts(percents)) == 100
    assert allocate(Decimal(amount), amounts(percents)) == amounts(parts)
    assert sum(amounts(parts)) == Decimal(amount)


@pytest.mark.parametrize(("before", "after", "percent", "is_back"), table("extent"))
def test_extent(before: str, after: str, percent: str, is_back: str) -> None:
    found = stages.extent(Decimal(before), Decimal(after))
    assert (found, stages.goes_back(found)) == (Decimal(percent), is_back == "是")


@pytest.mark.parametrize(("before", "after", "percent"), table("items"))
def test_items(before: str, after: str, percent: str) -> None:
    assert stages.moved(budget(before), budget(after)) == Decimal(percent)


@pytest.mark.parametrize(("support", "parts"), [(row[0], row[1:]) for row in table("instalments")])
def test_instalments(support: str, parts: list[str]) -> None:
    found = allocate(Decimal(support), list(DEFAULT_INSTALMENTS.values()))
    assert found == [Decimal(part) for part in parts]


@pytest.mark.parametrize(("start", "finish", "day", "percent"), table("time"))
def test_time(start: str, finish: str, day: str, percent: str) -> None:
    days = (date.fromisoformat(each) for each in (start, finish, day))
    assert stages.time_percent(*days) == Decimal(percent)
