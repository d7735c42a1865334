"""The workbook that comes back is made by a job: it reads the whole file again, which no request waits for.

workbook = ask_for_workbook(batch, by=user)     # a job makes it
raw = fetch_workbook(batch, by=user)            # for the uploader, noted in the trail
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit
from accounts.jobs import LIVE, JobRun, enqueue, handler
from imports.batches import is_under_way, locked_batch, must_write
from imports.models import KEPT, ImportBatch, ImportWorkbook
from imports.problems import sentence_of_refusal
from imports.refusals import FileRefused
from imports.workbooks import problem_workbook, result_workbook

if TYPE_CHECKING:
    from accounts.models import User

MAKE = "imports.make_workbook"
State = ImportBatch.State


def shows_results(batch: ImportBatch) -> bool:
    """Whether its workbook tells what became of the rows; before that it tells what is wrong with them."""
    return batch.state in (State.APPLIED, State.UNDONE)


def workbook_of(batch: ImportBatch) -> ImportWorkbook | None:
    """The one that was asked for at the present step of the import, made or not."""
    found = ImportWorkbook.objects.select_related("job").defer("sealed_file")
    return found.filter(batch=batch.pk, of_version=batch.version).first()


def is_made(workbook: ImportWorkbook) -> bool:
    return ImportWorkbook.objects.filter(pk=workbook.pk, sealed_file__isnull=False).exists()


@transaction.atomic
def ask_for_workbook(batch: ImportBatch, *, by: User) -> ImportWorkbook:
    """Has it made, unless it is there or being made. ValidationError "past" where there is none to make."""
    batch = locked_batch(batch)
    _must_be_theirs(batch, by)
    has_workbook = batch.sealed_file is not None and (shows_results(batch) or batch.state == State.CHECKED)
    if not has_workbook or is_under_way(batch):
        raise ValidationError(_("This import is past that point. Open it again to see where it stands."), "past")
    workbook = ImportWorkbook.objects.filter(batch=batch, of_version=batch.version).select_related("job").first()
    if workbook is not None and (workbook.sealed_file is not None or (workbook.job and workbook.job.state in LIVE)):
        return workbook
    ImportWorkbook.objects.filter(batch=batch).delete()
    job = enqueue(MAKE, {"batch_id": batch.pk}, by=by, key=f"{batch.pk}.{batch.version}", scope=batch.path)
    return ImportWorkbook.objects.create(batch=batch, of_version=batch.version, asked_at=timezone.now(), job=job)


@handler(MAKE, label=gettext_noop("Make the workbook of an import"))
def make_workbook(run: JobRun, *, batch_id: int) -> Mapping[str, Any] | None:
    """Reads the file, writes and seals the workbook. Harmless to repeat; an import that has gone on leaves it out."""
    batch = ImportBatch.objects.select_related("uploaded_by").get(pk=batch_id)
    if batch.sealed_file is None or not ImportWorkbook.objects.filter(batch=batch, of_version=batch.version).exists():
        return {}
    must_write(batch.uploaded_by, batch)
    run.progress(0, 2, gettext_noop("Writing the workbook"))
    try:
        raw = result_workbook(batch) if shows_results(batch) else problem_workbook(batch)
    except FileRefused as error:
        raise ValidationError(sentence_of_refusal(error.code, error.found)) from error
    run.progress(1, 2, gettext_noop("Sealing the file"))
    with transaction.atomic():
        workbook = ImportWorkbook.objects.select_for_update().filter(batch=batch, of_version=batch.version).first()
        if workbook is not None:
            workbook.keep_file(raw)
            workbook.save(update_fields=["sealed_file"])
        run.finish_in_transaction({"batch": batch_id})
    return None


@transaction.atomic
def fetch_workbook(batch: ImportBatch, *, by: User) -> bytes:
    """For the uploader, who may still write such rows there. ValidationError "not_made" when it is not there."""
    _must_be_theirs(batch, by)
    found = ImportWorkbook.objects.filter(batch=batch.pk, of_version=batch.version, sealed_file__isnull=False)
    workbook = found.select_related("batch").first()
    if workbook is None:
        raise ValidationError(_("The workbook is not there any more. Have it made again."), "not_made")
    raw = workbook.file()
    changes = {"sheet": batch.sheet, "rows": batch.answer.get("rows"), "bytes": len(raw)}
    audit.record("imports.export_importbatch", actor=by, target=batch, unit=batch.path, changes=changes)
    return raw


def _must_be_theirs(batch: ImportBatch, user: User) -> None:
    must_write(user, batch)
    if batch.uploaded_by_id != user.pk:
        raise PermissionDenied


def forget_old_workbooks(now: datetime) -> int:
    """They can be made again as long as the file is kept. Gives their number."""
    return ImportWorkbook.objects.filter(asked_at__lt=now - KEPT).delete()[0]
