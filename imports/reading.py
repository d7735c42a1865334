"""Reads a spreadsheet in a child process and gives its worksheets as plain cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from imports import limits
from imports.refusals import FileRefused

PROJECT = Path(__file__).resolve().parent.parent


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


def read_worksheets(path: Path, name: str | None = None) -> list[Worksheet]:
    """All worksheets of the file, hidden ones too. Raises FileRefused. `name` is the name it came with."""
    answer = _ask_reader(path, name or path.name)
    if "refused" in answer:
        raise FileRefused(*answer["refused"])
    return [
        Worksheet(
            sheet["name"],
            sheet["is_visible"],
            [(top, left, bottom, right) for top, left, bottom, right in sheet["merged"]],
            [[_cell(value) for value in row] for row in sheet["rows"]],
        )
        for sheet in answer["worksheets"]
    ]


def _ask_reader(path: Path, name: str) -> dict[str, Any]:
    """The reader's answer. A reader that was killed or gave up means a damaged or a too large file."""
    command = [sys.executable, "-m", "imports.reader_process", str(path.resolve()), name, json.dumps(limits.in_force())]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.READER_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileRefused("file_too_large", "time") from error
    if done.returncode != 0:
        raise FileRefused("file_damaged", "reader")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _cell(value: str | list[str]) -> Cell:
    return value if isinstance(value, str) else MAKERS[value[0]](value[1])
