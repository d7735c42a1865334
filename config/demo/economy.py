"""Collective economy of the demo county: income of every village by month, contracts, targets, plans, projects.

Programmes, projects, payments, contracts, cards, findings, targets, bands and plans go through the services of the
screens. The ledgers of earlier months are written in bulk, as a sheet would; the newest ones through the services.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.bulk import insert_models, update_models
from branches.models import Unit
from branches.months import after
from collective_economy.bands import DEFAULT_BANDS
from collective_economy.models import BusinessModel, Contract, LedgerEntry, LedgerMonth, Receivable
from collective_economy.services import assets, bands, contracts, ledger, plans, targets
from config.demo.county import VillageFigures
from config.demo.projects import PARTNERS, EconomyCast, ProjectMaker

FLOORS: Mapping[str, tuple[int, int]] = {
    "none": (2_000, 9_000),
    "shell": (9_000, 48_000),
    "weak": (50_000, 98_000),
    "ordinary": (100_000, 195_000),
    "good": (200_000, 480_000),
    "strong": (500_000, 900_000),
    "very_strong": (1_000_000, 1_600_000),
}
"""Operating income in yuan of a village that starts in this band, in its first year."""
TENANTS = ("赵家顺", "钱永福", "孙得水", "李长根", "周满仓", "青禾超市", "惠民农资店", *PARTNERS)
SUBJECTS = (("lease", "村部门面房"), ("land", "机动地 60 亩"), ("land", "集体山塘"), ("lease", "旧村小校舍"))
SALES = ("农机作业收入", "劳务服务收入", "农产品销售", "停车和摊位费")
SHARE_OF_CONTRACT = 24
"""Percent of a village's operating income that comes by contract, a quarter of it each quarter."""
MEASURES = "盘活闲置资产，规范合同管理，按季催收；支部领办合作社，开展农机、劳务服务；争取扶持资金建设稳定收益项目。"


@dataclass
class Books:
    """What is invented for a village: operating income by year and the pace against the target, per mille."""

    village: Unit
    income: dict[int, int] = field(default_factory=dict)
    pace: int = 1000
    opening: Decimal = Decimal(0)
    is_in_arrears: bool = False


@transaction.atomic
def make_economy(
    county: Unit,
    shown: Unit,
    villages: Sequence[Unit],
    figures: Mapping[int, VillageFigures],
    cast: EconomyCast,
    *,
    seed_number: int,
    now: datetime,
) -> None:
    """From January two years ago to today; nothing where a ledger is there already. The same seed, the same figures."""
    if LedgerEntry.objects.filter(path__startswith=county.path).exists():
        return
    _EconomyMaker(county, shown, villages, figures, cast, random.Random(f"economy {seed_number}"), now).make()


