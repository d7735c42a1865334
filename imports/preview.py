"""What a check found, stored so that pages can show it and applying can tell whether it still holds."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.audit import plain
from accounts.bulk import insert_models
from imports.checking import Answer, check_worksheets
from imports.choices import Choices
from imports.glimpse import glimpse_of
from imports.models import ImportBatch, ImportRow
from imports.problems import Problem
from imports.reading import Worksheet, read_worksheets
from imports.refusals import FileRefused
from imports.sheets import Missing, Row, sheet_called


def worksheets_of(batch: ImportBatch) -> list[Worksheet]:
    """The batch's file, read in a child process. Raises FileRefused."""
    with tempfile.NamedTemporaryFile(prefix="roster-") as copy:
        copy.write(batch.file())
        copy.flush()
        return read_worksheets(Path(copy.name), batch.file_name)


def read_batch_file(batch: ImportBatch) -> list[Worksheet] | FileRefused:
    try:
        return worksheets_of(batch)
    except FileRefused as refused:
        return refused


def check_batch(batch: ImportBatch, read: list[Worksheet] | FileRefused, remembered: Mapping[str, str]) -> Answer:
    """What was read, checked for the uploader with what was answered."""
    if isinstance(read, FileRefused):
        return Answer(batch.sheet, batch.file_name, refused=read)
    choices = Choices.from_json(batch.choices)
    choices.columns = {**remembered, **choices.columns}
    return check_worksheets(
        sheet_called(batch.sheet),
        read,
        user=batch.uploaded_by,
        today=timezone.localdate(),
        name=batch.file_name,
        choices=choices,
    )


def fingerprint_of(answer: Answer) -> str:
    """Of everything that decides what is written: outcomes, differences, faults, and whom the file leaves out."""
    told = [
        [
            row.worksheet,
            row.number,
            "faulty" if row.is_faulty else row.outcome,
            [[each.field, each.stored, each.new] for each in row.differences],
        ]
        for row in answer.rows
    ]
    missing = sorted(each.key for each in answer.missing_records)
    return hashlib.sha256(json.dumps([told, missing], ensure_ascii=True).encode()).hexdigest()


def store_preview(batch: ImportBatch, answer: Answer, read: list[Worksheet] | FileRefused) -> None:
    """Replaces the stored rows of the batch and what pages show of the file. Into the caller's transaction."""
    forget_rows(batch)
    told = answer.as_json()
    del told["problems"]
    batch.answer = plain({**told, "labels": {row.worksheet: row.columns for row in answer.rows}})
    batch.fingerprint = fingerprint_of(answer)
    batch.state = ImportBatch.State.FAILED if answer.refused else ImportBatch.State.CHECKED
    worksheets = [] if isinstance(read, FileRefused) else read
    batch.glimpse = glimpse_of(worksheets, answer, sheet_called(batch.sheet)).as_json()
    batch.save(update_fields=["answer", "glimpse", "fingerprint", "state", "is_stale"])
    rows = [row_of(batch, position, row) for position, row in enumerate(answer.rows)]
    rows += [_missing_row(batch, len(rows) + at, each) for at, each in enumerate(answer.missing_records)]
    rows += [_left_out_row(batch, len(rows) + at, row) for at, row in enumerate(answer.left_out)]
    insert_models(rows)


def forget_rows(batch: ImportBatch) -> None:
    """Of a batch that was not applied, so that nothing refers to its rows."""
    rows = batch.rows.all()
    rows._raw_delete(rows.db)


def row_of(batch: ImportBatch, position: int, row: Row) -> ImportRow:
    return ImportRow(
        batch=batch,
        position=position,
        worksheet=row.worksheet[:100],
        number=row.number,
        outcome="faulty" if row.is_faulty else row.outcome,
        has_warnings=any(not problem.is_error for problem in row.problems),
        cells=row.typed,
        problems=plain([[each.row, each.column, each.code, each.suggestion] for each in row.problems]),
        differences=plain([[each.field, each.stored, each.new] for each in row.differences]),
    )


def _missing_row(batch: ImportBatch, position: int, missing: Missing) -> ImportRow:
    return ImportRow(batch=batch, position=position, outcome="missing", cells=dict(missing.cells), target=missing.key)


def _left_out_row(batch: ImportBatch, position: int, row: Row) -> ImportRow:
    """Without its problems, which are nobody's concern any more."""
    kept = row_of(batch, position, row)
    kept.outcome, kept.has_warnings, kept.problems = ImportRow.Outcome.LEFT_OUT, False, []
    return kept


def problems_of(row: ImportRow) -> list[Problem]:
    return [
        Problem(row.worksheet, number, column, code, suggestion) for number, column, code, suggestion in row.problems
    ]


def answer_with_problems(batch: ImportBatch) -> dict[str, Any]:
    """The answer of import.md section 3 from what is stored."""
    rows = batch.rows.exclude(problems=[]).exclude(outcome="missing").order_by("position")
    problems = [problem.as_json() for row in rows for problem in problems_of(row)]
    told = {key: value for key, value in batch.answer.items() if key != "labels"}
    return {**told, "problems": problems, "applied": batch.state == ImportBatch.State.APPLIED}
