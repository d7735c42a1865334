"""The people of the demo county: invented beyond doubt, the same for the same seed, written with few queries."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from branches.models import Unit
from cadres.models import Person, Posting, ReserveCadre, Residency, Training
from config.demo.county import VillageFigures
from config.demo.people import make_people
from imports.identity import read_identity
from tests.conftest import make_unit

TODAY = date(2026, 11, 26)

pytestmark = pytest.mark.django_db


def made(county: Unit, *, seed_number: int = 7) -> int:
    townships = {unit.path: User.objects.get(username="xianwei") for unit in Unit.objects.townships()}
    villages = list(Unit.objects.villages().order_by("path"))
    figures = {unit.pk: VillageFigures(1700, 480, 50, "hub", "band_1", 0.75) for unit in villages}
    by = User.objects.get(username="xianwei")
    return make_people(county, villages, figures, recorder=townships, by=by, seed_number=seed_number, today=TODAY)


def roster() -> list[tuple[str, str, str | None]]:
    return [(person.name, str(person.birth), person.identity_number) for person in Person.objects.order_by("pk")]


@pytest.fixture
def large_county(county: Unit) -> Unit:
    """Enough villages for everything to occur."""
    User.objects.create(username="xianwei", name="林晓")
    for township in Unit.objects.townships():
        for number in range(12):
            make_unit(Unit.objects.get(pk=township.pk), "village", f"{township.name[0]}{number}村")
    return county


def test_numbers_are_valid_and_of_no_place_and_phones_of_no_network(large_county: Unit) -> None:
    assert made(large_county) == Person.objects.count() > 29 * 5
    numbers = [person.identity_number for person in Person.objects.filter(identity_number__isnull=False)]
    assert {read_identity(number or "", TODAY).code for number in numbers} == {""}
    assert {(number or "")[:6] for number in numbers} == {"000000"}
    assert {person.phone[:3] for person in Person.objects.all()} == {"000"}


def test_each_village_has_one_secretary_at_most_and_a_team(large_county: Unit) -> None:
    made(large_county)
    in_post = Posting.objects.held_on(TODAY)
    secretaries = Counter(in_post.filter(post=Posting.Post.SECRETARY).values_list("unit", flat=True))
    assert set(secretaries.values()) == {1}
    assert len(secretaries) > 20
    assert ReserveCadre.objects.filter(stage="promoted").exists()
    assert ReserveCadre.objects.open().exists()
    assert Residency.objects.exists()
    assert Training.objects.filter(unit=large_county).exists()


def test_each_row_that_people_would_write_has_its_event(large_county: Unit) -> None:
    made(large_county)
    told = AuditEvent.objects.filter(event__startswith="cadres.add_").values_list("target_type", flat=True)
    assert Counter(told)["cadres.person"] == Person.objects.count()
    assert Counter(told)["cadres.posting"] == Posting.objects.count()
    assert not [event for event in AuditEvent.objects.all() if "000000" in str(event.changes)]


def test_the_same_seed_gives_the_same_people_and_a_second_run_adds_none(large_county: Unit) -> None:
    with transaction.atomic():
        made(large_county)
        first = roster()
        transaction.set_rollback(True)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        made(large_county)
    assert roster() == first
    assert len(queries) < 60
    assert made(large_county, seed_number=8) == 0
