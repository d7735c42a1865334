"""Sums that were set behind the triggers' back are named with their row; what ties is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import jobs, ticking
from accounts.models import Job, User
from accounts.roles import Role
from branches.models import Unit
from collective_economy import verifying
from collective_economy.models import (
    Instalment,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectShare,
    ProjectSource,
    Receivable,
)
from tests.collective_economy import ground
from tests.conftest import make_unit, make_user, without_guards

pytestmark = pytest.mark.django_db

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)


@pytest.fixture
def money(county: Unit) -> None:
    """Of every kind one that ties: a joint project with payments and a reversal, two closed months, a receivable."""
    east, other = ground.village("东一村"), ground.village("西一村")
    programme = ground.make_programme(amounts={"county": 100_000, "central": "50000.10"})
    project = ground.make_project(
        east, other, programme=programme, approved={"county": 60_000, "central": "0.30", "own": 500}
    )
    source, central, _own = project.sources.order_by("pk")
    ground.move(source, "30000.10")
    ground.move(source, "0.20")
    ground.move(source, "0.10", "payment")
    ground.reverse_payment(ground.move(source, 200, "payment"))
    ground.move(source, 5, "recall")
    ground.move(central, "0.30")
    Instalment.objects.create(project=project, condition="start", percent=30, amount="18000.09")
    Instalment.objects.create(project=project, condition="progress", percent=70, amount="42000.21")
    receivable = ground.make_receivable(ground.make_contract(east), 1000)
    entry = ground.make_entry(east, "400.10", receivable=receivable)
    ground.make_entry(east, "0.20", voucher_number="")
    ground.make_entry(east, 50, "management_cost")
    ground.make_entry(other, 70)
    LedgerMonth.objects.filter(unit=east).update(opening=Decimal("10.05"))
    ground.close_month(east)
    entry.refresh_from_db()
    ground.reverse_entry(entry, date(2026, 7, 3))
    LedgerMonth.objects.filter(unit=east, month=JULY).update(opening=Decimal("360.35"))


def told() -> dict[str, Any]:
    """What the command says in JSON, and that its status fits it."""
    output = StringIO()
    try:
        call_command("verify_funds", json=True, stdout=output)
        is_failed = False
    except CommandError:
        is_failed = True
    answer: dict[str, Any] = json.loads(output.getvalue())
    assert answer["tied"] is not is_failed
    return answer


def test_what_ties_is_counted_and_nothing_is_named(money: None) -> None:
    found = told()
    assert found["mismatches"] == []
    assert set(found["differing"].values()) == {0}
    assert found["checked"] == {
        "project_money": 3,
        "project_limits": 3,
        "approved_money": 3,
        "programme_money": 2,
        "programme_limits": 2,
        "payment_source": 7,
        "payment_reversal": 1,
        "payment_one_hand": 7,
        "programme_one_hand": 1,
        "project_one_hand": 1,
        "shares": 1,
        "instalments": 1,
        "ledger_month": 3,
        "ledger_without_month": 5,
        "ledger_opening": 2,
        "ledger_reversal": 1,
        "receivable": 1,
    }


def of_county(rows: Any) -> Any:
    return rows.filter(source="county")


DAMAGES: dict[str, tuple[Callable[[], Any], set[tuple[str, str, str, str]]]] = {
    "received set by hand": (
        lambda: of_county(ProjectSource.objects).update(received=Decimal("30000.31")),
        {("project_money", "received", "30000.31", "30000.30")},
    ),
    "paid set by hand": (
        lambda: of_county(ProjectSource.objects).update(paid=Decimal("200.10")),
        {("project_money", "paid", "200.10", "0.10")},
    ),
    "recalled set by hand": (
        lambda: of_county(ProjectSource.objects).update(recalled=0),
        {("project_money", "recalled", "0.00", "5.00")},
    ),
    "a confirmed payment is changed": (
        lambda: Payment.objects.filter(amount=Decimal("30000.10")).update(amount=Decimal("30000.11")),
        {("project_money", "received", "30000.30", "30000.31")},
    ),
    "a payment is deleted": (
        lambda: Payment.objects.filter(kind="recall").delete(),
        {("project_money", "recalled", "5.00", "0.00")},
    ),
    "allocated set by hand": (
        lambda: of_county(ProgrammeSource.objects).update(allocated=59_999),
        {("programme_money", "allocated", "59999.00", "60000.00")},
    ),
    "approved raised": (
        lambda: of_county(ProjectSource.objects).update(approved=60_001),
        {
            ("programme_money", "allocated", "60000.00", "60001.00"),
            ("instalments", "instalments", "60000.30", "60001.30"),
        },
    ),
    "approval lost": (
        lambda: Project.objects.update(approved_by=None),
        {
            ("approved_money", "approved", "60000.00", "0.00"),
            ("approved_money", "approved", "0.30", "0.00"),
            ("approved_money", "approved", "500.00", "0.00"),
        },
    ),
    "programme no longer confirmed": (
        lambda: Programme.objects.update(confirmed_by=None),
        {("approved_money", "approved", "60000.00", "0.00"), ("approved_money", "approved", "0.30", "0.00")},
    ),
    "a share lowered": (
        lambda: ProjectShare.objects.filter(unit__name="东一村").update(percent=Decimal("49.9999")),
        {("shares", "percent", "99.9999", "100.0000")},
    ),
    "an instalment too high": (
        lambda: Instalment.objects.filter(condition="start").update(amount=Decimal("18000.10")),
        {("instalments", "instalments", "60000.31", "60000.30")},
    ),
    "a month's sum set by hand": (
        lambda: LedgerMonth.objects.filter(unit__name="西一村").update(operating=Decimal("70.01")),
        {("ledger_month", "operating", "70.01", "70.00")},
    ),
    "zero where nothing was entered": (
        lambda: LedgerMonth.objects.filter(unit__name="西一村").update(subsidy=0),
        {("ledger_month", "subsidy", "0.00", "")},
    ),
    "counts set by hand": (
        lambda: LedgerMonth.objects.filter(unit__name="西一村").update(entry_count=2, voucher_count=0),
        {("ledger_month", "entry_count", "2", "1"), ("ledger_month", "voucher_count", "0", "1")},
    ),
    "a month is gone": (
        lambda: LedgerMonth.objects.filter(unit__name="西一村").delete(),
        {("ledger_without_month", "entry_count", "0", "1")},
    ),
    "an entry of a closed month is gone": (
        lambda: LedgerEntry.objects.filter(amount=Decimal("0.20")).delete(),
        {("ledger_month", "operating", "400.30", "400.10"), ("ledger_month", "entry_count", "3", "2")},
    ),
    "an opening balance that does not follow": (
        lambda: LedgerMonth.objects.filter(month=JULY).update(opening=Decimal("360.34")),
        {("ledger_opening", "opening", "360.34", "360.35")},
    ),
    "received of a receivable set by hand": (
        lambda: Receivable.objects.update(received=Decimal("400.10")),
        {("receivable", "settled", "400.10", "0.00")},
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_behind_the_triggers_is_named(money: None, name: str) -> None:
    damage, expected = DAMAGES[name]
    with without_guards(connection):
        damage()
    found = told()
    assert {(one["kind"], one["column"], one["stored"], one["computed"]) for one in found["mismatches"]} == expected


def without_check(table: str, name: str) -> None:
    """The check constraint is gone, as after a hand's ALTER TABLE; SQLite can be told to look past all of them."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


