"""Rosters of people: cadres in post and the reserve. One person is one row, whatever rows name them.

Rule: docs/import.md.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from accounts.bulk import Draft
from branches.scoping import paths_for
from branches.sheets import PlaceSheet, find_villages
from branches.unit_lookup import UnitLookup
from cadres.codes import DIRECTOR, OTHER, PARTY_WORKER, SECRETARY, Post, words_of_posts
from cadres.columns import CADRE_COLUMNS, RESERVE_COLUMNS
from cadres.matching import Candidate, batches, birth_of, exactly, group_rows, match_people
from cadres.models import Person, Posting, ReserveCadre, ReserveStep
from cadres.roster_facts import FACTS, differences, is_news, news_about, news_of_new, said_about
from imports.dates import PartialDate
from imports.identity import ReadIdentity
from imports.sheets import Difference, Judgement, Missing, Row, in_words, told_places

if TYPE_CHECKING:
    from accounts.models import User
    from imports.writing import Writer

ADULT = 18


@dataclass(slots=True)
class Target:
    """What judging found out about one row, for writing it."""

    candidate: Candidate
    news: dict[str, Any]
    """Attribute of Person -> value that differs; nothing for a new one, who is asked for what is said when written."""
    stage: str = ""
    """At which an entry of the reserve begins."""


class PeopleSheet(PlaceSheet):
    """What rosters of people have in common: facts about a person, one person on several rows, matching."""

    subject = "name"
    facts: tuple[str, ...] = FACTS

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        lookup = UnitLookup(user, self.permission, today)
        at_township = {index for index, row in enumerate(rows) if self.may_stand_at_township(row)}
        places = find_villages(rows, lookup, at_township=at_township)
        for row in rows:
            check_person(row)
            self.check(row)
        candidates = [group for group in group_rows(rows, places) for group in self.split_duplicates(group)]
        match_people(candidates, paths_for(user, self.permission))
        self.check_together(candidates)
        for candidate in candidates:
            self._compare_person(candidate)
        missing = self.compare(candidates, lookup, user)
        for candidate in candidates:
            candidate.problems_become_those_of_the_first()
        first = {id(candidate.first) for candidate in candidates}
        return Judgement([row for row in rows if id(row) in first], missing)

    def _compare_person(self, candidate: Candidate) -> None:
        person, row = candidate.person, candidate.first
        news = news_about(person, said_about(candidate, self.facts)) if person else {}
        row.target = Target(candidate, news)
        if person and candidate.place:
            row.differences = differences(person, news, self.by_field, candidate.place.short_name)

    def may_stand_at_township(self, row: Row) -> bool:
        """Whether the row may be about somebody of the township itself."""
        return False

    def check(self, row: Row) -> None:
        """What only this sheet asks of one row."""

    def split_duplicates(self, group: Candidate) -> Iterator[Candidate]:
        """Rows that say the same twice are faulty, each for itself; a person stands once on a sheet by default."""
        if len(group.rows) == 1:
            yield group
            return
        for row in group.rows:
            mark_duplicate(row, group.rows)
            yield group.with_only([row])

    def check_together(self, candidates: list[Candidate]) -> None:
        """What only shows when all people are known."""

    @abstractmethod
    def compare(self, candidates: list[Candidate], lookup: UnitLookup, user: User) -> list[Missing]:
        """Sets the outcome of each candidate's first row; the entries of these villages that the file leaves out."""

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        """Whoever is on record where the user may not write stays out: only the county can move them."""
        for row in rows:
            candidate: Candidate = row.target.candidate
            if candidate.place is None or (candidate.is_elsewhere and candidate.person is None):
                continue
            person = candidate.person
            if person is None:
                new = Draft(Person, news_of_new(said_about(candidate, self.facts)))
                writer.create(row, new, candidate.place.path)
                self.write_entry(row, candidate, new, writer)
            else:
                writer.change(row, person, row.target.news, candidate.place.path)
                self.write_entry(row, candidate, person.pk, writer)
        for missing, day in left:
            self.end(missing, day, writer)

    @abstractmethod
    def write_entry(self, row: Row, candidate: Candidate, person: Draft | int, writer: Writer) -> None:
        """The person's entry on this roster: posts, or a place in the reserve. `person`: a new one, or the key."""

    @abstractmethod
    def end(self, missing: Missing, day: date, writer: Writer) -> None:
        """What the user said has ended on `day`."""


def mark_duplicate(row: Row, group: Sequence[Row]) -> None:
    """`group`: all the rows that say the same."""
    row.add("duplicate_in_file", "id_number" if "id_number" in row.mapped else "name", told_places(group))


