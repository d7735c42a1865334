"""Runs the tables of docs/rules/receivables.md."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from branches.models import Unit
from collective_economy.arrears import arrears_of, days_late
from collective_economy.models import Receivable
from collective_economy.schedule import amount_of_term, months_of_term, regular
from tests.collective_economy.ground import make_contract, make_entry, make_receivable

PAGE = Path(__file__).parents[2] / "docs" / "rules" / "receivables.md"
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

RHYTHMS = {"每年": "yearly", "每半年": "half_yearly", "每季度": "quarterly", "每月": "monthly"}
TODAY = date(2026, 6, 15)
day = date.fromisoformat


def test_the_page_has_all_its_tables() -> None:
    counts = {heading: len(rows) for heading, rows in TABLES.items()}
    assert counts == {"合同月数": 6, "合同期内应收合计": 4, "分期": 6, "逾期": 6, "谁能改": 5}


@pytest.mark.parametrize(("start", "end", "months"), TABLES["合同月数"])
def test_months(start: str, end: str, months: str) -> None:
    assert months_of_term(day(start), day(end)) == int(months)


@pytest.mark.parametrize(("start", "end", "yearly", "amount"), TABLES["合同期内应收合计"])
def test_amount_of_the_term(start: str, end: str, yearly: str, amount: str) -> None:
    assert f"{amount_of_term(Decimal(yearly), day(start), day(end)):.2f}" == amount


@pytest.mark.parametrize(("start", "end", "yearly", "way", "periods"), TABLES["分期"])
def test_periods(start: str, end: str, yearly: str, way: str, periods: str) -> None:
    rhythm, timing = way.split()
    dues = regular(
        starts_on=day(start),
        ends_on=day(end),
        yearly_amount=Decimal(yearly),
        rhythm=RHYTHMS[rhythm],
        in_advance=timing == "先付",
    )
    assert "；".join(f"{due.due_on} {due.amount:.2f}" for due in dues) == periods


@pytest.mark.django_db
@pytest.mark.parametrize(("due_on", "received", "waived", "days", "late", "long"), TABLES["逾期"])
def test_arrears(county: Unit, due_on: str, received: str, waived: str, days: str, late: str, long: str) -> None:
    row = make_receivable(make_contract(), 1000, day(due_on))
    if received != "0":
        make_entry(amount=received, receivable=row)
    Receivable.objects.filter(pk=row.pk).update(waived_on=TODAY if waived == "是" else None)
    row.refresh_from_db()
    arrears = arrears_of(Receivable.objects.all(), TODAY)
    assert days_late(row, TODAY) == int(days)
    assert (arrears.overdue, arrears.overdue_long) == (Decimal(late), Decimal(long))
