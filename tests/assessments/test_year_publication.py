"""A year from opening to a revision: computed, published by another, frozen by the database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from assessments.models import (
    Adjustment,
    CadreResult,
    DepartmentScore,
    PersonalScore,
    SatisfactionSurvey,
    VillageYear,
    YearAssessment,
)
from assessments.services import year as years
from assessments.services.year_cadres import set_grade
from assessments.services.year_entry import Edit, enter_department_scores
from branches.models import Unit
from branches.versions import Conflict
from cadres.models import Person, Posting
from imports.dates import PartialDate
from tests.assessments.month_ground import make_month, publish
from tests.assessments.year_ground import (
    AGRICULTURE,
    FIRST_HALF,
    NOW,
    RULES,
    _with_year_caps,
    cadre_result,
    computed,
    enter_everything,
    line,
    make_people,
    open_year,
    publish_months,
    published,
    village_year,
)

State = YearAssessment.State


@pytest.fixture
def people(county: Unit) -> dict[str, Person]:
    return make_people(county)


@pytest.fixture
def row(county: Unit, people: dict[str, Person], county_admin: User, county_leader: User) -> YearAssessment:
    """The first half with two published months and everything entered."""
    publish_months(county, county_admin, county_leader, FIRST_HALF[:2], 东一村={"E4": 3})
    row = open_year(county, county_admin)
    enter_everything(row, county_admin)
    return row


def refused(code: str) -> Any:
    class Refusal:
        def __enter__(self) -> None:
            self.raised = pytest.raises(ValidationError)
            self.found = self.raised.__enter__()

        def __exit__(self, *error: Any) -> bool:
            outcome = self.raised.__exit__(*error)
            assert code in {one.code for one in self.found.value.error_list}
            return bool(outcome)

    return Refusal()


class TestOpening:
    def test_rules_are_those_of_the_last_one(self, county: Unit, county_admin: User) -> None:
        first = years.open_assessment(county, 2025, "year", by=county_admin, now=NOW)
        assert years.rules_of(first) == years.default_rules()
        second = years.open_assessment(county, 2026, "first_half", by=county_admin, now=NOW, rules=RULES)
        third = years.open_assessment(county, 2026, "year", by=county_admin, now=NOW, document=" 青组发〔2026〕30号 ")
        assert years.rules_of(third) == years.rules_of(second) == RULES
        assert third.document == "青组发〔2026〕30号"
        assert AuditEvent.objects.filter(event="assessments.open_yearassessment").count() == 3

    @pytest.mark.parametrize(
        ("number", "span", "code"),
        [
            (2026, "first_half", "opened_before"),
            (2026, "second_half", ""),
            (2027, "year", "in_the_future"),
            (1999, "year", "out_of_range"),
            (2026, "decade", "out_of_range"),
        ],
    )
    def test_what_cannot_be_opened(self, county: Unit, county_admin: User, number: int, span: str, code: str) -> None:
        open_year(county, county_admin)
        if not code:
            years.open_assessment(county, number, span, by=county_admin, now=NOW)
            return
        with refused(code):
            years.open_assessment(county, number, span, by=county_admin, now=NOW)

    def test_rules_change_while_nothing_is_published(self, row: YearAssessment, county_admin: User) -> None:
        computed(row, county_admin)
        row.refresh_from_db()
        wider = RULES.changed(best_share=5000)
        changed = years.change_assessment(row, wider, "", version=row.version, by=county_admin)
        assert (changed.state, years.rules_of(changed)) == (State.OPEN, wider)
        same = years.change_assessment(changed, wider, "", version=changed.version, by=county_admin)
        assert AuditEvent.objects.filter(event="assessments.change_yearassessment").count() == 1
        with pytest.raises(Conflict):
            years.change_assessment(row, RULES, "", version=1, by=county_admin)
        with refused("share"):
            years.change_assessment(same, RULES.changed(best_share=10_001), "", version=same.version, by=county_admin)


class TestComputing:
    def test_lines_of_a_village_add_up(self, row: YearAssessment, county_admin: User) -> None:
        done = computed(row, county_admin)
        one = village_year(done, "东一村")
        months = line(one, "months")
        assert [month["points"] for month in months["months"]] == [9700, 9700]
        assert (months["value"], months["weight"], months["points"], months["of"]) == (9700, 6000, 5820, [2, 6])
        assert line(one, "departments")["points"] == 2700
        assert line(one, "satisfaction")["points"] == 900
        assert one.total_hundredths == sum(item["points"] for item in one.lines) == 9420
        assert (one.county_rank, one.township_rank, one.grade) == (5, 3, "excellent")
        two = village_year(done, "东二村")
        assert (two.county_rank, two.township_rank, two.total_hundredths) == (1, 1, 9600)

    def test_lines_of_a_cadre_add_up(self, row: YearAssessment, county_admin: User) -> None:
        one = cadre_result(computed(row, county_admin), "东一村书记")
        personal = line(one, "personal")
        assert [part["points"] for part in personal["parts"]] == [4500, 3800, 950]
        assert one.personal_hundredths == personal["value"] == 9250
        assert one.village_hundredths == 9420
        assert one.total_hundredths == sum(item["points"] for item in one.lines) == 5652 + 3700
        assert (one.post, one.grade, one.proposed, one.missing) == (10, "excellent", "excellent", [])

    def test_missing_is_not_zero(
        self, county: Unit, people: dict[str, Person], county_admin: User, county_leader: User
    ) -> None:
        publish_months(county, county_admin, county_leader, FIRST_HALF[:1])
        row = open_year(county, county_admin)
        enter_everything(row, county_admin, without=["西二村"])
        done = computed(row, county_admin)
        one = village_year(done, "西二村")
        assert (one.total_hundredths, one.county_rank, one.grade) == (None, None, "")
        assert one.missing == [f"department:{AGRICULTURE}", "department:县委政法委", "satisfaction"]
        secretary = cadre_result(done, "西二村书记")
        assert (secretary.total_hundredths, secretary.grade, secretary.township_rank) == (None, "", None)
        assert secretary.missing == ["village", "results", "vote", "township"]
        assert VillageYear.objects.filter(assessment=done, total_hundredths__isnull=False).count() == 4

    def test_only_published_months_count(self, row: YearAssessment, county: Unit, county_admin: User) -> None:
        make_month(county, month=FIRST_HALF[2])
        assert line(village_year(computed(row, county_admin), "东二村"), "months")["of"] == [2, 6]

    def test_a_month_without_rank_of_the_village_does_not_count(
        self, county: Unit, people: dict[str, Person], county_admin: User, county_leader: User
    ) -> None:
        publish_months(county, county_admin, county_leader, FIRST_HALF[:1], 东一村={"E4": None})
        publish_months(county, county_admin, county_leader, FIRST_HALF[1:2])
        row = open_year(county, county_admin)
        enter_everything(row, county_admin)
        months = line(village_year(computed(row, county_admin), "东一村"), "months")
        assert (months["of"], [one["points"] for one in months["months"]]) == ([1, 6], [None, 10_000])

    def test_a_veto_caps_village_and_heads_and_stands_last(
        self, county: Unit, people: dict[str, Person], county_admin: User, county_leader: User
    ) -> None:
        period = make_month(county, month=FIRST_HALF[0], rules=_with_year_caps())
        village = Unit.objects.get(name="东二村")
        Adjustment.objects.create(
            period=period,
            village=village,
            path=village.path,
            item_code="V6",
            document="青组发〔2026〕3号",
            happened_on=date(2026, 1, 9),
        )
        publish(period, county_admin, county_leader)
        row = open_year(county, county_admin)
        enter_everything(row, county_admin)
        done = computed(row, county_admin)
        one = village_year(done, "东二村")
        assert (one.veto, one.grade, one.county_rank, one.township_rank) == ("V6", "competent", 5, 3)
        assert line(one, "veto")["cap"] == "competent"
        assert one.total_hundredths == village_year(done, "东三村").total_hundredths
        assert cadre_result(done, "东二村书记").proposed == "competent"
        assert cadre_result(done, "东二村委员").proposed == "excellent"
        with refused("beyond_veto"):
            set_grade(cadre_result(done, "东二村书记"), "excellent", "很好", base="competent", by=county_admin)

    def test_who_takes_part(self, row: YearAssessment, county: Unit, county_admin: User) -> None:
        village = Unit.objects.get(name="东一村")
        rest = [
            ("下派书记", 10, PartialDate(2021, 12), None, True),
            ("卸任委员", 50, PartialDate(2021, 12), date(2026, 6, 29), None),
            ("新任文书", 80, PartialDate(2026, 6, 30), None, None),
            ("七月委员", 50, PartialDate(2026, 7, 1), None, None),
            ("联络员", 100, PartialDate(2021, 12), None, None),
        ]
        for name, post, since, until, is_seconded in rest:
            person = Person.objects.create(unit=village, name=name, is_seconded=is_seconded)
            Posting.objects.create(person=person, unit=village, post=post, started_on=since, ended_on=until)
        west = Unit.objects.get(name="西一村")
        twice = Person.objects.get(name="东一村委员")
        Posting.objects.create(person=twice, unit=west, post=20, started_on=PartialDate(2026, 1, 1))
        done = computed(row, county_admin)
        names = set(CadreResult.objects.filter(assessment=done).values_list("person__name", flat=True))
        assert names & {name for name, *_rest in rest} == {"新任文书"}
        assert (cadre_result(done, "东一村委员").post, cadre_result(done, "东一村委员").village) == (20, west)

    def test_no_village_no_result(self, county: Unit, county_admin: User) -> None:
        row = open_year(county, county_admin)
        Unit.objects.villages().update(valid_to=date(2025, 12, 31))
        with refused("no_villages"):
            computed(row, county_admin)

    def test_again_gives_the_same(self, row: YearAssessment, county_admin: User) -> None:
        first = computed(row, county_admin).checksum
        assert computed(row, county_admin).checksum == first
        edit = Edit(
            key="x",
            subject=Unit.objects.get(name="东一村").pk,
            texts={"score": "91"},
            department=AGRICULTURE,
            base=1,
        )
        enter_department_scores(row, [edit], by=county_admin, now=NOW)
        row.refresh_from_db()
        assert row.state == State.OPEN
        assert computed(row, county_admin).checksum != first

    @pytest.mark.parametrize("villages", [1, 3])
    def test_queries(self, county: Unit, county_admin: User, county_leader: User, villages: int) -> None:
        names = ["东一村", "东二村", "东三村", "西一村", "西二村"]
        Unit.objects.filter(name__in=names[villages:]).delete()
        make_people(county)
        publish_months(county, county_admin, county_leader, FIRST_HALF[:1])
        row = open_year(county, county_admin)
        enter_everything(row, county_admin)
        with CaptureQueriesContext(connection) as queries:
            computed(row, county_admin)
        assert len(queries) == {"sqlite": 21, "postgresql": 19}[connection.vendor]


class TestPublishing:
    def test_another_publishes_what_was_computed(
        self, row: YearAssessment, county_admin: User, county_leader: User
    ) -> None:
        computed(row, county_admin)
        done = published(row, county_leader)
        assert (done.state, done.published_by, done.quota_reason) == (
            State.PUBLISHED,
            county_leader,
            "县委常委会研究同意",
        )
        event = AuditEvent.objects.get(event="assessments.publish_yearassessment")
        assert event.reason == "县委常委会研究同意"

    def test_shortcuts_are_refused(self, row: YearAssessment, county_admin: User, county_leader: User) -> None:
        with refused("not_computed"):
            published(row, county_leader)
        computed(row, county_admin)
        with refused("own_work"):
            published(row, county_admin)
        with pytest.raises(Conflict):
            years.publish_assessment(row, version=1, by=county_leader, now=NOW)
        with refused("quota_reason_missing"):
            published(row, county_leader, reason=" ")
        published(row, county_leader)
        with refused("not_computed"):
            published(row, county_leader)
        with refused("published"):
            computed(row, county_admin)
        with refused("published"):
            enter_everything(row, county_admin)
        with refused("published"):
            set_grade(cadre_result(row, "东一村书记"), "competent", "x", base="excellent", by=county_admin)

    def test_what_changed_since_has_to_be_computed_again(
        self, row: YearAssessment, county: Unit, county_admin: User, county_leader: User
    ) -> None:
        computed(row, county_admin)
        publish_months(county, county_admin, county_leader, FIRST_HALF[2:3], 东二村={"E4": 9})
        with refused("out_of_date"):
            published(row, county_leader)
        computed(row, county_admin)
        published(row, county_leader)

    def test_no_reason_is_kept_where_the_share_is_not_exceeded(
        self, county: Unit, people: dict[str, Person], county_admin: User, county_leader: User
    ) -> None:
        publish_months(county, county_admin, county_leader, FIRST_HALF[:1])
        row = open_year(county, county_admin, rules=RULES.changed(best_share=10_000))
        enter_everything(row, county_admin)
        computed(row, county_admin)
        assert years.quota_warnings(row) == {"villages": [], "cadres": []}
        assert published(row, county_leader).quota_reason == ""

    def test_the_database_refuses_shortcuts(self, row: YearAssessment, county_admin: User, county_leader: User) -> None:
        rows = YearAssessment.objects.filter(pk=row.pk)
        for values in (
            {"state": "published"},
            {"state": "published", "published_by": county_leader},
            {"state": "published", "published_by": county_admin, "computed_by": county_admin, "checksum": "x"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(**values)
        computed(row, county_admin)
        with pytest.raises(IntegrityError), transaction.atomic():
            CadreResult.objects.filter(assessment=row).update(grade="incompetent")

    def test_a_published_year_is_frozen(self, row: YearAssessment, county_admin: User, county_leader: User) -> None:
        computed(row, county_admin)
        published(row, county_leader)
        year = YearAssessment.objects.filter(pk=row.pk)
        village = Unit.objects.get(name="东一村")
        attempts = [
            lambda: year.update(document="改"),
            lambda: year.update(state="open"),
            lambda: year.delete(),
            lambda: VillageYear.objects.filter(assessment=row).update(total_hundredths=1),
            lambda: CadreResult.objects.filter(assessment=row).update(total_hundredths=1),
            lambda: DepartmentScore.objects.filter(assessment=row).update(score_hundredths=1),
            lambda: SatisfactionSurvey.objects.filter(assessment=row).update(satisfied=1),
            lambda: PersonalScore.objects.filter(assessment=row).update(note="改"),
            lambda: VillageYear.objects.filter(assessment=row).delete(),
            lambda: PersonalScore.objects.filter(assessment=row).delete(),
            lambda: DepartmentScore.objects.create(
                assessment=row, village=village, path=village.path, department="新", score_hundredths=1
            ),
        ]
        for attempt in attempts:
            with pytest.raises(DatabaseError, match="published year"), transaction.atomic():
                attempt()
        assert year.update(state="superseded") == 1


class TestRevision:
    def test_the_published_one_holds_until_the_revision_is_published(
        self, row: YearAssessment, county_admin: User, county_leader: User
    ) -> None:
        computed(row, county_admin)
        set_grade(cadre_result(row, "东一村委员"), "competent", "年内两次缺岗", base="excellent", by=county_admin)
        first = published(row, county_leader)
        with refused("reason_missing"):
            years.revise_assessment(first, reason=" ", by=county_admin)
        second = years.revise_assessment(first, reason="政法委更正一村得分", by=county_admin)
        assert (second.revision, second.state) == (2, State.OPEN)
        assert DepartmentScore.objects.filter(assessment=second).count() == 10
        with refused("under_revision"):
            years.revise_assessment(first, reason="再来", by=county_admin)
        with refused("not_published"):
            years.revise_assessment(second, reason="再来", by=county_admin)
        computed(second, county_admin)
        kept = cadre_result(second, "东一村委员")
        assert (kept.grade, kept.proposed, kept.grade_reason) == ("competent", "excellent", "年内两次缺岗")
        set_grade(kept, "excellent", "", base="competent", by=county_admin)
        computed(second, county_admin)
        assert cadre_result(second, "东一村委员").grade == "excellent"
        first.refresh_from_db()
        assert first.state == State.PUBLISHED
        published(second, county_leader)
        first.refresh_from_db()
        assert first.state == State.SUPERSEDED
        assert cadre_result(first, "东一村委员").grade == "competent"


class TestGrades:
    def test_another_grade_needs_a_reason_and_the_lines_take_it_back(
        self, row: YearAssessment, county_admin: User
    ) -> None:
        result = cadre_result(row_computed := computed(row, county_admin), "东一村书记")
        for grade, reason, base, code in (
            ("competent", " ", "excellent", "reason_missing"),
            ("splendid", "x", "excellent", "unknown_grade"),
            ("competent", "x", "competent", "changed_meanwhile"),
        ):
            with refused(code):
                set_grade(result, grade, reason, base=base, by=county_admin)
        done = set_grade(result, "competent", " 年内被通报 ", base="excellent", by=county_admin)
        assert (done.grade, done.grade_reason, done.graded_by) == ("competent", "年内被通报", county_admin)
        event = AuditEvent.objects.get(event="assessments.change_cadreresult")
        assert (event.changes, event.reason) == ({"grade": ["excellent", "competent"]}, "年内被通报")
        done = set_grade(result, "excellent", "", base="competent", by=county_admin)
        assert (done.grade, done.grade_reason, done.graded_by) == ("excellent", "", None)
        before = row_computed.version
        row_computed.refresh_from_db()
        assert row_computed.version == before + 2

    def test_without_a_total_there_is_no_grade(
        self, county: Unit, people: dict[str, Person], county_admin: User
    ) -> None:
        row = computed(open_year(county, county_admin), county_admin)
        with refused("not_ranked"):
            set_grade(cadre_result(row, "东一村书记"), "competent", "x", base="", by=county_admin)

    def test_before_computing(self, row: YearAssessment, county_admin: User) -> None:
        result = cadre_result(computed(row, county_admin), "东一村书记")
        YearAssessment.objects.filter(pk=row.pk).update(state=State.OPEN)
        with refused("not_computed"):
            set_grade(result, "competent", "x", base="excellent", by=county_admin)
