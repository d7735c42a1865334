"""The way of a file through the portal: uploaded, checked, repaired, applied once, undone within days.

    batch = upload("cadres", "花名册.xlsx", raw, by=user)      # a job reads and checks it
    answer_cells(batch, [("Sheet1", 9, "身份证号")], "…", by=user)
    confirm(batch, by=user)                                   # a job applies it
    undo(batch, by=user)                                      # a job puts back what stood before

Every step that a user asks for changes the batch and asks for a job in one transaction.
Rule: docs/import.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit
from accounts.jobs import LIVE, JobRun, enqueue, handler
from accounts.models import Job
from accounts.roles import roles_with
from imports import limits
from imports.applying import apply_answer, take_back
from imports.choices import CellPlace, Choices, HandTable, RowPlace
from imports.glimpse import Glimpse
from imports.models import ColumnMapping, ImportBatch, ImportChange, ImportWorkbook
from imports.old_numbers import converted_numbers
from imports.preview import check_batch, fingerprint_of, forget_rows, read_batch_file, store_preview
from imports.reading import Worksheet
from imports.refusals import FileRefused
from imports.sheets import path_of_uploader, sheet_called
from imports.tables import HEADER_WITHIN, column_letters, heading_key, headings_above
from imports.writing import RecordChanged

if TYPE_CHECKING:
    from accounts.models import User

UNDO_DAYS = 7
TRIES = 3
"""Of applying, when others write the same records at the same time."""
CHECK, APPLY, UNDO = "imports.check_batch", "imports.apply_batch", "imports.undo_batch"


# --- What users ask for -------------------------------------------------------------------


@transaction.atomic
def upload(sheet_name: str, name: str, raw: bytes, *, by: User) -> ImportBatch:
    """Keeps the file and asks for its reading.

    ValidationError: no such sheet, too large, too many files of this user under way.
    PermissionDenied without the right to write such rows anywhere.
    """
    sheet = sheet_called(sheet_name)
    path = path_of_uploader(by, sheet)
    if len(raw) > limits.FILE_BYTES:
        raise ValidationError(_("The file is larger than 20 MB. Split it, or delete what is not needed."), "too_large")
    waiting = Job.objects.filter(kind__in=(CHECK, APPLY, UNDO), requested_by=by, state__in=LIVE).count()
    if waiting >= limits.JOBS_WAITING:
        raise ValidationError(_("Three of your files are still under way. Wait until one is done."), "too_many")
    batch = ImportBatch(
        sheet=sheet.name,
        file_name=name[-200:],
        file_size=len(raw),
        file_digest=hashlib.sha256(raw).hexdigest(),
        path=path,
        uploaded_by=by,
    )
    batch.keep_file(raw)
    batch.save()
    audit.record(
        "imports.add_importbatch",
        actor=by,
        target=batch,
        unit=path,
        changes={"sheet": sheet.name, "file_digest": batch.file_digest},
    )
    _ask_for(CHECK, batch, by)
    return batch


@transaction.atomic
def answer_columns(batch: ImportBatch, columns: Mapping[str, str], *, by: User) -> None:
    """What headings mean: heading -> field, "" for a column to leave out. Remembered for the place of the batch."""
    batch = taken(batch, by, ImportBatch.State.CHECKED, ImportBatch.State.FAILED)
    sheet = sheet_called(batch.sheet)
    unknown = set(columns.values()) - set(sheet.by_field) - {""}
    if unknown:
        raise ValidationError(
            _("There is no column %(name)s on this roster."), "unknown_column", {"name": unknown.pop()}
        )
    said = {heading_key(heading): name for heading, name in columns.items()}
    choices = Choices.from_json(batch.choices)
    choices.columns |= said
    _remember(batch, said)
    _answered(batch, choices, by)


@transaction.atomic
def answer_tables(batch: ImportBatch, tables: Mapping[str, HandTable], *, by: User) -> None:
    """How to read worksheets in which no row of headings was found. Headings and columns are remembered for the place.

    ValidationError: "unknown_column", "no_subject" without the column that makes a row a record,
    "nothing" when no worksheet is named, or one whose columns are known.
    """
    batch = taken(batch, by, ImportBatch.State.CHECKED, ImportBatch.State.FAILED)
    sheet, tops = sheet_called(batch.sheet), Glimpse.from_json(batch.glimpse).tops
    if not tables or tables.keys() - tops.keys():
        raise ValidationError(_("Say which column is what in at least one worksheet."), "nothing")
    for table in tables.values():
        if set(table.fields.values()) - set(sheet.by_field):
            raise ValidationError(_("There is no such column on this roster."), "unknown_column")
        if sheet.subject not in table.fields.values():
            raise ValidationError(
                _("Say which column is “%(name)s”."), "no_subject", {"name": sheet.by_field[sheet.subject].headings[0]}
            )
        if not 1 <= table.first_row <= HEADER_WITHIN:
            raise ValidationError(_("Say on which row the data starts."), "no_first_row")
    choices = Choices.from_json(batch.choices)
    choices.tables = dict(tables)
    for name, table in tables.items():
        said = headings_above(tops[name][: table.first_row - 1], table)
        _remember(
            batch,
            {
                heading_key(said[column]) if column in said else letters_key(column): field_name
                for column, field_name in table.fields.items()
            },
        )
    _answered(batch, choices, by)


def letters_key(column: int) -> str:
    """How a column without a heading is remembered. No heading of a file begins so."""
    return f"[{column_letters(column)}]"


def _remember(batch: ImportBatch, said: Mapping[str, str]) -> None:
    """Heading key -> field, for the place of the batch."""
    ColumnMapping.objects.bulk_create(
        [
            ColumnMapping(path=batch.path, sheet=batch.sheet, heading=key[:200], field=name)
            for key, name in said.items()
        ],
        update_conflicts=True,
        unique_fields=["path", "sheet", "heading"],
        update_fields=["field"],
    )


@transaction.atomic
def answer_cells(
    batch: ImportBatch,
    cells: Mapping[CellPlace, str],
    *,
    by: User,
    left_out: Mapping[RowPlace, bool] | None = None,
    new_places: Mapping[RowPlace, bool] | None = None,
    converts_old_numbers: bool = False,
) -> None:
    """What cells should say; "" for a cell to count as empty. The file is checked again.

    `left_out`: whether a row stays out. `new_places`: whether the place that a row names is to be
    made where there is none; the check asks whether the user may.
    """
    batch = taken(batch, by, ImportBatch.State.CHECKED)
    choices = Choices.from_json(batch.choices)
    choices.cells |= dict(cells)
    choices.left_out = _with_ticks(choices.left_out, left_out or {})
    choices.new_places = _with_ticks(choices.new_places, new_places or {})
    choices.converts_old_numbers = converts_old_numbers
    _answered(batch, choices, by)


def _with_ticks(places: set[RowPlace], ticks: Mapping[RowPlace, bool]) -> set[RowPlace]:
    return (places - ticks.keys()) | {place for place, is_ticked in ticks.items() if is_ticked}


@transaction.atomic
def note_left(batch: ImportBatch, left: Mapping[str, date], *, by: User) -> None:
    """Replaces the noted records that have ended, with their last days. They are checked at confirming."""
    batch = taken(batch, by, ImportBatch.State.CHECKED)
    choices = Choices.from_json(batch.choices)
    choices.left = dict(left)
    batch.choices = choices.as_json()
    batch.save(update_fields=["choices"])


@transaction.atomic
def confirm(
    batch: ImportBatch, *, by: User, is_all_or_nothing: bool = False, left: Mapping[str, date] | None = None
) -> None:
    """Asks for what the preview shows to be written, once.

    ValidationError: nothing to write, faulty rows when all or nothing was chosen, a check still
    running, a last day in the future.
    """
    batch = taken(batch, by, ImportBatch.State.CHECKED)
    given = dict(left or {})
    rows = batch.rows.values_list("outcome", "target")
    outcomes = [outcome for outcome, _target in rows]
    if is_all_or_nothing and "faulty" in outcomes:
        raise ValidationError(_("Some rows are faulty. Mend them, or let the others in without them."), "faulty")
    if given.keys() - {target for outcome, target in rows if outcome == "missing"}:
        raise ValidationError(_("The list of those who left has changed. Look at it again."), "left_changed")
    if any(day > timezone.localdate() for day in given.values()):
        raise ValidationError(_("The last day in post cannot lie in the future."), "left_in_future")
    if not given and not {"new", "changed"} & set(outcomes):
        raise ValidationError(_("There is nothing to write: no row is new or changed."), "nothing")
    choices = Choices.from_json(batch.choices)
    choices.left, choices.is_all_or_nothing = given, is_all_or_nothing
    batch.choices = choices.as_json()
    batch.state = ImportBatch.State.CONFIRMED
    batch.is_stale = False
    batch.save(update_fields=["choices", "state", "is_stale"])
    _ask_for(APPLY, batch, by)


@transaction.atomic
def undo(batch: ImportBatch, *, by: User) -> None:
    """Asks for everything the batch wrote to be put back. ValidationError after the days of undoing."""
    batch = locked_batch(batch)
    must_write(by, batch)
    was_cut_off = batch.state == ImportBatch.State.UNDOING and not is_under_way(batch)
    if batch.state != ImportBatch.State.APPLIED and not was_cut_off:
        raise ValidationError(_("Only an import that was applied can be undone."), "not_applied")
    if not is_within_days_of_undoing(batch):
        raise ValidationError(
            _("An import can be undone for %(days)s days. Correct the records themselves."),
            "too_late",
            {"days": UNDO_DAYS},
        )
    batch.state = ImportBatch.State.UNDOING
    batch.save(update_fields=["state"])
    _ask_for(UNDO, batch, by)


@transaction.atomic
def give_up(batch: ImportBatch, *, by: User) -> None:
    """The user does not want this file. Nothing was written; the file is forgotten at once."""
    batch = taken(batch, by, ImportBatch.State.UPLOADED, ImportBatch.State.CHECKED, ImportBatch.State.FAILED)
    batch.state = ImportBatch.State.CANCELLED
    batch.sealed_file, batch.choices, batch.glimpse = None, None, None
    batch.save(update_fields=["state", "sealed_file", "choices", "glimpse"])
    ImportWorkbook.objects.filter(batch=batch).delete()
    forget_rows(batch)
    audit.record("imports.cancel_importbatch", actor=by, target=batch, unit=batch.path)


def can_be_undone(batch: ImportBatch) -> bool:
    """Asked when no job is at work on it: one whose undoing was cut off for good can be asked for again."""
    states = (ImportBatch.State.APPLIED, ImportBatch.State.UNDOING)
    return batch.state in states and is_within_days_of_undoing(batch)


def is_within_days_of_undoing(batch: ImportBatch) -> bool:
    return batch.applied_at is not None and timezone.now() <= batch.applied_at + timedelta(days=UNDO_DAYS)


def is_under_way(batch: ImportBatch) -> bool:
    """Whether a job works on it, or waits to."""
    return batch.job_id is not None and Job.objects.filter(pk=batch.job_id, state__in=LIVE).exists()


def locked_batch(batch: ImportBatch) -> ImportBatch:
    """As it stands now, held until the transaction ends."""
    return ImportBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)


def taken(batch: ImportBatch, by: User, *states: str) -> ImportBatch:
    """The batch, locked, in one of the states, no job at work on it, asked for by who uploaded it.

    One whose applying was cut off for good counts as checked again: nothing of it was written.
    """
    locked = locked_batch(batch)
    must_write(by, locked)
    if locked.uploaded_by_id != by.pk:
        raise PermissionDenied
    is_stuck = locked.state == ImportBatch.State.CONFIRMED and ImportBatch.State.CHECKED in states
    if is_under_way(locked):
        raise ValidationError(_("The portal is still at work on this file. Wait a moment."), "under_way")
    if locked.state not in states and not is_stuck:
        raise ValidationError(_("This import is past that point. Open it again to see where it stands."), "past")
    return locked


def must_write(user: User, batch: ImportBatch) -> None:
    """PermissionDenied unless the user may write such rows where the import lies."""
    granting = roles_with(sheet_called(batch.sheet).permission)
    if not any(role in granting and batch.path.startswith(path) for role, path in audit.roles_of(user)):
        raise PermissionDenied


def _answered(batch: ImportBatch, choices: Choices, by: User) -> None:
    batch.choices = choices.as_json()
    batch.state = ImportBatch.State.UPLOADED if batch.state == ImportBatch.State.FAILED else batch.state
    batch.save(update_fields=["choices", "state"])
    _ask_for(CHECK, batch, by)


def _ask_for(kind: str, batch: ImportBatch, by: User) -> None:
    """A job for this step. The version in its key keeps a repeated step apart from a former one."""
    ImportBatch.objects.filter(pk=batch.pk).update(version=F("version") + 1)
    batch.version += 1
    batch.job = enqueue(kind, {"batch_id": batch.pk}, by=by, key=f"{batch.pk}.{batch.version}", scope=batch.path)
    batch.save(update_fields=["job"])


# --- What jobs do -------------------------------------------------------------------------


@handler(CHECK, label=gettext_noop("Check a roster"))
def check_uploaded(run: JobRun, *, batch_id: int) -> Mapping[str, Any] | None:
    """Reads the file and stores what the preview shows. Harmless to repeat."""
    batch = ImportBatch.objects.select_related("uploaded_by").get(pk=batch_id)
    if batch.state not in (ImportBatch.State.UPLOADED, ImportBatch.State.CHECKED):
        return {}
    run.progress(0, 3, gettext_noop("Reading the file"))
    read = read_batch_file(batch)
    run.progress(1, 3, gettext_noop("Checking rows"))
    answer = check_batch(batch, read, remembered_columns(batch))
    choices = Choices.from_json(batch.choices)
    if choices.converts_old_numbers:
        choices.cells |= converted_numbers(answer)
        choices.converts_old_numbers = False
        batch.choices = choices.as_json()
        answer = check_batch(batch, read, remembered_columns(batch))
    run.progress(2, 3, gettext_noop("Preparing the preview"))
    with transaction.atomic():
        locked = locked_batch(batch)
        locked.choices = batch.choices
        locked.save(update_fields=["choices"])
        store_preview(locked, answer, read)
        run.finish_in_transaction({"batch": batch_id})
    return None


@handler(APPLY, label=gettext_noop("Apply a roster"))
def apply_batch(run: JobRun, *, batch_id: int) -> Mapping[str, Any] | None:
    """Writes what the preview showed, in one transaction with the state of the batch, the audit trail and the job.

    When the records have changed so that other things would be written than were seen, nothing
    is written and the new preview waits to be confirmed.
    """
    batch = ImportBatch.objects.select_related("uploaded_by").get(pk=batch_id)
    if batch.state != ImportBatch.State.CONFIRMED:
        return {}
    must_write(batch.uploaded_by, batch)
    run.progress(0, 3, gettext_noop("Reading the file"))
    read = read_batch_file(batch)
    run.progress(1, 3, gettext_noop("Checking rows"))
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                _apply(run, batch, read)
        except RecordChanged:
            if attempt == TRIES:
                raise
        else:
            break
    return None


def _apply(run: JobRun, batch: ImportBatch, read: list[Worksheet] | FileRefused) -> None:
    locked = locked_batch(batch)
    answer = check_batch(batch, read, remembered_columns(batch))
    if fingerprint_of(answer) != locked.fingerprint:
        locked.state = ImportBatch.State.CHECKED
        locked.is_stale = True
        store_preview(locked, answer, read)
    else:
        run.progress(2, 3, gettext_noop("Writing"))
        apply_answer(locked, answer, Choices.from_json(locked.choices))
        _note(locked, "imports.apply_importbatch", run.by)
    run.finish_in_transaction({"batch": batch.pk})


@handler(UNDO, label=gettext_noop("Undo an import"))
def undo_batch(run: JobRun, *, batch_id: int) -> Mapping[str, Any] | None:
    """Puts back what stood before, in one transaction. Rows that others changed since stay, and are listed."""
    run.progress(0, 1, gettext_noop("Putting back"))
    try:
        with transaction.atomic():
            batch = locked_batch(ImportBatch(pk=batch_id))
            if batch.state != ImportBatch.State.UNDOING:
                return {}
            if run.by is not None:
                must_write(run.by, batch)
            take_back(batch, run.by)
            _note(batch, "imports.undo_importbatch", run.by)
            run.finish_in_transaction({"batch": batch_id})
    except (ValidationError, PermissionDenied):
        # It stays applied, and can be undone when what stands in the way is gone.
        ImportBatch.objects.filter(pk=batch_id, state=ImportBatch.State.UNDOING).update(state=ImportBatch.State.APPLIED)
        raise
    return None


def _note(batch: ImportBatch, event: str, by: User | None) -> None:
    counts = {name: batch.answer.get(name) for name in ("rows", "new", "changed", "unchanged", "faulty", "left_out")}
    audit.record(event, actor=by, target=batch, unit=batch.path, changes={"sheet": batch.sheet, **counts})


def remembered_columns(batch: ImportBatch) -> dict[str, str]:
    """Heading key -> field, as the users of this place last said."""
    rows: Iterable[tuple[str, str]] = ColumnMapping.objects.filter(path=batch.path, sheet=batch.sheet).values_list(
        "heading", "field"
    )
    return dict(rows)


# --- Forgetting ---------------------------------------------------------------------------


def forget_old_files(now: datetime) -> int:
    """Takes the file, the answers and the values for undoing out of imports that cannot be undone any longer.

    Files nobody applied go after the same time. Gives the number of imports.
    """
    limit = now - timedelta(days=UNDO_DAYS)
    is_over = Q(applied_at__lt=limit) | Q(applied_at__isnull=True, uploaded_at__lt=limit)
    keys = list(ImportBatch.objects.filter(is_over, sealed_file__isnull=False).values_list("pk", flat=True)[:500])
    old = ImportBatch.objects.filter(pk__in=keys)
    with transaction.atomic():
        ImportChange.objects.filter(batch__in=keys).delete()
        ImportWorkbook.objects.filter(batch__in=keys).delete()
        old.filter(applied_at__isnull=True).update(state=ImportBatch.State.CANCELLED)
        old.update(sealed_file=None, choices=None, glimpse=None)
    return len(keys)
