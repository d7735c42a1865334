"""The page of a job: who sees it, what it says while it lives and after its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import jobs
from accounts.models import AuditEvent, Job, User
from accounts.roles import Role
from branches.models import Unit
from tests.conftest import make_user

KIND = "tests.counted"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    with jobs.registered(KIND, lambda run: {"secret": "result"}):
        yield


@pytest.fixture
def job(east_editor: User, county: Unit) -> Job:
    asked = jobs.enqueue(KIND, {"note": "argument"}, by=east_editor, key="1", scope=county.path)
    Job.objects.filter(pk=asked.pk).update(state="running", attempt=2, done=12, total=400, message="Queued")
    return Job.objects.get(pk=asked.pk)


def address(job: Job) -> str:
    return reverse("accounts:job", args=[job.pk])


def test_the_requester_sees_how_far_it_is_and_that_the_page_can_be_left(
    client: Client, east_editor: User, job: Job
) -> None:
    client.force_login(east_editor)
    page = client.get(address(job))
    text = page.content.decode()
    assert page.status_code == 200
    assert f'hx-get="{address(job)}"' in text
    assert 'value="12"' in text
    assert 'max="400"' in text
    assert "argument" not in text


def test_the_piece_stops_asking_when_the_job_has_ended(client: Client, east_editor: User, job: Job) -> None:
    client.force_login(east_editor)
    assert "hx-trigger" in client.get(address(job), headers={"HX-Request": "true"}).content.decode()
    Job.objects.filter(pk=job.pk).update(state="failed", message="Broken", finished_at=timezone.now())
    piece = client.get(address(job), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in piece
    assert "hx-trigger" not in piece
    assert "Broken" in piece
    assert "cancel" not in piece


def test_a_script_gets_numbers_and_neither_arguments_nor_result(client: Client, east_editor: User, job: Job) -> None:
    client.force_login(east_editor)
    answer = client.get(address(job), headers={"Accept": "application/json"}).json()
    assert set(answer) == {
        "id", "kind", "state", "attempt", "done", "total", "message", "created_at", "finished_at",
    }  # fmt: skip
    assert (answer["state"], answer["attempt"], answer["done"], answer["total"]) == ("running", 2, 12, 400)
    assert answer["finished_at"] is None


def test_others_do_not_find_it_and_the_system_administrator_does(
    client: Client, west_editor: User, county_admin: User, county: Unit, job: Job
) -> None:
    for user in (west_editor, county_admin):
        client.force_login(user)
        assert client.get(address(job)).status_code == 404
        assert client.post(reverse("accounts:job_cancel", args=[job.pk])).status_code == 404
    client.force_login(make_user("system_admin", Role.SA, county))
    assert client.get(address(job)).status_code == 200
    client.logout()
    assert client.get(address(job)).status_code == 302
    job.refresh_from_db()
    assert job.state == "running"


@pytest.mark.django_db(transaction=True)
def test_stopping_it_ends_the_job_once_and_leaves_one_event(client: Client, east_editor: User, job: Job) -> None:
    client.force_login(east_editor)
    for _click in range(2):
        answer = client.post(reverse("accounts:job_cancel", args=[job.pk]))
        assert (answer.status_code, answer.headers["Location"]) == (302, address(job))
    job.refresh_from_db()
    assert (job.state, job.lease_token) == ("cancelled", "")
    event = AuditEvent.objects.get(event="job.cancelled")
    assert (event.actor, event.target_id) == (east_editor, str(job.pk))


def test_the_heading_is_the_label_of_the_handler(client: Client, east_editor: User, county: Unit) -> None:
    kind = "tests.labelled"
    jobs.handler(kind, label=gettext_noop("Counting villages"))(_nothing)
    try:
        asked = jobs.enqueue(kind, {}, by=east_editor, key="1", scope=county.path)
        client.force_login(east_editor)
        assert "Counting villages" in client.get(address(asked)).content.decode()
    finally:
        del jobs._handlers[kind]


def _nothing(run: jobs.JobRun) -> None:
    return None
