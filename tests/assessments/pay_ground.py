"""A county with people in post, flags, approved rates and rules of pay, and who prepares, signs and approves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from accounts.roles import Role
from assessments.models import FlagAward, FlagRound, PayRules, PaySheet, UpliftRate
from assessments.services.pay import approve_sheets, prepare_sheets, sign_sheet
from assessments.services.pay_settling import Report, export_sheet, read_back
from branches.models import Unit, Village
from cadres import codes
from cadres.models import Person, Posting
from imports.dates import PartialDate
from tests.assessments.flag_ground import make_award, make_round
from tests.conftest import make_user

JULY = date(2026, 7, 1)
OTHER_POSTS = [codes.DEPUTY_SECRETARY, codes.DEPUTY_DIRECTOR, codes.BRANCH_MEMBER, codes.COMMITTEE_MEMBER]
REFERENCE = {"secretary": "500", "director": "400", "other": "300"}
LONG_AGO = PartialDate(2021, 12)
POSTS = (codes.SECRETARY, codes.DIRECTOR, codes.BRANCH_MEMBER)


@dataclass
class Cast:
    """Who takes part. `signers` by name of the township."""

    staff: User
    colleague: User
    leader: User
    signers: dict[str, User]


def make_cast(county: Unit) -> Cast:
    signers = {
        unit.name: make_user(f"{unit.name}书记", Role.TS, unit) for unit in Unit.objects.under(county.path).townships()
    }
    return Cast(
        staff=make_user("工资经办", Role.CS, county),
        colleague=make_user("工资复核", Role.CS, county),
        leader=make_user("工资审批", Role.CL, county),
        signers=signers,
    )


def somebody(name: str) -> User:
    return User.objects.filter(username=name).first() or make_user(name)


def make_rates(
    county: Unit,
    amounts: dict[str, str] | None = None,
    *,
    valid_from: date = date(2026, 1, 1),
    kind: str = "monthly",
    code: str = "",
) -> list[UpliftRate]:
    """Approved rates, those of the reference district unless told otherwise."""
    return [
        UpliftRate.objects.create(
            unit=county,
            path=county.path,
            kind=kind,
            role_group=group,
            code=code,
            amount=Decimal(amount),
            valid_from=valid_from,
            document="青组发〔2026〕3 号",
            entered_by=somebody("录标准人"),
            approved_by=somebody("批标准人"),
            approved_at=datetime(2026, 1, 5, tzinfo=UTC),
        )
        for group, amount in (amounts or REFERENCE).items()
    ]


def make_rules(county: Unit, *, valid_from: date = date(2026, 1, 1), **fields: Any) -> PayRules:
    """Approved rules by default of the handbook."""
    return PayRules.objects.create(
        unit=county,
        path=county.path,
        valid_from=valid_from,
        document="青组发〔2026〕3 号",
        entered_by=somebody("录标准人"),
        approved_by=somebody("批标准人"),
        approved_at=datetime(2026, 1, 5, tzinfo=UTC),
        **{
            "other_posts": OTHER_POSTS,
            "grade_shares": {"excellent": "1.2", "competent": "1", "basically_competent": "0.8"},
            "budget": Decimal("50000"),
            **fields,
        },
    )


def village(name: str) -> Unit:
    return Unit.objects.get(name=name)


def make_holder(unit: Unit, name: str, *posts: int, since: PartialDate | None = LONG_AGO, **fields: Any) -> Person:
    """Somebody in these posts."""
    person = Person.objects.create(unit=unit, name=name)
    for post in posts:
        Posting.objects.create(person=person, unit=unit, post=post, started_on=since, **fields)
    return person


def make_people(county: Unit, approved: int = 5) -> None:
    """A secretary, a director and a member in each village, and its card."""
    for unit in Unit.objects.under(county.path).villages():
        Village.objects.get_or_create(unit=unit, defaults={"approved_post_count": approved})
        for post, word in zip(POSTS, ("书记", "主任", "委员"), strict=True):
            make_holder(unit, f"{unit.name}{word}", post)


@dataclass
class Ground:
    county: Unit
    cast: Cast
    round: FlagRound
    awards: dict[str, FlagAward]
    """By "东一村 F1"."""


def make_ground(county: Unit, held: str = "东一村 F1, 东一村 F3, 西一村 F1", **round_fields: Any) -> Ground:
    """Flags paid from July to December; 东一村 is paid 2 × 1 200, 西一村 1 200 yuan a month."""
    make_people(county)
    make_rates(county)
    make_rules(county)
    row = make_round(county, **round_fields)
    awards = {}
    for words in held.split(", "):
        name, code = words.split()
        awards[words] = make_award(row, village(name), code)
    return Ground(county, make_cast(county), row, awards)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def prepare(ground: Ground, month: date, day: date | None = None) -> list[PaySheet]:
    return prepare_sheets(ground.county, month, by=ground.cast.staff, now=noon(day or month + timedelta(days=4)))


def signed(ground: Ground, sheet: PaySheet) -> PaySheet:
    return sign_sheet(
        sheet, version=sheet.version, by=ground.cast.signers[sheet.unit.name], now=noon(sheet.month + timedelta(days=5))
    )


def approved(ground: Ground, sheet: PaySheet) -> PaySheet:
    sheet = signed(ground, sheet)
    (done,) = approve_sheets(
        {sheet.pk: sheet.version}, by=ground.cast.leader, now=noon(sheet.month + timedelta(days=6))
    )
    return done


def exported(ground: Ground, sheet: PaySheet) -> PaySheet:
    sheet = approved(ground, sheet)
    day = noon(sheet.month + timedelta(days=7))
    return export_sheet(sheet, version=sheet.version, by=ground.cast.staff, now=day)


def run_month(ground: Ground, month: date) -> list[PaySheet]:
    """Prepared, signed, approved and with the finance office."""
    return [exported(ground, sheet) for sheet in prepare(ground, month)]


def all_paid(sheet: PaySheet, day: date) -> list[Report]:
    return [
        Report(line.number, is_paid=True, on=day, cents=line.amount_cents)
        for line in sheet.lines.exclude(amount_cents=0)
    ]


def settle(ground: Ground, sheet: PaySheet) -> PaySheet:
    day = sheet.month + timedelta(days=14)
    reports = all_paid(sheet, day)
    return read_back(sheet, reports, sheet.total_cents, by=ground.cast.staff, now=noon(day))
