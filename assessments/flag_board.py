"""The board of a round: villages by flags, numbers by flag against the round before, villages by number of flags.

Everything within what the reader sees: a township its villages, a lead department its flags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from assessments import flag_pages
from assessments.models import FlagApplication, FlagAward, FlagCategory, FlagCriterion, FlagRound
from assessments.rules import in_language, points_text
from branches.models import Unit
from branches.querysets import valid_on
from branches.scoping import rows_for, rows_with, subjects_for

State = FlagApplication.State
HELD, WAIT, OFF, NONE = "held", "wait", "off", "none"
VIEW = "assessments.view_flagapplication"
ON_THE_WAY = frozenset(State.values) - {State.AWARDED, State.REJECTED, State.WITHDRAWN}


@dataclass(frozen=True)
class Cell:
    """A village and a flag: how the mark looks, what stands below it, where it leads."""

    mark: str
    label: str
    points: str = ""
    note: str = ""
    detail: str = ""
    """The note at length: the gates that were not met."""
    is_warning: bool = False
    application_id: int | None = None


NOTHING = Cell(NONE, "")


@dataclass(frozen=True)
class Row:
    village: Unit
    township: str
    cells: list[Cell]
    held: int


@dataclass(frozen=True)
class Figure:
    """A flag's number of villages, and the change against the round before; None where there was none."""

    category: FlagCategory
    name: str
    number: int
    change: int | None
    applied: int


@dataclass(frozen=True)
class Board:
    rows: list[Row]
    figures: list[Figure]
    spread: list[tuple[int, int]]
    """Number of flags -> villages, the most flags first."""
    townships: list[Unit]
    awards: int
    pay_from: date | None
    states: Mapping[str, int]

    @property
    def most(self) -> int:
        return max((villages for _number, villages in self.spread), default=0)


def board_of(user: User, row: FlagRound) -> Board:
    """Seven queries, whatever the county's size."""
    categories = _categories(user, row)
    codes = [category.code for category in categories]
    villages, townships = _places(user, row)
    names = {township.path: township.name for township in townships}
    applications = rows_for(user, FlagApplication).filter(round=row)
    found = {(one.village_id, one.code): one for one in applications.defer("lines", "text")}
    awards = {
        (one.village_id, one.code): one
        for one in rows_for(user, FlagAward).filter(round=row, approved_by__isnull=False)
    }
    gates = _gate_names(categories, found.values())
    rows = []
    for village in villages:
        cells = [_cell(found.get((village.pk, code)), awards.get((village.pk, code)), gates) for code in codes]
        held = sum(cell.mark == HELD for cell in cells)
        rows.append(Row(village, names.get(village.path[: -Unit.steplen], ""), cells, held))
    rows.sort(key=lambda one: (-one.held, one.village.path))
    spread = Counter(one.held for one in rows)
    return Board(
        rows=rows,
        figures=_figures(user, row, categories, awards.values(), found.values()),
        spread=[(number, spread[number]) for number in range(len(codes), -1, -1)],
        townships=townships,
        awards=len(awards),
        pay_from=min((award.pay_from for award in awards.values()), default=None),
        states=Counter(one.state for one in found.values()),
    )


def _categories(user: User, row: FlagRound) -> list[FlagCategory]:
    """A lead department sees its own flags."""
    subjects = subjects_for(user, VIEW)
    return [one for one in row.categories.all() if subjects is None or one.code in subjects]


def _places(user: User, row: FlagRound) -> tuple[list[Unit], list[Unit]]:
    """Villages of the round in the reader's sight, and their townships: those of the round's last day."""
    villages = rows_with(user, Unit.objects.villages(), VIEW)
    seen = list(villages.filter(valid_on(row.last_on), path__startswith=row.path).order_by("path"))
    parents = {village.path[: -Unit.steplen] for village in seen}
    townships = Unit.objects.townships().filter(path__startswith=row.path)
    return seen, [one for one in townships.order_by("path") if one.path in parents]


def _gate_names(categories: Sequence[FlagCategory], rows: Collection[FlagApplication]) -> dict[tuple[int, str], str]:
    from_codes = {code for row in rows for code in row.gates_failed}
    found: dict[tuple[int, str], str] = {}
    if not from_codes:
        return found
    for item in FlagCriterion.objects.filter(category__in=categories, code__in=from_codes, is_gate=True):
        found[item.category_id, item.code] = flag_pages.criterion_name(item)
    return found


def _cell(row: FlagApplication | None, award: FlagAward | None, gates: Mapping[tuple[int, str], str]) -> Cell:
    if row is None or row.state == State.WITHDRAWN:
        return NOTHING
    score = "" if row.score_hundredths is None else points_text(row.score_hundredths)
    if award is not None and award.revoked_on is not None:
        when = _("taken %(day)s") % {"day": date_format(award.revoked_on, _("n/j"))}
        return Cell(OFF, _("flag taken away"), score, when, is_warning=True, application_id=row.pk)
    if award is not None:
        return Cell(HELD, _("flag held"), score, application_id=row.pk)
    if row.state in ON_THE_WAY:
        is_held = row.state == State.OBJECTION_HOLD
        return Cell(
            WAIT, row.get_state_display(), score, row.get_state_display(), is_warning=is_held, application_id=row.pk
        )
    words = [gates.get((row.category_id, code), code) for code in row.gates_failed]
    note = _("gate not met") if words else ""
    return Cell(NONE, _("no flag"), score, note, _(", ").join(words), is_warning=bool(words), application_id=row.pk)


def _figures(
    user: User,
    row: FlagRound,
    categories: Sequence[FlagCategory],
    awards: Collection[FlagAward],
    applications: Collection[FlagApplication],
) -> list[Figure]:
    numbers = Counter(award.code for award in awards if award.revoked_on is None)
    applied = Counter(one.code for one in applications if one.state != State.WITHDRAWN)
    before = before_of(user, row)
    former: Counter[str] = Counter()
    if before is not None:
        held = rows_for(user, FlagAward).filter(round=before, approved_by__isnull=False, revoked_on__isnull=True)
        former = Counter(held.values_list("code", flat=True))
    return [
        Figure(
            category=category,
            name=in_language(category.name, category.name_en),
            number=numbers[category.code],
            change=None if before is None else numbers[category.code] - former[category.code],
            applied=applied[category.code],
        )
        for category in categories
    ]


def before_of(user: User, row: FlagRound) -> FlagRound | None:
    """The round of the county before this one, where it awarded flags."""
    rounds = rows_for(user, FlagRound).filter(unit=row.unit_id, last_on__lt=row.last_on)
    found: FlagRound | None = rounds.exclude(state=FlagRound.State.DRAFT).order_by("-last_on").first()
    return found


def narrowed(board: Board, township: str, number: str) -> list[Row]:
    """Rows of one township (its key) and with a number of flags."""
    rows = board.rows
    if township:
        path = next((one.path for one in board.townships if str(one.pk) == township), None)
        rows = [one for one in rows if path is not None and one.village.path.startswith(path)]
    if number:
        rows = [one for one in rows if str(one.held) == number]
    return rows


def unmet(board: Board, rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Village, flag and the gates it did not meet, of the rows shown."""
    return [
        (row.village.name, figure.name, cell.detail)
        for row in rows
        for figure, cell in zip(board.figures, row.cells, strict=True)
        if cell.detail
    ]
