"""Report-and-comment meetings, and the lists of commendations and problems."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent, User
from assessments.models import Comment, CommentMeeting, YearItem
from assessments.services import year as years
from assessments.services.year_items import add_item, change_item, close_item
from assessments.services.year_meetings import Said, change_meeting, confirm_meeting, enter_meeting, may_report
from branches.models import Unit
from branches.versions import Conflict
from cadres.models import Person
from tests.assessments.year_ground import NOW, make_people, open_year

TODAY = date(2026, 7, 20)
VALUES = {
    "year": 2026,
    "held_on": date(2026, 7, 10),
    "chair": "周明远",
    "entitled": 50,
    "present": 42,
    "minutes": "逐一述职、现场提问。",
}


@pytest.fixture
def people(county: Unit) -> dict[str, Person]:
    return make_people(county)


def said(person: Person, *ballots: int, remark: str = "") -> Said:
    first, second, third, fourth = ballots or (30, 10, 2, 0)
    return Said(person_id=person.pk, ballots=(first, second, third, fourth), remark=remark)


def code_of(error: ValidationError) -> set[str]:
    found = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    return {str(one.code) for errors in found.values() for one in errors}


class TestMeeting:
    def test_entered_by_one_and_confirmed_by_another(
        self, people: dict[str, Person], east: Unit, east_editor: User, county_admin: User
    ) -> None:
        one, two = people["东一村书记"], people["东二村书记"]
        meeting = enter_meeting(
            east,
            VALUES,
            [said(one, 40, 2, 0, 0, remark=" 抓产业有力 "), said(two, 20, 8, 1, 13)],
            by=east_editor,
            today=TODAY,
        )
        grades = dict(meeting.comments.values_list("person__name", "grade"))
        assert grades == {"东一村书记": "good", "东二村书记": "poor"}
        assert Comment.objects.get(person=one).remark == "抓产业有力"
        with pytest.raises(ValidationError) as refused:
            confirm_meeting(meeting, version=1, by=east_editor, now=NOW)
        assert code_of(refused.value) == {"own_work"}
        with pytest.raises(IntegrityError), transaction.atomic():
            CommentMeeting.objects.filter(pk=meeting.pk).update(confirmed_by=east_editor)
        with pytest.raises(Conflict):
            confirm_meeting(meeting, version=2, by=county_admin, now=NOW)
        done = confirm_meeting(meeting, version=1, by=county_admin, now=NOW)
        assert (done.confirmed_by, done.version) == (county_admin, 2)
        for act in (
            lambda: confirm_meeting(meeting, version=2, by=county_admin, now=NOW),
            lambda: change_meeting(meeting, VALUES, [said(one)], version=2, by=east_editor, today=TODAY),
        ):
            with pytest.raises(ValidationError) as refused:
                act()
            assert code_of(refused.value) == {"confirmed"}

    def test_put_right_before_it_is_confirmed(self, people: dict[str, Person], east: Unit, east_editor: User) -> None:
        meeting = enter_meeting(east, VALUES, [said(people["东一村书记"])], by=east_editor, today=TODAY)
        again = change_meeting(
            meeting,
            {**VALUES, "present": 41},
            [said(people["东二村书记"], 0, 0, 0, 0)],
            version=1,
            by=east_editor,
            today=TODAY,
        )
        assert (again.present, again.version) == (41, 2)
        assert list(again.comments.values_list("person__name", "grade")) == [("东二村书记", "")]
        event = AuditEvent.objects.get(event="assessments.change_commentmeeting")
        assert set(event.changes) == {"present", "said"}

    @pytest.mark.parametrize(
        ("values", "who", "ballots", "code"),
        [
            ({"held_on": date(2026, 7, 21)}, "东一村书记", (30, 0, 0, 0), "in_the_future"),
            ({"present": 51}, "东一村书记", (30, 0, 0, 0), "more_present"),
            ({}, "", (30, 0, 0, 0), "nobody"),
            ({}, "西一村书记", (30, 0, 0, 0), "unknown_person"),
            ({}, "东一村委员", (30, 0, 0, 0), "unknown_person"),
            ({}, "东一村书记", (30, 10, 2, 1), "more_ballots"),
            ({}, "东一村书记", (30, 10, 2, -1), "more_ballots"),
            ({}, "东一村书记 东一村书记", (30, 0, 0, 0), "twice"),
        ],
    )
    def test_what_is_refused(
        self,
        people: dict[str, Person],
        east: Unit,
        east_editor: User,
        values: dict[str, Any],
        who: str,
        ballots: tuple[int, ...],
        code: str,
    ) -> None:
        comments = [said(people[name], *ballots) for name in who.split()]
        with pytest.raises(ValidationError) as refused:
            enter_meeting(east, {**VALUES, **values}, comments, by=east_editor, today=TODAY)
        assert code_of(refused.value) == {code}
        assert not CommentMeeting.objects.exists()

    def test_one_meeting_of_a_place_and_day(self, people: dict[str, Person], east: Unit, east_editor: User) -> None:
        comments = [said(people["东一村书记"])]
        enter_meeting(east, VALUES, comments, by=east_editor, today=TODAY)
        with pytest.raises(ValidationError) as refused:
            enter_meeting(east, VALUES, comments, by=east_editor, today=TODAY)
        assert code_of(refused.value) == {"held_before"}

    def test_a_village_holds_none(self, people: dict[str, Person], east_editor: User) -> None:
        with pytest.raises(ValidationError) as refused:
            enter_meeting(Unit.objects.get(name="东一村"), VALUES, [], by=east_editor, today=TODAY)
        assert code_of(refused.value) == {"wrong_place"}

    def test_who_may_report(self, people: dict[str, Person], county: Unit, east: Unit) -> None:
        assert len(may_report(county, TODAY)) == 5
        assert {row.person.name for row in may_report(east, TODAY).values()} == {
            "东一村书记",
            "东二村书记",
            "东三村书记",
        }


class TestItems:
    def test_a_problem_is_carried_on_until_it_is_closed(self, county: Unit, county_admin: User) -> None:
        first = years.open_assessment(county, 2025, "year", by=county_admin, now=NOW)
        village = Unit.objects.get(name="东一村")
        text = {"text": " 集体合同未入账 ", "measure": "三月底前清理", "due_on": date(2026, 3, 31)}
        problem = add_item(first, village, "problem", text, by=county_admin)
        solved = add_item(first, village, "problem", {"text": "账目未公开"}, by=county_admin)
        praise = add_item(first, village, "commendation", {"text": "人居环境示范村"}, by=county_admin)
        close_item(solved, date(2026, 1, 5), "已公开", version=1, by=county_admin, today=TODAY)
        second = open_year(county, county_admin)
        carried = YearItem.objects.get(assessment=second)
        assert (carried.carried_from, carried.text, carried.due_on) == (problem, "集体合同未入账", date(2026, 3, 31))
        for act in (
            lambda: close_item(problem, date(2026, 7, 1), "已清理", version=1, by=county_admin, today=TODAY),
            lambda: close_item(solved, date(2026, 7, 1), "再次", version=2, by=county_admin, today=TODAY),
            lambda: close_item(praise, date(2026, 7, 1), "x", version=1, by=county_admin, today=TODAY),
            lambda: close_item(carried, date(2026, 7, 21), "x", version=1, by=county_admin, today=TODAY),
            lambda: close_item(carried, date(2026, 7, 1), " ", version=1, by=county_admin, today=TODAY),
        ):
            with pytest.raises(ValidationError), transaction.atomic():
                act()
        done = close_item(carried, date(2026, 7, 1), " 已清理 ", version=1, by=county_admin, today=TODAY)
        assert (done.closed_on, done.closing_note, done.closed_by) == (date(2026, 7, 1), "已清理", county_admin)
        third = years.open_assessment(county, 2026, "year", by=county_admin, now=NOW)
        assert not YearItem.objects.filter(assessment=third).exists()

    def test_words_change_on_the_version_that_was_seen(self, county: Unit, county_admin: User) -> None:
        row = open_year(county, county_admin)
        item = add_item(row, Unit.objects.get(name="东一村"), "problem", {"text": "一"}, by=county_admin)
        changed = change_item(item, {"text": "二", "measure": "整改"}, version=1, by=county_admin)
        assert (changed.text, changed.measure, changed.version) == ("二", "整改", 2)
        change_item(item, {"text": "二", "measure": "整改"}, version=2, by=county_admin)
        assert AuditEvent.objects.filter(event="assessments.change_yearitem").count() == 1
        with pytest.raises(Conflict):
            change_item(item, {"text": "三"}, version=1, by=county_admin)
        with pytest.raises(ValidationError):
            change_item(item, {"text": " "}, version=3, by=county_admin)

    def test_where_it_can_be_entered(self, county: Unit, east: Unit, county_admin: User) -> None:
        row = open_year(county, county_admin)
        with pytest.raises(ValidationError):
            add_item(row, east, "problem", {"text": "一"}, by=county_admin)
        row.state = "superseded"
        type(row).objects.filter(pk=row.pk).update(
            state="superseded", computed_by=county_admin, checksum="x", published_by=User.objects.create(username="另")
        )
        with pytest.raises(ValidationError) as refused:
            add_item(row, Unit.objects.get(name="东一村"), "problem", {"text": "一"}, by=county_admin)
        assert code_of(refused.value) == {"superseded"}
