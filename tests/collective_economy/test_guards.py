"""What the database itself holds about public money, by whatever door a row comes (handbook 11, 7 and 8).

Services say it first and in a sentence; here nobody asks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from branches.models import Unit
from collective_economy.models import (
    Contract,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectSource,
    ProjectStep,
    Receivable,
)
from collective_economy.models.ledger import CATEGORIES
from collective_economy.models.payments import ALLOWED_USES
from collective_economy.uses import RED_LINES
from tests.collective_economy.ground import (
    DAY,
    MONTH,
    checker,
    clerk,
    close_month,
    confirm_payment,
    confirm_programme,
    enter_payment,
    make_contract,
    make_entry,
    make_programme,
    make_project,
    make_receivable,
    make_total,
    month_of,
    move,
    person,
    reverse_entry,
    reverse_payment,
    village,
)

pytestmark = pytest.mark.django_db

GUARDS = import_module("collective_economy.migrations.0004_public_money_is_guarded")
MAY, JULY = date(2026, 5, 1), date(2026, 7, 1)


@dataclass(frozen=True)
class Money:
    """1 000 yuan of county money approved, 600 of them received, 250 paid; a ledger with a closed May."""

    county: Unit
    programme: Programme
    unconfirmed: Programme
    project: Project
    other: Project
    source: ProjectSource
    receipt: Payment
    paid: Payment
    waiting: Payment
    step: ProjectStep
    entry: LedgerEntry
    closed_entry: LedgerEntry
    reversed_entry: LedgerEntry
    reversal: LedgerEntry
    receivable: Receivable
    settled: LedgerEntry

    @property
    def grant(self) -> ProgrammeSource:
        return self.programme.sources.get()

    @property
    def month(self) -> LedgerMonth:
        return month_of()

    @property
    def closed(self) -> LedgerMonth:
        return month_of(month=MAY)


@pytest.fixture
def money(county: Unit) -> Money:
    programme = make_programme(amounts={"county": 1500})
    project = make_project(programme=programme, approved={"county": 1000, "own": 200}, stage="pay")
    source = project.sources.get(source="county")
    receipt, paid = move(source, 600), move(source, 250, "payment")
    waiting = enter_payment(source, 100, "payment")
    closed_entry = make_entry(day=date(2026, 5, 20), amount=80)
    close_month(month=MAY)
    receivable = make_receivable(amount=1000)
    settled = make_entry(amount=400, receivable=receivable)
    reversed_entry = make_entry(amount=30, category="other")
    return Money(
        county=county,
        programme=programme,
        unconfirmed=make_programme(amounts={"county": 500}, is_confirmed=False),
        project=project,
        other=make_project(village("西一村"), approved={"own": 500}),
        source=source,
        receipt=receipt,
        paid=paid,
        waiting=waiting,
        step=ProjectStep.objects.create(
            project=project, came_from="approve", went_to="pay", on=DAY, by=clerk(), at=timezone.now()
        ),
        entry=make_entry(amount=50),
        closed_entry=closed_entry,
        reversed_entry=reversed_entry,
        reversal=reverse_entry(reversed_entry),
        receivable=receivable,
        settled=settled,
    )


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def put(row: Model, **values: Any) -> None:
    """One row changed by plain SQL; a name without `_id` is the column."""
    columns = ", ".join(f"{name} = %s" for name in values)
    sql(f"UPDATE {row._meta.db_table} SET {columns} WHERE id = %s", *values.values(), row.pk)


def drop(row: Model) -> None:
    sql(f"DELETE FROM {row._meta.db_table} WHERE id = %s", row.pk)


def saved(row: Model, **values: Any) -> None:
    """One row changed by `save`."""
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def refused(by: str, change: Callable[[], Any]) -> None:
    """`by`: what the answer of the database contains: a sentence, or the name of a constraint; one of several by |."""
    with pytest.raises(IntegrityError, match=by), transaction.atomic():
        change()


# --- Every guard, each by several doors ---------------------------------------------------------


Act = Callable[[Money], Any]
TWICE = "(?i)unique"
UPSERT = f"{GUARDS.SENTENCES['decided']}|{GUARDS.SENTENCES['key']}"
"""SQLite refuses the row of a known key before it becomes an update."""
DECIDED, BY_HAND, CLOSED, CONFIRMED = (
    GUARDS.SENTENCES[name] for name in ("decided", "by_hand", "closed", "confirmed_programme")
)

REFUSED: dict[str, list[tuple[str, Act]]] = {
    "payment_decided": [
        (DECIDED, lambda m: saved(m.paid, amount=Decimal(1))),
        (DECIDED, lambda m: m.paid.save()),
        (DECIDED, lambda m: Payment.objects.filter(pk=m.paid.pk).update(state="entered")),
        (DECIDED, lambda m: Payment.objects.filter(pk=m.paid.pk).update(decided_at=timezone.now())),
        (DECIDED, lambda m: bulk_updated(m.receipt, amount=Decimal(999))),
        (UPSERT, lambda m: upserted(m.receipt, amount=Decimal(999))),
        (DECIDED, lambda m: put(m.receipt, amount=999)),
        (DECIDED, lambda m: put(m.paid, voucher_number="other")),
        (DECIDED, lambda m: put(m.paid, id=99999)),
    ],
    "payment_kept": [
        (DECIDED, lambda m: m.paid.delete()),
        (DECIDED, lambda m: Payment.objects.all().delete()),
        (DECIDED, lambda m: drop(m.paid)),
    ],
    "payment_entered_by": [
        ("who entered a row", lambda m: saved(m.waiting, entered_by=checker())),
        ("who entered a row", lambda m: put(m.waiting, entered_by_id=checker().pk)),
    ],
    "payment_source_insert": [
        ("of its own project", lambda m: enter_payment(m.source, 1, project_id=m.other.pk)),
        ("of its own project", lambda m: Payment.objects.bulk_create([unsaved(m.source, project=m.other)])),
    ],
    "payment_source_update": [
        ("of its own project", lambda m: saved(m.waiting, project=m.other)),
        ("of its own project", lambda m: put(m.waiting, source_id=m.other.sources.get().pk)),
    ],
    "payment_reversal_insert": [
        ("repeats the source", lambda m: enter_payment(m.source, 249, "payment", **reversing(m.paid))),
        ("repeats the source", lambda m: enter_payment(m.source, 250, "receipt", **reversing(m.paid))),
        ("repeats the source", lambda m: enter_payment(m.source, 100, "payment", **reversing(m.waiting))),
        ("repeats the source", lambda m: enter_payment(own(m), 250, "payment", **reversing(m.paid))),
        ("repeats the source", lambda m: reverse_payment(reverse_payment(m.paid))),
    ],
    "payment_reversal_update": [
        ("repeats the source", lambda m: saved(m.waiting, reverses=m.paid, reason="x")),
        ("repeats the source", lambda m: put(m.waiting, reverses_id=m.receipt.pk, reason="x")),
    ],
    "source_approved_insert": [
        ("approved with its project", lambda m: approve(make_project(village("东二村")), "own")),
        ("approved with its project", lambda m: approve(m.other, "county")),
        ("approved with its project", lambda m: approve(m.other, "county", m.grant)),
        ("approved with its project", lambda m: approve(m.project, "city", m.grant)),
        ("approved with its project", lambda m: approve(m.project, "loan", m.grant)),
        ("approved with its project", lambda m: approve(m.project, "unknown")),
        ("approved with its project", lambda m: approve(planned(m.unconfirmed), "county", m.unconfirmed.sources.get())),
    ],
    "source_approved_update": [
        ("approved with its project", lambda m: saved(m.source, programme_source=None)),
        ("approved with its project", lambda m: put(m.source, programme_source_id=m.unconfirmed.sources.get().pk)),
        ("approved with its project", lambda m: ProjectSource.objects.filter(source="own").update(source="county")),
        ("approved with its project", lambda m: put(own(m), source="province")),
    ],
    "source_kept": [
        ("stays with its project", lambda m: put(own_moved(m), project_id=m.other.pk, source="partner")),
        ("stays with its project", lambda m: saved(own_moved(m), source="partner")),
    ],
    "project_entered_by": [("who entered a row", lambda m: saved(m.project, entered_by=checker()))],
    "project_approval": [
        ("is not taken back", lambda m: saved(m.project, approved_by=None)),
        ("is not taken back", lambda m: put(m.project, approved_by_id=None)),
    ],
    "programme_confirmation": [
        ("is not taken back", lambda m: saved(m.programme, confirmed_by=None)),
        ("is not taken back", lambda m: put(m.programme, confirmed_by_id=None)),
        ("is not taken back", lambda m: Programme.objects.update(entered_by=person("money_third"))),
    ],
    "grant_insert": [
        ("keeps its amounts", lambda m: ProgrammeSource.objects.create(programme=m.programme, source="city", amount=1)),
        (
            "keeps its amounts",
            lambda m: ProgrammeSource.objects.bulk_create(
                [ProgrammeSource(programme=m.programme, source="city", amount=1)]
            ),
        ),
    ],
    "grant_update": [
        ("keeps its amounts", lambda m: saved(m.grant, amount=Decimal(9999))),
        ("keeps its amounts", lambda m: put(m.grant, amount=9999)),
        ("keeps its amounts", lambda m: put(m.unconfirmed.sources.get(), programme_id=m.programme.pk, source="city")),
    ],
    "grant_delete": [
        ("keeps its amounts", lambda m: drop(m.grant)),
        ("keeps its amounts", lambda m: ProgrammeSource.objects.filter(pk=make_programme().sources.get().pk).delete()),
    ],
    "step_update": [
        ("only added", lambda m: saved(m.step, on=MAY)),
        ("only added", lambda m: put(m.step, note="x")),
    ],
    "step_delete": [
        ("only added", lambda m: m.step.delete()),
        ("only added", lambda m: ProjectStep.objects.all().delete()),
        ("only added", lambda m: drop(m.step)),
    ],
    "month_frozen": [
        ("keeps what it says", lambda m: saved(m.closed, closed_by=None, closed_at=None)),
        ("keeps what it says", lambda m: saved(m.closed, opening=Decimal(5))),
        ("keeps what it says", lambda m: m.closed.save()),
        ("keeps what it says", lambda m: bulk_updated(m.closed, difference_note="x")),
        ("keeps what it says", lambda m: put(m.closed, closed_at=None, closed_by_id=None)),
        ("keeps what it says", lambda m: put(m.closed, statement_balance=7)),
    ],
    "month_kept": [
        ("keeps what it says", lambda m: closed_without_entries().delete()),
        ("keeps what it says", lambda m: drop(closed_without_entries())),
    ],
    "month_summed": [
        (BY_HAND, lambda m: m.month.delete()),
        (BY_HAND, lambda m: drop(m.month)),
    ],
    "month_place": [
        ("stays with its village", lambda m: saved(m.month, unit=village("东二村"))),
        ("stays with its village", lambda m: put(m.month, month=JULY)),
    ],
    "month_own_insert": [("does not close it", lambda m: closed_before_its_row(m))],
    "month_own_update": [
        ("does not close it", lambda m: close_month(by=clerk())),
        ("does not close it", lambda m: put(m.month, closed_by_id=clerk().pk, closed_at=timezone.now())),
    ],
    "entry_month_insert": [
        ("lies in its month", lambda m: make_entry(month=JULY)),
        ("lies in its month", lambda m: unsaved_entry(month=date(2026, 6, 2), day=None, is_total=True).save()),
        ("lies in its month", lambda m: LedgerEntry.objects.bulk_create([unsaved_entry(month=MONTH, day=JULY)])),
    ],
    "entry_month_update": [
        ("lies in its month", lambda m: saved(m.entry, day=JULY)),
        ("lies in its month", lambda m: put(m.entry, month=JULY, day=DAY)),
        ("lies in its month", lambda m: put(m.entry, day=JULY)),
    ],
    "entry_reversal_insert": [
        ("takes back one entry", lambda m: reverse_entry(m.entry, amount=-49)),
        ("takes back one entry", lambda m: reverse_entry(m.entry, category="other")),
        ("takes back one entry", lambda m: reverse_entry(m.entry, unit=village("东二村"))),
        ("takes back one entry", lambda m: reverse_entry(m.settled, receivable=None)),
        ("takes back one entry", lambda m: reverse_entry(m.reversal)),
    ],
    "entry_reversal_update": [
        ("takes back one entry", lambda m: saved(m.reversal, amount=Decimal(-1))),
        ("takes back one entry", lambda m: put(m.reversal, category="subsidy")),
    ],
    "entry_reversed": [
        ("keeps its facts", lambda m: saved(m.reversed_entry, amount=Decimal(500))),
        ("keeps its facts", lambda m: put(m.reversed_entry, category="subsidy")),
        ("keeps its facts", lambda m: put(m.reversed_entry, month=JULY, day=JULY)),
    ],
    "entry_receivable_insert": [
        ("only income of its village", lambda m: make_entry(village("东二村"), receivable=m.receivable)),
        ("only income of its village", lambda m: make_entry(category="other_cost", receivable=m.receivable)),
    ],
    "entry_receivable_update": [
        ("only income of its village", lambda m: saved(m.settled, category="management_cost")),
        ("only income of its village", lambda m: saved(m.settled, unit=village("东二村"))),
        ("only income of its village", lambda m: put(m.entry, receivable_id=make_receivable(away()).pk)),
    ],
    "entry_key": [("keeps its key", lambda m: put(m.closed_entry, id=99999))],
}
"""Trigger -> what the answer contains, and what is tried."""


def bulk_updated(row: Model, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    type(row)._default_manager.bulk_update([row], list(values))


def upserted(row: Model, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    type(row)._default_manager.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=list(values)
    )


def unsaved(source: ProjectSource, **fields: Any) -> Payment:
    payment = enter_payment(source, 1)
    payment.pk = None
    for name, value in fields.items():
        setattr(payment, name, value)
    return payment


def unsaved_entry(**fields: Any) -> LedgerEntry:
    entry = make_entry()
    entry.pk = None
    for name, value in fields.items():
        setattr(entry, name, value)
    return entry


def reversing(payment: Payment) -> dict[str, Any]:
    return {"reverses": payment, "reason": "录错"}


def own(money: Money) -> ProjectSource:
    return money.project.sources.get(source="own")


def own_moved(money: Money) -> ProjectSource:
    source = own(money)
    move(source, 10)
    return source


def planned(programme: Programme) -> Project:
    """Approved in itself, of a programme that nobody has confirmed."""
    return make_project(village("东二村"), programme=programme, approved_by=checker(), approved_on=DAY)


def approve(project: Project, source: str, grant: ProgrammeSource | None = None) -> ProjectSource:
    return ProjectSource.objects.create(project=project, source=source, approved=1, programme_source=grant)


def away() -> Contract:
    return make_contract(village("西一村"))


def closed_without_entries() -> LedgerMonth:
    return LedgerMonth.objects.create(
        unit=village(), path="x", month=JULY, closed_by=checker(), closed_at=timezone.now()
    )


def closed_before_its_row(money: Money) -> None:
    """As if the row of a month had been lost and were put back closed."""
    drop_trigger("month_summed", LedgerMonth)
    month = money.month
    drop(month)
    LedgerMonth.objects.create(
        unit=month.unit, path=month.path, month=month.month, closed_by=clerk(), closed_at=timezone.now()
    )


def drop_trigger(name: str, model: type[Model]) -> None:
    on = f" ON {model._meta.db_table}" if connection.vendor == "postgresql" else ""
    sql(f"DROP TRIGGER collective_economy_{name}{on}")


@pytest.mark.parametrize("guard", REFUSED)
def test_the_database_refuses(money: Money, guard: str) -> None:
    for by, act in REFUSED[guard]:
        leaves_all_as_it_was(money, by, act)


def leaves_all_as_it_was(money: Money, by: str, act: Act) -> None:
    for row in vars(money).values():
        row.refresh_from_db()
    before = everything()
    refused(by, lambda: act(money))
    assert everything() == before


def everything() -> list[Any]:
    models = (Payment, ProjectSource, ProgrammeSource, Programme, Project, LedgerEntry, LedgerMonth, Receivable)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_every_guard_has_its_cases() -> None:
    assert REFUSED.keys() == {guard[0] for guard in GUARDS._guards(connection.vendor)}


def test_no_fact_of_a_confirmed_payment_is_written(money: Money) -> None:
    for column in GUARDS.PAYMENT_FACTS:
        statement = f"UPDATE {GUARDS.PAYMENT} SET {column} = {column} WHERE id = %s"
        refused(DECIDED, lambda statement=statement: sql(statement, money.paid.pk))


def test_no_fact_of_a_closed_month_is_written(money: Money) -> None:
    for column in GUARDS.MONTH_FACTS:
        statement = f"UPDATE {GUARDS.MONTH} SET {column} = {column} WHERE id = %s"
        refused(GUARDS.SENTENCES["closed_month"], lambda statement=statement: sql(statement, money.closed.pk))


@pytest.mark.parametrize("state", ["refused", "withdrawn"])
def test_what_was_refused_or_withdrawn_does_not_come_back(money: Money, state: str) -> None:
    Payment.objects.filter(pk=money.waiting.pk).update(state=state, decided_by=checker())
    refused(DECIDED, lambda: confirm_payment(money.waiting))
    refused(DECIDED, lambda: drop(money.waiting))
    money.source.refresh_from_db()
    assert money.source.paid == 250


# --- A closed month, by any door ----------------------------------------------------------------


INTO_CLOSED: dict[str, Act] = {
    "create": lambda m: make_entry(day=date(2026, 5, 3)),
    "total": lambda m: make_total(month=MAY, category="other"),
    "bulk_create": lambda m: LedgerEntry.objects.bulk_create([unsaved_entry(month=MAY, day=MAY)]),
    "many at once": lambda m: LedgerEntry.objects.bulk_create(
        [unsaved_entry(), unsaved_entry(month=MAY, day=MAY), unsaved_entry()]
    ),
    "save": lambda m: saved(m.closed_entry, amount=Decimal(1)),
    "save as a whole": lambda m: changed_entry(m.closed_entry, summary="other words"),
    "update": lambda m: LedgerEntry.objects.filter(month=MAY).update(voucher_number="x"),
    "update of all": lambda m: LedgerEntry.objects.update(counterparty="x"),
    "bulk_update": lambda m: bulk_updated(m.closed_entry, category="other"),
    "upsert": lambda m: upserted(m.closed_entry, amount=Decimal(1)),
    "moved in": lambda m: saved(m.entry, month=MAY, day=MAY),
    "moved in by SQL": lambda m: put(m.entry, month=MAY, day=MAY),
    "moved out": lambda m: saved(m.closed_entry, month=MONTH, day=DAY),
    "moved to another village": lambda m: put(m.closed_entry, unit_id=village("东二村").pk),
    "checked afterwards": lambda m: saved(m.closed_entry, checked_by=checker()),
    "delete": lambda m: m.closed_entry.delete(),
    "delete of some": lambda m: LedgerEntry.objects.filter(unit=village(), amount=80).delete(),
    "SQL update": lambda m: put(m.closed_entry, amount=1),
    "SQL delete": lambda m: drop(m.closed_entry),
    "reversal inside": lambda m: reverse_entry(m.closed_entry, day=date(2026, 5, 21)),
}


def changed_entry(entry: LedgerEntry, **values: Any) -> None:
    for name, value in values.items():
        setattr(entry, name, value)
    entry.save()


def test_a_closed_month_takes_nothing(money: Money) -> None:
    for act in INTO_CLOSED.values():
        leaves_all_as_it_was(money, CLOSED, act)


def test_a_closed_month_changes_by_a_reversal_in_an_open_one(money: Money) -> None:
    before = money.closed
    back = reverse_entry(money.closed_entry)
    assert (back.month, back.amount) == (MONTH, Decimal(-80))
    assert money.closed.operating == before.operating == 80
    assert money.month.operating == 400 + 50 - 80
    refused(TWICE, lambda: reverse_entry(money.closed_entry))


def test_words_of_place_and_version_still_follow_in_a_closed_month(money: Money) -> None:
    """A village that moves in the tree takes its rows along; no figure changes by it."""
    LedgerEntry.objects.filter(month=MAY).update(path="moved", version=9)
    LedgerMonth.objects.filter(month=MAY).update(path="moved")
    assert (money.closed.path, money.closed.operating) == ("moved", 80)


def test_rows_replaced_by_key_are_refused_on_sqlite(money: Money) -> None:
    """REPLACE deletes without asking; PostgreSQL has no such word."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite alone has REPLACE")
    for row in (money.paid, money.entry, money.source, money.grant, money.closed):
        table, columns = row._meta.db_table, ", ".join(field.column for field in row._meta.concrete_fields)
        copy = f"REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE id = %s"
        refused(f"{GUARDS.SENTENCES['key']}|{CONFIRMED}|{BY_HAND}", lambda copy=copy, row=row: sql(copy, row.pk))


