"""Whether every kept sum is what its rows sum to: read anew from the entries, in one statement for each kind.

The database keeps the sums by triggers. This reads past them, so that a sum that was set behind their back, a restored
half of a backup or a missing trigger is named with its row. Runs daily, `manage.py verify_funds` at any time.
Rule: docs/rules/funds.md, "Checking".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from accounts import jobs
from accounts.models import Job
from branches.models import Unit
from collective_economy.models import (
    Instalment,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectShare,
    ProjectSource,
    Receivable,
)
from collective_economy.models.ledger import CATEGORIES, EXPENSE, INCOME
from collective_economy.models.programmes import SUPPORT

JOB, JOB_KEY = "collective_economy.verify_funds", "funds"
LISTED = 200
"""Rows that are named for each kind; all of them are counted."""
CENT = Decimal("0.01")

TIES = gettext_noop("Every kept sum is what its entries sum to.")
DOES_NOT_TIE = gettext_noop("Sums do not tie with their entries. The county finds them under: Check of sums.")


@dataclass(frozen=True)
class Check:
    """One statement. `rows` selects row_id, path, named, and s_… (stored) and c_… (computed) for each of `columns`;
    `base` is the table whose rows are counted as checked."""

    kind: str
    label: str | Promise
    base: str
    columns: tuple[str, ...]
    rows: str

    def statement(self, differs: str) -> str:
        differing = " OR ".join(f"s_{column} {differs} c_{column}" for column in self.columns)
        return (
            f"WITH compared AS ({self.rows}), differing AS (SELECT * FROM compared WHERE {differing}) "
            f"SELECT (SELECT COUNT(*) FROM {self.base}), (SELECT COUNT(*) FROM differing), listed.* "
            f"FROM (SELECT 1 AS one) AS always LEFT JOIN "
            f"(SELECT * FROM differing ORDER BY path, row_id LIMIT {LISTED}) AS listed ON 1 = 1 "
            "ORDER BY listed.path, listed.row_id"
        )


@dataclass(frozen=True)
class Mismatch:
    """A stored value that is not what its rows say. `path` is the place, `named` what the row is called there."""

    kind: str
    path: str
    row: int
    named: str
    column: str
    stored: str
    computed: str


@dataclass(frozen=True)
class Verification:
    """`checked` and `differing`: rows by kind. `mismatches` are listed up to LISTED rows of a kind."""

    checked: Mapping[str, int]
    differing: Mapping[str, int]
    mismatches: tuple[Mismatch, ...]

    @property
    def is_tied(self) -> bool:
        return not any(self.differing.values())

    @property
    def checked_count(self) -> int:
        return sum(self.checked.values())

    @property
    def differing_count(self) -> int:
        return sum(self.differing.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "tied": self.is_tied,
            "checked": dict(self.checked),
            "differing": dict(self.differing),
            "mismatches": [asdict(mismatch) for mismatch in self.mismatches],
        }


# --- The statements -----------------------------------------------------------------------------


def _table(model: type[Any]) -> str:
    return str(model._meta.db_table)


PROJECT, SOURCE, SHARE = _table(Project), _table(ProjectSource), _table(ProjectShare)
PROGRAMME, GRANT, PAYMENT = _table(Programme), _table(ProgrammeSource), _table(Payment)
ENTRY, MONTH, RECEIVABLE = _table(LedgerEntry), _table(LedgerMonth), _table(Receivable)
INSTALMENT = _table(Instalment)
SUPPORT_LIST = ", ".join(f"'{source.value}'" for source in SUPPORT)
MOVED = (("received", "receipt"), ("paid", "payment"), ("recalled", "recall"))
SUMS = (*CATEGORIES, "entry_count", "voucher_count")
SIGNED = "CASE WHEN reverses_id IS NULL THEN amount ELSE -amount END"
YES, NO = "yes", "no"


def _cents(expression: str) -> str:
    return f"ROUND(COALESCE({expression}, 0), 2)"


def _project_money() -> str:
    sums = ", ".join(f"SUM(CASE WHEN kind = '{kind}' THEN {SIGNED} END) AS {column}" for column, kind in MOVED)
    pairs = ", ".join(f"s.{column} AS s_{column}, {_cents(f'm.{column}')} AS c_{column}" for column, _kind in MOVED)
    return (
        f"SELECT s.id AS row_id, p.path, p.number || ' ' || s.source AS named, {pairs} FROM {SOURCE} AS s "
        f"JOIN {PROJECT} AS p ON p.id = s.project_id "
        f"LEFT JOIN (SELECT source_id, {sums} FROM {PAYMENT} WHERE state = 'confirmed' GROUP BY source_id) AS m "
        "ON m.source_id = s.id"
    )


def _programme_money() -> str:
    return (
        f"SELECT g.id AS row_id, p.path, p.name || ' ' || g.source AS named, g.allocated AS s_allocated, "
        f"{_cents('a.approved')} AS c_allocated FROM {GRANT} AS g JOIN {PROGRAMME} AS p ON p.id = g.programme_id "
        f"LEFT JOIN (SELECT programme_source_id, SUM(approved) AS approved FROM {SOURCE} "
        "WHERE programme_source_id IS NOT NULL GROUP BY programme_source_id) AS a ON a.programme_source_id = g.id"
    )


def _within(rows: str, bounds: Iterable[tuple[str, str, str]]) -> str:
    """Where `small` is beyond `large`, both are shown; where it is not, they count as alike."""
    pairs = ", ".join(
        f"{small} AS s_{column}, CASE WHEN {small} > {large} THEN {large} ELSE {small} END AS c_{column}"
        for column, small, large in bounds
    )
    return rows.format(pairs=pairs)


def _project_limits() -> str:
    rows = (
        "SELECT s.id AS row_id, p.path, p.number || ' ' || s.source AS named, {pairs} "
        f"FROM {SOURCE} AS s JOIN {PROJECT} AS p ON p.id = s.project_id"
    )
    gone = "ROUND(s.paid + s.recalled, 2)"
    return _within(rows, (("received", "s.received", "s.approved"), ("paid_and_recalled", gone, "s.received")))


def _programme_limits() -> str:
    rows = (
        "SELECT g.id AS row_id, p.path, p.name || ' ' || g.source AS named, {pairs} "
        f"FROM {GRANT} AS g JOIN {PROGRAMME} AS p ON p.id = g.programme_id"
    )
    return _within(rows, (("allocated", "g.allocated", "g.amount"),))


def _unapproved() -> str:
    """Approved support money has a source of a confirmed programme of the same kind behind it."""
    return (
        "SELECT s.id AS row_id, p.path, p.number || ' ' || s.source AS named, s.approved AS s_approved, "
        "CASE WHEN p.approved_by_id IS NULL THEN 0 "
        f"WHEN s.source IN ({SUPPORT_LIST}) AND (g.id IS NULL OR g.source <> s.source OR r.confirmed_by_id IS NULL "
        "OR p.programme_id IS NULL OR g.programme_id <> p.programme_id) "
        f"THEN 0 ELSE s.approved END AS c_approved FROM {SOURCE} AS s JOIN {PROJECT} AS p ON p.id = s.project_id "
        f"LEFT JOIN {GRANT} AS g ON g.id = s.programme_source_id LEFT JOIN {PROGRAMME} AS r ON r.id = g.programme_id"
    )


def _month_sums() -> str:
    by_category = ", ".join(
        f"ROUND(SUM(CASE WHEN category = '{name}' THEN amount END), 2) AS {name}" for name in CATEGORIES
    )
    counts = "COUNT(*) AS entry_count, COUNT(CASE WHEN voucher_number <> '' THEN 1 END) AS voucher_count"
    pairs = ", ".join(f"m.{name} AS s_{name}, {_computed(name)} AS c_{name}" for name in SUMS)
    return (
        f"SELECT m.id AS row_id, m.path, {_month_text('m.month')} AS named, {pairs} FROM {MONTH} AS m "
        f"LEFT JOIN (SELECT unit_id, month, {by_category}, {counts} FROM {ENTRY} GROUP BY unit_id, month) AS e "
        "ON e.unit_id = m.unit_id AND e.month = m.month"
    )


def _computed(name: str) -> str:
    return f"e.{name}" if name in CATEGORIES else f"COALESCE(e.{name}, 0)"


def _month_text(column: str) -> str:
    return f"SUBSTR(CAST({column} AS varchar(10)), 1, 7)"


def _entries_without_month() -> str:
    return (
        f"SELECT MIN(e.id) AS row_id, MIN(e.path) AS path, {_month_text('e.month')} AS named, "
        f"0 AS s_entry_count, COUNT(*) AS c_entry_count FROM {ENTRY} AS e "
        f"WHERE NOT EXISTS (SELECT 1 FROM {MONTH} AS m WHERE m.unit_id = e.unit_id AND m.month = e.month) "
        "GROUP BY e.unit_id, e.month"
    )


def _openings() -> str:
    """The balance a month begins with against that of the closed month before, both where one is known."""
    change = "".join(f" + COALESCE({name}, 0)" for name in INCOME)
    change += "".join(f" - COALESCE({name}, 0)" for name in EXPENSE)
    closing = f"CASE WHEN closed_at IS NOT NULL THEN ROUND(opening{change}, 2) END"
    return (
        "SELECT row_id, path, named, s_opening, c_opening FROM (SELECT id AS row_id, path, "
        f"{_month_text('month')} AS named, opening AS s_opening, "
        f"LAG({closing}) OVER (PARTITION BY unit_id ORDER BY month) AS c_opening FROM {MONTH} "
        "WHERE opening IS NOT NULL) AS followed WHERE c_opening IS NOT NULL"
    )


def _receivables() -> str:
    return (
        "SELECT r.id AS row_id, r.path, CAST(r.due_on AS varchar(10)) AS named, r.received AS s_settled, "
        f"{_cents('e.received')} AS c_settled FROM {RECEIVABLE} AS r "
        f"LEFT JOIN (SELECT receivable_id, SUM(amount) AS received FROM {ENTRY} WHERE receivable_id IS NOT NULL "
        "GROUP BY receivable_id) AS e ON e.receivable_id = r.id"
    )


def _shares() -> str:
    return (
        "SELECT p.id AS row_id, p.path, p.number AS named, ROUND(COALESCE(s.percent, 0), 4) AS s_percent, "
        f"100 AS c_percent FROM {PROJECT} AS p "
        f"LEFT JOIN (SELECT project_id, SUM(percent) AS percent FROM {SHARE} GROUP BY project_id) AS s "
        "ON s.project_id = p.id"
    )


def _instalments() -> str:
    return (
        f"SELECT p.id AS row_id, p.path, p.number AS named, ROUND(i.planned, 2) AS s_instalments, "
        f"{_cents('s.approved')} AS c_instalments FROM {PROJECT} AS p "
        f"JOIN (SELECT project_id, SUM(amount) AS planned FROM {INSTALMENT} GROUP BY project_id) AS i "
        "ON i.project_id = p.id "
        f"LEFT JOIN (SELECT project_id, SUM(approved) AS approved FROM {SOURCE} WHERE source IN ({SUPPORT_LIST}) "
        "GROUP BY project_id) AS s ON s.project_id = p.id"
    )


def _one_hand(table: str, named: str, decided: str, condition: str) -> str:
    """Rows that who entered them decided, or nobody: stored "yes" where "no" is right."""
    return (
        f"SELECT id AS row_id, path, {named} AS named, "
        f"CASE WHEN {decided} IS NULL OR {decided} = entered_by_id THEN '{YES}' ELSE '{NO}' END AS s_one_hand, "
        f"'{NO}' AS c_one_hand FROM {table} WHERE {condition}"
    )


def _payment_reversals() -> str:
    return (
        "SELECT p.id AS row_id, p.path, p.voucher_number AS named, p.amount AS s_reversed, "
        "CASE WHEN r.kind = p.kind AND r.source_id = p.source_id AND r.state = 'confirmed' AND r.reverses_id IS NULL "
        f"THEN r.amount ELSE 0 END AS c_reversed FROM {PAYMENT} AS p JOIN {PAYMENT} AS r ON r.id = p.reverses_id"
    )


def _entry_reversals() -> str:
    return (
        f"SELECT e.id AS row_id, e.path, {_month_text('e.month')} AS named, e.amount AS s_reversed, "
        "CASE WHEN r.unit_id = e.unit_id AND r.category = e.category AND r.reverses_id IS NULL "
        f"THEN -r.amount ELSE 0 END AS c_reversed FROM {ENTRY} AS e JOIN {ENTRY} AS r ON r.id = e.reverses_id"
    )


def _foreign_payments() -> str:
    return (
        "SELECT p.id AS row_id, p.path, p.voucher_number AS named, p.project_id AS s_project, "
        f"s.project_id AS c_project FROM {PAYMENT} AS p JOIN {SOURCE} AS s ON s.id = p.source_id"
    )


CHECKS: tuple[Check, ...] = (
    Check("project_money", _("money of a project against its payments"), SOURCE,
          ("received", "paid", "recalled"), _project_money()),
    Check("project_limits", _("paid and recalled within received, received within approved"), SOURCE,
          ("received", "paid_and_recalled"), _project_limits()),
    Check("approved_money", _("approved money against approvals and confirmed programmes"), SOURCE,
          ("approved",), _unapproved()),
    Check("programme_money", _("allocated money of a programme against its projects"), GRANT,
          ("allocated",), _programme_money()),
    Check("programme_limits", _("allocated within the programme"), GRANT, ("allocated",), _programme_limits()),
    Check("payment_source", _("payments from a source of their own project"), PAYMENT,
          ("project",), _foreign_payments()),
    Check("payment_reversal", _("reversals of payments against what they take back"),
          f"{PAYMENT} WHERE reverses_id IS NOT NULL", ("reversed",), _payment_reversals()),
    Check("payment_one_hand", _("payments confirmed by another than who entered them"),
          f"{PAYMENT} WHERE state = 'confirmed'", ("one_hand",),
          _one_hand(PAYMENT, "voucher_number", "decided_by_id", "state = 'confirmed'")),
    Check("programme_one_hand", _("programmes confirmed by another than who entered them"),
          f"{PROGRAMME} WHERE confirmed_by_id IS NOT NULL", ("one_hand",),
          _one_hand(PROGRAMME, "name", "confirmed_by_id", "confirmed_by_id IS NOT NULL")),
    Check("project_one_hand", _("projects approved by another than who entered them"),
          f"{PROJECT} WHERE approved_by_id IS NOT NULL", ("one_hand",),
          _one_hand(PROJECT, "number", "approved_by_id", "approved_by_id IS NOT NULL")),
    Check("shares", _("shares of the villages of a project against 100 %"), PROJECT, ("percent",), _shares()),
    Check("instalments", _("instalments against the approved support money"),
          f"(SELECT DISTINCT project_id FROM {INSTALMENT}) AS planned", ("instalments",), _instalments()),
    Check("ledger_month", _("sums and counts of a village's month against its entries"), MONTH, SUMS, _month_sums()),
    Check("ledger_without_month", _("entries that no month sums"), ENTRY, ("entry_count",), _entries_without_month()),
    Check("ledger_opening", _("balance at the beginning against the closed month before"),
          f"{MONTH} WHERE opening IS NOT NULL",
          ("opening",), _openings()),
    Check("ledger_reversal", _("reversals in the ledger against what they take back"),
          f"{ENTRY} WHERE reverses_id IS NOT NULL", ("reversed",), _entry_reversals()),
    Check("receivable", _("what was received of a receivable against the ledger"), RECEIVABLE,
          ("settled",), _receivables()),
)  # fmt: skip
LABELS = {check.kind: check.label for check in CHECKS}
COLUMNS: Mapping[str, str | Promise] = {
    "received": pgettext_lazy("project", "received (yuan)"),
    "settled": _("received (yuan)"),
    "paid": _("paid (yuan)"),
    "recalled": _("recalled (yuan)"),
    "paid_and_recalled": _("paid and recalled (yuan)"),
    "approved": _("approved (yuan)"),
    "allocated": _("allocated (yuan)"),
    "project": _("project"),
    "reversed": _("amount (yuan)"),
    "one_hand": _("entered and decided by one person"),
    "percent": _("share (%)"),
    "instalments": _("instalments (yuan)"),
    "entry_count": _("number of entries"),
    "voucher_count": _("number of vouchers"),
    "opening": _("balance at the beginning (yuan)"),
    **dict(LedgerEntry.Category.choices),
}
COUNTS = frozenset({"entry_count", "voucher_count", "project"})
"""Columns that are whole numbers; all others but `one_hand` are amounts or percent."""


# --- Running ------------------------------------------------------------------------------------


def verify(checks: Sequence[Check] = CHECKS, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Reads everything once for each kind. Writes nothing; `progress` hears how many kinds are done."""
    checked: dict[str, int] = {}
    differing: dict[str, int] = {}
    mismatches: list[Mismatch] = []
    for place, check in enumerate(checks):
        if progress is not None:
            progress(place, len(checks))
        checked[check.kind], differing[check.kind], found = _run(check)
        mismatches += found
    return Verification(checked, differing, tuple(mismatches))


