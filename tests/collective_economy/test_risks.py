"""Risk flags: the day on which each begins, whose they are, the page. Rule: docs/rules/funds.md, "Risk flags"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy import risks
from collective_economy.models import Asset, Project
from tests.collective_economy import ground
from tests.conftest import grant, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("county")]

TODAY = date(2026, 11, 26)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("leader", Role.CL, county)


def found(user: User, kind: str) -> list[risks.Risk]:
    sight = risks.sight_of(user)
    counts = risks.counts(sight, TODAY, [kind])
    rows = risks.listed(sight, TODAY, counts, 0, 50)
    assert counts == {kind: len(rows)}
    return rows


def idle(days: int, spent: int = 0, source: str = "county") -> None:
    day = date(2026, 1, 2)
    project = ground.make_project(approved={source: 10_000}, stage="pay", approved_on=day, started_on=day)
    row = project.sources.get()
    ground.move(row, 10_000, paid_on=ago(days + 20))
    ground.move(row, "0.10", "payment", paid_on=ago(days))
    if spent:
        ground.move(row, spent, "payment", paid_on=ago(days))


def own_money(days: int, received: str = "0", stage: str = "implement") -> None:
    project = ground.make_project(approved={"own": 10_000}, stage=stage)
    row = project.sources.get()
    row.due_on = ago(days)
    row.save(update_fields=["due_on"])
    if received != "0":
        ground.move(row, received)


def contract(**fields: Any) -> Any:
    return ground.make_contract(**{"starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31)} | fields)


def term(first: str, last: str) -> Any:
    return contract(starts_on=date.fromisoformat(first), ends_on=date.fromisoformat(last))


def receivable(days: int, received: str = "0", waived: bool = False) -> None:
    row = ground.make_receivable(amount=1_000, due_on=ago(days))
    if received != "0":
        ground.make_entry(amount=received, receivable=row, day=ago(2))
    if waived:
        row.waived_on = TODAY
        row.save(update_fields=["waived_on"])


def accepted(days: int, with_card: bool = False, stage: str = "operate") -> None:
    project = ground.make_project(approved={"county": 10_000}, stage=stage, accepted_on=ago(days))
    if with_card:
        Asset.objects.create(
            unit=ground.village(), path=ground.village().path, project=project, number="1", name="库", kind="building",
            value=1, owner="村", registered_on=TODAY, entered_by=ground.clerk(),
        )  # fmt: skip


def waiting(approved: int, released: int, **fields: Any) -> None:
    """Days since the approval and since the programme was released."""
    programme = ground.make_programme(released_on=ago(released))
    ground.make_project(
        programme=programme,
        approved={"county": 10_000},
        **{"stage": "implement", "approved_on": ago(approved)} | fields,
    )


CASES: list[tuple[str, str, Callable[[], Any], int]] = [
    ("idle for 90 days", "idle_money", lambda: idle(90), 0),
    ("idle for 91 days", "idle_money", lambda: idle(91), 1),
    ("all but ten cents spent", "idle_money", lambda: idle(91, 9_999), 1),
    ("own money idle", "idle_money", lambda: idle(91, source="own"), 0),
    ("due 30 days ago", "late_income", lambda: receivable(30), 0),
    ("due 31 days ago", "late_income", lambda: receivable(31), 1),
    ("a cent is missing", "late_income", lambda: receivable(31, "999.99"), 1),
    ("received", "late_income", lambda: receivable(31, "1000"), 0),
    ("waived", "late_income", lambda: receivable(31, waived=True), 0),
    ("a share without guarantee", "unsecured_share", lambda: contract(kind="share"), 1),
    ("a share with one", "unsecured_share", lambda: contract(kind="share", guarantee="房产抵押"), 0),
    ("a lease without one", "unsecured_share", lambda: contract(), 0),
    ("a share that is over", "unsecured_share", lambda: contract(kind="share", ends_on=ago(1)), 0),
    ("a share that was ended", "unsecured_share", lambda: contract(kind="share", ended_on=ago(1)), 0),
    ("ten years to the day", "long_contract", lambda: term("2020-01-01", "2029-12-31"), 0),
    ("a day more", "long_contract", lambda: term("2020-01-01", "2030-01-01"), 1),
    ("from a leap day", "long_contract", lambda: term("2020-02-29", "2030-02-28"), 0),
    ("from a leap day, longer", "long_contract", lambda: term("2020-02-29", "2030-03-01"), 1),
    ("accepted 30 days ago", "missing_card", lambda: accepted(30), 0),
    ("accepted 31 days ago", "missing_card", lambda: accepted(31), 1),
    ("with a card", "missing_card", lambda: accepted(31, with_card=True), 0),
    ("stopped", "missing_card", lambda: accepted(31, stage="stopped"), 0),
    ("released 90 days ago", "idle_project", lambda: waiting(90, 200), 0),
    ("released 91 days ago", "idle_project", lambda: waiting(91, 200), 1),
    ("approved long ago, released later", "idle_project", lambda: waiting(200, 90), 0),
    ("begun", "idle_project", lambda: waiting(91, 200, started_on=ago(1)), 0),
    ("back in review", "idle_project", lambda: waiting(91, 200, stage="review"), 0),
    ("own money due today", "late_own_money", lambda: own_money(0), 0),
    ("own money due yesterday", "late_own_money", lambda: own_money(1), 1),
    ("own money there", "late_own_money", lambda: own_money(1, "10000"), 0),
    ("own money of a stopped project", "late_own_money", lambda: own_money(1, stage="stopped"), 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "count"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_when_a_flag_begins(leader: User, kind: str, make: Callable[[], Any], count: int) -> None:
    make()
    assert len(found(leader, kind)) == count


def test_each_names_what_since_when_and_how_much(leader: User) -> None:
    idle(100, 2_000)
    receivable(40, "300.50")
    accepted(45)
    waiting(100, 200)
    own_money(5, "4000")
    told = {
        kind: [(one.place.name, one.what, one.since, one.amount, one.target[0]) for one in found(leader, kind)]
        for kind in ("idle_money", "late_income", "missing_card", "idle_project", "late_own_money")
    }
    lease = f"{found(leader, 'late_income')[0].what}"
    assert told == {
        "idle_money": [("东一村", "仓库", ago(100), Decimal("7999.90"), "project")],
        "late_income": [("东一村", lease, ago(40), Decimal("699.50"), "contract")],
        "missing_card": [("东一村", "仓库", ago(45), 10_000, "project")],
        "idle_project": [("东一村", "仓库", ago(10), 10_000, "project")],
        "late_own_money": [("东一村", "仓库", ago(5), 6_000, "project")],
    }
    assert lease.endswith("承租户")


def test_one_partner_in_three_villages(leader: User, east_editor: User) -> None:
    for name in ("东一村", "东二村"):
        contract(unit=ground.village(name), party="丰收公司", party_number="9137")
    contract(unit=ground.village("东二村"), party="丰收公司", party_number="9137", yearly_amount=5_000)
    contract(unit=ground.village("西一村"), party="青禾合作社")
    assert found(leader, "common_partner") == []
    contract(unit=ground.village("西二村"), party="丰收（集团）公司", party_number="9137", starts_on=date(2025, 3, 1))
    contract(unit=ground.village("西一村"), party="建筑队", kind="build", party_number="1")
    contract(unit=ground.village("西二村"), party="建筑队", kind="build", party_number="1")
    contract(unit=ground.village("东一村"), party="建筑队", kind="build", party_number="1")
    (one,) = found(leader, "common_partner")
    assert (one.place, one.note, one.since, one.amount) == (None, "涉及 3 个村", date(2025, 3, 1), 41_000)
    assert one.target == ("contract_list", None, {"q": one.what})
    assert found(east_editor, "common_partner") == [], "a township counts its own villages"


def test_scope(leader: User, east_editor: User, west_editor: User, county: Unit) -> None:
    waiting(100, 200)
    receivable(40)
    department = make_user("部门")
    grant(department, Role.LD, county, subjects="F3")
    other = make_user("别的部门")
    grant(other, Role.LD, county, subjects="F1")
    counted = {
        user.username: risks.counts(risks.sight_of(user), TODAY, risks.kinds_for(user))
        for user in (leader, east_editor, west_editor, department, other)
    }
    mine = dict.fromkeys(risks.KINDS, 0) | {"idle_project": 1, "late_income": 1}
    projects = dict.fromkeys(risks.OF_PROJECTS, 0)
    assert counted == {
        "leader": mine,
        "east_editor": mine,
        "west_editor": dict.fromkeys(risks.KINDS, 0),
        "部门": projects | {"idle_project": 1},
        "别的部门": projects,
    }
    sight = risks.sight_of(leader)
    assert risks.counts(sight.under(Unit.objects.get(name="西乡").path), TODAY)["idle_project"] == 0
    joint = Project.objects.get()
    joint.shares.create(unit=ground.village("西一村"), path=ground.village("西一村").path, percent=1)
    assert risks.counts(sight.under(Unit.objects.get(name="西乡").path), TODAY)["idle_project"] == 1, (
        "a village takes part"
    )


def test_pages_run_through_all_kinds(leader: User) -> None:
    for _number in range(3):
        receivable(40)
    waiting(100, 200)
    accepted(40)
    sight = risks.sight_of(leader)
    counts = risks.counts(sight, TODAY)
    kinds = [[one.kind for one in risks.listed(sight, TODAY, counts, start, start + 2)] for start in (0, 2, 4, 6)]
    assert kinds == [["late_income"] * 2, ["late_income", "missing_card"], ["idle_project"], []]


@pytest.fixture
def autumn() -> Iterator[None]:
    with time_machine.travel("2026-11-26 10:00+08:00", tick=False):
        yield


@pytest.mark.usefixtures("autumn", "quiet_frame")
def test_the_page(client: Client, leader: User) -> None:
    waiting(100, 200)
    client.force_login(leader)
    url = reverse("collective_economy:risk_list")
    client.get(url)
    numbers = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            html = client.get(url).content.decode()
        numbers.append(len(queries))
        for _number in range(2):
            waiting(100, 200)
    assert numbers == [18, 18]
    address = reverse("collective_economy:project", args=[Project.objects.first().pk])
    for words in ("逾期未开工", "东乡东一村", "1.00", "2026-11-16", address):
        assert words in html, words
    receivable(40)
    page = client.get(url, {"kind": "late_income"})
    assert [row["risk"].kind for row in page.context["rows"]] == ["late_income"]
    assert page.context["kinds"][6][2] == 5, "the head counts every kind"
    page = client.get(url, {"township": Unit.objects.get(name="西乡").pk})
    assert page.context["rows"] == []
    assert "没有发现风险" in page.content.decode()
    assert client.get(url, {"kind": "什么"}).context["rows"] == []
    client.force_login(make_user("村文书", Role.VC, ground.village()))
    assert client.get(url).status_code == 403
