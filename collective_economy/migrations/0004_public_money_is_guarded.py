"""What check constraints cannot hold about public money is held by triggers, by whatever door a row comes.

Payments, once decided, keep their facts; the sums of a project's sources, of a programme's sources, of a ledger's
month and of a receivable are kept from the rows they sum and cannot be set by hand; a closed month takes no entry.
Writers of one sum wait for each other on its row, so no race pays twice. A later migration that rebuilds one of these
tables on SQLite loses its triggers and has to run `install` again; tests/collective_economy/test_guards.py fails until
it does. Rule: docs/rules/funds.md, docs/rules/ledger.md.
"""

from django.db import migrations

APP = "collective_economy"
ENTRY, MONTH, RECEIVABLE = f"{APP}_ledgerentry", f"{APP}_ledgermonth", f"{APP}_receivable"
PAYMENT, SOURCE, STEP = f"{APP}_payment", f"{APP}_projectsource", f"{APP}_projectstep"
PROJECT, PROGRAMME, GRANT = f"{APP}_project", f"{APP}_programme", f"{APP}_programmesource"

EXPENSE = ("operating_cost", "management_cost", "other_cost")
CATEGORIES = ("operating", "contract", "investment", "other_operating", "subsidy", "other", *EXPENSE)
SUMS = (*CATEGORIES, "entry_count", "voucher_count")
PAYMENT_FACTS = (
    "project_id", "source_id", "kind", "amount", "paid_on", "summary", "use", "payee", "voucher_number",
    "instalment_id", "budget_line_id", "reverses_id", "reason", "state", "entered_by_id", "entered_at",
    "decided_by_id", "decided_at", "decision_note", "id",
)  # fmt: skip
ENTRY_FACTS = (
    "unit_id", "month", "day", "is_total", "category", "amount", "summary", "counterparty", "project_id",
    "receivable_id", "voucher_number", "receipt_number", "account", "reverses_id", "reason", "entered_by_id",
    "checked_by_id",
)  # fmt: skip
MONTH_FACTS = (
    "unit_id", "month", *SUMS, "opening", "statement_balance", "difference_note", "closed_by_id", "closed_at", "id",
)  # fmt: skip

SENTENCES = {
    "decided": "a payment that was decided keeps its facts",
    "other_source": "a payment is from a source of its own project",
    "reversal": "a reversal repeats the source, kind and amount of a confirmed payment",
    "by_hand": "this sum is kept from its rows",
    "not_approved": "money is approved with its project, support money from a confirmed programme",
    "confirmed_programme": "a confirmed programme keeps its amounts",
    "kept_confirmation": "a confirmation is not taken back",
    "entered_by": "who entered a row stays who entered it",
    "kept_source": "a source with payments stays with its project",
    "steps": "steps are only added",
    "closed": "a closed month of a ledger takes no entry",
    "closed_month": "a closed month of a ledger keeps what it says",
    "own_entries": "who entered a month does not close it",
    "own_month": "an entry lies in its month",
    "entry_reversal": "a reversal takes back one entry of the same village, category and receivable",
    "reversed_entry": "an entry that was reversed keeps its facts",
    "receivable": "only income of its village settles what is due by a contract",
    "key": "a row keeps its key",
    "own_place": "a month of a ledger stays with its village",
}

