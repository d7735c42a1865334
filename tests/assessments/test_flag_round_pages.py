"""The screens on which a county sets up its own practice of flags, without code (handbook 2.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from assessments.models import FlagCategory, FlagCriterion, FlagRound
from assessments.services import flag_rounds
from assessments.services.flag_rounds import round_problems
from branches.models import Unit
from tests.assessments.month_ground import make_scheme
from tests.assessments.test_flag_rounds import VALUES

pytestmark = pytest.mark.django_db
SETTINGS = {name: str(value) for name, value in VALUES.items()}


@pytest.fixture
def office(county: Unit, county_admin: User) -> Client:
    client = Client()
    client.force_login(county_admin)
    return client


@pytest.fixture
def draft(county: Unit, county_admin: User) -> FlagRound:
    return flag_rounds.add_round(county, VALUES, copy_of=None, by=county_admin)


def send(client: Client, name: str, pk: int | None, values: dict[str, Any], *more: Any) -> Any:
    args = ([] if pk is None else [pk]) + list(more)
    return client.post(reverse(f"assessments:{name}", args=args), values)


def version_of(row: FlagRound) -> str:
    return str(FlagRound.objects.get(pk=row.pk).version)


def write_category(office: Client, row: FlagRound, criteria: list[tuple[str, str]], **values: Any) -> FlagCategory:
    """Through the pages: a flag and its criteria, (name, points) each, scored by the department."""
    values = {"lead": "县委组织部", "pass_line": "80", "base_version": version_of(row), **values}
    assert send(office, "flag_category_new", row.pk, values).status_code == 302
    category = FlagCategory.objects.get(round=row, code=values["code"])
    for number, (name, points) in enumerate(criteria, 1):
        item = {"code": f"{category.code}-{number}", "name": name, "points": points, "source": "D"}
        item["base_version"] = version_of(row)
        assert send(office, "flag_criterion_new", category.pk, item).status_code == 302
    return category


def test_a_round_is_set_up_changed_and_opened(office: Client, county: Unit) -> None:
    answer = send(office, "flag_round_new", None, SETTINGS)
    row = FlagRound.objects.get()
    assert answer.headers["Location"] == reverse("assessments:flag_round", args=[row.pk])
    page = office.get(answer.headers["Location"]).content.decode()
    assert "主题党日每月开展" in page
    assert "规则已经完整" in page
    changed = {**SETTINGS, "title": "五面红旗", "title_en": "Five", "notice_days": "7", "panel_share": "0"}
    changed |= {"panel_dropped": "1", "base_version": "1"}
    assert send(office, "flag_round_edit", row.pk, changed).status_code == 302
    assert FlagRound.objects.get().notice_days == 7
    old = send(office, "flag_round_edit", row.pk, {**changed, "notice_days": "9", "base_version": "1"})
    assert old.status_code == 422
    assert FlagRound.objects.get().notice_days == 7, "the second editor is told"
    send(office, "flag_round_open", row.pk, {"base_version": "2"})
    assert FlagRound.objects.get().state == "open"
    refused = send(office, "flag_round_edit", row.pk, {**changed, "base_version": "3"})
    assert refused.status_code == 422
    assert "评选启动后规则不再改动" in refused.content.decode()
    send(office, "flag_round_close", row.pk, {"base_version": "3"})
    assert FlagRound.objects.get().state == "closed"


def test_what_is_missing_is_said_and_opening_is_refused(office: Client, draft: FlagRound) -> None:
    item = FlagCriterion.objects.get(category__round=draft, code="F4-3")
    send(office, "flag_part_remove", draft.pk, {"base_version": "1"}, "criterion", item.pk)
    page = office.get(reverse("assessments:flag_round", args=[draft.pk])).content.decode()
    assert "“美丽乡村”各项分值合计 85 分，应为 100 分。" in page
    send(office, "flag_round_open", draft.pk, {"base_version": "2"})
    assert FlagRound.objects.get().state == "draft"


PRACTICES = {
    "six flags": (
        {"title": "六面红旗"},
        {"F6": {"name": "人才兴村", "criteria": [("返乡人才", "60"), ("技能培训", "40")]}},
        [],
        6,
    ),
    "four flags, ten of each": (
        {"title": "四面红旗"},
        {},
        ["F2"],
        4,
    ),
    "five stars of 100 points, won at 80": (
        {"title": "五星支部", "notice_days": "5"},
        {
            f"S{number}": {"name": name, "criteria": [("基础分", "100")]}
            for number, name in enumerate(("支部过硬星", "产业兴旺星", "生态宜居星", "平安法治星", "文明幸福星"), 1)
        },
        ["F1", "F2", "F3", "F4", "F5"],
        5,
    ),
}


@pytest.mark.parametrize("practice", PRACTICES)
def test_other_practices_are_set_up_on_the_screens(
    office: Client, county: Unit, draft: FlagRound, practice: str
) -> None:
    settings, added, removed, count = PRACTICES[practice]
    change = {**SETTINGS, "panel_share": "30", "panel_dropped": "1", "notice_days": "5", "title_en": "", **settings}
    assert send(office, "flag_round_edit", draft.pk, {**change, "base_version": "1"}).status_code == 302
    for code, category in added.items():
        write_category(office, draft, category["criteria"], code=code, name=category["name"], quota="10")
    for code in removed:
        part = FlagCategory.objects.get(round=draft, code=code)
        send(office, "flag_part_remove", draft.pk, {"base_version": version_of(draft)}, "category", part.pk)
    send(office, "flag_round_open", draft.pk, {"base_version": version_of(draft)})
    row = FlagRound.objects.get()
    assert (row.state, row.title, row.panel_share) == ("open", settings["title"], 30)
    assert row.categories.count() == count
    assert round_problems(row) == []


def test_a_computed_criterion_is_written_by_its_form(office: Client, draft: FlagRound, county: Unit) -> None:
    make_scheme(county)
    category = FlagCategory.objects.get(round=draft, code="F4")
    page = office.get(reverse("assessments:flag_criterion_new", args=[category.pk])).content.decode()
    assert "D6 群众满意度" in page, "indicators of the county's own scheme that people enter"
    values = {
        "code": "F4-7",
        "name": "群众满意度",
        "points": "12.5",
        "source": "S",
        "source_code": ["month:D6"],
        "over": "mean",
        "rule_type": "linear",
        "p-low": "60",
        "p-high": "90",
        "base_version": "1",
    }
    assert send(office, "flag_criterion_new", category.pk, values).status_code == 302
    item = FlagCriterion.objects.get(code="F4-7")
    assert (item.points, item.source_code, item.rule_type) == (Decimal("12.5"), "month:D6", "linear")
    assert item.parameters == {"over": "mean", "low": "60", "high": "90"}
    edit = office.get(reverse("assessments:flag_criterion_edit", args=[item.pk]))
    assert edit.context["form"].initial["points"] == "12.5"
    chosen = {**values, "rule_type": "band", "change_rule": "1", "base_version": "2"}
    shown = send(office, "flag_criterion_edit", item.pk, chosen)
    assert shown.status_code == 200
    assert "p-bands" in shown.context["form"].fields
    assert FlagCriterion.objects.get(code="F4-7").rule_type == "linear", "looking at a rule saves nothing"


def test_a_gate_is_written_by_its_form(office: Client, draft: FlagRound) -> None:
    category = FlagCategory.objects.get(round=draft, code="F1")
    values = {
        "code": "F1-G4",
        "name": "书记没有长期空缺",
        "is_gate": "on",
        "source": "S",
        "source_code": ["cadres.secretary_vacant"],
        "over": "last",
        "at_most": "0",
        "no_data": "met",
        "base_version": "1",
    }
    assert send(office, "flag_criterion_new", category.pk, values).status_code == 302
    item = FlagCriterion.objects.get(code="F1-G4")
    assert (item.is_gate, item.points, item.rule_type) == (True, 0, "")
    assert item.parameters == {"over": "last", "at_most": "0", "no_data": "met"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"points": ""}, "评分项要填分值"),
        ({"points": "0"}, "评分项要填分值"),
        ({"code": "F1-1"}, "本类别中已有这个代码"),
        ({"source": "S"}, "请选择由哪个台账计算"),
        ({"source": "S", "source_code": ["cadres.flag_reserve"], "over": "sum"}, "系统里没有"),
        ({"points": "abc"}, "数字"),
    ],
)
def test_what_cannot_be_kept_stays_on_the_form_with_a_sentence(
    office: Client, draft: FlagRound, changes: dict[str, Any], words: str
) -> None:
    category = FlagCategory.objects.get(round=draft, code="F1")
    values = {"code": "F1-9", "name": "新项目", "points": "5", "source": "D", "rule_type": "ratio", "base_version": "1"}
    answer = send(office, "flag_criterion_new", category.pk, {**values, **changes})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "新项目" in answer.content.decode(), "what was typed stays"
    assert FlagRound.objects.get().version == 1


def test_a_part_is_taken_out_only_as_its_reader_saw_the_round(office: Client, draft: FlagRound) -> None:
    part = FlagCategory.objects.get(round=draft, code="F5")
    send(office, "flag_part_remove", draft.pk, {"base_version": "9"}, "category", part.pk)
    assert FlagCategory.objects.filter(pk=part.pk).exists()
    assert send(office, "flag_part_remove", draft.pk, {"base_version": "1"}, "village", part.pk).status_code == 404
    send(office, "flag_part_remove", draft.pk, {"base_version": "1"}, "category", part.pk)
    assert not FlagCategory.objects.filter(pk=part.pk).exists()


def test_the_rules_are_read_by_townships_without_buttons(
    draft: FlagRound, east_editor: User, django_assert_num_queries: Any
) -> None:
    client = Client()
    client.force_login(east_editor)
    page = client.get(reverse("assessments:flag_round", args=[draft.pk])).content.decode()
    assert "主题党日每月开展" in page
    assert reverse("assessments:flag_round_open", args=[draft.pk]) not in page
    with translation.override("en"):
        listed = client.get(reverse("assessments:flag_round_list")).content.decode()
    assert "2026年上半年" in listed
    assert reverse("assessments:flag_round_new") not in listed
