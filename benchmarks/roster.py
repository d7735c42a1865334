"""A roster of cadres of 16 columns: read, found, mapped, checked, shown; then applied with its audit trail.

    python -m benchmarks.roster --rows 10000 --rounds 3
    python -m benchmarks.roster --rows 100000 --rounds 1 --only-ours

Works in the database of DATABASE_URL: give it one made for the purpose. The floors are
reading the same file in the same guarded child process, and that with a bare COPY (SQLite:
executemany) of the people and posts. The peers are django-import-export as it comes, row by
row with a preview, and tuned for bulk; both only know rows whose village is found by its
code and whose cells need no cleaning, so they do less.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import django

django.setup()

import python_calamine  # noqa: E402
import tablib  # noqa: E402
import xlsxwriter  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from import_export import fields, resources, widgets  # noqa: E402

from accounts import jobs  # noqa: E402
from accounts.bulk import insert_rows, reserve_keys  # noqa: E402
from accounts.models import AuditEvent, Job, User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from benchmarks.measuring import Way, compare, machine, measure, report  # noqa: E402
from benchmarks.month import county  # noqa: E402
from branches.models import Membership, Unit  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402
from cadres.models import Person, Posting  # noqa: E402
from imports import batches, limits  # noqa: E402
from imports.identity import check_character  # noqa: E402
from imports.models import ImportBatch, ImportChange, ImportRow  # noqa: E402
from imports.reading import read_worksheets  # noqa: E402

HEAD = (
    "乡镇", "村", "姓名", "性别", "出生年月", "身份证号", "政治面貌", "入党时间",
    "学历", "专业", "党内职务", "行政职务", "干部来源", "任现职时间", "联系电话", "备注",
)  # fmt: skip
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华"
TUNED_ROUNDS = 1


def roster(number: int) -> Path:
    """The file, made once for each size."""
    path = Path(tempfile.gettempdir()) / f"portal-bench-roster-{number}.xlsx"
    if not path.exists():
        rng = random.Random(11)
        villages = [(unit.name, unit.path) for unit in Unit.objects.villages().order_by("path")]
        townships = {unit.path: unit.name for unit in Unit.objects.townships()}
        part = path.with_suffix(f".{os.getpid()}")
        with xlsxwriter.Workbook(part, {"constant_memory": True, "strings_to_numbers": False}) as workbook:
            sheet = workbook.add_worksheet("名册")
            sheet.write_row(0, 0, HEAD)
            for at in range(number):
                name, village = villages[at % len(villages)]
                sheet.write_row(at + 1, 0, row(at, townships[village[:-4]], name, rng))
        part.rename(path)
    return path


def row(at: int, township: str, village: str, rng: random.Random) -> tuple[str, ...]:
    born = date(1960 + at % 40, 1 + at % 12, 1 + at % 28)
    body = f"000000{born:%Y%m%d}{at % 1000:03}" if at < 21_000 else f"{at // 1000:06}{born:%Y%m%d}{at % 1000:03}"
    male = int(body[16]) % 2 == 1
    return (
        township, village, rng.choice(SURNAMES) + rng.choice(GIVEN) + rng.choice(GIVEN), "男" if male else "女",
        f"{born:%Y.%m}", body + check_character(body), "中共党员", f"{born.year + 20}.07", "大专", "农学",
        "党组织委员", "村文书", "返乡农民工", "2021.03", f"13{at:09}", "",
    )  # fmt: skip


def fill() -> None:
    if not Unit.objects.exists():
        load_divisions(county(), date(2020, 1, 1), source="benchmark")
        user = User.objects.create_user("bench", name="bench")
        other = User.objects.create_user("bench2", name="bench2")
        Membership.objects.create(
            user=user, role=Role.CS, unit=Unit.objects.counties().get(), valid_from=date(2020, 1, 1), confirmed_by=other
        )


def clean() -> None:
    for model in (ImportChange, ImportRow, ImportBatch, Posting, Person, Job):
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


def clean_and_analyse() -> None:
    clean()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


# --- The ways -------------------------------------------------------------------------------


def path_of_file() -> Path:
    return roster(int(os.environ["BENCH_ROWS"]))


def read_only() -> dict[str, Any]:
    _allow_all_rows()
    (sheet,) = read_worksheets(path_of_file())
    return {"result": f"{len(sheet.rows) - 1} rows read"}


def read_and_copy() -> dict[str, Any]:
    """The least that puts the same people and posts in: no checks, no scope, no trail, no undo, nothing sealed."""
    _allow_all_rows()
    (sheet,) = read_worksheets(path_of_file())
    rows = sheet.rows[1:]
    villages = {unit.name: unit.pk for unit in Unit.objects.villages()}
    with transaction.atomic():
        keys = reserve_keys(Person, len(rows))
        names = [field.column for field in Person._meta.concrete_fields]
        insert_rows(
            Person, names, (_person(key, cells, villages, names) for key, cells in zip(keys, rows, strict=True))
        )
        posts = reserve_keys(Posting, 2 * len(rows))
        columns = [field.column for field in Posting._meta.concrete_fields]
        insert_rows(
            Posting,
            columns,
            (
                _posting(posts[2 * at + which], keys[at], villages[cells[1]], code, columns)  # type: ignore[index]
                for at, cells in enumerate(rows)
                for which, code in enumerate((50, 80))
            ),
        )
    return {"result": f"{Person.objects.count()} people, {Posting.objects.count()} posts"}


def _person(key: int, cells: Any, villages: dict[str, int], names: list[str]) -> list[Any]:
    values = {
        "id": key, "uid": f"{key:032x}", "unit_id": villages[cells[1]], "name": cells[2], "gender": "1",
        "birth": cells[4].replace(".", "-"), "political": "01", "joined_on": cells[7].replace(".", "-"),
        "education": "31", "education_words": cells[8], "major": cells[9], "origin": "returnee",
        "phone": cells[14], "version": 1, "initials": "", "resume": "", "remark": "",
    }  # fmt: skip
    return [values.get(name) for name in names]


def _posting(key: int, person: int, unit: int, code: int, names: list[str]) -> list[Any]:
    values = {
        "id": key, "person_id": person, "unit_id": unit, "post": code, "words": "", "change": "", "mode": "",
        "document": "", "started_on": "2021-03", "ending": "", "version": 1,
    }  # fmt: skip
    return [values.get(name) for name in names]


def _allow_all_rows() -> None:
    rows = int(os.environ["BENCH_ROWS"]) + 1
    limits.take({"ROWS": max(limits.ROWS, rows), "CELLS": max(limits.CELLS, len(HEAD) * rows)})


def preview() -> dict[str, Any]:
    batch = _checked()
    return {"result": f"{batch.answer['new']} new, {batch.rows.count()} rows in the preview"}


def preview_and_apply() -> dict[str, Any]:
    user = User.objects.get(username="bench")
    batch = _checked()
    before = AuditEvent.objects.count()
    batches.confirm(batch, by=user)
    batch.refresh_from_db()
    jobs.run(batch.job_id or 0)
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.APPLIED, batch.state
    told = AuditEvent.objects.count() - before
    return {"result": f"{Person.objects.count()} people, {Posting.objects.count()} posts, {told} audit events"}


def _checked() -> ImportBatch:
    _allow_all_rows()
    file = path_of_file()
    batch = batches.upload("cadres", file.name, file.read_bytes(), by=User.objects.get(username="bench"))
    jobs.run(batch.job_id or 0)
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.CHECKED, batch.answer
    return batch


# --- The peers ------------------------------------------------------------------------------


class PersonResource(resources.ModelResource):
    """As the library's guide shows it: one field a column, the village by a foreign-key widget."""

    unit = fields.Field("unit", "村", widgets.ForeignKeyWidget(Unit, "name"))
    name = fields.Field("name", "姓名")
    birth = fields.Field("birth", "出生年月")
    phone = fields.Field("phone", "联系电话")
    education_words = fields.Field("education_words", "学历")
    major = fields.Field("major", "专业")
    remark = fields.Field("remark", "备注")

    class Meta:
        model = Person
        import_id_fields = ("phone",)
        fields = ("unit", "name", "birth", "phone", "education_words", "major", "remark")

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        row["出生年月"] = row["出生年月"].replace(".", "-")


