"""Finds the table in a worksheet: its headings, its rows of data, and what is no data (handbook 8.6).

Pure: worksheets in, tables out. Row numbers are those the spreadsheet program shows;
columns count from 0. Rule: docs/import.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import eq

from imports.choices import HandTable
from imports.normalising import clean_code, clean_line, clean_text
from imports.reading import Cell, CellError, MonthCell, Worksheet

HEADER_WITHIN = 15
HEADINGS_NEEDED = 3
HEADER_ROWS = 3
COLUMN = "列"
"""Ends the name of a column without a heading, A列, in every language: it is the file's own as headings are."""
HEADING_LENGTH = 20
"""Characters of a heading that only a user knows."""

Knows = Callable[[str], bool]
"""Whether a heading, such as 党员情况/入党时间, is one that the sheet knows."""

NOTE = re.compile(
    r"(注|附注|备注|说明|填表说明|填报说明|填表人|填报人|制表人?|制表单位|审核人?|经办人|负责人|审批人|签字|联系人|联系电话"
    r"|填报单位|填表单位|填报日期|填表日期|填报时间|填表时间|制表日期|日期|单位\(盖章\)|单位盖章|分管领导|主要领导"
    r"|(党委)?书记签字|村党组织书记签字)(\(.{0,8}\))?[:：].*"
)
NOTE_WITHOUT_COLON = re.compile(r"(注|说明|填表说明)[0-9一二三(].*|(本表|此表).{4,}")
SUBTOTAL = re.compile(
    r".{0,20}(小计|合计|总计|累计|共计)[:：]?\(?\d*[人户名个]?\)?|.{0,20}(乡|镇|街道|村|社区|县|区)(共|共有)?\d+(人|名)|共(计|有)?\d+(人|名|个村)"
)
EXAMPLE = re.compile(r"\(?(示例|例|例如|样例|举例|范例)[:：]?\)?\d*[:：]?")
TEMPLATE_NAME = re.compile(r"模板|示例|说明|填表")
DITTO_ABOVE = frozenset({"同上", "〃", '"', "′′", "''", "‘‘", "’’", "“", "”", "同上。"})
DITTO_LEFT = frozenset({"同左"})
DITTO = DITTO_ABOVE | DITTO_LEFT
MAY_BE_SUBTOTAL = re.compile(r"[计人名村]")
"""One of these is in every subtotal."""
EXAMPLE_STARTS = frozenset("(示例样举范")
TEXTS_KEPT = 5_000
TOTAL_FIELDS = 6
"""A subtotal says so in one of the first columns."""


@dataclass(slots=True)
class Line:
    """One row of data: merged cells filled down, ditto marks resolved."""

    number: int
    cells: list[Cell]


@dataclass
class Table:
    worksheet: str
    titles: list[str]
    header_rows: list[int]
    headings: dict[int, str]
    """Column -> heading as the sheet shows it; headings in several rows are joined by "/"."""
    lines: list[Line] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)
    fields: dict[int, str] | None = None
    """Column -> field, where the user named the columns."""


@dataclass(frozen=True)
class Found:
    tables: list[Table]
    skipped_worksheets: list[tuple[str, str]]


def find_tables(
    worksheets: list[Worksheet],
    knows: Knows,
    name_columns: Callable[[dict[int, str]], set[int]],
    by_hand: Mapping[str, HandTable] | None = None,
    subject: str = "",
) -> Found:
    """Tables of the visible worksheets. `name_columns` gives the columns that make a row one of data.

    `by_hand`: worksheets whose columns the user named, that of the `subject` among them.
    """
    tables: list[Table] = []
    skipped: list[tuple[str, str]] = []
    for worksheet in worksheets:
        reason = _reason_to_skip(worksheet)
        hand = (by_hand or {}).get(worksheet.name)
        if hand is not None and not reason and hand.first_row <= len(worksheet.rows):
            tables.append(table_by_hand(worksheet, hand, subject))
            continue
        header = None if reason else find_header(worksheet, knows)
        if reason or header is None:
            skipped.append((worksheet.name, reason or "no_header"))
        else:
            tables.append(read_table(worksheet, header, name_columns))
    return Found(tables, skipped)


def _reason_to_skip(worksheet: Worksheet) -> str:
    if not worksheet.is_visible:
        return "hidden"
    if TEMPLATE_NAME.search(worksheet.name):
        return "template"
    if all(is_blank(cell) for row in worksheet.rows for cell in row):
        return "empty"
    return ""


