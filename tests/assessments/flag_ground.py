"""Rounds of flags, applications and flags as tests need them: the least valid rows, made without the services.

For pay and the year: `make_round(county)`, then `make_award(round, village, "F1")`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from accounts.roles import Role
from assessments.flags import pay_from
from assessments.models import (
    FlagApplication,
    FlagAward,
    FlagCategory,
    FlagCriterion,
    FlagRound,
)
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from tests.conftest import grant, make_user

NOW = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)
TODAY = date(2026, 6, 20)
FIRST_ON, LAST_ON, VALID_TO = date(2026, 1, 1), date(2026, 6, 30), date(2026, 12, 31)

CRITERIA: tuple[tuple[str, str, bool, str, str], ...] = (
    ("1", "支委会每月召开", False, "40", "S"),
    ("2", "群众满意度", False, "40", "T"),
    ("3", "部门现场核查", False, "20", "D"),
    ("G1", "书记职位不空缺", True, "0", "S"),
)
"""Of each category: code behind its own, name, gate, points, source. What is computed is known within `knows()`."""
COMPUTED: dict[str, dict[str, Any]] = {
    "1": {
        "source_code": "test.meetings",
        "rule_type": "ratio",
        "parameters": {"over": "months", "met_from": "1", "target": "100"},
    },
    "G1": {"source_code": "test.secretary", "parameters": {"over": "last", "at_least": "1"}},
}


@contextmanager
def knows(meetings: int | None = 1, secretary: int | None = 1) -> Iterator[None]:
    """What the system reads of every village in every month while the block runs; None is no data."""

    def source(code: str, value: int | None) -> IndicatorSource:
        def compute(ids: Collection[int], month: date) -> dict[int, Reading]:
            return {} if value is None else {pk: Reading(Decimal(value)) for pk in ids}

        return IndicatorSource(code=code, label=code, unit="", higher_is_better=True, compute=compute)

    with indicators.replaced(source("test.meetings", meetings), source("test.secretary", secretary)):
        yield


def make_round(
    county: Unit,
    *,
    codes: str = "F1 F3",
    state: str = FlagRound.State.OPEN,
    name: str = "2026年上半年",
    quota: int | None = None,
    criteria: tuple[tuple[str, str, bool, str, str], ...] = CRITERIA,
    **fields: Any,
) -> FlagRound:
    """A round with its categories; opened once its rules stand, because the rules of an open round are kept."""
    row = FlagRound.objects.create(
        unit=county,
        path=county.path,
        name=name,
        **{"first_on": FIRST_ON, "last_on": LAST_ON, "apply_by": LAST_ON, "valid_to": VALID_TO, **fields},
    )
    names = {"F1": "基层党建", "F2": "脱贫巩固", "F3": "产业发展", "F4": "美丽乡村", "F5": "社会治理"}
    for number, code in enumerate(codes.split()):
        category = FlagCategory.objects.create(
            round=row,
            code=code,
            name=names.get(code, code),
            lead="县直部门",
            quota=quota,
            is_party_building=code == "F1",
            sort=number,
        )
        FlagCriterion.objects.bulk_create(
            FlagCriterion(
                category=category,
                code=f"{code}-{short}",
                name=label,
                is_gate=is_gate,
                points=Decimal(points),
                source=source,
                sort=place,
                **(COMPUTED.get(short, {}) if source == "S" else {}),
            )
            for place, (short, label, is_gate, points, source) in enumerate(criteria)
        )
    FlagRound.objects.filter(pk=row.pk).update(state=state)
    row.refresh_from_db()
    return row


def category_of(row: FlagRound, code: str) -> FlagCategory:
    return FlagCategory.objects.get(round=row, code=code)


def make_application(row: FlagRound, village: Unit, code: str, *, state: str, **fields: Any) -> FlagApplication:
    """An application as it stands in `state`, its steps made by people of its own."""
    names = ("申报人", "初评人", "复核人", "审定人")
    people = [User.objects.filter(username=name).first() or make_user(name) for name in names]
    applicant, reviewer, rechecker, decider = people
    later = {
        "township_reviewed_by": reviewer,
        "township_reviewed_at": NOW,
        "rechecked_by": rechecker,
        "rechecked_at": NOW,
        "is_granted": True,
        "met_on": TODAY,
        "minute_number": "〔2026〕6 号",
        "decided_by": decider,
        "decided_at": NOW,
        "score_hundredths": 9000,
        "notice_from": TODAY,
        "notice_to": TODAY + timedelta(days=7),
    }
    is_decided = state in {"decided", "public_notice", "objection_hold", "awarded"}
    return FlagApplication.objects.create(
        round=row,
        category=category_of(row, code),
        code=code,
        village=village,
        path=village.path,
        state=state,
        **{"applied_by": applicant, "applied_at": NOW, **(later if is_decided else {}), **fields},
    )


def make_award(
    row: FlagRound, village: Unit, code: str, *, awarded_on: date = date(2026, 6, 29), **fields: Any
) -> FlagAward:
    """An approved flag, paid from the month after; its application is awarded, its notice ended two days before."""
    application = make_application(row, village, code, state="awarded", notice_to=awarded_on - timedelta(days=2))
    people = [User.objects.filter(username=name).first() or make_user(name) for name in ("备旗人", "批旗人")]
    return FlagAward.objects.create(
        application=application,
        round=row,
        code=code,
        village=village,
        path=village.path,
        notice_to=application.notice_to,
        awarded_on=awarded_on,
        prepared_by=people[0],
        **{
            "number": f"{code}-{village.pk}",
            "valid_to": row.valid_to,
            "pay_from": pay_from(awarded_on, "next_month"),
            "approved_by": people[1],
            "approved_at": NOW,
            **fields,
        },
    )


def make_cast(county: Unit, east: Unit) -> dict[str, User]:
    """Who takes part: two of the township, the departments of F1 and F3, county staff, a colleague, a leader."""
    cast = {
        "applicant": make_user("组织委员", Role.TS, east),
        "reviewer": make_user("镇党委书记", Role.TS, east),
        "staff": make_user("组织科", Role.CS, county),
        "colleague": make_user("组织科同事", Role.CS, county),
        "leader": make_user("部长", Role.CL, county),
    }
    for key, code in (("party", "F1"), ("farming", "F3")):
        cast[key] = make_user(f"部门{code}")
        grant(cast[key], Role.LD, county, subjects=code)
    return cast