IS_CONFIRMED_PROGRAMME = f"EXISTS (SELECT 1 FROM {PROGRAMME} WHERE id = {{row}}.programme_id AND confirmed_by_id IS NOT NULL)"
IS_FROM_PROGRAMME = (
    f"EXISTS (SELECT 1 FROM {GRANT} AS g JOIN {PROGRAMME} AS p ON p.id = g.programme_id "
    f"JOIN {PROJECT} AS j ON j.id = NEW.project_id AND j.programme_id = p.id "
    "WHERE g.id = NEW.programme_source_id AND g.source = NEW.source AND p.confirmed_by_id IS NOT NULL)"
)
IS_UNAPPROVED = (
    f"NEW.approved <> 0 AND (NOT EXISTS (SELECT 1 FROM {PROJECT} WHERE id = NEW.project_id AND approved_by_id IS NOT NULL)"
    " OR CASE WHEN NEW.source IN ('own', 'partner', 'loan', 'other') THEN NEW.programme_source_id IS NOT NULL "
    f"ELSE NOT {IS_FROM_PROGRAMME} END)"
)
IS_OTHER_APPROVAL = (
    "NEW.approved_by_id IS NULL AND OLD.approved_by_id IS NOT NULL "
    f"AND EXISTS (SELECT 1 FROM {SOURCE} WHERE project_id = NEW.id AND approved <> 0)"
)
IS_OTHER_CONFIRMATION = (
    "OLD.confirmed_by_id IS NOT NULL AND (NEW.confirmed_by_id IS NULL OR NEW.confirmed_by_id <> OLD.confirmed_by_id "
    "OR NEW.entered_by_id <> OLD.entered_by_id OR NEW.unit_id <> OLD.unit_id)"
)
IS_USED_SOURCE = (
    "(NEW.project_id <> OLD.project_id OR NEW.source <> OLD.source) "
    f"AND EXISTS (SELECT 1 FROM {PAYMENT} WHERE source_id = OLD.id)"
)
IS_STEP_TAKEN = f"EXISTS (SELECT 1 FROM {PROJECT} WHERE id = OLD.project_id AND stage <> 'pool')"
IS_OTHER_SOURCE = f"NOT EXISTS (SELECT 1 FROM {SOURCE} WHERE id = NEW.source_id AND project_id = NEW.project_id)"
IS_NO_REVERSAL = (
    f"NEW.reverses_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {PAYMENT} AS r WHERE r.id = NEW.reverses_id "
    "AND r.source_id = NEW.source_id AND r.kind = NEW.kind AND r.amount = NEW.amount AND r.state = 'confirmed' "
    "AND r.reverses_id IS NULL)"
)
IS_OWN = f"NEW.closed_at IS NOT NULL AND EXISTS (SELECT 1 FROM {ENTRY} WHERE unit_id = NEW.unit_id AND month = NEW.month AND entered_by_id = NEW.closed_by_id)"
IS_NO_ENTRY_REVERSAL = (
    f"NEW.reverses_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {ENTRY} AS r WHERE r.id = NEW.reverses_id "
    "AND r.unit_id = NEW.unit_id AND r.category = NEW.category AND r.amount = -NEW.amount AND r.reverses_id IS NULL "
    "AND COALESCE(r.receivable_id, 0) = COALESCE(NEW.receivable_id, 0))"
)
IS_REVERSED = (
    f"EXISTS (SELECT 1 FROM {ENTRY} WHERE reverses_id = OLD.id) AND (NEW.unit_id <> OLD.unit_id OR NEW.month <> OLD.month "
    "OR NEW.category <> OLD.category OR NEW.amount <> OLD.amount "
    "OR COALESCE(NEW.receivable_id, 0) <> COALESCE(OLD.receivable_id, 0))"
)
IS_OTHER_RECEIVABLE = (
    f"NEW.receivable_id IS NOT NULL AND (NEW.category IN {EXPENSE} OR NOT EXISTS (SELECT 1 FROM {RECEIVABLE} "
    "WHERE id = NEW.receivable_id AND unit_id = NEW.unit_id))"
)


