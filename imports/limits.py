"""How much of a file is read (security.md section 7). More is refused with a sentence, never cut off."""

from __future__ import annotations

from collections.abc import Mapping

MEBIBYTE = 1024 * 1024

FILE_BYTES = 20 * MEBIBYTE
UNPACKED_BYTES = 100 * MEBIBYTE
PARTS = 2_000
RATIO = 200
"""Unpacked bytes for each packed one, asked of archives that unpack to more than a mebibyte."""

ROWS = 20_000
"""Of one worksheet, as are the columns."""
COLUMNS = 100
CELLS = 300_000
"""Of the whole file."""
CHARACTERS = 32_767
"""Of one cell: what a spreadsheet program can hold."""

READER_MEMORY_BYTES = 1024 * MEBIBYTE
READER_CPU_SECONDS = 60
READER_WALL_SECONDS = 120

JOBS_WAITING = 3
"""Files of one user that are read, applied or undone at a time."""

CONFIGURABLE = ("ROWS", "COLUMNS", "CELLS")


def in_force() -> dict[str, int]:
    """What the child process that reads is told, since it has no settings."""
    return {name: globals()[name] for name in CONFIGURABLE}


def take(values: Mapping[str, int]) -> None:
    """Sets the configurable limits: from the settings at start-up, in the child from its parent."""
    globals().update({name: values[name] for name in CONFIGURABLE if name in values})
