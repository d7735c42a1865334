"""Rosters by village: the columns of township and village, and the sheet of village cards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import F, Model

from branches.models import Branch, Unit, Village
from branches.scoping import paths_for
from branches.services.units import add_unit
from branches.unit_lookup import Match, Place, UnitLookup, village_core
from imports import cells
from imports.cells import EMPTY, Context, Reading
from imports.dates import PartialDate
from imports.normalising import clean_code, is_empty_word
from imports.reading import Cell
from imports.sheets import Column, Difference, Judgement, Missing, Row, Sheet, in_words, told_places
from imports.tables import Table, text_of

if TYPE_CHECKING:
    from accounts.models import User
    from imports.writing import Writer

TOWNSHIP = Column(
    "township",
    (
        "乡镇(街道)",
        "镇街",
        "乡镇名称",
        "所属乡镇",
        "乡镇",
        "乡镇街道",
        "乡(镇)",
        "乡镇(街道)名称",
        "所在乡镇",
        "街道",
        "乡镇办",
        "township",
    ),
    cells.line,
    60,
    fills_down=True,
)
VILLAGE_HEADINGS = (
    "村(社区)名称",
    "村名",
    "行政村",
    "所在村",
    "村",
    "村(社区)",
    "村社区",
    "村名称",
    "所属村",
    "村居",
    "村居名称",
    "所在村(社区)名称",
    "村(居)",
    "所在村(社区)",
    "行政村名称",
    "建制村",
    "village",
)
VILLAGE = Column("village", VILLAGE_HEADINGS, cells.line, 60, is_required=True, fills_down=True, within="township")
VILLAGE_ONCE = Column("village", VILLAGE_HEADINGS, cells.line, 60, is_required=True)
REMARK = Column("remark", ("备注", "说明"), cells.text, 2000)
JUMP = 100
"""Times last year's amount, up or down, at which the unit of money is in doubt (handbook 10.4)."""


class PlaceSheet(Sheet):
    """A sheet whose rows belong to villages."""

    def defaults(self, tables: Sequence[Table], user: User, today: date) -> list[dict[str, str]]:
        """The township that a title or the worksheet's name says; without a column of villages the village too."""
        lookup = UnitLookup(user, self.permission, today)
        return [self._defaults_of(table, lookup) for table in tables]

    def _defaults_of(self, table: Table, lookup: UnitLookup) -> dict[str, str]:
        given: dict[str, str] = {}
        townships = lookup.townships_in(" ".join([*table.titles, table.worksheet]))
        township = townships[0] if len(townships) == 1 else lookup.township_named(table.worksheet)[0]
        if township:
            given["township"] = township.name
        is_named = table.fields is not None and "village" in table.fields.values()
        if is_named or any(self.headings.field_of(heading) == "village" for heading in table.headings.values()):
            return given
        named = lookup.villages_in(" ".join(table.titles), township)
        if lookup.is_village_name(table.worksheet):
            given["village"] = table.worksheet
        elif len(named) == 1:
            given["village"] = named[0].name
        return given


def find_villages(
    rows: list[Row], lookup: UnitLookup, without: Container[int] = (), at_township: Container[int] = ()
) -> dict[int, Place]:
    """Position of the row -> its village, but for those `without` one. What is wrong is added to the rows.

    Rows `at_township` may name the township itself in the village's column.
    """
    found: dict[int, Place] = {}
    resolved: dict[tuple[str | None, str], tuple[Match, ...]] = {}
    for index, row in enumerate(rows):
        if row.values["village"] is None or index in without:
            continue
        names = (row.values["township"], row.values["village"])
        if index in at_township and (township := lookup.township_itself(*names)) is not None:
            found[index] = township
            continue
        if names not in resolved:
            resolved[names] = tuple(lookup.resolve(*names))
        for match in resolved[names]:
            if match.place:
                found[index] = match.place
            else:
                row.add(match.code, match.field, match.suggestion)
    return found


