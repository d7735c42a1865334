"""Where a table begins and ends, and what in it is no data."""

from __future__ import annotations

import pytest

from imports.mapping import Headings, map_columns
from imports.reading import Cell, Worksheet
from imports.tables import Found, Table, find_tables

HEADINGS = Headings(
    {
        "township": ("乡镇",),
        "village": ("村(社区)名称", "村名", "村"),
        "name": ("姓名",),
        "birth": ("出生年月", "年龄"),
        "joined_on": ("入党时间",),
        "education": ("学历", "学历/全日制", "学历/在职"),
        "party_post": ("党内职务", "职务/党内"),
        "admin_post": ("行政职务", "职务"),
        "remark": ("备注", "说明"),
    }
)
HEAD: list[Cell] = ["序号", "乡镇", "村", "姓名", "职务", "备注"]


def found_in(*worksheets: Worksheet) -> Found:
    def names(headings: dict[int, str]) -> set[int]:
        return {column for column, field in map_columns(headings, HEADINGS).items() if field == "name"}

    return find_tables(list(worksheets), HEADINGS.knows, names)


def table_of(rows: list[list[Cell]], merged: list[tuple[int, int, int, int]] | None = None) -> Table:
    found = found_in(Worksheet("名册", True, merged or [], rows))
    assert len(found.tables) == 1
    return found.tables[0]


def test_titles_headings_data_and_the_note_that_ends_the_table() -> None:
    table = table_of(
        [
            ["青禾县花名册"],
            [],
            HEAD,
            ["1", "东乡", "东一村", "张三", "书记", ""],
            [],
            ["", "小计", "", "", "", "1人"],
            HEAD,
            ["2", "同上", "〃", "李四", "主任", ""],
            ["", "合计", "", "", "", ""],
            [],
            ["注:一式两份"],
            ["3", "东乡", "东一村", "王五", "委员", ""],
        ]
    )
    assert (table.titles, table.header_rows) == (["青禾县花名册"], [3])
    assert [(line.number, line.cells[1:4]) for line in table.lines] == [
        (4, ["东乡", "东一村", "张三"]),
        (8, ["东乡", "东一村", "李四"]),
    ]
    assert table.skipped == [(5, "blank"), (6, "subtotal"), (7, "repeated_header"), (9, "subtotal"), (11, "note")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["", "", "小计", "", "", ""], "subtotal"),
        (["", "东乡 5人", "", "", "", ""], "subtotal"),
        (["", "", "", "合 计", "", ""], "subtotal"),
        (["", "1月小计", "", "", "", ""], "subtotal"),
        (["共计5人", "", "", "", "", ""], "subtotal"),
        (["例", "东乡", "东一村", "张三", "书记", ""], "example"),
        (["1", "东乡", "东一村", "示例", "书记", ""], "example"),
        (["填表人：周晓慧    审核人：汤海平", "", "", "", "", ""], "note"),
        (["说明:每村不少于2人", "", "", "", "", ""], "note"),
        (["填报日期:2025年6月30日", "", "", "", "", ""], "note"),
    ],
)
def test_rows_that_are_no_data(row: list[Cell], reason: str) -> None:
    data: list[Cell] = ["1", "东乡", "东一村", "张三", "书记", ""]
    table = table_of([HEAD, data, row, data])
    assert [line.number for line in table.lines] == ([2] if reason == "note" else [2, 4])
    assert table.skipped == [(3, reason)]


def test_below_the_data_only_subtotals_and_the_note_are_told() -> None:
    data: list[Cell] = ["1", "东乡", "东一村", "张三", "书记", ""]
    example: list[Cell] = ["例", "东乡", "东一村", "李四", "书记", ""]
    table = table_of([HEAD, [], example, data, [], HEAD, example, ["合计"], [], ["注:无"], ["填表人:甲"]])
    assert table.skipped == [(3, "example"), (8, "subtotal"), (10, "note")]


def test_people_whose_remark_or_name_only_looks_like_a_total_stay() -> None:
    rows: list[list[Cell]] = [
        HEAD,
        ["1", "东乡", "东一村", "合计明", "书记", "负责合计"],
        ["2", "东乡", "东一村", "李四", "委员", "小计"],
    ]
    assert [line.number for line in table_of(rows).lines] == [2, 3]


