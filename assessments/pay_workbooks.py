"""The list for the finance office, and reading it back with what was paid.

The office fills in three columns of the same workbook, or sends a list of its own with these headings: line number,
result, date, reason, and the amount where it has one.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from assessments.models import FlagCategory, PayLine, PaySheet
from assessments.services.pay_settling import Report
from imports import limits
from imports.dates import from_number, from_text
from imports.normalising import clean_code
from imports.reading import Cell, read_worksheets
from imports.refusals import FileRefused

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""Text stays text: a name that begins with = is never a formula."""
HEAD_ROW = 3
NUMBER, AMOUNT, RESULT, DAY, REASON = "行号", "金额（元）", "结果", "发放日期", "失败原因"
TOTAL = "合计"
HEADINGS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"行号", "序号", "发放表行号", "line number"}),
    "amount": frozenset({"金额(元)", "金额", "实发金额", "实发金额(元)", "应发金额(元)", "amount"}),
    "result": frozenset({"结果", "发放结果", "处理结果", "状态", "result"}),
    "on": frozenset({"发放日期", "日期", "处理日期", "date"}),
    "reason": frozenset({"失败原因", "原因", "备注原因", "reason"}),
}
PAID_WORDS = frozenset({"已发", "成功", "已发放", "发放成功", "paid", "是"})
FAILED_WORDS = frozenset({"失败", "未发", "发放失败", "退回", "failed", "否"})
COLUMN_WIDTHS = (6, 10, 14, 10, 12, 18, 14, 12, 12, 24, 8, 12, 20)
ROWS_BEFORE_HEADING = 20
AMOUNT_TEXT = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,2}0*)?")
MOST_CENTS = 10**14


# --- Out ------------------------------------------------------------------------------------


def finance_lines(sheet: PaySheet) -> list[PayLine]:
    """Lines with money, in the order of the sheet."""
    rows = sheet.lines.exclude(amount_cents=0).select_related("person", "village").order_by("number")
    return list(rows)


def finance_workbook(sheet: PaySheet) -> bytes:
    """The same bytes' contents whenever it is asked for: everything stands in the sheet. In the county's language."""
    with translation.override(settings.LANGUAGE_CODE):
        output = BytesIO()
        with xlsxwriter.Workbook(output, OPTIONS) as workbook:
            workbook.set_properties({"title": title_of(sheet), "created": sheet.exported_at and _naive(sheet)})
            _write(workbook, sheet, finance_lines(sheet))
        return output.getvalue()


def _naive(sheet: PaySheet) -> Any:
    return timezone.localtime(sheet.exported_at).replace(tzinfo=None)


def title_of(sheet: PaySheet) -> str:
    return _("%(township)s: pay by flags and grades, %(month)s") % {
        "township": sheet.unit.name,
        "month": date_format(sheet.month, "YEAR_MONTH_FORMAT"),
    }


def sheet_number(sheet: PaySheet) -> str:
    """By which people name a sheet, such as PS-202610-12."""
    return f"PS-{sheet.month:%Y%m}-{sheet.pk}"


