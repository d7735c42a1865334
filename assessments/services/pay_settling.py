"""What happens to an approved pay sheet: handed to the finance office, and settled by what the office reports back.

Rule: docs/rules/pay.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import update_models
from accounts.models import User
from assessments import pay_facts
from assessments.models import PayLine, PaySheet
from assessments.services.pay import State, checksum_of, locked_sheet, moved, require_state

Payment = PayLine.Payment
MOST_PROBLEMS = 50
FAILURE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Report:
    """What the finance office says of one line. `cents` is the amount in its list, None if the list has none."""

    number: int
    is_paid: bool
    on: date | None
    cents: int | None = None
    reason: str = ""


@transaction.atomic
def export_sheet(sheet: PaySheet, *, version: int, by: User, now: datetime) -> PaySheet:
    """Hands an approved sheet to the finance office: from now on no line changes.

    Raises Conflict, ValidationError "wrong_state", "sums_differ" where the sheet is not the sum of its lines.
    """
    sheet = locked_sheet(sheet, version)
    require_state(sheet, State.APPROVED, _("Only an approved sheet is handed to the finance office."))
    lines = list(sheet.lines.order_by("number"))
    if sum(line.amount_cents for line in lines) != sheet.total_cents:
        raise ValidationError(_("The sheet is not the sum of its lines. Return it and prepare it anew."), "sums_differ")
    sheet.exported_by, sheet.exported_at, sheet.checksum = by, now, checksum_of(lines)
    moved(sheet, State.EXPORTED, ["exported_by", "exported_at", "checksum"], "assessments.export_paysheet", by)
    return sheet


@transaction.atomic
def read_back(
    sheet: PaySheet, reports: Sequence[Report], total_cents: int | None, *, by: User, now: datetime
) -> PaySheet:
    """Writes what the finance office reports of lines; the sheet is settled when every line with money is paid.

    All or none. A list may hold some of the lines only, and a line that failed can be reported as paid by a
    later one. The same list read twice changes nothing. `total_cents` is the total that the list names. Raises
    ValidationError with one sentence for each problem: "wrong_state", "empty", "unknown_line", "double_line",
    "no_date", "in_the_future", "before_export", "no_reason", "other_amount", "paid_already", "other_total".
    """
    sheet = PaySheet.objects.select_for_update(of=("self",)).select_related("unit").get(pk=sheet.pk)
    if sheet.state not in pay_facts.LOCKED:
        raise ValidationError(_("This sheet has not been handed to the finance office yet."), "wrong_state")
    if not reports:
        raise ValidationError(_("The list names no line."), "empty")
    lines = {line.number: line for line in PayLine.objects.filter(sheet=sheet).select_for_update()}
    problems = _problems(sheet, lines, reports, total_cents, timezone.localdate(now))
    if problems:
        raise ValidationError(problems[:MOST_PROBLEMS])
    changed = [line for report in reports if _apply(line := lines[report.number], report)]
    if not changed:
        return sheet
    update_models(changed, ["payment", "paid_on", "failure"])
    _record(sheet, changed, by)
    if sheet.state == State.EXPORTED and is_settled(lines.values()):
        sheet.settled_at = now
        moved(sheet, State.SETTLED, ["settled_at"], "assessments.settle_paysheet", by)
    return sheet


def is_settled(lines: Collection[PayLine]) -> bool:
    """Whether every line with money is paid."""
    return all(line.payment == Payment.PAID for line in lines if line.amount_cents)


def _problems(
    sheet: PaySheet, lines: Mapping[int, PayLine], reports: Sequence[Report], total_cents: int | None, today: date
) -> list[ValidationError]:
    found = [problem for report in reports if (problem := _problem(sheet, lines.get(report.number), report, today))]
    for number, times in Counter(report.number for report in reports).items():
        if times > 1:
            words = _("Line %(n)d stands in the list %(times)d times.") % {"n": number, "times": times}
            found.append(ValidationError(words, "double_line"))
    ours = sum(lines[number].amount_cents for number in {report.number for report in reports} if number in lines)
    if total_cents is not None and total_cents != ours:
        words = _("The list says a total of %(theirs)s yuan; these lines of the sheet sum to %(ours)s yuan.")
        found.append(ValidationError(words % {"theirs": yuan(total_cents), "ours": yuan(ours)}, "other_total"))
    return found


def _problem(sheet: PaySheet, line: PayLine | None, report: Report, today: date) -> ValidationError | None:
    number = {"n": report.number}
    if line is None or not line.amount_cents:
        return ValidationError(_("Line %(n)d: the sheet has no such line to be paid.") % number, "unknown_line")
    if report.on is None:
        return ValidationError(_("Line %(n)d: the date is missing or cannot be read.") % number, "no_date")
    if report.on > today:
        return ValidationError(_("Line %(n)d: the date lies in the future.") % number, "in_the_future")
    if sheet.exported_at is not None and report.on < timezone.localdate(sheet.exported_at):
        words = _("Line %(n)d: the date lies before the day on which the sheet was handed over.") % number
        return ValidationError(words, "before_export")
    if not report.is_paid and not report.reason.strip():
        return ValidationError(_("Line %(n)d: it failed, but no reason is given.") % number, "no_reason")
    if report.cents is not None and report.cents != line.amount_cents:
        told = number | {"theirs": yuan(report.cents), "ours": yuan(line.amount_cents)}
        words = _("Line %(n)d: the list says %(theirs)s yuan, the sheet %(ours)s yuan.") % told
        return ValidationError(words, "other_amount")
    if line.payment == Payment.PAID and (not report.is_paid or report.on != line.paid_on):
        words = _("Line %(n)d was reported as paid on %(day)s already.") % (number | {"day": line.paid_on})
        return ValidationError(words, "paid_already")
    return None


def _apply(line: PayLine, report: Report) -> bool:
    """Sets what is reported; whether anything changed."""
    before = (line.payment, line.paid_on, line.failure)
    line.payment = Payment.PAID if report.is_paid else Payment.FAILED
    line.paid_on = report.on if report.is_paid else None
    line.failure = "" if report.is_paid else report.reason.strip()[:FAILURE_LENGTH]
    return before != (line.payment, line.paid_on, line.failure)


def _record(sheet: PaySheet, changed: Sequence[PayLine], by: User) -> None:
    paid = [line for line in changed if line.payment == Payment.PAID]
    failed = [line for line in changed if line.payment == Payment.FAILED]
    changes = {
        "month": sheet.month,
        "paid": [line.number for line in paid],
        "paid_cents": sum(line.amount_cents for line in paid),
        "failed": [line.number for line in failed],
        "failed_cents": sum(line.amount_cents for line in failed),
    }
    audit.record("assessments.report_paysheet", actor=by, target=sheet, unit=sheet.path, changes=changes)


def yuan(cents: int) -> str:
    """Such as 1,500.00, with a minus as banks write it."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
