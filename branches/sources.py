"""What assessments can rank villages by from their organisational life, decisions and cards.

Each source answers for all villages in a constant number of queries. What counts as held,
complete or late is written in docs/rules/organisational-life.md and
docs/rules/village-decisions.md; docs/indicators.md lists the sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from branches.indicators import IndicatorSource, Reading
from branches.models import Decision, OrganisationalLife, Unit, Village
from branches.months import after, first_of_window
from branches.records import Deadlines, possibly_faulty

Kind = OrganisationalLife.Kind
Readings = Mapping[int, Reading]

WINDOW_MONTHS = 3
"""Member meetings, lectures and villagers' meetings are expected once in this many months."""

ID_LIST_LIMIT = 1000
"""A longer list of villages is not sent to the database; the rows of the month are then read for all."""


# --- Rows ----------------------------------------------------------------------------------


def _among(rows: QuerySet[Any], lookup: str, village_ids: Collection[int]) -> QuerySet[Any]:
    return rows.filter(**{f"{lookup}__in": village_ids}) if len(village_ids) <= ID_LIST_LIMIT else rows


def _life(village_ids: Collection[int], kinds: Iterable[str], first: date, end: date) -> QuerySet[Any]:
    rows = OrganisationalLife.objects.filter(kind__in=list(kinds), held_on__gte=first, held_on__lt=end, is_void=False)
    return _among(rows, "branch__unit_id", village_ids).order_by()


def _with_merged(village_ids: Collection[int], month: date) -> dict[int, int]:
    """Unit id -> the village it counts for: itself, and what was merged into it before `month`.

    A merged village keeps its own past; the new one does not start its three months empty.
    """
    merged = Unit.objects.filter(valid_to__lt=month)
    merged = _among(merged, "merged_into_id", village_ids).exclude(merged_into=None).order_by()
    wanted = set(village_ids)
    owner = {pk: pk for pk in wanted}
    owner.update((pk, into) for pk, into in merged.values_list("pk", "merged_into_id") if into in wanted)
    return owner


# --- Organisational life --------------------------------------------------------------------


def held_in_month(kinds: Collection[str], village_ids: Collection[int], month: date) -> Readings:
    """Number of records of these kinds dated in the month."""
    days: dict[int, list[date]] = {pk: [] for pk in village_ids}
    rows = _life(village_ids, kinds, month, after(month)).order_by("held_on")
    for village_id, held_on in rows.values_list("branch__unit_id", "held_on"):
        if village_id in days:
            days[village_id].append(held_on)
    return {pk: Reading(Decimal(len(held)), note=_held_on(held)) for pk, held in days.items()}


def _held_on(days: list[date]) -> str:
    if not days:
        return _("no record in the month")
    return _("held on %(days)s") % {"days": _(", ").join(f"{day:%m-%d}" for day in days)}


def party_day_attendance(village_ids: Collection[int], month: date) -> Readings:
    """Present ÷ (due − excused) over the Party days of the month; records without these figures do not count."""
    rows = _life(village_ids, [Kind.PARTY_DAY], month, after(month))
    rows = rows.filter(due_count__isnull=False, present_count__isnull=False).values_list("branch__unit_id")
    sums = {
        pk: numbers
        for pk, *numbers in rows.annotate(p=Sum("present_count"), d=Sum("due_count"), e=Sum("excused_count"))
    }
    return {pk: _attendance(*sums.get(pk, (0, 0, 0))) for pk in village_ids}


def _attendance(present: int, due: int, excused: int) -> Reading:
    note = _("no attendance recorded in the month")
    if due:
        note = _("%(present)d present; %(due)d due, %(excused)d excused") % {
            "present": present,
            "due": due,
            "excused": excused,
        }
    return Reading(Decimal(present), Decimal(due - excused), note)


def kinds_within_window(kinds: Collection[Kind], village_ids: Collection[int], month: date) -> Readings:
    """How many of the kinds were held within the last three months: of member meeting and lecture 0, 1 or 2."""
    owner = _with_merged(village_ids, month)
    last: dict[int, dict[str, date]] = {pk: {} for pk in village_ids}
    rows = _life(owner, kinds, first_of_window(month, WINDOW_MONTHS), after(month)).order_by("held_on")
    for unit_id, kind, held_on in rows.values_list("branch__unit_id", "kind", "held_on"):
        if unit_id in owner:
            last[owner[unit_id]][kind] = held_on
    return {pk: Reading(Decimal(len(found)), note=_last_held(kinds, found)) for pk, found in last.items()}