def _guards(vendor):
    """Name, table, event, condition, sentence: what is refused before a row is written."""
    is_out_of_month = {
        "sqlite": "strftime('%d', NEW.month) IS NOT '01' OR strftime('%Y-%m-01', NEW.day) <> NEW.month",
        "postgresql": "date_trunc('month', NEW.month)::date <> NEW.month "
        "OR date_trunc('month', NEW.day)::date <> NEW.month",
    }[vendor]
    facts = ", ".join(PAYMENT_FACTS)
    yield "payment_decided", PAYMENT, f"UPDATE OF {facts}", "OLD.state <> 'entered'", "decided"
    yield "payment_kept", PAYMENT, "DELETE", "OLD.state <> 'entered'", "decided"
    for event in ("INSERT", "UPDATE OF project_id, source_id"):
        yield f"payment_source_{event[:6].lower()}", PAYMENT, event, IS_OTHER_SOURCE, "other_source"
    for event in ("INSERT", "UPDATE OF reverses_id, source_id, kind, amount, state"):
        yield f"payment_reversal_{event[:6].lower()}", PAYMENT, event, IS_NO_REVERSAL, "reversal"
    for table, name in ((PAYMENT, "payment"), (PROJECT, "project")):
        changed = "NEW.entered_by_id <> OLD.entered_by_id"
        yield f"{name}_entered_by", table, "UPDATE OF entered_by_id", changed, "entered_by"
    yield "project_approval", PROJECT, "UPDATE OF approved_by_id", IS_OTHER_APPROVAL, "kept_confirmation"
    yield (
        "programme_confirmation", PROGRAMME, "UPDATE OF confirmed_by_id, entered_by_id, unit_id", IS_OTHER_CONFIRMATION,
        "kept_confirmation",
    )  # fmt: skip
    for event in ("INSERT", "UPDATE OF approved, source, programme_source_id, project_id"):
        yield f"source_approved_{event[:6].lower()}", SOURCE, event, IS_UNAPPROVED, "not_approved"
    yield "source_kept", SOURCE, "UPDATE OF project_id, source", IS_USED_SOURCE, "kept_source"
    yield "grant_insert", GRANT, "INSERT", IS_CONFIRMED_PROGRAMME.format(row="NEW"), "confirmed_programme"
    yield (
        "grant_update", GRANT, "UPDATE OF amount, source, programme_id",
        " OR ".join(IS_CONFIRMED_PROGRAMME.format(row=row) for row in ("OLD", "NEW")), "confirmed_programme",
    )  # fmt: skip
    yield "grant_delete", GRANT, "DELETE", IS_CONFIRMED_PROGRAMME.format(row="OLD"), "confirmed_programme"
    yield "step_update", STEP, "UPDATE", "1 = 1", "steps"
    yield "step_delete", STEP, "DELETE", IS_STEP_TAKEN, "steps"
    yield "month_frozen", MONTH, f"UPDATE OF {', '.join(MONTH_FACTS)}", "OLD.closed_at IS NOT NULL", "closed_month"
    yield "month_kept", MONTH, "DELETE", "OLD.closed_at IS NOT NULL", "closed_month"
    yield "month_summed", MONTH, "DELETE", "OLD.entry_count <> 0", "by_hand"
    is_elsewhere = "NEW.unit_id <> OLD.unit_id OR NEW.month <> OLD.month"
    yield "month_place", MONTH, "UPDATE OF unit_id, month", is_elsewhere, "own_place"
    for event in ("INSERT", "UPDATE OF closed_at, closed_by_id"):
        yield f"month_own_{event[:6].lower()}", MONTH, event, IS_OWN, "own_entries"
    for event in ("INSERT", "UPDATE OF month, day"):
        yield f"entry_month_{event[:6].lower()}", ENTRY, event, is_out_of_month, "own_month"
    for event in ("INSERT", "UPDATE OF reverses_id, unit_id, category, amount, receivable_id"):
        yield f"entry_reversal_{event[:6].lower()}", ENTRY, event, IS_NO_ENTRY_REVERSAL, "entry_reversal"
    for event in ("INSERT", "UPDATE OF receivable_id, unit_id, category"):
        yield f"entry_receivable_{event[:6].lower()}", ENTRY, event, IS_OTHER_RECEIVABLE, "receivable"
    facts = "unit_id, month, category, amount, receivable_id"
    yield "entry_reversed", ENTRY, f"UPDATE OF {facts}", IS_REVERSED, "reversed_entry"
    yield "entry_key", ENTRY, "UPDATE OF id", "NEW.id <> OLD.id", "key"


# --- Sums -----------------------------------------------------------------------------------

MOVED = (("received", "receipt"), ("paid", "payment"), ("recalled", "recall"))


def _moved_sum(kind, source):
    signed = "CASE WHEN reverses_id IS NULL THEN amount ELSE -amount END"
    return (
        f"(SELECT ROUND(COALESCE(SUM({signed}), 0), 2) FROM {PAYMENT} "
        f"WHERE source_id = {source} AND state = 'confirmed' AND kind = '{kind}')"
    )


def _moved_sums(source):
    return ", ".join(f"{column} = {_moved_sum(kind, source)}" for column, kind in MOVED)


def _allocated(grant):
    return f"(SELECT ROUND(COALESCE(SUM(approved), 0), 2) FROM {SOURCE} WHERE programme_source_id = {grant})"


def _received(receivable):
    return f"(SELECT ROUND(COALESCE(SUM(amount), 0), 2) FROM {ENTRY} WHERE receivable_id = {receivable})"


