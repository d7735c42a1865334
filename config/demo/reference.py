"""The reference district's programme: 40.35 million yuan for 210 villages, paid in stages, with income after.

Handbook 6.1. Programme and confirmation go through the service; the projects are written in bulk, under the guards of
the database, since there are hundreds of them with thousands of payments. The same seed gives the same yuan.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.bulk import insert_models
from accounts.models import User
from accounts.roles import Role
from branches.divisions import Division
from branches.models import Unit
from branches.services.divisions import load_divisions
from collective_economy.models import (
    Asset,
    Contract,
    Instalment,
    LedgerEntry,
    Payment,
    Programme,
    Project,
    ProjectShare,
    ProjectSource,
    ProjectStep,
    Receivable,
)
from collective_economy.schedule import add_months
from collective_economy.services import programmes
from collective_economy.services.projects import DEFAULT_INSTALMENTS, place_of
from collective_economy.sharing import WHOLE, allocate
from collective_economy.stages import ORDER
from config.demo.build import demo_user, give_role
from config.demo.county import HEADS, TAILS

AMOUNT = Decimal("40350000.00")
VILLAGES = 210
SPLIT: Mapping[str, Decimal] = {
    "central": Decimal(60), "province": Decimal(20), "city": Decimal(10), "county": Decimal(10),
}  # fmt: skip
"""Percent by level (handbook 6.1)."""
TOWNSHIPS = (
    "河口镇", "东岭镇", "西河镇", "南坪镇", "北关镇", "马店镇", "双桥镇", "龙潭镇", "凤台镇", "长沟镇", "石门乡",
    "柳林乡", "高店乡", "杨集乡",
)  # fmt: skip
NAME, COUNTY_CODE, COUNTY_NAME = "扶持壮大村级集体经济资金（参照县区）", "990199", "示例区"
TOGETHER = 5
"""Villages of a joint project; two in seven villages take part in one."""
MODELS = ("property", "share", "firm_coop", "attract", "tourism")
"""The reference district's five."""
NAMES = {
    "property": "标准厂房出租", "share": "入股分红", "firm_coop": "村企共建大棚", "attract": "筑巢引凤厂房",
    "tourism": "民宿改造", "joint": "联建产业园厂房",
}  # fmt: skip
INCOME_PERCENT = Decimal(8)
"""Of the support money, a year."""
PEOPLE = (("officer", "qu_jingji", Role.CE, "石国庆"), ("staff", "qu_keyuan", Role.CS, "沈玉梅"),
          ("leader", "qu_buzhang", Role.CL, "顾长青"))  # fmt: skip
REACHED = (("done", 4), ("operate", 3), ("accept", 2), ("pay", 1))
"""Where projects stand, in parts of ten."""
HANDED_OUT = {"done": 4, "operate": 3, "accept": 3, "pay": 2}
"""Instalments that came by then."""


@dataclass
class Report:
    """What was written."""

    county: str
    programme: int
    villages: int
    projects: int
    approved: Decimal
    received: Decimal
    paid: Decimal
    income: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in vars(self).items()}


@dataclass
class _Rows:
    """New rows, one list for each table, in the order in which they are written."""

    projects: list[Project] = field(default_factory=list)
    shares: list[ProjectShare] = field(default_factory=list)
    sources: list[ProjectSource] = field(default_factory=list)
    instalments: list[Instalment] = field(default_factory=list)
    steps: list[ProjectStep] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    receivables: list[Receivable] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)


def people_of(county: Unit, now: datetime) -> dict[str, User]:
    """The three who enter, confirm and approve, with their accounts and roles at the county."""
    people = {key: demo_user(username, name, now) for key, username, _role, name in PEOPLE}
    for key, _username, role, _name in PEOPLE:
        confirmer = people["staff" if key == "leader" else "leader"]
        give_role(people[key], role, county, people[key], confirmer, now)
    # Who confirmed before having a role has kept that there was none: the accounts are read anew.
    found = User.objects.in_bulk([user.pk for user in people.values()])
    return {key: found[user.pk] for key, user in people.items()}