def find_header(worksheet: Worksheet, knows: Knows) -> tuple[int, int] | None:
    """First and last row of the header, from 0; None when no row of the first 15 has three known headings."""
    for index, row in enumerate(worksheet.rows[:HEADER_WITHIN]):
        if sum(knows(text_of(cell)) for cell in row if not is_blank(cell)) >= HEADINGS_NEEDED:
            top = _row_above(worksheet, index)
            return top, _last_header_row(worksheet, top, index, knows)
    return None


def _row_above(worksheet: Worksheet, index: int) -> int:
    """The row above too, when merged cells reach from it into the header or it names groups of columns."""
    above = index - 1
    if above < 0:
        return index
    reaches = any(top == above and bottom >= index and left == right for top, left, bottom, right in worksheet.merged)
    words = [text_of(cell) for cell in worksheet.rows[above] if not is_blank(cell)]
    names_groups = len(words) > 1 and all(re.fullmatch(r"[^\d:：。,，]{2,6}", clean_code(word)) for word in words)
    return above if reaches or names_groups else index


def _last_header_row(worksheet: Worksheet, top: int, index: int, knows: Knows) -> int:
    last = index
    for first_row, _left, bottom, _right in worksheet.merged:
        if top <= first_row <= index and bottom > last:
            last = min(bottom, top + HEADER_ROWS - 1)
    while last + 1 < min(len(worksheet.rows), top + HEADER_ROWS) and _continues_header(worksheet, last, knows):
        last += 1
    return last


def _continues_header(worksheet: Worksheet, last: int, knows: Knows) -> bool:
    """Whether the next row only names parts of columns: 党内职务, 行政职务 under 职务."""
    upper, lower = worksheet.rows[last], worksheet.rows[last + 1]
    words = [(column, text_of(cell)) for column, cell in enumerate(lower) if not is_blank(cell)]
    if not words or any(not isinstance(lower[column], str) for column, _word in words):
        return False
    above = [text_of(upper[column]) if column < len(upper) else "" for column, _word in words]
    if any(word == group for (_column, word), group in zip(words, above, strict=True)):
        return False
    parts = [knows(word) or knows(f"{_group(upper, column)}/{word}") for column, word in words]
    return sum(parts) * 2 >= len(parts)


def _group(row: list[Cell], column: int) -> str:
    """The heading over a column: its own, else the nearest to the left."""
    return next(
        (text_of(row[index]) for index in range(min(column, len(row) - 1), -1, -1) if not is_blank(row[index])), ""
    )


def read_table(
    worksheet: Worksheet, header: tuple[int, int], name_columns: Callable[[dict[int, str]], set[int]]
) -> Table:
    top, bottom = header
    headings = _headings(worksheet, top, bottom)
    titles = [clean_text(text_of(cell)) for row in worksheet.rows[:top] for cell in row if not is_blank(cell)]
    table = Table(worksheet.name, titles, list(range(top + 1, bottom + 2)), headings)
    reader = _BodyReader(worksheet, table, name_columns(headings), bottom + 1)
    for index in range(bottom + 1, len(worksheet.rows)):
        if not reader.take(index):
            break
    tell_skipped(table)
    return table


def table_by_hand(worksheet: Worksheet, hand: HandTable, subject: str) -> Table:
    """The table from the row on that the user named; what stands above it are headings, if it looks like them."""
    above = [[text_of(cell) for cell in row] for row in worksheet.rows[: hand.first_row - 1]]
    said = headings_above(above, hand)
    start = hand.first_row - 1
    width = max((len(row) for row in worksheet.rows[start - bool(said) :]), default=0)
    headings: dict[int, str] = {}
    for column in range(max(width, max(hand.fields, default=0) + 1)):
        word = said.get(column, "")
        is_used = column in hand.fields or any(
            column < len(row) and not is_blank(row[column]) for row in worksheet.rows[start:]
        )
        if word or is_used:
            headings[column] = word if word and word not in headings.values() else f"{column_letters(column)}{COLUMN}"
    titles = [clean_text(text) for row in above[: len(above) - bool(said)] for text in row if clean_code(text)]
    header_rows = [start] if said else []
    table = Table(worksheet.name, titles, header_rows, headings, fields=dict(hand.fields))
    reader = _BodyReader(worksheet, table, {column for column, name in hand.fields.items() if name == subject}, start)
    for index in range(start, len(worksheet.rows)):
        if not reader.take(index):
            break
    tell_skipped(table)
    return table


