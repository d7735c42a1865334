"""Filling in a month and handing it in: saving cells, submitting, withdrawing, comparing with last month.

Each cell is saved by comparing the value it was based on, so two people in one village do
not overwrite each other (docs/decisions/0002-one-row-a-village-and-month.md).
Rule: docs/guide/monthly-entry.md.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, QuerySet, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, User
from assessments import cells
from assessments.cells import NOT_YET, RefusedError, State, Stored, text_of
from assessments.entry import EntryTable, Finding, Part, load_table, rules_of_return, specs_of, title_of
from assessments.models import Period, Return, Unlock, VillageMonth
from assessments.rules import CellSpec, SchemeRules
from assessments.services.review import is_opened
from branches.calendars import workday_exceptions
from branches.scoping import scope_condition
from branches.workdays import working_days_between

MAX_EDITS = 2000
OPEN_STATES = (Return.State.DRAFT, Return.State.RETURNED)
SAVE_EVENT = "assessments.save_cells"
NOTE = "note "
"""Before a cell's code in the audit trail: the change of its reason, not of its value."""


@dataclass(frozen=True, slots=True)
class CellEdit:
    """What somebody wants to stand in a cell, and the stored value they saw when they began (`base`).

    `value` is typed text or a number in the cell's unit, empty for "not yet". `state`
    "not_applicable" and "exempt" (with `reason`) need no value. `note` is the reason for an
    unusual value; None leaves it as it is.
    """

    village_id: int
    code: str
    base: Stored
    value: str | int | Decimal | None = None
    state: str = State.GIVEN
    reason: str = ""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SavedCell:
    village_id: int
    code: str
    stored: Stored
    note: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cell that somebody else changed meanwhile: what stands there now, from whom and since when."""

    village_id: int
    code: str
    stored: Stored
    text: str
    who: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedCell:
    """An edit that cannot be stored, with a sentence for the person who typed it."""

    village_id: int
    code: str
    problem: str
    message: str


@dataclass(slots=True)
class SaveOutcome:
    saved: list[SavedCell] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[RefusedCell] = field(default_factory=list)


# --- Who may do what ------------------------------------------------------------------------


def with_rights(returns: QuerySet[Return], user: User) -> QuerySet[Return]:
    """The rows with `may_enter`, `may_enter_county` and `may_submit` of the user, in the same query."""
    verbs = {"may_enter": "enter", "may_enter_county": "enter_county", "may_submit": "submit"}
    return returns.annotate(**{name: _condition(user, verb) for name, verb in verbs.items()})


def _condition(user: User, verb: str) -> Any:
    condition = scope_condition(user, Return, verb)
    return Value(False) if condition is None else ExpressionWrapper(condition, output_field=BooleanField())


def parts_for(submission: Any) -> list[Part]:
    """The parts of a return that its user fills in; asked of a row from `with_rights`."""
    rights: list[tuple[Part, bool]] = [("T", submission.may_enter), ("C", submission.may_enter_county)]
    return [part for part, is_allowed in rights if is_allowed]


def open_unlock(submission: Return) -> Unlock | None:
    """The approved unlock that has not locked itself again yet, if any. One query."""
    return submission.unlocks.filter(is_approved=True, relocked_at__isnull=True).order_by("-pk").first()


def lock_reason(submission: Return, part: Part, *, now: datetime, unlock: Unlock | None) -> str:
    """Why nothing can be entered now, as a sentence; empty while entry is open."""
    period = submission.period
    if unlock is not None and unlock.open_until is not None and unlock.open_until <= now:
        return _("The hours of the unlock are over. Ask for a new one if something is still wrong.")
    if period.state != Period.State.OPEN and not (unlock is not None and period.state == Period.State.LOCKED):
        return _("This month is closed for entry. A wrong figure is put right by an unlock or an objection.")
    if part == "T" and submission.state == Return.State.SUBMITTED:
        return _("Handed in and waiting for review. Withdraw it to go on filling in.")
    if part == "T" and submission.state == Return.State.ACCEPTED:
        return _("Accepted by the county. A wrong figure is put right by an unlock.")
    return ""


# --- Saving cells -----------------------------------------------------------------------------


@transaction.atomic
def save_cells(submission: Return, edits: Sequence[CellEdit], *, by: User, now: datetime) -> SaveOutcome:
    """Store what was typed, cell by cell, as far as each cell still holds what the edit was based on.

    Conflicts and refused texts come back, everything else is saved; a cell that already
    holds the wanted value counts as saved, so a repeated request does no harm. Values first
    given after the deadline are marked late. One bulk write and one audit event for each
    touched village. Raises PermissionDenied, ValidationError "locked", "too_many_edits".
    """
    if len(edits) > MAX_EDITS:
        raise ValidationError(_("At most %(most)d cells at once.") % {"most": MAX_EDITS}, "too_many_edits")
    locked = _locked(submission, by)
    rules = rules_of_return(locked)
    writer = _Writer(locked, rules, _writable_specs(locked, rules, edits, now), edits, by, now)
    for edit in edits:
        writer.apply(edit)
    writer.write()
    return writer.outcome


def _locked(submission: Return, by: User) -> Any:
    """The row with the rights of the user, held until the end of the transaction."""
    rows = Return.objects.select_for_update(of=("self",)).select_related("period")
    return with_rights(rows, by).get(pk=submission.pk)


def _writable_specs(locked: Any, rules: SchemeRules, edits: Sequence[CellEdit], now: datetime) -> dict[str, CellSpec]:
    """The cells this user may fill in now. Raises where the edits ask for none of them."""
    parts = parts_for(locked)
    if not parts:
        raise PermissionDenied(_("Figures are entered by the township, scores by the county office."))
    unlock = None
    if locked.state == Return.State.RETURNED or locked.period.state != Period.State.OPEN:
        unlock = open_unlock(locked)
    codes = {edit.code for edit in edits}
    specs: dict[str, CellSpec] = {}
    for part in parts:
        reason = lock_reason(locked, part, now=now, unlock=unlock)
        offered = specs_of(rules, part)
        if not reason:
            specs.update(offered)
        elif codes & offered.keys():
            raise ValidationError(reason, "locked")
    return specs


class _Writer:
    """Applies edits to the rows of one return, then writes rows and audit events at once."""

    def __init__(
        self,
        submission: Return,
        rules: SchemeRules,
        specs: Mapping[str, CellSpec],
        edits: Sequence[CellEdit],
        by: User,
        now: datetime,
    ) -> None:
        self.specs, self.by, self.now = specs, by, now
        self.township_codes = specs_of(rules, "T").keys()
        self.is_late = now > submission.period.submit_by
        self.outcome = SaveOutcome()
        self.changes: dict[int, dict[str, list[Any]]] = defaultdict(dict)
        self.clashes: list[tuple[VillageMonth, str]] = []
        villages = {edit.village_id for edit in edits}
        rows = VillageMonth.objects.select_for_update(of=("self",)).filter(submission=submission, village__in=villages)
        self.rows = {row.village_id: row for row in rows}

    def apply(self, edit: CellEdit) -> None:
        """Change the row in memory, or note why not."""
        row, spec = self.rows.get(edit.village_id), self.specs.get(edit.code)
        if row is None or spec is None:
            self._refuse(edit, "cell_unknown", _("This cell is not yours to fill in. Load the page again."))
            return
        current = row.values.get(edit.code)
        try:
            wanted = self._marked_late(_value_of(edit, spec), spec, current)
            note = None if edit.note is None else cells.note(edit.note)
        except RefusedError as error:
            self._refuse(edit, error.problem.code, error.problem.message)
            return
        if current != wanted and current != edit.base:
            self.clashes.append((row, edit.code))
            return
        self._set(row, edit.code, current, wanted)
        self._set_note(row, edit.code, note)
        self.outcome.saved.append(SavedCell(row.village_id, edit.code, wanted, row.notes.get(edit.code, "")))

    def _refuse(self, edit: CellEdit, problem: str, message: str) -> None:
        self.outcome.problems.append(RefusedCell(edit.village_id, edit.code, problem, message))

    def _marked_late(self, value: cells.Value, spec: CellSpec, current: Stored) -> Stored:
        """A township's value that was not there at the deadline is late; a correction of one that was is not."""
        was_late = cells.Value.from_stored(current).state in (State.NOT_YET, State.LATE)
        if self.is_late and was_late and value.state == State.GIVEN and spec.code in self.township_codes:
            return cells.Value(State.LATE, value.scaled).stored()
        return value.stored()

    def _set(self, row: VillageMonth, code: str, before: Stored, after: Stored) -> None:
        if before == after:
            return
        if after is None:
            row.values.pop(code, None)
        else:
            row.values[code] = after
        self._changed(row, code, code, before, after)

    def _set_note(self, row: VillageMonth, code: str, note: str | None) -> None:
        before = row.notes.get(code, "")
        if note is None or note == before:
            return
        if note:
            row.notes[code] = note
        else:
            row.notes.pop(code, None)
        self._changed(row, code, NOTE + code, before, note)

    def _changed(self, row: VillageMonth, code: str, name: str, before: Any, after: Any) -> None:
        """One entry of the audit event; a cell edited twice in one request tells its first and last value."""
        first = self.changes[row.village_id].setdefault(name, [before, after])
        first[1] = after
        remark = row.remarks.get(code)
        if remark and remark["verdict"] == "returned":
            remark["answered"] = self.now.isoformat()

    def write(self) -> None:
        touched = [self.rows[village_id] for village_id in self.changes]
        if touched:
            _update(touched, self.by, self.now)
            audit.record_many(
                {
                    "event": SAVE_EVENT,
                    "actor": self.by,
                    "target": row,
                    "unit": row,
                    "changes": self.changes[row.village_id],
                }
                for row in touched
            )
        self.outcome.conflicts += _conflicts(self.clashes)


