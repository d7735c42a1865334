"""Builds the demo county: places, accounts, scheme, figures, months."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.roles import Role
from assessments.models import Scheme
from assessments.services.schemes import change_scheme, load_seed_scheme, publish_scheme
from branches.divisions import Division
from branches.models import Branch, Membership, Unit, Village, VillageClass
from branches.services.divisions import load_divisions
from branches.services.units import ensure_leading_branches
from config.demo.county import VillageFigures, division_rows, invent_figures
from config.demo.economy import make_economy
from config.demo.flags import FlagCast, make_flags
from config.demo.life import make_life
from config.demo.months import Cast, MonthMaker
from config.demo.pay import make_pay
from config.demo.people import make_people
from config.demo.projects import EconomyCast
from config.demo.year import YearCast, make_year

PASSWORD = "Shifan-58-Portal"
"""Of every demo account; the portal says on each page that its data is invented."""

FIRST_DAY = date(2020, 1, 1)
MOST_MONTHS = 36
SECRETARIES = [
    "何秀云",
    "赵永平",
    "郭文斌",
    "罗建华",
    "高玉兰",
    "邓永红",
    "许国强",
    "曹秀英",
    "彭志远",
    "曾丽萍",
    "田维新",
    "董春生",
    "袁桂芳",
    "潘建军",
    "于文涛",
    "蒋海霞",
    "蔡明德",
    "余秋菊",
    "杜国平",
    "叶晓兰",
]
"""Of the other townships; nobody has the name of an account shown to who tries the portal."""
ACCOUNTS = (
    ("county_staff", "xianwei", Role.CS, "林晓"),
    ("county_leader", "buzhang", Role.CL, "陈立新"),
    ("township_secretary", "xiangzhen", Role.TS, "周明远"),
    ("economy_officer", "jingji", Role.CE, "吴建国"),
    ("inspector", "jijian", Role.RI, "郑海燕"),
    ("system_admin", "xitong", Role.SA, "王志强"),
    ("auditor", "shenji", Role.AU, "刘春梅"),
)
"""Key in the command's answer, user name, role, invented name."""
FLAG_ACCOUNTS = (
    ("township_member", "zuwei", Role.TS, "孙丽华", ""),
    ("party_department", "zuzhike", Role.LD, "马国栋", "F1"),
    ("agriculture_department", "nongye", Role.LD, "朱晓东", "F2, F3, F4"),
    ("law_department", "zhengfa", Role.LD, "胡桂英", "F5"),
)
"""Who else takes part in a round of flags: the township's organization member, who applies, and the lead departments.

Key, user name, role, invented name, flags led.
"""


