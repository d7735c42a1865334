"""What the home page of each role shows: how the open month stands and what the last ranking said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from assessments.entry import columns_of, filled_columns, read_values, specs_of
from assessments.models import Period, Ranking, Result, Return, VillageMonth
from assessments.rules import SchemeRules, in_language
from branches.above import names_above
from branches.models import Unit
from branches.scoping import STEP

if TYPE_CHECKING:
    from accounts.models import User

SPARK_MONTHS = 6
TOP = 5


@dataclass(frozen=True)
class VillageProgress:
    """How many of the township's cells of a village are filled."""

    village: Unit
    filled: int
    total: int

    @property
    def is_complete(self) -> bool:
        return self.filled >= self.total


@dataclass(frozen=True)
class TownshipProgress:
    submission: Return
    villages: Sequence[VillageProgress]

    @property
    def complete(self) -> int:
        return sum(village.is_complete for village in self.villages)

    @property
    def filled(self) -> int:
        return sum(village.filled for village in self.villages)

    @property
    def total(self) -> int:
        return sum(village.total for village in self.villages)


@dataclass(frozen=True)
class GradeShare:
    """Villages of a township by grade, in the order of the grades."""

    township: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class RankedVillage:
    result: Result
    township: str
    spark: list[object]
    grade_label: str
    grade_tone: str


@dataclass(frozen=True)
class GradeWords:
    """Names and tones of a ranking's grades, best first."""

    codes: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, ranking: Ranking) -> GradeWords:
        grades = SchemeRules.from_snapshot(ranking.rules).grades
        return cls(tuple(line.code for line in grades), tuple(in_language(line.name, line.name_en) for line in grades))

    def label(self, code: str) -> str:
        return self.labels[self.codes.index(code)] if code in self.codes else ""

    def tone(self, code: str) -> str:
        if code not in self.codes:
            return "mid"
        place = self.codes.index(code)
        return "top" if place == 0 else "low" if place == len(self.codes) - 1 else "mid"


def current_period(user: User) -> Period | None:
    """The month being worked on: the latest that has been opened."""
    periods = Period.objects.for_user(user).exclude(state=Period.State.PLANNED)
    return periods.select_related("unit", "scheme").order_by("-month", "path").first()


def progress_of(period: Period, user: User) -> list[TownshipProgress]:
    """Filled cells of the month, for the townships in the user's area, counted as the grid counts them. Two queries."""
    specs = specs_of(SchemeRules.from_snapshot(period.rules_in_force), "T") if period.rules_in_force else {}
    total = len(columns_of(specs))
    rows = VillageMonth.objects.for_user(user).filter(period=period).select_related("village")
    villages: dict[int, list[VillageProgress]] = {}
    for row in rows:
        filled = filled_columns(specs, read_values(row.values))
        villages.setdefault(row.submission_id, []).append(VillageProgress(row.village, filled, total))
    returns = Return.objects.for_user(user).filter(period=period).select_related("unit").order_by("path")
    return [TownshipProgress(submission, villages.get(submission.pk, [])) for submission in returns]


def latest_ranking(user: User) -> Ranking | None:
    rankings = Ranking.objects.for_user(user).published().select_related("period", "period__unit")
    return rankings.order_by("-period__month").first()


def top_and_bottom(ranking: Ranking, user: User) -> tuple[list[RankedVillage], list[RankedVillage]]:
    """The first and the last five of a published ranking with the totals of six months. Four queries."""
    listed = Result.objects.for_user(user, "list").filter(ranking=ranking, county_rank__isnull=False)
    listed = listed.select_related("village")
    top = list(listed.order_by("county_rank", "path")[:TOP])
    bottom = list(listed.order_by("-county_rank", "-path")[:TOP])[::-1]
    bottom = [result for result in bottom if result not in top]
    words = GradeWords.of(ranking)
    sparks = _sparks(ranking, [*top, *bottom])
    townships = names_above(result.path for result in (*top, *bottom))

    def dressed(results: list[Result]) -> list[RankedVillage]:
        return [
            RankedVillage(
                result,
                townships.get(result.path[:-STEP], ""),
                sparks[result.village_id],
                words.label(result.grade),
                words.tone(result.grade),
            )
            for result in results
        ]

    return dressed(top), dressed(bottom)


