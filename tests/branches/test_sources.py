"""What assessments ranks villages by, computed from records and cards."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import translation

from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.management.commands.list_indicators import markdown
from branches.models import Branch, OrganisationalLife, Unit, Village, WorkdayException
from branches.records import missing_fields, possibly_faulty
from branches.sources import SOURCES
from tests.branches.conftest import OCTOBER, make_branch, make_decision, make_life

Kind = OrganisationalLife.Kind


def read(code: str, *units: Unit, month: date = OCTOBER) -> list[tuple[int, int | None]]:
    """(value, of) of each unit, in their order; a unit without data is missing."""
    source = indicators.find(code)
    assert source is not None
    readings = source.compute([unit.pk for unit in units], month)
    for reading in readings.values():
        assert isinstance(reading.value, Decimal)
        assert reading.note
    return [
        (int(r.value), None if r.of is None else int(r.of)) for r in (readings[u.pk] for u in units if u.pk in readings)
    ]


@pytest.fixture
def other(county: Unit) -> Unit:
    return Unit.objects.get(name="东二村")


def test_a1_party_days_count_by_their_own_date(branch: Branch, village: Unit, other: Unit) -> None:
    make_life(branch, held_on=date(2026, 10, 10))
    make_life(branch, held_on=date(2026, 10, 31), recorded_on=date(2026, 11, 2))
    make_life(branch, held_on=date(2026, 11, 1))
    make_life(branch, held_on=date(2026, 10, 12), is_void=True)
    make_life(branch, kind=Kind.LECTURE)
    assert read("branches.party_day_held", village, other) == [(2, None), (0, None)]
    assert read("branches.party_day_held", village, month=date(2026, 11, 1)) == [(1, None)]


def test_a1_counts_every_organization_of_the_village(branch: Branch, village: Unit) -> None:
    second = Branch.objects.create(unit=village, name="产业支部", is_leading=False)
    make_life(branch)
    make_life(second)
    assert read("branches.party_day_held", village) == [(2, None)]


def test_a2_excused_are_not_counted_and_unknown_attendance_is_left_out(
    branch: Branch, village: Unit, other: Unit
) -> None:
    make_life(branch, due_count=35, excused_count=3, present_count=30)
    make_life(branch, held_on=date(2026, 10, 20), due_count=35, excused_count=0, present_count=28)
    make_life(branch, held_on=date(2026, 10, 21), due_count=None, present_count=None)
    assert read("branches.party_day_attendance", village, other) == [(58, 67), (0, 0)]


def test_a3_committee_meetings_of_the_month(branch: Branch, village: Unit) -> None:
    make_life(branch, kind=Kind.COMMITTEE_MEETING)
    assert read("branches.committee_meeting", village) == [(1, None)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({Kind.MEMBER_MEETING: date(2026, 8, 1), Kind.LECTURE: date(2026, 10, 31)}, 2),
        ({Kind.MEMBER_MEETING: date(2026, 7, 31), Kind.LECTURE: date(2026, 10, 1)}, 1),
        ({Kind.LECTURE: date(2026, 9, 1)}, 1),
        ({Kind.MEMBER_MEETING: date(2026, 11, 1)}, 0),
    ],
)
def test_a4_both_within_three_months(branch: Branch, village: Unit, days: dict[str, date], expected: int) -> None:
    for kind, day in days.items():
        make_life(branch, kind=kind, held_on=day)
        make_life(branch, kind=kind, held_on=day)
    assert read("branches.member_meeting_lecture", village) == [(expected, None)]


def test_a4_the_three_months_reach_over_the_new_year(branch: Branch, village: Unit) -> None:
    make_life(branch, kind=Kind.LECTURE, held_on=date(2026, 11, 1))
    assert read("branches.member_meeting_lecture", village, month=date(2027, 1, 1)) == [(1, None)]
    assert read("branches.member_meeting_lecture", village, month=date(2027, 2, 1)) == [(0, None)]


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, 0),
        ({"theme": ""}, 1),
        ({"chair": "", "recorder": ""}, 1),
        ({"present_count": None}, 1),
        ({"due_count": None, "present_count": None}, 1),
        ({"content": "", "decisions": ""}, 0),
        ({"recorded_on": date(2026, 10, 15)}, 0),
        ({"recorded_on": date(2026, 10, 16)}, 1),
        ({"recorded_on": date(2026, 10, 16), "place": ""}, 1),
    ],
)
def test_a6_a_record_lacks_a_field_or_is_later_than_three_working_days(
    branch: Branch, village: Unit, fields: dict[str, object], faults: int
) -> None:
    """10 October 2026 is a Saturday: the third working day after it is Wednesday the 14th, a holiday here."""
    WorkdayException.objects.create(unit=Unit.objects.get(kind="county"), day=date(2026, 10, 14), is_workday=False)
    record = make_life(branch, **fields)
    assert read("branches.record_faults", village) == [(faults, None)]
    is_complete = not missing_fields(record)
    candidates = possibly_faulty(OrganisationalLife.objects.all())
    assert [row.is_complete for row in candidates] in ([], [is_complete])


def test_a6_a_worked_saturday_shortens_the_time(branch: Branch, village: Unit) -> None:
    make_life(branch, held_on=date(2026, 10, 15), recorded_on=date(2026, 10, 20))
    assert read("branches.record_faults", village) == [(0, None)]
    WorkdayException.objects.create(unit=Unit.objects.get(kind="county"), day=date(2026, 10, 17), is_workday=True)
    assert read("branches.record_faults", village) == [(1, None)]


def test_d1_decisions_with_six_steps(village: Unit, other: Unit) -> None:
    make_decision(village)
    make_decision(village, steps=5)
    make_decision(village, is_void=True)
    make_decision(village, decided_on=date(2026, 9, 30))
    assert read("branches.decisions_complete", village, other) == [(1, 2), (0, 0)]


def test_d4_meetings_are_found_in_records_and_in_decisions(branch: Branch, village: Unit, other: Unit) -> None:
    make_life(branch, kind=Kind.REPRESENTATIVES, held_on=date(2026, 8, 5))
    make_decision(village, resolved_on=date(2026, 8, 5))
    make_decision(village, resolved_on=date(2026, 9, 5))
    make_decision(village, steps=3)
    make_decision(other, resolved_on=date(2026, 7, 31))
    assert read("branches.villager_meeting", village, other) == [(2, None), (0, None)]


def test_e3_civility_and_volunteering(branch: Branch, village: Unit) -> None:
    make_life(branch, kind=Kind.CIVILITY)
    make_life(branch, kind=Kind.VOLUNTEERING)
    assert read("branches.civility_activity", village) == [(2, None)]


@pytest.mark.parametrize(
    ("due", "members", "expected"), [(33, 35, [(33, None)]), (None, 35, [(35, None)]), (None, None, [])]
)
def test_a5_members_due_to_pay(
    village: Unit, due: int | None, members: int | None, expected: list[tuple[int, None]]
) -> None:
    Village.objects.create(unit=village, dues_member_count=due, member_count=members)
    assert read("branches.dues_members", village) == expected


def test_what_was_held_before_a_merger_counts_for_the_village_it_went_into(
    branch: Branch, village: Unit, other: Unit
) -> None:
    """And a month that was over before the merger reads as it did then."""
    make_life(branch, kind=Kind.LECTURE, held_on=date(2026, 9, 5))
    make_decision(village, resolved_on=date(2026, 9, 5), decided_on=date(2026, 9, 5))
    Unit.objects.filter(pk=village.pk).update(valid_to=date(2026, 9, 30), merged_into=other)
    assert read("branches.member_meeting_lecture", other) == [(1, None)]
    assert read("branches.villager_meeting", other) == [(1, None)]
    september = date(2026, 9, 1)
    assert read("branches.member_meeting_lecture", village, other, month=september) == [(1, None), (0, None)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.code)
def test_a_source_asks_as_much_for_three_villages_as_for_one(
    source: IndicatorSource, county: Unit, django_assert_num_queries: object
) -> None:
    villages = list(Unit.objects.villages())
    for village in villages:
        branch = make_branch(village)
        for kind in Kind.values:
            make_life(branch, kind=kind, recorded_on=date(2026, 10, 30), theme="")
        make_decision(village)
    expected = {
        "branches.record_faults": 2,
        "branches.member_meeting": 2,
        "branches.member_meeting_lecture": 2,
        "branches.villager_meeting": 3,
    }.get(source.code, 1)
    for count in (1, 3):
        ids = [village.pk for village in villages[:count]]
        with django_assert_num_queries(expected):  # type: ignore[operator]
            readings = source.compute(ids, OCTOBER)
        assert set(readings) == set(ids)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.code)
def test_a_long_list_of_villages_gives_the_same_numbers(
    source: IndicatorSource, county: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    villages = list(Unit.objects.villages())
    for number, village in enumerate(villages):
        make_life(make_branch(village), kind=Kind.values[number], theme="")
        make_decision(village, steps=number)
    ids = [village.pk for village in villages[:4]]
    short = source.compute(ids, OCTOBER)
    monkeypatch.setattr("branches.sources.ID_LIST_LIMIT", 2)
    assert source.compute(ids, OCTOBER) == short


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.code)
def test_the_records_behind_a_number_have_an_address(source: IndicatorSource, village: Unit) -> None:
    assert source.records is not None
    assert str(village.pk) in source.records(village.pk, OCTOBER)


def test_another_source_under_a_taken_code_is_refused() -> None:
    indicators.register(SOURCES[0])
    impostor = IndicatorSource(
        code=SOURCES[0].code, label="x", unit="x", higher_is_better=True, compute=lambda ids, month: {}
    )
    with pytest.raises(ValueError, match="registered twice"):
        indicators.register(impostor)
    with indicators.replaced(impostor):
        assert indicators.find(impostor.code) is impostor
    assert indicators.find(impostor.code) is SOURCES[0]


def test_the_page_of_indicators_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "indicators.md"
    with translation.override("en"):
        assert page.read_text(encoding="utf-8") == markdown()


def test_the_command_lists_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("list_indicators", "--json")
    printed = capsys.readouterr().out
    for source in SOURCES:
        assert source.code in printed


def test_a_reading_is_exact() -> None:
    assert Reading(Decimal(1), Decimal(3)) == Reading(Decimal(1), Decimal(3), "")
