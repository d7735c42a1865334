"""What the ledger says of villages for the month and the flags: income, vouchers, receivables.

Income of months is read from the months' sums, which the database keeps; amounts are yuan with cents. A village
whose ledger holds nothing within twelve months keeps none: it has no data, not zero. Rule:
docs/rules/economy-indicators.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.utils.translation import gettext as _

from branches.indicators import Reading
from branches.months import first_of_window
from collective_economy.by_village import Asked, cents, last_day
from collective_economy.models import IncomeTarget, LedgerEntry, LedgerMonth, Receivable
from collective_economy.models.ledger import COUNTED_AS_OPERATING

Readings = Mapping[int, Reading]
MONTHS = 12
FOUR_PLACES = Decimal("0.0001")


# --- Operating income -------------------------------------------------------------------------


@dataclass(slots=True)
class _Income:
    amount: Decimal = Decimal(0)
    first: date | None = None
    """First month in which the ledger holds anything, of the months looked at."""


def _sums(name: str, first: date, last: date) -> dict[str, Any]:
    return {
        f"{name}_{category}": Sum(category, filter=Q(month__gte=first, month__lte=last))
        for category in COUNTED_AS_OPERATING
    }


def _of(row: Mapping[str, Any], name: str) -> Decimal:
    return sum((cents(row[f"{name}_{category}"]) for category in COUNTED_AS_OPERATING), Decimal(0))


def _recorded(asked: Asked, first: date, last: date) -> Any:
    return asked.at(LedgerMonth.objects.filter(month__gte=first, month__lte=last, entry_count__gt=0)).values("unit_id")


def _income(asked: Asked, first: date, last: date, *, kept_since: date) -> dict[int, _Income]:
    """Village -> operating income from `first` to `last`; only where the ledger holds anything since `kept_since`.

    One query.
    """
    found: dict[int, _Income] = defaultdict(_Income)
    rows = _recorded(asked, kept_since, last).annotate(since=Min("month"), **_sums("sum", first, last))
    for row in rows:
        if row["unit_id"] in asked.owner:
            income = found[asked.owner[row["unit_id"]]]
            income.amount += _of(row, "sum")
            income.first = min(row["since"], income.first or row["since"])
    return found


def income_progress(village_ids: Collection[int], month: date) -> Readings:
    """C1: operating income of the year to the end of the month ÷ target × month ÷ 12, in yuan.

    No data without a target, or without anything in the ledger for twelve months. Three queries.
    """
    asked = Asked.on(village_ids, last_day(month))
    income = _income(asked, month.replace(month=1), month, kept_since=first_of_window(month, MONTHS))
    targets: dict[int, Decimal] = defaultdict(Decimal)
    rows = asked.at(IncomeTarget.objects.filter(year=month.year)).values_list("unit_id", "amount")
    for unit_id, amount in rows:
        if unit_id in asked.owner:
            targets[asked.owner[unit_id]] += amount
    note = _("target of the year %(target)s yuan")
    return {
        pk: Reading(income[pk].amount, cents(target * month.month / 12), note % {"target": f"{target:.2f}"})
        for pk, target in targets.items()
        if pk in income
    }


def income_of_twelve_months(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F3-1, gate of F3: operating income in yuan of the twelve months that end with the round. Two queries."""
    since = first_of_window(last, MONTHS)
    found = _income(Asked.on(village_ids, last), since, last, kept_since=since)
    note = _("%(amount)s yuan in the twelve months to %(month)s")
    return {
        pk: Reading(one.amount, note=note % {"amount": f"{one.amount:.2f}", "month": f"{last:%Y-%m}"})
        for pk, one in found.items()
    }


