"""Log lines: JSON, with the request's number, without personal data."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django.test import Client

from accounts.models import User
from config.logging import JsonFormatter, without_digits
from config.request_id import HEADER, current_request_id

NUMBER = "99999919900307123X"


def line(error: Exception | None = None, message: str = "words", **extra: Any) -> dict[str, Any]:
    info = None
    if error is not None:
        try:
            raise error
        except type(error):
            info = sys.exc_info()
    record = logging.LogRecord("portal", logging.WARNING, __file__, 1, message, None, info)
    record.__dict__.update(extra)
    parsed: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return parsed


def test_a_line_is_one_json_object_with_what_was_given() -> None:
    written = line(job_id=7, password="never", status=200)
    assert written.pop("time").endswith("+00:00")
    assert written == {"level": "warning", "logger": "portal", "message": "words", "job_id": 7, "status": 200}


@pytest.mark.parametrize(
    "text", [NUMBER, "13800000000", "6222020000000000000", "id=99999919900307123x;", "张三99999919900307123X"]
)
def test_long_numbers_are_starred_out(text: str) -> None:
    cleaned = without_digits(text)
    assert len(cleaned) == len(text)
    assert not any(character.isdigit() for character in cleaned)
    assert line(message=text)["message"] == cleaned


def test_short_numbers_stay() -> None:
    assert without_digits("2026-10, 411503, 92.29 分, 52378") == "2026-10, 411503, 92.29 分, 52378"


def test_an_error_of_a_row_keeps_its_text_to_itself() -> None:
    (error,) = line(IntegrityError(f"Key (name)=(张三 {NUMBER}) already exists."))["error"]
    assert (error["kind"], error["text"]) == ("IntegrityError", "")
    assert error["at"][-1].endswith("line")


def test_an_error_of_the_machine_tells_and_so_does_its_cause() -> None:
    error = OperationalError("connection refused")
    error.__cause__ = ValueError("张三")
    first, second = line(error)["error"]
    assert (first["kind"], first["text"]) == ("OperationalError", "connection refused")
    assert (second["kind"], second["text"]) == ("ValueError", "")


@pytest.mark.django_db
def test_each_request_has_a_number_in_its_answer_and_one_line_without_its_query(
    client: Client, newcomer: User, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(newcomer)
    with caplog.at_level(logging.INFO, logger="portal.access"):
        response = client.post("/session/keep/?name=张三", headers={HEADER: "abcdef12-0001"})
        other = client.post("/session/keep/", headers={HEADER: "bad number\n{}"})
        client.get("/healthz")
    assert response.headers[HEADER] == "abcdef12-0001"
    assert other.headers[HEADER] not in ("", "bad number\n{}")
    records = [record for record in caplog.records if record.name == "portal.access"]
    assert len(records) == 2
    first = records[0].__dict__
    assert (first["path"], first["method"], first["status"], first["user_id"]) == (
        "/session/keep/",
        "POST",
        204,
        newcomer.pk,
    )
    assert current_request_id() == ""
