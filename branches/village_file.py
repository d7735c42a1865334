"""The file of a village (一村一档): everything about it on one page. Each app adds its part; the page lies here.

A part is built for one user, one village, one day. It asks for its own rows in the user's scope and leaves out
what the user may not see; nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from branches.models import Unit

if TYPE_CHECKING:
    from accounts.models import User

Words = str | Promise


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure at the head of the page, with what it is compared to. `url` opens what it was counted from."""

    order: int
    label: Words
    value: str
    unit: Words = ""
    note: str = ""
    url: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A card, `code` its anchor. `is_side`: in the narrow column. `template` draws `context`."""

    order: int
    code: str
    title: Words
    template: str
    context: Mapping[str, Any]
    is_side: bool = False


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """Something to act on, with the page where that is done."""

    icon: str
    title: str
    detail: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Part:
    figures: Sequence[Figure] = ()
    sections: Sequence[Section] = ()
    reminders: Sequence[Reminder] = ()


Builder = Callable[["User", Unit, date], Part]

_builders: list[Builder] = []


def register(builder: Builder) -> None:
    """Called once by each app when it is ready; the same one twice is harmless."""
    if builder not in _builders:
        _builders.append(builder)


@dataclass(frozen=True)
class VillageFile:
    figures: list[Figure] = field(default_factory=list)
    main: list[Section] = field(default_factory=list)
    side: list[Section] = field(default_factory=list)
    reminders: list[Reminder] = field(default_factory=list)


def file_of(user: User, village: Unit, today: date) -> VillageFile:
    """What all apps have to say. Each asks a constant number of queries."""
    parts = [builder(user, village, today) for builder in _builders]
    sections = sorted((section for part in parts for section in part.sections), key=lambda section: section.order)
    return VillageFile(
        figures=sorted((figure for part in parts for figure in part.figures), key=lambda figure: figure.order),
        main=[section for section in sections if not section.is_side],
        side=[section for section in sections if section.is_side],
        reminders=[reminder for part in parts for reminder in part.reminders],
    )
