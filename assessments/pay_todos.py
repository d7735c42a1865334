"""Things to do about pay."""

from __future__ import annotations

from assessments.todo import Source

SOURCES: tuple[Source, ...] = ()
