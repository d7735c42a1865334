"""Amounts, counts and areas as rosters write them (handbook 10.4). Money comes out in yuan, as Decimal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from imports.normalising import clean_code, is_empty_word

YUAN, TEN_THOUSAND, HUNDRED_MILLION = Decimal(1), Decimal(10_000), Decimal(100_000_000)
UNITS: dict[str, Decimal] = {
    "元": YUAN,
    "人民币元": YUAN,
    "千元": Decimal(1_000),
    "万元": TEN_THOUSAND,
    "百万元": Decimal(1_000_000),
    "亿元": HUNDRED_MILLION,
}
PLACES = {YUAN: 2, TEN_THOUSAND: 4}
"""Decimals that a unit may have; other units as many as make a whole fen."""
CEILING = Decimal(10) ** 14
"""In yuan: what 16 digits with 2 decimals hold."""
NUMBER = re.compile(r"[¥￥]?([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+)(亿|万|千)?(元|块)?整?")
HAN_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百千万亿]+(元|块)?整?")
HAN_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
HAN_STEPS = {"十": 10, "百": 100, "千": 1000}
SCALES = {"千": Decimal(1_000), "万": TEN_THOUSAND, "亿": HUNDRED_MILLION}
COUNT_SUFFIX = re.compile(r"(?<=\d)(个|人|户|组|名|亩|座|处|岁)$")
TITLE_UNIT = re.compile(r"(?:单位|金额单位|币种单位)[:：]?\(?(?:人民币)?(百万元|亿元|万元|千元|元)")
HEADING_UNIT = re.compile(r"[(\[](?:单位[:：]?)?(百万元|亿元|万元|千元|元)[)\]]")


@dataclass(frozen=True, slots=True)
class ReadNumber:
    """`value` is None for an empty or unreadable cell. `has_unit`: the cell itself says its unit."""

    value: Decimal | None = None
    code: str = ""
    has_unit: bool = False


def unit_of_title(text: str) -> Decimal | None:
    """Yuan in one unit of the money in a table, from a title such as (单位:万元); None when it names none."""
    found = TITLE_UNIT.search(clean_code(text)) or HEADING_UNIT.search(clean_code(text))
    return UNITS[found[1]] if found else None


def unit_of_heading(text: str) -> Decimal | None:
    found = HEADING_UNIT.search(clean_code(text))
    return UNITS[found[1]] if found else None


def read_money(value: str | Decimal, unit: Decimal, *, is_signed: bool = False) -> ReadNumber:
    """In yuan. `unit` is what a bare number counts. Codes: number_unreadable, number_out_of_range.

    Below 0 is out of range unless `is_signed`.
    """
    if isinstance(value, Decimal):
        return _in_yuan(value, unit, has_unit=False, is_signed=is_signed)
    plain = clean_code(value)
    if not plain or is_empty_word(value.strip()):
        return ReadNumber()
    found = NUMBER.fullmatch(plain)
    if found:
        number = Decimal(found[1].replace(",", ""))
        if found[2] or found[3]:
            return _in_yuan(number, SCALES.get(found[2] or "", YUAN), has_unit=True, is_signed=is_signed)
        return _in_yuan(number, unit, has_unit=False, is_signed=is_signed)
    if HAN_NUMBER.fullmatch(plain):
        number = Decimal(han_number(plain.rstrip("整").rstrip("元块")))
        has_unit = bool(re.search(r"[万亿元块]", plain))
        return _in_yuan(number, YUAN if has_unit else unit, has_unit=has_unit)
    return ReadNumber(code="number_unreadable")


def _in_yuan(number: Decimal, unit: Decimal, *, has_unit: bool, is_signed: bool = False) -> ReadNumber:
    if not number.is_finite():
        return ReadNumber(code="number_unreadable")
    places = PLACES.get(unit, unit.adjusted() + 2 if unit > TEN_THOUSAND else 2)
    counted = abs(number) if is_signed else number
    if _decimals(number) > places or not 0 <= counted * unit < CEILING:
        return ReadNumber(code="number_out_of_range", has_unit=has_unit)
    return ReadNumber((number * unit).quantize(Decimal("0.01")), has_unit=has_unit)


def read_decimal(value: str | Decimal, *, places: int, below: int) -> ReadNumber:
    """A count (places 0) or an area: 2,136; 12户. Negative, finer or `below` and more is number_out_of_range."""
    if isinstance(value, Decimal):
        number = value
    else:
        plain = COUNT_SUFFIX.sub("", clean_code(value))
        if not plain or is_empty_word(value.strip()):
            return ReadNumber()
        found = NUMBER.fullmatch(plain)
        if not found or found[2] or found[3] or "¥" in plain:
            return ReadNumber(code="number_unreadable")
        number = Decimal(found[1].replace(",", ""))
    if not number.is_finite():
        return ReadNumber(code="number_unreadable")
    if _decimals(number) > places or not 0 <= number < below:
        return ReadNumber(code="number_out_of_range")
    return ReadNumber(number.quantize(Decimal(1).scaleb(-places)))


def han_number(text: str) -> int:
    """三万 -> 30000, 十二万五千 -> 125000, 两百 -> 200."""
    total = section = digit = 0
    for sign in text:
        if sign in HAN_DIGITS:
            digit = HAN_DIGITS[sign]
        elif sign in HAN_STEPS:
            section += (digit or 1) * HAN_STEPS[sign]
            digit = 0
        else:
            total = (
                (total + section + digit) * int(SCALES[sign])
                if sign == "亿"
                else total + ((section + digit) * int(SCALES[sign]))
            )
            section = digit = 0
    return total + section + digit


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
