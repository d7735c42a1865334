"""Jobs: rows with a lease (docs/rules/jobs.md)."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from accounts import jobs
from accounts.models import Job, PasswordRecord, User
from config.broker import broker_settings

KIND = "tests.write_rows"


def write_rows(run: jobs.JobRun, *, user_id: int, count: int) -> None:
    """Three rows in the transaction that ends the job."""
    with transaction.atomic():
        for number in range(count):
            PasswordRecord.objects.create(user_id=user_id, password=f"row {number}")
            run.progress(number + 1, count, "Writing")
        run.finish_in_transaction({"rows": count})


@pytest.fixture
def handled() -> Iterator[None]:
    with jobs.registered(KIND, write_rows):
        yield


def ask(user: User, key: str = "7") -> Job:
    return jobs.enqueue(KIND, {"user_id": user.pk, "count": 3}, by=user, key=key, scope="0001")


def take_away(job_id: int) -> None:
    """What another worker does when it believes this one dead."""
    Job.objects.filter(pk=job_id).update(lease_token="another", attempt=F("attempt") + 1)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - jobs.LEASE)


# --- Asking -------------------------------------------------------------------------------


def test_a_job_is_a_queued_row_with_its_requester_and_place(handled: None, newcomer: User) -> None:
    job = Job.objects.get(pk=ask(newcomer).pk)
    assert (job.state, job.kind, job.key, job.unit_path) == ("queued", KIND, "7", "0001")
    assert (job.requested_by, job.arguments, job.attempt) == (newcomer, {"user_id": newcomer.pk, "count": 3}, 0)


def test_asking_twice_gives_the_living_job_and_after_its_end_a_new_one(handled: None, newcomer: User) -> None:
    first = ask(newcomer)
    assert ask(newcomer).pk == first.pk
    assert jobs.run(first.pk)
    second = ask(newcomer)
    assert second.pk != first.pk
    assert Job.objects.count() == 2


def test_the_database_refuses_a_second_living_job_of_one_key(handled: None, newcomer: User) -> None:
    ask(newcomer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind=KIND, key="7")


def test_an_unknown_kind_is_refused_when_asked_for(newcomer: User) -> None:
    with pytest.raises(KeyError, match=r"tests\.unknown"):
        jobs.enqueue("tests.unknown", {}, by=newcomer, key="1")
    assert not Job.objects.exists()


def test_a_taken_kind_is_refused_and_the_same_function_twice_is_not(handled: None) -> None:
    assert jobs.handler(KIND)(write_rows) is write_rows
    with pytest.raises(ValueError, match="already registered"):
        jobs.handler(KIND)(lambda run: None)


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit_and_not_by_a_rollback(handled: None) -> None:
    user = User.objects.create_user("clerk", name="Clerk")
    with transaction.atomic():
        ask(user)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    with transaction.atomic():
        job = ask(user)
        assert Job.objects.get(pk=job.pk).state == Job.State.QUEUED
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
    assert PasswordRecord.objects.count() == 3


# --- The broker ---------------------------------------------------------------------------


@pytest.fixture
def broker_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Wake-ups go to a Redis at this port, with the settings of production."""

    def use(port: int) -> None:
        wanted = broker_settings(f"redis://127.0.0.1:{port}/0", Path(settings.VAR_DIR))
        app = Celery("elsewhere", broker=wanted["url"], set_as_current=False)
        app.conf.broker_transport_options = wanted["options"]
        app.conf.broker_connection_timeout = settings.CELERY_BROKER_CONNECTION_TIMEOUT
        monkeypatch.setattr(jobs, "run_job", app.tasks[jobs.RUN_TASK])

    return use


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as server:
        yield server.getsockname()[1]


@contextmanager
def dead_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


