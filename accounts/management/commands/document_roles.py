"""Writes the matrix of roles and capabilities into docs/roles.md, between its two marks."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from accounts.roles import KINDS_OF_UNIT, MATRIX, Role

BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
PAGE = Path(settings.BASE_DIR) / "docs" / "roles.md"


class Command(BaseCommand):
    help = "Writes the matrix of accounts/roles.py into docs/roles.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing, fail if the page is not up to date")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        now = PAGE.read_text(encoding="utf-8")
        wanted = with_matrix(now)
        if check and now != wanted:
            raise CommandError("docs/roles.md does not show accounts/roles.py: run manage.py document_roles.")
        PAGE.write_text(wanted, encoding="utf-8")


def with_matrix(page: str) -> str:
    """The page with today's matrix between the marks; what stands around them is left alone."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    with override("en"):
        return f"{before}{BEGIN}\n\n{_roles()}\n\n{_matrix()}\n\n{END}{after}"


def _roles() -> str:
    lines = ["| Short | Role | Given at |", "| --- | --- | --- |"]
    lines += [f"| {role.value} | {role.label} | {' or '.join(sorted(KINDS_OF_UNIT[role]))} |" for role in Role]
    return "\n".join(lines)


def _matrix() -> str:
    roles = list(Role)
    lines = [
        f"| Capability | {' | '.join(role.value for role in roles)} | Permissions |",
        f"| --- | {' | '.join('---' for _role in roles)} | --- |",
    ]
    for row in MATRIX:
        marks = " | ".join("✔" if role in row.roles else "–" for role in roles)
        permissions = ", ".join(f"`{permission}`" for permission in sorted(row.permissions))
        lines.append(f"| {row.label} | {marks} | {permissions} |")
    return "\n".join(lines)
