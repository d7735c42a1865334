"""Screens of accounts and roles: who reaches them, what they do, what they never show."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Job, User
from accounts.roles import Role
from branches.models import Membership, Unit
from tests.conftest import grant, make_unit, make_user

ONE_TIME = re.compile(r'<code class="p-code is-lg">([^<]+)</code>')


@pytest.fixture
def admin(county: Unit) -> User:
    return make_user("admin", Role.SA, county)


@pytest.fixture
def auditor(county: Unit) -> User:
    return make_user("auditor", Role.AU, county)


@pytest.fixture
def clerk(db: None) -> User:
    return make_user("clerk")


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def forget_password(client: Client) -> None:
    session = client.session
    del session["password_at"]
    session.save()


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# --- Who reaches them ---------------------------------------------------------------------

LISTS = {
    "/accounts/user/": {Role.SA},
    "/accounts/user/add/": {Role.SA},
    "/accounts/job/": {Role.SA},
    "/branches/membership/": {Role.SA, Role.CS, Role.CL},
    "/branches/membership/add/": {Role.SA},
}


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize("role", list(Role))
def test_who_opens_what(client: Client, county: Unit, role: Role, address: str) -> None:
    client.force_login(make_user("somebody", role, county))
    assert client.get(address).status_code == (200 if role in LISTS[address] else 403)


@pytest.mark.parametrize("act", ["reset_password", "unlock", "disable", "enable"])
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SA])
def test_nobody_else_acts_on_accounts(client: Client, county: Unit, clerk: User, role: Role, act: str) -> None:
    client.force_login(make_user("somebody", role, county))
    before = User.objects.filter(pk=clerk.pk).values().get()
    response = client.post(f"/accounts/user/{clerk.pk}/{act}/", {"reason": "x"})
    assert response.status_code == 404
    assert User.objects.filter(pk=clerk.pk).values().get() == before
    assert not AuditEvent.objects.exists()


def test_administrator_sees_accounts_of_the_own_county_and_new_ones(
    as_admin: Client, admin: User, clerk: User, east_editor: User
) -> None:
    other = make_unit(Unit.objects.get(name="测试市"), "county", "另县", "990102")
    foreign = make_user("foreign-canary", Role.CS, other)
    page = as_admin.get("/accounts/user/").content.decode()
    for name in ("admin", "clerk", "east_editor"):
        assert name in page
    assert "foreign-canary" not in page
    assert as_admin.get(f"/accounts/user/{foreign.pk}/change/").status_code == 302
    assert as_admin.post(f"/accounts/user/{foreign.pk}/disable/", {"reason": "x"}).status_code == 404
    assert User.objects.get(pk=foreign.pk).is_active


@pytest.mark.parametrize("query", ["password__startswith=a", "phone__startswith=139", "session_generation=0"])
def test_free_lookups_are_refused(as_admin: Client, query: str) -> None:
    assert as_admin.get(f"/accounts/user/?{query}").status_code in (302, 400)


def test_pages_never_show_a_hash(as_admin: Client, clerk: User) -> None:
    for address in ("/accounts/user/", f"/accounts/user/{clerk.pk}/change/"):
        assert clerk.password not in as_admin.get(address).content.decode()


def test_accounts_are_not_removed_and_have_no_history_page(as_admin: Client, clerk: User) -> None:
    assert as_admin.post(f"/accounts/user/{clerk.pk}/delete/", {"post": "yes"}).status_code == 403
    assert as_admin.get(f"/accounts/user/{clerk.pk}/history/").status_code == 403
    assert User.objects.filter(pk=clerk.pk).exists()


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries(
    as_admin: Client, east: Unit, county: Unit, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        user = make_user(f"user{number}", Role.TS, east)
        grant(user, Role.CE, county)
    as_admin.get("/accounts/user/")
    with django_assert_num_queries(8):
        as_admin.get("/accounts/user/")
    with django_assert_num_queries(6):
        as_admin.get("/branches/membership/")


# --- Accounts -----------------------------------------------------------------------------


def test_new_account_shows_its_password_once(as_admin: Client, admin: User) -> None:
    form = {"username": "LiMing", "name": "李明", "phone": "", "active_until": ""}
    response = as_admin.post("/accounts/user/add/", form)
    user = User.objects.get(username="liming")
    (password,) = ONE_TIME.findall(response.content.decode())
    assert user.check_password(password)
    assert user.must_change_password
    assert "no-store" in response.headers["Cache-Control"]
    assert AuditEvent.objects.get(event="accounts.add_user").actor == admin
    page = as_admin.get(f"/accounts/user/{user.pk}/change/").content.decode()
    assert password not in page
    assert password not in str(dict(as_admin.session))


@pytest.mark.parametrize(
    "form", [{"username": "clerk"}, {"username": "Clerk "}, {"username": "a b"}, {"name": ""}, {"active_until": "x"}]
)
def test_account_with_a_mistake_is_not_made(as_admin: Client, clerk: User, form: dict[str, str]) -> None:
    form = {"username": "liming", "name": "李明", "phone": "", "active_until": "", **form}
    response = as_admin.post("/accounts/user/add/", form)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert set(User.objects.values_list("username", flat=True)) == {"admin", "clerk", "confirmer"}


def test_changing_writes_only_listed_fields(as_admin: Client, admin: User, clerk: User) -> None:
    form = {
        "name": "王芳",
        "phone": "",
        "active_until": "2027-01-01",
        "username": "other",
        "is_active": "",
        "password": "x",
        "must_change_password": "on",
    }
    before = User.objects.filter(pk=clerk.pk).values().get()
    assert as_admin.post(f"/accounts/user/{clerk.pk}/change/", form).status_code == 302
    after = User.objects.filter(pk=clerk.pk).values().get()
    assert {field for field in before if before[field] != after[field]} == {"name", "active_until"}
    events = AuditEvent.objects.filter(target_id=str(clerk.pk))
    assert [event.event for event in events] == ["accounts.change_user"]


def test_acts_offered_fit_the_state(as_admin: Client, clerk: User) -> None:
    def offered() -> set[str]:
        page = as_admin.get(f"/accounts/user/{clerk.pk}/change/").content.decode()
        return set(re.findall(rf"/accounts/user/{clerk.pk}/(\w+)/", page)) - {"change", "history", "delete"}

    assert offered() == {"reset_password", "disable"}
    AccessAttempt.objects.create(username="clerk", failures_since_start=5, attempt_time=timezone.now())
    assert offered() == {"reset_password", "disable", "unlock"}
    AccessAttempt.objects.all().delete()
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert offered() == {"enable"}


def test_acts_on_an_account(as_admin: Client, clerk: User) -> None:
    base = f"/accounts/user/{clerk.pk}"
    assert as_admin.post(f"{base}/disable/", {"reason": ""}).status_code == 200
    assert User.objects.get(pk=clerk.pk).is_active
    assert as_admin.post(f"{base}/disable/", {"reason": "调离"}).url == f"{base}/change/"
    assert not User.objects.get(pk=clerk.pk).is_active
    (password,) = ONE_TIME.findall(as_admin.post(f"{base}/enable/", {"reason": "回岗"}).content.decode())
    assert User.objects.get(pk=clerk.pk).check_password(password)
    (password,) = ONE_TIME.findall(as_admin.post(f"{base}/reset_password/").content.decode())
    assert User.objects.get(pk=clerk.pk).check_password(password)
    AccessAttempt.objects.create(username="clerk", failures_since_start=5, attempt_time=timezone.now())
    as_admin.post(f"{base}/unlock/")
    assert not AccessAttempt.objects.exists()
    assert [event.event for event in AuditEvent.objects.order_by("pk")] == [
        "accounts.disable_user",
        "accounts.enable_user",
        "accounts.reset_password",
        "accounts.unlock_user",
    ]


def test_asking_is_not_doing(as_admin: Client, clerk: User) -> None:
    before = User.objects.filter(pk=clerk.pk).values().get()
    for act in ("disable", "reset_password", "unlock"):
        assert as_admin.get(f"/accounts/user/{clerk.pk}/{act}/").status_code == 200
    assert User.objects.filter(pk=clerk.pk).values().get() == before


def test_own_account_is_refused_with_a_sentence(as_admin: Client, admin: User) -> None:
    response = as_admin.post(f"/accounts/user/{admin.pk}/disable/", {"reason": "x"})
    assert response.status_code == 200
    assert response.context["form"].non_field_errors()
    assert User.objects.get(pk=admin.pk).is_active


def test_reset_asks_for_the_password_again(as_admin: Client, clerk: User) -> None:
    forget_password(as_admin)
    address = f"/accounts/user/{clerk.pk}/reset_password/"
    assert as_admin.get(address).url == f"/reauth/?next={address.replace('/', '%2F')}"
    assert as_admin.post(address).status_code == 302
    assert not AuditEvent.objects.exists()


# --- Roles --------------------------------------------------------------------------------


def proposal_form(user: User, role: Role, unit: Unit, **more: str) -> dict[str, str]:
    today = str(timezone.localdate())
    form = {"user": str(user.pk), "role": role, "unit": str(unit.pk), "valid_from": today, "valid_to": ""}
    return {**form, **more}


def test_from_proposal_to_role(client: Client, admin: User, clerk: User, county_leader: User, east: Unit) -> None:
    client.force_login(admin)
    assert client.post("/branches/membership/add/", proposal_form(clerk, Role.TS, east)).status_code == 302
    proposal = Membership.objects.get(user=clerk)
    assert (proposal.proposed_by, proposal.confirmed_by) == (admin, None)
    client.force_login(county_leader)
    page = client.get(f"/branches/membership/{proposal.pk}/change/").content.decode()
    assert f"/branches/membership/{proposal.pk}/confirm/" in page
    assert client.post(f"/branches/membership/{proposal.pk}/confirm/").status_code == 302
    proposal.refresh_from_db()
    assert proposal.confirmed_by == county_leader
    assert clerk.has_perm("assessments.submit_return")
    assert [event.event for event in AuditEvent.objects.order_by("pk")] == [
        "branches.propose_membership",
        "branches.confirm_membership",
    ]


@pytest.mark.parametrize(
    ("who", "role", "more", "words"),
    [
        ("admin", Role.TS, {}, "不能给本人授权。"),
        ("clerk", Role.SA, {}, "这一级单位不设此角色。"),
        ("clerk", Role.TS, {"valid_from": "2020-01-01"}, "授权最早从今天起生效。"),
        ("clerk", Role.RI, {}, "纪检、审计授权必须填写最后一天。"),
        ("auditor", Role.TS, {}, "系统管理员、审计员和业务角色不得由同一人兼任。"),
    ],
)
def test_proposal_with_a_mistake_says_what_is_wrong(
    as_admin: Client, admin: User, auditor: User, clerk: User, east: Unit, who: str, role: Role, more: dict[str, str],
    words: str,
) -> None:  # fmt: skip
    user = User.objects.get(username=who)
    before = Membership.objects.count()
    response = as_admin.post("/branches/membership/add/", proposal_form(user, role, east, **more))
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors.values()) == [[words]]
    assert Membership.objects.count() == before


def test_proposal_outside_the_area_is_refused(as_admin: Client, clerk: User) -> None:
    other = make_unit(Unit.objects.get(name="测试市"), "county", "另县", "990102")
    foreign = make_unit(other, "township", "南乡", "990102100")
    response = as_admin.post("/branches/membership/add/", proposal_form(clerk, Role.TS, foreign))
    assert response.context["adminform"].form.errors["unit"]
    assert "南乡" not in response.content.decode()
    assert not Membership.objects.filter(user=clerk).exists()


@pytest.fixture
def proposal(admin: User, clerk: User, east: Unit) -> Membership:
    return Membership.objects.create(
        user=clerk, role=Role.TS, unit=east, valid_from=timezone.localdate(), proposed_by=admin
    )


def test_proposer_does_not_confirm(as_admin: Client, proposal: Membership) -> None:
    assert as_admin.post(f"/branches/membership/{proposal.pk}/confirm/").status_code == 403
    action = {"action": "confirm_selected", "_selected_action": str(proposal.pk)}
    as_admin.post("/branches/membership/", action)
    proposal.refresh_from_db()
    assert proposal.confirmed_by is None


@pytest.mark.parametrize("role", [Role.TS, Role.RI, Role.AU, Role.VC, Role.CE])
def test_others_neither_confirm_nor_end(client: Client, proposal: Membership, county: Unit, role: Role) -> None:
    client.force_login(make_user("somebody", role, county))
    for act in ("confirm", "decline", "end"):
        form = {"reason": "x", "last_day": str(timezone.localdate())}
        assert client.post(f"/branches/membership/{proposal.pk}/{act}/", form).status_code == 404
    proposal.refresh_from_db()
    assert (proposal.confirmed_by, proposal.valid_to) == (None, None)


def test_confirming_several_leaves_out_what_cannot_be(
    client: Client, proposal: Membership, admin: User, county_leader: User, county: Unit
) -> None:
    own = Membership.objects.create(
        user=county_leader, role=Role.CS, unit=county, valid_from=timezone.localdate(), proposed_by=admin
    )
    client.force_login(county_leader)
    action = {"action": "confirm_selected", "_selected_action": [str(proposal.pk), str(own.pk)]}
    response = client.post("/branches/membership/", action)
    proposal.refresh_from_db()
    own.refresh_from_db()
    assert (proposal.confirmed_by, own.confirmed_by) == (county_leader, None)
    assert len(told(response)) == 2


def test_confirming_asks_for_the_password_again(client: Client, proposal: Membership, county_leader: User) -> None:
    client.force_login(county_leader)
    forget_password(client)
    action = {"action": "confirm_selected", "_selected_action": str(proposal.pk)}
    for response in (
        client.post(f"/branches/membership/{proposal.pk}/confirm/"),
        client.post("/branches/membership/", action),
    ):
        assert response.url.startswith("/reauth/")
    proposal.refresh_from_db()
    assert proposal.confirmed_by is None


def test_role_is_ended_by_the_administrator(as_admin: Client, east_editor: User) -> None:
    held = Membership.objects.get(user=east_editor)
    yesterday = timezone.localdate() - timedelta(days=1)
    page = as_admin.get(f"/branches/membership/{held.pk}/change/").content.decode()
    assert f"/branches/membership/{held.pk}/end/" in page
    response = as_admin.post(f"/branches/membership/{held.pk}/end/", {"last_day": str(yesterday), "reason": "调离"})
    assert response.status_code == 302
    held.refresh_from_db()
    assert held.valid_to == yesterday
    assert not User.objects.get(pk=east_editor.pk).has_perm("assessments.submit_return")


def test_role_is_not_edited(as_admin: Client, east_editor: User) -> None:
    held = Membership.objects.get(user=east_editor)
    before = Membership.objects.filter(pk=held.pk).values().get()
    form = proposal_form(east_editor, Role.CE, held.unit, confirmed_by="1")
    assert as_admin.post(f"/branches/membership/{held.pk}/change/", form).status_code == 403
    assert Membership.objects.filter(pk=held.pk).values().get() == before


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("proposed", {"clerk"}),
        ("declined", {"declined"}),
        ("over", {"over"}),
        ("coming", {"coming"}),
        ("in_effect", {"admin", "holder"}),
    ],
)
def test_filter_by_state(as_admin: Client, proposal: Membership, east: Unit, state: str, names: set[str]) -> None:
    today = timezone.localdate()
    day = timedelta(days=1)
    declined = Membership.objects.create(user=make_user("declined"), role=Role.TS, unit=east, valid_from=today)
    Membership.objects.filter(pk=declined.pk).update(valid_to=today - day)
    over = grant(make_user("over"), Role.TS, east)
    Membership.objects.filter(pk=over.pk).update(valid_to=today - day)
    coming = grant(make_user("coming"), Role.TS, east)
    Membership.objects.filter(pk=coming.pk).update(valid_from=today + day)
    grant(make_user("holder"), Role.TS, east)
    rows = as_admin.get(f"/branches/membership/?state={state}").context["cl"].queryset
    assert {row.user.username for row in rows} == names


# --- Jobs ---------------------------------------------------------------------------------


def test_jobs_are_read_and_cancelled(as_admin: Client, admin: User, county: Unit) -> None:
    waiting = Job.objects.create(kind="a.b", key="1", unit_path=county.path)
    done = Job.objects.create(kind="a.b", key="2", state=Job.State.SUCCEEDED)
    foreign = Job.objects.create(kind="a.canary", key="3", unit_path="0002")
    page = as_admin.get("/accounts/job/").content.decode()
    assert "a.canary" not in page
    assert as_admin.get("/accounts/job/add/").status_code == 403
    assert as_admin.get(f"/accounts/job/{waiting.pk}/change/").status_code == 200
    action = {"action": "cancel_jobs", "_selected_action": [str(job.pk) for job in (waiting, done, foreign)]}
    as_admin.post("/accounts/job/", action)
    states = dict(Job.objects.values_list("key", "state"))
    assert states == {"1": "cancelled", "2": "succeeded", "3": "queued"}
    event = AuditEvent.objects.get(event="accounts.cancel_job")
    assert (event.actor, event.target_id) == (admin, str(waiting.pk))
