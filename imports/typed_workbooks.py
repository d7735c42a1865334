"""Tables that go out, as .xlsx or .csv: text stays text, numbers are numbers, nothing in a cell is ever run.

The first line and the footer say who took the table, when and what for (security.md section 6).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import xlsxwriter

from imports.reader_process import RUN_BY_SPREADSHEETS
from imports.sheets import Column, in_words
from imports.workbooks import FORBIDDEN, NAME_LENGTH

Value = str | int | Decimal
OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
CELL_LENGTH = 32_767
EXACT_DIGITS = 15
"""Of a number in a spreadsheet; a longer one is written as text, which loses nothing."""
FOOTER_LENGTH = 200
"""A footer holds 255 characters, its signs among them."""
WIDTHS = {"id_number": 21, "resume": 40, "remark": 24, "name": 10, "phone": 14}
WIDTH = 14
NOTE = "注："
"""Begins the last line of a .csv, which is no row of data when the file is read again."""


@dataclass(frozen=True)
class OutColumn:
    """A column of a table that goes out."""

    field: str
    heading: str
    number: str = ""
    """Number format; "" for text."""
    words: Callable[[Any], str] = in_words
    is_secret: bool = False
    """Class D3: only with a purpose, and by the rules for identity numbers."""

    @classmethod
    def of(cls, column: Column) -> OutColumn:
        return cls(column.field, column.title, column.number_format, column.words, column.is_secret)

    def cell(self, value: Any) -> Value:
        """A number where the column has numbers and no digit is lost; "" for nothing."""
        if value is None:
            return ""
        if self.number and isinstance(value, int | Decimal) and len(Decimal(value).as_tuple().digits) <= EXACT_DIGITS:
            return value
        return self.words(value)[:CELL_LENGTH]


Record = Mapping[str, Any]
"""Field -> value, as the column's way of reading gives it."""


def xlsx(name: str, columns: Sequence[OutColumn], records: Iterable[Record], told: str) -> tuple[bytes, int]:
    """The workbook and its number of rows. `told` is who took it, when and for what.

    What is being built lies on the disk for a moment, except identity numbers: they are kept in memory.
    """
    is_secret = any(column.is_secret for column in columns)
    output = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        kept = {"in_memory": True} if is_secret else {"constant_memory": True, "tmpdir": folder}
        with xlsxwriter.Workbook(output, OPTIONS | kept) as workbook:
            count = _write(workbook, name, columns, records, told)
    return output.getvalue(), count


def _write(workbook: Any, name: str, columns: Sequence[OutColumn], records: Iterable[Record], told: str) -> int:
    sheet = workbook.add_worksheet(FORBIDDEN.sub("_", name)[:NAME_LENGTH])
    text = workbook.add_format({"num_format": "@"})
    head = workbook.add_format({"num_format": "@", "bold": True, "text_wrap": True, "bg_color": "#ECEEF1"})
    grey = workbook.add_format({"num_format": "@", "font_color": "#666666"})
    styles = [workbook.add_format({"num_format": column.number}) if column.number else text for column in columns]
    for index, (column, style) in enumerate(zip(columns, styles, strict=True)):
        sheet.set_column(index, index, WIDTHS.get(column.field, WIDTH), style)
    sheet.write_string(0, 0, told, grey)
    for index, column in enumerate(columns):
        sheet.write_string(1, index, column.heading, head)
    count = 0
    for count, record in enumerate(records, start=1):
        _write_row(sheet, count + 1, columns, styles, record)
    sheet.freeze_panes(2, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_footer(f"&L{told[:FOOTER_LENGTH].replace('&', '&&')}&R&P / &N")
    return count


def _write_row(sheet: Any, row: int, columns: Sequence[OutColumn], styles: Sequence[Any], record: Record) -> None:
    for index, (column, style) in enumerate(zip(columns, styles, strict=True)):
        value = column.cell(record.get(column.field))
        if isinstance(value, str):
            if value:
                sheet.write_string(row, index, value, style)
        else:
            sheet.write_number(row, index, value, style)


def csv_file(columns: Sequence[OutColumn], records: Iterable[Record], told: str) -> tuple[bytes, int]:
    """UTF-8 with its mark, which spreadsheet programs need, and the number of rows."""
    output = io.StringIO(newline="")
    writer = csv.writer(output)
    writer.writerow([safe(told)])
    writer.writerow([safe(column.heading) for column in columns])
    count = 0
    for record in records:
        writer.writerow([_plain(column.cell(record.get(column.field))) for column in columns])
        count += 1
    writer.writerow([safe(f"{NOTE}{told}")])
    return output.getvalue().encode("utf-8-sig"), count


def _plain(value: Value) -> str:
    return safe(value) if isinstance(value, str) else format(Decimal(value), "f")


def safe(text: str) -> str:
    """With a mark before text that a spreadsheet program would run."""
    return f"'{text}" if text[:1] in RUN_BY_SPREADSHEETS else text
