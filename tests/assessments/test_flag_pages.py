"""The pages and endpoints of the flags: who is offered what, what is refused, and that rows cost no queries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.reauth import remember_password
from assessments import flag_board, flag_todos
from assessments.models import FlagApplication, FlagAward, FlagObjection, FlagRevocation, FlagRound
from branches.models import Unit
from tests.assessments.flag_ground import NOW, category_of, knows, make_application, make_award, make_cast, make_round
from tests.assessments.pages import client_of, page, texts

pytestmark = pytest.mark.django_db

Cast = dict[str, User]


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with knows(), time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def cast(county: Unit, east: Unit) -> Cast:
    return make_cast(county, east)


@pytest.fixture
def row(county: Unit) -> FlagRound:
    return make_round(county)


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


def post(user: User, name: str, pk: int, **body: Any) -> Any:
    return client_of(user).post(reverse(f"assessments:{name}", args=[pk]), body)


def state_of(pk: int) -> str:
    return str(FlagApplication.objects.values_list("state", flat=True).get(pk=pk))


def test_a_round_by_its_pages_with_every_shortcut_refused(cast: Cast, row: FlagRound, village: Unit) -> None:
    """Applied, reviewed, rechecked, decided, noticed, prepared, approved; at each step somebody else is refused."""
    category = category_of(row, "F1")
    answer = post(
        cast["applicant"], "flag_apply", row.pk, **{"village": village.pk, "choose-F1": "1", "p-F1-F1-2": "36"}
    )
    assert answer.status_code == 302
    pk = FlagApplication.objects.get().pk
    # own review: refused
    review = {"opinion": "同意", "p-F1-2": "36", "rank": "1", "base_version": "1"}
    assert post(cast["applicant"], "flag_review", pk, **review).status_code == 403
    assert post(cast["reviewer"], "flag_review", pk, **review).status_code == 302
    # recheck by who does not lead the flag: not there; by the county: refused
    recheck = {"p-F1-3": "18", "base_version": "2"}
    assert post(cast["farming"], "flag_recheck", pk, **recheck).status_code == 404
    assert post(cast["staff"], "flag_recheck", pk, **recheck).status_code == 403
    # a change without its reason
    changed = post(cast["party"], "flag_recheck", pk, **recheck, **{"p-F1-1": "35"})
    assert changed.status_code == 422
    assert state_of(pk) == "township_reviewed"
    assert post(cast["party"], "flag_recheck", pk, **recheck).status_code == 302
    # decided by the township: refused
    decision = {f"answer-{pk}": "yes", "met_on": "2026-06-20", "minute_number": "〔2026〕6 号"}
    assert post(cast["reviewer"], "flag_decide", category.pk, **decision).status_code == 403
    assert post(cast["staff"], "flag_decide", category.pk, **decision).status_code == 302
    # an award before the notice
    early = {"row": pk, "awarded_on": "2026-06-30"}
    assert post(cast["staff"], "flag_prepare", row.pk, **early).status_code == 422
    assert post(cast["staff"], "flag_notice", row.pk, row=pk, from_on="2026-06-22").status_code == 302
    assert post(cast["staff"], "flag_prepare", row.pk, **early).status_code == 422
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        assert post(cast["reviewer"], "flag_prepare", row.pk, **early).status_code == 403
        assert post(cast["staff"], "flag_prepare", row.pk, **early).status_code == 302
        award = FlagAward.objects.get()
        assert post(cast["staff"], "flag_approve", row.pk, row=award.pk).status_code == 403
        # without a password of late the leader is asked for it first
        client = client_of(cast["leader"])
        session = client.session
        session["password_at"] = 0
        session.save()
        asked = client.post(reverse("assessments:flag_approve", args=[row.pk]), {"row": award.pk})
        assert asked.status_code == 302
        assert "flags" not in asked["Location"].split("?")[0]
        assert state_of(pk) == "public_notice"
        remember_password(session)
        session.save()
        done = client.post(reverse("assessments:flag_approve", args=[row.pk]), {"row": award.pk})
        assert done.status_code == 302
    assert state_of(pk) == "awarded"


def test_the_endpoints_refuse_the_same_shortcuts(cast: Cast, row: FlagRound, village: Unit) -> None:
    category = category_of(row, "F1")

    def send(user: User, path: str, body: dict[str, Any], tag: str = "") -> Any:
        extra = {"headers": {"If-Match": tag}} if tag else {}
        return client_of(user).post(f"/api/v1/{path}", body, content_type="application/json", **extra)  # type: ignore[arg-type]

    wish = {"category": category.pk, "village": village.pk, "points": {"F1-2": "36.00"}}
    assert send(cast["staff"], "flag-applications/", wish).status_code == 403
    made = send(cast["applicant"], "flag-applications/", wish)
    assert (made.status_code, made.json()["own_points"], made["ETag"]) == (201, "76.00", '"1"')
    path = f"flag-applications/{made.json()['id']}"
    review = {"opinion": "同意"}
    assert send(cast["applicant"], f"{path}/review/", review, '"1"').status_code == 403
    assert send(cast["reviewer"], f"{path}/review/", review).status_code == 428
    assert send(cast["reviewer"], f"{path}/review/", review, '"7"').status_code == 412
    assert send(cast["reviewer"], f"{path}/review/", review, '"1"').status_code == 200
    recheck = {"points": {"F1-3": "18", "F1-2": "30"}}
    assert send(cast["farming"], f"{path}/recheck/", recheck, '"2"').status_code == 404
    refused = send(cast["party"], f"{path}/recheck/", recheck, '"2"')
    assert (refused.status_code, refused.json()["code"]) == (400, "reason_missing")
    recheck["reasons"] = {"F1-2": "抽查不符"}
    done = send(cast["party"], f"{path}/recheck/", recheck, '"2"')
    assert (done.json()["score"], done.json()["lines"][1]["checked"]) == ("88.00", "30.00")
    decision = {"is_granted": True, "met_on": "2026-06-20", "minute_number": "6 号"}
    assert send(cast["reviewer"], f"{path}/decide/", decision, '"3"').status_code == 403
    assert send(cast["staff"], f"{path}/decide/", decision, '"3"').json()["state"] == "decided"
    assert (
        send(cast["staff"], f"{path}/announce/", {"from_on": "2026-06-22"}, '"4"').json()["notice_to"] == "2026-06-26"
    )
    wrong = send(cast["applicant"], "flag-applications/", {**wish, "points": {"F1-2": 36}})
    assert wrong.status_code == 400


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("name", "queries"), [("flag_list", 34), ("flag_board", 35)])
def test_rows_cost_no_queries(cast: Cast, row: FlagRound, east: Unit, name: str, queries: int, number: int) -> None:
    for village in Unit.objects.filter(path__startswith=east.path, kind="village")[:number]:
        make_application(row, village, "F1", state="rejected", gates_failed=["F1-G1"], score_hundredths=8200)
    client = client_of(cast["staff"])
    with CaptureQueriesContext(connection) as found:
        page(client, reverse(f"assessments:{name}"))
    assert len(found) == queries


def test_the_board_tells_states_apart(cast: Cast, county: Unit, row: FlagRound, village: Unit, east: Unit) -> None:
    other, third = Unit.objects.get(name="东二村"), Unit.objects.get(name="东三村")
    make_award(row, village, "F1")
    taken = make_award(row, village, "F3")
    FlagAward.objects.filter(pk=taken.pk).update(revoked_on=date(2026, 9, 12), pay_until=date(2026, 9, 1))
    make_application(row, other, "F1", state="objection_hold")
    make_application(row, third, "F1", state="rejected", gates_failed=["F1-G1"], score_hundredths=8200)
    board = flag_board.board_of(cast["staff"], row)
    marks = {one.village.name: [(cell.mark, cell.points) for cell in one.cells] for one in board.rows}
    assert marks == {
        "东一村": [("held", "90"), ("off", "90")],
        "东二村": [("wait", "90"), ("none", "")],
        "东三村": [("none", "82"), ("none", "")],
        "西一村": [("none", "")] * 2,
        "西二村": [("none", "")] * 2,
    }
    assert [(one.number, one.change) for one in board.figures] == [(1, None), (0, None)]
    assert board.spread == [(2, 0), (1, 1), (0, 4)]
    assert flag_board.unmet(board, board.rows) == [("东三村", "基层党建", "书记职位不空缺")]
    # A township sees its villages, a lead department its flag.
    assert {one.village.name for one in flag_board.board_of(cast["reviewer"], row).rows} == {
        "东一村",
        "东二村",
        "东三村",
    }
    assert [one.category.code for one in flag_board.board_of(cast["farming"], row).figures] == ["F3"]
    assert [one.village.name for one in flag_board.narrowed(board, str(east.pk), "1")] == ["东一村"]


def test_the_board_compares_with_the_round_before(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    make_award(row, village, "F1")
    following = make_round(
        county, name="2026年下半年", first_on=date(2026, 7, 1), last_on=date(2026, 12, 31), valid_to=date(2027, 6, 30)
    )
    assert [one.change for one in flag_board.board_of(cast["staff"], following).figures] == [-1, 0]


def test_each_finds_what_waits_for_them(cast: Cast, row: FlagRound, village: Unit) -> None:
    other, third = Unit.objects.get(name="东二村"), Unit.objects.get(name="东三村")
    make_application(row, village, "F1", state="applied", applied_by=cast["applicant"])
    make_application(row, other, "F1", state="township_reviewed")
    held = make_application(row, third, "F1", state="objection_hold")
    FlagObjection.objects.create(
        application=held,
        path=third.path,
        code="F1",
        raised_on=date(2026, 6, 20),
        text="异议",
        entered_by=cast["reviewer"],
    )
    award = make_award(row, village, "F3", approved_by=None, approved_at=None)
    FlagRevocation.objects.create(
        village=village,
        path=village.path,
        reason="discipline",
        happened_on=NOW,
        document="文",
        proposed_by=cast["staff"],
    ).awards.add(award)

    def waiting(who: str) -> list[str]:
        return [todo.url.split("?")[0] for source in flag_todos.SOURCES for todo in source(cast[who], NOW)]

    listed, awards = reverse("assessments:flag_list"), reverse("assessments:flag_awards", args=[row.pk])
    objection = reverse("assessments:flag_objection", args=[FlagObjection.objects.get().pk])
    revocation = reverse("assessments:flag_revocation", args=[FlagRevocation.objects.get().pk])
    assert waiting("applicant") == []
    assert waiting("reviewer") == [listed]
    assert waiting("party") == [listed]
    assert waiting("farming") == []
    assert waiting("staff") == [objection]
    assert waiting("leader") == [awards, objection, revocation]


def test_printed_papers_name_villages_and_days(cast: Cast, row: FlagRound, village: Unit) -> None:
    award = make_award(row, village, "F1")
    client = client_of(cast["staff"])
    notice = page(client, reverse("assessments:flag_notice", args=[row.pk]))
    assert "东一村" in texts(notice, ".fl-paper")[0]
    roll = page(client, reverse("assessments:flag_roll", args=[row.pk]))
    assert award.number in texts(roll, ".fl-roll")[0]
    certificate = page(client, reverse("assessments:flag_certificate", args=[award.pk]))
    assert "东乡东一村" in texts(certificate, ".fl-certificate")[0]


def test_objections_and_revocations_by_their_pages(cast: Cast, row: FlagRound, village: Unit) -> None:
    held = make_application(row, village, "F1", state="public_notice")
    body = {"raised_on": "2026-06-20", "text": "不属实"}
    assert post(cast["reviewer"], "flag_object", held.pk, **body).status_code == 302
    found = FlagObjection.objects.get()
    decision = {"outcome": "rejected", "finding": "查无此事", "base_version": "1"}
    assert post(cast["reviewer"], "flag_objection", found.pk, **decision).status_code == 403
    assert post(cast["staff"], "flag_objection", found.pk, **decision).status_code == 302
    assert state_of(held.pk) == "public_notice"
    award = make_award(row, Unit.objects.get(name="东二村"), "F3", awarded_on=date(2026, 6, 10))
    address = f"{reverse('assessments:flag_revocation_new')}?village={award.village_id}"
    proposal = {"reason": "negative_list", "happened_on": "2026-06-20", "document": "文", "award_ids": [award.pk]}
    assert client_of(cast["staff"]).get(reverse("assessments:flag_revocation_new") + "?village=0").status_code == 404
    assert client_of(cast["staff"]).post(address, proposal).status_code == 302
    revocation = FlagRevocation.objects.get()
    assert post(cast["staff"], "flag_revocation", revocation.pk, act="approve").status_code == 403
    client = client_of(cast["leader"])
    session = client.session
    remember_password(session)
    session.save()
    approved = client.post(reverse("assessments:flag_revocation", args=[revocation.pk]), {"act": "approve"})
    assert approved.status_code == 302
    award.refresh_from_db()
    assert (award.revoked_on, award.pay_until) == (date(2026, 6, 20), date(2026, 6, 1))
