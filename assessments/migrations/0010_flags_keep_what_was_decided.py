"""What check constraints cannot hold about the red flags is held by triggers.

A round keeps its rules once it is open. An application keeps its points and its decision once it is decided.
A flag belongs to a granted application in public notice and carries its end of the notice; approved, it keeps
its facts. Steps are only added. A later migration that rebuilds one of these tables on SQLite loses its
triggers and has to run `install` again; tests/assessments/test_flag_shortcuts.py fails until it does.
"""

from django.db import migrations, models

RULES_REFUSAL = "a round that is open keeps its rules"
DECIDED_REFUSAL = "what was decided cannot change"
AWARD_REFUSAL = "a flag needs a granted application in public notice"
APPROVED_REFUSAL = "an approved flag keeps its facts"
STEP_REFUSAL = "steps are only added"

ROUND_RULES = ("unit_id", "path", "first_on", "last_on", "panel_share", "panel_dropped")
DECIDED = (
    "round_id", "category_id", "code", "village_id", "lines", "self_hundredths", "township_hundredths",
    "checked_hundredths", "panel_hundredths", "score_hundredths", "gates_failed", "is_granted", "met_on",
    "minute_number", "decision_reason", "decided_by_id", "decided_at",
)  # fmt: skip
AWARD_FACTS = (
    "application_id", "round_id", "code", "village_id", "number", "notice_to", "awarded_on", "valid_to", "pay_from",
    "prepared_by_id", "approved_by_id", "approved_at",
)  # fmt: skip

TABLES = {
    "round": "assessments_flaground",
    "category": "assessments_flagcategory",
    "criterion": "assessments_flagcriterion",
    "application": "assessments_flagapplication",
    "panel": "assessments_flagpanelscore",
    "step": "assessments_flagstep",
    "award": "assessments_flagaward",
}

IS_OPEN_ROUND = "EXISTS (SELECT 1 FROM assessments_flaground WHERE id = {row}.round_id AND state <> 'draft')"
IS_OPEN_CATEGORY = (
    "EXISTS (SELECT 1 FROM assessments_flagcategory AS c JOIN assessments_flaground AS r ON r.id = c.round_id "
    "WHERE c.id = {row}.category_id AND r.state <> 'draft')"
)
IS_DECIDED = (
    "EXISTS (SELECT 1 FROM assessments_flagapplication WHERE id = {row}.application_id AND decided_by_id IS NOT NULL)"
)
IS_UNFOUNDED = (
    "NOT EXISTS (SELECT 1 FROM assessments_flagapplication AS a WHERE a.id = NEW.application_id AND a.is_granted "
    "AND a.state IN ('public_notice', 'awarded') AND a.notice_to = NEW.notice_to AND a.round_id = NEW.round_id "
    "AND a.village_id = NEW.village_id AND a.code = NEW.code)"
)


def _guards():
    """Name, table, event, condition, sentence. A condition that asks other tables is checked inside the function."""
    yield "flag_round_rules", "round", f"UPDATE OF {', '.join(ROUND_RULES)}", "OLD.state <> 'draft'", RULES_REFUSAL
    yield (
        "flag_round_reopened",
        "round",
        "UPDATE OF state",
        "OLD.state <> 'draft' AND NEW.state = 'draft'",
        RULES_REFUSAL,
    )
    for short, condition in (("category", IS_OPEN_ROUND), ("criterion", IS_OPEN_CATEGORY)):
        yield f"flag_{short}_insert", short, "INSERT", condition.format(row="NEW"), RULES_REFUSAL
        yield f"flag_{short}_update", short, "UPDATE", condition.format(row="OLD"), RULES_REFUSAL
        yield f"flag_{short}_delete", short, "DELETE", condition.format(row="OLD"), RULES_REFUSAL
    decided = "OLD.decided_by_id IS NOT NULL"
    yield "flag_decided_update", "application", f"UPDATE OF {', '.join(DECIDED)}", decided, DECIDED_REFUSAL
    yield "flag_decided_delete", "application", "DELETE", decided, DECIDED_REFUSAL
    yield "flag_panel_insert", "panel", "INSERT", IS_DECIDED.format(row="NEW"), DECIDED_REFUSAL
    yield "flag_panel_update", "panel", "UPDATE", IS_DECIDED.format(row="OLD"), DECIDED_REFUSAL
    yield "flag_panel_delete", "panel", "DELETE", IS_DECIDED.format(row="OLD"), DECIDED_REFUSAL
    yield "flag_step_update", "step", "UPDATE", "1 = 1", STEP_REFUSAL
    yield "flag_award_insert", "award", "INSERT", IS_UNFOUNDED, AWARD_REFUSAL
    yield "flag_award_approval", "award", "UPDATE OF approved_by_id", IS_UNFOUNDED, AWARD_REFUSAL
    approved = "OLD.approved_by_id IS NOT NULL"
    yield "flag_award_facts", "award", f"UPDATE OF {', '.join(AWARD_FACTS)}", approved, APPROVED_REFUSAL
    yield "flag_award_delete", "award", "DELETE", approved, APPROVED_REFUSAL


def _sqlite():
    for name, table, event, condition, sentence in _guards():
        yield (
            f"CREATE TRIGGER {name} BEFORE {event} ON {TABLES[table]} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
        )


def _postgresql():
    for name, table, event, condition, sentence in _guards():
        answer = "OLD" if event == "DELETE" else "NEW"
        yield (
            f"CREATE OR REPLACE FUNCTION assessments_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'check_violation'; END IF; "
            f"RETURN {answer}; END $$"
        )
        yield (
            f"CREATE TRIGGER {name} BEFORE {event} ON {TABLES[table]} "
            f"FOR EACH ROW EXECUTE FUNCTION assessments_{name}()"
        )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    for statement in _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table, *_rest in _guards():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {TABLES[table]}" if is_postgresql else ""))
        if is_postgresql:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS assessments_{name}()")


class Migration(migrations.Migration):
    dependencies = [("assessments", "0009_flags_pay_and_the_year")]
    operations = [
        migrations.AddField(
            model_name="flagaward",
            name="expired_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunPython(install, remove, elidable=False),
    ]
