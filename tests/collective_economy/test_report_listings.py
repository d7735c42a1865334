"""The tables that upper levels ask for: projects by source, and a village's year with both totals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from imports.listings import listing_called
from tests.collective_economy import ground

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("county")]
TODAY = date(2026, 7, 20)


def lines(name: str, user: User, **filters: object) -> list[dict[str, Any]]:
    listing = listing_called(name)
    rows = listing.rows(user, {key: str(value) for key, value in filters.items()}, TODAY)
    return [dict(record) for record in listing.records(rows, has_numbers=False)]


def test_a_joint_project_with_its_money(county_admin: User) -> None:
    villages = [ground.village("东一村"), ground.village("东二村")]
    project = ground.make_project(
        *villages,
        approved={"central": 300_000, "own": 120_000},
        percents={"东一村": "60", "东二村": "40"},
        name="冷库",
        stage="pay",
    )
    central = project.sources.get(source="central")
    ground.move(central, 200_000)
    ground.move(central, 50_000, "payment")
    (line,) = lines("projects", county_admin)
    assert (line["name"], line["township"], line["villages"]) == ("冷库", "东乡", "东一村 60%、东二村 40%")
    assert (line["central"], line["own"], line["total"]) == (300_000, 120_000, 420_000)
    assert "province" not in line, "nothing from there is nothing, not zero"
    assert (line["received"], line["paid"], line["balance"]) == (200_000, 50_000, 150_000)


def test_before_the_approval_stands_what_was_asked_for(county_admin: User) -> None:
    project = ground.make_project()
    project.sources.create(source="county", requested=80_000)
    (line,) = lines("projects", county_admin)
    assert (line["county"], line["total"], line["received"]) == (80_000, 80_000, 0)


def test_a_year_has_both_totals_and_its_projects(county_admin: User) -> None:
    ground.make_entry(amount="100.10", category="operating", day=date(2026, 1, 5))
    ground.make_entry(amount="0.20", category="investment", day=date(2026, 6, 5))
    ground.make_entry(amount=500, category="subsidy", day=date(2026, 6, 6))
    ground.make_entry(amount=40, category="management_cost", day=date(2026, 6, 7))
    ground.make_entry(amount=7, day=date(2025, 6, 7))
    ground.make_project(approved={"own": 100}, name="冷库", stage="pay")
    ground.make_project(name="还在项目库")
    (line,) = lines("income_years", county_admin)
    assert (line["village"], line["year"], line["projects"]) == ("东一村", 2026, "冷库")
    assert (line["operating_total"], line["total"]) == (Decimal("100.30"), Decimal("600.30"))
    assert (line["result"], line["management_cost"]) == (Decimal("560.30"), 40)
    assert (line["contract"], line["operating_cost"]) == (None, None), "missing is not zero"
    (before,) = lines("income_years", county_admin, year=2025)
    assert (before["year"], before["total"]) == (2025, 7)


def test_a_township_has_its_own_and_its_part(east_editor: User, west_editor: User) -> None:
    ground.make_entry(ground.village("西一村"))
    ground.make_project(ground.village("东一村"), ground.village("西一村"), name="联建")
    ground.make_project(ground.village("西二村"), name="西乡的")
    assert [line["name"] for line in lines("projects", east_editor)] == ["联建"]
    assert lines("income_years", east_editor) == []
    assert len(lines("income_years", west_editor)) == 1


@pytest.mark.parametrize("name", ["projects", "income_years"])
def test_queries_do_not_grow(name: str, county_admin: User) -> None:
    def queries() -> int:
        county_admin.has_perm("collective_economy.view_project")
        with CaptureQueriesContext(connection) as context:
            assert lines(name, county_admin)
        return len(context)

    for village in ("东一村", "东二村", "西一村"):
        ground.make_entry(ground.village(village))
        ground.make_project(ground.village(village), approved={"own": 100})
        if village == "东一村":
            few = queries()
    assert queries() == few


def test_the_columns_name_everything_that_a_line_holds(county_admin: User) -> None:
    ground.make_entry()
    ground.make_project(approved={"own": 100})
    for name in ("projects", "income_years"):
        fields = {column.field for column in listing_called(name).columns}
        assert {field for line in lines(name, county_admin) for field in line} <= fields
