"""Codes of a person as people read them: political status, where somebody came from, masked numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

POLITICAL: Mapping[str, Promise] = {
    "01": _("Party member"),
    "02": _("probationary Party member"),
    "03": _("Youth League member"),
    "04": _("member of the Revolutionary Committee of the Kuomintang"),
    "05": _("member of the Democratic League"),
    "06": _("member of the National Construction Association"),
    "07": _("member of the Association for Promoting Democracy"),
    "08": _("member of the Peasants' and Workers' Party"),
    "09": _("member of the Zhi Gong Party"),
    "10": _("member of the Jiusan Society"),
    "11": _("member of the Taiwan League"),
    "12": _("without party affiliation"),
    "13": _("ordinary citizen"),
}
ORIGINS: Mapping[str, Promise] = {
    "institution": _("from an institution or enterprise"),
    "graduate": _("college graduate"),
    "jobless_graduate": _("graduate without a post"),
    "farmer": _("specialised farmer"),
    "entrepreneur": _("private entrepreneur"),
    "returnee": _("returned worker"),
    "committee": _("former committee member"),
    "talent": _("talent"),
    "other": _("other origin"),
}
SHOWN_OF_A_PHONE = 7
"""The first 3 and the last 4 digits."""


def political(code: str) -> str:
    return str(POLITICAL.get(code, code))


def origin(code: str) -> str:
    return str(ORIGINS.get(code, code))


def masked_phone(phone: str) -> str:
    """First 3 and last 4; a number too short for that is all stars."""
    hidden = len(phone) - SHOWN_OF_A_PHONE
    return "*" * len(phone) if hidden <= 0 else f"{phone[:3]}{'*' * hidden}{phone[-4:]}"
