"""Blank rosters for a township: its villages filled in, choices as drop-downs, text where text belongs.

Made of the columns that the import reads (decision 0014). Goes in again as it is, once it is filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import xlsxwriter

from branches.models import Unit
from imports.sheets import Column, Sheet
from imports.typed_workbooks import OPTIONS, WIDTHS
from imports.workbooks import FORBIDDEN, NAME_LENGTH

HELP, CHOICES = "填表说明", "填表说明-选项"
"""The import passes over worksheets of such names."""
LINES = 1_000
"""That have drop-downs."""
HEAD_ROW = 1
WIDTH = 15
NUMBER_HELP = "填数字，不带单位"
HELP_BY_FIELD = {
    "township": "已填好，不要改",
    "village": "已填好，或从下拉框选",
    "id_number": "18 位，单元格是文本格式，不要改成数字",
    "birth": "如 1975.03 或 1975.03.12",
    "phone": "11 位手机号",
    "month": "如 2026-10",
    "party_post": "从下拉框选；兼多个职务用顿号隔开，如 党组织书记、党组织委员",
    "admin_post": "从下拉框选；兼多个职务用顿号隔开，如 村委会主任、村文书",
    "extra_posts": "其他兼任职务，如 民兵连长",
    "parent": "上级党组织的全称，须已在系统中",
    "total": "各项之和，可不填；填了会核对",
    "training": "培训班名称，同一个班写法一致",
    "hours": "学时；几天的培训可写 4天，按每天 8 学时算",
}
DATE_HELP = "如 2021.03 或 2021.03.15"
GENERAL = (
    "第二行是表头，不要改；不需要的列可以空着，也可以删。",
    "一行填一条，空行会跳过。带 * 的列必填。",
    "身份证号、手机号、日期都按文本填写，从别处粘贴时请选“只粘贴值”。",
    "下拉框里没有的可以直接写，导入时会提示。",
    "填好后在“数据导入”上传，先核对，确认后才写入。",
)


def blank_roster(sheet: Sheet, label: str, township: Unit, today: date) -> bytes:
    villages = [
        unit.short_name for unit in Unit.objects.villages().valid_on(today).under(township.path).order_by("path")
    ]
    output = BytesIO()
    with xlsxwriter.Workbook(output, OPTIONS | {"in_memory": True}) as workbook:
        page = workbook.add_worksheet(FORBIDDEN.sub("_", label)[:NAME_LENGTH])
        _write_page(workbook, page, sheet, f"{township.name}　{label}", township.name, villages)
        _write_help(workbook, sheet)
        _write_choices(workbook, page, sheet, villages)
        page.activate()
    return output.getvalue()


def _write_page(workbook: Any, page: Any, sheet: Sheet, title: str, township: str, villages: Sequence[str]) -> None:
    text = workbook.add_format({"num_format": "@"})
    head = workbook.add_format(
        {"num_format": "@", "bold": True, "text_wrap": True, "valign": "vcenter", "bg_color": "#ECEEF1", "border": 1}
    )
    bold = workbook.add_format({"num_format": "@", "bold": True, "font_size": 14})
    page.write_string(0, 0, title, bold)
    for index, column in enumerate(sheet.columns_out):
        number = workbook.add_format({"num_format": column.number_format}) if column.number_format else text
        page.set_column(index, index, WIDTHS.get(column.field, WIDTH), number)
        page.write_string(HEAD_ROW, index, f"{column.title}*" if column.is_required else column.title, head)
    places = {column.field: index for index, column in enumerate(sheet.columns_out)}
    row = HEAD_ROW
    for village in villages:
        for _line in range(sheet.lines_per_village):
            row += 1
            page.write_string(row, places["township"], township, text)
            page.write_string(row, places["village"], village, text)
    page.freeze_panes(HEAD_ROW + 1, places["village"] + 1)
    page.set_landscape()
    page.set_paper(9)
    page.repeat_rows(HEAD_ROW)


def _write_help(workbook: Any, sheet: Sheet) -> None:
    page = workbook.add_worksheet(HELP)
    wrapped = workbook.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    head = workbook.add_format({"num_format": "@", "bold": True, "bg_color": "#ECEEF1"})
    page.set_column(0, 0, 22, wrapped)
    page.set_column(1, 1, 80, wrapped)
    row = 0
    for row, sentence in enumerate(GENERAL):
        page.write_string(row, 0, f"{row + 1}.", wrapped)
        page.write_string(row, 1, sentence, wrapped)
    row += 2
    page.write_string(row, 0, "列", head)
    page.write_string(row, 1, "怎样填", head)
    for index, column in enumerate(sheet.columns_out, start=row + 1):
        page.write_string(index, 0, f"{column.title}*" if column.is_required else column.title, wrapped)
        page.write_string(index, 1, help_for(column), wrapped)


def help_for(column: Column) -> str:
    """How a column is filled."""
    if column.field in HELP_BY_FIELD:
        return HELP_BY_FIELD[column.field]
    if column.choices:
        return "从下拉框选：" + "、".join(column.choices)
    if column.number_format:
        return NUMBER_HELP
    return DATE_HELP if column.field.endswith(("_on", "_since")) else ""


def _write_choices(workbook: Any, page: Any, sheet: Sheet, villages: Sequence[str]) -> None:
    """Choices stand on a hidden worksheet: a drop-down holds no more than 255 characters by itself."""
    source = workbook.add_worksheet(CHOICES)
    source.hide()
    at = 0
    for index, column in enumerate(sheet.columns_out):
        choices = villages if column.field == "village" else column.choices
        if not choices:
            continue
        for row, word in enumerate(choices):
            source.write_string(row, at, word)
        letters = xlsxwriter.utility.xl_col_to_name(at)
        page.data_validation(
            HEAD_ROW + 1,
            index,
            HEAD_ROW + LINES,
            index,
            {
                "validate": "list",
                "source": f"='{CHOICES}'!${letters}$1:${letters}${len(choices)}",
                "error_type": "warning",
                "error_title": "下拉框里没有",
                "error_message": "下拉框里没有这一项。确定这样填吗？",
            },
        )
        at += 1
