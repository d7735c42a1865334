"""A county with its Party organizations, in a month of which the clock is kept still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from branches.models import Branch, Decision, OrganisationalLife, Unit, Village

TODAY = date(2026, 10, 20)
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def october() -> Iterator[date]:
    """It is the twentieth of October 2026, ten in the morning in China."""
    with time_machine.travel("2026-10-20T02:00:00+00:00", tick=False):
        yield TODAY


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


@pytest.fixture
def branch(village: Unit) -> Branch:
    return make_branch(village)


@pytest.fixture
def foreign_branch(county: Unit) -> Branch:
    return make_branch(Unit.objects.get(name="西一村"), name="金丝雀支部")


def make_branch(unit: Unit, **fields: Any) -> Branch:
    card, _created = Village.objects.get_or_create(unit=unit)
    card.member_count, card.representative_count = 35, 27
    card.save()
    return Branch.objects.create(**{"unit": unit, "name": f"{unit.name}党支部", "member_count": 35, **fields})


def make_life(
    branch: Branch, kind: str = "party_day", held_on: date = date(2026, 10, 10), **fields: Any
) -> OrganisationalLife:
    """A complete record, made in time."""
    values: dict[str, Any] = {
        "branch": branch,
        "path": branch.unit.path,
        "kind": kind,
        "held_on": held_on,
        "recorded_on": held_on,
        "place": "村党群服务中心",
        "theme": "学习",
        "chair": "王书记",
        "recorder": "李文书",
        "due_count": 35,
        "excused_count": 3,
        "present_count": 30,
    }
    return OrganisationalLife.objects.create(**(values | fields))


def make_decision(unit: Unit, decided_on: date = date(2026, 10, 12), steps: int = 6, **fields: Any) -> Decision:
    days = {step: date(2026, 10, 2 + number) for number, step in enumerate(Decision.STEPS[:steps])}
    values = {"unit": unit, "path": unit.path, "matter": "村内道路硬化", "decided_on": decided_on, **days}
    return Decision.objects.create(**(values | fields))


def queries_of(client: Client, address: str) -> int:
    """Number of queries for a page, frame and all."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
