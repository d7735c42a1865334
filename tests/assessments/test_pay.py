"""The arithmetic of pay: the handbook's worked example, each rule as a case, and what holds for all cases."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.pay import (
    Due,
    Ended,
    Facts,
    Flag,
    Graded,
    Held,
    Item,
    Key,
    Paid,
    Rate,
    Suspension,
    Terms,
    differences,
    due_for,
    share_of,
    village_on,
)
from branches.months import after
from cadres import codes

JULY = date(2026, 7, 1)
YEAR_END = date(2026, 12, 1)
VILLAGE, NEXT = 1, 2
MEMBERS = frozenset({30, 40, 50, 60})
TERMS = Terms(date(2026, 1, 1), other_posts=MEMBERS, shares={"excellent": Decimal("1.2"), "competent": Decimal(1)})


def rates(*, kind: str = "monthly", code: str = "", valid_from: date = date(2026, 1, 1), **cents: int) -> list[Rate]:
    wanted = cents or {"secretary": 50_000, "director": 40_000, "other": 30_000}
    return [Rate(kind, group, code, amount, valid_from) for group, amount in wanted.items()]


def held(person: int, post: int, **more: object) -> Held:
    return Held(posting=person * 100 + post, person=person, village=more.pop("village", VILLAGE), post=post, **more)  # type: ignore[arg-type]


DUAL_HEAD = [held(1, codes.SECRETARY), held(1, codes.DIRECTOR)]
FIVE = [
    *DUAL_HEAD,
    held(2, codes.DEPUTY_SECRETARY),
    *(held(person, codes.BRANCH_MEMBER) for person in (3, 4)),
    held(5, codes.COMMITTEE_MEMBER),
]
"""The village of the handbook's example: a dual head, a deputy secretary and three members."""


def flags(*codes_held: str, last: date = YEAR_END, first: date = JULY, village: int = VILLAGE) -> list[Flag]:
    return [Flag(int(code[1]) + village * 10, village, code, first, last) for code in codes_held]


def facts(**more: object) -> Facts:
    fields = {
        "held": FIVE,
        "flags": flags("F1", "F2", "F3"),
        "rates": rates(),
        "terms": [TERMS],
        "approved": {VILLAGE: 5},
    }
    return Facts(**{**fields, **more})  # type: ignore[arg-type]


def total(month: date, known: Facts) -> int:
    return sum(due.amount for due in due_for(month, known).values())


def amounts(month: date, known: Facts) -> dict[int, int]:
    return {person: due.amount for (person, _village), due in due_for(month, known).items() if due.is_shown}


def notes(month: date, known: Facts) -> dict[int, str]:
    return {person: due.note for (person, _village), due in due_for(month, known).items() if due.note}


# --- The worked example of handbook 2.4 -----------------------------------------------------


def test_the_worked_example_to_the_yuan() -> None:
    assert amounts(JULY, facts()) == {1: 150_000, 2: 90_000, 3: 90_000, 4: 90_000, 5: 90_000}
    assert total(JULY, facts()) == 510_000


@pytest.mark.parametrize(
    ("month", "cents"),
    [(6, 0), (7, 510_000), (8, 510_000), (9, 510_000), (10, 340_000), (11, 340_000), (12, 340_000)],
)
def test_a_flag_revoked_on_12_september_is_paid_through_september(month: int, cents: int) -> None:
    known = facts(flags=[*flags("F1", "F2"), *flags("F3", last=date(2026, 9, 1))])
    assert total(date(2026, month, 1), known) == cents


def test_false_data_takes_every_month_back() -> None:
    paid = paid_by(facts(), JULY, date(2026, 8, 1))
    false = facts(flags=[*flags("F1", "F2"), *flags("F3", last=date(2026, 6, 1))])
    for month in (JULY, date(2026, 8, 1)):
        found = differences(due_for(month, false), paid[month])
        assert sum(one.amount for one in found) == -170_000
        assert {one.note for one in found} == {"flag_changed"}


# --- Each rule ------------------------------------------------------------------------------


def test_a_dual_head_is_paid_once_by_the_highest_post() -> None:
    assert amounts(JULY, facts(held=DUAL_HEAD)) == {1: 150_000}


@pytest.mark.parametrize("order", [DUAL_HEAD, DUAL_HEAD[::-1]])
def test_the_line_of_a_dual_head_names_the_higher_post(order: list[Held]) -> None:
    due = due_for(JULY, facts(held=order))[1, VILLAGE]
    assert (due.group, due.posting) == ("secretary", 110)


