"""The ledger of a village: entries, what the bank says, and closing months.

Nothing is removed: a wrong entry of an open month is changed or reversed, one of a closed month is reversed in an open
one. Everybody who writes to one village's ledger waits for the one before. Rule: docs/rules/ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.closing import closed_spans, standings
from collective_economy.models import LedgerEntry, LedgerMonth, Project, ProjectShare, Receivable
from collective_economy.models.ledger import CATEGORIES, EXPENSE, INCOME
from collective_economy.models.money import DECIMALS, WHOLE_DIGITS

CONTRACT_UNTIL = date(2023, 12, 1)
"""The last month with a category of its own for contract and handed-over income (handbook 6.5)."""
DAYS_TO_ACCOUNT = 7
"""Within which income goes into the account (handbook 6.6)."""
LOCKED_AT_ONCE = 10_000
CEILING = Decimal(10) ** (WHOLE_DIGITS - DECIMALS)
TEXTS = ("summary", "counterparty", "voucher_number", "receipt_number")
WRITTEN = ("day", "category", "amount", *TEXTS, "account", "attachment_count")


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry as it is typed: yuan with at most two decimals, above 0 for income and for expense."""

    day: date
    category: str
    amount: Decimal
    summary: str
    counterparty: str = ""
    voucher_number: str = ""
    receipt_number: str = ""
    account: str = LedgerEntry.Account.COLLECTIVE
    attachment_count: int = 0
    project: Project | None = None
    receivable: Receivable | None = None


@transaction.atomic
def enter_entry(unit: Unit, given: NewEntry, *, by: User, today: date) -> LedgerEntry:
    """Income or expense of a day. What is received by contract also counts for the contract's project.

    Raises ValidationError, by field: "in_the_future", "unknown_category", "contract_ended", "wrong_amount",
    "no_summary", "not_a_village", "month_closed", "later_closed", "has_total", "other_village",
    "expense_not_receivable", "more_than_due", "other_project".
    """
    lock_ledgers([unit.pk])
    entry = LedgerEntry(unit=unit, path=unit.path, entered_by=by)
    _check(unit, given, today)
    _fill(entry, given)
    entry.save()
    changes = {name: [None, value] for name, value in _told(entry).items() if value not in ("", None, 0)}
    audit.record("collective_economy.enter_ledgerentry", actor=by, target=entry, unit=entry.path, changes=changes)
    return entry


@transaction.atomic
def change_entry(
    entry: LedgerEntry, given: NewEntry, *, version: int, reason: str, by: User, today: date
) -> LedgerEntry:
    """The entry of an open month with other values; who changes it counts as the one who entered it.

    Raises Conflict, and ValidationError "no_reason", "a_total", "a_reversal", "reversed_already" or as `enter_entry`.
    """
    reason = _given_reason(reason)
    lock_ledgers([entry.unit_id])
    entry = LedgerEntry.objects.select_related("unit", "project", "receivable").get(pk=entry.pk)
    _require_changeable(entry)
    _require_open(entry.unit, entry.month)
    _check(entry.unit, given, today, entry)
    claim_version(entry, version)
    before = _told(entry)
    _fill(entry, given)
    changes = audit.changes_between(before, _told(entry))
    if changes:
        entry.entered_by = by
        entry.save(update_fields=[*WRITTEN, "month", "project", "receivable", "entered_by"])
        audit.record(
            "collective_economy.change_ledgerentry",
            actor=by,
            target=entry,
            unit=entry.path,
            changes=changes,
            reason=reason,
        )
    return entry


