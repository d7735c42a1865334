"""Which unit a roster means, inside a user's area."""

from __future__ import annotations

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from branches.unit_lookup import UnitLookup, are_near, township_core, village_core
from tests.conftest import grant, make_unit

TODAY = date(2026, 11, 25)
EDIT = "branches.change_village"


def answers(lookup: UnitLookup, township: str | None, village: str) -> list[str]:
    """Names of the village, or codes with the field and the suggestion."""
    return [
        match.place.name if match.place else " ".join(filter(None, (match.code, match.field, match.suggestion)))
        for match in lookup.resolve(township, village)
    ]


@pytest.fixture
def more(county: Unit) -> None:
    """Names that differ by their endings, in the east a former village, in the west one that the east has too."""
    east, west = Unit.objects.get(name="东乡"), Unit.objects.get(name="西乡")
    for name in ("肖王村民委员会", "肖王社区居民委员会", "三官庙村民委员会", "高庙村民委员会"):
        make_unit(Unit.objects.get(pk=east.pk), "village", name)
    for name in ("高庙村民委员会", "洪岗社区居民委员会"):
        make_unit(Unit.objects.get(pk=west.pk), "village", name)
    old = make_unit(Unit.objects.get(pk=east.pk), "village", "老河村民委员会")
    Unit.objects.filter(pk=old.pk).update(valid_to=date(2024, 1, 31), merged_into=Unit.objects.get(name="东一村"))


@pytest.mark.parametrize(
    ("township", "village", "expected"),
    [
        ("东乡", "东一村", ["东一村"]),
        ("东 乡", "东一", ["东一村"]),
        ("青禾县东乡", "东乡东一村", ["东一村"]),
        ("西乡", "洪岗", ["洪岗社区居民委员会"]),
        ("西乡", "洪岗社区居委会", ["洪岗社区居民委员会"]),
        ("西乡", "洪岗村", ["洪岗社区居民委员会"]),
        ("东乡", "肖王村", ["肖王村民委员会"]),
        ("东乡", "肖王社区", ["肖王社区居民委员会"]),
        ("东乡", "肖王", ["unit_ambiguous village"]),
        ("东乡", "老河村", ["东一村"]),
        ("东乡", "三官苗村", ["unit_unknown village", "unit_suggested village 三官庙村"]),
        ("东乡", "洪岗村", ["unit_unknown village", "unit_suggested village 西乡 洪岗社区"]),
        ("东乡", "幸福村", ["unit_unknown village"]),
        ("北乡", "东一村", ["unit_unknown township"]),
        (None, "东一村", ["东一村", "township_assumed village"]),
        (None, "高庙村", ["unit_ambiguous village"]),
        (None, "幸福村", ["unit_unknown village"]),
    ],
)
def test_places_of_a_county_user(
    more: None, county_admin: User, township: str | None, village: str, expected: list[str]
) -> None:
    assert answers(UnitLookup(county_admin, EDIT, TODAY), township, village) == expected


def test_a_township_user_learns_nothing_of_other_townships(more: None, east_editor: User) -> None:
    lookup = UnitLookup(east_editor, EDIT, TODAY)
    assert answers(lookup, "西乡", "西一村") == ["unit_out_of_scope township"]
    assert answers(lookup, "西乡", "没有的村") == ["unit_out_of_scope township"]
    assert answers(lookup, "东乡", "洪岗村") == ["unit_unknown village"]
    assert answers(lookup, "东乡", "没有的村") == ["unit_unknown village"]
    assert answers(lookup, None, "西一村") == answers(lookup, None, "没有的村") == ["unit_unknown village"]
    assert answers(lookup, None, "高庙") == ["高庙村民委员会"]
    assert answers(lookup, "北乡", "东一村") == ["unit_unknown township"]


def test_whoever_may_not_write_finds_nothing(county: Unit, county_leader: User, newcomer: User) -> None:
    for user in (county_leader, newcomer):
        assert answers(UnitLookup(user, EDIT, TODAY), "东乡", "东一村") == ["unit_unknown township"]


def test_two_townships_are_an_area_too(county: Unit, east_editor: User) -> None:
    grant(east_editor, Role.TS, Unit.objects.get(name="西乡"))
    assert answers(UnitLookup(east_editor, EDIT, TODAY), None, "西一村") == ["西一村", "township_assumed village"]


def test_titles_name_townships_and_villages(more: None, county_admin: User) -> None:
    lookup = UnitLookup(county_admin, EDIT, TODAY)
    assert [place.name for place in lookup.townships_in("青禾县东乡村干部名册")] == ["东乡"]
    assert [place.name for place in lookup.townships_in("东乡、西乡名册")] == ["东乡", "西乡"]
    assert [place.name for place in lookup.villages_in("西乡洪岗社区登记表", None)] == ["洪岗社区居民委员会"]
    assert lookup.is_village_name("高庙村")
    assert not lookup.is_village_name("Sheet1")


def test_queries_do_not_grow_with_the_tree(
    more: None, county_admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    UnitLookup(county_admin, EDIT, TODAY)
    with django_assert_num_queries(1):
        lookup = UnitLookup(county_admin, EDIT, TODAY)
        for number in range(50):
            list(lookup.resolve("东乡", f"村{number}"))


def test_names_without_their_endings() -> None:
    assert [village_core(name) for name in ("洪岗村民委员会", "洪岗村", "洪岗社区", "中山街社区", "村")] == [
        "洪岗",
        "洪岗",
        "洪岗",
        "中山街",
        "村",
    ]
    assert [township_core(name) for name in ("明港镇", "甘岸街道办事处", "东乡")] == ["明港", "甘岸", "东乡"]
    near = [("三官苗", "三官庙"), ("胡寨", "胡家寨"), ("李湾", "李弯"), ("幸福", "平福"), ("三官", "三官庙前")]
    assert [are_near(*pair) for pair in near] == [True, True, False, False, False]
