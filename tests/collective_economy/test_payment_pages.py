"""Pages of money that moves: who sees what, entering, confirming many at once, taking back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.reauth import remember_password
from accounts.roles import Role
from accounts.sessions import PASSWORD
from branches.models import Unit
from collective_economy.models import BudgetLine, Instalment, Payment, Project, ProjectSource
from collective_economy.payment_rows import instalment_states, source_states, sums_of, waiting_lines
from collective_economy.services.projects import set_shares
from tests.collective_economy import ground
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def june() -> Iterator[None]:
    with time_machine.travel("2026-06-20 10:00+08:00", tick=False):
        yield


@pytest.fixture
def project(county: Unit) -> Project:
    made = ground.make_project(
        ground.village(),
        approved={"county": 100_000, "own": 20_000},
        stage="pay",
        name="东一村冷库",
        started_on=date(2026, 4, 1),
    )
    Instalment.objects.create(project=made, condition="start", percent=30, amount=30_000)
    Instalment.objects.create(project=made, condition="retention", percent=3, amount=3_000)
    BudgetLine.objects.create(project=made, item="厂房", amount=25_000)
    ground.move(county_money(made), 30_000, voucher_number="B-0", instalment=made.instalments.first())
    return made


@pytest.fixture
def officer(east: Unit) -> User:
    return make_user("officer", Role.CE, east)


def county_money(project: Project) -> ProjectSource:
    return project.sources.get(source="county")


def typed(project: Project, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "payment",
        "source": county_money(project).pk,
        "amount": "1.2345",
        "paid_on": "2026-06-18",
        "summary": "厂房屋面",
        "use": "build",
        "payee": "某建筑公司",
        "voucher_number": "Z-1",
        "budget_line": project.budget.get().pk,
        "instalment": "",
        "reason": "",
    } | changes


def add_url(project: Project, query: str = "") -> str:
    return reverse("collective_economy:payment_add", args=[project.pk]) + query


# --- Entering --------------------------------------------------------------------------------


def test_an_amount_in_ten_thousand_yuan_is_kept_in_yuan(client: Client, officer: User, project: Project) -> None:
    client.force_login(officer)
    page = client.get(add_url(project, "?kind=payment")).content.decode()
    for words in (
        "10.00",
        "3.00",
        "待拨 7.00",
        "厂房（剩 2.5）",
        "30%：已开工（剩 0）",
        "红线，不得支出",
        "村干部报酬",
    ):
        assert words in page, words
    answer = client.post(add_url(project), typed(project))
    row = Payment.objects.get(summary="厂房屋面")
    assert answer.url == reverse("collective_economy:payment", args=[row.pk])
    assert (row.amount, row.kind, row.state, row.budget_line, row.entered_by) == (
        Decimal("12345.00"), "payment", "entered", project.budget.get(), officer,
    )  # fmt: skip
    assert "已录入，经另一人确认后生效。" in client.get(answer.url).content.decode()
    page = client.get(add_url(project)).content.decode()
    assert "待确认支出 1.23" in page
    again = client.post(add_url(project), typed(project, voucher_number="Z-2", amount="0.1", again="1"))
    assert again.url == add_url(project, "?kind=payment")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"use": "cadre_pay"}, "红线：扶持资金不得用于村干部报酬，这笔支出不能保存。"),
        ({"amount": "3.0001"}, "该来源已到位 30,000.00 元，只剩 30,000.00 元。"),
        ({"amount": "2.6"}, "该预算科目 25,000.00 元，只剩 25,000.00 元。"),
        ({"amount": "1.23456"}, "最多四位小数，即精确到元。"),
        ({"amount": "一万"}, "请填写以万元为单位的金额，如 12.5。"),
        ({"amount": "30000"}, "单位是否为万元？"),
        ({"amount": "30000", "is_in_wan": "on"}, "该来源已到位 30,000.00 元，只剩 30,000.00 元。"),
        ({"paid_on": "2026-06-21"}, "该日期尚未到来。"),
        ({"kind": "recall"}, "请说明收回资金的原因。"),
        ({"kind": ""}, "该字段是必填项。"),
    ],
)
def test_what_was_typed_stays_when_it_is_refused(
    client: Client, officer: User, project: Project, changes: dict[str, str], sentence: str
) -> None:
    client.force_login(officer)
    answer = client.post(add_url(project), typed(project, **changes))
    html = answer.content.decode()
    assert (answer.status_code, sentence in html) == (422, True), html[html.find("p-alert") :][:600]
    assert 'value="厂房屋面"' in html
    assert f'value="{changes.get("amount", "1.2345")}"' in html
    assert Payment.objects.filter(summary="厂房屋面").count() == 0


def test_a_source_of_another_project_is_no_choice(client: Client, officer: User, project: Project) -> None:
    other = ground.make_project(ground.village("东二村"), approved={"county": 5_000}, stage="pay")
    client.force_login(officer)
    answer = client.post(add_url(project), typed(project, source=county_money(other).pk))
    assert (answer.status_code, Payment.objects.filter(summary="厂房屋面").count()) == (422, 0)


def test_who_enters_where(client: Client, project: Project, east: Unit, west: Unit, county: Unit) -> None:
    joint = ground.make_project(ground.village(), ground.village("西一村"), approved={"county": 9_000}, stage="pay")
    answers = {}
    for name, role, unit in (
        ("县干部", Role.CS, county), ("县经管", Role.CE, county), ("县领导", Role.CL, county),
        ("东经管", Role.CE, east), ("西经管", Role.CE, west), ("东书记", Role.TS, east),
    ):  # fmt: skip
        client.force_login(make_user(name, role, unit))
        answers[name] = tuple(client.get(add_url(one)).status_code for one in (project, joint))
    assert answers == {
        "县干部": (200, 200), "县经管": (200, 200), "县领导": (403, 403), "东经管": (200, 403), "西经管": (404, 403),
        "东书记": (403, 403),
    }  # fmt: skip


# --- The list and one movement ---------------------------------------------------------------


def test_the_list_has_what_waits_first_and_the_sums_of_what_is_shown(
    client: Client, officer: User, project: Project, county: Unit
) -> None:
    paid = ground.move(county_money(project), 5_000, "payment", summary="设备款", paid_on=date(2026, 6, 19))
    ground.reverse_payment(ground.move(county_money(project), 1_000, "payment", summary="错付"))
    ground.enter_payment(county_money(project), 2_000, "payment", summary="等待的一笔", paid_on=date(2026, 5, 1))
    west = ground.make_project(ground.village("西一村"), approved={"county": 7_000}, stage="pay")
    ground.move(county_money(west), 7_000, summary="西乡拨付")
    client.force_login(officer)
    html = client.get(reverse("collective_economy:payment_list")).content.decode()
    assert "西乡拨付" not in html
    assert html.index("等待的一笔") < html.index("设备款") < html.index("错付")
    assert "拨付 3.00，支出 0.50，收回 0.00" in html
    client.force_login(make_user("县领导", Role.CL, county))
    for query, found in (
        ({"state": "entered"}, {"等待的一笔"}),
        ({"kind": "receipt"}, {"拨付", "西乡拨付"}),
        ({"month": "2026-05"}, {"等待的一笔"}),
        ({"township": Unit.objects.get(name="西乡").pk}, {"西乡拨付"}),
        ({"project": project.pk, "kind": "payment", "state": "confirmed"}, {"设备款", "错付", "拨付"}),
        ({"state": "什么"}, set()),
    ):
        page = client.get(reverse("collective_economy:payment_list"), query).context["page"]
        assert {row.summary for row in page} == found, query
    assert sums_of(Payment.objects.filter(project=project)) == {
        "waiting": 1, "receipt": 30_000, "payment": paid.amount, "recall": 0,
    }  # fmt: skip


@pytest.mark.usefixtures("quiet_frame")
def test_the_pages_ask_the_same_number_of_queries_for_one_row_and_for_three(
    client: Client, county_admin: User, project: Project
) -> None:
    client.force_login(county_admin)
    counts: dict[str, list[int]] = {"payment_list": [], "payment_confirm": []}
    allow(client)
    ground.enter_payment(county_money(project), 1, "payment")
    for _round in range(2):
        for name, found in counts.items():
            client.get(reverse(f"collective_economy:{name}"))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(f"collective_economy:{name}")).status_code == 200
            found.append(len(queries))
        for number in range(2):
            other = ground.make_project(ground.village(f"东{'二三'[number]}村"), approved={"county": 500}, stage="pay")
            ground.enter_payment(county_money(other), 100)
    assert {name: set(found) for name, found in counts.items()} == {"payment_list": {12}, "payment_confirm": {7}}


def test_a_joint_project_shows_its_payments_to_each_of_its_townships(
    client: Client, west_editor: User, officer: User, county: Unit
) -> None:
    joint = ground.make_project(ground.village(), ground.village("西一村"), approved={"county": 9_000}, stage="pay")
    row = ground.move(county_money(joint), 9_000, summary="联建拨付")
    alone = ground.move(county_money(ground.make_project(approved={"county": 50}, stage="pay")), 50)
    client.force_login(west_editor)
    assert "联建拨付" in client.get(reverse("collective_economy:payment", args=[row.pk])).content.decode()
    assert client.get(reverse("collective_economy:payment", args=[alone.pk])).status_code == 404
    page = client.get(reverse("collective_economy:payment_list")).context["page"]
    assert [one.pk for one in page] == [row.pk]


def test_payments_follow_a_project_to_its_place(project: Project, officer: User, west_editor: User) -> None:
    """One that came back for its plan may get other villages; its money then belongs to their township."""
    row = project.payments.get()
    Project.objects.filter(pk=project.pk).update(stage="apply")
    set_shares(Project.objects.get(pk=project.pk), {ground.village("西一村"): Decimal(100)}, by=ground.clerk())
    seen = {user.username: Payment.objects.for_user(user).filter(pk=row.pk).exists() for user in (officer, west_editor)}
    assert seen == {"officer": False, "west_editor": True}


def test_one_movement_shows_what_it_leaves(client: Client, county_leader: User, project: Project) -> None:
    row = ground.enter_payment(county_money(project), 12_000, "payment", summary="设备款", payee="农机公司")
    client.force_login(county_leader)
    html = client.get(reverse("collective_economy:payment", args=[row.pk])).content.decode()
    for words in ("设备款", "农机公司", "工程建设", "确认后", "1.80", 'data-dialog-open="confirm"'):
        assert words in html, words
    client.force_login(make_user("巡察", Role.RI, Unit.objects.get(kind="county")))
    assert "data-dialog-open" not in client.get(reverse("collective_economy:payment", args=[row.pk])).content.decode()


# --- Deciding --------------------------------------------------------------------------------


def allow(client: Client) -> None:
    """The password was given just now."""
    session = client.session
    remember_password(session)
    session.save()


def test_many_are_confirmed_at_once_but_not_ones_own(client: Client, county_admin: User, project: Project) -> None:
    source = county_money(project)
    first = ground.enter_payment(source, 10_000, "payment", summary="一")
    second = ground.enter_payment(source, 15_000, "payment", summary="二")
    own = ground.enter_payment(source, 5_000, "payment", summary="本人的", entered_by=county_admin)
    third = ground.enter_payment(source, 6_000, "payment", summary="三")
    client.force_login(county_admin)
    url = reverse("collective_economy:payment_confirm")
    session = client.session
    session.pop(PASSWORD)
    session.save()
    assert client.get(url).status_code == 302, "the password is asked for"
    allow(client)
    lines = client.get(url).context["lines"]
    assert [(line.payment.pk, line.balance, line.fits, line.is_own) for line in lines] == [
        (first.pk, 20_000, True, False),
        (second.pk, 5_000, True, False),
        (own.pk, 0, True, True),
        (third.pk, -1_000, False, False),
    ]
    html = client.get(url).content.decode()
    assert [f'value="{row.pk}" checked' in html for row in (first, second, own, third)] == [True, True, False, False]
    answer = client.post(url, {"payment": [first.pk, second.pk, third.pk]}, follow=True)
    source.refresh_from_db()
    assert source.paid == 25_000
    html = answer.content.decode()
    assert "已确认 2 笔资金。" in html
    assert "东一村冷库，三：该来源已到位 30,000.00 元，只剩 5,000.00 元。" in html
    refused = client.post(url, {"payment": [own.pk]}, follow=True).content.decode()
    own.refresh_from_db()
    assert ("不能由本人确认" in refused, own.state) == (True, "entered")
    assert "请至少选择一笔资金。" in client.post(url, {"payment": ["0", "x", "9" * 30]}, follow=True).content.decode()


def test_confirming_from_its_page_leads_back_to_it(client: Client, county_leader: User, project: Project) -> None:
    row = ground.enter_payment(county_money(project), 1_000, "payment")
    client.force_login(county_leader)
    allow(client)
    url = reverse("collective_economy:payment_confirm")
    answer = client.post(url, {"payment": row.pk, "back": "payment", "note": "已核"})
    row.refresh_from_db()
    assert (answer.url, row.state, row.decision_note) == (
        reverse("collective_economy:payment", args=[row.pk]), "confirmed", "已核",
    )  # fmt: skip


def test_refusing_withdrawing_and_taking_back(
    client: Client, officer: User, county_leader: User, project: Project
) -> None:
    source = county_money(project)
    row = ground.enter_payment(source, 1_000, "payment", entered_by=officer)
    refuse, withdraw, back = (
        reverse(f"collective_economy:payment_{verb}", args=[row.pk]) for verb in ("refuse", "withdraw", "reverse")
    )
    client.force_login(officer)
    assert client.post(refuse, {"note": "不对"}).status_code == 403
    client.force_login(county_leader)
    assert client.post(withdraw).status_code == 403, "a leader enters nothing"
    assert "请说明退回的原因。" in client.post(refuse, {"note": ""}, follow=True).content.decode()
    client.post(refuse, {"note": "凭证不清"})
    assert "凭证不清" in client.get(reverse("collective_economy:payment", args=[row.pk])).content.decode()
    client.force_login(officer)
    second = ground.enter_payment(source, 1_000, "payment", entered_by=officer)
    client.post(reverse("collective_economy:payment_withdraw", args=[second.pk]))
    assert "已经处理过" in client.post(withdraw, follow=True).content.decode()
    paid = ground.move(source, 1_000, "payment", summary="要冲销的")
    url = reverse("collective_economy:payment_reverse", args=[paid.pk])
    given = {"paid_on": "2026-06-20", "voucher_number": "冲-1", "reason": "重复"}
    assert "不早于" in client.post(url, given | {"paid_on": "2026-06-01"}).content.decode()
    answer = client.post(url, given)
    made = Payment.objects.get(reverses=paid)
    assert answer.url == reverse("collective_economy:payment", args=[made.pk])
    html = client.get(reverse("collective_economy:payment", args=[paid.pk])).content.decode()
    assert "这笔资金的冲销正在等待确认。" in html
    assert [Payment.objects.get(pk=one.pk).state for one in (row, second, made)] == ["refused", "withdrawn", "entered"]
    assert client.get(back).status_code == 200
    assert client.post(back, given).status_code == 422, "it was never confirmed"


# --- What is left ----------------------------------------------------------------------------


def test_what_is_left_counts_what_waits(project: Project) -> None:
    source = county_money(project)
    ground.enter_payment(source, 40_000)
    ground.enter_payment(source, "0.10", "payment")
    ground.enter_payment(source, "0.20", "recall")
    state = source_states(project)[0]
    assert (state.to_hand_out, state.to_spend, state.is_support) == (30_000, Decimal("29999.70"), True)
    ground.enter_payment(source, 1_000, instalment=project.instalments.get(condition="retention"))
    left = [
        (one.instalment.condition, one.left, one.is_reached) for one in instalment_states(project, date(2026, 6, 20))
    ]
    assert left == [("start", 0, True), ("retention", 2_000, False)]


def test_what_does_not_fit_takes_nothing_from_those_below(project: Project) -> None:
    source = county_money(project)
    rows = [
        ground.enter_payment(source, 31_000, "payment"),
        ground.enter_payment(source, 30_000, "recall"),
        ground.enter_payment(source, 70_000),
        ground.enter_payment(source, 1),
    ]
    lines = waiting_lines(Payment.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"), ground.checker())
    assert [(line.fits, line.balance) for line in lines] == [
        (False, -1_000), (True, 0), (True, 70_000), (False, 70_001),
    ]  # fmt: skip
