"""Figures asked of cadre and reserve rosters, for any place and any past day (handbook 5 and 8.8).

Everybody in the area is read once in a constant number of queries; a figure is a question asked of each
of them, so that its number always opens the people behind it. Rule: docs/rules/statistics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.approved_posts import approved_on
from branches.models import Branch, Unit, Village
from branches.scoping import STEP
from cadres import codes, education
from cadres.ages import BANDS, age_on
from cadres.models import Attendance, Person, Posting, ReserveCadre
from cadres.places import Area, area_on
from cadres.rosters import COUNTED_POSTS, is_cross_member, is_dual_head
from imports.dates import PartialDate

if TYPE_CHECKING:
    from accounts.models import User

PERMISSION = "cadres.view_person"
TERM_YEARS = 5
MEMBERS = (codes.MEMBER, codes.PROBATIONARY)
MOST_SOURCES = 10
"""Columns for the sources that rosters name most often; the rest stands under "other"."""

Label = str | Promise


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person at a village on the day, with what figures ask. In the reserve `posts` is empty."""

    person: int
    name: str
    village: int
    age: int | None
    gender: str
    is_member: bool
    education: str
    origin: str
    posts: frozenset[int] = frozenset()
    is_new: bool = False
    entry: int = 0
    """Key of the entry in the reserve, 0 for cadres in post."""
    years: int | None = None
    is_in_stock: bool = True
    was_at_term_start: bool = False
    is_promoted_this_term: bool = False
    is_trained: bool = False


