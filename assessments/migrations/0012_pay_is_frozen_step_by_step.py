"""Pay cannot change behind its approvals: held by triggers, which no bulk update and no raw statement goes round.

A sheet moves one step at a time and begins as a draft; its lines are written while it is a draft only, and once it
is with the finance office nothing of a line changes but what was reported of its payment. Approved rates and rules
never change. A later migration that rebuilds one of these tables on SQLite loses its triggers and has to run
`install` again; tests/assessments/test_pay_frozen.py fails until it does.
"""

from django.db import migrations

TABLES = {
    "pay_sheet_begins": "paysheet",
    "pay_sheet_steps": "paysheet",
    "pay_sheet_frozen": "paysheet",
    "pay_sheet_kept": "paysheet",
    "pay_line_insert": "payline",
    "pay_line_delete": "payline",
    "pay_line_update": "payline",
    "pay_line_payment": "payline",
    "pay_rate_update": "upliftrate",
    "pay_rate_delete": "upliftrate",
    "pay_rules_update": "payrules",
    "pay_rules_delete": "payrules",
}
STEPS = (
    ("draft", "signed"),
    ("signed", "approved"),
    ("approved", "exported"),
    ("exported", "settled"),
    ("signed", "draft"),
    ("approved", "draft"),
)
SHEET_COLUMNS = (
    "unit_id",
    "path",
    "month",
    "total_cents",
    "people",
    "prepared_by_id",
    "prepared_at",
    "signed_by_id",
    "signed_at",
    "approved_by_id",
    "approved_at",
    "exported_by_id",
    "exported_at",
    "checksum",
    "approved_numbers",
)
CONTENT_COLUMNS = (
    "unit_id",
    "path",
    "month",
    "total_cents",
    "people",
    "prepared_by_id",
    "prepared_at",
    "approved_numbers",
)
LINE_COLUMNS = (
    "sheet_id",
    "number",
    "path",
    "village_id",
    "person_id",
    "posting_id",
    "role_group",
    "for_month",
    "flags",
    "uplift_cents",
    "performance_cents",
    "amount_cents",
    "note",
)
REFUSALS = {
    "pay_sheet_begins": "a pay sheet begins as a draft",
    "pay_sheet_steps": "a pay sheet moves one step at a time",
    "pay_sheet_frozen": "a pay sheet that was signed cannot change",
    "pay_sheet_kept": "a pay sheet that was signed is kept",
    "pay_line_insert": "lines are added to a draft only",
    "pay_line_delete": "lines are taken from a draft only",
    "pay_line_update": "lines change in a draft only",
    "pay_line_payment": "payments are reported after the export only",
    "pay_rate_update": "an approved rate cannot change",
    "pay_rate_delete": "an approved rate cannot change",
    "pay_rules_update": "approved rules of pay cannot change",
    "pay_rules_delete": "approved rules of pay cannot change",
}
EXPORTED = "('exported', 'settled')"


def _moved(names):
    return " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in names)


def _differs_sqlite(names):
    return " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names)


IS_STEP = " OR ".join(f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in STEPS)
NO_STEP = f"OLD.state <> NEW.state AND NOT ({IS_STEP})"


def _sqlite():
    def trigger(name, event, condition):
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON assessments_{TABLES[name]} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSALS[name]}'); END"
        )

    state = "(SELECT state FROM assessments_paysheet WHERE id = {row}.sheet_id)"
    yield trigger("pay_sheet_begins", "INSERT", "NEW.state <> 'draft'")
    yield trigger("pay_sheet_steps", "UPDATE OF state", NO_STEP)
    yield trigger(
        "pay_sheet_frozen",
        "UPDATE",
        f"(OLD.state IN {EXPORTED} AND ({_differs_sqlite(SHEET_COLUMNS)})) "
        f"OR (OLD.state <> 'draft' AND ({_differs_sqlite(CONTENT_COLUMNS)}))",
    )
    yield trigger("pay_sheet_kept", "DELETE", "OLD.state <> 'draft'")
    yield trigger("pay_line_insert", "INSERT", f"{state.format(row='NEW')} <> 'draft'")
    yield trigger("pay_line_delete", "DELETE", f"{state.format(row='OLD')} <> 'draft'")
    yield trigger(
        "pay_line_update",
        f"UPDATE OF {', '.join(LINE_COLUMNS)}",
        f"({_differs_sqlite(LINE_COLUMNS)}) AND {state.format(row='OLD')} <> 'draft'",
    )
    yield trigger(
        "pay_line_payment",
        "UPDATE OF payment, paid_on, failure",
        f"({_differs_sqlite(('payment', 'paid_on', 'failure'))}) AND {state.format(row='OLD')} NOT IN {EXPORTED}",
    )
    for kind in ("rate", "rules"):
        for event in ("update", "delete"):
            yield trigger(f"pay_{kind}_{event}", event.upper(), "OLD.approved_by_id IS NOT NULL")


