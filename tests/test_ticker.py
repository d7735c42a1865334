"""The ticker: one of many works, what is due is done once, what was missed is caught up."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.db.models.functions import Now

from accounts import jobs, ticking
from accounts.management.commands import ticker as ticker_command
from accounts.management.commands.ticker import Ticker
from accounts.models import Job, Lease, User

NOON = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


class Recorder:
    def __init__(self) -> None:
        self.moments: list[datetime] = []

    def __call__(self, now: datetime) -> None:
        self.moments.append(now)


def let_it_end() -> None:
    Lease.objects.filter(name=ticking.LEASE_NAME).update(until=Now() - timedelta(seconds=1))


def test_one_ticker_holds_the_lease_until_it_lets_go() -> None:
    assert ticking.hold("first")
    assert ticking.hold("first")
    assert not ticking.hold("second")
    ticking.release("second")
    assert not ticking.hold("second")
    ticking.release("first")
    assert ticking.hold("second")
    assert Lease.objects.get(name=ticking.LEASE_NAME).holder == "second"


def test_a_ticker_that_was_killed_is_followed_when_its_lease_ends() -> None:
    assert ticking.hold("killed")
    let_it_end()
    assert ticking.hold("second")
    assert not ticking.hold("killed")


def test_without_the_lease_nothing_is_called() -> None:
    recorder = Recorder()
    with ticking.replaced({"a": (recorder, HOUR)}):
        ticking.hold("first")
        assert ticking.tick("second", NOON) == []
    assert recorder.moments == []


def test_a_double_tick_does_nothing_and_the_next_hour_does() -> None:
    recorder = Recorder()
    with ticking.replaced({"a": (recorder, HOUR)}):
        assert ticking.tick("me", NOON) == ["a"]
        assert ticking.tick("me", NOON) == []
        assert ticking.tick("me", NOON + HOUR - timedelta(seconds=1)) == []
        assert ticking.tick("me", NOON + HOUR) == ["a"]
    assert recorder.moments == [NOON, NOON + HOUR]


def test_a_missed_day_is_caught_up_by_one_call_at_the_next_tick() -> None:
    recorder = Recorder()
    with ticking.replaced({"a": (recorder, HOUR)}):
        ticking.tick("yesterday", NOON)
        let_it_end()
        assert ticking.tick("today", NOON + timedelta(days=1)) == ["a"]
    assert recorder.moments == [NOON, NOON + timedelta(days=1)]


def test_a_clock_that_was_set_back_does_not_stop_the_timed_tasks() -> None:
    recorder = Recorder()
    with ticking.replaced({"a": (recorder, HOUR)}):
        ticking.tick("me", NOON + timedelta(days=30))
        assert ticking.tick("me", NOON) == ["a"]


def test_one_failing_task_does_not_keep_the_others_from_their_turn(caplog: pytest.LogCaptureFixture) -> None:
    def fail(now: datetime) -> None:
        raise RuntimeError("no")

    recorder = Recorder()
    with ticking.replaced({"a": (fail, HOUR), "b": (recorder, HOUR)}):
        assert ticking.tick("me", NOON) == ["a", "b"]
    assert recorder.moments == [NOON]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == ["timed task a failed"]


def test_a_name_is_given_once() -> None:
    recorder = Recorder()
    with ticking.replaced({"a": (recorder, HOUR)}):
        ticking.register("a", recorder)
        with pytest.raises(ValueError, match="already registered"):
            ticking.register("a", Recorder())


@pytest.mark.django_db(transaction=True)
def test_one_round_of_the_ticker_runs_the_jobs_nobody_was_woken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    user = User.objects.create_user("clerk", name="Clerk")
    recorder = Recorder()
    with (
        jobs.registered("tests.nothing", lambda run: {"done": True}),
        ticking.replaced({"a": (recorder, HOUR)}),
    ):
        job = jobs.enqueue("tests.nothing", {}, by=user, key="1")
        call_command("ticker", once=True)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.result, job.attempt) == ("succeeded", {"done": True}, 1)
    assert len(recorder.moments) == 1
    lease = Lease.objects.get(name=ticking.LEASE_NAME)
    assert (lease.holder, lease.until) == ("", None)
    assert lease.beat_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_standby_ticker_leaves_the_jobs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    user = User.objects.create_user("clerk", name="Clerk")
    ticking.hold("the one at work")
    with jobs.registered("tests.nothing", lambda run: None):
        job = jobs.enqueue("tests.nothing", {}, by=user, key="1")
        standby = Ticker()
        standby.round(sweeping=True)
        standby.stop()
    assert Job.objects.get(pk=job.pk).state == Job.State.QUEUED
    assert Lease.objects.get(name=ticking.LEASE_NAME).holder == "the one at work"


@pytest.mark.django_db(transaction=True)
def test_a_job_that_does_not_end_in_time_is_handed_back_when_the_ticker_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)
    monkeypatch.setattr(ticker_command, "STOP_SECONDS", 0.1)
    left: list[int] = []
    monkeypatch.setattr(ticker_command.os, "_exit", left.append)
    monkeypatch.setattr(ticker_command.logging, "shutdown", lambda: None)
    user = User.objects.create_user("clerk", name="Clerk")
    began, may_end = threading.Event(), threading.Event()

    def endless(run: jobs.JobRun) -> None:
        began.set()
        may_end.wait(30)

    with jobs.registered("tests.endless", endless), ticking.replaced({}):
        job = jobs.enqueue("tests.endless", {}, by=user, key="1")
        stopping = Ticker()
        stopping.round(sweeping=True)
        assert began.wait(30)
        stopping.round(sweeping=True)
        stopping.stop()
        job.refresh_from_db()
        assert (job.state, job.attempt) == ("queued", 0)
        assert left == [0]
        assert Lease.objects.get(name=ticking.LEASE_NAME).holder == ""
        may_end.set()
        stopping._runner.shutdown(wait=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("queued", 0)


def test_the_ticker_waits_for_a_database_that_is_away_and_stops_when_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ticking, "TICK_SECONDS", 0.01)
    ticker = Ticker()
    rounds: list[bool] = []

    def away(*, sweeping: bool) -> None:
        rounds.append(sweeping)
        if len(rounds) == 2:
            ticker.asked_to_stop(15, None)
        raise OperationalError("restarting")

    def also_away(holder: str) -> None:
        raise OperationalError("restarting")

    monkeypatch.setattr(ticker, "round", away)
    monkeypatch.setattr(ticking, "release", also_away)
    monkeypatch.setattr(ticker_command, "connection", SimpleNamespace(close=lambda: None))
    ticker.loop()
    assert rounds == [True, False]
    assert [record.getMessage() for record in caplog.records if record.name.endswith("ticker")] == [
        "ticker: the database does not answer (OperationalError)",
        "ticker: the database does not answer (OperationalError)",
        "ticker: nothing handed back, its leases will end (OperationalError)",
    ]
