"""A joint project from the programme to its end, by the officer, the township and the leader; payments by services.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.roles import Role
from branches.models import Decision, Unit
from collective_economy.models import Asset, Payment, Programme, Project
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.collective_economy import project_ground as way
from tests.collective_economy.ground import make_contract, make_entry, village
from tests.collective_economy.project_ground import People
from tests.conftest import make_user


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def who(county: Unit) -> People:
    return People(
        make_user("林晓", Role.CE, county),
        make_user("周明远", Role.TS, Unit.objects.get(name="东乡")),
        make_user("陈建国", Role.CL, county),
        make_user("王芳", Role.CS, county),
    )


def press_move(page: Page, stage: str) -> None:
    page.get_by_role("button", name=f"进入下一环节：{stage}").click()
    expect(page.locator(".p-head .p-chip")).to_contain_text(stage)


def test_a_joint_project_goes_from_the_pool_to_its_end(sign_in: SignIn, shot: Shot, who: People) -> None:
    today = timezone.localdate()
    programme_is_entered_and_confirmed(sign_in, who, today)
    officer = sign_in(who.officer)
    propose(officer, today)
    project = Project.objects.get()
    page = f"/economy/projects/{project.pk}/"
    officer.goto(f"{page}edit/")
    place = village("东一村")
    decision = Decision.objects.create(
        unit=place, path=place.path, matter="建茶叶初制厂", decided_on=today, **dict.fromkeys(Decision.STEPS[:5], today)
    )
    officer.reload()
    officer.get_by_label("四议两公开事项").select_option(str(decision.pk))
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "申报")
    officer.get_by_role("link", name="填写申请资金").click()
    officer.get_by_label("中央资金").fill("30")
    officer.get_by_label("县级资金").fill("10")
    officer.get_by_label("集体自筹").fill("12")
    officer.locator("[name=item_0]").fill("厂房改造")
    officer.locator("[name=money_0]").fill("32")
    officer.locator("[name=item_1]").fill("设备购置")
    officer.locator("[name=money_1]").fill("20")
    officer.get_by_role("button", name="保存").click()
    expect(officer.locator("#gate")).to_contain_text("等待乡镇签字")

    township = sign_in(who.township)
    township.goto(page)
    township.get_by_role("button", name="核对并签字").click()
    expect(township.locator("#gate")).not_to_contain_text("等待乡镇签字")
    officer.reload()
    press_move(officer, "评审")
    leader = sign_in(who.leader)
    for department in ("organization", "finance", "agriculture"):
        leader.goto(f"{page}opinion/")
        leader.locator("[name=department]").select_option(department)
        leader.locator("[name=reviewer]").fill("评审员")
        leader.locator("[name=score]").fill("88")
        leader.locator("[name=agrees][value=yes]").check()
        leader.locator("[name=opinion]").fill("同意立项")
        leader.get_by_role("button", name="保存意见").click()
    officer.reload()
    press_move(officer, "公示批复")
    leader.goto(f"{page}approve/")
    expect(leader.get_by_label("中央资金")).to_have_value("30")
    leader.get_by_label("批复文号").fill("青农领〔2026〕5 号")
    leader.locator("[name=notice_from]").fill(str(today - timedelta(days=8)))
    leader.locator("[name=notice_to]").fill(str(today - timedelta(days=1)))
    leader.get_by_role("button", name="批复项目").click()
    expect(leader.locator(".p-head .p-chip")).to_contain_text("实施")
    project.refresh_from_db()
    assert (project.approved_by, project.instalments.count()) == (who.leader, 4)

    make_contract(place, project=project, kind="build", total_amount=240_000)
    officer.goto(f"{page}progress/")
    officer.locator("[name=procurement]").select_option("tender")
    officer.locator("[name=started_on]").fill(str(today))
    officer.locator("[name=progress_percent]").fill("65")
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "拨付")
    money_moves(who, project, today)
    make_entry(place, 19_200, day=today, project=project)
    officer.goto(page)
    expect(officer.locator(".p-flow")).to_contain_text("12.00万元")
    expect(officer.locator(".p-flow")).to_contain_text("4.50万元")
    expect(officer.locator("#income svg").first).to_be_visible()
    shot(officer, "project")
    officer.locator(".p-flow a").nth(2).click()
    expect(officer.locator("tbody tr")).to_have_count(1)
    expect(officer.locator("tbody tr")).to_contain_text("4.50")
    officer.goto("/economy/projects/board/")
    expect(officer.locator(".pj-cards li")).to_have_count(1)
    shot(officer, "project-board")

    finish(officer, who, project, today)
    assert [step.went_to for step in project.steps.all()][-1] == "done"
    phone = sign_in(who.township, viewport=PHONE)
    for address in (page, "/economy/projects/", "/economy/projects/board/", "/economy/programmes/"):
        phone.goto(address)
        assert fits(phone), address


def programme_is_entered_and_confirmed(sign_in: SignIn, who: People, today: date) -> None:
    staff = sign_in(who.checker)
    staff.goto("/economy/programmes/add/")
    staff.locator("[name=name]").fill("2026 年第一批")
    staff.locator("[name=document]").fill("青财农〔2026〕3 号")
    staff.locator("[name=amount_central]").fill("60")
    staff.locator("[name=amount_county]").fill("40")
    staff.get_by_role("button", name="保存，待复核").click()
    leader = sign_in(who.leader)
    leader.goto(f"/economy/programmes/{Programme.objects.get().pk}/")
    leader.get_by_role("link", name="核对并复核").click()
    leader.get_by_role("button", name="复核批次").click()
    expect(leader.locator(".p-head .p-chip")).to_contain_text("已确认")


def propose(officer: Page, today: date) -> None:
    officer.goto(f"/economy/projects/add/?programme={Programme.objects.get().pk}")
    officer.locator("[name=number]").fill("JJ-2026-017")
    officer.locator("[name=name]").fill("茶叶初制厂")
    officer.locator("[name=business_model]").select_option("joint")
    officer.locator("[name=start_on]").fill(str(today))
    officer.locator("[name=finish_on]").fill(str(today + timedelta(days=180)))
    officer.locator("[name=expected_income]").fill("18")
    officer.locator("[name=benefit_sharing]").fill("村集体 70%，农户 30%")
    officer.locator("[name=risk]").select_option("low")
    officer.locator("[name=risk_note]").fill("订单已签")
    for number, name in enumerate(("东一村", "东二村", "西一村")):
        officer.locator(f"[name=village_{number}]").select_option(str(village(name).pk))
    officer.get_by_role("button", name="平均分配").click()
    expect(officer.locator("[name=percent_0]")).to_have_value("33.34")
    officer.get_by_role("button", name="提交入库").click()
    expect(officer.locator(".p-head h1")).to_have_text("茶叶初制厂")


def money_moves(who: People, project: Project, today: date) -> None:
    central, own = (project.sources.get(source=source) for source in ("central", "own"))
    start = project.instalments.get(condition="start")
    way.move(who, today, central, "receipt", "120000", instalment=start, summary="第一笔拨付")
    way.move(who, today, own, "receipt", "75000", summary="村自筹")
    item = project.budget.get(item="厂房改造")
    way.move(who, today, central, "payment", "45000.50", budget_line=item, summary="厂房改造进度款")
    assert Payment.objects.filter(state="confirmed").count() == 3


def finish(officer: Page, who: People, project: Project, today: date) -> None:
    page = f"/economy/projects/{project.pk}/"
    officer.goto(f"{page}progress/")
    officer.locator("[name=progress_percent]").fill("100")
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "验收")
    officer.goto(f"{page}accept/")
    officer.locator("[name=accepted_on]").fill(str(today))
    officer.locator("[name=acceptance_panel]").fill("镇验收组")
    officer.locator("[name=actual_cost]").fill("51.5")
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "确权运营")
    Asset.objects.create(
        unit=village(), path=village().path, project=project, number="ZC-1", name="厂房", kind="building",
        value=240_000, owner="经济合作社", registered_on=today, entered_by=who.officer,
    )  # fmt: skip
    officer.reload()
    press_move(officer, "绩效评价")
    officer.goto(f"{page}evaluate/")
    officer.locator("[name=evaluated_on]").fill(str(today))
    officer.locator("[name=actual_income]").fill("18.2")
    officer.locator("[name=satisfaction_percent]").fill("95")
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "审计")
    officer.goto(f"{page}audit/")
    officer.locator("[name=audited_on]").fill(str(today))
    officer.get_by_role("button", name="保存").click()
    press_move(officer, "已完成")
    project.refresh_from_db()
    assert (project.actual_cost, project.actual_income) == (Decimal(515_000), Decimal(182_000))
