"""The sample rosters give their expected answers (tests/data/samples)."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from accounts.models import User
from accounts.roles import Role
from imports.preview import answer_with_problems
from tests.conftest import make_user
from tests.imports.places import load_places
from tests.imports.rosters import applied, bring, everything_stored, outcomes, undone

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
EXPECTED = sorted(SAMPLES.glob("*.expected.json"))


def without_order(answer: dict[str, Any]) -> dict[str, Any]:
    """Order of problems, skipped rows and ignored columns means nothing, and sentences are left out."""

    def key(entry: object) -> str:
        return json.dumps(entry, ensure_ascii=False, sort_keys=True)

    problems = [{name: value for name, value in problem.items() if name != "message"} for problem in answer["problems"]]
    tables = [
        {**table, "skipped": sorted(table["skipped"], key=key), "ignored": sorted(table["ignored"])}
        for table in answer["tables"]
    ]
    return {**answer, "tables": tables, "problems": sorted(problems, key=key)}


@pytest.fixture
def county_user(db: None) -> str:
    make_user("staff", Role.CS, load_places())
    return "staff"


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
@time_machine.travel("2026-11-25 12:00 +08:00", tick=True)
def test_sample_gives_its_answer(path: Path, county_user: str) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    out = StringIO()
    file = str(SAMPLES / expected["file"])
    call_command("import_roster", expected["sheet"], file, "--dry-run", "--json", "--user", county_user, stdout=out)
    answer = json.loads(out.getvalue())
    assert all(problem["message"] for problem in answer["problems"])
    assert without_order(answer) == without_order(expected)


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
@time_machine.travel("2026-11-25 12:00 +08:00", tick=True)
def test_sample_goes_in_once_and_comes_out_again(path: Path, county_user: str) -> None:
    """Invariant 10 of handbook 11: the same file twice changes nothing, and undoing restores the former state."""
    expected = json.loads(path.read_text(encoding="utf-8"))
    file, user = SAMPLES / expected["file"], User.objects.get(username=county_user)
    before = everything_stored()
    batch = bring(expected["sheet"], file, user)
    assert without_order(answer_with_problems(batch)) == without_order(expected)
    applied(batch, user)
    stored = everything_stored()
    assert stored != before
    again = bring(expected["sheet"], file, user)
    assert {kind: outcomes(again).get(kind, 0) for kind in ("new", "changed")} == {"new": 0, "changed": 0}
    assert everything_stored() == stored
    undone(batch, user)
    assert everything_stored() == before
