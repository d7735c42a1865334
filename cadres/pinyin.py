"""First letters of the pinyin of a name, so that zlx finds 张立新."""

from __future__ import annotations

import os
from functools import lru_cache


def initials_of(name: str) -> str:
    """Lower-case, at most 60 characters. Letters stand for themselves, signs are left out."""
    return "".join(map(_initial, name))[:60]


@lru_cache(maxsize=20_000)
def _initial(character: str) -> str:
    # Single characters need no phrases, which are three quarters of the tables.
    os.environ.update(PYPINYIN_NO_PHRASES="true", PYPINYIN_NO_DICT_COPY="true")
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  (its tables are large, and many processes never search)

    (letters,) = lazy_pinyin(character, style=Style.FIRST_LETTER)
    return letters[:1].lower() if letters[:1].isalnum() else ""