def _sparks(ranking: Ranking, results: Sequence[Result]) -> dict[int, list[object]]:
    rows = (
        Result.objects.filter(
            village__in=[result.village_id for result in results],
            ranking__state=Ranking.State.PUBLISHED,
            ranking__period__month__lte=ranking.period.month,
        )
        .order_by("ranking__period__month")
        .only("village_id", "total_hundredths")
    )
    sparks: dict[int, list[object]] = {result.village_id: [] for result in results}
    for row in rows:
        sparks[row.village_id].append(row.total)
    return {village_id: totals[-SPARK_MONTHS:] for village_id, totals in sparks.items()}


def grade_shares(ranking: Ranking, user: User) -> tuple[GradeWords, list[GradeShare]]:
    """Villages by township and grade in a published ranking. Two queries."""
    words = GradeWords.of(ranking)
    counts: dict[str, Counter[str]] = {}
    rows = Result.objects.for_user(user, "list").filter(ranking=ranking).order_by("path").values_list("path", "grade")
    for path, grade in rows:
        counts.setdefault(path[:-STEP], Counter())[grade] += 1
    names = dict(Unit.objects.filter(path__in=counts).values_list("path", "name"))
    shares = [
        GradeShare(names.get(path, ""), tuple(counter[code] for code in words.codes))
        for path, counter in counts.items()
    ]
    return words, shares


@dataclass(frozen=True)
class TownshipStanding:
    """A township's average in a published ranking, and its place among the townships of the county."""

    average_hundredths: int
    place: int
    townships: int
    best: Sequence[Result]
    last: Result | None


def township_standing(ranking: Ranking, township: Unit, user: User) -> TownshipStanding | None:
    """How a township's villages stand; None while none of them is ranked. Three queries."""
    listed = Result.objects.for_user(user, "list").filter(ranking=ranking, county_rank__isnull=False)
    totals: dict[str, list[int]] = {}
    for path, total in listed.order_by("path").values_list("path", "total_hundredths"):
        totals.setdefault(path[:-STEP], []).append(total)
    own = totals.get(township.path)
    if own is None:
        return None
    averages = {path: _half_up(sum(values), len(values)) for path, values in totals.items()}
    villages = listed.filter(path__startswith=township.path).select_related("village")
    best_grade = GradeWords.of(ranking).codes[0]
    return TownshipStanding(
        average_hundredths=averages[township.path],
        place=1 + sum(average > averages[township.path] for average in averages.values()),
        townships=len(averages),
        best=list(villages.filter(grade=best_grade).order_by("county_rank")[:TOP]),
        last=villages.order_by("-county_rank", "-path").first(),
    )


def _half_up(total: int, count: int) -> int:
    return (2 * total + count) // (2 * count)


@dataclass(frozen=True)
class CountyFigures:
    """The figures on top of the county's home page."""

    villages: int
    complete: int
    waiting: int
    first_waiting_at: datetime | None
    overdue: int
    returned: int


def county_figures(townships: Sequence[TownshipProgress], period: Period, now: datetime) -> CountyFigures:
    states = Counter(township.submission.state for township in townships)
    waiting = [t.submission.submitted_at for t in townships if t.submission.state == Return.State.SUBMITTED]
    missing = [t for t in townships if t.submission.state == Return.State.DRAFT]
    return CountyFigures(
        villages=sum(len(township.villages) for township in townships),
        complete=sum(township.complete for township in townships),
        waiting=len(waiting),
        first_waiting_at=min((moment for moment in waiting if moment), default=None),
        overdue=len(missing) if period.submit_by < now else 0,
        returned=states[Return.State.RETURNED],
    )
