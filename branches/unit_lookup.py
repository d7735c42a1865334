"""Which unit a roster means by a township's and a village's name, within what a user may write.

Two queries for a whole file. A village name alone never matches across townships, near
names are suggested and never taken. Rule: docs/import.md, "Places".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q

from branches.models import Unit
from branches.names import short_village_name
from branches.scoping import STEP, paths_for
from imports.normalising import clean_line

if TYPE_CHECKING:
    from accounts.models import User

TOWNSHIP_ENDING = re.compile(r"(街道办事处|街道办|街道|办事处|民族乡|回族乡|满族乡|镇|乡)$")
VILLAGE_ENDING = re.compile(r"(村|社区|居委会|村委会|行政村)+$")
GROUPS = re.compile(r"(党支部|党总支|党委|支部委员会)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A township or a village that exists on the day."""

    pk: int
    path: str
    kind: str
    name: str

    @property
    def short_name(self) -> str:
        return short_village_name(self.name) if self.kind == "village" else self.name

    @property
    def parent_path(self) -> str:
        return self.path[:-STEP]


@dataclass(frozen=True, slots=True)
class Match:
    """The village, or None with `code` and the field it stands at; a `warning` beside it."""

    place: Place | None = None
    code: str = ""
    field: str = "village"
    suggestion: str = ""


class UnitLookup:
    """The places at or below which the user holds a permission, by all the names they go by."""

    def __init__(self, user: User, permission: str, day: date) -> None:
        self.paths = paths_for(user, permission)
        self.townships: dict[str, Place] = {}
        self.villages: list[Place] = []
        self.ancestor_names: list[str] = []
        self.coming: set[tuple[str, str]] = set()
        """(path of the township, core of the name) of villages that begin later."""
        self.former: dict[tuple[str, str], Place] = {}
        """(path of the township, core of a former name) -> the village that took it over."""
        self._load(day)
        self.foreign_townships = self._foreign_townships(day)
        self.by_township: dict[str, list[Place]] = defaultdict(list)
        self.by_core: dict[str, list[Place]] = defaultdict(list)
        for village in self.villages:
            self.by_township[village.parent_path].append(village)
            self.by_core[village_core(village.name)].append(village)

    @property
    def only_township(self) -> Place | None:
        return next(iter(self.townships.values())) if len(self.townships) == 1 else None

    def _load(self, day: date) -> None:
        if not self.paths:
            return
        above = {path[:end] for path in self.paths for end in range(STEP, len(path), STEP)}
        within = reduce(or_, (Q(path__startswith=path) for path in self.paths))
        units = list(Unit.objects.filter(within | Q(path__in=above)).only(*FIELDS))
        by_pk = {unit.pk: unit for unit in units}
        inside = [unit for unit in units if any(unit.path.startswith(path) for path in self.paths)]
        for unit in units:
            if unit.kind in ("province", "city", "county"):
                self.ancestor_names.append(unit.name)
            elif unit.kind == "township" and exists_on(unit, day):
                self.townships[unit.path] = place_of(unit)
        for unit in inside:
            if unit.kind != "village":
                continue
            successor = by_pk.get(unit.merged_into_id) if unit.merged_into_id else None
            if exists_on(unit, day):
                self.villages.append(place_of(unit))
            elif unit.valid_from > day:
                self.coming.add((unit.parent_path, village_core(unit.name)))
            elif successor is not None and exists_on(successor, day):
                self.former[(unit.parent_path, village_core(unit.name))] = place_of(successor)

    def _foreign_townships(self, day: date) -> set[str]:
        """Cores of the names of the county's other townships. Names of units are open to everyone with a login."""
        counties = {path[: 3 * STEP] for path in self.paths}
        if not counties or all(len(path) <= 3 * STEP for path in self.paths):
            return set()
        within = reduce(or_, (Q(path__startswith=path) for path in counties))
        names = Unit.objects.valid_on(day).townships().filter(within).values_list("path", "name")
        return {township_core(name) for path, name in names if path not in self.townships}

    def township_named(self, typed: str) -> tuple[Place | None, str]:
        """The township, or the code of what is wrong."""
        name = self._without_ancestors(clean_line(typed))
        exact = [place for place in self.townships.values() if place.name == name]
        fitting = exact or [
            place for place in self.townships.values() if township_core(place.name) == township_core(name)
        ]
        if len(fitting) == 1:
            return fitting[0], ""
        if fitting:
            return None, "unit_ambiguous"
        return None, "unit_out_of_scope" if township_core(name) in self.foreign_townships else "unit_unknown"

    def townships_in(self, text: str) -> list[Place]:
        """Townships that a title names in full."""
        plain = clean_line(text)
        found = [place for place in self.townships.values() if place.name in plain]
        return [one for one in found if not any(one != other and one.name in other.name for other in found)]

    def villages_in(self, text: str, township: Place | None) -> list[Place]:
        """Villages of the township that a title names in full."""
        plain = clean_line(text)
        among = self.by_township[township.path] if township else self.villages
        return [place for place in among if place.name in plain or place.short_name in plain]

    def is_village_name(self, text: str) -> bool:
        return bool(self.by_core.get(village_core(self._plain_village(text, None))))

    def resolve(self, township: str | None, village: str) -> Iterable[Match]:
        """The village first, or what is wrong first; then a suggestion or a warning, if there is one."""
        if township is None:
            yield from self._without_township(village)
            return
        place, code = self.township_named(township)
        if place is None:
            yield Match(code=code, field="township")
            return
        yield from self._within(place, village)

    def township_itself(self, township: str | None, village: str) -> Place | None:
        """The township, where its own name stands in the village's column and the user may write there."""
        place = self.township_named(township)[0] if township else self.only_township
        if place is None or self._without_ancestors(clean_line(village)) != place.name:
            return None
        return place if any(place.path.startswith(path) for path in self.paths) else None

    def missing_village(self, township: str | None, village: str) -> tuple[Place, str] | None:
        """The township and the full name of a village that it does not have, nor will have; None for any other."""
        place = self.township_named(township)[0] if township else self.only_township
        if place is None or next(iter(self._within(place, village))).code != "unit_unknown":
            return None
        name = self._full_village(village, place)
        return None if not name or (place.path, village_core(name)) in self.coming else (place, name)

    def _within(self, township: Place, village: str) -> Iterable[Match]:
        name = self._plain_village(village, township)
        among = self.by_township[township.path]
        fitting = fitting_places(among, name)
        if not fitting and (township.path, village_core(name)) in self.former:
            fitting = [self.former[(township.path, village_core(name))]]
        if len(fitting) == 1:
            yield Match(fitting[0])
        elif fitting:
            yield Match(code="unit_ambiguous")
        else:
            yield Match(code="unit_unknown")
            suggestion = self._suggestion(among, name)
            if suggestion:
                yield Match(code="unit_suggested", suggestion=suggestion)

    def _without_township(self, village: str) -> Iterable[Match]:
        if self.only_township:
            yield from self._within(self.only_township, village)
            return
        name = self._plain_village(village, None)
        fitting = fitting_places(self.by_core.get(village_core(name), []), name)
        if len(fitting) == 1:
            yield Match(fitting[0])
            yield Match(code="township_assumed")
        else:
            yield Match(code="unit_ambiguous" if fitting else "unit_unknown")

    def _suggestion(self, among: list[Place], name: str) -> str:
        """A near name of the township, else the same name elsewhere in the user's area."""
        near = [place.short_name for place in among if are_near(village_core(place.name), village_core(name))]
        if near:
            return ", ".join(sorted(near))
        elsewhere = fitting_places(self.by_core.get(village_core(name), []), name)
        return ", ".join(f"{self.townships[place.parent_path].name} {place.short_name}" for place in elsewhere)

    def _without_ancestors(self, name: str) -> str:
        for above in self.ancestor_names:
            if name.startswith(above) and len(name) > len(above):
                name = name[len(above) :]
        return name

    def _plain_village(self, typed: str, township: Place | None) -> str:
        return short_village_name(self._full_village(typed, township))

    def _full_village(self, typed: str, township: Place | None) -> str:
        name = GROUPS.sub("", self._without_ancestors(clean_line(typed)))
        if township is not None and name.startswith(township.name) and len(name) > len(township.name) + 1:
            name = name[len(township.name) :]
        return name


