"""Probes: /healthz says that the process answers, /readyz that the portal can work.

"degraded" still answers 200: everything works, something should be looked at. What exactly
is told to whoever operates the portal; others get the one word.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError

from accounts.models import Lease
from accounts.ticking import LEASE_NAME

HEARTBEAT_LIMIT = timedelta(minutes=2)
NEEDED = ("database", "migrations", "disk", "sweeper")
"""Without these the portal is not ready; without the others it is degraded."""


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: asks nothing of anybody."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 ready or degraded, 503 unavailable."""
    found = check_all()
    failing = [name for name, problem in found.items() if problem]
    is_unavailable = any(name in NEEDED for name in failing)
    status = "unavailable" if is_unavailable else "degraded" if failing else "ready"
    answer: dict[str, object] = {"status": status}
    if "database" not in failing and request.user.is_authenticated and request.user.has_perm("accounts.operate"):
        answer["checks"] = {name: problem or "ok" for name, problem in found.items()}
    return JsonResponse(answer, status=503 if is_unavailable else 200)


def check_all() -> dict[str, str]:
    """What is wrong, by check; empty text means nothing. Without a database its own checks are not asked."""
    found = {"database": _database()}
    if not found["database"]:
        found |= {"migrations": _migrations(), "sweeper": _sweeper()}
    return found | {"disk": _disk(), "backup": _backup(), "broker": _broker()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"does not answer ({type(error).__name__})"
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} not applied" if missing else ""


def _sweeper() -> str:
    beat = Lease.objects.filter(name=LEASE_NAME).values_list("beat_at", flat=True).first()
    if beat is None:
        return "the ticker has never run"
    age = timezone.now() - beat
    return f"last seen {int(age.total_seconds())} s ago" if age > HEARTBEAT_LIMIT else ""


def _disk() -> str:
    free = shutil.disk_usage(settings.VAR_DIR).free // 1_000_000
    return f"{free} MB free, {settings.MIN_FREE_MB} MB wanted" if free < settings.MIN_FREE_MB else ""


def _backup() -> str:
    if not settings.BACKUP_DIR:
        return "BACKUP_DIR is not set"
    moments = [path.stat().st_mtime for path in Path(settings.BACKUP_DIR).glob("*") if path.is_file()]
    if not moments:
        return "there is none"
    hours = int((timezone.now().timestamp() - max(moments)) / 3600)
    return f"the last is {hours} h old" if hours > settings.BACKUP_MAX_HOURS else ""


def _broker() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except (KombuError, OSError) as error:
        return f"does not answer ({type(error).__name__}); the ticker runs the jobs"
    return ""
