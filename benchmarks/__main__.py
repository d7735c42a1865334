"""What `make bench` runs: each benchmark on the embedded database and, where it answers, on PostgreSQL.

    make bench                                   a county
    make bench ARGS="--size province --rounds 3"

Each database is made for the purpose and removed afterwards; DATABASE_URL names another server than the local one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

MODULES = (
    "benchmarks.month",
    "benchmarks.grid",
    "benchmarks.roster",
    "benchmarks.people",
    "benchmarks.pay",
    "benchmarks.flags",
    "benchmarks.economy",
)
LOCAL_SERVER = "postgres://postgres@127.0.0.1:5432/portal"
DATABASE = "portal_benchmark"


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        codes = [_run_all(f"sqlite:///{folder}/bench.sqlite3", "SQLite", folder, arguments)]
        server = (os.environ.get("DATABASE_URL") or LOCAL_SERVER).rsplit("/", 1)[0]
        try:
            with _fresh_database(server) as url:
                codes.append(_run_all(url, "PostgreSQL", folder, arguments))
        except psycopg2.OperationalError as error:
            _say(f"Not run on PostgreSQL: it does not answer ({str(error).strip().splitlines()[0]})")
    return max(codes)


def _run_all(url: str, name: str, folder: str, arguments: list[str]) -> int:
    environment = os.environ | {
        "DATABASE_URL": url,
        "PORTAL_VAR_DIR": folder,
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "LOG_LEVEL": "WARNING",
    }
    _say(f"\n=== {name}")
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=environment, check=True)
    return max(
        subprocess.run([sys.executable, "-m", m, *arguments], env=environment, check=False).returncode for m in MODULES
    )


@contextmanager
def _fresh_database(server: str) -> Iterator[str]:
    connection = psycopg2.connect(f"{server}/postgres", connect_timeout=3)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            cursor.execute(f"CREATE DATABASE {DATABASE}")
            try:
                yield f"{server}/{DATABASE}"
            finally:
                cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    finally:
        connection.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