# --- Sums ---------------------------------------------------------------------------------------


BY_HAND_DOORS: dict[str, Act] = {
    **{
        f"source {name}": lambda m, name=name: saved(m.source, **{name: getattr(m.source, name) + 1})
        for name in ("received", "paid", "recalled")
    },
    "source by SQL": lambda m: put(m.source, received=700),
    "source less": lambda m: put(m.source, paid=0),
    "source update": lambda m: ProjectSource.objects.update(received=0),
    "new source": lambda m: ProjectSource.objects.create(project=m.project, source="other", received=1),
    "grant": lambda m: saved(m.grant, allocated=Decimal(0)),
    "grant by SQL": lambda m: put(m.grant, allocated=1),
    "new grant": lambda m: ProgrammeSource.objects.create(
        programme=m.unconfirmed, source="city", amount=10, allocated=5
    ),
    "receivable": lambda m: saved(m.receivable, received=Decimal(1000)),
    "receivable by SQL": lambda m: put(m.receivable, received=0),
    "new receivable": lambda m: Receivable.objects.bulk_create(
        [Receivable(contract=away(), unit=village(), path="x", due_on=DAY, amount=5, received=5)]
    ),
    **{f"month {name}": lambda m, name=name: put(m.month, **{name: 12345}) for name in GUARDS.SUMS},
    "month zero for null": lambda m: saved(m.month, subsidy=Decimal(0)),
    "month null": lambda m: saved(m.month, operating=None),
    "new month": lambda m: LedgerMonth.objects.create(unit=village(), path="x", month=JULY, operating=Decimal(1)),
    "new month zero": lambda m: LedgerMonth.objects.create(unit=village(), path="x", month=JULY, other=Decimal(0)),
    "new month counted": lambda m: LedgerMonth.objects.create(unit=village(), path="x", month=JULY, voucher_count=1),
}


