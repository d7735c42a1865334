"""How old somebody is on a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ages from `low` to `high`, both included, None for no limit."""

    code: str
    low: int | None
    high: int | None

    def holds(self, age: int | None) -> bool:
        return age is not None and (self.low is None or age >= self.low) and (self.high is None or age <= self.high)


BANDS = (AgeBand("35", None, 35), AgeBand("45", 36, 45), AgeBand("55", 46, 55), AgeBand("56", 56, None))
"""As reports ask for them (handbook 8.8)."""
