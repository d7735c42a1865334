"""Invented requests of every kind against the described API, as two roles: no surprise, no error of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from accounts.models import User
from assessments.models import Period, Return
from branches.models import Unit
from tests.assessments.month import full_month, make_month


@contextmanager
def one_connection() -> Iterator[None]:
    """The application is called in this process and must not close the connection of the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


EXAMPLES = 12
"""Invented requests for each operation; `make fuzz` asks for more."""


def signed_in(user: User) -> dict[str, str]:
    """Headers of a session with its CSRF token."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    token = "a" * 32
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={token}", "X-CSRFToken": token}


@pytest.mark.parametrize("role", ["east_editor", "county_admin"])
def test_every_answer_is_as_described(role: str, county: Unit, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(role)
    make_month(county, full_month(), state=Period.State.OPEN)
    Return.objects.update(state=Return.State.DRAFT)
    headers = signed_in(user)
    client = Client()
    client.force_login(user)
    described = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    schema = schemathesis.openapi.from_dict(json.loads(described.content))
    schema.app = get_wsgi_application()
    checked = 0
    with one_connection():
        for result in schema.get_all_operations():
            _try(result.ok(), headers)
            checked += 1
    assert checked >= 16


def _try(operation: Any, headers: dict[str, str]) -> None:
    from hypothesis import given  # noqa: PLC0415  (the strategy belongs to the operation)

    @hypothesis_settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def attempt(case: Any) -> None:
        with transaction.atomic():
            case.call_and_validate(headers=headers)
            transaction.set_rollback(True)

    attempt()