def income_growth(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F3-2: growth in percent of the round's operating income against the same months a year before. Two queries.

    Only where the ledger goes back to the first of those months: what was not kept is not zero. None where there
    was no income before, which nothing can be compared with.
    """
    asked = Asked.on(village_ids, last)
    months = (first.replace(day=1), last.replace(day=1))
    before = (months[0].replace(year=first.year - 1), months[1].replace(year=last.year - 1))
    rows = asked.at(LedgerMonth.objects.filter(month__lte=last, entry_count__gt=0)).values("unit_id")
    now_amount: dict[int, Decimal] = defaultdict(Decimal)
    then_amount: dict[int, Decimal] = defaultdict(Decimal)
    kept: set[int] = set()
    recorded: set[int] = set()
    counts = {"count": Count("pk", filter=Q(month__gte=months[0])), "since": Min("month")}
    for row in rows.annotate(**counts, **_sums("now", *months), **_sums("then", *before)):
        if row["unit_id"] in asked.owner:
            pk = asked.owner[row["unit_id"]]
            now_amount[pk] += _of(row, "now")
            then_amount[pk] += _of(row, "then")
            kept |= {pk} if row["since"] <= before[0] else set()
            recorded |= {pk} if row["count"] else set()
    return {pk: _growth(now_amount[pk], then_amount[pk]) for pk in kept & recorded if then_amount[pk] > 0}


def _growth(now: Decimal, then: Decimal) -> Reading:
    percent = ((now - then) * 100 / then).quantize(FOUR_PLACES, ROUND_HALF_UP)
    note = _("%(now)s yuan, a year before %(then)s yuan") % {"now": f"{now:.2f}", "then": f"{then:.2f}"}
    return Reading(percent, note=note)


# --- Vouchers -----------------------------------------------------------------------------------


def ledger_complete(village_ids: Collection[int], month: date) -> Readings:
    """C2: entries of the month that name their voucher ÷ entries. Three queries.

    Totals that a sheet brought are left out: they are no entries, and what vouchers stand behind them is not known.
    A month known by totals alone has no data. A month without any entry of a village that keeps its ledger has
    nothing that could lack a voucher: 0 of 0.
    """
    asked = Asked.on(village_ids, last_day(month))
    of_month = Q(month=month)
    rows = _recorded(asked, first_of_window(month, MONTHS), month).annotate(
        entries=Sum("entry_count", filter=of_month), vouchers=Sum("voucher_count", filter=of_month)
    )
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        _add(counts, asked, row["unit_id"], row["vouchers"] or 0, row["entries"] or 0, 0)
    totals = asked.at(LedgerEntry.objects.filter(month=month, is_total=True)).values("unit_id")
    named = Count("pk", filter=~Q(voucher_number=""))
    for row in totals.annotate(count=Count("pk"), named=named):
        _add(counts, asked, row["unit_id"], -row["named"], -row["count"], row["count"])
    return {
        pk: _vouchers(named, entries)
        for pk, (named, entries, total_count) in counts.items()
        if entries or not total_count
    }


def _add(counts: dict[int, list[int]], asked: Asked, unit_id: int, *numbers: int) -> None:
    if unit_id in asked.owner:
        held = counts[asked.owner[unit_id]]
        held[:] = [one + other for one, other in zip(held, numbers, strict=True)]


def _vouchers(named: int, entries: int) -> Reading:
    if not entries:
        return Reading(Decimal(0), Decimal(0), _("no entry in the month"))
    note = _("%(named)d of %(entries)d entries with voucher") % {"named": named, "entries": entries}
    return Reading(Decimal(named), Decimal(entries), note)


# --- Receivables --------------------------------------------------------------------------------


def receivables_collected(village_ids: Collection[int], month: date) -> Readings:
    """C5: received by the end of the month ÷ due by contract in the year up to then, in yuan. Three queries."""
    return _collected(village_ids, month.replace(month=1), last_day(month))


def receivables_of_round(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F3-5: received by the last day of the round ÷ due by contract in it, in yuan. Three queries."""
    return _collected(village_ids, first, last)


@dataclass(frozen=True, slots=True)
class Due:
    """What was due by a contract in a span; `received` by its end, in yuan."""

    unit: int
    project: int | None
    amount: Decimal
    received: Decimal


def due_by_contract(asked: Asked, first: date, last: date, condition: Q | None = None) -> list[Due]:
    """Receivables due from `first` to `last` that were still asked for on `last`. Two queries."""
    is_asked_for = Q(waived_on__isnull=True) | Q(waived_on__gt=last)
    due = Q(due_on__gte=first, due_on__lte=last) & is_asked_for & (condition or Q())
    rows = list(asked.at(Receivable.objects.filter(due)).values_list("pk", "unit_id", "contract__project_id", "amount"))
    entries = LedgerEntry.objects.filter(month__lte=last, receivable__in=Receivable.objects.filter(due).values("pk"))
    sums = asked.at(entries).values("receivable_id").annotate(sum=Sum("amount"))
    received = {row["receivable_id"]: cents(row["sum"]) for row in sums}
    return [
        Due(unit, project, amount, min(max(received.get(pk, Decimal(0)), Decimal(0)), amount))
        for pk, unit, project, amount in rows
        if unit in asked.owner
    ]


def _collected(village_ids: Collection[int], first: date, last: date) -> Readings:
    asked = Asked.on(village_ids, last)
    by_village: dict[int, list[Due]] = defaultdict(list)
    for one in due_by_contract(asked, first, last):
        by_village[asked.owner[one.unit]].append(one)
    return {pk: _share(by_village[pk]) for pk in village_ids}


def _share(due: Iterable[Due]) -> Reading:
    due = list(due)
    if not due:
        return Reading(Decimal(0), Decimal(0), _("nothing was due by contract"))
    amount, received = sum(one.amount for one in due), sum(one.received for one in due)
    note = _("%(received)s yuan received of %(amount)s yuan due")
    return Reading(
        Decimal(received), Decimal(amount), note % {"received": f"{received:.2f}", "amount": f"{amount:.2f}"}
    )
