"""Coverage of the villages and the way from stock to office, with the example of docs/rules/reserve-funnel.md."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from branches.models import Unit
from cadres import reserve_boards
from cadres.models import Attendance, Person, ReserveCadre, ReserveStep, Training
from cadres.places import owners
from cadres.reserve_boards import Coverage, VillageStock, share_percent
from cadres.services import reserve
from cadres.statistics import figures_on
from cadres.succession import succession
from imports.dates import PartialDate
from tests.cadres.people import make_person, post
from tests.cadres.reserves import TODAY, enter, nominate
from tests.conftest import make_unit

DAY = date(2026, 11, 26)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def stock(user: User, day: date = DAY) -> dict[str, int]:
    return {row.village.name: len(row.entries) for row in reserve_boards.stock_of(user, day)}


def in_stock(day: date = DAY) -> list[str]:
    return sorted(ReserveCadre.objects.in_stock_on(day).values_list("person__name", flat=True))


# --- Stock ----------------------------------------------------------------------------------


def test_in_stock_is_on_record_with_the_county(county: Unit) -> None:
    for stage in ("nominated", "reviewed", "on_record", "training", "promoted", "removed"):
        enter(make_person(stage, birth="1990"), stage, entered_on=PartialDate(2025, 5))
    assert in_stock(date(2025, 4, 30)) == []
    assert in_stock(date(2025, 5, 1)) == ["on_record", "promoted", "removed", "training"]
    assert in_stock(date(2026, 5, 31)) == ["on_record", "promoted", "removed", "training"]
    assert in_stock(date(2026, 6, 1)) == ["on_record", "training"]


def test_the_step_that_records_counts_before_the_day_of_entry(county: Unit) -> None:
    entry = enter(make_person("甲"), "on_record", entered_on=PartialDate(2026, 1, 5))
    ReserveStep.objects.create(entry=entry, from_stage="reviewed", to_stage="on_record", on=date(2026, 3, 1))
    assert (in_stock(date(2026, 2, 28)), in_stock(date(2026, 3, 1))) == ([], ["甲"])


def test_who_left_before_being_recorded_was_never_in_stock(county: Unit) -> None:
    entry = nominate(make_person("甲", birth="1990", education="31"), on=date(2026, 1, 5))
    move = reserve.MOVES["remove"]
    reserve.move_on(entry, move, on=date(2026, 2, 1), version=1, by=None, today=TODAY, reason="own_wish")
    enter(make_person("乙"), "removed")
    assert in_stock(date(2026, 1, 10)) == ["乙"]
    assert not ReserveCadre.objects.in_stock_between(*YEAR).filter(person__name="甲").exists()


def test_without_a_day_of_entry_an_entry_on_record_is_old(county: Unit) -> None:
    enter(make_person("甲"), "on_record")
    assert in_stock(date(2000, 1, 1)) == ["甲"]


# --- Coverage -------------------------------------------------------------------------------


def test_villages_by_the_number_of_people_in_stock(county: Unit, county_admin: User, east_editor: User) -> None:
    for place, count in (("东二村", 1), ("东三村", 2), ("西一村", 3), ("西二村", 4)):
        for number in range(count):
            enter(make_person(f"{place}{number}", place))
    enter(make_person("未备案"), "reviewed")
    assert stock(county_admin) == {"东一村": 0, "东二村": 1, "东三村": 2, "西一村": 3, "西二村": 4}
    rows, total = reserve_boards.coverage(reserve_boards.stock_of(county_admin, DAY))
    assert [(row.township.name, row.levels, row.people) for row in rows if row.township] == [
        ("东乡", [(0, 1), (1, 1), (2, 1), (3, 0)], 3),
        ("西乡", [(0, 0), (1, 0), (2, 0), (3, 2)], 7),
    ]
    assert (total.levels, total.people, total.lacking) == ([(0, 1), (1, 1), (2, 1), (3, 2)], 10, 1)
    assert stock(east_editor) == {"东一村": 0, "东二村": 1, "东三村": 2}
    west = Unit.objects.get(name="西乡")
    assert [row.village.name for row in reserve_boards.stock_of(county_admin, DAY, west.path)] == ["西一村", "西二村"]


def test_people_of_a_merged_village_stand_at_the_new_one_from_then_on(county: Unit, county_admin: User) -> None:
    old, into = Unit.objects.get(name="东二村"), Unit.objects.get(name="东一村")
    enter(make_person("甲", "东二村"))
    Unit.objects.filter(pk=old.pk).update(valid_to=date(2026, 6, 30), merged_into=into)
    assert stock(county_admin, date(2026, 6, 30))["东二村"] == 1
    after = stock(county_admin, date(2026, 7, 1))
    assert ("东二村" in after, after["东一村"]) == (False, 1)


def test_a_village_merged_twice_and_one_closed_without_a_successor(county: Unit, county_admin: User) -> None:
    first, second, last = (Unit.objects.get(name=f"东{number}村") for number in "一二三")
    for unit in (first, second):
        enter(make_person(unit.name, unit.name))
    closed = make_unit(Unit.objects.get(name="东乡"), "village", "撤村")
    enter(make_person("撤村人", "撤村"))
    Unit.objects.filter(pk=first.pk).update(valid_to=date(2026, 1, 31), merged_into=second)
    Unit.objects.filter(pk=second.pk).update(valid_to=date(2026, 6, 30), merged_into=last)
    Unit.objects.filter(pk=closed.pk).update(valid_to=date(2026, 6, 30))
    assert stock(county_admin) == {"东三村": 2, "西一村": 0, "西二村": 0}


def test_what_stood_at_a_village_closed_or_merged_elsewhere_is_nobody_elses(
    county: Unit, county_admin: User, west_editor: User
) -> None:
    closed, merged = Unit.objects.get(name="东二村"), Unit.objects.get(name="东三村")
    for unit in (closed, merged):
        person = make_person(unit.name, unit.name, birth="1990")
        enter(person)
        post(person, 10)
    Unit.objects.filter(pk=closed.pk).update(valid_to=date(2026, 6, 30))
    Unit.objects.filter(pk=merged.pk).update(valid_to=date(2026, 6, 30), merged_into=Unit.objects.get(name="东一村"))
    west = list(Unit.objects.filter(path__startswith=Unit.objects.get(name="西乡").path).villages())
    assert owners(west, DAY) == {unit.pk: unit.pk for unit in west}
    assert stock(west_editor) == {"西一村": 0, "西二村": 0}
    rows = {row.village.name: row for row in succession(county_admin, DAY)}
    assert [(name, len(row.team), len(row.reserve)) for name, row in rows.items() if row.team] == [("东一村", 1, 1)]
    for subject in ("posts", "reserve"):
        people = figures_on(county_admin, subject, DAY).people
        assert [one.name for one in people] == ["东三村"]


# --- Funnel ---------------------------------------------------------------------------------


def train(person: Person, day: date, result: str = "completed") -> None:
    county = Unit.objects.get(name="青禾县")
    training, _made = Training.objects.get_or_create(
        unit=county, title="后备干部培训", held_on=day, ends_on=day, kind="reserve"
    )
    Attendance.objects.create(training=training, person=person, result=result)


def funnel(user: User, first: date = YEAR[0], last: date = YEAR[1]) -> tuple[int, int, int, int]:
    found = reserve_boards.funnel(user, first, last)
    return found.stock, found.trained, found.in_office, found.trained_in_office


def test_the_steps_are_counted_within_the_span(county: Unit, county_admin: User, west_editor: User) -> None:
    entered = PartialDate(2025, 5)
    cases: list[tuple[str, dict[str, Any], date | None, str]] = [
        ("在库", {}, None, "completed"),
        ("参训", {}, date(2026, 5, 1), "completed"),
        ("早训", {}, date(2025, 12, 31), "completed"),
        ("缺训", {}, date(2026, 5, 2), "absent"),
        ("任职", {"stage": "promoted", "left_on": date(2026, 7, 1)}, date(2026, 5, 3), "completed"),
        ("任后训", {"stage": "promoted", "left_on": date(2026, 3, 1)}, date(2026, 5, 4), "completed"),
        ("先任", {"stage": "promoted", "left_on": date(2025, 12, 31)}, None, "completed"),
        ("首日任", {"stage": "promoted", "left_on": date(2026, 1, 1)}, None, "completed"),
        ("后任", {"stage": "promoted", "left_on": date(2027, 1, 1)}, None, "completed"),
        ("出库", {"stage": "removed", "left_on": date(2026, 7, 1)}, None, "completed"),
        ("后入", {"entered_on": PartialDate(2027, 1)}, None, "completed"),
    ]
    for name, fields, day, result in cases:
        entry = enter(make_person(name), **{"stage": "training", "entered_on": entered} | fields)
        if day is not None:
            train(entry.person, day, result)
    found = reserve_boards.funnel(county_admin, *YEAR)
    names = {step: sorted(way.entry.person.name for way in found.chosen(step)) for step in ("", "trained", "in_office")}
    assert set(names[""]) == {"在库", "参训", "早训", "缺训", "任职", "任后训", "首日任", "后任", "出库"}
    assert names["trained"] == ["任职", "参训"]
    assert names["in_office"] == sorted(["任职", "任后训", "首日任"])
    assert funnel(county_admin) == (9, 2, 3, 1)
    assert funnel(west_editor) == (0, 0, 0, 0)


def test_each_name_comes_with_the_days_and_the_post_that_prove_it(county: Unit, county_admin: User) -> None:
    entry = enter(make_person("甲", birth="1990"), "training", entered_on=PartialDate(2025, 5))
    train(entry.person, date(2026, 5, 1))
    train(entry.person, date(2026, 6, 1))
    posting = post(entry.person, 30)
    move = reserve.MOVES["promote"]
    reserve.move_on(entry, move, on=date(2026, 9, 1), version=1, by=None, today=TODAY, posting=posting)
    (way,) = reserve_boards.funnel(county_admin, *YEAR).ways
    assert way.recorded_on == date(2025, 5, 1)
    assert way.trainings == [(date(2026, 5, 1), "后备干部培训"), (date(2026, 6, 1), "后备干部培训")]
    assert (way.promoted_on, way.led_to) == (date(2026, 9, 1), posting)


def test_a_second_time_in_the_reserve_is_a_way_of_its_own(county: Unit, county_admin: User) -> None:
    person = make_person("甲", birth="1990")
    enter(person, "removed", entered_on=PartialDate(2025), left_on=date(2026, 2, 1))
    enter(person, "training", entered_on=PartialDate(2026, 4, 1))
    train(person, date(2026, 3, 1))
    train(person, date(2026, 5, 1))
    assert funnel(county_admin) == (2, 1, 0, 0)


@pytest.mark.parametrize(("part", "whole", "percent"), [(1, 3, "33.3"), (0, 5, "0.0"), (5, 5, "100.0")])
def test_shares(part: int, whole: int, percent: str) -> None:
    share = share_percent(part, whole)
    assert share is not None
    assert f"{share:.1f}" == percent
    assert share_percent(0, 0) is None


def test_the_reference_district_as_the_page_of_the_rule_tells_it(county: Unit, county_admin: User) -> None:
    """605 in stock, 195 in office: the table of docs/rules/reserve-funnel.md, row by row."""
    page = (Path(__file__).parents[2] / "docs" / "rules" / "reserve-funnel.md").read_text(encoding="utf-8")
    table = [line.strip("|\n ").split("|") for line in page.splitlines() if line.startswith("| 参考区")]
    rows = [[cell.strip() for cell in line] for line in table]
    assert len(rows) == 3
    village = Unit.objects.get(name="东一村")
    people = Person.objects.bulk_create([Person(unit=village, name=f"{n:03}") for n in range(605)])
    entries = []
    for number, person in enumerate(people):
        is_promoted = number < 195
        entries.append(
            ReserveCadre(
                person=person,
                unit=village,
                stage="promoted" if is_promoted else "training",
                exit_reason="promoted" if is_promoted else "",
                entered_on=PartialDate(2020, 1, 1),
                left_on=date(2021, 1, 1) + timedelta(days=number) if is_promoted else None,
            )
        )
    ReserveCadre.objects.bulk_create(entries)
    for _label, first, last, in_stock_, in_office, share in rows:
        found = reserve_boards.funnel(county_admin, date.fromisoformat(first), date.fromisoformat(last))
        assert [str(found.stock), str(found.in_office)] == [in_stock_, in_office]
        exact = share_percent(found.in_office, found.stock)
        assert exact is not None
        assert f"{exact.quantize(Decimal('0.1'))}%" == share


def test_a_coverage_of_nothing() -> None:
    empty: list[VillageStock] = []
    assert reserve_boards.coverage(empty) == ([], Coverage(None, empty))
    assert Coverage(None, empty).levels == [(0, 0), (1, 0), (2, 0), (3, 0)]
