"""Things to do about the yearly assessment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assessments import year_inputs, year_page
from assessments.models import CommentMeeting, DisciplineProposal, YearAssessment
from assessments.services.year import rules_of
from assessments.services.year_entry import enterable_departments
from branches.models import Unit
from branches.scoping import STEP, paths_for, subjects_for
from branches.todo import Source, Todo

if TYPE_CHECKING:
    from accounts.models import User

State = YearAssessment.State


def _to_publish(user: User, now: datetime) -> list[Todo]:
    """Computed assessments, for a leader who did not have them computed."""
    rows = YearAssessment.objects.for_user(user, "publish").filter(state=State.COMPUTED).exclude(computed_by=user)
    return [
        Todo(
            key="year",
            icon="scale",
            tone="warn",
            title=_("Publish %(name)s") % {"name": year_page.title_of(row)},
            detail=_("Computed; townships see it when it is published."),
            action=_("Check and publish"),
            url=reverse("assessments:year_publish", args=[row.pk]),
        )
        for row in rows
    ]


def _to_score(user: User, now: datetime) -> list[Todo]:
    """A lead department's scores that are not all there."""
    permission = "assessments.add_departmentscore"
    paths = paths_for(user, permission)
    if not paths or subjects_for(user, permission) is None:
        return []
    found = []
    open_ones = YearAssessment.objects.filter(path__in=paths, state=State.OPEN)
    for row in open_ones:
        names = [one.name for one in enterable_departments(row, user)]
        if names and rules_of(row).weight("departments"):
            found.append(_score(row, names, user, now))
    return [todo for todo in found if todo is not None]


def _score(row: YearAssessment, names: list[str], user: User, now: datetime) -> Todo | None:
    """Leads to the first township with a village that lacks a score."""
    day = year_inputs.reference_day(row, timezone.localdate(now))
    places = year_inputs.villages_of(row.path, day)
    given = set(row.department_scores.filter(department__in=names).values_list("village_id", "department"))
    missing = [(place, name) for name in names for place in places if (place.pk, name) not in given]
    if not missing:
        return None
    place, name = missing[0]
    township = Unit.objects.filter(path=place.path[:-STEP]).values_list("pk", flat=True).first()
    query = urlencode({"department": name, "township": township})
    wanted = len(places) * len(names)
    return Todo(
        key="year",
        icon="scale",
        tone="info",
        title=_("Score the villages: %(name)s") % {"name": year_page.title_of(row)},
        detail=_("%(given)s of %(wanted)s scores are there.") % {"given": wanted - len(missing), "wanted": wanted},
        action=_("Go on"),
        url=f"{reverse('assessments:year_departments', args=[row.pk])}?{query}",
    )


def _to_confirm(user: User, now: datetime) -> list[Todo]:
    rows = (
        CommentMeeting.objects.for_user(user, "confirm")
        .filter(confirmed_by__isnull=True)
        .exclude(entered_by=user)
        .select_related("unit")
    )
    return [
        Todo(
            key="year",
            icon="message",
            tone="info",
            title=_("%(place)s: confirm the report-and-comment meeting of %(day)s")
            % {"place": row.unit.name, "day": f"{row.held_on:%Y-%m-%d}"},
            detail=_("Who entered it does not confirm it."),
            action=_("Look"),
            url=reverse("assessments:meeting", args=[row.pk]),
        )
        for row in rows
    ]


def _to_decide(user: User, now: datetime) -> list[Todo]:
    """How many, no names: a list of things to do is seen over one's shoulder."""
    rows = DisciplineProposal.objects.for_user(user, "decide").filter(state=DisciplineProposal.State.OPEN)
    number = rows.count()
    if not number:
        return []
    words = ngettext("%(n)s discipline proposal to decide", "%(n)s discipline proposals to decide", number)
    return [
        Todo(
            key="year",
            icon="gavel",
            tone="info",
            title=words % {"n": number},
            detail=_("The system proposes, people decide."),
            action=_("Look"),
            url=reverse("assessments:proposal_list"),
            can_wait=True,
        )
    ]


SOURCES: tuple[Source, ...] = (_to_publish, _to_score, _to_confirm, _to_decide)
