"""Things to do about the money of collectives: to confirm, to sign, to approve, to close, to look after.

One query for each source, none for who has not the right. What many rows ask for is one line with their number and,
where it is money, their sum.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Length, Substr
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from branches.models import Unit
from branches.scoping import STEP, rows_with
from branches.todo import Source, Todo
from collective_economy.arrears import overdue
from collective_economy.models import AuditFinding, LedgerMonth, Payment, Programme, Project, Receivable, Stage
from collective_economy.project_lists import late_on
from collective_economy.schedule import add_months

if TYPE_CHECKING:
    from accounts.models import User

MONTHS_BACK = 12
"""Months of a ledger that were open for longer are no longer told here; the page of the month close has them all."""
WAN = 10_000


def _url(name: str, query: str = "", **kwargs: Any) -> str:
    address = reverse(f"collective_economy:{name}", kwargs=kwargs or None)
    return f"{address}?{query}" if query else address


def _wan(yuan: Decimal | None) -> str:
    """Rounded half up, as pages write it."""
    return f"{((yuan or Decimal(0)) / WAN).quantize(Decimal('0.01'), ROUND_HALF_UP):,f}"


def _payments_to_confirm(user: User, now: datetime) -> list[Todo]:
    rows = Payment.objects.for_user(user, "confirm").filter(state=Payment.State.ENTERED).exclude(entered_by=user)
    found = rows.aggregate(number=Count("pk"), sum=Sum("amount"), first=Min("entered_at"))
    if not found["number"]:
        return []
    since = date_format(timezone.localtime(found["first"]), "SHORT_DATE_FORMAT")
    words = ngettext("%(n)d payment waits for confirmation", "%(n)d payments wait for confirmation", found["number"])
    return [
        Todo(
            key="payments",
            icon="checks",
            tone="warn",
            title=words % {"n": found["number"]},
            detail=_("%(wan)s ten thousand yuan, the first since %(day)s") % {"wan": _wan(found["sum"]), "day": since},
            action=_("Check and confirm"),
            url=_url("payment_confirm"),
            number=found["number"],
        )
    ]


def _programmes_to_confirm(user: User, now: datetime) -> list[Todo]:
    """One line each: there are a few in a year."""
    rows = Programme.objects.for_user(user, "confirm").filter(confirmed_by__isnull=True).exclude(entered_by=user)
    return [
        Todo(
            key="programmes",
            icon="building-bank",
            tone="warn",
            title=_("Confirm the programme %(name)s") % {"name": programme.name},
            detail=_("%(document)s, %(wan)s ten thousand yuan")
            % {"document": programme.document, "wan": _wan(programme.sum)},
            action=_("Check and confirm"),
            url=_url("programme", pk=programme.pk),
        )
        for programme in rows.annotate(sum=Sum("sources__amount")).order_by("pk")
    ]


def _projects_to_sign(user: User, now: datetime) -> list[Todo]:
    rows = Project.objects.for_user(user, "sign").filter(stage=Stage.APPLY, signed_on__isnull=True)
    number = rows.exclude(entered_by=user).count()
    words = ngettext("%(n)d application waits for your signature", "%(n)d applications wait for your signature", number)
    detail = _("The township checks it and signs; then the county reviews.")
    return _projects_waiting(
        Stage.APPLY, number, words, detail, pgettext("project", "Check and sign"), "clipboard-check"
    )


def _projects_to_approve(user: User, now: datetime) -> list[Todo]:
    number = Project.objects.for_user(user, "approve").filter(stage=Stage.APPROVE).exclude(entered_by=user).count()
    words = ngettext("%(n)d project waits for approval", "%(n)d projects wait for approval", number)
    detail = _("After the public notice the county approves the money by source.")
    return _projects_waiting(Stage.APPROVE, number, words, detail, pgettext("project", "Check and approve"), "checks")


def _projects_waiting(stage: str, number: int, words: str, detail: str, action: str, icon: str) -> list[Todo]:
    """One line for all projects of a stage that wait for the user, none for none."""
    if not number:
        return []
    return [
        Todo(
            key="projects",
            icon=icon,
            tone="warn",
            title=words % {"n": number},
            detail=detail,
            action=action,
            url=_url("project_list", f"stage={stage}"),
            number=number,
        )
    ]


def _months_to_close(user: User, now: datetime) -> list[Todo]:
    """Months that are over and have their bank statement, or a note why not."""
    month = timezone.localdate(now).replace(day=1)
    rows = LedgerMonth.objects.for_user(user, "close").filter(
        Q(statement_balance__isnull=False) | ~Q(difference_note=""),
        month__gte=add_months(month, -MONTHS_BACK),
        month__lt=month,
        closed_at__isnull=True,
    )
    found = rows.aggregate(number=Count("pk"), first=Min("month"))
    if not found["number"]:
        return []
    words = ngettext("%(n)d month of a ledger can be closed", "%(n)d months of ledgers can be closed", found["number"])
    return [
        Todo(
            key="month_close",
            icon="lock",
            tone="info",
            title=words % {"n": found["number"]},
            detail=_("The first of %(month)s.") % {"month": date_format(found["first"], "YEAR_MONTH_FORMAT")},
            action=pgettext("ledger", "Close"),
            url=_url("month_close", f"month={found['first']:%Y-%m}"),
            number=found["number"],
        )
    ]


def _findings_to_close(user: User, now: datetime) -> list[Todo]:
    rows = AuditFinding.objects.for_user(user, "close").filter(closed_on__isnull=True, handed_in_by__isnull=False)
    number = rows.exclude(handed_in_by=user).count()
    if not number:
        return []
    words = ngettext("%(n)d finding has its evidence", "%(n)d findings have their evidence", number)
    return [
        Todo(
            key="findings",
            icon="shield-check",
            tone="info",
            title=words % {"n": number},
            detail=_("Somebody else than who handed it in closes the finding."),
            action=_("Check and close"),
            url=_url("finding_list", "state=handed_in"),
            number=number,
        )
    ]


def _findings_overdue(user: User, now: datetime) -> list[Todo]:
    today = timezone.localdate(now)
    rows = AuditFinding.objects.for_user(user, "change").filter(
        closed_on__isnull=True, handed_in_by__isnull=True, due_on__lt=today
    )
    found = rows.aggregate(number=Count("pk"), first=Min("due_on"))
    if not found["number"]:
        return []
    words = ngettext("%(n)d finding is overdue", "%(n)d findings are overdue", found["number"])
    return [
        Todo(
            key="findings",
            icon="alert-triangle",
            tone="bad",
            title=words % {"n": found["number"]},
            detail=_("The first was due on %(day)s.") % {"day": _day(found["first"])},
            action=pgettext("finding", "Put right"),
            url=_url("finding_list", "state=overdue"),
            is_overdue=True,
            number=found["number"],
        )
    ]


def _income_overdue(user: User, now: datetime) -> list[Todo]:
    """One line for each township."""
    today = timezone.localdate(now)
    rows = overdue(rows_with(user, Receivable.objects.all(), "collective_economy.change_contract"), today)
    grouped = (
        rows.order_by()
        .values(place=Substr("path", 1, Length("path") - STEP))
        .annotate(
            number=Count("pk"),
            sum=Sum(F("amount") - F("received")),
            first=Min("due_on"),
            township=_of_place("pk"),
            name=_of_place("name"),
        )
        .order_by("place")
    )
    return [
        Todo(
            key="contracts",
            icon="hourglass",
            tone="warn",
            title=ngettext(
                "%(place)s: %(n)d sum by contract is overdue",
                "%(place)s: %(n)d sums by contract are overdue",
                row["number"],
            )
            % {"place": row["name"], "n": row["number"]},
            detail=_("%(wan)s ten thousand yuan, the first since %(day)s")
            % {"wan": _wan(row["sum"]), "day": _day(row["first"])},
            action=_("Follow up"),
            url=_url("contract_list", f"show=overdue&township={row['township']}"),
            can_wait=True,
            number=row["number"],
        )
        for row in grouped
    ]


def _of_place(field: str) -> Subquery:
    return Subquery(Unit.objects.filter(path=OuterRef("place")).order_by().values(field)[:1])


def _projects_late(user: User, now: datetime) -> list[Todo]:
    number = Project.objects.for_user(user, "change").filter(late_on(timezone.localdate(now))).count()
    if not number:
        return []
    words = ngettext("%(n)d project is late", "%(n)d projects are late", number)
    return [
        Todo(
            key="projects",
            icon="clock",
            tone="warn",
            title=words % {"n": number},
            detail=_("A milestone, an instalment, the start or the finish is past its day."),
            action=_("See why"),
            url=_url("project_list", "late=1"),
            can_wait=True,
            number=number,
        )
    ]


def _day(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


SOURCES: tuple[Source, ...] = (
    _payments_to_confirm,
    _programmes_to_confirm,
    _projects_to_sign,
    _projects_to_approve,
    _months_to_close,
    _findings_to_close,
    _findings_overdue,
    _income_overdue,
    _projects_late,
)