def mark_duplicates(rows: list[Row], keys: Sequence[object], field: str) -> None:
    """Every row of a key that stands more than once is faulty. A key of None is no key."""
    groups: dict[object, list[Row]] = defaultdict(list)
    for row, key in zip(rows, keys, strict=True):
        if key is not None:
            groups[key].append(row)
    for group in groups.values():
        if len(group) > 1:
            for row in group:
                row.add("duplicate_in_file", field, told_places(group))


@dataclass(frozen=True)
class VillageToBe:
    """A village that a row of cards makes: its township, its name, the first day on which it exists."""

    township: Place
    name: str
    first_day: date


def is_jump(now: Decimal, before: Decimal) -> bool:
    """Whether one amount is a hundred times the other. Nothing is said about nothing."""
    return now > 0 and before > 0 and (now >= before * JUMP or now * JUMP <= before)


class UnitsSheet(PlaceSheet):
    """Village cards (handbook 8.4).

    A village that is not in the tree is an error, unless the user ticked that it be made and may add units there.
    """

    name = "units"
    permission = "branches.change_village"
    permission_to_make_places = "branches.add_unit"
    subject = "village"
    columns = (
        TOWNSHIP,
        VILLAGE_ONCE,
        Column("group_count", ("村民小组数", "村民小组", "小组数", "组数"), cells.count),
        Column("natural_village_count", ("自然村数", "自然村", "自然村(个)"), cells.count),
        Column("household_count", ("总户数", "户数", "农户数"), cells.count),
        Column("population", ("总人口(常住)", "总人口", "人口", "人口数", "常住人口"), cells.count),
        Column("member_count", ("党员数", "党员人数", "党员总数", "党员数(正式/预备)"), cells.count),
        Column("representative_count", ("村民代表数", "村民代表", "村民代表人数"), cells.count),
        Column("farmland_mu", ("耕地(亩)", "耕地", "耕地面积", "耕地面积(亩)"), cells.area),
        Column("forest_mu", ("林地(亩)", "林地", "林地面积", "林地面积(亩)"), cells.area),
        Column(
            "operating_assets", ("集体经营性资产", "经营性资产", "村集体经营性资产", "集体经营性资产总额"), cells.money
        ),
        Column(
            "last_year_income",
            ("上年集体收入", "上年度集体收入", "上年村集体收入", "上年集体经济收入", "上年度村集体经济收入"),
            cells.money,
        ),
        Column(
            "last_year_operating_income",
            ("上年经营性收入", "上年度经营性收入", "上年集体经营性收入"),
            cells.money,
        ),
        REMARK,
    )
    not_kept = not_written = frozenset({"remark"})
    figures = tuple(column.field for column in columns if column.field not in ("township", "village", "remark"))

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        lookup = UnitLookup(user, self.permission, today)
        new = self._villages_to_be(rows, lookup, user, today)
        places = find_villages(rows, lookup, new)
        cards = Village.objects.in_bulk({place.pk for place in places.values()}, field_name="unit_id")
        keys: list[object] = [None] * len(rows)
        for index, row in enumerate(rows):
            if index in new:
                keys[index] = (new[index].township.path, village_core(new[index].name))
                row.target = (new[index], None)
                self._tell_new(row, new[index])
                continue
            card = cards.get(places[index].pk) if index in places else None
            if index in places:
                keys[index] = places[index].pk
                row.target = (places[index], card)
            self._compare(row, card)
        mark_duplicates(rows, keys, "village")
        return Judgement(rows)

    def _villages_to_be(self, rows: list[Row], lookup: UnitLookup, user: User, today: date) -> dict[int, VillageToBe]:
        """Position of the row -> the village it makes, for the rows that were ticked and where the user may."""
        ticked = [(index, row) for index, row in enumerate(rows) if row.makes_place and row.values["village"]]
        if not ticked:
            return {}
        held = tuple(paths_for(user, self.permission_to_make_places))
        found = {index: lookup.missing_village(row.values["township"], row.values["village"]) for index, row in ticked}
        return {
            # The tree changes on the first of a month (docs/rules/tree.md), so that a month lies under one tree.
            index: VillageToBe(place[0], place[1], today.replace(day=1))
            for index, place in found.items()
            if place is not None and place[0].path.startswith(held)
        }

    def _given(self, row: Row) -> dict[str, Any]:
        return {name: row.values[name] for name in self.figures if row.values[name] is not None}

    def _tell_new(self, row: Row, place: VillageToBe) -> None:
        row.add("unit_new", "village")
        row.outcome = "new"
        figures = [Difference(name, "", in_words(value)) for name, value in self._given(row).items()]
        row.differences = [Difference("village", "", f"{place.township.name} {place.name}"), *figures]

    def _compare(self, row: Row, card: Village | None) -> None:
        given = self._given(row)
        row.differences = [
            Difference(name, in_words(getattr(card, name, None)), in_words(value))
            for name, value in given.items()
            if getattr(card, name, None) != value
        ]
        row.outcome = "unchanged" if card is not None and not row.differences else "changed"
        for name in ("last_year_income", "last_year_operating_income"):
            before = getattr(card, name) if card else None
            if before is not None and name in given and is_jump(given[name], before):
                row.add("amount_jump", name)

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        for row in rows:
            place, card = row.target
            given = self._given(row)
            if isinstance(place, VillageToBe):
                self._make(row, place, given, writer)
            elif card is None:
                writer.create(row, Village(unit_id=place.pk, **given), place.path)
            else:
                writer.change(row, card, given, place.path)

    def _make(self, row: Row, place: VillageToBe, given: dict[str, Any], writer: Writer) -> None:
        """By the service of the tree, with its own event; the card it comes with is filled in as any other."""
        unit = add_unit(Unit.objects.get(pk=place.township.pk), place.name, None, place.first_day, by=writer.by)
        card = Village.objects.get(unit=unit)
        writer.note_made(row, unit, unit.path)
        writer.note_made(row, card, unit.path)
        writer.change(row, card, given, unit.path)

    def taken_out(self, records: Sequence[Model]) -> None:
        """The tree keeps at each unit how many stand below it."""
        below = Counter(record.parent_path for record in records if isinstance(record, Unit))
        for path, count in below.items():
            Unit.objects.filter(path=path).update(numchild=F("numchild") - count)


