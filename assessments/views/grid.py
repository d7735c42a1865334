"""The monthly grid of a township, and the list of months that leads to it.

Reading goes through `assessments.entry`, writing through `assessments.services.returns`;
here requests are read and answers written. Screen: docs/guide/monthly-entry.md.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from functools import wraps
from html import escape
from typing import Any, NamedTuple

import xlsxwriter
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from assessments import cells
from assessments.cells import NOT_YET, State
from assessments.entry import (
    ComputedColumn,
    EntryRow,
    EntryTable,
    Part,
    columns_of,
    computed_preview,
    filled_columns,
    heading_of,
    load_table,
    read_values,
    rules_of_return,
    specs_of,
    title_of,
)
from assessments.models import Return, VillageMonth
from assessments.rules import CategoryRule, CellSpec, SchemeRules, in_language, plain
from assessments.services import returns
from assessments.services.returns import CellEdit, NotCompleteError
from assessments.views import grid_texts
from branches.models import VillageClass
from branches.scoping import must_hold

PARTS: dict[str, Part] = {"": "T", "county": "C"}
PAGE_ROWS = 24
View = Callable[..., HttpResponse]


# --- The page -------------------------------------------------------------------------------


@require_GET
def grid(request: HttpRequest, pk: int) -> HttpResponse:
    """One township's month as a table: the township's cells, or with `?part=county` the county's."""
    submission = _visible(request, pk)
    rules = rules_of_return(submission)
    part = _part(request)
    now = timezone.now()
    lock = _lock(submission, part, now)
    table = load_table(submission, part)
    computed = computed_preview(table) if part == "T" else []
    page = {
        "title": _("%(month)s figures") % {"month": date_format(submission.period.month, "YEAR_MONTH_FORMAT")},
        "crumbs": [(reverse("assessments:return_list"), _("Enter figures"))],
        "now": now,
        "submission": submission,
        "scheme": submission.period.scheme,
        "part": part,
        "parts": _tabs(submission, rules),
        "lock": lock,
        "is_locked": bool(lock),
        "columns": _columns(table),
        "categories": _categories(table),
        "rows": list(_rows(table, computed, bool(lock))),
        "computed": [_computed_head(column) for column in computed],
        "sums": _sums(table),
        "column_count": 1 + len(table.columns()) + len(computed),
        "row_count": 3 + len(table.rows),
        "computed_count": sum(item.source == "S" for item in rules.indicators),
        "filled": table.filled_count(),
        "cell_count": table.cell_count(),
        "data": _page_data(request, table, bool(lock)),
    }
    return render(request, "assessments/grid.html", page)


def _visible(request: HttpRequest, pk: int) -> Any:
    """The return with the user's rights on it; 404 outside their area."""
    user: User = request.user  # type: ignore[assignment]
    rows = returns.with_rights(Return.objects.for_user(user), user)
    return get_object_or_404(rows.select_related("period__scheme", "unit"), pk=pk)


def _part(request: HttpRequest) -> Part:
    try:
        return PARTS[request.GET.get("part", "")]
    except KeyError as error:
        raise Http404 from error


def _lock(submission: Any, part: Part, now: datetime) -> str:
    """Why the page is read-only, as a sentence; empty where the user may type."""
    if part not in returns.parts_for(submission):
        if part == "C":
            return _("These scores are entered by the county office.")
        return _("You can look at these figures; the township enters them.")
    needs_unlock = submission.state == Return.State.RETURNED or submission.period.state != submission.period.State.OPEN
    unlock = returns.open_unlock(submission) if needs_unlock else None
    return returns.lock_reason(submission, part, now=now, unlock=unlock)


class Tab(NamedTuple):
    label: str
    url: str
    part: Part


def _tabs(submission: Any, rules: SchemeRules) -> list[Tab]:
    """Both parts for those who do not fill in the township's part alone, where the county has cells at all."""
    if not specs_of(rules, "C") or (submission.may_enter and not submission.may_enter_county):
        return []
    url = reverse("assessments:grid", args=[submission.pk])
    return [
        Tab(_("Entered by the township"), url, "T"),
        Tab(_("Entered by the county"), f"{url}?part=county", "C"),
    ]


# --- The table --------------------------------------------------------------------------------


