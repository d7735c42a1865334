"""Entries in the reserve for tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from accounts.models import User
from cadres.models import Person, ReserveCadre
from cadres.services import reserve

TODAY = date(2026, 11, 26)


def nominate(person: Person, *, by: User | None = None, on: date = TODAY, **values: Any) -> ReserveCadre:
    """A nomination through the service."""
    return reserve.nominate(person, values, on=on, by=by, today=TODAY)


def enter(person: Person, stage: str = "on_record", **fields: Any) -> ReserveCadre:
    """An entry as a roster brings it in: in a stage, without steps."""
    if stage in ("promoted", "removed"):
        fields = {"left_on": date(2026, 6, 1), "exit_reason": "promoted" if stage == "promoted" else "other"} | fields
    return ReserveCadre.objects.create(person=person, unit=person.unit, stage=stage, **fields)
