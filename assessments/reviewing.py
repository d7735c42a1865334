"""What the review page shows: the queue, and one return with what changed, what stands out and what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.models import AuditEvent
from assessments import review_tables
from assessments.cells import NOT_YET, UNUSUAL_LEAST, Problem, State, Value, label_of, text_of, unit_of
from assessments.entry import EntryRow, EntryTable
from assessments.models import Period, Return
from assessments.rules import CellSpec, from_scaled, in_language, value_text
from assessments.services.review import Verdict, standing_verdict

if TYPE_CHECKING:
    from accounts.models import User

MOST_CHANGED = 5
TABS = ("unusual", "changed", "all", "record")
MINUS = "\u2212"
RECORDED = 60

EVENT_LABELS = {
    "assessments.submit_return": gettext_noop("handed in"),
    "assessments.withdraw_return": gettext_noop("withdrawn"),
    "assessments.open_review": gettext_noop("review begun"),
    "assessments.return_cells": gettext_noop("returned"),
    "assessments.accept_return": gettext_noop("accepted"),
    "assessments.remind_return": gettext_noop("reminded"),
}


HINTS: dict[str, Promise] = {
    "unusual_change": gettext_lazy("%(change)s against last month"),
    "unusual_peers": gettext_lazy("villages of its class had %(low)s to %(high)s last month"),
    "whole_changed": gettext_lazy("the records say %(known)s"),
    "reason_required": gettext_lazy("points given by hand"),
}
"""What stands out, said to the reviewer; other problems are said as to the township."""


@dataclass(frozen=True)
class QueueItem:
    """A return in the list. `unusual` counts cells to look at, `waited` since it was handed in."""

    submission: Return
    unusual: int
    unexplained: int
    waited: timedelta | None

    @property
    def is_clean(self) -> bool:
        return self.unusual == 0

    @property
    def hours(self) -> int:
        return 0 if self.waited is None else self.waited // timedelta(hours=1)


@dataclass(frozen=True)
class Cell:
    """One cell under review, with all its row of the page needs."""

    village_id: int
    village: str
    spec: CellSpec
    value: Value
    last: Value
    spark: list[Decimal | None]
    problem: Problem | None
    note: str
    verdict: Verdict | None
    remark: str
    times: int
    whole: str = ""

    @property
    def key(self) -> str:
        return f"{self.village_id}-{self.spec.code}"

    @property
    def label(self) -> str:
        unit = unit_of(self.spec)
        label = label_of(self.spec)
        return f"{label}（{unit}）" if unit else label

    @property
    def now_text(self) -> str:
        return _value_text(self.value)

    @property
    def last_text(self) -> str:
        return _value_text(self.last)

    @property
    def hint(self) -> str:
        """What stands out, empty for a usual cell."""
        if self.problem is None:
            return ""
        words = HINTS.get(self.problem.code)
        return self.problem.message if words is None else str(words) % dict(self.problem.params)

    @property
    def is_changed(self) -> bool:
        return self.value != self.last

    @property
    def is_unusual(self) -> bool:
        return self.problem is not None

    @property
    def needs_note(self) -> bool:
        return self.problem is not None and not self.note

    @property
    def change(self) -> str:
        """In percent for counts and amounts, in the unit of the cell for scores and shares."""
        if self.value.scaled is None or self.last.scaled is None:
            return ""
        return change_words(self.spec, self.value.scaled, self.last.scaled)

    @property
    def difference(self) -> str:
        """The plain difference, as it stands in a small table."""
        if self.value.scaled is None or self.last.scaled is None:
            return ""
        return _signed(self.value.scaled - self.last.scaled) or _("no change")


@dataclass(frozen=True)
class Counts:
    """Cells of a return by how they compare with last month."""

    cells: int
    same: int
    usual: int
    unusual: int
    explained: int
    without_number: int
    late: int
    decided: int
    returned: int

    @property
    def unexplained(self) -> int:
        return self.unusual - self.explained

    @property
    def open(self) -> int:
        """Unusual cells without a verdict of their own."""
        return self.unusual - self.decided


@dataclass(frozen=True)
class VillageRow:
    """A village of the small table: its cells in the order of the columns."""

    village_id: int
    village: str
    cells: list[Cell]
    columns: list[Cell]

    @property
    def unusual(self) -> int:
        return sum(cell.is_unusual for cell in self.cells)


@dataclass(frozen=True)
class Review:
    """One return as the page shows it."""

    submission: Return
    table: EntryTable
    villages: list[VillageRow]

    def cells(self) -> list[Cell]:
        return [cell for village in self.villages for cell in village.cells]

    def unusual(self) -> list[Cell]:
        """What needs a look, unexplained before explained, then in the order of the table."""
        return sorted((cell for cell in self.cells() if cell.is_unusual), key=lambda cell: not cell.needs_note)

    def changed(self) -> list[Cell]:
        return [cell for cell in self.cells() if cell.is_changed]

    def returned(self) -> list[Cell]:
        return [cell for cell in self.cells() if cell.verdict == Verdict.RETURNED]

    def most_changed(self) -> list[VillageRow]:
        """The villages with most cells to look at, then most changes; none where nothing changed."""
        moved = [village for village in self.villages if any(cell.is_changed for cell in village.cells)]
        moved.sort(key=lambda village: (-village.unusual, -sum(cell.is_changed for cell in village.cells)))
        return moved[:MOST_CHANGED]

    def cell(self, key: str) -> Cell | None:
        return next((cell for cell in self.cells() if cell.key == key), None)

    def counts(self) -> Counts:
        cells = self.cells()
        unusual = [cell for cell in cells if cell.is_unusual]
        same = sum(not cell.is_changed and not cell.is_unusual for cell in cells)
        return Counts(
            cells=len(cells),
            same=same,
            usual=len(cells) - same - len(unusual),
            unusual=len(unusual),
            explained=sum(bool(cell.note) for cell in unusual),
            without_number=sum(cell.value.state in {State.NOT_APPLICABLE, State.EXEMPT} for cell in cells),
            late=sum(cell.value.state == State.LATE for cell in cells),
            decided=sum(cell.verdict is not None for cell in unusual),
            returned=len(self.returned()),
        )


def change_words(spec: CellSpec, now: int, last: int) -> str:
    """`+600.0%` for counts and amounts that had a value, else the difference with its unit; empty for no change."""
    if now == last:
        return ""
    if spec.kind in UNUSUAL_LEAST and last:
        tenths = (abs(now - last) * 2000 + abs(last)) // (2 * abs(last))
        return f"{'+' if now > last else MINUS}{tenths // 10}.{tenths % 10}%"
    unit = _("percentage points") if unit_of(spec) == "%" else unit_of(spec)
    return f"{_signed(now - last)} {unit}".rstrip()


def _signed(scaled: int) -> str:
    if not scaled:
        return ""
    return f"{'+' if scaled > 0 else MINUS}{value_text(abs(scaled))}"


def _value_text(value: Value) -> str:
    if value.state == State.EXEMPT:
        return _("exempt")
    text = text_of(value) or "—"
    return _("%(value)s (late)") % {"value": text} if value.state == State.LATE else text


def column_heading(table: EntryTable, spec: CellSpec) -> str:
    """The short heading of a cell's column: the indicator's for its counted part, else the cell's own label."""
    rule = table.rules.indicator(spec.indicator)
    if rule is not None and spec.code == rule.value_codes()[0] and rule.short_name:
        return in_language(rule.short_name, rule.short_name_en or rule.short_name)
    return label_of(spec)


