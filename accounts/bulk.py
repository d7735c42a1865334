"""Writing very many rows in one go: COPY on PostgreSQL, executemany on SQLite.

Runs inside the caller's transaction. Values arrive ready for the database (integers,
text, None; JSON as text), so nothing is converted a second time on the way.
"""

from __future__ import annotations

import io
import json
import re
import secrets
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

from django.db import connection, models
from django.db.models import Max, Model

from accounts.encryption import EncryptedTextField, Sealed, seal

BATCH = 10_000
PLAIN = {
    models.AutoField,
    models.BigAutoField,
    models.BigIntegerField,
    models.BooleanField,
    models.CharField,
    models.IntegerField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.TextField,
}
"""Fields whose values are the same in Python and in both databases."""

KNOWN = 10_000
"""Different values of one field that are made ready once."""
VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
has_escapes = re.compile(r"[\\\t\n\r]").search
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Insert `rows` (values in the order of the database `columns`) and return how many there were."""
    iterator = iter(rows)
    written = 0
    write = _copy if connection.vendor == "postgresql" else _execute_many
    while number := write(model._meta.db_table, columns, islice(iterator, BATCH)):
        written += number
    return written


def insert_models(rows: Sequence[Model]) -> None:
    """Insert new rows of one model, their keys reserved and set first. `auto_now` and the like are not honoured."""
    if not rows:
        return
    model = type(rows[0])
    for row, key in zip(rows, reserve_keys(model, len(rows)), strict=True):
        row.pk = key
    fields: Any = model._meta.concrete_fields
    readers = [_reader(field, is_new=True) for field in fields]
    insert_rows(model, [field.column for field in fields], ([read(row) for read in readers] for row in rows))
    for row in rows:
        row._state.adding = False


@dataclass(slots=True, eq=False)
class Draft:
    """A new record before it is written, without the cost of an instance of its model.

    `values` by attribute name (unit_id for a relation, where another draft may stand that is
    written before this one). Fields not named take their defaults.
    """

    model: type[Model]
    values: dict[str, Any]
    pk: int | None = None

    @property
    def _meta(self) -> Any:
        return self.model._meta


def insert_drafts(drafts: Sequence[Draft]) -> None:
    """Insert new records of one model; each gets its key. `auto_now` and the like are not honoured."""
    if not drafts:
        return
    model = drafts[0].model
    for draft, key in zip(drafts, reserve_keys(model, len(drafts)), strict=True):
        draft.pk = key
    fields: Any = model._meta.concrete_fields
    sealed = [field for field in fields if isinstance(field, EncryptedTextField)]
    uids = new_uids(len(drafts)) if sealed else iter(())
    steps = {field.attname: (at, _preparer(field)) for at, field in enumerate(fields)}
    template, made_anew = _defaults(fields, steps)

    def values(draft: Draft) -> list[Any]:
        given = draft.values
        if sealed:
            given = {**given, "uid": given.get("uid") or next(uids)}
            for field in sealed:
                if given.get(field.attname) is not None:
                    given[field.attname] = Sealed(seal(given[field.attname], field.context_in(given["uid"])))
        row = template.copy()
        for name, value in given.items():
            at, prepare = steps[name]
            row[at] = prepare(value) if prepare else value
        for name, default in made_anew:
            if name not in given:
                at, prepare = steps[name]
                row[at] = prepare(default()) if prepare else default()
        row[key_at] = draft.pk
        return row

    key_at = steps[model._meta.pk.attname][0]  # type: ignore[union-attr]
    insert_rows(model, [field.column for field in fields], map(values, drafts))


Prepare = Callable[[Any], Any]


def _defaults(
    fields: Sequence[Any], steps: Mapping[str, tuple[int, Prepare | None]]
) -> tuple[list[Any], list[tuple[str, Callable[[], Any]]]]:
    """A row of defaults ready for the database, and those that are made anew for each row."""
    template: list[Any] = []
    made_anew: list[tuple[str, Callable[[], Any]]] = []
    for field in fields:
        if callable(field.default):
            made_anew.append((field.attname, field.get_default))
            template.append(None)
        else:
            prepare, value = steps[field.attname][1], field.get_default()
            template.append(prepare(value) if prepare else value)
    return template, made_anew


def _preparer(field: Any) -> Prepare | None:
    """What makes a value ready for the database, if anything has to. Equal values are made ready once."""
    if field.is_relation and type(field.target_field) in PLAIN:
        return lambda value: value.pk if isinstance(value, Draft) else value
    if type(field) in PLAIN:
        return None
    if isinstance(field, models.UUIDField):
        has_dashes = connection.features.has_native_uuid_field
        return lambda value: str(value) if has_dashes else str(value).replace("-", "")
    if isinstance(field, EncryptedTextField):
        return lambda value: value and value.stored
    known: dict[Any, Any] = {}

    def prepare(value: Any) -> Any:
        if value is None:
            return None
        try:
            return known[value]
        except (KeyError, TypeError):
            ready = _ready(field.get_db_prep_save(value, connection))
        if isinstance(value, Hashable) and len(known) < KNOWN:
            known[value] = ready
        return ready

    return prepare


def _ready(value: Any) -> Any:
    adapted = getattr(value, "adapted", value)
    return json.dumps(adapted, ensure_ascii=False) if isinstance(adapted, dict | list) else adapted


def new_uids(number: int) -> Iterator[str]:
    """Random UUIDs of version 4 in their usual spelling, which is several times faster than one by one."""
    digits = secrets.token_hex(16 * number)
    for at in range(0, 32 * number, 32):
        text = digits[at : at + 32]
        variant = VARIANTS[text[16]]
        yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def uids_for_database(number: int) -> Iterator[str]:
    has_dashes = connection.features.has_native_uuid_field
    return new_uids(number) if has_dashes else (uid.replace("-", "") for uid in new_uids(number))


def update_models(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Write the named attributes (unit_id for a relation) of stored rows of one model, each row once."""
    if not rows or not names:
        return
    model = type(rows[0])
    key: Any = model._meta.pk
    fields: Any = [field for field in model._meta.concrete_fields if field.attname in names]
    readers: list[Callable[[Model], Any]] = [*(_reader(field, is_new=False) for field in fields), attrgetter("pk")]
    values = [[read(row) for read in readers] for row in rows]
    table = connection.ops.quote_name(model._meta.db_table)
    columns = [connection.ops.quote_name(field.column) for field in fields]
    key_column = connection.ops.quote_name(key.column)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            assignments = ", ".join(f"{column} = %s" for column in columns)
            cursor.executemany(f"UPDATE {table} SET {assignments} WHERE {key_column} = %s", values)
            return
        listed = ", ".join([*columns, key_column])
        cursor.execute(f"CREATE TEMPORARY TABLE changed ON COMMIT DROP AS SELECT {listed} FROM {table} WHERE false")
        _copy_into(cursor, "changed", listed, values)
        assignments = ", ".join(f"{column} = changed.{column}" for column in columns)
        cursor.execute(
            f"UPDATE {table} SET {assignments} FROM changed WHERE {table}.{key_column} = changed.{key_column}"
        )
        cursor.execute("DROP TABLE changed")


