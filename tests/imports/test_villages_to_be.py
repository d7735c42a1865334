"""A village that is not in the tree is made by the county's tick, never by an import alone (docs/import.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Branch, Membership, Unit, Village, WorkdayException
from branches.services.units import add_unit, rename_unit
from imports import batches
from imports.models import ImportBatch
from tests.conftest import make_user
from tests.imports.files import write_xlsx
from tests.imports.rosters import applied, bring_rows, everything_stored, outcomes, undone, worked
from tests.imports.test_batches import rows_of

SHEET = "名册"
ROWS = [["乡镇", "村名", "总人口"], ["东乡", "东一村", 900], ["东乡", "东新村村民委员会", 320], ["西乡", "西新村", 410]]


def ticked(batch: ImportBatch, by: User, *rows: int, is_made: bool = True) -> ImportBatch:
    batches.answer_cells(batch, {}, by=by, new_places={(SHEET, row): is_made for row in rows})
    return worked(batch)


def the_tree() -> list[tuple[str, str, int]]:
    return list(Unit.objects.values_list("path", "name", "numchild"))


def test_the_county_has_a_village_made_with_its_card_and_undoes_it(tmp_path: Path, county_admin: User) -> None:
    before, tree = everything_stored(), the_tree()
    batch = bring_rows(tmp_path, "units", ROWS, county_admin)
    assert outcomes(batch) == {"changed": 1, "faulty": 2}
    assert the_tree() == tree
    ticked(batch, county_admin, 3)
    assert outcomes(batch) == {"changed": 1, "new": 1, "faulty": 1}
    row = batch.rows.get(number=3)
    assert [problem[2] for problem in row.problems] == ["unit_new"]
    assert row.differences == [["village", "", "东乡 东新村村民委员会"], ["population", "", "320"]]
    assert the_tree() == tree
    applied(batch, county_admin)
    made = Unit.objects.get(name="东新村村民委员会")
    assert (made.kind, made.valid_from, made.valid_to) == ("village", timezone.localdate().replace(day=1), None)
    assert (made.parent_path, Village.objects.get(unit=made).population) == (Unit.objects.get(name="东乡").path, 320)
    assert Unit.objects.get(name="东乡").numchild == 4
    added = AuditEvent.objects.get(event="branches.add_unit")
    assert (added.actor, added.target_id, added.unit_path) == (county_admin, str(made.pk), made.path)
    told = AuditEvent.objects.filter(changes__import=batch.pk, target_id=str(made.village.pk))
    assert [event.event for event in told] == ["branches.import_village"]
    again = bring_rows(tmp_path, "units", ROWS[:3], county_admin)
    assert outcomes(again) == {"unchanged": 2}
    undone(batch, county_admin)
    assert (everything_stored(), the_tree()) == (before, tree)
    assert AuditEvent.objects.filter(event="branches.restore_unit", target_id=str(made.pk)).exists()
    assert add_unit(Unit.objects.get(name="东乡"), "另一村", None, date(2026, 11, 1), by=None).path == made.path


def rest_a_role(unit: Unit) -> None:
    make_user("somebody", Role.VC, unit)


def rest_an_organization(unit: Unit) -> None:
    Branch.objects.create(unit=unit, name="东新村党支部")


def rest_a_holiday(unit: Unit) -> None:
    WorkdayException.objects.create(unit=unit, day=date(2026, 10, 1), is_workday=False)


def rename(unit: Unit) -> None:
    rename_unit(unit, "东兴村", None, version=unit.version, by=None)


def count_people(unit: Unit) -> None:
    Village.objects.filter(unit=unit).update(population=1, version=3)


@pytest.mark.parametrize("hang", [rest_a_role, rest_an_organization, rest_a_holiday, rename, count_people])
def test_a_village_on_which_something_hangs_stays_when_the_import_is_undone(
    hang: Callable[[Unit], Any], tmp_path: Path, county_admin: User
) -> None:
    batch = applied(ticked(bring_rows(tmp_path, "units", ROWS, county_admin), county_admin, 3), county_admin)
    made = Unit.objects.get(name="东新村村民委员会")
    hang(made)
    undone(batch, county_admin)
    assert Unit.objects.filter(pk=made.pk).exists()
    assert Village.objects.filter(unit=made).exists()
    assert rows_of(batch)[:2] == [(2, "changed", "undone"), (3, "new", "not_undone")]


def test_a_tick_is_taken_back(tmp_path: Path, county_admin: User) -> None:
    batch = ticked(bring_rows(tmp_path, "units", ROWS, county_admin), county_admin, 3, 4)
    assert outcomes(batch) == {"changed": 1, "new": 2}
    ticked(batch, county_admin, 4, is_made=False)
    assert outcomes(batch) == {"changed": 1, "new": 1, "faulty": 1}


def test_a_township_never_makes_a_village(
    tmp_path: Path, county_admin: User, east_editor: User, client: Client
) -> None:
    tree = the_tree()
    batch = ticked(bring_rows(tmp_path, "units", ROWS[:3], east_editor), east_editor, 3)
    assert outcomes(batch) == {"changed": 1, "faulty": 1}
    client.force_login(east_editor)
    assert 'name="make-' not in client.get(f"/imports/{batch.pk}/").content.decode()
    applied(batch, east_editor)
    assert the_tree() == tree


def test_a_right_that_is_gone_when_the_import_is_applied_makes_nothing(tmp_path: Path, county_admin: User) -> None:
    batch = ticked(bring_rows(tmp_path, "units", ROWS, county_admin), county_admin, 3)
    batches.confirm(batch, by=county_admin)
    Membership.objects.filter(user=county_admin).update(role=Role.TS)
    tree = the_tree()
    worked(batch)
    assert (batch.state, batch.is_stale, outcomes(batch)) == ("checked", True, {"changed": 1, "faulty": 2})
    assert the_tree() == tree


@pytest.mark.parametrize(
    ("township", "village", "code"),
    [
        ("南乡", "南一村", "unit_unknown"),
        ("", "新新村", "unit_unknown"),
        ("东乡", "将来村", "unit_unknown"),
        ("东乡", "东一村委会", ""),
    ],
    ids=["no such township", "no township", "begins later", "exists"],
)
def test_where_no_village_can_be_made(
    township: str, village: str, code: str, tmp_path: Path, county_admin: User, east: Unit
) -> None:
    add_unit(east, "将来村", None, date(2099, 1, 1), by=None)
    tree = the_tree()
    rows = [ROWS[0], [township, village, 5]]
    batch = ticked(bring_rows(tmp_path, "units", rows, county_admin), county_admin, 2)
    assert [problem[2] for problem in batch.rows.get().problems][:1] == ([code] if code else [])
    if not code:
        applied(batch, county_admin)
    assert the_tree() == tree


def test_two_rows_that_make_one_village_are_duplicates(tmp_path: Path, county_admin: User) -> None:
    rows = [*ROWS, ["东乡", "东新村", 5]]
    batch = ticked(bring_rows(tmp_path, "units", rows, county_admin), county_admin, 3, 5)
    assert outcomes(batch) == {"changed": 1, "faulty": 3}
    assert {problem[2] for problem in batch.rows.get(number=5).problems} == {"unit_new", "duplicate_in_file"}


def test_the_page_offers_the_tick_and_the_command_does_not(tmp_path: Path, county_admin: User, client: Client) -> None:
    batch = bring_rows(tmp_path, "units", ROWS, county_admin)
    client.force_login(county_admin)
    groups = client.get(f"/imports/{batch.pk}/").context["groups"]
    assert [(group.value, group.may_make_place) for group in groups] == [("东新村村民委员会", True), ("西新村", True)]
    page = client.post(f"/imports/{batch.pk}/repair/", {f"make-{groups[0].key}": "on"}, follow=True)
    assert "将新建 1 个村" in page.content.decode()
    assert outcomes(worked(batch)) == {"changed": 1, "new": 1, "faulty": 1}
    (new,) = [group for group in client.get(f"/imports/{batch.pk}/").context["groups"] if group.is_new_place]
    client.post(f"/imports/{batch.pk}/repair/", {f"unmake-{new.key}": "on"})
    assert outcomes(worked(batch)) == {"changed": 1, "faulty": 2}
    tree = the_tree()
    call_command("import_roster", "units", str(write_xlsx(tmp_path / "村.xlsx", ROWS)), "--user", county_admin.username)
    assert the_tree() == tree
    assert ImportBatch.objects.latest("pk").answer["faulty"] == 2


def test_rosters_of_people_make_no_villages(tmp_path: Path, county_admin: User, client: Client) -> None:
    rows = [["乡镇", "村", "姓名", "职务"], ["东乡", "东新村", "张三", "书记"]]
    batch = ticked(bring_rows(tmp_path, "cadres", rows, county_admin), county_admin, 2)
    assert outcomes(batch) == {"faulty": 1}
    client.force_login(county_admin)
    assert 'name="make-' not in client.get(f"/imports/{batch.pk}/").content.decode()
