"""From the values of a month to its ranking."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from assessments.engine import score
from assessments.models import Adjustment, Appeal, Period, Ranking, Result, Return, VillageMonth
from assessments.receipts import freeze, lines_of
from assessments.rules import SchemeRules
from assessments.services.closing import close_periods, lock_period, revise
from assessments.services.publication import discard_draft, publish_ranking
from branches import indicators
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit
from tests.assessments.month import MONTH, NOW, full_month, make_month, values


@pytest.fixture(autouse=True)
def party_day() -> Iterator[None]:
    """Every village held its Party day, but 西二村 has no record."""

    def compute(ids: Any, month: date) -> dict[int, Reading]:
        names = dict(Unit.objects.filter(pk__in=ids).values_list("pk", "name"))
        return {pk: Reading(Decimal(0 if name == "西二村" else 1)) for pk, name in names.items()}

    source = IndicatorSource(code="test.party_day", label="", unit="", higher_is_better=True, compute=compute)
    with indicators.replaced(source):
        yield


def close(period: Period, by: User) -> Ranking:
    return close_periods([period.pk], by=by, now=NOW)[0]


def board(ranking: Ranking) -> dict[str, tuple[Any, ...]]:
    rows = Result.objects.filter(ranking=ranking).select_related("village")
    return {row.village.name: (row.county_rank, row.township_rank, row.total, row.grade) for row in rows}


def test_a_month_becomes_a_draft_ranking(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    ranking = close(period, county_admin)
    assert board(ranking) == {
        "东一村": (1, 1, Decimal("98.00"), "advanced"),
        "东二村": (2, 2, Decimal("85.20"), "middle"),
        "东三村": (3, 3, Decimal("84.00"), "middle"),
        "西二村": (4, 1, Decimal("78.00"), "middle"),
        "西一村": (5, 2, Decimal("60.00"), "middle"),
    }
    assert (ranking.state, ranking.revision, ranking.village_count, ranking.ranked_count) == ("draft", 1, 5, 5)
    assert Period.objects.get().state == Period.State.COMPUTED
    event = AuditEvent.objects.get(event="assessments.compute_ranking")
    assert (event.actor, event.changes["ranked"], event.changes["checksum"]) == (county_admin, 5, ranking.checksum)


def test_printed_lines_sum_to_the_printed_total(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    village = Unit.objects.get(name="东一村")
    Adjustment.objects.create(
        period=period,
        village=village,
        path=village.path,
        item_code="P1",
        level="市级",
        document="青委〔2026〕3号",
        happened_on=MONTH,
    )
    ranking = close(period, county_admin)
    rules = SchemeRules.from_snapshot(ranking.rules)
    for result in Result.objects.filter(ranking=ranking):
        assert sum(line.points for line in lines_of(result, rules)) == result.total_hundredths
    best = Result.objects.get(ranking=ranking, village=village)
    assert best.total == Decimal("99.00")
    bonus = next(line for line in lines_of(best, rules) if line.kind == "bonus")
    assert (bonus.code, bonus.level, bonus.points, bonus.document) == ("P1", "市级", 100, "青委〔2026〕3号")


def test_a_village_that_lacks_a_value_has_a_range_and_no_rank(county: Unit, county_admin: User) -> None:
    entered = full_month()
    del entered["东一村"]["B1"]
    ranking = close(make_month(county, entered), county_admin)
    row = Result.objects.get(ranking=ranking, village__name="东一村")
    assert (row.county_rank, row.total, row.missing, row.grade) == (None, None, ["B1"], "")
    assert (row.low_hundredths, row.high_hundredths, row.rank_best, row.rank_worst) == (6000, 10000, 1, 4)
    assert ranking.ranked_count == 4


def test_what_was_not_accepted_counts_as_not_given(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    Return.objects.filter(unit__name="西乡").update(state=Return.State.SUBMITTED)
    ranking = close(period, county_admin)
    assert [name for name, row in board(ranking).items() if row[0] is None] == ["西一村", "西二村"]
    assert ranking.warnings == [{"code": "not_accepted", "townships": ["西乡"]}]


def test_a_late_return_costs_each_of_its_villages(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    Return.objects.filter(unit__name="东乡").update(late_days=3)
    ranking = close(period, county_admin)
    assert board(ranking)["东一村"][2] == Decimal("96.50")
    assert board(ranking)["西一村"][2] == Decimal("60.00")


def test_a_vetoed_village_keeps_its_score_and_stands_last(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    village = Unit.objects.get(name="东一村")
    Adjustment.objects.create(
        period=period, village=village, path=village.path, item_code="V3", document="青纪〔2026〕1号", happened_on=MONTH
    )
    ranking = close(period, county_admin)
    assert board(ranking)["东一村"] == (5, 3, Decimal("98.00"), "lagging")


def test_the_same_inputs_give_the_same_checksum_and_one_draft(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    first = close(period, county_admin)
    second = close(period, county_admin)
    assert first.checksum == second.checksum != ""
    assert list(Ranking.objects.values_list("pk", "revision")) == [(second.pk, 1)]
    assert Result.objects.count() == 5


def test_another_value_gives_another_checksum(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month())
    first = close(period, county_admin)
    VillageMonth.objects.filter(village__name="西一村").update(values=values(20, 40, 51))
    assert close(period, county_admin).checksum != first.checksum


CHECKSUM = "3be0deb867a703d3fb2aa9fcc895abbf455bbd3e59679113bbfc74faec747f54"


def test_the_checksum_is_the_same_on_every_database(county: Unit, county_admin: User) -> None:
    """Written down once, so that SQLite and PostgreSQL are held to the same bytes."""
    assert close(make_month(county, full_month()), county_admin).checksum == CHECKSUM


@pytest.mark.parametrize(("state", "code"), [("open", "not_locked"), ("published", "already_published")])
def test_only_a_locked_month_is_computed(county: Unit, county_admin: User, state: str, code: str) -> None:
    period = make_month(county, full_month(), state=state)
    with pytest.raises(ValidationError) as refused:
        close(period, county_admin)
    assert refused.value.code == code
    assert not Ranking.objects.exists()


def test_an_error_in_one_source_leaves_nothing_behind(county: Unit, county_admin: User) -> None:
    def broken(ids: Any, month: date) -> dict[int, Reading]:
        raise ArithmeticError("no data")

    period = make_month(county, full_month())
    source = IndicatorSource(code="test.party_day", label="", unit="", higher_is_better=True, compute=broken)
    with indicators.replaced(source), pytest.raises(ArithmeticError):
        close(period, county_admin)
    assert not Ranking.objects.exists()
    assert Period.objects.get().state == Period.State.LOCKED


def test_locking_ends_entry_and_twice_does_nothing(county: Unit, county_admin: User) -> None:
    period = make_month(county, full_month(), state=Period.State.OPEN)
    assert lock_period(period, by=county_admin, now=NOW).state == Period.State.LOCKED
    lock_period(period, by=county_admin, now=NOW)
    assert AuditEvent.objects.filter(event="assessments.lock_period").count() == 1


def test_a_published_ranking_is_what_its_frozen_inputs_give(
    county: Unit, county_admin: User, county_leader: User
) -> None:
    """Invariant 3: recomputed from the lines of the receipts alone, whatever has become of the month since."""
    ranking = publish_ranking(close(make_month(county, full_month()), county_admin), by=county_leader, now=NOW)
    VillageMonth.objects.update(values={})
    rules = SchemeRules.from_snapshot(ranking.rules)
    results = list(Result.objects.filter(ranking=ranking).order_by("path"))
    frozen = freeze(
        rules,
        [
            (
                "c",
                row.path[:-4],
                row.path,
                row.village_class,
                row.band,
                row.county_rank,
                row.total_hundredths,
                orjson.dumps(row.lines),
            )
            for row in results
        ],
    )
    again = score(rules, frozen.columns, frozen.adjustments, frozen.groups)
    assert again.total.tolist() == [row.total_hundredths for row in results]
    assert again.ranks["county"].tolist() == [row.county_rank for row in results]


# Publication


def test_who_computed_does_not_publish(county: Unit, county_admin: User, county_leader: User) -> None:
    draft = close(make_month(county, full_month()), county_admin)
    with pytest.raises(ValidationError) as refused:
        publish_ranking(draft, by=county_admin, now=NOW)
    assert refused.value.code == "own_work"
    published = publish_ranking(draft, by=county_leader, now=NOW)
    assert (published.state, published.published_by) == ("published", county_leader)
    assert Period.objects.get().state == Period.State.PUBLISHED
    with pytest.raises(ValidationError) as refused:
        publish_ranking(draft, by=county_leader, now=NOW)
    assert refused.value.code == "not_a_draft"


def test_the_database_refuses_a_publisher_who_computed(county: Unit, county_admin: User) -> None:
    draft = close(make_month(county, full_month()), county_admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ranking.objects.filter(pk=draft.pk).update(state="published", published_by=county_admin)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assessments_result SET total_hundredths = 1",
        "DELETE FROM assessments_result",
        "UPDATE assessments_ranking SET ranked_count = 0",
        "UPDATE assessments_ranking SET state = 'draft'",
        "DELETE FROM assessments_ranking",
    ],
)
def test_a_published_ranking_never_changes(
    county: Unit, county_admin: User, county_leader: User, statement: str
) -> None:
    draft = close(make_month(county, full_month()), county_admin)
    publish_ranking(draft, by=county_leader, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert board(draft)["东一村"][0] == 1


def test_a_discarded_draft_leaves_the_month_locked(county: Unit, county_admin: User) -> None:
    draft = close(make_month(county, full_month()), county_admin)
    discard_draft(draft, by=county_admin)
    assert not Result.objects.exists()
    assert Period.objects.get().state == Period.State.LOCKED


# Movement and corrections


def published_month(county: Unit, by: User, leader: User, month: date, entered: dict[str, Any]) -> Ranking:
    return publish_ranking(close(make_month(county, entered, month), by), by=leader, now=NOW)


def test_movement_is_split_and_adds_up(county: Unit, county_admin: User, county_leader: User) -> None:
    published_month(county, county_admin, county_leader, date(2026, 8, 1), full_month())
    now = full_month()
    now["西一村"] = values(40, 40, 100)
    ranking = close(make_month(county, now), county_admin)
    row = Result.objects.get(ranking=ranking, village__name="西一村")
    assert (row.previous_rank, row.county_rank, row.moved) == (5, 1, 4)
    assert (row.moved_correction, row.moved_rules, row.moved_own, row.moved_others) == (0, 0, 4, 0)
    assert row.previous_total_hundredths == 6000
    pushed = Result.objects.get(ranking=ranking, village__name="东一村")
    assert (pushed.moved, pushed.moved_own, pushed.moved_others) == (-1, 0, -1)


def test_the_first_month_has_no_movement(county: Unit, county_admin: User) -> None:
    ranking = close(make_month(county, full_month()), county_admin)
    assert set(Result.objects.filter(ranking=ranking).values_list("moved", "previous_rank")) == {(None, None)}


def test_a_correction_is_the_next_revision_with_its_changes(
    county: Unit, county_admin: User, county_leader: User
) -> None:
    first = published_month(county, county_admin, county_leader, MONTH, full_month())
    VillageMonth.objects.filter(village__name="西一村").update(values=values(40, 40, 50))
    second = revise(Period.objects.get(), by=county_admin, now=NOW, reason="西一村党费更正")
    assert (second.revision, second.state, second.reason) == (2, "draft", "西一村党费更正")
    village = Unit.objects.get(name="西一村")
    other = Unit.objects.get(name="西二村")
    assert second.changed_ranks == [
        {"village": village.pk, "name": "西一村", "rank": [5, 4], "total": [6000, 8000]},
        {"village": other.pk, "name": "西二村", "rank": [4, 5], "total": [7800, 7800]},
    ]
    publish_ranking(second, by=county_leader, now=NOW)
    assert Ranking.objects.get(pk=first.pk).state == Ranking.State.SUPERSEDED
    assert Result.objects.get(ranking=first, village=village).county_rank == 5


def test_a_correction_keeps_what_the_system_had_computed(county: Unit, county_admin: User, county_leader: User) -> None:
    first = published_month(county, county_admin, county_leader, MONTH, full_month())
    late_record = IndicatorSource(
        code="test.party_day",
        label="",
        unit="",
        higher_is_better=True,
        compute=lambda ids, month: {pk: Reading(Decimal(1)) for pk in ids},
    )
    with indicators.replaced(late_record):
        second = revise(Period.objects.get(), by=county_admin, now=NOW, reason="核对")
    assert second.changed_ranks == []
    assert Result.objects.get(ranking=second, village__name="西二村").total == Decimal("78.00")
    assert second.inputs_checksum == first.inputs_checksum


def test_an_upheld_objection_corrects_a_computed_line(
    county: Unit, county_admin: User, county_leader: User, west_editor: User
) -> None:
    first = published_month(county, county_admin, county_leader, MONTH, full_month())
    village = Unit.objects.get(name="西二村")
    Appeal.objects.create(
        ranking=first,
        result=Result.objects.get(ranking=first, village=village),
        period=first.period,
        village=village,
        path=village.path,
        line_code="A2",
        claim="9月10日开展过",
        opened_by=west_editor,
        answer_by=NOW,
        state=Appeal.State.UPHELD,
        decided_by=county_leader,
        decided_at=NOW,
        corrected_values={"A2": 10_000},
    )
    second = revise(first.period, by=county_admin, now=NOW, reason="异议成立")
    assert Result.objects.get(ranking=second, village=village).total == Decimal("98.00")


@pytest.mark.parametrize(
    ("reason", "state", "code"), [("", "published", "reason_missing"), ("x", "locked", "not_published")]
)
def test_a_correction_needs_a_reason_and_a_published_month(
    county: Unit, county_admin: User, reason: str, state: str, code: str
) -> None:
    period = make_month(county, full_month(), state=state)
    with pytest.raises(ValidationError) as refused:
        revise(period, by=county_admin, now=NOW, reason=reason)
    assert refused.value.code == code


# Size


@pytest.mark.parametrize("villages", [1, 3])
def test_the_number_of_queries_does_not_grow_with_the_villages(
    county: Unit, county_admin: User, county_leader: User, villages: int
) -> None:
    published_month(county, county_admin, county_leader, date(2026, 8, 1), full_month())
    period = make_month(county, full_month())
    kept = VillageMonth.objects.filter(period=period).order_by("pk").values_list("pk", flat=True)[:villages]
    VillageMonth.objects.filter(period=period).exclude(pk__in=list(kept)).delete()
    with CaptureQueriesContext(connection) as queries:
        close(period, county_admin)
    assert len(queries) == 22