def _update(rows: Sequence[VillageMonth], by: User, now: datetime) -> None:
    """Write the changed cells of these rows in one statement; `bulk_update` took half of the whole save."""
    table, quote = VillageMonth._meta.db_table, connection.ops.quote_name
    kind = "jsonb" if connection.vendor == "postgresql" else "text"
    names = ("values", "notes", "remarks")
    assigned = ", ".join(
        f"{quote(name)} = CAST(new.column{place} AS {kind})" for place, name in enumerate(names, start=2)
    )
    places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
    lines: list[list[Any]] = [
        [row.pk, *(json.dumps(getattr(row, name), ensure_ascii=False) for name in names)] for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(table)} AS old SET {assigned}, version = version + 1, updated_at = %s, updated_by_id = %s"
            f" FROM (VALUES {places}) AS new WHERE old.id = CAST(new.column1 AS bigint)",
            [connection.ops.adapt_datetimefield_value(now), by.pk, *(value for line in lines for value in line)],
        )


def _value_of(edit: CellEdit, spec: CellSpec) -> cells.Value:
    """What the edit asks for. Raises RefusedError."""
    if edit.state == State.NOT_APPLICABLE:
        return cells.not_applicable(spec)
    if edit.state == State.EXEMPT:
        return cells.exempt(edit.reason)
    if edit.value is None:
        return NOT_YET
    return cells.parse(str(edit.value), spec)


