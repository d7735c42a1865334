"""How old somebody is on a day. Pure."""

from __future__ import annotations

from datetime import date

from imports.dates import PartialDate


def age_on(birth: PartialDate | None, day: date) -> int | None:
    """Full years on `day`, None when no birth is known.

    A birth without its day or month counts from the first day it may mean, so that a limit of
    age is never passed by unnoticed. Whoever is born after `day` is 0.
    """
    if birth is None:
        return None
    first = birth.first_day
    had_birthday = (day.month, day.day) >= (first.month, first.day)
    return max(0, day.year - first.year - (not had_birthday))
