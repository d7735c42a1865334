"""Looks at a file before anything reads it: what it really is, and whether it is safe to open.

Type is decided by content. An archive is walked part by part: size, duplicate names,
document types, macros, extent of the filled cells; error cells and formulas without a
stored value are listed, because the reader gives them as empty. Rules: security.md
section 7. Standard library only, runs in the reading child process.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from imports import limits
from imports.binary_workbook import inspect_binary_workbook
from imports.plain_sheets import PlainCells, column_number, plain_cells
from imports.refusals import FileRefused

CHUNK = 1 << 16
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENDINGS: dict[str, str] = {"xlsx": ".xlsx", "xls": ".xls", "ods": ".ods", "csv": ".csv"}
OTHER_TYPES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "pdf"),
    (b"\xff\xd8\xff", "picture"),
    (b"\x89PNG", "picture"),
    (b"GIF8", "picture"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"{\\rtf", "text_document"),
    (b"\xff\xfe", "utf16"),
    (b"\xfe\xff", "utf16"),
)
LOOSE_PARTS = ("docprops/", "customxml/", "xl/drawings/", "meta-inf/", "thumbnails/")
"""Parts that the reader does not open: they may be untidy, but have no document type either."""


@dataclass
class Findings:
    """What the reader has to be told about the file."""

    kind: str
    faults: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)
    """Worksheet -> (row, column from 0) -> the error as shown, or "" for a formula without a value."""
    month_cells: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """Worksheet -> date cells that are shown as year and month only."""
    merged: dict[str, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    """Worksheet -> merged ranges of an .ods, which the reader does not tell."""


def inspect(path: Path, name: str) -> Findings:
    """What the file is and holds. Raises FileRefused; `name` is the name it came with."""
    if path.stat().st_size > limits.FILE_BYTES:
        raise FileRefused("file_too_large", "bytes")
    kind = kind_of(path)
    if Path(name).suffix.lower() != ENDINGS[kind]:
        raise FileRefused("file_type", f"named_{kind}")
    if kind == "xls":
        return Findings(kind, inspect_binary_workbook(path.read_bytes()))
    if kind == "csv":
        return Findings(kind)
    with zipfile.ZipFile(path) as archive:
        return Archive(archive, kind).inspect()


def kind_of(path: Path) -> str:
    """xlsx, xls, ods or csv by content. Raises FileRefused for everything else."""
    with path.open("rb") as file:
        head = file.read(CHUNK)
    if not head:
        raise FileRefused("file_damaged", "empty")
    if head.startswith(OLE_MAGIC):
        return "xls"
    if head.startswith(b"PK"):
        return _kind_of_archive(path)
    for magic, found in OTHER_TYPES:
        if head.startswith(magic):
            raise FileRefused("file_type", found)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head", b"<style")):
        raise FileRefused("file_type", "web_page")
    if start.startswith(b"<"):
        raise FileRefused("file_type", "xml")
    if b"\0" in head:
        raise FileRefused("file_type", "unknown")
    return "csv"


def _kind_of_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.lower(): entry for entry in archive.infolist()}
            names = set(entries)
            mime = entries.get("mimetype")
            mimetype = b"" if mime is None or mime.flag_bits & 1 else archive.open(mime).read(200)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise FileRefused("file_damaged", "archive") from error
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        raise FileRefused("file_type", "xlsb")
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet") and b"template" not in mimetype:
        return "ods"
    if any(name.startswith(("word/", "ppt/")) for name in names) or mimetype.startswith(b"application/vnd.oasis"):
        raise FileRefused("file_type", "text_document")
    raise FileRefused("file_type", "archive")


class Archive:
    """An .xlsx or .ods under inspection."""

    def __init__(self, archive: zipfile.ZipFile, kind: str) -> None:
        self.archive = archive
        self.findings = Findings(kind)
        self.unpacked = 0
        self.cells = 0

    def inspect(self) -> Findings:
        try:
            self._check_parts()
            if self.findings.kind == "xlsx":
                self._walk_xlsx()
            else:
                self._walk_ods()
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            KeyError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            expat.ExpatError,
        ) as error:
            raise FileRefused("file_damaged", "archive") from error
        return self.findings

    def _check_parts(self) -> None:
        entries = self.archive.infolist()
        names = [entry.filename.lower().replace("\\", "/").lstrip("/") for entry in entries]
        if any(entry.flag_bits & 1 for entry in entries):
            raise FileRefused("file_password")
        if len(set(names)) != len(names):
            raise FileRefused("file_damaged", "duplicate_parts")
        if len(entries) > limits.PARTS:
            raise FileRefused("file_too_large", "parts")
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        if unpacked > limits.UNPACKED_BYTES:
            raise FileRefused("file_too_large", "unpacked")
        if unpacked > limits.MEBIBYTE and unpacked > limits.RATIO * max(packed, 1):
            raise FileRefused("file_too_large", "unpacked")
        if any(_is_macro_part(name) for name in names):
            raise FileRefused("file_macro")
        for entry, name in zip(entries, names, strict=True):
            if name.endswith((".xml", ".rels")):
                is_list = name == "[content_types].xml" or name.startswith("meta-inf/")
                self._check_markup(entry, is_list=is_list, is_loose=name.startswith(LOOSE_PARTS))

    def _check_markup(self, entry: zipfile.ZipInfo, *, is_list: bool, is_loose: bool) -> None:
        """No document type anywhere; macros and passwords show in the lists of parts."""

        def start(tag: str, attributes: dict[str, str]) -> None:
            word = local(tag)
            if word in ("Override", "Default") and "macroEnabled" in attributes.get("ContentType", ""):
                raise FileRefused("file_macro")
            if word == "encryption-data":
                raise FileRefused("file_password")

        try:
            self.parse(entry, start if is_list else None)
        except expat.ExpatError:
            if not is_loose:
                raise

    def parse(
        self,
        entry: zipfile.ZipInfo | str,
        start: Callable[[str, dict[str, str]], None] | None = None,
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse_document_type
        if start:
            parser.StartElementHandler = start
        if end:
            parser.EndElementHandler = end
        if text:
            parser.CharacterDataHandler = text
        for chunk in self.chunks(entry):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def chunks(self, entry: zipfile.ZipInfo | str) -> Iterator[bytes]:
        """A part, unpacked bit by bit."""
        with self.archive.open(entry) as part:
            size = 0
            while chunk := part.read(CHUNK):
                size += len(chunk)
                if size > limits.UNPACKED_BYTES:
                    raise FileRefused("file_too_large", "unpacked")
                yield chunk

    # .xlsx

    def _walk_xlsx(self) -> None:
        month_styles = self._month_styles()
        for sheet, part in self._worksheets():
            plain = plain_cells(self.chunks(part), month_styles)
            if plain is not None and is_within_limits(plain, self.cells):
                self.findings.faults.setdefault(sheet, {}).update(plain.faults)
                self.findings.month_cells.setdefault(sheet, set()).update(plain.months)
                self.cells += plain.cells
                continue
            walk = SheetWalk(self, sheet, month_styles)
            self.parse(part, walk.start, walk.end, walk.text)
            self.cells += walk.cells

    def _worksheets(self) -> list[tuple[str, str]]:
        """(name, part) of the worksheets, in order."""
        sheets: list[tuple[str, str]] = []
        targets: dict[str, str] = {}

        def start_sheet(tag: str, attributes: dict[str, str]) -> None:
            if local(tag) == "sheet":
                relation = next((value for key, value in attributes.items() if local(key) == "id" and ":" in key), "")
                sheets.append((attributes.get("name", ""), relation))

        def start_relation(tag: str, attributes: dict[str, str]) -> None:
            if local(tag) == "Relationship":
                if "macrosheet" in attributes.get("Type", "").lower():
                    raise FileRefused("file_macro")
                if attributes.get("Type", "").endswith("/worksheet"):
                    targets[attributes["Id"]] = attributes["Target"]

        self.parse(self._part("xl/workbook.xml"), start_sheet)
        self.parse(self._part("xl/_rels/workbook.xml.rels"), start_relation)
        return [
            (name, self._part(posixpath.normpath(posixpath.join("xl", targets[relation]).lstrip("/"))))
            for name, relation in sheets
            if relation in targets
        ]

    def _part(self, name: str) -> str:
        wanted = name.split("/xl/")[-1] if name.startswith("/xl/") else name
        for candidate in self.archive.namelist():
            if candidate.lower().lstrip("/") in (wanted.lower(), f"xl/{wanted}".lower()):
                return candidate
        raise KeyError(name)

    def _month_styles(self) -> set[int]:
        """Indexes of the cell styles that show a date as year and month only."""
        try:
            part = self._part("xl/styles.xml")
        except KeyError:
            return set()
        codes: dict[str, str] = {"17": "mmm-yy", "55": "yyyy年m月", "57": "yyyy年m月"}
        used: list[str] = []
        inside: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            inside.append(local(tag))
            if inside[-1] == "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif inside[-1] == "xf" and inside[-2:-1] == ["cellXfs"]:
                used.append(attributes.get("numFmtId", "0"))

        self.parse(part, start, lambda tag: inside.__delitem__(-1))
        return {index for index, number in enumerate(used) if shows_month_only(codes.get(number, ""))}

    # .ods

    def _walk_ods(self) -> None:
        walk = OpenDocumentWalk(self)
        self.parse("content.xml", walk.start, walk.end, walk.text)


class SheetWalk:
    """The cells of one worksheet of an .xlsx."""

    def __init__(self, archive: Archive, sheet: str, month_styles: set[int]) -> None:
        self.before = archive.cells
        self.month_styles = month_styles
        self.faults = archive.findings.faults.setdefault(sheet, {})
        self.months = archive.findings.month_cells.setdefault(sheet, set())
        self.cells = 0
        self.row = -1
        self.column = -1
        self.attributes: dict[str, str] = {}
        self.has_formula = self.has_value = self.in_value = False
        self.value = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        word = local(tag)
        if word == "row":
            self.row = int(attributes["r"]) - 1 if "r" in attributes else self.row + 1
            self.column = -1
        elif word == "c":
            self.attributes = attributes
            self.column = column_of(attributes["r"]) if "r" in attributes else self.column + 1
            self.has_formula = self.has_value = False
            self.value = ""
        elif word == "f":
            self.has_formula = True
        elif word in ("v", "is"):
            self.has_value = self.in_value = True

    def text(self, data: str) -> None:
        if self.in_value and len(self.value) < 20:
            self.value += data

    def end(self, tag: str) -> None:
        word = local(tag)
        if word in ("v", "is"):
            self.in_value = False
        elif word == "c" and (self.has_value or self.has_formula):
            self._filled()

    def _filled(self) -> None:
        self.cells += 1
        check_extent(self.row, self.column, self.before + self.cells)
        place = (self.row, self.column)
        if self.attributes.get("t") == "e":
            self.faults[place] = self.value or "#"
        elif self.has_formula and not self.value and self.attributes.get("t") != "str":
            self.faults[place] = ""
        elif int(self.attributes.get("s", "0")) in self.month_styles:
            self.months.add(place)


class OpenDocumentWalk:
    """The cells of all tables of an .ods. Repeated rows and cells count as often as they are repeated."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.sheet = ""
        self.row = self.column = 0
        self.row_repeat = self.cell_repeat = 1
        self.cells = 0
        self.in_cell = False
        self.attributes: dict[str, str] = {}
        self.value = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self.sheet, self.row = attributes.get("table:name", ""), 0
            self.archive.findings.faults.setdefault(self.sheet, {})
        elif tag == "table:table-row":
            self.column = 0
            self.row_repeat = int(attributes.get("table:number-rows-repeated", "1"))
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self.in_cell, self.attributes, self.value = True, attributes, ""
            self.cell_repeat = int(attributes.get("table:number-columns-repeated", "1"))
        elif tag in ("script:event-listener", "office:event-listeners"):
            raise FileRefused("file_macro")

    def text(self, data: str) -> None:
        if self.in_cell and len(self.value) < 20:
            self.value += data.strip()

    def end(self, tag: str) -> None:
        if tag in ("table:table-cell", "table:covered-table-cell"):
            self.in_cell = False
            self._merged()
            self._cell()
            self.column += self.cell_repeat
        elif tag == "table:table-row":
            self.row += self.row_repeat

    def _merged(self) -> None:
        height = int(self.attributes.get("table:number-rows-spanned", "1"))
        width = int(self.attributes.get("table:number-columns-spanned", "1"))
        if height > 1 or width > 1:
            ranges = self.archive.findings.merged.setdefault(self.sheet, [])
            ranges.append((self.row, self.column, self.row + height - 1, self.column + width - 1))

    def _cell(self) -> None:
        is_formula = "table:formula" in self.attributes
        is_filled = bool(self.value or "office:value-type" in self.attributes)
        if not is_filled and not is_formula:
            return
        self.cells += self.row_repeat * self.cell_repeat
        check_extent(self.row + self.row_repeat - 1, self.column + self.cell_repeat - 1, self.cells)
        faults = self.archive.findings.faults[self.sheet]
        if self.attributes.get("calcext:value-type") == "error":
            faults[(self.row, self.column)] = self.value or "#"
        elif is_formula and not is_filled:
            faults[(self.row, self.column)] = ""


