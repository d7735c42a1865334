"""The commands that scripts rely on: a demo county is made, its open month is closed, both tell it as JSON."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from assessments.models import Ranking, Result
from branches.models import Unit

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
    assert closed["queries"] <= 40
    ranking = Ranking.objects.get()
    assert (ranking.state, ranking.checksum) == (Ranking.State.DRAFT, closed["checksum"])
    assert Result.objects.filter(ranking=ranking).count() == villages


def test_close_month_names_a_month_that_nobody_opened() -> None:
    with pytest.raises(CommandError, match="2031-01"):
        call_command("close_month", "2031-01", json=True, stdout=StringIO())
