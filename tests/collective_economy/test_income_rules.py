"""Runs the examples of docs/rules/income-bands.md."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from collective_economy.bands import DEFAULT_BANDS, NO_DATA, code_of
from collective_economy.incomes import Income, expected_year_end, growth_percent, months_over, planned_by_now

PAGE = Path(__file__).parents[2] / "docs" / "rules" / "income-bands.md"
TABLES: dict[str, list[list[str]]] = {}
"""Heading -> rows of its table, without the head."""

_heading = ""
for _line in PAGE.read_text(encoding="utf-8").splitlines():
    if _line.startswith("## "):
        _heading = _line.removeprefix("## ")
    elif _line.startswith("|"):
        TABLES.setdefault(_heading, []).append([_cell.strip() for _cell in _line.strip("|").split("|")])
for _rows in TABLES.values():
    del _rows[:2]


def number(text: str) -> Decimal | None:
    return None if text in ("—", "无数据", "") else Decimal(text)


def test_the_page_has_all_its_tables() -> None:
    counts = {heading: len(rows) for heading, rows in TABLES.items()}
    assert counts == {
        "全年收入": 8,
        "增长": 6,
        "档次": 13,
        "目标": 5,
        "全年预计": 6,
    }


def test_operating_and_total_income() -> None:
    rows = {name.strip("*"): cells for name, *cells in TABLES["全年收入"]}
    income = Income({name: Decimal(cells[0]) for name, cells in rows.items() if cells[1]})
    assert income.operating == Decimal(rows["经营性收入"][0])
    assert income.total == Decimal(rows["总收入"][0])
    counted = Income({name: Decimal(cells[0]) for name, cells in rows.items() if cells[1] == "是"})
    assert counted.operating == counted.total == income.operating


@pytest.mark.parametrize(("now", "before", "growth"), TABLES["增长"])
def test_growth(now: str, before: str, growth: str) -> None:
    assert growth_percent(number(now), number(before)) == number(growth)


@pytest.mark.parametrize(("wan", "code"), TABLES["档次"])
def test_band(wan: str, code: str) -> None:
    amount = number(wan)
    expected = NO_DATA if code == "—" else code
    assert code_of(None if amount is None else amount * 10_000, DEFAULT_BANDS) == expected


@pytest.mark.parametrize(("target", "year", "day", "over", "plan"), TABLES["目标"])
def test_time_plan(target: str, year: str, day: str, over: str, plan: str) -> None:
    today = date.fromisoformat(day)
    assert months_over(int(year), today) == int(over)
    assert planned_by_now(Decimal(target), int(year), today) == Decimal(plan)


@pytest.mark.parametrize(("closed", "still_open", "expected"), TABLES["全年预计"])
def test_expected_year_end(closed: str, still_open: str, expected: str) -> None:
    amounts = [(amount, 1) for amount in closed.split()] + [(amount, 0) for amount in still_open.split()]
    months = {
        date(2026, number, 1): Income({"operating": Decimal(amount)}, 1, is_closed)
        for number, (amount, is_closed) in enumerate(amounts, start=1)
    }
    months[date(2025, 12, 1)] = Income({"operating": Decimal(999_999)}, 1, 1)
    assert expected_year_end(months, 2026) == number(expected)