# --- Reading ------------------------------------------------------------------------------


def returns_under_review(user: User, period: Period) -> QuerySet[Return]:
    return (
        Return.objects.for_user(user, "review")
        .filter(period=period)
        .select_related("unit", "period", "submitted_by", "reviewed_by")
        .order_by("submitted_at", "path")
    )


def months_to_review(user: User) -> list[Period]:
    """The months in which something was or can be reviewed, newest first. One query."""
    periods = Period.objects.for_user(user).filter(returns__in=Return.objects.for_user(user, "review"))
    return list(periods.exclude(state=Period.State.PLANNED).distinct().defer("rules_in_force").order_by("-month")[:12])


def queue_of(tables: Sequence[EntryTable], now: datetime) -> list[QueueItem]:
    """Returns with what waits in them, the longest waiting first."""
    return [_queue_item(table, now) for table in tables]


def _queue_item(table: EntryTable, now: datetime) -> QueueItem:
    submission = table.submission
    found = review_tables.problems_of(table)
    return QueueItem(
        submission=submission,
        unusual=len(found),
        unexplained=sum(not row.note(spec.code) for row, spec, _problem in found),
        waited=now - submission.submitted_at if submission.submitted_at else None,
    )


def review_of(table: EntryTable) -> Review:
    """The return with its history of six months. One query."""
    period = table.submission.period
    earlier = review_tables.earlier_values([row.record.village_id for row in table.rows], period)
    problems = {(row.record.village_id, spec.code): problem for row, spec, problem in review_tables.problems_of(table)}
    columns = {spec.code for spec in table.columns()}
    villages = []
    for row in table.rows:
        cells = [
            _cell(table, row, spec, earlier, problems.get((row.record.village_id, spec.code)))
            for spec in table.specs.values()
        ]
        shown = [cell for cell in cells if cell.spec.code in columns]
        villages.append(VillageRow(row.record.village_id, row.village, cells, shown))
    return Review(submission=table.submission, table=table, villages=villages)


def _cell(
    table: EntryTable,
    row: EntryRow,
    spec: CellSpec,
    earlier: dict[tuple[int, str], list[int | None]],
    problem: Problem | None,
) -> Cell:
    record, code = row.record, spec.code
    value = row.values.get(code, NOT_YET)
    remark = record.remarks.get(code) or {}
    due = table.due_of(spec)
    months = [*earlier.get((record.village_id, code), [None] * review_tables.MONTHS_BACK), value.scaled]
    return Cell(
        village_id=record.village_id,
        village=row.village,
        spec=spec,
        value=value,
        last=row.last.get(code, NOT_YET),
        spark=[None if number is None else from_scaled(number) for number in months],
        problem=problem,
        note=row.note(code),
        verdict=standing_verdict(remark, record.values.get(code), table.submission.submitted_at),
        remark=remark.get("text", ""),
        times=remark.get("times", 0),
        whole=_value_text(row.values.get(due.code, NOT_YET)) if due else "",
    )


@dataclass(frozen=True)
class Recorded:
    """One step of a return's way, for the tab of the record."""

    at: datetime
    who: str
    what: str
    reason: str


def record_of(submission: Return) -> list[Recorded]:
    """The steps of a return, newest first. Who may review it may read them."""
    events = AuditEvent.objects.filter(
        event__in=EVENT_LABELS, target_type=Return._meta.label_lower, target_id=str(submission.pk)
    ).select_related("actor")
    return [
        Recorded(event.at, event.actor.name if event.actor else "", _(EVENT_LABELS[event.event]), event.reason)
        for event in events.order_by("-pk")[:RECORDED]
    ]


def phrases() -> Iterable[str]:
    """What reviewers often write, offered as buttons."""
    return (
        _("Please check and correct the figure"),
        _("This contradicts last month, please check"),
        _("Please give the reason of the change"),
        _("Please hand in what is missing"),
    )
