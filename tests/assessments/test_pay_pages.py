"""The pages and endpoints of pay: who finds what, each step by its button, shortcuts refused, things to do, queries."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, User
from assessments.models import PayLine, PayRules, PaySheet, UpliftRate
from assessments.pay_todos import SOURCES
from assessments.services.pay_settling import Report, export_sheet, read_back
from branches.models import Unit
from tests.assessments.flag_ground import make_award
from tests.assessments.pages import client_of, page, texts
from tests.assessments.pay_ground import (
    JULY,
    Ground,
    approved,
    exported,
    make_ground,
    noon,
    prepare,
    signed,
    village,
)

pytestmark = pytest.mark.django_db

NOW = noon(date(2026, 7, 20))
CSV = "行号,金额,结果,日期,原因\n1,1000,已发,2026-07-20,\n2,800,已发,2026-07-20,\n3,600,{},2026-07-20,{}"


@pytest.fixture(autouse=True)
def in_july() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ground(county: Unit) -> Ground:
    return make_ground(county)


def url(name: str, *args: Any) -> str:
    return reverse(f"assessments:{name}", args=args)


def post(client: Client, name: str, sheet: PaySheet, **data: Any) -> PaySheet:
    answer = client.post(url(name, sheet.pk), {"version": sheet.version, **data})
    assert answer.status_code in (302, 403, 404, 422), answer.status_code
    return PaySheet.objects.select_related("unit").get(pk=sheet.pk)


# --- Steps ----------------------------------------------------------------------------------


def test_a_sheet_goes_its_way_on_the_pages_by_three_accounts(ground: Ground) -> None:
    staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
    township = client_of(ground.cast.signers["东乡"])
    assert staff.post(url("pay_prepare"), {"month": "2026-07"}).status_code == 302
    sheet = PaySheet.objects.get(unit__name="东乡")
    assert "东一村书记" in " ".join(texts(page(township, url("pay_sheet", sheet.pk)), "table"))
    sheet = post(township, "pay_sign", sheet)
    assert sheet.state == "signed"
    page(leader, f"{url('pay_approve')}?month=2026-07")
    answer = leader.post(url("pay_approve"), {"month": "2026-07", "sheet": f"{sheet.pk}:{sheet.version}"})
    assert answer.status_code == 302
    sheet.refresh_from_db()
    assert sheet.state == "approved"
    sheet = post(staff, "pay_export", sheet)
    assert sheet.state == "exported"
    workbook = staff.post(url("pay_workbook", sheet.pk))
    assert workbook.content[:2] == b"PK"
    assert "attachment" in workbook["Content-Disposition"]
    assert AuditEvent.objects.filter(event="assessments.download_paysheet").count() == 1
    sheet = post(staff, "pay_read_back", sheet, file=upload(CSV.format("失败", "户名不符")))
    assert sheet.lines.filter(payment="failed").count() == 1
    sheet = post(staff, "pay_read_back", sheet, file=upload(CSV.format("已发", "")))
    assert sheet.state == "settled"
    for one in ("pay", "pay_lines", "pay_terms", "pay_forecast"):
        page(staff, url(one))
    page(staff, url("pay_sheet", sheet.pk))


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("清单.csv", text.encode())


def test_a_list_that_does_not_fit_is_refused_on_the_page(ground: Ground) -> None:
    sheet = exported(ground, prepare(ground, JULY)[0])
    staff = client_of(ground.cast.staff)
    answer = staff.post(
        url("pay_read_back", sheet.pk), {"file": upload(CSV.format("已发", "") + "\n9,1,已发,2026-07-20,")}
    )
    assert answer.status_code == 422
    assert "行号 9" in answer.content.decode()
    assert staff.post(url("pay_read_back", sheet.pk)).status_code == 422
    assert not sheet.lines.exclude(payment="open").exists()


@pytest.mark.parametrize(
    ("who", "name", "code"),
    [
        ("leader", "pay_sign", 403),
        ("staff", "pay_sign", 403),
        ("west", "pay_sign", 404),
        ("east", "pay_export", 403),
        ("leader", "pay_export", 403),
        ("leader", "pay_read_back", 403),
        ("staff", "pay_return", 403),
        ("staff", "pay_workbook", 403),
    ],
)
def test_shortcuts_on_a_draft_are_refused(ground: Ground, who: str, name: str, code: int) -> None:
    sheet = prepare(ground, JULY)[0]
    people = {
        "staff": ground.cast.staff,
        "leader": ground.cast.leader,
        "east": ground.cast.signers["东乡"],
        "west": ground.cast.signers["西乡"],
    }
    assert (
        client_of(people[who]).post(url(name, sheet.pk), {"version": sheet.version, "reason": "改"}).status_code == code
    )
    sheet.refresh_from_db()
    assert sheet.state == "draft"


def test_nothing_is_approved_before_it_is_signed_nor_exported_before_it_is_approved(ground: Ground) -> None:
    sheet = prepare(ground, JULY)[0]
    leader, staff = client_of(ground.cast.leader), client_of(ground.cast.staff)
    leader.post(url("pay_approve"), {"month": "2026-07", "sheet": f"{sheet.pk}:{sheet.version}"})
    sheet = post(staff, "pay_export", sheet)
    assert sheet.state == "draft"


def test_a_stale_version_signs_nothing(ground: Ground) -> None:
    sheet = prepare(ground, JULY)[0]
    prepare(ground, JULY)
    assert post(client_of(ground.cast.signers["东乡"]), "pay_sign", sheet).state == "draft"


def test_a_township_returns_a_draft_and_the_county_finds_it_among_its_things_to_do(ground: Ground) -> None:
    sheet = prepare(ground, JULY)[0]
    sheet = post(client_of(ground.cast.signers["东乡"]), "pay_return", sheet, reason="少列一人")
    assert (sheet.state, sheet.returned_reason) == ("draft", "少列一人")
    assert titles(ground.cast.staff) == ["2026年7月发放表被退回"]
    assert "少列一人" in client_of(ground.cast.staff).get(url("pay")).content.decode()


# --- Rates and rules ------------------------------------------------------------------------


def test_rates_and_rules_are_entered_and_approved_on_the_pages(ground: Ground) -> None:
    staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
    page(staff, url("pay_rates_new"))
    body = {"kind": "monthly", "code": "", "secretary": "600", "valid_from": "2026-08", "document": "青组发 9 号"}
    assert staff.post(url("pay_rates_new"), body).status_code == 302
    assert staff.post(url("pay_rates_new"), body).status_code == 422
    page(staff, url("pay_rules_new"))
    rules = {
        "deciding_day": "16", "starts": "next_month", "stops": "next_month", "other_posts": ["30", "50"],
        "within_approved_posts": "on", "excellent": "1.2", "competent": "1", "basically_competent": "0.8",
        "incompetent": "0", "performance_month": "1", "budget": "1000", "valid_from": "2026-08", "document": "9 号",
    }  # fmt: skip
    assert staff.post(url("pay_rules_new"), rules).status_code == 302
    assert staff.post(url("pay_rules_new"), rules).status_code == 422
    rate = UpliftRate.objects.get(approved_by__isnull=True)
    row = PayRules.objects.get(approved_by__isnull=True)
    page(leader, url("pay_terms_approve"))
    assert staff.post(url("pay_terms_approve"), {"rate": rate.pk}).status_code == 403
    assert leader.post(url("pay_terms_approve"), {"rate": "999999", "rules": row.pk}).status_code == 200
    assert leader.post(url("pay_terms_approve"), {"rate": rate.pk, "rules": row.pk}).status_code == 302
    rate.refresh_from_db()
    row.refresh_from_db()
    assert rate.approved_by == row.approved_by == ground.cast.leader
    staff.post(url("pay_rate_discard", rate.pk))
    staff.post(url("pay_rules_discard", row.pk))
    assert UpliftRate.objects.filter(pk=rate.pk).exists()
    assert PayRules.objects.filter(pk=row.pk).exists()


PRACTICES = {
    # name: (rates entered on the page, yuan of the sheet for 东一村 and 西一村 in July, in August)
    "100 for every role": ([("monthly", "", ("100", "100", "100"))], (600, 300), (600, 300)),
    "a sum once for a flag, the secretary's by category": (
        [
            ("monthly", "", ("0", "0", "0")),
            ("once", "", ("2000", "0", "0")),
            ("once", "F3", ("3000", "0", "0")),
        ],
        (5000, 2000),
        (0, 0),
    ),
    "by the month and once": (
        [("monthly", "", ("500", "300", "300")), ("once", "", ("1000", "500", "500"))],
        (6200, 3100),
        (2200, 1100),
    ),
}


@pytest.mark.parametrize("practice", PRACTICES)
def test_other_practices_of_pay_are_set_up_on_the_pages(ground: Ground, practice: str) -> None:
    """Handbook 2.1: 100 for all, a one-off sum, both."""
    staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
    rates, july, august = PRACTICES[practice]
    for kind, code, (secretary, director, other) in rates:
        body = {"kind": kind, "code": code, "valid_from": "2026-07", "document": "9 号"}
        body |= {"secretary": secretary, "director": director, "other": other}
        assert staff.post(url("pay_rates_new"), body).status_code == 302
    waiting = list(UpliftRate.objects.filter(approved_by=None).values_list("pk", flat=True))
    assert leader.post(url("pay_terms_approve"), {"rate": waiting}).status_code == 302
    for month, day, expected in (("2026-07", NOW, july), ("2026-08", noon(date(2026, 8, 20)), august)):
        with time_machine.travel(day, tick=False):
            staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
            staff.post(url("pay_prepare"), {"month": month})
        totals = dict(PaySheet.objects.filter(month=f"{month}-01").values_list("unit__name", "total_cents"))
        assert (totals.get("东乡", 0), totals.get("西乡", 0)) == tuple(yuan * 100 for yuan in expected)


def test_what_waits_can_be_taken_back(ground: Ground) -> None:
    staff = client_of(ground.cast.staff)
    body = {"kind": "once", "code": "F1", "other": "60", "valid_from": "2026-08", "document": "9 号"}
    staff.post(url("pay_rates_new"), body)
    rate = UpliftRate.objects.get(kind="once")
    assert "F1" in " ".join(texts(page(staff, url("pay_terms")), "table"))
    staff.post(url("pay_rate_discard", rate.pk))
    assert not UpliftRate.objects.filter(kind="once").exists()


# --- Lists and a line -----------------------------------------------------------------------


def test_a_line_opens_what_stands_behind_it_and_all_lines_of_the_month(ground: Ground) -> None:
    exported(ground, prepare(ground, JULY)[0])
    line = PayLine.objects.get(person__name="东一村书记", sheet__month=JULY)
    tree = page(client_of(ground.cast.signers["东乡"]), url("pay_line", line.pk))
    shown = " ".join(texts(tree, "main")) or " ".join(texts(tree, "body"))
    for words in ("1,000.00", "F1-", "2026-06-29", "书记", "2026-07-01"):
        assert words in shown, words


def test_the_lists_cost_the_same_queries_for_few_and_for_many(ground: Ground) -> None:
    viewer = ground.cast.staff
    prepare(ground, JULY)
    few = [queries_of(viewer, name) for name in ("pay", "pay_lines")]
    for name in ("东二村", "东三村", "西二村"):
        make_award(ground.round, village(name), "F1")
    prepare(ground, JULY)
    assert [queries_of(viewer, name) for name in ("pay", "pay_lines")] == few


def queries_of(user: User, name: str) -> int:
    client = client_of(user)
    client.get(url(name))
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url(name)).status_code == 200
    return len(asked)


def test_wrong_conditions_show_nothing_and_break_nothing(ground: Ground) -> None:
    prepare(ground, JULY)
    staff = client_of(ground.cast.staff)
    for query in ("month=x", "payment=x", "township=999999", "earlier=1", "payment=failed&note=suspended"):
        assert staff.get(f"{url('pay_lines')}?{query}").status_code == 200
    assert staff.get(f"{url('pay')}?month=2026-99").status_code == 200
    assert staff.get(f"{url('pay')}?county=999999").status_code == 404
    assert staff.post(url("pay_prepare"), {"month": "x"}).status_code == 404


# --- Things to do ---------------------------------------------------------------------------


def titles(user: User) -> list[str]:
    known = User.objects.get(pk=user.pk)
    return [todo.title for source in SOURCES for todo in source(known, NOW)]


def test_each_step_is_a_thing_to_do_for_whoever_takes_it(ground: Ground) -> None:
    staff, leader, east = ground.cast.staff, ground.cast.leader, ground.cast.signers["东乡"]
    assert titles(staff) == ["编制2026年7月发放表"]
    sheet = prepare(ground, JULY)[0]
    assert (titles(staff), titles(east)) == ([], ["东乡：签字确认2026年7月发放表"])
    sheet = signed(ground, sheet)
    assert (titles(east), titles(leader)) == ([], ["审批2026年7月发放表"])
    other = prepare(ground, JULY)
    assert [one.unit.name for one in other] == ["西乡"]
    west = approved(ground, other[0])
    assert titles(staff) == ["把2026年7月发放表交财政"]
    west = export_sheet(west, version=west.version, by=staff, now=noon(date(2026, 7, 8)))
    assert titles(staff) == ["导入2026年7月财政反馈"]
    report = Report(1, is_paid=False, on=date(2026, 7, 20), reason="户名不符")
    read_back(west, [report], None, by=staff, now=NOW)
    (todo,) = [todo for source in SOURCES for todo in source(User.objects.get(pk=staff.pk), NOW)]
    assert (todo.detail, todo.can_wait) == ("1 笔发放失败", False)


# --- API ------------------------------------------------------------------------------------


def api(client: Client, address: str, body: Any = None, version: int | None = None) -> Any:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return client.post(f"/api/v1/{address}", body or {}, content_type="application/json", headers=headers)


def test_the_api_takes_the_same_steps_and_refuses_the_same_shortcuts(ground: Ground) -> None:
    staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
    east = client_of(ground.cast.signers["东乡"])
    body = {"county": ground.county.pk, "month": "2026-07"}
    assert api(east, "pay-sheets/", body).status_code == 403
    made = api(staff, "pay-sheets/", body)
    assert (made.status_code, [one["total"] for one in made.json()]) == (201, ["2400.00", "1200.00"])
    pk = made.json()[0]["id"]
    assert api(staff, f"pay-sheets/{pk}/sign/", version=1).status_code == 403
    assert api(leader, f"pay-sheets/{pk}/approve/", version=1).status_code == 400
    assert api(east, f"pay-sheets/{pk}/sign/").status_code == 428
    assert api(east, f"pay-sheets/{pk}/sign/", version=9).status_code == 412
    assert api(east, f"pay-sheets/{pk}/sign/", version=1).json()["state"] == "signed"
    assert api(staff, f"pay-sheets/{pk}/export/", version=2).status_code == 400
    assert api(leader, f"pay-sheets/{pk}/return/", {"reason": "再核一次"}, version=2).json()["state"] == "draft"
    assert api(staff, "pay-sheets/", body).status_code == 201
    assert api(east, f"pay-sheets/{pk}/sign/", version=4).json()["state"] == "signed"
    assert api(leader, f"pay-sheets/{pk}/approve/", version=5).json()["state"] == "approved"
    assert api(staff, f"pay-sheets/{pk}/export/", version=6).json()["state"] == "exported"
    lines = [{"number": number, "paid": True, "on": "2026-07-20"} for number in (1, 2, 3)]
    assert api(staff, f"pay-sheets/{pk}/read-back/", {"lines": lines, "total": "1.00"}).status_code == 400
    assert api(staff, f"pay-sheets/{pk}/read-back/", {"lines": lines, "total": "2400.00"}).json()["state"] == "settled"
    listed = staff.get(f"/api/v1/pay-lines/?sheet={pk}").json()["results"]
    assert [one["amount"] for one in listed] == ["1000.00", "800.00", "600.00"]
    assert listed[0]["flags"][0]["amount"] == "500.00"
    assert [one["id"] for one in staff.get("/api/v1/pay-sheets/?month=2026-07&state=settled").json()["results"]] == [pk]
    assert staff.get("/api/v1/pay-sheets/?month=x").json()["results"] == []
    assert staff.get("/api/v1/pay-forecast/").json()["amount"] == "21600.00"
    assert east.get("/api/v1/pay-forecast/").status_code == 403
    assert east.get("/api/v1/pay-forecast/?county=9").status_code == 404


def test_the_api_enters_and_approves_rates(ground: Ground) -> None:
    staff, leader = client_of(ground.cast.staff), client_of(ground.cast.leader)
    body = {
        "county": ground.county.pk,
        "valid_from": "2026-08",
        "document": "9 号",
        "rates": [{"role_group": "secretary", "amount": "600"}],
    }
    made = api(staff, "uplift-rates/", body)
    assert (made.status_code, made.json()[0]["is_approved"]) == (201, False)
    assert api(staff, "uplift-rates/", {**body, "valid_from": "2026-13"}).status_code == 400
    assert api(staff, "uplift-rates/", {**body, "county": 999}).status_code == 404
    pk = made.json()[0]["id"]
    assert api(staff, f"uplift-rates/{pk}/approve/").status_code == 403
    assert api(leader, f"uplift-rates/{pk}/approve/").json()["is_approved"] is True
    assert staff.get("/api/v1/pay-rules/").json()["results"][0]["deciding_day"] == 1
