"""A year in numbers: of villages from months, departments and satisfaction; of cadres from both; ballots; the ladder.

Pure: plain values in, plain values out. Scores, shares and points are whole hundredths, rounded half up at each
printed line; a total is the sum of its lines. Missing is not zero: who lacks a part has no total and no rank.
Rule: docs/rules/year.md, docs/rules/cadre-results.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from assessments.year_rules import GRADES, HUNDRED, Ladder, Parts, YearRules


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of two numbers that are not negative as a whole number, halves upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def points_of(value: int, weight: int) -> int:
    """What a value of 100 is worth at a weight."""
    return half_up(value * weight, HUNDRED)


def mean(values: Sequence[int]) -> int | None:
    return half_up(sum(values), len(values)) if values else None


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line. `value` None is not given; `of` counts what the value rests on, of how many expected."""

    code: str
    value: int | None
    weight: int
    points: int
    of: tuple[int, int] | None = None
    parts: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A total with its lines. Without a total `missing` says which parts are not there."""

    lines: tuple[Line, ...]
    missing: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        return None if self.missing else self.so_far

    @property
    def so_far(self) -> int:
        return sum(line.points for line in self.lines)


def _line(
    code: str, value: int | None, weight: int, of: tuple[int, int] | None = None, parts: Score | None = None
) -> Line:
    points = 0 if value is None else points_of(value, weight)
    return Line(code, value, weight, points, of, parts.lines if parts else ())


def _score(lines: Sequence[Line], gaps: Mapping[str, Sequence[str]] | None = None) -> Score:
    """A part without weight is not asked for. `gaps`: part -> what of it is missing, told instead of the part."""
    missing: list[str] = []
    for line in lines:
        if line.value is None and line.weight:
            missing += (gaps or {}).get(line.code) or [line.code]
    return Score(tuple(line for line in lines if line.weight), tuple(missing))


# --- The span -----------------------------------------------------------------------------

SPANS = {"first_half": (1, 6), "second_half": (7, 12), "year": (1, 12)}
"""Span of an assessment -> its first and last month."""


def span_months(number: int, span: str) -> tuple[date, ...]:
    first, last = SPANS[span]
    return tuple(date(number, month, 1) for month in range(first, last + 1))


def last_day(number: int, span: str) -> date:
    return date(number, SPANS[span][1], 30 if span == "first_half" else 31)


# --- Villages -----------------------------------------------------------------------------


def village_score(
    rules: YearRules,
    *,
    months: Sequence[int],
    expected: int,
    departments: Mapping[str, int],
    survey: tuple[int, int] | None,
) -> Score:
    """A village's year.

    `months`: its totals in the months with a published ranking in which it was ranked, of `expected` months.
    `departments`: department -> score. Every department of the rules has to have scored; others do not count.
    `survey`: (people asked, of them satisfied).
    """
    names = rules.department_names()
    absent = [f"department:{name}" for name in names if name not in departments]
    scores = [departments[name] for name in names if name in departments]
    lines = (
        _line("months", mean(months), rules.weight("months"), (len(months), expected)),
        _line("departments", None if absent else mean(scores), rules.weight("departments"), (len(scores), len(names))),
        _line("satisfaction", satisfaction(survey), rules.weight("satisfaction")),
    )
    return _score(lines, {"departments": absent})


def satisfaction(survey: tuple[int, int] | None) -> int | None:
    """Share of those asked who were satisfied."""
    if survey is None or not survey[0]:
        return None
    asked, satisfied = survey
    return half_up(satisfied * HUNDRED, asked)


def capped(grade: str, caps: Iterable[str]) -> str:
    """The grade, no better than the strictest cap. An empty cap leaves it."""
    places = [GRADES.index(one) for one in (grade, *caps) if one]
    return GRADES[max(places)]


def strictest(caps: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Of (veto, cap) the one that leaves the worst grade, the first of equals; two empty texts for none."""
    found = [one for one in caps if one[1]]
    return max(found, key=lambda one: GRADES.index(one[1])) if found else ("", "")


# --- Ranks and the share of the best --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody or something to rank. `is_last`: after all others, as a village with a veto."""

    key: int
    group: str
    total: int | None
    is_last: bool = False


def ranks(standings: Iterable[Standing], *, by_group: bool) -> dict[int, int]:
    """Key -> rank 1, 2, 2, 4, in the whole or inside each group. Who has no total has no rank."""
    groups: dict[str, list[Standing]] = defaultdict(list)
    for one in standings:
        if one.total is not None:
            groups[one.group if by_group else ""].append(one)
    found: dict[int, int] = {}
    for members in groups.values():
        ordered = sorted(members, key=_place)
        for place, one in enumerate(ordered, start=1):
            is_tie = place > 1 and _place(one) == _place(ordered[place - 2])
            found[one.key] = found[ordered[place - 2].key] if is_tie else place
    return found


