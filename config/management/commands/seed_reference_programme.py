"""`manage.py seed_reference_programme`: the reference district's 40.35 million yuan for 210 villages."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import User
from config.demo.build import PASSWORD
from config.demo.reference import county_of, make_reference_programme, people_of


class Command(BaseCommand):
    help = "Makes the reference district's programme: 40.35 million yuan for 210 villages, paid in stages, with income."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=7, help="the same number gives the same yuan")
        parser.add_argument("--county", default="", help="6-digit code of a loaded county; without it 示例区 is made")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        county = county_of(options["county"])
        people = people_of(county, now)
        report = make_reference_programme(county, people, seed_number=options["seed"], now=now)
        told = report.as_dict() | {"accounts": {key: _account(user) for key, user in people.items()}}
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        for name, value in told.items():
            self.stdout.write(f"{name}: {value}")


def _account(user: User) -> dict[str, str]:
    return {"user": user.username, "password": PASSWORD}
