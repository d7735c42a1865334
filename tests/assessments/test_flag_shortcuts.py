"""Forbidden shortcuts of a round of flags are refused by the database, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from assessments.models import (
    FlagApplication,
    FlagAward,
    FlagCategory,
    FlagCriterion,
    FlagPanelScore,
    FlagRound,
    FlagStep,
)
from branches.models import Unit
from tests.assessments.flag_ground import NOW, TODAY, make_application, make_award, make_round
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def refused(act: Callable[[], Any], sentence: str) -> None:
    with pytest.raises((IntegrityError, DatabaseError)) as error, transaction.atomic():
        act()
    assert sentence in str(error.value)


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


@pytest.fixture
def open_round(county: Unit) -> FlagRound:
    return make_round(county)


def test_the_rules_of_an_open_round_cannot_change(open_round: FlagRound) -> None:
    category = FlagCategory.objects.filter(round=open_round)[0]
    criterion = FlagCriterion.objects.filter(category=category)[0]
    kept = "a round that is open keeps its rules"
    refused(lambda: FlagRound.objects.filter(pk=open_round.pk).update(panel_share=30), kept)
    refused(lambda: FlagRound.objects.filter(pk=open_round.pk).update(state="draft"), kept)
    refused(lambda: FlagCategory.objects.filter(pk=category.pk).update(pass_line=60), kept)
    refused(lambda: FlagCategory.objects.create(round=open_round, code="F9", name="九", lead="局"), kept)
    refused(lambda: FlagCriterion.objects.filter(pk=criterion.pk).update(points=50), kept)
    refused(lambda: FlagCriterion.objects.filter(pk=criterion.pk).delete(), kept)
    refused(lambda: FlagCriterion.objects.create(category=category, code="F1-9", name="九", points=5), kept)
    FlagRound.objects.filter(pk=open_round.pk).update(state="closed", apply_by=TODAY + timedelta(days=9))


def test_what_was_decided_cannot_change(open_round: FlagRound, village: Unit) -> None:
    row = make_application(open_round, village, "F1", state="decided")
    rows = FlagApplication.objects.filter(pk=row.pk)
    kept = "what was decided cannot change"
    for change in (
        {"score_hundredths": 10000},
        {"checked_hundredths": 10000},
        {"lines": []},
        {"gates_failed": []},
        {"is_granted": False},
        {"minute_number": "别的"},
        {"decided_by": None},
    ):
        refused(lambda change=change: rows.update(**change), kept)  # type: ignore[misc]
    refused(rows.delete, kept)
    refused(
        lambda: FlagPanelScore.objects.create(application=row, judge="甲", score=90, entered_by=row.decided_by), kept
    )
    rows.update(state="public_notice")


def test_steps_are_only_added(open_round: FlagRound, village: Unit) -> None:
    row = make_application(open_round, village, "F1", state="applied")
    step = FlagStep.objects.create(application=row, at=NOW, by=row.applied_by, state="applied")
    refused(lambda: FlagStep.objects.filter(pk=step.pk).update(note="改写"), "steps are only added")


@pytest.mark.parametrize("state", ["applied", "dept_reviewed", "decided", "objection_hold", "rejected"])
def test_no_flag_before_its_notice(open_round: FlagRound, village: Unit, state: str) -> None:
    row = make_application(open_round, village, "F1", state=state, notice_to=TODAY)
    refused(lambda: award_of(row), "a flag needs a granted application in public notice")


def award_of(row: FlagApplication, **fields: Any) -> FlagAward:
    values = {
        "application": row,
        "round": row.round,
        "code": row.code,
        "village": row.village,
        "path": row.path,
        "number": "1",
        "notice_to": row.notice_to,
        "awarded_on": TODAY + timedelta(days=20),
        "valid_to": row.round.valid_to,
        "pay_from": TODAY.replace(month=7, day=1),
        "prepared_by": row.decided_by or row.applied_by,
    }
    return FlagAward.objects.create(**{**values, **fields})


def test_a_flag_carries_the_notice_of_its_application(open_round: FlagRound, village: Unit) -> None:
    row = make_application(open_round, village, "F1", state="public_notice")
    founded = "a flag needs a granted application in public notice"
    refused(lambda: award_of(row, notice_to=TODAY), founded)
    refused(lambda: award_of(row, village=Unit.objects.get(name="东二村")), founded)
    refused(lambda: award_of(row, code="F3"), founded)
    refused(lambda: award_of(row, awarded_on=row.notice_to), "flag_awarded_after_the_notice")
    made = award_of(row)
    refused(
        lambda: FlagAward.objects.filter(pk=made.pk).update(approved_by=made.prepared_by), "flag_approved_by_another"
    )
    FlagApplication.objects.filter(pk=row.pk).update(state="objection_hold")
    refused(lambda: FlagAward.objects.filter(pk=made.pk).update(approved_by=make_user("部长")), founded)


def test_an_approved_flag_keeps_its_facts(open_round: FlagRound, village: Unit) -> None:
    award = make_award(open_round, village, "F1")
    rows = FlagAward.objects.filter(pk=award.pk)
    kept = "an approved flag keeps its facts"
    for change in ({"number": "2"}, {"pay_from": TODAY}, {"valid_to": TODAY.replace(year=2030)}, {"approved_by": None}):
        refused(lambda change=change: rows.update(**change), kept)  # type: ignore[misc]
    refused(rows.delete, kept)
    refused(lambda: rows.update(revoked_on=TODAY), "revoked_flag_has_a_last_month")
    rows.update(revoked_on=TODAY, pay_until=TODAY.replace(day=1))


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"township_reviewed_by": "applied_by"}, "flag_reviewed_by_another"),
        ({"rechecked_by": "applied_by"}, "flag_rechecked_by_another"),
        ({"decided_by": "applied_by"}, "flag_decided_by_another"),
    ],
)
def test_nobody_moves_on_what_they_entered(
    open_round: FlagRound, village: Unit, fields: dict[str, str], constraint: str
) -> None:
    row = make_application(open_round, village, "F1", state="applied")
    changes = {name: getattr(row, source) for name, source in fields.items()}
    refused(lambda: FlagApplication.objects.filter(pk=row.pk).update(**changes), constraint)
