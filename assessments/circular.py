"""The monthly circular (通报) as a Word document, laid out like an official paper.

Page, fonts and line spacing follow GB/T 9704-2012. The text is Chinese in every language
of the portal, because the paper is. The county office fills in the document number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from docx import Document
from docx.document import Document as Paper
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt, RGBColor
from docx.table import Table
from docx.text.paragraph import Paragraph

from assessments import board, receipts
from assessments.board import Filters, Row, Words
from assessments.models import Ranking
from assessments.rules import from_hundredths, points_text

if TYPE_CHECKING:
    from accounts.models import User

TITLE_FONT, HEADING_FONT, BODY_FONT = "方正小标宋简体", "黑体", "仿宋_GB2312"
BODY_SIZE, TITLE_SIZE, TABLE_SIZE = Pt(16), Pt(22), Pt(10.5)
LINE = Pt(28)
RED = RGBColor(0xC0, 0x00, 0x00)
SHOWN = 10
COMMON_LOSSES = 5


AFTER_BORDERS = (
    "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:snapToGrid", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc",
)  # fmt: skip
"""What the schema of a paragraph's properties wants behind its borders."""


@dataclass(frozen=True)
class _Township:
    name: str
    villages: int
    average_hundredths: int


def circular_document(ranking: Ranking, user: User, now: datetime) -> bytes:
    """The circular of a ranking as .docx; a draft says so in its title. Constant queries."""
    with translation.override("zh-hans"):
        return _write(ranking, user, now)


def _write(ranking: Ranking, user: User, now: datetime) -> bytes:
    groups = board.groups_of(ranking, user)
    results = list(board.listed(ranking, user, Filters()))
    rows = board.dress(results, ranking, user, Filters(), townships=groups.townships, with_lost=True)
    paper = _blank_paper(ranking)
    words = Words.of(ranking)
    _letterhead(paper, ranking)
    _body(paper, ranking, words, rows)
    _signature(paper, ranking, now)
    _annex(paper, words, rows)
    output = BytesIO()
    paper.save(output)
    return output.getvalue()


def _blank_paper(ranking: Ranking) -> Paper:
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    style = paper.styles["Normal"]
    style.font.name, style.font.size = BODY_FONT, BODY_SIZE
    style.element.rPr.rFonts.set(qn("w:eastAsia"), BODY_FONT)
    style.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    style.paragraph_format.line_spacing = LINE
    style.paragraph_format.space_after = Pt(0)
    paper.core_properties.title = _title(ranking)
    paper.core_properties.author = _organisation(ranking)
    return paper


def _organisation(ranking: Ranking) -> str:
    return _("Organization Department of %(county)s") % {"county": ranking.period.unit.name}


def _title(ranking: Ranking) -> str:
    title = _("Circular on the village assessment of %(month)s") % {
        "month": date_format(ranking.period.month, "YEAR_MONTH_FORMAT")
    }
    return _("%(title)s (draft)") % {"title": title} if ranking.state == Ranking.State.DRAFT else title


def _letterhead(paper: Paper, ranking: Ranking) -> None:
    head = _line(paper, _organisation(ranking), WD_ALIGN_PARAGRAPH.CENTER, TITLE_FONT, Pt(36), RED)
    head.paragraph_format.line_spacing = Pt(48)
    year = ranking.period.month.year if ranking.published_at is None else timezone.localdate(ranking.published_at).year
    number = _line(paper, f"〔{year}〕　　号", WD_ALIGN_PARAGRAPH.CENTER)
    _rule_below(number)
    _line(paper, "", WD_ALIGN_PARAGRAPH.LEFT)
    _line(paper, _title(ranking), WD_ALIGN_PARAGRAPH.CENTER, TITLE_FONT, TITLE_SIZE)
    _line(paper, "", WD_ALIGN_PARAGRAPH.LEFT)


