"""What the pages of the import show: kinds of rosters, batches in sight, the preview's rows, columns, samples.

A batch shows to who holds the right to see imports where it lies *and* the right to write such
rows there: a preview is as telling as the roster itself. Rule: docs/import.md, “在网页上改”.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import BooleanField, Case, ExpressionWrapper, Q, QuerySet, Value, When
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from branches.scoping import paths_for, rows_for
from branches.unit_lookup import UnitLookup
from imports import batches
from imports.choices import Choices, HandTable
from imports.glimpse import Glimpse
from imports.models import ImportBatch, ImportRow
from imports.preview import problems_of
from imports.problems import Problem
from imports.repairs import TOWNSHIP, VILLAGE, Group, Layout, groups_of, may_be_empty
from imports.sheets import Sheet, names, sheet_called
from imports.tables import HEADINGS_NEEDED, column_letters
from imports.workbooks import skip_reason

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Kind:
    """A roster in words. `unit` is the measure word of its rows, `url_name` the page of what it keeps."""

    label: str | Promise
    needed: str | Promise
    unit: str | Promise
    url_name: str


KINDS: dict[str, Kind] = {
    "cadres": Kind(
        gettext_lazy("Roster of village cadres"),
        gettext_lazy("township, village, name, post"),
        pgettext_lazy("import unit", "people"),
        "cadres:person_list",
    ),
    "reserve_cadres": Kind(
        gettext_lazy("Roster of reserve cadres"),
        gettext_lazy("township, village, name"),
        pgettext_lazy("import unit", "people"),
        "reserve:list",
    ),
    "units": Kind(
        gettext_lazy("Sheet of village cards"),
        gettext_lazy("township, village"),
        pgettext_lazy("import unit", "villages"),
        "branches:village_list",
    ),
    "branches": Kind(
        gettext_lazy("List of Party organizations"),
        gettext_lazy("township, village, name of the organization, kind"),
        pgettext_lazy("import unit", "organizations"),
        "admin:branches_branch_changelist",
    ),
    "ledger": Kind(
        gettext_lazy("Ledger of collective income"),
        gettext_lazy("township, village, month, at least one amount"),
        pgettext_lazy("import unit", "records"),
        "collective_economy:ledger",
    ),
    "training": Kind(
        gettext_lazy("List of people at a training"),
        gettext_lazy("name, village, training"),
        pgettext_lazy("import unit", "records"),
        "cadres:training_list",
    ),
}


def kinds_for(user: User) -> dict[str, Kind]:
    """The rosters whose rows the user may write somewhere, in the order of KINDS."""
    offered = [name for name in KINDS if name in names()]
    return {name: KINDS[name] for name in offered if paths_for(user, sheet_called(name).permission)}


def batches_for(user: User, action: str = "view") -> QuerySet[ImportBatch]:
    """Imports in the user's sight, of rosters whose rows they may write where the import lies."""
    rows: QuerySet[ImportBatch] = rows_for(user, ImportBatch, action)
    conditions = [
        Q(sheet=name, path__startswith=path)
        for name in kinds_for(user)
        for path in paths_for(user, sheet_called(name).permission)
    ]
    if not conditions:
        return rows.none()
    has_file = ExpressionWrapper(Q(sealed_file__isnull=False), BooleanField())
    # Files and answers are large and sealed; they are fetched where they are used.
    rows = rows.filter(reduce(or_, conditions)).defer("sealed_file", "choices", "glimpse")
    return rows.annotate(has_file=has_file).select_related("uploaded_by", "job")


def records_url(batch: ImportBatch) -> str:
    """The page of what the roster keeps, "" where that part of the product is not installed."""
    try:
        return reverse(KINDS[batch.sheet].url_name)
    except NoReverseMatch:
        return ""


# --- Steps --------------------------------------------------------------------------------

UPLOAD, COLUMNS, PREVIEW, IMPORT, RESULT = range(1, 6)


def steps() -> list[str]:
    return [
        pgettext("import step", "Upload the file"),
        pgettext("import step", "Columns"),
        pgettext("import step", "Check"),
        pgettext("import step", "Import"),
        pgettext("import step", "Result"),
    ]


def step_of(batch: ImportBatch) -> int:
    state = ImportBatch.State
    if batch.state in (state.CONFIRMED, state.UNDOING):
        return IMPORT
    if batch.state in (state.APPLIED, state.UNDONE):
        return RESULT
    return UPLOAD if batch.state in (state.UPLOADED, state.FAILED, state.CANCELLED) else PREVIEW


# --- Tabs of the preview ------------------------------------------------------------------

