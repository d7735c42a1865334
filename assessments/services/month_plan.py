"""Which scheme a planned month follows, and its dates. Nothing here touches a month that has opened.

Rule: docs/rules/calendar.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from assessments.deadlines import FIELDS, LONGEST, Deadlines, deadlines
from assessments.models import Period, Scheme
from branches.calendars import workday_exceptions


def schemes_in_force(county_ids: Iterable[int], months: Iterable[date]) -> dict[tuple[int, date], Scheme]:
    """(county, month) -> its published scheme. One query; a pair without one is missing.

    Where two schemes begin with the same month, the one published last replaces the other.
    """
    months = sorted(set(months))
    if not months:
        return {}
    published = list(
        Scheme.objects.filter(unit__in=set(county_ids), state=Scheme.State.PUBLISHED, first_month__lte=months[-1])
        .defer("snapshot", "undo")
        .order_by("first_month", "published_at", "pk")
    )
    return {(scheme.unit_id, month): scheme for scheme in published for month in months if scheme.first_month <= month}


def dates_of(scheme: Scheme, months: Iterable[date]) -> Mapping[date, Deadlines]:
    """The five moments of each month by the scheme's calendar and the county's holidays. One query."""
    months = sorted(set(months))
    if not months:
        return {}
    exceptions = workday_exceptions(scheme.path, months[0], months[-1] + LONGEST)
    return {month: deadlines(scheme.calendar, month, exceptions) for month in months}


def replan(county_id: int, *, first_month: date | None = None) -> list[Period]:
    """Give the planned months of a county, from `first_month` on, the scheme and the dates that hold now.

    Returns the months that changed. A month that has opened keeps both.
    """
    planned = Period.objects.select_for_update(of=("self",)).filter(unit=county_id, state=Period.State.PLANNED)
    if first_month is not None:
        planned = planned.filter(month__gte=first_month)
    periods = list(planned)
    in_force = schemes_in_force([county_id], [period.month for period in periods])
    dated = dates_by_scheme(
        [in_force[county_id, period.month] for period in periods], [period.month for period in periods]
    )
    changed = []
    for period in periods:
        scheme = in_force[county_id, period.month]
        if _follow(period, scheme, dated[scheme.pk][period.month]):
            changed.append(period)
    Period.objects.bulk_update(changed, ["scheme", "version", *FIELDS.values()])
    return changed


def dates_by_scheme(schemes: Iterable[Scheme], months: Collection[date]) -> dict[int, Mapping[date, Deadlines]]:
    """By scheme: the dates of all `months`. One query for each scheme, of which few hold at a time."""
    return {scheme.pk: dates_of(scheme, months) for scheme in {scheme.pk: scheme for scheme in schemes}.values()}


def _follow(period: Period, scheme: Scheme, dates: Deadlines) -> bool:
    """Whether the scheme or a date of a planned month became another one."""
    wanted = {"scheme_id": scheme.pk, **dates.as_fields()}
    if all(getattr(period, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(period, name, value)
    period.version += 1
    return True
