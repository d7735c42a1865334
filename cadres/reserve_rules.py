"""What stands in the way of a reserve cadre, and what should be looked at. Pure: plain values in, sentences out.

Rule: docs/rules/reserve.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cadres import education

if TYPE_CHECKING:
    from cadres.models import PeopleLimits

UNQUALIFIED = "unqualified"
YEARS_REMEMBERED = 5
"""A rating as unqualified is held against a new nomination for this many years (handbook 5)."""

ASSESSED_IF_RECORDED_BY = (6, 30)
"""Month and day: who came on record in the second half of a year is first assessed in the next."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about somebody. It blocks the next step or only warns; `removal` is a reason to leave, proposed."""

    code: str
    sentence: str
    blocks: bool = False
    removal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a person on a day, and about an entry of theirs.

    `grades`: year of the assessment -> grade, of all entries; `own_grades` of this one.
    """

    day: date
    age: int | None
    education: str
    punished_until: date | None = None
    posts: tuple[str, ...] = ()
    grades: Mapping[int, str] = field(default_factory=dict)
    left_before: tuple[date, str] | None = None
    """Day and reason of an earlier exit."""
    own_grades: Mapping[int, str] = field(default_factory=dict)
    recorded_on: date | None = None
    has_mentor: bool = False
    has_plan: bool = False


def entry_findings(facts: Facts, limits: PeopleLimits, *, is_final: bool) -> list[Finding]:
    """Conditions of coming in. What is not known warns at first and blocks when the entry is reviewed or recorded."""
    found = [*_age_at_entry(facts, limits, is_final), *_education(facts, limits, is_final), *_punishment(facts)]
    held_against = sorted(
        year
        for year, grade in facts.grades.items()
        if grade == UNQUALIFIED and year > facts.day.year - YEARS_REMEMBERED
    )
    if held_against:
        words = _("Rated unqualified in %(years)s.") % {"years": _(", ").join(map(str, held_against))}
        found.append(Finding("unqualified_before", words))
    if facts.left_before:
        day, reason = facts.left_before
        words = _("Has been in the reserve before and left on %(day)s: %(reason)s.") % {"day": day, "reason": reason}
        found.append(Finding("left_before", words))
    if facts.posts:
        found.append(Finding("in_office", _("Holds a post already: %(posts)s.") % {"posts": _(", ").join(facts.posts)}))
    return found


def standing_findings(facts: Facts, limits: PeopleLimits) -> list[Finding]:
    """What to look at while somebody is in the reserve: reasons to leave, then what is missing."""
    found = [*_age_in_reserve(facts, limits), *_two_years(facts), *_punishment(facts)]
    last_year = facts.day.year - 1
    was_due = facts.recorded_on is not None and facts.recorded_on <= date(last_year, *ASSESSED_IF_RECORDED_BY)
    if was_due and last_year not in facts.own_grades:
        found.append(Finding("not_assessed", _("Not assessed for %(year)s.") % {"year": last_year}))
    if not facts.has_mentor:
        found.append(Finding("no_mentor", _("No mentor has been named.")))
    if not facts.has_plan:
        found.append(Finding("no_plan", _("No training plan has been written.")))
    return found


def _age_at_entry(facts: Facts, limits: PeopleLimits, is_final: bool) -> list[Finding]:
    if facts.age is None:
        return [
            Finding("age_unknown", _("The date of birth is not known, so the age cannot be checked."), blocks=is_final)
        ]
    if facts.age > limits.reserve_entry_age:
        words = _("Is %(age)s; the age limit at entry is %(limit)s.")
        return [Finding("over_entry_age", words % {"age": facts.age, "limit": limits.reserve_entry_age}, blocks=True)]
    if facts.age >= limits.reserve_warning_age:
        return [Finding("near_age_limit", _("Is %(age)s, close to the age limit.") % {"age": facts.age})]
    return []


def _age_in_reserve(facts: Facts, limits: PeopleLimits) -> list[Finding]:
    if facts.age is None:
        return [Finding("age_unknown", _("The date of birth is not known, so the age cannot be checked."))]
    if facts.age >= limits.reserve_removal_age:
        words = _("Is %(age)s; from %(limit)s on taking off the reserve is proposed.")
        values = {"age": facts.age, "limit": limits.reserve_removal_age}
        return [Finding("removal_age", words % values, removal="over_age")]
    if facts.age >= limits.reserve_warning_age:
        words = _("Is %(age)s; from %(limit)s on taking off the reserve is proposed.")
        return [Finding("near_age_limit", words % {"age": facts.age, "limit": limits.reserve_removal_age})]
    return []


def _education(facts: Facts, limits: PeopleLimits, is_final: bool) -> list[Finding]:
    if not facts.education:
        return [
            Finding("education_unknown", _("The education is not known, so it cannot be checked."), blocks=is_final)
        ]
    if not education.reaches(facts.education, limits.reserve_education):
        values = {
            "own": education.name_of(facts.education),
            "lowest": education.name_of(limits.reserve_education),
        }
        words = pgettext("education", "Education is %(own)s; at least %(lowest)s is asked.") % values
        return [Finding("low_education", words, blocks=True)]
    return []


def _punishment(facts: Facts) -> list[Finding]:
    if facts.punished_until is None:
        return []
    words = _("A punishment is in effect until %(day)s.") % {"day": facts.punished_until}
    return [Finding("in_punishment", words, blocks=True)]


def _two_years(facts: Facts) -> list[Finding]:
    latest = max(facts.own_grades, default=0)
    if facts.own_grades.get(latest) == facts.own_grades.get(latest - 1) == UNQUALIFIED:
        words = _("Rated unqualified in %(first)s and %(second)s: taking off the reserve is proposed.")
        values = {"first": latest - 1, "second": latest}
        return [Finding("two_years_unqualified", words % values, removal="two_years_unqualified")]
    return []