def _write(workbook: Any, sheet: PaySheet, lines: Sequence[PayLine]) -> None:
    page = workbook.add_worksheet(_("Pay sheet"))
    bold = workbook.add_format({"bold": True, "font_size": 16, "align": "center"})
    small = workbook.add_format({"font_size": 10, "font_color": "#555555"})
    head = workbook.add_format(
        {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter", "border": 1, "bg_color": "#ECEEF1"}
    )
    text = workbook.add_format({"border": 1, "num_format": "@", "valign": "vcenter"})
    whole = workbook.add_format({"border": 1, "num_format": "0", "valign": "vcenter"})
    money = workbook.add_format({"border": 1, "num_format": "#,##0.00", "valign": "vcenter"})
    total = workbook.add_format({"border": 1, "num_format": "#,##0.00", "bold": True})
    fill = workbook.add_format({"border": 1, "num_format": "@", "bg_color": "#FFF8E1"})
    headings = (
        NUMBER, _("Village"), _("Full name"), pgettext("pay", "Role"), _("For month"), pgettext("pay", "Flags"),
        _("Flag uplift (yuan)"), _("Performance pay (yuan)"), AMOUNT, pgettext("pay", "Remark"), RESULT, DAY, REASON,
    )  # fmt: skip
    for place, width in enumerate(COLUMN_WIDTHS):
        page.set_column(place, place, width)
    page.merge_range(0, 0, 0, len(headings) - 1, title_of(sheet), bold)
    page.write_string(1, 0, _facts(sheet), small)
    for place, heading in enumerate(headings):
        page.write_string(HEAD_ROW - 1, place, heading, head)
    names = flag_names([sheet])
    row = HEAD_ROW
    for row, line in enumerate(lines, start=HEAD_ROW):
        page.write_number(row, 0, line.number, whole)
        for place, value in enumerate(
            (line.village.name, line.person.name, str(line.get_role_group_display()), f"{line.for_month:%Y-%m}",
             flag_words(line, names)), start=1,
        ):  # fmt: skip
            page.write_string(row, place, value, text)
        for place, cents in enumerate((line.uplift_cents, line.performance_cents, line.amount_cents), start=6):
            page.write_number(row, place, Decimal(cents).scaleb(-2), money)
        page.write_string(row, 9, str(line.get_note_display()) if line.note else "", text)
        for place in (10, 11, 12):
            page.write_blank(row, place, None, fill)
        page.data_validation(row, 10, row, 10, {"validate": "list", "source": ["已发", "失败"]})
    foot = HEAD_ROW + len(lines)
    page.write_string(foot, 0, TOTAL, total)
    for place, cents in (
        (6, sum(line.uplift_cents for line in lines)),
        (7, sum(line.performance_cents for line in lines)),
        (8, sheet.total_cents),
    ):
        page.write_number(foot, place, Decimal(cents).scaleb(-2), total)
    page.freeze_panes(HEAD_ROW, 3)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(HEAD_ROW - 1)
    page.set_footer(f"&L{sheet_number(sheet)}&C&P / &N&R{sheet.checksum[:16]}")


def _facts(sheet: PaySheet) -> str:
    people = {
        "number": sheet_number(sheet),
        "checksum": sheet.checksum[:16],
        "signed": sheet.signed_by.name if sheet.signed_by else "—",
        "approved": sheet.approved_by.name if sheet.approved_by else "—",
    }
    return (
        _("Sheet %(number)s, checksum %(checksum)s. Signed by %(signed)s, approved by %(approved)s. Unit: yuan. "
          "Please fill in result (已发 or 失败), date and reason, and send the file back.") % people
    )  # fmt: skip


def flag_names(sheets: Sequence[PaySheet]) -> dict[str, str]:
    """Code of a category -> its name in the newest round of the county. One query."""
    if not sheets:
        return {}
    rows = FlagCategory.objects.filter(round__path__in=_above(sheets[0].path)).order_by("round__first_on", "round_id")
    return dict(rows.values_list("code", "name"))


def _above(path: str) -> list[str]:
    return [path[:end] for end in range(4, len(path) + 1, 4)]


def flag_words(line: PayLine, names: Mapping[str, str]) -> str:
    """Names of the flags, each once."""
    return "、".join(names.get(code, code) for code in dict.fromkeys(one["code"] for one in line.flags))


# --- In -------------------------------------------------------------------------------------


@dataclass
class ReadList:
    """What a file of the finance office says. Rows without a result say nothing of their line."""

    reports: list[Report] = field(default_factory=list)
    total_cents: int | None = None
    problems: list[ValidationError] = field(default_factory=list)


def read_finance_list(name: str, raw: bytes, today: date) -> ReadList:
    """Reads .xlsx, .xls, .ods or .csv in the guarded child process.

    Raises ValidationError "too_large", "unreadable", "no_heading".
    """
    if len(raw) > limits.FILE_BYTES:
        raise ValidationError(_("The file is larger than 20 MB. Split it, or delete what is not needed."), "too_large")
    with tempfile.NamedTemporaryFile(prefix="finance-") as copy:
        copy.write(raw)
        copy.flush()
        try:
            worksheets = read_worksheets(Path(copy.name), name)
        except FileRefused as refused:
            raise ValidationError(
                _("This file cannot be read as a table. Please use the workbook that was handed over, or .xlsx."),
                "unreadable",
            ) from refused
    for worksheet in worksheets:
        found = _heading(worksheet.rows)
        if worksheet.is_visible and found is not None:
            return _read(worksheet.rows, *found, today)
    raise ValidationError(
        _("No row with the headings 行号, 结果 and 发放日期 was found. Please use the workbook that was handed over."),
        "no_heading",
    )


def _heading(rows: Sequence[Sequence[Cell]]) -> tuple[int, dict[str, int]] | None:
    for index, row in enumerate(rows[:ROWS_BEFORE_HEADING]):
        places: dict[str, int] = {}
        for place, cell in enumerate(row):
            text = clean_code(cell).lower() if isinstance(cell, str) else ""
            for name, words in HEADINGS.items():
                if text in {clean_code(word).lower() for word in words}:
                    places.setdefault(name, place)
        if {"number", "result", "on"} <= places.keys():
            return index, places
    return None


def _read(rows: Sequence[Sequence[Cell]], heading: int, places: Mapping[str, int], today: date) -> ReadList:
    found = ReadList()
    is_partial = False
    total: int | None = None
    for index, row in enumerate(rows[heading + 1 :], start=heading + 2):
        cells = {name: row[place] if place < len(row) else "" for name, place in places.items()}
        if not any(cell not in ("", None) for cell in cells.values()):
            continue
        if _text(cells["number"]) in (TOTAL, "总计", "total"):
            total = _cents(cells.get("amount", ""))
            continue
        report = _report(cells, index, found.problems, today)
        if report is None:
            is_partial = True
        else:
            found.reports.append(report)
    # A total of the whole table says nothing about a list in which some lines have no result yet.
    found.total_cents = None if is_partial else total
    return found


def _report(cells: Mapping[str, Cell], row: int, problems: list[ValidationError], today: date) -> Report | None:
    result = _text(cells["result"])
    if not result:
        return None
    number = _text(cells["number"])
    if not number.isdecimal() or len(number) > 9:
        problems.append(
            ValidationError(_("Row %(row)d: the line number cannot be read.") % {"row": row}, "unknown_line")
        )
        return None
    if result not in PAID_WORDS | FAILED_WORDS:
        words = _("Row %(row)d: the result “%(word)s” is not known; write 已发 or 失败.") % {
            "row": row,
            "word": result[:20],
        }
        problems.append(ValidationError(words, "no_result"))
        return None
    amount = cells.get("amount", "")
    cents = _cents(amount)
    if cents is None and amount not in ("", None):
        problems.append(ValidationError(_("Row %(row)d: the amount cannot be read.") % {"row": row}, "no_amount"))
        return None
    return Report(
        number=int(number),
        is_paid=result in PAID_WORDS,
        on=_day(cells["on"], today),
        cents=cents,
        reason=reason.strip() if isinstance(reason := cells.get("reason", ""), str) else "",
    )


def _text(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return str(int(cell)) if cell == cell.to_integral_value() else str(cell)
    return clean_code(cell).lower() if isinstance(cell, str) else ""


def _cents(cell: Cell) -> int | None:
    """Of an amount in yuan, which may be below 0: a difference that is taken back. None for anything else."""
    if isinstance(cell, str):
        plain = clean_code(cell).replace(",", "").replace("−", "-").strip("¥￥元")
        if not AMOUNT_TEXT.fullmatch(plain):
            return None
        cell = Decimal(plain)
    if not isinstance(cell, Decimal) or not cell.is_finite():
        return None
    cents = cell * 100
    return int(cents) if cents == cents.to_integral_value() and abs(cents) < MOST_CENTS else None


def _day(cell: Cell, today: date) -> date | None:
    """A whole day, None for anything less."""
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str):
        read = from_text(cell, today)
    elif isinstance(cell, Decimal):
        read = from_number(cell, today)
    else:
        return None
    return read.value.first_day if read.value and read.value.day and not read.code else None
