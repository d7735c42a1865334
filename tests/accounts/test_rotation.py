"""Sealed values go over to a new key, batch by batch, and can be left off and taken up again."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import codes, rotation
from accounts.encryption import SealedValueDamaged
from accounts.models import AuditEvent, User
from branches.models import Unit
from cadres.models import Person
from tests.cadres.people import NUMBER, make_person

OLD, NEW = "old-field-key", "new-field-key"
NUMBERS = (NUMBER, "000000198003051214", "00000019810406222X")


@pytest.fixture
def people(county: Unit, settings: Any) -> list[Person]:
    settings.FIELD_KEY = OLD
    make_person("无号码")
    return [make_person(f"人{place}", identity=number) for place, number in enumerate(NUMBERS)]


def told() -> str:
    output = StringIO()
    call_command("rotate_field_key", stdout=output)
    return output.getvalue()


def numbers() -> list[str | None]:
    return [person.identity_number for person in Person.objects.filter(identity_number__isnull=False).order_by("pk")]


def test_values_open_with_the_new_key_alone(people: list[Person], settings: Any) -> None:
    user = User.objects.create(username="xianwei", name="林晓")
    seed = codes.secret_to_set_up(user)
    settings.FIELD_KEY = f"{NEW},{OLD}"
    assert numbers() == list(NUMBERS)
    answer = told()
    assert "cadres.person.identity_number: 3 sealed, 3 renewed, 0 damaged" in answer
    assert "accounts.user.code_secret: 1 sealed, 1 renewed, 0 damaged" in answer
    assert NUMBER not in answer
    settings.FIELD_KEY = NEW
    assert numbers() == list(NUMBERS)
    assert codes.secret_to_set_up(User.objects.get(pk=user.pk)) == seed
    event = AuditEvent.objects.get(event="accounts.rotate_field_key")
    assert event.changes == {"accounts.user.code_secret": 1, "cadres.person.identity_number": 3}


def test_it_goes_on_where_it_was_left_and_twice_does_nothing(
    people: list[Person], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FIELD_KEY = f"{NEW},{OLD}"
    monkeypatch.setattr(rotation, "BATCH", 2)
    write, done = rotation._write, []

    def breaks_off(column: Any, renewed: list[Any]) -> None:
        if done:
            raise KeyboardInterrupt
        write(column, renewed)
        done.append(len(renewed))

    monkeypatch.setattr(rotation, "_write", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        rotation.rotate()
    assert done == [1]
    assert numbers() == list(NUMBERS)
    monkeypatch.setattr(rotation, "_write", write)
    assert "3 sealed, 2 renewed" in told()
    assert "3 sealed, 0 renewed" in told()


def test_a_value_that_somebody_saved_meanwhile_is_not_overwritten(
    people: list[Person], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FIELD_KEY = f"{NEW},{OLD}"
    write = rotation._write

    def saved_before(column: Any, renewed: list[Any]) -> None:
        if column.field == "identity_number":
            person = Person.objects.get(pk=people[0].pk)
            person.identity_number = "000000199001010018"
            person.save()
        write(column, renewed)

    monkeypatch.setattr(rotation, "_write", saved_before)
    rotation.rotate()
    assert Person.objects.get(pk=people[0].pk).identity_number == "000000199001010018"


def test_what_opens_with_no_key_is_counted_and_left_alone(people: list[Person], settings: Any) -> None:
    table = Person._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT identity_number FROM {table} WHERE id = %s", [people[0].pk])
        stolen = cursor.fetchone()[0]
        cursor.execute(f"UPDATE {table} SET identity_number = %s WHERE id = %s", [stolen, people[1].pk])
    settings.FIELD_KEY = f"{NEW},{OLD}"
    with pytest.raises(CommandError, match="1 values open with none"):
        told()
    settings.FIELD_KEY = NEW
    assert Person.objects.get(pk=people[0].pk).identity_number == NUMBERS[0]
    damaged = Person.objects.get(pk=people[1].pk)
    with pytest.raises(SealedValueDamaged):
        _ = damaged.identity_number
