"""`manage.py seed_demo`: a believable county through the same services as the screens."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.demo.build import MOST_MONTHS, seed


class Command(BaseCommand):
    help = "Makes a demo county with invented people: the months before the last are published, the last is open."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=7, help="the same number gives the same county")
        parser.add_argument("--county", default="", help="6-digit code of a loaded county; without it 青禾县 is made")
        parser.add_argument("--months", type=int, default=12)
        parser.add_argument("--accounts-only", action="store_true", help="only the demo accounts")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["months"] <= MOST_MONTHS:
            raise CommandError(f"--months: between 0 and {MOST_MONTHS}.")
        report = seed(
            county_code=options["county"],
            months=options["months"],
            seed_number=options["seed"],
            accounts_only=options["accounts_only"],
            now=timezone.now(),
        )
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False))
            return
        self.stdout.write(f"{report.county}: {', '.join(report.months) or 'accounts only'}")
        for key, account in report.accounts.items():
            self.stdout.write(f"  {key}: {account['user']} / {account['password']}")
