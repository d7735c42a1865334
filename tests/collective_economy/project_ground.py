"""A project on its way for tests of pages: made by the services, two persons at each gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from branches.models import Decision, Unit
from collective_economy.models import Payment, Programme, Project, ProjectSource
from collective_economy.models.programmes import SUPPORT
from collective_economy.services import payments, programmes, projects
from tests.collective_economy.ground import make_contract, person, village

WAN = 10_000


def at(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day, 9))


@dataclass
class People:
    """Who proposes and enters, who signs, who approves and confirms."""

    officer: User
    township: User
    leader: User
    checker: User


def people() -> People:
    return People(*(person(name) for name in ("经管员", "乡镇书记", "县领导", "县复核")))


def released(
    who: People, day: date, amounts: Mapping[str, int] | None = None, name: str = "2026 年第一批"
) -> Programme:
    """A confirmed programme; amounts in 万元."""
    row = programmes.add_programme(
        unit=Unit.objects.get(name="青禾县"),
        name=name,
        year=day.year,
        document="青财农〔2026〕3 号",
        released_on=day,
        amounts={
            source: Decimal(amount * WAN) for source, amount in (amounts or {"central": 60, "county": 40}).items()
        },
        by=who.officer,
    )
    return programmes.confirm_programme(row, by=who.checker, now=at(day))


def proposed(
    who: People, day: date, programme: Programme | None = None, shares: Mapping[str, str] | None = None, **fields: Any
) -> Project:
    """In the pool, with a plan of 180 days from `day` on."""
    return projects.propose_project(
        fields={
            "number": "JJ-2026-017",
            "name": "茶叶初制厂",
            "year": day.year,
            "programme": programme,
            "business_model": "firm_coop",
            "start_on": day,
            "finish_on": day + timedelta(days=179),
            "expected_income": Decimal(18 * WAN),
            "benefit_sharing": "村集体 70%，农户 30%",
            "collective_percent": Decimal(70),
            "risk": "low",
            "risk_note": "订单已签",
            "responsible_name": "方志平",
            "responsible_phone": "13800001234",
            "lead_unit": "县农业农村局",
        }
        | fields,
        shares={village(name): Decimal(percent) for name, percent in (shares or {"东一村": "100"}).items()},
        by=who.officer,
        today=day,
        now=at(day),
    )


def applied(who: People, day: date, project: Project, money: Mapping[str, int] | None = None) -> Project:
    """Decided by the village, money and items entered, in the stage of application. `money` in 万元."""
    place = project.shares.order_by("path")[0].unit
    decision = Decision.objects.create(
        unit=place, path=place.path, matter="建初制厂", decided_on=day, **dict.fromkeys(Decision.STEPS[:5], day)
    )
    project = projects.change_project(project, values={"decision": decision}, base=project.version, by=who.officer)
    project = projects.move_on(project, by=who.officer, today=day, now=at(day))
    asked = {
        source: Decimal(amount * WAN) for source, amount in (money or {"central": 30, "county": 10, "own": 12}).items()
    }
    projects.set_requested(project, asked, by=who.officer, due_on={"own": day + timedelta(days=30)})
    total = sum(asked.values(), Decimal(0))
    projects.set_budget(project, [("厂房改造", total - 20 * WAN), ("设备购置", Decimal(20 * WAN))], by=who.officer)
    return Project.objects.get(pk=project.pk)


def reviewed(who: People, day: date, project: Project) -> Project:
    """Signed, agreed by the panel, before the county."""
    projects.sign_project(project, by=who.township, today=day)
    project = projects.move_on(project, by=who.officer, today=day, now=at(day))
    agree(who, day, project)
    return projects.move_on(project, by=who.officer, today=day, now=at(day))


def agree(who: People, day: date, project: Project) -> None:
    for department in ("organization", "finance", "agriculture"):
        projects.record_opinion(
            project, department=department, reviewer="评审员", score=Decimal(88), agrees=True, opinion="同意立项",
            on=day, by=who.leader,
        )  # fmt: skip


def approval(project: Project, day: date) -> projects.Approval:
    return projects.Approval(
        amounts={row.source: row.requested for row in project.sources.all() if row.requested},
        document="青农领〔2026〕5 号",
        notice_from=day - timedelta(days=8),
        notice_to=day - timedelta(days=1),
    )


def approved(who: People, day: date, project: Project) -> Project:
    return projects.approve_project(project, approval(project, day), by=who.leader, today=day, now=at(day))


def under_work(who: People, day: date, project: Project) -> Project:
    """Contract, procurement and start entered, in the stage of payment."""
    place = project.shares.order_by("path")[0].unit
    make_contract(place, project=project, kind="build", total_amount=240_000)
    project = projects.change_project(
        project, values={"procurement": "tender", "started_on": day}, base=project.version, by=who.officer
    )
    return projects.move_on(project, by=who.officer, today=day, now=at(day))


def move(who: People, day: date, source: ProjectSource, kind: str, amount: str, **fields: Any) -> Payment:
    """A confirmed movement in yuan; support money is handed out as the first instalment unless told."""
    number = fields.pop("voucher_number", f"PZ{Payment.objects.count():04d}")
    if kind == "payment":
        fields.setdefault("use", "build")
    elif kind == "receipt" and source.source in SUPPORT:
        fields.setdefault("instalment", source.project.instalments.filter(condition="start").first())
    entered = payments.enter_payment(
        source=source, kind=kind, amount=Decimal(amount), paid_on=day, summary=fields.pop("summary", "款项"),
        voucher_number=number, by=who.officer, today=day, now=at(day), **fields,
    )  # fmt: skip
    return payments.confirm_payment(entered, by=who.checker, now=at(day))


def whole_way(who: People, day: date, **fields: Any) -> Project:
    """From the programme to the stage of payment, all on `day` but the approval."""
    programme = released(who, day)
    project = reviewed(who, day, applied(who, day, proposed(who, day, programme, **fields)))
    return under_work(who, day, approved(who, day, project))
