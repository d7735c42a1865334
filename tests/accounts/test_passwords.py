"""What a password must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from accounts import passwords, services
from accounts.hashers import PortalArgon2PasswordHasher
from accounts.models import PasswordRecord, User
from branches.models import Unit

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
GOOD = "Blue-Kettle-41-Runs"


def codes(password: str, user: User | None = None) -> set[str]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {problem.code for problem in error.error_list}
    return set()


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (GOOD, set()),
        ("Xk7-pq2mw", {"length"}),  # 9
        ("Xk7-pq2mwz", set()),  # 10
        ("Xk7-" + "ab" * 62, set()),  # 128
        ("Xk7-" + "ab" * 62 + "c", {"length"}),
        ("kettlekettle", {"kinds"}),
        ("kettle-kettle", {"kinds"}),
        ("kettle-kettle-4", set()),
        ("KETTLEkettle4", set()),
        ("水壶水壶Kettle4x", set()),
        ("Password@123", {"common"}),
        ("1q2w3e4r5t6y", {"kinds", "common"}),
        ("Qwertyuiop1!", {"common"}),
        ("Kettle-Wang-41", {"own_name"}),
        ("Kettle-SONGLING-41", {"own_name"}),
        ("Kettle-王建国-41", {"own_name"}),
        ("Kettle-41-zzb", {"local_word"}),
        ("Kettle-41-DangJian", {"local_word"}),
        ("组织部Kettle-41", {"local_word"}),
        ("青禾Kettle-41", {"local_word"}),
        ("青禾县Kettle-41", {"local_word"}),
        ("东乡Kettle-41", {"local_word"}),
        ("东边Kettle-41", set()),
        ("Kettle-2026-x", {"year"}),
        ("Kettle-1949-x", {"year"}),
        ("Kettle-20271231", {"year"}),
        ("Kettle-2028-x", set()),
        ("Kettle-1948-x", set()),
        ("Kettle-12026-x", set()),
    ],
)
def test_rules(county: Unit, password: str, expected: set[str]) -> None:
    user = User(username="songling-wang", name="王建国")
    assert codes(password, user) == expected


def test_place_names_cost_a_query_only_for_chinese(county: Unit, django_assert_num_queries: object) -> None:
    user = User(username="somebody", name="王建国")
    with django_assert_num_queries(0):
        validate_password(GOOD, user)
    with django_assert_num_queries(1):
        validate_password("水壶水壶Kettle4x", user)


def test_last_five_are_refused_and_the_sixth_is_free(db: None) -> None:
    user, first = services.create_user("liming", "李明", by=None, now=NOW)
    mine = [f"Blue-Kettle-{number}-Runs" for number in range(10, 16)]
    for password in mine[:4]:
        services.change_password(user, password, now=NOW)
    for password in (first, *mine[:4]):
        assert codes(password, user) == {"reused"}
    services.change_password(user, mine[4], now=NOW)
    assert codes(first, user) == set()
    assert codes(mine[0], user) == {"reused"}
    assert PasswordRecord.objects.filter(user=user).count() == 5


def test_argon2id_with_46_mib_one_pass_one_lane() -> None:
    encoded = PortalArgon2PasswordHasher().encode("secret", "saltsaltsalt")
    assert encoded.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")


def test_setting_names_the_hasher(settings: Settings) -> None:
    from config.settings import base  # noqa: PLC0415  (the test settings replace it with a fast one)

    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    encoded = make_password("secret")
    assert encoded.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    assert check_password("secret", encoded)


def test_one_time_passwords_keep_the_rules_and_differ(db: None) -> None:
    user = User(username="liming", name="李明")
    made = {passwords.one_time_password(user) for _number in range(50)}
    assert len(made) == 50
    assert all(codes(password, user) == set() for password in made)


@pytest.mark.parametrize(
    ("days", "is_given", "limit", "expected"),
    [
        (0, False, 90, False),
        (90, False, 90, False),
        (91, False, 90, True),
        (91, False, 0, False),
        (0, True, 90, True),
        (0, True, 0, True),
        (None, False, 90, False),
    ],
)
def test_when_a_password_is_due(
    settings: Settings, days: int | None, is_given: bool, limit: int, expected: bool
) -> None:
    settings.PASSWORD_MAX_AGE_DAYS = limit
    changed = None if days is None else NOW - timedelta(days=days)
    user = User(username="liming", must_change_password=is_given, password_changed_at=changed)
    assert passwords.must_be_changed(user, NOW) is expected
