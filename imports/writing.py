"""Writes the rows of a roster in bulk, and keeps what stood there before, so that it can be undone.

A sheet says what should stand where; the writer finds out what that changes, writes it with
a fixed number of queries whatever the number of rows, and gives back one `Written` for each
record, from which audit events and undoing are made.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from accounts.audit import HIDDEN
from accounts.bulk import Draft, insert_drafts, insert_models, update_models
from accounts.encryption import EncryptedTextField

if TYPE_CHECKING:
    from accounts.models import User
    from imports.sheets import Missing, Row

LOCKED_AT_ONCE = 10_000
"""Keys in one condition."""
PORTION = 20_000
"""New records that are written at once."""


class RecordChanged(Exception):
    """Somebody else changed a record after it was read for this import. Nothing was written."""


Record = Model | Draft


@dataclass(slots=True, eq=False)
class Written:
    """One record written. `before` is None for a new one, else the fields that changed, as they stood."""

    source: Row | Missing
    """The row of the file that asked for it, or the record that the file leaves out."""
    record: Any
    """A `Record`; one that was there before is a model's instance."""
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
    """Collects what rows want and writes it: people before their posts, new records in portions, changes at the end."""

    keep: Callable[[Sequence[Written]], None]
    """Takes over what was written: for undoing, for the audit trail."""
    by: User | None = None
    """Whose roster it is, for the services of other records."""
    _pending: list[Written] = field(default_factory=list)
    _created: int = 0
    """New records among the pending ones."""
    _changed: dict[Model, Written] = field(default_factory=dict)
    _names: dict[type[Model], set[str]] = field(default_factory=lambda: defaultdict(set))

    def create(self, source: Row | Missing, record: Record, path: str) -> None:
        if self._created >= PORTION and self._pending[-1].source is not source:
            self._flush_created()
        self._created += 1
        self._pending.append(Written(source, record, path))

    def note_made(self, source: Row | Missing, record: Model, path: str) -> None:
        """A record that a service made for the row, with its own event: undoing takes it out again."""
        self._pending.append(Written(source, record, path, is_told=True))

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
            self._pending.append(written)
        before = written.before if written.before is not None else {}
        for name, value in different.items():
            before.setdefault(name, getattr(record, name))
            setattr(record, name, value)
            self._names[type(record)].add(name)

    def flush(self) -> None:
        """Writes everything that is left into the caller's transaction. Raises RecordChanged."""
        by_model: dict[type[Model], list[Model]] = defaultdict(list)
        for record in self._changed:
            by_model[type(record)].append(record)
        for model, records in by_model.items():
            check_versions(model, {record.pk: record.version for record in records})  # type: ignore[attr-defined]
            for record in records:
                record.version += 1  # type: ignore[attr-defined]
            update_models(records, sorted({*self._names[model], "version"}))
        _insert(self._pending)
        self.keep(self._pending)
        self._pending, self._created, self._changed = [], 0, {}

    def _flush_created(self) -> None:
        """What is new, so that it is not held longer; changes wait, since a record may be changed again."""
        new = [each for each in self._pending if each.before is None]
        _insert(new)
        self.keep(new)
        self._pending = [each for each in self._pending if each.before is not None]
        self._created = 0


def _insert(written: Iterable[Written]) -> None:
    created: dict[type[Model], list[Record]] = defaultdict(list)
    for each in written:
        if each.before is None and not each.is_told:
            created[each.record.model if isinstance(each.record, Draft) else type(each.record)].append(each.record)
    for model in by_dependence(created):
        drafts = [record for record in created[model] if isinstance(record, Draft)]
        instances = [record for record in created[model] if not isinstance(record, Draft)]
        for instance in instances:
            _take_keys_of_relations(instance)
        insert_drafts(drafts)
        insert_models(instances)


def worth_telling(written: Sequence[Written]) -> Iterator[Written]:
    """One for each event of the trail: a new record that came with another new one of its row is told by that."""
    new = {id(each.record): id(each.source) for each in written if each.before is None}
    for each in written:
        came_with_another = each.before is None and any(
            new.get(id(related)) == id(each.source) for related in _related(each.record)
        )
        if not each.is_told and not came_with_another:
            yield each


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


def version_of(record: Record) -> int:
    """Of new records, and of those that are never changed, it is always 1."""
    return 1 if isinstance(record, Draft) else getattr(record, "version", 1)


def _take_keys_of_relations(record: Model) -> None:
    """A related record that was new itself has its key only now."""
    for name, related in record._state.fields_cache.items():
        if related is not None:
            # Not by setattr, which would forget the related record.
            record.__dict__[f"{name}_id"] = related.pk


def _related(record: Record) -> Iterable[Any]:
    if isinstance(record, Draft):
        return [value for value in record.values.values() if isinstance(value, Draft)]
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
