"""The ranking as a workbook: typed cells, the filtered rows of the page, print areas set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import xlsxwriter
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from assessments import board
from assessments.board import Filters, Row, Words
from assessments.models import Ranking
from assessments.rules import from_hundredths, points_text

if TYPE_CHECKING:
    from accounts.models import User

READ_AHEAD = 500
FIRST_ROW = 3
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""Text stays text: a name that begins with = is never a formula."""


@dataclass(frozen=True)
class _Column:
    """Heading, width in characters, number format ("" for text), and what of a row stands in it."""

    heading: str
    width: int
    number_format: str
    value: Callable[[Row], str | int | Decimal | None]


def board_workbook(ranking: Ranking, user: User, filters: Filters, now: datetime) -> tuple[bytes, int]:
    """The workbook and its number of villages. Reads the results in one streamed query."""
    words = Words.of(ranking)
    columns = _columns(words, filters)
    output = BytesIO()
    workbook = xlsxwriter.Workbook(output, OPTIONS)
    sheet = workbook.add_worksheet(_("Ranking"))
    _set_up_page(sheet, columns)
    _write_head(workbook, sheet, ranking, user, filters, columns, now)
    count = _write_rows(workbook, sheet, columns, _rows(ranking, user, filters))
    _write_foot(workbook, sheet, FIRST_ROW + count + 1, words)
    sheet.autofilter(FIRST_ROW - 1, 0, FIRST_ROW - 1 + count, len(columns) - 1)
    workbook.close()
    return output.getvalue(), count


def _rows(ranking: Ranking, user: User, filters: Filters) -> Iterator[Row]:
    townships = board.groups_of(ranking, user).townships
    chunk: list[Any] = []
    for result in board.listed(ranking, user, filters).iterator(chunk_size=READ_AHEAD):
        chunk.append(result)
        if len(chunk) == READ_AHEAD:
            yield from board.dress(chunk, ranking, user, filters, townships=townships, with_lost=True)
            chunk = []
    yield from board.dress(chunk, ranking, user, filters, townships=townships, with_lost=True)


def _columns(words: Words, filters: Filters) -> list[_Column]:
    points, whole = "0.00", "0"
    columns = [
        _Column(_("Rank (%(group)s)") % {"group": filters.group_label()}, 8, whole, lambda row: row.rank),
        _Column(_("Village"), 12, "", lambda row: row.result.village.name),
        _Column(_("Township"), 12, "", lambda row: row.township),
        _Column(_("Class"), 8, "", lambda row: str(row.result.get_village_class_display())),
        _Column(pgettext("score", "Total"), 8, points, lambda row: row.result.total),
    ]
    for place, category in enumerate(words.rules.categories):
        full = points_text(words.rules.category_weight(category.code))
        columns.append(_Column(f"{board.own_name(category)} {full}", 9, points, _category(place)))
    return [
        *columns,
        _Column(_("Bonus"), 7, points, lambda row: from_hundredths(row.result.bonus_hundredths)),
        _Column(_("Penalty"), 7, points, lambda row: -from_hundredths(row.result.penalty_hundredths)),
        _Column(_("Points since last month"), 9, "+0.00;-0.00;0.00", lambda row: row.difference),
        _Column(_("Places since last month (county)"), 9, "+0;-0;0", lambda row: row.result.moved),
        _Column(_("Rank in the county"), 8, whole, lambda row: row.result.county_rank),
        _Column(_("Rank in the township"), 8, whole, lambda row: row.result.township_rank),
        _Column(_("Grade"), 8, "", lambda row: row.grade_label),
        _Column(_("Veto"), 12, "", lambda row: row.veto),
        _Column(_("Most points lost"), 34, "", _lost_text),
        _Column(_("Not ranked because"), 24, "", _missing_text),
    ]


def _category(place: int) -> Callable[[Row], Decimal]:
    return lambda row: from_hundredths(row.result.category_hundredths[place])


