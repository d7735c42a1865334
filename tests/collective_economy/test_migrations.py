"""The way of old data into the new tables: totals that sheets brought become months with sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from branches.models import Unit
from collective_economy.models import LedgerEntry, LedgerMonth
from tests.collective_economy.ground import checker, make_entry, month_of, village

APP, BEFORE = "collective_economy", "0001_ledger"
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(*targets: tuple[str, str]) -> StateApps:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.fixture
def old(transactional_db: None) -> Iterator[StateApps]:
    """The database as the release before had it; at the end it is as the code wants it again."""
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        yield migrate((APP, BEFORE))
    finally:
        migrate(*leaves)


def test_old_totals_become_months_with_their_sums(county: Unit, old: StateApps) -> None:
    entries: Any = old.get_model(APP, "LedgerEntry").objects
    one, two = village("东一村"), village("西一村")
    for unit, month, category, amount in (
        (one, JUNE, "operating", "100.10"),
        (one, JUNE, "subsidy", "0"),
        (one, JULY, "other_operating", "7.05"),
        (two, JUNE, "operating", "0.20"),
        (two, JUNE, "contract", "12345678901.99"),
    ):
        entries.create(unit_id=unit.pk, month=month, category=category, amount=Decimal(amount))
    leaves = [leaf for leaf in MigrationExecutor(connection).loader.graph.leaf_nodes() if leaf[0] == APP]
    migrate(*leaves)
    assert set(LedgerEntry.objects.values_list("unit_id", "path", "is_total", "day", "account", "entered_by")) == {
        (one.pk, one.path, True, None, "collective", None),
        (two.pk, two.path, True, None, "collective", None),
    }
    june = month_of(one, JUNE)
    assert (june.path, june.operating, june.subsidy, june.other, june.other_cost) == (
        one.path,
        Decimal("100.10"),
        Decimal(0),
        None,
        None,
    )
    assert (june.entry_count, june.voucher_count, june.opening, june.closed_at, june.version) == (2, 0, None, None, 1)
    assert month_of(one, JULY).operating_income == Decimal("7.05")
    assert month_of(two, JUNE).operating_income == Decimal("12345678902.19")
    assert LedgerMonth.objects.count() == 3
    # From here on the database keeps them.
    make_entry(one, amount="0.90", category="investment", day=date(2026, 6, 3))
    LedgerEntry.objects.filter(unit=one, category="operating").update(amount=1)
    assert month_of(one, JUNE).operating_income == Decimal("1.90")
    LedgerMonth.objects.filter(unit=one, month=JUNE).update(closed_by=checker(), closed_at="2026-08-01T00:00:00Z")
