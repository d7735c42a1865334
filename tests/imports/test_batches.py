"""A roster goes in once, as it was seen, and comes out again without a trace (docs/import.md)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import jobs
from accounts.models import AuditEvent, Job, User
from branches.models import Branch, Unit, Village
from cadres.models import Attendance, Person, Posting, ReserveCadre, ReserveStep, Training
from collective_economy.models import LedgerEntry
from imports import batches
from imports.dates import PartialDate
from imports.identity import to_18
from imports.models import ColumnMapping, ImportBatch, ImportChange, ImportRow
from tests.cadres.people import NUMBER, make_person, post
from tests.imports.rosters import applied, bring_rows, everything_stored, outcomes, undone, worked

HEAD = ["乡镇", "村", "姓名", "性别", "身份证号", "政治面貌", "学历", "党内职务", "行政职务", "任现职时间", "手机号"]
OTHER = "000000198003051214"
OLD = "000000700209022"
ROWS = [
    HEAD,
    ["东乡", "东一村", "张三", "男", NUMBER, "党员", "大专", "书记", "主任", "2021.03", "13000000001"],
    ["东乡", "东一村", "李四", "男", OTHER, "党员", "高中", "副书记", "", "2021.03", "13000000002"],
    ["东乡", "东二村", "王五", "女", "", "群众", "初中", "", "网格长", "2024", ""],
]


def rows_of(batch: ImportBatch) -> list[tuple[int, str, str]]:
    return [(row.number, row.outcome, row.result) for row in batch.rows.all()]


def test_people_and_posts_go_in_and_the_same_file_changes_nothing(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    assert (batch.state, outcomes(batch)) == ("checked", {"new": 3})
    applied(batch, county_admin)
    assert rows_of(batch) == [(2, "new", "written"), (3, "new", "written"), (4, "new", "written")]
    person = Person.objects.get(name="张三")
    assert (person.identity_number, str(person.birth), person.gender, person.political) == (
        NUMBER,
        "1973-03-17",
        "1",
        "01",
    )
    assert (person.education, person.education_words, person.initials) == ("31", "大专", "zs")
    posts = Posting.objects.values_list("person__name", "post", "words", "started_on")
    assert list(posts) == [
        ("张三", 10, "", PartialDate(2021, 3)),
        ("张三", 20, "", PartialDate(2021, 3)),
        ("李四", 30, "", PartialDate(2021, 3)),
        ("王五", 90, "网格长", PartialDate(2024)),
    ]
    before = everything_stored()
    again = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    assert outcomes(again) == {"unchanged": 3}
    with pytest.raises(ValidationError, match="没有可写入"):
        batches.confirm(again, by=county_admin)
    assert everything_stored() == before


def test_undoing_restores_every_field(tmp_path: Path, county_admin: User) -> None:
    stored = make_person("张三", identity=NUMBER, birth="1973-03", phone="13900000000", remark="旧备注")
    post(stored, 20, started_on=PartialDate(2018), change="new")
    left = make_person("赵六", birth="1960-01")
    post(left, 50)
    before = everything_stored()
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    assert outcomes(batch) == {"new": 2, "changed": 1, "missing": 1}
    changed = batch.rows.get(outcome="changed")
    assert ["admin_post", "村委会主任", "党组织书记、村委会主任"] in changed.differences
    assert ["post_since", "2018", "2021.03"] in changed.differences
    assert ["phone", "13900000000", "13000000001"] in changed.differences
    applied(batch, county_admin, left={f"person:{left.pk}": date(2026, 3, 31)})
    stored.refresh_from_db()
    assert (stored.phone, stored.remark, stored.version) == ("13000000001", "旧备注", 2)
    assert Posting.objects.get(person=left).ended_on == date(2026, 3, 31)
    assert everything_stored() != before
    undone(batch, county_admin)
    assert everything_stored() == before
    assert {result for _number, _outcome, result in rows_of(batch)} == {"undone"}
    with pytest.raises(ValidationError, match="只有已导入"):
        batches.undo(batch, by=county_admin)


def test_what_somebody_changed_since_is_not_undone(tmp_path: Path, county_admin: User) -> None:
    batch = applied(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin)
    Person.objects.filter(name="张三").update(phone="1", version=2)
    other = Person.objects.get(name="李四")
    entry = ReserveCadre.objects.create(person=other, unit=other.unit)
    undone(batch, county_admin)
    assert sorted(Person.objects.values_list("name", flat=True)) == ["张三", "李四"]
    assert Posting.objects.count() == 3
    assert rows_of(batch) == [(2, "new", "not_undone"), (3, "new", "not_undone"), (4, "new", "undone")]
    assert ReserveCadre.objects.get() == entry


def test_missing_people_stay_unless_ticked_and_a_post_no_longer_named_too(tmp_path: Path, county_admin: User) -> None:
    stored = make_person("张三", identity=NUMBER, birth="1973-03-17")
    clerk = post(stored, 80)
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    missing = batch.rows.get(outcome="missing")
    assert (missing.target, missing.cells["admin_post"], batch.answer["missing"]) == (
        f"posting:{clerk.pk}",
        "村文书",
        0,
    )
    with pytest.raises(ValidationError, match="离任"):
        batches.confirm(batch, by=county_admin, left={"person:1": date(2026, 1, 1)})
    with pytest.raises(ValidationError, match="将来"):
        batches.confirm(batch, by=county_admin, left={missing.target: timezone.localdate() + timedelta(days=1)})
    applied(batch, county_admin, left={missing.target: date(2026, 1, 1)})
    clerk.refresh_from_db()
    assert (clerk.ended_on, clerk.ending) == (date(2026, 1, 1), "other")


def test_faulty_rows_stay_out_or_all_stay_out(tmp_path: Path, county_admin: User) -> None:
    rows = [*ROWS[:3], ["东乡", "没有的村", "王五", "女", "", "", "", "", "委员", "", ""]]
    batch = bring_rows(tmp_path, "cadres", rows, county_admin)
    assert outcomes(batch) == {"new": 2, "faulty": 1}
    with pytest.raises(ValidationError, match="有误"):
        batches.confirm(batch, by=county_admin, is_all_or_nothing=True)
    applied(batch, county_admin)
    assert rows_of(batch)[2] == (4, "faulty", "left_out")
    assert Person.objects.count() == 2


def test_cells_are_corrected_and_the_number_of_fifteen_digits_only_then_kept(
    tmp_path: Path, county_admin: User
) -> None:
    rows = [
        HEAD,
        ["东乡", "东一", "张三", "男", OLD, "党员", "", "书记", "", "1921.13", ""],
        ["东乡", "不知何村", "李四", "男", "12", "党员", "", "副书记", "", "", ""],
    ]
    batch = bring_rows(tmp_path, "cadres", rows, county_admin)
    assert outcomes(batch) == {"faulty": 2}
    place = "名册"
    batches.answer_cells(
        batch,
        {(place, 2, "任现职时间"): "", (place, 3, "村"): "东二村", (place, 3, "身份证号"): OTHER},
        by=county_admin,
    )
    worked(batch)
    assert outcomes(batch) == {"new": 2}
    assert batch.rows.get(number=3).cells["id_number"] == "000***************"
    applied(batch, county_admin)
    assert [person.identity_number for person in Person.objects.order_by("pk")] == [None, OTHER]
    again = bring_rows(tmp_path, "cadres", rows[:2], county_admin)
    batches.answer_cells(
        again,
        {(place, 2, "任现职时间"): "2021.03", (place, 2, "身份证号"): to_18(OLD)},
        by=county_admin,
    )
    worked(again)
    assert outcomes(again)["changed"] == 1
    applied(again, county_admin)
    assert Person.objects.get(name="张三").identity_number == to_18(OLD)


def test_columns_are_said_once_for_a_place(tmp_path: Path, county_admin: User, east_editor: User) -> None:
    rows = [["乡镇", "村", "姓名", "现在干啥", "出生年月"], ["东乡", "东一村", "张三", "书记", "1970.01"]]
    batch = bring_rows(tmp_path, "cadres", rows, east_editor)
    assert batch.answer["tables"][0]["ignored"] == ["现在干啥"]
    with pytest.raises(ValidationError, match="nonsense"):
        batches.answer_columns(batch, {"现在干啥": "nonsense"}, by=east_editor)
    batches.answer_columns(batch, {"现在干啥": "party_post"}, by=east_editor)
    worked(batch)
    assert outcomes(batch) == {"new": 1}
    assert ColumnMapping.objects.get().field == "party_post"
    assert outcomes(bring_rows(tmp_path, "cadres", rows, east_editor)) == {"new": 1}
    assert outcomes(bring_rows(tmp_path, "cadres", rows, county_admin)) == {"faulty": 1}
    batches.answer_columns(batch, {"出生年月": "", "现在干啥": "party_post"}, by=east_editor)
    worked(batch)
    assert batch.answer["tables"][0]["ignored"] == ["出生年月"]


def test_what_was_seen_is_applied_or_nothing(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    batches.confirm(batch, by=county_admin)
    make_person("张三", identity=NUMBER, birth="1973-03-17")
    worked(batch)
    assert (batch.state, batch.is_stale, outcomes(batch)) == ("checked", True, {"new": 2, "changed": 1})
    assert Person.objects.count() == 1
    applied(batch, county_admin)
    assert (batch.state, batch.is_stale) == ("applied", False)


def test_a_township_writes_nothing_in_another(tmp_path: Path, east_editor: User, west_editor: User) -> None:
    stranger = make_person("张三", "西一村", NUMBER, "1973-03-17")
    held = post(stranger, 10)
    rows = [*ROWS, ["西乡", "西一村", "钱七", "男", "", "", "", "书记", "", "", ""]]
    before = everything_stored()["cadres.Person"]
    batch = applied(bring_rows(tmp_path, "cadres", rows, east_editor), east_editor)
    assert rows_of(batch) == [
        (2, "new", "left_out"),
        (3, "new", "written"),
        (4, "new", "written"),
        (5, "faulty", "left_out"),
    ]
    assert everything_stored()["cadres.Person"][0] == before[0]
    assert list(Posting.objects.filter(person=stranger)) == [held]
    assert not Posting.objects.filter(unit__name="西一村").exclude(pk=held.pk).exists()
    with pytest.raises(PermissionDenied):
        batches.undo(batch, by=User.objects.create_user("nobody", name="nobody"))
    with pytest.raises(PermissionDenied):
        batches.undo(batch, by=west_editor)
    other = bring_rows(tmp_path, "cadres", ROWS, east_editor)
    with pytest.raises(PermissionDenied):
        batches.confirm(other, by=west_editor)


def test_the_county_moves_a_person(tmp_path: Path, county_admin: User) -> None:
    make_person("张三", "西一村", NUMBER, "1973-03-17")
    batch = bring_rows(tmp_path, "cadres", ROWS[:2], county_admin)
    assert ["village", "西一村", "东一村"] in batch.rows.get(number=2).differences
    applied(batch, county_admin)
    assert Person.objects.get().unit.name == "东一村"
    undone(batch, county_admin)
    assert Person.objects.get().unit.name == "西一村"


def test_the_audit_trail_tells_of_every_record_without_numbers(tmp_path: Path, county_admin: User) -> None:
    make_person("张三", identity=NUMBER, birth="1973-03-17", phone="13900000000")
    batch = applied(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin)
    events = AuditEvent.objects.filter(changes__import=batch.pk)
    assert (
        sorted(events.values_list("event", flat=True)) == ["cadres.import_person"] * 3 + ["cadres.import_posting"] * 2
    )
    change = events.get(target_id=str(Person.objects.get(name="张三").pk), event="cadres.import_person")
    assert change.changes["phone"] == ["13900000000", "13000000001"]
    assert (change.actor, change.unit_path) == (county_admin, Unit.objects.get(name="东一村").path)
    undone(batch, county_admin)
    restored = AuditEvent.objects.filter(event__startswith="cadres.restore_", changes__import=batch.pk)
    assert restored.count() == 7
    told = "".join(str(event.changes) for event in AuditEvent.objects.all())
    assert NUMBER not in told
    assert OTHER not in told


def test_nothing_of_a_number_stands_readable_in_what_is_kept(tmp_path: Path, county_admin: User) -> None:
    batch = applied(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin)
    undone(batch, county_admin)
    again = applied(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin)
    assert again.state == "applied"
    with connection.cursor() as cursor:
        for model in (ImportBatch, ImportRow, ImportChange, Person):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            for row in cursor.fetchall():
                text = " ".join(bytes(cell).hex() if isinstance(cell, memoryview) else str(cell) for cell in row)
                assert NUMBER not in text
                assert NUMBER.encode().hex() not in text


def test_the_days_of_undoing_end_and_the_file_is_forgotten(tmp_path: Path, county_admin: User) -> None:
    batch = applied(bring_rows(tmp_path, "cadres", ROWS, county_admin), county_admin)
    assert batches.forget_old_files(timezone.now()) == 0
    later = timezone.now() + timedelta(days=8)
    assert batches.forget_old_files(later) == 1
    batch.refresh_from_db()
    assert (batch.sealed_file, batch.choices, batch.changes.count()) == (None, None, 0)
    ImportBatch.objects.update(applied_at=timezone.now() - timedelta(days=8))
    batch.refresh_from_db()
    with pytest.raises(ValidationError, match="7"):
        batches.undo(batch, by=county_admin)
    with pytest.raises(ValueError, match="not kept"):
        batch.file()


def test_reserve_cadres(tmp_path: Path, county_admin: User, east_editor: User) -> None:
    rows = [
        ["乡镇", "村", "姓名", "出生年月", "现职业", "入库时间", "联系人"],
        ["东乡", "东一村", "张三", "1990.01", "务农", "2024.10", "李书记"],
        ["东乡", "东一村", "李四", "1991.01", "村医", "2024.10", ""],
    ]
    before = everything_stored()
    batch = applied(bring_rows(tmp_path, "reserve_cadres", rows, county_admin), county_admin)
    entry = ReserveCadre.objects.get(person__name="张三")
    assert (entry.stage, entry.mentor, entry.entered_on) == ("on_record", "李书记", PartialDate(2024, 10))
    assert list(ReserveStep.objects.values_list("to_stage", "on")) == [("on_record", date(2024, 10, 1))] * 2
    rows[2] = ["东乡", "东一村", "李四", "1991.01", "教师", "2024.10.08", ""]
    changed = bring_rows(tmp_path, "reserve_cadres", [rows[0], rows[2]], east_editor)
    assert outcomes(changed) == {"changed": 1, "missing": 1}
    applied(changed, east_editor, left={f"reserve:{entry.pk}": date(2026, 1, 1)})
    entry.refresh_from_db()
    assert (entry.stage, entry.left_on, entry.exit_reason) == ("removed", date(2026, 1, 1), "other")
    assert ReserveCadre.objects.get(person__name="李四").occupation == "教师"
    undone(changed, east_editor)
    entry.refresh_from_db()
    assert (entry.stage, entry.left_on) == ("on_record", None)
    undone(batch, county_admin)
    assert rows_of(batch) == [(2, "new", "undone"), (3, "new", "undone")]
    township = applied(
        bring_rows(tmp_path, "reserve_cadres", [rows[0], ["", "东二村", "钱七", "1990.02", "", "", ""]], east_editor),
        east_editor,
    )
    assert ReserveCadre.objects.get(person__name="钱七").stage == "nominated"
    undone(township, east_editor)
    assert not Person.objects.filter(name="钱七").exists()
    assert everything_stored()["branches.Village"] == before["branches.Village"]


def test_village_cards_branches_and_ledgers(tmp_path: Path, county_admin: User) -> None:
    before = everything_stored()
    cards = [["乡镇", "村", "总户数", "上年集体收入(万元)"], ["东乡", "东一村", 210, 12.5]]
    branches = [
        ["乡镇", "村", "党组织名称", "组织类型", "党员数", "成立时间"],
        ["东乡", "东一村", "东一村党总支", "党总支", 61, "2020.05"],
    ]
    ledger = [["乡镇", "村", "月份", "经营收入(元)", "补助收入(元)"], ["东乡", "东一村", "2026.09", "1200.50", "300"]]
    done = []
    for sheet, rows in (("units", cards), ("branches", branches), ("ledger", ledger)):
        done.append(applied(bring_rows(tmp_path, sheet, rows, county_admin), county_admin))
        assert set(outcomes(bring_rows(tmp_path, sheet, rows, county_admin))) == {"unchanged"}
    card = Village.objects.get(unit__name="东一村")
    assert (card.household_count, card.last_year_income) == (210, Decimal("125000.00"))
    branch = Branch.objects.get()
    assert (branch.kind, branch.is_leading, branch.established_on) == ("general", True, date(2020, 5, 1))
    entries = LedgerEntry.objects.values_list("category", "amount")
    assert list(entries) == [("operating", Decimal("1200.50")), ("subsidy", Decimal("300.00"))]
    assert {(entry.is_total, entry.entered_by) for entry in LedgerEntry.objects.all()} == {(True, county_admin)}
    ledger[1][3] = "1300"
    more = bring_rows(tmp_path, "ledger", ledger, county_admin)
    assert more.rows.get().differences == [["operating", "1200.5", "1300"]]
    applied(more, county_admin)
    for batch in [more, *reversed(done)]:
        undone(batch, county_admin)
    assert everything_stored() == before


def test_a_training(tmp_path: Path, county_admin: User) -> None:
    known = make_person("张三", birth="1970-01")
    before = everything_stored()
    rows = [
        ["乡镇", "村", "姓名", "培训名称", "培训时间", "学时", "培训结果"],
        ["东乡", "东一村", "张三", "书记轮训班", "2026.09.14", "4天", "结业"],
        ["东乡", "东一村", "李四", "书记轮训班", "2026.09.14", "8", "请假"],
        ["东乡", "东二村", "王五", "集体经济专题班", "", "8学时", "合格"],
        ["东乡", "东二村", "王五", "集体经济专题班", "2026.05", "8学时", "及格"],
    ]
    batch = bring_rows(tmp_path, "training", rows, county_admin)
    assert outcomes(batch) == {"new": 3, "faulty": 1}
    assert [problem[2] for problem in batch.rows.get(number=5).problems] == ["choice_unknown"]
    applied(batch, county_admin)
    training = Training.objects.get(title="书记轮训班")
    assert (training.held_on, training.hours, training.unit.name) == (date(2026, 9, 14), Decimal(32), "青禾县")
    attended = Attendance.objects.filter(training=training).values_list("person__name", "hours", "result")
    assert sorted(attended) == [("张三", Decimal(32), "completed"), ("李四", Decimal(8), "excused")]
    assert Attendance.objects.filter(person=known).count() == 1
    again = bring_rows(tmp_path, "training", rows[:3], county_admin)
    assert outcomes(again) == {"unchanged": 2}
    undone(batch, county_admin)
    assert everything_stored() == before


def test_queries_of_checking_and_applying_do_not_grow(tmp_path: Path, county_admin: User) -> None:
    def queries(count: int, start: int) -> tuple[int, int, int]:
        rows = [["乡镇", "村", "姓名", "出生年月", "行政职务"]]
        rows += [
            ["东乡", "东一村", f"甲{start + at}", f"{1950 + at % 50}.{1 + at % 12:02}", "委员"] for at in range(count)
        ]
        numbers = []
        with CaptureQueriesContext(connection) as context:
            batch = bring_rows(tmp_path, "cadres", rows, county_admin)
        numbers.append(len(context))
        with CaptureQueriesContext(connection) as context:
            applied(batch, county_admin)
        numbers.append(len(context))
        with CaptureQueriesContext(connection) as context:
            undone(batch, county_admin)
        return numbers[0], numbers[1], len(context)

    queries(1, 0)
    few, many = queries(60, 10), queries(120, 100)
    assert few == many
    assert max(many) <= 60


def test_files_under_way_are_few_and_states_are_kept_apart(tmp_path: Path, county_admin: User, newcomer: User) -> None:
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    with pytest.raises(PermissionDenied):
        batches.upload("cadres", "x.xlsx", b"", by=newcomer)
    with pytest.raises(ValidationError, match="20 MB"):
        batches.upload("cadres", "x.xlsx", bytes(20 * 1024 * 1024 + 1), by=county_admin)
    with pytest.raises(ValidationError, match="pensions"):
        batches.upload("pensions", "x.xlsx", b"", by=county_admin)
    batches.answer_cells(batch, {("名册", 2, "手机号"): ""}, by=county_admin)
    with pytest.raises(ValidationError, match="正在处理"):
        batches.confirm(batch, by=county_admin)
    for name in ("a.xlsx", "b.xlsx"):
        batches.upload("cadres", name, b"x", by=county_admin)
    with pytest.raises(ValidationError, match="三个"):
        batches.upload("cadres", "c.xlsx", b"x", by=county_admin)
    worked(batch)
    batches.give_up(batch, by=county_admin)
    batch.refresh_from_db()
    assert (batch.state, batch.sealed_file, batch.rows.count()) == ("cancelled", None, 0)
    with pytest.raises(ValidationError, match="已过这一步"):
        batches.confirm(batch, by=county_admin)


def test_a_file_that_cannot_be_read_says_so_and_can_be_given_up(tmp_path: Path, county_admin: User) -> None:
    batch = worked(batches.upload("cadres", "名册.xlsx", b"%PDF-1.4", by=county_admin))
    assert (batch.state, batch.answer["file_problem"], batch.answer["ok"]) == ("failed", "file_type", False)
    assert "PDF" in batch.answer["message"]
    batches.give_up(batch, by=county_admin)


def test_an_undo_that_records_stand_in_the_way_of_leaves_the_import_applied(tmp_path: Path, county_admin: User) -> None:
    stored = make_person("张三", identity=NUMBER, birth="1973-03-17")
    held = post(stored, 80)
    batch = bring_rows(tmp_path, "cadres", ROWS[:2], county_admin)
    applied(batch, county_admin, left={f"posting:{held.pk}": date(2026, 1, 1)})
    later = post(stored, 80)
    batches.undo(batch, by=county_admin)
    batch.refresh_from_db()
    jobs.run(batch.job_id or 0)
    batch.refresh_from_db()
    assert batch.state == "applied"
    assert batch.job is not None
    assert "无法恢复原样" in batch.job.message
    later.delete()
    assert undone(batch, county_admin).state == "undone"
    held.refresh_from_db()
    assert held.ended_on is None


def test_what_was_cut_off_for_good_can_be_asked_for_again(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", ROWS[:2], county_admin)
    batches.confirm(batch, by=county_admin)
    Job.objects.update(state=Job.State.FAILED)
    applied(batch, county_admin)
    batches.undo(batch, by=county_admin)
    Job.objects.update(state=Job.State.FAILED)
    assert undone(batch, county_admin).state == "undone"
    lost = batches.upload("cadres", "x.xlsx", b"x", by=county_admin)
    Job.objects.update(state=Job.State.FAILED)
    batches.give_up(lost, by=county_admin)
    lost.refresh_from_db()
    assert lost.state == "cancelled"


def test_posts_in_two_villages_stay_in_theirs(tmp_path: Path, county_admin: User) -> None:
    head, mine, other = HEAD, ROWS[1], ROWS[2]
    there = ["西乡", "西一村", *mine[2:7], "书记", "", "2024.05", mine[10]]
    batch = bring_rows(tmp_path, "cadres", [head, mine, other, there], county_admin)
    assert (outcomes(batch), [row.number for row in batch.rows.all()]) == ({"new": 2}, [2, 3])
    applied(batch, county_admin)
    posts = Posting.objects.filter(person__name="张三").values_list("unit__name", "post", "started_on")
    assert sorted(posts, key=str) == [
        ("东一村", 10, PartialDate(2021, 3)),
        ("东一村", 20, PartialDate(2021, 3)),
        ("西一村", 10, PartialDate(2024, 5)),
    ]
    for rows in ([head, mine, other, there], [head, there, other, mine]):
        again = bring_rows(tmp_path, "cadres", rows, county_admin)
        assert outcomes(again) == {"unchanged": 2}
    only_there = bring_rows(tmp_path, "cadres", [head, there], county_admin)
    assert outcomes(only_there)["changed"] == 1
    undone(batch, county_admin)
    assert not Person.objects.exists()


def test_the_same_post_twice_in_one_village_is_a_duplicate_in_two_it_is_not(tmp_path: Path, county_admin: User) -> None:
    twice = bring_rows(tmp_path, "cadres", [HEAD, ROWS[1], ROWS[1]], county_admin)
    assert outcomes(twice) == {"faulty": 2}


def test_a_file_that_nobody_applied_is_given_up_after_the_days_of_undoing(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", ROWS, county_admin)
    assert batches.forget_old_files(timezone.now() + timedelta(days=6)) == 0
    assert batches.forget_old_files(timezone.now() + timedelta(days=8)) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.sealed_file) == ("cancelled", None)
    with pytest.raises(ValidationError, match="已过这一步"):
        batches.confirm(batch, by=county_admin)
