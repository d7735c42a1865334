"""Entry of organisational life: services, the form of a township secretary, correction, making void."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Branch, OrganisationalLife, Unit, Village, WorkdayException
from branches.services.life import correct_life, record_life, void_life
from branches.services.suggestions import suggested_life
from branches.versions import Conflict
from tests.branches.conftest import TODAY, make_branch, make_life, queries_of
from tests.conftest import make_user

pytestmark = pytest.mark.usefixtures("october")

Kind = OrganisationalLife.Kind


def values(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "party_day",
        "held_on": date(2026, 10, 10),
        "place": "村党群服务中心",
        "theme": "集中学习",
        "chair": "王书记",
        "recorder": "李文书",
        "due_count": 35,
        "excused_count": 3,
        "present_count": 30,
        "content": "学习",
        "decisions": "",
    } | changes


def posted(**changes: Any) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in values(**changes).items()}


@pytest.fixture
def secretary(client: Client, east_editor: User) -> Client:
    client.force_login(east_editor)
    return client


def text(response: Any) -> str:
    return response.content.decode()


# --- Services -------------------------------------------------------------------------------


def test_a_record_is_stored_with_who_and_when(branch: Branch, east_editor: User) -> None:
    record = record_life(branch, values(), by=east_editor, today=TODAY)
    stored = OrganisationalLife.objects.get(pk=record.pk)
    assert (stored.path, stored.recorded_on, stored.recorded_by) == (branch.unit.path, TODAY, east_editor)
    assert (stored.due_count, stored.excused_count, stored.present_count) == (35, 3, 30)
    event = AuditEvent.objects.get(event="branches.add_organisationallife")
    assert (event.actor, event.unit_path) == (east_editor, branch.unit.path)
    assert event.changes["held_on"] == [None, "2026-10-10"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"held_on": date(2026, 10, 21)}, "held_on", "in_the_future"),
        ({"held_on": date(2019, 12, 31)}, "held_on", "before_branch"),
        ({"present_count": 33}, "present_count", "over_present"),
        ({"excused_count": 36}, "excused_count", "over_due"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(branch: Branch, changes: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(ValidationError) as error:
        record_life(branch, values(**changes), by=None, today=TODAY)
    assert {name: [e.code for e in errors] for name, errors in error.value.error_dict.items()} == {field: [code]}
    assert not OrganisationalLife.objects.exists()
    assert not AuditEvent.objects.filter(event="branches.add_organisationallife").exists()


@pytest.mark.parametrize(
    "changes", [{"present_count": 32}, {"held_on": TODAY}, {"due_count": None}, {"present_count": None}]
)
def test_the_edges_are_allowed(branch: Branch, changes: dict[str, Any]) -> None:
    record_life(branch, values(**changes), by=None, today=TODAY)
    assert OrganisationalLife.objects.count() == 1


def test_nothing_is_recorded_after_the_organization_ended(branch: Branch) -> None:
    branch.valid_to = date(2026, 9, 30)
    with pytest.raises(ValidationError) as error:
        record_life(branch, values(), by=None, today=TODAY)
    assert error.value.error_dict["held_on"][0].code == "after_branch"


def test_a_correction_keeps_the_day_of_recording_and_tells_what_changed(branch: Branch, east_editor: User) -> None:
    record = make_life(branch, recorded_on=date(2026, 10, 11))
    correct_life(record, values(present_count=28), version=1, by=east_editor, today=TODAY)
    record.refresh_from_db()
    assert (record.present_count, record.recorded_on, record.version) == (28, date(2026, 10, 11), 2)
    event = AuditEvent.objects.get(event="branches.change_organisationallife")
    assert event.changes["present_count"] == [30, 28]
    with pytest.raises(Conflict):
        correct_life(record, values(present_count=27), version=1, by=east_editor, today=TODAY)
    record.refresh_from_db()
    assert record.present_count == 28


def test_a_void_record_stays_with_its_reason_and_is_not_corrected(branch: Branch, east_editor: User) -> None:
    record = make_life(branch)
    with pytest.raises(ValidationError):
        void_life(record, " ", by=east_editor)
    void_life(record, "重复登记", by=east_editor)
    void_life(record, "又一次", by=east_editor)
    record.refresh_from_db()
    assert (record.is_void, record.void_reason, record.version) == (True, "重复登记", 2)
    assert AuditEvent.objects.get(event="branches.void_organisationallife").reason == "重复登记"
    with pytest.raises(ValidationError) as error:
        correct_life(record, values(), version=2, by=east_editor, today=TODAY)
    assert error.value.code == "void"


def test_the_last_record_tells_what_is_usual(branch: Branch, village: Unit) -> None:
    assert suggested_life(branch, Kind.PARTY_DAY) == {
        "place": "村党群服务中心",
        "chair": "",
        "recorder": "",
        "due_count": 35,
    }
    make_life(
        branch,
        kind=Kind.COMMITTEE_MEETING,
        place="会议室",
        chair="张书记",
        due_count=7,
        present_count=6,
        excused_count=0,
    )
    assert suggested_life(branch, Kind.COMMITTEE_MEETING)["due_count"] == 7
    assert suggested_life(branch, Kind.PARTY_DAY) == {
        "place": "会议室",
        "chair": "张书记",
        "recorder": "李文书",
        "due_count": 35,
    }
    assert suggested_life(branch, Kind.REPRESENTATIVES)["due_count"] == 27
    Branch.objects.filter(pk=branch.pk).update(member_count=None)
    Village.objects.filter(unit=village).update(member_count=41)
    assert suggested_life(Branch.objects.get(pk=branch.pk), Kind.LECTURE)["due_count"] == 41


# --- Pages ----------------------------------------------------------------------------------


def test_the_form_comes_with_what_is_usual(secretary: Client, branch: Branch) -> None:
    form = secretary.get(f"/life/add/?branch={branch.pk}&kind=party_day").context["form"]
    assert (form["due_count"].value(), form["held_on"].value(), form["excused_count"].value()) == (35, TODAY, 0)
    assert secretary.get(f"/life/suggest/?branch={branch.pk}&kind=party_day").json()["due_count"] == 35


def test_a_record_is_entered_and_the_next_village_follows(secretary: Client, branch: Branch, county: Unit) -> None:
    second = make_branch(Unit.objects.get(name="东二村"))
    answer = secretary.post("/life/add/", posted(branch=branch.pk, next="1"))
    record = OrganisationalLife.objects.get()
    assert (record.branch, record.theme, record.recorded_on) == (branch, "集中学习", TODAY)
    assert answer.status_code == 302
    assert f"branch={second.pk}" in answer.headers["Location"]
    form = secretary.get(answer.headers["Location"]).context["form"]
    assert (form["branch"].value(), form["kind"].value(), form["theme"].value()) == (second.pk, "party_day", "集中学习")
    answer = secretary.post("/life/add/", posted(branch=second.pk, next="1"))
    assert answer.headers["Location"] == "/life/?month=2026-10"


def test_a_refused_form_keeps_what_was_typed_and_says_what_to_do(secretary: Client, branch: Branch) -> None:
    with translation.override("en"):
        secretary.cookies["django_language"] = "en"
        page = secretary.post("/life/add/", posted(branch=branch.pk, present_count=40, theme="写了很久"))
    assert page.status_code == 422
    form = page.context["form"]
    assert form.errors["present_count"] == ["At most 32 can have been present: 35 due, less 3 excused."]
    assert form["theme"].value() == "写了很久"
    assert not OrganisationalLife.objects.exists()


def test_another_township_can_neither_be_chosen_nor_recorded_for(secretary: Client, foreign_branch: Branch) -> None:
    page = secretary.post("/life/add/", posted(branch=foreign_branch.pk))
    assert "branch" in page.context["form"].errors
    assert "金丝雀" not in text(page)
    assert "西一村" not in text(page)
    assert not OrganisationalLife.objects.exists()
    assert secretary.get(f"/life/suggest/?branch={foreign_branch.pk}&kind=party_day").status_code == 404


def test_the_list_is_of_a_month_and_narrows(
    secretary: Client, branch: Branch, foreign_branch: Branch, village: Unit
) -> None:
    make_life(branch, theme="十月党日")
    make_life(branch, theme="九月党日", held_on=date(2026, 9, 10))
    make_life(branch, theme="十月党课", kind=Kind.LECTURE)
    make_life(branch, theme="漏填主持", kind=Kind.CIVILITY, chair="")
    make_life(branch, theme="作废的", kind=Kind.CIVILITY, is_void=True)
    make_life(foreign_branch, theme="金丝雀主题")

    def themes(query: str) -> list[str]:
        page = secretary.get(f"/life/{query}")
        assert page.status_code == 200
        assert "金丝雀" not in text(page)
        return sorted(row.record.theme for row in page.context["rows"])

    assert themes("") == sorted(["十月党日", "十月党课", "漏填主持"])
    assert themes("?month=2026-09") == ["九月党日"]
    assert len(themes("?month=")) == 4
    assert themes("?month=2026-10&months=2&kind=party_day") == sorted(["九月党日", "十月党日"])
    assert themes("?kind=meeting_and_lecture") == ["十月党课"]
    assert themes("?kind=civility_or_volunteering") == ["漏填主持"]
    assert themes("?state=faulty") == ["漏填主持"]
    assert themes("?state=void") == ["作废的"]
    assert themes(f"?village={village.pk}&kind=lecture") == ["十月党课"]
    assert themes(f"?village={foreign_branch.unit_id}") == []
    assert themes("?month=abc") == []


def test_late_and_incomplete_are_said_at_the_record(secretary: Client, branch: Branch) -> None:
    make_life(branch, recorded_on=date(2026, 10, 15), theme="")
    row = secretary.get("/life/").context["rows"][0]
    assert (row.is_late, row.missing) == (True, [str(OrganisationalLife._meta.get_field("theme").verbose_name)])
    WorkdayException.objects.create(unit=Unit.objects.get(kind="county"), day=date(2026, 10, 14), is_workday=False)
    assert secretary.get("/life/").context["rows"][0].is_late is False


def test_the_list_says_which_villages_still_lack_a_monthly_meeting(
    secretary: Client, branch: Branch, county: Unit
) -> None:
    make_branch(Unit.objects.get(name="东二村"))
    make_life(branch)
    gaps = {gap.kind: [b.unit.name for b in gap.branches] for gap in secretary.get("/life/").context["gaps"]}
    assert gaps == {Kind.PARTY_DAY: ["东二村"], Kind.COMMITTEE_MEETING: ["东一村", "东二村"]}


def test_a_record_is_corrected_on_its_page(secretary: Client, branch: Branch) -> None:
    record = make_life(branch)
    answer = secretary.post(f"/life/{record.pk}/", posted(present_count=25, base_version=1))
    assert answer.headers["Location"] == "/life/?month=2026-10"
    record.refresh_from_db()
    assert (record.present_count, record.branch) == (25, branch)


def test_two_people_on_one_record(secretary: Client, branch: Branch, county_admin: User) -> None:
    record = make_life(branch)
    other = Client()
    other.force_login(county_admin)
    other.post(f"/life/{record.pk}/", posted(present_count=28, base_version=1))
    page = secretary.post(f"/life/{record.pk}/", posted(present_count=27, base_version=1))
    assert page.status_code == 422
    form = page.context["form"]
    assert form.errors.as_data()["present_count"][0].params == {"value": 28}
    assert form["present_count"].value() == "27"
    record.refresh_from_db()
    assert record.present_count == 28
    secretary.post(f"/life/{record.pk}/", posted(present_count=27, base_version=form["base_version"].value()))
    record.refresh_from_db()
    assert record.present_count == 27


def test_a_record_is_made_void_with_a_reason(secretary: Client, branch: Branch) -> None:
    record = make_life(branch)
    assert secretary.post(f"/life/{record.pk}/void/", {"reason": ""}).status_code == 422
    secretary.post(f"/life/{record.pk}/void/", {"reason": "重复登记"})
    record.refresh_from_db()
    assert (record.is_void, record.void_reason) == (True, "重复登记")
    page = secretary.get(f"/life/{record.pk}/")
    assert page.context["form"] is None
    assert "重复登记" in text(page)


def test_a_reader_reads_and_writes_nothing(client: Client, branch: Branch, county_viewer: User) -> None:
    record = make_life(branch)
    client.force_login(county_viewer)
    page = client.get(f"/life/{record.pk}/")
    assert page.context["form"] is None
    assert "王书记" in text(page)
    assert client.get("/life/").context["may_add"] is False
    for address in (f"/life/{record.pk}/", f"/life/{record.pk}/void/", "/life/add/"):
        assert (
            client.post(address, posted(present_count=1, base_version=1, reason="x", branch=branch.pk)).status_code
            == 403
        )
    record.refresh_from_db()
    assert (record.present_count, record.is_void) == (30, False)
    assert OrganisationalLife.objects.count() == 1


def test_pages_of_another_township_do_not_exist(secretary: Client, foreign_branch: Branch) -> None:
    record = make_life(foreign_branch)
    for address in (f"/life/{record.pk}/", f"/life/{record.pk}/void/"):
        assert secretary.get(address).status_code == 404
        assert secretary.post(address, posted(base_version=1, reason="x")).status_code == 404
    record.refresh_from_db()
    assert (record.is_void, record.theme) == (False, "学习")


def test_a_system_administrator_has_no_business_here(client: Client, branch: Branch, county: Unit) -> None:
    client.force_login(make_user("sa", Role.SA, county))
    for address in ("/life/", "/life/add/", "/decisions/", "/villages/"):
        assert client.get(address).status_code == 403


@pytest.mark.usefixtures("quiet_frame")
def test_the_list_asks_as_much_for_three_records_as_for_one(secretary: Client, county: Unit) -> None:
    branches = [make_branch(unit) for unit in Unit.objects.under(Unit.objects.get(name="东乡").path).villages()]
    make_life(branches[0])
    one = queries_of(secretary, "/life/")
    for branch in branches[1:]:
        make_life(branch)
    assert queries_of(secretary, "/life/") == one <= 16
