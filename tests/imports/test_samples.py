"""The sample rosters give their expected answers (tests/data/samples)."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from accounts.roles import Role
from tests.conftest import make_user
from tests.imports.places import load_places

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
