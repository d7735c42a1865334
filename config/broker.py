"""Celery settings for a broker: Redis where an address is given, else a folder beside the embedded database.

Messages are acknowledged before the work (a job is a row and is found again by the sweeper;
late acknowledgement ran long jobs again and again), carry an id alone, and wait at most two
seconds for a broker that is away or silent.
"""

from pathlib import Path
from typing import Any

BROKER_SECONDS = 2


def broker_settings(redis_url: str, folder: Path) -> dict[str, Any]:
    """`broker_url` and `broker_transport_options`, the names without the CELERY_ prefix in capitals."""
    if redis_url:
        return {
            "url": redis_url,
            "options": {
                "socket_connect_timeout": BROKER_SECONDS,
                "socket_timeout": BROKER_SECONDS,
                "connect_retries_timeout": BROKER_SECONDS,
                "retry_on_timeout": False,
                "max_retries": 0,
                "interval_start": 0,
                "global_keyprefix": "portal:",
            },
        }
    queue, control = folder / "queue", folder / "control"
    for path in (queue, control):
        path.mkdir(parents=True, exist_ok=True)
    return {
        "url": "filesystem://localhost//",
        "options": {
            "data_folder_in": str(queue),
            "data_folder_out": str(queue),
            "control_folder": str(control),
            "store_processed": False,
        },
    }
