"""The overview: every total is the sum of the entries behind it. Rule: docs/rules/funds.md, "Overview"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import Q, Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from collective_economy import home, overview
from collective_economy.band_page import band_year
from collective_economy.bands import DEFAULT_BANDS
from collective_economy.models import AuditFinding, IncomeTarget, LedgerEntry, LedgerMonth, Payment, Project
from collective_economy.models.ledger import COUNTED_AS_OPERATING, INCOME
from collective_economy.overview import Earned, Money
from collective_economy.overview_page import Line, income_chart, model_chart, overview_of, sorted_lines
from tests.collective_economy import ground
from tests.conftest import grant, make_unit, make_user

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 26)
D = Decimal


@pytest.fixture
def leader(county: Unit) -> User:
    return make_user("leader", Role.CL, county)


@pytest.fixture
def money(county: Unit) -> dict[str, Project]:
    """Three projects of 2026 (one in each township, one of both), one of 2025."""
    programme = ground.make_programme(amounts={"county": 400_000, "central": 35_000})
    ground.make_programme(amounts={"county": 9_000_000}, is_confirmed=False)
    older = ground.make_programme(amounts={"county": 8_077}, year=2025)
    made = {
        "east": ground.make_project(
            ground.village(), programme=programme, approved={"county": 100_000, "own": 20_000}, stage="pay"
        ),
        "west": ground.make_project(
            ground.village("西一村"), programme=programme, approved={"county": 50_000}, stage="implement",
            business_model="share",
        ),
        "joint": ground.make_project(
            ground.village(), ground.village("西二村"), programme=programme, approved={"central": 35_000},
            stage="operate", business_model="share",
        ),
        "old": ground.make_project(
            ground.village("东二村"), programme=older, approved={"county": 8_000}, year=2025, stage="done"
        ),
    }  # fmt: skip
    county_money = {name: project.sources.get(source__in=("county", "central")) for name, project in made.items()}
    ground.move(county_money["east"], 60_000, paid_on=date(2026, 4, 2))
    ground.move(county_money["east"], "25000.55", "payment", paid_on=date(2026, 5, 2))
    ground.move(county_money["east"], 1_000, "recall", paid_on=date(2026, 6, 2))
    ground.reverse_payment(ground.move(county_money["east"], "0.45", "payment", paid_on=date(2026, 7, 2)))
    ground.enter_payment(county_money["east"], 30_000, paid_on=date(2026, 7, 2))
    ground.move(made["east"].sources.get(source="own"), 20_000, paid_on=date(2026, 11, 26))
    ground.move(county_money["west"], "0.10", paid_on=date(2026, 8, 2))
    ground.move(county_money["joint"], 35_000, paid_on=date(2026, 8, 2))
    ground.move(county_money["old"], 8_000, paid_on=date(2025, 3, 2))
    ground.move(county_money["old"], 5_000, "payment", paid_on=date(2025, 12, 1))
    return made


@pytest.fixture
def ledger(county: Unit) -> None:
    for name, day, amounts in (
        ("东一村", date(2026, 1, 5), {"operating": "30000", "subsidy": "1000"}),
        ("东一村", date(2026, 10, 5), {"investment": "20000", "other": "0.30"}),
        ("东二村", date(2026, 3, 5), {"contract": "49999.99", "operating_cost": "700"}),
        ("西一村", date(2026, 10, 5), {"subsidy": "88"}),
        ("西二村", date(2026, 2, 5), {"other_operating": "0.01"}),
        ("东一村", date(2025, 10, 5), {"operating": "40000", "subsidy": "5"}),
        ("东一村", date(2025, 11, 5), {"operating": "7"}),
        ("西一村", date(2025, 1, 5), {"operating": "100"}),
    ):
        for category, amount in amounts.items():
            ground.make_entry(ground.village(name), D(amount), category, day)
    for name, amount in (("东一村", 60_000), ("东二村", 40_000), ("西一村", 1_000)):
        unit = ground.village(name)
        IncomeTarget.objects.create(unit=unit, path=unit.path, year=2026, amount=amount, entered_by=ground.clerk())


def moved_in_entries(kind: str, **which: Any) -> Decimal:
    """The rows themselves, added one by one."""
    rows = Payment.objects.filter(kind=kind, state="confirmed", **which)
    return sum((-row.amount if row.reverses_id else row.amount for row in rows), D(0))


# --- Money -----------------------------------------------------------------------------------


def test_totals_are_the_sums_of_the_entries(leader: User, money: dict[str, Project]) -> None:
    page = overview_of(leader, 2026, TODAY)
    assert page is not None
    of_year = {"project__year": 2026}
    assert page.total.money == Money(
        projects=3,
        approved=D(205_000),
        support=D(185_000),
        received=moved_in_entries("receipt", **of_year),
        paid=moved_in_entries("payment", **of_year),
        recalled=moved_in_entries("recall", **of_year),
    )
    assert (page.total.money.received, page.total.money.paid) == (D("115000.10"), D("25000.55"))
    assert page.total.money.balance == D("88999.55")
    assert [
        (line.name, line.money.projects, line.money.approved, line.money.received, line.money.paid)
        for line in page.places
    ] == [
        ("东乡", 1, D(120_000), D(80_000), D("25000.55")),
        ("西乡", 1, D(50_000), D("0.10"), D(0)),
    ]
    assert page.joint is not None
    assert (page.joint.money.projects, page.joint.money.received) == (1, D(35_000))
    for name in ("projects", "approved", "support", "received", "paid", "recalled"):
        parts = [*page.places, page.joint]
        assert sum(getattr(line.money, name) for line in parts) == getattr(page.total.money, name), name
        assert sum(getattr(line.money, name) for line in page.models) == getattr(page.total.money, name), name
    assert [(line.name, line.money.approved) for line in page.models] == [
        ("物业租赁型", 120_000),
        ("入股分红型", 85_000),
    ]
    assert page.released == overview.Released(amount=D(435_000), allocated=D(185_000), programmes=1)
    assert page.bar == [(2, D("25000.55")), (7, D("88999.55")), (3, D(1_000)), (0, D("89999.90"))]
    assert sum(length for _series, length in page.bar) == page.total.money.approved
    everything = overview_of(leader, None, TODAY)
    assert everything is not None
    assert everything.total.money.received == moved_in_entries("receipt") == D("123000.10")
    assert everything.released.amount == 443_077, "with the programme of the old project and the small one"


def test_time_is_compared_to_the_day(leader: User, money: dict[str, Project]) -> None:
    page = overview_of(leader, 2026, TODAY)
    assert (page.moved.received, page.moved.paid, page.moved.recalled) == (D("115000.10"), D("25000.55"), D(1_000))
    assert (page.moved_before.received, page.moved_before.paid) == (8_000, 0), "December of last year is later"
    assert page.time_percent == D("90.4"), "330 of 365 days"
    assert page.is_behind, "12.2 % spent"
    assert overview_of(leader, 2025, TODAY).moved.paid == 5_000
    assert not overview_of(leader, None, TODAY).is_behind, "all years have no time of their own"


def test_stages_and_what_is_late(leader: User, money: dict[str, Project]) -> None:
    Project.objects.filter(pk=money["west"].pk).update(finish_on=date(2026, 11, 25))
    page = overview_of(leader, 2026, TODAY)
    counts = {code: count for code, _label, count in page.stages if count}
    assert counts == {"implement": 1, "pay": 1, "operate": 1}
    assert (page.under_way, page.in_work, overview_of(leader, 2025, TODAY).under_way) == (3, 2, 0)
    late = {line.name: line.late for line in page.places}
    assert late == {"东乡": 1, "西乡": 1}, "work in the east has not begun, the west is past its finish"
    assert page.total.late == 2


# --- Income ----------------------------------------------------------------------------------


def test_income_is_the_sum_of_the_entries_of_the_same_months(leader: User, ledger: None) -> None:
    page = overview_of(leader, 2026, TODAY)
    assert page.income.last == date(2026, 10, 1)

    def entered(year: int, categories: tuple[str, ...], place: str = "") -> Decimal:
        rows = LedgerEntry.objects.filter(
            month__year=year, month__month__lte=10, category__in=categories, path__startswith=place
        )
        return sum((row.amount for row in rows), D(0))

    assert page.total.now == Earned(operating=entered(2026, COUNTED_AS_OPERATING), total=entered(2026, INCOME))
    assert page.total.before == Earned(operating=entered(2025, COUNTED_AS_OPERATING), total=entered(2025, INCOME))
    assert page.total.now == Earned(operating=D("100000.00"), total=D("101088.30"))
    for line in page.places:
        assert line.now == Earned(
            operating=entered(2026, COUNTED_AS_OPERATING, line.unit.path), total=entered(2026, INCOME, line.unit.path)
        )
    east, west = page.places
    assert (east.growth, west.growth) == (D("150.0"), D("-100.0"))
    assert (east.target, east.reached, page.total.target) == (100_000, D("100.0"), 101_000)
    assert overview_of(leader, 2025, TODAY).total.now.operating == D("40107.00"), "a year that is over counts November"
    chart = income_chart(page.income, page.total.target)
    assert chart["series"][0]["data"] == ["3.00", "0.00", "5.00", *[None] * 6, "2.00", None, None]
    assert chart["series"][1]["data"][9:11] == ["4.00", "0.00"]
    assert chart["series"][2]["data"] == ["0.84"] * 12


def test_a_month_to_come_is_none_of_the_year(leader: User, ledger: None) -> None:
    page = overview_of(leader, 2026, date(2026, 3, 31))
    assert (page.income.last, page.total.now.operating, page.total.before.operating) == (
        date(2026, 3, 1), D("80000.00"), D(100),
    )  # fmt: skip


def test_villages_by_band(leader: User, ledger: None, county: Unit) -> None:
    page = overview_of(leader, 2026, TODAY)
    assert [(code, count) for code, _name, count in page.bands if count] == [
        ("none", 1), ("shell", 2), ("weak", 1),
    ]  # fmt: skip
    assert page.without_ledger == 1, "东三村"
    ground.make_entry(ground.village("东二村"), D("0.01"), "operating", date(2026, 4, 1))
    back = ground.make_entry(ground.village("东一村"), D("0.20"), "operating", date(2026, 4, 1))
    ground.reverse_entry(back, date(2026, 4, 2))
    ground.make_entry(ground.village("东三村"), 1_000_000, "operating", date(2026, 4, 1))
    found = overview.villages_by_band(LedgerMonth.objects.all(), 2026, DEFAULT_BANDS)
    counted = {code: count for code, count in found.items() if count}
    assert counted == {"none": 1, "shell": 1, "weak": 2, "very_strong": 1}
    assert sum(found.values()) == 5


def test_a_merged_village_counts_for_its_heir(leader: User, ledger: None) -> None:
    """49 999.99 and 0.01 of two villages are 50 000 of one."""
    Unit.objects.filter(name="西二村").update(valid_to=date(2026, 5, 31), merged_into=Unit.objects.get(name="东二村"))
    page = overview_of(leader, 2026, TODAY)
    assert [(code, count) for code, _name, count in page.bands if count] == [("none", 1), ("weak", 2)]
    assert page.without_ledger == 1
    standing = band_year(leader, Unit.objects.get(kind="county"), 2026, TODAY)
    assert {row.code: row.now for row in standing.rows if row.now} == {"none": 1, "weak": 2, "": 1}


def test_income_by_model_is_what_fell_due_and_came(leader: User, money: dict[str, Project]) -> None:
    contract = ground.make_contract(project=money["east"])
    for day, received in ((date(2026, 3, 1), "1000"), (date(2026, 11, 26), "0.50"), (date(2026, 11, 27), "0")):
        row = ground.make_receivable(contract, 1_000, day)
        if received != "0":
            ground.make_entry(amount=D(received), receivable=row)
    waived = ground.make_receivable(contract, 5_000, date(2026, 5, 5))
    waived.waived_on = TODAY
    waived.save(update_fields=["waived_on"])
    ground.make_receivable(ground.make_contract(), 9_000, date(2026, 3, 1))
    page = overview_of(leader, 2026, TODAY)
    assert [(line.name, line.due, line.came) for line in page.models] == [
        ("物业租赁型", 2_000, D("1000.50")), ("入股分红型", None, None),
    ]  # fmt: skip
    assert model_chart(page.models)["series"][2]["data"] == ["2.50", "0.00"]


# --- Whose it is -----------------------------------------------------------------------------


def test_each_sees_their_own(money: dict[str, Project], ledger: None, county: Unit, east: Unit) -> None:
    unit = ground.village("西一村")
    AuditFinding.objects.create(
        unit=unit, path=unit.path, kind="use", found_on=TODAY, found_by="审计局", problem="问题", measure="整改",
        due_on=date(2026, 11, 25), entered_by=ground.clerk(),
    )  # fmt: skip
    township = overview_of(make_user("经管", Role.CE, east), 2026, TODAY)
    assert [line.name for line in township.places] == ["东乡"]
    assert township.total.money.approved == 155_000, "its own and the joint one as a whole"
    assert township.joint.money.approved == 35_000
    assert township.released is None, "a programme is handed out by the county"
    assert township.total.now.operating == D("99999.99")
    assert township.findings["open"] == 0
    whole = overview_of(make_user("县", Role.CS, county), 2026, TODAY)
    assert whole.findings == {"open": 1, "handed_in": 0, "overdue": 1}
    department = make_user("部门")
    grant(department, Role.LD, county, subjects="F3")
    page = overview_of(department, 2026, TODAY)
    assert (page.total.money.approved, page.total.now, page.bands, page.arrears) == (205_000, None, [], None)
    stranger = make_user("别的部门")
    grant(stranger, Role.LD, county, subjects="F1")
    assert overview_of(stranger, 2026, TODAY).total.money.approved == 0
    assert overview_of(make_user("文书", Role.VC, ground.village()), 2026, TODAY) is None


def test_who_oversees_two_counties_has_them_as_lines(leader: User, money: dict[str, Project]) -> None:
    other = make_unit(Unit.objects.get(kind="city"), "county", "邻县", "990102")
    make_unit(Unit.objects.get(pk=other.pk), "township", "邻乡", "990102100")
    grant(leader, Role.CL, Unit.objects.get(pk=other.pk))
    page = overview_of(User.objects.get(pk=leader.pk), 2026, TODAY)
    assert [(line.name, line.money.approved) for line in page.places] == [("青禾县", 205_000), ("邻县", 0)]
    assert page.joint is None


def test_lines_in_order_of_a_figure() -> None:
    lines = [
        Line(name=name, money=Money(paid=D(paid)), now=None if earned is None else Earned(operating=D(earned)))
        for name, paid, earned in (("甲", 1, None), ("乙", 3, 5), ("丙", 2, 7))
    ]
    orders = {
        sort: "".join(str(line.name) for line in sorted_lines(lines, sort))
        for sort in ("name", "paid", "-paid", "operating", "-operating", "growth", "什么")
    }
    assert orders == {
        "name": "甲乙丙", "paid": "乙丙甲", "-paid": "甲丙乙", "operating": "丙乙甲", "-operating": "乙丙甲",
        "growth": "甲乙丙", "什么": "甲乙丙",
    }  # fmt: skip


# --- The pages -------------------------------------------------------------------------------


@pytest.fixture
def november() -> Iterator[None]:
    with time_machine.travel("2026-11-26 10:00+08:00", tick=False):
        yield


@pytest.mark.usefixtures("november", "quiet_frame")
def test_the_page(client: Client, leader: User, money: dict[str, Project], ledger: None) -> None:
    client.force_login(leader)
    url = reverse("collective_economy:overview")
    client.get(url)
    numbers = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            html = client.get(url).content.decode()
        numbers.append(len(queries))
        for name in ("东三村", "西二村"):
            made = ground.make_project(ground.village(name), approved={"own": 10}, business_model="solar")
            ground.move(made.sources.get(), 1)
            ground.make_entry(ground.village(name), 5)
    assert numbers == [29, 29]
    for words in ("43.50", "20.50", "11.50", "2.50", "10.00", "联建", "12.2%", "90.4%", "薄弱村", "截至2026年10月"):
        assert words in html, words
    east = Unit.objects.get(name="东乡")
    assert f"?township={east.pk}&amp;year=2026" in html
    older = client.get(url, {"year": "2025"}).content.decode()
    assert "0.80" in older
    assert client.get(url, {"year": "all"}).context["year"] is None
    assert client.get(url, {"year": "abc"}).context["year"] == 2026
    assert client.get(url, {"year": "999999"}).context["year"] == 2026
    assert [line.name for line in client.get(url, {"sort": "-paid"}).context["places"]] == ["西乡", "东乡"]
    client.force_login(make_user("文书", Role.VC, ground.village()))
    assert client.get(url).status_code == 403


@pytest.mark.usefixtures("november")
def test_an_empty_county_has_dashes_and_no_charts(client: Client, leader: User) -> None:
    client.force_login(leader)
    answer = client.get(reverse("collective_economy:overview"))
    assert (answer.context["income_chart"], answer.context["model_chart"]) == (None, None)
    assert "echarts" not in answer.content.decode()


@pytest.mark.usefixtures("november")
def test_the_card_of_the_home_page(
    client: Client, leader: User, east_editor: User, money: dict[str, Project], ledger: None, county: Unit
) -> None:
    with CaptureQueriesContext(connection) as queries:
        card = home.build(leader, TODAY)
    assert len(queries) == 4, "its three, and the memberships"
    assert card.context["money"].received == D("115000.10")
    assert card.context["operating"] == D("100000.00")
    for user, words in ((leader, "20.50"), (east_editor, "15.50")):
        client.force_login(user)
        html = client.get(reverse("admin:index")).content.decode()
        assert (words in html, reverse("collective_economy:overview") in html) == (True, True)
    department = make_user("部门")
    grant(department, Role.LD, county, subjects="F3")
    assert home.build(department, TODAY) is None


def test_received_is_what_the_database_sums(money: dict[str, Project]) -> None:
    """The kept sums and the entries are two ways to one number."""
    sums = overview.money_of(Project.objects.all())
    rows = Payment.objects.filter(state="confirmed", kind="receipt").aggregate(
        plus=Sum("amount", filter=Q(reverses__isnull=True)), minus=Sum("amount", filter=Q(reverses__isnull=False))
    )
    assert sums.received == rows["plus"] - (rows["minus"] or 0)