TABS = ("problems", "new", "changed", "missing", "left_out", "all")


@dataclass(frozen=True)
class Tab:
    name: str
    label: str
    count: int


def tabs_of(batch: ImportBatch, with_problems: int) -> list[Tab]:
    told = batch.answer
    labels = {
        "problems": (_("With problems"), with_problems),
        "new": (str(ImportRow.Outcome.NEW.label), told["new"]),
        "changed": (str(ImportRow.Outcome.CHANGED.label), told["changed"]),
        "missing": (str(ImportRow.Outcome.MISSING.label), told["missing"]),
        "left_out": (str(ImportRow.Outcome.LEFT_OUT.label), told.get("left_out", 0)),
        "all": (_("All rows"), told["rows"]),
    }
    return [Tab(name, *labels[name]) for name in TABS if name != "left_out" or labels[name][1]]


def tab_chosen(asked: str, tabs: list[Tab]) -> str:
    """The tab asked for; without one the first that has rows."""
    if asked in TABS:
        return asked
    return next((tab.name for tab in tabs if tab.count), "all")


def with_problems(batch: ImportBatch) -> QuerySet[ImportRow]:
    return batch.rows.filter(Q(outcome=ImportRow.Outcome.FAULTY) | Q(has_warnings=True))


def rows_of_tab(batch: ImportBatch, tab: str) -> QuerySet[ImportRow]:
    """Rows in the order of the file; those with errors first where problems are looked at."""
    if tab == "problems":
        faulty_first = Case(When(outcome=ImportRow.Outcome.FAULTY, then=Value(0)), default=Value(1))
        return with_problems(batch).order_by(faulty_first, "position")
    if tab == "all":
        beside = (ImportRow.Outcome.MISSING, ImportRow.Outcome.LEFT_OUT)
        return batch.rows.exclude(outcome__in=beside).order_by("position")
    return batch.rows.filter(outcome=tab).order_by("position")


# --- Rows of the preview ------------------------------------------------------------------

FIRST_FIELDS = (TOWNSHIP, VILLAGE)


@dataclass(frozen=True)
class Heading:
    field: str
    label: str


@dataclass
class Input:
    """One cell that can be corrected. `value` is None when the text cannot be shown to be typed over."""

    name: str
    empty_name: str
    value: str | None
    may_be_empty: bool
    is_place: bool
    label: str
    row: int
    """Row of the spreadsheet, where it is not the row it stands at."""


@dataclass
class CellView:
    label: str = ""
    text: str = ""
    is_secret: bool = False
    sentences: list[tuple[bool, str]] = field(default_factory=list)
    """(is an error, what is wrong)"""
    inputs: list[Input] = field(default_factory=list)

    @property
    def tone(self) -> str:
        if not self.sentences:
            return ""
        return "is-err2" if any(is_error for is_error, _sentence in self.sentences) else "is-wrn3"


@dataclass
class RowView:
    row: ImportRow
    subject: CellView
    cells: list[CellView]
    faults: list[str]
    """Headings at which its problems stand."""


def headings_of(layout: Layout, rows: Sequence[ImportRow], *, only_faulty: bool = False) -> list[Heading]:
    """The columns that the table shows: who and where first, then those that a row has something in.

    `only_faulty`: of the others those at which a problem stands, so that all of them are in sight.
    """
    shown: set[str] = set()
    faulty: set[str] = set()
    for row in rows:
        shown |= row.cells.keys()
        faulty |= {layout.field_of(problem.worksheet, problem.column) for problem in problems_of(row)}
    first = [layout.sheet.subject, *(name for name in FIRST_FIELDS if name in shown | faulty)]
    others = faulty if only_faulty else shown | faulty
    order = [*first, *(column.field for column in layout.sheet.columns if column.field in others)]
    return [Heading(name, layout.sheet.by_field[name].headings[0]) for name in dict.fromkeys(order)]


def row_view(row: ImportRow, headings: list[Heading], layout: Layout) -> RowView:
    cells = {
        heading.field: CellView(heading.label, row.cells.get(heading.field, ""), layout.is_secret(heading.field))
        for heading in headings
    }
    subject = headings[0].field
    for index, problem in enumerate(problems_of(row)):
        name = layout.field_of(problem.worksheet, problem.column)
        cell = cells.get(name) or cells[subject]
        cell.sentences.append((problem.is_error, _sentence(problem, row)))
        found = input_for(row, index, problem, layout)
        if not any(each.row == problem.row and each.label == problem.column for each in cell.inputs):
            cell.inputs.append(found)
    faults = list(dict.fromkeys(problem.column for problem in problems_of(row)))
    return RowView(row, cells[subject], [cells[heading.field] for heading in headings[1:]], faults)


