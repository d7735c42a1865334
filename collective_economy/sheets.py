"""The ledger of collective income by village and month (handbook 8.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from branches.models import Village
from branches.sheets import REMARK, TOWNSHIP, VILLAGE, PlaceSheet, find_villages, is_jump, mark_duplicates
from branches.unit_lookup import UnitLookup
from collective_economy.models import LedgerEntry
from imports import cells
from imports.sheets import Column, Difference, Judgement, Missing, Row, in_words

if TYPE_CHECKING:
    from accounts.models import User
    from imports.writing import Writer

AMOUNTS = (
    Column("operating", ("经营收入",), cells.money),
    Column("contract", ("发包及上交收入", "发包收入", "发包上交收入"), cells.money),
    Column("investment", ("投资收益", "投资收入"), cells.money),
    Column("other_operating", ("其他经营收入",), cells.money),
    Column("subsidy", ("补助收入", "补助", "财政补助收入"), cells.money),
    Column("other", ("其他收入", "其它收入"), cells.money),
)
"""Categories of handbook 6.5."""


class LedgerSheet(PlaceSheet):
    """One row is a village in a month."""

    name = "ledger"
    permission = "collective_economy.import_ledger"
    subject = "village"
    not_kept = frozenset({"total", "remark"})
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
        Column("total", ("合计", "收入合计", "总收入", "总计"), cells.money),
        REMARK,
    )
    amounts = tuple(column.field for column in AMOUNTS)

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        places = find_villages(rows, UnitLookup(user, self.permission, today))
        keys: list[tuple[int, date] | None] = []
        for index, row in enumerate(rows):
            self._check_amounts(row)
            month = row.values["month"]
            keys.append((places[index].pk, month) if index in places and month else None)
        mark_duplicates(rows, keys, "village")
        self._compare_with_last_year(rows, keys)
        stored = self._stored(keys)
        for index, (row, key) in enumerate(zip(rows, keys, strict=True)):
            if key is not None:
                self._compare(row, stored.get(key, {}))
                row.target = (places[index], stored.get(key, {}))
        return Judgement(rows)

    def _stored(self, keys: Sequence[tuple[int, date] | None]) -> dict[tuple[int, date], dict[str, LedgerEntry]]:
        """(village, month) -> category -> entry, of the villages and the span of months of the rows."""
        units = {key[0] for key in keys if key}
        months = [key[1] for key in keys if key]
        found: dict[tuple[int, date], dict[str, LedgerEntry]] = defaultdict(dict)
        if months:
            entries = LedgerEntry.objects.filter(unit_id__in=units, month__range=(min(months), max(months)))
            for entry in entries:
                found[(entry.unit_id, entry.month)][entry.category] = entry
        return found

    def _compare(self, row: Row, stored: Mapping[str, LedgerEntry]) -> None:
        for name in self.amounts:
            amount = row.values[name]
            before = stored[name].amount if name in stored else None
            if amount is not None and amount != before and stored:
                row.differences.append(Difference(name, in_words(before), in_words(amount)))
        if stored:
            row.outcome = "changed" if row.differences else "unchanged"

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        for row in rows:
            place, stored = row.target
            for name in self.amounts:
                amount = row.values[name]
                if amount is None:
                    continue
                if name in stored:
                    writer.change(row, stored[name], {"amount": amount}, place.path)
                else:
                    entry = LedgerEntry(unit_id=place.pk, month=row.values["month"], category=name, amount=amount)
                    writer.create(row, entry, place.path)

    def _check_amounts(self, row: Row) -> None:
        given = [row.values[name] for name in self.amounts if row.values[name] is not None]
        told = {problem.column for problem in row.problems if problem.is_error}
        columns = self._columns_of(row)
        if told & {row.columns[name] for name in columns}:
            return
        if not given:
            row.add("required_missing", columns[0])
        elif row.values["total"] is not None and row.values["total"] != sum(given, Decimal(0)):
            row.add("amount_total_mismatch", "total")

    def _columns_of(self, row: Row) -> list[str]:
        """Fields of amounts that the table has, from left to right; the first one of all when it has none."""
        return [name for name in row.mapped if name in self.amounts] or [self.amounts[0]]

    def _compare_with_last_year(self, rows: list[Row], keys: list[tuple[int, date] | None]) -> None:
        """A month beside a twelfth of last year's income on the village's card."""
        totals: dict[int, list[tuple[Row, Decimal]]] = defaultdict(list)
        for row, key in zip(rows, keys, strict=True):
            if key is not None:
                totals[key[0]].append((row, sum((row.values[name] or Decimal(0) for name in self.amounts), Decimal(0))))
        cards = Village.objects.filter(unit_id__in=totals, last_year_income__isnull=False)
        for unit_id, income in cards.values_list("unit_id", "last_year_income"):
            for row, total in totals[unit_id]:
                if income is not None and is_jump(total * 12, income):
                    row.add("amount_jump", "total" if "total" in row.mapped else self._columns_of(row)[0])
