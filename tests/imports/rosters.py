"""Rosters brought in by a test as a user would: uploaded, checked, answered, applied, undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.models import Model

from accounts import jobs
from accounts.models import Job, User
from imports import batches
from imports.models import ImportBatch
from tests.imports.files import write_xlsx

TABLES = (
    "cadres.Person",
    "cadres.Posting",
    "cadres.ReserveCadre",
    "cadres.ReserveStep",
    "cadres.Training",
    "cadres.Attendance",
    "branches.Village",
    "branches.Branch",
    "collective_economy.LedgerEntry",
    "collective_economy.LedgerMonth",
)


def bring(sheet: str, path: Path, by: User) -> ImportBatch:
    """Uploaded and checked."""
    batch = batches.upload(sheet, path.name, path.read_bytes(), by=by)
    return worked(batch)


def bring_rows(tmp_path: Path, sheet: str, rows: Sequence[Sequence[object]], by: User) -> ImportBatch:
    return bring(sheet, write_xlsx(tmp_path / "名册.xlsx", rows), by)


def applied(batch: ImportBatch, by: User, **how: Any) -> ImportBatch:
    batches.confirm(batch, by=by, **how)
    return worked(batch)


def undone(batch: ImportBatch, by: User) -> ImportBatch:
    batches.undo(batch, by=by)
    return worked(batch)


def worked(batch: ImportBatch) -> ImportBatch:
    """After the waiting job of the batch has run."""
    batch.refresh_from_db()
    assert batch.job_id is not None
    assert jobs.run(batch.job_id)
    job = Job.objects.get(pk=batch.job_id)
    assert job.state == Job.State.SUCCEEDED, job.message
    batch.refresh_from_db()
    return batch


def outcomes(batch: ImportBatch) -> dict[str, int]:
    return {
        name: batch.answer[name] for name in ("new", "changed", "unchanged", "faulty", "missing") if batch.answer[name]
    }


def everything_stored() -> dict[str, list[dict[str, Any]]]:
    """Every field but the versions of every table that rosters write to."""
    return {label: [_values(row) for row in apps.get_model(label)._base_manager.order_by("pk")] for label in TABLES}


def _values(row: Model) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.attname != "version"
    }
