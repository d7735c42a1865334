"""How long a session lasts, and what is open while a new password is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import services, sessions
from accounts.models import AuditEvent, User
from tests.conftest import make_user

PASSWORD = "Right-Horse-7-Battery"
START = "2026-11-02 09:00+08:00"


@pytest.fixture
def clerk(db: None) -> User:
    return make_user("clerk")


def log_in(client: Client) -> None:
    client.post("/login/", {"username": "clerk", "password": PASSWORD, "next": "/"})


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/", headers=headers).status_code == 200


def test_thirty_minutes_without_activity_end_it(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        clock.shift(timedelta(minutes=29))
        assert is_in(client)
        clock.shift(timedelta(minutes=29))
        assert is_in(client)
        clock.shift(timedelta(minutes=30))
        assert not is_in(client)
        event = AuditEvent.objects.get(event="accounts.end_session")
        assert (event.actor, event.changes) == (clerk, {"because": "idle"})
        assert not is_in(client)


def test_polling_is_no_activity(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        for _minute in range(29):
            clock.shift(timedelta(minutes=1))
            assert is_in(client, x_background="true")
        clock.shift(timedelta(minutes=1))
        assert not is_in(client, x_background="true")


def test_keeping_it_is_activity(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        clock.shift(timedelta(minutes=29))
        assert client.post("/session/keep/").status_code == 204
        clock.shift(timedelta(minutes=29))
        assert client.post("/session/keep/").status_code == 204
        clock.shift(timedelta(minutes=31))
        assert client.post("/session/keep/").status_code == 401


def test_twelve_hours_end_it_whatever_is_done(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        for _step in range(47):
            clock.shift(timedelta(minutes=15))
            assert is_in(client)
        clock.shift(timedelta(minutes=15))
        assert not is_in(client)
        assert AuditEvent.objects.get(event="accounts.end_session").changes == {"because": "age"}


def test_activity_is_noted_once_a_minute(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        seen = client.session["seen_at"]
        clock.shift(timedelta(seconds=59))
        is_in(client)
        assert client.session["seen_at"] == seen
        clock.shift(timedelta(seconds=1))
        is_in(client)
        assert client.session["seen_at"] == seen + 60


def test_clock_set_back_does_not_lengthen_it(client: Client, clerk: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        clock.shift(timedelta(hours=-2))
        assert is_in(client)
        clock.shift(timedelta(minutes=30))
        assert not is_in(client)


def _change(user: User) -> None:
    services.change_password(user, "Blue-Kettle-41-Runs", now=timezone.now())


def _disable(user: User) -> None:
    services.disable_user(user, by=None, reason="", now=timezone.now())


@pytest.mark.parametrize("act", [_change, _disable, sessions.end_all])
def test_all_sessions_end(clerk: User, act: Callable[[User], None]) -> None:
    first, second = Client(), Client()
    log_in(first)
    log_in(second)
    assert is_in(first)
    assert is_in(second)
    act(clerk)
    assert not is_in(first)
    assert not is_in(second)


def test_other_user_of_the_machine_gets_a_new_session(client: Client, clerk: User) -> None:
    make_user("other")
    log_in(client)
    session = client.session
    session["draft"] = "of clerk"
    session.save()
    client.post("/login/", {"username": "other", "password": PASSWORD, "next": "/"})
    assert "draft" not in client.session


# --- A new password is due ----------------------------------------------------------------


@pytest.mark.parametrize("is_given", [True, False])
def test_nothing_is_open_before_the_new_password(client: Client, clerk: User, is_given: bool) -> None:
    changed = timezone.now() - timedelta(days=0 if is_given else 91)
    User.objects.update(must_change_password=is_given, password_changed_at=changed)
    log_in(client)
    response = client.get("/")
    assert (response.status_code, response.url) == (302, "/password_change/")
    piece = client.get("/", headers={"HX-Request": "true"})
    assert (piece.status_code, piece.headers["HX-Redirect"]) == (401, "/password_change/")
    assert client.get("/password_change/").status_code == 200
    new = "Blue-Kettle-41-Runs"
    response = client.post("/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert (response.status_code, response.url) == (302, "/")
    assert is_in(client), "this session goes on"
    user = User.objects.get()
    assert user.check_password(new)
    assert not user.must_change_password
    assert timezone.now() - user.password_changed_at < timedelta(minutes=1)
    assert AuditEvent.objects.filter(event="accounts.change_password", actor=user).count() == 1


def test_interface_for_programs_is_closed_too(client: Client, clerk: User) -> None:
    User.objects.update(must_change_password=True)
    log_in(client)
    response = client.get("/api/v1/units/")
    if response.status_code == 404:
        pytest.skip("there is no interface yet")
    assert (response.status_code, response.json()["code"]) == (403, "password_change_required")


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("Wrong-Horse-7-Battery", "Blue-Kettle-41-Runs", "Blue-Kettle-41-Runs"),
        (PASSWORD, "Blue-Kettle-41-Runs", "Blue-Kettle-42-Runs"),
        (PASSWORD, PASSWORD, PASSWORD),
        (PASSWORD, "short", "short"),
    ],
)
def test_password_that_is_not_changed(client: Client, clerk: User, old: str, new: str, again: str) -> None:
    log_in(client)
    form = {"old_password": old, "new_password1": new, "new_password2": again}
    response = client.post("/password_change/", form)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert User.objects.get().check_password(PASSWORD)
    assert not AuditEvent.objects.filter(event="accounts.change_password").exists()


# --- The password again -------------------------------------------------------------------


def test_login_counts_as_a_check_for_ten_minutes(client: Client, clerk: User, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.guarded_urls"
    with time_machine.travel(START, tick=False) as clock:
        log_in(client)
        clock.shift(timedelta(minutes=10))
        assert client.get("/guarded/").content == b"done"
        clock.shift(timedelta(seconds=1))
        response = client.get("/guarded/?month=2026-10")
        assert (response.status_code, response.url) == (302, "/reauth/?next=%2Fguarded%2F%3Fmonth%3D2026-10")
        response = client.post("/reauth/", {"password": PASSWORD, "next": "/guarded/?month=2026-10"})
        assert (response.status_code, response.url) == (302, "/guarded/?month=2026-10")
        assert client.get("/guarded/").content == b"done"
        assert AuditEvent.objects.get(event="accounts.check_password").actor == clerk


def test_form_comes_back_to_the_page_it_stood_on(client: Client, clerk: User, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.guarded_urls"
    client.force_login(clerk)
    session = client.session
    del session["password_at"]
    session.save()
    at = "http://testserver/months/7/?tab=2"
    response = client.post("/guarded/", headers={"Referer": at})
    assert response.url == "/reauth/?next=%2Fmonths%2F7%2F%3Ftab%3D2"
    response = client.post("/guarded/", headers={"Referer": "http://elsewhere.example/x"})
    assert response.url == "/reauth/?next=%2F"
    response = client.post("/guarded/", headers={"HX-Request": "true", "HX-Current-URL": at})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/reauth/?next=%2Fmonths%2F7%2F%3Ftab%3D2")


@pytest.mark.parametrize("address", ["http://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_way_back_stays_in_the_portal(client: Client, clerk: User, address: str) -> None:
    client.force_login(clerk)
    response = client.post("/reauth/", {"password": PASSWORD, "next": address})
    assert (response.status_code, response.url) == (302, "/")


def test_wrong_password_again_and_again_ends_the_session(client: Client, clerk: User) -> None:
    client.force_login(clerk)
    proved = client.session["password_at"]
    for _attempt in range(4):
        response = client.post("/reauth/", {"password": "wrong", "next": "/"})
        assert response.status_code == 200
        assert response.context["form"].errors["password"]
    assert client.session["password_at"] == proved
    response = client.post("/reauth/", {"password": "wrong", "next": "/"})
    assert (response.status_code, response.url) == (302, "/login/")
    assert not is_in(client)
    assert list(AuditEvent.objects.order_by("pk").values_list("event", "outcome")) == [
        *[("accounts.check_password", "failed")] * 4,
        ("accounts.check_password", "locked"),
        ("accounts.lock_user", "ok"),
    ]


def test_session_without_a_beginning_is_over(client: Client, clerk: User) -> None:
    client.force_login(clerk)
    session = client.session
    del session["begun_at"]
    session.save()
    assert not is_in(client)
