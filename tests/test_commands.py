"""The commands that scripts rely on: a demo county is made, its open month is closed, both tell it as JSON."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from assessments.models import Ranking, Result
from branches.divisions import Division
from branches.models import Unit
from branches.services.divisions import load_divisions
from branches.services.units import ensure_leading_branches

ACCOUNTS = {
    "county_staff",
    "county_leader",
    "township_secretary",
    "economy_officer",
    "inspector",
    "system_admin",
    "auditor",
}

pytestmark = pytest.mark.django_db


def told(command: str, *arguments: str, **options: Any) -> dict[str, Any]:
    output = StringIO()
    call_command(command, *arguments, stdout=output, **options)
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def test_seed_demo_and_close_month_say_in_json_what_they_did() -> None:
    seeded = told("seed_demo", months=1, json=True)
    assert set(seeded["accounts"]) == ACCOUNTS
    for account in seeded["accounts"].values():
        assert User.objects.get(username=account["user"]).check_password(account["password"])
    closed = told("close_month", seeded["open_month"], json=True)
    assert set(closed) >= {
        "month", "county", "villages", "ranked", "not_ranked", "revision", "checksum", "queries", "seconds",
    }  # fmt: skip
    villages = Unit.objects.filter(kind=Unit.Kind.VILLAGE).count()
    assert (closed["month"], closed["county"], closed["revision"]) == (seeded["open_month"], seeded["county"], 1)
    assert closed["villages"] == closed["ranked"] + closed["not_ranked"] == villages
    assert closed["queries"] <= 80
    ranking = Ranking.objects.get()
    assert (ranking.state, ranking.checksum) == (Ranking.State.DRAFT, closed["checksum"])
    assert Result.objects.filter(ranking=ranking).count() == villages


def seeded_checksum() -> str:
    """Makes the demo county with one month, closes it and takes all of it back. Gives the ranking's checksum."""
    with transaction.atomic():
        month = told("seed_demo", months=1, json=True)["open_month"]
        checksum: str = told("close_month", month, "--county", "990101", json=True)["checksum"]
        transaction.set_rollback(True)
    return checksum


def test_the_same_seed_gives_the_same_ranking_whatever_stood_in_the_database_before() -> None:
    alone = seeded_checksum()
    rows = [("98", "省"), ("9801", "市"), ("980101", "县"), ("980101100", "乡"), ("980101100200", "村")]
    load_divisions([Division(code, name) for code, name in rows], date(2020, 1, 1), source="test")
    ensure_leading_branches(Unit.objects.get(code="980101"), by=None)
    assert seeded_checksum() == alone


def test_close_month_names_a_month_that_nobody_opened() -> None:
    with pytest.raises(CommandError, match="2031-01"):
        call_command("close_month", "2031-01", json=True, stdout=StringIO())
