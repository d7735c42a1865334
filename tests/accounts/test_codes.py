"""Codes of an authenticator app: the standard's own examples, once only, and what is open before."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import codes
from accounts.encryption import SealedValueDamaged
from accounts.models import AuditEvent, User
from accounts.roles import CODE_ROLES, Role
from branches.models import Unit
from tests.conftest import make_user

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)
PASSWORD = "Right-Horse-7-Battery"


@pytest.fixture(autouse=True)
def switched_on(settings: Settings) -> None:
    settings.TOTP_REQUIRED = True


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("leader", Role.CL, county)


def code_of(user: User, now: datetime = NOW) -> str:
    user.refresh_from_db()
    secret = codes._decrypted(user.code_secret, user.pk)
    return codes.code_at(secret, int(now.timestamp()) // codes.STEP_SECONDS)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_examples_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, the last six of its eight digits."""
    assert codes.code_at(b"12345678901234567890", seconds // 30) == code


@pytest.mark.parametrize("role", list(Role))
def test_who_is_asked(county: Unit, settings: Settings, role: Role) -> None:
    user = make_user("somebody", role, county)
    assert codes.is_asked_of(user) is (role in CODE_ROLES)
    settings.TOTP_REQUIRED = False
    assert not codes.is_asked_of(user)


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(leader: User, steps: int, is_right: bool) -> None:
    codes.secret_to_set_up(leader)
    assert codes.check(leader, code_of(leader, NOW + steps * STEP), now=NOW) is is_right


def test_code_works_once_and_earlier_ones_no_more(leader: User) -> None:
    codes.secret_to_set_up(leader)
    code = code_of(leader)
    assert codes.check(leader, code, now=NOW)
    assert not codes.check(leader, code, now=NOW)
    assert not codes.check(leader, code_of(leader, NOW - STEP), now=NOW)
    assert codes.check(leader, code_of(leader, NOW + STEP), now=NOW + STEP)
    assert list(AuditEvent.objects.order_by("pk").values_list("event", "outcome")) == [
        ("accounts.set_up_code", "ok"),
        ("accounts.check_code", "failed"),
        ("accounts.check_code", "failed"),
        ("accounts.check_code", "ok"),
    ]


def test_five_wrong_codes_pause_whatever_the_password(leader: User) -> None:
    codes.secret_to_set_up(leader)
    for _attempt in range(5):
        assert not codes.check(leader, "000000", now=NOW)
    for later in (timedelta(0), timedelta(minutes=14, seconds=59)):
        with pytest.raises(ValidationError) as caught:
            codes.check(leader, code_of(leader, NOW + later), now=NOW + later)
        assert caught.value.code == "paused"
    assert codes.check(leader, code_of(leader, NOW + codes.PAUSE), now=NOW + codes.PAUSE)
    leader.refresh_from_db()
    assert leader.code_failures == 0


def test_seed_is_encrypted_and_bound_to_its_account(leader: User, county: Unit) -> None:
    secret = codes.secret_to_set_up(leader)
    assert codes.secret_to_set_up(leader) == secret, "the same until it is proved"
    leader.refresh_from_db()
    assert base64.b32decode(secret) not in base64.b64decode(leader.code_secret)
    assert secret not in leader.code_secret
    with pytest.raises(SealedValueDamaged):
        codes._decrypted(leader.code_secret, leader.pk + 1)
    codes.check(leader, code_of(leader), now=NOW)
    with pytest.raises(ValidationError, match=r".") as caught:
        codes.secret_to_set_up(leader)
    assert caught.value.code == "set_up"


def test_nothing_is_open_before_the_code(client: Client, leader: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        client.force_login(leader)
        assert client.get("/").url == "/code/"
        assert client.get("/branches/membership/").url == "/code/?next=%2Fbranches%2Fmembership%2F"
        assert client.get("/password_change/").url.startswith("/code/"), "a password is not changed without the code"
        assert client.get("/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/code/"
        assert client.get("/api/v1/units/").json()["code"] == "code_required"
        assert client.get("/code/").url == "/code/setup/"
        page = client.get("/code/setup/").content.decode()
        shown = re.search(r'<code class="p-code is-lg">([A-Z2-7 ]+)</code>', page)
        assert shown is not None
        assert base64.b32decode(shown.group(1).replace(" ", ""))
        assert client.post("/code/setup/", {"code": "000000"}).status_code == 200
        assert client.get("/").status_code == 302
        response = client.post("/code/setup/", {"code": code_of(leader), "next": "/branches/membership/"})
        assert response.url == "/branches/membership/"
        assert client.get("/branches/membership/").status_code == 200
        assert client.get("/code/setup/").url == "/code/"

        client.post("/logout/")
        client.post("/login/", {"username": "leader", "password": PASSWORD})
        assert client.get("/").url == "/code/", "asked at each login"
        clock.shift(STEP)
        assert client.post("/code/", {"code": code_of(leader, NOW + STEP)}).url == "/"
        assert client.get("/").status_code == 200


def test_login_over_an_open_session_asks_again(client: Client, leader: User) -> None:
    client.force_login(leader)
    session = client.session
    session["code_at"] = 1
    session.save()
    assert client.get("/").status_code == 200
    client.post("/login/", {"username": "leader", "password": PASSWORD})
    assert client.get("/").url == "/code/"


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "12 456"])
def test_what_is_no_code_does_not_count(client: Client, leader: User, code: str) -> None:
    client.force_login(leader)
    client.get("/code/setup/")
    assert client.post("/code/setup/", {"code": code}).context["form"].errors["code"]
    leader.refresh_from_db()
    assert leader.code_failures == 0


@pytest.mark.parametrize("page", ["/code/", "/code/setup/"])
def test_pages_are_not_there_for_others(client: Client, east_editor: User, page: str) -> None:
    client.force_login(east_editor)
    assert client.get(page).status_code == 404
    assert client.get("/").status_code == 200


def test_lost_phone(client: Client, leader: User, county: Unit, settings: Settings) -> None:
    codes.secret_to_set_up(leader)
    codes.check(leader, code_of(leader), now=NOW)
    admin = make_user("admin", Role.SA, county)
    with pytest.raises(ValidationError) as caught:
        codes.take_off(admin, by=admin)
    assert caught.value.code == "oneself"
    settings.TOTP_REQUIRED = False
    client.force_login(admin)
    page = client.get(f"/accounts/user/{leader.pk}/change/").content.decode()
    assert f"/accounts/user/{leader.pk}/take_off_code/" in page
    assert client.post(f"/accounts/user/{leader.pk}/take_off_code/").status_code == 302
    leader.refresh_from_db()
    assert (leader.code_secret, leader.code_step) == ("", None)
    assert AuditEvent.objects.get(event="accounts.take_off_code").actor == admin
