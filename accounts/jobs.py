"""Work outside a request. The row in the database is the job; a broker message only wakes a worker.

    @handler("assessments.close_periods")
    def close(run: JobRun, *, period_id: int) -> None:
        ...                                   # read and calculate; run.progress(12, 400)
        with transaction.atomic():
            ...                               # write the results
            run.finish_in_transaction({"ranking": ranking.pk})

    enqueue("assessments.close_periods", {"period_id": 7}, by=user, key="7", scope=unit.path)

A handler may be run again from the start at any moment: its worker can be killed, or lose
its lease. What it writes belongs into the one transaction that `finish_in_transaction` ends,
which fails as a whole when somebody else holds the job by then. A handler that only returns
is finished when it returns, and must be harmless to repeat.
Rule: docs/rules/jobs.md.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError
from django.utils.translation import gettext_noop
from kombu.exceptions import KombuError

from accounts import context
from accounts.models import Job, User

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

logger = logging.getLogger(__name__)

RUN_TASK = "accounts.run_job"
LEASE = timedelta(seconds=settings.JOB_LEASE_SECONDS)
HEARTBEAT_SECONDS = settings.JOB_LEASE_SECONDS / 6
PROGRESS_SECONDS = 1.0
"""The least pause between two writes of a job's progress."""
MAX_ATTEMPTS = 3
PATIENCE = timedelta(seconds=90)
"""How long a waiting job is left to the workers before the ticker runs it itself."""

LIVE = (Job.State.QUEUED, Job.State.RUNNING)

Handler = Callable[..., Mapping[str, Any] | None]


class LeaseLost(Exception):
    """Somebody else holds the job now, or it was cancelled. Nothing of this run may be written."""


# --- Registration -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Registered:
    run: Handler
    permission: str
    label: str


_handlers: dict[str, _Registered] = {}


def handler(kind: str, *, permission: str = "", label: str = "") -> Callable[[Handler], Handler]:
    """Registers the function that runs jobs of `kind`, called as `function(job_run, **arguments)`.

    With `permission` the requester is asked for that right again before the function runs,
    so a right taken away at noon stops a job queued at eleven. The function itself reads its
    rows through `.for_user(job_run.by, action)`. `label` heads the page of such a job, in
    English marked with gettext_noop. Registering another function under a taken kind raises
    ValueError.
    """

    def register(function: Handler) -> Handler:
        taken = _handlers.get(kind)
        if taken is not None and taken.run is not function:
            raise ValueError(f"The job kind {kind} is already registered.")
        _handlers[kind] = _Registered(function, permission, label or kind)
        return function

    return register


@contextmanager
def registered(kind: str, function: Handler, *, permission: str = "") -> Iterator[None]:
    """`function` as the handler of `kind` for the length of a test, the former one restored after it."""
    former = _handlers.pop(kind, None)
    _handlers[kind] = _Registered(function, permission, kind)
    try:
        yield
    finally:
        del _handlers[kind]
        if former is not None:
            _handlers[kind] = former


def label_of(kind: str) -> str:
    """English heading for jobs of `kind`, to be translated; the kind itself when nothing handles it any more."""
    return _handlers[kind].label if kind in _handlers else kind


# --- Asking for work ----------------------------------------------------------------------


def enqueue(kind: str, arguments: Mapping[str, Any], *, by: User | None, key: str, scope: str = "") -> Job:
    """The queued or running job with this kind and key; a new one when there is none.

    `arguments` are ids and plain values (they become JSON, so no personal data). `by` None
    means the system itself. `scope` is the path of the unit the work is about. A worker is
    woken after the commit; if that fails, the sweeper finds the job. KeyError: unknown kind.
    """
    if kind not in _handlers:
        raise KeyError(f"No handler is registered for the job kind {kind}.")
    live = _live(kind, key)
    if live is not None:
        return live
    try:
        with transaction.atomic():
            job = Job.objects.create(kind=kind, arguments=dict(arguments), key=key, unit_path=scope, requested_by=by)
    except IntegrityError:
        # Another process was faster: the constraint keeps its job the only one.
        live = _live(kind, key)
        if live is None:
            raise
        return live
    transaction.on_commit(lambda: wake(job.pk), robust=True)
    return job


def _live(kind: str, key: str) -> Job | None:
    return Job.objects.filter(kind=kind, key=key, state__in=LIVE).first()


def cancel(job: Job) -> bool:
    """Ends a queued or running job without result. False when it had already ended."""
    ended = Job.objects.filter(pk=job.pk, state__in=LIVE).update(
        state=Job.State.CANCELLED, lease_token="", lease_until=None, finished_at=Now()
    )
    return bool(ended)


