"""The ladder proposes, people decide; what it says is class D3."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts import audit
from accounts.models import AuditEvent, User
from assessments.models import CadreResult, DisciplineProposal, YearAssessment
from assessments.services import year_discipline
from assessments.services.year_cadres import set_grade
from assessments.services.year_discipline import dismiss, propose_by_places, take_up
from assessments.year_rules import Ladder
from branches.models import Unit
from branches.versions import Conflict
from cadres.models import DisciplineAction, Person, Posting
from imports.dates import PartialDate
from tests.assessments.year_ground import (
    FIRST_HALF,
    NOW,
    RULES,
    cadre_result,
    computed,
    enter_everything,
    make_people,
    open_year,
    publish_months,
    published,
)

LAST = {"东三村": {"E4": 9}}
SUSPENSION = {
    "kind": "suspension",
    "decided_on": date(2026, 7, 15),
    "effective_to": date(2026, 9, 15),
    "decided_by": "东乡党委",
    "document": "",
    "reason": "连续三个月排名末位",
}


@pytest.fixture
def people(county: Unit) -> dict[str, Person]:
    return make_people(county)


@pytest.fixture
def three_months(county: Unit, people: dict[str, Person], county_admin: User, county_leader: User) -> None:
    publish_months(county, county_admin, county_leader, FIRST_HALF[1:4], **LAST)


def names() -> list[str]:
    return list(DisciplineProposal.objects.order_by("pk").values_list("person__name", flat=True))


@pytest.mark.usefixtures("three_months")
class TestPlaces:
    def test_last_three_times_in_six_months(self, county: Unit, county_admin: User) -> None:
        (row,) = propose_by_places(county, by=county_admin, now=NOW)
        assert (row.person.name, row.kind, row.rule, row.state) == ("东三村书记", "suspension", "last_places", "open")
        assert row.evidence == [{"month": f"2026-0{month}", "rank": 3, "of": 3} for month in (2, 3, 4)]
        event = AuditEvent.objects.get(event="assessments.add_disciplineproposal")
        assert event.changes == {"kind": audit.HIDDEN, "rule": audit.HIDDEN}
        assert propose_by_places(county, by=county_admin, now=NOW) == []

    def test_a_new_month_is_a_new_case_once_the_first_is_decided(
        self, county: Unit, county_admin: User, county_leader: User, east_editor: User
    ) -> None:
        (row,) = propose_by_places(county, by=county_admin, now=NOW)
        publish_months(county, county_admin, county_leader, FIRST_HALF[4:5], **LAST)
        assert propose_by_places(county, by=county_admin, now=NOW) == []
        dismiss(row, "因灾歉收，已约谈", version=1, by=east_editor, now=NOW)
        (again,) = propose_by_places(county, by=county_admin, now=NOW)
        assert [one["month"] for one in again.evidence] == ["2026-02", "2026-03", "2026-04", "2026-05"]

    def test_months_before_somebody_held_the_post_do_not_count(
        self, county: Unit, people: dict[str, Person], county_admin: User
    ) -> None:
        old = people["东三村书记"]
        Posting.objects.filter(person=old).update(ended_on=date(2026, 2, 20))
        village = Unit.objects.get(name="东三村")
        new = Person.objects.create(unit=village, name="新书记")
        Posting.objects.create(person=new, unit=village, post=10, started_on=PartialDate(2026, 2, 21))
        assert propose_by_places(county, by=county_admin, now=NOW) == []

    @pytest.mark.parametrize(
        ("ladder", "found"),
        [
            (Ladder(last_step="reminder"), ["东三村书记"]),
            (Ladder(last_step=""), []),
            (Ladder(times=4), []),
            (Ladder(group="county"), ["东三村书记"]),
            (Ladder(least=4), []),
        ],
    )
    def test_the_condition_is_the_county_s(
        self, county: Unit, county_admin: User, ladder: Ladder, found: list[str]
    ) -> None:
        open_year(county, county_admin, rules=RULES.changed(ladder=ladder))
        made = propose_by_places(county, by=county_admin, now=NOW)
        assert [row.person.name for row in made] == found
        assert {row.kind for row in made} <= {ladder.last_step}


def test_without_a_published_month_nothing_is_proposed(county: Unit, county_admin: User) -> None:
    assert propose_by_places(county, by=county_admin, now=NOW) == []


class TestGrade:
    @pytest.fixture
    def row(self, county: Unit, people: Any, county_admin: User, county_leader: User) -> YearAssessment:
        publish_months(county, county_admin, county_leader, FIRST_HALF[:1])
        row = open_year(county, county_admin)
        enter_everything(row, county_admin)
        return computed(row, county_admin)

    def test_the_worst_grade_is_proposed_for_a_step_when_published(
        self, row: YearAssessment, county_admin: User, county_leader: User
    ) -> None:
        set_grade(cadre_result(row, "西一村委员"), "incompetent", "长期不在岗", base="excellent", by=county_admin)
        assert names() == []
        published(row, county_leader)
        assert names() == ["西一村委员"]
        proposal = DisciplineProposal.objects.get()
        assert proposal.evidence[0]["result"] == CadreResult.objects.get(person__name="西一村委员").pk
        assert not DisciplineAction.objects.exists()

    def test_the_step_can_be_switched_off(self, row: YearAssessment, county_admin: User, county_leader: User) -> None:
        YearAssessment.objects.filter(pk=row.pk).update(rules=RULES.changed(ladder=Ladder(grade_step="")).to_stored())
        computed(row, county_admin)
        set_grade(cadre_result(row, "西一村委员"), "incompetent", "长期不在岗", base="excellent", by=county_admin)
        published(row, county_leader)
        assert names() == []


@pytest.mark.usefixtures("three_months")
class TestDecision:
    @pytest.fixture
    def proposal(self, county: Unit, county_admin: User) -> DisciplineProposal:
        return propose_by_places(county, by=county_admin, now=NOW)[0]

    def test_taken_up_it_leads_to_the_record(self, proposal: DisciplineProposal, east_editor: User) -> None:
        done = take_up(proposal, SUSPENSION, version=1, by=east_editor, now=NOW)
        assert (done.state, done.decided_by, done.action) == ("taken_up", east_editor, DisciplineAction.objects.get())
        assert done.action is not None
        assert (done.action.person, done.action.kind) == (proposal.person, "suspension")
        event = AuditEvent.objects.get(event="assessments.decide_disciplineproposal")
        assert set(event.changes.values()) == {audit.HIDDEN}
        with pytest.raises(ValidationError) as refused:
            dismiss(proposal, "反悔", version=2, by=east_editor, now=NOW)
        assert refused.value.code == "decided"

    def test_what_the_record_refuses_decides_nothing(self, proposal: DisciplineProposal, east_editor: User) -> None:
        with pytest.raises(ValidationError):
            take_up(proposal, {**SUSPENSION, "effective_to": None}, version=1, by=east_editor, now=NOW)
        proposal.refresh_from_db()
        assert (proposal.state, proposal.version, DisciplineAction.objects.count()) == ("open", 1, 0)

    def test_not_followed_needs_a_reason(self, proposal: DisciplineProposal, east_editor: User) -> None:
        with pytest.raises(ValidationError):
            dismiss(proposal, " ", version=1, by=east_editor, now=NOW)
        with pytest.raises(Conflict):
            dismiss(proposal, "已约谈", version=7, by=east_editor, now=NOW)
        done = dismiss(proposal, " 已约谈 ", version=1, by=east_editor, now=NOW)
        assert (done.state, done.decision, done.action) == ("dismissed", "已约谈", None)


def test_queries(county: Unit, county_admin: User, county_leader: User, django_assert_num_queries: Any) -> None:
    make_people(county)
    publish_months(county, county_admin, county_leader, FIRST_HALF[1:4], **LAST)
    with django_assert_num_queries(10):
        year_discipline.propose_by_places(county, by=county_admin, now=NOW)
