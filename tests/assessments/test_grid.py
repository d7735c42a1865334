"""The grid's page, its answers for the script, its template, and the list of months."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent, User
from assessments.models import Period, Return, VillageMonth
from assessments.services import review
from assessments.services.returns import submit_return
from branches import indicators
from branches.models import Unit
from tests.assessments.entry_ground import NOW, SOURCES, fill, fill_all, make_month, return_of, row_of
from tests.conftest import make_unit

BACKEND = "branches.backends.ScopeBackend"


@pytest.fixture(autouse=True)
def ground() -> Iterator[None]:
    with indicators.replaced(*SOURCES), time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county)


@pytest.fixture
def east_return(period: Period) -> Return:
    return return_of(period, "东乡")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def address(name: str, submission: Return) -> str:
    return reverse(f"assessments:{name}", args=[submission.pk])


def page_of(client: Client, submission: Return, part: str = "") -> str:
    answer = client.get(address("grid", submission) + part)
    assert answer.status_code == 200
    return answer.content.decode()


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="grid-data" type="application/json">(.*?)</script>', page, re.S)
    assert found
    return dict(json.loads(found[1]))


def post(client: Client, url: str, content: Any) -> Any:
    return client.post(
        url, content if isinstance(content, str) else json.dumps(content), content_type="application/json"
    )


def edits(row: VillageMonth, code: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"edits": [{"village": row.village_id, "code": code, "base": None, "value": value, **more}]}


# --- The page ---------------------------------------------------------------------------------


def test_the_page_is_a_real_table_with_a_named_input_in_each_cell(
    east_return: Return, period: Period, east_editor: User
) -> None:
    fill(period, "东一村", D2_n=5)
    page = page_of(client_of(east_editor), east_return)
    assert page.count("<input inputmode") == 3 * 6
    assert 'aria-label="东一村 纠纷化解（件）" value="5" aria-invalid="true"' in page
    assert 'role="grid"' in page
    assert "青组发〔2026〕8号" in page
    assert "ZZ-01" in page
    assert "/ 41" in page
    assert "/ ?" in page


def test_names_and_notes_are_text_and_never_markup(county: Unit, east_editor: User) -> None:
    Unit.objects.filter(name="东三村").update(name='<b onclick="x">村"')
    page = page_of(client_of(east_editor), return_of(make_month(county), "东乡"))
    assert "<b onclick" not in page
    assert "&lt;b onclick=&quot;x&quot;&gt;村&quot;" in page


def test_the_page_holds_no_inline_code(east_return: Return, east_editor: User) -> None:
    page = page_of(client_of(east_editor), east_return)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page)
    assert all("src=" in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", page))


def test_last_month_stands_under_each_value_and_computed_numbers_beside(county: Unit, east_editor: User) -> None:
    fill_all(make_month(county, date(2026, 9, 1)))
    period = make_month(county)
    page = page_of(client_of(east_editor), return_of(period, "东乡"))
    row = data_of(page)["rows"][0]
    assert row["last"]["D2.d"] == 30000
    assert "D2.d" not in row["values"]
    assert '<td class="g-calc" title="10-10"><span class="g-cell"><span class="v">1</span>' in page


def test_the_script_gets_the_limits_and_words_it_needs(east_return: Return, east_editor: User) -> None:
    data = data_of(page_of(client_of(east_editor), east_return))
    assert data["columns"] == ["A5.n", "A8.n", "D2.d", "D2.n", "D5", "E1"]
    assert data["specs"]["A5.n"]["due"] == "A5.d"
    assert data["known"]["A5.d"][str(data["rows"][0]["village"])] == 410000
    assert (data["isLocked"], data["maySubmit"], data["part"]) == (False, True, "T")


def test_the_county_fills_in_its_own_cells_on_the_same_page(east_return: Return, county_admin: User) -> None:
    client = client_of(county_admin)
    data = data_of(page_of(client, east_return, "?part=county"))
    assert (data["columns"], data["isLocked"], data["maySubmit"]) == (["D6"], False, False)
    assert client.get(address("grid", east_return) + "?part=other").status_code == 404


def test_a_reader_sees_figures_that_cannot_be_typed_into(
    east_return: Return, period: Period, county_viewer: User
) -> None:
    fill(period, "东一村")
    page = page_of(client_of(county_viewer), east_return)
    assert data_of(page)["isLocked"]
    assert page.count("readonly") >= 18
    assert 'data-grid="submit"' not in page


def test_a_stranger_and_a_newcomer_find_nothing(east_return: Return, west_editor: User, newcomer: User) -> None:
    names = ("grid", "grid_difference", "grid_history", "grid_template")
    for user in (west_editor, newcomer):
        client = client_of(user)
        assert {client.get(address(name, east_return)).status_code for name in names} == {404}
        assert post(client, address("grid_cells", east_return), {"edits": []}).status_code == 404
    assert Client().get(address("grid", east_return)).status_code == 302


def test_what_the_reviewer_sent_back_stands_at_its_cell(
    east_return: Return, period: Period, east_editor: User, county_admin: User
) -> None:
    fill_all(period)
    submit_return(east_return, by=east_editor, now=NOW)
    row = row_of(period, "东一村")
    remark = review.Remark(row.village_id, "D2.d", review.Verdict.RETURNED, "请核对受理数")
    review.return_cells(east_return, [remark], "一格待核", by=county_admin, now=NOW)
    page = page_of(client_of(east_editor), east_return)
    assert data_of(page)["rows"][0]["remarks"] == {"D2.d": "请核对受理数"}
    assert '<td class="is-remark"' in page
    assert "一格待核" in page


def _queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_page_takes_the_same_queries_for_one_village_and_for_forty(
    county: Unit, east: Unit, east_editor: User
) -> None:
    for number in range(37):
        make_unit(Unit.objects.get(pk=east.pk), "village", f"东新{number}村", f"990101100{number + 300}")
    period = make_month(county)
    west = Unit.objects.get(name="西乡")
    VillageMonth.objects.filter(village__name="西二村").delete()
    large = _queries(client_of(east_editor), address("grid", return_of(period, "东乡")))
    east_editor.memberships.update(unit=west)
    small = _queries(client_of(east_editor), address("grid", return_of(period, "西乡")))
    assert small == large
    assert large <= 16


# --- Saving -----------------------------------------------------------------------------------


def test_a_save_answers_what_is_stored_now(east_return: Return, period: Period, east_editor: User) -> None:
    row = row_of(period, "东一村")
    client = client_of(east_editor)
    answer = post(client, address("grid_cells", east_return), edits(row, "D2.d", "１２"))
    assert answer.status_code == 200
    assert answer.json() == {
        "at": "10:00",
        "saved": [{"village": row.village_id, "code": "D2.d", "stored": 120000, "note": ""}],
        "conflicts": [],
        "problems": [],
    }
    assert row_of(period, "东一村").values["D2.d"] == 120000
    answer = post(client, address("grid_cells", east_return), edits(row, "D2.d", "9")).json()
    assert [(item["stored"], item["who"]) for item in answer["conflicts"]] == [(120000, "east_editor")]
    answer = post(client, address("grid_cells", east_return), edits(row, "E1", "980")).json()
    assert [item["problem"] for item in answer["problems"]] == ["above_maximum"]


def test_saving_takes_at_most_12_queries_for_a_cell_and_30_for_a_block(
    county: Unit, east: Unit, east_editor: User
) -> None:
    for number in range(40):
        make_unit(Unit.objects.get(pk=east.pk), "village", f"东新{number}村", f"990101100{number + 300}")
    period = make_month(county)
    submission = return_of(period, "东乡")
    rows = VillageMonth.objects.filter(submission=submission)[:40]
    client = client_of(east_editor)
    client.get(address("grid", submission))
    with CaptureQueriesContext(connection) as one:
        assert post(client, address("grid_cells", submission), edits(rows[0], "D2.d", "3")).json()["saved"]
    block = [edits(row, code, "4")["edits"][0] for row in rows for code in ("A5.n", "A8.n", "D2.n", "D5", "E1")]
    with CaptureQueriesContext(connection) as whole:
        assert len(post(client, address("grid_cells", submission), {"edits": block}).json()["saved"]) == 200
    assert len(one) <= 12
    assert len(whole) <= 30


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        [],
        {},
        {"edits": 1},
        {"edits": [1]},
        {"edits": [{"village": "1", "code": "D2.d", "base": None}]},
        {"edits": [{"village": 1, "code": "D2.d", "base": "x"}]},
        {"edits": [{"village": 1, "code": "D2.d", "base": True}]},
        {"edits": [{"village": 1, "code": "D2.d", "base": None, "value": 3}]},
        {"edits": [{"village": 1, "code": "D2.d", "base": None, "state": "late"}]},
        {"edits": [{"village": 1, "code": "D2.d"}]},
    ],
)
def test_a_request_that_is_none_is_refused(east_return: Return, east_editor: User, content: Any) -> None:
    answer = post(client_of(east_editor), address("grid_cells", east_return), content)
    assert answer.status_code == 422
    assert answer.json()["error"] == "malformed"
    assert not AuditEvent.objects.filter(event="assessments.save_cells").exists()


def test_who_may_look_but_not_enter_is_refused(east_return: Return, period: Period, county_leader: User) -> None:
    answer = post(
        client_of(county_leader), address("grid_cells", east_return), edits(row_of(period, "东一村"), "D2.d", "3")
    )
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert "D2.d" not in row_of(period, "东一村").values


def test_saving_needs_the_token_of_the_page(east_return: Return, period: Period, east_editor: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(east_editor, backend=BACKEND)
    assert (
        post(client, address("grid_cells", east_return), edits(row_of(period, "东一村"), "D2.d", "3")).status_code
        == 403
    )
    assert "D2.d" not in row_of(period, "东一村").values


# --- Handing in ---------------------------------------------------------------------------------


def test_submitting_names_the_cells_that_are_missing(east_return: Return, period: Period, east_editor: User) -> None:
    fill_all(period)
    row = fill(period, "东二村", D2_d=None)
    answer = post(client_of(east_editor), address("grid_submit", east_return), {})
    assert answer.status_code == 422
    assert [(item["village"], item["code"]) for item in answer.json()["findings"]] == [(row.village_id, "D2.d")]
    assert return_of(period, "东乡").state == "draft"


def test_a_month_is_handed_in_locked_and_taken_back(east_return: Return, period: Period, east_editor: User) -> None:
    fill_all(period)
    client = client_of(east_editor)
    for _click in range(2):
        assert post(client, address("grid_submit", east_return), {}).json() == {"state": "submitted"}
    assert return_of(period, "东乡").submission_count == 1
    page = page_of(client, east_return)
    assert data_of(page)["isLocked"]
    assert 'data-grid="withdraw"' in page
    row = row_of(period, "东一村")
    answer = post(client, address("grid_cells", east_return), edits(row, "D5", "2", base=10000))
    assert (answer.status_code, answer.json()["error"]) == (409, "locked")
    assert post(client, address("grid_withdraw", east_return), {}).json() == {"state": "draft"}
    assert 'data-grid="submit"' in page_of(client, east_return)


def test_county_staff_do_not_hand_in_for_a_township(east_return: Return, period: Period, county_admin: User) -> None:
    fill_all(period)
    answer = post(client_of(county_admin), address("grid_submit", east_return), {})
    assert answer.status_code == 403
    assert return_of(period, "东乡").state == "draft"


def test_the_difference_against_last_month_is_told_before_handing_in(county: Unit, east_editor: User) -> None:
    fill_all(make_month(county, date(2026, 9, 1)))
    period = make_month(county)
    fill_all(period)
    row = fill(period, "东一村", D2_d=20)
    row.notes["D2.d"] = "汛后集中受理"
    row.save()
    answer = client_of(east_editor).get(address("grid_difference", return_of(period, "东乡"))).json()
    line = next(item for item in answer["differences"] if item["label"] == "纠纷受理")
    assert line == {"label": "纠纷受理", "unit": "件", "now": "26", "before": "9", "change": "+188.9%", "changed": 1}
    assert next(item for item in answer["differences"] if item["label"] == "环境检查")["now"] == "—"
    assert [(item["village"], item["note"]) for item in answer["explanations"]] == [("东一村", "汛后集中受理")]


def test_the_history_of_a_return_is_told_to_who_may_see_it(
    east_return: Return, period: Period, east_editor: User, county_admin: User
) -> None:
    post(client_of(east_editor), address("grid_cells", east_return), edits(row_of(period, "东一村"), "D2.d", "3"))
    lines = client_of(county_admin).get(address("grid_history", east_return)).json()["lines"]
    assert [(line["who"], line["cell"], line["before"], line["after"]) for line in lines] == [
        ("east_editor", "东一村 纠纷受理", "—", "3")
    ]


def test_the_template_has_the_layout_of_the_grid(east_return: Return, east_editor: User) -> None:
    answer = client_of(east_editor).get(address("grid_template", east_return))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0)
    rows = sheet.to_python()
    assert [text.split("\n")[0] for text in rows[0][1:]] == [
        "党费已缴",
        "三务公开已公开",
        "纠纷受理",
        "纠纷化解",
        "隐患排查",
        "环境检查",
    ]
    assert [row[0] for row in rows[1:]] == ["东一村", "东二村", "东三村"]


# --- The list of months -------------------------------------------------------------------------


def test_a_township_sees_its_own_months_with_their_progress(period: Period, east_editor: User) -> None:
    fill(period, "东一村")
    page = client_of(east_editor).get(reverse("assessments:return_list")).content.decode()
    assert "2026年10月" in page
    assert "6/18" in page
    assert "西乡" not in page
    assert address("grid", return_of(period, "东乡")) in page


def test_the_county_sees_one_month_at_a_time_with_its_own_cells(county: Unit, county_admin: User) -> None:
    make_month(county, date(2026, 9, 1))
    period = make_month(county)
    client = client_of(county_admin)
    page = client.get(reverse("assessments:return_list")).content.decode()
    assert address("grid", return_of(period, "东乡")) + "?part=county" in page
    earlier = client.get(reverse("assessments:return_list") + "?month=2026-09")
    assert address("grid", return_of(period, "东乡")) not in earlier.content.decode()
    assert client.get(reverse("assessments:return_list") + "?month=2031-01").status_code == 404


def test_the_list_is_empty_before_the_first_month(county: Unit, east_editor: User) -> None:
    answer = client_of(east_editor).get(reverse("assessments:return_list"))
    assert answer.status_code == 200
    assert "p-empty" in answer.content.decode()


def test_the_list_takes_the_same_queries_for_one_month_and_for_three(county: Unit, east_editor: User) -> None:
    make_month(county)
    one = _queries(client_of(east_editor), reverse("assessments:return_list"))
    for number in (8, 9):
        make_month(county, date(2026, number, 1))
    assert _queries(client_of(east_editor), reverse("assessments:return_list")) == one
