"""Pages of contracts, asset cards and audit findings: what they show, what they write, how many queries they ask."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import Asset, Attachment, AuditFinding, Contract
from collective_economy.services import contracts
from tests.collective_economy.ground import make_contract, make_entry, make_project, make_receivable, village
from tests.collective_economy.test_attachments import PDF, PNG, put
from tests.conftest import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_frame")]
TODAY = date(2026, 6, 15)


@pytest.fixture(autouse=True)
def on_a_day() -> Any:
    with time_machine.travel("2026-06-15T10:00:00+08:00", tick=False):
        yield


@pytest.fixture
def clerk(county: Unit) -> User:
    """The township centre's clerk of 东乡."""
    return make_user("east_clerk", Role.CE, Unit.objects.get(name="东乡"))


@pytest.fixture
def page(client: Client, clerk: User) -> Client:
    client.force_login(clerk)
    return client


def url(name: str, *args: Any) -> str:
    return reverse(f"collective_economy:{name}", args=args)


def told(response: Any) -> str:
    return response.content.decode()


def as_another(client: Client, role: Role = Role.CS) -> User:
    other = make_user(f"another_{role.value}", role, Unit.objects.get(kind="county"))
    client.force_login(other)
    return other


TYPED = {
    "number": "HT-9", "kind": "lease", "party": "青禾果品公司", "subject": "冷库", "signed_on": "2026-01-01",
    "starts_on": "2026-01-01", "ends_on": "2027-12-31", "yearly_amount": "12,000", "rhythm": "half_yearly",
    "timing": "advance",
}  # fmt: skip


# --- Contracts ------------------------------------------------------------------------------


def test_a_contract_is_entered_and_shows_its_days(page: Client, clerk: User) -> None:
    project = make_project(number="XM-77")
    typed = TYPED | {"unit": village().pk, "project_number": "XM-77"}
    answer = page.post(url("contract_add"), typed)
    contract = Contract.objects.get()
    assert answer.headers["Location"] == url("contract", contract.pk)
    assert (contract.yearly_amount, contract.project, contract.entered_by) == (12000, project, clerk)
    shown = told(page.get(answer.headers["Location"]))
    for text in ("2026-01-01", "2027-07-01", "6,000.00", "24,000.00", "165 天", "XM-77"):
        assert text in shown
    assert AuditEvent.objects.filter(event="collective_economy.add_contract", actor=clerk).count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"rhythm": "given", "given": "2026-06-30 一万"}, "“2026-06-30 一万”"),
        ({"rhythm": "given", "given": "2026-06-30 23999"}, "24,000.00"),
        ({"project_number": "没有"}, "没有这个编号的项目"),
        ({"signed_on": "2026-06-16"}, "签订日期"),
        ({"yearly_amount": "一万"}, "1200.50"),
    ],
)
def test_what_is_wrong_stands_at_its_field(page: Client, typed: dict[str, str], words: str) -> None:
    answer = page.post(url("contract_add"), TYPED | {"unit": village().pk} | typed)
    assert answer.status_code == 422
    assert words in told(answer)
    assert "青禾果品公司" in told(answer)
    assert not Contract.objects.exists()


def test_a_village_of_others_is_not_taken(page: Client) -> None:
    answer = page.post(url("contract_add"), TYPED | {"unit": village("西一村").pk})
    assert answer.status_code == 422
    assert not Contract.objects.exists()


def test_listed_days_are_read_as_they_are_typed(page: Client) -> None:
    given = "2026/6/30 10,000元\n2027年6月30日　14000.00\n"
    typed = TYPED | {"unit": village().pk, "rhythm": "given", "given": given, "yearly_amount": ""}
    page.post(url("contract_add"), typed)
    rows = Contract.objects.get().receivables.values_list("due_on", "amount")
    assert list(rows) == [(date(2026, 6, 30), Decimal(10000)), (date(2027, 6, 30), Decimal(14000))]


