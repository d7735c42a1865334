"""A village's month: its entries with running balance, entering, reversing, the bank's balance, closing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from branches.history import Happening, happenings
from branches.models import Unit
from branches.months import after, first_of_window
from branches.scoping import fetch, must_hold, rows_with
from branches.versions import Conflict, events_of
from collective_economy.closing import Standing, book_opening, closed_spans, standings
from collective_economy.ledger_forms import EntryForm, ReverseForm, StatementForm
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.services import ledger

SEE = "collective_economy.view_ledgermonth"
ENTER = "collective_economy.add_ledgerentry"
RECONCILE = "collective_economy.change_ledgermonth"
CLOSE = "collective_economy.close_ledgermonth"
EVENTS = 25
LABELS: dict[str, Any] = {
    "income": gettext_lazy("income in all"),
    "expense": gettext_lazy("expense in all"),
    "closing": gettext_lazy("balance by the books"),
    "entry_count": gettext_lazy("entries"),
}
"""What the event of a close tells beside the fields of the month."""


@dataclass(frozen=True)
class Line:
    """An entry with the balance after it, None where the balance at the beginning is not known."""

    entry: LedgerEntry
    balance: Decimal | None

    @property
    def income(self) -> Decimal | None:
        return None if self.entry.is_expense else self.entry.amount

    @property
    def expense(self) -> Decimal | None:
        return self.entry.amount if self.entry.is_expense else None


@require_GET
def ledger_month(request: HttpRequest, pk: int, month: date) -> HttpResponse:
    return _page(request, _village(request.user, pk, SEE), month)


@require_POST
def ledger_enter(request: HttpRequest, pk: int, month: date) -> HttpResponse:
    """The next entry. What follows begins with its day and category."""
    unit, today = _village(request.user, pk, ENTER), timezone.localdate()
    form = EntryForm(request.POST, user=request.user, unit=unit, month=month)
    if not form.is_valid():
        return _page(request, unit, month, entry_form=form)
    try:
        entry = ledger.enter_entry(unit, form.entry(), by=request.user, today=today)
    except ValidationError as error:
        form.add_error(None, error)
        return _page(request, unit, month, entry_form=form)
    messages.success(request, _("Entered: %(what)s, %(amount)s yuan.") % _told(entry))
    if ledger.is_late(entry, today):
        words = _("Income goes into the account within %(days)s days; this was received on %(day)s.")
        messages.warning(request, words % {"days": ledger.DAYS_TO_ACCOUNT, "day": entry.day})
    return redirect(f"{_address(unit, entry.month)}?day={entry.day}&category={entry.category}#entry-form")


@require_POST
def ledger_statement(request: HttpRequest, pk: int, month: date) -> HttpResponse:
    unit = _village(request.user, pk, RECONCILE)
    form = StatementForm(request.POST, is_first=_is_first(unit, month))
    if form.is_valid():
        given = form.cleaned_data
        try:
            ledger.set_statement(
                unit,
                month,
                statement_balance=given["statement_balance"],
                note=given["note"],
                opening=given.get("opening"),
                by=request.user,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{_address(unit, month)}#statement")
    return _page(request, unit, month, statement_form=form)


@require_POST
def ledger_close(request: HttpRequest, pk: int, month: date) -> HttpResponse:
    unit = _village(request.user, pk, CLOSE)
    try:
        ledger.close_month(unit, month, by=request.user, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = _("%(month)s is closed. From now on it changes only by reversals.")
        messages.success(request, words % {"month": date_format(month, "YEAR_MONTH_FORMAT")})
    return redirect(_address(unit, month))


@require_http_methods(["GET", "POST"])
def ledger_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """An entry with its history; who may changes it while its month is open."""
    must_hold(request.user, "collective_economy.view_ledgerentry")
    entry: LedgerEntry = fetch(request.user, LedgerEntry, pk, "change" if request.method == "POST" else "view")
    form = _change_form(request, entry, request.POST or None) if _is_open_to_change(request.user, entry) else None
    if request.method == "POST":
        if form is None:
            messages.error(request, _("This entry is not changed any more; reverse it."))
            return redirect("collective_economy:ledger_entry", pk)
        if form.is_valid():
            changed = _changed(request, entry, form)
            if changed is not None:
                messages.success(request, _("Saved."))
                return redirect(_address(changed.unit, changed.month))
            form = _after_conflict(request, entry, form)
    return _entry_page(request, pk, form)


def _changed(request: HttpRequest, entry: LedgerEntry, form: EntryForm) -> LedgerEntry | None:
    """The entry as saved; None when the form says what is wrong, or somebody else was first."""
    given = form.cleaned_data
    try:
        return ledger.change_entry(
            entry,
            form.entry(),
            version=given["base_version"],
            reason=given["reason"],
            by=request.user,
            today=timezone.localdate(),
        )
    except ValidationError as error:
        form.add_error(None, error)
    except Conflict:
        pass
    return None


def _after_conflict(request: HttpRequest, entry: LedgerEntry, form: EntryForm) -> EntryForm:
    """With what was stored meanwhile beside what was typed, unless the form has its own errors."""
    if form.errors:
        return form
    fresh = _change_form(request, fetch(request.user, LedgerEntry, entry.pk, "change"), request.POST)
    fresh.is_valid()
    return fresh


def _change_form(request: HttpRequest, entry: LedgerEntry, data: Any) -> EntryForm:
    return EntryForm(data, user=request.user, unit=entry.unit, month=entry.month, instance=entry)


def _is_open_to_change(user: User, entry: LedgerEntry) -> bool:
    is_kept = entry.is_total or entry.reverses_id is not None or hasattr(entry, "reversed_by")
    if is_kept or not user.has_perm("collective_economy.change_ledgerentry", entry):
        return False
    return not LedgerMonth.objects.filter(unit=entry.unit_id, month=entry.month, closed_at__isnull=False).exists()


def _entry_page(request: HttpRequest, pk: int, form: EntryForm | None) -> HttpResponse:
    related = ("unit", "entered_by", "checked_by", "reverses", "reversed_by", "receivable__contract", "project")
    entry = LedgerEntry.objects.for_user(request.user).select_related(*related).get(pk=pk)
    context = {
        "title": _("Ledger entry"),
        "entry": entry,
        "reversal": getattr(entry, "reversed_by", None),
        "form": form,
        "may_reverse": _may_reverse(request.user, entry),
        "month_url": _address(entry.unit, entry.month),
        "happenings": happenings(LedgerEntry, events_of(entry)[:EVENTS]),
        "crumbs": [*_crumbs(), (_address(entry.unit, entry.month), _name_of(entry.unit, entry.month))],
    }
    return render(request, "collective_economy/ledger_entry.html", context, status=422 if form and form.errors else 200)


def _may_reverse(user: User, entry: LedgerEntry) -> bool:
    is_taken_back = entry.reverses_id is not None or hasattr(entry, "reversed_by")
    return not is_taken_back and user.has_perm("collective_economy.change_ledgerentry", entry)


@require_http_methods(["GET", "POST"])
def ledger_entry_reverse(request: HttpRequest, pk: int) -> HttpResponse:
    must_hold(request.user, "collective_economy.change_ledgerentry")
    entry: LedgerEntry = fetch(request.user, LedgerEntry, pk, "change")
    today = timezone.localdate()
    form = ReverseForm(request.POST or None, initial={"day": today})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            back = ledger.reverse_entry(entry, on=given["day"], reason=given["reason"], by=request.user, today=today)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            words = _("Reversed: %(what)s, %(amount)s yuan.") % _told(back)
            messages.success(request, words)
            return redirect(_address(entry.unit, back.month))
    context = {
        "title": _("Reverse an entry"),
        "entry": entry,
        "form": form,
        "back": reverse("collective_economy:ledger_entry", args=[pk]),
        "crumbs": [*_crumbs(), (_address(entry.unit, entry.month), _name_of(entry.unit, entry.month))],
    }
    return render(request, "collective_economy/ledger_reverse.html", context, status=422 if form.errors else 200)


# --- The page of a month --------------------------------------------------------------------


def _page(
    request: HttpRequest,
    unit: Unit,
    month: date,
    *,
    entry_form: EntryForm | None = None,
    statement_form: StatementForm | None = None,
) -> HttpResponse:
    """As many queries for one entry as for all."""
    user, today = request.user, timezone.localdate()
    rights = {name: _holds(user, unit, right) for name, right in RIGHTS.items()}
    standing = _standing(unit, month, user if rights["close"] else None, today)
    row = standing.row
    opening = standing.opening if row.is_closed else book_opening(unit.pk, month)
    is_closed = row.is_closed or _is_before_closed(unit, month)
    is_first = _is_first(unit, month)
    entry_form = entry_form or EntryForm(initial=_initial(request, month, today), user=user, unit=unit, month=month)
    if "day" in request.GET:
        entry_form.fields["day"].widget.attrs["autofocus"] = True
    statement_form = statement_form or StatementForm(
        initial={"opening": row.opening, "statement_balance": row.statement_balance, "note": row.difference_note},
        is_first=is_first,
    )
    context = {
        "title": _name_of(unit, month),
        "crumbs": _crumbs(),
        "unit": unit,
        "month": month,
        "before": first_of_window(month, 2),
        "after": after(month) if after(month) <= today else None,
        "row": row,
        "lines": _lines(unit, month, opening),
        "opening": opening,
        "closing": None if opening is None else opening + row.income - row.expense,
        "standing": standing,
        "is_closed": is_closed,
        "rights": rights,
        "entry_form": entry_form if rights["enter"] and not is_closed else None,
        "statement_form": statement_form if rights["reconcile"] and not row.is_closed else None,
        "happenings": _history(row) if row.pk else [],
    }
    has_errors = entry_form.errors or statement_form.errors
    return render(request, "collective_economy/ledger_month.html", context, status=422 if has_errors else 200)


def _history(row: LedgerMonth) -> list[Happening]:
    found = happenings(LedgerMonth, events_of(row)[:EVENTS])
    return [
        replace(each, changes=[replace(one, label=str(LABELS.get(one.label, one.label))) for one in each.changes])
        for each in found
    ]


RIGHTS = {"enter": ENTER, "reconcile": RECONCILE, "close": CLOSE}


def _standing(unit: Unit, month: date, closer: User | None, today: date) -> Standing:
    rows = LedgerMonth.objects.filter(unit=unit, month=month).select_related("closed_by")
    found = standings(rows, closer, today)
    if found:
        return found[0]
    return Standing(LedgerMonth(unit=unit, path=unit.path, month=month), None, ())


def _lines(unit: Unit, month: date, opening: Decimal | None) -> list[Line]:
    """Totals of the month first, then by day."""
    rows = LedgerEntry.objects.filter(unit=unit, month=month)
    related = ("entered_by", "checked_by", "project", "receivable__contract", "reversed_by")
    entries = sorted(rows.select_related(*related), key=lambda entry: (entry.day or entry.month, entry.pk))
    lines, balance = [], opening
    for entry in entries:
        if balance is not None:
            balance += -entry.amount if entry.is_expense else entry.amount
        lines.append(Line(entry, balance))
    return lines


def _initial(request: HttpRequest, month: date, today: date) -> dict[str, Any]:
    """After an entry the next one begins with its day and category."""
    day = today if today.replace(day=1) == month else month
    try:
        typed = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        typed = day
    category = request.GET.get("category", "")
    due = request.GET.get("receivable", "")
    return {
        "receivable": due if due.isdecimal() else None,
        "day": typed if typed.replace(day=1) == month else day,
        "category": category if category in LedgerEntry.Category.values else "operating",
        "account": LedgerEntry.Account.COLLECTIVE,
    }


def _is_first(unit: Unit, month: date) -> bool:
    """Whether the balance at the beginning of this month is typed: no other month has one."""
    return not LedgerMonth.objects.filter(unit=unit, opening__isnull=False).exclude(month=month).exists()


def _is_before_closed(unit: Unit, month: date) -> bool:
    begun, closed = closed_spans([unit.pk]).get(unit.pk, (None, None))
    return begun is not None and closed is not None and begun <= month < closed


# --- Places ----------------------------------------------------------------------------------


def _village(user: User, pk: int, permission: str) -> Unit:
    """Http404 for a village whose ledger the user does not see, PermissionDenied without the right there."""
    must_hold(user, SEE)
    unit = rows_with(user, Unit.objects.villages(), SEE).filter(pk=pk).first()
    if unit is None:
        raise Http404
    if permission != SEE and not _holds(user, unit, permission):
        raise PermissionDenied
    return unit


def _holds(user: User, unit: Unit, permission: str) -> bool:
    return rows_with(user, Unit.objects.filter(pk=unit.pk), permission).exists()


def _address(unit: Unit, month: date) -> str:
    return reverse("collective_economy:ledger_month", args=[unit.pk, month])


def _name_of(unit: Unit, month: date) -> str:
    return _("%(village)s, %(month)s") % {
        "village": unit.short_name,
        "month": date_format(month, "YEAR_MONTH_FORMAT"),
    }


def _told(entry: LedgerEntry) -> dict[str, Any]:
    return {"what": entry.summary or entry.get_category_display(), "amount": f"{entry.amount:,.2f}"}


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("collective_economy:ledger"), str(LedgerEntry._meta.verbose_name_plural))]