def _last_held(kinds: Iterable[Kind], found: Mapping[str, date]) -> str:
    words = [
        _("%(kind)s %(day)s") % {"kind": kind.label, "day": f"{found[kind]:%Y-%m-%d}"}
        if kind in found
        else _("no %(kind)s") % {"kind": kind.label}
        for kind in kinds
    ]
    return _(", ").join(words)


def record_faults(village_ids: Collection[int], month: date) -> Readings:
    """Records of the month that lack a field or were recorded later than three working days after the day."""
    incomplete: Counter[int] = Counter()
    late: Counter[int] = Counter()
    both: Counter[int] = Counter()
    rows: Any = possibly_faulty(_life(village_ids, Kind.values, month, after(month)))
    deadlines = Deadlines(month, after(month))
    for unit_id, path, held_on, recorded_on, is_complete in rows.values_list(
        "branch__unit_id", "path", "held_on", "recorded_on", "is_complete"
    ):
        is_late = deadlines.is_late(path, held_on, recorded_on)
        incomplete[unit_id] += not is_complete
        late[unit_id] += is_late
        both[unit_id] += is_late and not is_complete
    return {pk: _faults(incomplete[pk], late[pk], both[pk]) for pk in village_ids}


def _faults(incomplete: int, late: int, both: int) -> Reading:
    note = _("all records complete and in time")
    if incomplete or late:
        note = _("%(incomplete)d incomplete, %(late)d late") % {"incomplete": incomplete, "late": late}
    return Reading(Decimal(incomplete + late - both), note=note)


# --- Decisions ------------------------------------------------------------------------------

COMPLETE_STEPS = Q(**{f"{step}__isnull": False for step in Decision.STEPS})


def decisions_complete(village_ids: Collection[int], month: date) -> Readings:
    """Decisions of the month with all six steps ÷ decisions of the month."""
    rows: Any = Decision.objects.filter(decided_on__gte=month, decided_on__lt=after(month), is_void=False)
    rows = _among(rows, "unit_id", village_ids).order_by().values_list("unit_id")
    counts = {pk: numbers for pk, *numbers in rows.annotate(c=Count("pk", filter=COMPLETE_STEPS), n=Count("pk"))}
    return {pk: _decided(*counts.get(pk, (0, 0))) for pk in village_ids}


def _decided(complete: int, count: int) -> Reading:
    note = _("no decision in the month")
    if count:
        note = _("%(complete)d of %(count)d with all six steps") % {"complete": complete, "count": count}
    return Reading(Decimal(complete), Decimal(count), note)


def villager_meeting(village_ids: Collection[int], month: date) -> Readings:
    """Villagers' meetings within the last three months: records of the meeting, and step 4 of decisions.

    A meeting that is recorded and also decided a matter counts once for its day.
    """
    owner = _with_merged(village_ids, month)
    first, end = first_of_window(month, WINDOW_MONTHS), after(month)
    days: dict[int, set[date]] = {pk: set() for pk in village_ids}
    held = _life(owner, [Kind.REPRESENTATIVES], first, end).values_list("branch__unit_id", "held_on")
    resolved = Decision.objects.filter(resolved_on__gte=first, resolved_on__lt=end, is_void=False).order_by()
    for rows in (held, _among(resolved, "unit_id", owner).values_list("unit_id", "resolved_on")):
        for unit_id, day in rows:
            if unit_id in owner:
                days[owner[unit_id]].add(day)
    return {pk: Reading(Decimal(len(found)), note=_last_meeting(found)) for pk, found in days.items()}


def _last_meeting(days: set[date]) -> str:
    if not days:
        return _("none within three months")
    return _("last held on %(day)s") % {"day": f"{max(days):%Y-%m-%d}"}


# --- Cards ----------------------------------------------------------------------------------


def dues_members(village_ids: Collection[int], month: date) -> Readings:
    """Members due to pay dues as the village card has it, else its members. No figure, no data."""
    cards = _among(Village.objects.order_by(), "unit_id", village_ids)
    wanted = set(village_ids)
    readings = {}
    for pk, due, members in cards.values_list("unit_id", "dues_member_count", "member_count"):
        count = members if due is None else due
        if pk in wanted and count is not None:
            readings[pk] = Reading(Decimal(count), note=_("from the village card"))
    return readings


