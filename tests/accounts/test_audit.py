"""The trail: what an event holds, and that it lives and dies with its transaction."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from accounts import audit, context, jobs
from accounts.models import AuditEvent, Job, User
from branches.models import Unit


def test_event_holds_who_in_which_role_from_where_and_what(county_admin: User, east: Unit) -> None:
    with context.acting(address="10.1.2.3", proxy="10.0.0.1", request_id="abc"):
        audit.record(
            "branches.change_unit",
            actor=county_admin,
            target=east,
            unit=east,
            changes={
                "name": ["东乡", "东镇"],
                "valid_from": [None, datetime.date(2026, 1, 1)],
                "area": Decimal("1.50"),
            },
            reason="撤乡设镇",
        )
    event = AuditEvent.objects.get()
    assert (event.actor, event.actor_role) == (county_admin, "CS")
    assert (event.address, event.proxy, event.request_id) == ("10.1.2.3", "10.0.0.1", "abc")
    assert (event.target_type, event.target_id, event.unit_path) == ("branches.unit", str(east.pk), east.path)
    assert event.changes == {"name": ["东乡", "东镇"], "valid_from": [None, "2026-01-01"], "area": "1.50"}
    assert (event.outcome, event.reason) == ("ok", "撤乡设镇")
    assert event.code == audit.code_of(event)


def test_event_without_unit_belongs_to_the_unit_of_its_target_else_of_its_actor(east_editor: User, west: Unit) -> None:
    of_target = audit.record("branches.change_unit", actor=east_editor, target=west)
    of_actor = audit.record("accounts.login", actor=east_editor)
    of_nobody = audit.record("accounts.login", actor=None)
    assert [e.unit_path for e in (of_target, of_actor, of_nobody)] == [
        west.path,
        Unit.objects.get(name="东乡").path,
        "",
    ]


@pytest.mark.django_db(transaction=True)
def test_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        audit.record("accounts.login", actor=None)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_event_goes_with_the_change_that_failed() -> None:
    def change_and_fail() -> None:
        with transaction.atomic():
            audit.record("accounts.login", actor=None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("value", [1.5, {"share": 0.1}, [object()]])
def test_value_that_is_not_plain_is_refused(db: None, value: object) -> None:
    with pytest.raises(TypeError):
        audit.record("accounts.login", actor=None, changes={"value": value})


@pytest.mark.parametrize("count", [1, 3])
def test_many_events_cost_the_queries_of_one(
    county_admin: User, east: Unit, count: int, django_assert_num_queries: object
) -> None:
    entries = [audit.Entry(event="branches.change_unit", actor=county_admin, target=east, unit=east)] * count
    with django_assert_num_queries(2):  # the actor's roles, the events
        events = audit.record_many(entries)
    assert len({event.uid for event in events}) == AuditEvent.objects.count() == count


def test_hidden_value_is_told_as_changed() -> None:
    before = {"name": "a", "identity": "1", "phone": "2"}
    after = {"name": "b", "identity": "3", "phone": "2"}
    assert audit.changes_between(before, after, hidden={"identity"}) == {"name": ["a", "b"], "identity": "changed"}


def test_null_character_does_not_reach_the_database(db: None) -> None:
    audit.record("accounts.login", actor=None, changes={"name": "a\x00b"}, reason="c\x00d")
    event = AuditEvent.objects.get()
    assert (event.changes, event.reason) == ({"name": "a\ufffdb"}, "c\ufffdd")
    assert connection.in_atomic_block


def test_event_of_a_job_carries_its_number(county_admin: User) -> None:
    def work(run: jobs.JobRun) -> None:
        with transaction.atomic():
            audit.record("branches.change_unit", actor=run.by)

    with jobs.registered("test.audited", work):
        job = Job.objects.create(kind="test.audited", key="1", requested_by=county_admin)
        jobs.run(job.pk)
    assert AuditEvent.objects.get().request_id == f"job {job.pk}"
    assert context.current() == context.NOWHERE
