"""Rates and rules of pay: entered by staff, approved by a leader, never overwritten.

A change is a later row. One that begins in a month the finance office has already is a correction: it says so, and
the next sheets carry the differences. Rule: docs/rules/pay.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments.models import Grade, PayRules, PaySheet, RoleGroup, UpliftRate
from assessments.pay import OTHER_POSTS
from assessments.pay_facts import LOCKED
from branches.models import Unit

Kind = UpliftRate.Kind
MOST_SHARE = Decimal(10)


@dataclass(frozen=True, kw_only=True)
class NewRate:
    """A rate as it is entered: yuan with at most two decimals."""

    kind: str = Kind.MONTHLY
    role_group: str
    code: str = ""
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class NewRules:
    """Rules of pay as they are entered."""

    deciding_day: int = 1
    starts: str = PayRules.Starts.NEXT_MONTH
    stops: str = PayRules.Stops.NEXT_MONTH
    other_posts: Collection[int] = ()
    within_approved_posts: bool = True
    grade_shares: Mapping[str, Decimal]
    performance_month: int = 1
    budget: Decimal | None = None


def last_exported_month(path: str) -> date | None:
    """The latest month of which the finance office has a sheet."""
    return (
        PaySheet.objects.filter(path__startswith=path, state__in=LOCKED)
        .order_by("-month")
        .values_list("month", flat=True)
        .first()
    )


@transaction.atomic
def enter_rates(
    county: Unit, rates: Sequence[NewRate], valid_from: date, document: str, *, by: User, is_correction: bool = False
) -> list[UpliftRate]:
    """Rates from a month on, which count for nothing until a leader approves them.

    Raises ValidationError "empty", "not_a_month", "no_document", "exported_month" unless meant as a correction,
    "wrong_rate", "same_start" where such a rate begins in that month already.
    """
    Unit.objects.select_for_update().get(pk=county.pk)
    if not rates:
        raise ValidationError(_("Enter at least one rate."), "empty")
    document = _checked(county, valid_from, document, is_correction=is_correction)
    taken = set(UpliftRate.objects.filter(unit=county, valid_from=valid_from).values_list("kind", "role_group", "code"))
    made = []
    for rate in rates:
        _check_rate(rate, taken)
        taken.add((rate.kind, rate.role_group, rate.code))
        made.append(
            UpliftRate.objects.create(
                unit=county,
                path=county.path,
                kind=rate.kind,
                role_group=rate.role_group,
                code=rate.code,
                amount=rate.amount,
                valid_from=valid_from,
                document=document,
                entered_by=by,
            )
        )
    audit.record_many(_event("assessments.enter_upliftrate", row, by, _told(row)) for row in made)
    return made


def _checked(county: Unit, valid_from: date, document: str, *, is_correction: bool) -> str:
    if valid_from.day != 1:
        raise ValidationError({"valid_from": ValidationError(_("Choose the first day of a month."), "not_a_month")})
    document = document.strip()
    if not document:
        raise ValidationError({"document": ValidationError(_("Enter the document it rests on."), "no_document")})
    exported = last_exported_month(county.path)
    if exported is not None and valid_from <= exported and not is_correction:
        words = _(
            "The finance office has the sheets up to %(month)s. Begin later, or say that this is a correction: "
            "then the next sheets carry the differences."
        ) % {"month": date_format(exported, "YEAR_MONTH_FORMAT")}
        raise ValidationError({"valid_from": ValidationError(words, "exported_month")})
    return document[:120]


def _check_rate(rate: NewRate, taken: Collection[tuple[str, str, str]]) -> None:
    is_whole = rate.amount == rate.amount.quantize(Decimal("0.01"))
    if rate.kind not in Kind.values or rate.role_group not in RoleGroup.values or rate.amount < 0 or not is_whole:
        raise ValidationError(_("A rate is an amount in yuan with at most two decimals, not below 0."), "wrong_rate")
    if rate.kind == Kind.PERFORMANCE and rate.code:
        raise ValidationError(_("Performance pay follows the grade and no flag."), "wrong_rate")
    if (rate.kind, rate.role_group, rate.code) in taken:
        words = _("Such a rate begins in that month already. Rates are never overwritten: choose a later month.")
        raise ValidationError(words, "same_start")


@transaction.atomic
def approve_rates(rates: Collection[int], *, by: User, now: datetime) -> list[UpliftRate]:
    """Approves the rates with these keys: all or none. Raises ValidationError "nothing_chosen", "approved_already",
    "exported_meanwhile", PermissionDenied for who entered one."""
    rows = list(UpliftRate.objects.select_for_update(of=("self",)).filter(pk__in=rates).order_by("pk"))
    if not rows or len(rows) != len(set(rates)):
        raise ValidationError(_("Choose at least one rate."), "nothing_chosen")
    for row in rows:
        _approve(row, by, now)
    audit.record_many(_event("assessments.approve_upliftrate", row, by, _told(row)) for row in rows)
    return rows


@transaction.atomic
def discard_rates(rates: Collection[int], *, by: User) -> int:
    """Takes rates back that nobody has approved. Raises ValidationError "nothing_chosen", "approved_already"."""
    rows = list(UpliftRate.objects.select_for_update(of=("self",)).filter(pk__in=rates).order_by("pk"))
    if not rows:
        raise ValidationError(_("Choose at least one rate."), "nothing_chosen")
    for row in rows:
        _require_waiting(row)
    audit.record_many(_event("assessments.discard_upliftrate", row, by, _told(row)) for row in rows)
    UpliftRate.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _require_waiting(row: UpliftRate | PayRules) -> None:
    if row.approved_by_id is not None:
        raise ValidationError(_("This has been approved already; it is never changed."), "approved_already")


def _approve(row: UpliftRate | PayRules, by: User, now: datetime) -> None:
    _require_waiting(row)
    if row.entered_by_id == by.pk:
        raise PermissionDenied(_("You entered this, so somebody else approves it."))
    _refuse_silent_correction(row)
    row.approved_by, row.approved_at = by, now
    row.save(update_fields=["approved_by", "approved_at"])


def _refuse_silent_correction(row: UpliftRate | PayRules) -> None:
    """What was entered for months to come, and came to be about a month that is handed over, was never meant so."""
    since = PaySheet.objects.filter(
        path__startswith=row.path, state__in=LOCKED, month__gte=row.valid_from, exported_at__gt=row.entered_at
    )
    if since.exists():
        words = _(
            "Since this was entered, a sheet it concerns went to the finance office. Enter it anew, as a correction."
        )
        raise ValidationError(words, "exported_meanwhile")


def _event(event: str, row: UpliftRate | PayRules, by: User, changes: Mapping[str, Any]) -> audit.Entry:
    return audit.Entry(event=event, actor=by, target=row, unit=row.path, changes=changes)


def _told(row: UpliftRate) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "role_group": row.role_group,
        "code": row.code,
        "amount": row.amount,
        "valid_from": row.valid_from,
        "document": row.document,
    }


# --- Rules ----------------------------------------------------------------------------------


@transaction.atomic
def enter_rules(
    county: Unit, rules: NewRules, valid_from: date, document: str, *, by: User, is_correction: bool = False
) -> PayRules:
    """Rules from a month on, which count for nothing until a leader approves them.

    Raises ValidationError "not_a_month", "no_document", "exported_month" unless meant as a correction, "wrong_rules",
    "same_start".
    """
    Unit.objects.select_for_update().get(pk=county.pk)
    document = _checked(county, valid_from, document, is_correction=is_correction)
    _check_rules(rules)
    if PayRules.objects.filter(unit=county, valid_from=valid_from).exists():
        words = _("Rules begin in that month already. They are never overwritten: choose a later month.")
        raise ValidationError({"valid_from": ValidationError(words, "same_start")})
    row = PayRules.objects.create(
        unit=county,
        path=county.path,
        valid_from=valid_from,
        document=document,
        deciding_day=rules.deciding_day,
        starts=rules.starts,
        stops=rules.stops,
        other_posts=sorted(rules.other_posts),
        within_approved_posts=rules.within_approved_posts,
        grade_shares={grade: str(share) for grade, share in rules.grade_shares.items()},
        performance_month=rules.performance_month,
        budget=rules.budget,
        entered_by=by,
    )
    audit.record_many([_event("assessments.enter_payrules", row, by, _told_rules(row))])
    return row


def _check_rules(rules: NewRules) -> None:
    problems = {
        "deciding_day": not 1 <= rules.deciding_day <= 28,
        "other_posts": not set(rules.other_posts) <= OTHER_POSTS,
        "starts": rules.starts not in PayRules.Starts.values,
        "stops": rules.stops not in PayRules.Stops.values,
        "performance_month": not 1 <= rules.performance_month <= 12,
        "budget": rules.budget is not None and rules.budget < 0,
        "grade_shares": not set(rules.grade_shares) <= set(Grade.values)
        or not all(0 <= share <= MOST_SHARE for share in rules.grade_shares.values()),
    }
    wrong = {
        name: ValidationError(_("This value is not possible here."), "wrong_rules")
        for name, is_wrong in problems.items()
        if is_wrong
    }
    if wrong:
        raise ValidationError(wrong)


@transaction.atomic
def approve_rules(rules: PayRules, *, by: User, now: datetime) -> PayRules:
    """Raises ValidationError "approved_already", "exported_meanwhile", PermissionDenied for who entered them."""
    row = PayRules.objects.select_for_update(of=("self",)).get(pk=rules.pk)
    _approve(row, by, now)
    audit.record_many([_event("assessments.approve_payrules", row, by, _told_rules(row))])
    return row


@transaction.atomic
def discard_rules(rules: PayRules, *, by: User) -> None:
    """Takes rules back that nobody has approved. Raises ValidationError "approved_already"."""
    row = PayRules.objects.select_for_update(of=("self",)).get(pk=rules.pk)
    _require_waiting(row)
    audit.record_many([_event("assessments.discard_payrules", row, by, _told_rules(row))])
    row.delete()


def _told_rules(row: PayRules) -> dict[str, Any]:
    names = (
        "valid_from", "document", "deciding_day", "starts", "stops", "other_posts", "within_approved_posts",
        "grade_shares", "performance_month", "budget",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}
