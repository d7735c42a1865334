"""Pay sheets from preparing to settling: what stands on them, who may take which step, what is put right later."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from assessments.models import FlagAward, PayLine, PaySheet, UpliftRate
from assessments.services.pay import approve_sheets, checksum_of, prepare_sheets, return_sheet, sign_sheet
from assessments.services.pay_settling import Report, export_sheet, read_back
from branches.models import Unit, Village
from branches.versions import Conflict
from cadres import codes
from cadres.models import DisciplineAction, Person, Posting
from imports.dates import PartialDate
from tests.assessments.flag_ground import make_award
from tests.assessments.pay_ground import (
    JULY,
    Ground,
    all_paid,
    approved,
    exported,
    make_ground,
    make_holder,
    make_rates,
    noon,
    prepare,
    run_month,
    settle,
    signed,
    village,
)
from tests.conftest import without_guards

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ground(county: Unit) -> Ground:
    return make_ground(county)


def totals(sheets: list[PaySheet]) -> dict[str, int]:
    return {sheet.unit.name: sheet.total_cents for sheet in sheets}


def lines_of(sheet: PaySheet) -> list[tuple[str, str, int, str]]:
    """Person, month, cents, remark of each line in order."""
    rows = sheet.lines.select_related("person").order_by("number")
    return [(row.person.name, f"{row.for_month:%m}", row.amount_cents, row.note) for row in rows]


def code_of(error: Any) -> str:
    return error.value.error_list[0].code if hasattr(error.value, "error_list") else error.value.code


def sheet_of(name: str, month: date) -> PaySheet:
    return PaySheet.objects.select_related("unit").get(unit__name=name, month=month)


# --- Preparing ------------------------------------------------------------------------------


def test_every_township_with_flags_has_a_sheet_whose_total_is_the_sum_of_its_lines(ground: Ground) -> None:
    sheets = prepare(ground, JULY)
    assert totals(sheets) == {"东乡": 240_000, "西乡": 120_000}
    assert [sheet.people for sheet in sheets] == [3, 3]
    assert lines_of(sheets[0]) == [
        ("东一村书记", "07", 100_000, ""),
        ("东一村主任", "07", 80_000, ""),
        ("东一村委员", "07", 60_000, ""),
    ]
    line = sheets[0].lines.get(number=1)
    assert (line.role_group, line.uplift_cents, line.performance_cents) == ("secretary", 100_000, 0)
    assert [(flag["code"], flag["cents"]) for flag in line.flags] == [("F1", 50_000), ("F3", 50_000)]
    assert line.posting.post == codes.SECRETARY
    assert sheets[0].approved_numbers == {str(village(name).pk): 5 for name in ("东一村", "东二村", "东三村")}


def test_preparing_twice_gives_the_same_lines(ground: Ground) -> None:
    before = [lines_of(sheet) for sheet in prepare(ground, JULY)]
    again = prepare(ground, JULY)
    assert [lines_of(sheet) for sheet in again] == before
    assert PaySheet.objects.count() == 2
    assert [sheet.version for sheet in again] == [2, 2]


def test_a_draft_follows_what_has_become_known_and_one_without_lines_goes(ground: Ground) -> None:
    prepare(ground, JULY)
    FlagAward.objects.filter(village=village("西一村")).update(pay_until=date(2026, 6, 1))
    make_holder(village("东一村"), "新委员", codes.COMMITTEE_MEMBER)
    assert totals(prepare(ground, JULY)) == {"东乡": 300_000}
    assert list(PaySheet.objects.values_list("unit__name", flat=True)) == ["东乡"]
    assert AuditEvent.objects.filter(event="assessments.discard_paysheet").count() == 1


def test_a_signed_sheet_is_left_as_it_is(ground: Ground) -> None:
    east, _west = prepare(ground, JULY)
    east = signed(ground, east)
    make_rates(ground.county, {"secretary": "900"}, valid_from=JULY)
    assert totals(prepare(ground, JULY)) == {"西乡": 120_000 + 40_000}
    assert sheet_of("东乡", JULY).total_cents == 240_000


@pytest.mark.parametrize(
    ("month", "code"),
    [(date(2026, 7, 2), "not_a_month"), (date(2026, 8, 1), "not_yet"), (date(2025, 12, 1), "no_rules")],
)
def test_months_that_cannot_be_prepared(ground: Ground, month: date, code: str) -> None:
    with pytest.raises(ValidationError) as error:
        prepare_sheets(ground.county, month, by=ground.cast.staff, now=noon(date(2026, 7, 20)))
    assert code_of(error) == code


def test_without_rates_there_is_no_sheet(county: Unit) -> None:
    ground = make_ground(county)
    with without_guards(connection):
        UpliftRate.objects.all().delete()
    with pytest.raises(ValidationError) as error:
        prepare(ground, JULY)
    assert code_of(error) == "no_rates"


def test_a_flag_that_nobody_approved_pays_nothing(ground: Ground) -> None:
    with without_guards(connection):
        FlagAward.objects.update(approved_by=None)
    assert prepare(ground, JULY) == []


def test_people_suspended_seconded_or_in_no_paid_post(ground: Ground) -> None:
    unit = village("东一村")
    DisciplineAction.objects.create(
        person=Person.objects.get(name="东一村主任"),
        kind="suspension",
        decided_on=date(2026, 7, 20),
        effective_to=date(2026, 8, 20),
        reason="不胜任",
    )
    make_holder(unit, "党务干部", codes.PARTY_WORKER)
    make_holder(unit, "选派书记", codes.DEPUTY_SECRETARY, mode="sent")
    seconded = make_holder(unit, "挂职委员", codes.COMMITTEE_MEMBER)
    Person.objects.filter(pk=seconded.pk).update(is_seconded=True)
    make_holder(unit, "下月上任", codes.COMMITTEE_MEMBER, since=PartialDate(2026, 7, 2))
    east = prepare(ground, JULY)[0]
    assert lines_of(east) == [
        ("东一村书记", "07", 100_000, ""),
        ("东一村主任", "07", 0, "suspended"),
        ("东一村委员", "07", 60_000, ""),
    ]
    assert east.people == 2
    august = prepare(ground, AUGUST)[0]
    assert [line[0] for line in lines_of(august)] == ["东一村书记", "东一村主任", "东一村委员", "下月上任"]


@pytest.mark.parametrize(("ended_on", "cents"), [(date(2026, 6, 30), 80_000), (date(2026, 7, 1), 0), (None, 0)])
def test_a_suspension_lasts_to_its_decided_end_else_to_its_written_one(
    ground: Ground, ended_on: date | None, cents: int
) -> None:
    DisciplineAction.objects.create(
        person=Person.objects.get(name="东一村主任"),
        kind="suspension",
        decided_on=date(2026, 5, 20),
        effective_to=date(2026, 7, 20),
        ended_on=ended_on,
        closing_opinion="复职",
        reason="不胜任",
    )
    line = prepare(ground, JULY)[0].lines.get(person__name="东一村主任")
    assert line.amount_cents == cents


def test_people_beyond_the_approved_number(ground: Ground) -> None:
    Village.objects.filter(unit=village("东一村")).update(approved_post_count=2)
    assert lines_of(prepare(ground, JULY)[0])[2] == ("东一村委员", "07", 0, "outside_approved")


def test_a_raised_approved_number_changes_no_month_that_is_paid(ground: Ground) -> None:
    Village.objects.filter(unit=village("东一村")).update(approved_post_count=2)
    run_month(ground, JULY)
    Village.objects.filter(unit=village("东一村")).update(approved_post_count=5)
    assert {line[1] for line in lines_of(prepare(ground, AUGUST)[0])} == {"08"}


def test_the_number_of_queries_does_not_grow_with_the_villages(county: Unit) -> None:
    ground = make_ground(county, held="东一村 F1")
    assert queries_of(ground, JULY) == QUERIES
    make_awards(ground, "东二村", "东三村", "西一村", "西二村")
    assert queries_of(ground, AUGUST) == QUERIES
    assert PayLine.objects.filter(for_month=AUGUST).count() == 15


QUERIES = 19


def queries_of(ground: Ground, month: date) -> int:
    staff = User.objects.get(pk=ground.cast.staff.pk)
    with CaptureQueriesContext(connection) as asked:
        prepare_sheets(ground.county, month, by=staff, now=noon(month + timedelta(days=4)))
    return len(asked)


def make_awards(ground: Ground, *names: str) -> None:
    for name in names:
        make_award(ground.round, village(name), "F1")


# --- Steps ----------------------------------------------------------------------------------


def test_a_sheet_goes_its_way_with_an_event_for_each_step(ground: Ground) -> None:
    sheet = settle(ground, exported(ground, prepare(ground, JULY)[0]))
    assert sheet.state == "settled"
    assert sheet.checksum == checksum_of(sheet.lines.order_by("number"))
    events = AuditEvent.objects.filter(target_type="assessments.paysheet", target_id=str(sheet.pk)).order_by("pk")
    assert [event.event.removeprefix("assessments.") for event in events] == [
        "prepare_paysheet",
        "sign_paysheet",
        "approve_paysheet",
        "export_paysheet",
        "report_paysheet",
        "settle_paysheet",
    ]
    assert events[1].changes["state"] == ["draft", "signed"]


def test_who_prepared_a_sheet_does_not_sign_it(ground: Ground) -> None:
    sheet = prepare(ground, JULY)[0]
    with pytest.raises(PermissionDenied):
        sign_sheet(sheet, version=1, by=ground.cast.staff, now=noon(JULY))
    sheet.refresh_from_db()
    assert (sheet.state, sheet.signed_by) == ("draft", None)


@pytest.mark.parametrize("who", ["staff", "signer"])
def test_who_prepared_or_signed_a_sheet_does_not_approve_it(ground: Ground, who: str) -> None:
    sheet = signed(ground, prepare(ground, JULY)[0])
    by = ground.cast.staff if who == "staff" else ground.cast.signers["东乡"]
    with pytest.raises(PermissionDenied):
        approve_sheets({sheet.pk: sheet.version}, by=by, now=noon(JULY))


def test_nothing_is_approved_that_was_not_signed_and_all_or_none(ground: Ground) -> None:
    east, west = prepare(ground, JULY)
    east = signed(ground, east)
    with pytest.raises(ValidationError) as error:
        approve_sheets({east.pk: east.version, west.pk: west.version}, by=ground.cast.leader, now=noon(JULY))
    assert code_of(error) == "wrong_state"
    assert sheet_of("东乡", JULY).state == "signed"
    with pytest.raises(ValidationError) as error:
        approve_sheets({}, by=ground.cast.leader, now=noon(JULY))
    assert code_of(error) == "nothing_chosen"


def test_several_sheets_are_approved_at_once(ground: Ground) -> None:
    sheets = [signed(ground, sheet) for sheet in prepare(ground, JULY)]
    approve_sheets({sheet.pk: sheet.version for sheet in sheets}, by=ground.cast.leader, now=noon(JULY))
    assert set(PaySheet.objects.values_list("state", flat=True)) == {"approved"}


def test_a_step_on_a_sheet_that_changed_meanwhile_is_a_conflict(ground: Ground) -> None:
    sheet = prepare(ground, JULY)[0]
    prepare(ground, JULY)
    with pytest.raises(Conflict):
        sign_sheet(sheet, version=1, by=ground.cast.signers["东乡"], now=noon(JULY))
    sheet = signed(ground, sheet_of("东乡", JULY))
    with pytest.raises(Conflict):
        approve_sheets({sheet.pk: sheet.version - 1}, by=ground.cast.leader, now=noon(JULY))
    with pytest.raises(Conflict):
        approve_sheets({sheet.pk: sheet.version, 10**9: 1}, by=ground.cast.leader, now=noon(JULY))


@pytest.mark.parametrize("steps", ["", "signed", "approved"])
def test_a_sheet_is_returned_with_a_reason_and_loses_its_signatures(ground: Ground, steps: str) -> None:
    sheet = prepare(ground, JULY)[0]
    sheet = {"": lambda: sheet, "signed": lambda: signed(ground, sheet), "approved": lambda: approved(ground, sheet)}[
        steps
    ]()
    with pytest.raises(ValidationError) as error:
        return_sheet(sheet, "  ", version=sheet.version, by=ground.cast.leader)
    assert code_of(error) == "no_reason"
    sheet = return_sheet(sheet, "东一村少一人", version=sheet.version, by=ground.cast.leader)
    assert (sheet.state, sheet.signed_by, sheet.approved_by, sheet.returned_reason) == (
        "draft",
        None,
        None,
        "东一村少一人",
    )
    assert AuditEvent.objects.filter(event="assessments.return_paysheet", reason="东一村少一人").count() == 1
    assert prepare(ground, JULY)[0].returned_reason == ""


def test_what_the_finance_office_has_is_not_returned(ground: Ground) -> None:
    sheet = exported(ground, prepare(ground, JULY)[0])
    with pytest.raises(ValidationError) as error:
        return_sheet(sheet, "错了", version=sheet.version, by=ground.cast.leader)
    assert code_of(error) == "wrong_state"


@pytest.mark.parametrize("steps", ["draft", "signed", "exported"])
def test_only_an_approved_sheet_is_exported(ground: Ground, steps: str) -> None:
    sheet = prepare(ground, JULY)[0]
    if steps == "signed":
        sheet = signed(ground, sheet)
    if steps == "exported":
        sheet = exported(ground, sheet)
    with pytest.raises(ValidationError) as error:
        export_sheet(sheet, version=sheet.version, by=ground.cast.staff, now=noon(JULY))
    assert code_of(error) == "wrong_state"


def test_a_sheet_that_is_not_the_sum_of_its_lines_is_not_exported(ground: Ground) -> None:
    sheet = approved(ground, prepare(ground, JULY)[0])
    with without_guards(connection):
        PayLine.objects.filter(sheet=sheet, number=1).update(uplift_cents=1, amount_cents=1)
    with pytest.raises(ValidationError) as error:
        export_sheet(sheet, version=sheet.version, by=ground.cast.staff, now=noon(JULY))
    assert code_of(error) == "sums_differ"


# --- Differences ----------------------------------------------------------------------------


def paid_for(month: date, name: str) -> int:
    rows = PayLine.objects.filter(for_month=month, person__name=name)
    return rows.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def test_a_post_that_ended_earlier_is_taken_back_in_the_next_sheet(ground: Ground) -> None:
    run_month(ground, JULY)
    Posting.objects.filter(person__name="东一村委员").update(ended_on=date(2026, 6, 30))
    east = prepare(ground, AUGUST)[0]
    assert lines_of(east)[-1] == ("东一村委员", "07", -60_000, "post_changed")
    assert east.total_cents == 100_000 + 80_000 - 60_000
    assert paid_for(JULY, "东一村委员") == 0


def test_false_data_takes_back_every_month_and_a_later_sheet_does_it_no_second_time(ground: Ground) -> None:
    run_month(ground, JULY)
    run_month(ground, AUGUST)
    FlagAward.objects.filter(village=village("西一村")).update(pay_until=date(2026, 6, 1), revoked_on=date(2026, 9, 12))
    west = next(sheet for sheet in prepare(ground, SEPTEMBER) if sheet.unit.name == "西乡")
    assert west.total_cents == -240_000
    assert west.people == 0
    assert {line[1:] for line in lines_of(west)} == {
        (month, cents, "flag_changed") for month in ("07", "08") for cents in (-50_000, -40_000, -30_000)
    }
    exported(ground, west)
    assert totals(prepare(ground, OCTOBER)) == {"东乡": 240_000}
    assert prepare(ground, SEPTEMBER)[0].unit.name == "东乡"


def test_a_flag_made_known_late_is_paid_later_in_a_township_that_had_no_sheet(county: Unit) -> None:
    ground = make_ground(county, held="东一村 F1")
    run_month(ground, JULY)
    make_awards(ground, "西一村")
    west = prepare(ground, AUGUST)[1]
    assert west.total_cents == 240_000
    assert {(line[1], line[3]) for line in lines_of(west)} == {("07", "flag_changed"), ("08", "")}
    # The month itself, prepared after all, pays no second time.
    assert prepare(ground, JULY) == []


def test_a_draft_of_an_earlier_month_is_not_a_difference(ground: Ground) -> None:
    prepare(ground, JULY)
    assert totals(prepare(ground, AUGUST)) == {"东乡": 240_000, "西乡": 120_000}


def test_a_rate_raised_as_a_correction_is_paid_later(ground: Ground) -> None:
    run_month(ground, JULY)
    make_rates(ground.county, {"secretary": "600"}, valid_from=JULY)
    east = prepare(ground, AUGUST)[0]
    assert lines_of(east)[:2] == [("东一村书记", "08", 120_000, ""), ("东一村书记", "07", 20_000, "rate_changed")]
    line = east.lines.get(number=2)
    assert line.flags[0]["cents"] == 10_000


def test_differences_wait_for_a_sheet_that_can_still_be_written(ground: Ground) -> None:
    run_month(ground, JULY)
    sheets = [signed(ground, sheet) for sheet in prepare(ground, AUGUST)]
    make_rates(ground.county, {"secretary": "600"}, valid_from=JULY)
    assert prepare(ground, AUGUST) == []
    approve_sheets({sheet.pk: sheet.version for sheet in sheets}, by=ground.cast.leader, now=noon(AUGUST))
    for sheet in PaySheet.objects.filter(month=AUGUST).select_related("unit"):
        export_sheet(sheet, version=sheet.version, by=ground.cast.staff, now=noon(AUGUST))
    east = prepare(ground, SEPTEMBER)[0]
    assert [line for line in lines_of(east) if line[3]] == [
        ("东一村书记", "08", 20_000, "rate_changed"),
        ("东一村书记", "07", 20_000, "rate_changed"),
    ]


# --- What the finance office reports --------------------------------------------------------

PAYDAY = date(2026, 7, 15)


def read(ground: Ground, sheet: PaySheet, reports: list[Report], total: int | None = None) -> PaySheet:
    return read_back(sheet, reports, total, by=ground.cast.staff, now=noon(PAYDAY + timedelta(days=5)))


@pytest.fixture
def sheet(ground: Ground) -> PaySheet:
    return exported(ground, prepare(ground, JULY)[0])


def test_failed_lines_are_paid_later_and_then_the_sheet_is_settled(ground: Ground, sheet: PaySheet) -> None:
    first = [*all_paid(sheet, PAYDAY)[:2], Report(3, is_paid=False, on=PAYDAY, reason="账号有误")]
    sheet = read(ground, sheet, first, 240_000)
    assert (sheet.state, sheet.lines.get(number=3).failure) == ("exported", "账号有误")
    later = Report(3, is_paid=True, on=PAYDAY + timedelta(days=3))
    sheet = read(ground, sheet, [later], 60_000)
    assert sheet.state == "settled"
    line = sheet.lines.get(number=3)
    assert (line.payment, line.paid_on, line.failure) == ("paid", PAYDAY + timedelta(days=3), "")


def test_the_same_list_twice_changes_nothing(ground: Ground, sheet: PaySheet) -> None:
    read(ground, sheet, all_paid(sheet, PAYDAY), 240_000)
    before = AuditEvent.objects.count()
    read(ground, sheet, all_paid(sheet, PAYDAY), 240_000)
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    ("reports", "total", "code"),
    [
        ([], None, "empty"),
        ([Report(9, is_paid=True, on=PAYDAY)], None, "unknown_line"),
        ([Report(1, is_paid=True, on=PAYDAY), Report(1, is_paid=True, on=PAYDAY)], None, "double_line"),
        ([Report(1, is_paid=True, on=None)], None, "no_date"),
        ([Report(1, is_paid=True, on=date(2026, 8, 1))], None, "in_the_future"),
        ([Report(1, is_paid=True, on=date(2026, 7, 2))], None, "before_export"),
        ([Report(1, is_paid=False, on=PAYDAY, reason=" ")], None, "no_reason"),
        ([Report(1, is_paid=True, on=PAYDAY, cents=99_999)], None, "other_amount"),
        ([Report(1, is_paid=True, on=PAYDAY)], 240_000, "other_total"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_as_a_whole(
    ground: Ground, sheet: PaySheet, reports: list[Report], total: int | None, code: str
) -> None:
    fitting = [Report(2, is_paid=True, on=PAYDAY)] if reports and total is None else []
    with pytest.raises(ValidationError) as error:
        read(ground, sheet, [*fitting, *reports], total)
    assert code_of(error) == code
    assert not sheet.lines.exclude(payment="open").exists()


def test_a_line_that_is_paid_does_not_become_unpaid(ground: Ground, sheet: PaySheet) -> None:
    read(ground, sheet, [Report(1, is_paid=True, on=PAYDAY)])
    for report in (
        Report(1, is_paid=False, on=PAYDAY, reason="退回"),
        Report(1, is_paid=True, on=PAYDAY + timedelta(days=1)),
    ):
        with pytest.raises(ValidationError) as error:
            read(ground, sheet, [report])
        assert code_of(error) == "paid_already"


def test_nothing_is_reported_of_a_sheet_that_was_not_handed_over(ground: Ground) -> None:
    sheet = approved(ground, prepare(ground, JULY)[0])
    with pytest.raises(ValidationError) as error:
        read(ground, sheet, [Report(1, is_paid=True, on=PAYDAY)])
    assert code_of(error) == "wrong_state"
