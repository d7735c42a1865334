"""The roster of a training: who took part (import.md section 1). Rule: docs/import.md."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from branches.models import Unit
from branches.scoping import paths_for
from branches.sheets import TOWNSHIP, VILLAGE, PlaceSheet, find_villages, mark_duplicates
from branches.unit_lookup import Place, UnitLookup
from cadres.columns import BIRTH, IDENTITY, NAME
from cadres.matching import Candidate, batches, group_rows, match_people
from cadres.models import Attendance, Person, Training
from cadres.roster_facts import new_person
from imports import cells
from imports.cells import EMPTY, Context, Reading
from imports.dates import PartialDate
from imports.money import read_decimal
from imports.normalising import clean_code, is_empty_word
from imports.reading import Cell
from imports.sheets import Column, Difference, Judgement, Missing, Row, path_of_uploader
from imports.tables import text_of

if TYPE_CHECKING:
    from accounts.models import User
    from imports.writing import Writer

DAY_HOURS = 8
RESULTS = {
    **dict.fromkeys(("结业", "合格", "优秀", "良好", "完成", "通过", "已参加", "参加", "是", "出席"), "completed"),
    **dict.fromkeys(("未结业", "不合格", "未完成", "未通过"), "not_completed"),
    **dict.fromkeys(("请假", "事假", "病假", "公假"), "excused"),
    **dict.fromkeys(("缺席", "未参加", "旷课", "缺勤", "否"), "absent"),
}
WORDS = {"completed": "结业", "not_completed": "未结业", "excused": "请假", "absent": "缺席"}


def hours(cell: Cell, context: Context) -> Reading:
    """Hours; days count 8 hours each."""
    found = re.fullmatch(r"(.+?)(学时|课时|小时|天|日)", clean_code(text_of(cell)))
    number = read_decimal(
        found[1] if found else cell if isinstance(cell, Decimal) else text_of(cell), places=1, below=10_000
    )
    if number.value is None or found is None or found[2] not in ("天", "日"):
        return Reading(number.value, (number.code,) if number.code else ())
    return Reading(number.value * DAY_HOURS)


def result(cell: Cell, context: Context) -> Reading:
    typed = clean_code(text_of(cell))
    if typed in RESULTS:
        return Reading(RESULTS[typed])
    return EMPTY if is_empty_word(typed) else Reading(codes=("choice_unknown",))


def _whole(day: date) -> PartialDate:
    return PartialDate(day.year, day.month, day.day)


class TrainingSheet(PlaceSheet):
    """One row is a person at a training. Somebody not known yet is taken down with name and village."""

    name = "training"
    lines_per_village = 0
    permission = "cadres.change_attendance"
    subject = "name"
    columns = (
        TOWNSHIP,
        VILLAGE,
        NAME,
        Column(
            "training",
            ("培训名称", "培训班", "培训班名称", "培训班次", "培训内容", "培训项目", "班次"),
            cells.line,
            120,
            is_required=True,
            fills_down=True,
        ),
        Column(
            "held_on",
            ("培训时间", "培训日期", "开班时间", "开始时间", "举办时间"),
            cells.partial_date,
            60,
            fills_down=True,
        ),
        Column("hours", ("学时", "培训学时", "课时", "学时数", "培训天数", "天数"), hours, 20, number="0.0"),
        Column(
            "result",
            ("培训结果", "结果", "结业情况", "考核结果", "考核情况", "参训情况", "是否结业"),
            result,
            20,
            words=lambda code: WORDS.get(code, ""),
            choices=tuple(WORDS.values()),
        ),
        BIRTH,
        IDENTITY,
    )

    def judge(self, rows: list[Row], user: User, today: date) -> Judgement:
        places = find_villages(rows, UnitLookup(user, self.permission, today))
        groups = group_rows(rows, places)
        match_people(groups, paths_for(user, self.permission))
        of_row = {id(row): group for group in groups for row in group.rows}
        self._match_by_name(groups)
        trainings = self._trainings(rows, user)
        keys: list[object] = []
        for index, row in enumerate(rows):
            name = row.values["training"]
            training = self._training_of(row, trainings, places.get(index))
            if name and training is None and row.values["held_on"] is None:
                row.add("required_missing", "held_on")
            who = of_row[id(row)]
            day = training.held_on if training else row.values["held_on"] and row.values["held_on"].first_day
            keys.append((id(who), name, day) if index in places and name else None)
            row.target = (who, training, day)
        mark_duplicates(rows, keys, "name")
        unit = Unit.objects.filter(path=path_of_uploader(user, self)).first()
        self._compare(rows, unit)
        return Judgement(rows)

    def _match_by_name(self, groups: list[Candidate]) -> None:
        """A list of a training seldom tells a birth: the only one of this name in the village is meant."""
        open_groups = [group for group in groups if group.person is None and group.place and not group.is_elsewhere]
        units = sorted({group.place.pk for group in open_groups if group.place})
        by_name: dict[tuple[int, str], list[Person]] = defaultdict(list)
        for batch in batches(units):
            for person in Person.objects.filter(unit_id__in=batch).select_related("unit").order_by("pk"):
                by_name[(person.unit_id, person.name)].append(person)
        for group in open_groups:
            found = by_name.get((group.place.pk, group.first.values["name"]), []) if group.place else []
            if len(found) == 1 and not group.identity:
                group.person = found[0]

    def _trainings(self, rows: list[Row], user: User) -> dict[str, list[Training]]:
        """Trainings that the user sees, by the titles of the rows, the latest first."""
        titles = {row.values["training"] for row in rows if row.values["training"]}
        found: dict[str, list[Training]] = defaultdict(list)
        for training in (
            Training.objects.for_user(user).filter(title__in=titles).select_related("unit").order_by("-held_on", "-pk")
        ):
            found[training.title].append(training)
        return found

    def _training_of(self, row: Row, trainings: dict[str, list[Training]], place: Place | None) -> Training | None:
        """Townships run trainings of one name on one day: the one nearest above the village is meant."""
        said: PartialDate | None = row.values["held_on"]
        fitting = [
            training
            for training in trainings.get(row.values["training"], ())
            if said is None or said.agrees_with(_whole(training.held_on))
        ]
        above = [training for training in fitting if place and place.path.startswith(training.unit.path)]
        return max(above, key=lambda training: len(training.unit.path)) if above else next(iter(fitting), None)

    def _compare(self, rows: list[Row], unit: Unit | None) -> None:
        wanted = [row.target for row in rows if row.target[0].person and row.target[1]]
        people = sorted({who.person.pk for who, _training, _day in wanted})
        stored: dict[tuple[int, int], Attendance] = {}
        for batch in batches(people):
            attendances = Attendance.objects.filter(
                person_id__in=batch, training__in={training.pk for _who, training, _day in wanted}
            )
            stored |= {(each.person_id, each.training_id): each for each in attendances}
        for row in rows:
            who, training, day = row.target
            attendance = stored.get((who.person.pk, training.pk)) if who.person and training else None
            row.target = (who, training, day, attendance, unit)
            if attendance is None:
                continue
            for name, value in self._said(row).items():
                before = getattr(attendance, name)
                if before != value:
                    words = self.by_field[name].words
                    row.differences.append(Difference(name, words(before), words(value)))
            row.outcome = "changed" if row.differences else "unchanged"

    def _said(self, row: Row) -> dict[str, Any]:
        return {name: row.values[name] for name in ("hours", "result") if row.values[name] is not None}

    def write(self, rows: Sequence[Row], left: Sequence[tuple[Missing, date]], writer: Writer) -> None:
        people: dict[int, Person] = {}
        trainings: dict[tuple[str, date], Training] = {}
        for row in rows:
            who, training, day, attendance, unit = row.target
            place = who.place
            if place is None or (who.is_elsewhere and who.person is None):
                continue
            if attendance is not None:
                writer.change(row, attendance, self._said(row), place.path)
                continue
            person = who.person or people.get(id(who))
            if person is None:
                person = people[id(who)] = new_person({"name": row.values["name"], "unit_id": place.pk})
                writer.create(row, person, place.path)
            if training is None:
                training = trainings.get((row.values["training"], day)) or self._new_training(row, day, unit, writer)
                trainings[(row.values["training"], day)] = training
            attended = Attendance(training=training, person=person, **self._said(row))
            writer.create(row, attended, place.path)

    def _new_training(self, row: Row, day: date, unit: Unit, writer: Writer) -> Training:
        """Run by the topmost unit of whoever brings the list."""
        length = row.values["hours"] or Decimal(0)
        training = Training(unit=unit, title=row.values["training"], held_on=day, ends_on=day, hours=length)
        writer.create(row, training, unit.path)
        return training
