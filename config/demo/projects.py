"""Projects of the demo county's programmes, each walked through its stages by the services up to the day of the
demonstration or to where it hangs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts import audit
from accounts.models import User
from branches.models import Decision, Unit
from collective_economy.models import Instalment, Payment, Programme, Project, ProjectSource
from collective_economy.models.programmes import SUPPORT
from collective_economy.services import assets, contracts, findings, payments, programmes, projects
from collective_economy.sharing import allocate
from collective_economy.stages import DEPARTMENTS

WAN = 10_000
PARTNERS = ("恒丰农业发展有限公司", "青禾食品加工有限公司", "远山文旅有限公司", "众联新能源有限公司")
"""The first one works with many villages, which the risk flags show."""
BUILDERS = ("青禾建筑工程公司", "永固建设有限公司", "东泰机电设备有限公司")
REVIEWERS = {"organization": "林晓", "finance": "唐志明", "agriculture": "朱晓东"}
KINDS: tuple[tuple[str, str, str, str], ...] = (
    ("property", "仓储厂房", "仓储", "building"),
    ("share", "入股农产品加工", "入股", "share"),
    ("firm_coop", "村企共建食用菌大棚", "食用菌", "facility"),
    ("attract", "标准厂房招商", "厂房", "building"),
    ("tourism", "乡村民宿改造", "民宿", "building"),
    ("resource", "山塘生态养殖", "淡水鱼", "biological"),
    ("idle_asset", "旧校舍改造电商车间", "电商", "building"),
    ("service", "农机社会化服务", "农机", "equipment"),
    ("industry", "茶叶初制加工厂", "茶叶", "building"),
    ("joint", "飞地产业园联建厂房", "厂房", "building"),
    ("solar", "屋顶光伏电站", "光伏", "equipment"),
    ("branch_coop", "支部领办烘干中心", "粮食烘干", "equipment"),
)
"""Business model, name, line, kind of asset."""
ENDED, LAST, NOW = -2, -1, 0
"""Years of the programmes, counted from the year of the demonstration."""


@dataclass(frozen=True)
class Plan:
    """What is invented for a project. `quirk`: where it hangs, or what is wrong with it; empty for an orderly one."""

    kind: int
    wan: int
    """Support money in 10 000 yuan."""
    sources: tuple[str, ...]
    quirk: str = ""
    villages: int = 1
    is_shown: bool = False
    """In the township of the demo secretary."""


PLANS: Mapping[int, tuple[Plan, ...]] = {
    ENDED: (
        Plan(0, 40, ("central",), is_shown=True),
        Plan(1, 60, ("central",), "no_guarantee"),
        Plan(2, 45, ("central", "county")),
        Plan(3, 50, ("province",), "long_contract"),
        Plan(4, 30, ("city",)),
        Plan(8, 36, ("central",)),
        Plan(9, 160, ("central", "province"), villages=4, is_shown=True),
        Plan(10, 24, ("county",)),
    ),
    LAST: (
        Plan(0, 48, ("central",)),
        Plan(1, 60, ("central",), is_shown=True),
        Plan(2, 40, ("central",), "stopped"),
        Plan(5, 30, ("province",), is_shown=True),
        Plan(6, 26, ("city",), "no_card"),
        Plan(7, 32, ("county",)),
        Plan(8, 44, ("central",), "findings"),
        Plan(9, 200, ("central", "province"), villages=5),
        Plan(10, 20, ("province",)),
        Plan(11, 36, ("city",), "problems"),
    ),
    NOW: (
        Plan(0, 42, ("central",), is_shown=True),
        Plan(2, 38, ("central",), "late", is_shown=True),
        Plan(3, 50, ("central",), "idle"),
        Plan(4, 34, ("province",), "not_started"),
        Plan(5, 28, ("county",), "reversed"),
        Plan(6, 30, ("city",), "waiting", is_shown=True),
        Plan(8, 46, ("central",), "late"),
        Plan(9, 180, ("central", "province"), "joint_building", villages=4, is_shown=True),
        Plan(10, 22, ("county",), "approve"),
        Plan(1, 50, ("central",), "review"),
        Plan(11, 40, ("province",), "apply", is_shown=True),
        Plan(7, 30, ("city",), "pool"),
        Plan(3, 26, ("county",), "pool", is_shown=True),
    ),
}
SPLIT: Mapping[tuple[str, ...], tuple[int, ...]] = {("central", "province"): (3, 1), ("central", "county"): (4, 1)}
"""Parts of projects that two levels pay for."""
OWN_PERCENT = 8


@dataclass(frozen=True)
class EconomyCast:
    """The economy officer enters, staff and leader confirm and approve, secretaries (by path) sign."""

    officer: User
    staff: User
    leader: User
    secretaries: Mapping[str, User]


class _NotYet(Exception):
    """The next step lies after the day of the demonstration, or the project hangs here."""


class ProjectMaker:
    """The programmes of three years with their projects."""

    def __init__(
        self, county: Unit, shown: Unit, villages: Sequence[Unit], cast: EconomyCast, rng: random.Random, now: datetime
    ) -> None:
        self.county, self.shown, self.villages, self.cast, self.rng, self.now = county, shown, villages, cast, rng, now
        self.today = timezone.localdate(now)
        self.numbers: dict[int, int] = defaultdict(int)
        self.vouchers = 0
        self.free = {
            True: rng.sample(own := [one for one in villages if one.path.startswith(shown.path)], len(own)),
            False: rng.sample(others := [one for one in villages if one not in own], len(others)),
        }

    def make(self) -> list[Project]:
        made = []
        for offset, plans in PLANS.items():
            programme = self._programme(self.today.year + offset, plans)
            made += [self._walked(programme, plan) for plan in plans if programme is not None]
        self._old_pool()
        return made

    # --- Programmes -------------------------------------------------------------------------

    def _programme(self, year: int, plans: Sequence[Plan]) -> Programme | None:
        """Released at the end of March with what its projects need and a little more; None before that day."""
        released = date(year, 3, 31)
        if released >= self.today:
            return None
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for plan in plans:
            for source, amount in _amounts(plan).items():
                amounts[source] += amount if source in SUPPORT else 0
        amounts["county"] += 20 * WAN
        programme = programmes.add_programme(
            unit=self.county,
            name=f"{year} 年扶持壮大村级集体经济资金",
            year=year,
            document=f"青财农〔{year}〕{18 + year % 7} 号",
            released_on=released,
            amounts={source.value: amounts[source] for source in SUPPORT if amounts[source]},
            by=self.cast.officer,
        )
        return programmes.confirm_programme(programme, by=self.cast.staff, now=self.at(released + timedelta(days=1)))

    def at(self, day: date) -> datetime:
        return min(timezone.make_aware(datetime.combine(day, time(10))), self.now)

    # --- A project --------------------------------------------------------------------------

    def _walked(self, programme: Programme, plan: Plan) -> Project:
        walk = _Walk(self, programme, plan, self._chosen(plan))
        with suppress(_NotYet):
            walk.go()
        walk.project.refresh_from_db()
        return walk.project

    def _chosen(self, plan: Plan) -> list[Unit]:
        """Each village once, while there are enough; then any."""
        chosen: list[Unit] = []
        pool = self.free[plan.is_shown] or self.free[not plan.is_shown]
        while pool and len(chosen) < plan.villages:
            chosen.append(pool.pop())
        missing = min(plan.villages, len(self.villages)) - len(chosen)
        return chosen + self.rng.sample([one for one in self.villages if one not in chosen], missing)

    def number(self, year: int) -> str:
        self.numbers[year] += 1
        return f"{self.county.code or self.county.pk}-{year}-{self.numbers[year]:03}"

    def voucher(self, year: int) -> str:
        self.vouchers += 1
        return f"{year}-{self.vouchers:04}"

    def _old_pool(self) -> None:
        """One that nobody used for almost three years, and one that the yearly revision took out."""
        for is_dropped, days in ((False, 1050), (True, 700)):
            day = self.today - timedelta(days=days)
            (village,) = self._chosen(Plan(7, 20, ("city",)))
            project = projects.propose_project(
                fields={
                    "number": self.number(day.year),
                    "name": f"{village.short_name}{'村办养猪场' if is_dropped else '农产品冷库'}",
                    "year": day.year,
                    "business_model": "industry",
                    "need": "村里有意愿，尚未落实用地。",
                },
                shares={village: Decimal(100)},
                by=self.cast.officer,
                today=day,
                now=self.at(day),
            )
            if is_dropped:
                april = date(self.today.year, 4, 15)
                gone = april if april < self.today else self.today
                projects.drop_from_pool(
                    project, by=self.cast.staff, today=gone, now=self.at(gone), note="年度清理：村里放弃，用地未落实"
                )


def _amounts(plan: Plan) -> dict[str, Decimal]:
    """Yuan by source: the support money by its parts, and the villages' own money."""
    support = Decimal(plan.wan * WAN)
    parts = SPLIT.get(plan.sources, (1,) * len(plan.sources))
    amounts = dict(zip(plan.sources, allocate(support, [Decimal(part) for part in parts]), strict=True))
    return amounts | {"own": support * OWN_PERCENT / 100}