def test_a_sum_is_not_set_by_hand(money: Money) -> None:
    for act in BY_HAND_DOORS.values():
        leaves_all_as_it_was(money, BY_HAND, act)


def test_sums_of_a_source_follow_what_is_confirmed(money: Money) -> None:
    source = money.source

    def sums() -> tuple[Decimal, ...]:
        source.refresh_from_db()
        return source.received, source.paid, source.recalled, source.balance

    assert sums() == (600, 250, 0, 350)
    enter_payment(source, 50)
    assert sums() == (600, 250, 0, 350)
    move(source, Decimal("0.01"), "recall")
    assert sums() == (600, 250, Decimal("0.01"), Decimal("349.99"))
    reverse_payment(money.paid)
    assert sums() == (600, 0, Decimal("0.01"), Decimal("599.99"))
    confirm_payment(money.waiting)
    assert sums() == (600, 100, Decimal("0.01"), Decimal("499.99"))
    own_source = own(money)
    assert (own_source.received, own_source.paid) == (0, 0)


def test_cents_add_up_exactly(county: Unit) -> None:
    """0.10 + 0.20 is 0.30 and may all be used, also where the database adds in floating point."""
    source = make_project(approved={"own": "0.30"}).sources.get()
    move(source, "0.30")
    move(source, "0.10", "payment")
    move(source, "0.20", "recall")
    assert source.balance == 0
    refused("paid_within_received", lambda: move(source, "0.01", "payment"))


