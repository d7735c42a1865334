"""Who is paid what for a month: flags by rates, performance pay by grade, and the differences of earlier months.

Plain values in, plain values out; no database, no clock, whole cents. A month is the date of its first day.
Rule: docs/rules/pay.md (handbook 2.4 and 3.8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

from branches.months import after
from cadres import codes
from cadres.rosters import COUNTED_POSTS

SECRETARY, DIRECTOR, OTHER = "secretary", "director", "other"
GROUPS = (SECRETARY, DIRECTOR, OTHER)
"""Highest first: who holds posts of several is paid by the first of them."""

MONTHLY, ONCE, PERFORMANCE = "monthly", "once", "performance"

SUSPENDED, OUTSIDE, ELSEWHERE = "suspended", "outside_approved", "paid_elsewhere"
POST_CHANGED, FLAG_CHANGED = "post_changed", "flag_changed"
RATE_CHANGED, GRADE_CHANGED = "rate_changed", "grade_changed"

OTHER_POSTS = COUNTED_POSTS - {codes.SECRETARY, codes.DIRECTOR}
"""Posts that rules can name as paid like other members. Township people and other posts are never paid here."""


@dataclass(frozen=True, slots=True)
class Held:
    """A post held in a village from a day to a day, both included; None is unknown and still.

    `is_outsider`: sent or seconded from outside; paid where they come from, and fills no approved post.
    """

    posting: int
    person: int
    village: int
    post: int
    first: date | None = None
    last: date | None = None
    is_outsider: bool = False

    def covers(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or self.last >= day)


@dataclass(frozen=True, slots=True)
class Flag:
    """An approved award and the months it pays, both included. One that pays for no month ends before it begins."""

    award: int
    village: int
    code: str
    first: date
    last: date

    def pays_for(self, month: date) -> bool:
        return self.first <= month <= self.last


@dataclass(frozen=True, slots=True)
class Rate:
    """What a flag, or a year of performance, is worth from a month on. `code` empty: every flag."""

    kind: str
    group: str
    code: str
    cents: int
    valid_from: date


@dataclass(frozen=True, slots=True)
class Terms:
    """A county's rules of pay from a month on."""

    valid_from: date
    deciding_day: int = 1
    other_posts: frozenset[int] = frozenset()
    is_limited: bool = True
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    performance_month: int = 1

    def group(self, post: int) -> str | None:
        """By which row of the rate table a post is paid; None for a post that is not paid."""
        if post == codes.SECRETARY:
            return SECRETARY
        if post == codes.DIRECTOR:
            return DIRECTOR
        return OTHER if post in self.other_posts else None

    def day(self, month: date) -> date:
        return month.replace(day=self.deciding_day)


@dataclass(frozen=True, slots=True)
class Suspension:
    """Days on which somebody is suspended, both included; None is until further notice."""

    person: int
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Graded:
    """The published grade of somebody's year in a village and post."""

    year: int
    person: int
    village: int
    post: int
    grade: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last day of a village, and the one it was merged into, if any."""

    last: date
    into: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """What one flag brings somebody in a month."""

    award: int
    code: str
    cents: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due to somebody in a village for a month. `note` says why nothing is, or why there is a difference."""

    person: int
    village: int
    group: str
    posting: int | None
    items: tuple[Item, ...] = ()
    performance: int = 0
    note: str = ""

    @property
    def uplift(self) -> int:
        return sum(item.cents for item in self.items)

    @property
    def amount(self) -> int:
        return self.uplift + self.performance

    @property
    def is_shown(self) -> bool:
        """Whether it makes a line: somebody whom no flag concerns has none."""
        return bool(self.items or self.performance or self.note)


Key = tuple[int, int]
"""Person and village."""


@dataclass(frozen=True)
class Facts:
    """Everything the pay of a span of months follows from."""

    held: Collection[Held] = ()
    flags: Collection[Flag] = ()
    rates: Collection[Rate] = ()
    terms: Collection[Terms] = ()
    suspensions: Collection[Suspension] = ()
    grades: Collection[Graded] = ()
    approved: Mapping[int, int] = field(default_factory=dict)
    """Village -> approved posts; a village that is missing has no limit that is known."""
    approved_then: Mapping[date, Mapping[int, int]] = field(default_factory=dict)
    """Month -> the same as it stood when that month was prepared."""
    ended: Mapping[int, Ended] = field(default_factory=dict)
    """Villages that no longer exist."""

    def terms_for(self, month: date) -> Terms | None:
        return max((one for one in self.terms if one.valid_from <= month), key=lambda one: one.valid_from, default=None)

    @cached_property
    def held_by_village(self) -> Mapping[int, list[Held]]:
        return _grouped(self.held)

    @cached_property
    def suspensions_by_person(self) -> Mapping[int, list[Suspension]]:
        found: dict[int, list[Suspension]] = defaultdict(list)
        for one in self.suspensions:
            found[one.person].append(one)
        return found


