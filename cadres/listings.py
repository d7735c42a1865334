"""Lists of people on their way out: cadres in post, the reserve, trainings, resident teams, talents.

A row is told by its place and by its person's: both must lie in the scope of whoever takes the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from branches.labels import label_of
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.models import Unit
from branches.record_forms import FilterForm
from branches.scoping import rows_with
from cadres import codes
from cadres.codes import OTHER, PARTY_POSTS, Post
from cadres.columns import BIRTH, GENDER, NAME, PHONE
from cadres.models import Attendance, Person, Posting, Talent
from cadres.people_forms import DayFilter, PeopleFilter, TalentFilter, TrainingFilter
from cadres.rosters import is_dual_head
from cadres.views import reserve
from cadres.views.people import people_shown
from cadres.views.residents import residents_shown
from cadres.views.talents import talents_shown
from imports.identity import ReadIdentity
from imports.listings import Listing
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

PERSON_FIELDS = ("name", "birth", "joined_on", "full_member_on")
WORDS = ("gender", "political", "major", "phone", "origin", "resume", "remark")
NUMBER = "identity_number"


def person_cells(person: Person, *, has_numbers: bool) -> dict[str, Any]:
    """Field of the rosters -> value as it would be read, None for what is not known."""
    return {
        **{name: getattr(person, name) for name in PERSON_FIELDS},
        **{name: getattr(person, name) or None for name in WORDS},
        "education": schooling(person),
        "id_number": ReadIdentity(person.identity_number) if has_numbers and person.identity_number else None,
        "is_seconded": person.is_seconded,
        "is_inspector": person.is_inspector,
    }


def schooling(person: Person) -> tuple[str, str] | None:
    words = person.education_words or codes.words_of_education(person.education)
    return (person.education, words) if words else None


class PeopleListing(PlaceListing):
    """`person` leads from a row to its person."""

    person = "person"

    def of_people(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """Rows whose person is in sight too, in one query with what the file needs."""
        seen = Person.objects.for_user(user).values("pk")
        return rows.filter(**{f"{self.person}__in": seen})

    def with_right(self, rows: QuerySet[Any], user: User, permission: str) -> QuerySet[Any]:
        people = rows_with(user, Person.objects.all(), permission).values("pk")
        return rows_with(user, rows, permission).filter(**{f"{self.person}__in": people})

    def people(self, rows: QuerySet[Any]) -> set[int]:
        numbered = rows.filter(**{f"{self.person}__identity_index__isnull": False})
        return set(numbered.order_by().values_list(self.person, flat=True))

    def opened(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Any]:
        """Rows as they come; without the sealed numbers where they are not needed."""
        return (rows if has_numbers else rows.defer(f"{self.person}__{NUMBER}")).iterator(CHUNK)


# --- Cadres -----------------------------------------------------------------------------------


class Cadres(PeopleListing):
    """The people of the list with their posts on its day. Posts taken up at another time are another line."""

    name = "cadres"
    label = gettext_lazy("Village cadres")
    permission = "cadres.view_person"
    url_name = "cadres:person_list"
    sheet_name = "cadres"

    def form(self, user: User, filters: Mapping[str, str]) -> PeopleFilter:
        return PeopleFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = self.form(user, filters)
        held = Posting.objects.for_user(user).held_on(form.on).select_related("unit").order_by("unit__path", "post")
        shown: QuerySet[Any] = people_shown(user, form).prefetch_related(Prefetch("postings", held, to_attr="held"))
        return shown

    def with_right(self, rows: QuerySet[Any], user: User, permission: str) -> QuerySet[Any]:
        return rows_with(user, rows, permission)

    def people(self, rows: QuerySet[Any]) -> set[int]:
        return set(rows.filter(identity_index__isnull=False).order_by().values_list("pk", flat=True))

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for person in (rows if has_numbers else rows.defer(NUMBER)).iterator(CHUNK):
            cells = person_cells(person, has_numbers=has_numbers)
            for unit, held in _by_unit(person):
                is_dual = is_dual_head([posting.post for posting in held]) or None
                for line in lines_of(held):
                    yield {**cells, **place_cells(unit, townships), "is_dual_head": is_dual, **line.cells()}


def _by_unit(person: Any) -> list[tuple[Unit, list[Posting]]]:
    """Posts by the place they are held at; the person's own place without any for who holds none."""
    places = groupby(person.held, key=lambda posting: posting.unit)
    return [(unit, list(held)) for unit, held in places] or [(person.unit, [])]


@dataclass
class Line:
    """Posts of one person that say the same about since when and how."""

    change: str = ""
    started_on: Any = None
    posts: list[Post] = field(default_factory=list)
    extra: str = ""
    """A post that only a column of its own can hold, because its words name several."""

    def cells(self) -> dict[str, Any]:
        party = [post for post in self.posts if post.code in PARTY_POSTS]
        others = [post for post in self.posts if post.code not in PARTY_POSTS]
        return {
            "party_post": party or None,
            "admin_post": others or None,
            "extra_posts": [self.extra] if self.extra else None,
            "appointment_change": self.change or None,
            "post_since": self.started_on,
        }


