"""What goes out comes in again as the same: each column by itself, and whole lists with odd values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from branches.models import Branch, Unit, Village
from cadres import codes
from cadres.codes import Post
from cadres.models import Attendance, Person, Posting, ReserveCadre, Training
from imports.cells import Context, read_cell
from imports.dates import PartialDate
from imports.identity import ReadIdentity
from imports.listings import all_listings, listing_called
from imports.reading import Cell
from imports.sheets import Column, names, sheet_called
from imports.typed_workbooks import OutColumn, csv_file
from tests.cadres.people import NUMBER, make_person, post
from tests.collective_economy.ground import make_entry, make_total, reverse_entry
from tests.conftest import make_user
from tests.imports.round_trip import TOLD, read_again, written

TODAY = date(2026, 11, 25)
CONTEXT = Context(TODAY, Decimal(1))
DATES = (PartialDate(1975), PartialDate(1975, 10), PartialDate(1975, 1), PartialDate(1975, 3, 12))
TEXTS = ("=1+1", "-5", "@东一", "两行\n文字", "“引号”,逗号")
AMOUNTS = (Decimal("0.00"), Decimal("1200.50"), Decimal("12345678901234.56"), Decimal("99999999999999.99"))
SAMPLES: dict[str, tuple[Any, ...]] = {
    "text": TEXTS,
    "line": ("=1+1", "-5", "东一村"),
    "person_name": ("张三", "阿布都·克里木"),
    "partial_date": DATES,
    "birth": DATES,
    "month": (date(2026, 1, 1), date(2026, 10, 1)),
    "money": AMOUNTS,
    "signed_money": (*AMOUNTS, Decimal("-1200.50")),
    "count": (0, 2136, 99_999_999),
    "area": (Decimal("0.50"), Decimal("2136.00")),
    "hours": (Decimal("0.0"), Decimal("12.5"), Decimal("8.0")),
    "yes_no": (True, False),
    "phone": ("13800000000", "0376-6660000"),
    "identity": (ReadIdentity(NUMBER, "", date(1973, 3, 17), is_male=True),),
    "education": tuple((code, words) for code, words in codes.EDUCATION_WORDS.items() if code != "17"),
    "origin": (*codes.ORIGIN_WORDS, "退休教师"),
    "branch_kind": tuple(Branch.Kind),
    "result": tuple(Attendance.Result.values),
}
BY_FIELD: dict[str, tuple[Any, ...]] = {
    "gender": (codes.MALE, codes.FEMALE),
    "political": tuple(codes.POLITICAL_WORDS),
    "appointment_change": tuple(codes.CHANGE_WORDS),
    "party_post": ([Post(codes.SECRETARY), Post(codes.BRANCH_MEMBER)],),
    "admin_post": ([Post(code) for code in codes.POST_WORDS if code not in codes.PARTY_POSTS], [Post(90, "网格长")]),
    "extra_posts": (["民兵连长"], ["分管综治、信访"]),
}


def every_column() -> Iterator[Any]:
    for name in names():
        for column in sheet_called(name).columns:
            yield pytest.param(column, id=f"{name}-{column.field}")


@pytest.mark.parametrize("column", list(every_column()))
def test_what_a_column_writes_it_reads_back_as_the_same(column: Column) -> None:
    values = BY_FIELD.get(column.field) or SAMPLES[column.parse.__name__]
    assert values
    out = OutColumn.of(column)
    for value in values:
        cell = out.cell(value)
        read: Cell = Decimal(cell) if isinstance(cell, int | Decimal) else cell
        reading = read_cell(read, column.parse, CONTEXT, column.max_length)
        got = column.choose([reading.value])
        assert got == value, (value, cell)
        assert type(got) is type(value)
        assert set(reading.codes) <= {"choice_other"}


@pytest.mark.parametrize("column", list(every_column()))
def test_the_words_of_a_blank_roster_are_read_without_a_problem(column: Column) -> None:
    for word in column.choices:
        assert read_cell(word, column.parse, CONTEXT, column.max_length).codes == ()


def test_a_level_of_which_only_the_code_is_known_is_read_back_as_that_level() -> None:
    for code in (*codes.EDUCATION_WORDS, "22", "32", "62"):
        if code != "17":
            assert codes.education_code(codes.words_of_education(code)) == code
    assert codes.words_of_education("") == ""


# --- Whole lists ---------------------------------------------------------------------------


@pytest.fixture
def staff(county: Unit) -> User:
    return make_user("县", Role.CS, county)


@pytest.fixture
def full(county: Unit) -> None:
    """Everything that a list may hold, as pages and rosters leave it."""
    secretary = make_person(
        "张三",
        identity=NUMBER,
        birth="1973-03-17",
        gender="1",
        political="01",
        joined_on=PartialDate(1999, 7),
        full_member_on=PartialDate(2000, 7, 1),
        education="21",
        major="=农学",
        phone="+86 138",
        origin="committee",
        resume="1990.09—1994.07　务农\n\n1994.07—　　村民小组长",
        remark="-不详",
        is_seconded=False,
        is_inspector=True,
    )
    post(secretary, codes.SECRETARY, started_on=PartialDate(2018, 3), change="continuing")
    post(secretary, codes.DIRECTOR, started_on=PartialDate(2021, 3), change="continuing")
    post(secretary, codes.OTHER, words="分管综治、信访", started_on=PartialDate(2019))
    post(secretary, codes.OTHER, words="民兵连长", started_on=PartialDate(2018, 3), change="continuing")
    old = make_person("李四", identity="000000198003051214", birth="1980", education="63", education_words="高中肄业")
    post(old, codes.COMMITTEE_MEMBER)
    nameless = make_person("王五", birth="1971-01")
    Person.objects.filter(pk=nameless.pk).update(birth=None)
    post(nameless, codes.CLERK)
    ended = post(make_person("前任"), codes.DEPUTY_DIRECTOR)
    Posting.objects.filter(pk=ended.pk).update(ended_on=date(2026, 1, 1), ending="age")
    heir = make_person("赵六", "西一村", birth="1995-10", education="17", phone="0376-6660000")
    ReserveCadre.objects.create(
        person=heir,
        unit=heir.unit,
        stage="on_record",
        occupation="养殖 户",
        mentor="张三",
        entered_on=PartialDate(2024, 1),
    )
    post(make_person("钱七", "西二村", birth="1988-08"), codes.CLERK, started_on=PartialDate(2021))
    for village in Unit.objects.villages():
        card = Village.objects.create(unit=village, population=0, farmland_mu=Decimal("12.50"))
        Branch.objects.create(unit=village, name=f"{village.name}党支部", established_on=date(1999, 7, 1))
        for month in (9, 10):
            make_total(village, Decimal("1234567890123.45"), month=date(2026, month, 1))
        make_total(village, 5, "management_cost", date(2026, 9, 1))
        rent = make_entry(village, Decimal("0.10"), "investment", date(2026, 9, 30))
        reverse_entry(rent, date(2026, 10, 2))
    Village.objects.filter(pk=card.pk).update(operating_assets=Decimal("12345678901234.56"), last_year_income=0)
    committee = Branch.objects.create(unit=Unit.objects.get(name="东乡"), name="东乡党委", kind="committee")
    Branch.objects.filter(unit__name="东一村").update(parent=committee, kind="general")
    for township in ("西乡", "东乡"):
        unit = Unit.objects.get(name=township)
        training = Training.objects.create(
            unit=unit, title="书记轮训", held_on=date(2026, 5, 6), ends_on=date(2026, 5, 8), hours=24
        )
        for person in Person.objects.filter(unit__path__startswith=unit.path):
            Attendance.objects.create(training=training, person=person, hours=Decimal("12.5"), result="not_completed")


ROSTERS = ("units", "branches", "cadres", "reserve", "ledger", "training")


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize("left_out", [(), ("id_number",)])
@pytest.mark.parametrize("name", ROSTERS)
def test_a_list_that_goes_out_and_comes_in_again_changes_nothing(
    name: str, ending: str, left_out: tuple[str, ...], staff: User, full: None, tmp_path: Path
) -> None:
    listing = listing_called(name)
    path = tmp_path / f"名册.{ending}"
    lines = written(listing, path, staff, TODAY, left_out=left_out)
    answer = read_again(name, path, staff, TODAY)
    assert answer.refused is None
    counts = answer.counts()
    told = [
        (row.number, row.outcome, row.differences, row.problems) for row in answer.rows if row.outcome != "unchanged"
    ]
    assert counts["unchanged"] > 0
    if name == "branches":
        # The township's committee has no village: it is told as an error and changes nothing.
        assert (counts.pop("faulty"), [problem.code for problem in answer.problems]) == (1, ["unit_unknown"])
        assert (counts["new"], counts["changed"], counts["unchanged"]) == (0, 0, lines - 1)
    else:
        assert (counts["new"], counts["changed"], counts["faulty"]) == (0, 0, 0), told
    assert counts["missing"] == 0


def test_posts_taken_up_at_different_times_stand_on_lines_of_their_own(staff: User, full: None, tmp_path: Path) -> None:
    listing = listing_called("cadres")
    records = list(listing.records(listing.rows(staff, {"q": "张"}, TODAY), has_numbers=False))
    shown = {column.field: column for column in listing.columns}
    fields = ("party_post", "admin_post", "extra_posts", "post_since", "is_dual_head", "id_number")
    assert [[shown[name].cell(record.get(name)) for name in fields] for record in records] == [
        ["党组织书记", "民兵连长", "", "2018.03", "是", ""],
        ["", "村委会主任", "", "2021.03", "是", ""],
        ["党组织书记", "民兵连长", "分管综治、信访", "", "是", ""],
    ]


def test_a_township_takes_only_its_own(county: Unit, full: None) -> None:
    user = make_user("乡", Role.TS, Unit.objects.get(name="东乡"))
    for listing in all_listings():
        records = list(listing.records(listing.rows(user, {}, TODAY), has_numbers=listing.has_numbers))
        assert "西" not in "".join(str(value) for record in records for value in record.values())
        assert {record["township"] for record in records} <= {"东乡"}


@pytest.mark.parametrize("name", [listing.name for listing in all_listings()])
def test_a_list_goes_out_with_as_many_queries_for_two_villages_as_for_three(name: str, staff: User, full: None) -> None:
    listing = listing_called(name)
    asked = []
    assert staff.has_perm(listing.permission)
    for township in ("西乡", "东乡"):
        filters = {"township": str(Unit.objects.get(name=township).pk)}
        with CaptureQueriesContext(connection) as queries:
            list(listing.records(listing.rows(staff, filters, TODAY), has_numbers=True))
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 7


def test_text_that_a_spreadsheet_would_run_is_marked_in_csv() -> None:
    columns = [OutColumn("a", "=标题"), OutColumn("n", "数", "0.00")]
    records = [{"a": text, "n": Decimal("-5.00")} for text in ("=1", "+1", "-1", "@a", "\ta", "\ra", "平常", "'=1")]
    raw, count = csv_file(columns, records, "=说明")
    lines = raw.decode("utf-8-sig")
    assert count == 8
    for text in ("'=说明", "'=标题", "'=1", "'+1", "'-1", "'@a", "'\ta", "'\ra", "平常", "-5.00"):
        assert text in lines
    assert TOLD.startswith("林晓")
