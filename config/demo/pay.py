"""Pay of the demo county: the reference district's rates, and a sheet for every month in which flags are paid.

Through the services. Earlier months are settled, with two corrections in between; the last one waits at every step.
Where no flag has been awarded there is nothing to pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from assessments.models import FlagAward, PayRules, PaySheet
from assessments.services.pay import approve_sheets, prepare_sheets, sign_sheet
from assessments.services.pay_settling import Report, export_sheet, read_back
from assessments.services.pay_terms import NewRate, NewRules, approve_rates, approve_rules, enter_rates, enter_rules
from branches.models import Unit
from branches.months import after
from cadres import codes
from cadres.models import Person, Posting
from cadres.services.people import add_person
from cadres.services.postings import appoint, end_posting
from imports.dates import PartialDate

OTHER_POSTS = (codes.DEPUTY_SECRETARY, codes.DEPUTY_DIRECTOR, codes.BRANCH_MEMBER, codes.COMMITTEE_MEMBER)
RATES = {"secretary": 500, "director": 400, "other": 300}
YEARLY = {"secretary": 12_000, "director": 10_000, "other": 8_000}
BUDGET = Decimal(3_600_000)
FAILED_LINE = 3
LATE_MEMBER = "柳新春"


def make_pay(county: Unit, users: Mapping[str, User], secretaries: Mapping[str, User], *, now: datetime) -> None:
    """Rates, rules and sheets from the first month that pays a flag to the month of `now`."""
    firsts = FlagAward.objects.filter(path__startswith=county.path, approved_by__isnull=False)
    begins = firsts.order_by("pay_from").values_list("pay_from", flat=True).first()
    if begins is None or PayRules.objects.filter(unit=county).exists():
        return
    maker = _PayMaker(county, users, secretaries, now)
    maker.terms(begins.replace(month=1, day=1))
    months = []
    month = begins
    while month <= timezone.localdate(now):
        months.append(month)
        month = after(month)
    for place, month in enumerate(months):
        sheets = maker.prepared(month)
        if place < len(months) - 1:
            maker.settled(sheets, month)
        else:
            maker.waiting(sheets)
        if place == 1:
            maker.somebody_left_earlier(month)
        if place == 2:
            maker.somebody_came_earlier(month)


class _PayMaker:
    def __init__(self, county: Unit, users: Mapping[str, User], secretaries: Mapping[str, User], now: datetime) -> None:
        self.county, self.secretaries, self.now = county, secretaries, now
        self.staff, self.leader = users["county_staff"], users["county_leader"]
        self.village_left: Unit | None = None

    def at(self, day: date) -> datetime:
        """Ten o'clock on that day, never after the day of the demonstration."""
        return min(timezone.make_aware(datetime.combine(day, time(10))), self.now)

    def terms(self, first: date) -> None:
        document = f"青组发〔{first.year}〕12 号"
        rules = NewRules(
            other_posts=OTHER_POSTS,
            grade_shares={
                "excellent": Decimal("1.2"),
                "competent": Decimal(1),
                "basically_competent": Decimal("0.8"),
                "incompetent": Decimal(0),
            },
            budget=BUDGET,
        )
        approve_rules(
            enter_rules(self.county, rules, first, document, by=self.staff), by=self.leader, now=self.at(first)
        )
        rates = [NewRate(role_group=group, amount=Decimal(yuan)) for group, yuan in RATES.items()]
        rates += [NewRate(kind="performance", role_group=group, amount=Decimal(yuan)) for group, yuan in YEARLY.items()]
        made = enter_rates(self.county, rates, first, document, by=self.staff)
        approve_rates([row.pk for row in made], by=self.leader, now=self.at(first))

    # --- Steps of a month -----------------------------------------------------------------

    def prepared(self, month: date) -> list[PaySheet]:
        return prepare_sheets(self.county, month, by=self.staff, now=self.at(month + timedelta(days=4)))

    def settled(self, sheets: Sequence[PaySheet], month: date) -> None:
        self.approved([self.signed(sheet) for sheet in sheets])
        for sheet in PaySheet.objects.filter(pk__in=[sheet.pk for sheet in sheets]).order_by("path"):
            done = export_sheet(sheet, version=sheet.version, by=self.staff, now=self.at(month + timedelta(days=8)))
            reports = self.reports(done, month + timedelta(days=13))
            read_back(done, reports, done.total_cents, by=self.staff, now=self.at(month + timedelta(days=15)))

    def signed(self, sheet: PaySheet) -> PaySheet:
        by = self.secretaries[sheet.path]
        return sign_sheet(sheet, version=sheet.version, by=by, now=self.at(sheet.month + timedelta(days=5)))

    def approved(self, sheets: Sequence[PaySheet]) -> None:
        if sheets:
            versions = {sheet.pk: sheet.version for sheet in sheets}
            approve_sheets(versions, by=self.leader, now=self.at(sheets[0].month + timedelta(days=7)))

    def reports(self, sheet: PaySheet, day: date, *, is_first_failed: bool = False) -> list[Report]:
        lines = list(sheet.lines.exclude(amount_cents=0).order_by("number"))
        return [
            Report(line.number, is_paid=False, on=day, reason="银行卡号与户名不符")
            if is_first_failed and place == FAILED_LINE
            else Report(line.number, is_paid=True, on=day, cents=line.amount_cents)
            for place, line in enumerate(lines)
        ]

    def waiting(self, sheets: Sequence[PaySheet]) -> None:
        """A quarter each: a draft, signed, approved, with the finance office; there one payment has failed."""
        month_sheets = sorted(sheets, key=lambda sheet: sheet.path)
        quarter = max(1, len(month_sheets) // 4)
        later = [self.signed(sheet) for sheet in month_sheets[quarter:]]
        self.approved(later[quarter:])
        handed = [sheet.pk for sheet in later[2 * quarter :]]
        for place, sheet in enumerate(PaySheet.objects.filter(pk__in=handed).order_by("path")):
            day = self.at(sheet.month + timedelta(days=8))
            done = export_sheet(sheet, version=sheet.version, by=self.staff, now=day)
            if place == 0:
                paid_on = timezone.localdate(day)
                reports = self.reports(done, paid_on, is_first_failed=True)
                read_back(done, reports, done.total_cents, by=self.staff, now=day)

    # --- What becomes known later ---------------------------------------------------------

    def somebody_left_earlier(self, month: date) -> None:
        """The last day of a member of a village with flags was written down too late."""
        posting = self._member_paid(month)
        if posting is None:
            return
        today = timezone.localdate(self.at(month + timedelta(days=20)))
        by = self.secretaries[posting.unit.parent_path]
        day = month - timedelta(days=10)
        end_posting(posting, day, "resigned", version=posting.version, by=by, today=today, note="补报离任")
        self.village_left = posting.unit

    def somebody_came_earlier(self, month: date) -> None:
        """Who followed at the beginning of the month before was written down too late, too."""
        unit = self.village_left
        if unit is None:
            return
        by = self.secretaries[unit.parent_path]
        today = timezone.localdate(self.at(month + timedelta(days=20)))
        person = add_person({"unit": unit, "name": LATE_MEMBER, "gender": codes.FEMALE}, by=by, today=today)
        first = month - timedelta(days=31)
        started = PartialDate(first.year, first.month, 1)
        values = {"unit": unit, "post": codes.COMMITTEE_MEMBER, "mode": "elected", "started_on": started}
        appoint(person, values, by=by, today=today)

    def _member_paid(self, month: date) -> Posting | None:
        """A member of long standing who was paid for the month."""
        paid = PaySheet.objects.filter(path__startswith=self.county.path, month=month)
        people = Person.objects.filter(pay_lines__sheet__in=paid, pay_lines__amount_cents__gt=0)
        rows = Posting.objects.filter(person__in=people, post=codes.COMMITTEE_MEMBER, ended_on__isnull=True)
        rows = rows.filter(unit__path__startswith=self.county.path, started_on__lt=f"{month.year - 1}")
        return rows.select_related("unit", "person").order_by("unit__path", "pk").first()
