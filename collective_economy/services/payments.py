"""Money of a project on its way: handed out, paid, recalled. One person enters, another confirms.

The database keeps the sums and refuses what does not fit, whoever comes first; what is said here is the sentence.
Rule: docs/rules/funds.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from collective_economy import stages
from collective_economy.models import BudgetLine, Instalment, Payment, Project, ProjectSource
from collective_economy.models.programmes import SUPPORT
from collective_economy.schedule import MONTHS_OF_YEAR, add_months
from collective_economy.uses import RED_LINES

Kind, State = Payment.Kind, Payment.State
CENT = Decimal("0.01")
MOST_MANAGEMENT_PERCENT = Decimal(1)
"""Of the approved support money (handbook 6.2)."""
COUNTED = (State.ENTERED, State.CONFIRMED)
"""What takes up room: it counts, or will once it is confirmed."""
PROGRESS_FROM = 60
"""Percent of the work for the second instalment."""
SUMMARY_LENGTH = 120


@transaction.atomic
def enter_payment(
    *,
    source: ProjectSource,
    kind: str,
    amount: Decimal,
    paid_on: date,
    summary: str,
    voucher_number: str,
    by: User,
    today: date,
    now: datetime,
    use: str = "",
    payee: str = "",
    instalment: Instalment | None = None,
    budget_line: BudgetLine | None = None,
    reason: str = "",
) -> Payment:
    """A movement that waits for confirmation. Yuan with cents.

    Raises ValidationError "not_approved", "stopped", "wrong_amount", "in_future", "before_approval", "no_voucher",
    "voucher_taken", "red_line", "no_use", "beyond_approved", "beyond_received", "no_instalment", "condition_open",
    "beyond_instalment", "beyond_budget", "beyond_management", "no_reason".
    """
    locked = _lock(source)
    payment = Payment(
        project=locked.project,
        path=locked.project.path,
        source=locked,
        kind=kind,
        amount=amount,
        paid_on=paid_on,
        summary=summary,
        use=use if kind == Kind.PAYMENT else "",
        payee=payee,
        voucher_number=voucher_number.strip(),
        instalment=instalment if kind == Kind.RECEIPT else None,
        budget_line=budget_line if kind == Kind.PAYMENT else None,
        reason=reason,
        entered_by=by,
        entered_at=now,
    )
    _check(payment, use, today)
    payment.save()
    audit.record(
        "collective_economy.add_payment",
        actor=by,
        target=payment,
        unit=payment.path,
        changes={"kind": [None, kind], "amount": [None, f"{amount:f}"], "source": [None, locked.source]},
    )
    return payment


@transaction.atomic
def confirm_payment(payment: Payment, *, by: User, now: datetime, note: str = "") -> Payment:
    """From now on it counts. Checked once more, since others may have been confirmed meanwhile.

    Raises ValidationError as `enter_payment`, "decided"; PermissionDenied for who entered it.
    """
    source = _lock(payment.source)
    locked = _waiting(payment, by)
    locked.source, locked.project = source, source.project
    _check_room(locked)
    _decide(locked, State.CONFIRMED, by=by, now=now, note=note)
    return locked


@transaction.atomic
def confirm_payments(
    payments: Sequence[Payment], *, by: User, now: datetime, note: str = ""
) -> tuple[list[Payment], list[tuple[Payment, str]]]:
    """Confirms one after the other what fits: (confirmed, [(left as it was, the sentence why)]).

    Raises PermissionDenied, and confirms nothing, when one of them was entered by `by`.
    """
    confirmed, left = [], []
    for payment in payments:
        try:
            confirmed.append(confirm_payment(payment, by=by, now=now, note=note))
        except ValidationError as error:
            left.append((payment, " ".join(error.messages)))
    return confirmed, left


@transaction.atomic
def refuse_payment(payment: Payment, *, note: str, by: User, now: datetime) -> Payment:
    """Raises ValidationError "decided", "no_reason"; PermissionDenied for who entered it."""
    locked = _waiting(payment, by)
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Say why it is refused."), "no_reason")})
    _decide(locked, State.REFUSED, by=by, now=now, note=note)
    return locked


@transaction.atomic
def withdraw_payment(payment: Payment, *, by: User, now: datetime) -> Payment:
    """Who entered it takes it back before it is decided. Raises ValidationError "decided", PermissionDenied."""
    locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if locked.state != State.ENTERED:
        raise ValidationError(_("This payment was decided already."), "decided")
    if locked.entered_by_id != by.pk:
        raise PermissionDenied(_("Only who entered a payment withdraws it."))
    locked.state = State.WITHDRAWN
    locked.version += 1
    _let_go(locked)
    locked.save(update_fields=["state", "version", "reverses", "summary"])
    _tell("withdraw", locked, by, State.ENTERED)
    return locked


@transaction.atomic
def reverse_payment(
    payment: Payment, *, paid_on: date, voucher_number: str, reason: str, by: User, now: datetime
) -> Payment:
    """A movement that takes a confirmed one back; it waits for confirmation like any other.

    Raises ValidationError "not_confirmed", "is_reversal", "reversed", "no_reason", "no_voucher", "in_future",
    "before_payment", "beyond_received".
    """
    source = _lock(payment.source)
    locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if locked.state != State.CONFIRMED:
        raise ValidationError(_("Only a confirmed payment is taken back."), "not_confirmed")
    if locked.reverses_id is not None:
        raise ValidationError(_("A reversal is not reversed. Enter the payment anew."), "is_reversal")
    if Payment.objects.filter(reverses=locked, state__in=COUNTED).exists():
        raise ValidationError(_("This payment has been taken back already."), "reversed")
    if not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why it is taken back."), "no_reason")})
    _check_voucher(voucher_number)
    _check_day(paid_on, timezone.localdate(now))
    if paid_on < locked.paid_on:
        words = _("It is taken back on the day of the payment, %(day)s, or later.")
        told = {"day": date_format(locked.paid_on, "LONG_DATE_FORMAT")}
        raise ValidationError({"paid_on": ValidationError(words, "before_payment", told)})
    reversal = Payment(
        project=source.project,
        path=locked.path,
        source=source,
        kind=locked.kind,
        amount=locked.amount,
        paid_on=paid_on,
        summary=locked.summary,
        use=locked.use,
        payee=locked.payee,
        voucher_number=voucher_number.strip(),
        instalment=locked.instalment,
        budget_line=locked.budget_line,
        reverses=locked,
        reason=reason,
        entered_by=by,
        entered_at=now,
    )
    _check_reversal_room(reversal)
    reversal.save()
    audit.record(
        "collective_economy.reverse_payment",
        actor=by,
        target=reversal,
        unit=reversal.path,
        changes={"reverses": [None, locked.pk], "amount": [None, f"{-locked.amount:f}"]},
        reason=reason,
    )
    return reversal


# --- Checks -----------------------------------------------------------------------------------


def _lock(source: ProjectSource) -> ProjectSource:
    """Whoever moves money of this project waits here for the others: a budget item or the management fee is shared
    by its sources. The project first, as where it is stopped."""
    Project.objects.select_for_update(of=("self",)).get(pk=source.project_id)
    return ProjectSource.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.pk)


def _waiting(payment: Payment, by: User) -> Payment:
    locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if locked.state != State.ENTERED:
        raise ValidationError(_("This payment was decided already."), "decided")
    if locked.entered_by_id == by.pk:
        raise PermissionDenied(_("Who entered a payment does not confirm it. Ask a colleague or a leader."))
    return locked


def _check(payment: Payment, use: str, today: date) -> None:
    project = payment.project
    if project.approved_on is None or project.stage not in (*stages.WITH_MONEY, "done", "stopped"):
        raise ValidationError(_("Money moves after the project has been approved."), "not_approved")
    if project.stage == "stopped" and payment.kind == Kind.RECEIPT:
        raise ValidationError(_("This project was stopped; no more money is handed out to it."), "stopped")
    if payment.amount <= 0 or payment.amount != payment.amount.quantize(CENT):
        raise ValidationError(
            {
                "amount": ValidationError(
                    _("Enter an amount above 0, in yuan with at most two decimals."), "wrong_amount"
                )
            }
        )
    _check_day(payment.paid_on, today)
    if payment.paid_on < project.approved_on:
        words = _("The project was approved on %(day)s; money moves after that.")
        told = {"day": date_format(project.approved_on, "LONG_DATE_FORMAT")}
        raise ValidationError({"paid_on": ValidationError(words, "before_approval", told)})
    _check_voucher(payment.voucher_number)
    if payment.kind == Kind.PAYMENT:
        _check_use(use)
    if payment.kind == Kind.RECALL and not payment.reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why the money is recalled."), "no_reason")})
    same = Payment.objects.filter(
        kind=payment.kind,
        voucher_number=payment.voucher_number,
        source=payment.source,
        state__in=COUNTED,
        reverses__isnull=True,
    )
    # A payment that was taken back is entered anew with its own voucher.
    taken_back = Payment.objects.filter(source=payment.source, reverses__isnull=False, state=State.CONFIRMED)
    if same.exclude(pk__in=taken_back.values("reverses")).exists():
        words = _("This voucher number is entered already for this source.")
        raise ValidationError({"voucher_number": ValidationError(words, "voucher_taken")})
    _check_room(payment, with_waiting=True)


def _check_day(day: date, today: date) -> None:
    if day > today:
        raise ValidationError({"paid_on": ValidationError(_("This day is still to come."), "in_future")})


def _check_voucher(number: str) -> None:
    if not number.strip():
        raise ValidationError({"voucher_number": ValidationError(_("Enter the number of the voucher."), "no_voucher")})


def _check_use(use: str) -> None:
    if use in RED_LINES:
        words = _("Red line: support money must not be spent on %(use)s. This payment cannot be saved.")
        raise ValidationError({"use": ValidationError(words, "red_line", {"use": RED_LINES[use]})})
    if use not in Payment.Use.values:
        raise ValidationError({"use": ValidationError(_("Choose what the money was used for."), "no_use")})


def _check_room(payment: Payment, *, with_waiting: bool = False) -> None:
    """Whether the amount still fits; `with_waiting` counts what waits for confirmation too."""
    if payment.reverses_id is not None:
        _check_reversal_room(payment)
        return
    source = payment.source
    waiting = _waiting_sums(source) if with_waiting else {}
    received = source.received + waiting.get(Kind.RECEIPT, Decimal(0))
    gone = source.paid + source.recalled + waiting.get(Kind.PAYMENT, Decimal(0)) + waiting.get(Kind.RECALL, Decimal(0))
    if payment.kind == Kind.RECEIPT:
        _refuse_above(
            payment.amount,
            source.approved - received,
            _("Approved are %(whole)s yuan of this source; only %(left)s yuan are left to hand out."),
            "beyond_approved",
            source.approved,
        )
        _check_instalment(payment, with_waiting=with_waiting)
        return
    # What waits as a receipt is not there yet, so it pays nothing.
    _refuse_above(
        payment.amount,
        source.received - gone,
        _("Received are %(whole)s yuan of this source; only %(left)s yuan are left."),
        "beyond_received",
        source.received,
    )
    if payment.kind == Kind.PAYMENT:
        _check_budget(payment, with_waiting=with_waiting)
        _check_management(payment, with_waiting=with_waiting)


def _check_reversal_room(payment: Payment) -> None:
    """A receipt is taken back only as far as it is still there."""
    if payment.kind == Kind.RECEIPT:
        _refuse_above(
            payment.amount,
            payment.source.balance,
            _("Of %(whole)s yuan received, only %(left)s yuan are still there to be taken back."),
            "beyond_received",
            payment.source.received,
        )


def _refuse_above(amount: Decimal, left: Decimal, words: str, code: str, whole: Decimal) -> None:
    if amount > left:
        told = {"whole": f"{whole:,.2f}", "left": f"{max(left, Decimal(0)):,.2f}"}
        raise ValidationError({"amount": ValidationError(words, code, told)})


def _waiting_sums(source: ProjectSource) -> dict[str, Decimal]:
    rows = source.payments.filter(state=State.ENTERED, reverses__isnull=True).order_by()
    return {kind: total.quantize(CENT) for kind, total in rows.values_list("kind").annotate(sum=Sum("amount"))}


def _counted(payment: Payment, with_waiting: bool, **which: object) -> Decimal:
    """Yuan of such movements of the project that count, reversed ones taken off."""
    states = COUNTED if with_waiting else (State.CONFIRMED,)
    rows = Payment.objects.filter(project_id=payment.project_id, kind=payment.kind, **which).order_by()
    added = rows.filter(state__in=states, reverses__isnull=True).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    taken = rows.filter(state=State.CONFIRMED, reverses__isnull=False).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    return (added - taken).quantize(CENT)


def conditions_reached(project: Project, day: date) -> dict[str, bool]:
    """Condition of an instalment -> whether it is met for money handed out on the day."""
    accepted = project.accepted_on
    return {
        Instalment.Condition.START: project.started_on is not None,
        Instalment.Condition.PROGRESS: project.progress_percent >= PROGRESS_FROM,
        Instalment.Condition.ACCEPTANCE: accepted is not None,
        Instalment.Condition.RETENTION: accepted is not None and day >= add_months(accepted, MONTHS_OF_YEAR),
    }


def _check_instalment(payment: Payment, *, with_waiting: bool) -> None:
    """Support money is handed out by the plan: without naming the instalment, retention could be passed by."""
    instalment = payment.instalment
    if payment.source.source not in SUPPORT:
        return
    if instalment is None:
        if payment.project.instalments.exists():
            words = _("Choose the instalment: support money is handed out by the plan of the approval.")
            raise ValidationError({"instalment": ValidationError(words, "no_instalment")})
        return
    if not conditions_reached(payment.project, payment.paid_on)[instalment.condition]:
        words = _("This instalment is handed out when: %(condition)s. That is not reached yet.")
        told = {"condition": instalment.get_condition_display()}
        raise ValidationError({"instalment": ValidationError(words, "condition_open", told)})
    _refuse_above(
        payment.amount,
        instalment.amount - _counted(payment, with_waiting, instalment=instalment),
        _("The instalment is %(whole)s yuan; only %(left)s yuan of it are left."),
        "beyond_instalment",
        instalment.amount,
    )


def _check_budget(payment: Payment, *, with_waiting: bool) -> None:
    line = payment.budget_line
    if line is not None:
        _refuse_above(
            payment.amount,
            line.amount - _counted(payment, with_waiting, budget_line=line),
            _("The budget item is %(whole)s yuan; only %(left)s yuan of it are left."),
            "beyond_budget",
            line.amount,
        )


def _check_management(payment: Payment, *, with_waiting: bool) -> None:
    if payment.use != Payment.Use.MANAGEMENT:
        return
    support = payment.project.sources.filter(source__in=SUPPORT).aggregate(sum=Sum("approved"))["sum"] or Decimal(0)
    most = (support * MOST_MANAGEMENT_PERCENT / 100).quantize(CENT)
    _refuse_above(
        payment.amount,
        most - _counted(payment, with_waiting, use=Payment.Use.MANAGEMENT),
        _("Management fees are at most 1 %% of the support money: %(whole)s yuan, of which %(left)s yuan are left."),
        "beyond_management",
        most,
    )


def _decide(payment: Payment, state: str, *, by: User, now: datetime, note: str) -> None:
    payment.state, payment.decided_by, payment.decided_at, payment.decision_note = state, by, now, note[:200]
    payment.version += 1
    if state == State.REFUSED:
        _let_go(payment)
    decided = ["state", "decided_by", "decided_at", "decision_note", "version", "reverses", "summary"]
    payment.save(update_fields=decided)
    _tell("confirm" if state == State.CONFIRMED else "refuse", payment, by, State.ENTERED, note)
    payment.source.refresh_from_db()


def _let_go(payment: Payment) -> None:
    """A reversal that does not come to pass leaves its payment free for another one; its summary tells what it was."""
    if payment.reverses is not None:
        told = {"number": payment.reverses.voucher_number, "what": payment.reverses.summary}
        payment.summary = (_("Voucher %(number)s was not taken back: %(what)s") % told)[:SUMMARY_LENGTH]
        payment.reverses = None


def _tell(verb: str, payment: Payment, by: User, before: str, note: str = "") -> None:
    audit.record(
        f"collective_economy.{verb}_payment",
        actor=by,
        target=payment,
        unit=payment.path,
        changes={"state": [before, payment.state]},
        reason=note,
    )
