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
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from branches.labels import label_of
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.models import Unit
from branches.record_forms import FilterForm, PlaceFilter
from branches.scoping import rows_with
from cadres import codes
from cadres.codes import OTHER, PARTY_POSTS, Post
from cadres.columns import BIRTH, GENDER, NAME, PHONE
from cadres.models import Attendance, Person, Posting, Residency, Talent
from cadres.rosters import is_dual_head
from cadres.views import reserve
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

    def people(self, rows: QuerySet[Any]) -> int:
        numbered = rows.filter(**{f"{self.person}__identity_index__isnull": False})
        return numbered.order_by().values(self.person).distinct().count()

    def opened(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Any]:
        """Rows as they come; without the sealed numbers where they are not needed."""
        return (rows if has_numbers else rows.defer(f"{self.person}__{NUMBER}")).iterator(CHUNK)


# --- Cadres in post ---------------------------------------------------------------------------


class CadreFilter(PlaceFilter):
    q = forms.CharField(label=gettext_lazy("Name begins with"), required=False, max_length=20)
    post = forms.TypedChoiceField(
        label=gettext_lazy("post"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", gettext_lazy("all")), *(each for each in Posting.Post.choices if each[0] != codes.PARTY_WORKER)],
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="cadres.view_person")


class Cadres(PeopleListing):
    """People in post, village by village, the secretary first. Posts taken up at another time are another line."""

    name = "cadres"
    label = gettext_lazy("Village cadres in post")
    permission = "cadres.view_person"
    url_name = "cadres:person_list"
    sheet_name = "cadres"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return CadreFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        """Open postings of the people who fit; of somebody with the post asked for, the other posts too."""
        form = CadreFilter(filters, user=user)
        rows = self.of_people(form.under(_in_villages(user), "unit__path"), user)
        if form.is_valid() and form.cleaned_data["q"]:
            rows = rows.filter(person__name__startswith=form.cleaned_data["q"].strip())
        if form.is_valid() and form.cleaned_data["post"]:
            holders = Posting.objects.open().filter(post=form.cleaned_data["post"]).values("person")
            rows = rows.filter(person__in=holders)
        return rows.select_related("person", "unit").order_by("unit__path", "unit_id", "post", "pk")

    def count(self, rows: QuerySet[Any]) -> int:
        return rows.order_by().values("person").distinct().count()

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for _unit, postings in groupby(self.opened(rows, has_numbers=has_numbers), key=lambda each: each.unit_id):
            of_person: dict[int, list[Posting]] = {}
            for posting in postings:
                of_person.setdefault(posting.person_id, []).append(posting)
            for held in of_person.values():
                place = place_cells(held[0].unit, townships)
                person = person_cells(held[0].person, has_numbers=has_numbers)
                posts = [each.post for each in held]
                for line in lines_of(held):
                    yield {**place, **person, "is_dual_head": True if is_dual_head(posts) else None, **line.cells()}


def _in_villages(user: User) -> Any:
    return Posting.objects.for_user(user).open().filter(unit__kind=Unit.Kind.VILLAGE)


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


class PeopleFilter(PlaceFilter):
    def __init__(self, data: Any, *, user: User, permission: str) -> None:
        super().__init__(data, user=user, permission=permission)


class TrainingFilter(PeopleFilter):
    training = forms.IntegerField(label=gettext_lazy("training"), required=False)
    year = forms.IntegerField(label=gettext_lazy("Year"), required=False, min_value=1900, max_value=2100)


class Trainings(PeopleListing):
    """Who took part in which training; of one training, or of a year."""

    name = "training"
    label = gettext_lazy("People at trainings")
    permission = "cadres.view_attendance"
    url_name = "cadres:training_list"
    sheet_name = "training"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return TrainingFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = TrainingFilter(filters, user=user, permission=self.permission)
        rows = form.under(Attendance.objects.for_user(user), "person__unit__path")
        if form.is_valid() and form.cleaned_data["training"]:
            rows = rows.filter(training=form.cleaned_data["training"])
        if form.is_valid() and form.cleaned_data["year"]:
            rows = rows.filter(training__held_on__year=form.cleaned_data["year"])
        rows = rows.select_related("person__unit", "training")
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
    """First secretaries and resident teams who are in their villages."""

    name = "residents"
    label = gettext_lazy("First secretaries and resident teams")
    permission = "cadres.view_residency"
    url_name = "cadres:residency_list"

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        own = (OutColumn("role", _("role")), OutColumn("sent_by", _("sending organization")))
        return (TOWNSHIP, VILLAGE, *PERSON_COLUMNS, *own, OutColumn("started_on", _("since")))

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return PeopleFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = PeopleFilter(filters, user=user, permission=self.permission)
        rows = form.under(Residency.objects.for_user(user).filter(ended_on__isnull=True), "unit__path")
        return self.of_people(rows, user).select_related("person", "unit").order_by("unit__path", "role", "pk")

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
    """Who agreed to be in the register and has not withdrawn it."""

    name = "talents"
    label = gettext_lazy("Register of talents")
    permission = "cadres.view_talent"
    url_name = "cadres:talent_list"
    TEXTS = ("field", "contact", "consented_on", "note")

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        named = [OutColumn(name, label_of(Talent, name)) for name in self.TEXTS]
        return (TOWNSHIP, VILLAGE, *PERSON_COLUMNS, OutColumn("kind", _("kind")), *named)

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return PeopleFilter(filters, user=user, permission=self.permission)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        form = PeopleFilter(filters, user=user, permission=self.permission)
        rows = form.under(Talent.objects.for_user(user).filter(withdrawn_on__isnull=True), "person__unit__path")
        return rows.select_related("person__unit").order_by("person__unit__path", "person__name", "pk")

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
