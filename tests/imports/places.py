"""The places that the sample rosters name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from branches.divisions import read_divisions
from branches.models import Unit
from branches.services.divisions import load_divisions

DIVISIONS = Path(__file__).resolve().parents[1] / "data" / "divisions-411503.csv"


def load_places() -> Unit:
    """The county 平桥区 with its townships and villages."""
    load_divisions(read_divisions(DIVISIONS), date(2020, 1, 1))
    return Unit.objects.get(code="411503")
