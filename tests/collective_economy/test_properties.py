"""Whatever is tried in whatever order, the sums hold: received, paid and left; allocated; closed months; shares.

Each sequence is told to a plain model of it too, in cents. What the model allows has to go through, the rest has to be
refused, and the sums have to be the model's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from branches.models import Unit
from collective_economy.models import LedgerEntry, LedgerMonth, Payment, ProjectSource
from collective_economy.models.ledger import CATEGORIES
from collective_economy.services import payments
from collective_economy.sharing import allocate
from tests.collective_economy.ground import (
    add_source,
    checker,
    clerk,
    close_month,
    make_entry,
    make_programme,
    make_project,
    month_of,
    move,
    reverse_entry,
    reverse_payment,
)

CENT = Decimal("0.01")
TODAY = date(2026, 6, 20)
NOW = datetime(2026, 6, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
COUNTED = {"receipt": "received", "payment": "paid", "recall": "recalled"}

sequences = hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""Few, since each is some dozens of writes; every run tries others."""

cents = st.integers(1, 40)


class Undone(Exception):
    """Ends an example; what it wrote goes."""


def alone(run: Callable[[], None]) -> None:
    """Each example finds the ground as it was."""
    try:
        with transaction.atomic():
            run()
            raise Undone
    except Undone:
        pass


def tried(act: Callable[[], Any]) -> Any:
    """What it gave, or False where the database refused it."""
    try:
        with transaction.atomic():
            return act() or True
    except IntegrityError:
        return False


def yuan(number: int) -> Decimal:
    return number * CENT


# --- Money of a project -------------------------------------------------------------------------


movements = st.lists(st.tuples(st.sampled_from([*COUNTED, "reverse"]), cents, st.integers(0, 5)), max_size=12)


@pytest.mark.django_db
@sequences
@given(approved=st.integers(1, 100), steps=movements)
def test_received_paid_and_balance_hold(county: Unit, approved: int, steps: list[tuple[str, int, int]]) -> None:
    alone(lambda: _moves(approved, steps))


def _moves(approved: int, steps: list[tuple[str, int, int]]) -> None:
    source = make_project(approved={"own": yuan(approved)}).sources.get()
    model = {"received": 0, "paid": 0, "recalled": 0}
    confirmed: list[Payment] = []
    for kind, amount, which in steps:
        wanted = dict(model)
        if kind == "reverse":
            if not confirmed:
                continue
            payment = confirmed[which % len(confirmed)]
            wanted[COUNTED[payment.kind]] -= int(payment.amount / CENT)
            done = tried(lambda payment=payment: reverse_payment(payment))
        else:
            wanted[COUNTED[kind]] += amount
            done = tried(lambda kind=kind, amount=amount: move(source, yuan(amount), kind))
        fits = wanted["received"] <= approved and 0 <= wanted["paid"] + wanted["recalled"] <= wanted["received"]
        assert bool(done) == fits, (kind, amount, model)
        if fits:
            model = wanted
            confirmed = [each for each in confirmed if each != payment] if kind == "reverse" else [*confirmed, done]
        source.refresh_from_db()
        assert {name: getattr(source, name) for name in model} == {name: yuan(value) for name, value in model.items()}
        assert source.balance == yuan(model["received"] - model["paid"] - model["recalled"]) >= 0


@pytest.mark.django_db
@sequences
@given(amount=st.integers(1, 100), wanted=st.lists(st.tuples(cents, st.booleans()), max_size=8))
def test_no_more_is_allocated_than_the_programme_has(county: Unit, amount: int, wanted: list[tuple[int, bool]]) -> None:
    alone(lambda: _allocations(amount, wanted))


