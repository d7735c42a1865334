"""Taking up posts, leaving them, and the election that does both for a village. History is never deleted.

Rule: docs/rules/posts-and-vacancies.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from branches.models import Unit
from cadres.models import Person, Posting
from cadres.rosters import COUNTED_POSTS, SINGLE_POSTS, change_of
from cadres.services import rows
from imports.dates import PartialDate

if TYPE_CHECKING:
    from accounts.models import User

Post = Posting.Post
FIELDS = ("unit_id", "post", "words", "change", "mode", "document", "started_on", "ended_on", "ending")


@transaction.atomic
def appoint(person: Person, values: Mapping[str, Any], *, by: User, today: date) -> Posting:
    """The person takes up a post; a post held in the past comes with `ended_on` and `ending`.

    Raises ValidationError by field: see `check_posting`.
    """
    unit = Unit.objects.select_for_update().get(pk=values["unit"].pk)
    posting = Posting(person=person, unit=unit)
    rows.fill(posting, _written(values), FIELDS)
    check_posting(posting, today=today)
    return rows.add(posting, FIELDS, by=by)


@transaction.atomic
def correct_posting(posting: Posting, values: Mapping[str, Any], *, version: int, by: User, today: date) -> Posting:
    """What was written wrongly about a post, put right. The person stays. Raises Conflict and as `appoint`."""
    Unit.objects.select_for_update().get(pk=values["unit"].pk)
    posting = rows.locked(posting, "unit", "person")
    proposed = Posting(pk=posting.pk, person=posting.person, unit=values["unit"])
    rows.fill(proposed, _written(values), FIELDS)
    check_posting(proposed, today=today)
    return rows.change(posting, _written(values), FIELDS, version=version, by=by)


@transaction.atomic
def end_posting(
    posting: Posting, ended_on: date, ending: str, *, version: int, by: User, today: date, note: str = ""
) -> Posting:
    """The last day in the post, and why it was left. Raises Conflict, ValidationError "ended" and as `appoint`."""
    posting = rows.locked(posting, "unit", "person")
    if posting.ended_on is not None:
        raise ValidationError(_("This post was left on %(day)s already.") % {"day": posting.ended_on}, "ended")
    rows.refuse(_ending_errors(posting.started_on, ended_on, ending, today))
    values = {"ended_on": ended_on, "ending": ending}
    return rows.change(posting, values, ("ended_on", "ending"), version=version, by=by, verb="end", reason=note.strip())


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """Words stand only for a post outside the list."""
    written = {name: values[name] for name in FIELDS if name in values}
    written["unit_id"] = values["unit"].pk
    written["words"] = (values.get("words") or "").strip() if values["post"] == Post.OTHER else ""
    return written


# --- Checks ---------------------------------------------------------------------------------


def check_posting(posting: Posting, *, today: date) -> None:
    """Raises ValidationError by field.

    "no_start" and "in_the_future" for the day; "unit_closed", "not_in_a_village", "not_in_a_township" for the
    place; "no_words"; "ended_before", "no_ending"; "held_twice" when the person holds the post already,
    "held_by_another" for a post that a village has once.
    """
    errors: dict[str, ValidationError] = {}
    started: PartialDate | None = posting.started_on
    if started is None:
        errors["started_on"] = ValidationError(_("Write since when."), "no_start")
    elif started.first_day > today:
        errors["started_on"] = rows.in_the_future()
    errors |= _place_errors(posting)
    if posting.post == Post.OTHER and not posting.words:
        errors["words"] = ValidationError(_("Name the post."), "no_words")
    if posting.ended_on or posting.ending:
        errors |= _ending_errors(started, posting.ended_on, posting.ending, today)
    rows.refuse(errors)
    rows.refuse(_holder_errors(posting))


def _place_errors(posting: Posting) -> dict[str, ValidationError]:
    unit = posting.unit
    if posting.post == Post.PARTY_WORKER and unit.kind != Unit.Kind.TOWNSHIP:
        return {"unit": ValidationError(_("Party workers belong to a township."), "not_in_a_township")}
    if posting.post != Post.PARTY_WORKER and unit.kind != Unit.Kind.VILLAGE:
        return {"unit": ValidationError(_("This post belongs to a village."), "not_in_a_village")}
    if unit.valid_to is not None and (posting.ended_on is None or posting.ended_on > unit.valid_to):
        words = _("The village existed until %(day)s.") % {"day": unit.valid_to}
        return {"unit": ValidationError(words, "unit_closed")}
    return {}


def _ending_errors(
    started: PartialDate | None, ended_on: date | None, ending: str, today: date
) -> dict[str, ValidationError]:
    errors: dict[str, ValidationError] = {}
    if ended_on is None:
        errors["ended_on"] = ValidationError(_("Write the last day in the post."), "no_ending")
    elif ended_on > today:
        errors["ended_on"] = rows.in_the_future()
    elif started and ended_on < started.first_day:
        errors["ended_on"] = ValidationError(_("The last day lies before the first."), "ended_before")
    if not ending:
        errors["ending"] = ValidationError(_("Choose why the post was left."), "no_ending")
    return errors


def _holder_errors(posting: Posting) -> dict[str, ValidationError]:
    """The same post twice at a time: by the same person, or where a village has it once, by another."""
    others = Posting.objects.filter(unit=posting.unit, post=posting.post, words=posting.words)
    others = others.exclude(pk=posting.pk).select_related("person")
    for other in others.order_by("started_on", "pk"):
        if not _overlap(posting, other):
            continue
        since = {"name": other.person.name, "day": other.started_on or "—"}
        if other.person_id == posting.person_id:
            words = _("%(name)s holds this post since %(day)s already.") % since
            return {"post": ValidationError(words, "held_twice")}
        if posting.post in SINGLE_POSTS:
            words = _("%(name)s holds this post since %(day)s. End that posting first; a village has one.") % since
            return {"post": ValidationError(words, "held_by_another")}
    return {}


def _overlap(one: Posting, other: Posting) -> bool:
    """Whether both are held on one day for sure: a beginning known to the month counts from its last day."""
    return _begins_by(one, other.ended_on) and _begins_by(other, one.ended_on)


def _begins_by(posting: Posting, day: date | None) -> bool:
    started: PartialDate | None = posting.started_on
    return day is None or started is None or started.last_day <= day


# --- Election -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Elected:
    """Somebody elected, and to which posts of the list."""

    person: Person
    posts: frozenset[int]


@transaction.atomic
def record_election(
    unit: Unit, elected: Sequence[Elected], *, on: date, by: User, today: date, document: str = ""
) -> list[Posting]:
    """Ends the term of a village on the eve of `on` and puts the elected into their posts. What was stays to be seen.

    Posts outside the approved number are left alone. Raises ValidationError "in_the_future", "nobody_elected",
    "held_by_another", "before_the_term".
    """
    unit = Unit.objects.select_for_update().get(pk=unit.pk)
    leaving = list(
        Posting.objects.open().filter(unit=unit, post__in=COUNTED_POSTS).select_for_update(of=("self",)).order_by("pk")
    )
    _check_election(leaving, elected, on, today)
    before: dict[int, set[int]] = {}
    eve = on - timedelta(days=1)
    for posting in leaving:
        before.setdefault(posting.person_id, set()).add(posting.post)
        values = {"ended_on": eve, "ending": Posting.Ending.TERM_END}
        rows.change(
            posting, values, ("ended_on", "ending"), version=posting.version, by=by, verb="end", reason=document
        )
    started = PartialDate(on.year, on.month, on.day)
    made = [
        rows.add(
            Posting(
                person=each.person,
                unit=unit,
                post=post,
                change=change_of(each.posts, before.get(each.person.pk, set())),
                mode=Posting.Mode.ELECTED,
                document=document,
                started_on=started,
            ),
            FIELDS,
            by=by,
        )
        for each in elected
        for post in sorted(each.posts)
    ]
    changes = {"on": on, "left": len(leaving), "taken_up": len(made)}
    audit.record("cadres.elect_unit", actor=by, target=unit, unit=unit, changes=changes, reason=document)
    return made


def _check_election(leaving: Sequence[Posting], elected: Sequence[Elected], on: date, today: date) -> None:
    if on > today:
        raise ValidationError({"on": rows.in_the_future()})
    if not any(each.posts for each in elected):
        raise ValidationError(_("Choose who was elected to which post."), "nobody_elected")
    for post in sorted(SINGLE_POSTS):
        names = [each.person.name for each in elected if post in each.posts]
        if len(names) > 1:
            words = _("%(names)s cannot all be %(post)s: a village has one.")
            told = {"names": "、".join(names), "post": Post(post).label}
            raise ValidationError(words % told, "held_by_another")
    late = [posting for posting in leaving if posting.started_on and posting.started_on.first_day >= on]
    if late:
        words = _("%(name)s took up a post on %(day)s, which is not before the election.")
        told = {"name": late[0].person.name, "day": str(late[0].started_on)}
        raise ValidationError({"on": ValidationError(words % told, "before_the_term")})
