"""Pages of people: the roster as of any day, one person, posts, numbers, trainings, vacancies, residents, talents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, User
from branches.models import Branch, Unit, Village
from cadres import village_results
from cadres.models import (
    Attendance,
    DisciplineAction,
    Person,
    Posting,
    Residency,
    ResidentLeave,
    SpotCheck,
    Talent,
    Training,
)
from cadres.village_results import MonthResult
from imports.dates import PartialDate
from tests.cadres.people import NUMBER, make_person, post

TODAY = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def october() -> Iterator[None]:
    with time_machine.travel("2026-10-20T02:00:00+00:00", tick=False):
        yield


@pytest.fixture
def east(client: Client, east_editor: User) -> Client:
    client.force_login(east_editor)
    return client


@pytest.fixture
def zhang(county: Unit) -> Person:
    person = make_person(
        "张立新", identity=NUMBER, birth="1973-03-17", gender="1", education="31", phone="00012340021", political="01"
    )
    for code in (10, 20):
        post(person, code, started_on=PartialDate(2021, 12), change="new", document="松组干〔2021〕38 号")
    return person


def page(client: Client, name: str, *args: Any, **query: Any) -> str:
    response = client.get(reverse(f"cadres:{name}", args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def shown(client: Client, *names: str, **query: Any) -> list[str]:
    """Which of the names stand on the roster, in order."""
    html = page(client, "person_list", **query)
    return sorted((name for name in names if f">{name}</a>" in html), key=lambda name: html.index(f">{name}</a>"))


# --- The roster -----------------------------------------------------------------------------


def test_the_roster_shows_people_in_post_in_the_order_of_posts(east: Client, zhang: Person) -> None:
    clerk, former, foreign = make_person("安文书"), make_person("李前任"), make_person("西邻", village="西一村")
    post(clerk, 80, started_on=PartialDate(2021, 12))
    post(former, 10, started_on=PartialDate(2016, 12), ended_on=date(2021, 11, 30), ending="age")
    post(foreign, 10, started_on=PartialDate(2021, 12))
    names = ("安文书", "张立新", "李前任", "西邻")
    assert shown(east, *names) == ["张立新", "安文书"]
    assert shown(east, *names, day="2020-01-01") == ["李前任"]
    assert shown(east, *names, state="left") == ["李前任"]
    assert sorted(shown(east, *names, state="all")) == sorted(["张立新", "安文书", "李前任"])
    html = page(east, "person_list")
    assert "一肩挑" in html
    assert "000****0021" in html
    assert "00012340021" not in html
    assert NUMBER not in html


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "张"}, True),
        ({"q": "张立"}, True),
        ({"q": "zlx"}, True),
        ({"q": "ZL"}, True),
        ({"q": "立新"}, False),
        ({"q": NUMBER}, False),
        ({"post": "10"}, True),
        ({"post": "80"}, False),
        ({"gender": "1"}, True),
        ({"gender": "2"}, False),
        ({"ages": "55"}, True),
        ({"ages": "56"}, False),
        ({"ages": "56", "day": "2029-03-17"}, True),
        ({"ages": "56", "day": "2029-03-16"}, False),
        ({"education": "college"}, True),
        ({"education": "secondary"}, False),
        ({"day": "2021-11-30"}, False),
        ({"day": "2021-12-01"}, True),
    ],
)
def test_conditions_of_the_roster(east: Client, zhang: Person, query: dict[str, str], is_found: bool) -> None:
    assert shown(east, "张立新", **query) == (["张立新"] if is_found else [])


def test_places_narrow_the_roster_and_a_foreign_one_finds_nobody(
    client: Client, county_admin: User, zhang: Person
) -> None:
    client.force_login(county_admin)
    other = make_person("西邻", village="西一村")
    post(other, 10)
    west, village = Unit.objects.get(name="西乡"), Unit.objects.get(name="东一村")
    assert shown(client, "张立新", "西邻") == ["张立新", "西邻"]
    assert shown(client, "张立新", "西邻", township=west.pk) == ["西邻"]
    assert shown(client, "张立新", "西邻", village=village.pk) == ["张立新"]
    client.force_login(User.objects.get(username="county_admin"))


@pytest.mark.usefixtures("quiet_frame")
@pytest.mark.parametrize("number", [1, 3])
def test_the_queries_of_the_roster_do_not_grow(east: Client, county: Unit, number: int) -> None:
    for count in range(number):
        person = make_person(f"人{count}", village=("东一村", "东二村", "东三村")[count])
        post(person, 10, started_on=PartialDate(2021, 12))
        post(person, 20, started_on=PartialDate(2021, 12))
    page(east, "person_list")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        html = page(east, "person_list")
    assert html.count('scope="row"') == number
    assert len(queries) == 11


# --- Finding, revealing, comparing ------------------------------------------------------------


def test_a_number_is_looked_for_by_post_alone(east: Client, zhang: Person, county_viewer: User) -> None:
    address = reverse("cadres:person_find")
    assert east.get(address).status_code == 405
    found = east.post(address, {"number": NUMBER})
    assert found.headers["Location"] == reverse("cadres:person", args=[zhang.pk])
    east.force_login(county_viewer)
    assert east.post(address, {"number": NUMBER}).status_code == 403


def test_elsewhere_is_told_without_detail(client: Client, west_editor: User, zhang: Person) -> None:
    client.force_login(west_editor)
    html = client.post(reverse("cadres:person_find"), {"number": NUMBER}, follow=True).content.decode()
    assert "辖区以外" in html
    assert "张立新" not in html
    assert "东一" not in html


def test_the_number_is_shown_once_its_purpose_is_told(east: Client, zhang: Person) -> None:
    html = page(east, "person", zhang.pk)
    assert "000***************" in html
    assert NUMBER not in html
    assert "00012340021" not in html
    address = reverse("cadres:person_reveal", args=[zhang.pk])
    refused = east.post(address, {"purpose": "pay", "note": ""})
    assert refused.status_code == 422
    assert NUMBER not in refused.content.decode()
    answer = east.post(address, {"purpose": "pay", "note": "社保"})
    assert answer.json() == {"value": NUMBER}
    assert "no-store" in answer.headers["Cache-Control"]
    assert east.post(address, {"purpose": "pay", "note": "联系", "what": "phone"}).json() == {"value": "00012340021"}
    assert east.post(address, {"purpose": "pay", "note": "看看", "what": "resume"}).status_code == 404
    told = AuditEvent.objects.filter(event="cadres.reveal_person")
    assert [event.changes["what"] for event in told.order_by("pk")] == ["identity_number", "phone"]


def test_comparing_answers_yes_or_no(east: Client, zhang: Person) -> None:
    address = reverse("cadres:person_compare", args=[zhang.pk])
    assert east.post(address, {"number": NUMBER}).json()["fits"] is True
    assert east.post(address, {"number": "000000198003051214"}).json()["fits"] is False
    assert east.post(address, {"number": "12"}).status_code == 422


def test_who_may_not_reveal_is_not_offered_it(client: Client, county_viewer: User, zhang: Person) -> None:
    client.force_login(county_viewer)
    html = page(client, "person", zhang.pk)
    assert "data-reveal" not in html
    address = reverse("cadres:person_reveal", args=[zhang.pk])
    assert client.post(address, {"purpose": "pay", "note": "社保"}).status_code == 403


# --- One person -----------------------------------------------------------------------------


def test_the_page_tells_posts_duties_village_and_months(
    east: Client, zhang: Person, county: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    Branch.objects.create(unit=zhang.unit, name="支部", member_count=68, next_election_on=date(2026, 12, 20))
    training = Training.objects.create(
        unit=county, title="轮训班", kind="heads", held_on=date(2026, 9, 14), ends_on=date(2026, 9, 17), hours=32
    )
    Attendance.objects.create(training=training, person=zhang, hours=Decimal(32))
    result = MonthResult(date(2026, 9, 1), Decimal("91.72"), 2, 186, 3, "先进", "/receipts/7/")
    monkeypatch.setattr(village_results, "_tellers", [lambda *_asked: [result]])
    html = page(east, "person", zhang.pk)
    for words in (
        "在任", "一肩挑", "任期至 2026-12-20", "2021年12月", "4 年 10 个月", "松组干〔2021〕38 号", "本年 4 天，已达标",
        "党员 68 人", "1 人", "91.72", 'href="/receipts/7/"',
    ):  # fmt: skip
        assert words in html, words


def test_discipline_is_shown_to_those_who_handle_it_and_nobody_else(
    east: Client, zhang: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = DisciplineAction.objects.create(
        person=zhang, kind="admonition", decided_on=date(2026, 5, 1), reason="金丝雀事由"
    )
    assert "诫勉" in page(east, "person", zhang.pk)
    assert "金丝雀事由" in page(east, "discipline", row.pk)
    assert "金丝雀事由" not in page(east, "person_print", zhang.pk)
    real = User.has_perm
    monkeypatch.setattr(
        User,
        "has_perm",
        lambda user, perm, obj=None: perm != "cadres.view_disciplineaction" and real(user, perm, obj),
    )
    html = page(east, "person", zhang.pk)
    assert "诫勉" not in html
    assert "组织处理" not in html


def test_printing_is_told_in_the_trail(east: Client, zhang: Person, east_editor: User) -> None:
    html = page(east, "person_print", zhang.pk)
    assert "村干部一人一档登记表" in html
    assert NUMBER not in html
    event = AuditEvent.objects.get(event="cadres.print_person")
    assert (event.actor, event.target_id) == (east_editor, str(zhang.pk))


def test_a_person_is_added_and_warned_about(east: Client, county: Unit) -> None:
    village = Unit.objects.get(name="东二村")
    values = {
        "unit": village.pk,
        "name": "李 秀云",
        "gender": "1",
        "birth": "1980年3月",
        "identity": "00000019810406222X",
    }
    response = east.post(reverse("cadres:person_add"), values, follow=True)
    person = Person.objects.get()
    assert response.redirect_chain[-1][0] == reverse("cadres:person", args=[person.pk])
    assert (person.name, str(person.birth), person.identity_number) == ("李秀云", "1980-03", "00000019810406222X")
    html = response.content.decode()
    assert "出生日期与身份证号中的不一致" in html
    assert "性别与身份证号中的不一致" in html


def test_a_foreign_village_is_not_accepted(east: Client, county: Unit) -> None:
    values = {"unit": Unit.objects.get(name="西一村").pk, "name": "李秀云", "birth": "1980"}
    assert east.post(reverse("cadres:person_add"), values).status_code == 422
    assert not Person.objects.exists()


def test_two_people_edit_and_the_second_is_told(east: Client, zhang: Person) -> None:
    address = reverse("cadres:person_edit", args=[zhang.pk])
    values = {"unit": zhang.unit_id, "name": "张立欣", "birth": "1973-03-17", "base_version": 1}
    assert east.post(address, values).status_code == 302
    second = east.post(address, {**values, "name": "张丽新"})
    assert second.status_code == 422
    assert "张立欣" in second.content.decode()
    assert Person.objects.get().name == "张立欣"
    assert Person.objects.get().identity_number == NUMBER


def test_a_post_is_taken_up_and_left_on_its_pages(east: Client, zhang: Person) -> None:
    wang = make_person("王二")
    address = reverse("cadres:posting_add", args=[wang.pk])
    values = {"unit": wang.unit_id, "post": 10, "started_on": "2026.6"}
    refused = east.post(address, values)
    assert refused.status_code == 422
    assert "一个村只有一名，请先办理免职" in refused.content.decode()
    posting = Posting.objects.get(person=zhang, post=10)
    end = {"ended_on": "2026-05-31", "ending": "age", "base_version": 1, "note": "松组干 5 号"}
    assert east.post(reverse("cadres:posting_end", args=[posting.pk]), end).status_code == 302
    assert east.post(address, values).status_code == 302
    assert str(Posting.objects.get(person=wang).started_on) == "2026-06"
    html = page(east, "person_history", zhang.pk)
    assert "松组干 5 号" in html
    stale = east.post(reverse("cadres:posting_end", args=[posting.pk]), end)
    assert stale.status_code == 422


def test_an_election_is_recorded_by_ticks(east: Client, zhang: Person) -> None:
    wang = make_person("王二")
    address = reverse("cadres:election", args=[zhang.unit_id])
    html = east.get(address).content.decode()
    assert f'value="{zhang.pk}:10" aria-label="张立新 村党组织书记" checked' in html
    values = {"on": "2026-10-10", "document": "换届", "posts": [f"{wang.pk}:10", f"{wang.pk}:20", f"{zhang.pk}:60"]}
    assert east.post(address, values).status_code == 302
    held = Posting.objects.held_on(TODAY).values_list("person__name", "post")
    assert set(held) == {("王二", 10), ("王二", 20), ("张立新", 60)}


# --- Vacancies and trainings --------------------------------------------------------------------


def test_vacant_posts_are_listed_with_since_when(east: Client, zhang: Person) -> None:
    Village.objects.create(unit=zhang.unit, approved_post_count=2)
    wang = make_person("王二")
    post(wang, 60, started_on=PartialDate(2021, 12), ended_on=date(2026, 8, 31), ending="resigned")
    html = page(east, "vacancy_list")
    for words in ("东一村", "2026-09-01", ">49<", "超期"):
        assert words in html, words
    assert "没有空缺" in page(east, "vacancy_list", day="2026-08-31")


@pytest.mark.usefixtures("quiet_frame")
@pytest.mark.parametrize("number", [1, 3])
def test_the_queries_of_vacancies_and_duties_do_not_grow(east: Client, county: Unit, number: int) -> None:
    for name in ("东一村", "东二村", "东三村")[:number]:
        unit = Unit.objects.get(name=name)
        Village.objects.create(unit=unit)
        post(make_person(f"{name}人", village=name), 10, started_on=PartialDate(2021, 12))
    for address, most in (("vacancy_list", 10), ("duty_list", 9)):
        page(east, address)
        with CaptureQueriesContext(connection) as queries:
            html = page(east, address)
        assert html.count("东一村人") + html.count(">东一村</a>") == 1
        assert len(queries) == most, address


def test_duties_are_listed_with_the_totals_of_townships(east: Client, zhang: Person, county: Unit) -> None:
    post(make_person("王二", village="东二村"), 60, started_on=PartialDate(2026, 6, 1), change="new")
    html = page(east, "duty_list")
    assert html.count("尚未完成") >= 1
    assert ("0 / 1" in html, "0 / 3" in html) == (True, True)
    assert "张立新" in html
    assert "2026-09-01" in html
    short = page(east, "duty_list", state="short")
    assert ("王二" in short, "张立新" in short) == (True, False)
    training = Training.objects.create(
        unit=county, title="轮训班", kind="heads", held_on=date(2026, 9, 14), ends_on=date(2026, 9, 17), hours=32
    )
    Attendance.objects.create(training=training, person=zhang, hours=Decimal(32))
    assert "张立新" not in page(east, "duty_list")
    assert "张立新" in page(east, "duty_list", state="all")


def test_attendance_is_ticked_for_those_whom_the_training_is_for(
    client: Client, county_admin: User, zhang: Person
) -> None:
    client.force_login(county_admin)
    clerk = make_person("安文书")
    post(clerk, 80, started_on=PartialDate(2021, 12))
    values = {
        "unit": Unit.objects.get(name="青禾县").pk, "title": "轮训班", "kind": "heads", "held_on": "2026-09-14",
        "ends_on": "2026-09-17", "hours": "32", "organiser": "县委组织部",
    }  # fmt: skip
    assert client.post(reverse("cadres:training_add"), values).status_code == 302
    training = Training.objects.get()
    html = page(client, "training", training.pk)
    assert ("张立新" in html, "安文书" in html) == (True, False)
    said = {f"result-{zhang.pk}": "completed", f"hours-{zhang.pk}": "", f"result-{clerk.pk}": "completed"}
    assert client.post(reverse("cadres:training", args=[training.pk]), said).status_code == 302
    assert list(Attendance.objects.values_list("person__name", "hours")) == [("张立新", 32)]
    wrong = client.post(reverse("cadres:training", args=[training.pk]), {**said, f"hours-{zhang.pk}": "33"})
    assert wrong.status_code == 422
    assert "应在 0 至" in wrong.content.decode()


# --- Conduct, residents, talents ----------------------------------------------------------------


def test_a_suspension_goes_through_its_pages(east: Client, zhang: Person) -> None:
    values = {"kind": "suspension", "decided_on": "2026-08-01", "effective_to": "2026-10-31", "reason": "不在岗"}
    assert east.post(reverse("cadres:discipline_add", args=[zhang.pk]), values).status_code == 302
    row = DisciplineAction.objects.get()
    check = {"mid_check_on": "2026-09-15", "mid_check": "有改进", "base_version": 1}
    assert east.post(reverse("cadres:discipline_check", args=[row.pk]), check).status_code == 302
    longer = {"effective_to": "2026-12-31", "closing_opinion": "再看", "base_version": 2}
    assert east.post(reverse("cadres:discipline_extend", args=[row.pk]), longer).status_code == 302
    end = {"ended_on": "2026-10-20", "outcome": "reinstated", "closing_opinion": "复职", "base_version": 3}
    assert east.post(reverse("cadres:discipline_end", args=[row.pk]), {**end, "base_version": 1}).status_code == 422
    assert east.post(reverse("cadres:discipline_end", args=[row.pk]), end).status_code == 302
    html = page(east, "discipline", row.pk)
    assert ("复职" in html, "再看" in html, "有改进" in html) == (True, True, True)


def test_a_stay_goes_through_its_pages(client: Client, county_admin: User, zhang: Person) -> None:
    client.force_login(county_admin)
    wang = make_person("王书记")
    values = {"unit": zhang.unit_id, "role": "first_secretary", "sent_by": "县财政局", "started_on": "2025-05-10"}
    assert client.post(reverse("cadres:resident_add", args=[wang.pk]), values).status_code == 302
    stay = Residency.objects.get()
    leave = {"begins_on": "2025-12-30", "ends_on": "2026-01-02", "reason": "探亲", "approved_by": "书记"}
    assert client.post(reverse("cadres:resident_leave", args=[stay.pk]), leave).status_code == 302
    check = {"checked_on": "2026-10-01", "was_present": "0", "note": "手机关机"}
    assert client.post(reverse("cadres:resident_check", args=[stay.pk]), check).status_code == 302
    assert SpotCheck.objects.get().was_present is False
    assert ResidentLeave.objects.count() == 1
    html = page(client, "resident_list")
    assert 'data-label="本年请假天数">2<' in html
    end = {"ended_on": "2026-10-20", "ending": "recalled", "ending_note": "", "base_version": 1}
    assert client.post(reverse("cadres:resident_end", args=[stay.pk]), end).status_code == 422
    end["ending_note"] = "多次不在岗"
    assert client.post(reverse("cadres:resident_end", args=[stay.pk]), end).status_code == 302
    assert "多次不在岗" in page(client, "resident", stay.pk)
    assert "王书记" not in page(client, "resident_list", day="2026-10-21")


def test_a_talent_is_shown_until_the_consent_is_withdrawn(east: Client, zhang: Person) -> None:
    address = reverse("cadres:talent_add", args=[zhang.pk])
    values = {"kind": "returnee", "field": "电商", "consented_on": ""}
    assert east.post(address, values).status_code == 422
    assert east.post(address, {**values, "consented_on": "2026-05-01"}).status_code == 302
    talent = Talent.objects.get()
    assert "电商" in page(east, "talent_list")
    day = {"withdrawn_on": "2026-10-20", "base_version": 1}
    assert east.post(reverse("cadres:talent_withdraw", args=[talent.pk]), day).status_code == 302
    assert "电商" not in page(east, "talent_list")
    assert east.get(reverse("cadres:talent_edit", args=[talent.pk])).status_code == 404


@pytest.mark.usefixtures("quiet_frame")
@pytest.mark.parametrize("number", [1, 3])
def test_the_queries_of_the_other_lists_do_not_grow(east: Client, county: Unit, number: int) -> None:
    for name in ("东一村", "东二村", "东三村")[:number]:
        person = make_person(f"{name}人", village=name)
        Talent.objects.create(person=person, kind="returnee", consented_on=TODAY)
        stay = Residency.objects.create(
            person=person, unit=person.unit, role="first_secretary", sent_by="县", started_on=date(2025, 5, 1)
        )
        SpotCheck.objects.create(residency=stay, checked_on=TODAY, was_present=True)
        Training.objects.create(
            unit=Unit.objects.get(name="东乡"), title=name, held_on=TODAY, ends_on=TODAY, hours=Decimal(8)
        )
    for address, most in (("talent_list", 10), ("resident_list", 9), ("training_list", 7)):
        page(east, address)
        with CaptureQueriesContext(connection) as queries:
            html = page(east, address)
        assert html.count('<th scope="row">') == number
        assert len(queries) == most, address
