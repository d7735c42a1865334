"""The life of an entry: who may go where, what it leaves behind, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.event_words import words_for
from accounts.models import AuditEvent, User
from branches.models import Unit
from branches.versions import Conflict
from cadres.limits import LimitsByPlace, limits_for
from cadres.models import DisciplineAction, PeopleLimits, Person, ReserveAssessment, ReserveCadre, ReserveStep
from cadres.services import reserve
from cadres.services.limits import set_limits
from cadres.services.reserve import MOVES
from imports.dates import PartialDate
from tests.cadres.people import make_person, post
from tests.cadres.reserves import TODAY, enter, nominate

pytestmark = pytest.mark.django_db


def codes(error: ValidationError) -> list[str]:
    return (
        [one.code for one in error.error_list]
        if hasattr(error, "error_list")
        else [one.code for errors in error.error_dict.values() for one in errors]
    )


def move(entry: ReserveCadre, name: str, by: User | None = None, on: date = TODAY, **fields: Any) -> ReserveCadre:
    entry.refresh_from_db()
    return reserve.move_on(entry, MOVES[name], on=on, version=entry.version, by=by, today=TODAY, **fields)


def test_from_nomination_to_office_each_step_and_event_is_kept(
    county: Unit, east_editor: User, county_admin: User
) -> None:
    person = make_person("张三", birth="1990-05", education="31")
    entry = nominate(person, by=east_editor, on=date(2026, 1, 5), mentor="王书记", source="返乡青年")
    move(entry, "review", east_editor, on=date(2026, 1, 20), note="考察合格")
    move(entry, "record", county_admin, on=date(2026, 2, 1))
    move(entry, "train", east_editor, on=date(2026, 3, 1))
    posting = post(person, 30, started_on=PartialDate(2026, 9))
    entry = move(entry, "promote", county_admin, on=date(2026, 9, 15), posting=posting)
    steps = [(s.from_stage, s.to_stage, s.on, s.recorded_by, s.posting) for s in entry.steps.all()]
    assert steps == [
        ("", "nominated", date(2026, 1, 5), east_editor, None),
        ("nominated", "reviewed", date(2026, 1, 20), east_editor, None),
        ("reviewed", "on_record", date(2026, 2, 1), county_admin, None),
        ("on_record", "training", date(2026, 3, 1), east_editor, None),
        ("training", "promoted", date(2026, 9, 15), county_admin, posting),
    ]
    entry.refresh_from_db()
    assert (entry.stage, entry.exit_reason, entry.left_on) == ("promoted", "promoted", date(2026, 9, 15))
    assert (str(entry.entered_on), entry.version) == ("2026-02-01", 5)
    events = AuditEvent.objects.filter(target_type="cadres.reservecadre").order_by("pk")
    assert [(event.event, event.actor) for event in events] == [
        ("cadres.nominate_reservecadre", east_editor),
        ("cadres.review_reservecadre", east_editor),
        ("cadres.record_reservecadre", county_admin),
        ("cadres.train_reservecadre", east_editor),
        ("cadres.promote_reservecadre", county_admin),
    ]
    assert events[4].changes["posting"] == posting.pk
    assert {words_for(event.event) == event.event for event in events} == {False}


@pytest.mark.parametrize(
    ("stage", "allowed"),
    [
        ("nominated", ["review", "remove"]),
        ("reviewed", ["record", "remove"]),
        ("on_record", ["train", "promote", "remove"]),
        ("training", ["promote", "remove"]),
        ("promoted", []),
        ("removed", []),
    ],
)
def test_what_follows_on_each_stage(county: Unit, stage: str, allowed: list[str]) -> None:
    assert [one.name for one in reserve.moves_from(stage)] == allowed
    entry = enter(make_person("张三", birth="1990", education="31"), stage)
    for name in set(MOVES) - set(allowed):
        with pytest.raises(ValidationError) as caught:
            move(entry, name, reason="own_wish")
        assert codes(caught.value) == ["wrong_stage"]
    assert not ReserveStep.objects.exists()


def test_the_township_reviews_and_only_the_county_puts_on_record(
    county: Unit, east_editor: User, county_admin: User, county_leader: User, county_viewer: User, west_editor: User
) -> None:
    entry = enter(make_person("张三"), "nominated")
    may = {
        name: [
            user.username
            for user in (east_editor, west_editor, county_admin, county_leader, county_viewer)
            if ReserveCadre.objects.for_user(user, MOVES[name].permission).filter(pk=entry.pk).exists()
        ]
        for name in MOVES
    }
    keepers = ["east_editor", "county_admin"]
    assert may == {
        "review": ["east_editor"],
        "record": ["county_admin"],
        "train": keepers,
        "promote": keepers,
        "remove": keepers,
    }


def test_nobody_is_nominated_twice_and_conditions_that_are_not_met_are_said_together(county: Unit) -> None:
    person = make_person("张三", birth="1975-02", education="71")
    with pytest.raises(ValidationError) as caught:
        nominate(person)
    assert caught.value.messages == [
        "现年 51 岁，超过 45 岁的入库年龄上限。",
        "学历为初中，低于规定的最低学历（普通高中）。",
    ]
    nominate(young := make_person("李四", birth="1995", education="61"))
    with pytest.raises(ValidationError) as caught:
        nominate(young)
    assert codes(caught.value) == ["blocked"]
    assert ReserveCadre.objects.count() == ReserveStep.objects.count() == AuditEvent.objects.count() == 1


def test_what_is_not_known_is_asked_for_before_the_review(county: Unit) -> None:
    person = Person.objects.create(unit=Unit.objects.get(name="东一村"), name="张三")
    entry = nominate(person)
    with pytest.raises(ValidationError) as caught:
        move(entry, "review")
    assert caught.value.messages == ["出生日期不详，无法核对年龄。", "学历不详，无法核对。"]
    person.birth, person.education = PartialDate(1990, 5), "31"
    person.save()
    assert move(entry, "review").stage == "reviewed"


@pytest.mark.parametrize(
    ("until", "is_refused"), [(date(2026, 11, 25), False), (TODAY, True), (date(2027, 5, 1), True), (None, False)]
)
def test_a_punishment_in_effect_stops_every_step_but_leaving(
    county: Unit, until: date | None, is_refused: bool
) -> None:
    person = make_person("张三", birth="1990", education="31")
    entries = {name: enter(make_person(name, birth="1990", education="31"), stage) for name, stage in STAGES.items()}
    for one in [person, *(entry.person for entry in entries.values())]:
        DisciplineAction.objects.create(
            person=one, kind="warning", decided_on=date(2026, 5, 1), effective_to=until, reason="违纪"
        )
    for act in (lambda: nominate(person), *((lambda name=name: move(entries[name], name)) for name in STAGES)):
        if is_refused:
            with pytest.raises(ValidationError) as caught:
                act()
            assert codes(caught.value) == ["blocked"]
        else:
            act()
    leaving = enter(make_person("出库", birth="1990"), "training")
    DisciplineAction.objects.create(
        person=leaving.person, kind="warning", decided_on=date(2026, 5, 1), effective_to=until, reason="违纪"
    )
    assert move(leaving, "remove", reason="discipline").exit_reason == "discipline"


STAGES = {"review": "nominated", "record": "reviewed", "train": "on_record", "promote": "training"}


def test_days_go_forward_and_a_later_one_has_not_come(county: Unit) -> None:
    entry = nominate(make_person("张三", birth="1990", education="31"), on=date(2026, 5, 1))
    for on, code in ((date(2026, 4, 30), "before_step"), (date(2026, 11, 27), "in_the_future")):
        with pytest.raises(ValidationError) as caught:
            move(entry, "review", on=on)
        assert codes(caught.value) == [code]
    with pytest.raises(ValidationError) as caught:
        nominate(make_person("李四", birth="1990"), on=date(2026, 11, 27))
    assert codes(caught.value) == ["in_the_future"]
    assert move(entry, "review", on=date(2026, 5, 1)).stage == "reviewed"


@pytest.mark.parametrize("fields", [{"valid_to": date(2026, 6, 30)}, {"valid_from": date(2027, 1, 1)}])
def test_a_village_that_is_not_there_has_no_reserve(county: Unit, fields: dict[str, date]) -> None:
    Unit.objects.filter(name="东一村").update(**fields)
    with pytest.raises(ValidationError) as caught:
        nominate(make_person("张三", birth="1990"))
    assert codes(caught.value) == ["village_closed"]


@pytest.mark.parametrize("reason", ["", "promoted", "nonsense"])
def test_a_removal_says_why(county: Unit, reason: str) -> None:
    entry = enter(make_person("张三", birth="1990"), "training")
    with pytest.raises(ValidationError) as caught:
        move(entry, "remove", reason=reason)
    assert codes(caught.value) == ["no_reason"]


def test_a_promotion_names_a_post_of_the_person_or_none(county: Unit) -> None:
    entry = enter(make_person("张三", birth="1990"), "training")
    foreign = post(make_person("李四"), 10)
    with pytest.raises(ValidationError) as caught:
        move(entry, "promote", posting=foreign)
    assert codes(caught.value) == ["other_person"]
    own = post(entry.person, 10)
    with pytest.raises(ValidationError) as caught:
        move(entry, "remove", reason="own_wish", posting=own)
    assert codes(caught.value) == ["other_person"]
    assert move(entry, "promote").steps.get().posting is None


def test_two_at_once_the_second_is_told(county: Unit, east_editor: User) -> None:
    entry = enter(make_person("张三", birth="1990", education="31"), "nominated")
    reserve.change_entry(entry, {"mentor": "王书记"}, version=1, by=east_editor)
    for act in (
        lambda: reserve.change_entry(entry, {"mentor": "李书记"}, version=1, by=east_editor),
        lambda: reserve.move_on(entry, MOVES["review"], on=TODAY, version=1, by=east_editor, today=TODAY),
    ):
        with pytest.raises(Conflict):
            act()
    entry.refresh_from_db()
    assert (entry.mentor, entry.stage, entry.version) == ("王书记", "nominated", 2)
    event = AuditEvent.objects.get(event="cadres.change_reservecadre")
    assert event.changes == {"mentor": ["", "王书记"]}


def test_saving_the_same_again_tells_nothing_and_a_closed_entry_stays(county: Unit) -> None:
    entry = enter(make_person("张三"), "training", mentor="王书记")
    reserve.change_entry(entry, {"mentor": "王书记"}, version=1, by=None)
    assert not AuditEvent.objects.exists()
    closed = enter(make_person("李四"), "removed")
    with pytest.raises(ValidationError) as caught:
        reserve.change_entry(closed, {"mentor": "王书记"}, version=1, by=None)
    assert codes(caught.value) == ["left"]


def test_yearly_assessment_is_made_and_corrected_and_two_unqualified_years_propose_removal(
    county: Unit, east_editor: User
) -> None:
    entry = enter(make_person("张三", birth="1990", education="31"), "training", entered_on=PartialDate(2024, 3))
    reserve.assess(entry, 2024, "unqualified", by=east_editor, today=TODAY)
    reserve.assess(entry, 2025, "qualified", by=east_editor, today=TODAY)
    assert [one.removal for one in reserve.attention_for(entry, TODAY) if one.removal] == []
    row = reserve.assess(entry, 2025, "unqualified", by=east_editor, today=TODAY, note="复核")
    reserve.assess(entry, 2025, "unqualified", by=east_editor, today=TODAY, note="复核")
    assert (row.version, ReserveAssessment.objects.count()) == (2, 2)
    changes = [event.changes for event in AuditEvent.objects.order_by("pk")]
    assert changes[2] == {"year": 2025, "grade": ["qualified", "unqualified"], "note": ["", "复核"]}
    assert len(changes) == 3
    assert [one.removal for one in reserve.attention_for(entry, TODAY) if one.removal] == ["two_years_unqualified"]
    entry.refresh_from_db()
    assert entry.stage == "training"


@pytest.mark.parametrize(
    ("stage", "year", "code"),
    [
        ("nominated", 2026, "not_on_record"),
        ("promoted", 2026, "not_on_record"),
        ("training", 2027, "year"),
        ("training", 2023, "year"),
    ],
)
def test_years_outside_the_time_on_record_are_not_assessed(county: Unit, stage: str, year: int, code: str) -> None:
    entry = enter(make_person("张三"), stage, entered_on=PartialDate(2024, 3))
    with pytest.raises(ValidationError) as caught:
        reserve.assess(entry, year, "qualified", by=None, today=TODAY)
    assert codes(caught.value) == [code]
    unknown = enter(make_person("李四"), "on_record")
    assert reserve.assess(unknown, 2019, "qualified", by=None, today=TODAY).year == 2019


def test_what_was_in_an_earlier_entry_is_told_at_the_next_nomination(county: Unit) -> None:
    person = make_person("张三", birth="1990", education="31")
    first = enter(person, "training", entered_on=PartialDate(2022))
    for year in (2023, 2024):
        reserve.assess(first, year, "unqualified", by=None, today=TODAY)
    move(first, "remove", on=date(2025, 1, 10), reason="two_years_unqualified")
    post(person, 80, started_on=PartialDate(2025))
    assert [(one.code, one.blocks) for one in reserve.nomination_findings(person, TODAY)] == [
        ("unqualified_before", False),
        ("left_before", False),
        ("in_office", False),
    ]
    entry = nominate(person)
    assert [one.code for one in reserve.attention_for(entry, TODAY)] == [
        "unqualified_before",
        "left_before",
        "in_office",
    ]
    first.refresh_from_db()
    assert reserve.attention_for(first, TODAY) == []


def test_the_number_of_queries_is_the_same_for_one_and_for_three(county: Unit) -> None:
    for name in ("甲", "乙", "丙"):
        person = make_person(name, birth="1976", education="31")
        entry = enter(person, "training", entered_on=PartialDate(2022))
        reserve.assess(entry, 2025, "unqualified", by=None, today=TODAY)
        post(person, 80)
    entries = list(ReserveCadre.objects.select_related("person", "unit"))
    for count in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            found = reserve.attention_of(entries[:count], TODAY, LimitsByPlace().at)
        assert len(queries) == 7
        assert {len(findings) for findings in found.values()} == {3}


def test_limits_are_those_of_the_county_else_the_defaults(county: Unit, django_assert_num_queries: Any) -> None:
    village = Unit.objects.get(name="东一村").path
    assert (limits_for(village).reserve_entry_age, LimitsByPlace().at(village).reserve_entry_age) == (45, 45)
    PeopleLimits.objects.create(unit=county, reserve_entry_age=40, vacancy_days=60)
    with django_assert_num_queries(1):
        places = LimitsByPlace()
        assert [places.at(path).reserve_entry_age for path in (village, county.path, "0009")] == [40, 40, 45]
    assert limits_for(village).reserve_entry_age == 40
    assert (places.furthest("vacancy_days"), places.furthest("reserve_entry_age")) == (60, 45)


def test_limits_are_set_once_for_a_county_and_the_same_again_tells_nothing(county: Unit, county_admin: User) -> None:
    with pytest.raises(ValidationError) as caught:
        set_limits(Unit.objects.get(name="东乡"), {}, version=None, by=county_admin)
    assert codes(caught.value) == ["not_a_county"]
    set_limits(county, {"reserve_target": 3}, version=None, by=county_admin)
    row = set_limits(county, {"reserve_target": 3}, version=1, by=county_admin)
    assert (row.reserve_target, row.reserve_entry_age, AuditEvent.objects.count()) == (3, 45, 1)
    with pytest.raises(Conflict):
        set_limits(county, {"reserve_target": 4}, version=1, by=county_admin)