def _allocations(amount: int, wanted: list[tuple[int, bool]]) -> None:
    programme = make_programme(amounts={"city": yuan(amount), "county": yuan(amount)})
    grant = programme.sources.get(source="city")
    left, rows = amount, []
    for part, is_change in wanted:
        if is_change and rows:
            row = rows.pop()
            before = int(row.approved / CENT)
            left += before
            change = ProjectSource.objects.filter(pk=row.pk)
            done = tried(lambda change=change, part=part: change.update(approved=yuan(part)))
            assert bool(done) == (part <= left)
            part = part if done else before
            row.refresh_from_db()
        else:
            project = make_project(programme=programme, approved_by=checker(), approved_on=TODAY)
            row = tried(lambda project=project, part=part: add_source(project, "city", yuan(part)))
            assert bool(row) == (part <= left)
            if not row:
                continue
        left -= part
        rows.append(row)
        grant.refresh_from_db()
        assert grant.allocated == yuan(amount - left) == sum((each.approved for each in rows), Decimal(0))
    assert programme.sources.get(source="county").allocated == 0


# --- The ledger ---------------------------------------------------------------------------------


entries = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "enter", "change", "delete", "reverse", "close"]),
        st.sampled_from(CATEGORIES),
        st.integers(0, 40),
        st.sampled_from([date(2026, 5, 9), date(2026, 6, 9)]),
        st.integers(0, 9),
    ),
    max_size=14,
)


@pytest.mark.django_db
@sequences
@given(steps=entries)
def test_months_are_the_sums_of_their_entries_and_closed_ones_stay(
    county: Unit, steps: list[tuple[str, str, int, date, int]]
) -> None:
    alone(lambda: _ledger(steps))


def _ledger(steps: list[tuple[str, str, int, date, int]]) -> None:
    rows: dict[int, tuple[date, str, int]] = {}
    reversed_ones: dict[int, int] = {}
    closed: set[date] = set()
    for act, category, amount, day, which in steps:
        month = day.replace(day=1)
        key = sorted(rows)[which % len(rows)] if rows else None
        if act == "enter":
            entry = tried(lambda c=category, a=amount, d=day: make_entry(amount=yuan(a), category=c, day=d))
            assert bool(entry) == (month not in closed)
            if entry:
                rows[entry.pk] = (month, category, amount)
        elif act == "close":
            begun = LedgerMonth.objects.filter(month=month).exists()
            if begun:
                done = tried(lambda month=month: close_month(month=month))
                assert bool(done) == (month not in closed)
                closed.add(month)
        elif key is None:
            continue
        else:
            old_month, old_category, old_amount = rows[key]
            is_tied = key in reversed_ones or key in reversed_ones.values()
            if act == "change":
                change = LedgerEntry.objects.filter(pk=key)
                done = tried(lambda r=change, c=category, a=amount: r.update(category=c, amount=yuan(a)))
                is_same = (category, amount) == (old_category, old_amount)
                assert done is not False or old_month in closed or is_tied
                # What is written as it stands changes nothing: PostgreSQL lets it through, SQLite does not.
                assert done is False or is_same or (old_month not in closed and not is_tied)
                if done is not False:
                    rows[key] = (old_month, category, amount)
            elif act == "delete" and not is_tied:
                done = tried(lambda k=key: LedgerEntry.objects.filter(pk=k).delete())
                assert bool(done) == (old_month not in closed)
                if done:
                    del rows[key]
            elif act == "reverse":
                entry = LedgerEntry.objects.get(pk=key)
                back = tried(lambda e=entry, d=day: reverse_entry(e, day=d))
                assert bool(back) == (month not in closed and not is_tied)
                if back:
                    rows[back.pk] = (month, old_category, -old_amount)
                    reversed_ones[back.pk] = key
        _agree(rows)


def _agree(rows: dict[int, tuple[date, str, int]]) -> None:
    for month in {month for month, _category, _amount in rows.values()}:
        stored = month_of(month=month)
        for category in CATEGORIES:
            told = [amount for at, name, amount in rows.values() if (at, name) == (month, category)]
            assert getattr(stored, category) == (yuan(sum(told)) if told else None)
        assert stored.entry_count == sum(at == month for at, _category, _amount in rows.values())