def headings_above(rows: Sequence[Sequence[str]], hand: HandTable) -> dict[int, str]:
    """Column -> heading in the last of `rows`, those above the data; nothing when it does not look like headings.

    Headings are short, not numbers, and stand over at least half of the columns that were named, two or more.
    """
    last = rows[-1] if rows else []
    words = {column: text.strip() for column, text in enumerate(last) if clean_code(text)}
    over = [words[column] for column in hand.fields if column in words]
    is_like = all(len(word) <= HEADING_LENGTH and not word.isdecimal() for word in over)
    return words if is_like and len(over) >= max(2, (len(hand.fields) + 1) // 2) else {}


def column_letters(column: int) -> str:
    """A for 0, AA for 26, as the spreadsheet program calls it."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def tops_without_headings(worksheets: list[Worksheet], tables: Sequence[Table]) -> dict[str, list[list[Cell]]]:
    """Worksheet -> its first rows, of those whose columns the user has named or may name."""
    found = {table.worksheet: table for table in tables}
    return {
        worksheet.name: worksheet.rows[:HEADER_WITHIN]
        for worksheet in worksheets
        if not _reason_to_skip(worksheet) and (worksheet.name not in found or found[worksheet.name].fields is not None)
    }


def _headings(worksheet: Worksheet, top: int, bottom: int) -> dict[int, str]:
    width = max(len(row) for row in worksheet.rows[top : bottom + 1])
    headings: dict[int, str] = {}
    for column in range(width):
        parts: list[str] = []
        for row in range(top, bottom + 1):
            part = text_of(_merged_value(worksheet, row, column, is_header=True)).strip()
            if not part and row < bottom and column and not _stands_alone(worksheet, row, column):
                part = _group(worksheet.rows[row], column).strip()
            if part and (not parts or parts[-1] != part):
                parts.append(part)
        if parts:
            headings[column] = "/".join(parts)
    return headings


def _stands_alone(worksheet: Worksheet, row: int, column: int) -> bool:
    """Whether a blank heading is not under the group to its left: merged cells say so, or nothing stands below."""
    below = worksheet.rows[row + 1]
    if column >= len(below) or is_blank(below[column]):
        return True
    return any(top <= row <= bottom and left != right for top, left, bottom, right in worksheet.merged)


def _merged_value(worksheet: Worksheet, row: int, column: int, *, is_header: bool) -> Cell:
    """Value of a cell; inside a merged range that of its first cell. Data is filled down only, never across."""
    cells = worksheet.rows[row]
    value = cells[column] if column < len(cells) else ""
    if not is_blank(value):
        return value
    for top, left, bottom, right in worksheet.merged:
        in_columns = left <= column <= right if is_header else column == left
        if top <= row <= bottom and in_columns and left < len(worksheet.rows[top]):
            return worksheet.rows[top][left]
    return value


class _Codes(dict[str, str]):
    """Texts of cells -> as `clean_code` makes them. Rosters repeat themselves."""

    def __missing__(self, text: str) -> str:
        plain = clean_code(text)
        if len(self) < TEXTS_KEPT:
            self[text] = plain
        return plain


class _BodyReader:
    """Goes down the rows below the header and says of each what it is."""

    def __init__(self, worksheet: Worksheet, table: Table, name_columns: set[int], start: int) -> None:
        """`start` is the first row below the headings, from 0."""
        self.worksheet = worksheet
        self.table = table
        self.name_columns = name_columns
        first = table.header_rows[0] - 1 if table.header_rows else start
        self.header_texts = [
            [clean_code(text_of(cell)) for cell in worksheet.rows[number - 1]] for number in table.header_rows
        ]
        self.headers = [
            (
                header,
                [at for at, text in enumerate(header) if not text],
                min(HEADINGS_NEEDED, len(list(filter(None, header)))),
            )
            for header in self.header_texts
        ]
        """Of each header row its texts, its blank columns, and how many texts are enough to know it by."""
        self.titles = {clean_code(text_of(cell)) for row in worksheet.rows[:first] for cell in row} - {""}
        self.fills = self._fills(start)
        self.codes = _Codes()
        self.filled_rows = {row for row, _column in self.fills}
        self.by_number: dict[int, Line] = {}
        """Rows that a merged range may ask for."""
        self.width = max(table.headings, default=0) + 1

    def _fills(self, first: int) -> dict[tuple[int, int], tuple[int, int]]:
        """Cells inside merged ranges of the data -> the cell that holds their value."""
        return {
            (row, left): (top, left)
            for top, left, bottom, _right in self.worksheet.merged
            if top >= first
            for row in range(top + 1, min(bottom + 1, len(self.worksheet.rows)))
        }

    def take(self, index: int) -> bool:
        """False when the row ends the table."""
        row = self.worksheet.rows[index]
        known = self.codes
        texts = [known[cell] if type(cell) is str else clean_code(text_of(cell)) for cell in row]
        reason = self._reason(row, texts)
        if reason:
            self.table.skipped.append((index + 1, reason))
            return reason != "note" or not self.table.lines
        line = Line(index + 1, self._filled(index, row, texts))
        if self.fills:
            self.by_number[index + 1] = line
        self.table.lines.append(line)
        return True

    def _reason(self, row: list[Cell], texts: list[str]) -> str:
        filled = [(column, text) for column, text in enumerate(texts) if text]
        if not filled:
            return "blank"
        if self._repeats_header(texts, filled):
            return "repeated_header"
        names = [texts[column] for column in self.name_columns if column < len(texts) and texts[column]]
        words = [text for column, text in filled[:TOTAL_FIELDS] if isinstance(row[column], str)] if not names else []
        if any(MAY_BE_SUBTOTAL.search(name) and SUBTOTAL.fullmatch(name) for name in names or words):
            return "subtotal"
        if _is_note(filled, has_name=bool(names)):
            return "note"
        return (
            "example" if any(text[0] in EXAMPLE_STARTS and EXAMPLE.fullmatch(text) for _column, text in filled) else ""
        )

    def _repeats_header(self, texts: list[str], filled: list[tuple[int, str]]) -> bool:
        if len(filled) == 1 and filled[0][1] in self.titles and filled[0][0] not in self.name_columns:
            return True
        for header, blanks, needed in self.headers:
            same = sum(map(eq, header, texts)) - sum(not texts[column] for column in blanks if column < len(texts))
            if same >= needed and same * 2 > len(filled):
                return True
        return len(self.header_texts) > 1 and all(
            any(column < len(header) and header[column] == text for header in self.header_texts)
            for column, text in filled
        )

    def _filled(self, index: int, row: list[Cell], texts: list[str]) -> list[Cell]:
        width = self.width
        cells = row if len(row) == width else [*row[:width], *[""] * (width - len(row))]
        if index not in self.filled_rows and DITTO.isdisjoint(texts):
            return cells
        cells = list(cells)
        for column in range(width):
            source = self.fills.get((index, column))
            if source and is_blank(cells[column]):
                cells[column] = self._resolved(source)
            word = clean_code(text_of(cells[column])) if isinstance(cells[column], str) else ""
            if word in DITTO_ABOVE and self.table.lines:
                cells[column] = self.table.lines[-1].cells[column]
            elif word in DITTO_LEFT and column:
                cells[column] = cells[column - 1]
        return cells

    def _resolved(self, source: tuple[int, int]) -> Cell:
        """The first cell of a merged range, which may itself be a ditto mark."""
        line = self.by_number.get(source[0] + 1)
        cells = line.cells if line else self.worksheet.rows[source[0]]
        return cells[source[1]] if source[1] < len(cells) else ""


def tell_skipped(table: Table) -> None:
    """Leaves in `skipped` the rows between the first and the last of data, and around them what is no mere gap.

    Above the data blank rows, below it everything but subtotals and the note is nobody's concern.
    """
    numbers = [line.number for line in table.lines]
    first, last = (numbers[0], numbers[-1]) if numbers else (0, 0)
    table.skipped = sorted(
        (number, reason)
        for number, reason in table.skipped
        if first < number < last
        or (number < first and reason != "blank")
        or (number > last and reason in ("subtotal", "note"))
    )


def _is_note(filled: list[tuple[int, str]], *, has_name: bool) -> bool:
    text = filled[0][1]
    if (":" in text or "：" in text) and NOTE.fullmatch(text) and (not has_name or len(filled) == 1):
        return True
    return len(filled) == 1 and bool(NOTE_WITHOUT_COLON.fullmatch(text))


def is_blank(cell: Cell) -> bool:
    return isinstance(cell, str) and not clean_code(cell)


def text_of(cell: Cell) -> str:
    """What a cell shows, near enough for comparing and for texts."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, Decimal):
        return format(cell.normalize() if cell == cell.to_integral_value() else cell, "f")
    if isinstance(cell, MonthCell):
        return f"{cell.day:%Y-%m}"
    if isinstance(cell, CellError):
        return cell.shown or "#"
    if isinstance(cell, date):
        return cell.isoformat()
    raise TypeError(cell)


def heading_key(text: str) -> str:
    """A heading for comparing: full-width signs plain, no spaces, no star or colon at the edges."""
    return clean_line(clean_code(text)).strip("*:：※").lower()
