"""The grid as its users meet it: keyboard, paste, undo, two people, no network, handing in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import translation
from playwright.sync_api import BrowserContext, Page, Route, expect

from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments import cells
from assessments.models import Period, Return
from assessments.services import review
from branches import indicators
from branches.models import Unit
from tests.assessments import test_cells
from tests.browser.conftest import PHONE, SignIn
from tests.browser.grid_ground import (
    ENTRY,
    SOURCES,
    VILLAGES,
    cell,
    fill_month,
    make_months,
    make_township,
    open_grid,
    row_of,
    songling,
    wait_saved,
)
from tests.conftest import make_user

COLUMNS = [
    "A5.n",
    "A8.n",
    "B1",
    "B5.d",
    "B5.n",
    "D2.d",
    "D2.n",
    "D3.d",
    "D3.n",
    "D5.d",
    "D5.n",
    "E1",
    "E2.d",
    "E2.n",
    "E4",
]


@pytest.fixture
def township(county: Unit) -> Unit:
    return make_township(county)


@pytest.fixture
def period(county: Unit, township: Unit) -> Iterator[Period]:
    with indicators.replaced(*SOURCES):
        yield make_months(county)


@pytest.fixture
def submission(period: Period) -> Return:
    return songling(period)


@pytest.fixture
def secretary(township: Unit) -> User:
    return make_user("周明远", Role.TS, township)


def value(period: Period, village: str, code: str) -> Any:
    return row_of(period, village).values.get(code)


def active(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))


def paste(page: Page, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def shown(page: Page, name: str) -> Any:
    return page.locator(f'[data-grid="{name}"]')


# --- By keyboard --------------------------------------------------------------------------------


def test_a_month_of_sixteen_villages_is_typed_by_keyboard_and_handed_in(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "党费已缴").focus()
    for place, _village in enumerate(VILLAGES):
        for code in COLUMNS:
            page.keyboard.type(str(ENTRY[code][place]))
            page.keyboard.press("Tab")
    wait_saved(page)
    expect(shown(page, "filled")).to_have_text("已填 240 / 240")
    for place, village in enumerate(VILLAGES):
        stored = row_of(period, village).values
        assert {code: stored[code] for code in COLUMNS} == {code: ENTRY[code][place] * 10_000 for code in COLUMNS}
    page.keyboard.press("F8")
    shown(page, "submit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#grid-submit[open]")).to_be_visible()
    shown(page, "confirm").focus()
    page.keyboard.press("Enter")
    expect(shown(page, "withdraw")).to_be_visible()
    assert songling(period).state == "submitted"


def test_keys_move_as_in_a_spreadsheet(sign_in: SignIn, submission: Return, secretary: User) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "党费已缴").focus()
    moves = [
        ("Enter", "西松村 党费已缴"),
        ("Shift+Enter", "东松村 党费已缴"),
        ("Tab", "东松村 三务公开已公开"),
        ("Shift+Tab", "东松村 党费已缴"),
        ("ArrowDown", "西松村 党费已缴"),
        ("ArrowRight", "西松村 三务公开已公开"),
        ("ArrowUp", "东松村 三务公开已公开"),
        ("ArrowLeft", "东松村 党费已缴"),
        ("End", "东松村 设施未修"),
        ("Tab", "西松村 党费已缴"),
        ("Control+End", "古井村 设施未修"),
        ("Home", "古井村 党费已缴"),
        ("Enter", "东松村 三务公开已公开"),
        ("Control+Home", "东松村 党费已缴"),
        ("PageDown", "大塘村 党费已缴"),
        ("PageUp", "东松村 党费已缴"),
    ]
    for key, where in moves:
        page.keyboard.press(key)
        assert active(page).startswith(where), key


def test_typing_replaces_f2_edits_and_escape_gives_back(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    target = cell(page, "东松村", "诉求到期")
    target.focus()
    page.keyboard.type("1")
    expect(target).to_have_value("1")
    page.keyboard.press("Escape")
    expect(target).to_have_value("9")
    page.keyboard.press("F2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("1")
    expect(target).to_have_value("19")
    page.keyboard.press("ArrowLeft")
    assert active(page).startswith("东松村 诉求到期")
    page.keyboard.press("Escape")
    page.keyboard.type("10")
    page.keyboard.press("ArrowLeft")
    assert active(page).startswith("东松村 纠纷化解")
    expect(target).to_have_value("10")
    wait_saved(page)
    assert value(period, "东松村", "D3.d") == 100000


def test_steps_are_undone_and_done_again(sign_in: SignIn, period: Period, submission: Return, secretary: User) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("93")
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    expect(cell(page, "西松村", "环境检查")).to_have_value("")
    page.keyboard.press("Control+z")
    expect(cell(page, "西松村", "环境检查")).to_have_value("90")
    page.keyboard.press("Control+z")
    expect(cell(page, "东松村", "环境检查")).to_have_value("92")
    page.keyboard.press("Control+y")
    expect(cell(page, "东松村", "环境检查")).to_have_value("93")
    wait_saved(page)
    assert (value(period, "东松村", "E1"), value(period, "西松村", "E1")) == (930000, 900000)


def test_blocks_are_selected_filled_down_and_cleared(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "交办任务交办").focus()
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    page.keyboard.type("5")
    page.keyboard.press("Shift+ArrowLeft")
    for _row in range(3):
        page.keyboard.press("Shift+ArrowDown")
    assert page.locator("#grid-table td.is-sel").count() == 8
    page.keyboard.press("Control+d")
    expect(shown(page, "action-text")).to_have_text("已向下填充 6 格")
    wait_saved(page)
    assert [value(period, village, "B5.d") for village in VILLAGES[:5]] == [60000] * 4 + [None]
    assert [value(period, village, "B5.n") for village in VILLAGES[:5]] == [50000] * 4 + [None]
    page.keyboard.press("Delete")
    expect(shown(page, "action-text")).to_have_text("已清空 8 格")
    shown(page, "undo").click()
    wait_saved(page)
    assert value(period, "岭头村", "B5.n") == 50000


def test_an_input_method_may_write_full_width_signs(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    for title, typed, tidy, code, stored in (
        ("环境检查", "８８。５", "88.5", "E1", 885000),
        ("诉求到期", "１，２００件", "1200", "D3.d", 12000000),
    ):
        target = cell(page, "东松村", title)
        target.focus()
        page.keyboard.insert_text(typed)
        page.keyboard.press("Tab")
        expect(target).to_have_value(tidy)
        wait_saved(page)
        assert value(period, "东松村", code) == stored


def test_a_known_whole_is_corrected_by_typing_both_numbers(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "党费已缴").focus()
    page.keyboard.type("40/42")
    page.keyboard.press("Enter")
    wait_saved(page)
    assert (value(period, "东松村", "A5.n"), value(period, "东松村", "A5.d")) == (400000, 420000)
    expect(page.locator("#grid-table tbody tr").first.locator(".d").first).to_have_text("/ 42")
    cell(page, "东松村", "党费已缴").focus()
    expect(shown(page, "tip")).to_contain_text("台账为 41 人，这里是 42 人")


# --- Copy and paste ------------------------------------------------------------------------------


def test_a_block_from_a_spreadsheet_lands_at_the_active_cell_and_is_undone_at_once(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "新田村", "交办任务交办").focus()
    paste(page, "7\t7\t1\t1\r\n7\t7\t1\t1\r\n７\t7\t2\t2件\r\n")
    expect(shown(page, "action-text")).to_have_text("已粘贴 3 行 × 4 列，共 12 格")
    assert page.locator("#grid-table td.is-range").count() == 12
    wait_saved(page)
    codes = ("B5.d", "B5.n", "D2.d", "D2.n")
    stored = [[value(period, village, code) for code in codes] for village in VILLAGES[10:13]]
    assert stored == [[70000, 70000, 10000, 10000]] * 2 + [[70000, 70000, 20000, 20000]]
    shown(page, "undo").click()
    wait_saved(page)
    page.wait_for_function("() => !document.querySelector('#grid-table td.is-unsaved')")
    assert [value(period, village, "B5.d") for village in VILLAGES[10:13]] == [None] * 3


def test_what_finds_no_place_is_skipped_and_said(sign_in: SignIn, submission: Return, secretary: User) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "古井村", "问题点位整改").focus()
    paste(page, "6\t1\t9\n7\t2\t9\n")
    expect(shown(page, "action-text")).to_have_text("已粘贴 2 行 × 3 列，共 2 格，跳过 4 格")


def test_rows_that_begin_with_names_find_their_villages(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "环境检查").focus()
    paste(page, "茶园村\t90\n 双井 \t88\n无名村\t1\n")
    expect(shown(page, "action-text")).to_have_text("已粘贴 2 行 × 1 列，共 2 格，没有这些村：无名村")
    wait_saved(page)
    assert [value(period, village, "E1") for village in ("东松村", "双井村", "茶园村")] == [None, 880000, 900000]


def test_the_filled_template_is_pasted_back_by_names_and_titles(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "党费已缴").focus()
    head = '村\t"设施未修\n处"\t"环境检查\n0–100"'
    paste(page, f"{head}\n岭头村\t1\t86\n西松村\t0\t90\n")
    wait_saved(page)
    assert (value(period, "岭头村", "E4"), value(period, "岭头村", "E1")) == (10000, 860000)
    assert (value(period, "西松村", "E4"), value(period, "西松村", "A5.n")) == (0, None)


def test_a_block_is_copied_as_a_table(sign_in: SignIn, period: Period, submission: Return, secretary: User) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "纠纷受理").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == "3\t3\n2\t2"


def test_cells_are_chosen_and_dragged_with_the_mouse(sign_in: SignIn, submission: Return, secretary: User) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    start, end = (
        cell(page, village, title).bounding_box() for village, title in (("东松村", "纠纷受理"), ("西松村", "诉求到期"))
    )
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 20, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 10, steps=6)
    page.mouse.up()
    assert page.locator("#grid-table td.is-sel").count() == 6
    cell(page, "东松村", "值班缺岗").click()
    assert page.locator("#grid-table td.is-sel").count() == 0
    cell(page, "西松村", "交办任务交办").click(modifiers=["Shift"])
    assert page.locator("#grid-table td.is-sel").count() == 4


# --- What is wrong ---------------------------------------------------------------------------------


def test_page_and_server_judge_alike(sign_in: SignIn, submission: Return, secretary: User) -> None:
    """The table of cases of tests/assessments/test_cells.py, run by the page's own script."""
    page = sign_in(secretary)
    open_grid(page, submission)
    with translation.override("zh-hans"):
        specs = {code: cells.spec_data(spec) for code, spec in test_cells.SPECS.items()}
        rules = cells.page_rules()
    answers = page.evaluate(
        """async ([specs, rules, cases]) => {
            const cells = await import("/static/js/grid-cells.js");
            const told = found => found ? {[found.code]: found.params} : null;
            const context = data => ({
                last: cells.fromStored(data.last), peers: data.peers || null,
                known: data.known === undefined ? null : data.known, unusualPercent: rules.unusualPercent,
            });
            const read = values => Object.fromEntries(
                Object.entries(values).map(([code, stored]) => [code, cells.fromStored(stored)]));
            return {
                typed: cases.typed.map(([code, text]) => {
                    const found = cells.parse(text, specs[code], rules);
                    return found.problem ? told(found.problem) : cells.toStored(found.value);
                }),
                sentences: cases.typed.map(([code, text]) => {
                    const found = cells.parse(text, specs[code], rules);
                    return found.problem ? cells.sentence(rules, found.problem) : "";
                }),
                checked: cases.checked.map(([code, values, data]) =>
                    told(cells.cellProblem(code, specs, read(values), context(data)))),
                percent: cases.percent.map(([scaled, last]) => cells.changePercent(scaled, last)),
            };
        }""",
        [specs, rules, test_cells.CASES],
    )
    for kind in ("typed", "checked", "percent"):
        for case, answer in zip(test_cells.CASES[kind], answers[kind], strict=True):
            assert answer == case[-1], case
    with translation.override("zh-hans"):
        for (code, text, _expected), sentence in zip(test_cells.CASES["typed"], answers["sentences"], strict=True):
            try:
                cells.parse(text, test_cells.SPECS[code])
                said = ""
            except cells.RefusedError as error:
                said = error.problem.message
            assert sentence == said, text


