"""The demo county's year: its first half published with grades, the whole year open with scores missing."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from accounts.models import User
from assessments import year_inputs
from assessments.models import CadreResult, Ranking, Result, YearAssessment, YearItem
from assessments.services import year as years
from assessments.services.year_cadres import set_grade
from assessments.services.year_discipline import propose_by_places
from assessments.services.year_entry import (
    Edit,
    enter_department_scores,
    enter_personal_scores,
    enter_surveys,
    enterable_departments,
)
from assessments.services.year_items import add_item, close_item
from assessments.services.year_meetings import Said, confirm_meeting, enter_meeting, may_report
from assessments.year import last_day
from branches.models import Unit
from branches.scoping import STEP

GROUNDS = ("", "", "", "项目进度滞后", "台账不够完整", "推进有力")
COMMENDED = ("人居环境整治全县现场会承办村", "合作社分红按期兑现，群众满意", "党员积分管理做法被县里推广")
PROBLEMS = (
    ("集体合同未全部录入台账", "对照合同逐份补录，乡镇经管站复核"),
    ("村务公开栏更新不及时", "确定专人，每月 10 日前更新"),
    ("后备力量不足 2 名", "上半年内推荐并完成考察"),
)
REMARKS = (
    "抓产业思路清、办法实，党员带头作用明显。",
    "班子团结，群众工作细致；集体经济要再加力。",
    "工作推进偏慢，须限期补齐短板。",
)


@dataclass(frozen=True)
class YearCast:
    """Who does what. `departments`: lead departments; `secretaries` by path of the township."""

    staff: User
    leader: User
    departments: Iterable[User]
    secretaries: Mapping[str, User]


def make_year(county: Unit, shown: Unit, cast: YearCast, *, seed_number: int, now: datetime) -> None:
    """Nothing without a published month of the year. The same seed gives the same scores."""
    rng = random.Random(f"year {seed_number}")
    today = timezone.localdate(now)
    published = Ranking.objects.filter(period__unit=county, state=Ranking.State.PUBLISHED)
    months = set(published.filter(period__month__year=today.year).values_list("period__month__month", flat=True))
    if not months:
        return
    strength = _strength(county)
    document = f"青组发〔{today.year}〕"
    half = "first_half" if min(months) <= 6 else "second_half"
    first = years.open_assessment(county, today.year, half, document=f"{document}31 号", by=cast.staff, now=now)
    _enter(first, cast, strength, rng, now)
    _items(first, cast, rng, today)
    years.compute_assessment(first, by=cast.staff, now=now)
    _grades(first, cast.staff)
    first.refresh_from_db()
    years.publish_assessment(
        first, version=first.version, by=cast.leader, now=now, quota_reason="超出部分经县委组织部部务会议研究同意"
    )
    whole = years.open_assessment(county, today.year, "year", document=f"{document}66 号", by=cast.staff, now=now)
    _enter(whole, cast, strength, rng, now, left_open=shown)
    _meetings(county, shown, cast, rng, min(last_day(today.year, half) + timedelta(days=20), today), now)
    propose_by_places(county, by=cast.staff, now=now)


def _strength(county: Unit) -> dict[int, int]:
    """Village -> its average over all published months, in whole points."""
    totals: dict[int, list[int]] = defaultdict(list)
    rows = Result.objects.filter(
        ranking__period__unit=county, ranking__state=Ranking.State.PUBLISHED, total_hundredths__isnull=False
    )
    for village_id, total in rows.order_by("path").values_list("village_id", "total_hundredths"):
        totals[village_id].append(total)
    return {village_id: sum(found) // len(found) // 100 for village_id, found in totals.items()}


def _score(base: int, spread: int, rng: random.Random) -> str:
    """Near the village's own, in halves."""
    return f"{min(99.5, max(45, base + rng.randint(-spread, spread) + rng.choice((0, 0.5)))):g}"


# --- Entering -----------------------------------------------------------------------------


def _enter(
    row: YearAssessment,
    cast: YearCast,
    strength: Mapping[int, int],
    rng: random.Random,
    now: datetime,
    left_open: Unit | None = None,
) -> None:
    """Everything; or, with a township left open, nothing of its own and not all departments."""
    day = year_inputs.reference_day(row, timezone.localdate(now))
    villages = year_inputs.villages_of(row.path, day)
    done: set[str] = set()
    for number, user in enumerate((*cast.departments, cast.staff)):
        edits = [
            Edit(
                key=f"{place.pk}:{one.name}",
                subject=place.pk,
                texts={"score": _score(strength.get(place.pk, 75) - 3, 5, rng), "reason": rng.choice(GROUNDS)},
                department=one.name,
            )
            for one in enterable_departments(row, user)
            if one.name not in done
            for place in villages
            if left_open is None or (number and not place.path.startswith(left_open.path))
        ]
        done |= {edit.department for edit in edits}
        enter_department_scores(row, edits, by=user, now=now)
    surveyed = [one for one in villages if left_open is None or not one.path.startswith(left_open.path)]
    enter_surveys(row, [_survey(place, strength, rng) for place in surveyed], by=cast.staff, now=now)
    _people(row, cast, strength, rng, now, day, left_open)


