"""The rules of a half-yearly or yearly assessment: what they may say, what they say by default. Pure.

Weights and scores are whole hundredths. Rule: docs/rules/year.md, docs/rules/cadre-results.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

HUNDRED = 10_000
"""One hundred points, or one hundred per cent, in hundredths."""

GRADES = ("excellent", "competent", "basically_competent", "incompetent")
"""Best first. The last has no line: it is what is left."""

VILLAGE_PARTS = ("months", "departments", "satisfaction")
CADRE_PARTS = ("village", "personal")
PERSONAL_PARTS = ("results", "vote", "township")
REACHES = ("village", "heads", "all")
"""Whose grade a veto of the village caps: the village's alone, also its heads', or also all its cadres'."""

RANK_GROUPS = ("township", "county")
_NUMBER = re.compile(r"\d{1,3}(\.\d{1,2})?")
MOST_DEPARTMENTS = 12
NAME_LENGTH = 40

Parts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Department:
    """A county department that scores villages. `subject`: whose account may enter it; empty for county staff."""

    name: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """When the system proposes a step of the discipline ladder (handbook 3.9). It never decides one.

    `grade_step`: the step after the grade "incompetent". `last_step`: the step for the heads of a village that
    stood last `times` times within `months` months of the ranking of its `group`, among at least `least` villages.
    An empty step switches the condition off.
    """

    grade_step: str = "suspension"
    last_step: str = "suspension"
    places: int = 1
    times: int = 3
    months: int = 6
    group: str = "township"
    least: int = 3