# --- Services -----------------------------------------------------------------------------------


service_steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "confirm", "confirm", "refuse", "withdraw", "reverse"]),
        st.sampled_from([*COUNTED]),
        st.integers(0, 60),
        st.integers(0, 9),
        st.booleans(),
    ),
    max_size=16,
)


@pytest.mark.django_db
@sequences
@given(steps=service_steps)
def test_services_refuse_before_the_database_has_to(county: Unit, steps: list[tuple[str, str, int, int, bool]]) -> None:
    """Right and wrong people in any order: only sentences come back, and the sums always tie."""
    alone(lambda: _service_steps(steps))


def _service_steps(steps: list[tuple[str, str, int, int, bool]]) -> None:
    source = make_project(approved={"own": yuan(100)}, stage="pay", started_on=date(2026, 4, 1)).sources.get()
    rows: list[Payment] = []
    for number, (act, kind, amount, which, is_clerk) in enumerate(steps):
        by = clerk() if is_clerk else checker()
        payment = rows[which % len(rows)] if rows else None
        if act != "enter" and payment is None:
            continue
        try:
            with transaction.atomic():
                made = _serve(act, source, kind, amount, payment, by, number)
        except (ValidationError, PermissionDenied):
            made = None
        if made is not None:
            rows.append(made)
        _ties(source)


def _serve(
    act: str, source: ProjectSource, kind: str, amount: int, payment: Payment | None, by: Any, number: int
) -> Payment | None:
    voucher = f"V{number}"
    if act == "enter":
        return payments.enter_payment(
            source=source,
            kind=kind,
            amount=yuan(amount),
            paid_on=TODAY,
            summary="第二笔",
            voucher_number=voucher,
            use="build" if kind == "payment" else "",
            reason="收回",
            by=by,
            today=TODAY,
            now=NOW,
        )
    assert payment is not None
    if act == "confirm":
        payments.confirm_payment(payment, by=by, now=NOW)
    elif act == "refuse":
        payments.refuse_payment(payment, note="凭证不全", by=by, now=NOW)
    elif act == "withdraw":
        payments.withdraw_payment(payment, by=by, now=NOW)
    else:
        return payments.reverse_payment(payment, paid_on=TODAY, voucher_number=voucher, reason="录错", by=by, now=NOW)
    return None


def _ties(source: ProjectSource) -> None:
    source.refresh_from_db()
    for kind, name in COUNTED.items():
        rows = Payment.objects.filter(source=source, kind=kind, state="confirmed").order_by()
        added = rows.filter(reverses=None).aggregate(sum=Sum("amount"))["sum"] or 0
        taken = rows.filter(reverses__isnull=False).aggregate(sum=Sum("amount"))["sum"] or 0
        assert getattr(source, name) == added - taken
    assert 0 <= source.balance <= source.received <= source.approved


# --- Shares of a joint project ------------------------------------------------------------------


percents = st.lists(st.integers(1, 1_000_000), min_size=1, max_size=13).map(
    lambda numbers: [Decimal(number) / 10_000 for number in numbers]
)


@given(amount=st.integers(0, 10**15), shares=percents)
def test_the_villages_parts_sum_to_the_yuan_of_the_project(amount: int, shares: list[Decimal]) -> None:
    parts = allocate(yuan(amount), shares)
    assert sum(parts, Decimal(0)) == yuan(amount)
    whole = sum(shares, Decimal(0))
    for part, share in zip(parts, shares, strict=True):
        assert part == part.quantize(CENT) >= 0
        assert abs(part - yuan(amount) * share / whole) < CENT


@given(amount=st.integers(0, 10**9), shares=percents)
def test_a_larger_share_never_gets_less(amount: int, shares: list[Decimal]) -> None:
    parts = allocate(yuan(amount), shares)
    by_share = sorted(zip(shares, parts, strict=True))
    assert all(one <= other for (low, one), (high, other) in pairwise(by_share) if low < high)
