"""`manage.py close_month 2026-10`: lock a month, compute it, leave draft rankings."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assessments.models import Period, Ranking
from assessments.services.closing import close_periods, lock_periods


def month_argument(text: str) -> date:
    """The first day of a month written as 2026-10. Raises CommandError."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise CommandError(f"{text}: write the month as 2026-10.") from error


class Command(BaseCommand):
    help = "Locks a month, computes it and leaves a draft ranking for each county."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="such as 2026-10")
        parser.add_argument("--county", default="", help="6-digit code; without it all counties that have the month")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        month = month_argument(options["month"])
        periods = self._periods(month, options["county"])
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            try:
                period_ids = [period.pk for period in periods]
                lock_periods(period_ids, by=None, now=timezone.now())
                rankings = close_periods(period_ids, by=None, now=timezone.now())
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
        report = self._report(options["month"], periods, rankings)
        report |= {"queries": len(queries), "seconds": round(time.perf_counter() - started, 3)}
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(f"{name}: {value}" for name, value in report.items()))

    def _periods(self, month: date, county: str) -> list[Period]:
        periods = Period.objects.filter(month=month).select_related("unit").order_by("path")
        if county:
            periods = periods.filter(unit__code=county)
        found = list(periods)
        if not found:
            raise CommandError(
                f"{month:%Y-%m}: no county{' ' + county if county else ''} has this month. Open it first."
            )
        return found

    def _report(self, month: str, periods: list[Period], rankings: list[Ranking]) -> dict[str, Any]:
        single = len(rankings) == 1
        return {
            "month": month,
            "county": (periods[0].unit.code or periods[0].unit.name) if single else [p.unit.code for p in periods],
            "villages": sum(ranking.village_count for ranking in rankings),
            "ranked": sum(ranking.ranked_count for ranking in rankings),
            "not_ranked": sum(ranking.village_count - ranking.ranked_count for ranking in rankings),
            "revision": rankings[0].revision if single else [ranking.revision for ranking in rankings],
            "checksum": rankings[0].checksum if single else [ranking.checksum for ranking in rankings],
        }
