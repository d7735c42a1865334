"""What must not be lost or doubled when processes are killed and the broker dies (docs/rules/jobs.md)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from accounts import jobs
from accounts.models import Job, PasswordRecord, User
from config.supervising import die_with_parent
from tests.faulty_jobs import KIND, ROWS

KILLS = 50

pytestmark = pytest.mark.django_db(transaction=True)


def environment(**extra: str) -> dict[str, str]:
    """For a process that works on the database of this test, with no broker unless one is named."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        login = f"{database['USER']}:{database['PASSWORD']}@" if database["USER"] else ""
        url = f"postgres://{login}{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    wanted = {"DJANGO_SETTINGS_MODULE": "config.settings.base", "DATABASE_URL": url, "JOB_LEASE_SECONDS": "2"}
    wanted["REDIS_URL"] = "redis://127.0.0.1:1/0"
    return os.environ | wanted | extra


@pytest.fixture
def clerk(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    return User.objects.create_user("clerk", name="Clerk")


def ask(user: User, key: str, **arguments: float) -> Job:
    return jobs.enqueue(KIND, {"user_id": user.pk, **arguments}, by=user, key=key)


def rows_of_jobs() -> Counter[str]:
    return Counter(PasswordRecord.objects.values_list("password", flat=True))


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tests.faulty_jobs", *arguments], env=environment(), check=True, timeout=120)


def test_workers_killed_at_fifty_random_points_leave_each_row_exactly_once(clerk: User) -> None:
    asked = [ask(clerk, f"killed {number}") for number in range(KILLS)]
    seed = random.randrange(10**6)
    connection.close()
    run("kill", str(seed), *(str(job.pk) for job in asked))
    cut_off = set(Job.objects.filter(state=Job.State.RUNNING).values_list("pk", flat=True))
    written_before = rows_of_jobs()
    assert not any(name.startswith(f"job {pk} ") for name in written_before for pk in cut_off)
    run("finish")
    expected = {f"job {job.pk} row {number}": 1 for job in asked for number in range(ROWS)}
    assert rows_of_jobs() == expected, f"seed {seed}"
    ended = Job.objects.in_bulk()
    assert {job.state for job in ended.values()} == {"succeeded"}
    assert {pk for pk, job in ended.items() if job.attempt == 2} == cut_off
    assert len(cut_off) >= 5, f"too few were hit while they ran, seed {seed}"


def test_a_job_that_kills_every_worker_ends_as_failed_and_does_not_come_back(clerk: User) -> None:
    job = ask(clerk, "deadly", pause=30)
    for attempt in (1, 2, 3):
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.faulty_jobs", "finish"], env=environment(), preexec_fn=die_with_parent
        )
        wait_for(lambda wanted=attempt: Job.objects.get(pk=job.pk).attempt == wanted)  # type: ignore[misc]
        worker.kill()
        worker.wait()
    run("finish")
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("failed", 3)
    assert "cut off three times" in job.message
    assert not PasswordRecord.objects.exists()


def test_a_worker_that_was_only_frozen_writes_nothing_after_another_took_its_job(clerk: User) -> None:
    job = ask(clerk, "frozen", pause=0.1)
    frozen = subprocess.Popen(
        [sys.executable, "-m", "tests.faulty_jobs", "finish"], env=environment(), preexec_fn=die_with_parent
    )
    try:
        wait_for(lambda: Job.objects.get(pk=job.pk).state == Job.State.RUNNING)
        # Before its transaction begins, so that SQLite's single writer is not the one that sleeps.
        frozen.send_signal(signal.SIGSTOP)
        is_writing = connection.vendor == "sqlite" and _is_locked()
        if not is_writing:
            run("finish")
        frozen.send_signal(signal.SIGCONT)
        assert frozen.wait(60) == 0
    finally:
        frozen.kill()
        frozen.wait()
    run("finish")
    assert rows_of_jobs() == {f"job {job.pk} row {number}": 1 for number in range(ROWS)}
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED


def _is_locked() -> bool:
    code = (
        f"import sqlite3; c = sqlite3.connect({str(connection.settings_dict['NAME'])!r}, timeout=0.2); "
        "c.isolation_level = None; "
        "c.execute('BEGIN IMMEDIATE')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode != 0


# --- Redis --------------------------------------------------------------------------------


class OwnRedis:
    """A Redis server of this test, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_for(self._answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def celery_worker(own_redis: OwnRedis, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = (tmp_path / "worker.log").open("wb")
    command = [str(Path(sys.executable).parent / "celery"), "-A", "tests.faulty_jobs", "worker"]
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    worker = subprocess.Popen(
        [*command, *options],
        env=environment(REDIS_URL=own_redis.url),
        stdout=log,
        stderr=log,
        preexec_fn=die_with_parent,
    )
    wait_for(lambda: b" ready." in (tmp_path / "worker.log").read_bytes())
    yield worker
    worker.kill()
    worker.wait()
    log.close()


def wake_through(server: OwnRedis, job: Job) -> None:
    """What enqueue does after the commit, in a process with the broker of production."""
    code = f"import django; django.setup(); from accounts import jobs; jobs.wake({job.pk})"
    subprocess.run([sys.executable, "-c", code], env=environment(REDIS_URL=server.url), check=True, timeout=30)


def test_redis_gone_while_a_job_runs_and_while_another_is_asked_for(
    clerk: User, own_redis: OwnRedis, celery_worker: subprocess.Popen[bytes]
) -> None:
    first = ask(clerk, "first", pause=0.06)
    wake_through(own_redis, first)
    wait_for(lambda: Job.objects.get(pk=first.pk).state == Job.State.RUNNING)
    own_redis.kill()
    second = ask(clerk, "second")
    started = time.monotonic()
    wake_through(own_redis, second)
    assert time.monotonic() - started < 8
    assert Job.objects.get(pk=second.pk).state == Job.State.QUEUED
    wait_for(lambda: Job.objects.get(pk=first.pk).state == Job.State.SUCCEEDED)
    # The ticker sweeps: without a broker it runs the waiting job itself.
    run("finish")
    # Redis comes back empty, the worker finds it again and goes on.
    own_redis.start()
    third = ask(clerk, "third")
    wake_through(own_redis, third)
    wait_for(lambda: Job.objects.get(pk=third.pk).state == Job.State.SUCCEEDED)
    expected = {f"job {job.pk} row {n}": 1 for job in (first, second, third) for n in range(ROWS)}
    assert rows_of_jobs() == expected
    assert list(Job.objects.order_by("pk").values_list("attempt", flat=True)) == [1, 1, 1]


def test_the_same_wake_up_many_times_runs_the_job_once(
    clerk: User, own_redis: OwnRedis, celery_worker: subprocess.Popen[bytes]
) -> None:
    job = ask(clerk, "often")
    for _ in range(3):
        wake_through(own_redis, job)
    wait_for(lambda: Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED)
    time.sleep(0.5)
    assert rows_of_jobs() == {f"job {job.pk} row {number}": 1 for number in range(ROWS)}
    assert Job.objects.get(pk=job.pk).attempt == 1


def test_a_stopping_worker_lets_its_job_end(
    clerk: User, own_redis: OwnRedis, celery_worker: subprocess.Popen[bytes]
) -> None:
    job = ask(clerk, "last", pause=0.05)
    wake_through(own_redis, job)
    wait_for(lambda: Job.objects.get(pk=job.pk).state == Job.State.RUNNING)
    celery_worker.terminate()
    assert celery_worker.wait(30) == 0
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
    assert rows_of_jobs() == {f"job {job.pk} row {number}": 1 for number in range(ROWS)}
