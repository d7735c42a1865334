"""Spreadsheets made for a test, good and bad ones."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter


def write_xlsx(path: Path, rows: Sequence[Sequence[object]], worksheet: str = "名册") -> Path:
    """Texts stay texts; None is an empty cell."""
    with xlsxwriter.Workbook(path, {"strings_to_numbers": False, "strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet(worksheet)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
    return path


def with_part(source: Path, target: Path, name: str, content: bytes, *, replaces: bool = False) -> Path:
    """A copy of an archive with one more part, or with one part put in the place of another."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if not (replaces and entry.filename == name):
                new.writestr(entry.filename, old.read(entry))
        new.writestr(name, content)
    return target


def part_of(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def compound_file(streams: dict[str, bytes]) -> bytes:
    """The least compound file (MS-CFB) that holds these streams, each padded to 4096 bytes and more."""
    sectors: list[bytes] = []
    chains: dict[str, tuple[int, int]] = {}
    table: list[int] = []

    def add(content: bytes) -> int:
        first = len(sectors)
        pieces = [content[at : at + 512].ljust(512, b"\0") for at in range(0, len(content), 512)]
        sectors.extend(pieces)
        table.extend(range(first + 1, first + len(pieces)))
        table.append(0xFFFFFFFE)
        return first

    for name, content in streams.items():
        padded = content.ljust(4096, b"\0")
        chains[name] = (add(padded), len(padded))
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0)] + [_entry(name, 2, *place) for name, place in chains.items()]
    directory = add(b"".join(entries))
    table_sector = len(sectors)
    table.append(0xFFFFFFFD)
    sectors.append(struct.pack("<128I", *table, *[0xFFFFFFFF] * (128 - len(table))))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, 1, directory, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", table_sector, *[0xFFFFFFFF] * 108)
    return head + b"".join(sectors)


def _entry(name: str, kind: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    entry = raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1) + struct.pack("<III", *[0xFFFFFFFF] * 3)
    return entry + b"\0" * 36 + struct.pack("<IQ", start, size)


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content
