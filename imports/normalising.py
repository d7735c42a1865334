"""One spelling for what people type, before anything is checked (security.md section 7.5)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
"""Zero-width and direction marks, soft hyphen, byte order mark: taken out everywhere."""
REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Control characters and lone surrogates: SQLite stores them, PostgreSQL fails on them."""
SPACES = re.compile(r"[^\S\n]+")
HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
ERROR_WORDS = re.compile(r"#(NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A|SPILL!|CALC!)|Err:\d{3}|错误:\d{3}")
ERROR_STARTS = frozenset("#E错")
EMPTY_WORDS = frozenset({"无", "—", "——", "-", "--", "/", "\\", "不详", "空", "暂无", "N/A", "n/a"})
"""Typed into a cell to say that there is nothing to say."""
PAIRS = {"(": ")", "[": "]"}
is_plain = re.compile(r"[!-~\u4e00-\u9fff]*").fullmatch
"""Whether a text is made of Han characters, letters, digits and common signs alone: such texts are clean already."""
is_han = re.compile(r"[\u4e00-\u9fff]*").fullmatch


def has_refused_character(text: str) -> bool:
    return bool(REFUSED.search(text))


def clean_text(text: str) -> str:
    """NFC, one kind of space and of line break, no marks that cannot be seen, nothing at the edges."""
    if is_plain(text):
        return text
    text = unicodedata.normalize("NFC", text).translate(INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(SPACES.sub(" ", line).strip() for line in text.split("\n")).strip()


def clean_code(text: str) -> str:
    """For codes and numbers: full-width letters and digits become plain ones, no space stays."""
    return text if is_plain(text) else _plain_code(text)


@lru_cache(maxsize=20_000)
def _plain_code(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).translate(INVISIBLE))


def clean_line(text: str) -> str:
    """For names of things: full-width signs become plain ones, spaces only between Latin words."""
    return text if is_plain(text) else _plain_line(text)


@lru_cache(maxsize=20_000)
def _plain_line(text: str) -> str:
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).translate(INVISIBLE)).strip()
    return text.replace(" ", "") if HAN.search(text) else text


def clean_name(text: str) -> str:
    """Name of a person: 张　三 is 张三; a note in brackets at the end, such as (女), goes; · stays between parts."""
    if is_han(text):
        return text
    text = clean_text(text).replace("\n", "").translate({ord(dot): "·" for dot in "•・‧∙․"})
    if HAN.search(text):
        text = re.sub(r"\s+", "", text)
    return re.sub(r"[(（\[【](女|男|党员|预备|挂职|兼|代)[)）\]】]$", "", text)


def is_empty_word(text: str) -> bool:
    return text in EMPTY_WORDS


def is_error_word(text: str) -> bool:
    """Whether the text is what a spreadsheet program shows for a failed formula."""
    return text[:1] in ERROR_STARTS and bool(ERROR_WORDS.fullmatch(text))
