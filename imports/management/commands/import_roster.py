"""manage.py import_roster SHEET FILE --user NAME [--dry-run] [--all-or-nothing] [--json]"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import jobs
from accounts.models import User
from imports import batches
from imports.checking import check_file
from imports.models import ImportBatch
from imports.preview import answer_with_problems
from imports.sheets import Sheet, names, sheet_called

UNREADABLE = 2
"""Exit code when the file could not be read at all."""


class Command(BaseCommand):
    help = "Brings a roster in as its user would: the good rows at once, or with --dry-run nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sheet", choices=names(), help="what the rows are")
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", required=True, help="login name of the account whose area counts")
        parser.add_argument("--dry-run", action="store_true", help="check the rows, write nothing")
        parser.add_argument("--all-or-nothing", action="store_true", help="write nothing when a row is faulty")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
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
        told = self._checked(sheet, path, user) if options["dry_run"] else self._applied(sheet, path, user, options)
        self.stdout.write(json.dumps(told, ensure_ascii=False) if options["json"] else in_words(told))
        if not told["ok"]:
            raise SystemExit(UNREADABLE)

    def _checked(self, sheet: Sheet, path: Path, user: User) -> dict[str, Any]:
        return check_file(sheet, path, user=user, today=timezone.localdate()).as_json()

    def _applied(self, sheet: Sheet, path: Path, user: User, options: dict[str, Any]) -> dict[str, Any]:
        """The way of the pages, with this process as the worker."""
        try:
            batch = batches.upload(sheet.name, path.name, path.read_bytes(), by=user)
            self._work(batch)
            if batch.state == ImportBatch.State.CHECKED and batch.answer["new"] + batch.answer["changed"]:
                batches.confirm(batch, by=user, is_all_or_nothing=options["all_or_nothing"])
                self._work(batch)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except PermissionDenied as error:
            raise CommandError(_("This account may not bring in such a roster.")) from error
        return answer_with_problems(batch)

    def _work(self, batch: ImportBatch) -> None:
        batch.refresh_from_db()
        if batch.job_id is not None:
            jobs.run(batch.job_id)
        batch.refresh_from_db()
        if batch.job is not None and batch.job.state == batch.job.State.FAILED:
            raise CommandError(batch.job.message)


def in_words(told: dict[str, Any]) -> str:
    """The counts, then one line for each problem."""
    if not told["ok"]:
        return f"{told['file']}: {told['message']}"
    counts = _("%(rows)s rows: %(new)s new, %(changed)s changed, %(unchanged)s unchanged, %(faulty)s faulty")
    lines = [f"{told['file']}: {counts % told}"]
    if told["applied"]:
        lines.append(_("Written. The import can be undone for %(days)s days.") % {"days": batches.UNDO_DAYS})
    lines += [
        f"{problem['worksheet']} {problem['row']} {problem['column']}: {problem['message']}"
        for problem in told["problems"]
    ]
    return "\n".join(lines)