def entered(by: User) -> Contract:
    return contracts.add_contract(
        unit=village(), kind="lease", number="HT-1", party="承租户", subject="仓库", signed_on=date(2026, 1, 1),
        starts_on=date(2026, 1, 1), ends_on=date(2028, 12, 31), yearly_amount=Decimal(12000), rhythm="yearly",
        by=by, today=TODAY,
    )  # fmt: skip


def test_the_change_form_begins_with_the_stored_days(page: Client, clerk: User) -> None:
    contract = entered(clerk)
    form = page.get(url("contract_edit", contract.pk)).context["form"]
    assert form["given"].value() == "2026-01-01 12000.00\n2027-01-01 12000.00\n2028-01-01 12000.00"
    typed = {name: form[name].value() or "" for name in form.fields}
    answer = page.post(url("contract_edit", contract.pk), typed | {"party": "新承租户", "base_version": "1"})
    assert answer.status_code == 302, told(answer)
    contract.refresh_from_db()
    assert (contract.party, contract.receivables.count(), contract.version) == ("新承租户", 3, 2)


def test_who_entered_it_reads_why_a_colleague_is_needed(page: Client, clerk: User) -> None:
    contract = entered(clerk)
    form = page.get(url("contract_edit", contract.pk)).context["form"]
    typed = {name: form[name].value() or "" for name in form.fields} | {"base_version": "1"}
    answer = page.post(
        url("contract_edit", contract.pk), typed | {"rhythm": "yearly", "yearly_amount": "9000", "timing": "advance"}
    )
    assert answer.status_code == 422
    assert "由其他人调低" in told(answer)
    answer = page.post(url("contract_end", contract.pk), {"on": "2026-06-30", "reason": "不租了"})
    assert answer.status_code == 422
    assert "由其他人终止" in told(answer)
    waive = url("receivable_waive", contract.receivables.earliest("due_on").pk)
    assert waive not in told(page.get(url("contract", contract.pk)))
    answer = page.post(waive, {"decision": "3号", "reason": "水灾"})
    assert answer.status_code == 422
    assert "由其他人减免" in told(answer)
    assert not contract.receivables.filter(waived_on__isnull=False).exists()


def test_a_colleague_waives_and_ends(page: Client, clerk: User) -> None:
    contract = entered(clerk)
    as_another(page)
    row = contract.receivables.earliest("due_on")
    waive = url("receivable_waive", row.pk)
    assert waive in told(page.get(url("contract", contract.pk)))
    assert page.post(waive, {"decision": "决议〔2026〕3号", "reason": "水灾"}).status_code == 302
    assert page.post(url("contract_end", contract.pk), {"on": "2026-06-30", "reason": "迁走"}).status_code == 302
    shown = told(page.get(url("contract", contract.pk)))
    for text in ("决议〔2026〕3号 水灾", "迁走", "36,000.00", "提前终止"):
        assert text in shown
    contract.refresh_from_db()
    assert contract.ended_on == date(2026, 6, 30)


def test_income_is_entered_from_its_due_day(page: Client, clerk: User) -> None:
    contract = entered(clerk)
    row = contract.receivables.earliest("due_on")
    ledger = reverse("collective_economy:ledger_month", args=[village().pk, date(2026, 6, 1)])
    assert f'href="{ledger}?receivable={row.pk}#entry-form"' in told(page.get(url("contract", contract.pk)))
    assert f'<option value="{row.pk}" selected>' in told(page.get(ledger, {"receivable": row.pk}))
    entry = make_entry(amount=12000, receivable=row, voucher_number="记-88")
    shown = told(page.get(url("contract", contract.pk)))
    assert f"?receivable={row.pk}" not in shown
    assert entry.voucher_number in shown
    as_another(page, Role.RI)
    assert "?receivable=" not in told(page.get(url("contract", contract.pk)))


