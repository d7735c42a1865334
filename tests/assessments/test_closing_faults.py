"""Closing when processes are killed and the broker is gone: nothing lost, nothing twice, the user is told."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from django.db import connection

from accounts import jobs
from accounts.models import AuditEvent, Job, User
from assessments.jobs import CLOSE
from assessments.models import Period, Ranking, Result
from branches.models import Unit
from tests.assessments.month import full_month, make_month
from tests.test_job_faults import environment

KILLS, MOST_KILLS = 5, 25
"""Rounds at least; more of them until one has hit a worker at its work, which on a slow machine takes luck."""

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> None:
    """In a process of its own, with a broker address that nobody answers."""
    command = [sys.executable, "-m", "tests.closing_worker", *arguments]
    subprocess.run(command, env=environment(), check=True, timeout=120)


def ask(period: Period, by: User) -> Job:
    return jobs.enqueue(CLOSE, {"period_ids": [period.pk]}, by=by, key=f"period {period.pk}", scope=period.path)


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county, full_month())


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: False)


def test_a_worker_killed_while_closing_leaves_one_whole_draft(period: Period, county_admin: User) -> None:
    chance = random.Random()
    cut_off = rounds = 0
    while rounds < KILLS or (not cut_off and rounds < MOST_KILLS):
        rounds += 1
        job = ask(period, county_admin)
        connection.close()
        run("kill", str(job.pk), f"{chance.uniform(0.0, 0.6):.3f}")
        job.refresh_from_db()
        if job.state == Job.State.RUNNING:
            cut_off += 1
            assert not Result.objects.exclude(ranking__state=Ranking.State.DRAFT).exists()
        run("finish")
        job.refresh_from_db()
        assert job.state == Job.State.SUCCEEDED
        draft = Ranking.objects.get(period=period)
        assert job.result == {"rankings": [draft.pk]}
        assert (draft.revision, draft.ranked_count, Result.objects.count()) == (1, 5, 5)
    period.refresh_from_db()
    assert period.state == Period.State.COMPUTED
    assert AuditEvent.objects.filter(event="assessments.compute_ranking").count() == rounds
    assert cut_off, "no worker was hit while it worked"


def test_asked_twice_it_runs_once(period: Period, county_admin: User) -> None:
    assert ask(period, county_admin).pk == ask(period, county_admin).pk
    run("finish")
    assert Ranking.objects.count() == 1
    assert AuditEvent.objects.filter(event="assessments.compute_ranking").count() == 1


def test_a_right_taken_away_stops_the_job_with_a_sentence(period: Period, county_admin: User) -> None:
    job = ask(period, county_admin)
    county_admin.memberships.update(confirmed_by=None)
    run("finish")
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.message
    assert not Ranking.objects.exists()