@dataclass(frozen=True, slots=True)
class YearRules:
    """One assessment's rules. Weights of a group sum to 100; `lines` fall from the best grade to the last but one."""

    village: Parts
    cadre: Parts
    personal: Parts
    lines: Parts
    ballots: Parts
    best_share: int
    best_least: int
    present_share: int
    veto_reaches: str
    departments: tuple[Department, ...]
    ladder: Ladder

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> YearRules:
        """From what an assessment keeps; what is missing there is as by default."""
        whole = {**_DEFAULT, **stored}
        return cls(
            village=_parts(whole["village"], VILLAGE_PARTS),
            cadre=_parts(whole["cadre"], CADRE_PARTS),
            personal=_parts(whole["personal"], PERSONAL_PARTS),
            lines=tuple((str(grade), to_hundredths(minimum)) for grade, minimum in whole["lines"]),
            ballots=_parts(whole["ballots"], GRADES),
            best_share=to_hundredths(whole["best_share"]),
            best_least=int(whole["best_least"]),
            present_share=to_hundredths(whole["present_share"]),
            veto_reaches=str(whole["veto_reaches"]),
            departments=tuple(Department(one["name"], one.get("subject", "")) for one in whole["departments"]),
            ladder=Ladder(**{**_DEFAULT["ladder"], **whole["ladder"]}),
        )

    def to_stored(self) -> dict[str, Any]:
        return {
            "village": _texts(self.village),
            "cadre": _texts(self.cadre),
            "personal": _texts(self.personal),
            "lines": [[grade, text_of(minimum)] for grade, minimum in self.lines],
            "ballots": _texts(self.ballots),
            "best_share": text_of(self.best_share),
            "best_least": self.best_least,
            "present_share": text_of(self.present_share),
            "veto_reaches": self.veto_reaches,
            "departments": [{"name": one.name, "subject": one.subject} for one in self.departments],
            "ladder": {name: getattr(self.ladder, name) for name in Ladder.__slots__},
        }

    def changed(self, **values: Any) -> YearRules:
        return replace(self, **values)

    def weight(self, part: str) -> int:
        """Of a part of the village's, the cadre's or the personal score."""
        return dict((*self.village, *self.cadre, *self.personal))[part]

    def department_names(self) -> tuple[str, ...]:
        """Those that have to score; none where the departments have no weight."""
        return tuple(one.name for one in self.departments) if self.weight("departments") else ()

    def grade_of(self, total: int) -> str:
        """The best grade whose line a total reaches."""
        return next((grade for grade, minimum in self.lines if total >= minimum), GRADES[-1])

    def allowed(self, number: int) -> int:
        """How many of a township's `number` may be excellent: the share rounded down, one at least from some up."""
        return max(number * self.best_share // HUNDRED, 1 if number >= self.best_least else 0)


_DEFAULT: dict[str, Any] = {
    "village": {"months": "60", "departments": "30", "satisfaction": "10"},
    "cadre": {"village": "60", "personal": "40"},
    "personal": {"results": "50", "vote": "40", "township": "10"},
    "lines": [["excellent", "90"], ["competent", "75"], ["basically_competent", "60"]],
    "ballots": {"excellent": "100", "competent": "80", "basically_competent": "60", "incompetent": "0"},
    "best_share": "20",
    "best_least": 3,
    "present_share": "80",
    "veto_reaches": "heads",
    "departments": [
        {"name": "县委组织部", "subject": "F1"},
        {"name": "县农业农村局", "subject": "F3"},
        {"name": "县委政法委", "subject": "F5"},
        {"name": "县财政局", "subject": ""},
    ],
    "ladder": {name: getattr(Ladder(), name) for name in Ladder.__slots__},
}


def default_rules() -> YearRules:
    """Handbook 3.2, 3.5 and 3.9."""
    return YearRules.from_stored({})


def to_hundredths(text: str | int | Decimal) -> int:
    """Whole hundredths of a number of up to two decimals. ValueError for anything else."""
    if not _NUMBER.fullmatch(str(text)):
        raise ValueError(f"{text!r} is no number between 0 and 999.99 with up to two decimals")
    return int(Decimal(str(text)).scaleb(2))


def text_of(hundredths: int) -> str:
    """As a person would write it: 6000 -> "60", 3350 -> "33.5"."""
    whole = f"{Decimal(hundredths).scaleb(-2):.2f}"
    return whole.rstrip("0").rstrip(".")


def score_of(text: str) -> int:
    """Hundredths of a score from 0 to 100 as somebody typed it, full width digits too.

    Raises ValidationError "not_a_number", "out_of_range", "too_many_decimals".
    """
    plain = text.strip().translate(_FULL_WIDTH)
    try:
        value = Decimal(plain)
    except InvalidOperation:
        value = Decimal("NaN")
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", plain) or not value.is_finite():
        raise ValidationError(_("“%(text)s” is no number.") % {"text": text.strip()}, "not_a_number")
    if not 0 <= value <= 100:
        raise ValidationError(_("Between 0 and 100."), "out_of_range")
    if value != value.quantize(Decimal("0.01")):
        raise ValidationError(_("At most two decimals."), "too_many_decimals")
    return int(value.scaleb(2))


_FULL_WIDTH = str.maketrans("０１２３４５６７８９．。", "0123456789..")


def count_of(text: str, most: int = 9999) -> int:
    """A whole number of people as typed. Raises ValidationError "not_a_number", "out_of_range"."""
    plain = text.strip().translate(_FULL_WIDTH)
    if not re.fullmatch(r"\d{1,9}", plain):
        raise ValidationError(_("“%(text)s” is no whole number.") % {"text": text.strip()}, "not_a_number")
    if int(plain) > most:
        raise ValidationError(_("At most %(most)d.") % {"most": most}, "out_of_range")
    return int(plain)


def check(rules: YearRules) -> None:
    """Raises ValidationError with every problem of the rules."""
    problems = list(_problems(rules))
    if problems:
        raise ValidationError(problems)


def _problems(rules: YearRules) -> Iterator[ValidationError]:
    groups = (
        (rules.village, _("the village's score")),
        (rules.cadre, _("the cadre's score")),
        (rules.personal, _("the personal score")),
    )
    for parts, name in groups:
        if sum(weight for _code, weight in parts) != HUNDRED:
            words = _("The weights of %(name)s sum to 100, they are %(sum)s now.")
            told = {"name": name, "sum": text_of(sum(weight for _code, weight in parts))}
            yield ValidationError(words % told, "weights_do_not_sum")
    minimums = [minimum for _grade, minimum in rules.lines]
    is_falling = all(better > worse for better, worse in pairwise(minimums))
    if tuple(grade for grade, _minimum in rules.lines) != GRADES[:-1] or not is_falling or max(minimums) > HUNDRED:
        yield ValidationError(_("The lines of the grades fall from the best to the worst, from 100 at most."), "lines")
    if any(share > HUNDRED for _grade, share in rules.ballots):
        yield ValidationError(_("A ballot is worth between 0 and 100 per cent."), "ballots")
    if max(rules.best_share, rules.present_share) > HUNDRED:
        yield ValidationError(_("A share is at most 100 per cent."), "share")
    if rules.veto_reaches not in REACHES:
        yield ValidationError(_("Choose whose grade a veto caps."), "veto_reaches")
    yield from _department_problems(rules)
    yield from _ladder_problems(rules.ladder)


def _department_problems(rules: YearRules) -> Iterator[ValidationError]:
    names = [one.name for one in rules.departments]
    if rules.weight("departments") and not names:
        yield ValidationError(_("Name at least one department, or give the departments no weight."), "no_department")
    if len(set(names)) < len(names):
        yield ValidationError(_("Two departments have the same name."), "department_twice")
    if len(names) > MOST_DEPARTMENTS or any(not name.strip() or len(name) > NAME_LENGTH for name in names):
        words = _("At most %(most)d departments, each with a name of up to %(length)d characters.")
        yield ValidationError(words % {"most": MOST_DEPARTMENTS, "length": NAME_LENGTH}, "department_name")
    if any(one.subject and not re.fullmatch(r"[A-Z][A-Z0-9]{0,5}", one.subject) for one in rules.departments):
        yield ValidationError(_("The code of a department is one like F3, or empty."), "department_subject")


def _ladder_problems(ladder: Ladder) -> Iterator[ValidationError]:
    is_sound = (
        1 <= ladder.places <= 10
        and 1 <= ladder.times <= ladder.months <= 12
        and ladder.least > ladder.places
        and ladder.group in RANK_GROUPS
    )
    if not is_sound:
        yield ValidationError(_("The condition for standing last cannot be met or is met by everybody."), "ladder")


def _parts(stored: Mapping[str, Any], codes: tuple[str, ...]) -> Parts:
    """In the order of the codes: a database need not keep the order of keys."""
    return tuple((code, to_hundredths(stored.get(code, 0))) for code in codes)


def _texts(parts: Parts) -> dict[str, str]:
    return {code: text_of(weight) for code, weight in parts}
