"""The Celery application: carries wake-ups for jobs, nothing else. The truth is in `accounts.Job`."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from celery import Celery, signals
from django.db import DatabaseError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

logger = logging.getLogger(__name__)

STOP_SECONDS = 25.0

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["accounts"])


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Leaves the log lines as the settings made them."""


@signals.worker_shutting_down.connect
def hand_back_in_time(**_: Any) -> None:
    """A stopping worker lets its jobs end; what is not done after 25 s goes back to the queue."""
    timer = threading.Timer(STOP_SECONDS, _hand_back_and_leave)
    timer.daemon = True
    timer.start()


def _hand_back_and_leave() -> None:
    from accounts import jobs  # noqa: PLC0415  (needs the settings, which import this package)

    try:
        logger.warning("worker stops: %s jobs handed back", jobs.hand_back_all())
    except DatabaseError:
        logger.warning("worker stops: its jobs could not be handed back, their lease will end")
    logging.shutdown()
    os._exit(0)
