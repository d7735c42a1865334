"""Runs the examples of docs/rules/ledger.md."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.models.ledger import EXPENSE
from collective_economy.services.ledger import NewEntry, close_month, enter_entry, set_statement
from tests.collective_economy import ground
from tests.imports.rosters import applied, bring_rows

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs" / "rules" / "ledger.md"
TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
CODES = {
    "经营收入": "operating",
    "发包及上交收入": "contract",
    "投资收益": "investment",
    "其他经营收入": "other_operating",
    "补助收入": "subsidy",
    "其他收入": "other",
    "经营支出": "operating_cost",
    "管理费用": "management_cost",
    "其他支出": "other_cost",
}


def rows_of(kind: str) -> list[list[str]]:
    """The rows of the example table of this kind, without the head."""
    table = PAGE.read_text(encoding="utf-8").partition(f"<!-- table: {kind} -->\n")[2].partition("\n\n")[0]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert len(rows) > 2, kind
    return rows[2:]


def amount(text: str) -> Decimal | None:
    return None if text in ("", "—") else Decimal(text)


def month_of(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def test_operating_and_total_income(county: object) -> None:
    *lines, (_, _, operating, income, expense) = rows_of("month")
    for name, *given in lines:
        entry = NewEntry(day=date(2026, 9, 3), category=CODES[name], amount=Decimal(given[0]), summary=name)
        enter_entry(ground.village(), entry, by=ground.clerk(), today=TODAY)
        alone = LedgerMonth(**{CODES[name]: Decimal(given[0])})
        assert (alone.operating_income, alone.income, alone.expense) == tuple(map(Decimal, given[1:])), name
    month = LedgerMonth.objects.get()
    assert (month.operating_income, month.income, month.expense) == tuple(map(Decimal, (operating, income, expense)))


@pytest.mark.parametrize(("month", "operating", "contract", "kept", "kept_contract", "hint"), rows_of("contract"))
def test_contract_income_since_2024(
    tmp_path: Path,
    county_admin: User,
    month: str,
    operating: str,
    contract: str,
    kept: str,
    kept_contract: str,
    hint: str,
) -> None:
    head = ["乡镇", "村", "月份", "经营收入(元)", "发包及上交收入(元)"]
    cells = ["" if text == "—" else text for text in (operating, contract)]
    batch = bring_rows(tmp_path, "ledger", [head, ["东乡", "东一村", month, *cells]], county_admin)
    told = [problem[2] for row in batch.rows.all() for problem in row.problems]
    assert told == (["contract_moved"] if hint == "有" else [])
    applied(batch, county_admin)
    stored = LedgerMonth.objects.get(month=month_of(month))
    assert (stored.operating, stored.contract) == (amount(kept), amount(kept_contract))


def test_balances_go_from_month_to_month_and_differences_need_a_note(county: object) -> None:
    unit, begun = ground.village(), set()
    for month_text, income, expense, opening, closing, statement, note, verdict in rows_of("balance"):
        month = month_of(month_text)
        if month not in begun:
            for category, text in (("operating", income), ("operating_cost", expense)):
                if Decimal(text):
                    entry = NewEntry(day=month, category=category, amount=Decimal(text), summary="例")
                    enter_entry(unit, entry, by=ground.clerk(), today=TODAY)
        first = Decimal(opening) if not begun else None
        begun.add(month)
        set_statement(unit, month, statement_balance=amount(statement), note=note, opening=first, by=ground.clerk())
        if verdict == "能":
            row = close_month(unit, month, by=ground.checker(), now=NOW)
            assert row.opening == Decimal(opening)
            assert row.opening + row.income - row.expense == Decimal(closing)
            continue
        with pytest.raises(ValidationError) as error:
            close_month(unit, month, by=ground.checker(), now=NOW)
        difference = re.search(r"差额 ([\d.]+) 元", verdict)
        assert error.value.code == ("difference" if difference else "no_statement")
        if difference:
            assert f"{difference[1]}元" in error.value.messages[0]
    assert {entry.category in EXPENSE for entry in LedgerEntry.objects.all()} == {True, False}
