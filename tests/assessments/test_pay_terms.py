"""Rates and rules of pay: entered, approved by another, never overwritten, late ones only as a correction."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent
from assessments.models import PayRules, UpliftRate
from assessments.services.pay_terms import (
    NewRate,
    NewRules,
    approve_rates,
    approve_rules,
    discard_rates,
    discard_rules,
    enter_rates,
    enter_rules,
)
from branches.models import Unit
from cadres import codes
from tests.assessments.pay_ground import JULY, Ground, make_ground, noon, prepare, run_month

pytestmark = pytest.mark.django_db

AUGUST = date(2026, 8, 1)
DOCUMENT = "青组发〔2026〕9 号"


@pytest.fixture
def ground(county: Unit) -> Ground:
    return make_ground(county, held="东一村 F1")


def rate(group: str = "secretary", amount: str = "600", **more: Any) -> NewRate:
    return NewRate(role_group=group, amount=Decimal(amount), **more)


def rules(**more: Any) -> NewRules:
    return NewRules(**{"other_posts": [50], "grade_shares": {"excellent": Decimal("1.2")}, **more})


def code_of(error: Any) -> str:
    found = error.value.error_dict.values() if hasattr(error.value, "error_dict") else [error.value.error_list]
    return next(iter(found))[0].code


def test_a_rate_counts_when_a_second_person_has_approved_it(ground: Ground) -> None:
    made = enter_rates(ground.county, [rate(), rate("other", "350.50")], JULY, DOCUMENT, by=ground.cast.staff)
    assert prepare(ground, JULY)[0].total_cents == 120_000
    with pytest.raises(PermissionDenied):
        approve_rates([row.pk for row in made], by=ground.cast.staff, now=noon(JULY))
    approve_rates([row.pk for row in made], by=ground.cast.leader, now=noon(JULY))
    assert prepare(ground, JULY)[0].total_cents == 60_000 + 40_000 + 35_050
    assert AuditEvent.objects.filter(event="assessments.enter_upliftrate").count() == 2
    assert AuditEvent.objects.filter(event="assessments.approve_upliftrate").count() == 2


@pytest.mark.parametrize(
    ("rates", "month", "document", "code"),
    [
        ([], JULY, DOCUMENT, "empty"),
        ([rate()], date(2026, 7, 2), DOCUMENT, "not_a_month"),
        ([rate()], JULY, "  ", "no_document"),
        ([rate(amount="-1")], JULY, DOCUMENT, "wrong_rate"),
        ([rate(amount="1.005")], JULY, DOCUMENT, "wrong_rate"),
        ([rate("mayor")], JULY, DOCUMENT, "wrong_rate"),
        ([rate(kind="weekly")], JULY, DOCUMENT, "wrong_rate"),
        ([rate(kind="performance", code="F1")], JULY, DOCUMENT, "wrong_rate"),
        ([rate(), rate()], JULY, DOCUMENT, "same_start"),
        ([rate()], date(2026, 1, 1), DOCUMENT, "same_start"),
    ],
)
def test_rates_that_are_refused(ground: Ground, rates: list[NewRate], month: date, document: str, code: str) -> None:
    before = UpliftRate.objects.count()
    with pytest.raises(ValidationError) as error:
        enter_rates(ground.county, rates, month, document, by=ground.cast.staff)
    assert code_of(error) == code
    assert UpliftRate.objects.count() == before


def test_a_rate_of_a_month_that_is_handed_over_is_a_correction_or_nothing(ground: Ground) -> None:
    run_month(ground, JULY)
    with pytest.raises(ValidationError) as error:
        enter_rates(ground.county, [rate()], JULY, DOCUMENT, by=ground.cast.staff)
    assert code_of(error) == "exported_month"
    assert "2026年7月" in " ".join(error.value.messages)
    enter_rates(ground.county, [rate()], AUGUST, DOCUMENT, by=ground.cast.staff)
    made = enter_rates(ground.county, [rate()], JULY, DOCUMENT, by=ground.cast.staff, is_correction=True)
    approve_rates([row.pk for row in made], by=ground.cast.leader, now=noon(JULY))
    assert prepare(ground, AUGUST)[0].total_cents == 60_000 + 70_000 + 10_000


def test_only_what_waits_is_approved_or_taken_back(ground: Ground) -> None:
    (waiting,) = enter_rates(ground.county, [rate()], JULY, DOCUMENT, by=ground.cast.staff)
    (stored,) = UpliftRate.objects.filter(role_group="director")
    for act in (
        lambda keys: approve_rates(keys, by=ground.cast.leader, now=noon(JULY)),
        lambda keys: discard_rates(keys, by=ground.cast.staff),
    ):
        with pytest.raises(ValidationError) as error:
            act([waiting.pk, stored.pk])
        assert code_of(error) == "approved_already"
        with pytest.raises(ValidationError) as error:
            act([])
        assert code_of(error) == "nothing_chosen"
    assert discard_rates([waiting.pk], by=ground.cast.staff) == 1
    assert not UpliftRate.objects.filter(pk=waiting.pk).exists()


def test_rules_decide_from_the_month_they_begin(ground: Ground) -> None:
    row = enter_rules(ground.county, rules(other_posts=[]), AUGUST, DOCUMENT, by=ground.cast.staff)
    with pytest.raises(PermissionDenied):
        approve_rules(row, by=ground.cast.staff, now=noon(JULY))
    approve_rules(row, by=ground.cast.leader, now=noon(JULY))
    assert prepare(ground, JULY)[0].total_cents == 120_000
    assert prepare(ground, AUGUST)[0].total_cents == 90_000
    with pytest.raises(ValidationError) as error:
        approve_rules(row, by=ground.cast.leader, now=noon(JULY))
    assert code_of(error) == "approved_already"
    with pytest.raises(ValidationError) as error:
        discard_rules(row, by=ground.cast.staff)
    assert code_of(error) == "approved_already"


@pytest.mark.parametrize(
    "wrong",
    [
        {"deciding_day": 0},
        {"deciding_day": 29},
        {"other_posts": [codes.PARTY_WORKER]},
        {"other_posts": [codes.SECRETARY]},
        {"starts": "never"},
        {"stops": "never"},
        {"performance_month": 13},
        {"budget": Decimal(-1)},
        {"grade_shares": {"splendid": Decimal(1)}},
        {"grade_shares": {"excellent": Decimal(-1)}},
    ],
)
def test_rules_that_are_refused(ground: Ground, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        enter_rules(ground.county, rules(**wrong), JULY, DOCUMENT, by=ground.cast.staff)
    assert code_of(error) == "wrong_rules"
    assert list(error.value.error_dict) == list(wrong)


def test_one_set_of_rules_for_a_month_unless_the_first_is_taken_back(ground: Ground) -> None:
    row = enter_rules(ground.county, rules(), JULY, DOCUMENT, by=ground.cast.staff)
    with pytest.raises(ValidationError) as error:
        enter_rules(ground.county, rules(), JULY, DOCUMENT, by=ground.cast.staff)
    assert code_of(error) == "same_start"
    discard_rules(row, by=ground.cast.staff)
    assert PayRules.objects.count() == 1


def test_what_a_month_overtook_before_its_approval_is_entered_anew(ground: Ground) -> None:
    made = enter_rates(ground.county, [rate()], JULY, DOCUMENT, by=ground.cast.staff)
    row = enter_rules(ground.county, rules(), JULY, DOCUMENT, by=ground.cast.staff)
    UpliftRate.objects.filter(pk=made[0].pk).update(entered_at=noon(JULY))
    PayRules.objects.filter(pk=row.pk).update(entered_at=noon(JULY))
    run_month(ground, JULY)
    for act in (
        lambda: approve_rates([made[0].pk], by=ground.cast.leader, now=noon(AUGUST)),
        lambda: approve_rules(row, by=ground.cast.leader, now=noon(AUGUST)),
    ):
        with pytest.raises(ValidationError) as error:
            act()
        assert code_of(error) == "exported_meanwhile"
