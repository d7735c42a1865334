"""What the database holds to about people, and that the texts of rows name no number."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from branches.models import Unit
from cadres.models import Person, Posting, ReserveCadre
from imports.dates import PartialDate
from tests.cadres.people import NUMBER, make_person, post


def test_dates_keep_what_they_leave_open_and_sort_by_their_first_day(county: Unit) -> None:
    for name, birth in (("甲", "1975-03-02"), ("乙", "1975-03"), ("丙", "1975"), ("丁", "1974-12-31")):
        make_person(name, birth=birth)
    people = list(Person.objects.order_by("birth"))
    assert [person.name for person in people] == ["丁", "丙", "乙", "甲"]
    assert people[2].birth == PartialDate(1975, 3)
    assert Person.objects.get(birth=PartialDate(1975)).name == "丙"
    assert Person._meta.get_field("birth").value_to_string(people[1]) == "1975"


def test_dates_of_forms_are_checked() -> None:
    field = Person._meta.get_field("birth")
    assert field.to_python("1975-03") == PartialDate(1975, 3)
    assert field.to_python("") is None
    assert field.to_python(PartialDate(1975)) == PartialDate(1975)
    with pytest.raises(ValidationError) as caught:
        field.to_python("1975-13")
    assert caught.value.code == "invalid"


def test_one_open_posting_for_each_post_while_history_stays(county: Unit) -> None:
    person = make_person("张三", identity=NUMBER)
    post(person, 10, ended_on=date(2020, 12, 31))
    post(person, 10)
    post(person, 90, words="网格员")
    with pytest.raises(IntegrityError), transaction.atomic():
        post(person, 10)
    assert [str(posting) for posting in Posting.objects.open()] == ["张三 村党组织书记", "张三 网格员"]
    assert str(person) == "张三"


def test_a_reserve_entry_that_ended_was_promoted_or_removed(county: Unit) -> None:
    person = make_person("张三")
    fields = {"person": person, "unit": person.unit}
    for wrong in ({"stage": "promoted"}, {"left_on": date(2026, 1, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ReserveCadre.objects.create(**fields, **wrong)
    ReserveCadre.objects.create(**fields, stage="promoted", left_on=date(2026, 1, 1))
    entry = ReserveCadre.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        ReserveCadre.objects.create(**fields)
    assert [str(one) for one in ReserveCadre.objects.open()] == [str(entry)] == ["张三"]


def test_people_belong_to_their_place(county: Unit, east_editor: User, newcomer: User) -> None:
    post(make_person("张三"), 10)
    post(make_person("李四", "西一村"), 10)
    for model in (Person, Posting):
        assert [str(row).split()[0] for row in model.objects.for_user(east_editor)] == ["张三"]
        assert [str(row).split()[0] for row in model.objects.for_user(east_editor, "change")] == ["张三"]
        assert not model.objects.for_user(newcomer).exists()
