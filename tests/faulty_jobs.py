"""A worker for the fault tests: run as a program with the environment of the test database.

python -m tests.faulty_jobs kill SEED ID ...   each job in a process of its own that is killed at a random moment
python -m tests.faulty_jobs finish             sweeps until no job is left to do
celery -A tests.faulty_jobs worker             takes wake-ups like any worker
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from accounts import jobs  # noqa: E402
from accounts.models import Job, PasswordRecord  # noqa: E402
from config.celery import app as app  # noqa: E402

KIND = "tests.slow_rows"
ROWS = 25
PAUSE = 0.008


@jobs.handler(KIND)
def write_slowly(run: jobs.JobRun, *, user_id: int, pause: float = PAUSE) -> None:
    """Rows marked with the job, in one transaction that ends the job; slow enough to be killed in the middle."""
    time.sleep(pause)
    with transaction.atomic():
        for number in range(ROWS):
            PasswordRecord.objects.create(user_id=user_id, password=f"job {run.job.pk} row {number}")
            run.progress(number + 1, ROWS)
            time.sleep(pause)
        run.finish_in_transaction({"rows": ROWS})
    time.sleep(pause)


def kill_each(seed: int, job_ids: list[int]) -> None:
    chance = random.Random(seed)
    for job_id in job_ids:
        child = os.fork()
        if child == 0:
            jobs.run(job_id)
            os._exit(0)
        time.sleep(chance.uniform(0.0, (ROWS + 4) * PAUSE * 1.3))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def finish() -> None:
    while Job.objects.filter(state__in=jobs.LIVE).exists():
        jobs.sweep(jobs.run)
        connection.close()
        time.sleep(0.2)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["kill", seed, *ids]:
            kill_each(int(seed), [int(job_id) for job_id in ids])
        case ["finish"]:
            finish()
