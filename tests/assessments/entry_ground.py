"""A small open month to fill in: every kind of cell once, opened by the service that opens real months."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from assessments.models import Period, Return, Scheme, VillageMonth
from assessments.rules import SchemeRules
from assessments.services.periods import open_period
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit, VillageClass

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONTH = date(2026, 10, 1)
OPENED = datetime(2026, 10, 25, 8, tzinfo=SHANGHAI)
NOW = datetime(2026, 11, 2, 10, tzinfo=SHANGHAI)
DEADLINE = datetime(2026, 11, 3, 18, tzinfo=SHANGHAI)
DUES = {"东一村": 41, "东二村": 37, "西一村": 30}
"""What the records say of 应缴; they know nothing of the other villages."""


def _indicator(code: str, name: str, weight: str, rule_type: str, source: str = "T", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "name_en": f"Indicator {code}",
        "category": code[0],
        "weight": weight,
        "rule_type": rule_type,
        "source": source,
        "parameters": {},
        "unit": "件",
        **more,
    }


def _share(code: str, name: str, weight: str, part: str, whole: str, **more: Any) -> dict[str, Any]:
    labels = {"numerator_label": part, "denominator_label": whole}
    return _indicator(code, name, weight, "ratio", has_denominator=True, **labels, **more)


RULES = SchemeRules.from_snapshot(
    {
        "name": "村级月度考核",
        "number": "2026-2",
        "document": "青组发〔2026〕8号",
        "categories": [
            {"code": "A", "name": "组织建设", "name_en": "Organization"},
            {"code": "D", "name": "治理服务", "name_en": "Governance"},
            {"code": "E", "name": "环境文明", "name_en": "Environment"},
        ],
        "indicators": [
            _indicator(
                "A1", "主题党日", "10", "pass_fail", "S", source_code="test.party_days", unit="次", short_name="党日"
            ),
            _share(
                "A5", "党费收缴率", "20", "已缴", "应缴", unit="人", short_name="党费", denominator_source="test.dues"
            ),
            _share("A8", "三务公开", "10", "已公开", "应公开", unit="项", denominator_source="constant:12"),
            _share("D2", "纠纷化解率", "20", "化解", "受理", short_name="纠纷"),
            _indicator(
                "D5",
                "隐患排查",
                "10",
                "deduct_each",
                unit="处",
                parameters={"points": "1", "may_be_not_applicable": True},
            ),
            _indicator("D6", "群众满意度", "10", "linear", "C", unit="%", parameters={"low": "60", "high": "90"}),
            _indicator("E1", "人居环境检查", "20", "inspection", unit="分", short_name="环境检查"),
        ],
        "grades": [{"code": "mid", "name": "中间", "minimum": "60"}, {"code": "low", "name": "后进", "minimum": "0"}],
    }
)

FULL = {"A5.n": 30, "A8.n": 12, "D2.d": 3, "D2.n": 3, "D5": 1, "E1": 90}
"""A village that is filled in without a problem; the wholes are prefilled where the records know them."""


def _named(readings: dict[str, int]) -> dict[int, Reading]:
    ids = dict(Unit.objects.villages().values_list("name", "pk"))
    return {ids[name]: Reading(Decimal(number)) for name, number in readings.items()}


SOURCES = (
    IndicatorSource(
        code="test.dues",
        label="members due to pay",
        unit="人",
        higher_is_better=False,
        kind="denominator",
        compute=lambda _ids, _month: _named(DUES),
    ),
    IndicatorSource(
        code="test.party_days",
        label="party days",
        unit="次",
        higher_is_better=True,
        compute=lambda _ids, _month: {pk: Reading(Decimal(1), note="10-10") for pk in _ids},
    ),
)


def make_scheme(county: Unit, rules: SchemeRules = RULES) -> Scheme:
    return Scheme.objects.create(
        unit=county,
        path=county.path,
        name=rules.name,
        number=rules.number,
        document=rules.document,
        catalogue_number="ZZ-01",
        owner="组织科",
        state=Scheme.State.PUBLISHED,
        first_month=date(2026, 1, 1),
        snapshot=rules.to_snapshot(),
    )


def make_month(county: Unit, month: date = MONTH, rules: SchemeRules = RULES) -> Period:
    """An open month; the villages of the county are of class "basic"."""
    scheme = Scheme.objects.filter(unit=county).first() or make_scheme(county, rules)
    for village in Unit.objects.under(county.path).villages().filter(classes__isnull=True):
        VillageClass.objects.create(unit=village, kind="basic", band="ordinary", valid_from=date(2020, 1, 1))
    shift = (month.year - MONTH.year) * 365 + (month.month - MONTH.month) * 30
    opened, deadline = OPENED + timedelta(days=shift), DEADLINE + timedelta(days=shift)
    period = Period.objects.create(
        unit=county,
        path=county.path,
        month=month,
        scheme=scheme,
        opens_at=opened,
        submit_by=deadline,
        review_by=deadline + timedelta(days=3),
        lock_at=deadline + timedelta(days=4),
        publish_by=deadline + timedelta(days=7),
    )
    return open_period(period, by=None, now=opened)


def return_of(period: Period, township: str) -> Return:
    return Return.objects.select_related("period", "unit").get(period=period, unit__name=township)


def row_of(period: Period, village: str) -> VillageMonth:
    return VillageMonth.objects.get(period=period, village__name=village)


def fill(period: Period, village: str, **changed: Any) -> VillageMonth:
    """Puts values straight into a village's row: FULL with `changed` (`D2_n=5`; None leaves the cell empty)."""
    row = row_of(period, village)
    for code, value in {**FULL, **{code.replace("_", "."): value for code, value in changed.items()}}.items():
        row.values.pop(code, None)
        if value is not None:
            row.values[code] = value * 10_000 if isinstance(value, int) else value
    if "A5.d" not in row.values and changed.get("A5_d", 0) is not None:
        row.values["A5.d"] = 30 * 10_000
    row.save()
    return row


def fill_all(period: Period) -> None:
    for name in VillageMonth.objects.filter(period=period).values_list("village__name", flat=True):
        fill(period, name)
