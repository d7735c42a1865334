"""The ranking page, its sheet and its circular."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from docx import Document
from python_calamine import load_workbook

from accounts.models import AuditEvent, User
from assessments import board
from assessments.board import Filters, Words
from assessments.models import Adjustment, Period, Ranking, VillageMonth
from assessments.services.closing import revise
from assessments.services.publication import publish_ranking
from branches.models import Unit
from tests.assessments.month_ground import (
    MONTH,
    NOW,
    RULES,
    compute,
    make_month,
    publish,
    result_of,
    set_values,
)
from tests.assessments.pages import client_of, find, page, parsed, texts, words

URL = "/ranking/"


@pytest.fixture
def period(county: Unit) -> Period:
    """东一村 100; 东二村 and 西一村 99 (one facility down); 西二村 90.91 in points by dues; 东三村 lacks D6."""
    period = make_month(county)
    set_values(period, "东二村", E4=1)
    set_values(period, "西一村", E4=1)
    set_values(period, "西二村", A5_n=21)
    set_values(period, "东三村", D6=None)
    VillageMonth.objects.filter(village__name="西一村").update(village_class="hub", band="strong")
    return period


@pytest.fixture
def ranking(period: Period, county_admin: User, county_leader: User) -> Ranking:
    return publish(period, county_admin, county_leader)


def villages(tree: Any) -> list[str]:
    return texts(tree, "table.b-board tbody th")


class TestDoors:
    @pytest.mark.parametrize("who", ["county_admin", "county_leader", "east_editor", "west_editor", "county_viewer"])
    def test_who_sees_the_published_list(self, ranking: Ranking, request: pytest.FixtureRequest, who: str) -> None:
        tree = page(client_of(request.getfixturevalue(who)), URL)
        assert set(villages(tree)) == {"东一村", "东二村", "东三村", "西一村", "西二村"}

    @pytest.mark.parametrize("url", [URL, f"{URL}sheet/", f"{URL}circular/"])
    def test_who_has_no_role_sees_nothing(self, ranking: Ranking, newcomer: User, url: str) -> None:
        assert client_of(newcomer).get(url).status_code == 403

    def test_receipts_are_offered_in_ones_own_area_only(self, ranking: Ranking, east_editor: User) -> None:
        tree = page(client_of(east_editor), URL)
        offered = {words(link.xpath("ancestor::tr")[0].xpath("./th")[0]) for link in find(tree, "[data-drill]")}
        assert offered == {"东一村", "东二村", "东三村"}

    @pytest.mark.parametrize(
        ("who", "expected"),
        [("county_admin", 200), ("county_leader", 200), ("east_editor", 404), ("county_viewer", 404)],
    )
    def test_a_draft_is_for_the_county_office(
        self, period: Period, county_admin: User, request: pytest.FixtureRequest, who: str, expected: int
    ) -> None:
        draft = compute(period, county_admin)
        user = request.getfixturevalue(who)
        for address in (URL, f"{URL}sheet/", f"{URL}circular/"):
            assert client_of(user).get(address, {"ranking": draft.pk}).status_code == expected

    def test_before_the_first_publication(self, period: Period, county_admin: User, east_editor: User) -> None:
        compute(period, county_admin)
        assert find(page(client_of(east_editor), URL), ".p-empty")
        assert find(page(client_of(county_admin), URL), ".p-empty")

    @pytest.mark.parametrize("query", ["ranking=999999", "ranking=abc"])
    def test_a_ranking_that_is_not_there(self, ranking: Ranking, county_admin: User, query: str) -> None:
        assert client_of(county_admin).get(f"{URL}?{query}").status_code == 404


class TestRows:
    def test_best_first_ties_share_a_rank_and_who_lacks_values_comes_last(
        self, ranking: Ranking, county_admin: User
    ) -> None:
        tree = page(client_of(county_admin), URL)
        ranks = [words(row.xpath("./td")[0]) for row in find(tree, "table.b-board tbody tr")[:-1]]
        assert list(zip(ranks, villages(tree), strict=True)) == [
            ("1", "东一村"), ("2", "东二村"), ("2", "西一村"), ("4", "西二村"), ("—", "东三村"),
        ]  # fmt: skip

    def test_who_is_not_ranked_sees_what_is_missing_and_the_range(self, ranking: Ranking, county_admin: User) -> None:
        """10 points are open: from 90 to 100, ranks 1 to 4."""
        row = find(page(client_of(county_admin), URL), "table.b-board tbody tr")[4]
        text = words(row)
        assert "90.00" in text
        assert "100.00" in text
        assert "D6" in text
        assert "1" in text

    def test_a_class_has_its_own_ranks(self, ranking: Ranking, county_admin: User) -> None:
        tree = page(client_of(county_admin), f"{URL}?class=basic")
        assert villages(tree) == ["东一村", "东二村", "西二村", "东三村"]
        assert [words(node) for node in find(tree, ".p-rank")] == ["1", "2", "3"]

    def test_a_band_has_its_own_ranks(self, ranking: Ranking, county_admin: User) -> None:
        tree = page(client_of(county_admin), f"{URL}?band=strong")
        assert villages(tree) == ["西一村"]
        assert [words(node) for node in find(tree, ".p-rank")] == ["1"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"grade": "top"}, ["东一村"]),
            ({"grade": "mid"}, ["东二村", "西一村", "西二村"]),
            ({"name": "西"}, ["西一村", "西二村"]),
            ({"name": "无"}, []),
            ({"moved": "1"}, []),
            ({"class": "hollow"}, []),
            ({"class": "unknown"}, ["东一村", "东二村", "西一村", "西二村", "东三村"]),
            ({"township": "0"}, []),
        ],
    )
    def test_filters(self, ranking: Ranking, county_admin: User, query: dict[str, str], expected: list[str]) -> None:
        answer = client_of(county_admin).get(URL, query)
        assert answer.status_code == 200
        assert villages(parsed(answer.content)) == expected

    def test_a_township(self, ranking: Ranking, county_admin: User, west: Unit) -> None:
        assert villages(page(client_of(county_admin), f"{URL}?township={west.pk}")) == ["西一村", "西二村"]

    def test_the_bar_has_the_categories_and_their_lengths(self, ranking: Ranking, county_admin: User) -> None:
        bar = find(page(client_of(county_admin), URL), "table.b-board svg.p-svgbar")[0]
        assert [rect.get("class") for rect in bar.xpath("./rect")] == ["f1", "f5", "f2"]
        widths = [Decimal(rect.get("width")) for rect in bar.xpath("./rect")]
        assert widths == [Decimal("57.14"), Decimal("28.57"), Decimal("9.52")]

    def test_the_three_items_with_most_points_lost(self, ranking: Ranking, county_admin: User) -> None:
        tree = page(client_of(county_admin), f"{URL}?lost=1")
        assert texts(tree, ".b-lost") == [
            "公共设施管护 −1.00", "公共设施管护 −1.00", "党费收缴率 −12.00",
        ]  # fmt: skip

    def test_grade_lines_are_written_out(self, ranking: Ranking, county_admin: User) -> None:
        (line,) = texts(page(client_of(county_admin), URL), "tr.p-cut")
        for part in ("先进", "90", "20%", "中间", "60", "后进"):
            assert part in line

    def test_pages_keep_the_conditions(self, ranking: Ranking, county_admin: User) -> None:
        tree = page(client_of(county_admin), f"{URL}?name=村&size=50&page=9")
        assert find(tree, 'select[name="size"] option[selected]')[0].text == "50"
        assert find(tree, 'input[name="name"][type="hidden"]')[0].get("value") == "村"

    def test_a_veto_is_marked(self, period: Period, county_admin: User, county_leader: User) -> None:
        village = Unit.objects.get(name="东一村")
        Adjustment.objects.create(
            period=period,
            village=village,
            path=village.path,
            item_code="V6",
            document="青组通〔2026〕3号",
            happened_on=MONTH,
        )
        publish(period, county_admin, county_leader)
        rows = find(page(client_of(county_admin), URL), "table.b-board tbody tr")
        assert "V6" in words(rows[3])
        assert "东一村" in words(rows[3])

    @pytest.mark.usefixtures("quiet_frame")
    def test_the_same_queries_for_one_and_for_five_villages(self, ranking: Ranking, county_admin: User) -> None:
        client = client_of(county_admin)
        client.get(URL)
        with CaptureQueriesContext(connection) as one:
            client.get(URL, {"name": "东一村"})
        with CaptureQueriesContext(connection) as five:
            client.get(URL)
        assert len(one) == len(five) <= 18


class TestMonths:
    @pytest.fixture
    def earlier(self, county: Unit, county_admin: User, county_leader: User) -> Ranking:
        return publish(make_month(county, month=date(2026, 9, 1)), county_admin, county_leader)

    def test_the_switch_offers_published_months(
        self, earlier: Ranking, ranking: Ranking, county_admin: User, east_editor: User
    ) -> None:
        tree = page(client_of(east_editor), URL)
        assert [option.get("value") for option in find(tree, 'select[name="month"] option')] == ["2026-10", "2026-09"]
        old = page(client_of(east_editor), f"{URL}?month=2026-09")
        assert find(old, 'select[name="month"] option[selected]')[0].get("value") == "2026-09"

    def test_movement_and_points_against_last_month(
        self, earlier: Ranking, ranking: Ranking, county_admin: User
    ) -> None:
        """All five were first in September with 100 points."""
        rows = find(page(client_of(county_admin), URL), "table.b-board tbody tr")
        second = rows[1].xpath("./td")
        assert "1" in words(second[1])
        assert words(second[4]) == "−1.00"
        assert "is-down" in second[1].xpath(".//span")[0].get("class")

    def test_a_superseded_revision_leads_to_the_one_that_holds(
        self, ranking: Ranking, period: Period, county_admin: User, county_leader: User
    ) -> None:
        set_values(period, "西二村", A5_n=35)
        draft = revise(period, by=county_admin, now=NOW, reason="更正党费")
        publish_ranking(draft, by=county_leader, now=NOW)
        tree = page(client_of(county_admin), f"{URL}?ranking={ranking.pk}")
        assert find(tree, f'a[href="{URL}?month=2026-10"]')
        now = page(client_of(county_admin), URL)
        assert "更正党费" in " ".join(texts(now, ".p-alert"))


class TestSheet:
    def sheet(self, user: User, query: str = "") -> list[list[Any]]:
        answer = client_of(user).get(f"{URL}sheet/{query}")
        assert answer.status_code == 200
        return load_workbook(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()

    def test_it_has_the_filtered_rows_with_typed_cells(self, ranking: Ranking, county_admin: User) -> None:
        rows = self.sheet(county_admin, "?grade=mid")
        assert [row[1] for row in rows[3:6]] == ["东二村", "西一村", "西二村"]
        assert [row[0] for row in rows[3:6]] == [2.0, 2.0, 4.0]
        assert [row[4] for row in rows[3:6]] == [99.0, 99.0, 88.0]
        assert len([row for row in rows if row[1]]) == 4

    def test_title_unit_source_and_who(self, ranking: Ranking, county_admin: User) -> None:
        rows = self.sheet(county_admin)
        assert "青禾县" in rows[0][0]
        assert "PM-2026-10-R1" in rows[1][0]
        assert "county_admin" in rows[1][0]

    def test_who_lacks_values_has_empty_numbers_and_the_reason(self, ranking: Ranking, county_admin: User) -> None:
        last = self.sheet(county_admin)[7]
        assert (last[0], last[1], last[4]) == ("", "东三村", "")
        assert "D6" in last[-1]

    def test_text_is_never_a_formula(self, ranking: Ranking, county_admin: User) -> None:
        Unit.objects.filter(name="东一村").update(name="=1+1")
        assert self.sheet(county_admin)[3][1] == "=1+1"

    def test_a_township_exports_what_it_sees(self, ranking: Ranking, east_editor: User) -> None:
        assert len([row for row in self.sheet(east_editor)[3:8] if row[1]]) == 5

    def test_it_is_recorded(self, ranking: Ranking, county_admin: User) -> None:
        self.sheet(county_admin, "?grade=mid")
        event = AuditEvent.objects.get(event="assessments.export_ranking")
        assert event.actor == county_admin
        assert event.changes == {
            "form": "sheet", "checksum": ranking.checksum, "rows": 3, "filters": {"grade": "mid"},
        }  # fmt: skip

    def test_the_same_queries_for_one_and_for_five_villages(self, ranking: Ranking, county_admin: User) -> None:
        client = client_of(county_admin)
        client.get(f"{URL}sheet/")
        with CaptureQueriesContext(connection) as one:
            client.get(f"{URL}sheet/?name=东一村")
        with CaptureQueriesContext(connection) as five:
            client.get(f"{URL}sheet/")
        assert len(one) == len(five)


class TestCircular:
    def paper(self, user: User, query: str = "") -> Any:
        answer = client_of(user).get(f"{URL}circular/{query}")
        assert answer.status_code == 200
        return Document(io.BytesIO(answer.content))

    def test_it_names_the_figures_and_the_snapshot(self, ranking: Ranking, county_leader: User) -> None:
        paper = self.paper(county_leader)
        text = "\n".join(paragraph.text for paragraph in paper.paragraphs)
        assert "5" in text
        assert "PM-2026-10-R1" in text
        assert ranking.checksum[:12] in text
        assert "东三村" in text
        assert "青组发〔2026〕8号" in text

    def test_its_tables(self, ranking: Ranking, county_leader: User) -> None:
        townships, best, last, annex = self.paper(county_leader).tables
        assert [cell.text for cell in best.rows[1].cells] == ["1", "东一村", "东乡", "100.00"]
        assert [cell.text for cell in last.rows[-1].cells] == ["4", "西二村", "西乡", "88.00"]
        assert [row.cells[0].text for row in townships.rows[1:]] == ["东乡", "西乡"]
        assert [row.cells[2].text for row in townships.rows[1:]] == ["99.50", "93.50"]
        assert len(annex.rows) == 6

    def test_a_draft_says_so(self, period: Period, county_admin: User, county_leader: User) -> None:
        draft = compute(period, county_admin)
        title = self.paper(county_admin, f"?ranking={draft.pk}").core_properties.title
        publish_ranking(draft, by=county_leader, now=NOW)
        assert len(title) > len(self.paper(county_admin).core_properties.title)

    def test_a4_with_the_margins_of_official_papers(self, ranking: Ranking, county_leader: User) -> None:
        section = self.paper(county_leader).sections[0]
        assert [round(edge.mm) for edge in (section.top_margin, section.bottom_margin)] == [37, 35]
        assert [round(edge.mm) for edge in (section.page_width, section.page_height)] == [210, 297]


class TestWords:
    def test_tones_follow_the_place_of_the_grade(self) -> None:
        assert [Words(RULES).tone(code) for code in ("top", "mid", "low", "gone")] == ["top", "mid", "low", "mid"]

    def test_quota_warnings_are_sentences(self, ranking: Ranking) -> None:
        ranking.warnings = [
            {
                "code": "quota",
                "township": "990101100",
                "grade": "top",
                "villages": 3,
                "allowed": 1,
                "reached": 2,
                "awarded": 1,
            },
            {"code": "not_accepted", "townships": ["西乡"]},
            {"code": "of a later version"},
        ]
        quota, missing = Words.of(ranking).warnings(ranking, {"990101100": "东乡"})
        for part in ("东乡", "先进", "3", "2", "1"):
            assert part in quota
        assert "西乡" in missing

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, {}),
            ({"class": "basic", "band": "weak"}, {"class": "basic"}),
            ({"band": "weak", "moved": "1"}, {"band": "weak", "moved": "1"}),
            ({"township": "x", "name": "  东 "}, {"name": "东"}),
        ],
    )
    def test_filters_write_the_address_they_were_read_from(
        self, query: dict[str, str], expected: dict[str, str]
    ) -> None:
        assert Filters.of(query).as_query() == expected

    def test_lost_points_of_a_missing_value_are_not_counted(self, ranking: Ranking) -> None:
        assert board.lost_most(result_of(ranking, "东三村"), Words(RULES)) == []
        (lost,) = board.lost_most(result_of(ranking, "西二村"), Words(RULES))
        assert (lost.code, lost.points) == ("A5", Decimal("12.00"))