def _place(one: Standing) -> tuple[bool, int]:
    return one.is_last, -(one.total or 0)


@dataclass(frozen=True, slots=True)
class QuotaWarning:
    """In a township more are excellent than its share allows. Nobody's grade is changed by it."""

    group: str
    number: int
    allowed: int
    excellent: int


def quota_warnings(rules: YearRules, graded: Iterable[tuple[str, str]]) -> list[QuotaWarning]:
    """`graded`: (group, grade) of everybody, an empty grade for who has no total; they count in the number too."""
    number: dict[str, int] = defaultdict(int)
    excellent: dict[str, int] = defaultdict(int)
    for group, grade in graded:
        number[group] += 1
        excellent[group] += grade == GRADES[0]
    return [
        QuotaWarning(group, number[group], rules.allowed(number[group]), excellent[group])
        for group in sorted(number)
        if excellent[group] > rules.allowed(number[group])
    ]


# --- Cadres -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ballots:
    """How a secret vote fell: ballots for each grade, best first, and how many were entitled to vote."""

    counts: tuple[int, int, int, int]
    entitled: int = 0

    @property
    def cast(self) -> int:
        return sum(self.counts)


def vote_value(ballots: Ballots | None, worth: Parts) -> int | None:
    """Ballots as a score of 100, each grade with its worth. None without a ballot."""
    if ballots is None or not ballots.cast:
        return None
    shares = [share for _grade, share in worth]
    return half_up(sum(n * share for n, share in zip(ballots.counts, shares, strict=True)), ballots.cast)


def grade_of_ballots(counts: tuple[int, int, int, int]) -> int | None:
    """Place of the grade that a vote gives, 0 the best, None without a ballot (handbook 3.5).

    The worst from 30 per cent of such ballots on; else the best from 90 per cent; else the second where the two
    best have 70 per cent together; else the third.
    """
    cast = sum(counts)
    if not cast:
        return None
    if counts[3] * 100 >= cast * 30:
        return 3
    if counts[0] * 100 >= cast * 90:
        return 0
    return 1 if (counts[0] + counts[1]) * 100 >= cast * 70 else 2


def enough_present(present: int, entitled: int, share: int) -> bool:
    """Whether as many took part as the rules ask for; nobody entitled is not enough."""
    return entitled > 0 and present * HUNDRED >= entitled * share


def personal_score(rules: YearRules, *, results: int | None, ballots: Ballots | None, township: int | None) -> Score:
    """Somebody's own work: results, the vote, the township's view."""
    return _score(
        (
            _line("results", results, rules.weight("results")),
            _line("vote", vote_value(ballots, rules.ballots), rules.weight("vote")),
            _line("township", township, rules.weight("township")),
        )
    )


def cadre_score(rules: YearRules, village: int | None, personal: Score) -> Score:
    """The village's total and the personal score combined."""
    lines = (
        _line("village", village, rules.weight("village")),
        _line("personal", personal.total, rules.weight("personal"), parts=personal),
    )
    return _score(lines, {"personal": personal.missing})


def vote_warnings(rules: YearRules, ballots: Ballots | None, grade: str) -> list[str]:
    """What the county should look at before a grade stands: "few_present", "vote_is_worse"."""
    if ballots is None or not ballots.cast:
        return []
    found = [] if enough_present(ballots.cast, ballots.entitled, rules.present_share) else ["few_present"]
    voted = grade_of_ballots(ballots.counts)
    if grade and voted is not None and voted > GRADES.index(grade):
        found.append("vote_is_worse")
    return found


# --- The discipline ladder ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MonthPlace:
    """A village's place in a month's ranking, and how many were ranked beside it."""

    month: date
    rank: int
    of: int


@dataclass(frozen=True, slots=True)
class LastPlaces:
    """Months in which a village stood last, in order: enough of them for a proposal."""

    months: tuple[MonthPlace, ...] = field(default_factory=tuple)


def last_places(ladder: Ladder, places: Iterable[MonthPlace], held: Collection[date], until: date) -> LastPlaces | None:
    """The months that meet the condition for whoever held the post in the months `held`, or None.

    Counted are the last `ladder.months` months up to `until`; a month with few villages does not count.
    """
    first = _months_before(until, ladder.months - 1)
    found = sorted(
        (
            one
            for one in places
            if first <= one.month <= until
            and one.month in held
            and one.of >= ladder.least
            and one.rank > one.of - ladder.places
        ),
        key=lambda one: one.month,
    )
    return LastPlaces(tuple(found)) if len(found) >= ladder.times else None


def _months_before(month: date, number: int) -> date:
    count = month.year * 12 + month.month - 1 - number
    return date(count // 12, count % 12 + 1, 1)
