"""What a year is computed from, read in a constant number of queries; and who and what takes part in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from assessments import engine
from assessments.models import (
    CadreResult,
    DepartmentScore,
    PersonalScore,
    Ranking,
    Result,
    SatisfactionSurvey,
    YearAssessment,
)
from assessments.rules import AdjustmentRule, SchemeRules
from assessments.year import Ballots, last_day, span_months
from assessments.year_rules import GRADES
from branches.models import Unit
from cadres.models import Posting
from cadres.rosters import COUNTED_POSTS


@dataclass(frozen=True, slots=True)
class Place:
    """A village that takes part."""

    pk: int
    path: str


@dataclass(frozen=True, slots=True)
class Cadre:
    """Somebody who takes part, at the first of the posts held."""

    person_id: int
    village_id: int
    path: str
    post: int


@dataclass(frozen=True, slots=True)
class Month:
    """A village in the published ranking of a month; `total` None where it was not ranked."""

    month: date
    result_id: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Veto:
    """A veto of a month that caps the grade of the year."""

    code: str
    name: str
    name_en: str
    cap: str
    month: date


@dataclass(frozen=True, slots=True)
class Personal:
    results: int | None
    ballots: Ballots | None
    township: int | None


@dataclass(frozen=True, slots=True)
class Override:
    """A grade that the county set with a reason."""

    grade: str
    reason: str
    by_id: int | None


@dataclass(frozen=True, slots=True)
class Inputs:
    villages: Sequence[Place]
    cadres: Sequence[Cadre]
    months: Mapping[int, Sequence[Month]]
    vetoes: Mapping[int, Sequence[Veto]]
    departments: Mapping[int, Mapping[str, int]]
    surveys: Mapping[int, tuple[int, int]]
    personal: Mapping[int, Personal]
    overrides: Mapping[int, Override]


def reference_day(assessment: YearAssessment, today: date) -> date:
    """Who and what stands on this day takes part: the last day of the span, or today while it lasts."""
    return min(last_day(assessment.year, assessment.span), today)


def months_of(assessment: YearAssessment) -> tuple[date, ...]:
    return span_months(assessment.year, assessment.span)


def villages_of(path: str, day: date) -> list[Place]:
    """One query, in the order of the tree."""
    rows = Unit.objects.under(path).villages().valid_on(day).order_by("path")
    return [Place(*row) for row in rows.values_list("pk", "path")]


def cadres_of(path: str, day: date) -> list[Cadre]:
    """Who holds a counted post in a village on a day, once; seconded people are not assessed. One query."""
    held = (
        Posting.objects.held_on(day)
        .filter(unit__path__startswith=path, unit__kind=Unit.Kind.VILLAGE, post__in=COUNTED_POSTS)
        .exclude(person__is_seconded=True)
        .order_by("post", "unit__path", "pk")
    )
    first: dict[int, Cadre] = {}
    for person_id, unit_id, unit_path, post in held.values_list("person_id", "unit_id", "unit__path", "post"):
        first.setdefault(person_id, Cadre(person_id, unit_id, unit_path, post))
    return sorted(first.values(), key=lambda one: (one.path, one.post, one.person_id))


def read(assessment: YearAssessment, day: date) -> Inputs:
    return Inputs(
        villages=villages_of(assessment.path, day),
        cadres=cadres_of(assessment.path, day),
        months=_months(assessment),
        vetoes=_vetoes(assessment),
        departments=_departments(assessment),
        surveys=_surveys(assessment),
        personal=_personal(assessment),
        overrides=_overrides(assessment),
    )


def published_results(unit_id: int, months: Iterable[date]) -> Iterable[Result]:
    """Results of villages in the rankings that hold, of these months."""
    return Result.objects.filter(
        ranking__period__unit=unit_id, ranking__period__month__in=list(months), ranking__state=Ranking.State.PUBLISHED
    ).order_by("ranking__period__month", "path")


def _months(assessment: YearAssessment) -> dict[int, list[Month]]:
    found: dict[int, list[Month]] = defaultdict(list)
    rows = published_results(assessment.unit_id, months_of(assessment))
    for village_id, *facts in rows.values_list("village_id", "ranking__period__month", "pk", "total_hundredths"):  # type: ignore[attr-defined]
        found[village_id].append(Month(*facts))
    return found


def _vetoes(assessment: YearAssessment) -> dict[int, list[Veto]]:
    """Two queries at most: a result keeps all its vetoes in its lines, its ranking the rules they stand in."""
    found: dict[int, list[Veto]] = defaultdict(list)
    rows = published_results(assessment.unit_id, months_of(assessment))
    vetoed = list(
        rows.exclude(veto="").values_list("village_id", "ranking_id", "ranking__period__month", "lines")  # type: ignore[attr-defined]
    )
    stored = Ranking.objects.filter(pk__in={ranking_id for _village, ranking_id, _month, _lines in vetoed})
    rules = {pk: SchemeRules.from_snapshot(snapshot) for pk, snapshot in stored.values_list("pk", "rules")}
    for village_id, ranking_id, month, lines in vetoed:
        for line in engine.unpack_lines(rules[ranking_id], lines):
            if line.kind == "veto" and isinstance(line.item, AdjustmentRule) and line.item.year_grade_cap:
                item = line.item
                found[village_id].append(Veto(item.code, item.name, item.name_en, item.year_grade_cap, month))
    return found


def _departments(assessment: YearAssessment) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(dict)
    rows = DepartmentScore.objects.filter(assessment=assessment).order_by("path", "department")
    for village_id, department, score in rows.values_list("village_id", "department", "score_hundredths"):
        found[village_id][department] = score
    return found


def _surveys(assessment: YearAssessment) -> dict[int, tuple[int, int]]:
    rows = SatisfactionSurvey.objects.filter(assessment=assessment).order_by()
    return {
        village_id: (asked, satisfied)
        for village_id, asked, satisfied in rows.values_list("village_id", "asked", "satisfied")
    }


def _personal(assessment: YearAssessment) -> dict[int, Personal]:
    rows = PersonalScore.objects.filter(assessment=assessment).order_by()
    return {
        person_id: Personal(results, ballots_of(votes), township)
        for person_id, results, votes, township in rows.values_list(
            "person_id", "results_hundredths", "votes", "township_hundredths"
        )
    }


def ballots_of(votes: Mapping[str, int]) -> Ballots | None:
    """Of what a personal score keeps: a grade to its ballots, and "entitled"."""
    if not votes:
        return None
    first, second, third, fourth = (votes.get(grade, 0) for grade in GRADES)
    return Ballots((first, second, third, fourth), votes.get("entitled", 0))


def _overrides(assessment: YearAssessment) -> dict[int, Override]:
    """Grades set by hand: of this assessment, or before its first computing of the revision before it."""
    revision = assessment.revision if assessment.computed_at else assessment.revision - 1
    rows = (
        CadreResult.objects.filter(
            assessment__unit=assessment.unit_id,
            assessment__year=assessment.year,
            assessment__span=assessment.span,
            assessment__revision=revision,
        )
        .exclude(grade_reason="")
        .order_by()
    )
    return {
        person_id: Override(grade, reason, by_id)
        for person_id, grade, reason, by_id in rows.values_list("person_id", "grade", "grade_reason", "graded_by_id")
    }
