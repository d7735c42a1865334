"""Objections to a receipt line: assessments/services/appeals.py. Rule: docs/rules/appeals.md."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.roles import Role
from assessments.models import Adjustment, Appeal, Period, Ranking, Result
from assessments.services import appeals
from assessments.services.publication import discard_draft, publish_ranking
from assessments.services.returns import SAVE_EVENT
from branches.models import Unit, WorkdayException
from tests.assessments.month_ground import (
    NOW,
    compute,
    make_month,
    publish,
    result_of,
    row_of,
    set_values,
)
from tests.assessments.pages import client_of, find, page, parsed, texts, words
from tests.conftest import grant, make_user

DAY = timedelta(days=1)


@pytest.fixture
def second_staff(county: Unit) -> User:
    return make_user("second_staff", Role.CS, county)


@pytest.fixture
def period(county: Unit) -> Period:
    """东一村 has 30 of 35 dues: 25.71 of 30 points; 东二村 one damaged facility: 9 of 10."""
    period = make_month(county)
    set_values(period, "东一村", A5_n=30)
    set_values(period, "东二村", E4=1)
    return period


@pytest.fixture
def ranking(period: Period, county_admin: User, county_leader: User) -> Ranking:
    return publish(period, county_admin, county_leader)


@pytest.fixture
def result(ranking: Ranking) -> Result:
    return result_of(ranking, "东一村")


def scaled(**values: int) -> dict[str, int]:
    return {code.replace("_", "."): value * 10_000 for code, value in values.items()}


def object_to(result: Result, by: User, code: str = "A5", values: dict | None = None, now: datetime = NOW) -> Appeal:
    claimed = scaled(A5_n=33) if values is None else values
    return appeals.open_appeal(result, code, "缴费凭证 33 人", claimed, by=by, now=now)


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ValidationError) as error:
        call(*args, **kwargs)
    return str(error.value.code)


class TestOpening:
    def test_it_is_kept_with_what_is_claimed(self, result: Result, east_editor: User, ranking: Ranking) -> None:
        appeal = object_to(result, east_editor)

        stored = Appeal.objects.get()
        assert stored == appeal
        assert (stored.ranking, stored.result, stored.village.name) == (ranking, result, "东一村")
        assert (stored.line_code, stored.state, stored.opened_by) == ("A5", "open", east_editor)
        assert stored.claimed_values == {"A5.n": 330_000}

    def test_its_text_is_not_in_the_audit_trail(self, result: Result, east_editor: User) -> None:
        object_to(result, east_editor)
        event = AuditEvent.objects.get(event="assessments.open_appeal")
        assert event.changes == {"line": "A5", "claim": "changed"}
        assert event.reason == ""

    @pytest.mark.parametrize(("shift", "code"), [(timedelta(0), None), (timedelta(seconds=1), "too_late")])
    def test_until_the_end_of_the_window(
        self, result: Result, east_editor: User, ranking: Ranking, shift: timedelta, code: str | None
    ) -> None:
        assert ranking.appeal_until is not None
        moment = ranking.appeal_until + shift
        if code is None:
            assert object_to(result, east_editor, now=moment).pk
        else:
            assert refusal(object_to, result, east_editor, now=moment) == code
            assert not Appeal.objects.exists()

    def test_once_for_each_village_and_month(self, result: Result, east_editor: User) -> None:
        object_to(result, east_editor)
        assert refusal(object_to, result, east_editor, "E4", {}) == "already_objected"

    def test_the_database_holds_it_too(self, result: Result, east_editor: User) -> None:
        appeal = object_to(result, east_editor)
        appeal.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            appeal.save(force_insert=True)

    @pytest.mark.parametrize(
        ("code", "claim", "values", "expected"),
        [
            ("Z9", "错", {}, "line_unknown"),
            ("A5", "  ", {}, "claim_missing"),
            ("A5", "错" * 1001, {}, "text_too_long"),
            ("A5", "错", {"E4": 0}, "value_refused"),
            ("A5", "错", {"A5.n": -1}, "value_refused"),
            ("A5", "错", {"A5.n": "33"}, "value_refused"),
            ("A5", "错", {"A5.n": True}, "value_refused"),
            ("D6", "错", {"D6": 1_010_000}, "value_refused"),
            ("N1", "错", {"N1": 100}, "value_refused"),
        ],
    )
    def test_what_is_refused(
        self, result: Result, east_editor: User, code: str, claim: str, values: dict, expected: str
    ) -> None:
        assert refusal(appeals.open_appeal, result, code, claim, values, by=east_editor, now=NOW) == expected
        assert not Appeal.objects.exists()

    def test_not_to_a_draft(self, period: Period, county_admin: User, east_editor: User) -> None:
        draft = compute(period, county_admin)
        assert refusal(object_to, result_of(draft, "东一村"), east_editor) == "not_published"

    def test_the_answer_is_due_after_five_working_days(self, result: Result, east_editor: User, county: Unit) -> None:
        """From Wednesday 4 November: Thursday to Wednesday; a Friday off and a Sunday worked leave it there."""
        WorkdayException.objects.create(day=date(2026, 11, 6), is_workday=False, unit=county)
        WorkdayException.objects.create(day=date(2026, 11, 8), is_workday=True, unit=county)
        appeal = object_to(result, east_editor)
        assert timezone.localtime(appeal.answer_by).strftime("%Y-%m-%d %H:%M:%S") == "2026-11-11 23:59:59"


class TestDeciding:
    @pytest.fixture
    def appeal(self, result: Result, east_editor: User) -> Appeal:
        return object_to(result, east_editor)

    def decide(self, appeal: Appeal, by: User, outcome: str = "upheld", values: dict | None = None) -> Appeal:
        return appeals.decide_appeal(appeal, outcome, "凭证属实", values or {}, by=by, now=NOW + DAY)

    def test_upheld_it_corrects_the_value_and_computes_a_revision(
        self, appeal: Appeal, second_staff: User, period: Period, ranking: Ranking
    ) -> None:
        decided = self.decide(appeal, second_staff)

        assert (decided.state, decided.decided_by, decided.decision) == ("upheld", second_staff, "凭证属实")
        assert decided.corrected_values == {"A5.n": 330_000}
        assert row_of(period, "东一村").values["A5.n"] == 330_000
        draft = decided.revision
        assert draft is not None
        assert (draft.revision, draft.state) == (2, "draft")
        assert "东一村 A5" in draft.reason
        ranking.refresh_from_db()
        assert ranking.state == Ranking.State.PUBLISHED

    def test_the_revision_lists_the_changed_ranks(self, appeal: Appeal, second_staff: User, result: Result) -> None:
        """东一村: 30 of 35 is 25.71, 33 of 35 is 28.29 of 30 points. It passes nobody but gains 2.58."""
        draft = self.decide(appeal, second_staff).revision
        assert draft is not None
        assert draft.changed_ranks == [
            {"village": result.village_id, "name": "东一村", "rank": [5, 5], "total": [9571, 9829]}
        ]

    def test_the_value_is_changed_with_who_when_old_and_new(
        self, appeal: Appeal, second_staff: User, period: Period
    ) -> None:
        self.decide(appeal, second_staff)
        event = AuditEvent.objects.get(event="assessments.correct_values")
        assert event.actor == second_staff
        assert event.changes == {"A5.n": [300_000, 330_000]}
        assert row_of(period, "东一村").updated_by == second_staff

    def test_corrected_otherwise(self, appeal: Appeal, second_staff: User, period: Period) -> None:
        decided = self.decide(appeal, second_staff, "corrected", scaled(A5_n=31))
        assert decided.state == "corrected"
        assert row_of(period, "东一村").values["A5.n"] == 310_000

    def test_rejected_nothing_changes(self, appeal: Appeal, second_staff: User, period: Period) -> None:
        decided = self.decide(appeal, second_staff, "rejected")
        assert (decided.state, decided.revision, decided.corrected_values) == ("rejected", None, {})
        assert row_of(period, "东一村").values["A5.n"] == 300_000
        assert Ranking.objects.count() == 1

    @pytest.mark.parametrize(
        ("outcome", "decision", "values", "expected"),
        [
            ("open", "因", {}, "outcome_unknown"),
            ("upheld", " ", {}, "decision_missing"),
            ("corrected", "因", {}, "values_missing"),
            ("corrected", "因", {"A5.n": 360_000}, "value_refused"),
            ("corrected", "因", {"E4": 0}, "value_refused"),
        ],
    )
    def test_what_is_refused(
        self, appeal: Appeal, second_staff: User, outcome: str, decision: str, values: dict, expected: str
    ) -> None:
        with transaction.atomic():
            got = refusal(appeals.decide_appeal, appeal, outcome, decision, values, by=second_staff, now=NOW)
            transaction.set_rollback(True)
        assert got == expected
        appeal.refresh_from_db()
        assert appeal.state == "open"

    def test_decided_once(self, appeal: Appeal, second_staff: User) -> None:
        self.decide(appeal, second_staff, "rejected")
        assert refusal(self.decide, appeal, second_staff) == "already_decided"

    def test_the_database_refuses_who_objected(self, appeal: Appeal, east_editor: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Appeal.objects.filter(pk=appeal.pk).update(decided_by=east_editor)

    def test_who_objected_does_not_decide(self, appeal: Appeal, east_editor: User, county: Unit) -> None:
        grant(east_editor, Role.CS, county)
        with pytest.raises(PermissionDenied):
            self.decide(appeal, east_editor)

    def test_who_reviewed_the_return_does_not_decide(self, appeal: Appeal, county_admin: User) -> None:
        with pytest.raises(PermissionDenied):
            self.decide(appeal, county_admin)
        appeal.refresh_from_db()
        assert appeal.state == "open"

    def test_who_entered_the_value_does_not_decide(
        self, appeal: Appeal, second_staff: User, county_leader: User, period: Period
    ) -> None:
        audit.record(SAVE_EVENT, actor=second_staff, target=row_of(period, "东一村"), changes={"A5.n": [None, 300_000]})
        with pytest.raises(PermissionDenied):
            self.decide(appeal, second_staff)
        assert self.decide(appeal, county_leader).state == "upheld"

    def test_who_entered_another_cell_may_decide(self, appeal: Appeal, second_staff: User, period: Period) -> None:
        audit.record(SAVE_EVENT, actor=second_staff, target=row_of(period, "东一村"), changes={"E4": [None, 0]})
        assert self.decide(appeal, second_staff).state == "upheld"


class TestAdjustments:
    @pytest.fixture
    def period(self, county: Unit, county_admin: User) -> Period:
        period = make_month(county)
        village = Unit.objects.get(name="东一村")
        Adjustment.objects.create(
            period=period,
            village=village,
            path=village.path,
            item_code="N1",
            level="县级",
            count=2,
            document="青纪〔2026〕7号",
            happened_on=date(2026, 10, 12),
            entered_by=county_admin,
        )
        return period

    def test_upheld_the_item_is_voided(
        self, result: Result, east_editor: User, second_staff: User, period: Period
    ) -> None:
        appeal = object_to(result, east_editor, "N1", {"N1": 0})
        decided = appeals.decide_appeal(appeal, "upheld", "撤销", {}, by=second_staff, now=NOW)
        assert Adjustment.objects.get().is_void
        assert decided.revision is not None
        assert result_of(decided.revision, "东一村").total_hundredths == 10_000
        assert result.total_hundredths == 9_800
        event = AuditEvent.objects.get(event="assessments.correct_adjustment")
        assert event.changes == {"count": [2, 2], "is_void": [False, True]}

    def test_corrected_it_counts_less(self, result: Result, east_editor: User, second_staff: User) -> None:
        appeal = object_to(result, east_editor, "N1", {"N1": 1})
        appeals.decide_appeal(appeal, "corrected", "只有一次", {"N1": 1}, by=second_staff, now=NOW)
        item = Adjustment.objects.get()
        assert (item.count, item.is_void) == (1, False)

    def test_who_entered_it_does_not_decide(self, result: Result, east_editor: User, county_admin: User) -> None:
        appeal = object_to(result, east_editor, "N1", {"N1": 0})
        with pytest.raises(PermissionDenied):
            appeals.decide_appeal(appeal, "rejected", "属实", {}, by=county_admin, now=NOW)

    def test_what_was_never_entered_cannot_be_corrected(
        self, result: Result, east_editor: User, second_staff: User
    ) -> None:
        appeal = object_to(result, east_editor, "P1", {"P1": 1})
        got = refusal(appeals.decide_appeal, appeal, "upheld", "应加分", {}, by=second_staff, now=NOW)
        assert got == "not_correctable"


class TestRevisions:
    def test_two_objections_share_one_revision(
        self, ranking: Ranking, east_editor: User, second_staff: User, county_leader: User
    ) -> None:
        first = object_to(result_of(ranking, "东一村"), east_editor)
        second = object_to(result_of(ranking, "东二村"), east_editor, "E4", {"E4": 0})
        for appeal in (first, second):
            appeals.decide_appeal(appeal, "upheld", "属实", {}, by=second_staff, now=NOW + DAY)
        drafts = Ranking.objects.filter(state="draft")
        assert drafts.count() == 1
        draft = drafts.get()
        assert set(draft.corrections.values_list("pk", flat=True)) == {first.pk, second.pk}
        assert draft.reason.index("东一村 A5") < draft.reason.index("东二村 E4")

        publish_ranking(draft, by=county_leader, now=NOW + DAY)
        ranking.refresh_from_db()
        assert ranking.state == Ranking.State.SUPERSEDED
        assert result_of(draft, "东二村").total_hundredths == 10_000

    def test_a_discarded_draft_can_be_computed_again(
        self, ranking: Ranking, period: Period, east_editor: User, second_staff: User, county_admin: User
    ) -> None:
        appeal = object_to(result_of(ranking, "东一村"), east_editor)
        draft = appeals.decide_appeal(appeal, "upheld", "属实", {}, by=second_staff, now=NOW).revision
        assert draft is not None
        discard_draft(draft, by=second_staff)
        assert appeals.waiting_corrections(period) == [appeal]
        again = appeals.revise_for_appeals(period, by=county_admin, now=NOW)
        assert again.computed_by == county_admin
        assert appeals.waiting_corrections(period) == []
        assert result_of(again, "东一村").total_hundredths == 9_829

    def test_without_a_correction_there_is_nothing_to_compute(
        self, ranking: Ranking, period: Period, county_admin: User
    ) -> None:
        assert refusal(appeals.revise_for_appeals, period, by=county_admin, now=NOW) == "nothing_to_correct"


class TestPages:
    """The pages ask the clock, so the ranking is published now."""

    @pytest.fixture
    def ranking(self, period: Period, county_admin: User, county_leader: User) -> Ranking:
        return publish(period, county_admin, county_leader, at=timezone.now())

    def new_url(self, result: Result, line: str = "A5") -> str:
        return f"{reverse('assessments:appeal_new', args=[result.pk])}?line={line}"

    def opened(self, result: Result, by: User) -> Appeal:
        return object_to(result, by, now=timezone.now())

    def test_a_township_objects_from_the_receipt(self, result: Result, east_editor: User) -> None:
        client = client_of(east_editor)
        receipt = page(client, reverse("assessments:receipt", args=[result.pk]))
        link = find(receipt, 'tr[data-line="A5"] a.b-object')[0].get("href")
        assert link == self.new_url(result)
        form = page(client, link)
        assert [field.get("name") for field in find(form, 'input[inputmode="decimal"]')] == ["value-A5.n", "value-A5.d"]

        answer = client.post(link, {"line": "A5", "claim": "凭证 33 人", "value-A5.n": "３３", "value-A5.d": ""})
        appeal = Appeal.objects.get()
        assert answer.url == reverse("assessments:appeal", args=[appeal.pk])
        assert appeal.claimed_values == {"A5.n": 330_000}
        assert "凭证 33 人" in words(page(client, answer.url))

    def test_what_is_refused_keeps_what_was_typed(self, result: Result, east_editor: User) -> None:
        answer = client_of(east_editor).post(
            self.new_url(result), {"line": "A5", "claim": "错了", "value-A5.n": "很多"}
        )
        assert answer.status_code == 422
        tree = parsed(answer.content)
        assert find(tree, "textarea")[0].text.strip() == "错了"
        assert find(tree, 'input[name="value-A5.n"]')[0].get("value") == "很多"
        assert not Appeal.objects.exists()

    @pytest.mark.parametrize(
        ("who", "expected"), [("county_admin", 403), ("county_viewer", 403), ("west_editor", 404), ("newcomer", 404)]
    )
    def test_who_does_not_object(self, result: Result, request: pytest.FixtureRequest, who: str, expected: int) -> None:
        client = client_of(request.getfixturevalue(who))
        assert client.post(self.new_url(result), {"line": "A5", "claim": "错"}).status_code == expected
        assert not Appeal.objects.exists()

    def test_an_unknown_line(self, result: Result, east_editor: User) -> None:
        assert client_of(east_editor).get(self.new_url(result, "Z9")).status_code == 404

    @pytest.mark.parametrize(
        ("who", "expected"), [("county_admin", 200), ("county_viewer", 200), ("east_editor", 200), ("west_editor", 404)]
    )
    def test_who_reads_an_objection(
        self, result: Result, east_editor: User, request: pytest.FixtureRequest, who: str, expected: int
    ) -> None:
        url = reverse("assessments:appeal", args=[self.opened(result, east_editor).pk])
        assert client_of(request.getfixturevalue(who)).get(url).status_code == expected

    def test_the_list_shows_ones_own_area(self, ranking: Ranking, east_editor: User, west_editor: User) -> None:
        self.opened(result_of(ranking, "东一村"), east_editor)
        appeals.open_appeal(result_of(ranking, "西一村"), "E4", "错", {}, by=west_editor, now=timezone.now())
        url = reverse("assessments:appeal_list")
        assert texts(page(client_of(east_editor), url), "tbody th") == ["东一村"]
        assert texts(page(client_of(west_editor), f"{url}?state=open"), "tbody th") == ["西一村"]
        assert texts(page(client_of(west_editor), f"{url}?state=upheld"), "tbody th") == []

    def test_the_list_takes_the_same_queries_for_one_and_for_three(
        self, ranking: Ranking, east_editor: User, county_admin: User
    ) -> None:
        url, client = reverse("assessments:appeal_list"), client_of(county_admin)
        self.opened(result_of(ranking, "东一村"), east_editor)
        client.get(url)
        with CaptureQueriesContext(connection) as one:
            client.get(url)
        for name in ("东二村", "东三村"):
            self.opened(result_of(ranking, name), east_editor)
        with CaptureQueriesContext(connection) as three:
            client.get(url)
        assert len(one) == len(three)

    def test_the_reviewer_is_told_why_not(self, result: Result, east_editor: User, county_admin: User) -> None:
        appeal = self.opened(result, east_editor)
        tree = page(client_of(county_admin), reverse("assessments:appeal", args=[appeal.pk]))
        assert not find(tree, 'input[name="outcome"]')
        assert find(tree, ".p-alert")
        url = reverse("assessments:appeal_decide", args=[appeal.pk])
        data = {"outcome": "rejected", "decision": "因"}
        assert client_of(county_admin).post(url, data).status_code == 403

    def test_a_colleague_decides_and_the_township_sees_both_scores(
        self, result: Result, east_editor: User, second_staff: User, county_leader: User
    ) -> None:
        appeal = self.opened(result, east_editor)
        url = reverse("assessments:appeal_decide", args=[appeal.pk])
        client_of(second_staff).post(url, {"outcome": "upheld", "decision": "属实", "value-A5.n": "33"})
        appeal.refresh_from_db()
        assert (appeal.state, appeal.corrected_values) == ("upheld", {"A5.n": 330_000})

        detail = reverse("assessments:appeal", args=[appeal.pk])
        before = page(client_of(east_editor), detail)
        assert "98.29" not in words(before)
        assert appeal.revision is not None
        publish_ranking(appeal.revision, by=county_leader, now=timezone.now())
        after = words(page(client_of(east_editor), detail))
        assert "95.71" in after
        assert "98.29" in after
        assert "属实" in after

    def test_a_refused_decision_keeps_what_was_typed(
        self, result: Result, east_editor: User, second_staff: User
    ) -> None:
        appeal = self.opened(result, east_editor)
        url = reverse("assessments:appeal_decide", args=[appeal.pk])
        answer = client_of(second_staff).post(url, {"outcome": "corrected", "decision": "按实", "value-A5.n": "99"})
        assert answer.status_code == 422
        assert find(parsed(answer.content), "#decision")[0].text.strip() == "按实"
        appeal.refresh_from_db()
        assert appeal.state == "open"

    @pytest.mark.parametrize(("who", "expected"), [("east_editor", 403), ("west_editor", 404), ("county_viewer", 403)])
    def test_who_does_not_decide(
        self, result: Result, east_editor: User, request: pytest.FixtureRequest, who: str, expected: int
    ) -> None:
        url = reverse("assessments:appeal_decide", args=[self.opened(result, east_editor).pk])
        answer = client_of(request.getfixturevalue(who)).post(url, {"outcome": "rejected", "decision": "因"})
        assert answer.status_code == expected
        assert Appeal.objects.get().state == "open"
