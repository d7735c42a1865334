"""Notes who of those the file leaves out has left, before the import is confirmed: pages show them in portions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction

from imports.batches import _taken
from imports.choices import Choices
from imports.models import ImportBatch

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def note_left(batch: ImportBatch, left: Mapping[str, date], *, by: User) -> None:
    """Replaces the noted keys and last days. What they say is checked when the import is confirmed."""
    batch = _taken(batch, by, ImportBatch.State.CHECKED)
    choices = Choices.from_json(batch.choices)
    choices.left = dict(left)
    batch.choices = choices.as_json()
    batch.save(update_fields=["choices"])
