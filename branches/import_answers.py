"""What a user typed and ticked on the preview, as corrections of cells. Everything is looked up in what is stored:
a form names a problem, never a cell of its own choosing."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _

from branches.import_pages import input_for, place_choices
from branches.unit_lookup import township_core
from imports.choices import CellPlace, RowPlace
from imports.models import ImportBatch, ImportRow
from imports.preview import problems_of
from imports.repairs import TOWNSHIP, VILLAGE, Group, Layout, groups_of, place_answer

if TYPE_CHECKING:
    from accounts.models import User

LONGEST = 500
"""Characters of one corrected cell."""


@dataclass
class Answers:
    cells: dict[CellPlace, str] = field(default_factory=dict)
    not_found: list[str] = field(default_factory=list)
    """Places that were typed and are not among those offered."""
    kept: dict[CellPlace, str] = field(default_factory=dict)
    """What stays as it was shown: an empty cell below a corrected one would take over the correction."""

    left_out: dict[RowPlace, bool] = field(default_factory=dict)
    """Whether a row stays out."""
    old_numbers: int = 0
    """Cells whose number of 15 digits is to be put into its form of 18."""
    new_places: dict[RowPlace, bool] = field(default_factory=dict)
    """Whether the place that a row names is to be made."""

    @property
    def says_something(self) -> bool:
        return bool(self.cells or self.left_out or self.new_places)

    def everything(self) -> dict[CellPlace, str]:
        return self.kept | self.cells


def answers_in(post: QueryDict, batch: ImportBatch, user: User) -> Answers:
    """Corrections of groups first, then those of single cells, which say more. Three queries beside the places."""
    layout = Layout(batch)
    answers = Answers()
    rows = list(batch.rows.exclude(problems=[]).order_by("position"))
    groups = {group.key: group for group in groups_of(rows, layout)}
    choices: dict[str, tuple[str, str]] = {}
    for group, typed in _answered_groups(post, groups):
        if group.is_place and not choices:
            choices = place_choices(batch, user)
        _take_group(answers, group, typed, choices)
    for row, place, typed in _answered_cells(post, rows, layout):
        name = layout.field_of(place[0], place[2])
        if name in (TOWNSHIP, VILLAGE) and " " in typed:
            choices = choices or place_choices(batch, user)
            single = Group(
                code="", field_name=name, label=place[2], township=row.cells.get(TOWNSHIP, ""), places=[place]
            )
            if name == VILLAGE and TOWNSHIP in layout.sheet.by_field:
                single.township_places = [(place[0], place[1], layout.heading_of(place[0], TOWNSHIP))]
            _take_group(answers, single, typed, choices)
        else:
            answers.cells[place] = typed
    if "convert" in post:
        answers.old_numbers = sum(len(group.places) for group in groups.values() if group.is_old_number)
    answers.kept = _kept(answers, batch, layout)
    _take_rows(answers, post, batch, rows, groups.values())
    return answers


def _take_rows(
    answers: Answers, post: QueryDict, batch: ImportBatch, rows: Iterable[ImportRow], groups: Iterable[Group]
) -> None:
    """What was ticked about whole rows: kept out, taken in again, their places made. One query where rows are out."""
    for group in groups:
        if group.is_error and f"out-{group.key}" in post:
            answers.left_out |= dict.fromkeys(group.row_places, True)
        if f"first-{group.key}" in post:
            answers.left_out |= dict.fromkeys(group.repeats, True)
        if group.is_place and f"make-{group.key}" in post:
            answers.new_places |= dict.fromkeys(group.row_places, True)
        if group.is_new_place and f"unmake-{group.key}" in post:
            answers.new_places |= dict.fromkeys(group.row_places, False)
    for row in rows:
        if f"out-row-{row.pk}" in post:
            faults = [problem for problem in problems_of(row) if problem.is_error]
            answers.left_out |= {(problem.worksheet, problem.row): True for problem in faults}
    if batch.answer.get("left_out"):
        kept_out = batch.rows.filter(outcome=ImportRow.Outcome.LEFT_OUT).order_by("position")
        back = [row for row in kept_out if f"in-row-{row.pk}" in post]
        answers.left_out |= {(row.worksheet, row.number): False for row in back}


def _kept(answers: Answers, batch: ImportBatch, layout: Layout) -> dict[CellPlace, str]:
    """The cell below each corrected one of a column that is filled down, as the preview showed it. One query."""
    fields = {column.field for column in layout.sheet.columns if column.fills_down}
    corrected = [(place, layout.field_of(place[0], place[2])) for place in answers.cells]
    corrected = [(place, name) for place, name in corrected if name in fields]
    if not corrected:
        return {}
    rows = batch.rows.exclude(outcome=ImportRow.Outcome.MISSING).order_by("number")
    by_worksheet: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    for worksheet, number, cells in rows.values_list("worksheet", "number", "cells"):
        by_worksheet[worksheet].append((number, cells))
    kept = {}
    for (worksheet, number, heading), name in corrected:
        below = bisect_right(by_worksheet[worksheet], number, key=lambda row: row[0])
        if below < len(by_worksheet[worksheet]):
            next_number, cells = by_worksheet[worksheet][below]
            if cells.get(name):
                kept[worksheet, next_number, heading] = cells[name]
    return kept


def _answered_groups(post: QueryDict, groups: Mapping[str, Group]) -> Iterable[tuple[Group, str]]:
    """Groups with a text, or "" for cells to be left empty."""
    for key, group in groups.items():
        if f"empty-{key}" in post and group.may_be_empty:
            yield group, ""
        elif group.takes_text and (typed := post.get(f"group-{key}", "").strip()[:LONGEST]):
            yield group, typed


def _take_group(answers: Answers, group: Group, typed: str, choices: Mapping[str, tuple[str, str]]) -> None:
    if not group.is_place:
        answers.cells |= dict.fromkeys(group.places, typed)
        return
    found = choices.get(typed) or _village_called(typed, group.township, choices)
    if found is None or (group.field_name == VILLAGE and not found[1]):
        answers.not_found.append(typed)
    else:
        answers.cells |= place_answer(group, *found)


def _village_called(name: str, township: str, choices: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    """The village of that name in the township that the file names, or the only one of that name."""
    found = [place for place in choices.values() if place[1] == name]
    near = [place for place in found if township_core(place[0]) == township_core(township)]
    return (near or found)[0] if len(near or found) == 1 else None


def _answered_cells(
    post: QueryDict, rows: Iterable[ImportRow], layout: Layout
) -> Iterable[tuple[ImportRow, CellPlace, str]]:
    """Single cells that were ticked to be left empty or whose text is another than what was shown."""
    for row in rows:
        for index, problem in enumerate(problems_of(row)):
            cell = input_for(row, index, problem, layout)
            place = (problem.worksheet, problem.row, problem.column)
            typed = post.get(cell.name)
            if cell.empty_name in post and cell.may_be_empty:
                yield row, place, ""
            elif typed is not None and typed.strip() != (cell.value or "").strip():
                yield row, place, typed.strip()[:LONGEST]


def left_in(post: QueryDict, kept: Mapping[str, date]) -> dict[str, date]:
    """Who has left: what was noted before, with the rows of this page as they are ticked now.

    ValidationError for a day that cannot be read.
    """
    left = dict(kept)
    ticked = set(post.getlist("left"))
    for number, target in enumerate(post.getlist("shown")):
        left.pop(target, None)
        if target in ticked:
            left[target] = _day(post.get(f"day-{number}", ""))
    return left


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValidationError(_("Write the last day in post as 2026-11-03."), "unreadable_day") from error
