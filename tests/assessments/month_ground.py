"""A small month to review, close and publish: two townships, five villages, five indicators."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from accounts.models import User
from assessments.models import Period, Ranking, Result, Return, Scheme, VillageMonth
from assessments.rules import SchemeRules
from assessments.services.closing import close_periods, lock_period
from assessments.services.publication import publish_ranking
from branches.models import Unit

MONTH = date(2026, 10, 1)
NOW = datetime(2026, 11, 4, 1, 0, tzinfo=UTC)


def _share(code: str, name: str, weight: str, part: str, whole: str, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "category": code[0],
        "weight": weight,
        "rule_type": "ratio",
        "source": "T",
        "parameters": {},
        "has_denominator": True,
        "numerator_label": part,
        "denominator_label": whole,
        "unit": "件",
        **more,
    }


RULES = SchemeRules.from_snapshot(
    {
        "name": "村级月度考核",
        "name_en": "Monthly village scheme",
        "number": "2026-2",
        "document": "青组发〔2026〕8号",
        "categories": [
            {"code": "A", "name": "组织建设", "name_en": "Organization"},
            {"code": "D", "name": "治理服务", "name_en": "Governance"},
            {"code": "E", "name": "环境文明", "name_en": "Environment"},
        ],
        "indicators": [
            _share(
                "A5", "党费收缴率", "30", "已缴", "应缴", denominator_source="constant:35", name_en="Dues collected"
            ),
            _share("A8", "三务公开", "30", "已公开", "应公开", denominator_source="constant:12"),
            _share("D2", "矛盾纠纷化解率", "20", "化解", "受理", parameters={"target": "95"}),
            {
                "code": "D6",
                "name": "群众满意度",
                "category": "D",
                "weight": "10",
                "rule_type": "linear",
                "source": "C",
                "parameters": {"low": "60", "high": "90"},
                "unit": "%",
            },
            {
                "code": "E4",
                "name": "公共设施管护",
                "category": "E",
                "weight": "10",
                "rule_type": "deduct_each",
                "source": "T",
                "parameters": {"points": "1"},
                "unit": "处",
                "numerator_label": "未修",
            },
        ],
        "adjustments": [
            {"code": "P1", "name": "荣誉", "kind": "bonus", "levels": [["县级", "0.5"], ["市级", "1"]]},
            {"code": "N1", "name": "通报批评", "kind": "penalty", "levels": [["乡镇级", "0.5"], ["县级", "1"]]},
            {"code": "V6", "name": "软弱涣散未销号", "kind": "veto", "grade_cap": "mid"},
        ],
        "grades": [
            {"code": "top", "name": "先进", "name_en": "Advanced", "minimum": "90", "best_share_percent": 20},
            {"code": "mid", "name": "中间", "name_en": "Middle", "minimum": "60"},
            {"code": "low", "name": "后进", "name_en": "Lagging", "minimum": "0"},
        ],
    }
)

FULL_VALUES = {"A5.n": 35, "A5.d": 35, "A8.n": 12, "A8.d": 12, "D2.n": 2, "D2.d": 2, "D6": 90, "E4": 0}


def scaled(**values: int) -> dict[str, int]:
    """Cell values in whole numbers, `A5_n=33` for the cell A5.n, as they are stored."""
    return {code.replace("_", "."): value * 10_000 for code, value in values.items()}


def full_values(**changed: int) -> dict[str, int]:
    """Full marks everywhere, but for what is said."""
    return {**scaled(**{code.replace(".", "_"): value for code, value in FULL_VALUES.items()}), **scaled(**changed)}


def make_scheme(county: Unit, rules: SchemeRules = RULES) -> Scheme:
    return Scheme.objects.create(
        unit=county,
        path=county.path,
        name=rules.name,
        number=rules.number,
        document=rules.document,
        state=Scheme.State.PUBLISHED,
        first_month=date(2026, 1, 1),
        snapshot=rules.to_snapshot(),
        grade_lines=[],
    )


def make_month(
    county: Unit,
    *,
    month: date = MONTH,
    state: str = Period.State.OPEN,
    scheme: Scheme | None = None,
    now: datetime = NOW,
    rules: SchemeRules = RULES,
) -> Period:
    """A month with a draft return for each township and full values for each village."""
    scheme = scheme or Scheme.objects.filter(unit=county).first() or make_scheme(county, rules)
    period = Period.objects.create(
        unit=county,
        path=county.path,
        month=month,
        scheme=scheme,
        state=state,
        rules_in_force=rules.to_snapshot(),
        opens_at=now - timedelta(days=10),
        submit_by=now - timedelta(days=1),
        review_by=now + timedelta(days=2),
        lock_at=now + timedelta(days=3),
        publish_by=now + timedelta(days=6),
    )
    for township in Unit.objects.under(county.path).townships():
        submission = Return.objects.create(period=period, unit=township, path=township.path)
        VillageMonth.objects.bulk_create(
            VillageMonth(
                period=period,
                village=village,
                submission=submission,
                path=village.path,
                village_class="basic",
                band="ordinary",
                values=full_values(),
            )
            for village in Unit.objects.under(township.path).villages()
        )
    return period


def submit(period: Period, township: Unit, by: User, *, at: datetime = NOW - timedelta(hours=1)) -> Return:
    """The township's return, handed in."""
    submission = Return.objects.get(period=period, unit=township)
    submission.state, submission.submitted_at, submission.submitted_by = Return.State.SUBMITTED, at, by
    submission.submission_count += 1
    submission.save()
    return submission


def row_of(period: Period, name: str) -> VillageMonth:
    return VillageMonth.objects.get(period=period, village__name=name)


def set_values(period: Period, name: str, **values: int | None) -> VillageMonth:
    """Changes cells of a village, None empties one."""
    row = row_of(period, name)
    for code, value in values.items():
        cell = code.replace("_", ".")
        row.values.pop(cell, None)
        if value is not None:
            row.values[cell] = value * 10_000
    row.save()
    return row


def accept_all(period: Period, reviewer: User) -> None:
    """Every return accepted by `reviewer`, as after a finished review."""
    Return.objects.filter(period=period).update(
        state=Return.State.ACCEPTED,
        submitted_at=NOW - timedelta(hours=2),
        reviewed_at=NOW - timedelta(hours=1),
        reviewed_by=reviewer,
    )


def compute(period: Period, by: User) -> Ranking:
    """The draft ranking of a month whose returns are accepted by `by`."""
    accept_all(period, by)
    lock_period(period, by=by, now=NOW)
    (draft,) = close_periods([period.pk], by=by, now=NOW)
    return draft


def publish(period: Period, by: User, leader: User, *, at: datetime = NOW) -> Ranking:
    """The published ranking: computed by one, published by another."""
    return publish_ranking(compute(period, by), by=leader, now=at)


def result_of(ranking: Ranking, name: str) -> Result:
    return Result.objects.select_related("ranking__period__unit", "village").get(ranking=ranking, village__name=name)
