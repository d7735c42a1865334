"""Audit findings: put right with evidence by one person, closed by another; a misuse confirmed by a second one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.models import AuditFinding
from collective_economy.services import findings
from tests.collective_economy.ground import checker, clerk, make_project, person, village
from tests.collective_economy.test_contracts import codes_of

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 15)
VALUES = {
    "kind": "accounts", "found_on": date(2026, 5, 1), "found_by": "县审计局", "problem": "三笔支出没有凭证",
    "measure": "补齐凭证", "due_on": date(2026, 6, 30), "amount": Decimal("3200.50"),
}  # fmt: skip


def record(**values: Any) -> AuditFinding:
    return findings.record_finding(unit=village(), values=VALUES | values, by=clerk(), today=TODAY)


def test_a_finding_is_recorded(county: Unit) -> None:
    finding = record(project=make_project())
    assert (finding.path, finding.entered_by, finding.closed_on) == (village().path, clerk(), None)
    event = AuditEvent.objects.get(event="collective_economy.add_auditfinding")
    assert event.changes["amount"] == [None, "3200.50"]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"kind": "x"}, {"kind": ["no_kind"]}),
        ({"found_on": date(2026, 6, 16)}, {"found_on": ["in_the_future"]}),
        ({"found_by": " "}, {"found_by": ["no_finder"]}),
        ({"problem": ""}, {"problem": ["no_problem"]}),
        ({"measure": ""}, {"measure": ["no_measure"]}),
        ({"due_on": date(2026, 4, 30)}, {"due_on": ["before_found"]}),
        ({"amount": Decimal("-1")}, {"amount": ["wrong_amount"]}),
    ],
)
def test_what_is_refused(county: Unit, values: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as refused:
        record(**values)
    assert codes_of(refused.value) == wrong
    assert not AuditFinding.objects.exists()


def test_a_project_of_another_village_is_refused(county: Unit) -> None:
    with pytest.raises(ValidationError) as refused:
        record(project=make_project(village("东二村")))
    assert codes_of(refused.value) == {"project": ["other_project"]}


def test_it_is_closed_with_evidence_by_another(county: Unit) -> None:
    finding = record()
    with pytest.raises(ValidationError) as refused:
        findings.close_finding(finding, by=checker(), today=TODAY)
    assert codes_of(refused.value) == {"": ["no_evidence"]}
    with pytest.raises(ValidationError) as refused:
        findings.hand_in(finding, evidence="  ", by=clerk(), today=TODAY)
    assert codes_of(refused.value) == {"evidence": ["no_evidence"]}
    findings.hand_in(finding, evidence="凭证已补，见附件", by=clerk(), today=TODAY)
    with pytest.raises(PermissionDenied):
        findings.close_finding(finding, by=clerk(), today=TODAY)
    closed = findings.close_finding(finding, by=checker(), today=TODAY)
    assert (closed.closed_by, closed.closed_on, closed.evidence) == (checker(), TODAY, "凭证已补，见附件")
    with pytest.raises(ValidationError) as refused:
        findings.hand_in(finding, evidence="还有", by=clerk(), today=TODAY)
    assert codes_of(refused.value) == {"": ["closed"]}
    assert [event.event.partition(".")[2] for event in AuditEvent.objects.order_by("pk")] == [
        "add_auditfinding", "submit_auditfinding", "close_auditfinding",
    ]  # fmt: skip


def test_evidence_that_does_not_hold_goes_back_with_a_note(county: Unit) -> None:
    finding = record()
    with pytest.raises(ValidationError) as refused:
        findings.return_finding(finding, note="缺发票", by=checker())
    assert codes_of(refused.value) == {"": ["no_evidence"]}
    findings.hand_in(finding, evidence="已补", by=clerk(), today=TODAY)
    with pytest.raises(ValidationError) as refused:
        findings.return_finding(finding, note=" ", by=checker())
    assert codes_of(refused.value) == {"note": ["no_reason"]}
    back = findings.return_finding(finding, note="缺发票", by=checker())
    assert (back.handed_in_by, back.handed_in_on, back.evidence) == (None, None, "已补")
    assert AuditEvent.objects.get(event="collective_economy.return_auditfinding").reason == "缺发票"
    with pytest.raises(ValidationError) as refused:
        findings.close_finding(finding, by=checker(), today=TODAY)
    assert codes_of(refused.value) == {"": ["no_evidence"]}


def test_a_closed_one_is_opened_again_with_a_reason(county: Unit) -> None:
    finding = record()
    with pytest.raises(ValidationError) as refused:
        findings.reopen_finding(finding, note="又查出", by=checker())
    assert codes_of(refused.value) == {"": ["not_closed"]}
    findings.hand_in(finding, evidence="已补", by=clerk(), today=TODAY)
    findings.close_finding(finding, by=checker(), today=TODAY)
    again = findings.reopen_finding(finding, note="又查出", by=checker())
    assert (again.closed_on, again.closed_by, again.handed_in_by) == (None, None, None)


def test_a_misuse_is_confirmed_by_another_with_its_document(county: Unit) -> None:
    finding = record(kind="misuse")
    confirm = {"on": TODAY, "document": "青纪〔2026〕7号", "today": TODAY}
    with pytest.raises(PermissionDenied):
        findings.confirm_misuse(finding, by=clerk(), **confirm)
    for fields, wrong in (
        ({"document": ""}, {"document": ["no_document"]}),
        ({"on": date(2026, 4, 30)}, {"on": ["before_found"]}),
        ({"on": date(2026, 6, 16)}, {"on": ["in_the_future"]}),
    ):
        with pytest.raises(ValidationError) as refused:
            findings.confirm_misuse(finding, by=checker(), **confirm | fields)
        assert codes_of(refused.value) == wrong
    confirmed = findings.confirm_misuse(finding, by=checker(), **confirm)
    assert (confirmed.is_confirmed, confirmed.confirmed_on) == (True, TODAY)
    assert AuditEvent.objects.get(event="collective_economy.confirm_auditfinding").reason == "青纪〔2026〕7号"
    with pytest.raises(ValidationError) as refused:
        findings.confirm_misuse(finding, by=checker(), **confirm)
    assert codes_of(refused.value) == {"": ["confirmed"]}
    with pytest.raises(ValidationError) as refused:
        change(finding, {"kind": "accounts"}, base=2)
    assert codes_of(refused.value) == {"kind": ["confirmed"]}


def test_only_a_misuse_is_confirmed(county: Unit) -> None:
    with pytest.raises(ValidationError) as refused:
        findings.confirm_misuse(record(), on=TODAY, document="7号", by=checker(), today=TODAY)
    assert codes_of(refused.value) == {"": ["not_a_misuse"]}


def change(finding: AuditFinding, values: dict[str, Any], base: int = 1) -> AuditFinding:
    return findings.change_finding(finding, values=values, base=base, by=person("another"), today=TODAY)


def test_an_open_one_is_corrected_until_evidence_is_there(county: Unit) -> None:
    finding = change(record(), {"measure": "补齐凭证并退回资金"})
    assert (finding.measure, finding.version) == ("补齐凭证并退回资金", 2)
    with pytest.raises(Conflict):
        change(finding, {"measure": "别的"})
    findings.hand_in(finding, evidence="已补", by=clerk(), today=TODAY)
    with pytest.raises(ValidationError) as refused:
        change(finding, {"measure": "别的"}, base=3)
    assert codes_of(refused.value) == {"": ["handed_in"]}
