"""What `make check` runs: everything about the code that is not a test. Each step runs, each result is printed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.run import LOCAL_DATABASE, database_problem

BIN = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]
PRODUCTION = {
    "HTTPS": "1",
    "ALLOWED_HOSTS": "portal.example",
    "CSRF_TRUSTED_ORIGINS": "https://portal.example",
    "SECRET_KEY": "check-only-3mZ8qT1vX6cR9wL2yB5nK7dF4gH0jP-3mZ8qT1vX6cR9wL2",
}
APPS = ("accounts", "imports", "branches", "cadres", "assessments", "collective_economy")
FIRST_RELEASE = {
    "accounts": "0005",
    "assessments": "0008",
    "branches": "0004",
    "cadres": "0001",
    "collective_economy": "0001",
    "imports": "0002",
}
"""Up to these, migrations met no data: what locks or drops cannot hurt. Everything after them is linted."""

WITH_THEIR_TABLES = ("0011_pay_lines_are_numbered", "0013_quota_of_the_year_and_one_published")
"""Alter only tables that came with assessments 0009 in the same release, so these met no data either."""

ON_ONE_SMALL_TABLE = ("0002_programmes_projects_and_payments",)
"""Makes new tables, and alters one that held data: the ledger's monthly totals, at most six a village and month, which
only the import of a sheet wrote. 64 800 of them (300 villages, three years) took 3 seconds on PostgreSQL; an import
that meets those seconds is undone as a whole and runs again. collective_economy 0003 and 0004 are linted."""


def met_no_data() -> list[str]:
    return [
        path.stem
        for app, last in FIRST_RELEASE.items()
        for path in sorted(Path(app, "migrations").glob("0*.py"))
        if path.stem[:4] <= last
    ]


LINTED = {
    "DJANGO_SETTINGS_MODULE": "config.settings.test",
    "DATABASE_URL": os.environ.get("DATABASE_URL") or LOCAL_DATABASE.rsplit("/", 1)[0] + "/postgres",
}
STEPS: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    ("dependencies", [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"], {}),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."], {}),
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."], {}),
    ("layers", [str(BIN / "lint-imports"), "--no-cache"], {}),
    ("types", [str(BIN / "mypy"), "."], {}),
    ("migrations complete", [*MANAGE, "makemigrations", "--check", "--dry-run"], {}),
    (
        "migrations safe",
        [
            *MANAGE,
            "lintmigrations",
            "--no-cache",
            "--quiet",
            "ok",
            "--ignore-name",
            *met_no_data(),
            *WITH_THEIR_TABLES,
            *ON_ONE_SMALL_TABLE,
            "--include-apps",
            *APPS,
        ],
        LINTED,
    ),
    ("deployment", [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
    ("translations", [*MANAGE, "messages", "--check"], {}),
)


def main() -> int:
    failed = []
    with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
        for name, command, extra in STEPS:
            if extra is LINTED and (problem := database_problem(LINTED["DATABASE_URL"])):
                # The linter reads the SQL that the production database would get, and asks it for its version.
                sys.stdout.write(f"not run {name}: {problem}\n")
                continue
            started = time.monotonic()
            environment = os.environ | {"PORTAL_VAR_DIR": folder, "LOG_LEVEL": "ERROR"} | extra
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            is_good = done.returncode == 0
            sys.stdout.write(f"{'ok    ' if is_good else 'FAILED'} {name} ({time.monotonic() - started:.0f} s)\n")
            if not is_good:
                failed.append(name)
                sys.stdout.write(done.stdout + done.stderr)
            sys.stdout.flush()
    sys.stdout.write(f"Failed: {', '.join(failed)}\n" if failed else "Everything in order.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
