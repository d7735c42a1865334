"""The chain over the trail: each way of tampering is named, whoever owns the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils import translation
from pytest_django.fixtures import Settings

from accounts import append_only, audit, sealing
from accounts.models import AuditEvent, AuditSeal

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def head_file(settings: Settings, tmp_path: Path) -> Path:
    settings.AUDIT_HEAD_FILE = str(tmp_path / "audit-head.json")
    return tmp_path / "audit-head.json"


def write(*names: str) -> list[AuditEvent]:
    with transaction.atomic():
        return audit.record_many([audit.Entry(event=name, actor=None, changes={"note": name}) for name in names])


def found() -> list[tuple[str, int]]:
    return [(problem.kind, problem.event_id) for problem in sealing.verify().problems]


def tamper(change: Callable[[], Any]) -> None:
    """The change as somebody makes it who may drop the triggers and puts them back."""
    with append_only.without_triggers(connection):
        change()


@pytest.fixture
def trail(db: None) -> list[AuditEvent]:
    """Five events, the first four sealed."""
    events = write("a.one", "a.two", "a.three", "a.four")
    assert sealing.seal(NOW) == 4
    return [*events, *write("a.five")]


# --- The tables only grow -----------------------------------------------------------------


@pytest.mark.parametrize("model", [AuditEvent, AuditSeal])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 100", "DELETE FROM {}"])
def test_database_refuses_change_and_removal(trail: list[AuditEvent], model: type[Model], statement: str) -> None:
    before = list(model._default_manager.values())
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(model._meta.db_table))
    assert list(model._default_manager.values()) == before


@pytest.mark.parametrize("table", append_only.TABLES)
def test_postgresql_refuses_truncate(trail: list[AuditEvent], table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has TRUNCATE")
    connection.check_constraints()  # what waits for the end of the transaction would stand in the way first
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")
    assert AuditEvent.objects.count() == 5


def test_missing_trigger_is_named(trail: list[AuditEvent]) -> None:
    with connection.cursor() as cursor:
        on_table = "" if connection.vendor == "sqlite" else " ON accounts_auditevent"
        cursor.execute(f"DROP TRIGGER accounts_auditevent_no_update{on_table}")
    assert [(p.kind, p.detail) for p in sealing.verify().problems] == [("open", "accounts_auditevent_no_update")]


# --- Sealing ------------------------------------------------------------------------------


def test_intact_trail_has_no_problems(trail: list[AuditEvent], head_file: Path) -> None:
    assert found() == []
    assert sealing.seal(NOW) == 1
    assert sealing.seal(NOW) == 0
    assert found() == []
    assert list(AuditSeal.objects.values_list("position", "event_id")) == [
        (number, event.pk) for number, event in enumerate(trail, start=1)
    ]
    head = json.loads(head_file.read_text())
    assert (head["position"], head["event_id"]) == (5, trail[4].pk)
    assert head["digest"] == AuditSeal.objects.get(position=5).digest


def test_event_that_commits_late_is_sealed_late(db: None) -> None:
    """Its id was given out early, its transaction ended after the others were sealed."""
    events = write("a.one", "a.late", "a.three")
    tamper(lambda: AuditEvent.objects.filter(pk=events[1].pk).delete())
    assert sealing.seal(NOW) == 2
    events[1].save(force_insert=True)
    assert sealing.seal(NOW) == 1
    assert found() == []
    assert list(AuditSeal.objects.values_list("event_id", flat=True)) == [events[0].pk, events[2].pk, events[1].pk]


def test_process_stopped_between_link_and_file_is_no_problem(trail: list[AuditEvent], head_file: Path) -> None:
    old_head = head_file.read_text()
    sealing.seal(NOW)
    head_file.write_text(old_head)
    assert found() == []
    write("a.six")
    assert sealing.seal(NOW) == 1
    assert found() == []
    assert json.loads(head_file.read_text())["position"] == 6


def test_sealing_costs_the_same_queries_for_one_event_and_for_many(
    trail: list[AuditEvent], django_assert_num_queries: Any
) -> None:
    sealing.seal(NOW)
    write("a.six")
    with django_assert_num_queries(10):
        assert sealing.seal(NOW) == 1
    write(*(f"a.more{number}" for number in range(30)))
    with django_assert_num_queries(10):
        assert sealing.seal(NOW) == 30


# --- Tampering ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event", "a.other"),
        ("outcome", "failed"),
        ("actor_role", "CS"),
        ("address", "10.9.9.9"),
        ("target_id", "7"),
        ("unit_path", "0001"),
        ("changes", {"note": "other"}),
        ("reason", "other"),
        ("at", NOW),
    ],
)
def test_altered_event_is_named(trail: list[AuditEvent], field: str, value: object) -> None:
    tamper(lambda: AuditEvent.objects.filter(pk=trail[1].pk).update(**{field: value}))
    assert found() == [("altered", trail[1].pk)]


def test_removed_event_is_named(trail: list[AuditEvent]) -> None:
    tamper(lambda: AuditEvent.objects.filter(pk=trail[1].pk).delete())
    assert found() == [("removed", trail[1].pk)]


def test_removed_event_with_its_link_is_named(trail: list[AuditEvent]) -> None:
    def both() -> None:
        AuditEvent.objects.filter(pk=trail[1].pk).delete()
        AuditSeal.objects.filter(event_id=trail[1].pk).delete()

    tamper(both)
    assert found() == [("link", trail[2].pk)]


def test_row_inserted_by_hand_is_named_and_never_sealed(trail: list[AuditEvent]) -> None:
    forged = AuditEvent(uid="00000000-0000-4000-8000-000000000001", at=NOW, event="a.forged", code="0" * 64)
    forged.save()
    assert found() == [("inserted", forged.pk)]
    assert sealing.seal(NOW) == 1  # the fifth event alone
    assert found() == [("inserted", forged.pk)]


def test_copied_row_is_refused_by_the_database(trail: list[AuditEvent]) -> None:
    copy = AuditEvent.objects.get(pk=trail[0].pk)
    copy.pk = None
    with pytest.raises(DatabaseError), transaction.atomic():
        copy.save(force_insert=True)
    assert AuditEvent.objects.count() == 5


def test_swapped_events_are_named(trail: list[AuditEvent]) -> None:
    first, second = trail[0].pk, trail[2].pk

    def swap() -> None:
        for old, new in ((first, 9_000_001), (second, first), (9_000_001, second)):
            AuditEvent.objects.filter(pk=old).update(id=new)

    tamper(swap)
    assert found() == [("swapped", first), ("swapped", second)]


def test_altered_link_is_named(trail: list[AuditEvent]) -> None:
    """Whoever removes an event and makes the chain fit has no key to make the next digests."""
    tamper(lambda: AuditSeal.objects.filter(position=2).update(digest="f" * 64))
    assert found() == [("link", trail[1].pk), ("link", trail[2].pk)]


def test_cut_tail_is_named(trail: list[AuditEvent]) -> None:
    def cut() -> None:
        AuditEvent.objects.filter(pk__gte=trail[2].pk).delete()
        AuditSeal.objects.filter(event_id__gte=trail[2].pk).delete()

    tamper(cut)
    assert found() == [("cut", 0)]


def test_older_database_is_named(trail: list[AuditEvent]) -> None:
    """Rows, links and the counter of ids are those of an earlier day; the head file is not."""

    def restore() -> None:
        AuditEvent.objects.filter(pk__gte=trail[2].pk).delete()
        AuditSeal.objects.filter(event_id__gte=trail[2].pk).delete()
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = 'accounts_auditevent'", [trail[1].pk])
            else:
                cursor.execute("SELECT setval('accounts_auditevent_id_seq', %s)", [trail[1].pk])

    tamper(restore)
    assert found() == [("restored", 0)]
    write("a.after")
    assert sealing.seal(NOW) == 0, "nothing is sealed on top of a chain that the head file does not know"
    assert sealing.seal(NOW) == 0
    assert AuditEvent.objects.filter(event="audit.chain_misfit").count() == 1
    assert found() == [("restored", 0)]


def test_accepted_restore_is_recorded_and_sealing_goes_on(trail: list[AuditEvent], head_file: Path) -> None:
    known = head_file.read_text()

    def cut() -> None:
        AuditEvent.objects.filter(pk__gte=trail[2].pk).delete()
        AuditSeal.objects.filter(event_id__gte=trail[2].pk).delete()

    tamper(cut)
    call_command("verify_audit", "--accept", "从备份恢复", stdout=StringIO())
    event = AuditEvent.objects.get(event="audit.accept_state")
    assert event.reason == "从备份恢复"
    assert event.changes["former_head"] == known
    assert found() == []
    assert AuditSeal.objects.count() == 3
    kept = [path.read_text() for path in head_file.parent.glob("audit-head-*.json")]
    assert kept == [known]


def test_nothing_to_accept_is_refused(trail: list[AuditEvent]) -> None:
    with translation.override("en"), pytest.raises(CommandError, match="nothing to accept"):
        call_command("verify_audit", "--accept", "reason", stdout=StringIO())
    assert not AuditEvent.objects.filter(event="audit.accept_state").exists()


@pytest.mark.parametrize(
    ("text", "detail"), [("{", "is damaged"), ('{"position": 1}', "is damaged"), (None, "is gone")]
)
def test_lost_or_damaged_head_file_is_named(
    trail: list[AuditEvent], head_file: Path, text: str | None, detail: str
) -> None:
    head_file.unlink()
    if text is not None:
        head_file.write_text(text)
    problems = sealing.verify().problems
    assert [(p.kind, p.event_id) for p in problems] == [("link", 0)]
    assert problems[0].detail.endswith(detail)
    assert sealing.seal(NOW) == 0


def test_other_key_explains_nothing(trail: list[AuditEvent], settings: Settings) -> None:
    settings.AUDIT_KEY = "another key of more than thirty-two characters"
    assert {kind for kind, _event in found()} == {"altered", "inserted", "link"}


# --- The command --------------------------------------------------------------------------


def test_command_tells_an_intact_trail(trail: list[AuditEvent]) -> None:
    output = StringIO()
    call_command("verify_audit", "--json", stdout=output)
    told = json.loads(output.getvalue())
    assert (told["intact"], told["events"], told["sealed"], told["problems"]) == (True, 5, 4, [])
    assert told["head"]["position"] == 4
    assert AuditEvent.objects.get(event="audit.verify").outcome == "ok"


def test_command_names_each_problem_and_fails(trail: list[AuditEvent]) -> None:
    tamper(lambda: AuditEvent.objects.filter(pk=trail[1].pk).delete())
    output = StringIO()
    with pytest.raises(CommandError, match="1 problems"):
        call_command("verify_audit", stdout=output)
    assert f"removed event {trail[1].pk}: " in output.getvalue()
    event = AuditEvent.objects.get(event="audit.verify")
    assert (event.outcome, event.changes["problems"]) == ("failed", 1)
