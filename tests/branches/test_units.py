"""The tree as it changes: what lies before a change stays as it was (handbook 11.14)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.approved_posts import approved_on
from branches.models import Branch, FormerApprovedPosts, Membership, Unit, Village, VillageClass
from branches.services import units
from branches.services.divisions import tree_problems
from tests.branches.conftest import TODAY, make_branch, make_life, queries_of
from tests.conftest import grant, make_user

pytestmark = pytest.mark.usefixtures("october")

NOVEMBER = date(2026, 11, 1)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ValidationError) as error:
        call()
    return str(error.value.code)


@pytest.fixture
def staff(client: Client, county_admin: User) -> Client:
    client.force_login(county_admin)
    return client


@pytest.fixture
def other(county: Unit) -> Unit:
    return Unit.objects.get(name="东二村")


def test_a_new_village_has_a_card_and_a_first_day(east: Unit, county_admin: User) -> None:
    new = units.add_unit(east, "东四村", None, NOVEMBER, by=county_admin)
    assert (new.kind, new.parent_path, new.valid_from) == ("village", east.path, NOVEMBER)
    assert Village.objects.get(unit=new).approved_post_count == 5
    assert not Unit.objects.valid_on(TODAY).filter(pk=new.pk).exists()
    assert tree_problems() == []
    assert AuditEvent.objects.get(event="branches.add_unit").unit_path == new.path


def test_merged_villages_keep_their_past_and_go_on_as_the_other(village: Unit, other: Unit, county_admin: User) -> None:
    branch = make_branch(village)
    record = make_life(branch)
    clerk = grant(make_user("clerk"), Role.VC, village)
    units.merge_villages([village], other, NOVEMBER, by=county_admin, reason="民政〔2026〕3号", today=TODAY)
    village.refresh_from_db()
    assert (village.valid_to, village.merged_into, village.version) == (date(2026, 10, 31), other, 2)
    assert Branch.objects.get(pk=branch.pk).valid_to == date(2026, 10, 31)
    assert Membership.objects.get(pk=clerk.pk).valid_to == date(2026, 10, 31)
    record.refresh_from_db()
    assert (record.branch_id, record.path) == (branch.pk, village.path)
    names = {
        day: set(Unit.objects.villages().under(other.parent_path).valid_on(day).values_list("name", flat=True))
        for day in (date(2026, 10, 31), NOVEMBER)
    }
    assert names == {date(2026, 10, 31): {"东一村", "东二村", "东三村"}, NOVEMBER: {"东二村", "东三村"}}
    event = AuditEvent.objects.get(event="branches.merge_unit")
    assert event.changes == {"valid_to": [None, "2026-10-31"], "merged_into": [None, "东二村"]}
    assert event.reason == "民政〔2026〕3号"


def test_what_cannot_be_merged(village: Unit, other: Unit, east: Unit, county: Unit) -> None:
    west = Unit.objects.get(name="西一村")

    def merge(villages: list[Unit], into: Unit, day: date = NOVEMBER, reason: str = "批文") -> Callable[[], Any]:
        return lambda: units.merge_villages(villages, into, day, by=None, reason=reason, today=TODAY)

    assert code_of(merge([west], other)) == "other_township"
    assert code_of(merge([east], other)) == "not_a_village"
    assert code_of(merge([other], other)) == "nothing_to_merge"
    assert code_of(merge([village], other, date(2026, 11, 2))) == "not_first_of_month"
    assert code_of(merge([village], other, date(2026, 9, 1))) == "in_the_past"
    assert code_of(merge([village], other, reason=" ")) == "no_reason"
    merge([village], other)()
    assert code_of(merge([village], other)) == "already_closed"
    assert Unit.objects.filter(valid_to__isnull=False).count() == 1


def test_a_unit_is_closed_when_nothing_is_left_below_it(village: Unit, east: Unit) -> None:
    def close(unit: Unit) -> None:
        units.close_unit(unit, NOVEMBER, by=None, reason="撤销", today=TODAY)

    assert code_of(lambda: close(east)) == "has_units_below"
    for below in Unit.objects.under(east.path).villages():
        close(below)
    close(east)
    east.refresh_from_db()
    assert east.valid_to == date(2026, 10, 31)
    assert code_of(lambda: close(east)) == "already_closed"
    assert code_of(lambda: units.add_unit(east, "新村", None, NOVEMBER, by=None)) == "parent_closed"


def test_the_history_of_a_class_has_no_gap_and_no_overlap(village: Unit, county_admin: User) -> None:
    units.classify_village(village, "basic", "weak", date(2026, 1, 1), by=county_admin)
    units.classify_village(village, "hub", "good", NOVEMBER, by=county_admin, reason="年度调整")
    spans = list(VillageClass.objects.order_by("valid_from").values_list("kind", "valid_from", "valid_to"))
    assert spans == [("basic", date(2026, 1, 1), date(2026, 10, 31)), ("hub", NOVEMBER, None)]
    units.classify_village(village, "hub", "strong", NOVEMBER, by=county_admin)
    assert VillageClass.objects.get(valid_from=NOVEMBER).band == "strong"
    assert code_of(lambda: units.classify_village(village, "basic", "weak", date(2026, 6, 1), by=None)) == "later_class"
    assert AuditEvent.objects.filter(event="branches.classify_village").count() == 3


def test_leading_branches_for_a_demonstration_are_made_once(county: Unit) -> None:
    Unit.objects.filter(name="东一村").update(name="东一村民委员会")
    assert units.ensure_leading_branches(county) == 5
    assert units.ensure_leading_branches(county) == 0
    assert Branch.objects.filter(name="东一村党支部").count() == 1


# --- Pages ----------------------------------------------------------------------------------


def test_a_unit_is_renamed_in_the_admin(staff: Client, village: Unit) -> None:
    staff.post(
        f"/branches/unit/{village.pk}/change/",
        {"name": "东新村", "code": village.code, "reason": "民政批复", "base_version": 1},
    )
    village.refresh_from_db()
    assert (village.name, village.version) == ("东新村", 2)
    event = AuditEvent.objects.get(event="branches.rename_unit")
    assert (event.changes, event.reason) == ({"name": ["东一村", "东新村"]}, "民政批复")
    assert staff.get("/branches/unit/add/").status_code == 403


def test_a_taken_code_is_refused_in_the_form(staff: Client, village: Unit, other: Unit) -> None:
    page = staff.post(
        f"/branches/unit/{village.pk}/change/", {"name": "东一村", "code": other.code, "reason": "", "base_version": 1}
    )
    assert "code" in page.context["adminform"].form.errors


def test_the_tree_is_changed_on_its_pages(staff: Client, village: Unit, other: Unit, east: Unit) -> None:
    form = staff.get("/units/add/").context["form"]
    assert form["first_day"].value() == NOVEMBER
    staff.post("/units/add/", {"parent": east.pk, "name": "东四村", "code": "", "first_day": "2026-11-01"})
    assert Unit.objects.get(name="东四村").parent_path == east.path
    staff.post(f"/units/{other.pk}/merge/", {"villages": [village.pk], "first_day": "2026-11-01", "reason": "批文"})
    village.refresh_from_db()
    assert village.merged_into == other
    third = Unit.objects.get(name="东三村")
    staff.post(f"/units/{third.pk}/close/", {"first_day": "2026-11-01", "reason": "批文"})
    third.refresh_from_db()
    assert third.valid_to == date(2026, 10, 31)
    staff.post(f"/units/{other.pk}/class/", {"kind": "hub", "band": "good", "first_day": "2026-11-01", "reason": ""})
    assert VillageClass.objects.get().unit == other


def test_a_refused_change_says_why_and_changes_nothing(staff: Client, village: Unit) -> None:
    page = staff.post(f"/units/{village.pk}/close/", {"first_day": "2026-09-01", "reason": "批文"})
    assert page.status_code == 422
    assert page.context["form"].non_field_errors().as_data()[0].code == "in_the_past"
    village.refresh_from_db()
    assert village.valid_to is None


def test_a_township_changes_no_tree(client: Client, east_editor: User, village: Unit, other: Unit) -> None:
    client.force_login(east_editor)
    west = Unit.objects.get(name="西一村")
    assert client.get("/units/add/").status_code == 403
    for page in ("close", "merge", "class"):
        assert (
            client.post(f"/units/{village.pk}/{page}/", {"first_day": "2026-11-01", "reason": "x"}).status_code == 403
        )
        assert client.post(f"/units/{west.pk}/{page}/", {"first_day": "2026-11-01", "reason": "x"}).status_code == 404
    assert not Unit.objects.exclude(valid_to=None).exists()
    assert (
        client.post(
            f"/branches/unit/{village.pk}/change/", {"name": "x", "code": "", "reason": "", "base_version": 1}
        ).status_code
        == 403
    )


def test_village_cards_are_searched_by_the_beginning_of_the_name(
    client: Client, east_editor: User, county: Unit
) -> None:
    for unit in Unit.objects.villages():
        Village.objects.create(unit=unit, member_count=30)
    units.classify_village(Unit.objects.get(name="东二村"), "hub", "good", date(2026, 1, 1), by=None)
    client.force_login(east_editor)

    def names(query: str) -> list[str]:
        page = client.get(f"/villages/{query}")
        assert "西一村" not in page.content.decode()
        return [card.unit.name for card in page.context["page"]]

    assert names("") == ["东一村", "东二村", "东三村"]
    assert names("?q=东二") == ["东二村"]
    assert names("?q=一村") == []
    assert names("?q=西") == []


@pytest.mark.usefixtures("quiet_frame")
def test_county_staff_narrow_by_township_and_name(staff: Client, county: Unit, west: Unit) -> None:
    for unit in Unit.objects.villages():
        Village.objects.create(unit=unit)
    one = queries_of(staff, "/villages/?q=东一")
    cards = staff.get(f"/villages/?township={west.pk}").context["page"]
    assert [card.unit.name for card in cards] == ["西一村", "西二村"]
    assert queries_of(staff, "/villages/") == one <= 18


def test_a_card_is_kept_with_both_values_shown_on_a_conflict(client: Client, east_editor: User, village: Unit) -> None:
    card = Village.objects.create(unit=village, member_count=30)
    client.force_login(east_editor)
    figures = {"approved_post_count": 5, "member_count": 36, "dues_member_count": 34, "farmland_mu": "1250.50"}
    assert client.post(f"/villages/{village.pk}/", figures | {"base_version": 1}).status_code == 302
    card.refresh_from_db()
    assert (card.member_count, str(card.farmland_mu), card.version) == (36, "1250.50", 2)
    event = AuditEvent.objects.get(event="branches.change_village")
    assert event.changes["member_count"] == [30, 36]
    page = client.post(f"/villages/{village.pk}/", figures | {"member_count": 40, "base_version": 1})
    assert page.context["form"].errors.as_data()["member_count"][0].code == "conflict"
    page = client.post(f"/villages/{village.pk}/", figures | {"dues_member_count": 41, "base_version": 2})
    assert page.context["form"].errors.as_data()["dues_member_count"][0].code == "over_members"
    card.refresh_from_db()
    assert (card.member_count, card.dues_member_count) == (36, 34)


@pytest.mark.parametrize(
    ("since", "code"), [("2026-12-01", "future"), ("2026-06-30", "before_last_change"), ("2026-07-01", "")]
)
def test_a_new_number_of_posts_holds_from_its_day_and_the_former_one_stays_known(
    client: Client, county_admin: User, village: Unit, since: str, code: str
) -> None:
    card = Village.objects.create(unit=village)
    FormerApprovedPosts.objects.create(unit=village, number=4, until=date(2026, 6, 30))
    client.force_login(county_admin)
    page = client.post(f"/villages/{village.pk}/", {"approved_post_count": 7, "posts_since": since, "base_version": 1})
    if code:
        assert page.context["form"].errors.as_data()["posts_since"][0].code == code
        assert Village.objects.get(pk=card.pk).approved_post_count == 5
        return
    days = [date(2026, 6, 30), date(2026, 7, 1), TODAY]
    assert [approved_on({village.pk: Village.objects.get().approved_post_count}, day)[village.pk] for day in days] == [
        4,
        7,
        7,
    ]


def test_a_number_of_posts_that_changes_from_today_leaves_yesterday_as_it_was(
    client: Client, county_admin: User, village: Unit
) -> None:
    Village.objects.create(unit=village)
    client.force_login(county_admin)
    client.post(f"/villages/{village.pk}/", {"approved_post_count": 6, "base_version": 1})
    client.post(f"/villages/{village.pk}/", {"approved_post_count": 4, "base_version": 2})
    client.post(f"/villages/{village.pk}/", {"approved_post_count": 4, "member_count": 9, "base_version": 3})
    eve = TODAY - timedelta(days=1)
    assert FormerApprovedPosts.objects.values_list("number", "until").get() == (5, eve)
    days = [date(2020, 1, 1), eve, TODAY]
    assert [approved_on({village.pk: Village.objects.get().approved_post_count}, day)[village.pk] for day in days] == [
        5,
        5,
        4,
    ]


def test_a_foreign_card_does_not_exist_and_a_reader_changes_none(
    client: Client, east_editor: User, county_viewer: User, county: Unit
) -> None:
    west = Unit.objects.get(name="西一村")
    Village.objects.create(unit=west, member_count=30)
    client.force_login(east_editor)
    assert client.get(f"/villages/{west.pk}/").status_code == 404
    assert client.post(f"/villages/{west.pk}/", {"member_count": 1, "base_version": 1}).status_code == 404
    client.force_login(county_viewer)
    page = client.get(f"/villages/{west.pk}/")
    assert (page.status_code, page.context["form"]) == (200, None)
    assert client.post(f"/villages/{west.pk}/", {"member_count": 1, "base_version": 1}).status_code == 403
    assert Village.objects.get(unit=west).member_count == 30
