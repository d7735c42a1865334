"""Log lines: one JSON object each, with the request's number, without personal data.

The text of an exception can hold values of a row (a database names the duplicate key), so
only kinds of exceptions that speak of the machine or the code keep theirs. Long runs of
digits (identity numbers, phones, bank accounts) are starred out wherever they appear.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError, ProgrammingError

from config.request_id import current_request_id

TELLING = (
    OSError,
    ImportError,
    NameError,
    AttributeError,
    TypeError,
    ImproperlyConfigured,
    OperationalError,
    ProgrammingError,
)
DIGITS = re.compile(r"\d{11,}[Xx]?")
EXTRA = ("reference", "path", "method", "status", "milliseconds", "user_id", "address", "job_id")


class JsonFormatter(logging.Formatter):
    """One line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_digits(record.getMessage()),
            "request_id": current_request_id(),
        }
        line |= {name: getattr(record, name) for name in EXTRA if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = described(record.exc_info[1])
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False, default=str)


def without_digits(text: str) -> str:
    """`text` with every run of 11 and more digits replaced by stars."""
    return DIGITS.sub(lambda found: "*" * len(found.group()), text)


def described(error: BaseException) -> list[dict[str, Any]]:
    """The error and what caused it: kind, text where that is safe, and the lines of code."""
    chain: list[dict[str, Any]] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:
        frames = traceback.extract_tb(seen.__traceback__)
        chain.append(
            {
                "kind": type(seen).__name__,
                "text": without_digits(str(seen)) if isinstance(seen, TELLING) else "",
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
            }
        )
        seen = seen.__cause__ or seen.__context__
    return chain


def logging_settings(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, where the service manager keeps it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "config.logging.JsonFormatter"}},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["lines"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django.request": {"level": "ERROR"},
            "axes": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }
