"""Bonuses, penalties and vetoes: what the county enters, on the service and on the page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, User
from assessments.models import Adjustment, Period
from assessments.services.adjustments import record_adjustment, void_adjustment
from branches.models import Unit
from tests.assessments.month import full_month, make_month

GIVEN: dict[str, Any] = {
    "item_code": "P1",
    "level": "市级",
    "count": 1,
    "document": "青组发〔2026〕21 号",
    "happened_on": date(2026, 9, 12),
    "evidence": "",
}


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county, full_month(), state=Period.State.OPEN)


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_entry_is_kept_with_its_document_and_event(period: Period, village: Unit, county_admin: User) -> None:
    row = record_adjustment(period, village, **GIVEN, by=county_admin)
    assert (row.item_code, row.level, row.document, row.entered_by) == ("P1", "市级", GIVEN["document"], county_admin)
    event = AuditEvent.objects.get(event="assessments.add_adjustment")
    assert event.changes["document"] == [None, GIVEN["document"]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"item_code": "P9"}, "item_unknown"),
        ({"item_code": "N2", "level": "每个工作日"}, "item_unknown"),
        ({"level": "国家级"}, "level_unknown"),
        ({"count": 0}, "count_out_of_range"),
        ({"count": 21}, "count_out_of_range"),
        ({"document": "  "}, "document_missing"),
        ({"item_code": "V3", "level": ""}, "evidence_missing"),
        ({"item_code": "V3", "level": "", "evidence": "查实", "count": 2}, "count_out_of_range"),
        ({"happened_on": date(2026, 10, 1)}, "date_after_month"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(period: Period, village: Unit, county_admin: User, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        record_adjustment(period, village, **{**GIVEN, **change}, by=county_admin)
    assert refused.value.code == code
    assert not Adjustment.objects.exists()


def test_a_village_outside_the_month_is_refused(period: Period, county: Unit, county_admin: User) -> None:
    with pytest.raises(ValidationError) as refused:
        record_adjustment(period, Unit.objects.get(name="东乡"), **GIVEN, by=county_admin)
    assert refused.value.code == "village_unknown"


@pytest.mark.parametrize("state", ["computed", "published"])
def test_a_computed_month_takes_no_entry(period: Period, village: Unit, county_admin: User, state: str) -> None:
    row = record_adjustment(period, village, **GIVEN, by=county_admin)
    Period.objects.update(state=state)
    for attempt in (
        lambda: record_adjustment(period, village, **GIVEN, by=county_admin),
        lambda: void_adjustment(row, reason="误录", by=county_admin),
    ):
        with pytest.raises(ValidationError) as refused:
            attempt()
        assert refused.value.code == "month_closed"
    assert Adjustment.objects.get().is_void is False


def test_taking_back_needs_a_reason_and_happens_once(period: Period, village: Unit, county_admin: User) -> None:
    row = record_adjustment(period, village, **GIVEN, by=county_admin)
    with pytest.raises(ValidationError) as refused:
        void_adjustment(row, reason=" ", by=county_admin)
    assert refused.value.code == "reason_missing"
    assert void_adjustment(row, reason="误录", by=county_admin).is_void
    with pytest.raises(ValidationError) as refused:
        void_adjustment(row, reason="误录", by=county_admin)
    assert refused.value.code == "void"
    assert AuditEvent.objects.get(event="assessments.void_adjustment").reason == "误录"


# The page


def posted(village: Unit, **change: Any) -> dict[str, Any]:
    return {
        "village": village.pk,
        "choice": "P1|市级",
        "count": "1",
        "document": GIVEN["document"],
        "happened_on": "2026-09-12",
        "evidence": "",
        **change,
    }


def test_county_staff_record_on_the_page(period: Period, village: Unit, county_admin: User) -> None:
    client = client_of(county_admin)
    url = reverse("assessments:adjustment_new", args=[period.pk])
    answer = client.post(url, posted(village), follow=True)
    assert Adjustment.objects.get().village == village
    assert "青组发〔2026〕21 号" in answer.content.decode()


def test_what_was_typed_stays_with_the_sentence(period: Period, village: Unit, county_admin: User) -> None:
    url = reverse("assessments:adjustment_new", args=[period.pk])
    answer = client_of(county_admin).post(url, posted(village, choice="V3|"))
    assert answer.status_code == 422
    assert "一票否决须写明事实依据。" in answer.content.decode()
    assert GIVEN["document"] in answer.content.decode()
    assert not Adjustment.objects.exists()


def test_a_township_reads_its_own_and_enters_nothing(
    period: Period, village: Unit, county_admin: User, east_editor: User, west_editor: User
) -> None:
    row = record_adjustment(period, village, **GIVEN, by=county_admin)
    shown = client_of(east_editor).get(reverse("assessments:adjustment_list")).content.decode()
    hidden = client_of(west_editor).get(reverse("assessments:adjustment_list")).content.decode()
    assert GIVEN["document"] in shown
    assert GIVEN["document"] not in hidden
    assert client_of(east_editor).get(reverse("assessments:adjustment_new", args=[period.pk])).status_code == 403
    assert client_of(east_editor).post(reverse("assessments:adjustment_void", args=[row.pk])).status_code == 403
    assert Adjustment.objects.get().is_void is False
