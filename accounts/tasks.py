"""What a broker message can ask of a worker: to look at one job."""

from celery import shared_task

from accounts import jobs


@shared_task(name=jobs.RUN_TASK, acks_late=False, ignore_result=True)
def run_job(job_id: int) -> None:
    """Runs the job unless somebody else has it. Harmless to repeat."""
    jobs.run(job_id)
