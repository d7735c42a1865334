"""The guard's look at an .xls: a compound file with one stream of records (MS-CFB, MS-XLS).

Finds passwords, macros, cells too far out and error cells. The values are read by the
reader; this only walks the records' heads. Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imports import limits
from imports.refusals import FileRefused

END_OF_CHAIN = 0xFFFFFFF0
"""Sector numbers from here on are marks, not sectors."""
ENTRY_BYTES = 128
MINI_STREAM_BELOW = 4096

BOF, FILEPASS, BOUNDSHEET = 0x0809, 0x002F, 0x0085
FORMULA, BOOLERR, LABELSST, NUMBER, RK, LABEL, MULRK = 0x0006, 0x0205, 0x00FD, 0x0203, 0x027E, 0x0204, 0x00BD
ONE_CELL = {FORMULA, BOOLERR, LABELSST, NUMBER, RK, LABEL}
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}

Faults = dict[str, dict[tuple[int, int], str]]


def inspect_binary_workbook(data: bytes) -> Faults:
    """Worksheet -> (row, column from 0) -> error. Raises FileRefused."""
    try:
        streams = CompoundFile(data)
        names = {name.lower() for name in streams.entries}
        if "encryptedpackage" in names:
            raise FileRefused("file_password")
        workbook = next((name for name in ("Workbook", "Book") if name.lower() in names), None)
        if workbook is None:
            raise FileRefused("file_type", "text_document" if "worddocument" in names else "unknown")
        if names & {"_vba_project_cur", "vba", "_vba_project"}:
            raise FileRefused("file_macro")
        return _walk(streams.read(workbook.lower()))
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        raise FileRefused("file_damaged", "binary") from error


class CompoundFile:
    """The streams of a compound file, by name in lower case."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        (self.shift, self.mini_shift) = struct.unpack_from("<HH", data, 30)
        if self.shift not in (9, 12) or self.mini_shift != 6:
            raise ValueError("sector size")
        (self.directory_start,) = struct.unpack_from("<I", data, 48)
        (self.mini_start,) = struct.unpack_from("<I", data, 60)
        self.table = self._table()
        self.entries: dict[str, tuple[int, int]] = {}
        self.root = (0, 0)
        self._read_directory()

    def _sector(self, number: int) -> bytes:
        start = (number + 1) << self.shift
        return self.data[start : start + (1 << self.shift)]

    def _table(self) -> list[int]:
        sectors = list(struct.unpack_from("<109I", self.data, 76))
        following, seen = struct.unpack_from("<I", self.data, 68)[0], 0
        while following < END_OF_CHAIN:
            numbers = struct.unpack(f"<{1 << self.shift >> 2}I", self._sector(following))
            sectors += numbers[:-1]
            following, seen = numbers[-1], seen + 1
            if seen > len(self.data) >> self.shift:
                raise ValueError("loop")
        table: list[int] = []
        for number in sectors:
            if number < END_OF_CHAIN:
                table += struct.unpack(f"<{1 << self.shift >> 2}I", self._sector(number))
        return table

    def _chain(self, start: int, table: list[int]) -> Iterator[int]:
        seen = 0
        while start < END_OF_CHAIN:
            yield start
            start = table[start]
            seen += 1
            if seen > len(table):
                raise ValueError("loop")

    def _read_directory(self) -> None:
        raw = b"".join(self._sector(number) for number in self._chain(self.directory_start, self.table))
        for at in range(0, len(raw) - ENTRY_BYTES + 1, ENTRY_BYTES):
            length, kind = struct.unpack_from("<HB", raw, at + 64)
            if kind == 0 or not 2 <= length <= 64:
                continue
            name = raw[at : at + length - 2].decode("utf-16-le")
            place = (struct.unpack_from("<I", raw, at + 116)[0], struct.unpack_from("<I", raw, at + 120)[0])
            if kind == 5:
                self.root = place
            else:
                self.entries.setdefault(name.lower(), place)

    def read(self, name: str) -> bytes:
        start, size = self.entries[name]
        if size >= MINI_STREAM_BELOW:
            return b"".join(self._sector(number) for number in self._chain(start, self.table))[:size]
        mini = b"".join(self._sector(number) for number in self._chain(self.root[0], self.table))
        raw = b"".join(self._sector(number) for number in self._chain(self.mini_start, self.table))
        table = list(struct.unpack(f"<{len(raw) // 4}I", raw))
        return b"".join(mini[number << 6 : (number + 1) << 6] for number in self._chain(start, table))[:size]


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(position, kind, content)."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind == 0 and length == 0:
            return
        yield at, kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _walk(stream: bytes) -> Faults:
    names: dict[int, str] = {}
    faults: Faults = {}
    sheet, cells = "", 0
    for at, kind, content in _records(stream):
        if kind == FILEPASS:
            raise FileRefused("file_password")
        if kind == BOUNDSHEET:
            position, name = _bound_sheet(content)
            names[position] = name
        elif kind == BOF and at in names:
            sheet = names[at]
            faults[sheet] = {}
        elif kind in ONE_CELL or kind == MULRK:
            row, column = struct.unpack_from("<HH", content)
            last = struct.unpack_from("<H", content, len(content) - 2)[0] if kind == MULRK else column
            cells += last - column + 1
            _check_extent(row, last, cells)
            error = _error(kind, content)
            if error:
                faults.setdefault(sheet, {})[(row, column)] = error
    return faults


def _bound_sheet(content: bytes) -> tuple[int, str]:
    """(position of the worksheet's records, its name). Raises FileRefused for a macro sheet."""
    position, kind, length, is_wide = struct.unpack_from("<IxBBB", content)
    if kind in (0x01, 0x06):
        raise FileRefused("file_macro")
    if is_wide & 1:
        return position, content[8 : 8 + 2 * length].decode("utf-16-le")
    return position, content[8 : 8 + length].decode("latin-1")


def _check_extent(row: int, column: int, cells: int) -> None:
    if row >= limits.ROWS:
        raise FileRefused("file_too_large", "rows")
    if column >= limits.COLUMNS:
        raise FileRefused("file_too_large", "columns")
    if cells > limits.CELLS:
        raise FileRefused("file_too_large", "cells")


def _error(kind: int, content: bytes) -> str:
    """The error that the cell holds, "" for none."""
    if kind == BOOLERR and content[7] == 1:
        return ERRORS.get(content[6], "#")
    if kind == FORMULA and content[12:14] == b"\xff\xff" and content[6] == 2:
        return ERRORS.get(content[8], "#")
    return ""