def _body(paper: Paper, ranking: Ranking, words: Words, rows: Sequence[Row]) -> None:
    _line(paper, _("To the Party committees of all townships:"), WD_ALIGN_PARAGRAPH.LEFT)
    _text(paper, _summary(ranking, words, rows))
    _heading(paper, _("1. Overall"))
    _text(paper, _grade_summary(words, rows))
    _table(paper, [_("Township"), _("Villages ranked"), _("Average")], _township_cells(rows), (Cm(6), Cm(4), Cm(4)))
    ranked = [row for row in rows if row.rank is not None]
    _heading(paper, _("2. Best placed villages"))
    _table(paper, _place_headings(), [_place_cells(row) for row in ranked[:SHOWN]], (Cm(2), Cm(4), Cm(4), Cm(3)))
    _heading(paper, _("3. Last placed villages"))
    _table(paper, _place_headings(), [_place_cells(row) for row in ranked[-SHOWN:]], (Cm(2), Cm(4), Cm(4), Cm(3)))
    _heading(paper, _("4. Where points were lost"))
    _text(paper, _losses(words, rows))
    missing = [row for row in rows if row.rank is None]
    if missing:
        _text(paper, _not_ranked(missing))
    if ranking.reason:
        _text(paper, _("Correction: %(reason)s") % {"reason": ranking.reason})
    if ranking.appeal_until:
        until = date_format(timezone.localtime(ranking.appeal_until), "LONG_DATE_FORMAT")
        _text(
            paper,
            _("Objections in writing are accepted until %(day)s, by the township for its villages.") % {"day": until},
        )


def _summary(ranking: Ranking, words: Words, rows: Sequence[Row]) -> str:
    return _(
        "According to %(scheme)s (%(document)s), the work of %(villages)s villages in %(month)s was assessed; "
        "%(ranked)s villages are ranked. The results are made known as follows."
    ) % {
        "scheme": words.rules.name,
        "document": words.rules.document or words.rules.number,
        "villages": len(rows),
        "ranked": sum(row.rank is not None for row in rows),
        "month": date_format(ranking.period.month, "YEAR_MONTH_FORMAT"),
    }


def _grade_summary(words: Words, rows: Sequence[Row]) -> str:
    counts = Counter(row.result.grade for row in rows if row.rank is not None)
    totals = [row.result.total_hundredths for row in rows if row.result.total_hundredths is not None]
    parts = [
        _("%(grade)s %(count)s villages") % {"grade": name, "count": counts[code]} for code, name in words.grades()
    ]
    average = points_text(_average(totals)) if totals else "—"
    return _("The county's average is %(average)s points. %(grades)s.") % {
        "average": average,
        "grades": pgettext("between names", ", ").join(parts),
    }


def _average(totals: Sequence[int]) -> int:
    """Hundredths, half up."""
    return (2 * sum(totals) + len(totals)) // (2 * len(totals))


def _township_cells(rows: Sequence[Row]) -> list[list[str]]:
    totals: dict[str, list[int]] = {}
    for row in rows:
        if row.result.total_hundredths is not None:
            totals.setdefault(row.township, []).append(row.result.total_hundredths)
    found = [_Township(name, len(values), _average(values)) for name, values in totals.items()]
    found.sort(key=lambda township: -township.average_hundredths)
    return [[one.name, str(one.villages), f"{from_hundredths(one.average_hundredths)}"] for one in found]


def _losses(words: Words, rows: Sequence[Row]) -> str:
    lost: Counter[str] = Counter()
    for row in rows:
        for line in receipts.lines_of(row.result, words.rules):
            if line.kind == "indicator" and line.state != "missing":
                lost[line.code] += line.lost
    parts = [
        _("%(indicator)s (%(points)s points in all)")
        % {"indicator": words.indicator(code), "points": points_text(sum_)}
        for code, sum_ in lost.most_common(COMMON_LOSSES)
        if sum_
    ]
    if not parts:
        return _("No village lost points.")
    return _("Most points were lost in: %(list)s. Townships are asked to help their villages there.") % {
        "list": _("; ").join(parts)
    }


def _not_ranked(rows: Sequence[Row]) -> str:
    names = [f"{row.township}{row.result.village.name}（{row.missing}）" for row in rows]
    return _("Not ranked for lack of values: %(names)s.") % {"names": _("; ").join(names)}


def _signature(paper: Paper, ranking: Ranking, now: datetime) -> None:
    _line(paper, "", WD_ALIGN_PARAGRAPH.LEFT)
    day = timezone.localtime(ranking.published_at or now)
    for text in (_organisation(ranking), date_format(day, "LONG_DATE_FORMAT")):
        _line(paper, text, WD_ALIGN_PARAGRAPH.RIGHT).paragraph_format.right_indent = Pt(64)
    number = _("Snapshot %(number)s, checksum %(checksum)s") % {
        "number": board.snapshot_number(ranking),
        "checksum": ranking.checksum[:12],
    }
    _line(paper, number, WD_ALIGN_PARAGRAPH.LEFT, size=Pt(9)).paragraph_format.space_before = Pt(14)


