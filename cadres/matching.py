"""Rows of a roster that mean one person, and the person of the database that they mean.

By identity number; without one by name, village and birth month (docs/import.md, "People").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from accounts.encryption import keyed_index
from branches.models import Unit
from branches.unit_lookup import Place
from cadres.models import Person
from imports.dates import PartialDate
from imports.identity import ReadIdentity, to_18
from imports.sheets import Row

BATCH = 5_000
"""Values in one condition: databases limit them."""


@dataclass(slots=True, eq=False)
class Candidate:
    """The rows of one person, and the person they match."""

    rows: list[Row]
    place: Place | None
    identity: str
    """18 characters, "" when the rows give none."""
    person: Person | None = None
    is_elsewhere: bool = False
    """On record in another village; without `person` in one that the user may not write."""
    record: Any = None
    """The entry of the roster that the person has already: open postings, an entry of the reserve."""

    @property
    def first(self) -> Row:
        return self.rows[0]

    def with_only(self, rows: list[Row]) -> Candidate:
        """The same person with some of the rows."""
        return Candidate(rows, rows[0].unit, self.identity)

    @property
    def villages(self) -> set[int]:
        """Somebody may hold posts in two."""
        return {row.unit.pk for row in self.rows if row.unit is not None}

    def problems_become_those_of_the_first(self) -> None:
        for row in self.rows[1:]:
            self.first.problems += row.problems


def birth_of(row: Row) -> PartialDate | None:
    """The date in the identity number goes before the typed one."""
    identity: ReadIdentity | None = row.values["id_number"]
    if identity and identity.birth:
        return exactly(identity.birth)
    typed: PartialDate | None = row.values["birth"]
    return typed


@lru_cache(maxsize=30_000)
def exactly(day: date) -> PartialDate:
    """That very day."""
    return PartialDate(day.year, day.month, day.day)


def group_rows(rows: list[Row], places: Mapping[int, Place]) -> list[Candidate]:
    """Rows of one person: the same identity number; without one, the same name, village and birth month.

    Tells each row its village.
    """
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
        row.unit = places.get(index)
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
    units: dict[int, Unit] = {}
    by_identity = {candidate.identity: candidate for candidate in candidates if candidate.identity}
    for some in batches(list(by_identity.values())):
        indexes = {keyed_index(candidate.identity): candidate for candidate in some}
        for person in with_units(Person.objects.filter(identity_index__in=indexes), units):
            candidate = indexes[str(person.identity_index)]
            if any(person.unit.path.startswith(path) for path in paths):
                candidate.person = person
            candidate.is_elsewhere = candidate.place is not None and person.unit_id not in candidate.villages
    unmatched = [each for each in candidates if each.place and each.person is None and not each.is_elsewhere]
    by_facts: dict[tuple[Any, ...], list[Person]] = defaultdict(list)
    for batch in batches(sorted({candidate.place.pk for candidate in unmatched if candidate.place})):
        for person in with_units(Person.objects.filter(unit_id__in=batch).order_by("pk"), units):
            by_facts[_facts_of_person(person)].append(person)
    if not by_facts:
        return
    for candidate in unmatched:
        facts = facts_of(candidate.first, candidate.place)
        found = by_facts.get(facts, []) if facts else []
        if len(found) == 1:
            has_another = candidate.identity and found[0].identity_index not in (None, keyed_index(candidate.identity))
            candidate.person = None if has_another else found[0]
    _match_the_nameless(unmatched, by_facts)


def with_units(people: QuerySet[Person], known: dict[int, Unit]) -> list[Person]:
    """The people with their units, each unit one object for all of its people; `known` gathers them."""
    found = list(people)
    known |= Unit.objects.in_bulk({person.unit_id for person in found} - known.keys())
    for person in found:
        person.unit = known[person.unit_id]
    return found


def _match_the_nameless(candidates: list[Candidate], by_facts: dict[tuple[Any, ...], list[Person]]) -> None:
    """Rows that tell no more than a name find those of whom no more is known, in order.

    Else the same file would make the same people anew each time it comes.
    """
    for candidate in candidates:
        row, place = candidate.first, candidate.place
        if candidate.person or candidate.identity or place is None or facts_of(row, place):
            continue
        born = birth_of(row)
        unknown = by_facts.get((row.values["name"], place.pk, born.year if born else None, None), [])
        free = [person for person in unknown if person.identity_index is None]
        if not free and len(unknown) == 1:
            # A file that went out without identity numbers comes in again: nobody else of the village is meant.
            free = unknown[:]
        if free:
            candidate.person = free[0]
            unknown.remove(free[0])


def _facts_of_person(person: Person) -> tuple[Any, ...]:
    born = person.birth
    return (person.name, person.unit_id, born.year if born else None, born.month if born else None)


def batches(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]
