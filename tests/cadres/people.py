"""People for tests. Numbers carry the address code 000000, which does not exist."""

from __future__ import annotations

from accounts.encryption import keyed_index
from branches.models import Unit
from cadres.models import Person, Posting
from imports.dates import PartialDate

NUMBER = "000000197303172152"


def make_person(
    name: str, village: str = "东一村", identity: str = "", birth: str = "1975-02", **fields: object
) -> Person:
    return Person.objects.create(
        unit=Unit.objects.get(name=village),
        name=name,
        birth=PartialDate.parse(birth),
        identity_number=identity or None,
        identity_index=keyed_index(identity) if identity else None,
        **fields,
    )


def post(person: Person, code: int, **fields: object) -> Posting:
    return Posting.objects.create(person=person, unit=person.unit, post=code, **fields)
