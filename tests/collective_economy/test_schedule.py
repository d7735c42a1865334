"""What is due by a contract and when: tables of cases, and what must hold for any contract (rules/receivables.md)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

import pytest

from collective_economy.schedule import RHYTHMS, Due, add_months, amount_of_term, months_of_term, regular, sum_of


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2026-01-01", 0, "2026-01-01"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-11-15", 2, "2027-01-15"),
        ("2026-12-31", 12, "2027-12-31"),
    ],
)
def test_later_months(start: str, months: int, expected: str) -> None:
    assert add_months(day(start), months) == day(expected)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-01", "2026-12-31", 12),
        ("2026-01-01", "2028-12-31", 36),
        ("2026-03-15", "2027-03-14", 12),
        ("2026-03-01", "2027-03-01", 12),  # written to the same day a year later: no thirteenth month
        ("2026-01-01", "2026-01-01", 1),  # never less than one
        ("2026-01-01", "2026-02-14", 1),  # 14 days more do not count
        ("2026-01-01", "2026-02-15", 2),  # 15 do
        ("2026-01-31", "2026-02-28", 1),
        ("2026-08-31", "2027-02-27", 6),
    ],
)
def test_months_of_a_term(start: str, end: str, months: int) -> None:
    assert months_of_term(day(start), day(end)) == months


CASES = [
    ("yearly", True, "2026-01-01", "2027-12-31", "12000", [("2026-01-01", "12000"), ("2027-01-01", "12000")]),
    ("yearly", False, "2026-01-01", "2027-12-31", "12000", [("2026-12-31", "12000"), ("2027-12-31", "12000")]),
    # a last year of 7 months: 12 000 × 7 / 12
    ("yearly", False, "2026-01-01", "2027-07-31", "12000", [("2026-12-31", "12000"), ("2027-07-31", "7000")]),
    ("half_yearly", True, "2026-03-01", "2027-02-28", "0.03", [("2026-03-01", "0.01"), ("2026-09-01", "0.02")]),
    (
        "quarterly", True, "2026-01-01", "2026-12-31", "100.01",
        [("2026-01-01", "25.00"), ("2026-04-01", "25.00"), ("2026-07-01", "25.00"), ("2026-10-01", "25.01")],
    ),
    # 7 months by quarters: two whole quarters and one month
    (
        "quarterly", False, "2026-01-01", "2026-07-31", "12000",
        [("2026-03-31", "3000"), ("2026-06-30", "3000"), ("2026-07-31", "1000")],
    ),
    (
        "monthly", True, "2026-01-31", "2026-04-29", "100",
        [("2026-01-31", "8.33"), ("2026-02-28", "8.33"), ("2026-03-31", "8.34")],
    ),
    ("monthly", True, "2026-01-01", "2026-01-31", "0.05", []),  # 0.05 / 12 rounds to nothing
    ("monthly", True, "2026-01-01", "2026-12-31", "0.05", [("2026-12-01", "0.05")]),
    ("yearly", True, "2026-01-01", "2026-01-01", "120", [("2026-01-01", "10")]),
]  # fmt: skip


@pytest.mark.parametrize(("rhythm", "in_advance", "start", "end", "yearly", "expected"), CASES)
def test_regular_payments(
    rhythm: str, in_advance: bool, start: str, end: str, yearly: str, expected: list[tuple[str, str]]
) -> None:
    dues = regular(
        starts_on=day(start), ends_on=day(end), yearly_amount=Decimal(yearly), rhythm=rhythm, in_advance=in_advance
    )
    assert dues == [Due(day(due_on), Decimal(amount)) for due_on, amount in expected]


def test_payments_on_a_day_of_their_own() -> None:
    dues = regular(
        starts_on=day("2026-01-01"), ends_on=day("2028-12-31"), yearly_amount=Decimal(9000), rhythm="yearly",
        first_due_on=day("2026-06-30"),
    )  # fmt: skip
    assert [due.due_on for due in dues] == [day("2026-06-30"), day("2027-06-30"), day("2028-06-30")]


def test_sum_until_a_day_has_that_day() -> None:
    dues = [Due(day("2026-01-01"), Decimal(5)), Due(day("2026-02-01"), Decimal(7))]
    assert (sum_of(dues), sum_of(dues, day("2026-01-31")), sum_of(dues, day("2026-02-01"))) == (12, 5, 12)


def test_any_contract_sums_to_its_years_and_to_its_term() -> None:
    """A thousand contracts at random: every full contract year to the cent, days in order, all within the term."""
    dice = Random(6)
    for _round in range(1000):
        start = date(2015, 1, 1) + (date(2026, 12, 31) - date(2015, 1, 1)) * dice.random()
        end = date.fromordinal(start.toordinal() + dice.randrange(0, 365 * 12))
        yearly = Decimal(dice.choice([dice.randrange(1, 200), dice.randrange(1, 10**9)])) / 100
        rhythm, in_advance = dice.choice(sorted(RHYTHMS)), dice.random() < 0.5
        dues = regular(starts_on=start, ends_on=end, yearly_amount=yearly, rhythm=rhythm, in_advance=in_advance)
        said = f"{start} {end} {yearly} {rhythm} {in_advance}"
        assert sum_of(dues) == amount_of_term(yearly, start, end), said
        assert all(due.amount > 0 and due.amount == due.amount.quantize(Decimal("0.01")) for due in dues), said
        days = [due.due_on for due in dues]
        assert days == sorted(set(days)), said
        assert all(start <= one <= end for one in days), said
        for year in range(months_of_term(start, end) // 12):
            first, after = add_months(start, 12 * year), add_months(start, 12 * (year + 1))
            assert sum_of([due for due in dues if first <= due.due_on < after]) == yearly, said