@pytest.mark.parametrize(
    ("day", "first", "last", "cents"),
    [
        (1, date(2026, 7, 1), None, 150_000),
        (1, date(2026, 7, 2), None, 0),
        (1, None, date(2026, 7, 1), 150_000),
        (1, None, date(2026, 6, 30), 0),
        (16, date(2026, 7, 16), None, 150_000),
        (16, date(2026, 7, 17), None, 0),
        (16, None, date(2026, 7, 15), 0),
        (15, date(2026, 7, 16), None, 0),
    ],
)
def test_the_post_on_the_countys_day_decides_for_the_whole_month(
    day: int, first: date | None, last: date | None, cents: int
) -> None:
    known = facts(held=[held(1, codes.SECRETARY, first=first, last=last)], terms=[replace(TERMS, deciding_day=day)])
    assert total(JULY, known) == cents


@pytest.mark.parametrize(("day", "group"), [(1, "other"), (15, "other"), (16, "secretary"), (28, "secretary")])
def test_a_post_changed_on_the_16th_follows_the_countys_rule(day: int, group: str) -> None:
    changed = [
        held(1, codes.BRANCH_MEMBER, last=date(2026, 7, 15)),
        held(1, codes.SECRETARY, first=date(2026, 7, 16)),
    ]
    known = facts(held=changed, terms=[replace(TERMS, deciding_day=day)])
    assert due_for(JULY, known)[1, VILLAGE].group == group
    assert due_for(date(2026, 8, 1), known)[1, VILLAGE].group == "secretary"


def test_people_outside_the_approved_number_have_a_line_of_0_with_the_reason() -> None:
    known = facts(approved={VILLAGE: 3})
    assert amounts(JULY, known) == {1: 150_000, 2: 90_000, 3: 90_000, 4: 0, 5: 0}
    assert notes(JULY, known) == {4: "outside_approved", 5: "outside_approved"}


def test_who_has_held_the_same_post_longer_is_inside_the_approved_number() -> None:
    two = [held(7, codes.BRANCH_MEMBER, first=date(2026, 5, 1)), held(8, codes.BRANCH_MEMBER, first=date(2021, 1, 1))]
    assert amounts(JULY, facts(held=two, approved={VILLAGE: 1})) == {7: 0, 8: 90_000}


@pytest.mark.parametrize("terms", [replace(TERMS, is_limited=False), TERMS])
def test_without_a_limit_everybody_in_a_paid_post_is_paid(terms: Terms) -> None:
    approved: Mapping[int, int] = {VILLAGE: 1} if not terms.is_limited else {}
    assert total(JULY, facts(terms=[terms], approved=approved)) == 510_000


def test_an_exported_month_keeps_the_approved_number_it_was_prepared_with() -> None:
    known = facts(approved={VILLAGE: 9}, approved_then={JULY: {VILLAGE: 3}})
    assert total(JULY, known) == 330_000
    assert total(date(2026, 8, 1), known) == 510_000


@pytest.mark.parametrize(
    "nobody",
    [
        held(9, codes.PARTY_WORKER),
        held(9, codes.OTHER),
        held(9, codes.CLERK),
        held(9, codes.SECRETARY, is_outsider=True),
    ],
)
def test_township_people_other_posts_and_people_sent_from_outside_have_no_line(nobody: Held) -> None:
    assert due_for(JULY, facts(held=[nobody])) == {}


def test_somebody_sent_from_outside_fills_no_approved_post() -> None:
    outsider = held(9, codes.SECRETARY, is_outsider=True)
    assert amounts(JULY, facts(held=[outsider, held(2, codes.DIRECTOR)], approved={VILLAGE: 1})) == {2: 120_000}


def test_a_second_post_that_is_paid_counts_where_the_first_is_not() -> None:
    both = [held(9, codes.SUPERVISION_HEAD), held(9, codes.CLERK)]
    terms = replace(TERMS, other_posts=frozenset({codes.CLERK}))
    assert due_for(JULY, facts(held=both, terms=[terms]))[9, VILLAGE].posting == 980


@pytest.mark.parametrize(
    ("first", "last", "cents"),
    [
        (date(2026, 7, 31), date(2026, 9, 30), 0),
        (date(2026, 5, 1), date(2026, 7, 1), 0),
        (date(2026, 7, 10), None, 0),
        (date(2026, 8, 1), None, 150_000),
        (date(2026, 4, 1), date(2026, 6, 30), 150_000),
    ],
)
def test_a_month_with_a_day_of_suspension_pays_nothing(first: date, last: date | None, cents: int) -> None:
    known = facts(held=DUAL_HEAD, suspensions=[Suspension(1, first, last)])
    assert amounts(JULY, known) == {1: cents}
    assert notes(JULY, known) == ({} if cents else {1: "suspended"})