def _function(name, text, body):
    return (
        f"CREATE OR REPLACE FUNCTION assessments_{name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n{body}\n"
        f"    RAISE EXCEPTION '{text}' USING ERRCODE = 'check_violation';\nEND $$"
    )


def _postgresql():
    sheet, line = "assessments_paysheet", "assessments_payline"
    for name in ("pay_sheet_begins", "pay_sheet_steps", "pay_sheet_frozen", "pay_sheet_kept"):
        yield _function(name, REFUSALS[name], "")
    yield (
        f"CREATE TRIGGER pay_sheet_begins BEFORE INSERT ON {sheet} FOR EACH ROW WHEN (NEW.state <> 'draft') "
        "EXECUTE FUNCTION assessments_pay_sheet_begins()"
    )
    yield (
        f"CREATE TRIGGER pay_sheet_steps BEFORE UPDATE OF state ON {sheet} FOR EACH ROW WHEN ({NO_STEP}) "
        "EXECUTE FUNCTION assessments_pay_sheet_steps()"
    )
    yield (
        f"CREATE TRIGGER pay_sheet_frozen BEFORE UPDATE ON {sheet} FOR EACH ROW WHEN "
        f"((OLD.state IN {EXPORTED} AND ({_moved(SHEET_COLUMNS)})) "
        f"OR (OLD.state <> 'draft' AND ({_moved(CONTENT_COLUMNS)}))) "
        "EXECUTE FUNCTION assessments_pay_sheet_frozen()"
    )
    yield (
        f"CREATE TRIGGER pay_sheet_kept BEFORE DELETE ON {sheet} FOR EACH ROW WHEN (OLD.state <> 'draft') "
        "EXECUTE FUNCTION assessments_pay_sheet_kept()"
    )
    for event, rows in (("insert", "NEW"), ("delete", "OLD")):
        name = f"pay_line_{event}"
        yield _function(
            name,
            REFUSALS[name],
            "    IF NOT EXISTS (SELECT 1 FROM assessments_paysheet WHERE state <> 'draft' "
            "AND id IN (SELECT DISTINCT sheet_id FROM moved)) THEN RETURN NULL; END IF;",
        )
        yield (
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {line} REFERENCING {rows} TABLE AS moved "
            f"FOR EACH STATEMENT EXECUTE FUNCTION assessments_{name}()"
        )
    for name, condition, names in (
        ("pay_line_update", "= 'draft'", LINE_COLUMNS),
        ("pay_line_payment", f"IN {EXPORTED}", ("payment", "paid_on", "failure")),
    ):
        yield _function(
            name,
            REFUSALS[name],
            f"    IF (SELECT state FROM {sheet} WHERE id = OLD.sheet_id) {condition} THEN RETURN NEW; END IF;",
        )
        yield (
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {line} FOR EACH ROW WHEN ({_moved(names)}) "
            f"EXECUTE FUNCTION assessments_{name}()"
        )
    for kind in ("rate", "rules"):
        yield _function(f"pay_{kind}_kept", REFUSALS[f"pay_{kind}_update"], "")
        for event in ("update", "delete"):
            name = f"pay_{kind}_{event}"
            yield (
                f"CREATE TRIGGER {name} BEFORE {event.upper()} ON assessments_{TABLES[name]} FOR EACH ROW "
                f"WHEN (OLD.approved_by_id IS NOT NULL) EXECUTE FUNCTION assessments_pay_{kind}_kept()"
            )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    for statement in _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    on_table = " ON assessments_{}" if schema_editor.connection.vendor == "postgresql" else ""
    for name, model in TABLES.items():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table.format(model)}")


class Migration(migrations.Migration):
    dependencies = [("assessments", "0011_pay_lines_are_numbered")]
    operations = [migrations.RunPython(install, remove, elidable=False)]
