"""What audits of money found: recorded, put right with evidence, closed by somebody else.

Rule: docs/guide/audit-findings.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.models import AuditFinding

FIELDS = ("kind", "project", "found_on", "found_by", "document", "amount", "problem", "measure", "due_on")
DEFAULTS: Mapping[str, Any] = {"project": None, "document": "", "amount": None}
MOST = Decimal(10) ** 14


@transaction.atomic
def record_finding(*, unit: Unit, values: Mapping[str, Any], by: User, today: date) -> AuditFinding:
    """A finding with these FIELDS; what DEFAULTS has may be left out.

    Raises ValidationError, by field: "not_a_village", "no_kind", "in_the_future", "no_finder", "no_problem",
    "no_measure", "before_found", "wrong_amount", "other_project".
    """
    finding = AuditFinding(unit=unit, path=unit.path, entered_by=by)
    _fill(finding, {**DEFAULTS, **values}, today)
    finding.save()
    changes = {name: [None, value] for name, value in _told(finding).items() if value not in ("", None)}
    audit.record("collective_economy.add_auditfinding", actor=by, target=finding, unit=finding.path, changes=changes)
    return finding


@transaction.atomic
def change_finding(
    finding: AuditFinding, *, values: Mapping[str, Any], base: int, by: User, today: date
) -> AuditFinding:
    """Corrects what was recorded while it is open. Raises Conflict, ValidationError as `record_finding` and "closed",
    "handed_in", "confirmed" (a confirmed misuse stays one)."""
    finding = _open(finding)
    if finding.handed_in_on:
        words = _("Evidence was handed in for this finding. It is closed or returned before it is changed.")
        raise ValidationError(words, "handed_in")
    before = _told(finding)
    claim_version(finding, base)
    _fill(finding, {name: getattr(finding, name) for name in FIELDS} | dict(values), today)
    if finding.is_confirmed and finding.kind != AuditFinding.Kind.MISUSE:
        words = _("This misuse was confirmed; its kind stays.")
        raise ValidationError({"kind": ValidationError(words, "confirmed")})
    changes = audit.changes_between(before, _told(finding))
    if changes:
        finding.save(update_fields=list(FIELDS))
        audit.record(
            "collective_economy.change_auditfinding", actor=by, target=finding, unit=finding.path, changes=changes
        )
    return finding


@transaction.atomic
def confirm_misuse(finding: AuditFinding, *, on: date, document: str, by: User, today: date) -> AuditFinding:
    """The investigation confirmed it: from `on` on it is a veto and stops the industry flag.

    `document` is the number of the finding of the investigation. Raises ValidationError "not_a_misuse", "confirmed",
    "in_the_future", "before_found", "no_document"; PermissionDenied for who recorded it.
    """
    finding = _locked(finding)
    if finding.kind != AuditFinding.Kind.MISUSE:
        raise ValidationError(_("Only a misuse, interception or false claim is confirmed."), "not_a_misuse")
    if finding.is_confirmed:
        raise ValidationError(_("This misuse is confirmed already."), "confirmed")
    if finding.entered_by_id == by.pk:
        raise PermissionDenied(_("You recorded this finding, so somebody else confirms the misuse."))
    if on > today:
        raise ValidationError({"on": ValidationError(_("This day lies in the future."), "in_the_future")})
    if on < finding.found_on:
        words = _("A misuse is not confirmed before it was found.")
        raise ValidationError({"on": ValidationError(words, "before_found")})
    if not document.strip():
        words = _("Enter the document by which the investigation confirms it.")
        raise ValidationError({"document": ValidationError(words, "no_document")})
    finding.is_confirmed, finding.confirmed_on = True, on
    finding.version += 1
    finding.save(update_fields=["is_confirmed", "confirmed_on", "version"])
    audit.record(
        "collective_economy.confirm_auditfinding",
        actor=by,
        target=finding,
        unit=finding.path,
        changes={"is_confirmed": [False, True], "confirmed_on": [None, on]},
        reason=document.strip(),
    )
    return finding


@transaction.atomic
def hand_in(finding: AuditFinding, *, evidence: str, by: User, today: date) -> AuditFinding:
    """Says what was done and where it can be seen; somebody else closes it. Handing in again replaces the evidence.

    Raises ValidationError "closed", "no_evidence".
    """
    finding = _open(finding)
    evidence = evidence.strip()
    if not evidence:
        words = _("Write what was done and name the papers that prove it.")
        raise ValidationError({"evidence": ValidationError(words, "no_evidence")})
    before = {"evidence": finding.evidence, "handed_in_on": finding.handed_in_on}
    finding.evidence, finding.handed_in_by, finding.handed_in_on = evidence, by, today
    finding.version += 1
    finding.save(update_fields=["evidence", "handed_in_by", "handed_in_on", "version"])
    changes = audit.changes_between(before, {"evidence": evidence, "handed_in_on": today})
    audit.record("collective_economy.submit_auditfinding", actor=by, target=finding, unit=finding.path, changes=changes)
    return finding


@transaction.atomic
def close_finding(finding: AuditFinding, *, by: User, today: date) -> AuditFinding:
    """The evidence holds. Raises ValidationError "closed", "no_evidence"; PermissionDenied for who handed it in."""
    finding = _open(finding)
    if finding.handed_in_by_id is None or not finding.evidence:
        raise ValidationError(_("No evidence was handed in yet, so the finding stays open."), "no_evidence")
    if finding.handed_in_by_id == by.pk:
        raise PermissionDenied(_("You handed in the evidence, so somebody else closes the finding."))
    finding.closed_by, finding.closed_on = by, today
    finding.version += 1
    finding.save(update_fields=["closed_by", "closed_on", "version"])
    audit.record(
        "collective_economy.close_auditfinding",
        actor=by,
        target=finding,
        unit=finding.path,
        changes={"closed_on": [None, today]},
    )
    return finding


@transaction.atomic
def return_finding(finding: AuditFinding, *, note: str, by: User) -> AuditFinding:
    """The evidence does not hold: whoever works on it sees the note and hands in anew. Raises ValidationError "closed",
    "no_evidence", "no_reason"."""
    finding = _open(finding)
    if finding.handed_in_by_id is None:
        raise ValidationError(_("No evidence was handed in yet, so the finding stays open."), "no_evidence")
    return _opened_again(finding, "collective_economy.return_auditfinding", note, by)


@transaction.atomic
def reopen_finding(finding: AuditFinding, *, note: str, by: User) -> AuditFinding:
    """A closed finding turns out not to be put right. Raises ValidationError "not_closed", "no_reason"."""
    finding = _locked(finding)
    if finding.closed_on is None:
        raise ValidationError(_("This finding is not closed."), "not_closed")
    return _opened_again(finding, "collective_economy.reopen_auditfinding", note, by)


def _opened_again(finding: AuditFinding, event: str, note: str, by: User) -> AuditFinding:
    note = note.strip()
    if not note:
        words = _("Write what is missing, so that it can be put right.")
        raise ValidationError({"note": ValidationError(words, "no_reason")})
    before = {"handed_in_on": finding.handed_in_on, "closed_on": finding.closed_on}
    finding.handed_in_by = finding.handed_in_on = finding.closed_by = finding.closed_on = None
    finding.version += 1
    finding.save(update_fields=["handed_in_by", "handed_in_on", "closed_by", "closed_on", "version"])
    changes = audit.changes_between(before, {"handed_in_on": None, "closed_on": None})
    audit.record(event, actor=by, target=finding, unit=finding.path, changes=changes, reason=note)
    return finding


def _locked(finding: AuditFinding) -> AuditFinding:
    rows = AuditFinding.objects.select_for_update(of=("self",)).select_related("unit", "project")
    locked: AuditFinding = rows.get(pk=finding.pk)
    return locked


def _open(finding: AuditFinding) -> AuditFinding:
    locked = _locked(finding)
    if locked.closed_on is not None:
        raise ValidationError(_("This finding is closed. Open it again with a reason first."), "closed")
    return locked


def _fill(finding: AuditFinding, values: Mapping[str, Any], today: date) -> None:
    for name in FIELDS:
        value = values[name]
        setattr(finding, name, value.strip() if isinstance(value, str) else value)
    errors = dict(_wrong(finding, today))
    if errors:
        raise ValidationError(errors)


def _wrong(finding: AuditFinding, today: date) -> Iterable[tuple[str, ValidationError]]:
    if finding.unit.kind != Unit.Kind.VILLAGE:
        yield "unit", ValidationError(_("A finding is about a village."), "not_a_village")
    if finding.kind not in AuditFinding.Kind.values:
        yield "kind", ValidationError(_("Choose what kind of finding it is."), "no_kind")
    if finding.found_on > today:
        yield "found_on", ValidationError(_("This day lies in the future."), "in_the_future")
    if not finding.found_by:
        yield "found_by", ValidationError(_("Enter who found it."), "no_finder")
    if not finding.problem:
        yield "problem", ValidationError(_("Write what the problem is."), "no_problem")
    if not finding.measure:
        yield "measure", ValidationError(_("Write what has to be done."), "no_measure")
    if finding.due_on < finding.found_on:
        yield "due_on", ValidationError(_("It is put right on or after the day it was found."), "before_found")
    amount = finding.amount
    if amount is not None and not (
        amount.is_finite() and 0 <= amount < MOST and amount == amount.quantize(Decimal("0.01"))
    ):
        yield "amount", ValidationError(_("Enter yuan with at most two decimals, not below 0."), "wrong_amount")
    if finding.project and not finding.project.shares.filter(unit=finding.unit).exists():
        yield "project", ValidationError(_("This project is not one of the village."), "other_project")


def _told(finding: AuditFinding) -> dict[str, Any]:
    told = {name: getattr(finding, name) for name in FIELDS if name != "project"}
    return told | {"project": finding.project.number if finding.project else ""}
