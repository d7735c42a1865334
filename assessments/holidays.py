"""A pasted list of holidays and worked weekends, read line by line. Plain values in, plain values out.

One day or one span of days on a line, then the occasion, then whether it is worked:
`2026-10-01至2026-10-07 国庆节 休`, `2026-10-10,国庆节调休,班`. Rule: docs/rules/calendar.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

LONGEST_SPAN = 31
MAX_LINES = 400
WORKED = frozenset({"班", "上班", "调休上班", "补班", "是", "工作", "work", "worked", "yes", "y", "1", "true"})
OFF = frozenset({"休", "放假", "休息", "否", "off", "holiday", "no", "n", "0", "false"})
DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
SHORT_DAY = re.compile(r"(?:(\d{1,2})\s*[-/.月]\s*)?(\d{1,2})\s*日?")
SPAN_MARK = re.compile(r"\s*(?:至|到|~|–|—|--)\s*|\s+-\s+")


@dataclass(frozen=True, slots=True)
class DayEntry:
    """A day that differs from its weekday, or is named."""

    day: date
    is_workday: bool
    label: str


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that cannot be read: its number as the writer counts, and why."""

    line: int
    text: str
    message: str


def parse(text: str) -> tuple[list[DayEntry], list[LineProblem]]:
    """The days of a pasted list, and the lines that could not be read. A day that stands twice keeps its last line."""
    days: dict[date, DayEntry] = {}
    problems: list[LineProblem] = []
    for number, raw in enumerate(text.splitlines()[:MAX_LINES], start=1):
        line = unicodedata.normalize("NFKC", raw).strip()
        if not line or line.startswith("#"):
            continue
        try:
            days |= {entry.day: entry for entry in _entries(line)}
        except ValueError as error:
            problems.append(LineProblem(number, raw.strip(), str(error)))
    return sorted(days.values(), key=lambda entry: entry.day), problems


def _entries(line: str) -> Iterator[DayEntry]:
    first, rest = _leading_day(line)
    last, rest = _span_end(first, rest)
    if rest and (rest[0] in "-/." or rest[0].isdigit()):
        raise ValueError(_("Write a span as 2026-10-01至2026-10-07."))
    words = [word for word in re.split(r"[,，、;\t ]+", rest) if word]
    is_workday = _state(words)
    for offset in range((last - first).days + 1):
        yield DayEntry(first + timedelta(days=offset), is_workday, " ".join(words)[:60])


def _leading_day(line: str) -> tuple[date, str]:
    found = DAY.match(line)
    if found is None:
        raise ValueError(_("Begin with a date such as 2026-10-01."))
    return _day(*map(int, found.groups())), line[found.end() :]


def _span_end(first: date, rest: str) -> tuple[date, str]:
    mark = SPAN_MARK.match(rest)
    if mark is None:
        return first, rest
    rest = rest[mark.end() :]
    full = DAY.match(rest)
    short = SHORT_DAY.match(rest)
    if full is not None:
        last, end = _day(*map(int, full.groups())), full.end()
    elif short is not None:
        month, day = short.groups()
        last, end = _day(first.year, int(month or first.month), int(day)), short.end()
    else:
        raise ValueError(_("The end of the span cannot be read."))
    if not 0 <= (last - first).days < LONGEST_SPAN:
        raise ValueError(_("A span ends after it begins and has at most 31 days."))
    return last, rest[end:]


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(_("There is no such day.")) from error


def _state(words: list[str]) -> bool:
    """Takes the word for worked or off out of the words; without one the day is off."""
    for word in reversed(words):
        if word.lower() in WORKED | OFF:
            words.remove(word)
            return word.lower() in WORKED
    return False
