"""Organisational life and village decisions of the demo county's months."""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from branches.models import Branch, Decision, OrganisationalLife
from config.demo.county import VillageFigures

Kind = OrganisationalLife.Kind
PARTY_DAY = 10
"""Day of the month on which the reference district holds its Party day (handbook 7.4)."""
THEMES = {
    Kind.PARTY_DAY: (
        "学习党章党规，开展志愿服务",
        "集中学习和环境整治",
        "重温入党誓词，慰问老党员",
        "政策宣讲和村务通报",
    ),
    Kind.COMMITTEE_MEETING: ("研究本月重点工作", "研究党员发展和村务公开", "研究集体经济项目"),
    Kind.MEMBER_MEETING: ("通报上季度工作，审议重要事项",),
    Kind.LECTURE: ("书记讲党课",),
    Kind.CIVILITY: ("文明实践：清洁家园", "文明实践：移风易俗宣传", "文明实践：关爱老人"),
    Kind.REPRESENTATIVES: ("审议村级重要事项",),
}
MATTERS = (
    "村内道路硬化",
    "集体山塘发包",
    "村集体厂房出租",
    "饮水管网改造",
    "公益性岗位安排",
    "高标准农田建设",
    "村规民约修订",
)


def make_life(
    branches: Sequence[Branch],
    figures: Mapping[int, VillageFigures],
    month: date,
    last_day: date,
    *,
    recorder: Mapping[str, User],
    rng: random.Random,
) -> int:
    """Records of a month up to `last_day`, a few missing or late where a village is less well run. How many.

    What is held every three months falls by the branch's place in the list, so the same seed
    gives the same records whatever ids the database has given out before.
    """
    records = [
        record
        for place, branch in enumerate(branches, start=1)
        for record in _records(
            branch, figures[branch.unit_id], month, rng, is_third_month=(month.month + place) % 3 == 0
        )
        if record.held_on <= last_day
    ]
    decisions = [
        decision
        for branch in branches
        if (decision := _decision(branch, figures[branch.unit_id], month, rng)) and decision.decided_on <= last_day
    ]
    for record in records:
        record.recorded_by = recorder[record.path[:-4]]
        record.recorded_on = min(record.recorded_on, last_day)
    with transaction.atomic():
        made: list[Any] = [
            *OrganisationalLife.objects.bulk_create(records, batch_size=500),
            *Decision.objects.bulk_create(decisions, batch_size=500),
        ]
        audit.record_many(
            audit.Entry(
                event=f"branches.add_{row._meta.model_name}",
                actor=recorder[row.path[:-4]],
                target=row,
                unit=row.path,
                changes={},
            )
            for row in made
        )
    return len(made)


def _records(
    branch: Branch, figures: VillageFigures, month: date, rng: random.Random, *, is_third_month: bool
) -> list[OrganisationalLife]:
    quality = figures.quality
    wanted = [(Kind.PARTY_DAY, PARTY_DAY, 0.97), (Kind.COMMITTEE_MEETING, rng.randint(3, 24), 0.95)]
    if is_third_month:
        wanted += [(Kind.MEMBER_MEETING, rng.randint(5, 24), 0.97), (Kind.LECTURE, rng.randint(5, 24), 0.96)]
        wanted += [(Kind.REPRESENTATIVES, rng.randint(5, 24), 0.97)]
    wanted += [(Kind.CIVILITY, rng.randint(2, 24), 0.93)]
    return [
        _record(branch, kind, month.replace(day=day), figures, rng)
        for kind, day, chance in wanted
        if rng.random() < chance * min(1, quality + 0.2)
    ]


def _record(branch: Branch, kind: Kind, day: date, figures: VillageFigures, rng: random.Random) -> OrganisationalLife:
    due = figures.members if kind in {Kind.PARTY_DAY, Kind.MEMBER_MEETING, Kind.LECTURE} else rng.randint(5, 9)
    excused = rng.randint(0, max(1, due // 12))
    present = min(due - excused, round((due - excused) * min(1, max(0.5, rng.gauss(figures.quality + 0.12, 0.05)))))
    is_late = rng.random() > figures.quality + 0.12
    return OrganisationalLife(
        branch=branch,
        path=branch.unit.path,
        kind=kind,
        held_on=day,
        place="村党群服务中心",
        theme=rng.choice(THEMES[kind]),
        chair="" if rng.random() > figures.quality + 0.2 else "党支部书记",
        recorder="村文书",
        due_count=due,
        present_count=present,
        excused_count=excused,
        content="按计划开展，到会人员签到齐全。",
        recorded_on=day + timedelta(days=9 if is_late else rng.randint(0, 2)),
    )


def _decision(branch: Branch, figures: VillageFigures, month: date, rng: random.Random) -> Decision | None:
    if rng.random() > 0.3:
        return None
    last = monthrange(month.year, month.month)[1]
    day = month.replace(day=rng.randint(3, min(16, last)))
    steps = dict(zip(Decision.STEPS, (day + timedelta(days=offset) for offset in (0, 1, 3, 5, 6, 8)), strict=True))
    if rng.random() > figures.quality + 0.08:
        steps["result_published_on"] = None  # type: ignore[assignment]
    return Decision(
        unit=branch.unit,
        path=branch.unit.path,
        matter=rng.choice(MATTERS),
        decided_on=day,
        **steps,
    )