def _survey(place: year_inputs.Place, strength: Mapping[int, int], rng: random.Random) -> Edit:
    asked = rng.randint(40, 80)
    share = min(99, max(60, strength.get(place.pk, 75) + rng.randint(0, 12)))
    return Edit(
        key=str(place.pk), subject=place.pk, texts={"asked": str(asked), "satisfied": str(asked * share // 100)}
    )


def _people(
    row: YearAssessment,
    cast: YearCast,
    strength: Mapping[int, int],
    rng: random.Random,
    now: datetime,
    day: date,
    left_open: Unit | None,
) -> None:
    by_township: dict[str, list[year_inputs.Cadre]] = defaultdict(list)
    for one in year_inputs.cadres_of(row.path, day):
        by_township[one.path[:-STEP]].append(one)
    for path, people in by_township.items():
        if left_open is None or path != left_open.path:
            edits = [_personal(one, strength.get(one.village_id, 75), rng) for one in people]
            enter_personal_scores(row, edits, by=cast.secretaries[path], now=now)


def _personal(one: year_inputs.Cadre, base: int, rng: random.Random) -> Edit:
    entitled = rng.randint(34, 48)
    cast = entitled - rng.randint(0, 5)
    excellent = cast * min(97, max(20, base - 30 + rng.randint(-10, 20))) // 100
    competent = (cast - excellent) * 3 // 4
    basically = (cast - excellent - competent) * 2 // 3
    return Edit(
        key=str(one.person_id),
        subject=one.person_id,
        texts={
            "results": _score(base - 2, 6, rng),
            "excellent": str(excellent),
            "competent": str(competent),
            "basically_competent": str(basically),
            "incompetent": str(cast - excellent - competent - basically),
            "entitled": str(entitled),
            "township": _score(base, 5, rng),
        },
    )


# --- Grades, lists, meetings ------------------------------------------------------------------


def _grades(row: YearAssessment, staff: User) -> None:
    """One grade lower than its lines, and the lowest member graded incompetent, each with its reason."""
    rows = CadreResult.objects.filter(assessment=row, total_hundredths__isnull=False)
    best = rows.filter(grade="excellent").order_by("total_hundredths", "path", "person_id").first()
    if best is not None:
        set_grade(best, "competent", "半年内受到乡镇通报批评一次", base=best.grade, by=staff)
    worst = rows.filter(post=50).exclude(grade="incompetent").order_by("total_hundredths", "path", "person_id").first()
    if worst is not None:
        set_grade(worst, "incompetent", "长期在外务工，分管工作无人落实", base=worst.grade, by=staff)


def _items(row: YearAssessment, cast: YearCast, rng: random.Random, today: date) -> None:
    villages = list(Unit.objects.under(row.path).villages().filter(valid_to__isnull=True).order_by("path"))
    chosen = rng.sample(villages, min(len(villages), len(COMMENDED) + len(PROBLEMS)))
    for village, text in zip(chosen, COMMENDED, strict=False):
        add_item(row, village, YearItem.Kind.COMMENDATION, {"text": text}, by=cast.staff)
    due = last_day(row.year, row.span) + timedelta(days=90)
    made = [
        add_item(row, village, YearItem.Kind.PROBLEM, {"text": text, "measure": measure, "due_on": due}, by=cast.staff)
        for village, (text, measure) in zip(chosen[len(COMMENDED) :], PROBLEMS, strict=False)
    ]
    if made:
        close_item(made[0], today, "已全部补录，乡镇复核无误", version=1, by=cast.staff, today=today)


def _meetings(county: Unit, shown: Unit, cast: YearCast, rng: random.Random, held_on: date, now: datetime) -> None:
    """The shown township's, confirmed; another's that waits to be confirmed."""
    others = Unit.objects.under(county.path).townships().filter(valid_to__isnull=True).exclude(pk=shown.pk)
    for unit in (shown, others.order_by("path").first()):
        reporting = may_report(unit, held_on) if unit is not None else {}
        if unit is None or not reporting:
            continue
        entitled = rng.randint(48, 60)
        present = entitled - rng.randint(2, 6)
        secretary = cast.secretaries[unit.path]
        meeting = enter_meeting(
            unit,
            {
                "year": held_on.year,
                "held_on": held_on,
                "chair": secretary.name,
                "entitled": entitled,
                "present": present,
                "minutes": "村党组织书记逐一述职，与会人员现场提问，当场发放并回收测评票。",
            },
            [Said(person_id=pk, ballots=_ballots(present, rng), remark=rng.choice(REMARKS)) for pk in reporting],
            by=secretary,
            today=timezone.localdate(now),
        )
        if unit.pk == shown.pk:
            confirm_meeting(meeting, version=meeting.version, by=cast.staff, now=now)


def _ballots(present: int, rng: random.Random) -> tuple[int, int, int, int]:
    good = present * rng.randint(55, 97) // 100
    rather = (present - good) * 2 // 3
    average = (present - good - rather) // 2
    return good, rather, average, present - good - rather - average
