"""An application from the village to the flag and its end: each step through its service, with what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments.models import (
    FlagApplication,
    FlagAward,
    FlagObjection,
    FlagRevocation,
    FlagRound,
    FlagStep,
    PayRules,
)
from assessments.services.flag_awards import (
    approve_awards,
    decide_revocation,
    expire_due,
    lift_block,
    prepare_awards,
    propose_revocation,
    tick,
)
from assessments.services.flag_decisions import (
    Decision,
    Judge,
    decide_applications,
    decide_objection,
    enter_panel,
    raise_objection,
    start_notice,
)
from assessments.services.flag_path import (
    Recheck,
    Review,
    Wish,
    apply_for_flags,
    recheck_applications,
    resubmit,
    return_application,
    review_applications,
    withdraw,
)
from branches.models import Unit, WorkdayException
from tests.assessments.flag_ground import (
    NOW,
    TODAY,
    category_of,
    knows,
    make_application,
    make_award,
    make_cast,
    make_round,
)
from tests.conftest import grant, make_user

pytestmark = pytest.mark.django_db

Cast = dict[str, User]
LATER = NOW + timedelta(days=20)
AWARDED_ON = date(2026, 7, 8)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with knows():
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


def code_of(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(error.value.code)


def hand_in(cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1", given: int = 3600) -> list[FlagApplication]:
    category = category_of(row, code)
    wishes = [Wish(village, category.pk, {f"{code}-2": given}, "本村做法") for village in villages]
    return apply_for_flags(row, wishes, by=cast["applicant"], now=NOW)


def reviewed(cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1", given: int = 3600) -> list[FlagApplication]:
    found = hand_in(cast, row, *villages, code=code, given=given)
    return review_applications([Review(one.pk, "同意推荐") for one in found], by=cast["reviewer"], now=NOW)


def rechecked(
    cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1", given: int = 3600, site: int = 1800
) -> list[FlagApplication]:
    found = reviewed(cast, row, *villages, code=code, given=given)
    who = cast["party" if code == "F1" else "farming"]
    return recheck_applications([Recheck(one.pk, {f"{code}-3": site}) for one in found], by=who, now=NOW)


def decided(cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1") -> list[FlagApplication]:
    found = rechecked(cast, row, *villages, code=code)
    return decide(cast, row, [Decision(one.pk, True) for one in found], code=code)


def decide(cast: Cast, row: FlagRound, decisions: list[Decision], code: str = "F1", **more: Any) -> Any:
    details = {"met_on": TODAY, "minute_number": "〔2026〕6 号", "by": cast["staff"], "now": NOW, **more}
    return decide_applications(category_of(row, code), decisions, **details)


def noticed(cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1") -> list[FlagApplication]:
    found = decided(cast, row, *villages, code=code)
    start_notice(row, [one.pk for one in found], from_on=date(2026, 6, 22), by=cast["staff"], now=NOW)
    return list(FlagApplication.objects.filter(pk__in=[one.pk for one in found]))


def awarded(cast: Cast, row: FlagRound, *villages: Unit, code: str = "F1") -> list[FlagAward]:
    found = noticed(cast, row, *villages, code=code)
    awards = prepare_awards(row, [one.pk for one in found], awarded_on=AWARDED_ON, by=cast["staff"], now=LATER)
    approve_awards([one.pk for one in awards], by=cast["leader"], now=LATER)
    return list(FlagAward.objects.filter(pk__in=[one.pk for one in awards]))


# --- The whole path ---------------------------------------------------------------------------


def test_a_flag_from_the_village_to_the_award(cast: Cast, row: FlagRound, village: Unit) -> None:
    (award,) = awarded(cast, row, village)
    assert (award.number, award.awarded_on, award.valid_to, award.pay_from, award.notice_to) == (
        "202606-F1-001",
        AWARDED_ON,
        date(2026, 12, 31),
        date(2026, 8, 1),
        date(2026, 6, 26),
    )
    one = FlagApplication.objects.get()
    assert (one.state, one.score_hundredths, one.gates_failed, one.minute_number) == (
        "awarded",
        9400,
        [],
        "〔2026〕6 号",
    )
    steps = FlagStep.objects.filter(application=one).order_by("pk").values_list("state", "by__username")
    assert list(steps) == [
        ("applied", "组织委员"),
        ("township_reviewed", "镇党委书记"),
        ("dept_reviewed", "部门F1"),
        ("decided", "组织科"),
        ("public_notice", "组织科"),
        ("awarded", "部长"),
    ]
    events = AuditEvent.objects.filter(event__contains="_flag").exclude(event__contains="flaground").order_by("pk")
    assert list(events.values_list("event", flat=True)) == [
        "assessments.apply_flagapplication",
        "assessments.review_flagapplication",
        "assessments.recheck_flagapplication",
        "assessments.decide_flagapplication",
        "assessments.announce_flagapplication",
        "assessments.prepare_flagaward",
        "assessments.award_flagapplication",
        "assessments.approve_flagaward",
    ]


def test_the_lines_keep_what_everybody_gave(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = rechecked(cast, row, village, given=3600, site=1800)
    lines = {line["code"]: [line[name] for name in ("computed", "self", "township", "checked")] for line in one.lines}
    assert lines == {
        "F1-1": [4000, 4000, 4000, 4000],
        "F1-2": [None, 3600, 3600, 3600],
        "F1-3": [None, None, None, 1800],
        "F1-G1": [True, True, True, True],
    }
    one.refresh_from_db()
    assert (one.self_hundredths, one.township_hundredths, one.checked_hundredths) == (7600, 7600, 9400)


@pytest.mark.parametrize("number", [1, 3])
def test_many_cost_as_many_queries_as_one(cast: Cast, county: Unit, east: Unit, number: int) -> None:
    row = make_round(county)
    villages = list(Unit.objects.filter(path__startswith=east.path, kind="village").order_by("path")[:number])
    counts = []

    def counted(act: Any) -> Any:
        with CaptureQueriesContext(connection) as queries:
            found = act()
        counts.append(len(queries) - sum("SAVEPOINT" in query["sql"] for query in queries.captured_queries))
        return found

    found = counted(lambda: hand_in(cast, row, *villages))
    ids = [one.pk for one in found]
    counted(lambda: review_applications([Review(pk, "同意") for pk in ids], by=cast["reviewer"], now=NOW))
    counted(lambda: recheck_applications([Recheck(pk, {"F1-3": 1800}) for pk in ids], by=cast["party"], now=NOW))
    counted(lambda: decide(cast, row, [Decision(pk, True) for pk in ids]))
    counted(lambda: start_notice(row, ids, from_on=date(2026, 6, 22), by=cast["staff"], now=NOW))
    awards = counted(lambda: prepare_awards(row, ids, awarded_on=AWARDED_ON, by=cast["staff"], now=LATER))
    counted(lambda: approve_awards([award.pk for award in awards], by=cast["leader"], now=LATER))
    # The tools of SQLite and PostgreSQL for mass data differ by a few statements; neither depends on the rows.
    assert tuple(counts) == QUERIES[connection.vendor], str(counts)


QUERIES = {"sqlite": (15, 9, 11, 12, 7, 9, 10), "postgresql": (13, 11, 13, 14, 9, 8, 15)}


# --- Applying ---------------------------------------------------------------------------------


def test_only_in_an_open_round_and_in_time(cast: Cast, county: Unit, village: Unit) -> None:
    draft = make_round(county, state="draft", name="草稿")
    with pytest.raises(ValidationError) as error:
        hand_in(cast, draft, village)
    assert code_of(error) == "round_not_open"
    over = make_round(county, name="上一期", apply_by=TODAY - timedelta(days=1))
    with pytest.raises(ValidationError) as error:
        hand_in(cast, over, village)
    assert code_of(error) == "too_late"


def test_only_for_ones_own_villages(cast: Cast, row: FlagRound, county: Unit, east: Unit) -> None:
    with pytest.raises(PermissionDenied):
        hand_in(cast, row, Unit.objects.get(name="西一村"))
    with pytest.raises(ValidationError) as error:
        hand_in(cast, row, east)
    assert code_of(error) == "village_unknown"
    ended = Unit.objects.get(name="东三村")
    Unit.objects.filter(pk=ended.pk).update(valid_to=date(2026, 1, 31))
    with pytest.raises(ValidationError) as error:
        hand_in(cast, row, Unit.objects.get(pk=ended.pk))
    assert code_of(error) == "village_unknown"
    with pytest.raises(PermissionDenied):
        apply_for_flags(row, [Wish(ended, category_of(row, "F1").pk)], by=cast["staff"], now=NOW)


@pytest.mark.parametrize(
    ("points", "code"),
    [
        ({}, "points_missing"),
        ({"F1-2": 4001}, "points_out_of_range"),
        ({"F1-2": -1}, "points_out_of_range"),
        ({"F1-2": True}, "gate_or_points"),
        ({"F1-2": 100, "F1-G1": 5}, "gate_or_points"),
        ({"F1-9": 100}, "criterion_unknown"),
        ({"F1-2": None}, "points_missing"),
    ],
)
def test_points_are_checked(cast: Cast, row: FlagRound, village: Unit, points: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as error:
        apply_for_flags(row, [Wish(village, category_of(row, "F1").pk, points)], by=cast["applicant"], now=NOW)
    assert code_of(error) == code
    assert not FlagApplication.objects.exists()


def test_once_for_each_flag_and_again_after_withdrawing(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = hand_in(cast, row, village)
    with pytest.raises(ValidationError) as error:
        hand_in(cast, row, village)
    assert code_of(error) == "already_applied"
    hand_in(cast, row, village, code="F3")
    withdraw(one.pk, "填错", by=cast["applicant"], now=NOW)
    (again,) = hand_in(cast, row, village, given=3000)
    assert (again.pk, FlagApplication.objects.get(pk=one.pk).self_hundredths) == (one.pk, 7000)
    steps = FlagStep.objects.filter(application=one).values_list("former_state", "state", "note")
    assert list(steps) == [("", "applied", ""), ("applied", "withdrawn", "填错"), ("withdrawn", "applied", "")]


def test_a_foreign_flag_is_refused(cast: Cast, row: FlagRound, county: Unit, village: Unit) -> None:
    other = make_round(county, name="另一期")
    with pytest.raises(ValidationError) as error:
        apply_for_flags(row, [Wish(village, category_of(other, "F1").pk)], by=cast["applicant"], now=NOW)
    assert code_of(error) == "flag_unknown"


# --- Reviewing and rechecking -----------------------------------------------------------------


def test_who_applied_does_not_review(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = hand_in(cast, row, village)
    with pytest.raises(PermissionDenied, match=r"镇|township"):
        review_applications([Review(one.pk, "同意")], by=cast["applicant"], now=NOW)
    # ... nor after somebody else has handed it in again.
    withdraw(one.pk, "", by=cast["applicant"], now=NOW)
    again = {**cast, "applicant": cast["reviewer"]}
    hand_in(again, row, village)
    with pytest.raises(PermissionDenied):
        review_applications([Review(one.pk, "同意")], by=cast["applicant"], now=NOW)


def test_review_needs_an_opinion_and_scores_only_its_own(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = hand_in(cast, row, village)
    for review, code in (
        (Review(one.pk, " "), "opinion_missing"),
        (Review(one.pk, "同意", {"F1-3": 2000}), "not_yours"),
        (Review(one.pk, "同意", {"F1-1": 0}), "not_yours"),
        (Review(one.pk, "同意", {"F1-2": None}), "points_missing"),
        (Review(one.pk, "同意", rank=0), "rank_taken"),
        (Review(one.pk, "同意", version=9), "changed_meanwhile"),
    ):
        with pytest.raises(ValidationError) as error:
            review_applications([review], by=cast["reviewer"], now=NOW)
        assert code_of(error) == code
    (found,) = review_applications(
        [Review(one.pk, "同意", {"F1-2": 3000, "F1-1": 4000}, rank=1, version=1)], by=cast["reviewer"], now=NOW
    )
    assert (found.township_hundredths, found.township_rank, found.version) == (7000, 1, 2)


def test_a_township_ranks_its_villages_once(cast: Cast, row: FlagRound, village: Unit) -> None:
    other = Unit.objects.get(name="东二村")
    first, second = hand_in(cast, row, village, other)
    with pytest.raises(ValidationError) as error:
        review_applications(
            [Review(first.pk, "同意", rank=1), Review(second.pk, "同意", rank=1)], by=cast["reviewer"], now=NOW
        )
    assert code_of(error) == "rank_taken"
    review_applications([Review(first.pk, "同意", rank=1)], by=cast["reviewer"], now=NOW)
    with pytest.raises(ValidationError) as error:
        review_applications([Review(second.pk, "同意", rank=1)], by=cast["reviewer"], now=NOW)
    assert code_of(error) == "rank_taken"
    review_applications([Review(second.pk, "同意", rank=2)], by=cast["reviewer"], now=NOW)


def test_recheck_is_for_who_leads_the_flag(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = reviewed(cast, row, village)
    for who in ("farming", "staff", "reviewer", "leader"):
        with pytest.raises(PermissionDenied):
            recheck_applications([Recheck(one.pk, {"F1-3": 1800})], by=cast[who], now=NOW)


def test_every_change_of_the_department_has_its_reason(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = reviewed(cast, row, village)
    for recheck, code in (
        (Recheck(one.pk), "points_missing"),
        (Recheck(one.pk, {"F1-3": 1800, "F1-2": 3000}), "reason_missing"),
        (Recheck(one.pk, {"F1-3": 1800, "F1-1": 3500}), "reason_missing"),
        (Recheck(one.pk, {"F1-3": 1800, "F1-G1": False}), "reason_missing"),
        (Recheck(one.pk, {"F1-3": 2001}), "points_out_of_range"),
    ):
        with pytest.raises(ValidationError) as error:
            recheck_applications([recheck], by=cast["party"], now=NOW)
        assert code_of(error) == code
    recheck = Recheck(
        one.pk,
        {"F1-3": 1800, "F1-2": 3000, "F1-G1": False},
        {"F1-2": "抽查 10 户，2 户不满意", "F1-G1": "书记 5 月已辞职"},
    )
    (found,) = recheck_applications([recheck], by=cast["party"], now=NOW)
    assert (found.checked_hundredths, found.score_hundredths, found.gates_failed) == (8800, 8800, ["F1-G1"])


def test_what_the_system_knows_is_asked_again_at_the_recheck(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = reviewed(cast, row, village)
    with knows(meetings=0, secretary=0):
        (found,) = recheck_applications([Recheck(one.pk, {"F1-3": 1800})], by=cast["party"], now=NOW)
    assert (found.checked_hundredths, found.gates_failed) == (5400, ["F1-G1"])


def test_without_data_the_department_scores(cast: Cast, row: FlagRound, village: Unit) -> None:
    with knows(None, None):
        (one,) = reviewed(cast, row, village)
        with pytest.raises(ValidationError) as error:
            recheck_applications([Recheck(one.pk, {"F1-3": 1800})], by=cast["party"], now=NOW)
        assert code_of(error) == "points_missing"
        given = {"F1-3": 1800, "F1-1": 3000, "F1-G1": True}
        (found,) = recheck_applications([Recheck(one.pk, given)], by=cast["party"], now=NOW)
    assert (found.checked_hundredths, found.gates_failed) == (8400, [])


def test_a_returned_application_keeps_its_history(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = rechecked(cast, row, village)
    with pytest.raises(ValidationError) as error:
        return_application(one.pk, "  ", by=cast["party"], now=NOW)
    assert code_of(error) == "reason_missing"
    with pytest.raises(PermissionDenied):
        return_application(one.pk, "补材料", by=cast["farming"], now=NOW)
    return_application(one.pk, "满意度测评缺底册", by=cast["staff"], now=NOW)
    with pytest.raises(ValidationError) as error:
        return_application(one.pk, "再退", by=cast["party"], now=NOW)
    assert code_of(error) == "wrong_state"
    again = resubmit(one.pk, {"F1-2": 3400}, "已补底册", by=cast["applicant"], now=LATER)
    assert (again.state, again.rechecked_by, again.checked_hundredths, again.self_hundredths) == (
        "applied",
        None,
        None,
        7400,
    )
    steps = list(FlagStep.objects.filter(application=one).values_list("state", "note"))
    assert steps == [
        ("applied", ""),
        ("township_reviewed", "同意推荐"),
        ("dept_reviewed", ""),
        ("returned", "满意度测评缺底册"),
        ("applied", ""),
    ]
    kept = FlagStep.objects.filter(application=one, state="dept_reviewed").get()
    assert [line["checked"] for line in kept.lines] == [4000, 3600, 1800, True]


def test_nothing_moves_out_of_turn(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = hand_in(cast, row, village)
    acts = (
        lambda: recheck_applications([Recheck(one.pk, {"F1-3": 1800})], by=cast["party"], now=NOW),
        lambda: return_application(one.pk, "退", by=cast["party"], now=NOW),
        lambda: start_notice(row, [one.pk], from_on=date(2026, 6, 22), by=cast["staff"], now=NOW),
        lambda: prepare_awards(row, [one.pk], awarded_on=AWARDED_ON, by=cast["staff"], now=LATER),
        lambda: raise_objection(one.pk, "不属实", raised_on=TODAY, by=cast["staff"], now=NOW),
        lambda: resubmit(one.pk, {"F1-2": 1}, "", by=cast["applicant"], now=NOW),
    )
    for act in acts:
        with pytest.raises(ValidationError) as error:
            act()
        assert code_of(error) == "wrong_state"
    assert FlagStep.objects.count() == 1


# --- Panel ------------------------------------------------------------------------------------


def judges(*scores: str) -> list[Judge]:
    return [
        Judge(f"评委{number}", None if score == "-" else Decimal(score), "亲属" if score == "-" else "")
        for number, score in enumerate(scores)
    ]


def test_the_panel_counts_by_its_share(cast: Cast, county: Unit, village: Unit) -> None:
    row = make_round(county, panel_share=30, panel_dropped=1)
    (one,) = rechecked(cast, row, village)
    assert FlagApplication.objects.get().score_hundredths is None
    with pytest.raises(ValidationError) as error:
        decide(cast, row, [Decision(one.pk, True)])
    assert code_of(error) == "panel_missing"
    enter_panel(one.pk, judges("60"), by=cast["staff"], now=NOW)
    enter_panel(one.pk, judges("70", "85", "88", "90", "99", "-"), by=cast["staff"], now=NOW)
    found = FlagApplication.objects.get()
    assert (found.panel_hundredths, found.score_hundredths) == (8767, 9210)  # 9400 × 70 % + 8767 × 30 %
    assert found.panel_scores.count() == 6
    decide(cast, row, [Decision(one.pk, True)])
    with pytest.raises(ValidationError) as error:
        enter_panel(one.pk, judges("60"), by=cast["staff"], now=NOW)
    assert code_of(error) == "wrong_state"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "judge_missing"),
        ([Judge(" ", Decimal(90))], "judge_missing"),
        ([Judge("甲", Decimal(90)), Judge("甲", Decimal(80))], "judge_twice"),
        ([Judge("甲", None)], "reason_missing"),
        ([Judge("甲", Decimal("100.01"))], "score_out_of_range"),
        ([Judge("甲", Decimal(-1))], "score_out_of_range"),
        ([Judge("甲", None, "亲属")], "all_recused"),
    ],
)
def test_judges_are_checked(cast: Cast, county: Unit, village: Unit, given: list[Judge], code: str) -> None:
    (one,) = rechecked(cast, make_round(county, panel_share=30), village)
    with pytest.raises(ValidationError) as error:
        enter_panel(one.pk, given, by=cast["staff"], now=NOW)
    assert code_of(error) == code


def test_no_panel_where_the_round_has_none(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = rechecked(cast, row, village)
    with pytest.raises(ValidationError) as error:
        enter_panel(one.pk, judges("90"), by=cast["staff"], now=NOW)
    assert code_of(error) == "no_panel"


# --- Decision ---------------------------------------------------------------------------------


def test_the_meeting_says_yes_and_no(cast: Cast, row: FlagRound, village: Unit) -> None:
    other = Unit.objects.get(name="东二村")
    (good,) = rechecked(cast, row, village)
    (poor,) = rechecked(cast, row, other, site=0, given=2000)
    for decisions, more, code in (
        ([Decision(good.pk, False), Decision(poor.pk, False)], {}, "reason_missing"),
        ([Decision(poor.pk, True)], {}, "not_passed"),
        ([Decision(good.pk, True)], {"minute_number": " "}, "minutes_missing"),
        ([Decision(good.pk, True)], {"met_on": TODAY + timedelta(days=1)}, "date_ahead"),
        ([Decision(good.pk, True)], {"code": "F3"}, "other_flag"),
    ):
        with pytest.raises(ValidationError) as error:
            decide(cast, row, decisions, **more)
        assert code_of(error) == code
    decide(cast, row, [Decision(good.pk, False, "信访问题未处理完"), Decision(poor.pk, False)])
    found = {one.pk: (one.state, one.is_granted, one.decision_reason) for one in FlagApplication.objects.all()}
    assert found == {good.pk: ("rejected", False, "信访问题未处理完"), poor.pk: ("rejected", False, "")}


def test_beyond_the_quota_needs_a_reason_and_is_never_cut(cast: Cast, county: Unit, village: Unit) -> None:
    row = make_round(county, quota=1)
    other = Unit.objects.get(name="东二村")
    (first,) = rechecked(cast, row, village)
    (second,) = rechecked(cast, row, other, site=1700)
    with pytest.raises(ValidationError) as error:
        decide(cast, row, [Decision(first.pk, True), Decision(second.pk, True)])
    assert code_of(error) == "quota_reason_missing"
    decide(cast, row, [Decision(first.pk, True), Decision(second.pk, True)], quota_reason="县委常委会同意增加一面")
    reasons = dict(FlagApplication.objects.values_list("pk", "decision_reason"))
    assert reasons == {first.pk: "", second.pk: "县委常委会同意增加一面"}


def test_who_rechecked_does_not_decide(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    one = make_application(row, village, "F1", state="dept_reviewed", rechecked_by=cast["staff"], score_hundredths=9000)
    with pytest.raises(PermissionDenied):
        decide(cast, row, [Decision(one.pk, True)])
    with pytest.raises(PermissionDenied):
        decide(cast, row, [Decision(one.pk, True)], by=cast["leader"])
    decide(cast, row, [Decision(one.pk, True)], by=cast["colleague"])


# --- Notice and objections --------------------------------------------------------------------


def test_the_notice_counts_the_working_days_of_the_county(
    cast: Cast, county: Unit, row: FlagRound, village: Unit
) -> None:
    found = decided(cast, row, village)
    WorkdayException.objects.create(unit=county, day=date(2026, 6, 24), is_workday=False, label="放假")
    with pytest.raises(ValidationError) as error:
        start_notice(row, [found[0].pk], from_on=TODAY - timedelta(days=1), by=cast["staff"], now=NOW)
    assert code_of(error) == "date_behind"
    (one,) = start_notice(row, [found[0].pk], from_on=date(2026, 6, 20), by=cast["staff"], now=NOW)  # a Saturday
    assert (one.notice_from, one.notice_to) == (date(2026, 6, 20), date(2026, 6, 29))


def during(day: int = 23) -> datetime:
    return NOW.replace(day=day)


def test_an_objection_holds_the_flag(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = noticed(cast, row, village)
    for raised, now in ((date(2026, 6, 21), during()), (date(2026, 6, 27), LATER), (date(2026, 6, 24), during(23))):
        with pytest.raises(ValidationError) as error:
            raise_objection(one.pk, "不属实", raised_on=raised, by=cast["reviewer"], now=now)
        assert code_of(error) == "outside_the_notice"
    with pytest.raises(PermissionDenied):
        raise_objection(one.pk, "不属实", raised_on=date(2026, 6, 23), by=cast["party"], now=during())
    objection = raise_objection(one.pk, "党日缺两次", raised_on=date(2026, 6, 23), by=cast["reviewer"], now=during())
    assert FlagApplication.objects.get().state == "objection_hold"
    with pytest.raises(ValidationError) as error:
        prepare_awards(row, [one.pk], awarded_on=AWARDED_ON, by=cast["staff"], now=LATER)
    assert code_of(error) == "wrong_state"
    second = raise_objection(one.pk, "另一件", raised_on=date(2026, 6, 24), by=cast["staff"], now=during(24))
    for outcome, finding, code in (("", "x", "outcome_unknown"), ("rejected", " ", "finding_missing")):
        with pytest.raises(ValidationError) as error:
            decide_objection(objection.pk, outcome, finding, by=cast["staff"], now=LATER)
        assert code_of(error) == code
    decide_objection(objection.pk, "rejected", "记录齐全", by=cast["staff"], now=LATER, version=1)
    assert FlagApplication.objects.get().state == "objection_hold"  # the other one is open
    with pytest.raises(PermissionDenied):
        decide_objection(second.pk, "rejected", "无依据", by=cast["staff"], now=LATER)
    decide_objection(second.pk, "rejected", "无依据", by=cast["colleague"], now=LATER)
    assert FlagApplication.objects.get().state == "public_notice"
    prepare_awards(row, [one.pk], awarded_on=AWARDED_ON, by=cast["staff"], now=LATER)


def test_an_upheld_objection_ends_it(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = noticed(cast, row, village)
    first = raise_objection(one.pk, "不属实", raised_on=date(2026, 6, 23), by=cast["reviewer"], now=during())
    second = raise_objection(one.pk, "另一件", raised_on=date(2026, 6, 23), by=cast["reviewer"], now=during())
    with pytest.raises(ValidationError) as error:
        decide_objection(first.pk, "upheld", "属实", by=cast["leader"], now=LATER, version=7)
    assert code_of(error) == "changed_meanwhile"
    decide_objection(first.pk, "upheld", "属实", by=cast["leader"], now=LATER)
    with pytest.raises(ValidationError) as error:
        decide_objection(first.pk, "rejected", "改", by=cast["leader"], now=LATER)
    assert code_of(error) == "already_decided"
    decide_objection(second.pk, "rejected", "另查", by=cast["leader"], now=LATER)
    assert FlagApplication.objects.get().state == "rejected"
    assert set(FlagObjection.objects.values_list("outcome", flat=True)) == {"upheld", "rejected"}
    with pytest.raises(PermissionDenied):
        decide_objection(second.pk, "rejected", "x", by=cast["reviewer"], now=LATER)


# --- Awards -----------------------------------------------------------------------------------


def test_no_award_while_the_notice_runs(cast: Cast, row: FlagRound, village: Unit) -> None:
    (one,) = noticed(cast, row, village)
    for awarded_on, now, code in (
        (AWARDED_ON, NOW.replace(day=26), "notice_running"),
        (date(2026, 6, 26), LATER, "awarded_too_early"),
        (date(2027, 1, 1), LATER, "awarded_too_late"),
    ):
        with pytest.raises(ValidationError) as error:
            prepare_awards(row, [one.pk], awarded_on=awarded_on, by=cast["staff"], now=now)
        assert code_of(error) == code


def test_who_prepared_does_not_approve(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    (one,) = noticed(cast, row, village)
    both = make_user("兼任", Role.CL, county)
    grant(both, Role.CS, county)
    (award,) = prepare_awards(row, [one.pk], awarded_on=AWARDED_ON, by=both, now=LATER)
    with pytest.raises(PermissionDenied):
        approve_awards([award.pk], by=both, now=LATER)
    with pytest.raises(PermissionDenied):
        approve_awards([award.pk], by=cast["colleague"], now=LATER)
    with pytest.raises(ValidationError) as error:
        prepare_awards(row, [one.pk], awarded_on=AWARDED_ON, by=both, now=LATER)
    assert code_of(error) == "already_prepared"
    approve_awards([award.pk], by=cast["leader"], now=LATER)
    with pytest.raises(ValidationError) as error:
        approve_awards([award.pk], by=cast["leader"], now=LATER)
    assert code_of(error) == "already_approved"


def test_numbers_go_on_and_pay_begins_as_the_rules_say(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    PayRules.objects.create(
        unit=county,
        path=county.path,
        valid_from=date(2026, 1, 1),
        document="青组发〔2026〕1 号",
        starts="same_month",
        entered_by=cast["staff"],
        approved_by=cast["leader"],
    )
    awarded(cast, row, village)
    (second,) = awarded(cast, row, Unit.objects.get(name="东二村"))
    assert (second.number, second.pay_from) == ("202606-F1-002", date(2026, 7, 1))


def test_flags_expire_once(cast: Cast, row: FlagRound, village: Unit) -> None:
    awarded(cast, row, village)
    assert expire_due(LATER) == 0
    end = NOW.replace(year=2027, month=1, day=1)
    assert (expire_due(end), expire_due(end)) == (1, 0)
    tick(end)
    award = FlagAward.objects.get()
    assert award.expired_at == end
    event = AuditEvent.objects.get(event="assessments.expire_flagaward")
    assert (event.actor, event.target_id) == (None, str(award.pk))


# --- Taking away ------------------------------------------------------------------------------


def propose(cast: Cast, village: Unit, reason: str, **more: Any) -> FlagRevocation:
    details = {
        "happened_on": date(2026, 9, 12),
        "document": "青组〔2026〕31 号",
        "by": cast["staff"],
        "now": NOW.replace(month=9, day=14),
        **more,
    }
    return propose_revocation(village, reason, **details)


SEPTEMBER = NOW.replace(month=9, day=15)


@pytest.mark.parametrize(
    ("reason", "chosen", "taken", "last_month", "until", "is_open"),
    [
        ("discipline", "", "F1 F3", date(2026, 9, 1), None, False),
        ("appraisal_low", "", "F1 F3", date(2026, 9, 1), None, False),
        ("negative_list", "F3", "F3", date(2026, 9, 1), None, False),
        ("fund_misuse", "F3", "F3", date(2026, 9, 1), None, False),
        ("false_data", "", "F1 F3", date(2026, 6, 1), date(2027, 6, 30), False),
        ("weak_branch", "", "F1", date(2026, 9, 1), None, True),
    ],
)
def test_what_a_reason_takes(
    cast: Cast,
    row: FlagRound,
    village: Unit,
    reason: str,
    chosen: str,
    taken: str,
    last_month: date,
    until: date | None,
    is_open: bool,
) -> None:
    awards = {code: make_award(row, village, code) for code in ("F1", "F3")}
    found = propose(cast, village, reason, award_ids=[awards[code].pk for code in chosen.split()])
    decide_revocation(found.pk, True, "", by=cast["leader"], now=SEPTEMBER)
    ended = FlagAward.objects.filter(revoked_on=date(2026, 9, 12))
    assert sorted(ended.values_list("code", flat=True)) == taken.split()
    assert set(ended.values_list("pay_until", flat=True)) == {last_month}
    found.refresh_from_db()
    assert (found.blocks_until, found.blocks_open) == (until, is_open)


def test_a_blocked_village_may_not_apply_until_it_is_lifted(
    cast: Cast, county: Unit, row: FlagRound, village: Unit
) -> None:
    make_award(row, village, "F1")
    following = make_round(
        county,
        name="2026年下半年",
        first_on=date(2026, 7, 1),
        last_on=date(2026, 12, 31),
        apply_by=date(2027, 1, 10),
        valid_to=date(2027, 6, 30),
    )
    category = category_of(following, "F3")
    wish = [Wish(village, category.pk, {"F3-2": 3000})]
    (waiting,) = apply_for_flags(
        following, [Wish(village, category_of(following, "F1").pk, {"F1-2": 3000})], by=cast["applicant"], now=SEPTEMBER
    )
    FlagApplication.objects.filter(pk=waiting.pk).update(state="dept_reviewed", score_hundredths=9000)
    found = propose(cast, village, "weak_branch")
    decide_revocation(found.pk, True, "", by=cast["leader"], now=SEPTEMBER, version=1)
    with pytest.raises(ValidationError) as error:
        apply_for_flags(following, wish, by=cast["applicant"], now=SEPTEMBER)
    assert code_of(error) == "blocked"
    with pytest.raises(ValidationError) as error:
        decide(cast, following, [Decision(waiting.pk, True)], now=SEPTEMBER)
    assert code_of(error) == "blocked"
    with pytest.raises(PermissionDenied):
        lift_block(found.pk, "已销号", lifted_on=date(2026, 9, 15), by=cast["staff"], now=SEPTEMBER)
    for reason, day, code in (("已销号", date(2026, 9, 1), "date_behind"), (" ", date(2026, 9, 15), "reason_missing")):
        with pytest.raises(ValidationError) as error:
            lift_block(found.pk, reason, lifted_on=day, by=cast["leader"], now=SEPTEMBER)
        assert code_of(error) == code
    lift_block(found.pk, "软弱涣散已销号", lifted_on=date(2026, 9, 15), by=cast["leader"], now=SEPTEMBER)
    with pytest.raises(ValidationError) as error:
        lift_block(found.pk, "再来", lifted_on=date(2026, 9, 15), by=cast["leader"], now=SEPTEMBER)
    assert code_of(error) == "no_block"
    apply_for_flags(following, wish, by=cast["applicant"], now=SEPTEMBER)
    assert FlagAward.objects.get().revoked_on == date(2026, 9, 12)


def test_a_proposal_is_checked(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    stranger = make_award(row, Unit.objects.get(name="西一村"), "F1")
    for reason, more, code in (
        ("no_such", {}, "reason_unknown"),
        ("discipline", {"happened_on": date(2026, 9, 15)}, "date_ahead"),
        ("discipline", {"document": " "}, "document_missing"),
        ("discipline", {}, "nothing_to_take"),
        ("negative_list", {"award_ids": [stranger.pk]}, "flag_unknown"),
    ):
        with pytest.raises(ValidationError) as error:
            propose(cast, village, reason, **more)
        assert code_of(error) == code
    with pytest.raises(PermissionDenied):
        propose(cast, village, "weak_branch", by=cast["reviewer"])
    propose(cast, village, "weak_branch")
    with pytest.raises(ValidationError) as error:
        propose(cast, village, "false_data")
    assert code_of(error) == "waiting_already"


def test_who_proposed_does_not_decide(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    both = make_user("兼任", Role.CL, county)
    grant(both, Role.CS, county)
    award = make_award(row, village, "F1")
    found = propose(cast, village, "discipline", by=both)
    with pytest.raises(PermissionDenied):
        decide_revocation(found.pk, True, "", by=both, now=SEPTEMBER)
    with pytest.raises(PermissionDenied):
        decide_revocation(found.pk, True, "", by=cast["colleague"], now=SEPTEMBER)
    for note, version, code in (("", None, "reason_missing"), ("不成立", 5, "changed_meanwhile")):
        with pytest.raises(ValidationError) as error:
            decide_revocation(found.pk, False, note, by=cast["leader"], now=SEPTEMBER, version=version)
        assert code_of(error) == code
    decide_revocation(found.pk, False, "查无实据", by=cast["leader"], now=SEPTEMBER)
    with pytest.raises(ValidationError) as error:
        decide_revocation(found.pk, True, "", by=cast["leader"], now=SEPTEMBER)
    assert code_of(error) == "already_decided"
    award.refresh_from_db()
    assert award.revoked_on is None


def test_false_data_without_a_flag_still_blocks(cast: Cast, county: Unit, row: FlagRound, village: Unit) -> None:
    found = propose(cast, village, "false_data", happened_on=date(2026, 3, 2))
    decide_revocation(found.pk, True, "", by=cast["leader"], now=SEPTEMBER)
    found.refresh_from_db()
    assert found.blocks_until == date(2027, 6, 30)
