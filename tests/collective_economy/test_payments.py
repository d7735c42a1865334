"""Entering, confirming, refusing, withdrawing and reversing movements of money. Rule: docs/rules/funds.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent
from collective_economy.models import BudgetLine, Instalment, Payment, Project, ProjectSource
from collective_economy.services import payments
from collective_economy.uses import RED_LINES
from tests.collective_economy import ground

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("county")]

TODAY = date(2026, 6, 20)
NOW = datetime(2026, 6, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
Change = Callable[[Project], Any]


@pytest.fixture
def project() -> Project:
    """100 000 yuan of county money and 20 000 of its own approved, 60 000 and 20 000 of it received."""
    made = ground.make_project(
        approved={"county": 100_000, "own": 20_000}, stage="pay", started_on=date(2026, 4, 1), progress_percent=60
    )
    for condition, amount in (("start", 30_000), ("progress", 50_000), ("acceptance", 17_000), ("retention", 3_000)):
        Instalment.objects.create(project=made, condition=condition, percent=Decimal(amount) / 1000, amount=amount)
    BudgetLine.objects.create(project=made, item="厂房", amount=25_000)
    ground.move(made.sources.get(source="county"), 60_000, voucher_number="B-0")
    ground.move(made.sources.get(source="own"), 20_000, voucher_number="B-0")
    return made


def source_of(project: Project, source: str = "county") -> ProjectSource:
    return project.sources.get(source=source)


def enter(project: Project, kind: str = "receipt", amount: str = "1000", **more: Any) -> Payment:
    """A receipt of support money is of the second instalment unless told."""
    source = more.pop("source", "county")
    if kind == "receipt" and source == "county":
        more.setdefault("instalment", project.instalments.filter(condition="progress").first())
    given = {
        "source": source_of(project, source),
        "paid_on": TODAY,
        "summary": "第二笔拨付",
        "voucher_number": "Z-1",
        "use": "build" if kind == "payment" else "",
        "payee": "某建筑公司",
        "reason": "结余收回" if kind == "recall" else "",
        "by": ground.clerk(),
        "today": TODAY,
        "now": NOW,
    }
    return payments.enter_payment(kind=kind, amount=Decimal(amount), **(given | more))


def confirm(payment: Payment) -> Payment:
    return payments.confirm_payment(payment, by=ground.checker(), now=NOW, note="已核对凭证")


def reverse(payment: Payment, **more: Any) -> Payment:
    given = {"paid_on": TODAY, "voucher_number": "Z-1冲", "reason": "录错", "by": ground.clerk(), "now": NOW}
    return payments.reverse_payment(payment, **(given | more))


def error_of(call: Callable[[], Any]) -> tuple[str | None, str, str]:
    """Field, code and sentence of what was refused."""
    with pytest.raises(ValidationError) as refused:
        call()
    error = refused.value
    if hasattr(error, "error_dict"):
        ((field, (one,)),) = error.error_dict.items()
        return field, one.code, one.messages[0]
    return None, error.code, error.messages[0]


def update(**fields: Any) -> Change:
    return lambda project: Project.objects.filter(pk=project.pk).update(**fields)


def wait(kind: str, amount: int, **more: Any) -> Change:
    """A movement of the county's money that waits."""
    return lambda project: ground.enter_payment(source_of(project), amount, kind, **more)


def at_instalment(condition: str, **more: Any) -> Callable[[Project], dict[str, Any]]:
    return lambda project: {"instalment": project.instalments.get(condition=condition), **more}


def nothing(project: Project) -> None:
    """No change."""


