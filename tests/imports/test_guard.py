"""Every kind of bad file is refused before it is read, with a code and a sentence."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
import xlsxwriter

from imports import limits, reader_process, reading
from imports.guard import column_of, inspect, kind_of, shows_month_only
from imports.problems import ERRORS, WARNINGS, sentence_of_refusal
from imports.reading import CellError, MonthCell, read_worksheets
from imports.refusals import FileRefused
from tests.imports.files import compound_file, part_of, record, with_part, write_xlsx

ROWS = [["乡镇", "村", "姓名"], ["东乡", "东一村", "张三"]]
HIDDEN_DOCUMENT_TYPE = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16")
SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_xlsx(tmp_path / "good.xlsx", ROWS)


def refusal(path: Path, name: str | None = None) -> tuple[str, str]:
    with pytest.raises(FileRefused) as caught:
        inspect(path, name or path.name)
    sentence = sentence_of_refusal(caught.value.code, caught.value.found)
    assert sentence
    return caught.value.code, caught.value.found


def test_samples_pass(tmp_path: Path) -> None:
    for path in sorted(SAMPLES.glob("*.[xoc][ldsv]*")):
        assert inspect(path, path.name).kind == path.suffix[1:]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.xlsx", b"%PDF-1.7 ...", "pdf"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "web_page"),
        ("a.xls", b"\xef\xbb\xbf\r\n<!DOCTYPE html><html></html>", "web_page"),
        ("a.xls", b"<?xml version='1.0'?><Workbook/>", "xml"),
        ("a.csv", "\ufeff姓名,性别".encode("utf-16"), "utf16"),
        ("a.csv", b"abc\0def", "unknown"),
        ("a.xlsx", b"\xff\xd8\xff\xe0", "picture"),
        ("a.xlsx", b"MZ\x90", "program"),
        ("a.xlsx", "姓名,性别\n张三,男\n".encode(), "named_csv"),
        ("a.txt", "姓名,性别\n张三,男\n".encode(), "named_csv"),
    ],
)
def test_other_types_are_named_for_what_they_are(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path) == ("file_type", found)


def test_a_workbook_with_the_ending_of_another_is_refused(good: Path) -> None:
    assert refusal(good, "good.xls") == ("file_type", "named_xlsx")
    assert inspect(good, "GOOD.XLSX").kind == "xlsx"


@pytest.mark.parametrize(
    ("part", "content", "expected"),
    [
        ("xl/vbaProject.bin", b"macro", ("file_macro", "")),
        ("xl/macrosheets/sheet1.xml", b"<a/>", ("file_macro", "")),
        ("xl/extra.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", ("file_damaged", "document_type")),
        ("docProps/extra.xml", b"<!DOCTYPE a><a/>", ("file_damaged", "document_type")),
        ("xl/extra.xml", HIDDEN_DOCUMENT_TYPE, ("file_damaged", "document_type")),
        ("xl/broken.xml", b"<a><b></a>", ("file_damaged", "archive")),
        ("XL/WORKBOOK.XML", b"<a/>", ("file_damaged", "duplicate_parts")),
        ("xl/bomb.bin", b"\0" * (2 * limits.MEBIBYTE), ("file_too_large", "unpacked")),
    ],
)  # fmt: skip
def test_parts_of_an_archive(tmp_path: Path, good: Path, part: str, content: bytes, expected: tuple[str, str]) -> None:
    assert refusal(with_part(good, tmp_path / "bad.xlsx", part, content)) == expected


def test_untidy_loose_parts_do_no_harm(tmp_path: Path, good: Path) -> None:
    assert (
        inspect(with_part(good, tmp_path / "ok.xlsx", "customXml/item1.xml", b"<a><b></a>"), "ok.xlsx").kind == "xlsx"
    )


def test_a_macro_content_type_is_found_without_the_macro_part(tmp_path: Path, good: Path) -> None:
    types = part_of(good, "[Content_Types].xml").replace(
        b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    )
    path = with_part(good, tmp_path / "bad.xlsx", "[Content_Types].xml", types, replaces=True)
    assert refusal(path) == ("file_macro", "")


def test_sizes_are_limited(tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PARTS", 3)
    assert refusal(good) == ("file_too_large", "parts")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "UNPACKED_BYTES", 2000)
    assert refusal(good) == ("file_too_large", "unpacked")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "FILE_BYTES", 100)
    assert refusal(good) == ("file_too_large", "bytes")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "CELLS", 5)
    assert refusal(good) == ("file_too_large", "cells")


@pytest.mark.parametrize(("place", "found"), [((1048575, 0), "rows"), ((0, 16383), "columns")])
def test_a_filled_cell_in_the_last_corner_is_found_before_the_reader_opens_the_file(
    tmp_path: Path, place: tuple[int, int], found: str
) -> None:
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "姓名")
        sheet.write(*place, "x")
    assert refusal(path) == ("file_too_large", found)


def test_a_styled_empty_cell_far_out_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "styled.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "姓名")
        sheet.write_blank(1048575, 16383, None, workbook.add_format({"bold": True}))
    assert [len(worksheet.rows) for worksheet in read_worksheets(path)] == [1]


def test_damaged_archives(tmp_path: Path, good: Path) -> None:
    (tmp_path / "empty.xlsx").write_bytes(b"")
    assert refusal(tmp_path / "empty.xlsx") == ("file_damaged", "empty")
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(good.read_bytes()[:-200])
    assert refusal(cut) == ("file_damaged", "archive")
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    assert refusal(tmp_path / "zip.xlsx") == ("file_type", "archive")
    with zipfile.ZipFile(tmp_path / "text.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert refusal(tmp_path / "text.xlsx") == ("file_type", "text_document")


def test_an_encrypted_part_is_a_password(tmp_path: Path, good: Path) -> None:
    raw = bytearray(good.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 8] |= 1
    path = tmp_path / "locked.xlsx"
    path.write_bytes(bytes(raw))
    assert refusal(path) == ("file_password", "")


def workbook_stream(*records: bytes, kind: int = 0) -> bytes:
    """A workbook with one worksheet that holds the records."""
    name = "名册".encode("utf-16-le")
    head = record(0x0809, b"\0" * 16)
    sheet = 8 + len(name)
    position = len(head) + 4 + sheet + 4
    bound = record(0x0085, struct.pack("<IBBBB", position, 0, kind, 2, 1) + name)
    return head + bound + record(0x000A) + record(0x0809, b"\0" * 16) + b"".join(records) + record(0x000A)


def boolean_or_error(row: int, column: int, value: int) -> bytes:
    return record(0x0205, struct.pack("<HHHBB", row, column, 0, value, 1))


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}, ("file_password", "")),
        ({"WordDocument": b"x"}, ("file_type", "text_document")),
        ({"Something": b"x"}, ("file_type", "unknown")),
        ({"Workbook": workbook_stream(), "_VBA_PROJECT_CUR": b"x"}, ("file_macro", "")),
        ({"Workbook": workbook_stream(kind=1)}, ("file_macro", "")),
        ({"Workbook": record(0x0809, b"\0" * 16) + record(0x002F, b"\0" * 6)}, ("file_password", "")),
        ({"Workbook": workbook_stream(boolean_or_error(65000, 1, 0x2A))}, ("file_too_large", "rows")),
        ({"Workbook": workbook_stream(boolean_or_error(3, 200, 0x2A))}, ("file_too_large", "columns")),
    ],
    ids=["encrypted", "word", "other", "macro", "macro-sheet", "password", "rows", "columns"],
)
def test_binary_workbooks(tmp_path: Path, streams: dict[str, bytes], expected: tuple[str, str]) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(compound_file(streams))
    assert refusal(path) == expected


def test_error_cells_of_binary_workbooks_are_listed(tmp_path: Path) -> None:
    formula = record(0x0006, struct.pack("<HHH", 4, 1, 0) + b"\x02\0\x17\0\0\0\xff\xff" + b"\0" * 8)
    path = tmp_path / "a.xls"
    path.write_bytes(compound_file({"Workbook": workbook_stream(boolean_or_error(2, 3, 0x2A), formula)}))
    assert inspect(path, "a.xls").faults == {"名册": {(2, 3): "#N/A", (4, 1): "#REF!"}}


@pytest.mark.parametrize(("cut", "code"), [(24, "file_damaged"), (600, "file_damaged"), (1200, "file_type")])
def test_scrambled_binary_workbooks_are_refused(tmp_path: Path, cut: int, code: str) -> None:
    raw = (SAMPLES / "04-cadres-old-format.xls").read_bytes()
    path = tmp_path / "cut.xls"
    path.write_bytes(raw[:cut] + b"\xa5" * 300)
    with pytest.raises(FileRefused) as caught:
        read_worksheets(path)
    assert caught.value.code == code


def test_errors_and_formulas_without_a_value_are_cells(tmp_path: Path) -> None:
    path = tmp_path / "formulas.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(2, 1, ["姓名", "学历"])
        sheet.write_formula(3, 1, "=1+1", None, 2)
        sheet.write_formula(3, 2, "=NA()", None, "#N/A")
        sheet.write_formula(4, 1, "=1+1", None, "")
        sheet.write_datetime(5, 1, datetime(2021, 3, 1), workbook.add_format({"num_format": 'yyyy"年"m"月"'}))
    rows = read_worksheets(path)[0].rows
    assert rows[:2] == [["", "", ""], ["", "", ""]]
    assert rows[2][1] == "姓名"
    assert str(rows[3][1]) == "2"
    assert rows[3][2] == CellError("#N/A")
    assert isinstance(rows[5][1], MonthCell)


def ods(path: Path, content: str) -> Path:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="一">{content}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="x"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", text)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def test_open_documents(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>村</text:p></table:table-cell>'
    gap = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
    far = f"{gap}<table:table-row>{cell}</table:table-row>"
    assert refusal(ods(tmp_path / "far.ods", far)) == ("file_too_large", "rows")
    wide = f'<table:table-row table:number-rows-repeated="30000">{cell}</table:table-row>'
    assert refusal(ods(tmp_path / "wide.ods", wide)) == ("file_too_large", "rows")
    faults = (
        '<table:table-row><table:table-cell table:number-rows-spanned="2" office:value-type="string">'
        "<text:p>东乡</text:p></table:table-cell>"
        '<table:table-cell table:formula="of:=1" office:value-type="string" calcext:value-type="error">'
        '<text:p>#N/A</text:p></table:table-cell><table:table-cell table:formula="of:=1"/></table:table-row>'
    )
    found = inspect(ods(tmp_path / "faults.ods", faults), "faults.ods")
    assert found.faults == {"一": {(0, 1): "#N/A", (0, 2): ""}}
    assert found.merged == {"一": [(0, 0, 1, 0)]}
    with zipfile.ZipFile(ods(tmp_path / "macro.ods", ""), "a") as archive:
        archive.writestr("Basic/Standard/Module1.xml", "<a/>")
    assert refusal(tmp_path / "macro.ods") == ("file_macro", "")
    with zipfile.ZipFile(ods(tmp_path / "locked.ods", ""), "a") as archive:
        archive.writestr("META-INF/more.xml", '<m:encryption-data xmlns:m="m"/>')
    assert refusal(tmp_path / "locked.ods") == ("file_password", "")


@pytest.mark.parametrize(
    "break_it", [lambda raw: raw[: len(raw) // 2], lambda raw: b"PK" + b"\0" * 500], ids=["half", "head"]
)
def test_a_file_that_breaks_the_reader_is_damaged_and_the_caller_lives(
    tmp_path: Path, good: Path, break_it: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "bad.xlsx"
    path.write_bytes(break_it(good.read_bytes()))
    with pytest.raises(FileRefused) as caught:
        read_worksheets(path)
    assert caught.value.code == "file_damaged"


def test_a_reader_that_is_killed_or_too_slow_is_told(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.sys, "executable", "/bin/false")
    with pytest.raises(FileRefused, match="file_damaged"):
        read_worksheets(good)
    monkeypatch.undo()
    monkeypatch.setattr(limits, "READER_WALL_SECONDS", 0.001)
    with pytest.raises(FileRefused, match="file_too_large"):
        read_worksheets(good)


def test_text_files_in_three_spellings(tmp_path: Path) -> None:
    text = '姓名,备注\r\n邱䶮,"两\n行"\r\n'
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        path = tmp_path / "a.csv"
        path.write_bytes(text.encode(encoding))
        assert read_worksheets(path)[0].rows == [["姓名", "备注"], ["邱䶮", "两\n行"]]
    path.write_bytes("姓名;性别\n张三;男\n".encode())
    assert read_worksheets(path)[0].rows[1] == ["张三", "男"]
    path.write_bytes(b"\x81\xff\xff name")
    with pytest.raises(FileRefused) as caught:
        read_worksheets(path)
    assert (caught.value.code, caught.value.found) == ("file_type", "encoding")


def test_small_questions(tmp_path: Path) -> None:
    assert [column_of(reference) for reference in ("A1", "Z9", "AA10", "xfd1")] == [0, 25, 26, 16383]
    with pytest.raises(ValueError, match="12"):
        column_of("12")
    assert shows_month_only('yyyy"年"m"月"')
    assert shows_month_only("[$-804]yyyy.mm;@")
    assert not shows_month_only("yyyy-mm-dd")
    assert not shows_month_only("General")
    path = tmp_path / "a.csv"
    path.write_text("a,b", encoding="utf-8")
    assert kind_of(path) == "csv"


def test_codes_are_those_of_the_page_and_each_has_one_level() -> None:
    assert not ERRORS.keys() & WARNINGS.keys()
    assert (len(ERRORS), len(WARNINGS)) == (21, 17)


def test_the_reader_says_of_each_cell_what_it_is(tmp_path: Path) -> None:
    cases = (
        True,
        3,
        0.1 + 0.2,
        9.99999198409175e17,
        datetime(2021, 3, 1, 8),
        date(2021, 3, 1),
        time(8, 30),
        None,
        "一",
    )
    assert [reader_process._cell(value) for value in cases] == [
        ["b", "1"],
        ["n", "3"],
        ["n", "0.3"],
        ["n", "9.99999198409175e+17"],
        ["d", "2021-03-01"],
        ["d", "2021-03-01"],
        "08:30:00",
        "",
        "一",
    ]
    assert reader_process._cell(timedelta(hours=30)) == "1 day, 6:00:00"
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("一").write(0, 0, 7)
        workbook.add_worksheet("二").hide()
    told = list(reader_process.messages(path, "a.xlsx"))
    assert [(each["worksheet"], each["is_visible"]) for each in (told[0], told[2])] == [("一", True), ("二", False)]
    assert (told[1], told[3:]) == ([[["n", "7"]]], [{"done": True}])
    assert list(reader_process.messages(path, "a.xls")) == [{"refused": ["file_type", "named_xlsx"]}]
    csv_told = list(reader_process.messages(SAMPLES / "06-cadres-gb18030.csv", "b.csv"))
    assert csv_told[0]["worksheet"] == "b"
