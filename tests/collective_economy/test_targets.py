"""Income targets in bulk and plans of villages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.models import IncomeTarget, VillagePlan
from collective_economy.services.plans import save_plan
from collective_economy.services.targets import set_targets
from tests.collective_economy.ground import village

YUAN = Decimal("120000.50")


def refusal(error: ValidationError) -> list[tuple[str | None, str]]:
    groups = error.error_dict.values() if hasattr(error, "error_dict") else [error.error_list]
    return [(one.code, one.messages[0]) for group in groups for one in group]


def test_targets_of_many_villages_are_set_at_once(county: Unit, county_admin: User) -> None:
    one, two = village("东一村"), village("西一村")
    assert set_targets(2026, {one: YUAN, two: Decimal(0)}, "文", by=county_admin) == 2
    assert set_targets(2026, {one: YUAN, two: Decimal(50_000)}, "文", by=county_admin) == 1
    rows = IncomeTarget.objects.order_by("path").values_list("unit_id", "path", "year", "amount", "document", "version")
    assert list(rows) == [
        (one.pk, one.path, 2026, YUAN, "文", 1),
        (two.pk, two.path, 2026, Decimal(50_000), "文", 2),
    ]
    told = AuditEvent.objects.filter(event="collective_economy.save_incometarget").order_by("pk")
    assert [(event.unit_path, event.changes["amount"]) for event in told] == [
        (one.path, [None, "120000.50"]),
        (two.path, [None, "0"]),
        (two.path, ["0.00", "50000"]),
    ]


def test_a_village_that_is_not_named_keeps_its_target(county: Unit, county_admin: User) -> None:
    one, two = village("东一村"), village("西一村")
    set_targets(2026, {one: YUAN, two: YUAN}, "文", by=county_admin)
    set_targets(2027, {one: Decimal(1)}, "文", by=county_admin)
    set_targets(2026, {one: Decimal(1)}, "文", by=county_admin)
    assert IncomeTarget.objects.get(unit=two).amount == YUAN
    assert dict(IncomeTarget.objects.filter(unit=one).values_list("year", "amount")) == {2026: 1, 2027: 1}


@pytest.mark.parametrize(
    ("amount", "year", "document", "code", "words"),
    [
        ("-0.01", 2026, "文", "wrong_amount", "东一村：目标应为不小于 0 的金额，以元计最多两位小数。"),
        ("1.005", 2026, "文", "wrong_amount", "东一村：目标应为不小于 0 的金额，以元计最多两位小数。"),
        ("NaN", 2026, "文", "wrong_amount", "东一村：目标应为不小于 0 的金额，以元计最多两位小数。"),
        ("1e14", 2026, "文", "wrong_amount", "东一村：目标应为不小于 0 的金额，以元计最多两位小数。"),
        ("1", 1999, "文", "wrong_year", "请选择 2000 至 2100 之间的年度。"),
        ("1", 2026, " ", "no_document", "请填写依据文号。"),
    ],
)
def test_a_wrong_target_saves_none(
    county: Unit, county_admin: User, amount: str, year: int, document: str, code: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        set_targets(year, {village("西一村"): YUAN, village(): Decimal(amount)}, document, by=county_admin)
    assert refusal(refused.value) == [(code, words)]
    assert not IncomeTarget.objects.exists()


def test_nothing_and_a_township_are_refused(east: Unit, county_admin: User) -> None:
    with pytest.raises(ValidationError) as refused:
        set_targets(2026, {}, "文", by=county_admin)
    assert refusal(refused.value) == [("empty", "请至少填写一个目标。")]
    with pytest.raises(ValidationError) as refused:
        set_targets(2026, {east: YUAN}, "文", by=county_admin)
    assert refusal(refused.value) == [("not_a_village", "目标只下达到村：东乡")]


def test_who_saw_another_target_changes_none(county: Unit, county_admin: User) -> None:
    one, two = village("东一村"), village("西一村")
    set_targets(2026, {one: YUAN}, "文", by=county_admin, base={one.pk: 0})
    with pytest.raises(Conflict):
        set_targets(2026, {two: YUAN, one: Decimal(2)}, "文", by=county_admin, base={one.pk: 0, two.pk: 0})
    assert list(IncomeTarget.objects.values_list("unit_id", "amount")) == [(one.pk, YUAN)]
    set_targets(2026, {two: YUAN, one: Decimal(2)}, "文", by=county_admin, base={one.pk: 1})
    assert dict(IncomeTarget.objects.values_list("unit_id", "amount")) == {one.pk: 2, two.pk: YUAN}


@pytest.mark.parametrize("names", [["东一村"], ["东一村", "东二村", "西一村"]])
def test_targets_cost_the_same_queries_for_one_village_and_three(
    county: Unit, county_admin: User, names: list[str]
) -> None:
    amounts = dict.fromkeys([village(name) for name in names], YUAN)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        set_targets(2026, amounts, "文", by=county_admin)
    writes = [
        query["sql"] for query in caught.captured_queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
    ]
    assert len(writes) == 5


# --- Plans ----------------------------------------------------------------------------------

PLAN: dict[str, Any] = {
    "first_year": 2026,
    "last_year": 2027,
    "business_model": "property",
    "situation": "薄弱村，年收入 4 万元。",
    "measures": "建冷库出租。",
    "responsible_name": "陈立新",
    "targets": {2026: Decimal(80_000), 2027: Decimal("120000.50")},
}


def test_a_plan_is_kept_with_a_target_for_each_year(county: Unit, county_admin: User) -> None:
    plan = save_plan(village(), **PLAN, by=county_admin)
    plan.refresh_from_db()
    assert {name: getattr(plan, name) for name in PLAN} == PLAN | {"targets": {"2026": "80000", "2027": "120000.50"}}
    assert (plan.unit, plan.path, plan.version) == (village(), village().path, 1)
    again = save_plan(village(), **PLAN | {"measures": "入股分红。"}, by=county_admin, plan=plan, base=1)
    again.refresh_from_db()
    assert (again.pk, again.measures, again.version) == (plan.pk, "入股分红。", 2)
    told = AuditEvent.objects.filter(event="collective_economy.save_villageplan").order_by("-pk").first()
    assert told is not None
    assert told.changes == {"measures": ["建冷库出租。", "入股分红。"]}
    with pytest.raises(Conflict):
        save_plan(village(), **PLAN, by=county_admin, plan=plan, base=1)


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"last_year": 2025}, "wrong_years", "规划从首年到末年，最多 10 年。"),
        ({"last_year": 2036}, "wrong_years", "规划从首年到末年，最多 10 年。"),
        ({"business_model": "casino"}, "wrong_model", "请选择经营模式。"),
        ({"situation": " "}, "no_text", "此项必填。"),
        ({"responsible_name": ""}, "no_text", "此项必填。"),
        ({"targets": {2026: Decimal(1)}}, "wrong_targets", "请填写规划期内每一年的目标。"),
        ({"targets": {2026: Decimal(1), 2028: Decimal(1)}}, "wrong_targets", "请填写规划期内每一年的目标。"),
        (
            {"targets": {2026: Decimal(-1), 2027: Decimal(1)}},
            "wrong_amount",
            "2026：目标应为不小于 0 的金额，以元计最多两位小数。",
        ),
    ],
)
def test_a_wrong_plan_is_refused(
    county: Unit, county_admin: User, wrong: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        save_plan(village(), **PLAN | wrong, by=county_admin)
    assert refusal(refused.value) == [(code, words)]
    assert not VillagePlan.objects.exists()


def test_a_village_has_one_plan_for_a_year(county: Unit, east: Unit, county_admin: User) -> None:
    save_plan(village(), **PLAN, by=county_admin)
    later = {"first_year": 2027, "last_year": 2028, "targets": {2027: Decimal(1), 2028: Decimal(1)}}
    with pytest.raises(ValidationError, match="2026 年至 2027 年的规划") as refused:
        save_plan(village(), **PLAN | later, by=county_admin)
    assert refusal(refused.value)[0][0] == "overlap"
    save_plan(village("东二村"), **PLAN | later, by=county_admin)
    with pytest.raises(ValidationError) as refused:
        save_plan(east, **PLAN, by=county_admin)
    assert refusal(refused.value) == [("not_a_village", "规划以村为单位。")]
    assert VillagePlan.objects.count() == 2
