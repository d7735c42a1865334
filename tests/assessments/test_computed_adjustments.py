"""Bonuses, penalties and vetoes that the system finds: beside what is entered, and kept in a correction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from assessments.models import Period, Ranking, Result
from assessments.receipts import lines_of
from assessments.rules import SchemeRules
from assessments.services.adjustments import record_adjustment
from assessments.services.closing import revise
from assessments.services.publication import publish_ranking
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from tests.assessments.month_ground import NOW, RULES, compute, make_month

NAMED = {"P1": "test.promoted", "N1": "test.warnings", "V6": "test.vacant"}
FOUND: dict[str, dict[str, Reading]] = {}
"""Source -> village -> what it finds; a test fills it."""


def computing_rules() -> SchemeRules:
    """The small month's rules, its three items computed from sources too."""
    snapshot = RULES.to_snapshot()
    items = [{**item, "source_code": NAMED[item["code"]]} for item in snapshot["adjustments"]]
    return SchemeRules.from_snapshot({**snapshot, "adjustments": items})


def _source(code: str) -> IndicatorSource:
    def find(ids: Any, month: date) -> Mapping[int, Reading]:
        names = dict(Unit.objects.filter(pk__in=ids).values_list("name", "pk"))
        return {names[village]: reading for village, reading in FOUND.get(code, {}).items()}

    return IndicatorSource(
        code=code,
        label="",
        unit="",
        higher_is_better=True,
        compute=find,
        kind="adjustment",
        records=lambda village, month: f"/{code}/{village}/",
    )


@pytest.fixture(autouse=True)
def sources() -> Iterator[None]:
    FOUND.clear()
    with indicators.replaced(*map(_source, NAMED.values())):
        yield


@pytest.fixture
def month(county: Unit) -> Period:
    return make_month(county, rules=computing_rules())


def found_in(ranking: Ranking) -> dict[str, list[tuple[str, str, int]]]:
    """Village -> (item, level, times) of its receipt."""
    rules = computing_rules()
    return {
        row.village.name: lines
        for row in Result.objects.filter(ranking=ranking).select_related("village").order_by("path")
        if (
            lines := [
                (line.code, line.level, line.count)
                for line in lines_of(row, rules)
                if line.code in NAMED and line.kind != "cap"
            ]
        )
    }


def test_what_the_sources_find_counts_by_level(month: Period, county_admin: User) -> None:
    FOUND.update(
        {
            "test.promoted": {"东一村": Reading(Decimal(2)), "东二村": Reading(Decimal(0))},
            "test.warnings": {
                "东二村": Reading(Decimal(3), levels=(1, 2)),
                "东三村": Reading(Decimal(1), levels=(0, 1)),
            },
            "test.vacant": {"西一村": Reading(Decimal(1))},
        }
    )
    ranking = compute(month, county_admin)
    assert found_in(ranking) == {
        "东一村": [("P1", "县级", 2)],
        "东二村": [("N1", "乡镇级", 1), ("N1", "县级", 2)],
        "东三村": [("N1", "县级", 1)],
        "西一村": [("V6", "", 1)],
    }
    totals = {row.village.name: row.total for row in Result.objects.filter(ranking=ranking).select_related("village")}
    assert totals == {
        "东一村": Decimal("101.00"),
        "东二村": Decimal("97.50"),
        "东三村": Decimal("99.00"),
        "西一村": Decimal("100.00"),
        "西二村": Decimal("100.00"),
    }
    assert Result.objects.get(ranking=ranking, village__name="西一村").veto == "V6"


def test_what_was_entered_for_an_item_stands_in_place_of_what_is_found(month: Period, county_admin: User) -> None:
    FOUND.update(
        {
            "test.promoted": {"东一村": Reading(Decimal(2))},
            "test.warnings": {"东一村": Reading(Decimal(1), levels=(1, 0))},
        }
    )
    village = Unit.objects.get(name="东一村")
    record_adjustment(month, village, "P1", "市级", document="1号", happened_on=date(2026, 10, 5), by=county_admin)
    ranking = compute(month, county_admin)
    assert found_in(ranking) == {"东一村": [("P1", "市级", 1), ("N1", "乡镇级", 1)]}


def test_a_correction_keeps_what_was_found_when_it_was_published(
    month: Period, county_admin: User, county_leader: User
) -> None:
    FOUND["test.promoted"] = {"东一村": Reading(Decimal(1))}
    village = Unit.objects.get(name="东二村")
    record_adjustment(month, village, "P1", "市级", document="1号", happened_on=date(2026, 10, 5), by=county_admin)
    first = compute(month, county_admin)
    published = {"东一村": [("P1", "县级", 1)], "东二村": [("P1", "市级", 1)]}
    assert found_in(first) == published
    publish_ranking(first, by=county_leader, now=NOW)
    FOUND["test.promoted"] = {"东三村": Reading(Decimal(5))}
    FOUND["test.vacant"] = {"东一村": Reading(Decimal(1))}
    month.refresh_from_db()
    assert found_in(revise(month, by=county_admin, now=NOW, reason="更正")) == published


def test_an_item_whose_source_is_not_there_is_only_entered(county: Unit, county_admin: User) -> None:
    snapshot = RULES.to_snapshot()
    items = [{**item, "source_code": "nobody.computes_this"} for item in snapshot["adjustments"]]
    period = make_month(county, rules=SchemeRules.from_snapshot({**snapshot, "adjustments": items}))
    assert found_in(compute(period, county_admin)) == {}