def _lost_text(row: Row) -> str:
    return _("; ").join(f"{lost.code} {lost.name} −{lost.points}" for lost in row.lost)


def _missing_text(row: Row) -> str:
    if row.result.county_rank is not None:
        return ""
    return _("%(missing)s missing; %(low)s–%(high)s points, rank %(best)s–%(worst)s") % {
        "missing": row.missing,
        "low": row.low,
        "high": row.high,
        "best": row.result.rank_best,
        "worst": row.result.rank_worst,
    }


def _set_up_page(sheet: Worksheet, columns: list[_Column]) -> None:
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(FIRST_ROW - 1)
    sheet.freeze_panes(FIRST_ROW, 2)


def _write_head(
    workbook: Any,
    sheet: Worksheet,
    ranking: Ranking,
    user: User,
    filters: Filters,
    columns: list[_Column],
    now: datetime,
) -> None:
    """Title, then who made this from what and when, then the headings."""
    title = workbook.add_format({"bold": True, "font_size": 16, "align": "center"})
    small = workbook.add_format({"font_size": 10, "font_color": "#555555"})
    heading = workbook.add_format(
        {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter", "border": 1, "bg_color": "#ECEEF1"}
    )
    sheet.merge_range(0, 0, 0, len(columns) - 1, board_title(ranking, filters), title)
    facts = _("Revision %(revision)s, number %(number)s. Unit: points of 100. Exported by %(user)s, %(time)s.") % {
        "revision": ranking.revision,
        "number": board.snapshot_number(ranking),
        "user": user.name,
        "time": date_format(timezone.localtime(now), "SHORT_DATETIME_FORMAT"),
    }
    sheet.write_string(1, 0, facts, small)
    for place, column in enumerate(columns):
        sheet.write_string(FIRST_ROW - 1, place, column.heading, heading)
    sheet.set_footer(f"&L{board.snapshot_number(ranking)}&C&P / &N&R{user.name.replace('&', '&&')}")


def board_title(ranking: Ranking, filters: Filters) -> str:
    return _("%(county)s: village ranking of %(month)s (%(group)s)") % {
        "county": ranking.period.unit.name,
        "month": date_format(ranking.period.month, "YEAR_MONTH_FORMAT"),
        "group": filters.group_label(),
    }


def _write_rows(workbook: Any, sheet: Worksheet, columns: list[_Column], rows: Iterator[Row]) -> int:
    formats = [_cell_format(workbook, column) for column in columns]
    count = 0
    for count, row in enumerate(rows, start=1):
        for place, column in enumerate(columns):
            _write_cell(sheet, FIRST_ROW + count - 1, place, column.value(row), formats[place])
    return count


def _cell_format(workbook: Any, column: _Column) -> Format:
    settings: dict[str, Any] = {"border": 1, "valign": "vcenter"}
    if column.number_format:
        settings["num_format"] = column.number_format
    else:
        settings |= {"num_format": "@", "text_wrap": column.width > 20}
    return workbook.add_format(settings)


def _write_cell(sheet: Worksheet, row: int, place: int, value: str | int | Decimal | None, style: Format) -> None:
    if value is None or value == "":
        sheet.write_blank(row, place, None, style)
    elif isinstance(value, str):
        sheet.write_string(row, place, value, style)
    else:
        sheet.write_number(row, place, value, style)


def _write_foot(workbook: Any, sheet: Worksheet, row: int, words: Words) -> None:
    small = workbook.add_format({"font_size": 10, "font_color": "#555555"})
    sheet.write_string(row, 0, _("; ").join(words.grade_lines()), small)
    scheme = _("Scheme: %(name)s %(number)s %(document)s") % {
        "name": board.own_name_of_scheme(words.rules),
        "number": words.rules.number,
        "document": words.rules.document,
    }
    sheet.write_string(row + 1, 0, scheme.rstrip(), small)
