"""What rows of a roster say about a person, and what of it is news (docs/import.md, "People")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.encryption import keyed_index
from cadres.codes import words_of_education
from cadres.matching import Candidate, birth_of
from cadres.models import Person
from cadres.pinyin import initials_of
from imports.dates import PartialDate
from imports.identity import ReadIdentity, masked
from imports.normalising import clean_code, clean_line, clean_text
from imports.sheets import Column, Difference

FACTS = (
    "name",
    "gender",
    "political",
    "joined_on",
    "full_member_on",
    "major",
    "phone",
    "origin",
    "resume",
    "is_seconded",
    "is_inspector",
)
IDENTITY_LENGTH = 18
"""A number of 15 digits is not kept: the user confirms its conversion by correcting the cell."""


def said_about(candidate: Candidate, names: Sequence[str] = FACTS) -> dict[str, Any]:
    """Attribute of Person -> value, of all rows of the person. An empty cell says nothing."""
    said: dict[str, Any] = {}
    for row in candidate.rows:
        values = row.values
        given = {name: values[name] for name in names if values.get(name) is not None}
        if values["education"]:
            given["education"], given["education_words"] = values["education"]
        born = birth_of(row)
        stored = candidate.person.birth if candidate.person else None
        typed = values["birth"]
        if born and stored and stored.agrees_with(born) and (typed is None or typed.agrees_with(born)):
            # The number says no more than was known when it was taken down.
            born = typed
        if born:
            given["birth"] = born
        identity: ReadIdentity | None = values["id_number"]
        if identity and len(identity.number) == IDENTITY_LENGTH:
            given["identity_index"] = keyed_index(identity.number)
            given["identity_number"] = identity.number
        said = {**given, **said}
    if candidate.place:
        home = candidate.person.unit_id if candidate.person else None
        said["unit_id"] = home if home in candidate.villages else candidate.place.pk
    return said


def news_about(person: Person, said: Mapping[str, Any]) -> dict[str, Any]:
    """What would change. A date that the stored one tells more exactly is no news."""
    news = {
        name: value
        for name, value in said.items()
        if name != "identity_number" and is_news(getattr(person, name), value)
    }
    if not person.education_words and said.get("education_words") == words_of_education(person.education):
        # Only the code is known, and a file of ours wrote it in words.
        news = {name: value for name, value in news.items() if name not in ("education", "education_words")}
    if "identity_index" in news:
        news["identity_number"] = said["identity_number"]
    if "name" in news:
        news["initials"] = initials_of(news["name"])
    return news


def is_news(stored: Any, said: Any) -> bool:
    if isinstance(stored, str) and isinstance(said, str):
        # Typed on a page, a text keeps its spaces and full-width signs; a roster's is cleaned as it is read.
        return said not in (stored, clean_text(stored), clean_line(stored), clean_code(stored))
    if isinstance(stored, PartialDate) and isinstance(said, PartialDate):
        return stored != said and not (stored.agrees_with(said) and len(str(stored)) > len(str(said)))
    return bool(stored != said)


def news_of_new(said: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute of Person -> value, for somebody new."""
    return {**said, "initials": initials_of(said["name"])}


def new_person(said: Mapping[str, Any]) -> Person:
    return Person(**news_of_new(said))


def differences(
    person: Person, news: Mapping[str, Any], columns: Mapping[str, Column], village: str
) -> list[Difference]:
    """For the preview. `village` is the name of the place of the rows; identity numbers are masked."""
    found: list[Difference] = []
    for name, value in news.items():
        if name == "unit_id":
            found.append(Difference("village", person.unit.short_name, village))
        elif name == "identity_number":
            found.append(Difference("id_number", masked(person.identity_number or ""), masked(value)))
        elif name == "education_words":
            found.append(Difference("education", person.education_words, value))
        elif name in columns and name != "education":
            words = columns[name].words
            found.append(Difference(name, words(getattr(person, name)), words(value)))
    return found