@dataclass
class Report:
    county: str = ""
    months: list[str] = field(default_factory=list)
    open_month: str | None = None
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    flag_accounts: dict[str, dict[str, str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "county": self.county,
            "months": self.months,
            "open_month": self.open_month,
            "accounts": self.accounts,
            "flag_accounts": self.flag_accounts,
        }


def seed(*, county_code: str, months: int, seed_number: int, accounts_only: bool, now: datetime) -> Report:
    """Make the demo county, or make a loaded county lively. Raises CommandError where it cannot.

    The same seed gives the same people and figures.
    """
    rng = random.Random(seed_number)
    county = _county(county_code, rng)
    report = Report(county=county.code or county.name)
    townships = list(Unit.objects.under(county.path).townships().filter(valid_to__isnull=True).order_by("path"))
    if not townships:
        raise CommandError(f"{county.name} has no townships: load its divisions first.")
    shown = _shown_township(townships)
    users = _accounts(county, shown, report, now)
    if accounts_only or months == 0:
        return report
    secretaries = _secretaries(townships, shown, users, now)
    villages = list(Unit.objects.under(county.path).villages().filter(valid_to__isnull=True).order_by("path"))
    figures = invent_figures(villages, rng)
    _furnish(county, villages, figures, users["county_staff"])
    make_people(
        county,
        villages,
        figures,
        recorder=secretaries,
        by=users["county_staff"],
        seed_number=seed_number,
        today=timezone.localdate(now),
    )
    economy = EconomyCast(users["economy_officer"], users["county_staff"], users["county_leader"], secretaries)
    make_economy(county, shown, villages, figures, economy, seed_number=seed_number, now=now)
    span = _months(months, timezone.localdate(now))
    _scheme(county, span[0], users, now)
    maker = MonthMaker(county, Cast(users["county_staff"], users["county_leader"], secretaries), figures, rng)
    branches = list(Branch.objects.leading().filter(unit__path__startswith=county.path).select_related("unit"))
    for month in _with_two_before(span):
        make_life(branches, figures, month, timezone.localdate(now), recorder=secretaries, rng=rng)
    for month in span[:-1]:
        maker.published(month)
    maker.open(span[-1], left_open=shown, now=now)
    members = _members(townships, shown, users, now)
    make_flags(county, villages, figures, FlagCast(users, members, secretaries), now=now)
    make_pay(county, users, secretaries, now=now)
    departments = [users[key] for key in ("party_department", "agriculture_department", "law_department")]
    cast = YearCast(users["county_staff"], users["county_leader"], departments, secretaries)
    make_year(county, shown, cast, seed_number=seed_number, now=now)
    report.months = [f"{month:%Y-%m}" for month in span]
    report.open_month = f"{span[-1]:%Y-%m}"
    return report


# --- Places -----------------------------------------------------------------------------------


def _county(code: str, rng: random.Random) -> Unit:
    if code:
        county = Unit.objects.counties().filter(code=code).first()
        if county is None:
            raise CommandError(f"No county has the code {code}: load its divisions first (load_divisions).")
        return county
    rows = division_rows(rng)
    load_divisions([Division(code, name) for code, _kind, name in rows], FIRST_DAY, source="demo")
    return Unit.objects.get(code="990101")


def _shown_township(townships: list[Unit]) -> Unit:
    """The township of the demo secretary: 松岭镇 with its 16 villages, else the one whose size is nearest to that."""
    named = next((unit for unit in townships if unit.name == "松岭镇"), None)
    return named or min(townships, key=lambda unit: (abs(unit.numchild - 16), unit.path))


def _furnish(county: Unit, villages: list[Unit], figures: Mapping[int, VillageFigures], by: User) -> None:
    """Cards, classes and leading branches of the villages that have none yet."""
    known = set(VillageClass.objects.filter(unit__path__startswith=county.path).values_list("unit_id", flat=True))
    fresh = [village for village in villages if village.pk not in known]
    with transaction.atomic():
        made = VillageClass.objects.bulk_create(
            [
                VillageClass(unit=unit, kind=figures[unit.pk].kind, band=figures[unit.pk].band, valid_from=FIRST_DAY)
                for unit in fresh
            ],
            batch_size=500,
        )
        cards = list(Village.objects.filter(unit__in=fresh))
        for card in cards:
            one = figures[card.unit_id]
            card.population, card.household_count, card.member_count = one.population, one.households, one.members
            card.dues_member_count = one.members
            card.representative_count = max(20, one.households // 12)
            card.group_count = max(3, one.population // 180)
        fields = [
            "population",
            "household_count",
            "member_count",
            "dues_member_count",
            "representative_count",
            "group_count",
        ]
        Village.objects.bulk_update(cards, fields, batch_size=200)
        audit.record_many(
            audit.Entry(
                event="branches.classify_village",
                actor=by,
                target=row,
                unit=row.unit,
                changes={"kind": [None, row.kind]},
            )
            for row in made
        )
    ensure_leading_branches(county, by=by)
    branches = list(Branch.objects.leading().filter(unit__path__startswith=county.path, member_count__isnull=True))
    for branch in branches:
        branch.member_count = figures[branch.unit_id].members
    Branch.objects.bulk_update(branches, ["member_count"], batch_size=200)


# --- People -----------------------------------------------------------------------------------


def _accounts(county: Unit, shown: Unit, report: Report, now: datetime) -> dict[str, User]:
    """One account for each role; the system administrator proposes the roles, the others confirm each other's."""
    users: dict[str, User] = {}
    for key, username, _role, name in ACCOUNTS:
        users[key] = demo_user(username, name, now)
        report.accounts[key] = {"user": username, "password": PASSWORD}
    for key, _username, role, _name in ACCOUNTS:
        confirmer = users["county_leader"] if key != "county_leader" else users["county_staff"]
        give_role(users[key], role, shown if role == Role.TS else county, users["system_admin"], confirmer, now)
    for key, username, role, name, subjects in FLAG_ACCOUNTS:
        users[key] = demo_user(username, name, now)
        report.flag_accounts[key] = {"user": username, "password": PASSWORD}
        unit = shown if role == Role.TS else county
        give_role(users[key], role, unit, users["system_admin"], users["county_leader"], now, subjects)
    # Who confirmed before being confirmed has kept that there was no role yet: the accounts are read anew.
    found = User.objects.in_bulk([user.pk for user in users.values()])
    return {key: found[user.pk] for key, user in users.items()}


def _secretaries(townships: list[Unit], shown: Unit, users: dict[str, User], now: datetime) -> dict[str, User]:
    secretaries = {shown.path: users["township_secretary"]}
    for number, township in enumerate(unit for unit in townships if unit.pk != shown.pk):
        user = demo_user(f"xiangzhen{number + 2:02}", SECRETARIES[number % len(SECRETARIES)], now)
        give_role(user, Role.TS, township, users["system_admin"], users["county_leader"], now)
        secretaries[township.path] = user
    return secretaries


def _members(townships: list[Unit], shown: Unit, users: dict[str, User], now: datetime) -> dict[str, User]:
    """The organization member of each township, who applies for flags; the secretary reviews."""
    members = {shown.path: users["township_member"]}
    for number, township in enumerate(unit for unit in townships if unit.pk != shown.pk):
        user = demo_user(f"zuwei{number + 2:02}", SECRETARIES[(number + 5) % len(SECRETARIES)], now)
        give_role(user, Role.TS, township, users["system_admin"], users["county_leader"], now)
        members[township.path] = user
    return members


@transaction.atomic
def demo_user(username: str, name: str, now: datetime) -> User:
    """The account of that name, made with the demo password where it is not there yet."""
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User(username=username, name=name, must_change_password=False, password_changed_at=now)
        user.set_password(PASSWORD)
        user.save()
        audit.record("accounts.add_user", actor=None, target=user, changes={"username": [None, username]})
    return user


@transaction.atomic
def give_role(
    user: User, role: Role, unit: Unit, proposer: User, confirmer: User, now: datetime, subjects: str = ""
) -> None:
    if Membership.objects.filter(user=user, role=role, unit=unit).exists():
        return
    membership = Membership.objects.create(
        user=user,
        role=role,
        unit=unit,
        subjects=subjects,
        valid_from=FIRST_DAY,
        valid_to=date(now.year + 1, 12, 31) if role == Role.RI else None,
        proposed_by=None if user == proposer else proposer,
        confirmed_by=confirmer,
        confirmed_at=now,
    )
    audit.record("branches.confirm_membership", actor=confirmer, target=membership, unit=unit, changes={"role": role})


# --- Scheme and months ------------------------------------------------------------------------


def _scheme(county: Unit, first_month: date, users: dict[str, User], now: datetime) -> None:
    """The handbook's scheme, published for the first month of the demonstration, unless a scheme holds already."""
    if Scheme.objects.filter(unit=county, state=Scheme.State.PUBLISHED).exists():
        return
    staff = users["county_staff"]
    moment = timezone.make_aware(datetime(first_month.year, first_month.month, 1)) - timedelta(days=40)
    draft = load_seed_scheme(county, by=staff, number=f"{first_month.year}-1", now=moment)

    def name_documents(layout: dict[str, Any]) -> None:
        layout["document"] = f"青组发〔{first_month.year}〕8 号"
        layout["catalogue_number"] = "ZZ-01"
        layout["owner"] = "组织科"

    change_scheme(draft, name_documents, version=draft.version, by=staff, now=moment)
    draft.refresh_from_db()
    publish_scheme(draft, by=staff, first_month=first_month, now=moment)


def _months(count: int, today: date) -> list[date]:
    """`count` months up to the one being entered: this month from the 25th on, last month before (handbook 9.1)."""
    last = today.replace(day=1)
    if today.day < 25:
        last = (last - timedelta(days=1)).replace(day=1)
    months = [last]
    while len(months) < count:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def _with_two_before(months: list[date]) -> list[date]:
    """Meetings within the last three months count, so two months before the first have records too."""
    first = months[0]
    before: list[date] = []
    for _count in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
        before.insert(0, first)
    return [*before, *months]
