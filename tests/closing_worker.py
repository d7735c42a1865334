"""A worker that closes months slowly, for the fault tests: run as a program on the test database.

python -m tests.closing_worker kill JOB SECONDS   takes the job in a process that is killed after so long
python -m tests.closing_worker finish             sweeps until no job is left to do
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection
from datetime import date
from decimal import Decimal

import django

django.setup()

from django.db import connection  # noqa: E402

from accounts import jobs  # noqa: E402
from accounts.models import Job  # noqa: E402
from branches import indicators  # noqa: E402
from branches.indicators import IndicatorSource, Reading  # noqa: E402

PAUSE = 0.15


def slowly(village_ids: Collection[int], month: date) -> dict[int, Reading]:
    time.sleep(PAUSE)
    return {pk: Reading(Decimal(1)) for pk in village_ids}


def kill(job_id: int, seconds: float) -> None:
    child = os.fork()
    if child == 0:
        jobs.run(job_id)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def finish() -> None:
    while Job.objects.filter(state__in=jobs.LIVE).exists():
        jobs.sweep(jobs.run)
        connection.close()
        time.sleep(0.1)


def main() -> None:
    source = IndicatorSource(code="test.party_day", label="", unit="", higher_is_better=True, compute=slowly)
    with indicators.replaced(source):
        if sys.argv[1] == "kill":
            kill(int(sys.argv[2]), float(sys.argv[3]))
        else:
            finish()


if __name__ == "__main__":
    main()
