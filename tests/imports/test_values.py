"""Tables of cases for what stands in one cell: dates, identity numbers, money, names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.dates import PartialDate, from_cell_date, from_number, from_text
from imports.identity import ReadIdentity, check_character, masked, read_identity, to_18
from imports.money import han_number, read_decimal, read_money, unit_of_heading, unit_of_title
from imports.normalising import clean_code, clean_line, clean_name, clean_text, has_refused_character, is_error_word

TODAY = date(2026, 11, 25)
NO_DATE = (None, "")
YUAN, WAN = Decimal(1), Decimal(10_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1975.03", ("1975-03", "")),
        ("1975.3", ("1975-03", "")),
        ("1975.1", ("1975-01", "")),
        ("１９７５．０３", ("1975-03", "")),
        ("197503", ("1975-03", "")),
        ("19750312", ("1975-03-12", "")),
        ("1975年3月", ("1975-03", "")),
        ("1975年3月12日", ("1975-03-12", "")),
        ("1975 年 3 月", ("1975-03", "")),
        ("1975-03", ("1975-03", "")),
        ("1975-03-12", ("1975-03-12", "")),
        ("1975-03-12 00:00:00", ("1975-03-12", "")),
        ("1975/3/12", ("1975-03-12", "")),
        ("1998.07.01", ("1998-07-01", "")),
        ("1998.07.", ("1998-07", "")),
        ("1975", ("1975", "")),
        ("1975年", ("1975", "")),
        ("二〇〇五年七月", ("2005-07", "")),
        ("二○二一年十二月二十三日", ("2021-12-23", "")),
        ("一九九八年十月", ("1998-10", "")),
        ("2021.03至今", ("2021-03", "")),
        ("2021年3月至今", ("2021-03", "")),
        ("2021.03—2024.05", ("2021-03", "")),
        ("2021.03-2024.05", ("2021-03", "")),
        ("2021.03起", ("2021-03", "")),
        ("75.03", ("1975-03", "date_two_digit_year")),
        ("98.07", ("1998-07", "date_two_digit_year")),
        ("26.01", ("2026-01", "date_two_digit_year")),
        ("27.01", ("1927-01", "date_two_digit_year")),
        ("", NO_DATE),
        ("无", NO_DATE),
        ("—", NO_DATE),
        ("不详", NO_DATE),
        ("至今", NO_DATE),
        ("1900.1", NO_DATE),
        ("1900/1/0", NO_DATE),
        ("1900-01-00", NO_DATE),
        ("48岁", NO_DATE),
        ("(48岁)", NO_DATE),
        ("1975.03(48岁)", ("1975-03", "")),
        ("2005.13", (None, "date_unreadable")),
        ("1989.00", (None, "date_unreadable")),
        ("2001.02.30", (None, "date_unreadable")),
        ("1899.12", (None, "date_unreadable")),
        ("去年七月", (None, "date_unreadable")),
        ("1975.03.12.01", (None, "date_unreadable")),
    ],
)
def test_typed_dates(text: str, expected: tuple[str | None, str]) -> None:
    found = from_text(text, TODAY)
    assert (str(found.value) if found.value else None, found.code) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1975.03", ("1975-03", "")),
        ("1975.3", ("1975-03", "")),
        ("1975.11", ("1975-11", "")),
        ("1975.12", ("1975-12", "")),
        ("1975.1", (None, "date_ambiguous")),
        ("2001.1", (None, "date_ambiguous")),
        ("1900.1", NO_DATE),
        ("0", NO_DATE),
        ("1975", ("1975", "")),
        ("197503", ("1975-03", "")),
        ("19750312", ("1975-03-12", "")),
        ("27465", ("1975-03-12", "")),
        ("1975.13", (None, "date_unreadable")),
        ("1975.031", (None, "date_unreadable")),
        ("-5", (None, "date_unreadable")),
        ("99.07", ("1999-07", "date_two_digit_year")),
    ],
)
def test_dates_as_numbers(number: str, expected: tuple[str | None, str]) -> None:
    found = from_number(Decimal(number), TODAY)
    assert (str(found.value) if found.value else None, found.code) == expected


def test_date_cells() -> None:
    assert str(from_cell_date(date(1975, 3, 1), is_month=False).value) == "1975-03-01"
    assert str(from_cell_date(date(1975, 3, 1), is_month=True).value) == "1975-03"
    assert from_cell_date(date(1899, 12, 31), is_month=False).value is None
    assert from_cell_date(date(1900, 1, 1), is_month=True).value is None


def test_a_partial_date_knows_its_days_and_sorts_by_the_first_one() -> None:
    month = PartialDate.parse("1976-02")
    assert (month.first_day, month.last_day) == (date(1976, 2, 1), date(1976, 2, 29))
    assert PartialDate.parse("1976").last_day == date(1976, 12, 31)
    assert month.agrees_with(PartialDate(1976, 2, 9))
    assert not month.agrees_with(PartialDate(1976, 3))
    assert sorted(["1976-02-09", "1976", "1976-02", "1975-12-31"]) == ["1975-12-31", "1976", "1976-02", "1976-02-09"]
    for wrong in ("1976-13", "1976-02-30", "1976-1-1-1", "x", "1800"):
        with pytest.raises(ValueError, match=r".*"):
            PartialDate.parse(wrong)


@given(st.dates(date(1901, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_back_from_every_way_of_writing_it(day: date) -> None:
    ways = (
        f"{day:%Y.%m.%d}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}/{day.month}/{day.day}",
        day.isoformat(),
    )
    assert {str(from_text(text, TODAY).value) for text in ways} == {day.isoformat()}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("11010519491231002X", ""),
        ("11010519491231002x", ""),
        ("1１０105194912310 02Ｘ", ""),
        ("'11010519491231002Х", ""),
        ("\t34052419800101001X\n", ""),
        ("370101190102039973", ""),
        ("440524188001010014", "id_format"),
        ("110105194912310021", "id_checksum"),
        ("110105194913310028", "id_checksum"),
        ("00000019730407454", "id_format"),
        ("ABC", "id_format"),
        ("000000700209022", "id_old_15"),
        ("000000701309022", "id_format"),
        ("000000197303212000", "id_precision_lost"),
        ("9.99999E+17", "id_precision_lost"),
        (Decimal("9.99999198409175E+17"), "id_precision_lost"),
        (Decimal("999999700209022"), "id_old_15"),
        (Decimal("12345"), "id_format"),
        ("", ""),
    ],
)
def test_identity_numbers(value: str | Decimal, code: str) -> None:
    assert read_identity(value, TODAY).code == code


def test_an_impossible_date_with_the_right_check_digit_is_a_wrong_form() -> None:
    body = "00000019731304745"
    assert read_identity(body + check_character(body), TODAY) == ReadIdentity(code="id_format")
    future = "00000020990101001"
    assert read_identity(future + check_character(future), TODAY).code == "id_format"


def test_birth_and_sex_stand_in_the_number() -> None:
    found = read_identity("000000197009127086", TODAY)
    assert (found.number, found.birth, found.is_male) == ("000000197009127086", date(1970, 9, 12), False)
    assert read_identity("000000700209023", TODAY).is_male


def test_old_numbers_become_18_characters_and_masks_show_nothing_at_the_end() -> None:
    assert read_identity(to_18("000000700209022"), TODAY).birth == date(1970, 2, 9)
    assert masked("11010519491231002X") == "110***************"


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999), st.integers(0, 9))
def test_one_wrong_digit_is_always_found(day: date, sequence: int, place: int) -> None:
    body = f"999999{day:%Y%m%d}{sequence:03}"
    number = body + check_character(body)
    assert read_identity(number, TODAY).number == number
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    assert read_identity(wrong, TODAY).number == ""


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (Decimal("140.21"), WAN, ("1402100.00", "", False)),
        ("140.21", WAN, ("1402100.00", "", False)),
        ("1.4964", WAN, ("14964.00", "", False)),
        ("1.49645", WAN, (None, "number_out_of_range", False)),
        ("1.495", YUAN, (None, "number_out_of_range", False)),
        ("-3", YUAN, (None, "number_out_of_range", False)),
        ("1,200元", WAN, ("1200.00", "", True)),
        ("12.5万", YUAN, ("125000.00", "", True)),
        ("12.5万元", WAN, ("125000.00", "", True)),
        ("三万", YUAN, ("30000.00", "", True)),
        ("三万", WAN, ("30000.00", "", True)),
        ("2亿", YUAN, ("200000000.00", "", True)),
        ("￥1,200.50", YUAN, ("1200.50", "", False)),
        ("约50", WAN, (None, "number_unreadable", False)),
        ("待定", YUAN, (None, "number_unreadable", False)),
        ("1,20", YUAN, (None, "number_unreadable", False)),
        ("1e5", YUAN, (None, "number_unreadable", False)),
        (Decimal("NaN"), YUAN, (None, "number_unreadable", False)),
        (Decimal("1E+14"), YUAN, (None, "number_out_of_range", False)),
        ("—", YUAN, (None, "", False)),
        ("", YUAN, (None, "", False)),
    ],
)
def test_money(value: str | Decimal, unit: Decimal, expected: tuple[str | None, str, bool]) -> None:
    found = read_money(value, unit)
    assert (None if found.value is None else str(found.value), found.code, found.has_unit) == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("2,136", 0, ("2136", "")),
        ("12户", 0, ("12", "")),
        (Decimal("12"), 0, ("12", "")),
        (Decimal("12.5"), 0, (None, "number_out_of_range")),
        (Decimal("4501.7"), 2, ("4501.70", "")),
        ("-1", 0, (None, "number_out_of_range")),
        ("99999999999", 0, (None, "number_out_of_range")),
        ("12万", 0, (None, "number_unreadable")),
        ("约20", 0, (None, "number_unreadable")),
        ("无", 0, (None, "")),
    ],
)
def test_counts_and_areas(value: str | Decimal, places: int, expected: tuple[str | None, str]) -> None:
    found = read_decimal(value, places=places, below=10**9)
    assert (None if found.value is None else str(found.value), found.code) == expected


def test_units_in_titles_and_headings() -> None:
    assert unit_of_title("龙井乡村(社区)基本情况表（单位：万元）") == WAN
    assert unit_of_title("单位:元") == YUAN
    assert unit_of_title("填报单位:明港镇党建办") is None
    assert unit_of_heading("集体经营性资产(万元)") == WAN
    assert unit_of_heading("耕地(亩)") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("三万", 30_000), ("十二万五千", 125_000), ("两百零三", 203), ("十", 10), ("一亿二千万", 120_000_000)],
)
def test_numbers_in_words(text: str, number: int) -> None:
    assert han_number(text) == number


def test_texts_are_brought_to_one_spelling() -> None:
    assert clean_name(" 张　三 ") == "张三"
    assert clean_name("李四(女)") == "李四"
    assert clean_name("买买提・艾力") == "买买提·艾力"
    assert clean_text("一\u200b\r\n 二\u3000三 ") == "一\n二 三"
    assert clean_code(" １２\u202e3 Ｘ") == "123X"
    assert clean_line("明港　镇（街道）") == "明港镇(街道)"
    assert has_refused_character("换\x0b行")
    assert not has_refused_character("换\n行\t")
    assert is_error_word("#N/A")
    assert not is_error_word("#1")