def test_the_largest_amounts_keep_their_cents(county: Unit) -> None:
    source = make_project(approved={"own": "9999999999999.99"}).sources.get()
    move(source, "9999999999999.98")
    move(source, "9999999999999.97", "payment")
    assert source.balance == Decimal("0.01")
    refused("paid_within_received", lambda: move(source, "0.02", "payment"))


def test_many_rows_at_once_are_all_summed(money: Money) -> None:
    rows = [enter_payment(money.source, 10) for _ in range(5)]
    Payment.objects.filter(pk__in=[row.pk for row in rows]).update(state="confirmed", decided_by=checker())
    money.source.refresh_from_db()
    assert money.source.received == 650
    Payment.objects.bulk_create([straight(money.source, 7) for _ in range(3)])
    money.source.refresh_from_db()
    assert money.source.received == 671


def straight(source: ProjectSource, amount: int) -> Payment:
    """A row that comes confirmed, as an import or a hand would bring it."""
    row = unsaved(source, amount=amount)
    row.state, row.decided_by, row.decided_at = "confirmed", checker(), timezone.now()
    return row


# --- Invariant 7: approved, received, paid ------------------------------------------------------


def test_nothing_is_received_beyond_the_approval(money: Money) -> None:
    refused("received_within_approved", lambda: move(money.source, "400.01"))
    refused("received_within_approved", lambda: Payment.objects.bulk_create([straight(money.source, 401)]))
    move(money.source, 400)
    assert money.source.received == money.source.approved == 1000


