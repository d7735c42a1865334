"""What `make test` runs: the whole suite on the embedded default, then on PostgreSQL and Redis where they answer.

make test                          both, as far as the servers answer
make test ARGS="tests/accounts"    a part of it
python -m tests.run --require-servers    fails when the servers do not answer (continuous integration)
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psycopg2
import redis

LOCAL_DATABASE = "postgres://postgres@127.0.0.1:5432/portal"
LOCAL_REDIS = "redis://127.0.0.1:6379/15"
EMBEDDED = "the embedded default (SQLite, wake-ups through a folder)"
SERVERS = "PostgreSQL and Redis"


def main(arguments: list[str]) -> int:
    require_servers = "--require-servers" in arguments
    rest = [argument for argument in arguments if argument != "--require-servers"]
    outcomes = {EMBEDDED: _suite(EMBEDDED, {"DATABASE_URL": "", "REDIS_URL": ""}, rest)}
    database_url = os.environ.get("DATABASE_URL") or LOCAL_DATABASE
    redis_url = os.environ.get("REDIS_URL") or LOCAL_REDIS
    problem = database_problem(database_url) or _redis_problem(redis_url)
    if problem:
        _say(f"\n=== Not run on {SERVERS}: {problem}")
        outcomes[SERVERS] = 1 if require_servers or os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL") else 0
    else:
        _say("\nOnce is enough for tests that touch no database, and for those in a browser; they ran above.")
        servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        outcomes[SERVERS] = _suite(SERVERS, servers, ["-m", "not pure and not browser", *rest])
    _say("\n=== Summary")
    for name, code in outcomes.items():
        words = "not run" if problem and name == SERVERS else "passed" if code == 0 else f"failed (exit code {code})"
        _say(f"{name}: {words}")
    return next((code for code in outcomes.values() if code), 0)


def _suite(name: str, environment: dict[str, str], arguments: list[str]) -> int:
    _say(f"\n=== Tests on {name}")
    started = time.monotonic()
    inherited = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    wanted = {key: value for key, value in environment.items() if value}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *arguments]
    code = subprocess.run(command, env=inherited | wanted, check=False).returncode
    _say(f"=== {name}: {time.monotonic() - started:.0f} s")
    return code


def database_problem(url: str) -> str:
    """Why there is no PostgreSQL at `url`, empty when it answers. Databases for the tests are made beside it."""
    try:
        psycopg2.connect(url.rsplit("/", 1)[0] + "/postgres", connect_timeout=3).close()
    except psycopg2.OperationalError as error:
        return f"PostgreSQL does not answer ({str(error).strip().splitlines()[0]})"
    return ""


def _redis_problem(url: str) -> str:
    try:
        redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3).ping()
    except redis.RedisError as error:
        return f"Redis does not answer ({error})"
    return ""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
