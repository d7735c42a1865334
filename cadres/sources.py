"""What assessments can rank villages by from posts, the reserve, trainings and discipline, as of a month.

Each source answers for all villages in a constant number of queries; what stood at a village that has been
merged counts for the one it went into. A village of which nothing is recorded has no data where silence
could mean either. Rules: docs/rules/cadre-indicators.md; docs/indicators.md lists the sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from branches.approved_posts import approved_on
from branches.indicators import IndicatorSource, Reading, SpanSource
from branches.models import Unit, Village
from branches.months import after
from cadres import codes
from cadres.limits import LimitsByPlace
from cadres.models import Attendance, DisciplineAction, Posting, ReserveCadre
from cadres.places import owners_of_ids
from cadres.rosters import BRANCH_POSTS, COMMITTEE_POSTS, COUNTED_POSTS
from imports.dates import PartialDate

Readings = Mapping[int, Reading]
Kind = DisciplineAction.Kind
TWO_COMMITTEES = BRANCH_POSTS | COMMITTEE_POSTS

ID_LIST_LIMIT = 1000
"""A longer list of villages is not sent to the database; the rows are then read for all."""

FLAG_RESERVE = 2
"""Reserve cadres asked of a village by criterion F1-6 (handbook 2.5)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A post held from a day to a day, both included; None is unknown and open."""

    person: int
    post: int
    first: date | None
    last: date | None

    def covers(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or self.last >= day)


def _last_day(month: date) -> date:
    return after(month) - timedelta(days=1)


def _first_day(value: PartialDate | None) -> date | None:
    return None if value is None else value.first_day


def _at(rows: QuerySet[Any], lookup: str, unit_ids: Collection[int]) -> QuerySet[Any]:
    return rows.filter(**{f"{lookup}__in": unit_ids}) if len(unit_ids) <= ID_LIST_LIMIT else rows


def _held(owner: Mapping[int, int], posts: Iterable[int], first: date, last: date) -> dict[int, list[Held]]:
    """Village -> posts held on any day of the span. One query."""
    rows = _at(Posting.objects.filter(post__in=list(posts)), "unit_id", owner)
    begun = Q(started_on__isnull=True) | Q(started_on__lte=last.isoformat())
    rows = rows.filter(begun & (Q(ended_on__isnull=True) | Q(ended_on__gte=first))).order_by()
    found: dict[int, list[Held]] = defaultdict(list)
    for unit_id, person, post, started, ended in rows.values_list(
        "unit_id", "person_id", "post", "started_on", "ended_on"
    ):
        if unit_id in owner:
            found[owner[unit_id]].append(Held(person, post, _first_day(started), ended))
    return found


# --- Posts ----------------------------------------------------------------------------------


def most_people(held: Collection[Held], first: date, last: date) -> int:
    """The most people in post on any one day of the span; what is beyond them was vacant all the time."""
    days = {first, *(one.first for one in held if one.first is not None and first < one.first <= last)}
    return max(len({one.person for one in held if one.covers(day)}) for day in days)


def posts_vacant(village_ids: Collection[int], month: date) -> Readings:
    """B2: approved posts that stood empty longer than the county allows, on the last day of the month.

    Without a card, or when no post has ever been recorded, there is no data.
    """
    end = _last_day(month)
    limits = LimitsByPlace()
    owner = owners_of_ids(list(village_ids), end)
    held = _held(owner, COUNTED_POSTS, end - timedelta(days=limits.furthest("vacancy_days") + 1), end)
    known = _at(Posting.objects.filter(post__in=list(COUNTED_POSTS)), "unit_id", owner).order_by()
    known = known.filter(Q(started_on__isnull=True) | Q(started_on__lte=end.isoformat()))
    recorded = {owner[pk] for pk in known.values_list("unit_id", flat=True).distinct() if pk in owner}
    cards = _at(Village.objects.order_by(), "unit_id", village_ids)
    found = list(cards.values_list("unit_id", "unit__path", "approved_post_count"))
    approved = approved_on({pk: number for pk, _path, number in found}, end)
    readings = {}
    for pk, path, _number in found:
        if pk in recorded and pk in owner:
            days = limits.at(path).vacancy_days
            readings[pk] = _vacancies(approved[pk], held[pk], end, days)
    return readings


def _vacancies(approved: int, held: Collection[Held], end: date, days: int) -> Reading:
    old = max(0, approved - most_people(held, end - timedelta(days=days + 1), end))
    people = len({one.person for one in held if one.covers(end)})
    note = _("%(people)d in post of %(approved)d approved; %(old)d vacant for more than %(days)d days") % {
        "people": people,
        "approved": approved,
        "old": old,
        "days": days,
    }
    return Reading(Decimal(old), note=note)


def secretary_vacant(village_ids: Collection[int], month: date) -> Readings:
    """V5: 1 where the post of secretary has stood empty longer than the county allows, on the last day of the month.

    Only where the last day of the last secretary is recorded: a veto never follows from silence.
    """
    end = _last_day(month)
    limits = LimitsByPlace()
    owner = owners_of_ids(list(village_ids), end)
    rows = _at(Posting.objects.filter(post=codes.SECRETARY), "unit_id", owner)
    rows = rows.filter(Q(started_on__isnull=True) | Q(started_on__lte=end.isoformat())).order_by()
    lasts: dict[int, date] = {}
    filled: set[int] = set()
    for pk, ended in rows.values_list("unit_id", "ended_on"):
        if pk not in owner:
            continue
        if ended is None or ended >= end:
            filled.add(owner[pk])
        else:
            lasts[owner[pk]] = max(ended, lasts.get(owner[pk], ended))
    vacant = {pk: last for pk, last in lasts.items() if pk not in filled}
    paths = dict(_at(Unit.objects.order_by(), "pk", list(vacant)).values_list("pk", "path")) if vacant else {}
    return {
        pk: Reading(Decimal(1), note=_("no secretary since %(day)s") % {"day": last + timedelta(days=1)})
        for pk, last in vacant.items()
        if (end - last).days - 1 > limits.at(paths[pk]).secretary_vacancy_days
    }


# --- Reserve --------------------------------------------------------------------------------


def _entries(owner: Mapping[int, int], entries: QuerySet[Any]) -> dict[int, list[int]]:
    """Village -> keys of people with these entries. One query."""
    found: dict[int, list[int]] = defaultdict(list)
    for unit_id, person in _at(entries, "unit_id", owner).order_by().values_list("unit_id", "person_id"):
        if unit_id in owner:
            found[owner[unit_id]].append(person)
    return found


def reserve_cadres(village_ids: Collection[int], month: date) -> Readings:
    """B3: people on record with the county on the last day of the month. None is zero."""
    end = _last_day(month)
    owner = owners_of_ids(list(village_ids), end)
    stock = _entries(owner, ReserveCadre.objects.in_stock_on(end))
    note = _("in stock on %(day)s")
    return {pk: Reading(Decimal(len(stock[pk])), note=note % {"day": end}) for pk in village_ids}


def reserve_promoted(village_ids: Collection[int], month: date) -> Readings:
    """P5: people of the village's reserve who took office in the month; only villages that have some."""
    end = _last_day(month)
    owner = owners_of_ids(list(village_ids), end)
    entries = ReserveCadre.objects.ever_on_record().filter(
        stage=ReserveCadre.Stage.PROMOTED, left_on__gte=month, left_on__lte=end
    )
    promoted = _entries(owner, entries)
    return {pk: Reading(Decimal(len(people)), note=_("promoted in the month")) for pk, people in promoted.items()}


