"""The ledger of collective income and expense by village and month (handbook 8.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model, Q

from branches.models import Village
from branches.sheets import REMARK, TOWNSHIP, VILLAGE, PlaceSheet, find_villages, is_jump, mark_duplicates
from branches.unit_lookup import UnitLookup
from collective_economy.closing import closed_spans
from collective_economy.models import LedgerEntry, LedgerMonth
from collective_economy.models.ledger import CATEGORIES, COUNTED_AS_OPERATING, EXPENSE, INCOME
from collective_economy.services.ledger import CONTRACT_UNTIL, lock_ledgers
from imports import cells
from imports.sheets import Column, Difference, Judgement, Missing, Row, in_words
from imports.writing import RecordChanged

if TYPE_CHECKING:
    from accounts.models import User
    from branches.unit_lookup import Place
    from imports.writing import Writer

AMOUNTS = (
    Column("operating", ("经营收入",), cells.signed_money),
    Column("contract", ("发包及上交收入", "发包收入", "发包上交收入"), cells.signed_money),
    Column("investment", ("投资收益", "投资收入"), cells.signed_money),
    Column("other_operating", ("其他经营收入",), cells.signed_money),
    Column("subsidy", ("补助收入", "补助", "财政补助收入"), cells.signed_money),
    Column("other", ("其他收入", "其它收入"), cells.signed_money),
)
"""Categories of handbook 6.5."""
EXPENSES = (
    Column("operating_cost", ("经营支出", "经营成本"), cells.signed_money),
    Column("management_cost", ("管理费用", "管理支出", "管理费"), cells.signed_money),
    Column("other_cost", ("其他支出", "其它支出"), cells.signed_money),
)
AT_ONCE = 10_000

Key = tuple[int, date]
"""Village and month."""


@dataclass
class Held:
    """What the ledger holds for a village's month. `totals`: as sheets brought them; `singly`: what people entered."""

    row: LedgerMonth | None = None
    totals: dict[str, LedgerEntry] = field(default_factory=dict)
    singly: set[str] = field(default_factory=set)
    is_closed: bool = False

    @property
    def is_kept(self) -> bool:
        return self.row is not None and self.row.entry_count > 0

    def amount(self, category: str) -> Decimal | None:
        return getattr(self.row, category) if self.row is not None else None

    def says(self, category: str, amount: Decimal) -> bool:
        """The sum that goes out, or the total that came in before part of it was reversed."""
        total = self.totals.get(category)
        return amount == self.amount(category) or (total is not None and amount == total.amount)


