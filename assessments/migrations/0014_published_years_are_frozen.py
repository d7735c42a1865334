"""A published year cannot change, nor anything it rests on: held by triggers, as a published ranking is (0007).

The one change allowed is from published to superseded. A later migration that rebuilds one of these tables on
SQLite loses its triggers and has to run `install` again; tests/assessments/test_year_publication.py fails until
it does.
"""

from django.db import migrations

REFUSAL = "a published year cannot change"
SHOWN = "('published', 'superseded')"
IS_SHOWN = f"OLD.state IN {SHOWN}"
IS_SUPERSEDED_ONLY = "(OLD.state = 'published' AND NEW.state = 'superseded')"
FROZEN = (
    "unit_id", "path", "year", "span", "revision", "revision_reason", "document", "rules", "opened_by_id",
    "computed_at", "computed_by_id", "checksum", "quota_reason", "published_at", "published_by_id",
)
YEAR = "assessments_yearassessment"
PARTS = ("departmentscore", "satisfactionsurvey", "villageyear", "personalscore", "cadreresult")


def _names():
    for event in ("update", "state", "delete"):
        yield f"year_frozen_{event}", YEAR
    for part in PARTS:
        for event in ("insert", "update", "delete"):
            yield f"{part}_frozen_{event}", f"assessments_{part}"


def _sqlite():
    def trigger(name, event, table, condition):
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )

    def within(row):
        return f"(SELECT state FROM {YEAR} WHERE id = {row}.assessment_id) IN {SHOWN}"

    yield trigger("year_frozen_update", f"UPDATE OF {', '.join(FROZEN)}", YEAR, IS_SHOWN)
    yield trigger("year_frozen_state", "UPDATE OF state", YEAR, f"{IS_SHOWN} AND NOT {IS_SUPERSEDED_ONLY}")
    yield trigger("year_frozen_delete", "DELETE", YEAR, IS_SHOWN)
    for part in PARTS:
        table = f"assessments_{part}"
        yield trigger(f"{part}_frozen_insert", "INSERT", table, within("NEW"))
        yield trigger(f"{part}_frozen_update", "UPDATE", table, f"{within('OLD')} OR {within('NEW')}")
        yield trigger(f"{part}_frozen_delete", "DELETE", table, within("OLD"))


_POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION assessments_refuse_published_year() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE FUNCTION assessments_refuse_rows_of_a_year() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND EXISTS (SELECT 1 FROM {YEAR} WHERE id = OLD.assessment_id AND state IN {SHOWN}) THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    IF EXISTS (SELECT 1 FROM {YEAR} WHERE id = NEW.assessment_id AND state IN {SHOWN}) THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _postgresql():
    yield _POSTGRESQL_FUNCTIONS
    refuse = "EXECUTE FUNCTION assessments_refuse_published_year()"
    yield (
        f"CREATE TRIGGER year_frozen_update BEFORE UPDATE OF {', '.join(FROZEN)} ON {YEAR} "
        f"FOR EACH ROW WHEN ({IS_SHOWN}) {refuse}"
    )
    yield (
        f"CREATE TRIGGER year_frozen_state BEFORE UPDATE OF state ON {YEAR} "
        f"FOR EACH ROW WHEN ({IS_SHOWN} AND NOT {IS_SUPERSEDED_ONLY}) {refuse}"
    )
    yield f"CREATE TRIGGER year_frozen_delete BEFORE DELETE ON {YEAR} FOR EACH ROW WHEN ({IS_SHOWN}) {refuse}"
    for part in PARTS:
        for event in ("insert", "update", "delete"):
            yield (
                f"CREATE TRIGGER {part}_frozen_{event} BEFORE {event.upper()} ON assessments_{part} "
                "FOR EACH ROW EXECUTE FUNCTION assessments_refuse_rows_of_a_year()"
            )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    for statement in _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table in _names():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if is_postgresql else ""))


class Migration(migrations.Migration):
    dependencies = [("assessments", "0013_quota_of_the_year_and_one_published")]
    operations = [migrations.RunPython(install, remove, elidable=False)]