def test_somebody_suspended_still_fills_a_post() -> None:
    known = facts(approved={VILLAGE: 1}, suspensions=[Suspension(1, JULY, None)])
    assert total(JULY, known) == 0


def test_nobody_has_a_line_in_a_village_without_flags() -> None:
    known = facts(flags=[], suspensions=[Suspension(1, JULY, None)], approved={VILLAGE: 2})
    assert amounts(JULY, known) == {}


def test_without_rules_nothing_is_paid() -> None:
    assert due_for(date(2025, 12, 1), facts()) == {}
    assert total(JULY, facts(rates=[])) == 0


# --- Rates ----------------------------------------------------------------------------------


def test_the_latest_rate_that_has_begun_holds() -> None:
    known = facts(rates=[*rates(), *rates(valid_from=date(2026, 9, 1), secretary=60_000)], held=DUAL_HEAD)
    assert [total(date(2026, month, 1), known) for month in (8, 9, 10)] == [150_000, 180_000, 180_000]


def test_the_rate_of_a_category_comes_before_the_rate_for_all() -> None:
    later_for_all = rates(valid_from=date(2026, 7, 1), secretary=50_000)
    known = facts(held=DUAL_HEAD, rates=[*rates(code="F2", secretary=80_000), *later_for_all])
    assert due_for(JULY, known)[1, VILLAGE].items == (
        Item(11, "F1", 50_000),
        Item(12, "F2", 80_000),
        Item(13, "F3", 50_000),
    )


def test_the_same_rate_for_all_roles() -> None:
    known = facts(rates=rates(secretary=10_000, director=10_000, other=10_000))
    assert set(amounts(JULY, known).values()) == {30_000}


def test_a_one_off_rate_is_paid_with_the_first_month_only() -> None:
    known = facts(held=DUAL_HEAD, rates=rates(kind="once", secretary=100_000), flags=flags("F1"))
    assert [total(date(2026, month, 1), known) for month in (6, 7, 8)] == [0, 100_000, 0]
    assert amounts(date(2026, 8, 1), known) == {}


def test_a_one_off_rate_beside_a_monthly_one() -> None:
    known = facts(held=DUAL_HEAD, rates=[*rates(), *rates(kind="once", secretary=100_000)], flags=flags("F1"))
    assert [total(date(2026, month, 1), known) for month in (7, 8)] == [150_000, 50_000]


def test_two_flags_of_one_category_in_a_month_are_paid_once_by_the_later() -> None:
    earlier = Flag(90, VILLAGE, "F1", date(2026, 1, 1), JULY)
    for order in ([earlier, *flags("F1")], [*flags("F1"), earlier]):
        due = due_for(JULY, facts(held=DUAL_HEAD, flags=order))[1, VILLAGE]
        assert due.items == (Item(11, "F1", 50_000),)


# --- Merged villages ------------------------------------------------------------------------

MERGED = {NEXT: Ended(date(2026, 8, 31), VILLAGE)}


def test_a_merger_leaves_the_months_before_and_moves_the_months_after() -> None:
    both = facts(
        held=[held(1, codes.SECRETARY), held(2, codes.DIRECTOR, village=NEXT)],
        flags=[*flags("F1"), *flags("F1", "F2", village=NEXT)],
        ended=MERGED,
        approved={VILLAGE: 5, NEXT: 5},
    )
    assert {key: due.amount for key, due in due_for(date(2026, 8, 1), both).items()} == {
        (1, VILLAGE): 50_000,
        (2, NEXT): 80_000,
    }
    # From September both hold the two categories, each paid once.
    assert {key: due.amount for key, due in due_for(date(2026, 9, 1), both).items()} == {
        (1, VILLAGE): 100_000,
        (2, VILLAGE): 80_000,
    }


def test_a_village_that_ended_without_a_successor_is_paid_no_longer() -> None:
    gone = {VILLAGE: Ended(date(2026, 8, 31), None)}
    assert total(date(2026, 8, 1), facts(ended=gone)) == 510_000
    assert total(date(2026, 9, 1), facts(ended=gone)) == 0


def test_a_ring_of_mergers_ends() -> None:
    ring = {1: Ended(date(2026, 1, 1), 2), 2: Ended(date(2026, 1, 1), 1)}
    assert village_on(JULY, 1, ring) is None


