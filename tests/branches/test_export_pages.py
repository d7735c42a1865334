"""The pages by which lists go out: what is filtered, kept columns, whose files, what a wrong address answers."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts import jobs
from accounts.models import User
from accounts.roles import Role
from accounts.sessions import PASSWORD as SESSION_PASSWORD
from branches.models import Branch, Unit
from cadres import codes
from imports.models import ExportFile, SavedColumns
from tests.cadres.people import NUMBER, make_person, post
from tests.conftest import make_user


@pytest.fixture
def staff(county: Unit) -> Client:
    make_user("林晓", Role.CS, county)
    client = Client()
    client.force_login(User.objects.get(username="林晓"))
    post(make_person("张三", identity=NUMBER), codes.SECRETARY)
    return client


def fields(**more: object) -> dict[str, object]:
    return {"columns": ["village", "name"], "purpose": "roster", "kind": "csv", "note": "核对", **more}


def test_what_is_filtered_on_the_page_is_what_the_file_holds(staff: Client) -> None:
    branch = Branch.objects.create(unit=Unit.objects.get(name="东一村"), name="东一村党总支", kind="general")
    Branch.objects.create(unit=Unit.objects.get(name="东二村"), name="东二村党支部")
    page = staff.get("/branches/branch/?kind__exact=general")
    assert "/exports/new/?list=branches&amp;kind__exact=general" in page.content.decode()
    address = "/exports/new/?list=branches&kind__exact=general&page=3&nonsense=1"
    assert "列表共 1 条" in staff.get(address).content.decode()
    assert staff.post(address, fields()).status_code == 302
    export = ExportFile.objects.get()
    assert export.filters == {"kind__exact": "general"}
    assert jobs.run(export.job_id or 0)
    answer = staff.post(f"/exports/{export.pk}/file/")
    assert branch.name in answer.content.decode()
    assert "东二村" not in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/villages/", "units"),
        ("/life/", "life"),
        ("/decisions/", "decisions"),
        ("/people/", "cadres"),
        ("/reserve/", "reserve"),
        ("/people/trainings/", "training"),
        ("/people/residents/", "residents"),
        ("/people/talents/", "talents"),
        ("/branches/branch/", "branches"),
    ],
)
def test_every_list_has_its_button_and_its_dialog(address: str, name: str, staff: Client, county: Unit) -> None:
    page = staff.get(address, {"q": "张"}) if address != "/branches/branch/" else staff.get(address)
    assert page.status_code == 200
    assert f"/exports/new/?list={name}" in page.content.decode()
    assert staff.get(f"/exports/new/?list={name}").status_code == 200
    clerk = Client()
    clerk.force_login(make_user("文书", Role.VC, Unit.objects.get(name="东一村")))
    refused = clerk.get(address)
    assert refused.status_code == 403 or "/exports/new/" not in refused.content.decode()


def test_columns_are_kept_for_oneself_under_a_name(staff: Client, county: Unit) -> None:
    address = "/exports/columns/?list=units"
    assert staff.post(address, {"columns": ["village", "population", "x"], "name": "人口"}).status_code == 302
    kept = SavedColumns.objects.get()
    assert kept.columns == ["village", "population"]
    staff.post(address, {"columns": ["village"], "name": "人口"})
    kept.refresh_from_db()
    assert (SavedColumns.objects.count(), kept.columns) == (1, ["village"])
    page = staff.get(f"/exports/new/?list=units&set={kept.pk}").content.decode()
    assert 'value="village" checked' in page
    assert 'value="population">' in page
    staff.post(address, {"columns": [], "name": "空"})
    assert SavedColumns.objects.count() == 1
    other = Client()
    other.force_login(make_user("同事", Role.CS, county))
    assert "人口" not in other.get("/exports/new/?list=cadres").content.decode()
    assert other.post(f"/exports/columns/{kept.pk}/delete/?list=units").status_code == 404
    assert staff.post(f"/exports/columns/{kept.pk}/delete/?list=units").status_code == 302
    assert not SavedColumns.objects.exists()


def test_without_the_password_no_identity_number_is_ticked_in(staff: Client, county: Unit) -> None:
    """A form made by hand that names the column without the page that asks for the password gets the rest."""
    assert 'value="id_number"' not in staff.get("/exports/new/?list=cadres").content.decode()
    assert staff.post("/exports/new/?list=cadres", fields(columns=["name", "id_number"])).status_code == 302
    assert (ExportFile.objects.get().columns, ExportFile.objects.get().has_numbers) == (["name"], False)
    late = Client()
    late.force_login(make_user("同事", Role.CS, county))
    session = late.session
    session[SESSION_PASSWORD] = 0
    session.save()
    for answer in (
        late.get("/exports/new/?list=cadres&numbers=1"),
        late.post("/exports/new/?list=cadres&numbers=1", fields(columns=["id_number"])),
    ):
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/reauth/")
    assert ExportFile.objects.count() == 1
    assert staff.post("/exports/new/?list=cadres&numbers=1", fields(columns=["id_number"])).status_code == 302
    assert ExportFile.objects.filter(has_numbers=True).count() == 1


def test_mistakes_are_told_and_what_was_ticked_stays(staff: Client) -> None:
    answer = staff.post("/exports/new/?list=units", fields(purpose=""))
    assert answer.status_code == 422
    assert "请选择用途" in answer.content.decode()
    assert 'value="population">' in answer.content.decode()
    assert staff.get("/exports/new/?list=nonsense").status_code == 404
    assert staff.get("/exports/new/").status_code == 404


def test_a_file_of_somebody_else_is_not_there(staff: Client, county: Unit) -> None:
    staff.post("/exports/new/?list=units", fields())
    export = ExportFile.objects.get()
    jobs.run(export.job_id or 0)
    other = Client()
    other.force_login(make_user("同事", Role.CS, county))
    assert other.post(f"/exports/{export.pk}/file/").status_code == 404
    assert staff.get(f"/exports/{export.pk}/file/").status_code == 405
    export.refresh_from_db()
    assert export.downloads == 0
    for _time in range(5):
        assert staff.post(f"/exports/{export.pk}/file/").status_code == 200
    assert staff.post(f"/exports/{export.pk}/file/").status_code == 302
    assert "不再保留" in staff.get("/exports/").content.decode()