@pytest.mark.parametrize("port", [dead_port, silent_port])
@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_job_waits_and_nobody_is_bothered(
    port: Any, handled: None, broker_at: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    user = User.objects.create_user("clerk", name="Clerk")
    started = time.monotonic()
    with port() as number:
        broker_at(number)
        job = ask(user)
    assert time.monotonic() - started < 5
    assert Job.objects.get(pk=job.pk).state == Job.State.QUEUED
    assert [r.getMessage() for r in caplog.records if r.name == "accounts.jobs" and r.levelno == logging.WARNING] == [
        f"job {job.pk}: no worker woken, the sweeper will find it (OperationalError)"
    ]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_sweeper_gets_every_waiting_job_to_run(
    handled: None, broker_at: Callable[[int], None]
) -> None:
    user = User.objects.create_user("clerk", name="Clerk")
    with dead_port() as number:
        broker_at(number)
        waiting = [ask(user, key).pk for key in "abc"]
        assert jobs.sweep(jobs.run) == 3
    assert dict(Job.objects.values_list("pk", "state")) == dict.fromkeys(waiting, "succeeded")
    assert PasswordRecord.objects.count() == 9


# --- Running ------------------------------------------------------------------------------


def test_a_run_writes_its_rows_its_result_and_gives_the_lease_up(handled: None, newcomer: User) -> None:
    job = ask(newcomer)
    assert jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result, job.attempt) == ("succeeded", {"rows": 3}, 1)
    assert (job.done, job.total, job.message) == (3, 3, "Writing")
    assert (job.lease_token, job.lease_until) == ("", None)
    assert job.finished_at is not None
    assert PasswordRecord.objects.count() == 3


def test_an_ended_job_and_one_that_is_gone_do_not_run_again(handled: None, newcomer: User) -> None:
    job = ask(newcomer)
    assert jobs.run(job.pk)
    assert not jobs.run(job.pk)
    assert not jobs.run(job.pk + 1)
    assert PasswordRecord.objects.count() == 3


def test_a_held_job_is_not_to_be_had_until_its_lease_ends(handled: None, newcomer: User) -> None:
    job = ask(newcomer)
    first = jobs.take(job.pk)
    assert first is not None
    assert jobs.take(job.pk) is None
    expire(job)
    second = jobs.take(job.pk)
    assert second is not None
    assert second.token != first.token
    assert second.job.attempt == 2


def test_results_of_a_lost_lease_are_not_written(newcomer: User) -> None:
    def lose(run: jobs.JobRun, **arguments: int) -> None:
        with transaction.atomic():
            PasswordRecord.objects.create(user_id=arguments["user_id"], password="never")
            take_away(run.job.pk)
            run.finish_in_transaction()

    with jobs.registered(KIND, lose):
        job = ask(newcomer)
        assert jobs.run(job.pk)
    job.refresh_from_db()
    assert not PasswordRecord.objects.exists()
    assert job.state == Job.State.RUNNING


def test_progress_after_a_lost_lease_stops_the_handler(newcomer: User) -> None:
    reached = []

    def lose(run: jobs.JobRun, **_: int) -> None:
        take_away(run.job.pk)
        run.progress(1, 2)
        reached.append("after")

    with jobs.registered(KIND, lose):
        job = ask(newcomer)
        assert jobs.run(job.pk)
    assert reached == []
    assert Job.objects.get(pk=job.pk).lease_token == "another"


@pytest.mark.django_db(transaction=True)
def test_finishing_outside_a_transaction_is_a_mistake(handled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    held = jobs.take(ask(User.objects.create_user("clerk", name="Clerk")).pk)
    assert held is not None
    with pytest.raises(TransactionManagementError, match="inside transaction"):
        held.finish_in_transaction()


def test_what_the_user_can_put_right_fails_at_once_with_its_sentence(newcomer: User) -> None:
    def refuse(run: jobs.JobRun, **_: int) -> None:
        raise ValidationError("October is not open.", code="not_open")

    with jobs.registered(KIND, refuse):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.message, job.attempt) == ("failed", "October is not open.", 1)
    assert job.finished_at is not None


def test_a_mistake_of_ours_is_tried_three_times_and_its_text_stays_in_the_log(
    newcomer: User, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(run: jobs.JobRun, **_: int) -> None:
        raise RuntimeError("张三 13800000000")

    with jobs.registered(KIND, break_down):
        job = ask(newcomer)
        states = []
        for _attempt in range(4):
            jobs.run(job.pk)
            states.append(Job.objects.get(pk=job.pk).state)
    job.refresh_from_db()
    assert states == ["queued", "queued", "failed", "failed"]
    assert job.attempt == jobs.MAX_ATTEMPTS == 3
    assert job.message == "An unexpected error stopped this work. It is recorded under the number of the job."
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        f"job {job.pk} ({KIND}): attempt {number} failed" for number in (1, 2, 3)
    ]


