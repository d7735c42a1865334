"""Who could follow whom: for each village its next election, the people in post, vacancies and its reserve, on a day.

Set-based: the number of queries does not grow with the villages. Rule: docs/rules/succession.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from branches.approved_posts import approved_on
from branches.models import Branch, Unit, Village
from branches.scoping import STEP
from cadres import codes
from cadres.ages import age_on
from cadres.limits import LimitsByPlace
from cadres.models import Attendance, PeopleLimits, Person, Posting, ReserveCadre
from cadres.places import area_on
from cadres.reserve_rules import Facts
from cadres.rosters import COUNTED_POSTS, HEAD_POSTS
from cadres.services.reserve import facts_of

if TYPE_CHECKING:
    from accounts.models import User

PERMISSION = "cadres.view_reservecadre"
SOON_DAYS = 183
"""An election within half a year is near."""

UNQUALIFIED = "unqualified"


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that makes a village urgent, with its weight."""

    code: str
    weight: int
    label: str | Promise
    tone: str


CONCERNS: Mapping[str, Concern] = {
    concern.code: concern
    for concern in (
        Concern("no_secretary", 8, _("no secretary"), "bad"),
        Concern("election_overdue", 6, _("election overdue"), "bad"),
        Concern("election_soon", 4, _("election within half a year"), "warn"),
        Concern("vacancy", 3, _("posts vacant"), "warn"),
        Concern("nobody", 3, _("no reserve"), "bad"),
        Concern("head_over_age", 2, _("secretary or director over age"), "warn"),
        Concern("nobody_ready", 2, _("nobody ready"), "warn"),
        Concern("below_target", 1, _("reserve below target"), ""),
    )
}


@dataclass(frozen=True)
class InPost:
    """Somebody in office with all posts held there, the age, and full years in the longest held of them."""

    person: Person
    posts: tuple[int, ...]
    words: tuple[str, ...]
    age: int | None
    years: int | None

    @property
    def is_head(self) -> bool:
        return any(post in HEAD_POSTS for post in self.posts)

    @property
    def is_secretary(self) -> bool:
        return codes.SECRETARY in self.posts


@dataclass(frozen=True)
class Successor:
    """Somebody in stock, and whether they are ready for a post."""

    entry: ReserveCadre
    age: int | None
    is_ready: bool


@dataclass(frozen=True)
class Succession:
    village: Unit
    township: Unit
    day: date
    election_on: date | None
    approved: int
    team: Sequence[InPost]
    reserve: Sequence[Successor]
    concerns: Sequence[Concern] = field(default_factory=tuple)

    @property
    def vacancies(self) -> int:
        return max(0, self.approved - len(self.team))

    @property
    def days_to_election(self) -> int | None:
        return None if self.election_on is None else (self.election_on - self.day).days

    @property
    def ready(self) -> int:
        return sum(successor.is_ready for successor in self.reserve)

    @property
    def heads(self) -> list[InPost]:
        return [one for one in self.team if one.is_head]

    @property
    def urgency(self) -> int:
        return sum(concern.weight for concern in self.concerns)


def is_ready(facts: Facts, limits: PeopleLimits, *, was_trained: bool) -> bool:
    """Trained, not in a punishment, below the age of removal, and not rated unqualified at the last assessment."""
    latest = facts.own_grades.get(max(facts.own_grades, default=0))
    is_young = facts.age is not None and facts.age < limits.reserve_removal_age
    return was_trained and facts.punished_until is None and is_young and latest != UNQUALIFIED


def concerns_of(
    *,
    days_to_election: int | None,
    vacancies: int,
    has_secretary: bool,
    oldest_head: int | None,
    reserve: int,
    ready: int,
    limits: PeopleLimits,
) -> list[Concern]:
    """What makes a village urgent, the heaviest first."""
    holds = {
        "no_secretary": not has_secretary,
        "election_overdue": days_to_election is not None and days_to_election < 0,
        "election_soon": days_to_election is not None and 0 <= days_to_election <= SOON_DAYS,
        "vacancy": vacancies > 0,
        "nobody": reserve == 0,
        "head_over_age": oldest_head is not None and oldest_head >= limits.cadre_warning_age,
        "nobody_ready": reserve > 0 and ready == 0,
        "below_target": 0 < reserve < limits.reserve_target,
    }
    return [concern for code, concern in CONCERNS.items() if holds[code]]


