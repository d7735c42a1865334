"""People, posts, the reserve, trainings and imports through the API: the scope of the pages, and no numbers."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import jobs
from accounts.models import User
from branches.models import Unit
from cadres.models import Attendance, Person, ReserveCadre, Training
from imports.models import ImportBatch
from tests.cadres.people import NUMBER, make_person, post
from tests.imports.files import write_xlsx
from tests.test_api import client_of

HEAD = ["乡镇", "村", "姓名", "身份证号", "党内职务", "任现职时间"]
ROWS = [HEAD, ["东乡", "东一村", "张三", NUMBER, "书记", "2021.03"], ["东乡", "东一村", "李四", "12", "委员", ""]]


@pytest.fixture
def people(county: Unit) -> list[Person]:
    """One in each township, each with a post, an entry of the reserve and a training of the county."""
    training = Training.objects.create(unit=county, title="轮训班", held_on=date(2026, 5, 1), ends_on=date(2026, 5, 2))
    made = [make_person("张三", "东一村", NUMBER, phone="13000000001"), make_person("钱七", "西一村")]
    for person in made:
        post(person, 10, ended_on=date(2026, 6, 30))
        ReserveCadre.objects.create(person=person, unit=person.unit, stage="on_record")
        Attendance.objects.create(training=training, person=person)
    return made


@pytest.mark.parametrize("path", ["people", "postings", "reserve-cadres", "attendances"])
def test_a_township_reads_its_own_and_no_number(people: list[Person], east_editor: User, path: str) -> None:
    client = client_of(east_editor)
    listed = client.get(f"/api/v1/{path}/")
    (row,) = listed.json()["results"]
    assert row.get("person_name", row.get("name")) == "张三"
    text = listed.content.decode() + client.get(f"/api/v1/{path}/{row['id']}/").content.decode()
    for secret in (NUMBER, NUMBER[:6] + "*", people[0].identity_index or "", "13000000001", "钱七"):
        assert secret not in text
    foreign = {
        "people": people[1].pk,
        "postings": people[1].postings.get().pk,
        "reserve-cadres": people[1].reserve.get().pk,
        "attendances": people[1].attendances.get().pk,
    }[path]
    assert client.get(f"/api/v1/{path}/{foreign}/").status_code == 404


def test_trainings_of_the_county_are_read_below(people: list[Person], east_editor: User, newcomer: User) -> None:
    (row,) = client_of(east_editor).get("/api/v1/trainings/").json()["results"]
    assert (row["title"], row["held_on"]) == ("轮训班", "2026-05-01")
    assert client_of(newcomer).get("/api/v1/trainings/").status_code == 403


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("postings/?on=2026-06-30", ["张三", "钱七"]),
        ("postings/?on=2026-07-01", []),
        ("postings/?under=990101100", ["张三"]),
        ("postings/?under=999", []),
        ("reserve-cadres/?on=2026-07-01&stage=on_record", ["张三", "钱七"]),
        ("attendances/?under=990101200", ["钱七"]),
        ("people/?name=张", ["张三"]),
        ("people/?under=990101200", ["钱七"]),
        ("trainings/?held_from=2026-05-02", []),
    ],
)
def test_rows_are_looked_for(people: list[Person], county_admin: User, query: str, names: list[str]) -> None:
    rows = client_of(county_admin).get(f"/api/v1/{query}").json()["results"]
    assert [row.get("person_name", row.get("name")) for row in rows] == names


def test_queries_do_not_grow(people: list[Person], county_admin: User) -> None:
    client = client_of(county_admin)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as context:
            client.get(f"/api/v1/{path}/")
        return len(context)

    paths = ("people", "postings", "reserve-cadres", "attendances", "trainings", "imports")
    few = [queries(path) for path in paths]
    for at in range(5):
        person = make_person(f"甲{at}")
        post(person, 50)
        ReserveCadre.objects.create(person=person, unit=person.unit)
        Attendance.objects.create(training=Training.objects.get(), person=person)
    assert [queries(path) for path in paths] == few


def upload(client: Client, tmp_path: Path) -> dict[str, Any]:
    file = SimpleUploadedFile("名册.xlsx", write_xlsx(tmp_path / "名册.xlsx", ROWS).read_bytes())
    answer = client.post("/api/v1/imports/", {"sheet": "cadres", "file": file})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def work(pk: int) -> None:
    jobs.run(ImportBatch.objects.get(pk=pk).job_id or 0)


def test_a_roster_goes_in_and_out(tmp_path: Path, east_editor: User, west_editor: User, county_viewer: User) -> None:
    client = client_of(east_editor)
    told = upload(client, tmp_path)
    assert (told["state"], told["answer"], told["uploaded_by"]) == ("uploaded", {}, "east_editor")
    address = f"/api/v1/imports/{told['id']}/"
    work(told["id"])
    answer = client.get(address).json()["answer"]
    assert (answer["new"], answer["faulty"], answer["applied"]) == (1, 1, False)
    assert [problem["code"] for problem in answer["problems"]] == ["id_format"]
    for stranger in (west_editor, county_viewer):
        assert client_of(stranger).get(address).status_code in (403, 404)
    cells = {"cells": [{"worksheet": "名册", "row": 3, "column": "身份证号", "text": ""}]}
    assert client.post(f"{address}cells/", json.dumps(cells), "application/json").status_code == 200
    work(told["id"])
    assert client.post(f"{address}confirm/", {}, "application/json").json()["state"] == "confirmed"
    work(told["id"])
    assert client.get(address).json()["answer"]["applied"] is True
    assert sorted(Person.objects.values_list("name", flat=True)) == ["张三", "李四"]
    assert client.post(f"{address}confirm/", {}, "application/json").status_code == 400
    assert client.post(f"{address}undo/").json()["state"] == "undoing"
    work(told["id"])
    assert not Person.objects.exists()


def test_only_who_uploaded_may_answer(tmp_path: Path, east_editor: User, county_admin: User) -> None:
    told = upload(client_of(east_editor), tmp_path)
    work(told["id"])
    client = client_of(county_admin)
    assert client.get(f"/api/v1/imports/{told['id']}/").status_code == 200
    assert client.post(f"/api/v1/imports/{told['id']}/confirm/", {}, "application/json").status_code == 403


def test_an_upload_without_a_file_or_with_an_unknown_sheet_is_refused(east_editor: User, county_viewer: User) -> None:
    client = client_of(east_editor)
    for given in ({"sheet": "cadres"}, {"sheet": "pensions", "file": SimpleUploadedFile("a.xlsx", b"x")}):
        answer = client.post("/api/v1/imports/", given)
        assert answer.status_code == 400
        assert set(answer.json()) == {"code", "message", "fields"}
    assert client_of(county_viewer).post("/api/v1/imports/", {"sheet": "cadres"}).status_code == 403
