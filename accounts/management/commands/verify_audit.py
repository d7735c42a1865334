"""Reads the whole audit trail and names what was altered, removed, inserted, swapped or cut off."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import sealing
from accounts.event_words import PROBLEMS


class Command(BaseCommand):
    help = "Checks the audit trail against its chain and the head file. Ends with status 1 if anything does not fit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--accept",
            metavar="REASON",
            default="",
            help="go on from the present state, for instance after a restore; the reason is recorded",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept"]:
            try:
                count = sealing.accept_present_state(by=None, reason=options["accept"], now=timezone.now())
            except ValidationError as error:
                raise CommandError(error.message) from error
            self.stdout.write(f"The present state is accepted and recorded; {count} events sealed.")
            return
        found = sealing.verify_and_record(by=None)
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(found), "intact": found.is_intact}, ensure_ascii=False))
        else:
            self._print(found)
        if not found.is_intact:
            raise CommandError(f"{len(found.problems)} problems in the audit trail.")

    def _print(self, found: sealing.Verification) -> None:
        self.stdout.write(f"{found.events} events, {found.sealed} sealed")
        if found.head:
            self.stdout.write(f"head: link {found.head.position}, {found.head.digest}, {found.head.sealed_at}")
        for problem in found.problems:
            event = f" event {problem.event_id}" if problem.event_id else ""
            self.stdout.write(f"{problem.kind}{event}: {problem.detail} ({PROBLEMS[problem.kind]})")
        if found.is_intact:
            self.stdout.write("Everything fits.")
