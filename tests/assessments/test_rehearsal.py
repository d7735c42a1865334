"""A past month under other rules, in memory: assessments/services/rehearsal.py."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assessments.models import Adjustment, Period, Ranking, Result
from assessments.rules import SchemeRules
from assessments.services import rehearsal, schemes
from assessments.services.closing import close_periods
from assessments.services.publication import publish_ranking
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from tests.assessments.month import NOW, RULES, full_month, make_month


@pytest.fixture(autouse=True)
def party_days() -> Iterator[None]:
    """Every village held its Party day."""
    source = IndicatorSource(
        code="test.party_day",
        label="",
        unit="",
        higher_is_better=True,
        compute=lambda ids, month: {pk: Reading(Decimal(1)) for pk in ids},
    )
    with indicators.replaced(source):
        yield


@pytest.fixture
def period(county: Unit, county_admin: User, county_leader: User) -> Period:
    """A published month with a bonus for 东三村."""
    period = make_month(county, full_month())
    village = Unit.objects.get(name="东三村")
    Adjustment.objects.create(
        period=period,
        village=village,
        path=village.path,
        item_code="P1",
        level="市级",
        document="x",
        happened_on=NOW.date(),
    )
    (draft,) = close_periods([period.pk], by=county_admin, now=NOW)
    publish_ranking(draft, by=county_leader, now=NOW)
    return Period.objects.get(pk=period.pk)


def changed(**weights: str) -> SchemeRules:
    layout = deepcopy(RULES)
    for item in layout["indicators"]:
        item["weight"] = weights.get(item["code"], item["weight"])
    return SchemeRules.from_snapshot(layout)


def stored() -> dict[str, tuple[int | None, int | None]]:
    rows = Result.objects.select_related("village")
    return {row.village.name: (row.county_rank, row.total_hundredths) for row in rows}


def test_the_same_rules_give_the_published_ranking_again(period: Period) -> None:
    outcome = rehearsal.rehearse(changed(), period)
    assert {line.village: (line.rank_after, line.total_after) for line in outcome.lines} == stored()
    assert all(line.places == 0 and line.points == 0 for line in outcome.lines)
    assert (outcome.moved, outcome.dropped, outcome.not_asked) == (0, 0, [])
    assert all(line.grade_before == line.grade_after != "" for line in outcome.lines)


def test_other_weights_move_villages_and_store_nothing(period: Period, django_assert_num_queries: Any) -> None:
    before = stored()
    with django_assert_num_queries(3):
        outcome = rehearsal.rehearse(changed(A1="55", B1="25"), period)
    lines = {line.village: line for line in outcome.lines}
    # 东三村 paid everything and scored 60: 55 + 20 + 15, and the bonus of 1.
    assert lines["东三村"].total_after == 9100
    # 东二村 paid three quarters and scored 88: 41.25 + 20 + 22.
    assert lines["东二村"].total_after == 8325
    assert (lines["东三村"].places, lines["东二村"].places) == (1, -1)
    assert outcome.moved == 2
    assert stored() == before
    assert Ranking.objects.count() == 1


def test_what_the_month_did_not_ask_does_not_apply(period: Period) -> None:
    layout = deepcopy(RULES)
    new = {**layout["indicators"][2], "code": "B2", "name": "新指标", "weight": "10"}
    layout["indicators"] = [*layout["indicators"][:2], {**layout["indicators"][2], "weight": "30"}, new]
    outcome = rehearsal.rehearse(SchemeRules.from_snapshot(layout), period)
    assert outcome.not_asked == ["B2"]
    assert {line.village: line.total_after for line in outcome.lines} == {
        name: total for name, (_rank, total) in stored().items()
    }


def test_an_item_the_version_does_not_know_is_told(period: Period) -> None:
    layout = {**deepcopy(RULES), "adjustments": []}
    outcome = rehearsal.rehearse(SchemeRules.from_snapshot(layout), period)
    assert outcome.dropped == 1
    line = next(line for line in outcome.lines if line.village == "东三村")
    assert line.points == -100


def test_the_page_shows_those_that_move_and_all_on_request(
    client: Client, period: Period, county: Unit, county_admin: User, county_leader: User
) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="9", now=NOW)

    def edit(layout: schemes.Layout) -> None:
        layout |= {**deepcopy(RULES), "number": "9", "examples": []}
        layout["indicators"][0]["weight"], layout["indicators"][2]["weight"] = "55", "25"

    schemes.change_scheme(scheme, edit, version=scheme.version, by=county_admin, now=NOW)
    address = reverse("assessments:scheme_rehearsal", args=[scheme.pk])
    client.force_login(county_admin)
    page = client.get(address)
    assert page.context["outcome"].moved == 2
    assert page.context["lines"][0].places != 0
    everyone = client.get(address, {"all": "1", "month": period.pk}).context["lines"]
    assert [line.rank_after for line in everyone] == sorted(line.rank_after for line in everyone)
    client.force_login(county_leader)
    assert client.get(address).status_code == 403


def test_a_scheme_with_problems_is_not_rehearsed(
    client: Client, period: Period, county: Unit, county_admin: User
) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="9", now=NOW)
    schemes.change_scheme(
        scheme, lambda layout: layout["indicators"].pop(), version=scheme.version, by=county_admin, now=NOW
    )
    client.force_login(county_admin)
    page = client.get(reverse("assessments:scheme_rehearsal", args=[scheme.pk]))
    assert (page.context["blocking"], page.context["outcome"]) == (True, None)


def test_without_a_published_month_the_page_says_so(client: Client, county: Unit, county_admin: User) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="9", now=NOW)
    client.force_login(county_admin)
    page = client.get(reverse("assessments:scheme_rehearsal", args=[scheme.pk]))
    assert (page.status_code, page.context["months"]) == (200, [])