def _run(check: Check) -> tuple[int, int, list[Mismatch]]:
    differs = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    with connection.cursor() as cursor:
        cursor.execute(check.statement(differs))
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names[2:], row[2:], strict=True)) | {"counts": row[:2]} for row in cursor.fetchall()]
    (checked, differing), *_same = (row["counts"] for row in rows)
    found = [
        Mismatch(check.kind, row["path"], row["row_id"], row["named"], column, stored, computed)
        for row in rows
        if row["row_id"] is not None
        for column in check.columns
        if (stored := _text(column, row[f"s_{column}"])) != (computed := _text(column, row[f"c_{column}"]))
    ]
    return checked, differing, found


def _text(column: str, value: Any) -> str:
    """As it is told: cents for amounts, nothing for what is missing."""
    if value is None:
        return ""
    if column in COUNTS or isinstance(value, str):
        return str(value)
    places = Decimal("0.0001") if column == "percent" else CENT
    return f"{Decimal(str(value)).quantize(places):f}"


# --- The daily job ------------------------------------------------------------------------------


def ask_daily(now: datetime) -> Job:
    """For the ticker: one job, whoever asks."""
    return jobs.enqueue(JOB, {}, by=None, key=JOB_KEY)


def verify_as_job(run: jobs.JobRun) -> dict[str, Any]:
    """Keeps what was found as the job's result; its progress says how many rows tie of how many were checked."""
    found = verify(progress=run.progress)
    run.job.done, run.job.total = found.checked_count - found.differing_count, found.checked_count
    run.job.message = TIES if found.is_tied else DOES_NOT_TIE
    return found.as_dict()


@dataclass(frozen=True)
class Last:
    """What the newest finished check found, and whether one is under way. `job` is None before the first."""

    job: Job | None
    live: Job | None


def last_check() -> Last:
    rows = Job.objects.filter(kind=JOB)
    return Last(
        rows.filter(state=Job.State.SUCCEEDED).order_by("-finished_at", "-pk").first(),
        rows.filter(state__in=jobs.LIVE).order_by("-pk").first(),
    )


def mismatches_within(job: Job, paths: Collection[str]) -> list[Mismatch]:
    """What a finished check found at these places and below."""
    rows = (Mismatch(**row) for row in job.result.get("mismatches", []))
    return [row for row in rows if any(row.path.startswith(path) for path in paths)]


def names_of(mismatches: Iterable[Mismatch]) -> dict[str, str]:
    """Path -> name of the unit. One query."""
    paths = {mismatch.path for mismatch in mismatches}
    return dict(Unit.objects.filter(path__in=paths).values_list("path", "name"))