def _grouped(rows: Iterable[Held]) -> dict[int, list[Held]]:
    found: dict[int, list[Held]] = defaultdict(list)
    for one in rows:
        found[one.village].append(one)
    return found


# --- A month ------------------------------------------------------------------------------


def due_for(month: date, facts: Facts) -> dict[Key, Due]:
    """Everybody in a paid post on the deciding day of the month, and whoever has performance pay in it.

    Also people to whom nothing is due: `Due.is_shown` says whether they have a line. Empty without rules.
    """
    terms = facts.terms_for(month)
    if terms is None:
        return {}
    day = terms.day(month)
    worth = _Worth(facts.rates, month)
    flags = _flags_on(day, month, facts)
    approved = {**facts.approved, **facts.approved_then.get(month, {})}
    found: dict[Key, Due] = {}
    for village, held in _held_on(day, facts).items():
        limit = approved.get(village) if terms.is_limited else None
        for due in _village(village, held, flags.get(village, ()), limit, terms, worth):
            found[due.person, village] = due
    _suspend(found, month, facts)
    _pay_once(found)
    _add_performance(found, month, day, terms, facts)
    return found


def village_on(day: date, village: int, ended: Mapping[int, Ended]) -> int | None:
    """The village that counts for `village` on a day: itself as long as it exists, then the one it went into."""
    seen: set[int] = set()
    while village in ended and ended[village].last < day:
        into = ended[village].into
        if into is None or village in seen:
            return None
        seen.add(village)
        village = into
    return village


def _held_on(day: date, facts: Facts) -> dict[int, list[Held]]:
    found: dict[int, list[Held]] = {}
    for village, held in facts.held_by_village.items():
        owner = village_on(day, village, facts.ended) if village in facts.ended else village
        if owner is not None and (there := [one for one in held if not one.is_outsider and one.covers(day)]):
            found.setdefault(owner, []).extend(there)
    return found


def _flags_on(day: date, month: date, facts: Facts) -> dict[int, list[Flag]]:
    """Village -> flags that pay for the month, one for each category: of two the one that began last."""
    found: dict[int, dict[str, Flag]] = defaultdict(dict)
    for flag in facts.flags:
        if not flag.pays_for(month):
            continue
        owner = village_on(day, flag.village, facts.ended) if flag.village in facts.ended else flag.village
        if owner is None:
            continue
        other = found[owner].get(flag.code)
        if other is None or (other.first, other.award) < (flag.first, flag.award):
            found[owner][flag.code] = flag
    return {village: [flags[code] for code in sorted(flags)] for village, flags in found.items()}


class _Worth:
    """Cents of a flag for a role group in a month."""

    def __init__(self, rates: Iterable[Rate], month: date) -> None:
        self.month = month
        self.rates = latest_rates(rates, month)

    def of(self, flag: Flag, group: str) -> int:
        monthly = self._rate(MONTHLY, group, flag.code)
        return monthly + (self._rate(ONCE, group, flag.code) if flag.first == self.month else 0)

    def _rate(self, kind: str, group: str, code: str) -> int:
        rate = self.rates.get((kind, group, code)) or self.rates.get((kind, group, ""))
        return 0 if rate is None else rate.cents


def latest_rates(rates: Iterable[Rate], month: date) -> dict[tuple[str, str, str], Rate]:
    """The rate in force of each kind, group and category in a month."""
    found: dict[tuple[str, str, str], Rate] = {}
    for rate in rates:
        key = (rate.kind, rate.group, rate.code)
        if rate.valid_from <= month and (key not in found or found[key].valid_from < rate.valid_from):
            found[key] = rate
    return found


def _village(
    village: int, held: Collection[Held], flags: Collection[Flag], limit: int | None, terms: Terms, worth: _Worth
) -> Iterator[Due]:
    """Each person of a village once, by the highest group of their posts; in the order of rosters."""
    first: dict[int, Held] = {}
    paid: dict[int, Held] = {}
    for one in sorted(held, key=_seat):
        first.setdefault(one.person, one)
        if terms.group(one.post):
            paid.setdefault(one.person, one)
    seats = 0
    by_group: dict[str, tuple[Item, ...]] = {}
    for person, one in first.items():
        seats += one.post in COUNTED_POSTS
        group = terms.group(paid[person].post) if person in paid else None
        if group is None:
            continue
        if group not in by_group:
            items = (Item(flag.award, flag.code, worth.of(flag, group)) for flag in flags)
            by_group[group] = tuple(item for item in items if item.cents)
        due = Due(person, village, group, paid[person].posting, by_group[group])
        yield due if limit is None or seats <= limit else _withheld(due, OUTSIDE)


def _seat(one: Held) -> tuple[int, date, int, int]:
    """Order in which approved posts are filled: by post, then who has held it longest."""
    return (one.post, one.first or date.min, one.person, one.posting)


def _withheld(due: Due, note: str) -> Due:
    """A line of 0 that says why, where there would have been money; else nothing."""
    return replace(due, items=(), note=note if due.items else "")


