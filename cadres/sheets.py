"""Rosters of people: cadres in post and the reserve. One person is one row, whatever rows name them.

Rule: docs/import.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from accounts.encryption import keyed_index
from branches.scoping import paths_for
from branches.sheets import PlaceSheet, find_villages
from branches.unit_lookup import Place, UnitLookup
from cadres.codes import DIRECTOR, SECRETARY, Post
from cadres.columns import CADRE_COLUMNS, RESERVE_COLUMNS
from cadres.models import Person, Posting, ReserveCadre
from imports.dates import PartialDate
from imports.identity import ReadIdentity, to_18
from imports.sheets import Judgement, Row

if TYPE_CHECKING:
    from accounts.models import User

ADULT = 18
BATCH = 5_000
"""Values in one condition: databases limit them."""
PERSON_FIELDS = ("name", "gender", "political", "joined_on", "full_member_on", "major", "phone", "origin", "resume")


@dataclass
class Candidate:
    """The rows of one person, and the person they match."""

    rows: list[Row]
    place: Place | None
    identity: str
    """18 characters, "" when the rows give none."""
    person: Person | None = None
    is_elsewhere: bool = False
    posts: list[Post] = field(default_factory=list)

    @property
    def first(self) -> Row:
        return self.rows[0]

    def problems_become_those_of_the_first(self) -> None:
        for row in self.rows[1:]:
            self.first.problems += row.problems


class PeopleSheet(PlaceSheet):
    """What rosters of people have in common: facts about a person, one person on several rows, matching."""

    subject = "name"

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        places = find_villages(rows, UnitLookup(user, self.permission, today))
        for row in rows:
            check_person(row)
            self.check(row)
        candidates = [group for group in group_rows(rows, places) for group in self.split_duplicates(group)]
        match_people(candidates, paths_for(user, self.permission))
        self.check_together(candidates)
        missing = self.compare(candidates)
        for candidate in candidates:
            candidate.problems_become_those_of_the_first()
        ordered = {id(row): index for index, row in enumerate(rows)}
        kept = sorted((candidate.first for candidate in candidates), key=lambda row: ordered[id(row)])
        return Judgement(kept, missing)

    def check(self, row: Row) -> None:
        """What only this sheet asks of one row."""

    def split_duplicates(self, group: Candidate) -> Iterator[Candidate]:
        """Rows that say the same twice are faulty, each for itself; a person stands once on a sheet by default."""
        if len(group.rows) == 1:
            yield group
            return
        for row in group.rows:
            mark_duplicate(row)
            yield Candidate([row], group.place, group.identity)

    def check_together(self, candidates: list[Candidate]) -> None:
        """What only shows when all people are known."""

    def compare(self, candidates: list[Candidate]) -> int:
        """Sets the outcome of each candidate's first row; how many people of these villages the file leaves out."""
        raise NotImplementedError


def mark_duplicate(row: Row) -> None:
    row.add("duplicate_in_file", "id_number" if "id_number" in row.mapped else "name")


def check_person(row: Row) -> None:
    """Facts about a person that contradict each other: warnings, nothing is overwritten."""
    values = row.values
    identity: ReadIdentity | None = values["id_number"]
    if identity and identity.birth:
        day = PartialDate(identity.birth.year, identity.birth.month, identity.birth.day)
        if values["birth"] and not values["birth"].agrees_with(day):
            row.add("id_birth_mismatch", "id_number")
        if values["gender"] in ("1", "2") and (values["gender"] == "1") != identity.is_male:
            row.add("id_gender_mismatch", "id_number")
    born, joined, full = birth_of(row), values["joined_on"], values["full_member_on"]
    if born and joined and is_before_years(joined, born, ADULT):
        row.add("joined_before_18", "joined_on")
    if joined and full and is_before_years(full, joined, 1):
        row.add("full_member_too_soon", "full_member_on")


def birth_of(row: Row) -> PartialDate | None:
    """The date in the identity number goes before the typed one."""
    identity: ReadIdentity | None = row.values["id_number"]
    if identity and identity.birth:
        return PartialDate(identity.birth.year, identity.birth.month, identity.birth.day)
    typed: PartialDate | None = row.values["birth"]
    return typed