def county_of(code: str) -> Unit:
    """The loaded county of this code, or a district of 210 villages of its own. CommandError where there is none."""
    if code:
        county = Unit.objects.counties().filter(code=code).first()
        if county is None:
            raise CommandError(f"No county has the code {code}: load its divisions first (load_divisions).")
        return county
    rows = [("99", "示范省"), ("9901", "示范市"), (COUNTY_CODE, COUNTY_NAME)]
    names = [f"{head}{tail}村" for tail in TAILS for head in HEADS]
    for number, township in enumerate(TOWNSHIPS):
        township_code = f"{COUNTY_CODE}{100 + number}"
        rows.append((township_code, township))
        chosen = names[number * 15 : number * 15 + 15]
        rows += [(f"{township_code}{200 + place}", name) for place, name in enumerate(chosen)]
    load_divisions([Division(*row) for row in rows], date(2020, 1, 1), source="demo")
    return Unit.objects.get(code=COUNTY_CODE)


@transaction.atomic
def make_reference_programme(county: Unit, people: Mapping[str, User], *, seed_number: int, now: datetime) -> Report:
    """The programme of two years ago with its projects. Raises CommandError where it is there already."""
    year = timezone.localdate(now).year - 2
    if Programme.objects.filter(unit=county, year=year, name=NAME).exists():
        raise CommandError(f"{county.name} has this programme already.")
    villages = list(Unit.objects.under(county.path).villages().filter(valid_to__isnull=True).order_by("path"))
    if not villages:
        raise CommandError(f"{county.name} has no villages: load its divisions first.")
    return _ProgrammeMaker(county, villages, people, random.Random(f"reference {seed_number}"), year, now).make()


