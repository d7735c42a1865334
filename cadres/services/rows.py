"""Writing one row with its audit event, the same way for every service of this app."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts import audit
from branches.scoping import path_of
from branches.versions import claim_version
from imports.dates import PartialDate

if TYPE_CHECKING:
    from accounts.models import User

Row = TypeVar("Row", bound=Model)


def locked(row: Row, *joined: str) -> Row:
    """The row as it is stored now, which nobody else changes until the transaction ends."""
    rows = type(row)._base_manager.select_for_update(of=("self",)).select_related(*joined)
    stored: Row = rows.get(pk=row.pk)
    return stored


def told(row: Model, fields: Sequence[str]) -> dict[str, Any]:
    """Values as the audit trail keeps them."""
    return {name: _plain(getattr(row, name)) for name in fields}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, PartialDate) else value


def fill(row: Model, values: Mapping[str, Any], fields: Sequence[str]) -> None:
    """Sets the fields that `values` names. A text left out of a form is empty, not None."""
    for name in fields:
        if name in values:
            setattr(row, name, values[name])


def add(row: Row, fields: Sequence[str], *, by: User | None, hidden: Collection[str] = ()) -> Row:
    """Stores a new row and tells what was written. Values of `hidden` fields are told as changed only."""
    row.save()
    written = {name: value for name, value in told(row, fields).items() if value not in (None, "")}
    changes = audit.changes_between({}, written, hidden=hidden)
    _record("add", row, by, changes)
    return row


def change(
    row: Row,
    values: Mapping[str, Any],
    fields: Sequence[str],
    *,
    version: int,
    by: User | None,
    hidden: Collection[str] = (),
    verb: str = "change",
    reason: str = "",
    also: Sequence[str] = (),
) -> Row:
    """Stores other values of a locked row, once it has the version that the writer saw; nothing for no difference.

    `also` are columns that follow from `fields` and are written with them. Raises Conflict.
    """
    before = told(row, fields)
    claim_version(row, version)
    fill(row, values, fields)
    changes = audit.changes_between(before, told(row, fields), hidden=hidden)
    if changes:
        row.save(update_fields=[*fields, *also])
        _record(verb, row, by, changes, reason)
    return row


def _record(verb: str, row: Model, by: User | None, changes: Mapping[str, Any], reason: str = "") -> None:
    event = f"cadres.{verb}_{row._meta.model_name}"
    audit.record(event, actor=by, target=row, unit=path_of(row), changes=changes, reason=reason)


# --- Checks ---------------------------------------------------------------------------------


def refuse(errors: Mapping[str, ValidationError]) -> None:
    """Raises what was found, by field."""
    if errors:
        raise ValidationError(dict(errors))


def in_the_future() -> ValidationError:
    return ValidationError(_("This day has not come yet. Record what has taken place."), "in_the_future")


def not_future(values: Mapping[str, Any], today: date, *names: str) -> dict[str, ValidationError]:
    """An error for each named day that lies after today."""
    return {name: in_the_future() for name in names if values.get(name) and values[name] > today}
