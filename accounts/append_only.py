"""Tables that only grow: the database itself refuses to change or remove their rows.

Installed by a migration. SQLite drops triggers together with a table, and Django rebuilds a
table there to alter it, so a migration that alters one of these tables ends with
`install_triggers`; `missing_triggers` tells `verify_audit` if that was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("accounts_auditevent", "accounts_auditseal")

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$
"""


def _names(vendor: str, table: str) -> dict[str, str]:
    """Trigger name -> what it stands before."""
    rows = {f"{table}_no_update": "UPDATE", f"{table}_no_delete": "DELETE"}
    return rows if vendor == "sqlite" else {**rows, f"{table}_no_truncate": "TRUNCATE"}


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Creates the triggers, those that are there already anew."""
    remove_triggers(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for table in TABLES:
            for name, change in _names(connection.vendor, table).items():
                if connection.vendor == "sqlite":
                    cursor.execute(
                        f"CREATE TRIGGER {name} BEFORE {change} ON {table} "
                        f"BEGIN SELECT RAISE(ABORT, '{table} only grows: {change} refused'); END"
                    )
                else:
                    each = "STATEMENT" if change == "TRUNCATE" else "ROW"
                    cursor.execute(
                        f"CREATE TRIGGER {name} BEFORE {change} ON {table} "
                        f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
                    )


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            for name in _names(connection.vendor, table):
                on_table = "" if connection.vendor == "sqlite" else f" ON {table}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


@contextmanager
def without_triggers(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """For tests alone: what somebody could do who owns the tables."""
    remove_triggers(connection)
    try:
        yield
    finally:
        install_triggers(connection)


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the triggers that should be there, and in force, and are not."""
    wanted = {name for table in TABLES for name in _names(connection.vendor, table)}
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return sorted(wanted - {name for (name,) in cursor.fetchall()})