def is_suspended(person: int, month: date, facts: Facts) -> bool:
    """Whether the month has a day of suspension."""
    end = after(month) - timedelta(days=1)
    return any(
        one.first <= end and (one.last is None or one.last >= month)
        for one in facts.suspensions_by_person.get(person, ())
    )


def _suspend(found: dict[Key, Due], month: date, facts: Facts) -> None:
    for person in facts.suspensions_by_person:
        if is_suspended(person, month, facts):
            for key in [key for key in found if key[0] == person]:
                found[key] = _withheld(found[key], SUSPENDED)


def _pay_once(found: dict[Key, Due]) -> None:
    """Somebody with posts in several villages is paid in the one that brings most, and there once."""
    times = Counter(person for (person, _village_id), due in found.items() if due.items)
    for person in [person for person, number in times.items() if number > 1]:
        keys = [key for key, due in found.items() if key[0] == person and due.items]
        keys.sort(key=lambda key: (-found[key].uplift, GROUPS.index(found[key].group), key[1]))
        for key in keys[1:]:
            found[key] = _withheld(found[key], ELSEWHERE)


def _add_performance(found: dict[Key, Due], month: date, day: date, terms: Terms, facts: Facts) -> None:
    """The year's amount by the share of the grade, in the month that the rules name, wherever the person is by then."""
    if month.month != terms.performance_month:
        return
    year = month.year - 1
    rates = latest_rates(facts.rates, date(year, 12, 1))
    for graded in facts.grades:
        group = terms.group(graded.post)
        rate = rates.get((PERFORMANCE, group or "", ""))
        village = village_on(day, graded.village, facts.ended)
        if graded.year != year or group is None or rate is None or village is None:
            continue
        cents = share_of(rate.cents, terms.shares.get(graded.grade, Decimal(0)))
        due = found.get((graded.person, village), Due(graded.person, village, group, None))
        found[graded.person, village] = replace(due, performance=due.performance + cents)


def share_of(cents: int, share: Decimal) -> int:
    """Whole cents, half a cent up."""
    return int((cents * share).quantize(Decimal(1), ROUND_HALF_UP))


# --- Differences ----------------------------------------------------------------------------


@dataclass(slots=True)
class Paid:
    """What the lines of all sheets together give somebody in a village for a month."""

    group: str
    posting: int | None
    flags: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Award -> category, cents."""
    performance: int = 0

    def add(self, items: Iterable[Item], performance: int) -> None:
        for item in items:
            code, cents = self.flags.get(item.award, (item.code, 0))
            self.flags[item.award] = (code, cents + item.cents)
        self.performance += performance


def differences(due: Mapping[Key, Due], paid: Mapping[Key, Paid]) -> list[Due]:
    """What is due for a month less what its lines give already, with why. Empty where both agree."""
    paid_awards = _awards_by_village(paid)
    found = []
    for key in sorted({*(key for key, one in due.items() if one.amount), *paid}, key=lambda key: (key[1], key[0])):
        now, before = due.get(key), paid.get(key)
        items = _item_differences(now, before)
        performance = (now.performance if now else 0) - (before.performance if before else 0)
        if not items and not performance:
            continue
        known = now or Due(key[0], key[1], before.group if before else OTHER, before.posting if before else None)
        note = _why(now, before, items, paid_awards.get(key[1], frozenset()))
        found.append(replace(known, items=items, performance=performance, note=note))
    return found


def _awards_by_village(paid: Mapping[Key, Paid]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for (_person, village), one in paid.items():
        found[village].update(award for award, (_code, cents) in one.flags.items() if cents)
    return {village: frozenset(awards) for village, awards in found.items()}


def _item_differences(now: Due | None, before: Paid | None) -> tuple[Item, ...]:
    wanted = {item.award: item for item in now.items} if now else {}
    given = before.flags if before else {}
    items = []
    for award in sorted({*wanted, *given}):
        code = wanted[award].code if award in wanted else given[award][0]
        cents = (wanted[award].cents if award in wanted else 0) - (given[award][1] if award in given else 0)
        if cents:
            items.append(Item(award, code, cents))
    return tuple(items)


def _why(now: Due | None, before: Paid | None, items: Collection[Item], paid_here: frozenset[int]) -> str:
    """Why a difference stands: one reason, the one that explains most of it."""
    if now is not None and now.note:
        return now.note
    if not items:
        return GRADE_CHANGED
    wanted = frozenset(item.award for item in now.items) if now else frozenset()
    given = frozenset(award for award, (_code, cents) in before.flags.items() if cents) if before else frozenset()
    if now is None or (given and before is not None and now.group != before.group):
        return POST_CHANGED
    if not given:
        # Others of the village were paid for these flags, so it is the person who was not known.
        return POST_CHANGED if wanted <= paid_here else FLAG_CHANGED
    return RATE_CHANGED if wanted == given else FLAG_CHANGED
