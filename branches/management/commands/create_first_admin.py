"""First start: the accounts without which nobody could be let in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.roles import Role
from branches.models import Unit
from branches.services.memberships import create_first


class Command(BaseCommand):
    help = (
        "Creates the first system administrator, and with --leader the first county leader, who confirms roles. "
        "Prints a password for one use for each. Refused once an open account holds the role."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?", help="of the administrator: small letters, digits, points, hyphens")
        parser.add_argument("name", nargs="?", help="name of the administrator")
        parser.add_argument("--leader", nargs=2, metavar=("USERNAME", "NAME"), help="another person, to confirm roles")
        parser.add_argument(
            "--replace",
            metavar="REASON",
            default="",
            help="close the accounts that hold the role, because nobody has their password any more",
        )
        parser.add_argument("--county", metavar="CODE", help="code of the county, if there is more than one")

    def handle(self, *args: Any, **options: Any) -> None:
        county = self._county(options["county"])
        people = [(Role.SA, options["username"], options["name"])] if options["name"] else []
        if options["leader"]:
            people.append((Role.CL, *options["leader"]))
        if not people:
            raise CommandError("Give user name and name of the administrator, or --leader.")
        now, replacing = timezone.now(), options["replace"]
        try:
            with transaction.atomic():
                made = [
                    (role, *create_first(role, county, username, name, now=now, replacing=replacing))
                    for role, username, name in people
                ]
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for role, user, password in made:
            self.stdout.write(f"{role.label}: {user.username}  {password}")
        self.stdout.write("Each password works until the first login, which asks for a new one. It is kept nowhere.")

    def _county(self, code: str | None) -> Unit:
        counties = Unit.objects.counties()
        if code:
            counties = counties.filter(code=code)
        found = list(counties[:2])
        if len(found) != 1:
            reason = "There is no such county; load the divisions first." if not found else "Name one with --county."
            raise CommandError(reason)
        return found[0]
