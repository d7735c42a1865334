"""A county's year for tests: cadres in post, published months, and everything entered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from accounts.models import User
from assessments.models import CadreResult, Ranking, VillageYear, YearAssessment
from assessments.rules import SchemeRules
from assessments.services import year as years
from assessments.services.year_entry import (
    Edit,
    enter_department_scores,
    enter_personal_scores,
    enter_surveys,
)
from assessments.year_rules import Department, YearRules, default_rules
from branches.models import Unit
from cadres.models import Person, Posting
from imports.dates import PartialDate
from tests.assessments.month_ground import RULES as MONTH_RULES
from tests.assessments.month_ground import make_month, publish, set_values

NOW = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
FIRST_HALF = [date(2026, month, 1) for month in range(1, 7)]
AGRICULTURE, LAW = "县农业农村局", "县委政法委"
RULES = default_rules().changed(departments=(Department(AGRICULTURE, "F3"), Department(LAW, "F5")))


def _with_year_caps() -> SchemeRules:
    """The month's rules, its veto capping the year at "competent"."""
    snapshot = MONTH_RULES.to_snapshot()
    snapshot["adjustments"] = [
        {**item, "year_grade_cap": "competent"} if item["kind"] == "veto" else item for item in snapshot["adjustments"]
    ]
    return SchemeRules.from_snapshot(snapshot)


def make_people(county: Unit) -> dict[str, Person]:
    """A secretary and a member in each village, named for it: 东一村书记, 东一村委员."""
    people = {}
    for village in Unit.objects.under(county.path).villages():
        for word, post in (("书记", 10), ("委员", 50)):
            person = Person.objects.create(unit=village, name=f"{village.name}{word}")
            Posting.objects.create(person=person, unit=village, post=post, started_on=PartialDate(2021, 12))
            people[person.name] = person
    return people


def publish_months(
    county: Unit, by: User, leader: User, months: Sequence[date] = tuple(FIRST_HALF), **values: dict[str, int | None]
) -> list[Ranking]:
    """Published months, all with full values but for what is said: `东一村={"E4": 3}`."""
    rankings = []
    for month in months:
        period = make_month(county, month=month, rules=_with_year_caps())
        for name, changed in values.items():
            set_values(period, name, **changed)
        rankings.append(publish(period, by, leader))
    return rankings


def open_year(
    county: Unit, by: User, *, number: int = 2026, span: str = "first_half", rules: YearRules = RULES
) -> YearAssessment:
    return years.open_assessment(county, number, span, by=by, now=NOW, rules=rules)


def enter_everything(row: YearAssessment, by: User, *, score: str = "90", without: Sequence[str] = ()) -> None:
    """Scores of all departments, surveys and personal scores, but for the villages in `without`."""
    villages = [one for one in Unit.objects.under(row.path).villages() if one.name not in without]
    scores = [
        Edit(key=f"{one.pk}:{name}", subject=one.pk, texts={"score": score}, department=name)
        for one in villages
        for name in (AGRICULTURE, LAW)
    ]
    enter_department_scores(row, scores, by=by, now=NOW)
    surveys = [Edit(key=str(one.pk), subject=one.pk, texts={"asked": "50", "satisfied": "45"}) for one in villages]
    enter_surveys(row, surveys, by=by, now=NOW)
    people = Person.objects.filter(unit__in=villages).order_by("pk")
    enter_personal_scores(row, [personal(one.pk) for one in people], by=by, now=NOW)


def personal(person_id: int, **texts: str) -> Edit:
    given = {
        "results": "90",
        "excellent": "30",
        "competent": "10",
        "basically_competent": "0",
        "incompetent": "0",
        "entitled": "45",
        "township": "95",
        "note": "",
    }
    return Edit(key=str(person_id), subject=person_id, texts={**given, **texts})


def computed(row: YearAssessment, by: User) -> YearAssessment:
    return years.compute_assessment(row, by=by, now=NOW)


def published(row: YearAssessment, leader: User, reason: str = "县委常委会研究同意") -> YearAssessment:
    row.refresh_from_db()
    return years.publish_assessment(row, version=row.version, by=leader, now=NOW, quota_reason=reason)


def village_year(row: YearAssessment, name: str) -> VillageYear:
    return VillageYear.objects.get(assessment=row, village__name=name)


def cadre_result(row: YearAssessment, name: str) -> CadreResult:
    return CadreResult.objects.get(assessment=row, person__name=name)


def line(row: Any, code: str) -> dict[str, Any]:
    return next(one for one in row.lines if one["code"] == code)
