"""What an app offers to the import: a sheet with its columns, declared once, and its judgement of the rows.

An app registers its sheets in `AppConfig.ready()`. This app knows no domain: units,
people and money belong to those who register.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.audit import roles_of
from accounts.roles import roles_with
from imports import cells
from imports.cells import Parse
from imports.choices import RowPlace
from imports.dates import PartialDate
from imports.mapping import Headings
from imports.problems import Problem
from imports.reading import Cell
from imports.tables import Table

if TYPE_CHECKING:
    from accounts.models import User
    from imports.writing import Writer


def first(values: Sequence[Any]) -> Any:
    """Of several columns for one field, the more exact one that is filled wins."""
    return values[0]


def in_words(value: Any) -> str:
    """A value as a roster would write it: dates as 1975.03, yes as 是. `imports.cells` reads each back as the same."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, PartialDate):
        return str(value).replace("-", ".")
    if isinstance(value, date):
        return f"{value:%Y.%m.%d}"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


NUMBER_FORMATS: Mapping[Parse, str] = {
    cells.count: "0",
    cells.area: "#,##0.00",
    cells.money: "#,##0.00",
    cells.signed_money: "#,##0.00",
}
"""How a spreadsheet shows what these ways of reading make of a cell."""


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
    words: Callable[[Any], str] = in_words
    """What a value of this column says, in the words of a roster."""
    is_secret: bool = False
    """Class D3: its cells are shown masked."""
    number: str = ""
    """Number format of its cells in a file that goes out, where the way of reading does not say it."""
    choices: tuple[str, ...] = ()
    """Words to choose from on a blank roster. Others may be typed."""

    @property
    def number_format(self) -> str:
        """Of its cells in a file that goes out; "" for text."""
        return self.number or NUMBER_FORMATS.get(self.parse, "")

    @property
    def title(self) -> str:
        """The heading in a file that goes out: money says its unit."""
        heading = self.headings[0]
        return f"{heading}(元)" if self.parse in (cells.money, cells.signed_money) else heading


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands stored in a field and what the file says, in words; numbers of class D3 never."""

    field: str
    stored: str
    new: str


class Values(dict[str, Any]):
    """Field -> value. A field without a value is not kept and reads as None."""

    __slots__ = ()

    def __missing__(self, name: str) -> None:
        return None


class Told(Protocol):
    """The table a row comes from."""

    def typed(self, row: Row) -> dict[str, str]: ...


@dataclass(slots=True, eq=False)
class Row:
    """One record of the file. `columns` names for each field the heading at which its problems stand."""

    worksheet: str
    number: int
    values: Values
    columns: dict[str, str]
    mapped: tuple[str, ...]
    """Fields that the table has a column for, from left to right."""
    problems: list[Problem] = field(default_factory=list)
    outcome: str = "new"
    """new, changed or unchanged: what applying it would do. A row with an error is faulty instead."""
    differences: list[Difference] = field(default_factory=list)
    target: Any = None
    """What the sheet found out in judging and needs in writing."""
    makes_place: bool = False
    """The user wants its place made where there is none. Whether they may is the sheet's to judge."""
    unit: Any = None
    """Where it belongs, once that was found."""
    cells: Sequence[Cell] = ()
    """As the file has them."""
    table: Told | None = None
    key: int = 0
    """Of the stored row of the preview."""

    @property
    def typed(self) -> dict[str, str]:
        """Field -> what the cell says, cells of class D3 masked."""
        return self.table.typed(self) if self.table else {}

    @property
    def place(self) -> RowPlace:
        return self.worksheet, self.number

    def add(self, code: str, field_name: str, suggestion: str = "") -> None:
        self.problems.append(Problem(self.worksheet, self.number, self.columns[field_name], code, suggestion))

    @property
    def is_faulty(self) -> bool:
        return bool(self.problems) and any(problem.is_error for problem in self.problems)


def told_places(rows: Sequence[Row]) -> str:
    """The rows by their numbers, with their worksheets where they stand in several."""
    has_several = len({row.worksheet for row in rows}) > 1
    return ", ".join(f"{row.worksheet} {row.number}" if has_several else str(row.number) for row in rows)


@dataclass(frozen=True, slots=True)
class Missing:
    """`cells` show who or what it is, by field; `target` is what comes back in `write` when the user ticks it."""

    key: str
    cells: Mapping[str, str]
    target: Any
    is_counted: bool = True
    """False for a part of a record that the file does name, such as one of somebody's posts."""


@dataclass(frozen=True)
class Judgement:
    """Rows after those of one record have become one, and the records of the database that the file leaves out."""

    rows: list[Row]
    missing: list[Missing] = field(default_factory=list)


class Sheet(ABC):
    """A kind of roster."""

    name: str
    permission: str
    """What the user must hold for the places of the rows."""
    columns: tuple[Column, ...]
    subject: str
    """The field without which a row is not a record."""
    not_kept: frozenset[str] = frozenset()
    """Fields that are read for checking, or follow from others, and are not stored."""
    not_written: frozenset[str] = frozenset()
    """Of those, the ones that a file that goes out has no column for."""
    permission_to_make_places: str = ""
    """What the user must hold for a row to make its place where there is none; "" where no row ever does."""
    lines_per_village: int = 1
    """Of a blank roster, with the village filled in."""

    @cached_property
    def headings(self) -> Headings:
        return Headings({column.field: column.headings for column in self.columns})

    @cached_property
    def by_field(self) -> dict[str, Column]:
        return {column.field: column for column in self.columns}

    @cached_property
    def columns_out(self) -> tuple[Column, ...]:
        """Columns of blank rosters and of files that go out."""
        return tuple(column for column in self.columns if column.field not in self.not_written)

    def defaults(self, tables: Sequence[Table], user: User, today: date) -> list[dict[str, str]]:
        """For each table the values of fields that its titles or its worksheet's name give."""
        return [{} for _table in tables]

    @abstractmethod
    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        """Checks and matches all rows with a fixed number of queries."""

    @abstractmethod
    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        """Hands what the rows say to the writer: those that `judge` found new or changed, without errors.

        `left` are the records that the file leaves out and the user said have ended, with the last day.
        """

    def taken_out(self, records: Sequence[Model]) -> None:  # noqa: B027  (most sheets count nothing)
        """Puts right what counted the records that undoing has just taken out."""


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


def path_of_uploader(user: User, sheet: Sheet) -> str:
    """Of the topmost unit at which the user may write such rows. PermissionDenied without one."""
    granting = roles_with(sheet.permission)
    paths = [path for role, path in roles_of(user) if role in granting]
    if not paths:
        raise PermissionDenied
    return min(paths, key=lambda path: (len(path), path))
