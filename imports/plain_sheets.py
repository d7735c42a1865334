"""The guard's quick look at a worksheet of an .xlsx that is written plainly, as nearly all programs write it.

Cells are found by pattern instead of by an XML parser that calls back for each tag, which takes
a quarter of the time. Every byte of the rows has to fit the pattern: whatever does not (comments,
rich text in a cell, prefixes, single quotes, an attribute nobody expects) gives None, and the
parser walks the sheet instead. That the part is well-formed and has no document type was looked
at before. Standard library only, runs in the reading child process.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from imports import limits

CELL = (
    rb'<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,5})")?(?: t="([A-Za-z]{1,10})")?'
    rb"(?:/>|>(<f(?: [^<>]*)?(?:/>|>[^<]*</f>))?"
    rb'(<v>([^<]*)</v>|<v/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)'
)
ONE_CELL = re.compile(CELL)
ROW = re.compile(
    rb'\s*<row r="([0-9]{1,7})"(?: [A-Za-z:]+="[^<>"]*")*(?:/>|>((?:'
    + re.sub(rb"\((?!\?)", b"(?:", CELL)
    + rb")*)</row>)"
)
HEAD = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml( [^<>?]*)\?>)?\s*<worksheet(?: [^<>]*)?>")
ENCODING = re.compile(rb'encoding="(?!utf-8")', re.IGNORECASE)
ANY_CELL = re.compile(rb"<(?:[^<>\s/]*:)?c[\s/>]")
"""In front of the rows or behind them there are no cells."""
FILLED = re.compile(rb'<c r="([A-Z]{1,3})[0-9]+"[^<>/]*><[vi]')
BEGIN, END = b"<sheetData>", b"</sheetData>"
LONGEST_ROW = 8 * limits.MEBIBYTE
LONGEST_HEAD = limits.MEBIBYTE
SHORT = 20
"""Characters of a value that the guard looks at."""


@dataclass
class PlainCells:
    """`faults` and `months` by row and column from 0; `columns` are letters."""

    cells: int = 0
    last_row: int = -1
    columns: set[bytes] = field(default_factory=set)
    faults: dict[tuple[int, int], str] = field(default_factory=dict)
    months: set[tuple[int, int]] = field(default_factory=set)


class _NotPlain(Exception):
    """A part of the sheet is written in a way that the patterns do not know."""


def plain_cells(chunks: Iterator[bytes], month_styles: Collection[int]) -> PlainCells | None:
    """The filled cells of a worksheet; None when it is not written plainly."""
    found = PlainCells()
    styles = b"|".join(b"%d" % style for style in month_styles)
    shows_month = re.compile(rb' s="(?:' + styles + rb')"') if styles else None
    try:
        rest = _rows(_behind_the_head(chunks), chunks, found, shows_month, frozenset(month_styles))
        _check_tail(rest, chunks)
    except _NotPlain:
        return None
    return found


def column_number(letters: bytes) -> int:
    """0 for A, 27 for AB."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _behind_the_head(chunks: Iterator[bytes]) -> bytes:
    """What was read behind the beginning of the rows."""
    head = b""
    while BEGIN not in head:
        chunk = next(chunks, b"")
        head += chunk
        if not chunk or len(head) > LONGEST_HEAD:
            raise _NotPlain
    before, _begin, rest = head.partition(BEGIN)
    start = HEAD.match(before)
    if start is None or ENCODING.search(start[1] or b"") or b"<!" in before or ANY_CELL.search(before):
        raise _NotPlain
    return rest


def _rows(
    data: bytes,
    chunks: Iterator[bytes],
    found: PlainCells,
    shows_month: re.Pattern[bytes] | None,
    month_styles: frozenset[int],
) -> bytes:
    """Takes all rows. Gives what was read behind them."""
    while True:
        at = 0
        while row := ROW.match(data, at):
            at = row.end()
            body = row[2]
            if body and (b"</v>" in body or b"</is>" in body or b"<f" in body or b"<v/>" in body):
                found.last_row = max(found.last_row, int(row[1]) - 1)
                is_special = b"<f" in body or b't="e"' in body or b"<v/>" in body
                if is_special or (shows_month and shows_month.search(body)):
                    _look_closely(int(row[1]) - 1, body, found, month_styles)
        done = data[:at]
        found.columns.update(FILLED.findall(done))
        found.cells += done.count(b"</v>") + done.count(b"</is>")
        data = data[at:]
        if data.lstrip().startswith(END):
            return data.lstrip()[len(END) :]
        chunk = next(chunks, b"")
        if not chunk or len(data) > LONGEST_ROW:
            raise _NotPlain
        data += chunk


def _look_closely(row: int, body: bytes, found: PlainCells, month_styles: frozenset[int]) -> None:
    """A row with formulas, errors or dates shown as months: cell by cell."""
    for cell in ONE_CELL.finditer(body):
        letters, style, kind, formula, holder, value, text = cell.groups()
        if formula is None and holder is None:
            continue
        column = column_number(letters)
        found.columns.add(letters)
        if holder is None or holder == b"<v/>":
            # Not among those that are counted by their ends.
            found.cells += 1
        shown = value or text or b""
        if kind == b"e":
            if len(shown) >= SHORT or b"&" in shown:
                raise _NotPlain
            found.faults[row, column] = shown.decode() or "#"
        elif formula is not None and not shown and kind != b"str":
            found.faults[row, column] = ""
        elif style and int(style) in month_styles:
            found.months.add((row, column))


def _check_tail(rest: bytes, chunks: Iterator[bytes]) -> None:
    while rest:
        if ANY_CELL.search(rest):
            raise _NotPlain
        chunk = next(chunks, b"")
        rest = rest[-100:] + chunk if chunk else b""