class _ProgrammeMaker:
    def __init__(
        self,
        county: Unit,
        villages: Sequence[Unit],
        people: Mapping[str, User],
        rng: random.Random,
        year: int,
        now: datetime,
    ) -> None:
        self.county, self.villages, self.rng, self.year, self.now = county, villages, rng, year, now
        self.officer, self.staff, self.leader = people["officer"], people["staff"], people["leader"]
        self.today = timezone.localdate(now)
        self.rows = _Rows()
        self.groups: list[Mapping[Unit, Decimal]] = []

    def make(self) -> Report:
        self.programme = self._programme()
        self.grants = {grant.source: grant for grant in self.programme.sources.all()}
        for place, group in enumerate(self._groups()):
            self._project(place, group)
        self._money()
        self._write()
        paid = self._moved("payment")
        return Report(
            county=self.county.code or self.county.name,
            programme=self.programme.pk,
            villages=len(self.villages),
            projects=len(self.rows.projects),
            approved=sum((source.approved for source in self.rows.sources), Decimal(0)),
            received=self._moved("receipt"),
            paid=paid,
            income=sum((entry.amount for entry in self.rows.entries), Decimal(0)),
        )

    def _moved(self, kind: str) -> Decimal:
        return sum((row.amount for row in self.rows.payments if row.kind == kind), Decimal(0))

    def _programme(self) -> Programme:
        amounts = dict(zip(SPLIT, allocate(AMOUNT, list(SPLIT.values())), strict=True))
        released = date(self.year, 3, 15)
        programme = programmes.add_programme(
            unit=self.county,
            name=NAME,
            year=self.year,
            document=f"示财农〔{self.year}〕5 号",
            released_on=released,
            amounts=amounts,
            by=self.officer,
        )
        return programmes.confirm_programme(programme, by=self.staff, now=self._at(released + timedelta(days=2)))

    def _at(self, day: date) -> datetime:
        return timezone.make_aware(datetime.combine(day, time(10)))

    # --- Projects ---------------------------------------------------------------------------

    def _groups(self) -> Iterator[dict[Unit, Decimal]]:
        """Villages with what falls to each in yuan, exactly AMOUNT in all: joint projects first, then one by one."""
        weights = [Decimal(self.rng.randint(150, 240)) for _village in self.villages]
        parts = dict(zip(self.villages, allocate(AMOUNT, weights), strict=True))
        joint = len(self.villages) * 2 // 7 // TOGETHER * TOGETHER
        for start in range(0, joint, TOGETHER):
            yield {village: parts[village] for village in self.villages[start : start + TOGETHER]}
        for village in self.villages[joint:]:
            yield {village: parts[village]}

    def _project(self, place: int, group: Mapping[Unit, Decimal]) -> None:
        villages = list(group)
        stage = self._stage(place)
        unit = place_of(villages)
        model = "joint" if len(villages) > 1 else MODELS[place % len(MODELS)]
        first = villages[0]
        support = sum(group.values(), Decimal(0))
        project = Project(
            number=f"CZ{self.county.code or self.county.pk}-{place + 1:03}",
            name=f"{first.short_name}{'等村' if len(villages) > 1 else ''}{NAMES[model]}",
            year=self.year,
            programme=self.programme,
            unit=unit,
            path=unit.path,
            subject=self.programme.subject,
            business_model=model,
            location=first.name,
            need="村集体缺少稳定收入。",
            start_on=date(self.year, 5, 1),
            finish_on=date(self.year, 10, 31),
            expected_income=(support * INCOME_PERCENT / 100).quantize(Decimal("0.01")),
            benefit_sharing="收益六成归村集体，四成用于农户和公益。",
            risk="low",
            risk_note="承租方已签约。",
            stage=stage,
            stage_since=self._day_of(stage),
            pooled_on=date(self.year, 1, 10),
            approved_by=self.leader,
            approved_on=date(self.year, 4, 8),
            approval_document=f"示农领〔{self.year}〕9 号",
            notice_from=date(self.year, 3, 25),
            notice_to=date(self.year, 4, 1),
            procurement="tender",
            started_on=date(self.year, 5, 6),
            progress_percent=70 if stage == "pay" else 100,
            entered_by=self.officer,
        )
        self.rows.projects.append(project)
        self.groups.append(group)
        self._course(project, stage)

    def _stage(self, place: int) -> str:
        whole = sum(parts for _stage, parts in REACHED)
        number = place % whole
        for stage, parts in REACHED:
            number -= parts
            if number < 0:
                return stage
        raise AssertionError("the parts sum to the whole")

    def _day_of(self, stage: str) -> date:
        days = [(1, 10), (2, 1), (2, 20), (3, 20), (4, 8), (5, 6), (10, 20), (11, 5)]
        if stage == "done":
            return date(self.year + 1, 6, 20)
        place = ORDER.index(stage)
        return date(self.year, *days[place]) if place < len(days) else date(self.year + 1, 3 + place - len(days), 20)

    def _course(self, project: Project, stage: str) -> None:
        """Steps up to the stage, with what acceptance, evaluation and audit wrote down."""
        names = [*ORDER, "done"]
        reached = names[: names.index(stage) + 1]
        if stage in ("operate", "done"):
            project.accepted_on, project.acceptance_panel = date(self.year, 11, 1), "镇验收组"
        if stage == "done":
            project.evaluated_on, project.audited_on = date(self.year + 1, 4, 15), date(self.year + 1, 6, 10)
            project.actual_income, project.satisfaction_percent = project.expected_income, Decimal(96)
        for before, after in zip(["", *reached], reached, strict=False):
            day = self._day_of(after)
            by = self.leader if after == "implement" else self.officer
            self.rows.steps.append(
                ProjectStep(project=project, came_from=before, went_to=after, on=day, by=by, at=self._at(day))
            )

    # --- Money ------------------------------------------------------------------------------

    def _money(self) -> None:
        """Of each project what each level pays, so that every level's money is handed out to the cent."""
        before = Decimal(0)
        percents = list(SPLIT.values())
        for project, group in zip(self.rows.projects, self.groups, strict=True):
            support = sum(group.values(), Decimal(0))
            amounts = [
                until - earlier
                for until, earlier in zip(allocate(before + support, percents), allocate(before, percents), strict=True)
            ]
            before += support
            sources = [
                ProjectSource(
                    project=project,
                    source=source,
                    requested=amount,
                    approved=amount,
                    programme_source=self.grants[source],
                )
                for source, amount in zip(SPLIT, amounts, strict=True)
            ]
            self.rows.sources += sources
            self._shares(project, group)
            self._staged(project, sources, support)
            self._earning(project, group)

    def _shares(self, project: Project, group: Mapping[Unit, Decimal]) -> None:
        # allocate() cuts to hundredths, and a share has four places.
        percents = [part / 100 for part in allocate(WHOLE * 100, list(group.values()))]
        self.rows.shares += [
            ProjectShare(project=project, unit=unit, path=unit.path, percent=percent)
            for unit, percent in zip(group, percents, strict=True)
        ]

    def _staged(self, project: Project, sources: Sequence[ProjectSource], support: Decimal) -> None:
        """30, 50, 17 and 3 percent, each handed out by all levels together and then paid."""
        amounts = allocate(support, list(DEFAULT_INSTALMENTS.values()))
        days = [date(self.year, 5, 20), date(self.year, 8, 10), date(self.year, 11, 20), date(self.year + 1, 11, 25)]
        instalments = [
            Instalment(project=project, condition=condition, percent=percent, amount=amount, due_on=day)
            for (condition, percent), amount, day in zip(DEFAULT_INSTALMENTS.items(), amounts, days, strict=True)
        ]
        self.rows.instalments += instalments
        approved, before, paid = [source.approved for source in sources], Decimal(0), Decimal(0)
        for number, instalment in enumerate(instalments[: HANDED_OUT[project.stage]]):
            until = before + instalment.amount
            parts = zip(allocate(until, approved), allocate(before, approved), strict=True)
            day = days[number]
            for source, (after, earlier) in zip(sources, parts, strict=True):
                self._movement(project, source, "receipt", after - earlier, day, instalment)
                # What is being built keeps a little in hand.
                share = Decimal("0.9") if project.stage == "pay" else Decimal(1)
                amount = ((after - earlier) * share).quantize(Decimal("0.01"))
                self._movement(project, source, "payment", amount, day + timedelta(days=12), None)
                paid += amount
            before = until
        project.actual_cost = None if project.stage in ("pay", "accept") else paid

    def _movement(
        self,
        project: Project,
        source: ProjectSource,
        kind: str,
        amount: Decimal,
        day: date,
        instalment: Instalment | None,
    ) -> None:
        self.rows.payments.append(
            Payment(
                project=project,
                path=project.path,
                source=source,
                kind=kind,
                amount=amount,
                paid_on=day,
                summary=f"拨付{instalment.percent:.0f}%" if instalment else "工程和设备款",
                use="" if instalment else "build",
                payee="" if instalment else "示例建筑公司",
                voucher_number=f"{'B' if instalment else 'Z'}{len(self.rows.payments) + 1:05}",
                instalment=instalment,
                state=Payment.State.CONFIRMED,
                entered_by=self.officer,
                entered_at=self._at(day),
                decided_by=self.staff,
                decided_at=self._at(day + timedelta(days=1)),
            )
        )

    # --- Income -----------------------------------------------------------------------------

    def _earning(self, project: Project, group: Mapping[Unit, Decimal]) -> None:
        """Of each village a card and a contract, and each quarter from January on what came in by it."""
        if project.stage not in ("operate", "done"):
            return
        expected = project.expected_income or Decimal(0)
        starts_on = date(self.year + 1, 1, 1)
        kind = Contract.Kind.SHARE if project.business_model == "share" else Contract.Kind.LEASE
        for village, yearly in zip(group, allocate(expected, list(group.values())), strict=True):
            contract = Contract(
                unit=village,
                path=village.path,
                project=project,
                number=f"HT-{project.number}",
                kind=kind,
                party="示例实业有限公司",
                subject=project.name,
                signed_on=date(self.year, 12, 5),
                starts_on=starts_on,
                ends_on=date(starts_on.year + 4, 12, 31),
                yearly_amount=yearly,
                guarantee="银行保函",
                entered_by=self.officer,
            )
            self.rows.contracts.append(contract)
            self._card(project, village, group[village])
            quarters = allocate(yearly, [Decimal(1)] * 4)
            for number in range(20):
                self._due(contract, add_months(starts_on, number * 3), quarters[number % 4])

    def _card(self, project: Project, village: Unit, value: Decimal) -> None:
        self.rows.assets.append(
            Asset(
                unit=village,
                path=village.path,
                project=project,
                number=f"ZC-{project.number}",
                name=project.name,
                kind=Asset.Kind.SHARE if project.business_model == "share" else Asset.Kind.BUILDING,
                value=value,
                owner=f"{village.short_name}股份经济合作社",
                state=Asset.State.LEASED,
                registered_on=date(self.year, 11, 10),
                entered_by=self.officer,
            )
        )

    def _due(self, contract: Contract, due_on: date, amount: Decimal) -> None:
        receivable = Receivable(
            contract=contract, unit_id=contract.unit_id, path=contract.path, due_on=due_on, amount=amount
        )
        self.rows.receivables.append(receivable)
        day = due_on + timedelta(days=self.rng.randint(0, 20))
        is_late = due_on.year == self.today.year and self.rng.random() < 0.05
        if day > self.today or is_late:
            return
        self.rows.entries.append(
            LedgerEntry(
                unit_id=contract.unit_id,
                path=contract.path,
                month=day.replace(day=1),
                day=day,
                category="investment" if contract.kind == Contract.Kind.SHARE else "operating",
                amount=amount,
                summary="项目分红" if contract.kind == Contract.Kind.SHARE else "项目租金",
                counterparty=contract.party,
                project=contract.project,
                receivable=receivable,
                voucher_number=f"记-{len(self.rows.entries) + 1:05}",
                entered_by=self.officer,
            )
        )

    # --- Writing ----------------------------------------------------------------------------

    def _write(self) -> None:
        for rows in vars(self.rows).values():
            _insert(rows)
        audit.record_many(self._told())

    def _told(self) -> Iterator[audit.Entry]:
        for project in self.rows.projects:
            yield audit.Entry(
                event="collective_economy.add_project",
                actor=self.officer,
                target=project,
                unit=project.path,
                changes={"name": [None, project.name]},
            )
            yield audit.Entry(
                event="collective_economy.approve_project",
                actor=self.leader,
                target=project,
                unit=project.path,
                changes={"document": [None, project.approval_document]},
            )
        for event, actor, rows in (
            ("add_payment", self.officer, self.rows.payments),
            ("confirm_payment", self.staff, self.rows.payments),
            ("add_contract", self.officer, self.rows.contracts),
            ("add_asset", self.officer, self.rows.assets),
            ("enter_ledgerentry", self.officer, self.rows.entries),
        ):
            yield from _events(f"collective_economy.{event}", actor, rows)


def _events(event: str, actor: User, rows: Iterable[Any]) -> Iterator[audit.Entry]:
    for row in rows:
        amount = getattr(row, "amount", None)
        changes = {} if amount is None else {"amount": [None, f"{amount:f}"]}
        yield audit.Entry(event=event, actor=actor, target=row, unit=row.path, changes=changes)


def _insert(rows: Sequence[Any]) -> None:
    """Keys of the rows they belong to are known by now."""
    for row in rows:
        row._prepare_related_fields_for_save(operation_name="bulk_create")
    insert_models(rows)
