"""Coming in: what is refused looks alike, five failures lock, everything is recorded."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from statistics import median

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import AuditEvent, User
from tests.conftest import make_user

PASSWORD = "Right-Horse-7-Battery"
WRONG = "Wrong-Horse-7-Battery"


@pytest.fixture
def clerk(db: None) -> User:
    return make_user("clerk")


def log_in(client: Client, username: str, password: str, **extra: str) -> object:
    return client.post("/login/", {"username": username, "password": password, "next": "/"}, **extra)


def events() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("event", "outcome"))


def test_right_password_opens_a_new_session(client: Client, clerk: User) -> None:
    client.get("/login/")
    client.session["left"] = "by somebody"
    before = client.session.session_key
    response = log_in(client, " Clerk ", PASSWORD, REMOTE_ADDR="10.2.3.4")
    assert (response.status_code, response.url) == (302, "/")
    assert client.session.session_key != before
    assert {"begun_at", "seen_at", "password_at"} <= set(client.session.keys())
    event = AuditEvent.objects.get()
    assert (event.event, event.outcome, event.actor) == ("accounts.login", "ok", clerk)
    assert event.address == "10.2.3.4"
    assert event.request_id != ""
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("case", ["wrong", "unknown", "closed", "ended", "locked"])
def test_refusals_look_alike(client: Client, clerk: User, case: str) -> None:
    username = "nobody" if case == "unknown" else "clerk"
    if case == "closed":
        User.objects.update(is_active=False)
    if case == "ended":
        User.objects.update(active_until=timezone.localdate() - timedelta(days=1))
    if case == "locked":
        AccessAttempt.objects.create(username="clerk", failures_since_start=5, attempt_time=timezone.now())
    password = WRONG if case == "wrong" else PASSWORD
    response = log_in(client, username, password)
    page = re.sub(r'value="(?!clerk|nobody)[^"]*"|content="[^"]*"', "", response.content.decode())
    page = page.replace(f'value="{username}"', "")
    assert response.status_code == 200
    assert "用户名或密码不对。连续 5 次不对将锁定 15 分钟。" in page or "Five wrong attempts" in page
    reference = log_in(Client(), "somebody-else", WRONG).content.decode()
    reference = re.sub(r'value="(?!somebody-else)[^"]*"|content="[^"]*"', "", reference)
    assert page == reference.replace('value="somebody-else"', "")
    assert "_auth_user_id" not in client.session


def test_failures_are_recorded_without_what_was_typed(client: Client, clerk: User) -> None:
    log_in(client, "clerk", WRONG)
    log_in(client, "my-secret-by-mistake", WRONG)
    assert events() == [("accounts.login", "failed")] * 2
    first, second = AuditEvent.objects.order_by("pk")
    assert (first.actor, first.target_id) == (None, str(clerk.pk))
    assert (second.actor, second.target_id) == (None, "")
    rows = str(list(AuditEvent.objects.values()))
    assert "my-secret" not in rows
    assert WRONG not in rows
    assert WRONG not in str(list(AccessAttempt.objects.values()))


def test_five_wrong_passwords_lock_the_name_for_fifteen_minutes(clerk: User) -> None:
    with time_machine.travel("2026-11-02 09:00+08:00", tick=False) as clock:
        for number in range(5):
            log_in(Client(), "clerk", WRONG, REMOTE_ADDR=f"10.0.0.{number}")
        assert log_in(Client(), "clerk", PASSWORD).status_code == 200, "locked, whoever asks from wherever"
        assert events() == [
            *[("accounts.login", "failed")] * 4,
            ("accounts.login", "locked"),
            ("accounts.lock_user", "ok"),
            ("accounts.login", "locked"),
        ]
        clock.shift(timedelta(minutes=14, seconds=59))
        assert log_in(Client(), "clerk", PASSWORD).status_code == 200
        clock.shift(timedelta(seconds=2))
        assert log_in(Client(), "clerk", PASSWORD).status_code == 302


def test_lock_is_for_the_name_alone(client: Client, clerk: User) -> None:
    make_user("other")
    for _attempt in range(5):
        log_in(Client(), "clerk", WRONG)
    assert log_in(client, "other", PASSWORD).status_code == 302


def test_success_starts_the_count_anew(clerk: User) -> None:
    for _round in range(3):
        for _attempt in range(4):
            log_in(Client(), "clerk", WRONG)
        assert log_in(Client(), "clerk", PASSWORD).status_code == 302


def test_refusals_take_the_same(clerk: User, settings: Settings) -> None:
    """Each kind costs one password hash, measured as a multiple of the time of the cheapest."""
    settings.PASSWORD_HASHERS = ["accounts.hashers.PortalArgon2PasswordHasher"]
    clerk.set_password(PASSWORD)
    clerk.save()
    AccessAttempt.objects.create(username="locked", failures_since_start=5, attempt_time=timezone.now())
    make_user("locked")
    make_user("closed", is_active=False)
    took: dict[str, list[float]] = {}
    for _round in range(5):
        for name in ("unknown", "locked", "closed", "clerk"):
            started = time.perf_counter()
            log_in(Client(), name, WRONG)
            took.setdefault(name, []).append(time.perf_counter() - started)
        AccessAttempt.objects.exclude(username="locked").delete()
    medians = {name: median(times) for name, times in took.items()}
    assert max(medians.values()) < 2 * min(medians.values()), medians


def test_going_out_is_recorded(client: Client, clerk: User) -> None:
    client.force_login(clerk)
    client.post("/logout/")
    assert events() == [("accounts.logout", "ok")]
    assert AuditEvent.objects.get().actor == clerk
    client.post("/logout/")
    assert len(events()) == 1


def test_account_that_ends_today_is_open_today(client: Client, clerk: User) -> None:
    with time_machine.travel("2026-12-31 23:59+08:00") as clock:
        User.objects.update(active_until=date(2026, 12, 31))
        assert log_in(client, "clerk", PASSWORD).status_code == 302
        assert client.get("/").status_code == 200
        clock.shift(timedelta(minutes=2))
        assert client.get("/").status_code == 302
