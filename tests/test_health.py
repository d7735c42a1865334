"""The probes and what they tell to whom."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now
from django.test import Client

from accounts import ticking
from accounts.models import Lease, User
from accounts.roles import Role
from branches.models import Unit
from config import health
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_well(settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticker that ticks, a fresh backup, room on the disk."""
    ticking.hold("ticker")
    (tmp_path / "backup").write_text("x")
    settings.BACKUP_DIR = str(tmp_path)
    settings.MIN_FREE_MB = 0
    monkeypatch.setattr(health, "_broker", lambda: "")


@pytest.fixture
def system_admin(county: Unit) -> User:
    return make_user("system_admin", Role.SA, county)


def ready(client: Client, status: int) -> dict[str, Any]:
    response = client.get("/readyz")
    assert response.status_code == status
    answer: dict[str, Any] = response.json()
    return answer


def test_healthz_asks_no_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_ready_without_detail_for_the_passer_by(all_well: None, client: Client, newcomer: User) -> None:
    assert ready(client, 200) == {"status": "ready"}
    client.force_login(newcomer)
    assert ready(client, 200) == {"status": "ready"}


def test_detail_for_the_system_administrator(all_well: None, client: Client, system_admin: User) -> None:
    client.force_login(system_admin)
    names = ("database", "migrations", "sweeper", "disk", "backup", "broker")
    assert ready(client, 200) == {"status": "ready", "checks": dict.fromkeys(names, "ok")}


def test_a_ticker_not_seen_for_long_makes_it_unavailable(all_well: None, client: Client, system_admin: User) -> None:
    Lease.objects.update(beat_at=Now() - timedelta(minutes=3))
    client.force_login(system_admin)
    answer = ready(client, 503)
    assert answer["status"] == "unavailable"
    assert answer["checks"]["sweeper"] == "last seen 180 s ago"


def test_a_ticker_that_never_ran_makes_it_unavailable(all_well: None, client: Client) -> None:
    Lease.objects.all().delete()
    assert ready(client, 503) == {"status": "unavailable"}


def test_a_full_disk_makes_it_unavailable(all_well: None, client: Client, settings: LazySettings) -> None:
    settings.MIN_FREE_MB = 10**9
    assert ready(client, 503) == {"status": "unavailable"}


def test_a_missing_migration_makes_it_unavailable(all_well: None, client: Client, system_admin: User) -> None:
    from django.db.migrations.recorder import MigrationRecorder  # noqa: PLC0415  (a model, once apps are loaded)

    MigrationRecorder.Migration.objects.filter(app="assessments").delete()
    client.force_login(system_admin)
    answer = ready(client, 503)
    assert answer["checks"]["migrations"].endswith("not applied")


def test_without_a_database_it_says_so_and_does_not_fall(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_database", lambda: "does not answer (OperationalError)")
    assert ready(client, 503) == {"status": "unavailable"}
    assert "sweeper" not in health.check_all()


@pytest.mark.parametrize(
    ("name", "words"),
    [("_broker", "does not answer (OperationalError); the ticker runs the jobs"), ("_backup", "there is none")],
)
def test_without_a_broker_or_a_backup_it_is_degraded_and_still_answers_200(
    name: str, words: str, all_well: None, client: Client, system_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, name, lambda: words)
    client.force_login(system_admin)
    answer = ready(client, 200)
    assert answer["status"] == "degraded"
    assert answer["checks"][name.removeprefix("_")] == words


def test_the_age_of_the_backup(settings: LazySettings, tmp_path: Path) -> None:
    settings.BACKUP_DIR = ""
    assert health._backup() == "BACKUP_DIR is not set"
    settings.BACKUP_DIR = str(tmp_path)
    assert health._backup() == "there is none"
    old = tmp_path / "old"
    old.write_text("x")
    os.utime(old, (time.time() - 30 * 3600,) * 2)
    assert health._backup() == "the last is 30 h old"
    (tmp_path / "new").write_text("x")
    assert health._backup() == ""


def test_a_dead_broker_is_seen_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import Celery  # noqa: PLC0415

    app = Celery("elsewhere", broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setattr(health, "current_app", app)
    started = time.monotonic()
    assert health._broker().startswith("does not answer (OperationalError)")
    assert time.monotonic() - started < 6
