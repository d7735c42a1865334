"""The state's list of divisions as a file: what stands in it and which part of the tree it speaks for.

Columns `code,level,name`, as CSV, plain or compressed with gzip. Codes have 2, 4, 6, 9
or 12 digits, and the code of a place begins with the code of the place above it
(handbook 10.2). No database here.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

KINDS: dict[int, str] = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
"""Kind of a place by the length of its code."""

PARENT_LENGTH: dict[int, int] = {4: 2, 6: 4, 9: 6, 12: 9}

MAX_NAME = 60
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Division:
    code: str
    name: str

    @property
    def kind(self) -> str:
        return KINDS[len(self.code)]

    @property
    def parent_code(self) -> str | None:
        length = PARENT_LENGTH.get(len(self.code))
        return None if length is None else self.code[:length]


def read_divisions(path: Path) -> list[Division]:
    """All places of the file, each after the one above it.

    Raises ValidationError "unreadable" or "faulty_rows" that names every row it objects to.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        message = _("The file %(file)s cannot be read: %(error)s") % {"file": path.name, "error": error}
        raise ValidationError(message, "unreadable") from error
    rows = csv.reader(io.StringIO(text))
    heading = next(rows, [])
    if not {"code", "level", "name"} <= set(heading):
        raise ValidationError(_("The first line must name the columns code, level and name."), "unreadable")
    places = [heading.index(column) for column in ("code", "level", "name")]
    short = [""] * len(heading)
    full = (row if len(row) >= len(heading) else [*row, *short] for row in rows if row)
    return parse_divisions((row[places[0]], row[places[1]], row[places[2]]) for row in full)


def parse_divisions(rows: Iterable[tuple[str, str, str]]) -> list[Division]:
    """Places from (code, level, name), sorted so that each follows the one above it."""
    found: dict[str, Division] = {}
    problems: list[str] = []
    for number, (code, level, name) in enumerate(rows, start=2):
        code, name = code.strip(), name.strip()
        problem = _problem_of(code, level.strip(), name, found)
        if problem:
            problems.append(_("Row %(row)d: %(problem)s") % {"row": number, "problem": problem})
        else:
            found[code] = Division(code, name)
    for division in found.values():
        if division.parent_code is not None and division.parent_code not in found:
            problems.append(_("%(code)s: the place above it is not in the file.") % {"code": division.code})
    if problems:
        raise ValidationError(problems, "faulty_rows")
    return sorted(found.values(), key=lambda division: (len(division.code), division.code))


def _problem_of(code: str, level: str, name: str, found: dict[str, Division]) -> str:
    if not (code.isascii() and code.isdigit() and len(code) in KINDS):
        return _("%(code)s is not a code of 2, 4, 6, 9 or 12 digits.") % {"code": code or "—"}
    if level != KINDS[len(code)]:
        return _("%(code)s is the code of another level than %(level)s.") % {"code": code, "level": level or "—"}
    if not name or len(name) > MAX_NAME:
        return _("%(code)s has no name, or one of more than %(limit)d characters.") % {"code": code, "limit": MAX_NAME}
    if code in found:
        return _("%(code)s stands in the file twice.") % {"code": code}
    return ""


def only_county(divisions: list[Division], county: str) -> list[Division]:
    """The county with everything in it, and the places above it. ValidationError "no_such_county"."""
    if not any(division.code == county and division.kind == "county" for division in divisions):
        raise ValidationError(_("There is no county %(code)s in the file.") % {"code": county}, "no_such_county")
    return [d for d in divisions if d.code.startswith(county) or county.startswith(d.code)]


def spoken_for(divisions: list[Division]) -> str:
    """Code of the deepest place that contains all others of the file but those above itself.

    Only below it does a missing code mean that the place is gone: the file of one county
    names its province, yet says nothing about the province's other counties.
    """
    code = ""
    for length in KINDS:
        level = [division.code for division in divisions if len(division.code) == length]
        if len(level) != 1 or not level[0].startswith(code):
            break
        code = level[0]
    return code
