"""Sealed values under the key that encrypts now: `manage.py rotate_field_key` (docs/operating.md).

With a new key put first in FIELD_KEY and the old one behind it, every value opens, and only new ones
are sealed with the new key. This seals the old ones anew, batch by batch; once it is through, the old key can go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from accounts import audit, codes
from accounts.encryption import (
    EncryptedTextField,
    Sealed,
    SealedValueDamaged,
    is_current,
    seal_bytes,
    unseal_bytes,
)
from accounts.models import User

BATCH = 500
FILES_AT_ONCE = 10
"""Rows with a file that are held at a time."""


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed text, and the place to which a row's value is bound."""

    model: type[models.Model]
    field: str
    context_of: Callable[[Any], str]
    is_file: bool = False
    """Kept as bytes and not as text."""

    @property
    def label(self) -> str:
        return f"{self.model._meta.label_lower}.{self.field}"


@dataclass
class Count:
    """What was found in a column: `sealed` in all, `renewed` now, `damaged` that open with no key."""

    label: str
    sealed: int = 0
    renewed: int = 0
    damaged: int = 0


_FILES: list[SealedColumn] = []


def register_files(model: type[models.Model], field: str, context_of: Callable[[Any], str]) -> None:
    """A column of sealed files that are kept for good, from `ready()`. Files soon forgotten need none."""
    column = SealedColumn(model, field, context_of, is_file=True)
    if column not in _FILES:
        _FILES.append(column)


def sealed_columns() -> list[SealedColumn]:
    """Every encrypted field of the product, the seeds of code apps, and files that are kept for good."""
    found = [
        SealedColumn(model, field.attname, field.context_of)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    return [*found, SealedColumn(User, "code_secret", lambda user: codes.context_of(user.pk)), *_FILES]


def rotate() -> list[Count]:
    """Seals anew what the present key has not sealed. Killed half-way it goes on where it was; twice does nothing."""
    counts = [_rotate(column) for column in sealed_columns()]
    renewed = {count.label: count.renewed for count in counts if count.renewed}
    if renewed:
        with transaction.atomic():
            audit.record("accounts.rotate_field_key", actor=None, changes=renewed)
    return counts


def _rotate(column: SealedColumn) -> Count:
    count = Count(column.label)
    for rows in _batches(column):
        renewed: list[tuple[str, Any, str]] = []
        for row in rows:
            stored = _stored(row, column)
            if not stored:
                continue
            count.sealed += 1
            try:
                fresh = _resealed(stored, column.context_of(row))
            except SealedValueDamaged:
                count.damaged += 1
                continue
            if fresh:
                renewed.append((fresh, row.pk, stored))
        _write(column, renewed)
        count.renewed += len(renewed)
    return count


def _batches(column: SealedColumn) -> Iterator[list[Any]]:
    last = 0
    rows = column.model._base_manager.order_by("pk")
    size = FILES_AT_ONCE if column.is_file else BATCH
    while batch := list(rows.filter(pk__gt=last)[:size]):
        yield batch
        last = batch[-1].pk


def _stored(row: models.Model, column: SealedColumn) -> str:
    value = row.__dict__[column.field]
    if column.is_file:
        return base64.b64encode(bytes(value or b"")).decode()
    return value.stored if isinstance(value, Sealed) else value or ""


def _resealed(stored: str, context: str) -> str:
    """Empty where the present key sealed it. Raises SealedValueDamaged."""
    try:
        sealed = base64.b64decode(stored, validate=True)
    except binascii.Error as error:
        raise SealedValueDamaged(context) from error
    plain = unseal_bytes(sealed, context)
    return "" if is_current(sealed) else base64.b64encode(seal_bytes(plain, context)).decode()


def _write(column: SealedColumn, renewed: list[tuple[str, Any, str]]) -> None:
    """Only where the row still holds what was read: somebody may have saved it meanwhile."""
    quote = connection.ops.quote_name
    meta: Any = column.model._meta
    name, key = quote(meta.get_field(column.field).column), quote(meta.pk.column)
    statement = f"UPDATE {quote(meta.db_table)} SET {name} = %s WHERE {key} = %s AND {name} = %s"
    values: list[tuple[Any, Any, Any]] = list(renewed)
    if column.is_file:
        values = [(base64.b64decode(fresh), pk, base64.b64decode(stored)) for fresh, pk, stored in renewed]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, values)
