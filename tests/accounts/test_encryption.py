"""Identity numbers are unreadable in the database, and open only in their own row."""

from __future__ import annotations

import base64

import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, connection, transaction

from accounts.encryption import SealedValueDamaged, keyed_index, seal, unseal
from branches.models import Unit
from cadres.models import Person
from tests.cadres.people import NUMBER, make_person


def stored(person: Person) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT identity_number FROM cadres_person WHERE id = %s", [person.pk])
        return str(cursor.fetchone()[0])


def store(person: Person, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cadres_person SET identity_number = %s WHERE id = %s", [text, person.pk])


def test_the_database_holds_no_readable_number(county: Unit) -> None:
    person = make_person("张三", identity=NUMBER)
    assert NUMBER not in stored(person)
    assert NUMBER.encode() not in base64.b64decode(stored(person))
    assert Person.objects.get(pk=person.pk).identity_number == NUMBER
    assert Person.objects.defer("identity_number").get(pk=person.pk).identity_number == NUMBER


def test_saving_again_keeps_the_sealed_value_and_a_new_one_is_sealed(county: Unit) -> None:
    person = make_person("张三", identity=NUMBER)
    before = stored(person)
    fetched = Person.objects.get(pk=person.pk)
    fetched.name = "张四"
    fetched.save()
    assert stored(person) == before
    fetched.identity_number = "000000700209022"
    fetched.save()
    assert stored(person) != before
    assert Person.objects.get(pk=person.pk).identity_number == "000000700209022"


def test_many_rows_are_sealed_each_for_itself(county: Unit) -> None:
    unit = Unit.objects.get(name="东一村")
    people = [
        Person(unit=unit, name=f"甲{number}", identity_number=NUMBER, identity_index=str(number)) for number in range(3)
    ]
    Person.objects.bulk_create(people)
    assert len({stored(person) for person in people}) == 3
    assert [person.identity_number for person in Person.objects.all()] == [NUMBER] * 3


def test_a_value_moved_to_another_row_or_changed_does_not_open(county: Unit) -> None:
    one, other = make_person("张三", identity=NUMBER), make_person("李四", identity="000000197502126693")
    store(other, stored(one))
    with pytest.raises(SealedValueDamaged) as caught:
        _ = Person.objects.get(pk=other.pk).identity_number
    assert NUMBER not in str(caught.value)
    raw = bytearray(base64.b64decode(stored(one)))
    for place in (0, 2, 8, len(raw) - 1):
        wrong = bytearray(raw)
        wrong[place] ^= 1
        store(one, base64.b64encode(bytes(wrong)).decode())
        with pytest.raises(SealedValueDamaged):
            _ = Person.objects.get(pk=one.pk).identity_number
    for text in (NUMBER, "not base64!", ""):
        store(one, text)
        with pytest.raises(SealedValueDamaged):
            _ = Person.objects.get(pk=one.pk).identity_number


def test_an_old_key_opens_and_the_first_one_seals(settings: object) -> None:
    settings.FIELD_KEY = "a" * 40
    old = seal("x", "c")
    settings.FIELD_KEY = f"{'b' * 40},{'a' * 40}"
    assert unseal(old, "c") == "x"
    new = seal("x", "c")
    settings.FIELD_KEY = "b" * 40
    assert unseal(new, "c") == "x"
    with pytest.raises(SealedValueDamaged):
        unseal(old, "c")


def test_it_cannot_be_looked_up_or_written_without_its_row(county: Unit) -> None:
    make_person("张三", identity=NUMBER)
    make_person("李四")
    with pytest.raises(FieldError):
        Person.objects.filter(identity_number=NUMBER).exists()
    with pytest.raises(FieldError), transaction.atomic():
        Person.objects.update(identity_number=NUMBER)
    assert [person.name for person in Person.objects.filter(identity_number__isnull=True)] == ["李四"]
    assert Person.objects.get(identity_index=keyed_index(NUMBER)).name == "张三"
    assert hasattr(Person.identity_number, "field")


def test_one_number_is_one_person_and_never_without_its_index(county: Unit) -> None:
    make_person("张三", identity=NUMBER)
    for fields in ({"identity_index": keyed_index(NUMBER)}, {"identity_index": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Person.objects.create(unit=Unit.objects.get(name="东二村"), name="李四", identity_number=NUMBER, **fields)


def test_the_index_needs_its_key(settings: object) -> None:
    before = keyed_index(NUMBER)
    settings.INDEX_KEY = "c" * 40
    assert keyed_index(NUMBER) != before
    assert len(before) == 64
