"""What a check found, stored so that pages can show it and applying can tell whether it still holds."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.audit import plain
from accounts.bulk import insert_rows, reserve_keys
from imports.checking import Answer, check_worksheets
from imports.choices import Choices
from imports.collector import collector_at_rest
from imports.glimpse import glimpse_of
from imports.models import ImportBatch, ImportRow
from imports.problems import Problem
from imports.reading import Worksheet, read_worksheets
from imports.refusals import FileRefused
from imports.sheets import Missing, Row, sheet_called

PORTION = 10_000
"""Rows that are written at once."""


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
    digest = hashlib.sha256(b"[[")
    for at, row in enumerate(answer.rows):
        told = [
            row.worksheet,
            row.number,
            "faulty" if row.is_faulty else row.outcome,
            [[each.field, each.stored, each.new] for each in row.differences],
        ]
        digest.update((b", " if at else b"") + json.dumps(told, ensure_ascii=True).encode())
    missing = sorted(each.key for each in answer.missing_records)
    digest.update(b"], " + json.dumps(missing, ensure_ascii=True).encode() + b"]")
    return digest.hexdigest()


@collector_at_rest()
def store_preview(batch: ImportBatch, answer: Answer, read: list[Worksheet] | FileRefused) -> None:
    """Replaces the stored rows of the batch and what pages show of the file. Into the caller's transaction."""
    forget_rows(batch)
    batch.answer = plain({**answer.without_problems(), "labels": {row.worksheet: row.columns for row in answer.rows}})
    batch.fingerprint = fingerprint_of(answer)
    batch.state = ImportBatch.State.FAILED if answer.refused else ImportBatch.State.CHECKED
    worksheets = [] if isinstance(read, FileRefused) else read
    batch.glimpse = glimpse_of(worksheets, answer, sheet_called(batch.sheet)).as_json()
    batch.save(update_fields=["answer", "glimpse", "fingerprint", "state", "is_stale"])
    stored = chain(
        map(_row, answer.rows), map(_missing_row, answer.missing_records), map(_left_out_row, answer.left_out)
    )
    number = len(answer.rows) + len(answer.missing_records) + len(answer.left_out)
    for start in range(0, number, PORTION):
        positions = range(start, min(start + PORTION, number))
        keys = reserve_keys(ImportRow, len(positions))
        # The keys first: `zip` then takes no row too many.
        insert_rows(
            ImportRow,
            COLUMNS,
            ((key, batch.pk, at, *row) for key, at, row in zip(keys, positions, stored, strict=False)),
        )
    answer.let_go()


def forget_rows(batch: ImportBatch) -> None:
    """Of a batch that was not applied, so that nothing refers to its rows."""
    rows = batch.rows.all()
    rows._raw_delete(rows.db)


COLUMNS = (
    "id",
    "batch_id",
    "position",
    "worksheet",
    "number",
    "outcome",
    "has_warnings",
    "cells",
    "problems",
    "differences",
    "target",
    "result",
)
"""Of a stored row, in the order of the values below."""
NONE = "[]"
as_json = json.JSONEncoder(ensure_ascii=False).encode


def _row(row: Row) -> tuple[Any, ...]:
    problems = [[each.row, each.column, each.code, each.suggestion] for each in row.problems]
    differences = [[each.field, each.stored, each.new] for each in row.differences]
    return (
        row.worksheet[:100],
        row.number,
        "faulty" if row.is_faulty else row.outcome,
        any(not problem.is_error for problem in row.problems),
        as_json(row.typed),
        as_json(plain(problems)) if problems else NONE,
        as_json(plain(differences)) if differences else NONE,
        "",
        "",
    )


def _missing_row(missing: Missing) -> tuple[Any, ...]:
    return ("", 0, "missing", False, as_json(dict(missing.cells)), NONE, NONE, missing.key, "")


def _left_out_row(row: Row) -> tuple[Any, ...]:
    """Without its problems, which are nobody's concern any more."""
    worksheet, number, _outcome, _has_warnings, cells, _problems, differences, *rest = _row(row)
    return (worksheet, number, ImportRow.Outcome.LEFT_OUT.value, False, cells, NONE, differences, *rest)


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
