"""Rows kept out, a village made, columns named by hand: each in a real browser, at a desk and on a phone.

With `--screenshots` the pictures of docs/guide/ are taken on the way.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit, Village
from cadres.models import Person
from tests.browser.conftest import PHONE, Shot, SignIn
from tests.browser.test_import import SCREEN, group, upload, violations
from tests.conftest import make_user
from tests.imports.files import write_xlsx
from tests.imports.places import load_places

CARDS = [
    ["平桥区村情信息表"],
    ["乡镇", "村名", "总人口", "总户数", "党员数"],
    ["平昌镇", "朱庄村", 1860, 412, 46],
    ["平昌镇", "平昌村", 2305, 530, 58],
    ["平昌镇", "平昌村", 2306, 530, 58],
    ["平昌镇", "朱庄新村", 1204, 288, 31],
]
BARE = [
    ["平昌镇村干部情况"],
    ["平昌镇", "朱庄村", "赵大山", "男", "1973.03", "书记", "19900000001"],
    ["平昌镇", "朱庄村", "钱小河", "女", "1980.05", "副书记", "19900000002"],
    ["平昌镇", "平昌村", "孙平", "男", "1969.11", "委员", ""],
]
FIELDS = ("township", "village", "name", "gender", "birth", "party_post", "phone")


@pytest.fixture
def staff(db: None) -> User:
    return make_user("林晓", Role.CS, load_places())


def test_a_village_is_made_and_a_repeated_row_kept_out(
    staff: User,
    sign_in: SignIn,
    shot: Shot,
    tmp_path: Path,
) -> None:
    page = sign_in(staff, viewport=SCREEN)
    upload(page, write_xlsx(tmp_path / "村情信息表.xlsx", CARDS), "units")
    expect(page.locator(".p-kpi.is-bad .v")).to_contain_text("3")
    group(page, "朱庄新村").get_by_label("新建这个村").check()
    group(page, "表里重复").get_by_label("各留第一行").check()
    shot(page, "import-choices")
    found = violations(page)
    page.locator('.imp-bar button[form="repair"]').click()
    expect(page.locator(".p-kpi.is-warn .v")).to_contain_text("1")
    expect(page.locator(".imp-tabs")).to_contain_text("不导入 1")
    found += violations(page)
    page.locator(".imp-tabs a", has_text="不导入").click()
    expect(page.locator("table.imp-rows")).to_contain_text("2306")
    found += violations(page)
    page.locator('button[form="confirm"].is-primary').click()
    expect(page.locator(".p-alert.is-ok")).to_contain_text("按您的选择不导入 1 行")
    assert Village.objects.get(unit__name="朱庄新村").population == 1204
    page.locator('[data-dialog-open="undo"]').click()
    page.locator("#undo .is-danger").click()
    expect(page.locator(".p-alert.is-warn")).to_contain_text("已撤销")
    assert not Unit.objects.filter(name="朱庄新村").exists()
    assert found == []


@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["desk", "phone"])
def test_the_columns_of_a_file_without_headings_are_named(
    viewport: dict[str, int],
    staff: User,
    sign_in: SignIn,
    shot: Shot,
    tmp_path: Path,
) -> None:
    page = sign_in(staff, viewport=viewport)
    batch = upload(page, write_xlsx(tmp_path / "没有表头的名册.xlsx", BARE))
    page.get_by_role("link", name="自己选各列是什么").click()
    for index, name in enumerate(FIELDS):
        page.select_option(f'select[name="hand-0-{index}"]', name)
    expect(page.get_by_label("第 2 行")).to_be_checked()
    if viewport == SCREEN:
        shot(page, "import-table")
    found = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.locator(".p-actionbar .is-primary").click()
    expect(page.locator(".p-kpi").nth(1)).to_contain_text("3")
    page.goto(f"/imports/{batch.pk}/columns/")
    expect(page.locator("table")).to_contain_text("C列")
    found += violations(page)
    page.goto(f"/imports/{batch.pk}/")
    page.locator('button[form="confirm"].is-primary').click()
    expect(page.locator(".p-alert.is-ok")).to_contain_text("已导入 3 行")
    assert Person.objects.count() == 3
    with page.expect_download() as download:
        page.locator('form[action$="/workbook/"] button').click()
    assert download.value.suggested_filename == "没有表头的名册-处理结果.xlsx"
    expect(page.get_by_role("heading", name="表格已生成")).to_be_visible()
    found += violations(page)
    assert found == []
