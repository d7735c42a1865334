"""Services of people: what each writes, what it tells the audit trail, and what it refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts.encryption import keyed_index
from accounts.models import AuditEvent, User
from branches.models import Unit
from branches.versions import Conflict
from cadres.models import Attendance, DisciplineAction, Person, Posting, Residency, Talent, Training
from cadres.services import conduct, identity, people, postings, residents, talents, trainings
from cadres.services.postings import Elected
from cadres.services.trainings import Presence
from imports.dates import PartialDate
from tests.cadres.people import NUMBER, make_person, post

TODAY = date(2026, 10, 20)
OTHER_NUMBER = "000000198003051214"

pytestmark = pytest.mark.django_db


@pytest.fixture
def village(county: Unit) -> Unit:
    return Unit.objects.get(name="东一村")


@pytest.fixture
def zhang(village: Unit) -> Person:
    return make_person("张立新", identity=NUMBER, birth="1973-03-17")


def refused(error: pytest.ExceptionInfo[ValidationError]) -> dict[str, list[str | None]]:
    if not hasattr(error.value, "error_dict"):
        return {"": [each.code for each in error.value.error_list]}
    return {name: [each.code for each in errors] for name, errors in error.value.error_dict.items()}


def event(name: str) -> AuditEvent:
    return AuditEvent.objects.get(event=name)


# --- People ---------------------------------------------------------------------------------


def said(village: Unit, **changes: Any) -> dict[str, Any]:
    return {
        "unit": village,
        "name": "李秀云",
        "gender": "2",
        "birth": PartialDate(1980, 3),
        "political": "01",
        "joined_on": PartialDate(2005, 7),
        "full_member_on": PartialDate(2006, 7),
        "education": "31",
        "phone": "00012345678",
        "identity": "",
    } | changes


def test_a_person_is_added_with_initials_and_a_sealed_number(village: Unit, east_editor: User) -> None:
    person = people.add_person(said(village, identity=OTHER_NUMBER), by=east_editor, today=TODAY)
    stored = Person.objects.get(pk=person.pk)
    assert (stored.initials, stored.identity_number) == ("lxy", OTHER_NUMBER)
    assert stored.identity_index == keyed_index(OTHER_NUMBER)
    told = event("cadres.add_person")
    assert (told.actor, told.unit_path, told.target_id) == (east_editor, village.path, str(person.pk))
    assert told.changes["identity_number"] == "changed"
    assert told.changes["birth"] == [None, "1980-03"]
    assert OTHER_NUMBER not in str(told.changes)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"birth": PartialDate(2027), "joined_on": None}, {"birth": ["in_the_future"]}),
        ({"joined_on": PartialDate(1979)}, {"joined_on": ["before_birth"]}),
        ({"full_member_on": PartialDate(2004)}, {"full_member_on": ["full_member_before_joining"]}),
        ({"identity": "000000198003051215"}, {"identity": ["id_checksum"]}),
        ({"identity": "12345"}, {"identity": ["id_format"]}),
        ({"identity": "000000800305121"}, {"identity": ["id_old_15"]}),
    ],
)
def test_what_cannot_be_said_of_a_person(
    village: Unit, east_editor: User, changes: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        people.add_person(said(village, **changes), by=east_editor, today=TODAY)
    assert refused(error) == codes
    assert not Person.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_number_stands_once_and_names_nobody_outside_the_area(
    zhang: Person, east_editor: User, west_editor: User, west: Unit
) -> None:
    with pytest.raises(ValidationError) as error:
        people.add_person(said(zhang.unit, identity=NUMBER), by=east_editor, today=TODAY)
    assert refused(error) == {"identity": ["id_taken"]}
    assert "张立新" in error.value.messages[0]
    with pytest.raises(ValidationError) as error:
        people.add_person(said(Unit.objects.get(name="西一村"), identity=NUMBER), by=west_editor, today=TODAY)
    assert refused(error) == {"identity": ["id_taken"]}
    assert "张" not in error.value.messages[0]
    assert "东" not in error.value.messages[0]


def test_a_change_keeps_the_number_that_is_not_typed_and_needs_the_version(zhang: Person, east_editor: User) -> None:
    values = said(zhang.unit, name="张丽欣")
    people.change_person(zhang, values, version=1, by=east_editor, today=TODAY)
    stored = Person.objects.get(pk=zhang.pk)
    assert (stored.name, stored.initials, stored.identity_number, stored.version) == ("张丽欣", "zlx", NUMBER, 2)
    told = event("cadres.change_person").changes
    assert told["name"] == ["张立新", "张丽欣"]
    assert "identity_number" not in told
    with pytest.raises(Conflict):
        people.change_person(zhang, values, version=1, by=east_editor, today=TODAY)
    people.change_person(zhang, {**values, "identity": OTHER_NUMBER}, version=2, by=east_editor, today=TODAY)
    stored = Person.objects.get(pk=zhang.pk)
    assert (stored.identity_number, stored.identity_index) == (OTHER_NUMBER, keyed_index(OTHER_NUMBER))


def test_contradictions_are_told_and_not_refused(zhang: Person) -> None:
    zhang.birth, zhang.gender, zhang.joined_on = PartialDate(1973, 4), "2", PartialDate(1990)
    assert len(people.contradictions(zhang, TODAY)) == 3
    zhang.birth, zhang.gender, zhang.joined_on = PartialDate(1973, 3), "1", PartialDate(1991)
    assert people.contradictions(zhang, TODAY) == []


# --- Identity numbers -----------------------------------------------------------------------


def test_a_look_is_recorded_with_its_purpose_and_never_with_the_number(zhang: Person, east_editor: User) -> None:
    shown = identity.reveal(zhang, "pay", "办理社保", by=east_editor, now=timezone.now())
    assert shown == NUMBER
    told = event("cadres.reveal_person")
    assert (told.target_id, told.reason, told.outcome) == (str(zhang.pk), "办理社保", "ok")
    assert told.changes == {"purpose": "pay", "what": "identity_number"}
    assert told.unit_path == zhang.unit.path


@pytest.mark.parametrize(
    ("purpose", "note", "codes"),
    [
        ("", "社保", {"purpose": ["no_purpose"]}),
        ("gossip", "社保", {"purpose": ["no_purpose"]}),
        ("pay", " ", {"note": ["no_note"]}),
    ],
)
def test_no_look_without_a_purpose(
    zhang: Person, east_editor: User, purpose: str, note: str, codes: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        identity.reveal(zhang, purpose, note, by=east_editor, now=timezone.now())
    assert refused(error) == codes
    assert not AuditEvent.objects.exists()


def test_who_may_not_look_is_refused(zhang: Person, county_viewer: User, west_editor: User) -> None:
    for stranger in (county_viewer, west_editor):
        with pytest.raises(PermissionDenied):
            identity.reveal(zhang, "pay", "社保", by=stranger, now=timezone.now())
        with pytest.raises(PermissionDenied):
            identity.is_number_of(zhang, NUMBER, by=stranger, now=timezone.now())
    with pytest.raises(PermissionDenied):
        identity.find(NUMBER, by=county_viewer, now=timezone.now())


def test_after_sixty_an_hour_looking_comparing_and_finding_are_refused_and_recorded(
    zhang: Person, east_editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "MOST_AN_HOUR", 3)
    now = timezone.now()
    identity.reveal(zhang, "pay", "社保", by=east_editor, now=now)
    assert identity.is_number_of(zhang, NUMBER, by=east_editor, now=now)
    assert not identity.is_number_of(zhang, OTHER_NUMBER, by=east_editor, now=now)
    with pytest.raises(ValidationError) as error:
        identity.reveal(zhang, "pay", "社保", by=east_editor, now=now)
    assert refused(error) == {"": ["too_many"]}
    with pytest.raises(ValidationError):
        identity.find(NUMBER, by=east_editor, now=now)
    outcomes = list(AuditEvent.objects.order_by("pk").values_list("event", "outcome"))
    assert outcomes[-2:] == [("cadres.reveal_person", "refused"), ("cadres.find_person", "refused")]
    later = now + identity.AN_HOUR + identity.AN_HOUR
    assert identity.reveal(zhang, "pay", "社保", by=east_editor, now=later) == NUMBER


def test_finding_by_number_tells_of_elsewhere_without_detail(
    zhang: Person, east_editor: User, west_editor: User
) -> None:
    now = timezone.now()
    assert identity.find(f" {NUMBER} ", by=east_editor, now=now) == (zhang, False)
    assert identity.find(NUMBER, by=west_editor, now=now) == (None, True)
    assert identity.find(OTHER_NUMBER, by=west_editor, now=now) == (None, False)
    with pytest.raises(ValidationError) as error:
        identity.find("123", by=east_editor, now=now)
    assert refused(error) == {"number": ["id_format"]}


# --- Posts ----------------------------------------------------------------------------------


def taken_up(village: Unit, **changes: Any) -> dict[str, Any]:
    return {
        "unit": village,
        "post": 60,
        "words": "",
        "change": "new",
        "mode": "elected",
        "document": "松组干〔2026〕3 号",
        "started_on": PartialDate(2026, 6, 1),
        "ended_on": None,
        "ending": "",
    } | changes


def test_somebody_takes_up_a_post(zhang: Person, east_editor: User) -> None:
    posting = postings.appoint(zhang, taken_up(zhang.unit, words="组长"), by=east_editor, today=TODAY)
    assert (posting.person, posting.unit, posting.post, posting.words) == (zhang, zhang.unit, 60, "")
    told = event("cadres.add_posting")
    assert told.changes["started_on"] == [None, "2026-06-01"]
    assert told.unit_path == zhang.unit.path


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"started_on": None}, {"started_on": ["no_start"]}),
        ({"started_on": PartialDate(2026, 11)}, {"started_on": ["in_the_future"]}),
        ({"post": 85}, {"unit": ["not_in_a_township"]}),
        ({"post": 90}, {"words": ["no_words"]}),
        ({"ended_on": date(2026, 5, 31), "ending": "moved"}, {"ended_on": ["ended_before"]}),
        ({"ended_on": date(2026, 7, 31)}, {"ending": ["no_ending"]}),
        ({"ending": "moved"}, {"ended_on": ["no_ending"]}),
        ({"ended_on": date(2026, 11, 1), "ending": "moved"}, {"ended_on": ["in_the_future"]}),
    ],
)
def test_what_cannot_be_a_posting(
    zhang: Person, east_editor: User, changes: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        postings.appoint(zhang, taken_up(zhang.unit, **changes), by=east_editor, today=TODAY)
    assert refused(error) == codes
    assert not Posting.objects.exists()


def test_a_village_has_one_secretary_at_a_time(zhang: Person, east_editor: User) -> None:
    former = make_person("李前任")
    post(former, 10, started_on=PartialDate(2021, 12), ended_on=date(2026, 5, 31), ending="age")
    postings.appoint(zhang, taken_up(zhang.unit, post=10), by=east_editor, today=TODAY)
    other = make_person("王二")
    with pytest.raises(ValidationError) as error:
        postings.appoint(other, taken_up(zhang.unit, post=10), by=east_editor, today=TODAY)
    assert refused(error) == {"post": ["held_by_another"]}
    assert "张立新" in error.value.messages[0]
    # Into the past of somebody else neither.
    past = taken_up(zhang.unit, post=10, started_on=PartialDate(2022), ended_on=date(2023, 1, 31), ending="moved")
    with pytest.raises(ValidationError):
        postings.appoint(other, past, by=east_editor, today=TODAY)
    # Members there are several, and the same person holds a post once.
    postings.appoint(other, taken_up(zhang.unit), by=east_editor, today=TODAY)
    with pytest.raises(ValidationError) as error:
        postings.appoint(other, taken_up(zhang.unit), by=east_editor, today=TODAY)
    assert refused(error) == {"post": ["held_twice"]}


def test_leaving_a_post_needs_a_day_and_a_reason_and_happens_once(zhang: Person, east_editor: User) -> None:
    posting = post(zhang, 10, started_on=PartialDate(2021, 12, 20))
    for day, ending, codes in (
        (date(2021, 12, 19), "age", {"ended_on": ["ended_before"]}),
        (date(2026, 10, 21), "age", {"ended_on": ["in_the_future"]}),
        (date(2026, 9, 30), "", {"ending": ["no_ending"]}),
    ):
        with pytest.raises(ValidationError) as error:
            postings.end_posting(posting, day, ending, version=1, by=east_editor, today=TODAY)
        assert refused(error) == codes
    with pytest.raises(Conflict):
        postings.end_posting(posting, date(2026, 9, 30), "age", version=9, by=east_editor, today=TODAY)
    postings.end_posting(posting, date(2026, 9, 30), "age", version=1, by=east_editor, today=TODAY, note="松组干 5 号")
    assert event("cadres.end_posting").reason == "松组干 5 号"
    assert list(Posting.objects.held_on(date(2026, 9, 30))) == [posting]
    assert not Posting.objects.held_on(date(2026, 10, 1)).exists()
    with pytest.raises(ValidationError) as error:
        postings.end_posting(posting, date(2026, 9, 30), "age", version=2, by=east_editor, today=TODAY)
    assert refused(error) == {"": ["ended"]}


def test_an_election_ends_the_term_and_history_stays(zhang: Person, east_editor: User) -> None:
    wang, zhao, qian = (make_person(name) for name in ("王二", "赵三", "钱四"))
    post(zhang, 10, started_on=PartialDate(2021, 12))
    post(zhang, 20, started_on=PartialDate(2021, 12))
    post(wang, 60, started_on=PartialDate(2021, 12))
    post(wang, 90, words="妇联主席", started_on=PartialDate(2021, 12))
    day = date(2026, 10, 10)
    elected = [Elected(wang, frozenset({10, 20})), Elected(zhang, frozenset({60})), Elected(zhao, frozenset({80}))]
    made = postings.record_election(zhang.unit, elected, on=day, by=east_editor, today=TODAY, document="换届")
    assert [(each.person.name, each.post, each.change) for each in made] == [
        ("王二", 10, "moved"),
        ("王二", 20, "moved"),
        ("张立新", 60, "moved"),
        ("赵三", 80, "new"),
    ]
    before = Posting.objects.held_on(date(2026, 10, 9)).values_list("person__name", "post")
    assert set(before) == {("张立新", 10), ("张立新", 20), ("王二", 60), ("王二", 90)}
    now = Posting.objects.held_on(TODAY).values_list("person__name", "post")
    assert set(now) == {("王二", 10), ("王二", 20), ("张立新", 60), ("赵三", 80), ("王二", 90)}
    assert event("cadres.elect_unit").changes == {"on": "2026-10-10", "left": 3, "taken_up": 4}
    assert AuditEvent.objects.filter(event="cadres.end_posting", reason="换届").count() == 3
    two = [Elected(zhang, frozenset({10})), Elected(qian, frozenset({10}))]
    with pytest.raises(ValidationError) as error:
        postings.record_election(zhang.unit, two, on=date(2026, 10, 11), by=east_editor, today=TODAY)
    assert refused(error) == {"": ["held_by_another"]}
    with pytest.raises(ValidationError) as error:
        postings.record_election(zhang.unit, elected, on=day, by=east_editor, today=TODAY)
    assert refused(error) == {"on": ["before_the_term"]}


# --- Trainings ------------------------------------------------------------------------------


def held(**changes: Any) -> dict[str, Any]:
    return {
        "title": "轮训班",
        "kind": "heads",
        "organiser": "县委组织部",
        "place": "",
        "held_on": date(2026, 9, 14),
        "ends_on": date(2026, 9, 17),
        "hours": Decimal(32),
    } | changes


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"ends_on": date(2026, 9, 13)}, {"ends_on": ["ends_before"]}),
        (
            {"held_on": date(2026, 10, 20), "ends_on": date(2026, 10, 22)},
            {"ends_on": ["in_the_future"]},
        ),
        ({"hours": Decimal("96.5")}, {"hours": ["too_long"]}),
    ],
)
def test_what_cannot_be_a_training(
    county: Unit, county_admin: User, changes: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        trainings.record_training(county, held(**changes), by=county_admin, today=TODAY)
    assert refused(error) == codes


def test_attendances_are_added_and_corrected_and_hours_follow_the_result(
    zhang: Person, county: Unit, county_admin: User
) -> None:
    training = trainings.record_training(county, held(), by=county_admin, today=TODAY)
    with pytest.raises(ValidationError) as error:
        trainings.record_training(county, held(), by=county_admin, today=TODAY)
    assert refused(error) == {"title": ["same_training"]}
    wang = make_person("王二")
    said = {zhang: Presence("completed"), wang: Presence("not_completed", Decimal(8))}
    assert len(trainings.record_attendances(training, said, by=county_admin)) == 2
    assert dict(Attendance.objects.values_list("person__name", "hours")) == {"张立新": 32, "王二": 8}
    assert trainings.record_attendances(training, said, by=county_admin) == []
    trainings.record_attendances(training, {wang: Presence("absent")}, by=county_admin)
    row = Attendance.objects.get(person=wang)
    assert (row.result, row.hours, row.version) == ("absent", 0, 2)
    assert event("cadres.change_attendance").changes["result"] == ["not_completed", "absent"]
    seen = {zhang: Presence("absent", base=1), wang: Presence("completed", base=1)}
    with pytest.raises(ValidationError) as error:
        trainings.record_attendances(training, seen, by=county_admin)
    assert refused(error) == {"": ["changed_meanwhile"]}
    assert Attendance.objects.get(person=zhang).result == "completed", "nothing is written then"
    new = make_person("李新")
    with pytest.raises(ValidationError) as error:
        trainings.record_attendances(training, {new: Presence("completed", base=1)}, by=county_admin)
    assert refused(error) == {"": ["changed_meanwhile"]}, "taken off the list meanwhile"
    trainings.record_attendances(
        training, {wang: Presence("absent", base=2), new: Presence("absent", base=0)}, by=county_admin
    )
    with pytest.raises(ValidationError) as error:
        trainings.record_attendances(training, {wang: Presence("completed", Decimal(33))}, by=county_admin)
    assert refused(error) == {"": ["too_many_hours"]}
    with pytest.raises(ValidationError) as error:
        trainings.correct_training(training, held(hours=Decimal(8)), version=1, by=county_admin, today=TODAY)
    assert refused(error) == {"hours": ["hours_attended"]}
    assert Training.objects.get().hours == 32


# --- Conduct --------------------------------------------------------------------------------


def decided(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "suspension",
        "decided_on": date(2026, 6, 1),
        "effective_to": date(2026, 8, 31),
        "decided_by": "东乡党委",
        "document": "东委〔2026〕9 号",
        "reason": "长期不在岗",
    } | changes


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"decided_on": date(2026, 10, 21), "effective_to": date(2026, 12, 1)}, {"decided_on": ["in_the_future"]}),
        ({"kind": "warning", "effective_to": date(2026, 5, 31)}, {"effective_to": ["ends_before"]}),
        ({"effective_to": date(2026, 6, 30)}, {"effective_to": ["wrong_length"]}),
        ({"effective_to": date(2026, 9, 2)}, {"effective_to": ["wrong_length"]}),
        ({"effective_to": None}, {"effective_to": ["wrong_length"]}),
    ],
)
def test_what_cannot_be_a_discipline_action(
    zhang: Person, east_editor: User, changes: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        conduct.record_discipline(zhang, decided(**changes), by=east_editor, today=TODAY)
    assert [code for code in refused(error).items() if code[0] in codes] == list(codes.items())
    assert not DisciplineAction.objects.exists()


def test_a_suspension_is_checked_extended_once_and_ended_with_an_opinion(zhang: Person, east_editor: User) -> None:
    action = conduct.record_discipline(zhang, decided(), by=east_editor, today=TODAY)
    with pytest.raises(ValidationError) as error:
        conduct.record_discipline(zhang, decided(), by=east_editor, today=TODAY)
    assert refused(error) == {"kind": ["suspended_already"]}
    with pytest.raises(ValidationError) as error:
        conduct.check_half_way(action, date(2026, 9, 1), "有改进", version=1, by=east_editor, today=TODAY)
    assert refused(error) == {"mid_check_on": ["outside"]}
    conduct.check_half_way(action, date(2026, 7, 15), "有改进", version=1, by=east_editor, today=TODAY)
    with pytest.raises(ValidationError) as error:
        conduct.extend_suspension(action, date(2026, 12, 1), "延长", version=2, by=east_editor)
    assert refused(error) == {"effective_to": ["wrong_length"]}
    conduct.extend_suspension(action, date(2026, 10, 15), "尚需帮教", version=2, by=east_editor)
    with pytest.raises(ValidationError) as error:
        conduct.extend_suspension(action, date(2026, 11, 15), "再延长", version=3, by=east_editor)
    assert refused(error) == {"": ["extended_before"]}
    with pytest.raises(ValidationError) as error:
        conduct.end_suspension(action, TODAY, "reinstated", " ", version=3, by=east_editor, today=TODAY)
    assert refused(error) == {"closing_opinion": ["no_opinion"]}
    conduct.end_suspension(action, TODAY, "reinstated", "同意复职", version=3, by=east_editor, today=TODAY)
    stored = DisciplineAction.objects.get()
    assert (stored.ended_on, stored.outcome, stored.closing_opinion) == (TODAY, "reinstated", "尚需帮教\n同意复职")
    with pytest.raises(ValidationError) as error:
        conduct.correct_discipline(action, decided(), version=4, by=east_editor, today=TODAY)
    assert refused(error) == {"": ["ended"]}


def test_the_trail_never_says_what_a_discipline_record_holds(zhang: Person, east_editor: User) -> None:
    action = conduct.record_discipline(zhang, decided(), by=east_editor, today=TODAY)
    conduct.check_half_way(action, date(2026, 7, 15), "有改进", version=1, by=east_editor, today=TODAY)
    conduct.end_suspension(action, TODAY, "removed", "建议免职", version=2, by=east_editor, today=TODAY)
    told = list(AuditEvent.objects.order_by("pk"))
    assert [each.event for each in told] == [
        "cadres.add_disciplineaction", "cadres.change_disciplineaction", "cadres.end_disciplineaction",
    ]  # fmt: skip
    assert {value for each in told for value in each.changes.values()} == {"changed"}


def test_an_honour_is_recorded_and_corrected(zhang: Person, east_editor: User) -> None:
    values = {"title": "优秀共产党员", "level": "county", "awarded_by": "", "awarded_on": TODAY, "document": ""}
    row = conduct.record_commendation(zhang, values, by=east_editor, today=TODAY)
    conduct.correct_commendation(row, {**values, "level": "city"}, version=1, by=east_editor, today=TODAY)
    assert event("cadres.change_commendation").changes == {"level": ["county", "city"]}
    with pytest.raises(ValidationError):
        conduct.record_commendation(zhang, {**values, "awarded_on": date(2027, 1, 1)}, by=east_editor, today=TODAY)


# --- Residents and talents --------------------------------------------------------------------


def stays(village: Unit, **changes: Any) -> dict[str, Any]:
    return {
        "unit": village, "role": "first_secretary", "sent_by": "县财政局", "started_on": date(2025, 5, 10),
    } | changes  # fmt: skip


def test_a_village_has_one_first_secretary_and_somebody_lives_in_one_village(zhang: Person, county_admin: User) -> None:
    residents.begin_residency(zhang, stays(zhang.unit), by=county_admin, today=TODAY)
    other, second = make_person("王二"), Unit.objects.get(name="东二村")
    with pytest.raises(ValidationError) as error:
        residents.begin_residency(other, stays(zhang.unit), by=county_admin, today=TODAY)
    assert refused(error) == {"role": ["has_first_secretary"]}
    with pytest.raises(ValidationError) as error:
        residents.begin_residency(zhang, stays(second), by=county_admin, today=TODAY)
    assert refused(error) == {"started_on": ["lives_elsewhere"]}
    residents.begin_residency(other, stays(zhang.unit, role="team_member"), by=county_admin, today=TODAY)
    assert Residency.objects.count() == 2


def test_leave_is_by_exception_and_an_absence_on_leave_is_none(zhang: Person, county_admin: User) -> None:
    stay = residents.begin_residency(zhang, stays(zhang.unit), by=county_admin, today=TODAY)
    leave = {"begins_on": date(2026, 9, 1), "ends_on": date(2026, 9, 3), "reason": "探亲", "approved_by": "书记"}
    residents.record_leave(stay, leave, by=county_admin)
    for changes, code in (
        ({"ends_on": date(2026, 8, 31)}, {"ends_on": ["ends_before"]}),
        ({"begins_on": date(2025, 5, 9)}, {"begins_on": ["outside"]}),
        ({"begins_on": date(2026, 9, 3), "ends_on": date(2026, 9, 5)}, {"begins_on": ["on_leave_already"]}),
    ):
        with pytest.raises(ValidationError) as error:
            residents.record_leave(stay, {**leave, **changes}, by=county_admin)
        assert refused(error) == code
    check = {"checked_on": date(2026, 9, 2), "was_present": False, "note": ""}
    with pytest.raises(ValidationError) as error:
        residents.record_spot_check(stay, check, by=county_admin, today=TODAY)
    assert refused(error) == {"checked_on": ["on_leave"]}
    row = residents.record_spot_check(stay, {**check, "checked_on": date(2026, 9, 4)}, by=county_admin, today=TODAY)
    assert (row.was_present, row.checked_by) == (False, county_admin)


def test_a_recall_says_what_for(zhang: Person, county_admin: User) -> None:
    stay = residents.begin_residency(zhang, stays(zhang.unit), by=county_admin, today=TODAY)
    with pytest.raises(ValidationError) as error:
        residents.end_residency(stay, TODAY, "recalled", "", version=1, by=county_admin, today=TODAY)
    assert refused(error) == {"ending_note": ["no_note"]}
    residents.end_residency(stay, TODAY, "recalled", "多次不在岗", version=1, by=county_admin, today=TODAY)
    assert event("cadres.recall_residency").changes["ending"] == ["", "recalled"]
    with pytest.raises(ValidationError) as error:
        residents.end_residency(stay, TODAY, "rotation", "", version=2, by=county_admin, today=TODAY)
    assert refused(error) == {"": ["ended"]}


def test_nobody_is_registered_as_a_talent_without_consent(zhang: Person, east_editor: User) -> None:
    values: dict[str, Any] = {"kind": "returnee", "field": "电商", "contact": "", "consented_on": None, "note": ""}
    with pytest.raises(ValidationError) as error:
        talents.register_talent(zhang, values, by=east_editor, today=TODAY)
    assert refused(error) == {"consented_on": ["no_consent"]}
    values["consented_on"] = date(2026, 5, 1)
    talent = talents.register_talent(zhang, values, by=east_editor, today=TODAY)
    with pytest.raises(ValidationError) as error:
        talents.register_talent(zhang, values, by=east_editor, today=TODAY)
    assert refused(error) == {"kind": ["registered_already"]}
    with pytest.raises(ValidationError) as error:
        talents.withdraw_consent(talent, date(2026, 4, 30), version=1, by=east_editor, today=TODAY)
    assert refused(error) == {"withdrawn_on": ["before"]}
    talents.withdraw_consent(talent, TODAY, version=1, by=east_editor, today=TODAY)
    assert Talent.objects.get().withdrawn_on == TODAY
    with pytest.raises(ValidationError) as error:
        talents.change_talent(talent, values, version=2, by=east_editor, today=TODAY)
    assert refused(error) == {"": ["withdrawn"]}
    assert talents.register_talent(zhang, values, by=east_editor, today=TODAY).pk != talent.pk