@dataclass(frozen=True, slots=True)
class FlagReserve:
    """Criterion F1-6: people in stock at the end of a round, those of them trained in it, and whether both suffice."""

    stock: int
    trained: int

    @property
    def is_met(self) -> bool:
        return self.stock >= FLAG_RESERVE and self.trained >= FLAG_RESERVE


def reserve_for_flag(village_ids: Collection[int], first: date, last: date) -> Mapping[int, FlagReserve]:
    """F1-6 for all villages over a round of the flags (handbook 2.5: reserve cadres 2–3, trained). Three queries."""
    owner = owners_of_ids(list(village_ids), last)
    stock = _entries(owner, ReserveCadre.objects.in_stock_on(last))
    attended = Attendance.objects.filter(
        result=Attendance.Result.COMPLETED, training__held_on__gte=first, training__held_on__lte=last
    )
    trained = set(_at(attended, "person__reserve__unit_id", owner).order_by().values_list("person_id", flat=True))
    return {pk: FlagReserve(len(stock[pk]), sum(person in trained for person in stock[pk])) for pk in village_ids}


def flag_reserve(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F1-6 as a number: people in stock who were trained in the span, at most as many as are asked for."""
    note = _("%(stock)d in stock, %(trained)d of them trained")
    return {
        pk: Reading(
            Decimal(min(found.stock, found.trained)), note=note % {"stock": found.stock, "trained": found.trained}
        )
        for pk, found in reserve_for_flag(village_ids, first, last).items()
    }


def secretary_in_post(village_ids: Collection[int], first: date, last: date) -> Readings:
    """Gate of F1: 1 where somebody holds the post of secretary on the last day, 0 where the post is known to be empty.

    A village for which no secretary was ever recorded has no data. Two queries at most.
    """
    owner = owners_of_ids(list(village_ids), last)
    rows = _at(Posting.objects.filter(post=codes.SECRETARY), "unit_id", owner)
    rows = rows.filter(Q(started_on__isnull=True) | Q(started_on__lte=last.isoformat())).order_by()
    found: dict[int, bool] = {}
    for unit_id, ended in rows.values_list("unit_id", "ended_on"):
        if unit_id in owner:
            village = owner[unit_id]
            found[village] = found.get(village, False) or ended is None or ended >= last
    notes = {True: _("somebody is in post"), False: _("the post is empty")}
    return {pk: Reading(Decimal(is_filled), note=notes[is_filled]) for pk, is_filled in found.items()}


# --- Trainings ------------------------------------------------------------------------------

CAME = (Attendance.Result.COMPLETED, Attendance.Result.NOT_COMPLETED)


def training_attendance(village_ids: Collection[int], month: date) -> Readings:
    """B4: attended ÷ due at trainings that ended in the month, excused not counted; for cadres in post that day."""
    end = _last_day(month)
    owner = owners_of_ids(list(village_ids), end)
    due = Attendance.objects.filter(training__ends_on__gte=month, training__ends_on__lte=end)
    rows = list(
        due.exclude(result=Attendance.Result.EXCUSED).order_by().values_list("person_id", "training__ends_on", "result")
    )
    village_of: dict[int, list[tuple[int, Held]]] = defaultdict(list)
    if rows:
        for village, posts in _held(owner, COUNTED_POSTS, month, end).items():
            for one in posts:
                village_of[one.person].append((village, one))
    came: dict[int, int] = defaultdict(int)
    all_due: dict[int, int] = defaultdict(int)
    for person, day, result in rows:
        villages = sorted((one.post, village) for village, one in village_of[person] if one.covers(day))
        if villages:
            village = villages[0][1]
            all_due[village] += 1
            came[village] += result in CAME
    return {pk: _attended(came[pk], all_due[pk]) for pk in village_ids}


def _attended(came: int, due: int) -> Reading:
    note = _("%(came)d attended of %(due)d due") % {"came": came, "due": due} if due else _("no training in the month")
    return Reading(Decimal(came), Decimal(due), note)


# --- Discipline -----------------------------------------------------------------------------


def party_warnings(village_ids: Collection[int], month: date) -> Readings:
    """N6: warnings and serious warnings decided in the month on members of the two committees.

    Only villages that have some. The reading says how many and of what kind, not who and why: rankings are
    read by more people than discipline records are.
    """
    end = _last_day(month)
    decided = DisciplineAction.objects.filter(
        kind__in=[Kind.WARNING, Kind.SERIOUS_WARNING], decided_on__gte=month, decided_on__lte=end
    )
    rows = list(decided.order_by().values_list("person_id", "kind", "decided_on"))
    if not rows:
        return {}
    owner = owners_of_ids(list(village_ids), end)
    village_of: dict[int, list[tuple[int, Held]]] = defaultdict(list)
    for village, posts in _held(owner, TWO_COMMITTEES, month, end).items():
        for one in posts:
            village_of[one.person].append((village, one))
    levels: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for person, kind, day in rows:
        for village in {village for village, one in village_of[person] if one.covers(day)}:
            levels[village][kind == Kind.SERIOUS_WARNING] += 1
    return {
        pk: Reading(
            Decimal(sum(counts)),
            note=_("%(warnings)d warnings, %(serious)d serious warnings")
            % {"warnings": counts[0], "serious": counts[1]},
            levels=tuple(counts),
        )
        for pk, counts in levels.items()
    }


# --- Addresses ------------------------------------------------------------------------------


def _people(village_id: int, month: date) -> str:
    """The people in post on the last day of the month."""
    query = {"about": "posts", "on": _last_day(month).isoformat(), "figure": "people", "unit": village_id}
    return f"{reverse('reserve:statistics')}?{urlencode(query)}"


def _stock(village_id: int, month: date) -> str:
    query = {"village": village_id, "on": _last_day(month).isoformat(), "state": "stock"}
    return f"{reverse('reserve:list')}?{urlencode(query)}"


def _stock_on(village_id: int, first: date, last: date) -> str:
    return f"{reverse('reserve:list')}?{urlencode({'village': village_id, 'on': last.isoformat(), 'state': 'stock'})}"


def _people_on(village_id: int, first: date, last: date) -> str:
    query = {"about": "posts", "on": last.isoformat(), "figure": "people", "unit": village_id}
    return f"{reverse('reserve:statistics')}?{urlencode(query)}"


def _promoted(village_id: int, month: date) -> str:
    query = {
        "village": village_id,
        "first": month.isoformat(),
        "last": _last_day(month).isoformat(),
        "step": "in_office",
    }
    return f"{reverse('reserve:funnel')}?{urlencode(query)}"


def _attendances(village_id: int, month: date) -> str:
    return f"{reverse('reserve:trainings')}?{urlencode({'village': village_id, 'month': f'{month:%Y-%m}'})}"


SOURCES: tuple[IndicatorSource, ...] = (
    IndicatorSource(
        code="cadres.posts_vacant",
        label=gettext_lazy("Approved posts vacant for longer than the county allows"),
        unit=pgettext_lazy("count", "vacancies"),
        higher_is_better=False,
        compute=posts_vacant,
        records=_people,
    ),
    IndicatorSource(
        code="cadres.reserve_cadres",
        label=gettext_lazy("People in the reserve, on record with the county"),
        unit=gettext_lazy("people"),
        higher_is_better=True,
        compute=reserve_cadres,
        records=_stock,
    ),
    IndicatorSource(
        code="cadres.training_attendance",
        label=gettext_lazy("Village cadres who attended trainings ÷ who were due"),
        unit=gettext_lazy("people"),
        higher_is_better=True,
        compute=training_attendance,
        records=_attendances,
    ),
    IndicatorSource(
        code="cadres.reserve_promoted",
        label=gettext_lazy("Reserve cadres elected or appointed in the month"),
        unit=gettext_lazy("people"),
        higher_is_better=True,
        compute=reserve_promoted,
        kind="adjustment",
        records=_promoted,
    ),
    IndicatorSource(
        code="cadres.party_warnings",
        label=gettext_lazy("Warnings and serious warnings to members of the two committees"),
        unit=gettext_lazy("times"),
        higher_is_better=False,
        compute=party_warnings,
        kind="adjustment",
    ),
    IndicatorSource(
        code="cadres.secretary_vacant",
        label=gettext_lazy("Post of secretary vacant for longer than the county allows"),
        unit=gettext_lazy("times"),
        higher_is_better=False,
        compute=secretary_vacant,
        kind="adjustment",
        records=_people,
    ),
)

SPANS: tuple[SpanSource, ...] = (
    SpanSource(
        code="cadres.flag_reserve",
        label=gettext_lazy("Reserve cadres in stock at the end of the round and trained in it"),
        unit=gettext_lazy("people"),
        compute=flag_reserve,
        records=_stock_on,
    ),
    SpanSource(
        code="cadres.secretary_in_post",
        label=gettext_lazy("Post of secretary filled on the last day of the round (1 or 0)"),
        unit=gettext_lazy("people"),
        compute=secretary_in_post,
        records=_people_on,
    ),
)
