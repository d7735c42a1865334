"""Files on their way out: who may have what, made in the present scope, sealed, fetched five times within a day."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import jobs
from accounts.models import AuditEvent, Job, User
from accounts.roles import Role
from branches.models import Membership, Unit, Village
from cadres import codes
from cadres.models import Person
from imports import exports
from imports.exports import Wish, ask, fetch_file
from imports.models import ExportFile
from imports.reading import read_worksheets
from tests.cadres.people import NUMBER, make_person, post
from tests.conftest import make_user

State = ExportFile.State
WITH_NUMBERS = ("village", "name", "id_number")
CANARY = "雀西人"


@pytest.fixture
def people(county: Unit) -> None:
    post(make_person("张三", identity=NUMBER, remark="=1+1"), codes.SECRETARY)
    post(make_person("李四", "东二村"), codes.SECRETARY)
    post(make_person(CANARY, "西一村", identity="000000198003051214"), codes.SECRETARY)


@pytest.fixture
def who(county: Unit, people: None) -> Callable[[str], User]:
    """The user of a role, at the county or at 东乡."""

    def make(role: str) -> User:
        at_township = role in ("TS", "VC")
        return make_user(role, Role(role), Unit.objects.get(name="东乡") if at_township else county)

    return make


def wish(**more: Any) -> Wish:
    return Wish(**{"listing": "cadres", "columns": ("village", "name", "remark"), "purpose": "roster", **more})


def made(export: ExportFile) -> ExportFile:
    export.refresh_from_db()
    assert export.job_id
    assert jobs.run(export.job_id)
    export.refresh_from_db()
    return export


def text_of(raw: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


def many_numbers(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(exports, "MOST_WITHOUT_APPROVAL", most)


# --- Rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "without", "few", "many"),
    [
        ("CS", State.MAKING, State.MAKING, State.WAITING),
        ("TS", State.MAKING, State.MAKING, State.WAITING),
        ("RI", State.MAKING, State.WAITING, State.WAITING),
        ("CL", State.MAKING, "denied", "denied"),
        ("CE", "denied", "denied", "denied"),
        ("VC", "denied", "denied", "denied"),
        ("SA", "denied", "denied", "denied"),
        ("AU", "denied", "denied", "denied"),
    ],
)
def test_who_may_export_people_without_and_with_identity_numbers(
    role: str, without: str, few: str, many: str, who: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = who(role)

    def outcome(columns: tuple[str, ...]) -> str:
        try:
            return ask(wish(columns=columns, note="年度核对"), by=user).state
        except PermissionDenied:
            return "denied"

    assert outcome(("village", "name")) == without
    assert outcome(WITH_NUMBERS) == few
    many_numbers(monkeypatch, 0)
    assert outcome(WITH_NUMBERS) == many


def test_fifty_people_need_a_purpose_and_fifty_one_an_approval(who: Callable[[str], User]) -> None:
    user = who("TS")
    village = Unit.objects.get(name="东三村")
    for number in range(49):
        index = f"{number:064}"
        somebody = Person.objects.create(
            unit=village, name=f"人{number}", identity_number=f"x{number}", identity_index=index
        )
        post(somebody, codes.OTHER, words="网格长")
    assert ask(wish(columns=WITH_NUMBERS, note="核对"), by=user).state == State.MAKING
    post(make_person("第五十一", "东三村", identity="00000019810406222X"), codes.CLERK)
    waiting = ask(wish(columns=WITH_NUMBERS, note="核对"), by=user)
    assert (waiting.state, waiting.people_count, waiting.job_id) == (State.WAITING, 51, None)


@pytest.mark.parametrize("role", ["CE", "CL", "RI"])
def test_lists_without_people_go_out_for_every_business_role(role: str, who: Callable[[str], User]) -> None:
    assert ask(wish(listing="units", columns=("village", "population")), by=who(role)).state == State.MAKING


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"columns": ()}, "columns", "no_columns"),
        ({"columns": ("nonsense",)}, "columns", "no_columns"),
        ({"purpose": ""}, "purpose", "no_purpose"),
        ({"purpose": "other"}, "note", "no_note"),
        ({"columns": WITH_NUMBERS}, "note", "no_note"),
        ({"kind": "pdf"}, "kind", "no_kind"),
    ],
)
def test_what_a_request_must_say(more: dict[str, Any], field: str, code: str, who: Callable[[str], User]) -> None:
    with pytest.raises(ValidationError) as raised:
        ask(wish(**more), by=who("CS"))
    assert [error.code for error in raised.value.error_dict[field]] == [code]
    assert not ExportFile.objects.exists()


def test_three_files_of_one_user_are_made_at_a_time(who: Callable[[str], User]) -> None:
    user = who("CS")
    for _time in range(3):
        ask(wish(), by=user)
    with pytest.raises(ValidationError) as raised:
        ask(wish(), by=user)
    assert raised.value.code == "too_many"


# --- The file -----------------------------------------------------------------------------


def test_a_file_holds_what_is_filtered_in_the_requesters_scope_and_says_for_whom(
    who: Callable[[str], User], tmp_path: Path
) -> None:
    user = who("TS")
    export = made(ask(wish(columns=("village", "name", "remark"), filters={"q": "张"}, note="年度核对"), by=user))
    assert (export.state, export.row_count) == (State.READY, 1)
    raw = fetch_file(export, by=user)
    path = tmp_path / "出.xlsx"
    path.write_bytes(raw)
    [sheet] = read_worksheets(path)
    assert sheet.rows[1:] == [["村(社区)名称", "姓名", "备注"], ["东一村", "张三", "=1+1"]]
    told = str(sheet.rows[0][0])
    for part in ("TS", "核对名册", "年度核对", f"{timezone.localdate():%Y-%m-%d}"):
        assert part in told
        assert part in text_of(raw).split("<oddFooter>")[1]
    assert "<f>" not in text_of(raw)
    assert CANARY not in text_of(raw)
    assert NUMBER not in text_of(raw)


def test_identity_numbers_are_text_and_only_of_the_own_area(who: Callable[[str], User], tmp_path: Path) -> None:
    user = who("TS")
    export = made(ask(wish(columns=WITH_NUMBERS, note="核对"), by=user))
    assert (export.people_count, export.row_count) == (1, 2)
    path = tmp_path / "出.xlsx"
    path.write_bytes(fetch_file(export, by=user))
    assert read_worksheets(path)[0].rows[2] == ["东一村", "张三", NUMBER]


def test_a_csv_says_who_took_it_in_its_first_and_last_line_and_runs_nothing(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = made(ask(wish(kind="csv"), by=user))
    lines = list(csv.reader(io.StringIO(fetch_file(export, by=user).decode("utf-8-sig"))))
    assert lines[0][0].startswith("导出人：CS")
    assert lines[-1][0].startswith("注：导出人：CS")
    assert ["东一村", "张三", "'=1+1"] in lines


def test_the_file_is_sealed_and_opens_only_at_its_own_place(who: Callable[[str], User]) -> None:
    user = who("CS")
    one, other = (made(ask(wish(columns=WITH_NUMBERS, note=str(number)), by=user)) for number in range(2))
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed_file FROM imports_exportfile")
        stored = [bytes(row[0]) for row in cursor.fetchall()]
    assert not any(raw[:2] == b"PK" or NUMBER.encode() in raw for raw in stored)
    one.sealed_file = other.sealed_file
    with pytest.raises(Exception, match="exportfile"):
        one.file()


def test_the_trail_tells_filter_columns_rows_and_checksum_and_no_number(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = made(ask(wish(columns=WITH_NUMBERS, note="核对", filters={"q": "张"}), by=user))
    fetch_file(export, by=user)
    events = AuditEvent.objects.filter(target_type="imports.exportfile").order_by("at")
    assert [event.event for event in events] == [
        "imports.ask_exportfile",
        "imports.export_exportfile",
        "imports.download_exportfile",
    ]
    told = events[1].changes
    assert (told["filters"], told["columns"], told["row_count"]) == ({"q": "张"}, list(WITH_NUMBERS), 1)
    assert told["file_digest"] == export.file_digest
    assert len(export.file_digest) == 64
    assert NUMBER not in str([event.changes for event in events])


def test_a_right_taken_away_before_the_job_runs_makes_no_file(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = ask(wish(), by=user)
    Membership.objects.filter(user=user).update(valid_to=timezone.localdate() - timedelta(days=1))
    assert jobs.run(export.job_id or 0)
    export.refresh_from_db()
    assert (export.sealed_file, Job.objects.get().state) == (None, Job.State.FAILED)


def test_a_scope_that_shrank_before_the_job_runs_shows_in_the_file(county: Unit, who: Callable[[str], User]) -> None:
    user = who("CS")
    export = ask(wish(), by=user)
    Membership.objects.filter(user=user).update(role=Role.TS, unit=Unit.objects.get(name="东乡"))
    raw = fetch_file(made(export), by=User.objects.get(pk=user.pk))
    assert "张三" in text_of(raw)
    assert CANARY not in text_of(raw)


def test_a_scope_that_shrank_after_it_was_made_closes_the_file(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = made(ask(wish(), by=user))
    Membership.objects.filter(user=user).update(role=Role.TS, unit=Unit.objects.get(name="东乡"))
    with pytest.raises(PermissionDenied):
        fetch_file(export, by=User.objects.get(pk=user.pk))


def test_a_job_that_runs_again_keeps_one_file(who: Callable[[str], User]) -> None:
    export = made(ask(wish(), by=who("CS")))
    digest = export.file_digest
    again = jobs.enqueue(exports.MAKE, {"export_id": export.pk}, by=export.requested_by, key="wieder")
    assert jobs.run(again.pk)
    export.refresh_from_db()
    assert export.file_digest == digest
    assert AuditEvent.objects.filter(event="imports.export_exportfile").count() == 1


# --- Limits -------------------------------------------------------------------------------


def test_a_file_is_fetched_five_times(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = made(ask(wish(), by=user))
    for _time in range(5):
        fetch_file(export, by=user)
    with pytest.raises(ValidationError) as raised:
        fetch_file(export, by=user)
    assert raised.value.code == "gone"
    assert AuditEvent.objects.filter(event="imports.download_exportfile").count() == 5


def test_a_file_is_fetched_for_a_day_then_forgotten(who: Callable[[str], User]) -> None:
    user = who("CS")
    export = made(ask(wish(), by=user))
    ready = export.ready_at
    assert ready is not None
    with time_machine.travel(ready + timedelta(hours=23, minutes=59), tick=False):
        fetch_file(export, by=user)
        assert exports.forget_old_files(timezone.now()) == 0
    with time_machine.travel(ready + timedelta(hours=24, minutes=1), tick=False):
        with pytest.raises(ValidationError):
            fetch_file(export, by=user)
        assert exports.forget_old_files(timezone.now()) == 1
        assert exports.forget_old_files(timezone.now()) == 0
    export.refresh_from_db()
    assert (export.state, export.sealed_file) == (State.FORGOTTEN, None)
    with pytest.raises(ValueError, match="not kept"):
        export.file()


def test_only_who_asked_for_a_file_gets_it(county: Unit, who: Callable[[str], User]) -> None:
    export = made(ask(wish(), by=who("CS")))
    with pytest.raises(PermissionDenied):
        fetch_file(export, by=make_user("同事", Role.CS, county))


# --- Approval -----------------------------------------------------------------------------


def test_a_county_leader_lets_a_file_be_made_and_stands_on_it(
    who: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    many_numbers(monkeypatch, 1)
    user, leader = who("CS"), who("CL")
    export = ask(wish(columns=WITH_NUMBERS, note="联审"), by=user)
    assert export.state == State.WAITING
    exports.approve(export, by=leader)
    export = made(export)
    assert (export.state, export.people_count, export.decided_by) == (State.READY, 2, leader)
    assert "审批人：CL" in text_of(fetch_file(export, by=user))
    with pytest.raises(ValidationError) as raised:
        exports.approve(export, by=leader)
    assert raised.value.code == "decided"


def test_a_list_that_grew_past_what_was_approved_is_not_made(
    who: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    many_numbers(monkeypatch, 1)
    export = ask(wish(columns=WITH_NUMBERS, note="联审"), by=who("CS"))
    exports.approve(export, by=who("CL"))
    post(make_person("后来", "东三村", identity="00000019810406222X"), codes.CLERK)
    export.refresh_from_db()
    assert jobs.run(export.job_id or 0)
    export.refresh_from_db()
    assert (export.state, export.sealed_file) == (State.FAILED, None)


def test_a_refusal_needs_a_reason_and_makes_no_file(who: Callable[[str], User]) -> None:
    user, leader = who("RI"), who("CL")
    export = ask(wish(columns=WITH_NUMBERS, note="线索核查"), by=user)
    with pytest.raises(ValidationError):
        exports.refuse(export, " ", by=leader)
    exports.refuse(export, "范围过大", by=leader)
    export.refresh_from_db()
    assert (export.state, export.decision_note, export.job_id) == (State.REFUSED, "范围过大", None)
    assert [event.event for event in AuditEvent.objects.filter(actor=leader)] == ["imports.refuse_exportfile"]


@pytest.mark.parametrize("role", ["CS", "TS", "SA", "AU", "RI", "CE"])
def test_nobody_but_a_county_leader_approves(role: str, county: Unit, who: Callable[[str], User]) -> None:
    export = ask(wish(columns=WITH_NUMBERS, note="核查"), by=make_user("巡察", Role.RI, county))
    with pytest.raises(PermissionDenied):
        exports.approve(export, by=who(role))


def test_nobody_approves_what_they_asked_for_themselves(county: Unit, who: Callable[[str], User]) -> None:
    leader = who("CL")
    export = ask(wish(columns=WITH_NUMBERS, note="核查"), by=make_user("巡察", Role.RI, county))
    ExportFile.objects.filter(pk=export.pk).update(requested_by=leader)
    with pytest.raises(PermissionDenied):
        exports.approve(export, by=leader)
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportFile.objects.filter(pk=export.pk).update(decided_by=leader)


def test_a_leader_of_another_county_neither_sees_nor_approves(who: Callable[[str], User]) -> None:
    city = Unit.objects.get(name="测试市")
    abroad = Unit.objects.add_child(
        city, {"kind": "county", "name": "外县", "code": "990109", "valid_from": timezone.localdate()}
    )
    export = ask(wish(columns=WITH_NUMBERS, note="核查"), by=who("RI"))
    with pytest.raises(PermissionDenied):
        exports.approve(export, by=make_user("外县部长", Role.CL, abroad))


def test_numbers_leave_only_the_places_where_one_may_have_them(county: Unit, who: Callable[[str], User]) -> None:
    """Who reads the whole county as a leader and works for one township takes the numbers of that township."""
    user = make_user("两职", Role.CL, county)
    Membership.objects.create(
        user=user,
        role=Role.TS,
        unit=Unit.objects.get(name="东乡"),
        valid_from=timezone.localdate() - timedelta(days=1),
        confirmed_by=User.objects.get(username="confirmer"),
    )
    raw = fetch_file(made(ask(wish(columns=WITH_NUMBERS, note="核对"), by=user)), by=user)
    assert NUMBER in text_of(raw)
    assert CANARY not in text_of(raw)


def test_a_village_card_goes_out_with_money_as_a_number_and_its_unit_in_the_heading(
    who: Callable[[str], User], tmp_path: Path
) -> None:
    Village.objects.create(unit=Unit.objects.get(name="东一村"), operating_assets="1200.50")
    user = who("CE")
    export = made(ask(wish(listing="units", columns=("village", "operating_assets")), by=user))
    path = tmp_path / "出.xlsx"
    path.write_bytes(fetch_file(export, by=user))
    rows = read_worksheets(path)[0].rows
    assert rows[1] == ["村(社区)名称", "集体经营性资产(元)"]
    assert str(rows[2][1]) == "1200.5"
