"""Where Celery looks for tasks. There is one: a message wakes a worker for a job."""

from accounts.jobs import run_job

__all__ = ["run_job"]