def check_person(row: Row) -> None:
    """Facts about a person that contradict each other: warnings, nothing is overwritten."""
    values = row.values
    identity: ReadIdentity | None = values["id_number"]
    if identity and identity.birth:
        typed = values["birth"]
        if typed and not typed.agrees_with(exactly(identity.birth)):
            row.add("id_birth_mismatch", "id_number")
        if values["gender"] in ("1", "2") and (values["gender"] == "1") != identity.is_male:
            row.add("id_gender_mismatch", "id_number")
    born, joined, full = birth_of(row), values["joined_on"], values["full_member_on"]
    if born and joined and is_before_years(joined, born, ADULT):
        row.add("joined_before_18", "joined_on")
    if joined and full and is_before_years(full, joined, 1):
        row.add("full_member_too_soon", "full_member_on")


def is_before_years(later: PartialDate, earlier: PartialDate, years: int) -> bool:
    """Whether `later` is surely less than `years` after `earlier`, as far as both are known."""
    limit = [earlier.year + years, earlier.month, earlier.day]
    for one, other in zip((later.year, later.month, later.day), limit, strict=True):
        if one is None or other is None:
            return False
        if one != other:
            return one < other
    return False


class CadresSheet(PeopleSheet):
    """People in post (handbook 8.1). A person with two posts on two rows is one row."""

    name = "cadres"
    lines_per_village = 5
    permission = "cadres.change_person"
    columns = CADRE_COLUMNS
    facts = (*FACTS, "remark")
    not_kept = frozenset({"is_dual_head"})

    def may_stand_at_township(self, row: Row) -> bool:
        """Township Party workers and other posts only: a village's post at a township is a mistake in the file."""
        said = {held.code for held in posts_of(row)}
        return bool(said) and said <= {PARTY_WORKER, OTHER}

    def check(self, row: Row) -> None:
        if row.values["party_post"] or row.values["admin_post"]:
            return
        columns = [name for name in row.mapped if name in ("party_post", "admin_post")] or ["party_post"]
        told = {problem.column for problem in row.problems if problem.is_error}
        if not told & {row.columns[name] for name in columns}:
            row.add("required_missing", columns[0])

    def split_duplicates(self, group: Candidate) -> Iterator[Candidate]:
        if len(group.rows) == 1:
            yield group
            return
        said: dict[object, list[Row]] = defaultdict(list)
        for row in group.rows:
            said[(row.unit, *sorted(posts_of(row)))].append(row)
        for rows in said.values():
            if len(rows) > 1:
                for row in rows:
                    mark_duplicate(row, rows)
        single = [rows[0] for rows in said.values() if len(rows) == 1]
        twice = [row for rows in said.values() if len(rows) > 1 for row in rows]
        if single:
            yield group.with_only(single)
        for row in twice:
            yield group.with_only([row])

    def check_together(self, candidates: list[Candidate]) -> None:
        holders: dict[int, dict[int, list[Candidate]]] = {SECRETARY: defaultdict(list), DIRECTOR: defaultdict(list)}
        for candidate in candidates:
            for village, held in said_posts(candidate):
                if held.code in holders and candidate not in holders[held.code][village][-1:]:
                    holders[held.code][village].append(candidate)
        for post, by_village in holders.items():
            for village, group in by_village.items():
                if len({candidate.identity or str(id(candidate)) for candidate in group}) > 1:
                    for candidate in group:
                        _mark_holder(candidate, village, post)

    def compare(self, candidates: list[Candidate], lookup: UnitLookup, user: User) -> list[Missing]:
        names = {place.pk: place.short_name for place in (*lookup.townships.values(), *lookup.villages)}
        townships = {village.pk: lookup.townships[village.parent_path].name for village in lookup.villages}
        townships |= {township.pk: township.name for township in lookup.townships.values()}
        no_longer_named: list[Missing] = []
        people: set[int] = set()
        for some in batches(candidates):
            held = self._held(Q(person__in=[candidate.person.pk for candidate in some if candidate.person]))
            for candidate in some:
                if candidate.is_elsewhere:
                    candidate.first.add("person_elsewhere", "village")
                if candidate.person:
                    people.add(candidate.person.pk)
                    self._compare_posts(candidate, held[candidate.person.pk])
                    no_longer_named += [
                        self._missing(
                            candidate.person,
                            [with_person(posting, candidate.person)],
                            names,
                            townships,
                            is_counted=False,
                        )
                        for held_post, posting in candidate.record.items()
                        if any(posts_of(row) for row in candidate.rows) and held_post not in said_posts(candidate)
                    ]
                    if candidate.first.outcome == "unchanged":
                        # Nothing of them is written: a large roster that comes again has very many.
                        candidate.person, candidate.record = None, None
        gone = self._gone(candidates, people)
        return [self._missing(postings[0].person, postings, names, townships) for postings in gone] + no_longer_named

    def _compare_posts(self, candidate: Candidate, held: list[Posting]) -> None:
        candidate.record = {
            (each.unit_id, Post(each.post, each.words)): each for each in held if each.unit_id in candidate.villages
        }
        candidate.first.differences += self._differences(candidate)
        same = not candidate.first.target.news and not candidate.first.differences
        candidate.first.outcome = "unchanged" if same else "changed"

    def _held(self, whose: Q) -> dict[int, list[Posting]]:
        """Person -> open postings."""
        held: dict[int, list[Posting]] = defaultdict(list)
        for posting in Posting.objects.open().filter(whose).order_by("unit__path", "post", "pk"):
            held[posting.person_id].append(posting)
        return held

    def _gone(self, candidates: list[Candidate], people: set[int]) -> list[list[Posting]]:
        """Open postings in the villages of the rows by people whom the rows do not name."""
        held: dict[int, list[Posting]] = defaultdict(list)
        for some in batches(sorted({village for candidate in candidates for village in candidate.villages})):
            keys = (
                Posting.objects.open()
                .filter(unit_id__in=some)
                .order_by("unit__path", "post", "pk")
                .values_list("pk", "person_id")
            )
            for not_named in batches([pk for pk, holder in keys if holder not in people]):
                for holder, postings in self._held(Q(pk__in=not_named)).items():
                    held[holder] += postings
        for some in batches(list(held)):
            for key, person in Person.objects.select_related("unit").in_bulk(some).items():
                for posting in held[key]:
                    posting.person = person
        return list(held.values())

    def _differences(self, candidate: Candidate) -> list[Difference]:
        """What the posts of the rows change: posts taken up, since when, and the way into the term."""
        found: list[Difference] = []
        added = [held for held in said_posts(candidate) if held not in candidate.record]
        if added:
            before = [post for _unit, post in candidate.record]
            after = [*before, *(post for _unit, post in added)]
            found.append(Difference("admin_post", words_of_posts(before), words_of_posts(after)))
        for posting, values in self._news_of_posts(candidate):
            for name, value in values.items():
                column = self.by_field["post_since" if name == "started_on" else "appointment_change"]
                stored = getattr(posting, name)
                found.append(Difference(column.field, column.words(stored), column.words(value)))
        return found

    def _news_of_posts(self, candidate: Candidate) -> Iterator[tuple[Posting, dict[str, Any]]]:
        """For each post held already, what the rows say otherwise about it."""
        for row in candidate.rows:
            said = {"started_on": row.values["post_since"], "change": row.values["appointment_change"]}
            for held in posts_by_village(row):
                posting = candidate.record.get(held)
                if posting is not None:
                    news = {
                        name: value
                        for name, value in said.items()
                        if value is not None and is_news(getattr(posting, name), value)
                    }
                    yield posting, news

    def _missing(
        self,
        person: Person,
        postings: list[Posting],
        names: dict[int, str],
        townships: dict[int, str],
        *,
        is_counted: bool = True,
    ) -> Missing:
        first = postings[0]
        cells = {
            "township": townships.get(first.unit_id, ""),
            "village": names.get(first.unit_id, ""),
            "name": person.name,
            "birth": in_words(person.birth),
            "admin_post": words_of_posts(Post(each.post, each.words) for each in postings),
        }
        kind = "person" if is_counted else "posting"
        key = first.person_id if is_counted else first.pk
        return Missing(f"{kind}:{key}", cells, postings, is_counted)

    def write_entry(self, row: Row, candidate: Candidate, person: Draft | int, writer: Writer) -> None:
        if candidate.person:
            for posting, values in self._news_of_posts(candidate):
                writer.change(row, posting, values, candidate.person.unit.path)
        taken: set[HeldPost] = set(candidate.record or ())
        for each in candidate.rows:
            for held in posts_by_village(each):
                if held in taken:
                    continue
                taken.add(held)
                village, post = held
                values = {
                    "person_id": person,
                    "unit_id": village,
                    "post": post.code,
                    "words": post.words,
                    "change": each.values["appointment_change"] or "",
                    "started_on": each.values["post_since"],
                }
                writer.create(row, Draft(Posting, values), each.unit.path)

    def end(self, missing: Missing, day: date, writer: Writer) -> None:
        for posting in missing.target:
            values = {"ended_on": day, "ending": Posting.Ending.OTHER}
            writer.change(missing, posting, values, posting.person.unit.path)