@pytest.fixture
def with_checks_again() -> Iterator[None]:
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def test_a_payment_confirmed_by_who_entered_it_is_named(money: None, with_checks_again: None) -> None:
    without_check(Payment._meta.db_table, "payment_decided_by_another")
    with without_guards(connection):
        Payment.objects.filter(kind="recall").update(decided_by=ground.clerk())
    (mismatch,) = told()["mismatches"]
    payment = Payment.objects.get(kind="recall")
    assert (mismatch["kind"], mismatch["row"], mismatch["named"], mismatch["stored"]) == (
        "payment_one_hand", payment.pk, payment.voucher_number, "yes",
    )  # fmt: skip


def test_more_paid_than_received_is_named_twice(money: None, with_checks_again: None) -> None:
    without_check(ProjectSource._meta.db_table, "paid_within_received")
    with without_guards(connection):
        of_county(ProjectSource.objects).update(paid=40_000)
    found = {(one["kind"], one["column"], one["stored"], one["computed"]) for one in told()["mismatches"]}
    assert found == {
        ("project_money", "paid", "40000.00", "0.10"),
        ("project_limits", "paid_and_recalled", "40005.00", "30000.30"),
    }


def test_lines_name_place_row_and_both_values(money: None) -> None:
    with without_guards(connection):
        Receivable.objects.update(received=7)
    output = StringIO()
    with pytest.raises(CommandError, match=r"^1 rows do not tie\.$"):
        call_command("verify_funds", stdout=output)
    row = Receivable.objects.get()
    assert f"receivable: 东一村, row {row.pk} (2026-06-15), settled: stored 7.00, computed 0.00" in output.getvalue()