def test_nothing_is_paid_beyond_what_was_received(money: Money) -> None:
    refused("paid_within_received", lambda: move(money.source, "350.01", "payment"))
    refused("paid_within_received", lambda: move(money.source, "350.01", "recall"))
    move(money.source, 200, "payment")
    move(money.source, 150, "recall")
    assert money.source.balance == 0
    refused("paid_within_received", lambda: confirm_payment(money.waiting))


def test_a_receipt_that_was_spent_is_not_taken_back(money: Money) -> None:
    refused("paid_within_received", lambda: reverse_payment(money.receipt))
    reverse_payment(money.paid)
    reverse_payment(money.receipt)
    money.source.refresh_from_db()
    assert (money.source.received, money.source.paid) == (0, 0)


def test_one_payment_is_reversed_once(money: Money) -> None:
    reverse_payment(money.paid)
    refused(TWICE, lambda: reverse_payment(money.paid))


def test_the_approval_does_not_fall_below_what_was_received(money: Money) -> None:
    refused("received_within_approved", lambda: saved(money.source, approved=Decimal("599.99")))
    saved(money.source, approved=Decimal(600))
    assert money.grant.allocated == 600


def test_the_programme_allocates_no_more_than_it_has(money: Money) -> None:
    second = make_project(village("东二村"), programme=money.programme, approved={"county": 499})
    assert money.grant.allocated == 1499
    source = second.sources.get()
    refused("allocated_within_programme", lambda: saved(source, approved=Decimal("500.01")))
    refused("allocated_within_programme", lambda: put(money.source, approved=1002))
    saved(source, approved=Decimal(500))
    assert money.grant.allocated == 1500
    refused(
        "allocated_within_programme",
        lambda: make_project(village("东三村"), programme=money.programme, approved={"county": "0.01"}),
    )
    source.delete()
    assert money.grant.allocated == 1000


