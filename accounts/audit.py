"""The audit trail: what happened, who did it, from where, and what changed.

    with transaction.atomic():
        ...                                            # the change
        audit.record("assessments.publish_ranking", actor=by, target=ranking, unit=county,
                     changes={"state": ["draft", "published"]})

An event is named `<app>.<verb>_<object>`. It is written in the transaction of the change, so
neither exists without the other. Every event carries a code (HMAC-SHA-256 over its contents)
that only the portal can make; `accounts.sealing` chains the committed ones.
Rule: docs/audit.md.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Protocol, TypedDict

from django.conf import settings
from django.contrib.auth import get_backends
from django.db import connection, models
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from accounts import context
from accounts.bulk import Draft, insert_rows, new_uids
from accounts.models import AuditEvent, User

HIDDEN = "changed"
"""Stands in `changes` for a value that must not be read in the trail (class D3)."""

SYSTEM_PREFIXES = ("accounts.", "audit.")
"""Events of accounts, sessions and of the trail itself. All others are business events."""

BATCH = 50
"""More events than this at once go the way of mass data."""


class HasPath(Protocol):
    """A unit, or any row that carries the path of its unit."""

    path: str


class Entry(TypedDict, total=False):
    """One event for `record_many`; the keys are the arguments of `record`, `event` among them."""

    event: str
    actor: User | None
    target: models.Model | Draft | None
    unit: HasPath | str | None
    changes: Mapping[str, Any] | None
    reason: str
    outcome: str


def record(
    event: str,
    *,
    actor: User | None,
    target: models.Model | None = None,
    unit: HasPath | str | None = None,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
    outcome: str = "ok",
) -> AuditEvent:
    """Writes one event into the caller's transaction.

    `actor` None is the system itself. `unit` decides who may read the event: a unit or its path;
    without it the target's own `path`, else the unit of the actor. `changes` maps a field to
    [before, after] or to whatever tells the change; values of class D3 are given as HIDDEN.
    Raises TransactionManagementError outside a transaction, TypeError for a value that is not plain.
    """
    return record_many(
        [Entry(event=event, actor=actor, target=target, unit=unit, changes=changes, reason=reason, outcome=outcome)]
    )[0]


def record_many(entries: Iterable[Entry]) -> list[AuditEvent]:
    """Writes many events at once, one for each object, in the caller's transaction. See `record`.

    Gives the events when they are few; of very many no objects are made.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("An audit event belongs into the transaction of the change it tells about.")
    teller = _Teller()
    iterator = iter(entries)
    few = list(islice(iterator, BATCH + 1))
    if len(few) <= BATCH:
        return AuditEvent.objects.bulk_create([_event(entry, teller) for entry in few], batch_size=BATCH)
    at: Any = AuditEvent._meta.get_field("at")
    moment = at.get_db_prep_save(teller.at, connection)
    has_dashes = connection.features.has_native_uuid_field

    def values(entry: Entry) -> tuple[Any, ...]:
        told = teller.tell(entry)
        code = _code(told)
        told.update(
            uid=told["uid"] if has_dashes else told["uid"].replace("-", ""),
            at=moment,
            changes=json.dumps(told["changes"], ensure_ascii=False),
        )
        return (*told.values(), code)

    insert_rows(AuditEvent, (*TOLD, "code"), map(values, chain(few, iterator)))
    return []


def changes_between(
    before: Mapping[str, Any], after: Mapping[str, Any], *, hidden: Collection[str] = ()
) -> dict[str, Any]:
    """{field: [before, after]} for the fields that differ, those in `hidden` without their values."""
    return {
        field: HIDDEN if field in hidden else [before.get(field), value]
        for field, value in after.items()
        if before.get(field) != value
    }


def is_business(event: str) -> bool:
    return not event.startswith(SYSTEM_PREFIXES)


# --- Contents ----------------------------------------------------------------------------


def _event(entry: Entry, teller: _Teller) -> AuditEvent:
    told = teller.tell(entry)
    event = AuditEvent(**told, code=_code(told))
    event.uid, event.actor = uuid.UUID(told["uid"]), entry.get("actor")
    return event


