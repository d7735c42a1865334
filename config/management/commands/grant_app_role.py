"""Gives the working role its rights on PostgreSQL: rows of every table, but no change to the audit trail."""

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

APPENDED_ONLY = ("accounts.AuditEvent", "accounts.AuditSeal")


class Command(BaseCommand):
    help = "Lets a PostgreSQL role work with the tables without owning them. Run as the owner after each migrate."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles.")
        name = connection.ops.quote_name(role)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
            cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}")
            for label in APPENDED_ONLY:
                table = connection.ops.quote_name(apps.get_model(label)._meta.db_table)
                cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {name}")
        self.stdout.write(f"{role} may read and write rows; the audit trail it may only append to.")