def test_a_programme_is_allocated_once_it_is_confirmed(money: Money) -> None:
    project, grant = planned(money.unconfirmed), money.unconfirmed.sources.get()
    refused("support money from a confirmed programme", lambda: approve(project, "county", grant))
    confirm_programme(money.unconfirmed)
    approve(project, "county", grant)
    grant.refresh_from_db()
    assert grant.allocated == 1


def test_nobody_confirms_or_approves_their_own(money: Money) -> None:
    refused("programme_confirmed_by_another", lambda: confirm_programme(money.unconfirmed, by=clerk()))
    refused("payment_decided_by_another", lambda: confirm_payment(money.waiting, by=clerk()))
    refused("payment_decided_by_another", lambda: put(money.waiting, state="confirmed"))
    refused("payment_decided_by_another", lambda: put(money.waiting, state="refused", decided_by_id=clerk().pk))
    refused("project_approved_by_another", lambda: saved(make_project(village("东二村")), approved_by=clerk()))
    refused("project_approved_by_another", lambda: put(money.project, approved_by_id=clerk().pk))
    refused("ledger_entry_checked_by_another", lambda: put(money.entry, checked_by_id=clerk().pk))


def test_red_lines_cannot_be_stored(money: Money) -> None:
    for use in (*RED_LINES, "", "unknown"):
        refused("payment_use_is_allowed", lambda use=use: enter_payment(money.source, 1, "payment", use=use[:10]))
        refused("payment_use_is_allowed", lambda use=use: put(money.waiting, use=use[:10]))
    for use in ALLOWED_USES:
        enter_payment(money.source, 1, "payment", use=use)
    refused("payment_use_is_allowed", lambda: enter_payment(money.source, 1, "receipt", use="build"))


