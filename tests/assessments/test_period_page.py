"""The page of a month: who may press what, and what happens then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import jobs, reauth
from accounts.models import AuditEvent, Job, User
from accounts.roles import Role
from accounts.sessions import PASSWORD
from assessments.jobs import CLOSE
from assessments.models import Appeal, Period, Ranking, Return, Unlock, VillageMonth
from assessments.services import appeals, publication, review
from branches.models import Unit
from tests.assessments.month_ground import accept_all, compute, make_month, publish, result_of, set_values, submit
from tests.assessments.pages import client_of, find, page, texts, words
from tests.conftest import grant, make_unit, make_user


@pytest.fixture
def period(county: Unit) -> Period:
    return make_month(county, now=timezone.now())


def url_of(period: Period, name: str = "period") -> str:
    return reverse(f"assessments:{name}", args=[period.pk])


def recent(client: Client) -> Client:
    """The client with its password proved a moment ago."""
    session = client.session
    reauth.remember_password(session)
    session.save()
    return client


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def reload(row: Any) -> Any:
    row.refresh_from_db()
    return row


class TestDoors:
    @pytest.mark.parametrize("who", ["county_admin", "county_leader", "county_viewer", "east_editor", "west_editor"])
    def test_who_sees_the_month(self, period: Period, request: pytest.FixtureRequest, who: str) -> None:
        client = client_of(request.getfixturevalue(who))
        page(client, url_of(period))
        page(client, reverse("assessments:period_list"))

    def test_who_has_no_role(self, period: Period, newcomer: User) -> None:
        client = client_of(newcomer)
        assert client.get(url_of(period)).status_code == 404
        assert client.get(reverse("assessments:period_list")).status_code == 403

    def test_a_township_sees_its_own_return_only(self, period: Period, east_editor: User) -> None:
        tree = page(client_of(east_editor), url_of(period))
        assert "东乡" in words(tree)
        assert "西乡" not in words(tree)

    @pytest.mark.parametrize("name", ["period_lock", "period_close", "period_discard", "period_revise", "period_open"])
    @pytest.mark.parametrize("who", ["county_leader", "county_viewer", "east_editor"])
    def test_steps_are_for_county_staff(
        self, period: Period, request: pytest.FixtureRequest, who: str, name: str
    ) -> None:
        client = client_of(request.getfixturevalue(who))
        assert client.post(url_of(period, name)).status_code == 403
        assert reload(period).state == Period.State.OPEN

    @pytest.mark.parametrize("who", ["county_leader", "east_editor", "county_viewer"])
    def test_reminding_is_for_county_staff(self, period: Period, request: pytest.FixtureRequest, who: str) -> None:
        assert client_of(request.getfixturevalue(who)).post(url_of(period, "period_remind")).status_code == 403

    def test_a_month_of_elsewhere_is_not_there(self, period: Period, county: Unit) -> None:
        other = make_unit(Unit.objects.get(kind="city"), "county", "别县", "990102")
        stranger = make_user("stranger", Role.CS, other)
        for name in ("period", "period_progress"):
            assert client_of(stranger).get(url_of(period, name)).status_code == 404
        assert client_of(stranger).post(url_of(period, "period_lock")).status_code == 404

    def test_the_same_queries_for_two_and_for_four_townships(
        self, period: Period, county: Unit, county_admin: User
    ) -> None:
        client = client_of(county_admin)
        client.get(url_of(period))
        with CaptureQueriesContext(connection) as two:
            client.get(url_of(period))
        for number in range(2):
            township = make_unit(Unit.objects.get(pk=county.pk), "township", f"新{number}乡", f"99010130{number}")
            village = make_unit(Unit.objects.get(pk=township.pk), "village", f"新{number}村")
            submission = Return.objects.create(period=period, unit=township, path=township.path)
            VillageMonth.objects.create(period=period, village=village, submission=submission, path=village.path)
        with CaptureQueriesContext(connection) as four:
            client.get(url_of(period))
        assert len(two) == len(four)

    def test_the_list_takes_the_same_queries_for_one_and_for_three_months(
        self, period: Period, county: Unit, county_admin: User
    ) -> None:
        client = client_of(county_admin)
        url = reverse("assessments:period_list")
        client.get(url)
        with CaptureQueriesContext(connection) as one:
            client.get(url)
        for month in (8, 9):
            make_month(county, month=period.month.replace(month=month))
        with CaptureQueriesContext(connection) as three:
            tree = page(client, url)
        assert len(find(tree, "tbody tr")) == 3
        assert len(one) == len(three)


class TestReminding:
    def test_the_selected_ones_are_reminded(self, period: Period, county_admin: User, east: Unit) -> None:
        row = Return.objects.get(period=period, unit=east)
        answer = client_of(county_admin).post(url_of(period, "period_remind"), {"return": [row.pk], "text": "请报"})
        assert answer.status_code == 302
        assert "东乡" in said(answer)
        assert reload(row).reminder == "请报"

    def test_nobody_selected(self, period: Period, county_admin: User) -> None:
        client_of(county_admin).post(url_of(period, "period_remind"), {"return": ["x"], "text": "请报"})
        assert not Return.objects.exclude(reminder="").exists()

    def test_who_has_handed_in_cannot_be_selected(
        self, period: Period, county_admin: User, east: Unit, east_editor: User
    ) -> None:
        submit(period, east, east_editor, at=timezone.now())
        tree = page(client_of(county_admin), url_of(period))
        rows = {words(box.xpath("ancestor::tr")[0].xpath("./th")[0]) for box in find(tree, "[data-remind]")}
        assert rows == {"西乡"}


class TestClosing:
    def test_locking_computes_by_a_job(self, period: Period, county_admin: User) -> None:
        client = client_of(county_admin)
        client.post(url_of(period, "period_lock"), {"compute": "1"})
        assert reload(period).state == Period.State.LOCKED
        job = Job.objects.get(kind=CLOSE)
        assert (job.arguments, job.requested_by, job.unit_path) == (
            {"period_ids": [period.pk]}, county_admin, period.path,
        )  # fmt: skip

    def test_a_double_click_asks_for_one_job(self, period: Period, county_admin: User) -> None:
        accept_all(period, county_admin)
        client = client_of(county_admin)
        client.post(url_of(period, "period_lock"))
        client.post(url_of(period, "period_close"))
        client.post(url_of(period, "period_close"))
        assert Job.objects.filter(kind=CLOSE).count() == 1

    def test_the_job_makes_the_draft(self, period: Period, county_admin: User) -> None:
        accept_all(period, county_admin)
        client = client_of(county_admin)
        client.post(url_of(period, "period_lock"), {"compute": "1"})
        jobs.run(Job.objects.get(kind=CLOSE).pk)
        draft = Ranking.objects.get()
        assert (draft.state, draft.computed_by, draft.ranked_count) == ("draft", county_admin, 5)
        tree = page(client, url_of(period))
        assert find(tree, f'a[href="{reverse("assessments:board")}?ranking={draft.pk}"]')

    def test_the_progress_asks_again_until_the_job_has_ended(self, period: Period, county_admin: User) -> None:
        accept_all(period, county_admin)
        client = client_of(county_admin)
        client.post(url_of(period, "period_lock"), {"compute": "1"})
        waiting = client.get(url_of(period, "period_progress"))
        assert 'hx-trigger="every 1s"' in waiting.content.decode()
        assert "data-background" in waiting.content.decode()
        assert "HX-Refresh" not in waiting.headers
        jobs.run(Job.objects.get(kind=CLOSE).pk)
        assert client.get(url_of(period, "period_progress")).headers["HX-Refresh"] == "true"

    def test_a_failed_job_says_why(self, period: Period, county_admin: User) -> None:
        client = client_of(county_admin)
        client.post(url_of(period, "period_lock"), {"compute": "1"})
        Period.objects.update(state=Period.State.OPEN)
        jobs.run(Job.objects.get(kind=CLOSE).pk)
        assert Job.objects.get(kind=CLOSE).state == Job.State.FAILED
        assert find(page(client, url_of(period)), '.p-alert[role="alert"]')
        assert not Ranking.objects.exists()

    def test_an_open_month_is_not_computed(self, period: Period, county_admin: User) -> None:
        answer = client_of(county_admin).post(url_of(period, "period_close"))
        assert said(answer)
        assert not Job.objects.exists()

    def test_what_is_not_accepted_is_named(self, period: Period, county_admin: User, west: Unit) -> None:
        draft = compute(period, county_admin)
        draft.warnings = [{"code": "not_accepted", "townships": ["西乡"]}]
        draft.save()
        tree = page(client_of(county_admin), url_of(period))
        assert "西乡" in " ".join(texts(tree, ".p-alert"))

    def test_who_is_not_ranked_is_listed(self, period: Period, county_admin: User) -> None:
        set_values(period, "东三村", D6=None)
        compute(period, county_admin)
        tree = page(client_of(county_admin), url_of(period))
        (item,) = texts(tree, ".m-missing li")
        assert "东三村" in item
        assert "D6" in item

    def test_discarding_opens_the_way_to_compute_again(self, period: Period, county_admin: User) -> None:
        compute(period, county_admin)
        client_of(county_admin).post(url_of(period, "period_discard"))
        assert not Ranking.objects.exists()
        assert reload(period).state == Period.State.LOCKED

    def test_a_township_learns_of_a_draft_but_sees_nothing_of_it(
        self, period: Period, county_admin: User, east_editor: User
    ) -> None:
        draft = compute(period, county_admin)
        tree = page(client_of(east_editor), url_of(period))
        assert draft.checksum[:12] not in words(tree)
        assert not find(tree, ".m-missing")


class TestPublishing:
    @pytest.fixture
    def draft(self, period: Period, county_admin: User) -> Ranking:
        return compute(period, county_admin)

    def post(self, client: Client, period: Period, draft: Ranking) -> Any:
        return client.post(url_of(period, "period_publish"), {"checksum": draft.checksum})

    def test_a_leader_publishes(self, period: Period, draft: Ranking, county_leader: User) -> None:
        answer = self.post(recent(client_of(county_leader)), period, draft)
        assert answer.url == f"{reverse('assessments:board')}?month=2026-10"
        assert (reload(draft).state, draft.published_by) == (Ranking.State.PUBLISHED, county_leader)
        assert reload(period).state == Period.State.PUBLISHED

    def test_the_password_is_asked_again(self, period: Period, draft: Ranking, county_leader: User) -> None:
        client = client_of(county_leader)
        session = client.session
        session[PASSWORD] = 0
        session.save()
        answer = self.post(client, period, draft)
        assert answer.url.startswith(reverse("accounts:reauth"))
        assert reload(draft).state == Ranking.State.DRAFT

    def test_the_question_names_the_object_and_the_effect(
        self, period: Period, draft: Ranking, county_leader: User
    ) -> None:
        tree = page(recent(client_of(county_leader)), url_of(period, "period_publish"))
        assert find(tree, 'input[name="checksum"]')[0].get("value") == draft.checksum
        assert draft.checksum[:12] in words(tree)

    def test_who_computed_it_does_not_publish_on_the_page(
        self, period: Period, draft: Ranking, county_admin: User, county: Unit
    ) -> None:
        grant(county_admin, Role.CL, county)
        client = recent(client_of(county_admin))
        tree = page(client, url_of(period))
        assert not find(tree, '[data-dialog-open="publish"]')
        answer = self.post(client, period, draft)
        assert said(answer)
        assert reload(draft).state == Ranking.State.DRAFT

    def test_nor_in_the_service(self, draft: Ranking, county_admin: User) -> None:
        with pytest.raises(ValidationError) as error:
            publication.publish_ranking(draft, by=county_admin, now=timezone.now())
        assert error.value.code == "own_work"

    def test_nor_in_the_database(self, draft: Ranking, county_admin: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Ranking.objects.filter(pk=draft.pk).update(state="published", published_by=county_admin)

    @pytest.mark.parametrize("who", ["county_admin", "east_editor", "county_viewer"])
    def test_who_is_no_leader_cannot(
        self, period: Period, draft: Ranking, request: pytest.FixtureRequest, who: str
    ) -> None:
        expected = 403 if who == "county_admin" else 404
        assert self.post(recent(client_of(request.getfixturevalue(who))), period, draft).status_code == expected
        assert reload(draft).state == Ranking.State.DRAFT

    def test_another_draft_than_the_one_looked_at(
        self, period: Period, draft: Ranking, county_admin: User, county_leader: User
    ) -> None:
        seen = draft.checksum
        publication.discard_draft(draft, by=county_admin)
        set_values(period, "东一村", E4=5)
        again = compute(period, county_admin)
        client = recent(client_of(county_leader))
        answer = client.post(url_of(period, "period_publish"), {"checksum": seen})
        assert answer.url == url_of(period)
        assert reload(again).state == Ranking.State.DRAFT

    def test_a_double_click_publishes_once(self, period: Period, draft: Ranking, county_leader: User) -> None:
        client = recent(client_of(county_leader))
        self.post(client, period, draft)
        assert self.post(client, period, draft).status_code == 404
        assert AuditEvent.objects.filter(event="assessments.publish_ranking").count() == 1


class TestRevisions:
    @pytest.fixture
    def appeal(self, period: Period, county_admin: User, county_leader: User, east_editor: User) -> Appeal:
        set_values(period, "东一村", A5_n=30)
        ranking = publish(period, county_admin, county_leader, at=timezone.now())
        result = result_of(ranking, "东一村")
        return appeals.open_appeal(result, "A5", "凭证", {"A5.n": 350_000}, by=east_editor, now=timezone.now())

    def test_a_sole_leader_who_decided_has_it_computed_again_by_staff(
        self, period: Period, appeal: Appeal, county_admin: User, county_leader: User
    ) -> None:
        decided = appeals.decide_appeal(appeal, "upheld", "属实", {}, by=county_leader, now=timezone.now())
        leader = recent(client_of(county_leader))
        assert not find(page(leader, url_of(period)), '[data-dialog-open="publish"]')

        client_of(county_admin).post(url_of(period, "period_revise"))
        draft = Ranking.objects.get(state="draft")
        assert draft.computed_by == county_admin
        assert list(draft.corrections.all()) == [decided]
        leader.post(url_of(period, "period_publish"), {"checksum": draft.checksum})
        assert reload(draft).state == Ranking.State.PUBLISHED

    def test_the_changed_ranks_are_listed(
        self, period: Period, appeal: Appeal, county_leader: User, county_admin: User, east_editor: User
    ) -> None:
        appeals.decide_appeal(appeal, "upheld", "属实", {}, by=county_leader, now=timezone.now())
        tree = page(client_of(county_admin), url_of(period))
        cells = [words(cell) for cell in find(tree, ".m-missing tbody tr")[0].xpath("./th|./td")]
        assert cells == ["东一村", "5", "1", "95.71", "100.00"]
        assert not find(page(client_of(east_editor), url_of(period)), ".m-missing")

    def test_a_discarded_correction_is_offered_again(
        self, period: Period, appeal: Appeal, county_leader: User, county_admin: User
    ) -> None:
        appeals.decide_appeal(appeal, "upheld", "属实", {}, by=county_leader, now=timezone.now())
        client = client_of(county_admin)
        client.post(url_of(period, "period_discard"))
        assert reload(period).state == Period.State.PUBLISHED
        assert find(page(client, url_of(period)), f'form[action="{url_of(period, "period_revise")}"]')

    def test_the_revisions_stand_in_order(
        self, period: Period, appeal: Appeal, county_leader: User, county_admin: User
    ) -> None:
        appeals.decide_appeal(appeal, "upheld", "属实", {}, by=county_leader, now=timezone.now())
        tree = page(client_of(county_admin), url_of(period))
        newest_first = Ranking.objects.filter(period=period).order_by("-revision")
        board = reverse("assessments:board")
        assert [link.get("href") for link in find(tree, ".p-tl b a")] == [
            f"{board}?ranking={ranking.pk}" for ranking in newest_first
        ]


class TestUnlocking:
    @pytest.fixture
    def accepted(self, period: Period, east: Unit, east_editor: User, county_admin: User) -> Return:
        submission = submit(period, east, east_editor, at=timezone.now() - timedelta(hours=1))
        return review.accept_return(submission, by=county_admin, now=timezone.now())

    def ask(self, client: Client, period: Period, submission: Return, hours: str = "4", reason: str = "填错") -> Any:
        data = {"return": submission.pk, "hours": hours, "reason": reason}
        return client.post(url_of(period, "unlock_ask"), data)

    def test_a_township_asks_and_a_leader_approves(
        self, period: Period, accepted: Return, east_editor: User, county_leader: User
    ) -> None:
        self.ask(client_of(east_editor), period, accepted)
        unlock = Unlock.objects.get()
        tree = page(client_of(county_leader), url_of(period))
        assert find(tree, 'button[name="decision"][value="approve"]')
        client_of(county_leader).post(reverse("assessments:unlock_decide", args=[unlock.pk]), {"decision": "approve"})
        assert reload(unlock).is_approved is True
        assert reload(accepted).state == Return.State.RETURNED

    def test_refusing(self, period: Period, accepted: Return, east_editor: User, county_leader: User) -> None:
        self.ask(client_of(east_editor), period, accepted)
        unlock = Unlock.objects.get()
        client_of(county_leader).post(reverse("assessments:unlock_decide", args=[unlock.pk]), {"decision": "refuse"})
        assert reload(unlock).is_approved is False

    @pytest.mark.parametrize("hours", ["0", "99", "x", "", "9999999999"])
    def test_hours_out_of_range(self, period: Period, accepted: Return, east_editor: User, hours: str) -> None:
        assert said(self.ask(client_of(east_editor), period, accepted, hours))
        assert not Unlock.objects.exists()

    def test_for_the_neighbours_nobody_asks(self, period: Period, accepted: Return, west_editor: User) -> None:
        assert self.ask(client_of(west_editor), period, accepted).status_code == 404

    @pytest.mark.parametrize(("who", "expected"), [("county_admin", 403), ("east_editor", 403), ("west_editor", 404)])
    def test_who_does_not_decide(
        self,
        period: Period,
        accepted: Return,
        east_editor: User,
        request: pytest.FixtureRequest,
        who: str,
        expected: int,
    ) -> None:
        self.ask(client_of(east_editor), period, accepted)
        url = reverse("assessments:unlock_decide", args=[Unlock.objects.get().pk])
        assert client_of(request.getfixturevalue(who)).post(url, {"decision": "approve"}).status_code == expected
        assert Unlock.objects.get().is_approved is None