def _sentence(problem: Problem, row: ImportRow) -> str:
    message = str(problem.as_json()["message"])
    return message if problem.row == row.number else f"{problem.row}: {message}"


def input_for(row: ImportRow, index: int, problem: Problem, layout: Layout) -> Input:
    """Only a cell with a problem can be corrected, and only under the name of that problem."""
    name = layout.field_of(problem.worksheet, problem.column)
    is_whole = problem.row == row.number and not layout.has_several_columns(problem.worksheet, name)
    value = row.cells.get(name, "") if is_whole and not layout.is_secret(name) else None
    return Input(
        name=f"cell-{row.pk}-{index}",
        empty_name=f"empty-{row.pk}-{index}",
        value=value,
        may_be_empty=value is None and may_be_empty(layout.sheet, name, problem.code),
        is_place=name in (TOWNSHIP, VILLAGE),
        label=problem.column,
        row=problem.row,
    )


def problem_groups(batch: ImportBatch, layout: Layout) -> list[Group]:
    return groups_of(batch.rows.exclude(problems=[]).order_by("position"), layout)


# --- Places to choose from ----------------------------------------------------------------


def place_choices(batch: ImportBatch, user: User) -> dict[str, tuple[str, str]]:
    """What is offered where a place was not found: "township village" -> its two names, within what the user may write.

    Two queries. A township alone is offered too, for a cell of townships.
    """
    lookup = UnitLookup(user, sheet_called(batch.sheet).permission, timezone.localdate())
    choices = {place.name: (place.name, "") for place in lookup.townships.values()}
    for village in lookup.villages:
        township = lookup.townships.get(village.parent_path)
        if township is not None:
            choices[f"{township.name} {village.short_name}"] = (township.name, village.short_name)
    return choices


def offer_new_places(groups: Iterable[Group], sheet: Sheet, user: User) -> None:
    """Marks the groups whose village is not in the tree and may be put there by the user, who must hold that right."""
    asked = [group for group in groups if group.code == "unit_unknown" and group.field_name == VILLAGE]
    held = tuple(paths_for(user, sheet.permission_to_make_places)) if sheet.permission_to_make_places else ()
    if not asked or not held:
        return
    lookup = UnitLookup(user, sheet.permission, timezone.localdate())
    for group in asked:
        found = lookup.missing_village(group.township or None, group.value) if group.value else None
        group.may_make_place = found is not None and found[0].path.startswith(held)


def needs_places(groups: Iterable[Group]) -> bool:
    return any(group.is_error and group.is_place for group in groups)


# --- Columns ------------------------------------------------------------------------------


@dataclass
class ColumnView:
    """A column of the file. `field` is "" for one that is left out."""

    key: str
    """Its name in the form."""
    heading: str
    field: str
    samples: list[str]
    is_known: bool
    """The product names the field itself; otherwise users of this place once said so."""


@dataclass
class TableView:
    worksheet: str
    header_rows: list[int]
    is_by_hand: bool
    """Its columns were named on the page for worksheets without headings."""
    columns: list[ColumnView]
    shared: list[str]
    """Labels of fields that have more than one column here."""
    absent: list[str]
    """Headings of needed fields without a column and without a value in any row."""
    skipped: list[tuple[int, str]]
    """Rows and why."""


def column_tables(batch: ImportBatch) -> list[TableView]:
    """The columns of each worksheet with the first values that the check saw; without them once they are forgotten."""
    layout = Layout(batch)
    seen = Glimpse.from_json(batch.glimpse)
    absent = absent_fields(problem_groups(batch, layout), layout)
    views = []
    keys = column_keys(batch)
    for told in batch.answer.get("tables", []):
        samples = seen.columns.get(told["worksheet"], {})
        mapped: Mapping[str, str] = told["mapped"]
        order = list(samples) or [*mapped, *told["ignored"]]
        fields = list(mapped.values())
        views.append(
            TableView(
                told["worksheet"],
                told["header_rows"],
                told["worksheet"] in seen.tops,
                [
                    _column(keys[told["worksheet"], heading], heading, mapped, samples.get(heading, []), layout)
                    for heading in dict.fromkeys(order)
                ],
                [_label(layout.sheet, name) for name in dict.fromkeys(fields) if fields.count(name) > 1],
                [_label(layout.sheet, name) for name in absent.get(told["worksheet"], [])],
                [(skipped["row"], skip_reason(skipped["reason"])) for skipped in told["skipped"]],
            )
        )
    return views