@pytest.fixture
def several(county: Unit) -> dict[str, Contract]:
    """Late by 45 days, late by 10, ending in five months, over, and one of the other township."""
    made = {
        "long": make_contract(number="A-1", party="甲"),
        "short": make_contract(number="A-2", party="乙", ends_on=date(2030, 12, 31)),
        "ending": make_contract(number="A-3", party="丙", ends_on=date(2026, 11, 15), kind="share"),
        "over": make_contract(number="A-4", party="丁", ends_on=date(2026, 6, 14), kind="share"),
        "west": make_contract(village("西一村"), number="A-5", party="西边"),
    }
    make_receivable(made["long"], 1000, date(2026, 5, 1))
    make_receivable(made["short"], 500, date(2026, 6, 5))
    make_receivable(made["ending"], 700, date(2026, 7, 1))
    make_receivable(made["west"], 9999, date(2026, 1, 1))
    return made


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", ["A-1", "A-2", "A-3", "A-4"]),
        ("?show=overdue", ["A-1", "A-2"]),
        ("?show=long", ["A-1"]),
        ("?show=ending", ["A-3"]),
        ("?show=running", ["A-1", "A-2", "A-3"]),
        ("?show=over", ["A-4"]),
        ("?kind=share", ["A-3", "A-4"]),
        ("?q=丙", ["A-3"]),
        ("?q=A-2", ["A-2"]),
        ("?show=wrong", ["A-1", "A-2", "A-3", "A-4"]),
    ],
)
def test_the_list_by_its_conditions(page: Client, several: dict[str, Contract], query: str, numbers: list[str]) -> None:
    answer = page.get(url("contract_list") + query)
    found = [line.contract.number for line in answer.context["lines"]]
    assert sorted(found) == ([] if "wrong" in query else numbers)
    assert "西边" not in told(answer)


def test_the_head_of_the_list_sums_the_place(page: Client, several: dict[str, Contract]) -> None:
    make_entry(amount=200, receivable=several["short"].receivables.get())
    answer = page.get(url("contract_list"))
    arrears, year = answer.context["arrears"], answer.context["this_year"]
    assert (arrears.overdue, arrears.overdue_count, arrears.overdue_long) == (1300, 2, 1000)
    assert (year.due, year.received, answer.context["ending_count"]) == (1500, 200, 1)
    assert "1,300.00" in told(answer)
    narrowed = page.get(url("contract_list"), {"village": village("东二村").pk})
    assert narrowed.context["arrears"].overdue == 0


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_as_often_for_one_as_for_three(page: Client, count: int, django_assert_num_queries: Any) -> None:
    for number in range(count):
        contract = make_contract(village("东一村"), project=make_project())
        make_receivable(contract, 100, date(2026, 1, 1 + number))
    with django_assert_num_queries(14):
        page.get(url("contract_list"))


@pytest.mark.parametrize("count", [1, 3])
def test_a_contract_asks_as_often_for_one_day_as_for_three(
    page: Client, count: int, django_assert_num_queries: Any
) -> None:
    contract = make_contract()
    for number in range(count):
        row = make_receivable(contract, 100, date(2026, 1 + number, 1))
        make_entry(amount=50, receivable=row)
        put(contract, content=PDF + b" " * number)
    with django_assert_num_queries(15):
        page.get(url("contract", contract.pk))


# --- Papers ---------------------------------------------------------------------------------


def send(client: Client, parent: Any, kind: str = "contract", *files: tuple[str, bytes]) -> Any:
    uploads = [SimpleUploadedFile(name, content) for name, content in files or (("合同.pdf", PDF),)]
    return client.post(
        url("attachment_add", kind, parent.pk), {"file": uploads, "next": url("contract", parent.pk)}, follow=True
    )