class _EconomyMaker:
    def __init__(
        self,
        county: Unit,
        shown: Unit,
        villages: Sequence[Unit],
        figures: Mapping[int, VillageFigures],
        cast: EconomyCast,
        rng: random.Random,
        now: datetime,
    ) -> None:
        self.county, self.shown, self.figures, self.cast, self.rng, self.now = county, shown, figures, cast, rng, now
        self.today = timezone.localdate(now)
        self.villages = list(villages)
        self.years = (self.today.year - 2, self.today.year - 1, self.today.year)
        self.books = {village.pk: self._books(village) for village in villages}
        self.open_from = _before(self.today.replace(day=1))
        """The month before it is the last one closed."""
        self.vouchers: dict[tuple[int, date], int] = defaultdict(int)

    def make(self) -> None:
        ProjectMaker(self.county, self.shown, self.villages, self.cast, self.rng, self.now).make()
        self._add_income_of_projects()
        self._terms()
        self._contracts()
        self._cards()
        self._ledgers()
        self._close()
        self._by_hand()
        self._plans()

    # --- Invented figures -------------------------------------------------------------------

    def _books(self, village: Unit) -> Books:
        """Better run villages grow faster and are nearer to their target."""
        one = self.figures[village.pk]
        low, high = FLOORS[one.band]
        income = self.rng.randint(low, high)
        books = Books(village)
        for year in self.years:
            books.income[year] = income // 10 * 10
            growth = 1 + max(-0.06, self.rng.gauss(0.02 + 0.14 * one.quality, 0.06))
            # A shell is emptied rather than grown.
            income = int(income * growth) + (self.rng.randint(3_000, 30_000) if one.band in ("none", "shell") else 0)
        books.pace = min(1090, max(710, round(1000 * (0.55 + 0.5 * one.quality) + self.rng.gauss(0, 50))))
        books.opening = Decimal(self.rng.randint(20_000, 90_000))
        books.is_in_arrears = self.rng.random() < 0.09 + 0.25 * max(0.0, 0.72 - one.quality)
        return books

    def _add_income_of_projects(self) -> None:
        """What projects bring by contract was foreseen when the targets were set."""
        rows = Contract.objects.filter(path__startswith=self.county.path, yearly_amount__gt=0)
        for unit_id, amount, starts_on in rows.values_list("unit_id", "yearly_amount", "starts_on"):
            for year in self.years:
                if year >= starts_on.year:
                    self.books[unit_id].income[year] += int(amount)

    # --- Bands, targets, plans --------------------------------------------------------------

    def _terms(self) -> None:
        """Bands of the county; for last year and this one the targets that the pace of each village is measured by."""
        first = self.years[0]
        bands.set_bands(
            self.county, first, DEFAULT_BANDS, f"青组发〔{first}〕9 号", by=self.cast.staff, today=date(first, 1, 5)
        )
        for year in self.years[1:]:
            amounts = {
                books.village: Decimal(max(1000, books.income[year] * 1000 // books.pace // 1000 * 1000))
                for books in self.books.values()
            }
            targets.set_targets(year, amounts, f"青组发〔{year}〕6 号", by=self.cast.staff)

    def _plans(self) -> None:
        """One plan for most villages; the shown township has them all."""
        first, last = self.years[1], self.years[1] + 2
        models = [BusinessModel.PROPERTY, BusinessModel.RESOURCE, BusinessModel.SERVICE, BusinessModel.SHARE]
        for village in self.villages:
            if not village.path.startswith(self.shown.path) and self.rng.random() > 0.55:
                continue
            books = self.books[village.pk]
            base = books.income[first]
            plans.save_plan(
                village,
                first_year=first,
                last_year=last,
                business_model=self.rng.choice(models),
                situation=f"上一年经营性收入 {books.income[self.years[0]] / 10_000:.2f} 万元，以发包和出租为主。",
                measures=MEASURES,
                responsible_name="驻村第一书记",
                targets={
                    year: Decimal(base * (100 + 8 * place) // 100 // 1000 * 1000 + 1000)
                    for place, year in enumerate(range(first, last + 1))
                },
                by=self.cast.officer,
            )

    # --- Contracts and cards ----------------------------------------------------------------

    def _contracts(self) -> None:
        """Each village lets something out, from last January for four years, a quarter in advance."""
        starts_on = date(self.years[1], 1, 1)
        signed_on = starts_on - timedelta(days=12)
        for place, village in enumerate(self.villages):
            kind, subject = SUBJECTS[place % len(SUBJECTS)]
            yearly = self.books[village.pk].income[self.years[1]] * SHARE_OF_CONTRACT // 100 // 400 * 400
            if not yearly:
                continue
            contracts.add_contract(
                unit=village,
                kind=kind,
                number=f"HT{starts_on.year}-01",
                party=self.rng.choice(TENANTS),
                subject=subject,
                signed_on=signed_on,
                starts_on=starts_on,
                ends_on=date(starts_on.year + 3, 12, 31),
                yearly_amount=Decimal(yearly),
                rhythm="quarterly",
                by=self.cast.officer,
                today=signed_on,
            )

    def _cards(self) -> None:
        """What stands behind the contracts of the shown township, one of it idle."""
        rows = Contract.objects.filter(path__startswith=self.shown.path, number__startswith="HT").select_related("unit")
        for place, contract in enumerate(rows.order_by("path")):
            state = "idle" if place == 2 else "leased"
            assets.register_asset(
                unit=contract.unit,
                values={
                    "number": "ZC-001",
                    "name": contract.subject,
                    "kind": "resource" if contract.kind == "land" else "building",
                    "measure": "处",
                    "value": Decimal(self.rng.randint(8, 60) * 10_000),
                    "location": contract.unit.name,
                    "owner": f"{contract.unit.short_name}股份经济合作社",
                    "user": contract.party,
                    "state": state,
                    "registered_on": contract.starts_on,
                    "contract": contract,
                },
                by=self.cast.officer,
                today=contract.starts_on + timedelta(days=20),
            )

    # --- Ledgers ----------------------------------------------------------------------------

    def _ledgers(self) -> None:
        """The first year as totals of its months, then entries of days; the shown township's newest month by hand."""
        received = self._received()
        entries: list[LedgerEntry] = []
        for village in self.villages:
            for month in _months(date(self.years[0], 1, 1), self.today):
                if month == self.today.replace(day=1) and village.path.startswith(self.shown.path):
                    continue
                if month.year == self.years[0]:
                    entries += self._totals(village, month)
                else:
                    entries += self._days(village, month, received.get((village.pk, month), []))
        insert_models(entries)
        audit.record_many(
            audit.Entry(
                event="collective_economy.add_ledgerentry",
                actor=self.cast.officer,
                target=entry,
                unit=entry.path,
                changes={"category": [None, entry.category], "amount": [None, f"{entry.amount:f}"]},
            )
            for entry in entries
        )

    def _received(self) -> dict[tuple[int, date], list[tuple[date, Receivable]]]:
        """What came in by contract, by village and month: some days late, and of villages in arrears not the newest."""
        found: dict[tuple[int, date], list[tuple[date, Receivable]]] = defaultdict(list)
        late_from = self.today - timedelta(days=200)
        rows = Receivable.objects.filter(path__startswith=self.county.path, due_on__lte=self.today)
        for row in rows.select_related("contract__project").order_by("path", "due_on", "pk"):
            day = row.due_on + timedelta(days=self.rng.randint(0, 18))
            is_missing = self.books[row.unit_id].is_in_arrears and row.due_on >= late_from
            is_by_hand = day >= self.today.replace(day=1) and row.path.startswith(self.shown.path)
            if day <= self.today and not is_missing and not is_by_hand:
                found[row.unit_id, day.replace(day=1)].append((day, row))
        return found

    def _planned(self, village: Unit, month: date) -> int:
        """Operating income of a month in yuan, a twelfth of the year's give or take."""
        return self.books[village.pk].income[month.year] * self.rng.randint(930, 1070) // 12_000

    def _totals(self, village: Unit, month: date) -> Iterator[LedgerEntry]:
        yield self._entry(village, month, None, "operating", Decimal(self._planned(village, month)), "")
        yield self._entry(village, month, None, "management_cost", Decimal(self.rng.randint(600, 1900)), "")
        if month.month in (6, 12):
            yield self._entry(village, month, None, "subsidy", Decimal(20_000), "")

    def _days(self, village: Unit, month: date, received: Iterable[tuple[date, Receivable]]) -> Iterator[LedgerEntry]:
        rest = Decimal(self._planned(village, month))
        for day, row in received:
            is_share = row.contract.kind == Contract.Kind.SHARE
            category, words = ("investment", "分红") if is_share else ("operating", f"{row.contract.subject}租金")
            entry = self._entry(village, month, day, category, row.amount, words[:120])
            entry.counterparty, entry.receivable, entry.project = row.contract.party, row, row.contract.project
            rest -= row.amount
            yield entry
        if rest > 0:
            day = self._day(month, self.rng.randint(20, 28))
            yield self._entry(village, month, day, "operating", rest, self.rng.choice(SALES))
        cost = Decimal(self.rng.randint(600, 1900))
        yield self._entry(village, month, self._day(month, 26), "management_cost", cost, "水电、办公用品")
        if month.month in (3, 9):
            cost = Decimal(self.books[village.pk].income[month.year] // 20)
            if cost:
                yield self._entry(village, month, self._day(month, 15), "operating_cost", cost, "设施维修、工资")
        if month.month in (6, 12):
            yield self._entry(village, month, self._day(month, 21), "subsidy", Decimal(20_000), "村级运转补助")

    def _day(self, month: date, day: int) -> date:
        return min(month.replace(day=day), self.today)

    def _entry(
        self, village: Unit, month: date, day: date | None, category: str, amount: Decimal, summary: str
    ) -> LedgerEntry:
        is_closed = month < self.open_from
        return LedgerEntry(
            unit=village,
            path=village.path,
            month=month,
            day=day,
            is_total=day is None,
            category=category,
            amount=amount,
            summary=summary,
            voucher_number="" if day is None else self._voucher(village, month),
            entered_by=self.cast.officer,
            checked_by=self.cast.staff if is_closed else None,
        )

    def _voucher(self, village: Unit, month: date) -> str:
        """Seldom missing, more often where a village is less well run."""
        self.vouchers[village.pk, month] += 1
        if self.rng.random() > self.figures[village.pk].quality + 0.22:
            return ""
        return f"记-{self.vouchers[village.pk, month]:03}"

    # --- Closing ----------------------------------------------------------------------------

    def _close(self) -> None:
        """All months up to the month before last, the balance of each going on into the next."""
        rows = list(LedgerMonth.objects.filter(path__startswith=self.county.path).order_by("path", "month"))
        closed: list[LedgerMonth] = []
        balances: dict[int, Decimal] = {}
        for row in rows:
            if row.month >= self.open_from:
                continue
            row.opening = balances.get(row.unit_id, self.books[row.unit_id].opening)
            balances[row.unit_id] = row.opening + row.income - row.expense
            row.statement_balance, row.difference_note = balances[row.unit_id], ""
            if self.rng.random() < 0.02:
                row.statement_balance += 350
                row.difference_note = "银行已收一笔未达账项，下月入账"
            row.closed_by, row.closed_at = self.cast.staff, self._at(after(row.month) + timedelta(days=7))
            closed.append(row)
        update_models(closed, ["opening", "statement_balance", "difference_note", "closed_by_id", "closed_at"])
        audit.record_many(
            audit.Entry(
                event="collective_economy.close_ledgermonth",
                actor=self.cast.staff,
                target=row,
                unit=row.path,
                changes={"opening": [None, f"{row.opening:f}"], "entry_count": row.entry_count},
            )
            for row in closed
        )

    def _at(self, day: date) -> datetime:
        return min(timezone.make_aware(datetime.combine(day, time(10))), self.now)

    # --- By the services --------------------------------------------------------------------

    def _by_hand(self) -> None:
        """The shown township's newest month, an entry of a closed month taken back, months ready to be closed."""
        month = self.today.replace(day=1)
        own = [village for village in self.villages if village.path.startswith(self.shown.path)]
        for village in own[: len(own) * 3 // 4]:
            self._enter(village, "operating", Decimal(self._planned(village, month)), self.rng.choice(SALES))
            self._enter(village, "management_cost", Decimal(self.rng.randint(600, 1900)), "水电、办公用品")
        last = _before(self.open_from)
        wrong = LedgerEntry.objects.filter(
            path__startswith=self.shown.path, month=last, category="operating", receivable__isnull=True, is_total=False
        )
        entry = wrong.order_by("path", "pk").first()
        if entry is not None:
            ledger.reverse_entry(
                entry, on=self.today, reason="重复记账，冲回后重记", by=self.cast.officer, today=self.today
            )
            self._enter(entry.unit, "operating", entry.amount - 20, entry.summary)
        for village in own[:5]:
            row = LedgerMonth.objects.filter(unit=village, month=last).first()
            newest = LedgerMonth.objects.filter(unit=village, month=self.open_from).first()
            if row is None or row.opening is None or newest is None:
                continue
            balance = row.opening + row.income - row.expense + newest.income - newest.expense
            ledger.set_statement(village, self.open_from, statement_balance=balance, by=self.cast.officer)

    def _enter(self, village: Unit, category: str, amount: Decimal, summary: str) -> None:
        if amount <= 0:
            return
        given = ledger.NewEntry(
            day=self.today,
            category=category,
            amount=amount,
            summary=summary,
            voucher_number=f"记-9{len(summary):02}",
        )
        ledger.enter_entry(village, given, by=self.cast.officer, today=self.today)


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def _months(first: date, last: date) -> Iterator[date]:
    month = first
    while month <= last:
        yield month
        month = after(month)
