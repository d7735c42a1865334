"""Pages of the import: who may open them, what they show, how answers become corrections, how bad files are refused."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import time_machine
import xlsxwriter
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import jobs
from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Unit
from cadres.models import Person, Posting
from imports import limits
from imports.choices import Choices
from imports.identity import check_character
from imports.models import ImportBatch, ImportWorkbook
from imports.reading import read_worksheets
from tests.conftest import make_user
from tests.imports.files import compound_file, record, with_part, write_xlsx
from tests.imports.rosters import applied, bring_rows, worked

HEADINGS = ["村", "姓名", "性别", "出生年月", "身份证号", "职务", "学历"]
GOOD = ["东一村", "张三", "男", "1975.03", "", "书记", "大专"]


def number(seed: int, birth: str = "19750301") -> str:
    """A valid number of nobody."""
    body = f"000000{birth}{seed:03d}"
    return body + check_character(body)


OLD = "000000750301003"


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def editor(east_editor: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(east_editor)


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


def told(response: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def send(client: Client, path: Path, sheet: str = "cadres", name: str = "") -> HttpResponse:
    file = SimpleUploadedFile(name or path.name, path.read_bytes())
    return client.post("/imports/upload/", {"sheet": sheet, "file": file})


def brought(tmp_path: Path, by: User, *rows: Sequence[object], sheet: str = "cadres") -> ImportBatch:
    return bring_rows(tmp_path, sheet, [HEADINGS, *rows], by)


def problem_name(batch: ImportBatch, row: int, kind: str = "cell") -> str:
    """The name of the input of the first problem of a row."""
    return f"{kind}-{batch.rows.get(number=row).pk}-0"


# --- Who sees what ------------------------------------------------------------------------


def test_an_upload_becomes_a_batch_of_ones_own_township(editor: Client, east: Unit, tmp_path: Path) -> None:
    response = send(editor, write_xlsx(tmp_path / "名册.xlsx", [HEADINGS, GOOD]))
    batch = ImportBatch.objects.get()
    assert response.headers["Location"] == f"/imports/{batch.pk}/"
    assert (batch.path, batch.file_name, batch.state) == (east.path, "名册.xlsx", "uploaded")
    assert "import-progress" in text_of(editor.get(f"/imports/{batch.pk}/"))
    worked(batch)
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert "张三" in page
    assert "开始导入 1 行" in page
    assert editor.get(f"/imports/{batch.pk}/progress/").headers["HX-Refresh"] == "true"


def test_the_list_offers_the_rosters_of_the_role(
    editor: Client, county: Unit, client_of: Callable[[User], Client]
) -> None:
    page = text_of(editor.get("/imports/"))
    assert 'value="cadres"' in page
    assert 'value="ledger"' not in page
    officer = text_of(client_of(make_user("专干", Role.CE, county)).get("/imports/"))
    assert 'value="ledger"' in officer
    assert 'value="cadres"' not in officer
    assert client_of(make_user("领导", Role.CL, county)).get("/imports/").status_code == 403


def test_an_import_of_elsewhere_does_not_exist(
    east_editor: User, west_editor: User, county: Unit, client_of: Callable[[User], Client], tmp_path: Path
) -> None:
    batch = brought(tmp_path, east_editor, GOOD)
    officer = make_user("专干", Role.CE, Unit.objects.get(name="东乡"))
    for user in (west_editor, officer):
        client = client_of(user)
        assert "名册.xlsx" not in text_of(client.get("/imports/"))
        for page in ("", "progress/", "columns/", "workbook/"):
            assert client.get(f"/imports/{batch.pk}/{page}").status_code == 404
        for act in ("repair", "left", "apply", "undo", "give-up", "columns"):
            assert client.post(f"/imports/{batch.pk}/{act}/").status_code == 404


def test_the_county_reads_a_townships_import_and_does_nothing_to_it(
    east_editor: User, county_admin: User, client_of: Callable[[User], Client], tmp_path: Path
) -> None:
    batch = brought(tmp_path, east_editor, GOOD)
    client = client_of(county_admin)
    page = text_of(client.get(f"/imports/{batch.pk}/"))
    assert "张三" in page
    assert "开始导入" not in page
    for page in ("columns/", "workbook/"):
        assert client.get(f"/imports/{batch.pk}/{page}").status_code == 403
    for act in ("repair", "left", "apply", "undo", "give-up", "columns"):
        assert client.post(f"/imports/{batch.pk}/{act}/").status_code == 403
    batch.refresh_from_db()
    assert batch.state == "checked"


def test_no_number_reaches_the_browser(editor: Client, east_editor: User, tmp_path: Path) -> None:
    secret, wrong = number(1), "00000019750301001"
    rows = [[*GOOD[:4], secret, *GOOD[5:]], ["东二村", "李四", "女", "1975.03", wrong, "书记", "大专"]]
    batch = brought(tmp_path, east_editor, *rows)
    pages = ["", "?tab=all", "?tab=new", "columns/"]
    shown = "".join(text_of(editor.get(f"/imports/{batch.pk}/{page}")) for page in pages)
    assert "000***" in shown
    assert secret[6:] not in shown
    assert wrong[6:] not in shown


# --- Queries ------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["problems", "new", "all"])
def test_the_preview_asks_as_much_for_three_rows_as_for_one(
    tab: str, editor: Client, east_editor: User, tmp_path: Path
) -> None:
    counts = []
    for rows in (1, 3):
        faulty = [["没有村", f"人{row}", "男", "1975.13", "", "书记", "大专"] for row in range(rows)]
        good = [["东一村", f"好人{row}", "男", "1975.03", "", "委员", "大专"] for row in range(rows)]
        batch = brought(tmp_path, east_editor, *faulty, *good)
        editor.get(f"/imports/{batch.pk}/?tab={tab}")
        with CaptureQueriesContext(connection) as asked:
            page = text_of(editor.get(f"/imports/{batch.pk}/?tab={tab}"))
        assert page.count('<th scope="row"') == {"problems": rows, "new": rows, "all": 2 * rows}[tab]
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_list_asks_as_much_for_three_files_as_for_one(editor: Client, east_editor: User, tmp_path: Path) -> None:
    counts = []
    for more in (1, 2):
        for _file in range(more):
            brought(tmp_path, east_editor, GOOD)
        with CaptureQueriesContext(connection) as asked:
            assert text_of(editor.get("/imports/")).count("名册.xlsx</a>") in (1, 3)
        # The files themselves are never read for a list.
        assert all('"sealed_file",' not in query["sql"] for query in asked)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_fifty_rows_are_a_page(editor: Client, east_editor: User, tmp_path: Path) -> None:
    rows = [["东一村", f"人{row}", "男", "1975.03", "", "委员", "大专"] for row in range(60)]
    batch = brought(tmp_path, east_editor, *rows)
    assert text_of(editor.get(f"/imports/{batch.pk}/?tab=new")).count('<th scope="row"') == 50
    assert text_of(editor.get(f"/imports/{batch.pk}/?tab=new&page=2")).count('<th scope="row"') == 10


# --- Repairs ------------------------------------------------------------------------------


def test_one_answer_mends_all_cells_of_one_text(editor: Client, east_editor: User, tmp_path: Path) -> None:
    rows = [["李湾", f"人{row}", "男", "1975.03", "", "委员", "大专"] for row in range(3)]
    batch = brought(tmp_path, east_editor, *rows, ["李家湾", "别人", "男", "1975.03", "", "委员", "大专"])
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    key = re.findall(r'name="(group-[0-9a-f]{12})"', page)[0]
    assert '<option value="东乡 东一村">' in page
    assert "西乡" not in page
    response = editor.post(f"/imports/{batch.pk}/repair/", {key: "东乡 东二村", "tab": "problems"})
    assert response.headers["Location"] == f"/imports/{batch.pk}/?tab=problems"
    batch = worked(batch)
    assert (batch.answer["new"], batch.answer["faulty"]) == (3, 1)
    assert {row.cells["village"] for row in batch.rows.filter(outcome="new")} == {"东二村"}


def test_a_place_that_is_not_offered_is_refused_with_its_name(
    editor: Client, east_editor: User, tmp_path: Path
) -> None:
    batch = brought(tmp_path, east_editor, ["李湾", "人", "男", "1975.03", "", "委员", "大专"])
    key = re.findall(r'name="(group-[0-9a-f]{12})"', text_of(editor.get(f"/imports/{batch.pk}/")))[0]
    response = editor.post(f"/imports/{batch.pk}/repair/", {key: "西乡 西一村"})
    assert "西乡 西一村" in told(response)
    batch.refresh_from_db()
    assert Choices.from_json(batch.choices).cells == {}


def test_the_same_name_in_another_township_is_taken_with_its_township(
    county_admin: User, client_of: Callable[[User], Client], tmp_path: Path
) -> None:
    client = client_of(county_admin)
    headings = ["乡镇", *HEADINGS]
    batch = bring_rows(tmp_path, "cadres", [headings, ["东乡", "西一村", *GOOD[1:]]], county_admin)
    page = text_of(client.get(f"/imports/{batch.pk}/"))
    assert "西乡 西一村</button>" in page
    key = re.findall(r'name="(group-[0-9a-f]{12})"', page)[0]
    client.post(f"/imports/{batch.pk}/repair/", {key: "西乡 西一村"})
    batch = worked(batch)
    assert batch.answer["new"] == 1
    assert batch.rows.get().cells["township"] == "西乡"


def test_an_empty_cell_below_a_corrected_one_stays_what_it_was(
    county_admin: User, client_of: Callable[[User], Client], tmp_path: Path
) -> None:
    """Without a word it would follow the correction, into another township."""
    rows = [
        ["乡镇", "村", "姓名", "职务"],
        ["东乡", "东一村", "张三", "书记"],
        ["", "西一村", "李四", "委员"],
        ["", "东一村", "王五", "委员"],
        ["", "", "赵六", "委员"],
    ]
    client = client_of(county_admin)
    batch = bring_rows(tmp_path, "cadres", rows, county_admin)
    key = re.findall(r'name="(group-[0-9a-f]{12})"', text_of(client.get(f"/imports/{batch.pk}/")))[0]
    client.post(f"/imports/{batch.pk}/repair/", {key: "西乡 西一村"})
    batch = worked(batch)
    found = [(row.cells["township"], row.cells["village"]) for row in batch.rows.order_by("position")]
    assert found == [("东乡", "东一村"), ("西乡", "西一村"), ("东乡", "东一村"), ("东乡", "东一村")]


def test_two_rows_of_one_person_are_corrected_each_for_itself(
    editor: Client, east_editor: User, tmp_path: Path
) -> None:
    rows = [["东一村", "张三", "男", "1975.03", number(1), post, "大专"] for post in ("书记", "主任")]
    rows[1][6] = "没有这个学历"
    batch = brought(tmp_path, east_editor, *rows)
    assert batch.answer["rows"] == 1
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert 'aria-label="第 3 行 学历"' in page
    row = batch.rows.get()
    name = next(f"cell-{row.pk}-{at}" for at, problem in enumerate(row.problems) if problem[0] == 3)
    editor.post(f"/imports/{batch.pk}/repair/", {name: "本科"})
    batch = worked(batch)
    assert Choices.from_json(batch.choices).cells == {("名册", 3, "学历"): "本科"}
    assert batch.answer["faulty"] == 0


def test_what_stands_in_a_cell_is_never_markup(editor: Client, east_editor: User, tmp_path: Path) -> None:
    bad = '"><script>alert(1)</script>'
    batch = brought(tmp_path, east_editor, [bad, bad, bad, bad, bad, bad, bad])
    pages = ["", "?tab=all", "columns/"]
    shown = "".join(text_of(editor.get(f"/imports/{batch.pk}/{page}")) for page in pages)
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown


def test_values_are_left_empty_where_a_row_can_go_in_without_them(
    editor: Client, east_editor: User, tmp_path: Path
) -> None:
    rows = [["东一村", f"人{row}", "男", "1975.13", "", "委员", "大专"] for row in range(2)]
    batch = brought(tmp_path, east_editor, *rows, ["东二村", "别人", "男", "1975.03", "", "没有职务吗" * 30, "大专"])
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    (key,) = re.findall(r'name="empty-([0-9a-f]{12})"', page)
    editor.post(f"/imports/{batch.pk}/repair/", {f"empty-{key}": "on"})
    batch = worked(batch)
    assert batch.answer["faulty"] == 1
    assert all("birth" not in row.cells for row in batch.rows.filter(outcome="new"))


def test_old_numbers_are_converted_on_the_server(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, [*GOOD[:4], OLD, *GOOD[5:]])
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert 'name="convert"' in page
    editor.post(f"/imports/{batch.pk}/repair/", {"convert": "on"})
    batch = applied(worked(batch), east_editor)
    kept = Person.objects.get().identity_number or ""
    assert len(kept) == 18
    assert kept.startswith("00000019750301003")


def test_a_single_cell_is_corrected_in_its_place(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(
        tmp_path,
        east_editor,
        [*GOOD[:3], "1975.13", *GOOD[4:]],
        ["东二村", "李四", "女", "1975.14", "", "书记", "大专"],
    )
    unchanged = {problem_name(batch, 3): "1975.14"}
    editor.post(f"/imports/{batch.pk}/repair/", {problem_name(batch, 2): "1975.12", **unchanged})
    batch = worked(batch)
    assert Choices.from_json(batch.choices).cells == {("名册", 2, "出生年月"): "1975.12"}
    assert batch.answer["faulty"] == 1


def test_a_secret_cell_is_typed_anew_or_left_empty(editor: Client, east_editor: User, tmp_path: Path) -> None:
    wrong = ["00000019750301001", "00000019750301002"]
    batch = brought(
        tmp_path, east_editor, [*GOOD[:4], wrong[0], *GOOD[5:]], ["东二村", "李四", "女", "", wrong[1], "书记", "大专"]
    )
    editor.post(
        f"/imports/{batch.pk}/repair/",
        {problem_name(batch, 2): number(7), problem_name(batch, 3): "", problem_name(batch, 3, "empty"): "on"},
    )
    applied(worked(batch), east_editor)
    assert Person.objects.get(name="张三").identity_number == number(7)
    assert not Person.objects.get(name="李四").identity_number


def test_a_cell_without_a_problem_cannot_be_corrected(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, GOOD)
    response = editor.post(f"/imports/{batch.pk}/repair/", {problem_name(batch, 2): "李四", "cell-1-0": "李四"})
    assert "没有改动" in told(response)
    batch.refresh_from_db()
    assert Choices.from_json(batch.choices).cells == {}


# --- Columns ------------------------------------------------------------------------------


def test_a_column_is_said_and_remembered_for_the_place(editor: Client, east_editor: User, tmp_path: Path) -> None:
    headings = ["村", "姓名", "性别", "干什么的", "序号"]
    rows = [headings, ["东一村", "张三", "男", "书记", "1"]]
    batch = bring_rows(tmp_path, "cadres", rows, east_editor)
    preview = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert "没有找到这些列" in preview
    assert "党内职务" in preview
    page = text_of(editor.get(f"/imports/{batch.pk}/columns/"))
    assert "<span>书记</span>" in page
    name = re.findall(r'name="(column-\d+-\d+)" aria-label="干什么的', page)[0]
    editor.post(f"/imports/{batch.pk}/columns/", {name: "party_post"})
    assert worked(batch).answer["new"] == 1
    again = bring_rows(tmp_path, "cadres", rows, east_editor)
    assert again.answer["new"] == 1
    assert "按上次的选择" in text_of(editor.get(f"/imports/{again.pk}/columns/"))


def test_numbers_of_a_column_that_is_not_known_are_masked(editor: Client, east_editor: User, tmp_path: Path) -> None:
    rows = [["村", "姓名", "职务", "证号码"], ["东一村", "张三", "书记", number(9)]]
    batch = bring_rows(tmp_path, "cadres", rows, east_editor)
    page = text_of(editor.get(f"/imports/{batch.pk}/columns/"))
    assert "000***" in page
    assert number(9)[6:] not in page


# --- Applying, leaving, undoing -----------------------------------------------------------


def test_faulty_rows_are_left_out_or_nothing_goes_in(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, GOOD, ["没有村", "李四", "女", "", "", "书记", "大专"])
    refused = editor.post(f"/imports/{batch.pk}/apply/", {"seen": batch.fingerprint})
    assert "有误" in told(refused) or "错误" in told(refused)
    batch.refresh_from_db()
    assert batch.state == "checked"
    editor.post(f"/imports/{batch.pk}/apply/", {"seen": batch.fingerprint, "skip": "on"})
    worked(batch)
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert "已导入 1 行" in page
    assert "另有 1 行没有导入" in page
    assert Person.objects.get().name == "张三"


def test_a_page_older_than_the_preview_confirms_nothing(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, GOOD)
    editor.post(f"/imports/{batch.pk}/apply/", {"seen": "another", "skip": "on"})
    batch.refresh_from_db()
    assert batch.state == "checked"


def test_a_preview_that_no_longer_holds_is_shown_anew(editor: Client, east_editor: User, tmp_path: Path) -> None:
    applied(brought(tmp_path, east_editor, GOOD), east_editor)
    batch = brought(tmp_path, east_editor, [*GOOD[:6], "本科"])
    editor.post(f"/imports/{batch.pk}/apply/", {"seen": batch.fingerprint, "skip": "on"})
    person = Person.objects.get()
    person.gender = "2"
    person.save()
    batch = worked(batch)
    assert (batch.state, batch.is_stale) == ("checked", True)
    assert "预览之后系统里的数据有变化" in text_of(editor.get(f"/imports/{batch.pk}/"))


def test_what_changes_stands_beside_what_was(editor: Client, east_editor: User, tmp_path: Path) -> None:
    applied(brought(tmp_path, east_editor, GOOD), east_editor)
    batch = brought(tmp_path, east_editor, [*GOOD[:6], "本科"])
    page = text_of(editor.get(f"/imports/{batch.pk}/?tab=changed"))
    assert "张三" in page
    assert "<del>大专</del> → <ins>本科</ins>" in page


@time_machine.travel("2026-11-25 12:00 +08:00", tick=True)
def test_who_left_is_ticked_with_the_last_day(editor: Client, east_editor: User, tmp_path: Path) -> None:
    rows = [["东一村", name, "男", "1975.03", "", "委员", "大专"] for name in ("张三", "李四", "王五")]
    applied(brought(tmp_path, east_editor, *rows), east_editor)
    batch = brought(tmp_path, east_editor, rows[0])
    page = text_of(editor.get(f"/imports/{batch.pk}/?tab=missing"))
    assert "李四" in page
    assert 'value="2026-11-25"' in page
    first, second = batch.rows.filter(outcome="missing").order_by("position").values_list("target", flat=True)
    noted = editor.post(
        f"/imports/{batch.pk}/left/",
        {"shown": [first], "left": [first], "day-0": "2026-11-01"},
        headers={"X-Autosave": "true"},
    )
    assert "1" in noted.json()["text"]
    bad = editor.post(
        f"/imports/{batch.pk}/left/", {"shown": [first], "left": [first], "day-0": "1.11."}, headers={"X-Autosave": "t"}
    )
    assert bad.status_code == 422
    editor.post(f"/imports/{batch.pk}/apply/", {"seen": batch.fingerprint, "shown": [second], "day-0": "2026-11-25"})
    worked(batch)
    ended = Posting.objects.filter(ended_on__isnull=False)
    assert [str(posting.ended_on) for posting in ended] == ["2026-11-01"]
    assert "1 人离任" in text_of(editor.get(f"/imports/{batch.pk}/"))


def test_undoing_takes_back_what_went_in_and_lists_what_stays(
    editor: Client, east_editor: User, tmp_path: Path
) -> None:
    rows = [["东一村", name, "男", "1975.03", "", "委员", "大专"] for name in ("张三", "李四")]
    batch = applied(brought(tmp_path, east_editor, *rows), east_editor)
    person = Person.objects.get(name="李四")
    person.version += 1
    person.save()
    editor.post(f"/imports/{batch.pk}/undo/")
    worked(batch)
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert "这次导入已撤销" in page
    assert "没有撤销的行" in page
    assert Person.objects.get().name == "李四"


def test_undoing_is_offered_for_seven_days(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = applied(brought(tmp_path, east_editor, GOOD), east_editor)
    assert "撤销本次导入" in text_of(editor.get(f"/imports/{batch.pk}/"))
    ImportBatch.objects.filter(pk=batch.pk).update(applied_at=timezone.now() - timezone.timedelta(days=8))
    assert "撤销本次导入" not in text_of(editor.get(f"/imports/{batch.pk}/"))
    response = editor.post(f"/imports/{batch.pk}/undo/")
    assert "7 天" in told(response)


def test_giving_up_deletes_the_file(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, GOOD)
    editor.post(f"/imports/{batch.pk}/give-up/")
    batch.refresh_from_db()
    assert (batch.state, batch.sealed_file) == ("cancelled", None)
    assert "已放弃" in text_of(editor.get(f"/imports/{batch.pk}/"))
    assert editor.get(f"/imports/{batch.pk}/workbook/").status_code == 404


# --- The file that comes back -------------------------------------------------------------


def test_the_file_is_given_to_its_uploader_alone_and_noted(editor: Client, east_editor: User, tmp_path: Path) -> None:
    batch = brought(tmp_path, east_editor, [*GOOD[:3], "1975.13", number(3), *GOOD[5:]])
    editor.post(f"/imports/{batch.pk}/workbook/")
    assert jobs.run(ImportWorkbook.objects.get().job_id or 0)
    response = editor.post(f"/imports/{batch.pk}/workbook/file/")
    assert "no-store" in response.headers["Cache-Control"]
    path = tmp_path / "back.xlsx"
    path.write_bytes(response.content)
    (sheet,) = read_worksheets(path)
    assert sheet.rows[0][-1] == "问题"
    assert number(3) in sheet.rows[1]
    event = AuditEvent.objects.get(event="imports.export_importbatch")
    assert event.actor_id == east_editor.pk
    assert number(3) not in str(event.changes)


# --- Bad files ----------------------------------------------------------------------------


def plain(path: Path) -> Path:
    return write_xlsx(path / "名册.xlsx", [HEADINGS, GOOD])


def far_cell(path: Path) -> Path:
    with xlsxwriter.Workbook(path / "远.xlsx") as workbook:
        workbook.add_worksheet().write(1_048_575, 16_383, "远")
    return path / "远.xlsx"


def bomb(path: Path) -> Path:
    return with_part(plain(path), path / "炸弹.xlsx", "xl/media/a.xml", b"0" * (limits.UNPACKED_BYTES + 1))


def macro(path: Path) -> Path:
    return with_part(plain(path), path / "宏.xlsx", "xl/vbaProject.bin", b"\0")


def document_type(path: Path) -> Path:
    content = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'
    return with_part(plain(path), path / "实体.xlsx", "xl/worksheets/sheet1.xml", content, replaces=True)


def password(path: Path) -> Path:
    target = path / "密码.xls"
    target.write_bytes(compound_file({"EncryptionInfo": b"\0" * 100, "EncryptedPackage": b"\0" * 5000}))
    return target


def damaged(path: Path) -> Path:
    target = path / "坏.xlsx"
    target.write_bytes(plain(path).read_bytes()[:-300])
    return target


def scrambled(path: Path) -> Path:
    target = path / "坏.xls"
    beginning = record(0x0809, struct.pack("<HHIII", 0x0600, 5, 0, 0, 0))
    target.write_bytes(compound_file({"Workbook": beginning + b"\xff" * 6000}))
    return target


def pdf(path: Path) -> Path:
    target = path / "名册.xlsx"
    target.write_bytes(b"%PDF-1.7 ...")
    return target


def web_page(path: Path) -> Path:
    target = path / "名册.xls"
    target.write_bytes(b"<html><table><tr><td>1</td></tr></table></html>")
    return target


def nothing(path: Path) -> Path:
    target = path / "空.xlsx"
    target.write_bytes(b"")
    return target


def no_header(path: Path) -> Path:
    return write_xlsx(path / "无表头.xlsx", [["甲", "乙"], ["一", "二"]])


BAD: tuple[tuple[Callable[[Path], Path], str, str], ...] = (
    (macro, "file_macro", "宏"),
    (password, "file_password", "密码"),
    (bomb, "file_too_large", "20 MB"),
    (far_cell, "file_too_large", "20 MB"),
    (damaged, "file_damaged", "损坏"),
    (scrambled, "file_damaged", "损坏"),
    (pdf, "file_type", "PDF"),
    (web_page, "file_type", "网页"),
    (document_type, "file_damaged", "损坏"),
    (no_header, "header_not_found", "表头"),
)


@pytest.mark.parametrize(("make", "code", "word"), BAD, ids=[make.__name__ for make, _code, _word in BAD])
def test_a_bad_file_is_refused_with_a_sentence(
    make: Callable[[Path], Path], code: str, word: str, editor: Client, east_editor: User, tmp_path: Path
) -> None:
    response = send(editor, make(tmp_path))
    assert response.status_code == 302
    batch = worked(ImportBatch.objects.get())
    assert (batch.state, batch.answer["file_problem"]) == ("failed", code)
    page = text_of(editor.get(f"/imports/{batch.pk}/"))
    assert batch.answer["message"] in page.replace("&quot;", '"')
    assert word in page
    assert "重新上传" in page
    # The same process goes on with the next file.
    assert brought(tmp_path, east_editor, GOOD).answer["new"] == 1


def test_an_empty_upload_and_a_missing_file_are_refused(editor: Client, tmp_path: Path) -> None:
    assert send(editor, nothing(tmp_path)).status_code == 302
    assert worked(ImportBatch.objects.get()).answer["file_problem"] == "file_damaged"
    response = editor.post("/imports/upload/", {"sheet": "cadres"})
    assert response.status_code == 422
    assert "请先选文件" in text_of(response)
    assert send(editor, plain(tmp_path), sheet="没有").status_code == 422


def test_a_file_over_the_limit_is_refused_while_it_comes_in(
    editor: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 100_000)
    path = tmp_path / "大.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a", b"\0" * 200_000)
    response = send(editor, path)
    assert response.status_code == 422
    assert "20 MB" in text_of(response)
    assert not ImportBatch.objects.exists()


def test_an_upload_without_the_forms_token_is_refused(east_editor: User, tmp_path: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(east_editor)
    assert send(client, plain(tmp_path)).status_code == 403
    assert not ImportBatch.objects.exists()


def test_a_fourth_file_waits_until_one_is_done(editor: Client, tmp_path: Path) -> None:
    path = plain(tmp_path)
    assert [send(editor, path).status_code for _time in range(4)] == [302, 302, 302, 422]
