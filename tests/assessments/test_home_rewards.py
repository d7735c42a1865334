"""Flags and pay on the home page of the county: each figure from the rows it opens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from assessments.home_rewards import rewards_of
from assessments.models import FlagAward, PaySheet
from branches.models import Unit
from tests.assessments.flag_ground import make_application, make_award, make_round

pytestmark = pytest.mark.django_db
TODAY = date(2026, 8, 10)
NOW = datetime(2026, 8, 1, 1, 0, tzinfo=UTC)


def test_nothing_to_say_before_the_first_round(county: Unit, county_admin: User) -> None:
    assert rewards_of(county_admin, TODAY) is None
    make_round(county, state="draft")
    assert rewards_of(county_admin, TODAY) is None


def test_flags_count_while_they_are_valid(county: Unit, county_admin: User, east_editor: User) -> None:
    row = make_round(county)
    villages = {unit.name: unit for unit in Unit.objects.villages()}
    make_award(row, villages["东一村"], "F1")
    make_award(row, villages["东一村"], "F3")
    west = make_award(row, villages["西一村"], "F1")
    make_application(row, villages["东二村"], "F1", state="township_reviewed")
    found = rewards_of(county_admin, TODAY)
    assert found is not None
    assert (found.flags, found.villages, found.waiting, found.round) == (3, 2, 1, row)
    own = rewards_of(east_editor, TODAY)
    assert own is not None
    assert (own.flags, own.villages) == (2, 1), "a township's own"
    FlagAward.objects.filter(pk=west.pk).update(revoked_on=TODAY, pay_until=date(2026, 8, 1))
    later = rewards_of(county_admin, TODAY)
    assert later is not None
    assert later.flags == 2, "taken away today"
    yesterday = rewards_of(county_admin, TODAY - timedelta(days=1))
    assert yesterday is not None
    assert yesterday.flags == 3
    over = rewards_of(county_admin, date(2027, 1, 1))
    assert over is not None
    assert over.flags == 0, "their round is over"


def test_pay_is_the_sum_of_the_latest_sheets(county: Unit, county_admin: User, county_leader: User) -> None:
    names = (("东乡", 510_050, 5, "draft"), ("西乡", 340_000, 3, "approved"))
    for name, cents, people, state in names:
        unit = Unit.objects.get(name=name)
        sheet = PaySheet.objects.create(
            unit=unit, path=unit.path, month=date(2026, 8, 1), total_cents=cents, people=people,
            prepared_by=county_admin, prepared_at=NOW,
        )  # fmt: skip
        if state == "approved":
            rows = PaySheet.objects.filter(pk=sheet.pk)
            rows.update(state="signed", signed_by=_signer(), signed_at=NOW)
            rows.update(state="approved", approved_by=county_leader, approved_at=NOW)
    unit = Unit.objects.get(name="东乡")
    PaySheet.objects.create(
        unit=unit, path=unit.path, month=date(2026, 7, 1), total_cents=1, prepared_by=county_admin, prepared_at=NOW
    )
    found = rewards_of(county_admin, TODAY)
    assert found is not None
    assert (found.month, found.pay, found.people) == (date(2026, 8, 1), Decimal("8500.50"), 8)
    assert (found.approved, found.sheets) == (1, 2)


def _signer() -> User:
    return User.objects.create(username="签字人", name="签字人")
