"""Levels of education by their national code (GB/T 4658, handbook 10.3). Pure.

A smaller code is more education; the second digit tells finished, 结业 and 肄业 apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: Mapping[str, str | Promise] = {
    "11": _("doctorate"),
    "14": _("master's degree"),
    "17": _("postgraduate class"),
    "21": _("university"),
    "28": _("university, ordinary class"),
    "31": _("college"),
    "41": _("secondary technical school"),
    "44": _("vocational senior secondary"),
    "47": _("skilled workers' school"),
    "61": _("senior secondary"),
    "71": _("junior secondary"),
    "81": _("primary school"),
    "90": _("other education"),
}

COLLEGE_BELOW = "40"
"""Codes 11 to 39 are college and above."""


def name_of(code: str) -> str | Promise:
    """The level in words; a level that was not finished by the finished one's. Empty for no code."""
    if not code:
        return ""
    return NAMES.get(code) or NAMES.get(_finished(code), code)


def _finished(code: str) -> str:
    """The finished level that 22, 23 or 62 was to become: the next smaller code with a name."""
    return max((known for known in NAMES if known <= code), default="")


def is_college(code: str) -> bool:
    return bool(code) and code < COLLEGE_BELOW


def reaches(code: str, lowest: str) -> bool:
    """Whether a level is at least `lowest`. Without a code nobody can say: False."""
    return bool(code) and code <= lowest
