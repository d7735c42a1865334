"""Roles: proposed by one, confirmed by another, never to oneself, never mixed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from accounts import services
from accounts.models import AuditEvent, User
from accounts.roles import SEPARATED_ROLES, Role, exclude_each_other
from branches import separation
from branches.models import Membership, Unit
from branches.scoping import paths_for
from branches.services.memberships import (
    MembershipState,
    confirm_membership,
    decline_membership,
    end_membership,
    propose_membership,
    state_of,
)
from tests.conftest import BEGINNING, grant, make_unit, make_user

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
TODAY = date(2026, 11, 2)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def admin(county: Unit) -> User:
    return make_user("admin", Role.SA, county)


@pytest.fixture
def clerk(db: None) -> User:
    return make_user("clerk")


@pytest.fixture
def proposal(admin: User, clerk: User, east: Unit) -> Membership:
    return propose(clerk, Role.TS, east, by=admin)


def propose(user: User, role: Role, unit: Unit, *, by: User, **more: Any) -> Membership:
    values = {"valid_from": TODAY, "valid_to": TODAY if role == Role.RI else None, **more}
    values.setdefault("subjects", "F1" if role == Role.LD else "")
    return propose_membership(user, role, unit, by=by, now=NOW, **values)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        call()
    return str(caught.value.code)


def paths(user: User) -> list[str]:
    return paths_for(User.objects.get(pk=user.pk), "assessments.submit_return")


# --- Proposing and confirming -------------------------------------------------------------


def test_role_holds_once_a_second_person_confirms_it(
    client: Client, proposal: Membership, clerk: User, county_leader: User, admin: User, east: Unit
) -> None:
    Membership.objects.filter(pk=proposal.pk).update(valid_from=BEGINNING)
    client.force_login(clerk)
    assert paths(clerk) == []
    assert client.get("/").status_code == 200
    confirm_membership(proposal, by=county_leader, now=NOW)
    proposal.refresh_from_db()
    assert (proposal.proposed_by, proposal.confirmed_by, proposal.confirmed_at) == (admin, county_leader, NOW)
    assert paths(clerk) == [east.path]
    assert client.get("/").status_code == 302, "a change of role ends the sessions"
    events = AuditEvent.objects.order_by("pk")
    assert [(event.event, event.actor, event.unit_path) for event in events] == [
        ("branches.propose_membership", admin, east.path),
        ("branches.confirm_membership", county_leader, east.path),
    ]
    assert events[0].changes == {"user": clerk.pk, "role": "TS", "valid_from": "2026-11-02", "valid_to": None}
    confirm_membership(proposal, by=county_leader, now=NOW)
    assert events.count() == 2


@pytest.mark.parametrize(
    ("role", "unit", "dates", "code"),
    [
        (Role.SA, "东乡", {}, "kind_of_unit"),
        (Role.AU, "东一村", {}, "kind_of_unit"),
        (Role.CS, "东乡", {}, "kind_of_unit"),
        (Role.CL, "测试市", {}, "kind_of_unit"),
        (Role.TS, "青禾县", {}, "kind_of_unit"),
        (Role.TS, "东一村", {}, "kind_of_unit"),
        (Role.CE, "东一村", {}, "kind_of_unit"),
        (Role.RI, "东一村", {}, "kind_of_unit"),
        (Role.VC, "东乡", {}, "kind_of_unit"),
        (Role.TS, "东乡", {"valid_from": TODAY - ONE_DAY}, "past"),
        (Role.TS, "东乡", {"valid_to": TODAY - ONE_DAY}, "dates"),
        (Role.RI, "东乡", {"valid_to": None}, "no_end"),
        (Role.LD, "东乡", {}, "kind_of_unit"),
        (Role.LD, "青禾县", {"subjects": ""}, "no_subjects"),
        (Role.LD, "青禾县", {"subjects": "，"}, "no_subjects"),
        (Role.TS, "东乡", {"subjects": "F1"}, "subjects"),
    ],
)
def test_proposal_that_is_refused(
    admin: User, clerk: User, role: Role, unit: str, dates: dict[str, Any], code: str
) -> None:
    at = Unit.objects.get(name=unit)
    before = Membership.objects.count()
    assert code_of(lambda: propose(clerk, role, at, by=admin, **dates)) == code
    assert Membership.objects.count() == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("role", "unit"),
    [
        (Role.SA, "青禾县"),
        (Role.AU, "青禾县"),
        (Role.CS, "青禾县"),
        (Role.CL, "青禾县"),
        (Role.TS, "东乡"),
        (Role.CE, "青禾县"),
        (Role.CE, "东乡"),
        (Role.RI, "青禾县"),
        (Role.RI, "东乡"),
        (Role.VC, "东一村"),
        (Role.LD, "青禾县"),
    ],
)
def test_proposal_that_is_taken(admin: User, clerk: User, role: Role, unit: str) -> None:
    membership = propose(clerk, role, Unit.objects.get(name=unit), by=admin)
    assert state_of(membership, TODAY) == MembershipState.PROPOSED


@pytest.mark.parametrize("written", ["f3,F2", "F2、F3", " F3 F2 F3 "])
def test_subjects_of_a_lead_department_are_kept_in_one_form(
    admin: User, clerk: User, county: Unit, written: str
) -> None:
    assert propose(clerk, Role.LD, county, by=admin, subjects=written).subjects == "F2, F3"


def test_nobody_proposes_or_confirms_for_oneself(admin: User, county_leader: User, county: Unit, east: Unit) -> None:
    assert code_of(lambda: propose(admin, Role.TS, east, by=admin)) == "oneself"
    proposal = propose(county_leader, Role.CS, county, by=admin)
    assert code_of(lambda: confirm_membership(proposal, by=county_leader, now=NOW)) == "oneself"
    assert code_of(lambda: decline_membership(proposal, by=county_leader, reason="x")) == "oneself"
    assert code_of(lambda: confirm_membership(proposal, by=admin, now=NOW)) == "proposer"
    proposal.refresh_from_db()
    assert proposal.confirmed_by is None


@pytest.mark.parametrize("other", ["user", "proposed_by"])
def test_database_knows_the_second_person_too(proposal: Membership, clerk: User, admin: User, other: str) -> None:
    proposal.confirmed_by = getattr(proposal, other)
    with pytest.raises(IntegrityError), transaction.atomic():
        proposal.save()


def test_database_knows_that_nobody_proposes_for_oneself(clerk: User, east: Unit) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=clerk, role=Role.TS, unit=east, valid_from=TODAY, proposed_by=clerk)


def test_closed_account_gets_no_role(proposal: Membership, admin: User, clerk: User, county_leader: User) -> None:
    services.disable_user(clerk, by=admin, reason="", now=NOW)
    assert code_of(lambda: confirm_membership(proposal, by=county_leader, now=NOW)) == "disabled"
    assert code_of(lambda: propose(clerk, Role.TS, proposal.unit, by=admin)) == "disabled"


def test_same_role_is_not_proposed_twice(
    proposal: Membership, admin: User, clerk: User, east: Unit, west: Unit
) -> None:
    assert code_of(lambda: propose(clerk, Role.TS, east, by=admin, valid_from=TODAY + 9 * ONE_DAY)) == "held"
    assert propose(clerk, Role.TS, west, by=admin).pk
    assert propose(clerk, Role.CE, east, by=admin).pk


def test_proposal_whose_time_is_over_is_not_confirmed(
    admin: User, clerk: User, east: Unit, county_leader: User
) -> None:
    proposal = propose(clerk, Role.TS, east, by=admin, valid_to=TODAY + ONE_DAY)
    later = NOW + 2 * ONE_DAY
    assert code_of(lambda: confirm_membership(proposal, by=county_leader, now=later)) == "over"
    confirm_membership(proposal, by=county_leader, now=NOW + ONE_DAY)
    assert Membership.objects.get(pk=proposal.pk).confirmed_by == county_leader


def test_declined_proposal_never_holds_and_may_be_made_again(
    proposal: Membership, admin: User, clerk: User, county_leader: User
) -> None:
    assert code_of(lambda: decline_membership(proposal, by=county_leader, reason=" ")) == "no_reason"
    declined = decline_membership(proposal, by=county_leader, reason="不是本镇的人")
    assert state_of(declined, TODAY) == MembershipState.DECLINED
    assert code_of(lambda: confirm_membership(proposal, by=county_leader, now=NOW)) == "declined"
    event = AuditEvent.objects.get(event="branches.decline_membership")
    assert (event.actor, event.reason) == (county_leader, "不是本镇的人")
    again = propose(clerk, Role.TS, proposal.unit, by=admin, valid_from=TODAY + ONE_DAY)
    assert state_of(again, TODAY) == MembershipState.PROPOSED


# --- Separation ---------------------------------------------------------------------------

PAIRS = [(one, other) for one in Role for other in Role if one != other]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_separated_roles(admin: User, clerk: User, one: Role, other: Role, county_leader: User) -> None:
    """In the service when proposed, and in the database whoever writes."""
    units = {Role.TS: "东乡", Role.VC: "东一村"}
    first, second = (Unit.objects.get(name=units.get(role, "青禾县")) for role in (one, other))
    grant(clerk, one, first)
    is_apart = bool({one, other} & SEPARATED_ROLES)
    assert exclude_each_other(one, other) is is_apart
    if not is_apart:
        propose(clerk, other, second, by=admin)
        return
    assert code_of(lambda: propose(clerk, other, second, by=admin)) == "separated"
    with pytest.raises(IntegrityError, match="exclude each other"), transaction.atomic():
        grant(clerk, other, second)
    assert Membership.objects.filter(user=clerk).count() == 1


@pytest.mark.parametrize("change", [{"role": "AU"}, {"valid_from": TODAY}])
def test_separation_cannot_be_got_round_by_an_update(clerk: User, county: Unit, change: dict[str, Any]) -> None:
    grant(clerk, Role.CS, county)
    past = Membership.objects.filter(user=clerk)
    past.update(valid_to=TODAY)
    second = Membership.objects.create(
        user=clerk, role="AU" if "valid_from" in change else "CL", unit=county, valid_from=TODAY + ONE_DAY
    )
    change = {**change, "valid_from": TODAY}
    with pytest.raises(IntegrityError, match="exclude each other"), transaction.atomic():
        Membership.objects.filter(pk=second.pk).update(**change)


def test_separated_roles_one_after_the_other(admin: User, clerk: User, county: Unit, county_leader: User) -> None:
    grant(clerk, Role.CS, county)
    held = Membership.objects.get(user=clerk)
    end_membership(held, last_day=TODAY, by=admin, reason="转岗", now=NOW)
    assert code_of(lambda: propose(clerk, Role.AU, county, by=admin)) == "separated"
    proposal = propose(clerk, Role.AU, county, by=admin, valid_from=TODAY + ONE_DAY)
    confirm_membership(proposal, by=county_leader, now=NOW)
    assert state_of(Membership.objects.get(pk=proposal.pk), TODAY) == MembershipState.COMING


def test_declined_proposal_does_not_separate(admin: User, clerk: User, county: Unit, county_leader: User) -> None:
    decline_membership(propose(clerk, Role.AU, county, by=admin), by=county_leader, reason="x")
    assert propose(clerk, Role.CS, county, by=admin).pk


def test_triggers_are_there(db: None) -> None:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled <> 'D'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [separation.TABLE])
        assert {name for (name,) in cursor.fetchall()} == set(separation.NAMES)


# --- Ending -------------------------------------------------------------------------------


def test_role_taken_away_at_once_ends_the_sessions(client: Client, admin: User, clerk: User, east: Unit) -> None:
    held = grant(clerk, Role.TS, east)
    client.force_login(clerk)
    today = date.today()
    now = datetime.now(UTC)
    end_membership(held, last_day=today - ONE_DAY, by=admin, reason="调离", now=now)
    assert paths(clerk) == []
    assert client.get("/").status_code == 302
    event = AuditEvent.objects.get(event="branches.end_membership")
    assert event.changes["valid_to"] == [None, str(today - ONE_DAY)]
    assert event.reason == "调离"


@pytest.mark.parametrize(
    ("last_day", "reason", "code"),
    [(TODAY - 2 * ONE_DAY, "x", "past"), (TODAY + 9 * ONE_DAY, "x", "later"), (TODAY, "  ", "no_reason")],
)
def test_ending_that_is_refused(admin: User, clerk: User, east: Unit, last_day: date, reason: str, code: str) -> None:
    held = grant(clerk, Role.TS, east)
    Membership.objects.filter(pk=held.pk).update(valid_to=TODAY + 9 * ONE_DAY)
    assert code_of(lambda: end_membership(held, last_day=last_day, by=admin, reason=reason, now=NOW)) == code
    assert Membership.objects.get(pk=held.pk).valid_to == TODAY + 9 * ONE_DAY


def test_own_role_and_proposal_are_not_ended(admin: User, proposal: Membership) -> None:
    own = Membership.objects.get(user=admin)
    assert code_of(lambda: end_membership(own, last_day=TODAY, by=admin, reason="x", now=NOW)) == "oneself"
    assert code_of(lambda: end_membership(proposal, last_day=TODAY, by=admin, reason="x", now=NOW)) == "not_confirmed"


@pytest.mark.parametrize(("others", "ends"), [([], True), ([Role.CE], False)])
def test_account_of_an_inspector_ends_with_the_role(
    admin: User, clerk: User, county: Unit, county_leader: User, others: list[Role], ends: bool
) -> None:
    for role in others:
        grant(clerk, role, county)
    last = TODAY + 30 * ONE_DAY
    proposal = propose(clerk, Role.RI, county, by=admin, valid_to=last)
    confirm_membership(proposal, by=county_leader, now=NOW)
    clerk.refresh_from_db()
    assert clerk.active_until == (last if ends else None)


def test_roles_are_never_removed(proposal: Membership) -> None:
    with pytest.raises((DatabaseError, IntegrityError, models_protected())), transaction.atomic():
        proposal.user.delete()


def models_protected() -> type[Exception]:
    from django.db.models import ProtectedError  # noqa: PLC0415  (one use)

    return ProtectedError


# --- The first people ---------------------------------------------------------------------


def test_first_administrator_and_leader(county: Unit, client: Client) -> None:
    output = StringIO()
    call_command("create_first_admin", "wang", "王建国", "--leader", "liming", "李明", stdout=output)
    roles = {m.user.username: m.role for m in Membership.objects.filter(unit=county)}
    assert roles == {"wang": "SA", "liming": "CL"}
    lines = output.getvalue().splitlines()
    for line, username in zip(lines, ("wang", "liming"), strict=False):
        password = line.split()[-1]
        user = User.objects.get(username=username)
        assert user.check_password(password)
        assert user.must_change_password
    console = User.objects.get(username="console")
    assert not console.is_active
    assert not console.has_usable_password()
    wang, li = User.objects.get(username="wang"), User.objects.get(username="liming")
    assert paths_for(wang, "branches.add_membership") == [county.path]
    assert paths_for(li, "branches.confirm_membership") == [county.path]
    assert AuditEvent.objects.filter(event="branches.confirm_membership", reason="first start").count() == 2


def test_first_administrator_is_made_once(county: Unit) -> None:
    call_command("create_first_admin", "wang", "王建国", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_first_admin", "zhao", "赵六", "--leader", "liming", "李明", stdout=StringIO())
    assert not User.objects.filter(username__in=["zhao", "liming"]).exists()
    User.objects.update(is_active=False)
    call_command("create_first_admin", "zhao", "赵六", stdout=StringIO())
    assert Membership.objects.filter(user__username="zhao", role="SA").exists()


def test_leader_may_be_made_later(county: Unit) -> None:
    call_command("create_first_admin", "wang", "王建国", stdout=StringIO())
    call_command("create_first_admin", "--leader", "liming", "李明", stdout=StringIO())
    assert set(Membership.objects.values_list("role", flat=True)) == {"SA", "CL"}
    with pytest.raises(CommandError, match="Give user name"):
        call_command("create_first_admin", "zhao", stdout=StringIO())


def test_administrator_whose_password_is_lost_is_replaced(county: Unit) -> None:
    call_command("create_first_admin", "wang", "王建国", stdout=StringIO())
    call_command("create_first_admin", "zhao", "赵六", "--replace", "密码遗失", stdout=StringIO())
    states = dict(User.objects.exclude(username="console").values_list("username", "is_active"))
    assert states == {"wang": False, "zhao": True}
    event = AuditEvent.objects.get(event="accounts.disable_user")
    assert (event.actor, event.reason) == (None, "密码遗失")


def test_first_administrator_needs_one_county(county: Unit) -> None:
    make_unit(Unit.objects.get(name="测试市"), "county", "另县", "990102")
    with pytest.raises(CommandError, match="--county"):
        call_command("create_first_admin", "wang", "王建国", stdout=StringIO())
    call_command("create_first_admin", "wang", "王建国", "--county", "990102", stdout=StringIO())
    assert Membership.objects.get(role="SA").unit.name == "另县"
    with pytest.raises(CommandError, match="no such county"):
        call_command("create_first_admin", "x", "y", "--county", "990109", stdout=StringIO())