# --- Addresses ------------------------------------------------------------------------------


def _life_list(village_id: int, month: date, **conditions: str | int) -> str:
    query = {"village": village_id, "month": f"{month:%Y-%m}", **conditions}
    return f"{reverse('branches:life_list')}?{urlencode(query)}"


def _decision_list(village_id: int, month: date, **conditions: str | int) -> str:
    query = {"village": village_id, "month": f"{month:%Y-%m}", **conditions}
    return f"{reverse('branches:decision_list')}?{urlencode(query)}"


def _card(village_id: int, month: date) -> str:
    return reverse("branches:village", args=[village_id])


CIVILITY = (Kind.CIVILITY, Kind.VOLUNTEERING)

SOURCES: tuple[IndicatorSource, ...] = (
    IndicatorSource(
        code="branches.party_day_held",
        label=gettext_lazy("Party days held in the month"),
        unit=gettext_lazy("times"),
        higher_is_better=True,
        compute=partial(held_in_month, (Kind.PARTY_DAY,)),
        records=partial(_life_list, kind=Kind.PARTY_DAY.value),
    ),
    IndicatorSource(
        code="branches.party_day_attendance",
        label=gettext_lazy("Present at Party days ÷ due less excused"),
        unit=gettext_lazy("people"),
        higher_is_better=True,
        compute=party_day_attendance,
        records=partial(_life_list, kind=Kind.PARTY_DAY.value),
    ),
    IndicatorSource(
        code="branches.committee_meeting",
        label=gettext_lazy("Branch committee meetings in the month"),
        unit=gettext_lazy("times"),
        higher_is_better=True,
        compute=partial(held_in_month, (Kind.COMMITTEE_MEETING,)),
        records=partial(_life_list, kind=Kind.COMMITTEE_MEETING.value),
    ),
    IndicatorSource(
        code="branches.member_meeting_lecture",
        label=gettext_lazy("Member meeting and Party lecture within three months (0 to 2)"),
        unit=gettext_lazy("kinds"),
        higher_is_better=True,
        compute=partial(kinds_within_window, (Kind.MEMBER_MEETING, Kind.LECTURE)),
        records=partial(_life_list, kind="meeting_and_lecture", months=WINDOW_MONTHS),
    ),
    IndicatorSource(
        code="branches.member_meeting",
        label=gettext_lazy("Member meeting within three months (0 or 1)"),
        unit=pgettext_lazy("count", "member meetings"),
        higher_is_better=True,
        compute=partial(kinds_within_window, (Kind.MEMBER_MEETING,)),
        records=partial(_life_list, kind=Kind.MEMBER_MEETING.value, months=WINDOW_MONTHS),
    ),
    IndicatorSource(
        code="branches.record_faults",
        label=gettext_lazy("Records of the month that are incomplete or late"),
        unit=pgettext_lazy("count", "records"),
        higher_is_better=False,
        compute=record_faults,
        records=partial(_life_list, state="faulty"),
    ),
    IndicatorSource(
        code="branches.decisions_complete",
        label=gettext_lazy("Decisions of the month with all six steps ÷ decisions"),
        unit=pgettext_lazy("count", "decisions"),
        higher_is_better=True,
        compute=decisions_complete,
        records=_decision_list,
    ),
    IndicatorSource(
        code="branches.villager_meeting",
        label=gettext_lazy("Villager representatives' meetings within three months"),
        unit=gettext_lazy("times"),
        higher_is_better=True,
        compute=villager_meeting,
        records=partial(_life_list, kind=Kind.REPRESENTATIVES.value, months=WINDOW_MONTHS),
    ),
    IndicatorSource(
        code="branches.civility_activity",
        label=gettext_lazy("Civility and volunteer activities in the month"),
        unit=gettext_lazy("times"),
        higher_is_better=True,
        compute=partial(held_in_month, CIVILITY),
        records=partial(_life_list, kind="civility_or_volunteering"),
    ),
    IndicatorSource(
        code="branches.dues_members",
        label=gettext_lazy("Members due to pay dues, from the village card"),
        unit=gettext_lazy("people"),
        higher_is_better=True,
        compute=dues_members,
        kind="denominator",
        records=_card,
    ),
)
