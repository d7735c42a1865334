"""Writes the rows of a roster in bulk, and keeps what stood there before, so that it can be undone.

A sheet says what should stand where; the writer finds out what that changes, writes it with
a fixed number of queries whatever the number of rows, and gives back one `Written` for each
record, from which audit events and undoing are made.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from accounts.audit import HIDDEN
from accounts.bulk import insert_models, update_models
from accounts.encryption import EncryptedTextField

if TYPE_CHECKING:
    from accounts.models import User
    from imports.sheets import Missing, Row

LOCKED_AT_ONCE = 10_000
"""Keys in one condition."""


class RecordChanged(Exception):
    """Somebody else changed a record after it was read for this import. Nothing was written."""


@dataclass
class Written:
    """One record written. `before` is None for a new one, else the fields that changed, as they stood."""

    source: Row | Missing
    """The row of the file that asked for it, or the record that the file leaves out."""
    record: Model
    path: str
    """Of the unit it belongs to."""
    before: dict[str, Any] | None = None
    is_told: bool = False
    """The audit trail has its event already."""

    def changes(self) -> dict[str, Any]:
        """For the audit trail: field -> [before, after], sealed values without what they say; nothing for a new one."""
        return {
            name: HIDDEN
            if is_secret(self.record, name)
            else [stored(self.record, name, value), _now(self.record, name)]
            for name, value in (self.before or {}).items()
        }

    def before_as_json(self) -> str | None:
        """What undoing puts back; sealed values in clear, so the text itself must be sealed."""
        if self.before is None:
            return None
        values = {name: stored(self.record, name, value) for name, value in self.before.items()}
        return json.dumps(values, ensure_ascii=False, cls=DjangoJSONEncoder)


@dataclass
class Writer:
    """Collects what rows want, in the order in which records depend on each other: people before their posts."""

    by: User | None = None
    """Whose roster it is, for the services of other records."""
    written: list[Written] = field(default_factory=list)
    _created: dict[type[Model], list[Written]] = field(default_factory=lambda: defaultdict(list))
    _changed: dict[Model, Written] = field(default_factory=dict)
    _names: dict[type[Model], set[str]] = field(default_factory=lambda: defaultdict(set))

    def create(self, source: Row | Missing, record: Model, path: str) -> None:
        written = Written(source, record, path)
        self._created[type(record)].append(written)
        self.written.append(written)

    def note_made(self, source: Row | Missing, record: Model, path: str) -> None:
        """A record that a service made for the row, with its own event: undoing takes it out again."""
        self.written.append(Written(source, record, path, is_told=True))

    def change(self, source: Row | Missing, record: Model, values: Mapping[str, Any], path: str) -> None:
        """Sets the values that differ, by attribute name (unit_id for a relation).

        A record may be changed by several calls and is written once.
        """
        different = {name: value for name, value in values.items() if getattr(record, name) != value}
        if not different:
            return
        written = self._changed.get(record)
        if written is None:
            written = self._changed[record] = Written(source, record, path, {})
            self.written.append(written)
        before = written.before if written.before is not None else {}
        for name, value in different.items():
            before.setdefault(name, getattr(record, name))
            setattr(record, name, value)
            self._names[type(record)].add(name)

    def worth_telling(self) -> Iterator[Written]:
        """One for each event of the trail: a new record that came with another new one of its row is told by that."""
        new = {id(each.record): id(each.source) for each in self.written if each.before is None}
        for each in self.written:
            came_with_another = each.before is None and any(
                new.get(id(related)) == id(each.source) for related in _related(each.record)
            )
            if not each.is_told and not came_with_another:
                yield each

    def flush(self) -> None:
        """Writes everything into the caller's transaction. Raises RecordChanged."""
        by_model: dict[type[Model], list[Model]] = defaultdict(list)
        for record in self._changed:
            by_model[type(record)].append(record)
        for model, records in by_model.items():
            check_versions(model, {record.pk: record.version for record in records})  # type: ignore[attr-defined]
            for record in records:
                record.version += 1  # type: ignore[attr-defined]
            update_models(records, sorted({*self._names[model], "version"}))
        for model in by_dependence(self._created):
            records = [written.record for written in self._created[model]]
            for record in records:
                _take_keys_of_relations(record)
            insert_models(records)


def by_dependence(models: Iterable[type[Model]]) -> list[type[Model]]:
    """The models so that each stands behind those it refers to: people before their posts."""
    left = list(models)
    ordered: list[type[Model]] = []
    while left:
        free = [model for model in left if not _refers_to(model, [other for other in left if other is not model])]
        ordered += free
        left = [model for model in left if model not in free]
        if not free:
            raise ValueError("These models refer to each other in a circle.")
    return ordered


def _refers_to(model: type[Model], others: list[type[Model]]) -> bool:
    return any(each.related_model in others for each in model._meta.concrete_fields if each.is_relation)


def check_versions(model: type[Model], versions: Mapping[int, int]) -> None:
    """Locks the records. Raises RecordChanged when one is not of the version named, or gone."""
    keys = sorted(versions)
    stored: dict[int, int] = {}
    for start in range(0, len(keys), LOCKED_AT_ONCE):
        rows = model._base_manager.select_for_update().filter(pk__in=keys[start : start + LOCKED_AT_ONCE])
        stored |= dict(rows.order_by("pk").values_list("pk", "version"))
    if any(stored.get(key) != version for key, version in versions.items()):
        raise RecordChanged


def version_of(record: Model) -> int:
    """Of records that are never changed it is always 1."""
    return getattr(record, "version", 1)


def _take_keys_of_relations(record: Model) -> None:
    """A related record that was new itself has its key only now."""
    for name, related in record._state.fields_cache.items():
        if related is not None:
            # Not by setattr, which would forget the related record.
            record.__dict__[f"{name}_id"] = related.pk


def _related(record: Model) -> Iterable[Any]:
    return record._state.fields_cache.values()


def is_secret(record: Model, name: str) -> bool:
    """Sealed fields, and the index that finds them."""
    names = {f"{sealed.removesuffix('_number')}_index" for sealed in _sealed(record)}
    return name in _sealed(record) or name in names


def _sealed(record: Model) -> list[str]:
    return [each.name for each in record._meta.concrete_fields if isinstance(each, EncryptedTextField)]


def stored(record: Model, name: str, value: Any) -> Any:
    """The value of a field as plain data: dates with unknown parts as their text."""
    if is_secret(record, name):
        return value
    return field_called(type(record), name).get_prep_value(value)


def _now(record: Model, name: str) -> Any:
    return stored(record, name, getattr(record, name))


def field_called(model: type[Model], name: str) -> Any:
    """By its name in Python, which for a relation ends in _id."""
    return next(each for each in model._meta.concrete_fields if each.attname == name)
