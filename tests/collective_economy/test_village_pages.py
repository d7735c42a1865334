"""Pages of bands, targets and villages: what they show to whom, and how many queries that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from branches.village_file import file_of
from collective_economy import village_part
from collective_economy.amounts import wan_text, yuan_of
from collective_economy.bands import DEFAULT_BANDS
from collective_economy.models import Asset, AuditFinding, BandRules, IncomeTarget, Milestone, VillagePlan
from collective_economy.services.bands import set_bands
from collective_economy.services.plans import save_plan
from collective_economy.services.targets import set_targets
from tests.collective_economy.ground import (
    clerk,
    close_month,
    make_contract,
    make_entry,
    make_project,
    make_receivable,
    move,
    village,
)
from tests.conftest import make_user

TODAY = date(2026, 11, 26)
NAMES = ("东一村", "东二村", "东三村", "西一村", "西二村")
pytestmark = pytest.mark.usefixtures("on_the_day")


@pytest.fixture
def on_the_day() -> Iterator[None]:
    with time_machine.travel("2026-11-26T10:00:00+08:00", tick=False):
        yield


@pytest.fixture
def as_user(client: Client) -> Callable[[User], Client]:
    def enter(user: User) -> Client:
        client.force_login(user)
        return client

    return enter


def earn(name: str, wan: int | str, year: int = 2026, category: str = "operating", month: int = 3) -> None:
    make_entry(village(name), Decimal(wan) * 10_000, category, date(year, month, 10))


def page_of(client: Client, name: str, **query: Any) -> Any:
    answer = client.get(reverse(f"collective_economy:{name}"), query)
    assert answer.status_code == 200
    return answer


# --- Bands ----------------------------------------------------------------------------------


@pytest.fixture
def earned(county: Unit) -> None:
    """2025: 4, 12, 60, –, 20; 2026: 6, 12, 45, 0, – (万元), and subsidies that lift nobody."""
    for name, before, now in (("东一村", 4, 6), ("东二村", 12, 12), ("东三村", 60, 45)):
        earn(name, before, 2025)
        earn(name, now)
    earn("东一村", 500, category="subsidy")
    earn("西一村", 3, category="subsidy")
    earn("西二村", 20, 2025)


def test_villages_stand_in_the_band_of_their_operating_income(
    earned: None, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    page = page_of(as_user(county_admin), "bands").context["page"]
    told = {row.code: (row.before, row.now, row.percent) for row in page.rows}
    assert told == {
        "none": (0, 1, Decimal("25.0")),
        "shell": (1, 0, Decimal("0.0")),
        "weak": (0, 1, Decimal("25.0")),
        "ordinary": (1, 1, Decimal("25.0")),
        "good": (1, 1, Decimal("25.0")),
        "strong": (1, 0, Decimal("0.0")),
        "very_strong": (0, 0, Decimal("0.0")),
        "": (1, 1, None),
    }
    assert (page.moved(1), page.moved(-1)) == (1, 1)
    cells = {(cell.before, cell.now): cell.count for *_row, cells, _sum in page.matrix for cell in cells if cell.count}
    assert cells == {
        ("shell", "weak"): 1,
        ("ordinary", "ordinary"): 1,
        ("strong", "good"): 1,
        ("", "none"): 1,
        ("good", ""): 1,
    }
    assert sum(sum_ for *_row, sum_ in page.matrix) == sum(page.column_sums) == 5


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"from": "shell", "to": "weak"}, ["东一村"]),
        ({"to": "-"}, ["西二村"]),
        ({"from": "-"}, ["西一村"]),
        ({"from": "strong"}, ["东三村"]),
        ({"from": "weak"}, []),
        ({"to": "<b>"}, []),
    ],
)
def test_a_number_opens_its_villages(
    earned: None, county_admin: User, as_user: Callable[[User], Client], query: dict[str, str], names: list[str]
) -> None:
    answer = page_of(as_user(county_admin), "bands", **query)
    assert [line[0].village.name for line in answer.context["lines"]] == names


def test_a_township_counts_its_own_villages(earned: None, east_editor: User, as_user: Callable[[User], Client]) -> None:
    answer = page_of(as_user(east_editor), "bands", to="-")
    assert [one.village.name for one in answer.context["page"].standings] == ["东一村", "东二村", "东三村"]
    assert "西" not in answer.content.decode().split('id="content"')[1]
    assert as_user(east_editor).get(reverse("collective_economy:bands_set")).status_code == 403


def test_a_lead_department_sees_no_ledger(county: Unit, as_user: Callable[[User], Client]) -> None:
    lead = make_user("lead", Role.LD, county)
    for name in ("bands", "targets"):
        assert as_user(lead).get(reverse(f"collective_economy:{name}")).status_code == 403
    assert as_user(lead).get(reverse("collective_economy:village", args=[village().pk])).status_code == 403


def test_years_have_the_bands_of_their_time(
    earned: None, county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    rows = [DEFAULT_BANDS[0], DEFAULT_BANDS[1], DEFAULT_BANDS[3]]
    set_bands(county, 2026, rows, "文", by=county_admin, today=TODAY)
    page = page_of(as_user(county_admin), "bands").context["page"]
    assert [code for code, _name in page.columns] == ["none", "shell", "ordinary", ""]
    assert [code for code, *_rest in page.matrix] == [band.code for band in DEFAULT_BANDS] + [""]
    cells = {(cell.before, cell.now): cell.way for *_row, cells, _sum in page.matrix for cell in cells if cell.count}
    assert cells == {
        ("shell", "shell"): 0,
        ("ordinary", "ordinary"): 0,
        ("strong", "ordinary"): -1,
        ("", "none"): None,
        ("good", ""): None,
    }


def band_rows(*rows: tuple[str, str, str]) -> dict[str, str]:
    data = {"band-TOTAL_FORMS": str(len(rows)), "band-INITIAL_FORMS": "0"}
    for number, (code, name, lower) in enumerate(rows):
        data |= {f"band-{number}-code": code, f"band-{number}-name": name, f"band-{number}-lower": lower}
    return data


def test_a_county_sets_its_bands(county: Unit, county_admin: User, as_user: Callable[[User], Client]) -> None:
    client = as_user(county_admin)
    answer = client.get(reverse("collective_economy:bands_set"))
    assert [row.initial.get("code") for row in answer.context["rows"]][:2] == ["none", "shell"]
    data = {"first_year": "2026", "document": "青组〔2026〕9号"} | band_rows(
        ("none", "无收入", "0"), ("shell", "空壳村", "0"), ("", "小康村", "12.5"), ("", "", "")
    )
    assert client.post(reverse("collective_economy:bands_set"), data).status_code == 302
    row = BandRules.objects.get()
    assert [(one["code"], one["name"], one["lower"]) for one in row.bands] == [
        ("none", "无收入", "0"),
        ("shell", "空壳村", "0.01"),
        ("band1", "小康村", "125000.0"),
    ]
    answer = client.post(reverse("collective_economy:bands_set"), data)
    assert answer.status_code == 422
    assert "2026 年起已有档次" in answer.content.decode()
    wrong = data | {"first_year": "2028", "band-2-lower": "十二"}
    answer = client.post(reverse("collective_economy:bands_set"), wrong)
    assert answer.context["rows"][2].errors == {"lower": ["请填写以万元为单位的金额，如 12.5。"]}
    assert BandRules.objects.count() == 1


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_the_page_of_bands_costs_the_same_queries_for_one_village_and_five(
    county: Unit,
    county_admin: User,
    as_user: Callable[[User], Client],
    quiet_frame: None,
    django_assert_num_queries: Any,
    names: tuple[str, ...],
) -> None:
    Unit.objects.villages().exclude(name__in=names).delete()
    for name in names:
        earn(name, 6)
    client = as_user(county_admin)
    with django_assert_num_queries(QUERIES["bands"]):
        page_of(client, "bands", to="weak")


QUERIES = {"bands": 11, "targets": 10, "village": 22, "part": 12}


# --- Targets --------------------------------------------------------------------------------


def test_townships_stand_beside_their_time_plan(
    county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    for name, wan in (("东一村", 11), ("东二村", 5), ("东三村", 100), ("西一村", 12)):
        earn(name, wan)
    amounts = {village(name): Decimal(120_000) for name in ("东一村", "东二村", "西一村")}
    set_targets(2026, amounts, "文", by=county_admin)
    answer = page_of(as_user(county_admin), "targets")
    assert answer.context["months_over"] == 10
    told = {
        unit.name: (sums.village_count, sums.target_count, sums.target, sums.reached, sums.planned, sums.behind_count)
        for unit, sums in answer.context["rows"]
    }
    assert told == {
        "东乡": (3, 2, 240_000, 160_000, 200_000, 1),
        "西乡": (2, 1, 120_000, 120_000, 100_000, 0),
    }
    total = answer.context["total"]
    assert (total.percent, total.time_percent, total.behind_count) == (Decimal("77.8"), Decimal("83.3"), 1)
    east = Unit.objects.get(name="东乡")
    lines = page_of(as_user(county_admin), "targets", township=east.pk).context["lines"]
    assert [(line.village.name, line.percent, line.is_behind) for line in lines] == [
        ("东一村", Decimal("91.7"), False),
        ("东二村", Decimal("41.7"), True),
        ("东三村", None, False),
    ]


def test_a_township_sees_its_villages_at_once_and_no_other(
    county: Unit, west: Unit, east_editor: User, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    set_targets(2026, {village(name): Decimal(10) for name in NAMES}, "文", by=county_admin)
    client = as_user(east_editor)
    answer = page_of(client, "targets")
    assert [line.village.name for line in answer.context["lines"]] == ["东一村", "东二村", "东三村"]
    assert client.get(reverse("collective_economy:targets"), {"township": west.pk}).status_code == 404
    assert client.get(reverse("collective_economy:targets_enter")).status_code == 403


def enter(client: Client, texts: dict[str, str], **more: str) -> Any:
    data = {"year": "2026", "document": "青组〔2026〕2号", "base": ""} | more
    data |= {f"t{village(name).pk}": text for name, text in texts.items()}
    return client.post(reverse("collective_economy:targets_enter"), data)


def test_a_county_types_the_targets_of_all_its_villages(
    county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    client = as_user(county_admin)
    answer = enter(client, {"东一村": "12.5", "东二村": "1,000", "西一村": "0", "西二村": ""})
    assert answer.status_code == 302
    assert dict(IncomeTarget.objects.values_list("unit__name", "amount")) == {
        "东一村": Decimal(125_000),
        "东二村": Decimal(10_000_000),
        "西一村": Decimal(0),
    }


def test_a_large_target_is_asked_about(county: Unit, county_admin: User, as_user: Callable[[User], Client]) -> None:
    client = as_user(county_admin)
    answer = enter(client, {"东一村": "125000"})
    assert answer.status_code == 422
    assert "有金额超过 1,000，单位是否为万元？" in answer.content.decode()
    assert not IncomeTarget.objects.exists()
    assert enter(client, {"东一村": "125000"}, is_large="on").status_code == 302
    assert IncomeTarget.objects.get().amount == 1_250_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("十二", "请填写以万元为单位的金额，如 12.5。"),
        ("-1", "不能小于 0。"),
        ("1.00001", "最多四位小数，即精确到元。"),
        ("NaN", "请填写以万元为单位的金额，如 12.5。"),
    ],
)
def test_a_wrong_cell_saves_none(
    county: Unit, county_admin: User, as_user: Callable[[User], Client], text: str, words: str
) -> None:
    answer = enter(as_user(county_admin), {"东一村": "3", "东二村": text})
    assert answer.status_code == 422
    assert {cell.line.village.name: cell.error for cell, _township in answer.context["cells"] if cell.error} == {
        "东二村": words
    }
    assert not IncomeTarget.objects.exists()


def test_who_typed_beside_somebody_else_is_shown_both_values(
    county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    client = as_user(county_admin)
    set_targets(2026, {village(): Decimal(50_000)}, "文", by=clerk())
    answer = enter(client, {"东一村": "8"})
    assert answer.status_code == 422
    assert answer.context["conflict"] is True
    assert IncomeTarget.objects.get().amount == 50_000
    assert answer.context["table"].versions == f"{village().pk}:1"
    assert enter(client, {"东一村": "8"}, base=answer.context["table"].versions).status_code == 302
    assert IncomeTarget.objects.get().amount == 80_000


def test_an_operator_of_a_township_enters_for_its_villages_alone(
    county: Unit, east: Unit, as_user: Callable[[User], Client]
) -> None:
    client = as_user(make_user("east_operator", Role.CE, east))
    answer = client.get(reverse("collective_economy:targets_enter"))
    assert [cell.line.village.name for cell, _township in answer.context["cells"]] == ["东一村", "东二村", "东三村"]
    assert enter(client, {"东一村": "3", "西一村": "4"}).status_code == 302
    assert list(IncomeTarget.objects.values_list("unit__name", flat=True)) == ["东一村"]


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_the_page_of_targets_costs_the_same_queries_for_one_village_and_five(
    county: Unit,
    east: Unit,
    county_admin: User,
    as_user: Callable[[User], Client],
    quiet_frame: None,
    django_assert_num_queries: Any,
    names: tuple[str, ...],
) -> None:
    Unit.objects.villages().exclude(name__in=names).delete()
    for name in names:
        earn(name, 6)
    set_targets(2026, {village(name): Decimal(10) for name in names}, "文", by=county_admin)
    client = as_user(county_admin)
    with django_assert_num_queries(QUERIES["targets"]):
        page_of(client, "targets", township=east.pk)


@pytest.mark.parametrize("text", ["0", "12.5", "1,234.0001", "1000000"])
def test_an_amount_comes_back_as_it_was_typed(text: str) -> None:
    assert wan_text(yuan_of(text)) == text.replace(",", "")


# --- A village ------------------------------------------------------------------------------


def furnish(county: Unit, by: User, times: int = 1) -> None:
    """A village that earns, owes nothing and is owed much; a joint project with a neighbour, a late milestone."""
    one, two = village("东一村"), village("东二村")
    earn("东一村", 10, 2025, month=2)
    earn("东一村", 5, 2025, month=12)
    earn("东一村", 12, 2026, month=2)
    earn("东一村", 3, 2026, "subsidy", month=3)
    close_month(one, date(2026, 2, 1))
    set_targets(2026, {one: Decimal(150_000)}, "文", by=by)
    save_plan(
        one,
        first_year=2025,
        last_year=2026,
        business_model="property",
        situation="薄弱村",
        measures="建冷库",
        responsible_name="陈立新",
        targets={2025: Decimal(100_000), 2026: Decimal(150_000)},
        by=by,
    )
    for number in range(times):
        project = make_project(
            one, two, approved={"county": 300_000}, percents={"东一村": "33.3333", "东二村": "66.6667"}, stage="pay"
        )
        source = project.sources.get()
        move(source, 100_000)
        move(source, 10_000, "payment", paid_on=date(2026, 2, 20))
        Milestone.objects.create(project=project, name="封顶", due_on=date(2026, 9, 1))
        make_entry(one, 900, "operating", date(2026, 2 + 2, 1), project=project)
        contract = make_contract(one, project=project, ends_on=date(2027, 1, 31), signed_on=date(2026, 2, 3))
        make_receivable(contract, 1000, date(2026, 2, 15))
        make_receivable(contract, 700, date(2026, 12, 15))
        Asset.objects.create(
            unit=one,
            path=one.path,
            number=f"ZC-{number}",
            name="冷库",
            kind="building",
            value=800_000,
            owner="村集体",
            registered_on=TODAY,
            entered_by=by,
        )
        AuditFinding.objects.create(
            unit=one,
            path=one.path,
            kind="accounts",
            found_on=date(2026, 5, 1),
            found_by="县审计局",
            problem="凭证不全",
            measure="补齐",
            due_on=date(2026, 6, 1),
            entered_by=by,
        )


def village_page(client: Client, name: str = "东一村", **query: Any) -> Any:
    answer = client.get(reverse("collective_economy:village", args=[village(name).pk]), query)
    assert answer.status_code == 200
    return answer


def test_the_page_of_a_village_tells_every_number(
    county: Unit, county_admin: User, east_editor: User, as_user: Callable[[User], Client]
) -> None:
    furnish(county, county_admin)
    context = village_page(as_user(east_editor)).context
    economy = context["economy"]
    assert (economy.now.operating, economy.now.total) == (Decimal(120_900), Decimal(150_900))
    assert (context["band"], economy.last_month, economy.growth) == ("一般村", date(2026, 4, 1), Decimal("20.9"))
    assert economy.expected == Decimal(1_440_000)
    assert [one.operating if one else None for one in economy.sums] == [None, None, None, 150_000, 120_900]
    aim = context["aim"]
    assert (aim.percent, aim.time_percent, aim.is_behind) == (Decimal("80.6"), Decimal("83.3"), True)
    line = context["projects"][0]
    assert (line.approved, line.received, line.paid, line.balance, line.income) == (
        Decimal("99999.90"),
        Decimal("33333.30"),
        Decimal("3333.33"),
        Decimal("29999.97"),
        Decimal(900),
    )
    dues = context["dues"]
    assert (dues.sums.due, dues.sums.received, dues.sums.overdue, dues.sums.overdue_count) == (1000, 0, 1000, 1)
    assert [(row.amount, days) for row, days in dues.overdue] == [(1000, 284)]
    assert [row.amount for row in dues.coming] == [700]
    assert [milestone.name for milestone in context["late"]] == ["封顶"]
    february = context["months"][1]
    assert (february.figures.cumulative.operating, february.figures.year_before.operating) == (120_000, 100_000)
    assert (february.due, february.received, february.paid, february.contract_count, february.is_closed) == (
        1000,
        0,
        Decimal("3333.33"),
        1,
        True,
    )
    assert [(year, target, reached, percent) for year, target, reached, percent in context["plan_lines"]] == [
        (2025, 100_000, 150_000, Decimal("150.0")),
        (2026, 150_000, 120_900, Decimal("80.6")),
    ]
    assert (context["asset_sum"], len(context["findings"])) == (800_000, 1)
    assert context["chart"]["series"][0]["data"] == [None, None, None, "15.00", "12.09"]


def test_the_parts_of_a_joint_project_add_up(
    county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    furnish(county, county_admin)
    client = as_user(county_admin)
    both = [village_page(client, name).context["projects"][0] for name in ("东一村", "东二村")]
    assert sum(line.approved for line in both) == 300_000
    assert sum(line.received for line in both) == 100_000
    assert sum(line.paid for line in both) == 10_000


def test_a_village_without_anything_says_so(
    county: Unit, county_admin: User, as_user: Callable[[User], Client]
) -> None:
    text = village_page(as_user(county_admin)).content.decode()
    for words in (
        "台账中没有收入",
        "该村没有参与项目",
        "该村没有合同",
        "没有登记资产",
        "该村还没有规划",
        "没有未销号的审计问题",
    ):
        assert words in text
    assert "data-chart" not in text


def test_the_page_of_a_village_is_for_its_place(
    county: Unit, east_editor: User, as_user: Callable[[User], Client]
) -> None:
    url = reverse("collective_economy:village", args=[village("西一村").pk])
    assert as_user(east_editor).get(url).status_code == 404
    township = reverse("collective_economy:village", args=[Unit.objects.get(name="东乡").pk])
    assert as_user(east_editor).get(township).status_code == 404


@pytest.mark.parametrize("times", [1, 3])
def test_the_page_of_a_village_costs_the_same_queries_for_one_row_of_each_kind_and_three(
    county: Unit,
    county_admin: User,
    as_user: Callable[[User], Client],
    quiet_frame: None,
    django_assert_num_queries: Any,
    times: int,
) -> None:
    furnish(county, county_admin, times)
    client = as_user(county_admin)
    with django_assert_num_queries(QUERIES["village"]):
        village_page(client)


def plan_data(**fields: str) -> dict[str, str]:
    return {
        "first_year": "2026",
        "last_year": "2027",
        "business_model": "property",
        "situation": "薄弱村",
        "measures": "建冷库",
        "responsible_name": "陈立新",
        "target1": "10",
        "target2": "12.5",
    } | fields


def test_a_plan_is_entered_and_changed(county: Unit, county_admin: User, as_user: Callable[[User], Client]) -> None:
    client = as_user(county_admin)
    url = reverse("collective_economy:village_plan_add", args=[village().pk])
    assert client.post(url, plan_data()).status_code == 302
    plan = VillagePlan.objects.get()
    assert plan.targets == {"2026": "100000", "2027": "125000.0"}
    answer = client.post(url, plan_data(first_year="2027", target2=""))
    assert answer.status_code == 422
    assert "2026 年至 2027 年的规划" in answer.content.decode()
    answer = client.post(url, plan_data(first_year="2028", last_year="2029", target2=""))
    assert answer.context["form"].errors == {"target1": ["请填写规划期内每一年的目标。"]}
    change = reverse("collective_economy:village_plan", args=[plan.pk])
    assert client.get(change).context["form"]["target2"].value() == "12.5"
    assert client.post(change, plan_data(measures="入股", base_version="1")).status_code == 302
    plan.refresh_from_db()
    assert (plan.measures, plan.version) == ("入股", 2)
    answer = client.post(change, plan_data(measures="改回", base_version="1"))
    assert answer.status_code == 422
    plan.refresh_from_db()
    assert plan.measures == "入股"


# --- The file of a village ------------------------------------------------------------------


def test_the_file_of_a_village_tells_its_economy(county: Unit, county_admin: User, east_editor: User) -> None:
    furnish(county, county_admin)
    held = file_of(east_editor, village(), TODAY)
    figure = next(figure for figure in held.figures if str(figure.label) == "本年经营性收入")
    assert (figure.value, figure.unit, figure.note) == ("12.09", "万元", "同比 +20.9%，一般村")
    sections = {section.code: section for section in held.main}
    assert {"income", "projects"} <= set(sections)
    assert [bar.total for bar in sections["income"].context["bars"]] == ["15.00", "15.09"]
    reminders = [(reminder.title, reminder.detail) for reminder in held.reminders]
    assert ("1 笔应收款逾期", "0.10 万元未收，最长逾期 284 天") in reminders
    assert ("仓库：封顶逾期", "逾期 86 天") in reminders
    assert ("与承租户的合同 2027-01-31 到期", "仓库：请商定续约或后续安排。") in reminders


def test_the_file_draws_the_chart_and_the_projects(
    county: Unit, county_admin: User, east_editor: User, as_user: Callable[[User], Client]
) -> None:
    furnish(county, county_admin)
    text = as_user(east_editor).get(reverse("branches:village_file", args=[village().pk])).content.decode()
    assert "经营性收入：2025 年 15.00，2026 年 12.09（万元）" in text
    assert "抱团，占 33.3333 %" in text


def test_the_file_keeps_ledgers_from_who_may_not_see_them(county: Unit, east: Unit, county_admin: User) -> None:
    furnish(county, county_admin)
    reader = make_user("village_reader", Role.VC, village())
    held = file_of(reader, village(), TODAY)
    assert "income" not in [section.code for section in held.main]
    assert not [figure for figure in held.figures if str(figure.label) == "本年经营性收入"]
    assert not [reminder for reminder in held.reminders if "逾期" in reminder.title]


@pytest.mark.parametrize("times", [1, 3])
def test_the_part_of_the_file_costs_the_same_queries(
    county: Unit, county_admin: User, east_editor: User, django_assert_num_queries: Any, times: int
) -> None:
    furnish(county, county_admin, times)
    east_editor.has_perm("collective_economy.view_project")
    with django_assert_num_queries(QUERIES["part"]):
        village_part.build(east_editor, village(), TODAY)
