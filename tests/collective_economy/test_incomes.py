"""Income of villages read from the months of their ledgers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from branches.models import Unit
from collective_economy.incomes import Income, credited, figures_of, monthly_income, yearly_income
from tests.collective_economy.ground import close_month, make_entry, make_total, reverse_entry, village

FEB, MAR = date(2026, 2, 10), date(2026, 3, 10)


def test_a_year_adds_its_months_by_category(county: Unit) -> None:
    one, other = village("东一村"), village("西一村")
    make_entry(one, "0.10", "operating", FEB)
    make_entry(one, "0.20", "operating", MAR)
    make_entry(one, 50, "contract", MAR)
    make_entry(one, 1000, "subsidy", MAR)
    make_entry(one, "12.34", "management_cost", MAR)
    make_total(one, 7, "operating", date(2025, 12, 1))
    make_entry(other, 5, "other", FEB)
    incomes = yearly_income([one.pk, other.pk], [2025, 2026])
    assert incomes == {
        one.pk: {
            2025: Income({"operating": Decimal(7)}, 1, 0),
            2026: Income(
                {
                    "operating": Decimal("0.30"),
                    "contract": Decimal(50),
                    "subsidy": Decimal(1000),
                    "management_cost": Decimal("12.34"),
                },
                2,
                0,
            ),
        },
        other.pk: {2026: Income({"other": Decimal(5)}, 1, 0)},
    }
    held = incomes[one.pk][2026]
    assert (held.operating, held.total, held.not_operating, held.expense) == (
        Decimal("50.30"),
        Decimal("1050.30"),
        Decimal(1000),
        Decimal("12.34"),
    )


def test_a_path_means_everything_below_it(east: Unit) -> None:
    one, two = village("东一村"), village("东二村")
    for unit in (one, two, village("西一村")):
        make_entry(unit, 10, "operating", FEB)
    assert set(yearly_income(east.path, [2026])) == {one.pk, two.pk}
    assert yearly_income(east.path, [2025]) == {}
    assert yearly_income(east.path, []) == {}


def test_cents_come_back_as_cents(county: Unit) -> None:
    for day in (FEB, MAR):
        for _number in range(3):
            make_entry(village(), "0.10", "operating", day)
    operating = yearly_income([village().pk], [2026])[village().pk][2026].operating
    assert str(operating) == "0.60"


def test_a_month_without_entries_counts_once_it_is_closed(county: Unit) -> None:
    entry = make_entry(village(), 10, "operating", FEB)
    entry.delete()
    assert yearly_income([village().pk], [2026]) == {}
    close_month(village(), date(2026, 2, 1))
    assert yearly_income([village().pk], [2026]) == {village().pk: {2026: Income({}, 1, 1)}}


def test_a_reversal_lowers_the_month_in_which_it_stands(county: Unit) -> None:
    entry = make_entry(village(), 100, "operating", FEB)
    close_month(village(), date(2026, 2, 1))
    reverse_entry(entry, MAR)
    months = monthly_income([village().pk], date(2026, 1, 1), date(2026, 12, 1))
    assert {month: income.operating for month, income in months.items()} == {
        date(2026, 2, 1): 100,
        date(2026, 3, 1): -100,
    }


def test_a_month_beside_its_year_and_the_year_before(county: Unit) -> None:
    for day, amount in ((date(2025, 1, 5), 1), (date(2025, 3, 5), 2), (date(2025, 4, 5), 4), (FEB, 10), (MAR, 20)):
        make_entry(village(), amount, "operating", day)
    months = monthly_income([village().pk], date(2025, 1, 1), date(2026, 12, 1))

    def told(month: date) -> list[Decimal | None]:
        held = figures_of(months, month)
        parts = (held.income, held.cumulative, held.year_before, held.cumulative_before)
        return [part.operating if part else None for part in parts]

    assert told(date(2026, 3, 1)) == [20, 30, 2, 3]
    assert told(date(2026, 1, 1)) == [None, None, 1, 1]
    assert told(date(2026, 4, 1)) == [None, 30, 4, 7]


def test_income_of_merged_villages_counts_for_their_heir() -> None:
    incomes: Any = {
        1: {2025: Income({"operating": Decimal(1)}, 1, 1)},
        2: {2025: Income({"operating": Decimal(2), "other": Decimal(5)}, 2, 0), 2026: Income({}, 1, 0)},
        3: {2026: Income({"operating": Decimal(9)}, 1, 0)},
    }
    assert credited(incomes, {1: 1, 2: 1}) == {
        1: {2025: Income({"operating": Decimal(3), "other": Decimal(5)}, 3, 1), 2026: Income({}, 1, 0)}
    }


@pytest.mark.parametrize("names", [["东一村"], ["东一村", "东二村", "西一村"]])
def test_one_query_for_one_village_and_three(county: Unit, names: list[str], django_assert_num_queries: Any) -> None:
    units = [village(name) for name in names]
    for unit in units:
        make_entry(unit, 10, "operating", FEB)
    with django_assert_num_queries(1):
        assert len(yearly_income([unit.pk for unit in units], [2025, 2026])) == len(names)
