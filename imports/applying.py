"""Writes a checked roster and takes it back. Everything here runs inside the transaction of its caller."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import insert_rows, uids_for_database, update_models
from imports.checking import Answer
from imports.choices import Choices
from imports.collector import collector_at_rest
from imports.models import ImportBatch, ImportChange, ImportRow
from imports.sheets import Missing, Row, sheet_called
from imports.writing import Writer, Written, by_dependence, field_called, version_of, worth_telling

if TYPE_CHECKING:
    from accounts.models import User

AT_ONCE = 10_000
"""Keys in one condition."""
NOT_OF_THE_FILE = (ImportRow.Outcome.MISSING, ImportRow.Outcome.LEFT_OUT)
"""Stored behind the rows that the answer has."""


@collector_at_rest()
def apply_answer(batch: ImportBatch, answer: Answer, choices: Choices) -> None:
    """Writes the good rows and what ended, keeps what stood before, tells the audit trail. Raises RecordChanged."""
    sheet = sheet_called(batch.sheet)
    keys = batch.rows.exclude(outcome__in=NOT_OF_THE_FILE).order_by("position").values_list("pk", flat=True)
    for row, key in zip(answer.rows, keys, strict=True):
        row.key = key
    good = [row for row in answer.rows if not row.is_faulty and row.outcome in ("new", "changed")]
    left = [(each, choices.left[each.key]) for each in answer.missing_records if each.key in choices.left]
    keeper = _Keeper(batch, {each.key for each, _day in left})
    writer = Writer(keep=keeper.keep, by=batch.uploaded_by)
    sheet.write(good, left, writer)
    writer.flush()
    _tell_results(batch, good, keeper)
    answer.let_go()
    batch.state = ImportBatch.State.APPLIED
    batch.applied_at = timezone.now()
    batch.save(update_fields=["state", "applied_at"])


class _Keeper:
    """Keeps what was written for undoing, and tells the audit trail."""

    columns = ("uid", "batch_id", "row_id", "model", "object_id", "before", "version_after")

    def __init__(self, batch: ImportBatch, left: set[str]) -> None:
        self.batch = batch
        missing = batch.rows.filter(outcome="missing").values_list("target", "pk") if left else ()
        self.left = {target: pk for target, pk in missing if target in left}
        """Key of a record that the file leaves out and that has ended -> its stored row."""
        self.rows: set[int] = set()
        """That something was written for."""

    def keep(self, written: Sequence[Written]) -> None:
        uids = uids_for_database(len(written))
        insert_rows(ImportChange, self.columns, map(self._change, written, uids))
        self.rows.update(map(self._row_of, written))
        audit.record_many(_entry("import", self.batch, each, self.batch.uploaded_by) for each in worth_telling(written))

    def _row_of(self, each: Written) -> int:
        return self.left[each.source.key] if isinstance(each.source, Missing) else each.source.key

    def _change(self, each: Written, uid: str) -> tuple[Any, ...]:
        before = each.before_as_json()
        sealed = None
        if before is not None:
            change = ImportChange(uid=uuid.UUID(uid))
            sealed = change.sealed(before)
        return (
            uid,
            self.batch.pk,
            self._row_of(each),
            each.record._meta.label_lower,
            each.record.pk,
            sealed,
            version_of(each.record),
        )


def _tell_results(batch: ImportBatch, good: Sequence[Row], keeper: _Keeper) -> None:
    """Rows of which nothing was written are few: whoever is on record where the user may not write."""
    batch.rows.filter(outcome__in=("new", "changed")).update(result=ImportRow.Result.WRITTEN)
    batch.rows.filter(outcome="faulty").update(result=ImportRow.Result.LEFT_OUT)
    ended = [key for key in keeper.left.values() if key in keeper.rows]
    left_out = [row.key for row in good if row.key not in keeper.rows]
    for keys, result in ((ended, ImportRow.Result.WRITTEN), (left_out, ImportRow.Result.LEFT_OUT)):
        for start in range(0, len(keys), AT_ONCE):
            batch.rows.filter(pk__in=keys[start : start + AT_ONCE]).update(result=result)


def _entry(verb: str, batch: ImportBatch, written: Written, by: User | None) -> audit.Entry:
    meta = written.record._meta
    return audit.Entry(
        event=f"{meta.app_label}.{verb}_{meta.model_name}",
        actor=by,
        target=written.record,
        unit=written.path,
        changes={"import": batch.pk, **written.changes()},
    )


# --- Undoing ------------------------------------------------------------------------------


def take_back(batch: ImportBatch, by: User | None) -> None:
    """Puts back what stood before each change, newest first, and takes out what was new.

    A row of which somebody else has changed a record since, or on which another record rests
    now, stays as it is and is marked. ValidationError when the former state cannot stand again.
    """
    changes = list(batch.changes.order_by("-pk"))
    records = _locked_records(changes)
    kept_rows = {change.row_id for change in changes if not _is_untouched(change, records)}
    kept_rows = _rows_others_rest_on(changes, kept_rows)
    to_undo = [change for change in changes if change.row_id not in kept_rows]
    try:
        with transaction.atomic():
            _restore([change for change in to_undo if change.before is not None], records)
            new = [change for change in to_undo if change.before is None]
            _take_out(new)
            sheet_called(batch.sheet).taken_out([records[(change.model, change.object_id)] for change in new])
    except IntegrityError as error:
        raise ValidationError(
            _("Records made since then stand in the way of the former ones. Correct the records themselves."),
            "in_the_way",
        ) from error
    _carry_on(batch, [change for change in to_undo if change.before is not None], records)
    audit.record_many(_undone(batch, change, records, by) for change in to_undo)
    batch.rows.filter(pk__in=kept_rows).update(result=ImportRow.Result.NOT_UNDONE)
    batch.rows.filter(result=ImportRow.Result.WRITTEN).update(result=ImportRow.Result.UNDONE)
    batch.state = ImportBatch.State.UNDONE
    batch.undone_at = timezone.now()
    batch.save(update_fields=["state", "undone_at"])


RecordKey = tuple[str, int]
Records = dict[RecordKey, Model]


def _locked_records(changes: list[ImportChange]) -> Records:
    keys: dict[str, list[int]] = defaultdict(list)
    for change in changes:
        keys[change.model].append(change.object_id)
    return {
        (label, record.pk): record
        for label, numbers in keys.items()
        for start in range(0, len(numbers), AT_ONCE)
        for record in apps.get_model(label)
        ._base_manager.select_for_update()
        .filter(pk__in=sorted(numbers)[start : start + AT_ONCE])
        .order_by("pk")
    }


def _is_untouched(change: ImportChange, records: Records) -> bool:
    record: Any = records.get((change.model, change.object_id))
    return record is not None and version_of(record) == change.version_after


def _rows_others_rest_on(changes: list[ImportChange], kept_rows: set[int]) -> set[int]:
    """Rows with a new record to which something refers that stays: taking the record out would tear that."""
    created = {(change.model, change.object_id): change.row_id for change in changes if change.before is None}
    references = [(row, created.get(referring)) for row, referring in _references(created)]
    kept = set(kept_rows)
    while True:
        more = {row for row, of_row in references if row not in kept and (of_row is None or of_row in kept)}
        if not more:
            return kept
        kept |= more


def _references(created: Mapping[RecordKey, int]) -> Iterator[tuple[int, RecordKey]]:
    """(row of a new record, record that refers to it). One query for each kind of reference and batch of keys."""
    for label in {label for label, _key in created}:
        keys = sorted(key for named, key in created if named == label)
        for relation in apps.get_model(label)._meta.get_fields(include_hidden=True):
            if not (relation.one_to_many or relation.one_to_one) or not relation.auto_created or relation.concrete:
                continue
            name: str = relation.field.attname  # type: ignore[union-attr]
            other: type[Model] = relation.related_model  # type: ignore[assignment]
            for start in range(0, len(keys), AT_ONCE):
                found = other._base_manager.filter(**{f"{name}__in": keys[start : start + AT_ONCE]})
                for referring, key in found.values_list("pk", name):
                    yield created[(label, key)], (other._meta.label_lower, referring)


def _restore(changes: list[ImportChange], records: Records) -> None:
    changed: dict[str, list[Model]] = defaultdict(list)
    names: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        record: Any = records[(change.model, change.object_id)]
        for name, value in json.loads(change.before or "{}").items():
            setattr(record, name, field_called(type(record), name).to_python(value))
            names[change.model].add(name)
        record.version += 1
        changed[change.model].append(record)
    for label, rows in changed.items():
        update_models(rows, sorted({*names[label], "version"}))


def _carry_on(batch: ImportBatch, undone: list[ImportChange], records: Records) -> None:
    """A record is now what the import before this one made of it, so that one can be undone in its turn."""
    now = {
        (change.model, change.object_id, change.version_after - 1): version_of(
            records[(change.model, change.object_id)]
        )
        for change in undone
    }
    keys = sorted({change.object_id for change in undone})
    earlier: list[ImportChange] = []
    for start in range(0, len(keys), AT_ONCE):
        found = ImportChange.objects.filter(object_id__in=keys[start : start + AT_ONCE]).exclude(batch=batch)
        earlier += found.only("model", "object_id", "version_after")
    carried = [each for each in earlier if (each.model, each.object_id, each.version_after) in now]
    for each in carried:
        each.version_after = now[(each.model, each.object_id, each.version_after)]
    update_models(carried, ["version_after"])


def _take_out(changes: list[ImportChange]) -> None:
    """Those that refer to others first: posts before the people who hold them."""
    keys: dict[type[Model], list[int]] = defaultdict(list)
    for change in changes:
        keys[apps.get_model(change.model)].append(change.object_id)
    for model in reversed(by_dependence(keys)):
        for start in range(0, len(keys[model]), AT_ONCE):
            rows = model._base_manager.filter(pk__in=keys[model][start : start + AT_ONCE])
            rows._raw_delete(rows.db)


def _undone(batch: ImportBatch, change: ImportChange, records: Records, by: User | None) -> audit.Entry:
    record: Any = records[(change.model, change.object_id)]
    names = sorted(json.loads(change.before)) if change.before is not None else []
    return audit.Entry(
        event=f"{record._meta.app_label}.restore_{record._meta.model_name}",
        actor=by,
        target=record,
        unit=batch.path,
        changes={"import": batch.pk, "fields": names},
    )
