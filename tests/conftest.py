"""The cast and the ground every test stands on (docs/developing.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import translation

from accounts.models import User
from accounts.roles import Role
from branches.models import Membership, Unit

BEGINNING = date(2020, 1, 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="take the pictures of docs/guide/ on the way")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pure: touches no database, so it is run once and not on each of them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what touches no database (`pure`), for `make test`, which runs the rest on every database."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        uses_database = item.get_closest_marker("django_db") or {"db", "transactional_db", "live_server"} & set(
            fixtures
        )
        if not uses_database:
            item.add_marker(pytest.mark.pure)


@pytest.fixture(autouse=True)
def in_the_default_language() -> Iterator[None]:
    """A page asked for in English leaves nothing behind for the next test."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@contextmanager
def without_guards(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """The triggers that keep rows from changing are out of force, as for somebody who owns the tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            yield
            cursor.execute("SET session_replication_role = DEFAULT")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _statement in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _name, statement in triggers:
            cursor.execute(statement)


@pytest.fixture(scope="session", autouse=True)
def tables_may_be_emptied_between_tests() -> Iterator[None]:
    """A test with real transactions ends by emptying all tables, which the guards of frozen rows refuse."""
    plain = BaseDatabaseOperations.execute_sql_flush

    def flush(operations: BaseDatabaseOperations, statements: list[str]) -> None:
        with without_guards(operations.connection):
            plain(operations, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush)
        yield


@pytest.fixture
def quiet_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages ask nothing for their list of things to do, so that a count of queries is the page's own."""
    monkeypatch.setattr("assessments.todos._SOURCES", ())
    monkeypatch.setattr("branches.todo._sources", [])


def make_unit(parent: Unit | None, kind: str, name: str, code: str | None = None) -> Unit:
    fields = {"kind": kind, "name": name, "code": code, "valid_from": BEGINNING}
    return Unit.objects.add_child(parent, fields) if parent else Unit.objects.add_root(fields)


def make_user(username: str, role: Role | None = None, unit: Unit | None = None, **fields: object) -> User:
    user = User.objects.create_user(
        username, "Right-Horse-7-Battery", name=username, must_change_password=False, **fields
    )
    if role and unit:
        grant(user, role, unit)
    return user


def grant(user: User, role: Role, unit: Unit, subjects: str = "") -> Membership:
    confirmer = User.objects.filter(username="confirmer").first() or User.objects.create(
        username="confirmer", name="confirmer"
    )
    return Membership.objects.create(
        user=user,
        role=role,
        unit=unit,
        subjects=subjects or ("F1" if role == Role.LD else ""),
        valid_from=BEGINNING,
        valid_to=date(2099, 12, 31) if role == Role.RI else None,
        confirmed_by=confirmer,
    )


@pytest.fixture
def county(db: None) -> Unit:
    """A county with two townships, 东乡 (villages 东一村, 东二村, 东三村) and 西乡 (西一村, 西二村)."""
    province = make_unit(None, "province", "测试省", "99")
    city = make_unit(province, "city", "测试市", "9901")
    county = make_unit(city, "county", "青禾县", "990101")
    for code, name, villages in (("990101100", "东乡", "东一村 东二村 东三村"), ("990101200", "西乡", "西一村 西二村")):
        township = make_unit(Unit.objects.get(pk=county.pk), "township", name, code)
        for number, village in enumerate(villages.split(), start=200):
            make_unit(Unit.objects.get(pk=township.pk), "village", village, f"{code}{number}")
    return Unit.objects.get(pk=county.pk)


@pytest.fixture
def east(county: Unit) -> Unit:
    return Unit.objects.get(name="东乡")


@pytest.fixture
def west(county: Unit) -> Unit:
    return Unit.objects.get(name="西乡")


@pytest.fixture
def county_admin(county: Unit) -> User:
    return make_user("county_admin", Role.CS, county)


@pytest.fixture
def county_leader(county: Unit) -> User:
    return make_user("county_leader", Role.CL, county)


@pytest.fixture
def east_editor(east: Unit) -> User:
    return make_user("east_editor", Role.TS, east)


@pytest.fixture
def west_editor(west: Unit) -> User:
    """The stranger: the same role in the other township."""
    return make_user("west_editor", Role.TS, west)


@pytest.fixture
def county_viewer(county: Unit) -> User:
    return make_user("county_viewer", Role.RI, county)


@pytest.fixture
def newcomer(db: None) -> User:
    """An account without any membership."""
    return make_user("newcomer")