class Column(NamedTuple):
    """The head of a column. `short` and `label` are split where a line may break."""

    short: list[str]
    label: list[str]
    unit: str
    is_wide: bool
    definition: str


class Category(NamedTuple):
    name: str
    span: int


class RowView(NamedTuple):
    """A village. Its cells are written here, not in the template: a page has hundreds of them."""

    village_id: int
    name: str
    kind: str
    cells: SafeString
    computed: SafeString


CELL = (
    '<td class="{}"><span class="g-cell{}"><input inputmode="decimal" autocomplete="off" aria-label="{} {}" value="{}"'
    ' aria-invalid="{}"{}><span class="d">{}</span><span class="h">{}</span></span></td>'
)
COMPUTED_CELL = '<td class="g-calc" title="{}"><span class="g-cell"><span class="v">{}</span></span></td>'
READ_ONLY = " readonly"


def _columns(table: EntryTable) -> list[Column]:
    found = []
    for spec in table.columns():
        indicator = table.rules.indicator(spec.indicator)
        assert indicator is not None
        short, label = heading_of(indicator, spec)
        found.append(
            Column(
                _pieces(short), _pieces(label), _unit_line(spec), table.due_of(spec) is not None, indicator.definition
            )
        )
    return found


def _unit_line(spec: CellSpec) -> str:
    """What stands under a heading: the unit, or the scale of a score."""
    if spec.kind == "score" and spec.maximum is not None:
        return f"0–{plain(spec.maximum)}"
    return cells.unit_of(spec)


def _pieces(text: str) -> list[str]:
    """A Chinese heading in pieces of two signs, between which a line may break; other text as it is."""
    if len(text) < 4 or not all("\u4e00" <= sign <= "\u9fff" for sign in text):
        return [text] if text else []
    pieces = [text[start : start + 2] for start in range(0, len(text), 2)]
    if len(pieces[-1]) == 1:
        pieces[-2:] = ["".join(pieces[-2:])]
    return pieces


def _categories(table: EntryTable) -> list[Category]:
    """Category heads over their columns, in the order of the columns."""
    by_code: dict[str, CategoryRule] = {item.code: item for item in table.rules.categories}
    found: list[Category] = []
    current = ""
    for spec in table.columns():
        if spec.category != current:
            current = spec.category
            item = by_code[current]
            found.append(Category(in_language(item.name, item.name_en), 0))
        found[-1] = found[-1]._replace(span=found[-1].span + 1)
    return found


def _computed_head(column: ComputedColumn) -> dict[str, Any]:
    item = column.indicator
    unit = "%" if item.has_denominator else in_language(item.unit, item.unit_en)
    short = in_language(item.short_name or item.name, item.short_name_en or item.name_en)
    return {"short": _pieces(short), "unit": unit, "total": column.total, "name": in_language(item.name, item.name_en)}


def _rows(table: EntryTable, computed: list[ComputedColumn], is_locked: bool) -> Iterator[RowView]:
    kinds = dict(VillageClass.Kind.choices)
    columns = [(spec, table.due_of(spec), _spoken(table, spec)) for spec in table.columns()]
    tail = READ_ONLY if is_locked else ""
    for place, row in enumerate(table.rows):
        shown = [_cell(table, row, spec, due, spoken, tail) for spec, due, spoken in columns]
        beside = [(column.cells[place].note, column.cells[place].text) for column in computed]
        yield RowView(
            row.record.village_id,
            row.village,
            str(kinds.get(row.record.village_class, "")),
            _markup(CELL, shown),
            _markup(COMPUTED_CELL, beside),
        )


def _markup(cell: str, texts: Iterable[tuple[str, ...]]) -> SafeString:
    """`cell` once for each line of texts, each of them escaped; `format_html` would take as long as all the rest."""
    return SafeString("".join([cell.format(*map(escape, line)) for line in texts]))


def _spoken(table: EntryTable, spec: CellSpec) -> str:
    """`纠纷受理（件）`, read out after the village's name."""
    unit = _unit_line(spec)
    title = table.title(spec.code)
    return _("%(title)s (%(unit)s)") % {"title": title, "unit": unit} if unit else title


