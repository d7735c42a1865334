"""On PostgreSQL the working role writes rows and cannot touch the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from accounts import audit
from accounts.models import AuditEvent, User

ROLE = "portal_app_of_the_tests"

pytestmark = pytest.mark.django_db


@pytest.fixture
def role() -> Iterator[str]:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        yield ROLE
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        return "permission denied" in str(error)
    return False


def test_the_role_works_with_rows_and_only_appends_to_the_trail(role: str) -> None:
    output = StringIO()
    call_command("grant_app_role", role, stdout=output)
    assert output.getvalue().startswith(f"{role} may read and write rows")
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
    user = User.objects.create_user("clerk", name="Clerk")
    User.objects.filter(pk=user.pk).update(name="Another")
    audit.record("test", actor=user)
    assert AuditEvent.objects.count() == 1
    events, seals = AuditEvent._meta.db_table, "accounts_auditseal"
    for table in (events, seals):
        assert refused(f"UPDATE {table} SET id = id")
        assert refused(f"DELETE FROM {table}")
        assert refused(f"TRUNCATE {table} CASCADE")
    assert refused(f"ALTER TABLE {events} ADD COLUMN x int") or _must_be_owner(events)
    assert not refused("SELECT 1")


def _must_be_owner(table: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN x int")
    except ProgrammingError as error:
        return "must be owner" in str(error)
    return False


def test_on_the_embedded_database_it_says_that_there_are_no_roles() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL has roles")
    with pytest.raises(CommandError, match="Only PostgreSQL has roles"):
        call_command("grant_app_role", ROLE)