def with_person(posting: Posting, person: Person) -> Posting:
    posting.person = person
    return posting


def posts_of(row: Row) -> list[Post]:
    values = row.values
    posts = [*(values["party_post"] or ()), *(values["admin_post"] or ())]
    posts += [Post(OTHER, words) for words in values["extra_posts"] or ()]
    return posts if len(posts) < 2 else list(dict.fromkeys(posts))


HeldPost = tuple[int, Post]
"""Village and post: somebody may hold posts in two villages."""


def posts_by_village(row: Row) -> list[HeldPost]:
    return [(row.unit.pk, post) for post in posts_of(row)] if row.unit else []


def said_posts(candidate: Candidate) -> list[HeldPost]:
    """All posts that the rows of somebody name, each once."""
    if len(candidate.rows) == 1:
        return posts_by_village(candidate.first)
    return list(dict.fromkeys(held for row in candidate.rows for held in posts_by_village(row)))


def _mark_holder(candidate: Candidate, village: int, post: int) -> None:
    for row in candidate.rows:
        for name in ("party_post", "admin_post"):
            if row.unit and row.unit.pk == village and any(held.code == post for held in row.values[name] or ()):
                row.add("post_duplicate_holder", name)
                return


class ReserveCadresSheet(PeopleSheet):
    """People in the reserve (handbook 8.2)."""

    name = "reserve_cadres"
    lines_per_village = 2
    permission = "cadres.change_reservecadre"
    columns = RESERVE_COLUMNS
    facts = tuple(name for name in FACTS if name not in ("origin", "resume", "is_seconded", "is_inspector"))
    entry_fields = ("occupation", "category", "intended_post", "mentor", "recommended_by", "entered_on", "remark")

    def compare(self, candidates: list[Candidate], lookup: UnitLookup, user: User) -> list[Missing]:
        stage = (
            ReserveCadre.Stage.ON_RECORD
            if user.has_perm("cadres.record_reservecadre")
            else ReserveCadre.Stage.NOMINATED
        )
        units = sorted({candidate.place.pk for candidate in candidates if candidate.place})
        people = sorted({candidate.person.pk for candidate in candidates if candidate.person})
        of_people: dict[int, ReserveCadre] = {}
        here: dict[int, ReserveCadre] = {}
        for batch in batches(people):
            of_people |= {entry.person_id: entry for entry in ReserveCadre.objects.open().filter(person_id__in=batch)}
        for batch in batches(units):
            entries = ReserveCadre.objects.open().filter(unit_id__in=batch).select_related("person", "unit")
            here |= {entry.person_id: entry for entry in entries.order_by("unit__path", "pk")}
        for candidate in candidates:
            row, person = candidate.first, candidate.person
            row.target = Target(candidate, row.target.news, stage)
            if person is None:
                continue
            entry = candidate.record = of_people.get(person.pk)
            if entry is None:
                continue
            row.differences += [
                Difference(name, in_words(getattr(entry, name)), in_words(value))
                for name, value in self._news_of_entry(candidate).items()
                if name in self.by_field
            ]
            same = not row.target.news and not row.differences
            row.outcome = "unchanged" if same else "changed"
        return [
            Missing(f"reserve:{entry.pk}", _cells_of_entry(entry, lookup), entry)
            for person_id, entry in here.items()
            if person_id not in set(people)
        ]

    def _news_of_entry(self, candidate: Candidate) -> dict[str, Any]:
        row, entry = candidate.first, candidate.record
        news = {
            name: row.values[name]
            for name in self.entry_fields
            if row.values[name] is not None and is_news(getattr(entry, name), row.values[name])
        }
        if candidate.place and entry.unit_id != candidate.place.pk:
            news["unit_id"] = candidate.place.pk
        return news

    def write_entry(self, row: Row, candidate: Candidate, person: Draft | int, writer: Writer) -> None:
        place = candidate.place
        if place is None:
            return
        if candidate.record is not None:
            writer.change(row, candidate.record, self._news_of_entry(candidate), place.path)
            return
        given = {name: row.values[name] for name in self.entry_fields if row.values[name] is not None}
        values = {"person_id": person, "unit_id": place.pk, "stage": row.target.stage, **given}
        entry = Draft(ReserveCadre, values)
        writer.create(row, entry, place.path)
        entered: PartialDate | None = row.values["entered_on"]
        day = entered.first_day if entered else timezone.localdate()
        writer.create(row, Draft(ReserveStep, {"entry_id": entry, "to_stage": row.target.stage, "on": day}), place.path)

    def end(self, missing: Missing, day: date, writer: Writer) -> None:
        entry: ReserveCadre = missing.target
        path = entry.unit.path
        step = ReserveStep(entry=entry, from_stage=entry.stage, to_stage=ReserveCadre.Stage.REMOVED, on=day)
        writer.create(missing, step, path)
        values = {"left_on": day, "stage": ReserveCadre.Stage.REMOVED, "exit_reason": ReserveCadre.ExitReason.OTHER}
        writer.change(missing, entry, values, path)


def _cells_of_entry(entry: ReserveCadre, lookup: UnitLookup) -> dict[str, str]:
    township = lookup.townships.get(entry.unit.parent_path)
    return {
        "township": township.name if township else "",
        "village": entry.unit.short_name,
        "name": entry.person.name,
        "birth": in_words(entry.person.birth),
        "entered_on": in_words(entry.entered_on),
    }
