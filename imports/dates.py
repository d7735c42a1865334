"""Dates as rosters write them, with what they leave open (handbook 8.7).

A year, a month or a day: `PartialDate` keeps which, and its text (1975, 1975-03,
1975-03-12) sorts by the first day it may mean.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from imports.normalising import clean_code, is_empty_word

FIRST_YEAR, LAST_YEAR = 1900, 2100
HAN_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
SEPARATED = re.compile(r"(\d{4}|\d{2})[年.\-/。、,](\d{1,2})(?:[月.\-/。、,](?:(\d{1,2})[日号]?)?)?")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})?")
YEAR_ONLY = re.compile(r"(\d{4})年?")
NO_DATE = re.compile(r"1900([.\-/年]?0?[01](月|[.\-/月]0?[01]日?)?)?年?|至今")
AGE = re.compile(r"\(?\d{1,3}周?岁\)?")
AGE_BEHIND = re.compile(r"(?<=[\d年月日])\(\d{1,3}周?岁?\)$")
CLOCK = re.compile(r"[\sT]+\d{1,2}:\d{2}(:\d{2})?(\.\d+)?\s*$")
UNTIL = re.compile(r"(?<=\d)(?:年|月|日)?(?:至今|至|到|起|以来|—+|–|~|-{2,}|-(?=\d{4})).*$")


@dataclass(frozen=True, order=True, slots=True)
class PartialDate:
    """`month` and `day` are None when the source did not say them."""

    year: int
    month: int | None = None
    day: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.year:04}"] + [f"{part:02}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """From its own text. Raises ValueError."""
        parts = [int(part) for part in text.split("-")]
        if not 1 <= len(parts) <= 3:
            raise ValueError(text)
        return checked(*parts)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def last_day(self) -> date:
        month = self.month or 12
        return date(self.year, month, self.day or monthrange(self.year, month)[1])

    def agrees_with(self, other: PartialDate) -> bool:
        """Whether both may mean the same day, as far as both say it."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(one == two for one, two in pairs if one is not None and two is not None)


@dataclass(frozen=True, slots=True)
class ReadDate:
    """The date, None for an empty cell or an unreadable one; `code` of the problem, "" for none."""

    value: PartialDate | None = None
    code: str = ""


def checked(year: int, month: int | None = None, day: int | None = None) -> PartialDate:
    """Raises ValueError when there is no such day, or it lies outside 1900 to 2100."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(year)
    date(year, 1 if month is None else month, 1 if day is None else day)
    return PartialDate(year, month, day)


def from_cell_date(day: date, *, is_month: bool) -> ReadDate:
    """From a real date cell. 1900-01-00 and the like is an empty cell that a format made a date."""
    if day.year < FIRST_YEAR or (day.year == FIRST_YEAR and day.month == 1) or day == date(1899, 12, 31):
        return ReadDate()
    if day.year > LAST_YEAR:
        return ReadDate(code="date_unreadable")
    return ReadDate(PartialDate(day.year, day.month, None if is_month else day.day))


def from_number(number: Decimal, today: date) -> ReadDate:
    """From a number cell: 1975.03, 1975, 197503, 19750312, or a day count of the 1900 system.

    Only a single .1 leaves open whether January or October is meant.
    """
    if not number.is_finite() or number < 0:
        return ReadDate(code="date_unreadable")
    if number == 0:
        return ReadDate()
    text = format(number.normalize(), "f")
    whole, _point, fraction = text.partition(".")
    if fraction == "1" and len(whole) in (2, 4):
        return ReadDate() if whole == "1900" else ReadDate(code="date_ambiguous")
    if fraction:
        return from_text(text, today) if len(fraction) <= 2 else ReadDate(code="date_unreadable")
    if len(whole) == 5:
        return from_cell_date(date.fromordinal(date(1899, 12, 30).toordinal() + int(whole)), is_month=False)
    return from_text(whole, today)


def from_text(text: str, today: date) -> ReadDate:
    """From a typed date. What comes after 至今, a dash or a second date is left away: the first date counts."""
    plain = clean_code(CLOCK.sub("", text)).strip("'‘’`")
    if not plain or is_empty_word(unicodedata.normalize("NFC", text).strip()) or NO_DATE.fullmatch(plain):
        return ReadDate()
    plain = AGE_BEHIND.sub("", plain)
    plain = _plain_digits(UNTIL.sub("", plain, count=1) if not COMPACT.fullmatch(plain) else plain)
    if NO_DATE.fullmatch(plain):
        return ReadDate()
    if AGE.fullmatch(plain):
        return ReadDate()
    parts = _parts(plain)
    if parts is None:
        return ReadDate(code="date_unreadable")
    year, month, day = parts
    is_short = len(year) == 2
    number = int(year) if not is_short else _full_year(int(year), today)
    try:
        value = checked(number, int(month) if month else None, int(day) if day else None)
    except ValueError:
        return ReadDate(code="date_unreadable")
    return ReadDate(value, "date_two_digit_year" if is_short else "")


def _parts(plain: str) -> tuple[str, str | None, str | None] | None:
    for pattern in (SEPARATED, COMPACT):
        found = pattern.fullmatch(plain)
        if found:
            return found[1], found[2], found[3]
    found = YEAR_ONLY.fullmatch(plain)
    return (found[1], None, None) if found else None


def _full_year(short: int, today: date) -> int:
    """Not later than this year: 20xx, else 19xx."""
    return 2000 + short if 2000 + short <= today.year else 1900 + short


def _plain_digits(text: str) -> str:
    """二〇〇五年七月 -> 2005年7月, 十二月 -> 12月."""
    if not re.search(r"[〇零○一二三四五六七八九十]", text):
        return text
    text = re.sub(r"[一二三四五六七八九]?十[一二三四五六七八九]?", lambda found: str(_tens(found[0])), text)
    return text.translate(HAN_DIGITS)


def _tens(word: str) -> int:
    tens, _ten, ones = word.partition("十")
    return (int(tens.translate(HAN_DIGITS)) if tens else 1) * 10 + (int(ones.translate(HAN_DIGITS)) if ones else 0)