@dataclass(frozen=True)
class Place:
    """A unit with the people counted there. `approved`: posts of its villages."""

    unit: Unit | None
    people: Sequence[Somebody]
    villages: int
    approved: int
    vacant: int


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A column. `asks` picks the people it counts; `measures` gives a value that is not a count of people."""

    code: str
    label: Label
    definition: Label
    asks: Callable[[Somebody], bool] | None = None
    measures: Callable[[Place], Decimal | None] | None = None
    places: int = 0
    """Decimals of a measure."""
    concern: str = ""
    """The concern of the succession board whose villages are behind the number, where no people are."""

    def value(self, place: Place) -> Decimal | None:
        if self.asks is not None:
            return Decimal(sum(map(self.asks, place.people)))
        assert self.measures is not None
        return self.measures(place)

    def people(self, place: Place) -> list[Somebody]:
        """Who is behind the number; for a measure, everybody it is taken of."""
        return [one for one in place.people if self.asks is None or self.asks(one)]


@dataclass(frozen=True)
class Cell:
    figure: Figure
    value: Decimal | None


@dataclass(frozen=True)
class Line:
    place: Place
    cells: Sequence[Cell]
    parts: Sequence[tuple[int, Decimal]]
    """The bar of this line: (series, length)."""


@dataclass(frozen=True)
class Table:
    figures: Sequence[Figure]
    lines: Sequence[Line]
    total: Line
    longest: Decimal
    legend: Sequence[tuple[int, Label]]


# --- Figures --------------------------------------------------------------------------------


def average(values: Iterable[int | None]) -> Decimal | None:
    """Of the known values, exact to two decimals by whoever shows it; None of none."""
    known = [value for value in values if value is not None]
    return Decimal(sum(known)) / len(known) if known else None


def _percent(part: int, whole: int) -> Decimal | None:
    return Decimal(part * 100) / whole if whole else None


def _holds(post: int) -> Callable[[Somebody], bool]:
    return lambda one: post in one.posts


def _from(origin: str) -> Callable[[Somebody], bool]:
    return lambda one: one.origin == origin


def _names(word: str) -> Callable[[Somebody], bool]:
    return lambda one: one.is_in_stock and one.origin == word


def _aged(number: int) -> Callable[[Somebody], bool]:
    return lambda one: one.is_in_stock and BANDS[number].holds(one.age)


IN_POST = Figure(
    code="people",
    label=_("In post"),
    definition=_("People in a post of the village's approved number on the day; one with several posts counts once."),
    asks=lambda one: True,
)
POSTS: tuple[tuple[int, str, Label], ...] = (
    (codes.SECRETARY, "secretary", _("Secretaries")),
    (codes.DIRECTOR, "director", _("Directors")),
    (codes.DEPUTY_SECRETARY, "deputy_secretary", _("Deputy secretaries")),
    (codes.DEPUTY_DIRECTOR, "deputy_director", _("Deputy directors")),
    (codes.BRANCH_MEMBER, "branch_member", _("Branch members")),
    (codes.COMMITTEE_MEMBER, "committee_member", _("Committee members")),
    (codes.SUPERVISION_HEAD, "supervision_head", _("Supervision heads")),
    (codes.CLERK, "clerk", _("Clerks")),
)
AGE_LABELS: tuple[Label, ...] = (_("35 and under"), _("36 to 45"), _("46 to 55"), _("56 and over"))

POST_FIGURES: tuple[Figure, ...] = (
    IN_POST,
    Figure(
        code="approved",
        label=_("Approved posts"),
        definition=_("Approved posts of the villages on the day."),
        measures=lambda place: Decimal(place.approved),
    ),
    Figure(
        code="vacant",
        label=_("Vacant"),
        definition=_("Approved posts less people in post, village by village; never below none."),
        measures=lambda place: Decimal(place.vacant),
        concern="vacancy",
    ),
    *(
        Figure(code=code, label=label, definition=_("People who hold this post."), asks=_holds(post))
        for post, code, label in POSTS
    ),
    Figure(
        code="dual",
        label=_("Both heads"),
        definition=_("Secretary and director in one person."),
        asks=lambda one: is_dual_head(one.posts),
    ),
    Figure(
        code="cross",
        label=_("In both committees"),
        definition=_("In the branch committee and in the villagers' committee."),
        asks=lambda one: is_cross_member(one.posts),
    ),
)

AVERAGE_AGE = Figure(
    code="average_age",
    label=_("Average age"),
    definition=_("Full years on the day; people of unknown birth are left out and counted beside."),
    measures=lambda place: average(one.age for one in place.people if one.is_in_stock),
    places=1,
)


def _structure(*, with_bands: bool) -> tuple[Figure, ...]:
    """Age, sex, education, membership of whoever is counted."""
    ages = [
        Figure(code=f"age{band.code}", label=label, definition=_("By full years on the day."), asks=_aged(number))
        for number, (band, label) in enumerate(zip(BANDS, AGE_LABELS, strict=True))
    ]
    return (
        AVERAGE_AGE,
        *(ages if with_bands else ages[:1]),
        Figure(
            code="age_unknown",
            label=_("Age unknown"),
            definition=_("No date of birth is known; counted in no group of age."),
            asks=lambda one: one.is_in_stock and one.age is None,
        ),
        Figure(
            code="women",
            label=_("Women"),
            definition=_("By the sex on the roster."),
            asks=lambda one: one.is_in_stock and one.gender == codes.FEMALE,
        ),
        Figure(
            code="members",
            label=_("Members of the Party"),
            definition=_("Full and probationary members who had joined by the day; the status is that kept today."),
            asks=lambda one: one.is_in_stock and one.is_member,
        ),
        Figure(
            code="college",
            label=_("College and above"),
            definition=_("Codes 11 to 39 of GB/T 4658, as kept today."),
            asks=lambda one: one.is_in_stock and education.is_college(one.education),
        ),
        Figure(
            code="education_unknown",
            label=_("Education unknown"),
            definition=_("No education is known."),
            asks=lambda one: one.is_in_stock and not one.education,
        ),
    )


PEOPLE_FIGURES: tuple[Figure, ...] = (
    IN_POST,
    *_structure(with_bands=True),
    Figure(
        code="new",
        label=_("Newly in office"),
        definition=_("Whose way into the present term is given as new."),
        asks=lambda one: one.is_new,
    ),
)

ORIGINS: Mapping[str, Label] = {
    "institution": _("From institutions"),
    "graduate": _("Graduates"),
    "jobless_graduate": _("Graduates seeking work"),
    "farmer": _("Large farmers"),
    "entrepreneur": _("Entrepreneurs"),
    "returnee": _("Returned workers"),
    "committee": _("Former committees"),
    "talent": pgettext_lazy("origin", "Talents"),
    "other": pgettext_lazy("origin", "Other"),
}
NOT_STATED = Figure(
    code="origin_unknown",
    label=_("Not stated"),
    definition=_("The roster does not say."),
    asks=lambda one: one.is_in_stock and not one.origin,
)
ORIGIN_FIGURES: tuple[Figure, ...] = (
    IN_POST,
    *(
        Figure(
            code=f"origin_{code}", label=label, definition=_("Where the roster says they came from."), asks=_from(code)
        )
        for code, label in ORIGINS.items()
    ),
    Figure(
        code="origin_words",
        label=_("Other words"),
        definition=_("Where the roster uses other words than the list."),
        asks=lambda one: bool(one.origin) and one.origin not in ORIGINS,
    ),
    NOT_STATED,
)

STOCK = Figure(
    code="stock",
    label=_("In stock"),
    definition=_("On record with the county on the day."),
    asks=lambda one: one.is_in_stock,
)
RESERVE_FIGURES: tuple[Figure, ...] = (
    STOCK,
    *_structure(with_bands=False),
    Figure(
        code="trained",
        label=_("Trained this year"),
        definition=_("In stock, and completed a training held in the year of the day, up to it."),
        asks=lambda one: one.is_in_stock and one.is_trained,
    ),
    Figure(
        code="years",
        label=_("Years in reserve"),
        definition=_("Average of full years on record; who came in without a date is left out."),
        measures=lambda place: average(one.years for one in place.people if one.is_in_stock),
        places=1,
    ),
    Figure(
        code="promoted",
        label=_("Promoted this term"),
        definition=_(
            "Promoted since the term began, up to the day. A term is five years and begins that long before the "
            "election that the branch has next."
        ),
        asks=lambda one: one.is_promoted_this_term,
    ),
    Figure(
        code="at_term_start",
        label=_("In stock at term start"),
        definition=_("On record on the day the term began, those promoted on it included."),
        asks=lambda one: one.was_at_term_start,
    ),
    Figure(
        code="promoted_share",
        label=_("Promoted of those (%)"),
        definition=_("Of those in stock at the start of the term, how many were promoted in it."),
        measures=lambda place: _percent(
            sum(one.was_at_term_start and one.is_promoted_this_term for one in place.people),
            sum(one.was_at_term_start for one in place.people),
        ),
        places=1,
    ),
)

SUBJECTS: Mapping[str, Label] = {
    "posts": _("Posts"),
    "people": _("Structure"),
    "origin": _("Where they came from"),
    "reserve": _("Reserve"),
    "sources": _("Sources of the reserve"),
}
CHARTS: Mapping[str, tuple[str, ...]] = {
    "posts": ("people", "vacant"),
    "people": ("age35", "age45", "age55", "age56", "age_unknown"),
    "origin": ("people",),
    "reserve": ("stock",),
    "sources": ("stock",),
}
"""Figures that the bar of a line is made of, in the colours of the charts."""


def _source_figures(people: Sequence[Somebody]) -> tuple[Figure, ...]:
    """A column for each source that is named, the most frequent first."""
    counts: dict[str, int] = {}
    for one in people:
        if one.is_in_stock and one.origin:
            counts[one.origin] = counts.get(one.origin, 0) + 1
    named = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_SOURCES]
    figures = [
        Figure(
            code=f"source_{number}",
            label=word,
            definition=_("In the words of the roster: the source, else the kind of person."),
            asks=_names(word),
        )
        for number, word in enumerate(named)
    ]
    other = Figure(
        code="source_other",
        label=pgettext_lazy("origin", "Other"),
        definition=_("Sources named less often."),
        asks=lambda one: one.is_in_stock and bool(one.origin) and one.origin not in named,
    )
    return (STOCK, *figures, *((other,) if len(counts) > MOST_SOURCES else ()), NOT_STATED)


# --- Reading --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """The people of an area on a day, for one subject, and the figures asked of them."""

    area: Area
    people: Sequence[Somebody]
    figures: Sequence[Figure]
    approved: Mapping[int, int] = field(default_factory=dict)

    def table(self, subject: str, *, by_village: bool) -> Table:
        """A line for each township or village of the area, and the total."""
        groups = self._groups(by_village=by_village)
        places = [self._place(unit, villages) for unit, villages in groups]
        total = self._place(None, self.area.villages)
        charted = [(series, self._figure(code)) for series, code in enumerate(CHARTS[subject], start=1)]
        lines = [self._line(place, charted) for place in places]
        longest = max((sum((length for _s, length in line.parts), Decimal(0)) for line in lines), default=Decimal(0))
        legend = [(series, figure.label) for series, figure in charted] if len(charted) > 1 else []
        return Table(self.figures, lines, self._line(total, charted), longest or Decimal(1), legend)

    def place(self, unit: Unit | None) -> Place:
        """A township or village of the area, or all of it."""
        villages = [one for one in self.area.villages if unit is None or one.path.startswith(unit.path)]
        return self._place(unit, villages)

    def _figure(self, code: str) -> Figure:
        return next(figure for figure in self.figures if figure.code == code)

    def _groups(self, *, by_village: bool) -> list[tuple[Unit, list[Unit]]]:
        if by_village:
            return [(village, [village]) for village in self.area.villages]
        return self.area.by_township()

    def _place(self, unit: Unit | None, villages: Sequence[Unit]) -> Place:
        keys = {village.pk for village in villages}
        people = [one for one in self.people if one.village in keys]
        filled: dict[int, int] = {}
        for one in people:
            filled[one.village] = filled.get(one.village, 0) + 1
        return Place(
            unit,
            people,
            len(keys),
            sum(self.approved.get(key, 0) for key in keys),
            sum(max(0, self.approved.get(key, 0) - filled.get(key, 0)) for key in keys),
        )

    def _line(self, place: Place, charted: Sequence[tuple[int, Figure]]) -> Line:
        cells = [Cell(figure, figure.value(place)) for figure in self.figures]
        parts = [(series, figure.value(place) or Decimal(0)) for series, figure in charted]
        return Line(place, cells, parts)


def figures_on(user: User, subject: str, day: date, path: str = "") -> Figures:
    """The people of a subject in the user's sight at or below `path`, as of a day. Eight queries at most."""
    area = area_on(user, PERMISSION, day, path)
    if subject in ("reserve", "sources"):
        people = _reserve(user, day, path, area)
        return Figures(area, people, RESERVE_FIGURES if subject == "reserve" else _source_figures(people))
    cards = Village.objects.for_user(user).filter(unit__path__startswith=path).order_by()
    approved = approved_on(dict(cards.values_list("unit_id", "approved_post_count")), day)
    figures = {"posts": POST_FIGURES, "people": PEOPLE_FIGURES, "origin": ORIGIN_FIGURES}[subject]
    return Figures(area, _in_post(user, day, path, area), figures, approved)