KINDS = {
    **dict.fromkeys(("党支部", "支部", "联合党支部", "联合支部"), Branch.Kind.BRANCH),
    **dict.fromkeys(("党总支", "总支", "党总支部"), Branch.Kind.GENERAL),
    **dict.fromkeys(("党委", "党的委员会"), Branch.Kind.COMMITTEE),
}


KIND_WORDS = {Branch.Kind.BRANCH: "党支部", Branch.Kind.GENERAL: "党总支", Branch.Kind.COMMITTEE: "党委"}
"""As rosters write them."""


def branch_kind(cell: Cell, context: Context) -> Reading:
    typed = clean_code(text_of(cell))
    if typed in KINDS:
        return Reading(KINDS[typed])
    return EMPTY if is_empty_word(typed) else Reading(codes=("choice_unknown",))


class BranchesSheet(PlaceSheet):
    """Party organizations at their units (import.md section 1)."""

    name = "branches"
    permission = "branches.change_branch"
    subject = "name"
    not_kept = not_written = frozenset({"host", "remark"})
    columns = (
        TOWNSHIP,
        VILLAGE,
        Column(
            "name",
            ("党组织名称", "村党组织名称", "支部名称", "党支部名称", "组织名称", "党组织全称"),
            cells.line,
            120,
            is_required=True,
        ),
        Column(
            "kind",
            ("组织类型", "党组织类型", "组织类别", "党组织类别", "类型"),
            branch_kind,
            20,
            is_required=True,
            words=lambda kind: KIND_WORDS.get(kind, ""),
            choices=tuple(KIND_WORDS.values()),
        ),
        Column("host", ("依托单位", "所在单位", "组建单位", "所依托单位"), cells.line, 120),
        Column("parent", ("上级党组织", "隶属党组织", "上级党组织名称", "所属党组织"), cells.line, 120),
        Column("established_on", ("成立时间", "成立日期", "建立时间", "组建时间"), cells.partial_date, 60),
        Column(
            "next_election_on",
            ("下次换届时间", "应换届时间", "换届时间", "届满时间", "下届换届时间"),
            cells.partial_date,
            60,
        ),
        Column("member_count", ("党员数", "党员人数", "党员总数"), cells.count),
        REMARK,
    )

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        places = find_villages(rows, UnitLookup(user, self.permission, today))
        keys: list[tuple[int, str] | None] = [
            (places[index].pk, row.values["name"]) if index in places and row.values["name"] else None
            for index, row in enumerate(rows)
        ]
        mark_duplicates(rows, keys, "name")
        units = {key[0] for key in keys if key}
        stored = {
            (branch.unit_id, branch.name): branch
            for branch in Branch.objects.existing_on(today).filter(unit_id__in=units).select_related("parent")
        }
        parents = self._parents(rows)
        with_leader = {unit_id for (unit_id, _name), branch in stored.items() if branch.is_leading}
        for index, (row, key) in enumerate(zip(rows, keys, strict=True)):
            if key is None:
                continue
            branch = stored.get(key)
            said = self._said(row, places[index], parents)
            if branch is None:
                said["is_leading"] = key[0] not in with_leader
                with_leader.add(key[0])
            else:
                said = {name: value for name, value in said.items() if _is_news(getattr(branch, name), value)}
                row.outcome = "changed" if said else "unchanged"
                row.differences = [_difference(branch, name, row) for name in said]
            row.target = (places[index], branch, said)
        return Judgement(rows)

    def _parents(self, rows: list[Row]) -> dict[str, list[Branch]]:
        """Organizations by the names that the rows give as their superior's."""
        names = {row.values["parent"] for row in rows if row.values["parent"]}
        found: dict[str, list[Branch]] = defaultdict(list)
        for branch in Branch.objects.filter(name__in=names, valid_to__isnull=True).select_related("unit"):
            found[branch.name].append(branch)
        return found

    def _said(self, row: Row, place: Place, parents: dict[str, list[Branch]]) -> dict[str, Any]:
        """Attribute of Branch -> value, of the cells that say something. A superior counts when only one fits."""
        values = row.values
        said = {name: values[name] for name in ("kind", "member_count") if values[name] is not None}
        said |= {name: values[name] for name in ("established_on", "next_election_on") if values[name]}
        above = [branch for branch in parents.get(values["parent"], []) if place.path.startswith(branch.unit.path)]
        if len(above) == 1:
            said["parent_id"] = above[0].pk
        return said

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        for row in rows:
            place, branch, said = row.target
            values = {
                name: value.first_day if isinstance(value, PartialDate) else value for name, value in said.items()
            }
            if branch is None:
                writer.create(row, Branch(unit_id=place.pk, name=row.values["name"], **values), place.path)
            else:
                writer.change(row, branch, values, place.path)


def _is_news(stored: Any, said: Any) -> bool:
    """A month agrees with each of its days."""
    if isinstance(said, PartialDate):
        return stored is None or not said.agrees_with(PartialDate(stored.year, stored.month, stored.day))
    return bool(stored != said)


def _difference(branch: Branch, name: str, row: Row) -> Difference:
    if name == "parent_id":
        return Difference("parent", branch.parent.name if branch.parent else "", row.values["parent"])
    if name == "kind":
        return Difference(name, str(branch.get_kind_display()), str(Branch.Kind(row.values[name]).label))
    return Difference(name, in_words(getattr(branch, name)), in_words(row.values[name]))
