"""The frame of every page: menu, language, formats, shared pieces, error pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User


@pytest.mark.django_db
def test_login_page_speaks_chinese_whatever_the_browser_asks_for(client: Client) -> None:
    page = client.get(reverse("admin:login"), headers={"accept-language": "en-GB,en"}).content.decode()
    assert '<html lang="zh-hans"' in page


def test_home_lists_the_menu_of_the_user(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    page = client.get("/").content.decode()
    assert "青禾县" in page
    assert "东乡 · " in page