def _in_post(user: User, day: date, path: str, area: Area) -> list[Somebody]:
    rows = Posting.objects.for_user(user).held_on(day).filter(post__in=COUNTED_POSTS, unit__path__startswith=path)
    held: dict[tuple[int, int], list[Posting]] = {}
    for posting in rows.select_related("person").order_by("post", "pk"):
        if posting.unit_id in area.owner:
            held.setdefault((area.owner[posting.unit_id], posting.person_id), []).append(posting)
    return [
        Somebody(
            **_about(postings[0].person, day),
            village=village,
            origin=postings[0].person.origin,
            posts=frozenset(posting.post for posting in postings),
            is_new=any(posting.change == Posting.Change.NEW for posting in postings),
        )
        for (village, _person), postings in held.items()
    ]


def _about(person: Person, day: date) -> dict[str, Any]:
    joined = person.joined_on
    return {
        "person": person.pk,
        "name": person.name,
        "age": age_on(person.birth, day),
        "gender": person.gender,
        "is_member": person.political in MEMBERS and (joined is None or joined.first_day <= day),
        "education": person.education,
    }


def _reserve(user: User, day: date, path: str, area: Area) -> list[Somebody]:
    rows: Any = ReserveCadre.objects.for_user(user).recorded_by(day).filter(unit__path__startswith=path)
    entries = rows.with_recorded_on().select_related("person").order_by("unit__path", "person__name", "pk")
    attended = Attendance.objects.for_user(user).filter(
        result=Attendance.Result.COMPLETED,
        training__held_on__gte=day.replace(month=1, day=1),
        training__held_on__lte=day,
    )
    trained = set(attended.order_by().values_list("person_id", flat=True))
    starts = _term_starts(user, day, path)
    return [
        _in_reserve(entry, day, area.owner[entry.unit_id], starts.get(area.owner[entry.unit_id]), trained)
        for entry in entries
        if entry.unit_id in area.owner
    ]


