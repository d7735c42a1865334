"""manage.py import_roster SHEET FILE --user NAME --dry-run [--json]"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from imports.checking import Answer, check_file
from imports.problems import sentence_of_refusal
from imports.sheets import names, sheet_called

UNREADABLE = 2
"""Exit code when the file could not be read at all."""


class Command(BaseCommand):
    help = "Reads a roster and says what would become of each row. Reads and checks only: nothing is written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sheet", choices=names(), help="what the rows are")
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", required=True, help="login name of the account whose area counts")
        parser.add_argument("--dry-run", action="store_true", help="check the rows, write nothing")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dry_run"]:
            raise CommandError(_("This version reads and checks only, it writes nothing: add --dry-run."))
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(_("There is no file %(file)s.") % {"file": path.name})
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(_("There is no open account %(name)s.") % {"name": options["user"]})
        try:
            sheet = sheet_called(options["sheet"])
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        answer = check_file(sheet, path, user=user, today=timezone.localdate())
        self.stdout.write(json.dumps(answer.as_json(), ensure_ascii=False) if options["json"] else in_words(answer))
        if answer.refused:
            raise SystemExit(UNREADABLE)


def in_words(answer: Answer) -> str:
    """The counts, then one line for each problem."""
    if answer.refused:
        return f"{answer.file}: {sentence_of_refusal(answer.refused.code, answer.refused.found)}"
    counts = _("%(rows)s rows: %(new)s new, %(changed)s changed, %(unchanged)s unchanged, %(faulty)s faulty")
    lines = [f"{answer.file}: {counts % answer.counts()}"]
    lines += [
        f"{problem['worksheet']} {problem['row']} {problem['column']}: {problem['message']}"
        for problem in (problem.as_json() for problem in answer.problems)
    ]
    return "\n".join(lines)