def check_extent(row: int, column: int, cells: int) -> None:
    """Raises FileRefused when a filled cell lies too far out, or there are too many. Rows and columns from 0."""
    if row >= limits.ROWS:
        raise FileRefused("file_too_large", "rows")
    if column >= limits.COLUMNS:
        raise FileRefused("file_too_large", "columns")
    if cells > limits.CELLS:
        raise FileRefused("file_too_large", "cells")


def is_within_limits(plain: PlainCells, before: int) -> bool:
    """False sends the sheet to the walk, which says what is too much."""
    last_column = max(map(column_number, plain.columns), default=-1)
    return plain.last_row < limits.ROWS and last_column < limits.COLUMNS and before + plain.cells <= limits.CELLS


def column_of(reference: str) -> int:
    """0 for "A7", 27 for "AB1"."""
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    if number == 0:
        raise ValueError(reference)
    return number - 1


def shows_month_only(code: str) -> bool:
    """Whether a number format such as yyyy"年"m"月" or yyyy.mm shows a date without its day."""
    plain = code.split(";")[0].lower().replace('"', "").replace("\\", "")
    while "[" in plain and "]" in plain:
        plain = plain[: plain.index("[")] + plain[plain.index("]") + 1 :]
    return "y" in plain and "m" in plain and "d" not in plain and "h" not in plain


def local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _is_macro_part(name: str) -> bool:
    return "vbaproject" in name or name.startswith(("basic/", "scripts/", "xl/macrosheets/", "xl/activex/"))


def _refuse_document_type(*_words: object) -> None:
    raise FileRefused("file_damaged", "document_type")
