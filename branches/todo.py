"""One thing that somebody has to do, as the home page and the list of things to do show it.

Each app adds where its things to do come from; the list lies in assessments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from django.utils.functional import Promise

if TYPE_CHECKING:
    from accounts.models import User

Tone = Literal["bad", "warn", "info", ""]


@dataclass(frozen=True, kw_only=True)
class Todo:
    """One thing to do. `key` is the menu entry it counts at, `number` how many rows wait behind it; `due` a moment
    or None.

    What `can_wait` is to be looked at some day and stands below everything else.
    """

    key: str
    icon: str
    tone: Tone
    title: str
    detail: str
    action: str | Promise
    url: str
    due: datetime | None = None
    is_overdue: bool = field(default=False)
    can_wait: bool = False
    number: int = 1


Source = Callable[["User", datetime], list[Todo]]
"""Asks for what one user has to do now, in the same number of queries whatever there is; in none without the right."""

_sources: list[Source] = []


def register(*sources: Source) -> None:
    """Called once by an app when it is ready; the same source twice is harmless."""
    _sources.extend(source for source in sources if source not in _sources)


def registered() -> tuple[Source, ...]:
    return tuple(_sources)