def test_somebody_with_posts_in_two_villages_is_paid_in_one() -> None:
    known = facts(
        held=[held(1, codes.BRANCH_MEMBER), held(1, codes.SECRETARY, village=NEXT)],
        flags=[*flags("F1", "F2"), *flags("F1", "F2", village=NEXT)],
        approved={},
    )
    found = due_for(JULY, known)
    assert (found[1, NEXT].amount, found[1, NEXT].note) == (100_000, "")
    assert (found[1, VILLAGE].amount, found[1, VILLAGE].note) == (0, "paid_elsewhere")


# --- Performance pay ------------------------------------------------------------------------

YEARLY = rates(kind="performance", secretary=1_545_600, other=1_000_001)
JANUARY = date(2027, 1, 1)


@pytest.mark.parametrize(
    ("grade", "cents"), [("excellent", 1_854_720), ("competent", 1_545_600), ("incompetent", 0), ("", 0)]
)
def test_performance_pay_is_the_years_amount_by_the_share_of_the_grade(grade: str, cents: int) -> None:
    known = facts(held=DUAL_HEAD, flags=[], rates=YEARLY, grades=[Graded(2026, 1, VILLAGE, codes.SECRETARY, grade)])
    due = due_for(JANUARY, known)[1, VILLAGE]
    assert (due.performance, due.uplift, due.amount) == (cents, 0, cents)


def test_performance_pay_stands_beside_the_flags_and_only_in_its_month() -> None:
    graded = [Graded(2026, 1, VILLAGE, codes.SECRETARY, "competent")]
    terms = replace(TERMS, performance_month=3)
    known = facts(
        held=DUAL_HEAD,
        rates=[*rates(), *YEARLY],
        grades=graded,
        flags=flags("F1", last=date(2027, 6, 1)),
        terms=[terms],
    )
    assert [due_for(date(2027, month, 1), known)[1, VILLAGE].performance for month in (1, 3, 4)] == [0, 1_545_600, 0]
    assert due_for(date(2027, 3, 1), known)[1, VILLAGE].uplift == 50_000
    assert due_for(date(2026, 3, 1), known)[1, VILLAGE].performance == 0


def test_performance_pay_of_somebody_who_has_left_and_of_a_village_that_was_merged() -> None:
    graded = [
        Graded(2026, 4, NEXT, codes.BRANCH_MEMBER, "excellent"),
        Graded(2026, 6, VILLAGE, codes.PARTY_WORKER, "excellent"),
        Graded(2025, 7, VILLAGE, codes.SECRETARY, "excellent"),
    ]
    known = facts(held=[], flags=[], rates=YEARLY, grades=graded, ended=MERGED)
    (due,) = due_for(JANUARY, known).values()
    assert (due.person, due.village, due.posting, due.performance) == (4, VILLAGE, None, 1_200_001)


def test_half_a_cent_is_rounded_up() -> None:
    assert [share_of(cents, Decimal("0.5")) for cents in (1, 2, 3)] == [1, 1, 2]


# --- Differences ----------------------------------------------------------------------------


def add(paid: dict[Key, Paid], lines: list[Due]) -> None:
    for line in lines:
        one = paid.setdefault((line.person, line.village), Paid(line.group, line.posting))
        one.add(line.items, line.performance)


def paid_by(known: Facts, *months: date) -> dict[date, dict[Key, Paid]]:
    found: dict[date, dict[Key, Paid]] = {}
    for month in months:
        found[month] = {}
        add(found[month], [due for due in due_for(month, known).values() if due.is_shown])
    return found


@pytest.mark.parametrize(
    ("change", "cents", "note"),
    [
        ({}, 0, None),
        ({"rates": rates(secretary=60_000, director=40_000, other=30_000)}, 30_000, "rate_changed"),
        ({"held": FIVE[:-1]}, -90_000, "post_changed"),
        ({"held": [*FIVE, held(6, codes.COMMITTEE_MEMBER)], "approved": {}}, 90_000, "post_changed"),
        ({"flags": flags("F1", "F2")}, -170_000, "flag_changed"),
        ({"flags": flags("F1", "F2", "F3", "F4")}, 170_000, "flag_changed"),
        ({"suspensions": [Suspension(2, JULY, JULY)]}, -90_000, "suspended"),
        ({"held": [held(1, codes.DIRECTOR), *FIVE[2:]]}, -30_000, "post_changed"),
        ({"approved": {VILLAGE: 4}}, -90_000, "outside_approved"),
    ],
)
def test_a_difference_says_why(change: dict[str, object], cents: int, note: str | None) -> None:
    found = differences(due_for(JULY, facts(**change)), paid_by(facts(), JULY)[JULY])
    assert sum(one.amount for one in found) == cents
    assert {one.note for one in found} == ({note} if note else set())


