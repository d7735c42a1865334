"""Workers for the fault test of applying, run as a program on the test database.

python -m tests.imports.applying_worker kill SEED JOB TIMES LONGEST   kills it within LONGEST seconds of its own time
python -m tests.imports.applying_worker finish                        sweeps until no job is left to do
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402
from django.db.models import F  # noqa: E402

from accounts import jobs  # noqa: E402
from accounts.models import Job  # noqa: E402


def kill(seed: int, job_id: int, times: int, longest: float) -> int:
    """The number of workers that held the job when they were killed. Attempts are given back: they are not at fault."""
    chance = random.Random(seed)
    hit = 0
    for _time in range(times):
        connection.close()
        child = os.fork()
        if child == 0:
            # The signal ends it on the spot. Its own time counts, so that a busy machine changes nothing.
            signal.setitimer(signal.ITIMER_PROF, chance.uniform(0.01, longest))
            jobs.run(job_id)
            os._exit(0)
        os.waitpid(child, 0)
        held = Job.objects.filter(pk=job_id, state=Job.State.RUNNING)
        hit += held.update(state=Job.State.QUEUED, attempt=F("attempt") - 1, lease_token="", lease_until=None)
    return hit


def finish() -> None:
    while job := Job.objects.filter(state__in=jobs.LIVE).first():
        if not jobs.run(job.pk):
            time.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        sys.stdout.write(str(kill(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))))
    else:
        finish()
