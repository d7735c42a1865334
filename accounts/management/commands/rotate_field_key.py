"""`manage.py rotate_field_key`: every sealed value under the first key of FIELD_KEY."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.rotation import rotate


class Command(BaseCommand):
    help = "Seals stored values anew with the first key of FIELD_KEY, in batches; can be repeated."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = rotate()
        for count in counts:
            self.stdout.write(f"{count.label}: {count.sealed} sealed, {count.renewed} renewed, {count.damaged} damaged")
        damaged = sum(count.damaged for count in counts)
        if damaged:
            raise CommandError(f"{damaged} values open with none of the keys; they were left as they are.")