def test_papers_are_attached_listed_and_downloaded(page: Client, clerk: User) -> None:
    contract = make_contract()
    shown = told(send(page, contract, "contract", ("合同.pdf", PDF), ("收据.png", PNG)))
    assert "合同.pdf" in shown
    assert "收据.png" in shown
    paper = Attachment.objects.get(name="合同.pdf")
    answer = page.get(url("attachment", paper.pk))
    assert (answer.content, answer.headers["Content-Type"]) == (PDF, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    event = AuditEvent.objects.get(event="collective_economy.download_attachment")
    assert (event.actor, event.target_id) == (clerk, str(paper.pk))


def test_one_wrong_file_leaves_none(page: Client) -> None:
    contract = make_contract()
    shown = told(send(page, contract, "contract", ("合同.pdf", PDF), ("网页.pdf", b"<html>")))
    assert "网页.pdf" in shown
    assert "只接收 PDF、JPG、PNG 文件" in shown
    assert not Attachment.objects.exists()


def test_a_page_of_elsewhere_is_not_led_to(page: Client) -> None:
    contract = make_contract()
    answer = page.post(
        url("attachment_add", "contract", contract.pk),
        {"file": SimpleUploadedFile("合同.pdf", PDF), "next": "https://evil.example/"},
    )
    assert answer.headers["Location"] == reverse("admin:index")


def test_papers_of_others_do_not_exist(page: Client) -> None:
    west = make_contract(village("西一村"))
    paper = put(west)
    assert page.get(url("attachment", paper.pk)).status_code == 404
    assert page.post(url("attachment_add", "contract", west.pk), {}).status_code == 404
    assert page.post(url("attachment_add", "unit", west.pk), {}).status_code == 404


def test_who_only_reads_attaches_nothing(page: Client) -> None:
    contract = make_contract()
    as_another(page, Role.RI)
    assert page.post(url("attachment_add", "contract", contract.pk), {}).status_code == 403
    assert 'type="file"' not in told(page.get(url("contract", contract.pk)))


# --- Asset cards ----------------------------------------------------------------------------


def test_an_asset_is_registered_checked_and_disposed_of(page: Client) -> None:
    contract = make_contract(number="HT-5")
    typed = {
        "unit": village().pk, "number": "ZC-8", "name": "冷库", "kind": "building", "state": "leased",
        "value": "350,000.50", "registered_on": "2026-05-01", "owner": "村集体", "contract_number": "HT-5",
    }  # fmt: skip
    page.post(url("asset_add"), typed)
    asset = Asset.objects.get()
    assert (asset.value, asset.contract, asset.quantity) == (Decimal("350000.50"), contract, 1)
    assert "350,000.50" in told(page.get(url("asset_list")))
    page.post(url("asset_check", asset.pk), {"on": "2026-06-15", "state": "damaged", "note": "漏水"})
    shown = told(page.get(url("asset", asset.pk)))
    assert "漏水" in shown
    assert "损毁" in shown
    page.post(url("asset_dispose", asset.pk), {"on": "2026-06-15", "reason": "决议5号报废"})
    asset.refresh_from_db()
    assert asset.state == "disposed"
    assert url("asset_edit", asset.pk) not in told(page.get(url("asset", asset.pk)))
    refused = page.post(url("asset_check", asset.pk), {"on": "2026-06-15", "state": "in_use"})
    assert refused.status_code == 422


def test_assets_are_summed_without_what_is_gone(page: Client) -> None:
    for number, (state, value) in enumerate((("in_use", 100), ("idle", 50), ("disposed", 999))):
        make_asset(number=f"ZC-{number}", state=state, value=value)
    sums = page.get(url("asset_list")).context["sums"]
    assert sums == {"value": Decimal(150), "count": 2, "idle": 1, "damaged": 0}
    assert len(page.get(url("asset_list") + "?state=disposed").context["page"].object_list) == 1


def make_asset(**fields: Any) -> Asset:
    place = village()
    kept = {
        "unit": place, "path": place.path, "number": "ZC-1", "name": "厂房", "kind": "building", "value": 100,
        "owner": "村集体", "registered_on": date(2026, 1, 1), "entered_by": User.objects.first(),
    }  # fmt: skip
    return Asset.objects.create(**kept | fields)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_cards_asks_as_often(page: Client, count: int, django_assert_num_queries: Any) -> None:
    for number in range(count):
        make_asset(number=f"ZC-{number}", project=make_project(), contract=make_contract())
    with django_assert_num_queries(10):
        page.get(url("asset_list"))


# --- Audit findings -------------------------------------------------------------------------

FOUND = {
    "kind": "misuse", "found_on": "2026-05-01", "due_on": "2026-06-10", "found_by": "县审计局",
    "problem": "套取资金", "measure": "追回资金", "amount": "3200.5",
}  # fmt: skip


def test_a_finding_is_closed_with_evidence_by_a_second_person(page: Client, clerk: User) -> None:
    page.post(url("finding_add"), FOUND | {"unit": village().pk})
    finding = AuditFinding.objects.get()
    assert (finding.amount, finding.entered_by) == (Decimal("3200.50"), clerk)
    here = url("finding", finding.pk)
    send(page, finding, "finding", ("收据.png", PNG))
    assert "收据.png" in told(page.get(here))
    page.post(url("finding_hand_in", finding.pk), {"evidence": "资金已追回，见收据"})
    assert url("finding_close", finding.pk) not in told(page.get(here))
    assert page.post(url("finding_close", finding.pk)).status_code == 403
    leader = as_another(page, Role.CL)
    assert url("finding_close", finding.pk) in told(page.get(here))
    page.post(url("finding_return", finding.pk), {"note": "缺银行回单"})
    assert "缺银行回单" in told(page.get(here))
    page.force_login(clerk)
    assert "缺银行回单" in told(page.get(here))
    page.post(url("finding_hand_in", finding.pk), {"evidence": "补银行回单"})
    page.force_login(leader)
    page.post(url("finding_close", finding.pk))
    finding.refresh_from_db()
    assert (finding.closed_by, finding.closed_on) == (leader, TODAY)
    page.post(url("finding_return", finding.pk), {"note": "又查出问题"})
    finding.refresh_from_db()
    assert finding.closed_on is None


def test_who_handed_in_the_evidence_does_not_close(page: Client) -> None:
    page.post(url("finding_add"), FOUND | {"unit": village().pk})
    finding = AuditFinding.objects.get()
    as_another(page, Role.CS)
    page.post(url("finding_hand_in", finding.pk), {"evidence": "已办"})
    assert "由其他人销号" in told(page.get(url("finding", finding.pk)))
    assert "由其他人销号" in told(page.post(url("finding_close", finding.pk), follow=True))
    finding.refresh_from_db()
    assert finding.closed_on is None


def test_a_misuse_is_confirmed_by_a_leader(page: Client) -> None:
    page.post(url("finding_add"), FOUND | {"unit": village().pk})
    finding = AuditFinding.objects.get()
    assert page.get(url("finding_confirm", finding.pk)).status_code == 403
    as_another(page, Role.CL)
    page.post(url("finding_confirm", finding.pk), {"on": "2026-06-15", "document": "青纪〔2026〕7号"})
    finding.refresh_from_db()
    assert (finding.is_confirmed, finding.confirmed_on) == (True, TODAY)


def test_findings_by_state(page: Client) -> None:
    for due_on, fields in (
        ("2026-06-10", {}),
        ("2026-06-20", {}),
        ("2026-06-20", {"evidence": "已办", "handed_in_on": TODAY}),
        ("2026-06-20", {"evidence": "已办", "handed_in_on": TODAY, "closed_on": TODAY}),
    ):
        make_finding(due_on=due_on, **fields)
    counts = page.get(url("finding_list")).context["counts"]
    assert counts == {"open": 3, "overdue": 1, "handed_in": 1, "closed": 1}
    for state, count in counts.items():
        assert len(page.get(url("finding_list"), {"state": state}).context["page"].object_list) == count


def make_finding(**fields: Any) -> AuditFinding:
    place, first = village(), make_user(f"one{timezone.now()}{AuditFinding.objects.count()}")
    kept = {
        "unit": place, "path": place.path, "kind": "use", "found_on": date(2026, 5, 1), "found_by": "审计局",
        "problem": "问题", "measure": "整改", "due_on": date(2026, 6, 30), "entered_by": first,
    }  # fmt: skip
    if "handed_in_on" in fields:
        kept["handed_in_by"] = first
    if "closed_on" in fields:
        kept["closed_by"] = make_user(f"two{AuditFinding.objects.count()}")
    return AuditFinding.objects.create(**kept | fields)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_findings_asks_as_often(page: Client, count: int, django_assert_num_queries: Any) -> None:
    for _number in range(count):
        make_finding(project=make_project())
    with django_assert_num_queries(10):
        page.get(url("finding_list"))
