"""The search box: places of one's own area by the beginning of their name."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from branches.models import Unit, Village


@pytest.fixture(autouse=True)
def cards(county: Unit) -> None:
    Village.objects.bulk_create(Village(unit=unit) for unit in Unit.objects.villages())


def answer(user: User, words: str) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/search/", {"q": words}).content.decode()


def test_what_begins_so_is_listed_with_where_it_belongs(county_admin: User) -> None:
    html = answer(county_admin, "西")
    for name in ("西乡", "西一村", "西二村"):
        assert f">{name}<" in html
    assert "东一村" not in html


def test_a_single_village_opens_at_once(county_admin: User) -> None:
    client = Client()
    client.force_login(county_admin)
    card = Village.objects.get(unit__name="东三村")
    response = client.get("/search/", {"q": "东三"})
    assert response.headers["Location"] == reverse("branches:village", args=[card.unit_id])


def test_another_area_is_as_if_it_were_not_there(east_editor: User) -> None:
    html = answer(east_editor, "西一")
    assert "西一村" not in html
    assert "查不到" in html


def test_no_words_find_nothing(county_admin: User) -> None:
    assert "查不到" in answer(county_admin, "  ")


@pytest.mark.parametrize(("words", "number"), [("西一村", 1), ("东", 4)])
@pytest.mark.usefixtures("quiet_frame")
def test_the_queries_do_not_grow(county_admin: User, words: str, number: int) -> None:
    client = Client()
    client.force_login(county_admin)
    Village.objects.all().delete()
    client.get("/search/", {"q": words})
    with CaptureQueriesContext(connection) as queries:
        html = client.get("/search/", {"q": words}).content.decode()
    assert html.count('scope="row"') == number
    assert len(queries) == 8
