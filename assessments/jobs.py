"""Work of the month that runs outside a request."""

from __future__ import annotations

from django.utils import timezone

from accounts.jobs import JobRun, handler
from assessments.models import Period
from assessments.services.closing import close_periods

CLOSE = "assessments.close_periods"


@handler(CLOSE, permission="assessments.close_period")
def run_close_periods(job_run: JobRun, *, period_ids: list[int]) -> None:
    """Compute the months the requester may still close; the system itself may close all."""
    allowed = Period.objects.filter(pk__in=period_ids)
    if job_run.by is not None:
        allowed = Period.objects.for_user(job_run.by, "close").filter(pk__in=period_ids)
    close_periods(list(allowed.values_list("pk", flat=True)), by=job_run.by, now=timezone.now(), job_run=job_run)
