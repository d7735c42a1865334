"""The whole portal under one command: what `make run` starts."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from accounts.models import User
from config import messages
from config.supervising import Child, Supervisor

READY_SECONDS = 120.0
ACCOUNTS_FILE = "demo-accounts.json"
UNFINISHED_FILE = "demo-unfinished"
ROLE_LABELS = {
    "system_admin": "系统管理员 system administrator",
    "auditor": "审计员 security auditor",
    "county_staff": "县委组织部科员 county staff",
    "county_leader": "部领导 county leader",
    "township_secretary": "乡镇党委书记 township secretary",
    "economy_officer": "集体经济专干 economy officer",
    "inspector": "纪检监督员 inspector",
    "township_member": "乡镇组织委员 township organization member",
    "party_department": "牵头部门（基层党建） lead department, F1",
    "agriculture_department": "牵头部门（农业农村局） lead department, F2 F3 F4",
    "law_department": "牵头部门（政法委） lead department, F5",
}


class Command(BaseCommand):
    help = "Prepares the database (a demo county if it is empty), then runs web, worker and ticker until Ctrl-C."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = settings.HOST, settings.PORT
        _require_free(host, port)
        try:
            self._prepare()
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
            sys.exit(130)
        supervisor = Supervisor(_children(), self._environment(), self.stderr.write)
        supervisor.start()
        try:
            self._announce(supervisor, host, port)
            connection.close()
            supervisor.watch()
        finally:
            self.stderr.write("Stopping ...")
            supervisor.stop()
            self.stderr.write("Stopped.")

    def _prepare(self) -> None:
        is_embedded = connection.vendor == "sqlite"
        where = "SQLite" if is_embedded else "PostgreSQL"
        self._say(f"Database: {where}. Wake-ups: {'Redis' if settings.REDIS_URL else 'a folder on this machine'}.")
        if is_embedded and _unfinished().exists():
            self._say("The last start was cut off while the demo county was being made: it is made again.")
            _remove_embedded_database()
            _unfinished().unlink()
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {str(error).strip()}") from error
        messages.compile_catalogues()
        call_command("collectstatic", interactive=False, verbosity=0)
        if settings.SEED_DEMO and not User.objects.exists():
            self._seed()

    def _seed(self) -> None:
        if _unfinished().exists():
            raise CommandError("The demo county was made only in part. Empty the database, then start again.")
        self._say(
            "The database is empty: a demo county is being made, all its people invented. This takes a few minutes."
        )
        _unfinished().touch()
        head = Path(settings.AUDIT_HEAD_FILE)
        if head.exists():
            # Of a database that is gone; kept, because it proves what that database ended with.
            head.replace(head.with_suffix(f".before-{int(time.time())}"))
        answer = StringIO()
        call_command("seed_demo", json=True, stdout=answer)
        seeded = json.loads(answer.getvalue())
        accounts = seeded["accounts"] | seeded["flag_accounts"]
        path = _accounts_path()
        path.touch(mode=0o600)
        path.write_text(json.dumps(accounts, ensure_ascii=False), encoding="utf-8")
        _unfinished().unlink()

    def _environment(self) -> dict[str, str]:
        return os.environ | {"DEMO": "1" if _demo_accounts() else os.environ.get("DEMO", "0")}

    def _announce(self, supervisor: Supervisor, host: str, port: int) -> None:
        if not supervisor.wait_until(lambda: _answers(host, port), READY_SECONDS):
            for child in supervisor.children:
                self.stderr.write(f"--- {child.log} ---\n{child.last_lines()}")
            raise CommandError("The portal did not start. The last lines of its logs stand above.")
        self._say(f"\nThe portal runs: http://{_shown(host)}:{port}/\n")
        accounts = _demo_accounts()
        if accounts:
            self._say("Demo accounts (user name, password):")
            for role, account in accounts.items():
                self._say(f"  {ROLE_LABELS.get(role, role)}:  {account['user']}  {account['password']}")
        self._say("\nCtrl-C stops it.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _children() -> list[Child]:
    commands = {
        "web": ["-m", "gunicorn", "-c", "python:config.web"],
        "worker": [
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        "ticker": ["manage.py", "ticker"],
    }
    return [
        Child(name, [sys.executable, *command], settings.VAR_DIR / "log" / f"{name}.log", settings.BASE_DIR)
        for name, command in commands.items()
    ]


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another one: PORT={port + 1} make run"
            ) from error


def _answers(host: str, port: int) -> bool:
    client = http.client.HTTPConnection(_shown(host), port, timeout=2)
    try:
        client.request("GET", "/healthz", headers={"Host": "localhost"})
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _accounts_path() -> Path:
    return Path(settings.VAR_DIR) / ACCOUNTS_FILE


def _unfinished() -> Path:
    return Path(settings.VAR_DIR) / UNFINISHED_FILE


def _demo_accounts() -> dict[str, dict[str, str]]:
    """The demo accounts of this database that still have their first password."""
    path = _accounts_path()
    if not path.exists():
        return {}
    accounts: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    users = {user.username: user for user in User.objects.filter(username__in=[a["user"] for a in accounts.values()])}
    return {
        role: account
        for role, account in accounts.items()
        if account["user"] in users and users[account["user"]].check_password(account["password"])
    }


def _remove_embedded_database() -> None:
    """Only ever called for a database that holds nothing but an unfinished demo county."""
    connection.close()
    name = str(connection.settings_dict["NAME"])
    for suffix in ("", "-wal", "-shm"):
        Path(name + suffix).unlink(missing_ok=True)
