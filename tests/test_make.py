"""One command runs the portal and stops it without an orphan; the lock files hold what they should."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import User
from config.management.commands import portal

ROOT = Path(__file__).resolve().parents[1]


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


class Portal:
    """`manage.py portal` on an empty embedded database of its own, without a demo county."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.output = folder / "output"
        self.environment = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
        }
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "PORTAL_VAR_DIR": str(folder / "var"),
            "PORT": str(self.port),
            "SEED_DEMO": "0",
            "WEB_WORKERS": "1",
            "WORKER_CONCURRENCY": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "portal"], cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
        wait_for(lambda: "Ctrl-C stops it." in self.said())
        return self.process

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def status(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
            status: int = answer.status
        return status

    def processes(self) -> dict[int, str]:
        """Of this portal, by the folder in their environment: id and command line."""
        mark = f"PORTAL_VAR_DIR={self.environment['PORTAL_VAR_DIR']}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if command}

    def end(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Portal]:
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    started = Portal(tmp_path)
    try:
        started.start()
        yield started
    finally:
        started.end()


def test_one_command_runs_web_worker_and_ticker_and_stops_them_all(running: Portal) -> None:
    assert running.status() == 200
    assert f"http://127.0.0.1:{running.port}/" in running.said()
    commands = " ".join(running.processes().values())
    assert all(word in commands for word in ("gunicorn", "celery", "ticker"))

    # A second one says in a sentence why it does not start.
    second = subprocess.run(
        [sys.executable, "manage.py", "portal"],
        cwd=ROOT,
        env=running.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"Port {running.port} on 127.0.0.1 cannot be used" in second.stderr
    assert f"PORT={running.port + 1} make run" in second.stderr

    # A worker that is killed comes back.
    worker = next(pid for pid, command in running.processes().items() if "celery" in command)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: any("celery" in c and pid != worker for pid, c in running.processes().items()))
    assert "worker ended unexpectedly and is started again" in running.said()

    assert running.process is not None
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert running.processes() == {}
    assert running.said().rstrip().endswith("Stopped.")

    # It starts again on the same database.
    running.start()
    assert running.status() == 200
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert running.processes() == {}


def test_nothing_is_left_when_the_command_itself_is_killed(running: Portal) -> None:
    assert running.process is not None
    running.process.kill()
    running.process.wait()
    wait_for(lambda: running.processes() == {})


# --- Demo accounts ------------------------------------------------------------------------


@pytest.mark.django_db
def test_demo_accounts_are_shown_while_they_have_their_first_password(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    assert portal._demo_accounts() == {}
    accounts = {
        "county_staff": {"user": "zuzhi", "password": "First-1-password"},
        "auditor": {"user": "gone", "password": "x"},
    }
    (tmp_path / portal.ACCOUNTS_FILE).write_text(json.dumps(accounts), encoding="utf-8")
    assert portal._demo_accounts() == {}
    user = User.objects.create_user("zuzhi", "First-1-password", name="Zuzhi")
    assert portal._demo_accounts() == {"county_staff": {"user": "zuzhi", "password": "First-1-password"}}
    user.set_password("Another-2-password")
    user.save()
    assert portal._demo_accounts() == {}


# --- Lock files and Makefile --------------------------------------------------------------

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$", re.M)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, str]:
    return {normalised(n): v for n, v in LOCKED.findall((ROOT / name).read_text(encoding="utf-8"))}


def wanted(extra: str = "") -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {normalised(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines}


def test_everything_the_project_asks_for_is_locked_and_work_has_what_production_has() -> None:
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")
    assert wanted() - set(runtime) == set()
    assert wanted("dev") - set(development) == set()
    assert {name: version for name, version in runtime.items() if development.get(name) != version} == {}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_hashes_and_no_line_names_an_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|index|find-links|trusted-host|file://", text) == []


def test_the_names_that_people_rely_on_are_targets() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.M))
    assert {"setup", "run", "test", "check", "bench", "messages", "screenshots"} <= targets


def test_a_second_setup_has_nothing_to_do(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    for stamp in (".runtime", ".dev"):
        (tmp_path / ".venv" / stamp).touch()
    again = subprocess.run(["make", "setup"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in again.stdout
    later = time.time() + 5
    os.utime(tmp_path / "requirements-dev.lock", (later, later))
    changed = subprocess.run(["make", "-n", "setup"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "requirements-dev.lock" in changed.stdout
    assert "requirements.lock" not in changed.stdout
