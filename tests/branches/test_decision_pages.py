"""Village decisions: the order of the six steps, the form, correction and making void."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import AuditEvent, User
from branches.models import Decision, Unit
from branches.services.decisions import correct_decision, record_decision, void_decision
from branches.versions import Conflict
from tests.branches.conftest import TODAY, make_decision, queries_of

pytestmark = pytest.mark.usefixtures("october")

STEPS = Decision.STEPS


def values(**changes: Any) -> dict[str, Any]:
    days = {step: date(2026, 10, 2 + number) for number, step in enumerate(STEPS)}
    return {"matter": "村内道路硬化", "origin": "cadres", "decided_on": date(2026, 10, 2), **days} | changes


def posted(**changes: Any) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in values(**changes).items()}


@pytest.fixture
def secretary(client: Client, east_editor: User) -> Client:
    client.force_login(east_editor)
    return client


def test_a_decision_is_stored_with_its_steps(village: Unit, east_editor: User) -> None:
    decision = record_decision(village, values(result_published_on=None), by=east_editor, today=TODAY)
    stored = Decision.objects.get(pk=decision.pk)
    assert (stored.path, stored.step_count, stored.recorded_by) == (village.path, 5, east_editor)
    assert AuditEvent.objects.get(event="branches.add_decision").changes["resolved_on"] == [None, "2026-10-05"]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"discussed_on": date(2026, 10, 1)}, {"discussed_on": "before_step"}),
        ({"resolved_on": date(2026, 10, 3), "examined_on": None}, {}),
        ({"resolved_on": date(2026, 10, 2), "examined_on": None}, {"resolved_on": "before_step"}),
        ({"result_published_on": date(2026, 10, 21)}, {"result_published_on": "in_the_future"}),
        ({"decided_on": date(2026, 10, 21)}, {"decided_on": "in_the_future"}),
        ({"matter": " "}, {"matter": "no_matter"}),
        ({step: date(2026, 10, 2) for step in STEPS}, {}),
        (dict.fromkeys(STEPS), {}),
    ],
    ids=[
        "backwards",
        "gap in order",
        "gap backwards",
        "step to come",
        "matter to come",
        "no matter",
        "one day",
        "no step",
    ],
)
def test_each_step_is_on_the_day_of_the_one_before_or_later(
    village: Unit, changes: dict[str, Any], codes: dict[str, str]
) -> None:
    found: dict[str, str] = {}
    try:
        record_decision(village, values(**changes), by=None, today=TODAY)
    except ValidationError as error:
        found = {name: errors[0].code for name, errors in error.error_dict.items()}
    assert found == codes
    assert Decision.objects.count() == (0 if codes else 1)


def test_a_correction_and_making_void_are_told(village: Unit, east_editor: User) -> None:
    decision = make_decision(village, steps=5, decided_on=date(2026, 10, 2))
    correct_decision(decision, values(), version=1, by=east_editor, today=TODAY)
    decision.refresh_from_db()
    assert (decision.step_count, decision.version) == (6, 2)
    assert AuditEvent.objects.get(event="branches.change_decision").changes == {
        "result_published_on": [None, "2026-10-07"]
    }
    with pytest.raises(Conflict):
        correct_decision(decision, values(matter="别的"), version=1, by=east_editor, today=TODAY)
    void_decision(decision, "登记错村", by=east_editor)
    decision.refresh_from_db()
    assert (decision.is_void, decision.void_reason) == (True, "登记错村")
    with pytest.raises(ValidationError):
        correct_decision(decision, values(), version=3, by=east_editor, today=TODAY)
    with pytest.raises(ValidationError):
        void_decision(decision, "", by=east_editor)


def test_a_decision_is_entered_taken_further_and_made_void_on_its_pages(secretary: Client, village: Unit) -> None:
    answer = secretary.post("/decisions/add/", posted(unit=village.pk, result_published_on=None))
    assert answer.headers["Location"] == "/decisions/?month=2026-10"
    decision = Decision.objects.get()
    assert (decision.unit, decision.step_count) == (village, 5)
    secretary.post(f"/decisions/{decision.pk}/", posted(base_version=1))
    decision.refresh_from_db()
    assert decision.step_count == 6
    secretary.post(f"/decisions/{decision.pk}/void/", {"reason": "登记错村"})
    decision.refresh_from_db()
    assert decision.is_void
    assert "登记错村" in secretary.get(f"/decisions/{decision.pk}/").content.decode()


def test_steps_out_of_order_are_said_at_the_step(secretary: Client, village: Unit) -> None:
    page = secretary.post("/decisions/add/", posted(unit=village.pk, discussed_on=date(2026, 10, 1)))
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["discussed_on"]
    assert not Decision.objects.exists()


def test_the_list_narrows_and_another_township_is_not_there(secretary: Client, village: Unit, county: Unit) -> None:
    west = Unit.objects.get(name="西一村")
    make_decision(village, matter="齐全")
    make_decision(village, matter="缺一步", steps=5)
    make_decision(village, matter="九月", decided_on=date(2026, 9, 1))
    make_decision(village, matter="作废", is_void=True)
    foreign = make_decision(west, matter="金丝雀事项")

    def matters(query: str) -> list[str]:
        page = secretary.get(f"/decisions/{query}")
        assert "金丝雀" not in page.content.decode()
        return sorted(decision.matter for decision in page.context["page"])

    assert matters("") == sorted(["齐全", "缺一步"])
    assert matters("?state=open") == ["缺一步"]
    assert matters("?month=&state=") == sorted(["齐全", "缺一步", "九月"])
    assert matters("?state=void") == ["作废"]
    assert matters(f"?village={west.pk}") == []
    assert secretary.get(f"/decisions/{foreign.pk}/").status_code == 404
    assert secretary.post(f"/decisions/{foreign.pk}/void/", {"reason": "x"}).status_code == 404
    assert "unit" in secretary.post("/decisions/add/", posted(unit=west.pk)).context["form"].errors
    foreign.refresh_from_db()
    assert not foreign.is_void
    assert Decision.objects.filter(unit=west).count() == 1


def test_a_reader_reads_only(client: Client, village: Unit, county_viewer: User) -> None:
    decision = make_decision(village)
    client.force_login(county_viewer)
    page = client.get(f"/decisions/{decision.pk}/")
    assert page.context["form"] is None
    assert "村内道路硬化" in page.content.decode()
    for address in (f"/decisions/{decision.pk}/", f"/decisions/{decision.pk}/void/", "/decisions/add/"):
        assert client.post(address, posted(unit=village.pk, base_version=1, reason="x")).status_code == 403
    assert Decision.objects.filter(is_void=False).count() == 1


@pytest.mark.usefixtures("quiet_frame")
def test_the_list_asks_as_much_for_three_as_for_one(secretary: Client, county: Unit) -> None:
    villages = list(Unit.objects.under(Unit.objects.get(name="东乡").path).villages())
    make_decision(villages[0])
    one = queries_of(secretary, "/decisions/")
    for village in villages[1:]:
        make_decision(village)
    assert queries_of(secretary, "/decisions/") == one <= 12