def is_before_years(later: PartialDate, earlier: PartialDate, years: int) -> bool:
    """Whether `later` is surely less than `years` after `earlier`, as far as both are known."""
    limit = [earlier.year + years, earlier.month, earlier.day]
    for one, other in zip((later.year, later.month, later.day), limit, strict=True):
        if one is None or other is None:
            return False
        if one != other:
            return one < other
    return False


def group_rows(rows: list[Row], places: Mapping[int, Place]) -> list[Candidate]:
    """Rows of one person: the same identity number; without one, the same name, village and birth month."""
    by_identity: dict[str, Candidate] = {}
    by_facts: dict[tuple[Any, ...], Candidate] = {}
    groups: list[Candidate] = []
    for index, row in enumerate(rows):
        identity = identity_of(row)
        key = facts_of(row, places.get(index))
        known = by_identity.get(identity) if identity else by_facts.get(key) if key else None
        if known is None and key and identity and key in by_facts and not by_facts[key].identity:
            known = by_facts[key]
            known.identity = identity
        if known is None:
            known = Candidate([], places.get(index), identity)
            groups.append(known)
        known.rows.append(row)
        if identity:
            by_identity.setdefault(identity, known)
        if key:
            by_facts.setdefault(key, known)
    return groups


def identity_of(row: Row) -> str:
    identity: ReadIdentity | None = row.values["id_number"]
    if identity is None:
        return ""
    return to_18(identity.number) if len(identity.number) == 15 else identity.number


def facts_of(row: Row, place: Place | None) -> tuple[Any, ...] | None:
    """What tells people apart without an identity number; None when that is not enough."""
    born = birth_of(row)
    if place is None or born is None or born.month is None or row.values["name"] is None:
        return None
    return (row.values["name"], place.pk, born.year, born.month)


def match_people(candidates: list[Candidate], paths: list[str]) -> None:
    """Finds the people in the database, with two queries for each batch.

    By identity number everywhere, since it is nobody else's: whoever is out of the user's
    area is only told to be elsewhere, and counts as new. By name, village and birth month
    in the villages of the rows.
    """
    indexes = {keyed_index(candidate.identity): candidate for candidate in candidates if candidate.identity}
    for batch in batches(list(indexes)):
        for person in Person.objects.filter(identity_index__in=batch).select_related("unit").defer("identity_number"):
            candidate = indexes[str(person.identity_index)]
            if any(person.unit.path.startswith(path) for path in paths):
                candidate.person = person
            candidate.is_elsewhere = candidate.place is not None and person.unit_id != candidate.place.pk
    units = sorted({candidate.place.pk for candidate in candidates if candidate.place})
    by_facts: dict[tuple[Any, ...], list[Person]] = defaultdict(list)
    for batch in batches(units):
        for person in Person.objects.filter(unit_id__in=batch).defer("identity_number"):
            if person.birth and person.birth.month:
                by_facts[(person.name, person.unit_id, person.birth.year, person.birth.month)].append(person)
    for candidate in candidates:
        found = by_facts.get(facts_of(candidate.first, candidate.place) or (), [])
        if candidate.person is None and not candidate.is_elsewhere and len(found) == 1:
            has_another = candidate.identity and found[0].identity_index not in (None, keyed_index(candidate.identity))
            candidate.person = None if has_another else found[0]


