"""Measuring fairly: each way of doing a piece of work in a process of its own, in turn, medians side by side.

Ours, the floor (only the unavoidable reading and writing) and the peer (what a competent
team would write first) work on the same rows of the same database. Nothing is asserted
about time; what comes out is compared and printed.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Work = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Way:
    """One way of doing the work. `prepare` is not measured; `run` answers with what it produced."""

    name: str
    run: Work
    prepare: Callable[[], None] = lambda: None
    rounds: int | None = None


def measure(way: Way) -> dict[str, Any]:
    """Seconds, queries and peak memory (MB) of one run, with what it produced."""
    from django.db import connection  # noqa: PLC0415  (after django.setup)

    way.prepare()
    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        started = time.perf_counter()
        produced = way.run()
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": seconds, "queries": queries, "peak_mb": peak, **produced}


def in_own_process(module: str, name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """One measured run of the way `name` of `module` in a fresh interpreter."""
    command = [sys.executable, "-m", module, "--only", name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ.copy())
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(module: str, ways: Sequence[Way], arguments: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Medians of every way, run in turn so that a busy minute hits all alike."""
    runs: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
    for turn in range(rounds):
        for way in ways:
            if turn < (way.rounds or rounds):
                runs[way.name].append(in_own_process(module, way.name, arguments))
    return [
        {
            **runs[way.name][0],
            "way": way.name,
            "runs": len(runs[way.name]),
            "seconds": statistics.median(run["seconds"] for run in runs[way.name]),
            "peak_mb": max(run["peak_mb"] for run in runs[way.name]),
        }
        for way in ways
    ]


def report(title: str, rows: Sequence[dict[str, Any]], floor: str) -> str:
    """A table for people: seconds, against the floor, queries, memory, what was produced."""
    base = next(row["seconds"] for row in rows if row["way"] == floor)
    lines = [title, f"{'way':<28}{'seconds':>10}{'× floor':>9}{'queries':>9}{'MB':>7}{'runs':>6}  result"]
    for row in rows:
        lines.append(
            f"{row['way']:<28}{row['seconds']:>10.3f}{row['seconds'] / base:>9.2f}{row['queries']:>9}"
            f"{row['peak_mb']:>7}{row['runs']:>6}  {row.get('result', '')}"
        )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """Versions that the figures belong to."""
    import django  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        version = cursor.fetchone()[0]
    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"{connection.vendor} {version}",
        "cores": str(os.cpu_count()),
    }
