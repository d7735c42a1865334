"""What the database itself refuses about pay, whoever asks: steps left out, changed lines, overwritten rates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from assessments.models import PayLine, PayRules, PaySheet, UpliftRate
from branches.models import Unit
from tests.assessments.pay_ground import JULY, Ground, approved, exported, make_ground, prepare, settle, signed

pytestmark = pytest.mark.django_db

STEPS: dict[str, Callable[[Ground, PaySheet], PaySheet]] = {
    "draft": lambda _ground, sheet: sheet,
    "signed": signed,
    "approved": approved,
    "exported": exported,
    "settled": lambda ground, sheet: settle(ground, exported(ground, sheet)),
}


@pytest.fixture
def ground(county: Unit) -> Ground:
    return make_ground(county, held="东一村 F1")


def at(ground: Ground, state: str) -> PaySheet:
    (sheet,) = prepare(ground, JULY)
    return STEPS[state](ground, sheet)


def refuses(change: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("draft", ("approved", "exported", "settled")),
        ("signed", ("exported", "settled")),
        ("approved", ("signed", "settled")),
        ("exported", ("draft", "signed", "approved")),
        ("settled", ("draft", "signed", "approved", "exported")),
    ],
)
def test_a_sheet_does_not_jump(ground: Ground, state: str, wanted: tuple[str, ...]) -> None:
    sheet = at(ground, state)
    people = {"signed_by": ground.cast.signers["东乡"], "approved_by": ground.cast.leader}
    extra = people if state not in ("exported", "settled") else {}
    for other in wanted:
        refuses(lambda other=other: PaySheet.objects.filter(pk=sheet.pk).update(state=other, **extra))


def test_a_sheet_begins_as_a_draft(ground: Ground) -> None:
    at(ground, "draft")
    fields = {
        "unit": ground.county,
        "path": ground.county.path,
        "month": JULY,
        "prepared_by": ground.cast.staff,
        "prepared_at": "2026-07-01T00:00:00Z",
        "signed_by": ground.cast.signers["东乡"],
        "approved_by": ground.cast.leader,
    }
    for state in ("signed", "approved", "exported", "settled"):
        refuses(lambda state=state: PaySheet.objects.create(**fields, state=state))


def test_nobody_signs_or_approves_their_own(ground: Ground) -> None:
    sheet = at(ground, "draft")
    rows = PaySheet.objects.filter(pk=sheet.pk)
    refuses(lambda: rows.update(state="signed", signed_by=F("prepared_by")))
    refuses(lambda: rows.update(state="signed", signed_by=None))
    sheet = signed(ground, sheet)
    refuses(lambda: rows.update(state="approved", approved_by=F("prepared_by")))
    refuses(lambda: rows.update(state="approved", approved_by=F("signed_by")))
    refuses(lambda: rows.update(state="approved", approved_by=None))


@pytest.mark.parametrize("state", ["signed", "approved", "exported", "settled"])
def test_a_sheet_and_its_lines_are_kept_once_signed(ground: Ground, state: str) -> None:
    sheet = at(ground, state)
    lines = PayLine.objects.filter(sheet=sheet)
    line = lines.first()
    assert line is not None
    changes: list[dict[str, Any]] = [
        {"uplift_cents": 1, "amount_cents": 1},
        {"note": "suspended"},
        {"flags": []},
        {"number": 99},
        {"for_month": date(2026, 6, 1)},
    ]
    for change in changes:
        refuses(lambda change=change: lines.filter(pk=line.pk).update(**change))
    refuses(lambda: lines.filter(pk=line.pk).delete())
    line.pk, line.number, line.for_month = None, 98, date(2026, 6, 1)
    refuses(line.save)
    rows = PaySheet.objects.filter(pk=sheet.pk)
    refuses(lambda: rows.update(total_cents=1))
    refuses(lambda: rows.update(month=date(2026, 6, 1)))
    refuses(lambda: rows._raw_delete(rows.db))  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", ["exported", "settled"])
def test_what_was_handed_over_keeps_its_people_and_checksum(ground: Ground, state: str) -> None:
    rows = PaySheet.objects.filter(pk=at(ground, state).pk)
    refuses(lambda: rows.update(checksum="x"))
    refuses(lambda: rows.update(approved_by=ground.cast.colleague))
    refuses(lambda: rows.update(exported_by=ground.cast.colleague))


@pytest.mark.parametrize(
    ("state", "is_open"), [("draft", False), ("signed", False), ("approved", False), ("exported", True)]
)
def test_payments_are_reported_after_the_export_only(ground: Ground, state: str, is_open: bool) -> None:
    lines = PayLine.objects.filter(sheet=at(ground, state))
    if is_open:
        assert lines.update(payment="failed", failure="账号有误") == 3
    else:
        refuses(lambda: lines.update(payment="paid", paid_on=JULY))


def test_a_draft_is_free(ground: Ground) -> None:
    sheet = at(ground, "draft")
    assert PayLine.objects.filter(sheet=sheet).update(note="suspended") == 3
    PayLine.objects.filter(sheet=sheet).delete()
    sheet.delete()


def test_approved_rates_and_rules_never_change(ground: Ground) -> None:
    for rows, change in (
        (UpliftRate.objects.all(), {"amount": Decimal(1)}),
        (UpliftRate.objects.all(), {"approved_by": None}),
        (PayRules.objects.all(), {"deciding_day": 16}),
    ):
        refuses(lambda rows=rows, change=change: rows.update(**change))
        refuses(lambda rows=rows: rows._raw_delete(rows.db))


def test_nobody_approves_a_rate_they_entered(ground: Ground) -> None:
    rate = UpliftRate.objects.create(
        unit=ground.county,
        path=ground.county.path,
        role_group="other",
        amount=Decimal(10),
        valid_from=JULY,
        document="号",
        entered_by=ground.cast.staff,
    )
    refuses(lambda: UpliftRate.objects.filter(pk=rate.pk).update(approved_by=ground.cast.staff))
    assert UpliftRate.objects.filter(pk=rate.pk).update(approved_by=ground.cast.leader) == 1
