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
        before = _texts()
        problems = messages.write_catalogues()
        is_changed = _texts() != before
        catalogue, _ = messages.merged()
        gaps = messages.untranslated(catalogue)
        broken = messages.broken_placeholders(catalogue)
        self.stdout.write(f"{len(catalogue)} texts, {len(gaps)} without translation.")
        for (context, text), path in gaps:
            self.stdout.write(f"  {path}: {f'({context}) ' if context else ''}{text}")
        for text in broken:
            self.stdout.write(f"  placeholders differ: {text}")
        for problem in problems:
            self.stdout.write(f"  {problem}")
        if problems:
            raise CommandError("The parts in locale/parts need the changes above.")
        if check and (gaps or broken):
            raise CommandError("The Chinese catalogue has gaps: add the texts above to a file in locale/parts.")
        if check and is_changed:
            raise CommandError("The Chinese catalogue was not up to date: commit it again.")


def _texts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(messages.CATALOGUES.glob("*.po"))]
