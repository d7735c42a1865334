"""Of the file of a village: who is in post today with training and duties, who stands in the reserve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from branches.approved_posts import approved_on
from branches.models import Branch, Unit, Village
from branches.village_file import Figure, Part, Reminder, Section
from cadres import education
from cadres.ages import age_on
from cadres.duties import days_in_year, duties_on
from cadres.limits import limits_for
from cadres.models import Attendance, PeopleLimits, Person, Posting, ReserveCadre
from cadres.people_page import TrainingYear, courses_of, held_posts, titles
from cadres.succession import SOON_DAYS

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Member:
    """Somebody in post."""

    person: Person
    titles: str
    age: int | None
    education: Any
    since: Any
    year: TrainingYear
    is_short: bool


def build(user: User, village: Unit, today: date) -> Part:
    """Six queries; none of people for who may not see them."""
    if not user.has_perm("cadres.view_person"):
        return Part()
    limits = limits_for(village.path)
    team = _team(user, village, limits, today)
    reserve = list(ReserveCadre.objects.for_user(user).standing_on(today).filter(unit=village).select_related("person"))
    branch = Branch.objects.for_user(user).leading().filter(unit=village, valid_to=None).first()
    ends_on = branch.next_election_on if branch else None
    context = {
        "team": team,
        "reserve": [(entry, age_on(entry.person.birth, today), _education(entry.person)) for entry in reserve],
        "ends_on": ends_on,
        "is_enough": len(reserve) >= limits.reserve_target,
        "village": village,
    }
    section = Section(
        order=10,
        code="people",
        title=gettext_lazy("Cadres and reserve"),
        template="cadres/_file_people.html",
        context=context,
    )
    return Part(
        figures=[_people_figure(user, village, team, len(reserve), today)],
        sections=[section],
        reminders=[*_reminders(team, today), *_election(village, ends_on, today)],
    )


def _team(user: User, village: Unit, limits: PeopleLimits, today: date) -> list[Member]:
    held: dict[int, list[Posting]] = {}
    rows = Posting.objects.for_user(user).held_on(today).filter(unit=village).select_related("person__unit")
    for posting in rows.order_by("post", "pk"):
        held.setdefault(posting.person_id, []).append(posting)
    attended: dict[int, list[Attendance]] = {}
    taken = Attendance.objects.for_user(user).filter(person__in=list(held)).select_related("training")
    for attendance in taken.order_by():
        attended.setdefault(attendance.person_id, []).append(attendance)
    mark = pgettext("list", ", ")
    return [_member(postings, attended.get(key, []), limits, mark, today) for key, postings in held.items()]


def _member(
    postings: list[Posting], attendances: list[Attendance], limits: PeopleLimits, mark: str, today: date
) -> Member:
    person = postings[0].person
    begun = [posting.started_on for posting in postings if posting.started_on]
    courses = courses_of(attendances)
    duties = duties_on(today, held_posts(postings, today), courses, limits)
    year = TrainingYear(days_in_year(courses, today), duties)
    return Member(
        person=person,
        titles=titles(postings, mark),
        age=age_on(person.birth, today),
        education=_education(person),
        since=min(begun, key=lambda started: started.first_day) if begun else None,
        year=year,
        is_short=not year.is_met,
    )


def _education(person: Person) -> str:
    return str(education.name_of(person.education) or person.education_words)


def _people_figure(user: User, village: Unit, team: list[Member], reserve: int, today: date) -> Figure:
    ages = [member.age for member in team if member.age is not None]
    notes = []
    if ages:
        average = (Decimal(sum(ages)) / len(ages)).quantize(Decimal(1), ROUND_HALF_UP)
        notes.append(_("average age %(age)s") % {"age": average})
    card = Village.objects.for_user(user).filter(unit=village).values_list("unit_id", "approved_post_count")
    approved = approved_on(dict(card), today).get(village.pk)
    if approved is not None:
        notes.append(_("%(count)d posts approved") % {"count": approved})
    return Figure(
        order=50,
        label=gettext_lazy("Cadres / reserve"),
        value=str(len(team)),
        unit=_("/ %(count)d people") % {"count": reserve},
        note=_(", ").join(notes),
        url=f"{reverse('cadres:person_list')}?village={village.pk}",
    )


def _reminders(team: list[Member], today: date) -> list[Reminder]:
    return [
        Reminder(
            icon="school",
            title=_("%(name)s: training of the year not complete") % {"name": member.person.name},
            detail=_("%(days)s days so far this year")
            % {"days": f"{member.year.days:f}".rstrip("0").rstrip(".") or "0"},
            url=reverse("cadres:person", args=[member.person.pk]),
        )
        for member in team
        if member.is_short
    ]


def _election(village: Unit, ends_on: date | None, today: date) -> list[Reminder]:
    if ends_on is None or (ends_on - today).days > SOON_DAYS:
        return []
    late = ends_on < today
    title = _("The term ended on %(day)s") if late else _("The term ends on %(day)s")
    return [
        Reminder(
            icon="calendar-time",
            title=title % {"day": ends_on},
            detail=_("Record the election when it has been held.") if late else _("Prepare the election."),
            url=f"{reverse('reserve:succession')}?village={village.pk}",
        )
    ]
