"""A worker killed while it applies a roster: each row exactly once, and the batch ends in a true state."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from accounts import jobs
from accounts.models import AuditEvent, Job, User
from cadres.models import Person, Posting
from imports import batches
from imports.models import ImportBatch, ImportChange
from tests.imports.files import write_xlsx
from tests.imports.rosters import worked
from tests.test_job_faults import environment

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 5_000
KILLS = 50
LONGEST = 1.0
"""Times of what checking takes of the processor, within which a worker is killed. Applying takes nearly twice that."""
HEAD = ["乡镇", "村", "姓名", "出生年月", "行政职务"]


def test_fifty_kills_leave_each_row_exactly_once(
    tmp_path: Path, county_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    rows = [
        ["东乡", f"东{'一二三'[at % 3]}村", f"甲{at}", f"{1950 + at % 50}.{1 + at % 12:02}", "委员"]
        for at in range(ROWS)
    ]
    path = write_xlsx(tmp_path / "名册.xlsx", [HEAD, *rows])
    started = time.process_time()
    batch = worked(batches.upload("cadres", path.name, path.read_bytes(), by=county_admin))
    longest = LONGEST * (time.process_time() - started)
    assert batch.answer["new"] == ROWS
    batches.confirm(batch, by=county_admin)
    batch.refresh_from_db()
    seed = random.randrange(10**6)
    connection.close()
    killed = _kill(seed, batch.job_id or 0, longest)
    done = ImportBatch.objects.get().state == ImportBatch.State.APPLIED
    assert Person.objects.count() == (ROWS if done else 0)
    subprocess.run(
        [sys.executable, "-m", "tests.imports.applying_worker", "finish"], env=environment(), check=True, timeout=300
    )
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.APPLIED, f"seed {seed}"
    assert killed >= KILLS // 2, f"too few were hit while they ran, seed {seed}"
    assert sorted(Person.objects.values_list("name", flat=True)) == sorted(f"甲{at}" for at in range(ROWS))
    assert Posting.objects.count() == ROWS
    assert ImportChange.objects.count() == 2 * ROWS
    assert AuditEvent.objects.filter(event="cadres.import_person").count() == ROWS
    assert AuditEvent.objects.filter(event="imports.apply_importbatch").count() == 1
    assert Job.objects.get(pk=batch.job_id).state == Job.State.SUCCEEDED


def _kill(seed: int, job_id: int, longest: float) -> int:
    """How many of the workers were killed while they held the job."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.imports.applying_worker",
            "kill",
            str(seed),
            str(job_id),
            str(KILLS),
            str(longest),
        ],
        env=environment() | {"PATH": os.environ["PATH"]},
        check=True,
        timeout=540,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.split()[-1])
