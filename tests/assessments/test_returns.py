"""Filling in and handing in a month: compare-and-set by the cell, states, rights, findings, audit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments.entry import load_table
from assessments.models import Period, Return, Unlock, VillageMonth
from assessments.services import review
from assessments.services.returns import (
    CellEdit,
    NotCompleteError,
    SavedCell,
    days_late,
    difference,
    history,
    save_cells,
    submit_return,
    withdraw_return,
)
from branches import indicators
from branches.models import Unit, WorkdayException
from tests.assessments.entry_ground import (
    DEADLINE,
    NOW,
    SHANGHAI,
    SOURCES,
    fill,
    fill_all,
    make_month,
    return_of,
    row_of,
)
from tests.conftest import make_unit, make_user


@pytest.fixture(autouse=True)
def sources() -> Iterator[None]:
    with indicators.replaced(*SOURCES), translation.override("zh-hans"):
        yield


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county)


@pytest.fixture
def east_return(period: Period) -> Return:
    return return_of(period, "东乡")


def edit(row: VillageMonth, code: str, value: Any, base: Any = None, **more: Any) -> CellEdit:
    return CellEdit(row.village_id, code, base, value, **more)


# --- Saving ---------------------------------------------------------------------------------


def test_a_typed_value_is_stored_with_who_when_old_and_new(
    east_return: Return, period: Period, east_editor: User
) -> None:
    row = row_of(period, "东一村")
    outcome = save_cells(east_return, [edit(row, "D2.d", "１２件")], by=east_editor, now=NOW)
    assert outcome.saved == [SavedCell(row.village_id, "D2.d", 120000, "")]
    row.refresh_from_db()
    assert row.values["D2.d"] == 120000
    assert (row.updated_by, row.updated_at, row.version) == (east_editor, NOW, 2)
    event = AuditEvent.objects.get(event="assessments.save_cells")
    assert (event.actor, event.target_id, event.unit_path) == (east_editor, str(row.pk), row.path)
    assert event.changes == {"D2.d": [None, 120000]}


def test_known_wholes_stand_there_from_the_start(period: Period) -> None:
    assert row_of(period, "东一村").values == {"A5.d": 410000, "A8.d": 120000}
    assert row_of(period, "东三村").values == {"A8.d": 120000}


def test_saving_the_same_again_changes_nothing(east_return: Return, period: Period, east_editor: User) -> None:
    row = row_of(period, "东一村")
    for _time in range(2):
        outcome = save_cells(east_return, [edit(row, "D2.d", "12")], by=east_editor, now=NOW)
        assert [cell.stored for cell in outcome.saved] == [120000]
        assert outcome.conflicts == []
    row.refresh_from_db()
    assert row.version == 2
    assert AuditEvent.objects.filter(event="assessments.save_cells").count() == 1


def test_the_second_writer_is_told_who_wrote_what(
    east: Unit, east_return: Return, period: Period, east_editor: User
) -> None:
    colleague = make_user("colleague", Role.TS, east)
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "9")], by=colleague, now=NOW)
    outcome = save_cells(east_return, [edit(row, "D2.d", "12"), edit(row, "D2.n", "9")], by=east_editor, now=NOW)
    (conflict,) = outcome.conflicts
    assert (conflict.village_id, conflict.code, conflict.stored, conflict.text) == (row.village_id, "D2.d", 90000, "9")
    assert conflict.who == "colleague"
    assert conflict.at is not None
    assert [cell.code for cell in outcome.saved] == ["D2.n"]
    assert row_of(period, "东一村").values == {"A5.d": 410000, "A8.d": 120000, "D2.d": 90000, "D2.n": 90000}


def test_two_people_on_two_cells_of_a_village_do_not_collide(
    east: Unit, east_return: Return, period: Period, east_editor: User
) -> None:
    colleague = make_user("colleague", Role.TS, east)
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "9")], by=colleague, now=NOW)
    assert not save_cells(east_return, [edit(row, "E1", "88.5")], by=east_editor, now=NOW).conflicts
    assert row_of(period, "东一村").values["D2.d"] == 90000
    assert row_of(period, "东一村").values["E1"] == 885000


def test_the_writer_may_insist_by_naming_the_other_value_as_base(
    east_return: Return, period: Period, east_editor: User
) -> None:
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "9")], by=east_editor, now=NOW)
    assert not save_cells(east_return, [edit(row, "D2.d", "12", base=90000)], by=east_editor, now=NOW).conflicts
    assert row_of(period, "东一村").values["D2.d"] == 120000


def test_a_cell_can_be_emptied(east_return: Return, period: Period, east_editor: User) -> None:
    row = fill(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "", base=30000)], by=east_editor, now=NOW)
    assert "D2.d" not in row_of(period, "东一村").values


@pytest.mark.parametrize(
    ("code", "value", "more", "problem"),
    [
        ("D2.d", "十二", {}, "not_a_number"),
        ("E1", "980", {}, "above_maximum"),
        ("D2.d", None, {"state": "not_applicable"}, "not_applicable_refused"),
        ("D2.d", None, {"state": "exempt", "reason": " "}, "exempt_reason_missing"),
        ("D2.d", "3", {"note": "长" * 201}, "reason_too_long"),
        ("D6", "90", {}, "cell_unknown"),
        ("A1", "1", {}, "cell_unknown"),
        ("Z9", "1", {}, "cell_unknown"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_sentence(
    east_return: Return, period: Period, east_editor: User, code: str, value: Any, more: dict[str, Any], problem: str
) -> None:
    row = row_of(period, "东一村")
    outcome = save_cells(east_return, [edit(row, code, value, **more)], by=east_editor, now=NOW)
    assert [(cell.code, cell.problem) for cell in outcome.problems] == [(code, problem)]
    assert outcome.problems[0].message
    assert row_of(period, "东一村").version == 1


def test_a_village_of_another_township_is_not_touched(east_return: Return, period: Period, east_editor: User) -> None:
    row = row_of(period, "西一村")
    outcome = save_cells(east_return, [edit(row, "D2.d", "3")], by=east_editor, now=NOW)
    assert [cell.problem for cell in outcome.problems] == ["cell_unknown"]
    assert row_of(period, "西一村").version == 1


def test_not_applicable_and_exempt_are_states_not_numbers(
    east_return: Return, period: Period, east_editor: User
) -> None:
    row = row_of(period, "东一村")
    edits = [
        edit(row, "D5", None, state="not_applicable"),
        edit(row, "E1", None, state="exempt", reason="本月 整村搬迁"),
    ]
    save_cells(east_return, edits, by=east_editor, now=NOW)
    values = row_of(period, "东一村").values
    assert values["D5"] == [None, "not_applicable"]
    assert values["E1"] == [None, "exempt", "本月 整村搬迁"]
    assert "D2.d" not in values


def test_a_value_first_given_after_the_deadline_is_late_a_correction_is_not(
    east_return: Return, period: Period, east_editor: User
) -> None:
    row = fill(period, "东一村", D2_d=None)
    later = DEADLINE + timedelta(hours=1)
    edits = [edit(row, "D2.d", "3"), edit(row, "E1", "91", base=900000)]
    save_cells(east_return, edits, by=east_editor, now=later)
    values = row_of(period, "东一村").values
    assert values["D2.d"] == [30000, "late"]
    assert values["E1"] == 910000
    outcome = save_cells(east_return, [edit(row, "D2.d", "4", base=[30000, "late"])], by=east_editor, now=later)
    assert outcome.saved[0].stored == [40000, "late"]


def test_a_reason_is_kept_beside_the_value_and_goes_on_record(
    east_return: Return, period: Period, east_editor: User
) -> None:
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "12", note=" 汛后集中受理 ")], by=east_editor, now=NOW)
    assert row_of(period, "东一村").notes == {"D2.d": "汛后集中受理"}
    save_cells(east_return, [edit(row, "D2.d", "13", base=120000)], by=east_editor, now=NOW)
    assert row_of(period, "东一村").notes == {"D2.d": "汛后集中受理"}
    save_cells(east_return, [edit(row, "D2.d", "13", base=130000, note="")], by=east_editor, now=NOW)
    assert row_of(period, "东一村").notes == {}
    changes = [event.changes for event in AuditEvent.objects.filter(event="assessments.save_cells").order_by("pk")]
    assert changes[0] == {"D2.d": [None, 120000], "note D2.d": ["", "汛后集中受理"]}
    assert changes[2] == {"note D2.d": ["汛后集中受理", ""]}


def test_one_event_for_each_touched_village(east_return: Return, period: Period, east_editor: User) -> None:
    rows = [row_of(period, name) for name in ("东一村", "东二村")]
    save_cells(
        east_return, [edit(row, code, "3") for row in rows for code in ("D2.d", "D2.n")], by=east_editor, now=NOW
    )
    events = AuditEvent.objects.filter(event="assessments.save_cells").order_by("unit_path")
    assert [event.unit_path for event in events] == [row.path for row in rows]
    assert events[0].changes == {"D2.d": [None, 30000], "D2.n": [None, 30000]}


def _queries(work: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def test_saving_takes_few_queries_for_one_cell_and_for_a_block(county: Unit, east: Unit, east_editor: User) -> None:
    for number in range(40):
        make_unit(Unit.objects.get(pk=east.pk), "village", f"东新{number}村", f"990101100{number + 300}")
    period = make_month(county)
    submission = return_of(period, "东乡")
    rows = list(VillageMonth.objects.filter(submission=submission)[:40])
    codes = ("A5.n", "A8.n", "D2.d", "D2.n", "D5", "E1")
    east_editor = User.objects.get(pk=east_editor.pk)
    one = _queries(lambda: save_cells(submission, [edit(rows[0], "D2.d", "3")], by=east_editor, now=NOW))
    three = _queries(
        lambda: save_cells(submission, [edit(row, "D5", "2") for row in rows[:3]], by=east_editor, now=NOW)
    )
    bases = {(row.pk, code): row_of(period, row.village.name).values.get(code) for row in rows for code in codes}
    block = [edit(row, code, "4", base=bases[row.pk, code]) for row in rows for code in codes]
    saved: list[SavedCell] = []
    whole = _queries(lambda: saved.extend(save_cells(submission, block, by=east_editor, now=NOW).saved))
    assert len(saved) == 240
    assert (one, three, whole) == (7, 6, 6)


# --- Who and when ---------------------------------------------------------------------------


def test_a_township_fills_in_its_cells_and_the_county_its_own(
    east_return: Return, period: Period, east_editor: User, county_admin: User
) -> None:
    row = row_of(period, "东一村")
    assert save_cells(east_return, [edit(row, "D6", "88")], by=county_admin, now=NOW).saved
    assert row_of(period, "东一村").values["D6"] == 880000
    assert save_cells(east_return, [edit(row, "D6", "90", base=880000)], by=east_editor, now=NOW).problems


@pytest.mark.parametrize("who", ["county_leader", "county_viewer", "west_editor", "newcomer"])
def test_who_enters_nothing_here_is_refused(
    request: pytest.FixtureRequest, east_return: Return, period: Period, who: str
) -> None:
    user = request.getfixturevalue(who)
    row = row_of(period, "东一村")
    for code in ("D2.d", "D6"):
        with pytest.raises(PermissionDenied):
            save_cells(east_return, [edit(row, code, "3")], by=user, now=NOW)
    with pytest.raises(PermissionDenied):
        submit_return(east_return, by=user, now=NOW)
    assert row_of(period, "东一村").version == 1


@pytest.mark.parametrize("state", ["submitted", "accepted"])
def test_handed_in_figures_are_locked_for_the_township(
    east_return: Return, period: Period, east_editor: User, county_admin: User, state: str
) -> None:
    Return.objects.filter(pk=east_return.pk).update(state=state)
    row = row_of(period, "东一村")
    with pytest.raises(ValidationError) as refusal:
        save_cells(east_return, [edit(row, "D2.d", "3")], by=east_editor, now=NOW)
    assert refusal.value.code == "locked"
    assert save_cells(east_return, [edit(row, "D6", "88")], by=county_admin, now=NOW).saved
    assert row_of(period, "东一村").values == {"A5.d": 410000, "A8.d": 120000, "D6": 880000}


def test_a_locked_month_takes_no_value_without_an_unlock(
    east_return: Return, period: Period, east_editor: User, county_admin: User, county_leader: User
) -> None:
    Period.objects.filter(pk=period.pk).update(state="locked")
    Return.objects.filter(pk=east_return.pk).update(state="returned")
    row = row_of(period, "东一村")
    for user, code in ((east_editor, "D2.d"), (county_admin, "D6")):
        with pytest.raises(ValidationError) as refusal:
            save_cells(east_return, [edit(row, code, "3")], by=user, now=NOW)
        assert refusal.value.code == "locked"
    Unlock.objects.create(
        submission=east_return,
        path=east_return.path,
        reason="漏报",
        asked_by=east_editor,
        decided_by=county_leader,
        is_approved=True,
        open_until=NOW + timedelta(hours=4),
    )
    assert save_cells(east_return, [edit(row, "D2.d", "3")], by=east_editor, now=NOW).saved
    with pytest.raises(ValidationError) as refusal:
        save_cells(east_return, [edit(row, "D2.d", "4", base=30000)], by=east_editor, now=NOW + timedelta(hours=5))
    assert refusal.value.code == "locked"
    assert row_of(period, "东一村").values["D2.d"] == 30000


def test_a_right_taken_away_at_noon_stops_the_save(east_return: Return, period: Period, east_editor: User) -> None:
    east_editor.memberships.update(valid_to=date(2020, 2, 1))
    with pytest.raises(PermissionDenied):
        save_cells(
            east_return, [edit(row_of(period, "东一村"), "D2.d", "3")], by=User.objects.get(pk=east_editor.pk), now=NOW
        )


# --- Handing in -----------------------------------------------------------------------------


def test_what_is_missing_is_listed_with_the_address_of_each_cell(
    east_return: Return, period: Period, east_editor: User
) -> None:
    fill_all(period)
    fill(period, "东二村", D2_d=None, A5_n=38)
    fill(period, "东三村", A5_d=None)
    with pytest.raises(NotCompleteError) as refusal:
        submit_return(east_return, by=east_editor, now=NOW)
    found = [(item.village, item.code, item.label, item.problem.code) for item in refusal.value.findings]
    assert found == [
        ("东二村", "A5.n", "党费已缴", "above_whole"),
        ("东二村", "D2.d", "纠纷受理", "missing"),
        ("东三村", "A5.d", "党费应缴", "missing"),
    ]
    assert "党费" not in refusal.value.findings[0].message
    assert refusal.value.findings[0].message.startswith("已缴 38 人")
    assert return_of(period, "东乡").state == "draft"


def test_zero_counts_as_filled_in_and_empty_does_not(east_return: Return, period: Period) -> None:
    fill_all(period)
    fill(period, "东一村", D2_d=0, D2_n=0, D5=0)
    table = load_table(east_return)
    assert table.findings() == []
    assert (table.filled_count(), table.cell_count()) == (18, 18)


def test_not_applicable_and_exempt_settle_the_whole_indicator(east_return: Return, period: Period) -> None:
    fill_all(period)
    fill(period, "东一村", D5=[None, "not_applicable"], D2_d=[None, "exempt", "整村搬迁"], D2_n=None)
    assert load_table(east_return).findings() == []


def test_an_unusual_value_needs_a_reason_and_then_goes_through(county: Unit, east_editor: User) -> None:
    fill_all(make_month(county, date(2026, 9, 1)))
    period = make_month(county)
    fill_all(period)
    row = fill(period, "东一村", D2_d=20)
    submission = return_of(period, "东乡")
    with pytest.raises(NotCompleteError) as refusal:
        submit_return(submission, by=east_editor, now=NOW)
    assert [(item.code, item.problem.code) for item in refusal.value.findings] == [("D2.d", "unusual_change")]
    save_cells(submission, [edit(row, "D2.d", "20", base=200000, note="汛后集中受理")], by=east_editor, now=NOW)
    assert submit_return(submission, by=east_editor, now=NOW).state == "submitted"
    comparison = difference(submission)
    assert [(item.village, item.label, item.text, item.note) for item in comparison.explanations] == [
        ("东一村", "纠纷受理", "20 件", "汛后集中受理")
    ]
    column = next(item for item in comparison.differences if item.code == "D2.d")
    assert (column.now, column.before, column.changed) == (260000, 90000, 1)
    score = next(item for item in comparison.differences if item.code == "E1")
    assert (score.now, score.before) == (None, None)


def test_a_village_outside_its_class_is_asked_for_a_reason(county: Unit, east: Unit) -> None:
    for number in range(8):
        make_unit(Unit.objects.get(pk=east.pk), "village", f"东新{number}村", f"990101100{number + 300}")
    before = make_month(county, date(2026, 9, 1))
    fill_all(before)
    newcomer = make_unit(Unit.objects.get(pk=east.pk), "village", "东后村", "990101100400")
    period = make_month(county)
    fill_all(period)
    fill(period, "东后村", D5=40)
    findings = load_table(return_of(period, "东乡")).findings()
    assert [(item.village_id, item.code, item.problem.code) for item in findings] == [
        (newcomer.pk, "D5", "unusual_peers")
    ]


def test_a_known_whole_may_be_corrected_with_a_reason(east_return: Return, period: Period, east_editor: User) -> None:
    fill_all(period)
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "A5.d", "42", base=410000)], by=east_editor, now=NOW)
    assert [(item.code, item.problem.code) for item in load_table(east_return).findings()] == [
        ("A5.d", "whole_changed")
    ]
    save_cells(east_return, [edit(row, "A5.d", "42", base=420000, note="新转入 1 人")], by=east_editor, now=NOW)
    assert load_table(east_return).findings() == []


def test_submitting_locks_and_is_on_record_once_even_by_double_click(
    east_return: Return, period: Period, east_editor: User
) -> None:
    fill_all(period)
    first = submit_return(east_return, by=east_editor, now=NOW)
    second = submit_return(east_return, by=east_editor, now=NOW + timedelta(seconds=1))
    assert first.state == second.state == "submitted"
    stored = return_of(period, "东乡")
    assert (stored.submission_count, stored.submitted_at, stored.submitted_by) == (1, NOW, east_editor)
    assert (stored.first_submitted_at, stored.late_days) == (NOW, 0)
    event = AuditEvent.objects.get(event="assessments.submit_return")
    assert event.changes == {"state": ["draft", "submitted"], "late_days": 0}


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 11, 3, 18, tzinfo=SHANGHAI), 0),
        (datetime(2026, 11, 3, 22, tzinfo=SHANGHAI), 0),
        (datetime(2026, 11, 4, 8, tzinfo=SHANGHAI), 1),
        (datetime(2026, 11, 6, 8, tzinfo=SHANGHAI), 3),
        (datetime(2026, 11, 8, 8, tzinfo=SHANGHAI), 3),
        (datetime(2026, 11, 9, 8, tzinfo=SHANGHAI), 4),
    ],
)
def test_lateness_counts_working_days(period: Period, at: datetime, days: int) -> None:
    assert days_late(period, at) == days


def test_lateness_follows_the_countys_calendar(
    county: Unit, period: Period, east_return: Return, east_editor: User
) -> None:
    WorkdayException.objects.create(unit=county, day=date(2026, 11, 4), is_workday=False, label="放假")
    WorkdayException.objects.create(unit=county, day=date(2026, 11, 7), is_workday=True, label="调休")
    fill_all(period)
    submit_return(east_return, by=east_editor, now=datetime(2026, 11, 7, 9, tzinfo=SHANGHAI))
    assert return_of(period, "东乡").late_days == 3


def test_a_corrected_return_is_not_late_again(
    period: Period, east_return: Return, east_editor: User, county_admin: User
) -> None:
    fill_all(period)
    submit_return(east_return, by=east_editor, now=NOW)
    row = row_of(period, "东一村")
    remark = review.Remark(row.village_id, "D2.d", review.Verdict.RETURNED, "请核对受理数")
    review.return_cells(east_return, [remark], "一格待核", by=county_admin, now=NOW + timedelta(hours=1))
    late = DEADLINE + timedelta(days=1)
    with pytest.raises(NotCompleteError) as refusal:
        submit_return(east_return, by=east_editor, now=late)
    assert [(item.village, item.code, item.problem.code) for item in refusal.value.findings] == [
        ("东一村", "D2.d", "returned")
    ]
    save_cells(east_return, [edit(row, "D2.d", "4", base=30000)], by=east_editor, now=late)
    assert row_of(period, "东一村").values["D2.d"] == 40000
    submit_return(east_return, by=east_editor, now=late)
    stored = return_of(period, "东乡")
    assert (stored.state, stored.submission_count, stored.late_days, stored.first_submitted_at) == (
        "submitted",
        2,
        0,
        NOW,
    )


def test_a_returned_cell_may_be_explained_instead_of_changed(
    period: Period, east_return: Return, east_editor: User, county_admin: User
) -> None:
    fill_all(period)
    submit_return(east_return, by=east_editor, now=NOW)
    row = row_of(period, "东一村")
    remark = review.Remark(row.village_id, "D2.d", review.Verdict.RETURNED, "请核对受理数")
    review.return_cells(east_return, [remark], "一格待核", by=county_admin, now=NOW + timedelta(hours=1))
    save_cells(
        east_return,
        [edit(row, "D2.d", "3", base=30000, note="已与司法所台账核对")],
        by=east_editor,
        now=NOW + timedelta(hours=2),
    )
    assert submit_return(east_return, by=east_editor, now=NOW + timedelta(hours=2)).state == "submitted"
    assert row_of(period, "东一村").values["D2.d"] == 30000


def test_withdrawing_gives_the_figures_back_until_a_reviewer_has_looked(
    period: Period, east_return: Return, east_editor: User, county_admin: User
) -> None:
    fill_all(period)
    submit_return(east_return, by=east_editor, now=NOW)
    withdraw_return(east_return, by=east_editor, now=NOW)
    stored = return_of(period, "东乡")
    assert (stored.state, stored.submission_count, stored.submitted_at, stored.first_submitted_at) == (
        "draft",
        0,
        None,
        None,
    )
    assert AuditEvent.objects.get(event="assessments.withdraw_return").changes == {"state": ["submitted", "draft"]}
    assert save_cells(
        east_return, [edit(row_of(period, "东一村"), "D5", "2", base=10000)], by=east_editor, now=NOW
    ).saved
    submit_return(east_return, by=east_editor, now=NOW)
    review.open_for_review(return_of(period, "东乡"), by=county_admin, now=NOW + timedelta(minutes=5))
    with pytest.raises(ValidationError) as refusal:
        withdraw_return(east_return, by=east_editor, now=NOW + timedelta(minutes=6))
    assert refusal.value.code == "under_review"
    assert return_of(period, "东乡").state == "submitted"


def test_history_tells_every_change_in_words(period: Period, east_return: Return, east_editor: User) -> None:
    row = row_of(period, "东一村")
    save_cells(east_return, [edit(row, "D2.d", "12", note="汛后")], by=east_editor, now=NOW)
    save_cells(east_return, [edit(row, "E1", None, state="exempt", reason="搬迁")], by=east_editor, now=NOW)
    lines = [(line.who, line.village, line.label, line.before, line.after) for line in history(east_return)]
    assert lines == [
        ("east_editor", "东一村", "环境检查", "—", _("exempt: %(reason)s") % {"reason": "搬迁"}),
        ("east_editor", "东一村", "纠纷受理", "—", "12"),
        ("east_editor", "东一村", _("%(label)s, reason") % {"label": "纠纷受理"}, "—", "汛后"),
    ]


def test_a_table_is_read_in_the_same_number_of_queries_whatever_its_size(county: Unit, period: Period) -> None:
    small = _queries(lambda: load_table(return_of(period, "西乡")).findings())
    large = _queries(lambda: load_table(return_of(period, "东乡")).findings())
    assert small == large == 4


# --- At the same time -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_people_saving_the_same_cell_at_once_lose_nothing(county: Unit, east: Unit, east_editor: User) -> None:
    """Eight savers, one cell, all from the same starting point: one wins, the others are told the winner's value."""
    period = make_month(county)
    submission = return_of(period, "东乡")
    row = row_of(period, "东一村")
    outcomes: list[Any] = []
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            barrier.wait()
            outcomes.append(save_cells(submission, [edit(row, "D2.d", str(number))], by=east_editor, now=NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number + 1,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = row_of(period, "东一村").values["D2.d"]
    assert [cell.stored for outcome in outcomes for cell in outcome.saved] == [stored]
    assert {conflict.stored for outcome in outcomes for conflict in outcome.conflicts} == {stored}
    assert sum(len(outcome.conflicts) for outcome in outcomes) == 7


@pytest.mark.django_db(transaction=True)
def test_two_people_on_different_cells_at_once_are_both_stored(county: Unit, east: Unit, east_editor: User) -> None:
    period = make_month(county)
    submission = return_of(period, "东乡")
    row = row_of(period, "东一村")
    codes = ("A5.n", "A8.n", "D2.d", "D2.n", "D5", "E1")
    barrier = threading.Barrier(len(codes))

    def work(code: str) -> None:
        try:
            barrier.wait()
            save_cells(submission, [edit(row, code, "2")], by=east_editor, now=NOW)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = row_of(period, "东一村")
    assert {code: stored.values.get(code) for code in codes} == dict.fromkeys(codes, 20000)
    assert stored.version == 7


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_submit_hands_in_once(county: Unit, east: Unit, east_editor: User) -> None:
    period = make_month(county)
    fill_all(period)
    submission = return_of(period, "东乡")
    barrier = threading.Barrier(4)

    def work() -> None:
        try:
            barrier.wait()
            submit_return(submission, by=east_editor, now=NOW)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert return_of(period, "东乡").submission_count == 1
    assert AuditEvent.objects.filter(event="assessments.submit_return").count() == 1
