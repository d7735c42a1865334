"""What an app offers to the import: a sheet with its columns, declared once, and its judgement of the rows.

An app registers its sheets in `AppConfig.ready()`. This app knows no domain: units,
people and money belong to those who register.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from imports.cells import Parse
from imports.mapping import Headings
from imports.problems import Problem
from imports.tables import Table

if TYPE_CHECKING:
    from accounts.models import User


def first(values: Sequence[Any]) -> Any:
    """Of several columns for one field, the more exact one that is filled wins."""
    return values[0]


@dataclass(frozen=True)
class Column:
    """`headings`: the product's own first, then synonyms, the more exact before the less."""

    field: str
    headings: tuple[str, ...]
    parse: Parse
    max_length: int = 200
    is_required: bool = False
    fills_down: bool = False
    """An empty cell takes the value above, with a warning."""
    within: str = ""
    """It does so only while this field stays the same."""
    choose: Callable[[Sequence[Any]], Any] = first


@dataclass
class Row:
    """One record of the file. `columns` names for each field the heading at which its problems stand."""

    worksheet: str
    number: int
    values: dict[str, Any]
    columns: dict[str, str]
    mapped: tuple[str, ...]
    """Fields that the table has a column for, from left to right."""
    problems: list[Problem] = field(default_factory=list)
    outcome: str = "new"
    """new, changed or unchanged: what applying it would do. A row with an error is faulty instead."""

    def add(self, code: str, field_name: str, suggestion: str = "") -> None:
        self.problems.append(Problem(self.worksheet, self.number, self.columns[field_name], code, suggestion))

    @property
    def is_faulty(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@dataclass(frozen=True)
class Judgement:
    """Rows after those of one record have become one, and how many records of the database the file leaves out."""

    rows: list[Row]
    missing: int = 0


class Sheet(ABC):
    """A kind of roster."""

    name: str
    permission: str
    """What the user must hold for the places of the rows."""
    columns: tuple[Column, ...]
    subject: str
    """The field without which a row is not a record."""

    @cached_property
    def headings(self) -> Headings:
        return Headings({column.field: column.headings for column in self.columns})

    @cached_property
    def by_field(self) -> dict[str, Column]:
        return {column.field: column for column in self.columns}

    def defaults(self, tables: Sequence[Table], user: User, today: date) -> list[dict[str, str]]:
        """For each table the values of fields that its titles or its worksheet's name give."""
        return [{} for _table in tables]

    @abstractmethod
    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        """Checks and matches all rows with a fixed number of queries."""


_registered: dict[str, Sheet] = {}


def register(sheet: Sheet) -> None:
    _registered[sheet.name] = sheet


def sheet_called(name: str) -> Sheet:
    """Raises ValidationError "unknown_sheet"."""
    try:
        return _registered[name]
    except KeyError:
        message = _("There is no sheet %(name)s; there are: %(names)s.") % {"name": name, "names": ", ".join(names())}
        raise ValidationError(message, "unknown_sheet") from None


def names() -> list[str]:
    return sorted(_registered)