def _conflicts(clashes: Sequence[tuple[VillageMonth, str]]) -> list[Conflict]:
    """Who changed these cells and when, from the audit trail. One query, none without a clash."""
    if not clashes:
        return []
    events = AuditEvent.objects.filter(
        event=SAVE_EVENT,
        target_type=VillageMonth._meta.label_lower,
        target_id__in={str(row.pk) for row, _code in clashes},
    )
    latest: dict[tuple[str, str], tuple[str, datetime | None]] = {}
    for target_id, changes, name, at in events.order_by("pk").values_list("target_id", "changes", "actor__name", "at"):
        for code in changes:
            latest[target_id, code] = (name, at)
    found = []
    for row, code in clashes:
        who, since = latest.get((str(row.pk), code), ("", None))
        stored = row.values.get(code)
        found.append(Conflict(row.village_id, code, stored, text_of(cells.Value.from_stored(stored)), who, since))
    return found


# --- Handing in ---------------------------------------------------------------------------------


class NotCompleteError(ValidationError):
    """Raised when a return cannot be handed in yet; `findings` names each cell and what it needs."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(
            _("%(count)d cells still need something before this can be handed in.") % {"count": len(findings)},
            "incomplete",
        )
        self.findings = findings


@transaction.atomic
def submit_return(submission: Return, *, by: User, now: datetime) -> Return:
    """Hand the month in for review; from now on its figures are locked for the township.

    Locks the row; a return that is handed in already comes back as it is, so a double click
    hands in once. The working days between deadline and first submission are kept with it
    (handbook 4, N2). Raises PermissionDenied, ValidationError "locked", NotCompleteError.
    """
    locked = _locked(submission, by)
    if not locked.may_submit:
        raise PermissionDenied(_("A month is handed in by the secretary or organization member of the township."))
    if locked.state == Return.State.SUBMITTED:
        return locked
    reason = lock_reason(locked, "T", now=now, unlock=open_unlock(locked))
    if reason:
        raise ValidationError(reason, "locked")
    findings = load_table(locked).findings()
    if findings:
        raise NotCompleteError(findings)
    before = locked.state
    _mark_submitted(locked, by, now)
    audit.record(
        "assessments.submit_return",
        actor=by,
        target=locked,
        unit=locked,
        changes={"state": [before, locked.state], "late_days": locked.late_days},
    )
    return locked


def _mark_submitted(locked: Return, by: User, now: datetime) -> None:
    if locked.first_submitted_at is None:
        locked.first_submitted_at = now
        locked.late_days = days_late(locked.period, now)
    locked.state = Return.State.SUBMITTED
    locked.submission_count += 1
    locked.submitted_at, locked.submitted_by = now, by
    locked.version += 1
    locked.save(
        update_fields=[
            "first_submitted_at", "late_days", "state", "submission_count", "submitted_at", "submitted_by", "version"
        ]
    )  # fmt: skip


def days_late(period: Period, at: datetime) -> int:
    """Working days of the county between the deadline and `at`: the days after the day of the deadline, 0 in time."""
    if at <= period.submit_by:
        return 0
    first, last = timezone.localdate(period.submit_by), timezone.localdate(at)
    return working_days_between(first, last, workday_exceptions(period.path, first, last))


@transaction.atomic
def withdraw_return(submission: Return, *, by: User, now: datetime) -> Return:
    """Take back what was handed in, as long as no reviewer has opened it, to go on filling in.

    A return that is back already comes as it is. Withdrawing the first submission takes its
    date back too: late is counted from the one that stays. Raises PermissionDenied,
    ValidationError "under_review", "locked".
    """
    locked = _locked(submission, by)
    if not locked.may_submit:
        raise PermissionDenied(_("A month is withdrawn by the secretary or organization member of the township."))
    if locked.state in OPEN_STATES:
        return locked
    if locked.state == Return.State.ACCEPTED or is_opened(locked):
        raise ValidationError(
            _("The county has begun the review. Ask the reviewer to return the cells you want to correct."),
            "under_review",
        )
    if locked.period.state != Period.State.OPEN and open_unlock(locked) is None:
        raise ValidationError(_("This month is closed for entry."), "locked")
    _mark_withdrawn(locked)
    audit.record(
        "assessments.withdraw_return",
        actor=by,
        target=locked,
        unit=locked,
        changes={"state": [Return.State.SUBMITTED, locked.state]},
    )
    return locked


def _mark_withdrawn(locked: Return) -> None:
    locked.submission_count -= 1
    if locked.submission_count == 0:
        locked.first_submitted_at, locked.late_days = None, 0
    locked.state = Return.State.RETURNED if locked.returned_at else Return.State.DRAFT
    locked.submitted_at = locked.submitted_by = None
    locked.version += 1
    locked.save(
        update_fields=[
            "first_submitted_at", "late_days", "state", "submission_count", "submitted_at", "submitted_by", "version"
        ]
    )  # fmt: skip


# --- Against last month ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A column of the township now and last month, in 1/10 000; sums, or None where a sum says nothing."""

    code: str
    label: str
    unit: str
    now: int | None
    before: int | None
    changed: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cell that stands out, with the reason the township gave."""

    village_id: int
    village: str
    code: str
    label: str
    text: str
    problem: str
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    differences: list[Difference]
    explanations: list[Explanation]


def difference(submission: Return) -> Comparison:
    """What changed against last month, column by column, and the unusual cells with their reasons."""
    return compare(load_table(submission))


def compare(table: EntryTable) -> Comparison:
    return Comparison(
        differences=[_difference(table, spec) for spec in table.columns()],
        explanations=[
            Explanation(
                row.record.village_id,
                row.village,
                spec.code,
                table.title(spec.code),
                cells.measured(row.values[spec.code].scaled or 0, spec),
                problem.message,
                note,
            )
            for row, spec, problem, note in table.explained()
        ],
    )


def _difference(table: EntryTable, spec: CellSpec) -> Difference:
    now = [row.values.get(spec.code, NOT_YET) for row in table.rows]
    before = [row.last.get(spec.code, NOT_YET) for row in table.rows]
    is_summed = spec.kind in cells.UNUSUAL_LEAST
    changed = sum(
        new.scaled is not None and old.scaled is not None and new.scaled != old.scaled
        for new, old in zip(now, before, strict=True)
    )
    return Difference(
        spec.code,
        table.title(spec.code),
        cells.unit_of(spec),
        cells.total(now) if is_summed else None,
        cells.total(before) if is_summed and any(value.scaled is not None for value in before) else None,
        changed,
    )


# --- Who changed what -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellChange:
    """One line of a return's history."""

    at: datetime
    who: str
    village: str
    label: str
    before: str
    after: str