def wake(job_id: int) -> bool:
    """Tells a worker that there is work. False when the broker did not take the message, which is only logged."""
    try:
        run_job.apply_async(args=(job_id,), retry=False, ignore_result=True)
    except (KombuError, OSError) as error:
        logger.warning("job %s: no worker woken, the sweeper will find it (%s)", job_id, type(error).__name__)
        return False
    return True


# --- Running ------------------------------------------------------------------------------


@dataclass
class JobRun:
    """One attempt at a job by one worker: the lease, the progress, the end."""

    job: Job
    token: str
    by: User | None
    is_finished: bool = False
    _heartbeat: _Heartbeat | None = field(default=None, repr=False)

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Shows how far the work is; `message` is an English text marked with gettext_noop.

        Raises LeaseLost as soon as the job is known to be somebody else's, so that a long
        calculation stops early.
        """
        self.job.done, self.job.total, self.job.message = done, total, message
        if self._heartbeat is None:
            _renew(self)
        else:
            self._heartbeat.report()

    def finish_in_transaction(self, result: Mapping[str, Any] | None = None) -> None:
        """Marks the job succeeded inside the caller's transaction, or fails that transaction with LeaseLost."""
        if not connection.in_atomic_block:
            raise TransactionManagementError("finish_in_transaction belongs inside transaction.atomic().")
        self._end(Job.State.SUCCEEDED, result=dict(result or {}), finished_at=Now())
        self.is_finished = True

    def _end(self, state: Job.State, **fields: Any) -> None:
        """Leaves the running state and gives the lease up. Raises LeaseLost when it is not ours."""
        changed = _held(self).update(
            state=state,
            lease_token="",
            lease_until=None,
            done=self.job.done,
            total=self.job.total,
            **{"message": self.job.message, **fields},
        )
        if not changed:
            raise LeaseLost(f"job {self.job.pk}")


class _Heartbeat(threading.Thread):
    """Renews the lease and writes the progress on a connection of its own, so a long transaction stays held."""

    def __init__(self, run: JobRun) -> None:
        super().__init__(name=f"job-{run.job.pk}-heartbeat", daemon=True)
        self._run = run
        self._has_news = threading.Event()
        self._stopped = threading.Event()
        self._is_lost = False

    def report(self) -> None:
        if self._is_lost:
            raise LeaseLost(f"job {self._run.job.pk}")
        self._has_news.set()

    def stop(self) -> None:
        self._stopped.set()
        self._has_news.set()
        self.join()

    def run(self) -> None:
        try:
            while not self._is_lost:
                self._has_news.wait(HEARTBEAT_SECONDS)
                if self._stopped.is_set():
                    return
                self._has_news.clear()
                self._beat()
                self._stopped.wait(PROGRESS_SECONDS)
        finally:
            connection.close()

    def _beat(self) -> None:
        try:
            _renew(self._run)
        except LeaseLost:
            self._is_lost = True
        except DatabaseError as error:
            # The next beat comes before the lease ends; the transaction that finishes the job decides.
            logger.warning("job %s: heartbeat not written (%s)", self._run.job.pk, type(error).__name__)
            connection.close()


def run(job_id: int) -> bool:
    """Takes the job and runs it to its end. False when it is not to be had: held, ended, or gone."""
    job_run = take(job_id)
    if job_run is None:
        return False
    # Inside somebody's transaction no other connection sees the row, so nothing can renew it from outside.
    if not connection.in_atomic_block:
        job_run._heartbeat = _Heartbeat(job_run)
        job_run._heartbeat.start()
    _running[job_run.token] = job_run
    try:
        with context.acting(request_id=f"job {job_id}"):
            _attempt(job_run)
    finally:
        del _running[job_run.token]
        if job_run._heartbeat is not None:
            job_run._heartbeat.stop()
    return True


@shared_task(name=RUN_TASK, acks_late=False, ignore_result=True)
def run_job(job_id: int) -> None:
    """What a broker message asks of a worker. Harmless to repeat."""
    run(job_id)


def take(job_id: int) -> JobRun | None:
    """The job with a lease of ours, if it was queued or its holder's lease has ended."""
    token = f"{secrets.token_hex(8)}@{socket.gethostname()[:12]}:{os.getpid()}"
    taken = (
        _takeable()
        .filter(pk=job_id, attempt__lt=MAX_ATTEMPTS)
        .update(
            state=Job.State.RUNNING,
            attempt=F("attempt") + 1,
            lease_token=token,
            lease_until=_in(LEASE),
            heartbeat_at=Now(),
        )
    )
    if not taken:
        return None
    job = Job.objects.select_related("requested_by").get(pk=job_id)
    return JobRun(job=job, token=token, by=job.requested_by)


