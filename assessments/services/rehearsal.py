"""A past month scored by other rules, in memory: what a version of a scheme would have meant.

The values are those that the published ranking was made from, so the only difference is
the rules. Nothing is written. Rule: docs/guide/scheme.md, "Rehearsal".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from assessments import engine, receipts
from assessments.in_force import rules_in_force
from assessments.models import Period, Ranking, Result
from assessments.rules import SchemeRules, in_language
from assessments.scoring import STATE_NOT_APPLICABLE, Column
from assessments.services.periods import registered_codes
from branches.models import Unit
from branches.scoping import STEP

MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A village before and after. Points in hundredths; no rank where values are missing."""

    village: str
    township: str
    rank_before: int | None
    total_before: int | None
    grade_before: str
    rank_after: int | None
    total_after: int | None
    grade_after: str

    @property
    def places(self) -> int | None:
        """Places won (positive) or lost."""
        if self.rank_before is None or self.rank_after is None:
            return None
        return self.rank_before - self.rank_after

    @property
    def points(self) -> int | None:
        if self.total_before is None or self.total_after is None:
            return None
        return self.total_after - self.total_before


@dataclass(frozen=True, slots=True)
class Outcome:
    """The month as it was and as it would have been. `not_asked`: indicators of the version that the month did not
    have, so that they do not apply; `dropped`: bonuses, penalties and vetoes given that the version does not know."""

    ranking: Ranking
    grades: list[str]
    lines: list[Line]
    not_asked: list[str]
    dropped: int

    @property
    def moved(self) -> int:
        return sum(1 for line in self.lines if line.places)

    def grade_counts(self) -> list[tuple[str, int, int]]:
        """(grade, villages before, villages after), the best first."""
        before = Counter(line.grade_before for line in self.lines)
        after = Counter(line.grade_after for line in self.lines)
        return [(name, before[name], after[name]) for name in self.grades]


def months(county_id: int) -> QuerySet[Period]:
    """The county's published months, the latest first."""
    published = Period.objects.filter(unit=county_id, rankings__state=Ranking.State.PUBLISHED)
    return published.defer("rules_in_force").order_by("-month")[:MONTHS_SHOWN]


def rehearse(rules: SchemeRules, period: Period) -> Outcome:
    """The published month scored by `rules`, which have to be free of problems. Three queries.

    An indicator that the month did not ask for does not apply; everything else is as published.
    """
    ranking = Ranking.objects.published().get(period=period)
    past = SchemeRules.from_snapshot(ranking.rules)
    month = rules_in_force(rules, registered_codes())
    results = list(
        Result.objects.filter(ranking=ranking)
        .order_by("path")
        .annotate(text=Cast("lines", TextField()))
        .values_list("path", "village_class", "band", "county_rank", "total_hundredths", "grade", "text")
    )
    rows = [(period.path, row[0][:-STEP], *row[:5], row[6]) for row in results]
    frozen = receipts.freeze(past, rows)
    records = [record for record in frozen.adjustments if _is_known(month, record)]
    scored = engine.score(month, _columns(month, past, frozen.columns, len(results)), records, frozen.groups)
    names = dict(Unit.objects.under(period.path).values_list("path", "name"))
    lines = [
        Line(
            village=names[path],
            township=names[path[:-STEP]],
            rank_before=rank,
            total_before=total,
            grade_before=_grade_name(past, grade),
            rank_after=int(scored.ranks["county"][position]) or None,
            total_after=int(scored.total[position]) if scored.is_ranked[position] else None,
            grade_after=_grade_name(month, scored.grade_code(position)),
        )
        for position, (path, _kind, _band, rank, total, grade, _text) in enumerate(results)
    ]
    asked = set(past.value_codes())
    not_asked = [item.code for item in month.indicators if not set(item.value_codes()) <= asked]
    grades = dict.fromkeys(_grade_name(one, grade.code) for one in (month, past) for grade in one.grades)
    return Outcome(ranking, list(grades), lines, not_asked, len(frozen.adjustments) - len(records))


def _is_known(rules: SchemeRules, record: engine.AdjustmentRecord) -> bool:
    item = rules.adjustment(record.item)
    return item is not None and (item.kind == "veto" or item.level(record.level) is not None)


def _columns(rules: SchemeRules, past: SchemeRules, columns: Mapping[str, Column], size: int) -> dict[str, Column]:
    asked = set(past.value_codes())
    absent = Column(np.zeros(size, np.int64), np.full(size, STATE_NOT_APPLICABLE, np.int8))
    return {code: columns[code] if code in asked else absent for code in rules.value_codes()}


def _grade_name(rules: SchemeRules, code: str) -> str:
    return next((in_language(grade.name, grade.name_en) for grade in rules.grades if grade.code == code), code)