def column_keys(batch: ImportBatch) -> dict[tuple[str, str], str]:
    """(worksheet, heading) -> what the column is called in the form: headings may hold anything."""
    return {
        (told["worksheet"], heading): f"column-{number}-{place}"
        for number, told in enumerate(batch.answer.get("tables", []))
        for place, heading in enumerate([*told["mapped"], *told["ignored"]])
    }


def _column(key: str, heading: str, mapped: Mapping[str, str], samples: list[str], layout: Layout) -> ColumnView:
    name = mapped.get(heading, "")
    return ColumnView(key, heading, name, samples, layout.sheet.headings.field_of(heading) == (name or None))


# --- Worksheets without headings ----------------------------------------------------------


@dataclass
class HandColumn:
    """A column to be named. `letters` as the spreadsheet program calls it."""

    key: str
    index: int
    letters: str
    field: str


@dataclass
class HandView:
    """The first rows of a worksheet whose columns the user may name."""

    worksheet: str
    first_key: str
    first_row: int
    columns: list[HandColumn]
    rows: list[tuple[int, list[str]]]
    """Number and the cells of `columns`."""


def hand_views(batch: ImportBatch) -> list[HandView]:
    """As they were named, else as files of this place were before."""
    tops, chosen = Glimpse.from_json(batch.glimpse).tops, Choices.from_json(batch.choices).tables
    remembered, sheet = batches.remembered_columns(batch), sheet_called(batch.sheet)
    return [
        _hand_view(number, name, rows, chosen.get(name), remembered, sheet)
        for number, (name, rows) in enumerate(tops.items())
    ]


def _hand_view(
    number: int,
    name: str,
    rows: list[list[str]],
    chosen: HandTable | None,
    remembered: Mapping[str, str],
    sheet: Sheet,
) -> HandView:
    first_row = chosen.first_row if chosen else _first_full_row(rows)
    above = rows[first_row - 2] if first_row > 1 else []
    known = sheet.headings.with_said(remembered)
    width = max((len(row) for row in rows), default=0)
    columns = []
    for index in range(width):
        if chosen:
            field_name = chosen.fields.get(index, "")
        elif any(index < len(row) and row[index] for row in rows):
            heading = above[index] if index < len(above) else ""
            field_name = (known.field_of(heading) if heading else None) or remembered.get(
                batches.letters_key(index), ""
            )
        else:
            continue
        columns.append(HandColumn(f"hand-{number}-{index}", index, column_letters(index), field_name))
    return HandView(
        name,
        f"first-{number}",
        first_row,
        columns,
        [
            (at, [row[column.index] if column.index < len(row) else "" for column in columns])
            for at, row in enumerate(rows, start=1)
        ],
    )


def _first_full_row(rows: list[list[str]]) -> int:
    """The first row in which at least three cells stand; a guess, which the user sees and may change."""
    full = (at for at, row in enumerate(rows, start=1) if sum(bool(cell) for cell in row) >= HEADINGS_NEEDED)
    return next(full, 1)


def absent_fields(groups: Iterable[Group], layout: Layout) -> dict[str, list[str]]:
    """Worksheet -> needed fields that have neither a column there nor a value in some row."""
    absent: dict[str, list[str]] = {}
    for group in groups:
        for worksheet in dict.fromkeys(place[0] for place in group.places):
            if group.code == "required_missing" and group.field_name not in layout.mapped.get(worksheet, {}).values():
                absent.setdefault(worksheet, []).append(group.field_name)
    return absent


def skipped_worksheets(batch: ImportBatch) -> list[tuple[str, str]]:
    return [(each["worksheet"], skip_reason(each["reason"])) for each in batch.answer.get("skipped_worksheets", [])]


def skipped_rows(batch: ImportBatch) -> int:
    return sum(len(table["skipped"]) for table in batch.answer.get("tables", []))


def fields_to_choose(sheet: Sheet) -> list[tuple[str, str]]:
    return [(column.field, _label(sheet, column.field)) for column in sheet.columns]


def _label(sheet: Sheet, name: str) -> str:
    return sheet.by_field[name].headings[0]


# --- What changes -------------------------------------------------------------------------


@dataclass(frozen=True)
class DifferenceView:
    label: str
    before: str
    now: str


def differences_of(row: ImportRow, sheet: Sheet) -> list[DifferenceView]:
    return [
        DifferenceView(_label(sheet, name) if name in sheet.by_field else name, before, now)
        for name, before, now in row.differences
    ]
