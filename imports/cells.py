"""What a column makes of a cell: text, name, date, month, money, number, phone, identity number, yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from imports import dates
from imports.dates import PartialDate
from imports.identity import ReadIdentity, read_identity
from imports.money import YUAN, ReadNumber, read_decimal, read_money
from imports.normalising import (
    clean_code,
    clean_line,
    clean_name,
    clean_text,
    has_refused_character,
    is_empty_word,
    is_error_word,
)
from imports.reading import Cell, CellError, MonthCell
from imports.tables import text_of

YES_NO: Mapping[str, bool] = {
    **dict.fromkeys(("是", "√", "✓", "✔", "有", "Y", "YES", "1", "TRUE"), True),
    **dict.fromkeys(("否", "×", "✗", "不是", "N", "NO", "0", "FALSE", "没有"), False),
}
MOBILE = re.compile(r"1\d{10}")
PLAIN_MOBILE = re.compile(r"1[0-9]{10}")
LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}(-\d{1,5})?|\d{7,8}")


@dataclass(frozen=True, slots=True)
class Context:
    """What a cell may have to know of its table."""

    today: date
    money_unit: Decimal | None = None
    """Yuan in one unit; None when the table does not say."""
    year: int | None = None
    """Named by the title."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` is None for an empty cell and for one that cannot be read; `codes` say what is wrong."""

    value: Any = None
    codes: tuple[str, ...] = ()


LONGER = 4
"""Times that a text becomes longer at most when it is brought to one spelling."""
Parse = Callable[[Cell, Context], Reading]
EMPTY = Reading()


def read_cell(cell: Cell, parse: Parse, context: Context, max_length: int) -> Reading:
    """Any cell of any column: the faults that do not depend on the column first."""
    if isinstance(cell, str):
        typed = clean_code(cell)
        if not typed:
            return EMPTY
        if is_error_word(typed):
            return Reading(codes=("cell_error",))
        if has_refused_character(cell):
            return Reading(codes=("control_character",))
        if len(cell) * LONGER > max_length and len(clean_text(cell)) > max_length:
            return Reading(codes=("value_too_long",))
    elif isinstance(cell, CellError):
        return Reading(codes=("cell_error",))
    return parse(cell, context)


def text(cell: Cell, context: Context) -> Reading:
    typed = clean_text(text_of(cell))
    return EMPTY if is_empty_word(typed) else Reading(typed)


def line(cell: Cell, context: Context) -> Reading:
    """A name of a thing, on one line."""
    typed = clean_line(text_of(cell))
    return EMPTY if is_empty_word(typed) else Reading(typed)


def person_name(cell: Cell, context: Context) -> Reading:
    return Reading(clean_name(text_of(cell)) or None)


def partial_date(cell: Cell, context: Context) -> Reading:
    if isinstance(cell, MonthCell):
        found = dates.from_cell_date(cell.day, is_month=True)
    elif isinstance(cell, date):
        found = dates.from_cell_date(cell, is_month=False)
    elif isinstance(cell, Decimal):
        found = dates.from_number(cell, context.today)
    else:
        found = dates.from_text(text_of(cell), context.today)
    return Reading(found.value, (found.code,) if found.code else ())


def month(cell: Cell, context: Context) -> Reading:
    """The first day of a month. A bare 3 or 3月 takes the year from the title."""
    found = re.fullmatch(r"(\d{1,2})(月|月份)?", clean_code(text_of(cell)))
    if found and 1 <= int(found[1]) <= 12:
        if context.year is None:
            return Reading(codes=("date_unreadable",))
        return Reading(date(context.year, int(found[1]), 1))
    reading = partial_date(cell, context)
    if not isinstance(reading.value, PartialDate):
        return reading
    if reading.value.month is None:
        return Reading(codes=("date_unreadable",))
    return Reading(reading.value.first_day.replace(day=1), reading.codes)


def _number(cell: Cell) -> str | Decimal:
    return cell if isinstance(cell, Decimal) else text_of(cell)


def _reading(found: ReadNumber) -> Reading:
    return Reading(found.value, (found.code,) if found.code else ())


def money(cell: Cell, context: Context) -> Reading:
    """In yuan, not below 0."""
    return _money(cell, context, is_signed=False)


def signed_money(cell: Cell, context: Context) -> Reading:
    """In yuan; may be below 0, such as a result or a sum that was taken back."""
    return _money(cell, context, is_signed=True)


def _money(cell: Cell, context: Context, *, is_signed: bool) -> Reading:
    found = read_money(_number(cell), context.money_unit or YUAN, is_signed=is_signed)
    if found.value is not None and not found.has_unit and context.money_unit is None:
        return Reading(found.value, ("money_unit_assumed",))
    return _reading(found)


def count(cell: Cell, context: Context) -> Reading:
    found = read_decimal(_number(cell), places=0, below=10**9)
    return Reading(None if found.value is None else int(found.value), (found.code,) if found.code else ())


def area(cell: Cell, context: Context) -> Reading:
    """In mu, 2 decimals."""
    return _reading(read_decimal(_number(cell), places=2, below=10**10))


def phone(cell: Cell, context: Context) -> Reading:
    """Kept as typed when it is no phone number."""
    if isinstance(cell, str) and PLAIN_MOBILE.fullmatch(cell):
        return Reading(cell)
    typed = clean_code(text_of(cell))
    if is_empty_word(typed):
        return EMPTY
    plain = re.sub(r"^(\+?86)(?=1\d{10}$)", "", re.sub(r"[-—()]", "", typed))
    if MOBILE.fullmatch(plain):
        return Reading(plain)
    return Reading(typed, () if LANDLINE.fullmatch(typed) else ("phone_format",))


def identity(cell: Cell, context: Context) -> Reading:
    """A ReadIdentity with its number."""
    if isinstance(cell, str) and is_empty_word(clean_text(cell)):
        return EMPTY
    found: ReadIdentity = read_identity(_number(cell), context.today)
    return Reading(found if found.number else None, (found.code,) if found.code else ())


def yes_no(cell: Cell, context: Context) -> Reading:
    typed = clean_code(text_of(cell)).upper()
    if typed in YES_NO:
        return Reading(YES_NO[typed])
    return EMPTY if is_empty_word(typed) else Reading(codes=("choice_unknown",))
