"""Separation of duties in the database: administrator, auditor and business are three people (三员分立).

A check constraint sees one row, so a trigger looks at the user's other roles of the same time.
Installed by a migration. SQLite drops triggers when Django rebuilds the table to alter it, so a
migration that alters memberships ends with `install_triggers`; a test finds out if it does not.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "branches_membership"
NAMES = ("membership_separation_insert", "membership_separation_update")
MESSAGE = "system administrator and auditor exclude each other and every other role"

_END = "'9999-12-31'"
_CONFLICT = f"""
    SELECT 1 FROM {TABLE} other
    WHERE other.user_id = NEW.user_id AND other.id <> NEW.id AND other.role <> NEW.role
      AND (other.role IN ('SA', 'AU') OR NEW.role IN ('SA', 'AU'))
      AND other.valid_from <= COALESCE(NEW.valid_to, {_END}) AND NEW.valid_from <= COALESCE(other.valid_to, {_END})
      AND other.valid_from <= COALESCE(other.valid_to, {_END}) AND NEW.valid_from <= COALESCE(NEW.valid_to, {_END})
"""
"""The last line leaves out declined proposals, whose last day lies before their first."""


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    remove_triggers(connection)
    insert, update = NAMES
    columns = "user_id, role, valid_from, valid_to"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, change in ((insert, "INSERT"), (update, f"UPDATE OF {columns}")):
                cursor.execute(
                    f"CREATE TRIGGER {name} AFTER {change} ON {TABLE} WHEN EXISTS ({_CONFLICT}) "
                    f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
                )
            return
        cursor.execute(
            "CREATE OR REPLACE FUNCTION refuse_mixed_duties() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF EXISTS ({_CONFLICT}) THEN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'check_violation'; END IF; "
            "RETURN NEW; END $$"
        )
        for name, change in ((insert, "INSERT"), (update, f"UPDATE OF {columns}")):
            cursor.execute(
                f"CREATE TRIGGER {name} AFTER {change} ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse_mixed_duties()"
            )


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    on_table = "" if connection.vendor == "sqlite" else f" ON {TABLE}"
    with connection.cursor() as cursor:
        for name in NAMES:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")