def _cell(
    table: EntryTable, row: EntryRow, spec: CellSpec, due: CellSpec | None, spoken: str, tail: str
) -> tuple[str, ...]:
    """What goes into CELL. A part with a known whole shows it after a slash, a question mark where it is not known."""
    value = row.values.get(spec.code, NOT_YET)
    css, hint, is_invalid = _state(table, row, spec, due, value, cells.text_of(row.last.get(spec.code, NOT_YET)))
    whole = ""
    if due is not None:
        whole = f"/ {cells.text_of(row.values.get(due.code, NOT_YET)) or '?'}"
    invalid = "true" if is_invalid else "false"
    return css, " has-due" if due else "", row.village, spoken, cells.text_of(value), invalid, tail, whole, hint


def _state(
    table: EntryTable, row: EntryRow, spec: CellSpec, due: CellSpec | None, value: cells.Value, last: str
) -> tuple[str, str, bool]:
    """Class, small text and validity of a cell; the script paints the same once it runs."""
    if value.state == State.EXEMPT:
        return "is-off", _("exempt"), False
    if value.state == State.NOT_APPLICABLE:
        return "is-off", _("not applicable"), False
    if table.is_missing(row, spec.code):
        return "is-empty", last, False
    found = table.problem(row, spec.code)
    if found is None and due is not None:
        found = table.problem(row, due.code)
    if found is None:
        return ("is-remark" if row.open_remark(spec.code) else ""), last, False
    return ("is-wrn", last, False) if found.asks_reason else ("is-err", last, True)


def _sums(table: EntryTable) -> list[str]:
    """The totals row: sums of counts and amounts, a dash where a sum says nothing."""
    return [
        cells.number_text(cells.total([row.values.get(spec.code, NOT_YET) for row in table.rows]))
        if spec.kind in cells.UNUSUAL_LEAST
        else "—"
        for spec in table.columns()
    ]


def _page_data(request: HttpRequest, table: EntryTable, is_locked: bool) -> dict[str, Any]:
    """Everything the script works with: what is stored, what it is compared with, limits and words."""
    submission: Any = table.submission
    dues = {spec.code: due.code for spec in table.columns() if (due := table.due_of(spec))}
    return {
        "user": request.user.pk,
        "submission": submission.pk,
        "month": date_format(submission.period.month, "YEAR_MONTH_FORMAT"),
        "township": submission.unit.name,
        "part": table.part,
        "isLocked": is_locked,
        "maySubmit": table.part == "T" and submission.may_submit,
        "urls": {
            name: reverse(f"assessments:grid_{name}", args=[submission.pk])
            for name in ("cells", "submit", "withdraw", "difference", "history")
        },
        "rules": cells.page_rules(),
        "specs": {
            code: {
                **cells.spec_data(spec),
                "title": table.title(code),
                "indicator": spec.indicator,
                "due": dues.get(code),
            }
            for code, spec in table.specs.items()
        },
        "columns": [spec.code for spec in table.columns()],
        "rows": [_row_data(table, row) for row in table.rows],
        "peers": {
            kind: {code: [peers.low, peers.high] for code, peers in of_class.items()}
            for kind, of_class in table.peers.items()
        },
        "known": table.known,
        "texts": grid_texts.texts(),
    }


def _row_data(table: EntryTable, row: EntryRow) -> dict[str, Any]:
    record = row.record
    return {
        "village": record.village_id,
        "name": row.village,
        "kind": record.village_class,
        "values": {code: record.values[code] for code in table.specs if code in record.values},
        "notes": {code: record.notes[code] for code in table.specs if code in record.notes},
        "last": {code: value.stored() for code in table.specs if (value := row.last.get(code))},
        "remarks": {code: remark["text"] for code in table.specs if (remark := row.open_remark(code))},
    }


# --- Answers for the script ---------------------------------------------------------------------


