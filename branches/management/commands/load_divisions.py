"""manage.py load_divisions FILE [--county CODE] [--first-day YYYY-MM-DD] [--reopen] [--check] [--json]"""

from __future__ import annotations

import hashlib
import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from branches.divisions import only_county, read_divisions
from branches.services.divisions import LoadReport, load_divisions, tree_problems

SHOWN = 20


class Command(BaseCommand):
    help = "Loads the state's list of divisions (CSV with code, level, name; .gz too) into the tree of units."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--county", metavar="CODE", help="take this county alone, with the places above it")
        parser.add_argument(
            "--first-day",
            type=date.fromisoformat,
            help="first day of a month from which new names and closings hold; this month by default",
        )
        parser.add_argument("--reopen", action="store_true", help="open again what the list names and is closed here")
        parser.add_argument("--check", action="store_true", help="check afterwards that the tree is sound")
        parser.add_argument("--json", action="store_true", help="print the report as one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        counter = QueryCounter()
        try:
            with connection.execute_wrapper(counter):
                report = self._load(options)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages[:SHOWN])) from error
        numbers = {
            **{name: len(getattr(report, name)) for name in ("added", "changed", "closed", "reopened", "still_closed")},
            "unchanged": report.unchanged,
            "queries": counter.count,
            "seconds": round(time.monotonic() - started, 2),
        }
        self.stdout.write(json.dumps(numbers) if options["json"] else self._words(report, numbers))
        problems = tree_problems() if options["check"] else []
        if problems:
            raise CommandError("\n".join(problems[:SHOWN]))

    def _load(self, options: dict[str, Any]) -> LoadReport:
        divisions = read_divisions(options["file"])
        if options["county"]:
            divisions = only_county(divisions, options["county"])
        first_day = options["first_day"] or timezone.localdate().replace(day=1)
        digest = hashlib.sha256(options["file"].read_bytes()).hexdigest()[:16]
        source = f"{options['file'].name} sha256 {digest}"
        return load_divisions(divisions, first_day, source=source, reopen=options["reopen"])

    def _words(self, report: LoadReport, numbers: dict[str, Any]) -> str:
        lines = [
            _(
                "Added %(added)d, changed %(changed)d, closed %(closed)d, opened again %(reopened)d, "
                "unchanged %(unchanged)d; %(queries)d queries, %(seconds)s s."
            )
            % numbers
        ]
        for label, codes in (
            (pgettext("event", "Changed"), report.changed),
            (pgettext("event", "Closed"), report.closed),
        ):
            if codes:
                more = " …" if len(codes) > SHOWN else ""
                lines.append(f"{label}: {' '.join(codes[:SHOWN])}{more}")
        if report.still_closed:
            lines.append(
                _("In the list, but closed here and left so (--reopen opens those that were not merged): %(codes)s")
                % {"codes": " ".join(report.still_closed[:SHOWN])}
            )
        return "\n".join(lines)


class QueryCounter:
    """Counts the statements that pass through Django's cursor."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.count += 1
        return execute(sql, params, many, context)