def test_beyond_the_listed_rows_all_are_counted(money: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "LISTED", 1)
    with without_guards(connection):
        LedgerMonth.objects.update(investment=1)
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_funds", stdout=output)
    assert "ledger_month: 3 checked, 3 DO NOT TIE" in output.getvalue()
    assert "more rows are not listed" in output.getvalue()


def test_each_kind_is_one_statement(money: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(len(verifying.CHECKS)):
        verifying.verify()


# --- By the ticker, for the operator and for the county ---------------------------------------


def checked_by_ticker() -> Job:
    with ticking.replaced({"collective_economy.verify_funds": (verifying.ask_daily, timedelta(days=1))}):
        ticking.hold("ticker")
        now = timezone.now()
        assert ticking.tick("ticker", now) == ["collective_economy.verify_funds"]
        assert ticking.tick("ticker", now + timedelta(hours=23)) == []
    job = Job.objects.get(kind=verifying.JOB)
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def in_english(client: Client, user: User) -> None:
    client.force_login(user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"


def test_the_ticker_asks_once_a_day_and_the_job_keeps_what_was_found(money: None) -> None:
    job = checked_by_ticker()
    assert (job.state, job.requested_by, job.message) == (Job.State.SUCCEEDED, None, verifying.TIES)
    assert job.done == job.total == sum(job.result["checked"].values())


def test_the_operator_reads_counts_and_no_names(money: None, client: Client) -> None:
    with without_guards(connection):
        Receivable.objects.update(received=7)
    job = checked_by_ticker()
    in_english(client, make_user("operator", Role.SA, Unit.objects.get(kind="county")))
    page = client.get(reverse("admin:accounts_job_changelist")).content.decode()
    assert f"{job.total - 1} / {job.total}" in page
    assert verifying.DOES_NOT_TIE in page
    assert "东一村" not in page
    assert client.get(reverse("collective_economy:verification")).status_code == 403


def page_for(client: Client, user: User) -> str:
    in_english(client, user)
    response = client.get(reverse("collective_economy:verification"))
    assert response.status_code == 200
    return response.content.decode()


def test_the_county_reads_what_does_not_tie_with_its_place(money: None, client: Client, county_admin: User) -> None:
    assert "No check has ended yet" in page_for(client, county_admin)
    with without_guards(connection):
        Receivable.objects.update(received=7)
    checked_by_ticker()
    page = page_for(client, county_admin)
    assert "1 sum does not tie with its entries" in page
    assert "东一村" in page
    assert "7.00" in page


def test_another_county_reads_nothing_of_it(money: None, client: Client) -> None:
    foreign = make_unit(Unit.objects.get(kind="city"), "county", "邻县")
    with without_guards(connection):
        Receivable.objects.update(received=7)
    checked_by_ticker()
    page = page_for(client, make_user("foreign_staff", Role.CS, foreign))
    assert "东一村" not in page
    assert "7.00" not in page
    assert "Every kept sum is what its entries sum to." in page


def test_the_county_checks_at_once_and_one_check_runs_at_a_time(
    money: None, client: Client, county_admin: User
) -> None:
    client.force_login(county_admin)
    for _time in range(2):
        answer = client.post(reverse("collective_economy:verification_start"))
        assert (answer.status_code, answer["Location"]) == (302, reverse("collective_economy:verification"))
    job = Job.objects.get(kind=verifying.JOB)
    assert job.requested_by == county_admin
    assert "A check is under way" in page_for(client, county_admin)
    jobs.run(job.pk)
    assert "Every kept sum is what its entries sum to." in page_for(client, county_admin)