HISTORY_EVENTS = 100


def history(submission: Return) -> list[CellChange]:
    """The latest changes of the cells of a return, newest first. Who may see the return may see them."""
    rows = dict(VillageMonth.objects.filter(submission=submission).order_by("path").values_list("pk", "village__name"))
    rules = rules_of_return(submission)
    labels = {spec.code: title_of(rules, spec) for spec in (*rules.cells("T"), *rules.cells("C"))}
    events = AuditEvent.objects.filter(
        event=SAVE_EVENT, target_type=VillageMonth._meta.label_lower, target_id__in=[str(pk) for pk in rows]
    ).select_related("actor")
    lines = []
    for event in events.order_by("-pk")[:HISTORY_EVENTS]:
        village = rows[int(event.target_id)]
        who = event.actor.name if event.actor else ""
        for name, (before, after) in event.changes.items():
            code = name.removeprefix(NOTE)
            label = labels.get(code, code)
            if name != code:
                label = _("%(label)s, reason") % {"label": label}
            lines.append(CellChange(event.at, who, village, label, _words(before), _words(after)))
    return lines


def _words(stored: Any) -> str:
    """A stored value or reason for reading; a dash for nothing."""
    if isinstance(stored, str):
        return stored or "—"
    value = cells.Value.from_stored(stored)
    if value.state == State.EXEMPT:
        return _("exempt: %(reason)s") % {"reason": value.reason}
    if value.state == State.NOT_APPLICABLE:
        return _("not applicable")
    return text_of(value) or "—"