@transaction.atomic
def reverse_entry(entry: LedgerEntry, *, on: date, reason: str, by: User, today: date) -> LedgerEntry:
    """The opposite of an entry, also of a closed month or of a sheet's total, on a day of an open month.

    Raises ValidationError "no_reason", "a_reversal", "reversed_already", and for the day "in_the_future",
    "before_entry", "month_closed", "later_closed".
    """
    reason = _given_reason(reason)
    lock_ledgers([entry.unit_id])
    entry = LedgerEntry.objects.select_related("unit").get(pk=entry.pk)
    _require_not_reversed(entry)
    if on > today:
        raise _at("day", _("This day has not come yet."), "in_the_future")
    if on < (entry.day or entry.month):
        raise _at("day", _("A reversal is not dated before what it takes back."), "before_entry")
    month = on.replace(day=1)
    _require_open(entry.unit, month)
    reversal = LedgerEntry.objects.create(
        unit=entry.unit,
        path=entry.unit.path,
        month=month,
        day=on,
        category=entry.category,
        amount=-entry.amount,
        summary=entry.summary,
        counterparty=entry.counterparty,
        project_id=entry.project_id,
        receivable_id=entry.receivable_id,
        voucher_number=entry.voucher_number,
        receipt_number=entry.receipt_number,
        account=entry.account,
        reverses=entry,
        reason=reason,
        entered_by=by,
    )
    told = {"day": on, "category": entry.category, "amount": [entry.amount, reversal.amount]}
    for target in (reversal, entry):
        audit.record(
            "collective_economy.reverse_ledgerentry",
            actor=by,
            target=target,
            unit=reversal.path,
            changes=told,
            reason=reason,
        )
    return reversal


@transaction.atomic
def set_statement(
    unit: Unit,
    month: date,
    *,
    statement_balance: Decimal | None,
    note: str = "",
    opening: Decimal | None = None,
    by: User,
) -> LedgerMonth:
    """What the bank says at the end of a month, why it differs, and for the first month what it began with (yuan).

    Raises ValidationError "not_a_month", "month_closed", "wrong_amount", and "not_first" for an opening where the
    balances of the village begin with another month.
    """
    lock_ledgers([unit.pk])
    _require_month(month)
    row = LedgerMonth.objects.filter(unit=unit, month=month).first() or LedgerMonth(
        unit=unit, path=unit.path, month=month
    )
    if row.is_closed:
        raise ValidationError(_("This month is closed. A closed month changes only by a reversal."), "month_closed")
    before = _told_of_month(row)
    if opening is not None:
        _require_first(unit, month)
        row.opening = _amount("opening", opening)
    row.statement_balance = None if statement_balance is None else _amount("statement_balance", statement_balance)
    row.difference_note = note.strip()[:200]
    changes = audit.changes_between(before, _told_of_month(row))
    if changes:
        _save_month(row, "opening", "statement_balance", "difference_note")
        audit.record("collective_economy.change_ledgermonth", actor=by, target=row, unit=row.path, changes=changes)
    return row


@transaction.atomic
def close_month(unit: Unit, month: date, *, by: User, now: datetime, note: str = "") -> LedgerMonth:
    """Freezes a month: its entries count as checked by who closes it, its opening is what the month before ended with.

    `note` is kept where the month has none. Raises ValidationError with what stands in the way: "closed_already",
    "no_entries", "not_over", "own_entries", "earlier_open", "no_opening", "no_statement", "difference".
    """
    lock_ledgers([unit.pk])
    today, note = timezone.localdate(now), note.strip()[:200]
    found = standings(LedgerMonth.objects.filter(unit=unit, month=month), by, today, note)
    if not found:
        raise ValidationError(_("This month has no entry, so there is nothing to close."), "no_entries")
    standing = found[0]
    for reason in standing.reasons:
        raise ValidationError(reason.words, reason.code)
    row = standing.row
    entries = LedgerEntry.objects.filter(unit=unit, month=month)
    entries.update(checked_by=by, version=F("version") + 1)
    row.opening, row.closed_by, row.closed_at = standing.opening, by, now
    is_noted = standing.difference != 0 and not standing.is_history
    row.difference_note = row.difference_note or (note if is_noted else "")
    _save_month(row, "opening", "difference_note", "closed_by", "closed_at")
    changes = {
        "opening": row.opening,
        "income": row.income,
        "expense": row.expense,
        "closing": standing.closing,
        "statement_balance": row.statement_balance,
        "difference_note": row.difference_note,
        "entry_count": row.entry_count,
    }
    audit.record("collective_economy.close_ledgermonth", actor=by, target=row, unit=row.path, changes=changes)
    return row


