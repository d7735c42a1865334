"""Cards of the home page that other apps than the one of the page add, as sections of a village's file are added.

A card is built for one user and one day. It asks for its own rows in the user's scope and is left out where the user
has no right to them; nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True, kw_only=True)
class Card:
    """`template` draws `context`, which it finds as `card`."""

    template: str
    context: Mapping[str, Any]


Builder = Callable[["User", date], Card | None]
"""In the same number of queries whatever there is; in none without the right."""

_builders: list[Builder] = []


def register(builder: Builder) -> None:
    """Called once by an app when it is ready; the same one twice is harmless."""
    if builder not in _builders:
        _builders.append(builder)


def cards_of(user: User, today: date) -> list[Card]:
    return [card for builder in _builders if (card := builder(user, today)) is not None]
