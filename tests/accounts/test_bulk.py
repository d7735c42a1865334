"""Records written from plain values are those that their models would have written."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from django.db import connection

from accounts import audit
from accounts.bulk import Draft, insert_drafts, insert_models, new_uids
from accounts.encryption import keyed_index
from accounts.models import AuditEvent, User
from branches.models import Unit
from cadres.models import Person, Posting
from imports.dates import PartialDate

NUMBER = "110101197503120014"


def test_drafts_are_written_as_models_are(east: Unit) -> None:
    given = {
        "unit_id": east.pk,
        "name": "张\t三\\n",
        "birth": PartialDate(1975, 3),
        "identity_number": NUMBER,
        "identity_index": keyed_index(NUMBER),
        "education": "31",
        "resume": "两\n行",
        "is_seconded": True,
    }
    insert_models([Person(**given)])
    one = Person.objects.get()
    assert one.identity_number == NUMBER
    Person.objects.all().delete()
    draft = Draft(Person, given)
    insert_drafts([draft])
    other = Person.objects.get(pk=draft.pk)
    names = {field.attname for field in Person._meta.concrete_fields} - {"id", "uid", "identity_number"}
    assert {name: getattr(other, name) for name in names} == {name: getattr(one, name) for name in names}
    assert other.identity_number == NUMBER
    assert other.uid.version == 4
    assert NUMBER not in str(stored(other))


def stored(person: Person) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM cadres_person WHERE id = %s", [person.pk])
        return list(cursor.fetchone())


def test_a_draft_may_refer_to_one_that_is_written_before(east: Unit) -> None:
    people = [Draft(Person, {"unit_id": east.pk, "name": name}) for name in ("甲", "乙")]
    insert_drafts(people)
    insert_drafts([Draft(Posting, {"person_id": each, "unit_id": east.pk, "post": 60}) for each in people])
    day = {"person_id": people[0].pk, "unit_id": east.pk, "post": 70, "ended_on": date(2025, 1, 31), "ending": "other"}
    insert_drafts([Draft(Posting, day)])
    posts = list(Posting.objects.order_by("pk").values_list("person__name", "post", "ended_on", "version"))
    assert posts == [("甲", 60, None, 1), ("乙", 60, None, 1), ("甲", 70, date(2025, 1, 31), 1)]


def test_a_field_that_is_not_there_is_refused(east: Unit) -> None:
    with pytest.raises(KeyError):
        insert_drafts([Draft(Person, {"unit_id": east.pk, "name": "甲", "nick": "x"})])


def test_new_uids_are_random_ones_of_version_four() -> None:
    uids = list(new_uids(500))
    assert len(set(uids)) == 500
    assert all(str(uuid.UUID(uid)) == uid and uuid.UUID(uid).version == 4 for uid in uids)
    assert all(uuid.UUID(uid).variant == uuid.RFC_4122 for uid in uids)


@pytest.mark.parametrize("count", [audit.BATCH, audit.BATCH + 1])
def test_many_events_are_told_as_few_are(county_admin: User, east: Unit, count: int) -> None:
    entry = audit.Entry(event="branches.change_unit", actor=county_admin, target=east, changes={"name": ["甲\x00", 1]})
    events = audit.record_many([entry] * count)
    assert len(events) == (count if count <= audit.BATCH else 0)
    kept = list(AuditEvent.objects.filter(event="branches.change_unit"))
    assert len({event.uid for event in kept}) == count
    assert all(audit.code_of(event) == event.code for event in kept)
    first = {(e.actor_id, e.actor_role, e.target_type, e.target_id, e.unit_path, str(e.changes)) for e in kept}
    changes = str({"name": ["甲\ufffd", 1]})
    assert first == {(county_admin.pk, "CS", "branches.unit", str(east.pk), east.path, changes)}
