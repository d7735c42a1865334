"""Verdicts, returning, accepting, unlocking: assessments/services/review.py."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments.models import Period, Return, Unlock, VillageMonth
from assessments.services import review
from assessments.services.review import Remark, Verdict
from assessments.todos import todos
from branches.models import Unit
from branches.scoping import memberships_of
from tests.assessments.month_ground import NOW, make_month, row_of, set_values, submit
from tests.conftest import grant

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county)


@pytest.fixture
def submission(period: Period, east: Unit, east_editor: User) -> Return:
    return submit(period, east, east_editor)


def village(name: str) -> Unit:
    return Unit.objects.get(name=name)


def send_back(name: str = "东一村", code: str = "D2.n", text: str = "请核对受理数") -> Remark:
    return Remark(village(name).pk, code, Verdict.RETURNED, text)


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=f"assessments.{name}").order_by("pk"))


class TestOpening:
    def test_the_first_look_marks_the_return_and_is_recorded(self, submission: Return, county_admin: User) -> None:
        review.open_for_review(submission, by=county_admin, now=NOW)

        submission.refresh_from_db()
        assert (submission.reviewed_by, submission.reviewed_at) == (county_admin, NOW)
        assert review.is_opened(submission)
        assert [event.actor for event in events("open_review")] == [county_admin]

    def test_a_second_look_changes_nothing(self, submission: Return, county_admin: User, county_leader: User) -> None:
        review.open_for_review(submission, by=county_admin, now=NOW)
        submission.refresh_from_db()
        review.open_for_review(submission, by=county_leader, now=LATER)

        submission.refresh_from_db()
        assert submission.reviewed_by == county_admin
        assert len(events("open_review")) == 1

    def test_handing_in_again_makes_it_unopened(self, submission: Return, county_admin: User) -> None:
        review.open_for_review(submission, by=county_admin, now=NOW)
        submission.refresh_from_db()
        submission.submitted_at = LATER
        assert not review.is_opened(submission)

    def test_a_draft_is_not_marked(self, period: Period, west: Unit, county_admin: User) -> None:
        draft = Return.objects.get(period=period, unit=west)
        review.open_for_review(draft, by=county_admin, now=NOW)
        draft.refresh_from_db()
        assert draft.reviewed_at is None


class TestVerdicts:
    def test_a_verdict_is_kept_at_the_cell_with_who_when_and_what_was_seen(
        self, submission: Return, county_admin: User, period: Period
    ) -> None:
        review.record_verdicts(submission, [send_back()], by=county_admin, now=NOW)

        assert row_of(period, "东一村").remarks["D2.n"] == {
            "verdict": "returned",
            "text": "请核对受理数",
            "by": county_admin.pk,
            "at": NOW.isoformat(),
            "value": 20_000,
            "times": 0,
        }
        (event,) = events("review_cell")
        assert event.changes == {"D2.n": [None, "returned"]}
        assert event.unit_path == village("东一村").path

    def test_several_cells_take_a_constant_number_of_queries(
        self, submission: Return, county_admin: User, django_assert_num_queries: object
    ) -> None:
        def remarks(count: int) -> list[Remark]:
            names = ["东一村", "东二村", "东三村"][:count]
            return [Remark(village(name).pk, "E4", Verdict.ACCEPTED) for name in names]

        one, three = remarks(1), remarks(3)
        review.record_verdicts(submission, one, by=county_admin, now=NOW)
        with django_assert_num_queries(6):  # savepoint, return, rows, bulk write, events, release
            review.record_verdicts(submission, one, by=county_admin, now=NOW)
        with django_assert_num_queries(6):
            review.record_verdicts(submission, three, by=county_admin, now=NOW)

    @pytest.mark.parametrize("text", ["", "   "])
    def test_a_returned_cell_needs_a_text(self, submission: Return, county_admin: User, text: str) -> None:
        with pytest.raises(ValidationError) as error:
            review.record_verdicts(submission, [send_back(text=text)], by=county_admin, now=NOW)
        assert error.value.code == "reason_missing"

    def test_a_village_of_another_township_is_refused(self, submission: Return, county_admin: User) -> None:
        with pytest.raises(ValidationError) as error:
            review.record_verdicts(submission, [send_back("西一村")], by=county_admin, now=NOW)
        assert error.value.code == "cell_unknown"
        assert not events("review_cell")

    def test_taking_a_verdict_back(self, submission: Return, county_admin: User, period: Period) -> None:
        review.record_verdicts(submission, [send_back()], by=county_admin, now=NOW)
        undo = Remark(village("东一村").pk, "D2.n", Verdict.UNDECIDED)
        review.record_verdicts(submission, [undo], by=county_admin, now=LATER)

        assert events("review_cell")[-1].changes == {"D2.n": ["returned", None]}
        review.accept_return(submission, by=county_admin, now=LATER)
        submission.refresh_from_db()
        assert submission.state == Return.State.ACCEPTED

    @pytest.mark.parametrize(
        ("remark", "value", "expected"),
        [
            (None, 1, None),
            ({"verdict": "", "at": NOW.isoformat()}, 1, None),
            ({"verdict": "accepted", "at": NOW.isoformat(), "value": 1}, 1, Verdict.ACCEPTED),
            ({"verdict": "accepted", "at": NOW.isoformat(), "value": 1}, 2, None),
            ({"verdict": "accepted", "at": NOW.isoformat(), "value": None}, None, Verdict.ACCEPTED),
            ({"verdict": "returned", "at": NOW.isoformat(), "value": 1}, 1, Verdict.RETURNED),
            ({"verdict": "returned", "at": (NOW - timedelta(days=1)).isoformat(), "value": 1}, 1, None),
        ],
    )
    def test_which_verdict_stands(self, remark: dict | None, value: int | None, expected: Verdict | None) -> None:
        assert review.standing_verdict(remark, value, NOW) == expected


class TestReturning:
    def test_the_return_goes_back_with_its_reason_and_the_values_stay(
        self, submission: Return, county_admin: User, period: Period
    ) -> None:
        before = list(VillageMonth.objects.order_by("pk").values_list("values", flat=True))
        review.return_cells(submission, [send_back()], "  东一村受理数漏报 ", by=county_admin, now=NOW)

        submission.refresh_from_db()
        assert submission.state == Return.State.RETURNED
        assert submission.return_reason == "东一村受理数漏报"
        assert (submission.returned_at, submission.reviewed_by) == (NOW, county_admin)
        assert submission.version == 2
        assert list(VillageMonth.objects.order_by("pk").values_list("values", flat=True)) == before
        (event,) = events("return_cells")
        assert event.changes == {"state": ["submitted", "returned"], "cells": 1}
        assert event.reason == "东一村受理数漏报"

    def test_verdicts_given_before_count(self, submission: Return, county_admin: User) -> None:
        review.record_verdicts(submission, [send_back()], by=county_admin, now=NOW)
        review.return_cells(submission, [], "见单元格", by=county_admin, now=LATER)
        submission.refresh_from_db()
        assert submission.state == Return.State.RETURNED

    def test_without_a_reason(self, submission: Return, county_admin: User) -> None:
        with pytest.raises(ValidationError) as error:
            review.return_cells(submission, [send_back()], " ", by=county_admin, now=NOW)
        assert error.value.code == "reason_missing"

    def test_without_a_cell(self, submission: Return, county_admin: User) -> None:
        with pytest.raises(ValidationError) as error:
            review.return_cells(submission, [], "请核对", by=county_admin, now=NOW)
        assert error.value.code == "nothing_returned"
        submission.refresh_from_db()
        assert submission.state == Return.State.SUBMITTED

    def test_in_a_locked_month_it_needs_an_unlock(
        self, submission: Return, county_admin: User, county_leader: User, period: Period
    ) -> None:
        Period.objects.update(state=Period.State.LOCKED)
        with pytest.raises(ValidationError) as error:
            review.return_cells(submission, [send_back()], "请核对", by=county_admin, now=NOW)
        assert error.value.code == "month_locked"
        assert row_of(period, "东一村").remarks == {}

    def test_the_same_cell_a_second_time_is_counted(
        self, submission: Return, county_admin: User, period: Period, east: Unit, east_editor: User
    ) -> None:
        review.return_cells(submission, [send_back()], "一", by=county_admin, now=NOW)
        assert review.returned_twice([period]) == {}
        submit(period, east, east_editor, at=LATER)
        again = [send_back(), send_back("东二村")]
        review.return_cells(submission, again, "二", by=county_admin, now=LATER + timedelta(minutes=5))

        assert row_of(period, "东一村").remarks["D2.n"]["times"] == 2
        assert row_of(period, "东二村").remarks["D2.n"]["times"] == 1
        assert review.returned_twice([period]) == {(period.pk, village("东一村").pk): 1}

    def test_changing_ones_mind_before_sending_counts_once(
        self, submission: Return, county_admin: User, period: Period
    ) -> None:
        cell = village("东一村").pk
        for verdict in (Verdict.RETURNED, Verdict.ACCEPTED, Verdict.RETURNED):
            review.record_verdicts(submission, [Remark(cell, "E4", verdict, "请核对")], by=county_admin, now=NOW)
        review.return_cells(submission, [], "请核对", by=county_admin, now=NOW)
        assert row_of(period, "东一村").remarks["E4"]["times"] == 1

    def test_a_double_click_returns_once(self, submission: Return, county_admin: User) -> None:
        review.return_cells(submission, [send_back()], "请核对", by=county_admin, now=NOW)
        with pytest.raises(ValidationError) as error:
            review.return_cells(submission, [send_back()], "请核对", by=county_admin, now=NOW)
        assert error.value.code == "not_submitted"
        assert len(events("return_cells")) == 1


class TestAccepting:
    def test_accepted_by_another(self, submission: Return, county_admin: User) -> None:
        review.accept_return(submission, by=county_admin, now=NOW)
        submission.refresh_from_db()
        assert submission.state == Return.State.ACCEPTED
        assert (submission.reviewed_by, submission.reviewed_at) == (county_admin, NOW)
        (event,) = events("accept_return")
        assert event.changes == {"state": ["submitted", "accepted"]}

    def test_a_returned_cell_blocks_the_whole(self, submission: Return, county_admin: User) -> None:
        review.record_verdicts(submission, [send_back()], by=county_admin, now=NOW)
        with pytest.raises(ValidationError) as error:
            review.accept_return(submission, by=county_admin, now=NOW)
        assert error.value.code == "cells_returned"

    def test_who_handed_it_in_does_not_accept_it(self, submission: Return, east_editor: User, east: Unit) -> None:
        grant(east_editor, Role.CS, east)
        with pytest.raises(PermissionDenied):
            review.accept_return(submission, by=east_editor, now=NOW)
        submission.refresh_from_db()
        assert submission.state == Return.State.SUBMITTED

    def test_the_database_refuses_it_too(self, submission: Return, east_editor: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Return.objects.filter(pk=submission.pk).update(state=Return.State.ACCEPTED, reviewed_by=east_editor)

    @pytest.mark.parametrize("state", [Period.State.COMPUTED, Period.State.PUBLISHED, Period.State.CLOSED])
    def test_after_computing_nothing_is_accepted(self, submission: Return, county_admin: User, state: str) -> None:
        Period.objects.update(state=state)
        with pytest.raises(ValidationError) as error:
            review.accept_return(submission, by=county_admin, now=NOW)
        assert error.value.code == "month_computed"

    def test_several_at_once(
        self, period: Period, submission: Return, west: Unit, west_editor: User, county_admin: User
    ) -> None:
        other = submit(period, west, west_editor)
        accepted = review.accept_returns(period, [submission.pk, other.pk], by=county_admin, now=NOW)
        assert {row.pk for row in accepted} == {submission.pk, other.pk}
        assert set(Return.objects.values_list("state", flat=True)) == {"accepted"}
        assert len(events("accept_return")) == 2

    def test_several_at_once_pass_over_what_does_not_fit(
        self, period: Period, submission: Return, west: Unit, west_editor: User, county_admin: User
    ) -> None:
        review.record_verdicts(submission, [send_back()], by=county_admin, now=NOW)
        draft = Return.objects.get(period=period, unit=west)
        assert review.accept_returns(period, [submission.pk, draft.pk], by=county_admin, now=NOW) == []

    def test_several_at_once_only_in_ones_own_area(
        self, period: Period, submission: Return, west: Unit, newcomer: User
    ) -> None:
        grant(newcomer, Role.CS, west)
        assert review.accept_returns(period, [submission.pk], by=newcomer, now=NOW) == []


class TestAcceptingCleanOnes:
    """East stands as last month; West jumps from 2 to 12 disputes without a word."""

    @pytest.fixture
    def both(
        self, county: Unit, period: Period, submission: Return, west: Unit, west_editor: User
    ) -> tuple[Return, Return]:
        make_month(county, month=date(2026, 9, 1), state=Period.State.CLOSED)
        set_values(period, "西一村", D2_d=12, D2_n=12)
        return submission, submit(period, west, west_editor)

    def test_only_what_stands_out_waits(self, period: Period, both: tuple[Return, Return], county_admin: User) -> None:
        east, west = both
        assert review.accept_clean_returns(period, by=county_admin, now=NOW) == [east]
        west.refresh_from_db()
        assert west.state == Return.State.SUBMITTED

    def test_an_explained_outlier_still_waits_for_a_person(
        self, period: Period, both: tuple[Return, Return], county_admin: User
    ) -> None:
        row = row_of(period, "西一村")
        row.notes = {"D2.d": "集中排查", "D2.n": "集中排查"}
        row.save()
        assert review.accept_clean_returns(period, by=county_admin, now=NOW) == [both[0]]

    def test_a_missing_value_is_not_clean(
        self, period: Period, both: tuple[Return, Return], county_admin: User
    ) -> None:
        set_values(period, "东三村", E4=None)
        assert review.accept_clean_returns(period, by=county_admin, now=NOW) == []

    def test_the_same_queries_for_one_and_for_two(
        self, period: Period, both: tuple[Return, Return], county_admin: User, django_assert_num_queries: Any
    ) -> None:
        set_values(period, "西一村", D2_d=2, D2_n=2)
        both[1].refresh_from_db()
        Return.objects.filter(pk=both[1].pk).update(state=Return.State.DRAFT)
        memberships_of(county_admin)
        with CaptureQueriesContext(connection) as one:
            review.accept_clean_returns(period, by=county_admin, now=NOW)
        Return.objects.update(state=Return.State.SUBMITTED)
        with CaptureQueriesContext(connection) as two:
            assert len(review.accept_clean_returns(period, by=county_admin, now=NOW)) == 2
        assert len(two) == len(one)


class TestUnlocking:
    @pytest.fixture
    def accepted(self, submission: Return, county_admin: User) -> Return:
        return review.accept_return(submission, by=county_admin, now=NOW)

    @pytest.fixture
    def unlock(self, accepted: Return, east_editor: User) -> Unlock:
        return review.ask_unlock(accepted, "党费数填错", 4, by=east_editor, now=NOW)

    def test_asked_and_approved_it_opens_for_the_hours(self, unlock: Unlock, county_leader: User) -> None:
        review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        unlock.refresh_from_db()
        assert (unlock.is_approved, unlock.decided_by) == (True, county_leader)
        assert unlock.open_until == NOW + timedelta(hours=4)
        assert unlock.submission.state == Return.State.RETURNED
        assert unlock.submission.return_reason == "党费数填错"
        assert [event.reason for event in events("approve_unlock")] == ["党费数填错"]

    def test_refused_nothing_opens(self, unlock: Unlock, county_leader: User, accepted: Return) -> None:
        review.decide_unlock(unlock, False, by=county_leader, now=NOW)
        unlock.refresh_from_db()
        accepted.refresh_from_db()
        assert (unlock.is_approved, unlock.open_until) == (False, None)
        assert accepted.state == Return.State.ACCEPTED
        assert len(events("refuse_unlock")) == 1

    def test_who_asked_does_not_decide(self, accepted: Return, county_leader: User) -> None:
        own = review.ask_unlock(accepted, "更正", 2, by=county_leader, now=NOW)
        with pytest.raises(PermissionDenied):
            review.decide_unlock(own, True, by=county_leader, now=NOW)

    def test_the_database_refuses_it_too(self, unlock: Unlock, east_editor: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Unlock.objects.filter(pk=unlock.pk).update(decided_by=east_editor)

    def test_decided_once(self, unlock: Unlock, county_leader: User) -> None:
        review.decide_unlock(unlock, False, by=county_leader, now=NOW)
        with pytest.raises(ValidationError) as error:
            review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        assert error.value.code == "already_decided"

    def test_asked_once(self, unlock: Unlock, accepted: Return, east_editor: User) -> None:
        with pytest.raises(ValidationError) as error:
            review.ask_unlock(accepted, "再来", 4, by=east_editor, now=NOW)
        assert error.value.code == "already_asked"

    @pytest.mark.parametrize(
        ("hours", "reason", "code"),
        [(0, "错", "hours_out_of_range"), (73, "错", "hours_out_of_range"), (4, " ", "reason_missing")],
    )
    def test_what_is_asked_must_make_sense(
        self, accepted: Return, east_editor: User, hours: int, reason: str, code: str
    ) -> None:
        with pytest.raises(ValidationError) as error:
            review.ask_unlock(accepted, reason, hours, by=east_editor, now=NOW)
        assert error.value.code == code

    def test_a_return_under_way_needs_no_unlock(self, submission: Return, east_editor: User) -> None:
        with pytest.raises(ValidationError) as error:
            review.ask_unlock(submission, "错", 4, by=east_editor, now=NOW)
        assert error.value.code == "not_accepted"

    def test_after_computing_it_is_too_late(self, unlock: Unlock, county_leader: User) -> None:
        Period.objects.update(state=Period.State.COMPUTED)
        with pytest.raises(ValidationError) as error:
            review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        assert error.value.code == "month_computed"
        unlock.refresh_from_db()
        assert unlock.is_approved is None

    @pytest.mark.parametrize(
        ("after", "expected"), [(timedelta(hours=3, minutes=59), "returned"), (timedelta(hours=4), "accepted")]
    )
    def test_untouched_it_is_accepted_again_when_the_hours_are_over(
        self, unlock: Unlock, county_leader: User, after: timedelta, expected: str
    ) -> None:
        review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        VillageMonth.objects.update(updated_at=NOW - timedelta(days=1))
        review.relock_due(NOW + after)
        unlock.refresh_from_db()
        assert unlock.submission.state == expected
        assert (unlock.relocked_at is not None) == (expected == "accepted")

    def test_changed_but_not_handed_in_it_goes_to_the_reviewer(
        self, unlock: Unlock, county_leader: User, period: Period
    ) -> None:
        end = NOW + timedelta(hours=4)
        review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        row = set_values(period, "东一村", A5_n=30)
        VillageMonth.objects.filter(pk=row.pk).update(updated_at=NOW + timedelta(hours=1))
        review.relock_due(end)
        submission = Return.objects.get(pk=unlock.submission_id)
        assert (submission.state, submission.submitted_at) == (Return.State.SUBMITTED, end)
        assert events("relock_return")[0].changes == {"state": ["returned", "submitted"]}

    def test_twice_does_nothing_more(self, unlock: Unlock, county_leader: User) -> None:
        review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        end: datetime = NOW + timedelta(hours=5)
        assert [review.relock_due(end), review.relock_due(end)] == [1, 0]
        assert len(events("relock_return")) == 1

    def test_accepting_again_ends_the_unlock(
        self, unlock: Unlock, county_leader: User, county_admin: User, period: Period, east: Unit, east_editor: User
    ) -> None:
        review.decide_unlock(unlock, True, by=county_leader, now=NOW)
        again = submit(period, east, east_editor, at=LATER)
        review.accept_return(again, by=county_admin, now=LATER)
        unlock.refresh_from_db()
        assert unlock.relocked_at == LATER
        assert list(review.live_unlocks(LATER)) == []


class TestReminding:
    def test_a_notice_is_kept_for_who_has_not_handed_in(
        self, period: Period, submission: Return, west: Unit, county_admin: User
    ) -> None:
        draft = Return.objects.get(period=period, unit=west)
        reminded = review.remind(period, [draft.pk, submission.pk], " 请于今日报送 ", by=county_admin, now=NOW)

        assert reminded == [draft]
        draft.refresh_from_db()
        assert (draft.reminder, draft.reminded_by, draft.reminded_at) == ("请于今日报送", county_admin, NOW)
        assert [event.target_id for event in events("remind_return")] == [str(draft.pk)]

    def test_not_again_within_two_hours(self, period: Period, west: Unit, county_admin: User) -> None:
        draft = Return.objects.get(period=period, unit=west)
        review.remind(period, [draft.pk], "", by=county_admin, now=NOW)
        assert review.remind(period, [draft.pk], "", by=county_admin, now=NOW + timedelta(minutes=119)) == []
        assert review.remind(period, [draft.pk], "", by=county_admin, now=NOW + timedelta(minutes=121)) == [draft]

    def test_only_in_ones_own_area(self, period: Period, west: Unit, east_editor: User, east: Unit) -> None:
        grant(east_editor, Role.CS, east)
        draft = Return.objects.get(period=period, unit=west)
        assert review.remind(period, [draft.pk], "", by=east_editor, now=NOW) == []

    def test_not_after_the_lock(self, period: Period, west: Unit, county_admin: User) -> None:
        period.state = Period.State.LOCKED
        with pytest.raises(ValidationError) as error:
            review.remind(period, [], "", by=county_admin, now=NOW)
        assert error.value.code == "not_open"

    def test_it_stands_in_the_to_dos_until_something_comes_in(
        self, period: Period, west: Unit, county_admin: User, west_editor: User
    ) -> None:
        draft = Return.objects.get(period=period, unit=west)
        review.remind(period, [draft.pk], "请于今日报送", by=county_admin, now=NOW)
        (todo,) = todos(west_editor, NOW)
        assert "请于今日报送" in todo.detail

        Return.objects.filter(pk=draft.pk).update(state=Return.State.RETURNED, returned_at=LATER, return_reason="漏报")
        (todo,) = todos(west_editor, LATER)
        assert todo.detail == "漏报"
