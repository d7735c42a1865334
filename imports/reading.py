"""Reads a spreadsheet in a child process and gives its worksheets as plain cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from imports import limits
from imports.collector import collector_at_rest
from imports.refusals import FileRefused

PROJECT = Path(__file__).resolve().parent.parent
REPEATED = 50_000
"""Different cells of one file that are kept once."""


@dataclass(frozen=True, slots=True)
class CellError:
    """A cell that holds #N/A and the like, or a formula without a stored value ("")."""

    shown: str


@dataclass(frozen=True, slots=True)
class MonthCell:
    """A date cell that its number format shows as year and month only."""

    day: date


Cell = str | Decimal | date | bool | CellError | MonthCell


@dataclass(frozen=True)
class Worksheet:
    """`rows` begin at row 1 and column A, so an index is the shown row number less one."""

    name: str
    is_visible: bool
    merged: list[tuple[int, int, int, int]]
    """First row, first column, last row, last column, from 0."""
    rows: list[list[Cell]]


MAKERS: dict[str, Callable[[str], Cell]] = {
    "n": Decimal,
    "b": lambda text: text == "1",
    "d": date.fromisoformat,
    "m": lambda text: MonthCell(date.fromisoformat(text)),
    "e": CellError,
}


@collector_at_rest()
def read_worksheets(path: Path, name: str | None = None) -> list[Worksheet]:
    """All worksheets of the file, hidden ones too. Raises FileRefused. `name` is the name it came with."""
    worksheets: list[Worksheet] = []
    texts, others = _Once(lambda text: text), _Once(lambda told: MAKERS[told[0]](told[1]))
    for message in _told_by_reader(path, name or path.name):
        if isinstance(message, list):
            worksheets[-1].rows.extend(
                [texts[value] if type(value) is str else others[value[0], value[1]] for value in row] for row in message
            )
        elif "worksheet" in message:
            merged = [(top, left, bottom, right) for top, left, bottom, right in message["merged"]]
            worksheets.append(Worksheet(message["worksheet"], message["is_visible"], merged, []))
        elif "refused" in message:
            raise FileRefused(*message["refused"])
    return worksheets


class _Once(dict[Any, Any]):
    """Rosters repeat themselves: equal cells become one object. Those that only stand once soon fill it."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make

    def __missing__(self, key: Any) -> Any:
        value = self.make(key)
        if len(self) < REPEATED:
            self[key] = value
        return value


def _told_by_reader(path: Path, name: str) -> Iterator[Any]:
    """What the reader says, line by line. One that was killed or gave up means a damaged or a too large file."""
    command = [sys.executable, "-m", "imports.reader_process", str(path.resolve()), name, json.dumps(limits.in_force())]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}
    reader = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        reader.kill()

    clock = threading.Timer(limits.READER_WALL_SECONDS, stop)
    clock.daemon = True
    clock.start()
    is_done = False
    try:
        for line in reader.stdout or ():
            if not line.endswith(b"\n"):
                break
            message = json.loads(line)
            is_done = isinstance(message, dict) and ("done" in message or "refused" in message)
            yield message
        if reader.wait() != 0 or not is_done:
            raise FileRefused("file_too_large", "time") if is_late.is_set() else FileRefused("file_damaged", "reader")
    finally:
        clock.cancel()
        reader.kill()
        reader.wait()
        if reader.stdout:
            reader.stdout.close()
