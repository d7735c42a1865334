"""Which rows a user may act on."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from accounts.roles import Role
from branches.models import Membership, Unit, WorkdayException
from branches.scoping import fetch
from collective_economy.models import Programme, Project, ProjectShare
from tests.collective_economy.ground import make_programme, make_project, village
from tests.conftest import grant, make_user


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


# --- Parts: a joint project is seen from every village that takes part --------------------------


@pytest.fixture
def joint(county: Unit) -> Project:
    """A project at the county of two villages of 东乡 and one of 西乡."""
    return make_project(village("东一村"), village("东二村"), village("西一村"), name="联建厂房")


def seen(user: User, action: str = "view") -> list[str]:
    """Names with repetitions: a row that comes twice would stand here twice."""
    return sorted(Project.objects.for_user(user, action).values_list("name", flat=True))


def test_a_township_sees_a_joint_project_of_one_of_its_villages_once(
    joint: Project, east_editor: User, west_editor: User
) -> None:
    make_project(village("西二村"), name="西乡的")
    assert joint.unit.kind == "county"
    assert seen(east_editor) == ["联建厂房"]
    assert seen(west_editor) == ["联建厂房", "西乡的"]
    assert Project.objects.for_user(east_editor).count() == 1
    assert fetch(east_editor, Project, joint.pk) == joint


def test_without_a_part_a_project_of_the_county_is_not_seen(joint: Project, west_editor: User) -> None:
    ProjectShare.objects.filter(project=joint, unit=village("西一村")).delete()
    assert seen(west_editor) == []
    with pytest.raises(Http404):
        fetch(west_editor, Project, joint.pk)


@pytest.mark.parametrize("action", ["change", "approve", "add"])
def test_a_part_gives_sight_and_no_right_to_act(joint: Project, east_editor: User, action: str) -> None:
    assert seen(east_editor, action) == []
    with pytest.raises(PermissionDenied):
        fetch(east_editor, Project, joint.pk, action)


def test_a_township_signs_what_a_village_of_it_takes_part_in(joint: Project, east_editor: User) -> None:
    make_project(village("东三村"), name="东乡的")
    make_project(village("东一村"), village("东二村"), name="东乡合办")
    assert seen(east_editor) == ["东乡合办", "东乡的", "联建厂房"]
    assert seen(east_editor, "sign") == ["东乡合办", "东乡的", "联建厂房"]


def test_the_county_has_a_joint_project_once_by_place_and_part(joint: Project, county_admin: User) -> None:
    assert seen(county_admin) == ["联建厂房"]
    assert seen(county_admin, "change") == ["联建厂房"]


def test_a_lead_department_has_the_projects_of_its_flags_alone(joint: Project, county: Unit, east: Unit) -> None:
    make_project(village("东一村"), village("西二村"), name="文旅", programme=make_programme(subject="F5"))
    industry = make_user("industry", Role.LD)
    grant(industry, Role.LD, county, "F3")
    tourism = make_user("tourism", Role.LD)
    grant(tourism, Role.LD, county, "F5, F1")
    assert seen(industry) == ["联建厂房"]
    assert seen(tourism) == ["文旅"]
    # Of a township's department only what a village of the township has a part in, and of these its flags.
    below = make_user("below", Role.LD)
    grant(below, Role.LD, east, "F5")
    assert seen(below) == ["文旅"]
    assert seen(below, "change") == []


def test_two_roles_with_different_flags_add_up_by_place(joint: Project, east: Unit, west: Unit) -> None:
    make_project(village("东一村"), village("西一村"), name="文旅", programme=make_programme(subject="F5"))
    both = make_user("both", Role.LD)
    grant(both, Role.LD, east, "F5")
    grant(both, Role.RI, west)
    assert seen(both) == ["文旅", "联建厂房"]
    Membership.objects.filter(user=both, role=Role.RI).delete()
    assert seen(User.objects.get(pk=both.pk)) == ["文旅"]


def test_whoever_holds_nothing_sees_no_joint_project(joint: Project, newcomer: User) -> None:
    assert seen(newcomer) == []


def test_programmes_are_read_below_by_their_flag(county: Unit, east_editor: User) -> None:
    make_programme(subject="F3", name="产业")
    make_programme(subject="F5", name="文旅")
    tourism = make_user("tourism", Role.LD)
    grant(tourism, Role.LD, county, "F5")
    assert set(Programme.objects.for_user(east_editor).values_list("name", flat=True)) == {"产业", "文旅"}
    assert set(Programme.objects.for_user(tourism).values_list("name", flat=True)) == {"文旅"}