def test_headings_in_two_merged_rows_are_joined() -> None:
    rows: list[list[Cell]] = [
        ["花名册"],
        ["序号", "乡镇", "村", "姓名", "党员情况", "", "职务", ""],
        ["", "", "", "", "入党时间", "转正时间", "党内职务", "行政职务"],
        ["1", "东乡", "东一村", "张三", "2001.01", "", "书记", ""],
    ]
    merged = [(1, 0, 2, 0), (1, 1, 2, 1), (1, 2, 2, 2), (1, 3, 2, 3), (1, 4, 1, 5), (1, 6, 1, 7)]
    for ranges in (merged, []):
        table = table_of(rows, ranges)
        assert table.header_rows == [2, 3]
        assert [table.headings[column] for column in range(4, 8)] == [
            "党员情况/入党时间",
            "党员情况/转正时间",
            "职务/党内职务",
            "职务/行政职务",
        ]
        assert map_columns(table.headings, HEADINGS)[7] == "admin_post"
        assert [line.number for line in table.lines] == [4]


def test_groups_over_the_headings_are_found_from_below() -> None:
    rows: list[list[Cell]] = [
        ["花名册", "", "", "", ""],
        ["基本情况", "", "", "学历", ""],
        ["村", "姓名", "出生年月", "全日制", "在职"],
        ["东一村", "张三", "1975.03", "大专", "本科"],
    ]
    table = table_of(rows, [(1, 0, 1, 2), (1, 3, 1, 4)])
    assert table.header_rows == [2, 3]
    assert map_columns(table.headings, HEADINGS) == {
        0: "village",
        1: "name",
        2: "birth",
        3: "education",
        4: "education",
    }
    assert table.titles == ["花名册"]


def test_merged_cells_of_data_are_filled_down_and_never_across() -> None:
    rows: list[list[Cell]] = [
        HEAD,
        ["1", "东乡", "东一村", "张三", "书记", ""],
        ["", "", "小计", "", "", ""],
        ["2", "", "", "李四", "主任", "甲"],
        ["3", "", "", "王五", "", ""],
    ]
    table = table_of(rows, [(1, 1, 4, 1), (1, 2, 1, 2), (3, 2, 4, 2), (3, 4, 3, 5)])
    assert [line.cells[1] for line in table.lines] == ["东乡", "东乡", "东乡"]
    assert [line.cells[2] for line in table.lines] == ["东一村", "", ""]
    assert [line.cells[4] for line in table.lines] == ["书记", "主任", ""]


def test_ditto_marks_take_what_stands_above_or_to_the_left() -> None:
    rows: list[list[Cell]] = [
        HEAD,
        ["1", "东乡", "东一村", "张三", "书记", ""],
        ["2", '"', "同上", "李四", "″", "同左"],
    ]
    assert table_of(rows).lines[1].cells[1:] == ["东乡", "东一村", "李四", "书记", "书记"]


def test_worksheets_that_are_no_rosters_are_named_with_the_reason() -> None:
    good = Worksheet("名册", True, [], [HEAD, ["1", "东乡", "东一村", "张三", "书记", ""]])
    found = found_in(
        Worksheet("旧表", False, [], good.rows),
        Worksheet("填表说明", True, [], good.rows),
        Worksheet("Sheet2", True, [], [["", " "], []]),
        Worksheet("通讯录", True, [], [["甲", "乙"], ["1", "2"]]),
        good,
    )
    assert [table.worksheet for table in found.tables] == ["名册"]
    reasons = [("旧表", "hidden"), ("填表说明", "template"), ("Sheet2", "empty"), ("通讯录", "no_header")]
    assert found.skipped_worksheets == reasons


def test_a_header_is_looked_for_in_the_first_15_rows() -> None:
    data: list[Cell] = ["1", "东乡", "东一村", "张三", "书记", ""]
    titles: list[list[Cell]] = [["题"]] * 15
    assert table_of([*titles[:14], HEAD, data]).header_rows == [15]
    assert found_in(Worksheet("名册", True, [], [*titles, HEAD, data])).tables == []


def test_headings_are_compared_without_spaces_width_and_stars() -> None:
    assert [
        HEADINGS.field_of(text) for text in ("*姓 名", "姓名：", "村（社区）名称", "出生\n年月（年.月）", "籍贯")
    ] == [
        "name",
        "name",
        "village",
        "birth",
        None,
    ]
    assert HEADINGS.knows("籍贯")
    assert not HEADINGS.knows("爱好")
    assert HEADINGS.rank_of("年龄") > HEADINGS.rank_of("出生年月")
