"""The reference district's 40.35 million yuan for 210 villages: followed to the cent, whatever way it is summed."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from branches.models import Unit
from collective_economy import verifying
from collective_economy.models import (
    Instalment,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    Project,
    ProjectSource,
    Receivable,
)
from collective_economy.sharing import allocate
from config.demo.reference import AMOUNT, VILLAGES, county_of, make_reference_programme, people_of

pytestmark = pytest.mark.django_db

NOW = timezone.make_aware(datetime(2026, 11, 26, 9))


@pytest.fixture
def district() -> Unit:
    district = county_of("")
    make_reference_programme(district, people_of(district, NOW), seed_number=7, now=NOW)
    return district


def total(rows: object, name: str) -> Decimal:
    """Summed in Python: exact on both databases."""
    return sum(rows.values_list(name, flat=True), Decimal(0))  # type: ignore[attr-defined]


def test_every_yuan_is_found_again_from_programme_to_village_and_back(district: Unit) -> None:
    villages = Unit.objects.under(district.path).villages()
    assert villages.count() == VILLAGES == 210
    programme = Programme.objects.get()
    grants = {grant.source: grant for grant in programme.sources.all()}
    assert {source: grant.amount for source, grant in grants.items()} == {
        "central": Decimal("24210000.00"), "province": Decimal("8070000.00"), "city": Decimal("4035000.00"),
        "county": Decimal("4035000.00"),
    }  # fmt: skip
    assert total(programme.sources, "amount") == AMOUNT == Decimal("40350000.00")
    assert all(grant.allocated == grant.amount for grant in grants.values())

    sources = ProjectSource.objects.all()
    assert total(sources, "approved") == AMOUNT
    by_village: dict[int, Decimal] = defaultdict(Decimal)
    for project in Project.objects.prefetch_related("sources", "shares", "instalments"):
        approved = sum((source.approved for source in project.sources.all()), Decimal(0))
        shares = list(project.shares.all())
        assert sum(share.percent for share in shares) == 100
        assert sum(row.amount for row in project.instalments.all()) == approved
        for share, part in zip(shares, allocate(approved, [share.percent for share in shares]), strict=True):
            by_village[share.unit_id] += part
    assert sum(by_village.values()) == AMOUNT
    assert by_village.keys() == set(villages.values_list("pk", flat=True))
    assert Decimal(190_000) < sum(by_village.values()) / len(by_village) < Decimal(193_000)
    assert Decimal(100_000) < min(by_village.values()) < max(by_village.values()) < Decimal(300_000)

    for kind, column in (("receipt", "received"), ("payment", "paid"), ("recall", "recalled")):
        assert total(Payment.objects.filter(kind=kind, state="confirmed"), "amount") == total(sources, column)
    assert 0 < total(sources, "paid") < total(sources, "received") < AMOUNT
    balance = sum((source.balance for source in sources), Decimal(0))
    assert balance == total(sources, "received") - total(sources, "paid")
    assert verifying.verify().mismatches == ()


def test_joint_projects_lie_above_their_villages_and_instalments_come_one_after_another(district: Unit) -> None:
    joint = [project for project in Project.objects.prefetch_related("shares") if len(project.shares.all()) > 1]
    assert len(joint) == 12
    assert {len(project.shares.all()) for project in joint} == {5}
    assert {project.unit.kind for project in joint} == {"township"}
    conditions = ["start", "progress", "acceptance", "retention"]
    for project in Project.objects.all():
        came = set(
            Payment.objects.filter(project=project, kind="receipt").values_list("instalment__condition", flat=True)
        )
        assert came == set(conditions[: len(came)])
        for instalment in Instalment.objects.filter(project=project, condition__in=came):
            assert total(instalment.payments, "amount") == instalment.amount


def test_income_comes_after_and_is_the_sum_of_its_entries(district: Unit) -> None:
    entries = LedgerEntry.objects.all()
    months = LedgerMonth.objects.aggregate(operating=Sum("operating"), investment=Sum("investment"))
    by_months = sum((amount.quantize(Decimal("0.01")) for amount in months.values() if amount), Decimal(0))
    assert total(entries, "amount") == by_months == total(Receivable.objects.all(), "received") > 3_000_000
    earning = set(Project.objects.filter(stage__in=("operate", "done")).values_list("pk", flat=True))
    assert set(entries.values_list("project_id", flat=True)) == earning
    assert not entries.exclude(unit__in=Unit.objects.filter(project_shares__project__in=earning)).exists()


def test_the_command_makes_its_own_district_once_and_tells_what_it_wrote() -> None:
    output = StringIO()
    call_command("seed_reference_programme", json=True, stdout=output)
    told = json.loads(output.getvalue())
    assert (told["villages"], told["projects"], told["approved"]) == (210, 162, "40350000.00")
    assert Decimal(told["received"]) == total(ProjectSource.objects.all(), "received")
    assert Decimal(told["paid"]) == total(ProjectSource.objects.all(), "paid")
    for account in told["accounts"].values():
        assert User.objects.get(username=account["user"]).check_password(account["password"])
    with pytest.raises(CommandError, match="already"):
        call_command("seed_reference_programme", stdout=StringIO())
    with pytest.raises(CommandError, match="111111"):
        call_command("seed_reference_programme", county="111111", stdout=StringIO())


def test_a_loaded_county_gets_the_same_sum_for_its_own_villages(county: Unit) -> None:
    output = StringIO()
    call_command("seed_reference_programme", county="990101", json=True, stdout=output)
    told = json.loads(output.getvalue())
    assert (told["villages"], told["approved"]) == (5, "40350000.00")
    assert total(ProjectSource.objects.all(), "approved") == AMOUNT
    assert verifying.verify().mismatches == ()
