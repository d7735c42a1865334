"""Merges locale/parts into the Chinese catalogue and compiles it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import messages


class Command(BaseCommand):
    help = "Merges locale/parts/*.po into the Chinese catalogue and compiles it, without outside tools."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail on gaps and on a catalogue not up to date")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        try:
            catalogue = messages.merged()
        except messages.CatalogueError as error:
            raise CommandError(str(error)) from error
        is_changed = messages.write_catalogue(catalogue)
        gaps = messages.untranslated(catalogue)
        broken = messages.broken_placeholders(catalogue)
        self.stdout.write(f"{len(catalogue)} texts, {len(gaps)} without translation.")
        for (context, text), path in gaps:
            self.stdout.write(f"  {path}: {f'({context}) ' if context else ''}{text}")
        for text in broken:
            self.stdout.write(f"  placeholders differ: {text}")
        if check and (gaps or broken):
            raise CommandError("The Chinese catalogue has gaps: add the texts above to a file in locale/parts.")
        if check and is_changed:
            raise CommandError("The Chinese catalogue was not up to date: commit it again.")
