"""The pages of schemes, months and holidays: what each shows, stores and refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, User
from assessments.models import Period, Scheme
from assessments.rules import PARAMETERS
from assessments.services import periods, schemes
from branches.models import Unit, WorkdayException
from tests.assessments.test_schemes import NOVEMBER, NOW, OCTOBER, change, make_draft, publish, set_weight

TABS = ("scheme", "scheme_items", "scheme_grades", "scheme_calendar", "scheme_examples", "scheme_details")


@pytest.fixture
def draft(county: Unit, county_admin: User) -> Scheme:
    return make_draft(county, county_admin)


@pytest.fixture
def admin(client: Client, county_admin: User) -> Client:
    client.force_login(county_admin)
    return client


def url(name: str, *args: object) -> str:
    return reverse(f"assessments:{name}", args=args)


def fields_of(response: Any, form: str = "form") -> dict[str, Any]:
    """What a browser would send back unchanged."""
    data: dict[str, Any] = {}
    for bound in response.context[form]:
        value = bound.value()
        if isinstance(value, bool):
            data |= {bound.html_name: "on"} if value else {}
        elif isinstance(value, list | tuple):
            for number, row in enumerate(value):
                data |= {f"{bound.html_name}-{number}-{key}": "" if item is None else item for key, item in row.items()}
        else:
            data[bound.html_name] = "" if value is None else value
    return data


# --- Who may open what ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TABS)
def test_every_part_is_shown_for_reading_and_writing(
    client: Client, draft: Scheme, county_admin: User, east_editor: User, name: str
) -> None:
    client.force_login(county_admin)
    response = client.get(url(name, draft.pk))
    assert response.status_code == 200
    assert "p-formfoot" in response.text or "p-btn is-primary" in response.text
    client.force_login(east_editor)
    assert client.get(url(name, draft.pk)).status_code == 404
    publish(draft, county_admin)
    response = client.get(url(name, draft.pk))
    assert response.status_code == 200
    assert 'method="post" class="p-card"' not in response.text
    assert url("scheme_publish", draft.pk) not in response.text


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("scheme", ()),
        ("scheme_grades", ()),
        ("scheme_calendar", ()),
        ("scheme_details", ()),
        ("scheme_categories", ()),
        ("scheme_indicator", ("A1",)),
        ("scheme_item", ("P1",)),
        ("scheme_remove", ()),
        ("scheme_undo", ()),
        ("scheme_discard", ()),
        ("scheme_publish", ()),
        ("scheme_example", (1,)),
        ("scheme_example_accept", (1,)),
    ],
)
def test_a_published_version_refuses_every_change(
    admin: Client, draft: Scheme, county_admin: User, name: str, args: tuple[object, ...]
) -> None:
    publish(draft, county_admin)
    before = schemes.layout_of(draft)
    response = admin.post(url(name, draft.pk, *args), {"version": draft.version})
    assert response.status_code == 403
    assert schemes.layout_of(Scheme.objects.get(pk=draft.pk)) == before


def test_townships_and_leaders_read_but_do_not_write(
    client: Client, draft: Scheme, county_leader: User, east_editor: User, newcomer: User, county_admin: User
) -> None:
    client.force_login(county_leader)
    assert client.get(url("scheme", draft.pk)).status_code == 200
    assert client.post(url("scheme", draft.pk), {"version": draft.version}).status_code == 403
    publish(draft, county_admin)
    client.force_login(east_editor)
    assert client.get(url("scheme_list")).status_code == 200
    assert client.post(url("scheme_copy", draft.pk), {"number": "9"}).status_code == 403
    client.force_login(newcomer)
    assert client.get(url("scheme_list")).status_code == 403
    assert client.get(url("scheme", draft.pk)).status_code == 404
    assert Scheme.objects.count() == 1


# --- Versions -------------------------------------------------------------------------------


def test_a_county_begins_with_the_ready_to_use_scheme(admin: Client, county: Unit) -> None:
    page = admin.get(url("scheme_list"))
    assert "县还没有" in page.text or county.name in page.text
    response = admin.post(url("scheme_new"), {"county": county.pk, "number": "2026-1"})
    scheme = Scheme.objects.get()
    assert response.headers["Location"] == url("scheme", scheme.pk)
    assert (scheme.unit, scheme.number, scheme.state) == (county, "2026-1", "draft")


def test_a_version_is_copied_from_the_list(admin: Client, draft: Scheme, county_admin: User) -> None:
    publish(draft, county_admin)
    response = admin.post(url("scheme_copy", draft.pk), {"number": "2026-2"})
    copy = Scheme.objects.get(number="2026-2")
    assert response.headers["Location"] == url("scheme", copy.pk)
    assert copy.copied_from == draft
    refused = admin.post(url("scheme_copy", draft.pk), {"number": "2026-2"}, follow=True)
    assert "2026-2" in str(next(iter(refused.context["messages"])))
    assert Scheme.objects.count() == 2


def test_the_list_says_which_version_is_in_force(
    admin: Client, draft: Scheme, county: Unit, county_admin: User
) -> None:
    publish(draft, county_admin, date(2020, 1, 1))
    copy = schemes.copy_scheme(draft, by=county_admin, number="2026-2")
    publish(copy, county_admin, date(2020, 6, 1))
    coming = schemes.copy_scheme(draft, by=county_admin, number="2026-3")
    publish(coming, county_admin, date(2099, 1, 1))
    schemes.copy_scheme(draft, by=county_admin, number="2026-4")
    found = {row.number: state for row, state in admin.get(url("scheme_list")).context["versions"]}
    assert found == {"2026-1": "past", "2026-2": "current", "2026-3": "coming", "2026-4": "draft"}


@pytest.mark.parametrize("name", ["scheme_list", "period_calendar", "holidays"])
@pytest.mark.usefixtures("quiet_frame")
def test_lists_take_the_same_queries_for_one_row_and_three(
    admin: Client, draft: Scheme, county: Unit, county_admin: User, django_assert_num_queries: Any, name: str
) -> None:
    publish(draft, county_admin)
    rows = [OCTOBER, NOVEMBER, date(2026, 12, 1)]

    def add(month: date) -> None:
        if name == "scheme_list":
            schemes.copy_scheme(draft, by=county_admin, number=f"{month:%Y-%m}")
        elif name == "period_calendar":
            periods.plan_period(county, month, by=county_admin)
        else:
            WorkdayException.objects.create(unit=county, day=month, is_workday=False, label=str(month))

    address = url(name) + ("?year=2026" if name == "holidays" else "")
    add(rows[0])
    admin.get(address)
    with django_assert_num_queries(LIST_QUERIES):
        admin.get(address)
    for month in rows[1:]:
        add(month)
    with django_assert_num_queries(LIST_QUERIES):
        admin.get(address)


LIST_QUERIES = 7


# --- Weights --------------------------------------------------------------------------------


def test_a_changed_weight_shows_what_is_missing_until_the_sum_is_100_again(admin: Client, draft: Scheme) -> None:
    page = admin.get(url("scheme", draft.pk))
    data = {**fields_of(page), "w-C1": "5.5"}
    response = admin.post(url("scheme", draft.pk), data, follow=True)
    assert response.context["total"] == Decimal("98.5")
    assert "is-off" in response.text
    assert "1.5" in response.context["gap"]
    assert next(problem.code for problem, _url in response.context["problems"]) == "weights_not_100"
    data = {**fields_of(response), "w-C2": "4.5"}
    response = admin.post(url("scheme", draft.pk), data, follow=True)
    assert response.context["total"] == 100
    assert "is-off" not in response.text
    stored = dict(draft.indicators.filter(code__in=["C1", "C2"]).values_list("code", "weight"))
    assert stored == {"C1": Decimal("5.5"), "C2": Decimal("4.5")}


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("6.5", "6.5"),
        ("６．５", "6.5"),
        ("7.0", "7"),
        ("7.05", None),
        ("abc", None),
        ("", None),
        ("-1", None),
        ("101", None),
    ],
)
def test_weights_are_read_as_people_type_them(admin: Client, draft: Scheme, typed: str, stored: str | None) -> None:
    data = {**fields_of(admin.get(url("scheme", draft.pk))), "w-C1": typed}
    response = admin.post(url("scheme", draft.pk), data)
    assert response.status_code == (302 if stored else 422)
    assert draft.indicators.get(code="C1").weight == Decimal(stored or "7")


def test_two_people_on_the_weights_see_both_values_and_choose(admin: Client, draft: Scheme, county_admin: User) -> None:
    data = {**fields_of(admin.get(url("scheme", draft.pk))), "w-C1": "5"}
    change(draft, county_admin, set_weight("C1", "6"))
    response = admin.post(url("scheme", draft.pk), data)
    assert response.status_code == 409
    sentence, differences = response.context["form"].conflict
    assert "county_admin" in sentence
    assert [(stored, own) for _label, stored, own in differences] == [("6", "5")]
    assert draft.indicators.get(code="C1").weight == 6
    again = admin.post(url("scheme", draft.pk), fields_of(response))
    assert again.status_code == 302
    assert draft.indicators.get(code="C1").weight == 5


def test_a_removed_indicator_comes_back_by_undo(admin: Client, draft: Scheme) -> None:
    data = {"version": draft.version, "part": "indicators", "code": "E4"}
    page = admin.post(url("scheme_remove", draft.pk), data, follow=True)
    assert not draft.indicators.filter(code="E4").exists()
    assert "E4" in page.context["undoable"][0].subject
    draft.refresh_from_db()
    admin.post(url("scheme_undo", draft.pk), {"version": draft.version, "tab": "indicators"})
    assert draft.indicators.get(code="E4").weight == 3


# --- One indicator --------------------------------------------------------------------------


def test_an_indicator_saved_unchanged_stays_the_same(admin: Client, draft: Scheme) -> None:
    before = schemes.layout_of(draft)
    for item in before["indicators"]:
        page = admin.get(url("scheme_indicator", draft.pk, item["code"]))
        response = admin.post(page.request["PATH_INFO"], fields_of(page))
        assert response.status_code == 302, (item["code"], response.context and response.context["form"].errors)
    after = schemes.layout_of(Scheme.objects.get(pk=draft.pk))
    assert schemes.rules_of(Scheme.objects.get(pk=draft.pk)).value_codes() == schemes.rules_of(draft).value_codes()
    assert [_meant(item) for item in after["indicators"]] == [_meant(item) for item in before["indicators"]]


def _meant(item: dict[str, Any]) -> dict[str, Any]:
    """An indicator with its settings as they work, whether written out or left at their default."""
    defaults = {setting.name: setting.default for setting in PARAMETERS[item["rule_type"]] if setting.kind != "table"}
    return {**item, "weight": Decimal(item["weight"]), "parameters": {**defaults, **item["parameters"]}}


def test_settings_are_edited_in_words_and_stored_as_rules_read_them(admin: Client, draft: Scheme) -> None:
    address = url("scheme_indicator", draft.pk, "A2")
    data = {**fields_of(admin.get(address)), "p-low": "50", "p-high": "９０%"}
    assert admin.post(address, data).status_code == 302
    assert draft.indicators.get(code="A2").parameters["high"] == "90"
    assert schemes.rules_of(draft).indicator("A2").scaled("low") == 500_000


def test_bands_are_rows_of_a_table(admin: Client, draft: Scheme) -> None:
    address = url("scheme_indicator", draft.pk, "B3")
    data = fields_of(admin.get(address))
    data |= {"p-bands-1-points": "2", "p-bands-2-to": "3", "p-bands-2-points": "2.5"}
    data |= {"p-bands-3-from": "3", "p-bands-3-to": "", "p-bands-3-points": "3"}
    assert admin.post(address, data).status_code == 302
    bands = draft.indicators.get(code="B3").parameters["bands"]
    assert [(band["from"], band["to"], band["points"]) for band in bands] == [
        (None, "1", "0"),
        ("1", "2", "2"),
        ("2", "3", "2.5"),
        ("3", None, "3"),
    ]
    refused = admin.post(address, {**fields_of(admin.get(address)), "p-bands-0-points": "viel"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["p-bands"]


def test_choosing_another_rule_shows_its_settings_and_saves_nothing(admin: Client, draft: Scheme) -> None:
    address = url("scheme_indicator", draft.pk, "A2")
    data = {**fields_of(admin.get(address)), "rule_type": "deduct_each", "name": "改过的名称", "change_rule": "1"}
    response = admin.post(address, data)
    assert "p-points" in response.context["form"].fields
    assert "改过的名称" in response.text
    piece = admin.post(address, data, headers={"HX-Request": "true"})
    assert "p-points" in piece.text
    assert "<h1" not in piece.text
    assert draft.indicators.get(code="A2").rule_type == "linear"


def test_a_new_indicator_stands_at_the_end_of_its_category(admin: Client, draft: Scheme) -> None:
    address = url("scheme_indicator_new", draft.pk) + "?category=A"
    page = admin.get(address)
    assert page.context["form"]["category"].value() == "A"
    data = {**fields_of(page), "code": "A10", "name": "新指标", "weight": "2", "unit": "项"}
    assert admin.post(address, data).status_code == 302
    codes = [item["code"] for item in schemes.layout_of(draft)["indicators"]]
    assert codes[8:11] == ["A9", "A10", "B1"]
    twice = admin.post(address, data)
    assert twice.status_code == 422
    assert twice.context["form"].errors["code"]


def test_a_new_code_is_followed_by_the_examples(admin: Client, draft: Scheme) -> None:
    address = url("scheme_indicator", draft.pk, "A5")
    assert admin.post(address, {**fields_of(admin.get(address)), "code": "A55"}).status_code == 302
    layout = schemes.layout_of(Scheme.objects.get(pk=draft.pk))
    assert layout["examples"][0]["values"]["A55.n"] == "33"
    assert layout["examples"][0]["expected"]["A55"] == "2.83"
    assert [item.is_met for item in schemes.examples_of(layout)] == [True] * 7


def test_categories_in_use_stay(admin: Client, draft: Scheme) -> None:
    address = url("scheme_categories", draft.pk)
    data = {**fields_of(admin.get(address)), "categories-0-name": "组织工作"}
    data |= {"categories-5-code": "F", "categories-5-name": "新类"}
    assert admin.post(address, data).status_code == 302
    assert draft.categories.values_list("code", "name").first() == ("A", "组织工作")
    assert draft.categories.filter(code="F").exists()
    data = fields_of(admin.get(address))
    data |= {"categories-0-code": "", "categories-0-name": "", "categories-0-name_en": ""}
    refused = admin.post(address, data)
    assert refused.status_code == 422
    assert "A" in refused.context["form"].errors["categories"][0]


# --- The other parts --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scheme_grades", "scheme_calendar", "scheme_details"])
def test_parts_saved_unchanged_stay_the_same(admin: Client, draft: Scheme, name: str) -> None:
    before = schemes.layout_of(draft)
    assert admin.post(url(name, draft.pk), fields_of(admin.get(url(name, draft.pk)))).status_code == 302
    assert schemes.layout_of(Scheme.objects.get(pk=draft.pk)) == before


def test_items_saved_unchanged_stay_the_same(admin: Client, draft: Scheme) -> None:
    before = schemes.layout_of(draft)
    for item in before["adjustments"]:
        address = url("scheme_item", draft.pk, item["code"])
        response = admin.post(address, fields_of(admin.get(address)))
        assert response.status_code == 302, (item["code"], response.context and response.context["form"].errors)
    after = schemes.layout_of(Scheme.objects.get(pk=draft.pk))
    assert after["adjustments"] == before["adjustments"]


def test_a_bonus_is_added_with_its_levels(admin: Client, draft: Scheme) -> None:
    address = url("scheme_item_new", draft.pk) + "?kind=bonus"
    data = {**fields_of(admin.get(address)), "code": "P6", "name": "新加分"}
    data |= {"levels-0-name": "县级", "levels-0-points": "0.5", "levels-1-name": "市级", "levels-1-points": "１"}
    assert admin.post(address, data).status_code == 302
    item = draft.adjustment_items.get(code="P6")
    assert (item.kind, item.levels, item.source) == ("bonus", [["县级", "0.5", ""], ["市级", "1", ""]], "C")
    assert [row["code"] for row in schemes.layout_of(draft)["adjustments"]][4:7] == ["P5", "P6", "N1"]


def test_caps_and_grades_are_stored(admin: Client, draft: Scheme) -> None:
    address = url("scheme_grades", draft.pk)
    data = {**fields_of(admin.get(address)), "bonus_cap": "4", "grades-0-minimum": "85"}
    assert admin.post(address, data).status_code == 302
    stored = Scheme.objects.get(pk=draft.pk)
    assert stored.bonus_cap == 4
    assert (stored.grade_lines[0]["minimum"], stored.grade_lines[0]["best_share_percent"]) == ("85", 20)
    assert admin.post(address, {**data, "version": stored.version, "bonus_cap": "6"}).status_code == 422


def test_the_calendar_is_stored_and_shown_for_the_coming_months(admin: Client, draft: Scheme) -> None:
    address = url("scheme_calendar", draft.pk)
    page = admin.get(address)
    assert len(page.context["preview"]) == 3
    assert admin.post(address, {**fields_of(page), "submit-time": "17:30", "submit-day": "4"}).status_code == 302
    assert Scheme.objects.get(pk=draft.pk).calendar["submit"]["time"] == "17:30"
    refused = admin.post(address, {**fields_of(admin.get(address)), "lock-day": "2", "lock-working_days_after": "0"})
    assert refused.status_code == 422
    assert refused.context["form"].non_field_errors()


# --- Examples ---------------------------------------------------------------------------------


def test_examples_show_expected_beside_computed(admin: Client, draft: Scheme) -> None:
    page = admin.get(url("scheme_examples", draft.pk))
    assert (len(page.context["rows"]), page.context["failing"]) == (7, 0)
    change(draft, draft.changed_by, lambda layout: layout["examples"][0]["expected"].update(total="90"))
    page = admin.get(url("scheme_examples", draft.pk))
    assert page.context["failing"] == 1
    line = next(line for line in page.context["rows"][0][2] if not line["is_met"])
    assert (line["expected"], line["computed"]) == ("90", "92.29")
    draft.refresh_from_db()
    admin.post(url("scheme_example_accept", draft.pk, 1), {"version": draft.version})
    assert draft.examples.first().expected["total"] == "92.29"


def test_examples_saved_unchanged_stay_the_same(admin: Client, draft: Scheme) -> None:
    before = schemes.layout_of(draft)["examples"]
    for number in range(1, 8):
        address = url("scheme_example", draft.pk, number)
        response = admin.post(address, fields_of(admin.get(address)))
        assert response.status_code == 302, (number, response.context and response.context["form"].errors)
    after = schemes.layout_of(draft)["examples"]
    assert [item["expected"] for item in after] == [item["expected"] for item in before]
    assert [item.is_met for item in schemes.examples_of(schemes.layout_of(draft))] == [True] * 7
    values = [{code: value for code, value in item["values"].items() if code[0] not in "PNV"} for item in before]
    assert [{code: value for code, value in item["values"].items() if code[0] not in "PNV"} for item in after] == values


def test_an_example_is_begun_like_another_and_understands_words(admin: Client, draft: Scheme) -> None:
    address = url("scheme_example_new", draft.pk) + "?like=1"
    data = {**fields_of(admin.get(address)), "title": "新例", "v-C3": "不适用", "v-E1": "８８．５"}
    data |= {"e-total": "92.3", "e-C3": ""}
    assert admin.post(address, data).status_code == 302
    example = draft.examples.get(title="新例")
    assert (example.values["C3"], example.values["E1"]) == ("not_applicable", "88.5")
    assert (example.expected["total"], "C3" in example.expected) == ("92.3", False)
    assert draft.examples.count() == 8
    assert admin.post(address, {**data, "title": "x", "v-E1": "viel"}).status_code == 422


# --- Publication --------------------------------------------------------------------------------


def test_a_draft_is_published_for_a_coming_month(admin: Client, draft: Scheme) -> None:
    page = admin.get(url("scheme_publish", draft.pk))
    month = page.context["suggested"]
    data = {"version": draft.version, "first_month": f"{month:%Y-%m}"}
    response = admin.post(url("scheme_publish", draft.pk), data)
    assert response.headers["Location"] == url("scheme", draft.pk)
    stored = Scheme.objects.get(pk=draft.pk)
    assert (stored.state, stored.first_month) == ("published", month)


@pytest.mark.parametrize(
    "changed", [{"first_month": "2019-01"}, {"first_month": ""}, {"version": "1"}, {"first_month": "x"}]
)
def test_publication_is_refused_for_another_month_or_an_older_look(
    admin: Client, draft: Scheme, changed: dict[str, str]
) -> None:
    month = admin.get(url("scheme_publish", draft.pk)).context["suggested"]
    data = {"version": draft.version, "first_month": f"{month:%Y-%m}", **changed}
    response = admin.post(url("scheme_publish", draft.pk), data)
    assert response.status_code == 200
    assert len(list(response.context["messages"])) == 1
    assert Scheme.objects.get(pk=draft.pk).state == "draft"


def test_what_is_missing_stands_on_the_page_with_the_way_to_it(
    admin: Client, draft: Scheme, county_admin: User
) -> None:
    change(draft, county_admin, lambda layout: layout.update(document=""))
    draft = change(Scheme.objects.get(pk=draft.pk), county_admin, set_weight("C1", "6"))
    page = admin.get(url("scheme_publish", draft.pk))
    assert [(problem.code, address) for problem, address in page.context["problems"]] == [
        ("weights_not_100", url("scheme", draft.pk)),
        ("document_missing", url("scheme_details", draft.pk)),
    ]
    month = f"{page.context['suggested']:%Y-%m}"
    response = admin.post(url("scheme_publish", draft.pk), {"version": draft.version, "first_month": month})
    assert response.status_code == 200
    assert Scheme.objects.get(pk=draft.pk).state == "draft"


def test_months_offered_begin_after_the_last_one_that_opened(
    admin: Client, draft: Scheme, county: Unit, county_admin: User
) -> None:
    publish(draft, county_admin)
    far = date(2090, 1, 1)
    periods.open_period(periods.plan_period(county, far, by=county_admin), by=county_admin, now=NOW)
    copy = schemes.copy_scheme(draft, by=county_admin, number="2")
    page = admin.get(url("scheme_publish", copy.pk))
    assert page.context["months"][0] == date(2090, 2, 1)
    assert page.context["count"] == 1


def test_two_versions_are_compared(admin: Client, draft: Scheme, county_admin: User) -> None:
    publish(draft, county_admin)
    copy = schemes.copy_scheme(draft, by=county_admin, number="2026-2")
    change(copy, county_admin, set_weight("C1", "8"))
    page = admin.get(url("scheme_compare", copy.pk))
    assert page.context["other"] == draft
    assert page.context["count"] == 2
    assert "经营性收入进度" in page.text
    assert admin.get(url("scheme_compare", draft.pk)).status_code == 200


# --- Months -------------------------------------------------------------------------------------


def test_a_year_is_planned_on_the_page(admin: Client, draft: Scheme, county: Unit, county_admin: User) -> None:
    refused = admin.post(url("period_plan"), {"county": county.pk, "first_month": "2026-10"}, follow=True)
    assert "2026-10" in str(next(iter(refused.context["messages"])))
    publish(draft, county_admin)
    admin.post(url("period_plan"), {"county": county.pk, "first_month": "2026-10"})
    assert Period.objects.filter(unit=county).count() == 12
    assert len(admin.get(url("period_calendar")).context["periods"]) == 12


def test_planning_is_for_the_county_staff(
    client: Client, draft: Scheme, county: Unit, county_admin: User, county_leader: User
) -> None:
    publish(draft, county_admin)
    client.force_login(county_leader)
    assert client.get(url("period_calendar")).status_code == 200
    assert client.post(url("period_plan"), {"county": county.pk, "first_month": "2026-10"}).status_code == 403
    assert not Period.objects.exists()


def test_a_deadline_is_moved_on_the_page_with_a_reason(
    admin: Client, draft: Scheme, county: Unit, county_admin: User
) -> None:
    publish(draft, county_admin)
    period = periods.plan_period(county, date(2090, 1, 1), by=county_admin)
    address = url("period_dates", period.pk)
    data = {**fields_of(admin.get(address)), "submit_by": "2090-02-04T12:00"}
    assert admin.post(address, {**data, "reason": ""}).status_code == 422
    assert admin.post(address, {**data, "reason": "春节"}).status_code == 302
    assert Period.objects.get(pk=period.pk).submit_by.isoformat() == "2090-02-04T04:00:00+00:00"
    assert AuditEvent.objects.get(event="assessments.change_deadlines").reason == "春节"


def test_another_countys_months_do_not_exist(
    client: Client, draft: Scheme, county: Unit, county_admin: User, east_editor: User
) -> None:
    publish(draft, county_admin)
    period = periods.plan_period(county, OCTOBER, by=county_admin)
    client.force_login(east_editor)
    assert client.get(url("period_calendar")).status_code == 200
    assert client.get(url("period_dates", period.pk)).status_code == 403


# --- Holidays -------------------------------------------------------------------------------------


def test_a_pasted_list_is_stored_and_moves_planned_months(
    admin: Client, draft: Scheme, county: Unit, county_admin: User
) -> None:
    publish(draft, county_admin, date(2026, 9, 1))
    september = periods.plan_period(county, date(2026, 9, 1), by=county_admin)
    october = periods.open_period(periods.plan_period(county, OCTOBER, by=county_admin), by=county_admin, now=NOW)
    text = "2026-10-01至2026-10-07 国庆节 休\n２０２６年１０月１０日,国庆节调休,班\n2026/11/3\t停工\t休\n"
    response = admin.post(url("holidays"), {"county": county.pk, "days": text}, follow=True)
    assert WorkdayException.objects.filter(unit=county).count() == 9
    assert WorkdayException.objects.get(day=date(2026, 10, 10)).is_workday
    assert WorkdayException.objects.get(day=date(2026, 10, 5)).label == "国庆节"
    assert Period.objects.get(pk=september.pk).submit_by.isoformat() == "2026-10-08T10:00:00+00:00"
    assert Period.objects.get(pk=october.pk).submit_by == october.submit_by
    assert "2026-09" in [str(message) for message in response.context["messages"]][1]
    again = admin.post(url("holidays"), {"county": county.pk, "days": text}, follow=True)
    assert "0" in str(next(iter(again.context["messages"])))
    assert AuditEvent.objects.filter(event="branches.change_workdayexception").count() == 1


@pytest.mark.parametrize(
    "text", ["", "国庆节 休", "2026-02-30 x", "2026-10-07至2026-10-01 x", "2026-01-01至2026-03-01 x", "2026-10-01至 x"]
)
def test_a_list_that_cannot_be_read_stores_nothing_and_says_which_line(admin: Client, county: Unit, text: str) -> None:
    response = admin.post(url("holidays"), {"county": county.pk, "days": f"2026-10-10 班\n{text}" if text else ""})
    assert response.status_code == 422
    assert response.context["problems"][0].line == (2 if text else 1)
    assert not WorkdayException.objects.exists()


def test_a_removed_day_is_put_back(admin: Client, county: Unit) -> None:
    admin.post(url("holidays"), {"county": county.pk, "days": "2026-10-01至2026-10-03 国庆节 休"})
    data = {"county": county.pk, "first": "2026-10-01", "last": "2026-10-03"}
    response = admin.post(url("holiday_remove"), data, follow=True)
    assert not WorkdayException.objects.exists()
    admin.post(url("holidays"), {"county": county.pk, "days": response.context["removed"]})
    assert list(WorkdayException.objects.values_list("day", "label", "is_workday"))[-1] == (
        date(2026, 10, 1),
        "国庆节",
        False,
    )


def test_holidays_are_written_by_the_county_staff_only(client: Client, county: Unit, east_editor: User) -> None:
    client.force_login(east_editor)
    assert client.get(url("holidays")).status_code == 200
    assert client.post(url("holidays"), {"county": county.pk, "days": "2026-10-10 班"}).status_code == 403
    assert not WorkdayException.objects.exists()