def batches(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def is_same_person(person: Person, row: Row) -> bool:
    """Whether the row says nothing new about the person. An empty cell says nothing."""
    values = row.values
    given = {name: values[name] for name in PERSON_FIELDS if values.get(name) is not None}
    if values["education"]:
        given["education"], given["education_words"] = values["education"]
    if values["birth"]:
        given["birth"] = values["birth"]
    if identity_of(row):
        given["identity_index"] = keyed_index(identity_of(row))
    return all(getattr(person, name) == value for name, value in given.items())


class CadresSheet(PeopleSheet):
    """People in post (handbook 8.1). A person with two posts on two rows is one row."""

    name = "cadres"
    permission = "cadres.change_person"
    columns = CADRE_COLUMNS

    def check(self, row: Row) -> None:
        if row.values["party_post"] or row.values["admin_post"]:
            return
        columns = [name for name in row.mapped if name in ("party_post", "admin_post")] or ["party_post"]
        told = {problem.column for problem in row.problems if problem.is_error}
        if not told & {row.columns[name] for name in columns}:
            row.add("required_missing", columns[0])

    def split_duplicates(self, group: Candidate) -> Iterator[Candidate]:
        said: dict[tuple[Post, ...], list[Row]] = defaultdict(list)
        for row in group.rows:
            said[tuple(sorted(posts_of(row)))].append(row)
        for rows in said.values():
            if len(rows) > 1:
                for row in rows:
                    mark_duplicate(row)
        single = [rows[0] for rows in said.values() if len(rows) == 1]
        twice = [row for rows in said.values() if len(rows) > 1 for row in rows]
        if single:
            posts = list(dict.fromkeys(post for row in single for post in posts_of(row)))
            yield Candidate(single, group.place, group.identity, posts=posts)
        for row in twice:
            yield Candidate([row], group.place, group.identity, posts=posts_of(row))

    def check_together(self, candidates: list[Candidate]) -> None:
        for post in (SECRETARY, DIRECTOR):
            holders: dict[int, list[Candidate]] = defaultdict(list)
            for candidate in candidates:
                if candidate.place and any(held.code == post for held in candidate.posts):
                    holders[candidate.place.pk].append(candidate)
            for group in holders.values():
                if len({candidate.identity or str(id(candidate)) for candidate in group}) > 1:
                    for candidate in group:
                        _mark_holder(candidate, post)

    def compare(self, candidates: list[Candidate]) -> int:
        units = sorted({candidate.place.pk for candidate in candidates if candidate.place})
        people = {candidate.person.pk for candidate in candidates if candidate.person}
        held: dict[int, list[Posting]] = defaultdict(list)
        in_post: set[int] = set()
        for batch in batches(units):
            for posting in Posting.objects.open().filter(unit_id__in=batch):
                in_post.add(posting.person_id)
                held[posting.person_id].append(posting)
        for candidate in candidates:
            if candidate.is_elsewhere:
                candidate.first.add("person_elsewhere", "village")
            if candidate.person:
                same = not candidate.is_elsewhere and self._is_same(candidate, held[candidate.person.pk])
                candidate.first.outcome = "unchanged" if same else "changed"
        return len(in_post - people)

    def _is_same(self, candidate: Candidate, held: list[Posting]) -> bool:
        """Whether the person's facts and the posts of the rows stand like this already."""
        person = candidate.person
        stored = {Post(posting.post, posting.words): posting for posting in held}
        if person is None or not all(is_same_person(person, row) for row in candidate.rows):
            return False
        for row in candidate.rows:
            since, change = row.values["post_since"], row.values["appointment_change"]
            for post in posts_of(row):
                posting = stored.get(post)
                if posting is None or (since and posting.started_on != since) or (change and posting.change != change):
                    return False
        return True


def posts_of(row: Row) -> list[Post]:
    extra = [Post(90, words) for words in row.values["extra_posts"] or ()]
    return list(dict.fromkeys([*(row.values["party_post"] or ()), *(row.values["admin_post"] or ()), *extra]))


def _mark_holder(candidate: Candidate, post: int) -> None:
    for row in candidate.rows:
        for name in ("party_post", "admin_post"):
            if any(held.code == post for held in row.values[name] or ()):
                row.add("post_duplicate_holder", name)
                return


class ReserveCadresSheet(PeopleSheet):
    """People in the reserve (handbook 8.2)."""

    name = "reserve_cadres"
    permission = "cadres.change_reservecadre"
    columns = RESERVE_COLUMNS
    entry_fields = ("occupation", "category", "intended_post", "mentor", "recommended_by", "entered_on")

    def compare(self, candidates: list[Candidate]) -> int:
        units = sorted({candidate.place.pk for candidate in candidates if candidate.place})
        entries: dict[int, ReserveCadre] = {}
        for batch in batches(units):
            entries |= {entry.person_id: entry for entry in ReserveCadre.objects.open().filter(unit_id__in=batch)}
        for candidate in candidates:
            person = candidate.person
            if person is None:
                continue
            entry = entries.get(person.pk)
            same = (
                entry is not None and is_same_person(person, candidate.first) and self._is_same(entry, candidate.first)
            )
            candidate.first.outcome = "unchanged" if same else "changed" if entry else "new"
        people = {candidate.person.pk for candidate in candidates if candidate.person}
        return len(entries.keys() - people)

    def _is_same(self, entry: ReserveCadre, row: Row) -> bool:
        given = {name: row.values[name] for name in self.entry_fields if row.values[name] is not None}
        return all(getattr(entry, name) == value for name, value in given.items())