class _Walk:
    """One project from step to step, each on its day."""

    def __init__(self, maker: ProjectMaker, programme: Programme, plan: Plan, villages: Sequence[Unit]) -> None:
        self.maker, self.programme, self.plan, self.villages = maker, programme, plan, villages
        self.year, self.cast = programme.year, maker.cast
        self.amounts = _amounts(plan)
        self.shift = timedelta(days=maker.rng.randint(0, 9))
        self.day = date(self.year, 1, 5)
        self.spent: dict[str, Decimal] = defaultdict(Decimal)
        self.project: Project = self._proposed()

    def on(self, month: int, day: int, year: int = 0) -> None:
        """Time goes on to that day; what lies ahead of the demonstration has not happened."""
        self.day = date(self.year + year, month, day) + self.shift
        if self.day > self.maker.today:
            raise _NotYet

    def hangs(self, *quirks: str) -> None:
        if self.plan.quirk in quirks:
            raise _NotYet

    @property
    def moment(self) -> datetime:
        return self.maker.at(self.day)

    def go(self) -> None:
        self._applied()
        self._reviewed()
        self._approved()
        self._started()
        self._built()
        self._accepted()
        self._earning()
        self._ended()

    # --- Up to the approval -----------------------------------------------------------------

    def _proposed(self) -> Project:
        model, name, line, _asset = KINDS[self.plan.kind]
        first = self.villages[0]
        partner = self.maker.rng.choice(PARTNERS[:2]) if model in ("share", "firm_coop") else ""
        self.day += self.shift
        return projects.propose_project(
            fields={
                "number": self.maker.number(self.year),
                "name": f"{first.short_name}等村{name}" if len(self.villages) > 1 else f"{first.short_name}{name}",
                "year": self.year,
                "programme": self.programme,
                "business_model": model,
                "line": line,
                "location": f"{first.name}",
                "need": "村集体缺少稳定的经营性收入，有场地、有意愿、有承接主体。",
                "lead_unit": "乡镇经济发展办公室",
                "responsible_name": "镇经管站",
                "partner": partner,
                "partner_number": f"9900{PARTNERS.index(partner):014}" if partner else "",
                "start_on": date(self.year, 4, 20) + self.shift,
                "finish_on": date(self.year, 9, 30) + self.shift,
                "expected_income": Decimal(self.plan.wan * WAN * 8 // 100),
                "household_count": self.maker.rng.randint(12, 90),
                "job_count": self.maker.rng.randint(3, 25),
                "benefit_sharing": "收益六成归村集体，三成分给参与农户，一成用于公益。",
                "collective_percent": Decimal(60),
                "risk": self.maker.rng.choice(("low", "low", "middle", "high")),
                "risk_note": "市场价格波动；已签订单，保底收购。",
            },
            shares=self._shares(),
            by=self.cast.officer,
            today=self.day,
            now=self.moment,
        )

    def _shares(self) -> dict[Unit, Decimal]:
        percents = allocate(Decimal(100), [Decimal(1)] * len(self.villages))
        return dict(zip(self.villages, percents, strict=True))

    def _applied(self) -> None:
        self.hangs("pool")
        self.on(2, 3)
        self._change(decision=self._decision())
        self._move()
        amounts = self.amounts
        own_due = date(self.year, 5, 31)
        projects.set_requested(self.project, amounts, by=self.cast.officer, due_on={"own": own_due})
        whole = sum(amounts.values(), Decimal(0))
        works = (whole * 7 / 10).quantize(Decimal(1))
        projects.set_budget(self.project, [("工程和设备", works), ("配套设施", whole - works)], by=self.cast.officer)
        for name, month, day in (("基础施工", 6, 15), ("主体完工", 8, 31)):
            projects.add_milestone(self.project, name=name, due_on=date(self.year, month, day), by=self.cast.officer)
        self.hangs("apply")
        self.on(2, 18)
        secretary = self.cast.secretaries[self.villages[0].path[: -Unit.steplen]]
        self.project = projects.sign_project(self.project, by=secretary, today=self.day)
        self._move()

    def _decision(self) -> Decision:
        """The village's four discussions and two publications about it."""
        unit, first = self.villages[0], self.day - timedelta(days=20)
        days = {step: first + timedelta(days=3 * place) for place, step in enumerate(Decision.STEPS)}
        row = Decision.objects.create(
            unit=unit, path=unit.path, matter=f"申报项目：{self.project.name}", decided_on=first, **days
        )
        secretary = self.cast.secretaries[unit.path[: -Unit.steplen]]
        audit.record("branches.add_decision", actor=secretary, target=row, unit=row.path, changes={})
        return row

    def _reviewed(self) -> None:
        self.on(3, 5)
        given = DEPARTMENTS[:2] if self.plan.quirk == "review" else DEPARTMENTS
        for department in given:
            projects.record_opinion(
                self.project,
                department=department,
                reviewer=REVIEWERS[department],
                score=Decimal(self.maker.rng.randint(78, 95)),
                agrees=True,
                opinion="选址合适，带动明显，同意立项。",
                on=self.day,
                by=self.cast.officer,
            )
        self.hangs("review")
        self._move()

    def _approved(self) -> None:
        self.hangs("approve")
        self.on(4, 5)
        approval = projects.Approval(
            amounts=self.amounts,
            document=f"青农领〔{self.year}〕{7 + self.shift.days} 号",
            notice_from=date(self.year, 3, 20),
            notice_to=date(self.year, 3, 27),
            plan_code=f"JH-{self.project.number}",
        )
        self.project = projects.approve_project(
            self.project, approval, by=self.cast.leader, today=self.day, now=self.moment
        )

    # --- Building and paying ----------------------------------------------------------------

    def _started(self) -> None:
        self.hangs("not_started")
        self.on(4, 22)
        contracts.add_contract(
            unit=self.villages[0],
            kind="build",
            number=f"SG-{self.project.number}",
            party=self.maker.rng.choice(BUILDERS),
            subject=f"{self.project.name}施工和设备",
            signed_on=self.day,
            starts_on=self.day,
            ends_on=date(self.year, 10, 31),
            total_amount=sum(self.amounts.values(), Decimal(0)),
            project=self.project,
            by=self.cast.officer,
            today=self.day,
        )
        self._change(procurement="tender", started_on=self.day)
        self._move()
        self.on(5, 6)
        self._received("start")
        for source in self._sources():
            if source.source == "own":
                self._moved(source, "receipt", source.approved, "村集体自筹到位")
        self.hangs("idle")
        self.on(5, 28)
        self._paid(Decimal("0.95"))
        if self.plan.quirk == "waiting":
            self._waiting()
        if self.plan.quirk == "reversed":
            self._reversed()

    def _built(self) -> None:
        self.on(6, 12)
        self._milestone("基础施工")
        if self.plan.quirk == "stopped":
            self._stopped()
        if self.plan.quirk == "late":
            self._change(progress_percent=40, progress_note="连续降雨，主体进度滞后")
            raise _NotYet
        self.on(7, 6)
        self._change(progress_percent=65, progress_note="主体施工过半")
        self.on(7, 16)
        self._received("progress")
        self.on(8, 8)
        self._paid(Decimal("0.9"))
        self.on(8, 28)
        self._milestone("主体完工")
        self.hangs("joint_building")
        self.on(9, 24)
        self._change(progress_percent=100, progress_note="完工")
        self._move()

    def _stopped(self) -> None:
        self.on(8, 20)
        document = f"青农领〔{self.year}〕31 号"
        self.project = projects.stop_project(
            self.project, document=document, reason="承接企业退出，选址纠纷未决，收回剩余资金",
            by=self.cast.officer, today=self.day, now=self.moment,
        )  # fmt: skip
        for recall in self.project.payments.filter(state=Payment.State.ENTERED).order_by("pk"):
            payments.confirm_payment(recall, by=self.cast.staff, now=self.moment)
        raise _NotYet

    def _accepted(self) -> None:
        self.on(10, 14)
        cost = sum((source.paid for source in self._sources()), Decimal(0))
        problems = "附属排水未完成，配电箱未接地" if self.plan.quirk == "problems" else ""
        self._change(
            accepted_on=self.day,
            acceptance_panel="镇纪委、经管站、村务监督委员会",
            actual_cost=cost,
            acceptance_problems=problems,
        )
        self.on(10, 27)
        self._received("acceptance")
        self.on(11, 4)
        self._paid(Decimal("0.98"))
        self.hangs("problems")
        self._move()

    # --- Earning ----------------------------------------------------------------------------

    def _earning(self) -> None:
        self.hangs("no_card")
        self.on(11, 9)
        self._asset()
        self._contracts_of_use()
        self._move()
        self.on(3, 18, year=1)
        self._change(
            evaluated_on=self.day,
            actual_income=(self.project.expected_income or Decimal(0)) * self.maker.rng.randint(86, 112) / 100,
            actual_job_count=self.project.job_count,
            satisfaction_percent=Decimal(self.maker.rng.randint(900, 990)) / 10,
        )
        self._move()
        if self.plan.quirk == "findings":
            self._findings()

    def _asset(self) -> None:
        value = sum((source.paid for source in self._sources()), Decimal(0))
        parts = allocate(value.quantize(Decimal("0.01")), [Decimal(1)] * len(self.villages))
        for village, part in zip(self.villages, parts, strict=True):
            assets.register_asset(
                unit=village,
                values={
                    "number": f"ZC-{self.project.number}",
                    "name": self.project.name,
                    "kind": KINDS[self.plan.kind][3],
                    "measure": "处",
                    "value": part,
                    "location": self.villages[0].name,
                    "owner": f"{village.short_name}股份经济合作社",
                    "state": "leased",
                    "registered_on": self.day,
                    "project": self.project,
                },
                by=self.cast.officer,
                today=self.day,
            )

    def _contracts_of_use(self) -> None:
        """What the project earns, from January on, half a year in advance, shared by the villages."""
        starts_on = date(self.year + 1, 1, 1)
        years = 15 if self.plan.quirk == "long_contract" else 5
        is_share = self.project.business_model == "share"
        expected = self.project.expected_income or Decimal(0)
        for village, part in zip(self.villages, allocate(expected, [Decimal(1)] * len(self.villages)), strict=True):
            contracts.add_contract(
                unit=village,
                kind="share" if is_share else "lease",
                number=f"JY-{self.project.number}",
                party=self.project.partner or self.maker.rng.choice(PARTNERS),
                party_number=self.project.partner_number,
                subject=f"{self.project.name}{'分红' if is_share else '承租经营'}",
                signed_on=self.day,
                starts_on=starts_on,
                ends_on=date(starts_on.year + years - 1, 12, 31),
                yearly_amount=part,
                rhythm="half_yearly",
                guarantee="" if self.plan.quirk == "no_guarantee" else "承租方缴纳三个月保证金",
                project=self.project,
                by=self.cast.officer,
                today=self.day,
            )

    def _findings(self) -> None:
        """What the audit found: one closed with evidence, one handed in, one past its day."""
        officer, today = self.cast.officer, self.day
        for kind, problem, days in (
            ("accounts", "两张材料发票无验收单", 30),
            ("management", "变更设备型号未报批", 60),
            ("contract", "承租方保证金未入账", 45),
        ):
            finding = findings.record_finding(
                unit=self.villages[0],
                values={
                    "kind": kind,
                    "project": self.project,
                    "found_on": today,
                    "found_by": "县审计局",
                    "document": f"青审〔{today.year}〕12 号",
                    "problem": problem,
                    "measure": "补齐手续，由镇经管站复核",
                    "due_on": today + timedelta(days=days),
                },
                by=officer,
                today=today,
            )
            if kind != "contract":
                handed = min(today + timedelta(days=20), self.maker.today)
                finding = findings.hand_in(finding, evidence="已补验收单和情况说明，见附件", by=officer, today=handed)
            if kind == "accounts":
                findings.close_finding(finding, by=self.cast.staff, today=handed)
        raise _NotYet

    def _ended(self) -> None:
        self.on(5, 20, year=1)
        self._change(audited_on=self.day)
        self._move()
        self.on(10, 28, year=1)
        self._received("retention")
        self._paid(Decimal(1))

    # --- Steps ------------------------------------------------------------------------------

    def _change(self, **values: Any) -> None:
        self.project = projects.change_project(
            self.project, values=values, base=self.project.version, by=self.cast.officer, today=self.day
        )

    def _move(self) -> None:
        self.project = projects.move_on(self.project, by=self.cast.officer, today=self.day, now=self.moment)

    def _milestone(self, name: str) -> None:
        projects.finish_milestone(
            self.project.milestones.get(name=name), done_on=self.day, note="", by=self.cast.officer, today=self.day
        )

    def _sources(self) -> list[ProjectSource]:
        return list(self.project.sources.order_by("pk"))

    def _received(self, condition: str) -> None:
        """An instalment, by the sources it comes from."""
        instalment = self.project.instalments.get(condition=condition)
        support = [source for source in self._sources() if source.source in SUPPORT]
        for source, amount in zip(support, instalment_parts(self.project, instalment, support), strict=True):
            self._moved(source, "receipt", amount, f"拨付{instalment.percent:.0f}%", instalment=instalment)

    def _paid(self, share: Decimal) -> None:
        """So much of what is there, source by source, for the first budget item that has room left."""
        for source in self._sources():
            amount = (source.balance * share).quantize(Decimal(1)) if share < 1 else source.balance
            for line in self.project.budget.order_by("pk"):
                part = min(amount, line.amount - self.spent[line.item])
                if part > 0:
                    self._moved(
                        source, "payment", part, f"支付{line.item}款", use="build", payee=BUILDERS[0], budget_line=line
                    )
                    self.spent[line.item] += part
                    amount -= part

    def _moved(self, source: ProjectSource, kind: str, amount: Decimal, summary: str, **more: Any) -> Payment:
        return payments.confirm_payment(
            self._entered(source, kind, amount, summary, **more), by=self.cast.staff, now=self.moment
        )

    def _entered(self, source: ProjectSource, kind: str, amount: Decimal, summary: str, **more: Any) -> Payment:
        return payments.enter_payment(
            source=source,
            kind=kind,
            amount=amount,
            paid_on=self.day,
            summary=summary,
            voucher_number=self.maker.voucher(self.year),
            by=self.cast.officer,
            today=self.day,
            now=self.moment,
            **more,
        )

    def _waiting(self) -> None:
        """One payment that the county refused, entered anew and waiting."""
        source = self._sources()[0]
        first = self._entered(source, "payment", Decimal(1500), "设计费", use="service", payee="县设计院")
        payments.refuse_payment(first, note="未附合同，补齐后重报", by=self.cast.staff, now=self.moment)
        self._entered(source, "payment", Decimal(1500), "设计费", use="service", payee="县设计院")
        raise _NotYet

    def _reversed(self) -> None:
        """A payment entered with a wrong amount, taken back and entered anew."""
        source = self._sources()[0]
        wrong = self._moved(source, "payment", Decimal(1200), "监理费", use="service", payee="县监理公司")
        back = payments.reverse_payment(
            wrong, paid_on=self.day, voucher_number=f"{wrong.voucher_number}-冲", reason="金额录错，应为 1,020 元",
            by=self.cast.officer, now=self.moment,
        )  # fmt: skip
        payments.confirm_payment(back, by=self.cast.staff, now=self.moment)
        self._moved(source, "payment", Decimal(1020), "监理费", use="service", payee="县监理公司")


def instalment_parts(project: Project, instalment: Instalment, support: Collection[ProjectSource]) -> list[Decimal]:
    """An instalment divided by the sources that pay it, so that all four together are what each source approved."""
    approved = [source.approved for source in support]
    before = sum((row.amount for row in project.instalments.order_by("pk") if row.pk < instalment.pk), Decimal(0))
    until = allocate(before + instalment.amount, approved)
    return [after - earlier for after, earlier in zip(until, allocate(before, approved), strict=True)]
