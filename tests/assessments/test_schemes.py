"""Versions of a scheme: loaded, written, checked, published, frozen (handbook 11.1)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEvent, User
from assessments import comparison
from assessments.in_force import effective_source, rules_in_force, set_aside
from assessments.models import AdjustmentItem, Category, Indicator, Period, Scheme, SchemeExample
from assessments.rules import IndicatorRule, burden
from assessments.services import periods, schemes
from branches.models import Unit

NOW = datetime(2026, 9, 20, 2, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
NOVEMBER = date(2026, 11, 1)


def make_draft(county: Unit, by: User, number: str = "2026-1", document: str = "青组发〔2026〕8号") -> Scheme:
    scheme = schemes.load_seed_scheme(county, by=by, number=number, now=NOW)
    return change(scheme, by, lambda layout: layout.update(document=document))


def change(scheme: Scheme, by: User, edit: Callable[[dict[str, Any]], None]) -> Scheme:
    schemes.change_scheme(scheme, edit, version=scheme.version, by=by, now=NOW)
    return Scheme.objects.get(pk=scheme.pk)


def publish(scheme: Scheme, by: User, first_month: date = OCTOBER) -> Scheme:
    return schemes.publish_scheme(scheme, by=by, first_month=first_month, now=NOW)


def set_weight(code: str, weight: str) -> Callable[[dict[str, Any]], None]:
    def edit(layout: dict[str, Any]) -> None:
        next(item for item in layout["indicators"] if item["code"] == code)["weight"] = weight

    return edit


def codes(error: pytest.ExceptionInfo[ValidationError]) -> set[str]:
    return {item.code for item in error.value.error_list}


# --- The scheme of the handbook -----------------------------------------------------------


def test_seed_scheme_is_stored_as_the_handbook_says(county: Unit, county_admin: User) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="2026-1")
    assert (scheme.state, scheme.number, scheme.path) == ("draft", "2026-1", county.path)
    assert scheme.indicators.count() == 29
    weights = {
        code: sum(row.weight for row in scheme.indicators.filter(category__code=code))
        for code in ("A", "B", "C", "D", "E")
    }
    assert weights == {"A": 30, "B": 14, "C": 22, "D": 20, "E": 14}
    assert scheme.adjustment_items.filter(kind="veto").count() == 7
    assert AuditEvent.objects.filter(event="assessments.add_scheme", target_id=str(scheme.pk)).count() == 1


def test_seed_scheme_lacks_only_its_document_number(county: Unit, county_admin: User) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="2026-1")
    assert [item.code for item in schemes.problems_of(schemes.layout_of(scheme))] == ["document_missing"]


def test_seed_scheme_asks_ten_indicators_and_fifteen_cells(county: Unit, county_admin: User) -> None:
    asked = burden(schemes.rules_of(make_draft(county, county_admin)))
    assert (asked.indicators, asked.cells, asked.warnings) == (10, 15, ())


def test_every_seed_example_gives_its_points(county: Unit, county_admin: User) -> None:
    outcomes = schemes.examples_of(schemes.layout_of(make_draft(county, county_admin)))
    assert len(outcomes) == 7
    assert [item.title for item in outcomes if not item.is_met] == []


def test_layout_survives_storing_and_reading(county: Unit, county_admin: User) -> None:
    scheme = make_draft(county, county_admin)
    before = schemes.layout_of(scheme)
    with transaction.atomic():
        schemes._write(scheme, deepcopy(before))
    assert schemes.layout_of(scheme) == before


def test_a_number_is_given_once_in_a_county(county: Unit, county_admin: User) -> None:
    make_draft(county, county_admin)
    with pytest.raises(ValidationError) as refused:
        schemes.load_seed_scheme(county, by=county_admin, number="2026-1")
    assert codes(refused) == {"number_taken"}
    assert Scheme.objects.count() == 1


# --- Changing a draft ---------------------------------------------------------------------


def test_a_change_is_stored_counted_and_recorded(county: Unit, county_admin: User) -> None:
    scheme = make_draft(county, county_admin)
    changed = change(scheme, county_admin, set_weight("C1", "8"))
    assert changed.indicators.get(code="C1").weight == Decimal(8)
    assert changed.version == scheme.version + 1
    assert (changed.changed_by, changed.changed_at) == (county_admin, NOW)
    event = AuditEvent.objects.filter(event="assessments.change_scheme").latest("pk")
    assert list(event.changes.values()) == [["7", "8"]]


def test_who_saw_an_older_version_is_refused_and_told_who_was_faster(county: Unit, county_admin: User) -> None:
    scheme = make_draft(county, county_admin)
    change(scheme, county_admin, set_weight("C1", "8"))
    with pytest.raises(ValidationError) as refused:
        schemes.change_scheme(scheme, set_weight("C1", "9"), version=scheme.version, by=county_admin, now=NOW)
    assert codes(refused) == {"changed_meanwhile"}
    assert "county_admin" in refused.value.messages[0]
    assert "09-20 10:00" in refused.value.messages[0]
    assert scheme.indicators.get(code="C1").weight == Decimal(8)


def test_a_change_is_undone_and_brought_back(county: Unit, county_admin: User) -> None:
    scheme = make_draft(county, county_admin)
    before = schemes.layout_of(scheme)

    def remove(layout: dict[str, Any]) -> None:
        layout["indicators"] = [item for item in layout["indicators"] if item["code"] != "E4"]

    scheme = change(scheme, county_admin, remove)
    after = schemes.layout_of(scheme)
    assert len(after["indicators"]) == 28
    schemes.undo_change(scheme, version=scheme.version, by=county_admin, now=NOW)
    assert schemes.layout_of(Scheme.objects.get(pk=scheme.pk)) == before
    scheme.refresh_from_db()
    schemes.undo_change(scheme, version=scheme.version, by=county_admin, now=NOW)
    assert schemes.layout_of(Scheme.objects.get(pk=scheme.pk)) == after


def test_a_fresh_draft_has_nothing_to_undo(county: Unit, county_admin: User) -> None:
    scheme = schemes.load_seed_scheme(county, by=county_admin, number="1")
    with pytest.raises(ValidationError) as refused:
        schemes.undo_change(scheme, version=scheme.version, by=county_admin, now=NOW)
    assert codes(refused) == {"nothing_to_undo"}


def test_writing_takes_the_same_queries_for_any_size(
    county: Unit, county_admin: User, django_assert_num_queries: Any
) -> None:
    scheme = make_draft(county, county_admin)
    scheme = change(scheme, county_admin, set_weight("C1", "7.5"))
    with django_assert_num_queries(CHANGE_QUERIES):
        schemes.change_scheme(scheme, set_weight("C1", "8"), version=scheme.version, by=county_admin, now=NOW)
    scheme.refresh_from_db()

    def keep_three(layout: dict[str, Any]) -> None:
        layout["indicators"] = layout["indicators"][:3]

    scheme = change(scheme, county_admin, keep_three)
    with django_assert_num_queries(CHANGE_QUERIES):
        schemes.change_scheme(scheme, set_weight("A1", "5"), version=scheme.version, by=county_admin, now=NOW)


CHANGE_QUERIES = 19


def test_a_draft_can_be_thrown_away_a_published_one_cannot(county: Unit, county_admin: User) -> None:
    scheme = make_draft(county, county_admin)
    schemes.discard_draft(scheme, version=scheme.version, by=county_admin)
    assert Scheme.objects.count() == Indicator.objects.count() == 0
    published = publish(make_draft(county, county_admin), county_admin)
    with pytest.raises(ValidationError) as refused:
        schemes.discard_draft(published, version=published.version, by=county_admin)
    assert codes(refused) == {"published"}


# --- Publication --------------------------------------------------------------------------


def no_edit(layout: dict[str, Any]) -> None:
    """Leaves the scheme as it is."""


def remove_examples(layout: dict[str, Any]) -> None:
    layout["examples"] = []


def spoil_example(layout: dict[str, Any]) -> None:
    layout["examples"][0]["expected"]["total"] = "92.30"


def spoil_calendar(layout: dict[str, Any]) -> None:
    layout["calendar"]["lock"] = {"day": 2, "months_later": 1, "time": "18:00", "working_days_after": 0}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda layout: layout.update(document=" "), {"document_missing"}),
        (remove_examples, {"examples_missing"}),
        (spoil_example, {"example_differs"}),
        (spoil_calendar, {"steps_out_of_order"}),
        (set_weight("C1", "7.1"), {"weights_not_100"}),
        (set_weight("C1", "6.9"), {"weights_not_100"}),
        (lambda layout: layout.update(bonus_cap="6"), {"bonus_cap_out_of_range", "example_differs"}),
        (lambda layout: layout.update(grades=[]), {"grades_not_falling", "grade_cap_unknown"}),
    ],
)
def test_what_is_not_in_order_is_not_published(
    county: Unit, county_admin: User, edit: Callable[[dict[str, Any]], None], expected: set[str]
) -> None:
    scheme = change(make_draft(county, county_admin), county_admin, edit)
    with pytest.raises(ValidationError) as refused:
        publish(scheme, county_admin)
    assert codes(refused) <= expected
    assert codes(refused)
    assert Scheme.objects.get(pk=scheme.pk).state == "draft"


def test_publication_freezes_the_rules_and_names_its_first_month(county: Unit, county_admin: User) -> None:
    draft = make_draft(county, county_admin)
    rules = schemes.rules_of(draft)
    scheme = Scheme.objects.get(pk=publish(draft, county_admin).pk)
    assert (scheme.state, scheme.first_month, scheme.published_by) == ("published", OCTOBER, county_admin)
    assert schemes.rules_of(scheme).canonical() == rules.canonical()
    event = AuditEvent.objects.get(event="assessments.publish_scheme")
    assert event.changes["checksum"] == rules.checksum()


def test_a_double_click_publishes_once(county: Unit, county_admin: User) -> None:
    draft = make_draft(county, county_admin)
    publish(draft, county_admin)
    with pytest.raises(ValidationError) as refused:
        publish(draft, county_admin)
    assert codes(refused) == {"published"}
    assert AuditEvent.objects.filter(event="assessments.publish_scheme").count() == 1


def test_a_scheme_does_not_begin_where_months_have_opened(county: Unit, county_admin: User) -> None:
    publish(make_draft(county, county_admin), county_admin)
    period = periods.plan_period(county, OCTOBER, by=county_admin)
    periods.open_period(period, by=county_admin, now=NOW)
    second = schemes.copy_scheme(Scheme.objects.get(), by=county_admin, number="2026-2")
    with pytest.raises(ValidationError) as refused:
        publish(second, county_admin, OCTOBER)
    assert codes(refused) == {"month_begun"}
    assert "2026-10" in refused.value.messages[0]
    publish(second, county_admin, NOVEMBER)
    assert schemes.scheme_in_force(county, OCTOBER).number == "2026-1"
    assert schemes.scheme_in_force(county, NOVEMBER).number == "2026-2"
    assert schemes.scheme_in_force(county, date(2026, 9, 1)) is None


def test_planned_months_follow_a_newly_published_scheme(county: Unit, county_admin: User) -> None:
    publish(make_draft(county, county_admin), county_admin)
    periods.plan_months(county, [OCTOBER, NOVEMBER], by=county_admin)
    second = schemes.copy_scheme(Scheme.objects.get(), by=county_admin, number="2026-2")
    second = change(second, county_admin, lambda layout: layout["calendar"]["submit"].update(time="17:00"))
    publish(second, county_admin, NOVEMBER)
    october, november = Period.objects.order_by("month")
    assert (october.scheme.number, november.scheme.number) == ("2026-1", "2026-2")
    assert november.submit_by.isoformat() == "2026-12-03T09:00:00+00:00"


def test_a_copy_says_the_same_under_another_number(county: Unit, county_admin: User) -> None:
    first = publish(make_draft(county, county_admin), county_admin)
    copy = schemes.copy_scheme(first, by=county_admin, number="2026-2")
    assert (copy.state, copy.copied_from, copy.snapshot) == ("draft", first, None)
    found = comparison.changes(schemes.layout_of(first), schemes.layout_of(copy))
    assert [(item.section, item.code, item.before, item.after) for item in found] == [
        ("details", "number", "2026-1", "2026-2")
    ]


# --- Invariant 1: a published version cannot change -----------------------------------------


ORM_WRITES: dict[str, Callable[[Scheme], object]] = {
    "scheme, bulk update": lambda scheme: Scheme.objects.filter(pk=scheme.pk).update(bonus_cap=4),
    "scheme, back to draft": lambda scheme: Scheme.objects.filter(pk=scheme.pk).update(state="draft"),
    "scheme, snapshot": lambda scheme: Scheme.objects.filter(pk=scheme.pk).update(snapshot={}),
    "scheme, first month": lambda scheme: Scheme.objects.filter(pk=scheme.pk).update(first_month=NOVEMBER),
    "indicator, bulk update": lambda scheme: Indicator.objects.filter(scheme=scheme).update(weight=1),
    "indicator, delete": lambda scheme: Indicator.objects.filter(scheme=scheme, code="A1").delete(),
    "indicator, insert": lambda scheme: Indicator.objects.create(
        scheme=scheme, category=scheme.categories.first(), code="X1", name="x", weight=0, rule_type="manual", source="T"
    ),
    "category, bulk update": lambda scheme: Category.objects.filter(scheme=scheme).update(name="x"),
    "item, bulk update": lambda scheme: AdjustmentItem.objects.filter(scheme=scheme).update(cap=1),
    "item, delete": lambda scheme: AdjustmentItem.objects.filter(scheme=scheme).delete(),
    "example, bulk update": lambda scheme: SchemeExample.objects.filter(scheme=scheme).update(title="x"),
}


@pytest.mark.parametrize("write", ORM_WRITES.values(), ids=ORM_WRITES.keys())
def test_the_database_refuses_writes_to_a_published_scheme(
    county: Unit, county_admin: User, write: Callable[[Scheme], object]
) -> None:
    scheme = publish(make_draft(county, county_admin), county_admin)
    before = schemes.layout_of(scheme)
    with pytest.raises(DatabaseError, match="a published scheme cannot change"), transaction.atomic():
        write(scheme)
    assert schemes.layout_of(Scheme.objects.get(pk=scheme.pk)) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assessments_scheme SET document = 'x' WHERE id = {pk}",
        "UPDATE assessments_scheme SET state = 'draft' WHERE id = {pk}",
        "DELETE FROM assessments_schemeexample WHERE scheme_id = {pk}",
        "UPDATE assessments_indicator SET weight = 50 WHERE scheme_id = {pk}",
        "UPDATE assessments_indicator SET scheme_id = {pk} WHERE scheme_id = {other}",
        "DELETE FROM assessments_indicator WHERE scheme_id = {pk}",
        "UPDATE assessments_adjustmentitem SET levels = '[]' WHERE scheme_id = {pk}",
        "UPDATE assessments_category SET code = 'Z' WHERE scheme_id = {pk}",
    ],
)
def test_the_database_refuses_raw_statements_too(county: Unit, county_admin: User, statement: str) -> None:
    scheme = publish(make_draft(county, county_admin), county_admin)
    other = schemes.copy_scheme(scheme, by=county_admin, number="2026-2")
    before = schemes.layout_of(scheme)
    refused = pytest.raises(DatabaseError, match="a published scheme cannot change")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(pk=scheme.pk, other=other.pk))
    assert schemes.layout_of(Scheme.objects.get(pk=scheme.pk)) == before


def test_a_published_scheme_still_moves_with_the_tree(county: Unit, county_admin: User) -> None:
    scheme = publish(make_draft(county, county_admin), county_admin)
    Scheme.objects.filter(pk=scheme.pk).update(path="00090001")
    assert Scheme.objects.get(pk=scheme.pk).path == "00090001"


def test_the_service_refuses_a_published_scheme_in_words(county: Unit, county_admin: User) -> None:
    scheme = publish(make_draft(county, county_admin), county_admin)
    with pytest.raises(ValidationError) as refused:
        schemes.change_scheme(scheme, set_weight("C1", "8"), version=scheme.version, by=county_admin, now=NOW)
    assert codes(refused) == {"published"}


# --- What differs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (no_edit, []),
        (set_weight("C1", "6.5"), [("indicators", "changed", "C1", "7", "6.5")]),
        (lambda layout: layout.update(bonus_cap="4"), [("grades", "changed", "", "5", "4")]),
        (lambda layout: layout["grades"][0].update(minimum="85"), [("grades", "changed", "advanced", "90", "85")]),
        (lambda layout: layout.update(owner="组织科"), [("details", "changed", "owner", "", "组织科")]),
        (
            lambda layout: layout["categories"][0].update(name="组织工作"),
            [("categories", "changed", "A", "组织建设", "组织工作")],
        ),
    ],
)
def test_differences_are_named_once(
    county: Unit,
    county_admin: User,
    edit: Callable[[dict[str, Any]], None],
    expected: list[tuple[str, str, str, str, str]],
) -> None:
    before = schemes.layout_of(make_draft(county, county_admin))
    after = deepcopy(before)
    edit(after)
    found = comparison.changes(before, after)
    assert [(item.section, item.kind, item.code, item.before, item.after) for item in found] == expected


def test_added_and_removed_indicators_are_named() -> None:
    before = schemes.seed_layout()
    after = deepcopy(before)
    gone = after["indicators"].pop()
    after["indicators"].append({**gone, "code": "E9", "name": "新指标"})
    found = comparison.changes(before, after)
    assert [(item.kind, item.code) for item in found] == [("removed", "E4"), ("added", "E9")]
    assert "新指标" in found[1].subject


# --- Sources that arrive later ----------------------------------------------------------------


def rule(**fields: Any) -> IndicatorRule:
    known = {"code": "C1", "name": "n", "category": "C", "weight": 700, "rule_type": "ratio", "source": "S"}
    return IndicatorRule(**{**known, "source_code": "funds.income", **fields})


@pytest.mark.parametrize(
    ("fields", "registered", "expected"),
    [
        ({}, {"funds.income"}, "S"),
        ({}, set(), "NA"),
        ({"parameters": {"until_source": "not_applicable"}}, set(), "NA"),
        ({"parameters": {"until_source": "county"}}, set(), "C"),
        ({"parameters": {"until_source": "county"}}, {"funds.income"}, "S"),
        ({"source": "T"}, set(), "T"),
        ({"source": "C"}, set(), "C"),
        ({"rule_type": "not_applicable"}, {"funds.income"}, "NA"),
    ],
)
def test_effective_source(fields: dict[str, Any], registered: set[str], expected: str) -> None:
    assert effective_source(rule(**fields), registered) == expected


def test_rules_in_force_leave_entered_indicators_alone(county: Unit, county_admin: User) -> None:
    rules = schemes.rules_of(make_draft(county, county_admin))
    every = {item.source_code for item in rules.indicators if item.source == "S"}
    assert rules_in_force(rules, every) == rules
    month = rules_in_force(rules, every - {"collective_economy.income_progress", "cadres.posts_vacant"})
    found = {item.rule.code: item.treatment for item in set_aside(rules, month)}
    assert found == {"B2": "NA", "C1": "C"}
    assert [cell.code for cell in month.cells("C")] == ["C1.d", "C1.n", "D6"]
    assert sum(item.weight for item in month.indicators) == 10_000


# --- Who sees what --------------------------------------------------------------------------


def test_a_draft_is_seen_in_the_county_office_only(
    county: Unit, county_admin: User, county_leader: User, east_editor: User, newcomer: User
) -> None:
    scheme = make_draft(county, county_admin)
    models = (Scheme, Category, Indicator, AdjustmentItem)
    for user, sees in ((county_admin, True), (county_leader, True), (east_editor, False), (newcomer, False)):
        assert {model.objects.for_user(user).exists() for model in models} == {sees}, user
    publish(scheme, county_admin)
    assert {model.objects.for_user(east_editor).exists() for model in models} == {True}
    assert not Scheme.objects.for_user(east_editor, "change").exists()