def succession(user: User, day: date, path: str = "") -> list[Succession]:
    """A row for each village in the user's sight at or below `path`, the most urgent first. Sixteen queries at most.

    The date of the election is the one kept today; it has no history.
    """
    area = area_on(user, PERMISSION, day, path)
    limits = LimitsByPlace()
    elections = _elections(user, path)
    cards = Village.objects.for_user(user).filter(unit__path__startswith=path).order_by()
    approved = approved_on(dict(cards.values_list("unit_id", "approved_post_count")), day)
    teams = _teams(user, day, path, area.owner)
    reserve = _reserve(user, day, path, area.owner, limits)
    townships = {township.path: township for township in area.townships}
    rows = [
        _row(
            Succession(
                village=village,
                township=townships[village.path[:-STEP]],
                day=day,
                election_on=elections.get(village.pk),
                approved=approved.get(village.pk, 0),
                team=teams.get(village.pk, []),
                reserve=reserve.get(village.pk, []),
            ),
            limits.at(village.path),
        )
        for village in area.villages
    ]
    return sorted(rows, key=lambda row: (-row.urgency, row.election_on or date.max, row.village.path))


def _row(row: Succession, limits: PeopleLimits) -> Succession:
    ages = [one.age for one in row.heads if one.age is not None]
    found = concerns_of(
        days_to_election=row.days_to_election,
        vacancies=row.vacancies,
        has_secretary=any(one.is_secretary for one in row.team),
        oldest_head=max(ages, default=None),
        reserve=len(row.reserve),
        ready=row.ready,
        limits=limits,
    )
    return Succession(**{**row.__dict__, "concerns": found})


def _elections(user: User, path: str) -> dict[int, date | None]:
    leading = Branch.objects.for_user(user).leading().filter(unit__path__startswith=path, valid_to__isnull=True)
    leading = leading.order_by()
    return dict(leading.values_list("unit_id", "next_election_on"))


def _teams(user: User, day: date, path: str, owner: Mapping[int, int]) -> dict[int, list[InPost]]:
    rows = Posting.objects.for_user(user).held_on(day).filter(post__in=COUNTED_POSTS, unit__path__startswith=path)
    held: dict[int, dict[int, list[Posting]]] = {}
    for posting in rows.select_related("person").order_by("post", "pk"):
        if posting.unit_id in owner:
            held.setdefault(owner[posting.unit_id], {}).setdefault(posting.person_id, []).append(posting)
    return {village: [_in_post(postings, day) for postings in people.values()] for village, people in held.items()}


def _in_post(postings: Sequence[Posting], day: date) -> InPost:
    starts = [posting.started_on for posting in postings if posting.started_on is not None]
    return InPost(
        person=postings[0].person,
        posts=tuple(posting.post for posting in postings),
        words=tuple(posting.words or str(posting.get_post_display()) for posting in postings),
        age=age_on(postings[0].person.birth, day),
        years=age_on(min(starts, key=lambda start: start.first_day), day) if starts else None,
    )


def _reserve(
    user: User, day: date, path: str, owner: Mapping[int, int], limits: LimitsByPlace
) -> dict[int, list[Successor]]:
    rows = ReserveCadre.objects.for_user(user).in_stock_on(day).filter(unit__path__startswith=path)
    entries = [entry for entry in rows.select_related("person", "unit") if entry.unit_id in owner]
    facts = facts_of(entries, day)
    trained = trained_by(entries, day, {entry.pk: facts[entry.pk].recorded_on for entry in entries})
    found: dict[int, list[Successor]] = {}
    for entry in entries:
        one = facts[entry.pk]
        ready = is_ready(one, limits.at(entry.unit.path), was_trained=entry.pk in trained)
        found.setdefault(owner[entry.unit_id], []).append(Successor(entry, one.age, ready))
    return found


def trained_by(entries: Sequence[ReserveCadre], day: date, recorded_on: Mapping[int, date | None]) -> set[int]:
    """Entries whose person completed a training by `day` since they were on record. One query."""
    by_person = {entry.person_id: entry.pk for entry in entries}
    rows = Attendance.objects.filter(
        person__in=list(by_person), result=Attendance.Result.COMPLETED, training__held_on__lte=day
    ).order_by()
    found = set()
    for person_id, held_on in rows.values_list("person_id", "training__held_on"):
        since = recorded_on[by_person[person_id]]
        if since is None or since <= held_on:
            found.add(by_person[person_id])
    return found