@dataclass(frozen=True)
class Refused:
    """A village whose month stays open, with the reason in a sentence."""

    unit: Unit
    month: date
    code: str
    words: str


def close_months(
    months: Iterable[tuple[Unit, date]], *, by: User, now: datetime, note: str = ""
) -> tuple[list[LedgerMonth], list[Refused]]:
    """Closes what can be closed, each month by itself, and names the others. Earlier months of a village come first."""
    closed, refused = [], []
    for unit, month in sorted(months, key=lambda each: (each[0].path, each[1])):
        try:
            closed.append(close_month(unit, month, by=by, now=now, note=note))
        except ValidationError as error:
            refused.append(Refused(unit, month, error.code or "", " ".join(error.messages)))
    return closed, refused


def lock_ledgers(units: Iterable[int]) -> None:
    """Nobody else writes to the ledgers of these villages by a service or a sheet until the transaction ends."""
    keys = sorted(set(units))
    for start in range(0, len(keys), LOCKED_AT_ONCE):
        rows = Unit.objects.select_for_update(of=("self",), no_key=True).filter(
            pk__in=keys[start : start + LOCKED_AT_ONCE]
        )
        list(rows.order_by("pk").values_list("pk", flat=True))


def is_late(entry: LedgerEntry, today: date) -> bool:
    """Whether income of that day should have stood in the account before (handbook 6.6)."""
    is_new_income = entry.category in INCOME and entry.day is not None and entry.reverses_id is None
    return is_new_income and today - entry.day > timedelta(days=DAYS_TO_ACCOUNT)  # type: ignore[operator]


# --- Checks -----------------------------------------------------------------------------------


def _check(unit: Unit, given: NewEntry, today: date, entry: LedgerEntry | None = None) -> None:
    """All that is wrong with the fields at once; then what the other rows of the ledger say."""
    if unit.kind != Unit.Kind.VILLAGE:
        raise ValidationError(_("A ledger belongs to a village."), "not_a_village")
    errors = dict(_field_errors(given, today))
    if errors:
        raise ValidationError(errors)
    month = given.day.replace(day=1)
    _require_open(unit, month)
    totals = LedgerEntry.objects.filter(unit=unit, month=month, category=given.category, is_total=True)
    if totals.filter(reversed_by__isnull=True).exists():
        words = _("This category of the month came in as a total. Correct the total by a sheet, or reverse it.")
        raise _at("category", words, "has_total")
    if given.receivable is not None:
        _check_receivable(unit, given, entry)
    if given.project is not None and not ProjectShare.objects.filter(project=given.project, unit=unit).exists():
        raise _at("project", _("The village takes no part in this project."), "other_project")


def _field_errors(given: NewEntry, today: date) -> Iterable[tuple[str, ValidationError]]:
    if given.day > today:
        yield "day", ValidationError(_("This day has not come yet."), "in_the_future")
    if given.category not in CATEGORIES or given.account not in LedgerEntry.Account.values:
        yield "category", ValidationError(_("There is no such category."), "unknown_category")
    elif given.category == "contract" and given.day.replace(day=1) > CONTRACT_UNTIL:
        words = _(
            "Since January 2024 contract and handed-over income has no category of its own. Enter rent and contract "
            "fees as operating income, profit handed over by firms as investment income."
        )
        yield "category", ValidationError(words, "contract_ended")
    is_whole = given.amount == given.amount.quantize(Decimal("0.01")) if abs(given.amount) < CEILING else False
    if not is_whole or given.amount <= 0:
        words = _("Enter an amount in yuan above 0 with at most two decimals.")
        yield "amount", ValidationError(words, "wrong_amount")
    if not given.summary.strip():
        yield "summary", ValidationError(_("Write what it was for."), "no_summary")


