"""Entries, reversals, bank statements and closing months of a ledger. Rule: docs/rules/ledger.md."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, User
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.closing import book_opening
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.services.ledger import (
    NewEntry,
    change_entry,
    close_month,
    close_months,
    enter_entry,
    is_late,
    reverse_entry,
    set_statement,
)
from tests.collective_economy import ground

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("county")]

TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)


def given(**values: Any) -> NewEntry:
    known = {"day": date(2026, 10, 12), "category": "operating", "amount": Decimal("1200.50"), "summary": "门面租金"}
    return NewEntry(**(known | values))


def enter(unit: Unit | None = None, **values: Any) -> LedgerEntry:
    return enter_entry(unit or ground.village(), given(**values), by=ground.clerk(), today=TODAY)


def state(unit: Unit, month: date, balance: str | None, note: str = "", opening: str | None = None) -> LedgerMonth:
    return set_statement(
        unit,
        month,
        statement_balance=None if balance is None else Decimal(balance),
        note=note,
        opening=None if opening is None else Decimal(opening),
        by=ground.clerk(),
    )


def close(unit: Unit, month: date, by: User | None = None) -> LedgerMonth:
    return close_month(unit, month, by=by or ground.checker(), now=NOW)


def codes(error: ValidationError) -> dict[str, str | None]:
    if hasattr(error, "error_dict"):
        return {name: errors[0].code for name, errors in error.error_dict.items()}
    return {"": error.code}


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=f"collective_economy.{name}").order_by("pk"))


# --- Entering -----------------------------------------------------------------------------------


def test_an_entry_is_kept_with_who_entered_it_and_counts_in_its_month() -> None:
    project = ground.make_project()
    contract = ground.make_contract(project=project)
    receivable = ground.make_receivable(contract, 2000)
    entry = enter(receivable=receivable, voucher_number=" J-17 ", counterparty="张家商店")
    entry.refresh_from_db()
    assert (entry.month, entry.entered_by, entry.checked_by, entry.voucher_number) == (
        OCTOBER,
        ground.clerk(),
        None,
        "J-17",
    )
    assert entry.project == project, "what is received by contract counts for the contract's project"
    month = ground.month_of(month=OCTOBER)
    assert (month.operating, month.contract, month.entry_count, month.voucher_count) == (
        Decimal("1200.50"),
        None,
        1,
        1,
    )
    receivable.refresh_from_db()
    assert receivable.received == Decimal("1200.50")
    (event,) = events("enter_ledgerentry")
    assert (event.actor, event.unit_path, event.changes["amount"]) == (
        ground.clerk(),
        ground.village().path,
        [None, "1200.50"],
    )
    assert "receipt_number" not in event.changes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"day": date(2026, 11, 26)}, {"day": "in_the_future"}),
        ({"category": "gift"}, {"category": "unknown_category"}),
        ({"category": "contract"}, {"category": "contract_ended"}),
        ({"category": "contract", "day": date(2024, 1, 1)}, {"category": "contract_ended"}),
        ({"amount": Decimal(0)}, {"amount": "wrong_amount"}),
        ({"amount": Decimal(-5)}, {"amount": "wrong_amount"}),
        ({"amount": Decimal("0.001")}, {"amount": "wrong_amount"}),
        ({"amount": Decimal("100000000000000")}, {"amount": "wrong_amount"}),
        ({"summary": "  "}, {"summary": "no_summary"}),
        ({"amount": Decimal(0), "summary": ""}, {"amount": "wrong_amount", "summary": "no_summary"}),
    ],
)
def test_what_is_typed_wrong_is_refused_field_by_field(values: dict[str, Any], expected: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        enter(**values)
    assert codes(error.value) == expected
    assert not LedgerEntry.objects.exists()


def test_contract_income_has_its_own_category_until_the_end_of_2023() -> None:
    assert enter(category="contract", day=date(2023, 12, 31)).category == "contract"
    month = ground.month_of(month=date(2023, 12, 1))
    assert (month.contract, month.operating_income) == (Decimal("1200.50"), Decimal("1200.50"))
    with pytest.raises(ValidationError, match=r"operating income|经营收入"):
        enter(category="contract", day=date(2024, 1, 1))


def test_a_ledger_belongs_to_a_village() -> None:
    with pytest.raises(ValidationError) as error:
        enter(Unit.objects.get(name="东乡"))
    assert codes(error.value) == {"": "not_a_village"}


def test_what_is_due_and_projects_are_those_of_the_village() -> None:
    west = ground.village("西一村")
    due = ground.make_receivable(amount=1000)
    cases: list[tuple[dict[str, Any], Unit | None, dict[str, str]]] = [
        ({"receivable": due, "amount": Decimal(10)}, west, {"receivable": "other_village"}),
        ({"receivable": due, "category": "other_cost"}, None, {"receivable": "expense_not_receivable"}),
        ({"receivable": due}, None, {"amount": "more_than_due"}),
        ({"project": ground.make_project(west)}, None, {"project": "other_project"}),
    ]  # fmt: skip
    for values, unit, expected in cases:
        with pytest.raises(ValidationError) as error:
            enter(unit, **values)
        assert codes(error.value) == expected
    joint = ground.make_project(ground.village(), west)
    assert enter(west, project=joint).project == joint
    entry = enter(receivable=due, amount=Decimal(1000))
    changed = change(entry, receivable=due, amount=Decimal(900))
    due.refresh_from_db()
    assert (changed.amount, due.missing) == (Decimal(900), Decimal(100))


def test_a_category_that_came_in_as_a_total_takes_no_single_entry() -> None:
    total = ground.make_total(category="operating", month=OCTOBER, amount=500)
    with pytest.raises(ValidationError) as error:
        enter()
    assert codes(error.value) == {"category": "has_total"}
    assert enter(category="investment").category == "investment"
    reverse_entry(total, on=date(2026, 10, 31), reason="改为逐笔登记", by=ground.clerk(), today=TODAY)
    enter()
    assert ground.month_of(month=OCTOBER).operating == Decimal("1200.50")


@pytest.mark.parametrize(
    ("day", "category", "expected"),
    [
        (date(2026, 11, 17), "operating", True),
        (date(2026, 11, 18), "operating", False),
        (date(2026, 10, 1), "operating_cost", False),
    ],
)
def test_income_older_than_seven_days_is_late(day: date, category: str, expected: bool) -> None:
    assert is_late(enter(day=day, category=category), TODAY) is expected


# --- Changing and reversing ---------------------------------------------------------------------


def change(entry: LedgerEntry, by: User | None = None, reason: str = "看错票据", **values: Any) -> LedgerEntry:
    entry.refresh_from_db()
    return change_entry(
        entry, given(**values), version=entry.version, reason=reason, by=by or ground.clerk(), today=TODAY
    )


def test_a_change_keeps_before_after_and_reason() -> None:
    entry = enter()
    other = ground.person("another")
    changed = change(entry, other, amount=Decimal(1300), day=date(2026, 9, 30))
    assert (changed.amount, changed.month, changed.entered_by, changed.version) == (Decimal(1300), SEPTEMBER, other, 2)
    (event,) = events("change_ledgerentry")
    assert (event.actor, event.reason) == (other, "看错票据")
    assert event.changes == {"day": ["2026-10-12", "2026-09-30"], "amount": ["1200.50", "1300"]}
    assert ground.month_of(month=OCTOBER).operating is None
    assert ground.month_of(month=SEPTEMBER).operating == Decimal(1300)
    with pytest.raises(Conflict):
        change_entry(entry, given(), version=1, reason="旧页面", by=other, today=TODAY)
    with pytest.raises(ValidationError) as error:
        change(entry, reason="  ")
    assert codes(error.value) == {"reason": "no_reason"}
    assert len(events("change_ledgerentry")) == 1


def test_a_reversal_takes_back_an_entry_of_a_closed_month_in_an_open_one() -> None:
    due = ground.make_receivable(amount=2000)
    entry = enter(day=date(2026, 9, 15), receivable=due)
    state(entry.unit, SEPTEMBER, "1200.50", opening="0")
    close(entry.unit, SEPTEMBER)
    with pytest.raises(ValidationError) as error:
        change(entry, amount=Decimal(5))
    assert codes(error.value) == {"day": "month_closed"}
    back = reverse_entry(entry, on=date(2026, 10, 8), reason="退回租金", by=ground.clerk(), today=TODAY)
    assert (back.amount, back.month, back.reverses, back.receivable) == (Decimal("-1200.50"), OCTOBER, entry, due)
    due.refresh_from_db()
    assert due.received == 0
    assert ground.month_of(month=SEPTEMBER).operating == Decimal("1200.50"), "a closed month keeps what it said"
    assert ground.month_of(month=OCTOBER).operating == Decimal("-1200.50")
    assert {event.target_id for event in events("reverse_ledgerentry")} == {str(entry.pk), str(back.pk)}
    assert {event.reason for event in events("reverse_ledgerentry")} == {"退回租金"}


def test_what_cannot_be_reversed() -> None:
    entry = enter(day=date(2026, 10, 12))
    back = reverse_entry(entry, on=date(2026, 10, 20), reason="录重", by=ground.clerk(), today=TODAY)
    fresh = enter()
    cases = [
        (back, date(2026, 10, 21), "录错", {"": "a_reversal"}),
        (entry, date(2026, 10, 21), "录错", {"": "reversed_already"}),
        (fresh, date(2026, 11, 26), "录错", {"day": "in_the_future"}),
        (fresh, date(2026, 10, 11), "录错", {"day": "before_entry"}),
        (fresh, date(2026, 10, 21), " ", {"reason": "no_reason"}),
    ]
    for row, day, reason, expected in cases:
        with pytest.raises(ValidationError) as error:
            reverse_entry(row, on=day, reason=reason, by=ground.clerk(), today=TODAY)
        assert codes(error.value) == expected
    for row, expected in ((entry, {"": "reversed_already"}), (back, {"": "a_reversal"})):
        with pytest.raises(ValidationError) as error:
            change(row)
        assert codes(error.value) == expected
    with pytest.raises(ValidationError) as error:
        change(ground.make_total(month=OCTOBER, category="other"))
    assert codes(error.value) == {"": "a_total"}
    assert LedgerEntry.objects.filter(reverses__isnull=False).count() == 1


# --- Closing --------------------------------------------------------------------------------------


def test_the_balance_goes_from_month_to_month() -> None:
    unit = ground.village()
    enter(day=date(2026, 9, 3), amount=Decimal("100.10"))
    enter(day=date(2026, 9, 4), category="management_cost", amount=Decimal("30.05"))
    enter(day=date(2026, 10, 3), category="subsidy", amount=Decimal(500))
    state(unit, SEPTEMBER, "1070.05", opening="1000")
    september = close(unit, SEPTEMBER)
    assert (september.opening, september.closed_by, september.closed_at) == (Decimal(1000), ground.checker(), NOW)
    checked = {entry.checked_by for entry in LedgerEntry.objects.filter(month=SEPTEMBER)}
    assert checked == {ground.checker()}
    state(unit, OCTOBER, "1570.00", note="5分为银行尾差")
    october = close(unit, OCTOBER)
    assert (october.opening, october.difference_note) == (Decimal("1070.05"), "5分为银行尾差")
    assert book_opening(unit.pk, NOVEMBER) == Decimal("1570.05")
    event = events("close_ledgermonth")[-1]
    assert (event.changes["opening"], event.changes["closing"]) == ("1070.05", "1570.05")


def test_what_keeps_a_month_open() -> None:
    unit = ground.village()

    def refused(month: date, by: User | None = None) -> str | None:
        with pytest.raises(ValidationError) as error:
            close(unit, month, by)
        assert error.value.messages[0]
        return error.value.code

    assert refused(OCTOBER) == "no_entries"
    enter(day=date(2026, 9, 3), amount=Decimal(100))
    enter(day=date(2026, 10, 3), amount=Decimal(50))
    enter(day=date(2026, 11, 3), amount=Decimal(50))
    assert refused(NOVEMBER) == "not_over"
    assert refused(SEPTEMBER, ground.clerk()) == "own_entries"
    assert refused(OCTOBER) == "earlier_open"
    assert refused(SEPTEMBER) == "no_opening"
    state(unit, SEPTEMBER, None, opening="0")
    assert refused(SEPTEMBER) == "no_statement"
    state(unit, SEPTEMBER, "99.99")
    assert refused(SEPTEMBER) == "difference"
    state(unit, SEPTEMBER, "100")
    close(unit, SEPTEMBER)
    assert refused(SEPTEMBER) == "closed_already"
    assert refused(OCTOBER) == "no_statement"
    state(unit, OCTOBER, None, note="账户未开通")
    close(unit, OCTOBER)
    assert LedgerMonth.objects.filter(closed_at__isnull=False).count() == 2


def test_who_changed_an_entry_does_not_close_its_month() -> None:
    entry = enter(day=date(2026, 9, 3))
    change(entry, ground.checker(), day=date(2026, 9, 4))
    state(entry.unit, SEPTEMBER, "1200.50", opening="0")
    with pytest.raises(ValidationError) as error:
        close(entry.unit, SEPTEMBER)
    assert error.value.code == "own_entries"
    assert close(entry.unit, SEPTEMBER, ground.person("third")).is_closed


def test_a_closed_month_takes_nothing_and_neither_does_one_before_it() -> None:
    unit = ground.village()
    enter(day=date(2026, 8, 3))
    state(unit, date(2026, 8, 1), "1200.50", opening="0")
    close(unit, date(2026, 8, 1))
    enter(day=date(2026, 10, 3))
    state(unit, OCTOBER, "2401")
    close(unit, OCTOBER)
    for day, code in ((date(2026, 10, 9), "month_closed"), (date(2026, 9, 9), "later_closed")):
        with pytest.raises(ValidationError) as error:
            enter(day=day)
        assert codes(error.value) == {"day": code}
    with pytest.raises(ValidationError) as error:
        state(unit, OCTOBER, "7")
    assert error.value.code == "month_closed"
    assert enter(day=date(2026, 7, 9)).month == date(2026, 7, 1), "history is not part of the balances"
    assert close(unit, date(2026, 7, 1)).opening is None
    assert book_opening(unit.pk, NOVEMBER) == Decimal(2401)


def test_the_balances_of_a_village_begin_once() -> None:
    unit = ground.village()
    state(unit, SEPTEMBER, "7", opening="5")
    with pytest.raises(ValidationError) as error:
        state(unit, OCTOBER, "7", opening="5")
    assert codes(error.value) == {"opening": "not_first"}
    row = state(unit, SEPTEMBER, "8", opening="6")
    assert (row.opening, row.statement_balance, row.version) == (Decimal(6), Decimal(8), 2)
    assert [event.changes for event in events("change_ledgermonth")][-1] == {
        "opening": ["5.00", "6"],
        "statement_balance": ["7.00", "8"],
    }


def test_many_villages_close_at_once_and_each_refused_one_says_why() -> None:
    units = [ground.village(name) for name in ("东一村", "东二村", "西一村")]
    for unit in units:
        enter(unit, day=date(2026, 9, 3), amount=Decimal(10))
    state(units[0], SEPTEMBER, "10", opening="0")
    state(units[1], SEPTEMBER, "11", opening="0")
    closed, refused = close_months([(unit, SEPTEMBER) for unit in units], by=ground.checker(), now=NOW)
    assert [row.unit for row in closed] == [units[0]]
    assert [(each.unit, each.code) for each in refused] == [(units[1], "difference"), (units[2], "no_opening")]
    assert all(each.words for each in refused)
    closed, refused = close_months(
        [(units[1], SEPTEMBER), (units[2], SEPTEMBER)], by=ground.checker(), now=NOW, note="在途款"
    )
    assert [row.difference_note for row in closed] == ["在途款"]
    assert [each.code for each in refused] == ["no_opening"]
