"""The state's list of divisions: read, loaded, loaded again, renamed, gone, merged."""

from __future__ import annotations

import gzip
import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from accounts.models import AuditEvent
from accounts.roles import Role
from branches.divisions import Division, only_county, parse_divisions, read_divisions, spoken_for
from branches.models import Branch, Membership, Unit, Village
from branches.services.divisions import SINCE_EVER, load_divisions, tree_problems
from branches.services.units import merge_villages
from tests.conftest import grant, make_user

COUNTY_FILE = Path(__file__).parents[1] / "data" / "divisions-411503.csv"
NOVEMBER = date(2026, 11, 1)

SMALL = """code,level,name
41,province,河南省
4115,city,信阳市
411503,county,平桥区
411503100,township,明港镇
411503100200,village,东村村民委员会
411503100201,village,西村村民委员会
411503101,township,五里镇
411503101200,village,南村村民委员会
"""


def rows(text: str) -> list[Division]:
    return parse_divisions(tuple(line.split(",")) for line in text.strip().splitlines()[1:])  # type: ignore[misc]


def load(text: str, **options: object) -> dict[str, object]:
    report = load_divisions(rows(text), NOVEMBER, **options)  # type: ignore[arg-type]
    assert tree_problems() == []
    return {name: value for name, value in vars(report).items() if value}


