"""A small month to close: three indicators, the villages of the test county, every return accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from assessments.models import Period, Return, Scheme, VillageMonth
from branches.models import Unit

NOW = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
MONTH = date(2026, 9, 1)

RULES: dict[str, Any] = {
    "name": "测试方案",
    "number": "T-1",
    "categories": [{"code": "A", "name": "组织"}, {"code": "B", "name": "环境"}],
    "indicators": [
        {
            "code": "A1",
            "name": "党费收缴率",
            "category": "A",
            "weight": "40",
            "rule_type": "ratio",
            "source": "T",
            "parameters": {"target": "100", "may_be_not_applicable": True},
            "has_denominator": True,
            "numerator_label": "已缴",
            "denominator_label": "应缴",
        },
        {
            "code": "A2",
            "name": "主题党日",
            "category": "A",
            "weight": "20",
            "rule_type": "pass_fail",
            "source": "S",
            "source_code": "test.party_day",
            "parameters": {"threshold": "1"},
        },
        {
            "code": "B1",
            "name": "人居环境检查",
            "category": "B",
            "weight": "40",
            "rule_type": "inspection",
            "source": "T",
            "parameters": {"full_score": "100"},
        },
    ],
    "adjustments": [
        {"code": "P1", "name": "表彰", "kind": "bonus", "levels": [["县级", "0.5"], ["市级", "1"]]},
        {
            "code": "N2",
            "name": "迟报",
            "kind": "penalty",
            "levels": [["每个工作日", "0.5"]],
            "cap": "2",
            "source": "S",
            "source_code": "assessments.return_late_days",
            "needs_document": False,
        },
        {"code": "V3", "name": "弄虚作假", "kind": "veto", "grade_cap": "lagging"},
    ],
    "grades": [
        {"code": "advanced", "name": "先进", "minimum": "90", "best_share_percent": 20},
        {"code": "middle", "name": "中间", "minimum": "60"},
        {"code": "lagging", "name": "后进", "minimum": "0"},
    ],
}


def values(paid: int, due: int, score: int | str) -> dict[str, int]:
    return {"A1.n": paid * 10_000, "A1.d": due * 10_000, "B1": int(Decimal(score) * 10_000)}


def make_month(county: Unit, entered: dict[str, dict[str, Any]], month: date = MONTH, **fields: Any) -> Period:
    """A locked month with the values of the villages named; every return is accepted."""
    scheme, _made = Scheme.objects.get_or_create(
        unit=county, number="T-1", defaults={"path": county.path, "name": "测试方案", "calendar": {}}
    )
    moment = datetime(2026, 10, 3, 10, 0, tzinfo=UTC)
    period = Period.objects.create(
        unit=county,
        path=county.path,
        month=month,
        scheme=scheme,
        state=fields.pop("state", Period.State.LOCKED),
        rules_in_force=fields.pop("rules", RULES),
        opens_at=moment,
        submit_by=moment,
        review_by=moment,
        lock_at=moment,
        publish_by=moment,
    )
    for township in Unit.objects.under(county.path).townships():
        submission = Return.objects.create(
            period=period, unit=township, path=township.path, state=Return.State.ACCEPTED, **fields
        )
        VillageMonth.objects.bulk_create(
            VillageMonth(
                period=period,
                village=village,
                submission=submission,
                path=village.path,
                village_class="hub",
                band="weak",
                values=entered.get(village.name, {}),
            )
            for village in Unit.objects.under(township.path).villages()
        )
    return period


def full_month() -> dict[str, dict[str, int]]:
    return {
        "东一村": values(40, 40, 95),
        "东二村": values(30, 40, 88),
        "东三村": values(40, 40, 60),
        "西一村": values(20, 40, 50),
        "西二村": values(40, 40, 95),
    }


def reader(user: User) -> User:
    """The user as the next request loads it."""
    return User.objects.get(pk=user.pk)
