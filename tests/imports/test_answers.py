"""Whole files against a small county: places from titles, repairs, money, cards and ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounts.models import User
from branches.models import Branch, Unit, Village
from imports.checking import Answer, check_file
from imports.sheets import sheet_called
from tests.imports.files import write_xlsx

TODAY = date(2026, 11, 25)


def check(path: Path, user: User, sheet: str, rows: Sequence[Sequence[object]], worksheet: str = "Sheet1") -> Answer:
    write_xlsx(path / "表.xlsx", rows, worksheet)
    answer = check_file(sheet_called(sheet), path / "表.xlsx", user=user, today=TODAY)
    assert answer.refused is None
    return answer


def codes(answer: Answer) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in answer.problems]


def values(answer: Answer, field: str) -> list[object]:
    return [row.values[field] for row in answer.rows]


@pytest.mark.parametrize(
    ("title", "worksheet", "township", "village"),
    [
        ("青禾县东乡东一村干部名册", "Sheet1", "东乡", "东一村"),
        ("东乡干部名册", "东二村", "东乡", "东二村"),
        ("干部名册", "东二", None, "东二"),
    ],
)
def test_places_come_from_the_title_or_the_worksheet(
    tmp_path: Path, county_admin: User, title: str, worksheet: str, township: str | None, village: str
) -> None:
    rows = [[title], ["序号", "姓名", "出生年月", "职务"], [1, "张三", "1975.03", "书记"]]
    answer = check(tmp_path, county_admin, "cadres", rows, worksheet)
    assert (values(answer, "township"), values(answer, "village")) == ([township], [village])
    assert codes(answer) == ([] if township else [(3, "村(社区)名称", "township_assumed")])


def test_a_worksheet_for_each_township_and_one_township_of_the_user(
    tmp_path: Path, county_admin: User, east_editor: User
) -> None:
    rows = [["村", "姓名", "职务"], ["东一村", "张三", "书记"]]
    assert values(check(tmp_path, county_admin, "cadres", rows, "东乡"), "township") == ["东乡"]
    assert codes(check(tmp_path, east_editor, "cadres", rows)) == []
    assert codes(check(tmp_path, county_admin, "cadres", rows)) == [(2, "村", "township_assumed")]


def test_without_any_village_each_row_says_so(tmp_path: Path, county_admin: User) -> None:
    answer = check(tmp_path, county_admin, "cadres", [["乡镇", "姓名", "职务"], ["东乡", "张三", "书记"]])
    assert codes(answer) == [(2, "村(社区)名称", "required_missing")]


def test_a_township_of_the_title_fills_blanks_without_a_word(tmp_path: Path, county_admin: User) -> None:
    rows = [["东乡名册"], ["乡镇", "村", "姓名", "职务"], ["", "东一村", "张三", "书记"], ["", "", "李四", "委员"]]
    answer = check(tmp_path, county_admin, "cadres", rows)
    assert codes(answer) == [(4, "村", "filled_down")]
    assert values(answer, "township") == ["东乡", "东乡"]


def test_several_columns_for_one_field(tmp_path: Path, county_admin: User) -> None:
    head = [
        "乡镇",
        "村",
        "姓名",
        "年龄",
        "出生年月",
        "学历/全日制",
        "学历/在职",
        "党内职务",
        "职务",
        "兼任职务(一)",
        "兼任职务(二)",
    ]
    rows = [head, ["东乡", "东一村", "张三", 48, "1975.03", "高中", "大专", "书记", "主任", "民兵连长", "网格员"]]
    answer = check(tmp_path, county_admin, "cadres", rows)
    assert answer.problems == []
    values_of = answer.rows[0].values
    assert (str(values_of["birth"]), values_of["education"]) == ("1975-03", ("31", "大专"))
    assert values_of["extra_posts"] == ["民兵连长", "网格员"]
    mapped = answer.tables[0].as_json()["mapped"]
    assert (mapped["年龄"], mapped["出生年月"], mapped["职务"]) == ("birth", "birth", "admin_post")


def test_errors_in_ignored_columns_and_skipped_rows_are_no_problem(tmp_path: Path, county_admin: User) -> None:
    rows = [
        ["乡镇", "村", "姓名", "职务", "籍贯"],
        ["东乡", "东一村", "张三", "书记", "#N/A"],
        ["", "小计", "", "#REF!", ""],
        ["东乡", "东一村", "李四", "#REF!", ""],
    ]
    answer = check(tmp_path, county_admin, "cadres", rows)
    assert codes(answer) == [(4, "职务", "cell_error")]
    assert answer.counts() == {"rows": 2, "new": 1, "changed": 0, "unchanged": 0, "faulty": 1, "missing": 0}


def test_village_cards_are_new_figures_old_ones_or_the_same(tmp_path: Path, county_admin: User) -> None:
    figures = {"population": 1200, "last_year_income": Decimal("182400.00")}
    for name in ("东一村", "东二村"):
        Village.objects.create(unit=Unit.objects.get(name=name), **figures)
    rows = [
        ["村情(单位:万元)"],
        ["乡镇", "村名", "总人口", "上年集体收入", "集体经营性资产(元)"],
        ["东乡", "东一村", "1,200人", 18.24, None],
        ["东乡", "东二村", 1201, 1824, "12.5万"],
        ["西乡", "西一村", 500, "三万", 10.125],
        ["西乡", "西二村", -1, None, None],
        ["西乡", "西二", 7, None, None],
        ["西乡", "新村", 7, None, None],
    ]
    answer = check(tmp_path, county_admin, "units", rows)
    assert codes(answer) == [
        (4, "上年集体收入", "amount_jump"),
        (5, "集体经营性资产(元)", "number_out_of_range"),
        (6, "总人口", "number_out_of_range"),
        (6, "村名", "duplicate_in_file"),
        (7, "村名", "duplicate_in_file"),
        (8, "村名", "unit_unknown"),
    ]
    assert [row.outcome for row in answer.rows[:2]] == ["unchanged", "changed"]
    assert answer.counts()["faulty"] == 4
    assert values(answer, "operating_assets")[1] == Decimal("125000.00")
    assert values(answer, "last_year_income")[2] == Decimal("30000.00")


def test_ledgers_take_months_from_cells_and_years_from_titles(tmp_path: Path, county_admin: User) -> None:
    Village.objects.create(unit=Unit.objects.get(name="东一村"), last_year_income=Decimal("12.00"))
    rows = [
        ["2025年台账(单位:元)"],
        ["乡镇", "村", "月份", "经营收入", "补助收入", "合计"],
        ["东乡", "东一村", "1月", 100, 20.5, 120.5],
        ["", "", 2, 50, None, 51],
        ["东乡", "东二村", "2025年13月", 50, None, None],
        ["东乡", "东二村", 2025.1, 50, None, None],
        ["东乡", "东二村", "2025.03", None, None, None],
        ["东乡", "东三村", "2025-03", "12.5万", None, None],
    ]
    answer = check(tmp_path, county_admin, "ledger", rows)
    assert codes(answer) == [
        (3, "合计", "amount_jump"),
        (4, "乡镇", "filled_down"),
        (4, "村", "filled_down"),
        (4, "合计", "amount_total_mismatch"),
        (5, "月份", "date_unreadable"),
        (6, "月份", "date_ambiguous"),
        (7, "经营收入", "required_missing"),
    ]
    months = [date(2025, 1, 1), date(2025, 2, 1), None, None, date(2025, 3, 1), date(2025, 3, 1)]
    assert values(answer, "month") == months
    assert values(answer, "operating")[5] == Decimal("125000.00")


def test_a_village_with_no_unit_of_money_is_told_at_each_amount(tmp_path: Path, county_admin: User) -> None:
    rows = [["乡镇", "村", "月份", "经营收入", "投资收益"], ["东乡", "东一村", "2025.03", 100, "200元"]]
    assert codes(check(tmp_path, county_admin, "ledger", rows)) == [(2, "经营收入", "money_unit_assumed")]


def test_party_organizations_are_compared_with_those_that_exist(tmp_path: Path, county_admin: User) -> None:
    unit = Unit.objects.get(name="东一村")
    top = Branch.objects.create(unit=unit, name="东一村党总支", kind="general", established_on=date(2020, 5, 6))
    fields = {"unit": unit, "kind": "branch", "is_leading": False, "parent": top}
    for name in ("第一支部", "第二支部"):
        Branch.objects.create(name=name, next_election_on=date(2026, 12, 1), member_count=9, **fields)
    Branch.objects.create(name="旧支部", valid_to=date(2020, 1, 1), **fields)
    head = ["乡镇", "村", "党组织名称", "组织类型", "上级党组织", "成立时间", "下次换届时间", "党员数"]
    rows = [
        head,
        ["东乡", "东一村", "东一村党总支", "党总支", "", "2020.05", "", ""],
        ["", "", "第一支部", "党支部", "东一村党总支", "", "2026.12.01", 9],
        ["东乡", "东一村", "第二支部", "党支部", "", "", "2027.12", 9],
        ["东乡", "东一村", "旧支部", "支部", "", "", "", ""],
        ["东乡", "东一村", "大棚合作社支部", "联合支部", "", "", "", ""],
        ["东乡", "东二村", "东二村支部", "小组", "", "", "", ""],
        ["东乡", "东三村", "东三村支部", "", "", "", "", ""],
        ["东乡", "东三村", "东三村支部", "支部", "", "", "", ""],
    ]
    answer = check(tmp_path, county_admin, "branches", rows)
    assert codes(answer) == [
        (3, "乡镇", "filled_down"),
        (3, "村", "filled_down"),
        (7, "组织类型", "choice_unknown"),
        (8, "组织类型", "required_missing"),
        (8, "党组织名称", "duplicate_in_file"),
        (9, "党组织名称", "duplicate_in_file"),
    ]
    outcomes = ["unchanged", "unchanged", "changed", "new", "new"]
    assert [row.outcome for row in answer.rows[:5]] == outcomes


@pytest.mark.parametrize(
    ("column", "value"),
    [("上级党组织", "别的党委"), ("组织类型", "党委"), ("党员数", 10), ("成立时间", "2020.06")],
)
def test_each_fact_of_a_party_organization_counts(
    tmp_path: Path, county_admin: User, column: str, value: object
) -> None:
    unit = Unit.objects.get(name="东一村")
    Branch.objects.create(unit=unit, name="东一村支部", kind="branch", established_on=date(2020, 5, 6), member_count=9)
    Branch.objects.create(unit=Unit.objects.get(name="东乡"), name="别的党委", kind="committee")
    given = {"乡镇": "东乡", "村": "东一村", "党组织名称": "东一村支部", "组织类型": "党支部", column: value}
    answer = check(tmp_path, county_admin, "branches", [list(given), list(given.values())])
    assert [row.outcome for row in answer.rows] == ["changed"]