def test_a_handler_that_only_returns_is_finished_with_what_it_returned(newcomer: User) -> None:
    with jobs.registered(KIND, lambda run, **arguments: {"count": arguments["count"]}):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == ("succeeded", {"count": 3})


def test_a_right_taken_away_after_asking_stops_the_job(handled: None, county_admin: User) -> None:
    with jobs.registered(KIND, write_rows, permission="assessments.close_period"):
        job = ask(county_admin)
        county_admin.memberships.all().delete()
        jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.message == "The account that asked for this work no longer has the right to it."
    assert not PasswordRecord.objects.exists()


def test_a_disabled_account_stops_its_jobs(handled: None, newcomer: User) -> None:
    job = ask(newcomer)
    User.objects.filter(pk=newcomer.pk).update(is_active=False)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.message == "The account that asked for this work has been disabled."
    assert not PasswordRecord.objects.exists()


def test_the_right_is_found_where_it_still_is(county_admin: User) -> None:
    with jobs.registered(KIND, write_rows, permission="assessments.close_period"):
        job = ask(county_admin)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED


def test_a_cancelled_job_ends_without_result_even_while_it_runs(newcomer: User) -> None:
    def cancelled_meanwhile(run: jobs.JobRun, **arguments: int) -> None:
        assert jobs.cancel(run.job)
        with transaction.atomic():
            PasswordRecord.objects.create(user_id=arguments["user_id"], password="never")
            run.finish_in_transaction()

    with jobs.registered(KIND, cancelled_meanwhile):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert not PasswordRecord.objects.exists()
    assert not jobs.cancel(job)


def test_a_stopping_worker_hands_its_job_back_uncounted(newcomer: User) -> None:
    def asked_to_stop(run: jobs.JobRun, **arguments: int) -> None:
        assert jobs.hand_back_all() == 1
        with transaction.atomic():
            PasswordRecord.objects.create(user_id=arguments["user_id"], password="never")
            run.finish_in_transaction()

    with jobs.registered(KIND, asked_to_stop):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_token) == ("queued", 0, "")
    assert not PasswordRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_renews_the_lease_and_shows_progress_while_the_handler_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.02)
    user = User.objects.create_user("clerk", name="Clerk")
    seen: list[Job] = []

    def slow(run: jobs.JobRun, **_: int) -> None:
        expire(run.job)
        run.progress(5, 9, "Scoring")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            job = Job.objects.get(pk=run.job.pk)
            if job.done == 5 and Job.objects.filter(pk=job.pk, lease_until__gt=Now()).exists():
                seen.append(job)
                return
            time.sleep(0.01)

    with jobs.registered(KIND, slow):
        job = ask(user)
    assert [(j.state, j.done, j.total, j.message) for j in seen] == [("running", 5, 9, "Scoring")]
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_woken_at_once_one_takes_the_job(handled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    user = User.objects.create_user("clerk", name="Clerk")
    job = ask(user)
    barrier = threading.Barrier(4)
    taken: list[bool] = []

    def worker() -> None:
        barrier.wait()
        try:
            taken.append(jobs.run(job.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]
    assert PasswordRecord.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_one_makes_the_job(handled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    user = User.objects.create_user("clerk", name="Clerk")
    barrier = threading.Barrier(4)
    made: list[int] = []

    def request() -> None:
        barrier.wait()
        try:
            made.append(ask(user).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_learns_of_a_lost_lease_and_the_next_progress_stops_the_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.02)
    user = User.objects.create_user("clerk", name="Clerk")
    stopped = []

    def slow(run: jobs.JobRun, **_: int) -> None:
        take_away(run.job.pk)
        end = time.monotonic() + 10
        try:
            while time.monotonic() < end:
                run.progress(1, 2)
                time.sleep(0.01)
        except jobs.LeaseLost:
            stopped.append(True)
            raise

    with jobs.registered(KIND, slow):
        job = ask(user)
    assert stopped == [True]
    assert Job.objects.get(pk=job.pk).lease_token == "another"


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_cannot_write_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.02)
    user = User.objects.create_user("clerk", name="Clerk")
    beats: list[bool] = []
    renew = jobs._renew

    def fails_first(run: jobs.JobRun) -> None:
        beats.append(True)
        if len(beats) == 1:
            raise OperationalError("the database restarts")
        renew(run)

    def slow(run: jobs.JobRun, **_: int) -> None:
        end = time.monotonic() + 10
        while len(beats) < 2 and time.monotonic() < end:
            time.sleep(0.01)

    monkeypatch.setattr(jobs, "_renew", fails_first)
    with jobs.registered(KIND, slow):
        job = ask(user)
    assert len(beats) >= 2
    assert f"job {job.pk}: heartbeat not written (OperationalError)" in [r.getMessage() for r in caplog.records]
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED


def test_a_failure_after_a_lost_lease_changes_nothing_of_the_job(
    newcomer: User, caplog: pytest.LogCaptureFixture
) -> None:
    def lose_and_fail(run: jobs.JobRun, **_: int) -> None:
        take_away(run.job.pk)
        raise RuntimeError

    with jobs.registered(KIND, lose_and_fail):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.lease_token, job.message) == ("running", "another", "")
    assert f"job {job.pk}: failed after its lease was lost" in [r.getMessage() for r in caplog.records]


def test_a_failure_that_cannot_be_recorded_is_left_to_the_lease(
    newcomer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(run: jobs.JobRun, **_: int) -> None:
        raise RuntimeError

    def gone(*_: object, **__: object) -> None:
        raise OperationalError("the database is gone")

    monkeypatch.setattr(jobs.JobRun, "_end", gone)
    with jobs.registered(KIND, break_down):
        job = ask(newcomer)
        assert jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    assert job.lease_until is not None
    assert f"job {job.pk}: failure not recorded" in [r.getMessage() for r in caplog.records]


def test_a_job_of_the_system_itself_has_no_requester_to_ask(county_admin: User) -> None:
    with jobs.registered(KIND, write_rows, permission="assessments.close_period"):
        job = jobs.enqueue(KIND, {"user_id": county_admin.pk, "count": 3}, by=None, key="7")
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.requested_by) == ("succeeded", None)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionDenied(), "The account that asked for this work no longer has the right to it."),
        (PermissionDenied("Not in your area."), "Not in your area."),
    ],
)
def test_what_the_handler_itself_refuses_fails_at_once(error: PermissionDenied, message: str, newcomer: User) -> None:
    def refuse(run: jobs.JobRun, **_: int) -> None:
        raise error

    with jobs.registered(KIND, refuse):
        job = ask(newcomer)
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.message) == ("failed", 1, message)


