"""The receipt: what it prints, that it can be recomputed by hand, where its figures lead."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from assessments import explaining
from assessments.models import Adjustment, Appeal, Period, Ranking, Result, Return
from assessments.rules import SchemeRules
from assessments.services.closing import revise
from assessments.services.publication import publish_ranking
from assessments.services.schemes import seed_layout
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from tests.assessments.month_ground import (
    MONTH,
    NOW,
    RULES,
    compute,
    full_values,
    make_month,
    publish,
    result_of,
    row_of,
    set_values,
)
from tests.assessments.pages import client_of, find, page, texts, words

CENT = Decimal("0.01")


def adjust(period: Period, name: str, item: str, level: str = "", count: int = 1) -> Adjustment:
    village = Unit.objects.get(name=name)
    return Adjustment.objects.create(
        period=period,
        village=village,
        path=village.path,
        item_code=item,
        level=level,
        count=count,
        document="青组通〔2026〕3号",
        happened_on=MONTH,
    )


@pytest.fixture
def period(county: Unit) -> Period:
    """One village for each way a receipt can look."""
    period = make_month(county)
    set_values(period, "东一村", A5_n=30, D2_n=1, E4=3)
    set_values(period, "东二村", A5_d=0, A5_n=0, D6=75)
    set_values(period, "东三村", D6=None, E4=12)
    adjust(period, "西一村", "P1", "市级", 7)
    adjust(period, "西一村", "N1", "县级")
    adjust(period, "西二村", "V6")
    row = row_of(period, "西二村")
    row.values["E4"] = [20_000, "late"]
    row.save()
    return period


@pytest.fixture
def ranking(period: Period, county_admin: User, county_leader: User) -> Ranking:
    return publish(period, county_admin, county_leader)


def url_of(result: Result) -> str:
    return reverse("assessments:receipt", args=[result.pk])


def receipt(ranking: Ranking, name: str, user: User) -> Any:
    return page(client_of(user), url_of(result_of(ranking, name)))


# --- By hand --------------------------------------------------------------------------------


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace("+", "").replace(",", ""))


def half_up(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def by_hand(value: str, rule: str, full: Decimal) -> Decimal:
    """The points of a line from its printed value, rule (in English) and full marks, and nothing else."""
    own = full
    converted = re.search(r"; full marks ([\d.]+) converted to ([\d.]+)$", rule)
    if converted:
        own = Decimal(converted[1])
        assert Decimal(converted[2]) == full
        rule = rule[: converted.start()]
    return half_up(full * _share(value.removesuffix(" (late)"), rule, own))


def _share(value: str, rule: str, own: Decimal) -> Decimal:
    if rule.startswith("nothing was due"):
        return Decimal(1 if rule.endswith("full marks") else 0)
    if match := re.fullmatch(r"at (least|most) ([\d.]+)\S*(?: .*?)? earns full marks, otherwise 0", rule):
        measured = _measured(value)
        bound = Decimal(match[2])
        return Decimal(int(measured >= bound if match[1] == "least" else measured <= bound))
    if ": " in rule and " ÷ " not in rule:
        return _band_points(_measured(value), rule) / own
    if match := re.fullmatch(
        r"([\d.]+)\S*(?: .*?)? earns 0, ([\d.]+)\S*(?: .*?)? full marks, in proportion between", rule
    ):
        low, high = Decimal(match[1]), Decimal(match[2])
        return min(max((_measured(value) - low) / (high - low), Decimal(0)), Decimal(1))
    if match := re.fullmatch(r"−([\d.]+) for each .*, never below 0", rule):
        return max(own - Decimal(match[1]) * _measured(value), Decimal(0)) / own
    if match := re.fullmatch(r"score × ([\d.]+) ÷ ([\d.]+)", rule):
        return _measured(value) / Decimal(match[2])
    match = re.fullmatch(r".*?(?:, full marks at ([\d.]+)%)?", rule)
    assert match is not None
    return min(_measured(value) / Decimal(match[1] or 100), Decimal(1))


def _band_points(value: Decimal, rule: str) -> Decimal:
    """The points of the first band whose words hold for the value."""
    for band in rule.split(", "):
        label, points = band.rsplit(": ", 1)
        bound = re.search(r"\d+", label)
        if bound is None:
            holds = label == "later" or value < 1
        elif label.startswith("up to"):
            holds = value <= int(bound[0])
        else:
            holds = value == int(bound[0]) or (label.endswith("or more") and value > int(bound[0]))
        if holds:
            return Decimal(points)
    raise AssertionError(rule)


def _measured(value: str) -> Decimal:
    """A share in per cent, any other value as the number that is printed."""
    if " / " in value:
        part, whole = value.split(" / ")
        return number(part) * 100 / number(whole)
    return number(re.match(r"[−\d.,]+", value)[0])  # type: ignore[index]


def recompute(tree: Any) -> Decimal:
    """The total of a receipt from its printed page."""
    total = Decimal(0)
    for row in find(tree, "tr[data-line]"):
        cells = row.xpath("./td")
        value, rule, full, points = (words(cells[place]) for place in (0, 2, 3, 4))
        if points == "—":
            continue
        expected = number(points) if full == "—" else by_hand(value, rule, number(full))
        assert expected == number(points), (words(row), expected)
        total += expected
    return total


def english(user: User) -> Client:
    client = client_of(user)
    client.cookies["django_language"] = "en"
    return client


class TestByHand:
    @pytest.mark.parametrize("name", ["东一村", "东二村", "西一村", "西二村"])
    def test_it_gives_the_same_total(self, ranking: Ranking, county_admin: User, name: str) -> None:
        result = result_of(ranking, name)
        tree = page(english(county_admin), url_of(result))
        assert recompute(tree) == result.total
        assert number(texts(tree, "[data-total]")[0]) == result.total

    def test_the_figures_of_the_ground(self, ranking: Ranking) -> None:
        """东一村: 25.71 + 30 + 10.53 + 10 + 7; 西一村: bonus 7 capped at 5, penalty 1."""
        totals = {name: result_of(ranking, name).total for name in ("东一村", "东二村", "西一村", "西二村")}
        assert totals == {
            "东一村": Decimal("83.24"),
            "东二村": Decimal("95.00"),
            "西一村": Decimal("104.00"),
            "西二村": Decimal("98.00"),
        }

    def test_every_village_of_a_county_of_the_seed_scheme(self, seeded: Ranking, county_admin: User) -> None:
        client = english(county_admin)
        for result in Result.objects.filter(ranking=seeded).select_related("ranking"):
            tree = page(client, url_of(result))
            assert recompute(tree) == result.total, result.village.name

    @pytest.fixture
    def seeded(self, county: Unit, county_admin: User, county_leader: User) -> Ranking:
        """The seed scheme with every computed indicator answered, values drawn with a fixed seed."""
        rules = SchemeRules.from_snapshot(seed_layout())
        draw = random.Random(20261001)
        sources = _sources(rules, draw)
        with indicators.replaced(*sources):
            period = make_month(county, rules=rules)
            for row in period.village_months.all():
                row.values = _values(rules, draw)
                row.save()
            return publish(period, county_admin, county_leader)


def _sources(rules: SchemeRules, draw: Any) -> list[IndicatorSource]:
    def source(code: str, is_share: bool) -> IndicatorSource:
        def answer(ids: Any, month: date) -> Mapping[int, Reading]:
            found = {}
            for pk in ids:
                whole = draw.randint(1, 40)
                part = Decimal(draw.randint(0, whole))
                found[pk] = Reading(part, Decimal(whole)) if is_share else Reading(Decimal(draw.randint(0, 3)))
            return found

        return IndicatorSource(code=code, label=code, unit="", higher_is_better=True, compute=answer)

    return [source(item.source_code, item.has_denominator) for item in rules.indicators if item.source == "S"]


def _values(rules: SchemeRules, draw: Any) -> dict[str, int]:
    values = {}
    for kind in ("T", "C"):
        for cell in rules.cells(kind):
            most = int(cell.maximum) if cell.maximum is not None else 40
            values[cell.code] = draw.randint(0, most) * 10_000
    for code in [code for code in values if code.endswith(".n")]:
        whole = values[code[:-1] + "d"] // 10_000
        values[code] = draw.randint(0, whole) * 10_000
    return values


class TestLines:
    def test_lost_points_come_first_the_greatest_on_top(self, ranking: Ranking, county_admin: User) -> None:
        rows = find(receipt(ranking, "东一村", county_admin), "tr[data-line]")
        assert [row.get("data-line") for row in rows] == ["D2", "A5", "E4", "A8", "D6"]
        assert [words(row.xpath("./td")[5]) for row in rows] == ["−9.47", "−4.29", "−3.00", "0", "0"]

    def test_full_marks_are_folded_and_open_on_request(self, ranking: Ranking, county_admin: User) -> None:
        result = result_of(ranking, "东一村")
        client = client_of(county_admin)
        folded = page(client, url_of(result))
        assert [row.get("hidden") is not None for row in find(folded, "[data-full]")] == [True, True]
        opened = page(client, f"{url_of(result)}?full=1")
        assert [row.get("hidden") is not None for row in find(opened, "[data-full]")] == [False, False]
        assert find(opened, "[data-full-rest]")[0].get("hidden") is not None

    def test_the_folded_page_adds_up_too(self, ranking: Ranking, county_admin: User) -> None:
        tree = receipt(ranking, "东一村", county_admin)
        shown = [row for row in find(tree, ".b-receipt tbody tr") if row.get("hidden") is None]
        points = [words(row.xpath("./td")[4]) for row in shown]
        assert sum(number(text) for text in points if text != "—") == Decimal("83.24")

    def test_bonus_cap_and_penalty_with_their_document(self, ranking: Ranking, county_admin: User) -> None:
        tree = receipt(ranking, "西一村", county_admin)
        extra = [row for row in find(tree, "tr[data-line]") if row.get("data-line") in ("P1", "N1", "")]
        assert [words(row.xpath("./td")[4]) for row in extra] == ["+7.00", "−1.00", "−2.00"]
        assert "青组通〔2026〕3号" in words(extra[0])
        assert "市级" in words(extra[0])

    def test_a_veto_changes_no_number(self, ranking: Ranking, county_admin: User) -> None:
        tree = receipt(ranking, "西二村", county_admin)
        veto = find(tree, 'tr[data-line="V6"]')[0]
        assert words(veto.xpath("./td")[4]) == "—"
        assert "V6" in words(find(tree, ".p-head")[0])

    def test_a_late_value_says_so(self, ranking: Ranking, county_admin: User) -> None:
        with translation.override("en"):
            lines = explaining.receipt_of(result_of(ranking, "西二村"), county_admin, NOW).lost
        assert [(line.code, line.value) for line in lines] == [("E4", "2 处 (late)")]

    def test_a_missing_value_costs_nothing_yet(self, ranking: Ranking, county_admin: User) -> None:
        result = result_of(ranking, "东三村")
        tree = receipt(ranking, "东三村", county_admin)
        missing = find(tree, 'tr[data-line="D6"]')[0]
        assert [words(missing.xpath("./td")[place]) for place in (4, 5)] == ["—", "0"]
        assert (result.total, result.county_rank) == (None, None)
        assert number(texts(tree, "[data-total]")[0]) == Decimal("80.00")

    def test_nothing_due_says_what_it_earns(self, ranking: Ranking, county_admin: User) -> None:
        with translation.override("en"):
            found = explaining.receipt_of(result_of(ranking, "东二村"), county_admin, NOW)
        line = next(line for line in found.full if line.code == "A5")
        assert (line.value, line.rule) == ("nothing was due", "nothing was due, which earns full marks")

    def test_what_does_not_apply_stands_apart(self, county: Unit, county_admin: User, county_leader: User) -> None:
        period = make_month(county)
        row = row_of(period, "东一村")
        row.values["D6"] = [None, "not_applicable"]
        row.save()
        ranking = publish(period, county_admin, county_leader)
        found = explaining.receipt_of(result_of(ranking, "东一村"), county_admin, NOW)
        assert [line.code for line in found.set_aside] == ["D6"]
        assert {line.code: line.full for line in found.full}["D2"] == Decimal("30.00")
        assert found.full_marks == Decimal("100.00")


class TestSources:
    def test_an_entered_value_leads_to_its_cell(self, ranking: Ranking, period: Period, county_admin: User) -> None:
        result = result_of(ranking, "东一村")
        link = find(receipt(ranking, "东一村", county_admin), 'tr[data-line="A5"] td a')[0]
        submission = Return.objects.get(period=period, unit__name="东乡")
        address = reverse("assessments:grid", args=[submission.pk])
        assert link.get("href") == f"{address}?village={result.village_id}&cell=A5.n"
        assert client_of(county_admin).get(link.get("href")).status_code == 200

    def test_a_computed_value_leads_to_its_records(self, county: Unit, county_admin: User, county_leader: User) -> None:
        snapshot = RULES.to_snapshot()
        snapshot["indicators"][4] |= {"source": "S", "source_code": "test.damage"}
        source = IndicatorSource(
            code="test.damage",
            label="损坏台账",
            unit="处",
            higher_is_better=False,
            compute=lambda ids, month: {pk: Reading(Decimal(2)) for pk in ids},
            records=lambda village, month: f"/life/?village={village}&month={month:%Y-%m}",
        )
        with indicators.replaced(source):
            period = make_month(county, rules=SchemeRules.from_snapshot(snapshot))
            ranking = publish(period, county_admin, county_leader)
            result = result_of(ranking, "东一村")
            link = find(receipt(ranking, "东一村", county_admin), 'tr[data-line="E4"] td a')[0]
        assert (words(link), link.get("href")) == ("损坏台账", f"/life/?village={result.village_id}&month=2026-10")

    def test_rule_version_and_snapshot_are_printed(self, ranking: Ranking, county_admin: User) -> None:
        (line,) = texts(receipt(ranking, "东一村", county_admin), ".b-version")
        for part in ("2026-2", "青组发〔2026〕8号", "PM-2026-10-R1", ranking.checksum[:12]):
            assert part in line


class TestBeside:
    @pytest.fixture
    def moved(self, county: Unit, county_admin: User, county_leader: User) -> Ranking:
        """September: 东一村 fifth. October: it is first, 西一村 last."""
        before = make_month(county, month=date(2026, 9, 1))
        set_values(before, "东一村", E4=5)
        publish(before, county_admin, county_leader)
        period = make_month(county)
        for place, name in enumerate(["东二村", "东三村", "西二村", "西一村"], start=1):
            set_values(period, name, E4=place)
        return publish(period, county_admin, county_leader)

    def test_the_parts_of_the_movement_add_up(self, moved: Ranking, county_admin: User) -> None:
        for result in Result.objects.filter(ranking=moved).select_related("ranking__period", "village"):
            found = explaining.receipt_of(result, county_admin, NOW).movement
            assert found is not None
            assert found.own + found.others + found.rules + found.correction == found.total == result.moved

    def test_the_distance_to_the_next_rank(self, moved: Ranking, county_admin: User) -> None:
        first = explaining.receipt_of(result_of(moved, "东一村"), county_admin, NOW)
        third = explaining.receipt_of(result_of(moved, "东三村"), county_admin, NOW)
        assert first.distances == []
        assert [(distance.rank, distance.points) for distance in third.distances] == [(2, Decimal("1.00"))] * 2
        assert [line.code for line in third.advice] == ["E4"]

    def test_who_is_not_ranked_has_no_distance(self, ranking: Ranking, county_admin: User) -> None:
        assert explaining.receipt_of(result_of(ranking, "东三村"), county_admin, NOW).distances == []

    def test_a_vetoed_village_is_not_told_that_points_would_help(self, ranking: Ranking, county_admin: User) -> None:
        """西二村 has 98 points and stands after 东一村 with 83.24."""
        assert result_of(ranking, "西二村").county_rank == 4
        assert explaining.receipt_of(result_of(ranking, "西二村"), county_admin, NOW).distances == []

    @pytest.mark.parametrize(
        ("who", "after", "expected"),
        [
            ("east_editor", timedelta(0), True),
            ("east_editor", timedelta(days=30), False),
            ("county_admin", timedelta(0), False),
            ("county_viewer", timedelta(0), False),
        ],
    )
    def test_who_may_object_and_until_when(
        self, ranking: Ranking, request: pytest.FixtureRequest, who: str, after: timedelta, expected: bool
    ) -> None:
        user = request.getfixturevalue(who)
        found = explaining.receipt_of(result_of(ranking, "东一村"), user, NOW + after)
        assert found.objection.is_open is expected

    def test_an_objection_is_shown(self, ranking: Ranking, east_editor: User) -> None:
        result = result_of(ranking, "东一村")
        appeal = Appeal.objects.create(
            ranking=ranking, result=result, period=ranking.period, village=result.village, path=result.path,
            line_code="A5", claim="错", opened_by=east_editor, answer_by=NOW,
        )  # fmt: skip
        tree = receipt(ranking, "东一村", east_editor)
        assert find(tree, f'a[href="{reverse("assessments:appeal", args=[appeal.pk])}"]')
        assert not find(tree, ".b-object")


class TestDoors:
    @pytest.mark.parametrize(
        ("who", "expected"),
        [
            ("county_admin", 200), ("county_leader", 200), ("county_viewer", 200),
            ("east_editor", 200), ("west_editor", 404), ("newcomer", 404),
        ],
    )  # fmt: skip
    def test_who_sees_a_receipt(
        self, ranking: Ranking, request: pytest.FixtureRequest, who: str, expected: int
    ) -> None:
        client = client_of(request.getfixturevalue(who))
        assert client.get(url_of(result_of(ranking, "东一村"))).status_code == expected

    @pytest.mark.parametrize(("who", "expected"), [("county_admin", 200), ("east_editor", 404), ("county_viewer", 404)])
    def test_a_draft_is_for_the_county_office(
        self, period: Period, county_admin: User, request: pytest.FixtureRequest, who: str, expected: int
    ) -> None:
        draft = compute(period, county_admin)
        client = client_of(request.getfixturevalue(who))
        assert client.get(url_of(result_of(draft, "东一村"))).status_code == expected

    def test_inside_the_board_it_is_a_piece(self, ranking: Ranking, county_admin: User) -> None:
        result = result_of(ranking, "东一村")
        answer = client_of(county_admin).get(url_of(result), headers={"hx-request": "true"})
        assert answer.content.decode().lstrip().startswith(f'<tr class="p-drill" id="drill-{result.pk}">')

    def test_the_same_queries_with_and_without_bonuses(self, ranking: Ranking, county_admin: User) -> None:
        client = client_of(county_admin)
        client.get(url_of(result_of(ranking, "东二村")))
        plain, adjusted = url_of(result_of(ranking, "东二村")), url_of(result_of(ranking, "西一村"))
        with CaptureQueriesContext(connection) as without:
            client.get(f"{plain}?full=1")
        with CaptureQueriesContext(connection) as with_two:
            client.get(adjusted)
        assert len(with_two) <= len(without)


class TestCorrections:
    @pytest.fixture
    def corrected(self, ranking: Ranking, period: Period, county_admin: User, county_leader: User) -> Ranking:
        set_values(period, "东一村", A5_n=35)
        draft = revise(period, by=county_admin, now=NOW, reason="更正党费")
        return publish_ranking(draft, by=county_leader, now=NOW)

    def test_the_old_receipt_leads_to_the_one_that_holds(
        self, ranking: Ranking, corrected: Ranking, east_editor: User
    ) -> None:
        tree = receipt(ranking, "东一村", east_editor)
        assert find(tree, f'a[href="{url_of(result_of(corrected, "东一村"))}"]')

    def test_the_new_one_shows_old_and_new_score(self, corrected: Ranking, east_editor: User) -> None:
        alert = " ".join(texts(receipt(corrected, "东一村", east_editor), ".p-alert"))
        assert "83.24" in alert
        assert "87.53" in alert

    def test_values_of_the_ground_stay(self) -> None:
        assert full_values()["A5.n"] == 350_000
