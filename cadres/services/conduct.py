"""Honours, and the ladder of discipline up to suspension for education. The contents of discipline are class D3.

Rule: docs/rules/discipline.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from cadres.duties import add_months
from cadres.models import Commendation, DisciplineAction, Person
from cadres.services import rows

if TYPE_CHECKING:
    from accounts.models import User

COMMENDATION_FIELDS = ("title", "level", "awarded_by", "awarded_on", "document")
FIELDS = ("kind", "decided_on", "effective_to", "decided_by", "document", "reason")
CHECK_FIELDS = ("mid_check_on", "mid_check")
END_FIELDS = ("effective_to", "ended_on", "outcome", "closing_opinion")
HIDDEN = frozenset({*FIELDS, *CHECK_FIELDS, *END_FIELDS})
"""Class D3: the trail tells that it changed, not to what."""

SUSPENSION = DisciplineAction.Kind.SUSPENSION
Outcome = DisciplineAction.Outcome
LEAST_MONTHS, MOST_MONTHS = 1, 3
"""Of a suspension for education, and of its one extension at most (handbook 3.9)."""


# --- Honours --------------------------------------------------------------------------------


@transaction.atomic
def record_commendation(person: Person, values: Mapping[str, Any], *, by: User, today: date) -> Commendation:
    rows.refuse(rows.not_future(values, today, "awarded_on"))
    commendation = Commendation(person=person)
    rows.fill(commendation, values, COMMENDATION_FIELDS)
    return rows.add(commendation, COMMENDATION_FIELDS, by=by)


@transaction.atomic
def correct_commendation(
    commendation: Commendation, values: Mapping[str, Any], *, version: int, by: User, today: date
) -> Commendation:
    rows.refuse(rows.not_future(values, today, "awarded_on"))
    commendation = rows.locked(commendation, "person__unit")
    return rows.change(commendation, values, COMMENDATION_FIELDS, version=version, by=by)


# --- Discipline -----------------------------------------------------------------------------


@transaction.atomic
def record_discipline(person: Person, values: Mapping[str, Any], *, by: User, today: date) -> DisciplineAction:
    """A step of the ladder. Raises ValidationError by field: see `check_discipline`."""
    person = rows.locked(person, "unit")
    check_discipline(person, None, values, today=today)
    action = DisciplineAction(person=person)
    rows.fill(action, values, FIELDS)
    return rows.add(action, FIELDS, by=by, hidden=HIDDEN)


@transaction.atomic
def correct_discipline(
    action: DisciplineAction, values: Mapping[str, Any], *, version: int, by: User, today: date
) -> DisciplineAction:
    """Raises Conflict, ValidationError "ended" for a suspension that is over, and as `record_discipline`."""
    action = rows.locked(action, "person__unit")
    if action.ended_on is not None:
        raise ValidationError(_("This suspension is over; it stays as it was."), "ended")
    if action.kind == SUSPENSION and (values["kind"] != SUSPENSION and (action.mid_check_on or action.outcome)):
        words = _("A suspension that was checked or extended stays one.")
        raise ValidationError({"kind": ValidationError(words, "checked")})
    check_discipline(action.person, action, values, today=today)
    return rows.change(action, values, FIELDS, version=version, by=by, hidden=HIDDEN)


def check_discipline(
    person: Person, action: DisciplineAction | None, values: Mapping[str, Any], *, today: date
) -> None:
    """Raises ValidationError by field.

    "in_the_future"; "ends_before"; for a suspension "wrong_length" unless it lasts one to three months (once
    extended up to three more), "suspended_already".
    """
    errors = rows.not_future(values, today, "decided_on")
    until = values.get("effective_to")
    if until and until < values["decided_on"]:
        errors["effective_to"] = ValidationError(_("The last day lies before the first."), "ends_before")
    elif values["kind"] == SUSPENSION:
        errors |= _length_errors(values["decided_on"], until, is_extended=bool(action and action.outcome))
        running = person.discipline_actions.filter(kind=SUSPENSION, ended_on__isnull=True)
        if running.exclude(pk=action.pk if action else 0).exists():
            words = _("There is a suspension that has not ended yet.")
            errors["kind"] = ValidationError(words, "suspended_already")
    rows.refuse(errors)


def _length_errors(first: date, until: date | None, *, is_extended: bool) -> dict[str, ValidationError]:
    most = MOST_MONTHS * 2 if is_extended else MOST_MONTHS
    if until is None or not add_months(first, LEAST_MONTHS) <= until <= add_months(first, most):
        words = _("A suspension for education lasts between %(least)d and %(most)d months: from %(first)s to %(last)s.")
        told = {
            "least": LEAST_MONTHS,
            "most": most,
            "first": add_months(first, LEAST_MONTHS),
            "last": add_months(first, most),
        }
        return {"effective_to": ValidationError(words % told, "wrong_length")}
    return {}


@transaction.atomic
def check_half_way(
    action: DisciplineAction, on: date, finding: str, *, version: int, by: User, today: date
) -> DisciplineAction:
    """What the check half-way through a suspension found.

    Raises Conflict, ValidationError "not_running", "in_the_future", "outside".
    """
    action = _running(action)
    _check_within(action, on, "mid_check_on", today)
    values = {"mid_check_on": on, "mid_check": finding.strip()}
    return rows.change(action, values, CHECK_FIELDS, version=version, by=by, hidden=HIDDEN)


@transaction.atomic
def extend_suspension(
    action: DisciplineAction, until: date, opinion: str, *, version: int, by: User
) -> DisciplineAction:
    """Longer, once, by three months at most.

    Raises Conflict, ValidationError "not_running", "extended_before", "wrong_length".
    """
    action = _running(action)
    if action.outcome:
        raise ValidationError(_("It was extended once already; now it ends."), "extended_before")
    planned = action.effective_to or action.decided_on
    if not planned < until <= add_months(planned, MOST_MONTHS):
        words = _("Until a day after %(first)s and not after %(last)s.")
        told = {"first": planned, "last": add_months(planned, MOST_MONTHS)}
        raise ValidationError({"effective_to": ValidationError(words % told, "wrong_length")})
    values = {"effective_to": until, "outcome": Outcome.EXTENDED, "closing_opinion": opinion.strip()}
    return rows.change(action, values, END_FIELDS, version=version, by=by, hidden=HIDDEN)


@transaction.atomic
def end_suspension(
    action: DisciplineAction, on: date, outcome: str, opinion: str, *, version: int, by: User, today: date
) -> DisciplineAction:
    """Back in post or relieved of it, with the closing opinion; that of an extension stays above it.

    A removal proposed here does not end the posting: that is done on its own, with its document.
    Raises Conflict, ValidationError "not_running", "no_opinion", "wrong_outcome", "before_decision", "in_the_future".
    """
    action = _running(action)
    if outcome not in (Outcome.REINSTATED, Outcome.REMOVED):
        raise ValidationError({"outcome": ValidationError(_("Choose how it ends."), "wrong_outcome")})
    if not opinion.strip():
        words = _("Write the closing opinion.")
        raise ValidationError({"closing_opinion": ValidationError(words, "no_opinion")})
    if on > today:
        raise ValidationError({"ended_on": rows.in_the_future()})
    if on < action.decided_on:
        words = _("The last day lies before the first.")
        raise ValidationError({"ended_on": ValidationError(words, "before_decision")})
    opinions = [text for text in (action.closing_opinion, opinion.strip()) if text]
    values = {"ended_on": on, "outcome": outcome, "closing_opinion": "\n".join(opinions)}
    return rows.change(action, values, END_FIELDS, version=version, by=by, hidden=HIDDEN, verb="end")


def _running(action: DisciplineAction) -> DisciplineAction:
    action = rows.locked(action, "person__unit")
    if action.kind != SUSPENSION or action.ended_on is not None:
        raise ValidationError(_("Only a suspension that has not ended is checked, extended or ended."), "not_running")
    return action


def _check_within(action: DisciplineAction, on: date, name: str, today: date) -> None:
    if on > today:
        raise ValidationError({name: rows.in_the_future()})
    if on < action.decided_on or (action.effective_to and on > action.effective_to):
        words = _("The suspension is from %(first)s to %(last)s.")
        told = {"first": action.decided_on, "last": action.effective_to}
        raise ValidationError({name: ValidationError(words % told, "outside")})