def _sqlite_month_sums(row):
    by_category = ", ".join(f"ROUND(SUM(CASE WHEN category = '{name}' THEN amount END), 2)" for name in CATEGORIES)
    return (
        f"(SELECT {by_category}, COUNT(*), COUNT(CASE WHEN voucher_number <> '' THEN 1 END) FROM {ENTRY} "
        f"WHERE unit_id = {row}.unit_id AND month = {row}.month)"
    )


def _sqlite_closed(row):
    return f"EXISTS (SELECT 1 FROM {MONTH} WHERE unit_id = {row}.unit_id AND month = {row}.month AND closed_at IS NOT NULL)"


def _sqlite():
    def refuse(name, table, event, condition, sentence):
        return (
            f"CREATE TRIGGER {APP}_{name} BEFORE {event} ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{SENTENCES[sentence]}'); END"
        )

    def after(name, table, event, body, condition="1 = 1"):
        return f"CREATE TRIGGER {APP}_{name} AFTER {event} ON {table} WHEN {condition} BEGIN {body} END"

    for guard in _guards("sqlite"):
        yield refuse(*guard)
    # Nobody else writes meanwhile, so a sum that differs from its rows was set by hand.
    not_moved = " OR ".join(f"NEW.{column} <> {_moved_sum(kind, 'NEW.id')}" for column, kind in MOVED)
    yield refuse("source_sums_update", SOURCE, "UPDATE OF received, paid, recalled", not_moved, "by_hand")
    yield refuse(
        "source_sums_insert", SOURCE, "INSERT", "NEW.received <> 0 OR NEW.paid <> 0 OR NEW.recalled <> 0", "by_hand"
    )
    yield refuse(
        "grant_sum_update", GRANT, "UPDATE OF allocated", f"NEW.allocated <> {_allocated('NEW.id')}", "by_hand"
    )
    yield refuse("grant_sum_insert", GRANT, "INSERT", "NEW.allocated <> 0", "by_hand")
    yield refuse(
        "receivable_sum_update", RECEIVABLE, "UPDATE OF received", f"NEW.received <> {_received('NEW.id')}", "by_hand"
    )
    yield refuse("receivable_sum_insert", RECEIVABLE, "INSERT", "NEW.received <> 0", "by_hand")
    columns = ", ".join(f"NEW.{name}" for name in SUMS)
    yield refuse(
        "month_sums_update", MONTH, f"UPDATE OF {', '.join(SUMS)}", f"({columns}) IS NOT {_sqlite_month_sums('NEW')}",
        "by_hand",
    )  # fmt: skip
    yield refuse(
        "month_sums_insert", MONTH, "INSERT", "NEW.entry_count <> 0 OR NEW.voucher_count <> 0 OR COALESCE("
        + ", ".join(f"NEW.{name}" for name in CATEGORIES) + ") IS NOT NULL", "by_hand",
    )  # fmt: skip
    # REPLACE INTO takes the row of the same key away without asking the guards of deletion.
    for name, table in (("payment", PAYMENT), ("entry", ENTRY), ("source", SOURCE), ("grant", GRANT)):
        condition = f"EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
        yield refuse(f"{name}_replaced", table, "INSERT", condition, "key")
    is_replaced = "id = NEW.id OR (unit_id = NEW.unit_id AND month = NEW.month AND closed_at IS NOT NULL)"
    yield refuse("month_replaced", MONTH, "INSERT", f"EXISTS (SELECT 1 FROM {MONTH} WHERE {is_replaced})", "key")
    for row, events in (("NEW", ("INSERT", "UPDATE")), ("OLD", ("DELETE", "UPDATE"))):
        for event in events:
            facts = f"UPDATE OF {', '.join(ENTRY_FACTS)}" if event == "UPDATE" else event
            yield refuse(f"entry_closed_{row}_{event}".lower(), ENTRY, facts, _sqlite_closed(row), "closed")

    def moved(row):
        return f"UPDATE {SOURCE} SET {_moved_sums(f'{row}.source_id')} WHERE id = {row}.source_id;"

    yield after("payment_sum_insert", PAYMENT, "INSERT", moved("NEW"), "NEW.state = 'confirmed'")
    yield after("payment_sum_update", PAYMENT, "UPDATE OF state, amount, source_id, kind, reverses_id", moved("NEW"))

    def allocated(row):
        grant = f"{row}.programme_source_id"
        return f"UPDATE {GRANT} SET allocated = {_allocated(grant)} WHERE id = {grant};"

    yield after("allocated_insert", SOURCE, "INSERT", allocated("NEW"))
    yield after(
        "allocated_update", SOURCE, "UPDATE OF approved, programme_source_id", allocated("OLD") + allocated("NEW")
    )
    yield after("allocated_delete", SOURCE, "DELETE", allocated("OLD"))

    def summed(row):
        return (
            f"INSERT OR IGNORE INTO {MONTH} (unit_id, path, month, entry_count, voucher_count, difference_note, version) "
            f"VALUES ({row}.unit_id, {row}.path, {row}.month, 0, 0, '', 1); "
            f"UPDATE {MONTH} SET ({', '.join(SUMS)}) = {_sqlite_month_sums(row)} "
            f"WHERE unit_id = {row}.unit_id AND month = {row}.month; "
            f"UPDATE {RECEIVABLE} SET received = {_received(f'{row}.receivable_id')} WHERE id = {row}.receivable_id;"
        )

    yield after("entry_sum_insert", ENTRY, "INSERT", summed("NEW"))
    yield after("entry_sum_delete", ENTRY, "DELETE", summed("OLD"))
    yield after(
        "entry_sum_update", ENTRY, "UPDATE OF unit_id, month, category, amount, voucher_number, receivable_id",
        summed("OLD") + summed("NEW"),
    )  # fmt: skip


