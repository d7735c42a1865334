"""The page of a job: how far it is, how it ended. It can be left; the work goes on."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, jobs
from accounts.models import Job, User

TONES = {"queued": "", "running": "info", "succeeded": "ok", "failed": "bad", "cancelled": "warn"}


@require_safe
def job_detail(request: HttpRequest, job_id: int) -> HttpResponse:
    """The page, its status piece for htmx, or JSON for who accepts it. 404 for who may not see the job."""
    job = _job_for(request, job_id)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(as_json(job))
    title = gettext(jobs.label_of(job.kind))
    context = {"title": title, "job": job, "is_live": job.state in jobs.LIVE, "tone": TONES[job.state]}
    template = "accounts/_job_status.html" if request.headers.get("HX-Request") else "accounts/job_detail.html"
    return render(request, template, context)


@require_POST
def job_cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """Ends a job that still lives, without result, and leaves an event."""
    job = _job_for(request, job_id)
    with transaction.atomic():
        if jobs.cancel(job):
            audit.record("job.cancelled", actor=_user(request), target=job, unit=job.unit_path or None)
    return redirect("accounts:job", job_id)


def as_json(job: Job) -> dict[str, Any]:
    """What a script may know of a job: no arguments, no result beyond its numbers."""
    return {
        "id": job.pk,
        "kind": job.kind,
        "state": job.state,
        "attempt": job.attempt,
        "done": job.done,
        "total": job.total,
        "message": gettext(job.message) if job.message else "",
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def _job_for(request: HttpRequest, job_id: int) -> Job:
    """The job, if the user asked for it or holds the right to see the jobs of its place."""
    user = _user(request)
    job = Job.objects.select_related("requested_by").filter(pk=job_id).first()
    if job is None or not (job.requested_by_id == user.pk or user.has_perm("accounts.view_job", job)):
        raise Http404
    return job


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # admin_view let nobody else in
    return request.user
