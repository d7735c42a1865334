"""Files that wait for approval stand among the leader's things to do, with their number in the menu and at the bell."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from assessments.export_todos import SOURCES
from branches.models import Unit
from branches.todo import Todo
from imports.models import ExportFile
from tests.conftest import make_unit, make_user


def waiting(by: User, unit: Unit, state: str = ExportFile.State.WAITING) -> ExportFile:
    return ExportFile.objects.create(
        listing="cadres",
        purpose="roster",
        note="年度核对",
        has_numbers=True,
        people_count=60,
        path=unit.path,
        paths=[unit.path],
        state=state,
        requested_by=by,
    )


def found_by(user: User) -> list[Todo]:
    fresh = User.objects.get(pk=user.pk)
    return [todo for source in SOURCES for todo in source(fresh, timezone.now())]


def test_the_leader_sees_how_many_wait_and_nobody_else(county: Unit, east: Unit, county_leader: User) -> None:
    staff, township = make_user("staff", Role.CS, county), make_user("east", Role.TS, east)
    assert found_by(county_leader) == []
    for by, unit in ((staff, county), (township, east)):
        waiting(by, unit)
    waiting(staff, county, ExportFile.State.READY)
    first, second = found_by(county_leader)
    assert (first.key, first.url) == ("exports", "/exports/approvals/")
    assert (first.title, first.detail) == ("staff申请导出村干部名册，含 60 人身份证号", "核对名册　年度核对")
    assert second.title.startswith("east")
    assert found_by(staff) == found_by(township) == []


def test_one_s_own_and_those_of_another_county_are_not_among_them(county: Unit, county_leader: User) -> None:
    elsewhere = make_unit(Unit.objects.get(name="测试市"), "county", "别的县", "990102")
    waiting(make_user("stranger", Role.CS, elsewhere), elsewhere)
    waiting(county_leader, county)
    assert found_by(county_leader) == []


@pytest.mark.parametrize("page", ["/", "/exports/approvals/"])
def test_the_frame_counts_them(page: str, county: Unit, county_leader: User, client: Client) -> None:
    staff = make_user("staff", Role.CS, county)
    waiting(staff, county)
    waiting(staff, county)
    client.force_login(county_leader)
    shown = client.get(page).content.decode()
    assert "staff申请导出村干部名册" in shown or page != "/"
    entry = shown.split('href="/exports/approvals/"')[1].split("</a>")[0]
    assert ">2<" in entry


def test_one_question_however_many_wait(county: Unit, county_leader: User) -> None:
    staff = make_user("staff", Role.CS, county)
    numbers = []
    for _time in range(3):
        waiting(staff, county)
        with CaptureQueriesContext(connection) as context:
            found_by(county_leader)
        numbers.append(len(context))
    assert numbers == [3, 3, 3]
