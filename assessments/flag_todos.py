"""Things to do about the red flags."""

from __future__ import annotations

from assessments.todo import Source

SOURCES: tuple[Source, ...] = ()