class LedgerSheet(PlaceSheet):
    """One row is a village in a month; each amount is the total of a category."""

    name = "ledger"
    permission = "collective_economy.import_ledger"
    subject = "village"
    not_kept = frozenset({"total", "operating_total", "result", "remark"})
    not_written = frozenset({"remark"})
    columns = (
        TOWNSHIP,
        VILLAGE,
        Column(
            "month",
            ("月份", "年月", "所属月份", "月度", "收入月份"),
            cells.month,
            60,
            is_required=True,
            words=lambda month: f"{month:%Y-%m}",
        ),
        *AMOUNTS,
        Column("total", ("合计", "收入合计", "总收入", "总计"), cells.signed_money),
        Column("operating_total", ("其中经营性收入", "经营性收入", "经营性收入合计"), cells.signed_money),
        *EXPENSES,
        Column("result", ("收益", "本年收益", "收支结余"), cells.signed_money),
        REMARK,
    )
    amounts = CATEGORIES

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        places = find_villages(rows, UnitLookup(user, self.permission, today))
        keys: list[Key | None] = []
        for index, row in enumerate(rows):
            self._check_amounts(row)
            month = row.values["month"]
            keys.append((places[index].pk, month) if index in places and month else None)
        mark_duplicates(rows, keys, "village")
        self._compare_with_last_year(rows, keys)
        held = _held(keys)
        for index, (row, key) in enumerate(zip(rows, keys, strict=True)):
            if key is not None:
                row.target = self._compare(row, places[index], held[key])
        return Judgement(rows)

    def _compare(self, row: Row, place: Place, held: Held) -> Target:
        amounts = self._amounts(row, held)
        differing = {name: amount for name, amount in amounts.items() if not held.says(name, amount)}
        if held.is_kept:
            row.differences = [
                Difference(name, in_words(held.amount(name)), in_words(amount)) for name, amount in differing.items()
            ]
            row.outcome = "changed" if differing else "unchanged"
        if differing and held.is_closed:
            row.add("month_closed", "month")
        for name, amount in differing.items():
            column = name if name in row.mapped else "contract"
            if amount < 0:
                row.add("number_out_of_range", column)
            elif name in held.singly and not held.is_closed:
                row.add("entered_singly", column)
        return Target(place, held, differing)

    def _amounts(self, row: Row, held: Held) -> dict[str, Decimal]:
        """Yuan by category as they are kept: from 2024 on there is none for contract and handed-over income."""
        amounts = {name: row.values[name] for name in self.amounts if row.values[name] is not None}
        contract = amounts.get("contract")
        if contract is None or row.values["month"] <= CONTRACT_UNTIL or held.says("contract", contract):
            return amounts
        del amounts["contract"]
        if contract:
            amounts["operating"] = amounts.get("operating", Decimal(0)) + contract
            row.add("contract_moved", "contract")
        return amounts

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        _hold(rows)
        by = writer.by.pk if writer.by else None
        for row in rows:
            target: Target = row.target
            for name, amount in target.differing.items():
                if name in target.held.totals:
                    values = {"amount": amount, "entered_by_id": by}
                    writer.change(row, target.held.totals[name], values, target.place.path)
                else:
                    entry = LedgerEntry(
                        unit_id=target.place.pk,
                        path=target.place.path,
                        month=row.values["month"],
                        is_total=True,
                        category=name,
                        amount=amount,
                        entered_by_id=by,
                    )
                    writer.create(row, entry, target.place.path)

    def taken_out(self, records: Sequence[Model]) -> None:
        """A month that only the import made goes with its entries."""
        months: dict[date, set[int]] = defaultdict(set)
        for record in records:
            if isinstance(record, LedgerEntry):
                months[record.month].add(record.unit_id)
        nothing = Q(entry_count=0, opening__isnull=True, statement_balance__isnull=True, difference_note="", version=1)
        for month, units in months.items():
            for some in _portions(sorted(units)):
                LedgerMonth.objects.filter(nothing, month=month, unit_id__in=some, closed_at__isnull=True).delete()

    def _check_amounts(self, row: Row) -> None:
        told = {problem.column for problem in row.problems if problem.is_error}
        columns = self._columns_of(row)
        if told & {row.columns[name] for name in columns}:
            return
        if all(row.values[name] is None for name in self.amounts):
            row.add("required_missing", columns[0])
            return
        income, expense = _sum(row, INCOME), _sum(row, EXPENSE)
        for name, code, expected in (
            ("total", "amount_total_mismatch", income),
            ("operating_total", "operating_mismatch", _sum(row, COUNTED_AS_OPERATING)),
            ("result", "result_mismatch", income - expense),
        ):
            if row.values[name] is not None and row.values[name] != expected:
                row.add(code, name)

    def _columns_of(self, row: Row) -> list[str]:
        """Fields of amounts that the table has, from left to right; the first one of all when it has none."""
        return [name for name in row.mapped if name in self.amounts] or [self.amounts[0]]

    def _compare_with_last_year(self, rows: list[Row], keys: list[Key | None]) -> None:
        """A month beside a twelfth of last year's income on the village's card."""
        totals: dict[int, list[tuple[Row, Decimal]]] = defaultdict(list)
        for row, key in zip(rows, keys, strict=True):
            if key is not None:
                totals[key[0]].append((row, _sum(row, INCOME)))
        cards = Village.objects.filter(unit_id__in=totals, last_year_income__isnull=False)
        for unit_id, income in cards.values_list("unit_id", "last_year_income"):
            for row, total in totals[unit_id]:
                if income is not None and is_jump(total * 12, income):
                    row.add("amount_jump", "total" if "total" in row.mapped else self._columns_of(row)[0])


@dataclass(frozen=True)
class Target:
    """What a row is going to write: yuan by category that the ledger does not say yet."""

    place: Place
    held: Held
    differing: Mapping[str, Decimal]


def _sum(row: Row, names: Sequence[str]) -> Decimal:
    return sum((row.values[name] or Decimal(0) for name in names), Decimal(0))


def _held(keys: Sequence[Key | None]) -> defaultdict[Key, Held]:
    """Of the villages and the span of months of the rows. As many queries for one row as for all."""
    units = sorted({key[0] for key in keys if key})
    months = [key[1] for key in keys if key]
    found: defaultdict[Key, Held] = defaultdict(Held)
    for some in _portions(units):
        asked = {"unit_id__in": some, "month__range": (min(months), max(months))}
        for row in LedgerMonth.objects.filter(**asked):
            held = found[(row.unit_id, row.month)]
            held.row, held.is_closed = row, row.is_closed
        for total in LedgerEntry.objects.filter(**asked, is_total=True):
            found[(total.unit_id, total.month)].totals[total.category] = total
        # A total that was reversed must keep its amount, so it counts as entered by hand.
        singly = LedgerEntry.objects.filter(Q(is_total=False) | Q(reversed_by__isnull=False), **asked)
        for unit_id, month, category in singly.order_by().values_list("unit_id", "month", "category").distinct():
            found[(unit_id, month)].singly.add(category)
        spans = closed_spans(some)
        for unit_id, month in {key for key in keys if key and key[0] in spans}:
            begun, closed = spans[unit_id]
            if begun <= month < closed:
                found[(unit_id, month)].is_closed = True
    return found


def _hold(rows: Sequence[Row]) -> None:
    """Nobody else writes to these ledgers from now on. Raises RecordChanged when somebody has since the check."""
    keys = [(row.target.place.pk, row.values["month"]) for row in rows]
    lock_ledgers(unit_id for unit_id, _month in keys)
    now = _held(keys)
    for row, key in zip(rows, keys, strict=True):
        held = now[key]
        is_new = any(name in held.totals and name not in row.target.held.totals for name in row.target.differing)
        if held.is_closed or is_new or held.singly & set(row.target.differing):
            raise RecordChanged


def _portions(units: Sequence[int]) -> Iterator[Any]:
    for start in range(0, len(units), AT_ONCE):
        yield units[start : start + AT_ONCE]