def _check_receivable(unit: Unit, given: NewEntry, entry: LedgerEntry | None) -> None:
    receivable = Receivable.objects.select_for_update(of=("self",)).get(pk=given.receivable.pk)  # type: ignore[union-attr]
    if receivable.unit_id != unit.pk:
        raise _at("receivable", _("This is due to another village."), "other_village")
    if given.category in EXPENSE:
        raise _at("receivable", _("Only income settles what is due by a contract."), "expense_not_receivable")
    is_same = entry is not None and entry.receivable_id == receivable.pk
    missing = receivable.missing + (entry.amount if entry is not None and is_same else Decimal(0))
    if given.amount > missing:
        words = _("Only %(amount)s yuan of this are still to come.") % {"amount": f"{missing:,.2f}"}
        raise _at("amount", words, "more_than_due")


def _require_open(unit: Unit, month: date) -> None:
    """Not closed, nor before a closed month whose balance rests on it."""
    if LedgerMonth.objects.filter(unit=unit, month=month, closed_at__isnull=False).exists():
        raise _at("day", _("This month is closed. A closed month changes only by a reversal."), "month_closed")
    begun, closed = closed_spans([unit.pk]).get(unit.pk, (None, None))
    if begun is not None and closed is not None and begun <= month < closed:
        words = _("The ledger is closed up to %(month)s. Choose a day after it.")
        raise _at("day", words % {"month": date_format(closed, "YEAR_MONTH_FORMAT")}, "later_closed")


def _require_changeable(entry: LedgerEntry) -> None:
    if entry.is_total:
        words = _("The total of a month is changed by a sheet. To correct it by hand, reverse it.")
        raise ValidationError(words, "a_total")
    _require_not_reversed(entry)


def _require_not_reversed(entry: LedgerEntry) -> None:
    if entry.reverses_id is not None:
        raise ValidationError(_("A reversal stays as it is. Enter the amount anew instead."), "a_reversal")
    if LedgerEntry.objects.filter(reverses=entry).exists():
        raise ValidationError(_("This entry has been reversed already."), "reversed_already")


def _require_month(month: date) -> None:
    if month.day != 1:
        raise ValidationError(_("Choose the first day of a month."), "not_a_month")


def _require_first(unit: Unit, month: date) -> None:
    others = LedgerMonth.objects.filter(unit=unit, opening__isnull=False).exclude(month=month).order_by("month")
    first = others.values_list("month", flat=True).first()
    if first is not None:
        words = _("The balances of this village begin with %(month)s; later months follow from it.")
        raise _at("opening", words % {"month": date_format(first, "YEAR_MONTH_FORMAT")}, "not_first")


def _amount(name: str, amount: Decimal) -> Decimal:
    if abs(amount) >= CEILING or amount != amount.quantize(Decimal("0.01")):
        raise _at(name, _("Enter an amount in yuan with at most two decimals."), "wrong_amount")
    return amount


def _given_reason(reason: str) -> str:
    reason = reason.strip()[:200]
    if not reason:
        raise _at("reason", _("Write the reason."), "no_reason")
    return reason


def _at(name: str, words: str, code: str) -> ValidationError:
    return ValidationError({name: ValidationError(words, code)})


# --- Writing ----------------------------------------------------------------------------------


def _fill(entry: LedgerEntry, given: NewEntry) -> None:
    for name in WRITTEN:
        value = getattr(given, name)
        setattr(entry, name, value.strip() if name in TEXTS else value)
    entry.month = given.day.replace(day=1)
    entry.receivable = given.receivable
    entry.project = given.project or (given.receivable.contract.project if given.receivable else None)


def _told(entry: LedgerEntry) -> dict[str, Any]:
    """For the audit trail."""
    told = {name: getattr(entry, name) for name in WRITTEN}
    told["project"] = str(entry.project) if entry.project else None
    told["receivable"] = str(entry.receivable) if entry.receivable else None
    return told


def _told_of_month(row: LedgerMonth) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("opening", "statement_balance", "difference_note")}


def _save_month(row: LedgerMonth, *names: str) -> None:
    if row.pk is None:
        row.save()
        return
    row.version += 1
    row.save(update_fields=[*names, "version"])
