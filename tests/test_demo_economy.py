"""The economy of the demo county: projects in all stages, ledgers that tie, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEvent, User
from branches.models import Unit
from collective_economy import income_sources, verifying
from collective_economy.models import (
    Asset,
    AuditFinding,
    BandRules,
    Contract,
    IncomeTarget,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    Project,
    ProjectSource,
    Receivable,
    VillagePlan,
)
from collective_economy.models.programmes import SUPPORT
from config.demo.county import VillageFigures
from config.demo.economy import make_economy
from config.demo.projects import EconomyCast
from tests.conftest import make_unit

pytestmark = pytest.mark.django_db

Figures = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]
NOW = timezone.make_aware(datetime(2026, 11, 26, 9))
BANDS = ("none", "shell", "weak", "ordinary", "good", "strong", "very_strong")


def made(county: Unit, *, seed_number: int = 7, now: datetime = NOW, shown: str = "东乡") -> None:
    people = {
        name: User.objects.get_or_create(username=name, defaults={"name": name})[0]
        for name in ("jingji", "xianwei", "buzhang", "xiangzhen")
    }
    villages = list(Unit.objects.under(county.path).villages().order_by("path"))
    sizes = {
        unit.pk: VillageFigures(1700, 480, 50, "hub", BANDS[place % len(BANDS)], 0.75)
        for place, unit in enumerate(villages)
    }
    secretaries = {unit.path: people["xiangzhen"] for unit in Unit.objects.townships()}
    cast = EconomyCast(people["jingji"], people["xianwei"], people["buzhang"], secretaries)
    make_economy(county, Unit.objects.get(name=shown), villages, sizes, cast, seed_number=seed_number, now=now)


def figures() -> Figures:
    entries = LedgerEntry.objects.order_by("unit__name", "month", "category", "amount", "day", "voucher_number")
    payments = Payment.objects.order_by("project__number", "paid_on", "kind", "amount", "state")
    return (
        list(entries.values_list("unit__name", "month", "day", "category", "amount", "voucher_number")),
        list(payments.values_list("project__number", "project__name", "kind", "amount", "paid_on", "state")),
    )


def make_county() -> Unit:
    """A county with enough villages for everything to occur: 20 in each of two townships."""
    province = make_unit(None, "province", "测试省", "99")
    city = make_unit(province, "city", "测试市", "9901")
    county = make_unit(city, "county", "青禾县", "990101")
    for name in ("东乡", "西乡"):
        township = make_unit(Unit.objects.get(pk=county.pk), "township", name)
        for number in range(20):
            make_unit(Unit.objects.get(pk=township.pk), "village", f"{name[0]}{number}村")
    return Unit.objects.get(pk=county.pk)


@pytest.fixture(scope="module")
def first_figures(django_db_setup: None, django_db_blocker: Any) -> Iterator[Figures]:
    """The county as it stands in every test of this file, made once; what an earlier run with the same seed gave."""
    with django_db_blocker.unblock(), transaction.atomic():
        county = make_county()
        with transaction.atomic():
            made(county)
            first = figures()
            transaction.set_rollback(True)
        made(county)
        yield first
        transaction.set_rollback(True)


@pytest.fixture
def large_county(first_figures: Figures) -> Unit:
    return Unit.objects.get(kind="county")


def test_projects_stand_in_all_stages_and_their_money_ties(large_county: Unit) -> None:
    assert Programme.objects.filter(confirmed_by__username="xianwei").count() == 3
    assert set(Project.objects.values_list("stage", flat=True)) >= {
        "pool", "apply", "review", "approve", "implement", "pay", "accept", "operate", "audit", "done", "stopped",
        "dropped",
    }  # fmt: skip
    joint = [project for project in Project.objects.all() if project.shares.count() > 1]
    assert {project.unit.kind for project in joint} <= {"township", "county"}
    assert len(joint) == 3
    stopped = ProjectSource.objects.filter(project__stage="stopped", source__in=SUPPORT)
    assert all(source.recalled and not source.balance for source in stopped)
    done = ProjectSource.objects.filter(project__stage="done", project__year=2024, source__in=SUPPORT)
    assert all(source.approved == source.received == source.paid for source in done)
    assert Counter(Payment.objects.values_list("state", flat=True)).keys() == {"entered", "confirmed", "refused"}
    assert Payment.objects.filter(reverses__isnull=False).count() == 1
    assert not Payment.objects.filter(decided_by=F("entered_by")).exists()
    assert {project.approved_by.username for project in Project.objects.filter(approved_by__isnull=False)} == {
        "buzhang"
    }
    assert verifying.verify().mismatches == ()
    assert Contract.objects.filter(kind="share", project__isnull=False, guarantee="").exists()
    assert Project.objects.filter(accepted_on__isnull=False, assets__isnull=True).exists()
    assert Asset.objects.filter(state="idle").exists()
    assert AuditFinding.objects.filter(closed_on__isnull=True).count() == 2
    assert AuditFinding.objects.filter(closed_on__isnull=False).count() == 1


def test_ledgers_go_back_two_years_and_are_closed_to_the_month_before_last(large_county: Unit) -> None:
    villages = Unit.objects.villages().count()
    months = LedgerMonth.objects.order_by("month")
    assert str(months.first()) == "2024-01"
    assert str(months.last()) == "2026-11"
    closed = months.filter(closed_at__isnull=False)
    assert {f"{month:%Y-%m}" for month in closed.values_list("month", flat=True)} == {
        f"{year}-{month:02}" for year in (2024, 2025, 2026) for month in range(1, 13) if (year, month) <= (2026, 9)
    }
    assert closed.count() == villages * 33
    assert not closed.filter(opening__isnull=True).exists()
    assert not LedgerEntry.objects.filter(month__lt="2026-10-01", checked_by__isnull=True).exists()
    assert LedgerEntry.objects.filter(reverses__isnull=False).count() == 1
    overdue = Receivable.objects.filter(due_on__lt=NOW.date(), received__lt=F("amount"))
    assert 0 < overdue.count() < Receivable.objects.filter(received=F("amount")).count()
    told = AuditEvent.objects.filter(
        event__in=[f"collective_economy.{verb}_ledgerentry" for verb in ("add", "enter", "reverse")]
    )
    assert told.values("target_id").distinct().count() == LedgerEntry.objects.count()


def test_income_is_near_its_target_and_plans_bands_and_targets_are_there(large_county: Unit) -> None:
    villages = list(Unit.objects.villages().values_list("pk", flat=True))
    readings = income_sources.income_progress(villages, NOW.date().replace(month=10, day=1))
    assert len(readings) == len(villages)
    percents = sorted(reading.value * 100 / (reading.of or 1) for reading in readings.values())
    assert percents[len(percents) // 10] > Decimal(65)
    assert percents[len(percents) // 2] < Decimal(112)
    assert IncomeTarget.objects.filter(year=2026).count() == len(villages)
    assert VillagePlan.objects.filter(path__startswith=Unit.objects.get(name="东乡").path).count() == 20
    assert BandRules.objects.get(unit=large_county).first_year == 2024


def test_the_same_seed_gives_the_same_yuan_and_a_second_run_adds_none(
    large_county: Unit, first_figures: Figures
) -> None:
    assert figures() == first_figures
    made(large_county, seed_number=8)
    assert figures() == first_figures


@pytest.mark.parametrize("day", [datetime(2027, 1, 2, 9), datetime(2028, 2, 29, 23)])
def test_it_can_be_made_on_any_day(first_figures: Figures, day: datetime) -> None:
    other = make_unit(Unit.objects.get(kind="city"), "county", "邻县")
    for name in ("南乡", "北乡"):
        township = make_unit(Unit.objects.get(pk=other.pk), "township", name)
        for number in range(4):
            make_unit(Unit.objects.get(pk=township.pk), "village", f"{name[0]}{number}村")
    made(Unit.objects.get(pk=other.pk), now=timezone.make_aware(day), shown="南乡")
    assert verifying.verify().mismatches == ()
    assert not Payment.objects.filter(paid_on__gt=day.date()).exists()
    assert not LedgerEntry.objects.filter(day__gt=day.date()).exists()
