"""What happens because time passes: asked of the database, never remembered by a process.

An app registers in `AppConfig.ready()` a function that asks what is due and does it:

    ticking.register("assessments.open_periods", open_due_periods, every=timedelta(minutes=5))

It is called with the moment as its only argument, may be called late (a stopped portal
catches up) or twice (two tickers for a moment), and so must look at the database for what
is due and do it once. Its last call is kept with the ticker's lease.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q, Value
from django.db.models.functions import Now

from accounts.models import Lease

logger = logging.getLogger(__name__)

LEASE_NAME = "ticker"
LEASE = timedelta(seconds=60)
TICK_SECONDS = 10.0

Due = Callable[[datetime], object]


@dataclass(frozen=True)
class _Registered:
    function: Due
    every: timedelta


_registry: dict[str, _Registered] = {}


def register(name: str, function: Due, *, every: timedelta = timedelta(minutes=1)) -> None:
    """Has `function(now)` called about once in `every`. ValueError: another function has this name."""
    taken = _registry.get(name)
    if taken is not None and taken.function is not function:
        raise ValueError(f"{name} is already registered with the ticker.")
    _registry[name] = _Registered(function, every)


@contextmanager
def replaced(entries: dict[str, tuple[Due, timedelta]]) -> Iterator[None]:
    """Only these entries, for the length of a test."""
    former = dict(_registry)
    _registry.clear()
    for name, (function, every) in entries.items():
        register(name, function, every=every)
    try:
        yield
    finally:
        _registry.clear()
        _registry.update(former)


def new_holder() -> str:
    """Name under which one ticker process holds the lease."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"


def hold(holder: str) -> bool:
    """Takes or renews the ticker's lease. False while another ticker holds it."""
    Lease.objects.get_or_create(name=LEASE_NAME)
    return bool(
        Lease.objects.filter(name=LEASE_NAME)
        .filter(Q(holder=holder) | Q(until__isnull=True) | Q(until__lt=Now()))
        .update(
            holder=holder,
            until=ExpressionWrapper(Now() + Value(LEASE), output_field=DateTimeField()),
            beat_at=Now(),
        )
    )


def release(holder: str) -> None:
    """Gives the lease up at once, so that another ticker need not wait for its end."""
    Lease.objects.filter(name=LEASE_NAME, holder=holder).update(holder="", until=None)


def tick(holder: str, now: datetime) -> list[str]:
    """Calls what is due at `now` and returns the names called. Nothing without the lease.

    One failing function is logged and tried again a period later; the others are called
    all the same.
    """
    called: list[str] = []
    for name, entry in list(_registry.items()):
        if not hold(holder):
            return called
        if not _claim(name, entry.every, now):
            continue
        called.append(name)
        try:
            entry.function(now)
        except Exception:  # the one place that records that a timed task failed
            logger.exception("timed task %s failed", name)
    return called


def _claim(name: str, every: timedelta, now: datetime) -> bool:
    """Whether `name` is due; if so, `now` is kept as its last call. One in the future (clock moved) counts as none."""
    with transaction.atomic():
        lease = Lease.objects.select_for_update().get(name=LEASE_NAME)
        last = lease.state.get(name)
        if last is not None and timedelta(0) <= now - datetime.fromisoformat(last) < every:
            return False
        lease.state[name] = now.isoformat()
        lease.save(update_fields=["state"])
    return True
