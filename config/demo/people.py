"""People of the demo county: teams of two terms, their posts, trainings and honours, first secretaries, the reserve.

Identity numbers begin with 000000 and phones with 000, which nobody has.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.db.models import Model

from accounts import audit
from accounts.encryption import keyed_index
from accounts.models import User
from branches.models import Branch, Unit, Village
from branches.scoping import STEP
from cadres.models import (
    Attendance,
    Commendation,
    DisciplineAction,
    Person,
    Posting,
    ReserveAssessment,
    ReserveCadre,
    ReserveStep,
    Residency,
    ResidentLeave,
    SpotCheck,
    Talent,
    Training,
)
from cadres.pinyin import initials_of
from config.demo.county import VillageFigures
from imports.dates import PartialDate
from imports.identity import check_character

Post = Posting.Post
Stage = ReserveCadre.Stage
BATCH = 500
TERM_YEARS = 5

SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢"
MALE_NAMES = (
    "建国",
    "志强",
    "立新",
    "德茂",
    "国栋",
    "文斌",
    "永平",
    "建华",
    "晓东",
    "志平",
    "明远",
    "春生",
    "海波",
    "正光",
    "家旺",
    "军",
    "勇",
    "伟",
    "涛",
    "浩然",
)
FEMALE_NAMES = (
    "秀云",
    "桂芳",
    "丽华",
    "春梅",
    "玉兰",
    "海燕",
    "文静",
    "红梅",
    "小丽",
    "桂英",
    "雪琴",
    "敏",
    "静",
    "婷",
    "佳怡",
)
EDUCATION = ((21, "大学本科"), (31, "大专"), (41, "中专"), (61, "高中"), (71, "初中"))
MAJORS = ("行政管理", "农业经济管理", "会计", "法律事务", "园艺技术", "计算机应用")
ORIGINS = ("committee", "farmer", "returnee", "entrepreneur", "graduate", "jobless_graduate")
CATEGORIES = ("致富能手", "返乡青年", "退役军人", "大学毕业生", "专业合作社负责人")
OCCUPATIONS = ("种植大户", "合作社理事", "村级网格员", "个体经营", "乡村医生", "电商经营")
SENDERS = ("县财政局", "县农业农村局", "县教育局", "县水利局", "县自然资源局", "县市场监管局")
HONOURS = (
    (Commendation.Level.TOWNSHIP, "先进工作者", "镇党委"),
    (Commendation.Level.TOWNSHIP, "优秀共产党员", "镇党委"),
    (Commendation.Level.COUNTY, "县优秀党务工作者", "中共青禾县委"),
    (Commendation.Level.COUNTY, "县优秀村党组织书记", "中共青禾县委"),
    (Commendation.Level.CITY, "市优秀共产党员", "中共示范市委"),
)


def make_people(
    county: Unit,
    villages: Sequence[Unit],
    figures: Mapping[int, VillageFigures],
    *,
    recorder: Mapping[str, User],
    by: User,
    seed_number: int,
    today: date,
) -> int:
    """Teams, trainings, honours, residents and the reserve of villages where nobody is known yet. How many people.

    `recorder`: path of a township -> who keeps its rosters; `by` keeps what the county does.
    """
    if Person.objects.filter(unit__path__startswith=county.path).exists():
        return 0
    maker = PeopleMaker(county, today, random.Random(f"people {seed_number}"))
    townships = list(Unit.objects.filter(path__in=recorder).order_by("path"))
    with transaction.atomic():
        for township in townships:
            maker.party_workers(township)
        for village in villages:
            maker.village(village, figures[village.pk])
        maker.trainings(townships)
        maker.store()
        maker.tell(recorder, by)
        _set_elections(county, maker.next_election)
    return len(maker.people)


def _set_elections(county: Unit, day: date) -> None:
    Branch.objects.leading().filter(unit__path__startswith=county.path).update(next_election_on=day)


@dataclass
class Member:
    """Somebody in a team, with what is drawn about them."""

    person: Person
    posts: tuple[int, ...]
    since: date


@dataclass
class PeopleMaker:
    """Collects the rows of the whole county, so that each table is written at once."""

    county: Unit
    today: date
    rng: random.Random
    people: list[Person] = field(default_factory=list)
    rows: list[Model] = field(default_factory=list)
    """All but people, parents before children."""
    members: list[Member] = field(default_factory=list)
    workers: list[Person] = field(default_factory=list)
    reserve: list[ReserveCadre] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    @property
    def term_start(self) -> date:
        """Elections are held in the December before a year that a term of five years begins with."""
        last = self.today.year - 1 if self.today.month < 12 else self.today.year
        return date(last - (last - 2021) % TERM_YEARS, 12, 20)

    @property
    def next_election(self) -> date:
        return self.term_start.replace(year=self.term_start.year + TERM_YEARS)

    @property
    def former_start(self) -> date:
        return self.term_start.replace(year=self.term_start.year - TERM_YEARS)

    # --- Persons ------------------------------------------------------------------------------

    def person(self, unit: Unit, *, ages: tuple[int, int], is_member: float, **fields: Any) -> Person:
        """A new person of an age today; `is_member` is the chance of belonging to the Party."""
        rng = self.rng
        is_male = rng.random() < 0.7
        name = rng.choice(SURNAMES) + rng.choice(MALE_NAMES if is_male else FEMALE_NAMES)
        birth = date(self.today.year - rng.randint(*ages), rng.randint(1, 12), rng.randint(1, 28))
        code, words = self._education(self.today.year - birth.year)
        person = Person(
            unit=unit,
            name=name,
            initials=initials_of(name),
            gender="1" if is_male else "2",
            birth=PartialDate(birth.year, birth.month, birth.day),
            education=str(code),
            education_words=words,
            major=rng.choice(MAJORS) if code < 40 else "",
            phone=f"000{rng.randint(0, 99_999_999):08}",
            **fields,
        )
        self._identity(person, birth, is_male=is_male)
        self._party(person, birth, is_member)
        self.people.append(person)
        return person

    def _education(self, age: int) -> tuple[int, str]:
        weights = (30, 40, 14, 14, 2) if age < 36 else (12, 36, 16, 28, 8) if age < 51 else (2, 14, 12, 48, 24)
        return self.rng.choices(EDUCATION, weights)[0]

    def _identity(self, person: Person, birth: date, *, is_male: bool) -> None:
        """A number for nine of ten; of the others the day of birth is unknown."""
        if self.rng.random() < 0.1:
            person.birth = PartialDate(birth.year, birth.month)
            return
        serial = self.rng.randrange(int(is_male), 1000, 2)
        body = f"000000{birth:%Y%m%d}{serial:03}"
        number = body + check_character(body)
        if number not in self.numbers:
            self.numbers.add(number)
            person.identity_number, person.identity_index = number, keyed_index(number)

    def _party(self, person: Person, birth: date, is_member: float) -> None:
        if self.rng.random() >= is_member:
            person.political = self.rng.choice(("13", "13", "03")) if birth.year > self.today.year - 28 else "13"
            return
        earliest = max(birth.year + 20, self.today.year - 30)
        joined = date(self.rng.randint(earliest, max(earliest, self.today.year - 2)), self.rng.choice((6, 7, 12)), 1)
        is_probationary = joined > self.today - timedelta(days=365)
        person.political = "02" if is_probationary else "01"
        person.joined_on = PartialDate(joined.year, joined.month)
        if not is_probationary:
            person.full_member_on = PartialDate(joined.year + 1, joined.month)

    # --- Teams --------------------------------------------------------------------------------

    def party_workers(self, township: Unit) -> None:
        for _place in range(2):
            person = self.person(township, ages=(25, 45), is_member=1)
            start = date(self.today.year - self.rng.randint(1, 6), self.rng.choice((3, 9)), 1)
            self._posting(person, Post.PARTY_WORKER, start, change="new", mode=Posting.Mode.APPOINTED)
            self.workers.append(person)

    def village(self, village: Unit, figures: VillageFigures) -> None:
        posts = self._posts(figures)
        if self.rng.random() < 0.14 * (1.5 - figures.quality):
            self._left_vacant(village, posts.pop(0 if self.rng.random() < 0.06 else self.rng.randrange(2, len(posts))))
        team = [self._member(village, held) for held in posts]
        self._former(village)
        self._change_within_the_term(village, team)
        for member in team:
            self._honours(member, figures)
        self._first_secretary(village, figures)
        self._talents(village)
        for _place in range(self.rng.choices((0, 1, 2, 3), (12, 26, 42, 20))[0]):
            self._standing_reserve(village)
        self.members += team

    def _posts(self, figures: VillageFigures) -> list[tuple[int, ...]]:
        """Posts of each person of the team."""
        rng = self.rng
        posts: list[tuple[int, ...]]
        if rng.random() < 0.78:
            posts = [(Post.SECRETARY, Post.DIRECTOR)]
        else:
            posts = [(Post.SECRETARY,), (Post.DIRECTOR, Post.DEPUTY_SECRETARY)]
        if len(posts) == 1:
            posts.append((Post.DEPUTY_SECRETARY,))
        posts.append((Post.DEPUTY_DIRECTOR, Post.BRANCH_MEMBER) if rng.random() < 0.5 else (Post.DEPUTY_DIRECTOR,))
        posts.append((Post.BRANCH_MEMBER, Post.COMMITTEE_MEMBER) if rng.random() < 0.4 else (Post.COMMITTEE_MEMBER,))
        posts.append((Post.CLERK,) if rng.random() < 0.6 else (Post.CLERK, Post.COMMITTEE_MEMBER))
        if figures.population > 2600:
            posts.append((Post.SUPERVISION_HEAD,))
        return posts

    def _left_vacant(self, village: Unit, posts: tuple[int, ...]) -> None:
        """Posts that somebody left this year and nobody has followed in; seldom those of the secretary."""
        person = self.person(village, ages=(40, 62), is_member=0.9)
        last = self.today - timedelta(days=self.rng.randint(5, 200))
        ending = self.rng.choice((Posting.Ending.RESIGNED, Posting.Ending.AGE, Posting.Ending.PROMOTED))
        for post in posts:
            self._posting(person, post, self.term_start, change="new", ended_on=last, ending=ending)

    def _member(self, village: Unit, posts: tuple[int, ...]) -> Member:
        """In office since the election of this term; half served before, some of the new come from the reserve."""
        is_head = posts[0] in {Post.SECRETARY, Post.DIRECTOR}
        served = self.rng.random() < (0.65 if is_head else 0.45)
        person = self.person(
            village,
            ages=(36, 60) if served else (26, 52),
            is_member=1 if Post.SECRETARY in posts or is_head else 0.75,
            origin="committee" if served else self.rng.choice(ORIGINS[1:]),
        )
        moved = served and self.rng.random() < 0.4
        change = "moved" if moved else "continuing" if served else "new"
        if served:
            self._served_before(person, posts, moved=moved)
        elif self.rng.random() < 0.42:
            self._promoted_reserve(person)
        mode = Posting.Mode.HIRED if posts == (Post.CLERK,) else Posting.Mode.ELECTED
        document = self._document()
        for post in posts:
            self._posting(person, post, self.term_start, change=change, mode=mode, document=document)
        person.resume = self._resume(person, village, since=self.former_start if served else self.term_start)
        return Member(person, posts, self.term_start)

    def _served_before(self, person: Person, posts: tuple[int, ...], *, moved: bool) -> None:
        former = (self.rng.choice((Post.COMMITTEE_MEMBER, Post.BRANCH_MEMBER, Post.CLERK)),) if moved else posts
        ending = Posting.Ending.MOVED if moved else Posting.Ending.TERM_END
        for post in former:
            self._posting(person, post, self.former_start, ended_on=self._eve(self.term_start), ending=ending)

    def _former(self, village: Unit) -> None:
        """People of the last term who are no longer in a post."""
        posts = self.rng.sample((Post.SECRETARY, Post.DEPUTY_DIRECTOR, Post.COMMITTEE_MEMBER), self.rng.randint(1, 2))
        for post in posts:
            person = self.person(village, ages=(56, 68), is_member=0.9)
            ending = self.rng.choice((Posting.Ending.AGE, Posting.Ending.TERM_END, Posting.Ending.RESIGNED))
            self._posting(person, post, self.former_start, ended_on=self._eve(self.term_start), ending=ending)

    def _change_within_the_term(self, village: Unit, team: list[Member]) -> None:
        """In one of eight villages somebody left during the term and another followed."""
        if self.rng.random() > 0.125:
            return
        since = self._day_between(self.term_start + timedelta(days=200), self.today - timedelta(days=30))
        person = self.person(village, ages=(27, 42), is_member=0.8, origin="returnee")
        self._posting(person, Post.COMMITTEE_MEMBER, since, change="new", mode=Posting.Mode.APPOINTED)
        leaver = self.person(village, ages=(40, 60), is_member=0.8)
        ending = self.rng.choice((Posting.Ending.RESIGNED, Posting.Ending.PROMOTED, Posting.Ending.DISMISSED))
        self._posting(
            leaver, Post.COMMITTEE_MEMBER, self.term_start, change="new", ended_on=self._eve(since), ending=ending
        )
        team.append(Member(person, (Post.COMMITTEE_MEMBER,), since))

    def _posting(self, person: Person, post: int, since: date, **fields: Any) -> None:
        started = PartialDate(since.year, since.month, since.day if since.day != 1 else None)
        self.rows.append(Posting(person=person, unit=person.unit, post=post, started_on=started, **fields))

    def _resume(self, person: Person, village: Unit, *, since: date) -> str:
        birth = person.birth.first_day.year if person.birth else since.year - 30
        work = f"{birth + 19}.09—{since.year}.{since.month:02}　{self.rng.choice(('务农', '外出务工', '个体经营'))}"
        return f"{work}\n{since.year}.{since.month:02}—　　　　　在{village.name}任职"

    def _document(self) -> str:
        return f"青组干〔{self.term_start.year}〕{self.rng.randint(20, 90)} 号"

    def _day_between(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randint(0, max(0, (last - first).days)))

    @staticmethod
    def _eve(day: date) -> date:
        return day - timedelta(days=1)

    # --- Honours, residents, talents ----------------------------------------------------------

    def _honours(self, member: Member, figures: VillageFigures) -> None:
        if self.rng.random() < figures.quality * 0.3:
            level, title, awarded_by = self.rng.choice(HONOURS)
            day = date(self.rng.randint(self.term_start.year + 1, self.today.year), 6, 28)
            if day <= self.today:
                self.rows.append(
                    Commendation(person=member.person, title=title, level=level, awarded_by=awarded_by, awarded_on=day)
                )
        if self.rng.random() < 0.015:
            day = self._day_between(self.today - timedelta(days=500), self.today - timedelta(days=100))
            self.rows.append(
                DisciplineAction(
                    person=member.person,
                    kind=DisciplineAction.Kind.REMINDER,
                    decided_on=day,
                    decided_by="镇党委",
                    reason="重点工作推进不力",
                )
            )

    def _first_secretary(self, village: Unit, figures: VillageFigures) -> None:
        if self.rng.random() > 0.55 - figures.quality * 0.4:
            return
        sender = self.rng.choice(SENDERS)
        person = self.person(village, ages=(30, 50), is_member=1, remark=f"{sender}选派", is_seconded=True)
        since = date(self.today.year - self.rng.randint(1, 2), 5, 10)
        stay = Residency(
            person=person, unit=village, role=Residency.Role.FIRST_SECRETARY, sent_by=sender, started_on=since
        )
        self.rows.append(stay)
        day = self._day_between(since + timedelta(days=30), self.today - timedelta(days=10))
        self.rows.append(
            ResidentLeave(
                residency=stay,
                begins_on=day,
                ends_on=day + timedelta(days=2),
                reason="回原单位办理工作交接",
                approved_by="镇党委书记",
            )
        )
        checked = self._day_between(self.today - timedelta(days=120), self.today - timedelta(days=1))
        self.rows.append(SpotCheck(residency=stay, checked_on=checked, was_present=self.rng.random() < 0.94))

    def _talents(self, village: Unit) -> None:
        if self.rng.random() < 0.3:
            person = self.person(village, ages=(24, 45), is_member=0.4)
            self.rows.append(
                Talent(
                    person=person,
                    kind=self.rng.choice(Talent.Kind.values),
                    field=self.rng.choice(("果蔬种植", "农产品电商", "乡村旅游", "畜禽养殖", "农机服务")),
                    contact="村党组织书记",
                    consented_on=self._day_between(self.today - timedelta(days=700), self.today),
                )
            )

    # --- Reserve ------------------------------------------------------------------------------

    def _promoted_reserve(self, person: Person) -> None:
        """The way from stock to office, with its dates, of somebody who took office at the election."""
        entered = self._day_between(self.former_start + timedelta(days=400), self.term_start - timedelta(days=500))
        entry = self._entry(person, entered, Stage.PROMOTED)
        entry.left_on, entry.exit_reason = self.term_start, ReserveCadre.ExitReason.PROMOTED
        self._steps(entry, entered, [*self._way_to(Stage.TRAINING), Stage.PROMOTED], last=self.term_start)

    def _standing_reserve(self, village: Unit) -> None:
        person = self.person(village, ages=(23, 47), is_member=0.62, origin=self.rng.choice(ORIGINS[1:]))
        stage = self.rng.choices((Stage.NOMINATED, Stage.REVIEWED, Stage.ON_RECORD, Stage.TRAINING), (6, 8, 36, 50))[0]
        is_new = stage in {Stage.NOMINATED, Stage.REVIEWED}
        days = (10, 100) if is_new else (200, 1500)
        entered = self.today - timedelta(days=self.rng.randint(*days))
        entry = self._entry(person, entered, stage)
        self._steps(entry, entered, self._way_to(stage), last=None)
        if stage == Stage.TRAINING:
            self.reserve.append(entry)
            for year in range(entered.year + 1, self.today.year):
                grade = self.rng.choices(ReserveAssessment.Grade.values, (20, 76, 4))[0]
                self.rows.append(ReserveAssessment(entry=entry, year=year, grade=grade))

    def _entry(self, person: Person, entered: date, stage: Stage) -> ReserveCadre:
        entry = ReserveCadre(
            person=person,
            unit=person.unit,
            stage=stage,
            occupation=self.rng.choice(OCCUPATIONS),
            category=self.rng.choice(CATEGORIES),
            intended_post=self.rng.choice(("村党组织书记", "村委会副主任", "村两委委员")),
            mentor=self.rng.choice(("村党组织书记", "镇组织委员", "驻村第一书记")),
            recommended_by=self.rng.choice(("党员推荐", "群众推荐", "组织推荐", "个人自荐")),
            training_plan="跟班学习三个月，参与一项中心工作" if stage == Stage.TRAINING else "",
            entered_on=PartialDate(entered.year, entered.month, entered.day),
        )
        self.rows.append(entry)
        return entry

    @staticmethod
    def _way_to(stage: Stage) -> list[Stage]:
        way = [Stage.NOMINATED, Stage.REVIEWED, Stage.ON_RECORD, Stage.TRAINING]
        return way[: way.index(stage) + 1]

    def _steps(self, entry: ReserveCadre, entered: date, way: list[Stage], *, last: date | None) -> None:
        self.rows.append(ReserveStep(entry=entry, to_stage=way[0], on=entered))
        day = entered
        for before, stage in pairwise(way):
            day = last if last and stage == way[-1] else min(self.today, day + timedelta(days=self.rng.randint(8, 40)))
            self.rows.append(ReserveStep(entry=entry, from_stage=before, to_stage=stage, on=day))

    # --- Trainings ----------------------------------------------------------------------------

    def trainings(self, townships: Sequence[Unit]) -> None:
        heads = [m.person for m in self.members if m.posts[0] in {Post.SECRETARY, Post.DIRECTOR}]
        fresh = [m.person for m in self.members if m.person.origin != "committee" and m.since == self.term_start]
        self._training(
            self.county, "新任村干部任职培训", Training.Kind.NEW_CADRES, self.term_start + timedelta(days=60), 3, fresh
        )
        for year in (self.today.year - 2, self.today.year - 1, self.today.year):
            self._training(
                self.county, "村党组织书记、村委会主任轮训班", Training.Kind.HEADS, date(year, 9, 14), 4, heads
            )
            self._training(
                self.county, "乡镇党务工作者培训班", Training.Kind.PARTY_WORKERS, date(year, 4, 16), 3, self.workers
            )
            for township in townships:
                self._township_trainings(township, year)

    def _township_trainings(self, township: Unit, year: int) -> None:
        team = [m.person for m in self.members if m.person.unit.path.startswith(township.path)]
        reserve = [entry.person for entry in self.reserve if entry.unit.path.startswith(township.path)]
        self._training(township, "集体经济经营专题", Training.Kind.CADRES, date(year, 5, 20), 1, team)
        self._training(township, "基层治理与应急处置", Training.Kind.CADRES, date(year, 3, 11), 2, team)
        self._training(township, "后备干部跟班学习", Training.Kind.SHADOWING, date(year, 7, 6), 5, reserve)

    def _training(
        self, unit: Unit, title: str, kind: Training.Kind, day: date, days: int, people: Sequence[Person]
    ) -> None:
        last = day + timedelta(days=days - 1)
        if last > self.today:
            return
        hours = Decimal(8 * days)
        organiser = "县委组织部" if unit == self.county else f"{unit.name}党委"
        training = Training(
            unit=unit, title=title, kind=kind, organiser=organiser, held_on=day, ends_on=last, hours=hours
        )
        self.rows.append(training)
        for person in people:
            result = self.rng.choices(Attendance.Result.values, (92, 2, 4, 2))[0]
            came = result == Attendance.Result.COMPLETED
            attended = hours if came else hours / 2 if result == Attendance.Result.NOT_COMPLETED else Decimal(0)
            self.rows.append(Attendance(training=training, person=person, result=result, hours=attended))

    # --- Writing ------------------------------------------------------------------------------

    def store(self) -> None:
        """One insert for each batch of each table."""
        Person.objects.bulk_create(self.people, batch_size=BATCH)
        by_model: dict[type[Model], list[Model]] = {}
        for row in self.rows:
            by_model.setdefault(type(row), []).append(row)
        for model, rows in by_model.items():
            model._base_manager.bulk_create(rows, batch_size=BATCH)
        self._set_approved_posts()

    def _set_approved_posts(self) -> None:
        """Five posts for most villages, six for the largest (handbook 1.2)."""
        cards = list(Village.objects.filter(unit__path__startswith=self.county.path, population__gt=2600))
        for card in cards:
            card.approved_post_count = 6
        Village.objects.bulk_update(cards, ["approved_post_count"], batch_size=BATCH)

    def tell(self, recorder: Mapping[str, User], by: User) -> None:
        """One event for each row; a training tells how many were due instead of an event for each of them."""
        due: dict[int, int] = {}
        for row in self.rows:
            if isinstance(row, Attendance):
                due[row.training_id] = due.get(row.training_id, 0) + 1
        quiet = (Attendance, ReserveStep)
        told: list[Model] = [*self.people, *(row for row in self.rows if not isinstance(row, quiet))]
        audit.record_many(
            audit.Entry(
                event=f"cadres.add_{row._meta.model_name}",
                actor=recorder.get(path[: 4 * STEP], by),
                target=row,
                unit=path,
                changes={"attendances": due.get(row.pk, 0)} if isinstance(row, Training) else {},
            )
            for row in told
            for path in [_path_of(row)]
        )


def _path_of(row: Any) -> str:
    """The path of the unit to which a row belongs, by its `scope_path`."""
    value = row
    for name in row.scope_path.split("__"):
        value = getattr(value, name)
    return str(value)
