"""First letters of the pinyin of a name, so that zlx finds 张立新."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=100_000)
def initials_of(name: str) -> str:
    """Lower-case, at most 60 characters. Letters stand for themselves, signs are left out."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  (its tables are large, and many processes never search)

    parts = lazy_pinyin(name, style=Style.FIRST_LETTER)
    return "".join(part[:1].lower() for part in parts if part[:1].isalnum())[:60]