_running: dict[str, JobRun] = {}
"""The attempts of this process, by token, so that they can be handed back when it has to stop."""


def hand_back_all() -> int:
    """Gives the running jobs of this process back to the queue, uncounted. Called when it stops before they end."""
    return sum(
        _held(job_run).update(state=Job.State.QUEUED, attempt=F("attempt") - 1, lease_token="", lease_until=None)
        for job_run in list(_running.values())
    )


def _attempt(job_run: JobRun) -> None:
    job = job_run.job
    try:
        registered_handler = _handlers[job.kind]
        _ask_rights_again(job_run, registered_handler.permission)
        result = registered_handler.run(job_run, **job.arguments)
        if not job_run.is_finished:
            with transaction.atomic():
                job_run.finish_in_transaction(result)
    except LeaseLost:
        logger.warning("job %s: lease lost, nothing written", job.pk)
    except (ValidationError, PermissionDenied) as error:
        _record_failure(job_run, _sentence(error), is_final=True)
    except Exception:  # the one place that records that a job failed
        logger.exception("job %s (%s): attempt %s failed", job.pk, job.kind, job.attempt)
        _record_failure(
            job_run,
            gettext_noop("An unexpected error stopped this work. It is recorded under the number of the job."),
            is_final=job.attempt >= MAX_ATTEMPTS,
        )


def _ask_rights_again(job_run: JobRun, permission: str) -> None:
    user = job_run.by
    if user is None:
        return
    if not user.is_active:
        raise PermissionDenied(gettext_noop("The account that asked for this work has been disabled."))
    if permission and not user.has_perm(permission):
        raise PermissionDenied(gettext_noop("The account that asked for this work no longer has the right to it."))


def _sentence(error: ValidationError | PermissionDenied) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error) or gettext_noop("The account that asked for this work no longer has the right to it.")


def _record_failure(job_run: JobRun, message: str, *, is_final: bool) -> None:
    fields: dict[str, Any] = {"message": message[:300]}
    if is_final:
        fields["finished_at"] = Now()
    try:
        job_run._end(Job.State.FAILED if is_final else Job.State.QUEUED, **fields)
    except LeaseLost:
        logger.warning("job %s: failed after its lease was lost", job_run.job.pk)
    except DatabaseError:
        # With the database gone nothing can be recorded: the lease ends by itself and the sweeper tries again.
        logger.exception("job %s: failure not recorded", job_run.job.pk)


# --- Sweeping -----------------------------------------------------------------------------


def fail_exhausted() -> int:
    """Ends the jobs whose last allowed attempt was cut off: the worker was killed each time."""
    return (
        _takeable()
        .filter(attempt__gte=MAX_ATTEMPTS)
        .update(
            state=Job.State.FAILED,
            lease_token="",
            lease_until=None,
            finished_at=Now(),
            message=gettext_noop("This work was cut off three times. Ask the system administrator."),
        )
    )


def sweep(run_here: Callable[[int], object]) -> int:
    """Finds the jobs that nobody holds and wakes a worker for each, the oldest first.

    `run_here` gets the job instead when the broker takes no message, or when the workers
    have let it wait for longer than PATIENCE. Returns how many jobs were waiting. Called by
    the ticker every 30 s.
    """
    fail_exhausted()
    waiting = list(
        _takeable()
        .filter(attempt__lt=MAX_ATTEMPTS)
        .annotate(
            is_overdue=Q(created_at__lt=_in(-PATIENCE)) & (Q(lease_until=None) | Q(lease_until__lt=_in(-PATIENCE)))
        )
        .order_by("pk")
        .values_list("pk", "is_overdue")
    )
    has_broker = True
    for job_id, is_overdue in waiting:
        has_broker = has_broker and wake(job_id)
        if is_overdue or not has_broker:
            run_here(job_id)
    return len(waiting)


# --- The lease ----------------------------------------------------------------------------


def _in(duration: timedelta) -> Combinable:
    """A moment from now by the clock of the database, the one clock that all workers share."""
    return ExpressionWrapper(Now() + Value(duration), output_field=DateTimeField())


def _takeable() -> QuerySet[Job]:
    return Job.objects.filter(Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, lease_until__lt=Now()))


def _held(job_run: JobRun) -> QuerySet[Job]:
    """The row of the job, as long as the lease is this run's."""
    return Job.objects.filter(pk=job_run.job.pk, state=Job.State.RUNNING, lease_token=job_run.token)


def _renew(job_run: JobRun) -> None:
    renewed = _held(job_run).update(
        lease_until=_in(LEASE),
        heartbeat_at=Now(),
        done=job_run.job.done,
        total=job_run.job.total,
        message=job_run.job.message,
    )
    if not renewed:
        raise LeaseLost(f"job {job_run.job.pk}")