def _postgresql():
    def function(name, body):
        return (
            f"CREATE OR REPLACE FUNCTION {APP}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        )

    def refusal(sentence):
        return f"RAISE EXCEPTION '{SENTENCES[sentence]}' USING ERRCODE = 'check_violation';"

    for name, table, event, condition, sentence in _guards("postgresql"):
        answer = "OLD" if event == "DELETE" else "NEW"
        yield function(name, f"IF {condition} THEN {refusal(sentence)} END IF; RETURN {answer};")
        yield f"CREATE TRIGGER {APP}_{name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {APP}_{name}()"
    # Who sets a sum by hand does so outside of any trigger.
    yield function("by_hand", refusal("by_hand"))
    for name, table, columns in (
        ("source_sums", SOURCE, ("received", "paid", "recalled")),
        ("grant_sum", GRANT, ("allocated",)),
        ("receivable_sum", RECEIVABLE, ("received",)),
        ("month_sums", MONTH, SUMS),
    ):
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        # A category without entry is null and not 0.
        given = " OR ".join(
            f"NEW.{column} IS NOT NULL" if column in CATEGORIES else f"NEW.{column} <> 0" for column in columns
        )
        for event, condition in (("update", changed), ("insert", given)):
            yield (
                f"CREATE TRIGGER {APP}_{name}_{event} BEFORE {event.upper()} ON {table} FOR EACH ROW "
                f"WHEN (pg_trigger_depth() = 0 AND ({condition})) EXECUTE FUNCTION {APP}_by_hand()"
            )
    # The row of the sum is locked first, so that the sum sees what others have committed meanwhile.
    yield function(
        "payment_sum",
        f"PERFORM 1 FROM {SOURCE} WHERE id = NEW.source_id FOR UPDATE; "
        f"UPDATE {SOURCE} SET {_moved_sums('NEW.source_id')} WHERE id = NEW.source_id; RETURN NULL;",
    )
    yield (
        f"CREATE TRIGGER {APP}_payment_sum_insert AFTER INSERT ON {PAYMENT} FOR EACH ROW "
        f"WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION {APP}_payment_sum()"
    )
    yield (
        f"CREATE TRIGGER {APP}_payment_sum_update AFTER UPDATE OF state, amount, source_id, kind, reverses_id "
        f"ON {PAYMENT} FOR EACH ROW EXECUTE FUNCTION {APP}_payment_sum()"
    )
    for event, rows in (("insert", ("NEW",)), ("update", ("OLD", "NEW")), ("delete", ("OLD",))):
        grants = ", ".join(f"{row}.programme_source_id" for row in rows)
        yield function(
            f"allocated_{event}",
            f"PERFORM 1 FROM {GRANT} WHERE id IN ({grants}) ORDER BY id FOR UPDATE; "
            f"UPDATE {GRANT} AS g SET allocated = {_allocated('g.id')} WHERE g.id IN ({grants}); RETURN NULL;",
        )
        of = " OF approved, programme_source_id" if event == "update" else ""
        yield (
            f"CREATE TRIGGER {APP}_allocated_{event} AFTER {event.upper()}{of} ON {SOURCE} FOR EACH ROW "
            f"EXECUTE FUNCTION {APP}_allocated_{event}()"
        )
    yield from _postgresql_entries(function, refusal)


def _postgresql_entries(function, refusal):
    """Entries come in thousands, so their sums are kept once for each statement."""
    filters = ", ".join(f"SUM(e.amount) FILTER (WHERE e.category = '{name}') AS {name}" for name in CATEGORIES)
    facts = ", ".join(f"{{row}}.{name}" for name in ENTRY_FACTS)
    is_changed = f"({facts.format(row='a')}) IS DISTINCT FROM ({facts.format(row='b')})"
    changed = f"was AS a JOIN moved AS b ON b.id = a.id WHERE {is_changed}"
    for event, tables, touched, receivables in (
        (
            "insert", "NEW TABLE AS moved",
            "SELECT unit_id, month, path FROM moved", "SELECT receivable_id FROM moved",
        ),
        (
            "delete", "OLD TABLE AS moved",
            "SELECT unit_id, month, path FROM moved", "SELECT receivable_id FROM moved",
        ),
        (
            "update", "OLD TABLE AS was NEW TABLE AS moved",
            f"SELECT a.unit_id, a.month, a.path FROM {changed} UNION SELECT b.unit_id, b.month, b.path FROM {changed}",
            f"SELECT a.receivable_id FROM {changed} UNION SELECT b.receivable_id FROM {changed}",
        ),
    ):  # fmt: skip
        months = f"(SELECT unit_id, month, MIN(path) AS path FROM ({touched}) AS rows GROUP BY unit_id, month)"
        due = f"(SELECT DISTINCT receivable_id FROM ({receivables}) AS rows WHERE receivable_id IS NOT NULL)"
        yield function(
            f"entry_sums_{event}",
            f"INSERT INTO {MONTH} (unit_id, path, month, entry_count, voucher_count, difference_note, version) "
            f"SELECT unit_id, path, month, 0, 0, '', 1 FROM {months} AS t ORDER BY unit_id, month "
            "ON CONFLICT (unit_id, month) DO NOTHING; "
            f"PERFORM 1 FROM {MONTH} AS m JOIN {months} AS t ON m.unit_id = t.unit_id AND m.month = t.month "
            "ORDER BY m.unit_id, m.month FOR UPDATE OF m; "
            f"IF EXISTS (SELECT 1 FROM {MONTH} AS m JOIN {months} AS t ON m.unit_id = t.unit_id AND m.month = t.month "
            f"WHERE m.closed_at IS NOT NULL) THEN {refusal('closed')} END IF; "
            f"UPDATE {MONTH} AS m SET {', '.join(f'{name} = s.{name}' for name in SUMS)} FROM ("
            f"SELECT t.unit_id, t.month, {filters}, COUNT(e.id) AS entry_count, "
            "COUNT(e.id) FILTER (WHERE e.voucher_number <> '') AS voucher_count "
            f"FROM {months} AS t LEFT JOIN {ENTRY} AS e ON e.unit_id = t.unit_id AND e.month = t.month "
            "GROUP BY t.unit_id, t.month) AS s WHERE m.unit_id = s.unit_id AND m.month = s.month; "
            f"PERFORM 1 FROM {RECEIVABLE} WHERE id IN {due} ORDER BY id FOR UPDATE; "
            f"UPDATE {RECEIVABLE} AS r SET received = {_received('r.id')} WHERE r.id IN {due}; RETURN NULL;",
        )
        yield (
            f"CREATE TRIGGER {APP}_entry_sums_{event} AFTER {event.upper()} ON {ENTRY} REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {APP}_entry_sums_{event}()"
        )


def install(apps, schema_editor):
    remove(apps, schema_editor)
    for statement in _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    """Whatever stands on these tables under our prefix goes."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE %s",
                [f"{APP}\\_%"],
            )
            for name, table in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name} ON {table}")
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{APP}%"])
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):
    dependencies = [("collective_economy", "0003_old_totals_are_summed")]
    operations = [migrations.RunPython(install, remove, elidable=False)]
