"""What an app offers for going out: a list, its rows in somebody's scope by the conditions of its page, its columns.

An app registers its listings in `AppConfig.ready()`, as it does its sheets. A listing that belongs
to a sheet has the sheet's columns: what goes out comes in again as the same (decision 0014).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from imports.sheets import sheet_called
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User


class Listing(ABC):
    """One list of the portal."""

    name: str
    label: str | Promise
    permission: str
    """What the user must hold for the places of the rows."""
    url_name: str
    """The page of the list."""
    sheet_name = ""
    """The roster that it goes in again as."""
    own_columns: tuple[OutColumn, ...] = ()

    @cached_property
    def columns(self) -> tuple[OutColumn, ...]:
        columns = sheet_called(self.sheet_name).columns_out if self.sheet_name else ()
        return (*(OutColumn.of(column) for column in columns), *self.own_columns)

    @property
    def has_numbers(self) -> bool:
        """Whether identity numbers are among the columns."""
        return any(column.is_secret for column in self.columns)

    @abstractmethod
    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        """In the user's scope, by the conditions of the list's page, in the order of the file. None for a wrong one."""

    @abstractmethod
    def with_right(self, rows: QuerySet[Any], user: User, permission: str) -> QuerySet[Any]:
        """Those of `rows` whose people lie where the user holds `permission` too."""

    @abstractmethod
    def paths(self, user: User) -> list[str]:
        """Of the topmost units at which the user sees the rows."""

    @abstractmethod
    def told_filters(self, user: User, filters: Mapping[str, str]) -> list[tuple[str, str]]:
        """The conditions in words: (name, value)."""

    @abstractmethod
    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        """One for each line of the file, with a fixed number of queries. Numbers are opened only when asked for."""

    def count(self, rows: QuerySet[Any]) -> int:
        """How many things the list shows, for the page that asks."""
        return rows.count()

    def people(self, rows: QuerySet[Any]) -> set[int]:
        """Keys of those whose identity numbers a file of these rows would hold: the same on every list."""
        return set()


_registered: dict[str, Listing] = {}


def register(*listings: Listing) -> None:
    for listing in listings:
        _registered[listing.name] = listing


def listing_called(name: str) -> Listing:
    """Raises ValidationError "unknown_list"."""
    try:
        return _registered[name]
    except KeyError:
        raise ValidationError(_("There is no such list."), "unknown_list") from None


def all_listings() -> list[Listing]:
    return list(_registered.values())
