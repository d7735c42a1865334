"""Of the file of a village: its months, the flags it holds and held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from assessments import village_results
from assessments.models import FlagAward, FlagCategory, FlagRound
from branches.models import Unit
from branches.months import first_of_window
from branches.village_file import Figure, Part, Section
from cadres.village_results import MonthResult

if TYPE_CHECKING:
    from accounts.models import User

MONTHS = 12
ROUNDS = 4
WIDTH, HEIGHT, EDGE = 520, 150, 18
"""Of the chart of the months, in units of its drawing."""


@dataclass(frozen=True)
class RoundFlags:
    """A round; for each of its flags the code, the state ("held", "past", "off", "none"), the application's address."""

    row: FlagRound
    cells: list[tuple[str, str, str]]


def build(user: User, village: Unit, today: date) -> Part:
    """Four queries."""
    results = village_results.tell(user, village.pk, first_of_window(today.replace(day=1), MONTHS), today)
    rounds = _rounds(user, village, today)
    sections = []
    if results:
        context: dict[str, Any] = {"results": results, "line": _line(list(reversed(results)))}
        title = gettext_lazy("Monthly scores")
        sections.append(
            Section(order=20, code="months", title=title, template="assessments/_file_months.html", context=context)
        )
    if rounds:
        context = {"rounds": rounds, "names": rounds[0].cells}
        title = gettext_lazy("Record of flags")
        sections.append(
            Section(
                order=20,
                code="flags",
                title=title,
                template="assessments/_file_flags.html",
                context=context,
                is_side=True,
            )
        )
    return Part(figures=[*_month_figures(results), *_flag_figure(rounds)], sections=sections)


def _month_figures(results: Sequence[MonthResult]) -> list[Figure]:
    if not results:
        return []
    last = results[0]
    moved = "" if last.moved is None else _("%(places)+d places") % {"places": last.moved}
    return [
        Figure(
            order=10,
            label=_("Rank in %(month)s") % {"month": f"{last.month:%Y-%m}"},
            value="—" if last.rank is None else str(last.rank),
            unit=f"/ {last.of}",
            note=moved or last.grade,
            url=last.url,
        ),
        Figure(
            order=20,
            label=_("Score of %(month)s") % {"month": f"{last.month:%Y-%m}"},
            value="—" if last.total is None else f"{last.total:.2f}",
            note=last.grade,
            url=last.url,
        ),
    ]


def _flag_figure(rounds: Sequence[RoundFlags]) -> list[Figure]:
    if not rounds:
        return []
    held = sum(state == "held" for one in rounds for _code, state, _url in one.cells)
    return [
        Figure(
            order=30,
            label=gettext_lazy("Flags held"),
            value=str(held),
            unit=pgettext("count", "flags"),
            note=rounds[0].row.name,
        )
    ]


def _rounds(user: User, village: Unit, today: date) -> list[RoundFlags]:
    """The last rounds since the village exists. "held" is valid today, "past" was until its round was over."""
    rows = list(
        FlagRound.objects.for_user(user)
        .filter(state__in=[FlagRound.State.OPEN, FlagRound.State.CLOSED], last_on__gte=village.valid_from)
        .order_by("-first_on")[:ROUNDS]
    )
    codes: dict[int, list[str]] = {row.pk: [] for row in rows}
    for round_id, code in (
        FlagCategory.objects.filter(round__in=rows).order_by("sort", "code").values_list("round_id", "code")
    ):
        codes[round_id].append(code)
    awards = {
        (award.round_id, award.code): award
        for award in FlagAward.objects.for_user(user).filter(round__in=rows, village=village, approved_by__isnull=False)
    }
    return [RoundFlags(row, [_cell(awards.get((row.pk, code)), code, today) for code in codes[row.pk]]) for row in rows]


def _cell(award: FlagAward | None, code: str, today: date) -> tuple[str, str, str]:
    if award is None:
        return (code, "none", "")
    url = reverse("assessments:flag_application", args=[award.application_id])
    if award.revoked_on is not None and award.revoked_on <= today:
        return (code, "off", url)
    return (code, "held" if award.valid_to >= today else "past", url)


@dataclass(frozen=True)
class Line:
    """A chart of the totals: points of the polyline, and each mark with its words."""

    points: str
    marks: list[tuple[str, str, str, str]]
    """x, y, month, total."""
    low: str
    high: str


def _line(results: Sequence[MonthResult]) -> Line | None:
    known = [(place, result) for place, result in enumerate(results) if result.total is not None]
    if len(known) < 2:
        return None
    totals = [result.total for _place, result in known if result.total is not None]
    low, high = min(totals), max(totals)
    span = high - low or Decimal(1)
    step = Decimal(WIDTH - 2 * EDGE) / max(1, len(results) - 1)
    marks = []
    for place, result in known:
        assert result.total is not None
        x = EDGE + place * step
        y = EDGE + (high - result.total) / span * (HEIGHT - 3 * EDGE)
        marks.append((f"{x:.1f}", f"{y:.1f}", f"{result.month.month}", f"{result.total:.2f}"))
    return Line(" ".join(f"{x},{y}" for x, y, _month, _total in marks), marks, f"{low:.2f}", f"{high:.2f}")
