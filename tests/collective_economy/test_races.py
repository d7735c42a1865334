"""Twenty write at the same moment: no yuan is paid twice, no closed month changes, sums equal their rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections
from django.db.models import Sum
from django.utils import timezone

from accounts.models import AuditEvent
from branches.models import Unit
from collective_economy.models import LedgerEntry, LedgerMonth, Payment, ProjectSource
from collective_economy.services import payments
from tests.collective_economy.ground import (
    DAY,
    add_source,
    checker,
    clerk,
    close_month,
    confirm_payment,
    enter_payment,
    make_contract,
    make_entry,
    make_programme,
    make_project,
    make_receivable,
    month_of,
    move,
    reverse_payment,
    village,
)

WRITERS = 20
FIT = 10
"""Of the writers, each of whom wants a tenth of what there is."""
NOW: datetime = timezone.now()

pytestmark = pytest.mark.django_db(transaction=True)

Refusal = ValidationError | IntegrityError


def race(works: Sequence[Callable[[], Any]]) -> list[Refusal | None]:
    """All begin together, each on a connection of its own; for each its refusal, None where it went through."""
    barrier = threading.Barrier(len(works))
    outcomes: list[Refusal | BaseException | None] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            work()
        except BaseException as error:
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unexpected = [each for each in outcomes if each is not None and not isinstance(each, Refusal)]
    assert unexpected == []
    return [each for each in outcomes if each is None or isinstance(each, Refusal)]


def through(outcomes: Sequence[Refusal | None]) -> int:
    return outcomes.count(None)


@pytest.fixture
def people(county: Unit) -> None:
    """Made before anybody begins."""
    clerk(), checker()


@pytest.fixture
def source(people: None) -> ProjectSource:
    """1 000 yuan received."""
    source = make_project(approved={"own": 1000}).sources.get()
    move(source, 1000)
    return source


def sums(source: ProjectSource) -> tuple[Decimal, Decimal, Decimal]:
    source.refresh_from_db()
    return source.received, source.paid, source.recalled


def test_payments_confirmed_at_once_stay_within_what_was_received(source: ProjectSource) -> None:
    """Without any service: the database alone decides."""
    waiting = [enter_payment(source, 100, "payment") for _ in range(WRITERS)]
    outcomes = race([lambda each=each: confirm_payment(each) for each in waiting])
    assert through(outcomes) == FIT
    assert all("paid_within_received" in str(each) for each in outcomes if each)
    assert sums(source) == (1000, 1000, 0)
    assert Payment.objects.filter(kind="payment", state="confirmed").count() == FIT
    assert Payment.objects.filter(state="entered").count() == WRITERS - FIT


def test_the_service_refuses_the_others_with_a_sentence(source: ProjectSource) -> None:
    waiting = [enter_payment(source, 100, "payment") for _ in range(WRITERS)]
    outcomes = race([lambda each=each: payments.confirm_payment(each, by=checker(), now=NOW) for each in waiting])
    assert through(outcomes) == FIT
    for each in outcomes:
        assert each is None or (isinstance(each, ValidationError) and "1,000.00" in each.messages[0])
    assert sums(source) == (1000, 1000, 0)
    assert AuditEvent.objects.filter(event="collective_economy.confirm_payment").count() == FIT


def test_payments_and_recalls_share_one_balance(source: ProjectSource) -> None:
    waiting = [enter_payment(source, 100, kind) for kind in ("payment", "recall") * (WRITERS // 2)]
    assert through(race([lambda each=each: confirm_payment(each) for each in waiting])) == FIT
    _received, paid, recalled = sums(source)
    assert paid + recalled == 1000


def test_receipts_at_once_stay_within_the_approval(people: None) -> None:
    source = make_project(approved={"own": 1000}).sources.get()
    waiting = [enter_payment(source, 100) for _ in range(WRITERS)]
    assert through(race([lambda each=each: confirm_payment(each) for each in waiting])) == FIT
    assert sums(source) == (1000, 0, 0)


def test_one_payment_is_taken_back_once(source: ProjectSource) -> None:
    paid = move(source, 300, "payment")
    move(source, 700, "payment")
    assert through(race([lambda: reverse_payment(paid)] * WRITERS)) == 1
    assert sums(source) == (1000, 700, 0)


def test_the_same_payment_is_decided_once(source: ProjectSource) -> None:
    waiting = enter_payment(source, 100, "payment")
    outcomes = race([lambda: payments.confirm_payment(waiting, by=checker(), now=NOW)] * WRITERS)
    assert through(outcomes) == 1
    assert sums(source) == (1000, 100, 0)
    assert AuditEvent.objects.filter(event="collective_economy.confirm_payment").count() == 1


def test_a_programme_is_not_handed_out_twice(people: None) -> None:
    programme = make_programme(amounts={"county": 1000})
    projects = [make_project(programme=programme, approved_by=checker(), approved_on=DAY) for _ in range(WRITERS)]
    outcomes = race([lambda each=each: add_source(each, "county", 100) for each in projects])
    assert through(outcomes) == FIT
    assert all("allocated_within_programme" in str(each) for each in outcomes if each)
    assert programme.sources.get().allocated == 1000
    assert ProjectSource.objects.aggregate(sum=Sum("approved"))["sum"] == 1000


def test_a_receivable_is_not_settled_twice(people: None) -> None:
    receivable = make_receivable(make_contract(), amount=1000)
    outcomes = race([lambda: make_entry(amount=100, receivable=receivable)] * WRITERS)
    assert through(outcomes) == FIT
    receivable.refresh_from_db()
    assert (receivable.received, receivable.missing) == (1000, 0)
    assert (month_of().operating, month_of().entry_count) == (1000, FIT)


def test_the_first_entries_of_a_month_make_one_month(people: None) -> None:
    assert through(race([lambda: make_entry(amount="0.10")] * WRITERS)) == WRITERS
    assert LedgerMonth.objects.count() == 1
    assert (month_of().operating, month_of().entry_count) == (Decimal("2.00"), WRITERS)


def test_a_month_closed_while_others_enter_holds_what_came_before(people: None) -> None:
    make_entry(amount=7)
    outcomes = race([*[lambda: make_entry(amount=100)] * WRITERS, close_month])
    entered = through(outcomes[:WRITERS])
    assert outcomes[WRITERS] is None
    assert all("closed month" in str(each) for each in outcomes if each)
    month = month_of()
    assert month.closed_at is not None
    assert (month.operating, month.entry_count) == (7 + 100 * entered, 1 + entered)
    assert LedgerEntry.objects.aggregate(sum=Sum("amount"))["sum"] == month.operating
    with pytest.raises(IntegrityError, match="closed month"):
        make_entry(amount=1)


def test_a_month_closed_while_others_change_and_delete(people: None) -> None:
    entries = [make_entry(amount=100) for _ in range(WRITERS)]
    half = WRITERS // 2
    changes = [lambda each=each: LedgerEntry.objects.filter(pk=each.pk).update(amount=1) for each in entries[:half]]
    deletes = [lambda each=each: LedgerEntry.objects.filter(pk=each.pk).delete() for each in entries[half:]]
    outcomes = race([*changes, *deletes, close_month])
    changed, deleted = through(outcomes[:half]), through(outcomes[half:WRITERS])
    assert outcomes[WRITERS] is None
    month = month_of()
    assert (month.operating, month.entry_count) == (
        changed + 100 * (WRITERS - changed - deleted),
        WRITERS - deleted,
    )
    assert LedgerEntry.objects.filter(unit=village()).aggregate(sum=Sum("amount"))["sum"] == month.operating
