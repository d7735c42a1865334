"""Identity numbers of GB 11643-1999 (handbook 10.1). Never logged, never part of a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import mul

from imports.normalising import clean_code

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ZEROS = ord("0") * sum(WEIGHTS)
CHECKS = "10X98765432"
LOOKALIKES = str.maketrans("xХхΧχ×", "XXXXXX")
"""Cyrillic and Greek letters and the sign of multiplication that stand for X."""
EXACT_DIGITS = 15
"""Of a number cell: everything after them is lost."""
NUMBER = re.compile(r"[0-9]{17}[0-9X]")
EXPONENT = re.compile(r"\d(\.\d+)?[Ee]\+?\d+")


@dataclass(frozen=True, slots=True)
class ReadIdentity:
    """`number` is valid and 18 long, or 15 long for an old one; empty with a `code` that says why."""

    number: str = ""
    code: str = ""
    birth: date | None = None
    is_male: bool | None = None


def check_character(body: str) -> str:
    """The 18th character for 17 digits."""
    return CHECKS[(sum(map(mul, body.encode("ascii"), WEIGHTS)) - ZEROS) % 11]


def to_18(old: str) -> str:
    """The number of 15 digits in its form of 18."""
    body = f"{old[:6]}19{old[6:]}"
    return body + check_character(body)


def read_identity(value: str | Decimal, today: date) -> ReadIdentity:
    """Codes: id_format, id_checksum, id_precision_lost (errors), id_old_15 (warning)."""
    if isinstance(value, Decimal):
        if value.adjusted() >= EXACT_DIGITS:
            return ReadIdentity(code="id_precision_lost")
        return _read_text(format(value, "f"), today)
    if NUMBER.fullmatch(value):
        return _read_text(value, today)
    return _read_text(clean_code(value).strip("'‘’`").translate(LOOKALIKES).upper(), today)


def _read_text(text: str, today: date) -> ReadIdentity:
    if not NUMBER.fullmatch(text):
        return _read_other(text, today)
    if check_character(text[:17]) != text[17]:
        return ReadIdentity(code="id_precision_lost" if text.endswith("000") else "id_checksum")
    birth = _birth(text[6:14], today)
    if birth is None:
        return ReadIdentity(code="id_format")
    return ReadIdentity(text, "", birth, int(text[16]) % 2 == 1)


def _read_other(text: str, today: date) -> ReadIdentity:
    if not text:
        return ReadIdentity()
    if EXPONENT.fullmatch(text):
        return ReadIdentity(code="id_precision_lost")
    if re.fullmatch(r"[0-9]{15}", text):
        return _read_old(text, today)
    return ReadIdentity(code="id_format")


def _read_old(text: str, today: date) -> ReadIdentity:
    birth = _birth(f"19{text[6:12]}", today)
    if birth is None:
        return ReadIdentity(code="id_format")
    return ReadIdentity(text, "id_old_15", birth, int(text[14]) % 2 == 1)


@lru_cache(maxsize=30_000)
def _birth(digits: str, today: date) -> date | None:
    try:
        birth = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return birth if date(1900, 1, 1) <= birth <= today else None


def masked(number: str) -> str:
    """The first 3 characters and stars, nothing at the end (security.md section 1)."""
    return number[:3] + "*" * (len(number) - 3)