FIELDS = ("pk", "path", "kind", "name", "valid_from", "valid_to", "merged_into")


def exists_on(unit: Unit, day: date) -> bool:
    return unit.valid_from <= day and (unit.valid_to is None or unit.valid_to >= day)


def place_of(unit: Unit) -> Place:
    return Place(unit.pk, unit.path, unit.kind, unit.name)


def township_core(name: str) -> str:
    """明港 for 明港镇; a name of one character keeps its ending."""
    core = TOWNSHIP_ENDING.sub("", name)
    return core if len(core) > 1 else name


def village_core(name: str) -> str:
    """洪岗 for 洪岗村民委员会, 洪岗村 and 洪岗社区."""
    short = short_village_name(name)
    return VILLAGE_ENDING.sub("", short) or short


def fitting_places(among: list[Place], name: str) -> list[Place]:
    """Those of exactly this name, else those of this name with another ending."""
    exact = [place for place in among if name in (place.name, place.short_name)]
    return exact or [place for place in among if village_core(place.name) == village_core(name)]


def are_near(one: str, other: str) -> bool:
    """One character more, less or other; in names of two characters only one more or less."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < 2:
        return False
    if len(one) == len(other):
        return len(one) > 2 and sum(left != right for left, right in zip(one, other, strict=True)) == 1
    short, long = sorted((one, other), key=len)
    return any(long[:index] + long[index + 1 :] == short for index in range(len(long)))
