"""From what was read to the rows of a year: villages first, then the cadres that stand on them. No queries.

The lines that rows keep: `{"code", "value", "weight", "points"}` in whole hundredths, and beside them what a
part rests on: months (`months`, `of`), departments (`scores`, `of`), people asked (`asked`, `satisfied`),
ballots (`counts`, `entitled`), parts of a part (`parts`). A line "veto" names the veto that caps the grade.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assessments import year
from assessments.models import CadreResult, VillageYear, YearAssessment
from assessments.year import Line, Score, Standing
from assessments.year_inputs import Cadre, Inputs, Month, Place, Veto
from assessments.year_rules import GRADES, YearRules
from branches.scoping import STEP
from cadres.rosters import HEAD_POSTS

StoredLine = dict[str, Any]
NO_MONTHS: Sequence[Month] = ()


@dataclass(frozen=True, slots=True)
class Computed:
    villages: list[VillageYear]
    cadres: list[CadreResult]
    checksum: str


def compute(assessment: YearAssessment, rules: YearRules, inputs: Inputs, expected: int) -> Computed:
    """The rows of an assessment, unsaved, and their checksum: the same on every database and on every run."""
    caps = {pk: year.strictest((veto.code, veto.cap) for veto in vetoes) for pk, vetoes in inputs.vetoes.items()}
    villages = _villages(assessment, rules, inputs, expected, caps)
    totals = {row.village_id: row.total_hundredths for row in villages}
    cadres = _cadres(assessment, rules, inputs, totals, caps)
    return Computed(villages, cadres, _checksum(rules, villages, cadres))


def _villages(
    assessment: YearAssessment,
    rules: YearRules,
    inputs: Inputs,
    expected: int,
    caps: Mapping[int, tuple[str, str]],
) -> list[VillageYear]:
    scores = {place.pk: _village_score(rules, inputs, place, expected) for place in inputs.villages}
    standings = [
        Standing(place.pk, place.path[:-STEP], scores[place.pk].total, bool(caps.get(place.pk, ("", ""))[0]))
        for place in inputs.villages
    ]
    county, township = (year.ranks(standings, by_group=by_group) for by_group in (False, True))
    rows = []
    for place in inputs.villages:
        score, (veto, cap) = scores[place.pk], caps.get(place.pk, ("", ""))
        total = score.total
        rows.append(
            VillageYear(
                assessment=assessment,
                village_id=place.pk,
                path=place.path,
                total_hundredths=total,
                grade="" if total is None else year.capped(rules.grade_of(total), [cap]),
                county_rank=county.get(place.pk),
                township_rank=township.get(place.pk),
                veto=veto,
                lines=[*_village_lines(score, inputs, place), *_veto_lines(inputs.vetoes.get(place.pk, ()), veto)],
                missing=list(score.missing),
            )
        )
    return rows


def _village_score(rules: YearRules, inputs: Inputs, place: Place, expected: int) -> Score:
    return year.village_score(
        rules,
        months=[one.total for one in inputs.months.get(place.pk, NO_MONTHS) if one.total is not None],
        expected=expected,
        departments=inputs.departments.get(place.pk, {}),
        survey=inputs.surveys.get(place.pk),
    )


def _village_lines(score: Score, inputs: Inputs, place: Place) -> list[StoredLine]:
    months = [
        {"month": f"{one.month:%Y-%m}", "result": one.result_id, "points": one.total}
        for one in inputs.months.get(place.pk, NO_MONTHS)
    ]
    given = inputs.departments.get(place.pk, {})
    asked, satisfied = inputs.surveys.get(place.pk, (0, 0))
    grounds: dict[str, StoredLine] = {
        "months": {"months": months},
        "departments": {"scores": [{"name": name, "points": points} for name, points in given.items()]},
        "satisfaction": {"asked": asked, "satisfied": satisfied},
    }
    return [_stored(line) | grounds[line.code] for line in score.lines]


def _stored(line: Line) -> StoredLine:
    kept: StoredLine = {"code": line.code, "value": line.value, "weight": line.weight, "points": line.points}
    return kept if line.of is None else kept | {"of": list(line.of)}


def _veto_lines(vetoes: Iterable[Veto], code: str) -> list[StoredLine]:
    """The first month of the veto that decides."""
    return [
        {
            "code": "veto",
            "veto": one.code,
            "name": one.name,
            "name_en": one.name_en,
            "cap": one.cap,
            "month": f"{one.month:%Y-%m}",
        }
        for one in vetoes
        if one.code == code
    ][:1]


# --- Cadres -------------------------------------------------------------------------------


def _cadres(
    assessment: YearAssessment,
    rules: YearRules,
    inputs: Inputs,
    totals: Mapping[int, int | None],
    caps: Mapping[int, tuple[str, str]],
) -> list[CadreResult]:
    personal = {one.person_id: _personal(rules, inputs, one) for one in inputs.cadres}
    scores = {
        one.person_id: year.cadre_score(rules, totals.get(one.village_id), personal[one.person_id])
        for one in inputs.cadres
    }
    standings = [Standing(one.person_id, one.path[:-STEP], scores[one.person_id].total) for one in inputs.cadres]
    township = year.ranks(standings, by_group=True)
    rows = []
    for one in inputs.cadres:
        score = scores[one.person_id]
        veto, cap = caps.get(one.village_id, ("", "")) if reaches(rules, one.post) else ("", "")
        proposed = "" if score.total is None else year.capped(rules.grade_of(score.total), [cap])
        row = CadreResult(
            assessment=assessment,
            person_id=one.person_id,
            village_id=one.village_id,
            path=one.path,
            post=one.post,
            village_hundredths=totals.get(one.village_id),
            personal_hundredths=personal[one.person_id].total,
            total_hundredths=score.total,
            township_rank=township.get(one.person_id),
            proposed=proposed,
            grade=proposed,
            lines=[*_cadre_lines(score, inputs, one), *_veto_lines(inputs.vetoes.get(one.village_id, ()), veto)],
            missing=list(score.missing),
        )
        _keep_override(row, inputs, cap)
        rows.append(row)
    return rows


def reaches(rules: YearRules, post: int) -> bool:
    """Whether a veto of the village caps the grade of somebody in this post."""
    return rules.veto_reaches == "all" or (rules.veto_reaches == "heads" and post in HEAD_POSTS)


def _personal(rules: YearRules, inputs: Inputs, one: Cadre) -> Score:
    given = inputs.personal.get(one.person_id)
    if given is None:
        return year.personal_score(rules, results=None, ballots=None, township=None)
    return year.personal_score(rules, results=given.results, ballots=given.ballots, township=given.township)


def _cadre_lines(score: Score, inputs: Inputs, one: Cadre) -> list[StoredLine]:
    given = inputs.personal.get(one.person_id)
    ballots = given.ballots if given else None
    lines = []
    for line in score.lines:
        stored = _stored(line)
        if line.parts:
            stored["parts"] = [_stored(part) for part in line.parts]
            for part in stored["parts"]:
                if part["code"] == "vote" and ballots is not None:
                    part |= {"counts": list(ballots.counts), "entitled": ballots.entitled}
        lines.append(stored)
    return lines


def _keep_override(row: CadreResult, inputs: Inputs, cap: str) -> None:
    """A grade set by hand stays, unless there is no total now, or it is that of the lines or beyond a veto."""
    kept = inputs.overrides.get(row.person_id)
    if kept is None or row.total_hundredths is None or kept.grade == row.proposed or is_beyond(kept.grade, cap):
        return
    row.grade, row.grade_reason, row.graded_by_id = kept.grade, kept.reason, kept.by_id


def is_beyond(grade: str, cap: str) -> bool:
    """Whether a grade is better than a veto leaves."""
    return bool(cap) and GRADES.index(grade) < GRADES.index(cap)


# --- Checksum -----------------------------------------------------------------------------


def _checksum(rules: YearRules, villages: Sequence[VillageYear], cadres: Sequence[CadreResult]) -> str:
    """Over everything computed, but for keys of rows, which each database gives by itself."""
    contents = [
        rules.to_stored(),
        [
            [row.path, row.total_hundredths, row.grade, row.county_rank, row.township_rank, row.veto, row.missing,
             _without_keys(row.lines)]
            for row in villages
        ],
        [
            [row.path, row.post, row.village_hundredths, row.personal_hundredths, row.total_hundredths,
             row.township_rank, row.proposed, row.missing, _without_keys(row.lines)]
            for row in cadres
        ],
    ]  # fmt: skip
    text = json.dumps(contents, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _without_keys(lines: Sequence[StoredLine]) -> list[StoredLine]:
    return [
        {**line, "months": [[one["month"], one["points"]] for one in line["months"]]} if "months" in line else line
        for line in lines
    ]
