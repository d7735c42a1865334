"""Who reads what of the trail, the auditor's page, the export."""

from __future__ import annotations

import ast
import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from pytest_django.fixtures import Settings

from accounts import audit, jobs, sealing
from accounts.event_words import PROBLEMS, words_for
from accounts.models import AuditEvent, Job, User
from accounts.roles import Role
from branches.models import Unit
from tests.conftest import make_unit, make_user

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def head_file(settings: Settings, tmp_path: Path) -> Path:
    settings.AUDIT_HEAD_FILE = str(tmp_path / "audit-head.json")
    return tmp_path / "audit-head.json"


@pytest.fixture
def auditor(county: Unit) -> User:
    return make_user("auditor", Role.AU, county)


@pytest.fixture
def trail(county: Unit, east: Unit, west: Unit, east_editor: User) -> dict[str, AuditEvent]:
    other = make_unit(Unit.objects.get(name="测试市"), "county", "另县", "990102")
    return {
        "own": audit.record("assessments.submit_return", actor=east_editor, unit=east, reason="=1+1"),
        "west": audit.record("assessments.submit_return", actor=None, unit=west),
        "foreign": audit.record("assessments.submit_return", actor=None, unit=other),
        "login": audit.record("accounts.login", actor=None, outcome="failed"),
        "own login": audit.record("accounts.login", actor=east_editor),
        "role": audit.record("branches.confirm_membership", actor=None, unit=west),
    }


@pytest.mark.parametrize(
    ("role", "at", "seen"),
    [
        (Role.AU, "青禾县", {"own", "west", "login", "own login", "role"}),
        (Role.RI, "青禾县", {"own", "west", "role"}),
        (Role.RI, "西乡", {"west", "role"}),
        (Role.CS, "青禾县", set()),
        (Role.CL, "青禾县", set()),
        (Role.TS, "西乡", set()),
        (Role.CE, "青禾县", set()),
        (Role.VC, "东一村", set()),
    ],
)
def test_who_reads_what(client: Client, trail: dict[str, AuditEvent], role: Role, at: str, seen: set[str]) -> None:
    reader = make_user("reader", role, Unit.objects.get(name=at))
    mine = audit.record("accounts.login", actor=reader, unit="0009")
    client.force_login(reader)
    rows = client.get("/accounts/auditevent/").context["cl"].queryset
    expected = {trail[name].pk for name in seen} | (set() if role == Role.AU else {mine.pk})
    assert {row.pk for row in rows} == expected
    for event in trail.values():
        status = client.get(f"/accounts/auditevent/{event.pk}/change/").status_code
        assert status == (200 if event.pk in expected else 302)


def test_own_acts(client: Client, trail: dict[str, AuditEvent], east_editor: User) -> None:
    client.force_login(east_editor)
    rows = client.get("/accounts/auditevent/").context["cl"].queryset
    assert {row.pk for row in rows} == {trail["own"].pk, trail["own login"].pk}


@pytest.mark.parametrize("role", [Role.SA, None])
def test_administrator_and_newcomer_read_nothing(client: Client, county: Unit, role: Role | None) -> None:
    client.force_login(make_user("somebody", role, county))
    assert client.get("/accounts/auditevent/").status_code == 403


@pytest.mark.parametrize("role", [role for role in Role if role != Role.AU])
@pytest.mark.parametrize("page", ["chain/", "chain/verify/", "export/"])
def test_auditors_pages_are_the_auditors(client: Client, county: Unit, role: Role, page: str) -> None:
    client.force_login(make_user("somebody", role, county))
    assert client.post(f"/accounts/auditevent/{page}").status_code == 403
    assert not Job.objects.exists()
    assert not AuditEvent.objects.filter(event="audit.export_trail").exists()


@pytest.mark.parametrize("page", ["add/", "{}/change/", "{}/delete/", "{}/history/"])
def test_nobody_writes(client: Client, trail: dict[str, AuditEvent], auditor: User, page: str) -> None:
    client.force_login(auditor)
    before = list(AuditEvent.objects.filter(pk__in=[e.pk for e in trail.values()]).order_by("pk").values())
    form = {"event": "x", "reason": "x", "post": "yes"}
    assert client.post(f"/accounts/auditevent/{page.format(trail['own'].pk)}", form).status_code == 403
    assert list(AuditEvent.objects.filter(pk__in=[e.pk for e in trail.values()]).order_by("pk").values()) == before


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("subject=login", {"login", "own login"}),
        ("subject=accounts", set()),
        ("subject=business", {"own", "west", "role"}),
        ("outcome=failed", {"login"}),
        ("days=7", {"own", "west", "login", "own login", "role"}),
        ("q=east_editor", {"own", "own login"}),
        ("q=assessments.", {"own", "west"}),
    ],
)
def test_filters(client: Client, trail: dict[str, AuditEvent], auditor: User, query: str, seen: set[str]) -> None:
    client.force_login(auditor)
    rows = client.get(f"/accounts/auditevent/?{query}").context["cl"].queryset
    assert {row.pk for row in rows} == {trail[name].pk for name in seen}


