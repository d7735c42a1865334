"""`manage.py verify_funds`: recomputes every kept sum of public money and ledgers and names what does not tie."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from collective_economy import verifying


class Command(BaseCommand):
    help = "Recomputes every kept sum from its entries. Ends with status 1 if anything does not tie."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verifying.verify()
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False))
        else:
            self._print(found)
        if not found.is_tied:
            raise CommandError(f"{found.differing_count} rows do not tie.")

    def _print(self, found: verifying.Verification) -> None:
        for check in verifying.CHECKS:
            differing = found.differing[check.kind]
            outcome = f"{differing} DO NOT TIE" if differing else "tied"
            self.stdout.write(f"{check.kind}: {found.checked[check.kind]} checked, {outcome} ({check.label})")
        names = verifying.names_of(found.mismatches)
        for one in found.mismatches:
            self.stdout.write(
                f"{one.kind}: {names.get(one.path, one.path)}, row {one.row} ({one.named}), {one.column}: "
                f"stored {one.stored or '-'}, computed {one.computed or '-'}"
            )
        hidden = found.differing_count - len({(one.kind, one.row) for one in found.mismatches})
        if hidden:
            self.stdout.write(f"{hidden} more rows are not listed.")
        if found.is_tied:
            self.stdout.write("Everything ties.")