def test_what_cannot_be_stored_stays_on_the_page_with_the_reason(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    target = cell(page, "东松村", "环境检查")
    target.focus()
    page.keyboard.type("980")
    page.keyboard.press("Enter")
    expect(target).to_have_attribute("aria-invalid", "true")
    target.focus()
    expect(shown(page, "tip")).to_contain_text("980 大于 100，请核对")
    expect(shown(page, "errors-text")).to_have_text("1 处错误")
    page.wait_for_timeout(600)
    assert value(period, "东松村", "E1") is None
    page.reload()
    page.wait_for_selector("#grid-table[data-ready]")
    expect(cell(page, "东松村", "环境检查")).to_have_value("980")


def test_a_part_above_its_whole_is_marked_until_one_of_them_is_put_right(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    target = cell(page, "双井村", "纠纷化解")
    target.focus()
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    target.focus()
    expect(shown(page, "tip")).to_contain_text("化解 5 件，多于受理 3 件")
    cell(page, "双井村", "纠纷受理").focus()
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    expect(target).to_have_attribute("aria-invalid", "false")


def test_f8_goes_from_problem_to_problem_and_a_reason_is_written_on_the_way(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "岭下村", "诉求到期").focus()
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    expect(page.locator("td.is-wrn .h")).to_have_text("+500%")
    expect(shown(page, "submit")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("F8")
    page.keyboard.type("汛后集中受理")
    page.keyboard.press("Enter")
    assert active(page).startswith("岭下村 诉求到期")
    wait_saved(page)
    assert row_of(period, "岭下村").notes == {"D3.d": "汛后集中受理"}
    expect(shown(page, "submit")).to_have_attribute("aria-disabled", "false")


def test_a_disabled_submit_says_what_is_missing_and_leads_there(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period, 青石村={"E2.d": None, "E2.n": None})
    page = sign_in(secretary)
    open_grid(page, submission)
    expect(shown(page, "why")).to_have_text("还缺 2 格未填，处理完才能提交。")
    shown(page, "submit").click(force=True)
    assert active(page).startswith("青石村 问题点位交办")
    assert songling(period).state == "draft"


def test_filters_show_what_is_left_to_do(sign_in: SignIn, period: Period, submission: Return, secretary: User) -> None:
    fill_month(period, 青石村={"E2.d": None}, 双井村={"D2.n": 5})
    page = sign_in(secretary)
    open_grid(page, submission)
    rows = page.locator("#grid-table tbody tr:not([hidden])")
    page.locator('[data-filter="missing"]').click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("青石村")
    page.locator('[data-filter="problems"]').click()
    expect(rows.first).to_contain_text("双井村")
    page.locator('[data-filter="all"]').click()
    expect(rows).to_have_count(16)


def test_a_village_may_be_exempt_with_a_reason(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period, 桥头村={"D2.d": None, "D2.n": None})
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "桥头村", "纠纷受理").focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("button", name="本村免报").click()
    page.keyboard.type("整村搬迁")
    page.keyboard.press("Enter")
    wait_saved(page)
    stored = row_of(period, "桥头村").values
    assert stored["D2.d"] == stored["D2.n"] == [None, "exempt", "整村搬迁"]
    expect(shown(page, "filled")).to_have_text("已填 240 / 240")


# --- Saving, alone and together ---------------------------------------------------------------------


def test_two_people_on_one_cell_see_both_values_and_choose(
    sign_in: SignIn, period: Period, submission: Return, secretary: User, township: Unit
) -> None:
    colleague = make_user("王芳", Role.TS, township)
    first, second = sign_in(secretary), sign_in(colleague)
    for page in (first, second):
        open_grid(page, submission)
        cell(page, "东松村", "诉求到期").focus()
    second.keyboard.type("9")
    second.keyboard.press("Enter")
    wait_saved(second)
    first.keyboard.type("12")
    first.keyboard.press("Enter")
    expect(first.locator("td.is-conflict")).to_have_count(1)
    cell(first, "东松村", "诉求到期").focus()
    expect(shown(first, "tip")).to_contain_text(re.compile("王芳 于 .+ 填为 9，您填的是 12"))
    first.get_by_role("button", name="用我的 12").click()
    wait_saved(first)
    assert value(period, "东松村", "D3.d") == 120000
    second.keyboard.press("ArrowUp")
    second.keyboard.type("10")
    second.keyboard.press("Enter")
    expect(second.locator("td.is-conflict")).to_have_count(1)
    cell(second, "东松村", "诉求到期").focus()
    second.get_by_role("button", name="用对方的 12").click()
    expect(cell(second, "东松村", "诉求到期")).to_have_value("12")
    assert value(period, "东松村", "D3.d") == 120000


def test_two_people_on_two_cells_of_a_village_do_not_meet(
    sign_in: SignIn, period: Period, submission: Return, secretary: User, township: Unit
) -> None:
    pages = [sign_in(secretary), sign_in(make_user("王芳", Role.TS, township))]
    for page, title in zip(pages, ("诉求到期", "环境检查"), strict=True):
        open_grid(page, submission)
        cell(page, "东松村", title).focus()
        page.keyboard.type("90")
    for page in pages:
        page.keyboard.press("Enter")
    for page in pages:
        wait_saved(page)
        expect(page.locator("td.is-conflict")).to_have_count(0)
    assert (value(period, "东松村", "D3.d"), value(period, "东松村", "E1")) == (900000, 900000)


def test_nothing_is_lost_while_the_network_is_away(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    page.context.set_offline(True)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("92")
    page.keyboard.press("Enter")
    expect(shown(page, "alert")).to_contain_text("网络已断开")
    expect(page.locator("td.is-unsaved")).to_have_count(1)
    assert value(period, "东松村", "E1") is None
    page.context.set_offline(False)
    wait_saved(page)
    assert value(period, "东松村", "E1") == 920000
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('portal.draft.')).length") == 0


def leave_offline(page: Page, *texts: str) -> BrowserContext:
    """Types these texts down 环境检查 without a network and closes the page; gives the browser it was open in."""
    context = page.context
    context.set_offline(True)
    cell(page, "东松村", "环境检查").focus()
    for text in texts:
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    expect(shown(page, "alert")).to_contain_text("网络已断开")
    page.close()
    context.set_offline(False)
    return context


def drafts(page: Page) -> Any:
    """The drafts this browser keeps, as text."""
    return page.evaluate(
        "() => Object.keys(localStorage).filter(key => key.startsWith('portal.draft.')).map(key => localStorage[key])"
    )


def test_a_draft_survives_a_closed_page_and_is_saved_when_it_is_opened_again(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    context = leave_offline(page, "92", "90")
    assert (value(period, "东松村", "E1"), value(period, "西松村", "E1")) == (None, None)
    again = context.new_page()
    open_grid(again, submission)
    expect(shown(again, "action-text")).to_have_text("已恢复上次未保存的 2 格")
    expect(cell(again, "西松村", "环境检查")).to_have_value("90")
    wait_saved(again)
    assert (value(period, "东松村", "E1"), value(period, "西松村", "E1")) == (920000, 900000)
    assert drafts(again) == []


def test_only_what_the_server_does_not_hold_is_taken_up_again(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    context = leave_offline(page, "92", "980")
    row = row_of(period, "东松村")
    row.values["E1"] = 920000
    row.save()
    again = context.new_page()
    open_grid(again, submission)
    expect(shown(again, "action-text")).to_have_text("已恢复上次未保存的 1 格")
    expect(again.locator("td.is-unsaved")).to_have_count(1)
    expect(cell(again, "西松村", "环境检查")).to_have_value("980")
    (kept,) = drafts(again)
    assert [(item["village"], item["text"]) for item in json.loads(kept)] == [
        (row_of(period, "西松村").village_id, "980")
    ]


def test_a_draft_that_was_saved_without_an_answer_is_dropped(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/cells/", lose)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("92")
    page.keyboard.press("Enter")
    expect(shown(page, "retry")).to_be_visible()
    assert value(period, "东松村", "E1") == 920000
    assert len(drafts(page)) == 1
    page.close()
    again = page.context.new_page()
    open_grid(again, submission)
    expect(cell(again, "东松村", "环境检查")).to_have_value("92")
    expect(shown(again, "action")).to_be_hidden()
    expect(again.locator("td.is-unsaved, td.is-conflict")).to_have_count(0)
    assert drafts(again) == []


def test_a_draft_older_than_somebodys_value_does_not_overwrite_it(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    context = leave_offline(page, "92")
    row = row_of(period, "东松村")
    row.values["E1"] = 700000
    row.save()
    again = context.new_page()
    open_grid(again, submission)
    expect(again.locator("td.is-conflict")).to_have_count(1)
    cell(again, "东松村", "环境检查").focus()
    expect(shown(again, "tip")).to_contain_text("填为 70，您填的是 92")
    assert value(period, "东松村", "E1") == 700000
    assert len(drafts(again)) == 1


def test_a_draft_leaves_the_reason_that_somebody_wrote_meanwhile(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    page.context.set_offline(True)
    for village in ("东松村", "西松村"):
        cell(page, village, "设施未修").focus()
        page.keyboard.type("9")
        page.keyboard.press("Enter")
    cell(page, "东松村", "设施未修").focus()
    page.locator("[data-note]").fill("暴雨损坏")
    page.keyboard.press("Enter")
    page.close()
    page.context.set_offline(False)
    for village in ("东松村", "西松村"):
        row = row_of(period, village)
        row.notes["E4"] = "上月漏报"
        row.save()
    again = page.context.new_page()
    open_grid(again, submission)
    wait_saved(again)
    target = cell(again, "东松村", "设施未修")
    target.focus()
    expect(shown(again, "tip")).to_contain_text("这里的说明已改为“上月漏报”")
    assert [row_of(period, village).notes["E4"] for village in ("东松村", "西松村")] == ["上月漏报"] * 2
    assert (value(period, "东松村", "E4"), value(period, "西松村", "E4")) == (None, 90000)
    again.locator("[data-note]").press("Enter")
    expect(again.locator("td.is-unsaved")).to_have_count(0)
    wait_saved(again)
    assert (value(period, "东松村", "E4"), row_of(period, "东松村").notes["E4"]) == (90000, "暴雨损坏")


def test_a_draft_waits_while_the_month_is_with_the_reviewer(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    context = leave_offline(page, "92")
    Return.objects.filter(pk=submission.pk).update(state="submitted")
    locked = context.new_page()
    open_grid(locked, submission)
    locked.close()
    Return.objects.filter(pk=submission.pk).update(state="draft")
    again = context.new_page()
    open_grid(again, submission)
    wait_saved(again)
    assert value(period, "东松村", "E1") == 920000


def test_closing_the_page_saves_what_was_typed_last(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("92")
    assert value(period, "东松村", "E1") is None
    page.close()
    again = page.context.new_page()
    open_grid(again, submission)
    expect(cell(again, "东松村", "环境检查")).to_have_value("92")
    expect(shown(again, "action")).to_be_hidden()
    assert value(period, "东松村", "E1") == 920000


def test_an_answer_that_got_lost_does_no_harm(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary)
    open_grid(page, submission)
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().text())
            route.abort()

    page.route("**/cells/", lose_once)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("92")
    page.keyboard.press("Enter")
    expect(shown(page, "retry")).to_be_visible()
    wait_saved(page)
    expect(page.locator("td.is-conflict")).to_have_count(0)
    assert value(period, "东松村", "E1") == 920000
    assert AuditEvent.objects.filter(event="assessments.save_cells").count() == 1


def test_logging_out_takes_the_draft_along(sign_in: SignIn, submission: Return, secretary: User) -> None:
    page = sign_in(secretary)
    page.context.route("**/cells/", lambda route: route.abort())
    open_grid(page, submission)
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("92")
    page.keyboard.press("Enter")
    expect(shown(page, "retry")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("details.p-menu").last.locator("summary").click()
    page.locator("#logout-form button").click()
    page.wait_for_url(lambda url: "/returns/" not in url)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('portal.draft.')).length") == 0


def test_a_month_handed_in_elsewhere_is_said_and_what_was_typed_is_kept(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    Return.objects.filter(pk=submission.pk).update(state="submitted")
    cell(page, "东松村", "环境检查").focus()
    page.keyboard.type("93")
    page.keyboard.press("Enter")
    expect(shown(page, "alert")).to_contain_text("已提交，等待审核")
    assert value(period, "东松村", "E1") == 920000
    expect(cell(page, "东松村", "环境检查")).to_have_value("93")


# --- Handing in ---------------------------------------------------------------------------------------


def test_a_double_click_hands_in_once_and_withdrawing_gives_the_cells_back(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary)
    open_grid(page, submission)
    shown(page, "submit").click()
    dialog = page.locator("#grid-submit")
    expect(dialog.locator("tbody tr")).to_have_count(15)
    expect(dialog.locator("tbody tr").nth(3)).to_contain_text("+16.5%")
    shown(page, "confirm").dblclick()
    expect(shown(page, "withdraw")).to_be_visible()
    assert songling(period).submission_count == 1
    assert AuditEvent.objects.filter(event="assessments.submit_return").count() == 1
    expect(cell(page, "东松村", "环境检查")).to_have_attribute("readonly", "")
    shown(page, "withdraw").click()
    expect(shown(page, "submit")).to_be_visible()
    assert songling(period).state == "draft"


def test_a_returned_cell_shows_the_reviewers_words_until_it_is_answered(
    sign_in: SignIn, period: Period, submission: Return, secretary: User, county_admin: User
) -> None:
    fill_month(period)
    from django.utils import timezone  # noqa: PLC0415  (the clock is asked once the month has been made)

    from assessments.services.returns import submit_return  # noqa: PLC0415

    submit_return(submission, by=secretary, now=timezone.now())
    remark = review.Remark(row_of(period, "岭头村").village_id, "D3.d", review.Verdict.RETURNED, "与信访台账不符")
    review.return_cells(submission, [remark], "一格待核", by=county_admin, now=timezone.now())
    page = sign_in(secretary)
    open_grid(page, submission)
    expect(page.locator("td.is-remark")).to_have_count(1)
    page.keyboard.press("F8")
    expect(shown(page, "tip")).to_contain_text("审核意见：与信访台账不符")
    assert active(page).startswith("岭头村 诉求到期")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    wait_saved(page)
    expect(page.locator("td.is-remark")).to_have_count(0)
    expect(shown(page, "submit")).to_have_attribute("aria-disabled", "false")


# --- Small and large --------------------------------------------------------------------------------------


def test_a_phone_shows_one_village_at_a_time(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    page = sign_in(secretary, viewport=PHONE)
    open_grid(page, submission)
    assert page.locator("#grid-table tbody tr:visible").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shown(page, "following").click()
    cell(page, "西松村", "环境检查").fill("90")
    page.keyboard.press("Enter")
    assert active(page).startswith("西松村 问题点位交办")
    wait_saved(page)
    assert value(period, "西松村", "E1") == 900000


def test_full_screen_shows_ten_rows_on_an_office_screen(
    sign_in: SignIn, period: Period, submission: Return, secretary: User
) -> None:
    fill_month(period)
    page = sign_in(secretary, viewport={"width": 1366, "height": 657})
    open_grid(page, submission)
    shown(page, "last").uncheck()
    shown(page, "full").click()
    boxes = page.evaluate(
        """() => {
            const foot = document.querySelector("#grid-table tfoot th").getBoundingClientRect().top;
            const head = document.querySelector("#grid-table thead").getBoundingClientRect().bottom;
            return [...document.querySelectorAll("#grid-table tbody tr")].map(row => row.getBoundingClientRect())
                .filter(box => box.top >= head - 1 && box.bottom <= foot + 1).length;
        }"""
    )
    assert boxes >= 9


@pytest.mark.parametrize("prefs", [{}, {"theme": "dark"}, {"portal.font": "xl"}], ids=["light", "dark", "large"])
def test_the_page_passes_the_checks_of_accessibility(
    sign_in: SignIn, period: Period, submission: Return, secretary: User, prefs: dict[str, str]
) -> None:
    fill_month(period, 双井村={"D2.n": 5}, 岭下村={"D3.d": 12}, 青石村={"E2.d": None})
    page = sign_in(secretary, prefs=prefs)
    open_grid(page, submission)
    cell(page, "岭下村", "诉求到期").focus()
    results = Axe().run(page)
    assert [(item["id"], item["nodes"][0]["html"][:200]) for item in results.response["violations"]] == []