def test_who_comes_second_by_a_moment_gets_the_first_ones_job(
    handled: None, newcomer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(newcomer)
    look = jobs._live
    looks: list[bool] = []

    def too_early(kind: str, key: str) -> Job | None:
        looks.append(True)
        return None if len(looks) == 1 else look(kind, key)

    monkeypatch.setattr(jobs, "_live", too_early)
    assert ask(newcomer).pk == first.pk
    monkeypatch.setattr(jobs, "_live", lambda kind, key: None)
    with pytest.raises(IntegrityError):
        ask(newcomer)


# --- Sweeping -----------------------------------------------------------------------------


def test_the_sweeper_finds_queued_jobs_and_expired_leases_and_leaves_held_ones(
    handled: None, newcomer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued, expired, held = (ask(newcomer, key) for key in "abc")
    for job in (expired, held):
        jobs.take(job.pk)
    expire(expired)
    woken: list[int] = []
    monkeypatch.setattr(jobs, "wake", lambda job_id: woken.append(job_id) or True)
    run_here: list[int] = []
    assert jobs.sweep(run_here.append) == 2
    assert woken == [queued.pk, expired.pk]
    assert run_here == []


def test_a_job_that_no_worker_took_for_long_is_run_by_the_ticker(
    handled: None, newcomer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, fresh = (ask(newcomer, key) for key in "ab")
    Job.objects.filter(pk=old.pk).update(created_at=Now() - jobs.PATIENCE * 2)
    monkeypatch.setattr(jobs, "wake", lambda job_id: True)
    run_here: list[int] = []
    assert jobs.sweep(run_here.append) == 2
    assert run_here == [old.pk]
    assert fresh.pk not in run_here


def test_a_job_cut_off_three_times_has_failed_with_a_reason(handled: None, newcomer: User) -> None:
    job = ask(newcomer)
    for _attempt in range(3):
        assert jobs.take(job.pk) is not None
        expire(job)
    assert jobs.take(job.pk) is None
    assert jobs.sweep(jobs.run) == 0
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "This work was cut off three times. Ask the system administrator.")
    assert job.finished_at is not None
