"""Which rows a user may act on."""

from __future__ import annotations

from datetime import date

import pytest

from accounts.models import User
from accounts.roles import Role
from branches.models import Membership, Unit, WorkdayException
from tests.conftest import grant


def names(user: User, action: str = "view") -> list[str]:
    return list(Unit.objects.for_user(user, action).values_list("name", flat=True))


def test_a_township_sees_itself_and_its_villages_only(east_editor: User) -> None:
    assert names(east_editor) == ["东乡", "东一村", "东二村", "东三村"]


def test_a_role_grants_only_its_own_actions(county_admin: User, east_editor: User) -> None:
    assert len(names(county_admin, "change")) == 8
    assert names(east_editor, "change") == []


def test_no_membership_no_rows(newcomer: User, county: Unit) -> None:
    assert names(newcomer) == []


@pytest.mark.parametrize(
    "change",
    [{"confirmed_by": None}, {"valid_to": date(2021, 1, 1)}, {"valid_from": date(2098, 1, 1)}],
    ids=["not confirmed", "ended", "not begun"],
)
def test_a_membership_counts_only_while_it_holds(east_editor: User, change: dict[str, object]) -> None:
    Membership.objects.filter(user=east_editor).update(**change)
    assert names(User.objects.get(pk=east_editor.pk)) == []


def test_a_disabled_account_has_no_rows(east_editor: User) -> None:
    east_editor.is_active = False
    assert names(east_editor) == []


def test_county_facts_are_read_from_below_and_changed_only_above(
    east_editor: User, county_admin: User, county: Unit
) -> None:
    holiday = WorkdayException.objects.create(unit=county, day=date(2026, 10, 1), is_workday=False)
    assert list(WorkdayException.objects.for_user(east_editor)) == [holiday]
    assert list(WorkdayException.objects.for_user(east_editor, "change")) == []
    assert list(WorkdayException.objects.for_user(county_admin, "change")) == [holiday]


def test_has_perm_on_an_object_asks_the_same_filter(east_editor: User, east: Unit, west: Unit) -> None:
    assert east_editor.has_perm("branches.view_unit")
    assert east_editor.has_perm("branches.view_unit", east)
    assert not east_editor.has_perm("branches.view_unit", west)


def test_two_roles_add_up(east_editor: User, west: Unit) -> None:
    grant(east_editor, Role.TS, west)
    assert len(names(User.objects.get(pk=east_editor.pk))) == 7
