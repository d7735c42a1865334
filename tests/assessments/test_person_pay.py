"""What somebody is paid, on the page of the person, for those who may see pay there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assessments.models import PayLine, PaySheet
from branches.models import Unit
from cadres.models import Person
from cadres.village_results import pay_of
from tests.assessments.pay_ground import make_holder

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def paid(county: Unit, county_admin: User) -> Person:
    village = Unit.objects.get(name="东一村")
    person = make_holder(village, "陈书记", 10)
    east = Unit.objects.get(name="东乡")
    sheet = PaySheet.objects.create(
        unit=east, path=east.path, month=date(2026, 10, 1), prepared_by=county_admin, prepared_at=NOW
    )
    for number, (month, cents, note) in enumerate(
        ((date(2026, 10, 1), 100_000, ""), (date(2026, 9, 1), -50_000, "flag_changed")), start=1
    ):
        PayLine.objects.create(
            sheet=sheet, number=number, path=village.path, village=village, person=person, role_group="secretary",
            for_month=month, flags=[{"award": 1, "code": "F1", "cents": cents}], uplift_cents=cents,
            amount_cents=cents, note=note,
        )  # fmt: skip
    return person


def test_lines_stand_newest_first_with_differences(paid: Person, east_editor: User, west_editor: User) -> None:
    lines = pay_of(east_editor, paid.pk)
    assert [(line.for_month, line.amount, line.flags) for line in lines] == [
        (date(2026, 10, 1), Decimal(1000), 1),
        (date(2026, 9, 1), Decimal(-500), 1),
    ]
    assert [line.note for line in lines] == ["", str(PayLine.Note.FLAG_CHANGED.label)]
    assert pay_of(west_editor, paid.pk) == []


def test_the_page_of_a_person_shows_them(paid: Person, east_editor: User, client: Client) -> None:
    client.force_login(east_editor)
    html = client.get(reverse("cadres:person", args=[paid.pk])).content.decode()
    assert "1,000.00" in html
    assert "−500.00" in html
    line = PayLine.objects.get(for_month=date(2026, 9, 1))
    assert reverse("assessments:pay_line", args=[line.pk]) in html
