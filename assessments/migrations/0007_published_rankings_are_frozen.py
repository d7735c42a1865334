"""Published rankings and their results cannot change: held by triggers, which no bulk update and no raw statement goes round.

The one change allowed is from published to superseded. A later migration that rebuilds one of
these tables on SQLite loses its triggers and has to run `install` again;
tests/assessments/test_closing.py fails until it does.
"""

from django.db import migrations

REFUSAL = "a published ranking cannot change"
SHOWN = "('published', 'superseded')"
IS_SHOWN = "OLD.state IN ('published', 'superseded')"
IS_SUPERSEDED_ONLY = "(OLD.state = 'published' AND NEW.state = 'superseded')"
FROZEN = (
    "period_id", "path", "revision", "reason", "rules", "warnings", "changed_ranks", "village_count", "ranked_count",
    "inputs_checksum", "rules_checksum", "checksum", "computed_at", "computed_by_id", "published_at",
    "published_by_id", "appeal_until",
)
TRIGGERS = {
    "ranking_frozen_update": "ranking",
    "ranking_frozen_state": "ranking",
    "ranking_frozen_delete": "ranking",
    "result_frozen_insert": "result",
    "result_frozen_update": "result",
    "result_frozen_delete": "result",
}


def _sqlite():
    def trigger(name, event, condition):
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON assessments_{TRIGGERS[name]} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )

    parent = "(SELECT state FROM assessments_ranking WHERE id = {row}.ranking_id) IN " + SHOWN
    yield trigger("ranking_frozen_update", f"UPDATE OF {', '.join(FROZEN)}", IS_SHOWN)
    yield trigger("ranking_frozen_state", "UPDATE OF state", f"{IS_SHOWN} AND NOT {IS_SUPERSEDED_ONLY}")
    yield trigger("ranking_frozen_delete", "DELETE", IS_SHOWN)
    yield trigger("result_frozen_insert", "INSERT", parent.format(row="NEW"))
    yield trigger("result_frozen_update", "UPDATE", parent.format(row="OLD"))
    yield trigger("result_frozen_delete", "DELETE", parent.format(row="OLD"))


_POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION assessments_refuse_published_ranking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE FUNCTION assessments_refuse_new_results() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM assessments_ranking WHERE state IN {SHOWN}
               AND id IN (SELECT DISTINCT ranking_id FROM added)) THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION assessments_refuse_published_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM assessments_ranking WHERE id = OLD.ranking_id AND state IN {SHOWN}) THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$
"""


def _postgresql():
    yield _POSTGRESQL_FUNCTIONS
    refuse = "EXECUTE FUNCTION assessments_refuse_published_ranking()"
    ranking, result = "assessments_ranking", "assessments_result"
    yield (
        f"CREATE TRIGGER ranking_frozen_update BEFORE UPDATE OF {', '.join(FROZEN)} ON {ranking} "
        f"FOR EACH ROW WHEN ({IS_SHOWN}) {refuse}"
    )
    yield (
        f"CREATE TRIGGER ranking_frozen_state BEFORE UPDATE OF state ON {ranking} "
        f"FOR EACH ROW WHEN ({IS_SHOWN} AND NOT {IS_SUPERSEDED_ONLY}) {refuse}"
    )
    yield f"CREATE TRIGGER ranking_frozen_delete BEFORE DELETE ON {ranking} FOR EACH ROW WHEN ({IS_SHOWN}) {refuse}"
    yield (
        f"CREATE TRIGGER result_frozen_insert AFTER INSERT ON {result} REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION assessments_refuse_new_results()"
    )
    for event in ("update", "delete"):
        yield (
            f"CREATE TRIGGER result_frozen_{event} BEFORE {event.upper()} ON {result} "
            "FOR EACH ROW EXECUTE FUNCTION assessments_refuse_published_result()"
        )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    for statement in _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    on_table = " ON assessments_{}" if schema_editor.connection.vendor == "postgresql" else ""
    for name, model in TRIGGERS.items():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table.format(model)}")


class Migration(migrations.Migration):
    dependencies = [("assessments", "0006_one_checksum_of_inputs_rules_and_tree")]
    operations = [migrations.RunPython(install, remove, elidable=False)]