def answers(view: View) -> View:
    """Turns what a service refuses into JSON: 403, 404, 409 for what is locked, 422 for the rest."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotCompleteError as error:
            findings = [
                {"village": item.village_id, "code": item.code, "message": item.message} for item in error.findings
            ]
            return _refusal(422, "incomplete", error.messages[0], findings=findings)
        except ValidationError as error:
            code = str(getattr(error, "code", "") or "invalid")
            return _refusal(409 if code in ("locked", "under_review") else 422, code, error.messages[0])
        except PermissionDenied as error:
            return _refusal(403, "forbidden", str(error))
        except Http404:
            return _refusal(404, "not_found", _("This return is not in your area."))

    return answering


def _refusal(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": code, "message": message, **more}, status=status)


def _known(request: HttpRequest, pk: int) -> Return:
    """The return's key, for services that read and lock the rest themselves; 404 outside the user's area."""
    user: User = request.user  # type: ignore[assignment]
    return get_object_or_404(Return.objects.for_user(user).only("pk"), pk=pk)


@require_POST
@answers
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Stores edited cells; see `returns.save_cells`. The answer names what was saved, refused or changed by others."""
    submission = _known(request, pk)
    now = timezone.now()
    outcome = returns.save_cells(submission, _read_edits(request.body), by=request.user, now=now)  # type: ignore[arg-type]
    return JsonResponse(
        {
            "at": date_format(timezone.localtime(now), "TIME_FORMAT"),
            "saved": [
                {"village": cell.village_id, "code": cell.code, "stored": cell.stored, "note": cell.note}
                for cell in outcome.saved
            ],
            "conflicts": [
                {
                    "village": item.village_id,
                    "code": item.code,
                    "stored": item.stored,
                    "who": item.who,
                    "at": "" if item.at is None else _moment(item.at),
                }
                for item in outcome.conflicts
            ],
            "problems": [
                {"village": item.village_id, "code": item.code, "problem": item.problem, "message": item.message}
                for item in outcome.problems
            ],
        }
    )


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "RECENT_DATETIME_FORMAT")


