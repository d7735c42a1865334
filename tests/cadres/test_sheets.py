"""Rosters of people against people who are there already: new, changed, unchanged, missing, and whose they are."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from branches.models import Unit
from cadres.models import Person, Posting, ReserveCadre
from imports.checking import Answer, check_file
from imports.dates import PartialDate
from imports.sheets import sheet_called
from tests.cadres.people import NUMBER, make_person, post
from tests.imports.files import write_xlsx

TODAY = date(2026, 11, 25)
HEAD = ["乡镇", "村", "姓名", "性别", "出生年月", "身份证号", "党内职务", "行政职务", "任现职时间"]
OTHER = "000000198003051214"
THIRD = "00000019810406222X"


def row(name: str, identity: str, party: str = "", admin: str = "", village: str = "东一村", **more: str) -> list[str]:
    birth = f"{identity[6:10]}.{identity[10:12]}" if len(identity) == 18 else more.get("birth", "")
    return [
        more.get("township", "东乡"),
        village,
        name,
        more.get("gender", ""),
        birth,
        identity,
        party,
        admin,
        "2021.03",
    ]


def check(tmp_path: Path, user: User, rows: list[list[str]], sheet: str = "cadres", head: list[str] = HEAD) -> Answer:
    path = write_xlsx(tmp_path / "名册.xlsx", [head, *rows])
    answer = check_file(sheet_called(sheet), path, user=user, today=TODAY)
    assert answer.refused is None
    return answer


def codes(answer: Answer) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in answer.problems]


def outcomes(answer: Answer) -> dict[str, int]:
    return {name: number for name, number in answer.counts().items() if number}


def test_people_are_found_again_and_compared(tmp_path: Path, county_admin: User) -> None:
    since = PartialDate(2021, 3)
    same = make_person("张三", identity=NUMBER, birth="1973-03")
    post(same, 10, started_on=since)
    post(same, 20, started_on=since)
    moved = make_person("李四", identity=OTHER, birth="1980-03")
    post(moved, 50, started_on=since)
    left = make_person("王五", identity=THIRD, birth="1981-04")
    post(left, 60)
    rows = [row("张三", NUMBER, "书记", "主任"), row("李四", OTHER, "副书记"), row("赵六", "", "委员", birth="1990.01")]
    answer = check(tmp_path, county_admin, rows)
    assert outcomes(answer) == {"rows": 3, "new": 1, "changed": 1, "unchanged": 1, "missing": 1}
    assert Person.objects.count() == 3
    assert Posting.objects.filter(ended_on__isnull=True).count() == 4


@pytest.mark.parametrize(
    ("birth", "village", "outcome"),
    [
        ("1973.03", "东一村", "unchanged"),
        ("1973.04", "东一村", "new"),
        ("1973.03", "东二村", "new"),
        ("", "东一村", "new"),
    ],
)
def test_without_a_number_name_village_and_birth_month_decide(
    tmp_path: Path, county_admin: User, birth: str, village: str, outcome: str
) -> None:
    post(make_person("张三", identity=NUMBER, birth="1973-03"), 10, started_on=PartialDate(2021, 3))
    answer = check(tmp_path, county_admin, [row("张 三", "", "书记", village=village, birth=birth)])
    assert [found.outcome for found in answer.rows] == [outcome]


def test_another_number_is_another_person_whatever_the_name(tmp_path: Path, county_admin: User) -> None:
    post(make_person("张三", identity=NUMBER, birth="1980-03"), 10)
    assert outcomes(check(tmp_path, county_admin, [row("张三", OTHER, "委员")])) == {"rows": 1, "new": 1, "missing": 1}


def test_two_rows_with_two_posts_are_one_person_named_by_the_first(tmp_path: Path, county_admin: User) -> None:
    answer = check(
        tmp_path,
        county_admin,
        [row("张三", NUMBER, "书记"), row("李四", OTHER, "委员"), row("张三", NUMBER, "", "主任")],
    )
    assert [found.number for found in answer.rows] == [2, 3]
    assert answer.problems == []


def test_the_same_row_twice_is_faulty_twice(tmp_path: Path, county_admin: User) -> None:
    answer = check(tmp_path, county_admin, [row("张三", NUMBER, "书记"), row("张三", NUMBER, "书记")])
    assert codes(answer) == [(2, "身份证号", "duplicate_in_file"), (3, "身份证号", "duplicate_in_file")]
    assert outcomes(answer) == {"rows": 2, "faulty": 2}


def test_two_secretaries_of_one_village_are_told_and_a_first_secretary_is_none(
    tmp_path: Path, county_admin: User
) -> None:
    rows = [row("张三", NUMBER, "书记"), row("李四", OTHER, "第一书记"), row("王五", THIRD, "支书", village="东一")]
    assert codes(check(tmp_path, county_admin, rows)) == [
        (2, "党内职务", "post_duplicate_holder"),
        (3, "党内职务", "choice_other"),
        (4, "党内职务", "post_duplicate_holder"),
    ]


def test_a_person_of_another_village_is_told_without_saying_which(tmp_path: Path, county_admin: User) -> None:
    post(make_person("张三", "西一村", NUMBER, "1973-03"), 10)
    answer = check(tmp_path, county_admin, [row("张三", NUMBER, "书记")])
    assert codes(answer) == [(2, "村", "person_elsewhere")]
    assert outcomes(answer) == {"rows": 1, "changed": 1}
    assert "西" not in json.dumps(answer.as_json(), ensure_ascii=False)


def test_a_township_user_changes_and_learns_nothing_of_other_townships(tmp_path: Path, east_editor: User) -> None:
    post(make_person("张三", "西一村", NUMBER, "1973-03"), 10)
    rows = [
        row("张三", NUMBER, "书记", township="西乡", village="西一村"),
        row("李四", OTHER, "书记", township="西乡", village="没有的村"),
        row("王五", THIRD, "书记", village="西一村"),
        row("赵六", "", "委员", birth="1990.01"),
    ]
    answer = check(tmp_path, east_editor, rows)
    assert codes(answer) == [
        (2, "乡镇", "unit_out_of_scope"),
        (3, "乡镇", "unit_out_of_scope"),
        (4, "村", "unit_unknown"),
    ]
    assert outcomes(answer) == {"rows": 4, "new": 1, "faulty": 3}
    other = check(tmp_path, east_editor, [row("张三", NUMBER, "书记")])
    assert codes(other) == [(2, "村", "person_elsewhere")]
    assert outcomes(other) == {"rows": 1, "new": 1}


def test_identity_numbers_stand_nowhere_in_the_answer(tmp_path: Path, county_admin: User) -> None:
    rows = [
        row("张三", NUMBER, "书记", gender="女"),
        row("李四", OTHER[:-1], "委员"),
        row("王五", "000000700209022", "委员"),
    ]
    text = json.dumps(check(tmp_path, county_admin, rows).as_json(), ensure_ascii=False)
    assert "id_gender_mismatch" in text
    for number in (NUMBER, OTHER[:-1], "000000700209022", NUMBER[:12], NUMBER[-4:]):
        assert number not in text


def test_empty_names_and_posts(tmp_path: Path, county_admin: User) -> None:
    rows = [row("", NUMBER, "书记"), ["东乡", "东一村", "", "", "", "", "", "", ""], row("李四", OTHER)]
    answer = check(tmp_path, county_admin, rows)
    assert codes(answer) == [(2, "姓名", "required_missing"), (4, "党内职务", "required_missing")]
    assert answer.tables[0].as_json()["skipped"] == [{"row": 3, "reason": "blank"}]


def test_places_are_filled_down_only_inside_their_township(tmp_path: Path, county_admin: User) -> None:
    rows = [
        row("张三", NUMBER, "书记"),
        row("李四", OTHER, "委员", township="", village=""),
        row("王五", THIRD, "书记", township="西乡", village=""),
    ]
    assert codes(check(tmp_path, county_admin, rows)) == [
        (3, "乡镇", "filled_down"),
        (3, "村", "filled_down"),
        (4, "村", "required_missing"),
    ]


def test_reserve_cadres_are_found_again(tmp_path: Path, county_admin: User) -> None:
    head = ["乡镇", "村", "姓名", "出生年月", "现职业", "入库时间"]
    unit = Unit.objects.get(name="东一村")
    for name, birth, occupation in (("张三", "1990-01", "务农"), ("李四", "1991-01", "务农"), ("王五", "1992-01", "")):
        person = make_person(name, birth=birth)
        entered = PartialDate(2024, 10)
        ReserveCadre.objects.create(person=person, unit=unit, occupation=occupation, entered_on=entered)
    rows = [
        ["东乡", "东一村", "张三", "1990.01", "务农", "2024.10"],
        ["东乡", "东一村", "李四", "1991.01", "村医", "2024.10"],
        ["东乡", "东一村", "赵六", "1993.01", "村医", "2024.10"],
        ["东乡", "东一村", "赵六", "1993.01", "村医", "2024.10"],
    ]
    answer = check(tmp_path, county_admin, rows, "reserve_cadres", head)
    assert outcomes(answer) == {"rows": 4, "changed": 1, "unchanged": 1, "faulty": 2, "missing": 1}
    assert [code for _row, column, code in codes(answer) if column == "姓名"] == ["duplicate_in_file"] * 2


def test_queries_do_not_grow_with_the_rows(tmp_path: Path, county_admin: User) -> None:
    def queries(count: int) -> int:
        rows = [row(f"甲{number}", "", "委员", birth=f"19{60 + number}.01") for number in range(count)]
        with CaptureQueriesContext(connection) as context:
            check(tmp_path, county_admin, rows)
        return len(context)

    queries(1)
    assert queries(1) == queries(30) <= 6


def test_the_command_speaks_and_refuses(tmp_path: Path, county_admin: User, newcomer: User) -> None:
    path = write_xlsx(tmp_path / "名册.xlsx", [HEAD, row("张三", NUMBER, "网格长"), row("李四", OTHER)])
    out = StringIO()
    call_command("import_roster", "cadres", str(path), "--user", "county_admin", "--dry-run", stdout=out)
    assert out.getvalue().splitlines() == [
        "名册.xlsx: 共 2 行：新增 1，变更 0，未变 0，有误 1",
        "名册 2 党内职务: 不在列表中，按“其他”保留原文。",
        "名册 3 党内职务: 此格必须填写。",
    ]
    for arguments, words in (
        (["cadres", str(tmp_path / "没有.xlsx"), "--user", "county_admin", "--dry-run"], "没有.xlsx"),
        (["cadres", str(path), "--user", "nobody", "--dry-run"], "nobody"),
        (["cadres", str(path), "--user", "county_admin", "--all-or-nothing"], "有的行有误"),
        (["cadres", str(path), "--user", "newcomer"], "不能导入"),
        (["pensions", str(path), "--user", "county_admin", "--dry-run"], "pensions"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("import_roster", *arguments)


def test_a_file_that_cannot_be_read_ends_with_its_code(tmp_path: Path, county_admin: User) -> None:
    path = tmp_path / "名册.xlsx"
    cases: list[tuple[Any, str]] = [
        (lambda: path.write_bytes(b"%PDF-1.4"), "file_type"),
        (lambda: write_xlsx(path, [["甲", "乙"], ["1", "2"]]), "header_not_found"),
        (lambda: write_xlsx(path, [HEAD]), "no_rows"),
        (lambda: write_xlsx(path, [HEAD, ["东乡", "东一村"]]), "no_rows"),
        (lambda: write_xlsx(path, [[None]]), "no_rows"),
    ]
    for write, code in cases:
        write()
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command(
                "import_roster", "cadres", str(path), "--user", "county_admin", "--dry-run", "--json", stdout=out
            )
        answer = json.loads(out.getvalue())
        assert ended.value.code == 2
        assert (answer["ok"], answer["file_problem"], answer["rows"]) == (False, code, 0)
        assert answer["message"]


def test_the_command_writes(tmp_path: Path, county_admin: User) -> None:
    path = write_xlsx(tmp_path / "名册.xlsx", [HEAD, row("张三", NUMBER, "书记"), row("李四", OTHER)])
    out = StringIO()
    call_command("import_roster", "cadres", str(path), "--user", "county_admin", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["new"], answer["faulty"], answer["applied"]) == (1, 1, True)
    assert [person.name for person in Person.objects.all()] == ["张三"]
    out = StringIO()
    call_command("import_roster", "cadres", str(path), "--user", "county_admin", stdout=out)
    assert out.getvalue().splitlines()[0] == "名册.xlsx: 共 2 行：新增 0，变更 0，未变 1，有误 1"


def test_people_of_the_township_itself_come_in_as_they_went_out(
    tmp_path: Path, county_admin: User, east_editor: User
) -> None:
    """Party workers of a township stand in no village; an export names the township in both columns."""
    worker = make_person("乡干事", "东乡", identity=OTHER, birth="1980-03")
    post(worker, 85, started_on=PartialDate(2021, 3))
    same = row("乡干事", OTHER, "乡镇党务干部", village="东乡")
    for user in (county_admin, east_editor):
        answer = check(tmp_path, user, [same])
        assert (codes(answer), outcomes(answer)) == ([], {"rows": 1, "unchanged": 1})
    answer = check(tmp_path, county_admin, [same, row("新干事", THIRD, "乡镇党务干部", village="东乡")])
    assert outcomes(answer) == {"rows": 2, "new": 1, "unchanged": 1}
    wrong = check(tmp_path, county_admin, [row("张三", NUMBER, "书记", village="东乡")])
    assert codes(wrong) == [(2, "村", "unit_unknown")], "a village's post at the township is a mistake in the file"
    foreign = check(tmp_path, east_editor, [row("张三", NUMBER, "乡镇党务干部", township="西乡", village="西乡")])
    assert codes(foreign) == [(2, "乡镇", "unit_out_of_scope")]