def test_a_changed_grade_is_a_difference_of_its_own_column() -> None:
    graded = Graded(2026, 1, VILLAGE, codes.SECRETARY, "competent")
    before = facts(held=DUAL_HEAD, flags=[], rates=YEARLY, grades=[graded])
    (one,) = differences(
        due_for(JANUARY, replace(before, grades=[replace(graded, grade="excellent")])),
        paid_by(before, JANUARY)[JANUARY],
    )
    assert (one.performance, one.uplift, one.note) == (309_120, 0, "grade_changed")


def test_somebody_unknown_in_a_village_whose_flags_were_unknown_too_is_a_change_of_flags() -> None:
    found = differences(due_for(JULY, facts(held=DUAL_HEAD)), {})
    assert [(one.amount, one.note) for one in found] == [(150_000, "flag_changed")]


# --- What always holds ----------------------------------------------------------------------

MONTHS = [date(2026, month, 1) for month in range(1, 13)]


@st.composite
def worlds(draw: st.DrawFn) -> Facts:
    rng = random.Random(draw(st.integers(0, 10**9)))

    def day() -> date:
        return date(2026, rng.randint(1, 12), rng.randint(1, 28))

    def span() -> tuple[date | None, date | None]:
        one, two = sorted((day(), day()))
        return rng.choice(((one, two), (None, two), (one, None), (None, None)))

    people = [
        Held(number, rng.randint(1, 6), rng.randint(1, 3), rng.choice((10, 20, 30, 50, 60, 80, 85)), *span())
        for number in range(rng.randint(0, 14))
    ]
    awards = []
    for number in range(rng.randint(0, 8)):
        first, last = sorted((rng.choice(MONTHS), rng.choice(MONTHS)))
        if rng.random() < 0.15:
            first, last = last, first
        awards.append(Flag(number, rng.randint(1, 3), f"F{rng.randint(1, 3)}", first, last))
    return Facts(
        held=people,
        flags=awards,
        rates=[
            *rates(),
            *(rates(code="F2", valid_from=rng.choice(MONTHS), other=12_345) if rng.random() < 0.5 else []),
            *(rates(kind="once", secretary=99_999) if rng.random() < 0.3 else []),
        ],
        terms=[replace(TERMS, deciding_day=rng.choice((1, 16)), is_limited=rng.random() < 0.7)],
        suspensions=[Suspension(rng.randint(1, 6), *sorted((day(), day()))) for _number in range(rng.randint(0, 2))],
        approved={1: rng.randint(1, 5), 2: 3},
        ended={3: Ended(date(2026, 6, 30), rng.choice((1, None)))} if rng.random() < 0.4 else {},
    )


@settings(max_examples=300, deadline=None)
@given(worlds(), st.sampled_from(MONTHS))
def test_no_line_lies_outside_validity_and_nobody_is_paid_twice(known: Facts, month: date) -> None:
    by_award = {flag.award: flag for flag in known.flags}
    paid: set[int] = set()
    day = known.terms_for(month).day(month)  # type: ignore[union-attr]
    for (person, village), due in due_for(month, known).items():
        assert all(by_award[item.award].pays_for(month) and item.cents > 0 for item in due.items)
        assert len({item.code for item in due.items}) == len(due.items)
        assert due.amount >= 0
        if not due.amount:
            continue
        assert not due.note
        assert person not in paid
        paid.add(person)
        assert any(
            one.posting == due.posting and one.covers(day) and village_on(day, one.village, known.ended) == village
            for one in known.held
        )
        assert not any(one.person == person and one.first <= month <= (one.last or month) for one in known.suspensions)


@settings(max_examples=150, deadline=None)
@given(st.lists(worlds(), min_size=1, max_size=5), st.sampled_from(MONTHS))
def test_totals_are_conserved_under_corrections(known: list[Facts], month: date) -> None:
    """Whatever becomes known one after another: all lines together give what the last knowledge says, each flag too."""
    paid: dict[Key, Paid] = {}
    for world in known:
        add(paid, differences(due_for(month, world), paid))
        due = due_for(month, world)
        assert differences(due, paid) == []
        for key in {*due, *paid}:
            wanted = {item.award: item.cents for item in due[key].items} if key in due else {}
            given_now = (
                {award: cents for award, (_code, cents) in paid[key].flags.items() if cents} if key in paid else {}
            )
            assert given_now == wanted


def test_months_follow_each_other() -> None:
    assert after(date(2026, 12, 1)) == date(2027, 1, 1)
