"""Names of the county and its townships are no passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.passwords import refuse_words
from branches.models import Unit

if TYPE_CHECKING:
    from accounts.models import User

_HAN = re.compile(r"[\u3400-\u9fff]")
_KIND_OF_PLACE = re.compile(r"(自治县|县|市|区|街道办事处|街道|镇|乡)$")


class PlaceNamesValidator:
    """Asks the tree only for a password with Chinese characters; spellings in letters stand in PASSWORD_WORDS."""

    def validate(self, password: str, user: User | None = None) -> None:
        if not _HAN.search(password):
            return
        kinds = (Unit.Kind.COUNTY, Unit.Kind.TOWNSHIP)
        names = Unit.objects.filter(kind__in=kinds).values_list("name", flat=True)
        refuse_words(password, [_short(name) for name in names])

    def get_help_text(self) -> str:
        return str(_("Without the name of a place."))


def _short(name: str) -> str:
    """青禾 for 青禾县; 东乡 as it stands, as one character says nothing."""
    short = _KIND_OF_PLACE.sub("", name)
    return short if len(short) >= 2 else name