@pytest.mark.parametrize("query", ["actor__password__startswith=a", "changes__name=x", "code=x"])
def test_free_lookups_are_refused(client: Client, trail: dict[str, AuditEvent], auditor: User, query: str) -> None:
    client.force_login(auditor)
    response = client.get(f"/accounts/auditevent/?{query}")
    assert response.status_code == 400 or response.url.endswith("?e=1")


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries(
    client: Client, auditor: User, east: Unit, east_editor: User, count: int, django_assert_num_queries: Any
) -> None:
    for _number in range(count):
        audit.record("assessments.submit_return", actor=east_editor, unit=east)
    client.force_login(auditor)
    client.get("/accounts/auditevent/")
    with django_assert_num_queries(6):
        client.get("/accounts/auditevent/")


def test_refused_access_is_recorded(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    client.post("/accounts/user/add/?x=secret", {"username": "secret"})
    event = AuditEvent.objects.get(event="accounts.refuse_access")
    assert (event.actor, event.outcome) == (east_editor, "refused")
    assert event.changes == {"method": "POST", "path": "/accounts/user/add/"}


# --- The auditor's pages ------------------------------------------------------------------


def test_verifying_from_the_page(client: Client, trail: dict[str, AuditEvent], auditor: User) -> None:
    client.force_login(auditor)
    assert "—" in client.get("/accounts/auditevent/chain/").content.decode()
    response = client.post("/accounts/auditevent/chain/verify/")
    job = Job.objects.get()
    assert response.url == f"/jobs/{job.pk}/"
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["problem_count"]) == ("succeeded", 0)
    event = AuditEvent.objects.get(event="audit.verify")
    assert (event.actor, event.outcome, event.changes["events"]) == (auditor, "ok", 6)


def test_problems_are_shown_on_the_page(client: Client, trail: dict[str, AuditEvent], auditor: User) -> None:
    AuditEvent.objects.create(
        uid="00000000-0000-4000-8000-000000000001", at=trail["own"].at, event="x.forged", code="0" * 64
    )
    client.force_login(auditor)
    client.post("/accounts/auditevent/chain/verify/")
    jobs.run(Job.objects.get().pk)
    page = client.get("/accounts/auditevent/chain/").content.decode()
    assert str(PROBLEMS["inserted"]) in page
    assert AuditEvent.objects.get(event="audit.verify").outcome == "failed"


def test_head_is_shown(client: Client, trail: dict[str, AuditEvent], auditor: User, head_file: Path) -> None:
    sealing.seal(trail["own"].at)
    client.force_login(auditor)
    page = client.get("/accounts/auditevent/chain/").content.decode()
    head = sealing.read_head()
    assert head is not None
    assert page.count(head.digest) == 2
    head_file.write_text("{")
    page = client.get("/accounts/auditevent/chain/").content.decode()
    assert page.count(head.digest) == 1
    assert 'role="alert"' in page


def test_verification_stops_when_the_right_is_gone(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    client.post("/accounts/auditevent/chain/verify/")
    auditor.memberships.update(valid_to="2020-01-02")
    job = Job.objects.get()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert not AuditEvent.objects.filter(event="audit.verify").exists()


def test_export_holds_the_filtered_rows_and_no_formulas(
    client: Client, trail: dict[str, AuditEvent], auditor: User
) -> None:
    client.force_login(auditor)
    response = client.post("/accounts/auditevent/export/?subject=business")
    lines = list(csv.reader(StringIO(response.content.decode("utf-8-sig"))))
    assert lines[0][0].startswith("auditor ")
    assert {int(line[0]) for line in lines[2:]} == {trail[name].pk for name in ("own", "west", "role")}
    own = next(line for line in lines[2:] if int(line[0]) == trail["own"].pk)
    assert own[2:7] == ["assessments.submit_return", "ok", "east_editor", "TS", "东乡"]
    assert own[9] == "'=1+1"
    event = AuditEvent.objects.get(event="audit.export_trail")
    assert (event.actor, event.changes["rows"], event.changes["filter"]) == (auditor, 3, "subject=business")
    assert len(event.changes["sha256"]) == 64


# --- Words --------------------------------------------------------------------------------


def events_in_code() -> set[str]:
    """Names given to audit.record and audit.Entry as plain text anywhere in the project."""
    found = set()
    for app in ("accounts", "imports", "branches", "cadres", "assessments", "collective_economy", "config"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"record", "Entry"}:
                    named = [keyword.value for keyword in node.keywords if keyword.arg == "event"]
                    for value in [*node.args[:1], *named]:
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            found.add(value.value)
    return found


def test_every_event_has_words() -> None:
    names = events_in_code()
    assert "branches.confirm_membership" in names
    with translation.override("en"):
        assert sorted(name for name in names if words_for(name) == name) == []


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("branches.confirm_membership", "confirm: role at a unit"),
        ("accounts.login", "log in"),
        ("accounts.reset_password", "reset: password"),
        ("unknown.thing", "unknown.thing"),
        ("branches.dance_unit", "branches.dance_unit"),
    ],
)
def test_words(event: str, words: str) -> None:
    with translation.override("en"):
        assert words_for(event) == words
