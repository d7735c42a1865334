"""What happened to a row, in words: the audit events of one record for whoever may see the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.event_words import words_for
from accounts.models import AuditEvent

VERBS: dict[str, str | Promise] = {
    "add": _("Added"),
    "change": pgettext_lazy("event", "Changed"),
    "void": _("Made void"),
    "rename": _("Renamed"),
    "merge": _("Merged"),
    "close": pgettext_lazy("event", "Closed"),
    "end": pgettext_lazy("event", "Ended"),
    "load": _("Loaded"),
    "classify": _("Class set"),
    "recall": _("Recalled"),
    "withdraw": _("Consent withdrawn"),
    "print": _("Printed"),
    "reveal": _("Identity number looked at"),
    "compare": _("Identity number compared"),
}


@dataclass(frozen=True)
class Change:
    label: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Happening:
    at: datetime
    who: str | Promise
    what: str | Promise
    changes: list[Change]
    reason: str


def happenings(model: type[Model], events: Iterable[AuditEvent]) -> list[Happening]:
    return [
        Happening(
            at=event.at,
            who=str(event.actor) if event.actor else _("The system"),
            what=_verb(event.event),
            changes=[_change(model, name, value) for name, value in event.changes.items()],
            reason=event.reason,
        )
        for event in events
    ]


def _verb(event: str) -> str | Promise:
    return VERBS.get(event.partition(".")[2].partition("_")[0]) or words_for(event)


def _change(model: type[Model], name: str, value: Any) -> Change:
    """A pair is before and after; anything else is told as it stands."""
    before, after = value if isinstance(value, list) and len(value) == 2 else (None, value)
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return Change(name, before, after)
    choices = dict(getattr(field, "flatchoices", ()))
    label = getattr(field, "verbose_name", name)
    return Change(capfirst(str(label)), _worded(choices, before), _worded(choices, after))


def _worded(choices: dict[Any, Any], value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return choices.get(value, value) if isinstance(value, str) else value
