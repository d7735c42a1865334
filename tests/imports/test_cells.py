"""What a column makes of a cell."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from imports import cells
from imports.cells import Context, Reading, read_cell
from imports.reading import Cell, CellError, MonthCell

CONTEXT = Context(date(2026, 11, 25), Decimal(10_000), 2025)
NO_YEAR = Context(date(2026, 11, 25))


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        (CellError("#REF!"), ("cell_error",)),
        (CellError(""), ("cell_error",)),
        ("#N/A", ("cell_error",)),
        ("换\x0b行", ("control_character",)),
        ("很" * 11, ("value_too_long",)),
        (" \u3000\u200b", ()),
        ("很" * 10, ()),
    ],
)
def test_faults_of_any_cell(cell: Cell, codes: tuple[str, ...]) -> None:
    assert read_cell(cell, cells.text, CONTEXT, 10).codes == codes


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (MonthCell(date(2021, 3, 1)), "2021-03"),
        (date(2021, 3, 1), "2021-03-01"),
        (Decimal("2021.03"), "2021-03"),
        ("2021年3月", "2021-03"),
    ],
)
def test_dates_of_every_kind_of_cell(cell: Cell, expected: str) -> None:
    assert str(cells.partial_date(cell, CONTEXT).value) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("3月", Reading(date(2025, 3, 1))),
        (Decimal(12), Reading(date(2025, 12, 1))),
        (date(2025, 3, 9), Reading(date(2025, 3, 1))),
        ("2025", Reading(codes=("date_unreadable",))),
        ("25.03", Reading(date(2025, 3, 1), ("date_two_digit_year",))),
        ("无", Reading()),
    ],
)
def test_months(cell: Cell, expected: Reading) -> None:
    assert cells.month(cell, CONTEXT) == expected


def test_a_bare_month_needs_a_year() -> None:
    assert cells.month("3月", NO_YEAR) == Reading(codes=("date_unreadable",))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Decimal(19900000400), Reading("19900000400")),
        ("199 0000 0400", Reading("19900000400")),
        ("+86-199-0000-0400", Reading("19900000400")),
        ("0376-6666666", Reading("0376-6666666")),
        ("1990000041", Reading("1990000041", ("phone_format",))),
        ("无", Reading()),
    ],
)
def test_phones(cell: Cell, expected: Reading) -> None:
    assert cells.phone(cell, CONTEXT) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("是", Reading(True)),
        ("√", Reading(True)),
        (False, Reading(False)),
        ("—", Reading()),
        ("也许", Reading(codes=("choice_unknown",))),
    ],
)
def test_yes_and_no(cell: Cell, expected: Reading) -> None:
    assert cells.yes_no(cell, CONTEXT) == expected


def test_texts_and_lines() -> None:
    assert cells.text("无", CONTEXT) == Reading()
    assert cells.text(" 一\r\n二 ", CONTEXT) == Reading("一\n二")
    assert cells.line("明港　镇", CONTEXT) == Reading("明港镇")
    assert cells.line("/", CONTEXT) == Reading()
    assert cells.identity("无", CONTEXT) == Reading()
