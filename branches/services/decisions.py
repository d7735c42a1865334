"""Village decisions by four discussions and two publications (四议两公开).

Rule: docs/rules/village-decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.labels import label_of
from branches.models import Decision, Unit
from branches.versions import claim_version

FIELDS = ("matter", "origin", "decided_on", *Decision.STEPS)


@transaction.atomic
def record_decision(village: Unit, values: Mapping[str, Any], *, by: User | None, today: date) -> Decision:
    """A new record of a matter of the village. Raises ValidationError, by field: see `check_decision`."""
    check_decision(values, today=today)
    decision = Decision(unit=village, path=village.path, recorded_by=by)
    _fill(decision, values)
    decision.save()
    changes = {name: [None, value] for name, value in _written(decision).items() if value is not None}
    audit.record("branches.add_decision", actor=by, target=decision, changes=changes)
    return decision


@transaction.atomic
def correct_decision(
    decision: Decision, values: Mapping[str, Any], *, version: int, by: User | None, today: date
) -> Decision:
    """The record with other values, such as the date of the next step.

    Raises Conflict, and ValidationError "void" or by field as `record_decision`.
    """
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    if decision.is_void:
        raise ValidationError(_("This record is void. Write a new one instead."), "void")
    check_decision(values, today=today)
    before = _written(decision)
    claim_version(decision, version)
    _fill(decision, values)
    changes = audit.changes_between(before, _written(decision))
    if changes:
        decision.save(update_fields=list(FIELDS))
        audit.record("branches.change_decision", actor=by, target=decision, changes=changes)
    return decision


@transaction.atomic
def void_decision(decision: Decision, reason: str, *, by: User | None) -> Decision:
    """The record no longer counts, and stays to be seen with the reason. Raises ValidationError "no_reason"."""
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Write why the record does not hold."), "no_reason")})
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    if decision.is_void:
        return decision
    decision.is_void, decision.void_reason = True, reason
    decision.version += 1
    decision.save(update_fields=["is_void", "void_reason", "version"])
    audit.record("branches.void_decision", actor=by, target=decision, changes={"is_void": [False, True]}, reason=reason)
    return decision


def check_decision(values: Mapping[str, Any], *, today: date) -> None:
    """Raises ValidationError by field: "no_matter", "in_the_future", "before_step" (handbook 7.5)."""
    errors: dict[str, ValidationError] = {}
    if not str(values.get("matter", "")).strip():
        errors["matter"] = ValidationError(_("Write what was decided."), "no_matter")
    for name in ("decided_on", *Decision.STEPS):
        day = values.get(name)
        if day is not None and day > today:
            errors[name] = ValidationError(
                _("This day has not come yet. Leave it empty until it has."), "in_the_future"
            )
    taken = [(step, values[step]) for step in Decision.STEPS if values.get(step) is not None]
    for (before, first), (after, second) in pairwise(taken):
        if second < first and after not in errors:
            text = _("This day is before that of step “%(step)s” (%(day)s).") % {"step": _label(before), "day": first}
            errors[after] = ValidationError(text, "before_step")
    if errors:
        raise ValidationError(errors)


def _label(step: str) -> str:
    return capfirst(label_of(Decision, step))


def _fill(decision: Decision, values: Mapping[str, Any]) -> None:
    decision.matter = str(values["matter"]).strip()
    decision.origin = values.get("origin") or Decision.Origin.CADRES
    decision.decided_on = values["decided_on"]
    for step in Decision.STEPS:
        setattr(decision, step, values.get(step))


def _written(decision: Decision) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in FIELDS}