CASES: list[tuple[str, Change, str, str, Any, tuple[str | None, str, str]]] = [
    (
        "in review", update(stage="review"), "receipt", "1000", {},
        (None, "not_approved", "项目批复后资金才能流转。"),
    ),
    (
        "stopped", update(stage="stopped"), "receipt", "1000", {},
        (None, "stopped", "该项目已终止，不再拨付资金。"),
    ),
    (
        "nothing", nothing, "receipt", "0", {},
        ("amount", "wrong_amount", "请填写大于 0 的金额，单位元，最多两位小数。"),
    ),
    (
        "parts of a cent", nothing, "receipt", "0.005", {},
        ("amount", "wrong_amount", "请填写大于 0 的金额，单位元，最多两位小数。"),
    ),
    (
        "tomorrow", nothing, "receipt", "1", {"paid_on": date(2026, 6, 21)},
        ("paid_on", "in_future", "该日期尚未到来。"),
    ),
    (
        "before the approval", nothing, "receipt", "1", {"paid_on": date(2026, 2, 28)},
        ("paid_on", "before_approval", "项目于2026年3月1日批复，资金在此之后才能流转。"),
    ),
    (
        "no voucher", nothing, "receipt", "1", {"voucher_number": " "},
        ("voucher_number", "no_voucher", "请填写凭证号。"),
    ),
    (
        "voucher confirmed before", nothing, "receipt", "1", {"voucher_number": "B-0"},
        ("voucher_number", "voucher_taken", "该资金来源已录入过这个凭证号。"),
    ),
    (
        "voucher that waits", wait("payment", 5, voucher_number="Z-7"), "payment", "1", {"voucher_number": " Z-7"},
        ("voucher_number", "voucher_taken", "该资金来源已录入过这个凭证号。"),
    ),
    (
        "no use", nothing, "payment", "1", {"use": ""},
        ("use", "no_use", "请选择资金用途。"),
    ),
    (
        "recall without a reason", nothing, "recall", "1", {"reason": " "},
        ("reason", "no_reason", "请说明收回资金的原因。"),
    ),
    (
        "a cent beyond what is approved", nothing, "receipt", "40000.01", {},
        ("amount", "beyond_approved", "该来源批复 100,000.00 元，可拨付的只剩 40,000.00 元。"),
    ),
    (
        "beyond with what waits", wait("receipt", 39_000), "receipt", "1000.01", {},
        ("amount", "beyond_approved", "该来源批复 100,000.00 元，可拨付的只剩 1,000.00 元。"),
    ),
    (
        "a cent beyond what was received", nothing, "payment", "60000.01", {},
        ("amount", "beyond_received", "该来源已到位 60,000.00 元，只剩 60,000.00 元。"),
    ),
    (
        "what waits pays nothing", wait("receipt", 40_000), "payment", "60000.01", {},
        ("amount", "beyond_received", "该来源已到位 60,000.00 元，只剩 60,000.00 元。"),
    ),
    (
        "payments that wait take their part", wait("payment", 59_999), "recall", "1.01", {},
        ("amount", "beyond_received", "该来源已到位 60,000.00 元，只剩 1.00 元。"),
    ),
    (
        "recalls that wait take theirs", wait("recall", 60_000), "payment", "0.01", {},
        ("amount", "beyond_received", "该来源已到位 60,000.00 元，只剩 0.00 元。"),
    ),
    (
        "support money without its instalment", nothing, "receipt", "1", {"instalment": None},
        ("instalment", "no_instalment", "请选择拨付批次：扶持资金按批复的拨付计划拨付。"),
    ),
    (
        "first instalment before the work", update(started_on=None), "receipt", "1", at_instalment("start"),
        ("instalment", "condition_open", "该批次的拨付条件是：已开工，目前尚未达到。"),
    ),
    (
        "second below 60 percent", update(progress_percent=59), "receipt", "1", at_instalment("progress"),
        ("instalment", "condition_open", "该批次的拨付条件是：完成工程量60%，目前尚未达到。"),
    ),
    (
        "third before the acceptance", nothing, "receipt", "1", at_instalment("acceptance"),
        ("instalment", "condition_open", "该批次的拨付条件是：验收合格，目前尚未达到。"),
    ),
    (
        "retention before the acceptance", nothing, "receipt", "1", at_instalment("retention"),
        ("instalment", "condition_open", "该批次的拨付条件是：验收满一年（质保金），目前尚未达到。"),
    ),
    (
        "retention a day early", update(approved_on=date(2025, 3, 1), accepted_on=date(2025, 6, 21)), "receipt", "1",
        at_instalment("retention"),
        ("instalment", "condition_open", "该批次的拨付条件是：验收满一年（质保金），目前尚未达到。"),
    ),
    (
        "a cent beyond the instalment", nothing, "receipt", "30000.01", at_instalment("start"),
        ("amount", "beyond_instalment", "该批次共 30,000.00 元，只剩 30,000.00 元。"),
    ),
    (
        "a cent beyond the budget item", nothing, "payment", "25000.01",
        lambda project: {"budget_line": project.budget.get()},
        ("amount", "beyond_budget", "该预算科目 25,000.00 元，只剩 25,000.00 元。"),
    ),
    (
        "a cent beyond the management fee", wait("payment", 400, use="management"), "payment", "600.01",
        {"use": "management"},
        ("amount", "beyond_management", "管理费不超过扶持资金的 1%：1,000.00 元，还剩 600.00 元。"),
    ),
    *(
        (
            f"red line {use}", nothing, "payment", "1", {"use": use},
            ("use", "red_line", f"红线：扶持资金不得用于{words}，这笔支出不能保存。"),
        )
        for use, words in (
            ("matching", "其他项目配套"), ("debt", "偿还乡镇或村级债务"), ("office", "办公楼、会堂建设"),
            ("vehicle", "购置车辆和通讯设备"), ("subsidy", "个人补贴"), ("cadre_pay", "村干部报酬"),
            ("relief", "救济慰问"), ("running_cost", "村级组织运转经费"),
            ("second_funding", "其他扶持资金已支持的内容"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "amount", "more", "expected"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_what_is_refused(
    project: Project, change: Change, kind: str, amount: str, more: Any, expected: tuple[str | None, str, str]
) -> None:
    change(project)
    project = Project.objects.get(pk=project.pk)
    before = Payment.objects.count()
    given = more(project) if callable(more) else more
    assert error_of(lambda: enter(project, kind, amount, **given)) == expected
    assert Payment.objects.count() == before


def test_every_red_line_has_its_case() -> None:
    assert {case[0].removeprefix("red line ") for case in CASES if case[0].startswith("red line ")} == set(RED_LINES)


@pytest.mark.parametrize(
    ("change", "kind", "amount", "more"),
    [
        (nothing, "receipt", "40000", {}),
        (nothing, "payment", "60000", {}),
        (nothing, "recall", "60000", {}),
        (nothing, "receipt", "30000", at_instalment("start")),
        (nothing, "receipt", "40000", at_instalment("progress")),
        (update(accepted_on=date(2026, 6, 20)), "receipt", "17000", at_instalment("acceptance")),
        (
            update(approved_on=date(2025, 3, 1), accepted_on=date(2025, 6, 20)),
            "receipt",
            "3000",
            at_instalment("retention"),
        ),
        (nothing, "payment", "25000", lambda project: {"budget_line": project.budget.get()}),
        (nothing, "payment", "1000", {"use": "management"}),
        (update(stage="done"), "receipt", "1", {}),
        (update(stage="stopped"), "recall", "60000", {}),
        (nothing, "payment", "20000", {"source": "own"}),
        (wait("payment", 5, voucher_number="Z-1", state="withdrawn"), "payment", "1", {}),
    ],
)
def test_the_most_that_fits_is_taken(project: Project, change: Change, kind: str, amount: str, more: Any) -> None:
    change(project)
    project = Project.objects.get(pk=project.pk)
    given = more(project) if callable(more) else more
    payment = confirm(enter(project, kind, amount, **given))
    assert (payment.state, payment.amount) == ("confirmed", Decimal(amount))


def test_own_money_needs_no_condition_of_an_instalment(project: Project) -> None:
    """Instalments divide the support money; the collective's own is there when it is there."""
    own = ground.make_project(approved={"own": 100}, stage="implement")
    plan = Instalment.objects.create(project=own, condition="retention", percent=3, amount=3)
    assert enter(own, "receipt", "100", source="own", instalment=plan).instalment == plan


def test_what_is_entered_is_kept_and_told(project: Project) -> None:
    payment = enter(project, "payment", "9800.50", budget_line=project.budget.get(), voucher_number=" Z-9 ")
    row = Payment.objects.get(pk=payment.pk)
    assert (row.state, row.kind, row.amount, row.use, row.payee) == (
        "entered", "payment", Decimal("9800.50"), "build", "某建筑公司",
    )  # fmt: skip
    assert (row.voucher_number, row.path, row.entered_by, row.entered_at) == (
        "Z-9", project.path, ground.clerk(), NOW,
    )  # fmt: skip
    event = AuditEvent.objects.get(event="collective_economy.add_payment")
    assert event.changes == {
        "kind": [None, "payment"],
        "amount": [None, "9800.50"],
        "source": [None, "county"],
    }
    assert source_of(project).paid == 0, "it counts once it is confirmed"
    assert confirm(payment).source.paid == Decimal("9800.50")
    row.refresh_from_db()
    assert (row.decided_by, row.decided_at, row.decision_note) == (ground.checker(), NOW, "已核对凭证")
    assert AuditEvent.objects.get(event="collective_economy.confirm_payment").reason == "已核对凭证"


def test_a_receipt_has_no_use_and_a_payment_no_instalment(project: Project) -> None:
    more = {"instalment": project.instalments.get(condition="start"), "budget_line": project.budget.get()}
    receipt = enter(project, "receipt", "10", use="build", **more)
    assert (receipt.use, receipt.instalment, receipt.budget_line) == ("", more["instalment"], None)
    payment = enter(project, "payment", "10", **more)
    assert (payment.use, payment.instalment, payment.budget_line) == ("build", None, more["budget_line"])


def test_two_persons(project: Project) -> None:
    payment = enter(project)
    for decide in (
        lambda: payments.confirm_payment(payment, by=ground.clerk(), now=NOW),
        lambda: payments.refuse_payment(payment, note="不对", by=ground.clerk(), now=NOW),
    ):
        with pytest.raises(PermissionDenied, match="不能由本人确认"):
            decide()
    with pytest.raises(PermissionDenied, match="只有录入人本人"):
        payments.withdraw_payment(payment, by=ground.checker(), now=NOW)
    payment.refresh_from_db()
    assert payment.state == "entered"


def test_refusing_needs_a_reason_and_frees_the_room(project: Project) -> None:
    payment = enter(project, "receipt", "40000")
    refuse = {"by": ground.checker(), "now": NOW}
    assert error_of(lambda: payments.refuse_payment(payment, note="  ", **refuse)) == (
        "note", "no_reason", "请说明退回的原因。",
    )  # fmt: skip
    payments.refuse_payment(payment, note="凭证不符", **refuse)
    payment.refresh_from_db()
    assert (payment.state, payment.decision_note, source_of(project).received) == ("refused", "凭证不符", 60_000)
    assert confirm(enter(project, "receipt", "40000")).source.received == 100_000


def test_withdrawing_frees_the_room_and_the_voucher(project: Project) -> None:
    payment = enter(project, "receipt", "40000")
    withdrawn = payments.withdraw_payment(payment, by=ground.clerk(), now=NOW)
    assert (withdrawn.state, Payment.objects.get(pk=payment.pk).state) == ("withdrawn", "withdrawn")
    assert AuditEvent.objects.get(event="collective_economy.withdraw_payment").changes == {
        "state": ["entered", "withdrawn"]
    }
    assert enter(project, "receipt", "40000").state == "entered"


def test_what_is_decided_is_decided(project: Project) -> None:
    payment = confirm(enter(project))
    for decide in (
        lambda: confirm(payment),
        lambda: payments.refuse_payment(payment, note="不对", by=ground.checker(), now=NOW),
        lambda: payments.withdraw_payment(payment, by=ground.clerk(), now=NOW),
    ):
        assert error_of(decide) == (None, "decided", "这笔资金已经处理过。")


def test_confirming_checks_once_more(project: Project) -> None:
    """Rows that came in by another door may take the room meanwhile."""
    payment = enter(project, "receipt", "40000")
    ground.move(source_of(project), 10_000)
    assert error_of(lambda: confirm(payment)) == (
        "amount", "beyond_approved", "该来源批复 100,000.00 元，可拨付的只剩 30,000.00 元。",
    )  # fmt: skip
    payment.refresh_from_db()
    assert payment.state == "entered"


def test_many_at_once_confirm_what_fits(project: Project) -> None:
    rows = [
        ground.enter_payment(source_of(project), 30_000, "payment"),
        ground.enter_payment(source_of(project), 40_000, "payment"),
        ground.enter_payment(source_of(project), 30_000, "payment"),
    ]
    confirmed, left = payments.confirm_payments(rows, by=ground.checker(), now=NOW, note="已核对")
    assert [row.pk for row in confirmed] == [rows[0].pk, rows[2].pk]
    assert left == [(rows[1], "该来源已到位 60,000.00 元，只剩 30,000.00 元。")]
    assert source_of(project).paid == 60_000
    assert set(Payment.objects.filter(pk__in=[row.pk for row in rows]).values_list("state", "decision_note")) == {
        ("confirmed", "已核对"),
        ("entered", ""),
    }


def test_one_of_ones_own_among_many_confirms_none(project: Project) -> None:
    rows = [
        ground.enter_payment(source_of(project), 1, "payment"),
        ground.enter_payment(source_of(project), 2, "payment", entered_by=ground.checker()),
    ]
    with pytest.raises(PermissionDenied, match="不能由本人确认"):
        payments.confirm_payments(rows, by=ground.checker(), now=NOW)
    assert source_of(project).paid == 0


# --- Taking back -----------------------------------------------------------------------------


def test_a_reversal_takes_back_what_it_names(project: Project) -> None:
    paid = confirm(enter(project, "payment", "25000", budget_line=project.budget.get()))
    back = reverse(paid)
    assert (back.kind, back.amount, back.source, back.use, back.budget_line, back.reverses) == (
        "payment", 25_000, paid.source, "build", paid.budget_line, paid,
    )  # fmt: skip
    assert source_of(project).paid == 25_000, "it counts once it is confirmed"
    confirm(back)
    assert source_of(project).paid == 0
    event = AuditEvent.objects.get(event="collective_economy.reverse_payment")
    assert (event.reason, event.changes["amount"]) == ("录错", [None, "-25000.00"])
    anew = enter(project, "payment", "25000", budget_line=project.budget.get())
    assert confirm(anew).source.paid == 25_000, "the voucher and the budget item are free again"


def test_a_voucher_stays_taken_while_its_reversal_waits(project: Project) -> None:
    reverse(confirm(enter(project, "payment", "10")))
    assert error_of(lambda: enter(project, "payment", "10"))[1] == "voucher_taken"


def test_what_cannot_be_taken_back(project: Project) -> None:
    waiting = enter(project, "payment", "10")
    assert error_of(lambda: reverse(waiting)) == (None, "not_confirmed", "只有已确认的资金才能冲销。")
    paid = confirm(waiting)
    assert error_of(lambda: reverse(paid, reason=" ")) == ("reason", "no_reason", "请说明冲销的原因。")
    assert error_of(lambda: reverse(paid, voucher_number="")) == ("voucher_number", "no_voucher", "请填写凭证号。")
    assert error_of(lambda: reverse(paid, paid_on=date(2026, 6, 21))) == (
        "paid_on", "in_future", "该日期尚未到来。",
    )  # fmt: skip
    assert error_of(lambda: reverse(paid, paid_on=date(2026, 6, 19))) == (
        "paid_on", "before_payment", "冲销日期不早于原支付日期2026年6月20日。",
    )  # fmt: skip
    back = reverse(paid)
    assert error_of(lambda: reverse(paid)) == (None, "reversed", "这笔资金已经冲销。")
    confirm(back)
    assert error_of(lambda: reverse(paid)) == (None, "reversed", "这笔资金已经冲销。")
    assert error_of(lambda: reverse(back)) == (None, "is_reversal", "冲销记录不能再冲销，请重新录入。")


def test_a_receipt_is_taken_back_only_while_the_money_is_there(project: Project) -> None:
    received = Payment.objects.get(source=source_of(project), voucher_number="B-0")
    paid = confirm(enter(project, "payment", "0.01"))
    expected = (
        "amount", "beyond_received", "已到位 60,000.00 元，可冲销的只剩 59,999.99 元。",
    )  # fmt: skip
    assert error_of(lambda: reverse(received)) == expected
    confirm(reverse(paid))
    back = reverse(received)
    ground.move(source_of(project), "0.01", "payment")
    assert error_of(lambda: confirm(back)) == expected
    assert source_of(project).received == 60_000


def test_a_reversal_that_was_refused_may_be_tried_again(project: Project) -> None:
    paid = confirm(enter(project, "payment", "10"))
    refused = payments.refuse_payment(reverse(paid), note="凭证不清", by=ground.checker(), now=NOW)
    refused.refresh_from_db()
    assert (refused.state, refused.reverses, refused.reason) == ("refused", None, "录错")
    assert refused.summary == "未冲销凭证 Z-1：第二笔拨付"
    payments.withdraw_payment(reverse(paid), by=ground.clerk(), now=NOW)
    confirm(reverse(paid))
    assert source_of(project).paid == 0
