"""Things to do about the yearly assessment."""

from __future__ import annotations

from assessments.todo import Source

SOURCES: tuple[Source, ...] = ()