SIGNED = (
    "event",
    "outcome",
    "actor_id",
    "actor_role",
    "address",
    "proxy",
    "request_id",
    "target_type",
    "target_id",
    "unit_path",
    "changes",
    "reason",
    "schema_version",
)
"""What the code of an event is made over, beside its number and its moment."""

TOLD = ("uid", "at", *SIGNED)
"""Columns of what an event says, in the order in which `_Teller` tells it."""


class _Teller:
    """Turns entries into what the events say. Whoever acts, from where and when is looked up once."""

    def __init__(self) -> None:
        self.at = timezone.now()
        self.origin = context.current()
        self.held: dict[int, list[tuple[str, str]]] = {}
        self.roles: dict[tuple[int, str], str] = {}
        self.uids = self._uids()

    def _uids(self) -> Iterator[str]:
        number = 1
        while True:
            yield from new_uids(number)
            number = 1_000

    def tell(self, entry: Entry) -> dict[str, Any]:
        actor, target = entry.get("actor"), entry.get("target")
        held: list[tuple[str, str]] = []
        if actor is not None:
            if actor.pk not in self.held:
                self.held[actor.pk] = roles_of(actor)
            held = self.held[actor.pk]
        path = _path(entry.get("unit"), target) or (held[0][1] if held else "")
        return {
            "uid": next(self.uids),
            "at": self.at,
            "event": entry["event"],
            "outcome": entry.get("outcome", "ok"),
            "actor_id": actor.pk if actor else None,
            "actor_role": self._roles_at(actor, held, path),
            "address": self.origin.address,
            "proxy": self.origin.proxy,
            "request_id": self.origin.request_id,
            "target_type": target._meta.label_lower if target is not None else "",
            "target_id": "" if target is None or target.pk is None else str(target.pk),
            "unit_path": path,
            "changes": plain(entry.get("changes") or {}),
            "reason": _clean(entry.get("reason", ""))[:500],
            "schema_version": 1,
        }

    def _roles_at(self, actor: User | None, held: list[tuple[str, str]], path: str) -> str:
        if actor is None:
            return ""
        if (actor.pk, path) not in self.roles:
            self.roles[actor.pk, path] = _roles_at(held, path)
        return self.roles[actor.pk, path]


def roles_of(user: User) -> list[tuple[str, str]]:
    """(role, path of the unit) of what the user holds now, the highest unit first.

    Memberships live above this app, so the authentication backends are asked, as for rights.
    """
    for backend in get_backends():
        if hasattr(backend, "roles_of"):
            return [(str(role), path) for role, path, _name in backend.roles_of(user)]
    return []


def _roles_at(held: list[tuple[str, str]], path: str) -> str:
    """The roles that reach the unit of the event, else all of them: "CS" or "CE,TS"."""
    reaching = {role for role, held_path in held if path.startswith(held_path)}
    return ",".join(sorted(reaching or {role for role, _path in held}))


def _path(unit: HasPath | str | None, target: models.Model | Draft | None) -> str:
    if isinstance(unit, str):
        return unit
    if unit is not None:
        return unit.path
    own = getattr(target, "path", "")
    return own if isinstance(own, str) else ""


def plain(value: Any) -> Any:
    """The value as JSON can hold it and both databases give it back unchanged. TypeError for a float."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    raise TypeError(f"{type(value).__name__} does not belong into an audit event.")


def _clean(text: Any) -> str:
    """Without the one character that PostgreSQL cannot store."""
    return str(text).replace("\x00", "\ufffd")


# --- Codes -------------------------------------------------------------------------------


_json = json.JSONEncoder(ensure_ascii=False).encode
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def code_of(event: AuditEvent) -> str:
    """HMAC-SHA-256 over the contents of the event, as 64 hexadecimal digits."""
    return _code({name: getattr(event, name) for name in TOLD})


def _code(told: Mapping[str, Any]) -> str:
    contents = {name: told[name] for name in SIGNED}
    contents["uid"] = str(told["uid"])
    contents["at"] = told["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return keyed("event", _encode(contents))


def keyed(purpose: str, text: str) -> str:
    """HMAC-SHA-256 of the text under the audit key. The purpose keeps codes of one kind from serving as another."""
    key = settings.AUDIT_KEY.encode()
    return hmac.digest(key, f"{purpose}\n{text}".encode(), "sha256").hex()
