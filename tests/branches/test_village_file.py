"""The file of a village: what each app adds, for whom, and in how many queries."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from branches import village_file
from branches.models import Unit, Village
from branches.village_file import Part, Section, file_of
from cadres.models import ReserveCadre
from tests.assessments.flag_ground import make_award, make_round
from tests.branches.conftest import TODAY, make_branch, make_life, queries_of
from tests.cadres.people import make_person, post
from tests.conftest import grant, make_user

pytestmark = pytest.mark.usefixtures("october")


def address(unit: Unit) -> str:
    return reverse("branches:village_file", args=[unit.pk])


@pytest.fixture
def furnished(village: Unit) -> Unit:
    """A village with a card, a meeting, two people in post and one in the reserve; its term ends soon."""
    Village.objects.create(unit=village, household_count=612, member_count=68, approved_post_count=6)
    branch = make_branch(village, next_election_on=date(2026, 12, 20))
    make_life(branch, theme="学习会")
    head = make_person("陈立新", birth="1978-06", education="31")
    post(head, 10, started_on=None)
    post(head, 20, started_on=None)
    post(make_person("何桂芳", birth="1981-02"), 30)
    ReserveCadre.objects.create(
        person=make_person("林国栋", birth="1997"), unit=village, stage="on_record", mentor="徐"
    )
    return village


def test_everything_about_a_village_stands_on_one_page(client: Client, furnished: Unit, county_admin: User) -> None:
    county = Unit.objects.get(name="青禾县")
    row = make_round(county)
    make_award(row, furnished, "F1")
    client.force_login(county_admin)
    html = client.get(address(furnished)).content.decode()
    for words in (
        "陈立新", "党组织书记", "何桂芳", "林国栋", "612", "68", "学习会", "班子任期 2026-12-20 届满",
        "本年培训未完成", "核定职数 6", "2026年上半年", "东二村",
    ):  # fmt: skip
        assert words in html, words


def test_parts_are_for_those_who_may_see_them(client: Client, furnished: Unit, east_editor: User) -> None:
    officer = grant(make_user("专干"), Role.CE, Unit.objects.get(name="青禾县")).user
    clerk = grant(make_user("文书"), Role.VC, furnished).user
    for user, sees_people in ((east_editor, True), (officer, False), (clerk, False)):
        client.force_login(user)
        html = client.get(address(furnished)).content.decode()
        assert ("陈立新" in html, "612" in html) == (sees_people, True), user
    stranger = grant(make_user("别人"), Role.TS, Unit.objects.get(name="西乡")).user
    client.force_login(stranger)
    assert client.get(address(furnished)).status_code == 404
    client.force_login(east_editor)
    assert client.get(address(Unit.objects.get(name="东乡"))).status_code == 404, "a township has no such file"


def test_a_village_of_which_nothing_is_known_has_a_page(client: Client, village: Unit, county_admin: User) -> None:
    client.force_login(county_admin)
    html = client.get(address(village)).content.decode()
    assert "没有在任人员" in html
    assert "没有后备力量" in html


@pytest.mark.usefixtures("quiet_frame")
def test_the_queries_do_not_grow(client: Client, furnished: Unit, county_admin: User) -> None:
    client.force_login(county_admin)
    few = queries_of(client, address(furnished))
    for number in range(3):
        post(make_person(f"委员{number}"), 50)
        person = make_person(f"后备{number}")
        ReserveCadre.objects.create(person=person, unit=furnished, stage="on_record")
    assert queries_of(client, address(furnished)) == few <= 30


def test_an_app_registers_once_and_sections_stand_in_their_order(
    village: Unit, county_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def section(order: int, code: str, *, is_side: bool = False) -> Section:
        return Section(order=order, code=code, title=code, template="", context={}, is_side=is_side)

    def build(user: User, unit: Unit, today: date) -> Part:
        return Part(sections=[section(2, "b"), section(1, "a"), section(3, "c", is_side=True)])

    monkeypatch.setattr(village_file, "_builders", [])
    village_file.register(build)
    village_file.register(build)
    found = file_of(county_admin, village, TODAY)
    assert [one.code for one in found.main] == ["a", "b"]
    assert [one.code for one in found.side] == ["c"]
