"""Things to do about pay: rates to approve, sheets to prepare, sign, approve, hand over, and answers to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assessments.models import FlagAward, PayLine, PaySheet, UpliftRate
from branches.scoping import paths_for
from branches.todo import Source, Todo

if TYPE_CHECKING:
    from accounts.models import User

State = PaySheet.State
PREPARE = "assessments.prepare_paysheet"


def _month(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


def _url(month: date) -> str:
    return f"{reverse('assessments:pay')}?month={month:%Y-%m}"


def _to_prepare(user: User, now: datetime) -> list[Todo]:
    """This month where flags are paid in it and it has no sheet yet."""
    paths = paths_for(user, PREPARE)
    if not paths:
        return []
    month = timezone.localdate(now).replace(day=1)
    within = Q()
    for path in paths:
        within |= Q(path__startswith=path)
    flags = FlagAward.objects.filter(
        within,
        Q(pay_until__isnull=True) | Q(pay_until__gte=month),
        approved_by__isnull=False,
        pay_from__lte=month,
        valid_to__gte=month,
    )
    prepared = PaySheet.objects.filter(month=month, path__startswith=OuterRef("round__path"))
    number = flags.filter(~Exists(prepared)).count()
    if not number:
        return []
    return [
        Todo(
            key="pay",
            icon="calculator",
            tone="info",
            title=_("Prepare the pay sheets of %(month)s") % {"month": _month(month)},
            detail=ngettext("%(n)d flag is paid in it.", "%(n)d flags are paid in it.", number) % {"n": number},
            action=_("Prepare"),
            url=_url(month),
        )
    ]


def _to_sign(user: User, now: datetime) -> list[Todo]:
    rows = (
        PaySheet.objects.for_user(user, "sign")
        .filter(state=State.DRAFT, returned_reason="")
        .exclude(prepared_by=user)
        .select_related("unit")
    )
    return [
        Todo(
            key="pay",
            icon="clipboard-check",
            tone="info",
            title=_("%(township)s: sign the pay sheet of %(month)s")
            % {"township": row.unit.name, "month": _month(row.month)},
            detail=ngettext("%(n)d person, %(yuan)s yuan", "%(n)d people, %(yuan)s yuan", row.people)
            % {"n": row.people, "yuan": f"{row.total:,.2f}"},
            action=_("Check and sign"),
            url=reverse("assessments:pay_sheet", args=[row.pk]),
        )
        for row in rows
    ]


def _to_approve(user: User, now: datetime) -> list[Todo]:
    rows = PaySheet.objects.for_user(user, "approve").filter(state=State.SIGNED)
    found = _by_month(rows.exclude(prepared_by=user).exclude(signed_by=user).values_list("month", flat=True))
    return [
        Todo(
            key="pay",
            icon="checks",
            tone="warn",
            title=_("Approve the pay sheets of %(month)s") % {"month": _month(month)},
            detail=ngettext("%(n)d sheet is signed", "%(n)d sheets are signed", number) % {"n": number},
            action=_("Check and approve"),
            url=f"{reverse('assessments:pay_approve')}?month={month:%Y-%m}",
        )
        for month, number in found
    ]


def _to_hand_over(user: User, now: datetime) -> list[Todo]:
    """Approved sheets, and drafts that came back."""
    rows = PaySheet.objects.for_user(user, "export").filter(
        Q(state=State.APPROVED) | (Q(state=State.DRAFT) & ~Q(returned_reason=""))
    )
    states = list(rows.values_list("month", "state"))
    approved = _by_month(month for month, state in states if state == State.APPROVED)
    returned = _by_month(month for month, state in states if state == State.DRAFT)
    return [
        *(
            Todo(
                key="pay",
                icon="file-export",
                tone="info",
                title=_("Hand the pay sheets of %(month)s to the finance office") % {"month": _month(month)},
                detail=ngettext("%(n)d sheet is approved", "%(n)d sheets are approved", number) % {"n": number},
                action=_("Hand over"),
                url=_url(month),
            )
            for month, number in approved
        ),
        *(
            Todo(
                key="pay",
                icon="arrow-back-up",
                tone="warn",
                title=_("Pay sheets of %(month)s came back") % {"month": _month(month)},
                detail=ngettext("%(n)d sheet is to be prepared anew", "%(n)d sheets are to be prepared anew", number)
                % {"n": number},
                action=_("See why"),
                url=_url(month),
            )
            for month, number in returned
        ),
    ]


def _to_read(user: User, now: datetime) -> list[Todo]:
    """Sheets with the finance office. They can wait unless a payment failed."""
    rows = (
        PaySheet.objects.for_user(user, "settle")
        .filter(state=State.EXPORTED)
        .annotate(failed=Count("lines", filter=Q(lines__payment=PayLine.Payment.FAILED)))
    )
    months: Counter[date] = Counter()
    failed: Counter[date] = Counter()
    for month, number in rows.values_list("month", "failed"):
        months[month] += 1
        failed[month] += number
    return [
        Todo(
            key="pay",
            icon="upload",
            tone="warn" if failed[month] else "",
            title=_("Read the finance office's answer for %(month)s") % {"month": _month(month)},
            detail=ngettext("%(n)d payment failed", "%(n)d payments failed", failed[month]) % {"n": failed[month]}
            if failed[month]
            else ngettext("%(n)d sheet is not settled", "%(n)d sheets are not settled", months[month])
            % {"n": months[month]},
            action=_("Open the month"),
            url=_url(month),
            can_wait=not failed[month],
        )
        for month in sorted(months)
    ]


def _terms_to_approve(user: User, now: datetime) -> list[Todo]:
    rows = UpliftRate.objects.for_user(user, "approve").filter(approved_by__isnull=True).exclude(entered_by=user)
    number = rows.count()
    if not number:
        return []
    return [
        Todo(
            key="pay",
            icon="coins",
            tone="warn",
            title=ngettext("%(n)d rate of pay waits", "%(n)d rates of pay wait", number) % {"n": number},
            detail=_("They count for nothing until a leader approves them."),
            action=_("Check and approve"),
            url=reverse("assessments:pay_terms_approve"),
        )
    ]


def _by_month(months: Iterable[date]) -> list[tuple[date, int]]:
    return sorted(Counter(months).items())


SOURCES: tuple[Source, ...] = (_to_prepare, _to_sign, _to_approve, _to_hand_over, _to_read, _terms_to_approve)
