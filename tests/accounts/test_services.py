"""Accounts opened, closed, unlocked, given passwords: the rows, the event, the sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import services
from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Unit
from tests.conftest import make_user

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def admin(county: Unit) -> User:
    return make_user("admin", Role.SA, county)


@pytest.fixture
def clerk(db: None) -> User:
    return make_user("clerk")


def event(name: str) -> AuditEvent:
    return AuditEvent.objects.get(event=name)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        call()
    return str(caught.value.code)


def test_new_account_has_a_password_for_one_use(admin: User) -> None:
    user, password = services.create_user("  ＬiMing ", " 李明 ", by=admin, now=NOW, active_until=date(2026, 12, 31))
    user = User.objects.get(username="liming")
    assert (user.name, user.active_until) == ("李明", date(2026, 12, 31))
    assert (user.must_change_password, user.password_changed_at) == (True, NOW)
    assert user.check_password(password)
    added = event("accounts.add_user")
    assert (added.actor, added.actor_role, added.target_id) == (admin, "SA", str(user.pk))
    assert password not in str(AuditEvent.objects.values_list("changes", "reason"))
    assert "李明" not in str(list(AuditEvent.objects.values_list("changes", "reason")))


@pytest.mark.parametrize(
    ("username", "name", "code"),
    [
        ("clerk", "李明", "taken"),
        ("CLERK", "李明", "taken"),
        ("li", "李明", "username"),
        ("9lives", "李明", "username"),
        ("li ming", "李明", "username"),
        ("li/ming", "李明", "username"),
        ("a" * 41, "李明", "username"),
        ("李明", "李明", "username"),
        ("liming", "  ", "name"),
    ],
)
def test_account_that_cannot_be_made(admin: User, clerk: User, username: str, name: str, code: str) -> None:
    assert code_of(lambda: services.create_user(username, name, by=admin, now=NOW)) == code
    assert User.objects.filter(name=name).count() == 0
    assert not AuditEvent.objects.exists()


def test_name_and_phone_are_changed_without_being_written_to_the_trail(admin: User, clerk: User) -> None:
    services.change_user(clerk, name="王芳", phone="13900000000", active_until=date(2027, 1, 1), by=admin)
    clerk.refresh_from_db()
    assert (clerk.name, clerk.phone, clerk.active_until) == ("王芳", "13900000000", date(2027, 1, 1))
    assert event("accounts.change_user").changes == {
        "name": "changed",
        "phone": "changed",
        "active_until": [None, "2027-01-01"],
    }
    services.change_user(clerk, name="王芳", phone="13900000000", active_until=date(2027, 1, 1), by=admin)
    assert AuditEvent.objects.count() == 1


def test_closed_account_is_out_at_once(client: Client, admin: User, clerk: User) -> None:
    client.force_login(clerk)
    assert client.get("/").status_code == 200
    services.disable_user(clerk, by=admin, reason="调离", now=NOW)
    clerk.refresh_from_db()
    assert not clerk.is_active
    assert client.get("/").status_code == 302
    assert event("accounts.disable_user").reason == "调离"
    services.disable_user(clerk, by=admin, reason="调离", now=NOW)
    assert AuditEvent.objects.filter(event="accounts.disable_user").count() == 1


def test_opened_again_with_a_new_password_and_no_old_session(client: Client, admin: User, clerk: User) -> None:
    client.force_login(clerk)
    services.disable_user(clerk, by=admin, reason="", now=NOW)
    password = services.enable_user(clerk, by=admin, reason="回岗", now=NOW)
    clerk.refresh_from_db()
    assert clerk.is_active
    assert clerk.must_change_password
    assert clerk.check_password(password)
    assert client.get("/").status_code == 302
    assert event("accounts.enable_user").reason == "回岗"
    assert code_of(lambda: services.enable_user(clerk, by=admin, reason="", now=NOW)) == "active"


def test_account_past_its_last_day_is_not_opened(admin: User, clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(is_active=False, active_until=date(2026, 11, 1))
    assert code_of(lambda: services.enable_user(clerk, by=admin, reason="", now=NOW)) == "ended"


def test_reset_password_ends_sessions_and_takes_the_lock_off(client: Client, admin: User, clerk: User) -> None:
    client.force_login(clerk)
    AccessAttempt.objects.create(username="clerk", failures_since_start=5, attempt_time=NOW)
    password = services.reset_password(clerk, by=admin, now=NOW)
    clerk.refresh_from_db()
    assert clerk.check_password(password)
    assert clerk.must_change_password
    assert client.get("/").status_code == 302
    assert not AccessAttempt.objects.exists()
    assert event("accounts.reset_password").target_id == str(clerk.pk)


def test_closed_account_gets_no_password(admin: User, clerk: User) -> None:
    services.disable_user(clerk, by=admin, reason="", now=NOW)
    assert code_of(lambda: services.reset_password(clerk, by=admin, now=NOW)) == "disabled"


def test_unlocking_forgets_the_failures(admin: User, clerk: User) -> None:
    AccessAttempt.objects.create(username="clerk", failures_since_start=5, attempt_time=NOW)
    AccessAttempt.objects.create(username="other", failures_since_start=5, attempt_time=NOW)
    services.unlock_user(clerk, by=admin)
    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["other"]
    assert event("accounts.unlock_user").actor == admin


def test_nobody_acts_on_their_own_account(admin: User) -> None:
    for act in (
        lambda: services.disable_user(admin, by=admin, reason="", now=NOW),
        lambda: services.enable_user(admin, by=admin, reason="", now=NOW),
        lambda: services.reset_password(admin, by=admin, now=NOW),
        lambda: services.unlock_user(admin, by=admin),
    ):
        assert code_of(act) == "oneself"
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("last_login", "created", "enabled", "until", "is_closed"),
    [
        (89, 400, None, None, False),
        (91, 400, None, None, True),
        (None, 89, None, None, False),
        (None, 91, None, None, True),
        (91, 400, 89, None, False),
        (91, 400, 91, None, True),
        (1, 400, None, 0, False),
        (1, 400, None, 1, True),
    ],
)
def test_unused_and_ended_accounts_are_closed(
    clerk: User, last_login: int | None, created: int, enabled: int | None, until: int | None, is_closed: bool
) -> None:
    def ago(days: int | None) -> datetime | None:
        return None if days is None else NOW - timedelta(days=days)

    last_day = None if until is None else date(2026, 11, 2) - timedelta(days=until)
    User.objects.filter(pk=clerk.pk).update(
        last_login=ago(last_login), created_at=ago(created), enabled_at=ago(enabled), active_until=last_day
    )
    assert services.close_unused(NOW) == is_closed
    clerk.refresh_from_db()
    assert clerk.is_active is not is_closed
    if is_closed:
        assert event("accounts.disable_user").actor is None
        assert event("accounts.disable_user").reason == ("unused" if until is None else "last day over")
    assert services.close_unused(NOW) == 0


def test_days_until_unused_are_a_setting(clerk: User, settings: Settings) -> None:
    User.objects.filter(pk=clerk.pk).update(created_at=NOW - timedelta(days=20))
    settings.ACCOUNT_UNUSED_DAYS = 10
    assert services.close_unused(NOW) == 1