def _annex(paper: Paper, words: Words, rows: Sequence[Row]) -> None:
    paper.add_page_break()
    _line(paper, _("Annex"), WD_ALIGN_PARAGRAPH.LEFT, HEADING_FONT)
    _line(paper, _("Ranking of all villages"), WD_ALIGN_PARAGRAPH.CENTER, TITLE_FONT, TITLE_SIZE)
    headings = [_("Rank"), _("Village"), _("Township"), pgettext("score", "Total"), _("Grade"), _("Most points lost")]
    cells = [
        [
            "—" if row.rank is None else str(row.rank),
            row.result.village.name,
            row.township,
            f"{row.low}–{row.high}" if row.result.total is None else f"{row.result.total}",
            _("not ranked") if row.rank is None else row.grade_label,
            "、".join(f"{lost.name} −{lost.points}" for lost in row.lost),
        ]
        for row in rows
    ]
    _table(paper, headings, cells, (Cm(1.4), Cm(2.8), Cm(2.8), Cm(2), Cm(1.8), Cm(5)))
    _line(paper, "；".join(words.grade_lines()), WD_ALIGN_PARAGRAPH.LEFT, size=Pt(9))


def _place_headings() -> list[str]:
    return [_("Rank"), _("Village"), _("Township"), pgettext("score", "Total")]


def _place_cells(row: Row) -> list[str]:
    return [str(row.rank), row.result.village.name, row.township, f"{row.result.total}"]


# --- Parts of a paper ---------------------------------------------------------------------


def _line(
    paper: Paper,
    text: str,
    align: WD_ALIGN_PARAGRAPH,
    font: str = BODY_FONT,
    size: Pt = BODY_SIZE,
    colour: RGBColor | None = None,
) -> Paragraph:
    paragraph = paper.add_paragraph()
    paragraph.alignment = align
    _run(paragraph, text, font, size, colour)
    return paragraph


def _run(paragraph: Paragraph, text: str, font: str, size: Pt, colour: RGBColor | None = None) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, size
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    if colour is not None:
        run.font.color.rgb = colour


def _text(paper: Paper, text: str) -> None:
    _line(paper, text, WD_ALIGN_PARAGRAPH.JUSTIFY).paragraph_format.first_line_indent = 2 * BODY_SIZE


def _heading(paper: Paper, text: str) -> None:
    paragraph = _line(paper, text, WD_ALIGN_PARAGRAPH.LEFT, HEADING_FONT)
    paragraph.paragraph_format.first_line_indent = 2 * BODY_SIZE
    paragraph.paragraph_format.keep_with_next = True


def _rule_below(paragraph: Paragraph) -> None:
    """The red line under the letterhead."""
    borders = OxmlElement("w:pBdr")
    bottom = OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "12"), ("space", "6"), ("color", "C00000")):
        bottom.set(qn(f"w:{name}"), value)
    borders.append(bottom)
    paragraph._element.get_or_add_pPr().insert_element_before(borders, *AFTER_BORDERS)


def _table(paper: Paper, headings: Sequence[str], cells: Sequence[Sequence[str]], widths: Sequence[Cm]) -> None:
    """A table with a heading row that repeats on each page; rows are not split.

    Each body row is a copy of the first: making every cell anew takes ten times as long.
    """
    table = paper.add_table(rows=0, cols=len(headings))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _add_row(table, headings, widths, HEADING_FONT, is_head=True)
    if not cells:
        return
    pattern = _add_row(table, headings, widths, BODY_FONT, is_head=False)
    for texts in cells:
        row = deepcopy(pattern)
        for place, text in zip(row.iter(qn("w:t")), texts, strict=True):
            place.text = text
        table._tbl.append(row)
    table._tbl.remove(pattern)


def _add_row(table: Table, texts: Sequence[str], widths: Sequence[Cm], font: str, *, is_head: bool) -> Any:
    """A row with one run of text in each cell; its element."""
    row = table.add_row()
    properties = row._tr.get_or_add_trPr()
    for name in ("w:cantSplit", *(["w:tblHeader"] if is_head else [])):
        properties.append(OxmlElement(name))
    for cell, text, width in zip(row.cells, texts, widths, strict=True):
        cell.width = width
        paragraph = cell.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.line_spacing = Pt(18)
        _run(paragraph, text, font, TABLE_SIZE)
    return row._tr