class TunedResource(PersonResource):
    class Meta(PersonResource.Meta):
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        skip_unchanged = False
        skip_html_diff = True
        report_skipped = False
        force_init_instance = True


def _dataset() -> tablib.Dataset:
    """Read by the fast reader for the peers too."""
    head, *rows = python_calamine.load_workbook(str(path_of_file())).get_sheet_by_index(0).to_python()
    return tablib.Dataset(*rows, headers=head)


def _peer(resource: resources.ModelResource, *, has_preview: bool) -> dict[str, Any]:
    data = _dataset()
    if has_preview:
        resource.import_data(data, dry_run=True, raise_errors=True)
    resource.import_data(data, dry_run=False, raise_errors=True)
    return {"result": f"{Person.objects.count()} people, no posts, no checks"}


def defaults_preview() -> dict[str, Any]:
    result = PersonResource().import_data(_dataset(), dry_run=True, raise_errors=True)
    return {"result": f"{result.total_rows} rows previewed"}


def defaults() -> dict[str, Any]:
    return _peer(PersonResource(), has_preview=True)


def tuned() -> dict[str, Any]:
    return _peer(TunedResource(), has_preview=False)


PREVIEW = (
    Way("bare guarded read", read_only),
    Way("ours: preview", preview, clean_and_analyse),
    Way("import-export: preview", defaults_preview, clean_and_analyse, rounds=1),
)
APPLY = (
    Way("read + COPY", read_and_copy, clean_and_analyse),
    Way("ours: preview + apply", preview_and_apply, clean_and_analyse),
    Way("import-export, tuned", tuned, clean_and_analyse, rounds=1),
    Way("import-export, defaults", defaults, clean_and_analyse, rounds=1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", help=argparse.SUPPRESS)  # of the other benchmarks
    parser.add_argument("--only-ours", action="store_true", help="leave out the peers")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["BENCH_ROWS"] = str(options.rows)
    if options.only:
        print(json.dumps(measure(next(way for way in (*PREVIEW, *APPLY) if way.name == options.only))))
        return
    fill()
    roster(options.rows)
    arguments = ["--rows", str(options.rows)]
    for title, ways in (("Preview", PREVIEW), ("Preview and apply", APPLY)):
        chosen = [way for way in ways if not (options.only_ours and "import-export" in way.name)]
        rows = compare("benchmarks.roster", chosen, arguments, options.rounds)
        print(report(f"{title} of a roster of {options.rows} rows, {machine()}", rows, chosen[0].name))
        print(json.dumps({"benchmark": f"roster-{options.rows}-{title}", "rows": rows, "machine": machine()}))


if __name__ == "__main__":
    main()
