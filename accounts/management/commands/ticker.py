"""Runs the ticker: what is due by the clock, and the jobs that nobody else picked up."""

from __future__ import annotations

import logging
import os
import signal
import threading
from argparse import ArgumentParser
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from accounts import jobs, ticking

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
STOP_SECONDS = 25.0


class Command(BaseCommand):
    help = "Asks every few seconds what is due and does it; sweeps up jobs. Any number may run, one works."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then stop")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        ticker = Ticker()
        if once:
            ticker.round(sweeping=True)
            ticker.stop()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ticker.asked_to_stop)
        ticker.loop()


class Ticker:
    """One process that ticks. Jobs run on a thread beside it, so that a long one does not stop the clock."""

    def __init__(self) -> None:
        self._holder = ticking.new_holder()
        self._stopping = threading.Event()
        self._runner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job")
        self._handed: dict[int, Future[object]] = {}

    def asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def loop(self) -> None:
        """Until asked to stop. A database that is away is waited for."""
        since_sweep = SWEEP_SECONDS
        while not self._stopping.is_set():
            sweeping = since_sweep >= SWEEP_SECONDS
            try:
                self.round(sweeping=sweeping)
            except DatabaseError as error:
                logger.warning("ticker: the database does not answer (%s)", type(error).__name__)
                connection.close()
            since_sweep = ticking.TICK_SECONDS if sweeping else since_sweep + ticking.TICK_SECONDS
            self._stopping.wait(ticking.TICK_SECONDS)
        self.stop()

    def round(self, *, sweeping: bool) -> None:
        close_old_connections()
        if not ticking.hold(self._holder):
            return
        if sweeping:
            jobs.sweep(self._run_here)
        ticking.tick(self._holder, timezone.now())

    def stop(self) -> None:
        """Lets a running job end within 25 s, hands it back otherwise, and gives the lease up."""
        for future in self._handed.values():
            future.cancel()
        waiting = [future for future in self._handed.values() if not future.done()]
        ended = all(_ends_within(future, STOP_SECONDS) for future in waiting)
        try:
            if not ended:
                jobs.hand_back_all()
            ticking.release(self._holder)
        except DatabaseError as error:
            logger.warning("ticker: nothing handed back, its leases will end (%s)", type(error).__name__)
        connection.close()
        if not ended:
            # The thread cannot be interrupted, and its lease is gone: nothing it does counts any more.
            logging.shutdown()
            os._exit(0)

    def _run_here(self, job_id: int) -> None:
        self._handed = {key: future for key, future in self._handed.items() if not future.done()}
        if job_id not in self._handed:
            self._handed[job_id] = self._runner.submit(_run_job, job_id)


def _run_job(job_id: int) -> bool:
    close_old_connections()
    try:
        return jobs.run(job_id)
    finally:
        connection.close()


def _ends_within(future: Future[object], seconds: float) -> bool:
    try:
        future.exception(timeout=seconds)
    except TimeoutError:
        return False
    return True
