"""Published schemes cannot change: held by triggers, which no bulk update and no raw statement goes round.

`path` alone may change, because it follows the tree of places. A later migration that
rebuilds one of these tables on SQLite loses its triggers and has to run `install` again;
tests/assessments/test_schemes.py fails until it does.
"""

from django.db import migrations

CHILDREN = ("category", "indicator", "adjustmentitem", "schemeexample")
REFUSAL = "a published scheme cannot change"
FROZEN = (
    "unit_id", "name", "name_en", "number", "document", "catalogue_number", "owner", "minutes_needed", "state",
    "first_month", "copied_from_id", "bonus_cap", "penalty_cap", "grade_lines", "calendar", "snapshot",
    "published_at", "published_by_id", "changed_at", "changed_by_id", "undo", "version",
)


def _sqlite_trigger(name, event, table, condition):
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


def _sqlite():
    scheme = "assessments_scheme"
    yield _sqlite_trigger("scheme_frozen_update", f"UPDATE OF {', '.join(FROZEN)}", scheme, "OLD.state = 'published'")
    yield _sqlite_trigger("scheme_frozen_delete", "DELETE", scheme, "OLD.state = 'published'")
    published = "(SELECT state FROM assessments_scheme WHERE id = {row}.scheme_id) = 'published'"
    old, new = published.format(row="OLD"), published.format(row="NEW")
    for child in CHILDREN:
        table = f"assessments_{child}"
        yield _sqlite_trigger(f"{child}_frozen_insert", "INSERT", table, new)
        yield _sqlite_trigger(f"{child}_frozen_update", "UPDATE", table, f"{old} OR {new}")
        yield _sqlite_trigger(f"{child}_frozen_delete", "DELETE", table, old)


def _names():
    yield "scheme_frozen_update", "scheme"
    yield "scheme_frozen_delete", "scheme"
    for child in CHILDREN:
        for event in ("insert", "update", "delete"):
            yield f"{child}_frozen_{event}", child


_POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION assessments_refuse_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE FUNCTION assessments_refuse_part_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND EXISTS (SELECT 1 FROM assessments_scheme WHERE id = OLD.scheme_id AND state = 'published')
       OR TG_OP <> 'DELETE' AND EXISTS (SELECT 1 FROM assessments_scheme WHERE id = NEW.scheme_id AND state = 'published')
    THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$
"""


def _postgresql():
    yield _POSTGRESQL_FUNCTIONS
    row = "FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION assessments_refuse_published()"
    scheme = "assessments_scheme"
    yield f"CREATE TRIGGER scheme_frozen_update BEFORE UPDATE OF {', '.join(FROZEN)} ON {scheme} {row}"
    yield f"CREATE TRIGGER scheme_frozen_delete BEFORE DELETE ON {scheme} {row}"
    for child in CHILDREN:
        for event in ("insert", "update", "delete"):
            yield (
                f"CREATE TRIGGER {child}_frozen_{event} BEFORE {event.upper()} ON assessments_{child} "
                "FOR EACH ROW EXECUTE FUNCTION assessments_refuse_part_of_published()"
            )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    vendor = schema_editor.connection.vendor
    for statement in _postgresql() if vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    on_table = " ON assessments_{}" if schema_editor.connection.vendor == "postgresql" else ""
    for name, model in _names():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table.format(model)}")


class Migration(migrations.Migration):
    dependencies = [("assessments", "0005_lateness_of_a_return")]
    operations = [migrations.RunPython(install, remove, elidable=False)]