def lines_of(held: Iterable[Posting]) -> list[Line]:
    """The lines on which a person's posts read back as they stand."""
    lines: dict[tuple[str, Any], Line] = {}
    extras: list[Posting] = []
    for posting in held:
        post = Post(posting.post, posting.words)
        if post.code == OTHER and codes.posts_in(post.words, is_party=False) != [post]:
            extras.append(posting)
            continue
        key = (posting.change, posting.started_on)
        lines.setdefault(key, Line(posting.change, posting.started_on)).posts.append(post)
    found = list(lines.values()) or [Line()]
    first = found[0]
    for posting in extras:
        if not first.extra and (posting.change, posting.started_on) == (first.change, first.started_on):
            first.extra = posting.words
        else:
            found.append(Line(posts=list(first.posts), extra=posting.words))
    return found


# --- The reserve ------------------------------------------------------------------------------


class Reserve(PeopleListing):
    name = "reserve"
    label = gettext_lazy("Reserve cadres")
    permission = "cadres.view_reservecadre"
    url_name = "reserve:list"
    sheet_name = "reserve_cadres"
    ENTRY = ("occupation", "category", "intended_post", "mentor", "recommended_by", "remark")

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return reserve.filter_for(user, dict(filters))

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        return self.of_people(reserve.entries_shown(user, reserve.filter_for(user, dict(filters))), user)

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for entry in self.opened(rows, has_numbers=has_numbers):
            yield {
                **place_cells(entry.unit, townships),
                **person_cells(entry.person, has_numbers=has_numbers),
                **{name: getattr(entry, name) or None for name in self.ENTRY},
                "entered_on": entry.entered_on,
            }


# --- Trainings, resident teams, talents --------------------------------------------------------


class AttendanceFilter(TrainingFilter):
    training = forms.IntegerField(label=gettext_lazy("training"), required=False)


class Trainings(PeopleListing):
    """Who took part in which training: in one of them, or in those of a year and a kind."""

    name = "training"
    label = gettext_lazy("People at trainings")
    permission = "cadres.view_attendance"
    url_name = "cadres:training_list"
    sheet_name = "training"

    def form(self, user: User, filters: Mapping[str, str]) -> AttendanceFilter:
        """Without a year the page shows the present one."""
        this_year = {} if filters.get("training") else {"year": str(timezone.localdate().year)}
        return AttendanceFilter({**this_year, **filters})

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = self.form(user, filters)
        rows = Attendance.objects.for_user(user).select_related("person__unit", "training")
        if not form.is_valid():
            return rows.none()
        for name, lookup in (("training", "training"), ("year", "training__held_on__year"), ("kind", "training__kind")):
            if form.cleaned_data[name]:
                rows = rows.filter(**{lookup: form.cleaned_data[name]})
        return rows.order_by("-training__held_on", "training_id", "person__unit__path", "person__name", "pk")

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for attendance in self.opened(rows, has_numbers=has_numbers):
            yield {
                **place_cells(attendance.person.unit, townships),
                **person_cells(attendance.person, has_numbers=has_numbers),
                "training": attendance.training.title,
                "held_on": attendance.training.held_on,
                "hours": attendance.hours,
                "result": attendance.result,
            }


PERSON_COLUMNS = tuple(OutColumn.of(column) for column in (NAME, GENDER, BIRTH, PHONE))


class Residents(PeopleListing):
    """First secretaries and resident teams in their villages on the day of the list."""

    name = "residents"
    label = gettext_lazy("First secretaries and resident teams")
    permission = "cadres.view_residency"
    url_name = "cadres:resident_list"

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        own = (OutColumn("role", _("role")), OutColumn("sent_by", _("sending organization")))
        return (TOWNSHIP, VILLAGE, *PERSON_COLUMNS, *own, OutColumn("started_on", _("since")))

    def form(self, user: User, filters: Mapping[str, str]) -> DayFilter:
        return DayFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        rows = self.of_people(residents_shown(user, self.form(user, filters)), user)
        return rows.order_by("unit__path", "role", "-started_on", "pk")

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for residency in self.opened(rows, has_numbers=False):
            yield {
                **person_cells(residency.person, has_numbers=False),
                **place_cells(residency.unit, townships),
                "role": residency.get_role_display(),
                "sent_by": residency.sent_by,
                "started_on": residency.started_on,
            }


class Talents(PeopleListing):
    name = "talents"
    label = gettext_lazy("Register of talents")
    permission = "cadres.view_talent"
    url_name = "cadres:talent_list"
    TEXTS = ("field", "contact", "consented_on", "note")

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        named = [OutColumn(name, label_of(Talent, name)) for name in self.TEXTS]
        return (TOWNSHIP, VILLAGE, *PERSON_COLUMNS, OutColumn("kind", _("kind")), *named)

    def form(self, user: User, filters: Mapping[str, str]) -> TalentFilter:
        return TalentFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        rows: QuerySet[Any] = talents_shown(user, self.form(user, filters))
        return rows.order_by("person__unit__path", "person__name", "pk")

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for talent in self.opened(rows, has_numbers=False):
            yield {
                **person_cells(talent.person, has_numbers=False),
                **place_cells(talent.person.unit, townships),
                "kind": talent.get_kind_display(),
                **{name: getattr(talent, name) for name in self.TEXTS},
            }


LISTINGS: tuple[Listing, ...] = (Cadres(), Reserve(), Trainings(), Residents(), Talents())