def test_a_movement_has_a_kind_an_amount_and_a_voucher(money: Money) -> None:
    refused("payment_kind_known", lambda: enter_payment(money.source, 1, "gift"))
    refused("payment_above_0", lambda: enter_payment(money.source, 0))
    refused("payment_above_0", lambda: put(money.waiting, amount=-5))
    refused("payment_has_voucher_number", lambda: put(money.waiting, voucher_number=""))
    refused("payment_state_known", lambda: put(money.waiting, state="maybe"))
    refused("reversal_has_reason", lambda: enter_payment(money.source, 250, "payment", reverses=money.paid, reason=""))


# --- Invariant 8: the ledger --------------------------------------------------------------------


def test_a_month_sums_its_entries_by_category_and_missing_is_not_zero(county: Unit) -> None:
    for number, category in enumerate(CATEGORIES[:-1], 1):
        make_entry(amount=number, category=category, voucher_number="" if category == "other" else "V")
    month = month_of()
    assert [getattr(month, category) for category in CATEGORIES] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    assert (month.entry_count, month.voucher_count) == (8, 7)
    assert (month.operating_income, month.income, month.expense) == (1 + 2 + 3 + 4, 21, 15)


def test_a_category_is_missing_again_once_its_last_entry_went(county: Unit) -> None:
    make_entry(amount=10)
    subsidy = make_entry(amount=0, category="subsidy")
    assert month_of().subsidy == 0
    subsidy.delete()
    assert month_of().subsidy is None
    LedgerEntry.objects.all().delete()
    month = month_of()
    assert (month.operating, month.entry_count, month.voucher_count) == (None, 0, 0)
    month.delete()


def test_an_entry_that_moves_leaves_one_month_and_enters_another(county: Unit) -> None:
    entry = make_entry(amount=10)
    make_entry(amount=1)
    saved(entry, month=JULY, day=date(2026, 7, 2), category="other", amount=Decimal("12.50"))
    june, july = month_of(), month_of(month=JULY)
    assert (june.operating, june.entry_count) == (1, 1)
    assert (july.operating, july.other, july.entry_count) == (None, Decimal("12.5"), 1)
    saved(entry, unit=village("东二村"), path=village("东二村").path)
    assert month_of(month=JULY).other is None
    moved = month_of(village("东二村"), JULY)
    assert (moved.other, moved.path) == (Decimal("12.5"), village("东二村").path)


