"""Writing very many rows in one go: COPY on PostgreSQL, executemany on SQLite.

Runs inside the caller's transaction. Values arrive ready for the database (integers,
text, None; JSON as text), so nothing is converted a second time on the way.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Model

BATCH = 5000

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Insert `rows` (values in the order of the database `columns`) and return how many there were."""
    iterator = iter(rows)
    written = 0
    while batch := list(islice(iterator, BATCH)):
        if connection.vendor == "postgresql":
            _copy(model._meta.db_table, columns, batch)
        else:
            _execute_many(model._meta.db_table, columns, batch)
        written += len(batch)
    return written


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    buffer = io.StringIO()
    for row in rows:
        buffer.write("\t".join(map(_field, row)))
        buffer.write("\n")
    buffer.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {connection.ops.quote_name(table)} ({names}) FROM STDIN", buffer)


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return str(value)


def _execute_many(table: str, columns: Sequence[str], rows: list[Sequence[Any]]) -> None:
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {connection.ops.quote_name(table)} ({names}) VALUES ({marks})", rows)
