"""A project of two villages from the programme to its end, by the services, with two persons at each gate."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from branches.models import Decision, Unit
from collective_economy.models import Asset, Contract, LedgerEntry, Payment, ProjectSource
from collective_economy.services import payments, programmes, projects
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)


def at(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day, 9))


def test_from_the_programme_to_the_audit(
    county: Unit, county_admin: User, county_leader: User, east_editor: User
) -> None:
    officer = make_user("officer", Role.CE, county)
    villages = [Unit.objects.get(name=name) for name in ("东一村", "西一村")]
    programme = programmes.add_programme(
        unit=county,
        name="2026 年第一批",
        year=2026,
        document="青财农〔2026〕3 号",
        released_on=DAY,
        amounts={"central": Decimal(300000), "county": Decimal(200000)},
        by=officer,
    )
    with pytest.raises(PermissionDenied):
        programmes.confirm_programme(programme, by=officer, now=at(DAY))
    programmes.confirm_programme(programme, by=county_admin, now=at(DAY))
    project = projects.propose_project(
        fields={
            "number": "JJ-2026-001",
            "name": "茶叶初制厂",
            "year": 2026,
            "programme": programme,
            "business_model": "firm_coop",
            "start_on": date(2026, 4, 1),
            "finish_on": date(2026, 9, 30),
            "expected_income": Decimal(40000),
            "benefit_sharing": "村集体七成",
            "risk": "low",
            "risk_note": "订单已签",
        },
        shares={villages[0]: Decimal("66.6667"), villages[1]: Decimal("33.3333")},
        by=officer,
        today=DAY,
        now=at(DAY),
    )
    assert project.unit == county, "the villages lie in two townships"
    with pytest.raises(ValidationError) as refused:
        projects.move_on(project, by=officer, today=DAY, now=at(DAY))
    assert refused.value.error_list[0].code == "gate_closed"
    decision = Decision.objects.create(
        unit=villages[0],
        path=villages[0].path,
        matter="建初制厂",
        decided_on=DAY,
        **dict.fromkeys(Decision.STEPS[:5], DAY),
    )
    project = projects.change_project(project, values={"decision": decision}, base=project.version, by=officer)
    project = projects.move_on(project, by=officer, today=DAY, now=at(DAY))
    projects.set_requested(
        project,
        {"central": Decimal(300000), "county": Decimal(100000), "own": Decimal(120000)},
        by=officer,
        due_on={"own": date(2026, 5, 1)},
    )
    projects.set_budget(project, [("厂房改造", Decimal(240000)), ("设备", Decimal(280000))], by=officer)
    projects.sign_project(project, by=east_editor, today=DAY)
    project = projects.move_on(project, by=officer, today=DAY, now=at(DAY))
    for department in ("organization", "finance", "agriculture"):
        projects.record_opinion(
            project,
            department=department,
            reviewer="评审",
            score=Decimal(88),
            agrees=True,
            opinion="同意",
            on=DAY,
            by=officer,
        )
    project = projects.move_on(project, by=officer, today=DAY, now=at(DAY))
    day = date(2026, 3, 20)
    approval = projects.Approval(
        amounts={"central": Decimal(300000), "county": Decimal(100000), "own": Decimal(120000)},
        document="青农领〔2026〕5 号",
        notice_from=date(2026, 3, 9),
        notice_to=date(2026, 3, 15),
    )
    with pytest.raises(PermissionDenied):
        projects.approve_project(project, approval, by=officer, today=day, now=at(day))
    project = projects.approve_project(project, approval, by=county_leader, today=day, now=at(day))
    assert [row.amount for row in project.instalments.all()] == [120000, 200000, 68000, 12000]
    grants = {row.source: row.allocated for row in programme.sources.all()}
    assert grants == {"central": 300000, "county": 100000}

    day = date(2026, 4, 2)
    Contract.objects.create(
        unit=villages[0], path=villages[0].path, project=project, number="HT-1", kind="build", party="某建筑公司",
        subject="厂房", signed_on=day, starts_on=day, ends_on=date(2026, 9, 30), total_amount=240000,
        entered_by=officer,
    )  # fmt: skip
    project = projects.change_project(
        project, values={"procurement": "tender", "started_on": day}, base=project.version, by=officer
    )
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    central, own = (ProjectSource.objects.get(project=project, source=source) for source in ("central", "own"))
    start = project.instalments.get(condition="start")

    def move(kind: str, source: ProjectSource, amount: str, voucher: str, **more: object) -> Payment:
        entered = payments.enter_payment(
            source=source, kind=kind, amount=Decimal(amount), paid_on=day, summary="款", voucher_number=voucher,
            by=officer, today=day, now=at(day), **more,
        )  # fmt: skip
        return payments.confirm_payment(entered, by=county_admin, now=at(day))

    with pytest.raises(ValidationError, match=r"120,000\.00"):
        move("receipt", central, "120000.01", "B-1", instalment=start)
    move("receipt", central, "120000", "B-1", instalment=start)
    move("receipt", own, "120000", "B-2")
    with pytest.raises(ValidationError) as red:
        move("payment", central, "5", "Z-0", use="cadre_pay")
    assert red.value.error_dict["use"][0].code == "red_line"
    paid = move("payment", central, "100000.01", "Z-1", use="build", budget_line=project.budget.get(item="厂房改造"))
    with pytest.raises(ValidationError) as beyond:
        move("payment", central, "20000", "Z-2", use="equipment")
    assert beyond.value.error_dict["amount"][0].code == "beyond_received"
    central.refresh_from_db()
    assert (central.received, central.paid, central.balance) == (120000, Decimal("100000.01"), Decimal("19999.99"))
    back = payments.reverse_payment(
        paid, paid_on=day, voucher_number="Z-1冲", reason="重复付款", by=officer, now=at(day)
    )
    payments.confirm_payment(back, by=county_admin, now=at(day))
    central.refresh_from_db()
    assert (central.paid, central.balance) == (0, 120000)

    day = date(2026, 9, 25)
    project.refresh_from_db()
    project = projects.change_project(project, values={"progress_percent": 100}, base=project.version, by=officer)
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    project = projects.change_project(
        project,
        values={"accepted_on": day, "acceptance_panel": "镇验收组", "actual_cost": Decimal(515000)},
        base=project.version,
        by=officer,
    )
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    Asset.objects.create(
        unit=villages[0], path=villages[0].path, project=project, number="ZC-1", name="厂房", kind="building",
        value=240000, owner="村经济合作社", registered_on=day, entered_by=officer,
    )  # fmt: skip
    LedgerEntry.objects.create(
        unit=villages[0], path=villages[0].path, month=date(2026, 9, 1), day=day, category="operating",
        amount=6000, project=project, entered_by=officer,
    )  # fmt: skip
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    project = projects.change_project(
        project,
        values={"evaluated_on": day, "actual_income": Decimal(41000), "satisfaction_percent": Decimal(95)},
        base=project.version,
        by=officer,
    )
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    project = projects.change_project(project, values={"audited_on": day}, base=project.version, by=officer)
    project = projects.move_on(project, by=officer, today=day, now=at(day))
    assert project.stage == "done"
    assert [step.went_to for step in project.steps.all()] == [
        "pool", "apply", "review", "approve", "implement", "pay", "accept", "operate", "evaluate", "audit", "done",
    ]  # fmt: skip
    retention = project.instalments.get(condition="retention")
    assert retention.due_on == date(2027, 9, 30)