def _read_edits(body: bytes) -> list[CellEdit]:
    """The edits of a request. Raises ValidationError "malformed" for anything that is not one."""
    try:
        return [_read_edit(item) for item in json.loads(body)["edits"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValidationError(_("The request cannot be read. Load the page again."), "malformed") from error


def _read_edit(item: dict[str, Any]) -> CellEdit:
    village, code, base, value = item["village"], item["code"], item["base"], item.get("value")
    state, reason, note = item.get("state", "given"), item.get("reason", ""), item.get("note")
    if type(village) is not int or not all(isinstance(text, str) for text in (code, state, reason)):
        raise TypeError("village is a number; code, state and reason are text")
    if not (base is None or type(base) is int or isinstance(base, list)):
        raise TypeError("base is a stored value")
    if not all(text is None or isinstance(text, str) for text in (value, note)):
        raise TypeError("value and note are text or nothing")
    if state not in (State.GIVEN, State.NOT_APPLICABLE, State.EXEMPT):
        raise ValueError("a state that nobody types")
    return CellEdit(village, code, base, value, state, reason, note)


@require_POST
@answers
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    submission = returns.submit_return(_known(request, pk), by=request.user, now=timezone.now())  # type: ignore[arg-type]
    return JsonResponse({"state": submission.state})


@require_POST
@answers
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    submission = returns.withdraw_return(_known(request, pk), by=request.user, now=timezone.now())  # type: ignore[arg-type]
    return JsonResponse({"state": submission.state})


@require_GET
@answers
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed against last month, for the dialog before handing in."""
    comparison = returns.difference(_visible(request, pk))
    return JsonResponse(
        {
            "differences": [
                {
                    "label": item.label,
                    "unit": item.unit,
                    "now": _sum_text(item.now),
                    "before": _sum_text(item.before),
                    "change": _change(item),
                    "changed": item.changed,
                }
                for item in comparison.differences
            ],
            "explanations": [asdict(item) for item in comparison.explanations],
        }
    )


def _sum_text(scaled: int | None) -> str:
    return "—" if scaled is None else cells.number_text(scaled)


def _change(item: returns.Difference) -> str:
    """`+10.5%`, or the words for no change and for nothing to compare with."""
    if item.now is None or item.before is None:
        return "—"
    if item.now == item.before:
        return _("no change")
    return cells.change_percent(item.now, item.before, places=1) or "—"


@require_GET
@answers
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """Who changed which cell, newest first."""
    lines = returns.history(_visible(request, pk))
    return JsonResponse(
        {
            "lines": [
                {
                    "at": _moment(line.at),
                    "who": line.who,
                    "cell": f"{line.village} {line.label}",
                    "before": line.before,
                    "after": line.after,
                }
                for line in lines
            ]
        }
    )


# --- The template to fill in outside --------------------------------------------------------------


@require_GET
def template(request: HttpRequest, pk: int) -> FileResponse:
    """An empty workbook in the layout of the grid: filled in and copied, it is pasted back by the villages' names."""
    submission = _visible(request, pk)
    rules = rules_of_return(submission)
    names = VillageMonth.objects.filter(submission=submission).order_by("path").values_list("village__name", flat=True)
    buffer = _workbook(list(names), rules, _part(request))
    name = f"{submission.unit.name} {submission.period.month:%Y-%m}.xlsx"
    return FileResponse(buffer, as_attachment=True, filename=name)


def _workbook(villages: list[str], rules: SchemeRules, part: Part) -> io.BytesIO:
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet(pgettext("grid", "Figures"))
        head = book.add_format({"bold": True, "text_wrap": True, "align": "center", "bg_color": "#F3F4F6", "border": 1})
        cell = book.add_format({"border": 1})
        sheet.write_string(0, 0, _("Village"), head)
        for place, spec in enumerate(columns_of(specs_of(rules, part)), start=1):
            sheet.write_string(0, place, f"{title_of(rules, spec)}\n{_unit_line(spec)}", head)
            for line in range(len(villages)):
                sheet.write_blank(line + 1, place, None, cell)
        for line, village in enumerate(villages, start=1):
            sheet.write_string(line, 0, village, cell)
        sheet.set_column(0, 0, 16)
        sheet.set_row(0, 48)
        sheet.freeze_panes(1, 1)
    buffer.seek(0)
    return buffer


# --- The list of months -----------------------------------------------------------------------------


class ReturnLine(NamedTuple):
    """A return in the list; `filled` of `total` cells while it is being filled in."""

    submission: Any
    filled: int
    total: int
    has_county_cells: bool


@require_GET
def return_list(request: HttpRequest) -> HttpResponse:
    """The months of the user's townships: for a township its own, newest first; for a county one month at a time."""
    user: User = request.user  # type: ignore[assignment]
    must_hold(user, "assessments.view_return")
    visible = returns.with_rights(Return.objects.for_user(user), user)
    months = list(visible.order_by("-period__month").values_list("period__month", flat=True).distinct())
    is_wide = visible.values("unit").distinct().count() > 1
    month = _month(request, months) if is_wide else None
    rows = visible.select_related("period", "unit").order_by("-period__month", "path")
    if month is not None:
        rows = rows.filter(period__month=month)
    page = Paginator(rows, PAGE_ROWS * 2 if is_wide else PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        "title": _("Enter figures"),
        "lines": _lines(list(page.object_list)),
        "page": page,
        "months": months,
        "month": month,
        "is_wide": is_wide,
        "may_review": user.has_perm("assessments.review_return"),
        "now": timezone.now(),
    }
    return render(request, "assessments/return_list.html", context)


def _month(request: HttpRequest, months: list[date]) -> date | None:
    """The month asked for, else the newest; 404 for one that is not there."""
    asked = request.GET.get("month", "")
    if not asked:
        return months[0] if months else None
    found = next((month for month in months if f"{month:%Y-%m}" == asked), None)
    if found is None:
        raise Http404
    return found


def _lines(submissions: list[Any]) -> list[ReturnLine]:
    """Rows of the list with their progress. One query for those being filled in."""
    rules = {row.period_id: rules_of_return(row) for row in submissions}
    filling = [row for row in submissions if row.state in returns.OPEN_STATES]
    filled: dict[int, int] = dict.fromkeys((row.pk for row in submissions), 0)
    total = dict(filled)
    specs = {row.pk: specs_of(rules[row.period_id], "T") for row in filling}
    values = VillageMonth.objects.filter(submission__in=filling).values_list("submission_id", "values")
    for submission_id, stored in values if filling else ():
        filled[submission_id] += filled_columns(specs[submission_id], read_values(stored))
        total[submission_id] += len(columns_of(specs[submission_id]))
    return [
        ReturnLine(row, filled[row.pk], total[row.pk], bool(specs_of(rules[row.period_id], "C"))) for row in submissions
    ]