def _reader(field: Any, *, is_new: bool) -> Callable[[Model], Any]:
    """What gives a field's value as the database keeps it. Plain values are taken as they are: that is most of them."""
    if type(field) in PLAIN and type(field).pre_save is models.Field.pre_save:
        return attrgetter(field.attname)

    def read(row: Model) -> Any:
        return _ready(field.get_db_prep_save(field.pre_save(row, is_new), connection))

    return read


def reserve_keys(model: type[Model], number: int) -> list[int]:
    """Keys that no other row has or gets. On SQLite inside a transaction that writes, which is the only one."""
    table, column = model._meta.db_table, model._meta.pk.column  # type: ignore[union-attr]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [connection.ops.quote_name(table), column, number],
            )
            return [key for (key,) in cursor.fetchall()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        given = cursor.fetchone()
    last = max(given[0] if given else 0, model._base_manager.aggregate(last=Max("pk"))["last"] or 0)
    return list(range(last + 1, last + 1 + number))


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    names = ", ".join(map(connection.ops.quote_name, columns))
    with connection.cursor() as cursor:
        return _copy_into(cursor, connection.ops.quote_name(table), names, rows)


def _copy_into(cursor: Any, table: str, names: str, rows: Iterable[Sequence[object]]) -> int:
    """The number of rows. They lie in memory as the bytes that are sent, and not as rows too."""
    buffer, number = io.BytesIO(), 0
    for row in rows:
        buffer.write(("\t".join(map(_field, row)) + "\n").encode())
        number += 1
    if number:
        buffer.seek(0)
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", buffer)
    return number


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if has_escapes(value) else value
    return str(value)


def _execute_many(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    values = list(rows)
    if values:
        names = ", ".join(connection.ops.quote_name(column) for column in columns)
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {connection.ops.quote_name(table)} ({names}) VALUES ({marks})", values)
    return len(values)
