"""Contracts of a village's collective and what is due by them.

Nobody alone lessens what is due: who entered a contract does not lower, end or waive it (handbook 6.6).
Rule: docs/rules/receivables.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.models import Contract, Project, Receivable
from collective_economy.schedule import (
    GIVEN,
    MONTHS_OF_YEAR,
    NOTHING,
    Due,
    add_months,
    amount_of_term,
    months_of_term,
    regular,
    sum_of,
)

FIELDS = (
    "number", "kind", "party", "party_number", "subject", "signed_on", "starts_on", "ends_on", "yearly_amount",
    "total_amount", "guarantee", "project",
)  # fmt: skip
LONGEST = 70
"""Years: the longest lease of land that the law knows, that of forest land."""
MOST = Decimal(10) ** 14
"""Yuan below which an amount must stay."""


@transaction.atomic
def add_contract(
    *,
    unit: Unit,
    kind: str,
    number: str,
    party: str,
    subject: str,
    signed_on: date,
    starts_on: date,
    ends_on: date,
    by: User,
    today: date,
    rhythm: str = NOTHING,
    in_advance: bool = True,
    first_due_on: date | None = None,
    given: Sequence[Due] = (),
    yearly_amount: Decimal = Decimal(0),
    total_amount: Decimal = Decimal(0),
    party_number: str = "",
    guarantee: str = "",
    project: Project | None = None,
) -> Contract:
    """A contract with what is due by it, all days at once.

    `rhythm`: yearly, half_yearly, quarterly, monthly, given (`given` lists days and amounts) or nothing. A building
    or purchase has its price in `total_amount` and nothing due. Raises ValidationError, by field: "not_a_village",
    "no_number", "number_taken", "no_party", "no_subject", "before_start", "too_long", "in_the_future",
    "other_project", "wrong_amount", "wrong_price", "no_rhythm", and of `given` "no_days", "day_twice",
    "out_of_term", "sum_differs".
    """
    Unit.objects.select_for_update().get(pk=unit.pk)
    values = {
        "number": number, "kind": kind, "party": party, "party_number": party_number, "subject": subject,
        "signed_on": signed_on, "starts_on": starts_on, "ends_on": ends_on, "yearly_amount": yearly_amount,
        "total_amount": total_amount, "guarantee": guarantee, "project": project,
    }  # fmt: skip
    contract = Contract(unit=unit, path=unit.path, entered_by=by)
    _fill(contract, values, today)
    dues = _dues(contract, rhythm, in_advance=in_advance, first_due_on=first_due_on, given=given)
    contract.save()
    _make(contract, dues)
    changes: dict[str, Any] = {name: [None, value] for name, value in _told(contract).items() if value}
    changes["due"] = [None, _told_dues(dues)]
    audit.record("collective_economy.add_contract", actor=by, target=contract, unit=contract.path, changes=changes)
    return contract


@transaction.atomic
def change_contract(
    contract: Contract,
    *,
    values: Mapping[str, Any],
    base: int,
    by: User,
    today: date,
    rhythm: str,
    in_advance: bool = True,
    first_due_on: date | None = None,
    given: Sequence[Due] = (),
) -> Contract:
    """Other words or other terms of a contract. What money came for, and what was waived, stays as it is.

    `values` are fields of FIELDS; the schedule is told anew as in `add_contract`. Raises Conflict, PermissionDenied
    for who entered the contract and would lower what is due, ValidationError as `add_contract` and "ended",
    "received".
    """
    Unit.objects.select_for_update().get(pk=contract.unit_id)
    contract = _locked(contract)
    before, old = _told(contract), list(contract.receivables.select_for_update().order_by("due_on"))
    claim_version(contract, base)
    _fill(contract, {name: getattr(contract, name) for name in FIELDS} | dict(values), today)
    dues = _dues(contract, rhythm, in_advance=in_advance, first_due_on=first_due_on, given=given)
    was = [Due(row.due_on, row.amount) for row in old]
    if contract.entered_by_id == by.pk and _is_less(was, dues, today):
        raise PermissionDenied(_("You entered this contract, so somebody else lowers what is due by it."))
    _replace(contract, old, dues)
    contract.save(update_fields=list(FIELDS))
    changes: dict[str, Any] = audit.changes_between(before, _told(contract))
    if was != dues:
        changes["due"] = [_told_dues(was), _told_dues(dues)]
    audit.record("collective_economy.change_contract", actor=by, target=contract, unit=contract.path, changes=changes)
    return contract


@transaction.atomic
def end_contract(contract: Contract, *, on: date, reason: str, by: User) -> Contract:
    """The contract ends before its time: what is due later is no longer asked for, what was due until then stays due.

    Raises ValidationError "ended", "no_reason", "out_of_term"; PermissionDenied for who entered it, when anything
    is given up.
    """
    contract = _locked(contract)
    reason = reason.strip()[:200]
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Write why the contract ends."), "no_reason")})
    if not contract.starts_on <= on <= contract.ends_on:
        raise ValidationError({"on": ValidationError(_("Choose a day within the contract."), "out_of_term")})
    later = contract.receivables.select_for_update().filter(
        due_on__gt=on, waived_on__isnull=True, received__lt=F("amount")
    )
    given_up = list(later)
    if given_up and contract.entered_by_id == by.pk:
        raise PermissionDenied(_("You entered this contract, so somebody else ends it."))
    contract.ended_on, contract.end_reason = on, reason
    contract.version += 1
    contract.save(update_fields=["ended_on", "end_reason", "version"])
    for row in given_up:
        row.waived_on, row.waiver = on, reason
    Receivable.objects.bulk_update(given_up, ["waived_on", "waiver"])
    changes = {
        "ended_on": [None, on],
        "waived": _told_dues([Due(row.due_on, row.amount - row.received) for row in given_up]),
    }
    audit.record(
        "collective_economy.end_contract",
        actor=by,
        target=contract,
        unit=contract.path,
        changes=changes,
        reason=reason,
    )
    return contract


@transaction.atomic
def waive_receivable(receivable: Receivable, *, decision: str, reason: str, by: User, today: date) -> Receivable:
    """What is missing is no longer asked for, by a decision of the members (handbook 6.6).

    `decision` is the number of the decision. Raises ValidationError "no_decision", "no_reason", "received", "waived";
    PermissionDenied for who entered the contract.
    """
    row = Receivable.objects.select_for_update(of=("self",)).select_related("contract").get(pk=receivable.pk)
    decision, reason = decision.strip(), reason.strip()
    if not decision:
        words = _("Enter the number of the members' decision. Nobody waives income alone.")
        raise ValidationError({"decision": ValidationError(words, "no_decision")})
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Write why the income is waived."), "no_reason")})
    if row.waived_on:
        raise ValidationError(_("This is waived already."), "waived")
    if row.received >= row.amount:
        raise ValidationError(_("This was received in full; there is nothing to waive."), "received")
    if row.contract.entered_by_id == by.pk:
        raise PermissionDenied(_("You entered this contract, so somebody else waives what is due by it."))
    row.waived_on, row.waiver = today, f"{decision} {reason}"[:200]
    row.save(update_fields=["waived_on", "waiver"])
    changes = {
        "due_on": str(row.due_on),
        "missing": [str(row.amount - row.received), "0"],
        "waived_on": [None, today],
        "decision": decision,
    }
    audit.record(
        "collective_economy.waive_receivable", actor=by, target=row, unit=row.path, changes=changes, reason=row.waiver
    )
    return row


# --- Terms ----------------------------------------------------------------------------------


def _locked(contract: Contract) -> Contract:
    locked: Contract = (
        Contract.objects.select_for_update(of=("self",)).select_related("unit", "project").get(pk=contract.pk)
    )
    if locked.ended_on:
        raise ValidationError(_("This contract was ended early and stays as it is."), "ended")
    return locked


def _fill(contract: Contract, values: Mapping[str, Any], today: date) -> None:
    for name in FIELDS:
        value = values[name]
        setattr(contract, name, value.strip() if isinstance(value, str) else value)
    errors = dict(_wrong_facts(contract, today)) | dict(_wrong_amounts(contract))
    if errors:
        raise ValidationError(errors)


def _wrong_facts(contract: Contract, today: date) -> Iterable[tuple[str, ValidationError]]:
    if contract.unit.kind != Unit.Kind.VILLAGE:
        yield "unit", ValidationError(_("A contract belongs to a village."), "not_a_village")
    if contract.kind not in Contract.Kind.values:
        yield "kind", ValidationError(_("Choose what kind of contract it is."), "no_kind")
    if not contract.number:
        yield "number", ValidationError(_("Enter the number of the contract."), "no_number")
    elif Contract.objects.filter(unit=contract.unit, number=contract.number).exclude(pk=contract.pk).exists():
        yield "number", ValidationError(_("The village has a contract with this number already."), "number_taken")
    if not contract.party:
        yield "party", ValidationError(_("Enter with whom the contract is made."), "no_party")
    if not contract.subject:
        yield "subject", ValidationError(_("Enter what the contract is about."), "no_subject")
    if contract.signed_on > today:
        yield "signed_on", ValidationError(_("The day of signing lies in the future."), "in_the_future")
    if contract.ends_on < contract.starts_on:
        yield "ends_on", ValidationError(_("A contract ends on or after the day it begins."), "before_start")
    elif contract.ends_on.year > today.year + 2 * LONGEST or (
        contract.ends_on.year - contract.starts_on.year > LONGEST
        or months_of_term(contract.starts_on, contract.ends_on) > LONGEST * MONTHS_OF_YEAR
    ):
        words = _("A contract runs for at most %(years)d years.") % {"years": LONGEST}
        yield "ends_on", ValidationError(words, "too_long")
    if contract.project and not contract.project.shares.filter(unit=contract.unit).exists():
        yield "project", ValidationError(_("This project is not one of the village."), "other_project")


def _wrong_amounts(contract: Contract) -> Iterable[tuple[str, ValidationError]]:
    for name in ("yearly_amount", "total_amount"):
        if not _is_money(getattr(contract, name), least=Decimal(0)):
            words = _("Enter yuan with at most two decimals, not below 0.")
            yield name, ValidationError(words, "wrong_amount")
            return
    is_owed = contract.kind == Contract.Kind.BUILD
    if is_owed and not contract.total_amount:
        yield "total_amount", ValidationError(_("Enter the price of the building or purchase."), "wrong_price")
    if is_owed and contract.yearly_amount:
        words = _("By a building or purchase nobody owes the collective a yearly amount.")
        yield "yearly_amount", ValidationError(words, "wrong_amount")
    if not is_owed and contract.total_amount:
        yield "total_amount", ValidationError(_("Only a building or purchase has a contract price."), "wrong_price")


def _is_money(amount: Decimal, least: Decimal) -> bool:
    return amount.is_finite() and least <= amount < MOST and amount == amount.quantize(Decimal("0.01"))


def _dues(
    contract: Contract, rhythm: str, *, in_advance: bool, first_due_on: date | None, given: Sequence[Due]
) -> list[Due]:
    if contract.kind == Contract.Kind.BUILD or rhythm == NOTHING:
        if contract.yearly_amount:
            words = _("Choose when the yearly amount is due.")
            raise ValidationError({"rhythm": ValidationError(words, "no_rhythm")})
        return []
    if rhythm == GIVEN:
        return _given_dues(contract, given)
    if not contract.yearly_amount:
        words = _("Enter the yearly amount that is due in this rhythm.")
        raise ValidationError({"yearly_amount": ValidationError(words, "wrong_amount")})
    if first_due_on is not None and not contract.signed_on <= first_due_on <= contract.ends_on:
        words = _("The first day of payment lies between the signing and the end.")
        raise ValidationError({"first_due_on": ValidationError(words, "out_of_term")})
    return regular(
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        yearly_amount=contract.yearly_amount,
        rhythm=rhythm,
        in_advance=in_advance,
        first_due_on=first_due_on,
    )


def _given_dues(contract: Contract, given: Sequence[Due]) -> list[Due]:
    def refuse(words: str, code: str) -> ValidationError:
        return ValidationError({"given": ValidationError(words, code)})

    dues = sorted(given)
    if not dues:
        raise refuse(_("Enter at least one day with its amount."), "no_days")
    if len({due.due_on for due in dues}) < len(dues):
        raise refuse(_("A day stands there twice. Put its amounts together."), "day_twice")
    if not all(_is_money(due.amount, least=Decimal("0.01")) for due in dues):
        raise refuse(_("Each amount is above 0, in yuan with at most two decimals."), "wrong_amount")
    first, last = min(contract.signed_on, contract.starts_on), add_months(contract.ends_on, MONTHS_OF_YEAR)
    if not all(first <= due.due_on <= last for due in dues):
        words = _("The days lie between the signing and one year after the end.")
        raise refuse(words, "out_of_term")
    expected = amount_of_term(contract.yearly_amount, contract.starts_on, contract.ends_on)
    if contract.yearly_amount and sum_of(dues) != expected:
        words = _(
            "The amounts sum to %(sum)s yuan, the yearly amount to %(expected)s yuan over the term. Correct one of "
            "them, or leave the yearly amount at 0 where it differs from year to year."
        ) % {"sum": f"{sum_of(dues):,.2f}", "expected": f"{expected:,.2f}"}
        raise refuse(words, "sum_differs")
    return dues


def _is_less(was: Sequence[Due], dues: Sequence[Due], today: date) -> bool:
    """Whether less is due than before, in all or until today."""
    return sum_of(dues) < sum_of(was) or sum_of(dues, today) < sum_of(was, today)


def _replace(contract: Contract, old: Sequence[Receivable], dues: Sequence[Due]) -> None:
    """Other receivables in the place of those for which nothing came and nothing was waived."""
    wanted = {due.due_on: due.amount for due in dues}
    differing = [row for row in old if wanted.get(row.due_on) != row.amount]
    touched = set(
        contract.receivables.filter(pk__in=[row.pk for row in differing], entries__isnull=False).values_list(
            "pk", flat=True
        )
    )
    fixed = [row for row in differing if row.received or row.waived_on or row.pk in touched]
    if fixed:
        words = _("Money came for what is due on %(days)s, or it was waived: these lines stay as they are.") % {
            "days": ", ".join(str(row.due_on) for row in fixed[:5])
        }
        raise ValidationError({"given": ValidationError(words, "received")})
    contract.receivables.filter(pk__in=[row.pk for row in differing]).delete()
    kept = {row.due_on for row in old if wanted.get(row.due_on) == row.amount}
    _make(contract, [due for due in dues if due.due_on not in kept])


def _make(contract: Contract, dues: Iterable[Due]) -> None:
    Receivable.objects.bulk_create(
        Receivable(
            contract=contract, unit_id=contract.unit_id, path=contract.path, due_on=due.due_on, amount=due.amount
        )
        for due in dues
    )


def _told(contract: Contract) -> dict[str, Any]:
    told = {name: getattr(contract, name) for name in FIELDS if name != "project"}
    return told | {"project": contract.project.number if contract.project else ""}


def _told_dues(dues: Sequence[Due]) -> str:
    """Such as "3 × 2026-01-01 … 2028-01-01, 36000.00": how many, from when to when, how much."""
    if not dues:
        return "0"
    return f"{len(dues)} × {dues[0].due_on} … {dues[-1].due_on}, {sum_of(dues):.2f}"
