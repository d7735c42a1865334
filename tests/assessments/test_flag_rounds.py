"""Setting up a round, opening and closing it, and what the system says of a village for each criterion."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from assessments.models import FlagCategory, FlagCriterion, FlagRound, Period, Return, VillageMonth
from assessments.services import flag_rounds
from assessments.services.flag_rounds import (
    add_round,
    change_round,
    close_round,
    computed_lines,
    months_of,
    open_round,
    remove_part,
    round_problems,
    save_category,
    save_criterion,
)
from branches.models import Branch, OrganisationalLife, Unit
from cadres.models import Person, Posting
from imports.dates import PartialDate
from tests.assessments.month_ground import make_month, scaled
from tests.conftest import make_unit

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 6, 1, 0, tzinfo=UTC)
TODAY = date(2026, 7, 6)
VALUES = {
    "name": "2026年上半年",
    "document": "青组发〔2026〕12号",
    "first_on": date(2026, 1, 1),
    "last_on": date(2026, 6, 30),
    "apply_by": date(2026, 7, 15),
    "valid_to": date(2026, 12, 31),
}


@pytest.fixture
def draft(county: Unit, county_admin: User) -> FlagRound:
    return add_round(county, VALUES, copy_of=None, by=county_admin)


def codes_of(call: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        call()
    return (
        sorted(error.code for error in caught.value.error_list)
        if not hasattr(caught.value, "error_dict")
        else [error.code for errors in caught.value.error_dict.values() for error in errors]
    )


# --- Setting up ------------------------------------------------------------------------------


def test_a_round_begins_with_the_five_flags_of_the_handbook(draft: FlagRound) -> None:
    categories = list(draft.categories.all())
    assert [(one.code, one.name, one.pass_line, one.quota) for one in categories] == [
        ("F1", "基层党建", 80, None),
        ("F2", "脱贫巩固", 80, None),
        ("F3", "产业发展", 80, None),
        ("F4", "美丽乡村", 80, None),
        ("F5", "社会治理", 80, None),
    ]
    assert [one.is_party_building for one in categories] == [True, False, False, False, False]
    assert {sum(item.points for item in one.criteria.all()) for one in categories} == {Decimal(100)}
    assert sum(item.is_gate for one in categories for item in one.criteria.all()) == 9
    assert draft.notice_days == 5
    assert round_problems(draft) == []
    assert AuditEvent.objects.get(event="assessments.add_flaground").changes == {"name": "2026年上半年", "from": "seed"}


def test_the_next_round_begins_as_a_copy(draft: FlagRound, county: Unit, county_admin: User) -> None:
    change_round(draft, {"panel_share": 30, "title": "六面红旗"}, version=1, by=county_admin)
    category = draft.categories.get(code="F3")
    save_category(draft, category, {"code": "F3", "quota": 20}, version=2, by=county_admin)
    draft.refresh_from_db()
    later = {**VALUES, "name": "2026年下半年", "first_on": date(2026, 7, 1), "last_on": date(2026, 12, 31)}
    later |= {"apply_by": date(2027, 1, 15), "valid_to": date(2027, 6, 30)}
    copy = add_round(county, later, copy_of=draft, by=county_admin)
    assert (copy.title, copy.panel_share, copy.copied_from) == ("六面红旗", 30, draft)
    assert copy.categories.get(code="F3").quota == 20
    assert flag_rounds.rules_of(copy) == flag_rounds.rules_of(draft)


def test_a_round_of_another_county_is_not_copied(draft: FlagRound, county_admin: User) -> None:
    other = make_unit(Unit.objects.get(name="测试市"), "county", "外县", "990103")
    assert codes_of(lambda: add_round(other, VALUES, copy_of=draft, by=county_admin)) == ["other_county"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"last_on": date(2025, 12, 31), "valid_to": date(2026, 1, 1)}, "dates"),
        ({"valid_to": date(2026, 6, 29)}, "valid_to"),
        ({"apply_by": date(2025, 12, 31)}, "apply_by"),
        ({"panel_share": 101}, "panel_share"),
        ({"name": "2026年上半年"}, "name_taken"),
    ],
)
def test_settings_that_are_refused(
    draft: FlagRound, county: Unit, county_admin: User, values: dict[str, Any], code: str
) -> None:
    named = {**VALUES, "name": "另一轮", **values}
    assert codes_of(lambda: add_round(county, named, copy_of=None, by=county_admin)) == [code]


def test_two_editors_of_a_draft_are_told(draft: FlagRound, county_admin: User) -> None:
    change_round(draft, {"notice_days": 7}, version=1, by=county_admin)
    assert codes_of(lambda: change_round(draft, {"notice_days": 3}, version=1, by=county_admin)) == [
        "changed_meanwhile"
    ]
    draft.refresh_from_db()
    assert (draft.notice_days, draft.version) == (7, 2)
    assert change_round(draft, {"notice_days": 7}, version=2, by=county_admin).version == 2, "nothing changed"


def test_categories_and_criteria_are_written_and_taken_out(draft: FlagRound, county_admin: User) -> None:
    new = {"code": "F6", "name": "人才兴村", "lead": "县委组织部"}
    category = save_category(draft, None, new, version=1, by=county_admin)
    item = {"code": "F6-1", "name": "返乡人才", "points": Decimal(100), "source": "D"}
    criterion = save_criterion(draft, category, None, item, version=2, by=county_admin)
    assert (category.sort, criterion.sort) == (5, 0)
    assert codes_of(lambda: save_category(draft, None, new, version=3, by=county_admin)) == ["code_taken"]
    assert codes_of(lambda: save_criterion(draft, category, None, item, version=3, by=county_admin)) == ["code_taken"]
    remove_part(draft, criterion, version=3, by=county_admin)
    assert [problem.code for problem in round_problems(draft)] == ["points_sum"]
    remove_part(draft, category, version=4, by=county_admin)
    assert round_problems(draft) == []


def test_a_criterion_that_nothing_computes_is_refused(draft: FlagRound, county_admin: User) -> None:
    category = draft.categories.get(code="F2")
    values = {"code": "F2-9", "name": "x", "points": Decimal(5), "source": "S", "rule_type": "ratio"}
    for source, over, code in (
        ("branches.unknown", "months", "source_unknown"),
        ("branches.party_day_held", "span", "source_unknown"),
        ("", "months", "source_missing"),
    ):
        whole = {**values, "source_code": source, "parameters": {"over": over}}
        assert codes_of(
            lambda whole=whole: save_criterion(draft, category, None, whole, version=1, by=county_admin)
        ) == [code]
    assert category.criteria.filter(code="F2-9").count() == 0


# --- Opening and closing ---------------------------------------------------------------------


def test_what_keeps_a_round_from_being_opened(draft: FlagRound, county_admin: User) -> None:
    draft.categories.filter(code="F1").update(pass_line=Decimal("100.5"))
    FlagCriterion.objects.filter(code="F4-3").update(points=Decimal("14.5"))
    FlagCriterion.objects.filter(code="F5-1").update(source_code="branches.gone")
    assert [problem.code for problem in round_problems(draft)] == ["pass_line", "points_sum", "source_unknown"]
    assert codes_of(lambda: open_round(draft, version=1, by=county_admin, now=NOW)) == ["not_ready"] * 3
    FlagCategory.objects.filter(round=draft).delete()
    assert [problem.code for problem in round_problems(draft)] == ["no_category"]


def test_an_open_round_is_fixed_and_closes_when_all_is_decided(draft: FlagRound, county_admin: User) -> None:
    opened = open_round(draft, version=1, by=county_admin, now=NOW)
    assert (opened.state, opened.opened_by, opened.opened_at) == ("open", county_admin, NOW)
    assert codes_of(lambda: change_round(draft, {"notice_days": 3}, version=2, by=county_admin)) == ["not_a_draft"]
    assert codes_of(lambda: close_round(draft, version=1, by=county_admin, now=NOW)) == ["changed_meanwhile"]
    assert close_round(draft, version=2, by=county_admin, now=NOW).state == "closed"
    assert codes_of(lambda: close_round(draft, version=3, by=county_admin, now=NOW)) == ["not_open"]


# --- What the system knows -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (date(2026, 1, 31), 0),
        (date(2026, 2, 1), 1),
        (date(2026, 6, 30), 5),
        (date(2026, 7, 1), 6),
        (date(2027, 7, 1), 6),
    ],
)
def test_only_months_that_are_over_count(draft: FlagRound, today: date, months: int) -> None:
    assert len(months_of(draft, today)) == months


def line(draft: FlagRound, code: str, village: str = "东一村", today: date = TODAY) -> tuple[Any, str]:
    category = draft.categories.get(code=code[:2])
    unit = Unit.objects.get(name=village)
    found = next(one for one in computed_lines(category, [unit.pk], today=today)[unit.pk] if one["code"] == code)
    assert found["self"] == found["computed"]
    return found["computed"], found["value"]


def hold(village: str, kind: str, *days: date, present: int = 9, due: int = 10) -> None:
    unit = Unit.objects.get(name=village)
    branch, _is_new = Branch.objects.get_or_create(unit=unit, name=f"{village}党支部")
    for day in days:
        OrganisationalLife.objects.create(
            branch=branch, path=unit.path, kind=kind, held_on=day, recorded_on=day, due_count=due, present_count=present
        )


def test_party_days_count_by_months_and_attendance_over_the_round(draft: FlagRound) -> None:
    hold("东一村", "party_day", *[date(2026, month, 5) for month in (1, 2, 3, 4, 5)], present=7)
    hold("东一村", "party_day", date(2026, 6, 5), present=10, due=10)
    assert line(draft, "F1-1") == (1500, "6/6")
    assert line(draft, "F1-2") == (0, "45/60"), "75 %"
    assert line(draft, "F1-1", today=date(2026, 4, 10)) == (1500, "3/3")
    assert line(draft, "F1-1", "东二村") == (0, "0/6")


def test_committee_and_member_meetings_count_together(draft: FlagRound) -> None:
    hold("东一村", "committee_meeting", *[date(2026, month, 8) for month in range(1, 7)])
    hold("东一村", "member_meeting", date(2026, 1, 9), date(2026, 4, 9))
    assert line(draft, "F1-3") == (1500, "12/12")
    OrganisationalLife.objects.filter(kind="member_meeting", held_on__month=4).update(is_void=True)
    assert line(draft, "F1-3") == (1125, "9/12"), "three months of a meeting in January"


@pytest.mark.parametrize(
    ("started", "ended", "expected"),
    [
        ("2021-03", None, (True, "有人在岗")),
        ("2021-03", date(2026, 6, 30), (True, "有人在岗")),
        ("2021-03", date(2026, 6, 29), (False, "空缺")),
        (None, None, (None, "")),
    ],
)
def test_the_gate_of_the_secretary(
    draft: FlagRound, started: str | None, ended: date | None, expected: tuple[Any, str]
) -> None:
    unit = Unit.objects.get(name="东一村")
    if started:
        person = Person.objects.create(unit=unit, name="张三")
        Posting.objects.create(
            person=person, unit=unit, post=Posting.Post.SECRETARY, started_on=PartialDate.parse(started), ended_on=ended
        )
    assert line(draft, "F1-G2") == expected


def test_what_townships_entered_counts_when_it_is_published(draft: FlagRound, county: Unit) -> None:
    for month, score in ((1, 90), (2, 80), (3, 100)):
        period = make_month(county, month=date(2026, month, 1), state=Period.State.PUBLISHED)
        Return.objects.filter(period=period).update(state=Return.State.ACCEPTED)
        VillageMonth.objects.filter(period=period).update(values=scaled(E1=score, E2_n=1, E2_d=month))
    assert line(draft, "F4-1") == (3600, "90")
    assert line(draft, "F4-2") == (750, "3/6")
    Period.objects.filter(month=date(2026, 3, 1)).update(state=Period.State.OPEN)
    assert line(draft, "F4-1") == (3400, "85"), "a month that is not published does not count"
    values = {**scaled(E1=0), "E2.n": [None, "not_applicable"], "E2.d": [None, "not_applicable"]}
    VillageMonth.objects.filter(period__month=date(2026, 2, 1)).update(values=values)
    assert line(draft, "F4-2") == (1500, "1/1"), "a month that does not apply is left out"
    Return.objects.all().update(state=Return.State.SUBMITTED)
    assert line(draft, "F4-1") == (None, ""), "nothing accepted: nobody knows"


def test_what_the_system_does_not_know_is_left_open(draft: FlagRound) -> None:
    assert line(draft, "F1-4") == (None, "")
    assert line(draft, "F1-1", today=date(2026, 1, 20)) == (None, "")
    assert line(draft, "F1-G1") == (None, "")


def test_questions_do_not_grow_with_the_villages(draft: FlagRound) -> None:
    category = draft.categories.get(code="F1")
    counts = []
    for names in (["东一村"], ["东一村", "东二村", "西一村"]):
        ids = list(Unit.objects.filter(name__in=names).values_list("pk", flat=True))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            computed_lines(category, ids, today=TODAY)
        counts.append(len(captured))
    assert counts == [36, 36]