def command(path: Path, *options: str) -> dict[str, int]:
    out = StringIO()
    call_command("load_divisions", str(path), "--json", "--check", *options, stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.django_db
def test_the_real_county_loads_and_loading_it_again_changes_nothing() -> None:
    first = command(COUNTY_FILE)
    county = Unit.objects.get(code="411503")
    below = Unit.objects.under(county.path)
    assert (below.townships().count(), below.villages().count()) == (30, 320)
    assert Village.objects.filter(unit__path__startswith=county.path).count() == 320
    assert (first["added"], first["changed"], first["closed"]) == (353, 0, 0)
    assert set(below.values_list("valid_from", flat=True)) == {SINCE_EVER}
    events = AuditEvent.objects.count()
    again = command(COUNTY_FILE)
    assert (again["added"], again["changed"], again["closed"], again["unchanged"]) == (0, 0, 0, 353)
    assert AuditEvent.objects.count() == events == 1


@pytest.mark.django_db
def test_the_tree_that_the_load_makes_is_one_treebeard_accepts() -> None:
    command(COUNTY_FILE)
    county = Unit.objects.get(code="411503")
    assert Unit.objects.find_problems(county) == ([], [], [], [], [])
    township = Unit.objects.get(code="411503001")
    child = Unit.objects.add_child(township, {"kind": "village", "name": "新村", "valid_from": NOVEMBER})
    assert child.parent_path == township.path
    assert tree_problems() == []


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_county(tmp_path: Path) -> None:
    """COPY does not pass through Django's cursor, so PostgreSQL counts fewer. Two are the test's own savepoint."""
    load(SMALL.replace("411503", "411501"))
    small = tmp_path / "small.csv"
    small.write_text(SMALL.replace("411503", "411502"), encoding="utf-8")
    expected = 9 if connection.vendor == "postgresql" else 10
    assert command(small)["queries"] == expected
    assert command(COUNTY_FILE)["queries"] == expected


@pytest.mark.django_db
def test_one_county_is_taken_out_of_the_list_of_a_province(tmp_path: Path) -> None:
    path = tmp_path / "province.csv.gz"
    other = "411502,county,浉河区\n411502001,township,老城街道\n411502001001,village,胜利社区居民委员会\n"
    path.write_bytes(gzip.compress((SMALL + other).encode()))
    assert command(path, "--county", "411503")["added"] == 8
    assert not Unit.objects.filter(code__startswith="411502").exists()
    assert command(path)["added"] == 3
    assert command(path, "--county", "411503")["closed"] == 0
    with pytest.raises(CommandError, match="411599"):
        command(path, "--county", "411599")


def test_a_file_speaks_only_for_the_deepest_place_that_holds_the_rest() -> None:
    assert spoken_for(rows(SMALL)) == "411503"
    assert spoken_for(rows(SMALL.replace("411503101", "411504101") + "411504,county,别县\n")) == "4115"
    assert spoken_for(rows("code,level,name\n41,province,河南省\n")) == "41"


@pytest.mark.django_db
def test_a_new_name_is_a_rename_of_the_same_unit() -> None:
    load(SMALL)
    before = Unit.objects.get(code="411503100200")
    assert load(SMALL.replace("东村", "东新村")) == {"changed": ["411503100200"], "unchanged": 7}
    after = Unit.objects.get(pk=before.pk)
    assert (after.name, after.path, after.version) == ("东新村村民委员会", before.path, 2)
    event = AuditEvent.objects.get(event="branches.rename_unit")
    assert event.changes == {"name": ["东村村民委员会", "东新村村民委员会"]}


@pytest.mark.django_db
def test_a_new_code_with_the_same_name_and_parent_is_the_same_place() -> None:
    """A town that becomes a street is re-coded with all its villages (handbook 10.2)."""
    load(SMALL)
    ids = dict(Unit.objects.values_list("name", "pk"))
    report = load(SMALL.replace("411503100", "411503005"))
    assert report == {"changed": ["411503005", "411503005200", "411503005201"], "unchanged": 5}
    assert dict(Unit.objects.values_list("name", "pk")) == ids
    assert not Unit.objects.filter(code__startswith="411503100").exists()


@pytest.mark.django_db
def test_two_places_that_swap_their_names_are_two_renames() -> None:
    load(SMALL)
    swapped = SMALL.replace("东村", "甲").replace("西村", "东村").replace("甲", "西村")
    assert load(swapped) == {"changed": ["411503100200", "411503100201"], "unchanged": 6}
    assert Unit.objects.get(code="411503100200").name == "西村村民委员会"


@pytest.mark.django_db
def test_a_code_that_is_gone_closes_the_unit_with_its_branch_and_roles() -> None:
    load(SMALL)
    village = Unit.objects.get(code="411503101200")
    branch = Branch.objects.create(unit=village, name="南村党支部")
    clerk = grant(make_user("clerk"), Role.VC, village)
    without = "\n".join(line for line in SMALL.splitlines() if "411503101200" not in line)
    assert load(without) == {"closed": ["411503101200"], "unchanged": 7}
    last_day = date(2026, 10, 31)
    village.refresh_from_db()
    assert (village.valid_to, village.name) == (last_day, "南村村民委员会")
    assert Branch.objects.get(pk=branch.pk).valid_to == last_day
    assert Membership.objects.get(pk=clerk.pk).valid_to == last_day
    assert Unit.objects.valid_on(date(2026, 10, 15)).filter(pk=village.pk).exists()
    assert load(without) == {"unchanged": 7}
    told = AuditEvent.objects.filter(
        event__in=["branches.close_unit", "branches.close_branch", "branches.end_membership"]
    )
    assert told.count() == 3


@pytest.mark.django_db
def test_what_was_closed_stays_closed_until_reopening_is_asked_for() -> None:
    load(SMALL)
    without = "\n".join(line for line in SMALL.splitlines() if "411503101200" not in line)
    load(without)
    assert load(SMALL) == {"still_closed": ["411503101200"], "unchanged": 7}
    assert load(SMALL, reopen=True) == {"reopened": ["411503101200"], "unchanged": 7}
    assert Unit.objects.get(code="411503101200").valid_to is None


@pytest.mark.django_db
def test_a_merged_village_is_not_brought_back_by_an_old_list() -> None:
    load(SMALL)
    east, west = (Unit.objects.get(code=f"41150310020{n}") for n in (0, 1))
    merge_villages([west], east, NOVEMBER, by=None, reason="民政〔2026〕3号", today=NOVEMBER)
    assert load(SMALL, reopen=True) == {"still_closed": ["411503100201"], "unchanged": 7}
    west.refresh_from_db()
    assert (west.valid_to, west.merged_into) == (date(2026, 10, 31), east)


@pytest.mark.django_db
def test_new_places_in_a_known_county_begin_on_the_day_given() -> None:
    load(SMALL)
    more = SMALL + "411503101201,village,北村村民委员会\n"
    assert load(more) == {"added": ["411503101201"], "unchanged": 8}
    new = Unit.objects.get(code="411503101201")
    assert (new.valid_from, new.village.approved_post_count) == (NOVEMBER, 5)
    assert Unit.objects.get(code="411503101").numchild == 2


@pytest.mark.django_db
def test_another_county_joins_the_same_province() -> None:
    load(SMALL)
    other = SMALL.replace("411503", "411502").replace("平桥区", "浉河区")
    assert len(load(other)["added"]) == 6  # type: ignore[arg-type]
    assert Unit.objects.filter(kind="county").count() == 2
    assert Unit.objects.get(code="4115").numchild == 2


@pytest.mark.django_db
def test_a_place_made_by_hand_without_a_code_is_recognised_by_its_name() -> None:
    load(SMALL)
    by_hand = Unit.objects.add_child(
        Unit.objects.get(code="411503101"), {"kind": "village", "name": "北村村民委员会", "valid_from": NOVEMBER}
    )
    assert load(SMALL + "411503101201,village,北村村民委员会\n") == {"changed": ["411503101201"], "unchanged": 8}
    by_hand.refresh_from_db()
    assert by_hand.code == "411503101201"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("4115031,county,七位", "Row 2"),
        ("411503,township,平桥区", "another level"),
        ("41,province,", "no name"),
        ("411503,county,平桥区", "place above"),
    ],
)
def test_every_faulty_row_is_named(line: str, said: str) -> None:
    with translation.override("en"), pytest.raises(ValidationError) as error:
        parse_divisions([tuple(line.split(","))])  # type: ignore[list-item]
    assert said in error.value.messages[0]


def test_a_code_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValidationError):
        parse_divisions([("41", "province", "河南省"), ("41", "province", "河南")])


def test_reading_accepts_a_byte_order_mark_and_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert len(read_divisions(path)) == 8
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(ValidationError):
        read_divisions(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValidationError):
        read_divisions(path)
    with pytest.raises(ValidationError):
        only_county(rows(SMALL), "411599")


@pytest.mark.django_db
def test_the_load_holds_from_the_first_day_of_a_month() -> None:
    with pytest.raises(ValidationError):
        load_divisions(rows(SMALL), date(2026, 11, 2))
    assert not Unit.objects.exists()
