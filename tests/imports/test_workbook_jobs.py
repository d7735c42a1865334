"""The workbook that comes back is made by a job; the pages never read the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from accounts import jobs
from accounts.encryption import SealedValueDamaged
from accounts.models import AuditEvent, Job, User
from imports import batches, preview
from imports.models import ImportBatch, ImportWorkbook
from imports.reading import read_worksheets
from imports.workbook_jobs import MAKE, ask_for_workbook, fetch_workbook, forget_old_workbooks, workbook_of
from tests.cadres.people import NUMBER
from tests.imports.rosters import applied, bring_rows, undone, worked
from tests.imports.test_batches import HEAD, ROWS

BAD = [*ROWS, ["东乡", "没有的村", "钱七", "男", "", "", "", "", "委员", "", ""]]


def made(batch: ImportBatch, by: User) -> ImportWorkbook:
    workbook = ask_for_workbook(batch, by=by)
    if workbook.sealed_file is None:
        assert jobs.run(workbook.job_id or 0)
    return ImportWorkbook.objects.get(batch=batch)


def last_column(content: bytes, tmp_path: Path) -> list[object]:
    path = tmp_path / "back.xlsx"
    path.write_bytes(content)
    (sheet,) = read_worksheets(path)
    return [row[-1] for row in sheet.rows]


def test_each_step_of_an_import_has_its_own(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, county_admin)
    with pytest.raises(ValidationError, match="清除"):
        fetch_workbook(batch, by=county_admin)
    first = made(batch, county_admin)
    assert NUMBER.encode() not in bytes(first.sealed_file or b"")
    assert last_column(fetch_workbook(batch, by=county_admin), tmp_path)[0] == "问题"
    assert AuditEvent.objects.filter(event="imports.export_importbatch").count() == 1
    assert made(batch, county_admin).pk == first.pk
    assert Job.objects.filter(kind=MAKE).count() == 1
    batches.answer_cells(batch, {("名册", 5, "村"): "东三村"}, by=county_admin)
    with pytest.raises(ValidationError, match="已过这一步"):
        ask_for_workbook(batch, by=county_admin)
    worked(batch)
    assert workbook_of(batch) is None
    made(batch, county_admin)
    applied(batch, county_admin)
    made(batch, county_admin)
    assert last_column(fetch_workbook(batch, by=county_admin), tmp_path) == ["处理结果", *["新增"] * 4]
    undone(batch, county_admin)
    made(batch, county_admin)
    assert last_column(fetch_workbook(batch, by=county_admin), tmp_path)[1] == "已撤销"
    assert ImportWorkbook.objects.count() == 1


def test_a_job_for_a_step_that_is_over_keeps_nothing(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, county_admin)
    workbook = ask_for_workbook(batch, by=county_admin)
    batches.answer_cells(batch, {("名册", 5, "村"): "东三村"}, by=county_admin)
    worked(batch)
    assert jobs.run(workbook.job_id or 0)
    assert ImportWorkbook.objects.get().sealed_file is None


def test_a_failed_one_can_be_asked_for_again(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, county_admin)
    ask_for_workbook(batch, by=county_admin)
    Job.objects.filter(kind=MAKE).update(state=Job.State.FAILED)
    assert made(batch, county_admin).sealed_file is not None


def test_only_the_uploader_has_it(tmp_path: Path, county_admin: User, east_editor: User, newcomer: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, east_editor)
    for user in (county_admin, newcomer):
        with pytest.raises(PermissionDenied):
            ask_for_workbook(batch, by=user)
    made(batch, east_editor)
    for user in (county_admin, newcomer):
        with pytest.raises(PermissionDenied):
            fetch_workbook(batch, by=user)
    workbook = ImportWorkbook.objects.get()
    workbook.of_version += 1
    with pytest.raises(SealedValueDamaged):
        workbook.file()


def test_it_is_forgotten_after_a_day_and_with_the_import(tmp_path: Path, county_admin: User) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, county_admin)
    made(batch, county_admin)
    assert forget_old_workbooks(timezone.now()) == 0
    assert forget_old_workbooks(timezone.now() + timedelta(hours=25)) == 1
    made(batch, county_admin)
    batches.give_up(batch, by=county_admin)
    assert not ImportWorkbook.objects.exists()
    with pytest.raises(ValidationError, match="已过这一步"):
        ask_for_workbook(batch, by=county_admin)


def test_pages_read_no_file(
    tmp_path: Path, county_admin: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ["东乡", "东三村", "赵六", "男", "000000700209022", "", "", "委员", "", "", ""]
    batch = bring_rows(tmp_path, "cadres", [*BAD, old], county_admin)
    client.force_login(county_admin)

    def refuse(*_given: object) -> None:
        raise AssertionError("the file was read inside a request")

    with monkeypatch.context() as patch:
        patch.setattr(preview, "worksheets_of", refuse)
        patch.setattr("imports.workbooks.worksheets_of", refuse)
        for page in ("", "?tab=all", "columns/", "workbook/"):
            client.get(f"/imports/{batch.pk}/{page}")
        (table,) = client.get(f"/imports/{batch.pk}/columns/").context["tables"]
        assert [column.heading for column in table.columns] == HEAD
        assert table.columns[2].samples == ["张三", "李四", "王五"]
        assert table.columns[4].samples[0] == f"{NUMBER[:3]}{'*' * 15}"
        assert client.post(f"/imports/{batch.pk}/workbook/").status_code == 302
        page = client.get(f"/imports/{batch.pk}/workbook/").content.decode()
        assert "workbook-progress" in page
        assert "HX-Refresh" not in client.get(f"/imports/{batch.pk}/workbook/progress/").headers
        client.post(f"/imports/{batch.pk}/repair/", {"convert": "on"})
    workbook = ImportWorkbook.objects.get()
    assert jobs.run(workbook.job_id or 0)
    worked(batch)
    assert "表格还没有生成" in client.get(f"/imports/{batch.pk}/workbook/").content.decode()
    client.post(f"/imports/{batch.pk}/workbook/")
    assert jobs.run(ImportWorkbook.objects.get().job_id or 0)
    assert client.get(f"/imports/{batch.pk}/workbook/progress/").headers["HX-Refresh"] == "true"
    assert "data-fetch-once" in client.get(f"/imports/{batch.pk}/workbook/").content.decode()
    answer = client.post(f"/imports/{batch.pk}/workbook/file/")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert not batch.rows.filter(problems__icontains="id_old_15").exists()


def test_a_workbook_that_is_gone_sends_back_to_the_import(tmp_path: Path, county_admin: User, client: Client) -> None:
    batch = bring_rows(tmp_path, "cadres", BAD, county_admin)
    client.force_login(county_admin)
    page = client.post(f"/imports/{batch.pk}/workbook/file/", follow=True)
    assert "表格已清除" in page.content.decode()
    Job.objects.filter(pk=ask_for_workbook(batch, by=county_admin).job_id).update(
        state=Job.State.FAILED, message="This work failed."
    )
    assert "表格没有生成" in client.get(f"/imports/{batch.pk}/workbook/").content.decode()
