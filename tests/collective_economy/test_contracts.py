"""Contracts and what is due by them: made at once, changed only where no money came, never lessened by one alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.arrears import (
    Arrears,
    arrears_by_place,
    arrears_by_village,
    arrears_of,
    days_late,
    due_between,
    overdue,
)
from collective_economy.models import Contract, Receivable
from collective_economy.schedule import Due
from collective_economy.services import contracts
from tests.collective_economy.ground import (
    checker,
    clerk,
    make_contract,
    make_entry,
    make_project,
    make_receivable,
    village,
)

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 15)
YEARLY = {"rhythm": "yearly", "yearly_amount": Decimal(12000)}


def day(text: str) -> date:
    return date.fromisoformat(text)


def add(county: Unit, **fields: Any) -> Contract:
    values = {
        "unit": village(), "kind": "lease", "number": "HT-1", "party": "承租户", "subject": "仓库",
        "signed_on": day("2026-01-01"), "starts_on": day("2026-01-01"), "ends_on": day("2028-12-31"), "by": clerk(),
        "today": TODAY,
    }  # fmt: skip
    return contracts.add_contract(**values | YEARLY | fields)  # type: ignore[arg-type]


def dues_of(contract: Contract) -> list[tuple[str, str, str]]:
    """Day, yuan, and whether it is given up."""
    rows = contract.receivables.order_by("due_on")
    return [(str(row.due_on), f"{row.amount:.2f}", "waived" if row.waived_on else "") for row in rows]


def codes_of(error: ValidationError) -> dict[str, list[str]]:
    if not hasattr(error, "error_dict"):
        return {"": [one.code for one in error.error_list]}
    return {name: [one.code for one in errors] for name, errors in error.error_dict.items()}


def test_a_contract_brings_what_is_due_by_it(county: Unit) -> None:
    contract = add(county, rhythm="half_yearly", party=" 承租户 ", ends_on=day("2026-12-31"))
    assert (contract.party, contract.path, contract.entered_by) == ("承租户", village().path, clerk())
    assert dues_of(contract) == [("2026-01-01", "6000.00", ""), ("2026-07-01", "6000.00", "")]
    row = contract.receivables.first()
    assert (row.unit, row.path, row.received) == (village(), village().path, 0)
    event = AuditEvent.objects.get(event="collective_economy.add_contract")
    assert event.changes["due"] == [None, "2 × 2026-01-01 … 2026-07-01, 12000.00"]
    assert event.target_id == str(contract.pk)


def test_days_and_amounts_as_the_contract_lists_them(county: Unit) -> None:
    rising = [Due(day("2027-01-10"), Decimal(11000)), Due(day("2026-01-10"), Decimal(10000))]
    contract = add(county, rhythm="given", given=rising, yearly_amount=Decimal(0))
    assert dues_of(contract) == [("2026-01-10", "10000.00", ""), ("2027-01-10", "11000.00", "")]


def test_a_purchase_has_its_price_and_nothing_due(county: Unit) -> None:
    contract = add(county, kind="build", rhythm="nothing", yearly_amount=Decimal(0), total_amount=Decimal(250000))
    assert (contract.total_amount, dues_of(contract)) == (250000, [])


def test_a_share_without_a_fixed_dividend_has_nothing_due(county: Unit) -> None:
    assert dues_of(add(county, kind="share", rhythm="nothing", yearly_amount=Decimal(0))) == []


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"number": " "}, {"number": ["no_number"]}),
        ({"party": ""}, {"party": ["no_party"]}),
        ({"subject": ""}, {"subject": ["no_subject"]}),
        ({"kind": "gift"}, {"kind": ["no_kind"]}),
        ({"ends_on": date(2025, 12, 31)}, {"ends_on": ["before_start"]}),
        ({"ends_on": date(2096, 1, 31)}, {"ends_on": ["too_long"]}),
        ({"starts_on": date(9990, 1, 1), "ends_on": date(9999, 12, 31)}, {"ends_on": ["too_long"]}),
        ({"signed_on": date(2026, 6, 16)}, {"signed_on": ["in_the_future"]}),
        ({"yearly_amount": Decimal("-1")}, {"yearly_amount": ["wrong_amount"]}),
        ({"yearly_amount": Decimal("0.001")}, {"yearly_amount": ["wrong_amount"]}),
        ({"yearly_amount": Decimal("NaN")}, {"yearly_amount": ["wrong_amount"]}),
        ({"yearly_amount": Decimal(0)}, {"yearly_amount": ["wrong_amount"]}),
        ({"total_amount": Decimal(5)}, {"total_amount": ["wrong_price"]}),
        ({"kind": "build"}, {"total_amount": ["wrong_price"], "yearly_amount": ["wrong_amount"]}),
        ({"rhythm": "nothing"}, {"rhythm": ["no_rhythm"]}),
        ({"first_due_on": date(2025, 12, 31)}, {"first_due_on": ["out_of_term"]}),
        ({"rhythm": "given"}, {"given": ["no_days"]}),
        ({"rhythm": "given", "given": [Due(TODAY, Decimal(1)), Due(TODAY, Decimal(2))]}, {"given": ["day_twice"]}),
        ({"rhythm": "given", "given": [Due(TODAY, Decimal(0))]}, {"given": ["wrong_amount"]}),
        ({"rhythm": "given", "given": [Due(date(2030, 1, 1), Decimal(36000))]}, {"given": ["out_of_term"]}),
        ({"rhythm": "given", "given": [Due(TODAY, Decimal("35999.99"))]}, {"given": ["sum_differs"]}),
    ],
)
def test_what_is_refused(county: Unit, fields: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as refused:
        add(county, **fields)
    assert codes_of(refused.value) == wrong
    assert not Contract.objects.exists()
    assert not Receivable.objects.exists()


def test_the_sentence_names_both_sums(county: Unit) -> None:
    with pytest.raises(ValidationError, match=r"35,999\.99.*36,000\.00"):
        add(county, rhythm="given", given=[Due(TODAY, Decimal("35999.99"))])


def test_a_number_is_once_in_a_village(county: Unit) -> None:
    add(county)
    add(county, unit=village("东二村"))
    with pytest.raises(ValidationError) as refused:
        add(county)
    assert codes_of(refused.value) == {"number": ["number_taken"]}


def test_a_project_is_one_of_the_village(county: Unit) -> None:
    assert add(county, project=make_project()).project is not None
    with pytest.raises(ValidationError) as refused:
        add(county, number="HT-2", project=make_project(village("东二村")))
    assert codes_of(refused.value) == {"project": ["other_project"]}


def test_a_township_has_no_contracts(county: Unit, east: Unit) -> None:
    with pytest.raises(ValidationError) as refused:
        add(county, unit=east)
    assert codes_of(refused.value) == {"unit": ["not_a_village"]}


# --- Changes --------------------------------------------------------------------------------


def change(contract: Contract, values: dict[str, Any], by: Any = None, **terms: Any) -> Contract:
    kept = {"base": contract.version, "rhythm": "yearly"} | terms
    return contracts.change_contract(contract, values=values, by=by or clerk(), today=TODAY, **kept)


def test_what_no_money_came_for_is_due_anew(county: Unit) -> None:
    contract = add(county)
    first = contract.receivables.earliest("due_on")
    make_entry(amount=12000, receivable=first)
    changed = change(contract, {"ends_on": day("2029-12-31"), "party": "新承租户"})
    assert dues_of(changed)[0] == ("2026-01-01", "12000.00", "")
    assert len(dues_of(changed)) == 4
    first.refresh_from_db()
    assert first.received == 12000
    event = AuditEvent.objects.get(event="collective_economy.change_contract")
    assert event.changes["party"] == ["承租户", "新承租户"]
    assert event.changes["due"][1] == "4 × 2026-01-01 … 2029-01-01, 48000.00"


@pytest.mark.parametrize("is_reversed", [False, True])
def test_what_money_came_for_stays(county: Unit, is_reversed: bool) -> None:
    contract = add(county)
    entry = make_entry(amount=10, receivable=contract.receivables.earliest("due_on"))
    if is_reversed:
        make_entry(amount=-10, receivable=entry.receivable, reverses=entry, reason="录错")
    before = dues_of(contract)
    with pytest.raises(ValidationError, match="2026-01-01") as refused:
        change(contract, {"yearly_amount": Decimal(13000)})
    assert codes_of(refused.value) == {"given": ["received"]}
    contract.refresh_from_db()
    assert (dues_of(contract), contract.yearly_amount, contract.version) == (before, 12000, 1)


def test_what_was_waived_stays(county: Unit) -> None:
    contract = add(county)
    row = contract.receivables.earliest("due_on")
    contracts.waive_receivable(row, decision="决议3号", reason="水灾", by=checker(), today=TODAY)
    with pytest.raises(ValidationError) as refused:
        change(contract, {"yearly_amount": Decimal(13000)})
    assert codes_of(refused.value) == {"given": ["received"]}


@pytest.mark.parametrize(
    ("values", "terms"),
    [
        ({"yearly_amount": Decimal(11000)}, {}),  # less
        ({}, {"in_advance": False}),  # the same, but what is late by now would not be late any longer
        ({"ends_on": day("2027-12-31")}, {}),
        ({"kind": "share", "yearly_amount": Decimal(0)}, {"rhythm": "nothing"}),
    ],
)
def test_who_entered_it_does_not_lessen_it_alone(county: Unit, values: dict[str, Any], terms: dict[str, Any]) -> None:
    contract = add(county)
    before = dues_of(contract)
    with pytest.raises(PermissionDenied):
        change(contract, values, **terms)
    assert dues_of(Contract.objects.get()) == before
    change(contract, values, by=checker(), **terms)
    assert dues_of(contract) != before


def test_two_people_change_it_at_once(county: Unit) -> None:
    contract = add(county)
    change(contract, {"party": "甲"})
    with pytest.raises(Conflict):
        change(contract, {"party": "乙"}, base=1)
    assert Contract.objects.get().party == "甲"


# --- The end and the waiver -----------------------------------------------------------------


def test_an_end_gives_up_what_is_due_later_and_keeps_what_was_due(county: Unit) -> None:
    contract = add(county)
    paid = contract.receivables.get(due_on="2028-01-01")
    make_entry(amount=12000, receivable=paid)
    ended = contracts.end_contract(contract, on=day("2026-12-31"), reason="承租户迁走", by=checker())
    assert (ended.ended_on, ended.end_reason, ended.version) == (day("2026-12-31"), "承租户迁走", 2)
    assert dues_of(ended) == [
        ("2026-01-01", "12000.00", ""), ("2027-01-01", "12000.00", "waived"), ("2028-01-01", "12000.00", ""),
    ]  # fmt: skip
    waived = ended.receivables.get(due_on="2027-01-01")
    assert (waived.waived_on, waived.waiver, waived.missing) == (day("2026-12-31"), "承租户迁走", 0)
    event = AuditEvent.objects.get(event="collective_economy.end_contract")
    assert event.changes["waived"] == "1 × 2027-01-01 … 2027-01-01, 12000.00"
    for act in (
        lambda: contracts.end_contract(contract, on=day("2026-12-31"), reason="又一次", by=checker()),
        lambda: change(Contract.objects.get(), {"party": "丙"}, by=checker()),
    ):
        with pytest.raises(ValidationError) as refused:
            act()
        assert codes_of(refused.value) == {"": ["ended"]}


def test_an_end_is_not_made_alone_where_money_is_given_up(county: Unit) -> None:
    contract = add(county)
    with pytest.raises(PermissionDenied):
        contracts.end_contract(contract, on=TODAY, reason="不租了", by=clerk())
    contract.refresh_from_db()
    assert contract.ended_on is None
    nothing_later = contracts.end_contract(contract, on=day("2028-06-30"), reason="提前收回", by=clerk())
    assert nothing_later.ended_on == day("2028-06-30")


@pytest.mark.parametrize(
    ("on", "reason", "wrong"),
    [
        ("2026-12-31", " ", {"reason": ["no_reason"]}),
        ("2025-12-31", "迁走", {"on": ["out_of_term"]}),
        ("2029-01-01", "迁走", {"on": ["out_of_term"]}),
    ],
)
def test_an_end_has_a_reason_and_a_day(county: Unit, on: str, reason: str, wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as refused:
        contracts.end_contract(add(county), on=day(on), reason=reason, by=checker())
    assert codes_of(refused.value) == wrong


def test_a_waiver_stores_the_decision_and_ends_the_arrears(county: Unit) -> None:
    contract = add(county)
    row = contract.receivables.earliest("due_on")
    make_entry(amount=2000, receivable=row)
    contracts.waive_receivable(
        row, decision="村民代表会议决议〔2026〕3号", reason="水灾绝收", by=checker(), today=TODAY
    )
    row.refresh_from_db()
    assert (row.waived_on, row.waiver, row.received) == (TODAY, "村民代表会议决议〔2026〕3号 水灾绝收", 2000)
    assert arrears_of(Receivable.objects.all(), TODAY) == Arrears()
    event = AuditEvent.objects.get(event="collective_economy.waive_receivable")
    assert (event.changes["missing"], event.actor) == (["10000.00", "0"], checker())
    with pytest.raises(ValidationError) as refused:
        contracts.waive_receivable(row, decision="4号", reason="又", by=checker(), today=TODAY)
    assert codes_of(refused.value) == {"": ["waived"]}


@pytest.mark.parametrize(
    ("decision", "reason", "received", "wrong"),
    [
        ("", "水灾", 0, {"decision": ["no_decision"]}),
        ("3号", "", 0, {"reason": ["no_reason"]}),
        ("3号", "水灾", 12000, {"": ["received"]}),
    ],
)
def test_a_waiver_that_is_refused(
    county: Unit, decision: str, reason: str, received: int, wrong: dict[str, list[str]]
) -> None:
    row = add(county).receivables.earliest("due_on")
    if received:
        make_entry(amount=received, receivable=row)
    with pytest.raises(ValidationError) as refused:
        contracts.waive_receivable(row, decision=decision, reason=reason, by=checker(), today=TODAY)
    assert codes_of(refused.value) == wrong
    row.refresh_from_db()
    assert row.waived_on is None


def test_who_entered_the_contract_waives_nothing(county: Unit) -> None:
    row = add(county).receivables.earliest("due_on")
    with pytest.raises(PermissionDenied):
        contracts.waive_receivable(row, decision="3号", reason="水灾", by=clerk(), today=TODAY)
    row.refresh_from_db()
    assert row.waived_on is None


# --- Arrears --------------------------------------------------------------------------------


def test_arrears_by_days(county: Unit) -> None:
    """Due on the day itself is not late; the day after it is; 31 days after it is a risk."""
    contract = make_contract()
    for due_on in ("2026-06-15", "2026-06-14", "2026-05-16", "2026-05-15", "2026-07-01"):
        make_receivable(contract, 100, day(due_on))
    make_entry(amount="40.50", receivable=contract.receivables.get(due_on="2026-05-15"))
    make_entry(amount=100, receivable=contract.receivables.get(due_on="2026-06-14"))
    rows = Receivable.objects.all()
    assert [str(row.due_on) for row in overdue(rows, TODAY)] == ["2026-05-15", "2026-05-16"]
    assert [str(row.due_on) for row in overdue(rows, TODAY, 30)] == ["2026-05-15"]
    assert arrears_of(rows, TODAY) == Arrears(
        due=Decimal(400), received=Decimal("140.50"), overdue=Decimal("159.50"), overdue_count=2,
        overdue_long=Decimal("59.50"), overdue_long_count=1,
    )  # fmt: skip
    assert [days_late(row, TODAY) for row in rows.order_by("due_on")] == [31, 30, 0, 0, 0]
    assert due_between(rows, TODAY, day("2026-07-01")).count() == 2


def test_arrears_of_villages_and_places_are_one_query(county: Unit, east: Unit, django_assert_num_queries: Any) -> None:
    for name, amount in (("东一村", 100), ("东二村", 200), ("西一村", 400)):
        make_receivable(make_contract(village(name)), amount, day("2026-01-01"))
    villages = {unit.name: unit.pk for unit in Unit.objects.villages()}
    with django_assert_num_queries(1):
        by_village = arrears_by_village(list(villages.values()), TODAY)
    assert {pk: one.overdue for pk, one in by_village.items()} == {
        villages["东一村"]: 100, villages["东二村"]: 200, villages["西一村"]: 400,
    }  # fmt: skip
    with django_assert_num_queries(1):
        by_township = arrears_by_place(Receivable.objects.all(), len(east.path), TODAY)
    assert by_township[east.path].overdue == 300
    assert sum(one.overdue for one in by_township.values()) == 700