def _term_starts(user: User, day: date, path: str) -> dict[int, date]:
    """Village -> the day on which the term of `day` began, for those whose branch has a next election."""
    leading = (
        Branch.objects.for_user(user)
        .leading()
        .filter(unit__path__startswith=path, valid_to__isnull=True, next_election_on__isnull=False)
    )
    return {
        village: term_start(election, day)
        for village, election in leading.order_by().values_list("unit_id", "next_election_on")
    }


def term_start(election: date, day: date) -> date:
    """Last day at or before `day` that lies whole terms before the election, or after it."""
    year = election.year
    while (year, election.month, election.day) > (day.year, day.month, day.day):
        year -= TERM_YEARS
    while (year + TERM_YEARS, election.month, election.day) <= (day.year, day.month, day.day):
        year += TERM_YEARS
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return date(year, election.month, 28 if (election.month, election.day) == (2, 29) and not is_leap else election.day)


def _in_reserve(entry: Any, day: date, village: int, start: date | None, trained: set[int]) -> Somebody:
    entered: PartialDate | None = entry.entered_on
    recorded = entry.recorded_on or (entered.first_day if entered else None)
    left: date | None = entry.left_on if entry.left_on and entry.left_on <= day else None
    was_there = start is not None and (recorded is None or recorded <= start) and (left is None or left >= start)
    is_promoted = (
        entry.stage == ReserveCadre.Stage.PROMOTED and left is not None and start is not None and left >= start
    )
    return Somebody(
        **_about(entry.person, day),
        village=village,
        origin=entry.source or entry.category,
        entry=entry.pk,
        years=None if recorded is None else age_on(PartialDate(recorded.year, recorded.month, recorded.day), day),
        is_in_stock=left is None,
        was_at_term_start=was_there,
        is_promoted_this_term=is_promoted,
        is_trained=entry.person_id in trained,
    )


def townships_of(area: Area) -> dict[str, Unit]:
    return {township.path: township for township in area.townships}


def village_names(area: Area) -> dict[int, tuple[str, str]]:
    """Village -> its name and that of its township."""
    townships = townships_of(area)
    return {one.pk: (one.short_name, townships[one.path[:-STEP]].name) for one in area.villages}