def test_thousands_at_once_are_summed_by_village_and_month(county: Unit) -> None:
    one, two = village(), village("西二村")
    rows = [unsaved_entry(unit=unit, path=unit.path, amount=Decimal("0.01")) for unit in (one, two) for _ in range(5)]
    LedgerEntry.objects.all().delete()
    LedgerEntry.objects.bulk_create(rows * 1)
    assert month_of(one).operating == month_of(two).operating == Decimal("0.05")
    LedgerEntry.objects.filter(unit=one).update(amount=Decimal("0.10"))
    assert (month_of(one).operating, month_of(two).operating) == (Decimal("0.50"), Decimal("0.05"))
    LedgerEntry.objects.filter(unit=two).delete()
    assert month_of(two).operating is None


def test_a_reversal_takes_its_amount_back_to_zero_and_not_to_missing(money: Money) -> None:
    assert money.month.other == 0
    money.reversal.delete()
    assert money.month.other == 30


def test_income_and_expense_have_their_sign(money: Money) -> None:
    refused("ledger_amount_has_its_sign", lambda: make_entry(amount=-1))
    refused("ledger_amount_has_its_sign", lambda: put(money.entry, amount=-1))
    refused("ledger_category_known", lambda: make_entry(category="gift"))
    refused("ledger_reversal_has_reason", lambda: reverse_entry(money.entry, reason=""))
    refused("ledger_entry_has_a_day_or_is_a_total", lambda: make_entry(day=DAY, is_total=True))
    refused("ledger_entry_has_a_day_or_is_a_total", lambda: make_total(is_total=False))
    make_total(category="investment")
    refused(TWICE, lambda: make_total(category="investment"))


def test_a_month_is_closed_by_somebody(money: Money) -> None:
    refused("ledger_month_closed_by_somebody", lambda: put(money.month, closed_at=timezone.now()))
    refused("ledger_month_closed_by_somebody", lambda: put(money.month, closed_by_id=checker().pk))
    refused(
        TWICE,
        lambda: LedgerMonth.objects.create(unit=village(), path="x", month=MONTH),
    )


def test_a_receivable_is_settled_by_its_entries_and_no_further(money: Money) -> None:
    receivable = money.receivable

    def received() -> Decimal:
        receivable.refresh_from_db()
        return receivable.received

    assert (received(), receivable.missing) == (400, 600)
    refused("received_within_receivable", lambda: make_entry(amount="600.01", receivable=receivable))
    second = make_entry(amount=600, receivable=receivable)
    assert (received(), receivable.missing) == (1000, 0)
    back = reverse_entry(second)
    assert received() == 400
    back.delete()
    second.delete()
    assert received() == 400
    saved(money.settled, receivable=None)
    assert received() == 0
    LedgerEntry.objects.filter(pk=money.entry.pk).update(receivable=receivable)
    assert received() == 50
    refused("received_within_receivable", lambda: saved(receivable, amount=Decimal(49)))
    refused("received_within_receivable", lambda: make_back_more(receivable))


def make_back_more(receivable: Receivable) -> None:
    """Two villages cannot settle it together either, nor a bulk of entries each of which would fit."""
    LedgerEntry.objects.bulk_create([unsaved_entry(receivable=receivable, amount=Decimal(500)) for _ in range(2)])


# --- The guards themselves ----------------------------------------------------------------------


def test_every_trigger_of_the_migration_stands_in_the_database(db: None) -> None:
    """A migration that rebuilds a table on SQLite loses its triggers without a word; it has to install them again."""
    wanted = dict(
        re.findall(r"^CREATE TRIGGER (\w+) .*? ON (\w+)", statement, re.DOTALL)[0]
        for statement in statements()
        if statement.startswith("CREATE TRIGGER")
    )
    assert len(wanted) > 45
    assert stored() == wanted


def statements() -> list[str]:
    return list(GUARDS._postgresql() if connection.vendor == "postgresql" else GUARDS._sqlite())


def stored() -> dict[str, str]:
    """Triggers in force and their tables."""
    query = {
        "sqlite": "SELECT name, tbl_name FROM sqlite_master "
        "WHERE type = 'trigger' AND name LIKE 'collective_economy%%'",
        "postgresql": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgenabled = 'O' AND tgname LIKE 'collective_economy%%'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query, [])
        return dict(cursor.fetchall())


def test_the_guards_can_be_installed_twice_and_removed(db: None) -> None:
    before, editor = stored(), connection.schema_editor()
    GUARDS.install(None, editor)
    assert stored() == before
    GUARDS.remove(None, editor)
    assert stored() == {}
    GUARDS.install(None, editor)
    assert stored() == before
